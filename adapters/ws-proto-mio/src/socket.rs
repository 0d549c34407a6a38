//! A connection, from its handshake to its end.
//!
//! ```text
//!           Close due               written             shut down, after an error
//!   Open -----------------> Closing ---------> shutdown -------------------------> Linger --> Done
//!     |                                            '----------- else ------------------------^
//!     '-- end of the stream, error, nobody answers ------------------------------------------'
//! ```

use std::fmt;
use std::io;

use mio::event::{Event, Source};
use mio::{Interest, Registry, Token};
#[cfg(feature = "deflate")]
use ws_proto::extension::deflate::DeflateParams;
use ws_proto::handshake::HandshakeError;
use ws_proto::{
    Assembler, CloseCode, Connection, Input, Instant, MAX_CONTROL_FRAME, Negotiated, TimedOut,
    Transport,
};

use crate::buffers::Buffers;
use crate::connector::Connector;
#[cfg(feature = "deflate")]
use crate::engine::Compressing;
use crate::engine::{Agreed, Decoder, Encoder, Engine};
use crate::error::{ConnectError, Error};
use crate::handshake::{Accepting, Answer, Answered, Connecting, Request};
use crate::options::{Options, Settings};
use crate::sender::Sender;
use crate::stream::Stream;
use crate::turn::Turn;
use crate::wire::Wire;

/// How many bytes are read and dropped after an error, so that the peer can read our last words.
const MAX_LINGER: usize = 1 << 20;

/// A WebSocket connection over a non-blocking stream, from its handshake to its end.
///
/// It is driven by one rule: *whatever happens to it, give it a [`turn`](Self::turn)*. That is, once
/// after it has been made, when there is an event for its token (after [`ready`](Self::ready)), when
/// its [deadline](Self::next_deadline) has come, when it [has more to do](Self::has_more), and after
/// something has been sent on it outside of a turn. When it [is done](Self::is_done), drop it.
///
/// Register its stream once, for [`interest`](Self::interest), and leave it so: mio tells readiness
/// once, the connection remembers it.
pub struct WebSocket<S> {
    pub(crate) wire: Wire<S>,
    pub(crate) state: State,
    pub(crate) end: Ending,
    /// Received bytes that wait until there is room for answers.
    pub(crate) leftover: Box<[u8]>,
    /// Not given yet.
    pub(crate) failure: Option<Error>,
    pub(crate) settings: Settings,
    subprotocol: Option<Box<str>>,
    deadline: Option<Instant>,
    /// Since when the stream takes nothing of what waits.
    stalled: Option<Instant>,
}

/// How far a connection is on its way to the end.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) phase: Phase,
    /// When it has to be over.
    by: Option<Instant>,
    lingered: usize,
    /// The peer has to be given the chance to read why.
    lingers: bool,
}

impl Ending {
    /// The peer has broken the rules; it has been told so.
    pub(crate) fn broken_by_peer(&mut self) {
        self.phase = Phase::Closing;
        self.lingers = true;
    }
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all connections are open")]
pub(crate) enum State {
    Accepting(Box<Accepting>),
    Connecting(Box<Connecting>),
    Open(Open),
    /// There was a handshake that led to no connection.
    Nothing,
}

/// A connection whose handshake is done.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) engine: Engine,
    pub(crate) assembler: Assembler<Vec<u8>, Decoder>,
    pub(crate) encoder: Encoder,
    /// A message has begun and not come to its end.
    pub(crate) is_collecting: bool,
    /// Its beginning has been given as pieces.
    pub(crate) is_piecewise: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Open,
    /// Writes what waits, then shuts the stream down.
    Closing,
    /// Reads to the end: input that is left unread would make the system reset the connection, and
    /// the peer would lose what it has not read yet.
    Linger,
    Done,
}

impl<S: Stream> WebSocket<S> {
    /// The server's end over a stream that has been accepted. Its first event is the client's
    /// [`Request`](crate::Event::Request).
    pub fn accept(stream: S, token: Token, options: &Options) -> Self {
        let state = State::Accepting(Box::new(Accepting::new(options.clone())));
        Self::new(Wire::new(stream, token), state, options.settings)
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
        let mut wire = Wire::new(stream, token);
        wire.is_connecting = true;
        let connecting = Connecting::start(&connector, options.clone(), &mut wire.out)?;
        let state = State::Connecting(Box::new(connecting));
        Ok(Self::new(wire, state, options.settings))
    }

    /// The server's end of a connection whose handshake has been done elsewhere. `received` is what
    /// was read behind the request, often nothing.
    pub fn server(
        stream: S,
        token: Token,
        negotiated: Negotiated,
        received: &[u8],
        options: &Options,
    ) -> Self {
        let engine = Engine::Server(Connection::server(negotiated, options.config));
        Self::agreed_elsewhere(stream, token, engine, received, options)
    }

    /// The client's end of a connection whose handshake has been done elsewhere. `received` is what
    /// was read behind the response, often nothing.
    pub fn client(
        stream: S,
        token: Token,
        negotiated: Negotiated,
        received: &[u8],
        options: &Options,
    ) -> Self {
        let engine = Engine::client(negotiated, options.config);
        Self::agreed_elsewhere(stream, token, engine, received, options)
    }

    fn agreed_elsewhere(
        stream: S,
        token: Token,
        engine: Engine,
        received: &[u8],
        options: &Options,
    ) -> Self {
        let state = State::Open(Open::new(engine, options, &Agreed::default()));
        let mut this = Self::new(Wire::new(stream, token), state, options.settings);
        this.leftover = received.into();
        this
    }

    fn new(wire: Wire<S>, state: State, settings: Settings) -> Self {
        Self {
            wire,
            state,
            end: Ending {
                phase: Phase::Open,
                by: None,
                lingered: 0,
                lingers: false,
            },
            leftover: Box::default(),
            failure: None,
            settings,
            subprotocol: None,
            deadline: None,
            stalled: None,
        }
    }

    /// Does what can be done now, at the time `now`: see [`Turn`].
    pub fn turn<'t>(&'t mut self, buffers: &'t mut Buffers, now: Instant) -> Turn<'t, S> {
        Turn::new(self, buffers, now)
    }

    /// Takes note that the stream can be read from or written to again. An event of any kind counts
    /// for both: TLS reads in order to write.
    pub fn ready(&mut self, event: &Event) {
        self.wire.is_end_near |= event.is_read_closed() || event.is_error();
        self.set_ready();
    }

    /// As [`ready`](Self::ready), for streams whose readiness is told by something else than mio.
    pub const fn set_ready(&mut self) {
        self.wire.readable = true;
        self.wire.writable = true;
    }

    /// When to give it a turn at the latest; changed by turns only.
    pub fn next_deadline(&self) -> Option<Instant> {
        let stalled_until = self.stalled.map(|since| since + self.settings.stall_time);
        let deadlines = [self.deadline, self.end.by, stalled_until];
        deadlines.into_iter().flatten().min()
    }

    /// Whether to give it another turn without waiting for an event: it has read as much as one turn
    /// may, or the program has left it early.
    pub fn has_more(&self) -> bool {
        self.failure.is_some()
            || match self.end.phase {
                Phase::Open => {
                    self.can_receive() && (self.wire.readable || !self.leftover.is_empty())
                }
                Phase::Closing => self.wire.writable || self.end.by.is_none(),
                Phase::Linger => self.wire.readable,
                Phase::Done => false,
            }
    }

    /// Whether it is over: drop it, and the stream with it.
    pub const fn is_done(&self) -> bool {
        matches!(self.end.phase, Phase::Done) && self.failure.is_none()
    }

    /// Whether messages can be sent: the handshake is done, and Close has not been said.
    pub fn can_send(&self) -> bool {
        match &self.state {
            State::Open(open) => self.end.phase == Phase::Open && open.engine.can_send(),
            _ => false,
        }
    }

    /// To send unasked. `None` before the end of the handshake, and once the connection is over.
    /// Give it a turn afterwards.
    pub fn sender(&mut self) -> Option<Sender<'_, S>> {
        match &mut self.state {
            State::Open(open) if self.end.phase == Phase::Open => Some(Sender {
                engine: &mut open.engine,
                encoder: &mut open.encoder,
                wire: &mut self.wire,
                high_water: self.settings.high_water,
                is_reply: false,
            }),
            _ => None,
        }
    }

    /// The request that the loop has been given and has not answered. Give it a turn afterwards.
    pub fn request(&mut self) -> Option<Request<'_>> {
        match &mut self.state {
            State::Accepting(accepting) if accepting.answer.is_none() => accepting
                .request(&mut Input::default(), &mut self.wire.out)
                .ok()
                .flatten(),
            _ => None,
        }
    }

    /// Code and reason of the peer's Close, once that has come; code `None` if it gave none (1005).
    pub fn closed(&self) -> Option<(Option<CloseCode>, &str)> {
        match &self.state {
            State::Open(Open { engine, .. }) if engine.is_close_received() => {
                Some((engine.close_code(), engine.close_reason()))
            }
            _ => None,
        }
    }

    /// The subprotocol that the handshake agreed on.
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// What was agreed on of permessage-deflate; `None` if messages are not compressed, and before
    /// the handshake is done.
    #[cfg(feature = "deflate")]
    #[cfg_attr(docsrs, doc(cfg(feature = "deflate")))]
    pub fn deflate(&self) -> Option<DeflateParams> {
        match &self.state {
            State::Open(open) => open.encoder.deflate.as_ref().map(|deflate| deflate.params),
            _ => None,
        }
    }

    /// How many bytes wait to be written.
    pub const fn queued(&self) -> usize {
        self.wire.out.len()
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

    /// The stream below: to register what is inside of it, for instance. Reading from it or
    /// writing to it breaks the connection.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.wire.stream
    }

    /// Gives up the connection and takes the stream. What was received and not taken is lost.
    pub fn into_inner(self) -> S {
        self.wire.stream
    }

    // The work, for turns.

    /// Whether more is received now: there is room for the answers, and no decision is waited for.
    pub(crate) fn can_receive(&self) -> bool {
        let is_undecided = match &self.state {
            State::Accepting(accepting) => accepting.is_shown,
            _ => false,
        };
        let is_open = self.end.phase == Phase::Open;
        is_open && !is_undecided && self.answers_room() >= MAX_CONTROL_FRAME
    }

    fn answers_room(&self) -> usize {
        let replies = self.wire.out.replies();
        self.settings.high_water.saturating_sub(replies)
    }

    /// Takes note of the loop's answer to a request.
    pub(crate) fn settle(&mut self) {
        let State::Accepting(accepting) = &mut self.state else {
            return;
        };
        match accepting.answer.take() {
            None => {}
            Some(Answer::Accepted {
                negotiated,
                agreed,
                subprotocol,
            }) => {
                let options = &accepting.options;
                let engine = Engine::Server(Connection::server(negotiated, options.config));
                self.state = State::Open(Open::new(engine, options, &agreed));
                self.subprotocol = subprotocol;
            }
            Some(Answer::Responded) => self.end_handshake(None),
            Some(Answer::Unfit(error)) => self.end_handshake(Some(Error::Handshake(error))),
        }
    }

    /// A client's handshake is done.
    pub(crate) fn established(
        &mut self,
        negotiated: Negotiated,
        agreed: &Agreed,
        subprotocol: Option<&str>,
    ) {
        if let State::Connecting(connecting) = &self.state {
            let options = &connecting.options;
            let engine = Engine::client(negotiated, options.config);
            self.state = State::Open(Open::new(engine, options, agreed));
            self.subprotocol = subprotocol.map(Into::into);
            self.wire.is_connecting = false;
        }
    }

    /// There will be no connection. What is queued is still written.
    pub(crate) fn end_handshake(&mut self, error: Option<Error>) {
        self.state = State::Nothing;
        self.failure = error;
        self.end.phase = Phase::Closing;
        self.end.lingers = true;
    }

    pub(crate) fn read_eof(&mut self) {
        self.wire.readable = false;
        self.end.phase = Phase::Closing;
        let error = match &mut self.state {
            State::Accepting(accepting) => match accepting.handshake.receive_eof() {
                Ok(()) => HandshakeError::UnexpectedEof.into_error(),
                Err(error) => error.into_error(),
            },
            State::Connecting(connecting) => match connecting.receive_eof() {
                Answered::Failed(error) => error,
                _ => HandshakeError::UnexpectedEof.into_error(),
            },
            State::Open(open) => match open.engine.receive_eof() {
                Ok(()) => return,
                Err(error) => Error::Eof(error),
            },
            State::Nothing => return,
        };
        if !matches!(self.state, State::Open(_)) {
            self.state = State::Nothing;
        }
        // A write that has failed tells more than that nothing comes.
        let cause = match (&error, self.wire.write_failure.take()) {
            (Error::Refused(_), _) | (_, None) => error,
            (_, Some(cause)) => Error::Io(cause),
        };
        self.failure.get_or_insert(cause);
    }

    pub(crate) fn read_failed(&mut self, error: io::Error) {
        // Some peers reset, or end without TLS's close_notify, once the closing handshake is done.
        let ended = match &mut self.state {
            State::Open(open) => open.engine.receive_eof().is_ok(),
            State::Nothing => true,
            _ => false,
        };
        self.end.phase = Phase::Done;
        if !ended {
            self.failure.get_or_insert(Error::Io(error));
        }
    }

    /// Writes as far as the stream takes it.
    pub(crate) fn write(&mut self) {
        let was_full = self.answers_room() < MAX_CONTROL_FRAME;
        let before = self.wire.out.len();
        self.wire.write();
        if let (true, State::Open(open)) = (was_full, &mut self.state) {
            // Nothing is received meanwhile, so this is the sign of life.
            if self.wire.out.len() < before && !self.wire.is_broken {
                open.engine.heard();
            }
        }
    }

    /// Keeps the time and goes on towards the end, once it is due.
    pub(crate) fn keep_time(&mut self, now: Instant) {
        if self.end.phase == Phase::Open {
            self.tick(now);
        }
        self.write();
        self.notice_stall(now);
        self.wind_up(now);
        if self.end.by.is_some_and(|end_by| now >= end_by) {
            self.abort();
        }
        if self.end.phase == Phase::Done {
            self.deadline = None;
            self.end.by = None;
            self.stalled = None;
        }
    }

    fn tick(&mut self, now: Instant) {
        let room = self.answers_room();
        match &mut self.state {
            State::Accepting(accepting) => {
                let mut out = self.wire.out.sink(usize::MAX, true);
                match accepting.handshake.tick(now, &mut out) {
                    Ok(deadline) => self.deadline = deadline,
                    Err(error) => self.end_handshake(Some(Error::TimedOut(error))),
                }
            }
            State::Connecting(connecting) => {
                let deadline = connecting.deadline(now);
                self.deadline = Some(deadline);
                if now >= deadline {
                    self.failure = Some(Error::TimedOut(TimedOut::Handshake));
                    self.end.phase = Phase::Done;
                }
            }
            State::Open(open) => {
                let mut out = self.wire.out.sink(room, true);
                match open.engine.tick(now, &mut out) {
                    Ok(deadline) => self.deadline = deadline,
                    // Both have said Close: nothing is missing.
                    Err(TimedOut::Eof) => {}
                    Err(error) => {
                        self.failure.get_or_insert(Error::TimedOut(error));
                    }
                }
            }
            State::Nothing => {}
        }
    }

    fn notice_stall(&mut self, now: Instant) {
        if self.wire.out.is_empty() || std::mem::take(&mut self.wire.progressed) {
            self.stalled = None;
        }
        if self.wire.out.is_empty() {
            return;
        }
        let since = *self.stalled.get_or_insert(now);
        if now >= since + self.settings.stall_time {
            self.failure
                .get_or_insert(Error::Io(io::ErrorKind::TimedOut.into()));
            self.abort();
        }
    }

    fn wind_up(&mut self, now: Instant) {
        if self.wire.is_broken {
            self.end.by.get_or_insert(now + self.settings.linger);
            if self.end.phase == Phase::Closing {
                self.end.phase = Phase::Done;
            }
        }
        if let (Phase::Open, State::Open(open)) = (self.end.phase, &self.state) {
            match open.engine.transport() {
                Transport::Open | Transport::AwaitEof => {}
                Transport::Close => self.end.phase = Phase::Closing,
                Transport::Abort => self.abort(),
            }
        }
        if self.end.phase == Phase::Closing {
            self.end.by.get_or_insert(now + self.settings.linger);
            self.deadline = None;
            if self.wire.is_written() {
                let shut = self.wire.stream.shutdown();
                self.end.phase = match shut {
                    Ok(()) if self.end.lingers => Phase::Linger,
                    _ => Phase::Done,
                };
            }
        }
    }

    /// Reads and drops what the peer still sends.
    pub(crate) fn linger(&mut self, buffer: &mut [u8]) {
        while self.end.phase == Phase::Linger && self.wire.readable {
            match self.wire.read(buffer) {
                Ok(None) => {}
                Ok(Some(n @ 1..)) if self.end.lingered < MAX_LINGER => self.end.lingered += n,
                _ => self.end.phase = Phase::Done,
            }
        }
    }

    const fn abort(&mut self) {
        self.end.phase = Phase::Done;
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

impl Open {
    fn new(engine: Engine, options: &Options, agreed: &Agreed) -> Self {
        let max_message = options.config.max_message_bytes();
        let (decoder, encoder) = codecs(&engine, options, agreed, max_message);
        Self {
            engine,
            assembler: Assembler::with_extension(Vec::new(), max_message, decoder),
            encoder,
            is_collecting: false,
            is_piecewise: false,
        }
    }
}

#[cfg(feature = "deflate")]
fn codecs(
    engine: &Engine,
    options: &Options,
    agreed: &Agreed,
    max_message: u64,
) -> (Decoder, Encoder) {
    let (Some(deflate), Some(params)) = (&options.deflate, agreed.deflate) else {
        return Default::default();
    };
    let (encoder, decoder) = match engine {
        Engine::Server(_) => deflate.server(params),
        Engine::Client(_) => deflate.client(params),
    };
    let decoder = Decoder {
        deflate: Some(Box::new(decoder.max_message(max_message))),
    };
    let encoder = Encoder {
        deflate: Some(Box::new(Compressing::new(encoder, params))),
    };
    (decoder, encoder)
}

#[cfg(not(feature = "deflate"))]
fn codecs(_: &Engine, _: &Options, _: &Agreed, _: u64) -> (Decoder, Encoder) {
    Default::default()
}

trait IntoError {
    fn into_error(self) -> Error;
}

impl IntoError for HandshakeError {
    fn into_error(self) -> Error {
        Error::Handshake(self)
    }
}

impl<S> fmt::Debug for WebSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("token", &self.wire.token)
            .field("state", &self.state)
            .field("end", &self.end)
            .field("queued", &self.wire.out.len())
            .finish_non_exhaustive()
    }
}
