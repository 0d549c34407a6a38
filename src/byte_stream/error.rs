use alloc::boxed::Box;
use core::fmt;
use std::io::{self, ErrorKind};

use crate::close::CloseCode;
use crate::connection::Role;
use crate::error::{SendError, TimedOut, UnexpectedEof};
use crate::socket::{Failure, WebSocket, WebSocketError};

/// Why a [byte stream](super) has ended, or cannot be written to. It is inside of the `std::io::Error` that a read or a
/// write returns.
///
/// | error | kind when reading | kind when writing |
/// |---|---|---|
/// | [`Closed`](Self::Closed) | `ConnectionAborted` | `BrokenPipe` |
/// | [`Eof`](Self::Eof) | `UnexpectedEof` | `BrokenPipe` |
/// | [`Receive`](Self::Receive) | `InvalidData` | `InvalidData` |
/// | [`Send`](Self::Send) | | `InvalidInput` |
/// | [`ShutDown`](Self::ShutDown) | | `BrokenPipe` |
/// | [`TimedOut`](Self::TimedOut) | `TimedOut` | `TimedOut` |
/// | [`Unfinished`](Self::Unfinished) | `UnexpectedEof` | |
///
/// ```
/// use std::io::{Cursor, ErrorKind, Read};
/// use ws_proto::byte_stream::ByteStreamError;
/// use ws_proto::{CloseCode, Config, Negotiated, WebSocket};
///
/// // The server sends "hi", and then Close 1008 with a reason.
/// let wire = b"\x82\x02hi\x88\x0b\x03\xf0bad token".to_vec();
/// let client = WebSocket::client(Negotiated::new(), Config::new(), || [0; 4]);
/// let mut stream = client.into_byte_stream(Cursor::new(wire));
/// let mut read = Vec::new();
/// let error = stream.read_to_end(&mut read).unwrap_err();
/// assert_eq!(read, b"hi");
/// assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
/// let error = ByteStreamError::of(&error).expect("it is inside");
/// assert_eq!(error.close_code(), Some(CloseCode::POLICY_VIOLATION));
/// assert_eq!(error.close_reason(), "bad token");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ByteStreamError {
    /// The peer has closed. When reading, with another code than 1000 and 1001.
    Closed {
        /// The code of its Close; `None` if it has none (1005).
        code: Option<CloseCode>,
        /// The reason, often empty.
        reason: Box<str>,
    },
    /// The transport has ended without a Close (1006).
    Eof(UnexpectedEof),
    /// What was received cannot be accepted. Our Close says so to the peer.
    Receive(WebSocketError),
    /// It cannot be sent now: parts of a message were sent before, and not its last one.
    Send(SendError),
    /// This end was shut down before.
    ShutDown,
    /// A timer has ended.
    TimedOut(TimedOut),
    /// The peer has closed inside of a message: the bytes read are cut off, though its Close is one of a clean end.
    Unfinished {
        /// The code of its Close; `None` if it has none (1005).
        code: Option<CloseCode>,
        /// The reason, often empty.
        reason: Box<str>,
    },
}

impl ByteStreamError {
    /// The one that is inside of an error of a byte stream; `None` for errors of the transport.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// The code that the connection was closed with: the peer's, or ours after a fault of the peer's. `None` if there is no
    /// such code.
    #[must_use]
    pub const fn close_code(&self) -> Option<CloseCode> {
        match self {
            Self::Closed { code, .. } | Self::Unfinished { code, .. } => *code,
            Self::Receive(error) => error.close_code(),
            _ => None,
        }
    }

    /// The reason of the peer's Close; empty if it gave none.
    #[must_use]
    pub fn close_reason(&self) -> &str {
        match self {
            Self::Closed { reason, .. } | Self::Unfinished { reason, .. } => reason,
            _ => "",
        }
    }

    fn read_error(self) -> io::Error {
        let kind = match self {
            Self::Closed { .. } => ErrorKind::ConnectionAborted,
            Self::Eof(_) | Self::Unfinished { .. } => ErrorKind::UnexpectedEof,
            _ => self.kind(),
        };
        io::Error::new(kind, self)
    }

    fn write_error(self) -> io::Error {
        io::Error::new(self.kind(), self)
    }

    const fn kind(&self) -> ErrorKind {
        match self {
            Self::Closed { .. } | Self::Eof(_) | Self::ShutDown | Self::Unfinished { .. } => {
                ErrorKind::BrokenPipe
            }
            Self::Receive(_) => ErrorKind::InvalidData,
            Self::Send(_) => ErrorKind::InvalidInput,
            Self::TimedOut(_) => ErrorKind::TimedOut,
        }
    }
}

impl fmt::Display for ByteStreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed { code, reason } | Self::Unfinished { code, reason } => {
                f.write_str("the peer has closed the connection")?;
                if let Self::Unfinished { .. } = self {
                    f.write_str(" inside of a message")?;
                }
                if let Some(code) = code {
                    write!(f, " with {code}")?;
                }
                if reason.is_empty() {
                    return Ok(());
                }
                // A reason is the peer's: control characters in it must not reach a terminal.
                write!(f, ": {}", reason.escape_debug())
            }
            Self::Eof(error) => error.fmt(f),
            Self::Receive(error) => error.fmt(f),
            Self::Send(error) => error.fmt(f),
            Self::ShutDown => f.write_str("this end of the connection was shut down"),
            Self::TimedOut(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ByteStreamError {}

/// How reading has ended, for a shell, once nothing more is received: `Ok` is the end of the stream. `transport` gives the
/// error of the transport, where that is the reason.
///
/// # Errors
///
/// [`ByteStreamError`], or what `transport` gives.
///
/// ```
/// use std::io;
/// use ws_proto::byte_stream::read_end;
/// use ws_proto::{Config, Negotiated, WebSocket};
///
/// let mut client = WebSocket::client(Negotiated::new(), Config::new(), || [0; 4]);
/// assert!(client.receive_eof().is_err()); // the transport has ended without a Close
/// let error = read_end(&client, || io::Error::other("the transport's own")).unwrap_err();
/// assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
/// ```
pub fn read_end<R: Role, B: AsRef<[u8]>>(
    socket: &WebSocket<R, B>,
    transport: impl FnOnce() -> io::Error,
) -> io::Result<()> {
    let error = match socket.failure() {
        Some(failure) => match of_failure(failure) {
            Some(error) => error,
            None => return Err(transport()),
        },
        None => match closed(socket) {
            Some(ByteStreamError::Closed {
                code: code @ (None | Some(CloseCode::NORMAL | CloseCode::GOING_AWAY)),
                reason,
            }) if socket.is_message_unfinished() => ByteStreamError::Unfinished { code, reason },
            Some(ByteStreamError::Closed {
                code: None | Some(CloseCode::NORMAL | CloseCode::GOING_AWAY),
                ..
            }) => return Ok(()),
            Some(closed) => closed,
            None => ByteStreamError::Eof(UnexpectedEof),
        },
    };
    Err(error.read_error())
}

/// Why a message was not sent, for a shell: `refused` is what [`Sender::send`](crate::Sender::send) has returned, or
/// [`SendError::Closed`]. `transport` gives the error of the transport, where that is the reason.
///
/// ```
/// use std::io;
/// use ws_proto::byte_stream::write_end;
/// use ws_proto::{Config, Negotiated, WebSocket};
///
/// let mut client = WebSocket::client(Negotiated::new(), Config::new(), || [0; 4]);
/// client.write_failed();
/// let refused = client.sender().send_binary(b"data").unwrap_err();
/// let error = write_end(&client, refused, || io::ErrorKind::ConnectionReset.into());
/// assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
/// ```
#[must_use]
pub fn write_end<R: Role, B: AsRef<[u8]>>(
    socket: &WebSocket<R, B>,
    refused: SendError,
    transport: impl FnOnce() -> io::Error,
) -> io::Error {
    let error = if refused != SendError::Closed {
        ByteStreamError::Send(refused)
    } else if let Some(closed) = closed(socket) {
        closed
    } else if let Some(failure) = socket.failure() {
        match of_failure(failure) {
            Some(error) => error,
            None => return transport(),
        }
    } else {
        ByteStreamError::ShutDown
    };
    error.write_error()
}

fn closed<R: Role, B: AsRef<[u8]>>(socket: &WebSocket<R, B>) -> Option<ByteStreamError> {
    let connection = socket.connection();
    connection
        .is_close_received()
        .then(|| ByteStreamError::Closed {
            code: connection.close_code(),
            reason: connection.close_reason().into(),
        })
}

/// `None` for a failure of the transport.
const fn of_failure(failure: Failure) -> Option<ByteStreamError> {
    match failure {
        Failure::Eof(error) => Some(ByteStreamError::Eof(error)),
        Failure::Receive(error) => Some(ByteStreamError::Receive(error)),
        Failure::TimedOut(error) => Some(ByteStreamError::TimedOut(error)),
        Failure::Read | Failure::Write => None,
    }
}
