//! Opening a connection over a transport: what a client asks for, what a server accepts, and both
//! handshakes without I/O (RFC 6455 4).
//!
//! [`Connecting`] and [`Accepting`] are to [`handshake`](crate::handshake) what
//! [`WebSocket`] is to [`Connection`](crate::Connection): they have their buffers, keep
//! the time, and end as a `WebSocket` that has the bytes after the handshake. [`Proxying`] comes before
//! `Connecting` where there is a [`Proxy`], and ends as a tunnel. [`io`](crate::io) and the
//! adapters drive them. A driver does the same with all of them:
//!
//! 1. write `pending`, and `consume` the written bytes;
//! 2. read, and give the bytes to `receive`, the end of the input to `receive_eof`;
//! 3. call `tick` when nothing was read, and at least once in a few reads, by the deadline that it returns;
//! 4. on an error, or when a server has refused: write the pending bytes, half-close, read to the end or for
//!    the linger time, close.
//!
//! On a stream of HTTP/2 or HTTP/3 the HTTP stack reads and writes the heads: [`ConnectingStream`] is the client's
//! handshake there, [`Acceptor::answer`] the server's.
//!
//! A driver that makes the transport itself has [`HappyEyeballs`] for the addresses of a host, and [`ConnectError`] for what
//! fails before the handshake.

mod accepting;
mod acceptor;
mod attempt;
mod connecting;
mod connecting_stream;
mod connector;
mod error;
mod happy_eyeballs;
mod options;
mod proxy;
mod proxying;
mod request;
mod response;

pub use accepting::Accepting;
pub use acceptor::Acceptor;
#[cfg(feature = "std")]
pub use attempt::{Attempt, Unreachable};
pub use attempt::{ConnectTimeout, Stage};
pub use connecting::Connecting;
pub use connecting_stream::ConnectingStream;
pub use connector::Connector;
pub use error::{AcceptError, ConnectError, ProxyError};
pub use happy_eyeballs::{HappyEyeballs, HappyStep};
pub use options::Options;
pub use proxy::{NoProxy, Proxy, ProxyScheme, ProxyUriError};
pub use proxying::Proxying;
pub use request::Request;
pub use response::{OwnedHeaders, Response};

use alloc::boxed::Box;

use crate::connection::{Client, EitherRole, MaskSource, Role, Server};
#[cfg(feature = "deflate")]
use crate::extension::deflate::{Deflate, DeflateParams};
use crate::handshake::Negotiated;
use crate::socket::WebSocket;
use crate::time::Instant;

/// A handshake under way, of either end: the interface of a driver that writes.
///
/// Sealed: programs use it as a bound and cannot implement it. A method that is added is no breaking change.
///
/// ```
/// use std::io::{self, Write};
/// use ws_proto::opening::Handshake;
///
/// fn write_all(handshake: &mut impl Handshake, to: &mut impl Write) -> io::Result<()> {
///     while !handshake.pending().is_empty() {
///         let n = to.write(handshake.pending())?;
///         handshake.consume(n);
///     }
///     to.flush()
/// }
/// # let mut accepting = ws_proto::opening::Accepting::new(Default::default());
/// # write_all(&mut accepting, &mut Vec::new()).unwrap();
/// ```
pub trait Handshake: sealed::Sealed {
    /// The bytes to write.
    #[must_use]
    fn pending(&self) -> &[u8];

    /// The first `n` of the pending bytes have been written.
    fn consume(&mut self, n: usize);
}

mod sealed {
    #![expect(unnameable_types, reason = "that is what seals the handshakes")]

    pub trait Sealed {}

    impl Sealed for super::Accepting {}

    impl Sealed for super::Connecting {}

    impl Sealed for super::Proxying {}
}

impl Handshake for Accepting {
    fn pending(&self) -> &[u8] {
        self.pending()
    }

    fn consume(&mut self, n: usize) {
        self.consume(n);
    }
}

impl Handshake for Connecting {
    fn pending(&self) -> &[u8] {
        self.pending()
    }

    fn consume(&mut self, n: usize) {
        self.consume(n);
    }
}

impl Handshake for Proxying {
    fn pending(&self) -> &[u8] {
        self.pending()
    }

    fn consume(&mut self, n: usize) {
        self.consume(n);
    }
}

/// A client's handshake under way, with a server or with a proxy: for drivers that do the same with both.
///
/// Sealed, as [`Handshake`].
///
/// ```
/// use std::io::Read;
/// use ws_proto::opening::{Asking, ConnectError};
///
/// /// Reads the answer to a request that was written, and the bytes after it.
/// fn answer<A: Asking>(asking: &mut A, from: &mut impl Read) -> Result<(A::Answer, Vec<u8>), ConnectError> {
///     let mut buffer = [0; 4096];
///     loop {
///         asking.tick(ws_proto::io::now())?;
///         let n = match from.read(&mut buffer) {
///             Ok(0) => return Err(asking.receive_eof()),
///             Ok(n) => n,
///             Err(error) => return Err(asking.explain(error.into())),
///         };
///         let mut rest = &mut buffer[..n];
///         if let Some(answer) = asking.receive(&mut rest)? {
///             return Ok((answer, rest.to_vec()));
///         }
///     }
/// }
///
/// # use ws_proto::opening::{Connector, Proxy, Proxying};
/// # let proxy = Proxy::new("proxy.example")?;
/// # let mut proxying = Proxying::start(&proxy, &Connector::new("ws://example.com")?)?;
/// # let (response, rest) = answer(&mut proxying, &mut &b"HTTP/1.0 200 OK\r\n\r\nx"[..])?;
/// # assert_eq!((response.status(), &rest[..]), (200, &b"x"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Asking: Handshake {
    /// What an answer that grants the request leads to.
    type Answer;

    /// Which part of connecting this is.
    const STAGE: Stage;

    /// Takes bytes that were read; `bytes` is then the rest of them.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]: there will be no connection.
    fn receive(&mut self, bytes: &mut &mut [u8]) -> Result<Option<Self::Answer>, ConnectError>;

    /// The input has ended: there will be no connection.
    fn receive_eof(&mut self) -> ConnectError;

    /// Sets the time; returns when to call again at the latest.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if the time is over.
    fn tick(&mut self, now: Instant) -> Result<Option<Instant>, ConnectError>;

    /// What to report for `error`: a refusal that was read says more than the way in which the transport ended.
    #[must_use]
    fn explain(&self, error: ConnectError) -> ConnectError;
}

impl Asking for Connecting {
    type Answer = (Opened, Response);
    const STAGE: Stage = Stage::Handshake;

    fn receive(&mut self, bytes: &mut &mut [u8]) -> Result<Option<Self::Answer>, ConnectError> {
        self.receive(bytes)
    }

    fn receive_eof(&mut self) -> ConnectError {
        self.receive_eof()
    }

    fn tick(&mut self, now: Instant) -> Result<Option<Instant>, ConnectError> {
        self.tick(now)
    }

    fn explain(&self, error: ConnectError) -> ConnectError {
        self.explain(error)
    }
}

impl Asking for Proxying {
    type Answer = Response;
    const STAGE: Stage = Stage::Proxy;

    fn receive(&mut self, bytes: &mut &mut [u8]) -> Result<Option<Self::Answer>, ConnectError> {
        self.receive(bytes)
    }

    fn receive_eof(&mut self) -> ConnectError {
        self.receive_eof()
    }

    fn tick(&mut self, now: Instant) -> Result<Option<Instant>, ConnectError> {
        self.tick(now)
    }

    fn explain(&self, error: ConnectError) -> ConnectError {
        self.explain(error)
    }
}

/// A handshake that is done: what makes a [`WebSocket`].
///
/// ```
/// use ws_proto::opening::{Acceptor, Accepting, Opened, Options};
/// use ws_proto::{Config, Server, WebSocket};
///
/// fn serve(opened: Opened) -> WebSocket<Server> {
///     // One subprotocol of this server sends long messages.
///     match opened.subprotocol() {
///         Some("files.v1") => {
///             let config = Config::new().max_message(1 << 30);
///             opened.with_options(Options::from(config)).server()
///         }
///         _ => opened.server(),
///     }
/// }
/// # let mut wire = *b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
/// #     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
/// # let mut accepting = Accepting::new(Options::new());
/// # let request = accepting.receive(&mut &mut wire[..])?.expect("it is whole");
/// # serve(accepting.decide(&request, &Acceptor::new())?);
/// # Ok::<(), ws_proto::opening::AcceptError>(())
/// ```
#[derive(Debug)]
pub struct Opened {
    negotiated: Negotiated,
    options: Options,
    subprotocol: Option<Box<str>>,
    /// On a stream of HTTP/2 or HTTP/3.
    on_stream: bool,
    #[cfg(feature = "deflate")]
    deflate: Option<(Deflate, DeflateParams)>,
}

impl Opened {
    fn new(negotiated: Negotiated, options: Options, subprotocol: Option<&str>) -> Self {
        Self {
            negotiated,
            options,
            subprotocol: subprotocol.map(Into::into),
            on_stream: false,
            #[cfg(feature = "deflate")]
            deflate: None,
        }
    }

    const fn on_stream(mut self, on_stream: bool) -> Self {
        self.on_stream = on_stream;
        self
    }

    /// The subprotocol that was agreed on.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// With other limits, timers and modes, such as a bigger message for one path.
    #[must_use]
    pub fn with_options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// The server's end of the connection.
    #[must_use]
    pub fn server(self) -> WebSocket<Server> {
        let websocket = WebSocket::server(self.negotiated, self.options.config);
        self.finish(websocket)
    }

    /// The client's end of the connection; `keys` gives a masking key for every frame that is sent.
    #[must_use]
    pub fn client<M: MaskSource>(self, keys: M) -> WebSocket<Client<M>> {
        let websocket = WebSocket::client(self.negotiated, self.options.config, keys);
        self.finish(websocket)
    }

    /// The end of the connection that `role` says.
    ///
    /// ```
    /// use ws_proto::opening::Opened;
    /// use ws_proto::{Client, EitherRole, WebSocket};
    ///
    /// type Keys = fn() -> [u8; 4];
    ///
    /// fn either(opened: Opened, role: EitherRole<Keys>) -> WebSocket<EitherRole<Keys>> {
    ///     opened.with_role(role)
    /// }
    ///
    /// fn client(opened: Opened, keys: Keys) -> WebSocket<Client<Keys>> {
    ///     opened.client(keys)
    /// }
    /// # let _ = (either, client);
    /// ```
    #[must_use]
    pub fn with_role<M: MaskSource>(self, role: EitherRole<M>) -> WebSocket<EitherRole<M>> {
        let websocket = WebSocket::with_role(self.negotiated, self.options.config, role);
        self.finish(websocket)
    }

    fn finish<R: Role>(self, websocket: WebSocket<R>) -> WebSocket<R> {
        // HTTP stacks reset a stream that is dropped before both sides have ended.
        let websocket = self.options.apply(websocket).with_linger(self.on_stream);
        #[cfg(feature = "deflate")]
        if let Some((deflate, params)) = &self.deflate {
            return websocket.with_deflate(deflate, *params);
        }
        websocket
    }
}
