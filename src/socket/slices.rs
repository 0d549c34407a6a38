//! What waits to be written, in pieces.

use alloc::collections::vec_deque;
use core::mem;

/// A payload that is queued by reference.
pub(super) struct SharedPart<B> {
    /// How many copied bytes are between this part and the one before.
    pub(super) copied_before: usize,
    pub(super) payload: B,
}

/// By hand: adapters of iterators take five times the instructions for the header and the payload of one message.
pub(super) struct Slices<'q, B> {
    pub(super) copied: &'q [u8],
    pub(super) parts: vec_deque::Iter<'q, SharedPart<B>>,
    /// Of the next part.
    pub(super) written: usize,
    /// Of the part whose header was the last slice.
    pub(super) payload: &'q [u8],
}

impl<'q, B: AsRef<[u8]>> Iterator for Slices<'q, B> {
    type Item = &'q [u8];

    #[inline]
    fn next(&mut self) -> Option<&'q [u8]> {
        loop {
            if !self.payload.is_empty() {
                return Some(mem::take(&mut self.payload));
            }
            let Some(part) = self.parts.next() else {
                let last = mem::take(&mut self.copied);
                return (!last.is_empty()).then_some(last);
            };
            let payload = part.payload.as_ref().get(mem::take(&mut self.written)..);
            self.payload = payload.unwrap_or_default();
            let before = part.copied_before.min(self.copied.len());
            let (before, rest) = self.copied.split_at(before);
            self.copied = rest;
            if !before.is_empty() {
                return Some(before);
            }
        }
    }
}
