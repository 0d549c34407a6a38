//! The sending half: frames that the caller asks for.

#[cfg(feature = "deflate")]
use core::num::NonZeroU32;

use super::event::{Fin, Kind};
use super::role::sealed::{NoKey, Side};
use super::{Client, Connection, Flags, MaskSource, Role, Server};
use crate::buf::Output;
use crate::close::{CloseCode, CloseReason, ControlPayload, MAX_CLOSE_REASON};
use crate::error::SendError;
use crate::frame::{self, EncodedHeader, FIN, Opcode, Rsv};
use crate::simd;
use crate::utf8::{self, Utf8};

/// The message that is being sent in parts, and the reserved bits that were negotiated, in one byte:
/// a connection has to stay small.
///
/// ```text
///   bit   7   6   5   4   3   2   1   0
///         [negotiated][kind ] [ detail  ]
/// ```
///
/// | kind | detail |
/// |---|---|
/// | `ENCODED_TEXT` | the reserved bits of the first frame; none if no message is open |
/// | `BINARY` | the reserved bits of the first frame |
/// | `COMPRESSED_TEXT`, `TEXT` | the rest of a character that was cut |
///
/// The state of a text is here and nowhere else, whoever compresses its parts. Where an `ENCODED_TEXT`
/// stands is not known: its last part was encoded by the caller.
#[derive(Clone, Copy)]
pub(super) struct Outgoing(u8);

impl Outgoing {
    const NEGOTIATED_SHIFT: u8 = 1;
    const NEGOTIATED: u8 = 0x07 << 5;
    /// Of the message that is open; zero if none is.
    const OPEN: u8 = Self::KIND | Self::DETAIL;
    const KIND: u8 = 0x03 << 3;
    const ENCODED_TEXT: u8 = 0;
    const BINARY: u8 = 1 << 3;
    const COMPRESSED_TEXT: u8 = 2 << 3;
    const TEXT: u8 = 3 << 3;
    const DETAIL: u8 = 0x07;
    const RSV_SHIFT: u8 = 4;

    pub(super) const fn new(negotiated: Rsv) -> Self {
        Self(negotiated.bits() << Self::NEGOTIATED_SHIFT)
    }

    pub(super) const fn negotiated(self) -> Rsv {
        Rsv::from_bits((self.0 & Self::NEGOTIATED) >> Self::NEGOTIATED_SHIFT)
    }

    /// Whether a message is being sent in parts.
    const fn is_open(self) -> bool {
        self.0 & Self::OPEN != 0
    }

    pub(super) const fn open_message(self) -> Option<(Kind, Rsv)> {
        let rsv = Rsv::from_bits((self.0 & Self::DETAIL) << Self::RSV_SHIFT);
        match self.0 & Self::KIND {
            Self::BINARY => Some((Kind::Binary, rsv)),
            Self::COMPRESSED_TEXT => Some((Kind::Text, Rsv::RSV1)),
            Self::TEXT => Some((Kind::Text, Rsv::NONE)),
            _ if rsv.is_none() => None,
            _ => Some((Kind::Text, rsv)),
        }
    }

    /// Where the text stands that is being sent, inside a character or not; `None` if that is not known.
    fn text(self) -> Option<Utf8> {
        match self.0 & Self::KIND {
            Self::COMPRESSED_TEXT | Self::TEXT => Some(Utf8::from_need(self.0 & Self::DETAIL)),
            _ if self.is_open() => None,
            _ => Some(Utf8::new()),
        }
    }

    /// After a part. `text` is where a text stands, if that is known: without reserved bits it is.
    fn set(&mut self, kind: Kind, rsv: Rsv, fin: Fin, text: Option<Utf8>) {
        self.0 &= Self::NEGOTIATED;
        if fin == Fin::Yes {
            return;
        }
        let rsv_bits = rsv.bits() >> Self::RSV_SHIFT;
        self.0 |= match (kind, text) {
            (Kind::Binary, _) => Self::BINARY | rsv_bits,
            (Kind::Text, None) => Self::ENCODED_TEXT | rsv_bits,
            (Kind::Text, Some(text)) if rsv.is_none() => Self::TEXT | text.need(),
            (Kind::Text, Some(text)) => Self::COMPRESSED_TEXT | text.need(),
        };
    }
}

/// A part of a message, before an extension.
#[derive(Clone, Copy)]
pub(crate) enum Part<'p> {
    Binary(&'p [u8]),
    /// Whole characters.
    Text(&'p [u8]),
    /// Text that may be cut inside a character.
    Utf8(&'p [u8]),
}

impl<'p> Part<'p> {
    /// A part that is no text or whole characters.
    pub(crate) const fn new(kind: Kind, bytes: &'p [u8]) -> Self {
        match kind {
            Kind::Text => Self::Text(bytes),
            Kind::Binary => Self::Binary(bytes),
        }
    }

    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::Binary(_) => Kind::Binary,
            Self::Text(_) | Self::Utf8(_) => Kind::Text,
        }
    }

    pub(crate) const fn bytes(self) -> &'p [u8] {
        let (Self::Binary(bytes) | Self::Text(bytes) | Self::Utf8(bytes)) = self;
        bytes
    }

    /// Where a text stands after this part, if it stood at `before`.
    fn text_after(self, before: Option<Utf8>, fin: Fin) -> Result<Option<Utf8>, SendError> {
        let bytes = match self {
            Self::Binary(_) => return Ok(None),
            Self::Text(_) => &[],
            Self::Utf8(bytes) => bytes,
        };
        let mut rest = bytes;
        let mut text = before.unwrap_or_default();
        if before.is_none() {
            // The start may be the end of any character: three more bytes at most.
            let is_inside = |byte: &&u8| **byte & 0xc0 == 0x80;
            let inside = bytes.iter().take(3).take_while(is_inside).count();
            rest = bytes.get(inside..).unwrap_or_default();
            if rest.is_empty() && matches!(self, Self::Utf8(_)) {
                return Ok(None);
            }
        }
        let mut valid = match self {
            Self::Text(_) => text.is_complete(),
            _ => text.push(rest).is_ok(),
        };
        if fin == Fin::Yes {
            valid &= text.finish().is_ok();
        }
        if valid {
            Ok(Some(text))
        } else {
            Err(SendError::TextNotUtf8)
        }
    }
}

/// Whose compressed data went out last, in four bytes.
///
/// A compressor may refer to data it compressed before, if that is the last compressed data that
/// the peer has got. It gives the data it compressed for one connection a name, a number that no other
/// has, and leaves the name here with every part that it sends. So a connection with its name has got all
/// of it, and nothing else since, unless [`Flags::FOREIGN`] is set too.
#[cfg(feature = "deflate")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct History([u8; 4]);

#[cfg(feature = "deflate")]
impl History {
    /// That of nobody.
    pub(crate) const NONE: Self = Self([0; 4]);

    pub(crate) const fn new(number: NonZeroU32) -> Self {
        Self(number.get().to_be_bytes())
    }
}

impl<R: Role> Connection<R> {
    /// Whether a data frame can be sent: no Close has been sent or answered, nothing has failed.
    ///
    /// ```
    /// use ws_proto::{CloseCode, CloseReason, Config, Connection, Negotiated};
    ///
    /// let mut server = Connection::server(Negotiated::new(), Config::new());
    /// assert!(server.can_send());
    /// let reason = CloseReason::new("moving")?;
    /// server.close(CloseCode::SERVICE_RESTART, reason, &mut Vec::new())?;
    /// assert!(!server.can_send());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn can_send(&self) -> bool {
        !self.flags.contains(Flags::CLOSE_SENT | Flags::EOF)
    }

    /// Sends a text message in one frame.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was written and nothing changed.
    ///
    /// ```
    /// use ws_proto::{Config, Connection, Negotiated};
    ///
    /// let mut server = Connection::server(Negotiated::new(), Config::new());
    /// let mut out = Vec::new();
    /// server.send_text("hi", &mut out)?;
    /// server.send_binary(&[1, 2], &mut out)?;
    /// assert_eq!(out, b"\x81\x02hi\x82\x02\x01\x02");
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    #[inline]
    pub fn send_text<O: Output + ?Sized>(
        &mut self,
        text: &str,
        out: &mut O,
    ) -> Result<(), SendError> {
        self.send_whole(Kind::Text, text.as_bytes(), out)
    }

    /// Sends a binary message in one frame.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was written and nothing changed.
    #[inline]
    pub fn send_binary<O: Output + ?Sized>(
        &mut self,
        data: &[u8],
        out: &mut O,
    ) -> Result<(), SendError> {
        self.send_whole(Kind::Binary, data, out)
    }

    /// Sends a part of a text message as one frame; the first part opens the message, the one with
    /// [`Fin::Yes`] ends it (RFC 6455 5.4). For messages whose length is not known beforehand.
    ///
    /// Control frames may be sent between parts, other messages may not.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was written and nothing changed.
    ///
    /// ```
    /// use ws_proto::{Config, Connection, Fin, Negotiated, SendError};
    ///
    /// let mut server = Connection::server(Negotiated::new(), Config::new());
    /// let mut out = Vec::new();
    /// server.send_text_part("[1, ", Fin::No, &mut out)?;
    /// assert!(server.is_message_open());
    /// assert_eq!(server.send_binary(&[1], &mut out), Err(SendError::MessageOpen));
    /// server.send_text_part("2]", Fin::Yes, &mut out)?;
    /// server.send_binary_part(&[1, 2], Fin::Yes, &mut out)?; // the only part of the next message
    /// assert_eq!(out, b"\x01\x04[1, \x80\x022]\x82\x02\x01\x02");
    /// # Ok::<(), SendError>(())
    /// ```
    pub fn send_text_part<O: Output + ?Sized>(
        &mut self,
        part: &str,
        fin: Fin,
        out: &mut O,
    ) -> Result<(), SendError> {
        self.send_part(Kind::Text, part.as_bytes(), fin, out)
    }

    /// Sends a part of a text message that is given as bytes, as [`send_text_part`](Self::send_text_part)
    /// does. The part may end inside a character; the next one then has to complete it.
    ///
    /// So a proxy passes messages on, a frame for each piece: [`Text::raw`](super::Text::raw) may be
    /// cut anywhere. The bytes are validated as they come, with three bits of state.
    ///
    /// # Errors
    ///
    /// [`SendError::TextNotUtf8`] if no text can start with the bytes so far, or if `fin` ends it inside a
    /// character, and as [`send_text_part`](Self::send_text_part). Nothing was written and nothing changed.
    ///
    /// ```
    /// use ws_proto::{Config, Connection, Event, Fin, Input, Negotiated};
    ///
    /// let mut from = Connection::client(Negotiated::new(), Config::new(), || [0; 4]);
    /// let mut to = Connection::server(Negotiated::new(), Config::new());
    /// let mut out = Vec::new();
    /// let mut wire = *b"\x81\x05a\xe2\x82\xacb"; // "a€b", which comes in two reads
    /// let (one, two) = wire.split_at_mut(4);
    /// for read in [one, two] {
    ///     let mut input = Input::new(read);
    ///     while let Some(Event::Text(text)) = from.receive(&mut input, &mut Vec::new())? {
    ///         let fin = if text.last { Fin::Yes } else { Fin::No };
    ///         to.send_utf8_part(text.raw, fin, &mut out)?;
    ///     }
    /// }
    /// assert_eq!(out, b"\x01\x02a\xe2\x80\x03\x82\xacb");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send_utf8_part<O: Output + ?Sized>(
        &mut self,
        part: &[u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<(), SendError> {
        self.send_plain_part(Part::Utf8(part), fin, out)
    }

    /// Whether a message is being sent in parts: its last part, the one with [`Fin::Yes`], has not been
    /// sent. Until then no other message can be.
    #[inline]
    #[must_use]
    pub fn is_message_open(&self) -> bool {
        self.sender.is_open()
    }

    /// Sends a part of a binary message, as [`send_text_part`](Self::send_text_part) does.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was written and nothing changed.
    pub fn send_binary_part<O: Output + ?Sized>(
        &mut self,
        part: &[u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<(), SendError> {
        self.send_part(Kind::Binary, part, fin, out)
    }

    /// Sends a message, or a part of one, that an extension has encoded; `rsv` goes on its first
    /// frame and has to be given the same for every part. The bytes go out as they are.
    ///
    /// Text in it is not validated; that is up to who has encoded it. A
    /// [`DeflateEncoder`](crate::extension::deflate::DeflateEncoder) may go on with the message: with whole
    /// characters, or inside the character that a part encoded elsewhere may have cut.
    ///
    /// A [`DeflateEncoder`](crate::extension::deflate::DeflateEncoder) of the same connection compresses its
    /// next message without history then: the peer's window has this payload, and its own has not.
    ///
    /// # Errors
    ///
    /// [`SendError::ReservedBits`] if `rsv` is empty or was not negotiated, [`SendError::MessageOpen`] while
    /// a message of the other kind or with other reserved bits is open, and all that concern the connection
    /// or `out`; nothing was written and nothing changed.
    ///
    /// ```
    /// use ws_proto::frame::Rsv;
    /// use ws_proto::{Config, Connection, Fin, Kind, Negotiated};
    ///
    /// let negotiated = Negotiated::new().with_rsv(Rsv::RSV2);
    /// let mut server = Connection::server(negotiated, Config::new());
    /// let mut out = Vec::new();
    /// let encoded = b"\x97\x96"; // "hi", by an extension that inverts all bits
    /// server.send_extended(Kind::Text, Rsv::RSV2, encoded, Fin::Yes, &mut out)?;
    /// assert_eq!(out, b"\xa1\x02\x97\x96");
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    pub fn send_extended<O: Output + ?Sized>(
        &mut self,
        kind: Kind,
        rsv: Rsv,
        encoded: &[u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<(), SendError> {
        if rsv.is_none() || !self.sender.negotiated().contains(rsv) {
            return Err(SendError::ReservedBits);
        }
        let first = self.data_first(kind, rsv, fin)?;
        write_frame(&mut self.role, first, encoded, out)?;
        self.sender.set(kind, rsv, fin, None);
        #[cfg(feature = "deflate")]
        if rsv.contains(Rsv::RSV1) {
            self.note_foreign();
        }
        Ok(())
    }

    /// Sends a Ping (RFC 6455 5.5.2).
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] once the peer's Close has come or the connection has failed,
    /// [`SendError::OutputFull`], [`SendError::NoMaskKey`]; nothing was written.
    ///
    /// ```
    /// use ws_proto::{Config, Connection, Negotiated};
    ///
    /// let mut server = Connection::server(Negotiated::new(), Config::new());
    /// let mut out = Vec::new();
    /// server.ping(b"42", &mut out)?;
    /// server.pong(b"", &mut out)?;
    /// assert_eq!(out, b"\x89\x0242\x8a\x00");
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    pub fn ping<'p, O: Output + ?Sized>(
        &mut self,
        payload: impl Into<ControlPayload<'p>>,
        out: &mut O,
    ) -> Result<(), SendError> {
        self.send_control(Opcode::Ping, payload.into(), out)
    }

    /// Sends a Pong: unasked as a sign of life, or with
    /// [`manual_pong`](super::Config::manual_pong) the answer to a Ping (RFC 6455 5.5.3).
    ///
    /// # Errors
    ///
    /// As [`ping`](Self::ping).
    pub fn pong<'p, O: Output + ?Sized>(
        &mut self,
        payload: impl Into<ControlPayload<'p>>,
        out: &mut O,
    ) -> Result<(), SendError> {
        self.send_control(Opcode::Pong, payload.into(), out)
    }

    /// Starts the closing handshake, or with [`manual_close`](super::Config::manual_close) ends it
    /// (RFC 6455 7.1.2). Does nothing if a Close has been sent already.
    ///
    /// No data can be sent after it. What the peer sends before its own Close still comes.
    ///
    /// # Errors
    ///
    /// [`SendError::CodeForClients`] for a server with
    /// [`MANDATORY_EXTENSION`](CloseCode::MANDATORY_EXTENSION) that does not answer that code, [`SendError::Closed`] once the
    /// transport has ended, [`SendError::OutputFull`], [`SendError::NoMaskKey`]; nothing was
    /// written and nothing changed.
    ///
    /// ```
    /// use ws_proto::{CloseCode, CloseReason, Config, Connection, Negotiated};
    ///
    /// let mut server = Connection::server(Negotiated::new(), Config::new());
    /// let mut out = Vec::new();
    /// server.close(CloseCode::NORMAL, CloseReason::new("done")?, &mut out)?;
    /// server.close_empty(&mut out)?; // does nothing: a Close has been sent
    /// assert_eq!(out, b"\x88\x06\x03\xe8done");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn close<O: Output + ?Sized>(
        &mut self,
        code: CloseCode,
        reason: CloseReason<'_>,
        out: &mut O,
    ) -> Result<(), SendError> {
        let echoed = self.close_code() == Some(code);
        if !self.role.masks_output() && code == CloseCode::MANDATORY_EXTENSION && !echoed {
            return Err(SendError::CodeForClients);
        }
        let mut body = [0; 2 + MAX_CLOSE_REASON];
        let reason = reason.as_str().as_bytes();
        let len = reason.len().saturating_add(2);
        if let Some((to_code, to_reason)) = body.split_first_chunk_mut() {
            *to_code = code.as_u16().to_be_bytes();
            if let Some(to_reason) = to_reason.get_mut(..reason.len()) {
                to_reason.copy_from_slice(reason);
            }
        }
        self.send_close(body.get(..len).unwrap_or_default(), out)
    }

    /// As [`close`](Self::close), with a Close frame that carries no code: the peer sees 1005.
    ///
    /// # Errors
    ///
    /// As [`close`](Self::close).
    pub fn close_empty<O: Output + ?Sized>(&mut self, out: &mut O) -> Result<(), SendError> {
        self.send_close(&[], out)
    }

    fn send_close<O: Output + ?Sized>(
        &mut self,
        body: &[u8],
        out: &mut O,
    ) -> Result<(), SendError> {
        if self.flags.contains(Flags::CLOSE_SENT) {
            return Ok(());
        }
        if self.flags.contains(Flags::EOF) {
            return Err(SendError::Closed);
        }
        control(&mut self.role, Opcode::Close, body, out)?;
        self.flags.insert(Flags::CLOSE_SENT);
        Ok(())
    }

    fn send_control<O: Output + ?Sized>(
        &mut self,
        opcode: Opcode,
        payload: ControlPayload<'_>,
        out: &mut O,
    ) -> Result<(), SendError> {
        // After our own Close a Pong is still wanted, until the peer's Close has come.
        if self.receiver.is_dead() {
            return Err(SendError::Closed);
        }
        control(&mut self.role, opcode, payload.as_bytes(), out)
    }

    #[inline]
    pub(crate) fn send_whole<O: Output + ?Sized>(
        &mut self,
        kind: Kind,
        payload: &[u8],
        out: &mut O,
    ) -> Result<(), SendError> {
        let first = self.whole_first(kind)?;
        write_frame(&mut self.role, first, payload, out)
    }

    pub(crate) fn send_part<O: Output + ?Sized>(
        &mut self,
        kind: Kind,
        part: &[u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<(), SendError> {
        self.send_plain_part(Part::new(kind, part), fin, out)
    }

    fn send_plain_part<O: Output + ?Sized>(
        &mut self,
        part: Part<'_>,
        fin: Fin,
        out: &mut O,
    ) -> Result<(), SendError> {
        let first = self.data_first(part.kind(), Rsv::NONE, fin)?;
        let text = self.text_after(part, fin)?;
        write_frame(&mut self.role, first, part.bytes(), out)?;
        self.sender.set(part.kind(), Rsv::NONE, fin, text);
        Ok(())
    }

    /// Sends a part that a compressor has made, which has the history of that name from now on. `text` is
    /// [where a text stands](Self::text_after) then.
    #[cfg(feature = "deflate")]
    pub(crate) fn send_compressed<O: Output + ?Sized>(
        &mut self,
        kind: Kind,
        encoded: &[u8],
        fin: Fin,
        (text, history): (Option<Utf8>, History),
        out: &mut O,
    ) -> Result<(), SendError> {
        let first = self.data_first(kind, Rsv::RSV1, fin)?;
        write_frame(&mut self.role, first, encoded, out)?;
        self.sender.set(kind, Rsv::RSV1, fin, text);
        self.history = history;
        self.flags.set(Flags::FOREIGN, false);
        Ok(())
    }

    /// Where the text that is open stands after `part`; an error if no text can go on so.
    pub(crate) fn text_after(&self, part: Part<'_>, fin: Fin) -> Result<Option<Utf8>, SendError> {
        part.text_after(self.sender.text(), fin)
    }

    /// Whose compressed data was sent last, and whether other compressed data was since.
    #[cfg(feature = "deflate")]
    pub(crate) fn history(&self) -> (History, bool) {
        (self.history, self.flags.contains(Flags::FOREIGN))
    }

    /// The reserved bits of the message that is being sent in parts.
    pub(crate) fn open_rsv(&self) -> Option<Rsv> {
        self.sender.open_message().map(|(_, rsv)| rsv)
    }

    #[cfg(feature = "deflate")]
    pub(crate) const fn negotiated_rsv(&self) -> Rsv {
        self.sender.negotiated()
    }

    /// Whether a data frame could be sent now, were it empty.
    #[cfg(feature = "deflate")]
    pub(crate) fn check_data<O: Output + ?Sized>(
        &self,
        kind: Kind,
        rsv: Rsv,
        out: &O,
    ) -> Result<(), SendError> {
        self.data_first(kind, rsv, Fin::No)?;
        if out.room() < frame::encoded_len(0, self.role.masks_output()) {
            return Err(SendError::OutputFull);
        }
        Ok(())
    }

    /// The first byte of a message in one frame. Sending it changes no state.
    #[inline]
    fn whole_first(&self, kind: Kind) -> Result<u8, SendError> {
        if !self.can_send() {
            return Err(SendError::Closed);
        }
        if self.sender.is_open() {
            return Err(SendError::MessageOpen);
        }
        Ok(FIN | opcode(kind) as u8)
    }

    /// Whether a message in one frame could be sent now, were there room for it.
    #[inline]
    pub(crate) fn check_whole(&self) -> Result<(), SendError> {
        self.whole_first(Kind::Binary).map(|_| ())
    }

    /// Writes a whole message that is encoded for a server: `header` begins with `first`. A client masks it.
    #[inline]
    pub(super) fn write_prepared<O: Output + ?Sized>(
        &mut self,
        first: u8,
        header: EncodedHeader,
        payload: &[u8],
        out: &mut O,
    ) -> Result<(), SendError> {
        if self.role.masks_output() {
            return write_frame(&mut self.role, first, payload, out);
        }
        if out.room() < header.size().saturating_add(payload.len()) {
            return Err(SendError::OutputFull);
        }
        out.put_frame(header, payload, None);
        Ok(())
    }

    /// Notes that the peer has got compressed data that no encoder of this connection has made.
    #[cfg(feature = "deflate")]
    #[inline]
    pub(super) fn note_foreign(&mut self) {
        self.flags.insert(Flags::FOREIGN);
    }

    /// The first byte of the next frame of a message.
    fn data_first(&self, kind: Kind, rsv: Rsv, fin: Fin) -> Result<u8, SendError> {
        if !self.can_send() {
            return Err(SendError::Closed);
        }
        let (opcode, rsv) = match self.sender.open_message() {
            Some(open) if open != (kind, rsv) => return Err(SendError::MessageOpen),
            Some(_) => (Opcode::Continuation, Rsv::NONE),
            None => (opcode(kind), rsv),
        };
        let fin = if fin == Fin::Yes { FIN } else { 0 };
        Ok(fin | rsv.bits() | opcode as u8)
    }

    /// The header of a message in one frame, of a server: it is not masked. Sending it changes no state.
    #[cfg(feature = "alloc")]
    #[inline(always)]
    pub(crate) fn whole_header(&self, kind: Kind, len: usize) -> Result<EncodedHeader, SendError> {
        let first = self.whole_first(kind)?;
        Ok(frame::encode(first, len as u64, None, |header| header))
    }

    /// Writes the header of a whole message whose payload the caller writes after it.
    #[inline]
    pub(crate) fn frame_whole<O: Output + ?Sized>(
        &mut self,
        kind: Kind,
        len: usize,
        out: &mut O,
    ) -> Result<Option<[u8; 4]>, SendError> {
        let first = self.whole_first(kind)?;
        write_header(&mut self.role, first, len, out)
    }

    /// Writes the header of a part of whole characters or bytes, which the caller writes after it.
    #[cfg(feature = "alloc")]
    pub(crate) fn frame_whole_part<O: Output + ?Sized>(
        &mut self,
        kind: Kind,
        part: &[u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<Option<[u8; 4]>, SendError> {
        self.frame_part(Part::new(kind, part), fin, out)
    }

    /// Writes the header of a part.
    fn frame_part<O: Output + ?Sized>(
        &mut self,
        part: Part<'_>,
        fin: Fin,
        out: &mut O,
    ) -> Result<Option<[u8; 4]>, SendError> {
        let first = self.data_first(part.kind(), Rsv::NONE, fin)?;
        let text = self.text_after(part, fin)?;
        let key = write_header(&mut self.role, first, part.bytes().len(), out)?;
        self.sender.set(part.kind(), Rsv::NONE, fin, text);
        Ok(key)
    }
}

impl Connection<Server> {
    /// Sends a text message without copying it: the header goes to `out`, the caller writes `out` and
    /// then the returned slice (`writev`), which is `text`. Nothing else may go to `out` before both are
    /// written, not even the Pong of a `receive`.
    ///
    /// # Errors
    ///
    /// [`SendError::MessageOpen`] while a message is being sent in parts, and all others; nothing was
    /// written and nothing changed.
    ///
    /// ```
    /// use ws_proto::{Config, Connection, Negotiated};
    ///
    /// let mut connection = Connection::server(Negotiated::new(), Config::new());
    /// let mut header = Vec::new();
    /// let payload = connection.frame_text("hello", &mut header)?;
    /// assert_eq!([&header[..], payload].concat(), b"\x81\x05hello");
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    #[inline]
    pub fn frame_text<'p, O: Output + ?Sized>(
        &mut self,
        text: &'p str,
        out: &mut O,
    ) -> Result<&'p [u8], SendError> {
        self.frame_whole(Kind::Text, text.len(), out)?;
        Ok(text.as_bytes())
    }

    /// Sends a binary message without copying it, as [`frame_text`](Self::frame_text) does a text.
    ///
    /// # Errors
    ///
    /// As [`frame_text`](Self::frame_text).
    ///
    /// ```
    /// use ws_proto::{Config, Connection, Fin, Negotiated};
    ///
    /// let mut server = Connection::server(Negotiated::new(), Config::new());
    /// let mut header = Vec::new();
    /// let payload = server.frame_binary(&[1, 2, 3], &mut header)?;
    /// assert_eq!([&header[..], payload].concat(), b"\x82\x03\x01\x02\x03"); // by `writev`, in a program
    /// header.clear();
    /// let part = server.frame_binary_part(&[4], Fin::No, &mut header)?;
    /// assert_eq!([&header[..], part].concat(), b"\x02\x01\x04");
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    #[inline]
    pub fn frame_binary<'p, O: Output + ?Sized>(
        &mut self,
        data: &'p [u8],
        out: &mut O,
    ) -> Result<&'p [u8], SendError> {
        self.frame_whole(Kind::Binary, data.len(), out)?;
        Ok(data)
    }

    /// Sends a part of a text message, as [`send_text_part`](Self::send_text_part) does, without copying
    /// it; see [`frame_text`](Self::frame_text) for what to write.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was written and nothing changed.
    ///
    /// ```
    /// use ws_proto::{Config, Connection, Fin, Negotiated, SendError};
    ///
    /// let mut connection = Connection::server(Negotiated::new(), Config::new());
    /// let mut header = Vec::new();
    /// let payload = connection.frame_text_part("hel", Fin::No, &mut header)?;
    /// assert_eq!([&header[..], payload].concat(), b"\x01\x03hel");
    ///
    /// let other = connection.frame_text("a message of its own", &mut header);
    /// assert_eq!(other, Err(SendError::MessageOpen));
    /// # Ok::<(), SendError>(())
    /// ```
    pub fn frame_text_part<'p, O: Output + ?Sized>(
        &mut self,
        part: &'p str,
        fin: Fin,
        out: &mut O,
    ) -> Result<&'p [u8], SendError> {
        self.frame_part(Part::Text(part.as_bytes()), fin, out)?;
        Ok(part.as_bytes())
    }

    /// Sends a part of a text message that may end inside a character, as
    /// [`send_utf8_part`](Self::send_utf8_part) does, without copying it; see
    /// [`frame_text`](Self::frame_text) for what to write.
    ///
    /// # Errors
    ///
    /// As [`send_utf8_part`](Self::send_utf8_part).
    ///
    /// ```
    /// use ws_proto::{Config, Connection, Fin, Negotiated};
    ///
    /// let mut server = Connection::server(Negotiated::new(), Config::new());
    /// let mut header = Vec::new();
    /// let part = server.frame_utf8_part(b"caf\xc3", Fin::No, &mut header)?; // cut inside of a character
    /// assert_eq!([&header[..], part].concat(), b"\x01\x04caf\xc3");
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    pub fn frame_utf8_part<'p, O: Output + ?Sized>(
        &mut self,
        part: &'p [u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<&'p [u8], SendError> {
        self.frame_part(Part::Utf8(part), fin, out)?;
        Ok(part)
    }

    /// Sends a part of a binary message, as [`send_binary_part`](Self::send_binary_part) does, without
    /// copying it; see [`frame_text`](Self::frame_text) for what to write.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was written and nothing changed.
    pub fn frame_binary_part<'p, O: Output + ?Sized>(
        &mut self,
        part: &'p [u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<&'p [u8], SendError> {
        self.frame_part(Part::Binary(part), fin, out)?;
        Ok(part)
    }
}

impl<M: MaskSource> Connection<Client<M>> {
    /// Sends a text message without copying it: the header goes to `out`, the bytes are masked in place,
    /// the caller writes `out` and then the returned slice (`writev`). Nothing else may go to `out` before
    /// both are written, not even the Pong of a `receive`.
    ///
    /// # Errors
    ///
    /// [`SendError::TextNotUtf8`] for bytes that are not text, [`SendError::MessageOpen`] while a message is
    /// being sent in parts, and all others; nothing was written, masked or changed.
    ///
    /// ```
    /// use ws_proto::{Config, Connection, Negotiated};
    ///
    /// let mut client = Connection::client(Negotiated::new(), Config::new(), || [1, 2, 3, 4]);
    /// let (mut header, mut text) = (Vec::new(), *b"hi");
    /// let payload = client.frame_text(&mut text, &mut header)?;
    /// assert_eq!([&header[..], payload].concat(), [0x81, 0x82, 1, 2, 3, 4, b'h' ^ 1, b'i' ^ 2]);
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    #[inline]
    pub fn frame_text<'p, O: Output + ?Sized>(
        &mut self,
        utf8: &'p mut [u8],
        out: &mut O,
    ) -> Result<&'p [u8], SendError> {
        self.whole_first(Kind::Text)?;
        if utf8::from_utf8(utf8).is_err() {
            return Err(SendError::TextNotUtf8);
        }
        let key = self.frame_whole(Kind::Text, utf8.len(), out)?;
        Ok(masked(utf8, key))
    }

    /// Sends a binary message without copying it, as [`frame_text`](Self::frame_text) does a text. The
    /// bytes are masked in place.
    ///
    /// # Errors
    ///
    /// [`SendError::MessageOpen`] while a message is being sent in parts, and all others; nothing was
    /// written, masked or changed.
    ///
    /// Bytes that cannot be masked cannot be sent:
    ///
    /// ```compile_fail
    /// # use ws_proto::{Config, Connection, Negotiated};
    /// # let mut connection = Connection::client(Negotiated::new(), Config::new(), || [1, 2, 3, 4]);
    /// let payload = connection.frame_binary(b"shared", &mut Vec::new());
    /// ```
    #[inline]
    pub fn frame_binary<'p, O: Output + ?Sized>(
        &mut self,
        data: &'p mut [u8],
        out: &mut O,
    ) -> Result<&'p [u8], SendError> {
        let key = self.frame_whole(Kind::Binary, data.len(), out)?;
        Ok(masked(data, key))
    }

    /// Sends a part of a text message without copying it; see [`frame_text`](Self::frame_text) for what to
    /// write. The part may end inside a character, as with [`send_utf8_part`](Self::send_utf8_part).
    ///
    /// # Errors
    ///
    /// As [`send_utf8_part`](Self::send_utf8_part); nothing was written, masked or changed.
    ///
    /// ```
    /// use ws_proto::{Config, Connection, Fin, Negotiated};
    ///
    /// let mut client = Connection::client(Negotiated::new(), Config::new(), || [0; 4]);
    /// let (mut header, mut text, mut data) = (Vec::new(), *b"caf\xc3\xa9", [1, 2]);
    /// let (one, two) = text.split_at_mut(4); // inside of a character
    /// assert_eq!(client.frame_text_part(one, Fin::No, &mut header)?, b"caf\xc3");
    /// assert_eq!(client.frame_text_part(two, Fin::Yes, &mut header)?, b"\xa9");
    /// assert_eq!(client.frame_binary_part(&mut data, Fin::Yes, &mut header)?, [1, 2]);
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    pub fn frame_text_part<'p, O: Output + ?Sized>(
        &mut self,
        utf8: &'p mut [u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<&'p [u8], SendError> {
        let key = self.frame_part(Part::Utf8(utf8), fin, out)?;
        Ok(masked(utf8, key))
    }

    /// Sends a part of a binary message without copying it; see [`frame_text`](Self::frame_text) for what
    /// to write. The bytes are masked in place.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was written, masked or changed.
    pub fn frame_binary_part<'p, O: Output + ?Sized>(
        &mut self,
        part: &'p mut [u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<&'p [u8], SendError> {
        let key = self.frame_part(Part::Binary(part), fin, out)?;
        Ok(masked(part, key))
    }
}

/// Masks a payload where it is.
#[inline]
fn masked(payload: &mut [u8], key: Option<[u8; 4]>) -> &[u8] {
    if let Some(key) = key {
        simd::xor(payload, key);
    }
    payload
}

/// The opcode that starts a message.
pub(super) const fn opcode(kind: Kind) -> Opcode {
    match kind {
        Kind::Text => Opcode::Text,
        Kind::Binary => Opcode::Binary,
    }
}

/// Writes a control frame. `payload` fits into one.
pub(super) fn control<R: Role, O: Output + ?Sized>(
    role: &mut R,
    opcode: Opcode,
    payload: &[u8],
    out: &mut O,
) -> Result<(), SendError> {
    write_frame(role, FIN | opcode as u8, payload, out)
}

#[inline]
fn write_frame<R: Role, O: Output + ?Sized>(
    role: &mut R,
    first: u8,
    payload: &[u8],
    out: &mut O,
) -> Result<(), SendError> {
    if role.masks_output() {
        return if R::Side::IS_OPEN {
            call_write_masked(role, first, payload, out)
        } else {
            write_masked(role, first, payload, out)
        };
    }
    // On its own, so that a header without a key is a constant but for two bytes (`tokio/batch/32/burst` in
    // `benches/shells`, where the role is known at run time only, takes 4 % more without it).
    let len = payload.len();
    if out.room() < frame::encoded_len(len as u64, false).saturating_add(len) {
        return Err(SendError::OutputFull);
    }
    let header = frame::encode(first, len as u64, None, |header| header);
    out.put_frame(header, payload, None);
    Ok(())
}

/// On its own, so that servers whose role is known only at run time do not save registers for it.
#[inline(never)]
fn call_write_masked<R: Role, O: Output + ?Sized>(
    role: &mut R,
    first: u8,
    payload: &[u8],
    out: &mut O,
) -> Result<(), SendError> {
    write_masked(role, first, payload, out)
}

#[inline]
fn write_masked<R: Role, O: Output + ?Sized>(
    role: &mut R,
    first: u8,
    payload: &[u8],
    out: &mut O,
) -> Result<(), SendError> {
    let len = payload.len();
    let total = frame::encoded_len(len as u64, true).saturating_add(len);
    let key = key_for(role, total, out)?;
    let header = frame::encode(first, len as u64, key, |header| header);
    out.put_frame(header, payload, key);
    Ok(())
}

/// Writes the header of a frame with a payload of `len` bytes, and gives the key to mask it with.
#[inline(always)]
fn write_header<R: Role, O: Output + ?Sized>(
    role: &mut R,
    first: u8,
    len: usize,
    out: &mut O,
) -> Result<Option<[u8; 4]>, SendError> {
    let key = key_for(
        role,
        frame::encoded_len(len as u64, role.masks_output()),
        out,
    )?;
    frame::encode(first, len as u64, key, |header| {
        out.put_frame(header, &[], None);
    });
    Ok(key)
}

/// The masking key for a frame, once it is known that its `needed` bytes fit: no key is drawn for
/// a frame that is not sent.
#[inline]
fn key_for<R: Role, O: Output + ?Sized>(
    role: &mut R,
    needed: usize,
    out: &O,
) -> Result<Option<[u8; 4]>, SendError> {
    if out.room() < needed {
        return Err(SendError::OutputFull);
    }
    role.mask().map_err(|NoKey| SendError::NoMaskKey)
}
