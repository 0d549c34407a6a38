#!/usr/bin/env bash
# Runs the Autobahn TestSuite against this crate: its server and its client, each fed with what a
# read gives (64 KiB) and one byte at a time. Sets up all it needs under target/autobahn.
#
# usage: tests/autobahn/run.sh [--directions server,client] [--reads 65536,1] [--sections 1,2,9] [--full]
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
agent=ws-proto
image=crossbario/autobahn-testsuite:25.10.1
run_limit=5400 # seconds, for one of the runs; they take about 20, the full ones with compression 600

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

fail() {
    echo "$*" >&2
    exit 1
}

# Every process in the background is in `running` until it has ended, and is under `timeout`, which
# passes SIGTERM on.
running=()
start() { # COMMAND...: starts it; its process id is in `started`
    timeout --kill-after=5 "$run_limit" "$@" &
    started=$!
    running+=("$started")
}
finish() { # PID: waits for its end
    local status=0
    wait "$1" || status=$?
    local left=() pid
    for pid in "${running[@]}"; do
        [ "$pid" = "$1" ] || left+=("$pid")
    done
    running=(${left[@]+"${left[@]}"})
    return $status
}
stop() { # PID
    kill "$1" 2>/dev/null || true
    finish "$1" || true
}
stop_all() {
    local pid
    for pid in ${running[@]+"${running[@]}"}; do
        stop "$pid" 2>/dev/null
    done
}
trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# ---- The suite: under CPython 2.7, else in Docker.

find_python2() { # prints its path
    local candidates=("${PY2:-python2.7}") candidate
    if [ -z "${PY2:-}" ]; then
        candidates+=("${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/2.7.*/bin/python2.7)
    fi
    for candidate in "${candidates[@]}"; do
        "$candidate" - 2>/dev/null <<'PYTHON' && return
import platform, sys
import pip
if sys.version_info[:2] != (2, 7) or platform.python_implementation() != "CPython":
    sys.exit(1)
print(sys.executable)
PYTHON
    done
    return 1
}

if py2=$(find_python2); then
    suite=python
elif command -v docker >/dev/null && timeout 30 docker info >/dev/null 2>&1; then
    suite=docker
else
    echo "skipped: the Autobahn TestSuite needs CPython 2.7 with pip, or a Docker daemon; neither is here"
    exit 0
fi
for tool in cargo python3 timeout; do
    command -v "$tool" >/dev/null || fail "$tool is needed"
done
mkdir -p "$work"

install_suite() {
    local stamp
    stamp=$(echo "$py2 $work" | cat - "$here"/{install.sh,launch.py,requirements.txt})
    if [ "$(cat "$work/env/stamp" 2>/dev/null)" != "$stamp" ]; then
        echo "installing the suite"
        "$here/install.sh" "$py2" "$work/env"
        echo "$stamp" >"$work/env/stamp"
    fi
    wstest=("$work/env/wstest")
}
# --init: wstest would ignore SIGTERM as the container's first process.
docker_suite() {
    docker image inspect "$image" >/dev/null 2>&1 || timeout 900 docker pull -q "$image"
    wstest=(docker run --rm --init --network host --user "$(id -u):$(id -g)" -e HOME=/tmp
        -v "$work:$work" -w "$work" "$image" wstest)
}
case $suite in
    python) install_suite ;;
    docker) docker_suite ;;
esac
suite_version=$(timeout 120 "${wstest[@]}" -a | sed -n 's/^AutobahnTestSuite //p')
[ -n "$suite_version" ] || fail "the suite does not start"

# ---- Our side.

cd "$repo"
build=(cargo build --release --locked --example autobahn)
"${build[@]}" --quiet
peer=$("${build[@]}" --quiet --message-format=json | python3 -c '
import json, sys
print([json.loads(line).get("executable") for line in sys.stdin if "\"autobahn\"" in line][-1])')
crate_version=$(cargo pkgid --offline | sed 's/.*[#@]//')

# ---- The runs.

spec() { # DIR, OPTIONS: the rest of a specification
    printf '"outdir": "%s", "exclude-cases": [], "exclude-agent-cases": {}, ' "$1"
    # On a busy machine the time-outs for the handshakes, a second or five, are tight.
    printf '"options": {"openHandshakeTimeout": 20, "closeHandshakeTimeout": 5%s}, ' "$2"
    # As prefixes, 1.* is not 12.1.1. The suite takes these for regular expressions, but for . and *.
    printf '"cases": ["%s.*%s"]' "${running_sections//,/.*$pattern\", \"}" "$pattern"
}

test_server() { # READ DIR
    local server url
    start "$peer" server 127.0.0.1:0 --read "$1" $peer_options >"$2/url" 2>"$2/peer.log"
    server=$started
    for _ in {1..100}; do
        url=$(cat "$2/url")
        [ -n "$url" ] && break
        sleep 0.1
    done
    {
        printf '{"servers": [{"agent": "%s", "url": "%s"}], ' "$agent" "$url"
        spec "$2" ', "serverConnectionDropTimeout": 5'
        printf '}\n'
    } >"$2/spec.json"
    start "${wstest[@]}" -m fuzzingclient -s "$2/spec.json" >"$2/wstest.log" 2>&1
    finish "$started" || echo "wstest ended with status $?, see $2/wstest.log"
    stop "$server"
}

test_client() { # READ DIR
    local port server=
    for _ in 1 2 3; do # until a port that was free still is
        port=$(python3 -c '
import socket
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    print(free.getsockname()[1])')
        {
            printf '{"url": "ws://127.0.0.1:%s", ' "$port"
            spec "$2" ''
            printf '}\n'
        } >"$2/spec.json"
        start "${wstest[@]}" -m fuzzingserver -s "$2/spec.json" -u 0 >"$2/wstest.log" 2>&1
        server=$started
        wait_for_port "$port" "$server" && break
        stop "$server"
        server=
    done
    [ -n "$server" ] || fail "the fuzzingserver does not start, see $2/wstest.log"
    start "$peer" client "ws://127.0.0.1:$port" "$agent" --read "$1" $peer_options \
        >"$2/peer.log" 2>&1
    finish "$started" || echo "the client ended with status $?, see $2/peer.log"
    stop "$server"
}

wait_for_port() { # PORT PID: until that process listens there, or has ended
    for _ in {1..300}; do
        kill -0 "$2" 2>/dev/null || return 1
        (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
        sleep 0.1
    done
    return 1
}

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
    running_sections=$plain pattern= peer_options=
    reports=()
    for direction in ${directions//,/ }; do
        for read in ${reads//,/ }; do
            name="$direction, $(bytes "$read")"
            dir=$work/$direction-$read
            rm -rf "$dir"
            mkdir -p "$dir"
            before=$SECONDS
            "test_$direction" "$read" "$dir"
            echo "$name: $((SECONDS - before)) s"
            reports+=("$name=$dir/index.json")
        done
    done
    [ "$plain" = "$plain_sections" ] && file=$results || file=
    judge "Without compression" "$plain" full "$file" "${reports[@]}"
fi

if [ -n "$deflate" ]; then
    peer_options=--deflate
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
                    "test_$direction" "$read" "$dir"
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
