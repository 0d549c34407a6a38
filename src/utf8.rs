//! Incremental UTF-8 validation (RFC 6455 8.1, RFC 3629).
//!
//! Text arrives in pieces that may be cut anywhere, inside a character too. [`Utf8`] validates
//! piece by piece and refuses a text at the byte that proves it invalid, without waiting for the
//! end of a frame or a message. The bulk of every piece goes through `simdutf8`.

use core::error::Error;
use core::fmt;

use crate::simd;

/// How much of a character has been seen at the end of the pieces so far: 3 bytes of state.
///
/// ```
/// use ws_proto::utf8::Utf8;
///
/// let mut utf8 = Utf8::new();
/// let euro = "1 \u{20ac} 2".as_bytes();
/// let piece = utf8.push(&euro[..4])?; // cuts the euro sign
/// assert_eq!((piece.head, piece.body), (None, "1 "));
/// let piece = utf8.push(&euro[4..])?;
/// assert_eq!((piece.head, piece.body), (Some('\u{20ac}'), " 2"));
/// utf8.finish()?;
///
/// // A surrogate is refused at its second byte, whatever may follow.
/// assert!(utf8.push(&[0xed]).is_ok());
/// assert!(utf8.push(&[0xa0]).is_err());
/// # Ok::<(), ws_proto::utf8::InvalidUtf8>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Utf8 {
    /// The bytes of the unfinished character. Zero stands for "not there yet": no byte of a
    /// multi-byte character is zero.
    pending: [u8; 3],
}

/// The text that one piece adds: the character that it completes, and all whole characters after it. Exhaustive on
/// purpose: it is no more than that.
///
/// ```
/// use ws_proto::utf8::{Utf8, Validated};
///
/// let mut utf8 = Utf8::new();
/// utf8.push(b"\xe2\x82")?; // two of three bytes
/// assert!(!utf8.is_complete());
/// let piece = utf8.push(b"\xac 5")?;
/// assert_eq!(piece, Validated { head: Some('€'), body: " 5" });
/// # Ok::<(), ws_proto::utf8::InvalidUtf8>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validated<'t> {
    /// The character that began in an earlier piece and ended in this one.
    pub head: Option<char>,
    /// The whole characters that follow. A character cut at the end is in neither; it comes as
    /// the `head` of a later piece.
    pub body: &'t str,
}

impl Utf8 {
    /// The state at the start of a text.
    #[must_use]
    pub const fn new() -> Self {
        Self { pending: [0; 3] }
    }

    /// Validates the next bytes of the text.
    ///
    /// # Errors
    ///
    /// [`InvalidUtf8`] if no text can start with the bytes so far. The state is of no use then.
    #[inline]
    pub fn push<'t>(&mut self, bytes: &'t [u8]) -> Result<Validated<'t>, InvalidUtf8> {
        if self.is_complete() && bytes.last().is_none_or(u8::is_ascii) {
            let body = from_utf8(bytes)?;
            return Ok(Validated { head: None, body });
        }
        self.push_cut(bytes)
    }

    /// As [`push`](Self::push), where a character may be cut at the start or at the end.
    #[inline(never)]
    fn push_cut<'t>(&mut self, bytes: &'t [u8]) -> Result<Validated<'t>, InvalidUtf8> {
        let (head, rest) = if self.is_complete() {
            (None, bytes)
        } else {
            self.complete(bytes)?
        };
        let (whole, cut) = split_cut_character(rest);
        let body = from_utf8(whole)?;
        for &byte in cut {
            self.step(byte)?;
        }
        Ok(Validated { head, body })
    }

    /// Ends the text; the state is then that of a new one.
    ///
    /// # Errors
    ///
    /// [`InvalidUtf8`] if the text ends inside a character.
    #[inline]
    pub fn finish(&mut self) -> Result<(), InvalidUtf8> {
        let complete = self.is_complete();
        *self = Self::new();
        if complete { Ok(()) } else { Err(InvalidUtf8) }
    }

    /// Whether the text so far ends between two characters.
    ///
    /// ```
    /// use ws_proto::utf8::Utf8;
    ///
    /// let mut utf8 = Utf8::new();
    /// utf8.push(b"caf\xc3")?;
    /// assert!(!utf8.is_complete());
    /// utf8.push(b"\xa9")?;
    /// assert!(utf8.is_complete());
    /// # Ok::<(), ws_proto::utf8::InvalidUtf8>(())
    /// ```
    #[inline]
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.pending[0] == 0
    }

    /// The missing part of the character that is cut, in three bits: 0 if none is cut. Of two states with
    /// the same need, the same bytes can follow.
    pub(crate) const fn need(self) -> u8 {
        match self.pending {
            [0, ..] => 0,
            [0xe0, 0, _] => 4,
            [0xed, 0, _] => 5,
            [0xf0, 0, _] => 6,
            [0xf4, 0, _] => 7,
            [lead, second, third] => {
                let seen = 1 + (second != 0) as usize + (third != 0) as usize;
                width(lead).saturating_sub(seen) as u8
            }
        }
    }

    /// A state with that [need](Self::need). What `push` gives as `head` is not the character then.
    pub(crate) const fn from_need(need: u8) -> Self {
        const LEADS: [u8; 8] = [0, 0xc2, 0xe1, 0xf1, 0xe0, 0xed, 0xf0, 0xf4];
        Self {
            pending: [LEADS[(need & 7) as usize], 0, 0],
        }
    }

    /// Takes bytes until the pending character is complete or they run out.
    fn complete<'t>(&mut self, bytes: &'t [u8]) -> Result<(Option<char>, &'t [u8]), InvalidUtf8> {
        let mut rest = bytes;
        while let [byte, after @ ..] = rest {
            rest = after;
            if let Some(head) = self.step(*byte)? {
                return Ok((Some(head), rest));
            }
        }
        Ok((None, rest))
    }

    /// Adds one byte to the pending character, and gives the character if that completes it.
    fn step(&mut self, byte: u8) -> Result<Option<char>, InvalidUtf8> {
        match self.pending {
            [0, ..] => {
                if width(byte) < 2 {
                    return Err(InvalidUtf8);
                }
                self.pending[0] = byte;
            }
            [lead, 0, _] => {
                if !follows(lead, byte) {
                    return Err(InvalidUtf8);
                }
                if width(lead) == 2 {
                    return self.take(&[lead, byte]);
                }
                self.pending[1] = byte;
            }
            _ if byte & 0xc0 != 0x80 => return Err(InvalidUtf8),
            [lead, second, 0] => {
                if width(lead) == 3 {
                    return self.take(&[lead, second, byte]);
                }
                self.pending[2] = byte;
            }
            [lead, second, third] => return self.take(&[lead, second, third, byte]),
        }
        Ok(None)
    }

    fn take(&mut self, bytes: &[u8]) -> Result<Option<char>, InvalidUtf8> {
        *self = Self::new();
        let text = core::str::from_utf8(bytes).map_err(|_| InvalidUtf8)?;
        Ok(text.chars().next())
    }
}

/// Below this, `simdutf8` hands over to `core`; going there at once is cheaper.
const SHORT: usize = 64;

/// The text in `bytes`, if they are UTF-8 to their end.
#[inline]
pub(crate) fn from_utf8(bytes: &[u8]) -> Result<&str, InvalidUtf8> {
    if let Some(text) = simd::short_ascii(bytes) {
        return Ok(text);
    }
    if bytes.len() >= SHORT {
        return simdutf8::basic::from_utf8(bytes).map_err(|_| InvalidUtf8);
    }
    core::str::from_utf8(bytes).map_err(|_| InvalidUtf8)
}

/// Splits off a character that is cut at the end: at most three bytes.
fn split_cut_character(bytes: &[u8]) -> (&[u8], &[u8]) {
    let len = bytes.len();
    for (back, &byte) in (1..=3).zip(bytes.iter().rev()) {
        if byte & 0xc0 != 0x80 {
            let cut = if width(byte) > back { back } else { 0 };
            return bytes
                .split_at_checked(len.saturating_sub(cut))
                .unwrap_or((bytes, &[]));
        }
    }
    (bytes, &[])
}

/// How many bytes the character with this first byte has; 0 if no character starts with it.
const fn width(lead: u8) -> usize {
    match lead {
        0..=0x7f => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 0,
    }
}

/// Whether `second` may follow `lead`: no overlong form, no surrogate, nothing over U+10FFFF.
const fn follows(lead: u8, second: u8) -> bool {
    match lead {
        0xe0 => matches!(second, 0xa0..=0xbf),
        0xed => matches!(second, 0x80..=0x9f),
        0xf0 => matches!(second, 0x90..=0xbf),
        0xf4 => matches!(second, 0x80..=0x8f),
        _ => matches!(second, 0x80..=0xbf),
    }
}

/// Bytes that are not UTF-8. Exhaustive on purpose: programs that implement a
/// [`MessageStorage`](crate::MessageStorage) make it.
///
/// ```
/// use ws_proto::utf8::{InvalidUtf8, Utf8};
///
/// let mut utf8 = Utf8::new();
/// utf8.push(b"caf\xe9")?; // may be the first of three bytes
/// assert_eq!(utf8.push(b"!"), Err(InvalidUtf8));
/// # Ok::<(), InvalidUtf8>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InvalidUtf8;

impl fmt::Display for InvalidUtf8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not UTF-8")
    }
}

impl Error for InvalidUtf8 {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every prefix of every kind of character: what may follow depends on its need alone.
    #[test]
    fn need_is_all_that_matters() {
        let starts: &[&[u8]] = &[
            b"",
            &[0xc2],
            &[0xdf],
            &[0xe0],
            &[0xe0, 0xa0],
            &[0xe1],
            &[0xec, 0x80],
            &[0xed],
            &[0xed, 0x9f],
            &[0xee],
            &[0xef, 0xbf],
            &[0xf0],
            &[0xf0, 0x90],
            &[0xf0, 0x90, 0x80],
            &[0xf1],
            &[0xf3, 0x80],
            &[0xf3, 0x80, 0x80],
            &[0xf4],
            &[0xf4, 0x8f],
            &[0xf4, 0x8f, 0xbf],
        ];
        for start in starts {
            let mut full = Utf8::new();
            full.push(start).unwrap();
            let short = Utf8::from_need(full.need());
            assert_eq!(short.need(), full.need());
            assert_eq!(short.is_complete(), full.is_complete());
            for first in 0..=255 {
                let (mut full, mut short) = (full, short);
                let accepted = full.push(&[first]).is_ok();
                assert_eq!(
                    short.push(&[first]).is_ok(),
                    accepted,
                    "{start:x?} {first:x}"
                );
                if accepted {
                    assert_eq!(short.need(), full.need(), "{start:x?} {first:x}");
                }
            }
        }
    }
}
