//! A request's head: all short strings put in at twelve places, against a reader that splits the
//! whole of it into lines and looks at each (RFC 9112 2 to 5, RFC 6455 4.2.1).

use ws_proto::handshake::{Limits, ServerHandshake};
use ws_proto::{FixedBuf, Input};

const ALPHABET: [u8; 12] = *b"\r\n \t:,;\"\\a\0\x80";

/// Between two of these something is put in.
const PARTS: [&str; 13] = [
    "",
    "G",
    "ET ",
    "/",
    "p HTTP/1",
    ".1",
    "\r\n",
    "Ho",
    "st",
    ": ",
    "h",
    "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nX: ",
    "y\r\n\r\n",
];

#[derive(Debug, PartialEq)]
enum Verdict {
    Accepted {
        target: Vec<u8>,
        fields: Vec<(Vec<u8>, Vec<u8>)>,
        /// Where the frames start.
        end: usize,
    },
    Refused,
    Unfinished,
}

fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_text(byte: u8) -> bool {
    byte == b'\t' || byte >= 0x20 && byte != 0x7f
}

fn trim(bytes: &[u8]) -> &[u8] {
    let ows = |byte: &u8| b" \t".contains(byte);
    let start = bytes
        .iter()
        .position(|byte| !ows(byte))
        .unwrap_or(bytes.len());
    let end = bytes
        .iter()
        .rposition(|byte| !ows(byte))
        .map_or(start, |at| at + 1);
    &bytes[start..end]
}

/// The lines in front of the empty one, and where that ends; `None` while there is none.
fn lines(bytes: &[u8]) -> Option<(Vec<&[u8]>, usize)> {
    let mut lines = Vec::new();
    let mut start = 0;
    loop {
        let len = bytes[start..].windows(2).position(|two| two == b"\r\n")?;
        let line = &bytes[start..start + len];
        start += len + 2;
        // One empty line in front of a request is skipped (RFC 9112 2.2).
        if line.is_empty() && !(lines.is_empty() && start == 2) {
            return Some((lines, start));
        }
        if !line.is_empty() {
            lines.push(line);
        }
    }
}

fn reference(bytes: &[u8]) -> Verdict {
    let Some((lines, end)) = lines(bytes) else {
        // Whatever is wrong with what there is has its place in some other string.
        return Verdict::Unfinished;
    };
    let Some((first, fields)) = lines.split_first() else {
        return Verdict::Refused;
    };
    let parts: Vec<_> = first.split(|byte| *byte == b' ').collect();
    let [method, target, version] = parts[..] else {
        return Verdict::Refused;
    };
    if method != b"GET" || version != b"HTTP/1.1" || !is_target(target) {
        return Verdict::Refused;
    }
    let mut list = Vec::new();
    for line in fields {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return Verdict::Refused;
        };
        let (name, value) = (&line[..colon], trim(&line[colon + 1..]));
        if name.is_empty() || !name.iter().all(|byte| is_tchar(*byte)) {
            return Verdict::Refused;
        }
        if !line[colon + 1..].iter().all(|byte| is_text(*byte)) {
            return Verdict::Refused;
        }
        list.push((name.to_vec(), value.to_vec()));
    }
    let all = |name: &str| -> Vec<&[u8]> {
        let named = list
            .iter()
            .filter(|(one, _)| one.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|(_, value)| &value[..]).collect()
    };
    let host = all("host");
    let good = host.len() == 1
        && is_host(host[0])
        && all("upgrade") == [b"websocket"]
        && all("connection") == [b"Upgrade"]
        && all("sec-websocket-key") == [b"dGhlIHNhbXBsZSBub25jZQ=="]
        && all("sec-websocket-version") == [b"13"];
    if !good {
        return Verdict::Refused;
    }
    Verdict::Accepted {
        target: target.to_vec(),
        fields: list,
        end,
    }
}

/// A path. None of these strings is an absolute URI.
fn is_target(target: &[u8]) -> bool {
    target.first() == Some(&b'/') && target.iter().all(u8::is_ascii_graphic)
}

/// Of the characters that are put in, a name may have `a`, `,` and `;` (RFC 3986 3.2.2); a port has
/// digits only.
fn is_host(host: &[u8]) -> bool {
    let (name, port) = match host.iter().position(|byte| *byte == b':') {
        Some(colon) => (&host[..colon], &host[colon + 1..]),
        None => (host, &[][..]),
    };
    !name.is_empty() && name.iter().all(|byte| b"ha,;".contains(byte)) && port.is_empty()
}

/// What the engine says, and how many bytes it needed.
fn engine(bytes: &mut [u8], step: usize) -> Verdict {
    let mut handshake = ServerHandshake::new(FixedBuf::<512>::new(), Limits::new());
    let mut out = FixedBuf::<512>::new();
    let mut read = 0;
    for chunk in bytes.chunks_mut(step) {
        let before = chunk.len();
        let mut input = Input::new(chunk);
        let emitted = handshake.receive(&mut input, &mut out);
        read += before - input.len();
        match emitted {
            Ok(None) => {}
            Err(_) => return Verdict::Refused,
            Ok(Some(upgrade)) => {
                let fields = upgrade.headers().iter();
                return Verdict::Accepted {
                    target: upgrade.raw_target().as_bytes().to_vec(),
                    fields: fields
                        .map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec()))
                        .collect(),
                    end: read,
                };
            }
        }
    }
    Verdict::Unfinished
}

#[test]
fn all_short_strings_in_a_head() {
    let most = if crate::deep() { 6 } else { 4 };
    let (mut count, mut good) = (0_u64, 0_u64);
    for place in 0..PARTS.len() - 1 {
        let front = PARTS[..=place].concat();
        let back = PARTS[place + 1..].concat();
        for len in 0..=most {
            crate::strings(ALPHABET, len, |string| {
                let mut bytes = [front.as_bytes(), string, back.as_bytes()].concat();
                let expected = reference(&bytes);
                let emitted = engine(&mut bytes.clone(), usize::MAX);
                match (&expected, &emitted) {
                    // A fault is reported before the head is complete.
                    (Verdict::Unfinished, Verdict::Refused) => {}
                    _ => assert_eq!(emitted, expected, "{}", bytes.escape_ascii()),
                }
                if string.len() < 3 {
                    let single = engine(&mut bytes, 1);
                    assert_eq!(single, emitted, "{}", bytes.escape_ascii());
                }
                good += u64::from(matches!(expected, Verdict::Accepted { .. }));
                count += 1;
            });
        }
    }
    assert!(good > 500, "{good} of {count} are requests");
    crate::report("strings in a request's head", count);
}
