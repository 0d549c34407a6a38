//! One run of one scenario, and its normal form.

use core::cell::Cell;
use std::rc::Rc;

use ws_proto::handshake::HandshakeError;
use ws_proto::{CloseCode, Event, Input, Kind, Output, ProtocolError, SendError, Transport};

use crate::engine::{Call, CallError, Engine, Polled, Setup};
use crate::scenario::{App, Scenario};
use crate::sink::{Drain, Sink};
use ws_proto_suite::Room;

/// How the input is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Split {
    Whole,
    At(usize),
    AtTwo(usize, usize),
    Every(usize),
    /// Pieces of 1 to 16 bytes, from a seed.
    Random(u64),
}

impl Split {
    /// The end of the piece that starts at `from`.
    pub(crate) fn end(self, from: usize, len: usize) -> usize {
        match self {
            Self::Whole => len,
            Self::At(cut) if from < cut => cut.min(len),
            Self::AtTwo(cut, _) if from < cut => cut.min(len),
            Self::AtTwo(_, cut) if from < cut => cut.min(len),
            Self::At(_) | Self::AtTwo(..) => len,
            Self::Every(n) => (from + n).min(len),
            Self::Random(seed) => {
                let mixed = (seed ^ from as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                (from + 1 + (mixed >> 60) as usize).min(len)
            }
        }
    }
}

/// When events are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// All of them after each feed.
    Each,
    /// As before, with an empty feed and a second look after each.
    Twice,
    /// One call after each feed, the rest at the end.
    One,
    /// None until everything is there.
    AtEnd,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    pub(crate) split: Split,
    pub(crate) drain: Drain,
    pub(crate) pace: Pace,
}

impl How {
    pub(crate) const BYTES: Self = Self::split(Split::Every(1));
    pub(crate) const WHOLE: Self = Self::split(Split::Whole);

    pub(crate) const fn split(split: Split) -> Self {
        Self {
            split,
            drain: Drain::NEVER,
            pace: Pace::Each,
        }
    }

    pub(crate) const fn drain(self, limit: usize, step: usize, eager: bool) -> Self {
        Self {
            drain: Drain::new(limit, step, eager),
            ..self
        }
    }
}

/// What is done in front of the byte with some number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Call(Call),
    /// The transport ends; nothing more is fed.
    Eof,
    /// The run is over, without a word to the engine.
    Drop,
}

/// The end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Handshake(HandshakeError),
    Protocol(ProtocolError),
}

/// The normal form of a run: the same however input is cut, output is drained, events are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trace {
    /// Whole messages, control frames and results of calls; where in the input each was emitted.
    pub(crate) items: Vec<u8>,
    pub(crate) fault: Option<Fault>,
    /// What `receive_eof` says.
    pub(crate) eof: Option<Result<(), Option<HandshakeError>>>,
    pub(crate) close: Option<CloseCode>,
    pub(crate) close_received: bool,
    pub(crate) can_send: bool,
    pub(crate) transport: Option<Transport>,
    pub(crate) timed_out: bool,
}

/// Where an item ends, in the items and in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) items: usize,
    pub(crate) input: usize,
}

/// A run's facts that depend on how it was made.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) marks: Vec<Mark>,
    /// The bytes fed before, and after, the feed that showed the fault.
    pub(crate) fault_at: (usize, usize),
    /// How much the application itself has sent, at most.
    pub(crate) app_bytes: usize,
    /// Output after each feed.
    pub(crate) output_at: Vec<usize>,
    pub(crate) output_at_start: usize,
    /// How much of the output is the handshake's, once that is done.
    pub(crate) head: Option<usize>,
    /// Whether masking keys are missing.
    pub(crate) keys_fail: bool,
    /// How many stores failed for want of memory.
    pub(crate) stores_failed: usize,
}

/// Makes runs. Keeps all buffers from one run to the next.
pub(crate) struct Runner {
    scratch: Vec<u8>,
    message: Vec<u8>,
    text: String,
    storage: Room,
    dry: Rc<Cell<bool>>,
    pub(crate) sink: Sink,
    pub(crate) trace: Trace,
    pub(crate) notes: Notes,
    pub(crate) runs: u64,
}

impl Runner {
    pub(crate) fn new() -> Self {
        Self {
            scratch: Vec::new(),
            message: Vec::new(),
            text: String::new(),
            storage: Room::default(),
            dry: Rc::default(),
            sink: Sink::new(),
            trace: Trace::default(),
            notes: Notes::default(),
            runs: 0,
        }
    }

    /// Runs, and leaves the normal form in `trace` and the output in `sink`.
    pub(crate) fn run(
        &mut self,
        scenario: &Scenario,
        setup: Setup,
        bytes: &[u8],
        how: How,
        acts: &[(usize, Act)],
    ) {
        let _context = Context(scenario, setup, bytes, how, acts);
        self.runs += 1;
        self.scratch.clear();
        self.scratch.extend_from_slice(bytes);
        self.message.clear();
        self.text.clear();
        self.sink.reset(how.drain);
        let mut items = core::mem::take(&mut self.trace.items);
        items.clear();
        self.trace = Trace {
            items,
            ..Trace::default()
        };
        self.notes.marks.clear();
        self.notes.output_at.clear();
        self.notes.app_bytes = 0;
        self.notes.head = None;
        self.notes.keys_fail = setup.keys.fails();
        let storage = core::mem::take(&mut self.storage);
        let engine = Engine::new(setup, storage, &self.dry, &mut self.sink);
        self.notes.output_at_start = self.sink.bytes.len();
        let mut session = Session {
            engine,
            app: scenario.app,
            emitted: 0,
            read: 0,
            fed: 0,
            polled: 0,
            collecting: None,
            over: false,
            pace: how.pace,
            message: &mut self.message,
            text: &mut self.text,
            sink: &mut self.sink,
            trace: &mut self.trace,
            notes: &mut self.notes,
        };
        if session.engine.is_open() {
            session.notes.head = Some(0);
        }
        session.go(&mut self.scratch, how.split, acts);
        self.storage = session.engine.into_storage();
        self.notes.stores_failed = self.storage.failed;
    }

    /// Calls `check`, and names the run if that panics.
    pub(crate) fn check(
        &self,
        scenario: &Scenario,
        setup: Setup,
        bytes: &[u8],
        how: How,
        acts: &[(usize, Act)],
        check: impl FnOnce(&Self),
    ) {
        let _context = Context(scenario, setup, bytes, how, acts);
        check(self);
    }
}

/// Tells which run it was, when one panics.
struct Context<'c>(&'c Scenario, Setup, &'c [u8], How, &'c [(usize, Act)]);

impl Drop for Context<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self(scenario, setup, bytes, how, acts) = self;
            let bytes = bytes.get(..1000).unwrap_or(bytes).escape_ascii();
            eprintln!(
                "in {}: {how:?}, {acts:?}, {setup:?}\n{bytes}",
                scenario.name
            );
        }
    }
}

struct Session<'r> {
    engine: Engine,
    app: App,
    /// Items so far.
    emitted: usize,
    /// Input used up so far.
    read: usize,
    /// Input given so far.
    fed: usize,
    /// Input given when the engine was last asked for everything in it.
    polled: usize,
    /// The kind of the message whose pieces are coming.
    collecting: Option<u8>,
    /// The terminal event has come.
    over: bool,
    pace: Pace,
    message: &'r mut Vec<u8>,
    text: &'r mut String,
    sink: &'r mut Sink,
    trace: &'r mut Trace,
    notes: &'r mut Notes,
}

impl Session<'_> {
    fn go(&mut self, bytes: &mut [u8], split: Split, mut acts: &[(usize, Act)]) {
        loop {
            while let [(at, act), rest @ ..] = acts {
                if *at > self.fed {
                    break;
                }
                acts = rest;
                match act {
                    Act::Call(call) => self.call(*call),
                    Act::Eof => {
                        self.take_all(bytes);
                        return self.finish(bytes);
                    }
                    Act::Drop => return,
                }
            }
            if self.fed == bytes.len() {
                break;
            }
            let end = split.end(self.fed, bytes.len());
            self.fed = acts.first().map_or(end, |(at, _)| end.min(*at));
            match self.pace {
                Pace::Each => self.take_all(bytes),
                Pace::Twice => {
                    self.take_all(bytes);
                    self.take_all(bytes);
                    self.poll(&mut []);
                }
                Pace::One => {
                    self.poll(bytes);
                    if self.read == self.fed {
                        self.polled = self.fed;
                    }
                }
                Pace::AtEnd => {}
            }
            self.sink.fed();
            self.notes.output_at.push(self.sink.bytes.len());
        }
        self.take_all(bytes);
        self.finish(bytes);
    }

    /// Takes events until there are no more; drains when the engine waits for room.
    fn take_all(&mut self, bytes: &mut [u8]) {
        loop {
            let emitted = self.poll(bytes);
            if self.read == self.fed && !emitted {
                self.polled = self.fed;
                return;
            }
            if !emitted {
                assert!(
                    self.sink.room() < self.engine.least_room(),
                    "input is left though there is room for a reply"
                );
                self.sink.make_room();
            }
        }
    }

    /// One call of `receive`; whether it emitted something. `bytes` may be empty: no input.
    fn poll(&mut self, bytes: &mut [u8]) -> bool {
        let bytes = bytes.get_mut(self.read..self.fed).unwrap_or_default();
        let (before, written) = (bytes.len(), self.sink.bytes.len());
        let mut input = Input::new(bytes);
        let polled = self.engine.poll(&mut input, self.sink);
        let taken = before - input.len();
        self.read += taken;
        match polled {
            Polled::Nothing => {
                if self.over {
                    assert_eq!(self.sink.bytes.len(), written, "output after the end");
                    assert_eq!(taken, before, "input is kept after the end");
                }
                if self.engine.is_open() {
                    assert_eq!(taken, before, "nothing more, and input is left");
                }
                false
            }
            Polled::Full => {
                assert!(before > 0 && !self.over, "no room is needed");
                assert_eq!(
                    (taken, self.sink.bytes.len()),
                    (0, written),
                    "a full output changes nothing"
                );
                false
            }
            Polled::Refused(error) => self.fail(Fault::Handshake(error), written),
            Polled::Failed(error) => self.fail(Fault::Protocol(error), written),
            Polled::Open => {
                self.notes.head = Some(self.sink.bytes.len());
                self.item(b'H', &[]);
                self.app_sends(&[]);
                self.mark();
                true
            }
            Polled::Rejected => {
                self.over = true;
                self.item(b'R', &[]);
                self.mark();
                true
            }
            Polled::Event(event) => {
                assert!(taken > 0, "an event without input");
                self.event(event);
                self.mark();
                true
            }
        }
    }

    /// An error, for the first time or once more. Always `false`: it ends what there is to take.
    fn fail(&mut self, fault: Fault, written: usize) -> bool {
        assert_eq!(self.read, self.fed, "input is left behind an error");
        match self.trace.fault {
            None => {
                // A handshake that took too long reports it in both ways.
                let late = self.trace.timed_out && matches!(fault, Fault::Handshake(_));
                assert!(!self.over || late, "an error after the end");
                self.over = true;
                self.trace.fault = Some(fault);
                self.notes.fault_at = (self.polled, self.fed);
            }
            Some(first) => {
                assert_eq!(first, fault, "another error than before");
                assert_eq!(self.sink.bytes.len(), written, "an error writes once");
            }
        }
        false
    }

    fn event(&mut self, event: Event<'_>) {
        assert!(!self.over, "an event after the end");
        match event {
            Event::Text(text) => {
                self.text.extend(text.head);
                self.text.push_str(text.body);
                if self.piece(b't', text.raw, text.first, text.last) {
                    assert_eq!(
                        self.text.as_bytes(),
                        &self.message[..],
                        "the text is its bytes"
                    );
                    self.text.clear();
                    self.message_done(b't');
                }
            }
            Event::Binary(piece) => {
                if self.piece(b'b', piece.data, piece.first, piece.last) {
                    self.message_done(b'b');
                }
            }
            Event::Extended(piece) => {
                let kind = u8::from(piece.kind == Kind::Text) | piece.rsv.bits();
                if self.piece(kind, piece.data, piece.first, piece.last) {
                    self.message_done(kind);
                }
            }
            Event::Ping => {
                self.control(b'i');
                if self.app == App::Pongs {
                    self.send(Engine::pong);
                }
            }
            Event::Pong => self.control(b'o'),
            Event::Close(code) => {
                assert_eq!(code, self.engine.close_code());
                assert!(self.engine.is_close_received());
                self.over = true;
                let mut body = [0; 125];
                let reason = self.engine.close_reason().as_bytes();
                body[..reason.len()].copy_from_slice(reason);
                let len = reason.len();
                self.item(b'c', &code.map_or(0, CloseCode::as_u16).to_be_bytes());
                self.trace.items.extend_from_slice(&body[..len]);
                if self.app == App::ClosesLater {
                    self.send(|engine, sink| engine.echo(b"last words", sink));
                    self.send(Engine::answer_close);
                }
            }
            _ => panic!("an event that the tests do not know"),
        }
        if self.engine.frame_remaining() > 0 {
            assert_eq!(self.read, self.fed, "the rest of a frame is left");
        }
    }

    /// Whether the piece ends its message.
    fn piece(&mut self, kind: u8, data: &[u8], first: bool, last: bool) -> bool {
        assert_eq!(
            first,
            self.collecting.is_none(),
            "the first piece is marked"
        );
        assert!(self.collecting.is_none_or(|open| open == kind), "one kind");
        assert!(last || !data.is_empty(), "an empty piece");
        self.collecting = Some(kind);
        self.message.extend_from_slice(data);
        if last {
            self.collecting = None;
        }
        last
    }

    fn message_done(&mut self, kind: u8) {
        let message = core::mem::take(self.message);
        self.item(kind, &message);
        self.app_sends(&message);
        *self.message = message;
        self.message.clear();
    }

    fn control(&mut self, kind: u8) {
        let mut payload = [0; 125];
        let len = self.engine.control_payload().len();
        payload[..len].copy_from_slice(self.engine.control_payload());
        self.item(kind, &payload[..len]);
        self.app_sends(&payload[..len]);
    }

    fn item(&mut self, kind: u8, data: &[u8]) {
        let items = &mut self.trace.items;
        items.push(kind);
        items.extend_from_slice(&(self.read as u32).to_le_bytes());
        items.extend_from_slice(&(data.len() as u32).to_le_bytes());
        items.extend_from_slice(data);
        self.emitted += 1;
    }

    fn mark(&mut self) {
        self.notes.marks.push(Mark {
            items: self.trace.items.len(),
            input: self.read,
        });
    }

    /// What the application does when an item is complete.
    fn app_sends(&mut self, data: &[u8]) {
        match self.app {
            App::Silent | App::Pongs | App::ClosesLater => {}
            App::Echoes => {
                self.send(|engine, sink| engine.echo(&data[..data.len().min(100)], sink));
            }
            App::Talks => {
                for call in [Call::Ping, Call::Text, Call::FrameText] {
                    self.retry(call);
                }
            }
            App::SendsParts => {
                let fin = if self.emitted % 3 == 0 {
                    ws_proto::Fin::Yes
                } else {
                    ws_proto::Fin::No
                };
                self.retry(Call::TextPart(fin));
            }
            App::ClosesAfter(n) => {
                if self.emitted == n {
                    self.retry(Call::Close);
                    self.retry(Call::Text);
                    self.retry(Call::Ping);
                }
            }
        }
    }

    fn retry(&mut self, call: Call) {
        self.send(|engine, sink| match engine.call(call, sink) {
            Ok(()) => Ok(()),
            Err(CallError::Send(error)) => Err(error),
            Err(CallError::TimedOut(_)) => unreachable!("a call that sends"),
        });
    }

    /// Sends, draining as long as there is no room; notes down the result.
    fn send(&mut self, mut send: impl FnMut(&mut Engine, &mut Sink) -> Result<(), SendError>) {
        self.notes.app_bytes += 131;
        loop {
            let written = self.sink.bytes.len();
            let result = send(&mut self.engine, self.sink);
            if result.is_err() {
                assert_eq!(self.sink.bytes.len(), written, "an error writes nothing");
            }
            if result == Err(SendError::OutputFull) {
                self.sink.make_room();
                continue;
            }
            if self.trace.fault.is_some() {
                assert_eq!(self.sink.bytes.len(), written, "output after an error");
            }
            self.trace
                .items
                .push(result.map_or_else(refused, |()| b'.'));
            return;
        }
    }

    fn call(&mut self, call: Call) {
        if call == Call::Dry {
            self.notes.keys_fail = true;
        }
        if let Call::Tick(_) = call {
            // Time must find the same room in every run, else there is a Ping in one of them.
            while self.sink.room() < self.engine.least_room() {
                self.sink.make_room();
            }
            let written = self.sink.bytes.len();
            let result = self.engine.call(call, self.sink);
            if result.is_err() {
                self.trace.timed_out = true;
                self.over = true;
                assert_eq!(self.engine.transport(), Transport::Abort);
            }
            self.notes.app_bytes += self.sink.bytes.len() - written;
            self.trace
                .items
                .push(if result.is_err() { b'!' } else { b'-' });
            return;
        }
        self.retry(call);
    }

    /// A turn without input before the end of the transport: a Close that had no masking key is written,
    /// nothing else.
    fn write_owed_close(&mut self) {
        while self.sink.room() < self.engine.least_room() {
            self.sink.make_room();
        }
        let written = self.sink.bytes.len();
        let ticked = self.engine.call(Call::Tick(0), self.sink);
        assert!(ticked.is_ok(), "the close timer begins");
        let late = &self.sink.bytes[written..];
        if let Some((&first, rest)) = late.split_first() {
            assert!(self.notes.keys_fail, "output after the end");
            assert_eq!((first, rest.len()), (0x88, 5 + usize::from(rest[0] & 0x7f)));
        }
    }

    /// Time passes after the end: nothing is written, and the transport is aborted.
    fn wait_for_abort(&mut self) {
        while self.sink.room() < self.engine.least_room() {
            self.sink.make_room();
        }
        let written = self.sink.bytes.len();
        let began = self.engine.transport() == Transport::Close;
        let first = self.engine.call(Call::Tick(1), self.sink);
        assert_eq!(first.is_ok(), began, "the close timer begins");
        let second = self.engine.call(Call::Tick(100_000), self.sink);
        assert!(matches!(second, Err(CallError::TimedOut(_))));
        assert_eq!(self.engine.transport(), Transport::Abort);
        assert_eq!(self.sink.bytes.len(), written, "output after the end");
    }

    fn finish(&mut self, bytes: &mut [u8]) {
        if self.engine.is_open() && self.engine.transport() == Transport::AwaitEof {
            self.write_owed_close();
        }
        let engine = &mut self.engine;
        self.trace.close = engine.close_code();
        self.trace.close_received = engine.is_close_received();
        self.trace.can_send = engine.can_send();
        self.trace.transport = Some(engine.transport());
        if let Some((status, complete, body)) = engine.refusal() {
            self.trace.items.extend_from_slice(&status.to_be_bytes());
            self.trace.items.push(u8::from(complete));
            self.trace.items.extend_from_slice(body);
        }
        let written = self.sink.bytes.len();
        let eof = engine.eof();
        self.trace.eof = Some(eof);
        assert_eq!(engine.eof(), eof, "the end is reported the same again");
        let rest = &mut bytes[..0];
        let mut garbage = [0x81, 0x00, 0x88, 0x80, 1, 2, 3, 4, b'G', b'E', b'T'];
        for input in [rest, &mut garbage[..]] {
            let mut input = Input::new(input);
            match self.engine.poll(&mut input, self.sink) {
                Polled::Nothing => {}
                Polled::Failed(error) => {
                    assert_eq!(self.trace.fault, Some(Fault::Protocol(error)));
                }
                Polled::Refused(error) => {
                    assert!(eof == Err(Some(error)), "{error:?} after {eof:?}");
                }
                Polled::Full | Polled::Event(_) | Polled::Open | Polled::Rejected => {
                    panic!("something is emitted after the end")
                }
            }
            if self.engine.is_open() {
                assert!(input.is_empty(), "input is kept after the end");
            }
        }
        for call in [Call::Text, Call::FrameText, Call::Ping, Call::Close] {
            let could = self.engine.can_send();
            let _ = self.engine.call(call, self.sink);
            assert!(!could, "data can be sent after the end");
        }
        assert_eq!(self.sink.bytes.len(), written, "output after the end");
        if self.engine.is_open() {
            assert!(matches!(
                self.engine.transport(),
                Transport::Close | Transport::Abort
            ));
            self.wait_for_abort();
        }
    }
}

/// A byte for each way in which sending can fail.
fn refused(error: SendError) -> u8 {
    match error {
        SendError::Closed => b'0',
        SendError::CodeForClients => b'1',
        SendError::MessageOpen => b'2',
        SendError::NoMaskKey => b'3',
        SendError::ReservedBits => b'4',
        SendError::TextNotUtf8 => b'5',
        _ => panic!("{error:?} of a call that fits"),
    }
}
