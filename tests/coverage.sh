#!/usr/bin/env bash
# Line and branch coverage of src by all tests, and what is not covered. Doc tests are not counted.
#
#   tests/coverage.sh          summary, uncovered lines, branches not taken both ways
#
# Installs what it needs into .coverage/, which git ignores: cargo-llvm-cov, and llvm-cov from
# Debian's llvm-22, whose profile format is that of the nightly compiler. Where that cannot be had
# it says so and ends well. Fails for what is not covered and not listed in tests/COVERAGE.md.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$PWD/.coverage
llvm=$tools/llvm/usr/lib/llvm-22/bin

skip() {
  echo "coverage: skipped: $*"
  exit 0
}

cargo +nightly --version >/dev/null 2>&1 || skip "no nightly toolchain, which branch coverage needs"
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
  cargo install cargo-llvm-cov --locked --quiet --root "$tools" || skip "cargo-llvm-cov cannot be installed"
fi
export PATH=$tools/bin:$PATH LLVM_COV=$llvm/llvm-cov LLVM_PROFDATA=$llvm/llvm-profdata
export LD_LIBRARY_PATH=$tools/llvm/usr/lib/x86_64-linux-gnu

log=$tools/log
cargo +nightly llvm-cov --branch --all-features --tests --no-report >"$log" 2>&1 ||
  { tail -40 "$log"; exit 1; }
report() { cargo +nightly llvm-cov report --branch --ignore-filename-regex '(tests|examples)/' "$@" 2>>"$log"; }
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

# With the text of the line, and whether tests/COVERAGE.md says why it cannot be covered.
unlisted=0
while IFS= read -r line; do
  case $line in
    src/*:[0-9]*)
      file=${line%%:*}
      text=$(sed -n "${line#*:}p" "$file" | sed 's/^ *//')
      if [ "$text" != "}" ] && ! awk -v file="## $file" '/^## / { here = $0 == file } here' tests/COVERAGE.md |
        grep -qF -- "$text"; then
        text="$text   <-- not in tests/COVERAGE.md"
        unlisted=$((unlisted + 1))
      fi
      printf '%s: %s\n' "$line" "$text" ;;
    *) printf '%s\n' "$line" ;;
  esac
done <"$tools/report"
printf '%s uncovered and not listed\n' "$unlisted"
[ "$unlisted" = 0 ]
