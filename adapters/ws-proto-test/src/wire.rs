//! Frames on the wire, encoded and decoded without the engine under test.

use crate::Side;

/// The bit of the last frame of a message.
pub const FIN: u8 = 0x80;
/// The opcode of a frame that goes on with a message.
pub const CONTINUATION: u8 = 0x0;
/// The opcode of a text message.
pub const TEXT: u8 = 0x1;
/// The opcode of a binary message.
pub const BINARY: u8 = 0x2;
/// The first byte of a Close frame.
pub const CLOSE: u8 = FIN | 0x8;
/// The first byte of a Ping.
pub const PING: u8 = FIN | 0x9;
/// The first byte of a Pong.
pub const PONG: u8 = FIN | 0xa;

/// The key that frames to a server are masked with.
pub const PEER_KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The header of a frame for `to`, with the shortest form of the length. Frames to a server have [`PEER_KEY`].
///
/// ```
/// use ws_proto_test::Side;
/// use ws_proto_test::wire::{BINARY, FIN, header};
///
/// assert_eq!(header(Side::Client, FIN | BINARY, 300), [0x82, 126, 1, 44]);
/// ```
#[must_use]
pub fn header(to: Side, first: u8, len: u64) -> Vec<u8> {
    let mask_bit = if to == Side::Server { 0x80 } else { 0 };
    let mut bytes = vec![first];
    if len < 126 {
        bytes.push(mask_bit | len as u8);
    } else if len < 0x1_0000 {
        bytes.push(mask_bit | 126);
        bytes.extend((len as u16).to_be_bytes());
    } else {
        bytes.push(mask_bit | 127);
        bytes.extend(len.to_be_bytes());
    }
    if to == Side::Server {
        bytes.extend(PEER_KEY);
    }
    bytes
}

/// A frame for `to`: masked with [`PEER_KEY`] if that is a server.
///
/// ```
/// use ws_proto_test::Side;
/// use ws_proto_test::wire::{FIN, TEXT, frame};
///
/// assert_eq!(frame(Side::Client, FIN | TEXT, b"Hello"), b"\x81\x05Hello"); // RFC 6455 5.7
/// assert_eq!(frame(Side::Server, FIN | TEXT, b"Hello"), b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
/// ```
#[must_use]
pub fn frame(to: Side, first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(to, first, payload.len() as u64);
    let key = if to == Side::Server { PEER_KEY } else { [0; 4] };
    bytes.extend(masked(payload, key));
    bytes
}

/// The body of a Close frame.
///
/// ```
/// assert_eq!(ws_proto_test::wire::close_body(1000, b"bye"), b"\x03\xe8bye");
/// ```
#[must_use]
pub fn close_body(code: u16, reason: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes()[..], reason].concat()
}

/// Applies a masking key (RFC 6455 5.3), which masks or unmasks.
///
/// ```
/// use ws_proto_test::wire::masked;
///
/// let key = [1, 2, 3, 4];
/// assert_eq!(masked(&masked(b"hello", key), key), b"hello");
/// ```
#[must_use]
pub fn masked(payload: &[u8], key: [u8; 4]) -> Vec<u8> {
    payload
        .iter()
        .zip(key.iter().cycle())
        .map(|(byte, key)| byte ^ key)
        .collect()
}

/// A frame that an endpoint has written, unmasked.
///
/// ```
/// use ws_proto_test::wire;
///
/// let (frame, _) = wire::decode(b"\x88\x02\x03\xe8").unwrap();
/// assert!(frame.is_close() && frame.is_last() && !frame.is_data());
/// assert_eq!((frame.opcode(), frame.close_code()), (8, Some(1000)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// FIN, reserved bits and opcode.
    pub first: u8,
    /// The masking key, if it was masked.
    pub key: Option<[u8; 4]>,
    /// The payload, unmasked.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The opcode.
    #[must_use]
    pub const fn opcode(&self) -> u8 {
        self.first & 0x0f
    }

    /// Whether it is the last frame of a message.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.first & FIN != 0
    }

    /// Whether it is a Close frame.
    #[must_use]
    pub fn is_close(&self) -> bool {
        self.first == CLOSE
    }

    /// Whether it belongs to a message.
    #[must_use]
    pub fn is_data(&self) -> bool {
        self.first & 0x08 == 0
    }

    /// The code of a Close frame, if it has one.
    ///
    /// # Panics
    ///
    /// If it is another frame.
    #[must_use]
    pub fn close_code(&self) -> Option<u16> {
        assert!(self.is_close());
        self.payload
            .first_chunk()
            .map(|code| u16::from_be_bytes(*code))
    }
}

/// All frames in the bytes that `from` has written.
///
/// ```
/// use ws_proto_test::Side;
/// use ws_proto_test::wire::parse_output;
///
/// let frames = parse_output(Side::Server, b"\x81\x02hi\x88\x00");
/// assert_eq!((frames.len(), &frames[0].payload[..]), (2, &b"hi"[..]));
/// ```
///
/// # Panics
///
/// If a frame is not whole, is not masked as `from` has to, or has a length that is not in its shortest form.
#[must_use]
pub fn parse_output(from: Side, mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let (frame, len) = parse_frame(from, bytes);
        frames.push(frame);
        bytes = &bytes[len..];
    }
    frames
}

fn parse_frame(from: Side, bytes: &[u8]) -> (Frame, usize) {
    let (frame, len) = decode(bytes).expect("a whole frame");
    assert_eq!(
        frame.key.is_some(),
        from == Side::Client,
        "a client masks, a server does not"
    );
    let shortest = header(from.peer(), frame.first, frame.payload.len() as u64).len();
    assert_eq!(
        len - frame.payload.len(),
        shortest,
        "a length in its shortest form"
    );
    (frame, len)
}

/// The frame at the front of `bytes`, with or without faults, and how many bytes it has; `None` if it is not
/// whole.
///
/// ```
/// use ws_proto_test::wire;
///
/// let (frame, len) = wire::decode(b"\x81\x02hi and more").unwrap();
/// assert_eq!((&frame.payload[..], len), (&b"hi"[..], 4));
/// assert_eq!(wire::decode(b"\x81\x02h"), None);
/// ```
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<(Frame, usize)> {
    let (&first, rest) = bytes.split_first()?;
    let (&second, _) = rest.split_first()?;
    let (len, mut at) = match second & 0x7f {
        126 => {
            let len = bytes.get(2..4)?.try_into().ok()?;
            (u64::from(u16::from_be_bytes(len)), 4)
        }
        127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?), 10),
        len => (u64::from(len), 2),
    };
    let mut key = None;
    if second & 0x80 != 0 {
        key = Some(bytes.get(at..at + 4)?.try_into().ok()?);
        at += 4;
    }
    let end = at.checked_add(usize::try_from(len).ok()?)?;
    let payload = masked(bytes.get(at..end)?, key.unwrap_or_default());
    let frame = Frame {
        first,
        key,
        payload,
    };
    Some((frame, end))
}
