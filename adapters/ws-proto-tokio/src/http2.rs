//! WebSocket connections on streams of HTTP/2 (RFC 8441), of the crate [`h2`] (feature `h2`).
//!
//! A server announces that it takes them, by [`h2::server::Builder::enable_connect_protocol`], and passes the requests
//! for which [`is_websocket`] is true to [`accept`]. A client has the announcement of the server after [`handshake`], and
//! calls [`connect`]. Both get a [`WebSocket`] over an [`H2Stream`]. One connection of HTTP/2 carries many.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (client_io, server_io) = tokio::io::duplex(4096);
//! use ws_proto_tokio::http2::{self, h2};
//! use ws_proto_tokio::{Acceptor, CloseCode};
//!
//! tokio::spawn(async move {
//!     let mut connection = h2::server::Builder::new()
//!         .enable_connect_protocol()
//!         .max_concurrent_streams(100)
//!         .max_header_list_size(16 * 1024)
//!         .initial_connection_window_size(1 << 20)
//!         .handshake(server_io)
//!         .await?;
//!     while let Some(next) = connection.accept().await {
//!         let (request, mut respond) = next?; // an error of the connection
//!         if !http2::is_websocket(&request) {
//!             // A page. If the client has reset this stream, the others go on all the same.
//!             let _ = respond.send_response(http::Response::new(()), true);
//!         } else if let Ok(mut socket) = http2::accept(request, respond, Acceptor::new()) {
//!             tokio::spawn(async move {
//!                 while let Some(Ok(message)) = socket.next().await {
//!                     let _ = socket.send(message).await;
//!                 }
//!             });
//!         }
//!     }
//!     Ok::<(), h2::Error>(())
//! });
//!
//! let (sender, connection) = http2::handshake(client_io, &h2::client::Builder::new()).await?;
//! tokio::spawn(connection);
//! let (mut socket, response) = http2::connect(&sender, "wss://example.com/chat").await?;
//! assert_eq!(response.status(), 200);
//! socket.send("hello").await?;
//! assert_eq!(socket.next().await.unwrap()?.as_text(), Some("hello"));
//! socket.close(CloseCode::NORMAL, "").await?;
//! # Ok(())
//! # }
//! ```
//!
//! # The end of a stream
//!
//! `h2` resets a stream that is dropped before both sides have ended, and then discards what the peer has not got yet. So keep
//! the socket until [`next`](core::WebSocket::next) returns `None` or [`close`](core::WebSocket::close) has returned: then
//! both sides have ended, in order, and nothing is lost.
//!
//! # Limits
//!
//! All streams of a connection share its window. If one stream may fill it, a socket that is not read stops all others, and
//! their Pongs do not come. So let the window of the connection be that of several streams
//! ([`initial_connection_window_size`](h2::server::Builder::initial_connection_window_size)); by default both are 64 KiB.
//!
//! | a client can hold | the limit |
//! |---|---|
//! | the head of a request | [`max_header_list_size`](h2::server::Builder::max_header_list_size), 16 MiB by default |
//! | streams | [`max_concurrent_streams`](h2::server::Builder::max_concurrent_streams); `h2` has no limit unless it is set |
//! | bytes that are not read | the windows of the connection and of each stream |
//! | bytes that it does not take | [`max_send_buffer_size`](h2::server::Builder::max_send_buffer_size) for each stream, 400 KiB by default, and [`Options`]'s `high_water` |
//! | a stream that is silent, or that takes nothing | the time limits of [`Options`]: the socket fails, and resets the stream when it is dropped |
//! | a connection without streams | none here: put a time limit around TLS and the handshake of `h2`, and end connections that no [`PingPong`](h2::PingPong) comes back from |
//!
//! # Many small messages
//!
//! From 0.4.16 on, `h2` ends the whole connection with ENHANCE_YOUR_CALM when too many DATA frames of less than 256 bytes
//! wait to be read, because each takes more memory than its bytes. A burst of small messages is just that: by
//! default some hundred of them are enough. Both builders have a setting for it, `data_frame_budget`: each frame counts
//! with the bytes that it is short of 256 until it is read. A frame of a client has 6 bytes at least. So for a server a budget of 42
//! times the window of the connection is enough: whatever the messages are, the window is full before, and they are held up.
//!
//! ```
//! # use ws_proto_tokio::http2::h2;
//! const WINDOW: u32 = 1 << 20;
//! let mut builder = h2::server::Builder::new();
//! builder
//!     .enable_connect_protocol()
//!     .initial_connection_window_size(WINDOW)
//!     .data_frame_budget(42 * WINDOW as usize);
//! ```
//!
//! # With hyper
//!
//! A server of hyper makes the response with [`Acceptor::answer_http`](crate::Acceptor::answer_http), and the connection with
//! [`open_server`] over `TokioIo` of hyper-util and the stream of `hyper::upgrade::on`. If another handshake is made, it is
//! [`server`](crate::server) [`with_linger`](core::WebSocket::with_linger). This is what
//! differs from an [`H2Stream`]; a closing handshake loses nothing on either:
//!
//! | | `H2Stream` | `hyper::upgrade::Upgraded` (hyper 1.12) |
//! |---|---|---|
//! | a write | as much as the windows of the peer allow | all of it, once the write before it has begun to be sent |
//! | small DATA frames | `data_frame_budget` | no setting: the budget is half the window of the connection. 84 times the windows of all streams is enough for it |
//! | dropped while open | RST_STREAM with CANCEL | END_STREAM after the queued bytes, then a reset |
//! | RST_STREAM with CANCEL or NO_ERROR | an error with the reason | the end of the input |
//! | a CONNECT with a `Content-Length` other than 0 | refused with 400 | the end of the whole connection |
//! | tasks | none | one for each stream, on the executor of hyper |

use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::{fmt, mem};

pub use h2;
use h2::ext::Protocol;
use h2::server::SendResponse;
use h2::{Ping, Reason, RecvStream, SendStream, client};
use http::{Method, Request, Version};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use ws_proto_async::{Bytes, ConnectEnabled, ConnectTimeout, ConnectingStream, Stage};

#[cfg(doc)]
use crate::core;
use crate::{
    AcceptError, Acceptor, ConnectError, Connector, Options, Response, WebSocket, cause_of,
    open_client, open_server,
};

/// The stream of one request, as bytes in both directions.
///
/// - A read gives back window for bytes that it has copied out, and for nothing else: a reader that stops, stops the
///   peer.
/// - A write sends as much as the windows of the stream and of the connection allow. One that waits keeps one byte of window
///   reserved, so that a task that stops does not stop other streams.
/// - The end of the writing side is END_STREAM, after all DATA. It does not wait for the peer.
/// - Dropped before both sides have ended, it resets the stream with CANCEL, or with NO_ERROR if it is a server's that
///   has ended its own side. After a reset with CANCEL nothing more is sent, not even written bytes.
/// - Errors are [`io::Error`]s with an [`h2::Error`] inside: [`H2Stream::reason`].
///
/// Whatever runs the connection of `h2` has to go on running: streams only queue.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (client_io, server_io) = tokio::io::duplex(4096);
/// # let server = tokio::spawn(async move {
/// #     let mut builder = h2::server::Builder::new();
/// #     let mut connection = builder.enable_connect_protocol().handshake::<_, ws_proto_tokio::Bytes>(server_io).await.unwrap();
/// #     while let Some(Ok((request, mut respond))) = connection.accept().await {
/// #         match request.uri().path() {
/// #             "/reset" => respond.send_reset(h2::Reason::REFUSED_STREAM),
/// #             _ => {
/// #                 let mut socket = http2::accept(request, respond, ws_proto_tokio::Acceptor::new()).unwrap();
/// #                 tokio::spawn(async move {
/// #                     while let Some(Ok(message)) = socket.next().await { let _ = socket.send(message).await; }
/// #                 });
/// #             }
/// #         }
/// #     }
/// # });
/// use ws_proto_tokio::http2::{self, h2};
///
/// let (sender, connection) = http2::handshake(client_io, &h2::client::Builder::new()).await?;
/// tokio::spawn(connection);
/// let (socket, _) = http2::connect(&sender, "wss://example.com/chat").await?;
/// println!("{:?}", socket.get_ref()); // an `H2Stream`
/// # Ok(())
/// # }
/// ```
pub struct H2Stream {
    send: SendStream<Bytes>,
    recv: RecvStream,
    /// Received, not copied out yet.
    rest: Bytes,
    is_shut: bool,
}

impl H2Stream {
    /// Joins the two directions of a stream. DATA that `recv` has returned before is not a part of it.
    ///
    /// ```
    /// use http::Request;
    /// use ws_proto_tokio::http2::h2::RecvStream;
    /// use ws_proto_tokio::http2::h2::server::SendResponse;
    /// use ws_proto_tokio::http2::{H2Stream, h2};
    /// use ws_proto_tokio::{Bytes, Opened, WebSocket, open_server};
    ///
    /// /// After a handshake of the program's own, that has led to `opened` and `response`.
    /// fn upgraded(
    ///     request: Request<RecvStream>,
    ///     mut respond: SendResponse<Bytes>,
    ///     response: http::Response<()>,
    ///     opened: Opened,
    /// ) -> Result<WebSocket<H2Stream>, h2::Error> {
    ///     let send = respond.send_response(response, false)?;
    ///     Ok(open_server(H2Stream::new(send, request.into_body()), opened))
    /// }
    /// ```
    #[must_use]
    pub fn new(send: SendStream<Bytes>, recv: RecvStream) -> Self {
        Self {
            send,
            recv,
            rest: Bytes::new(),
            is_shut: false,
        }
    }

    /// The number of the stream.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (client_io, server_io) = tokio::io::duplex(4096);
    /// # let server = tokio::spawn(async move {
    /// #     let mut builder = h2::server::Builder::new();
    /// #     let mut connection = builder.enable_connect_protocol().handshake::<_, ws_proto_tokio::Bytes>(server_io).await.unwrap();
    /// #     while let Some(Ok((request, mut respond))) = connection.accept().await {
    /// #         match request.uri().path() {
    /// #             "/reset" => respond.send_reset(h2::Reason::REFUSED_STREAM),
    /// #             _ => {
    /// #                 let mut socket = http2::accept(request, respond, ws_proto_tokio::Acceptor::new()).unwrap();
    /// #                 tokio::spawn(async move {
    /// #                     while let Some(Ok(message)) = socket.next().await { let _ = socket.send(message).await; }
    /// #                 });
    /// #             }
    /// #         }
    /// #     }
    /// # });
    /// use ws_proto_tokio::http2::{self, h2};
    ///
    /// let (sender, connection) = http2::handshake(client_io, &h2::client::Builder::new()).await?;
    /// tokio::spawn(connection);
    /// let (socket, _) = http2::connect(&sender, "wss://example.com/chat").await?;
    /// println!("{:?}", socket.get_ref().id()); // for a log
    /// # Ok(())
    /// # }
    /// ```
    pub fn id(&self) -> h2::StreamId {
        self.recv.stream_id()
    }

    /// Resets the stream at once. What was written and is not sent yet is discarded.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (client_io, server_io) = tokio::io::duplex(4096);
    /// # let server = tokio::spawn(async move {
    /// #     let mut builder = h2::server::Builder::new();
    /// #     let mut connection = builder.enable_connect_protocol().handshake::<_, ws_proto_tokio::Bytes>(server_io).await.unwrap();
    /// #     while let Some(Ok((request, mut respond))) = connection.accept().await {
    /// #         match request.uri().path() {
    /// #             "/reset" => respond.send_reset(h2::Reason::REFUSED_STREAM),
    /// #             _ => {
    /// #                 let mut socket = http2::accept(request, respond, ws_proto_tokio::Acceptor::new()).unwrap();
    /// #                 tokio::spawn(async move {
    /// #                     while let Some(Ok(message)) = socket.next().await { let _ = socket.send(message).await; }
    /// #                 });
    /// #             }
    /// #         }
    /// #     }
    /// # });
    /// use ws_proto_tokio::http2::{self, h2};
    ///
    /// let (sender, connection) = http2::handshake(client_io, &h2::client::Builder::new()).await?;
    /// tokio::spawn(connection);
    /// let (mut socket, _) = http2::connect(&sender, "wss://example.com/chat").await?;
    /// socket.get_mut().reset(h2::Reason::CANCEL); // no Close: the peer sees 1006
    /// assert!(socket.next().await.unwrap().is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn reset(&mut self, reason: Reason) {
        self.send.send_reset(reason);
    }

    /// The reason of a reset or of a GOAWAY, if that is what an error of this stream is. The error of a
    /// [`WebSocket`] has it too, inside.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (client_io, server_io) = tokio::io::duplex(4096);
    /// # let server = tokio::spawn(async move {
    /// #     let mut builder = h2::server::Builder::new();
    /// #     let mut connection = builder.enable_connect_protocol().handshake::<_, ws_proto_tokio::Bytes>(server_io).await.unwrap();
    /// #     while let Some(Ok((request, mut respond))) = connection.accept().await {
    /// #         match request.uri().path() {
    /// #             "/reset" => respond.send_reset(h2::Reason::REFUSED_STREAM),
    /// #             _ => {
    /// #                 let mut socket = http2::accept(request, respond, ws_proto_tokio::Acceptor::new()).unwrap();
    /// #                 tokio::spawn(async move {
    /// #                     while let Some(Ok(message)) = socket.next().await { let _ = socket.send(message).await; }
    /// #                 });
    /// #             }
    /// #         }
    /// #     }
    /// # });
    /// use ws_proto_tokio::ConnectError;
    /// use ws_proto_tokio::http2::{self, H2Stream, h2};
    ///
    /// let (sender, connection) = http2::handshake(client_io, &h2::client::Builder::new()).await?;
    /// tokio::spawn(connection);
    /// match http2::connect(&sender, "wss://example.com/reset").await {
    ///     Err(ConnectError::Io(error)) => assert_eq!(H2Stream::reason(&error), Some(h2::Reason::REFUSED_STREAM)),
    ///     other => panic!("{other:?}"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn reason(error: &io::Error) -> Option<Reason> {
        cause_of::<h2::Error>(error)?.reason()
    }

    /// Waits until there is window for some of `wanted` bytes.
    fn poll_window(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<io::Result<usize>> {
        if self.is_shut {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        loop {
            self.send.reserve_capacity(wanted);
            // `poll_capacity` reports changes only: existing capacity is seen by `capacity`.
            let window = self.send.capacity();
            if window > 0 {
                // So that a reset is seen though there is window left.
                if let Poll::Ready(reset) = self.send.poll_reset(cx) {
                    return Poll::Ready(Err(of_reset(reset)));
                }
                return Poll::Ready(Ok(window.min(wanted)));
            }
            // What is reserved is taken from the window of all streams, and the task may not come back for long. So it
            // waits for one byte, and takes what there is when it comes back.
            self.send.reserve_capacity(1);
            match ready!(self.send.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(to_io(error))),
                None => return Poll::Ready(Err(self.why_closed(cx))),
            }
        }
    }

    fn why_closed(&mut self, cx: &mut Context<'_>) -> io::Error {
        match self.send.poll_reset(cx) {
            Poll::Ready(reset) => of_reset(reset),
            Poll::Pending => ErrorKind::BrokenPipe.into(),
        }
    }

    fn write(&mut self, bytes: Bytes) -> io::Result<usize> {
        let n = bytes.len();
        self.send.send_data(bytes, false).map_err(to_io)?;
        self.send.reserve_capacity(0); // in addition to what is sent
        Ok(n)
    }
}

impl AsyncRead for H2Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        while buffer.remaining() > 0 {
            if this.rest.is_empty() {
                match this.recv.poll_data(cx) {
                    Poll::Ready(Some(Ok(data))) => this.rest = data,
                    // What was copied comes first; the next call returns the same again.
                    _ if buffer.filled().len() > before => break,
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(to_io(error))),
                    Poll::Ready(None) => return Poll::Ready(Ok(())),
                    Poll::Pending => return Poll::Pending,
                }
                continue;
            }
            let n = this.rest.len().min(buffer.remaining());
            buffer.put_slice(&this.rest.split_to(n));
            // It fails only for more than was received.
            let _ = this.recv.flow_control().release_capacity(n);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for H2Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wanted = slices.iter().map(|slice| slice.len());
        let wanted = wanted.fold(0, usize::saturating_add).min(MAX_WRITE);
        if wanted == 0 {
            return Poll::Ready(Ok(0));
        }
        let n = ready!(this.poll_window(cx, wanted))?;
        let mut bytes = Vec::with_capacity(n);
        for slice in slices {
            let left = n - bytes.len();
            bytes.extend_from_slice(slice.get(..left).unwrap_or(slice));
        }
        Poll::Ready(this.write(bytes.into()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// The connection sends by itself.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !mem::replace(&mut this.is_shut, true) {
            this.send.reserve_capacity(0);
            if this.send.send_data(Bytes::new(), true).is_err() {
                return Poll::Ready(Err(this.why_closed(cx)));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for H2Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("H2Stream")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

/// What one write reserves at most: a stream that waits must not hold the whole window of the connection.
const MAX_WRITE: usize = 64 * 1024;

fn of_reset(reset: Result<Reason, h2::Error>) -> io::Error {
    to_io(reset.map_or_else(|error| error, h2::Error::from))
}

fn to_io(error: h2::Error) -> io::Error {
    let kind = match error.get_io() {
        Some(error) => error.kind(),
        None if error.is_reset() || error.is_go_away() || error.reason().is_some() => {
            ErrorKind::ConnectionReset
        }
        None => ErrorKind::BrokenPipe,
    };
    io::Error::new(kind, error)
}

/// Whether a request is an Extended CONNECT, for [`accept`]. That refuses one that is not for WebSocket, with a 501.
///
/// ```
/// use ws_proto_tokio::http2::h2::ext::Protocol;
/// use ws_proto_tokio::http2::is_websocket;
///
/// let mut request = http::Request::connect("https://example.com/chat").body(())?;
/// assert!(!is_websocket(&request)); // for a proxy
/// request.extensions_mut().insert(Protocol::from_static("websocket"));
/// assert!(is_websocket(&request));
/// # Ok::<(), http::Error>(())
/// ```
pub fn is_websocket<B>(request: &Request<B>) -> bool {
    request.method() == Method::CONNECT && request.extensions().get::<Protocol>().is_some()
}

/// Accepts a WebSocket connection on a stream of HTTP/2, if it is one that `acceptor` describes: queues the response
/// with 200. Otherwise it queues a refusal with a status and a text.
///
/// ```
/// use http::Request;
/// use ws_proto_tokio::http2::h2::RecvStream;
/// use ws_proto_tokio::http2::h2::server::SendResponse;
/// use ws_proto_tokio::http2::{self, is_websocket};
/// use ws_proto_tokio::{Acceptor, Bytes};
///
/// /// One request of a connection of HTTP/2.
/// async fn answer(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) -> Result<(), Box<dyn std::error::Error>> {
///     if !is_websocket(&request) {
///         respond.send_response(http::Response::builder().status(404).body(())?, true)?;
///         return Ok(());
///     }
///     let mut socket = http2::accept(request, respond, Acceptor::new().path("/chat"))?;
///     while let Some(message) = socket.next().await {
///         socket.send(message?).await?; // echo
///     }
///     Ok(())
/// }
/// ```
///
/// # Errors
///
/// [`AcceptError`]. The client gets an answer, unless the stream failed ([`AcceptError::Io`]).
pub fn accept(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    acceptor: Acceptor<'_>,
) -> Result<WebSocket<H2Stream>, AcceptError> {
    let protocol = request.extensions().get::<Protocol>();
    match acceptor.answer_http(&request, protocol.map(Protocol::as_str)) {
        Ok((response, opened)) => {
            let send = respond.send_response(response, false).map_err(to_io)?;
            Ok(open_server(
                H2Stream::new(send, request.into_body()),
                opened,
            ))
        }
        Err(error) => {
            let (mut head, body) = error.to_http().into_parts();
            head.version = Version::HTTP_2;
            let response = http::Response::from_parts(head, ());
            let mut send = respond
                .send_response(response, body.is_empty())
                .map_err(to_io)?;
            if !body.is_empty() {
                send.send_data(body.into(), true).map_err(to_io)?;
            }
            Err(error)
        }
    }
}

/// Opens a connection of HTTP/2 and waits until the server's settings are there, which say whether it takes WebSocket
/// connections. Run the [`client::Connection`] in a task. Its `ping_pong` has been taken for that, and is `None` from then on.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (client_io, server_io) = tokio::io::duplex(4096);
/// # let server = tokio::spawn(async move {
/// #     let mut builder = h2::server::Builder::new();
/// #     let mut connection = builder.enable_connect_protocol().handshake::<_, ws_proto_tokio::Bytes>(server_io).await.unwrap();
/// #     while let Some(Ok((request, mut respond))) = connection.accept().await {
/// #         match request.uri().path() {
/// #             "/reset" => respond.send_reset(h2::Reason::REFUSED_STREAM),
/// #             _ => {
/// #                 let mut socket = http2::accept(request, respond, ws_proto_tokio::Acceptor::new()).unwrap();
/// #                 tokio::spawn(async move {
/// #                     while let Some(Ok(message)) = socket.next().await { let _ = socket.send(message).await; }
/// #                 });
/// #             }
/// #         }
/// #     }
/// # });
/// use ws_proto_tokio::http2::{self, h2};
///
/// let builder = h2::client::Builder::new();
/// let (sender, connection) = http2::handshake(client_io, &builder).await?;
/// tokio::spawn(connection); // it works for all streams
/// assert!(sender.is_extended_connect_protocol_enabled());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`h2::Error`]; with [`Reason::SETTINGS_TIMEOUT`] if the server has not answered within 10 s, the default of
/// [`Options::handshake_time`](Options::handshake_time).
pub async fn handshake<S>(
    stream: S,
    builder: &client::Builder,
) -> Result<(client::SendRequest<Bytes>, client::Connection<S, Bytes>), h2::Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let time = Options::new().get_handshake_time();
    let opened = tokio::time::timeout(time, open(stream, builder)).await;
    opened.unwrap_or_else(|_| Err(Reason::SETTINGS_TIMEOUT.into()))
}

async fn open<S>(
    stream: S,
    builder: &client::Builder,
) -> Result<(client::SendRequest<Bytes>, client::Connection<S, Bytes>), h2::Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (sender, mut connection) = builder.handshake(stream).await?;
    // The settings are the first frame of a server: they are there when it answers a PING.
    if let Some(mut pings) = connection.ping_pong() {
        pings.send_ping(Ping::opaque())?;
        poll_fn(|cx| {
            if let Poll::Ready(ended) = Pin::new(&mut connection).poll(cx) {
                return Poll::Ready(ended.and(Err(Reason::NO_ERROR.into())));
            }
            pings.poll_pong(cx).map_ok(drop)
        })
        .await?;
    }
    Ok((sender, connection))
}

/// Asks for a WebSocket connection on a stream of a connection of HTTP/2. Host, path and scheme are those of the URL.
///
/// [`Options::handshake_time`](Options::handshake_time) of the connector is the time limit, also for the wait while the
/// server allows no more streams. Dropping the future resets the stream.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (client_io, server_io) = tokio::io::duplex(4096);
/// # let server = tokio::spawn(async move {
/// #     let mut builder = h2::server::Builder::new();
/// #     let mut connection = builder.enable_connect_protocol().handshake::<_, ws_proto_tokio::Bytes>(server_io).await.unwrap();
/// #     while let Some(Ok((request, mut respond))) = connection.accept().await {
/// #         match request.uri().path() {
/// #             "/reset" => respond.send_reset(h2::Reason::REFUSED_STREAM),
/// #             _ => {
/// #                 let mut socket = http2::accept(request, respond, ws_proto_tokio::Acceptor::new()).unwrap();
/// #                 tokio::spawn(async move {
/// #                     while let Some(Ok(message)) = socket.next().await { let _ = socket.send(message).await; }
/// #                 });
/// #             }
/// #         }
/// #     }
/// # });
/// use ws_proto_tokio::Connector;
/// use ws_proto_tokio::http2::{self, h2};
///
/// let (sender, connection) = http2::handshake(client_io, &h2::client::Builder::new()).await?;
/// tokio::spawn(connection);
/// for room in ["/chat/1", "/chat/2"] {
///     let connector = Connector::new(&format!("wss://example.com{room}"))?.header("Authorization", "Bearer abc");
///     let (mut socket, _) = http2::connect(&sender, connector).await?; // both over one connection
///     socket.send("hello").await?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`ConnectError::NoExtendedConnect`] if the server's setting is not there, after [`handshake`] or later;
/// [`ConnectError::Refused`] with the response; other [`ConnectError`]s.
pub async fn connect<C>(
    sender: &client::SendRequest<Bytes>,
    to: C,
) -> Result<(WebSocket<H2Stream>, Response), ConnectError>
where
    C: TryInto<Connector>,
    ConnectError: From<C::Error>,
{
    let connector = to.try_into()?;
    let time = connector.get_options().get_handshake_time();
    let mut connecting = None;
    let asked = ask(sender.clone(), &connector, &mut connecting);
    if let Ok(asked) = tokio::time::timeout(time, asked).await {
        return asked;
    }
    let error = ConnectTimeout::new(Stage::Handshake, time).into();
    // A refusal is one, though its body has not ended.
    Err(match connecting {
        Some(connecting) => connecting.explain(error),
        None => error,
    })
}

async fn ask(
    sender: client::SendRequest<Bytes>,
    connector: &Connector,
    connecting: &mut Option<ConnectingStream>,
) -> Result<(WebSocket<H2Stream>, Response), ConnectError> {
    let mut sender = sender.ready().await.map_err(to_io)?;
    let setting = u64::from(sender.is_extended_connect_protocol_enabled());
    let enabled = ConnectEnabled::from_setting(setting).ok_or(ConnectError::NoExtendedConnect)?;
    let (started, mut request) = ConnectingStream::start_http(connector, enabled)?;
    let connecting = connecting.insert(started);
    request
        .extensions_mut()
        .insert(Protocol::from_static("websocket"));
    let (response, send) = sender.send_request(request, false).map_err(to_io)?;
    let (head, mut recv) = response.await.map_err(to_io)?.into_parts();
    let headers = head.headers.iter();
    let fields: Vec<_> = headers
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let answer = connecting.receive_head(head.status.as_u16(), &fields)?;
    if let Some((opened, response)) = answer {
        return Ok((open_client(H2Stream::new(send, recv), opened), response));
    }
    while let Some(data) = recv.data().await {
        let data = data.map_err(|error| connecting.explain(to_io(error)))?;
        connecting.receive(&mut data.to_vec())?;
        let _ = recv.flow_control().release_capacity(data.len());
    }
    Err(connecting.receive_eof())
}
