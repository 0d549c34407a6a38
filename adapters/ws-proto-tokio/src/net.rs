//! Sockets, name resolution, TLS.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
#[cfg(feature = "rustls")]
use ws_proto_async::net::receive;
use ws_proto_async::net::{Network, TlsRequest};

use crate::io::Tokio;

/// What [`connect`](crate::connect) and [`Client`](crate::Client) connect over: a socket, or TLS over one.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let port = ws_proto_suite::shells::example::server();
/// # let url = format!("ws://127.0.0.1:{port}/");
/// use ws_proto_tokio::{ClientStream, connect};
///
/// let (socket, _) = connect(&url).await?;
/// match socket.get_ref() {
///     ClientStream::Tcp(stream) => assert_eq!(stream.peer_addr()?.port(), port),
///     other => println!("{other:?}"),
/// }
/// # Ok(())
/// # }
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
    Tls(Box<tokio_rustls::client::TlsStream<Self>>),
}

impl ClientStream {
    /// The TCP socket below, if there is one.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let port = ws_proto_suite::shells::example::server();
    /// # let url = format!("ws://127.0.0.1:{port}/");
    /// let (socket, _) = ws_proto_tokio::connect(&url).await?;
    /// let stream = socket.get_ref().tcp().expect("no Unix socket");
    /// println!("{} talks to {}", stream.local_addr()?, stream.peer_addr()?);
    /// # Ok(())
    /// # }
    /// ```
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
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let port = ws_proto_suite::shells::example::server();
    /// # let url = format!("ws://127.0.0.1:{port}/");
    /// use ws_proto_tokio::{ClientStream, connect};
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
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "rustls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "rustls")))]
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
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(self.get_mut(), stream => Pin::new(stream).poll_read(cx, buffer))
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

    fn is_write_vectored(&self) -> bool {
        each!(self, stream => stream.is_write_vectored())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), stream => Pin::new(stream).poll_shutdown(cx))
    }
}

/// tokio's sockets, resolver and timer, for a [`Client`](crate::Client).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let port = ws_proto_suite::shells::example::server();
/// # let url = format!("ws://127.0.0.1:{port}/");
/// use ws_proto_tokio::TokioNetwork;
///
/// // What `Client` stands for.
/// let client = ws_proto_async::net::Client::<TokioNetwork>::new();
/// let (socket, _) = client.connect(&*url).await?;
/// # drop(socket);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct TokioNetwork;

impl Network for TokioNetwork {
    type Stream = ClientStream;
    type Io = Tokio<ClientStream>;

    const HAS_TLS: bool = cfg!(feature = "rustls");

    fn now() -> Instant {
        tokio::time::Instant::now().into_std()
    }

    async fn sleep_until(at: Instant) {
        tokio::time::sleep_until(at.into()).await;
    }

    async fn resolve(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }

    async fn open_tcp(socket: std::net::TcpStream) -> io::Result<ClientStream> {
        let stream = TcpStream::from_std(socket)?;
        stream.writable().await?;
        match stream.take_error()? {
            None => Ok(ClientStream::Tcp(stream)),
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
            let connector = tokio_rustls::TlsConnector::from(tls.config);
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

    fn io(stream: ClientStream) -> Tokio<ClientStream> {
        Tokio::new(stream)
    }
}
