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

/// An open WebSocket connection over a stream of tokio's. All its futures are cancel safe; what that means, the end and bursts
/// are explained at the [type](core::WebSocket) that all runtimes share.
///
/// | for | methods |
/// |---|---|
/// | receiving | [`next`](core::WebSocket::next), [`next_event`](core::WebSocket::next_event), [`next_piece`](core::WebSocket::next_piece), [`next_batch`](core::WebSocket::next_batch), `Stream` |
/// | sending | [`send`](core::WebSocket::send), [`send_text`](core::WebSocket::send_text), [`send_binary`](core::WebSocket::send_binary), [`send_text_part`](core::WebSocket::send_text_part), [`send_binary_part`](core::WebSocket::send_binary_part), [`send_prepared`](core::WebSocket::send_prepared) |
/// | sending in bursts | [`feed`](core::WebSocket::feed), [`feed_prepared`](core::WebSocket::feed_prepared), [`try_send`](core::WebSocket::try_send), [`ready`](core::WebSocket::ready), [`flush`](core::WebSocket::flush), `Sink` |
/// | control | [`ping`](core::WebSocket::ping), [`pong`](core::WebSocket::pong) |
/// | the end | [`close`](core::WebSocket::close), [`start_close`](core::WebSocket::start_close), [`closed`](core::WebSocket::closed), [`refused_len`](core::WebSocket::refused_len) |
/// | compression (feature `deflate`) | [`send_uncompressed`](core::WebSocket::send_uncompressed), [`set_compressing`](core::WebSocket::set_compressing), [`deflate`](core::WebSocket::deflate), [`with_deflate`](core::WebSocket::with_deflate) |
/// | other forms | [`split`](core::WebSocket::split), [`into_byte_stream`](core::WebSocket::into_byte_stream), [`into_inner`](core::WebSocket::into_inner) |
/// | a look | [`subprotocol`](core::WebSocket::subprotocol), [`pending_bytes`](core::WebSocket::pending_bytes), [`get_ref`](core::WebSocket::get_ref), [`get_mut`](core::WebSocket::get_mut) |
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
/// | for | methods |
/// |---|---|
/// | receiving | [`next`](core::ReadHalf::next), [`next_event`](core::ReadHalf::next_event), [`next_piece`](core::ReadHalf::next_piece), `Stream` |
/// | the end | [`closed`](core::ReadHalf::closed), [`refused_len`](core::ReadHalf::refused_len), [`reunite`](core::ReadHalf::reunite) |
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
/// | for | methods |
/// |---|---|
/// | sending | [`send`](core::WriteHalf::send), [`send_text`](core::WriteHalf::send_text), [`send_binary`](core::WriteHalf::send_binary), [`send_text_part`](core::WriteHalf::send_text_part), [`send_binary_part`](core::WriteHalf::send_binary_part), [`send_prepared`](core::WriteHalf::send_prepared) |
/// | sending in bursts | [`feed`](core::WriteHalf::feed), [`feed_prepared`](core::WriteHalf::feed_prepared), [`try_send`](core::WriteHalf::try_send), [`ready`](core::WriteHalf::ready), [`flush`](core::WriteHalf::flush), [`pending_bytes`](core::WriteHalf::pending_bytes), `Sink` |
/// | control | [`ping`](core::WriteHalf::ping), [`pong`](core::WriteHalf::pong) |
/// | the end | [`close`](core::WriteHalf::close), [`start_close`](core::WriteHalf::start_close), [`closed`](core::WriteHalf::closed), [`refused_len`](core::WriteHalf::refused_len) |
/// | compression (feature `deflate`) | [`send_uncompressed`](core::WriteHalf::send_uncompressed), [`set_compressing`](core::WriteHalf::set_compressing), [`deflate`](core::WriteHalf::deflate) |
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
/// | for | methods |
/// |---|---|
/// | reading and writing | the traits of tokio, or [`poll_read`](core::ByteStream::poll_read), [`poll_write`](core::ByteStream::poll_write), [`poll_flush`](core::ByteStream::poll_flush), [`poll_shutdown`](core::ByteStream::poll_shutdown) |
/// | settings | [`with_options`](core::ByteStream::with_options) |
/// | a look | [`buffered`](core::ByteStream::buffered), [`subprotocol`](core::ByteStream::subprotocol), [`closed`](core::ByteStream::closed), [`get_ref`](core::ByteStream::get_ref), [`get_mut`](core::ByteStream::get_mut) |
/// | back to messages | [`into_inner`](core::ByteStream::into_inner) |
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
/// | for | methods |
/// |---|---|
/// | making one | [`new`](core::Reconnecting::new), [`from_requests`](core::Reconnecting::from_requests), [`from_connections`](core::Reconnecting::from_connections) |
/// | settings | [`backoff`](core::Reconnecting::backoff), [`on_connect`](core::Reconnecting::on_connect), [`decide`](core::Reconnecting::decide), [`resend`](core::Reconnecting::resend), [`random`](core::Reconnecting::random) |
/// | updates | [`next`](core::Reconnecting::next), `Stream` |
/// | sending | [`send`](core::Reconnecting::send), [`feed`](core::Reconnecting::feed), [`try_send`](core::Reconnecting::try_send), [`ready`](core::Reconnecting::ready), [`flush`](core::Reconnecting::flush), `Sink` |
/// | the connection | [`is_connected`](core::Reconnecting::is_connected), [`connection`](core::Reconnecting::connection), [`reconnect_now`](core::Reconnecting::reconnect_now), [`start_close`](core::Reconnecting::start_close), [`close`](core::Reconnecting::close) |
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
/// | for | methods |
/// |---|---|
/// | a look | [`request`](core::Incoming::request), [`get_ref`](core::Incoming::get_ref) |
/// | settings | [`options`](core::Incoming::options), and with the feature `deflate` [`deflate`](core::Incoming::deflate) |
/// | the answer | [`accept`](core::Incoming::accept), [`accept_with`](core::Incoming::accept_with), [`respond`](core::Incoming::respond) |
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
/// | for | methods |
/// |---|---|
/// | connecting | [`connect`](core::net::Client::connect), [`connect_with`](core::net::Client::connect_with) |
/// | the place | [`connect_to`](core::net::Client::connect_to), `connect_to_unix`, [`resolver`](core::net::Client::resolver) |
/// | proxies | [`proxy`](core::net::Client::proxy), [`proxy_from_env`](core::net::Client::proxy_from_env), and with the feature `rustls` [`proxy_tls`](core::net::Client::proxy_tls) |
/// | certificates (feature `rustls`) | [`tls`](core::net::Client::tls) |
/// | sockets | [`attempt_delay`](core::net::Client::attempt_delay), [`nodelay`](core::net::Client::nodelay), [`before_connect`](core::net::Client::before_connect) |
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
