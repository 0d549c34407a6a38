//! What is known of the message that is coming in.

use super::event::Kind;
use crate::frame::{Opcode, Rsv};

/// The message that is coming in, in one byte: the reserved bits where the frame has them.
#[derive(Clone, Copy)]
pub(super) struct Message(u8);

impl Message {
    pub(super) const NONE: Self = Self(0);
    const OPEN: u8 = 1;
    const STARTED: u8 = 1 << 1;
    const TEXT: u8 = 1 << 2;

    /// The message that a frame with this first byte starts.
    pub(super) const fn open(first: u8) -> Self {
        let text = matches!(Opcode::from_bits(first), Some(Opcode::Text));
        Self(Self::OPEN | if text { Self::TEXT } else { 0 } | Rsv::from_bits(first).bits())
    }

    pub(super) const fn started(self) -> Self {
        Self(self.0 | Self::STARTED)
    }

    pub(super) const fn is_open(self) -> bool {
        self.0 & Self::OPEN != 0
    }

    /// Whether a piece of it has been told.
    pub(super) const fn is_started(self) -> bool {
        self.0 & Self::STARTED != 0
    }

    pub(super) const fn rsv(self) -> Rsv {
        Rsv::from_bits(self.0)
    }

    pub(super) const fn is_extended(self) -> bool {
        !self.rsv().is_none()
    }

    pub(super) const fn kind(self) -> Kind {
        if self.0 & Self::TEXT != 0 {
            Kind::Text
        } else {
            Kind::Binary
        }
    }
}
