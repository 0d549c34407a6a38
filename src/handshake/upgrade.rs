//! A client's checked request for a WebSocket connection, whatever carries it.

use super::accept::{Accept, Answer, SUBPROTOCOL};
use super::connect_check;
use super::error::{HandshakeError, HeadError};
use super::extensions::Extensions;
use super::headers::Headers;
use super::key::ClientKey;
use super::negotiated::Negotiated;
use super::origin::{OriginError, OriginPolicy};
use super::parse::RequestHead;
use super::pseudo_fields::PseudoFields;
use super::request_check::{self, HOST, RequestFields};
use super::response::PlainResponse;
use super::server_state::ServerState;
use super::syntax;
use super::target::Target;
use crate::buf::Output;

/// A request to open a WebSocket connection. Answer it by [`accept`](Self::accept) or
/// [`reject`](Self::reject), at once or later.
///
/// It came as an `Upgrade` of HTTP/1.1, or as an Extended CONNECT on a stream of HTTP/2 or HTTP/3
/// ([`from_extended_connect`](Self::from_extended_connect)). All requirements of RFC 6455 4.2.1 or RFC 8441 5 have
/// been checked. The server's policy remains: who may
/// connect ([`Accept::origins`], cookies), to what
/// ([`target`](Self::target)), and with which subprotocol ([`subprotocols`](Self::subprotocols)).
///
/// It borrows the handshake. To decide later, drop it, and get it again by
/// [`ServerHandshake::upgrade`](super::ServerHandshake::upgrade).
///
/// ```
/// use ws_proto::handshake::{Accept, Upgrade};
///
/// // A request that another HTTP server has parsed.
/// let headers: [(&str, &[u8]); 5] = [
///     ("host", b"example.com"),
///     ("upgrade", b"websocket"),
///     ("connection", b"keep-alive, Upgrade"),
///     ("sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
///     ("sec-websocket-version", b"13"),
/// ];
/// let upgrade = Upgrade::from_headers("GET", "/chat", &headers)?;
/// let answer = upgrade.answer(&Accept::new())?;
/// let accept = answer.fields().find(|(name, _)| *name == "Sec-WebSocket-Accept");
/// assert_eq!(accept.map(|(_, value)| value.to_string()).unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Upgrade<'h> {
    request: RequestHead<'h>,
    mechanism: Mechanism<'h>,
    origin: Option<&'h [u8]>,
    state: Option<&'h mut ServerState>,
}

/// How the client asks for the connection, with what only that has.
#[derive(Clone, Copy, Debug)]
enum Mechanism<'h> {
    /// `Upgrade` in HTTP/1.1 (RFC 6455 4.1).
    Upgrade(ClientKey),
    /// Extended CONNECT on a stream of HTTP/2 or HTTP/3 (RFC 8441 4).
    ExtendedConnect { scheme: &'h str, authority: &'h str },
}

impl<'h> Upgrade<'h> {
    /// Checks a request that another HTTP server has parsed, as
    /// [`ServerHandshake`](super::ServerHandshake) does.
    ///
    /// That server must have refused other versions than HTTP/1.1; for a request of HTTP/2 or HTTP/3 call
    /// [`from_extended_connect`](Self::from_extended_connect). It also writes the response:
    /// [`answer`](Self::answer) has the fields of a 101; [`HandshakeError::status`] and
    /// [`HandshakeError::fields`] are those of a refusal.
    ///
    /// ```
    /// use ws_proto::handshake::{Accept, Upgrade};
    ///
    /// let headers: [(&str, &[u8]); 5] = [
    ///     ("host", b"example.com"),
    ///     ("upgrade", b"websocket"),
    ///     ("connection", b"Upgrade"),
    ///     ("sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
    ///     ("sec-websocket-version", b"13"),
    /// ];
    /// let upgrade = Upgrade::from_headers("GET", "/chat", &headers)?;
    /// let answer = upgrade.answer(&Accept::new())?;
    /// for (name, value) in answer.fields() {
    ///     println!("{name}: {value}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`HandshakeError`] for the rule that the client broke.
    pub fn from_headers(
        method: &'h str,
        target: &'h str,
        headers: &'h [(&'h str, &'h [u8])],
    ) -> Result<Self, HandshakeError> {
        let request = RequestHead {
            method: method.as_bytes(),
            target: target.as_bytes(),
            headers: Headers::from_slice(headers),
        };
        let fields = RequestFields::of(&request.headers);
        request_check::http(&request, &fields)?;
        let (key, origin) = request_check::upgrade(&request, &fields)?;
        Ok(Self {
            request,
            mechanism: Mechanism::Upgrade(key),
            origin,
            state: None,
        })
    }

    /// Checks an Extended CONNECT that an HTTP/2 or HTTP/3 stack has received on one of its streams (RFC 8441 4, 5,
    /// RFC 9220 3).
    ///
    /// Names of header fields are compared without regard to case. `Sec-WebSocket-Key` and `Sec-WebSocket-Accept` have no
    /// meaning and are ignored. [`host`](Self::host) is `:authority`; `Host` can be missing and has to name
    /// the same host and port (RFC 9113 8.3.1).
    ///
    /// Browsers send `Cookie` in several fields, one for each cookie (RFC 9113 8.2.3). If the stack does not join them,
    /// `headers().get("Cookie")` is only the first: use [`Headers::get_all`].
    ///
    /// The stack writes the response: [`answer`](Self::answer) has status and fields of a 200, after which the
    /// stream carries the frames; [`HandshakeError::status`] and [`HandshakeError::fields`] are those of a
    /// refusal. [`accept`](Self::accept) and [`reject`](Self::reject) return [`HeadError::NotHttp1`].
    ///
    /// ```
    /// use ws_proto::handshake::{Accept, PseudoFields, Upgrade};
    ///
    /// let pseudo = PseudoFields {
    ///     method: Some("CONNECT"),
    ///     protocol: Some("websocket"),
    ///     scheme: Some("https"),
    ///     authority: Some("example.com"),
    ///     path: Some("/chat"),
    /// };
    /// let headers: [(&str, &[u8]); 3] = [
    ///     ("sec-websocket-version", b"13"),
    ///     ("sec-websocket-protocol", b"chat.v2, chat.v1"),
    ///     ("origin", b"https://example.com"),
    /// ];
    /// let upgrade = Upgrade::from_extended_connect(&pseudo, &headers)?;
    /// let answer = upgrade.answer(&Accept::new().subprotocol("chat.v1"))?;
    /// assert_eq!(answer.status(), 200);
    /// let fields: Vec<_> = answer.fields().map(|(name, value)| format!("{name}: {value}")).collect();
    /// assert_eq!(fields, ["sec-websocket-protocol: chat.v1"]);
    /// // Connection::server(answer.negotiated(), Config::new()), over the stream.
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`HandshakeError`] for the rule that the client broke. Such a request can also be answered by a reset of the
    /// stream, see [`HttpStream::malformed_code`](super::HttpStream::malformed_code); a response shows the client the reason.
    pub fn from_extended_connect(
        pseudo: &PseudoFields<'h>,
        headers: &'h [(&'h str, &'h [u8])],
    ) -> Result<Self, HandshakeError> {
        let headers = Headers::from_slice(headers);
        let asked = connect_check::request(pseudo, &headers)?;
        Ok(Self {
            request: RequestHead {
                method: b"CONNECT",
                target: asked.path.as_bytes(),
                headers,
            },
            mechanism: Mechanism::ExtendedConnect {
                scheme: asked.scheme,
                authority: asked.authority,
            },
            origin: asked.origin,
            state: None,
        })
    }

    pub(super) fn new(
        request: RequestHead<'h>,
        key: ClientKey,
        origin: Option<&'h [u8]>,
        state: &'h mut ServerState,
    ) -> Self {
        Self {
            request,
            mechanism: Mechanism::Upgrade(key),
            origin,
            state: Some(state),
        }
    }

    /// The method: `GET`, or `CONNECT` on a stream of HTTP/2 or HTTP/3.
    ///
    /// ```
    /// use ws_proto::handshake::{OriginPolicy, PlainResponse, Upgrade};
    ///
    /// let headers: [(&str, &[u8]); 7] = [
    ///     ("Host", b"example.com"),
    ///     ("Upgrade", b"websocket"),
    ///     ("Connection", b"Upgrade"),
    ///     ("Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
    ///     ("Sec-WebSocket-Version", b"13"),
    ///     ("Sec-WebSocket-Protocol", b"chat.v2, chat.v1"),
    ///     ("Origin", b"https://example.com"),
    /// ];
    /// let upgrade = Upgrade::from_headers("GET", "http://example.com/chat?room=1", &headers)?;
    /// assert_eq!((upgrade.method(), upgrade.scheme()), ("GET", None));
    /// assert_eq!((upgrade.host(), upgrade.target()), ("example.com", "/chat?room=1"));
    /// assert_eq!(upgrade.raw_target(), "http://example.com/chat?room=1");
    /// assert_eq!(upgrade.origin(), upgrade.headers().get("origin"));
    /// assert!(upgrade.check_origin(&OriginPolicy::same_host()).is_ok());
    /// assert!(upgrade.subprotocols().eq(["chat.v2", "chat.v1"]));
    /// assert_eq!(upgrade.choose_subprotocol(&["chat.v1"]), Some("chat.v1"));
    /// assert_eq!(upgrade.extensions().count(), 0);
    /// // With a handshake of this crate:
    /// let mut out = Vec::new();
    /// upgrade.reject(&PlainResponse::text(404, "There is no such room.\n"), &mut out)?;
    /// assert!(out.starts_with(b"HTTP/1.1 404 "));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn method(&self) -> &'h str {
        syntax::ascii(self.request.method)
    }

    /// `:scheme` of a request on a stream of HTTP/2 or HTTP/3, `https` or `http`; `None` for HTTP/1.1.
    #[must_use]
    pub const fn scheme(&self) -> Option<&'h str> {
        match self.mechanism {
            Mechanism::Upgrade(_) => None,
            Mechanism::ExtendedConnect { scheme, .. } => Some(scheme),
        }
    }

    /// Path and query of the target, such as `/chat?room=1`; `/` if both are empty. It starts with
    /// `?` if only the path of an absolute target is empty.
    #[must_use]
    pub fn target(&self) -> &'h str {
        self.request.path()
    }

    /// The target as in the request line, which can be an absolute URI; or `:path`.
    #[must_use]
    pub const fn raw_target(&self) -> &'h str {
        syntax::ascii(self.request.target)
    }

    /// `host[:port]`: the authority of an absolute target, else `Host` (RFC 9112 3.2.2). On a stream of HTTP/2 or
    /// HTTP/3 it is `:authority`.
    #[must_use]
    pub fn host(&self) -> &'h str {
        match self.mechanism {
            Mechanism::Upgrade(_) => self.request.host().unwrap_or_default(),
            Mechanism::ExtendedConnect { authority, .. } => authority,
        }
    }

    /// All header fields.
    #[must_use]
    pub const fn headers(&self) -> Headers<'h> {
        self.request.headers
    }

    /// `Origin`: the site whose script made the request. Browsers always send it, other clients can
    /// omit it (RFC 6455 10.2).
    #[must_use]
    pub const fn origin(&self) -> Option<&'h [u8]> {
        self.origin
    }

    /// The subprotocols that the client offers, in its order of preference; all are different.
    pub fn subprotocols(&self) -> impl Iterator<Item = &'h str> + Clone + use<'h> {
        self.request.headers.list(SUBPROTOCOL).map(syntax::ascii)
    }

    /// The first of `preferred` that the client offers.
    #[must_use]
    pub fn choose_subprotocol(&self, preferred: &[&str]) -> Option<&'h str> {
        preferred
            .iter()
            .find_map(|wanted| self.subprotocols().find(|offered| offered == wanted))
    }

    /// The extensions that the client offers, in its order of preference (RFC 6455 9.1).
    #[must_use]
    pub const fn extensions(&self) -> Extensions<'h> {
        Extensions::of(&self.request.headers)
    }

    /// Checks `Origin` by another policy than that of [`Accept::origins`], or before a decision of one's
    /// own. Reads nothing but the head and writes nothing.
    ///
    /// # Errors
    ///
    /// [`OriginError`], which names Origin and Host for a log. Answer with the response of its
    /// [`fault`](OriginError::fault).
    pub fn check_origin(&self, policy: &OriginPolicy<'_>) -> Result<(), OriginError<'h>> {
        let (origin, host) = (self.origin(), self.host());
        policy
            .check(origin, host)
            .map_err(|fault| OriginError::new(fault, origin, host))
    }

    /// Accepts: checks `Origin` by [`Accept::origins`], then writes the 101 to `out`. The handshake is
    /// done. Bytes that the client sent after its request are still in the input; pass that on to the
    /// connection.
    ///
    /// # Errors
    ///
    /// - [`HeadError::OriginRefused`] if the policy does not allow the request's `Origin`. As after
    ///   [`reject`](Self::reject), the refusal (403) is in `out`, and the transport has to be closed.
    /// - [`HeadError::NotHttp1`] for an Extended CONNECT: use [`answer`](Self::answer). Nothing is written.
    /// - Any other [`HeadError`] if the response cannot be sent. Nothing is written, and the request can
    ///   be answered again.
    ///
    /// ```
    /// use ws_proto::handshake::{Accept, HeadError, Upgrade};
    /// use ws_proto::{Config, Connection, Server};
    ///
    /// fn accept(upgrade: Upgrade<'_>, out: &mut Vec<u8>) -> Result<Connection<Server>, HeadError> {
    ///     let subprotocol = upgrade.choose_subprotocol(&["chat.v2", "chat.v1"]);
    ///     let negotiated = upgrade.accept(&Accept::new().maybe_subprotocol(subprotocol), out)?;
    ///     Ok(Connection::server(negotiated, Config::new()))
    /// }
    /// # let _ = accept;
    /// ```
    pub fn accept<O: Output + ?Sized>(
        self,
        accept: &Accept<'_>,
        out: &mut O,
    ) -> Result<Negotiated, HeadError> {
        let answer = match self.answer(accept) {
            Err(HeadError::OriginRefused(fault)) => {
                self.reject(&fault.response(), out)?;
                return Err(HeadError::OriginRefused(fault));
            }
            answer => answer?,
        };
        answer.write(out)?;
        if let Some(state) = self.state {
            *state = ServerState::Accepted;
        }
        Ok(answer.negotiated())
    }

    /// Refuses: writes `response`, whose status is 300 to 599, to `out`. Input from now on is
    /// dropped, and the transport has to be closed.
    ///
    /// # Errors
    ///
    /// [`HeadError`] if the response cannot be sent; [`HeadError::NotHttp1`] for an Extended CONNECT, whose
    /// response the HTTP stack writes. Nothing is written, and the request can be answered again.
    pub fn reject<O: Output + ?Sized>(
        self,
        response: &PlainResponse<'_>,
        out: &mut O,
    ) -> Result<(), HeadError> {
        // A head of HTTP/1.1 on a stream would be read as frames.
        if let Mechanism::ExtendedConnect { .. } = self.mechanism {
            return Err(HeadError::NotHttp1);
        }
        response.write(300, false, out)?;
        if let Some(state) = self.state {
            *state = ServerState::Answered;
        }
        Ok(())
    }

    /// Checks the request as [`accept`](Self::accept) does, and returns what that would write, to write it
    /// with another HTTP server.
    ///
    /// # Errors
    ///
    /// [`HeadError::OriginRefused`] if the policy does not allow the request's `Origin`: send the
    /// [`response`](super::OriginFault::response) of the fault. Any other [`HeadError`] if the response
    /// cannot be sent.
    pub fn answer<'a>(&self, accept: &Accept<'a>) -> Result<Answer<'a>, HeadError> {
        let key = match self.mechanism {
            Mechanism::Upgrade(key) => Some(key),
            Mechanism::ExtendedConnect { .. } => None,
        };
        let origin = self.origin.map(|origin| (origin, self.host()));
        accept.check(key, origin, &self.request.headers)
    }
}

impl OriginPolicy<'_> {
    /// Whether the request may be accepted. [`Upgrade::check_origin`] has the reason.
    ///
    /// ```
    /// use ws_proto::handshake::{OriginPolicy, Upgrade};
    ///
    /// fn is_own_page(upgrade: &Upgrade<'_>) -> bool {
    ///     OriginPolicy::same_host().require_origin(true).allows(upgrade)
    /// }
    /// # let _ = is_own_page;
    /// ```
    #[must_use]
    pub fn allows(&self, upgrade: &Upgrade<'_>) -> bool {
        self.allows_origin(upgrade.origin(), upgrade.host())
    }
}

impl<'h> RequestHead<'h> {
    pub(super) fn path(&self) -> &'h str {
        Target::split(self.target).map_or("", |target| syntax::ascii(target.path))
    }

    pub(super) fn host(&self) -> Option<&'h str> {
        let authority = Target::split(self.target).and_then(|target| target.authority);
        authority
            .or_else(|| self.headers.get(HOST))
            .map(syntax::ascii)
    }
}
