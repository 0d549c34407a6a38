#!/usr/bin/env bash
# Makes the committed seeds anew: of what is in fuzz/corpus and fuzz/seeds, inputs that together
# reach the same branches, the small ones first.
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
  # What takes the fuzzer long is no seed.
  find "seeds/$target" -type f -size -1000c -exec cp -n {} "corpus/$target/" \;
  find "corpus/$target" -type f -size +999c -delete
  cargo +nightly fuzz cmin "${options[@]}" "$target" "corpus/$target" >/dev/null 2>&1
  # How often a branch is taken matters for fuzzing; here once is enough.
  rm -rf "seeds/$target"
  mkdir "seeds/$target"
  cargo +nightly fuzz run "${options[@]}" "$target" "seeds/$target" "corpus/$target" -- \
    -merge=1 -use_counters=0 >/dev/null 2>&1
  printf '%-18s %5d seeds %7d bytes\n' "$target" "$(find "seeds/$target" -type f | wc -l)" \
    "$(find "seeds/$target" -type f -exec cat {} + | wc -c)"
done
