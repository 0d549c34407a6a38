//! An array as an output and as storage.

use super::{MessageStorage, Output, Storage, copy, move_to_front, write_frame};
use crate::error::CapacityError;
use crate::frame::EncodedHeader;

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
/// out.clear();
/// assert!(out.is_empty());
/// ```
#[derive(Clone)]
pub struct FixedBuf<const N: usize> {
    bytes: [u8; N],
    /// `start <= end <= N`. Sums and differences of the three wrap, so that none can panic and none takes an
    /// instruction more; bytes are got by `get`, which refuses what is out of bounds.
    start: usize,
    end: usize,
}

impl<const N: usize> FixedBuf<N> {
    /// An empty buffer.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bytes: [0; N],
            start: 0,
            end: 0,
        }
    }

    /// The bytes put and not consumed yet.
    #[inline]
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Drops the first `n` pending bytes, all of them if there are fewer.
    #[inline]
    pub fn consume(&mut self, n: usize) {
        self.start = self.start.wrapping_add(n.min(self.len()));
        if self.start == self.end {
            self.clear();
        }
    }

    /// Whether nothing is pending.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Drops everything pending.
    #[inline]
    pub fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }

    /// How many bytes are pending.
    #[inline]
    const fn len(&self) -> usize {
        self.end.wrapping_sub(self.start)
    }

    /// Moves the pending bytes to the front when `n` bytes do not fit after it.
    fn make_contiguous_room(&mut self, n: usize) {
        if N.wrapping_sub(self.end) < n && self.start > 0 {
            move_to_front(&mut self.bytes, self.start..self.end);
            self.end = self.len();
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
        copy(to, bytes);
        self.end = self.end.wrapping_add(bytes.len());
        true
    }

    #[cold]
    #[inline(never)]
    fn append(&mut self, bytes: &[u8]) {
        self.make_contiguous_room(bytes.len());
        self.append_behind(bytes);
    }

    /// Puts as much of a frame as there is room for, where the room is not all after the pending bytes.
    #[cold]
    #[inline(never)]
    fn put_most(&mut self, header: EncodedHeader, payload: &[u8], key: Option<[u8; 4]>) {
        let len = header.size().saturating_add(payload.len());
        let fits = len.min(self.room());
        self.make_contiguous_room(fits);
        if let Some(to) = self.bytes.get_mut(self.end..) {
            write_frame(to, header, payload, key);
            self.end = self.end.wrapping_add(fits);
        }
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
        N.wrapping_sub(self.len())
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
        let from = self.end.wrapping_sub(n.min(self.len()));
        self.bytes.get_mut(from..self.end).unwrap_or_default()
    }

    #[inline(always)]
    fn put_frame(&mut self, header: EncodedHeader, payload: &[u8], key: Option<[u8; 4]>) {
        let len = header.size().saturating_add(payload.len());
        match self.bytes.get_mut(self.end..) {
            Some(to) if to.len() >= len => {
                write_frame(to, header, payload, key);
                self.end = self.end.wrapping_add(len);
            }
            _ => self.put_most(header, payload, key),
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

    #[inline]
    fn truncate(&mut self, len: usize) {
        self.end = self.end.wrapping_sub(self.len().saturating_sub(len));
    }

    #[inline]
    fn clear(&mut self) {
        Self::clear(self);
    }
}

impl<const N: usize> MessageStorage for FixedBuf<N> {
    fn store_with(&mut self, most: usize, write: &mut dyn FnMut(&mut [u8]) -> usize) {
        let most = most.min(self.room());
        self.make_contiguous_room(most);
        match self.bytes.get_mut(self.end..self.end.wrapping_add(most)) {
            Some(to) if !to.is_empty() => self.end = self.end.wrapping_add(write(to).min(most)),
            _ => {}
        }
    }
}
