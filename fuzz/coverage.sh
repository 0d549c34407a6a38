#!/usr/bin/env bash
# Which lines of the files that the seeds are responsible for they reach: at least 99 percent.
#
#   fuzz/coverage.sh [GROUP...]
#
# Replays the seeds as tests, instrumented, with the stable toolchain. Reads the counts with the
# llvm-cov of LLVM_COV and LLVM_PROFDATA if they are set, of the toolchain if it has one, else of
# Debian's llvm-22, which is unpacked into fuzz/target. Prints the lines that are not reached.
set -euo pipefail
cd "$(dirname "$0")"
least=99
# The group `deflate` is not there yet: name it to see what its seeds miss.
all_groups=(header frames handshake extensions uri utf8 session)

# Files in ../src, by group. One file can serve both roles: then both targets have to reach it.
files() {
  case $1 in
    header) echo frame/{header,mask,opcode}.rs ;;
    frames) echo connection/receive/{coalesce,control,header,message,mod,payload}.rs ;;
    handshake)
      echo handshake/{accept,answer,body,client,connect,connect_check,connect_fields,established}.rs
      echo handshake/{exchange,head_scanner,headers,http_stream,key,offered,origin,origin_fault}.rs
      echo handshake/{parse,plain,proxy,pseudo_fields,request,request_check,response,scan}.rs
      echo handshake/{server,server_state,syntax,target,time_limit,upgrade,write}.rs
      ;;
    extensions) echo handshake/{extensions,offer}.rs ;;
    uri) echo uri.rs ;;
    utf8) echo utf8.rs ;;
    deflate) echo extension/deflate/{decoder,deflater,encoder,inflater}.rs ;;
    session)
      echo connection/{mod,send,timer}.rs simd/xor.rs message/assembler.rs
      echo connection/receive/{coalesce,control,header,message,mod,payload}.rs
      echo socket/{inbox,lent,messages,mod,outbox,read_buffer,reading,sender,vectored}.rs
      ;;
  esac
}

# The tests that replay the seeds.
tests() {
  case $1 in
    frames) echo frames::tests::seeds_server frames::tests::seeds_client ;;
    handshake) echo {handshake_server,handshake_client,extensions}::tests::seeds ;;
    session) echo {session,roundtrip,deflate_roundtrip}::tests::seeds ;;
    deflate) echo {inflate,deflate_roundtrip}::tests::seeds ;;
    *) echo "$1::tests::seeds" ;;
  esac
}

# File, function or text of the line, why no input gets there.
exceptions() {
  cat <<'EXCEPTIONS'
connection/receive/coalesce.rs|fn endless|only for tests of the feature simd
connection/receive/control.rs|_ => &[],|asked for between frames only
connection/receive/header.rs|return Ok(Checked::Partial {|a header is checked when there is a byte of it
connection/receive/header.rs|missing: 2,|as above
connection/receive/header.rs|len: None,|as above
connection/receive/header.rs|});|as above
connection/receive/header.rs|return 0;|what is refused for its length has a header
connection/receive/mod.rs|fn max_message|an accessor
connection/mod.rs|fn refused_len|the group frames is for it
connection/receive/mod.rs|fn refused_len|as above
connection/send.rs|}|the body of a Close always has room for the code
frame/header.rs|fn known|runs when the crate is compiled
frame/header.rs|fn byte|as above
frame/header.rs|return to.extend_from_slice(&self);|writing is for the group session
frame/mask.rs|fn key|the group frames is for it
simd/xor.rs|xor_vectors::<LOOK>(bytes, word)|with the feature simd only
simd/xor.rs|xor_vectors_into(to, from, word);|as above
simd/xor.rs|return;|the bytes are as long as has been asked before
simd/xor.rs|return !LOOK;|as above
handshake/accept.rs|fn chosen_subprotocol|an accessor
handshake/head_scanner.rs|return Ok(true);|nobody goes on with a head that is complete
handshake/head_scanner.rs|ScanState::Done => Ok(Step::Drop),|as above
handshake/extensions.rs|fn parse|for heads that another implementation has read
handshake/headers.rs|fn fmt|debug output
handshake/key.rs|fn fmt|debug output
handshake/offer.rs|return true;|what a proxy passes on was parsed
handshake/offered.rs|fn fmt|debug output
handshake/origin.rs|Err(error) => panic!("{}"|only the compiler sees a wrong constant
handshake/parse.rs|Ok(_) => Err(HandshakeError::HeaderInvalid),|our scan has found the same end
handshake/parse.rs|Error::TooManyHeaders => HandshakeError::TooManyLines,|our scan has counted the lines
handshake/plain.rs|_ => HandshakeError::UpgradeInvalid,|a plain request has one phase
handshake/response.rs|fn reason_of|a table of phrases
handshake/response.rs|return Ok(());|all that a server refuses has a status
handshake/server.rs|_ => None,|the phase was looked at before
handshake/syntax.rs|Err(_) => "",|the bytes were checked to be ASCII
handshake/write.rs|fn last_mut|what counts does not mask
handshake/write.rs|fn room|what counts is not asked
message/assembler.rs|return Err(self.skip(AssembleError::TooBig));|the connection keeps the same limit
message/assembler.rs|return Ok(None);|asked for what is held only
message/assembler.rs|fn decode|faults of decoders: there is none here that has any
message/assembler.rs|fn check|the connection keeps the same limit
message/assembler.rs|fn skip|as above
message/assembler.rs|fn collect|as above
message/assembler.rs|fn new|without an extension: for `Connection` alone
message/assembler.rs|fn storage|an accessor
message/assembler.rs|fn storage_mut|an accessor
message/assembler.rs|fn extension_mut|an accessor
message/assembler.rs|fn fmt|debug output
socket/lent.rs|fn with_output|for drivers of handshakes
socket/lent.rs|fn refused|as above
socket/lent.rs|fn note_unread|as `note_activity`
socket/lent.rs|fn wants_write|an accessor
socket/reading.rs|fn poll_next_with|as `poll_next`, by two functions
socket/reading.rs|fn fmt|debug output
socket/vectored.rs|fn fmt|debug output
socket/inbox.rs|fn next|text that a decoder gave: there is none here
socket/messages.rs|_ => return None,|a piece of text or binary, by the check before
socket/mod.rs|fn fmt|debug output
socket/outbox.rs|_ => None,|the fast path gives whole messages only
socket/read_buffer.rs|fn nothing|the range is always one of the buffer
uri.rs|fn host_and_port|for proxies: the group handshake is for it
uri.rs|fn of|as above
uri.rs|fn of_ipv6|as above
utf8.rs|fn fmt|the text of an error
utf8.rs|fn need|the group session is for it
utf8.rs|fn from_need|as above
utf8.rs|return Err(InvalidUtf8);|only leading bytes of characters are left over
EXCEPTIONS
}

tools() {
  if [ -n "${LLVM_COV:-}" ] && [ -n "${LLVM_PROFDATA:-}" ]; then
    return
  fi
  local bin
  bin=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
  if [ ! -x "$bin/llvm-cov" ]; then
    local home=$PWD/target/llvm
    bin=$home/usr/lib/llvm-22/bin
    export LD_LIBRARY_PATH=$home/usr/lib/x86_64-linux-gnu
    if [ ! -x "$bin/llvm-cov" ]; then
      if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
        echo "skipped: coverage of the seeds: no llvm-cov, and no Debian to take one from; set LLVM_COV and LLVM_PROFDATA"
        echo "0 passed, 0 failed, 1 skipped"
        exit 0
      fi
      mkdir -p "$home"
      (
        cd "$home"
        packages=(llvm-22 llvm-22-linker-tools libllvm22)
        apt-get download "${packages[@]}" || { apt-get update && apt-get download "${packages[@]}"; }
        for package in *.deb; do dpkg -x "$package" .; done
        rm ./*.deb
      ) >"$home/log" 2>&1 || {
        echo "skipped: coverage of the seeds: Debian's llvm-22 cannot be downloaded, see $home/log"
        echo "0 passed, 0 failed, 1 skipped"
        exit 0
      }
    fi
  fi
  LLVM_COV=$bin/llvm-cov
  LLVM_PROFDATA=$bin/llvm-profdata
}

tools
target=${CARGO_TARGET_DIR:-$PWD/target}/coverage
export RUSTFLAGS="-C instrument-coverage"
build=(cargo test --lib --target-dir "$target")
# Proc-macros are instrumented too; what they count is of no interest.
LLVM_PROFILE_FILE=/dev/null "${build[@]}" --no-run --quiet
binary=$("${build[@]}" --no-run 2>&1 | sed -n 's/.*(\(.*\))$/\1/p' | tail -1)
exceptions >"$target/exceptions"

status=0 passed=0 failed=0
printf '%-11s %-28s %6s %7s %7s %8s\n' group file lines exempt missed reached
[ $# -gt 0 ] || set -- "${all_groups[@]}"
for group in "$@"; do
  rm -f "$target"/*.profraw
  read -ra tests <<<"$(tests "$group")"
  LLVM_PROFILE_FILE="$target/%p.profraw" "$binary" --quiet --exact "${tests[@]}" >/dev/null
  "$LLVM_PROFDATA" merge -o "$target/$group.profdata" "$target"/*.profraw
  read -ra paths <<<"$(files "$group" | tr '\n' ' ')"
  for path in "${paths[@]}"; do
    [ -f "../src/$path" ] || { echo "there is no src/$path"; status=1; }
  done
  # Counts by line over all instances of generic functions.
  "$LLVM_COV" export --format=lcov --instr-profile="$target/$group.profdata" "$binary" \
    --sources "${paths[@]/#/../src/}" >"$target/$group.lcov"
  awk -v group="$group" -v least=$least '
    FILENAME ~ /exceptions$/ { split($0, part, "|"); except[part[1]] = except[part[1]] part[2] "\n"; next }
    /^SF:/ {
      path = substr($0, 4); file = path; sub(/.*\/src\//, "", file)
      line = 0; name = ""
      while ((getline text < path) > 0) {
        line++
        if (match(text, /^ *(pub(\([a-z]+\))? )?(const )?fn [a-z_0-9]+/)) {
          name = substr(text, RSTART, RLENGTH); sub(/.*fn /, "fn ", name)
        }
        source[line] = text; owner[line] = name
      }
      close(path)
    }
    /^DA:/ {
      split(substr($0, 4), at, ",")
      if (at[2] > 0) { lines++; next }
      n = split(except[file], texts, "\n"); text = source[at[1]]; gsub(/^ +/, "", text)
      for (i = 1; i < n; i++)
        if (owner[at[1]] == texts[i] || text == texts[i] || (length(texts[i]) > 20 && index(text, texts[i]))) break
      if (i < n) exempt++
      else { lines++; missed++; where = where " " at[1] }
    }
    /^end_of_record/ {
      printf "%-11s %-28s %6d %7d %7d %7.1f%%\n", group, file, lines, exempt, missed, 100 * (lines - missed) / lines
      if (missed) print "    not reached:" where
      all += lines; none += missed; free += exempt; lines = missed = exempt = 0; where = ""
    }
    END {
      printf "%-11s %-28s %6d %7d %7d %7.1f%%\n", group, "", all, free, none, 100 * (all - none) / all
      exit 100 * (all - none) / all < least
    }' "$target/exceptions" "$target/$group.lcov" && passed=$((passed + 1)) || failed=$((failed + 1))
done
[ $status = 0 ] || failed=$((failed + 1))
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
