use alloc::vec::Vec;
use core::fmt;
use core::mem::ManuallyDrop;

use super::outbox::Outbox;
use super::queue::Sent;
use crate::buf::Output;
use crate::connection::Role;
use crate::frame::EncodedHeader;

/// A message that is sent where it lies: what the transport takes at once is not copied.
///
/// [`Sender::send_vectored`](super::Sender::send_vectored) gives it. Write [`slices`](Self::slices) (`writev`), and call
/// [`consume`](Self::consume): the rest then waits in
/// [`WebSocket::pending`](crate::WebSocket::pending), as with a message that was sent. One that is
/// dropped without that waits there as a whole, so that an error of the transport may be returned in
/// between. Do not forget one (`core::mem::forget`): then nobody knows how much of it was written.
///
/// ```
/// use std::io::{IoSlice, Write};
/// use ws_proto::{Config, Message, Negotiated, WebSocket};
///
/// # let mut socket = Vec::new();
/// let mut server = WebSocket::server(Negotiated::new(), Config::new());
/// let send = server.sender().send_vectored(Message::Text("hello"))?;
/// let n = socket.write_vectored(&send.slices().map(IoSlice::new))?;
/// send.consume(n);
/// assert_eq!(socket, b"\x81\x05hello");
/// assert!(server.pending().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing of it is written yet: dropped, it waits in the queue"]
pub struct VectoredSend<'w, R: Role, B: AsRef<[u8]> = Vec<u8>> {
    to: &'w mut Outbox<R, B>,
    sent: Sent,
    /// Empty, as the payload, if the frame had to be put into the queue.
    header: EncodedHeader,
    payload: &'w [u8],
}

impl<'w, R: Role, B: AsRef<[u8]>> VectoredSend<'w, R, B> {
    #[inline(always)]
    pub(super) const fn new(
        to: &'w mut Outbox<R, B>,
        sent: Sent,
        header: EncodedHeader,
        payload: &'w [u8],
    ) -> Self {
        Self {
            to,
            sent,
            header,
            payload,
        }
    }

    /// The bytes to write, in this order: queued output, the header, the payload. Any of them may be empty.
    #[inline(always)]
    #[must_use]
    pub fn slices(&self) -> [&[u8]; 3] {
        [self.to.out.pending(), &self.header, self.payload]
    }

    /// The first `n` bytes of [`slices`](Self::slices) together have been written.
    #[inline(always)]
    pub fn consume(self, n: usize) {
        // Its parts are taken one by one: bytes just put together in memory would have to be moved.
        let mut send = ManuallyDrop::new(self);
        send.to.out.went |= n > 0;
        let len = send.header.size().saturating_add(send.payload.len());
        if n < len || !send.to.out.is_empty() {
            let (header, payload, sent) = (send.header, send.payload, send.sent);
            send.to.wrote_and_left(n, &header, payload, sent);
        }
    }
}

impl<R: Role, B: AsRef<[u8]>> Drop for VectoredSend<'_, R, B> {
    fn drop(&mut self) {
        if self.header.is_empty() && self.payload.is_empty() {
            return;
        }
        self.to
            .wrote_and_left(0, &self.header, self.payload, self.sent);
    }
}

impl<R: Role, B: AsRef<[u8]>> Outbox<R, B> {
    /// Of what waited, of a header and of its payload the first `n` bytes are gone, and the rest waits.
    #[inline(never)]
    fn wrote_and_left(&mut self, n: usize, header: &[u8], payload: &[u8], sent: Sent) {
        let waiting = self.out.pending().len();
        if n > 0 && waiting > 0 {
            self.consume(n.min(waiting));
        }
        let written = n.saturating_sub(waiting);
        let header_left = header.get(written..).unwrap_or_default();
        let payload_left = payload.get(written.saturating_sub(header.len())..);
        let payload_left = payload_left.unwrap_or_default();
        let mut out = self.out.messages(sent);
        out.reserve(header_left.len().saturating_add(payload_left.len()));
        out.put(header_left);
        out.put(payload_left);
    }
}

impl<R: Role, B: AsRef<[u8]>> fmt::Debug for VectoredSend<'_, R, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VectoredSend")
            .field("connection", &self.to.connection)
            .field("payload", &self.payload.len())
            .finish_non_exhaustive()
    }
}
