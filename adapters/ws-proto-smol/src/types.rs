//! The types of `ws-proto-async`, over streams of `futures-io`.

#[cfg(doc)]
use futures_io::{AsyncRead, AsyncWrite};
use ws_proto_async as core;
#[cfg(doc)]
use ws_proto_async::byte_stream;
#[cfg(feature = "net")]
use ws_proto_async::{ConnectError, Connector, Response};

use crate::io::Smol;
#[cfg(feature = "net")]
use crate::net::{ClientStream, SmolNetwork};

/// An open WebSocket connection over a stream of `futures-io`. The [type](core::WebSocket) has all methods, and explains
/// cancel safety, the end and bursts.
///
/// ```
/// use smol::net::TcpStream;
/// use ws_proto_smol::WebSocket;
///
/// async fn greet(socket: &mut WebSocket<TcpStream>) -> Result<(), Box<dyn std::error::Error>> {
///     socket.send("hello").await?;
///     if let Some(answer) = socket.next().await {
///         println!("{:?}", answer?);
///     }
///     Ok(())
/// }
/// ```
pub type WebSocket<S> = core::WebSocket<Smol<S>>;

/// The half of a connection that receives.
///
/// ```
/// use smol::net::TcpStream;
/// use ws_proto_smol::ReadHalf;
///
/// async fn print(mut half: ReadHalf<TcpStream>) -> Result<(), Box<dyn std::error::Error>> {
///     while let Some(message) = half.next().await {
///         println!("{:?}", message?);
///     }
///     Ok(())
/// }
/// ```
pub type ReadHalf<S> = core::ReadHalf<Smol<S>>;

/// The half of a connection that sends.
///
/// ```
/// use smol::net::TcpStream;
/// use ws_proto_smol::WriteHalf;
///
/// async fn count(mut half: WriteHalf<TcpStream>) -> Result<(), Box<dyn std::error::Error>> {
///     for n in 0..10 {
///         half.send(format!("{n}")).await?;
///     }
///     Ok(())
/// }
/// ```
pub type WriteHalf<S> = core::WriteHalf<Smol<S>>;

/// The messages of one read, borrowed.
///
/// ```
/// use smol::net::TcpStream;
/// use ws_proto_smol::WebSocket;
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
pub type Batch<'s, S> = core::Batch<'s, Smol<S>>;

/// A connection as a stream of bytes: [`AsyncRead`], [`AsyncBufRead`](futures_io::AsyncBufRead) and [`AsyncWrite`].
/// [`into_byte_stream`](WebSocket::into_byte_stream) makes it.
///
/// Messages are joined, a write is a message, and closing is Close 1000: [`byte_stream`] says all of it, the errors and their
/// close codes too. See the [type](core::ByteStream) for its methods.
///
/// ```
/// # smol::block_on(async {
/// # let listener = smol::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let url = format!("ws://{}/", listener.local_addr()?);
/// # let server = smol::spawn(async move {
/// #     let (stream, _) = listener.accept().await.unwrap();
/// #     let stream = ws_proto_smol::accept(stream).await.unwrap().into_byte_stream();
/// #     let (read, mut write) = smol::io::split(stream);
/// #     smol::io::copy(read, &mut write).await
/// # });
/// use smol::io::{AsyncReadExt, AsyncWriteExt};
///
/// let (socket, _) = ws_proto_smol::connect(&url).await?; // "ws://example.com/bytes", an echo
/// let mut stream = socket.into_byte_stream();
/// stream.write_all(b"hello").await?;
/// let mut echo = [0; 5];
/// stream.read_exact(&mut echo).await?;
/// assert_eq!(&echo, b"hello");
/// stream.close().await?; // Close 1000
/// assert_eq!(stream.read(&mut echo).await?, 0); // the peer's Close
/// # server.await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type ByteStream<S> = core::ByteStream<Smol<S>>;

/// A client that connects again when its connection is lost: see the [type](core::Reconnecting) for the updates it
/// reports, and what becomes of messages that were not written.
///
/// ```
/// # smol::block_on(async {
/// # let listener = smol::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let url = format!("ws://{}/", listener.local_addr()?);
/// # let server = smol::spawn(async move {
/// #     for _ in 0..2 {
/// #         let (stream, _) = listener.accept().await.unwrap();
/// #         let mut socket = ws_proto_smol::accept(stream).await.unwrap();
/// #         socket.next().await.unwrap().unwrap();
/// #         socket.send("news").await.unwrap();
/// #         let _ = socket.close(CloseCode::SERVICE_RESTART, "").await;
/// #     }
/// # });
/// use std::time::Duration;
/// use ws_proto_smol::reconnect::BackoffConfig;
/// use ws_proto_smol::{CloseCode, Message, Reconnecting, Update};
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
/// # server.await;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type Reconnecting<S> = core::Reconnecting<Smol<S>>;

#[cfg(feature = "net")]
impl core::Connect for Smol<ClientStream> {
    fn connect(
        connector: Connector,
    ) -> impl Future<Output = Result<(WebSocket<ClientStream>, Response), ConnectError>> + Send + 'static
    {
        crate::connect(connector)
    }

    fn timer() -> impl core::Timer + Send + 'static {
        Smol::timer()
    }
}

/// A client's request on its stream, to be looked at and answered.
///
/// ```
/// use smol::net::TcpStream;
/// use ws_proto_smol::{Accept, Incoming, PlainResponse};
///
/// async fn answer(incoming: Incoming<TcpStream>) -> Result<(), Box<dyn std::error::Error>> {
///     if incoming.request().path() != "/chat" {
///         return Ok(incoming.respond(&PlainResponse::new(404)).await?);
///     }
///     let mut socket = incoming.accept(&Accept::new()).await?;
///     Ok(socket.send("hello").await?)
/// }
/// ```
pub type Incoming<S> = core::Incoming<Smol<S>>;

/// How to get to a server: the place, proxies, certificates, sockets. It has the methods of [`core::net::Client`].
///
/// ```
/// # smol::block_on(async {
/// # let listener = smol::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let port = listener.local_addr()?.port();
/// # smol::spawn(async move {
/// #     let (stream, _) = listener.accept().await.unwrap();
/// #     let _socket = ws_proto_smol::accept(stream).await.unwrap();
/// # }).detach();
/// use std::time::Duration;
/// use ws_proto_smol::{Client, Connector, Options, Proxy};
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
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "net")]
pub type Client = core::net::Client<SmolNetwork>;
