//! WebSocket connections for [smol](https://docs.rs/smol), async-std and every stream with the traits of
//! [`futures-io`](https://docs.rs/futures-io), client and server, on the sans-IO engine
//! [`ws-proto`](https://docs.rs/ws-proto).
//!
//! # A client
//!
//! ```
//! # smol::block_on(async {
//! # let listener = smol::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let url = format!("ws://{}/", listener.local_addr()?);
//! # smol::spawn(async move {
//! #     let (stream, _) = listener.accept().await.unwrap();
//! #     let mut socket = ws_proto_smol::accept(stream).await.unwrap();
//! #     while let Some(Ok(message)) = socket.next().await { socket.send(message).await.unwrap(); }
//! # }).detach();
//! use ws_proto_smol::{CloseCode, connect};
//!
//! let (mut socket, response) = connect(&url).await?; // "ws://example.com/chat"
//! assert_eq!(response.status(), 101);
//! socket.send("hello").await?;
//! while let Some(message) = socket.next().await {
//!     println!("{:?}", message?);
//!     socket.start_close(CloseCode::NORMAL, "that is all")?;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A server
//!
//! ```
//! use smol::net::TcpListener;
//! use ws_proto_smol::accept;
//!
//! # smol::block_on(async {
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! # let url = format!("ws://{}/", listener.local_addr()?);
//! # let client = smol::spawn(async move {
//! #     let (mut socket, _) = ws_proto_smol::connect(&url).await.unwrap();
//! #     socket.send("echo").await.unwrap();
//! #     assert_eq!(socket.next().await.unwrap().unwrap().as_text(), Some("echo"));
//! #     socket.close(ws_proto_smol::CloseCode::NORMAL, "").await.unwrap();
//! # });
//! # for _ in 0..1 {
//! let (stream, _) = listener.accept().await?;
//! smol::spawn(async move {
//!     let mut socket = accept(stream).await?;
//!     while let Some(message) = socket.next().await {
//!         socket.send(message?).await?; // echo
//!     }
//!     Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! })
//! .detach();
//! # }
//! # client.await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! To look at each request and then decide, there is [`read_request`]; it also serves plain requests
//! of HTTP on the same port. For connections that an HTTP server has upgraded there is [`open_server`],
//! with the feature `http` for the handshake. One picture shows [which door for which program](ws_proto::doors).
//!
//! # Executors
//!
//! There is nothing of an executor in it: futures run wherever they are polled. Timers are those of
//! `async-io`, which keeps one thread for all of them; so does smol, and so does async-std.
//!
//! # What it does
//!
//! * Works over anything that is [`AsyncRead`] and [`AsyncWrite`]: TCP, Unix sockets, TLS, pipes.
//! * [`WebSocket`] is a `Stream` and a `Sink`, with plain methods for everything.
//! * [`split`](WebSocket::split) gives halves for two tasks. Pings are answered and timers run
//!   whichever half is waited for; nothing runs in the background.
//! * Every future is cancel safe; see [`WebSocket`].
//! * [`connect`] takes `ws` and `wss` URLs and tries every address of a host by the times of RFC 8305; [`Client`] sets
//!   how a server is reached, through a proxy too.
//! * [`Reconnecting`] connects again, and gives back unwritten messages.
//! * Messages too big to hold are received by [`next_piece`](WebSocket::next_piece) and sent by
//!   [`send_binary_part`](WebSocket::send_binary_part).
//! * All messages of one read are answered in one write by [`feed`](WebSocket::feed), which queues; received
//!   messages are lent, not copied, by [`next_batch`](WebSocket::next_batch).
//! * For programs that read and write bytes, [`into_byte_stream`](WebSocket::into_byte_stream) makes an [`AsyncRead`] and
//!   [`AsyncWrite`] of a connection.
//! * A server writes big payloads from where they are, without a copy.
//! * Everything is bounded: the size of messages, the queued output, each handshake in time,
//!   silent peers by keepalive, peers that read nothing, peers that do not answer a Close.
//! * An idle connection has no buffers: a thread's connections share one.
//! * With the feature `deflate`, compression is negotiated, and can be skipped for each message.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `net` (default) | [`connect`] and [`Client`]: name resolution, TCP, Unix sockets |
//! | `rustls-platform-verifier` | `wss`, with the certificates of the platform |
//! | `rustls-webpki-roots` | `wss`, with the certificates of Mozilla |
//! | `rustls` | `wss`, with certificates that the program gives to [`Client::tls`](core::net::Client::tls) |
//! | `socks` | `socks5` and `socks5h` proxies for [`Client::proxy`](core::net::Client::proxy) |
//! | `http` | handshakes with the types of the crate `http`: [`Acceptor::answer_http`], [`ws_proto::handshake::http`] |
//! | `simd` (default) | the vectors and the SHA-1 of the processor, found out at run time; a little `unsafe` |
//! | `deflate` | permessage-deflate (RFC 7692): [`Connector::deflate`], [`Acceptor::deflate`] |
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(all(
        feature = "net",
        feature = "deflate",
        feature = "http",
        feature = "rustls"
    )),
    allow(rustdoc::broken_intra_doc_links)
)]

mod io;
#[cfg(feature = "net")]
mod net;
mod types;

use futures_io::{AsyncRead, AsyncWrite};
pub use io::Smol;
#[cfg(feature = "net")]
pub use types::Client;
pub use types::{Batch, ByteStream, Incoming, ReadHalf, Reconnecting, WebSocket, WriteHalf};
use ws_proto_async as core;
#[doc(inline)]
pub use ws_proto_async::{
    Accept, AcceptError, Acceptor, Attempt, AttemptError, ByteStreamError, ByteStreamOptions,
    Bytes, CloseCode, Closed, Config, ConnectError, ConnectTimeout, Connected, Connector,
    ControlPayload, Decision, Disconnected, Ended, Error, Event, Fin, HandshakeError, HeadError,
    Kind, Limits, Message, MessageRef, Negotiated, NoProxy, Opened, Options, OriginFault,
    OriginPolicy, OwnedHeaders, Piece, PlainResponse, PreparedMessage, ProtocolError, Proxy,
    ProxyError, ProxyScheme, ProxyUriError, Reason, Request, Response, SendError, Sender, Stage,
    TimedOut, TrySendError, UnexpectedEof, Unreachable, Update, Uri, UriError, UriRules, Utf8Bytes,
    WebSocketError, byte_stream, cause_of, reconnect, ws_proto,
};
#[cfg(feature = "deflate")]
#[cfg_attr(docsrs, doc(cfg(feature = "deflate")))]
pub use ws_proto_async::{Deflate, DeflateParams, DeflatePool};
#[cfg(feature = "rustls")]
#[cfg_attr(docsrs, doc(cfg(feature = "rustls")))]
pub use ws_proto_async::{net::Tls, rustls};
#[cfg(feature = "net")]
pub use {
    net::{ClientStream, SmolNetwork},
    ws_proto_async::socket2,
};

/// Accepts a WebSocket connection on a stream: on every path, from pages of the same host and from
/// programs that are not browsers, without subprotocol. For anything else there are [`accept_with`]
/// and [`read_request`].
///
/// Dropping the future drops the stream.
///
/// ```
/// use smol::net::TcpStream;
/// use ws_proto_smol::accept;
///
/// async fn echo(stream: TcpStream) -> Result<(), Box<dyn std::error::Error>> {
///     let mut socket = accept(stream).await?;
///     while let Some(message) = socket.next().await {
///         socket.send(message?).await?;
///     }
///     Ok(())
/// }
/// ```
///
/// # Errors
///
/// [`AcceptError`]. The client has got an answer that says why, unless the stream failed.
pub fn accept<S>(stream: S) -> impl Future<Output = Result<WebSocket<S>, AcceptError>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    accept_with(stream, Acceptor::new())
}

/// Accepts a WebSocket connection on a stream, if it is one that `acceptor` describes.
///
/// Dropping the future drops the stream.
///
/// # Errors
///
/// [`AcceptError`]. The client has got an answer that says why, unless the stream failed.
///
/// ```
/// # smol::block_on(async {
/// # let (stream, client) = smol::net::unix::UnixStream::pair()?;
/// # let client = smol::spawn(async move {
/// #     let connector = ws_proto_smol::Connector::new("ws://h/chat").unwrap().subprotocols(&["chat.v1"]);
/// #     ws_proto_smol::connect_over(client, connector).await.unwrap()
/// # });
/// use ws_proto_smol::{Acceptor, accept_with};
///
/// let acceptor = Acceptor::new().path("/chat").subprotocols(&["chat.v2", "chat.v1"]);
/// let socket = accept_with(stream, acceptor).await?;
/// assert_eq!(socket.subprotocol(), Some("chat.v1"));
/// # client.await;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn accept_with<S>(
    stream: S,
    acceptor: Acceptor<'_>,
) -> impl Future<Output = Result<WebSocket<S>, AcceptError>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    core::server::accept(Smol::new(stream), acceptor)
}

/// Reads a client's request, to look at it and then accept or answer it otherwise.
///
/// Dropping the future drops the stream.
///
/// # Errors
///
/// [`AcceptError`] for bytes that are not a valid request of HTTP. The client has got an answer that says why,
/// unless the stream failed.
///
/// ```
/// # smol::block_on(async {
/// # let (stream, client) = smol::net::unix::UnixStream::pair()?;
/// # let client = smol::spawn(ws_proto_smol::connect_over(client, "ws://h/old"));
/// use ws_proto_smol::{Accept, Options, PlainResponse, read_request};
///
/// let incoming = read_request(stream, Options::new()).await?;
/// let request = incoming.request();
/// if !request.is_upgrade() {
///     incoming.respond(&PlainResponse::new(200).body(b"a page")).await?;
/// } else if request.path() != "/chat" {
///     incoming.respond(&PlainResponse::new(301).headers(&[("Location", b"/chat")])).await?;
/// } else {
///     let subprotocol = request.choose_subprotocol(&["chat.v2", "chat.v1"]);
///     let accept = Accept::new().maybe_subprotocol(subprotocol).headers(&[("X-Room", b"1")]);
///     // A page of another site is refused here, with a 403.
///     let socket = incoming.accept(&accept).await?;
///     # let _ = socket;
/// }
/// # let refused = client.await.unwrap_err();
/// # assert!(matches!(refused, ws_proto_smol::ConnectError::Refused(r) if r.status() == 301));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_request<S>(
    stream: S,
    options: Options,
) -> impl Future<Output = Result<Incoming<S>, AcceptError>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    core::server::read_request(Smol::new(stream), options)
}

/// The server's end of a connection whose handshake an HTTP server has done. On a stream of HTTP/2, set
/// [`with_linger`](core::WebSocket::with_linger) too, or the end of the connection may be lost.
///
/// ```
/// use smol::net::TcpStream;
/// use ws_proto_smol::{Negotiated, Options, WebSocket, server};
///
/// /// `negotiated` is the result of a handshake that an HTTP server did.
/// fn upgraded(stream: TcpStream, negotiated: Negotiated) -> WebSocket<TcpStream> {
///     server(stream, negotiated, Options::new())
/// }
/// ```
pub fn server<S>(stream: S, negotiated: Negotiated, options: Options) -> WebSocket<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    WebSocket::server(Smol::new(stream), negotiated, &[], options)
}

/// The client's end of a connection whose handshake an HTTP client has done.
///
/// ```
/// use smol::net::TcpStream;
/// use ws_proto_smol::{Negotiated, Options, WebSocket, client};
///
/// /// `negotiated` is the result of a handshake that an HTTP client did.
/// fn upgraded(stream: TcpStream, negotiated: Negotiated) -> WebSocket<TcpStream> {
///     client(stream, negotiated, Options::new())
/// }
/// ```
pub fn client<S>(stream: S, negotiated: Negotiated, options: Options) -> WebSocket<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    WebSocket::client(Smol::new(stream), negotiated, &[], options)
}

/// The server's end of a connection whose handshake an HTTP server has done by
/// [`Acceptor::answer`] or [`Acceptor::answer_http`](Acceptor), with the options, the subprotocol and the compression that it
/// has led to.
///
/// ```
/// use smol::io::Cursor;
/// use ws_proto_smol::ws_proto::handshake::Upgrade;
/// use ws_proto_smol::{Acceptor, open_server};
///
/// // What the HTTP server has read, and the stream it has read from.
/// # let stream = Cursor::new(Vec::new());
/// let fields: [(&str, &[u8]); 6] = [
///     ("Host", b"example.com"),
///     ("Upgrade", b"websocket"),
///     ("Connection", b"Upgrade"),
///     ("Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
///     ("Sec-WebSocket-Version", b"13"),
///     ("Sec-WebSocket-Protocol", b"chat.v2, chat.v1"),
/// ];
/// let upgrade = Upgrade::from_headers("GET", "/chat", &fields)?;
/// let acceptor = Acceptor::new().subprotocols(&["chat.v1"]);
/// let (status, opened) = acceptor.answer(&upgrade, |name, value| println!("{name}: {value}"))?;
/// assert_eq!(status, 101);
/// // Once the response is written:
/// let socket = open_server(stream, opened);
/// assert_eq!(socket.subprotocol(), Some("chat.v1"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn open_server<S>(stream: S, opened: Opened) -> WebSocket<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    WebSocket::open_server(Smol::new(stream), opened)
}

/// The client's end of a connection whose handshake [`ConnectingStream`](core::ConnectingStream) has done, with the
/// options, the subprotocol and the compression that it has led to.
///
/// ```
/// use smol::net::TcpStream;
/// use ws_proto_smol::{Opened, WebSocket, open_client};
///
/// /// `opened` is the result of a `ConnectingStream`.
/// fn upgraded(stream: TcpStream, opened: Opened) -> WebSocket<TcpStream> {
///     open_client(stream, opened)
/// }
/// ```
pub fn open_client<S>(stream: S, opened: Opened) -> WebSocket<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    WebSocket::open_client(Smol::new(stream), opened)
}

/// Connects to a URL: `ws`, or `wss` with one of the features that say which servers are trusted. For more than a URL, give
/// a [`Connector`]; for another way to get there, use a [`Client`].
///
/// Every address of the host is tried, the next one after 250 ms beside the one before (RFC 8305). The time limit,
/// [`Options::handshake_time`], covers name resolution, TCP, TLS and the handshake together. Redirects are not followed:
/// [`ConnectError::Refused`] has the response. Dropping the future drops all streams that were connected.
///
/// ```
/// use ws_proto_smol::{Connector, connect};
///
/// async fn ask() -> Result<(), Box<dyn std::error::Error>> {
///     let (mut socket, _) = connect("ws://example.com/chat").await?;
///     socket.send("hello").await?;
///
///     // More than a URL:
///     let connector = Connector::new("ws://example.com/chat")?
///         .header("Authorization", "Bearer abc")
///         .subprotocols(&["chat.v1"]);
///     let (_socket, response) = connect(connector).await?;
///     println!("{:?}", response.subprotocol());
///     Ok(())
/// }
/// ```
///
/// # Errors
///
/// [`ConnectError`]; [`ConnectError::TlsNeeded`] for a `wss` URL without a feature for TLS.
#[cfg(feature = "net")]
pub async fn connect<C>(to: C) -> Result<(WebSocket<ClientStream>, Response), ConnectError>
where
    C: TryInto<Connector>,
    ConnectError: From<C::Error>,
{
    Client::new().connect(to).await
}

/// Asks for a WebSocket connection over a stream that is already there: TLS, a Unix socket, a
/// tunnel. Whether the URL says `ws` or `wss` is not looked at.
///
/// Dropping the future drops the stream.
///
/// ```
/// use smol::net::TcpStream;
/// use ws_proto_smol::connect_over;
///
/// async fn ask(stream: TcpStream) -> Result<(), Box<dyn std::error::Error>> {
///     let (mut socket, _) = connect_over(stream, "ws://example.com/chat").await?;
///     Ok(socket.send("hello").await?)
/// }
/// ```
///
/// # Errors
///
/// [`ConnectError`].
pub async fn connect_over<S, C>(stream: S, to: C) -> Result<(WebSocket<S>, Response), ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin,
    C: TryInto<Connector>,
    ConnectError: From<C::Error>,
{
    let connector = to.try_into()?;
    let time = connector.get_options().get_handshake_time();
    core::client::connect_over(Smol::new(stream), connector, time).await
}
