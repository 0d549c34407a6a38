#!/usr/bin/env bash
# Runs the engine's tests on other processors and in Miri, and builds the crates for targets that have no
# operating system. Installs what it needs: targets by rustup, linkers and emulators of Debian.
#
# usage: checks/processors.sh [PROCESSOR...]
#
#   i686         32-bit, natively
#   aarch64      64-bit, in qemu
#   s390x        64-bit, big-endian, in qemu
#   powerpc      32-bit, big-endian, in qemu
#   wasm         32-bit: wasm32-wasip1, in Node
#   builds       without an operating system: thumbv6m, thumbv7em, wasm32; the adapters for wasm32; the feature simd on ARM
#   miri         the interpreter that finds undefined behaviour
#   miri-s390x   the same with the memory of a big-endian processor
#
# All of them unless some are named. The file processors.skips says which tests one of them cannot run, and why.
source "$(dirname "${BASH_SOURCE[0]}")/../interop/lib.sh"

# What is built for tests takes no more room than it has to, and nothing is built twice.
export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=line-tables-only CARGO_TERM_COLOR=never

# The programs that say what the engine does. The others try whole spaces of inputs, or look at the sources.
behaviour=(engine frame handshake deflate socket values memory)

target() { # TRIPLE [TOOLCHAIN]
  local log=$work/rustup-$1.log
  rustup target add "$1" >"$log" 2>&1 || { skip "$1" "rustup cannot install it ($(reason "$log"))"; return 1; }
}

# Runs the command with the skips of a processor for one of its programs, and adds its counts.
tests() { # PROCESSOR PROGRAM SECONDS COMMAND...
  local processor=$1 program=$2 seconds=$3 status=0 output=$scratch/tests counts
  local name="$processor: $program" skips=() before=$SECONDS
  shift 3
  local for_processor for_program filter why
  while IFS=$'\t' read -r for_processor for_program filter why; do
    [[ $processor == $for_processor && $program == $for_program ]] || continue
    if [ "$filter" = '*' ]; then
      skip "$name" "$why"
      return
    fi
    skip "$name: $filter" "$why"
    skips+=(--skip "$filter")
  done < <(grep -v '^#' checks/processors.skips)
  run "$seconds" "$@" -- ${skips[@]+"${skips[@]}"} >"$output" 2>&1 || status=$?
  counts=$(awk '/^test result:/ { p += $4; f += $6; s += $8; n++ } END { if (n) print p, f, s }' "$output")
  if [ $status != 0 ] || [ -z "$counts" ]; then
    sed 's/^/  /' "$output"
  fi
  set -- $counts
  echo "$name: ${1:-0} passed, ${2:-0} failed, ${3:-0} ignored, $((SECONDS - before)) s"
  passed=$((passed + ${1:-0})) failed=$((failed + ${2:-0})) skipped=$((skipped + ${3:-0}))
  if [ $status = 124 ] || [ $status = 137 ]; then
    fail "$name" "takes more than $seconds s"
  elif [ -z "$counts" ] || { [ $status != 0 ] && [ "${2:-0}" = 0 ]; }; then
    fail "$name" "ends with status $status"
  elif [ "${1:-0}" = 0 ]; then
    fail "$name" "has tested nothing"
  fi
}

# The tests of the engine for a target: the units, and each of the programs.
engine_tests() { # PROCESSOR TRIPLE FEATURES PROGRAM...
  local processor=$1 triple=$2 features=$3 program programs=(--lib)
  shift 3
  local cargo=(cargo test -q -p ws-proto --target "$triple" --features "$features")
  for program in "$@"; do programs+=(--test "$program"); done
  # On all processors at once; what does not build is counted below.
  run 1800 "${cargo[@]}" --no-run "${programs[@]}" >/dev/null 2>&1 || true
  tests "$processor" lib 1800 "${cargo[@]}" --lib
  for program in "$@"; do
    tests "$processor" "$program" 1800 "${cargo[@]}" --test "$program"
  done
}

# Linux on another processor: the tests, linked by Debian's compiler for it and run in qemu.
linux() { # PROCESSOR TRIPLE GNU DEBIAN QEMU
  local variable=CARGO_TARGET_${2^^}
  variable=${variable//-/_}
  target "$2" || return 0
  type -P "$3-gcc" >/dev/null && [ -e "/usr/$3/lib/libc.so.6" ] ||
    packages "$1" "there is no compiler for it" "gcc-$3" "libc6-dev-$4-cross" || return 0
  program "qemu-$5-static" qemu-user-static || return 0
  export "${variable}_LINKER=$3-gcc" "${variable}_RUNNER=$found -L /usr/$3"
  engine_tests "$1" "$2" simd "${behaviour[@]}"
}

i686() {
  target i686-unknown-linux-gnu || return 0
  local gcc
  gcc=$(gcc -dumpversion) || gcc=
  [ -e /usr/lib32/libc.so ] && [ -e "/usr/lib/gcc/x86_64-linux-gnu/${gcc%%.*}/32/libgcc.a" ] ||
    packages i686 "there is no C library for it" libc6-dev-i386 "lib32gcc-${gcc%%.*}-dev" || return 0
  engine_tests i686 i686-unknown-linux-gnu simd "${behaviour[@]}" enumerate
}
aarch64() { linux aarch64 aarch64-unknown-linux-gnu aarch64-linux-gnu arm64 aarch64; }
s390x() { linux s390x s390x-unknown-linux-gnu s390x-linux-gnu s390x s390x; }
powerpc() { linux powerpc powerpc-unknown-linux-gnu powerpc-linux-gnu powerpc ppc; }

wasm() {
  target wasm32-wasip1 || return 0
  program node nodejs || return 0
  export CARGO_TARGET_WASM32_WASIP1_RUNNER="$found --no-warnings $PWD/checks/wasi.mjs"
  engine_tests wasm wasm32-wasip1 simd "${behaviour[@]}" enumerate
}

# Builds a library, and counts that.
builds_for() { # TRIPLE PACKAGE FEATURES [RUSTFLAGS]
  local name="$1: $2${3:+, $3}" output=$scratch/build status=0
  run 600 env "RUSTFLAGS=-D warnings ${4:-}" cargo build -q --lib -p "$2" --no-default-features --features "$3" \
    --target "$1" >"$output" 2>&1 || status=$?
  if [ $status = 0 ]; then
    passed=$((passed + 1))
    echo "$name: built"
  else
    sed 's/^/  /' "$output"
    fail "$name" "it does not build"
  fi
}
builds() {
  local triple features sets
  # What a program without an operating system brings along: it draws random bytes itself.
  local random='--cfg getrandom_backend="custom"'
  # The feature sets without std; those that say how random bytes are drawn have to be told.
  mapfile -t sets < <(grep -v -E 'std|deflate|http|simd|arbitrary' checks/feature-sets) # the first is empty
  for triple in thumbv6m-none-eabi thumbv7em-none-eabi thumbv7em-none-eabihf; do
    target "$triple" || continue
    for features in "${sets[@]}"; do
      builds_for "$triple" ws-proto "$features" "$random"
    done
  done
  mapfile -t sets <checks/feature-sets
  if target wasm32-unknown-unknown; then
    for features in "${sets[@]}"; do
      if [[ $features == *getrandom* ]]; then
        builds_for wasm32-unknown-unknown ws-proto "$features" "$random"
      else
        builds_for wasm32-unknown-unknown ws-proto "$features"
      fi
    done
    adapters_for wasm32-unknown-unknown "$random"
  fi
  # What simd leaves to others there.
  if target aarch64-unknown-linux-gnu; then
    builds_for aarch64-unknown-linux-gnu ws-proto simd
  fi
  if target wasm32-wasip1; then
    for features in "${sets[@]}"; do
      builds_for wasm32-wasip1 ws-proto "$features"
    done
    adapters_for wasm32-wasip1
  fi
}
# Those without the sockets of an operating system. ws-proto-smol is not for WebAssembly, because async-io is not, and
# mio is for wasm32-wasip1 only.
adapters_for() { # TRIPLE [RUSTFLAGS]
  builds_for "$1" ws-proto-async deflate,http,futures-io,tokio "${2:-}"
  builds_for "$1" ws-proto-tokio deflate,http "${2:-}"
  [ "$1" != wasm32-wasip1 ] || builds_for "$1" ws-proto-mio deflate,http
  builds_for "$1" ws-proto-test conformance,futures,record,tokio "${2:-}"
}

miri_is_there() {
  local log=$work/rustup-miri.log
  cargo +nightly --version >/dev/null 2>&1 || rustup toolchain install nightly --profile minimal >"$log" 2>&1 || true
  rustup component add miri rust-src --toolchain nightly >"$log" 2>&1 ||
    { skip Miri "rustup cannot install it ($(reason "$log"))"; return 1; }
}
# Those with all that is done to bytes. Some of them look at the clock.
in_miri=(lib frame engine)
miri_tests() { # PROCESSOR RUSTFLAGS CARGO-ARGUMENT...
  local processor=$1 flags=$2 program
  shift 2
  miri_is_there || return 0
  for program in "${in_miri[@]}"; do
    local selection=(--test "$program")
    [ "$program" != lib ] || selection=(--lib)
    tests "$processor" "$program" 1800 env "RUSTFLAGS=$flags" MIRIFLAGS=-Zmiri-disable-isolation \
      cargo +nightly miri test -q -p ws-proto --features simd --target-dir target/miri "${selection[@]}" "$@"
  done
}
# With AVX2, so that what the feature simd does with it is looked at.
miri() { miri_tests miri "-C target-feature=+avx2"; }
miri-s390x() { miri_tests miri-s390x "" --target s390x-unknown-linux-gnu; }

all=(i686 aarch64 s390x powerpc wasm builds miri miri-s390x)
for word in "$@"; do
  case $word in
    -h | --help) help ;;
    *) [[ " ${all[*]} " == *" $word "* ]] || usage ;;
  esac
done
[ $# -gt 0 ] || set -- "${all[@]}"
for processor in "$@"; do
  echo "$processor:"
  $processor
done
