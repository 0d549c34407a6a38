#!/usr/bin/env bash
# Load and faults on loopback: bounds that are checked, and the same echo on other implementations.
# Writes adapters/RESULTS.md. With --quick: the bounds only, with 1,000 connections; writes nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

# 10,000 connections need as many file descriptors on both sides.
ulimit -n "$(ulimit -Hn)"

target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
cargo build -q --release -p ws-proto-mio --example echo_mio
cargo build -q --release --manifest-path adapters/load/Cargo.toml --target-dir "$target/load"
exec "$target/load/release/ws-proto-load" --mio "$target/release/examples/echo_mio" \
  --report adapters/RESULTS.md "$@"
