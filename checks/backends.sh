#!/usr/bin/env bash
# Runs the tests of compression with the oldest and with the newest zlib-rs that Cargo.toml admits.
# The version of Cargo.lock is what `cargo test` takes; it is not run again. Cargo.lock stays as it is.
set -euo pipefail
cd "$(dirname "$0")/.."

kept=$(mktemp)
cp Cargo.lock "$kept"
trap 'cp "$kept" Cargo.lock; rm -f "$kept"' EXIT

in_lock() { awk '$0 == "name = \"zlib-rs\"" { getline; gsub(/[^0-9.]/, ""); print }' Cargo.lock; }

locked=$(in_lock)
oldest=$(sed -n 's/^zlib-rs = { version = "\([^"]*\)".*/\1/p' Cargo.toml)
[[ $oldest =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || { echo "Cargo.toml must name a whole version of zlib-rs" >&2; exit 1; }
cargo update -q -p zlib-rs
newest=$(in_lock)
echo "zlib-rs: oldest $oldest, newest $newest, in Cargo.lock $locked"

for version in $(printf '%s\n' "$oldest" "$newest" | sort -u); do
  if [ "$version" = "$locked" ]; then
    echo "zlib-rs $version: what cargo test takes"
    continue
  fi
  cargo update -q -p zlib-rs --precise "$version"
  echo "zlib-rs $version"
  cargo test -p ws-proto --test deflate --test deflate_matrix --test memory
done
