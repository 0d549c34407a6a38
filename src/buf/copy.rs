//! Copies that take as long wherever the two places lie.

#[cfg(feature = "alloc")]
use alloc::{string::String, vec::Vec};
use core::ops::Range;

/// The number of bytes that are copied at once. For more than a few KiB the C library takes an instruction for strings
/// that is four times slower than vectors on some processors where the two places happen to lie
/// badly; for this it takes vectors.
const STEP: usize = 2048;

/// Copies `from` to `to`, as far as the shorter of them goes.
#[inline]
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    let n = to.len().min(from.len());
    let (Some(to), Some(from)) = (to.get_mut(..n), from.get(..n)) else {
        return;
    };
    if n <= STEP {
        to.copy_from_slice(from);
    } else {
        copy_in_steps(to, from);
    }
}

#[inline(never)]
fn copy_in_steps(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.chunks_mut(STEP).zip(from.chunks(STEP)) {
        // Both have the same length; the compiler cannot see that here.
        if let Some(from) = from.get(..to.len()) {
            to.copy_from_slice(from);
        }
    }
}

/// Moves the bytes of `range` to the front. Does nothing if they are not all there.
pub(crate) fn move_to_front(bytes: &mut [u8], range: Range<usize>) {
    if bytes.get(range.clone()).is_some() {
        bytes.copy_within(range, 0);
    }
}

/// Appends `bytes` to `to`.
#[cfg(feature = "alloc")]
#[inline]
pub(crate) fn append(to: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() <= STEP {
        to.extend_from_slice(bytes);
    } else {
        append_in_steps(to, bytes);
    }
}

#[cfg(feature = "alloc")]
#[inline(never)]
fn append_in_steps(to: &mut Vec<u8>, bytes: &[u8]) {
    to.reserve(bytes.len());
    for step in bytes.chunks(STEP) {
        to.extend_from_slice(step);
    }
}

/// Appends `text` to `to`.
#[cfg(feature = "alloc")]
#[inline]
pub(crate) fn append_text(to: &mut String, text: &str) {
    if text.len() <= STEP {
        to.push_str(text);
    } else {
        append_text_in_steps(to, text);
    }
}

#[cfg(feature = "alloc")]
#[inline(never)]
fn append_text_in_steps(to: &mut String, mut text: &str) {
    to.reserve(text.len());
    while text.len() > STEP {
        let end = (0..=STEP).rev().find(|end| text.is_char_boundary(*end));
        let parts = text.split_at_checked(end.unwrap_or_default());
        let (step, rest) = parts.unwrap_or((text, ""));
        to.push_str(step);
        text = rest;
    }
    to.push_str(text);
}
