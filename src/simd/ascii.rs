//! Text that a loop has seen to be ASCII.

#![cfg_attr(feature = "simd", allow(unsafe_code))]

use super::xor::{xor, xor_any, xor_down};

/// Bytes that are ASCII, every one of them. Only the functions of this file make it, each right after a
/// loop that has looked at all of them.
struct Ascii<'b>(&'b [u8]);

impl<'b> Ascii<'b> {
    #[cfg(feature = "simd")]
    #[inline(always)]
    const fn into_str(self) -> Option<&'b str> {
        // SAFETY: ASCII is UTF-8, and `self.0` is borrowed since it was looked at.
        Some(unsafe { core::str::from_utf8_unchecked(self.0) })
    }

    /// The safe way: it looks at them once more, which takes half the time of `core`'s validation; that
    /// goes byte by byte up to where a word is aligned (`receive/ascii/16` and `receive/ascii/125` in
    /// `benches/engine`).
    #[cfg(not(feature = "simd"))]
    #[inline(always)]
    fn into_str(self) -> Option<&'b str> {
        ascii::AsciiStr::from_ascii(self.0)
            .ok()
            .map(ascii::AsciiStr::as_str)
    }
}

/// Up to here, looking for ASCII first takes less time than the call of a validator that looks at 64
/// bytes at once.
const SHORT: usize = if LOOKS { 512 } else { 63 };

/// Whether long text is looked at while it is unmasked. It is not where that has to be repeated to make
/// a `str` of it.
const LOOKS: bool = cfg!(feature = "simd");

/// The text in `bytes` if they are not many, and all of them ASCII.
#[inline]
pub(crate) fn short_ascii(bytes: &[u8]) -> Option<&str> {
    if bytes.len() > SHORT || !bytes.is_ascii() {
        return None;
    }
    Ascii(bytes).into_str()
}

/// Unmasks `bytes`: as text if they were looked at and are ASCII.
#[inline(always)]
pub(crate) fn unmask_text(bytes: &mut [u8], key: [u8; 4]) -> Result<&str, &[u8]> {
    if !LOOKS && bytes.len() > SHORT {
        xor(bytes, key);
        return Err(bytes);
    }
    let ascii = xor_looking(bytes, key);
    let bytes = &*bytes;
    ascii
        .then(|| Ascii(bytes).into_str())
        .flatten()
        .ok_or(bytes)
}

/// A function of its own, because its result fits into a register.
#[inline]
fn xor_looking(bytes: &mut [u8], key: [u8; 4]) -> bool {
    xor_any::<true>(bytes, key)
}

/// Bytes in which masked pieces lie one after the other, with gaps between them. The pieces are unmasked
/// and moved together at the front.
pub(crate) struct Joined<'b, const TEXT: bool> {
    bytes: &'b mut [u8],
    /// The end of the bytes that were moved together.
    end: usize,
    /// Whether all of that is ASCII, if it is looked for.
    ascii: bool,
}

impl<'b, const TEXT: bool> Joined<'b, TEXT> {
    #[inline(always)]
    pub(crate) const fn new(bytes: &'b mut [u8]) -> Self {
        let (end, ascii) = (0, true);
        Self { bytes, end, ascii }
    }

    /// The bytes from `at` on. Those after the last piece are as they came.
    #[inline(always)]
    pub(crate) fn after(&self, at: usize) -> &[u8] {
        self.bytes.get(at..).unwrap_or_default()
    }

    /// Adds the `len` bytes at `at`, which is not before the end of the last piece. Bytes that are not
    /// there are not added: `end` counts only what a loop has looked at, whatever the caller says.
    #[inline(always)]
    pub(crate) fn push(&mut self, at: usize, len: usize, key: [u8; 4]) {
        let place = self.bytes.get_mut(self.end..at.saturating_add(len));
        let gap = at.saturating_sub(self.end);
        let place = place.unwrap_or_default();
        let len = place.len().saturating_sub(gap);
        if TEXT && LOOKS {
            self.ascii &= xor_down::<true>(place, gap, key);
        } else {
            xor_down::<false>(place, gap, key);
        }
        self.end = self.end.saturating_add(len);
    }

    /// The pieces, and the bytes after `end`.
    #[inline(always)]
    pub(crate) fn split(self, end: usize) -> (&'b mut [u8], &'b mut [u8]) {
        let end = end.min(self.bytes.len());
        let (joined, rest) = self.bytes.split_at_mut(end);
        (joined.get_mut(..self.end).unwrap_or_default(), rest)
    }

    /// As [`split`](Self::split): the pieces as text if they were looked at and are ASCII.
    #[inline(always)]
    pub(crate) fn split_text(self, end: usize) -> (Result<&'b str, &'b [u8]>, &'b mut [u8]) {
        let ascii = TEXT && LOOKS && self.ascii;
        let (joined, rest) = self.split(end);
        let joined = &*joined;
        let text = ascii.then(|| Ascii(joined).into_str()).flatten();
        (text.ok_or(joined), rest)
    }
}
