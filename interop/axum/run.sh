#!/usr/bin/env bash
# The example chat_axum of the extractor for axum, with other implementations, all on its one port: Python `websockets` over
# HTTP/1.1, with TLS and without; Chromium over HTTP/1.1, and over HTTP/2 with TLS; Node's http2 without TLS. Login, rooms,
# messages of up to 1 MiB, closing, refusals, pages of another site, the server going away.
#
# usage: interop/axum/run.sh [PROGRAM]
#
# PROGRAM takes the place of the example, CHROMIUM may name the browser. It takes some 40 s. Screenshots are in
# target/interop/screenshots.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

case ${1:-} in
  --help) help ;;
  -*) usage ;;
esac
[ $# -le 1 ] || usage

here=$interop/axum
limit=300 # seconds
if [ $# -eq 1 ]; then
  found=$(type -P "$1") || { fail chat_axum "$1 is no program"; exit 0; }
else
  build chat_axum -p ws-proto-axum --features deflate,http2 --example chat_axum || exit 0
fi
example=$found

if python_package websockets; then
  count "Python websockets" $limit "$found" "$here/client.py" "$example" "$scratch"
fi

if type -P node >/dev/null; then
  count "Node http2, without TLS" $limit node "$here/node.js" "$example"
else
  skip node "there is no node"
fi

if chromium; then
  browser=$found
  if node_package playwright-core 1; then
    mkdir -p "$work/screenshots"
    count "Chromium" $limit node "$here/browser.js" "$found/node_modules" "$browser" "$work/screenshots" "$example"
  fi
fi
