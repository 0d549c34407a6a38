use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use crate::io::Io;

/// What a runtime brings so that a [`Client`](super::Client) can connect.
///
/// Dropping a future ends its operation.
///
/// ```
/// # use ws_proto_async::WebSocket;
/// use ws_proto_async::ConnectError;
/// use ws_proto_async::net::{Client, Network};
///
/// /// Works on every runtime that has a `Network`, such as `TokioNetwork` and `SmolNetwork`.
/// async fn connect<N: Network>(url: &str) -> Result<WebSocket<N::Io>, ConnectError> {
///     let (socket, _) = Client::<N>::new().connect(url).await?;
///     Ok(socket)
/// }
/// ```
///
/// An implementation, here one that changes another:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let port = ws_proto_suite::shells::example::server();
/// use std::io;
/// use std::net::{Ipv4Addr, SocketAddr, TcpStream};
/// use std::time::Instant;
/// use ws_proto_async::net::{Client, Network, TlsRequest};
/// use ws_proto_tokio::{ClientStream, Tokio, TokioNetwork};
///
/// /// Every name is this machine, for tests.
/// struct Loopback;
///
/// impl Network for Loopback {
///     type Stream = ClientStream;
///     type Io = Tokio<ClientStream>;
///
///     const HAS_TLS: bool = TokioNetwork::HAS_TLS;
///
///     fn now() -> Instant {
///         TokioNetwork::now()
///     }
///
///     async fn sleep_until(at: Instant) {
///         TokioNetwork::sleep_until(at).await;
///     }
///
///     async fn resolve(_host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
///         Ok(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))])
///     }
///
///     async fn open_tcp(socket: TcpStream) -> io::Result<ClientStream> {
///         TokioNetwork::open_tcp(socket).await
///     }
///
///     #[cfg(unix)]
///     async fn open_unix(path: std::path::PathBuf) -> io::Result<ClientStream> {
///         TokioNetwork::open_unix(path).await
///     }
///
///     async fn secure(stream: ClientStream, tls: TlsRequest, received: Vec<u8>) -> io::Result<ClientStream> {
///         TokioNetwork::secure(stream, tls, received).await
///     }
///
///     fn io(stream: ClientStream) -> Tokio<ClientStream> {
///         TokioNetwork::io(stream)
///     }
/// }
///
/// let url = format!("ws://chat.example:{port}/");
/// let (socket, _) = Client::<Loopback>::new().connect(&*url).await?;
/// # drop(socket);
/// # Ok(())
/// # }
/// ```
pub trait Network: 'static {
    /// A stream that this runtime can wait for: TCP, a Unix socket, TLS over one of them.
    type Stream: Send;

    /// The stream with the clock and the timer of the runtime.
    type Io: Io<Stream = Self::Stream>;

    /// Whether [`secure`](Self::secure) can do TLS. Without it a `wss` URL is an error before anything is sent.
    const HAS_TLS: bool;

    /// The time, by the runtime's clock.
    fn now() -> Instant;

    /// Waits until then, by the runtime's timer.
    fn sleep_until(at: Instant) -> impl Future<Output = ()> + Send;

    /// Asks the resolver of the system for the addresses of a name, which can have a zone after `%`.
    fn resolve(host: String, port: u16)
    -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;

    /// Takes a non-blocking socket that has begun to connect, and waits until it is connected: it can be written to then,
    /// and `take_error` of the socket returns `None`.
    fn open_tcp(socket: TcpStream) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Connects to a Unix socket.
    #[cfg(unix)]
    fn open_unix(path: std::path::PathBuf)
    -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// TLS over a stream, of which `received` was read already.
    ///
    /// # Errors
    ///
    /// That of TLS, or of the stream. Without [`HAS_TLS`](Self::HAS_TLS) it is not called.
    fn secure(
        stream: Self::Stream,
        tls: TlsRequest,
        received: Vec<u8>,
    ) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Adds clock and timer.
    fn io(stream: Self::Stream) -> Self::Io;
}

/// What [`Network::secure`] is asked for. Its fields are there with the feature `rustls`.
///
/// ```
/// # #[cfg(feature = "rustls")]
/// # mod tls {
/// use ws_proto_async::net::{TlsRequest, receive};
/// use ws_proto_async::rustls::ClientConnection;
///
/// /// The first step of `Network::secure`.
/// fn begin(tls: TlsRequest, received: &[u8]) -> Result<ClientConnection, Box<dyn std::error::Error>> {
///     let mut connection = ClientConnection::new(tls.config, tls.server_name)?;
///     receive(&mut connection, received)?;
///     Ok(connection)
/// }
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct TlsRequest {
    /// Whom to trust, and what to offer.
    #[cfg(feature = "rustls")]
    pub config: std::sync::Arc<rustls::ClientConfig>,
    /// The name that the certificate has to have.
    #[cfg(feature = "rustls")]
    pub server_name: rustls::pki_types::ServerName<'static>,
}
