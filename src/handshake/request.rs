//! A client's request.

use core::fmt;

use super::accept::SUBPROTOCOL;
use super::error::HeadError;
use super::extensions::FIELD as EXTENSIONS;
use super::headers::Headers;
use super::offer::{self, ExtensionOffer};
use super::syntax;
use super::target::{Authority, Target};
use super::write;
use crate::buf::Output;
use crate::uri::Uri;

/// A request to open a WebSocket connection, for
/// [`ClientHandshake::start`](super::ClientHandshake::start).
///
/// ```
/// use ws_proto::Uri;
/// use ws_proto::handshake::{ClientHandshake, ClientRequest, Limits};
///
/// let request = ClientRequest::from_uri(Uri::parse("wss://example.com/chat?room=1")?)
///     .subprotocols(&["chat.v2", "chat.v1"])
///     .headers(&[("Authorization", b"Bearer abc")]);
/// let nonce = [7; 16]; // use 16 random bytes
/// let mut out = Vec::new();
/// let handshake = ClientHandshake::start(request, nonce, Vec::new(), Limits::new(), &mut out)?;
/// assert!(out.starts_with(b"GET /chat?room=1 HTTP/1.1\r\nHost: example.com\r\n"));
/// # let _ = handshake;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct ClientRequest<'r> {
    pub(super) destination: Destination<'r>,
    pub(super) secure: Option<bool>,
    pub(super) origin: Option<&'r str>,
    pub(super) subprotocols: &'r [&'r str],
    pub(super) extensions: &'r [ExtensionOffer<'r>],
    pub(super) require_subprotocol: bool,
    pub(super) headers: &'r [(&'r str, &'r [u8])],
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Destination<'r> {
    Parts { host: &'r str, target: &'r str },
    Uri(Uri<'r>),
}

impl<'r> ClientRequest<'r> {
    /// A request to `host`, which names the port if it is not the default of the scheme, for
    /// `target`: path and query.
    ///
    /// ```
    /// use ws_proto::handshake::{ClientRequest, ExtensionOffer};
    ///
    /// let extensions = [ExtensionOffer::new("x-example", &[])];
    /// let request = ClientRequest::new("example.com:8443", "/chat?room=1")
    ///     .secure(true) // has an effect on a stream of HTTP/2 or HTTP/3 only
    ///     .origin("https://example.com")
    ///     .subprotocols(&["chat.v1"])
    ///     .require_subprotocol(true)
    ///     .extensions(&extensions);
    /// # let _ = request;
    /// ```
    #[must_use]
    pub const fn new(host: &'r str, target: &'r str) -> Self {
        Self::to(Destination::Parts { host, target }, None)
    }

    /// A request to the host and for the target of `uri`.
    #[must_use]
    pub const fn from_uri(uri: Uri<'r>) -> Self {
        Self::to(Destination::Uri(uri), Some(uri.is_secure()))
    }

    const fn to(destination: Destination<'r>, secure: Option<bool>) -> Self {
        Self {
            destination,
            secure,
            origin: None,
            subprotocols: &[],
            extensions: &[],
            require_subprotocol: false,
            headers: &[],
        }
    }

    /// Sets whether the connection is one of `wss` (`true`) or of `ws`. An Extended CONNECT names the scheme, `https`
    /// or `http` (RFC 8441 5); HTTP/1.1 does not. [`from_uri`](Self::from_uri) sets it by the URI.
    #[must_use]
    pub const fn secure(self, secure: bool) -> Self {
        Self {
            secure: Some(secure),
            ..self
        }
    }

    /// Sets `Origin`, such as `https://example.com`. Only browsers have to send one.
    #[must_use]
    pub const fn origin(self, origin: &'r str) -> Self {
        Self {
            origin: Some(origin),
            ..self
        }
    }

    /// Sets the subprotocols to offer, in order of preference.
    #[must_use]
    pub const fn subprotocols(self, subprotocols: &'r [&'r str]) -> Self {
        Self {
            subprotocols,
            ..self
        }
    }

    /// Sets whether the handshake fails when subprotocols were offered and the server chooses none.
    ///
    /// By default the connection is established without one (RFC 6455 4.1). Browsers fail.
    #[must_use]
    pub const fn require_subprotocol(self, require: bool) -> Self {
        Self {
            require_subprotocol: require,
            ..self
        }
    }

    /// Sets the extensions to offer, in order of preference, at most
    /// [`MAX_EXTENSIONS`](super::MAX_EXTENSIONS). The same name again is an alternative.
    #[must_use]
    pub const fn extensions(self, extensions: &'r [ExtensionOffer<'r>]) -> Self {
        Self { extensions, ..self }
    }

    /// Sets further header fields, such as `Authorization` or `Cookie`.
    #[must_use]
    pub const fn headers(self, headers: &'r [(&'r str, &'r [u8])]) -> Self {
        Self { headers, ..self }
    }

    /// Writes all of the request with that key, or nothing. It has been [checked](Self::check), and
    /// its offers have been written as lists of subprotocols and of extensions.
    pub(super) fn write<O: Output + ?Sized>(
        &self,
        key: &[u8; 24],
        (subprotocols, extensions): (&[u8], &[u8]),
        out: &mut O,
    ) -> Result<(), HeadError> {
        write::write(out, |out| {
            out.put("GET ");
            match self.destination {
                Destination::Parts { target, .. } => out.put(target),
                Destination::Uri(uri) => out.display(uri.target()),
            }
            out.put(" HTTP/1.1\r\nHost: ");
            match self.destination {
                Destination::Parts { host, .. } => out.put(host),
                Destination::Uri(uri) => out.display(uri.host_header()),
            }
            out.put(BEFORE_KEY);
            out.put(key);
            out.put(AFTER_KEY);
            if let Some(origin) = self.origin {
                out.field("Origin", origin);
            }
            if !subprotocols.is_empty() {
                out.fields(&[(SUBPROTOCOL, subprotocols)]);
            }
            if !extensions.is_empty() {
                out.fields(&[(EXTENSIONS, extensions)]);
            }
            out.fields(self.headers);
            out.put("\r\n");
        })
    }

    /// Checks whether the request can be sent.
    pub(super) fn check(&self) -> Result<(), HeadError> {
        if let Destination::Parts { host, target } = self.destination {
            Authority::parse(host.as_bytes()).ok_or(HeadError::HostInvalid)?;
            if !target.starts_with('/') || Target::parse(target.as_bytes()).is_none() {
                return Err(HeadError::TargetInvalid);
            }
        }
        let is_origin = |origin: &str| !origin.is_empty() && syntax::is_visible(origin.as_bytes());
        if !self.origin.is_none_or(is_origin) {
            return Err(HeadError::OriginInvalid);
        }
        for (index, subprotocol) in self.subprotocols.iter().enumerate() {
            if !syntax::is_token(subprotocol.as_bytes()) {
                return Err(HeadError::SubprotocolInvalid);
            }
            if self
                .subprotocols
                .iter()
                .take(index)
                .any(|other| other == subprotocol)
            {
                return Err(HeadError::SubprotocolRepeated);
            }
        }
        offer::check_offers(self.extensions)?;
        write::check_fields(self.headers)
    }
}

/// Writes no values of header fields: they can be secrets.
impl fmt::Debug for ClientRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientRequest")
            .field("destination", &self.destination)
            .field("secure", &self.secure)
            .field("origin", &self.origin)
            .field("subprotocols", &self.subprotocols)
            .field("extensions", &self.extensions)
            .field("require_subprotocol", &self.require_subprotocol)
            .field("headers", &Headers::from_slice(self.headers))
            .finish()
    }
}

const BEFORE_KEY: &str = "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ";
const AFTER_KEY: &str = "\r\nSec-WebSocket-Version: 13\r\n";
