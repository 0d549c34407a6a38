#!/usr/bin/env bash
# Runs the Autobahn TestSuite against the server and the client of each adapter.
#
# usage: interop/autobahn/adapters.sh [OPTION]... [ADAPTER | NAME=PROGRAM]...
#
#   --directions LIST   server,client
#   --sections LIST     1,2,3,4,5,6,7,9,10 unless given; 12,13 are those with compression
#   --full              all cases of sections 12 and 13, not the third with the smaller messages
#   --quick             sections 1 to 7 and 10 of the server
#
# Sections 1 to 10 take some 30 s for each adapter. Both directions run at a time. Without names it is
# all adapters; PROGRAM takes the place of adapter-NAME, of interop/peers. PY2 may name a CPython 2.7.
#
# Reports are in target/interop/autobahn. A run of all adapters, in both directions, writes its part of
# RESULTS.md if it is all of sections 1 to 10 or all of sections 12 and 13.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
source "$interop/autobahn/suite.sh"

sections=$plain_sections
programs=()
while [ $# -gt 0 ]; do
  case $1 in
    --help) help ;;
    --full) cases=full run_limit=5400 ;;
    --quick) directions=server sections=1,2,3,4,5,6,7,10 ;;
    --directions | --sections)
      [ $# -ge 2 ] || usage
      case $1 in
        --directions) directions=$2 ;;
        --sections) sections=$2 ;;
      esac
      shift
      ;;
    -*) usage ;;
    *) programs+=("$1") ;;
  esac
  shift
done
check_options
[ ${#programs[@]} -gt 0 ] || programs=("${adapters[@]}")
are_adapters "${programs[@]}"

prepare
names=() paths=()
for one in "${programs[@]}"; do
  adapter_program "$one" || continue
  names+=("$name")
  paths+=("$found")
done
[ ${#names[@]} -gt 0 ] || exit 0
complete=
[ "${programs[*]},$directions" != "${adapters[*]},server,client" ] || [ ${#names[@]} -ne ${#adapters[@]} ] ||
  complete=1

if [ -n "$plain" ]; then
  for one in "${!names[@]}"; do
    play plain "${names[one]}" "${names[one]}" "${paths[one]}"
  done
  [ "$plain" != "$plain_sections" ] || results=$complete
  check_columns "Adapters" "$plain" full
  results=
fi
if [ -n "$deflate" ]; then
  for one in "${!names[@]}"; do
    play deflate "${names[one]}" "${names[one]}" "${paths[one]}"
  done
  [ "$deflate,$cases" != "$deflate_sections,full" ] || results=$complete
  check_columns "Adapters, with compression" "$deflate" $cases
fi
