#!/usr/bin/env bash
# Runs the Autobahn TestSuite against this crate: its server and its client, each fed with what a
# read gives (64 KiB) and one byte at a time. Sets up all it needs under target/autobahn.
#
# usage: tests/autobahn/run.sh [--directions server,client] [--reads 65536,1] [--sections 1,2,9] [--full]
#
# Both directions run at a time.
#
# Sections 12 and 13, compression, run all at a time, both directions of them, by default only on
# 64 KiB, and the smaller third of their cases: all of them with --full, which takes many minutes.
#
# A run of all cases of sections 1 to 10 writes its part of RESULTS.md, so does one of sections 12
# and 13. PY2 may name a CPython 2.7.
set -euo pipefail

directions=server,client
reads=65536,1
deflate_reads=65536
plain_sections=1,2,3,4,5,6,7,9,10
deflate_sections=12,13
sections=$plain_sections,$deflate_sections
cases=cut # of sections 12 and 13
results=RESULTS.md

usage() {
    sed -n 's/^# usage: /usage: /p' "$0" >&2
    exit 2
}
all_sections=$sections
while [ $# -gt 0 ]; do
    if [ "$1" = --full ]; then
        cases=full
        shift
        continue
    fi
    [ $# -ge 2 ] || usage
    case $1 in
        --directions) directions=$2 results= ;;
        --reads) reads=$2 deflate_reads=$2 results= ;;
        --sections) sections=$2 ;;
        *) usage ;;
    esac
    shift 2
done
[[ $directions =~ ^(server|client)(,(server|client))?$ ]] || usage
[[ $reads =~ ^[1-9][0-9]*(,[1-9][0-9]*)*$ ]] || usage
for section in ${sections//,/ }; do
    [[ ,$all_sections, == *",$section,"* ]] || usage
done
of_sections() { # SECTIONS: those of them that are to run
    local section found=
    for section in ${sections//,/ }; do
        [[ ,$1, != *",$section,"* ]] || found+=,$section
    done
    echo "${found#,}"
}
plain=$(of_sections $plain_sections)
deflate=$(of_sections $deflate_sections)

here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../.." && pwd)
work=$repo/target/autobahn
source "$here/suite.sh"

# ---- Our side.

cd "$repo"
build=(cargo build --release --locked --example autobahn)
"${build[@]}" --quiet
peer=$("${build[@]}" --quiet --message-format=json | python3 -c '
import json, sys
print([json.loads(line).get("executable") for line in sys.stdin if "\"autobahn\"" in line][-1])')
crate_version=$(cargo pkgid --offline | sed 's/.*[#@]//')

# ---- The runs.

bytes() { # N: in words
    if [ "$1" = 1 ]; then
        echo "1 byte"
    elif (($1 % 1024)); then
        echo "$1 bytes"
    else
        echo "$(($1 / 1024)) KiB"
    fi
}

report=0
judge() { # WHAT SECTIONS CASES RESULTS RUN...
    local what=$1 of=$2 which=$3 file=$4
    shift 4
    python3 "$here/check.py" --crate "$crate_version" --suite "$suite_version" --part "$what" \
        --sections "$of" --cases "$which" ${file:+--write "$here/$file"} "$@" || report=1
}

if [ -n "$plain" ]; then
    running_sections=$plain pattern=
    reports=()
    for read in ${reads//,/ }; do
        sides=()
        for direction in ${directions//,/ }; do
            name="$direction, $(bytes "$read")"
            dir=$work/$direction-$read
            rm -rf "$dir"
            mkdir -p "$dir"
            (
                running=()
                trap stop_all EXIT
                trap 'exit 143' TERM INT HUP
                before=$SECONDS
                "test_$direction" "$dir" "$peer" --read "$read"
                echo "$name: $((SECONDS - before)) s"
            ) &
            running+=($!)
            sides+=($!)
        done
        for side in "${sides[@]}"; do
            finish "$side" || echo "a run ended with status $?"
        done
    done
    for direction in ${directions//,/ }; do
        for read in ${reads//,/ }; do
            reports+=("$direction, $(bytes "$read")=$work/$direction-$read/index.json")
        done
    done
    [ "$plain" = "$plain_sections" ] && file=$results || file=
    judge "Without compression" "$plain" full "$file" "${reports[@]}"
fi

if [ -n "$deflate" ]; then
    [ $cases = full ] && pattern= || pattern='.[1-6]$'
    reports=()
    for read in ${deflate_reads//,/ }; do
        sides=()
        for direction in ${directions//,/ }; do
            name="$direction, $(bytes "$read")"
            indexes=
            for running_sections in ${deflate//,/ }; do
                dir=$work/deflate-$direction-$read-$running_sections
                rm -rf "$dir"
                mkdir -p "$dir"
                (
                    running=()
                    trap stop_all EXIT
                    trap 'exit 143' TERM INT HUP
                    before=$SECONDS
                    "test_$direction" "$dir" "$peer" --read "$read" --deflate
                    echo "section $running_sections, $name: $((SECONDS - before)) s"
                ) &
                running+=($!)
                sides+=($!)
                indexes+=,$dir/index.json
            done
            reports+=("$name=${indexes#,}")
        done
        for side in "${sides[@]}"; do
            finish "$side" || echo "a run ended with status $?"
        done
    done
    [ "$deflate,$cases" = "$deflate_sections,full" ] && file=$results || file=
    judge "Compression" "$deflate" $cases "$file" "${reports[@]}"
fi
exit $report
