//! The memory that all connections of an event loop share.

use std::fmt;

/// What the shared output buffer keeps allocated at most.
const RETAINED: usize = 256 * 1024;

/// The buffers of an event loop: one for all of its connections.
///
/// A connection uses them during its [`turn`](crate::WebSocket::turn) only, since the engine consumes
/// what has been read. It keeps memory of its own only for what the peer does not take, and for
/// messages that are not complete.
pub struct Buffers {
    pub(crate) input: Box<[u8]>,
    pub(crate) output: Vec<u8>,
    #[cfg(feature = "deflate")]
    pub(crate) inflated: Vec<u8>,
}

impl Buffers {
    /// Reads of up to 64 KiB and the header of a frame: a message of that size comes in one read.
    pub fn new() -> Self {
        Self::with_size(64 * 1024 + 512)
    }

    /// Reads of up to `bytes`, and 512 at least. This is also what a connection whose peer does not
    /// take its answers keeps of unread input, at most.
    pub fn with_size(bytes: usize) -> Self {
        Self {
            input: vec![0; bytes.max(512)].into(),
            output: Vec::new(),
            #[cfg(feature = "deflate")]
            inflated: Vec::new(),
        }
    }

    /// Takes back an output buffer that is not needed any more.
    pub(crate) fn give_back(&mut self, mut output: Vec<u8>) {
        if output.capacity() > self.output.capacity() && output.capacity() <= RETAINED {
            output.clear();
            self.output = output;
        }
    }
}

impl Default for Buffers {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Buffers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffers")
            .field("input", &self.input.len())
            .field("output", &self.output.capacity())
            .finish_non_exhaustive()
    }
}
