//! Sending.

use std::fmt;

use bytes::{Bytes, BytesMut};
use ws_proto::{CloseCode, CloseReason, ControlPayload, Fin, Message, SendError};

use crate::engine::{Encoder, Engine};
use crate::stream::Stream;
use crate::wire::Wire;

/// Payloads from this size on are not copied into the output.
const BIG: usize = 4096;

/// Sends on an open connection: in reply to a message, or unasked
/// ([`WebSocket::sender`](crate::WebSocket::sender)).
///
/// What is sent is written in the connection's turn. Big payloads are written at once, from where
/// they are; only what the stream does not take of them is copied.
///
/// All methods fail with [`SendError::Closed`] once Close has been said, and with
/// [`SendError::OutputFull`] while the high-water mark is reached. Nothing was queued then.
pub struct Sender<'t, S> {
    pub(crate) engine: &'t mut Engine,
    pub(crate) encoder: &'t mut Encoder,
    pub(crate) wire: &'t mut Wire<S>,
    pub(crate) high_water: usize,
    pub(crate) is_reply: bool,
}

impl<S: Stream> Sender<'_, S> {
    /// How many more bytes may be queued before sending fails. A message of any size fits while it
    /// is not 0.
    pub fn room(&self) -> usize {
        let waiting = if self.is_reply {
            self.wire.out.replies()
        } else {
            self.wire.out.len()
        };
        self.high_water.saturating_sub(waiting)
    }

    /// Sends a message.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued.
    pub fn send(&mut self, message: Message<'_>) -> Result<(), SendError> {
        self.check()?;
        let payload = message.as_bytes();
        if payload.len() >= BIG && self.encoder.is_plain() && self.wire.writable {
            if let Engine::Server(connection) = &mut *self.engine {
                let mut head = self.wire.out.sink(usize::MAX, self.is_reply);
                Engine::frame(connection, message, &mut head)?;
                self.wire.write_through(payload, self.is_reply);
                return Ok(());
            }
        }
        let mut out = self.wire.out.sink(usize::MAX, self.is_reply);
        self.engine.send(message, self.encoder, &mut out)
    }

    /// Sends a message that is not compressed, whatever was agreed on. For secrets, whose length when
    /// compressed with something else would tell of them, and for what is compressed already. What is
    /// compressed later does not refer to it.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued.
    #[cfg(feature = "deflate")]
    #[cfg_attr(docsrs, doc(cfg(feature = "deflate")))]
    pub fn send_uncompressed(&mut self, message: Message<'_>) -> Result<(), SendError> {
        let was_paused = self.set_paused(true);
        let sent = self.send(message);
        self.set_paused(was_paused);
        sent
    }

    /// Whether messages that begin from now on are compressed, on this connection. They are, if
    /// permessage-deflate was agreed on and nothing else is said. A message of which parts have been
    /// sent goes on as it began.
    #[cfg(feature = "deflate")]
    #[cfg_attr(docsrs, doc(cfg(feature = "deflate")))]
    pub fn set_compressing(&mut self, compressing: bool) {
        self.set_paused(!compressing);
    }

    #[cfg(feature = "deflate")]
    fn set_paused(&mut self, is_paused: bool) -> bool {
        match &mut self.encoder.deflate {
            Some(deflate) => std::mem::replace(&mut deflate.is_paused, is_paused),
            None => is_paused,
        }
    }

    /// Sends a text message.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued.
    pub fn text(&mut self, text: &str) -> Result<(), SendError> {
        self.send(Message::Text(text))
    }

    /// Sends a binary message.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued.
    pub fn binary(&mut self, data: &[u8]) -> Result<(), SendError> {
        self.send(Message::Binary(data))
    }

    /// Sends a binary message that is queued by reference: for one payload to many connections. A
    /// client masks it in place if nobody shares it, and else a copy. Compressed, it is a copy
    /// too.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued.
    pub fn binary_shared(&mut self, data: Bytes) -> Result<(), SendError> {
        if data.len() < BIG || !self.encoder.is_plain() {
            return self.binary(&data);
        }
        self.check()?;
        let mut head = self.wire.out.sink(usize::MAX, self.is_reply);
        let payload = match &mut *self.engine {
            Engine::Server(connection) => {
                Engine::frame(connection, Message::Binary(&data), &mut head)?;
                data
            }
            Engine::Client(connection) => {
                let mut own = data
                    .try_into_mut()
                    .unwrap_or_else(|shared| BytesMut::from(&*shared));
                Engine::frame_masked(connection, ws_proto::Kind::Binary, &mut own, &mut head)?;
                own.freeze()
            }
        };
        self.wire.out.push_shared(payload, self.is_reply);
        Ok(())
    }

    /// Sends a part of a message as one frame: the first part opens the message, the one with
    /// [`Fin::Yes`] ends it. For messages whose length is not known beforehand, or that should not
    /// be held as a whole.
    ///
    /// # Errors
    ///
    /// [`SendError`], such as [`SendError::MessageOpen`] for a part of another kind; nothing was
    /// queued.
    pub fn part(&mut self, part: Message<'_>, fin: Fin) -> Result<(), SendError> {
        self.check()?;
        let mut out = self.wire.out.sink(usize::MAX, self.is_reply);
        self.engine.send_part(part, fin, self.encoder, &mut out)
    }

    /// Sends a Ping with up to 125 bytes. Keepalive does this by itself when the peer is silent.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued.
    pub fn ping<'p>(&mut self, payload: impl Into<ControlPayload<'p>>) -> Result<(), SendError> {
        self.check()?;
        let mut out = self.wire.out.sink(usize::MAX, self.is_reply);
        self.engine.ping(payload.into(), &mut out)
    }

    /// Sends a Pong: the answer to a Ping with `Config::manual_pong`, or a sign of life.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued.
    pub fn pong<'p>(&mut self, payload: impl Into<ControlPayload<'p>>) -> Result<(), SendError> {
        self.check()?;
        let mut out = self.wire.out.sink(usize::MAX, self.is_reply);
        self.engine.pong(payload.into(), &mut out)
    }

    /// Says Close, whatever the high-water mark. Nothing can be sent behind it; what the peer sends
    /// before its own Close still comes. Of `reason`, 123 bytes are sent at most.
    ///
    /// # Errors
    ///
    /// [`SendError`] if this code is not for this role, or the connection has ended.
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), SendError> {
        let mut out = self.wire.out.sink(usize::MAX, self.is_reply);
        self.engine
            .close(code, CloseReason::truncated(reason), &mut out)
    }

    fn check(&mut self) -> Result<(), SendError> {
        if self.wire.is_broken {
            return Err(SendError::Closed);
        }
        if self.room() == 0 {
            self.wire.write();
        }
        if self.room() == 0 && self.engine.can_send() {
            return Err(SendError::OutputFull);
        }
        Ok(())
    }
}

impl<S> fmt::Debug for Sender<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("queued", &self.wire.out.len())
            .finish_non_exhaustive()
    }
}
