#!/usr/bin/env bash
# The feature `simd`: its module against its safe twin, and what masks or reads text with it switched on.
# Then the module once more in Miri, which looks for undefined behaviour; it is installed where it is
# missing, and skipped where that cannot be.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo test --features simd --lib \
  --test enumerate --test utf8 --test frame --test buffers --test big_frames --test past_text \
  --test vectors --test cuts --test round_trip --test assembler --test contracts

if rustup component add miri rust-src --toolchain nightly >/dev/null 2>&1; then
  RUSTFLAGS="-C target-feature=+avx2,+avx512f" cargo +nightly miri test --features simd --lib \
    --target-dir target/miri
else
  echo "Miri is not to be had: skipped"
fi
