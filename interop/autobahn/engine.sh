#!/usr/bin/env bash
# Runs the Autobahn TestSuite against the engine: its server and its client, each fed with what a read
# gives (64 KiB) and one byte at a time.
#
# usage: interop/autobahn/engine.sh [OPTION]... [PROGRAM]
#
#   --directions LIST   server,client
#   --reads LIST        65536,1
#   --sections LIST     of 1,2,3,4,5,6,7,9,10 and, with compression, 12,13
#   --full              all cases of sections 12 and 13, not the third with the smaller messages
#   --quick             reads of 64 KiB, sections 1 to 7 and 10
#
# All sections take two to three minutes, --full takes half an hour. Sections 12 and 13 are fed with
# 64 KiB, unless --reads says otherwise. Both directions run at a time. PROGRAM takes the place of
# engine-autobahn, of interop/peers. PY2 may name a CPython 2.7.
#
# Reports are in target/interop/autobahn. A run of all of sections 1 to 10, and one of all of sections
# 12 and 13, writes its part of RESULTS.md.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
source "$interop/autobahn/suite.sh"

reads=65536,1
deflate_reads=65536
sections=$plain_sections,$deflate_sections
ours=
while [ $# -gt 0 ]; do
  case $1 in
    --help) help ;;
    --full) cases=full run_limit=5400 ;;
    --quick) reads=65536 sections=1,2,3,4,5,6,7,10 ;;
    --directions | --reads | --sections)
      [ $# -ge 2 ] || usage
      case $1 in
        --directions) directions=$2 ;;
        --reads) reads=$2 deflate_reads=$2 ;;
        --sections) sections=$2 ;;
      esac
      shift
      ;;
    -*) usage ;;
    *) [ -z "$ours" ] || usage; ours=$1 ;;
  esac
  shift
done
[[ $reads,$deflate_reads =~ ^[1-9][0-9]*(,[1-9][0-9]*)*$ ]] || usage
check_options

prepare
if [ -n "$ours" ]; then
  found=$(type -P "$ours") || { fail engine "$ours is no program"; exit 0; }
else
  engine_program autobahn --release || exit 0
fi
engine=$found

bytes() { # N: in words
  if [ "$1" = 1 ]; then
    echo "1 byte"
  elif (($1 % 1024)); then
    echo "$1 bytes"
  else
    echo "$(($1 / 1024)) KiB"
  fi
}
if [ -n "$plain" ]; then
  for read in ${reads//,/ }; do
    play plain "$(bytes "$read")" "engine-$read" "$engine" --read "$read"
  done
  [ "$ours,$directions,$reads,$plain" != ",server,client,65536,1,$plain_sections" ] || results=1
  check_columns "Engine" "$plain" full
  results=
fi
if [ -n "$deflate" ]; then
  for read in ${deflate_reads//,/ }; do
    play deflate "$(bytes "$read")" "engine-$read" "$engine" --read "$read"
  done
  [ "$ours,$directions,$deflate_reads,$deflate,$cases" != ",server,client,65536,$deflate_sections,full" ] ||
    results=1
  check_columns "Engine, with compression" "$deflate" $cases
fi
