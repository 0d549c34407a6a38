#!/usr/bin/env bash
# Several processes as one hub, by a NATS server and by a Redis server, two processes and then four: each message comes
# once and in order to each of 200 clients a process; the server is restarted in the middle; readers that do not read,
# one for each policy; the memory of each process. Then the same over TLS, with two processes and fewer clients.
#
# usage: interop/broadcast/run.sh [--quick] [broadcast-server=PROGRAM] [broadcast-clients=PROGRAM]
#
#   --quick   20 clients, 1,000 messages, two processes
#
# PROGRAM takes the place of the one of this repository.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

clients=200 messages=10000 sizes=(2 4)
server_program= clients_program=
for word in "$@"; do
  case $word in
    --help) help ;;
    --quick) clients=20 messages=1000 sizes=(2) ;;
    broadcast-server=*) server_program=$(type -P "${word#*=}") || usage ;;
    broadcast-clients=*) clients_program=$(type -P "${word#*=}") || usage ;;
    *) usage ;;
  esac
done
for name in server clients; do
  variable=${name}_program
  [ -z "${!variable}" ] || continue
  build "broadcast-$name" -p ws-proto-broadcast --features tls --bin "broadcast-$name" --release || exit 0
  printf -v "$variable" %s "$found"
done
ulimit -n "$(ulimit -Hn)"
most_memory=131072 # KiB for each process

start_plane() { # KIND PORT: its process is in `plane`
  local options=()
  case $1 in
    nats) options=("$nats_program" -a 127.0.0.1 -p "$2") ;;
    tls) options=("$nats_program" -a 127.0.0.1 -p "$2" --tls --tlscert "$scratch/cert.pem" --tlskey "$scratch/key.pem") ;;
    redis) options=("$redis_program" --port "$2") ;;
    rediss)
      options=("$redis_program" --port 0 --tls-port "$2" --tls-auth-clients no --tls-cert-file "$scratch/cert.pem"
        --tls-key-file "$scratch/key.pem" --tls-ca-cert-file "$scratch/ca.pem")
      ;;
  esac
  [[ $1 != redis* ]] || options+=(--bind 127.0.0.1 --save "" --appendonly no)
  start 900 "${options[@]}" >"$scratch/plane.log" 2>&1
  plane=$started
}
make_certificates() { # of an authority that the processes trust, as one of the platform
  local new=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
  (
    cd "$scratch"
    openssl req -x509 "${new[@]}" -keyout ca.key -out ca.pem -subj /CN=authority -days 2
    openssl req "${new[@]}" -keyout key.pem -out request.pem -subj /CN=127.0.0.1
    openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -out cert.pem -days 2 \
      -extfile <(echo subjectAltName=IP:127.0.0.1)
  ) >"$scratch/openssl.log" 2>&1
  export SSL_CERT_FILE=$scratch/ca.pem
}
wait_for() { # SECONDS PATTERN FILE: until a line matches
  local n
  for ((n = 0; n < $1 * 10; n++)); do
    ! grep -q "$2" "$3" || return 0
    sleep 0.1
  done
  return 1
}

check() { # KIND PROCESSES
  local name="$1, $2 processes" port urls=() servers=() n
  port=$(free_port)
  start_plane "$1" "$port"
  for ((n = 0; n < $2; n++)); do
    start 900 "$server_program" "${servers_of[$1]}" "$1://127.0.0.1:$port" >"$scratch/$1-$2-$n.log" 2>&1
    servers+=("$started")
    if ! wait_for 30 '^up true' "$scratch/$1-$2-$n.log"; then
      fail "$name" "a process does not get to the server: $(reason "$scratch/$1-$2-$n.log")"
      return
    fi
    urls+=("$(head -n 1 "$scratch/$1-$2-$n.log")")
  done
  mkfifo "$scratch/$1-$2.go"
  local output=$scratch/$1-$2.clients
  # Open at both ends, so that neither waits for the other.
  exec {go}<>"$scratch/$1-$2.go"
  # What `start` begins would get an empty input, whatever this line says.
  start 400 sh -c 'exec "$@" <"$0"' "$scratch/$1-$2.go" "$clients_program" "$clients" "$messages" "${urls[@]}" \
    >"$output" 2>&1
  local client=$started status=0
  if wait_for 300 '^restart\|Error\|panicked' "$output"; then
    sleep 0.5
    stop "$plane"
    sleep 1
    start_plane "$1" "$port"
    for ((n = 0; n < $2; n++)); do
      if wait_for 30 '^up true losses [1-9]' "$scratch/$1-$2-$n.log"; then
        passed=$((passed + 1))
      else
        fail "$name" "process $n does not report loss and return"
      fi
    done
  fi
  echo go >&"$go"
  finish "$client" || status=$?
  add_counts "$name" 400 $status "$output"
  exec {go}>&-
  for ((n = 0; n < $2; n++)); do
    local pid peak
    pid=$(pgrep -P "${servers[n]}") # below its `timeout`
    peak=$(awk '/^VmHWM/ {print $2}' "/proc/$pid/status")
    if [ "$peak" -le $most_memory ]; then
      passed=$((passed + 1))
    else
      fail "$name" "process $n has had $peak KiB"
    fi
    echo "  process $n: $peak KiB at most"
    stop "${servers[n]}"
    sed -n 's/^left /  left /p' "$scratch/$1-$2-$n.log"
  done
  stop "$plane"
}

# What carries the URLs with this scheme.
declare -A servers_of=([nats]=nats [tls]=nats [redis]=redis [rediss]=redis)
for kind in nats redis; do
  program "$kind-server" "$kind-server" || continue
  printf -v "${kind}_program" %s "$found"
  for size in "${sizes[@]}"; do
    echo "$kind, $size processes: $clients clients each, $messages messages"
    check "$kind" "$size"
  done
done
program openssl openssl || exit 0
make_certificates || { fail certificates "$(reason "$scratch/openssl.log")"; exit 0; }
clients=20 messages=1000
for kind in tls rediss; do
  variable=${servers_of[$kind]}_program
  [ -n "${!variable:-}" ] || continue
  echo "$kind, 2 processes: $clients clients each, $messages messages"
  check "$kind" 2
done
