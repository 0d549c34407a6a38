//! The memory that all connections of an event loop share.

use std::fmt;

use bytes::Bytes;
use ws_proto::socket::OutputMemory;

/// The buffers of an event loop: one for all of its connections.
///
/// A connection uses them during its [`turn`](crate::WebSocket::turn) only. It keeps memory of its own
/// only for what the peer does not take, for what the program does not take, and for messages that are
/// not complete.
///
/// ```
/// use ws_proto_mio::{Buffers, Instant, Stream, WebSocket};
///
/// /// One of them serves all connections of a thread.
/// fn turns<S: Stream>(sockets: &mut [WebSocket<S>], buffers: &mut Buffers, now: Instant) {
///     for socket in sockets {
///         socket.turn(buffers, now).read();
///     }
/// }
/// # let (left, _right) = ws_proto_test::stream::pipe(1024);
/// # let options = ws_proto_mio::Options::new();
/// # let socket = WebSocket::accept(left, mio::Token(0), &options);
/// turns(&mut [socket], &mut Buffers::new(), Instant::from_millis(0));
/// ```
pub struct Buffers {
    pub(crate) input: Box<[u8]>,
    pub(crate) output: OutputMemory<Bytes>,
}

impl Buffers {
    /// Reads of up to 64 KiB and the header of a frame: a message of that size comes in one read.
    ///
    /// ```
    /// use ws_proto_mio::Buffers;
    ///
    /// let mut buffers = Buffers::new(); // before the loop
    /// # drop(buffers);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_size(64 * 1024 + 512)
    }

    /// Reads of up to `bytes`, and 512 at least. This is also what a connection whose peer does not
    /// take its answers keeps of unread input, at most.
    ///
    /// ```
    /// use ws_proto_mio::Buffers;
    ///
    /// let mut buffers = Buffers::with_size(4096); // for a small machine
    /// # drop(buffers);
    /// ```
    #[must_use]
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
