# The Autobahn TestSuite, for the scripts that source this: sets it up in $work, and runs it against
# programs that understand `server ADDR` and `client URL AGENT` (see peer.rs). Ends, when the script
# does, what it has started.

autobahn=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
agent=ws-proto
image=crossbario/autobahn-testsuite:25.10.1
run_limit=5400 # seconds, for one of the runs; they take about 20, the full ones with compression 600

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
    stamp=$(echo "$py2 $work" | cat - "$autobahn"/{install.sh,launch.py,requirements.txt})
    if [ "$(cat "$work/env/stamp" 2>/dev/null)" != "$stamp" ]; then
        echo "installing the suite"
        "$autobahn/install.sh" "$py2" "$work/env"
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

# ---- The runs: of the sections in $running_sections, those cases whose numbers end as $pattern says.

spec() { # DIR, OPTIONS: the rest of a specification
    printf '"outdir": "%s", "exclude-cases": [], "exclude-agent-cases": {}, ' "$1"
    # On a busy machine the time-outs for the handshakes, a second or five, are tight.
    printf '"options": {"openHandshakeTimeout": 20, "closeHandshakeTimeout": 5%s}, ' "$2"
    # As prefixes, 1.* is not 12.1.1. The suite takes these for regular expressions, but for . and *.
    printf '"cases": ["%s.*%s"]' "${running_sections//,/.*$pattern\", \"}" "$pattern"
}

test_server() { # DIR PROGRAM [OPTION...]
    local dir=$1 peer=$2 server url
    shift 2
    start "$peer" server 127.0.0.1:0 "$@" >"$dir/url" 2>"$dir/peer.log"
    server=$started
    for _ in {1..100}; do
        url=$(cat "$dir/url")
        [ -n "$url" ] && break
        sleep 0.1
    done
    {
        printf '{"servers": [{"agent": "%s", "url": "%s"}], ' "$agent" "$url"
        spec "$dir" ', "serverConnectionDropTimeout": 5'
        printf '}\n'
    } >"$dir/spec.json"
    start "${wstest[@]}" -m fuzzingclient -s "$dir/spec.json" >"$dir/wstest.log" 2>&1
    finish "$started" || echo "wstest ended with status $?, see $dir/wstest.log"
    stop "$server"
}

test_client() { # DIR PROGRAM [OPTION...]
    local dir=$1 peer=$2 port server=
    shift 2
    for _ in 1 2 3; do # until a port that was free still is
        port=$(python3 -c '
import socket
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    print(free.getsockname()[1])')
        {
            printf '{"url": "ws://127.0.0.1:%s", ' "$port"
            spec "$dir" ''
            printf '}\n'
        } >"$dir/spec.json"
        start "${wstest[@]}" -m fuzzingserver -s "$dir/spec.json" -u 0 >"$dir/wstest.log" 2>&1
        server=$started
        wait_for_port "$port" "$server" && break
        stop "$server"
        server=
    done
    [ -n "$server" ] || fail "the fuzzingserver does not start, see $dir/wstest.log"
    start "$peer" client "ws://127.0.0.1:$port" "$agent" "$@" >"$dir/peer.log" 2>&1
    finish "$started" || echo "the client ended with status $?, see $dir/peer.log"
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
