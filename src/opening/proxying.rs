use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::{
    ConnectError, ConnectTimeout, Connector, Options, Proxy, ProxyError, ProxyScheme, Response,
    Stage,
};
use crate::buf::{Input, Limited};
use crate::handshake::HandshakeError;
use crate::handshake::proxy::{ConnectRequest, ProxyHandshake};
use crate::time::Instant;

/// A client's handshake with an HTTP proxy, without I/O: see [the steps](super). Its calls are those of
/// [`Connecting`](super::Connecting), which comes after it on the same transport; with `wss` there is TLS in
/// between.
///
/// ```
/// use ws_proto::Instant;
/// use ws_proto::opening::{Connecting, Connector, Proxy, Proxying};
///
/// let connector = Connector::new("ws://example.com/chat")?;
/// let proxy = Proxy::new("http://me:secret@proxy.example:3128")?;
/// let mut proxying = Proxying::start(&proxy, &connector)?;
/// assert_eq!(
///     String::from_utf8_lossy(proxying.pending()), // to write
///     "CONNECT example.com:80 HTTP/1.1\r\nHost: example.com:80\r\n\
///     Proxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n"
/// );
/// proxying.consume(proxying.pending().len());
/// proxying.tick(Instant::from_millis(0))?;
///
/// let mut read = *b"HTTP/1.1 200 Connection established\r\n\r\n";
/// let mut rest = &mut read[..];
/// if let Some(response) = proxying.receive(&mut rest)? {
///     assert_eq!(response.status(), 200);
///     // `rest` is for the next step: TLS, or this.
///     let nonce = *b"the sample nonce"; // from the operating system, in a program
///     let mut connecting = Connecting::start(&connector, nonce)?;
///     assert!(connecting.receive(&mut rest)?.is_none());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Proxying {
    handshake: ProxyHandshake<Vec<u8>>,
    out: Limited,
    /// How long it may take.
    time: Duration,
}

impl Proxying {
    /// Begins: the request for a tunnel to the host and port of `connector` is pending.
    ///
    /// With [`ProxyScheme::Https`] the transport has TLS, to the proxy, before this begins.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Proxy`] with [`ProxyError::Head`] if the request cannot be sent as it is, with
    /// [`ProxyError::Unsupported`] if the proxy speaks SOCKS.
    pub fn start(proxy: &Proxy, connector: &Connector) -> Result<Self, ConnectError> {
        let time = connector.get_options().get_handshake_time();
        Self::start_within(proxy, connector, time)
    }

    /// As [`start`](Self::start), if it may take no more than `time`: the rest after a connection to the
    /// proxy was made.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_within(
        proxy: &Proxy,
        connector: &Connector,
        time: Duration,
    ) -> Result<Self, ConnectError> {
        let request = ConnectRequest::from_uri(connector.uri());
        Self::start_request(proxy, request, connector.get_options(), time)
    }

    /// As [`start_within`](Self::start_within), with a tunnel to this place in place of that of a URL: `host` is a
    /// name, an IPv4 address, or an IPv6 address with or without brackets.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    ///
    /// ```
    /// use ws_proto::opening::{Options, Proxy, Proxying};
    ///
    /// let (proxy, options) = (Proxy::new("proxy.example")?, Options::new());
    /// let time = options.get_handshake_time();
    /// let proxying = Proxying::start_to(&proxy, "::1", 9001, &options, time)?;
    /// assert!(proxying.pending().starts_with(b"CONNECT [::1]:9001 HTTP/1.1\r\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start_to(
        proxy: &Proxy,
        host: &str,
        port: u16,
        options: &Options,
        time: Duration,
    ) -> Result<Self, ConnectError> {
        Self::start_request(proxy, ConnectRequest::new(host, port), options, time)
    }

    fn start_request(
        proxy: &Proxy,
        request: ConnectRequest<'_>,
        options: &Options,
        time: Duration,
    ) -> Result<Self, ConnectError> {
        match proxy.scheme() {
            ProxyScheme::Http | ProxyScheme::Https => {}
            other => return Err(ProxyError::Unsupported(other).into()),
        }
        let limits = options.limits_within(time);
        let mut out = Limited::new(usize::MAX);
        let handshake = proxy.with_request(request, |request| {
            ProxyHandshake::start(request, Vec::new(), limits, &mut out)
        });
        let handshake = handshake.map_err(ProxyError::Head)?;
        Ok(Self {
            handshake,
            out,
            time,
        })
    }

    /// The bytes to write.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        self.out.pending()
    }

    /// The first `n` of the pending bytes have been written.
    pub fn consume(&mut self, n: usize) {
        self.out.consume(n);
    }

    /// Takes bytes that were read; `bytes` is then the rest of them. When the answer is there, they
    /// came after it, from the server.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Proxy`]: there will be no tunnel.
    pub fn receive(&mut self, bytes: &mut &mut [u8]) -> Result<Option<Response>, ConnectError> {
        let mut input = Input::new(core::mem::take(bytes));
        let received = match self.handshake.receive(&mut input) {
            Ok(connected) => Ok(connected.as_ref().map(Response::connected)),
            Err(error) => Err(error),
        };
        *bytes = input.into_bytes();
        received.map_err(|error| self.explain(error))
    }

    /// The input has ended: there will be no tunnel.
    pub fn receive_eof(&mut self) -> ConnectError {
        let ended = self.handshake.receive_eof().err();
        self.explain(ended.unwrap_or(HandshakeError::UnexpectedEof))
    }

    /// Sets the time; returns when to call again at the latest.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Proxy`] if the time is over.
    pub fn tick(&mut self, now: Instant) -> Result<Option<Instant>, ConnectError> {
        match self.handshake.tick(now) {
            Ok(deadline) => Ok(deadline),
            Err(_) => Err(self.explain(ConnectTimeout::new(Stage::Proxy, self.time))),
        }
    }

    /// What to report for `error`: a refusal of the proxy's that was read says more than the way in which the
    /// transport ended.
    ///
    /// ```
    /// use std::io::{Error, ErrorKind};
    /// use std::time::Duration;
    /// use ws_proto::opening::{ConnectError, Connector, Proxy, ProxyError, Proxying};
    ///
    /// let connector = Connector::new("wss://example.com/")?;
    /// let proxy = Proxy::new("proxy.example:3128")?;
    /// let mut proxying = Proxying::start_within(&proxy, &connector, Duration::from_secs(3))?;
    /// let reset = proxying.explain(Error::from(ErrorKind::ConnectionReset));
    /// assert!(matches!(reset, ConnectError::Proxy(ProxyError::Io(_)))); // no refusal was read before
    /// let ended = proxying.receive_eof();
    /// assert!(matches!(ended, ConnectError::Proxy(ProxyError::Handshake(_))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn explain(&self, error: impl Into<ConnectError>) -> ConnectError {
        ProxyError::of(match self.handshake.refusal() {
            Some(refusal) => ConnectError::Refused(Box::new(Response::refusal(&refusal))),
            None => error.into(),
        })
    }
}

/// Leaves out the request: it can have secrets.
impl fmt::Debug for Proxying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxying")
            .field("handshake", &self.handshake)
            .field("pending", &self.pending().len())
            .finish_non_exhaustive()
    }
}
