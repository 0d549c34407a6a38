use alloc::boxed::Box;

use super::response::OwnedHeaders;
use crate::handshake::{AnyRequest, OriginFault, OriginPolicy};

/// A client's request.
///
/// ```
/// use ws_proto::handshake::OriginPolicy;
/// use ws_proto::opening::{Accepting, Options};
///
/// let mut read = *b"GET /chat?room=1 HTTP/1.1\r\nHost: example.com\r\nOrigin: https://example.com\r\n\
///     Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
///     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat.v2, chat.v1\r\n\r\n";
/// let mut accepting = Accepting::new(Options::new());
/// let request = accepting.receive(&mut &mut read[..])?.expect("it is whole");
/// assert!(request.is_upgrade());
/// assert_eq!((request.method(), request.target()), ("GET", "/chat?room=1"));
/// assert_eq!((request.path(), request.query()), ("/chat", Some("room=1")));
/// assert_eq!(request.host(), "example.com");
/// assert_eq!(request.origin(), request.headers().get("Origin"));
/// assert_eq!(request.check_origin(&OriginPolicy::same_host()), Ok(()));
/// assert!(request.subprotocols().eq(["chat.v2", "chat.v1"]));
/// assert_eq!(request.choose_subprotocol(&["chat.v1"]), Some("chat.v1"));
/// # Ok::<(), ws_proto::opening::AcceptError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    method: Box<str>,
    target: Box<str>,
    host: Box<str>,
    headers: OwnedHeaders,
    is_upgrade: bool,
}

impl Request {
    pub(super) fn of(incoming: &AnyRequest<'_>) -> Self {
        match incoming {
            AnyRequest::Upgrade(upgrade) => Self {
                method: upgrade.method().into(),
                target: upgrade.target().into(),
                host: upgrade.host().into(),
                headers: OwnedHeaders::of(&upgrade.headers()),
                is_upgrade: true,
            },
            AnyRequest::Plain(plain) => Self {
                method: plain.method().into(),
                target: plain.target().into(),
                host: plain.host().unwrap_or_default().into(),
                headers: OwnedHeaders::of(&plain.headers()),
                is_upgrade: false,
            },
        }
    }

    /// Whether it asks for a WebSocket connection; else it is a plain request of HTTP, for a page or a
    /// health check, of which nothing more was checked.
    #[must_use]
    pub const fn is_upgrade(&self) -> bool {
        self.is_upgrade
    }

    /// The method; `GET` for a WebSocket connection.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Path and query, such as `/chat?room=1`.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The path, such as `/chat`.
    #[must_use]
    pub fn path(&self) -> &str {
        match self.target.split_once('?') {
            // Of an absolute target whose path is empty (RFC 9112 3.2.1).
            Some(("", _)) => "/",
            Some((path, _)) => path,
            None => &self.target,
        }
    }

    /// The query, such as `room=1`.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    /// `host[:port]`.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The header fields.
    #[must_use]
    pub const fn headers(&self) -> &OwnedHeaders {
        &self.headers
    }

    /// `Origin`: which site's script is asking.
    #[must_use]
    pub fn origin(&self) -> Option<&[u8]> {
        self.headers.get("Origin")
    }

    /// Checks whether a site's script may ask this. Accepting the request checks the same, by the policy
    /// of [`Accept::origins`](crate::handshake::Accept::origins), and answers with a 403 if not.
    ///
    /// # Errors
    ///
    /// [`OriginFault`] says why not; [`OriginFault::response`] is an answer with words for the operator.
    pub fn check_origin(&self, origins: &OriginPolicy<'_>) -> Result<(), OriginFault> {
        origins.check(self.origin(), self.host())
    }

    /// The subprotocols that the client offers, its favourite first.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        self.headers
            .get_all("Sec-WebSocket-Protocol")
            .flat_map(|value| value.split(|byte| *byte == b','))
            .filter_map(|offered| core::str::from_utf8(offered.trim_ascii()).ok())
            .filter(|offered| !offered.is_empty())
    }

    /// The first of `preferred` that the client offers.
    #[must_use]
    pub fn choose_subprotocol<'p>(&self, preferred: &[&'p str]) -> Option<&'p str> {
        let offered = |wanted: &&'p str| self.subprotocols().any(|offered| offered == *wanted);
        preferred.iter().copied().find(offered)
    }
}
