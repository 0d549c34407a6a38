#!/usr/bin/env bash
# A browser, Chromium without a window, on the chat examples of the adapters: the page with several
# tabs and rooms, messages both ways of up to 2 MiB, closing, the server going away, refusals.
#
# usage: adapters/tests/browser/run.sh
#
# Leaves screenshots in target/browser. CHROMIUM may name the browser; if there is none, Debian's
# package is installed, where that is possible. playwright-core comes from npm, into target/browser.
# Uses only the loopback and ports that the system gives, and ends only what it has started.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../../.." && pwd)
work=$repo/target/browser
mkdir -p "$work"
source "$repo/tests/browser/chromium.sh"

command -v node >/dev/null || skip "no node"
if [ ! -d "$work/node_modules/playwright-core" ]; then
  command -v npm >/dev/null || skip "no npm"
  npm install --silent --no-audit --no-fund --prefix "$work" playwright-core@1 >"$work/npm.log" 2>&1 ||
    skip "npm cannot install playwright-core ($(tail -n 1 "$work/npm.log"))"
fi

cd "$repo"
build=(cargo build --release --locked -p ws-proto-tokio -p ws-proto-smol --example chat --example chat_smol)
"${build[@]}" --quiet
program() { # EXAMPLE: its path
  "${build[@]}" --quiet --message-format=json | python3 -c '
import json, sys
for line in sys.stdin:
    made = json.loads(line)
    if made.get("executable") and made["target"]["name"] == sys.argv[1]:
        print(made["executable"])' "$1"
}
status=0
timeout --kill-after=5 300 node "$here/drive.js" "$work/node_modules" "$browser" "$work" \
  "tokio=$(program chat)" "smol=$(program chat_smol)" || status=$?
[ $status -ne 124 ] || echo "0 passed, 1 failed"
echo "screenshots: target/browser"
exit $status
