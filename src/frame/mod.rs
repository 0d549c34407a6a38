//! Frames by themselves: header, opcode, reserved bits, masking (RFC 6455 5.2 and 5.3).
//!
//! Nothing here keeps state beyond one frame, and nothing knows of a connection. Whoever needs
//! only a codec can use this module alone; [`Connection`](crate::Connection) builds on it.
//!
//! ```
//! use ws_proto::frame::{Header, Mask, Opcode};
//!
//! // A client's frame: header with a masking key, then the masked payload.
//! let mut wire = Header::new(Opcode::Text, 5).masked([0x37, 0xfa, 0x21, 0x3d]).encode().to_vec();
//! wire.extend_from_slice(b"Hello");
//! Mask::new([0x37, 0xfa, 0x21, 0x3d]).apply(&mut wire[6..]);
//! assert_eq!(wire, [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
//!
//! // And back.
//! let (header, len) = Header::parse(&wire)?.expect("the header is complete");
//! Mask::new(header.mask.expect("a client masks")).apply(&mut wire[len..]);
//! assert_eq!((header.opcode, &wire[len..]), (Opcode::Text, &b"Hello"[..]));
//! # Ok::<(), ws_proto::ProtocolError>(())
//! ```

#![warn(clippy::arithmetic_side_effects)]

mod header;
mod mask;
mod opcode;

pub use header::{EncodedHeader, Header, MAX_HEADER};
pub(crate) use header::{FIN, FirstByte, Length, SecondByte, encode, encoded_len};
pub use mask::Mask;
pub use opcode::{Opcode, Rsv};

/// The most bytes of a control frame: a header with a masking key and 125 bytes of payload.
///
/// [`Connection::receive`](crate::Connection::receive) may answer every frame with one of these, so it
/// returns [`ReceiveError::OutputFull`](crate::ReceiveError::OutputFull) while the output has less room.
pub const MAX_CONTROL_FRAME: usize = 2 + 4 + crate::close::MAX_CONTROL_PAYLOAD;
