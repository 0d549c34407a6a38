use alloc::string::String;
use alloc::vec::Vec;

use super::Message;
use crate::connection::Kind;

/// A whole message that borrows nothing: to keep it, or to send it to another thread. Exhaustive on purpose, as
/// [`Message`].
///
/// ```
/// use ws_proto::{Config, Message, Negotiated, OwnedMessage, WebSocket};
///
/// let mut inbox = Vec::new();
/// inbox.push(Message::Text("hello").into_owned());
/// inbox.push(OwnedMessage::from(vec![1, 2, 3]));
///
/// let mut server = WebSocket::server(Negotiated::new(), Config::new());
/// for message in &inbox {
///     server.sender().send(message.as_message())?;
/// }
/// assert_eq!(server.pending(), b"\x81\x05hello\x82\x03\x01\x02\x03");
/// assert_eq!(inbox.remove(0).into_text(), Ok("hello".to_owned()));
/// # Ok::<(), ws_proto::SendError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OwnedMessage {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
}

impl OwnedMessage {
    /// The message, borrowed: what sending takes.
    #[must_use]
    pub fn as_message(&self) -> Message<'_> {
        match self {
            Self::Text(text) => Message::Text(text),
            Self::Binary(data) => Message::Binary(data),
        }
    }

    /// The payload.
    ///
    /// ```
    /// use ws_proto::{Kind, OwnedMessage};
    ///
    /// let message = OwnedMessage::from("hi");
    /// assert_eq!((message.kind(), message.as_bytes()), (Kind::Text, &b"hi"[..]));
    /// assert_eq!(message.as_text(), Some("hi"));
    /// assert_eq!(message.into_bytes(), b"hi");
    /// ```
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.as_message().as_bytes()
    }

    /// The text; `None` for a binary message.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        self.as_message().as_text()
    }

    /// The payload, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Binary(data) => data,
        }
    }

    /// The text, without a copy.
    ///
    /// # Errors
    ///
    /// The message itself, if it is binary.
    pub fn into_text(self) -> Result<String, Self> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Binary(_) => Err(self),
        }
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

impl From<Message<'_>> for OwnedMessage {
    fn from(message: Message<'_>) -> Self {
        match message {
            Message::Text(text) => Self::Text(text.into()),
            Message::Binary(data) => Self::Binary(data.into()),
        }
    }
}

impl From<String> for OwnedMessage {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for OwnedMessage {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<Vec<u8>> for OwnedMessage {
    fn from(data: Vec<u8>) -> Self {
        Self::Binary(data)
    }
}

impl From<&[u8]> for OwnedMessage {
    fn from(data: &[u8]) -> Self {
        Self::Binary(data.into())
    }
}

impl<'m> From<&'m OwnedMessage> for Message<'m> {
    fn from(message: &'m OwnedMessage) -> Self {
        message.as_message()
    }
}

/// By kind and payload.
impl PartialEq<Message<'_>> for OwnedMessage {
    fn eq(&self, other: &Message<'_>) -> bool {
        self.as_message() == *other
    }
}
