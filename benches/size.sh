#!/usr/bin/env bash
# Prints what the engine adds to a program without std and alloc (opt-level "s", fat LTO, panic =
# "abort"): benches/size/src/bin has a server and a client, and `bare`, the same without the engine.
# With --build also how long the crate takes to build, and how many crates it needs.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(mktemp -d)
trap 'rm -rf "$target"' EXIT

section() { # program, section: its bytes
  size -A -d "$target/release/$1" | awk -v name="$2" '$1 ~ "^\\" name { sum += $2 } END { print sum + 0 }'
}

cargo build -q --release --manifest-path benches/size/Cargo.toml --target-dir "$target"
echo "| | text | of it the engine | constants of the engine |"
echo "|---|---:|---:|---:|"
for program in bare server client; do
  text=$(section "$program" .text)
  constants=$(section "$program" .rodata)
  if [ "$program" = bare ]; then
    bare_text=$text bare_constants=$constants
    echo "| $program | $text | | |"
  else
    echo "| $program | $text | $((text - bare_text)) | $((constants - bare_constants)) |"
  fi
done

[ "${1:-}" = --build ] || exit 0
echo
echo "| features | crates besides this | clean build, seconds | release |"
echo "|---|---:|---:|---:|"
clean() { # arguments of cargo: seconds
  rm -rf "$target"
  local start
  start=$(date +%s%N)
  cargo build -q --lib --target-dir "$target" "$@"
  awk -v ns=$(($(date +%s%N) - start)) 'BEGIN { printf "%.1f", ns / 1e9 }'
}
for features in default none deflate; do
  case $features in
    default) arguments=() ;;
    none) arguments=(--no-default-features) ;;
    deflate) arguments=(--features deflate) ;;
  esac
  crates=$(cargo tree -q -e normal --prefix none "${arguments[@]}" | sort -u | wc -l)
  echo "| $features | $((crates - 1)) | $(clean "${arguments[@]}") | $(clean --release "${arguments[@]}") |"
done
