use core::error::Error;
use core::fmt;

use crate::close::CloseCode;
use crate::error::{ProtocolError, TimedOut, UnexpectedEof};
use crate::message::AssembleError;

/// Why [`WebSocket::next_message`](super::WebSocket::next_message) gives no message, though there may be one.
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
    /// Answers fill the queue: write [`pending`](super::WebSocket::pending), then call again.
    OutputFull,
    /// The peer broke the protocol.
    Protocol(ProtocolError),
    /// A text message has come where only binary ones are accepted: see
    /// [`refuse_text`](super::WebSocket::refuse_text).
    TextRefused,
}

impl WebSocketError {
    /// The code of the Close frame for it; `None` if the connection has not failed.
    #[must_use]
    pub const fn close_code(self) -> Option<CloseCode> {
        match self {
            Self::Assemble(error) => Some(error.close_code()),
            Self::OutputFull => None,
            Self::Protocol(error) => Some(error.close_code()),
            Self::TextRefused => Some(CloseCode::UNSUPPORTED_DATA),
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
            Self::TextRefused => f.write_str("a text message where only binary ones are accepted"),
        }
    }
}

impl Error for WebSocketError {}

/// Why a connection has ended without a closing handshake.
///
/// ```
/// use ws_proto::socket::Failure;
/// use ws_proto::{Config, Negotiated, WebSocket};
///
/// let mut server = WebSocket::server(Negotiated::new(), Config::new());
/// assert_eq!(server.failure(), None);
/// server.write_failed(); // the peer has gone, or it only does not read
/// assert_eq!(server.failure(), Some(Failure::Write));
/// let mut close = *b"\x88\x82\0\0\0\0\x03\xf0";
/// server.receive(&mut close).poll_next(ws_proto::socket::Want::Message)?;
/// assert_eq!(server.failure(), None); // the peer has sent Close(1008)
/// # Ok::<(), ws_proto::WebSocketError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Failure {
    /// The input ended before the closing handshake was done.
    Eof(UnexpectedEof),
    /// Reading from the transport failed.
    Read,
    /// Received bytes cannot be accepted.
    Receive(WebSocketError),
    /// A timer has ended.
    TimedOut(TimedOut),
    /// Writing to the transport failed.
    Write,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eof(error) => error.fmt(f),
            Self::Read => f.write_str("reading from the transport failed"),
            Self::Receive(error) => error.fmt(f),
            Self::TimedOut(error) => error.fmt(f),
            Self::Write => f.write_str("writing to the transport failed"),
        }
    }
}

impl Error for Failure {}
