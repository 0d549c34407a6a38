use alloc::vec::Vec;

use super::RETAINED;
use super::retention::BUSY;

/// A buffer that is read into at one end and consumed at the other.
///
/// ```text
///   0 ......... ====== start ====== end .......... bytes.len()
///   consumed    held         unread     space
/// ```
///
/// What is held has been consumed: the payload, as far as it has come, of a frame that is to become a
/// message where it lies.
#[derive(Debug)]
pub(super) struct ReadBuffer {
    /// All of it is initialised, so that nothing has to be zeroed twice.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    held: usize,
}

impl ReadBuffer {
    pub(super) const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            start: 0,
            end: 0,
            held: 0,
        }
    }

    pub(super) fn space(&mut self, n: usize) -> &mut [u8] {
        if self.is_idle() {
            self.clear();
        }
        if self.bytes.len() - self.end < n {
            self.make_space(n);
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    #[cold]
    fn make_space(&mut self, n: usize) {
        self.drop_consumed();
        let needed = self.end.saturating_add(n);
        if self.bytes.len() < needed {
            self.bytes.resize(needed, 0);
        }
    }

    fn drop_consumed(&mut self) {
        let consumed = self.start - self.held;
        if consumed > 0 {
            self.bytes.copy_within(consumed..self.end, 0);
            self.start -= consumed;
            self.end -= consumed;
        }
    }

    pub(super) fn filled(&mut self, n: usize) {
        self.end += n.min(self.bytes.len() - self.end);
    }

    /// The unread bytes, and the place to say what has become of them.
    pub(super) fn unread(&mut self) -> (&mut [u8], Consumed<'_>) {
        let from = self.start;
        let bytes = self.bytes.get_mut(from..self.end).unwrap_or_default();
        let consumed = Consumed {
            start: &mut self.start,
            held: &mut self.held,
            from,
        };
        (bytes, consumed)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(super) const fn is_holding(&self) -> bool {
        self.held > 0
    }

    /// Whether nothing in it is needed any more.
    fn is_idle(&self) -> bool {
        self.is_empty() && self.held == 0
    }

    /// Gives back what is more than `retained` bytes and holds nothing. Beside what is held or unread it
    /// stays if it is no more than that, which would have to be moved.
    pub(super) fn release_over(&mut self, retained: usize) {
        let needed = self.end - self.start + self.held;
        let spare = self.bytes.capacity() - needed;
        if spare > needed.saturating_add(retained) {
            self.drop_consumed();
            self.bytes.truncate(self.end);
            self.bytes.shrink_to_fit();
        }
    }

    /// What was held, and is not any more.
    pub(super) fn take_held(&mut self) -> &[u8] {
        let held = core::mem::take(&mut self.held);
        self.bytes
            .get(self.start - held..self.start)
            .unwrap_or_default()
    }

    pub(super) fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
        self.held = 0;
    }
}

/// How far the unread bytes have been consumed, and what is held of them.
pub(super) struct Consumed<'a> {
    start: &'a mut usize,
    held: &'a mut usize,
    from: usize,
}

impl Consumed<'_> {
    pub(super) fn set(&mut self, n: usize) {
        *self.start = self.from + n;
    }

    /// Holds the last `len` bytes that were consumed: the start of a frame of which `rest` bytes are
    /// still to be read. Whether it does: not if nothing is missing, or the frame is too big, or so
    /// small that what it would make this buffer grow by costs more than to copy it.
    #[inline(never)]
    pub(super) fn hold(&mut self, len: usize, rest: u64) -> bool {
        let whole = rest.saturating_add(len as u64);
        let holds = rest > 0 && whole > RETAINED as u64 && whole <= BUSY as u64;
        if holds {
            *self.held = len;
        }
        holds
    }

    /// Holds the last `n` bytes that were consumed too.
    pub(super) fn hold_more(&mut self, n: usize) {
        *self.held += n;
    }
}
