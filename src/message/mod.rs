//! Whole messages, joined from the pieces that a connection gives.

mod assembler;
#[cfg(feature = "alloc")]
mod buffer;
mod error;

pub use assembler::Assembler;
#[cfg(feature = "alloc")]
pub(crate) use assembler::Step;
#[cfg(feature = "alloc")]
pub use buffer::MessageBuf;
pub use error::AssembleError;

use crate::connection::Kind;

/// A whole message.
///
/// ```
/// use ws_proto::{Kind, Message};
///
/// let message = Message::Text("hi");
/// assert_eq!((message.kind(), message.as_bytes()), (Kind::Text, &b"hi"[..]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Message<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
}

impl<'a> Message<'a> {
    /// The payload.
    pub const fn as_bytes(&self) -> &'a [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(data) => data,
        }
    }

    /// Text or binary.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Binary(_) => Kind::Binary,
        }
    }
}
