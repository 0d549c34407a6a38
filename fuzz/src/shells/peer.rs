//! What the peer sends, and what has to be received of it: both are written down frame by frame, so
//! that nothing has to be decoded.

use ws_proto::Kind;
use ws_proto_test::Side;
use ws_proto_test::wire::{self, BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT};

use crate::support::{binary, text};

/// The reserved bit of a compressed message.
const RSV1: u8 = 0x40;
/// The most bytes of a message if there are small limits.
pub const MAX_MESSAGE: usize = 1000;

/// Something that has to be received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Message(Kind, Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

/// Something that the peer's frames say.
#[derive(Clone, Debug)]
pub struct Expected {
    pub what: What,
    /// Where in the input its last frame ends.
    pub end: usize,
}

/// What cannot be accepted.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// The code of the Close frame for it.
    pub code: u16,
    /// The frame.
    pub start: usize,
    pub end: usize,
}

/// The peer's frames.
#[derive(Clone, Debug)]
pub struct Peer {
    pub wire: Vec<u8>,
    pub expected: Vec<Expected>,
    /// The message that is not complete at the end, or before the fault.
    pub open: Option<(Kind, Vec<u8>)>,
    pub fault: Option<Fault>,
    to: Side,
    compresses: bool,
    limited: bool,
    /// Of the open message: whether it is compressed, and the end of a text that was cut inside a character.
    is_compressed: bool,
    cut: Vec<u8>,
    /// After a Close and a fault, nothing that comes counts. A frame that is cut off is the last.
    is_over: bool,
    is_cut_off: bool,
}

impl Peer {
    /// The peer of `to`, which sends `head` first.
    pub fn new(to: Side, head: &[u8], compresses: bool, limited: bool) -> Self {
        Self {
            wire: head.to_vec(),
            expected: Vec::new(),
            open: None,
            fault: None,
            to,
            compresses,
            limited,
            is_compressed: false,
            cut: Vec::new(),
            is_over: false,
            is_cut_off: false,
        }
    }

    /// Sends one more frame, of which two bytes say what it is.
    pub fn send(&mut self, what: u8, size: u8) {
        if self.is_cut_off {
            return;
        }
        let len = match size {
            0..=223 => usize::from(size),
            _ => usize::from(size - 223) * 300,
        };
        match what % 16 {
            0 => self.data(Kind::Text, len, true, true),
            1 => self.data(Kind::Binary, len, true, false),
            2 => self.data(Kind::Binary, len, true, true),
            3 => self.data(Kind::Text, len, true, false),
            4 => self.data(Kind::Text, len, false, true),
            5 => self.data(Kind::Binary, len, false, false),
            6 => self.data(Kind::Text, len, false, false),
            7 | 8 => self.control(PING, len),
            9 => self.control(PONG, len),
            10 => self.close(size),
            11 => self.cut_off(len),
            _ => self.fault(size),
        }
    }

    fn data(&mut self, kind: Kind, len: usize, fin: bool, compressed: bool) {
        let seed = self.expected.len() as u8;
        if self.is_over {
            return self.frame(FIN | BINARY, &binary(len, seed));
        }
        let is_first = self.open.is_none();
        let (kind, mut joined) = self.open.take().unwrap_or((kind, Vec::new()));
        if is_first {
            self.is_compressed = compressed && self.compresses;
        }
        let mut data = std::mem::take(&mut self.cut);
        match kind {
            Kind::Binary => data.extend(binary(len, seed)),
            Kind::Text => data.extend(text(len, seed).into_bytes()),
        }
        if kind == Kind::Text && !fin && len % 3 == 1 {
            self.cut = data.split_off(data.len() - 1);
        }
        let opcode = match kind {
            _ if !is_first => CONTINUATION,
            Kind::Text => TEXT,
            Kind::Binary => BINARY,
        };
        let mut first = opcode | if fin { FIN } else { 0 };
        let mut payload = data.clone();
        if self.is_compressed {
            first |= if is_first { RSV1 } else { 0 };
            payload = stored(&data, fin);
        }
        let start = self.wire.len();
        self.frame(first, &payload);
        let most = if self.limited {
            MAX_MESSAGE
        } else {
            usize::MAX
        };
        let room = most - joined.len();
        if data.len() > room {
            joined.extend_from_slice(&data[..room.min(data.len())]);
            self.open = Some((kind, joined));
            return self.refused(1009, start);
        }
        joined.extend(data);
        if fin {
            self.expect(What::Message(kind, joined));
        } else {
            self.open = Some((kind, joined));
        }
    }

    fn control(&mut self, first: u8, len: usize) {
        // Not those of the shell's user, and not those of keepalive.
        let mut payload = format!("p{}", self.expected.len()).into_bytes();
        payload.resize(payload.len().max(len % 126), b'.');
        self.frame(first, &payload);
        self.expect(match first {
            PING => What::Ping(payload),
            _ => What::Pong(payload),
        });
    }

    fn close(&mut self, size: u8) {
        let (code, reason) = match size % 4 {
            0 => (None, ""),
            1 => (Some(1000), ""),
            2 => (Some(1001), "going \u{20ac}"),
            _ => (Some(3000 + u16::from(size)), "reason"),
        };
        let body = code.map_or_else(Vec::new, |code| wire::close_body(code, reason.as_bytes()));
        self.frame(CLOSE, &body);
        self.expect(What::Close(code, reason.to_owned()));
        self.is_over = true;
    }

    /// A last frame, whose end does not come.
    fn cut_off(&mut self, len: usize) {
        let was_over = self.is_over;
        self.data(Kind::Binary, len + 1, true, false);
        self.wire.truncate(self.wire.len() - 1 - len / 2);
        (self.is_over, self.is_cut_off) = (true, true);
        if was_over {
            return;
        }
        if let Some(fault) = &mut self.fault {
            // It may be the missing part that shows it.
            fault.end = usize::MAX;
        } else if let Some(Expected { what, .. }) = self.expected.pop() {
            let What::Message(kind, data) = what else {
                unreachable!("it was the end of a message");
            };
            self.open = Some((kind, data));
        }
    }

    fn fault(&mut self, which: u8) {
        let start = self.wire.len();
        let next = if self.open.is_some() {
            CONTINUATION
        } else {
            BINARY
        };
        let (first, payload, code): (u8, &[u8], u16) = match which % 14 {
            0 => (FIN | 0x3, b"", 1002),
            1 => (FIN | 0xb, b"ab", 1002),
            2 => (FIN | next | 0x20, b"abc", 1002),
            3 => (0x9, b"", 1002),
            4 => (FIN | (next ^ BINARY), b"x", 1002),
            5 => (CLOSE, b"\x03\xed", 1002),
            6 => (CLOSE, b"\x03", 1002),
            7 => (CLOSE, b"\x03\xe8\xff", 1007),
            8 => (PING, &[b'.'; 126], 1002),
            9 if self.open.is_none() => (FIN | TEXT, b"\xff", 1007),
            10 if self.open.is_none() => (FIN | TEXT, b"\xe2\x82", 1007),
            11 if self.compresses && self.open.is_none() => (FIN | BINARY | RSV1, b"\x07", 1007),
            12 => {
                // A length that is not in its shortest form.
                let masked = if self.to == Side::Server { 0x80 } else { 0 };
                self.wire.extend([FIN | next, masked | 126, 0, 5]);
                self.wire.extend([0; 9]);
                return self.refused(1002, start);
            }
            13 => {
                // More than there is memory for.
                self.wire.extend(wire::header(self.to, FIN | next, 1 << 40));
                return self.refused(1009, start);
            }
            _ => {
                // Masked for whom it must not be, or not masked.
                let frame = wire::frame(self.to.peer(), FIN | next, b"abcd");
                self.wire.extend(frame);
                return self.refused(1002, start);
            }
        };
        self.frame(first, payload);
        self.refused(code, start);
    }

    fn frame(&mut self, first: u8, payload: &[u8]) {
        self.wire.extend(wire::frame(self.to, first, payload));
    }

    fn expect(&mut self, what: What) {
        if !self.is_over {
            let end = self.wire.len();
            self.expected.push(Expected { what, end });
        }
    }

    fn refused(&mut self, code: u16, start: usize) {
        if !std::mem::replace(&mut self.is_over, true) {
            let end = self.wire.len();
            self.fault = Some(Fault { code, start, end });
        }
    }
}

/// As permessage-deflate carries it, in a block that is stored (RFC 1951 3.2.4).
fn stored(data: &[u8], fin: bool) -> Vec<u8> {
    let len = data.len() as u16;
    let mut payload = vec![0];
    payload.extend(len.to_le_bytes());
    payload.extend((!len).to_le_bytes());
    payload.extend_from_slice(data);
    if fin {
        // The empty block at the end, without its last four bytes (RFC 7692 7.2.1).
        payload.push(0);
    }
    payload
}
