#!/usr/bin/env bash
# The custom event loops of the examples with Python `websockets`. `epoll`: rooms, the page, refusals, a
# slow reader, many who speak at once, 1,000 connections in one room. `io_uring`: messages of 0 bytes to
# 16 MiB, fragments, Pings, closing, refusals. Both: a silent peer, a refused peer that stays, a lack of file
# descriptors. Where the kernel refuses io_uring, that is skipped.
#
# usage: interop/loops/run.sh [NAME=PROGRAM]...
#
# NAME is epoll or io_uring; PROGRAM takes the place of the example. It takes some 100 s: silent peers are waited for.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

case ${1:-} in
  --help) help ;;
  -*) usage ;;
esac
[ "$(uname)" = Linux ] || { skip loops "they need Linux"; exit 0; }
python_package websockets || exit 0
python=$found

serve() { # NAME PROGRAM: starts it; its URL is in `url`, and its `timeout` in `server`
  start 300 "$2" 127.0.0.1:0 >"$scratch/$1.url" 2>"$scratch/$1.errors"
  server=$started
  url=
  for _ in {1..100}; do
    url=$(head -n 1 "$scratch/$1.url")
    [ -z "$url" ] && kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  [ -z "$url" ] || return 0
  local error
  error=$(sed -n '1s/^Error: //p' "$scratch/$1.errors") # a backtrace can follow
  if [[ $error == "the kernel refuses io_uring: "* ]]; then
    skip "$1" "$error"
  else
    fail "$1" "it does not start: ${error:-$(reason "$scratch/$1.errors")}"
  fi
  return 1
}

programs=("$@")
if [ $# -eq 0 ]; then
  run 600 cargo build -q --release --locked -p ws-proto --example epoll --example io_uring
  examples=$(cargo metadata --format-version 1 --no-deps |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/release/examples
  programs=("epoll=$examples/epoll" "io_uring=$examples/io_uring")
fi
ulimit -n "$(ulimit -Hn)"
for named in "${programs[@]}"; do
  name=${named%%=*}
  program=$(type -P "${named#*=}") || { fail "$name" "${named#*=} is no program"; continue; }
  case $name in
    epoll) checks=chat.py ;;
    io_uring) checks=echo.py ;;
    *) usage ;;
  esac
  ! serve "$name" "$program" || count "$name" 240 "$python" "$interop/loops/$checks" "$url" "$server"
done
