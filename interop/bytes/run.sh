#!/usr/bin/env bash
# Byte streams over WebSocket with other implementations: 16 MiB both ways with Node's `ws`, in writes and reads of 1 byte to
# 1 MiB, for tokio, smol and the blocking streams, as client and as server, with and without compression, closed by either
# end; and MQTT to brokers: aedes with Node's `ws`, amqtt with Python `websockets`, and mosquitto, by its WebSocket listener
# and, through the tunnel of the adapter's example, by its TCP listener.
#
# usage: interop/bytes/run.sh [OPTION]... [io | tokio | smol | NAME=PROGRAM]...
#
#   --seed N   the sizes and the data; a random number unless given
#   --quick    1 MiB in place of 16 MiB, and tokio and the blocking streams only
#
# Without names it is all three; PROGRAM takes the place of engine-bytes (for `io`) or adapter-NAME, of interop/peers.
# It takes some 3 min, with --quick 30 s, once its programs are built.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

here=$interop/bytes
seed=$((RANDOM * 2 + RANDOM % 2)) len=$((16 << 20)) programs=() all=(io tokio smol)
while [ $# -gt 0 ]; do
  case $1 in
    --help) help ;;
    --quick) len=$((1 << 20)) all=(io tokio) ;;
    --seed)
      [[ ${2:-} =~ ^[0-9]+$ ]] || usage
      seed=$2
      shift
      ;;
    io | tokio | smol | ?*=?*) programs+=("$1") ;;
    *) usage ;;
  esac
  shift
done
[ ${#programs[@]} -gt 0 ] || programs=("${all[@]}")

# Starts a program that prints its URL or its port: that is in `line`, the process in `server`.
serve() { # NAME COMMAND...
  local log=$scratch/$1.log
  start 300 "${@:2}" >"$log" 2>"$log.errors"
  server=$started
  line=
  for _ in {1..100}; do
    line=$(head -n 1 "$log")
    [ -z "$line" ] && kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  [ -n "$line" ] || { stop "$server"; return 1; }
}
# Waits until somebody listens, or the process has ended.
listens() { # PORT PID
  local _
  for _ in {1..100}; do
    ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null || return 0
    kill -0 "$2" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}

if node_package ws 8; then
  modules=$found/node_modules
  for one in "${programs[@]}"; do
    if [ "$one" = io ]; then
      name=io
      engine_program bytes || continue
    else
      adapter_program "$one" || continue
    fi
    count "$name and Node's ws, seed $seed" 600 node "$here/node.js" "$modules" "$seed" "$len" "$found"
  done
fi

build bytes-mqtt -p ws-proto-interop --no-default-features --features mqtt --bin bytes-mqtt || exit 0
mqtt=$found

if node_package ws 8 && node_package aedes 1; then
  if serve aedes node "$here/aedes.js" "$found/node_modules"; then
    count "MQTT to aedes" 90 "$mqtt" "$line"
    stop "$server"
  else
    fail aedes "it does not start: $(reason "$scratch/aedes.log.errors")"
  fi
fi

if python_package amqtt python-amqtt; then # it wants an old `websockets`
  if serve amqtt "$found" "$here/amqtt_broker.py"; then
    count "MQTT to amqtt" 90 "$mqtt" "$line"
    stop "$server"
  else
    fail amqtt "it does not start: $(reason "$scratch/amqtt.log.errors")"
  fi
fi

if program mosquitto mosquitto; then
  port=$(free_port) plain=$(free_port)
  # It opens no listener for WebSocket without one for MQTT alone.
  printf '%s\n' "listener $plain 127.0.0.1" "listener $port" "protocol websockets" "allow_anonymous true" \
    "user $(id -un)" >"$scratch/mosquitto.conf"
  start 300 "$found" -c "$scratch/mosquitto.conf" >"$scratch/mosquitto.log" 2>&1
  broker=$started
  if listens "$plain" "$broker" && listens "$port" "$broker"; then
    # By WebSocket it sends 4 KiB at a time and waits after each: some 30 KiB/s.
    count "MQTT to mosquitto" 240 "$mqtt" "ws://127.0.0.1:$port/" mqtt $((len > 1 << 20 ? 1 << 20 : 70000))
    if build tunnel -p ws-proto-tokio --example tunnel; then
      front=$(free_port)
      start 300 "$found" serve "127.0.0.1:$front" "127.0.0.1:$plain" >"$scratch/tunnel.log" 2>&1
      if listens "$front" "$started"; then
        count "MQTT to mosquitto through the tunnel" 90 "$mqtt" "ws://127.0.0.1:$front/" tunnel.example
      else
        fail tunnel "it does not start: $(reason "$scratch/tunnel.log")"
      fi
      stop "$started"
    fi
  else
    fail mosquitto "it does not start: $(reason "$scratch/mosquitto.log")"
  fi
  stop "$broker"
fi
