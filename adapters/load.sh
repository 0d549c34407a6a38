#!/usr/bin/env bash
# Load and faults on loopback: CPU time, latency and memory of the same echo through each adapter, its
# floor and other implementations; bounds that are checked; CPU time of one message to many. Takes 25 minutes of an
# idle machine, and writes adapters/RESULTS.md.
#
# usage: adapters/load.sh [--broadcast] [--quick]
#        adapters/load.sh --memory
#        adapters/load.sh --chart
#
#   --broadcast   only the part about broadcast, in five minutes; the rest of adapters/RESULTS.md stays
#   --quick       the same in three minutes, or some seconds, once and with fewer connections; it prints everything and
#                 writes nothing
#   --memory      only prints the memory of an idle connection, which a busy machine does not change
#   --chart       only draws the chart of adapters/RESULTS.md
set -euo pipefail
cd "$(dirname "$0")/.."

quick=() parts=(measures bounds broadcast shells) only_chart=
for word in "$@"; do
  case $word in
    --quick) quick=(--quick) ;;
    --broadcast) parts=(broadcast) ;;
    --memory) parts=(memory) ;;
    --chart) only_chart=yes ;;
    *) sed -n 's/^# usage: /usage: /p; s/^# \( *adapters\/load.sh\)/\1/p' "$0" >&2; exit 2 ;;
  esac
done

# 10,000 connections need as many file descriptors on both sides.
ulimit -n "$(ulimit -Hn)"

target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
mkdir -p "$target/load"
chart() {
  cargo build -q --release --manifest-path adapters/load/Cargo.toml --target-dir "$target/load"
  "$target/load/release/ws-proto-load" --chart adapters/RESULTS.md docs/src/images/comparison.svg
}
[ -z "$only_chart" ] || { chart; exit; }
status=0
for part in "${parts[@]}"; do
  options=(--only "$part" "${quick[@]}")
  [ ${#quick[@]} -gt 0 ] || options+=(--report "$target/load/$part.md")
  case $part in
    measures | memory | bounds)
      cargo build -q --release -p ws-proto-mio --example echo_mio
      cargo build -q --release --manifest-path adapters/load/Cargo.toml --target-dir "$target/load"
      "$target/load/release/ws-proto-load" --mio "$target/release/examples/echo_mio" "${options[@]}" || status=$?
      ;;
    broadcast)
      cargo build -q --release -p ws-proto --example epoll
      cargo build -q --release --manifest-path adapters/load/Cargo.toml --target-dir "$target/load/broadcast" \
        --features broadcast --bin ws-proto-load --bin broadcast-server
      "$target/load/broadcast/release/ws-proto-load" --epoll "$target/release/examples/epoll" "${options[@]}" || status=$?
      ;;
    shells)
      # The instructions say where the CPU time goes that is not the kernel's.
      [ ${#quick[@]} -gt 0 ] || benches/shells/run.sh | tee "$target/load/shells.txt" || status=$?
      ;;
  esac
done
[ ${#quick[@]} -eq 0 ] && [ "${parts[0]}" != memory ] || exit $status

if [ ${#parts[@]} -eq 1 ]; then
  # In the place of what was there, or before the instructions.
  awk -v part="$target/load/broadcast.md" '
    /^## / { skipped = $0 == "## Broadcast" }
    /^## Instructions$/ { while ((getline line <part) > 0) print line; print "" }
    !skipped' adapters/RESULTS.md >"$target/load/results.md"
  cp "$target/load/results.md" adapters/RESULTS.md
  exit $status
fi
{
  printf '# Load and faults\n\nWritten by `adapters/load.sh`.\n\n'
  cat "$target"/load/{measures,bounds}.md
  printf '\n'
  cat "$target/load/broadcast.md"
  printf '\n## Instructions\n\nBy `benches/shells/run.sh`, which `benches/README.md` describes.\n\n'
  grep -E '^\||^$' "$target/load/shells.txt" | cat -s
  printf '\n'
  cat benches/shells/PROFILE.md
} >adapters/RESULTS.md
chart
exit $status
