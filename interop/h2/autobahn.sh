#!/usr/bin/env bash
# The Autobahn TestSuite through haproxy and nghttpx: it speaks HTTP/1.1, our server and our client speak HTTP/2, and the
# proxy stands between them.
#
# usage: interop/h2/autobahn.sh [OPTION]... [PROXY]...
#
#   --directions LIST   server,client
#   --sections LIST     1,2,3,4,5,6,7,9,10 unless given; 12,13 are those with compression
#
# PROXY is haproxy or nghttpx; both unless given. PY2 may name a CPython 2.7. It takes some 2 min for each.
#
# Reports are in target/interop/autobahn, and what our side prints beside them. A run of all of sections 1 to 10, with both
# proxies and in both directions, writes its part of interop/autobahn/RESULTS.md.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
source "$interop/autobahn/suite.sh"

sections=$plain_sections
kinds=()
while [ $# -gt 0 ]; do
  case $1 in
    --help) help ;;
    --directions | --sections)
      [ $# -ge 2 ] || usage
      case $1 in
        --directions) directions=$2 ;;
        --sections) sections=$2 ;;
      esac
      shift
      ;;
    haproxy | nghttpx) kinds+=("$1") ;;
    *) usage ;;
  esac
  shift
done
check_options
[ ${#kinds[@]} -gt 0 ] || kinds=(haproxy nghttpx)

prepare
build adapter-h2 -p ws-proto-interop --no-default-features --features h2 --bin adapter-h2 --release || exit 0
adapter=$found
declare -A packages=([haproxy]=haproxy [nghttpx]=nghttp2-proxy)
programs=()
for kind in "${kinds[@]}"; do
  program "$kind" "${packages[$kind]}" || continue
  "$found" -v 2>&1 | sed -n 1p
  printf '#!/bin/sh\nexec python3 %q %q %q %q "$@"\n' "$interop/h2/front.py" "$kind" "$found" "$adapter" >"$scratch/$kind"
  chmod +x "$scratch/$kind"
  programs+=("$kind")
done
[ ${#programs[@]} -gt 0 ] || exit 0
if [ -n "$plain" ]; then
  for one in "${programs[@]}"; do play plain "$one" "h2-$one" "$scratch/$one"; done
  [ "${programs[*]},$directions,$plain" != "haproxy nghttpx,server,client,$plain_sections" ] || results=1
  check_columns "HTTP/2 through proxies" "$plain" full
  results=
fi
if [ -n "$deflate" ]; then
  for one in "${programs[@]}"; do play deflate "$one" "h2-$one" "$scratch/$one"; done
  check_columns "HTTP/2 through proxies, with compression" "$deflate" $cases
fi
