use std::fmt;
use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use ws_proto::opening::{ConnectError, Connector, Proxy, Response};

use super::network::Network;
use super::open::secure;
#[cfg(feature = "rustls")]
use super::open::{is_of_tls, tls_error};
use super::stages::Stages;
#[cfg(feature = "rustls")]
use super::tls::Tls;
use super::tunnel::Route;
use crate::io::Io;
use crate::socket::WebSocket;

/// How to get to a server; a [`Connector`] is what to ask it for.
///
/// By default the host and the port of the URL are connected to, at every address that the resolver of the system knows,
/// by the times of RFC 8305, without a [proxy](Self::proxy); `wss` is TLS with the certificates of the features; sockets
/// have `TCP_NODELAY`.
/// [`Options::handshake_time`](ws_proto::opening::Options::handshake_time) is the limit for all stages together.
///
/// It can be kept and cloned: clones share certificates and TLS sessions.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let port = ws_proto_suite::shells::example::server();
/// use std::time::Duration;
/// use ws_proto_tokio::{Client, Connector, Options}; // or ws_proto_smol
///
/// let client = Client::new()
///     .attempt_delay(Duration::from_millis(100))
///     .before_connect(|socket, _| socket.set_keepalive(true))
///     .connect_to("127.0.0.1", port); // in place of example.com
/// for path in ["/news", "/weather"] {
///     let connector = Connector::new(&format!("ws://example.com{path}"))?
///         .options(Options::new().handshake_time(Duration::from_secs(5)));
///     let (mut socket, _) = client.connect(connector).await?;
///     socket.send("subscribe").await?;
/// }
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct Client<N> {
    pub(super) place: Option<Place>,
    pub(super) resolver: Option<Resolver>,
    pub(super) attempt_delay: Option<Duration>,
    pub(super) nodelay: bool,
    pub(super) before_connect: Option<Hook>,
    pub(super) route: Route,
    #[cfg(feature = "rustls")]
    pub(super) tls: Tls,
    #[cfg(feature = "rustls")]
    pub(super) proxy_tls: Tls,
    network: PhantomData<fn() -> N>,
}

type Resolver = Arc<dyn Fn(String, u16) -> Resolving + Send + Sync>;

type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

type Hook = Arc<dyn Fn(&SockRef<'_>, SocketAddr) -> io::Result<()> + Send + Sync>;

/// Where to connect to.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Host(Box<str>, u16),
    #[cfg(unix)]
    Unix(PathBuf),
}

impl<N: Network> Client<N> {
    /// The defaults.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let port = ws_proto_suite::shells::example::server();
    /// use ws_proto_tokio::Client;
    ///
    /// let url = format!("ws://127.0.0.1:{port}/");
    /// let (socket, response) = Client::new().connect(&*url).await?; // as `ws_proto_tokio::connect`
    /// assert_eq!(response.status(), 101);
    /// # drop(socket);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new() -> Self {
        Self {
            place: None,
            resolver: None,
            attempt_delay: None,
            nodelay: true,
            before_connect: None,
            route: Route::Direct,
            #[cfg(feature = "rustls")]
            tls: Tls::shared(),
            #[cfg(feature = "rustls")]
            proxy_tls: Tls::shared(),
            network: PhantomData,
        }
    }

    /// Connects to this host, a name or an IP address without brackets, and port. `Host`, and the name that the certificate
    /// has to have, are still those of the URL. With a [proxy](Self::proxy) it is the proxy that connects there.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let port = ws_proto_suite::shells::example::server();
    /// use ws_proto_tokio::Client;
    ///
    /// // A server under test that answers for example.com.
    /// let client = Client::new().connect_to("127.0.0.1", port);
    /// let (socket, _) = client.connect("ws://example.com/").await?;
    /// # drop(socket);
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect_to(mut self, host: &str, port: u16) -> Self {
        self.place = Some(Place::Host(host.into(), port));
        self
    }

    /// Connects to this Unix socket; the URL says what to ask for, such as `ws://localhost/events`. There is no proxy then.
    ///
    /// ```
    /// use ws_proto_tokio::Client;
    ///
    /// # async fn events() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Client::new().connect_to_unix("/run/events.sock");
    /// let (mut socket, _) = client.connect("ws://localhost/events").await?;
    /// while let Some(event) = socket.next().await {
    ///     println!("{:?}", event?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(unix)]
    pub fn connect_to_unix(mut self, path: impl AsRef<Path>) -> Self {
        self.place = Some(Place::Unix(path.as_ref().into()));
        self
    }

    /// Sets a function that finds the addresses of a host, from its name and the port, in place of the resolver of the
    /// system. It is not called for IP addresses.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let port = ws_proto_suite::shells::example::server();
    /// use std::net::Ipv4Addr;
    /// use ws_proto_tokio::Client;
    ///
    /// // Names of a service registry, for instance.
    /// let client = Client::new().resolver(|name, port| async move {
    ///     match &*name {
    ///         "chat.internal" => Ok(vec![(Ipv4Addr::LOCALHOST, port).into()]),
    ///         _ => Err(std::io::ErrorKind::NotFound.into()),
    ///     }
    /// });
    /// let url = format!("ws://chat.internal:{port}/");
    /// let (socket, _) = client.connect(&*url).await?;
    /// # drop(socket);
    /// # Ok(())
    /// # }
    /// ```
    pub fn resolver<F, A>(mut self, resolver: F) -> Self
    where
        F: Fn(String, u16) -> A + Send + Sync + 'static,
        A: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        self.resolver = Some(Arc::new(move |host, port| Box::pin(resolver(host, port))));
        self
    }

    /// Sets how long an address may be tried before the next one is tried beside it: 250 ms by default, no less than 10 ms
    /// (RFC 8305 5).
    ///
    /// ```
    /// use std::time::Duration;
    /// use ws_proto_tokio::Client;
    ///
    /// let client = Client::new().attempt_delay(Duration::from_millis(50)); // for a local network
    /// # drop(client);
    /// ```
    pub const fn attempt_delay(mut self, delay: Duration) -> Self {
        self.attempt_delay = Some(delay);
        self
    }

    /// Sets whether TCP sends small segments at once (`TCP_NODELAY`). It does by default.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let port = ws_proto_suite::shells::example::server();
    /// use ws_proto_tokio::Client;
    ///
    /// let client = Client::new().nodelay(false); // for throughput, where delay does not count
    /// let url = format!("ws://127.0.0.1:{port}/");
    /// let (socket, _) = client.connect(&*url).await?;
    /// assert!(!socket.get_ref().tcp().unwrap().nodelay()?);
    /// # Ok(())
    /// # }
    /// ```
    pub const fn nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = nodelay;
        self
    }

    /// Sets a function to call with each TCP socket before it connects to an address: bind it to an interface, mark it, set its
    /// buffers. An error is that of the attempt.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let port = ws_proto_suite::shells::example::server();
    /// use ws_proto_tokio::Client;
    ///
    /// let client = Client::new().before_connect(|socket, address| {
    ///     println!("connecting to {address}");
    ///     socket.set_recv_buffer_size(1 << 20)
    /// });
    /// let url = format!("ws://127.0.0.1:{port}/");
    /// let (socket, _) = client.connect(&*url).await?;
    /// # drop(socket);
    /// # Ok(())
    /// # }
    /// ```
    pub fn before_connect<F>(mut self, hook: F) -> Self
    where
        F: Fn(&SockRef<'_>, SocketAddr) -> io::Result<()> + Send + Sync + 'static,
    {
        self.before_connect = Some(Arc::new(hook));
        self
    }

    /// Sets which servers are trusted with `wss`, and the client certificate: a [`Tls`], or a `ClientConfig` of rustls.
    ///
    /// ```
    /// use ws_proto_async::net::{Client, Network, Tls};
    ///
    /// /// For servers with certificates of the company's own authority.
    /// fn client<N: Network>(ca: &[u8]) -> std::io::Result<Client<N>> {
    ///     Ok(Client::new().tls(Tls::empty().trust_pem(ca)?))
    /// }
    /// ```
    #[cfg(feature = "rustls")]
    pub fn tls(mut self, tls: impl Into<Tls>) -> Self {
        self.tls = tls.into();
        self
    }

    /// Connects to servers through this proxy, with `ws` and with `wss`; TLS is with the server, inside the tunnel.
    ///
    /// The addresses, [`resolver`](Self::resolver), [`attempt_delay`](Self::attempt_delay), [`nodelay`](Self::nodelay) and
    /// [`before_connect`](Self::before_connect) are those of the proxy then. `http` and `https` proxies are asked by
    /// `CONNECT` (RFC 9110 9.3.6), `https` needs the feature `rustls`; `socks5` and `socks5h` need the feature `socks`, and
    /// take no credentials or a user name and a password of 1 to 255 bytes each: `socks5://user@host` is
    /// [`ProxyError::Credentials`](ws_proto::opening::ProxyError::Credentials).
    ///
    /// ```
    /// use ws_proto_tokio::{Client, Proxy};
    ///
    /// let proxy = Proxy::new("http://me:secret@proxy.example:3128")?;
    /// let client = Client::new().proxy(proxy);
    /// # drop(client);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.route = Route::Through(Box::new(proxy));
        self
    }

    /// Connects through the proxies that environment variables name, such as `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, by
    /// the rules of curl: see [`Proxy::from_env`]. They are read by each [`connect`](Self::connect), which fails with
    /// [`ConnectError::Proxy`] if the one that counts is not the URL of a proxy.
    ///
    /// Without this call the environment has no effect.
    ///
    /// ```
    /// use ws_proto_tokio::Client;
    ///
    /// let client = Client::new().proxy_from_env(); // as curl and others do
    /// # drop(client);
    /// ```
    pub fn proxy_from_env(mut self) -> Self {
        self.route = Route::Environment;
        self
    }

    /// Sets which `https` proxies are trusted, and the client certificate for them. By default it is the [`Tls::new`] of the
    /// features: what [`tls`](Self::tls) sets is for servers.
    ///
    /// ```
    /// use ws_proto_async::net::{Client, Network, Tls};
    /// use ws_proto_async::Proxy;
    ///
    /// /// Through a proxy whose certificate is of the company's own authority, to servers of the world.
    /// fn client<N: Network>(ca: &[u8]) -> Result<Client<N>, Box<dyn std::error::Error>> {
    ///     let proxy = Proxy::new("https://proxy.example")?;
    ///     Ok(Client::new().proxy(proxy).proxy_tls(Tls::empty().trust_pem(ca)?))
    /// }
    /// ```
    #[cfg(feature = "rustls")]
    pub fn proxy_tls(mut self, tls: impl Into<Tls>) -> Self {
        self.proxy_tls = tls.into();
        self
    }

    /// Connects, and asks for a WebSocket connection.
    ///
    /// Redirects are not followed: [`ConnectError::Refused`] has the response. Dropping the future drops all streams that were
    /// connected.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let port = ws_proto_suite::shells::example::server();
    /// use ws_proto_tokio::{Client, ConnectError, Connector, Message};
    ///
    /// let client = Client::new().connect_to("127.0.0.1", port);
    /// let connector = Connector::new("ws://example.com/chat")?.header("Authorization", "Bearer abc");
    /// match client.connect(connector).await {
    ///     Ok((mut socket, _)) => {
    ///         socket.send("hello").await?;
    ///         assert_eq!(socket.next().await.transpose()?, Some(Message::text("hello"))); // an echo
    ///     }
    ///     Err(ConnectError::Refused(response)) => println!("{}: log in first", response.status()),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConnectError`]: of the addresses each with its own error in [`ConnectError::Unreachable`], of the time that is over
    /// the stage in [`ConnectError::TimedOut`]; with a proxy [`ConnectError::Proxy`] until the tunnel is there.
    /// [`ConnectError::TlsNeeded`] for a `wss` URL without the feature `rustls`.
    pub async fn connect<C>(&self, to: C) -> Result<(WebSocket<N::Io>, Response), ConnectError>
    where
        C: TryInto<Connector>,
        ConnectError: From<C::Error>,
    {
        // Boxed, as in `accept`: a task stays as big as its biggest future.
        Box::pin(self.connect_with(to, N::io)).await
    }

    /// As [`connect`](Self::connect), over what `io` makes of the stream once it leads to the server, inside of TLS: to
    /// record, count or slow down its bytes. Clock and timer are those of the runtime:
    /// `|stream| Tokio::new(Recorded::not(stream))`, for instance.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let port = ws_proto_suite::shells::example::server();
    /// use ws_proto_tokio::{Client, ClientStream, Tokio};
    ///
    /// let url = format!("ws://127.0.0.1:{port}/");
    /// let (mut socket, _) = Client::new()
    ///     .connect_with(&*url, |stream: ClientStream| Tokio::new(tokio::io::BufReader::new(stream)))
    ///     .await?;
    /// socket.send("hello").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub async fn connect_with<C, I: Io>(
        &self,
        to: C,
        io: impl FnOnce(N::Stream) -> I,
    ) -> Result<(WebSocket<I>, Response), ConnectError>
    where
        C: TryInto<Connector>,
        ConnectError: From<C::Error>,
    {
        let connector = to.try_into()?;
        let tls = self.tls_for(&connector)?;
        let host = String::from(connector.uri().host());
        #[cfg(feature = "rustls")]
        let is_secure = connector.uri().is_secure();
        let stages = Stages::<N>::begin(connector.get_options().get_handshake_time());
        let (stream, received) = self.reach(&connector, &stages).await?;
        let (stream, received) = match tls {
            None => (stream, received),
            Some(tls) => {
                let secured = secure(stream, tls, received, &host, &stages);
                (secured.await?, Vec::new())
            }
        };
        let io = io(stream);
        let connected = crate::client::connect_after(io, &received, connector, stages.left()).await;
        connected.map_err(|error| match error {
            ConnectError::TimedOut(late) => late.host(&host).into(),
            // With TLS 1.3 a server refuses the certificate of a client after the handshake.
            #[cfg(feature = "rustls")]
            ConnectError::Io(error) if is_secure && is_of_tls(&error) => tls_error(&host, error),
            error => error,
        })
    }
}

impl<N: Network> Default for Client<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<N> Clone for Client<N> {
    fn clone(&self) -> Self {
        Self {
            place: self.place.clone(),
            resolver: self.resolver.clone(),
            attempt_delay: self.attempt_delay,
            nodelay: self.nodelay,
            before_connect: self.before_connect.clone(),
            route: self.route.clone(),
            #[cfg(feature = "rustls")]
            tls: self.tls.clone(),
            #[cfg(feature = "rustls")]
            proxy_tls: self.proxy_tls.clone(),
            network: PhantomData,
        }
    }
}

impl<N> fmt::Debug for Client<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("place", &self.place)
            .field("attempt_delay", &self.attempt_delay)
            .field("nodelay", &self.nodelay)
            .field("route", &self.route)
            .finish_non_exhaustive()
    }
}
