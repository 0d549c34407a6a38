#!/usr/bin/env bash
# Counts instructions an echo through each shell and compares ours with the baselines; installs
# valgrind if it is missing. Takes the arguments of the program: --ours, --update, or a part of the
# names of the rows.
set -euo pipefail
cd "$(dirname "$0")"
source ../shared/valgrind.sh

exec cargo run -q --release -- "$@"
