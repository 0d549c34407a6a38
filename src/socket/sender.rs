use core::fmt;

use super::outbox::Outbox;
use super::queue::Sent;
use super::vectored::VectoredSend;
use crate::close::{CloseCode, CloseReason, ControlPayload};
use crate::connection::{Fin, Kind, Role};
use crate::error::SendError;
use crate::frame::EncodedHeader;
use crate::message::Message;

/// The sending side of a [`WebSocket`](crate::WebSocket), apart from the message it has given.
///
/// What is sent waits in [`WebSocket::pending`](crate::WebSocket::pending). A message is taken
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
pub struct Sender<'w, R: Role> {
    to: &'w mut Outbox<R>,
    sent: Sent,
    compressing: bool,
}

impl<'w, R: Role> Sender<'w, R> {
    #[inline]
    pub(super) const fn new(to: &'w mut Outbox<R>, sent: Sent) -> Self {
        Self {
            to,
            sent,
            compressing: true,
        }
    }

    /// The same, but what is sent is not compressed.
    ///
    /// For a message that has a secret next to what an attacker chose: its compressed length would
    /// tell of the secret (RFC 7692 8), also when the two are in different messages and the context
    /// is taken over. And for what is compressed already.
    ///
    /// A message in parts goes on as it began.
    #[cfg(feature = "deflate")]
    pub const fn uncompressed(&mut self) -> Sender<'_, R> {
        Sender {
            to: self.to,
            sent: self.sent,
            compressing: false,
        }
    }

    /// Whether a message can be sent: the connection is open and the output is not full.
    pub fn can_send(&self) -> bool {
        self.to.connection.can_send() && self.to.out.has_room()
    }

    /// Sends a text message.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent and nothing changed.
    pub fn send_text(&mut self, text: &str) -> Result<(), SendError> {
        self.whole(Kind::Text, text.as_bytes())
    }

    /// Sends a binary message.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent and nothing changed.
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
    /// What a client sends has to be masked, and what is compressed is made anew: then the frame is in the
    /// queue, and writing the slices writes that.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent and nothing changed.
    // Inlined, so that the header stays in registers.
    #[inline(always)]
    pub fn send_vectored(mut self, message: Message<'w>) -> Result<VectoredSend<'w, R>, SendError> {
        let (kind, payload) = match message {
            Message::Text(text) => (Kind::Text, text.as_bytes()),
            Message::Binary(data) => (Kind::Binary, data),
        };
        let encodes = self.compressing && self.to.encoder.encodes();
        let (header, payload) = if R::MASKS_OUTPUT || encodes {
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

    #[inline(never)]
    fn queue(&mut self, kind: Kind, payload: &[u8]) -> Result<(), SendError> {
        self.whole(kind, payload)
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
    pub fn send_binary_part(&mut self, part: &[u8], fin: Fin) -> Result<(), SendError> {
        self.part(Kind::Binary, part, fin)
    }

    /// Sends a Ping.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent and nothing changed.
    pub fn ping<'p>(&mut self, payload: impl Into<ControlPayload<'p>>) -> Result<(), SendError> {
        let (connection, mut out) = self.to.parts(self.sent);
        connection.ping(payload, &mut out)
    }

    /// Sends a Pong that nobody asked for, as a sign of life. Pings are answered by themselves.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent and nothing changed.
    pub fn pong<'p>(&mut self, payload: impl Into<ControlPayload<'p>>) -> Result<(), SendError> {
        let (connection, mut out) = self.to.parts(self.sent);
        connection.pong(payload, &mut out)
    }

    /// Starts the closing handshake without a code; see [`Connection::close_empty`](crate::Connection::close_empty).
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent and nothing changed.
    pub fn close_empty(&mut self) -> Result<(), SendError> {
        let (connection, mut out) = self.to.parts(self.sent);
        connection.close_empty(&mut out)
    }

    /// Starts the closing handshake; see [`Connection::close`](crate::Connection::close).
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent and nothing changed.
    pub fn close(&mut self, code: CloseCode, reason: CloseReason<'_>) -> Result<(), SendError> {
        let (connection, mut out) = self.to.parts(self.sent);
        connection.close(code, reason, &mut out)
    }
}

impl<R: Role> Sender<'_, R> {
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
        let mut out = self.to.out.messages(self.sent);
        let connection = &mut self.to.connection;
        if self.compressing {
            let encoder = &mut self.to.encoder;
            encoder.send_part(connection, kind, part, fin, &mut out)
        } else {
            connection.send_part(kind, part, fin, &mut out)
        }
    }
}

impl<R: Role> fmt::Debug for Sender<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("connection", &self.to.connection)
            .finish_non_exhaustive()
    }
}
