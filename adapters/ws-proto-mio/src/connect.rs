//! A client over TCP.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant};
use std::vec;

use mio::Token;
use mio::net::TcpStream;
use ws_proto::opening::{Attempt, Connector, HappyEyeballs, Unreachable};

use crate::error::{ConnectError, Error};
use crate::options::Options;
use crate::socket::WebSocket;

/// Starts to connect to a `ws://` URL over TCP. For more than a URL, give a [`Connector`].
///
/// The name of the host is resolved by the system, which blocks; an address as the host does not. Its
/// first address is taken, [`Attempts`] takes the others too. A loop that cannot wait resolves
/// elsewhere and gives addresses to [`Attempts::with_addresses`], or a stream to [`WebSocket::connect_over`].
///
/// `options` take the place of those of a [`Connector`].
///
/// Register the returned connection, then give it a turn. That the server cannot be reached is reported by a
/// turn.
///
/// ```
/// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// # let url = format!("ws://{}/", listener.local_addr()?);
/// use mio::{Poll, Token};
/// use ws_proto_mio::{Options, connect};
///
/// let poll = Poll::new()?;
/// let mut socket = connect(&*url, Token(1), &Options::new())?; // "ws://example.com/"
/// let interest = socket.interest();
/// poll.registry().register(&mut socket, Token(1), interest)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`ConnectError`]; [`ConnectError::TlsNeeded`] for a `wss://` URL, which takes a TLS stream and
/// [`WebSocket::connect_over`].
pub fn connect<C>(
    to: C,
    token: Token,
    options: &Options,
) -> Result<WebSocket<TcpStream>, ConnectError>
where
    C: TryInto<Connector>,
    ConnectError: From<C::Error>,
{
    let mut attempts = Attempts::new(to, token, options)?;
    attempts.time = options.opening.get_handshake_time();
    attempts.connect()
}

/// The addresses of a host, which are connected to in turn, families alternating (RFC 8305 4), until one answers.
///
/// One after the other: each gets its share of [`Options::handshake_time`]. A loop that tries several at once takes the times
/// of `ws_proto::opening::HappyEyeballs`.
///
/// ```no_run
/// use mio::{Poll, Token};
/// use ws_proto_mio::{Attempts, Buffers, Error, Event, Instant, Options};
///
/// let poll = Poll::new()?;
/// let mut buffers = Buffers::new();
/// let mut attempts = Attempts::new("ws://example.com/", Token(0), &Options::new())?;
/// let mut socket = attempts.connect()?;
/// let interest = socket.interest();
/// poll.registry().register(&mut socket, Token(0), interest)?;
/// # let now = Instant::from_millis(0);
/// // In the loop, as long as the connection is not there:
/// let mut turn = socket.turn(&mut buffers, now);
/// if turn.read() {
///     if let Err(error) = turn.next_event() {
///         drop(turn);
///         socket = attempts.connect_after(error)?; // the next address, or why there is no connection
///         let interest = socket.interest();
///         poll.registry().register(&mut socket, Token(0), interest)?;
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Attempts {
    connector: Connector,
    token: Token,
    options: Options,
    addresses: vec::IntoIter<SocketAddr>,
    /// How long each may take.
    time: Duration,
    running: Option<(SocketAddr, Instant)>,
    failed: Vec<Attempt>,
}

impl Attempts {
    /// Resolves the host of a `ws://` URL by the system, which blocks if it is a name. `options` take the place of those of a
    /// [`Connector`].
    ///
    /// ```
    /// use mio::Token;
    /// use ws_proto_mio::{Attempts, ConnectError, Options};
    ///
    /// let options = Options::new();
    /// let attempts = Attempts::new("ws://127.0.0.1:9001/", Token(0), &options)?; // nothing is connected to yet
    /// let refused = Attempts::new("wss://127.0.0.1:9001/", Token(0), &options);
    /// assert!(matches!(refused, Err(ConnectError::TlsNeeded)));
    /// # drop(attempts);
    /// # Ok::<(), ConnectError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`connect`], and [`ConnectError::Resolve`].
    pub fn new<C>(to: C, token: Token, options: &Options) -> Result<Self, ConnectError>
    where
        C: TryInto<Connector>,
        ConnectError: From<C::Error>,
    {
        let connector = to.try_into()?;
        let uri = connector.uri();
        if uri.is_secure() {
            return Err(ConnectError::TlsNeeded);
        }
        let host = uri.connect_host().to_string();
        let addresses = match (&*host, uri.port()).to_socket_addrs() {
            Ok(addresses) => addresses,
            Err(error) => {
                let host = host.into();
                return Err(ConnectError::Resolve { host, error });
            }
        };
        Ok(Self::over(connector, addresses, token, options))
    }

    /// For these addresses, in the order of a resolver, whatever the host of the URL is.
    ///
    /// ```
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let addresses = [listener.local_addr()?];
    /// use mio::Token;
    /// use ws_proto_mio::{Attempts, Options};
    ///
    /// // `addresses` are those that the loop's own resolver has found for example.com.
    /// let mut attempts = Attempts::with_addresses("ws://example.com/", addresses, Token(0), &Options::new())?;
    /// let socket = attempts.connect()?;
    /// # drop(socket);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`connect`].
    pub fn with_addresses<C>(
        to: C,
        addresses: impl IntoIterator<Item = SocketAddr>,
        token: Token,
        options: &Options,
    ) -> Result<Self, ConnectError>
    where
        C: TryInto<Connector>,
        ConnectError: From<C::Error>,
    {
        let connector = to.try_into()?;
        if connector.uri().is_secure() {
            return Err(ConnectError::TlsNeeded);
        }
        Ok(Self::over(connector, addresses, token, options))
    }

    fn over(
        connector: Connector,
        addresses: impl IntoIterator<Item = SocketAddr>,
        token: Token,
        options: &Options,
    ) -> Self {
        let addresses = HappyEyeballs::new(addresses).addresses().to_vec();
        let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        let time = options.opening.get_handshake_time();
        Self {
            connector,
            token,
            options: options.clone(),
            addresses: addresses.into_iter(),
            time: time.checked_div(count).unwrap_or(time),
            running: None,
            failed: Vec::new(),
        }
    }

    /// Starts to connect to the next address. Register the returned connection; drop the one before.
    ///
    /// ```
    /// use mio::Token;
    /// use ws_proto_mio::{Attempts, ConnectError, Options};
    ///
    /// let nowhere = std::iter::empty();
    /// let mut attempts = Attempts::with_addresses("ws://example.com/", nowhere, Token(0), &Options::new())?;
    /// assert!(matches!(attempts.connect(), Err(ConnectError::Unreachable(_))));
    /// # Ok::<(), ConnectError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConnectError::Unreachable`] if there is no other address: it has the error of each.
    pub fn connect(&mut self) -> Result<WebSocket<TcpStream>, ConnectError> {
        for address in self.addresses.by_ref() {
            let started = Instant::now();
            let stream = match TcpStream::connect(address) {
                Ok(stream) => stream,
                Err(error) => {
                    let attempt = Attempt::new(address, started.elapsed(), Some(error));
                    self.failed.push(attempt);
                    continue;
                }
            };
            // It is only about delay.
            let _ = stream.set_nodelay(true);
            self.running = Some((address, started));
            let options = self.options.clone().handshake_time(self.time);
            return WebSocket::connect_over(stream, self.token, self.connector.clone(), &options);
        }
        let failed = std::mem::take(&mut self.failed);
        let host = self.connector.uri().connect_host().to_string();
        let unreachable = Unreachable::new(&host, failed);
        Err(ConnectError::Unreachable(unreachable))
    }

    /// Starts to connect to the next address, if `error` of a turn says that the last one cannot be reached or does not
    /// answer.
    ///
    /// ```
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let addresses = [listener.local_addr()?];
    /// use mio::Token;
    /// use ws_proto_mio::{Attempts, ConnectError, Error, Options, TimedOut};
    ///
    /// let mut attempts = Attempts::with_addresses("ws://example.com/", addresses, Token(0), &Options::new())?;
    /// let socket = attempts.connect()?;
    /// # drop(socket);
    /// // A turn of it has returned this error, and there is no other address.
    /// let error = Error::TimedOut(TimedOut::Handshake);
    /// match attempts.connect_after(error) {
    ///     Err(ConnectError::Unreachable(unreachable)) => println!("{unreachable}"),
    ///     other => panic!("{other:?}"),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect). A server that has answered is not tried elsewhere: its refusal, or its fault, is the
    /// error.
    pub fn connect_after(&mut self, error: Error) -> Result<WebSocket<TcpStream>, ConnectError> {
        let cause = match error {
            Error::Io(error) => Some(error),
            Error::TimedOut(_) => None,
            Error::Handshake(error) => return Err(ConnectError::Handshake(error)),
            Error::Refused(response) => return Err(ConnectError::Refused(response)),
            other => return Err(std::io::Error::other(other).into()),
        };
        if let Some((address, started)) = self.running.take() {
            self.failed
                .push(Attempt::new(address, started.elapsed(), cause));
        }
        self.connect()
    }
}

impl fmt::Debug for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempts")
            .field("left", &self.addresses.as_slice())
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
