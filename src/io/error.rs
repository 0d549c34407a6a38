//! What goes wrong over a stream, and how a server refuses.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use std::io;

use crate::error::{TimedOut, UnexpectedEof};
use crate::handshake::{HandshakeError, HeadError, Refusal, RequestError};

/// What can go wrong with a connection over a stream.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The peer left without a closing handshake.
    Eof(UnexpectedEof),
    /// The peer broke the rules of the handshake.
    Handshake(HandshakeError),
    /// The caller asked for something that cannot be sent in a handshake.
    Head(HeadError),
    /// The stream failed.
    Io(io::Error),
    /// The operating system has no randomness to give.
    NoRandomness,
    /// The server answered with another status than 101: a redirect, a 401, an error.
    Refused(Box<Refused>),
    /// The request was rejected by the caller of [`accept_with`](super::accept_with).
    Rejected,
    /// A timer ran out.
    TimedOut(TimedOut),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eof(error) => error.fmt(f),
            Self::Handshake(error) => error.fmt(f),
            Self::Head(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::NoRandomness => f.write_str("the random source of the operating system failed"),
            Self::Refused(refused) => write!(f, "refused with status {}", refused.status),
            Self::Rejected => f.write_str("the request was rejected"),
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

impl From<HandshakeError> for Error {
    fn from(error: HandshakeError) -> Self {
        Self::Handshake(error)
    }
}

impl From<HeadError> for Error {
    fn from(error: HeadError) -> Self {
        Self::Head(error)
    }
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Failed(error) => Self::Handshake(error),
            // The output of `io` grows, and it reads one request from a stream.
            _ => Self::Head(HeadError::OutputFull),
        }
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

/// A server's answer with another status than 101.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// The status.
    pub status: u16,
    /// The header fields, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, as much of it as [`Limits::body_bytes`](crate::handshake::Limits::body_bytes) allows.
    pub body: Vec<u8>,
}

impl Refused {
    /// The value of the first field with this name, in any case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let mut fields = self.headers.iter();
        fields.find_map(|(n, value)| n.eq_ignore_ascii_case(name).then_some(value.as_slice()))
    }

    pub(super) fn of(refusal: &Refusal<'_>) -> Self {
        let headers = refusal.headers();
        Self {
            status: refusal.status(),
            headers: headers
                .iter()
                .map(|(n, value)| (n.to_string(), value.to_vec()))
                .collect(),
            body: refusal.body().to_vec(),
        }
    }
}
