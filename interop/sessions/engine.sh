#!/usr/bin/env bash
# Random sessions over TCP between the engine and Python's `websockets` and `wsproto` and Node's `ws`,
# each as client with our server and as server with our client.
#
# usage: interop/sessions/engine.sh [OPTION]... [PROGRAM]
#
#   --seed N                which sessions; a random number unless given
#   --sessions N            for each implementation and role; 300
#   --seconds N             no session is begun after that; 50
#   --compress-sessions N   the same with compression (`websockets` and `ws`); 196, which are all
#   --compress-seconds N    windows with and without context takeover each way; 35
#   --quick                 --sessions 60 --seconds 10 --compress-sessions 40 --compress-seconds 10
#
# PROGRAM takes the place of engine-sessions, of interop/peers.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
source "$interop/sessions/setup.sh"

number=300 seconds=50
deflate_number=196 deflate_seconds=35
ours=
while [ $# -gt 0 ]; do
  case $1 in
    --help) help ;;
    --quick) number=60 seconds=10 deflate_number=40 deflate_seconds=10 ;;
    --seed | --sessions | --seconds | --compress-sessions | --compress-seconds)
      [ $# -ge 2 ] || usage
      case $1 in
        --seed) seed=$2 ;;
        --sessions) number=$2 ;;
        --seconds) seconds=$2 ;;
        --compress-sessions) deflate_number=$2 ;;
        --compress-seconds) deflate_seconds=$2 ;;
      esac
      shift
      ;;
    -*) usage ;;
    *) [ -z "$ours" ] || usage; ours=$1 ;;
  esac
  shift
done
are_numbers "$seed" "$number" "$seconds" "$deflate_number" "$deflate_seconds"

prepare
if [ ${#others[@]} -eq 0 ]; then
  exit 0
elif [ -n "$ours" ]; then
  found=$(type -P "$ours") || { fail engine "$ours is no program"; exit 0; }
else
  engine_program sessions || exit 0 # not optimised: with all assertions
fi
engine=$found

sessions "engine" "$seconds" --ours "$engine" "${others[@]}" --sessions "$number"
if [ ${#deflating[@]} -gt 0 ]; then
  sessions "engine, with compression" "$deflate_seconds" --ours "$engine" "${deflating[@]}" --compress \
    --sessions "$deflate_number"
fi
