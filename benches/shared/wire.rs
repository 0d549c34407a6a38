//! The bytes that both benchmark packages work on: made from nothing, the same in every run.

use std::hint::black_box;

/// The payload sizes of the rows.
pub const SIZES: [usize; 6] = [16, 125, 1024, 16 << 10, 64 << 10, 1 << 20];

/// What a transport hands over at most in one read.
pub const READ: usize = 16 << 10;

/// The masking key of every masked frame that is received.
pub const KEY: [u8; 4] = [0x9d, 0x3c, 0x71, 0xe5];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    Binary,
    /// Text of one byte a character.
    Ascii,
    /// Text of one to four bytes a character.
    Mixed,
}

impl Payload {
    pub const ALL: [Self; 3] = [Self::Binary, Self::Ascii, Self::Mixed];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Ascii => "ascii",
            Self::Mixed => "mixed",
        }
    }

    pub const fn is_text(self) -> bool {
        !matches!(self, Self::Binary)
    }

    pub const fn opcode(self) -> u8 {
        if self.is_text() { 1 } else { 2 }
    }

    /// `len` bytes of it.
    pub fn bytes(self, len: usize) -> Vec<u8> {
        const ALPHABET: &[u8] = b"{\"id\":48213,\"name\":\"a quick brown fox\",\"on\":true}, ";
        const CHARACTERS: [&str; 16] = [
            "G", "r", "ü", "ß", "e", " ", "日", "本", "語", "a", "n", "é", " ", "🦀", "Ж", "x",
        ];
        match self {
            Self::Binary => {
                let mut state = 0x2545_f491_4f6c_dd1d_u64;
                (0..len).map(|_| xorshift(&mut state) as u8).collect()
            }
            Self::Ascii => ALPHABET.iter().copied().cycle().take(len).collect(),
            Self::Mixed => {
                let mut bytes = Vec::with_capacity(len);
                for character in CHARACTERS.iter().cycle() {
                    if bytes.len() + character.len() > len {
                        break;
                    }
                    bytes.extend_from_slice(character.as_bytes());
                }
                bytes.resize(len, b'.');
                bytes
            }
        }
    }
}

pub fn xorshift(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// JSON as servers send it: `len` bytes that compress like it, different in every message.
pub fn json(len: usize, seed: u64) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15 ^ (seed + 1);
    let mut text = Vec::from(&b"["[..]);
    while text.len() < len {
        let a = xorshift(&mut state);
        let item = format!(
            "{{\"id\":{},\"user\":\"user{}\",\"price\":{}.{:02},\"active\":{},\"tags\":[\"t{}\",\"ws\"]}},",
            a % 100_000,
            (a >> 17) % 1000,
            (a >> 27) % 500,
            (a >> 36) % 100,
            a & 64 == 0,
            (a >> 43) % 10,
        );
        text.extend_from_slice(item.as_bytes());
    }
    text.truncate(len);
    text
}

/// Appends a frame; masked with [`KEY`] if asked to.
pub fn frame(wire: &mut Vec<u8>, first: u8, payload: &[u8], masked: bool) {
    let mask_bit = if masked { 0x80 } else { 0 };
    wire.push(first);
    match payload.len() {
        len @ 0..=125 => wire.push(mask_bit | len as u8),
        len @ 126..=0xffff => {
            wire.push(mask_bit | 126);
            wire.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            wire.push(mask_bit | 127);
            wire.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    if masked {
        wire.extend_from_slice(&KEY);
        wire.extend(payload.iter().zip(KEY.iter().cycle()).map(|(a, b)| a ^ b));
    } else {
        wire.extend_from_slice(payload);
    }
}

/// A message in frames of at most `fragment` bytes.
pub fn fragmented(wire: &mut Vec<u8>, opcode: u8, payload: &[u8], fragment: usize, masked: bool) {
    let count = payload.len().div_ceil(fragment).max(1);
    for (index, part) in payload.chunks(fragment).enumerate() {
        let fin = if index + 1 == count { 0x80 } else { 0 };
        let opcode = if index == 0 { opcode } else { 0 };
        frame(wire, fin | opcode, part, masked);
    }
}

/// `count` messages of `len` bytes, each in one frame.
pub fn messages(payload: Payload, len: usize, count: usize, masked: bool) -> Vec<u8> {
    let bytes = payload.bytes(len);
    let mut wire = Vec::new();
    for _ in 0..count {
        frame(&mut wire, 0x80 | payload.opcode(), &bytes, masked);
    }
    wire
}

/// What an application does with a payload: the compiler has to assume that it reads every byte.
#[inline(always)]
pub fn deliver(payload: &[u8]) {
    black_box(payload);
}

/// A browser's opening request, about 500 bytes.
pub const REQUEST: &[u8] = b"GET /chat?room=42 HTTP/1.1\r\n\
    Host: server.example.com\r\n\
    Connection: Upgrade\r\n\
    Pragma: no-cache\r\n\
    Cache-Control: no-cache\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n\
    Upgrade: websocket\r\n\
    Origin: https://server.example.com\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-GB,en;q=0.9\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    \r\n";

/// The answer to [`REQUEST`], and to the nonce `the sample nonce`.
pub const RESPONSE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    \r\n";
