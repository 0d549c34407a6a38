//! A connection, as an event loop has it.

use std::fmt;
use std::io;

use bytes::Bytes;
use mio::event::{Event, Source};
use mio::{Interest, Registry, Token};
#[cfg(feature = "deflate")]
use ws_proto::extension::deflate::DeflateParams;
use ws_proto::{CloseCode, EitherRole, Instant, OsRandom, Transport};

use crate::buffers::Buffers;
use crate::handshake::{Handshake, Incoming};
use crate::options::Options;
use crate::sender::Sender;
use crate::stream::Stream;
use crate::turn::Turn;
use crate::wire::Wire;

/// A connection of either role; a client's masking keys are apart, since servers are many.
pub(crate) type Either = EitherRole<Box<OsRandom>>;

pub(crate) const NEVER: Instant = Instant::from_millis(u64::MAX);

/// What keeps the protocol, the order of things, the limits and the times.
pub(crate) type Driver = ws_proto::WebSocket<Either, Bytes>;

/// A WebSocket connection over a non-blocking stream, from its handshake to its end.
///
/// It is driven by one rule: *whatever happens to it, give it a [`turn`](Self::turn)*. That is, once
/// after it has been made, when there is an event for its token (after [`note_event`](Self::note_event)), when
/// its [deadline](Self::next_deadline) has come, when it [has more to do](Self::has_more), and after
/// something has been sent on it outside of a turn. When it [is over](Self::is_over), drop it.
///
/// Register its stream once, for [`interest`](Self::interest), and leave it so: mio reports readiness
/// once, the connection remembers it.
///
/// ```
/// use mio::Token;
/// use ws_proto_mio::{Buffers, CloseCode, Event, Instant, Negotiated, Options, WebSocket};
///
/// // Two ends in memory, in place of a socket that mio watches, after a handshake that was done elsewhere.
/// let (left, right) = ws_proto_test::stream::pipe(1024);
/// let (mut buffers, now, options) = (Buffers::new(), Instant::from_millis(0), Options::new());
/// let mut server = WebSocket::server(left, Token(0), Negotiated::new(), &[], &options);
/// let mut client = WebSocket::client(right, Token(1), Negotiated::new(), &[], &options);
///
/// client.sender().unwrap().send_text("hello")?;
/// while !client.is_over() || !server.is_over() {
///     for socket in [&mut client, &mut server] {
///         socket.note_ready(); // as an event of mio's says
///         let mut turn = socket.turn(&mut buffers, now);
///         while turn.read() {
///             while let Some(event) = turn.next_event()? {
///                 if let Event::Message(_, mut sender) = event {
///                     sender.close(CloseCode::NORMAL, "that is all")?;
///                 }
///             }
///         }
///     }
/// }
/// assert_eq!(client.closed(), Some((Some(CloseCode::NORMAL), "that is all")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct WebSocket<S> {
    pub(crate) wire: Wire<S>,
    pub(crate) state: State,
    /// The end of time if there is none.
    pub(crate) deadline: Instant,
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
    pub(crate) fn new(stream: S, token: Token, state: State, options: &Options) -> Self {
        Self {
            wire: Wire::new(stream, token, options),
            state,
            deadline: NEVER,
        }
    }

    /// Does what can be done now, at the time `now`: see [`Turn`].
    ///
    /// ```
    /// # use ws_proto_mio::{Buffers, Instant};
    /// # let (mut socket, _peer) = ws_proto_suite::mio::open();
    /// let mut buffers = Buffers::new(); // one for all connections
    /// let now = Instant::from_millis(0); // by the clock of the loop
    /// let mut turn = socket.turn(&mut buffers, now);
    /// while turn.read() {
    ///     while let Some(event) = turn.next_event()? {
    ///         println!("{event:?}");
    ///     }
    /// }
    /// # Ok::<(), ws_proto_mio::Error>(())
    /// ```
    #[inline]
    pub fn turn<'t>(&'t mut self, buffers: &'t mut Buffers, now: Instant) -> Turn<'t, S> {
        Turn::new(self, buffers, now)
    }

    /// Takes note that the stream can be read from or written to again. An event of any kind counts
    /// for both: TLS reads in order to write.
    ///
    /// ```
    /// # use ws_proto_mio::{Stream, WebSocket};
    /// /// After `Poll::poll`.
    /// fn note<S: Stream>(events: &mio::Events, sockets: &mut [WebSocket<S>]) {
    ///     for event in events {
    ///         if let Some(socket) = sockets.iter_mut().find(|socket| socket.token() == event.token()) {
    ///             socket.note_event(event); // then it gets a turn
    ///         }
    ///     }
    /// }
    /// ```
    #[inline]
    pub fn note_event(&mut self, event: &Event) {
        self.wire.is_end_near |= event.is_read_closed() || event.is_error();
        self.note_ready();
    }

    /// As [`note_event`](Self::note_event), for streams whose readiness is reported by something else than mio.
    ///
    /// ```
    /// # let (mut socket, _peer) = ws_proto_suite::mio::open();
    /// // A completion of io_uring, or a test.
    /// socket.note_ready();
    /// ```
    pub const fn note_ready(&mut self) {
        self.wire.readable = true;
        self.wire.writable = !self.wire.is_broken;
    }

    /// When to give it a turn at the latest; changed by turns only.
    ///
    /// ```
    /// # use ws_proto_mio::Timers;
    /// # let (socket, _peer) = ws_proto_suite::mio::open();
    /// # let mut timers = Timers::new();
    /// timers.set(socket.token(), socket.next_deadline()); // after each turn
    /// ```
    #[inline]
    pub fn next_deadline(&self) -> Option<Instant> {
        (self.deadline != NEVER).then_some(self.deadline)
    }

    /// Whether to give it another turn without waiting for an event: it has read as much as one turn
    /// may, or the program has left it early.
    ///
    /// ```
    /// # let (socket, _peer) = ws_proto_suite::mio::open();
    /// if socket.has_more() {
    ///     // Give it another turn after the others, and do not wait before that.
    /// }
    /// ```
    #[inline]
    pub fn has_more(&self) -> bool {
        self.wire.has_failure()
            || match self.wire.left {
                // An end that is reached wants to read nothing.
                Left::Nothing => self.wire.readable && self.wants_read(),
                Left::Input | Left::Answer | Left::Tried => !self.has_ended(),
                Left::Output => self.wire.writable && !self.has_ended(),
            }
    }

    /// Whether it is over: drop it, and the stream with it.
    ///
    /// ```
    /// # let (mut socket, _peer) = ws_proto_suite::mio::open();
    /// let mut sockets = vec![socket];
    /// // After a round of turns.
    /// sockets.retain(|socket| !socket.is_over());
    /// assert_eq!(sockets.len(), 1);
    /// ```
    pub fn is_over(&self) -> bool {
        !self.wire.has_failure() && self.has_ended()
    }

    /// Whether messages can be sent: the handshake is done, and no Close was sent.
    ///
    /// ```
    /// # use ws_proto_mio::CloseCode;
    /// # let (mut socket, _peer) = ws_proto_suite::mio::open();
    /// assert!(socket.can_send());
    /// socket.sender().unwrap().close(CloseCode::NORMAL, "")?;
    /// assert!(!socket.can_send());
    /// # Ok::<(), ws_proto_mio::SendError>(())
    /// ```
    pub fn can_send(&self) -> bool {
        match &self.state {
            State::Open(driver) => driver.connection().can_send() && !driver.is_over(),
            State::Handshake(_) => false,
        }
    }

    /// A handle to send without having received. `None` before the end of the handshake, and once the connection is over.
    /// Give it a turn afterwards.
    ///
    /// ```
    /// # let (mut socket, _peer) = ws_proto_suite::mio::open();
    /// if let Some(mut sender) = socket.sender() {
    ///     let _ = sender.send_text("news"); // the next turn writes it
    /// }
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
    ///
    /// ```
    /// # use ws_proto_mio::{HeadError, Stream, WebSocket};
    /// use ws_proto_mio::{Accept, PlainResponse};
    ///
    /// /// Called when the database has identified the user.
    /// fn decided<S: Stream>(socket: &mut WebSocket<S>, is_known: bool) -> Result<(), HeadError> {
    ///     match socket.incoming() {
    ///         Some(incoming) if is_known => incoming.accept(&Accept::new()),
    ///         Some(incoming) => incoming.respond(&PlainResponse::new(401)),
    ///         None => Ok(()), // it has gone meanwhile
    ///     }
    /// }
    /// ```
    pub fn incoming(&mut self) -> Option<Incoming<'_>> {
        match &mut self.state {
            State::Handshake(handshake) => handshake.incoming(),
            State::Open(_) => None,
        }
    }

    /// Code and reason of the peer's Close, once that has come; code `None` if it gave none (1005).
    ///
    /// ```
    /// # let (socket, _peer) = ws_proto_suite::mio::open();
    /// if let Some((code, reason)) = socket.closed() {
    ///     println!("{code:?} {reason}");
    /// }
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
    ///
    /// ```
    /// # let (socket, _peer) = ws_proto_suite::mio::open();
    /// assert_eq!(socket.subprotocol(), None); // this handshake has not agreed on one
    /// ```
    pub fn subprotocol(&self) -> Option<&str> {
        self.wire.cold()?.subprotocol.as_deref()
    }

    /// The parameters of permessage-deflate that were agreed on; `None` if messages are not compressed, and
    /// before the handshake is done.
    ///
    /// ```
    /// # let (socket, _peer) = ws_proto_suite::mio::open();
    /// if let Some(params) = socket.deflate() {
    ///     println!("compressed: {params:?}");
    /// }
    /// ```
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
    /// # let (socket, _peer) = ws_proto_suite::mio::open();
    /// if socket.pending_bytes() > 1 << 20 {
    ///     println!("a slow reader");
    /// }
    /// ```
    pub fn pending_bytes(&self) -> usize {
        match &self.state {
            State::Open(driver) => driver.pending_bytes(),
            State::Handshake(handshake) => handshake.pending().len(),
        }
    }

    /// The token of its events.
    ///
    /// ```
    /// # let (socket, _peer) = ws_proto_suite::mio::open();
    /// assert_eq!(socket.token(), mio::Token(0));
    /// ```
    pub const fn token(&self) -> Token {
        self.wire.token
    }

    /// What to register the stream for, once and for all.
    ///
    /// ```
    /// # #[cfg(feature = "net")]
    /// # fn main() -> std::io::Result<()> {
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let address = listener.local_addr()?;
    /// use mio::net::TcpStream;
    /// use mio::{Poll, Token};
    /// use ws_proto_mio::{Options, WebSocket};
    ///
    /// let poll = Poll::new()?;
    /// let stream = TcpStream::connect(address)?;
    /// let mut socket = WebSocket::accept(stream, Token(3), &Options::new());
    /// let interest = socket.interest();
    /// poll.registry().register(&mut socket, Token(3), interest)?; // once
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "net"))]
    /// # fn main() {}
    /// ```
    pub const fn interest(&self) -> Interest {
        Interest::READABLE.add(Interest::WRITABLE)
    }

    /// The stream below.
    ///
    /// ```
    /// # use ws_proto_mio::WebSocket;
    /// fn peer(socket: &WebSocket<mio::net::TcpStream>) -> std::io::Result<std::net::SocketAddr> {
    ///     socket.get_ref().peer_addr()
    /// }
    /// ```
    pub const fn get_ref(&self) -> &S {
        &self.wire.stream
    }

    /// The stream below: to register the stream inside of it, for instance. Reading from it or
    /// writing to it breaks the connection.
    ///
    /// ```
    /// # use ws_proto_mio::{Wrapped, WebSocket};
    /// use mio::net::TcpStream;
    /// use mio::{Interest, Registry, Token};
    ///
    /// /// TLS over a socket: the socket is what mio watches.
    /// fn register<T>(socket: &mut WebSocket<Wrapped<T>>, registry: &Registry) -> std::io::Result<()>
    /// where
    ///     T: std::io::Read + std::io::Write + AsMut<TcpStream>,
    /// {
    ///     let both = Interest::READABLE | Interest::WRITABLE;
    ///     registry.register(socket.get_mut().get_mut().as_mut(), Token(1), both)
    /// }
    /// ```
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.wire.stream
    }

    /// Gives up the connection and takes the stream. What was received and not taken is lost.
    ///
    /// ```
    /// # let (socket, _peer) = ws_proto_suite::mio::open();
    /// let stream = socket.into_inner(); // the peer sees no Close
    /// # drop(stream);
    /// ```
    pub fn into_inner(self) -> S {
        self.wire.stream
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
