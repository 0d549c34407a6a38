//! The message that is coming in: what may come next of it, and its limits.

use crate::connection::event::Kind;
use crate::error::ProtocolError;
use crate::frame::{FirstByte, Opcode, Rsv};
use crate::utf8::Utf8;

/// The limits of a [`Config`](crate::Config).
// Packed, since a connection has 200 bytes and no room for padding.
#[derive(Clone, Copy)]
#[repr(Rust, packed(4))]
pub(super) struct Limits {
    pub(super) frame: u64,
    pub(super) message: u64,
    /// At least one.
    pub(super) fragments: u32,
}

/// The message that is coming in, from its first header to its last byte; or none.
#[derive(Clone, Copy)]
pub(super) struct OpenMessage {
    /// Payload bytes, as the headers so far claim.
    bytes: u64,
    /// Frames so far.
    fragments: u32,
    /// The reserved bits where a frame has them, and the flags below.
    flags: u8,
    /// Of a text, whether a character is cut at the end of the received part.
    pub(super) utf8: Utf8,
}

impl OpenMessage {
    pub(super) const NONE: Self = Self {
        bytes: 0,
        fragments: 0,
        flags: 0,
        utf8: Utf8::new(),
    };

    const OPEN: u8 = 1;
    /// A piece of it has been emitted.
    const STARTED: u8 = 1 << 1;
    const TEXT: u8 = 1 << 2;

    pub(super) const fn is_open(&self) -> bool {
        self.flags & Self::OPEN != 0
    }

    /// Payload bytes, as the headers so far claim.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) const fn kind(&self) -> Kind {
        if self.flags & Self::TEXT != 0 {
            Kind::Text
        } else {
            Kind::Binary
        }
    }

    pub(super) const fn rsv(&self) -> Rsv {
        Rsv::from_bits(self.flags)
    }

    pub(super) const fn is_extended(&self) -> bool {
        !self.rsv().is_none()
    }

    /// Whether a frame with this opcode may come now (RFC 6455 5.4).
    #[inline(always)]
    pub(super) fn check_order(&self, opcode: Opcode) -> Result<(), ProtocolError> {
        match opcode {
            Opcode::Continuation if !self.is_open() => Err(ProtocolError::ContinuationUnexpected),
            Opcode::Text | Opcode::Binary if self.is_open() => {
                Err(ProtocolError::MessageInterleaved)
            }
            _ => Ok(()),
        }
    }

    /// The message as it is with one more data frame, which [may come](Self::check_order) now. All limits
    /// are here.
    #[inline(always)]
    pub(super) fn admit(
        &self,
        first: FirstByte,
        len: u64,
        limits: &Limits,
    ) -> Result<Self, ProtocolError> {
        let before = if first.opcode() == Opcode::Continuation {
            *self
        } else {
            Self::opened_by(first)
        };
        if first.opcode() == Opcode::Continuation && before.fragments >= limits.fragments {
            return Err(ProtocolError::TooManyFragments);
        }
        if len > limits.frame {
            return Err(ProtocolError::FrameTooBig);
        }
        let bytes = before.bytes.saturating_add(len);
        // An encoded message is measured when it is decoded (RFC 7692 says nothing of its own length).
        if bytes > limits.message && !before.is_extended() {
            return Err(ProtocolError::MessageTooBig);
        }
        Ok(Self {
            bytes,
            fragments: before.fragments.saturating_add(1),
            ..before
        })
    }

    /// The message that a frame starts, without that frame.
    #[inline(always)]
    fn opened_by(first: FirstByte) -> Self {
        let text = match first.opcode() {
            Opcode::Text => Self::TEXT,
            _ => 0,
        };
        Self {
            flags: Self::OPEN | text | first.rsv().bits(),
            ..Self::NONE
        }
    }

    /// Notes that a piece is emitted: whether it is the first of the message. After the last one there is
    /// no message.
    #[inline(always)]
    pub(super) fn emit(&mut self, last: bool) -> bool {
        let first = self.flags & Self::STARTED == 0;
        self.flags = if last { 0 } else { self.flags | Self::STARTED };
        first
    }
}
