//! Events of a connection: pieces of messages, and control frames.

use crate::close::CloseCode;
use crate::frame::Rsv;

/// Something that the peer sent.
///
/// Events borrow the input, not the connection: a reply can be sent while one is alive. A message
/// comes as one or more pieces, as its bytes arrive; exactly one piece has `first` set, exactly one
/// `last`. [`Assembler`](crate::message::Assembler) joins them. Pieces are not frames: one that comes in
/// several reads is several, and short ones that came together, of up to 1 KiB, are one.
///
/// ```
/// use ws_proto::{Config, Connection, Event, Input, Negotiated};
///
/// let mut connection = Connection::client(Negotiated::new(), Config::new(), || [0; 4]);
/// let mut read = *b"\x89\x01!\x81\x02hi\x88\x02\x03\xe8";
/// let mut input = Input::new(&mut read);
/// let mut out = Vec::new();
/// while let Some(event) = connection.receive(&mut input, &mut out)? {
///     match event {
///         Event::Text(text) => println!("text: {}", text.body),
///         Event::Binary(binary) => println!("{} bytes", binary.data.len()),
///         Event::Ping => println!("ping {:?}", connection.control_payload()),
///         Event::Close(code) => println!("closed: {code:?} {}", connection.close_reason()),
///         _ => {}
///     }
/// }
/// # assert_eq!(connection.close_code(), Some(ws_proto::CloseCode::NORMAL));
/// # Ok::<(), ws_proto::ReceiveError>(())
/// ```
#[derive(Debug, PartialEq, Eq)]
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
///
/// Exhaustive on purpose, as [`Binary`] and [`Extended`]: programs match pieces and make them, for their own tests or for
/// an [`Assembler`](crate::Assembler). No field is added before the next breaking release.
///
/// ```
/// use ws_proto::{Config, Connection, Event, Input, Negotiated};
///
/// let mut connection = Connection::client(Negotiated::new(), Config::new(), || [0; 4]);
/// let mut wire = *b"\x81\x05a\xe2\x82\xacb"; // "a€b", read in two pieces
/// let (one, two) = wire.split_at_mut(4);
/// let mut text = String::new();
/// for piece in [one, two] {
///     let mut input = Input::new(piece);
///     while let Some(Event::Text(piece)) = connection.receive(&mut input, &mut Vec::new())? {
///         text.extend(piece.head);
///         text.push_str(piece.body);
///     }
/// }
/// assert_eq!(text, "a\u{20ac}b");
/// # Ok::<(), ws_proto::ReceiveError>(())
/// ```
// Text, Binary and Extended start alike. Where an `Event` has fields of different widths at the same
// place, the compiler copies it in parts, and the processor cannot forward several small stores to one
// wide load. That shows in time (`benches/peers`), not in instructions: `receive/binary/16` of
// `benches/engine` has 3 % fewer without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Text<'b> {
    /// The whole characters after `head`.
    pub body: &'b str,
    /// Whether this is the first piece of the message.
    pub first: bool,
    /// Whether this is the last piece of the message.
    pub last: bool,
    /// The character that began in an earlier piece and ended in this one.
    pub head: Option<char>,
    /// The bytes of this piece.
    pub raw: &'b [u8],
}

impl<'b> Text<'b> {
    /// A piece that cuts no character.
    #[inline(always)]
    pub(super) const fn of(body: &'b str, first: bool, last: bool) -> Self {
        Self {
            head: None,
            body,
            raw: body.as_bytes(),
            first,
            last,
        }
    }

    /// The message, if this piece is all of it.
    ///
    /// ```
    /// use ws_proto::{Config, Connection, Event, Input, Negotiated};
    ///
    /// let mut connection = Connection::client(Negotiated::new(), Config::new(), || [0; 4]);
    /// let mut read = *b"\x81\x02hi";
    /// let event = connection.receive(&mut Input::new(&mut read), &mut Vec::new())?;
    /// assert!(matches!(event, Some(Event::Text(text)) if text.whole() == Some("hi")));
    /// # Ok::<(), ws_proto::ReceiveError>(())
    /// ```
    #[inline]
    #[must_use]
    pub const fn whole(&self) -> Option<&'b str> {
        if self.first && self.last {
            Some(self.body)
        } else {
            None
        }
    }
}

/// A piece of a binary message. Exhaustive on purpose, as [`Text`].
///
/// ```
/// use ws_proto::{Config, Connection, Event, Input, Negotiated};
///
/// let mut connection = Connection::client(Negotiated::new(), Config::new(), || [0; 4]);
/// let mut read = *b"\x82\x03\x01\x02\x03";
/// let event = connection.receive(&mut Input::new(&mut read), &mut Vec::new())?;
/// if let Some(Event::Binary(binary)) = event {
///     assert_eq!(binary.whole(), Ok(&mut [1, 2, 3][..]));
/// }
/// # Ok::<(), ws_proto::ReceiveError>(())
/// ```
#[derive(Debug, PartialEq, Eq)]
#[repr(C)]
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
    #[inline]
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
/// Text is not validated here, since the bytes are not text yet. Exhaustive on purpose, as [`Text`].
///
/// ```
/// use ws_proto::frame::Rsv;
/// use ws_proto::{Config, Connection, Event, Input, Kind, Negotiated};
///
/// // The extension that was agreed on marks its messages with RSV1.
/// let negotiated = Negotiated::new().with_rsv(Rsv::RSV1);
/// let mut connection = Connection::client(negotiated, Config::new(), || [0; 4]);
/// let mut read = *b"\xc1\x03\x01\x02\x03";
/// let event = connection.receive(&mut Input::new(&mut read), &mut Vec::new())?;
/// let Some(Event::Extended(piece)) = event else {
///     panic!("a piece of an encoded message");
/// };
/// assert_eq!((piece.kind, piece.rsv), (Kind::Text, Rsv::RSV1)); // a text, once it is decoded
/// assert_eq!((piece.first, piece.last, &*piece.data), (true, true, &[1, 2, 3][..]));
/// # Ok::<(), ws_proto::ReceiveError>(())
/// ```
#[derive(Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Extended<'b> {
    /// The encoded bytes of this piece, in the caller's buffer.
    pub data: &'b mut [u8],
    /// Whether this is the first piece of the message.
    pub first: bool,
    /// Whether this is the last piece of the message.
    pub last: bool,
    /// The kind of the message once it is decoded.
    pub kind: Kind,
    /// The reserved bits of the message's first frame.
    pub rsv: Rsv,
}

/// The kind of a message (RFC 6455 5.6). Exhaustive on purpose: there are two.
///
/// ```
/// use ws_proto::{Kind, Message};
///
/// fn suffix(message: Message<'_>) -> &'static str {
///     match message.kind() {
///         Kind::Text => "txt",
///         Kind::Binary => "bin",
///     }
/// }
/// assert_eq!(suffix(Message::Binary(&[1, 2])), "bin");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// Bytes.
    Binary,
}

/// Whether a part of a message is its last one: the FIN bit (RFC 6455 5.4). Exhaustive on purpose: it is one bit.
///
/// ```
/// use ws_proto::{Config, Connection, Fin, Negotiated};
///
/// let mut connection = Connection::server(Negotiated::new(), Config::new());
/// let mut out = Vec::new();
/// connection.send_text_part("in ", Fin::No, &mut out)?;
/// connection.send_text_part("parts", Fin::Yes, &mut out)?;
/// assert_eq!(out, b"\x01\x03in \x80\x05parts");
/// # Ok::<(), ws_proto::SendError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fin {
    /// More parts follow.
    No,
    /// This part ends the message.
    Yes,
}
