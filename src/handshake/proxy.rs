//! A tunnel through an HTTP proxy, without I/O: `CONNECT` (RFC 6455 4.1 step 2, RFC 9110 9.3.6).
//!
//! ```text
//! client                                   proxy                     server
//! ConnectRequest                             |                          |
//!   | ProxyHandshake::start                  |                          |
//!   |     CONNECT example.com:443 HTTP/1.1   |                          |
//!   +--------------------------------------> | ------ TCP ------------> |
//!   | receive <-- HTTP/1.1 200 OK ---------- |                          |
//!   v                                        |                          |
//! Connected                                  |                          |
//!   | TLS for wss, then ClientHandshake      |                          |
//!   +<------------------------------------------------------------------>
//!
//!   | refusal <-- HTTP/1.1 407 ------------- |
//! ```
//!
//! ```
//! use ws_proto::handshake::Limits;
//! use ws_proto::handshake::proxy::{ConnectRequest, ProxyHandshake};
//! use ws_proto::{FixedBuf, Input, Uri};
//!
//! let uri = Uri::parse("wss://Example.com/chat")?;
//! let request = ConnectRequest::from_uri(uri).basic("me", "secret");
//! let mut out = Vec::new();
//! let storage = FixedBuf::<2048>::new();
//! let mut handshake = ProxyHandshake::start(request, storage, Limits::new(), &mut out)?;
//! assert_eq!(
//!     String::from_utf8_lossy(&out), // to be written
//!     "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\
//!     Proxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n"
//! );
//!
//! // What the transport gave.
//! let mut read = *b"HTTP/1.1 200 Connection established\r\nVia: 1.1 squid\r\n\r\n";
//! let mut input = Input::new(&mut read);
//! match handshake.receive(&mut input) {
//!     Ok(Some(connected)) => {
//!         assert_eq!(connected.headers().get("via"), Some(&b"1.1 squid"[..]));
//!         // TLS, or `ClientHandshake::start`, over the same transport; the rest of `input` is theirs.
//!         assert!(input.is_empty());
//!     }
//!     Ok(None) => {} // read more
//!     Err(error) => match handshake.refusal() {
//!         Some(refusal) => println!("the proxy refused with {}", refusal.status()),
//!         None => println!("{error}"),
//!     },
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Accepted and refused
//!
//! | received | the result |
//! |---|---|
//! | any 2xx, of HTTP/1.1 or HTTP/1.0 | the tunnel is there after the empty line |
//! | `Content-Length` or `Transfer-Encoding` in a 2xx | ignored (RFC 9110 9.3.6) |
//! | bytes after a 2xx | stay in `input`, for TLS or the handshake with the server |
//! | 1xx but 101 | skipped, up to [`Limits::informational`] |
//! | 407 | [`Refused`](HandshakeError::Refused); `Proxy-Authenticate` is in [`refusal`](ProxyHandshake::refusal) |
//! | any other status, 101 and 3xx too | [`Refused`](HandshakeError::Refused), with the body up to [`Limits::body_bytes`] |
//! | LF without CR, CR without LF, control characters | fails, on that byte |
//! | a folded line | reads a space |
//! | an empty line before the head, bytes that are not HTTP | fails |
//! | a head of more than [`Limits::head_bytes`] or [`Limits::lines`], or that the storage does not hold | fails |
//! | the end of the transport before the end of the head | fails |
//!
//! | asked for | the result |
//! |---|---|
//! | a host that is no name, IPv4 address or IPv6 address; port 0 | [`HeadError::HostInvalid`] |
//! | the zone of an IPv6 address | not written: it has a meaning on this machine only |
//! | a user name with a colon; control characters in user name or password | [`HeadError::CredentialsInvalid`] |
//! | `Proxy-Authorization` as a further field beside [`ConnectRequest::basic`] | [`HeadError::HeaderNameReserved`] |

use core::fmt;

use super::answer::Asked;
use super::error::{HandshakeError, HeadError};
use super::established::Refusal;
use super::exchange::{Exchange, Grant};
use super::headers::Headers;
use super::limits::Limits;
use super::parse::ResponseHead;
use super::write;
use crate::buf::{Input, Output, Storage};
use crate::error::TimedOut;
use crate::time::Instant;
use crate::transport::Transport;
use crate::uri::{self, HostHeader, Uri};

/// What to ask a proxy for: a tunnel to a host and port.
///
/// ```
/// use ws_proto::handshake::Limits;
/// use ws_proto::handshake::proxy::{ConnectRequest, ProxyHandshake};
///
/// let request = ConnectRequest::new("2001:db8::1", 443)
///     .basic("me", "secret")
///     .headers(&[("User-Agent", b"example/1.0")]);
/// let mut out = Vec::new();
/// let handshake = ProxyHandshake::start(request, Vec::new(), Limits::new(), &mut out)?;
/// assert!(out.starts_with(b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\n"));
/// # let _ = handshake;
/// # Ok::<(), ws_proto::handshake::HeadError>(())
/// ```
#[derive(Clone, Copy)]
pub struct ConnectRequest<'r> {
    destination: Destination<'r>,
    credentials: Option<Credentials<'r>>,
    headers: &'r [(&'r str, &'r [u8])],
}

#[derive(Clone, Copy, Debug)]
enum Destination<'r> {
    Parts { host: &'r str, port: u16 },
    Uri(Uri<'r>),
}

impl<'r> ConnectRequest<'r> {
    /// A tunnel to `port` of `host`: a name, an IPv4 address, or an IPv6 address with or without brackets.
    #[must_use]
    pub const fn new(host: &'r str, port: u16) -> Self {
        Self::to(Destination::Parts { host, port })
    }

    /// A tunnel to the host and port of `uri`.
    ///
    /// ```
    /// use ws_proto::Uri;
    /// use ws_proto::handshake::Limits;
    /// use ws_proto::handshake::proxy::{ConnectRequest, ProxyHandshake};
    ///
    /// let request = ConnectRequest::from_uri(Uri::parse("wss://example.com/chat")?);
    /// let mut out = Vec::new();
    /// let handshake = ProxyHandshake::start(request, Vec::new(), Limits::new(), &mut out)?;
    /// assert!(out.starts_with(b"CONNECT example.com:443 HTTP/1.1\r\n")); // the port of `wss`
    /// # let _ = handshake;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn from_uri(uri: Uri<'r>) -> Self {
        Self::to(Destination::Uri(uri))
    }

    const fn to(destination: Destination<'r>) -> Self {
        Self {
            destination,
            credentials: None,
            headers: &[],
        }
    }

    /// Sets a user name and a password, which are sent by the scheme Basic (RFC 7617): everybody who can read the bytes
    /// written to the proxy can read them.
    #[must_use]
    pub fn basic(
        self,
        user: &'r (impl AsRef<[u8]> + ?Sized),
        password: &'r (impl AsRef<[u8]> + ?Sized),
    ) -> Self {
        let (user, password) = (user.as_ref(), password.as_ref());
        Self {
            credentials: Some(Credentials { user, password }),
            ..self
        }
    }

    /// Sets further header fields, such as `User-Agent`, or `Proxy-Authorization` for another scheme than
    /// Basic. They are for the proxy: the server does not see them.
    #[must_use]
    pub const fn headers(self, headers: &'r [(&'r str, &'r [u8])]) -> Self {
        Self { headers, ..self }
    }

    /// Writes all of the request, or nothing.
    fn write<O: Output + ?Sized>(&self, out: &mut O) -> Result<(), HeadError> {
        let place = match self.destination {
            Destination::Parts { host, port } => HostHeader::of(host, port),
            Destination::Uri(uri) => Some(uri.host_and_port()),
        };
        let place = place.ok_or(HeadError::HostInvalid)?;
        if !self
            .credentials
            .is_none_or(|credentials| credentials.can_be_sent())
        {
            return Err(HeadError::CredentialsInvalid);
        }
        write::check_fields(self.headers)?;
        let mut names = self.headers.iter().map(|(name, _)| name);
        if self.credentials.is_some() && names.any(|name| name.eq_ignore_ascii_case(AUTHORIZATION))
        {
            return Err(HeadError::HeaderNameReserved);
        }
        write::write(out, |out| {
            out.put("CONNECT ");
            out.display(place);
            out.put(" HTTP/1.1\r\n");
            out.display_field("Host", place);
            if let Some(credentials) = self.credentials {
                out.display_field(AUTHORIZATION, credentials);
            }
            out.fields(self.headers);
            out.put("\r\n");
        })
    }
}

/// Writes no credentials, nor values of header fields: they can be secrets.
impl fmt::Debug for ConnectRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectRequest")
            .field("destination", &self.destination)
            .field("has_credentials", &self.credentials.is_some())
            .field("headers", &Headers::from_slice(self.headers))
            .finish()
    }
}

const AUTHORIZATION: &str = "Proxy-Authorization";

/// A user name and a password. `Display` writes them as the field has them.
#[derive(Clone, Copy)]
struct Credentials<'r> {
    user: &'r [u8],
    password: &'r [u8],
}

impl Credentials<'_> {
    fn can_be_sent(&self) -> bool {
        let (user, password) = (self.user.iter(), self.password.iter());
        uri::basic_can_carry(user.copied(), password.copied())
    }
}

impl fmt::Display for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.user.iter().chain(b":").chain(self.password);
        uri::write_basic(f, bytes.copied())
    }
}

/// Asks a proxy for a tunnel and reads the answer.
///
/// It borrows nothing, so that a table of connections can keep it. It collects the answer in a [`Storage`] that
/// the caller provides and can use again afterwards ([`into_storage`](Self::into_storage)): for the
/// [`ClientHandshake`](super::ClientHandshake) through the tunnel, for instance.
///
/// ```
/// use ws_proto::Input;
/// use ws_proto::handshake::proxy::{ConnectRequest, ProxyHandshake};
/// use ws_proto::handshake::{HandshakeError, Limits};
///
/// let request = ConnectRequest::new("example.com", 80);
/// let mut handshake =
///     ProxyHandshake::start(request, Vec::new(), Limits::new(), &mut Vec::new())?;
/// let mut read = *b"HTTP/1.1 407 Proxy Authentication Required\r\n\
///     Proxy-Authenticate: Basic realm=\"office\"\r\nContent-Length: 0\r\n\r\n";
/// let refused = handshake.receive(&mut Input::new(&mut read)).map(|_| ());
/// assert_eq!(refused, Err(HandshakeError::Refused { status: 407 }));
/// let refusal = handshake.refusal().expect("a response");
/// let challenge = refusal.headers().get("Proxy-Authenticate");
/// assert_eq!(challenge, Some(&b"Basic realm=\"office\""[..]));
/// # Ok::<(), ws_proto::handshake::HeadError>(())
/// ```
pub struct ProxyHandshake<S>(Exchange<Tunnel, S>);

impl<S: Storage> ProxyHandshake<S> {
    /// Writes the request. `storage` is cleared, and the answer is collected in it.
    ///
    /// # Errors
    ///
    /// [`HeadError`] for what cannot be sent, [`HeadError::OutputFull`] if `out` has no room for the request.
    /// Nothing is written then.
    pub fn start<O: Output + ?Sized>(
        request: ConnectRequest<'_>,
        mut storage: S,
        limits: Limits,
        out: &mut O,
    ) -> Result<Self, HeadError> {
        request.write(out)?;
        storage.clear();
        Ok(Self(Exchange::new(Tunnel, storage, limits)))
    }

    /// Reads the proxy's answer. `Some` once the tunnel is there, and again in every call from then on.
    /// `None` says that all input was consumed: read more.
    ///
    /// Consumes the 2xx and nothing after it: the rest of `input` comes from the server. Informational
    /// responses before it are skipped.
    ///
    /// # Errors
    ///
    /// [`HandshakeError`], the same from then on; all input is consumed and dropped, and the transport has to
    /// be closed. [`HandshakeError::Refused`] is returned when the body of the refusal has ended, or
    /// [`Limits::body_bytes`] of it were read; see [`refusal`](Self::refusal).
    pub fn receive(
        &mut self,
        input: &mut Input<'_>,
    ) -> Result<Option<Connected<'_>>, HandshakeError> {
        Ok(self
            .0
            .receive(input)?
            .map(|status| Connected::new(status, self.0.answer())))
    }

    /// Reports the end of the transport: the proxy sends nothing more.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::NothingReceived`] if the proxy has sent nothing;
    /// [`HandshakeError::UnexpectedEof`] if that is before the end of the answer's head;
    /// [`HandshakeError::Refused`] if it ends the body of a refusal; the same error again if the handshake has
    /// failed.
    ///
    /// ```
    /// use ws_proto::handshake::proxy::{ConnectRequest, ProxyHandshake};
    /// use ws_proto::handshake::{HandshakeError, Limits};
    ///
    /// let request = ConnectRequest::new("example.com", 443);
    /// let mut handshake =
    ///     ProxyHandshake::start(request, Vec::new(), Limits::new(), &mut Vec::new())?;
    /// assert_eq!(handshake.receive_eof(), Err(HandshakeError::NothingReceived));
    /// # Ok::<(), ws_proto::handshake::HeadError>(())
    /// ```
    pub fn receive_eof(&mut self) -> Result<(), HandshakeError> {
        self.0.receive_eof()
    }

    /// Reports the time. Returns when to call again at the latest; `None` once the tunnel is there.
    ///
    /// [`Limits::time`] starts with the first call, [`Limits::drain`] with the first call in
    /// [`Transport::Close`].
    ///
    /// # Errors
    ///
    /// From then on, and [`transport`](Self::transport) says [`Abort`](Transport::Abort):
    ///
    /// - [`TimedOut::Handshake`] if the answer is not complete in time. If only the end of a refusal's body is
    ///   missing, [`refusal`](Self::refusal) has the received part.
    /// - [`TimedOut::Drain`] if the proxy did not end its side in time after the handshake had failed.
    ///
    /// ```
    /// use core::time::Duration;
    /// use ws_proto::handshake::Limits;
    /// use ws_proto::handshake::proxy::{ConnectRequest, ProxyHandshake};
    /// use ws_proto::{Instant, TimedOut, Transport};
    ///
    /// let request = ConnectRequest::new("example.com", 443);
    /// let limits = Limits::new().time(Duration::from_secs(5));
    /// let mut handshake = ProxyHandshake::start(request, Vec::new(), limits, &mut Vec::new())?;
    /// let at = Instant::from_millis;
    /// assert_eq!(handshake.tick(at(0)), Ok(Some(at(5000))));
    /// assert_eq!(handshake.tick(at(5000)), Err(TimedOut::Handshake));
    /// assert_eq!(handshake.transport(), Transport::Abort);
    /// let storage = handshake.into_storage(); // for another attempt
    /// # let _ = storage;
    /// # Ok::<(), ws_proto::handshake::HeadError>(())
    /// ```
    pub fn tick(&mut self, now: Instant) -> Result<Option<Instant>, TimedOut> {
        self.0.tick(now)
    }

    /// The response that refused the tunnel. It is available once its head is complete; its body can grow
    /// until [`HandshakeError::Refused`] is returned.
    ///
    /// It comes from the proxy, over a transport that need not be encrypted: show it to nobody as if the server
    /// had sent it.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal<'_>> {
        self.0.refusal()
    }

    /// The next step with the transport: [`Close`](Transport::Close) once the handshake has
    /// failed, [`Abort`](Transport::Abort) when it took too long.
    #[must_use]
    pub const fn transport(&self) -> Transport {
        self.0.transport()
    }

    /// Returns the storage. Its content has no meaning any more.
    #[must_use]
    pub fn into_storage(self) -> S {
        self.0.into_storage()
    }
}

/// Leaves out received bytes: they can be secrets.
impl<S> fmt::Debug for ProxyHandshake<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyHandshake")
            .field("state", self.0.state())
            .finish_non_exhaustive()
    }
}

/// A tunnel was asked for: every 2xx grants it, whatever its fields say.
struct Tunnel;

impl Asked for Tunnel {
    /// The status.
    type Granted = u16;

    fn kept(&self) -> usize {
        0
    }
}

impl Grant for Tunnel {
    type Fields<'h> = ();

    fn can_grant(status: u16) -> bool {
        matches!(status, 200..=299)
    }

    fn collect<'h>((): &mut (), _: &'h [u8], _: &'h [u8]) {}

    fn check(&self, status: u16, _: &[u8], _: u8, (): &()) -> Result<u16, HandshakeError> {
        Ok(status)
    }
}

/// The proxy has connected: from here on the transport leads to the server.
///
/// ```
/// use ws_proto::Input;
/// use ws_proto::handshake::Limits;
/// use ws_proto::handshake::proxy::{ConnectRequest, ProxyHandshake};
///
/// let request = ConnectRequest::new("example.com", 443);
/// let mut handshake =
///     ProxyHandshake::start(request, Vec::new(), Limits::new(), &mut Vec::new())?;
/// let mut read = *b"HTTP/1.1 200 Connected\r\nProxy-Agent: squid\r\n\r\n";
/// let connected = handshake.receive(&mut Input::new(&mut read))?.expect("it is whole");
/// assert_eq!((connected.status(), connected.reason()), (200, &b"Connected"[..]));
/// assert_eq!(connected.headers().get("proxy-agent"), Some(&b"squid"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct Connected<'h> {
    status: u16,
    line: ResponseHead<'h>,
}

impl<'h> Connected<'h> {
    fn new(status: u16, head: &'h [u8]) -> Self {
        let line = ResponseHead::of(head);
        Self { status, line }
    }

    /// The status code, 200 to 299.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The reason phrase, which can be empty and need not be ASCII.
    #[must_use]
    pub const fn reason(&self) -> &'h [u8] {
        self.line.reason
    }

    /// All header fields, such as `Via` or `Proxy-Agent`.
    #[must_use]
    pub const fn headers(&self) -> Headers<'h> {
        self.line.headers
    }
}

/// Writes no values of header fields: they can be secrets.
impl fmt::Debug for Connected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connected")
            .field("status", &self.status)
            .field("headers", &self.line.headers)
            .finish_non_exhaustive()
    }
}
