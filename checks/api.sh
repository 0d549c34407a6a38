#!/usr/bin/env bash
# The public API of each package, with all features, against checks/api/PACKAGE.txt: a change has to be
# seen in the diff. Installs cargo-public-api, and the nightly compiler that it reads the API with.
#
# usage: checks/api.sh [--update]
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/target/tools/bin:$PATH
cargo +nightly --version >/dev/null 2>&1 || rustup toolchain install nightly --profile minimal
version=0.52.0
[ "$(cargo public-api --version 2>/dev/null)" = "cargo-public-api $version" ] ||
  cargo install -q cargo-public-api --version $version --locked --force --root target/tools
packages=$(cargo metadata --no-deps --format-version 1 | python3 -c '
import json, sys
for package in json.load(sys.stdin)["packages"]:
    if package["publish"] is None and any("lib" in target["kind"] for target in package["targets"]):
        print(package["name"])')
passed=0 failed=0
made=$(mktemp)
trap 'rm -f "$made"' EXIT
mkdir -p checks/api
for package in $packages; do
  cargo +nightly public-api -p "$package" --all-features -sss >"$made" 2>"$made.log" ||
    { cat "$made.log"; exit 1; }
  rm -f "$made.log"
  if [ "${1:-}" = --update ]; then
    cp "$made" "checks/api/$package.txt"
  fi
  if diff -uN "checks/api/$package.txt" "$made"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "failed: $package: its public API is not that of checks/api/$package.txt; --update writes it"
  fi
done
for text in checks/api/*.txt; do
  grep -qx "$(basename "$text" .txt)" <<<"$packages" || { echo "failed: there is no package for $text"; failed=$((failed + 1)); }
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
