//! A client's request, checked, for the server to decide on.

use super::accept::{Accept, Answer, SUBPROTOCOL};
use super::check::{self, Fields, HOST};
use super::error::{HandshakeError, HeadError};
use super::extensions::Extensions;
use super::headers::Headers;
use super::key::ClientKey;
use super::negotiated::Negotiated;
use super::parse::Request;
use super::response::Response;
use super::state::ServerState;
use super::syntax;
use super::target::Target;
use crate::buf::Output;

/// A request to open a WebSocket connection, to be answered by [`accept`](Self::accept) or
/// [`reject`](Self::reject), at once or later.
///
/// Everything that RFC 6455 4.2.1 asks for has been checked. What remains is policy: who may
/// connect ([`origin`](Self::origin), [`OriginPolicy`](super::OriginPolicy), cookies), to what
/// ([`target`](Self::target)), and how ([`subprotocols`](Self::subprotocols)).
///
/// It borrows the handshake. To decide elsewhere, drop it, and get it again by
/// [`ServerHandshake::receive`](super::ServerHandshake::receive) with whatever input.
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
    request: Request<'h>,
    key: ClientKey,
    state: Option<&'h mut ServerState>,
}

impl<'h> Upgrade<'h> {
    /// The request that another HTTP server has parsed, checked as
    /// [`ServerHandshake`](super::ServerHandshake) does it.
    ///
    /// That server must have refused what is not HTTP/1.1. It writes the response:
    /// [`answer`](Self::answer) has its fields, and if this fails
    /// [`HandshakeError::status`] and [`HandshakeError::fields`] are what to refuse with.
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
    /// What the client did wrong.
    pub fn from_headers(
        method: &'h str,
        target: &'h str,
        headers: &'h [(&'h str, &'h [u8])],
    ) -> Result<Self, HandshakeError> {
        let request = Request {
            method: method.as_bytes(),
            target: target.as_bytes(),
            headers: Headers::from_slice(headers),
        };
        let fields = Fields::of(&request.headers);
        check::http(&request, &fields)?;
        let key = check::upgrade(&request, &fields)?;
        Ok(Self {
            request,
            key,
            state: None,
        })
    }

    pub(super) fn new(request: Request<'h>, key: ClientKey, state: &'h mut ServerState) -> Self {
        Self {
            request,
            key,
            state: Some(state),
        }
    }

    /// Path and query of the target, such as `/chat?room=1`; `/` if they are empty. If only the
    /// path of an absolute target is, it starts with `?`.
    pub fn target(&self) -> &'h str {
        self.request.path()
    }

    /// The target as it stands in the request line, which can be an absolute URI.
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

    /// `Origin`: which site's script is asking. Browsers always send it, others need not
    /// (RFC 6455 10.2).
    pub fn origin(&self) -> Option<&'h [u8]> {
        self.request.headers.get("Origin")
    }

    /// The subprotocols that the client offers, its favourite first; all different.
    pub fn subprotocols(&self) -> impl Iterator<Item = &'h str> + Clone + use<'h> {
        self.request.headers.list(SUBPROTOCOL).map(syntax::ascii)
    }

    /// The first of `preferred` that the client offers.
    pub fn choose_subprotocol(&self, preferred: &[&str]) -> Option<&'h str> {
        preferred
            .iter()
            .find_map(|wanted| self.subprotocols().find(|offered| offered == wanted))
    }

    /// The extensions that the client offers, its favourite first (RFC 6455 9.1).
    pub const fn extensions(&self) -> Extensions<'h> {
        Extensions::of(&self.request.headers)
    }

    /// Accepts: writes the 101. The handshake is done; what the client sent behind its request is
    /// still in the input and is for the connection.
    ///
    /// # Errors
    ///
    /// [`HeadError`] for what cannot be sent. Nothing is decided then.
    pub fn accept<O: Output + ?Sized>(
        self,
        accept: &Accept<'_>,
        out: &mut O,
    ) -> Result<Negotiated, HeadError> {
        let answer = self.answer(accept)?;
        answer.write(out)?;
        if let Some(state) = self.state {
            *state = ServerState::Accepted;
        }
        Ok(answer.negotiated())
    }

    /// Refuses: writes `response`, whose status is 300 to 599. What the client sends from now on
    /// is discarded, and the transport is to be closed.
    ///
    /// # Errors
    ///
    /// [`HeadError`] for what cannot be sent. Nothing is decided then.
    pub fn reject<O: Output + ?Sized>(
        self,
        response: &Response<'_>,
        out: &mut O,
    ) -> Result<(), HeadError> {
        response.write(300, false, out)?;
        if let Some(state) = self.state {
            *state = ServerState::Answered;
        }
        Ok(())
    }

    /// What [`accept`](Self::accept) would write, for those who write it with another HTTP
    /// server.
    ///
    /// # Errors
    ///
    /// [`HeadError`] for what cannot be sent.
    pub fn answer<'a>(&self, accept: &Accept<'a>) -> Result<Answer<'a>, HeadError> {
        accept.check(self.key, &self.request.headers)
    }
}

impl<'h> Request<'h> {
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
