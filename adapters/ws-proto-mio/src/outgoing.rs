//! What waits to be written.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::mem;

use bytes::{Buf, Bytes};
use ws_proto::Output;

/// How many slices one write gathers.
const SLICES: usize = 16;

/// A queue of bytes, big payloads in it by reference. The tail is the event loop's shared buffer
/// during a turn.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    /// Before the tail.
    segments: VecDeque<Bytes>,
    tail: Vec<u8>,
    tail_start: usize,
    len: usize,
    /// How many bytes have ever been written.
    written: u64,
    replies: Replies,
}

/// How many bytes of answers may still be waiting. Those in `older` are written once `until` is.
#[derive(Debug, Default)]
struct Replies {
    older: usize,
    until: u64,
    newer: usize,
}

impl Outgoing {
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bytes of answers wait, or a little more.
    pub(crate) const fn replies(&self) -> usize {
        self.replies.older + self.replies.newer
    }

    /// Uses an empty buffer of the event loop's.
    pub(crate) fn borrow(&mut self, shared: &mut Vec<u8>) {
        if self.tail.capacity() == 0 {
            mem::swap(&mut self.tail, shared);
        }
    }

    /// Gives the buffer back if nothing waits in it; else it keeps no more than it needs.
    pub(crate) fn give_back(&mut self) -> Vec<u8> {
        if !self.is_empty() {
            self.compact();
            self.tail.shrink_to_fit();
            return Vec::new();
        }
        self.segments = VecDeque::new();
        self.tail_start = 0;
        let mut tail = mem::take(&mut self.tail);
        tail.clear();
        tail
    }

    /// An output with room for so many more bytes, which count as answers or not.
    pub(crate) const fn sink(&mut self, room: usize, is_reply: bool) -> Sink<'_> {
        Sink {
            out: self,
            room,
            is_reply,
        }
    }

    /// Queues `payload` as it is.
    pub(crate) fn push_shared(&mut self, payload: Bytes, is_reply: bool) {
        if payload.is_empty() {
            return;
        }
        if self.tail_start < self.tail.len() {
            // Copied, since the buffer is the event loop's: this is a header and what is before it.
            let tail = self.tail.get(self.tail_start..).unwrap_or_default();
            self.segments.push_back(Bytes::copy_from_slice(tail));
            self.tail.clear();
            self.tail_start = 0;
        }
        self.count(payload.len(), is_reply);
        self.segments.push_back(payload);
    }

    /// Calls `write` with what comes first, and with `behind` if there is a slice left for it.
    pub(crate) fn with_slices<T>(
        &self,
        behind: &[u8],
        write: impl FnOnce(&[IoSlice<'_>]) -> T,
    ) -> T {
        let tail = self.tail.get(self.tail_start..).unwrap_or_default();
        if self.segments.is_empty() && behind.is_empty() {
            return write(&[IoSlice::new(tail)]);
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let chunks = self.segments.iter().map(|segment| &**segment);
        let chunks = chunks.chain([tail, behind]).filter(|c| !c.is_empty());
        let mut count = 0;
        for (slice, chunk) in slices.iter_mut().zip(chunks) {
            *slice = IoSlice::new(chunk);
            count += 1;
        }
        write(slices.get(..count).unwrap_or_default())
    }

    /// Drops the first `n` bytes. Returns how many of `n` there were not.
    pub(crate) fn wrote(&mut self, n: usize) -> usize {
        let known = n.min(self.len);
        self.len -= known;
        self.written += known as u64;
        let mut left = known;
        while let Some(first) = self.segments.front_mut() {
            let step = left.min(first.len());
            first.advance(step);
            left -= step;
            if !first.is_empty() {
                break;
            }
            self.segments.pop_front();
        }
        self.tail_start += left;
        if self.is_empty() {
            self.tail.clear();
            self.tail_start = 0;
        }
        self.replies.wrote(self.written, self.len);
        n - known
    }

    /// Drops all of it: nobody takes it any more.
    pub(crate) fn clear(&mut self) {
        self.wrote(self.len);
    }

    fn append(&mut self, bytes: &[u8], is_reply: bool) {
        // What was written is dropped when that is at least half, so that a byte is moved once on
        // average.
        if self.tail_start > self.tail.len() / 2 {
            self.compact();
        }
        self.tail.extend_from_slice(bytes);
        self.count(bytes.len(), is_reply);
    }

    fn count(&mut self, bytes: usize, is_reply: bool) {
        self.len += bytes;
        if is_reply {
            self.replies.newer += bytes;
        }
    }

    fn compact(&mut self) {
        self.tail.drain(..self.tail_start);
        self.tail_start = 0;
    }
}

impl Replies {
    fn wrote(&mut self, written: u64, waiting: usize) {
        if waiting == 0 {
            *self = Self::default();
        } else if written >= self.until {
            self.older = mem::take(&mut self.newer);
            self.until = written + waiting as u64;
        }
    }
}

/// What the engine writes to.
#[derive(Debug)]
pub(crate) struct Sink<'o> {
    out: &'o mut Outgoing,
    room: usize,
    is_reply: bool,
}

impl Output for Sink<'_> {
    fn room(&self) -> usize {
        self.room
    }

    fn put(&mut self, bytes: &[u8]) {
        self.room = self.room.saturating_sub(bytes.len());
        self.out.append(bytes, self.is_reply);
    }

    fn last_mut(&mut self, n: usize) -> &mut [u8] {
        let tail = &mut self.out.tail;
        let from = tail.len().saturating_sub(n).max(self.out.tail_start);
        tail.get_mut(from..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MUCH: usize = 1 << 30;

    fn drain(out: &mut Outgoing, step: usize) -> Vec<u8> {
        let mut written = Vec::new();
        while !out.is_empty() {
            let chunk = out.with_slices(&[], |slices| {
                let all = slices.iter().flat_map(|s| s.iter().copied());
                all.take(step).collect::<Vec<u8>>()
            });
            assert!(!chunk.is_empty());
            assert_eq!(out.wrote(chunk.len()), 0);
            written.extend(chunk);
        }
        written
    }

    #[test]
    fn bytes_leave_in_the_order_in_which_they_came() {
        for step in [1, 2, 3, 7, 1000] {
            let mut out = Outgoing::default();
            let mut expected = Vec::new();
            for i in 0..40_u8 {
                out.sink(MUCH, false).put(&[i; 3]);
                out.push_shared(vec![100 + i; usize::from(i)].into(), i % 2 == 0);
                expected.extend([i; 3]);
                expected.extend(vec![100 + i; usize::from(i)]);
            }
            out.sink(MUCH, true).put(b"end");
            expected.extend(b"end");
            assert_eq!(out.len(), expected.len());
            assert_eq!(drain(&mut out, step), expected);
            assert_eq!(out.replies(), 0);
        }
    }

    #[test]
    fn answers_are_counted_apart_and_never_too_low() {
        let mut out = Outgoing::default();
        out.sink(MUCH, false).put(&[0; 1000]);
        out.sink(MUCH, true).put(&[1; 100]);
        assert_eq!((out.len(), out.replies()), (1100, 100));
        out.wrote(500);
        assert_eq!(out.replies(), 100);
        out.wrote(600);
        assert_eq!((out.len(), out.replies()), (0, 0));
        for _ in 0..1000 {
            out.sink(MUCH, true).put(&[1; 127]);
            out.sink(MUCH, false).put(&[0; 1000]);
            out.wrote(out.len() - 500);
            assert!(out.replies() < 4 * 1127, "what was written is forgotten");
        }
    }

    #[test]
    fn an_empty_queue_keeps_no_memory() {
        let (mut out, mut shared) = (Outgoing::default(), Vec::with_capacity(4096));
        out.borrow(&mut shared);
        out.sink(MUCH, false).put(b"abc");
        out.wrote(3);
        assert_eq!(out.give_back().capacity(), 4096);
        assert_eq!(out.tail.capacity() + out.segments.capacity(), 0);
        out.borrow(&mut Vec::with_capacity(4096));
        out.sink(MUCH, false).put(b"abc");
        assert_eq!(out.give_back().capacity(), 0, "the peer has not taken it");
        assert!(out.tail.capacity() < 4096);
    }
}
