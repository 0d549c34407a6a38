#!/usr/bin/env bash
# The custom event loops of the examples with Python `websockets`. `epoll`: rooms, the page, refusals, a
# slow reader, many who speak at once, 1,000 connections in one room. `io_uring`: messages of 0 bytes to
# 16 MiB, fragments, Pings, closing, refusals. Both: a silent peer, a refused peer that stays, a lack of file
# descriptors. Where the kernel refuses io_uring, that is skipped. Then the servers of all other examples with a lack of
# file descriptors: who is there is served, and who waits gets in later.
#
# usage: interop/loops/run.sh [NAME=PROGRAM]...
#
# NAME is epoll, io_uring, or that of another example; PROGRAM takes the place of the example. It takes some 100 s: silent
# peers are waited for.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

case ${1:-} in
  --help) help ;;
  -*) usage ;;
esac
[ "$(uname)" = Linux ] || { skip loops "they need Linux"; exit 0; }
python_package websockets || exit 0
python=$found

serve() { # NAME PROGRAM: starts it; its URL is in `url`, and its `timeout` in `server`
  # One of them ends with its standard input.
  start 300 bash -c 'exec "$0" "$@" < <(exec tail -f /dev/null --pid=$$ 2>/dev/null)' "$2" "${@:3}" \
    >"$scratch/$1.url" 2>"$scratch/$1.errors"
  server=$started
  url=
  for _ in {1..100}; do
    url=$(grep -o "\(ws\|http\)://[^/ ]*" "$scratch/$1.url" | head -n 1)
    [ -n "$url" ] || url=$(sed -n 's|^listening on \([0-9]\)|ws://\1|p' "$scratch/$1.url")
    url=${url/http:/ws:}
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
  target=$(cargo metadata --format-version 1 --no-deps |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
  programs=("epoll=$target/release/examples/epoll" "io_uring=$target/release/examples/io_uring")
  run 900 cargo build -q --locked -p ws-proto --example echo
  run 900 cargo build -q --locked -p ws-proto-tokio --features h2,deflate,rustls --example shutdown --example h2
  run 900 cargo build -q --locked -p ws-proto-smol --example chat_smol --example shutdown_smol
  run 900 cargo build -q --locked -p ws-proto-mio --example echo_mio
  run 900 cargo build -q --locked -p ws-proto-hub --example chat
  for name in echo chat shutdown h2 chat_smol shutdown_smol echo_mio; do
    programs+=("$name=$target/debug/examples/$name")
  done
fi
ulimit -n "$(ulimit -Hn)"
for named in "${programs[@]}"; do
  name=${named%%=*}
  program=$(type -P "${named#*=}") || { fail "$name" "${named#*=} is no program"; continue; }
  checks=servers.py arguments=(127.0.0.1:0) path=/
  case $name in
    epoll) checks=chat.py ;;
    io_uring) checks=echo.py ;;
    echo | echo_mio) arguments=(--listen 127.0.0.1:0) ;;
    h2) arguments=(--plain --listen 127.0.0.1:0) path=/echo ;;
    chat | chat_smol) path="/chat?room=a&name=b" ;;
    shutdown | shutdown_smol) ;;
    *) usage ;;
  esac
  ! serve "$name" "$program" "${arguments[@]}" || {
    count "$name" 240 "$python" "$interop/loops/$checks" "$url" "$server" "$path"
    stop "$server"
  }
done
