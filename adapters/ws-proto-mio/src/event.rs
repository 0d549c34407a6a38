//! The events of a turn.

use ws_proto::opening::Response;
use ws_proto::{CloseCode, Kind, Message};

use crate::handshake::Request;
use crate::sender::Sender;

/// What has come. It borrows the event loop's buffer, and is copied nowhere.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'t, S> {
    /// Server: a client's request, to be answered.
    Request(Request<'t>),
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
#[derive(Debug)]
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
