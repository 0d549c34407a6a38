use super::retention;
use crate::MAX_CONTROL_FRAME;
use crate::buf::{Limited, Output};
use crate::frame::EncodedHeader;

/// What waits to be written.
///
/// It counts what answers the peer, Pongs and replies to messages, apart from what is sent unasked.
/// Only the answers hold up receiving: a peer that does not read has to stop asking. If everything
/// did, two ends that send a lot at once would both stop reading, and wait for each other for ever.
#[derive(Debug)]
pub(super) struct Queue {
    out: Limited,
    /// How many of the waiting bytes are answers, or fewer: what is written counts as answers
    /// first. So no more answers are added than bytes are taken.
    answers: usize,
    high_water: usize,
    /// How many bytes were taken since it was empty.
    taken: usize,
}

impl Queue {
    pub(super) fn new(high_water: usize) -> Self {
        Self {
            out: Limited::new(isize::MAX as usize),
            answers: 0,
            high_water: high_water.max(MAX_CONTROL_FRAME),
            taken: 0,
        }
    }

    pub(super) fn pending(&self) -> &[u8] {
        self.out.pending()
    }

    #[inline]
    pub(super) fn consume(&mut self, n: usize) {
        let waiting = self.out.len();
        self.out.consume(n);
        if n < waiting {
            self.answers = self.answers.saturating_sub(n);
            self.taken = self.taken.saturating_add(n);
        } else {
            self.answers = 0;
            let taken = core::mem::take(&mut self.taken);
            self.release_over(retention::after(taken.saturating_add(waiting)));
        }
    }

    /// Whether there is no room for a message, or receiving is held up.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        !self.has_room() || self.high_water.saturating_sub(self.answers) < MAX_CONTROL_FRAME
    }

    /// Whether a message of any size is taken.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.out.len() < self.high_water
    }

    /// Gives the memory of an empty queue back if it is more than `retained` bytes.
    #[inline]
    pub(super) fn release_over(&mut self, retained: usize) {
        if self.out.is_empty() && self.out.capacity() > retained {
            self.out.release();
        }
    }

    /// For what the engine answers by itself: up to the high-water mark.
    pub(super) fn engine(&mut self) -> Engine<'_> {
        Engine { queue: self }
    }

    /// For messages: one more of any size while less than the high-water mark waits. A limit that
    /// also bounds single messages would make the big ones impossible to send.
    pub(super) fn messages(&mut self, kind: Sent) -> Messages<'_> {
        Messages { queue: self, kind }
    }
}

/// Why a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// A message of the peer's is answered.
    InReply,
    /// For a reason of the caller's.
    Unasked,
}

pub(super) struct Engine<'q> {
    queue: &'q mut Queue,
}

impl Output for Engine<'_> {
    #[inline]
    fn room(&self) -> usize {
        self.queue.high_water.saturating_sub(self.queue.answers)
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.queue.out.put(bytes);
        self.queue.answers += bytes.len();
    }

    #[inline]
    fn last_mut(&mut self, n: usize) -> &mut [u8] {
        self.queue.out.last_mut(n)
    }

    fn put_frame(&mut self, header: EncodedHeader, payload: &[u8], key: Option<[u8; 4]>) {
        self.queue.out.put_frame(header, payload, key);
        self.queue.answers += header.size() + payload.len();
    }
}

pub(super) struct Messages<'q> {
    queue: &'q mut Queue,
    kind: Sent,
}

impl Output for Messages<'_> {
    #[inline]
    fn room(&self) -> usize {
        if self.queue.has_room() {
            self.queue.out.room()
        } else {
            0
        }
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.queue.out.put(bytes);
        if self.kind == Sent::InReply {
            self.queue.answers += bytes.len();
        }
    }

    #[inline]
    fn reserve(&mut self, n: usize) {
        self.queue.out.reserve(n);
    }

    #[inline]
    fn last_mut(&mut self, n: usize) -> &mut [u8] {
        self.queue.out.last_mut(n)
    }

    #[inline(always)]
    fn put_frame(&mut self, header: EncodedHeader, payload: &[u8], key: Option<[u8; 4]>) {
        self.queue.out.put_frame(header, payload, key);
        if self.kind == Sent::InReply {
            self.queue.answers += header.size() + payload.len();
        }
    }
}
