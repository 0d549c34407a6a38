//! What can go wrong.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use ws_proto::handshake::{HandshakeError, HeadError};
use ws_proto::{AssembleError, ProtocolError, TimedOut, UnexpectedEof, UriError, WebSocketError};

use crate::response::Response;

/// What has ended a connection, or kept it from being one. A closing handshake is no error.
///
/// It is given once, by [`Turn::next`](crate::Turn::next). The peer has been told, as far as there is
/// a way to; the connection goes on with its turns until that is written.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The stream ended without a closing handshake (1006).
    Eof(UnexpectedEof),
    /// The peer broke the handshake.
    Handshake(HandshakeError),
    /// The stream failed.
    Io(io::Error),
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
            Self::Receive(error) => error.fmt(f),
            Self::Refused(response) => write!(f, "refused with status {}", response.status()),
            Self::TimedOut(error) => error.fmt(f),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // `Display` says all of the inner error; a chain of sources goes on behind it.
        match self {
            Self::Io(error) => error.source(),
            _ => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ProtocolError> for Error {
    fn from(error: ProtocolError) -> Self {
        Self::Receive(error.into())
    }
}

impl From<AssembleError> for Error {
    fn from(error: AssembleError) -> Self {
        Self::Receive(error.into())
    }
}

/// Why a client cannot even ask.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The request cannot be sent as it is.
    Head(HeadError),
    /// The name was not found, or no socket could be opened.
    Io(io::Error),
    /// The operating system has no randomness to give.
    NoRandomness,
    /// A `wss` URL needs a TLS stream, to be given to [`WebSocket::connect`](crate::WebSocket::connect).
    TlsNeeded,
    /// The URL is not one of a WebSocket server.
    Uri(UriError),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::NoRandomness => f.write_str("the random source of the operating system failed"),
            Self::TlsNeeded => f.write_str("a wss URL needs a TLS stream"),
            Self::Uri(error) => error.fmt(f),
        }
    }
}

impl StdError for ConnectError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Io(error) => error.source(),
            _ => None,
        }
    }
}

impl From<HeadError> for ConnectError {
    fn from(error: HeadError) -> Self {
        Self::Head(error)
    }
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<UriError> for ConnectError {
    fn from(error: UriError) -> Self {
        Self::Uri(error)
    }
}

/// A [`Connector`](crate::Connector) is one already.
impl From<std::convert::Infallible> for ConnectError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}
