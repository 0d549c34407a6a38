//! Two `WebSocket`s and the wire between them.

use ws_proto::{
    Client, CloseCode, CloseReason, ControlPayload, Fin, Instant, Kind, Message, Role, SendError,
    Server, TimedOut, Transport, WebSocket, WebSocketError,
};

use crate::cuts::{self, Emitted};
use crate::pair::Sent;
use crate::session::{MAX_MESSAGE, Op, Session, Setup, What};
use crate::support::{Keys, binary, prepared, text};
use crate::wire::{Frame, Reader};

pub fn run(session: &Session) {
    let setup = session.setup;
    let keys = Keys::default();
    let mut server = WebSocket::server(setup.negotiated(), setup.config(false));
    let mut client = WebSocket::client(setup.negotiated(), setup.config(true), keys.clone());
    if let Some(compression) = setup.compression {
        let (deflate, params) = (compression.deflate(), compression.params());
        server = server.with_deflate(&deflate, params);
        client = client.with_deflate(&deflate, params);
    }
    let mut server: Socket<Server> = Socket::new(server, setup, Keys::default(), false);
    let mut client: Socket<Client<Keys>> = Socket::new(client, setup, keys, true);
    let mut now = 0;
    for op in &session.ops {
        if let What::Tick(millis) = op.what {
            now += millis;
        }
        if matches!(op.what, What::Pump) {
            pump(&mut server, &mut client);
        } else if op.client {
            client.apply(op, now, &mut server.wire);
        } else {
            server.apply(op, now, &mut client.wire);
        }
    }
    pump(&mut server, &mut client);
    client.compare(&server.sent);
    server.compare(&client.sent);
    client.check_cuts(true);
    server.check_cuts(false);
}

fn pump(server: &mut Socket<Server>, client: &mut Socket<Client<Keys>>) {
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

/// Which of the sending calls.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Whole,
    Part(Fin),
    Prepared,
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
    tampered: bool,
    dried: bool,
    /// With compression: all that was received before the end.
    received: Vec<u8>,
}

impl<R: Role> Socket<R> {
    fn new(socket: WebSocket<R>, setup: Setup, keys: Keys, client: bool) -> Self {
        let high_water = 1000;
        Self {
            socket: socket.with_high_water(high_water),
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
            tampered: false,
            dried: false,
            received: Vec::new(),
        }
    }

    fn apply(&mut self, op: &Op, now: u64, theirs: &mut Vec<u8>) {
        match &op.what {
            What::Whole(kind, len) => self.send(*kind, *len, Way::Whole, true),
            What::Prepared(kind, len) => self.send(*kind, *len, Way::Prepared, true),
            What::Frame(kind, len, _) | What::FramePart(kind, len, ..) => {
                self.send(*kind, *len, Way::Whole, false);
            }
            What::Utf8Part(len, fin) => self.send(Kind::Text, *len, Way::Part(*fin), false),
            What::Part(kind, len, fin) => self.send(*kind, *len, Way::Part(*fin), true),
            What::Extended(kind, len, fin, _) => self.send(*kind, *len, Way::Part(*fin), false),
            What::Ping(len) => self.control(9, *len),
            What::Pong(len) => self.control(10, *len),
            What::Close(code, len) => self.close(*code, *len),
            What::CloseEmpty | What::Release => self.socket.release(),
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
            What::Limit(_) | What::Pump => {}
        }
        let bound = self.high_water + self.largest + 2 * ws_proto::MAX_CONTROL_FRAME;
        assert!(self.socket.pending().len() <= bound, "output is bounded");
        if self.error.is_some() {
            // `AwaitEof`: there was no key for the Close.
            let transport = self.socket.transport();
            assert!(transport != Transport::Open);
            assert!(transport != Transport::AwaitEof || self.dried);
        }
    }

    /// Calls, and reads what that has written.
    fn call<T>(&mut self, f: impl FnOnce(&mut WebSocket<R>) -> T) -> (T, Vec<Frame>) {
        let before = self.socket.pending().len();
        let result = f(&mut self.socket);
        let written = self.socket.pending()[before..].to_vec();
        (result, self.read(&written))
    }

    /// Lends a message to a transport that takes some of it, and of what waits before.
    fn send_vectored(
        &mut self,
        message: Message<'_>,
        compress: bool,
        some: usize,
    ) -> (Result<(), SendError>, Vec<Frame>) {
        let before = self.socket.pending().len();
        let mut compressing = self.socket.sender();
        let mut sender = compressing.uncompressed();
        if compress {
            sender = self.socket.sender();
        }
        let lent = match sender.send_vectored(message) {
            Ok(lent) => lent,
            Err(error) => return (Err(error), Vec::new()),
        };
        let all = lent.slices().concat();
        let (taken, left) = all.split_at(some % (all.len() + 1));
        if taken.is_empty() {
            drop(lent);
        } else {
            lent.consume(taken.len());
        }
        assert_eq!(self.socket.pending(), left);
        self.wire.extend_from_slice(taken);
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
        let message = match kind {
            Kind::Text => Message::Text(&words),
            Kind::Binary => Message::Binary(&bytes),
        };
        let (result, frames) = if way == Way::Whole && seed % 2 == 1 {
            self.send_vectored(message, compress, len.wrapping_mul(31) ^ usize::from(seed))
        } else {
            self.call(|socket| {
                let mut compressing = socket.sender();
                let mut sender = compressing.uncompressed();
                if compress {
                    sender = socket.sender();
                }
                match (way, kind) {
                    // What waits by reference would not be in one slice.
                    (Way::Prepared, _) if len < 4096 => {
                        sender.send_prepared(&prepared(kind, message.as_bytes()))
                    }
                    (Way::Whole | Way::Prepared, _) => sender.send(message),
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

    /// Whether anything happened.
    fn deliver(&mut self, n: usize, theirs: &mut Vec<u8>) -> bool {
        let n = n.min(theirs.len());
        let reads = self.socket.wants_read() && n > 0;
        if reads {
            assert!(self.socket.read_hint() > 0);
            self.socket.read_buf(n)[..n].copy_from_slice(&theirs[..n]);
            self.socket.advance(n);
            if self.setup.compression.is_some() && !self.eof && self.expired.is_none() {
                self.received.extend_from_slice(&theirs[..n]);
            }
            theirs.drain(..n);
        }
        let before = self.got.len();
        while self.next() {}
        reads || self.got.len() > before
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
        // Pongs, and a Close at most.
        assert!(frames.iter().all(|frame| matches!(frame.opcode(), 8 | 10)));
        let closes = frames.iter().filter(|frame| frame.is_close()).count();
        assert!(closes <= 1);
        if result == Err(WebSocketError::OutputFull) {
            // Pings in front of what waits have been answered.
            assert!(!self.socket.wants_read() && message.is_none());
            return false;
        }
        if let Err(error) = result {
            let code = error.close_code().expect("it has failed");
            assert!(error.to_string().is_ascii() && code.as_u16() >= 1000);
            let limited = self.setup.limited();
            assert!(self.tampered || limited, "{error} for what was sent");
            match self.error {
                Some(first) => assert!(first == error && frames.is_empty(), "sticky"),
                None => assert!(self.close_written || self.dried, "a farewell"),
            }
            self.error = Some(error);
            return false;
        }
        let Some(message) = message else { return false };
        assert!(self.error.is_none());
        assert!(!self.setup.limited() || message.2.len() <= MAX_MESSAGE);
        if message.0 == Kind::Text {
            assert!(core::str::from_utf8(&message.2).is_ok());
        }
        self.got.push(message);
        true
    }

    fn tick(&mut self, now: u64) {
        let at = Instant::from_millis(now);
        let (result, frames) = self.call(|socket| socket.tick(at));
        let (again, nothing) = self.call(|socket| socket.tick(at));
        assert_eq!(
            (again, nothing),
            (result, Vec::new()),
            "a second call does nothing"
        );
        assert!(frames.len() <= 1 && frames.iter().all(|f| matches!(f.opcode(), 8 | 9)));
        if let Err(what) = result {
            assert_eq!(*self.expired.get_or_insert(what), what, "sticky");
            assert_eq!(self.socket.transport(), Transport::Abort);
        }
    }

    /// What has been got is what was sent.
    fn compare(&self, sent: &[Sent]) {
        if self.tampered {
            return;
        }
        let mut pairs = self.got.iter().zip(sent);
        assert!(
            self.got.len() <= sent.len()
                && pairs.all(|(got, sent)| (got.0, &got.2) == (sent.0, &sent.2)),
            "the same messages in the same order"
        );
        if self.eof || self.error.is_some() || self.expired.is_some() {
            return;
        }
        assert_eq!(self.got.len(), sent.len(), "all of them");
    }

    /// What came is the same for every cut; what comes to an end before its time is not known to
    /// have been taken.
    fn check_cuts(&self, client: bool) {
        if self.setup.compression.is_none() || self.eof || self.expired.is_some() {
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
        cuts::check(self.setup, client, &self.received, &emitted);
    }
}
