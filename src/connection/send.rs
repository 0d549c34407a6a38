//! The sending half: frames that the caller asks for.

use super::event::{Fin, Kind};
use super::role::sealed::NoKey;
use super::{Client, Connection, Flags, MaskSource, Role, Server};
use crate::buf::Output;
use crate::close::{CloseCode, CloseReason, ControlPayload, MAX_CLOSE_REASON};
use crate::error::SendError;
#[cfg(feature = "alloc")]
use crate::frame::EncodedHeader;
use crate::frame::{self, FIN, Opcode, Rsv};
use crate::simd;
use crate::utf8::{self, Utf8};

/// The message that is being sent in parts, and the reserved bits that were negotiated, in one byte:
/// a connection has to stay small.
///
/// ```text
///   bit   7   6   5   4   3   2   1   0
///         .   negotiated  [kind]  [detail ]
/// ```
///
/// `kind` is `CLOSED`, `BINARY`, `EXTENDED_TEXT` or `TEXT`. `detail` has the reserved bits of the first
/// frame, but of a plain `TEXT`, which has none, what is missing of a character that was cut.
#[derive(Clone, Copy)]
pub(super) struct Outgoing(u8);

impl Outgoing {
    const NEGOTIATED_SHIFT: u8 = 1;
    const NEGOTIATED: u8 = 0x07 << 5;
    const KIND: u8 = 0x03 << 3;
    const BINARY: u8 = 1 << 3;
    const EXTENDED_TEXT: u8 = 2 << 3;
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
        self.0 & Self::KIND != 0
    }

    const fn open_message(self) -> Option<(Kind, Rsv)> {
        let rsv = Rsv::from_bits((self.0 & Self::DETAIL) << Self::RSV_SHIFT);
        match self.0 & Self::KIND {
            Self::BINARY => Some((Kind::Binary, rsv)),
            Self::EXTENDED_TEXT => Some((Kind::Text, rsv)),
            Self::TEXT => Some((Kind::Text, Rsv::NONE)),
            _ => None,
        }
    }

    /// How far the text is that is being sent without an extension: inside a character or not.
    fn text(self) -> Utf8 {
        if self.0 & Self::KIND == Self::TEXT {
            Utf8::from_need(self.0 & Self::DETAIL)
        } else {
            Utf8::new()
        }
    }

    /// After a part. `text` is where a text without an extension has got to.
    fn set(&mut self, kind: Kind, rsv: Rsv, fin: Fin, text: Utf8) {
        self.0 &= Self::NEGOTIATED;
        if fin == Fin::Yes {
            return;
        }
        let rsv_bits = rsv.bits() >> Self::RSV_SHIFT;
        self.0 |= match kind {
            Kind::Binary => Self::BINARY | rsv_bits,
            Kind::Text if rsv.is_none() => Self::TEXT | text.need(),
            Kind::Text => Self::EXTENDED_TEXT | rsv_bits,
        };
    }
}

/// Which compressed data went out last, in three bytes.
///
/// A compressor may refer to what it has compressed before, if that is the last compressed data that
/// the peer has got. It names its history by a number that is its own, and leaves the number here with
/// every part that it sends; whatever else sends compressed data leaves [`FOREIGN`](Self::FOREIGN).
#[cfg(feature = "deflate")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct History([u8; 3]);

#[cfg(feature = "deflate")]
impl History {
    /// Nobody's, or that of nobody known.
    pub(crate) const FOREIGN: Self = Self([0; 3]);

    /// The number of a history, never that of [`FOREIGN`](Self::FOREIGN).
    pub(crate) const fn new(number: u32) -> Self {
        let [_, bytes @ ..] = (number % 0x00ff_ffff + 1).to_be_bytes();
        Self(bytes)
    }
}

impl<R: Role> Connection<R> {
    /// Whether a data frame can be sent: no Close has been sent or answered, nothing has failed.
    #[inline]
    pub fn can_send(&self) -> bool {
        !self.flags.contains(Flags::CLOSE_SENT | Flags::EOF)
    }

    /// Sends a text message in one frame.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was written and nothing changed.
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
    /// So a proxy sends on what it receives, a frame for each piece: [`Text::raw`](super::Text::raw) may be
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
        let first = self.data_first(Kind::Text, Rsv::NONE, fin)?;
        let text = text_after(self.sender.text(), part, fin)?;
        write_frame(&mut self.role, first, part, out)?;
        self.sender.set(Kind::Text, Rsv::NONE, fin, text);
        Ok(())
    }

    /// Whether a message is being sent in parts: its last part, the one with [`Fin::Yes`], has not been
    /// sent. Until then no other message can be.
    #[inline]
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
    /// A [`DeflateEncoder`](crate::extension::deflate::DeflateEncoder) of the same connection compresses its
    /// next message without history then: the peer's window has what was sent here, and its own has not.
    ///
    /// # Errors
    ///
    /// [`SendError::ReservedBits`] if `rsv` is empty or was not negotiated, and as
    /// [`send_text_part`](Self::send_text_part).
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
        self.send_data(kind, rsv, encoded, fin, out)?;
        #[cfg(feature = "deflate")]
        if rsv.contains(Rsv::RSV1) {
            self.history = History::FOREIGN;
        }
        Ok(())
    }

    /// Sends a Ping (RFC 6455 5.5.2).
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] once the peer's Close has come or the connection has failed,
    /// [`SendError::OutputFull`], [`SendError::NoMaskKey`]; nothing was written.
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
    pub fn close<O: Output + ?Sized>(
        &mut self,
        code: CloseCode,
        reason: CloseReason<'_>,
        out: &mut O,
    ) -> Result<(), SendError> {
        let echoed = self.close_code() == Some(code);
        if !R::MASKS_OUTPUT && code == CloseCode::MANDATORY_EXTENSION && !echoed {
            return Err(SendError::CodeForClients);
        }
        let mut body = [0; 2 + MAX_CLOSE_REASON];
        let reason = reason.as_str().as_bytes();
        let len = 2 + reason.len();
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
        self.send_data(kind, Rsv::NONE, part, fin, out)
    }

    /// Sends whole characters, bytes, or what an extension has encoded.
    fn send_data<O: Output + ?Sized>(
        &mut self,
        kind: Kind,
        rsv: Rsv,
        payload: &[u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<(), SendError> {
        let first = self.data_first(kind, rsv, fin)?;
        self.check_character(kind)?;
        write_frame(&mut self.role, first, payload, out)?;
        self.sender.set(kind, rsv, fin, Utf8::new());
        Ok(())
    }

    /// Sends a part that a compressor has made, which has the history of that name from now on.
    #[cfg(feature = "deflate")]
    pub(crate) fn send_compressed<O: Output + ?Sized>(
        &mut self,
        kind: Kind,
        encoded: &[u8],
        fin: Fin,
        history: History,
        out: &mut O,
    ) -> Result<(), SendError> {
        self.send_data(kind, Rsv::RSV1, encoded, fin, out)?;
        self.history = history;
        Ok(())
    }

    /// Whose the compressed data is that was sent last.
    #[cfg(feature = "deflate")]
    pub(crate) const fn history(&self) -> History {
        self.history
    }

    /// The reserved bits of the message that is being sent in parts.
    #[cfg(feature = "deflate")]
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
        if out.room() < frame::encoded_len(0, R::MASKS_OUTPUT) {
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

    /// Whole characters cannot follow a part that was cut inside one.
    fn check_character(&self, kind: Kind) -> Result<(), SendError> {
        if kind == Kind::Text && !self.sender.text().is_complete() {
            return Err(SendError::TextNotUtf8);
        }
        Ok(())
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
    fn frame_whole<O: Output + ?Sized>(
        &mut self,
        kind: Kind,
        len: usize,
        out: &mut O,
    ) -> Result<Option<[u8; 4]>, SendError> {
        let first = self.whole_first(kind)?;
        write_header(&mut self.role, first, len, out)
    }

    /// Writes the header of a part. `text` is where a text has got to with it.
    fn frame_part<O: Output + ?Sized>(
        &mut self,
        kind: Kind,
        len: usize,
        fin: Fin,
        text: Utf8,
        out: &mut O,
    ) -> Result<Option<[u8; 4]>, SendError> {
        let first = self.data_first(kind, Rsv::NONE, fin)?;
        let key = write_header(&mut self.role, first, len, out)?;
        self.sender.set(kind, Rsv::NONE, fin, text);
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
    /// let mut head = Vec::new();
    /// let payload = connection.frame_text("hello", &mut head)?;
    /// assert_eq!([&head[..], payload].concat(), b"\x81\x05hello");
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
    /// let mut head = Vec::new();
    /// let payload = connection.frame_text_part("hel", Fin::No, &mut head)?;
    /// assert_eq!([&head[..], payload].concat(), b"\x01\x03hel");
    ///
    /// let other = connection.frame_text("a message of its own", &mut head);
    /// assert_eq!(other, Err(SendError::MessageOpen));
    /// # Ok::<(), SendError>(())
    /// ```
    pub fn frame_text_part<'p, O: Output + ?Sized>(
        &mut self,
        part: &'p str,
        fin: Fin,
        out: &mut O,
    ) -> Result<&'p [u8], SendError> {
        self.data_first(Kind::Text, Rsv::NONE, fin)?;
        self.check_character(Kind::Text)?;
        self.frame_part(Kind::Text, part.len(), fin, Utf8::new(), out)?;
        Ok(part.as_bytes())
    }

    /// Sends a part of a text message that may end inside a character, as
    /// [`send_utf8_part`](Self::send_utf8_part) does, without copying it; see
    /// [`frame_text`](Self::frame_text) for what to write.
    ///
    /// # Errors
    ///
    /// As [`send_utf8_part`](Self::send_utf8_part).
    pub fn frame_utf8_part<'p, O: Output + ?Sized>(
        &mut self,
        part: &'p [u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<&'p [u8], SendError> {
        self.data_first(Kind::Text, Rsv::NONE, fin)?;
        let text = text_after(self.sender.text(), part, fin)?;
        self.frame_part(Kind::Text, part.len(), fin, text, out)?;
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
        self.frame_part(Kind::Binary, part.len(), fin, Utf8::new(), out)?;
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
    pub fn frame_text_part<'p, O: Output + ?Sized>(
        &mut self,
        utf8: &'p mut [u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<&'p [u8], SendError> {
        self.data_first(Kind::Text, Rsv::NONE, fin)?;
        let text = text_after(self.sender.text(), utf8, fin)?;
        let key = self.frame_part(Kind::Text, utf8.len(), fin, text, out)?;
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
        let key = self.frame_part(Kind::Binary, part.len(), fin, Utf8::new(), out)?;
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

/// Where a text has got to with `part`.
fn text_after(mut text: Utf8, part: &[u8], fin: Fin) -> Result<Utf8, SendError> {
    let mut valid = text.push(part).is_ok();
    if fin == Fin::Yes {
        valid &= text.finish().is_ok();
    }
    if valid {
        Ok(text)
    } else {
        Err(SendError::TextNotUtf8)
    }
}

/// The opcode that starts a message.
const fn opcode(kind: Kind) -> Opcode {
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
    let len = payload.len();
    let total = frame::encoded_len(len as u64, R::MASKS_OUTPUT).saturating_add(len);
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
    let key = key_for(role, frame::encoded_len(len as u64, R::MASKS_OUTPUT), out)?;
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
