#!/usr/bin/env bash
# Runs every fuzz target for SECONDS, one after the other, and prints a table: executions and
# findings. Fails if there is a finding. Installs the nightly toolchain and cargo-fuzz if need be.
#
#   fuzz/run.sh SECONDS [TARGET...]
#
# FUZZ_SANITIZER=address runs under ASan. Without it there is no sanitizer: the crate forbids
# `unsafe`, and the fuzzer is three times as fast.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:?seconds for each target}
shift
cargo +nightly --version >/dev/null 2>&1 || rustup toolchain install nightly --profile minimal
cargo fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz --locked
targets=${*:-$(cargo +nightly fuzz list)}
options=(-O -s "${FUZZ_SANITIZER:-none}")
cargo +nightly fuzz build "${options[@]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT

failed=0
printf '%-18s %12s %9s  %s\n' target executions "per s" findings
for target in $targets; do
  mkdir -p "corpus/$target" "seeds/$target"
  findings=none
  if ! cargo +nightly fuzz run "${options[@]}" "$target" "corpus/$target" "seeds/$target" -- \
    -max_total_time="$seconds" -max_len=1024 -timeout=10 -print_final_stats=1 >"$log" 2>&1; then
    findings=$(grep -oE 'artifacts/[^ ]+' "$log" | tail -1 || true)
    findings=${findings:-failed}
    failed=1
  fi
  executions=$(awk '/number_of_executed_units/ { print $2 }' "$log")
  rate=$(awk '/average_exec_per_sec/ { print $2 }' "$log")
  printf '%-18s %12s %9s  %s\n' "$target" "${executions:--}" "${rate:--}" "$findings"
  if [ "$findings" != none ]; then
    grep -A4 "panicked at" "$log" || tail -40 "$log"
  fi
done
exit $failed
