//! permessage-deflate as a session has agreed on it.

use ws_proto::extension::deflate::{Deflate, DeflateParams, DeflatePool};

/// Parameters and settings, from any four bytes.
#[derive(Clone, Copy, Debug)]
pub struct Compression {
    agreed: u8,
    threshold: u8,
    effort: u8,
    piece: u8,
}

impl Compression {
    pub const fn new([agreed, threshold, effort, piece]: [u8; 4]) -> Self {
        Self {
            agreed,
            threshold,
            effort,
            piece,
        }
    }

    /// Windows of 2^8 to 2^15 bytes, with context takeover or without, apart for each direction.
    pub fn params(self) -> DeflateParams {
        let mut params = DeflateParams::new()
            .with_server_window_bits(8 + (self.agreed & 7))
            .and_then(|params| params.with_client_window_bits(8 + (self.agreed >> 3 & 7)))
            .expect("in range");
        if !self.takeover(false) {
            params = params.with_server_takeover(false);
        }
        if !self.takeover(true) {
            params = params.with_client_takeover(false);
        }
        params
    }

    /// Whether the messages of this end may refer to its earlier ones.
    pub const fn takeover(self, client: bool) -> bool {
        self.agreed & if client { 0x80 } else { 0x40 } == 0
    }

    /// From how many bytes on messages are compressed.
    pub fn threshold(self) -> usize {
        self.threshold.into()
    }

    /// How both ends compress; with a pool, it is one for both.
    pub fn deflate(self) -> Deflate {
        let effort = self.effort & 0x7f;
        let deflate = Deflate::new()
            .threshold(self.threshold())
            .level(effort % 10)
            .mem_level(1 + effort / 10 % 9);
        if self.effort < 0x80 {
            deflate
        } else {
            deflate.pool(&DeflatePool::new(1))
        }
    }

    /// The most bytes of an inflated piece; zero is for no limit.
    pub fn max_piece(self) -> usize {
        match self.piece {
            0 => usize::MAX,
            bytes => bytes.into(),
        }
    }
}
