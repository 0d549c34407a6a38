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
use crate::utf8;

/// What is open for sending, in one byte: the reserved bits of the message that is being sent,
/// where a frame has them, and those that were negotiated, shifted to the bottom.
#[derive(Clone, Copy)]
pub(super) struct Sender(u8);

impl Sender {
    const OPEN: u8 = 1 << 7;
    const TEXT: u8 = 1 << 3;
    const NEGOTIATED_SHIFT: u8 = 4;
    const NEGOTIATED: u8 = 0x07;

    pub(super) const fn new(negotiated: Rsv) -> Self {
        Self(negotiated.bits() >> Self::NEGOTIATED_SHIFT)
    }

    pub(super) const fn negotiated(self) -> Rsv {
        Rsv::from_bits((self.0 & Self::NEGOTIATED) << Self::NEGOTIATED_SHIFT)
    }

    /// Whether a message is being sent in parts.
    const fn is_open(self) -> bool {
        self.0 & Self::OPEN != 0
    }

    const fn open_message(self) -> Option<(Kind, Rsv)> {
        if !self.is_open() {
            return None;
        }
        let kind = if self.0 & Self::TEXT != 0 {
            Kind::Text
        } else {
            Kind::Binary
        };
        Some((kind, Rsv::from_bits(self.0)))
    }

    fn set(&mut self, kind: Kind, rsv: Rsv, fin: Fin) {
        self.0 &= Self::NEGOTIATED;
        if fin == Fin::No {
            let text = if kind == Kind::Text { Self::TEXT } else { 0 };
            self.0 |= Self::OPEN | text | rsv.bits();
        }
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
    /// frame and has to be given the same for every part.
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
        self.send_data(kind, rsv, encoded, fin, out)
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

    pub(crate) fn send_data<O: Output + ?Sized>(
        &mut self,
        kind: Kind,
        rsv: Rsv,
        payload: &[u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<(), SendError> {
        let first = self.data_first(kind, rsv, fin)?;
        write_frame(&mut self.role, first, payload, out)?;
        self.sender.set(kind, rsv, fin);
        Ok(())
    }

    /// The reserved bits of the message that is being sent in parts.
    #[cfg(feature = "deflate")]
    pub(crate) fn open_rsv(&self) -> Option<Rsv> {
        self.sender.open_message().map(|(_, rsv)| rsv)
    }

    #[cfg(feature = "deflate")]
    pub(crate) fn is_message_open(&self) -> bool {
        self.sender.open_message().is_some()
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

    /// The header of a message in one frame, of a server: it is not masked. Sending it changes no state.
    #[cfg(feature = "alloc")]
    #[inline(always)]
    pub(crate) fn whole_header(&self, kind: Kind, len: usize) -> Result<EncodedHeader, SendError> {
        let first = self.whole_first(kind)?;
        Ok(frame::encode(first, len as u64, None, |header| header))
    }

    /// Writes the header of a frame whose payload the caller writes behind it.
    #[inline]
    fn frame<O: Output + ?Sized>(
        &mut self,
        kind: Kind,
        len: usize,
        fin: Fin,
        out: &mut O,
    ) -> Result<Option<[u8; 4]>, SendError> {
        if fin == Fin::No || self.sender.is_open() {
            return self.frame_part(kind, len, fin, out);
        }
        let first = self.whole_first(kind)?;
        write_header(&mut self.role, first, len, out)
    }

    #[inline(never)]
    fn frame_part<O: Output + ?Sized>(
        &mut self,
        kind: Kind,
        len: usize,
        fin: Fin,
        out: &mut O,
    ) -> Result<Option<[u8; 4]>, SendError> {
        let first = self.data_first(kind, Rsv::NONE, fin)?;
        let key = write_header(&mut self.role, first, len, out)?;
        self.sender.set(kind, Rsv::NONE, fin);
        Ok(key)
    }
}

impl Connection<Server> {
    /// Sends text without copying it: the header goes to `out`, the caller writes `out` and then
    /// the returned slice (`writev`), which is `text`. Nothing else may go to `out` before both are
    /// written, not even the Pong of a `receive`.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was written and nothing changed.
    ///
    /// ```
    /// use ws_proto::{Config, Connection, Fin, Negotiated};
    ///
    /// let mut connection = Connection::server(Negotiated::new(), Config::new());
    /// let mut head = Vec::new();
    /// let payload = connection.frame_text("hello", Fin::Yes, &mut head)?;
    /// assert_eq!([&head[..], payload].concat(), b"\x81\x05hello");
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    #[inline]
    pub fn frame_text<'p, O: Output + ?Sized>(
        &mut self,
        text: &'p str,
        fin: Fin,
        out: &mut O,
    ) -> Result<&'p [u8], SendError> {
        self.frame(Kind::Text, text.len(), fin, out)?;
        Ok(text.as_bytes())
    }

    /// Sends bytes without copying them, as [`frame_text`](Self::frame_text) does text.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was written and nothing changed.
    #[inline]
    pub fn frame_binary<'p, O: Output + ?Sized>(
        &mut self,
        data: &'p [u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<&'p [u8], SendError> {
        self.frame(Kind::Binary, data.len(), fin, out)?;
        Ok(data)
    }
}

impl<M: MaskSource> Connection<Client<M>> {
    /// Sends text without copying it: the header goes to `out`, the bytes are masked in place, the
    /// caller writes `out` and then the returned slice (`writev`). Nothing else may go to `out`
    /// before both are written, not even the Pong of a `receive`.
    ///
    /// The bytes of each part have to be UTF-8 by themselves. They are of no use afterwards.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was written, masked or changed.
    ///
    /// ```
    /// use ws_proto::{Config, Connection, Fin, Negotiated};
    ///
    /// let mut connection = Connection::client(Negotiated::new(), Config::new(), || [1, 2, 3, 4]);
    /// let mut head = Vec::new();
    /// let mut text = *b"hello";
    /// let payload = connection.frame_text(&mut text, Fin::Yes, &mut head)?;
    /// assert_eq!([&head[..], payload].concat(), b"\x81\x85\x01\x02\x03\x04ig\x6fhn");
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    #[inline]
    pub fn frame_text<'p, O: Output + ?Sized>(
        &mut self,
        utf8: &'p mut [u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<&'p [u8], SendError> {
        if utf8::from_utf8(utf8).is_err() {
            return Err(SendError::TextNotUtf8);
        }
        self.frame_masked(Kind::Text, utf8, fin, out)
    }

    /// Sends bytes without copying them, as [`frame_text`](Self::frame_text) does text. The bytes
    /// are masked in place.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was written, masked or changed.
    ///
    /// Bytes that cannot be masked cannot be sent:
    ///
    /// ```compile_fail
    /// # use ws_proto::{Config, Connection, Fin, Negotiated};
    /// # let mut connection = Connection::client(Negotiated::new(), Config::new(), || [1, 2, 3, 4]);
    /// let payload = connection.frame_binary(b"shared", Fin::Yes, &mut Vec::new());
    /// ```
    #[inline]
    pub fn frame_binary<'p, O: Output + ?Sized>(
        &mut self,
        data: &'p mut [u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<&'p [u8], SendError> {
        self.frame_masked(Kind::Binary, data, fin, out)
    }

    #[inline]
    fn frame_masked<'p, O: Output + ?Sized>(
        &mut self,
        kind: Kind,
        data: &'p mut [u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<&'p [u8], SendError> {
        if let Some(key) = self.frame(kind, data.len(), fin, out)? {
            simd::xor(data, key);
        }
        Ok(data)
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
