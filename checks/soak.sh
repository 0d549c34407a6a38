#!/usr/bin/env bash
# A load that lasts: servers and clients of every shell (blocking, mio, tokio, smol) and wsp talk to each other, while
# peers misbehave. Memory and file descriptors of each process must stay flat, and every echo must be right.
#
# usage: checks/soak.sh [SECONDS] [SEED]
#
#   SECONDS   3600 unless given
#   SEED      chooses messages and faults; 6455 unless given
#
# It prints its result. That of an hour or more is kept in checks/SOAK.md.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-3600} seed=${2:-6455}
[[ $# -le 2 && $seconds =~ ^[0-9]+$ && $seed =~ ^[0-9]+$ ]] ||
  { sed -n 's/^# usage: /usage: /p' "$0" >&2; exit 2; }
ulimit -n "$(ulimit -Hn)"

target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
mkdir -p "$target/load"
cargo build -q --release -p ws-proto-mio --example echo_mio
cargo build -q --release -p ws-proto-cli
cargo build -q --release --manifest-path adapters/load/Cargo.toml --target-dir "$target/load/soak" --features soak \
  --bin ws-proto-load --bin server --bin soak-client
rm -f "$target/load/soak.md"
status=0
"$target/load/soak/release/ws-proto-load" --only soak --seconds "$seconds" --seed "$seed" \
  --mio "$target/release/examples/echo_mio" --wsp "$target/release/wsp" --report "$target/load/soak.md" || status=$?
if [ -e "$target/load/soak.md" ] && [ "$seconds" -ge 3600 ]; then
  { printf '# Soak\n\nWritten by `checks/soak.sh %s %s`.\n\n' "$seconds" "$seed"; cat "$target/load/soak.md"; } >checks/SOAK.md
fi
exit $status
