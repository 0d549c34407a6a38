#!/usr/bin/env bash
# The feature `simd`: its module against its safe twin, and what masks or reads text with it switched on;
# then another processor, for warnings.
#
# usage: checks/simd.sh [--miri]
#
# With --miri only this: the module in Miri, which looks for undefined behaviour. What cannot be
# installed is skipped, by name.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" = --miri ]; then
  cargo +nightly --version >/dev/null 2>&1 || rustup toolchain install nightly --profile minimal >/dev/null 2>&1 || true
  log=$(mktemp)
  if rustup component add miri rust-src --toolchain nightly >"$log" 2>&1; then
    RUSTFLAGS="-C target-feature=+avx2" cargo +nightly miri test -p ws-proto --features simd --lib \
      --target-dir target/miri
  else
    echo "skipped: Miri: rustup cannot install it ($(tail -n 1 "$log"))"
    echo "0 passed, 0 failed, 1 skipped"
  fi
  exit
fi

cargo test -p ws-proto --features simd --lib --test engine --test frame --test socket --test handshake --test enumerate

if rustup target add aarch64-unknown-linux-gnu >/dev/null 2>&1; then
  RUSTFLAGS="-D warnings" cargo check -q -p ws-proto --lib --features simd --target aarch64-unknown-linux-gnu
else
  echo "skipped: aarch64: rustup cannot install its standard library"
  echo "0 passed, 0 failed, 1 skipped"
fi
