#!/usr/bin/env bash
# Whether specs/TRACE.md has each requirement with the tests that show it. With --update it writes that page.
#
# usage: checks/trace.sh [--update]
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --update ]; then
  export WS_PROTO_UPDATE=1
fi
cargo test --test ledger trace
