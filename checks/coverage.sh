#!/usr/bin/env bash
# Line and branch coverage of src by all tests, and what is not covered. Doc tests are not counted, nor
# are the files of `src/simd/` where the processor decides which lines run: checks/simd.sh is for them.
#
#   checks/coverage.sh          summary, uncovered lines, branches not taken both ways
#
# Installs what it needs into .coverage/, which git ignores: cargo-llvm-cov, and llvm-cov from
# Debian's llvm-22, whose profile format is that of the nightly compiler. Where that cannot be had
# it says so and ends well. Fails for what is not covered and not listed in checks/COVERAGE.md, and
# for what is listed there and is covered.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$PWD/.coverage
llvm=$tools/llvm/usr/lib/llvm-22/bin

skip() {
  echo "skipped: coverage: $*"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
}

cargo +nightly --version >/dev/null 2>&1 || rustup toolchain install nightly --profile minimal
if ! [ -x "$llvm/llvm-cov" ]; then
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || skip "no Debian packages here"
  mkdir -p "$tools/packages"
  (
    cd "$tools/packages"
    apt-get download llvm-22 libllvm22 >/dev/null 2>&1 ||
      { apt-get update >/dev/null 2>&1 && apt-get download llvm-22 libllvm22 >/dev/null 2>&1; }
  ) || skip "Debian's llvm-22 cannot be downloaded"
  for package in "$tools"/packages/*.deb; do dpkg -x "$package" "$tools/llvm"; done
  rm -r "$tools/packages"
fi
if ! [ -x "$tools/bin/cargo-llvm-cov" ]; then
  cargo install cargo-llvm-cov --locked --quiet --root "$tools"
fi
export PATH=$tools/bin:$PATH LLVM_COV=$llvm/llvm-cov LLVM_PROFDATA=$llvm/llvm-profdata
export LD_LIBRARY_PATH=$tools/llvm/usr/lib/x86_64-linux-gnu

# Of functions that are inlined elsewhere only, a program without them says that they were not run, and
# the first program that is read is believed: so every program has all of them.
export RUSTFLAGS="${RUSTFLAGS:-} -Clink-dead-code"

log=$tools/log
cargo +nightly llvm-cov -p ws-proto --branch --all-features --tests --no-report >"$log" 2>&1 ||
  { tail -40 "$log"; exit 1; }
report() { cargo +nightly llvm-cov report --branch --ignore-filename-regex '(tests|examples)/|src/simd/(ascii|tests|wide)' "$@" 2>>"$log"; }
report --lcov --output-path "$tools/lcov"

awk -F'[:,]' '
  /^SF:/ { file = $2; sub(/.*\/src\//, "src/", file) }
  /^DA:/ { lines[file]++; all_lines++; if ($3 > 0) { hit[file]++; all_hit++ } else bad = bad "\n" file ":" $2 }
  /^BRDA:/ { branches[file]++; all_branches++
             if ($5 != "-" && $5 > 0) { taken[file]++; all_taken++ } else ways = ways "\n" file ":" $2 }
  function percent(a, b) { return b ? sprintf("%6.2f %% (%d of %d)", 100 * a / b, a, b) : "" }
  END {
    print "uncovered lines:" bad "\n\nbranches not taken both ways:" ways "\n"
    for (file in lines)
      printf "%-32s lines %-24s branches %s\n", file, percent(hit[file], lines[file]),
        percent(taken[file], branches[file]) | "sort"
    close("sort")
    printf "%-32s lines %-24s branches %s\n", "all", percent(all_hit, all_lines), percent(all_taken, all_branches)
  }' "$tools/lcov" >"$tools/report"

# What checks/COVERAGE.md lists: the texts in front of the colon of each item, with their file.
awk '
  function finish() {
    while (match(item, /^ *`[^`]+`/)) {
      text = substr(item, 1, RLENGTH); item = substr(item, RLENGTH + 1)
      gsub(/^ *`|`$/, "", text)
      print file "\t" text
    }
    item = ""
  }
  /^## / { finish(); file = substr($0, 4); next }
  /^- / { finish(); item = substr($0, 3); next }
  /^  / { item = item $0; next }
  { finish() }
  END { finish() }' checks/COVERAGE.md >"$tools/listed"

# The report with the text of each line, and whether it is listed; then what is listed for nothing.
awk -F'\t' '
  FNR == NR { count++; file[count] = $1; text[count] = $2; next }
  !/^src\/[^ ]*:[0-9]+$/ { print; next }
  {
    at = index($0, ":"); path = substr($0, 1, at - 1); number = substr($0, at + 1) + 0
    for (line = 0; line < number; line++) getline source <path
    close(path)
    gsub(/^ +/, "", source)
    listed = source == "}"
    for (i = 1; i <= count; i++)
      if (file[i] == path && text[i] == source) { listed = 1; used[i] = 1 }
    if (!listed) missing++
    print $0 ": " source (listed ? "" : "   <-- not in checks/COVERAGE.md")
  }
  END {
    for (i = 1; i <= count; i++)
      if (!used[i]) { covered++; print file[i] ": " text[i] "   <-- listed, but covered or not there" }
    printf "%d uncovered and not listed, %d listed and covered\n", missing, covered
    print (missing + covered ? "0 passed, 1 failed" : "1 passed, 0 failed") ", 0 skipped"
    exit missing + covered > 0
  }' "$tools/listed" "$tools/report"
