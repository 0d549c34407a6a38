//! Errors, one type per fault: the peer's, ours, time's, the transport's.
//!
//! | type | whose fault | effect |
//! |---|---|---|
//! | [`ProtocolError`] | the peer's | the connection has failed, its Close frame is in the output |
//! | [`ReceiveError`] | the peer's, or no room | the connection has failed; or nothing: write the output, call again |
//! | [`HandshakeError`](crate::handshake::HandshakeError) | the peer's | the handshake has failed; a server's answer is in the output |
//! | [`SendError`] | the caller's | nothing: no state changed, nothing was written |
//! | [`TimedOut`] | time ran out | the connection has failed |
//! | [`UnexpectedEof`] | the transport ended early | the connection has failed, close code 1006 |
//! | [`AssembleError`](crate::message::AssembleError) | the peer's, or a limit | the caller [fails](crate::Connection::fail) the connection with its code |
//!
//! All of them are small `Copy` values whose texts are fixed, printable ASCII.

use core::error::Error;
use core::fmt;

use crate::close::CloseCode;

/// The peer broke the protocol or a limit. The connection has failed (RFC 6455 7.1.7).
///
/// A Close frame with [`close_code`](Self::close_code) is already in the output; the driver writes
/// it and closes the transport. The connection returns the same error from then on.
///
/// ```
/// use ws_proto::{CloseCode, Config, Connection, Input, Negotiated, ProtocolError};
///
/// let mut connection = Connection::server(Negotiated::new(), Config::new());
/// let mut out = Vec::new();
/// let unmasked = &mut [0x81, 0x02, b'h', b'i'];
/// let error = connection.receive(&mut Input::new(unmasked), &mut out).unwrap_err();
/// assert_eq!(error, ProtocolError::MaskMissing.into());
/// let error = error.protocol().expect("a `Vec` has room");
/// assert_eq!(error.close_code(), CloseCode::PROTOCOL_ERROR);
/// assert_eq!(error.section(), "RFC 6455 5.1");
/// assert_eq!(out, [0x88, 0x02, 0x03, 0xea]);
/// ```
// As wide as the pointers and lengths that stand at the same place of a `Result`: with a narrow one the
// compiler copies those in parts, and the processor cannot forward several small stores to one wide
// load. `receive/ascii/16` of `benches/engine` takes 10 % more without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u64)]
pub enum ProtocolError {
    /// A Close frame with a body of one byte.
    CloseBodyTooShort,
    /// A Close frame with a code that must not be on the wire.
    CloseCodeInvalid,
    /// A Close frame whose reason is not UTF-8.
    CloseReasonNotUtf8,
    /// A continuation frame while no message is open.
    ContinuationUnexpected,
    /// A control frame without FIN.
    ControlFragmented,
    /// A control frame of more than 125 bytes.
    ControlTooLong,
    /// A frame longer than [`Config::max_frame`](crate::Config::max_frame).
    FrameTooBig,
    /// A length in a longer form than it needs.
    LengthNotMinimal,
    /// A 64-bit length with the top bit set.
    LengthTopBit,
    /// An unmasked frame to a server.
    MaskMissing,
    /// A masked frame to a client.
    MaskUnexpected,
    /// A new message inside an unfinished one.
    MessageInterleaved,
    /// A message longer than [`Config::max_message`](crate::Config::max_message).
    MessageTooBig,
    /// An opcode without a meaning.
    OpcodeReserved,
    /// A reserved bit that no extension gave a meaning to.
    ReservedBitSet,
    /// Text that is not UTF-8.
    TextNotUtf8,
    /// A message of more frames than [`Config::max_fragments`](crate::Config::max_fragments).
    TooManyFragments,
}

impl ProtocolError {
    /// All of them, in the order of their declaration.
    const ALL: [Self; 17] = [
        Self::CloseBodyTooShort,
        Self::CloseCodeInvalid,
        Self::CloseReasonNotUtf8,
        Self::ContinuationUnexpected,
        Self::ControlFragmented,
        Self::ControlTooLong,
        Self::FrameTooBig,
        Self::LengthNotMinimal,
        Self::LengthTopBit,
        Self::MaskMissing,
        Self::MaskUnexpected,
        Self::MessageInterleaved,
        Self::MessageTooBig,
        Self::OpcodeReserved,
        Self::ReservedBitSet,
        Self::TextNotUtf8,
        Self::TooManyFragments,
    ];

    /// The code of the Close frame that this error has put into the output.
    #[must_use]
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::CloseBodyTooShort
            | Self::CloseCodeInvalid
            | Self::ContinuationUnexpected
            | Self::ControlFragmented
            | Self::ControlTooLong
            | Self::LengthNotMinimal
            | Self::LengthTopBit
            | Self::MaskMissing
            | Self::MaskUnexpected
            | Self::MessageInterleaved
            | Self::OpcodeReserved
            | Self::ReservedBitSet => CloseCode::PROTOCOL_ERROR,
            Self::CloseReasonNotUtf8 | Self::TextNotUtf8 => CloseCode::INVALID_PAYLOAD,
            Self::FrameTooBig | Self::MessageTooBig | Self::TooManyFragments => {
                CloseCode::MESSAGE_TOO_BIG
            }
        }
    }

    /// The section that the peer broke, or that demands the limit.
    #[must_use]
    pub const fn section(self) -> &'static str {
        match self {
            Self::MaskMissing | Self::MaskUnexpected => "RFC 6455 5.1",
            Self::LengthNotMinimal
            | Self::LengthTopBit
            | Self::OpcodeReserved
            | Self::ReservedBitSet => "RFC 6455 5.2",
            Self::ContinuationUnexpected | Self::MessageInterleaved => "RFC 6455 5.4",
            Self::ControlFragmented | Self::ControlTooLong => "RFC 6455 5.5",
            Self::CloseBodyTooShort => "RFC 6455 5.5.1",
            Self::CloseCodeInvalid => "RFC 6455 7.4",
            Self::CloseReasonNotUtf8 | Self::TextNotUtf8 => "RFC 6455 8.1",
            Self::FrameTooBig | Self::MessageTooBig | Self::TooManyFragments => "RFC 6455 10.4",
        }
    }
}

// A `Fault` finds its error by the number.
const _: () = {
    let mut n = 0;
    while n < ProtocolError::ALL.len() {
        assert!(ProtocolError::ALL[n] as usize == n, "not as declared");
        n += 1;
    }
};

/// Why a connection has failed, or that it has not, in one byte: a connection has to stay small.
///
/// Zero is no fault, below [`CODE`](Self::CODE) is a [`ProtocolError`], above it a close code for a fault
/// that the caller has found.
#[derive(Clone, Copy)]
pub(crate) struct Fault(u8);

impl Fault {
    const CODE: u8 = 0x80;
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn new(error: ProtocolError) -> Self {
        Self(error as u8 + 1)
    }

    /// A fault that the caller has found, by its close code: one of RFC 6455 7.4.1 that this end may send,
    /// else 1011.
    pub(crate) const fn of_message(code: CloseCode, is_client: bool) -> Self {
        match code.as_u16() {
            1010 if !is_client => Self(Self::CODE + 11),
            code @ 1000..=1011 => Self(Self::CODE + (code - 1000) as u8),
            _ => Self(Self::CODE + 11),
        }
    }

    /// The code of the Close frame that says so.
    pub(crate) fn close_code(self) -> Option<CloseCode> {
        match self.0.checked_sub(Self::CODE) {
            Some(code) => CloseCode::new(1000 + u16::from(code)),
            None => self.get().map(ProtocolError::close_code),
        }
    }

    pub(crate) const fn is_some(self) -> bool {
        self.0 != 0
    }

    pub(crate) fn get(self) -> Option<ProtocolError> {
        let index = usize::from(self.0).checked_sub(1)?;
        ProtocolError::ALL.get(index).copied()
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CloseBodyTooShort => "close frame with a body of one byte",
            Self::CloseCodeInvalid => "close code that must not be on the wire",
            Self::CloseReasonNotUtf8 => "close reason is not UTF-8",
            Self::ContinuationUnexpected => "continuation frame outside of a message",
            Self::ControlFragmented => "fragmented control frame",
            Self::ControlTooLong => "control frame of more than 125 bytes",
            Self::FrameTooBig => "frame exceeds the size limit",
            Self::LengthNotMinimal => "frame length is not in its shortest form",
            Self::LengthTopBit => "frame length with the top bit set",
            Self::MaskMissing => "unmasked frame from a client",
            Self::MaskUnexpected => "masked frame from a server",
            Self::MessageInterleaved => "new message inside an unfinished one",
            Self::MessageTooBig => "message exceeds the size limit",
            Self::OpcodeReserved => "reserved opcode",
            Self::ReservedBitSet => "reserved bit set without an extension",
            Self::TextNotUtf8 => "text is not UTF-8",
            Self::TooManyFragments => "message exceeds the fragment limit",
        })
    }
}

impl Error for ProtocolError {}

/// Why [`Connection::receive`](crate::Connection::receive) has not consumed its input as asked: the peer
/// broke the protocol, or the output has no room.
///
/// Only [`Protocol`](Self::Protocol) is a failure of the connection. A connection that has failed for
/// another reason has no error here: the caller has it already, of [`tick`](crate::Connection::tick) or of
/// what led to [`fail`](crate::Connection::fail). `receive` then drops the input and returns `Ok(None)`.
///
/// Exhaustive on purpose: a driver that takes the one for the other loses data, so the compiler asks for both.
///
/// ```
/// use ws_proto::{CloseCode, Config, Connection, FixedBuf, Input, Negotiated};
/// use ws_proto::{ProtocolError, ReceiveError};
///
/// let mut connection = Connection::client(Negotiated::new(), Config::new(), || [0; 4]);
/// let mut read = [0x83, 0x00]; // a reserved opcode
/// let mut input = Input::new(&mut read);
///
/// let error = connection.receive(&mut input, &mut FixedBuf::<8>::new()).unwrap_err();
/// assert_eq!(error, ReceiveError::OutputFull);
/// assert_eq!((error.close_code(), input.len()), (None, 2)); // nothing has happened
///
/// let error = connection.receive(&mut input, &mut FixedBuf::<256>::new()).unwrap_err();
/// assert_eq!(error, ReceiveError::Protocol(ProtocolError::OpcodeReserved));
/// assert_eq!(error.close_code(), Some(CloseCode::PROTOCOL_ERROR));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReceiveError {
    /// The output has less room than [`MAX_CONTROL_FRAME`](crate::MAX_CONTROL_FRAME).
    ///
    /// The call consumed, wrote and changed nothing. Write the output to the transport, then call
    /// again with the same input. An output that has less room than that while it is empty is too small:
    /// the error comes at every call.
    OutputFull,
    /// The peer broke the protocol or a limit. The connection has failed; every further call returns
    /// the same error.
    Protocol(ProtocolError),
}

impl ReceiveError {
    /// The peer's fault; `None` if the output has no room.
    ///
    /// ```
    /// use ws_proto::{ProtocolError, ReceiveError};
    ///
    /// let fault = ReceiveError::from(ProtocolError::TextNotUtf8);
    /// assert_eq!(fault.protocol(), Some(ProtocolError::TextNotUtf8));
    /// assert_eq!(ReceiveError::OutputFull.protocol(), None);
    /// ```
    #[must_use]
    pub const fn protocol(self) -> Option<ProtocolError> {
        match self {
            Self::OutputFull => None,
            Self::Protocol(error) => Some(error),
        }
    }

    /// The code of the Close frame that this error has put into the output; `None` if the output has
    /// no room, since the connection goes on.
    #[must_use]
    pub const fn close_code(self) -> Option<CloseCode> {
        match self {
            Self::OutputFull => None,
            Self::Protocol(error) => Some(error.close_code()),
        }
    }
}

impl From<ProtocolError> for ReceiveError {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

impl fmt::Display for ReceiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutputFull => f.write_str("the output has no room for an answer"),
            Self::Protocol(error) => error.fmt(f),
        }
    }
}

impl Error for ReceiveError {}

/// A frame that cannot be sent. Nothing was written and no state changed.
///
/// ```
/// use ws_proto::{CloseCode, CloseReason, Config, Connection, Negotiated, SendError};
///
/// let mut connection = Connection::server(Negotiated::new(), Config::new());
/// let mut out = Vec::new();
/// connection.close(CloseCode::NORMAL, CloseReason::EMPTY, &mut out)?;
/// let written = out.clone();
/// assert_eq!(connection.send_text("late", &mut out), Err(SendError::Closed));
/// assert_eq!(out, written);
/// # Ok::<(), SendError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SendError {
    /// The Close frame has been sent, or received and answered, the connection has failed, or the
    /// transport has ended. For a Ping or Pong also: the Close frame has been received.
    Closed,
    /// Close code 1010 is for clients: a server refuses the handshake instead (RFC 6455 7.4.1).
    CodeForClients,
    /// A message is being sent in parts, and this is another message, or a part of the other kind or with
    /// other reserved bits: the last part has to be sent first (RFC 6455 5.4).
    MessageOpen,
    /// The [`MaskSource`](crate::MaskSource) gave no key (RFC 6455 5.3).
    NoMaskKey,
    /// The output has no room for the frame now.
    OutputFull,
    /// A reserved bit that was not negotiated, or no bit at all on an extended message.
    ReservedBits,
    /// Text that is not UTF-8 (RFC 6455 5.6).
    TextNotUtf8,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the connection is closing or closed",
            Self::CodeForClients => "close code 1010 is for clients only",
            Self::MessageOpen => "another message is being sent in parts",
            Self::NoMaskKey => "could not obtain a masking key",
            Self::OutputFull => "the output has no room for the frame",
            Self::ReservedBits => "reserved bits do not match what was negotiated",
            Self::TextNotUtf8 => "text is not UTF-8",
        })
    }
}

impl Error for SendError {}

/// A timer has run out. The connection has failed; [`Transport::Abort`](crate::Transport::Abort).
///
/// ```
/// use ws_proto::{Config, Connection, Instant, Negotiated, TimedOut, Transport};
///
/// let mut connection = Connection::server(Negotiated::new(), Config::new());
/// let mut out = Vec::new();
/// let ping_at = connection.tick(Instant::from_millis(0), &mut out)?.expect("keepalive is on");
/// let pong_at = connection.tick(ping_at, &mut out)?.expect("the Ping waits for an answer");
/// assert_eq!(connection.tick(pong_at, &mut out), Err(TimedOut::Pong));
/// assert_eq!(connection.transport(), Transport::Abort);
/// # Ok::<(), TimedOut>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimedOut {
    /// The peer did not answer our Close in time.
    Close,
    /// The connection is closing and the transport has not kept up: it did not take the output, or the
    /// peer did not end its side.
    Drain,
    /// The closing handshake is done, but the server did not close the transport in time.
    Eof,
    /// The handshake was not finished in time.
    Handshake,
    /// The peer sent nothing, not even a Pong, after a keepalive Ping.
    Pong,
    /// The transport took nothing of the output for too long: the peer does not read.
    Write,
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Close => "no close frame from the peer in time",
            Self::Drain => "the transport was not drained and closed in time",
            Self::Eof => "the server did not close the transport in time",
            Self::Handshake => "the handshake was not finished in time",
            Self::Pong => "keepalive timed out: the peer sent nothing after a Ping",
            Self::Write => "the transport took nothing of the output in time",
        })
    }
}

impl Error for TimedOut {}

/// The transport ended before the closing handshake was done: close code 1006 (RFC 6455 7.1.5). Exhaustive on purpose:
/// drivers make it.
///
/// ```
/// use ws_proto::{Config, Connection, Negotiated, UnexpectedEof};
///
/// let mut connection = Connection::server(Negotiated::new(), Config::new());
/// assert_eq!(connection.receive_eof(), Err(UnexpectedEof));
/// assert!(!connection.is_close_received());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UnexpectedEof;

impl fmt::Display for UnexpectedEof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the transport ended without a closing handshake")
    }
}

impl Error for UnexpectedEof {}

/// A [`Storage`](crate::Storage) has no room for more bytes. Exhaustive on purpose: programs that implement a storage make
/// it.
///
/// ```
/// use ws_proto::{CapacityError, FixedBuf, Storage};
///
/// let mut storage = FixedBuf::<4>::new();
/// assert_eq!(storage.store(b"hello"), Err(CapacityError));
/// assert_eq!(storage.bytes(), b"");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CapacityError;

impl fmt::Display for CapacityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the storage is full")
    }
}

impl Error for CapacityError {}
