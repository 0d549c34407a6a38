//! The memory that all connections of an event loop share.

use std::fmt;

use bytes::Bytes;
use ws_proto::socket::OutputMemory;

/// The buffers of an event loop: one for all of its connections.
///
/// A connection uses them during its [`turn`](crate::WebSocket::turn) only. It keeps memory of its own
/// only for what the peer does not take, for what the program does not take, and for messages that are
/// not complete.
pub struct Buffers {
    pub(crate) input: Box<[u8]>,
    pub(crate) output: OutputMemory<Bytes>,
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
            output: OutputMemory::new(),
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
            .field("output", &self.output)
            .finish_non_exhaustive()
    }
}
