#!/usr/bin/env bash
# Random sessions over TCP between this crate and Python `websockets`, Python `wsproto` and Node
# `ws`, each as client against our server and as server against our client.
#
#   tests/interop/run.sh [SEED]
#
#   INTEROP_SESSIONS           sessions for each peer and role, 300 unless set
#   INTEROP_SECONDS            no new session is begun after that many seconds, 50 unless set
#   INTEROP_COMPRESS_SESSIONS  the same with compression (`websockets` and `ws`): 196, which are all
#   INTEROP_COMPRESS_SECONDS   windows with and without context takeover each way, and 35
#
# Sets up what it needs in tests/interop/.env. What cannot be had is skipped, by name. Uses only the
# loopback and ports that the system gives, and ends only the processes it has started.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
seed=${1:-$((RANDOM * 32768 + RANDOM))}
echo "seed $seed"

source "$here/setup.sh"

venv
node
for reason in ${skipped[@]+"${skipped[@]}"}; do
  echo "skipped: $reason"
done
if [ ${#peers[@]} -eq 0 ]; then
  echo "skipped: nothing to compare with"
  exit 0
fi

manifest=$here/../../Cargo.toml
cargo build -q --manifest-path "$manifest" --example interop
target=$(cargo metadata --format-version 1 --no-deps --manifest-path "$manifest" |
  "$python" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
sessions() {
  "$python" "$here/sessions.py" --ours "$target/debug/examples/interop" --seed "$seed" "$@"
}
status=0
sessions "${peers[@]}" \
  --sessions "${INTEROP_SESSIONS:-300}" --seconds "${INTEROP_SECONDS:-50}" || status=1
if [ ${#deflating[@]} -gt 0 ]; then
  echo "with permessage-deflate:"
  sessions "${deflating[@]}" --compress --sessions "${INTEROP_COMPRESS_SESSIONS:-196}" \
    --seconds "${INTEROP_COMPRESS_SECONDS:-35}" || status=1
fi
exit $status
