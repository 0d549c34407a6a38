//! The easy type: a connection with its buffers and whole messages, still without I/O.

mod codec;
mod ending;
mod error;
mod inbox;
mod lent;
mod messages;
mod outbox;
mod queue;
mod read_buffer;
mod reading;
mod retention;
mod sender;
mod slices;
mod vectored;

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

pub use error::{Failure, WebSocketError};
pub use queue::OutputMemory;
pub use reading::{Next, Piece, Reading, Received, Want};
pub use sender::Sender;
pub use vectored::VectoredSend;

use crate::buf::Input;
use crate::connection::{Client, Config, Connection, EitherRole, MaskSource, Role, Server};
use crate::handshake::Negotiated;
use crate::message::Message;
use crate::transport::Transport;
#[cfg(feature = "deflate")]
use codec::Encoder;
use ending::Ending;
use inbox::{Inbox, Parts};
use outbox::Outbox;
use queue::Sent;

/// How many bytes of waiting output stop a [`WebSocket`] from receiving and sending more.
const HIGH_WATER: usize = 1 << 20;

/// What each buffer of an idle [`WebSocket`] keeps allocated at most.
const RETAINED: usize = 4096;

/// A connection with all that stands between the engine and a transport: input that waits, messages that
/// are put together, output that is queued, and the last steps with the transport. It does no I/O and
/// reads no clock: a shell drives it with whatever transport it has. [`io`](crate::io) is such a shell.
///
/// ```text
///   read into read_buf, advance(n)      or    receive(bytes), a buffer that is only lent
///                      \                        /
///                       v                      v
///        bytes that nobody has asked for --> poll_next(want): a message, a piece, an event
///        (kept)                                | answers: Pong, Close        ^ sender().send_text(..)
///                                              v                             |
///        write <-- pending_slices, consume <-- output queue <----------------'
///        tick(now) --> the next deadline       failure, wants_half_close, is_over --> the transport
/// ```
///
/// # Driving it
///
/// 1. Call [`poll_next`](Self::poll_next) (or [`next_message`](Self::next_message), its simple form) until
///    it asks for the transport.
/// 2. Write the [pending bytes](Self::pending_slices), as much as the transport takes, and
///    [`consume`](Self::consume) it. A burst of messages is answered by one write in this way.
/// 3. If it [wants to](Self::wants_read), read once: into [`read_buf`](Self::read_buf), or into a buffer
///    that many connections share ([`receive`](Self::receive)).
/// 4. If there was nothing to read, call [`tick`](Self::tick), and wait for the transport until its
///    deadline. Received bytes win over expired timers, so read first.
///
/// | event | call | effect |
/// |---|---|---|
/// | bytes are read | `advance`, `receive` | they are emitted before anything that happens later |
/// | the input ends | [`receive_eof`](Self::receive_eof) | once all that was read is emitted, the rest is written, then it is over |
/// | reading fails | [`read_failed`](Self::read_failed) | once all that was read is emitted, it is over; after both Close frames that is the end that was waited for |
/// | writing fails | [`write_failed`](Self::write_failed) | nothing is sent any more; reading goes on, for the peer's Close |
/// | it [wants to half-close](Self::wants_half_close) | [`half_closed`](Self::half_closed) after doing so | after a fault: input is read and dropped, up to 4 MiB and the [linger time](Self::with_linger_time) |
/// | it [is over](Self::is_over) | | close the transport; [`failure`](Self::failure) says why it failed, if it did |
///
/// | state | it wants to read | it wants to write | the state ends |
/// |---|---|---|---|
/// | open | unless input waits to be asked for | while output is pending | with both Close frames, a fault, the end of the input |
/// | open, writing has failed | yes | no | with the peer's Close, the end of the input, the linger time |
/// | the peer's Close has come, ours is left to the caller ([`Config::manual_close`]) | for the end of the input | while output is pending | when the caller closes |
/// | a client has both Close frames | for the end of the input | while output is pending | with the end of the input, the [close timeout](Config::close_timeout) |
/// | a server has both Close frames | until it has half-closed | while output is pending | when all is written and half-closed |
/// | failed | for the end of the input | the Close frame that says why | with the end of the input, 4 MiB, the linger time |
/// | over | no | no | never |
///
/// # Limits
///
/// There is a high-water mark for queued output (1 MiB unless
/// [`with_high_water`](Self::with_high_water) sets another): while that much does, no message can
/// be sent, but the largest always fits on top of less. While that many bytes of answers wait, of
/// Pongs and of messages sent by the handle that came with a message, nothing is received either,
/// so that neither a flood of Pings nor a slow reader makes it grow. A transport that takes nothing for the
/// [stall time](Self::with_stall_time) ends the connection.
///
/// It has three buffers, each allocated when it is needed: for input, for a message in several pieces, for
/// the output. A message in one frame of 4 KiB to 2 MiB that is read into [`read_buf`](Self::read_buf) is
/// not put together from pieces: it is read until it is there as a whole, and stays where it was read. Its
/// header is checked on the byte that proves a fault, but text in it is validated only then; all other text
/// is validated as it comes. While they hold nothing the buffers keep 4 KiB each. What has grown beyond that
/// is kept, up to 2 MiB each, while there is traffic that needs it. It is given back at the end of a turn
/// (all input is used) that brought no more than 4 KiB, and by a [`tick`](Self::tick) unless bytes came or
/// went both since the tick before and before that one. So after the last message two ticks at most give it
/// back; [`release`](Self::release) does so at once. A message is never allocated by what its header claims,
/// and never takes more than the [limit](Config::max_message).
///
/// ```
/// use ws_proto::{Config, Negotiated, WebSocket};
///
/// let mut server = WebSocket::server(Negotiated::new(), Config::new());
/// let wire = *b"\x81\x85\0\0\0\0hello"; // what a read from the socket gives
/// server.read_buf(wire.len()).copy_from_slice(&wire);
/// server.advance(wire.len());
/// while let Some((message, mut reply)) = server.next_message()? {
///     reply.send(message)?; // echo
/// }
/// assert_eq!(server.pending(), b"\x81\x05hello"); // what to write to the socket
/// let written = server.pending().len();
/// server.consume(written);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// One turn over a stream that does not block:
///
/// ```
/// use std::io::{ErrorKind, IoSlice, Read, Write};
/// use ws_proto::socket::{Next, Received, Want};
/// use ws_proto::{Instant, Server, WebSocket};
///
/// /// Echoes; `false` once the stream is to be closed.
/// fn turn(
///     server: &mut WebSocket<Server>,
///     stream: &mut (impl Read + Write),
///     now: Instant,
/// ) -> Result<bool, Box<dyn std::error::Error>> {
///     while let Next::Received(received) = server.poll_next(Want::Message)? {
///         if let Received::Message(message, mut reply) = received {
///             reply.send(message)?;
///         }
///     }
///     while server.pending_bytes() > 0 {
///         let slices: Vec<_> = server.pending_slices().map(IoSlice::new).collect();
///         match stream.write_vectored(&slices) {
///             Ok(n) => server.consume(n),
///             Err(error) if error.kind() == ErrorKind::WouldBlock => break,
///             Err(_) => server.write_failed(),
///         }
///     }
///     if server.wants_read() {
///         let hint = server.read_hint();
///         match stream.read(server.read_buf(hint)) {
///             Ok(0) => server.receive_eof()?,
///             Ok(n) => server.advance(n),
///             Err(error) if error.kind() == ErrorKind::WouldBlock => {}
///             Err(_) => server.read_failed(),
///         }
///     }
///     if server.needs_tick() {
///         server.tick(now)?; // returns the deadline for waiting
///     }
///     if server.wants_half_close() {
///         server.half_closed(); // after `shutdown` of the stream
///     }
///     Ok(!server.is_over())
/// }
/// # use ws_proto::{Config, Negotiated};
/// # let mut server = WebSocket::server(Negotiated::new(), Config::new());
/// # let mut stream = std::io::Cursor::new(b"\x81\x85\0\0\0\0hello".to_vec());
/// # assert!(turn(&mut server, &mut stream, Instant::from_millis(0))?);
/// # turn(&mut server, &mut stream, Instant::from_millis(1)).unwrap_err(); // the peer is gone
/// # assert!(stream.into_inner().ends_with(b"\x81\x05hello"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct WebSocket<R: Role, B = Vec<u8>> {
    inbox: Inbox,
    outbox: Outbox<R, B>,
    ending: Ending,
}

/// A message, and a handle to answer it while it is borrowed.
type MessageAndSender<'w, R, B> = (Message<'w>, Sender<'w, R, B>);

impl WebSocket<Server> {
    /// The server's end of a connection, after the handshake. Allocates nothing yet.
    #[must_use]
    pub fn server(negotiated: Negotiated, config: Config) -> Self {
        Self::new(Connection::server(negotiated, config), config)
    }
}

impl<M: MaskSource> WebSocket<Client<M>> {
    /// The client's end of a connection, after the handshake. Allocates nothing yet.
    ///
    /// ```
    /// use ws_proto::{Config, Negotiated, WebSocket};
    ///
    /// let keys = || [0, 0, 0, 1]; // in a program random bytes, new for every frame
    /// let mut client = WebSocket::client(Negotiated::new(), Config::new(), keys);
    /// client.sender().send_text("hello")?;
    /// assert_eq!(client.pending(), b"\x81\x85\0\0\0\x01helmo"); // masked
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    #[must_use]
    pub fn client(negotiated: Negotiated, config: Config, keys: M) -> Self {
        Self::new(Connection::client(negotiated, config, keys), config)
    }
}

impl<M: MaskSource> WebSocket<EitherRole<M>> {
    /// The end of a connection that `role` says, after the handshake. Allocates nothing yet.
    ///
    /// ```
    /// use ws_proto::{Config, EitherRole, Negotiated, WebSocket};
    ///
    /// type Keys = fn() -> [u8; 4];
    ///
    /// // One table for connections of both roles.
    /// let keys: Keys = || [7; 4]; // in a program random bytes, new for every frame
    /// let mut table = [EitherRole::server(), EitherRole::client(keys)]
    ///     .map(|role| WebSocket::with_role(Negotiated::new(), Config::new(), role));
    /// for socket in &mut table {
    ///     socket.sender().send_text("to all of you")?;
    /// }
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    #[must_use]
    pub fn with_role(negotiated: Negotiated, config: Config, role: EitherRole<M>) -> Self {
        Self::new(Connection::with_role(negotiated, config, role), config)
    }
}

impl<R: Role> WebSocket<R> {
    fn new(connection: Connection<R>, config: Config) -> Self {
        Self {
            inbox: Inbox::new(),
            outbox: Outbox::new(connection, HIGH_WATER),
            ending: Ending::new(config.close_timeout_millis()),
        }
    }

    /// Changes the type of the payloads that are [queued by reference](Sender::send_binary_shared), for instance to
    /// `Arc<[u8]>`, or to `Bytes` of the crate `bytes`. Call it before anything is sent: queued output is
    /// dropped.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use ws_proto::{Config, Negotiated, Server, WebSocket};
    ///
    /// let server: WebSocket<Server, Arc<[u8]>> =
    ///     WebSocket::server(Negotiated::new(), Config::new()).sharing();
    /// # let _ = server;
    /// ```
    #[must_use]
    pub fn sharing<B: AsRef<[u8]>>(self) -> WebSocket<R, B> {
        let Outbox {
            connection,
            encoder,
            out,
            ..
        } = self.outbox;
        let mut outbox = Outbox::new(connection, out.high_water());
        outbox.encoder = encoder;
        WebSocket {
            inbox: self.inbox,
            outbox,
            ending: self.ending,
        }
    }
}

impl<R: Role, B: AsRef<[u8]>> WebSocket<R, B> {
    /// Sets the high-water mark of the waiting output, in bytes: by default 1 MiB, at least 131, a control frame.
    #[must_use]
    pub fn with_high_water(mut self, bytes: usize) -> Self {
        self.outbox.out.set_high_water(bytes);
        self
    }

    /// Sets how long a transport may take nothing of the output before the connection fails with
    /// [`TimedOut::Write`](crate::TimedOut::Write): by default 60 s.
    #[must_use]
    pub fn with_stall_time(mut self, time: Duration) -> Self {
        self.ending.set_stall_time(time);
        self
    }

    /// Sets whether it reads to the end of the input after a closing handshake too, for the time of
    /// [`with_linger_time`](Self::with_linger_time) at most; after a fault it always does. For a stream of HTTP/2 or
    /// HTTP/3, which must not be dropped before both sides have ended (see [`Transport::Close`]).
    /// [`opening`](crate::opening) sets it for the connections that it opens on such a stream.
    #[must_use]
    pub const fn with_linger(mut self, linger: bool) -> Self {
        self.ending.set_lingers(linger);
        self
    }

    /// Sets the time for the end, once nothing more will be received: to write out, to half-close, and to read
    /// the last bytes of the peer, so that it can read our Close. By default it is the
    /// [close timeout](Config::close_timeout).
    #[must_use]
    pub fn with_linger_time(mut self, time: Duration) -> Self {
        self.ending.set_linger_time(time);
        self
    }

    /// Sets how many bytes [`read_hint`](Self::read_hint) asks for between big frames: by default 4 KiB. With a
    /// larger size, many small messages take fewer reads.
    ///
    /// All settings:
    ///
    /// ```
    /// use core::time::Duration;
    /// use ws_proto::extension::deflate::{Deflate, DeflateParams};
    /// use ws_proto::{Config, WebSocket};
    ///
    /// let params = DeflateParams::new(); // as the handshake has agreed
    /// let mut server = WebSocket::server(params.negotiated(), Config::new())
    ///     .with_high_water(64 * 1024)
    ///     .with_stall_time(Duration::from_secs(20))
    ///     .with_linger(true) // for a stream of HTTP/2
    ///     .with_linger_time(Duration::from_secs(3))
    ///     .with_read_size(16 * 1024)
    ///     .with_deflate(&Deflate::new(), params);
    /// assert_eq!(server.deflate(), Some(params));
    /// server.set_compressing(false); // for messages with compressed content
    /// ```
    #[must_use]
    pub fn with_read_size(mut self, bytes: usize) -> Self {
        self.inbox.set_read_size(bytes);
        self
    }

    /// Turns on permessage-deflate as the handshake has agreed on it: received messages are inflated, and sent ones
    /// are compressed if they are as long as the [threshold](crate::extension::deflate::Deflate::threshold).
    /// [`Sender::uncompressed`] sends messages that must not be compressed.
    ///
    /// Does nothing if the handshake did not agree on it.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn with_deflate(
        mut self,
        deflate: &crate::extension::deflate::Deflate,
        params: crate::extension::deflate::DeflateParams,
    ) -> Self {
        let negotiated = self.outbox.connection.negotiated_rsv();
        if negotiated.contains(crate::frame::Rsv::RSV1) {
            let (encoder, decoder) = if self.outbox.connection.is_client() {
                deflate.client(params)
            } else {
                deflate.server(params)
            };
            self.outbox.encoder = Encoder::new(encoder, params);
            self.parts()
                .0
                .messages
                .decode_with(Some(alloc::boxed::Box::new(decoder)));
        }
        self
    }

    /// The connection's state, and its settings for sending.
    #[inline]
    fn parts(&mut self) -> (&mut Parts, &mut Outbox<R, B>) {
        let max_message = self.outbox.connection.get_max_message();
        (self.inbox.parts(max_message), &mut self.outbox)
    }

    /// Room for at least `n` bytes, to read into; then call [`advance`](Self::advance). They are
    /// allocated.
    ///
    /// Read only while [`wants_read`](Self::wants_read), else queued output keeps the bytes
    /// that were read waiting too, and this buffer grows. Call it as soon as something was read: [`tick`](Self::tick) and
    /// [`release`](Self::release) may take the space back.
    pub fn read_buf(&mut self, n: usize) -> &mut [u8] {
        self.parts().0.read.read_buf(n)
    }

    /// The first `n` bytes of [`read_buf`](Self::read_buf) have been read into, or fewer if that has fewer.
    pub fn advance(&mut self, n: usize) {
        self.note_input(n);
        if self.is_ending() {
            self.ending.drop_bytes(n);
        } else {
            self.parts().0.advance(n);
        }
    }

    /// Whether to read: not while there are bytes that nobody has asked for, unless more is missing of the
    /// frame they belong to, nor while bytes wait for the output to be drained. At the end of the
    /// connection: whether the peer is given time to end its side.
    #[inline]
    #[must_use]
    pub fn wants_read(&self) -> bool {
        match self.transport() {
            Transport::Open => self.ending.reads_on() && self.inbox.wants_read(),
            _ => self.reads_on(),
        }
    }

    /// How many bytes to read next: more when a big frame is on its way. What is missing of one that
    /// stays where it is read, up to 64 KiB, and not a byte more: bytes read after it may have to be
    /// moved.
    #[must_use]
    pub fn read_hint(&self) -> usize {
        self.inbox
            .read_hint(self.outbox.connection.frame_remaining())
    }

    /// The next whole message in the received bytes, and a handle to answer it while the message
    /// is borrowed. `Ok(None)` if more has to be read first; then [`transport`](Self::transport) says
    /// whether anything will come.
    ///
    /// Pings and Close have been answered into [`pending`](Self::pending).
    ///
    /// # Errors
    ///
    /// * [`WebSocketError::OutputFull`]: so many answers wait in [`pending`](Self::pending) that nothing
    ///   more is received. Nothing is lost: write, [consume](Self::consume) the written bytes, and
    ///   call again.
    /// * All others: the connection has failed, its Close frame is in [`pending`](Self::pending). Every
    ///   further call returns the same error, and nothing can be sent any more.
    // Inlined, so that message and handle stay in registers: through memory, where they are written by
    // the word and read by the pair, they take as long as all the rest.
    #[inline(always)]
    pub fn next_message(&mut self) -> Result<Option<MessageAndSender<'_, R, B>>, WebSocketError> {
        let Some(parts) = &mut self.inbox.parts else {
            return Ok(None);
        };
        if parts.read.is_empty() {
            let is_idle = parts.messages.is_idle();
            self.inbox
                .end_turn(self.outbox.connection.frame_remaining());
            if is_idle {
                return Ok(None);
            }
        }
        let (Parts { read, messages }, outbox) = self.parts();
        let (bytes, mut consumed) = read.unread();
        let before = bytes.len();
        let mut input = Input::new(bytes);
        let whole = messages.next_whole(&mut input, outbox);
        consumed.set(before - input.len());
        match whole {
            // On its own, so that the message stays in registers.
            Ok(Some(message)) => Ok(Some((message, Sender::new(outbox, Sent::InReply)))),
            Ok(None) => {
                let mut rest = before;
                let bytes = input.into_bytes();
                let other = messages.next_message(bytes, &mut rest, outbox);
                consumed.set(before - rest);
                let Some(message) = other? else {
                    return Ok(None);
                };
                Ok(Some((message, Sender::new(outbox, Sent::InReply))))
            }
            Err(error) => Err(error),
        }
    }

    /// A handle to send without having received.
    ///
    /// ```
    /// use ws_proto::{Config, Negotiated, Transport, WebSocket};
    ///
    /// let mut server = WebSocket::server(Negotiated::new(), Config::new());
    /// server.sender().send_text("hello")?;
    /// assert_eq!(server.pending(), b"\x81\x05hello");
    /// assert_eq!(server.transport(), Transport::Open);
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn sender(&mut self) -> Sender<'_, R, B> {
        Sender::new(&mut self.outbox, Sent::Unasked)
    }

    /// The first bytes that wait to be written, in one slice; then [`consume`](Self::consume). Empty if
    /// nothing waits. It is all that waits, unless something is
    /// [queued by reference](Sender::send_binary_shared).
    #[inline]
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        self.outbox.out.pending()
    }

    /// All that waits to be written, in order, for a vectored write; then [`consume`](Self::consume).
    pub fn pending_slices(&self) -> impl Iterator<Item = &[u8]> {
        self.outbox.out.slices()
    }

    /// How many bytes wait to be written.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.outbox.out.len()
    }

    /// The first `n` bytes that waited have been written.
    #[inline]
    pub fn consume(&mut self, n: usize) {
        if n > 0 {
            self.outbox.consume(n);
        }
    }

    /// The next step with the transport, once the output is written.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.outbox.connection.transport()
    }

    /// Drops all messages from now on, without decoding them. Go on to call
    /// [`poll_next`](Self::poll_next): it drops them, and notices the peer's Close and the end of the input.
    ///
    /// ```
    /// use ws_proto::socket::{Next, Want};
    /// use ws_proto::{Config, Negotiated, WebSocket};
    ///
    /// let mut client = WebSocket::client(Negotiated::new(), Config::new(), || [0; 4]);
    /// client.discard();
    /// let mut read = *b"\x81\x01a\x89\x00"; // a text, a Ping
    /// let next = client.receive(&mut read).poll_next(Want::Message).map(|next| matches!(next, Next::Read));
    /// assert_eq!(next, Ok(true));
    /// assert!(!client.pending().is_empty()); // the Pong
    /// # Ok::<(), ws_proto::WebSocketError>(())
    /// ```
    pub fn discard(&mut self) {
        self.parts().0.messages.discard();
    }

    /// Whether messages that begin from now on are compressed, if permessage-deflate was agreed on. A
    /// message of which parts have been sent goes on as it began.
    #[cfg(feature = "deflate")]
    pub fn set_compressing(&mut self, compressing: bool) {
        self.outbox.encoder.pause(!compressing);
    }

    /// The parameters of permessage-deflate that were agreed on; `None` if messages are not compressed.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(&self) -> Option<crate::extension::deflate::DeflateParams> {
        self.outbox.encoder.params()
    }

    /// The connection inside: its close code and reason, for instance.
    ///
    /// ```
    /// use ws_proto::socket::Want;
    /// use ws_proto::{CloseCode, Config, Negotiated, WebSocket};
    ///
    /// let mut client = WebSocket::client(Negotiated::new(), Config::new(), || [0; 4]);
    /// let mut read = *b"\x88\x05\x03\xe9bye";
    /// client.receive(&mut read).poll_next(Want::Message)?;
    /// assert_eq!(client.connection().close_code(), Some(CloseCode::GOING_AWAY));
    /// assert_eq!(client.connection().close_reason(), "bye");
    /// # Ok::<(), ws_proto::WebSocketError>(())
    /// ```
    #[must_use]
    pub const fn connection(&self) -> &Connection<R> {
        &self.outbox.connection
    }

    /// Gives back the memory of all buffers that hold nothing.
    ///
    /// An idle `WebSocket` does most of it by itself: it keeps at most 4 KiB a buffer once that has
    /// been noticed, as described [above](Self). A compressor it keeps; with this call that is freed
    /// too, and begins anew with the next message.
    ///
    /// ```
    /// use ws_proto::{Config, Negotiated, WebSocket};
    ///
    /// let mut idle = WebSocket::server(Negotiated::new(), Config::new());
    /// idle.release();
    /// ```
    pub fn release(&mut self) {
        self.release_input();
        self.outbox.encoder.release();
        self.outbox.out.release_over(0);
    }
}

impl<R: Role, B> fmt::Debug for WebSocket<R, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("connection", &self.outbox.connection)
            .field("out", &self.outbox.out)
            .field("ending", &self.ending)
            .finish_non_exhaustive()
    }
}
