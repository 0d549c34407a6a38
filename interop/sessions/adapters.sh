#!/usr/bin/env bash
# The adapters against other programs, as clients and as servers: random sessions with Python
# `websockets`, Python `wsproto` and Node `ws`, with and without compression; then curl, servers that refuse or redirect, and nginx
# as a reverse proxy in front, ws and wss.
#
# usage: adapters/tests/peers/run.sh [SEED]
#
#   PEERS_SESSIONS   sessions for each adapter, peer and role, 100 unless set
#   PEERS_SECONDS    no new session is begun after that many seconds, for an adapter with or without
#                    compression, 20 unless set
#
# Sets up what it needs: packages of Python and Node as tests/interop does, Debian's nginx where that
# can be installed. What cannot be had is skipped, by name. Uses only the loopback, ports that the
# system gives and target/peers, and ends only the processes it has started.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../../.." && pwd)
work=$repo/target/peers
mkdir -p "$work"
seed=${1:-$((RANDOM * 32768 + RANDOM))}
echo "seed $seed"

source "$repo/tests/interop/setup.sh"
venv
node

nginx=$(command -v nginx || PATH=$PATH:/usr/sbin command -v nginx || true)
if [ -z "$nginx" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  # Without the service: it would listen on port 80.
  if { apt-get update -qq && DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -qq -y \
    --no-install-recommends nginx-light; } >"$work/apt.log" 2>&1; then
    nginx=$(PATH=$PATH:/usr/sbin command -v nginx || true)
  fi
fi
[ -n "$nginx" ] || skipped+=("nginx: it is not there, and cannot be installed")
command -v openssl >/dev/null || { nginx=; skipped+=("nginx: no openssl for a certificate"); }
for reason in ${skipped[@]+"${skipped[@]}"}; do
  echo "skipped: $reason"
done
if [ ${#peers[@]} -eq 0 ]; then
  echo "skipped: nothing to talk with"
  exit 0
fi

cd "$repo"
source "$here/../peer/build.sh"
status=0
sessions() { # PROGRAM OPTION...
  local program=$1
  shift
  timeout --kill-after=5 300 "$python" "$repo/tests/interop/sessions.py" --ours "$program" sessions \
    --adapter --seed "$seed" "$@" --sessions "${PEERS_SESSIONS:-100}" \
    --seconds "${PEERS_SECONDS:-20}" || status=1
}
programs=()
for adapter in "${adapters[@]}"; do
  program=$(peer_of "$adapter")
  programs+=("$adapter=$program")
  echo "sessions of $adapter:"
  sessions "$program" "${peers[@]}"
  if [ ${#deflating[@]} -gt 0 ]; then
    echo "with permessage-deflate:"
    sessions "$program" "${deflating[@]}" --compress
  fi
done

if "$env/python/bin/python" -c 'import websockets' 2>/dev/null && command -v curl >/dev/null; then
  modules=
  [ ! -d "$env/node/node_modules/ws" ] || modules=$env/node/node_modules
  timeout --kill-after=5 300 "$env/python/bin/python" "$here/judge.py" "$work" "$modules" "$nginx" \
    "${programs[@]}" || status=1
else
  echo "skipped: no websockets or no curl to go on"
fi
exit $status
