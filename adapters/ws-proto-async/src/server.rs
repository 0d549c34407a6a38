//! A server's handshake: look at the request, then decide.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use ws_proto::handshake::{
    Accept, HandshakeError, HeadError, Incoming as Parsed, OriginPolicy, PlainResponse,
    ServerHandshake,
};
use ws_proto::{EitherRole, Input, Instant, Negotiated};

use crate::buffer::with_buffer;
use crate::core::driver;
use crate::error::AcceptError;
use crate::io::Io;
use crate::offer::{Agreed, Offer, OwnedOffer};
use crate::options::Options;
use crate::response::Headers;
use crate::socket::WebSocket;

/// What a server accepts, for those who need not look at each request.
///
/// By default: every path, pages of the same host and programs that are not browsers, no
/// subprotocol.
///
/// ```
/// use ws_proto_async::{Acceptor, OriginPolicy};
///
/// let acceptor = Acceptor::new()
///     .path("/chat")
///     .origins(OriginPolicy::const_list(&["https://example.com"]))
///     .subprotocols(&["chat.v2", "chat.v1"]);
/// # let _ = acceptor;
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Acceptor<'a> {
    path: Option<&'a str>,
    origins: OriginPolicy<'a>,
    subprotocols: &'a [&'a str],
    offer: Offer<'a>,
    options: Options,
}

impl<'a> Acceptor<'a> {
    /// The defaults.
    pub const fn new() -> Self {
        Self {
            path: None,
            origins: OriginPolicy::same_host(),
            subprotocols: &[],
            offer: Offer::NONE,
            options: Options::new(),
        }
    }

    /// Only this path, with any query; others get a 404.
    pub const fn path(mut self, path: &'a str) -> Self {
        self.path = Some(path);
        self
    }

    /// Which sites may connect from a browser; others get a 403.
    pub const fn origins(mut self, origins: OriginPolicy<'a>) -> Self {
        self.origins = origins;
        self
    }

    /// The subprotocols that are spoken, the favourite first. A client that offers none of them is
    /// accepted without one.
    pub const fn subprotocols(mut self, subprotocols: &'a [&'a str]) -> Self {
        self.subprotocols = subprotocols;
        self
    }

    /// Agrees to permessage-deflate with clients that offer it; without this, messages are not
    /// compressed. [`WebSocket::deflate`] tells what was agreed on.
    ///
    /// What is secret should not be compressed together with what others can choose: see
    /// [`WebSocket::send_uncompressed`].
    #[cfg(feature = "deflate")]
    #[cfg_attr(docsrs, doc(cfg(feature = "deflate")))]
    pub const fn deflate(mut self, deflate: &'a ws_proto::extension::deflate::Deflate) -> Self {
        self.offer = Offer::new(deflate);
        self
    }

    /// Limits, timers and modes.
    pub const fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }
}

impl Default for Acceptor<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// Answers a client's handshake.
///
/// Dropping the future drops the stream: there is no connection then.
///
/// # Errors
///
/// [`AcceptError`]; the client has got its answer.
pub async fn accept<T: Io>(io: T, acceptor: Acceptor<'_>) -> Result<WebSocket<T>, AcceptError> {
    let mut incoming = read_request(io, acceptor.options).await?;
    incoming.offer = acceptor.offer.to_owned();
    let request = incoming.request();
    let refused = if !request.is_upgrade() {
        None
    } else if acceptor.path.is_some_and(|path| path != request.path()) {
        Some(404)
    } else if !request.is_allowed_by(&acceptor.origins) {
        Some(403)
    } else {
        None
    };
    if let Some(status) = refused {
        incoming.respond(&PlainResponse::new(status)).await?;
        return Err(AcceptError::Refused { status });
    }
    let subprotocol = request.choose_subprotocol(acceptor.subprotocols);
    incoming
        .accept(
            &Accept::new()
                .maybe_subprotocol(subprotocol)
                .origins(acceptor.origins),
        )
        .await
}

/// Reads a client's request, to look at it and decide.
///
/// Dropping the future drops the stream.
///
/// # Errors
///
/// [`AcceptError`] for what is not a valid request of HTTP; the client has got its answer.
pub async fn read_request<T: Io>(mut io: T, options: Options) -> Result<Incoming<T>, AcceptError> {
    let limits = options.limits_within(options.handshake_time);
    let mut handshake = ServerHandshake::new(Vec::new(), limits);
    let mut out = Vec::new();
    let read = poll_fn(|cx| poll_request(&mut io, &mut handshake, &mut out, cx)).await;
    match read {
        Ok((request, received)) => Ok(Incoming {
            io,
            handshake,
            request,
            received,
            offer: Offer::NONE.to_owned(),
            options,
        }),
        Err(error) => {
            finish(&mut io, &out, options.linger).await;
            Err(error)
        }
    }
}

fn poll_request<T: Io>(
    io: &mut T,
    handshake: &mut ServerHandshake<Vec<u8>>,
    out: &mut Vec<u8>,
    cx: &mut Context<'_>,
) -> Poll<Result<(Request, Vec<u8>), AcceptError>> {
    let mut reads = 0;
    loop {
        let read = with_buffer(|buffer| match io.poll_read(cx, buffer) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(AcceptError::Io(error))),
            Poll::Ready(Ok(0)) => {
                let ended = handshake.receive_eof().err();
                let error = ended.unwrap_or(HandshakeError::UnexpectedEof);
                Poll::Ready(Err(AcceptError::Handshake(error)))
            }
            Poll::Ready(Ok(n)) => {
                let mut input = Input::new(buffer.get_mut(..n).unwrap_or_default());
                Poll::Ready(match handshake.receive_any(&mut input, out) {
                    Ok(Some(parsed)) => {
                        let request = Request::of(&parsed);
                        Ok(Some((request, input.bytes().to_vec())))
                    }
                    Ok(None) => Ok(None),
                    Err(error) => Err(error.into()),
                })
            }
        });
        match read {
            Poll::Ready(Ok(Some(request))) => return Poll::Ready(Ok(request)),
            Poll::Ready(Ok(None)) if reads < READS => reads += 1,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            paused => match handshake.tick(io.now(), out) {
                Err(error) => return Poll::Ready(Err(AcceptError::TimedOut(error))),
                Ok(deadline) if wait(io, paused.is_ready(), deadline, cx) => return Poll::Pending,
                Ok(_) => {}
            },
        }
    }
}

/// After so many reads a handshake looks at the time though the stream always has more, and others get
/// their turn.
pub(crate) const READS: u8 = 32;

/// Whether to wait: for the stream, or for others that get their turn, until `deadline` at the latest.
pub(crate) fn wait<T: Io>(
    io: &mut T,
    has_more: bool,
    deadline: Option<Instant>,
    cx: &mut Context<'_>,
) -> bool {
    if has_more {
        cx.waker().wake_by_ref();
        return true;
    }
    deadline.is_none_or(|deadline| io.poll_until(cx, deadline).is_pending())
}

/// A client's request on its stream: look at it, then [`accept`](Self::accept) or
/// [`respond`](Self::respond), at once or later.
pub struct Incoming<T> {
    io: T,
    handshake: ServerHandshake<Vec<u8>>,
    request: Request,
    received: Vec<u8>,
    offer: OwnedOffer,
    options: Options,
}

impl<T: Io> Incoming<T> {
    /// The request.
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// The stream.
    pub fn get_ref(&self) -> &T::Stream {
        self.io.stream()
    }

    /// Other limits, timers and modes for the connection, such as a bigger message for this path.
    #[must_use]
    pub const fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Agrees to permessage-deflate if the client offers it, as [`Acceptor::deflate`] does; in place
    /// of the extensions that [`accept`](Self::accept) is told.
    #[cfg(feature = "deflate")]
    #[cfg_attr(docsrs, doc(cfg(feature = "deflate")))]
    #[must_use]
    pub fn deflate(mut self, deflate: &ws_proto::extension::deflate::Deflate) -> Self {
        self.offer = Offer::new(deflate).to_owned();
        self
    }

    /// Accepts: writes the 101.
    ///
    /// Dropping the future drops the stream: there is no connection then.
    ///
    /// # Errors
    ///
    /// [`AcceptError::Head`] if `accept` is not possible, [`AcceptError::Handshake`] if the request
    /// was not for a WebSocket connection; the client has got its answer.
    pub async fn accept(mut self, accept: &Accept<'_>) -> Result<WebSocket<T>, AcceptError> {
        let mut out = Vec::new();
        let (negotiated, agreed, subprotocol) = match self.answer(accept, &mut out) {
            Ok(accepted) => accepted,
            Err(error) => {
                finish(&mut self.io, &out, self.options.linger).await;
                return Err(error);
            }
        };
        write_all(&mut self.io, &out, self.options.handshake_time).await?;
        let driver = driver(EitherRole::server(), negotiated, &self.options);
        let driver = self.offer.as_offer().apply(agreed, driver);
        let subprotocol = subprotocol.as_deref();
        Ok(WebSocket::new(self.io, driver, &self.received, subprotocol))
    }

    fn answer(
        &mut self,
        accept: &Accept<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(Negotiated, Agreed, Option<String>), AcceptError> {
        let parsed = self.handshake.receive_any(&mut Input::default(), out);
        let accepted = match parsed? {
            Some(Parsed::Upgrade(upgrade)) => {
                let element = self.offer.answer(upgrade.extensions());
                let extension = element.extension();
                let accept = match &extension {
                    Some(extension) => accept.extensions(std::slice::from_ref(extension)),
                    None => *accept,
                };
                let accepted = upgrade.accept(&accept, out);
                accepted.map(|negotiated| (negotiated, element.agreed()))
            }
            Some(Parsed::Plain(plain)) => {
                let error = plain.refuse(out).map_err(AcceptError::Head)?;
                return Err(AcceptError::Handshake(error));
            }
            // It is answered but once, since that consumes it.
            None => Err(HeadError::OutputFull),
        };
        match accepted {
            Ok((negotiated, agreed)) => {
                let subprotocol = accept.chosen_subprotocol().map(Into::into);
                Ok((negotiated, agreed, subprotocol))
            }
            Err(error) => {
                if let Some(upgrade) = self.handshake.upgrade() {
                    let _ = upgrade.reject(&PlainResponse::new(500), out);
                }
                Err(AcceptError::Head(error))
            }
        }
    }

    /// Answers with another response: refuses, redirects, or serves a page. Then the stream is
    /// closed.
    ///
    /// # Errors
    ///
    /// [`AcceptError::Head`] if that cannot be sent.
    pub async fn respond(mut self, response: &PlainResponse<'_>) -> Result<(), AcceptError> {
        let mut out = Vec::new();
        let parsed = self.handshake.receive_any(&mut Input::default(), &mut out);
        let written = match parsed? {
            Some(Parsed::Upgrade(upgrade)) => upgrade.reject(response, &mut out),
            Some(Parsed::Plain(plain)) => plain.respond(response, &mut out),
            None => Err(HeadError::OutputFull),
        };
        if written.is_ok() {
            write_all(&mut self.io, &out, self.options.handshake_time).await?;
            out.clear();
        }
        finish(&mut self.io, &out, self.options.linger).await;
        written.map_err(AcceptError::Head)
    }
}

impl<T> fmt::Debug for Incoming<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

/// A client's request.
#[derive(Clone, Debug)]
pub struct Request {
    method: Box<str>,
    target: Box<str>,
    host: Box<str>,
    headers: Headers,
    is_upgrade: bool,
}

impl Request {
    fn of(parsed: &Parsed<'_>) -> Self {
        match parsed {
            Parsed::Upgrade(upgrade) => Self {
                method: "GET".into(),
                target: upgrade.target().into(),
                host: upgrade.host().into(),
                headers: Headers::of(&upgrade.headers()),
                is_upgrade: true,
            },
            Parsed::Plain(plain) => Self {
                method: plain.method().into(),
                target: plain.target().into(),
                host: plain.host().unwrap_or_default().into(),
                headers: Headers::of(&plain.headers()),
                is_upgrade: false,
            },
        }
    }

    /// Whether it asks for a WebSocket connection; else it is a plain request of HTTP, for a page or
    /// a health check, and has been looked at no further.
    pub const fn is_upgrade(&self) -> bool {
        self.is_upgrade
    }

    /// The method; `GET` for a WebSocket connection.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Path and query, such as `/chat?room=1`.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The path, such as `/chat`.
    pub fn path(&self) -> &str {
        match self.target.split_once('?') {
            Some((path, _)) => path,
            None => &self.target,
        }
    }

    /// The query, such as `room=1`.
    pub fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    /// `host[:port]`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The header fields.
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// `Origin`: which site's script is asking.
    pub fn origin(&self) -> Option<&[u8]> {
        self.headers.get("Origin")
    }

    /// Whether a site's script may ask this.
    pub fn is_allowed_by(&self, origins: &OriginPolicy<'_>) -> bool {
        origins.allows_origin(self.origin(), self.host())
    }

    /// The subprotocols that the client offers, its favourite first.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        self.headers
            .get_all("Sec-WebSocket-Protocol")
            .flat_map(|value| value.split(|byte| *byte == b','))
            .filter_map(|offered| std::str::from_utf8(offered.trim_ascii()).ok())
            .filter(|offered| !offered.is_empty())
    }

    /// The first of `preferred` that the client offers.
    pub fn choose_subprotocol<'p>(&self, preferred: &[&'p str]) -> Option<&'p str> {
        let offered = |wanted: &&'p str| self.subprotocols().any(|offered| offered == *wanted);
        preferred.iter().copied().find(offered)
    }
}

/// Writes all of `bytes`, if that takes no longer than `time`.
async fn write_all<T: Io>(io: &mut T, bytes: &[u8], time: Duration) -> io::Result<()> {
    let deadline = io.now() + time;
    let mut written = 0;
    poll_fn(|cx| poll_write_all(io, bytes, &mut written, deadline, cx)).await
}

/// Goes on writing `bytes`, of which so many are `written`.
pub(crate) fn poll_write_all<T: Io>(
    io: &mut T,
    bytes: &[u8],
    written: &mut usize,
    deadline: Instant,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    loop {
        let rest = bytes.get(*written..).unwrap_or_default();
        let polled = if rest.is_empty() {
            io.poll_flush(cx).map_ok(|()| None)
        } else {
            io.poll_write(cx, &[io::IoSlice::new(rest)]).map_ok(Some)
        };
        match polled {
            Poll::Ready(Ok(None)) => return Poll::Ready(Ok(())),
            Poll::Ready(Ok(Some(0))) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Ready(Ok(Some(n))) => *written += n,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => {
                return io
                    .poll_until(cx, deadline)
                    .map(|()| Err(io::ErrorKind::TimedOut.into()));
            }
        }
    }
}

/// Writes the last words and ends the stream. What the peer still sends is read for a moment: left
/// unread, it would make the system reset the connection and the peer lose the answer.
async fn finish<T: Io>(io: &mut T, bytes: &[u8], time: Duration) {
    let deadline = io.now() + time;
    if write_all(io, bytes, time).await.is_err() {
        return;
    }
    let mut left = MAX_LINGER;
    let mut is_shut = false;
    poll_fn(|cx| {
        while !is_shut {
            match io.poll_shutdown(cx) {
                Poll::Pending => return io.poll_until(cx, deadline),
                Poll::Ready(_) => is_shut = true,
            }
        }
        while left > 0 {
            match with_buffer(|buffer| io.poll_read(cx, buffer)) {
                Poll::Pending => return io.poll_until(cx, deadline),
                Poll::Ready(Ok(n @ 1..)) => left = left.saturating_sub(n),
                Poll::Ready(_) => break,
            }
        }
        Poll::Ready(())
    })
    .await;
}

/// How many bytes are read and dropped behind a refused request.
const MAX_LINGER: usize = 1 << 20;
