//! Random heads of requests and responses, and where the two are known to differ about them.

use crate::tally::Listed;
use ws_proto_test::random::Random;

/// Where the two are known to differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    BareLf,
    EmptyLines,
    Repeated,
    Lists,
    Offers,
    Body,
    Host,
    Target,
    KeyPadBits,
    Pipelined,
    Folded,
    Informational,
}

impl Listed for Known {
    fn reason(self) -> &'static str {
        match self {
            Self::BareLf => "a line that ends with LF alone: refused, they take it",
            Self::EmptyLines => {
                "empty lines in front: one is skipped in front of a request, they skip any number"
            }
            Self::Repeated => "a field twice that may stand once: refused, they take one of them",
            Self::Lists => {
                "Upgrade and Connection are lists, over several lines (RFC 9110 5.3, 7.8): they \
                 read one line, split Connection at spaces and take no list in Upgrade"
            }
            Self::Offers => {
                "subprotocols and extensions that are malformed, repeated or (extensions) not \
                 offered: refused, they do not look"
            }
            Self::Body => "what says that a body follows: refused, they do not look",
            Self::Host => "no Host, or not a host: refused, they do not look",
            Self::Target => {
                "a target that is not a path or a URI with a host: refused, they take `*` and \
                 more; some characters that RFC 3986 has not in a path they refuse"
            }
            Self::KeyPadBits => {
                "a key with pad bits, as that of RFC 6455 before erratum 3150: they refuse it"
            }
            Self::Pipelined => "frames behind a request are kept, they refuse",
            Self::Folded => {
                "a folded line of a response is read with a space (RFC 9112 5.2), they refuse"
            }
            Self::Informational => "other 1xx before the 101 are skipped, they refuse",
        }
    }
}

/// A field and its possible values: mostly the first value.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// The chance that it is there, in percent.
    pub(crate) present: usize,
    /// Chance of a second line of the same field, in percent.
    pub(crate) repeated: usize,
    pub(crate) right: &'static [&'static str],
    pub(crate) odd: &'static [&'static str],
}

/// Header lines in random order and case, each with its CR LF.
pub(crate) fn lines(rng: &mut Random, fields: &[Field], odd_percent: usize) -> Vec<u8> {
    let mut lines: Vec<String> = Vec::new();
    for field in fields {
        if !rng.percent(field.present) {
            continue;
        }
        let twice = odd_percent > 0 && rng.percent(field.repeated);
        for _ in 0..=usize::from(twice) {
            let odd = rng.percent(odd_percent) && !field.odd.is_empty();
            let value = rng.pick(if odd { field.odd } else { field.right });
            let space = rng.pick(&[" ", " ", " ", "", "\t", "   "]);
            let after = rng.pick(&["", "", "", " ", "\t "]);
            lines.push(format!(
                "{}:{space}{value}{after}\r\n",
                cased(rng, field.name)
            ));
        }
    }
    for at in (1..lines.len()).rev() {
        lines.swap(at, rng.below(at + 1));
    }
    lines.concat().into_bytes()
}

fn cased(rng: &mut Random, name: &str) -> String {
    match rng.below(4) {
        0 => name.to_ascii_lowercase(),
        1 => name.to_ascii_uppercase(),
        _ => name.to_owned(),
    }
}

/// Changes one to three bytes or lines.
pub(crate) fn mutate(rng: &mut Random, head: &mut Vec<u8>) {
    const BYTES: &[u8] = b"\0\t\n\r \"#%,/:;<=?@AZ\\az{|}~\x7f\x80\xff0159";
    for _ in 0..rng.between(1, 3) {
        if head.is_empty() {
            return;
        }
        let at = rng.below(head.len());
        match rng.below(7) {
            0 => head[at] = rng.pick(BYTES),
            1 => head.insert(at, rng.pick(BYTES)),
            2 => drop(head.remove(at)),
            3 => head[at] ^= 1 << rng.below(8),
            4 => head.truncate(at),
            5 => {
                let end = rng.between(at, head.len()).min(at + 30);
                let piece = head[at..end].to_vec();
                head.splice(at..at, piece);
            }
            // At the ends of lines, where the rules are.
            _ => {
                let ends: Vec<usize> = (0..head.len()).filter(|&at| head[at] == b'\r').collect();
                if let Some(&end) = ends.get(rng.below(ends.len().max(1))) {
                    let insert: &[u8] = rng.pick(&[&b"\r\n "[..], b"\r\n\t", b" ", b"\r\nx: y"]);
                    match rng.below(3) {
                        0 => drop(head.remove(end)),
                        _ => drop(head.splice(end..end, insert.iter().copied())),
                    }
                }
            }
        }
    }
}

/// Where the head ends: after its first empty line.
pub(crate) fn end(head: &[u8]) -> Option<usize> {
    let start = head
        .iter()
        .position(|&byte| byte != b'\r' && byte != b'\n')?;
    let empty = head[start..]
        .windows(4)
        .position(|four| four == b"\r\n\r\n")?;
    Some(start + empty + 4)
}

/// The values of a field, read naively; only for heads that one of the two has accepted.
fn values<'h>(head: &'h [u8], name: &str) -> Vec<&'h [u8]> {
    head.split(|&byte| byte == b'\n')
        .filter_map(|line| {
            let colon = line.iter().position(|&byte| byte == b':')?;
            let (found, value) = line.split_at(colon);
            found
                .eq_ignore_ascii_case(name.as_bytes())
                .then(|| value[1..].trim_ascii())
        })
        .collect()
}

/// The elements of a field that is a list.
fn elements<'h>(head: &'h [u8], name: &str) -> Vec<&'h [u8]> {
    let values = values(head, name).into_iter();
    values
        .flat_map(|value| value.split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
        .collect()
}

/// Whether `Upgrade` and `Connection` have the required names, as lists.
pub(crate) fn upgrades(head: &[u8]) -> bool {
    let names = |field, token: &[u8]| {
        let elements = elements(head, field);
        elements
            .iter()
            .any(|element| element.eq_ignore_ascii_case(token))
    };
    names("Upgrade", b"websocket") && names("Connection", b"upgrade")
}

/// Whether there is one key, of 16 bytes in base64 with any pad bits.
pub(crate) fn has_key(head: &[u8]) -> bool {
    let is_digit = |&byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    match values(head, "Sec-WebSocket-Key").as_slice() {
        [key] => key.len() == 24 && key[..22].iter().all(is_digit) && key.ends_with(b"=="),
        _ => false,
    }
}

pub(crate) fn repeats(head: &[u8], name: &str) -> bool {
    values(head, name).len() > 1
}

/// Whether there is one Host that is plainly one.
pub(crate) fn has_host(head: &[u8]) -> bool {
    let [host] = *values(head, "Host") else {
        return false;
    };
    let text = String::from_utf8_lossy(host);
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) if port.is_empty() || port.starts_with(':') => {
            (address, port.strip_prefix(':').unwrap_or(""))
        }
        _ => text.split_once(':').unwrap_or((&text, "")),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'-');
    !name.is_empty()
        && name.bytes().all(is_name)
        && (port.is_empty() || port.parse::<u16>().is_ok())
}

/// Whether a body may follow.
pub(crate) fn has_body(head: &[u8]) -> bool {
    let lengths = values(head, "Content-Length");
    !values(head, "Transfer-Encoding").is_empty()
        || lengths.len() > 1
        || lengths.iter().any(|&length| length != b"0")
}

/// Whether all subprotocols are tokens and different, and there is one if the field is there.
pub(crate) fn subprotocols_are_right(head: &[u8]) -> bool {
    const NO_TOKEN: &[u8] = b"\"(),/:;<=>?@[\\]{}";
    let elements = elements(head, "Sec-WebSocket-Protocol");
    let is_token = |element: &[u8]| {
        let mut bytes = element.iter();
        bytes.all(|byte| byte.is_ascii_graphic() && !NO_TOKEN.contains(byte))
    };
    let differ = |(index, element)| !elements[..index].contains(element);
    elements.is_empty() == values(head, "Sec-WebSocket-Protocol").is_empty()
        && elements.iter().all(|element| is_token(element))
        && elements.iter().enumerate().all(differ)
}

/// The request target; `None` if the line is not one.
pub(crate) fn target(head: &[u8]) -> Option<&[u8]> {
    let line = head
        .trim_ascii_start()
        .split(|&byte| byte == b'\r')
        .next()?;
    line.split(|&byte| byte == b' ').nth(1)
}
