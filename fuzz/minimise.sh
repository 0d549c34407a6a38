#!/usr/bin/env bash
# Makes the committed seeds anew: of what is in fuzz/corpus and fuzz/seeds, the fewest inputs that
# reach the same code, the small ones first.
#
#   fuzz/minimise.sh [TARGET...]
#
# A corpus to start from comes from the byte vectors of the tests:
#
#   cargo test --manifest-path fuzz/Cargo.toml --test seeds -- --ignored
set -euo pipefail
cd "$(dirname "$0")"
options=(-O -s none)
for target in ${*:-$(cargo +nightly fuzz list)}; do
  mkdir -p "corpus/$target" "seeds/$target"
  # What the fuzzer kept is big: inputs over 600 bytes are no seeds.
  find "seeds/$target" -type f -size -600c -exec cp -n {} "corpus/$target/" \;
  find "corpus/$target" -type f -size +599c -delete
  cargo +nightly fuzz cmin "${options[@]}" "$target" "corpus/$target" >/dev/null 2>&1
  rm -rf "seeds/$target"
  mkdir "seeds/$target"
  for input in "corpus/$target"/*; do
    cp "$input" "seeds/$target/$(sha1sum "$input" | cut -c1-12)"
  done
  printf '%-18s %5d seeds %7d bytes\n' "$target" "$(find "seeds/$target" -type f | wc -l)" \
    "$(cat "seeds/$target"/* | wc -c)"
done
