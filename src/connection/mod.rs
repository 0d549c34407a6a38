//! An open connection: from the handshake's last byte to the closed transport (RFC 6455 5 to 8).
//!
//! # Receiving
//!
//! ```text
//!            data frame                       payload
//!   Idle ----------------> Data ---------------------------------> Idle, Between
//!   Between  control frame        payload
//!     |  '---------------> Control -----> Ping, Pong ------------> Idle, Between
//!     v                               '-> Close -----------------> Dead
//!   Header (a header cut by the end of the input)
//!                                any error, end of the transport -> Dead
//! ```
//!
//! `Idle` is between messages, `Between` is between the frames of one message. In `Dead` all input
//! is discarded.
//!
//! # Closing
//!
//! The table of [`Transport`] has the steps of the driver in each state of the transport.
//!
//! | event | output | [`transport`](Connection::transport) |
//! |---|---|---|
//! | we call [`close`](Connection::close) | Close(code, reason) | `Open`; the close timer runs from the next [`tick`](Connection::tick) |
//! | peer's Close, we had not sent one | Close(same code) | server `Close`, client `AwaitEof` |
//! | the same with [`manual_close`](Config::manual_close) | nothing, until we call `close` | `Open`, then as above |
//! | peer's Close, we had sent one | nothing | server `Close`, client `AwaitEof` |
//! | protocol error, or [`fail`](Connection::fail) | Close(1002, 1003, 1007 or 1009) | `Close` |
//! | end of the transport | nothing | `Close` |
//! | close timer | nothing | `Abort` |
//! | no answer to a keepalive Ping | Close(1011) | `Abort` |
//!
//! A Close of the engine's own for which there is no masking key, or no room, is owed: the first `tick`
//! for which there is writes it. Until then the transport is `AwaitEof` instead of `Close`, so that the
//! driver does not end its writing side before; all else is as if it had been sent. After the end of the
//! transport it is not written.
//!
//! Messages of the peer between our Close and its own are still delivered. Pings are answered until
//! its Close has come.

mod config;
mod event;
mod prepared;
mod receive;
mod role;
mod send;
mod timer;

pub use config::Config;
use core::fmt;
pub use event::{Binary, Event, Extended, Fin, Kind, Text};
#[cfg(feature = "deflate")]
pub(crate) use prepared::COMPRESSED_FRAMES;
#[cfg(feature = "alloc")]
pub(crate) use prepared::PreparedFrame;
pub use prepared::PreparedMessage;
pub use role::{Client, EitherRole, MaskSource, Role, Server};

use crate::buf::{Input, Output};
use crate::close::CloseCode;
use crate::error::{Fault, ProtocolError, ReceiveError, UnexpectedEof};
use crate::frame::{MAX_CONTROL_FRAME, Opcode};
use crate::handshake::Negotiated;
use crate::time::Instant;
use crate::transport::Transport;
use receive::Receiver;
use send::Outgoing;
#[cfg(feature = "deflate")]
pub(crate) use send::{History, Part};
use timer::{Timeouts, Waiting};

/// One end of an open WebSocket connection: bytes in, events and bytes out.
///
/// The connection owns no heap memory and no payload; it is at most 200 bytes for a server. It is
/// driven by one loop, whatever the transport. [`driving`](crate::driving) has the rules for that loop:
///
/// ```
/// # use ws_proto::{Config, Connection, Event, Input, Instant, Negotiated, Transport};
/// # let mut socket = std::collections::VecDeque::from([vec![0x81, 0x82, 0, 0, 0, 0, b'h', b'i']]);
/// # let mut written = Vec::new();
/// # fn now() -> Instant { Instant::from_millis(0) }
/// # fn write(to: &mut Vec<u8>, out: &[u8]) -> usize { to.extend_from_slice(out); out.len() }
/// let mut connection = Connection::server(Negotiated::new(), Config::new());
/// let mut out = Vec::new();
/// let (mut was_full, mut sent) = (false, Ok(()));
/// while let Some(mut read) = socket.pop_front() {
///     let mut input = Input::new(&mut read);
///     let received = loop {
///         match connection.receive(&mut input, &mut out) {
///             Ok(Some(Event::Text(text))) => {
///                 let text = text.whole().unwrap_or("a piece");
///                 if let Err(error) = connection.send_text(text, &mut out) {
///                     sent = Err(error); // `out` has to be written all the same
///                 }
///             }
///             Ok(Some(_)) => {}
///             Ok(None) => break Ok(()),
///             Err(error) => break Err(error), // its Close frame is in `out`; a `Vec` is never full
///         }
///     };
///     let deadline = connection.tick(now(), &mut out);
///     let n = write(&mut written, &out); // in any case, and as much as the transport takes
///     out.drain(..n);
///     if n > 0 && was_full {
///         connection.note_activity(); // a full transport took more bytes: the peer reads
///     }
///     was_full = !out.is_empty();
///     received?;
///     sent?;
///     match connection.transport() {
///         Transport::Close => break, // half-close, read to the end or `deadline`, then close
///         Transport::Abort => break, // close at once
///         Transport::Open | Transport::AwaitEof => { /* wait for input or `deadline` */ }
///     }
/// #   assert!(deadline?.is_some());
/// }
/// assert_eq!(written, [0x81, 0x02, b'h', b'i']);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Connection<R> {
    receiver: Receiver,
    /// When `waiting` is over.
    deadline: Instant,
    timeouts: Timeouts,
    /// Whose compressed data was sent last.
    #[cfg(feature = "deflate")]
    history: History,
    waiting: Waiting,
    sender: Outgoing,
    flags: Flags,
    role: R,
}

impl Connection<Server> {
    /// The server's end of a connection, after the handshake.
    #[must_use]
    pub fn server(negotiated: Negotiated, config: Config) -> Self {
        Self::new(negotiated, config, Server)
    }
}

impl<M: MaskSource> Connection<Client<M>> {
    /// The client's end of a connection, after the handshake.
    ///
    /// `keys` gives a masking key for every frame that is sent.
    ///
    /// ```
    /// use ws_proto::{Config, Connection, Negotiated};
    ///
    /// let keys = || [1, 2, 3, 4]; // in a program random bytes, new for every frame
    /// let mut client = Connection::client(Negotiated::new(), Config::new(), keys);
    /// let mut out = Vec::new();
    /// client.send_binary(&[0, 0], &mut out)?;
    /// assert_eq!(out, [0x82, 0x82, 1, 2, 3, 4, 1, 2]); // header, masking key, masked payload
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    #[must_use]
    pub fn client(negotiated: Negotiated, config: Config, keys: M) -> Self {
        Self::new(negotiated, config, Client::new(keys))
    }
}

impl<M: MaskSource> Connection<EitherRole<M>> {
    /// The end of a connection that `role` says, after the handshake.
    ///
    /// ```
    /// use ws_proto::{Config, Connection, EitherRole, Negotiated};
    ///
    /// type Keys = fn() -> [u8; 4];
    ///
    /// // One table for connections of both roles.
    /// let keys: Keys = || [7; 4]; // in a program random bytes, new for every frame
    /// let table = [EitherRole::server(), EitherRole::client(keys)]
    ///     .map(|role| Connection::with_role(Negotiated::new(), Config::new(), role));
    /// assert!(table.iter().all(|connection| connection.can_send()));
    /// ```
    #[must_use]
    pub fn with_role(negotiated: Negotiated, config: Config, role: EitherRole<M>) -> Self {
        Self::new(negotiated, config, role)
    }
}

impl<R: Role> Connection<R> {
    /// Nothing can be sent any more, our Close neither: it counts as sent.
    #[cfg(feature = "alloc")]
    pub(crate) fn stop_sending(&mut self) {
        self.flags.insert(Flags::CLOSE_SENT);
        self.flags.set(Flags::CLOSE_OWED, false);
    }

    #[cfg(feature = "alloc")]
    pub(crate) fn is_client(&self) -> bool {
        self.role.masks_output()
    }

    fn new(negotiated: Negotiated, config: Config, role: R) -> Self {
        let mut flags = Flags::default();
        flags.set(Flags::MANUAL_PONG, config.manual_pong);
        flags.set(Flags::MANUAL_CLOSE, config.manual_close);
        Self {
            receiver: Receiver::new(&config),
            deadline: Instant::default(),
            timeouts: Timeouts::new(&config),
            #[cfg(feature = "deflate")]
            history: History::NONE,
            waiting: Waiting::Unset,
            sender: Outgoing::new(negotiated.rsv()),
            flags,
            role,
        }
    }

    /// Takes bytes that the peer sent, and returns the next event in them.
    ///
    /// Consumes from `input` up to the end of the event. Call it until it returns `Ok(None)`: all input
    /// has been consumed, a header that was cut is kept inside, and the buffer can be used for something
    /// else. With an empty `input` it always returns `Ok(None)`, unless the peer broke the protocol.
    /// Payload is unmasked in place.
    ///
    /// Writes the answers to `out`: a Pong for each Ping, one Close for the peer's
    /// Close, one Close for a fault. `out` has to have room for [`MAX_CONTROL_FRAME`] bytes, 131, when it
    /// is empty; with less, every call returns [`ReceiveError::OutputFull`].
    ///
    /// After the peer's Close, the end of the transport ([`receive_eof`](Self::receive_eof)), a failure by
    /// the caller ([`fail`](Self::fail)) or a timer that has ended ([`tick`](Self::tick)) nothing more is
    /// received: all input is dropped, and the answer is `Ok(None)`.
    ///
    /// # Errors
    ///
    /// * [`ReceiveError::OutputFull`]: `out` has less room than [`MAX_CONTROL_FRAME`]. Nothing was
    ///   consumed, written or changed. Write `out` to the transport, then call again with the same
    ///   input. A `Vec` is never full.
    /// * [`ReceiveError::Protocol`]: the peer broke RFC 6455 or a limit, reported on the byte that
    ///   proves it. Its Close frame has been written if there was a masking key; all further input is
    ///   discarded and every call returns the same error.
    ///
    /// ```
    /// use ws_proto::{Config, Connection, Event, FixedBuf, Input, Negotiated, ReceiveError};
    ///
    /// let mut connection = Connection::client(Negotiated::new(), Config::new(), || [0; 4]);
    /// let mut read = [&[0x89, 0x7d][..], &[7; 125]].concat().repeat(3); // three Pings
    /// let mut input = Input::new(&mut read);
    /// let mut out = FixedBuf::<200>::new(); // has room for one Pong
    /// let mut written = 0;
    /// loop {
    ///     match connection.receive(&mut input, &mut out) {
    ///         Ok(Some(event)) => assert!(matches!(event, Event::Ping)),
    ///         Ok(None) => break, // all input is consumed
    ///         Err(ReceiveError::OutputFull) => {
    ///             written += out.pending().len(); // write it to the transport, then go on
    ///             out.clear();
    ///         }
    ///         Err(error) => return Err(error), // its Close frame is in `out`
    ///     }
    /// }
    /// assert_eq!(written + out.pending().len(), 3 * 131);
    /// # Ok::<(), ReceiveError>(())
    /// ```
    // Inlined, because building an event in memory and taking it apart costs the caller's loop as
    // much as all the rest of a short message; everything else is a call.
    #[inline(always)]
    pub fn receive<'b, O: Output + ?Sized>(
        &mut self,
        input: &mut Input<'b>,
        out: &mut O,
    ) -> Result<Option<Event<'b>>, ReceiveError> {
        if let Some(message) = self.receive_message(input, out) {
            return Ok(Some(message?));
        }
        if input.is_empty() {
            return self.outcome();
        }
        self.receive_rest(input, out)
    }

    /// The answer when all input is consumed: no event, or the fault for ever.
    #[inline]
    fn outcome<'b>(&self) -> Result<Option<Event<'b>>, ReceiveError> {
        match self.receiver.error.get() {
            None => Ok(None),
            Some(error) => Err(ReceiveError::Protocol(error)),
        }
    }

    /// The transport has ended: the peer sends nothing more.
    ///
    /// # Errors
    ///
    /// [`UnexpectedEof`] unless the closing handshake was done (RFC 6455 7.1.4). A message that
    /// was not complete is lost.
    ///
    /// ```
    /// use ws_proto::{CloseCode, Config, Connection, Input, Negotiated, Transport};
    ///
    /// let mut client = Connection::client(Negotiated::new(), Config::new(), || [0; 4]);
    /// let mut out = Vec::new();
    /// let mut close = *b"\x88\x05\x03\xe9bye";
    /// client.receive(&mut Input::new(&mut close), &mut out)?;
    /// assert!(client.is_close_received());
    /// assert_eq!(client.close_code(), Some(CloseCode::GOING_AWAY));
    /// assert_eq!(client.close_reason(), "bye");
    /// assert_eq!(client.transport(), Transport::AwaitEof); // the answer is in `out`
    /// client.receive_eof()?; // the server has ended the transport
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn receive_eof(&mut self) -> Result<(), UnexpectedEof> {
        self.receiver.stop();
        self.flags.insert(Flags::EOF);
        if !self.receiver.error.is_some() && self.is_close_exchanged() && !self.owes_close() {
            Ok(())
        } else {
            Err(UnexpectedEof)
        }
    }

    /// The next step with the transport, once it has written the output.
    #[inline]
    #[must_use]
    pub fn transport(&self) -> Transport {
        // Faults and timers that have ended have sent a Close, or owe one: most calls end here, and a driver
        // makes some in each turn (`mio/32/alone` in `benches/shells`).
        if !self.flags.contains(Flags::ENDING) {
            return Transport::Open;
        }
        self.transport_at_end()
    }

    fn transport_at_end(&self) -> Transport {
        if matches!(self.waiting, Waiting::Expired(_)) {
            Transport::Abort
        } else if self.flags.contains(Flags::EOF) {
            Transport::Close
        } else if self.owes_close() {
            // The writing side has to stay open for it.
            Transport::AwaitEof
        } else if self.receiver.error.is_some() {
            Transport::Close
        } else if !self.is_close_exchanged() {
            Transport::Open
        } else if self.role.masks_output() {
            // The server closes first, so that the TIME_WAIT state stays with it (7.1.1).
            Transport::AwaitEof
        } else {
            Transport::Close
        }
    }

    /// Notes a sign of life that [`receive`](Self::receive) does not see, as good as input: the
    /// transport took some of an output that was full, or read more of a frame of which the caller
    /// [waits](Self::frame_missing) for the rest. Without it, a peer that takes longer for that than the
    /// keepalive timers counts as gone.
    ///
    /// [`WebSocket`](crate::WebSocket) does this by itself.
    pub fn note_activity(&mut self) {
        self.flags.insert(Flags::HEARD);
    }

    /// How many bytes have to be read after `received` for the frame at its front to be there as a
    /// whole, if that is a message with a payload of at least `least` and at most `most` bytes; else 0.
    /// For a header that is cut, it is the number of bytes of the header that are known to be missing; the frame may then turn
    /// out not to be one of that size.
    ///
    /// It is for messages without a copy. [`receive`](Self::receive) returns pieces of a frame that it gets in
    /// parts, and pieces have to be copied to make a message. So keep reading into the same buffer until this
    /// returns 0, then call `receive`: the message, text too, is in that buffer as a whole. `most` bounds the
    /// memory that a peer can make the buffer take. For a frame that an extension has encoded, and for one with a
    /// fault in its header, this returns 0, and `receive` reports it. Text that is not UTF-8 is reported only when
    /// the whole frame is there.
    ///
    /// ```
    /// use ws_proto::{Config, Connection, Event, Input, Negotiated};
    ///
    /// let mut connection = Connection::client(Negotiated::new(), Config::new(), || [0; 4]);
    /// let wire = [&b"\x81\x7e\x01\x00"[..], &[b'a'; 256]].concat();
    /// let mut buffer = wire[..100].to_vec(); // the first read
    /// let missing = connection.frame_missing(&buffer, 200, 1 << 20);
    /// assert_eq!(missing, 160);
    /// buffer.extend_from_slice(&wire[100..]); // the second
    /// assert_eq!(connection.frame_missing(&buffer, 200, 1 << 20), 0);
    /// let event = connection.receive(&mut Input::new(&mut buffer), &mut Vec::new())?;
    /// assert!(matches!(event, Some(Event::Text(text)) if text.whole().is_some()));
    /// # Ok::<(), ws_proto::ReceiveError>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn frame_missing(&self, received: &[u8], least: usize, most: usize) -> usize {
        self.receiver
            .missing(self.role.side(), received, least, most)
    }

    /// The payload of the Ping or Pong that the last call of [`receive`](Self::receive) returned.
    ///
    /// ```
    /// use ws_proto::{Config, Connection, Event, Input, Negotiated};
    ///
    /// let mut client = Connection::client(Negotiated::new(), Config::new(), || [0; 4]);
    /// let mut read = *b"\x8a\x0242";
    /// let event = client.receive(&mut Input::new(&mut read), &mut Vec::new())?;
    /// assert_eq!(event, Some(Event::Pong));
    /// assert_eq!(client.control_payload(), b"42"); // the answer to the Ping with this payload
    /// # Ok::<(), ws_proto::ReceiveError>(())
    /// ```
    #[must_use]
    pub fn control_payload(&self) -> &[u8] {
        self.receiver.control_payload()
    }

    /// The code in the peer's Close; `None` if there was no Close (1006) or no code in it (1005).
    #[must_use]
    pub fn close_code(&self) -> Option<CloseCode> {
        self.close_body().0
    }

    /// The length of the message for which the connection has failed, as its headers claim up to the frame that
    /// was refused: after [`ProtocolError::FrameTooBig`] and [`ProtocolError::MessageTooBig`], else `None`. It is
    /// for a text that explains the limit.
    ///
    /// ```
    /// use ws_proto::{Config, Connection, Input, Negotiated, ProtocolError};
    ///
    /// let config = Config::new().max_message(5);
    /// let mut connection = Connection::client(Negotiated::new(), config, || [0; 4]);
    /// let mut read = *b"\x82\x06123456";
    /// let error = connection.receive(&mut Input::new(&mut read), &mut Vec::new()).unwrap_err();
    /// assert_eq!(error, ProtocolError::MessageTooBig.into());
    /// assert_eq!(connection.refused_len(), Some(6));
    /// ```
    #[must_use]
    pub fn refused_len(&self) -> Option<u64> {
        self.receiver.refused_len()
    }

    /// The reason in the peer's Close; empty if there was none (RFC 6455 7.1.6).
    #[must_use]
    pub fn close_reason(&self) -> &str {
        self.close_body().1
    }

    /// Whether the peer's Close has come: without a code in it that is 1005, without a Close 1006.
    #[must_use]
    pub fn is_close_received(&self) -> bool {
        self.flags.contains(Flags::CLOSE_RECEIVED)
    }

    /// How many more bytes complete the frame whose payload is coming in; 0 between frames.
    ///
    /// A hint for the driver: a read of this size ends with the frame.
    ///
    /// ```
    /// use ws_proto::{Config, Connection, Input, Negotiated};
    ///
    /// let mut client = Connection::client(Negotiated::new(), Config::new(), || [0; 4]);
    /// let mut read = *b"\x82\x7e\x03\xe8abc"; // 3 of 1000 bytes
    /// let mut input = Input::new(&mut read);
    /// while client.receive(&mut input, &mut Vec::new())?.is_some() {}
    /// assert_eq!(client.frame_remaining(), 997);
    /// # Ok::<(), ws_proto::ReceiveError>(())
    /// ```
    #[must_use]
    pub fn frame_remaining(&self) -> u64 {
        self.receiver.frame_remaining()
    }

    fn close_body(&self) -> (Option<CloseCode>, &str) {
        if self.is_close_received() {
            self.receiver.close_body()
        } else {
            (None, "")
        }
    }

    fn owes_close(&self) -> bool {
        self.flags.contains(Flags::CLOSE_OWED)
    }

    /// What [`Config::max_message`] has set.
    #[cfg(feature = "alloc")]
    pub(crate) const fn get_max_message(&self) -> u64 {
        self.receiver.max_message()
    }

    pub(crate) fn is_close_exchanged(&self) -> bool {
        self.flags.contains(Flags::CLOSE_SENT) && self.flags.contains(Flags::CLOSE_RECEIVED)
    }

    /// Fails the connection for a fault of the peer's (RFC 6455 7.1.7).
    #[cold]
    #[inline(never)]
    fn fail_with<O: Output + ?Sized>(
        &mut self,
        error: ProtocolError,
        input: &mut Input<'_>,
        out: &mut O,
    ) -> ProtocolError {
        if matches!(
            error,
            ProtocolError::FrameTooBig | ProtocolError::MessageTooBig
        ) {
            self.receiver.note_refused(input.bytes());
        }
        input.take(input.len());
        self.fail_for(Fault::new(error), out);
        error
    }

    /// Fails the connection for a fault in a message that the caller has found (RFC 6455 7.1.7): a message
    /// that cannot be put together, with the code of its [`AssembleError`](crate::AssembleError).
    ///
    /// It is what [`receive`](Self::receive) does for a fault that it finds. Nothing more is sent, what the
    /// peer still sends is dropped ([`receive`](Self::receive) returns `Ok(None)`), and
    /// [`transport`](Self::transport) is [`Close`](Transport::Close). The first fault counts; later ones
    /// change nothing.
    ///
    /// Writes a Close with `code` to `out`, unless one was sent before, the transport has
    /// [ended](Self::receive_eof) or a timer has. Without room for it, or a masking key, the Close is owed:
    /// [`transport`](Self::transport) is [`AwaitEof`](Transport::AwaitEof), and the first
    /// [`tick`](Self::tick) for which there is both writes it.
    ///
    /// The Close has a code of RFC 6455 7.4.1 (1000 to 1011) that this end may send. All others are sent as
    /// 1011: 1010 of a server, since that is for clients, and what that section does not define. With a
    /// code of its own, an application calls [`close`](Self::close), and goes on until the peer has answered.
    ///
    /// ```
    /// use ws_proto::{Assembler, Config, Connection, FixedBuf, Input, Negotiated, Transport};
    ///
    /// let mut connection = Connection::client(Negotiated::new(), Config::new(), || [0; 4]);
    /// let mut assembler = Assembler::new(FixedBuf::<4>::new(), 4);
    /// let mut read = *b"\x82\x05hello";
    /// let mut out = Vec::new();
    /// if let Some(event) = connection.receive(&mut Input::new(&mut read), &mut out)? {
    ///     if let Err(error) = assembler.push(event) {
    ///         connection.fail(error.close_code(), &mut out);
    ///     }
    /// }
    /// assert_eq!(out, b"\x88\x82\0\0\0\0\x03\xf1"); // 1009
    /// assert_eq!(connection.transport(), Transport::Close);
    /// # Ok::<(), ws_proto::ReceiveError>(())
    /// ```
    #[cold]
    pub fn fail<O: Output + ?Sized>(&mut self, code: CloseCode, out: &mut O) {
        let fault = Fault::of_message(code, self.role.masks_output());
        self.fail_for(fault, out);
    }

    /// The only way to fail: the first fault stays, its Close is written.
    fn fail_for<O: Output + ?Sized>(&mut self, fault: Fault, out: &mut O) {
        self.receiver.fail(fault);
        self.send_own_close(out);
    }

    /// Sends a Close of the engine's own, if none was sent before: for the fault, or to answer the
    /// peer's Close (RFC 6455 5.5.1). Without a masking key or room it is owed.
    fn send_own_close<O: Output + ?Sized>(&mut self, out: &mut O) {
        if !self.flags.contains(Flags::CLOSE_SENT) {
            self.flags.insert(Flags::CLOSE_SENT | Flags::CLOSE_OWED);
            self.write_owed_close(out);
        }
    }

    /// Writes the Close that is owed, if the transport takes it, and there is a masking key and room now.
    fn write_owed_close<O: Output + ?Sized>(&mut self, out: &mut O) {
        let takes_it = matches!(self.transport(), Transport::AwaitEof);
        if !self.owes_close() || !takes_it || !has_reply_room(out) {
            return;
        }
        let code = self
            .receiver
            .error
            .close_code()
            .or_else(|| self.close_code());
        let body = code.map(|code| code.as_u16().to_be_bytes());
        let body = body.as_ref().map_or(&[][..], |body| body);
        if send::control(&mut self.role, Opcode::Close, body, out).is_ok() {
            self.flags.set(Flags::CLOSE_OWED, false);
        }
    }
}

/// Whether `out` has room for any answer: a Pong or a Close, or our Ping. Whatever is received or due may
/// need one, so without it nothing is looked at.
#[inline(always)]
fn has_reply_room<O: Output + ?Sized>(out: &O) -> bool {
    out.room() >= MAX_CONTROL_FRAME
}

impl<R> fmt::Debug for Connection<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("flags", &self.flags)
            .field("error", &self.receiver.error.get())
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}

/// Facts about a connection, a bit each: it has to stay small.
#[derive(Clone, Copy, Debug, Default)]
struct Flags(u8);

impl Flags {
    const CLOSE_SENT: u8 = 1;
    const CLOSE_RECEIVED: u8 = 1 << 1;
    /// The transport has ended.
    const EOF: u8 = 1 << 2;
    /// The peer has sent something since the last `tick`.
    const HEARD: u8 = 1 << 3;
    const MANUAL_CLOSE: u8 = 1 << 4;
    const MANUAL_PONG: u8 = 1 << 5;
    /// Our Close counts as sent, but there was no masking key or no room for it: `tick` tries again.
    const CLOSE_OWED: u8 = 1 << 6;

    /// Compressed data was sent that is not of the history that is noted.
    #[cfg(feature = "deflate")]
    const FOREIGN: u8 = 1 << 7;

    /// Without any of these the connection is open, and no Close is on its way.
    const ENDING: u8 = Self::CLOSE_SENT | Self::CLOSE_RECEIVED | Self::EOF;

    /// Whether any bit of `flag` is set.
    const fn contains(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    fn insert(&mut self, flag: u8) {
        self.0 |= flag;
    }

    fn set(&mut self, flag: u8, on: bool) {
        if on { self.0 |= flag } else { self.0 &= !flag }
    }
}
