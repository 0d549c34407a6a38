//! The output of a run and the transport after it: bytes are kept for the trace; drained bytes
//! are those before a mark.

use ws_proto::Output;

/// How the transport takes the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Drain {
    /// The most bytes that wait.
    pub(crate) limit: usize,
    /// How many are taken at a time.
    pub(crate) step: usize,
    /// Taken after every feed, not only when the engine waits for room.
    pub(crate) eager: bool,
}

impl Drain {
    pub(crate) const NEVER: Self = Self::new(usize::MAX, 1, false);

    pub(crate) const fn new(limit: usize, step: usize, eager: bool) -> Self {
        Self { limit, step, eager }
    }
}

#[derive(Debug)]
pub(crate) struct Sink {
    /// All that was ever put.
    pub(crate) bytes: Vec<u8>,
    taken: usize,
    drain: Drain,
}

impl Sink {
    pub(crate) fn new() -> Self {
        Self {
            bytes: Vec::new(),
            taken: 0,
            drain: Drain::NEVER,
        }
    }

    pub(crate) fn reset(&mut self, drain: Drain) {
        self.bytes.clear();
        self.taken = 0;
        self.drain = drain;
    }

    fn pending(&self) -> usize {
        self.bytes.len() - self.taken
    }

    /// The transport takes a step; the engine waits for it, so there must be something.
    pub(crate) fn make_room(&mut self) {
        assert!(self.pending() > 0, "waiting for room with nothing to drain");
        self.take();
    }

    fn take(&mut self) {
        self.taken += self.drain.step.min(self.pending());
    }

    /// A feed is over.
    pub(crate) fn fed(&mut self) {
        if self.drain.eager {
            self.take();
        }
    }
}

impl Output for Sink {
    fn room(&self) -> usize {
        self.drain.limit - self.pending()
    }

    fn put(&mut self, bytes: &[u8]) {
        assert!(
            bytes.len() <= self.room(),
            "more is put than there is room for"
        );
        self.bytes.extend_from_slice(bytes);
    }

    fn last_mut(&mut self, n: usize) -> &mut [u8] {
        assert!(n <= self.pending(), "what was drained is changed");
        let from = self.bytes.len() - n;
        &mut self.bytes[from..]
    }
}
