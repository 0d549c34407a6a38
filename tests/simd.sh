#!/usr/bin/env bash
# The feature `simd`: its module against its safe twin, and what masks or reads text with it switched on.
# Then another architecture, for warnings, and the module once more in Miri, which looks for undefined
# behaviour: both are installed where they are missing, and skipped where that cannot be.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo test -p ws-proto --features simd --lib --test engine --test frame --test socket --test handshake --test enumerate

if rustup target add aarch64-unknown-linux-gnu >/dev/null 2>&1; then
  RUSTFLAGS="-D warnings" cargo check -q -p ws-proto --lib --features simd --target aarch64-unknown-linux-gnu
else
  echo "no other architecture is to be had: skipped"
fi

cargo +nightly --version >/dev/null 2>&1 || rustup toolchain install nightly --profile minimal >/dev/null 2>&1 || true
if rustup component add miri rust-src --toolchain nightly >/dev/null 2>&1; then
  RUSTFLAGS="-C target-feature=+avx2" cargo +nightly miri test -p ws-proto --features simd --lib \
    --target-dir target/miri
else
  echo "Miri is not to be had: skipped"
fi
