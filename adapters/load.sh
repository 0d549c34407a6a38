#!/usr/bin/env bash
# Load and faults on loopback: CPU time, latency and memory of the same echo through each adapter, its
# floor and other implementations; and bounds that are checked. Takes 20 minutes of an idle machine, and
# writes adapters/RESULTS.md. With --quick: the same in three minutes, once and with fewer connections; it
# prints everything and writes nothing. With --chart it only draws the chart of adapters/RESULTS.md.
set -euo pipefail
cd "$(dirname "$0")/.."

# 10,000 connections need as many file descriptors on both sides.
ulimit -n "$(ulimit -Hn)"

target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
cargo build -q --release --manifest-path adapters/load/Cargo.toml --target-dir "$target/load"
chart() { "$target/load/release/ws-proto-load" --chart adapters/RESULTS.md docs/src/images/comparison.svg; }
if [ "${1:-}" = --chart ]; then
  chart
  exit
fi
cargo build -q --release -p ws-proto-mio --example echo_mio
load=("$target/load/release/ws-proto-load" --mio "$target/release/examples/echo_mio")
if [ "${1:-}" = --quick ]; then
  exec "${load[@]}" --quick
fi
status=0
for part in measures bounds; do
  "${load[@]}" --only $part --report "$target/load/$part.md" || status=$?
done
# The instructions say where the CPU time goes that is not the kernel's.
benches/shells/run.sh | tee "$target/load/shells.txt" || status=$?
{
  printf '# Load and faults\n\nWritten by `adapters/load.sh`.\n\n'
  cat "$target"/load/{measures,bounds}.md
  printf '\n## Instructions\n\nBy `benches/shells/run.sh`, which `benches/README.md` describes.\n\n'
  grep -E '^\||^$' "$target/load/shells.txt" | cat -s
  printf '\n'
  cat benches/shells/PROFILE.md
} >adapters/RESULTS.md
chart
exit $status
