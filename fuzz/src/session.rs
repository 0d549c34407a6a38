//! A sequence of API calls on a connected pair: sends of every kind, any splits and drains, ticks,
//! ends of the transport, faults on the wire. Each call is checked against the contracts.

use arbitrary::{Arbitrary, Result, Unstructured};
use ws_proto::frame::Rsv;
use ws_proto::{Config, Fin, Kind, Negotiated};

use crate::compression::Compression;

/// What the fuzzer chooses.
#[derive(Debug)]
pub struct Session {
    /// What both ends are.
    pub setup: Setup,
    /// What happens.
    pub ops: Vec<Op>,
}

/// One bit each, and compression if it was agreed on.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    flags: u8,
    /// One bit each, or two: when the session starts, how long its times are, Pings are held back, the role
    /// is known at run time only, texts are cut inside characters.
    mode: u8,
    /// What was agreed on of permessage-deflate.
    pub compression: Option<Compression>,
}

impl Setup {
    /// `WebSocket` on both ends rather than `Connection`.
    pub fn sockets(self) -> bool {
        self.bit(0)
    }

    /// The server's or the client's caller answers Pings.
    pub fn manual_pong(self, client: bool) -> bool {
        self.bit(1 + u8::from(client))
    }

    /// The server's or the client's caller answers Close.
    pub fn manual_close(self, client: bool) -> bool {
        self.bit(3 + u8::from(client))
    }

    /// Small limits, which messages can exceed.
    pub fn limited(self) -> bool {
        self.bit(6)
    }

    pub fn negotiated(self) -> Negotiated {
        let rsv = if self.bit(5) || self.compression.is_some() {
            Rsv::RSV1
        } else {
            Rsv::NONE
        };
        Negotiated::new().with_rsv(rsv)
    }

    pub fn config(self, client: bool) -> Config {
        let millis = core::time::Duration::from_millis;
        let mut config = Config::new()
            .manual_pong(self.manual_pong(client))
            .manual_close(self.manual_close(client))
            .hold_pings(self.hold_pings())
            .keepalive((!self.bit(7)).then_some(millis(KEEPALIVE * self.scale())))
            .pong_timeout(millis(PONG_TIMEOUT * self.scale()))
            .close_timeout(millis(CLOSE_TIMEOUT * self.scale()));
        if self.limited() {
            config = config
                .max_message(MAX_MESSAGE as u64)
                .max_frame(150)
                .max_fragments(3);
        }
        config
    }

    /// After how much silence a Ping comes.
    pub fn keepalive(self) -> Option<u64> {
        (!self.bit(7)).then_some(self.time(KEEPALIVE))
    }

    /// How long a Ping may be without an answer.
    pub fn pong_timeout(self) -> u64 {
        self.time(PONG_TIMEOUT)
    }

    /// How long the end may take.
    pub fn close_timeout(self) -> u64 {
        self.time(CLOSE_TIMEOUT)
    }

    /// No Ping comes between the parts of an encoded message.
    pub const fn hold_pings(self) -> bool {
        self.mode & 0x10 != 0
    }

    /// The ends are `WebSocket<EitherRole>`.
    pub const fn either_role(self) -> bool {
        self.mode & 0x20 != 0
    }

    /// Parts of a text that are given as bytes may end inside a character. It is for `Connection`s without
    /// compression.
    pub const fn cuts_text(self) -> bool {
        self.mode & 0x40 != 0 && self.compression.is_none()
    }

    /// When it starts: time ends at `u64::MAX`.
    pub const fn start(self) -> u64 {
        match self.mode & 3 {
            0 => 0,
            1 => u64::MAX - 1000 * self.scale(),
            2 => u64::MAX - 100 * self.scale(),
            _ => u64::MAX,
        }
    }

    /// What all times are multiplied by.
    pub const fn scale(self) -> u64 {
        match self.mode >> 2 & 3 {
            0 => 1,
            // Times that are kept as milliseconds and as seconds, as seconds, and too long ones.
            1 => 25_000,
            2 => 60_000,
            _ => 30_000_000,
        }
    }

    /// 48 days at most.
    fn time(self, millis: u64) -> u64 {
        (millis * self.scale()).min(((1 << 22) - 1) * 1000)
    }

    fn bit(self, bit: u8) -> bool {
        self.flags & 1 << bit != 0
    }
}

/// The limit of messages, where there is one.
pub const MAX_MESSAGE: usize = 200;
const KEEPALIVE: u64 = 200;
const PONG_TIMEOUT: u64 = 100;
const CLOSE_TIMEOUT: u64 = 150;

/// Something that happens at one end.
#[derive(Clone, Debug)]
pub struct Op {
    /// Whose caller does it.
    pub client: bool,
    /// What it does.
    pub what: What,
}

/// A call, or something on the wire.
#[derive(Clone, Debug)]
pub enum What {
    /// `send_text`, `send_binary`.
    Whole(Kind, usize),
    /// `send_text_part`, `send_binary_part`.
    Part(Kind, usize, Fin),
    /// `send_extended`; with compression, of data that was compressed elsewhere.
    Extended(Kind, usize, Fin, Rsv),
    /// `frame_text`, `frame_binary`; the flag spoils the text of a client.
    Frame(Kind, usize, bool),
    /// `frame_text_part`, `frame_binary_part`; the flag spoils the text of a client. Of a server it is
    /// `frame_utf8_part` then.
    FramePart(Kind, usize, Fin, bool),
    /// `send_utf8_part`.
    Utf8Part(usize, Fin),
    /// `send_prepared`.
    Prepared(Kind, usize),
    /// `ping` with so many bytes.
    Ping(usize),
    /// `pong` with so many bytes.
    Pong(usize),
    /// `close` with a code and a reason of so many bytes.
    Close(u16, usize),
    /// `close_empty`.
    CloseEmpty,
    /// The transport takes so many bytes of the output.
    Drain(usize),
    /// So many bytes of what the other end has written arrive, in pieces of that size.
    Deliver(usize, usize),
    /// Time goes on by so many milliseconds.
    Tick(u64),
    /// The transport ends.
    Eof,
    /// One byte on the way to this end is changed.
    Tamper(usize, u8),
    /// Bytes of nobody's are on the way to this end.
    Inject(Vec<u8>),
    /// The output has room for so many bytes.
    Limit(usize),
    /// Whether masking keys are available.
    Dry(bool),
    /// The compressor gives its memory back.
    Release,
    /// All that can be drained and delivered is, both ways.
    Pump,
    /// A `WebSocket` is read from in another manner.
    Read(Manner),
    /// Something that the driver of a `WebSocket` does with its transport.
    Drive(Drive),
}

/// How a `WebSocket` is read from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// From a buffer that is lent, and the memory of the output is shared too.
    pub lent: bool,
    /// What is asked for.
    pub wanted: Wanted,
}

/// As `Want`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// By `next_message`, or as below if the buffer is lent.
    #[default]
    Message,
    Polled,
    Event,
    Piece,
    Nothing,
}

impl Manner {
    const fn of(byte: u8) -> Self {
        Self {
            lent: byte & 0x80 != 0,
            wanted: match byte & 7 {
                0 => Wanted::Message,
                1 | 2 => Wanted::Polled,
                3 | 4 => Wanted::Event,
                5 | 6 => Wanted::Piece,
                _ => Wanted::Nothing,
            },
        }
    }
}

/// What the driver of a `WebSocket` does.
#[derive(Clone, Copy, Debug)]
pub enum Drive {
    /// It ends its writing side, if that is wanted.
    HalfClose,
    WriteFailed,
    ReadFailed,
    /// All further messages are dropped.
    Discard,
}

impl<'a> Arbitrary<'a> for Session {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let setup = Setup {
            flags: byte(u),
            mode: mode(u),
            compression: compression(u),
        };
        let mut ops = Vec::new();
        while !u.is_empty() && ops.len() < 200 {
            ops.push(op(u, setup));
        }
        Ok(Self { setup, ops })
    }
}

/// What would be a first operation that moves nothing says that there is a mode.
fn mode(u: &mut Unstructured<'_>) -> u8 {
    match u.peek_bytes(1) {
        Some([next]) if next & 0x3f == MODE => {
            byte(u);
            byte(u)
        }
        _ => 0,
    }
}

const MODE: u8 = 0x3f;

/// The same for compression.
fn compression(u: &mut Unstructured<'_>) -> Option<Compression> {
    let next = u.peek_bytes(1)?;
    if next[0] & 0x3f != COMPRESSION {
        return None;
    }
    byte(u);
    Some(Compression::new([byte(u), byte(u), byte(u), byte(u)]))
}

const COMPRESSION: u8 = 0x1b;

/// The next byte; zero at the end.
fn byte(u: &mut Unstructured<'_>) -> u8 {
    u.arbitrary().unwrap_or_default()
}

fn op(u: &mut Unstructured<'_>, setup: Setup) -> Op {
    let first = byte(u);
    let kind = if first & 0x40 == 0 {
        Kind::Text
    } else {
        Kind::Binary
    };
    let fin = if first & 0x20 == 0 { Fin::Yes } else { Fin::No };
    let what = match first % 0x20 {
        0 | 1 => What::Whole(kind, length(u)),
        2 | 3 => What::Part(kind, length(u), fin),
        4 => {
            let rsv = Rsv::from_bits(byte(u));
            What::Extended(kind, length(u), fin, rsv)
        }
        5 => What::Extended(kind, length(u), fin, Rsv::RSV1),
        6 => What::FramePart(kind, length(u), fin, false),
        7 => What::FramePart(kind, length(u), fin, true),
        8 => What::Ping(usize::from(byte(u) % 126)),
        9 => What::Pong(usize::from(byte(u) % 126)),
        10 => {
            let codes = [1000, 1001, 1002, 1003, 1007, 1010, 1011, 3000, 4999];
            let code = codes[usize::from(byte(u)) % codes.len()];
            What::Close(code, usize::from(byte(u) % 124))
        }
        11 => What::CloseEmpty,
        12 | 13 => What::Drain(length(u)),
        14..=17 => {
            let size = usize::from(byte(u));
            What::Deliver(length(u), size)
        }
        18 | 19 => What::Tick(u64::from(byte(u)) * setup.scale()),
        20 => What::Eof,
        21 => {
            let at = usize::from(byte(u));
            What::Tamper(at, byte(u))
        }
        22 => {
            let len = usize::from(byte(u) % 32).min(u.len());
            What::Inject(u.bytes(len).unwrap_or_default().to_vec())
        }
        23 if setup.sockets() => What::Read(Manner::of(byte(u))),
        23 => What::Limit(usize::from(byte(u)) * 4),
        24 if setup.sockets() => What::Drive(match first & 0x60 {
            0 => Drive::HalfClose,
            0x20 => Drive::WriteFailed,
            0x40 => Drive::ReadFailed,
            _ => Drive::Discard,
        }),
        24 => What::Limit(usize::MAX),
        25 => What::Dry(true),
        26 => What::Dry(false),
        27 if setup.compression.is_some() || setup.sockets() => What::Release,
        28 => What::Frame(kind, length(u), fin == Fin::No),
        29 => What::Utf8Part(length(u), fin),
        30 => What::Prepared(kind, length(u)),
        _ => What::Pump,
    };
    let client = first & 0x80 != 0;
    Op { client, what }
}

fn length(u: &mut Unstructured<'_>) -> usize {
    const EDGES: [usize; 16] = [
        0, 1, 2, 3, 4, 6, 15, 33, 64, 124, 125, 126, 127, 1000, 65_535, 65_536,
    ];
    match byte(u) {
        short @ 0..224 => short.into(),
        edge => EDGES[usize::from(edge) % EDGES.len()],
    }
}

/// Runs the session.
///
/// # Panics
///
/// If a contract is broken.
pub fn check(session: &Session) {
    if session.setup.sockets() {
        crate::sockets::run(session);
    } else {
        crate::pair::run(session);
    }
}

#[cfg(test)]
mod tests {
    use crate::support::{read, replay};

    #[test]
    fn seeds() {
        replay("session", |bytes| super::check(&read(bytes)));
    }
}
