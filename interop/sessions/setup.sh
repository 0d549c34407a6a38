# What engine.sh and adapters.sh share: the other implementations, as arguments of sessions.py in
# `others`, and those of them that compress as they are told in `deflating`.

seed=$((RANDOM * 32768 + RANDOM))

are_numbers() { # VALUE...
  local value
  for value in "$@"; do
    [[ $value =~ ^[0-9]+$ ]] || usage
  done
}

others=()
deflating=()
prepare() {
  program python3 python3 || exit 0
  python=$found
  websockets=
  if python_package websockets; then
    websockets=$found
    others+=(--peer websockets "$found" "$interop/sessions/peers/websockets_peer.py")
    deflating+=(--peer websockets "$found" "$interop/sessions/peers/websockets_peer.py")
  fi
  if python_package wsproto; then
    others+=(--peer wsproto "$found" "$interop/sessions/peers/wsproto_peer.py")
  fi
  modules=
  if node_package ws 8; then
    modules=$found/node_modules
    others+=(--peer ws "$(type -P node)" "$interop/sessions/peers/ws_peer.js" "$found")
    deflating+=(--peer ws "$(type -P node)" "$interop/sessions/peers/ws_peer.js" "$found")
  fi
  echo "seed $seed"
}

# Random sessions of a program with others. None is begun after SECONDS.
sessions() { # NAME SECONDS OPTION...
  count "$1" $(($2 + 120)) "$python" "$interop/sessions/sessions.py" --seed "$seed" --seconds "$2" "${@:3}"
}
