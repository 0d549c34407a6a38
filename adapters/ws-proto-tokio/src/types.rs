//! The types of `ws-proto-async`, over streams of tokio.

#[cfg(doc)]
use tokio::io::{AsyncRead, AsyncWrite};
use ws_proto_async as core;
#[cfg(doc)]
use ws_proto_async::byte_stream;
#[cfg(feature = "net")]
use ws_proto_async::{ConnectError, Connector, Response};

use crate::io::Tokio;
#[cfg(feature = "net")]
use crate::net::{ClientStream, TokioNetwork};

/// An open WebSocket connection over a stream of tokio's. The [type](core::WebSocket) has all methods, and explains
/// cancel safety, the end and bursts.
///
/// ```
/// use tokio::net::TcpStream;
/// use ws_proto_tokio::WebSocket;
///
/// async fn greet(socket: &mut WebSocket<TcpStream>) -> Result<(), Box<dyn std::error::Error>> {
///     socket.send("hello").await?;
///     if let Some(answer) = socket.next().await {
///         println!("{:?}", answer?);
///     }
///     Ok(())
/// }
/// ```
pub type WebSocket<S> = core::WebSocket<Tokio<S>>;

/// The half of a connection that receives.
///
/// ```
/// use tokio::net::TcpStream;
/// use ws_proto_tokio::ReadHalf;
///
/// async fn print(mut half: ReadHalf<TcpStream>) -> Result<(), Box<dyn std::error::Error>> {
///     while let Some(message) = half.next().await {
///         println!("{:?}", message?);
///     }
///     Ok(())
/// }
/// ```
pub type ReadHalf<S> = core::ReadHalf<Tokio<S>>;

/// The half of a connection that sends.
///
/// ```
/// use tokio::net::TcpStream;
/// use ws_proto_tokio::WriteHalf;
///
/// async fn count(mut half: WriteHalf<TcpStream>) -> Result<(), Box<dyn std::error::Error>> {
///     for n in 0..10 {
///         half.send(format!("{n}")).await?;
///     }
///     Ok(())
/// }
/// ```
pub type WriteHalf<S> = core::WriteHalf<Tokio<S>>;

/// The messages of one read, borrowed.
///
/// ```
/// use tokio::net::TcpStream;
/// use ws_proto_tokio::WebSocket;
///
/// async fn echo(mut socket: WebSocket<TcpStream>) -> Result<(), Box<dyn std::error::Error>> {
///     while let Some(batch) = socket.next_batch().await {
///         let mut batch = batch?;
///         while let Some((message, mut sender)) = batch.next() {
///             sender.send(message)?;
///         }
///     }
///     Ok(())
/// }
/// ```
pub type Batch<'s, S> = core::Batch<'s, Tokio<S>>;

/// A connection as a stream of bytes: [`AsyncRead`], [`AsyncBufRead`](tokio::io::AsyncBufRead) and [`AsyncWrite`].
/// [`into_byte_stream`](WebSocket::into_byte_stream) makes it.
///
/// Messages are joined, a write is a message, and shutting down is Close 1000: [`byte_stream`] says all of it, the errors and
/// their close codes too. See the [type](core::ByteStream) for its methods.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let url = format!("ws://{}/", listener.local_addr()?);
/// # let server = tokio::spawn(async move {
/// #     let (stream, _) = listener.accept().await.unwrap();
/// #     let mut stream = ws_proto_tokio::accept(stream).await.unwrap().into_byte_stream();
/// #     let (mut read, mut write) = tokio::io::split(&mut stream);
/// #     tokio::io::copy(&mut read, &mut write).await
/// # });
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// let (socket, _) = ws_proto_tokio::connect(&url).await?; // "ws://example.com/bytes", an echo
/// let mut stream = socket.into_byte_stream();
/// stream.write_all(b"hello").await?;
/// let mut echo = [0; 5];
/// stream.read_exact(&mut echo).await?;
/// assert_eq!(&echo, b"hello");
/// stream.shutdown().await?; // Close 1000
/// assert_eq!(stream.read(&mut echo).await?, 0); // the peer's Close
/// # server.await??;
/// # Ok(())
/// # }
/// ```
pub type ByteStream<S> = core::ByteStream<Tokio<S>>;

/// A client that connects again when its connection is lost: see the [type](core::Reconnecting) for the updates it
/// reports, and what becomes of messages that were not written.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let url = format!("ws://{}/", listener.local_addr()?);
/// # let server = tokio::spawn(async move {
/// #     for _ in 0..2 {
/// #         let (stream, _) = listener.accept().await.unwrap();
/// #         let mut socket = ws_proto_tokio::accept(stream).await.unwrap();
/// #         socket.next().await.unwrap().unwrap();
/// #         socket.send("news").await.unwrap();
/// #         let _ = socket.close(CloseCode::SERVICE_RESTART, "").await;
/// #     }
/// # });
/// use std::time::Duration;
/// use ws_proto_tokio::reconnect::BackoffConfig;
/// use ws_proto_tokio::{CloseCode, Message, Reconnecting, Update};
///
/// let second = Duration::from_secs(1);
/// # let second = Duration::from_millis(1);
/// let mut client = Reconnecting::new(&url)? // "wss://example.com/news"
///     .backoff(BackoffConfig::new().first(second).busy(second, 2 * second))
///     .on_connect(|_| [Message::text("subscribe")]);
/// # let mut news = 0;
/// while let Some(update) = client.next().await {
///     match update {
///         Update::Connected(connected) => println!("attempt {}", connected.attempt),
///         Update::Message(message) => println!("{message:?}"),
///         Update::Disconnected(lost) => {
///             println!("{}; again in {:?}", lost.reason, lost.delay);
///             // lost.unsent: messages to send again, or to give up
///             # news += 1;
///             # if news == 2 { client.close(CloseCode::NORMAL, "").await?; }
///         }
///         Update::Ended(ended) => println!("{}", ended.reason),
///         _ => {}
///     }
/// }
/// # assert_eq!(news, 2);
/// # server.await?;
/// # Ok(())
/// # }
/// ```
pub type Reconnecting<S> = core::Reconnecting<Tokio<S>>;

#[cfg(feature = "net")]
impl core::Connect for Tokio<ClientStream> {
    fn connect(
        connector: Connector,
    ) -> impl Future<Output = Result<(WebSocket<ClientStream>, Response), ConnectError>> + Send + 'static
    {
        crate::connect(connector)
    }

    fn timer() -> impl core::Timer + Send + 'static {
        Tokio::timer()
    }
}

/// A client's request on its stream, to be looked at and answered.
///
/// ```
/// use tokio::net::TcpStream;
/// use ws_proto_tokio::{Accept, Incoming, PlainResponse};
///
/// async fn answer(incoming: Incoming<TcpStream>) -> Result<(), Box<dyn std::error::Error>> {
///     if incoming.request().path() != "/chat" {
///         return Ok(incoming.respond(&PlainResponse::new(404)).await?);
///     }
///     let mut socket = incoming.accept(&Accept::new()).await?;
///     Ok(socket.send("hello").await?)
/// }
/// ```
pub type Incoming<S> = core::Incoming<Tokio<S>>;

/// How to get to a server: the place, proxies, certificates, sockets. It has the methods of [`core::net::Client`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let port = listener.local_addr()?.port();
/// # tokio::spawn(async move {
/// #     let (stream, _) = listener.accept().await.unwrap();
/// #     let _socket = ws_proto_tokio::accept(stream).await.unwrap();
/// # });
/// use std::time::Duration;
/// use ws_proto_tokio::{Client, Connector, Options, Proxy};
///
/// let client = Client::new()
///     .connect_to("127.0.0.1", port) // in place of example.com, which stays the `Host`
///     .before_connect(|socket, _| socket.set_recv_buffer_size(64 * 1024));
/// let options = Options::new().handshake_time(Duration::from_secs(5)); // for all stages together
/// let connector = Connector::new("ws://example.com/feed")?
///     .header("Authorization", "Bearer abc")
///     .options(options);
/// let (socket, _) = client.connect(connector).await?;
/// assert!(socket.get_ref().tcp().is_some_and(|tcp| tcp.nodelay().unwrap()));
///
/// // Through a proxy, or through the one that the environment names.
/// let proxied = Client::new().proxy(Proxy::new("http://me:secret@proxy.example:3128")?);
/// let by_environment = Client::new().proxy_from_env();
/// # let _ = (proxied, by_environment);
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "net")]
pub type Client = core::net::Client<TokioNetwork>;
