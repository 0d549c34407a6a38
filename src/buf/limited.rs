//! An output with a high-water mark.

use alloc::vec::Vec;

use super::{Output, copy, move_to_front, write_frame};
use crate::frame::EncodedHeader;

/// A growing [`Output`] with a high-water mark.
///
/// While more than `limit - 131` bytes wait to be written, the engine receives nothing and says so
/// ([`ReceiveError::OutputFull`](crate::ReceiveError::OutputFull)): a peer that sends pings and does not
/// read cannot make it grow. A program that sends more than the peer takes gets
/// [`SendError::OutputFull`](crate::SendError::OutputFull).
///
/// ```
/// use ws_proto::{Config, Connection, Limited, Negotiated, Output, SendError};
///
/// let mut connection = Connection::server(Negotiated::new(), Config::new());
/// let mut out = Limited::new(200);
/// connection.send_binary(&[7; 190], &mut out)?;
/// assert_eq!(out.room(), 6); // the header has four bytes
/// assert_eq!(connection.send_text("one more", &mut out), Err(SendError::OutputFull));
///
/// out.consume(out.pending().len()); // the transport has taken all of it
/// connection.send_text("one more", &mut out)?;
///
/// out.consume(out.pending().len());
/// assert!(out.is_empty());
/// out.release();
/// assert_eq!(out.capacity(), 0);
/// # Ok::<(), SendError>(())
/// ```
#[derive(Clone)]
pub struct Limited {
    /// All of it is initialised, so that bytes can be masked on their way into it.
    bytes: Vec<u8>,
    /// `start <= end <= bytes.len()`. Sums and differences of the three wrap, so that none can panic and none takes an
    /// instruction more; bytes are got by `get`, which refuses what is out of bounds.
    start: usize,
    end: usize,
    limit: usize,
}

impl Limited {
    /// An empty output that takes `limit` bytes until it is drained; at least
    /// [`MAX_CONTROL_FRAME`](crate::MAX_CONTROL_FRAME), or nothing is ever received. It allocates twice as much
    /// at most.
    #[must_use]
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
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Drops the first `n` pending bytes, all of them if there are fewer.
    #[inline]
    pub fn consume(&mut self, n: usize) {
        self.start = self.start.wrapping_add(n.min(self.len()));
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Whether nothing is pending.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// How many bytes are pending.
    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.end.wrapping_sub(self.start)
    }

    /// Gives memory back to the allocator: all of it if nothing is pending.
    pub fn release(&mut self) {
        self.compact();
        self.bytes.truncate(self.end);
        self.bytes.shrink_to_fit();
    }

    /// How many bytes are allocated.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    fn compact(&mut self) {
        move_to_front(&mut self.bytes, self.start..self.end);
        self.end = self.len();
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
        self.end = self.end.wrapping_add(n);
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
        if self.bytes.capacity() < needed {
            // So no more than twice the limit is needed, and doubling stops there.
            let most = self.limit.saturating_mul(2).max(needed);
            let capacity = self.bytes.capacity().saturating_mul(2).clamp(needed, most);
            self.bytes
                .reserve_exact(capacity.saturating_sub(self.bytes.len()));
        }
        if self.bytes.len() < needed {
            self.bytes.resize(needed, 0);
        }
    }
}

#[cfg(feature = "alloc")]
impl Limited {
    /// Appends a frame whatever the limit is: for a queue that has checked its own.
    #[inline(always)]
    pub(crate) fn push_frame(
        &mut self,
        header: EncodedHeader,
        payload: &[u8],
        key: Option<[u8; 4]>,
    ) {
        let len = header.size().saturating_add(payload.len());
        match self.bytes.get_mut(self.end..) {
            Some(to) if len <= to.len() => {
                self.end = self.end.wrapping_add(len);
                write_frame(to, header, payload, key);
            }
            _ => write_frame(self.append_most(len), header, payload, key),
        }
    }
}

impl core::fmt::Debug for Limited {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Limited")
            .field("limit", &self.limit)
            .field("len", &self.pending().len())
            .finish()
    }
}

impl Output for Limited {
    #[inline]
    fn room(&self) -> usize {
        self.limit.saturating_sub(self.len())
    }

    #[inline]
    fn reserve(&mut self, n: usize) {
        if self.bytes.len().wrapping_sub(self.end) < n {
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
        let from = self.end.wrapping_sub(n.min(self.len()));
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
