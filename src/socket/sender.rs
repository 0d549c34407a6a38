use alloc::vec::Vec;
use core::fmt;

use super::outbox::Outbox;
use super::queue::Sent;
use super::vectored::VectoredSend;
use crate::buf::Output;
use crate::close::{CloseCode, CloseReason, ControlPayload};
use crate::connection::{Fin, Kind, PreparedFrame, PreparedMessage, Role};
use crate::error::SendError;
use crate::frame::EncodedHeader;
use crate::message::Message;

/// Payloads from this size on can be queued by reference. Copying less is cheaper: a copy of 4 KiB takes 690
/// instructions, a reference 920 (`prepared/websocket` of `benches/engine`) and a vectored write.
const SHARED: usize = 8 * 1024;

/// The sending side of a [`WebSocket`](crate::WebSocket), apart from the message it has given.
///
/// Sent messages wait in [`WebSocket::pending`](crate::WebSocket::pending). A message is taken
/// whole while less than the high-water mark waits there, and refused with
/// [`SendError::OutputFull`] otherwise.
///
/// ```
/// use ws_proto::{CloseCode, CloseReason, Config, Negotiated, WebSocket};
///
/// let mut server = WebSocket::server(Negotiated::new(), Config::new());
/// let mut sender = server.sender();
/// sender.send_text("the last word")?;
/// sender.close(CloseCode::GOING_AWAY, CloseReason::EMPTY)?;
/// assert!(!sender.can_send());
/// assert!(server.pending().ends_with(b"\x88\x02\x03\xe9"));
/// # Ok::<(), ws_proto::SendError>(())
/// ```
pub struct Sender<'w, R: Role, B = Vec<u8>> {
    to: &'w mut Outbox<R, B>,
    sent: Sent,
    compressing: bool,
}

impl<'w, R: Role, B: AsRef<[u8]>> Sender<'w, R, B> {
    #[inline]
    pub(super) const fn new(to: &'w mut Outbox<R, B>, sent: Sent) -> Self {
        Self {
            to,
            sent,
            compressing: true,
        }
    }

    /// A second handle for a shorter time, for functions that take a `Sender` by value.
    ///
    /// ```
    /// use ws_proto::{Config, Message, Negotiated, SendError, Sender, Server, WebSocket};
    ///
    /// fn send_twice(sender: &mut Sender<'_, Server>, message: Message<'_>) -> Result<(), SendError> {
    ///     sender.by_ref().send(message)?;
    ///     sender.send(message)
    /// }
    ///
    /// let mut server = WebSocket::server(Negotiated::new(), Config::new());
    /// send_twice(&mut server.sender(), Message::Binary(&[7]))?;
    /// assert_eq!(server.pending(), b"\x82\x01\x07\x82\x01\x07");
    /// # Ok::<(), SendError>(())
    /// ```
    #[must_use]
    pub const fn by_ref(&mut self) -> Sender<'_, R, B> {
        Sender {
            to: self.to,
            sent: self.sent,
            compressing: self.compressing,
        }
    }

    /// As [`WebSocket::set_compressing`](crate::WebSocket::set_compressing).
    #[cfg(feature = "deflate")]
    pub fn set_compressing(&mut self, compressing: bool) {
        self.to.encoder.pause(!compressing);
    }

    /// A handle that sends without compression.
    ///
    /// For a message that has a secret next to what an attacker chose: its compressed length would
    /// reveal the secret (RFC 7692 8), also when the two are in different messages and the context
    /// is taken over. And for data that is compressed already.
    ///
    /// A message in parts goes on as it began: this does not change its further parts.
    ///
    /// ```
    /// use ws_proto::extension::deflate::{Deflate, DeflateParams};
    /// use ws_proto::{Config, WebSocket};
    ///
    /// let params = DeflateParams::new(); // as the handshake has agreed
    /// let mut server =
    ///     WebSocket::server(params.negotiated(), Config::new()).with_deflate(&Deflate::new(), params);
    /// let mut sender = server.sender();
    /// sender.uncompressed().send_text("token=secret, echo=what somebody else has sent")?;
    /// sender.set_compressing(false); // all messages from here on
    /// sender.send_binary(&[0; 1000])?;
    /// assert!(server.pending_bytes() > 1000);
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    #[cfg(feature = "deflate")]
    #[must_use]
    pub const fn uncompressed(&mut self) -> Sender<'_, R, B> {
        Sender {
            to: self.to,
            sent: self.sent,
            compressing: false,
        }
    }

    /// Whether a message can be sent: the connection is open, writing has not failed, and less than the
    /// high-water mark waits.
    #[must_use]
    pub fn can_send(&self) -> bool {
        self.to.can_send() && self.to.out.has_room()
    }

    /// How many more bytes may wait before nothing can be sent. A message of any size fits while it is
    /// not 0.
    ///
    /// ```
    /// use ws_proto::{Config, Negotiated, SendError, WebSocket};
    ///
    /// let mut server =
    ///     WebSocket::server(Negotiated::new(), Config::new()).with_high_water(64 * 1024);
    /// let mut sender = server.sender();
    /// while sender.room() > 0 {
    ///     sender.send_binary(&[7; 1000])?;
    /// }
    /// assert_eq!(sender.send_binary(&[7]), Err(SendError::OutputFull)); // write first
    /// # Ok::<(), SendError>(())
    /// ```
    #[must_use]
    pub fn room(&self) -> usize {
        self.to.out.room()
    }

    /// Sends a text message.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent and nothing changed.
    #[inline]
    pub fn send_text(&mut self, text: &str) -> Result<(), SendError> {
        self.whole(Kind::Text, text.as_bytes())
    }

    /// Sends a binary message.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent and nothing changed.
    #[inline]
    pub fn send_binary(&mut self, data: &[u8]) -> Result<(), SendError> {
        self.whole(Kind::Binary, data)
    }

    /// Sends a message of either kind.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent and nothing changed.
    pub fn send(&mut self, message: Message<'_>) -> Result<(), SendError> {
        match message {
            Message::Text(text) => self.send_text(text),
            Message::Binary(data) => self.send_binary(data),
        }
    }

    /// Sends a message without copying what the transport takes at once: what this gives is to be written, see
    /// [`VectoredSend`]. Worth it for all but the small messages that are written many at a time.
    ///
    /// A client has to mask its payload, and compression makes a new payload: then the frame is in the
    /// queue, and writing the slices writes that.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent and nothing changed.
    ///
    /// ```
    /// use ws_proto::{Config, Message, Negotiated, WebSocket};
    ///
    /// let mut server = WebSocket::server(Negotiated::new(), Config::new());
    /// let send = server.sender().send_vectored(Message::Binary(&[1, 2, 3]))?;
    /// assert_eq!(send.slices(), [&b""[..], b"\x82\x03", b"\x01\x02\x03"]); // for a vectored write
    /// send.consume(5); // all of it was written
    /// assert!(server.pending().is_empty());
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    // Inlined, so that the header stays in registers.
    #[inline(always)]
    pub fn send_vectored(
        mut self,
        message: Message<'w>,
    ) -> Result<VectoredSend<'w, R, B>, SendError> {
        let (kind, payload) = match message {
            Message::Text(text) => (Kind::Text, text.as_bytes()),
            Message::Binary(data) => (Kind::Binary, data),
        };
        let (header, payload) = if self.copies() {
            self.queue(kind, payload)?;
            (EncodedHeader::NONE, Default::default())
        } else {
            let header = self.to.connection.whole_header(kind, payload.len())?;
            if !self.to.out.has_room() {
                return Err(SendError::OutputFull);
            }
            (header, payload)
        };
        Ok(VectoredSend::new(self.to, self.sent, header, payload))
    }

    /// Whether the payload has to be made anew: masked, or compressed. Or something is queued by
    /// reference, which the slices of a [`VectoredSend`] have no place for.
    #[inline(always)]
    fn copies(&self) -> bool {
        self.to.connection.is_client()
            || (self.compressing && self.to.encoder.encodes())
            || self.to.out.has_shared()
    }

    #[inline(never)]
    fn queue(&mut self, kind: Kind, payload: &[u8]) -> Result<(), SendError> {
        self.whole(kind, payload)
    }

    /// Whether [`send_binary_shared`](Self::send_binary_shared) copies a payload of `len` bytes. Then
    /// [`send_binary`](Self::send_binary) does the same.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use ws_proto::{Config, Negotiated, Server, WebSocket};
    ///
    /// let mut server: WebSocket<Server, Arc<[u8]>> =
    ///     WebSocket::server(Negotiated::new(), Config::new()).sharing();
    /// assert!(server.sender().copies_payload(100)); // a copy of 100 bytes costs less
    /// assert!(!server.sender().copies_payload(100_000));
    /// ```
    #[inline]
    #[must_use]
    pub fn copies_payload(&self, len: usize) -> bool {
        len < SHARED
            || self.to.connection.is_client()
            || (self.compressing && self.to.encoder.encodes())
    }

    /// Sends a text message whose payload is queued by reference, not copied: one payload can go to many
    /// connections. `text` is turned into the type of payloads that this connection shares; one that is
    /// shorter than 8 KiB, is compressed, or is sent by a client (which has to mask it) is copied.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent and nothing changed.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use ws_proto::{Config, Fin, Negotiated, Server, WebSocket};
    ///
    /// let mut server: WebSocket<Server, Arc<[u8]>> =
    ///     WebSocket::server(Negotiated::new(), Config::new()).sharing();
    /// let text: Arc<str> = "x".repeat(10_000).into();
    /// server.sender().send_text_shared(text.clone())?;
    /// server.sender().send_text_part_shared(text.clone(), Fin::Yes)?; // the only part
    /// server.sender().send_binary_part_shared(Arc::from([1, 2]), Fin::Yes)?;
    /// assert_eq!(Arc::strong_count(&text), 3);
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    #[inline]
    pub fn send_text_shared(&mut self, text: impl AsRef<str> + Into<B>) -> Result<(), SendError> {
        if self.copies_payload(text.as_ref().len()) {
            return self.send_text(text.as_ref());
        }
        self.share(Kind::Text, text.into(), None)
    }

    /// Sends a binary message whose payload is queued by reference, as
    /// [`send_text_shared`](Self::send_text_shared).
    ///
    /// ```
    /// use std::sync::Arc;
    /// use ws_proto::{Config, Negotiated, Server, WebSocket};
    ///
    /// type Shared = Arc<[u8]>;
    /// let mut connections: Vec<WebSocket<Server, Shared>> = (0..3)
    ///     .map(|_| WebSocket::server(Negotiated::new(), Config::new()).sharing())
    ///     .collect();
    /// let update: Shared = vec![7; 1 << 20].into();
    /// for connection in &mut connections {
    ///     connection.sender().send_binary_shared(update.clone())?;
    /// }
    /// assert_eq!(Arc::strong_count(&update), 4); // there is one copy of it
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent and nothing changed.
    #[inline]
    pub fn send_binary_shared(&mut self, data: B) -> Result<(), SendError> {
        if self.copies_payload(data.as_ref().len()) {
            return self.send_binary(data.as_ref());
        }
        self.share(Kind::Binary, data, None)
    }

    /// Sends a [prepared message](PreparedMessage): compressed, if this connection compresses and it becomes
    /// shorter. Nothing is encoded for this connection, unless it is a client or the first that needs the
    /// message compressed. A payload of 8 KiB and more, as it goes out, is queued by reference; a client
    /// copies it, since it masks it.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use ws_proto::{Config, Negotiated, PreparedMessage, Server, WebSocket};
    ///
    /// type Shared = Arc<[u8]>;
    /// let mut connections: Vec<WebSocket<Server, Shared>> = (0..3)
    ///     .map(|_| WebSocket::server(Negotiated::new(), Config::new()).sharing())
    ///     .collect();
    /// let news = PreparedMessage::<Shared>::text(Arc::<str>::from("to all of you"));
    /// for connection in &mut connections {
    ///     connection.sender().send_prepared(&news)?;
    ///     assert_eq!(connection.pending(), b"\x81\x0dto all of you");
    /// }
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent and nothing changed.
    pub fn send_prepared(&mut self, message: &PreparedMessage<B>) -> Result<(), SendError>
    where
        B: Clone + From<Vec<u8>>,
    {
        let frame = self.prepared_frame(message)?;
        let (connection, mut out) = self.to.parts(self.sent);
        if connection.is_client() {
            return connection.send_prepared_frame(frame, &mut out);
        }
        connection.note_prepared(frame);
        if frame.payload().len() < SHARED {
            out.put_frame(frame.header(), frame.payload(), None);
            return Ok(());
        }
        out.put(&frame.header());
        self.to.out.push_shared(frame.shared().clone(), self.sent);
        Ok(())
    }

    /// Sends a [prepared message](PreparedMessage) without copying what the transport takes at once, as
    /// [`send_vectored`](Self::send_vectored) does: header and payload are to be written from where they are, after
    /// queued output. The rest of it is copied.
    ///
    /// ```
    /// use ws_proto::{Config, Negotiated, PreparedMessage, WebSocket};
    ///
    /// let news = PreparedMessage::text("to all of you");
    /// let mut server = WebSocket::server(Negotiated::new(), Config::new());
    /// let send = server.sender().send_prepared_vectored(&news)?;
    /// assert_eq!(send.slices(), [&b""[..], b"\x81\x0d", b"to all of you"]);
    /// send.consume(10); // the socket takes no more
    /// assert_eq!(server.pending(), b"f you");
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent and nothing changed.
    // Inlined as `send_vectored`, so that the header stays in registers: of 100 B it takes a third of the
    // instructions of a message that is queued (`prepared/websocket/vectored/100`).
    #[inline(always)]
    pub fn send_prepared_vectored(
        mut self,
        message: &'w PreparedMessage<B>,
    ) -> Result<VectoredSend<'w, R, B>, SendError>
    where
        B: Clone + From<Vec<u8>>,
    {
        let (header, payload) = if self.to.connection.is_client() || self.to.out.has_shared() {
            self.send_prepared(message)?;
            (EncodedHeader::NONE, Default::default())
        } else {
            let frame = self.prepared_frame(message)?;
            self.to.connection.note_prepared(frame);
            (frame.header(), frame.payload())
        };
        Ok(VectoredSend::new(self.to, self.sent, header, payload))
    }

    /// Sends a part of a text message, queued by reference as
    /// [`send_text_shared`](Self::send_text_shared).
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent and nothing changed.
    pub fn send_text_part_shared(
        &mut self,
        part: impl AsRef<str> + Into<B>,
        fin: Fin,
    ) -> Result<(), SendError> {
        if part.as_ref().len() < SHARED || self.copies_part() {
            return self.send_text_part(part.as_ref(), fin);
        }
        self.share(Kind::Text, part.into(), Some(fin))
    }

    /// Sends a part of a binary message, queued by reference as
    /// [`send_text_shared`](Self::send_text_shared).
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent and nothing changed.
    pub fn send_binary_part_shared(&mut self, part: B, fin: Fin) -> Result<(), SendError> {
        if part.as_ref().len() < SHARED || self.copies_part() {
            return self.send_binary_part(part.as_ref(), fin);
        }
        self.share(Kind::Binary, part, Some(fin))
    }

    /// Sends a part of a text message; see [`Connection::send_text_part`](crate::Connection::send_text_part).
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent and nothing changed.
    pub fn send_text_part(&mut self, part: &str, fin: Fin) -> Result<(), SendError> {
        self.part(Kind::Text, part.as_bytes(), fin)
    }

    /// Sends a part of a binary message; see [`Connection::send_binary_part`](crate::Connection::send_binary_part).
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent and nothing changed.
    ///
    /// ```
    /// use ws_proto::{Config, Fin, Negotiated, WebSocket};
    ///
    /// let mut server = WebSocket::server(Negotiated::new(), Config::new());
    /// server.sender().send_text_part("in ", Fin::No)?;
    /// server.sender().send_text_part("parts", Fin::Yes)?;
    /// server.sender().send_binary_part(&[1], Fin::Yes)?; // the only part of the next message
    /// assert_eq!(server.pending(), b"\x01\x03in \x80\x05parts\x82\x01\x01");
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    pub fn send_binary_part(&mut self, part: &[u8], fin: Fin) -> Result<(), SendError> {
        self.part(Kind::Binary, part, fin)
    }

    /// Sends a Ping.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent and nothing changed.
    ///
    /// ```
    /// use ws_proto::{Config, Negotiated, WebSocket};
    ///
    /// let mut server = WebSocket::server(Negotiated::new(), Config::new());
    /// server.sender().ping(b"42")?;
    /// server.sender().pong(b"")?;
    /// server.sender().close_empty()?;
    /// assert_eq!(server.pending(), b"\x89\x0242\x8a\x00\x88\x00");
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    pub fn ping<'p>(&mut self, payload: impl Into<ControlPayload<'p>>) -> Result<(), SendError> {
        self.check()?;
        let (connection, mut out) = self.to.parts(self.sent);
        connection.ping(payload, &mut out)
    }

    /// Sends a Pong: as a sign of life, or the answer to a Ping with
    /// [`Config::manual_pong`](crate::Config::manual_pong). Without that Pings are answered by themselves.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent and nothing changed.
    pub fn pong<'p>(&mut self, payload: impl Into<ControlPayload<'p>>) -> Result<(), SendError> {
        self.check()?;
        let (connection, mut out) = self.to.parts(self.sent);
        connection.pong(payload, &mut out)
    }

    /// Starts the closing handshake without a code; see [`Connection::close_empty`](crate::Connection::close_empty).
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent and nothing changed.
    pub fn close_empty(&mut self) -> Result<(), SendError> {
        let (connection, mut out) = self.to.closing();
        connection.close_empty(&mut out)
    }

    /// Starts the closing handshake; see [`Connection::close`](crate::Connection::close).
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent and nothing changed.
    pub fn close(&mut self, code: CloseCode, reason: CloseReason<'_>) -> Result<(), SendError> {
        let (connection, mut out) = self.to.closing();
        connection.close(code, reason, &mut out)
    }
}

impl<R: Role, B: AsRef<[u8]>> Sender<'_, R, B> {
    #[inline]
    fn whole(&mut self, kind: Kind, payload: &[u8]) -> Result<(), SendError> {
        let mut out = self.to.out.messages(self.sent);
        let connection = &mut self.to.connection;
        if self.compressing {
            let encoder = &mut self.to.encoder;
            encoder.send_whole(connection, kind, payload, &mut out)
        } else {
            connection.send_whole(kind, payload, &mut out)
        }
    }

    fn part(&mut self, kind: Kind, part: &[u8], fin: Fin) -> Result<(), SendError> {
        let compresses = self.compresses_part();
        let mut out = self.to.out.messages(self.sent);
        let connection = &mut self.to.connection;
        if compresses {
            let encoder = &mut self.to.encoder;
            encoder.send_part(connection, kind, part, fin, &mut out)
        } else {
            connection.send_part(kind, part, fin, &mut out)
        }
    }

    /// The frame of a message that can be sent now.
    #[inline]
    fn prepared_frame<'p>(
        &self,
        message: &'p PreparedMessage<B>,
    ) -> Result<&'p PreparedFrame<B>, SendError>
    where
        B: From<Vec<u8>>,
    {
        self.to.connection.check_whole()?;
        if !self.to.out.has_room() {
            return Err(SendError::OutputFull);
        }
        if !self.compressing {
            return Ok(message.plain());
        }
        let encoder = &self.to.encoder;
        Ok(encoder.prepared_frame(&self.to.connection, message))
    }

    /// A message goes on as it began.
    fn compresses_part(&self) -> bool {
        #[cfg(feature = "deflate")]
        return match self.to.connection.open_rsv() {
            Some(rsv) => !rsv.is_none(),
            None => self.compressing && self.to.encoder.encodes(),
        };
        #[cfg(not(feature = "deflate"))]
        false
    }

    fn copies_part(&self) -> bool {
        self.to.connection.is_client() || self.compresses_part()
    }

    /// Queues a header, and the payload by reference.
    #[inline(never)]
    fn share(&mut self, kind: Kind, payload: B, fin: Option<Fin>) -> Result<(), SendError> {
        let bytes = payload.as_ref();
        let (connection, mut out) = self.to.parts(self.sent);
        // Of a server: there is no masking key.
        match fin {
            None => connection.frame_whole(kind, bytes.len(), &mut out)?,
            Some(fin) => connection.frame_whole_part(kind, bytes, fin, &mut out)?,
        };
        self.to.out.push_shared(payload, self.sent);
        Ok(())
    }

    /// What cannot be written is not sent.
    #[inline]
    const fn check(&self) -> Result<(), SendError> {
        if self.to.out.is_broken() {
            Err(SendError::Closed)
        } else {
            Ok(())
        }
    }
}

impl<R: Role, B> fmt::Debug for Sender<'_, R, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("connection", &self.to.connection)
            .finish_non_exhaustive()
    }
}
