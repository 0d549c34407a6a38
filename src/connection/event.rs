//! What a connection tells: pieces of messages, and control frames.

use crate::close::CloseCode;
use crate::frame::Rsv;

/// Something that the peer sent.
///
/// Events borrow the input, not the connection: a reply can be sent while one is alive. A message
/// comes as one or more pieces, as its bytes arrive; exactly one piece has `first` set, exactly one
/// `last`. [`Assembler`](crate::message::Assembler) joins them.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'b> {
    /// A piece of a text message.
    Text(Text<'b>),
    /// A piece of a binary message.
    Binary(Binary<'b>),
    /// A piece of a message that uses reserved bits; only when an extension was negotiated.
    Extended(Extended<'b>),
    /// A Ping. The Pong is in the output, unless [`Config::manual_pong`](crate::Config) says that
    /// the caller sends it. The payload is
    /// [`Connection::control_payload`](crate::Connection::control_payload).
    Ping,
    /// A Pong. The payload is
    /// [`Connection::control_payload`](crate::Connection::control_payload).
    Pong,
    /// The peer's Close, with its code if it has one (RFC 6455 7.1.5). The answer is in the
    /// output, unless it was ours that came first or [`Config::manual_close`](crate::Config) says
    /// that the caller sends it. Nothing comes after this.
    Close(Option<CloseCode>),
}

/// A piece of a text message.
///
/// A piece may be cut inside a character. The bytes of that character are in the `raw` of both
/// pieces; the character itself is the `head` of the piece that completes it. So `head` and `body`
/// of all pieces are the text, and the `raw` of all pieces are its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'b> {
    /// The character that began in an earlier piece and ended in this one.
    pub head: Option<char>,
    /// The whole characters after `head`.
    pub body: &'b str,
    /// The bytes of this piece.
    pub raw: &'b [u8],
    /// Whether this is the first piece of the message.
    pub first: bool,
    /// Whether this is the last piece of the message.
    pub last: bool,
}

impl<'b> Text<'b> {
    /// The message, if this piece is all of it.
    pub const fn whole(&self) -> Option<&'b str> {
        if self.first && self.last {
            Some(self.body)
        } else {
            None
        }
    }
}

/// A piece of a binary message.
#[derive(Debug, PartialEq, Eq)]
pub struct Binary<'b> {
    /// The bytes of this piece, in the caller's buffer.
    pub data: &'b mut [u8],
    /// Whether this is the first piece of the message.
    pub first: bool,
    /// Whether this is the last piece of the message.
    pub last: bool,
}

impl<'b> Binary<'b> {
    /// The message, if this piece is all of it.
    ///
    /// # Errors
    ///
    /// The piece itself, if it is not.
    pub fn whole(self) -> Result<&'b mut [u8], Self> {
        if self.first && self.last {
            Ok(self.data)
        } else {
            Err(self)
        }
    }
}

/// A piece of a message that uses reserved bits: encoded bytes that an extension has to decode.
///
/// Text is not validated here, since the bytes are not text yet.
#[derive(Debug, PartialEq, Eq)]
pub struct Extended<'b> {
    /// The kind of the message once it is decoded.
    pub kind: Kind,
    /// The reserved bits of the message's first frame.
    pub rsv: Rsv,
    /// The encoded bytes of this piece, in the caller's buffer.
    pub data: &'b mut [u8],
    /// Whether this is the first piece of the message.
    pub first: bool,
    /// Whether this is the last piece of the message.
    pub last: bool,
}

/// The kind of a message (RFC 6455 5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// Bytes.
    Binary,
}

/// Whether a part of a message is its last one: the FIN bit (RFC 6455 5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fin {
    /// More parts follow.
    No,
    /// This part ends the message.
    Yes,
}
