#!/usr/bin/env bash
# Which lines of the files that a target is responsible for its seeds reach: at least 99 percent.
#
#   fuzz/coverage.sh [TARGET...]
#
# Replays the seeds as tests, instrumented, with the stable toolchain. Reads the counts with the
# llvm-cov of LLVM_COV and LLVM_PROFDATA if they are set, of the toolchain if it has one, else of
# Debian's llvm-22, which is unpacked into fuzz/target. Prints the lines that are not reached.
set -euo pipefail
cd "$(dirname "$0")"
least=99

# What each target has to reach, in ../src.
files() {
  case $1 in
    header) echo frame/header.rs frame/mask.rs frame/opcode.rs ;;
    frames_server | frames_client) echo connection/recv.rs ;;
    handshake_server) echo handshake/{accept,check,head,headers,parse,plain,response,server,syntax,target,timer,upgrade}.rs ;;
    handshake_client) echo handshake/{body,client,established,head,parse,request,response,write}.rs ;;
    extensions) echo handshake/{extensions,offer}.rs ;;
    uri) echo uri.rs ;;
    utf8) echo utf8.rs ;;
    roundtrip) echo frame/mask.rs message/assembler.rs ;;
    session) echo connection/{mod,recv,send,timer}.rs socket/{mod,read_buffer,reply}.rs ;;
  esac
}

# The test that replays the seeds of a target.
filter() {
  case $1 in
    frames_server) echo frames::tests::seeds_server ;;
    frames_client) echo frames::tests::seeds_client ;;
    *) echo "$1::tests::seeds" ;;
  esac
}

tools() {
  if [ -n "${LLVM_COV:-}" ] && [ -n "${LLVM_PROFDATA:-}" ]; then
    return
  fi
  local bin
  bin=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
  if [ ! -x "$bin/llvm-cov" ]; then
    local home=$PWD/target/llvm
    bin=$home/usr/lib/llvm-22/bin
    export LD_LIBRARY_PATH=$home/usr/lib/x86_64-linux-gnu
    if [ ! -x "$bin/llvm-cov" ]; then
      if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
        echo "skipped: no llvm-cov, and no Debian to take one from; set LLVM_COV and LLVM_PROFDATA"
        exit 0
      fi
      mkdir -p "$home"
      (
        cd "$home"
        packages=(llvm-22 llvm-22-linker-tools libllvm22)
        apt-get download "${packages[@]}" || { apt-get update && apt-get download "${packages[@]}"; }
        for package in *.deb; do dpkg -x "$package" .; done
        rm ./*.deb
      ) >"$home/log" 2>&1 || {
        echo "skipped: cannot get Debian's llvm-22, see $home/log"
        exit 0
      }
    fi
  fi
  LLVM_COV=$bin/llvm-cov
  LLVM_PROFDATA=$bin/llvm-profdata
}

tools
target=${CARGO_TARGET_DIR:-$PWD/target}/coverage
export RUSTFLAGS="-C instrument-coverage"
build=(cargo test --lib --target-dir "$target")
"${build[@]}" --no-run --quiet
binary=$("${build[@]}" --no-run 2>&1 | sed -n 's/.*(\(.*\))$/\1/p' | tail -1)

status=0
printf '%-18s %-34s %7s %7s %8s\n' target file lines missed percent
for name in ${*:-extensions frames_client frames_server handshake_client handshake_server header roundtrip session uri utf8}; do
  rm -f "$target"/*.profraw
  LLVM_PROFILE_FILE="$target/%p.profraw" "$binary" --quiet --exact "$(filter "$name")" >/dev/null
  "$LLVM_PROFDATA" merge -o "$target/$name.profdata" "$target"/*.profraw
  read -ra paths <<<"$(files "$name")"
  sources=("${paths[@]/#/../src/}")
  # Counts by line over all instances of generic functions.
  "$LLVM_COV" export --format=lcov --instr-profile="$target/$name.profdata" "$binary" \
    --sources "${sources[@]}" >"$target/$name.lcov"
  awk -v target="$name" -v least=$least '
    /^SF:/ { file = $0; sub(/.*\/src\//, "", file) }
    /^DA:/ { split(substr($0, 4), at, ","); lines++; all++; if (at[2] == 0) { missed = missed " " at[1]; misses++; none++ } }
    /^end_of_record/ {
      printf "%-18s %-34s %7d %7d %7.1f%%\n", target, file, lines, misses, 100 * (lines - misses) / lines
      if (misses) print "    not reached:" missed
      lines = misses = 0; missed = ""
    }
    END {
      share = 100 * (all - none) / all
      printf "%-18s %-34s %7d %7d %7.1f%%\n", target, "all", all, none, share
      exit share < least
    }' "$target/$name.lcov" || status=1
done
exit $status
