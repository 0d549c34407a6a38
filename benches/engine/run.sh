#!/usr/bin/env bash
# Counts instructions and holds them against the baselines; installs valgrind if it is missing. Takes
# the arguments of the program: --update, or a part of the names of the rows.
set -euo pipefail
cd "$(dirname "$0")"
source ../shared/valgrind.sh

exec cargo run -q --release -- "$@"
