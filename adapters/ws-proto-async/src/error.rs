//! Errors, by the operation that failed.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use ws_proto::reconnect::End;
use ws_proto::socket::Failure;
use ws_proto::{SendError, TimedOut, UnexpectedEof, WebSocketError};

use crate::message::Message;

/// The end of a connection, or the reason why something could not be sent on it.
///
/// A closing handshake is no error: streams just end after it.
///
/// ```
/// # ws_proto_suite::shells::example::connected(async |mut socket| {
/// use ws_proto_async::Error;
///
/// /// Why a connection was lost, in words for a log.
/// fn words(error: &Error) -> String {
///     match error {
///         Error::TimedOut(_) => format!("the peer is gone: {error}"),
///         Error::Receive(error) => format!("{error} (close code {:?})", error.close_code()),
///         _ => error.to_string(),
///     }
/// }
///
/// while let Some(received) = socket.next().await {
///     match received {
///         Ok(message) => println!("{message:?}"),
///         Err(error) => println!("{}", words(&error)),
///     }
/// }
/// # Ok(())
/// # });
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The stream ended without a closing handshake (1006).
    Eof(UnexpectedEof),
    /// The stream failed.
    Io(io::Error),
    /// The peer broke the protocol or a limit. Its Close frame says so.
    Receive(WebSocketError),
    /// It cannot be sent: with [`SendError::Closed`] because the connection is closed.
    Send(SendError),
    /// The peer did not answer in time.
    TimedOut(TimedOut),
}

impl Error {
    /// What `failure` is; `error` is the one of the stream.
    pub(crate) fn of(failure: Failure, error: Option<&Arc<io::Error>>) -> Self {
        match (failure, error) {
            (Failure::Eof(error), _) => Self::Eof(error),
            (Failure::Receive(error), _) => Self::Receive(error),
            (Failure::TimedOut(error), _) => Self::TimedOut(error),
            (_, Some(error)) => Self::Io(again(error)),
            (_, None) => Self::Send(SendError::Closed),
        }
    }

    /// The kind of end for a [`Backoff`](ws_proto::reconnect::Backoff), if it has ended a connection.
    ///
    /// ```
    /// use ws_proto_async::reconnect::End;
    /// use ws_proto_async::{Error, TimedOut};
    ///
    /// let error = Error::TimedOut(TimedOut::Pong);
    /// assert_eq!(error.end(), End::TimedOut);
    /// assert!(error.end().is_transient()); // another attempt can succeed
    /// ```
    #[must_use]
    pub const fn end(&self) -> End {
        match self {
            Self::Receive(error) => match error.close_code() {
                Some(code) => End::Closed(Some(code)),
                None => End::Eof,
            },
            Self::TimedOut(_) => End::TimedOut,
            Self::Eof(_) | Self::Io(_) | Self::Send(_) => End::Eof,
        }
    }

    /// Whether it says no more than that the connection is closed already.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::connected(async |mut socket| {
    /// use ws_proto_async::CloseCode;
    ///
    /// socket.start_close(CloseCode::NORMAL, "")?;
    /// let error = socket.send("too late").await.unwrap_err();
    /// assert!(error.is_closed());
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self, Self::Send(SendError::Closed))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eof(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::Receive(error) => error.fmt(f),
            Self::Send(error) => error.fmt(f),
            Self::TimedOut(error) => error.fmt(f),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // `Display` says all of the inner error; a chain of sources goes on after it.
        match self {
            Self::Io(error) => error.source(),
            Self::Eof(_) | Self::Receive(_) | Self::Send(_) | Self::TimedOut(_) => None,
        }
    }
}

impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        Self::Send(error)
    }
}

/// For programs whose errors are those of I/O.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error {
            Error::Io(error) => return error,
            Error::Eof(_) => io::ErrorKind::UnexpectedEof,
            Error::Receive(_) => io::ErrorKind::InvalidData,
            Error::Send(SendError::Closed) => io::ErrorKind::BrokenPipe,
            Error::Send(_) => io::ErrorKind::InvalidInput,
            Error::TimedOut(_) => io::ErrorKind::TimedOut,
        };
        Self::new(kind, error)
    }
}

/// Why [`try_send`](crate::WebSocket::try_send) did not send.
///
/// ```
/// # ws_proto_suite::shells::example::connected(async |mut socket| {
/// use ws_proto_async::{CloseCode, TrySendError};
///
/// socket.start_close(CloseCode::NORMAL, "")?;
/// match socket.try_send("news").unwrap_err() {
///     TrySendError::Full(message) => println!("later: {message:?}"),
///     TrySendError::Closed(message) => assert_eq!(message.as_text(), Some("news")),
///     error => println!("{error}"),
/// }
/// # Ok(())
/// # });
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum TrySendError {
    /// Too much waits to be written. The message is given back.
    Full(Message),
    /// Nothing can be sent any more. The message is given back.
    Closed(Message),
    /// It cannot be sent now, for another reason.
    Send(SendError),
}

impl fmt::Display for TrySendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => SendError::OutputFull.fmt(f),
            Self::Closed(_) => SendError::Closed.fmt(f),
            Self::Send(error) => error.fmt(f),
        }
    }
}

impl StdError for TrySendError {}

/// The error of type `E` inside of an error of a stream, at any depth: of the TLS library, for instance.
///
/// The connection keeps the error of its stream, and gives it to both halves. [`io::Error::get_ref`] returns what the
/// halves share then, and not the error in it.
///
/// ```
/// use std::io;
/// use ws_proto_async::{Error, cause_of};
///
/// /// How the address was wrong, if that is why the connection has ended.
/// fn of_address(error: &Error) -> Option<&std::net::AddrParseError> {
///     match error {
///         Error::Io(error) => cause_of(error),
///         _ => None,
///     }
/// }
///
/// let wrong = "300.0.0.1".parse::<std::net::IpAddr>().unwrap_err();
/// let error = Error::Io(io::Error::other(wrong.clone()));
/// assert_eq!(of_address(&error), Some(&wrong));
/// ```
#[must_use]
pub fn cause_of<E: StdError + 'static>(error: &io::Error) -> Option<&E> {
    let mut error: &(dyn StdError + 'static) = error.get_ref()?;
    loop {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // `source` of these two passes over the error whose text they show.
        let shown = match error.downcast_ref::<Shared>() {
            Some(shared) => Some(&*shared.0),
            None => error.downcast_ref::<io::Error>(),
        };
        error = match shown {
            Some(shown) => shown.get_ref()?,
            None => error.source()?,
        };
    }
}

/// The same error once more: errors of I/O cannot be cloned.
pub(crate) fn again(error: &Arc<io::Error>) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), Shared(Arc::clone(error))),
    }
}

/// An error of a stream, in each of the errors that report it.
#[derive(Debug)]
struct Shared(Arc<io::Error>);

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Shared {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // As in `Error`: `Display` says all of the error inside.
        self.0.source()
    }
}
