#!/usr/bin/env bash
# Chromium without a window talks to `wsp --listen --echo`, which records what it hears and says; the recording is
# played to the engine again and compared byte for byte. Once with compression, once without.
#
# usage: interop/browser/record.sh [--update]
#
# With --update the recordings replace those of the tests of ws-proto-test. CHROMIUM may name the browser.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

update=
for one in "$@"; do
  case $one in
    --help) help ;;
    --update) update=1 ;;
    *) usage ;;
  esac
done

chromium || exit 0
browser=$found
build wsp -p ws-proto-cli --bin wsp || exit 0
wsp=$found
program python3 python3 || exit 0
python=$found

# The page is of another origin than the server: that has to let it in.
start 300 "$python" -u -m http.server --bind 127.0.0.1 --directory "$interop/browser" 0 >"$scratch/pages" 2>&1
pages=$started

# The first word of a kind that a program writes into a file, once it is there.
written() { # FILE SED-SCRIPT
  local word
  for _ in $(seq 100); do
    word=$(sed -n "$2" "$1")
    [ -z "$word" ] || break
    sleep 0.1
  done
  echo "$word"
}

origin=http://127.0.0.1:$(written "$scratch/pages" 's/.* port \([0-9]*\).*/\1/p')

session() { # NAME ARGUMENT...
  local name=$1 file=$work/$1.jsonl browsing listening url status=0
  start 60 "$wsp" --listen 127.0.0.1:0 --echo --once --no-input --origin "$origin" --record "$file" "${@:2}" \
    >/dev/null 2>"$scratch/wsp"
  listening=$started
  url=$(written "$scratch/wsp" 's/.*listening on //p')
  start 90 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$scratch/$name" \
    "$origin/recording.html#$url" >/dev/null 2>&1
  browsing=$started
  finish "$listening" || status=$?
  stop "$browsing"
  if [ $status != 0 ]; then
    fail "$name" "wsp ends with status $status"
  elif ! "$wsp" --show "$file" | grep -q 'Close.*1000 "that is all"'; then
    fail "$name" "the session is not whole"
  elif "$wsp" --replay "$file"; then
    passed=$((passed + 1))
    [ -z "$update" ] || cp "$file" "$repo/adapters/ws-proto-test/tests/recordings/$name.jsonl"
  else
    fail "$name" "the replay differs"
  fi
}

session chromium
session chromium-deflate --compress
stop "$pages"
