use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::handshake;

/// The header fields of a request or a response, in their order.
///
/// Names are compared without regard to ASCII case. Values are bytes. `Debug` writes the names only:
/// values can be secrets.
///
/// ```
/// use ws_proto::opening::Response;
///
/// fn print(response: &Response) {
///     let headers = response.headers();
///     println!("server: {:?}", headers.get("Server"));
///     println!("{} cookies", headers.get_all("Set-Cookie").count());
///     for (name, value) in headers.iter() {
///         println!("{name}: {}", value.escape_ascii());
///     }
/// }
/// # let _ = print;
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct OwnedHeaders(Vec<(Box<str>, Box<[u8]>)>);

impl OwnedHeaders {
    pub(super) fn of(headers: &handshake::Headers<'_>) -> Self {
        let fields = headers.iter();
        Self(
            fields
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }

    /// The value of the first field with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.get_all(name).next()
    }

    /// The values of all fields with this name.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }
}

impl fmt::Debug for OwnedHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|(name, _)| name))
            .finish()
    }
}

/// An answer to a handshake: the 101 of a server or its 2xx on a stream of HTTP/2, the 2xx of a proxy, or the refusal of either. `Debug` leaves out the body: it can have
/// secrets.
///
/// ```
/// use std::time::Duration;
/// use ws_proto::opening::{ConnectError, Connecting, Connector};
///
/// let connector = Connector::new("ws://example.com/")?;
/// let mut connecting = Connecting::start(&connector, [7; 16])?;
/// let mut read = *b"HTTP/1.1 503 Busy\r\nRetry-After: 60\r\nContent-Length: 6\r\n\r\nlater\n";
/// let Err(ConnectError::Refused(response)) = connecting.receive(&mut &mut read[..]) else {
///     panic!("the server has refused");
/// };
/// assert_eq!((response.status(), response.body()), (503, &b"later\n"[..]));
/// assert_eq!(response.retry_after(), Some(Duration::from_secs(60)));
/// assert_eq!(response.headers().get("content-length"), Some(&b"6"[..]));
/// assert_eq!(response.subprotocol(), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    status: u16,
    headers: OwnedHeaders,
    body: Box<[u8]>,
    subprotocol: Option<Box<str>>,
}

impl Response {
    pub(super) fn established(established: &handshake::Established<'_>) -> Self {
        Self {
            status: established.status(),
            headers: OwnedHeaders::of(&established.headers()),
            body: Box::default(),
            subprotocol: established.subprotocol().map(Into::into),
        }
    }

    pub(super) fn connected(connected: &handshake::proxy::Connected<'_>) -> Self {
        Self {
            status: connected.status(),
            headers: OwnedHeaders::of(&connected.headers()),
            body: Box::default(),
            subprotocol: None,
        }
    }

    pub(super) fn refusal(refusal: &handshake::Refusal<'_>) -> Self {
        Self {
            status: refusal.status(),
            headers: OwnedHeaders::of(&refusal.headers()),
            body: refusal.body().into(),
            subprotocol: None,
        }
    }

    /// The status: 101, that of the refusal, or 2xx of a proxy or on a stream of HTTP/2 or HTTP/3.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The header fields: `Location`, `Retry-After`, `Set-Cookie`, and so on.
    #[must_use]
    pub const fn headers(&self) -> &OwnedHeaders {
        &self.headers
    }

    /// How long the server asks to wait before another attempt: its `Retry-After`, if that is in seconds
    /// (see [`retry_after`](crate::reconnect::retry_after)).
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let value = self.headers.get("Retry-After")?;
        crate::reconnect::retry_after(value)
    }

    /// The body of a refusal, as much of it as
    /// [`Limits::body_bytes`](crate::handshake::Limits::body_bytes) allows.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The subprotocol that was agreed on.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("subprotocol", &self.subprotocol)
            .finish_non_exhaustive()
    }
}
