//! What a reconnecting client reports.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use ws_proto::UriError;
use ws_proto::opening::{ConnectError, Response};
use ws_proto::reconnect::End;

use crate::error::Error;
use crate::message::{Closed, Message};

/// What [`Reconnecting::next`](crate::Reconnecting::next) gives.
///
/// ```
/// # ws_proto_suite::shells::example::reconnecting(async |mut client| {
/// use ws_proto_async::Update;
///
/// while let Some(update) = client.next().await {
///     match update {
///         Update::Connected(connected) => println!("{:?}", connected.response.headers().get("Server")),
///         Update::Message(message) => println!("{message:?}"),
///         Update::Disconnected(lost) => println!("{} not sent: {}", lost.unsent.len(), lost.reason),
///         Update::Ended(ended) => println!("after {} failures: {}", ended.attempts, ended.reason),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # });
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Update {
    /// There is a connection: the first one, or another one after a [`Disconnected`].
    Connected(Connected),
    /// A message of the server's.
    Message(Message),
    /// There is no connection: one is lost, or an attempt failed. Another attempt follows.
    Disconnected(Disconnected),
    /// No attempt follows. This is the last update.
    Ended(Ended),
}

/// A connection that was made.
///
/// ```
/// # ws_proto_suite::shells::example::reconnecting(async |mut client| {
/// use ws_proto_async::Update;
///
/// if let Some(Update::Connected(connected)) = client.next().await {
///     assert_eq!((connected.attempt, connected.response.status()), (0, 101));
/// }
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Connected {
    /// The server's answer to the handshake.
    pub response: Response,
    /// Which attempt it was, counted as in [`Disconnected::attempt`]; 0 for the first of all.
    pub attempt: u32,
}

/// A connection that was lost, or an attempt that failed.
///
/// ```
/// use ws_proto_async::{Disconnected, Message};
///
/// /// The text for a status line, and the messages that the program can send again.
/// fn report(lost: Disconnected) -> (String, Vec<Message>) {
///     let again = format!("attempt {} in {:?}", lost.attempt, lost.delay);
///     (format!("{}; {again}", lost.reason), lost.unsent)
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Disconnected {
    /// Why.
    pub reason: Reason,
    /// The messages that were accepted for sending and not written, in their order: no byte of them or
    /// only a part went to the transport. Empty after a failed attempt, and if messages are
    /// [sent again](crate::Reconnecting::resend).
    pub unsent: Vec<Message>,
    /// How long it waits before the next attempt.
    pub delay: Duration,
    /// Which attempt comes next: 1 after a connection that was open for long, and one more after each
    /// failure in a row, short connections among them. See
    /// [`BackoffConfig::max_attempts`](ws_proto::reconnect::BackoffConfig::max_attempts).
    pub attempt: u32,
    /// How many connections were lost. It is more than 1 if updates about earlier ones were not taken
    /// in time, and 0 after a failed attempt.
    pub losses: u32,
}

/// The end.
///
/// ```
/// # ws_proto_suite::shells::example::reconnecting(async |mut client| {
/// use ws_proto_async::{CloseCode, Reason, Update};
///
/// client.start_close(CloseCode::NORMAL, "")?;
/// let Some(Update::Ended(ended)) = client.next().await else { panic!("it was closed") };
/// assert!(matches!(ended.reason, Reason::Local));
/// assert_eq!((ended.unsent.len(), ended.attempts), (0, 0));
/// # Ok(())
/// # });
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Ended {
    /// Why the last connection or attempt ended.
    pub reason: Reason,
    /// The messages that were accepted for sending and not written, in their order.
    pub unsent: Vec<Message>,
    /// How many attempts have failed in a row, short connections among them; see
    /// [`BackoffConfig::max_attempts`](ws_proto::reconnect::BackoffConfig::max_attempts).
    pub attempts: u32,
}

/// Why there is no connection any more.
///
/// ```
/// use ws_proto_async::{CloseCode, Closed, Reason};
///
/// let reason = Reason::Closed(Closed { code: Some(CloseCode::SERVICE_RESTART), reason: "".into() });
/// assert_eq!(reason.to_string(), "the server closed the connection: 1012");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Reason {
    /// The server closed the connection, with this code and reason.
    Closed(Closed),
    /// The connection failed.
    Failed(Error),
    /// The attempt to connect failed.
    Attempt(AttemptError),
    /// This end closed it.
    Local,
}

impl Reason {
    /// What a [`Backoff`](ws_proto::reconnect::Backoff) needs to know of it. `None` if another attempt is
    /// useless whatever the server does, as after [`Local`](Self::Local).
    ///
    /// ```
    /// use ws_proto_async::reconnect::End;
    /// use ws_proto_async::{Error, Reason, UnexpectedEof};
    ///
    /// let reason = Reason::Failed(Error::Eof(UnexpectedEof));
    /// assert_eq!(reason.end(), Some(End::Eof));
    /// assert_eq!(Reason::Local.end(), None);
    /// ```
    #[must_use]
    pub fn end(&self) -> Option<End> {
        match self {
            Self::Closed(closed) => Some(End::Closed(closed.code)),
            Self::Failed(error) => Some(error.end()),
            Self::Attempt(error) => error.end(),
            Self::Local => None,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(closed) => write!(f, "the server closed the connection: {closed}"),
            Self::Failed(error) => write!(f, "the connection failed: {error}"),
            Self::Attempt(error) => write!(f, "connecting failed: {error}"),
            Self::Local => f.write_str("the connection was closed here"),
        }
    }
}

/// What to do after a connection or an attempt has ended; see
/// [`Reconnecting::decide`](crate::Reconnecting::decide).
///
/// ```
/// use ws_proto_async::{Decision, Reason};
///
/// /// For [`Reconnecting::decide`](ws_proto_async::Reconnecting::decide): comes back after every Close of the server.
/// fn decide(reason: &Reason) -> Decision {
///     match reason {
///         Reason::Closed(_) => Decision::Retry,
///         _ => Decision::Backoff,
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Decision {
    /// What the [back-off](ws_proto::reconnect::Backoff) says: it connects again if the end
    /// [is transient](End::is_transient).
    #[default]
    Backoff,
    /// Connect again, after the delay of the back-off, but not more often than
    /// [`max_attempts`](ws_proto::reconnect::BackoffConfig::max_attempts).
    Retry,
    /// Do not connect again.
    Stop,
}

/// Why an attempt to connect failed.
///
/// ```
/// use ws_proto_async::AttemptError;
///
/// let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
/// assert!(AttemptError::from(refused).end().unwrap().is_transient());
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum AttemptError {
    /// The server refused, broke the handshake or could not be reached, or the request was wrong.
    Connect(ConnectError),
    /// Something of the program's own failed: what makes the request or the stream.
    Other {
        /// What failed.
        error: Box<dyn StdError + Send + Sync>,
        /// What the back-off needs to know of it; `None` if another attempt is useless.
        end: Option<End>,
    },
}

impl AttemptError {
    /// Another attempt can succeed, for instance because a token could not be fetched now. It counts as
    /// [`End::Unreachable`].
    ///
    /// ```
    /// use ws_proto_async::AttemptError;
    /// use ws_proto_async::reconnect::End;
    ///
    /// let error = AttemptError::transient("the token server does not answer");
    /// assert_eq!(error.end(), Some(End::Unreachable));
    /// ```
    pub fn transient(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Other {
            error: error.into(),
            end: Some(End::Unreachable),
        }
    }

    /// Another attempt is useless, for instance because the user has logged out.
    ///
    /// ```
    /// use ws_proto_async::AttemptError;
    ///
    /// let error = AttemptError::permanent("logged out");
    /// assert_eq!((error.to_string().as_str(), error.end()), ("logged out", None));
    /// ```
    pub fn permanent(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Other {
            error: error.into(),
            end: None,
        }
    }

    /// What a [`Backoff`](ws_proto::reconnect::Backoff) needs to know of it; `None` if another attempt is
    /// useless.
    ///
    /// ```
    /// use ws_proto_async::{AttemptError, Uri};
    ///
    /// let wrong = AttemptError::from(Uri::parse("https://example.com/").unwrap_err());
    /// assert_eq!(wrong.end(), None); // it stays wrong
    /// ```
    #[must_use]
    pub fn end(&self) -> Option<End> {
        match self {
            Self::Connect(error) => error.end(),
            Self::Other { end, .. } => *end,
        }
    }
}

impl fmt::Display for AttemptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => error.fmt(f),
            Self::Other { error, .. } => error.fmt(f),
        }
    }
}

impl StdError for AttemptError {
    // `Display` says all of the inner error.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Connect(error) => error.source(),
            Self::Other { error, .. } => error.source(),
        }
    }
}

impl From<ConnectError> for AttemptError {
    fn from(error: ConnectError) -> Self {
        Self::Connect(error)
    }
}

impl From<UriError> for AttemptError {
    fn from(error: UriError) -> Self {
        Self::Connect(error.into())
    }
}

/// Connecting or a stream failed: another attempt can succeed.
impl From<io::Error> for AttemptError {
    fn from(error: io::Error) -> Self {
        Self::Connect(error.into())
    }
}
