//! Sockets, name resolution, TLS.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use async_io::{Async, Timer};
use async_net::TcpStream;
#[cfg(unix)]
use async_net::unix::UnixStream;
use futures_io::{AsyncRead, AsyncWrite};
#[cfg(feature = "rustls")]
use ws_proto_async::net::receive;
use ws_proto_async::net::{Network, TlsRequest};

use crate::io::Smol;

/// What [`connect`](crate::connect) and [`Client`](crate::Client) connect over: a socket, or TLS over one.
///
/// ```
/// # smol::block_on(async {
/// # let port = ws_proto_suite::shells::example::server();
/// # let url = format!("ws://127.0.0.1:{port}/");
/// use ws_proto_smol::{ClientStream, connect};
///
/// let (socket, _) = connect(&url).await?;
/// match socket.get_ref() {
///     ClientStream::Tcp(stream) => assert_eq!(stream.peer_addr()?.port(), port),
///     other => println!("{other:?}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientStream {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix socket.
    #[cfg(unix)]
    Unix(UnixStream),
    /// TLS over the stream inside.
    #[cfg(feature = "rustls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "rustls")))]
    Tls(Box<futures_rustls::client::TlsStream<Self>>),
}

impl ClientStream {
    /// The TCP socket below, if there is one.
    ///
    /// ```
    /// # smol::block_on(async {
    /// # let port = ws_proto_suite::shells::example::server();
    /// # let url = format!("ws://127.0.0.1:{port}/");
    /// let (socket, _) = ws_proto_smol::connect(&url).await?;
    /// let stream = socket.get_ref().tcp().expect("no Unix socket");
    /// println!("{} talks to {}", stream.local_addr()?, stream.peer_addr()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(stream) => Some(stream),
            #[cfg(unix)]
            Self::Unix(_) => None,
            #[cfg(feature = "rustls")]
            Self::Tls(stream) => stream.get_ref().0.tcp(),
        }
    }

    /// The state of TLS: the certificates of the server, the protocol.
    ///
    /// ```
    /// # smol::block_on(async {
    /// # let port = ws_proto_suite::shells::example::server();
    /// # let url = format!("ws://127.0.0.1:{port}/");
    /// use ws_proto_smol::{ClientStream, connect};
    ///
    /// fn describe(stream: &ClientStream) -> String {
    ///     match stream.tls() {
    ///         Some(tls) => format!("{:?}, {:?}", tls.protocol_version(), tls.peer_certificates()),
    ///         None => "no TLS".to_owned(),
    ///     }
    /// }
    ///
    /// let (socket, _) = connect(&url).await?; // a "ws" URL
    /// assert_eq!(describe(socket.get_ref()), "no TLS");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "rustls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "rustls")))]
    #[must_use]
    pub fn tls(&self) -> Option<&ws_proto_async::rustls::ClientConnection> {
        match self {
            Self::Tls(stream) => Some(stream.get_ref().1),
            _ => None,
        }
    }
}

/// Does the same with whatever the stream is.
macro_rules! each {
    ($stream:expr, $inner:ident => $does:expr) => {
        match $stream {
            ClientStream::Tcp($inner) => $does,
            #[cfg(unix)]
            ClientStream::Unix($inner) => $does,
            #[cfg(feature = "rustls")]
            ClientStream::Tls($inner) => $does,
        }
    };
}

impl AsyncRead for ClientStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        each!(self.get_mut(), stream => Pin::new(stream).poll_read(cx, buffer))
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self.get_mut(), stream => Pin::new(stream).poll_read_vectored(cx, buffers))
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(self.get_mut(), stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self.get_mut(), stream => Pin::new(stream).poll_write_vectored(cx, slices))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), stream => Pin::new(stream).poll_close(cx))
    }
}

/// The sockets and the resolver of `async-net`, and the timer of `async-io`, for a [`Client`](crate::Client).
///
/// ```
/// # smol::block_on(async {
/// # let port = ws_proto_suite::shells::example::server();
/// # let url = format!("ws://127.0.0.1:{port}/");
/// use ws_proto_smol::SmolNetwork;
///
/// // What `Client` stands for.
/// let client = ws_proto_async::net::Client::<SmolNetwork>::new();
/// let (socket, _) = client.connect(&*url).await?;
/// # drop(socket);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct SmolNetwork;

impl Network for SmolNetwork {
    type Stream = ClientStream;
    type Io = Smol<ClientStream>;

    const HAS_TLS: bool = cfg!(feature = "rustls");

    fn now() -> Instant {
        Instant::now()
    }

    async fn sleep_until(at: Instant) {
        Timer::at(at).await;
    }

    async fn resolve(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
        async_net::resolve((host, port)).await
    }

    async fn open_tcp(socket: std::net::TcpStream) -> io::Result<ClientStream> {
        let stream = Async::new_nonblocking(socket)?;
        stream.writable().await?;
        match stream.get_ref().take_error()? {
            None => Ok(ClientStream::Tcp(stream.into())),
            Some(error) => Err(error),
        }
    }

    #[cfg(unix)]
    async fn open_unix(path: std::path::PathBuf) -> io::Result<ClientStream> {
        UnixStream::connect(path).await.map(ClientStream::Unix)
    }

    async fn secure(
        stream: ClientStream,
        tls: TlsRequest,
        received: Vec<u8>,
    ) -> io::Result<ClientStream> {
        #[cfg(feature = "rustls")]
        {
            let connector = futures_rustls::TlsConnector::from(tls.config);
            let mut given = Ok(());
            let secured = connector.connect_with(tls.server_name, stream, |connection| {
                given = receive(connection, &received);
            });
            given?;
            let secured = secured.await?;
            Ok(ClientStream::Tls(Box::new(secured)))
        }
        #[cfg(not(feature = "rustls"))]
        {
            drop((stream, tls, received));
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    fn io(stream: ClientStream) -> Smol<ClientStream> {
        Smol::new(stream)
    }
}
