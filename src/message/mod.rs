//! Whole messages, joined from the pieces that a connection gives.

mod assembler;
#[cfg(feature = "alloc")]
mod buffer;
mod error;
#[cfg(feature = "alloc")]
mod owned;

pub use assembler::Assembler;
#[cfg(feature = "alloc")]
pub(crate) use assembler::Step;
#[cfg(feature = "alloc")]
pub use buffer::MessageBuf;
pub use error::AssembleError;
#[cfg(feature = "alloc")]
pub use owned::OwnedMessage;

use crate::connection::Kind;

/// A whole message. Exhaustive on purpose: there are two [kinds](Kind).
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
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(data) => data,
        }
    }

    /// The text; `None` for a binary message.
    ///
    /// ```
    /// use ws_proto::{Message, OwnedMessage};
    ///
    /// assert_eq!(Message::Text("hi").as_text(), Some("hi"));
    /// assert_eq!(Message::Binary(b"hi").as_text(), None);
    /// assert_eq!(Message::Text("hi").into_owned(), OwnedMessage::Text("hi".to_owned()));
    /// ```
    #[must_use]
    pub const fn as_text(&self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }

    /// A copy that borrows nothing.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn into_owned(self) -> OwnedMessage {
        self.into()
    }

    /// Text or binary.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Binary(_) => Kind::Binary,
        }
    }
}
