#!/usr/bin/env bash
# The custom event loops of the examples with Python `websockets`: the chat of the example `epoll`, its page,
# its refusals, a slow reader, and 1,000 connections in one room.
#
# usage: interop/loops/run.sh [PROGRAM]
#
# PROGRAM takes the place of the example. It takes some 35 s.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

case ${1:-} in
  --help) help ;;
  -*) usage ;;
esac
[ $# -le 1 ] || usage
[ "$(uname)" = Linux ] || { skip epoll "it needs Linux"; exit 0; }
python_package websockets || exit 0
python=$found

if [ $# -eq 1 ]; then
  program=$(type -P "$1") || { fail epoll "$1 is no program"; exit 0; }
else
  run 600 cargo build -q --release --locked -p ws-proto --example epoll
  program=$(cargo metadata --format-version 1 --no-deps |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/release/examples/epoll
fi

ulimit -n "$(ulimit -Hn)"
start 300 "$program" 127.0.0.1:0 >"$scratch/url" 2>"$scratch/errors"
url=
for _ in {1..100}; do
  url=$(head -n 1 "$scratch/url")
  [ -z "$url" ] || break
  sleep 0.1
done
[ -n "$url" ] || { fail epoll "it does not start: $(tail -n 1 "$scratch/errors")"; exit 0; }
count epoll 240 "$python" "$interop/loops/chat.py" "$url"
