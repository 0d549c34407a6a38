#!/usr/bin/env bash
# WebSocket over HTTP/3 (RFC 9220): the engine's objects with aioquic as client and as server, whose frames are those of
# wsproto, and with hypercorn as server. On our side aioquic has QUIC and HTTP/3, and passes each stream on to engine-h3.
#
# usage: interop/h3/run.sh [--big]
#
#   --big   messages of 16 MiB too
#
# It takes some 20 s, and a minute more with --big.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

options=()
case ${1:-} in
  '') ;;
  --big) options=(--big) ;;
  --help) help ;;
  *) usage ;;
esac

engine_program h3 || exit 0
engine=$found
for package in aioquic wsproto hypercorn; do
  python_package $package || exit 0
done
count "aioquic" 600 "$found" "$interop/h3/judge.py" "$scratch" "$engine" "${options[@]}"
