//! Two connections, a naive model of what each may do, and the wire between them.

mod compressed;

use ws_proto::extension::deflate::Deflate;
use ws_proto::frame::Rsv;
use ws_proto::{
    AssembleError, Client, CloseCode, CloseReason, Connection, ControlPayload, Event, Fin, Input,
    Instant, Kind, MAX_CONTROL_FRAME, Output, ProtocolError, ReceiveError, Role, SendError, Server,
    Text, TimedOut, Transport,
};

use self::compressed::{Codec, Part};
use crate::session::{MAX_MESSAGE, Op, Session, Setup, What};
use crate::support::{Keys, Sink, binary, prepared, text};
use crate::wire::{Frame, Reader};

/// Kind, reserved bits and payload of a message.
pub type Sent = (Kind, u8, Vec<u8>);

pub fn run(session: &Session) {
    let setup = session.setup;
    let keys = Keys::default();
    let config = |client| setup.config(client);
    let deflate = setup.compression.map(|compression| compression.deflate());
    let mut server = End::new(
        Connection::server(setup.negotiated(), config(false)),
        setup,
        Keys::default(),
        deflate.as_ref(),
    );
    let mut client = End::new(
        Connection::client(setup.negotiated(), config(true), keys.clone()),
        setup,
        keys,
        deflate.as_ref(),
    );
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
    server.out.limit = usize::MAX;
    client.out.limit = usize::MAX;
    pump(&mut server, &mut client);
    client.compare(&server.sent, &server.sending);
    server.compare(&client.sent, &client.sending);
    client.check_cuts();
    server.check_cuts();
}

/// Moves bytes until nothing moves.
fn pump(server: &mut End<Server>, client: &mut End<Client<Keys>>) {
    loop {
        server.drain(usize::MAX);
        client.drain(usize::MAX);
        let moved = server.deliver(usize::MAX, 0, &mut client.wire)
            | client.deliver(usize::MAX, 0, &mut server.wire);
        if !moved {
            return;
        }
    }
}

/// What differs between the roles.
trait Side: Role + Sized {
    const CLIENT: bool;

    /// A whole message or a part of one, `way`, without a copy, and the payload after it.
    fn frame(
        connection: &mut Connection<Self>,
        kind: Kind,
        data: &mut [u8],
        way: (Way, Fin),
        out: &mut Sink,
    ) -> Result<(), SendError>;
}

impl Side for Server {
    const CLIENT: bool = false;

    fn frame(
        connection: &mut Connection<Self>,
        kind: Kind,
        data: &mut [u8],
        (way, fin): (Way, Fin),
        out: &mut Sink,
    ) -> Result<(), SendError> {
        let text = |data| core::str::from_utf8(data).expect("made as text");
        let payload = match (kind, way) {
            (Kind::Text, Way::FramePart(true)) => connection.frame_utf8_part(data, fin, out),
            (Kind::Text, Way::FramePart(_)) => connection.frame_text_part(text(data), fin, out),
            (Kind::Text, _) => connection.frame_text(text(data), out),
            (Kind::Binary, Way::FramePart(_)) => connection.frame_binary_part(data, fin, out),
            (Kind::Binary, _) => connection.frame_binary(data, out),
        }?;
        out.write_behind(payload);
        Ok(())
    }
}

impl Side for Client<Keys> {
    const CLIENT: bool = true;

    fn frame(
        connection: &mut Connection<Self>,
        kind: Kind,
        data: &mut [u8],
        (way, fin): (Way, Fin),
        out: &mut Sink,
    ) -> Result<(), SendError> {
        let before = data.to_vec();
        let payload = match (kind, way) {
            (Kind::Text, Way::FramePart(_)) => connection.frame_text_part(&mut *data, fin, out),
            (Kind::Text, _) => connection.frame_text(&mut *data, out),
            (Kind::Binary, Way::FramePart(_)) => connection.frame_binary_part(&mut *data, fin, out),
            (Kind::Binary, _) => connection.frame_binary(&mut *data, out),
        };
        match payload {
            Ok(payload) => out.write_behind(payload),
            Err(error) => {
                assert_eq!(data, before, "nothing was masked");
                return Err(error);
            }
        }
        Ok(())
    }
}

struct End<R: Side> {
    connection: Connection<R>,
    setup: Setup,
    /// If compression was agreed on.
    codec: Option<Codec>,
    keys: Keys,
    dry: bool,
    out: Sink,
    reader: Reader,
    /// What the transport has taken and the other end has not got.
    wire: Vec<u8>,
    /// What has arrived and waits for room in the output.
    inbox: Vec<u8>,

    // The model.
    close_written: bool,
    close_sent: bool,
    close_received: bool,
    eof: bool,
    error: Option<ProtocolError>,
    expired: Option<TimedOut>,
    open: Option<(Kind, u8)>,
    heard: bool,
    silent_since: Option<u64>,
    pinged: Option<u64>,
    /// A Ping is due, and comes after the message that is being sent.
    held: bool,
    /// Our Close counts as sent, but there was no key to write it with yet.
    owed: Option<Frame>,
    /// The time to close, and what for.
    closing_since: Option<(Closing, u64)>,
    /// A message could not be inflated, and the caller has failed the connection for it.
    failed: bool,

    sent: Vec<Sent>,
    sending: Option<Sent>,
    /// What is missing of the character that the last part of a text was cut in.
    rest: Vec<u8>,
    got: Vec<Sent>,
    getting: Option<Sent>,
    emitted: String,
    /// Whether a message arrives changed.
    tampered: bool,

    /// With compression: all that was received before the end.
    received: Vec<u8>,
    /// Why a message could not be inflated.
    refused: Option<AssembleError>,
    /// The close code of the first fault.
    fault: Option<u16>,
}

impl<R: Side> End<R> {
    fn new(connection: Connection<R>, setup: Setup, keys: Keys, deflate: Option<&Deflate>) -> Self {
        let compression = setup.compression.zip(deflate);
        Self {
            connection,
            setup,
            codec: compression
                .map(|(compression, deflate)| Codec::new(compression, deflate, setup, R::CLIENT)),
            keys,
            dry: false,
            out: Sink::new(usize::MAX),
            reader: Reader::new(R::CLIENT),
            wire: Vec::new(),
            inbox: Vec::new(),
            close_written: false,
            close_sent: false,
            close_received: false,
            eof: false,
            error: None,
            expired: None,
            open: None,
            heard: false,
            silent_since: None,
            pinged: None,
            held: false,
            owed: None,
            closing_since: None,
            failed: false,
            sent: Vec::new(),
            sending: None,
            rest: Vec::new(),
            got: Vec::new(),
            getting: None,
            emitted: String::new(),
            tampered: false,
            received: Vec::new(),
            refused: None,
            fault: None,
        }
    }

    /// Does it; `theirs` are the bytes on the way from the other end.
    fn apply(&mut self, op: &Op, now: u64, theirs: &mut Vec<u8>) {
        match &op.what {
            What::Whole(kind, len) => self.send(*kind, *len, Fin::Yes, Rsv::NONE, Way::Whole),
            What::Part(kind, len, fin) => self.send(*kind, *len, *fin, Rsv::NONE, Way::Part),
            What::Extended(kind, len, fin, rsv) => {
                self.send(*kind, *len, *fin, *rsv, Way::Extended);
            }
            What::Frame(kind, len, spoil) => {
                self.send(*kind, *len, Fin::Yes, Rsv::NONE, Way::Frame(*spoil));
            }
            What::FramePart(kind, len, fin, spoil) => {
                self.send(*kind, *len, *fin, Rsv::NONE, Way::FramePart(*spoil));
            }
            What::Utf8Part(len, fin) => {
                self.send(Kind::Text, *len, *fin, Rsv::NONE, Way::Utf8Part);
            }
            What::Prepared(kind, len) => {
                self.send(*kind, *len, Fin::Yes, Rsv::NONE, Way::Prepared);
            }
            What::Ping(len) => self.send_control(9, *len),
            What::Pong(len) => self.send_control(10, *len),
            What::Close(code, len) => self.close(Some(*code), *len),
            What::CloseEmpty => self.close(None, 0),
            What::Drain(n) => self.drain(*n),
            What::Deliver(n, size) => {
                self.deliver(*n, *size, theirs);
            }
            What::Tick(_) => self.tick(now),
            What::Eof => self.end_of_transport(),
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
            What::Limit(limit) => self.out.limit = *limit,
            What::Dry(dry) => {
                self.dry = *dry && R::CLIENT;
                self.keys.set_dry(self.dry);
            }
            What::Release => {
                if let Some(codec) = &mut self.codec {
                    codec.release();
                }
            }
            What::Pump | What::Read(_) | What::Drive(_) => {}
        }
        self.check_state();
    }

    fn check_state(&self) {
        assert_eq!(self.connection.can_send(), self.can_send());
        assert_eq!(self.connection.is_close_received(), self.close_received);
        assert_eq!(self.connection.is_message_open(), self.open.is_some());
        assert_eq!(self.connection.transport(), self.transport());
        assert_eq!(
            self.reader.keys(),
            self.keys.drawn(),
            "a key is drawn for a frame only"
        );
    }

    fn transport(&self) -> Transport {
        let exchanged = self.close_sent && self.close_received;
        match () {
            () if self.expired.is_some() => Transport::Abort,
            () if self.eof => Transport::Close,
            () if self.owed.is_some() => Transport::AwaitEof,
            () if self.error.is_some() || self.failed => Transport::Close,
            () if !exchanged => Transport::Open,
            () if R::CLIENT => Transport::AwaitEof,
            () => Transport::Close,
        }
    }

    fn can_send(&self) -> bool {
        !self.close_sent && !self.eof
    }

    fn is_dead(&self) -> bool {
        let failed = self.error.is_some() || self.failed;
        self.close_received || self.eof || failed || self.expired.is_some()
    }

    /// Calls, and reads what that has written.
    fn call<T>(&mut self, f: impl FnOnce(&mut Connection<R>, &mut Sink) -> T) -> (T, Vec<Frame>) {
        let before = self.out.pending().len();
        let result = f(&mut self.connection, &mut self.out);
        let frames = self.reader.read(&self.out.pending()[before..]);
        for frame in &frames {
            let allowed = !self.close_written || matches!(frame.opcode(), 9 | 10);
            assert!(allowed, "no data and no second Close after Close");
            self.close_written |= frame.is_close();
        }
        (result, frames)
    }

    /// Why a frame with a payload of `len` bytes, of which `copied` go to the output, cannot be
    /// written, if nothing else is wrong.
    fn obstacle(&self, len: usize, copied: usize) -> Option<SendError> {
        let header = match len {
            0..126 => 2,
            126..65_536 => 4,
            _ => 10,
        };
        let key = if R::CLIENT { 4 } else { 0 };
        if self.out.room() < header + key + copied {
            Some(SendError::OutputFull)
        } else if self.dry {
            Some(SendError::NoMaskKey)
        } else {
            None
        }
    }

    fn send(&mut self, kind: Kind, len: usize, fin: Fin, rsv: Rsv, way: Way) {
        let seed = self.sent.len() as u8;
        let mut data = match kind {
            Kind::Text => text(len, seed).into_bytes(),
            Kind::Binary => binary(len, seed),
        };
        let cut = kind == Kind::Text && self.setup.cuts_text() && way.takes_cut_text(R::CLIENT);
        let rest = if cut {
            self.cut(&mut data, len)
        } else {
            Vec::new()
        };
        if let (Way::Frame(true) | Way::FramePart(true), Kind::Text, Some(last), true) =
            (way, kind, data.as_mut_slice().last_mut(), R::CLIENT)
        {
            *last = 0xc0;
        }
        if self.codec.is_some() && !way.is_plain() {
            self.send_encoded(&Part {
                kind,
                data: &data,
                fin,
                rsv,
                way,
            });
            return;
        }
        let known = self.setup.negotiated().rsv();
        let expected = if way == Way::Extended && (rsv.is_none() || !known.contains(rsv)) {
            Some(SendError::ReservedBits)
        } else if !self.can_send() {
            Some(SendError::Closed)
        } else if self
            .open
            .is_some_and(|open| way.is_whole() || open != (kind, rsv.bits()))
        {
            Some(SendError::MessageOpen)
        } else if kind == Kind::Text && self.breaks_text(&data, fin, way) {
            Some(SendError::TextNotUtf8)
        } else {
            // Without a copy only the header goes to the output.
            let copied = if matches!(way, Way::Frame(_) | Way::FramePart(_)) {
                0
            } else {
                data.len()
            };
            self.obstacle(data.len(), copied)
        };
        let payload = data.clone();
        let text = || core::str::from_utf8(&payload).expect("made as text");
        let (result, frames) = self.call(|connection, out| match (way, kind) {
            (Way::Whole, Kind::Text) => connection.send_text(text(), out),
            (Way::Whole, Kind::Binary) => connection.send_binary(&payload, out),
            (Way::Part, Kind::Text) => connection.send_text_part(text(), fin, out),
            (Way::Part, Kind::Binary) => connection.send_binary_part(&payload, fin, out),
            (Way::Extended, _) => connection.send_extended(kind, rsv, &payload, fin, out),
            (Way::Frame(_) | Way::FramePart(_), _) => {
                R::frame(connection, kind, &mut data, (way, fin), out)
            }
            (Way::Utf8Part, _) => connection.send_utf8_part(&payload, fin, out),
            (Way::Prepared, _) => connection.send_prepared(&prepared(kind, &payload), out),
        });
        assert_eq!(result.err(), expected);
        if result.is_err() {
            assert!(frames.is_empty(), "nothing was written");
            return;
        }
        let first = self.first_byte(kind, rsv.bits(), fin);
        assert_eq!(frames, [Frame::new(first, &payload[..])]);
        self.sent_part(kind, rsv.bits(), &payload, fin);
        if cut {
            self.rest = rest;
        }
        assert!(fin == Fin::No || self.rest.is_empty());
    }

    /// Cuts a text after `len` bytes, and puts the missing bytes of the part before in front of it. Gives the bytes that are
    /// missing then.
    fn cut(&self, text: &mut Vec<u8>, len: usize) -> Vec<u8> {
        let mut rest = text.split_off(len);
        let is_inside = |byte: &u8| byte & 0xc0 == 0x80;
        let end = rest.iter().position(|byte| !is_inside(byte));
        rest.truncate(end.unwrap_or(rest.len()));
        text.splice(..0, self.rest.iter().copied());
        rest
    }

    /// Whether no text goes on like that, or may not by that call.
    fn breaks_text(&self, data: &[u8], fin: Fin, way: Way) -> bool {
        if way == Way::Extended {
            return false; // that is not looked at
        }
        let before = self.sending.as_ref().filter(|_| !way.is_whole());
        let before = before.map_or(&[][..], |(_, _, bytes)| bytes);
        match core::str::from_utf8(&[before, data].concat()) {
            Ok(_) => false,
            Err(error) => {
                let is_cut = error.error_len().is_none();
                !(is_cut && fin == Fin::No && way.takes_cut_text(R::CLIENT))
            }
        }
    }

    /// The first byte of the next frame.
    fn first_byte(&self, kind: Kind, rsv: u8, fin: Fin) -> u8 {
        let opcode = match (self.open, kind) {
            (Some(_), _) => 0,
            (None, Kind::Text) => rsv | 1,
            (None, Kind::Binary) => rsv | 2,
        };
        opcode | if fin == Fin::Yes { 0x80 } else { 0 }
    }

    fn sent_part(&mut self, kind: Kind, rsv: u8, payload: &[u8], fin: Fin) {
        let message = self.sending.get_or_insert((kind, rsv, Vec::new()));
        message.2.extend_from_slice(payload);
        self.open = Some((kind, rsv)).filter(|_| fin == Fin::No);
        if fin == Fin::Yes {
            self.sent.extend(self.sending.take());
        }
    }

    fn send_control(&mut self, opcode: u8, len: usize) {
        let payload = binary(len, opcode);
        let expected = if self.is_dead() {
            Some(SendError::Closed)
        } else {
            self.obstacle(len, len)
        };
        let (result, frames) = self.call(|connection, out| {
            let payload = ControlPayload::new(&payload).expect("short enough");
            if opcode == 9 {
                connection.ping(payload, out)
            } else {
                connection.pong(payload, out)
            }
        });
        assert_eq!(result.err(), expected);
        let written = result.map(|()| Frame::new(0x80 | opcode, payload));
        assert_eq!(frames, Vec::from_iter(written));
    }

    fn close(&mut self, code: Option<u16>, len: usize) {
        let reason = text(len, 1);
        let reason = CloseReason::truncated(&reason);
        let mut body = Vec::new();
        if let Some(code) = code {
            body.extend_from_slice(&code.to_be_bytes());
            body.extend_from_slice(reason.as_str().as_bytes());
        }
        let answers = self.connection.close_code().map(CloseCode::as_u16) == code;
        let expected = if code == Some(1010) && !R::CLIENT && !answers {
            Some(SendError::CodeForClients)
        } else if self.close_sent {
            None
        } else if self.eof {
            Some(SendError::Closed)
        } else {
            self.obstacle(body.len(), body.len())
        };
        let (result, frames) = self.call(|connection, out| match code {
            Some(code) => {
                let code = CloseCode::new(code).expect("a code that may be sent");
                connection.close(code, reason, out)
            }
            None => connection.close_empty(out),
        });
        assert_eq!(result.err(), expected);
        let written = (result.is_ok() && !self.close_sent).then(|| Frame::new(0x88, body));
        assert_eq!(frames, Vec::from_iter(written));
        self.close_sent |= result.is_ok();
    }

    fn drain(&mut self, n: usize) {
        let drained = self.out.drain(n);
        self.wire.extend(drained);
    }

    /// Whether anything was consumed.
    fn deliver(&mut self, n: usize, size: usize, theirs: &mut Vec<u8>) -> bool {
        let arrived = theirs.drain(..n.min(theirs.len()));
        self.inbox.extend(arrived);
        let mut bytes = std::mem::take(&mut self.inbox);
        let size = if size == 0 { usize::MAX } else { size };
        let mut at = 0;
        while at < bytes.len() {
            let end = bytes.len().min(at.saturating_add(size));
            let before = (self.codec.is_some() && !self.is_dead()).then(|| bytes[at..end].to_vec());
            let left = self.receive(&mut bytes[at..end]);
            if let Some(before) = before {
                self.received
                    .extend_from_slice(&before[..before.len() - left]);
            }
            at = end - left;
            if left > 0 {
                break;
            }
        }
        self.inbox = bytes.split_off(at);
        at > 0
    }

    /// How many bytes wait for room in the output.
    fn receive(&mut self, bytes: &mut [u8]) -> usize {
        let mut input = Input::new(bytes);
        loop {
            let before = input.len();
            let waiting = self.out.pending().len();
            let room = self.out.room();
            let result = self.connection.receive(&mut input, &mut self.out);
            let written = self.out.pending()[waiting..].to_vec();
            let frames = self.reader.read(&written);
            // What is discarded after the end is no sign of life.
            self.heard |= input.len() < before && !self.is_dead();
            match result {
                Ok(None) => {
                    assert!(frames.is_empty());
                    assert!(input.is_empty());
                    return 0;
                }
                Err(ReceiveError::OutputFull) => {
                    assert!(room < MAX_CONTROL_FRAME && !self.is_dead());
                    assert!(before > 0 && input.len() == before && written.is_empty());
                    return before;
                }
                Ok(Some(event)) => {
                    assert!(!self.is_dead(), "nothing comes after the end");
                    assert!(input.len() < before && room >= MAX_CONTROL_FRAME);
                    let refused = self.refused;
                    self.event(event, &frames);
                    if let (None, Some(error)) = (refused, self.refused) {
                        self.refuse(error);
                    }
                }
                Err(ReceiveError::Protocol(error)) => {
                    assert!(input.is_empty());
                    assert!(
                        self.tampered || self.setup.limited(),
                        "{error} for what was sent"
                    );
                    self.fault.get_or_insert(error.close_code().as_u16());
                    let first = self.error.is_none();
                    assert_eq!(*self.error.get_or_insert(error), error, "sticky");
                    let code = error.close_code().as_u16().to_be_bytes();
                    self.closed_itself(first, Frame::new(0x88, code), &frames);
                    return 0;
                }
            }
        }
    }

    /// After a Close of the engine's own, which is owed if there is no key.
    pub(self) fn closed_itself(&mut self, now: bool, close: Frame, frames: &[Frame]) {
        let due = (now && !self.close_sent).then_some(close);
        if self.dry {
            assert!(frames.is_empty(), "without a key");
            self.owed = self.owed.take().or(due);
        } else {
            assert_eq!(frames, Vec::from_iter(due), "exactly one Close");
        }
        self.close_written |= !frames.is_empty();
        self.close_sent = true;
    }

    fn event(&mut self, event: Event<'_>, frames: &[Frame]) {
        match event {
            Event::Text(piece) => {
                self.text_piece(0, piece);
                assert!(frames.is_empty());
            }
            Event::Binary(piece) => {
                self.piece((Kind::Binary, 0), piece.data, piece.first, piece.last);
                assert!(frames.is_empty());
            }
            Event::Extended(piece) if self.codec.is_some() => {
                self.inflate(piece);
                assert!(frames.is_empty());
            }
            Event::Extended(piece) => {
                let what = (piece.kind, piece.rsv.bits());
                self.piece(what, piece.data, piece.first, piece.last);
                assert!(frames.is_empty());
            }
            Event::Ping => {
                let payload = self.connection.control_payload();
                let answered = !self.setup.manual_pong(R::CLIENT) && !self.dry;
                let pong = answered.then(|| Frame::new(0x8a, payload));
                assert_eq!(frames, Vec::from_iter(pong), "one Pong per Ping");
            }
            Event::Pong => assert!(frames.is_empty()),
            Event::Close(code) => {
                assert_eq!(self.connection.close_code(), code);
                let reason = self.connection.close_reason();
                assert!(reason.len() <= 123 && (code.is_some() || reason.is_empty()));
                self.close_received = true;
                if self.close_sent || self.setup.manual_close(R::CLIENT) {
                    assert!(frames.is_empty());
                    return;
                }
                let body = code.map_or(Vec::new(), |code| code.as_u16().to_be_bytes().to_vec());
                self.closed_itself(true, Frame::new(0x88, body), frames);
            }
            _ => unreachable!("there are no other events"),
        }
    }

    fn text_piece(&mut self, rsv: u8, piece: Text<'_>) {
        if piece.first {
            self.emitted.clear();
        }
        self.emitted.extend(piece.head);
        self.emitted.push_str(piece.body);
        self.piece((Kind::Text, rsv), piece.raw, piece.first, piece.last);
        if piece.last && self.refused.is_none() {
            let (_, _, raw) = self.got.last().expect("just ended");
            assert_eq!(self.emitted.as_bytes(), raw, "head and body are the text");
        }
    }

    fn piece(&mut self, what: (Kind, u8), bytes: &[u8], first: bool, last: bool) {
        if self.refused.is_some() {
            return;
        }
        assert_eq!(first, self.getting.is_none(), "one first piece");
        let message = self.getting.get_or_insert((what.0, what.1, Vec::new()));
        assert_eq!(what, (message.0, message.1));
        message.2.extend_from_slice(bytes);
        // What is encoded is measured when it is decoded.
        let limited = self.setup.limited() && (what.1 == 0 || self.codec.is_some());
        assert!(
            !limited || message.2.len() <= MAX_MESSAGE,
            "within the limit"
        );
        if last {
            self.got.extend(self.getting.take());
        }
    }

    fn tick(&mut self, now: u64) {
        let at = Instant::from_millis(now);
        let keepalive = self.setup.keepalive();
        let room = self.out.room() >= MAX_CONTROL_FRAME;
        let failed = self.error.is_some() || self.failed;
        let answering = self.transport() == Transport::Open && self.close_received;
        if answering && (std::mem::take(&mut self.heard) || room) {
            self.closing_since = None;
        }
        let closing = match self.transport() {
            Transport::Close => Some((TimedOut::Drain, Closing::Drain)),
            Transport::AwaitEof if failed || !R::CLIENT => Some((TimedOut::Drain, Closing::Drain)),
            Transport::AwaitEof if self.owed.is_some() => Some((TimedOut::Drain, Closing::Close)),
            Transport::AwaitEof => Some((TimedOut::Eof, Closing::Close)),
            Transport::Open if self.close_sent => Some((TimedOut::Close, Closing::Close)),
            Transport::Open if answering && !room => Some((TimedOut::Drain, Closing::Room)),
            Transport::Open | Transport::Abort => None,
        };
        let quiet = closing.is_some() || self.close_received || keepalive.is_none();
        let expected = match (self.expired, closing) {
            (Some(what), _) => Some(what),
            (None, Some((what, wanted))) => {
                let since = match self.closing_since {
                    Some((before, since)) if before == wanted => since,
                    _ => now,
                };
                let time = self.setup.close_timeout();
                self.closing_since = Some((wanted, going_on(since, now, time)));
                is_over(since, now, time).then_some(what)
            }
            (None, None) => {
                let time = self.setup.pong_timeout();
                let pong_due = self.pinged.is_some_and(|since| is_over(since, now, time));
                (!quiet && pong_due && !self.heard).then_some(TimedOut::Pong)
            }
        };
        let mut owed = None;
        if expected.is_none() && room && !self.dry && !self.eof {
            owed = self.owed.take();
        }
        let mut ping = None;
        if expected.is_none() && !quiet {
            if std::mem::take(&mut self.heard) || self.silent_since.is_none() {
                (self.silent_since, self.pinged, self.held) = (Some(now), None, false);
            }
            let time = keepalive.expect("it is not quiet");
            let silent_since = self.silent_since.unwrap_or(now);
            let pong_time = self.setup.pong_timeout();
            if let Some(since) = self.pinged {
                self.pinged = Some(going_on(since, now, pong_time));
            } else if is_over(silent_since, now, time) || (self.held && !self.holds_pings()) {
                self.held = self.holds_pings();
                if self.held {
                    self.silent_since = Some(now);
                } else {
                    self.pinged = Some(now);
                    ping = (room && !self.dry).then(|| Frame::new(0x89, []));
                }
            } else {
                self.silent_since = Some(going_on(silent_since, now, time));
            }
        }
        let (result, frames) = self.call(|connection, out| connection.tick(at, out));
        let (again, nothing) = self.call(|connection, out| connection.tick(at, out));
        assert_eq!(
            (again, nothing),
            (result, Vec::new()),
            "a second call does nothing"
        );
        assert_eq!(result.err(), expected);
        match result {
            Err(what) => {
                let first = self.expired.is_none();
                self.expired = Some(what);
                let close = first && what == TimedOut::Pong && room && !self.dry;
                let close = close.then(|| Frame::new(0x88, 1011_u16.to_be_bytes()));
                assert_eq!(frames, Vec::from_iter(close));
                if !self.close_sent && what != TimedOut::Pong {
                    self.owed = Some(Frame::new(0x88, [])); // for ever
                }
                self.close_sent = true;
                return;
            }
            Ok(None) => {
                let at_the_end = now.checked_add(LONGEST).is_none();
                assert!(at_the_end || (quiet && closing.is_none()));
            }
            Ok(Some(deadline)) => assert!(deadline > at, "the deadline is later"),
        }
        let due = Vec::from_iter(owed.or(ping));
        assert_eq!(
            frames, due,
            "a keepalive when it is due, a Close that is owed"
        );
    }

    /// Whether a Ping would come between the parts of an encoded message, and must not.
    fn holds_pings(&self) -> bool {
        self.setup.hold_pings() && self.open.is_some_and(|(_, rsv)| rsv != 0)
    }

    fn end_of_transport(&mut self) {
        let exchanged = self.close_sent && self.close_received;
        let failed = self.error.is_some() || self.failed;
        let done = !failed && exchanged && self.owed.is_none();
        let result = self.connection.receive_eof();
        assert_eq!(result.is_ok(), done);
        self.eof = true;
        assert_eq!(self.connection.frame_remaining(), 0);
    }

    /// All messages were received as they were sent.
    fn compare(&self, sent: &[Sent], sending: &Option<Sent>) {
        if self.tampered {
            return;
        }
        assert!(
            sent.starts_with(&self.got),
            "the same messages in the same order"
        );
        if self.refused.is_some() {
            self.compare_refused(sent.get(self.got.len()).or(sending.as_ref()));
            return;
        }
        if self.eof || self.error.is_some() || self.expired.is_some() {
            return;
        }
        assert_eq!(self.got.len(), sent.len(), "all of them");
        let got = self.getting.as_ref().map_or(&[][..], |(_, _, bytes)| bytes);
        let sending = sending.as_ref().map_or(&[][..], |(_, _, bytes)| bytes);
        assert_eq!(got, sending, "and what is on its way");
    }
}

/// Whether that time is over. What would end at the end of time does not.
fn is_over(since: u64, now: u64, time: u64) -> bool {
    since
        .checked_add(time)
        .is_some_and(|end| end < u64::MAX && now >= end)
}

/// Since when it runs after a call: what would end at the end of time starts again.
fn going_on(since: u64, now: u64, time: u64) -> u64 {
    match since.checked_add(time) {
        Some(end) if end < u64::MAX => since,
        _ => now,
    }
}

/// The longest time there is: 48 days.
const LONGEST: u64 = (1 << 22) * 1000;

/// What the time to close is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Closing {
    /// The peer's Close, and the end of the transport after it.
    Close,
    /// The end of the transport, once all is written.
    Drain,
    /// Room in the output, after the peer's Close and before ours.
    Room,
}

/// Which of the sending calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Whole,
    Part,
    Extended,
    Frame(bool),
    FramePart(bool),
    Utf8Part,
    Prepared,
}

impl Way {
    const fn is_whole(self) -> bool {
        matches!(self, Self::Whole | Self::Frame(_) | Self::Prepared)
    }

    /// Whether it takes text that ends inside a character.
    const fn takes_cut_text(self, client: bool) -> bool {
        match self {
            Self::Utf8Part => true,
            Self::FramePart(flag) => client || flag,
            _ => false,
        }
    }

    /// Whether it never compresses.
    const fn is_plain(self) -> bool {
        matches!(self, Self::Frame(_) | Self::FramePart(_))
    }
}
