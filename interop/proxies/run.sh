#!/usr/bin/env bash
# Clients of the adapters through proxies of others, to echo servers of the engine: tinyproxy and squid with a password,
# squid over TLS, microsocks with a password. Each is asked for `ws` and `wss`, with the right password, a wrong one and
# none, and for a server that is not there; one proxy is not there itself. Messages have 0 to 16 MiB.
#
# usage: interop/proxies/run.sh [tokio | smol | NAME=PROGRAM]...
#
# PROGRAM takes the place of the one of this repository. It takes some 15 s for each adapter.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

adapters=(tokio smol) # mio's program makes its own way to a server
[ "${1:-}" != --help ] || help
programs=("$@")
[ ${#programs[@]} -gt 0 ] || programs=("${adapters[@]}")
are_adapters "${programs[@]}"

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; } # PORT
gone=$(free_port)

# ---- The proxies: `folder` is for their files, `port` is where each listens.

serve() { # NAME PORT COMMAND...
  start 900 "${@:3}" >"$folder/$1.log" 2>&1
  for _ in {1..100}; do
    if listens "$2"; then
      echo "$1 listens"
      return
    fi
    kill -0 "$started" 2>/dev/null || break
    sleep 0.1
  done
  fail "$1" "it does not start: $(reason "$folder/$1.log")"
  return 1
}

tinyproxy() {
  program tinyproxy tinyproxy || return
  local command=$found
  port=$(free_port)
  cat >"$folder/tinyproxy.conf" <<CONF
Listen 127.0.0.1
Port $port
Timeout 600
BasicAuth me secret
CONF
  serve tinyproxy "$port" "$command" -d -c "$folder/tinyproxy.conf"
}

squid() { # and `tls_port`
  program squid squid-openssl || return
  local command=$found helper=/usr/lib/squid/basic_ncsa_auth
  [ -x "$helper" ] || { skip squid "there is no $helper"; return 1; }
  port=$(free_port) tls_port=$(free_port)
  echo "me:$("$openssl" passwd -apr1 secret)" >"$folder/squid.password"
  cat >"$folder/squid.conf" <<CONF
http_port 127.0.0.1:$port
https_port 127.0.0.1:$tls_port tls-cert=$folder/cert.pem tls-key=$folder/key.pem
auth_param basic program $helper $folder/squid.password
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
cache deny all
cache_log /dev/null
access_log none
pid_filename none
coredump_dir $folder
shutdown_lifetime 0 seconds
CONF
  serve squid "$port" "$command" -N -d 1 -f "$folder/squid.conf"
}

microsocks() {
  program microsocks microsocks || return
  local command=$found
  port=$(free_port)
  serve microsocks "$port" "$command" -i 127.0.0.1 -p "$port" -u me -P secret
}

# ---- What clients are asked for.

echoes='"closed":1000,.*"right":22,.*"status":101,.*"wrong":\[\]'

visit() { # NAME PATTERN URL OPTION...: the report has to match the pattern
  local status=0
  run 120 "$ours" visit "${@:3}" >"$scratch/visit" 2>&1 || status=$?
  if [ $status = 0 ] && grep -qE "$2" "$scratch/visit"; then
    passed=$((passed + 1))
  else
    fail "$1" "status $status, $(head -c 300 "$scratch/visit")"
  fi
}
# Visits both servers with each password. What is not granted is reported as the last pattern, a server that is not there
# as the one before it.
ask() { # NAME SCHEME AUTHORITY GONE REFUSED [OPTION...]
  local server url before=$passed
  for server in "$plain" "$secure"; do
    url="$1, ${server%%:*}"
    visit "$url" "$echoes" "$server" --ca "$pem" --proxy "$2://me:secret@$3" "${@:6}"
    visit "$url, wrong password" "$5" "$server" --ca "$pem" --proxy "$2://me:wrong@$3" "${@:6}"
    visit "$url, no password" "$5" "$server" --ca "$pem" --proxy "$2://$3" "${@:6}"
    visit "$url, no server" "$4" "${server%%:*}://127.0.0.1:$gone/" --ca "$pem" \
      --proxy "$2://me:secret@$3" "${@:6}"
  done
  echo "$1: $((passed - before)) right"
}

program openssl openssl || exit 0
openssl=$found
folder=$scratch/proxies
mkdir "$folder"
# squid takes another user when it is started by root.
chmod 711 "$scratch"
chmod 755 "$folder"
pem=$folder/cert.pem
run 60 "$openssl" req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE \
  -keyout "$folder/key.pem" -out "$pem" 2>/dev/null
chmod 644 "$folder/key.pem"

engine_program echo --features tls --release || exit 0
url() { # FILE: waits for the line in it
  for _ in {1..100}; do
    found=$(head -n 1 "$1")
    [ -z "$found" ] || return 0
    sleep 0.1
  done
  return 1
}
echo_server=$found
start 900 "$echo_server" >"$folder/plain" 2>"$folder/plain.errors"
start 900 "$echo_server" "$pem" "$folder/key.pem" >"$folder/secure" 2>"$folder/secure.errors"
url "$folder/plain"
plain=$found
url "$folder/secure"
secure=$found

tiny= squid= squid_tls= socks=
if tinyproxy; then tiny=$port; fi
if squid; then squid=$port squid_tls=$tls_port; fi
if microsocks; then socks=$port; fi

for one in "${programs[@]}"; do
  adapter_program "$one" || continue
  ours=$found
  if [ -n "$tiny" ]; then
    ask "$name, tinyproxy" http "localhost:$tiny" '"proxy":50[0-4]' '"proxy":40[17]'
  fi
  if [ -n "$squid" ]; then
    ask "$name, squid" http "localhost:$squid" '"proxy":503' '"proxy":407'
    ask "$name, squid over TLS" https "localhost:$squid_tls" '"proxy":503' '"proxy":407' --proxy-ca "$pem"
  fi
  if [ -n "$socks" ]; then
    for scheme in socks5 socks5h; do
      ask "$name, microsocks, $scheme" "$scheme" "localhost:$socks" '"error":"proxy: Connection refused' \
        '"error":"proxy: (Password auth failure|No acceptable auth methods)'
    done
  fi
  for scheme in http https socks5h; do
    visit "$name, no proxy, $scheme" '"error":"proxy: localhost cannot be reached' "$plain" \
      --proxy "$scheme://localhost:$gone" --proxy-ca "$pem"
  done
done
