#!/usr/bin/env bash
# Builds the guide into target/book, and checks the links of the guide and of the repository's Markdown. Installs mdBook into
# target/tools, which takes minutes once. The snippets are tested by cargo test -p ws-proto-guide.
#
# usage: docs/build.sh
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.5.4
tools=$PWD/target/tools
mdbook=$tools/bin/mdbook
if [ "$("$mdbook" --version 2>/dev/null)" != "mdbook v$version" ]; then
  cargo install mdbook --version "$version" --locked --quiet --root "$tools"
fi
"$mdbook" build docs
python3 docs/links.py target/book
