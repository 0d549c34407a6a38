#!/usr/bin/env bash
# Plants faults, one at a time, and runs the tests: a fault that all tests let live is printed. Works on a copy.
# Installs cargo-mutants, whose settings are in .cargo/mutants.toml.
#
# usage: checks/mutants.sh all [K/N] [AREA...]
#        checks/mutants.sh share [SEED] [AREA...]
#        checks/mutants.sh list
#
#   all      every fault in the code that says what is legal, by areas: frame, utf8, close, limits, handshake. All
#            have to be caught. K/N takes each Nth of them, beginning with K, from 0 to N-1: N runs have had all.
#   share    of the other code a share that a seed chooses, for an hour of two processors: connection, extension,
#            socket, io, async, tokio, smol, mio. Of 100 of them 97 have to be caught.
#   list     how many faults there are in each area
#
#   MUTANTS_JOBS      how many at a time, as many as there are processors unless set
#   MUTANTS_PERCENT   how many of 100 `share` takes, 4 unless set
#
# Faults that change nothing are listed in checks/MUTANTS.md, with the reason. The counts are kept there too.
set -euo pipefail
cd "$(dirname "$0")/.."
version=26.0.0
export PATH=$PWD/target/tools/bin:$PATH
record=checks/MUTANTS.md
out=target/mutants
jobs=${MUTANTS_JOBS:-$(nproc)}

usage() {
  sed -n 's/^# usage: /usage: /p; s/^# \( *checks\/mutants.sh\)/\1/p' "$0" >&2
  exit 2
}
[ "$(cargo mutants --version 2>/dev/null)" = "cargo-mutants $version" ] ||
  cargo install -q cargo-mutants --version $version --locked --force --root target/tools

all=(frame utf8 close limits handshake)
share=(connection extension socket io async tokio smol mio)
checked=(accept connect_check connect_fields extensions head_scanner headers key limits offered origin parse
  request_check response scan syntax target time_limit)

# The files of an area, and the programs of tests that decide whether a fault in it lives. The first catches most; only
# what it lets live is tried with the next.
area() { # AREA: sets `package`, `files`, `programs`
  package=ws-proto
  case $1 in
    frame) files=(src/frame/*.rs) programs=(frame engine) ;;
    utf8) files=(src/utf8.rs) programs=(frame engine) ;;
    close) files=(src/close.rs) programs=(values engine) ;;
    limits) files=(src/connection/config.rs src/connection/receive/{header,message}.rs src/buf/limited.rs)
      programs=(engine frame socket) ;;
    handshake) files=("${checked[@]/%/.rs}") programs=(handshake)
      files=("${files[@]/#/src/handshake/}") ;;
    connection) files=(src/connection/*.rs src/connection/receive/*.rs) programs=(engine frame socket deflate) ;;
    extension) files=(src/extension/*.rs src/extension/deflate/*.rs) programs=(deflate memory) ;;
    socket) files=(src/socket/*.rs) programs=(socket deflate memory) ;;
    io) files=(src/io/*.rs) programs=(socket deflate handshake) ;;
    # What both async shells have in common is judged by the tests that both play.
    async) package=ws-proto-async files=("adapters/$package/src/**/*.rs")
      programs=(shell ws-proto-tokio:shell ws-proto-smol:shell) ;;
    tokio | smol | mio) package=ws-proto-$1 files=("adapters/$package/src/**/*.rs") programs=(shell) ;;
    *) usage ;;
  esac
}

# The names of all faults in an area.
faults() { # AREA
  local options=() file
  area "$1"
  for file in "${files[@]}"; do
    [[ $file == *'*'* ]] || [ -f "$file" ] || { echo "there is no $file" >&2; return 1; }
    options+=(-f "$file")
  done
  cargo mutants --list --no-shuffle --colors never -p "$package" "${options[@]}"
}

# Those of standard input for which there is a line in the record, and those for which there is none: with the line
# of the source, since numbers of lines change.
known() { # WANTED: yes or no
  awk -v wanted="$1" '
    FNR == NR {
      if ($0 ~ /^### /) file = substr($0, 5)
      if (match($0, /^- `[^`]+`, `[^`]+`: /)) {
        split($0, part, "`")
        listed[file ": " part[2] ": " part[4]] = 1
      }
      next
    }
    {
      split($0, part, ":")
      line = ""
      for (n = 0; n < part[2]; n++) getline line <part[1]
      close(part[1])
      gsub(/^ +| +$/, "", line)
      what = $0
      sub(/^[^ ]* /, "", what)
      is_listed = (part[1] ": " what ": " line) in listed
      if (is_listed == (wanted == "yes")) print
    }' "$record" -
}

# Plants the faults of a list, one at a time in each job. What has become of each is in `caught`, `same`, `missed` and
# `unviable` then.
plant() { # AREA LIST
  local program
  area "$1"
  : >"$out/caught" >"$out/unviable"
  cp "$2" "$out/alive"
  for program in "${programs[@]}"; do
    [ -s "$out/alive" ] || break
    plant_for "$1" "$program" "$out/alive"
    found caught.txt timeout.txt >>"$out/caught"
    found unviable.txt >>"$out/unviable"
    found missed.txt >"$out/lives"
    mv "$out/lives" "$out/alive"
  done
  known yes <"$out/alive" >"$out/same"
  known no <"$out/alive" >"$out/missed"
}
plant_for() { # AREA PROGRAM LIST: a program of another package has its name in front
  local name=$1 program=${2#*:} tested=$package count job pids=() status
  [[ $2 != *:* ]] || tested=${2%%:*}
  count=$(wc -l <"$3")
  rm -rf "$out/$name"-*
  for ((job = 0; job < jobs && job < count; job++)); do
    local into=$out/$name-$job options=() fault
    mkdir -p "$into"
    while IFS= read -r fault; do
      options+=(--re "^$fault\$")
    done < <(awk -v job=$job -v jobs="$jobs" 'NR % jobs == job' "$3" | sed 's/[][\.*^$+?(){}|]/\\&/g')
    # Only the program that judges is built. Third parties' crates are built once, here; a copy would build them each
    # time.
    CARGO_TARGET_DIR=$PWD/$out/build-$job cargo mutants --no-shuffle --colors never -j1 -o "$into" -p "$package" \
      --test-package "$tested" --baseline skip --timeout 120 "${options[@]}" --cargo-arg=--test --cargo-arg="$program" \
      >"$into/log" 2>&1 &
    pids+=($!)
  done
  for job in "${!pids[@]}"; do
    status=0
    wait "${pids[job]}" || status=$?
    # 2: some live, which is counted here; 3: some ran out of time. Anything else is a fault of the run.
    case $status in
      0 | 2 | 3) ;;
      *) tail -n 20 "$out/$name-$job/log"; echo "failed: mutants: cargo-mutants ends with status $status"; broken=yes ;;
    esac
  done
}
found() { # FILE...: what all jobs for an area have written into them
  local file
  for file in "$@"; do
    cat "$out/$area"-*/mutants.out/"$file" 2>/dev/null || true
  done
}

# Puts the counts of an area into the table of the record, in the place of those of the same share.
keep() { # GROUP AREA SHARE CAUGHT SAME MISSED UNVIABLE
  local date
  date=$(git log -1 --format=%cs 2>/dev/null || echo unknown)
  awk -v start="| $1 | $2 | $3 |" -v row="| $1 | $2 | $3 | $4 | $5 | $6 | $7 | $date |" '
    /^\| (all|share) \|/ { if (index($0, start) != 1) rows[++count] = $0; is_table = 1; next }
    is_table == 1 { put(); is_table = 2 }
    { print }
    function put(   i, j, text) {
      rows[++count] = row
      for (i = 2; i <= count; i++) {
        text = rows[i]
        for (j = i - 1; j > 0 && rows[j] > text; j--) rows[j + 1] = rows[j]
        rows[j + 1] = text
      }
      for (i = 1; i <= count; i++) print rows[i]
    }
    /^\|---/ && !is_table { is_table = 1 }
    END { if (is_table == 1) put() }' "$record" >"$out/record"
  cp "$out/record" "$record"
}

group=${1:-}
[ $# = 0 ] || shift
areas=() part= seed=6455
case $group in
  all | share) [ "$group" = all ] && of_group=("${all[@]}") || of_group=("${share[@]}") ;;
  list) of_group=("${all[@]}" "${share[@]}") ;;
  *) usage ;;
esac
for word in "$@"; do
  case $group:$word in
    all:*/*) part=$word ;;
    share:[0-9]*) seed=$word ;;
    *) [[ " ${of_group[*]} " == *" $word "* ]] || usage
      areas+=("$word") ;;
  esac
done
[[ -z $part || $part =~ ^[0-9]+/[0-9]+$ ]] || usage
[ ${#areas[@]} -gt 0 ] || areas=("${of_group[@]}")
mkdir -p "$out"

if [ "$group" = list ]; then
  for area in "${areas[@]}"; do
    printf '%6d  %s\n' "$(faults "$area" | wc -l)" "$area"
  done
  exit
fi

percent=${MUTANTS_PERCENT:-4}
# So many lines, chosen by the seed and the same on every machine (the generator of Park and Miller), in their order.
choose() { # COUNT
  awk -v seed="$seed" 'BEGIN { x = seed % 2147483646 + 1; for (n = 0; n < 10; n++) x = x * 16807 % 2147483647 }
    { x = x * 16807 % 2147483647; print x "\t" NR "\t" $0 }' | sort -n | awk -v count="$1" 'NR <= count' | sort -n -k2 | cut -f3-
}
broken= all_caught=0 all_missed=0 all_same=0
for area in "${areas[@]}"; do
  faults "$area" >"$out/faults"
  if [ "$group" = all ]; then
    awk -v part="${part:-0/1}" 'BEGIN { split(part, p, "/") } (NR - 1) % p[2] == p[1]' "$out/faults" >"$out/chosen"
    name=${part:-0/1}
  else
    count=$((($(wc -l <"$out/faults") * percent + 99) / 100))
    choose "$count" <"$out/faults" >"$out/chosen"
    name="$percent %, seed $seed"
  fi
  before=$SECONDS
  plant "$area" "$out/chosen"
  counts=()
  for file in caught same missed unviable; do counts+=("$(wc -l <"$out/$file")"); done
  cat "$out/missed"
  echo "$area, $name: ${counts[0]} caught, ${counts[1]} change nothing, ${counts[2]} missed, ${counts[3]} not built;" \
    "$((SECONDS - before)) s"
  all_caught=$((all_caught + counts[0])) all_same=$((all_same + counts[1])) all_missed=$((all_missed + counts[2]))
  [ $((counts[0] + counts[1] + counts[2] + counts[3])) = "$(wc -l <"$out/chosen")" ] || broken=yes
  [ -n "$broken" ] || keep "$group" "$area" "$name" "${counts[@]}"
done
[ -z "$broken" ] || { echo "failed: mutants: not all were tested"; all_missed=$((all_missed + 1)); }
if [ "$group" = share ] && [ -z "$broken" ] && [ $((all_caught * 100)) -ge $(((all_caught + all_missed) * 97)) ]; then
  echo "$all_caught of $((all_caught + all_missed)) are caught, which is 97 of 100 or more"
  echo "$all_caught passed, 0 failed, $((all_missed + all_same)) skipped"
  exit
fi
echo "$all_caught passed, $all_missed failed, $all_same skipped"
[ "$all_missed" = 0 ] && [ "$all_caught" != 0 ]
