#!/usr/bin/env bash
# Runs every fuzz target for SECONDS and prints a table: executions and findings. Fails if there is a
# finding. Installs the nightly toolchain and cargo-fuzz if need be.
#
#   fuzz/run.sh SECONDS [TARGET...]
#
# FUZZ_JOBS targets run at a time, 1 unless set: not more than there are idle cores.
#
# FUZZ_SANITIZER=address runs under ASan. Without it there is no sanitizer: the crate forbids
# `unsafe`, and the fuzzer is three times as fast. FUZZ_FEATURES=simd has the feature that does not.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:?seconds for each target}
shift
cargo +nightly --version >/dev/null 2>&1 || rustup toolchain install nightly --profile minimal
cargo fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz --locked
targets=${*:-$(cargo +nightly fuzz list)}
options=(-O -s "${FUZZ_SANITIZER:-none}" --features "${FUZZ_FEATURES:-}")
cargo +nightly fuzz build "${options[@]}"
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

fuzz() { # TARGET: its line of the table; fails if there is a finding
  local target=$1 log=$logs/$1 findings=none executions rate
  mkdir -p "corpus/$target" "seeds/$target"
  if ! cargo +nightly fuzz run "${options[@]}" "$target" "corpus/$target" "seeds/$target" -- \
    -max_total_time="$seconds" -max_len=1024 -timeout=10 -print_final_stats=1 >"$log" 2>&1; then
    findings=$(grep -oE 'artifacts/[^ ]+' "$log" | tail -1 || true)
    findings=${findings:-failed}
  fi
  executions=$(awk '/number_of_executed_units/ { print $2 }' "$log")
  rate=$(awk '/average_exec_per_sec/ { print $2 }' "$log")
  printf '%-18s %12s %9s  %s\n' "$target" "${executions:--}" "${rate:--}" "$findings"
  [ "$findings" != none ] || return 0
  grep -A4 "panicked at" "$log" || tail -40 "$log"
  return 1
}

failed=0 passed=0 running=0
finish_one() {
  if wait -n; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  running=$((running - 1))
}
printf '%-18s %12s %9s  %s\n' target executions "per s" findings
for target in $targets; do
  [ "$running" -lt "${FUZZ_JOBS:-1}" ] || finish_one
  fuzz "$target" &
  running=$((running + 1))
done
while [ "$running" -gt 0 ]; do finish_one; done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
