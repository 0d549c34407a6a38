# Installs valgrind if it is missing; for the scripts that source this.
if ! command -v valgrind > /dev/null; then
  if ! command -v apt-get > /dev/null; then
    echo "valgrind is missing, and there is no apt-get to install it" >&2
    exit 1
  fi
  as_root=(); [ "$(id -u)" = 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get install -qq -y valgrind libc6-dbg > /dev/null || {
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" apt-get install -qq -y valgrind libc6-dbg > /dev/null
  }
fi
