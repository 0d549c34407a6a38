#!/usr/bin/env bash
# WebSocket over HTTP/2 with other implementations: the server of the adapter's example h2, its HTTP/2 by the crate h2 and by
# hyper, with the Python package h2 as a raw client, with Chromium and with Node's http2; its client with hypercorn as server;
# haproxy and nghttpx between our ends and those of Python's websockets over HTTP/1.1.
#
# usage: interop/h2/run.sh
#
# CHROMIUM may name the browser. It takes some 60 s.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

case ${1:-} in
  '') ;;
  --help) help ;;
  *) usage ;;
esac

here=$interop/h2
limit=300 # seconds
build h2 -p ws-proto-tokio --features h2,deflate,rustls --example h2 || exit 0
example=$found

# Starts a server: its port is in `port`, its process in `server`.
serve() { # ARGUMENT...
  : >"$scratch/server.log"
  start $limit "$example" --listen 127.0.0.1:0 "$@" >"$scratch/server.log"
  server=$started
  port=
  for _ in {1..100}; do
    port=$(sed -n '1s/.*:\([0-9]*\)\/$/\1/p' "$scratch/server.log")
    [ -z "$port" ] || return 0
    sleep 0.1
  done
  fail "h2 $*" "the server does not start"
  return 1
}

if python_package h2; then
  python=$found
  for by in "" --hyper; do
    serve --plain $by || continue
    count "Python h2 as raw client${by:+, server by hyper}" $limit "$python" "$here/raw.py" "$port" "${by:-h2}"
    stop "$server"
  done
fi

if chromium; then
  browser=$found
  if node_package playwright-core 1; then
    for by in "" --hyper; do
      count "Chromium${by:+, server by hyper}" $limit node "$here/browser.js" "$found/node_modules" "$browser" \
        "$example" --deflate $by
    done
  fi
fi

if python_package hypercorn; then
  python=$found
  count "hypercorn as server" $limit "$python" "$here/hypercorn_server.py" "$example"
fi

if type -P node >/dev/null; then
  count "Node http2" $limit node "$here/node.js" "$example"
else
  skip node "there is no node"
fi

proxies=()
if program haproxy haproxy; then proxies+=("haproxy=$found"); fi
if program nghttpx nghttp2-proxy; then proxies+=("nghttpx=$found"); fi
for proxy in ${proxies[@]+"${proxies[@]}"}; do "${proxy#*=}" -v 2>&1 | sed -n 1p; done
if [ ${#proxies[@]} -gt 0 ] && python_package websockets; then
  python=$found
  build adapter-h2 -p ws-proto-interop --no-default-features --features h2 --bin adapter-h2 --release || exit 0
  for proxy in "${proxies[@]}"; do
    count "${proxy%%=*}" $limit "$python" "$here/proxies.py" "$found" "$proxy"
  done
fi
