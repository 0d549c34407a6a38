#!/usr/bin/env bash
# Plants faults, one at a time, and runs the tests: a fault that all tests let live is printed. Takes a
# share of all faults in the code that decides what is legal. Works on a copy. Installs cargo-mutants.
#
# usage: checks/mutants.sh [SHARD]
#
#   SHARD   such as 3/20: every 20th fault, beginning with the fourth; MUTANTS_SHARD, or one that
#           changes every day, unless given
set -euo pipefail
cd "$(dirname "$0")/.."
shard=${1:-${MUTANTS_SHARD:-$((10#$(date +%j) % 20))/20}}
version=26.0.0
export PATH=$PWD/target/tools/bin:$PATH
[ "$(cargo mutants --version 2>/dev/null)" = "cargo-mutants $version" ] ||
  cargo install -q cargo-mutants --version $version --locked --force --root target/tools

files=()
for file in src/frame/*.rs src/utf8.rs src/close.rs src/connection/receive/*.rs src/handshake/*check*.rs; do
  [ -f "$file" ] || { echo "failed: mutants: there is no $file"; echo "0 passed, 1 failed, 0 skipped"; exit 1; }
  files+=(-f "$file")
done
out=target/mutants
rm -rf "$out"
mkdir -p "$out"
status=0
cargo mutants --no-shuffle --colors never --sharding round-robin --shard "$shard" -o "$out" -p ws-proto \
  --timeout 120 "${files[@]}" -- --test engine --test frame --test handshake --test values || status=$?
lines() { if [ -f "$out/mutants.out/$1" ]; then wc -l <"$out/mutants.out/$1"; else echo 0; fi; }
caught=$(($(lines caught.txt) + $(lines timeout.txt)))
missed=$(lines missed.txt)
echo "shard $shard; not built: $(lines unviable.txt)"
cat "$out/mutants.out/missed.txt" 2>/dev/null || true
# 2: some live, which is counted here; 3: some ran out of time. Anything else is a fault of the run.
case $status in
  0 | 2 | 3) [ $caught != 0 ] || { echo "failed: mutants: nothing was tested"; missed=$((missed + 1)); } ;;
  *) missed=$((missed + 1)) ;;
esac
echo "$caught passed, $missed failed, 0 skipped"
[ $missed = 0 ]
