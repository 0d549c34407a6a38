#!/usr/bin/env bash
# Plants faults, one at a time, and runs the tests: a fault that all tests let live is printed. Takes a
# share of all faults in the code that decides what is legal. Installs cargo-mutants.
#
# usage: checks/mutants.sh [SHARD]
#
#   SHARD   such as 3/20: the fourth of 20 parts; MUTANTS_SHARD or 0/20 unless given
set -euo pipefail
cd "$(dirname "$0")/.."
shard=${1:-${MUTANTS_SHARD:-0/20}}
export PATH=$PWD/target/tools/bin:$PATH
cargo mutants --version >/dev/null 2>&1 ||
  cargo install -q cargo-mutants --version 26.0.0 --locked --root target/tools
out=target/mutants
rm -rf "$out"
mkdir -p "$out"
status=0
cargo mutants --no-shuffle --colors never --in-place --shard "$shard" -o "$out" -p ws-proto --timeout 120 \
  -f 'src/frame/*.rs' -f src/utf8.rs -f src/close.rs -f 'src/connection/receive/*.rs' -f 'src/handshake/*check*.rs' \
  -- --test engine --test frame --test handshake --test values || status=$?
lines() { if [ -f "$out/mutants.out/$1" ]; then wc -l <"$out/mutants.out/$1"; else echo 0; fi; }
caught=$(($(lines caught.txt) + $(lines timeout.txt)))
missed=$(lines missed.txt)
echo "not built: $(lines unviable.txt) of shard $shard"
cat "$out/mutants.out/missed.txt" 2>/dev/null || true
# 2: some live, which is counted here. Anything else is a fault of the run.
case $status in 0 | 2 | 3) ;; *) missed=$((missed + 1)) ;; esac
echo "$caught passed, ${missed:-0} failed, 0 skipped"
[ "${missed:-0}" = 0 ]
