//! For event loops: buffers that all connections of a thread share, and handshakes made elsewhere.

use super::inbox::Parts;
use super::messages::Manner;
use super::queue::{OutputMemory, Sent};
use super::reading::{look, received};
use super::{Next, Sender, Want, WebSocket, WebSocketError};
use crate::buf::{Input, Output};
use crate::connection::Role;
use crate::message::Message;

/// How many bytes of output are written before more is sent or received.
const WRITE: usize = 16 * 1024;

/// A buffer that is only lent cannot keep the first part of a frame.
const LENT: Manner = Manner {
    waits: false,
    is_paced: true,
};

impl<R: Role, B: AsRef<[u8]>> WebSocket<R, B> {
    /// Notes that `n` bytes were read into a lent buffer, for [`poll_next_in`](Self::poll_next_in) to look
    /// at. `false` if they are dropped: nothing more is received, and the connection only waits for its
    /// end.
    ///
    /// A program that can keep a `Reading` calls [`receive`](Self::receive) instead, which does all of this.
    #[inline(always)]
    pub fn note_read(&mut self, n: usize) -> bool {
        self.note_input(n);
        let is_ending = self.is_ending();
        if is_ending {
            self.ending.drop_bytes(n);
        }
        !is_ending
    }

    /// As [`Reading::poll_next`](super::Reading::poll_next), in what the connection has kept and then in
    /// `bytes`, of which the first `used` are used already. Adds the bytes it uses to `used`.
    ///
    /// Call [`keep`](Self::keep) with the rest before another connection gets the buffer.
    ///
    /// ```
    /// use ws_proto::socket::{Next, Received, Want};
    /// use ws_proto::{Config, Message, Negotiated, WebSocket};
    ///
    /// let mut client = WebSocket::client(Negotiated::new(), Config::new(), || [0; 4]);
    /// let mut shared = *b"\x81\x01a\x81\x01b"; // two messages in one read
    /// let mut used = 0;
    /// assert!(client.note_read(shared.len()));
    /// let next = client.poll_next_in(&mut shared, &mut used, Want::Message)?;
    /// assert!(matches!(next, Next::Received(Received::Message(Message::Text("a"), _))));
    /// client.keep(&shared[used..]);
    /// let next = client.poll_next_in(&mut [], &mut 0, Want::Message)?;
    /// assert!(matches!(next, Next::Received(Received::Message(Message::Text("b"), _))));
    /// # Ok::<(), ws_proto::WebSocketError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`poll_next`](Self::poll_next).
    #[inline(always)]
    pub fn poll_next_in<'w>(
        &'w mut self,
        bytes: &'w mut [u8],
        used: &mut usize,
        want: Want,
    ) -> Result<Next<'w, R, B>, WebSocketError> {
        let whole = |(), message, sender| received(message, sender);
        self.poll_in_with(bytes, used, want, (), whole, |(), next| next)
    }

    /// As [`poll_next_in`](Self::poll_next_in), by two functions as
    /// [`poll_next_with`](Self::poll_next_with) (`tokio/send/32/alone` in `benches/shells`).
    #[inline(always)]
    pub(super) fn poll_in_with<'w, C, T>(
        &'w mut self,
        bytes: &'w mut [u8],
        used: &mut usize,
        want: Want,
        context: C,
        whole: impl FnOnce(C, Message<'w>, Sender<'w, R, B>) -> T,
        other: impl FnOnce(C, Result<Next<'w, R, B>, WebSocketError>) -> T,
    ) -> T {
        let mut input = Input::new(bytes.get_mut(*used..).unwrap_or_default());
        if matches!(want, Want::Message | Want::Event) {
            let before = input.len();
            let found = self.next_whole_in(&mut input);
            *used += before - input.len();
            if let Some(message) = found {
                return whole(context, message, self.reply());
            }
        }
        if input.is_empty() && self.is_drained() {
            return other(context, Ok(Next::Read));
        }
        let next = self.poll_rest_in(input.into_bytes(), used, want);
        other(context, next)
    }

    /// As [`poll_next_in`](Self::poll_next_in), where there is no whole message at the front of `bytes`.
    #[inline(never)]
    fn poll_rest_in<'w>(
        &'w mut self,
        bytes: &'w mut [u8],
        used: &mut usize,
        want: Want,
    ) -> Result<Next<'w, R, B>, WebSocketError> {
        if self.inbox.has_input() {
            self.keep(bytes);
            *used += bytes.len();
            return self.poll_next(want);
        }
        let before = bytes.len();
        let mut rest = before;
        let (Parts { messages, .. }, outbox) = self.parts();
        let next = look(messages, bytes, &mut rest, outbox, want, LENT);
        *used += before - rest;
        next
    }

    /// The whole message at the front of `input`, if there is one and nothing is before it: what most calls of
    /// [`poll_next_in`](Self::poll_next_in) find. [`reply`](Self::reply) gives the handle to answer it.
    ///
    /// ```
    /// use ws_proto::{Config, Input, Negotiated, WebSocket};
    ///
    /// let mut client = WebSocket::client(Negotiated::new(), Config::new(), || [0; 4]);
    /// let mut shared = *b"\x81\x01a\x81\x01b\x81"; // two messages, and one byte of a third
    /// assert!(client.is_drained());
    /// client.note_read(shared.len());
    /// let mut input = Input::new(&mut shared);
    /// let mut texts = Vec::new();
    /// while let Some(message) = client.next_whole_in(&mut input) {
    ///     texts.extend(message.as_text());
    ///     client.reply().send(message)?;
    /// }
    /// assert_eq!(texts, ["a", "b"]);
    /// client.keep(input.bytes()); // for the next turn
    /// assert!(!client.wants_write()); // a few bytes can wait
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    // On its own, so that the message stays in registers (`mio/32` in `benches/shells`).
    #[inline(always)]
    #[must_use]
    pub fn next_whole_in<'i>(&mut self, input: &mut Input<'i>) -> Option<Message<'i>> {
        match &mut self.inbox.parts {
            None => match self.outbox.receive_message(input) {
                Ok(message) => message,
                Err(error) => self.note_fault(error.into()),
            },
            Some(parts) if parts.read.is_empty() => {
                // The fault stays: the next call reports it.
                parts.messages.next_whole(input, &mut self.outbox).ok()?
            }
            Some(_) => None,
        }
    }

    /// The next call reports it.
    #[cold]
    #[inline(never)]
    fn note_fault<'i>(&mut self, error: WebSocketError) -> Option<Message<'i>> {
        self.parts().0.messages.fail_with(error);
        None
    }

    /// A handle to answer the message that was received last.
    #[inline]
    #[must_use]
    pub fn reply(&mut self) -> Sender<'_, R, B> {
        Sender::new(&mut self.outbox, Sent::InReply)
    }

    /// Whether nothing is kept, and more can come: there is nothing to look for before the next read.
    #[inline]
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.inbox.parts.is_none() && !self.outbox.is_input_ended()
    }

    /// Copies and keeps bytes that nobody has asked for: those of a lent buffer, or those that came after
    /// a handshake that was made elsewhere.
    #[inline]
    pub fn keep(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.keep_some(bytes);
        }
    }

    #[inline(never)]
    fn keep_some(&mut self, bytes: &[u8]) {
        if !self.is_ending() {
            let (parts, _) = self.parts();
            parts.read.keep(bytes);
            parts.messages.note_read(bytes.len());
        }
    }

    /// Notes that the transport has more to read, and that it is not read for now. Call it before
    /// [`tick`](Self::tick). A Pong may lie there, so the time for one does not count; the times for a
    /// closing handshake, for output that waits, and for the end do.
    ///
    /// ```
    /// use ws_proto::{Config, Instant, Negotiated, WebSocket};
    ///
    /// let mut server = WebSocket::server(Negotiated::new(), Config::new());
    /// server.tick(Instant::from_millis(0))?;
    /// // Readable all the time, and others had their turn.
    /// server.note_unread();
    /// server.tick(Instant::from_millis(60_000))?;
    /// # Ok::<(), ws_proto::TimedOut>(())
    /// ```
    #[inline]
    pub fn note_unread(&mut self) {
        self.outbox.connection.note_activity();
    }

    /// Whether so much output waits (16 KiB) that it is written before more is sent or received.
    #[inline]
    #[must_use]
    pub fn wants_write(&self) -> bool {
        self.outbox.out.len() >= WRITE
    }

    /// With bytes to be written before all else: the response of a server's handshake. Call it before
    /// anything is sent.
    #[must_use]
    pub fn with_output(mut self, bytes: &[u8]) -> Self {
        self.outbox.out.closing().put(bytes);
        self
    }

    /// The last steps after an opening handshake that led to no connection: to write what
    /// [`with_output`](Self::with_output) gives, a refusal, to half-close, and to read on for the
    /// [linger time](Self::with_linger_time), so that the peer can read it. Then it
    /// [is over](Self::is_over). Nothing is received or sent.
    ///
    /// ```
    /// use ws_proto::{Config, Negotiated, WebSocket};
    ///
    /// let mut refused = WebSocket::server(Negotiated::new(), Config::new())
    ///     .with_output(b"HTTP/1.1 403 Forbidden\r\n\r\n")
    ///     .refused();
    /// refused.consume(refused.pending_bytes()); // all of it was written
    /// assert!(refused.wants_half_close());
    /// refused.half_closed();
    /// assert!(refused.wants_read() && !refused.is_over());
    /// refused.note_read(10_000); // the client sends on
    /// refused.receive_eof().unwrap_err();
    /// assert!(refused.is_over());
    /// ```
    #[must_use]
    pub fn refused(mut self) -> Self {
        self.outbox.connection.stop_sending();
        let _ = self.outbox.connection.receive_eof();
        self.ending.linger();
        self
    }

    /// Exchanges the memory of the output queue with `memory`, if nothing waits in it: so that connections
    /// of one thread share the memory that they write from. At the end of the turn of this connection call
    /// [`return_output_memory`](Self::return_output_memory).
    ///
    /// ```
    /// use ws_proto::socket::OutputMemory;
    /// use ws_proto::{Config, Negotiated, WebSocket};
    ///
    /// let mut memory = OutputMemory::new(); // of this thread
    /// let mut all = [1, 2].map(|_| WebSocket::server(Negotiated::new(), Config::new()));
    /// for server in &mut all {
    ///     server.swap_output_memory(&mut memory);
    ///     server.sender().send_text("hello")?;
    ///     server.consume(server.pending_bytes()); // all is written
    ///     server.return_output_memory(&mut memory);
    /// }
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    #[inline]
    pub fn swap_output_memory(&mut self, memory: &mut OutputMemory<B>) {
        self.outbox.out.swap_memory(memory);
    }

    /// Gives back what [`swap_output_memory`](Self::swap_output_memory) took. If something waits to be
    /// written, the connection keeps the memory for it. What the input took and does not need is freed.
    #[inline]
    pub fn return_output_memory(&mut self, memory: &mut OutputMemory<B>) {
        self.outbox.out.return_memory(memory);
        self.release_input();
    }

    /// Gives back what the input holds and does not need.
    #[inline]
    pub(super) fn release_input(&mut self) {
        if let Some(parts) = &mut self.inbox.parts {
            if self.outbox.out.is_empty() {
                parts.messages.note_written();
            }
            self.inbox.release_over(0);
        }
    }
}
