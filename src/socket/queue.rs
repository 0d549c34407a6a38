use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::{fmt, mem};

use super::retention;
use super::slices::{SharedPart, Slices};
use crate::MAX_CONTROL_FRAME;
use crate::buf::{Limited, Output};
use crate::frame::EncodedHeader;

/// What waits to be written.
///
/// It counts answers to the peer, Pongs and replies to messages, apart from messages that are sent unasked.
/// Only the answers hold up receiving: a peer that does not read has to stop asking. If everything
/// did, two ends that send a lot at once would both stop reading, and wait for each other for ever.
pub(super) struct Queue<B> {
    /// Allocated while something waits, and until its memory is given back or [lent](Memory) to others:
    /// of many connections most are idle.
    waiting: Option<Box<Waiting<B>>>,
    high_water: u32,
    /// Nothing is written any more: new output is dropped.
    is_broken: bool,
    /// Whether anything was written since the last tick.
    pub(super) went: bool,
    /// Whether output was left over when the time was last set: the transport took no more.
    pub(super) was_blocked: bool,
}

struct Waiting<B> {
    /// All that was copied, in order.
    copied: Limited,
    /// Payloads that were not.
    shared: Option<Box<SharedParts<B>>>,
    /// How many bytes of them wait.
    shared_len: usize,
    /// How many of the waiting bytes are answers, or fewer: written bytes count as answers
    /// first. So no more answers are added than bytes are taken.
    answers: usize,
    /// How many bytes were taken since it was empty.
    taken: usize,
}

/// The memory that the connections of a thread write from, in turn: see
/// [`WebSocket::swap_output_memory`](crate::WebSocket::swap_output_memory).
///
/// ```
/// use ws_proto::socket::OutputMemory;
/// use ws_proto::{Config, Negotiated, WebSocket};
///
/// let mut memory = OutputMemory::new();
/// let mut server = WebSocket::server(Negotiated::new(), Config::new());
/// server.swap_output_memory(&mut memory); // its turn begins
/// server.sender().send_text("hello")?;
/// server.consume(server.pending_bytes()); // all is written
/// server.return_output_memory(&mut memory); // its turn ends
/// # Ok::<(), ws_proto::SendError>(())
/// ```
pub struct OutputMemory<B = Vec<u8>>(Option<Box<Waiting<B>>>);

impl<B> OutputMemory<B> {
    /// None yet: it is allocated when it is needed.
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }
}

impl<B> Default for OutputMemory<B> {
    fn default() -> Self {
        Self::new()
    }
}

impl<B> fmt::Debug for OutputMemory<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0.as_ref().map_or(0, |memory| memory.copied.capacity());
        f.debug_tuple("OutputMemory").field(&bytes).finish()
    }
}

struct SharedParts<B> {
    parts: VecDeque<SharedPart<B>>,
    /// How many bytes of the first part are written.
    written: usize,
    /// How many of the copied bytes are before one of the parts.
    copied_before: usize,
}

impl<B> Waiting<B> {
    const fn new() -> Self {
        Self {
            copied: Limited::new(isize::MAX as usize),
            shared: None,
            shared_len: 0,
            answers: 0,
            taken: 0,
        }
    }

    #[cold]
    #[inline(never)]
    fn allocate() -> Box<Self> {
        Box::new(Self::new())
    }

    #[inline]
    fn len(&self) -> usize {
        self.copied.len() + self.shared_len
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.copied.is_empty() && self.shared.is_none()
    }
}

impl<B> Queue<B> {
    pub(super) fn new(high_water: usize) -> Self {
        let mut queue = Self {
            waiting: None,
            high_water: 0,
            is_broken: false,
            went: false,
            was_blocked: false,
        };
        queue.set_high_water(high_water);
        queue
    }

    pub(super) fn set_high_water(&mut self, bytes: usize) {
        let bytes = bytes.max(MAX_CONTROL_FRAME);
        self.high_water = u32::try_from(bytes).unwrap_or(u32::MAX);
    }

    /// What waits, in memory that is there.
    #[inline(always)]
    fn waiting(&mut self) -> &mut Waiting<B> {
        self.waiting.get_or_insert_with(Waiting::allocate)
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.waiting.as_ref().map_or(0, |waiting| waiting.len())
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.waiting
            .as_ref()
            .is_none_or(|waiting| waiting.is_empty())
    }

    #[inline]
    fn answers(&self) -> usize {
        self.waiting.as_ref().map_or(0, |waiting| waiting.answers)
    }

    pub(super) const fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Nothing can be written any more.
    pub(super) fn break_off(&mut self) {
        self.is_broken = true;
        self.waiting = None;
    }

    /// Whether a message of any size is taken.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.len() < self.high_water as usize
    }

    /// Whether nothing waits, nothing ever failed to be written, and no more than `retained` bytes are held.
    #[inline]
    pub(super) fn is_idle(&self, retained: usize) -> bool {
        let holds_little =
            |waiting: &Waiting<B>| waiting.is_empty() && waiting.copied.capacity() <= retained;
        !self.is_broken && self.waiting.as_deref().is_none_or(holds_little)
    }

    /// Gives the memory of an empty queue back if it is more than `retained` bytes.
    #[inline]
    pub(super) fn release_over(&mut self, retained: usize) {
        if let Some(waiting) = &mut self.waiting {
            if waiting.is_empty() && waiting.copied.capacity() > retained {
                self.waiting = None;
            }
        }
    }

    /// Exchanges the memory of an empty queue.
    #[inline]
    pub(super) fn swap_memory(&mut self, memory: &mut OutputMemory<B>) {
        if self.is_empty() {
            mem::swap(&mut self.waiting, &mut memory.0);
        }
    }

    /// Gives all memory to `memory`, but for queued output: that is copied, unless it fills half of it.
    #[inline]
    pub(super) fn return_memory(&mut self, memory: &mut OutputMemory<B>) {
        if self.is_empty() {
            if memory.0.is_none() {
                memory.0 = self.waiting.take();
            } else {
                self.waiting = None;
            }
        } else if let Some(waiting) = &mut self.waiting {
            if waiting.copied.capacity() > 2 * waiting.copied.len() {
                waiting.copied.release();
            }
        }
    }

    /// For what the engine answers by itself: up to the high-water mark.
    #[inline]
    pub(super) fn engine(&mut self) -> Engine<'_, B> {
        Engine { queue: self }
    }

    /// For messages: one more of any size while less than the high-water mark waits. A limit that
    /// also bounds single messages would make the big ones impossible to send.
    #[inline]
    pub(super) fn messages(&mut self, kind: Sent) -> Messages<'_, B> {
        Messages { queue: self, kind }
    }

    /// For our Close, of which there is one: always.
    pub(super) fn closing(&mut self) -> Closing<'_, B> {
        Closing { queue: self }
    }

    /// How many more bytes may wait before no message is taken.
    pub(super) fn room(&self) -> usize {
        self.high_water().saturating_sub(self.len())
    }

    #[inline]
    pub(super) const fn high_water(&self) -> usize {
        self.high_water as usize
    }

    pub(super) fn has_shared(&self) -> bool {
        self.waiting
            .as_ref()
            .is_some_and(|waiting| waiting.shared.is_some())
    }
}

impl<B: AsRef<[u8]>> Queue<B> {
    /// What waits, in order; the first slice is not empty if anything waits.
    #[inline]
    pub(super) fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let waiting = self.waiting.as_deref();
        let shared = waiting.and_then(|waiting| waiting.shared.as_deref());
        Slices {
            copied: waiting.map_or(&[][..], |waiting| waiting.copied.pending()),
            parts: shared.map_or_else(Default::default, |shared| shared.parts.iter()),
            written: shared.map_or(0, |shared| shared.written),
            payload: &[],
        }
    }

    /// The first of the [slices](Self::slices), empty if nothing waits.
    #[inline]
    pub(super) fn pending(&self) -> &[u8] {
        match self.waiting.as_deref() {
            None => &[],
            Some(Waiting {
                shared: None,
                copied,
                ..
            }) => copied.pending(),
            Some(_) => self.first_slice(),
        }
    }

    #[cold]
    #[inline(never)]
    fn first_slice(&self) -> &[u8] {
        self.slices().next().unwrap_or_default()
    }

    /// Queues a payload by reference.
    pub(super) fn push_shared(&mut self, payload: B, sent: Sent) {
        let len = payload.as_ref().len();
        if len == 0 || self.is_broken {
            return;
        }
        let waiting = self.waiting();
        if sent == Sent::InReply {
            waiting.answers += len;
        }
        waiting.shared_len += len;
        let shared = waiting.shared.get_or_insert_with(|| {
            Box::new(SharedParts {
                parts: VecDeque::new(),
                written: 0,
                copied_before: 0,
            })
        });
        let copied = waiting.copied.len();
        let before = mem::replace(&mut shared.copied_before, copied);
        shared.parts.push_back(SharedPart {
            copied_before: copied - before,
            payload,
        });
    }

    #[inline]
    pub(super) fn consume(&mut self, n: usize) {
        let Some(waiting) = &mut self.waiting else {
            return;
        };
        let len = waiting.len();
        if waiting.shared.is_none() {
            waiting.copied.consume(n);
        } else {
            waiting.consume_shared(n);
        }
        if n < len {
            waiting.answers = waiting.answers.saturating_sub(n);
            waiting.taken = waiting.taken.saturating_add(n);
        } else {
            waiting.answers = 0;
            let taken = mem::take(&mut waiting.taken).saturating_add(len);
            if waiting.copied.capacity() > retention::after(taken) {
                self.waiting = None;
            }
        }
    }
}

impl<B: AsRef<[u8]>> Waiting<B> {
    #[cold]
    #[inline(never)]
    fn consume_shared(&mut self, mut n: usize) {
        let Some(shared) = &mut self.shared else {
            return;
        };
        while let Some(part) = shared.parts.front_mut() {
            let copied = part.copied_before.min(n);
            self.copied.consume(copied);
            part.copied_before -= copied;
            shared.copied_before -= copied;
            n -= copied;
            let left = part.payload.as_ref().len().saturating_sub(shared.written);
            let step = left.min(n);
            self.shared_len -= step;
            n -= step;
            if step < left || part.copied_before > 0 {
                shared.written += step;
                return;
            }
            shared.written = 0;
            shared.parts.pop_front();
        }
        self.copied.consume(n);
        self.shared = None;
    }
}

impl<B> fmt::Debug for Queue<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("len", &self.len())
            .field("answers", &self.answers())
            .field("high_water", &self.high_water)
            .field("is_broken", &self.is_broken)
            .finish_non_exhaustive()
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

pub(super) struct Engine<'q, B> {
    queue: &'q mut Queue<B>,
}

impl<B> Output for Engine<'_, B> {
    #[inline]
    fn room(&self) -> usize {
        self.queue.high_water().saturating_sub(self.queue.answers())
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.put_frame(EncodedHeader::NONE, bytes, None);
    }

    #[inline]
    fn last_mut(&mut self, n: usize) -> &mut [u8] {
        self.queue.waiting().copied.last_mut(n)
    }

    fn put_frame(&mut self, header: EncodedHeader, payload: &[u8], key: Option<[u8; 4]>) {
        if !self.queue.is_broken {
            let waiting = self.queue.waiting();
            waiting.copied.push_frame(header, payload, key);
            waiting.answers += header.size() + payload.len();
        }
    }
}

pub(super) struct Closing<'q, B> {
    queue: &'q mut Queue<B>,
}

impl<B> Output for Closing<'_, B> {
    fn room(&self) -> usize {
        isize::MAX as usize
    }

    fn put(&mut self, bytes: &[u8]) {
        if !self.queue.is_broken {
            self.queue.waiting().copied.put(bytes);
        }
    }

    fn last_mut(&mut self, n: usize) -> &mut [u8] {
        self.queue.waiting().copied.last_mut(n)
    }
}

/// A connection that is [broken](Queue::break_off) sends no messages.
pub(super) struct Messages<'q, B> {
    queue: &'q mut Queue<B>,
    kind: Sent,
}

impl<B> Output for Messages<'_, B> {
    #[inline]
    fn room(&self) -> usize {
        if self.queue.has_room() {
            isize::MAX as usize
        } else {
            0
        }
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let waiting = self.queue.waiting();
        waiting.copied.put(bytes);
        if self.kind == Sent::InReply {
            waiting.answers += bytes.len();
        }
    }

    #[inline]
    fn reserve(&mut self, n: usize) {
        self.queue.waiting().copied.reserve(n);
    }

    #[inline]
    fn last_mut(&mut self, n: usize) -> &mut [u8] {
        self.queue.waiting().copied.last_mut(n)
    }

    #[inline(always)]
    fn put_frame(&mut self, header: EncodedHeader, payload: &[u8], key: Option<[u8; 4]>) {
        let waiting = self.queue.waiting();
        waiting.copied.push_frame(header, payload, key);
        if self.kind == Sent::InReply {
            waiting.answers += header.size() + payload.len();
        }
    }
}
