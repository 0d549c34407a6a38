//! A connection, from its handshake to its end.

use std::fmt;
use std::io;

use bytes::Bytes;
use mio::event::{Event, Source};
use mio::{Interest, Registry, Token};
#[cfg(feature = "deflate")]
use ws_proto::extension::deflate::DeflateParams;
use ws_proto::opening::{Connector, Opened};
use ws_proto::socket::Failure;
use ws_proto::{CloseCode, EitherRole, Instant, Negotiated, OsRandom, Transport};

use crate::buffers::Buffers;
use crate::error::{ConnectError, Error};
use crate::handshake::{self, Answer, Handshake, Request};
use crate::options::Options;
use crate::sender::Sender;
use crate::stream::Stream;
use crate::turn::Turn;
use crate::wire::Wire;

/// A connection of either role; a client's masking keys are apart, since servers are many.
pub(crate) type Either = EitherRole<Box<OsRandom>>;

const NEVER: Instant = Instant::from_millis(u64::MAX);

/// What keeps the protocol, the order of things, the limits and the times.
pub(crate) type Driver = ws_proto::WebSocket<Either, Bytes>;

/// A WebSocket connection over a non-blocking stream, from its handshake to its end.
///
/// It is driven by one rule: *whatever happens to it, give it a [`turn`](Self::turn)*. That is, once
/// after it has been made, when there is an event for its token (after [`ready`](Self::ready)), when
/// its [deadline](Self::next_deadline) has come, when it [has more to do](Self::has_more), and after
/// something has been sent on it outside of a turn. When it [is done](Self::is_done), drop it.
///
/// Register its stream once, for [`interest`](Self::interest), and leave it so: mio reports readiness
/// once, the connection remembers it.
pub struct WebSocket<S> {
    pub(crate) wire: Wire<S>,
    pub(crate) state: State,
    /// The end of time if there is none.
    deadline: Instant,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all connections are open")]
pub(crate) enum State {
    Handshake(Box<Handshake>),
    /// A connection, or the last steps after a handshake that led to none.
    Open(Driver),
}

/// What the last look at the input has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// Nothing: more has to be read first.
    Nothing,
    /// There may be more.
    Input,
    /// There is more, after a try to write.
    Answer,
    /// As `Answer`, and that try has been made.
    Tried,
    /// There is more once the stream takes some of the output.
    Output,
}

/// How the stream of a handshake goes on that led to no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// It can be read and written.
    Open,
    /// Nothing more comes.
    Eof,
    /// It is closed.
    Abort,
}

impl<S: Stream> WebSocket<S> {
    /// The server's end over a stream that has been accepted. Its first event is the client's
    /// [`Request`](crate::Event::Request).
    ///
    /// ```
    /// use mio::Token;
    /// use mio::net::TcpStream;
    /// use ws_proto_mio::{Options, WebSocket};
    ///
    /// /// Register it, then give it a turn: its request is an event.
    /// fn accepted(stream: TcpStream, token: Token) -> WebSocket<TcpStream> {
    ///     WebSocket::accept(stream, token, &Options::new())
    /// }
    /// ```
    pub fn accept(stream: S, token: Token, options: &Options) -> Self {
        let state = State::Handshake(Box::new(Handshake::accept(options.clone())));
        Self::new(stream, token, state, options)
    }

    /// The client's end over a stream that is connected or being connected: TCP, TLS, a Unix
    /// socket. Whether the URL says `ws` or `wss` is not looked at. Its first event is
    /// [`Connected`](crate::Event::Connected).
    ///
    /// # Errors
    ///
    /// [`ConnectError::Head`], [`ConnectError::NoRandomness`].
    pub fn connect(
        stream: S,
        token: Token,
        connector: Connector,
        options: &Options,
    ) -> Result<Self, ConnectError> {
        let handshake = Handshake::connect(connector, options.clone())?;
        let state = State::Handshake(Box::new(handshake));
        let mut this = Self::new(stream, token, state, options);
        this.wire.is_connecting = true;
        Ok(this)
    }

    /// The server's end of a connection whose handshake has been done elsewhere. `received` is what
    /// was read after the request, often nothing.
    ///
    /// ```
    /// use mio::Token;
    /// use mio::net::TcpStream;
    /// use ws_proto_mio::{Negotiated, Options, WebSocket};
    ///
    /// /// An HTTP server did the handshake.
    /// fn upgraded(stream: TcpStream, token: Token) -> WebSocket<TcpStream> {
    ///     WebSocket::server(stream, token, Negotiated::new(), &[], &Options::new())
    /// }
    /// ```
    pub fn server(
        stream: S,
        token: Token,
        negotiated: Negotiated,
        received: &[u8],
        options: &Options,
    ) -> Self {
        Self::agreed_elsewhere(stream, token, false, negotiated, received, options)
    }

    /// The client's end of a connection whose handshake has been done elsewhere. `received` is what
    /// was read after the response, often nothing.
    pub fn client(
        stream: S,
        token: Token,
        negotiated: Negotiated,
        received: &[u8],
        options: &Options,
    ) -> Self {
        Self::agreed_elsewhere(stream, token, true, negotiated, received, options)
    }

    fn agreed_elsewhere(
        stream: S,
        token: Token,
        is_client: bool,
        negotiated: Negotiated,
        received: &[u8],
        options: &Options,
    ) -> Self {
        let mut driver = handshake::driver(is_client, negotiated, options);
        driver.keep(received);
        let mut this = Self::new(stream, token, State::Open(driver), options);
        if !received.is_empty() {
            this.wire.left = Left::Input;
        }
        this
    }

    fn new(stream: S, token: Token, state: State, options: &Options) -> Self {
        Self {
            wire: Wire::new(stream, token, options),
            state,
            deadline: NEVER,
        }
    }

    /// Does what can be done now, at the time `now`: see [`Turn`].
    #[inline]
    pub fn turn<'t>(&'t mut self, buffers: &'t mut Buffers, now: Instant) -> Turn<'t, S> {
        Turn::new(self, buffers, now)
    }

    /// Takes note that the stream can be read from or written to again. An event of any kind counts
    /// for both: TLS reads in order to write.
    #[inline]
    pub fn ready(&mut self, event: &Event) {
        self.wire.is_end_near |= event.is_read_closed() || event.is_error();
        self.set_ready();
    }

    /// As [`ready`](Self::ready), for streams whose readiness is reported by something else than mio.
    pub const fn set_ready(&mut self) {
        self.wire.readable = true;
        self.wire.writable = !self.wire.is_broken;
    }

    /// When to give it a turn at the latest; changed by turns only.
    ///
    /// ```
    /// # use ws_proto_mio::{Stream, Timers, WebSocket};
    /// # fn with<S: Stream>(socket: &mut WebSocket<S>, timers: &mut Timers) {
    /// timers.set(socket.token(), socket.next_deadline()); // after each turn
    /// # }
    /// ```
    #[inline]
    pub fn next_deadline(&self) -> Option<Instant> {
        (self.deadline != NEVER).then_some(self.deadline)
    }

    /// Whether to give it another turn without waiting for an event: it has read as much as one turn
    /// may, or the program has left it early.
    ///
    /// ```
    /// # use ws_proto_mio::{Stream, WebSocket};
    /// # fn with<S: Stream>(socket: &mut WebSocket<S>) {
    /// if socket.has_more() {
    ///     // Give it another turn after the others, and do not wait before that.
    /// }
    /// # }
    /// ```
    #[inline]
    pub fn has_more(&self) -> bool {
        self.wire.has_failure()
            || match self.wire.left {
                // An end that is reached wants to read nothing.
                Left::Nothing => self.wire.readable && self.wants_read(),
                Left::Input | Left::Answer | Left::Tried => !self.is_over(),
                Left::Output => self.wire.writable && !self.is_over(),
            }
    }

    /// Whether it is over: drop it, and the stream with it.
    pub fn is_done(&self) -> bool {
        !self.wire.has_failure() && self.is_over()
    }

    /// Whether messages can be sent: the handshake is done, and no Close was sent.
    pub fn can_send(&self) -> bool {
        match &self.state {
            State::Open(driver) => driver.connection().can_send() && !driver.is_over(),
            State::Handshake(_) => false,
        }
    }

    /// To send unasked. `None` before the end of the handshake, and once the connection is over.
    /// Give it a turn afterwards.
    ///
    /// ```
    /// # use ws_proto_mio::{Stream, WebSocket};
    /// # fn with<S: Stream>(socket: &mut WebSocket<S>) {
    /// if let Some(mut sender) = socket.sender() {
    ///     let _ = sender.send_text("news"); // the next turn writes it
    /// }
    /// # }
    /// ```
    pub fn sender(&mut self) -> Option<Sender<'_, S>> {
        let State::Open(driver) = &mut self.state else {
            return None;
        };
        if driver.wants_write() {
            self.wire.write(driver);
        }
        (driver.transport() == Transport::Open).then(|| Sender {
            to: driver.sender(),
            wire: &mut self.wire,
        })
    }

    /// The request that the loop has been given and has not answered. Give it a turn afterwards.
    pub fn request(&mut self) -> Option<Request<'_>> {
        match &mut self.state {
            State::Handshake(handshake) => handshake.request(),
            State::Open(_) => None,
        }
    }

    /// Code and reason of the peer's Close, once that has come; code `None` if it gave none (1005).
    ///
    /// ```
    /// # use ws_proto_mio::{Stream, WebSocket};
    /// # fn with<S: Stream>(socket: &mut WebSocket<S>) {
    /// if let Some((code, reason)) = socket.closed() {
    ///     println!("{code:?} {reason}");
    /// }
    /// # }
    /// ```
    pub fn closed(&self) -> Option<(Option<CloseCode>, &str)> {
        let State::Open(driver) = &self.state else {
            return None;
        };
        let connection = driver.connection();
        connection
            .is_close_received()
            .then(|| (connection.close_code(), connection.close_reason()))
    }

    /// The subprotocol that the handshake agreed on.
    pub fn subprotocol(&self) -> Option<&str> {
        self.wire.cold()?.subprotocol.as_deref()
    }

    /// What was agreed on of permessage-deflate; `None` if messages are not compressed, and before
    /// the handshake is done.
    #[cfg(feature = "deflate")]
    #[cfg_attr(docsrs, doc(cfg(feature = "deflate")))]
    pub fn deflate(&self) -> Option<DeflateParams> {
        match &self.state {
            State::Open(driver) => driver.deflate(),
            State::Handshake(_) => None,
        }
    }

    /// How many bytes wait to be written.
    ///
    /// ```
    /// # use ws_proto_mio::{Stream, WebSocket};
    /// # fn with<S: Stream>(socket: &mut WebSocket<S>) {
    /// if socket.queued() > 1 << 20 {
    ///     println!("a slow reader");
    /// }
    /// # }
    /// ```
    pub fn queued(&self) -> usize {
        match &self.state {
            State::Open(driver) => driver.pending_bytes(),
            State::Handshake(handshake) => handshake.pending().len(),
        }
    }

    /// The token of its events.
    pub const fn token(&self) -> Token {
        self.wire.token
    }

    /// What to register the stream for, once and for all.
    pub const fn interest(&self) -> Interest {
        Interest::READABLE.add(Interest::WRITABLE)
    }

    /// The stream below.
    pub const fn get_ref(&self) -> &S {
        &self.wire.stream
    }

    /// The stream below: to register the stream inside of it, for instance. Reading from it or
    /// writing to it breaks the connection.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.wire.stream
    }

    /// Gives up the connection and takes the stream. What was received and not taken is lost.
    pub fn into_inner(self) -> S {
        self.wire.stream
    }

    // The work, for turns.

    fn is_over(&self) -> bool {
        match &self.state {
            State::Open(driver) => driver.is_over(),
            State::Handshake(_) => false,
        }
    }

    pub(crate) fn wants_read(&self) -> bool {
        match &self.state {
            State::Open(driver) => driver.wants_read(),
            State::Handshake(handshake) => handshake.wants_read(),
        }
    }

    /// Takes note of the loop's answer to a request.
    #[inline]
    pub(crate) fn settle(&mut self) {
        if let State::Handshake(handshake) = &mut self.state {
            match handshake.take_answer() {
                None => {}
                Some(Answer::Accepted(opened)) => self.open(*opened),
                Some(Answer::Refused(error)) => self.refuse(error, After::Open),
            }
        }
    }

    /// A handshake has led to a connection.
    pub(crate) fn open(&mut self, opened: Opened) {
        if let State::Handshake(handshake) = &self.state {
            if !handshake.early.is_empty() {
                self.wire.left = Left::Input;
            }
            let subprotocol = opened.subprotocol().map(Into::into);
            self.state = State::Open(handshake.open(opened));
            if subprotocol.is_some() {
                self.wire.cold_mut().subprotocol = subprotocol;
            }
            self.wire.is_connecting = false;
        }
    }

    /// There will be no connection. What is queued is still written.
    #[cold]
    pub(crate) fn refuse(&mut self, error: Option<Error>, after: After) {
        if let State::Handshake(handshake) = &self.state {
            let mut driver = handshake.refuse();
            match after {
                After::Open => {}
                // It has the answer already.
                After::Eof => drop(driver.receive_eof()),
                After::Abort => driver.read_failed(),
            }
            self.state = State::Open(driver);
            self.wire.left = Left::Nothing;
            let cold = self.wire.cold_mut();
            cold.has_failed = true;
            cold.failure = error;
        }
    }

    #[cold]
    pub(crate) fn read_eof(&mut self) {
        self.wire.readable = false;
        match &mut self.state {
            State::Handshake(handshake) => {
                let error = match (handshake.receive_eof(), self.wire.cold_mut().cause.take()) {
                    // A write that has failed says more than that nothing comes.
                    (Error::Handshake(_), Some(cause)) => Error::Io(cause),
                    (error, _) => error,
                };
                self.refuse(Some(error), After::Eof);
            }
            State::Open(driver) => {
                let _ = driver.receive_eof();
                self.note_failure();
            }
        }
    }

    #[cold]
    pub(crate) fn read_failed(&mut self, error: io::Error) {
        self.wire.readable = false;
        self.wire.cold_mut().cause.get_or_insert(error);
        match &mut self.state {
            State::Handshake(_) => {
                let cause = self.wire.cold_mut().cause.take().map(Error::Io);
                self.refuse(cause, After::Abort);
            }
            State::Open(driver) => {
                driver.read_failed();
                self.note_failure();
            }
        }
    }

    /// Takes what the connection has failed of, once. A failed write is none before its end: the peer's
    /// Close may still come.
    #[cold]
    fn note_failure(&mut self) {
        let State::Open(driver) = &self.state else {
            return;
        };
        let failure = match driver.failure() {
            Some(Failure::Write) if !driver.is_over() => return,
            Some(failure) if self.wire.cold().is_none_or(|cold| !cold.has_failed) => failure,
            _ => return,
        };
        self.wire.cold_mut().has_failed = true;
        let failure = match failure {
            Failure::Eof(error) => Error::Eof(error),
            Failure::Receive(error) => Error::Receive(error),
            Failure::TimedOut(error) => Error::TimedOut(error),
            _ => Error::Io(match self.wire.cold_mut().cause.take() {
                Some(cause) => cause,
                None => io::ErrorKind::BrokenPipe.into(),
            }),
        };
        self.wire.cold_mut().failure = Some(failure);
    }

    /// Writes as far as the stream takes it. Whether it took any.
    #[inline(always)]
    pub(crate) fn write(&mut self) -> bool {
        if let State::Open(driver) = &mut self.state {
            return self.wire.write(driver);
        }
        self.write_handshake();
        false
    }

    #[cold]
    fn write_handshake(&mut self) {
        if let State::Handshake(handshake) = &mut self.state {
            while self.wire.writable && !handshake.pending().is_empty() {
                let taken = self.wire.write_once(handshake.pending());
                handshake.consume(taken);
            }
            self.wire.flush();
        }
    }

    /// Sees to it that due steps are done, now or at the deadline. Most turns of a busy connection leave it to
    /// the deadline: without that `mio/32/alone` in `benches/shells` takes 15 % more.
    #[inline]
    pub(crate) fn keep_time(&mut self, now: Instant) {
        match &self.state {
            State::Open(driver) if now < self.deadline && driver.tick_can_wait() => {}
            _ => self.set_time(now),
        }
    }

    /// Sets the time, does due steps, and goes on towards the end.
    #[inline(never)]
    fn set_time(&mut self, now: Instant) {
        if let State::Handshake(handshake) = &mut self.state {
            match handshake.tick(now) {
                Ok(deadline) => {
                    self.deadline = deadline.unwrap_or(NEVER);
                    return;
                }
                Err(error) => {
                    let after = match handshake.is_client() {
                        true => After::Abort,
                        false => After::Open,
                    };
                    self.refuse(Some(error), after);
                }
            }
        }
        let State::Open(driver) = &mut self.state else {
            return;
        };
        if self.wire.readable && (self.wire.left != Left::Nothing || driver.wants_read()) {
            driver.note_unread();
        }
        let waiting = driver.pending_bytes();
        let Ok(deadline) = driver.tick_lazily(now) else {
            return self.wind_up(now);
        };
        self.deadline = deadline.unwrap_or(NEVER);
        let is_due = driver.pending_bytes() > waiting;
        if is_due || (waiting > 0 && self.wire.left != Left::Input) {
            self.wire.write(driver);
        }
        if driver.transport() != Transport::Open || self.wire.is_broken {
            self.wind_up(now);
        }
    }

    /// What is left to do at the end.
    #[cold]
    #[inline(never)]
    fn wind_up(&mut self, now: Instant) {
        let State::Open(driver) = &mut self.state else {
            return;
        };
        self.wire.write(driver);
        if driver.wants_half_close() && !self.wire.needs_flush {
            // Its failure is of no consequence: nothing follows.
            let _ = self.wire.stream.shutdown();
            driver.half_closed();
        }
        if driver.needs_tick() {
            self.deadline = driver.tick(now).ok().flatten().unwrap_or(NEVER);
        }
        if driver.is_over() {
            self.deadline = NEVER;
            self.note_failure();
        }
    }
}

/// Registering a connection registers its stream.
impl<S: Source> Source for WebSocket<S> {
    fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        self.wire.token = token;
        self.wire.stream.register(registry, token, interests)
    }

    fn reregister(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        self.wire.token = token;
        self.wire.stream.reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.wire.stream.deregister(registry)
    }
}

impl<S> fmt::Debug for WebSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("token", &self.wire.token)
            .field("state", &self.state)
            .field("left", &self.wire.left)
            .finish_non_exhaustive()
    }
}
