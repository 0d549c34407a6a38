//! A client's checked request for a WebSocket connection.

use super::accept::{Accept, Answer, SUBPROTOCOL};
use super::error::{HandshakeError, HeadError};
use super::extensions::Extensions;
use super::headers::Headers;
use super::key::ClientKey;
use super::negotiated::Negotiated;
use super::origin::{OriginError, OriginPolicy};
use super::parse::RequestHead;
use super::request_check::{self, HOST, RequestFields};
use super::response::PlainResponse;
use super::server_state::ServerState;
use super::syntax;
use super::target::Target;
use crate::buf::Output;

/// A request to open a WebSocket connection. Answer it by [`accept`](Self::accept) or
/// [`reject`](Self::reject), at once or later.
///
/// All requirements of RFC 6455 4.2.1 have been checked. The server's policy remains: who may
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
    key: ClientKey,
    origin: Option<&'h [u8]>,
    state: Option<&'h mut ServerState>,
}

impl<'h> Upgrade<'h> {
    /// Checks a request that another HTTP server has parsed, as
    /// [`ServerHandshake`](super::ServerHandshake) does.
    ///
    /// That server must have refused other versions than HTTP/1.1. It also writes the response:
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
            key,
            origin,
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
            key,
            origin,
            state: Some(state),
        }
    }

    /// Path and query of the target, such as `/chat?room=1`; `/` if both are empty. It starts with
    /// `?` if only the path of an absolute target is empty.
    pub fn target(&self) -> &'h str {
        self.request.path()
    }

    /// The target as in the request line, which can be an absolute URI.
    pub const fn raw_target(&self) -> &'h str {
        syntax::ascii(self.request.target)
    }

    /// `host[:port]`: the authority of an absolute target, else `Host` (RFC 9112 3.2.2).
    pub fn host(&self) -> &'h str {
        self.request.host().unwrap_or_default()
    }

    /// All header fields.
    pub const fn headers(&self) -> Headers<'h> {
        self.request.headers
    }

    /// `Origin`: the site whose script made the request. Browsers always send it, other clients can
    /// omit it (RFC 6455 10.2).
    pub const fn origin(&self) -> Option<&'h [u8]> {
        self.origin
    }

    /// The subprotocols that the client offers, in its order of preference; all are different.
    pub fn subprotocols(&self) -> impl Iterator<Item = &'h str> + Clone + use<'h> {
        self.request.headers.list(SUBPROTOCOL).map(syntax::ascii)
    }

    /// The first of `preferred` that the client offers.
    pub fn choose_subprotocol(&self, preferred: &[&str]) -> Option<&'h str> {
        preferred
            .iter()
            .find_map(|wanted| self.subprotocols().find(|offered| offered == wanted))
    }

    /// The extensions that the client offers, in its order of preference (RFC 6455 9.1).
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
    /// - Any other [`HeadError`] if the response cannot be sent. Nothing is written, and the request can
    ///   be answered again.
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
    /// [`HeadError`] if the response cannot be sent. Nothing is written, and the request can be
    /// answered again.
    pub fn reject<O: Output + ?Sized>(
        self,
        response: &PlainResponse<'_>,
        out: &mut O,
    ) -> Result<(), HeadError> {
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
        accept.check(self.key, self.origin, &self.request)
    }
}

impl OriginPolicy<'_> {
    /// Whether the request may be accepted. [`Upgrade::check_origin`] has the reason.
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
