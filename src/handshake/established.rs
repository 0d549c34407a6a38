//! A server's answer: accepted and checked, or a refusal.

use core::fmt;
use core::time::Duration;

use super::accept::SUBPROTOCOL;
use super::connect_check;
use super::error::HandshakeError;
use super::extensions::{self, Extensions, MAX_EXTENSIONS};
use super::headers::Headers;
use super::negotiated::Negotiated;
use super::offer;
use super::offered::Offers;
use super::parse::ResponseHead;
use super::request_check::{Single, has_token, is};
use super::syntax;
use crate::frame::Rsv;
use crate::reconnect;

/// The server has accepted. [`Connection::client`](crate::Connection::client) takes
/// [`negotiated`](Self::negotiated).
///
/// ```
/// use ws_proto::handshake::Established;
/// use ws_proto::{Client, Config, Connection, MaskSource};
///
/// fn connect<M: MaskSource>(established: &Established<'_>, keys: M) -> Connection<Client<M>> {
///     println!("status: {}", established.status());
///     println!("subprotocol: {:?}", established.subprotocol());
///     println!("extensions: {}", established.extensions().count());
///     println!("server: {:?}", established.headers().get("Server"));
///     Connection::client(established.negotiated(), Config::new(), keys)
/// }
/// # use ws_proto::handshake::{ClientHandshake, ClientRequest, Limits};
/// # let request = ClientRequest::new("example.com", "/chat");
/// # let mut handshake = ClientHandshake::start(
/// #     request, *b"the sample nonce", Vec::new(), Limits::new(), &mut Vec::new())?;
/// # let mut read = *b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
/// #     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
/// # let mut input = ws_proto::Input::new(&mut read);
/// # connect(&handshake.receive(&mut input)?.expect("it is whole"), || [0; 4]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Established<'h> {
    status: u16,
    headers: Headers<'h>,
    negotiated: Negotiated,
}

impl<'h> Established<'h> {
    pub(super) fn new(status: u16, head: &'h [u8], negotiated: Negotiated) -> Self {
        Self {
            status,
            headers: ResponseHead::of(head).headers,
            negotiated,
        }
    }

    /// The status code: 101, or 2xx on a stream of HTTP/2 or HTTP/3.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The result of the handshake.
    #[must_use]
    pub const fn negotiated(&self) -> Negotiated {
        self.negotiated
    }

    /// The subprotocol in use, if any; one of those offered.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&'h str> {
        self.headers.get(SUBPROTOCOL).map(syntax::ascii)
    }

    /// The extensions in use, in the order in which they process the server's messages (RFC 6455
    /// 9.1).
    #[must_use]
    pub const fn extensions(&self) -> Extensions<'h> {
        Extensions::of(&self.headers)
    }

    /// All header fields.
    #[must_use]
    pub const fn headers(&self) -> Headers<'h> {
        self.headers
    }
}

/// The HTTP response of a server that refused.
///
/// ```
/// use core::time::Duration;
/// use ws_proto::Input;
/// use ws_proto::handshake::{ClientHandshake, ClientRequest, Limits};
///
/// let request = ClientRequest::new("example.com", "/chat");
/// let mut handshake =
///     ClientHandshake::start(request, [7; 16], Vec::new(), Limits::new(), &mut Vec::new())?;
/// let mut read = *b"HTTP/1.1 503 Busy\r\nRetry-After: 120\r\nContent-Length: 6\r\n\r\nlater\n";
/// handshake.receive(&mut Input::new(&mut read)).unwrap_err();
/// let refusal = handshake.refusal().expect("a response");
/// assert_eq!((refusal.status(), refusal.reason()), (503, &b"Busy"[..]));
/// assert_eq!(refusal.headers().get("content-length"), Some(&b"6"[..]));
/// assert_eq!(refusal.retry_after(), Some(Duration::from_secs(120)));
/// assert_eq!((refusal.body(), refusal.is_body_complete()), (&b"later\n"[..], true));
/// # Ok::<(), ws_proto::handshake::HeadError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Refusal<'h> {
    status: u16,
    line: ResponseHead<'h>,
    body: &'h [u8],
    complete: bool,
}

impl<'h> Refusal<'h> {
    pub(super) fn new(stored: &'h [u8], head: usize, status: u16, complete: bool) -> Self {
        let (head, body) = stored.split_at_checked(head).unwrap_or_default();
        Self {
            status,
            line: ResponseHead::of(head),
            body,
            complete,
        }
    }

    /// The status code.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The reason phrase, which can be empty and need not be ASCII. On a stream of HTTP/2 or HTTP/3 there is none.
    #[must_use]
    pub const fn reason(&self) -> &'h [u8] {
        self.line.reason
    }

    /// All header fields: `Location`, `Retry-After`, `WWW-Authenticate`, and with 426
    /// `Sec-WebSocket-Version`, a list of the versions that the server supports (RFC 6455 4.4).
    #[must_use]
    pub const fn headers(&self) -> Headers<'h> {
        self.line.headers
    }

    /// The received part of the body, up to [`Limits::body_bytes`](super::Limits::body_bytes).
    /// Chunks are joined; other transfer codings and content codings are not decoded.
    #[must_use]
    pub const fn body(&self) -> &'h [u8] {
        self.body
    }

    /// How long the server asks to wait, in `Retry-After`; `None` without one, or if it is a date.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.headers()
            .get("Retry-After")
            .and_then(reconnect::retry_after)
    }

    /// The kind of end, for a [`Backoff`](reconnect::Backoff).
    ///
    /// ```
    /// use core::time::Duration;
    /// use ws_proto::handshake::Refusal;
    /// use ws_proto::reconnect::Backoff;
    ///
    /// # use ws_proto::Instant;
    /// fn wait(refusal: &Refusal<'_>, backoff: &mut Backoff, now: Instant, random: u64)
    /// -> Option<Duration> {
    ///     backoff.ended(now, refusal.end(), random)
    /// }
    /// # let _ = wait;
    /// ```
    #[must_use]
    pub fn end(&self) -> reconnect::End {
        reconnect::End::Refused {
            status: self.status,
            retry_after: self.retry_after(),
        }
    }

    /// Whether [`body`](Self::body) is known to be all of it.
    #[must_use]
    pub const fn is_body_complete(&self) -> bool {
        self.complete
    }
}

/// Writes no values of header fields, nor the body: they can be secrets.
impl fmt::Debug for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal")
            .field("status", &self.status)
            .field("headers", &self.line.headers)
            .finish_non_exhaustive()
    }
}

/// The header fields that a 101 is checked for.
#[derive(Clone, Copy, Default)]
pub(super) struct ResponseFields<'h> {
    upgrade: Single<'h>,
    accept: Single<'h>,
    subprotocol: Single<'h>,
    /// `Connection` names `upgrade`.
    connection: bool,
    has_extensions: bool,
}

impl<'h> ResponseFields<'h> {
    pub(super) fn of(headers: &Headers<'h>) -> Self {
        let mut fields = Self::default();
        for (name, value) in headers.raw() {
            fields.add(name, value);
        }
        fields
    }

    /// Adds a field. `value` can have whitespace around it.
    #[inline]
    pub(super) fn add(&mut self, name: &[u8], value: &'h [u8]) {
        match name.len() {
            7 if is(name, b"upgrade") => self.upgrade.add(value),
            10 if is(name, b"connection") => self.connection |= has_token(value, b"upgrade"),
            20 if is(name, b"sec-websocket-accept") => self.accept.add(value),
            22 if is(name, b"sec-websocket-protocol") => self.subprotocol.add(value),
            24 if is(name, b"sec-websocket-extensions") => self.has_extensions = true,
            _ => {}
        }
    }
}

/// Checks a 101 against what the client offered (RFC 6455 4.1).
pub(super) fn check(
    minor_version: u8,
    fields: &ResponseFields<'_>,
    headers: &Headers<'_>,
    offers: &Offers<'_, '_>,
) -> Result<Negotiated, HandshakeError> {
    if minor_version != 1 {
        return Err(HandshakeError::HttpVersion);
    }
    match fields.upgrade {
        Single::Once(protocol) if is(protocol, b"websocket") => {}
        _ => return Err(HandshakeError::UpgradeInvalid),
    }
    if !fields.connection {
        return Err(HandshakeError::ConnectionInvalid);
    }
    match fields.accept {
        Single::Once(text) if offers.accept().is_some_and(|key| text == key.as_bytes()) => {}
        _ => return Err(HandshakeError::AcceptInvalid),
    }
    // Some servers send Content-Length or Transfer-Encoding in a 101. Neither has a meaning there: a
    // response with status 1xx ends at the empty line whatever its fields say (RFC 9112 6.3).
    check_agreement(fields, headers, offers)
}

/// Checks a 2xx on a stream of HTTP/2 or HTTP/3 against what the client offered (RFC 8441 5). Its
/// `Content-Length` is ignored (RFC 9110 9.3.6).
pub(super) fn check_on_stream(
    headers: &Headers<'_>,
    offers: &Offers<'_, '_>,
) -> Result<Negotiated, HandshakeError> {
    connect_check::fields(headers)?;
    check_agreement(&ResponseFields::of(headers), headers, offers)
}

fn check_agreement(
    fields: &ResponseFields<'_>,
    headers: &Headers<'_>,
    offers: &Offers<'_, '_>,
) -> Result<Negotiated, HandshakeError> {
    check_subprotocol(fields.subprotocol, offers)?;
    if !fields.has_extensions {
        return Ok(Negotiated::new());
    }
    check_extensions(headers, offers)
}

fn check_subprotocol(answer: Single<'_>, offers: &Offers<'_, '_>) -> Result<(), HandshakeError> {
    match answer {
        Single::Once(chosen) if !syntax::is_token(chosen) => {
            Err(HandshakeError::SubprotocolInvalid)
        }
        Single::Once(chosen) if !offers.has_subprotocol(chosen) => {
            Err(HandshakeError::SubprotocolNotOffered)
        }
        Single::Once(_) => Ok(()),
        Single::Missing if offers.needs_subprotocol() => Err(HandshakeError::SubprotocolMissing),
        Single::Missing => Ok(()),
        Single::Repeated => Err(HandshakeError::SubprotocolInvalid),
    }
}

fn check_extensions(
    headers: &Headers<'_>,
    offers: &Offers<'_, '_>,
) -> Result<Negotiated, HandshakeError> {
    extensions::check(headers)?;
    // Both lists are read once: `scaling/extensions of an answer` of the benchmarks. Neither has more
    // elements than the arrays.
    let mut offered = [None; MAX_EXTENSIONS];
    for (place, offer) in offered.iter_mut().zip(offers.extensions()) {
        *place = Some(offer);
    }
    let mut rsv = Rsv::NONE;
    let mut names = [""; MAX_EXTENSIONS];
    let mut index = 0_usize;
    for answer in Extensions::of(headers) {
        if names.iter().take(index).any(|name| *name == answer.name()) {
            return Err(HandshakeError::ExtensionRepeated);
        }
        if let Some(name) = names.get_mut(index) {
            *name = answer.name();
        }
        index = index.saturating_add(1);
        // The fault is that of the first alternative, the client's favourite.
        let mut used = Err(HandshakeError::ExtensionNotOffered);
        let mut faulty = false;
        for (offer, bits, check) in offered.iter().flatten() {
            if offer.name() != answer.name() {
                continue;
            }
            match check.map_or(Ok(()), |check| check(offer, &answer)) {
                Ok(()) => {
                    used = Ok(*bits);
                    break;
                }
                Err(fault) if !faulty => used = Err(fault.into()),
                Err(_) => {}
            }
            faulty = true;
        }
        rsv = offer::join_rsv(rsv, used?).ok_or(HandshakeError::ExtensionRepeated)?;
    }
    Ok(Negotiated::new().with_rsv(rsv))
}
