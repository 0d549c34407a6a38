//! Sending.

use std::fmt;

use bytes::Bytes;
use ws_proto::{CloseCode, CloseReason, ControlPayload, Fin, Message, SendError};

use crate::socket::Either;
use crate::stream::Stream;
use crate::wire::Wire;

/// Payloads from this size on are written from where they are.
const BIG: usize = 4096;

/// A message that is encoded once, and compressed once for a size of window, for any number of connections:
/// [`Sender::send_prepared`].
///
/// ```
/// use ws_proto_mio::PreparedMessage;
///
/// let news = PreparedMessage::text("to all of you"); // encoded once, for all connections
/// assert_eq!(news.payload(), b"to all of you");
/// ```
pub type PreparedMessage = ws_proto::PreparedMessage<Bytes>;

/// Sends on an open connection: in reply to a message, or unasked
/// ([`WebSocket::sender`](crate::WebSocket::sender)).
///
/// What is sent is written in the connection's turn. Big payloads are written at once, from where
/// they are; only what the stream does not take of them is copied.
///
/// All methods fail with [`SendError::Closed`] once a Close was sent, and with
/// [`SendError::OutputFull`] while the high-water mark is reached. Nothing was queued then.
///
/// ```
/// # use ws_proto_mio::{Buffers, Instant, SendError};
/// # let (mut socket, _peer) = ws_proto_suite::mio::open();
/// use ws_proto_mio::CloseCode;
///
/// let mut buffers = Buffers::new();
/// if let Some(mut sender) = socket.sender() {
///     sender.send_text("the last one")?;
///     sender.close(CloseCode::NORMAL, "")?;
///     assert_eq!(sender.send_text("too late"), Err(SendError::Closed));
/// }
/// socket.turn(&mut buffers, Instant::from_millis(0)).read(); // a turn writes it
/// assert_eq!(socket.pending_bytes(), 0);
/// # Ok::<(), SendError>(())
/// ```
pub struct Sender<'t, S> {
    pub(crate) to: ws_proto::Sender<'t, Either, Bytes>,
    pub(crate) wire: &'t mut Wire<S>,
}

impl<S: Stream> Sender<'_, S> {
    /// How many more bytes may be queued before sending fails. A message of any size fits while it
    /// is not 0.
    ///
    /// ```
    /// # use ws_proto_mio::SendError;
    /// # let (mut socket, _peer) = ws_proto_suite::mio::open();
    /// # let mut sender = socket.sender().unwrap();
    /// if sender.room() > 0 {
    ///     sender.send_text("there is room for it")?;
    /// }
    /// # Ok::<(), SendError>(())
    /// ```
    #[must_use]
    pub fn room(&self) -> usize {
        self.to.room()
    }

    /// Sends a message.
    ///
    /// ```
    /// # use ws_proto_mio::SendError;
    /// # let (mut socket, _peer) = ws_proto_suite::mio::open();
    /// # let mut sender = socket.sender().unwrap();
    /// use ws_proto_mio::Message;
    ///
    /// sender.send(Message::Text("hello"))?;
    /// # Ok::<(), SendError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued.
    #[inline]
    pub fn send(&mut self, message: Message<'_>) -> Result<(), SendError> {
        if message.as_bytes().len() < BIG {
            return self.to.send(message);
        }
        self.send_through(message)
    }

    fn send_through(&mut self, message: Message<'_>) -> Result<(), SendError> {
        let send = self.to.by_ref().send_vectored(message)?;
        let slices = send.slices();
        // What had to be copied waits for the others.
        let is_lent = slices.last().is_some_and(|payload| !payload.is_empty());
        if is_lent && self.wire.writable {
            let slices = slices.into_iter().filter(|slice| !slice.is_empty());
            let written = self.wire.gather(slices);
            send.consume(written);
        }
        Ok(())
    }

    /// Sends a message that is not compressed, even if that was agreed on. For secrets, which the compressed
    /// length of a secret together with other text can reveal, and for data that is compressed already.
    /// Messages compressed later do not refer to it.
    ///
    /// ```
    /// # use ws_proto_mio::SendError;
    /// # let (mut socket, _peer) = ws_proto_suite::mio::open();
    /// # let mut sender = socket.sender().unwrap();
    /// use ws_proto_mio::Message;
    ///
    /// sender.send_uncompressed(Message::Text("password: 1234"))?;
    /// # Ok::<(), SendError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued.
    #[cfg(feature = "deflate")]
    #[cfg_attr(docsrs, doc(cfg(feature = "deflate")))]
    pub fn send_uncompressed(&mut self, message: Message<'_>) -> Result<(), SendError> {
        let to = self.to.uncompressed();
        let wire = &mut *self.wire;
        Sender { to, wire }.send(message)
    }

    /// Whether messages that begin from now on are compressed, on this connection. They are, if
    /// permessage-deflate was agreed on and nothing else is said. A message of which parts have been
    /// sent goes on as it began.
    ///
    /// ```
    /// # use ws_proto_mio::SendError;
    /// # let (mut socket, _peer) = ws_proto_suite::mio::open();
    /// # let mut sender = socket.sender().unwrap();
    /// sender.set_compressing(false);
    /// sender.send_text("as it is")?;
    /// sender.set_compressing(true);
    /// # Ok::<(), SendError>(())
    /// ```
    #[cfg(feature = "deflate")]
    #[cfg_attr(docsrs, doc(cfg(feature = "deflate")))]
    pub fn set_compressing(&mut self, compressing: bool) {
        self.to.set_compressing(compressing);
    }

    /// Sends a text message.
    ///
    /// ```
    /// # use ws_proto_mio::SendError;
    /// # let (mut socket, _peer) = ws_proto_suite::mio::open();
    /// # let mut sender = socket.sender().unwrap();
    /// sender.send_text("hello")?;
    /// # Ok::<(), SendError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued.
    pub fn send_text(&mut self, text: &str) -> Result<(), SendError> {
        self.send(Message::Text(text))
    }

    /// Sends a binary message.
    ///
    /// ```
    /// # use ws_proto_mio::SendError;
    /// # let (mut socket, _peer) = ws_proto_suite::mio::open();
    /// # let mut sender = socket.sender().unwrap();
    /// sender.send_binary(&[1, 2, 3])?;
    /// # Ok::<(), SendError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued.
    pub fn send_binary(&mut self, data: &[u8]) -> Result<(), SendError> {
        self.send(Message::Binary(data))
    }

    /// Sends a binary message that is queued by reference: for one payload to many connections. What a
    /// client sends is masked, and compression makes new data: that is a copy, as is a payload of less
    /// than 8 KiB.
    ///
    /// ```
    /// # use ws_proto_mio::SendError;
    /// # let (mut socket, _peer) = ws_proto_suite::mio::open();
    /// # let mut sender = socket.sender().unwrap();
    /// use ws_proto_mio::Bytes;
    ///
    /// let picture = Bytes::from(vec![0; 1 << 20]); // cloned for each connection, not copied
    /// sender.send_binary_shared(picture.clone())?;
    /// # Ok::<(), SendError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued.
    pub fn send_binary_shared(&mut self, data: Bytes) -> Result<(), SendError> {
        self.to.send_binary_shared(data)
    }

    /// Sends a prepared message; compressed, if this connection compresses. Of a server nothing is encoded again,
    /// and from 8 KiB on it is queued by reference.
    ///
    /// ```
    /// use ws_proto_mio::{PreparedMessage, SendError, Stream, WebSocket};
    ///
    /// fn to_all<S: Stream>(all: &mut [WebSocket<S>], news: &'static str) {
    ///     let news = PreparedMessage::text(news);
    ///     for socket in all {
    ///         if let Some(mut sender) = socket.sender() {
    ///             let _ = sender.send_prepared(&news); // full: it is too slow, and misses it
    ///         }
    ///     }
    /// }
    /// # let _ = to_all::<mio::net::TcpStream>;
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued.
    pub fn send_prepared(&mut self, message: &PreparedMessage) -> Result<(), SendError> {
        self.to.send_prepared(message)
    }

    /// Sends a part of a text message as one frame: the first part opens the message, the one with
    /// [`Fin::Yes`] ends it. For messages whose length is not known beforehand, or that should not
    /// be held as a whole.
    ///
    /// ```
    /// # use ws_proto_mio::SendError;
    /// # let (mut socket, _peer) = ws_proto_suite::mio::open();
    /// # let mut sender = socket.sender().unwrap();
    /// use ws_proto_mio::Fin;
    ///
    /// sender.send_text_part("the beginning, ", Fin::No)?;
    /// sender.send_text_part("the end", Fin::Yes)?;
    /// # Ok::<(), SendError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError`], such as [`SendError::MessageOpen`] inside of a binary message; nothing was queued.
    pub fn send_text_part(&mut self, part: &str, fin: Fin) -> Result<(), SendError> {
        self.to.send_text_part(part, fin)
    }

    /// Sends a part of a binary message, as [`send_text_part`](Self::send_text_part) does.
    ///
    /// ```
    /// # use ws_proto_mio::SendError;
    /// # let (mut socket, _peer) = ws_proto_suite::mio::open();
    /// # let mut sender = socket.sender().unwrap();
    /// use ws_proto_mio::Fin;
    ///
    /// sender.send_binary_part(&[0; 4096], Fin::No)?;
    /// sender.send_binary_part(&[0; 100], Fin::Yes)?;
    /// # Ok::<(), SendError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError`], such as [`SendError::MessageOpen`] inside of a text message; nothing was queued.
    pub fn send_binary_part(&mut self, part: &[u8], fin: Fin) -> Result<(), SendError> {
        self.to.send_binary_part(part, fin)
    }

    /// Sends a Ping with up to 125 bytes. Keepalive does this by itself when the peer is silent.
    ///
    /// ```
    /// # use ws_proto_mio::SendError;
    /// # let (mut socket, _peer) = ws_proto_suite::mio::open();
    /// # let mut sender = socket.sender().unwrap();
    /// sender.ping(b"are you there")?;
    /// # Ok::<(), SendError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued.
    pub fn ping<'p>(&mut self, payload: impl Into<ControlPayload<'p>>) -> Result<(), SendError> {
        self.to.ping(payload)
    }

    /// Sends a Pong: the answer to a Ping with `Config::manual_pong`, or a sign of life.
    ///
    /// ```
    /// # use ws_proto_mio::SendError;
    /// # let (mut socket, _peer) = ws_proto_suite::mio::open();
    /// # let mut sender = socket.sender().unwrap();
    /// sender.pong(b"")?; // a sign of life
    /// # Ok::<(), SendError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was queued.
    pub fn pong<'p>(&mut self, payload: impl Into<ControlPayload<'p>>) -> Result<(), SendError> {
        self.to.pong(payload)
    }

    /// Sends Close, whatever the high-water mark. Nothing can be sent after it; what the peer sends
    /// before its own Close still comes. With `Config::manual_close` it also answers the peer's
    /// [Close](crate::Event::Close). Of `reason`, 123 bytes are sent at most.
    ///
    /// ```
    /// # use ws_proto_mio::SendError;
    /// # let (mut socket, _peer) = ws_proto_suite::mio::open();
    /// # let mut sender = socket.sender().unwrap();
    /// use ws_proto_mio::CloseCode;
    ///
    /// sender.close(CloseCode::NORMAL, "that is all")?;
    /// # Ok::<(), SendError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError`] if this code is not for this role, or the connection has ended.
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), SendError> {
        self.to.close(code, CloseReason::truncated(reason))
    }
}

impl<S> fmt::Debug for Sender<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}
