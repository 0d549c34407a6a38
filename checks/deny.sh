#!/usr/bin/env bash
# Checks deny.toml: banned crates, licences, sources. Installs cargo-deny, which takes minutes.
#
# usage: checks/deny.sh
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/target/tools/bin:$PATH
version=0.18.9
[ "$(cargo deny --version 2>/dev/null)" = "cargo-deny $version" ] ||
  cargo install -q cargo-deny --version $version --locked --force --root target/tools
# It looks at the crates for every platform, and only at what is here.
cargo fetch -q --locked
status=0
passed=0
for check in bans licenses sources; do
  if cargo deny --offline --workspace check "$check" --hide-inclusion-graph; then
    passed=$((passed + 1))
  else
    status=1
  fi
done
echo "$passed passed, $((3 - passed)) failed, 0 skipped"
exit $status
