use alloc::boxed::Box;
use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};

use super::RETAINED;
use super::deflater::{Broken, Deflater, Settings};
use super::pool::DeflatePool;
use crate::buf::{Output, Storage};
use crate::connection::{Connection, Fin, History, Kind, Role};
use crate::error::{CapacityError, SendError};
use crate::frame::Rsv;
use crate::utf8::Utf8;

/// Compresses and sends the messages of one direction of a connection.
///
/// It sends through the [connection](Connection), which also sends what must not be compressed. It
/// allocates at the first message to compress.
///
/// With context takeover a message may refer to earlier ones, but only to those that the peer has from
/// this encoder, without other compressed data since. After a
/// [`send_extended`](Connection::send_extended), after another encoder, or on another connection, it
/// starts again without history. The connection notes what it has sent, so nothing needs to be reported.
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
    pool: Option<DeflatePool>,
    threshold: usize,
    settings: Settings,
    takeover: bool,
    /// The name that the connection knows the window by; `None` before anything was compressed.
    history: Option<History>,
    /// How far the text is that is being sent in parts.
    utf8: Utf8,
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
            pool: pool.filter(|_| !takeover),
            threshold,
            settings,
            takeover,
            history: None,
            utf8: Utf8::new(),
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
    /// [`SendError`]; nothing was written. The message can be sent later.
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
    /// [`SendError`]; nothing was written. The message can be sent later.
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
    /// A message whose first part was sent by the connection itself goes on as it began.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was written. The part can be sent later.
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
    /// [`SendError`]; nothing was written. The part can be sent later.
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
    /// [`Connection::send_utf8_part`] does.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was written. The part can be sent later.
    pub fn send_utf8_part<R: Role, O: Output + ?Sized>(
        &mut self,
        connection: &mut Connection<R>,
        part: &[u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<(), SendError> {
        if self.compresses_part(connection, part, fin) {
            self.send(connection, Kind::Text, Part::Bytes(part), fin, out)
        } else {
            connection.send_utf8_part(part, fin, out)
        }
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
        self.send(connection, kind, Part::Whole(payload), Fin::Yes, out)
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
            self.send(connection, kind, Part::Whole(part), fin, out)
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
        kind: Kind,
        part: Part<'_>,
        fin: Fin,
        out: &mut O,
    ) -> Result<(), SendError> {
        // What is not going to be sent must not get into the window.
        connection.check_data(kind, Rsv::RSV1, out)?;
        let history = match self.history {
            Some(history) if history == connection.history() => history,
            _ => self.start_history(),
        };
        let starts = !connection.is_message_open();
        let utf8 = match kind {
            Kind::Text => part.validate(if starts { Utf8::new() } else { self.utf8 }, fin)?,
            Kind::Binary => Utf8::new(),
        };
        let (Part::Whole(part) | Part::Bytes(part)) = part;
        let (takeover, len) = (self.takeover, part.len());
        let sent = match self.compress(part, fin) {
            // Only a whole message of whole characters is known to be valid without its parts.
            Ok(encoded) if starts && fin == Fin::Yes && !takeover && encoded.len() >= len => {
                connection.send_part(kind, part, fin, out)
            }
            Ok(encoded) => connection.send_compressed(kind, encoded, fin, history, out),
            Err(Broken) => Err(SendError::OutputFull),
        };
        match sent {
            Ok(()) => {
                self.utf8 = utf8;
                self.end_part(fin);
            }
            // An empty window is always allowed, and every part ends with a byte.
            Err(_) => self.forget(),
        }
        sent
    }

    /// Begins a history without anything in it: what the peer's window holds is not known.
    #[cold]
    fn start_history(&mut self) -> History {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        self.forget();
        self.utf8 = Utf8::new();
        let history = History::new(NEXT.fetch_add(1, Ordering::Relaxed));
        self.history = Some(history);
        history
    }

    /// What comes next refers to nothing that came before.
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
        let pool = self.pool.as_ref();
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

/// A part of a message.
#[derive(Clone, Copy)]
enum Part<'p> {
    /// Bytes, or whole characters.
    Whole(&'p [u8]),
    /// Text that may be cut inside a character.
    Bytes(&'p [u8]),
}

impl Part<'_> {
    /// Where a text that has got to `utf8` is after this part.
    fn validate(self, mut utf8: Utf8, fin: Fin) -> Result<Utf8, SendError> {
        let mut valid = match self {
            Self::Whole(_) => utf8.is_complete(),
            Self::Bytes(bytes) => utf8.push(bytes).is_ok(),
        };
        if fin == Fin::Yes {
            valid &= utf8.finish().is_ok();
        }
        if valid {
            Ok(utf8)
        } else {
            Err(SendError::TextNotUtf8)
        }
    }
}

/// Compresses a message that refers to nothing before it, as [`Deflate::compress`](super::Deflate) says.
pub(super) fn compress<S: Storage>(
    settings: Settings,
    pool: Option<&DeflatePool>,
    message: &[u8],
    to: &mut S,
) -> Result<(), CapacityError> {
    if message.is_empty() {
        return to.store(&[0]);
    }
    let idle = pool.and_then(|pool| pool.deflater(settings));
    let mut deflater = idle.unwrap_or_else(|| Box::new(Deflater::new(settings)));
    let stored = match deflater.compress(message, true) {
        Ok(encoded) => to.store(encoded),
        Err(Broken) => Err(CapacityError),
    };
    if let Some(pool) = pool {
        pool.put_deflater(deflater);
    }
    stored
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
