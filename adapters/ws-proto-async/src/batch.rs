//! Messages that are lent, not copied.

use std::fmt;

use bytes::Bytes;

use crate::core::{Core, Role};
use crate::io::Io;

/// A handle to answer a message: the answer is queued at once, and written when the connection is next
/// waited for. See [`ws_proto::Sender`].
///
/// ```
/// # ws_proto_suite::shells::example::connected(async |mut socket| {
/// use ws_proto_async::{SendError, Sender};
///
/// /// Answers a command.
/// fn answer(command: &str, mut sender: Sender<'_>) -> Result<(), SendError> {
///     match command {
///         "hello" => sender.send_text("hello to you"),
///         _ => sender.send_text("what?"),
///     }
/// }
///
/// while let Some(batch) = socket.next_batch().await {
///     let mut batch = batch?;
///     while let Some((message, sender)) = batch.next() {
///         answer(message.as_text().unwrap_or_default(), sender)?;
///     }
/// }
/// # Ok(())
/// # });
/// ```
pub type Sender<'s> = ws_proto::Sender<'s, Role, Bytes>;

/// The messages of one read: see [`WebSocket::next_batch`](crate::WebSocket::next_batch).
///
/// It may be dropped at any time: the rest comes with the next batch, or by any other way of
/// receiving.
///
/// ```
/// # ws_proto_suite::shells::example::connected(async |mut socket| {
/// while let Some(batch) = socket.next_batch().await {
///     let mut batch = batch?;
///     while let Some((message, mut sender)) = batch.next() {
///         println!("{} bytes", message.as_bytes().len()); // lent, not copied
///         sender.ping(b"")?;
///     }
/// } // the next call of `next_batch` writes the Pings
/// # Ok(())
/// # });
/// ```
pub struct Batch<'s, T> {
    core: &'s mut Core<T>,
}

impl<'s, T: Io> Batch<'s, T> {
    pub(crate) const fn new(core: &'s mut Core<T>) -> Self {
        Self { core }
    }

    /// The next message, which is lent until the next call, and a handle to answer it. `None` if there is
    /// no other whole message in the received bytes, or so many answers wait that they have to be written first;
    /// then ask for the next batch.
    ///
    /// If parts of the current message have been taken by
    /// [`next_piece`](crate::WebSocket::next_piece), the rest of it is dropped.
    // Not an iterator: an item borrows from it.
    #[expect(
        clippy::should_implement_trait,
        reason = "an item borrows from the batch"
    )]
    #[inline]
    pub fn next(&mut self) -> Option<(ws_proto::Message<'_>, Sender<'_>)> {
        self.core.next_of_batch()
    }
}

impl<T> fmt::Debug for Batch<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("core", self.core).finish()
    }
}
