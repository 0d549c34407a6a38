#!/usr/bin/env bash
# Checks with the oldest compiler that the manifests name: the engine with each feature set, and every
# package with its tests and examples. Runs the engine's main tests. Installs that compiler by rustup. A crate that
# needs a newer one names it.
#
# usage: checks/msrv.sh [--check]
#
#   --check   only compiles
set -euo pipefail
case "$*" in
  "") verb=(test) ;;
  --check) verb=(check --profile test) ;;
  *) sed -n 's/^# usage: /usage: /p' "$0" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/.."
version=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
toolchain=$version.0
rustup toolchain list | grep -q "^$toolchain-" || rustup toolchain install "$toolchain" --profile minimal
echo "Rust $toolchain"
cargo=(cargo "+$toolchain")
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/msrv

mapfile -t sets <checks/feature-sets # the first is empty
for features in "${sets[@]}"; do
  echo "features: ${features:-none}"
  "${cargo[@]}" check -q -p ws-proto --lib --no-default-features --features "$features"
done
# The other tests are checked below, not run: their results do not depend on the compiler.
"${cargo[@]}" "${verb[@]}" -q -p ws-proto --lib --test engine --test socket
# The packages whose manifest names that compiler, with their tests and examples; others with theirs.
packages=()
for manifest in adapters/ws-proto-*/Cargo.toml interop/peers/Cargo.toml; do
  package=$(sed -n 's/^name = "\(ws-proto-.*\)"/\1/p' "$manifest" | head -1)
  needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$manifest")
  [ -n "$needed" ] || { echo "$manifest names no rust-version" >&2; exit 1; }
  if [ "$needed" = "$version" ]; then
    packages+=(-p "$package")
  else
    echo "$package: Rust $needed"
    rustup toolchain list | grep -q "^$needed.0-" || rustup toolchain install "$needed.0" --profile minimal
    cargo "+$needed.0" check -q -p "$package" --all-targets
  fi
done
"${cargo[@]}" check -q --all-targets "${packages[@]}"
