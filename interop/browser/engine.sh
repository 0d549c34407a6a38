#!/usr/bin/env bash
# A browser, Chromium without a window, with a server of the engine and permessage-deflate: all windows,
# with and without context takeover, texts and binary messages of up to 1 MiB, closing.
#
# usage: interop/browser/engine.sh [PROGRAM]
#
# PROGRAM takes the place of engine-browser, of interop/peers. CHROMIUM may name the browser. It takes
# some 20 s.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

case ${1:-} in
  --help) help ;;
  -*) usage ;;
esac
[ $# -le 1 ] || usage

chromium || exit 0
browser=$found
if [ $# -eq 1 ]; then
  found=$(type -P "$1") || { fail engine "$1 is no program"; exit 0; }
else
  engine_program browser --release || exit 0
fi

limit=300 # seconds
start $limit "$found" >"$scratch/server.log" 2>&1
server=$started
url=
for _ in {1..100}; do
  url=$(head -n 1 "$scratch/server.log")
  [ -z "$url" ] || break
  sleep 0.1
done

# With a port for debugging it stays until it is ended.
start $limit "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
  --disable-background-networking --disable-component-update --disable-sync \
  --disable-dev-shm-usage --remote-debugging-port=0 --user-data-dir="$scratch/profile" "$url" \
  >"$scratch/browser.log" 2>&1
page=$started

# The server ends with the last result of the page; a browser that ends before has none.
while kill -0 "$server" 2>/dev/null && kill -0 "$page" 2>/dev/null; do
  sleep 0.2
done
if kill -0 "$server" 2>/dev/null; then
  sleep 1
  kill "$server" 2>/dev/null || true
fi
status=0
finish "$server" || status=$?
tail -n +2 "$scratch/server.log" >"$scratch/results"
[ $status -le 1 ] || tail -n 5 "$scratch/browser.log" >>"$scratch/results"
echo "engine:"
add_counts engine $limit $status "$scratch/results"
stop "$page"
