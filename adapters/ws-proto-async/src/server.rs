//! A server's handshake: look at the request, then decide.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use ws_proto::handshake::{Accept, PlainResponse};
use ws_proto::opening::{AcceptError, Accepting, Acceptor, Handshake, Opened, Options, Request};
use ws_proto::{EitherRole, Instant, Negotiated};

use crate::buffer::with_buffer;
use crate::core::{Core, driver};
use crate::io::{Io, poll_read};
use crate::socket::WebSocket;

/// Answers a client's handshake.
///
/// Dropping the future drops the stream: there is no connection then.
///
/// ```
/// # ws_proto_suite::shells::example::asked(async |io| {
/// use ws_proto_async::Acceptor;
/// use ws_proto_async::server::accept;
///
/// let acceptor = Acceptor::new().path("/chat").subprotocols(&["chat.v2", "chat.v1"]);
/// let socket = accept(io, acceptor).await?;
/// assert_eq!(socket.subprotocol(), Some("chat.v1"));
/// # Ok(())
/// # });
/// ```
///
/// # Errors
///
/// [`AcceptError`]. The client has got an answer that says why, unless the stream failed.
pub fn accept<T: Io>(
    io: T,
    acceptor: Acceptor<'_>,
) -> impl Future<Output = Result<WebSocket<T>, AcceptError>> {
    // Boxed, as all that only the handshake needs: most connections are a task that stays as big as its
    // biggest future.
    Box::pin(async move {
        let mut incoming = read(io, *acceptor.get_options()).await?;
        let decided = incoming.decide(&acceptor);
        incoming.finish(decided).await
    })
}

/// Reads a client's request, to look at it and decide.
///
/// Dropping the future drops the stream.
///
/// ```
/// # ws_proto_suite::shells::example::asked(async |io| {
/// use ws_proto_async::server::read_request;
/// use ws_proto_async::{Accept, Options, PlainResponse};
///
/// let incoming = read_request(io, Options::new()).await?;
/// if incoming.request().path() != "/chat" {
///     return incoming.respond(&PlainResponse::new(404)).await;
/// }
/// let socket = incoming.accept(&Accept::new()).await?;
/// # drop(socket);
/// # Ok(())
/// # });
/// ```
///
/// # Errors
///
/// [`AcceptError`] for bytes that are not a valid request of HTTP. The client has got an answer that says why,
/// unless the stream failed.
pub fn read_request<T: Io>(
    io: T,
    options: Options,
) -> impl Future<Output = Result<Incoming<T>, AcceptError>> {
    Box::pin(read(io, options))
}

async fn read<T: Io>(mut io: T, options: Options) -> Result<Incoming<T>, AcceptError> {
    let mut accepting = Accepting::new(options);
    match poll_fn(|cx| poll_request(&mut io, &mut accepting, cx)).await {
        Ok((request, received)) => {
            let asked = Asked {
                accepting,
                request,
                received,
                options,
                #[cfg(feature = "deflate")]
                deflate: None,
            };
            let asked = Box::new(asked);
            Ok(Incoming { io, asked })
        }
        Err(error) => {
            refuse(io, &accepting, &options).await;
            Err(error)
        }
    }
}

fn poll_request<T: Io>(
    io: &mut T,
    accepting: &mut Accepting,
    cx: &mut Context<'_>,
) -> Poll<Result<(Request, Vec<u8>), AcceptError>> {
    let mut reads = 0;
    loop {
        let read = with_buffer(|buffer| match poll_read(io, cx, buffer) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
            Poll::Ready(Ok(0)) => Poll::Ready(Err(accepting.receive_eof())),
            Poll::Ready(Ok(n)) => {
                let mut rest = buffer.get_mut(..n).unwrap_or_default();
                let request = accepting.receive(&mut rest);
                Poll::Ready(request.map(|request| request.map(|request| (request, rest.to_vec()))))
            }
        });
        match read {
            Poll::Ready(Ok(Some(request))) => return Poll::Ready(Ok(request)),
            Poll::Ready(Ok(None)) if reads < READS => reads += 1,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            paused => {
                let deadline = accepting.tick(io.now())?;
                if wait(io, paused.is_ready(), deadline, cx) {
                    return Poll::Pending;
                }
            }
        }
    }
}

/// After so many reads a handshake looks at the time though the stream always has more, and others get
/// their turn.
pub(crate) const READS: u8 = 32;

/// Whether to wait: for the stream, or for others that get their turn, until `deadline` at the latest.
pub(crate) fn wait<T: Io>(
    io: &mut T,
    has_more: bool,
    deadline: Option<Instant>,
    cx: &mut Context<'_>,
) -> bool {
    if has_more {
        cx.waker().wake_by_ref();
        return true;
    }
    deadline.is_none_or(|deadline| io.poll_until(cx, deadline).is_pending())
}

/// A client's request on its stream: look at it, then [`accept`](Self::accept) or
/// [`respond`](Self::respond), at once or later.
///
/// ```
/// # ws_proto_suite::shells::example::requested(async |incoming| {
/// use ws_proto_async::{Accept, PlainResponse};
///
/// let request = incoming.request();
/// match (request.is_upgrade(), request.path()) {
///     (true, "/chat") => drop(incoming.accept(&Accept::new()).await?),
///     (false, "/health") => incoming.respond(&PlainResponse::new(204)).await?,
///     _ => incoming.respond(&PlainResponse::new(404)).await?,
/// }
/// # Ok(())
/// # });
/// ```
pub struct Incoming<T> {
    io: T,
    asked: Box<Asked>,
}

struct Asked {
    accepting: Accepting,
    request: Request,
    /// What was read after the request.
    received: Vec<u8>,
    options: Options,
    #[cfg(feature = "deflate")]
    deflate: Option<ws_proto::extension::deflate::Deflate>,
}

impl<T: Io> Incoming<T> {
    /// The request.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::requested(async |incoming| {
    /// let request = incoming.request();
    /// println!("{} {:?}", request.path(), request.headers().get("User-Agent"));
    /// # assert_eq!(request.path(), "/chat");
    /// # Ok(())
    /// # });
    /// ```
    pub const fn request(&self) -> &Request {
        &self.asked.request
    }

    /// The stream.
    ///
    /// ```
    /// # use ws_proto_async::{Io, server::Incoming};
    /// use std::net::TcpStream;
    ///
    /// /// The address of the client, over a runtime whose streams are those of the standard library.
    /// fn peer<T: Io<Stream = TcpStream>>(incoming: &Incoming<T>) -> std::io::Result<std::net::SocketAddr> {
    ///     incoming.get_ref().peer_addr()
    /// }
    /// ```
    pub fn get_ref(&self) -> &T::Stream {
        self.io.stream()
    }

    /// Other limits, timers and modes for the connection, such as a bigger message for this path.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::requested(async |incoming| {
    /// use ws_proto_async::{Accept, Config, Options};
    ///
    /// let big = Options::new().config(Config::new().max_message(1 << 30));
    /// let socket = incoming.options(big).accept(&Accept::new()).await?;
    /// # drop(socket);
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub const fn options(mut self, options: Options) -> Self {
        self.asked.options = options;
        self
    }

    /// Agrees to permessage-deflate if the client offers it, as [`Acceptor::deflate`] does; in place
    /// of the extensions that [`accept`](Self::accept) is given.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::requested(async |incoming| {
    /// use ws_proto_async::{Accept, Deflate};
    ///
    /// let socket = incoming.deflate(&Deflate::new()).accept(&Accept::new()).await?;
    /// assert!(socket.deflate().is_none()); // this client has not offered it
    /// # Ok(())
    /// # });
    /// ```
    #[cfg(feature = "deflate")]
    #[cfg_attr(docsrs, doc(cfg(feature = "deflate")))]
    #[must_use]
    pub fn deflate(mut self, deflate: &ws_proto::extension::deflate::Deflate) -> Self {
        self.asked.deflate = Some(deflate.clone());
        self
    }

    /// Accepts: writes the 101. The Origin is checked by [`Accept::origins`].
    ///
    /// Dropping the future drops the stream: there is no connection then.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::requested(async |incoming| {
    /// use ws_proto_async::Accept;
    ///
    /// let subprotocol = incoming.request().choose_subprotocol(&["chat.v2", "chat.v1"]);
    /// let accept = Accept::new().maybe_subprotocol(subprotocol);
    /// let socket = incoming.accept(&accept).await?;
    /// assert_eq!(socket.subprotocol(), Some("chat.v1"));
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// [`AcceptError::Head`] if `accept` is not possible, [`AcceptError::Handshake`] if the request
    /// was not for a WebSocket connection: the client has got an answer that says why. [`AcceptError::Io`]
    /// if the stream fails.
    pub async fn accept(mut self, accept: &Accept<'_>) -> Result<WebSocket<T>, AcceptError> {
        let asked = &mut *self.asked;
        #[cfg(feature = "deflate")]
        let decided = asked
            .accepting
            .accept_deflate(accept, asked.deflate.as_ref());
        #[cfg(not(feature = "deflate"))]
        let decided = asked.accepting.accept(accept);
        Box::pin(self.finish(decided)).await
    }

    /// Accepts if the request is one that `acceptor` describes, with the options of that; else refuses, as
    /// [`accept`] does.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::requested(async |incoming| {
    /// use ws_proto_async::Acceptor;
    ///
    /// let socket = incoming.accept_with(Acceptor::new().path("/chat")).await?;
    /// # drop(socket);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// [`AcceptError`]. The client has got an answer that says why, unless the stream failed.
    pub fn accept_with(
        mut self,
        acceptor: Acceptor<'_>,
    ) -> impl Future<Output = Result<WebSocket<T>, AcceptError>> {
        let decided = self.decide(&acceptor);
        Box::pin(self.finish(decided))
    }

    fn decide(&mut self, acceptor: &Acceptor<'_>) -> Result<Opened, AcceptError> {
        let asked = &mut *self.asked;
        asked.options = *acceptor.get_options();
        asked.accepting.decide(&asked.request, acceptor)
    }

    async fn finish(
        self,
        decided: Result<Opened, AcceptError>,
    ) -> Result<WebSocket<T>, AcceptError> {
        let Self { mut io, mut asked } = self;
        let opened = match decided {
            Ok(opened) => opened.with_options(asked.options),
            Err(error) => {
                refuse(io, &asked.accepting, &asked.options).await;
                return Err(error);
            }
        };
        let time = asked.options.get_handshake_time();
        write_pending(&mut io, &mut asked.accepting, time).await?;
        let subprotocol: Option<Box<str>> = opened.subprotocol().map(Into::into);
        let driver = opened.with_role(EitherRole::server()).sharing();
        let subprotocol = subprotocol.as_deref();
        Ok(WebSocket::new(io, driver, &asked.received, subprotocol))
    }

    /// Answers with another response: refuses, redirects, or serves a page. Then the stream is
    /// closed.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::requested(async |incoming| {
    /// use ws_proto_async::PlainResponse;
    ///
    /// incoming.respond(&PlainResponse::new(404).body(b"try /chats")).await?;
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// [`AcceptError::Head`] if that cannot be sent: the client has got a 500. [`AcceptError::Io`] if the
    /// stream fails.
    pub async fn respond(self, response: &PlainResponse<'_>) -> Result<(), AcceptError> {
        let Self { mut io, mut asked } = self;
        let answered = asked.accepting.respond(response);
        let time = asked.options.get_handshake_time();
        write_pending(&mut io, &mut asked.accepting, time).await?;
        refuse(io, &asked.accepting, &asked.options).await;
        Ok(answered?)
    }
}

impl<T> fmt::Debug for Incoming<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("request", &self.asked.request)
            .finish_non_exhaustive()
    }
}

/// Writes all that is pending, if that takes no longer than `time`.
async fn write_pending<T: Io>(
    io: &mut T,
    from: &mut impl Handshake,
    time: Duration,
) -> io::Result<()> {
    let deadline = io.now() + time;
    poll_fn(|cx| match poll_write_pending(io, from, cx) {
        Poll::Pending => io
            .poll_until(cx, deadline)
            .map(|()| Err(io::ErrorKind::TimedOut.into())),
        written => written,
    })
    .await
}

/// Goes on writing the pending bytes.
pub(crate) fn poll_write_pending<T: Io>(
    io: &mut T,
    from: &mut impl Handshake,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    while !from.pending().is_empty() {
        match io.poll_write(cx, &[io::IoSlice::new(from.pending())]) {
            Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Ready(Ok(n)) => from.consume(n),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => return Poll::Pending,
        }
    }
    io.poll_flush(cx)
}

/// Writes the pending bytes and ends the stream, as after a connection that has failed.
async fn refuse<T: Io>(io: T, accepting: &Accepting, options: &Options) {
    let driver = driver(EitherRole::server(), Negotiated::new(), options);
    let driver = driver.with_output(accepting.pending()).refused();
    let mut core = Box::new(Core::new(io, driver, &[], None));
    // What it has failed of has been found before.
    let _ = poll_fn(|cx| core.poll_closed(cx)).await;
}
