# What every script in this folder sources, and checks/processors.sh: the one way to set up what it needs, to skip what cannot
# be set up, to run programs, and to count.
#
# The script ends with `N passed, N failed, N skipped`, at the start of a line, once, however it ends,
# and with status 1 if something failed. A script that is ended early, a program that takes too long
# and a program that ends without counts are failures. What programs print is indented: a reader who
# adds up the lines that start with counts adds up nothing twice.
#
# What is set up goes into target/interop, and stays there for the next time.
set -eEuo pipefail

interop=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(cd "$interop/.." && pwd)
script=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd)/${BASH_SOURCE[1]##*/}
script=${script#"$repo/"}
work=$repo/target/interop
mkdir -p "$work"
scratch=$(mktemp -d) # removed at the end
head=$(sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "${BASH_SOURCE[1]}")
cd "$repo"
# A signal can come while the output goes elsewhere.
exec {stdout}>&1 {stderr}>&2
# The output of a program that is ended early is not lost.
export PYTHONUNBUFFERED=1

# ---- The command line.

help() { # prints the head of the script
  counting=
  echo "$head"
  exit 0
}
usage() { # for a command line that is not understood
  counting=
  sed -n 's/^usage: /&/p' <<<"$head" >&2
  exit 2
}

# ---- Counts.

counting=1
passed=0 failed=0 skipped=0
printing= # the output of the program that is being counted

skip() { # NAME REASON
  echo "skipped: $1: $2"
  skipped=$((skipped + 1))
}
fail() { # NAME REASON
  echo "failed: $1: $2"
  failed=$((failed + 1))
}

# Runs a program that prints `N passed, N failed`, and adds these.
count() { # NAME SECONDS COMMAND...
  local name=$1 seconds=$2 status=0
  echo "$name:"
  printing=$scratch/counted
  run "${@:2}" >"$printing" 2>&1 || status=$?
  add_counts "$name" "$seconds" $status "$printing"
  printing=
}
add_counts() { # NAME SECONDS STATUS OUTPUT
  local counts before=$failed
  sed 's/^/  /' "$4"
  counts=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$4" | tail -n 1) || true
  if [[ $counts =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
    passed=$((passed + BASH_REMATCH[1]))
    failed=$((failed + BASH_REMATCH[2]))
  fi
  if [ "$3" -eq 124 ] || [ "$3" -eq 137 ]; then
    fail "$1" "takes more than $2 s"
  elif [ "$3" -ne 0 ] && [ $failed -eq $before ]; then
    fail "$1" "ends with status $3"
  elif [ "$3" -eq 0 ] && [ -z "$counts" ]; then
    fail "$1" "prints no counts"
  elif [[ $counts =~ ^0\ passed,\ 0\ failed ]]; then
    fail "$1" "has tested nothing"
  fi
}

broken=
closing() {
  local status=$?
  trap - EXIT ERR
  trap '' INT TERM HUP
  exec >&"$stdout" 2>&"$stderr"
  stop_all
  [ -z "$printing" ] || sed 's/^/  /' "$printing"
  # A browser may still be writing into its profile.
  rm -rf "$scratch" 2>/dev/null || { sleep 1; rm -rf "$scratch"; }
  [ -n "$counting" ] || exit $status
  if [ $status -ne 0 ]; then
    fail "$script" "ends early: ${broken:-status $status}"
  elif [ $((passed + failed + skipped)) -eq 0 ]; then
    fail "$script" "has tested nothing"
  fi
  echo "$passed passed, $failed failed, $skipped skipped"
  exit $((failed > 0))
}
trap closing EXIT
trap 'broken="line $LINENO of ${BASH_SOURCE[0]##*/}: $BASH_COMMAND"' ERR
trap 'broken="SIGINT"; exit 130' INT
trap 'broken="SIGTERM"; exit 143' TERM
trap 'broken="SIGHUP"; exit 129' HUP

# ---- Programs. Each is under `timeout`, which passes signals on, and is in `running` until it has
# ended; what is still running when the script ends is ended with it. Waiting is what a signal can
# interrupt: nothing slow runs in the foreground.

running=()
start() { # SECONDS COMMAND...: starts it; its process id is in `started`
  timeout --kill-after=5 "$@" {stdout}>&- {stderr}>&- &
  started=$!
  running+=("$started")
}
finish() { # PID: waits for its end; its status
  local status=0 left=() pid
  wait "$1" || status=$?
  # `timeout` leads a group of processes: what the program has started and not ended.
  kill -KILL -- "-$1" 2>/dev/null || true
  for pid in "${running[@]}"; do
    [ "$pid" = "$1" ] || left+=("$pid")
  done
  running=(${left[@]+"${left[@]}"})
  return $status
}
run() { # SECONDS COMMAND...
  start "$@"
  finish "$started"
}
stop() { # PID
  kill "$1" 2>/dev/null || true
  finish "$1" 2>/dev/null || true
}
stop_all() {
  local pid
  for pid in ${running[@]+"${running[@]}"}; do
    stop "$pid"
  done
}
# Runs a function beside others; its process id is in `started`. What it starts ends with it.
begin() { # FUNCTION ARGUMENT...
  (
    running=()
    trap stop_all EXIT
    trap 'exit 143' TERM INT HUP
    exec {stdout}>&- {stderr}>&-
    "$@"
  ) &
  started=$!
  running+=("$started")
}

# Prints a TCP port of 127.0.0.1 that nothing listens at, below those that the system gives to clients: nothing comes to
# listen at it later on. Each call prints another one.
free_port() {
  local port
  while
    port=$((RANDOM % 12000 + 20000))
    grep -qsx "$port" "$scratch/ports" || (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null
  do :; done
  echo "$port" | tee -a "$scratch/ports"
}

# ---- What a script needs. Each of these sets `found` to what there is now. Where that is not
# possible it skips that, with the reason, and returns 1.

reason() { # LOG: its last line that says something
  grep -v -e '^ *$' -e 'complete log of this run' "$1" | tail -n 1 | sed 's/^ *//' || true
}

# A program; of Debian's package where it is not there.
program() { # COMMAND PACKAGE
  # Not everybody has this on the path.
  local PATH=$PATH:/usr/sbin:/sbin
  found=$(type -P "$1") && return
  packages "$1" "there is no $1" "$2" || return 1
  found=$(type -P "$1") || { skip "$1" "there is no $1 in Debian's package $2"; return 1; }
}
# Installs Debian's packages, because something is missing.
packages() { # NAME MISSING PACKAGE...
  local log=$work/apt-$3.log name=$1 missing=$2
  shift 2
  type -P apt-get >/dev/null || { skip "$name" "$missing, and no apt-get to install it"; return 1; }
  [ "$(id -u)" = 0 ] || { skip "$name" "$missing, and only root can install it"; return 1; }
  # Runlevel 1: a package with a service does not start it.
  if ! { run 300 apt-get update -qq && run 900 env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get install -qq -y --no-install-recommends "$@"; } >"$log" 2>&1; then
    skip "$name" "$missing, and apt-get cannot install $* ($(reason "$log"))"
    return 1
  fi
}

# Chromium; CHROMIUM may name it.
chromium() {
  if [ -n "${CHROMIUM:-}" ]; then
    found=$(type -P "$CHROMIUM") || { skip chromium "CHROMIUM is $CHROMIUM, which is not there"; return 1; }
  else
    found=$(type -P chromium || type -P chromium-browser) || program chromium chromium
  fi
}

# A Python with a package of PyPI, in an environment for all of them, or in one that is named: a package that wants
# older versions of others takes them from the rest.
python_package() { # NAME [ENVIRONMENT]
  local log=$work/python-$1.log
  local environment=$work/${2:-python}
  local python=$environment/bin/python
  type -P python3 >/dev/null || { skip "$1" "there is no python3"; return 1; }
  if [ ! -x "$python" ] && ! run 300 python3 -m venv "$environment" >"$log" 2>&1; then
    rm -rf "$environment"
    skip "$1" "python3 -m venv fails ($(reason "$log"))"
    return 1
  fi
  if ! "$python" -c "import $1" 2>/dev/null &&
    ! run 300 "$python" -m pip install -q --disable-pip-version-check "$1" >"$log" 2>&1; then
    skip "$1" "pip cannot install it ($(reason "$log"))"
    return 1
  fi
  "$python" -c "from importlib.metadata import version; print('$1', version('$1'))"
  found=$python
}

# The folder with a package of npm: the one that has `node_modules`.
node_package() { # NAME VERSION
  local log=$work/node-$1.log
  local installed=$work/node/node_modules/$1/package.json
  type -P node >/dev/null || { skip "$1" "there is no node"; return 1; }
  if [ ! -e "$installed" ]; then
    type -P npm >/dev/null || { skip "$1" "there is no npm"; return 1; }
    mkdir -p "$work/node"
    if ! run 300 npm install --loglevel=error --no-audit --no-fund --prefix "$work/node" "$1@$2" >"$log" 2>&1; then
      skip "$1" "npm cannot install it ($(reason "$log"))"
      return 1
    fi
  fi
  echo "$1 $(node -p "require('$installed').version"), node $(node --version)"
  found=$work/node
}

# The Autobahn TestSuite: its command in `wstest`, its version in `found`. It is Python 2 only: under a
# CPython 2.7 on the path, of pyenv, or named by PY2; without one, in Docker.
autobahn_suite() {
  local name="Autobahn TestSuite" log=$work/autobahn-suite.log
  local folder=$work/autobahn-suite
  local image=crossbario/autobahn-testsuite:25.10.1
  local python2
  if python2=$(find_python2); then
    local stamp
    stamp=$(echo "$python2 $folder" | cat - "$interop/autobahn"/{launch.py,requirements.txt})
    if [ "$(cat "$folder/stamp" 2>/dev/null)" != "$stamp" ]; then
      if ! install_suite "$python2" "$folder" >"$log" 2>&1; then
        skip "$name" "pip cannot install it ($(reason "$log"))"
        return 1
      fi
      echo "$stamp" >"$folder/stamp"
    fi
    wstest=("$folder/wstest")
  elif type -P docker >/dev/null && run 30 docker info >/dev/null 2>&1; then
    if ! docker image inspect "$image" >/dev/null 2>&1 &&
      ! run 900 docker pull -q "$image" >"$log" 2>&1; then
      skip "$name" "docker cannot pull $image ($(reason "$log"))"
      return 1
    fi
    # --init: wstest would ignore SIGTERM as the container's first process.
    wstest=(docker run --rm --init --network host --user "$(id -u):$(id -g)" -e HOME=/tmp
      -v "$work:$work" -w "$work" "$image" wstest)
  else
    skip "$name" "it needs CPython 2.7 with pip, or a Docker daemon; neither is here"
    return 1
  fi
  run 120 "${wstest[@]}" -a >"$log" 2>&1 || true
  found=$(sed -n 's/^AutobahnTestSuite //p' "$log")
  [ -n "$found" ] || { fail "$name" "it does not start ($(reason "$log"))"; return 1; }
}
find_python2() { # prints its path
  local candidate candidates=("${PY2:-python2.7}")
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
# Python 2 has no venv: the packages go into the folder, which the launcher puts on the path. gcc is
# needed for wsaccel only; without that section 9 takes 47 s in place of 10 s.
install_suite() { # PYTHON FOLDER
  local packages
  packages=$(cat "$interop/autobahn/requirements.txt")
  type -P gcc >/dev/null || packages=$(grep -v '^wsaccel' <<<"$packages")
  rm -rf "$2"
  mkdir -p "$2"
  cat >"$2/requirements.txt" <<<"$packages"
  PYTHONWARNINGS=ignore run 900 "$1" -m pip install -q --disable-pip-version-check --no-deps -t "$2" \
    -r "$2/requirements.txt" || return
  touch "$2/zope/__init__.py" # pip -t leaves that to a .pth file, which PYTHONPATH does not run
  cp "$interop/autobahn/launch.py" "$2/launch.py"
  printf '#!/bin/sh\nPYTHONPATH=%q exec %q -u -W ignore %q "$@"\n' "$2" "$1" "$2/launch.py" >"$2/wstest"
  chmod +x "$2/wstest"
}

# ---- Our side.

adapters=(tokio smol mio) # another one: a word here, a feature and a program in interop/peers

# Builds a program of this repository: its path is in `found`. A program that does not build is a
# failure, and 1 is returned.
build() { # NAME CARGO-ARGUMENT...
  local made=$scratch/build.json
  if ! run 1800 cargo build --quiet --locked --message-format=json-render-diagnostics "${@:2}" >"$made"; then
    fail "$1" "it does not build"
    return 1
  fi
  found=$(sed -n "/\"name\":\"$1\"/s/.*\"executable\":\"\([^\"]*\)\".*/\1/p" "$made" | tail -n 1)
  [ -n "$found" ] || { fail "$1" "cargo names no program"; return 1; }
}
engine_program() { # NAME CARGO-ARGUMENT...
  build "engine-$1" -p ws-proto-interop --no-default-features --bin "engine-$1" "${@:2}"
}
adapter_program() { # ADAPTER, or NAME=PROGRAM: `name` is its name
  name=${1%%=*}
  if [[ $1 == *=* ]]; then
    found=$(type -P "${1#*=}") || { fail "$name" "${1#*=} is no program"; return 1; }
  else
    build "adapter-$name" -p ws-proto-interop --no-default-features --features "$name" \
      --bin "adapter-$name" --release
  fi
}
are_adapters() { # WORD...: names of adapters, or NAME=PROGRAM
  local word
  for word in "$@"; do
    [[ $word == ?*=?* || " ${adapters[*]} " == *" $word "* ]] || usage
  done
}
