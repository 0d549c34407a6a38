use alloc::vec::Vec;

/// A buffer that is read into at one end and consumed at the other.
///
/// ```text
///   0 ....... start ====== end .......... bytes.len()
///   consumed        unread     space
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

    pub(super) fn space(&mut self, n: usize) -> &mut [u8] {
        if self.start == self.end {
            self.clear();
        }
        if self.bytes.len() - self.end < n {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            let needed = self.end.saturating_add(n);
            if self.bytes.len() < needed {
                self.bytes.resize(needed, 0);
            }
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    pub(super) fn filled(&mut self, n: usize) {
        self.end += n.min(self.bytes.len() - self.end);
    }

    /// The unread bytes, and the place to say how many of them have been consumed.
    pub(super) fn unread(&mut self) -> (&mut [u8], Consumed<'_>) {
        let start = self.start;
        let bytes = self.bytes.get_mut(start..self.end).unwrap_or_default();
        (
            bytes,
            Consumed {
                start: &mut self.start,
                from: start,
            },
        )
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(super) fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }

    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
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
