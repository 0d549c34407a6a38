#!/usr/bin/env bash
# Builds every package with the lowest version of each dependency that its manifest admits, tests and
# examples too. Works on a copy: the lock file stays as it is.
#
# usage: checks/minimal-versions.sh
set -euo pipefail
cd "$(dirname "$0")/.."
cargo +nightly --version >/dev/null 2>&1 || rustup toolchain install nightly --profile minimal
work=$PWD/target/minimal-versions
rm -rf "$work/tree"
mkdir -p "$work/tree"
git ls-files -z | tar --null --files-from - -c | tar -x -C "$work/tree"
cd "$work/tree"
export CARGO_TARGET_DIR=$work/target
cargo +nightly update -q -Z direct-minimal-versions
# Each package alone: what another one asks of a dependency does not help it.
passed=0
for package in $(cargo metadata --no-deps --format-version 1 |
  python3 -c 'import json, sys; print(*[p["name"] for p in json.load(sys.stdin)["packages"]])'); do
  echo "$package"
  case $package in
    ws-proto-cli) cargo check -q -p "$package" --bins ;;
    ws-proto-interop | ws-proto-broadcast) ;;
    *) cargo check -q -p "$package" --lib && cargo check -q -p "$package" --lib --all-features ;;
  esac
  cargo check -q -p "$package" --all-targets
  passed=$((passed + 1))
done
echo "$passed passed, 0 failed, 0 skipped"
