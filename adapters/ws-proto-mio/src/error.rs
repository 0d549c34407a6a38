//! Errors.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use ws_proto::handshake::HandshakeError;
pub use ws_proto::opening::ConnectError;
use ws_proto::opening::{AcceptError, ProxyError, Response};
use ws_proto::{TimedOut, UnexpectedEof, WebSocketError};

/// Why a connection has ended, or was never opened. A closing handshake is no error.
///
/// [`Turn::next_event`](crate::Turn::next_event) returns it once. A Close frame or a response for the peer is queued then,
/// if the protocol has one for the error; the next turns write it.
///
/// ```
/// use ws_proto_mio::Error;
///
/// /// Whether a server logs it: clients often disappear without a Close.
/// fn is_for_the_log(error: &Error) -> bool {
///     !matches!(error, Error::Eof(_) | Error::Io(_) | Error::TimedOut(_))
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The stream ended without a closing handshake (1006).
    Eof(UnexpectedEof),
    /// The peer broke the handshake.
    Handshake(HandshakeError),
    /// The stream failed.
    Io(io::Error),
    /// There is no tunnel through the proxy; its response is inside, if it has refused.
    Proxy(ProxyError),
    /// The peer broke the protocol or a limit.
    Receive(WebSocketError),
    /// The server answered with another status than 101: a redirect, a 401, an error.
    Refused(Box<Response>),
    /// The peer did not answer in time, or did not finish its handshake in time.
    TimedOut(TimedOut),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eof(error) => error.fmt(f),
            Self::Handshake(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::Proxy(error) => error.fmt(f),
            Self::Receive(error) => error.fmt(f),
            Self::Refused(response) => write!(f, "refused with status {}", response.status()),
            Self::TimedOut(error) => error.fmt(f),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // `Display` says all of the inner error; a chain of sources goes on after it.
        match self {
            Self::Io(error) => error.source(),
            Self::Proxy(error) => error.source(),
            _ => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<AcceptError> for Error {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::Handshake(error) => Self::Handshake(error),
            AcceptError::Io(error) => Self::Io(error),
            AcceptError::TimedOut(error) => Self::TimedOut(error),
            other => Self::Io(io::Error::other(other)),
        }
    }
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Handshake(error) => Self::Handshake(error),
            ConnectError::Io(error) => Self::Io(error),
            ConnectError::Proxy(error) => Self::Proxy(error),
            ConnectError::Refused(response) => Self::Refused(response),
            ConnectError::TimedOut(_) => Self::TimedOut(TimedOut::Handshake),
            other => Self::Io(io::Error::other(other)),
        }
    }
}
