#!/usr/bin/env bash
# A browser, Chromium without a window, with the chat examples of the adapters: the page with several
# tabs and rooms, messages both ways of up to 2 MiB, closing, the server going away, refusals, and nginx in
# front with and without a Host that it passes on.
#
# usage: interop/browser/adapters.sh [ADAPTER | NAME=PROGRAM]...
#
# Without names it is tokio and smol; PROGRAM takes the place of the example. CHROMIUM may name the
# browser. Screenshots are in target/interop/screenshots.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

adapters=(tokio smol) # those with a chat
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
  case $one in
    tokio) build chat --release -p ws-proto-tokio --example chat || continue ;;
    smol) build chat_smol --release -p ws-proto-smol --example chat_smol || continue ;;
    *) adapter_program "$one" || continue ;;
  esac
  count "${one%%=*}" 300 node "$interop/browser/chat.js" "$modules" "$browser" "$work/screenshots" \
    "${one%%=*}=$found" "${proxy[@]}"
done
