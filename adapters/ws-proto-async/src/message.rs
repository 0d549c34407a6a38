//! Messages that own their payload.

use std::fmt;
use std::str::Utf8Error;

use bytes::Bytes;
use ws_proto::{CloseCode, Kind};

use crate::utf8_bytes::Utf8Bytes;

/// A whole message. Cloning it does not copy the payload.
///
/// ```
/// use ws_proto_async::{Message, Utf8Bytes};
///
/// let text = Message::from("hello");
/// assert_eq!(text.as_text(), Some("hello"));
/// assert_eq!(text, Message::Text(Utf8Bytes::from_static("hello")));
/// assert_eq!(Message::from(vec![1, 2, 3]).as_bytes(), [1, 2, 3]);
///
/// // For programs that take either kind of message for text.
/// assert_eq!(Message::from(&b"hello"[..]).to_text(), Ok("hello"));
/// assert!(Message::from(&b"\xff"[..]).into_text().is_err());
/// assert_eq!(Vec::from(text), b"hello");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// A text message.
    Text(Utf8Bytes),
    /// A binary message.
    Binary(Bytes),
}

impl Message {
    /// A text message.
    ///
    /// ```
    /// use ws_proto_async::Message;
    ///
    /// assert_eq!(Message::text("hello"), Message::from("hello"));
    /// assert_eq!(Message::text(format!("{}", 7)).as_bytes(), b"7");
    /// ```
    pub fn text(text: impl Into<Utf8Bytes>) -> Self {
        Self::Text(text.into())
    }

    /// A binary message.
    ///
    /// ```
    /// use ws_proto_async::{Bytes, Message};
    ///
    /// let shared = Bytes::from(vec![1, 2, 3]);
    /// assert_eq!(Message::binary(shared.clone()).as_bytes(), [1, 2, 3]); // not copied
    /// ```
    pub fn binary(data: impl Into<Bytes>) -> Self {
        Self::Binary(data.into())
    }

    /// The payload.
    ///
    /// ```
    /// use ws_proto_async::Message;
    ///
    /// assert_eq!(Message::text("hi").as_bytes(), b"hi");
    /// ```
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(data) => data,
        }
    }

    /// The text, if it is a text message.
    ///
    /// ```
    /// use ws_proto_async::Message;
    ///
    /// assert_eq!(Message::text("hi").as_text(), Some("hi"));
    /// assert_eq!(Message::binary(&b"hi"[..]).as_text(), None);
    /// ```
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }

    /// The payload as text, of a binary message too.
    ///
    /// ```
    /// use ws_proto_async::Message;
    ///
    /// assert_eq!(Message::binary(&b"hi"[..]).to_text(), Ok("hi"));
    /// assert!(Message::binary(&b"\xff"[..]).to_text().is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`Utf8Error`] for a binary message that is not UTF-8.
    pub fn to_text(&self) -> Result<&str, Utf8Error> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Binary(data) => std::str::from_utf8(data),
        }
    }

    /// The payload as text, of a binary message too, uncopied if nothing else shares it.
    ///
    /// ```
    /// use ws_proto_async::Message;
    ///
    /// let text = Message::binary(&b"hi"[..]).into_text()?;
    /// assert_eq!(text, "hi");
    /// # Ok::<(), std::str::Utf8Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Utf8Error`] for a binary message that is not UTF-8.
    pub fn into_text(self) -> Result<Utf8Bytes, Utf8Error> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Binary(data) => data.try_into(),
        }
    }

    /// The message, lent.
    #[inline]
    pub(crate) fn as_lent(&self) -> ws_proto::Message<'_> {
        match self {
            Self::Text(text) => ws_proto::Message::Text(text),
            Self::Binary(data) => ws_proto::Message::Binary(data),
        }
    }

    /// The payload, uncopied.
    ///
    /// ```
    /// use ws_proto_async::Message;
    ///
    /// assert_eq!(Message::text("hi").into_bytes(), "hi");
    /// ```
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Text(text) => text.into(),
            Self::Binary(data) => data,
        }
    }

    /// Text or binary.
    ///
    /// ```
    /// use ws_proto_async::{Kind, Message};
    ///
    /// assert_eq!(Message::text("hi").kind(), Kind::Text);
    /// assert_eq!(Message::binary(vec![0]).kind(), Kind::Binary);
    /// ```
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Binary(_) => Kind::Binary,
        }
    }

    /// How many bytes the payload has.
    ///
    /// ```
    /// use ws_proto_async::Message;
    ///
    /// assert_eq!(Message::text("é").len(), 2); // bytes, not characters
    /// ```
    #[inline]
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the payload is empty, which is a message like any other.
    ///
    /// ```
    /// use ws_proto_async::Message;
    ///
    /// assert!(Message::text("").is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }
}

/// Copies the payload.
impl From<ws_proto::Message<'_>> for Message {
    #[inline]
    fn from(message: ws_proto::Message<'_>) -> Self {
        match message {
            ws_proto::Message::Text(text) => text.into(),
            ws_proto::Message::Binary(data) => data.into(),
        }
    }
}

/// A message that is encoded once, and compressed once for a size of window, for any number of connections.
/// Put it into an `Arc` to give it to their tasks, which send it with
/// [`WebSocket::send_prepared`](crate::WebSocket::send_prepared).
///
/// ```
/// use std::sync::Arc;
/// use ws_proto_async::{Error, Io, Message, PreparedMessage, WebSocket};
///
/// async fn pass_on<T: Io>(mut socket: WebSocket<T>, news: Arc<PreparedMessage>) -> Result<(), Error> {
///     socket.send_prepared(&news).await
/// }
///
/// let news = Arc::new(PreparedMessage::from(Message::from("to all of you")));
/// assert_eq!(news.payload(), b"to all of you");
/// ```
pub type PreparedMessage = ws_proto::PreparedMessage<Bytes>;

/// Copies nothing.
impl From<Message> for PreparedMessage {
    fn from(message: Message) -> Self {
        match message {
            Message::Text(text) => Self::text(text),
            Message::Binary(data) => Self::binary(data),
        }
    }
}

impl From<&str> for Message {
    #[inline]
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Utf8Bytes> for Message {
    fn from(text: Utf8Bytes) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for Message {
    #[inline]
    fn from(data: &[u8]) -> Self {
        Self::Binary(Bytes::copy_from_slice(data))
    }
}

impl From<Vec<u8>> for Message {
    fn from(data: Vec<u8>) -> Self {
        Self::Binary(data.into())
    }
}

impl From<Bytes> for Message {
    fn from(data: Bytes) -> Self {
        Self::Binary(data)
    }
}

/// The payload, uncopied.
impl From<Message> for Bytes {
    fn from(message: Message) -> Self {
        message.into_bytes()
    }
}

/// The payload, uncopied if nothing else shares it.
impl From<Message> for Vec<u8> {
    fn from(message: Message) -> Self {
        match message {
            Message::Text(text) => String::from(text).into_bytes(),
            Message::Binary(data) => data.into(),
        }
    }
}

/// A part of a message, as [`WebSocket::next_piece`](crate::WebSocket::next_piece) gives it.
///
/// ```
/// use ws_proto_async::{Message, Piece};
///
/// // For programs that handle whole messages and parts alike.
/// let whole = Piece::from(Message::text("all of it"));
/// assert!(whole.first && whole.last);
/// assert_eq!(whole.data.as_text(), Some("all of it"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Piece {
    /// The bytes of this part. A text is cut between characters only.
    pub data: Message,
    /// Whether the message begins with this part.
    pub first: bool,
    /// Whether the message ends with this part.
    pub last: bool,
}

/// A message whose only piece this is.
impl From<Message> for Piece {
    fn from(data: Message) -> Self {
        Self {
            data,
            first: true,
            last: true,
        }
    }
}

/// Copies the bytes.
impl From<ws_proto::socket::Piece<'_>> for Piece {
    fn from(piece: ws_proto::socket::Piece<'_>) -> Self {
        let data = match (piece.head, piece.data) {
            (Some(head), ws_proto::Message::Text(text)) => {
                let mut joined = String::with_capacity(head.len_utf8() + text.len());
                joined.push(head);
                joined.push_str(text);
                joined.into()
            }
            (_, data) => data.into(),
        };
        Self {
            data,
            first: piece.first,
            last: piece.last,
        }
    }
}

/// What [`WebSocket::next_event`](crate::WebSocket::next_event) gives.
///
/// ```
/// # ws_proto_suite::shells::example::connected(async |mut socket| {
/// use ws_proto_async::Event;
///
/// socket.ping(b"are you there").await?;
/// while let Some(event) = socket.next_event().await {
///     match event? {
///         Event::Message(message) => println!("{message:?}"),
///         Event::Pong(payload) => assert_eq!(payload, "are you there"),
///         Event::Close(closed) => println!("{closed}"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A message.
    Message(Message),
    /// A Ping. It has been answered, unless `Config::manual_pong` is set.
    Ping(Bytes),
    /// A Pong.
    Pong(Bytes),
    /// The peer's Close. It has been answered, unless `Config::manual_close` is set.
    Close(Closed),
}

/// Code and reason of the peer's Close.
///
/// ```
/// use ws_proto_async::{CloseCode, Closed};
///
/// let closed = Closed { code: Some(CloseCode::SERVICE_RESTART), reason: "an update".into() };
/// assert_eq!(closed.to_string(), "1012 (an update)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Closed {
    /// The code; `None` if the peer gave none (1005).
    pub code: Option<CloseCode>,
    /// The reason, often empty.
    pub reason: Utf8Bytes,
}

impl Closed {
    pub(crate) fn new(code: Option<CloseCode>, reason: &str) -> Self {
        let reason = if reason.is_empty() {
            Utf8Bytes::default()
        } else {
            reason.into()
        };
        Self { code, reason }
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => code.fmt(f)?,
            None => f.write_str("no code")?,
        }
        if self.reason.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", self.reason)
    }
}
