use alloc::boxed::Box;
use core::error::Error;
use core::fmt;

use super::{ConnectTimeout, ProxyScheme, ProxyUriError, Response};
use crate::error::TimedOut;
use crate::handshake::{HandshakeError, HeadError, RequestError};
use crate::reconnect::End;
use crate::uri::UriError;

/// Why a client has no connection.
///
/// ```
/// use ws_proto::opening::ConnectError;
///
/// fn explain(error: &ConnectError) -> String {
///     match error.refusal() {
///         Some(response) => format!("{}: {}", response.status(), response.body().escape_ascii()),
///         None => error.to_string(),
///     }
/// }
/// println!("{}", explain(&ConnectError::TlsNeeded));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The server broke the handshake.
    Handshake(HandshakeError),
    /// The request cannot be sent as it is.
    Head(HeadError),
    /// Connecting or the stream failed.
    #[cfg(feature = "std")]
    Io(std::io::Error),
    /// The server takes no WebSocket connections on streams of HTTP/2: it has not sent
    /// SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441 3). HTTP/1.1 may lead to it.
    NoExtendedConnect,
    /// The operating system has no randomness to give.
    NoRandomness,
    /// There is no tunnel through the proxy.
    Proxy(ProxyError),
    /// The server answered with another status than 101, or than 2xx on a stream of HTTP/2 or HTTP/3: a redirect, a 401, an error.
    Refused(Box<Response>),
    /// The addresses of the host could not be looked up.
    #[cfg(feature = "std")]
    Resolve {
        /// The host.
        host: Box<str>,
        /// The error of the resolver.
        error: std::io::Error,
    },
    /// A part of connecting took longer than it may.
    TimedOut(ConnectTimeout),
    /// TLS with the server failed, or cannot be set up as it was asked for.
    #[cfg(feature = "std")]
    Tls {
        /// The host.
        host: Box<str>,
        /// The error of the TLS library is inside.
        error: std::io::Error,
    },
    /// A `wss` URL needs a TLS stream, which this way to connect does not make.
    TlsNeeded,
    /// No address of the host could be connected to.
    #[cfg(feature = "std")]
    Unreachable(super::Unreachable),
    /// The URL is not one of a WebSocket server.
    Uri(UriError),
}

impl ConnectError {
    /// The kind of end for a [`Backoff`](crate::reconnect::Backoff). `None` if another attempt is
    /// useless: the request cannot be sent as it is, or the server does not follow the protocol.
    ///
    /// ```
    /// use ws_proto::opening::{ConnectError, Connector};
    /// use ws_proto::reconnect::End;
    ///
    /// let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    /// assert_eq!(ConnectError::from(refused).end(), Some(End::Unreachable));
    /// let wrong = Connector::new("https://example.com/").unwrap_err();
    /// assert_eq!(ConnectError::from(wrong).end(), None);
    /// ```
    #[must_use]
    pub fn end(&self) -> Option<End> {
        match self {
            Self::Handshake(error) => end_of_handshake(*error),
            #[cfg(feature = "std")]
            Self::Io(_) | Self::Resolve { .. } | Self::Unreachable(_) => Some(End::Unreachable),
            // A certificate that is not valid stays so, and what cannot be set up.
            #[cfg(feature = "std")]
            Self::Tls { error, .. } => match error.kind() {
                std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput => None,
                _ => Some(End::Unreachable),
            },
            Self::NoRandomness => Some(End::Unreachable),
            Self::Proxy(error) => error.end(),
            Self::Refused(response) => Some(end_of_refusal(response)),
            Self::TimedOut(_) => Some(End::TimedOut),
            Self::Head(_) | Self::NoExtendedConnect | Self::TlsNeeded | Self::Uri(_) => None,
        }
    }
}

fn end_of_handshake(error: HandshakeError) -> Option<End> {
    match error {
        HandshakeError::NothingReceived | HandshakeError::UnexpectedEof => Some(End::Eof),
        HandshakeError::TimedOut => Some(End::TimedOut),
        _ => None,
    }
}

fn end_of_refusal(response: &Response) -> End {
    End::Refused {
        status: response.status(),
        retry_after: response.retry_after(),
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handshake(error) => error.fmt(f),
            Self::Head(error) => error.fmt(f),
            #[cfg(feature = "std")]
            Self::Io(error) => error.fmt(f),
            Self::NoExtendedConnect => f.write_str(
                "the server takes no WebSocket connections over HTTP/2: it has not sent SETTINGS_ENABLE_CONNECT_PROTOCOL",
            ),
            Self::NoRandomness => f.write_str("the random source of the operating system failed"),
            Self::Proxy(error) => error.fmt(f),
            Self::Refused(response) => write!(f, "refused with status {}", response.status()),
            #[cfg(feature = "std")]
            Self::Resolve { host, error } => write!(f, "{host} cannot be resolved: {error}"),
            Self::TimedOut(error) => error.fmt(f),
            #[cfg(feature = "std")]
            Self::Tls { host, error } => write!(f, "TLS with {host} failed: {error}"),
            Self::TlsNeeded => f.write_str(
                "a wss URL needs TLS: the feature `rustls-platform-verifier` or `rustls-webpki-roots` of ws-proto-tokio \
                 or ws-proto-smol, or a TLS stream that is given",
            ),
            #[cfg(feature = "std")]
            Self::Unreachable(error) => error.fmt(f),
            Self::Uri(error) => error.fmt(f),
        }
    }
}

impl ConnectError {
    /// The response that refused, if that is why there is no connection: the server's, or the proxy's.
    #[must_use]
    pub fn refusal(&self) -> Option<&Response> {
        match self {
            Self::Refused(response) | Self::Proxy(ProxyError::Refused(response)) => Some(response),
            _ => None,
        }
    }
}

impl Error for ConnectError {
    /// The cause of the error that is shown: an error of a stream may have one.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            #[cfg(feature = "std")]
            Self::Io(error) | Self::Resolve { error, .. } | Self::Tls { error, .. } => {
                error.source()
            }
            Self::Proxy(error) => error.source(),
            _ => None,
        }
    }
}

impl From<HeadError> for ConnectError {
    fn from(error: HeadError) -> Self {
        Self::Head(error)
    }
}

impl From<HandshakeError> for ConnectError {
    fn from(error: HandshakeError) -> Self {
        Self::Handshake(error)
    }
}

#[cfg(feature = "std")]
impl From<std::io::Error> for ConnectError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ConnectTimeout> for ConnectError {
    fn from(error: ConnectTimeout) -> Self {
        Self::TimedOut(error)
    }
}

impl From<UriError> for ConnectError {
    fn from(error: UriError) -> Self {
        Self::Uri(error)
    }
}

impl From<ProxyError> for ConnectError {
    fn from(error: ProxyError) -> Self {
        Self::Proxy(error)
    }
}

impl From<ProxyUriError> for ConnectError {
    fn from(error: ProxyUriError) -> Self {
        Self::Proxy(ProxyError::Uri(error))
    }
}

/// A [`Connector`](super::Connector) is one already: for functions that take what becomes one.
impl From<core::convert::Infallible> for ConnectError {
    fn from(never: core::convert::Infallible) -> Self {
        match never {}
    }
}

/// Why a client has no tunnel through a [`Proxy`](super::Proxy).
///
/// ```
/// use ws_proto::opening::ProxyError;
///
/// /// Whether to ask the user for a name and a password.
/// fn wants_credentials(error: &ProxyError) -> bool {
///     matches!(error, ProxyError::Refused(response) if response.status() == 407)
/// }
/// assert!(!wants_credentials(&ProxyError::Credentials));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ProxyError {
    /// The proxy cannot be connected to: [`ConnectError::Resolve`], [`ConnectError::Unreachable`],
    /// [`ConnectError::Tls`], of the proxy.
    Connect(Box<ConnectError>),
    /// A SOCKS proxy cannot be asked with this user name and password: each has 1 to 255 bytes (RFC 1929), and the
    /// adapters send UTF-8 only. Nothing was connected.
    Credentials,
    /// The answer of the proxy is not valid, is too long, or did not come.
    Handshake(HandshakeError),
    /// The proxy cannot be asked like that.
    Head(HeadError),
    /// The stream to the proxy failed.
    #[cfg(feature = "std")]
    Io(std::io::Error),
    /// The proxy answered with another status than 2xx: 407 if it wants credentials, or others, and then the
    /// response has `Proxy-Authenticate` (tinyproxy answers wrong ones with 401); 500 or 502 to 504 if it has not
    /// reached the server.
    Refused(Box<Response>),
    /// The SOCKS proxy made no tunnel. The kind is `PermissionDenied` if it does not take this user name and password
    /// or has a rule against the server, `HostUnreachable`, `NetworkUnreachable` or `ConnectionRefused` if it has not
    /// reached the server.
    #[cfg(feature = "std")]
    Socks(std::io::Error),
    /// A part of connecting to the proxy or of asking it took longer than it may.
    TimedOut(ConnectTimeout),
    /// This way to connect does not speak to proxies of that kind.
    Unsupported(ProxyScheme),
    /// The URL is not one of a proxy.
    Uri(ProxyUriError),
}

impl ProxyError {
    /// As [`ConnectError::end`].
    fn end(&self) -> Option<End> {
        match self {
            Self::Connect(error) => error.end(),
            Self::Handshake(error) => end_of_handshake(*error),
            #[cfg(feature = "std")]
            Self::Io(_) => Some(End::Unreachable),
            // What the proxy does not allow stays so.
            #[cfg(feature = "std")]
            Self::Socks(error) => match error.kind() {
                std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::InvalidInput => None,
                _ => Some(End::Unreachable),
            },
            Self::Refused(response) => Some(end_of_refusal(response)),
            Self::TimedOut(_) => Some(End::TimedOut),
            Self::Credentials | Self::Head(_) | Self::Unsupported(_) | Self::Uri(_) => None,
        }
    }

    /// What to report for `error` while there is only the proxy at the other end.
    ///
    /// ```
    /// use ws_proto::opening::{ConnectError, ProxyError};
    ///
    /// let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    /// let error = ProxyError::of(ConnectError::from(refused));
    /// assert!(matches!(error, ConnectError::Proxy(ProxyError::Io(_))));
    /// ```
    #[must_use]
    pub fn of(error: ConnectError) -> ConnectError {
        match error {
            ConnectError::Handshake(error) => Self::Handshake(error).into(),
            ConnectError::Head(error) => Self::Head(error).into(),
            #[cfg(feature = "std")]
            ConnectError::Io(error) => Self::Io(error).into(),
            ConnectError::Refused(response) => Self::Refused(response).into(),
            ConnectError::TimedOut(error) => Self::TimedOut(error).into(),
            #[cfg(feature = "std")]
            ConnectError::Resolve { .. }
            | ConnectError::Unreachable(_)
            | ConnectError::Tls { .. } => Self::Connect(Box::new(error)).into(),
            other => other,
        }
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "proxy: {error}"),
            Self::Credentials => f.write_str(
                "user name and password of a SOCKS proxy have 1 to 255 bytes each, in UTF-8",
            ),
            Self::Handshake(error) => write!(f, "proxy: {error}"),
            Self::Head(error) => write!(f, "request to the proxy: {error}"),
            #[cfg(feature = "std")]
            Self::Io(error) | Self::Socks(error) => write!(f, "proxy: {error}"),
            Self::Refused(response) => match response.status() {
                407 => f.write_str(
                    "the proxy asks for a user name and a password, or for others (status 407)",
                ),
                status => write!(f, "the proxy refused with status {status}"),
            },
            Self::TimedOut(error) => write!(f, "proxy: {error}"),
            Self::Unsupported(scheme) => {
                write!(
                    f,
                    "proxies of the scheme {} are not supported here",
                    scheme.name()
                )
            }
            Self::Uri(error) => error.fmt(f),
        }
    }
}

impl Error for ProxyError {
    /// The cause of the error that is shown: an error of a stream may have one.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            #[cfg(feature = "std")]
            Self::Io(error) | Self::Socks(error) => error.source(),
            Self::Connect(error) => error.source(),
            _ => None,
        }
    }
}

/// Why a server has no connection.
///
/// ```
/// use ws_proto::handshake::HandshakeError;
/// use ws_proto::opening::AcceptError;
///
/// /// A health check connects and sends nothing.
/// fn is_for_the_log(error: &AcceptError) -> bool {
///     !matches!(error, AcceptError::Handshake(HandshakeError::NothingReceived))
/// }
/// assert!(is_for_the_log(&HandshakeError::KeyInvalid.into()));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum AcceptError {
    /// The client broke the handshake, or asked for something else than a WebSocket connection. The
    /// response with [`HandshakeError::status`] was sent.
    Handshake(HandshakeError),
    /// The answer cannot be sent as it is: a 500 was sent. Or the request comes from an origin that is not
    /// accepted ([`HeadError::OriginRefused`]): a 403 was sent.
    Head(HeadError),
    /// The stream failed.
    #[cfg(feature = "std")]
    Io(std::io::Error),
    /// The request was refused with this status, as the [`Acceptor`](super::Acceptor) said.
    Refused {
        /// The status.
        status: u16,
    },
    /// The request did not come in time.
    TimedOut(TimedOut),
}

impl AcceptError {
    /// The response that refuses the request, for a server whose HTTP implementation writes it: see
    /// [`Acceptor::answer_http`](super::Acceptor::answer_http). It has nothing that the client has sent.
    ///
    /// ```
    /// use ws_proto::handshake::HandshakeError;
    /// use ws_proto::opening::AcceptError;
    ///
    /// let error = AcceptError::from(HandshakeError::VersionUnsupported);
    /// assert_eq!(error.to_http().status(), 426);
    /// ```
    #[cfg(feature = "http")]
    #[must_use]
    pub fn to_http(&self) -> ::http::Response<alloc::string::String> {
        use super::acceptor::ELSEWHERE;
        use crate::handshake::http::refusal;
        match self {
            Self::Handshake(error) => refusal(*error),
            Self::Head(error) => refusal(*error),
            Self::Refused { status } => {
                let words = Some(ELSEWHERE).filter(|elsewhere| elsewhere.get_status() == *status);
                let words =
                    words.and_then(|elsewhere| core::str::from_utf8(elsewhere.get_body()).ok());
                let mut response = ::http::Response::new(words.unwrap_or_default().into());
                let status = ::http::StatusCode::from_u16(*status);
                *response.status_mut() = status.unwrap_or(::http::StatusCode::BAD_REQUEST);
                response
            }
            Self::TimedOut(_) => refusal(HandshakeError::TimedOut),
            #[cfg(feature = "std")]
            Self::Io(_) => refusal(HandshakeError::UnexpectedEof),
        }
    }
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handshake(error) => error.fmt(f),
            Self::Head(error) => error.fmt(f),
            #[cfg(feature = "std")]
            Self::Io(error) => error.fmt(f),
            Self::Refused { status } => write!(f, "refused with status {status}"),
            Self::TimedOut(error) => error.fmt(f),
        }
    }
}

impl Error for AcceptError {
    /// The cause of the error that is shown: an error of a stream may have one.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            #[cfg(feature = "std")]
            Self::Io(error) => error.source(),
            _ => None,
        }
    }
}

impl From<HeadError> for AcceptError {
    fn from(error: HeadError) -> Self {
        Self::Head(error)
    }
}

impl From<HandshakeError> for AcceptError {
    fn from(error: HandshakeError) -> Self {
        Self::Handshake(error)
    }
}

impl From<RequestError> for AcceptError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Failed(error) => Self::Handshake(error),
            // The output grows, and one request is read from a stream.
            _ => Self::Head(HeadError::OutputFull),
        }
    }
}

#[cfg(feature = "std")]
impl From<std::io::Error> for AcceptError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<TimedOut> for AcceptError {
    fn from(error: TimedOut) -> Self {
        Self::TimedOut(error)
    }
}
