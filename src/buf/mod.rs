//! The caller's buffers, as the engine sees them: where bytes come from and where they go.
//!
//! The engine owns no buffer. It reads from an [`Input`], a cursor over bytes that the caller
//! received, writes to an [`Output`], and keeps what must be contiguous in a [`Storage`].

mod copy;
mod fixed;
#[cfg(feature = "alloc")]
mod limited;
mod location;
mod storage;
#[cfg(feature = "alloc")]
mod vec;

use core::mem;

#[cfg(feature = "alloc")]
pub(crate) use copy::{append, append_text};
pub(crate) use copy::{copy, move_to_front};
pub use fixed::FixedBuf;
#[cfg(feature = "alloc")]
pub use limited::Limited;
pub use location::BufferLocation;
pub use storage::{MessageStorage, Storage};

use crate::frame::EncodedHeader;
use crate::simd;

/// Bytes received from the peer, consumed from the front.
///
/// An `Input` is a cursor over the caller's own buffer. The engine unmasks payload in place and its
/// events borrow the buffer, not the engine, so that an event can be answered while it is alive.
///
/// ```
/// use ws_proto::{Config, Connection, Event, Input, Negotiated};
///
/// let mut connection = Connection::server(Negotiated::new(), Config::new());
/// let mut read = [0x82, 0x81, 0, 0, 0, 0, 7];
/// let mut input = Input::new(&mut read);
/// let mut out = Vec::new();
/// let event = connection.receive(&mut input, &mut out)?;
/// assert!(matches!(event, Some(Event::Binary(binary)) if binary.data == [7]));
/// assert!(input.is_empty());
/// # Ok::<(), ws_proto::ReceiveError>(())
/// ```
///
/// The caller can take bytes that are not for the engine:
///
/// ```
/// use ws_proto::Input;
///
/// let mut read = *b"GET / HTTP/1.1\r\n\r\n\x81\x80\0\0\0\0";
/// let mut input = Input::new(&mut read);
/// let location = input.location();
/// let head = input.take(18);
/// assert_eq!(head, b"GET / HTTP/1.1\r\n\r\n");
/// assert_eq!(location.range_of(head), Some(0..18));
/// assert_eq!((input.len(), input.bytes()), (6, &b"\x81\x80\0\0\0\0"[..]));
/// assert_eq!(input.into_bytes(), b"\x81\x80\0\0\0\0");
/// ```
#[derive(Debug, Default)]
pub struct Input<'b> {
    bytes: &'b mut [u8],
}

impl<'b> Input<'b> {
    /// Wraps bytes just received. Their content is used up: payload is unmasked in place.
    #[inline]
    #[must_use]
    pub fn new(bytes: &'b mut [u8]) -> Self {
        Self { bytes }
    }

    /// How many bytes have not been consumed yet.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether everything has been consumed.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Where the bytes that are not consumed yet lie, to find in it what an event borrows.
    #[must_use]
    pub fn location(&self) -> BufferLocation {
        BufferLocation::of(self.bytes)
    }

    /// The bytes not consumed yet.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes
    }

    /// Takes the bytes that were not consumed, for instance to hand them to another protocol.
    #[inline]
    #[must_use]
    pub fn into_bytes(self) -> &'b mut [u8] {
        self.bytes
    }

    /// Consumes `n` bytes, or all of them if there are fewer.
    #[inline]
    pub fn take(&mut self, n: usize) -> &'b mut [u8] {
        let n = n.min(self.bytes.len());
        let (taken, rest) = mem::take(&mut self.bytes).split_at_mut(n);
        self.bytes = rest;
        taken
    }
}

impl<'b> From<&'b mut [u8]> for Input<'b> {
    fn from(bytes: &'b mut [u8]) -> Self {
        Self::new(bytes)
    }
}

/// Where the engine writes the bytes that the caller has to send to the peer, in order.
///
/// The engine asks for [`room`](Self::room) before it writes and never puts more than that, so a
/// call either writes a whole frame or nothing.
///
/// Implemented by `Vec<u8>` (no limit), [`Limited`] (a high-water mark) and [`FixedBuf`] (an array).
///
/// Programs may implement it. A method that is added before the next breaking release is provided, and works with the
/// methods of today.
///
/// ```
/// use ws_proto::{Config, Connection, Negotiated, Output, SendError};
///
/// /// The frames of one datagram of a tunnel.
/// #[derive(Default)]
/// struct Datagram {
///     bytes: Vec<u8>,
/// }
///
/// impl Output for Datagram {
///     fn room(&self) -> usize {
///         1200 - self.bytes.len()
///     }
///
///     fn put(&mut self, bytes: &[u8]) {
///         let fits = bytes.len().min(self.room());
///         self.bytes.extend_from_slice(&bytes[..fits]);
///     }
///
///     fn last_mut(&mut self, n: usize) -> &mut [u8] {
///         let from = self.bytes.len().saturating_sub(n);
///         &mut self.bytes[from..]
///     }
/// }
///
/// let mut datagram = Datagram::default();
/// let mut connection = Connection::server(Negotiated::new(), Config::new());
/// connection.send_text("hello", &mut datagram)?;
/// assert_eq!(datagram.bytes, b"\x81\x05hello");
/// assert_eq!(connection.send_binary(&[0; 1200], &mut datagram), Err(SendError::OutputFull));
/// assert_eq!(datagram.room(), 1193); // nothing of that message was written
/// datagram.put(b"\x89\0"); // a Ping that was encoded elsewhere
/// assert_eq!(datagram.last_mut(2), b"\x89\0");
/// # Ok::<(), SendError>(())
/// ```
pub trait Output {
    /// How many bytes can be [`put`](Self::put) now.
    #[must_use]
    fn room(&self) -> usize;

    /// Announces that `n` bytes, which fit, are about to be put: memory for all of them can be reserved at
    /// once. Provided, it does nothing.
    #[inline]
    fn reserve(&mut self, n: usize) {
        let _ = n;
    }

    /// Appends `bytes`. An implementation may drop what exceeds [`room`](Self::room).
    fn put(&mut self, bytes: &[u8]);

    /// The last `n` bytes that were put, all of them if there are fewer.
    #[must_use]
    fn last_mut(&mut self, n: usize) -> &mut [u8];

    /// Appends a frame: `header`, and then `payload`, masked if there is a `key` (RFC 6455 5.3).
    /// Provided: it [`put`](Self::put)s both and masks the payload where it is then. An implementation
    /// that has the memory may do all of it in one pass.
    ///
    /// ```
    /// use ws_proto::frame::{Header, Opcode};
    /// use ws_proto::{FixedBuf, Output};
    ///
    /// let mut out = FixedBuf::<16>::new();
    /// let header = Header::new(Opcode::Ping, 2).masked([1, 2, 3, 4]);
    /// out.reserve(header.encoded_len() + 2);
    /// out.put_frame(header.encode(), b"hi", header.mask);
    /// assert_eq!(out.pending(), [0x89, 0x82, 1, 2, 3, 4, b'h' ^ 1, b'i' ^ 2]);
    /// ```
    #[inline]
    fn put_frame(&mut self, header: EncodedHeader, payload: &[u8], key: Option<[u8; 4]>) {
        self.reserve(header.size().saturating_add(payload.len()));
        self.put(&header);
        self.put(payload);
        if let Some(key) = key {
            simd::xor(self.last_mut(payload.len()), key);
        }
    }
}

/// Writes a frame as far as there is room in `to`.
#[inline(always)]
fn write_frame(to: &mut [u8], header: EncodedHeader, payload: &[u8], key: Option<[u8; 4]>) {
    header.write(to);
    let to = to.get_mut(header.size()..).unwrap_or_default();
    match key {
        None => copy(to, payload),
        Some(key) => simd::xor_into(to, payload, key),
    }
}

impl<O: Output + ?Sized> Output for &mut O {
    #[inline]
    fn room(&self) -> usize {
        (**self).room()
    }

    #[inline]
    fn reserve(&mut self, n: usize) {
        (**self).reserve(n);
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        (**self).put(bytes);
    }

    #[inline]
    fn last_mut(&mut self, n: usize) -> &mut [u8] {
        (**self).last_mut(n)
    }

    #[inline]
    fn put_frame(&mut self, header: EncodedHeader, payload: &[u8], key: Option<[u8; 4]>) {
        (**self).put_frame(header, payload, key);
    }
}
