#!/usr/bin/env bash
# Builds and tests with the oldest compiler that the manifests name: the engine with each feature set,
# and every adapter. Installs that compiler by rustup. A crate that needs a newer one names it.
#
# usage: checks/msrv.sh
set -euo pipefail
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
# The matrices and enumerations are built, not run: what they try does not depend on the compiler.
"${cargo[@]}" test -q -p ws-proto --no-run
"${cargo[@]}" test -q -p ws-proto --lib --test engine --test frame --test handshake --test deflate --test socket \
  --test memory --test values --test ledger
"${cargo[@]}" test -q -p ws-proto --all-features --lib --test engine --test frame --test socket --test values
# The packages whose manifest names that compiler, with their tests and examples.
packages=()
for manifest in adapters/ws-proto-*/Cargo.toml; do
  if grep -q "^rust-version = \"$version\"" "$manifest"; then
    packages+=(-p "$(sed -n 's/^name = "\(ws-proto-.*\)"/\1/p' "$manifest" | head -1)")
  else
    echo "not with Rust $version: $manifest"
  fi
done
"${cargo[@]}" test -q "${packages[@]}"
