//! The easy type: a connection with its buffers and whole messages, still without I/O.

mod codec;
mod inbox;
mod outbox;
mod queue;
mod read_buffer;
mod retention;
mod sender;
mod vectored;

use core::error::Error;
use core::{fmt, mem};

pub use sender::Sender;
pub use vectored::VectoredSend;

use crate::close::CloseCode;
use crate::connection::{Client, Config, Connection, MaskSource, Role, Server};
use crate::error::{ProtocolError, TimedOut, UnexpectedEof};
use crate::handshake::Negotiated;
use crate::message::{AssembleError, Message};
use crate::time::Instant;
use crate::transport::Transport;
#[cfg(feature = "deflate")]
use codec::Encoder;
use inbox::Inbox;
use outbox::Outbox;
use queue::{Queue, Sent};

/// How many bytes of waiting output stop a [`WebSocket`] from receiving and sending more.
const HIGH_WATER: usize = 1 << 20;

/// What each buffer of an idle [`WebSocket`] keeps allocated at most.
const RETAINED: usize = 4096;

/// A connection that reads into its own buffer, joins messages and queues its output.
///
/// Pings and Close are answered by themselves, whatever [`Config::manual_pong`] and
/// [`Config::manual_close`] say: those are for [`Connection`], which tells of control frames.
///
/// Bytes are read straight into [`read_buf`](Self::read_buf), messages come out of
/// [`next_message`](Self::next_message), and what has to be written waits in
/// [`pending`](Self::pending), except messages that [`send_vectored`](Sender::send_vectored) writes to a transport that takes
/// them. There is a high-water mark for what waits (1 MiB unless
/// [`with_high_water`](Self::with_high_water) says otherwise): while that much does, no message can
/// be sent, but the largest always fits on top of less. While that many bytes of answers wait, of
/// Pongs and of what was sent by the handle that came with a message, nothing is received either,
/// so that neither a flood of Pings nor a slow reader makes it grow.
///
/// It has three buffers, each allocated when it is needed: for reading, for a message in several
/// pieces, for the output. A message in one frame of 4 KiB to 2 MiB is not joined from pieces: it is read
/// until it is there as a whole, and stays where it was read. Its header is checked on the byte that
/// proves a fault, but text in it is validated only then; all other text is validated as it comes. While they
/// hold nothing they keep 4 KiB each, and beside the start of such a frame 4 KiB and as much as there is
/// of it. What has grown beyond that is kept, up to 2 MiB each,
/// while there is traffic that needs it. It is given back at the end of a turn
/// ([`next_message`](Self::next_message) gives `None`) that brought no more than 4 KiB, and by a
/// [`tick`](Self::tick) unless bytes came or went both since the tick before and before that one. So
/// after the last message two ticks at most give it back; [`release`](Self::release) does so at once.
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
pub struct WebSocket<R: Role> {
    inbox: Inbox,
    outbox: Outbox<R>,
}

impl WebSocket<Server> {
    /// The server's end of a connection, after the handshake. Allocates nothing yet.
    pub fn server(negotiated: Negotiated, config: Config) -> Self {
        let config = automatic(config);
        Self::new(Connection::server(negotiated, config), config)
    }
}

impl<M: MaskSource> WebSocket<Client<M>> {
    /// The client's end of a connection, after the handshake. Allocates nothing yet.
    pub fn client(negotiated: Negotiated, config: Config, keys: M) -> Self {
        let config = automatic(config);
        Self::new(Connection::client(negotiated, config, keys), config)
    }
}

impl<R: Role> WebSocket<R> {
    fn new(connection: Connection<R>, config: Config) -> Self {
        Self {
            inbox: Inbox::new(config.max_message_bytes()),
            outbox: Outbox::new(connection, HIGH_WATER),
        }
    }

    /// With another high-water mark of waiting output, in bytes; 131 at least, a control frame.
    #[must_use]
    pub fn with_high_water(mut self, bytes: usize) -> Self {
        self.outbox.out = Queue::new(bytes);
        self
    }

    /// With another size of what [`read_hint`](Self::read_hint) asks for between big frames, in bytes;
    /// 4 KiB unless this says otherwise. More of it takes fewer reads for many small messages.
    #[must_use]
    pub fn with_read_size(mut self, bytes: usize) -> Self {
        self.inbox.read_size = bytes.max(1);
        self
    }

    /// With permessage-deflate as it was agreed on: messages are inflated and, if they are as long
    /// as the [threshold](crate::extension::deflate::Deflate::threshold), compressed.
    /// [`Sender::uncompressed`] sends the others.
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
            let (encoder, decoder) = if R::MASKS_OUTPUT {
                deflate.client(params)
            } else {
                deflate.server(params)
            };
            self.outbox.encoder = Encoder::new(encoder);
            self.inbox
                .decode_with(Some(alloc::boxed::Box::new(decoder)));
        }
        self
    }

    /// Room for at least `n` bytes, to read into; then tell [`advance`](Self::advance). They are
    /// allocated.
    ///
    /// Read only while [`wants_read`](Self::wants_read), else what waits to be written keeps what
    /// was read waiting too, and this buffer grows. Tell at once what was read: [`tick`](Self::tick) and
    /// [`release`](Self::release) may take the space back.
    pub fn read_buf(&mut self, n: usize) -> &mut [u8] {
        self.inbox.read.read_buf(n)
    }

    /// Tells that the first `n` bytes of [`read_buf`](Self::read_buf) have been read into, or fewer if
    /// that has fewer.
    pub fn advance(&mut self, n: usize) {
        self.inbox.advance(n);
        if n > 0 {
            self.outbox.connection.note_activity();
        }
    }

    /// Whether to read: not while there are bytes that [`next_message`](Self::next_message) has not
    /// looked at, unless more is missing of the frame they belong to, nor while bytes wait for the output
    /// to be drained.
    pub fn wants_read(&self) -> bool {
        self.inbox.wants_read()
    }

    /// How many bytes to read next: more when a big frame is on its way. What is missing of one that
    /// stays where it is read, up to 64 KiB, and not a byte more: bytes read after it may have to be
    /// moved.
    pub fn read_hint(&self) -> usize {
        self.inbox
            .read_hint(self.outbox.connection.frame_remaining())
    }

    /// The next whole message in what has been read, and a handle to answer it while the message
    /// is borrowed. `Ok(None)` if more has to be read first; then [`transport`](Self::transport) tells
    /// whether anything will come.
    ///
    /// Pings and Close have been answered into [`pending`](Self::pending).
    ///
    /// # Errors
    ///
    /// * [`WebSocketError::OutputFull`]: so many answers wait in [`pending`](Self::pending) that nothing
    ///   more is received. Nothing is lost: write, [consume](Self::consume) what was written, and
    ///   call again.
    /// * All others: the connection has failed, its Close frame is in [`pending`](Self::pending). Every
    ///   further call returns the same error, and nothing can be sent any more.
    // Inlined, so that message and handle stay in registers: through memory, where they are written by
    // the word and read by the pair, they take as long as all the rest.
    #[inline(always)]
    pub fn next_message(&mut self) -> Result<Option<(Message<'_>, Sender<'_, R>)>, WebSocketError> {
        match self.inbox.next(&mut self.outbox) {
            Ok(Some(message)) => {
                let reply = Sender::new(&mut self.outbox, Sent::InReply);
                Ok(Some((message, reply)))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A handle to send without having received.
    pub fn sender(&mut self) -> Sender<'_, R> {
        Sender::new(&mut self.outbox, Sent::Unasked)
    }

    /// The bytes to write to the peer; then tell [`consume`](Self::consume).
    pub fn pending(&self) -> &[u8] {
        self.outbox.out.pending()
    }

    /// Tells that the first `n` bytes of [`pending`](Self::pending) have been written.
    pub fn consume(&mut self, n: usize) {
        if n > 0 {
            self.outbox.consume(n);
        }
    }

    /// Tells the time; see [`Connection::tick`].
    ///
    /// # Errors
    ///
    /// [`TimedOut`] as [`Connection::tick`].
    pub fn tick(&mut self, now: Instant) -> Result<Option<Instant>, TimedOut> {
        if mem::take(&mut self.outbox.went) {
            self.inbox.retention.wrote();
        }
        let retained = self.inbox.retention.at_tick();
        self.inbox.release_over(retained);
        self.outbox.out.release_over(retained);
        let Outbox {
            connection, out, ..
        } = &mut self.outbox;
        connection.tick(now, &mut out.messages(Sent::Unasked))
    }

    /// Tells that the transport has ended; see [`Connection::receive_eof`]. Take all messages
    /// before: what has been filled and not been taken is lost.
    ///
    /// # Errors
    ///
    /// [`UnexpectedEof`] unless the closing handshake was done.
    pub fn receive_eof(&mut self) -> Result<(), UnexpectedEof> {
        self.outbox.connection.receive_eof()
    }

    /// What the driver has to do with the transport, once [`pending`](Self::pending) is written.
    pub fn transport(&self) -> Transport {
        self.outbox.connection.transport()
    }

    /// The connection inside: its close code and reason, for instance.
    pub const fn connection(&self) -> &Connection<R> {
        &self.outbox.connection
    }

    /// Gives back the memory of all buffers that hold nothing.
    ///
    /// An idle `WebSocket` does most of it by itself: it keeps at most 4 KiB a buffer once that has
    /// been noticed, as described [above](Self). A compressor it keeps; with this call that is freed
    /// too, and begins anew with the next message.
    pub fn release(&mut self) {
        self.inbox.release_over(0);
        self.outbox.encoder.release();
        self.outbox.out.release_over(0);
    }
}

impl<R: Role> fmt::Debug for WebSocket<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("connection", &self.outbox.connection)
            .field("out", &self.outbox.out)
            .field("failed", &self.inbox.failed)
            .finish_non_exhaustive()
    }
}

/// Nobody would answer by hand what `next_message` does not tell of.
const fn automatic(config: Config) -> Config {
    config.manual_pong(false).manual_close(false)
}

/// Why [`WebSocket::next_message`] gives no message, though there may be one.
///
/// [`OutputFull`](Self::OutputFull) is for the moment, all others have failed the connection.
///
/// ```
/// use ws_proto::{CloseCode, Config, Negotiated, ProtocolError, WebSocket, WebSocketError};
///
/// let mut server = WebSocket::server(Negotiated::new(), Config::new());
/// server.read_buf(2)[..2].copy_from_slice(&[0x83, 0x80]); // a reserved opcode
/// server.advance(2);
/// let error = server.next_message().unwrap_err();
/// assert_eq!(error, WebSocketError::Protocol(ProtocolError::OpcodeReserved));
/// assert_eq!(error.close_code(), Some(CloseCode::PROTOCOL_ERROR));
/// assert_eq!(server.pending(), [0x88, 0x02, 0x03, 0xea]); // says so to the peer
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WebSocketError {
    /// A message could not be put together.
    Assemble(AssembleError),
    /// Answers fill the queue: write [`pending`](WebSocket::pending), then call again.
    OutputFull,
    /// The peer broke the protocol.
    Protocol(ProtocolError),
}

impl WebSocketError {
    /// The code of the Close frame for it; `None` if the connection has not failed.
    pub const fn close_code(self) -> Option<CloseCode> {
        match self {
            Self::Assemble(error) => Some(error.close_code()),
            Self::OutputFull => None,
            Self::Protocol(error) => Some(error.close_code()),
        }
    }
}

impl From<AssembleError> for WebSocketError {
    fn from(error: AssembleError) -> Self {
        Self::Assemble(error)
    }
}

impl From<ProtocolError> for WebSocketError {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

impl fmt::Display for WebSocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Assemble(error) => error.fmt(f),
            Self::OutputFull => f.write_str("queued answers fill the output: write it first"),
            Self::Protocol(error) => error.fmt(f),
        }
    }
}

impl Error for WebSocketError {}
