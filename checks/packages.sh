#!/usr/bin/env bash
# Whether each package has what it needs, and nothing else.
#
# usage: checks/packages.sh [--list]
#
# With --list only the lists of files are checked: licences, a README, nothing of the tests. Without it
# the packages are made, unpacked into target/packages, built and tested there, each with the others in
# place of the registry; then publishing is tried without doing it.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=$(cargo metadata --no-deps --format-version 1 | python3 -c '
import json, sys
print(*[p["name"] for p in json.load(sys.stdin)["packages"] if p["publish"] is None])')
passed=0 failed=0
wrong() { # PACKAGE WHAT
  echo "failed: $1: $2"
  failed=$((failed + 1))
}

for package in $packages; do
  files=$(cargo package -q --list --allow-dirty -p "$package")
  before=$failed
  for file in LICENSE-APACHE LICENSE-MIT README.md Cargo.toml; do
    grep -qx "$file" <<<"$files" || wrong "$package" "$file is not in it"
  done
  folder=$(dirname "$(cargo metadata --no-deps --format-version 1 | python3 -c '
import json, sys
print(next(p["manifest_path"] for p in json.load(sys.stdin)["packages"] if p["name"] == sys.argv[1]))' "$package")")
  # Where links of the file system are not to be made, git leaves a text in place of a licence.
  for file in LICENSE-APACHE LICENSE-MIT; do
    cmp -s "$file" "$folder/$file" || wrong "$package" "$file is another text"
  done
  for file in $(grep -E '^(tests|interop|checks|fuzz|benches|specs)/|\.(sh|py|js|png)$' <<<"$files" || true); do
    wrong "$package" "$file does not belong in it"
  done
  [ $failed != $before ] || passed=$((passed + 1))
  echo "$package: $(wc -l <<<"$files") files"
done

if [ "${1:-}" != --list ]; then
  version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
  work=$PWD/target/packages
  rm -rf "$work"
  mkdir -p "$work"
  # Programs in the documentation and the adapters' examples are in the packages, tests are not.
  selected=()
  for package in $packages; do selected+=(-p "$package"); done
  cargo package -q --allow-dirty --no-verify --target-dir "$work/made" "${selected[@]}"
  {
    printf '[workspace]\nresolver = "3"\nmembers = ['
    for package in $packages; do printf '"%s", ' "$package-$version"; done
    printf ']\n\n[patch.crates-io]\n'
    for package in $packages; do printf '%s = { path = "%s" }\n' "$package" "$package-$version"; done
  } >"$work/Cargo.toml"
  for package in $packages; do
    tar -xzf "$work/made/package/$package-$version.crate" -C "$work"
  done
  cp Cargo.lock "$work/Cargo.lock"
  for package in $packages; do
    echo "unpacked: $package"
    # Built alone first: dev-dependencies would bring features that a user does not get.
    if (cd "$work" && cargo build -q --target-dir "$work/target" -p "$package" &&
      cargo test -q --all-features --target-dir "$work/target" -p "$package" 2>&1 | sed 's/^/  /'); then
      passed=$((passed + 1))
    else
      wrong "$package" "the unpacked package does not pass its tests"
    fi
  done
  echo "publishing, without doing it:"
  if cargo publish -q --dry-run --allow-dirty --no-verify --workspace --target-dir "$work/made" 2>&1 | sed 's/^/  /'; then
    passed=$((passed + 1))
  else
    wrong workspace "it cannot be published"
  fi
fi
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
