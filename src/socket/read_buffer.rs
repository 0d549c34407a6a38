use alloc::vec::Vec;

/// A buffer that is read into at one end and consumed at the other.
///
/// ```text
///   0 ......... start ====== end .......... bytes.len()
///   consumed    unread       space
/// ```
#[derive(Debug)]
pub(super) struct ReadBuffer {
    /// All of it is initialised, so that nothing has to be zeroed twice.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl ReadBuffer {
    pub(super) const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            start: 0,
            end: 0,
        }
    }

    pub(super) fn read_buf(&mut self, n: usize) -> &mut [u8] {
        if self.is_empty() {
            self.clear();
        }
        if self.bytes.len() - self.end < n {
            self.make_space(n);
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    #[cold]
    fn make_space(&mut self, n: usize) {
        // What is unread is moved only where that gives room for as much again: a few small frames in
        // front of a big one are not worth it.
        if self.start >= self.end - self.start {
            self.drop_consumed();
        }
        let needed = self.end.saturating_add(n);
        if self.bytes.len() < needed {
            self.bytes.resize(needed, 0);
        }
    }

    fn drop_consumed(&mut self) {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
    }

    /// Appends bytes that were read elsewhere.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        if let Some(to) = self.read_buf(bytes.len()).get_mut(..bytes.len()) {
            to.copy_from_slice(bytes);
            self.advance(bytes.len());
        }
    }

    pub(super) fn advance(&mut self, n: usize) {
        self.end += n.min(self.bytes.len() - self.end);
    }

    /// The unread bytes, and the place to note how many were used.
    pub(super) fn unread(&mut self) -> (&mut [u8], Consumed<'_>) {
        let from = self.start;
        // A branch, not two values to choose from (`tokio/batch/32/burst` in `benches/shells`).
        let bytes = self.bytes.get_mut(from..self.end);
        let bytes = bytes.unwrap_or_else(nothing);
        let start = &mut self.start;
        (bytes, Consumed { start, from })
    }

    pub(super) const fn len(&self) -> usize {
        self.end - self.start
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Gives back memory above `retained` bytes that holds nothing. Beside unread bytes it stays if
    /// it is no more than that, which would have to be moved.
    pub(super) fn release_over(&mut self, retained: usize) {
        let unread = self.end - self.start;
        let spare = self.bytes.capacity() - unread;
        if spare > unread.saturating_add(retained) {
            self.drop_consumed();
            self.bytes.truncate(self.end);
            self.bytes.shrink_to_fit();
        }
    }

    pub(super) fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }
}

#[cold]
const fn nothing<'a>() -> &'a mut [u8] {
    &mut []
}

/// How far the unread bytes have been consumed.
pub(super) struct Consumed<'a> {
    start: &'a mut usize,
    from: usize,
}

impl Consumed<'_> {
    pub(super) fn set(&mut self, n: usize) {
        *self.start = self.from + n;
    }
}
