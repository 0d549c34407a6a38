//! The connection that is used.

mod halves;
mod methods;

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};

use futures_core::FusedStream;
#[cfg(feature = "deflate")]
use ws_proto::extension::deflate::{Deflate, DeflateParams};
use ws_proto::{CloseCode, EitherRole, Negotiated, OsRandom};

use crate::batch::Batch;
use crate::core::{Core, Driver, driver};
use crate::error::Error;
use crate::io::Io;
use crate::message::{Closed, Message};
use ws_proto::opening::{Opened, Options};

pub use halves::{ReadHalf, ReuniteError, WriteHalf};

/// An open WebSocket connection over a stream.
///
/// It is a [`Stream`](futures_core::Stream) of messages and a [`Sink`](futures_sink::Sink) for them, and has methods for everything else.
/// Nothing runs in the background: Pings are answered, keepalive and close timers run, and messages that were
/// queued are written while any of its methods is being waited for, receiving ones and sending ones
/// alike. A program that does not send just waits for [`next`](Self::next).
///
/// # Cancel safety
///
/// Every future of every method can be dropped at any time, in `select!` or by a timeout, and
/// nothing is lost: received messages and parts of them stay, the next call gives them. A message to
/// send is queued as a whole or not at all. Dropping the future of a `send` before it has waited for
/// room drops its message; [`ready`](Self::ready) and then [`try_send`](Self::try_send) show it for
/// sure.
///
/// # End
///
/// After a closing handshake receiving gives `None`, and [`closed`](Self::closed) has the peer's
/// code and reason. After anything else it gives the error once, then `None`. Messages that came
/// before are given first. After an error of the peer's, its Close frame with the reason is written
/// and the stream is read to its end for a moment, so that the peer can see it.
///
/// With [`Config::manual_close`](crate::Config::manual_close), receiving gives `None` once the peer has sent
/// Close, and sending goes on until [`close`](Self::close) ends it.
///
/// When writing fails, what the peer has sent before is still received. Its Close among it, which says why it
/// does not read, makes that a clean end; else the failure is reported after the last message.
///
/// # Bursts
///
/// [`feed`](Self::feed) and a `Sink` queue messages, and all of them are written together: once 16 KiB
/// wait, when all that was read is taken, or by [`flush`](Self::flush). [`send`](Self::send) writes at once.
/// So `feed` in a loop of [`next`](Self::next) answers a burst with one write, and no message waits longer than
/// until the loop waits.
///
/// # Time
///
/// While messages come, the clock is looked at four times in a [keepalive](crate::Config::keepalive) interval
/// only: a Ping is sent up to a quarter of it late. All other times are exact, to the millisecond of the
/// runtime's timer.
///
/// ```
/// # ws_proto_suite::shells::example::connected(async |mut socket| {
/// use ws_proto_async::CloseCode;
///
/// socket.send("how are you?").await?;
/// while let Some(message) = socket.next().await {
///     if message?.as_text() == Some("how are you?") {
///         socket.start_close(CloseCode::NORMAL, "that is all")?; // an echo
///     }
/// }
/// assert_eq!(socket.closed().unwrap().code, Some(CloseCode::NORMAL));
/// # Ok(())
/// # });
/// ```
pub struct WebSocket<T> {
    /// Boxed: a future holds an argument twice, once as it came and once in its place, and so does every
    /// future around it.
    core: Box<Core<T>>,
}

impl<T: Io> WebSocket<T> {
    /// The server's end of a connection whose handshake has been done elsewhere, for instance by an
    /// HTTP server. `received` are bytes that were read after the request, often none. On a stream of HTTP/2, call
    /// [`with_linger`](Self::with_linger) too.
    ///
    /// ```
    /// # use ws_proto_async::{Io, WebSocket};
    /// use ws_proto_async::{Negotiated, Options};
    ///
    /// fn upgraded<T: Io>(io: T) -> WebSocket<T> {
    ///     WebSocket::server(io, Negotiated::new(), &[], Options::new())
    /// }
    /// ```
    pub fn server(io: T, negotiated: Negotiated, received: &[u8], options: Options) -> Self {
        let driver = driver(EitherRole::server(), negotiated, &options);
        Self::new(io, driver, received, None)
    }

    /// The client's end of a connection whose handshake has been done elsewhere. `received` is what
    /// was read after the response, often nothing.
    ///
    /// ```
    /// # use ws_proto_async::{Io, WebSocket};
    /// use ws_proto_async::{Negotiated, Options};
    ///
    /// fn upgraded<T: Io>(io: T) -> WebSocket<T> {
    ///     WebSocket::client(io, Negotiated::new(), &[], Options::new())
    /// }
    /// ```
    pub fn client(io: T, negotiated: Negotiated, received: &[u8], options: Options) -> Self {
        let role = EitherRole::client(Box::new(OsRandom::new()));
        Self::new(io, driver(role, negotiated, &options), received, None)
    }

    /// The server's end of a connection whose handshake [`Acceptor::answer`](crate::Acceptor::answer) has done:
    /// with its options, subprotocol and compression.
    ///
    /// ```
    /// # use ws_proto_async::{Io, WebSocket};
    /// use ws_proto_async::Opened;
    ///
    /// /// `opened` is the result of `Acceptor::answer`.
    /// fn upgraded<T: Io>(io: T, opened: Opened) -> WebSocket<T> {
    ///     WebSocket::open_server(io, opened)
    /// }
    /// ```
    pub fn open_server(io: T, opened: Opened) -> Self {
        Self::open(io, opened, EitherRole::server())
    }

    /// The client's end of a connection whose handshake [`ConnectingStream`](crate::ConnectingStream) has done: with
    /// its options, subprotocol and compression.
    ///
    /// ```
    /// # use ws_proto_async::{Io, WebSocket};
    /// use ws_proto_async::Opened;
    ///
    /// /// `opened` is the result of a `ConnectingStream`.
    /// fn upgraded<T: Io>(io: T, opened: Opened) -> WebSocket<T> {
    ///     WebSocket::open_client(io, opened)
    /// }
    /// ```
    pub fn open_client(io: T, opened: Opened) -> Self {
        Self::open(io, opened, EitherRole::client(Box::new(OsRandom::new())))
    }

    fn open(io: T, opened: Opened, role: EitherRole<Box<OsRandom>>) -> Self {
        let subprotocol: Option<Box<str>> = opened.subprotocol().map(Into::into);
        let driver = opened.with_role(role).sharing();
        Self::new(io, driver, &[], subprotocol.as_deref())
    }

    pub(crate) fn new(io: T, driver: Driver, received: &[u8], subprotocol: Option<&str>) -> Self {
        Self {
            core: Box::new(Core::new(io, driver, received, subprotocol)),
        }
    }

    /// Turns on permessage-deflate, for a connection whose handshake has been done elsewhere: what
    /// that handshake has agreed on, with [`DeflateParams::negotiated`] for
    /// [`server`](Self::server) or [`client`](Self::client). Call it before anything is sent or
    /// received.
    ///
    /// ```
    /// # use ws_proto_async::{Io, Options, WebSocket};
    /// use ws_proto_async::{Deflate, DeflateParams};
    ///
    /// /// `params` are those of the response that an HTTP server has sent.
    /// fn upgraded<T: Io>(io: T, deflate: &Deflate, params: DeflateParams) -> WebSocket<T> {
    ///     WebSocket::server(io, params.negotiated(), &[], Options::new()).with_deflate(deflate, params)
    /// }
    /// ```
    #[cfg(feature = "deflate")]
    #[cfg_attr(docsrs, doc(cfg(feature = "deflate")))]
    #[must_use]
    pub fn with_deflate(self, deflate: &Deflate, params: DeflateParams) -> Self {
        self.map_driver(|driver| driver.with_deflate(deflate, params))
    }

    /// Sets whether a server reads to the end of the stream after a closing handshake too, for the time of
    /// [`Options::linger_time`] at most. Call it for a stream of HTTP/2 or HTTP/3 whose handshake has been done elsewhere:
    /// such a stream is reset when it is dropped before both sides have ended, and the client may lose the last
    /// messages and our Close. What [`open_server`](Self::open_server) has opened on such a stream does it by itself.
    ///
    /// ```
    /// # use ws_proto_async::{Io, Negotiated, Options, WebSocket};
    /// fn on_http2<T: Io>(stream: T, negotiated: Negotiated) -> WebSocket<T> {
    ///     WebSocket::server(stream, negotiated, &[], Options::new()).with_linger(true)
    /// }
    /// ```
    #[must_use]
    pub fn with_linger(self, linger: bool) -> Self {
        self.map_driver(|driver| driver.with_linger(linger))
    }

    fn map_driver(self, map: impl FnOnce(Driver) -> Driver) -> Self {
        Self {
            core: Box::new(self.core.map_driver(map)),
        }
    }

    #[cfg(feature = "deflate")]
    const fn core_ref(&self) -> &Core<T> {
        &self.core
    }

    pub(crate) const fn core(&mut self) -> &mut Core<T> {
        &mut self.core
    }

    /// The subprotocol that the handshake agreed on.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::connected(async |mut socket| {
    /// match socket.subprotocol() {
    ///     Some("chat.v2") => socket.send("{}").await?,
    ///     _ => socket.send("hello").await?,
    /// }
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.core.subprotocol()
    }

    /// Code and reason of the peer's Close, once that has come.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::connected(async |mut socket| {
    /// use ws_proto_async::CloseCode;
    ///
    /// while socket.next().await.transpose()?.is_some() {}
    /// if let Some(closed) = socket.closed() {
    ///     let is_restart = closed.code == Some(CloseCode::SERVICE_RESTART);
    ///     println!("{} {is_restart}", &*closed.reason);
    /// }
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        self.core.closed()
    }

    /// The length of the message for which the connection has failed, as its headers claim: after
    /// `ProtocolError::FrameTooBig` and `ProtocolError::MessageTooBig`, else `None`.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::connected(async |mut socket| {
    /// if let Some(Err(error)) = socket.next().await {
    ///     println!("{error}: {:?} bytes", socket.refused_len());
    /// }
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn refused_len(&self) -> Option<u64> {
        self.core.refused_len()
    }

    /// How many bytes wait to be written.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::connected(async |mut socket| {
    /// if socket.pending_bytes() > 1 << 20 {
    ///     println!("a slow reader");
    /// }
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.core.driver.pending_bytes()
    }

    /// The stream below.
    ///
    /// ```
    /// # use ws_proto_async::{Io, WebSocket};
    /// use std::net::{SocketAddr, TcpStream};
    ///
    /// /// Over a runtime whose streams are those of the standard library.
    /// fn peer<T: Io<Stream = TcpStream>>(socket: &WebSocket<T>) -> std::io::Result<SocketAddr> {
    ///     socket.get_ref().peer_addr()
    /// }
    /// ```
    #[must_use]
    pub fn get_ref(&self) -> &T::Stream {
        self.core.io.stream()
    }

    /// The stream below. Reading from it or writing to it breaks the connection.
    ///
    /// ```
    /// # use ws_proto_async::{Io, WebSocket};
    /// use std::net::TcpStream;
    ///
    /// /// Over a runtime whose streams are those of the standard library.
    /// fn hurry<T: Io<Stream = TcpStream>>(socket: &mut WebSocket<T>) -> std::io::Result<()> {
    ///     socket.get_mut().set_nodelay(true)
    /// }
    /// ```
    pub fn get_mut(&mut self) -> &mut T::Stream {
        self.core.io.stream_mut()
    }

    /// Gives up the connection and takes the stream. Bytes that were read and not taken are lost.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::connected(async |mut socket| {
    /// use ws_proto_async::CloseCode;
    ///
    /// socket.close(CloseCode::NORMAL, "").await?;
    /// let stream = socket.into_inner(); // to read its statistics, for instance
    /// # drop(stream);
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn into_inner(self) -> T::Stream {
        self.core.io.into_stream()
    }

    /// Sends Close and waits until the peer has answered and the stream has ended. Messages that
    /// still come are dropped: to have them, take them with [`start_close`](Self::start_close) and
    /// [`next`](Self::next). Of `reason`, 123 bytes are sent at most.
    ///
    /// Cancel safe: the Close is queued at once, another call goes on waiting.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::connected(async |mut socket| {
    /// use ws_proto_async::CloseCode;
    ///
    /// socket.close(CloseCode::NORMAL, "done").await?;
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// The error that ended the connection; none after a closing handshake.
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.start_close(code, reason)?;
        poll_fn(|cx| self.core.poll_closed(cx)).await
    }

    /// Waits until something has been read, to take the messages in it without copying them; `None` after
    /// the end. What the handles of a batch have sent is written together.
    ///
    /// A batch can be empty, if no message has come as a whole. Beside the buffer of the thread that
    /// other ways of receiving share, this uses one of the connection's, of 4 KiB if it is idle.
    ///
    /// Cancel safe: the next call goes on where this one was.
    ///
    /// ```
    /// # use ws_proto_async::{Error, Io, WebSocket};
    /// async fn echo<T: Io>(mut socket: WebSocket<T>) -> Result<(), Error> {
    ///     while let Some(batch) = socket.next_batch().await {
    ///         let mut batch = batch?;
    ///         while let Some((message, mut sender)) = batch.next() {
    ///             sender.send(message)?;
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub async fn next_batch(&mut self) -> Option<Result<Batch<'_, T>, Error>> {
        match poll_fn(|cx| self.core.poll_batch(cx)).await? {
            Ok(()) => Some(Ok(Batch::new(&mut self.core))),
            Err(error) => Some(Err(error)),
        }
    }
}

impl<T: Io> WebSocket<T> {
    /// Sends Close with code 1000. The receiving side waits for the end.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.core.start_close(CloseCode::NORMAL, "")?;
        self.core.poll_close_written(cx)
    }
}

/// For [`Reconnecting`](crate::Reconnecting).
impl<T: Io> WebSocket<T> {
    pub(crate) fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Message, Error>>> {
        self.core.poll_message(cx)
    }

    pub(crate) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.core.poll_ready(cx)
    }

    pub(crate) fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.core.poll_flush(cx)
    }

    pub(crate) fn poll_close_written(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.core.poll_close_written(cx)
    }

    pub(crate) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.core.poll_closed(cx)
    }

    /// Whether nothing is left to do with the stream.
    pub(crate) fn is_over(&self) -> bool {
        self.core.driver.is_over()
    }

    /// How many bytes the stream has taken of all that this connection writes.
    pub(crate) const fn written_position(&self) -> u64 {
        self.core.written()
    }

    /// Where in all that this connection writes the last byte is that was queued.
    pub(crate) fn queued_position(&self) -> u64 {
        self.core.written() + self.pending_bytes() as u64
    }
}

impl<T: Io> FusedStream for WebSocket<T> {
    fn is_terminated(&self) -> bool {
        self.core.has_ended()
    }
}

impl<T> fmt::Debug for WebSocket<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.fmt(f)
    }
}
