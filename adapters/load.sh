#!/usr/bin/env bash
# Load and faults on loopback: the same echo on other implementations, and bounds that are checked.
# Writes adapters/RESULTS.md. With --quick: the bounds only, with 1,000 connections; writes nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

# 10,000 connections need as many file descriptors on both sides.
ulimit -n "$(ulimit -Hn)"

target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
cargo build -q --release -p ws-proto-mio --example echo_mio
cargo build -q --release --manifest-path adapters/load/Cargo.toml --target-dir "$target/load"
load=("$target/load/release/ws-proto-load" --mio "$target/release/examples/echo_mio")
if [ "${1:-}" = --quick ]; then
  exec "${load[@]}" --quick
fi
status=0
for part in echoes memory bounds; do
  "${load[@]}" --only $part --report "$target/load/$part.md" || status=$?
done
{
  printf '# Load and faults\n\nWritten by `adapters/load.sh`.\n\n'
  cat "$target"/load/{echoes,memory,bounds}.md
} >adapters/RESULTS.md
exit $status
