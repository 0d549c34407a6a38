#!/usr/bin/env bash
# A browser, Chromium without a window, with the chat examples: the page with several tabs and rooms, messages
# both ways of up to 2 MiB, closing, the server going away, refusals, and nginx in front with and without a
# Host that it passes on. Then two processes as a cluster, by NATS and by Redis, with a tab on each.
#
# usage: interop/browser/adapters.sh [hub | smol | nats | redis | NAME=PROGRAM]...
#
# hub is the chat on ws-proto-hub and tokio, nats and redis are clusters of it; without names it is all of them.
# PROGRAM takes the place of the example, for nats and redis too. CHROMIUM may name the browser. Screenshots are in
# target/interop/screenshots.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

adapters=(hub smol nats redis) # those with a chat
for one in "$@"; do
  case $one in
    --help) help ;;
    -*) usage ;;
  esac
done
programs=("$@")
[ $# -gt 0 ] || programs=("${adapters[@]}")
are_adapters "${programs[@]}"

chromium || exit 0
browser=$found
node_package playwright-core 1 || exit 0
modules=$found/node_modules
mkdir -p "$work/screenshots"
proxy=()
if program nginx nginx-light; then proxy=("$found" "$scratch"); fi

for one in "${programs[@]}"; do
  name=${one%%=*}
  case $one in
    hub | nats | redis) build chat --release -p ws-proto-hub --features nats,redis --example chat || continue ;;
    smol) build chat_smol --release -p ws-proto-smol --example chat_smol || continue ;;
    *) adapter_program "$one" || continue ;;
  esac
  chat=$found
  case $name in
    nats | redis)
      program "$name-server" "$name-server" || continue
      count "cluster, $name" 300 node "$interop/browser/cluster.js" "$modules" "$browser" "$work/screenshots" \
        "$chat" "$name=$found"
      ;;
    *)
      count "$name" 300 node "$interop/browser/chat.js" "$modules" "$browser" "$work/screenshots" \
        "$name=$chat" "${proxy[@]}"
      ;;
  esac
done
