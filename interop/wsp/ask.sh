#!/usr/bin/env bash
# Asks an echo server 20 times by `wsp -m`.
#
# usage: interop/wsp/ask.sh WSP URL
set -u
passed=0 failed=0
for n in {1..20}; do
  reply=$(timeout 20 "$1" -m "hi $n" "$2" 2>&1)
  status=$?
  if [ "$status" = 0 ] && [ "$reply" = "hi $n" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "ask $n: status $status, printed: $reply"
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
