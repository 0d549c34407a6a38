#!/usr/bin/env bash
# The command line, `wsp`, with programs of others. Echo servers that answer from another task than the one that
# reads are asked 20 times each, as a new user does: `wsp -m hi URL` prints `hi` and ends with 0. They are Python
# `websockets`, tokio-tungstenite with a task that writes, and Node's `ws` with 5 ms of work a message. Then it talks
# to NATS, to mosquitto (MQTT) and to the DevTools port of Chromium, and is a room of ten peers.
#
# usage: interop/wsp/run.sh [wsp=PROGRAM]
#
# PROGRAM takes the place of the one of this repository. It takes some 90 s: wsp waits for a second each time.
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

# Starts a server and waits until its log has a line that matches.
serve() { # NAME LOG PATTERN COMMAND...: its process is in `started`; the caller sends its output there
  start 300 "${@:4}"
  for _ in {1..300}; do
    ! grep -q "$3" "$2" || return 0
    kill -0 "$started" 2>/dev/null || break
    sleep 0.1
  done
  fail "$1" "it does not start: $(reason "$2")"
  stop "$started"
  return 1
}
# Runs a command, whose output has to have that.
expect() { # NAME WORDS COMMAND...
  local status=0
  run 60 "${@:3}" >"$scratch/output" 2>&1 || status=$?
  if [ $status = 0 ] && grep -aqF -- "$2" "$scratch/output"; then
    passed=$((passed + 1))
  else
    fail "$1" "status $status, printed: $(tr -d '\0' <"$scratch/output" | head -c 1000)"
  fi
}

nats() {
  cat >"$scratch/nats.conf" <<'CONF'
listen: "127.0.0.1:-1"
websocket { listen: "127.0.0.1:-1", no_tls: true }
CONF
  local log=$scratch/nats.log port
  serve nats "$log" 'Server is ready' "$1" -c "$scratch/nats.conf" >"$log" 2>&1 || return 0
  local server=$started
  port=$(sed -n 's/.*Listening for websocket clients on .*:\([0-9]*\).*/\1/p' "$log")
  printf 'CONNECT {}\r\nSUB news 1\r\nPUB news 5\r\nhello\r\n\0' >"$scratch/nats.in"
  expect "nats: a message comes back" $'MSG news 1 5\r' \
    bash -c '"$0" -0 --binary "$1" <"$2"' "$wsp" "127.0.0.1:$port" "$scratch/nats.in"
  stop "$server"
}
if program nats-server nats-server; then nats "$found"; fi

# MQTT 3.1.1: each packet is a file, and a message.
mqtt() {
  local port plain log=$scratch/mosquitto.log
  port=$(free_port) plain=$(free_port)
  # It wants a listener for MQTT alone beside the one for WebSocket, and to be no other user than the one who runs it.
  cat >"$scratch/mosquitto.conf" <<CONF
allow_anonymous true
user $(id -un)
listener $plain 127.0.0.1
listener $port
protocol websockets
CONF
  serve mosquitto "$log" 'mosquitto version .* running' "$1" -v -c "$scratch/mosquitto.conf" >"$log" 2>&1 || return 0
  local server=$started
  printf '\x10\x0f\0\x04MQTT\x04\x02\0\x3c\0\x03wsp' >"$scratch/connect"
  printf '\x82\x09\0\x01\0\x04news\0' >"$scratch/subscribe"
  printf '\x30\x0b\0\x04newshello' >"$scratch/publish"
  local files=(-f "$scratch/connect" -f "$scratch/subscribe" -f "$scratch/publish")
  expect "mosquitto: a message comes back" newshello "$wsp" -s mqtt "${files[@]}" "127.0.0.1:$port"
  # The packets before it: CONNACK and SUBACK.
  expect "mosquitto: packets in JSON" '["IAIAAA==","kAMAAQA=","MAsABG5ld3NoZWxsbw=="]' \
    bash -o pipefail -c '"$0" --json "$@" | jq -sc "[.[] | select(.direction == \"received\") | .base64 // empty]"' \
    "$wsp" -s mqtt "${files[@]}" "127.0.0.1:$port"
  stop "$server"
}
if program mosquitto mosquitto && broker=$found && program jq jq; then mqtt "$broker"; fi

devtools() {
  local log=$scratch/chromium.log url
  serve chromium "$log" 'DevTools listening on' "$1" --headless --no-sandbox --disable-gpu \
    --user-data-dir="$scratch/chromium" --remote-debugging-port=0 about:blank >"$log" 2>&1 || return 0
  local server=$started
  url=$(sed -n 's/^DevTools listening on //p' "$log")
  expect "chromium: its version" '"Chrome/' bash -o pipefail -c \
    'echo "{\"id\":1,\"method\":\"Browser.getVersion\"}" | "$0" -c 1 "$1" | jq -c .result.product' "$wsp" "$url"
  stop "$server"
}
if chromium && browser=$found && program jq jq; then devtools "$browser"; fi

# Ten peers get all that goes to the room, and what each says is printed there.
room() {
  local log=$scratch/room.log url n input peers=()
  mkfifo "$scratch/room.in"
  exec {input}<>"$scratch/room.in"
  # What runs in the background gets no other standard input by itself.
  serve room "$log" 'listening on' bash -c 'exec "$0" -v --listen 0 <"$1"' "$wsp" "$scratch/room.in" \
    2>"$log" >"$scratch/room.out" || return 0
  local server=$started
  url=$(sed -n 's/^wsp: listening on //p' "$log")
  for n in {1..10}; do
    start 60 "$wsp" -c 1000 -m "hello from $n" "$url" >"$scratch/peer.$n" 2>&1
    peers+=("$started")
  done
  for ((n = 0; n < 300; n++)); do
    [ "$(grep -c 'has come' "$log")" -lt 10 ] || break
    sleep 0.1
  done
  seq 1000 >&"$input"
  for n in {1..10}; do
    if finish "${peers[n - 1]}" && seq 1000 | cmp -s - "$scratch/peer.$n" &&
      grep -qx "hello from $n" "$scratch/room.out"; then
      passed=$((passed + 1))
    else
      fail "room: peer $n" "printed: $(tail -n 3 "$scratch/peer.$n")"
    fi
  done
  exec {input}>&-
  stop "$server"
}
room
