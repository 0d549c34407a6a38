//! The caller's buffers, as the engine sees them: where bytes come from and where they go.
//!
//! The engine owns no buffer. It reads from an [`Input`], a cursor over bytes that the caller
//! received, writes to an [`Output`], and keeps what must be contiguous in a [`Storage`].

#[cfg(feature = "alloc")]
use alloc::{string::String, vec::Vec};
use core::mem;

use crate::error::CapacityError;
use crate::frame::{self, EncodedHeader};
use crate::utf8::{self, InvalidUtf8};

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
/// # Ok::<(), ws_proto::ProtocolError>(())
/// ```
#[derive(Debug, Default)]
pub struct Input<'b> {
    bytes: &'b mut [u8],
}

impl<'b> Input<'b> {
    /// Wraps bytes just received. Their content is used up: payload is unmasked in place.
    #[inline]
    pub fn new(bytes: &'b mut [u8]) -> Self {
        Self { bytes }
    }

    /// How many bytes have not been consumed yet.
    #[inline]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether everything has been consumed.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes not consumed yet.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        self.bytes
    }

    /// Takes what has not been consumed, for instance to hand it to another protocol.
    #[inline]
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
/// Implemented by `Vec<u8>` (endless), [`Limited`] (a high-water mark) and [`FixedBuf`] (an array).
pub trait Output {
    /// How many bytes can be [`put`](Self::put) now.
    fn room(&self) -> usize;

    /// Tells that `n` bytes, which fit, are about to be put: memory for all of them can be had at
    /// once. Provided, it does nothing.
    #[inline]
    fn reserve(&mut self, n: usize) {
        let _ = n;
    }

    /// Appends `bytes`. An implementation may drop what exceeds [`room`](Self::room).
    fn put(&mut self, bytes: &[u8]);

    /// The last `n` bytes that were put, all of them if there are fewer.
    fn last_mut(&mut self, n: usize) -> &mut [u8];

    /// Appends a frame: `header`, and then `payload`, masked if there is a `key` (RFC 6455 5.3).
    /// Provided: it [`put`](Self::put)s both and masks the payload where it is then. An implementation
    /// that has the memory may do all of it in one pass.
    #[inline]
    fn put_frame(&mut self, header: EncodedHeader, payload: &[u8], key: Option<[u8; 4]>) {
        self.put(&header);
        self.put(payload);
        if let Some(key) = key {
            frame::xor(self.last_mut(payload.len()), key);
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
        Some(key) => frame::xor_into(to, payload, key),
    }
}

/// What is copied at once. For more than a few KiB the C library takes an instruction for strings
/// that is four times slower than vectors on some processors where the two places happen to lie
/// badly; for this it takes vectors.
const STEP: usize = 2048;

/// Copies `from` to `to`, as far as the shorter of them goes.
#[inline]
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    let n = to.len().min(from.len());
    let (Some(to), Some(from)) = (to.get_mut(..n), from.get(..n)) else {
        return;
    };
    if n <= STEP {
        to.copy_from_slice(from);
    } else {
        copy_in_steps(to, from);
    }
}

#[inline(never)]
fn copy_in_steps(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.chunks_mut(STEP).zip(from.chunks(STEP)) {
        to.copy_from_slice(from);
    }
}

/// Appends `bytes` to `to`.
#[cfg(feature = "alloc")]
#[inline]
pub(crate) fn append(to: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() <= STEP {
        to.extend_from_slice(bytes);
    } else {
        append_in_steps(to, bytes);
    }
}

#[cfg(feature = "alloc")]
#[inline(never)]
fn append_in_steps(to: &mut Vec<u8>, bytes: &[u8]) {
    to.reserve(bytes.len());
    for step in bytes.chunks(STEP) {
        to.extend_from_slice(step);
    }
}

/// Appends `text` to `to`.
#[cfg(feature = "alloc")]
#[inline]
pub(crate) fn append_text(to: &mut String, text: &str) {
    if text.len() <= STEP {
        to.push_str(text);
    } else {
        append_text_in_steps(to, text);
    }
}

#[cfg(feature = "alloc")]
#[inline(never)]
fn append_text_in_steps(to: &mut String, mut text: &str) {
    to.reserve(text.len());
    while text.len() > STEP {
        let end = (0..=STEP).rev().find(|end| text.is_char_boundary(*end));
        let (step, rest) = text.split_at(end.unwrap_or_default());
        to.push_str(step);
        text = rest;
    }
    to.push_str(text);
}

/// Where contiguous bytes are collected: a handshake head, a message that came in pieces.
///
/// Implemented by `Vec<u8>`, by [`FixedBuf`], and by [`MessageBuf`](crate::message::MessageBuf) for
/// messages.
pub trait Storage {
    /// What has been stored since the last [`clear`](Self::clear).
    fn bytes(&self) -> &[u8];

    /// Appends `bytes`.
    ///
    /// # Errors
    ///
    /// [`CapacityError`] if they do not fit; nothing is stored then.
    fn store(&mut self, bytes: &[u8]) -> Result<(), CapacityError>;

    /// Appends what `write` puts at the front of a slice of `most` bytes or fewer. It tells how many
    /// bytes these are.
    ///
    /// `write` is called once, or not at all if there is no room. Provided, it is never called:
    /// what an extension decodes is then copied by [`store`](Self::store), and that takes longer.
    ///
    /// ```
    /// use ws_proto::{FixedBuf, Storage};
    ///
    /// let mut storage = FixedBuf::<8>::new();
    /// storage.store_with(5, &mut |to| {
    ///     to[..2].copy_from_slice(b"Hi");
    ///     2
    /// });
    /// assert_eq!(storage.bytes(), b"Hi");
    /// ```
    fn store_with(&mut self, most: usize, write: &mut dyn FnMut(&mut [u8]) -> usize) {
        let _ = (most, write);
    }

    /// Appends a piece of a text: its bytes are `raw`. These are `head`, a character that began in
    /// the pieces before, then `body`, and then maybe the first bytes of a character that the next
    /// piece completes.
    ///
    /// Provided, it stores `raw`. Storage that keeps text as text stores `head` and `body`.
    ///
    /// # Errors
    ///
    /// [`CapacityError`] if the piece does not fit; nothing is stored then.
    #[inline]
    fn store_text(
        &mut self,
        head: Option<char>,
        body: &str,
        raw: &[u8],
    ) -> Result<(), CapacityError> {
        let _ = (head, body);
        self.store(raw)
    }

    /// What has been stored, as text. Provided, it validates [`bytes`](Self::bytes).
    ///
    /// # Errors
    ///
    /// [`InvalidUtf8`] if it is not text.
    #[inline]
    fn text(&self) -> Result<&str, InvalidUtf8> {
        utf8::from_utf8(self.bytes())
    }

    /// Forgets what is stored.
    fn clear(&mut self);
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

impl<S: Storage + ?Sized> Storage for &mut S {
    #[inline]
    fn bytes(&self) -> &[u8] {
        (**self).bytes()
    }

    #[inline]
    fn store(&mut self, bytes: &[u8]) -> Result<(), CapacityError> {
        (**self).store(bytes)
    }

    fn store_with(&mut self, most: usize, write: &mut dyn FnMut(&mut [u8]) -> usize) {
        (**self).store_with(most, write);
    }

    #[inline]
    fn store_text(
        &mut self,
        head: Option<char>,
        body: &str,
        raw: &[u8],
    ) -> Result<(), CapacityError> {
        (**self).store_text(head, body, raw)
    }

    #[inline]
    fn text(&self) -> Result<&str, InvalidUtf8> {
        (**self).text()
    }

    #[inline]
    fn clear(&mut self) {
        (**self).clear();
    }
}

/// `N` bytes inside the value itself: an [`Output`] and a [`Storage`] for programs without an
/// allocator.
///
/// ```
/// use ws_proto::{FixedBuf, Output};
///
/// let mut out = FixedBuf::<8>::new();
/// out.put(b"abcdef");
/// out.consume(4); // the transport took four bytes
/// assert_eq!(out.pending(), b"ef");
/// assert_eq!(out.room(), 6);
/// ```
#[derive(Clone)]
pub struct FixedBuf<const N: usize> {
    bytes: [u8; N],
    start: usize,
    end: usize,
}

impl<const N: usize> FixedBuf<N> {
    /// An empty buffer.
    pub const fn new() -> Self {
        Self {
            bytes: [0; N],
            start: 0,
            end: 0,
        }
    }

    /// The bytes put and not consumed yet.
    #[inline]
    pub fn pending(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Drops the first `n` pending bytes, all of them if there are fewer.
    #[inline]
    pub fn consume(&mut self, n: usize) {
        self.start += n.min(self.end - self.start);
        if self.start == self.end {
            self.clear();
        }
    }

    /// Whether nothing is pending.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Drops everything pending.
    #[inline]
    pub fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }

    /// Moves what is pending to the front when `n` bytes do not fit behind it.
    fn make_contiguous_room(&mut self, n: usize) {
        if N - self.end < n && self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
    }

    /// Appends without moving anything; whether there was room for that.
    #[inline]
    fn append_behind(&mut self, bytes: &[u8]) -> bool {
        let free = self.bytes.get_mut(self.end..).unwrap_or_default();
        let Some(to) = free.get_mut(..bytes.len()) else {
            return false;
        };
        to.copy_from_slice(bytes);
        self.end += bytes.len();
        true
    }

    #[cold]
    #[inline(never)]
    fn append(&mut self, bytes: &[u8]) {
        self.make_contiguous_room(bytes.len());
        self.append_behind(bytes);
    }
}

impl<const N: usize> Default for FixedBuf<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> core::fmt::Debug for FixedBuf<N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("FixedBuf")
            .field("capacity", &N)
            .field("len", &self.pending().len())
            .finish()
    }
}

impl<const N: usize> Output for FixedBuf<N> {
    #[inline]
    fn room(&self) -> usize {
        N - (self.end - self.start)
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        if !self.append_behind(bytes) {
            let fits = bytes.len().min(self.room());
            self.append(bytes.get(..fits).unwrap_or_default());
        }
    }

    #[inline]
    fn last_mut(&mut self, n: usize) -> &mut [u8] {
        let from = self.end - n.min(self.end - self.start);
        self.bytes.get_mut(from..self.end).unwrap_or_default()
    }

    #[inline(always)]
    fn put_frame(&mut self, header: EncodedHeader, payload: &[u8], key: Option<[u8; 4]>) {
        let fits = header.size().saturating_add(payload.len()).min(self.room());
        self.make_contiguous_room(fits);
        if let Some(to) = self.bytes.get_mut(self.end..) {
            write_frame(to, header, payload, key);
            self.end += fits;
        }
    }
}

impl<const N: usize> Storage for FixedBuf<N> {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self.pending()
    }

    #[inline]
    fn store(&mut self, bytes: &[u8]) -> Result<(), CapacityError> {
        if bytes.len() > self.room() {
            return Err(CapacityError);
        }
        if !self.append_behind(bytes) {
            self.append(bytes);
        }
        Ok(())
    }

    fn store_with(&mut self, most: usize, write: &mut dyn FnMut(&mut [u8]) -> usize) {
        let most = most.min(self.room());
        self.make_contiguous_room(most);
        match self.bytes.get_mut(self.end..self.end + most) {
            Some(to) if !to.is_empty() => self.end += write(to).min(most),
            _ => {}
        }
    }

    #[inline]
    fn clear(&mut self) {
        Self::clear(self);
    }
}

#[cfg(feature = "alloc")]
impl Output for Vec<u8> {
    #[inline]
    fn room(&self) -> usize {
        isize::MAX as usize - self.len()
    }

    #[inline]
    fn reserve(&mut self, n: usize) {
        Self::reserve(self, n);
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        append(self, bytes);
    }

    #[inline]
    fn last_mut(&mut self, n: usize) -> &mut [u8] {
        let from = self.len().saturating_sub(n);
        self.get_mut(from..).unwrap_or_default()
    }
}

#[cfg(feature = "alloc")]
impl Storage for Vec<u8> {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self
    }

    #[inline]
    fn store(&mut self, bytes: &[u8]) -> Result<(), CapacityError> {
        append(self, bytes);
        Ok(())
    }

    fn store_with(&mut self, most: usize, write: &mut dyn FnMut(&mut [u8]) -> usize) {
        let len = self.len();
        self.resize(len.saturating_add(most), 0);
        let written = match self.get_mut(len..) {
            Some(to) if !to.is_empty() => write(to).min(most),
            _ => 0,
        };
        self.truncate(len + written);
    }

    #[inline]
    fn clear(&mut self) {
        Self::clear(self);
    }
}

/// A growing [`Output`] with a high-water mark.
///
/// While more than `limit - 131` bytes wait to be written, the engine receives nothing: a peer
/// that sends pings and does not read cannot make it grow, and a program that sends more than the
/// peer takes is told so by [`SendError::OutputFull`](crate::SendError::OutputFull).
///
/// ```
/// use ws_proto::{Limited, Output};
///
/// let mut out = Limited::new(1024);
/// out.put(b"abc");
/// assert_eq!((out.pending(), out.room()), (&b"abc"[..], 1021));
/// out.consume(3);
/// assert!(out.is_empty());
/// ```
#[cfg(feature = "alloc")]
#[derive(Clone)]
pub struct Limited {
    /// All of it is initialised, so that bytes can be masked on their way into it.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    limit: usize,
}

#[cfg(feature = "alloc")]
impl Limited {
    /// An empty output that takes `limit` bytes until it is drained; at least
    /// [`MAX_CONTROL_FRAME`](crate::MAX_CONTROL_FRAME), or nothing is ever received.
    pub const fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            start: 0,
            end: 0,
            limit,
        }
    }

    /// The bytes put and not consumed yet.
    #[inline]
    pub fn pending(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Drops the first `n` pending bytes, all of them if there are fewer.
    #[inline]
    pub fn consume(&mut self, n: usize) {
        self.start += n.min(self.end - self.start);
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Whether nothing is pending.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Gives memory back to the allocator: all of it if nothing is pending.
    pub fn release(&mut self) {
        self.compact();
        self.bytes.truncate(self.end);
        self.bytes.shrink_to_fit();
    }

    /// How many bytes are allocated.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    fn compact(&mut self) {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
    }

    /// Where the next `n` bytes go, and maybe more, if there is room and memory for all of them; then
    /// they count as put.
    #[inline(always)]
    fn append(&mut self, n: usize) -> Option<&mut [u8]> {
        if n > self.room() {
            return None;
        }
        let to = self.bytes.get_mut(self.end..)?;
        if n > to.len() {
            return None;
        }
        self.end += n;
        Some(to)
    }

    /// As [`append`](Self::append), after it found no memory, or less room than that.
    #[cold]
    #[inline(never)]
    fn append_most(&mut self, n: usize) -> &mut [u8] {
        let n = n.min(self.room());
        self.make_room(n);
        self.append(n).unwrap_or_default()
    }

    #[cold]
    #[inline(never)]
    fn make_room(&mut self, n: usize) {
        // What was consumed is dropped only when that is at least half of the buffer, so that a
        // byte is moved once on average however small the steps are in which it is drained.
        if self.start > self.end / 2 {
            self.compact();
        }
        let needed = self.end.saturating_add(n);
        if self.bytes.len() < needed {
            self.bytes.resize(needed, 0);
        }
    }
}

#[cfg(feature = "alloc")]
impl core::fmt::Debug for Limited {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Limited")
            .field("limit", &self.limit)
            .field("len", &self.pending().len())
            .finish()
    }
}

#[cfg(feature = "alloc")]
impl Output for Limited {
    #[inline]
    fn room(&self) -> usize {
        self.limit.saturating_sub(self.end - self.start)
    }

    #[inline]
    fn reserve(&mut self, n: usize) {
        if self.bytes.len() - self.end < n {
            self.make_room(n.min(self.room()));
        }
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        match self.append(bytes.len()) {
            Some(to) => copy(to, bytes),
            None => copy(self.append_most(bytes.len()), bytes),
        }
    }

    #[inline]
    fn last_mut(&mut self, n: usize) -> &mut [u8] {
        let from = self.end - n.min(self.end - self.start);
        self.bytes.get_mut(from..self.end).unwrap_or_default()
    }

    #[inline(always)]
    fn put_frame(&mut self, header: EncodedHeader, payload: &[u8], key: Option<[u8; 4]>) {
        let len = header.size().saturating_add(payload.len());
        match self.append(len) {
            Some(to) => write_frame(to, header, payload, key),
            None => write_frame(self.append_most(len), header, payload, key),
        }
    }
}
