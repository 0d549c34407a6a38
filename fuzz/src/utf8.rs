//! The incremental validator of UTF-8 against that of the standard library.

use arbitrary::Arbitrary;
use ws_proto::utf8::Utf8;

use crate::support::pieces;

/// A text and how it is cut.
#[derive(Arbitrary, Debug)]
pub struct Text<'a> {
    /// The sizes of the pieces; repeated.
    pub cuts: [u8; 4],
    /// The text.
    pub bytes: &'a [u8],
}

/// Validates the text whole, in pieces as chosen, byte by byte, and in any two pieces.
///
/// # Panics
///
/// If the verdict differs from that of the standard library, or comes late.
pub fn check(text: &Text<'_>) {
    run(text.bytes, &[]);
    run(text.bytes, &text.cuts);
    run(text.bytes, &[1]);
    for first in 1..text.bytes.len().min(24) as u8 {
        run(text.bytes, &[first, u8::MAX]);
    }
}

fn run(bytes: &[u8], cuts: &[u8]) {
    let mut utf8 = Utf8::new();
    let mut decoded = String::new();
    let mut end = 0;
    for piece in pieces(&mut bytes.to_vec(), cuts) {
        end += piece.len();
        let (valid, verdict) = valid_prefix(&bytes[..end]);
        match utf8.push(piece) {
            Ok(emitted) => {
                assert_ne!(
                    verdict,
                    Verdict::Invalid,
                    "refused with the byte that proves it"
                );
                decoded.extend(emitted.head);
                decoded.push_str(emitted.body);
                assert_eq!(decoded, valid, "all whole characters so far");
                assert_eq!(utf8.is_complete(), verdict == Verdict::Valid);
            }
            Err(_) => {
                assert_eq!(verdict, Verdict::Invalid, "nothing is refused too early");
                return;
            }
        }
    }
    let (_, verdict) = valid_prefix(bytes);
    assert_eq!(utf8.finish().is_ok(), verdict == Verdict::Valid);
    assert_eq!(utf8, Utf8::new(), "a new text can start");
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Valid,
    Cut,
    Invalid,
}

fn valid_prefix(bytes: &[u8]) -> (&str, Verdict) {
    let Some(chunk) = bytes.utf8_chunks().next() else {
        return ("", Verdict::Valid);
    };
    let verdict = match core::str::from_utf8(bytes) {
        Ok(_) => Verdict::Valid,
        Err(error) if error.error_len().is_none() => Verdict::Cut,
        Err(_) => Verdict::Invalid,
    };
    (chunk.valid(), verdict)
}

#[cfg(test)]
mod tests {
    use crate::support::{read, replay};

    #[test]
    fn seeds() {
        replay("utf8", |bytes| super::check(&read(bytes)));
    }
}
