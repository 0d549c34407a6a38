//! The message that is put together, and what becomes of it.

use core::mem;

use super::codec::Decoder;
use super::outbox::Outbox;
use super::retention::BUSY;
use super::{RETAINED, Want, WebSocketError};
use crate::buf::Input;
use crate::connection::{Event, Kind, Role};
use crate::error::ReceiveError;
use crate::message::{AssembleError, Assembler, Message, MessageBuf, Step};

/// How many bytes of a message are collected while nobody asks for messages.
const READ_AHEAD: usize = 64 * 1024;

/// How many bytes are looked at, and come out of a decoder, before other connections get their turn.
const WORK: usize = 2 << 20;

/// What each event counts in addition: frames without payload are work too.
const EVENT_WORK: usize = 32;

/// How many encoded bytes are decoded at once. They become at most 1032 times as many.
const BITE: usize = 1024;

/// As [`BITE`], where a whole message is wanted: its limit bounds their size. With less
/// `deflate/receive/65536` in `benches/engine` takes 12 % more.
const BIG_BITE: usize = 16 * 1024;

/// The message that is put together, and what becomes of it.
#[derive(Debug)]
pub(super) struct Messages {
    assembler: Assembler<MessageBuf, Decoder>,
    /// How many bytes are missing of the frame that was begun to be read.
    missing: usize,
    /// How many of the stored bytes have been emitted as a piece.
    spent: usize,
    /// How much has been done since something was emitted.
    work: usize,
    /// A message that could not be put together has failed the connection.
    failed: Option<WebSocketError>,
    /// The kind of the message whose pieces are collected.
    kind: Kind,
    /// The control frame that waits.
    control: Control,
    /// Control frames have been asked for: they are not passed over while the caller only sends.
    keeps_control: bool,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum Control {
    Ping,
    Pong,
    Close,
}

impl Control {
    const fn found<'i>(self) -> Found<'i> {
        match self {
            Self::Ping => Found::Ping,
            Self::Pong => Found::Pong,
            Self::Close => Found::Close,
        }
    }
}

/// What stands between the front of the input and the caller, a bit each: none for most messages.
#[derive(Clone, Copy, Debug, Default)]
struct State(u16);

impl State {
    /// The current message has begun and not come to its end.
    const OPEN: u16 = 1;
    /// A piece of the current message has been emitted.
    const BEGUN: u16 = 1 << 1;
    /// The rest of the current message is dropped: only pieces of it were wanted.
    const SKIPPING: u16 = 1 << 2;
    /// The storage has a message, or the rest of one, that waits to be asked for.
    const HELD: u16 = 1 << 3;
    /// The first bytes of the storage have been emitted.
    const SPENT: u16 = 1 << 4;
    /// All that comes is dropped.
    const DISCARDING: u16 = 1 << 5;
    /// A control frame was answered, and the answer may not have been written yet.
    const ANSWERED: u16 = 1 << 6;
    /// The connection has failed.
    const FAILED: u16 = 1 << 7;
    /// A control frame that came while its caller did not ask waits to be emitted.
    const CONTROL: u16 = 1 << 8;
    /// The input has ended after the waiting bytes.
    const ENDED: u16 = 1 << 9;
    /// As `ENDED`: reading has failed there, and nothing is written after that.
    const BROKEN: u16 = 1 << 10;
    /// The storage has a piece that waits for an answer to be written, and then to be asked for.
    const PIECE: u16 = 1 << 11;

    const fn has(self, bits: u16) -> bool {
        self.0 & bits != 0
    }

    const fn set(&mut self, bits: u16, on: bool) {
        if on { self.0 |= bits } else { self.0 &= !bits }
    }

    const fn take(&mut self, bits: u16) -> bool {
        let was = self.has(bits);
        self.set(bits, false);
        was
    }

    /// All that came before the end of the input is used.
    #[cold]
    fn end<R: Role, B>(&mut self, to: &mut Outbox<R, B>) {
        self.set(Self::ENDED, false);
        let _ = to.connection.receive_eof();
        if self.take(Self::BROKEN) {
            to.out.break_off();
        }
    }
}

/// How input is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// A frame that is not there as a whole stays where it is until it is.
    pub(super) waits: bool,
    /// Answers are written before later messages are emitted, and others get their turn.
    pub(super) is_paced: bool,
}

/// The item found in the input: it is there, or in the storage.
pub(super) enum Found<'i> {
    Whole(Message<'i>),
    Held,
    Piece(FoundPiece<'i>),
    HeldPiece {
        first: bool,
        last: bool,
    },
    Ping,
    Pong,
    Close,
    /// The answer to a control frame is to be written before the next message is emitted.
    Write,
    /// The output has no room for answers.
    Full,
    /// All input was used.
    Read,
    /// Enough has been done for now.
    Yield,
    /// There is something for those who receive, and this caller does not.
    Untaken,
}

/// A piece in the input.
pub(super) struct FoundPiece<'i> {
    pub(super) head: Option<char>,
    pub(super) data: Message<'i>,
    pub(super) first: bool,
    pub(super) last: bool,
}

impl Messages {
    pub(super) fn new(max_message: u64, keeps_control: bool) -> Self {
        let limit = usize::try_from(max_message).unwrap_or(usize::MAX);
        let storage = MessageBuf::with_limit(limit);
        Self {
            assembler: Assembler::with_extension(storage, max_message, Decoder::default()),
            missing: 0,
            spent: 0,
            work: 0,
            failed: None,
            kind: Kind::Binary,
            control: Control::Close,
            keeps_control,
            state: State::default(),
        }
    }

    #[cfg(feature = "deflate")]
    pub(super) fn decode_with(&mut self, decoder: Decoder) {
        *self.assembler.extension_mut() = decoder;
    }

    fn decodes(&mut self) -> bool {
        #[cfg(feature = "deflate")]
        return self.assembler.extension_mut().is_some();
        #[cfg(not(feature = "deflate"))]
        false
    }

    /// Why the connection has failed, if a message or the protocol was at fault.
    pub(super) const fn failed(&self) -> Option<WebSocketError> {
        self.failed
    }

    /// How many bytes are missing of the frame that was begun to be read.
    pub(super) const fn missing(&self) -> usize {
        self.missing
    }

    /// Whether the last message has begun and not come to its end.
    #[cfg(feature = "std")]
    pub(super) const fn is_open(&self) -> bool {
        self.state.has(State::OPEN)
    }

    /// Notes that the input has ended after the waiting bytes, or that reading has failed there.
    pub(super) const fn end_later(&mut self, is_broken: bool) {
        self.state.set(State::ENDED, true);
        if is_broken {
            self.state.set(State::BROKEN, true);
        }
    }

    /// Whether the end of the input is still to come.
    pub(super) const fn ends_later(&self) -> bool {
        self.state.has(State::ENDED)
    }

    /// Notes that no answer waits to be written.
    pub(super) const fn note_written(&mut self) {
        self.state.set(State::ANSWERED, false);
    }

    /// Whether something waits to be asked for.
    pub(super) const fn has_held(&self) -> bool {
        self.state.has(State::HELD | State::PIECE | State::CONTROL)
    }

    /// From now on control frames wait until they are emitted.
    pub(super) const fn keep_control(&mut self) {
        self.keeps_control = true;
    }

    /// Whether nothing is lost without it.
    pub(super) fn is_empty(&mut self) -> bool {
        self.is_idle() && self.missing == 0 && self.assembler.stored() == 0 && !self.decodes()
    }

    /// How many bytes are allocated for messages.
    pub(super) fn capacity(&self) -> usize {
        self.assembler.capacity()
    }

    /// Gives the memory for messages back if it is more than `retained` bytes and nothing is in it.
    pub(super) fn release_over(&mut self, retained: usize) {
        if self.assembler.capacity() == 0 {
            return;
        }
        if self.failed.is_some() {
            self.assembler.storage_mut().release();
        } else if !self.state.has(State::SPENT | State::HELD | State::OPEN) {
            self.assembler.release_over(retained);
        }
    }

    /// Whether nothing stands between the input and the caller.
    pub(super) const fn is_idle(&self) -> bool {
        self.state.0 == 0
    }

    /// Another `n` bytes were read after those that wait.
    pub(super) const fn note_read(&mut self, n: usize) {
        self.missing = self.missing.saturating_sub(n);
    }

    /// From now on all that comes is dropped. Encoded messages are not decoded.
    pub(super) fn discard(&mut self) {
        self.state.set(State::DISCARDING, true);
        self.state.set(
            State::HELD | State::PIECE | State::SPENT | State::CONTROL,
            false,
        );
        self.assembler.storage_mut().release();
    }

    /// The emitted part of the storage is not needed any more.
    pub(super) fn drop_spent(&mut self) {
        if self.state.take(State::SPENT) {
            self.assembler.drop_stored(self.spent);
        }
    }

    /// The message at the front of `bytes`, if it is there as a whole and nothing is in its way.
    // On its own, so that such a message stays in registers (`websocket/receive/binary/16` in
    // `benches/engine` takes 40 % more without it).
    #[inline(always)]
    pub(super) fn next_whole<'i, R: Role, B>(
        &mut self,
        input: &mut Input<'i>,
        to: &mut Outbox<R, B>,
    ) -> Result<Option<Message<'i>>, WebSocketError> {
        if self.state.0 != 0 {
            return Ok(None);
        }
        let Some(event) = to.connection.receive_message(input, &mut to.out.engine()) else {
            return Ok(None);
        };
        let event = match event {
            Ok(event) => event,
            Err(error) => return Err(self.fail_with(error.into())),
        };
        match self.assembler.step(event) {
            Ok(Step::Whole(message)) => Ok(Some(message)),
            Ok(_) => Ok(None),
            Err(error) => Err(self.fail(error, to)),
        }
    }

    /// Looks for an item that `want` names, in the bytes held and then in `bytes`, of which it takes a part:
    /// `rest` is how many it leaves.
    #[inline(never)]
    pub(super) fn next<'i, R: Role, B>(
        &mut self,
        bytes: &'i mut [u8],
        rest: &mut usize,
        to: &mut Outbox<R, B>,
        want: Want,
        manner: Manner,
    ) -> Result<Found<'i>, WebSocketError> {
        *rest = bytes.len();
        if let Some(error) = self.failed {
            *rest = 0;
            return Err(error);
        }
        if to.out.is_empty() {
            self.note_written();
        }
        let found = match self.find(bytes, rest, to, want, manner) {
            // A part of a message: it is there for whoever asks for pieces.
            Ok(Found::Read) if want == Want::Nothing && *rest > 0 && self.ends_later() => {
                Ok(Found::Untaken)
            }
            found => found,
        };
        let is_used = matches!(found, Ok(Found::Read) | Err(_));
        if self.ends_later() && (is_used || to.is_input_ended()) {
            self.state.end(to);
        }
        found
    }

    #[inline(always)]
    fn find<'i, R: Role, B>(
        &mut self,
        bytes: &'i mut [u8],
        rest: &mut usize,
        to: &mut Outbox<R, B>,
        want: Want,
        manner: Manner,
    ) -> Result<Found<'i>, WebSocketError> {
        if let Some(found) = self.next_control(want) {
            return Ok(self.emit(found));
        }
        if let Some(found) = self.next_held(want) {
            return Ok(self.emit(found));
        }
        let decodes = self.decodes();
        let mut left = bytes;
        // Of a frame that is emitted in pieces nothing is waited for.
        self.missing = 0;
        loop {
            if manner.waits && want != Want::Piece && !self.state.has(State::DISCARDING) {
                self.missing = to.frame_missing(left, RETAINED, BUSY);
                if self.missing > 0 {
                    return Ok(Found::Read);
                }
            }
            let is_whole = matches!(want, Want::Message | Want::Event);
            let bite = match decodes {
                false => usize::MAX,
                true if is_whole && !self.state.has(State::SKIPPING) => BIG_BITE,
                true => BITE,
            };
            let (now, later) = {
                let n = bite.min(left.len());
                mem::take(&mut left).split_at_mut(n)
            };
            let mut input = Input::new(now);
            let found = self.next_in(&mut input, later.len(), rest, to, want, manner);
            let found = found.inspect_err(|_| *rest = 0)?;
            match found {
                Some(found) => return Ok(self.emit(found)),
                None if later.is_empty() => return Ok(Found::Read),
                None => {}
            }
            left = later;
        }
    }

    /// The next whole message: as [`next`](Self::next), in one call for all that was read.
    #[inline(never)]
    pub(super) fn next_message<'w, R: Role, B>(
        &'w mut self,
        bytes: &'w mut [u8],
        rest: &mut usize,
        to: &mut Outbox<R, B>,
    ) -> Result<Option<Message<'w>>, WebSocketError> {
        const MANNER: Manner = Manner {
            waits: true,
            is_paced: false,
        };
        match self.next(bytes, rest, to, Want::Message, MANNER)? {
            Found::Whole(message) => Ok(Some(message)),
            Found::Held => self.held(to).map(Some),
            Found::Full => Err(WebSocketError::OutputFull),
            _ => Ok(None),
        }
    }

    /// As [`next`](Self::next), in the next bytes; `None` if all of them were used.
    #[inline(always)]
    fn next_in<'i, R: Role, B>(
        &mut self,
        input: &mut Input<'i>,
        later: usize,
        rest: &mut usize,
        to: &mut Outbox<R, B>,
        want: Want,
        manner: Manner,
    ) -> Result<Option<Found<'i>>, WebSocketError> {
        loop {
            let before = input.len();
            let received = to.connection.receive(input, &mut to.out.engine());
            *rest = input.len() + later;
            self.work += before - input.len() + EVENT_WORK;
            let event = match received {
                Ok(Some(event)) => event,
                Ok(None) => return Ok(None),
                Err(ReceiveError::OutputFull) => return Ok(Some(Found::Full)),
                Err(ReceiveError::Protocol(error)) => {
                    return Err(self.fail_with(error.into()));
                }
            };
            if let Some(found) = self.take(event, to, want, manner)? {
                return Ok(Some(found));
            }
            if self.work > WORK && manner.is_paced {
                self.work = 0;
                return Ok(Some(Found::Yield));
            }
            if manner.waits && later == 0 && want != Want::Piece && !input.is_empty() {
                self.missing = to.frame_missing(input.bytes(), RETAINED, BUSY);
                if self.missing > 0 {
                    return Ok(Some(Found::Read));
                }
            }
        }
    }

    /// What an event leads to; `None` if nothing can be emitted yet.
    #[inline(always)]
    fn take<'i, R: Role, B>(
        &mut self,
        event: Event<'i>,
        to: &mut Outbox<R, B>,
        want: Want,
        manner: Manner,
    ) -> Result<Option<Found<'i>>, WebSocketError> {
        let (kind, first, last) = match &event {
            Event::Text(piece) => (Kind::Text, piece.first, piece.last),
            Event::Binary(piece) => (Kind::Binary, piece.first, piece.last),
            Event::Extended(piece) => (piece.kind, piece.first, piece.last),
            control => return Ok(self.take_control(control, want)),
        };
        if first {
            self.state.set(State::BEGUN | State::SKIPPING, false);
        }
        self.kind = kind;
        self.state.set(State::OPEN, !last);
        if self.state.has(State::DISCARDING) {
            return Ok(None);
        }
        let is_encoded = matches!(event, Event::Extended(_));
        if self.state.has(State::SKIPPING) {
            if is_encoded {
                // What comes later may refer to it.
                self.step(event, to)?;
                self.assembler.drop_stored(usize::MAX);
            }
            return Ok(None);
        }
        let must_write = manner.is_paced && self.state.has(State::ANSWERED) && !to.out.is_empty();
        if want == Want::Piece && !is_encoded && !must_write && self.assembler.stored() == 0 {
            if first {
                // It does not see this one.
                self.assembler.start();
            }
            return Ok(self.piece(event).map(Found::Piece));
        }
        match self.step(event, to)? {
            Step::Whole(message) => {
                if want == Want::Nothing || must_write {
                    self.assembler.hold(message);
                    self.state.set(State::HELD, true);
                } else {
                    return Ok(Some(Found::Whole(message)));
                }
            }
            Step::Held => self.state.set(State::HELD, true),
            Step::More => {}
        }
        if must_write && self.has_for(want) {
            self.state.set(State::ANSWERED, false);
            self.state.set(State::PIECE, want == Want::Piece);
            return Ok(Some(Found::Write));
        }
        Ok(self.next_held(want))
    }

    #[inline(always)]
    fn step<'i, R: Role, B>(
        &mut self,
        event: Event<'i>,
        to: &mut Outbox<R, B>,
    ) -> Result<Step<'i>, WebSocketError> {
        let before = self.assembler.stored();
        let step = self.assembler.step(event);
        self.work += self.assembler.stored().saturating_sub(before);
        step.map_err(|error| self.fail(error, to))
    }

    /// A piece that is emitted where it lies.
    fn piece<'i>(&mut self, event: Event<'i>) -> Option<FoundPiece<'i>> {
        let (head, data, last) = match event {
            Event::Text(piece) => (piece.head, Message::Text(piece.body), piece.last),
            Event::Binary(piece) => (None, Message::Binary(piece.data), piece.last),
            _ => return None,
        };
        let is_empty = head.is_none() && data.as_bytes().is_empty();
        (last || !is_empty).then(|| FoundPiece {
            head,
            data,
            first: !self.begin(!last),
            last,
        })
    }

    fn take_control<'i>(&mut self, event: &Event<'_>, want: Want) -> Option<Found<'i>> {
        let control = match event {
            Event::Pong => Control::Pong,
            Event::Ping => {
                self.state.set(State::ANSWERED, true);
                Control::Ping
            }
            _ => Control::Close,
        };
        match want {
            Want::Event => Some(control.found()),
            Want::Nothing if self.keeps_control && !self.state.has(State::DISCARDING) => {
                self.control = control;
                self.state.set(State::CONTROL, true);
                Some(Found::Untaken)
            }
            _ => None,
        }
    }

    /// The control frame that waits, for those who ask for it; others but those who only send drop it.
    fn next_control<'i>(&mut self, want: Want) -> Option<Found<'i>> {
        if want == Want::Event {
            self.keeps_control = true;
        }
        if want == Want::Nothing {
            return self.state.has(State::CONTROL).then_some(Found::Untaken);
        }
        (self.state.take(State::CONTROL) && want == Want::Event).then(|| self.control.found())
    }

    /// Notes whether a piece of the current message has been emitted; whether that was so before.
    fn begin(&mut self, is_begun: bool) -> bool {
        let was = self.state.take(State::BEGUN);
        self.state.set(State::BEGUN, is_begun);
        was
    }

    /// Whether the stored bytes are something for `want`.
    fn has_for(&self, want: Want) -> bool {
        match want {
            Want::Nothing => false,
            Want::Message | Want::Event => self.state.has(State::HELD),
            Want::Piece => self.state.has(State::HELD) || self.assembler.stored() > 0,
        }
    }

    /// The stored item for `want`, which is emitted now.
    #[inline(always)]
    fn next_held<'i>(&mut self, want: Want) -> Option<Found<'i>> {
        self.drop_spent();
        self.state.set(State::PIECE, false);
        match want {
            Want::Nothing => {
                let is_full = self.state.has(State::HELD) || self.assembler.stored() >= READ_AHEAD;
                is_full.then_some(Found::Untaken)
            }
            Want::Message | Want::Event => {
                if self.state.has(State::BEGUN) {
                    // Its beginning was emitted as a piece; a whole message is wanted now.
                    let is_open = self.state.has(State::OPEN);
                    self.state.set(State::BEGUN | State::SKIPPING, is_open);
                    self.state.set(State::HELD, false);
                    self.assembler.drop_stored(usize::MAX);
                }
                self.state.take(State::HELD).then(|| {
                    self.spend(usize::MAX);
                    Found::Held
                })
            }
            Want::Piece => {
                let last = self.state.take(State::HELD);
                if last {
                    self.spend(usize::MAX);
                } else {
                    let stored = self.assembler.stored_piece(self.kind);
                    let len = stored.as_bytes().len();
                    if len == 0 {
                        return None;
                    }
                    self.spend(len);
                }
                let first = !self.begin(!last);
                Some(Found::HeldPiece { first, last })
            }
        }
    }

    /// The first `n` stored bytes are emitted: the next call drops them.
    fn spend(&mut self, n: usize) {
        self.spent = n;
        self.state.set(State::SPENT, true);
    }

    /// Something is emitted: the work was not in vain.
    fn emit<'i>(&mut self, found: Found<'i>) -> Found<'i> {
        if !matches!(found, Found::Full | Found::Write | Found::Untaken) {
            self.work = 0;
        }
        found
    }

    /// The message in the storage.
    pub(super) fn held<R: Role, B>(
        &mut self,
        to: &mut Outbox<R, B>,
    ) -> Result<Message<'_>, WebSocketError> {
        match self.assembler.held() {
            Ok(held) => Ok(held.unwrap_or(Message::Binary(&[]))),
            // A decoded text is validated there.
            Err(error) => {
                let error = error.into();
                to.fail(error);
                self.failed = Some(error);
                self.state.set(State::FAILED | State::DISCARDING, true);
                self.state.set(State::SPENT, false);
                if self.ends_later() {
                    self.state.end(to);
                }
                Err(error)
            }
        }
    }

    /// The stored bytes, as a piece that is the last one or not.
    pub(super) fn held_piece<R: Role, B>(
        &mut self,
        last: bool,
        to: &mut Outbox<R, B>,
    ) -> Result<Message<'_>, WebSocketError> {
        if last {
            self.held(to)
        } else {
            Ok(self.assembler.stored_piece(self.kind))
        }
    }

    #[cold]
    #[inline(never)]
    fn fail<R: Role, B>(&mut self, error: AssembleError, to: &mut Outbox<R, B>) -> WebSocketError {
        let error = error.into();
        to.fail(error);
        self.fail_with(error)
    }

    /// Fails the connection for a message that the caller does not accept.
    #[cold]
    pub(super) fn refuse<R: Role, B>(&mut self, error: WebSocketError, to: &mut Outbox<R, B>) {
        if self.failed.is_some() {
            return;
        }
        to.fail(error);
        self.fail_with(error);
        if self.ends_later() {
            self.state.end(to);
        }
    }

    /// Nothing is emitted any more.
    #[cold]
    pub(super) fn fail_with(&mut self, error: WebSocketError) -> WebSocketError {
        self.discard();
        self.missing = 0;
        self.failed = Some(error);
        self.state.set(State::FAILED, true);
        error
    }
}
