# Steps with names, times and counts, for the scripts that source this.
#
#   step NAME COMMAND...   runs a command, which can be a function. A command that fails ends the script,
#                          but with go_on=yes: then the script fails at its end.
#
# When the script ends it prints a table of the steps, and one line of counts: of all lines that cargo
# test prints, and of the closing lines `N passed, N failed, N skipped` of other scripts.
export CARGO_TERM_COLOR=never
# Everything is built once: half of the time went into what only a second build or a debugger needs.
export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=line-tables-only
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ci_log=$(mktemp)
ci_table=$(mktemp)
ci_started=$SECONDS
ci_step= # the one that runs
ci_failed=0
go_on=
trap ci_end EXIT

step() {
  local name=$1 before=$SECONDS status=0
  shift
  ci_step=$name
  printf '\n== %s\n' "$name"
  # A function would go on after a command that fails, if its status were asked for.
  set +e
  (
    set -e
    "$@"
  ) 2>&1 | tee -a "$ci_log"
  status=${PIPESTATUS[0]}
  set -e
  local ended=ok
  [ "$status" = 0 ] || ended=FAILED
  printf -- '-- %s: %s, %d s\n' "$name" "$ended" $((SECONDS - before))
  printf '%6d s  %-6s  %s\n' $((SECONDS - before)) "$ended" "$name" >>"$ci_table"
  ci_step=
  [ "$status" != 0 ] || return 0
  ci_failed=$((ci_failed + 1))
  [ -n "$go_on" ] || exit "$status"
}

ci_end() {
  local status=$?
  trap - EXIT
  [ $status = 0 ] || [ $ci_failed != 0 ] || ci_failed=1
  [ $ci_failed = 0 ] || [ $status != 0 ] || status=1
  printf '\n== all steps\n'
  [ -z "$ci_step" ] || printf '%8s  %-6s  %s\n' "" ended "$ci_step" >>"$ci_table"
  cat "$ci_table"
  printf '%6d s  in all\n' $((SECONDS - ci_started))
  # A step that has failed is a failure, whether or not it has counted one.
  awk -v failed=$ci_failed '/^test result:/ { passed += $4; failed += $6; skipped += $8 }
       /^[0-9]+ passed, [0-9]+ failed/ { passed += $1; failed += $3; skipped += $5 }
       END { print passed + 0 " passed, " failed + 0 " failed, " skipped + 0 " skipped"
             exit failed > 0 || passed + skipped == 0 }' "$ci_log" || [ $status != 0 ] || status=1
  rm -f "$ci_log" "$ci_table"
  exit $status
}
