//! One turn of a connection in its event loop.

use std::fmt;

#[cfg(feature = "deflate")]
use ws_proto::Extended;
use ws_proto::extension::DecodeError;
#[cfg(feature = "deflate")]
use ws_proto::extension::deflate::Inflated;
use ws_proto::{
    AssembleError, CloseReason, Event as Received, Input, Instant, Kind, Message, ReceiveError,
};

use crate::buffers::Buffers;
use crate::error::Error;
use crate::event::{Event, Piece};
use crate::handshake::Answered;
use crate::sender::Sender;
use crate::socket::{Ending, Open, Phase, State, WebSocket};
use crate::stream::Stream;
use crate::wire::Wire;

/// How much is read at once while the peer does not take what waits for it.
const CAUTIOUS: usize = 8 * 1024;

/// How much compressed input is inflated at once where pieces are wanted: no more than 1 MiB comes
/// out of it.
#[cfg(feature = "deflate")]
const INFLATED_AT_ONCE: usize = 1024;

/// One turn of a connection: it reads, gives what has come, writes, and keeps the time.
///
/// ```no_run
/// # use ws_proto_mio::{Accept, Buffers, Error, Event, Instant, Stream, WebSocket};
/// # fn turn<S: Stream>(socket: &mut WebSocket<S>, buffers: &mut Buffers, now: Instant)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// let mut turn = socket.turn(buffers, now);
/// while turn.read() {
///     while let Some(event) = turn.next()? {
///         match event {
///             Event::Request(request) => request.accept(&Accept::new())?,
///             Event::Message(message, mut sender) => sender.send(message)?,
///             _ => {}
///         }
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// A turn can be left at any time: what was read and not taken is kept for the next one. What was
/// sent is written when [`read`](Self::read) is called, at the latest in the next turn.
pub struct Turn<'t, S: Stream> {
    socket: &'t mut WebSocket<S>,
    buffers: &'t mut Buffers,
    /// What has been read and not been taken, in the input buffer.
    start: usize,
    end: usize,
    budget: usize,
    now: Instant,
}

impl<'t, S: Stream> Turn<'t, S> {
    pub(crate) fn new(
        socket: &'t mut WebSocket<S>,
        buffers: &'t mut Buffers,
        now: Instant,
    ) -> Self {
        socket.settle();
        socket.wire.out.borrow(&mut buffers.output);
        let budget = socket.settings.budget;
        Self {
            socket,
            buffers,
            start: 0,
            end: 0,
            budget,
            now,
        }
    }

    /// Writes what waits, then reads once. Whether there is something for [`next`](Self::next) to
    /// look at; if not, this turn is over.
    ///
    /// It is over when the stream has nothing more, when the turn has read its
    /// [budget](crate::Options::read_budget), while too many answers wait to be written, and at the
    /// end of the connection.
    pub fn read(&mut self) -> bool {
        self.socket.settle();
        if self.socket.failure.is_some() {
            return true;
        }
        self.socket.write();
        if self.socket.can_receive()
            && (self.start < self.end || self.take_leftover() || self.fill())
        {
            return true;
        }
        self.socket.keep_time(self.now);
        if self.socket.end.phase == Phase::Linger {
            self.socket.linger(&mut self.buffers.input);
            self.socket.keep_time(self.now);
        }
        self.socket.failure.is_some()
    }

    /// What comes next in what has been read; `None` if that needs another [`read`](Self::read).
    ///
    /// If parts of the current message have been given as [pieces](Self::next_piece), the rest of it
    /// is dropped.
    ///
    /// # Errors
    ///
    /// What has ended the connection, once. Go on with its turns until it is
    /// [done](WebSocket::is_done): the peer is told.
    #[expect(clippy::should_implement_trait, reason = "what it gives borrows it")]
    pub fn next(&mut self) -> Result<Option<Event<'_, S>>, Error> {
        self.prepare()?;
        match self.socket.state {
            State::Accepting(_) => self.next_request(),
            State::Connecting(_) => self.next_answer(),
            State::Open(_) => self.next_message(),
            State::Nothing => Ok(None),
        }
    }

    /// What is there of the next or the current message, so that a big one need not be held; `None`
    /// if that needs another [`read`](Self::read). Pings are answered, Pongs dropped. Call it when
    /// the handshake is done; before that, [`next`](Self::next) has to be called.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub fn next_piece(&mut self) -> Result<Option<Piece<'_, S>>, Error> {
        self.prepare()?;
        let Self {
            socket,
            buffers,
            start,
            end,
            ..
        } = self;
        let room = socket.settings.high_water;
        let WebSocket {
            wire,
            state,
            end: ending,
            ..
        } = &mut **socket;
        let State::Open(open) = state else {
            return Ok(None);
        };
        #[cfg(feature = "deflate")]
        let most = match open.encoder.deflate {
            None => usize::MAX,
            Some(_) => INFLATED_AT_ONCE,
        };
        #[cfg(not(feature = "deflate"))]
        let most = usize::MAX;
        let stop = start.saturating_add(most).min(*end);
        let mut input = Input::new(buffers.input.get_mut(*start..stop).unwrap_or_default());
        loop {
            let mut answers = wire.out.sink(room.saturating_sub(wire.out.replies()), true);
            let received = open.engine.receive(&mut input, &mut answers);
            *start = stop - input.len();
            let piece = match received {
                Ok(Some(Received::Text(text))) => {
                    let (first, last) = (text.first, text.last);
                    (Kind::Text, text.head, Message::Text(text.body), first, last)
                }
                Ok(Some(Received::Binary(binary))) => {
                    let (first, last) = (binary.first, binary.last);
                    (
                        Kind::Binary,
                        None,
                        Message::Binary(binary.data),
                        first,
                        last,
                    )
                }
                #[cfg(feature = "deflate")]
                Ok(Some(Received::Extended(piece))) => {
                    let (kind, first, last) = (piece.kind, piece.first, piece.last);
                    open.is_collecting = !last;
                    open.is_piecewise = !last;
                    let inflated = &mut buffers.inflated;
                    if let Err(error) = inflate(open, piece, inflated) {
                        return Err(give_up(error.into(), open, wire, ending));
                    }
                    let data = match kind {
                        Kind::Text => {
                            Message::Text(std::str::from_utf8(inflated).unwrap_or_default())
                        }
                        Kind::Binary => Message::Binary(inflated),
                    };
                    let sender = replying(open, wire, room);
                    return Ok(Some(Piece {
                        kind,
                        head: None,
                        data,
                        first,
                        last,
                        sender,
                    }));
                }
                #[cfg(not(feature = "deflate"))]
                Ok(Some(Received::Extended(_))) => {
                    let error = DecodeError::Unsupported.into();
                    return Err(give_up(error, open, wire, ending));
                }
                Ok(Some(_)) => continue,
                Ok(None) | Err(ReceiveError::OutputFull) => return Ok(None),
                Err(ReceiveError::Protocol(error)) => {
                    ending.broken_by_peer();
                    return Err(error.into());
                }
            };
            let (kind, head, data, first, last) = piece;
            open.is_collecting = !last;
            open.is_piecewise = !last;
            let sender = replying(open, wire, room);
            return Ok(Some(Piece {
                kind,
                head,
                data,
                first,
                last,
                sender,
            }));
        }
    }

    /// Gives the failure, once, and drops input that is of no use any more.
    fn prepare(&mut self) -> Result<(), Error> {
        self.socket.settle();
        if self.socket.end.phase != Phase::Open {
            self.start = self.end;
        }
        self.socket.failure.take().map_or(Ok(()), Err)
    }

    fn take_leftover(&mut self) -> bool {
        let leftover = std::mem::take(&mut self.socket.leftover);
        let n = leftover.len().min(self.buffers.input.len());
        let (now, later) = leftover.split_at(n);
        if let Some(to) = self.buffers.input.get_mut(..n) {
            to.copy_from_slice(now);
        }
        self.socket.leftover = later.into();
        (self.start, self.end) = (0, n);
        n > 0
    }

    fn fill(&mut self) -> bool {
        let wire = &mut self.socket.wire;
        if !wire.readable || self.budget == 0 {
            return false;
        }
        let size = self.buffers.input.len();
        let most = if wire.out.is_empty() {
            size
        } else {
            CAUTIOUS.min(size)
        };
        let buffer = self.buffers.input.get_mut(..most).unwrap_or_default();
        match wire.read(buffer) {
            Ok(None) => false,
            Ok(Some(0)) => {
                self.socket.read_eof();
                self.socket.failure.is_some()
            }
            Ok(Some(n)) => {
                self.budget = self.budget.saturating_sub(n);
                (self.start, self.end) = (0, n);
                if self.socket.settings.short_reads_end && n < most && !wire.is_end_near {
                    wire.readable = false;
                }
                true
            }
            Err(error) => {
                self.socket.read_failed(error);
                self.socket.failure.is_some()
            }
        }
    }

    fn next_request(&mut self) -> Result<Option<Event<'_, S>>, Error> {
        if !self.read_request()? {
            return Ok(None);
        }
        Ok(self.socket.request().map(Event::Request))
    }

    /// Whether the request is there, for the first time.
    fn read_request(&mut self) -> Result<bool, Error> {
        let bytes = self.buffers.input.get_mut(self.start..self.end);
        let mut input = Input::new(bytes.unwrap_or_default());
        let WebSocket { wire, state, .. } = &mut *self.socket;
        let State::Accepting(accepting) = state else {
            return Ok(false);
        };
        if accepting.is_shown {
            return Ok(false);
        }
        let read = accepting.request(&mut input, &mut wire.out);
        let read = read.map(|request| request.is_some());
        self.start = self.end - input.len();
        match read {
            Ok(is_there) => accepting.is_shown = is_there,
            Err(_) => self.socket.end_handshake(None),
        }
        read.map_err(Error::Handshake)
    }

    fn next_answer(&mut self) -> Result<Option<Event<'_, S>>, Error> {
        let State::Connecting(connecting) = &mut self.socket.state else {
            return Ok(None);
        };
        let bytes = self.buffers.input.get_mut(self.start..self.end);
        let mut input = Input::new(bytes.unwrap_or_default());
        let answered = connecting.receive(&mut input);
        self.start = self.end - input.len();
        match answered {
            Answered::More => Ok(None),
            Answered::Failed(error) => {
                self.socket.end_handshake(None);
                Err(error)
            }
            Answered::Established {
                negotiated,
                agreed,
                response,
            } => {
                self.socket
                    .established(negotiated, &agreed, response.subprotocol());
                Ok(Some(Event::Connected(response)))
            }
        }
    }

    fn next_message(&mut self) -> Result<Option<Event<'_, S>>, Error> {
        let Self {
            socket,
            buffers,
            start,
            end,
            ..
        } = self;
        let high_water = socket.settings.high_water;
        let WebSocket {
            wire,
            state,
            end: ending,
            ..
        } = &mut **socket;
        let State::Open(open) = state else {
            return Ok(None);
        };
        let mut input = Input::new(buffers.input.get_mut(*start..*end).unwrap_or_default());
        loop {
            let room = high_water.saturating_sub(wire.out.replies());
            let received = open
                .engine
                .receive(&mut input, &mut wire.out.sink(room, true));
            *start = *end - input.len();
            let event = match received {
                Ok(Some(event)) => event,
                Ok(None) | Err(ReceiveError::OutputFull) => return Ok(None),
                Err(ReceiveError::Protocol(error)) => {
                    ending.broken_by_peer();
                    return Err(error.into());
                }
            };
            let last = match &event {
                Received::Text(piece) => piece.last,
                Received::Binary(piece) => piece.last,
                Received::Extended(piece) => piece.last,
                Received::Ping => return Ok(Some(Event::Ping(open.engine.control_payload()))),
                Received::Pong => return Ok(Some(Event::Pong(open.engine.control_payload()))),
                _ => continue,
            };
            open.is_collecting = !last;
            if open.is_piecewise {
                open.is_piecewise = !last;
                if let Err(error) = drop_piece(open, event) {
                    return Err(give_up(error, open, wire, ending));
                }
                continue;
            }
            if !last {
                let failed = open.assembler.push(event).err();
                let Some(error) = failed else { continue };
                return Err(give_up(error, open, wire, ending));
            }
            let Open {
                engine,
                assembler,
                encoder,
                ..
            } = open;
            return match assembler.push(event) {
                Ok(None) => Ok(None),
                Ok(Some(message)) => {
                    let sender = Sender {
                        engine,
                        encoder,
                        wire,
                        high_water,
                        is_reply: true,
                    };
                    Ok(Some(Event::Message(message, sender)))
                }
                Err(error) => {
                    let mut out = wire.out.sink(usize::MAX, true);
                    let _ = engine.close(error.close_code(), CloseReason::EMPTY, &mut out);
                    ending.broken_by_peer();
                    Err(error.into())
                }
            };
        }
    }
}

/// A message that could not be put together ends the connection.
fn give_up<S>(
    error: AssembleError,
    open: &mut Open,
    wire: &mut Wire<S>,
    ending: &mut Ending,
) -> Error {
    let mut out = wire.out.sink(usize::MAX, true);
    let code = error.close_code();
    let _ = open.engine.close(code, CloseReason::EMPTY, &mut out);
    ending.broken_by_peer();
    error.into()
}

fn replying<'t, S>(open: &'t mut Open, wire: &'t mut Wire<S>, high_water: usize) -> Sender<'t, S> {
    Sender {
        engine: &mut open.engine,
        encoder: &mut open.encoder,
        wire,
        high_water,
        is_reply: true,
    }
}

/// Takes note of a piece that is not wanted. A compressed one is part of the window all the same.
fn drop_piece(open: &mut Open, event: Received<'_>) -> Result<(), AssembleError> {
    match event {
        #[cfg(feature = "deflate")]
        Received::Extended(piece) => Ok(inflate(open, piece, &mut Vec::new())?),
        #[cfg(not(feature = "deflate"))]
        Received::Extended(_) => Err(DecodeError::Unsupported.into()),
        _ => {
            let _ = open;
            Ok(())
        }
    }
}

#[cfg(feature = "deflate")]
fn inflate(open: &mut Open, piece: Extended<'_>, to: &mut Vec<u8>) -> Result<(), DecodeError> {
    to.clear();
    let Some(decoder) = &mut open.assembler.extension_mut().deflate else {
        return Err(DecodeError::Unsupported);
    };
    let mut inflating = decoder.inflate(piece);
    while let Some(inflated) = inflating.next_piece()? {
        match inflated {
            Inflated::Text(text) => {
                let mut utf8 = [0; 4];
                let head = text.head.map(|head| head.encode_utf8(&mut utf8).len());
                to.extend_from_slice(utf8.get(..head.unwrap_or(0)).unwrap_or_default());
                to.extend_from_slice(text.body.as_bytes());
            }
            Inflated::Binary { data, .. } => to.extend_from_slice(data),
        }
    }
    Ok(())
}

/// Keeps what was not taken, and nothing that is not needed.
impl<S: Stream> Drop for Turn<'_, S> {
    fn drop(&mut self) {
        let socket = &mut *self.socket;
        socket.settle();
        let unread = self.buffers.input.get(self.start..self.end);
        match unread {
            Some(unread) if !unread.is_empty() && socket.end.phase == Phase::Open => {
                socket.leftover = [unread, &socket.leftover].concat().into();
            }
            _ => {}
        }
        if let State::Open(open) = &mut socket.state {
            if !open.is_collecting || open.is_piecewise {
                *open.assembler.storage_mut() = Vec::new();
            }
        }
        let output = socket.wire.out.give_back();
        self.buffers.give_back(output);
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
