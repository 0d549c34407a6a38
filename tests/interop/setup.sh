# Sets up Python `websockets`, Python `wsproto` and Node `ws` in tests/interop/.env, for the scripts
# that source this: `venv` and `node` add what is there to `peers`, as arguments of sessions.py, and
# what cannot be had to `skipped`, by name and with the reason.
interop=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
env=$interop/.env
mkdir -p "$env"

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
    peer=(--peer "$name" "$env/python/bin/python" "$interop/peers/${name}_peer.py")
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
  local peer=(--peer ws "$(command -v node)" "$interop/peers/ws_peer.js" "$env/node")
  peers+=("${peer[@]}")
  deflating+=("${peer[@]}")
  echo "ws $(command node -p "require('$env/node/node_modules/ws/package.json').version"), node $(command node --version)"
}
