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
cargo check -q --workspace --all-features
cargo check -q --workspace --all-targets
echo "1 passed, 0 failed, 0 skipped"
