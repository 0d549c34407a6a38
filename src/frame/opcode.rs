//! The first byte of a frame.

use core::ops::BitOr;

/// The kind of a frame (RFC 6455 5.2). Exhaustive on purpose: all other opcodes are reserved, and refused.
///
/// ```
/// use ws_proto::frame::Opcode;
///
/// assert_eq!(Opcode::from_bits(0x89), Some(Opcode::Ping));
/// assert!(Opcode::Ping.is_control());
/// assert_eq!(Opcode::from_bits(0x83), None); // reserved
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// 0: goes on with a message.
    Continuation = 0x0,
    /// 1: starts a text message.
    Text = 0x1,
    /// 2: starts a binary message.
    Binary = 0x2,
    /// 8: starts or answers the closing handshake.
    Close = 0x8,
    /// 9: asks for a Pong.
    Ping = 0x9,
    /// 10: answers a Ping, or is a sign of life.
    Pong = 0xa,
}

impl Opcode {
    /// The opcode in the low four bits of a frame's first byte; `None` if it is reserved.
    #[must_use]
    pub const fn from_bits(first: u8) -> Option<Self> {
        Some(match first & 0x0f {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            _ => return None,
        })
    }

    /// Whether this is Close, Ping or Pong (RFC 6455 5.5).
    #[must_use]
    pub const fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }
}

/// Reserved bits of a frame's first byte, in their place in that byte (RFC 6455 5.2, 5.8).
///
/// ```
/// use ws_proto::frame::Rsv;
///
/// let both = Rsv::RSV1 | Rsv::RSV3;
/// assert_eq!(both.bits(), 0x50);
/// assert!(both.contains(Rsv::RSV1) && !Rsv::RSV1.contains(both));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rsv(u8);

impl Rsv {
    /// No bit.
    pub const NONE: Self = Self(0);
    /// The first reserved bit: "compressed" when permessage-deflate is in use (RFC 7692 6).
    pub const RSV1: Self = Self(0x40);
    /// The second reserved bit.
    pub const RSV2: Self = Self(0x20);
    /// The third reserved bit.
    pub const RSV3: Self = Self(0x10);

    /// The reserved bits of a frame's first byte.
    ///
    /// ```
    /// use ws_proto::frame::Rsv;
    ///
    /// let rsv = Rsv::from_bits(0xc1); // FIN, RSV1, a text
    /// assert_eq!((rsv, rsv.bits()), (Rsv::RSV1, 0x40));
    /// assert!(!rsv.is_none());
    /// ```
    #[must_use]
    pub const fn from_bits(first: u8) -> Self {
        Self(first & 0x70)
    }

    /// The bits in their place.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether no bit is set.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Rsv {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
