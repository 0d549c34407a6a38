# Finds Chromium, or installs it: its path is in $browser. Ends the script that sources this, with
# "skipped" and the reason, where that is not possible.

skip() {
  echo "skipped: $*"
  exit 0
}

find_browser() {
  command -v "${CHROMIUM:-chromium}" || { [ -z "${CHROMIUM:-}" ] && command -v chromium-browser; }
}
install_browser() {
  command -v apt-get >/dev/null || skip "no Chromium, and no apt-get to install it"
  [ "$(id -u)" = 0 ] || skip "no Chromium, and only root can install it"
  local log
  log=$(mktemp)
  if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
    --no-install-recommends chromium; } >"$log" 2>&1; then
    skip "no Chromium, and apt-get cannot install it ($(tail -n 1 "$log"))"
  fi
  rm -f "$log"
}
browser=$(find_browser) || { install_browser; browser=$(find_browser) || skip "no Chromium"; }
