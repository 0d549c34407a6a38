//! Frames as RFC 6455 5.2 draws them, read naively: what an endpoint has written has to be these.

use crate::support::Keys;

/// A frame that an endpoint has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// FIN, the reserved bits and the opcode.
    pub first: u8,
    pub payload: Vec<u8>,
}

impl Frame {
    pub fn new(first: u8, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            first,
            payload: payload.into(),
        }
    }

    pub fn opcode(&self) -> u8 {
        self.first & 0x0f
    }

    pub fn fin(&self) -> bool {
        self.first & 0x80 != 0
    }

    pub fn is_close(&self) -> bool {
        self.opcode() == 8
    }
}

/// Reads all that one end has written.
#[derive(Debug)]
pub struct Reader {
    /// Whether it is a client's: each frame is masked, with the next key.
    masked: bool,
    keys: u32,
}

impl Reader {
    pub const fn new(masked: bool) -> Self {
        Self { masked, keys: 0 }
    }

    /// How many keys have been used.
    pub const fn keys(&self) -> u32 {
        self.keys
    }

    /// The frames of which `bytes` consists.
    pub fn read(&mut self, mut bytes: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        while !bytes.is_empty() {
            let (frame, rest) = self.frame(bytes);
            frames.push(frame);
            bytes = rest;
        }
        frames
    }

    fn frame<'b>(&mut self, bytes: &'b [u8]) -> (Frame, &'b [u8]) {
        let (first, second) = (bytes[0], bytes[1]);
        assert_eq!(
            second >= 0x80,
            self.masked,
            "a client masks, a server does not"
        );
        let (len, mut rest) = match second & 0x7f {
            126 => (
                u64::from(u16::from_be_bytes([bytes[2], bytes[3]])),
                &bytes[4..],
            ),
            127 => {
                let (len, rest) = bytes[2..]
                    .split_first_chunk()
                    .expect("eight bytes of length");
                (u64::from_be_bytes(*len), rest)
            }
            short => (u64::from(short), &bytes[2..]),
        };
        let form = match len {
            0..126 => 2,
            126..65_536 => 4,
            _ => 10,
        };
        assert_eq!(bytes.len() - rest.len(), form, "the shortest form");
        let mut key = [0; 4];
        if self.masked {
            key.copy_from_slice(&rest[..4]);
            assert_eq!(key, Keys::nth(self.keys), "a new key for each frame");
            self.keys += 1;
            rest = &rest[4..];
        }
        let (payload, rest) = rest.split_at(usize::try_from(len).expect("a length in memory"));
        let payload = payload.iter().zip(key.iter().cycle());
        let frame = Frame::new(
            first,
            payload.map(|(byte, key)| byte ^ key).collect::<Vec<u8>>(),
        );
        if frame.opcode() >= 8 {
            assert!(frame.fin() && frame.payload.len() <= 125, "a control frame");
        }
        (frame, rest)
    }
}
