//! What waits to be written.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};
use ws_proto::Output;

/// How many bytes of answers (Pong, Close) may wait before nothing more is received. They do not
/// count against the high-water mark of messages, nor messages against theirs: else two peers that
/// both write more than the other reads would wait for each other for ever.
const MAX_REPLIES: usize = 16 * 1024;

/// What an idle connection keeps allocated at most.
const RETAINED: usize = 1024;

/// How many slices one write gathers.
const SLICES: usize = 16;

/// A queue of bytes, big payloads in it by reference.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    /// Before the tail.
    segments: VecDeque<Bytes>,
    tail: Vec<u8>,
    tail_start: usize,
    len: usize,
    /// How many bytes have ever been queued, and written.
    queued: u64,
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
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where messages go: there is always room, the high-water mark has been looked at before.
    pub(crate) fn data(&mut self) -> Data<'_> {
        Data(self)
    }

    /// Where the engine's answers go.
    pub(crate) fn answers(&mut self) -> Answers<'_> {
        Answers(self)
    }

    pub(crate) fn has_room_for_answers(&self) -> bool {
        self.answers_room() >= ws_proto::MAX_CONTROL_FRAME
    }

    pub(crate) fn push_shared(&mut self, payload: Bytes) {
        if payload.is_empty() {
            return;
        }
        if self.tail_start < self.tail.len() {
            let tail = Bytes::from(std::mem::take(&mut self.tail));
            self.segments
                .push_back(tail.slice(std::mem::take(&mut self.tail_start)..));
        }
        self.len += payload.len();
        self.queued += payload.len() as u64;
        self.segments.push_back(payload);
    }

    /// Calls `write` with what comes first.
    pub(crate) fn with_slices<T>(&self, write: impl FnOnce(&[IoSlice<'_>]) -> T) -> T {
        let tail = self.tail.get(self.tail_start..).unwrap_or_default();
        if self.segments.is_empty() {
            return write(&[IoSlice::new(tail)]);
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let chunks = self.segments.iter().map(|segment| &**segment);
        let chunks = chunks.chain((!tail.is_empty()).then_some(tail));
        let mut count = 0;
        for (slice, chunk) in slices.iter_mut().zip(chunks) {
            *slice = IoSlice::new(chunk);
            count += 1;
        }
        write(slices.get(..count).unwrap_or_default())
    }

    pub(crate) fn wrote(&mut self, n: usize) {
        let n = n.min(self.len);
        self.len -= n;
        self.written += n as u64;
        let mut left = n;
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
            self.clear_tail();
        }
        self.replies.wrote(self.written, self.queued);
    }

    /// Drops all of it: nobody takes it any more.
    pub(crate) fn clear(&mut self) {
        let all = self.len;
        self.wrote(all);
    }

    fn clear_tail(&mut self) {
        self.tail.clear();
        self.tail_start = 0;
        if self.tail.capacity() > RETAINED {
            self.tail = Vec::new();
        }
        if self.segments.capacity() > SLICES {
            self.segments = VecDeque::new();
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        // What was written is dropped when that is at least half, so that a byte is moved once on
        // average.
        if self.tail_start > self.tail.len() / 2 {
            self.tail.drain(..self.tail_start);
            self.tail_start = 0;
        }
        self.tail.extend_from_slice(bytes);
        self.len += bytes.len();
        self.queued += bytes.len() as u64;
    }

    fn last_mut(&mut self, n: usize) -> &mut [u8] {
        let from = self.tail.len().saturating_sub(n).max(self.tail_start);
        self.tail.get_mut(from..).unwrap_or_default()
    }

    fn answers_room(&self) -> usize {
        MAX_REPLIES.saturating_sub(self.replies.older + self.replies.newer)
    }
}

impl Replies {
    fn wrote(&mut self, written: u64, queued: u64) {
        if written >= self.until {
            self.older = std::mem::take(&mut self.newer);
            self.until = queued;
            if written >= self.until {
                self.older = 0;
            }
        }
    }
}

#[derive(Debug)]
pub(crate) struct Data<'o>(&'o mut Outgoing);

impl Output for Data<'_> {
    fn room(&self) -> usize {
        isize::MAX as usize
    }

    fn put(&mut self, bytes: &[u8]) {
        self.0.append(bytes);
    }

    fn last_mut(&mut self, n: usize) -> &mut [u8] {
        self.0.last_mut(n)
    }
}

#[derive(Debug)]
pub(crate) struct Answers<'o>(&'o mut Outgoing);

impl Output for Answers<'_> {
    fn room(&self) -> usize {
        self.0.answers_room()
    }

    fn put(&mut self, bytes: &[u8]) {
        self.0.append(bytes);
        self.0.replies.newer += bytes.len();
    }

    fn last_mut(&mut self, n: usize) -> &mut [u8] {
        self.0.last_mut(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(out: &mut Outgoing, step: usize) -> Vec<u8> {
        let mut written = Vec::new();
        while !out.is_empty() {
            let chunk = out.with_slices(|slices| {
                let all: Vec<u8> = slices.iter().flat_map(|s| s.iter().copied()).collect();
                all.into_iter().take(step).collect::<Vec<u8>>()
            });
            assert!(!chunk.is_empty());
            out.wrote(chunk.len());
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
                out.data().put(&[i; 3]);
                out.push_shared(vec![100 + i; usize::from(i)].into());
                expected.extend([i; 3]);
                expected.extend(vec![100 + i; usize::from(i)]);
            }
            out.data().put(b"end");
            expected.extend(b"end");
            assert_eq!(out.len(), expected.len());
            assert_eq!(drain(&mut out, step), expected);
        }
    }

    #[test]
    fn answers_have_room_of_their_own() {
        let mut out = Outgoing::default();
        out.data().put(&[0; 1 << 20]);
        assert!(out.has_room_for_answers(), "messages take nothing from it");
        while out.has_room_for_answers() {
            out.answers().put(&[1; 127]);
        }
        let waiting = out.len();
        assert!(waiting <= (1 << 20) + MAX_REPLIES);
        // Half of it written: all answers may still be waiting.
        out.wrote(1 << 19);
        assert!(!out.has_room_for_answers());
        out.wrote(waiting - (1 << 19));
        assert!(out.has_room_for_answers());
        assert_eq!(out.answers_room(), MAX_REPLIES);
    }

    #[test]
    fn answers_regain_room_while_something_always_waits() {
        let mut out = Outgoing::default();
        for _ in 0..1000 {
            out.answers().put(&[1; 127]);
            out.data().put(&[0; 1000]);
            let all_but_some = out.len() - 500;
            out.wrote(all_but_some);
            assert!(out.has_room_for_answers());
        }
    }
}
