//! The events of a turn.

use std::fmt;

use ws_proto::opening::Response;
use ws_proto::{CloseCode, Kind, Message};

use crate::handshake::Incoming;
use crate::sender::Sender;

/// Something that was received. It borrows the buffer of the event loop, and nothing is copied.
///
/// ```
/// # use ws_proto_mio::{SendError, Stream};
/// use ws_proto_mio::{Event, Message};
///
/// /// Answers what a turn has emitted.
/// fn answer<S: Stream>(event: Event<'_, S>) -> Result<(), SendError> {
///     match event {
///         Event::Message(Message::Text("time?"), mut sender) => sender.send_text("late"),
///         Event::Message(message, mut sender) => sender.send(message), // echo
///         Event::Close(code, reason) => {
///             println!("{code:?} {reason}");
///             Ok(())
///         }
///         _ => Ok(()),
///     }
/// }
/// ```
#[non_exhaustive]
pub enum Event<'t, S> {
    /// Server: a client's request, to be answered.
    Request(Incoming<'t>),
    /// Client: the connection is open.
    Connected(Response),
    /// A message, with a handle to reply.
    Message(Message<'t>, Sender<'t, S>),
    /// A Ping. It has been answered, unless `Config::manual_pong` is set.
    Ping(&'t [u8]),
    /// A Pong.
    Pong(&'t [u8]),
    /// The peer's Close, once: its code, `None` if it has none (1005), and its reason. It has been
    /// answered, unless `Config::manual_close` is set: then sending goes on until
    /// [`close`](Sender::close). Nothing comes after it.
    Close(Option<CloseCode>, &'t str),
}

/// A part of a message, as much of it as is there: see [`Turn::next_piece`](crate::Turn::next_piece).
///
/// ```
/// # use ws_proto_mio::{Error, Stream, Turn};
/// /// Puts a text together from its pieces.
/// fn text<S: Stream>(turn: &mut Turn<'_, S>, text: &mut String) -> Result<(), Error> {
///     while let Some(piece) = turn.next_piece()? {
///         if piece.first {
///             text.clear();
///         }
///         text.extend(piece.head); // cut by the end of the piece before
///         text.push_str(piece.data.as_text().unwrap_or_default());
///         if piece.last {
///             println!("{text}");
///         }
///     }
///     Ok(())
/// }
/// ```
#[non_exhaustive]
pub struct Piece<'t, S> {
    /// Text or binary.
    pub kind: Kind,
    /// Of a text: the character that began in an earlier piece and ended in this one.
    pub head: Option<char>,
    /// What follows `head`: of a text whole characters, of a binary message its bytes.
    pub data: Message<'t>,
    /// Whether this is the first piece of the message.
    pub first: bool,
    /// Whether this is the last piece of the message.
    pub last: bool,
    /// To reply.
    pub sender: Sender<'t, S>,
}

// Not derived: whether the stream can be shown does not matter.

impl<S> fmt::Debug for Event<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(incoming) => f.debug_tuple("Request").field(incoming).finish(),
            Self::Connected(response) => f.debug_tuple("Connected").field(response).finish(),
            Self::Message(message, sender) => {
                let mut message_and_sender = f.debug_tuple("Message");
                message_and_sender.field(message).field(sender).finish()
            }
            Self::Ping(payload) => f.debug_tuple("Ping").field(payload).finish(),
            Self::Pong(payload) => f.debug_tuple("Pong").field(payload).finish(),
            Self::Close(code, reason) => f.debug_tuple("Close").field(code).field(reason).finish(),
        }
    }
}

impl<S> fmt::Debug for Piece<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Piece")
            .field("kind", &self.kind)
            .field("head", &self.head)
            .field("data", &self.data)
            .field("first", &self.first)
            .field("last", &self.last)
            .field("sender", &self.sender)
            .finish()
    }
}
