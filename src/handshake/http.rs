//! Handshakes with the types of the crate `http` (feature `http`).
//!
//! For programs that use another HTTP implementation, such as hyper, axum or actix. That reads and
//! writes the heads; this module makes and checks the header fields of a WebSocket handshake. The
//! connection then runs over the upgraded stream.
//!
//! | you have | you want | use |
//! |---|---|---|
//! | a request of HTTP/1.1 | the response that accepts it | [`accept`] |
//! | a request of any version | the response that accepts it | [`accept_with_protocol`] |
//! | a request of any version | a look at it before it is answered | [`with_upgrade`] |
//! | an error of these | the response that refuses the request | [`refusal`] |
//! | a [`ClientRequest`] | the request to send, and a check of the answer | [`ClientUpgrade::start`], or for HTTP/2 and HTTP/3 [`ClientUpgrade::start_connect`] |
//! | a `HeaderMap` | [`ClientRequest::headers`], [`Upgrade::from_headers`] | [`fields`] |
//! | an [`Upgrade`], a [`PlainRequest`] | an `http::Request` | `TryFrom` |
//! | an [`Established`], a [`Refusal`] | an `http::Response` | `TryFrom` |
//!
//! ```
//! use ws_proto::handshake::Accept;
//!
//! // A request that an HTTP server has parsed.
//! let request = http::Request::get("/chat")
//!     .header("Host", "example.com")
//!     .header("Upgrade", "websocket")
//!     .header("Connection", "Upgrade")
//!     .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
//!     .header("Sec-WebSocket-Version", "13")
//!     .body(())?;
//! let (response, negotiated) = ws_proto::handshake::http::accept(&request, &Accept::new())?;
//! assert_eq!(response.status(), 101);
//! assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
//! // Connection::server(negotiated, Config::new()), once the response is sent.
//! # let _ = negotiated;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use ::http::uri::{Authority, PathAndQuery};
use ::http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
};

use super::accept::Accept;
use super::connect::ConnectEnabled;
use super::error::{HandshakeError, HeadError};
use super::established::{self, Established, Refusal};
use super::headers::Headers;
use super::negotiated::Negotiated;
use super::offered::Offered;
use super::origin_fault::OriginFault;
use super::plain::PlainRequest;
use super::pseudo_fields::PseudoFields;
use super::request::ClientRequest;
use super::upgrade::Upgrade;
use super::{connect_fields, key, parse, syntax};
use crate::buf::Storage;

/// Checks a request as [`ServerHandshake`](super::ServerHandshake) does, its `Origin` by
/// [`Accept::origins`], and makes the response that accepts it. Check the target before.
///
/// # Errors
///
/// [`UpgradeError::Handshake`] if it is no valid request for a WebSocket connection,
/// [`UpgradeError::Origin`] if its `Origin` is not allowed: answer both with [`refusal`].
/// [`UpgradeError::Head`] if `accept` does not fit it.
///
/// ```
/// use ws_proto::handshake::Accept;
/// use ws_proto::handshake::http::{accept, refusal};
///
/// let request = http::Request::get("/chat")
///     .header("host", "example.com")
///     .header("connection", "upgrade")
///     .header("upgrade", "websocket")
///     .header("sec-websocket-version", "13")
///     .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
///     .body(())?;
/// match accept(&request, &Accept::new()) {
///     Ok((response, negotiated)) => {
///         assert_eq!(response.status(), 101);
///         # let _ = negotiated; // for `WebSocket::server`, once the response is sent
///     }
///     Err(error) => println!("to send: {:?}", refusal(error)),
/// }
/// # Ok::<(), http::Error>(())
/// ```
pub fn accept<B>(
    request: &Request<B>,
    accept: &Accept<'_>,
) -> Result<(Response<()>, Negotiated), UpgradeError> {
    if is_multiplexed(request.version()) {
        return Err(HandshakeError::HttpVersion.into());
    }
    accept_with_protocol(request, None, accept)
}

/// As [`accept`], for a server that also speaks HTTP/2 or HTTP/3: a request of these is checked as
/// [`Upgrade::from_extended_connect`] does, and its response has the status 200. `protocol` is `:protocol`, for which
/// the crate `http` has no place; it has no meaning in a request of HTTP/1.1.
///
/// hyper has it among the extensions of the request:
/// `request.extensions().get::<hyper::ext::Protocol>().map(|protocol| protocol.as_str())`; the crate `h2` as
/// `h2::ext::Protocol`. The server has to announce that it takes such requests: hyper's
/// `http2::Builder::enable_connect_protocol`.
///
/// ```
/// use ws_proto::handshake::Accept;
/// use ws_proto::handshake::http::accept_with_protocol;
///
/// let request = http::Request::connect("https://example.com/chat")
///     .version(http::Version::HTTP_2)
///     .header("sec-websocket-version", "13")
///     .body(())?;
/// let (response, negotiated) = accept_with_protocol(&request, Some("websocket"), &Accept::new())?;
/// assert_eq!(response.status(), 200);
/// // Connection::server(negotiated, Config::new()), over the stream.
/// # let _ = negotiated;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// As `accept`.
pub fn accept_with_protocol<B>(
    request: &Request<B>,
    protocol: Option<&str>,
    accept: &Accept<'_>,
) -> Result<(Response<()>, Negotiated), UpgradeError> {
    with_upgrade(request, protocol, |upgrade| {
        response_to(upgrade, request.version(), accept)
    })
}

/// Checks a request of any version as [`accept_with_protocol`] does, but for its `Origin`, and calls `then` with it: to
/// look at it before it is answered, or to decide on its `Origin` earlier.
///
/// ```
/// use ws_proto::handshake::http::{UpgradeError, refusal, with_upgrade};
/// use ws_proto::handshake::{OriginPolicy, OriginRefused};
///
/// let request = http::Request::get("/chat")
///     .header("Host", "example.com")
///     .header("Origin", "https://evil.example")
///     .header("Upgrade", "websocket")
///     .header("Connection", "Upgrade")
///     .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
///     .header("Sec-WebSocket-Version", "13")
///     .body(())?;
/// let refused = with_upgrade(&request, None, |upgrade| -> Result<_, UpgradeError> {
///     let checked = upgrade.check_origin(&OriginPolicy::same_host());
///     Ok(checked.map_err(OriginRefused::from))
/// })?;
/// let error = refused.unwrap_err();
/// assert!(error.to_string().ends_with("(Origin \"https://evil.example\", Host \"example.com\")")); // for a log
/// assert_eq!(refusal(UpgradeError::Origin(error.fault())).status(), 403);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`HandshakeError`] if it is no valid request for a WebSocket connection: [`refusal`] makes the answer. The error of
/// `then`.
pub fn with_upgrade<B, T, E: From<HandshakeError>>(
    request: &Request<B>,
    protocol: Option<&str>,
    then: impl FnOnce(&Upgrade<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let version = request.version();
    let uri = request.uri();
    let fields = fields(request.headers());
    if !is_multiplexed(version) {
        if version != Version::HTTP_11 {
            return Err(HandshakeError::HttpVersion.into());
        }
        let target = uri.to_string();
        return then(&Upgrade::from_headers(
            request.method().as_str(),
            &target,
            &fields,
        )?);
    }
    let pseudo = PseudoFields {
        method: Some(request.method().as_str()),
        protocol,
        scheme: uri.scheme_str(),
        authority: uri.authority().map(Authority::as_str),
        path: uri.path_and_query().map(PathAndQuery::as_str),
    };
    then(&Upgrade::from_extended_connect(&pseudo, &fields)?)
}

pub(crate) fn status_code(status: u16) -> Result<StatusCode, HeadError> {
    StatusCode::from_u16(status).map_err(|_| HeadError::StatusInvalid)
}

fn response_to(
    upgrade: &Upgrade<'_>,
    version: Version,
    accept: &Accept<'_>,
) -> Result<(Response<()>, Negotiated), UpgradeError> {
    let answer = upgrade.answer(accept)?;
    let mut response = Response::new(());
    *response.version_mut() = version;
    *response.status_mut() = status_code(answer.status())?;
    for (name, value) in answer.fields() {
        let value = value.to_string();
        append(response.headers_mut(), name, value.as_bytes())?;
    }
    for (name, value) in accept.further_headers() {
        append(response.headers_mut(), name, value)?;
    }
    Ok((response, answer.negotiated()))
}

/// Whether requests are streams of one connection.
fn is_multiplexed(version: Version) -> bool {
    version == Version::HTTP_2 || version == Version::HTTP_3
}

/// The response that refuses a request, with the status and the fields of `error` and a text for a person as
/// body. It has nothing that the client has sent.
///
/// ```
/// use ws_proto::handshake::HandshakeError;
/// use ws_proto::handshake::http::refusal;
///
/// let response = refusal(HandshakeError::VersionUnsupported);
/// assert_eq!(response.status(), 426);
/// assert_eq!(response.headers()["sec-websocket-version"], "13");
/// ```
#[must_use]
pub fn refusal(error: impl Into<UpgradeError>) -> Response<String> {
    let (status, fields, body) = match error.into() {
        UpgradeError::Handshake(error) => (error.status(), error.fields(), error.body()),
        UpgradeError::Origin(fault) => (Some(403), EMPTY, fault.body()),
        // The mistake is the server's.
        UpgradeError::Head(_) => (Some(500), EMPTY, ""),
    };
    let mut response = Response::new(body.to_string());
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    *response.status_mut() = status.unwrap_or(StatusCode::BAD_REQUEST);
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let Ok(name) = name {
            response
                .headers_mut()
                .append(name, HeaderValue::from_static(value));
        }
    }
    response
}

/// The fields of a `HeaderMap`, for [`Headers::from_slice`] and [`ClientRequest::headers`].
///
/// ```
/// use ws_proto::handshake::Headers;
/// use ws_proto::handshake::http::fields;
///
/// let mut map = http::HeaderMap::new();
/// map.insert("cookie", http::HeaderValue::from_static("a=b"));
/// let list = fields(&map);
/// assert_eq!(Headers::from_slice(&list).get("Cookie"), Some(&b"a=b"[..]));
/// ```
#[must_use]
pub fn fields(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect()
}

/// A client's handshake whose heads go through an HTTP client, of HTTP/1.1 or of later versions.
///
/// It borrows nothing. It keeps the offered subprotocols and extensions in a [`Storage`] that the
/// caller provides.
///
/// ```
/// use ws_proto::Uri;
/// use ws_proto::handshake::ClientRequest;
/// use ws_proto::handshake::http::ClientUpgrade;
///
/// let request = ClientRequest::from_uri(Uri::parse("ws://example.com/chat")?);
/// let nonce = *b"the sample nonce"; // 16 random bytes
/// let (upgrade, request) = ClientUpgrade::start(request, nonce, Vec::new())?;
/// assert_eq!(request.uri(), "/chat");
/// assert_eq!(request.headers()["host"], "example.com");
///
/// // The server's answer.
/// let response = http::Response::builder()
///     .status(101)
///     .header("Upgrade", "websocket")
///     .header("Connection", "Upgrade")
///     .header("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
///     .body(())?;
/// let negotiated = upgrade.finish(&response)?;
/// // Connection::client(negotiated, Config::new(), keys), over the upgraded stream.
/// # let _ = negotiated;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ClientUpgrade<S> {
    offered: Offered,
    storage: S,
}

impl<S: Storage> ClientUpgrade<S> {
    /// Makes the request to send. Its URI is a path and its `Host` is set, as HTTP/1.1 requires.
    /// `storage` is cleared and keeps the offer.
    ///
    /// # Errors
    ///
    /// [`HeadError`] for what cannot be sent, [`HeadError::StorageFull`] if `storage` has no room
    /// for the offer.
    pub fn start(
        request: ClientRequest<'_>,
        nonce: [u8; 16],
        mut storage: S,
    ) -> Result<(Self, Request<()>), HeadError> {
        let key = key::encode_nonce(&nonce);
        let offered = Offered::store(&request, Some(key::accept_key(&key)), &mut storage)?;
        let mut head = Vec::new();
        request.write(&key, offered.lists(storage.bytes()), &mut head)?;
        let written = parse::RequestHead::of(&head);
        let request = request_of(
            syntax::ascii(written.method),
            syntax::ascii(written.target),
            &written.headers,
        )
        .map_err(|_| HeadError::TargetInvalid)?;
        Ok((Self { offered, storage }, request))
    }

    /// Makes the request to send on a stream of HTTP/2 or HTTP/3, an Extended CONNECT. Its URI is absolute and its version
    /// HTTP/2; set another for HTTP/3. `storage` is cleared and keeps the offer.
    ///
    /// The crate `http` has no place for `:protocol`. Add it as the HTTP client wants it, with the value
    /// [`PseudoFields::WEBSOCKET`]. For hyper:
    /// `request.extensions_mut().insert(hyper::ext::Protocol::from_static("websocket"))`.
    ///
    /// ```
    /// use ws_proto::Uri;
    /// use ws_proto::handshake::http::ClientUpgrade;
    /// use ws_proto::handshake::{ClientRequest, ConnectEnabled};
    ///
    /// let enabled = ConnectEnabled::from_setting(1).expect("the server takes no WebSocket connections");
    /// let request = ClientRequest::from_uri(Uri::parse("wss://example.com/chat")?);
    /// let (upgrade, request) = ClientUpgrade::start_connect(request, enabled, Vec::new())?;
    /// assert_eq!((request.method().as_str(), request.uri().to_string().as_str()), ("CONNECT", "https://example.com/chat"));
    ///
    /// // The server's answer.
    /// let response = http::Response::builder().version(http::Version::HTTP_2).body(())?;
    /// let negotiated = upgrade.finish(&response)?;
    /// // Connection::client(negotiated, Config::new(), keys), over the stream.
    /// # let _ = negotiated;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`HeadError`] for what cannot be sent, [`HeadError::SchemeMissing`] for a request that is made of parts and
    /// does not say whether it is [secure](ClientRequest::secure), [`HeadError::StorageFull`] if `storage` has
    /// too little room.
    pub fn start_connect(
        request: ClientRequest<'_>,
        _: ConnectEnabled,
        mut storage: S,
    ) -> Result<(Self, Request<()>), HeadError> {
        let (offered, request) =
            connect_request(|field| connect_fields::start(&request, &mut storage, field))?;
        Ok((Self { offered, storage }, request))
    }

    /// Checks the answer. [`Extensions::parse`] reads the extensions of the answer from its
    /// [`fields`].
    ///
    /// # Errors
    ///
    /// [`HandshakeError`]: with [`Refused`](HandshakeError::Refused) the response is the refusal.
    ///
    /// [`Extensions::parse`]: super::Extensions::parse
    pub fn finish<B>(&self, response: &Response<B>) -> Result<Negotiated, HandshakeError> {
        let status = response.status().as_u16();
        let (offers, _) = self.offered.split(self.storage.bytes());
        let on_stream = offers.accept().is_none();
        match status {
            101 if !on_stream => {}
            200..=299 if on_stream => {}
            _ => return Err(HandshakeError::Refused { status }),
        }
        let version = response.version();
        if on_stream != is_multiplexed(version) || version < Version::HTTP_11 {
            return Err(HandshakeError::HttpVersion);
        }
        let fields = fields(response.headers());
        let headers = Headers::from_slice(&fields);
        if on_stream {
            return established::check_on_stream(&headers, &offers);
        }
        let found = established::ResponseFields::of(&headers);
        established::check(1, &found, &headers, &offers)
    }
}

/// The Extended CONNECT whose fields `start` passes on.
pub(crate) fn connect_request<T>(
    start: impl FnOnce(&mut dyn FnMut(&str, &[u8])) -> Result<T, HeadError>,
) -> Result<(T, Request<()>), HeadError> {
    let mut uri = [const { String::new() }; 3];
    let (mut headers, mut appended) = (HeaderMap::new(), Ok(()));
    let started = start(&mut |name, value| {
        let part = match name {
            ":scheme" => &mut uri[0],
            ":authority" => &mut uri[1],
            ":path" => &mut uri[2],
            _ if name.starts_with(':') => return,
            _ => {
                appended = appended.and_then(|()| append(&mut headers, name, value));
                return;
            }
        };
        part.push_str(syntax::ascii(value));
    })?;
    appended?;
    let [scheme, authority, path] = &uri;
    let uri = Uri::builder()
        .scheme(scheme.as_str())
        .authority(authority.as_str())
        .path_and_query(path.as_str())
        .build()
        .map_err(|_| HeadError::TargetInvalid)?;
    let mut request = Request::new(());
    *request.method_mut() = Method::CONNECT;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Ok((started, request))
}

/// Why a request cannot be accepted.
///
/// ```
/// use ws_proto::handshake::http::{UpgradeError, refusal};
/// use ws_proto::handshake::OriginFault;
///
/// fn log_and_answer(error: UpgradeError) -> http::Response<String> {
///     eprintln!("refused: {error}");
///     refusal(error)
/// }
/// assert_eq!(log_and_answer(UpgradeError::Origin(OriginFault::OtherHost)).status(), 403);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UpgradeError {
    /// The request is no valid request for a WebSocket connection.
    Handshake(HandshakeError),
    /// The answer names something that was not offered, or cannot be sent.
    Head(HeadError),
    /// The request's `Origin` is not allowed by [`Accept::origins`].
    Origin(OriginFault),
}

impl fmt::Display for UpgradeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handshake(error) => error.fmt(f),
            Self::Head(error) => error.fmt(f),
            Self::Origin(fault) => fault.fmt(f),
        }
    }
}

impl core::error::Error for UpgradeError {}

impl From<HandshakeError> for UpgradeError {
    fn from(error: HandshakeError) -> Self {
        Self::Handshake(error)
    }
}

impl From<HeadError> for UpgradeError {
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::OriginRefused(fault) => Self::Origin(fault),
            error => Self::Head(error),
        }
    }
}

/// An Extended CONNECT becomes a request of HTTP/2 with an absolute URI, without `:protocol`.
impl TryFrom<&Upgrade<'_>> for Request<()> {
    type Error = ::http::Error;

    fn try_from(upgrade: &Upgrade<'_>) -> Result<Self, ::http::Error> {
        let headers = upgrade.headers();
        let Some(scheme) = upgrade.scheme() else {
            return request_of("GET", upgrade.raw_target(), &headers);
        };
        let uri = alloc::format!("{scheme}://{}{}", upgrade.host(), upgrade.raw_target());
        let mut request = request_of("CONNECT", &uri, &headers)?;
        *request.version_mut() = Version::HTTP_2;
        Ok(request)
    }
}

impl TryFrom<&PlainRequest<'_>> for Request<()> {
    type Error = ::http::Error;

    fn try_from(plain: &PlainRequest<'_>) -> Result<Self, ::http::Error> {
        request_of(plain.method(), plain.raw_target(), &plain.headers())
    }
}

/// An answer on a stream of HTTP/2 or HTTP/3 becomes a response of HTTP/2.
impl TryFrom<&Established<'_>> for Response<()> {
    type Error = ::http::Error;

    fn try_from(established: &Established<'_>) -> Result<Self, ::http::Error> {
        let status = established.status();
        let mut response = response_of(status, &established.headers(), ())?;
        if status != 101 {
            *response.version_mut() = Version::HTTP_2;
        }
        Ok(response)
    }
}

impl TryFrom<&Refusal<'_>> for Response<Vec<u8>> {
    type Error = ::http::Error;

    fn try_from(refusal: &Refusal<'_>) -> Result<Self, ::http::Error> {
        response_of(
            refusal.status(),
            &refusal.headers(),
            refusal.body().to_vec(),
        )
    }
}

fn request_of(
    method: &str,
    target: &str,
    headers: &Headers<'_>,
) -> Result<Request<()>, ::http::Error> {
    let mut builder = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        builder = builder.header(name, value);
    }
    builder.body(())
}

fn response_of<B>(
    status: u16,
    headers: &Headers<'_>,
    body: B,
) -> Result<Response<B>, ::http::Error> {
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(name, value);
    }
    builder.body(body)
}

const EMPTY: &[(&str, &str)] = &[];

pub(crate) fn append(headers: &mut HeaderMap, name: &str, value: &[u8]) -> Result<(), HeadError> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| HeadError::HeaderNameInvalid)?;
    let value = HeaderValue::from_bytes(value).map_err(|_| HeadError::HeaderValueInvalid)?;
    headers.append(name, value);
    Ok(())
}
