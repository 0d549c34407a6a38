# What engine.sh and adapters.sh share: the options, and the runs against programs that understand
# `server ADDR`, which prints the URL and echoes, and `client URL AGENT`, which runs all cases of a
# fuzzingserver; with `--deflate` behind these they accept and offer permessage-deflate.

plain_sections=1,2,3,4,5,6,7,9,10
deflate_sections=12,13
directions=server,client
cases=cut # of sections 12 and 13
agent=ws-proto
run_limit=600 # seconds, for one run; they take about 20

check_options() { # the values of the options, once they are all there
  local section
  [[ $directions =~ ^(server|client)(,(server|client))?$ ]] || usage
  for section in ${sections//,/ }; do
    [[ ,$plain_sections,$deflate_sections, == *",$section,"* ]] || usage
  done
  plain=$(chosen_of $plain_sections)
  deflate=$(chosen_of $deflate_sections)
}
chosen_of() { # SECTIONS: those of them that are to run
  local section list=
  for section in ${sections//,/ }; do
    [[ ,$1, != *",$section,"* ]] || list+=,$section
  done
  echo "${list#,}"
}

# The suite, and what its results are checked by.
prepare() {
  program python3 python3 || exit 0
  autobahn_suite || exit 0
  suite_version=$found
  crate_version=$(cargo pkgid --offline -p ws-proto | sed 's/.*[#@]//')
  folder=$work/autobahn
  mkdir -p "$folder"
}

# Runs all directions of a program at a time, and with compression also all sections. Adds a column
# for each direction to `columns`.
columns=()
play() { # plain|deflate NAME FOLDER-NAME PROGRAM [OPTION...]
  local kind=$1 name=$2 id=$3 direction group groups pattern= indexes runs=() one
  shift 3
  if [ "$kind" = deflate ]; then
    groups=${deflate//,/ }
    [ $cases = full ] || pattern='.[1-6]$'
    set -- "$@" --deflate
  else
    groups=$plain
  fi
  for direction in ${directions//,/ }; do
    indexes=
    for group in $groups; do
      local into=$folder/$id-$direction
      [ "$kind" = plain ] || into+=-$group
      rm -rf "$into"
      mkdir -p "$into"
      begin timed "$name, $direction${into#"$folder/$id-$direction"}" "test_$direction" "$into" "$group" "$pattern" "$@"
      runs+=("$started")
      indexes+=,$into/index.json
    done
    columns+=("$name, $direction=${indexes#,}")
  done
  for one in "${runs[@]}"; do
    finish "$one" || echo "a run ends with status $?"
  done
}
timed() { # NAME COMMAND...
  local before=$SECONDS
  "${@:2}"
  echo "$1: $((SECONDS - before)) s"
}

# Counts the columns, and writes them if `results` is not empty.
results=
check_columns() { # PART SECTIONS CASES
  count "$1" 120 python3 "$interop/autobahn/check.py" --crate "$crate_version" --suite "$suite_version" \
    --part "$1" --sections "$2" --cases "$3" ${results:+--write "$interop/autobahn/RESULTS.md"} "${columns[@]}"
  columns=()
}

specification() { # FOLDER SECTIONS PATTERN OPTIONS: all but the beginning
  printf '"outdir": "%s", "exclude-cases": [], "exclude-agent-cases": {}, ' "$1"
  # On a busy machine the time-outs for the handshakes, a second or five, are tight.
  printf '"options": {"openHandshakeTimeout": 20, "closeHandshakeTimeout": 5%s}, ' "$4"
  # As prefixes, 1.* is not 12.1.1. The suite takes these for regular expressions, but for . and *.
  printf '"cases": ["%s.*%s"]}\n' "${2//,/.*$3\", \"}" "$3"
}

test_server() { # FOLDER SECTIONS PATTERN PROGRAM [OPTION...]
  local into=$1 sections=$2 pattern=$3 program=$4 server url=
  shift 4
  start "$run_limit" "$program" server 127.0.0.1:0 "$@" >"$into/url" 2>"$into/peer.log"
  server=$started
  for _ in {1..100}; do
    url=$(head -n 1 "$into/url")
    [ -z "$url" ] || break
    sleep 0.1
  done
  {
    printf '{"servers": [{"agent": "%s", "url": "%s"}], ' "$agent" "$url"
    specification "$into" "$sections" "$pattern" ', "serverConnectionDropTimeout": 5'
  } >"$into/spec.json"
  run "$run_limit" "${wstest[@]}" -m fuzzingclient -s "$into/spec.json" >"$into/wstest.log" 2>&1 ||
    echo "wstest ends with status $?, see $into/wstest.log"
  stop "$server"
}

test_client() { # FOLDER SECTIONS PATTERN PROGRAM [OPTION...]
  local into=$1 sections=$2 pattern=$3 program=$4 port server=
  shift 4
  for _ in 1 2 3; do # until a port that was free still is
    port=$(python3 -c '
import socket
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    print(free.getsockname()[1])')
    {
      printf '{"url": "ws://127.0.0.1:%s", ' "$port"
      specification "$into" "$sections" "$pattern" ''
    } >"$into/spec.json"
    start "$run_limit" "${wstest[@]}" -m fuzzingserver -s "$into/spec.json" -u 0 >"$into/wstest.log" 2>&1
    server=$started
    ! wait_for_port "$port" "$server" || break
    stop "$server"
    server=
  done
  if [ -z "$server" ]; then
    echo "the fuzzingserver does not start, see $into/wstest.log"
    return 1
  fi
  run "$run_limit" "$program" client "ws://127.0.0.1:$port" "$agent" "$@" >"$into/peer.log" 2>&1 ||
    echo "the client ends with status $?, see $into/peer.log"
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
