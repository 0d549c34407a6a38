#!/usr/bin/env bash
# The feature `simd`: its module against its safe twin, and what masks or reads text with it switched on.
# checks/processors.sh runs it on another processor and in Miri.
#
# usage: checks/simd.sh
set -euo pipefail
cd "$(dirname "$0")/.."
cargo test -p ws-proto --features simd --lib --test engine --test frame --test socket --test handshake --test enumerate
