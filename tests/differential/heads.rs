//! Random heads of requests and responses, and where the two are known to differ about them.

use crate::rng::Rng;
use crate::tally::Listed;

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

/// A field and what it may look like: mostly the first value.
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
pub(crate) fn lines(rng: &mut Rng, fields: &[Field], odd_percent: usize) -> Vec<u8> {
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

fn cased(rng: &mut Rng, name: &str) -> String {
    match rng.below(4) {
        0 => name.to_ascii_lowercase(),
        1 => name.to_ascii_uppercase(),
        _ => name.to_owned(),
    }
}

/// Changes one to three bytes or lines.
pub(crate) fn mutate(rng: &mut Rng, head: &mut Vec<u8>) {
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

/// Where the head ends: behind its first empty line.
pub(crate) fn end(head: &[u8]) -> Option<usize> {
    let start = head
        .iter()
        .position(|&byte| byte != b'\r' && byte != b'\n')?;
    let empty = head[start..]
        .windows(4)
        .position(|four| four == b"\r\n\r\n")?;
    Some(start + empty + 4)
}
