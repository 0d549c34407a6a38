use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroU32;
use core::sync::atomic::{AtomicU32, Ordering};

use super::RETAINED;
use super::deflater::{Broken, Deflater, Settings};
use super::pool::DeflatePool;
use crate::buf::Output;
use crate::connection::{
    Connection, Fin, History, Kind, Part, PreparedFrame, PreparedMessage, Role, Server,
};
use crate::error::SendError;
use crate::frame::Rsv;

/// Compresses and sends the messages of one direction of a connection.
///
/// It sends through the [connection](Connection), which also sends what must not be compressed. It
/// allocates at the first message to compress.
///
/// With context takeover a message may refer to earlier ones, but only to those that the peer has from
/// this encoder, without other compressed data since. After a
/// [`send_extended`](Connection::send_extended), after another encoder, or on another connection, it
/// starts again without history. The connection notes every message, so nothing needs to be reported.
///
/// An error of a call has written nothing and has changed nothing of the connection. The encoder then starts
/// its next message without history. [`SendError::OutputFull`] and [`SendError::NoMaskKey`] are for the
/// moment: the same can be sent later. [`SendError::ReservedBits`] is none of them: where the handshake did not
/// agree on compression, messages are sent as they are.
///
/// ```
/// use ws_proto::extension::deflate::{Deflate, DeflateParams};
/// use ws_proto::{Config, Connection};
///
/// let params = DeflateParams::new();
/// let (mut encoder, _) = Deflate::new().level(6).threshold(0).server(params);
/// let mut connection = Connection::server(params.negotiated(), Config::new());
/// let mut out = Vec::new();
/// encoder.send_text(&mut connection, "Hello", &mut out)?;
/// assert_eq!(out, b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"); // RFC 7692 7.2.3.1
/// encoder.send_text(&mut connection, "Hello", &mut out)?;
/// assert_eq!(out[9..], *b"\xc1\x05\xf2\x00\x11\x00\x00"); // RFC 7692 7.2.3.2
/// connection.send_text("the password", &mut out)?; // not compressed
/// # Ok::<(), ws_proto::SendError>(())
/// ```
pub struct DeflateEncoder {
    deflater: Option<Box<Deflater>>,
    /// With takeover for prepared messages only.
    pool: Option<DeflatePool>,
    threshold: usize,
    settings: Settings,
    takeover: bool,
    /// The name that the connection knows the window by; `None` before anything was compressed.
    history: Option<History>,
}

impl DeflateEncoder {
    pub(super) fn new(
        settings: Settings,
        takeover: bool,
        threshold: usize,
        pool: Option<DeflatePool>,
    ) -> Self {
        Self {
            deflater: None,
            pool,
            threshold,
            settings,
            takeover,
            history: None,
        }
    }

    /// Sends a text message in one frame, compressed if it is as long as the
    /// [threshold](super::Deflate::threshold).
    ///
    /// Without context takeover a message that does not become shorter is sent as it is. With
    /// takeover it belongs to the window and is sent compressed, a few bytes longer.
    ///
    /// # Errors
    ///
    /// [`SendError::MessageOpen`] while a message is being sent in parts, compressed or not,
    /// [`SendError::Closed`], [`SendError::OutputFull`], [`SendError::NoMaskKey`].
    pub fn send_text<R: Role, O: Output + ?Sized>(
        &mut self,
        connection: &mut Connection<R>,
        text: &str,
        out: &mut O,
    ) -> Result<(), SendError> {
        self.send_whole(connection, Kind::Text, text.as_bytes(), out)
    }

    /// Sends a binary message in one frame, as [`send_text`](Self::send_text) does.
    ///
    /// # Errors
    ///
    /// As [`send_text`](Self::send_text).
    pub fn send_binary<R: Role, O: Output + ?Sized>(
        &mut self,
        connection: &mut Connection<R>,
        data: &[u8],
        out: &mut O,
    ) -> Result<(), SendError> {
        self.send_whole(connection, Kind::Binary, data, out)
    }

    /// Sends a part of a text message as one frame, compressed and flushed: the peer can inflate
    /// all of it at once. See [`Connection::send_text_part`].
    ///
    /// A message whose first part was sent by the connection itself goes on as it began: not compressed, or
    /// after [`Connection::send_extended`] with RSV1 alone compressed.
    ///
    /// # Errors
    ///
    /// [`SendError::MessageOpen`] while a message of the other kind, or with other reserved bits, is being
    /// sent, [`SendError::TextNotUtf8`] if the part before was cut inside a character,
    /// [`SendError::Closed`], [`SendError::OutputFull`], [`SendError::NoMaskKey`].
    ///
    /// ```
    /// use ws_proto::extension::deflate::{Deflate, DeflateParams};
    /// use ws_proto::{Config, Connection, Fin};
    ///
    /// let params = DeflateParams::new();
    /// let (mut encoder, _) = Deflate::new().server(params);
    /// let mut connection = Connection::server(params.negotiated(), Config::new());
    /// let mut out = Vec::new();
    /// encoder.send_text_part(&mut connection, "un ", Fin::No, &mut out)?;
    /// encoder.send_utf8_part(&mut connection, b"caf\xc3", Fin::No, &mut out)?; // cut inside of a character
    /// encoder.send_utf8_part(&mut connection, b"\xa9", Fin::Yes, &mut out)?;
    /// encoder.send_binary_part(&mut connection, &[1, 2], Fin::Yes, &mut out)?;
    /// encoder.send_binary(&mut connection, &[7; 100], &mut out)?;
    /// encoder.release(); // the next message is compressed without these
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    pub fn send_text_part<R: Role, O: Output + ?Sized>(
        &mut self,
        connection: &mut Connection<R>,
        part: &str,
        fin: Fin,
        out: &mut O,
    ) -> Result<(), SendError> {
        self.send_part(connection, Kind::Text, part.as_bytes(), fin, out)
    }

    /// Sends a part of a binary message, as [`send_text_part`](Self::send_text_part) does.
    ///
    /// # Errors
    ///
    /// As [`send_text_part`](Self::send_text_part), but for the text.
    pub fn send_binary_part<R: Role, O: Output + ?Sized>(
        &mut self,
        connection: &mut Connection<R>,
        part: &[u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<(), SendError> {
        self.send_part(connection, Kind::Binary, part, fin, out)
    }

    /// Sends a part of a text message that may end inside a character, as
    /// [`Connection::send_utf8_part`] does. Another encoder, or this one after others, may send the next part:
    /// the connection knows where the text stands.
    ///
    /// # Errors
    ///
    /// [`SendError::TextNotUtf8`] if no text can start with the bytes so far, or if `fin` ends it inside a
    /// character, and as [`send_text_part`](Self::send_text_part).
    pub fn send_utf8_part<R: Role, O: Output + ?Sized>(
        &mut self,
        connection: &mut Connection<R>,
        part: &[u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<(), SendError> {
        if self.compresses_part(connection, part, fin) {
            self.send(connection, Part::Utf8(part), fin, out)
        } else {
            connection.send_utf8_part(part, fin, out)
        }
    }

    /// Sends a [prepared message](PreparedMessage) in one frame: compressed if that was agreed on, it is as long
    /// as the [threshold](super::Deflate::threshold) and becomes shorter, else as it is. It is compressed here
    /// only if no connection with such a window has needed that before.
    ///
    /// What this encoder compresses next refers to nothing before it, if this message went out compressed.
    ///
    /// # Errors
    ///
    /// As [`Connection::send_prepared`]; nothing was written and nothing changed.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use ws_proto::extension::deflate::{Deflate, DeflateParams};
    /// use ws_proto::{Config, Connection, Negotiated, PreparedMessage};
    ///
    /// let params = DeflateParams::new();
    /// let (encoder, _) = Deflate::new().threshold(0).server(params);
    /// let mut connection = Connection::server(params.negotiated(), Config::new());
    /// let mut other = Connection::server(Negotiated::new(), Config::new()); // without compression
    /// let ha = PreparedMessage::<Arc<[u8]>>::text(Arc::<str>::from("hahahaha"));
    /// let (mut out, mut other_out) = (Vec::new(), Vec::new());
    /// encoder.send_prepared(&mut connection, &ha, &mut out)?;
    /// other.send_prepared(&ha, &mut other_out)?;
    /// assert_eq!(out, b"\xc1\x06\xcaH\x84@\0\0");
    /// assert_eq!(other_out, b"\x81\x08hahahaha");
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    pub fn send_prepared<R: Role, B: AsRef<[u8]> + From<Vec<u8>>, O: Output + ?Sized>(
        &self,
        connection: &mut Connection<R>,
        message: &PreparedMessage<B>,
        out: &mut O,
    ) -> Result<(), SendError> {
        connection.check_whole()?; // or it would be compressed for nothing
        let frame = self.prepared_frame(connection, message);
        connection.send_prepared_frame(frame, out)
    }

    /// Sends a prepared message as [`send_prepared`](Self::send_prepared) does, without a copy; see
    /// [`Connection::frame_prepared`] for what to write.
    ///
    /// # Errors
    ///
    /// As [`Connection::frame_prepared`]; nothing changed.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use ws_proto::extension::deflate::{Deflate, DeflateParams};
    /// use ws_proto::{Config, Connection, PreparedMessage};
    ///
    /// let params = DeflateParams::new();
    /// let (encoder, _) = Deflate::new().threshold(0).server(params);
    /// let mut connection = Connection::server(params.negotiated(), Config::new());
    /// let ha = PreparedMessage::<Arc<[u8]>>::text(Arc::<str>::from("hahahaha"));
    /// let [header, payload] = encoder.frame_prepared(&mut connection, &ha)?;
    /// assert_eq!([header, payload].concat(), b"\xc1\x06\xcaH\x84@\0\0");
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    pub fn frame_prepared<'p, B: AsRef<[u8]> + From<Vec<u8>>>(
        &self,
        connection: &mut Connection<Server>,
        message: &'p PreparedMessage<B>,
    ) -> Result<[&'p [u8]; 2], SendError> {
        connection.check_whole()?; // or it would be compressed for nothing
        let frame = self.prepared_frame(connection, message);
        connection.frame_prepared_frame(frame)
    }

    /// The frame of a prepared message for this connection.
    pub(crate) fn prepared_frame<'p, R: Role, B: AsRef<[u8]> + From<Vec<u8>>>(
        &self,
        connection: &Connection<R>,
        message: &'p PreparedMessage<B>,
    ) -> &'p PreparedFrame<B> {
        let len = message.payload().len();
        if len < self.threshold || !connection.negotiated_rsv().contains(Rsv::RSV1) {
            return message.plain();
        }
        let index = self.settings.frame_index(len);
        let compressed = message.compressed(index, |payload| self.compress_alone(payload));
        compressed.unwrap_or_else(|| message.plain())
    }

    /// Compresses a message that refers to nothing before it. The own compressor keeps its window meanwhile: the
    /// result may not be shorter, and then is not sent.
    #[cold]
    fn compress_alone(&self, message: &[u8]) -> Option<Vec<u8>> {
        if message.is_empty() {
            return None;
        }
        let idle = self
            .pool
            .as_ref()
            .and_then(|pool| pool.deflater(self.settings));
        let mut deflater = idle.unwrap_or_else(|| Box::new(Deflater::new(self.settings)));
        let encoded = deflater.compress(message, true).ok().map(<[u8]>::to_vec);
        if let Some(pool) = &self.pool {
            pool.put_deflater(deflater);
        }
        encoded
    }

    /// Gives all memory back, and with it the window: the next message is compressed without the
    /// earlier ones. For connections that have been idle for long.
    pub fn release(&mut self) {
        // An empty window is always allowed, and every part ends with a byte.
        self.deflater = None;
    }

    // Not inlined, so that who has no extension does not pay for its frame on the stack.
    #[inline(never)]
    pub(crate) fn send_whole<R: Role, O: Output + ?Sized>(
        &mut self,
        connection: &mut Connection<R>,
        kind: Kind,
        payload: &[u8],
        out: &mut O,
    ) -> Result<(), SendError> {
        let negotiated = connection.negotiated_rsv().contains(Rsv::RSV1);
        if payload.len() < self.threshold || !negotiated || connection.is_message_open() {
            return connection.send_whole(kind, payload, out);
        }
        self.send(connection, Part::new(kind, payload), Fin::Yes, out)
    }

    pub(crate) fn send_part<R: Role, O: Output + ?Sized>(
        &mut self,
        connection: &mut Connection<R>,
        kind: Kind,
        part: &[u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<(), SendError> {
        if self.compresses_part(connection, part, fin) {
            self.send(connection, Part::new(kind, part), fin, out)
        } else {
            connection.send_part(kind, part, fin, out)
        }
    }

    fn compresses_part<R: Role>(&self, connection: &Connection<R>, part: &[u8], fin: Fin) -> bool {
        match connection.open_rsv() {
            Some(rsv) => rsv.contains(Rsv::RSV1),
            None => {
                let negotiated = connection.negotiated_rsv().contains(Rsv::RSV1);
                negotiated && (fin == Fin::No || part.len() >= self.threshold)
            }
        }
    }

    fn send<R: Role, O: Output + ?Sized>(
        &mut self,
        connection: &mut Connection<R>,
        part: Part<'_>,
        fin: Fin,
        out: &mut O,
    ) -> Result<(), SendError> {
        // What is not going to be sent must not get into the window.
        let kind = part.kind();
        connection.check_data(kind, Rsv::RSV1, out)?;
        let text = connection.text_after(part, fin)?;
        let history = self.history_for(connection);
        let is_whole = fin == Fin::Yes && !connection.is_message_open();
        let (takeover, bytes) = (self.takeover, part.bytes());
        let sent = match self.compress(bytes, fin) {
            Ok(encoded) if is_whole && !takeover && encoded.len() >= bytes.len() => {
                connection.send_part(kind, bytes, fin, out)
            }
            Ok(encoded) => connection.send_compressed(kind, encoded, fin, (text, history), out),
            Err(Broken) => Err(SendError::OutputFull),
        };
        match sent {
            Ok(()) => self.end_part(fin),
            // An empty window is always allowed, and every part ends with a byte.
            Err(_) => self.forget(),
        }
        sent
    }

    /// The name of what the window has. It has nothing if that is not what the peer's has.
    fn history_for<R: Role>(&mut self, connection: &Connection<R>) -> History {
        let (last, foreign) = connection.history();
        match self.history {
            Some(history) if history == last => {
                // The same connection: no other knows this name.
                if foreign {
                    self.forget();
                }
                history
            }
            _ => self.start_history(),
        }
    }

    /// Begins a history on a connection that has none of this encoder, or not its last.
    #[cold]
    fn start_history(&mut self) -> History {
        self.forget();
        self.history = NAMES.next();
        self.history.unwrap_or(History::NONE)
    }

    /// The next data refers to nothing before it.
    fn forget(&mut self) {
        if let Some(deflater) = &mut self.deflater {
            deflater.reset();
        }
    }

    /// Compresses a part of a message.
    fn compress(&mut self, part: &[u8], fin: Fin) -> Result<&[u8], Broken> {
        if part.is_empty() {
            // The backend would flush nothing a second time. What is wanted is the header of an
            // empty stored block (RFC 7692 7.2.3.6).
            return Ok(if fin == Fin::Yes { &[0] } else { &[] });
        }
        let settings = self.settings;
        let pool = self.pool.as_ref().filter(|_| !self.takeover);
        let deflater = self.deflater.get_or_insert_with(|| {
            pool.and_then(|pool| pool.deflater(settings))
                .unwrap_or_else(|| Box::new(Deflater::new(settings)))
        });
        deflater.compress(part, fin == Fin::Yes)
    }

    /// After a part has been sent. Without takeover nothing is kept between messages.
    fn end_part(&mut self, fin: Fin) {
        if fin == Fin::Yes && !self.takeover {
            if let (Some(pool), Some(deflater)) = (&self.pool, self.deflater.take()) {
                pool.put_deflater(deflater);
            }
        } else if let Some(deflater) = &mut self.deflater {
            deflater.release_over(RETAINED);
        }
    }
}

static NAMES: Names = Names(AtomicU32::new(1));

/// Names of histories, each once in a process: for 2^32 connections, or changes of an encoder to another
/// connection. Without a name an encoder compresses each message without history.
struct Names(AtomicU32);

impl Names {
    fn next(&self) -> Option<History> {
        let counted = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_add(1));
        counted.ok().and_then(NonZeroU32::new).map(History::new)
    }
}

impl fmt::Debug for DeflateEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeflateEncoder")
            .field("settings", &self.settings)
            .field("takeover", &self.takeover)
            .field("threshold", &self.threshold)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::connection::{Config, Server};
    use crate::extension::deflate::{Deflate, DeflateParams};

    const TEXT: &str = "what is said twice is shorter the second time, what is said twice";

    fn connection() -> Connection<Server> {
        Connection::server(DeflateParams::new().negotiated(), Config::new())
    }

    fn encoder() -> DeflateEncoder {
        let deflate = Deflate::new().threshold(0);
        deflate.server(DeflateParams::new()).0
    }

    /// How long the text is, sent by that encoder on that connection.
    fn sent(encoder: &mut DeflateEncoder, connection: &mut Connection<Server>) -> usize {
        let mut out = Vec::new();
        encoder.send_text(connection, TEXT, &mut out).unwrap();
        out.len()
    }

    // One test, since both use the names of this process.
    #[test]
    fn a_name_means_one_history() {
        after_foreign_data_an_encoder_keeps_its_name();
        names_of_histories_do_not_come_again();
    }

    /// More histories have been started than there are names: no name means two, and without one
    /// nothing is referred to.
    fn names_of_histories_do_not_come_again() {
        let alone = sent(&mut encoder(), &mut connection());
        for started in [1 << 24, u32::MAX] {
            for before in 0..4 {
                let (mut old, mut old_connection) = (encoder(), connection());
                NAMES.0.store(1, Ordering::Relaxed);
                assert_eq!(sent(&mut old, &mut old_connection), alone);
                NAMES.0.store(started - before, Ordering::Relaxed);
                let (mut new, mut new_connection) = (encoder(), connection());
                assert_eq!(sent(&mut new, &mut new_connection), alone);
                let again = sent(&mut new, &mut new_connection);
                let has_name = started != u32::MAX || before > 0;
                assert_eq!(again < alone, has_name, "{started} {before}");
                // Its window has what the peer of this connection does not have.
                assert_eq!(sent(&mut new, &mut old_connection), alone, "{before}");
                assert_eq!(sent(&mut old, &mut old_connection), alone, "{before}");
            }
        }
    }

    /// Data that was compressed elsewhere takes no name, so that prepared messages do not use them up.
    fn after_foreign_data_an_encoder_keeps_its_name() {
        let (mut encoder, mut connection) = (encoder(), connection());
        let alone = sent(&mut encoder, &mut connection);
        let name = encoder.history;
        for _ in 0..3 {
            let foreign = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
            let mut out = Vec::new();
            connection
                .send_extended(Kind::Text, Rsv::RSV1, &foreign, Fin::Yes, &mut out)
                .unwrap();
            assert_eq!(sent(&mut encoder, &mut connection), alone);
            assert!(sent(&mut encoder, &mut connection) < alone);
            assert_eq!(encoder.history, name);
        }
    }
}
