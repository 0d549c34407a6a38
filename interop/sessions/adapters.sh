#!/usr/bin/env bash
# The adapters with other programs, as clients and as servers: random sessions with Python's
# `websockets` and `wsproto` and Node's `ws`, with and without compression; then curl, servers that
# refuse or redirect, and nginx as a reverse proxy in front, ws and wss.
#
# usage: interop/sessions/adapters.sh [OPTION]... [ADAPTER | NAME=PROGRAM]...
#
#   --seed N       which sessions; a random number unless given
#   --sessions N   for each adapter, implementation and role; 100
#   --seconds N    no session is begun after that, for an adapter, with and without compression; 20
#   --quick        --sessions 12 --seconds 5
#
# Without names it is all adapters; PROGRAM takes the place of adapter-NAME, of interop/peers. What
# nginx writes is in target/interop/nginx.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
source "$interop/sessions/setup.sh"

number=100 seconds=20
programs=()
while [ $# -gt 0 ]; do
  case $1 in
    --help) help ;;
    --quick) number=12 seconds=5 ;;
    --seed | --sessions | --seconds)
      [ $# -ge 2 ] || usage
      case $1 in
        --seed) seed=$2 ;;
        --sessions) number=$2 ;;
        --seconds) seconds=$2 ;;
      esac
      shift
      ;;
    -*) usage ;;
    *) programs+=("$1") ;;
  esac
  shift
done
are_numbers "$seed" "$number" "$seconds"
[ ${#programs[@]} -gt 0 ] || programs=("${adapters[@]}")
are_adapters "${programs[@]}"

prepare
services=$websockets
if [ -z "$websockets" ]; then
  skip services "they need Python's websockets"
else
  program curl curl || services=
fi
nginx=
if [ -n "$services" ] && program openssl openssl && program nginx nginx-light; then
  nginx=$found
fi

for one in "${programs[@]}"; do
  adapter_program "$one" || continue
  ours=$found
  if [ ${#others[@]} -gt 0 ]; then
    sessions "$name" "$seconds" --ours "$ours" sessions --adapter "${others[@]}" --sessions "$number"
  fi
  if [ ${#deflating[@]} -gt 0 ]; then
    sessions "$name, with compression" "$seconds" --ours "$ours" sessions --adapter "${deflating[@]}" \
      --compress --sessions "$number"
  fi
  if [ -n "$services" ]; then
    count "$name, with services" 300 "$services" "$interop/sessions/services.py" "$work" "$modules" "$nginx" \
      "$name=$ours"
  fi
done
