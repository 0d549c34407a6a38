//! Errors that end a connection over a stream.

use core::fmt;
use std::io;

use crate::error::{TimedOut, UnexpectedEof};

/// An error that ends a connection over a stream, other than a closing handshake or what
/// [`next_message`](crate::WebSocket::next_message) reports.
///
/// ```
/// use ws_proto::io::Error;
/// use ws_proto::reconnect::End;
///
/// /// For a `Backoff`.
/// fn end(error: &Error) -> End {
///     match error {
///         Error::Eof(_) => End::Eof,
///         Error::TimedOut(_) => End::TimedOut,
///         _ => End::Unreachable,
///     }
/// }
/// assert_eq!(end(&ws_proto::UnexpectedEof.into()), End::Eof);
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The peer left without a closing handshake.
    Eof(UnexpectedEof),
    /// The stream failed.
    Io(io::Error),
    /// A timer ran out.
    TimedOut(TimedOut),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eof(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::TimedOut(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Error {
    /// The cause of the error that is shown: an error of a stream may have one.
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Io(error) => error.source(),
            _ => None,
        }
    }
}

impl From<UnexpectedEof> for Error {
    fn from(error: UnexpectedEof) -> Self {
        Self::Eof(error)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<TimedOut> for Error {
    fn from(error: TimedOut) -> Self {
        Self::TimedOut(error)
    }
}
