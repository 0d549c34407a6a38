//! A WebSocket extractor for [axum](https://docs.rs/axum), on the sans-IO engine [`ws-proto`](ws_proto_tokio::ws_proto).
//!
//! ```no_run
//! use axum::Router;
//! use axum::response::Response;
//! use axum::routing::any;
//! use ws_proto_axum::{WebSocket, WebSocketUpgrade};
//!
//! async fn handler(upgrade: WebSocketUpgrade) -> Response {
//!     upgrade.on_upgrade(echo)
//! }
//!
//! async fn echo(mut socket: WebSocket) {
//!     while let Some(Ok(message)) = socket.next().await {
//!         if socket.send(message).await.is_err() {
//!             return;
//!         }
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> std::io::Result<()> {
//!     let app = Router::new().route("/ws", any(handler));
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//!     axum::serve(listener, app).await
//! }
//! ```
//!
//! It is used as `axum::extract::ws`. In addition:
//!
//! * **Pages of other sites are refused** with a 403 before the handler runs, unless [`Origins`] lists them: a browser sends
//!   the user's cookies for a connection that any page opens.
//! * **Every limit is finite**: messages, queued output, silent clients, clients that read nothing.
//!   [`Options`] has all of them.
//! * **permessage-deflate** (RFC 7692) with the feature `deflate`: [`WebSocketUpgrade::deflate`].
//! * **A handshake is checked in full**: a wrong one gets the right status, the header fields of that status, and a text that
//!   helps the operator. See [`WebSocketUpgradeRejection`].
//! * **Every future is cancel safe**, and [`split`](ws_proto_tokio::WebSocket::split) makes halves for two tasks; neither half
//!   holds a lock while it waits.
//! * **A message for many clients** is encoded once: [`PreparedMessage`]. The crate `ws-proto-hub` publishes it to topics, also
//!   of several processes; its members drive these connections.
//!
//! [`WebSocket`] is the type of [`ws-proto-tokio`](ws_proto_tokio), over the stream that axum's server hands over. This crate
//! re-exports the types that handlers need, and that crate as a whole.
//!
//! # Origins
//!
//! The list is made when the program starts, and put in front of the routes by [`axum::Extension`]:
//!
//! ```
//! # use axum::routing::any;
//! # use axum::{Extension, Router};
//! # use ws_proto_axum::{Origins, WebSocketUpgrade};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let handler = async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(async |_socket| {});
//! let origins = Origins::list(["https://app.example", "https://www.example:8443"])?;
//! let app: Router = Router::new().route("/ws", any(handler)).layer(Extension(origins));
//! # let _ = app;
//! # Ok(())
//! # }
//! ```
//!
//! [`axum::Extension`]: https://docs.rs/axum/latest/axum/struct.Extension.html
//!
//! # HTTP/2
//!
//! With the feature `http2` of this crate and of axum, a connection can be a stream of HTTP/2 (RFC 8441), on the same port as
//! HTTP/1.1. `axum::serve` announces that to clients; a server on `hyper_util::server::conn::auto` calls
//! `http2().enable_connect_protocol()` and `serve_connection_with_upgrades`. Browsers then use the connection over which
//! they loaded the page, if that has TLS. Such a request is a CONNECT: route by
//! [`any`](https://docs.rs/axum/latest/axum/routing/fn.any.html).
//!
//! ## A handler that does not read
//!
//! All streams of a client share the window of its connection, and hyper by default, as in `axum::serve`, lets one stream fill it: 1 MiB
//! each. So a handler that does not read stops the other sockets of the same connection, and a proxy can put many clients on one. The
//! settings below are enough against that too.
//!
//! ## Many small messages
//!
//! The crate `h2` of hyper ends a whole connection, with all of its streams, when too many DATA frames of less than 256 bytes
//! wait to be read (GOAWAY with ENHANCE_YOUR_CALM; from `h2` 0.4.16 on). With hyper's default windows, which `axum::serve`
//! uses, some 2,000 small messages are enough, if they arrive while a handler does something else. hyper has no
//! setting for it: the budget is half the window of the connection, and each frame costs the bytes that it is short of 256. A
//! larger window of the connection alone only allows more messages. But if that window is 84 times the windows of all streams
//! together, the streams' windows are full first, and the client has to wait, whatever the size of its messages. For that,
//! serve with hyper-util:
//!
//! ```
//! use hyper_util::rt::TokioExecutor;
//! use hyper_util::server::conn::auto::Builder;
//!
//! const STREAMS: u32 = 100;
//! const STREAM_WINDOW: u32 = 64 * 1024;
//! let mut builder = Builder::new(TokioExecutor::new());
//! builder
//!     .http2()
//!     .enable_connect_protocol()
//!     .max_concurrent_streams(STREAMS)
//!     .initial_stream_window_size(STREAM_WINDOW)
//!     .initial_connection_window_size(84 * STREAMS * STREAM_WINDOW); // 2^31 - 1 at most
//! // builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(router))
//! ```
//!
//! The windows of the streams bound the memory: 100 of 64 KiB, and the overhead of each frame.
//!
//! # From axum's own extractor
//!
//! All that is not in this table stays as it is: the handlers, their other extractors, `on_upgrade`, `protocols`,
//! `selected_protocol`, `on_failed_upgrade`, `send` with a [`Message`], `Message::text`, `Message::binary` and the `From` conversions.
//!
//! | axum | here |
//! |---|---|
//! | `axum = { .., features = ["ws"] }` | `ws-proto-axum = ".."`, with `http2` if axum has it |
//! | `use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};` | `use ws_proto_axum::{Message, WebSocket, WebSocketUpgrade};` |
//! | pages of every site get in | pages of the same host and port get in; for others `.layer(Extension(Origins::list([..])?))` |
//! | `ws.max_message_size(n)`, 64 MiB | `ws.max_message(n)`, 16 MiB; `n` is a `u64` |
//! | `ws.max_frame_size(n)` | `ws.max_frame(n)` |
//! | `ws.max_write_buffer_size(n)`, unlimited | `ws.options(Options::new().high_water(n))`, 64 KiB and a message |
//! | `ws.read_buffer_size(n)`, `ws.write_buffer_size(n)` | nothing: idle connections have no buffers; small messages are written together, 16 KiB at a time |
//! | `ws.accept_unmasked_frames(true)` | nothing: RFC 6455 5.1 forbids it |
//! | `ws.set_selected_protocol(value)` | `ws = ws.protocols([value])`, one that the client offers |
//! | `ws.selected_protocol()`, `Option<&HeaderValue>` | the same, `Option<&str>` |
//! | `socket.protocol()` | `socket.subprotocol()` |
//! | `socket.recv().await` | `socket.next().await` |
//! | `let (tx, rx) = socket.split();` of `StreamExt` | `let (rx, tx) = socket.split();` or `StreamExt::split(socket)` as before |
//! | `SplitSink<WebSocket, Message>`, `SplitStream<WebSocket>` | [`WriteHalf`], [`ReadHalf`] |
//! | `Message::Text(text)`, `Message::Binary(data)` in a `match` | the same |
//! | `Message::Ping(data)` and others in a `match` on `recv` | `Event::Ping(data)` in a `match` on `socket.next_event()`, which has an arm `_` too |
//! | `Message::Close(frame)` in a `match` on `recv` | `None`, then `socket.closed()`; or `Event::Close(closed)` |
//! | `socket.send(Message::Ping(data))` | `socket.ping(&data[..])` |
//! | `socket.send(Message::Close(Some(CloseFrame { code, reason })))` | `socket.close(code, reason)`, which waits for the client; or `socket.start_close(code, reason)` |
//! | `close_code::AWAY`, a `u16` | `CloseCode::GOING_AWAY`; `CloseCode::new(n)` |
//! | `message.into_data()` | `message.into_bytes()` |
//! | `message.to_text()`, `into_text()` of any message | the same, of texts and binary messages |
//! | `axum::Error` of `recv` and `send` | [`Error`], which says the cause |
//! | `Sink::close(&mut socket)` sends a Close without a code | with 1000 |
//! | `WebSocketUpgradeRejection::MethodNotGet(_)` and others, 400, 405 or 426 | `WebSocketUpgradeRejection::Handshake(HandshakeError::MethodNotGet)` and others, 400 to 505 |
//! | `Upgrade` that is not `websocket`: 400 | 426 with the field `Upgrade` (RFC 9110 15.5.22) |
//! | HTTP/1.0: 400 or 426 | 505 |
//! | a server without upgrades: 426 | 500 |
//! | a key that is not 16 bytes, a subprotocol twice, a second `Origin`, a body: accepted | 400 |
//! | a CONNECT without `:scheme` or `:authority`: accepted | 400 (RFC 8441 4 and 5) |
//! | Pings: only those that the program sends | one after 20 s of silence; without an answer the connection fails with 1011 |
//!
//! In the examples of axum, this number of lines changes: `chat` 6 of 150, `websockets` 28 of 221 (it sends and prints Pings
//! and Close frames), `websockets-http2` 5 of 61, `testing-websockets` 7 of 91. The tests of this crate have programs that do
//! the same. The example `chat_axum` has a login, rooms, a page and a shutdown that every client gets a Close from.
//!
//! For other ways to a connection than axum see [which door for which program](ws_proto_tokio::ws_proto::doors).
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `simd` (default) | uses the vectors and the SHA-1 of the processor, if it has them; a little `unsafe` in `ws-proto` |
//! | `deflate` | permessage-deflate (RFC 7692): [`WebSocketUpgrade::deflate`] |
//! | `http2` | WebSocket on streams of HTTP/2 (RFC 8441) |
//! | `net` | clients, such as `ws_proto_tokio::connect`, for tests of a program's routes |
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(feature = "deflate"), allow(rustdoc::broken_intra_doc_links))]

mod origins;
mod rejection;
mod upgrade;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
pub use origins::Origins;
pub use rejection::WebSocketUpgradeRejection;
pub use upgrade::{DefaultOnFailedUpgrade, OnFailedUpgrade, WebSocketUpgrade};
pub use ws_proto_tokio;
pub use ws_proto_tokio::ws_proto::handshake::{OriginListError, OriginRefused};
pub use ws_proto_tokio::{
    Bytes, CloseCode, Closed, Config, Error, Event, Fin, HandshakeError, HeadError, Kind, Message,
    Options, OriginFault, OriginPolicy, Piece, PreparedMessage, ProtocolError, SendError, TimedOut,
    TrySendError, UnexpectedEof, Utf8Bytes, WebSocketError,
};
#[cfg(feature = "deflate")]
#[cfg_attr(docsrs, doc(cfg(feature = "deflate")))]
pub use ws_proto_tokio::{Deflate, DeflateParams, DeflatePool};

/// An open WebSocket connection: see the [type](ws_proto_tokio::WebSocket) for its methods.
///
/// ```
/// use ws_proto_axum::{CloseCode, Error, Message, WebSocket};
///
/// async fn shout(mut socket: WebSocket) -> Result<(), Error> {
///     while let Some(message) = socket.next().await {
///         match message? {
///             Message::Text(text) => socket.send(text.to_uppercase()).await?,
///             Message::Binary(_) => return socket.close(CloseCode::UNSUPPORTED_DATA, "texts only").await,
///         }
///     }
///     Ok(()) // `socket.closed()` has the code and the reason of the client's Close
/// }
/// ```
pub type WebSocket = ws_proto_tokio::WebSocket<TokioIo<Upgraded>>;

/// The half of a connection that receives, for a task of its own.
///
/// ```
/// use tokio::sync::mpsc;
/// use ws_proto_axum::{Message, ReadHalf, WebSocket, WriteHalf};
///
/// async fn two_tasks(socket: WebSocket, news: mpsc::Receiver<Message>) {
///     let (read, write) = socket.split();
///     tokio::join!(receive(read), send(write, news));
/// }
///
/// async fn receive(mut read: ReadHalf) {
///     while let Some(Ok(message)) = read.next().await {
///         println!("{message:?}");
///     }
/// }
///
/// async fn send(mut write: WriteHalf, mut news: mpsc::Receiver<Message>) {
///     while let Some(message) = news.recv().await {
///         if write.send(message).await.is_err() {
///             return;
///         }
///     }
/// }
/// ```
pub type ReadHalf = ws_proto_tokio::ReadHalf<TokioIo<Upgraded>>;

/// The half of a connection that sends, for a task of its own: [`ReadHalf`] has an example with both.
///
/// ```
/// use ws_proto_axum::{CloseCode, Error, WriteHalf};
///
/// async fn count_down(mut write: WriteHalf) -> Result<(), Error> {
///     for number in (1..=3).rev() {
///         write.send(number.to_string()).await?;
///     }
///     write.close(CloseCode::NORMAL, "done").await
/// }
/// ```
pub type WriteHalf = ws_proto_tokio::WriteHalf<TokioIo<Upgraded>>;
