#!/usr/bin/env bash
# Random sessions over TCP between this crate and Python `websockets`, Python `wsproto` and Node
# `ws`, each as client against our server and as server against our client.
#
#   tests/interop/run.sh [SEED]
#
#   INTEROP_SESSIONS           sessions for each peer and role, 300 unless set
#   INTEROP_SECONDS            no new session is begun after that many seconds, 50 unless set
#   INTEROP_COMPRESS_SESSIONS  the same with compression (`websockets` and `ws`): 196, which are all
#   INTEROP_COMPRESS_SECONDS   windows with and without context takeover each way, and 35
#
# Sets up what it needs in tests/interop/.env. What cannot be had is skipped, by name. Uses only the
# loopback and ports that the system gives, and ends only the processes it has started.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
env=$here/.env
mkdir -p "$env"
seed=${1:-$((RANDOM * 32768 + RANDOM))}
echo "seed $seed"

skipped=()
peers=()
deflating=() # those that compress as they are told
python=$(command -v python3 || true)

# Python packages, in an environment of their own.
venv() {
  [ -n "$python" ] || { skipped+=("websockets, wsproto: no python3"); return; }
  if [ ! -x "$env/python/bin/python" ] && ! "$python" -m venv "$env/python" >"$env/venv.log" 2>&1; then
    rm -rf "$env/python"
    skipped+=("websockets, wsproto: python3 -m venv fails ($(tail -n 1 "$env/venv.log"))")
    return
  fi
  local name peer
  for name in websockets wsproto; do
    if ! "$env/python/bin/python" -c "import $name" 2>/dev/null &&
      ! "$env/python/bin/pip" install -q --disable-pip-version-check "$name" >"$env/$name.log" 2>&1; then
      skipped+=("$name: pip cannot install it ($(tail -n 1 "$env/$name.log"))")
      continue
    fi
    peer=(--peer "$name" "$env/python/bin/python" "$here/peers/${name}_peer.py")
    peers+=("${peer[@]}")
    [ $name = wsproto ] || deflating+=("${peer[@]}")
    "$env/python/bin/python" -c "from importlib.metadata import version; print('$name', version('$name'))"
  done
}

node() {
  command -v node >/dev/null || { skipped+=("ws: no node"); return; }
  mkdir -p "$env/node"
  if [ ! -d "$env/node/node_modules/ws" ]; then
    command -v npm >/dev/null || { skipped+=("ws: no npm"); return; }
    if ! npm install --silent --no-audit --no-fund --prefix "$env/node" ws >"$env/ws.log" 2>&1; then
      skipped+=("ws: npm cannot install it ($(tail -n 1 "$env/ws.log"))")
      return
    fi
  fi
  local peer=(--peer ws "$(command -v node)" "$here/peers/ws_peer.js" "$env/node")
  peers+=("${peer[@]}")
  deflating+=("${peer[@]}")
  echo "ws $(command node -p "require('$env/node/node_modules/ws/package.json').version"), node $(command node --version)"
}

venv
node
for reason in ${skipped[@]+"${skipped[@]}"}; do
  echo "skipped: $reason"
done
if [ ${#peers[@]} -eq 0 ]; then
  echo "skipped: nothing to compare with"
  exit 0
fi

manifest=$here/../../Cargo.toml
cargo build -q --manifest-path "$manifest" --example interop
target=$(cargo metadata --format-version 1 --no-deps --manifest-path "$manifest" |
  "$python" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
sessions() {
  "$python" "$here/sessions.py" --ours "$target/debug/examples/interop" --seed "$seed" "$@"
}
status=0
sessions "${peers[@]}" \
  --sessions "${INTEROP_SESSIONS:-300}" --seconds "${INTEROP_SECONDS:-50}" || status=1
if [ ${#deflating[@]} -gt 0 ]; then
  echo "with permessage-deflate:"
  sessions "${deflating[@]}" --compress --sessions "${INTEROP_COMPRESS_SESSIONS:-196}" \
    --seconds "${INTEROP_COMPRESS_SECONDS:-35}" || status=1
fi
exit $status
