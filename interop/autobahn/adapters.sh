#!/usr/bin/env bash
# Runs sections 1 to 10 of the Autobahn TestSuite against the server and the client of each adapter,
# judged as strictly as the engine is: see tests/autobahn/README.md, also for what it needs.
#
# usage: adapters/tests/autobahn/run.sh [--deflate] [NAME=PROGRAM]...
#
# With --deflate it is sections 12 and 13, compression, the third of their cases with the smaller
# messages; a program is told so by the option --deflate behind the others.
#
# Without programs it builds and runs those of the adapters, and writes adapters/AUTOBAHN.md. A
# program has to understand `server ADDR`, which prints the URL and echoes, and `client URL AGENT`,
# which runs all cases of a fuzzingserver. Both directions run at the same time, which takes some 30 s
# for each adapter. Reports are in target/autobahn/adapters.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../../.." && pwd)
work=$repo/target/autobahn
source "$repo/tests/autobahn/suite.sh"
cd "$repo"

sections=1,2,3,4,5,6,7,9,10 pattern= part="Without compression" cases=full
options=()
if [ "${1:-}" = --deflate ]; then
    shift
    sections=12,13 pattern='.[1-6]$' part="Compression, smaller messages" cases=cut
    options=(--deflate)
fi
results=adapters/AUTOBAHN.md
programs=("$@")
if [ $# -eq 0 ]; then
    source "$here/../peer/build.sh"
    for adapter in "${adapters[@]}"; do
        programs+=("$adapter=$(peer_of "$adapter")")
    done
else
    results=
fi
for program in "${programs[@]}"; do
    [ -x "${program#*=}" ] || fail "not a program: $program"
done

running_sections=$sections
reports=()
for program in "${programs[@]}"; do
    name=${program%%=*}
    sides=()
    for direction in server client; do
        dir=$work/adapters/$name-$direction${options:+-deflate}
        rm -rf "$dir"
        mkdir -p "$dir"
        (
            running=()
            trap stop_all EXIT
            trap 'exit 143' TERM INT HUP
            before=$SECONDS
            "test_$direction" "$dir" "${program#*=}" ${options[@]+"${options[@]}"}
            echo "$name, $direction: $((SECONDS - before)) s"
        ) &
        running+=($!)
        sides+=($!)
        reports+=("$name, $direction=$dir/index.json")
    done
    for side in "${sides[@]}"; do
        finish "$side" || echo "a run ended with status $?"
    done
done
version=$(cargo pkgid --offline -p ws-proto-async | sed 's/.*[#@]//')
python3 "$autobahn/check.py" --crate "$version" --suite "$suite_version" --part "$part" \
    --sections "$sections" --cases "$cases" ${results:+--write "$results" --script tests/autobahn/run.sh} "${reports[@]}"
