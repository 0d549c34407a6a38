//! Two `WebSocket`s and the wire between them.

use core::time::Duration;

use ws_proto::socket::{Failure, Next, OutputMemory, Received, Want};
use ws_proto::{
    CloseCode, CloseReason, ControlPayload, EitherRole, Fin, Instant, Kind, Message, Role,
    SendError, TimedOut, Transport, WebSocket, WebSocketError,
};

use crate::cuts::{self, Emitted};
use crate::pair::Sent;
use crate::session::{Drive, MAX_MESSAGE, Manner, Op, Session, Setup, Wanted, What};
use crate::support::{Keys, binary, prepared, text};
use crate::wire::{Frame, Reader};

pub fn run(session: &Session) {
    let setup = session.setup;
    let keys = Keys::default();
    if setup.either_role() {
        let role = |client| match client {
            false => EitherRole::server(),
            true => EitherRole::client(keys.clone()),
        };
        let open =
            |client| WebSocket::with_role(setup.negotiated(), setup.config(client), role(client));
        run_pair(session, open(false), open(true), keys.clone());
    } else {
        let server = WebSocket::server(setup.negotiated(), setup.config(false));
        let client = WebSocket::client(setup.negotiated(), setup.config(true), keys.clone());
        run_pair(session, server, client, keys);
    }
}

fn run_pair<S: Role, C: Role>(
    session: &Session,
    mut server: WebSocket<S>,
    mut client: WebSocket<C>,
    keys: Keys,
) {
    let setup = session.setup;
    if let Some(compression) = setup.compression {
        let (deflate, params) = (compression.deflate(), compression.params());
        server = server.with_deflate(&deflate, params);
        client = client.with_deflate(&deflate, params);
        assert_eq!(server.deflate(), Some(params));
    }
    let mut server: Socket<S> = Socket::new(server, setup, Keys::default(), false);
    let mut client: Socket<C> = Socket::new(client, setup, keys, true);
    let mut now = setup.start();
    for op in &session.ops {
        if let What::Tick(millis) = op.what {
            now = now.saturating_add(millis);
        }
        if matches!(op.what, What::Pump) {
            pump(&mut server, &mut client);
        } else if op.client {
            client.apply(op, now, &mut server.wire);
        } else {
            server.apply(op, now, &mut client.wire);
        }
    }
    server.take_all();
    client.take_all();
    pump(&mut server, &mut client);
    client.compare(&server.sent, server.broken);
    server.compare(&client.sent, client.broken);
    client.check_cuts(true);
    server.check_cuts(false);
}

fn pump<S: Role, C: Role>(server: &mut Socket<S>, client: &mut Socket<C>) {
    loop {
        let moved = server.drain(usize::MAX)
            | client.drain(usize::MAX)
            | server.deliver(usize::MAX, &mut client.wire)
            | client.deliver(usize::MAX, &mut server.wire);
        if !moved {
            return;
        }
    }
}

/// A little more than the times of the connection.
const STALL_TIME: u64 = 300;
const LINGER_TIME: u64 = 250;

/// Which of the sending calls.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Whole,
    Part(Fin),
    Prepared,
    /// The payload is queued as it is, if it is long.
    Shared,
    SharedPart(Fin),
}

/// What has been found.
enum Found {
    Message(Kind, Vec<u8>),
    Piece(Piece),
    Control,
    Again,
    Nothing,
}

struct Piece {
    kind: Kind,
    bytes: Vec<u8>,
    first: bool,
    last: bool,
}

struct Socket<R: Role> {
    socket: WebSocket<R>,
    setup: Setup,
    keys: Keys,
    reader: Reader,
    wire: Vec<u8>,
    high_water: usize,
    largest: usize,
    close_written: bool,
    error: Option<WebSocketError>,
    expired: Option<TimedOut>,
    eof: bool,
    sent: Vec<Sent>,
    sending: Option<Sent>,
    got: Vec<Sent>,
    getting: Option<Vec<u8>>,
    manner: Manner,
    memory: OutputMemory,
    tampered: bool,
    dried: bool,
    /// Some of the output is lost.
    broken: bool,
    /// Messages are dropped.
    discards: bool,
    compressing: bool,
    /// With compression: all that was received before the end.
    received: Vec<u8>,
}

impl<R: Role> Socket<R> {
    fn new(socket: WebSocket<R>, setup: Setup, keys: Keys, client: bool) -> Self {
        let high_water = 1000;
        Self {
            socket: socket
                .sharing()
                .with_high_water(high_water)
                .with_read_size(100)
                .with_stall_time(Duration::from_millis(STALL_TIME * setup.scale()))
                .with_linger_time(Duration::from_millis(LINGER_TIME * setup.scale())),
            setup,
            keys,
            reader: Reader::new(client),
            wire: Vec::new(),
            high_water,
            largest: 0,
            close_written: false,
            error: None,
            expired: None,
            eof: false,
            sent: Vec::new(),
            sending: None,
            got: Vec::new(),
            getting: None,
            manner: Manner::default(),
            memory: OutputMemory::default(),
            tampered: false,
            dried: false,
            broken: false,
            discards: false,
            compressing: true,
            received: Vec::new(),
        }
    }

    fn apply(&mut self, op: &Op, now: u64, theirs: &mut Vec<u8>) {
        match &op.what {
            What::Whole(kind, len) => self.send(*kind, *len, Way::Whole, true),
            What::Prepared(kind, len) => self.send(*kind, *len, Way::Prepared, true),
            What::Frame(kind, len, compress) => self.send(*kind, *len, Way::Shared, *compress),
            What::FramePart(kind, len, fin, compress) => {
                self.send(*kind, *len, Way::SharedPart(*fin), *compress);
            }
            What::Utf8Part(len, fin) => self.send(Kind::Text, *len, Way::Part(*fin), false),
            What::Part(kind, len, fin) => self.send(*kind, *len, Way::Part(*fin), true),
            What::Extended(kind, len, fin, _) => self.send(*kind, *len, Way::Part(*fin), false),
            What::Ping(len) => self.control(9, *len),
            What::Pong(len) => self.control(10, *len),
            What::Close(code, len) => self.close(*code, *len),
            What::CloseEmpty => self.close_empty(),
            What::Release => {
                self.socket.release();
                self.compressing = !self.compressing;
                if self.sent.len().is_multiple_of(2) {
                    self.socket.set_compressing(self.compressing);
                } else {
                    self.socket.sender().set_compressing(self.compressing);
                }
            }
            // What was emitted in part would be lost.
            What::Read(manner) if self.getting.is_none() => self.manner = *manner,
            What::Drive(drive) => self.drive(*drive),
            What::Drain(n) => {
                self.drain(*n);
            }
            What::Deliver(n, _) => {
                self.deliver(*n, theirs);
            }
            What::Tick(_) => self.tick(now),
            What::Eof => {
                let _ = self.socket.receive_eof();
                self.eof = true;
            }
            What::Tamper(at, xor) => {
                let len = theirs.len().max(1);
                if let Some(byte) = theirs.get_mut(at % len) {
                    *byte ^= xor;
                    self.tampered |= *xor != 0;
                }
            }
            What::Inject(bytes) => {
                self.tampered |= !bytes.is_empty();
                theirs.extend_from_slice(bytes);
            }
            What::Dry(dry) => {
                self.dried |= *dry;
                self.keys.set_dry(*dry);
            }
            What::Limit(_) | What::Pump | What::Read(_) => {}
        }
        self.check_state();
    }

    fn check_state(&mut self) {
        let bound = self.high_water + self.largest + 2 * ws_proto::MAX_CONTROL_FRAME;
        assert!(self.socket.pending_bytes() <= bound, "output is bounded");
        assert!(!self.broken || self.socket.pending_bytes() == 0);
        if self.socket.is_over() {
            assert!(!self.socket.wants_read() && !self.socket.wants_half_close());
        }
        if self.socket.tick_can_wait() {
            assert!(self.socket.transport() == Transport::Open && self.expired.is_none());
        }
        let failure = self.socket.failure();
        let _ = (format!("{failure:?}"), self.socket.needs_tick());
        if self.error.is_some() {
            // `AwaitEof`: there was no key for the Close.
            let transport = self.socket.transport();
            assert_eq!(failure, self.error.map(Failure::Receive));
            assert!(transport != Transport::Open);
            assert!(transport != Transport::AwaitEof || self.dried);
        }
    }

    fn drive(&mut self, drive: Drive) {
        match drive {
            Drive::HalfClose => {
                if self.socket.wants_half_close() {
                    self.socket.half_closed();
                }
                assert!(!self.socket.wants_half_close());
                return;
            }
            Drive::Discard => {
                self.socket.discard();
                self.discards = true;
                return;
            }
            Drive::WriteFailed => {
                self.socket.write_failed();
                assert!(!self.socket.sender().can_send());
                self.broken = true;
            }
            Drive::ReadFailed => {
                self.socket.read_failed();
                self.eof = true;
                // Later, if something was read that is not looked at yet.
                self.broken = self.socket.is_over();
            }
        }
        if self.broken {
            let closed = self.socket.connection().is_close_received();
            assert!(closed || self.socket.failure().is_some());
        }
    }

    /// All of the output.
    fn waiting(&self) -> Vec<u8> {
        let slices: Vec<&[u8]> = self.socket.pending_slices().collect();
        slices.concat()
    }

    /// Calls, and reads what that has written.
    fn call<T>(&mut self, f: impl FnOnce(&mut WebSocket<R>) -> T) -> (T, Vec<Frame>) {
        let before = self.socket.pending_bytes();
        let result = f(&mut self.socket);
        let written = self.waiting();
        assert_eq!(written.len(), self.socket.pending_bytes());
        // Nothing is left if the transport has taken nothing for too long.
        (result, self.read(written.get(before..).unwrap_or_default()))
    }

    /// Lends a message to a transport that takes some of it, and of the queue before it.
    fn send_vectored(
        &mut self,
        message: Message<'_>,
        is_prepared: bool,
        compress: bool,
        some: usize,
    ) -> (Result<(), SendError>, Vec<Frame>) {
        let before = self.socket.pending_bytes();
        let shared = prepared(message.kind(), message.as_bytes());
        let (taken, left) = {
            let mut compressing = self.socket.sender();
            let mut sender = compressing.uncompressed();
            if compress {
                sender = self.socket.sender();
            }
            let sent = match is_prepared {
                true => sender.send_prepared_vectored(&shared),
                false => sender.send_vectored(message),
            };
            match sent {
                Ok(lent) => {
                    let mut all = lent.slices().concat();
                    let left = all.split_off(some % (all.len() + 1));
                    if all.is_empty() {
                        drop(lent);
                    } else {
                        lent.consume(all.len());
                    }
                    (all, left)
                }
                Err(error) => return (Err(error), Vec::new()),
            }
        };
        let waiting = self.waiting();
        assert!(waiting.starts_with(&left));
        self.wire.extend_from_slice(&taken);
        let all = [taken, waiting].concat();
        (Ok(()), self.read(&all[before..]))
    }

    fn read(&mut self, written: &[u8]) -> Vec<Frame> {
        let frames = self.reader.read(written);
        for frame in &frames {
            assert!(
                !self.close_written || matches!(frame.opcode(), 9 | 10),
                "Close is the last"
            );
            self.close_written |= frame.is_close();
        }
        frames
    }

    fn send(&mut self, kind: Kind, len: usize, way: Way, compress: bool) {
        let seed = self.sent.len() as u8;
        let (words, bytes) = (text(len, seed), binary(len, seed));
        let can_send = self.socket.sender().can_send();
        assert_eq!(
            self.socket.sender().room(),
            self.high_water.saturating_sub(self.socket.pending_bytes())
        );
        let message = match kind {
            Kind::Text => Message::Text(&words),
            Kind::Binary => Message::Binary(&bytes),
        };
        let is_prepared = way == Way::Prepared;
        let vectored = matches!(way, Way::Whole | Way::Prepared) && seed % 2 == 1;
        let (result, frames) = if vectored {
            let some = len.wrapping_mul(31) ^ usize::from(seed);
            self.send_vectored(message, is_prepared, compress, some)
        } else {
            self.call(|socket| {
                let mut compressing = socket.sender();
                let mut sender = compressing.uncompressed();
                if compress {
                    sender = socket.sender();
                }
                match (way, kind) {
                    (Way::Prepared, _) => sender.send_prepared(&prepared(kind, message.as_bytes())),
                    (Way::Whole, _) => sender.by_ref().send(message),
                    (Way::Shared, Kind::Text) => sender.send_text_shared(words.clone()),
                    (Way::Shared, Kind::Binary) => sender.send_binary_shared(bytes.clone()),
                    (Way::SharedPart(fin), Kind::Text) => {
                        sender.send_text_part_shared(words.clone(), fin)
                    }
                    (Way::SharedPart(fin), Kind::Binary) => {
                        sender.send_binary_part_shared(bytes.clone(), fin)
                    }
                    (Way::Part(fin), Kind::Text) => sender.send_text_part(&words, fin),
                    (Way::Part(fin), Kind::Binary) => sender.send_binary_part(&bytes, fin),
                }
            })
        };
        assert_eq!(frames.len(), usize::from(result.is_ok()), "all or nothing");
        match result {
            Ok(()) => assert!(can_send),
            Err(SendError::MessageOpen) => assert!(self.sending.is_some()),
            Err(SendError::NoMaskKey) => assert!(can_send && self.dried),
            Err(SendError::Closed | SendError::OutputFull) => assert!(!can_send),
            Err(error) => panic!("{error}"),
        }
        let [frame] = &frames[..] else { return };
        self.largest = self.largest.max(frame.payload.len());
        let message = self.sending.get_or_insert((kind, 0, Vec::new()));
        if frame.first & 0x70 != 0 {
            assert!(compress && self.setup.compression.is_some());
            message.1 = frame.first & 0x70;
        }
        let data = if kind == Kind::Text {
            words.as_bytes()
        } else {
            &bytes
        };
        assert!(message.1 != 0 || frame.payload == data);
        message.2.extend_from_slice(data);
        if frame.fin() {
            self.sent.extend(self.sending.take());
        }
    }

    fn control(&mut self, opcode: u8, len: usize) {
        let payload = binary(len, opcode);
        let (result, frames) = self.call(|socket| {
            let payload = ControlPayload::new(&payload).expect("short enough");
            if opcode == 9 {
                socket.sender().ping(payload)
            } else {
                socket.sender().pong(payload)
            }
        });
        let frame = result.map(|()| Frame::new(0x80 | opcode, payload));
        assert_eq!(frames, Vec::from_iter(frame), "all or nothing");
    }

    fn close_empty(&mut self) {
        let open = self.socket.connection().can_send();
        let (result, frames) = self.call(|socket| socket.sender().close_empty());
        assert_eq!(frames.len(), usize::from(result.is_ok() && open));
    }

    fn close(&mut self, code: u16, len: usize) {
        let code = CloseCode::new(code).expect("a code that may be sent");
        let reason = text(len, 2);
        let open = self.socket.connection().can_send();
        let reason = CloseReason::truncated(&reason);
        let (result, frames) = self.call(|socket| socket.sender().close(code, reason));
        assert_eq!(frames.len(), usize::from(result.is_ok() && open));
        if result.is_ok() {
            assert!(!self.socket.connection().can_send());
        }
    }

    /// Whether anything was drained.
    fn drain(&mut self, n: usize) -> bool {
        let pending = self.socket.pending();
        let n = n.min(pending.len());
        self.wire.extend_from_slice(&pending[..n]);
        self.socket.consume(n);
        n > 0
    }

    /// All that comes from now on is asked for.
    fn take_all(&mut self) {
        if self.manner.wanted == Wanted::Nothing {
            self.manner.wanted = Wanted::Polled;
        }
    }

    /// Whether anything happened.
    fn deliver(&mut self, n: usize, theirs: &mut Vec<u8>) -> bool {
        let before = (self.got.len(), self.socket.pending_bytes());
        let n = n.min(theirs.len());
        let wants_read = self.socket.wants_read();
        let reads = wants_read && n > 0;
        let mut bytes = Vec::new();
        if reads {
            assert!(self.socket.read_hint() > 0);
            bytes.extend(theirs.drain(..n));
            if self.setup.compression.is_some() && !self.eof && self.expired.is_none() {
                self.received.extend_from_slice(&bytes);
            }
        }
        if self.manner.lent {
            self.socket.swap_output_memory(&mut self.memory);
            let mut used = 0;
            if reads && self.manner.wanted == Wanted::Nothing {
                // What is not used is kept at the end of `Reading`.
                used = n;
                let (result, frames) = self.call(|socket| {
                    let mut reading = socket.receive(&mut bytes);
                    let _ = format!("{reading:?}");
                    reading.poll_next(Want::Nothing).map(drop)
                });
                self.check_answers(&frames);
                if let Err(error) = result {
                    self.failed(error, &frames);
                }
            } else if reads && !self.socket.note_read(n) {
                used = n;
            }
            while self.poll(Some((&mut bytes, &mut used))) {}
            self.socket.keep(&bytes[used..]);
            let waiting = self.waiting();
            self.socket.return_output_memory(&mut self.memory);
            assert_eq!(self.waiting(), waiting);
        } else {
            if reads {
                self.socket.read_buf(n)[..n].copy_from_slice(&bytes);
                self.socket.advance(n);
            }
            while match self.manner.wanted {
                Wanted::Message => self.next(),
                _ => self.poll(None),
            } {}
        }
        // An answer that comes before the next message has to be written. Where all that waited was taken, though it
        // was no message, more can be read.
        let reads_on = !wants_read && self.socket.wants_read();
        reads || reads_on || (self.got.len(), self.socket.pending_bytes()) != before
    }

    /// Whether to look again.
    fn poll(&mut self, lent: Option<(&mut [u8], &mut usize)>) -> bool {
        let want = match self.manner.wanted {
            Wanted::Message | Wanted::Polled => Want::Message,
            Wanted::Event => Want::Event,
            Wanted::Piece => Want::Piece,
            Wanted::Nothing => Want::Nothing,
        };
        let (result, frames) = self.call(|socket| {
            let next = match lent {
                Some((bytes, used)) => socket.poll_next_in(bytes, used, want)?,
                None => socket.poll_next(want)?,
            };
            Ok(match next {
                Next::Received(Received::Message(message, _)) => {
                    Found::Message(message.kind(), message.as_bytes().to_vec())
                }
                Next::Received(Received::Piece(piece, _)) => {
                    let mut head = piece
                        .head
                        .map(String::from)
                        .unwrap_or_default()
                        .into_bytes();
                    head.extend_from_slice(piece.data.as_bytes());
                    Found::Piece(Piece {
                        kind: piece.data.kind(),
                        bytes: head,
                        first: piece.first,
                        last: piece.last,
                    })
                }
                Next::Received(_) => Found::Control,
                Next::Yield => Found::Again,
                _ => Found::Nothing,
            })
        });
        self.check_answers(&frames);
        let found = match result {
            Ok(found) => found,
            Err(error) => {
                self.failed(error, &frames);
                return false;
            }
        };
        match found {
            Found::Message(kind, bytes) => {
                assert!(want != Want::Piece && want != Want::Nothing);
                self.message((kind, 0, bytes));
            }
            Found::Piece(piece) => {
                assert_eq!(want, Want::Piece);
                assert_eq!(piece.first, self.getting.is_none(), "one first piece");
                let mut bytes = self.getting.take().unwrap_or_default();
                bytes.extend(piece.bytes);
                if piece.last {
                    self.message((piece.kind, 0, bytes));
                } else {
                    self.getting = Some(bytes);
                }
            }
            Found::Control => assert_eq!(want, Want::Event),
            Found::Again => {}
            Found::Nothing => return false,
        }
        true
    }

    /// Pongs, and a Close at most.
    fn check_answers(&self, frames: &[Frame]) {
        assert!(frames.iter().all(|frame| matches!(frame.opcode(), 8 | 10)));
        let closes = frames.iter().filter(|frame| frame.is_close()).count();
        assert!(closes <= 1);
    }

    fn failed(&mut self, error: WebSocketError, frames: &[Frame]) {
        let code = error.close_code().expect("it has failed");
        assert!(error.to_string().is_ascii() && code.as_u16() >= 1000);
        let limited = self.setup.limited();
        assert!(self.tampered || limited, "{error} for what was sent");
        match self.error {
            Some(first) => assert!(first == error && frames.is_empty(), "sticky"),
            None => assert!(
                self.close_written || self.dried || self.broken || self.eof,
                "one Close"
            ),
        }
        self.error = Some(error);
    }

    fn message(&mut self, message: Sent) {
        assert!(self.error.is_none() && !self.discards);
        assert!(!self.setup.limited() || message.2.len() <= MAX_MESSAGE);
        if message.0 == Kind::Text {
            assert!(core::str::from_utf8(&message.2).is_ok());
        }
        self.got.push(message);
    }

    /// Whether there was a message.
    fn next(&mut self) -> bool {
        let mut message = None;
        let (result, frames) = self.call(|socket| {
            let next = socket.next_message()?;
            message = next.map(|(message, reply)| {
                let _ = format!("{reply:?}");
                (message.kind(), 0, message.as_bytes().to_vec())
            });
            Ok::<(), WebSocketError>(())
        });
        self.check_answers(&frames);
        match result {
            // Pings before the waiting bytes have been answered.
            Err(WebSocketError::OutputFull) => {
                assert!(!self.socket.wants_read() && message.is_none());
            }
            Err(error) => self.failed(error, &frames),
            Ok(()) => {}
        }
        let Some(message) = message else { return false };
        self.message(message);
        true
    }

    fn tick(&mut self, now: u64) {
        let at = Instant::from_millis(now);
        // The other call may ask for an earlier one.
        let lazily = self.sent.len() % 2 == 1;
        let (result, frames) = self.call(|socket| match lazily {
            false => socket.tick(at),
            true => socket.tick_lazily(at),
        });
        assert!(frames.len() <= 1 && frames.iter().all(|f| matches!(f.opcode(), 8 | 9)));
        if let Err(what) = result {
            self.expired.get_or_insert(what);
            self.broken |= what == TimedOut::Write;
            return assert!(self.socket.is_over());
        }
        let (again, nothing) = self.call(|socket| socket.tick(at));
        assert_eq!(again.is_ok(), result.is_ok());
        if !lazily {
            assert_eq!(again, result, "a second call does nothing");
        }
        assert!(again.is_ok() && nothing.is_empty());
        assert!(again.is_ok_and(|deadline| deadline.is_none_or(|deadline| deadline > at)));
    }

    /// All messages were received as they were sent.
    fn compare(&self, sent: &[Sent], cut: bool) {
        if self.tampered {
            return;
        }
        let mut pairs = self.got.iter().zip(sent);
        assert!(
            self.got.len() <= sent.len()
                && pairs.all(|(got, sent)| (got.0, &got.2) == (sent.0, &sent.2)),
            "the same messages in the same order"
        );
        let over = self.eof || self.error.is_some() || self.expired.is_some();
        if over || cut || self.discards || self.broken {
            return;
        }
        assert_eq!(self.got.len(), sent.len(), "all of them");
    }

    /// The received messages are the same for every cut; an input that ends early is not known to
    /// have been taken.
    fn check_cuts(&self, client: bool) {
        let over = self.eof || self.expired.is_some() || self.discards || self.broken;
        if self.setup.compression.is_none() || over {
            return;
        }
        let messages = self.got.iter();
        let emitted = Emitted {
            messages: messages
                .map(|(kind, _, got)| (*kind, got.clone()))
                .collect(),
            fault: self
                .error
                .and_then(WebSocketError::close_code)
                .map(CloseCode::as_u16),
        };
        // A length that was changed: the rest of that frame does not come.
        let waits = self.tampered && self.error.is_none();
        cuts::check(self.setup, client, &self.received, &emitted, waits);
    }
}
