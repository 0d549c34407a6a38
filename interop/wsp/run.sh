#!/usr/bin/env bash
# The command line, `wsp`, with echo servers that answer from another task than the one that reads: Python
# `websockets`, tokio-tungstenite with a task that writes, Node's `ws` with 5 ms of work a message. Each is asked 20
# times, as a new user does: `wsp -m hi URL` prints `hi` and ends with 0.
#
# usage: interop/wsp/run.sh [wsp=PROGRAM]
#
# PROGRAM takes the place of the one of this repository. It takes some 70 s: wsp waits for a second each time.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

case ${1:-} in
  --help) help ;;
  "") build wsp -p ws-proto-cli --bin wsp --release || exit 0 ;;
  wsp=*) found=$(type -P "${1#*=}") || { fail wsp "${1#*=} is no program"; exit 0; } ;;
  *) usage ;;
esac
wsp=$found

ask() { # NAME COMMAND...: of an echo server, which prints its URL
  local url=
  start 300 "${@:2}" >"$scratch/$1.url" 2>"$scratch/$1.errors"
  local server=$started
  for _ in {1..100}; do
    url=$(head -n 1 "$scratch/$1.url")
    [ -z "$url" ] && kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  if [ -n "$url" ]; then
    count "$1" 120 bash "$interop/wsp/ask.sh" "$wsp" "$url"
  else
    fail "$1" "it does not start: $(reason "$scratch/$1.errors")"
  fi
  stop "$server"
}

if python_package websockets; then
  ask websockets "$found" "$interop/wsp/echo.py"
fi
if node_package ws 8; then
  ask node "$(type -P node)" "$interop/wsp/echo.js" "$found"
fi
if build tungstenite-echo -p ws-proto-interop --no-default-features --features tungstenite \
  --bin tungstenite-echo; then
  ask tokio-tungstenite "$found"
fi
