//! Messages for many connections: encoded once.

#[cfg(feature = "deflate")]
use alloc::boxed::Box;
#[cfg(feature = "deflate")]
use alloc::vec::Vec;
use core::fmt;
#[cfg(feature = "deflate")]
use std::sync::OnceLock;

use super::event::Kind;
use super::role::Role;
use super::send::opcode;
use super::{Connection, Server};
use crate::buf::Output;
use crate::error::SendError;
use crate::frame::{self, EncodedHeader, FIN, Rsv};

/// A whole message that is encoded once and sent to any number of connections, by all threads at once.
///
/// `B` is what keeps the payload: `&str` or `&[u8]` without an allocator, `Arc<[u8]>`, `Bytes` of the crate
/// `bytes`. Its `as_ref` has to return the same bytes each time. To share the message itself, borrow it or
/// put it into an `Arc`. It is not `Clone`: each clone would be compressed for itself, as compressed frames are
/// made when they are needed. It is not `PartialEq` either: compare [`kind`](Self::kind) and
/// [`payload`](Self::payload).
///
/// | sent by | cost for each connection |
/// |---|---|
/// | [`Connection::frame_prepared`], of a server | nothing is encoded and nothing is copied: it returns the header and the payload, for a vectored write |
/// | [`Connection::send_prepared`], of a server | a copy of the frame |
/// | [`Connection::send_prepared`], of a client | all that any message costs: a client masks each frame with a new key (RFC 6455 5.3), so there is no call without a copy |
/// | [`Sender::send_prepared`](crate::Sender::send_prepared) | a copy of less than 8 KiB; from there on a reference, but a copy for a client |
/// | [`Sender::send_prepared_vectored`](crate::Sender::send_prepared_vectored) | a copy of what the transport does not take at once, and for a client of all |
/// | [`DeflateEncoder::frame_prepared`](crate::extension::deflate::DeflateEncoder::frame_prepared) and `send_prepared` | the same, of the compressed message |
///
/// To its receiver it is a message like any other. Like any other, it is refused while a message is being sent
/// in parts, and after Close.
///
/// # Compression
///
/// Where permessage-deflate was agreed on, an encoder or a [`WebSocket`](crate::WebSocket) sends the message
/// compressed, if it is as long as the [threshold](crate::extension::deflate::Deflate::threshold) and becomes
/// shorter. Elsewhere the same message goes out as it is.
///
/// It is compressed when the first connection needs that, with the settings of that connection, and once for
/// each size of window that connections have agreed on: a short message, which the smallest window reaches
/// back over, once for all. It refers to nothing before it (RFC 7692 7.2.3), so it goes to connections
/// with context takeover and without. A connection's own encoder begins its next message without history,
/// since the peer's window has what its own has not. What must [not be compressed](crate::extension::deflate) is sent
/// by the connection itself, or by [`Sender::uncompressed`](crate::Sender::uncompressed).
///
/// ```
/// use ws_proto::{Config, Connection, Negotiated, PreparedMessage};
///
/// let news = PreparedMessage::<&str>::text("to all of you");
/// let mut all = [1, 2, 3].map(|_| Connection::server(Negotiated::new(), Config::new()));
/// for connection in &mut all {
///     let [header, payload] = connection.frame_prepared(&news)?;
///     assert_eq!([header, payload].concat(), b"\x81\x0dto all of you"); // for a vectored write
/// }
/// # Ok::<(), ws_proto::SendError>(())
/// ```
pub struct PreparedMessage<B> {
    kind: Kind,
    plain: PreparedFrame<B>,
    /// Made when they are needed; `None` if it does not become shorter. Which one a connection gets is up to its
    /// encoder.
    #[cfg(feature = "deflate")]
    compressed: [OnceLock<Option<Box<PreparedFrame<B>>>>; COMPRESSED_FRAMES],
}

/// A whole message as a server sends it.
pub(crate) struct PreparedFrame<B> {
    first: u8,
    header: EncodedHeader,
    payload: B,
}

/// How many compressed frames a message has at most.
#[cfg(feature = "deflate")]
pub(crate) const COMPRESSED_FRAMES: usize = 7;

impl<B: AsRef<[u8]>> PreparedMessage<B> {
    /// A text message. `text` is turned into the type that keeps the payload.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use ws_proto::PreparedMessage;
    ///
    /// let shared = PreparedMessage::<Arc<[u8]>>::text(Arc::<str>::from("shared"));
    /// let owned = PreparedMessage::<Vec<u8>>::text(String::from("owned"));
    /// let borrowed = PreparedMessage::<&str>::text("borrowed");
    /// assert_eq!(shared.payload(), b"shared");
    /// assert_eq!((owned.payload(), borrowed.payload()), (&b"owned"[..], &b"borrowed"[..]));
    /// ```
    #[must_use]
    pub fn text(text: impl AsRef<str> + Into<B>) -> Self {
        Self::new(Kind::Text, text.into())
    }

    /// A binary message.
    #[must_use]
    pub fn binary(data: B) -> Self {
        Self::new(Kind::Binary, data)
    }

    fn new(kind: Kind, payload: B) -> Self {
        Self {
            kind,
            plain: PreparedFrame::new(kind, Rsv::NONE, payload),
            #[cfg(feature = "deflate")]
            compressed: Default::default(),
        }
    }

    /// Text or binary.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The payload, not compressed.
    ///
    /// ```
    /// use ws_proto::{Kind, PreparedMessage};
    ///
    /// let update = PreparedMessage::binary(&[1, 2, 3][..]);
    /// assert_eq!((update.kind(), update.payload()), (Kind::Binary, &[1, 2, 3][..]));
    /// ```
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.plain.payload()
    }

    /// The frame without compression.
    #[inline]
    pub(crate) const fn plain(&self) -> &PreparedFrame<B> {
        &self.plain
    }

    /// The compressed frame at `index`, if that is shorter than the plain one. The first call for it makes its
    /// payload by `compress`.
    #[cfg(feature = "deflate")]
    pub(crate) fn compressed(
        &self,
        index: usize,
        compress: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
    ) -> Option<&PreparedFrame<B>>
    where
        B: From<Vec<u8>>,
    {
        let frame = self.compressed.get(index)?.get_or_init(|| {
            let payload = self.payload();
            let encoded = compress(payload).filter(|encoded| encoded.len() < payload.len())?;
            let frame = PreparedFrame::new(self.kind, Rsv::RSV1, encoded.into());
            Some(Box::new(frame))
        });
        frame.as_deref()
    }
}

impl<B: AsRef<[u8]>> PreparedFrame<B> {
    fn new(kind: Kind, rsv: Rsv, payload: B) -> Self {
        let first = FIN | rsv.bits() | opcode(kind) as u8;
        let len = payload.as_ref().len();
        Self {
            first,
            header: frame::encode(first, len as u64, None, |header| header),
            payload,
        }
    }

    #[inline]
    pub(crate) fn payload(&self) -> &[u8] {
        self.payload.as_ref()
    }

    #[cfg(feature = "alloc")]
    #[inline]
    pub(crate) const fn header(&self) -> EncodedHeader {
        self.header
    }

    /// The owner of the payload.
    #[cfg(feature = "alloc")]
    pub(crate) const fn shared(&self) -> &B {
        &self.payload
    }

    /// Whether the peer has to inflate it.
    #[cfg(feature = "deflate")]
    const fn is_compressed(&self) -> bool {
        Rsv::from_bits(self.first).contains(Rsv::RSV1)
    }
}

impl<R: Role> Connection<R> {
    /// Sends a prepared message in one frame, not compressed. A client masks it with a new key, which costs what
    /// any other message does; of a server the frame is copied as it is.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`], [`SendError::MessageOpen`] while a message is being sent in parts,
    /// [`SendError::OutputFull`], [`SendError::NoMaskKey`]; nothing was written and nothing changed.
    ///
    /// ```
    /// use ws_proto::{Config, Connection, Negotiated, PreparedMessage};
    ///
    /// let hello = PreparedMessage::<&str>::text("hello");
    /// let mut server = Connection::server(Negotiated::new(), Config::new());
    /// let mut client = Connection::client(Negotiated::new(), Config::new(), || [0, 0, 0, 1]);
    /// let mut out = Vec::new();
    /// server.send_prepared(&hello, &mut out)?;
    /// client.send_prepared(&hello, &mut out)?;
    /// assert_eq!(out, b"\x81\x05hello\x81\x85\0\0\0\x01helmo");
    /// # Ok::<(), ws_proto::SendError>(())
    /// ```
    #[inline]
    pub fn send_prepared<B: AsRef<[u8]>, O: Output + ?Sized>(
        &mut self,
        message: &PreparedMessage<B>,
        out: &mut O,
    ) -> Result<(), SendError> {
        self.send_prepared_frame(message.plain(), out)
    }

    /// Sends it; who has compressed it knows that this was agreed on.
    #[inline]
    pub(crate) fn send_prepared_frame<B: AsRef<[u8]>, O: Output + ?Sized>(
        &mut self,
        frame: &PreparedFrame<B>,
        out: &mut O,
    ) -> Result<(), SendError> {
        self.check_whole()?;
        self.write_prepared(frame.first, frame.header, frame.payload(), out)?;
        self.note_prepared(frame);
        Ok(())
    }

    /// As [`send_prepared_frame`](Self::send_prepared_frame), of a server, but the caller writes it: its header
    /// and its payload.
    #[inline]
    pub(crate) fn frame_prepared_frame<'p, B: AsRef<[u8]>>(
        &mut self,
        frame: &'p PreparedFrame<B>,
    ) -> Result<[&'p [u8]; 2], SendError> {
        self.check_whole()?;
        self.note_prepared(frame);
        Ok([&frame.header, frame.payload()])
    }

    /// Notes that it is sent, which [`check_whole`](Self::check_whole) has allowed: the peer's window has it then, and
    /// that of no encoder does.
    #[inline]
    pub(crate) fn note_prepared<B: AsRef<[u8]>>(&mut self, frame: &PreparedFrame<B>) {
        #[cfg(feature = "deflate")]
        if frame.is_compressed() {
            self.note_foreign();
        }
        #[cfg(not(feature = "deflate"))]
        let _ = frame;
    }
}

impl Connection<Server> {
    /// Sends a prepared message, not compressed, without copying or encoding anything: the caller writes what this
    /// returns, header and payload (`writev`), after all that was put to an output before. Nothing else may be
    /// written in between, not even the Pong of a `receive`.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`], [`SendError::MessageOpen`] while a message is being sent in parts; nothing
    /// changed.
    ///
    /// A client has to mask each frame anew, so it has no such call:
    ///
    /// ```compile_fail
    /// # use ws_proto::{Config, Connection, Negotiated, PreparedMessage};
    /// # let hello = PreparedMessage::<&str>::text("hello");
    /// # let mut connection = Connection::client(Negotiated::new(), Config::new(), || [1, 2, 3, 4]);
    /// let frame = connection.frame_prepared(&hello);
    /// ```
    ///
    /// A server writes both slices by one call:
    ///
    /// ```
    /// use std::io::{IoSlice, Write};
    /// use ws_proto::{Config, Connection, Negotiated, PreparedMessage};
    ///
    /// # let mut socket = Vec::new();
    /// let news = PreparedMessage::<&str>::text("news");
    /// let mut server = Connection::server(Negotiated::new(), Config::new());
    /// let frame = server.frame_prepared(&news)?;
    /// let written = socket.write_vectored(&frame.map(IoSlice::new))?; // the socket can take fewer bytes
    /// assert_eq!((written, &socket[..]), (6, &b"\x81\x04news"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn frame_prepared<'p, B: AsRef<[u8]>>(
        &mut self,
        message: &'p PreparedMessage<B>,
    ) -> Result<[&'p [u8]; 2], SendError> {
        self.frame_prepared_frame(message.plain())
    }
}

impl<B: AsRef<[u8]>> fmt::Debug for PreparedMessage<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedMessage")
            .field("kind", &self.kind)
            .field("len", &self.payload().len())
            .finish_non_exhaustive()
    }
}
