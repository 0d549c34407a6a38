#!/usr/bin/env bash
# usage: install.sh PYTHON2.7 DIR: the Autobahn TestSuite in DIR, to be run as DIR/wstest.
#
# Python 2 has no venv: the packages go into DIR, which the launcher puts on the path. gcc is
# needed for wsaccel only; without that section 9 takes 47 s in place of 10 s.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
py2=$1
dir=$2

rm -rf "$dir"
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
packages=$(cat "$here/requirements.txt")
command -v gcc >/dev/null || packages=$(grep -v '^wsaccel' <<<"$packages")
PYTHONWARNINGS=ignore "$py2" -m pip install -q --disable-pip-version-check --no-deps -t "$dir" \
    -r /dev/stdin <<<"$packages"
touch "$dir/zope/__init__.py" # pip -t leaves that to a .pth file, which PYTHONPATH does not run
cp "$here/launch.py" "$dir/launch.py"
printf '#!/bin/sh\nPYTHONPATH=%q exec %q -u -W ignore %q "$@"\n' \
    "$dir" "$py2" "$dir/launch.py" >"$dir/wstest"
chmod +x "$dir/wstest"
