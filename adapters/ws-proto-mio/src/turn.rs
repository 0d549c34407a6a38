//! One turn of a connection in its event loop.

use std::fmt;

use ws_proto::socket::{Next, Received, Want};
use ws_proto::{Input, Instant};

use crate::buffers::Buffers;
use crate::error::Error;
use crate::event::{Event, Piece};
use crate::handshake;
use crate::sender::Sender;
use crate::socket::{After, Driver, Either, Left, State, WebSocket};
use crate::stream::Stream;
use crate::wire::Wire;

/// How much is read at once while the peer does not take its output.
const CAUTIOUS: usize = 8 * 1024;

/// One turn of a connection: it reads, emits events, writes, and keeps the time.
///
/// ```no_run
/// # use ws_proto_mio::{Accept, Buffers, Error, Event, Instant, Stream, WebSocket};
/// # fn turn<S: Stream>(socket: &mut WebSocket<S>, buffers: &mut Buffers, now: Instant)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// let mut turn = socket.turn(buffers, now);
/// while turn.read() {
///     while let Some(event) = turn.next_event()? {
///         match event {
///             Event::Request(incoming) => incoming.accept(&Accept::new())?,
///             Event::Message(message, mut sender) => sender.send(message)?,
///             _ => {}
///         }
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// A turn can be left at any time: bytes that were read and not taken are kept for the next one, and the time is
/// kept. What was sent is written when all that was read is taken, so that the answers to many messages
/// leave in one write, and before that when 16 KiB of it wait.
pub struct Turn<'t, S: Stream> {
    socket: &'t mut WebSocket<S>,
    buffers: &'t mut Buffers,
    /// So many bytes of the input buffer are taken, of so many that have been read.
    start: usize,
    end: usize,
    budget: usize,
    now: Instant,
    is_timed: bool,
}

impl<'t, S: Stream> Turn<'t, S> {
    #[inline]
    pub(crate) fn new(
        socket: &'t mut WebSocket<S>,
        buffers: &'t mut Buffers,
        now: Instant,
    ) -> Self {
        socket.settle();
        if let State::Open(driver) = &mut socket.state {
            driver.swap_output_memory(&mut buffers.output);
        }
        let budget = socket.wire.budget as usize;
        Self {
            socket,
            buffers,
            start: 0,
            end: 0,
            budget,
            now,
            is_timed: false,
        }
    }

    /// Writes the queued output, then reads once, unless bytes of an earlier read are left. Whether there is
    /// something for [`next_event`](Self::next_event) to look at; if not, this turn is over.
    ///
    /// It is over when the stream has nothing more, when the turn has read its
    /// [budget](crate::Options::read_budget), while too many answers wait to be written, and at the
    /// end of the connection.
    ///
    /// ```
    /// # use ws_proto_mio::{Error, Stream, Turn};
    /// # fn with<S: Stream>(turn: &mut Turn<'_, S>) -> Result<(), Error> {
    /// while turn.read() {
    ///     while let Some(event) = turn.next_event()? {
    ///         let _ = event; // use it
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn read(&mut self) -> bool {
        self.socket.settle();
        if self.socket.wire.has_failure() {
            return self.socket.wire.left != Left::Input || self.budget > 0;
        }
        let goes_on = match self.socket.wire.left {
            Left::Nothing => {
                self.socket.write();
                self.fill()
            }
            Left::Input => self.budget > 0,
            left => self.write_left(left),
        };
        if goes_on {
            self.is_timed = false;
            return true;
        }
        self.is_timed = true;
        self.socket.keep_time(self.now);
        self.socket.wire.has_failure()
    }

    /// Writes for the sake of kept bytes that wait for that. Whether they can be looked at.
    #[cold]
    fn write_left(&mut self, left: Left) -> bool {
        let progressed = self.socket.write();
        // Nothing waits any more if writing has failed: the kept bytes are looked at.
        self.socket.wire.left = match left {
            _ if progressed || self.socket.pending_bytes() == 0 => Left::Input,
            Left::Answer => Left::Tried,
            left => left,
        };
        self.socket.wire.left != Left::Output && self.budget > 0
    }

    /// The next event in the received bytes; `None` if that needs another [`read`](Self::read).
    ///
    /// If parts of the current message have been emitted as [pieces](Self::next_piece), the rest of it
    /// is dropped.
    ///
    /// ```
    /// # use ws_proto_mio::{Error, Stream, Turn};
    /// # fn with<S: Stream>(turn: &mut Turn<'_, S>) -> Result<(), Error> {
    /// use ws_proto_mio::{Accept, Event};
    ///
    /// while turn.read() {
    ///     while let Some(event) = turn.next_event()? {
    ///         match event {
    ///             Event::Request(incoming) => drop(incoming.accept(&Accept::new())),
    ///             Event::Message(message, mut sender) => drop(sender.send(message)),
    ///             _ => {}
    ///         }
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// What has ended the connection, once, after all that was read before. Go on with its turns until it is
    /// [over](WebSocket::is_over): the peer gets a Close frame.
    #[inline]
    pub fn next_event(&mut self) -> Result<Option<Event<'_, S>>, Error> {
        if self.socket.wire.has_failure() || matches!(self.socket.state, State::Handshake(_)) {
            return self.next_apart();
        }
        let (Some(driver), mut look) = self.look() else {
            return Ok(None);
        };
        if look.input.is_empty() && driver.is_drained() {
            look.wire.left = Left::Nothing;
            return Ok(None);
        }
        look.write_much(driver);
        // Most messages are emitted here: they stay in registers (`mio/32` in `benches/shells`).
        if let Some(message) = look.whole(driver) {
            let (to, wire) = (driver.reply(), look.wire);
            return Ok(Some(Event::Message(message, Sender { to, wire })));
        }
        look.event(driver)
    }

    /// What is there of the next or the current message, so that a big one need not be held; `None`
    /// if that needs another [`read`](Self::read). Pings are answered, Pongs dropped. Call it when
    /// the handshake is done; before that, [`next_event`](Self::next_event) has to be called.
    ///
    /// ```
    /// # use ws_proto_mio::{Error, Stream, Turn};
    /// # fn with<S: Stream>(turn: &mut Turn<'_, S>) -> Result<(), Error> {
    /// while turn.read() {
    ///     while let Some(piece) = turn.next_piece()? {
    ///         println!("{:?}, the last: {}", piece.data, piece.last); // or write it to a file
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`next_event`](Self::next_event).
    pub fn next_piece(&mut self) -> Result<Option<Piece<'_, S>>, Error> {
        self.prepare()?;
        let (driver, mut look) = self.look();
        let Some(driver) = driver else {
            // It would look at the same bytes for ever.
            *look.budget = 0;
            return Ok(None);
        };
        look.write_much(driver);
        let Some((Received::Piece(piece, to), wire)) = look.poll(driver, Want::Piece)? else {
            return Ok(None);
        };
        Ok(Some(Piece {
            kind: piece.data.kind(),
            head: piece.head,
            data: piece.data,
            first: piece.first,
            last: piece.last,
            sender: Sender { to, wire },
        }))
    }

    /// To send unasked, in this turn: the next [`read`](Self::read) writes it, or, where bytes of an earlier turn are
    /// left, the first one after those are taken. As [`WebSocket::sender`], but what is sent goes to memory that all
    /// connections of the loop share: for one message to many of them this is faster.
    ///
    /// ```
    /// use ws_proto_mio::{Buffers, Instant, PreparedMessage, Stream, WebSocket};
    ///
    /// fn to_all<S: Stream>(all: &mut [WebSocket<S>], buffers: &mut Buffers, now: Instant) {
    ///     let news = PreparedMessage::text("to all of you");
    ///     for socket in all {
    ///         let mut turn = socket.turn(buffers, now);
    ///         if let Some(mut sender) = turn.sender() {
    ///             let _ = sender.send_prepared(&news); // full: it is too slow, and misses it
    ///         }
    ///         turn.read(); // writes; what has been read is kept: the socket `has_more`
    ///     }
    /// }
    /// # let (socket, peer) = ws_proto_suite::mio::open();
    /// # let mut sockets = [socket];
    /// # to_all(&mut sockets, &mut Buffers::new(), Instant::from_millis(0));
    /// # assert_eq!(sockets[0].pending_bytes(), 0);
    /// # drop(peer);
    /// ```
    pub fn sender(&mut self) -> Option<Sender<'_, S>> {
        self.socket.sender()
    }

    /// Emits the failure, once: after all that was read before it.
    fn prepare(&mut self) -> Result<(), Error> {
        self.socket.settle();
        let wire = &mut self.socket.wire;
        if wire.has_failure() && wire.left != Left::Input {
            return wire.cold_mut().failure.take().map_or(Ok(()), Err);
        }
        Ok(())
    }

    /// The driver of an open connection, and all that it looks at.
    #[inline(always)]
    fn look(&mut self) -> (Option<&mut Driver>, Look<'_, S>) {
        let WebSocket { wire, state, .. } = &mut *self.socket;
        let bytes = self.buffers.input.get_mut(self.start..self.end);
        let look = Look {
            input: Input::new(bytes.unwrap_or_default()),
            start: &mut self.start,
            wire,
            budget: &mut self.budget,
        };
        match state {
            State::Open(driver) => (Some(driver), look),
            State::Handshake(_) => (None, look),
        }
    }

    /// As [`next`](Self::next), before the connection is open or when it has failed.
    #[cold]
    #[inline(never)]
    fn next_apart(&mut self) -> Result<Option<Event<'_, S>>, Error> {
        self.prepare()?;
        if matches!(self.socket.state, State::Handshake(_)) {
            return self.next_handshake();
        }
        match self.look() {
            (Some(driver), mut look) => {
                look.write_much(driver);
                look.event(driver)
            }
            (None, _) => Ok(None),
        }
    }

    fn next_handshake(&mut self) -> Result<Option<Event<'_, S>>, Error> {
        let State::Handshake(handshake) = &mut self.socket.state else {
            return Ok(None);
        };
        // As long as there is something from an earlier turn, nothing is read.
        let mut early = std::mem::take(&mut handshake.early);
        let received = if early.is_empty() {
            let bytes = self.buffers.input.get_mut(self.start..self.end);
            let mut bytes = bytes.unwrap_or_default();
            let received = handshake.receive(&mut bytes);
            self.start = self.end - bytes.len();
            received
        } else {
            let mut bytes = &mut *early;
            let received = handshake.receive(&mut bytes);
            handshake.early = bytes.to_vec();
            received
        };
        match received {
            handshake::Received::More => {
                self.socket.wire.left = Left::Nothing;
                Ok(None)
            }
            handshake::Received::Request => Ok(self.socket.incoming().map(Event::Request)),
            handshake::Received::Response(opened, response) => {
                self.socket.open(*opened);
                Ok(Some(Event::Connected(response)))
            }
            handshake::Received::Failed(error) => {
                self.socket.refuse(None, After::Open);
                Err(error)
            }
        }
    }

    /// Reads once, or until there is something that is of use.
    fn fill(&mut self) -> bool {
        let socket = &mut *self.socket;
        while socket.wire.readable && self.budget > 0 && socket.wants_read() {
            let size = self.buffers.input.len();
            let most = match socket.pending_bytes() {
                0 => size,
                _ => CAUTIOUS.min(size),
            };
            let buffer = self.buffers.input.get_mut(..most).unwrap_or_default();
            match socket.wire.read(buffer) {
                Ok(None) => break,
                Ok(Some(0)) => {
                    socket.read_eof();
                    return true;
                }
                Ok(Some(n)) => {
                    self.budget = self.budget.saturating_sub(n);
                    let ends = socket.wire.short_reads_end && !socket.wire.is_end_near;
                    socket.wire.readable = n == most || !ends;
                    let is_of_use = match &mut socket.state {
                        State::Open(driver) => driver.note_read(n),
                        State::Handshake(_) => true,
                    };
                    if is_of_use {
                        (self.start, self.end) = (0, n);
                        socket.wire.left = Left::Input;
                        return true;
                    }
                }
                Err(error) => {
                    socket.read_failed(error);
                    return true;
                }
            }
        }
        false
    }

    /// Keeps the bytes that were not taken.
    #[cold]
    fn keep(&mut self) {
        let unread = self.buffers.input.get(self.start..self.end);
        let unread = unread.unwrap_or_default();
        match &mut self.socket.state {
            State::Open(driver) => driver.keep(unread),
            State::Handshake(handshake) => handshake.early.extend_from_slice(unread),
        }
    }
}

/// What was received, and the stream to answer to.
type Polled<'t, S> = (Received<'t, Either, bytes::Bytes>, &'t mut Wire<S>);

/// A look at the received bytes.
struct Look<'t, S> {
    input: Input<'t>,
    start: &'t mut usize,
    wire: &'t mut Wire<S>,
    budget: &'t mut usize,
}

impl<'t, S: Stream> Look<'t, S> {
    /// The message at the front, if it is there as a whole.
    #[inline(always)]
    fn whole(&mut self, driver: &mut Driver) -> Option<ws_proto::Message<'t>> {
        let before = self.input.len();
        let message = driver.next_whole_in(&mut self.input);
        *self.start += before - self.input.len();
        message
    }

    /// Writes the output before more is received if there is much of it.
    #[inline(always)]
    fn write_much(&mut self, driver: &mut Driver) {
        if driver.wants_write() {
            self.wire.write(driver);
        }
    }

    /// Whatever comes next.
    #[inline(never)]
    fn event(self, driver: &'t mut Driver) -> Result<Option<Event<'t, S>>, Error> {
        Ok(match self.poll(driver, Want::Event)? {
            Some((Received::Message(message, to), wire)) => {
                Some(Event::Message(message, Sender { to, wire }))
            }
            Some((Received::Ping(payload), _)) => Some(Event::Ping(payload)),
            Some((Received::Pong(payload), _)) => Some(Event::Pong(payload)),
            Some((Received::Close(code, reason), _)) => Some(Event::Close(code, reason)),
            Some(_) | None => None,
        })
    }

    #[inline(always)]
    fn poll(self, driver: &'t mut Driver, want: Want) -> Result<Option<Polled<'t, S>>, Error> {
        let mut used = 0;
        let polled = driver.poll_next_in(self.input.into_bytes(), &mut used, want);
        *self.start += used;
        match polled {
            Ok(Next::Received(received)) => return Ok(Some((received, self.wire))),
            Ok(Next::Write) if self.wire.left == Left::Tried => self.wire.left = Left::Output,
            Ok(Next::Write) => self.wire.left = Left::Answer,
            Ok(Next::Yield) => *self.budget = 0,
            Ok(_) => self.wire.left = Left::Nothing,
            Err(error) => {
                self.wire.left = Left::Nothing;
                if !std::mem::replace(&mut self.wire.cold_mut().has_failed, true) {
                    return Err(Error::Receive(error));
                }
            }
        }
        Ok(None)
    }
}

impl<S: Stream> Drop for Turn<'_, S> {
    #[inline]
    fn drop(&mut self) {
        self.socket.settle();
        if self.start < self.end {
            self.keep();
        }
        if !self.is_timed {
            self.socket.keep_time(self.now);
        }
        if let State::Open(driver) = &mut self.socket.state {
            driver.return_output_memory(&mut self.buffers.output);
        }
    }
}

impl<S: Stream> fmt::Debug for Turn<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn")
            .field("unread", &(self.end - self.start))
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}
