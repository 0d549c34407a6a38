#!/usr/bin/env bash
# Proves at link time that the engine cannot panic: builds each program of src and links it with a panic handler
# that does not exist. See src/lib.rs.
#
# usage: tests/no_panic/run.sh [--update] [WORD...]
#
#   --update    writes but_for.txt
#   WORD        only programs with one of the words in their name
set -euo pipefail
cd "$(dirname "$0")"
exec python3 -B run.py "$@"
