//! The output of a run: bytes are kept; those before a mark are drained.

use ws_proto::Output;

/// How the transport takes the output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drain {
    /// The most bytes that wait.
    pub(crate) limit: usize,
    /// How many are taken at a time.
    pub(crate) step: usize,
    /// Taken after every feed, not only when the end waits for room.
    pub(crate) eager: bool,
}

impl Drain {
    pub(crate) const NEVER: Self = Self::new(1 << 20, usize::MAX, false);

    pub(crate) const fn new(limit: usize, step: usize, eager: bool) -> Self {
        Self { limit, step, eager }
    }
}

#[derive(Debug)]
pub(crate) struct Sink {
    /// All that was ever put.
    pub(crate) bytes: Vec<u8>,
    taken: usize,
    limit: usize,
}

impl Sink {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            taken: 0,
            limit,
        }
    }

    /// The transport takes the bytes before `mark`.
    pub(crate) fn take_up_to(&mut self, mark: usize) {
        self.taken = self.taken.max(mark);
    }
}

impl Output for Sink {
    fn room(&self) -> usize {
        self.limit - (self.bytes.len() - self.taken)
    }

    fn put(&mut self, bytes: &[u8]) {
        assert!(
            bytes.len() <= self.room(),
            "more is put than there is room for"
        );
        self.bytes.extend_from_slice(bytes);
    }

    fn last_mut(&mut self, n: usize) -> &mut [u8] {
        let from = self.bytes.len() - n;
        assert!(from >= self.taken, "what was drained is changed");
        &mut self.bytes[from..]
    }
}
