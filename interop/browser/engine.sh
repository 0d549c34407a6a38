#!/usr/bin/env bash
# A browser, Chromium without a window, against a server of this crate with permessage-deflate: all
# windows, with and without context takeover, texts and binary messages of up to 1 MiB, closing.
#
# usage: tests/browser/run.sh
#
# CHROMIUM may name the browser. If there is none, Debian's package is installed, where that is
# possible. Uses only the loopback and ports that the system gives, and ends only the processes it
# has started.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
limit=300 # seconds; it takes about 20
scratch=$(mktemp -d)
running=()
stop() {
  local pid
  for pid in ${running[@]+"${running[@]}"}; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$scratch" 2>/dev/null || { sleep 1; rm -rf "$scratch"; }
}
trap stop EXIT
trap 'exit 143' INT TERM HUP

source "$here/chromium.sh"

build=(cargo build --release --locked --manifest-path "$here/../../Cargo.toml" --example browser)
"${build[@]}" --quiet
server=$("${build[@]}" --quiet --message-format=json | python3 -c '
import json, sys
print([json.loads(line).get("executable") for line in sys.stdin if "\"browser\"" in line][-1])')

timeout "$limit" "$server" >"$scratch/server.log" &
serving=$!
running+=($serving)
for _ in {1..100}; do
  url=$(head -n 1 "$scratch/server.log")
  [ -z "$url" ] || break
  sleep 0.1
done

# With a port for debugging it stays until it is ended.
timeout "$limit" "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
  --disable-background-networking --disable-component-update --disable-sync \
  --disable-dev-shm-usage --remote-debugging-port=0 --user-data-dir="$scratch/profile" "$url" \
  >"$scratch/browser.log" 2>&1 &
running+=($!)

status=0
wait $serving || status=$?
running=("${running[@]:1}")
tail -n +2 "$scratch/server.log"
if [ $status -eq 124 ]; then
  tail -n 5 "$scratch/browser.log"
  echo "0 passed, 1 failed"
fi
exit $status
