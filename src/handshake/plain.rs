//! A request that is not for a WebSocket connection.

use super::error::{HandshakeError, HeadError};
use super::headers::Headers;
use super::parse::RequestHead;
use super::response::{self, PlainResponse};
use super::server_state::ServerState;
use super::syntax;
use super::upgrade::Upgrade;
use crate::buf::Output;

/// A request of either kind, from
/// [`ServerHandshake::receive_any`](super::ServerHandshake::receive_any). Exhaustive on purpose: a server has to answer
/// both.
///
/// ```
/// use ws_proto::handshake::{Accept, AnyRequest, HeadError, PlainResponse};
///
/// /// Answers what `ServerHandshake::receive_any` has given.
/// fn answer(incoming: AnyRequest<'_>, out: &mut Vec<u8>) -> Result<(), HeadError> {
///     match incoming {
///         AnyRequest::Upgrade(upgrade) => upgrade.accept(&Accept::new(), out).map(|_negotiated| ()),
///         AnyRequest::Plain(request) => request.respond(&PlainResponse::text(200, "fine\n"), out),
///     }
/// }
/// # let _ = answer;
/// ```
#[derive(Debug)]
pub enum AnyRequest<'h> {
    /// A request to open a WebSocket connection.
    Upgrade(Upgrade<'h>),
    /// Any other request.
    Plain(PlainRequest<'h>),
}

/// A request of HTTP/1.1 or HTTP/1.0 that is not for a WebSocket connection: a health check, a
/// page, a favicon.
///
/// Its syntax, `Host` and target have been checked (`Host` may be missing with HTTP/1.0), and
/// nothing else: the method can be any. A body is not read. Answer with one response, then close
/// the transport.
///
/// ```
/// use ws_proto::Input;
/// use ws_proto::handshake::{AnyRequest, Limits, PlainResponse, ServerHandshake};
///
/// let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
/// let mut out = Vec::new();
/// let mut read = *b"GET /health HTTP/1.1\r\nHost: example.com\r\n\r\n";
/// match handshake.receive_any(&mut Input::new(&mut read), &mut out)? {
///     Some(AnyRequest::Plain(request)) if request.target() == "/health" => {
///         request.respond(&PlainResponse::new(200).body(b"fine"), &mut out)?;
///     }
///     _ => unreachable!(),
/// }
/// assert!(out.ends_with(b"\r\n\r\nfine"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct PlainRequest<'h> {
    request: RequestHead<'h>,
    state: &'h mut ServerState,
}

impl<'h> PlainRequest<'h> {
    pub(super) fn new(request: RequestHead<'h>, state: &'h mut ServerState) -> Self {
        Self { request, state }
    }

    /// The method, as received.
    #[must_use]
    pub const fn method(&self) -> &'h str {
        syntax::ascii(self.request.method)
    }

    /// As [`Upgrade::target`].
    #[must_use]
    pub fn target(&self) -> &'h str {
        self.request.path()
    }

    /// As [`Upgrade::raw_target`].
    #[must_use]
    pub const fn raw_target(&self) -> &'h str {
        syntax::ascii(self.request.target)
    }

    /// As [`Upgrade::host`]; `None` if an HTTP/1.0 request has none.
    #[must_use]
    pub fn host(&self) -> Option<&'h str> {
        self.request.host()
    }

    /// All header fields.
    #[must_use]
    pub const fn headers(&self) -> Headers<'h> {
        self.request.headers
    }

    /// Writes `response`, whose status is 200 to 599, without its body if the method is HEAD. Then
    /// close the transport.
    ///
    /// # Errors
    ///
    /// [`HeadError`] if the response cannot be sent. Nothing is written, and the request can be
    /// answered again.
    pub fn respond<O: Output + ?Sized>(
        self,
        response: &PlainResponse<'_>,
        out: &mut O,
    ) -> Result<(), HeadError> {
        response.write(200, self.request.method == b"HEAD", out)?;
        *self.state = ServerState::Answered;
        Ok(())
    }

    /// Refuses the request as [`ServerHandshake::receive`](super::ServerHandshake::receive) does.
    /// Returns the reason.
    ///
    /// # Errors
    ///
    /// [`HeadError::OutputFull`]. Nothing is written, and the request can be answered again.
    ///
    /// ```
    /// use ws_proto::Input;
    /// use ws_proto::handshake::{AnyRequest, HandshakeError, Limits, ServerHandshake};
    ///
    /// let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    /// let mut out = Vec::new();
    /// let mut read = *b"GET /page HTTP/1.1\r\nHost: example.com\r\nUser-Agent: curl\r\n\r\n";
    /// let Some(AnyRequest::Plain(request)) = handshake.receive_any(&mut Input::new(&mut read), &mut out)?
    /// else {
    ///     panic!("it asks for a page");
    /// };
    /// assert_eq!((request.method(), request.raw_target()), ("GET", "/page"));
    /// assert_eq!(request.host(), Some("example.com"));
    /// assert_eq!(request.headers().get("user-agent"), Some(&b"curl"[..]));
    /// let reason: HandshakeError = request.refuse(&mut out)?;
    /// println!("{reason}");
    /// assert!(out.starts_with(b"HTTP/1.1 426 "));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn refuse<O: Output + ?Sized>(self, out: &mut O) -> Result<HandshakeError, HeadError> {
        let error = match *self.state {
            ServerState::Plain(error) => error,
            _ => HandshakeError::UpgradeInvalid,
        };
        response::refuse(error, self.request.method == b"HEAD", out)?;
        *self.state = ServerState::Failed(error);
        Ok(error)
    }
}
