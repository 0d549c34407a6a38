//! A client that connects again.

mod connect;
mod drive;
mod outbox;
mod reports;
mod update;

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::{FusedStream, Stream};
use futures_sink::Sink;
use ws_proto::opening::{ConnectError, Connector, Response};
use ws_proto::reconnect::{Backoff, BackoffConfig};
use ws_proto::{CloseCode, Instant, OsRandom};

pub use self::connect::Connect;
use self::outbox::Outbox;
use self::reports::Reports;
pub use self::update::{AttemptError, Connected, Decision, Disconnected, Ended, Reason, Update};
use crate::error::{Error, TrySendError};
use crate::io::{Io, Timer};
use crate::message::Message;
use crate::socket::WebSocket;
use crate::tasks::{Side, Tasks};

type Attempt<T> = Result<(WebSocket<T>, Response), AttemptError>;
type Connecting<T> = Pin<Box<dyn Future<Output = Attempt<T>> + Send>>;
type Greet = Box<dyn FnMut(&Response) -> Vec<Message> + Send>;

/// A client that connects again when its connection is lost.
///
/// It is a [`Stream`] of [`Update`]s and a [`Sink`] of messages. Nothing runs in the background: it
/// connects, waits and connects again while [`next`](Self::next) or one of the sending methods is waited
/// for, and it does not begin before that.
///
/// # Updates
///
/// ```text
/// Connected, Message, Message, ..., Disconnected    a connection, then a delay
/// Disconnected                                      an attempt that fails, then a longer delay
/// Connected, Message, ..., Ended                    another connection, with which it ends
/// ```
///
/// Each connection is reported with the server's [`Response`], each loss and each failed attempt with its
/// [`Reason`], the delay and the number of the next attempt. A [`Backoff`] decides how long it waits, and whether it
/// goes on at all: a Close with 1000, most 4xx answers and a wrong URL are final, an unreachable server, the end of
/// the stream and 5xx answers are not; see [`End::is_transient`](ws_proto::reconnect::End::is_transient).
/// [`decide`](Self::decide) changes that for one program. [`close`](Self::close) ends it as well. The last update is
/// [`Ended`].
///
/// # What was not written
///
/// A message that [`send`](Self::send) or the `Sink` has accepted is in one of three states when the connection
/// is lost:
///
/// | of its bytes the transport has taken | the server | this client |
/// |---|---|---|
/// | none | has not received it | gives it back |
/// | a part | cannot have received it: the frame is not complete | gives it back |
/// | all | may have received it, or not | forgets it: only an answer of the server can show it |
///
/// What is given back is in [`Disconnected::unsent`], or in [`Ended::unsent`], in the order in which it was
/// sent. With [`resend`](Self::resend) it is sent on the next connection instead, before later messages. So
/// no message is sent twice, and none is lost without a report but those that were on their way. A program that
/// needs to know about those lets the server confirm each message, and sends again those that were not
/// confirmed after [`Connected`].
///
/// "Taken" is what the stream reports. A TLS stream takes bytes before the socket below it does. And if its
/// write fails after it has sent a part of these bytes, a message can have arrived that is given back.
///
/// # While there is no connection
///
/// [`send`](Self::send), [`ready`](Self::ready) and `Sink::poll_ready` wait for the next connection, and
/// connect meanwhile. Nothing is stored for later; [`try_send`](Self::try_send) gives the message back.
/// They fail when it has ended, and with [`SendError::OutputFull`](ws_proto::SendError::OutputFull) if 1 MiB waits of
/// messages that were received or given back: then call [`next`](Self::next) first. A program that takes
/// no updates between two losses finds them in one [`Disconnected`], with
/// [their number](Disconnected::losses).
///
/// # Cancel safety
///
/// Every future of every method can be dropped at any time, and nothing is lost: an attempt that is under way
/// and a delay go on with the next call, and updates stay. A message is accepted as a whole or not at all;
/// dropping the future of a `send` that waits for a connection drops its message, which
/// [`ready`](Self::ready) and then [`try_send`](Self::try_send) avoid. So it works in `select!`:
///
/// ```
/// # use ws_proto_async::{Io, Reconnecting, Update};
/// # async fn run<T: Io>(mut client: Reconnecting<T>) -> Result<(), ws_proto_async::Error> {
/// # let mut events = futures_util::stream::empty::<String>();
/// use futures_util::StreamExt;
/// use futures_util::future::{Either, select};
/// use std::pin::pin;
///
/// loop {
///     let event = match select(pin!(client.next()), events.next()).await {
///         Either::Right((Some(event), _)) => event,
///         Either::Left((Some(update), _)) => {
///             println!("{update:?}");
///             continue;
///         }
///         _ => break,
///     };
///     client.send(event).await?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Two tasks
///
/// `StreamExt::split` of `futures` makes halves for two tasks: a `Sink` of messages and a `Stream` of
/// updates. Each wakes the other when the connection changes.
pub struct Reconnecting<T> {
    link: Link<T>,
    connect: Box<dyn FnMut() -> Connecting<T> + Send>,
    greet: Greet,
    decide: Box<dyn FnMut(&Reason) -> Decision + Send>,
    random: Box<dyn FnMut() -> u64 + Send>,
    timer: Box<dyn Timer + Send>,
    backoff: Backoff,
    resends: bool,
    /// Closed by this end.
    is_closing: bool,
    outbox: Outbox,
    reports: Reports,
    tasks: Tasks,
    /// How often something has changed that the other task may wait for.
    changes: u64,
}

enum Link<T> {
    /// Nothing was tried yet.
    Idle,
    Connecting(Connecting<T>),
    Open(Box<WebSocket<T>>),
    /// Until then.
    Waiting(Instant),
    Over,
}

impl<T> Link<T> {
    fn connection(&self) -> Option<&WebSocket<T>> {
        match self {
            Self::Open(socket) => Some(socket),
            _ => None,
        }
    }
}

impl<T: Connect> Reconnecting<T> {
    /// A client that asks for the same each time. It does not connect yet.
    ///
    /// ```
    /// # use ws_proto_suite::shells::example::Memory;
    /// use ws_proto_async::Reconnecting;
    ///
    /// let client = Reconnecting::new("wss://example.com/news")?;
    /// # let client: Reconnecting<Memory> = client;
    /// assert!(!client.is_connected()); // it waits for the first call of `next`, or of a sending method
    /// # Ok::<(), ws_proto_async::ConnectError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConnectError::Uri`] if `to` is not the URL of a WebSocket server.
    pub fn new<C>(to: C) -> Result<Self, ConnectError>
    where
        C: TryInto<Connector>,
        ConnectError: From<C::Error>,
    {
        let connector = to.try_into()?;
        Ok(Self::from_requests(move || {
            let connector = connector.clone();
            async move { Ok(connector) }
        }))
    }

    /// A client that makes each request anew: `request` is called for each attempt, and is for tokens that
    /// expire, or for another server than before. If it fails, so does the attempt, and
    /// [`AttemptError::transient`] or [`AttemptError::permanent`] says whether another one follows.
    ///
    /// There is no time limit for it: it has to come to an end by itself.
    ///
    /// ```
    /// # use ws_proto_suite::shells::example::Memory;
    /// use ws_proto_async::{AttemptError, Connector, Reconnecting};
    ///
    /// /// Fetches a token that is valid for some minutes.
    /// async fn token() -> Result<String, std::io::Error> {
    ///     // ...
    /// #   Ok(String::from("abc"))
    /// }
    ///
    /// let client = Reconnecting::from_requests(|| async {
    ///     let token = token().await.map_err(AttemptError::transient)?;
    ///     let connector = Connector::new("wss://example.com/news")?;
    ///     Ok(connector.header("Authorization", format!("Bearer {token}")))
    /// });
    /// # let client: Reconnecting<Memory> = client;
    /// # drop(client);
    /// ```
    pub fn from_requests<F, R>(mut request: F) -> Self
    where
        F: FnMut() -> R + Send + 'static,
        R: Future<Output = Result<Connector, AttemptError>> + Send + 'static,
    {
        Self::from_connections(T::timer(), move || {
            let request = request();
            async move { Ok(T::connect(request.await?).await?) }
        })
    }
}

impl<T: Io> Reconnecting<T> {
    /// A client that connects by `connect`, which is called for each attempt: over streams of the program's
    /// own, or with a first exchange of messages before the connection counts as one. The errors are those
    /// of connecting, or what [`AttemptError::transient`] and [`AttemptError::permanent`] make of others.
    ///
    /// There is no time limit for it: it has to come to an end by itself.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let port = ws_proto_suite::shells::example::server();
    /// use ws_proto_tokio::{AttemptError, Client, Reconnecting, Tokio, Update};
    ///
    /// // A connection counts once the server has answered a first message.
    /// let mut client = Reconnecting::from_connections(Tokio::timer(), move || async move {
    ///     let network = Client::new().connect_to("127.0.0.1", port);
    ///     let (mut socket, response) = network.connect("ws://example.com/").await?;
    ///     let logged_in = async {
    ///         socket.send("log in").await?;
    ///         socket.next().await.transpose()
    ///     };
    ///     match logged_in.await {
    ///         Ok(Some(_)) => Ok((socket, response)),
    ///         Ok(None) => Err(AttemptError::permanent("not allowed")),
    ///         Err(error) => Err(AttemptError::transient(error)),
    ///     }
    /// });
    /// assert!(matches!(client.next().await, Some(Update::Connected(_))));
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_connections<F, C>(timer: impl Timer + Send + 'static, mut connect: F) -> Self
    where
        F: FnMut() -> C + Send + 'static,
        C: Future<Output = Attempt<T>> + Send + 'static,
    {
        Self {
            link: Link::Idle,
            connect: Box::new(move || Box::pin(connect())),
            greet: Box::new(|_| Vec::new()),
            decide: Box::new(|_| Decision::Backoff),
            random: Box::new(random),
            timer: Box::new(timer),
            backoff: Backoff::new(BackoffConfig::new()),
            resends: false,
            is_closing: false,
            outbox: Outbox::default(),
            reports: Reports::default(),
            tasks: Tasks::default(),
            changes: 0,
        }
    }

    /// Sets how long it waits before each attempt, and how many there are.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::reconnecting(async |client| {
    /// use std::time::Duration;
    /// use ws_proto_async::reconnect::BackoffConfig;
    ///
    /// let mut client = client.backoff(BackoffConfig::new().cap(Duration::from_secs(60)).max_attempts(Some(10)));
    /// # client.next().await;
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn backoff(self, config: BackoffConfig) -> Self {
        Self {
            backoff: Backoff::new(config),
            ..self
        }
    }

    /// Sets the messages to send after each connect, before anything else: subscriptions, for instance. It is
    /// called with the server's answer. What it gives is made anew for the next connection, so it is never
    /// given back.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::reconnecting(async |client| {
    /// use ws_proto_async::Message;
    ///
    /// let mut client = client.on_connect(|_| [Message::text("subscribe news")]);
    /// # client.next().await;
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn on_connect<I>(self, mut greet: impl FnMut(&Response) -> I + Send + 'static) -> Self
    where
        I: IntoIterator<Item = Message>,
    {
        Self {
            greet: Box::new(move |response| greet(response).into_iter().collect()),
            ..self
        }
    }

    /// Sets a function that decides on another attempt, in place of the back-off alone: whether the end of a
    /// connection or of an attempt is final for this program.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::reconnecting(async |client| {
    /// use ws_proto_async::reconnect::End;
    /// use ws_proto_async::Decision;
    ///
    /// let mut client = client.decide(|reason| match reason.end() {
    ///     // Our server's way to say that the account is gone.
    ///     Some(End::Closed(Some(code))) if code.as_u16() == 4001 => Decision::Stop,
    ///     // Our tokens expire; the next request brings a new one.
    ///     Some(End::Refused { status: 401, .. }) => Decision::Retry,
    ///     _ => Decision::Backoff,
    /// });
    /// # client.next().await;
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn decide(self, decide: impl FnMut(&Reason) -> Decision + Send + 'static) -> Self {
        Self {
            decide: Box::new(decide),
            ..self
        }
    }

    /// Sets whether messages that were not written are sent on the next connection, in their order and
    /// before later messages. By default they are given back in [`Disconnected::unsent`].
    ///
    /// ```
    /// # ws_proto_suite::shells::example::reconnecting(async |client| {
    /// let mut client = client.resend(true);
    /// # client.next().await;
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn resend(self, resend: bool) -> Self {
        Self {
            resends: resend,
            ..self
        }
    }

    /// Sets where the random part of each delay comes from, uniformly distributed numbers; by default from
    /// the operating system. For tests and simulations.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::reconnecting(async |client| {
    /// let mut client = client.random(|| 0); // the shortest delays
    /// # client.next().await;
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn random(self, random: impl FnMut() -> u64 + Send + 'static) -> Self {
        Self {
            random: Box::new(random),
            ..self
        }
    }

    /// Whether there is a connection, as far as is known.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::reconnecting(async |mut client| {
    /// assert!(!client.is_connected());
    /// client.next().await; // `Update::Connected`
    /// assert!(client.is_connected());
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        matches!(self.link, Link::Open(_))
    }

    /// The connection, if there is one.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::reconnecting(async |mut client| {
    /// client.next().await; // `Update::Connected`
    /// if let Some(socket) = client.connection() {
    ///     println!("{:?}, {} bytes wait", socket.subprotocol(), socket.pending_bytes());
    /// }
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn connection(&self) -> Option<&WebSocket<T>> {
        self.link.connection()
    }

    /// Ends the delay before the next attempt, and forgets the failures before it: because the network has
    /// come back, for instance, or the user does not want to wait. Does nothing while there is a connection
    /// or an attempt is under way.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::reconnecting(async |mut client| {
    /// # let is_network_back = true;
    /// let update = client.next().await;
    /// println!("{update:?}");
    /// if is_network_back && !client.is_connected() {
    ///     client.reconnect_now();
    /// }
    /// # Ok(())
    /// # });
    /// ```
    pub fn reconnect_now(&mut self) {
        if let Link::Waiting(deadline) = &mut self.link {
            *deadline = self.timer.now();
            self.backoff.reset();
            self.changes += 1;
            self.tasks.wake(Side::Read);
            self.tasks.wake(Side::Write);
        }
    }

    /// The next update; `None` after [`Update::Ended`].
    ///
    /// Cancel safe: the next call goes on where this one was.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::reconnecting(async |mut client| {
    /// use ws_proto_async::Update;
    ///
    /// while let Some(update) = client.next().await {
    ///     match update {
    ///         Update::Connected(connected) => println!("attempt {}", connected.attempt),
    ///         Update::Message(message) => println!("{message:?}"),
    ///         Update::Disconnected(lost) => println!("{}; again in {:?}", lost.reason, lost.delay),
    ///         Update::Ended(ended) => println!("{}", ended.reason),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok(())
    /// # });
    /// ```
    pub async fn next(&mut self) -> Option<Update> {
        poll_fn(|cx| self.poll_update(cx)).await
    }

    /// Sends a message: waits for a connection and for room, queues it, and waits until it is written or
    /// the connection is lost. In that case it is given back, or with [`resend`](Self::resend) this waits
    /// until it is written to another connection.
    ///
    /// Cancel safe: the message is accepted as a whole or not at all. Once it is, it is written or given back
    /// whatever becomes of this future.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::reconnecting(async |mut client| {
    /// client.send("hello").await?; // connects, if it has to
    /// assert!(client.is_connected());
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Send`]: with [`SendError::Closed`](ws_proto::SendError::Closed) it has ended; with
    /// [`SendError::OutputFull`](ws_proto::SendError::OutputFull) updates have to be taken first; all others say why this message cannot be sent.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        self.feed(message).await?;
        self.flush().await
    }

    /// Waits for a connection and for room, and queues a message. It is written with later messages, or when this
    /// client is waited for.
    ///
    /// Cancel safe: the message is accepted as a whole or not at all.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::reconnecting(async |mut client| {
    /// for line in ["one", "two", "three"] {
    ///     client.feed(line).await?;
    /// }
    /// client.flush().await?; // all in one write
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn feed(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        self.ready().await?;
        self.accept(message.into())
    }

    /// Waits until all that was accepted is written or given back.
    ///
    /// Cancel safe: the next call goes on where this one was.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::reconnecting(async |mut client| {
    /// client.feed("queued").await?;
    /// client.flush().await?;
    /// assert_eq!(client.connection().unwrap().pending_bytes(), 0);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn flush(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.poll_as(Side::Write, cx, Self::poll_written)).await
    }

    /// Waits until there is a connection that has room for a message.
    ///
    /// Cancel safe: the next call goes on where this one was.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::reconnecting(async |mut client| {
    /// client.ready().await?; // can be cancelled: nothing is accepted yet
    /// client.try_send("now").expect("there is room");
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn ready(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.poll_as(Side::Write, cx, Self::poll_room)).await
    }

    /// Queues a message at once, if there is a connection that has room. It is written when this client is
    /// waited for.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::reconnecting(async |mut client| {
    /// use ws_proto_async::TrySendError;
    ///
    /// // Nothing is connected yet. A measurement that cannot be sent now is of no use later.
    /// match client.try_send("21.5") {
    ///     Ok(()) => {}
    ///     Err(TrySendError::Full(message)) => println!("dropped {message:?}"),
    ///     Err(error) => println!("{error}"),
    /// }
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// [`TrySendError`], with the message: [`TrySendError::Full`] if it cannot be sent now, because there is no
    /// connection, no room, or updates have to be taken first; [`TrySendError::Closed`] after the end.
    pub fn try_send(&mut self, message: impl Into<Message>) -> Result<(), TrySendError> {
        let message = message.into();
        let full = self.reports.is_full();
        match &mut self.link {
            Link::Over => Err(TrySendError::Closed(message)),
            _ if self.is_closing => Err(TrySendError::Closed(message)),
            Link::Open(socket) if !full => {
                let sent = self.outbox.try_push(socket, message);
                sent.map_err(|error| match error {
                    // It is lost, and another one comes.
                    TrySendError::Closed(message) => TrySendError::Full(message),
                    error => error,
                })
            }
            _ => Err(TrySendError::Full(message)),
        }
    }

    /// Ends it: sends Close, if there is a connection, and makes no other attempt. What the server still
    /// sends comes, and then [`Update::Ended`] with unwritten messages. Of `reason`, 123 bytes are sent at
    /// most.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::reconnecting(async |mut client| {
    /// use ws_proto_async::{CloseCode, Update};
    ///
    /// client.send("the last one").await?;
    /// client.start_close(CloseCode::NORMAL, "")?;
    /// while let Some(update) = client.next().await {
    ///     if let Update::Ended(ended) = update {
    ///         assert!(ended.unsent.is_empty());
    ///     }
    /// }
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Send`] if this code is not for clients.
    pub fn start_close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        match &mut self.link {
            Link::Open(socket) => socket.start_close(code, reason)?,
            Link::Over => return Ok(()),
            _ => {}
        }
        self.is_closing = true;
        if !self.is_connected() {
            self.end(Reason::Local);
        }
        self.tasks.wake(Side::Read);
        self.tasks.wake(Side::Write);
        Ok(())
    }

    /// Ends it as [`start_close`](Self::start_close) does, and waits until the server has answered and the
    /// stream has ended. Messages that still come are dropped. [`Update::Ended`] has messages that were not
    /// written.
    ///
    /// Cancel safe: the Close is queued at once, another call goes on waiting.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::reconnecting(async |mut client| {
    /// use ws_proto_async::CloseCode;
    ///
    /// client.send("the last one").await?;
    /// client.close(CloseCode::NORMAL, "").await?;
    /// assert!(!client.is_connected());
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// The error that ended the connection; none after a closing handshake.
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.start_close(code, reason)?;
        poll_fn(|cx| self.poll_as(Side::Write, cx, Self::poll_closed)).await
    }
}

impl<T: Io> Stream for Reconnecting<T> {
    type Item = Update;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Update>> {
        self.get_mut().poll_update(cx)
    }
}

impl<T: Io> FusedStream for Reconnecting<T> {
    fn is_terminated(&self) -> bool {
        matches!(self.link, Link::Over) && self.reports.is_empty()
    }
}

/// `poll_ready` waits for a connection; see [above](Reconnecting#while-there-is-no-connection).
/// `poll_close` sends Close with code 1000. The receiving side waits for the end.
impl<T: Io> Sink<Message> for Reconnecting<T> {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().poll_as(Side::Write, cx, Self::poll_room)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.get_mut().accept(message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.get_mut().poll_as(Side::Write, cx, Self::poll_written)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let client = self.get_mut();
        if !client.is_closing {
            client.start_close(CloseCode::NORMAL, "")?;
        }
        client.poll_as(Side::Write, cx, Self::poll_close_written)
    }
}

/// Leaves out the messages: they can have secrets.
impl<T> fmt::Debug for Reconnecting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconnecting")
            .field("connection", &self.link.connection())
            .field("backoff", &self.backoff)
            .field("unwritten", &self.outbox.len())
            .finish_non_exhaustive()
    }
}

/// It spreads clients and protects nothing, so any number will do where the operating system has none.
fn random() -> u64 {
    let nonce = OsRandom::nonce().unwrap_or([0x55; 16]);
    nonce
        .first_chunk()
        .map_or(0, |half| u64::from_ne_bytes(*half))
}
