use alloc::string::String;
use alloc::vec::Vec;
use core::{fmt, mem};

use crate::buf::{self, MessageStorage, Storage};
use crate::error::CapacityError;
use crate::utf8::{self, InvalidUtf8};

/// Growing [`Storage`] that keeps text as text.
///
/// A text that comes in pieces has been validated piece by piece. Bytes that are joined in a
/// `Vec<u8>` are no text to the compiler any more, and so an [`Assembler`](super::Assembler) over
/// one validates them again; over this, it does not. Both keep the memory they have got when they
/// are cleared.
///
/// ```
/// use ws_proto::message::{Assembler, Message, MessageBuf};
/// use ws_proto::{Config, Connection, Input, Negotiated};
///
/// let mut connection = Connection::client(Negotiated::new(), Config::new(), || [0; 4]);
/// let mut assembler = Assembler::new(MessageBuf::new(), 1024);
/// let mut read = *b"\x01\x01\xc3\x80\x01\xbc"; // "ü" in two frames
/// let mut input = Input::new(&mut read);
/// let mut out = Vec::new();
/// let mut texts = Vec::new();
/// while let Some(event) = connection.receive(&mut input, &mut out)? {
///     if let Some(Message::Text(text)) = assembler.push(event)? {
///         texts.push(text.to_owned());
///     }
/// }
/// assert_eq!(texts, ["ü"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct MessageBuf {
    /// The bytes, `len` of them, and after them the rest of earlier messages: bytes that were
    /// filled with zeros once need not be again. The allocation is here or in `text`.
    bytes: Vec<u8>,
    /// Zero if there is text.
    len: usize,
    text: String,
    /// Growing by doubling stops here.
    limit: usize,
}

impl MessageBuf {
    /// An empty buffer. Allocates nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_limit(usize::MAX)
    }

    /// An empty buffer for messages of at most `bytes` bytes. Memory is allocated for twice as much as
    /// there is when it has to grow, but not for more than `bytes`. Allocates nothing yet.
    ///
    /// ```
    /// use ws_proto::{MessageBuf, Storage};
    ///
    /// let mut storage = MessageBuf::with_limit(100);
    /// assert_eq!(storage.capacity(), 0);
    /// storage.store(&[1; 60])?;
    /// assert!((60..=100).contains(&storage.capacity()));
    /// # Ok::<(), ws_proto::CapacityError>(())
    /// ```
    #[must_use]
    pub const fn with_limit(bytes: usize) -> Self {
        Self {
            bytes: Vec::new(),
            len: 0,
            text: String::new(),
            limit: bytes,
        }
    }

    /// How much to reserve to have `more` bytes after `len`, with `capacity` allocated.
    #[inline]
    fn growth(&self, len: usize, capacity: usize, more: usize) -> usize {
        let needed = len.saturating_add(more);
        let doubled = capacity.saturating_mul(2).min(self.limit);
        needed.max(doubled).saturating_sub(len)
    }

    /// Drops the first `n` bytes, whole characters if it is text.
    pub(crate) fn drop_front(&mut self, n: usize) {
        let len = self.bytes().len();
        if n >= len {
            self.clear();
        } else if n > 0 {
            self.turn_into_bytes();
            buf::move_to_front(&mut self.bytes, n..len);
            self.len = len.saturating_sub(n);
        }
    }

    /// As much of it as is text, for bytes that may end inside a character.
    pub(crate) fn text_prefix(&self) -> &str {
        if self.len == 0 {
            return &self.text;
        }
        let bytes = self.bytes();
        let valid = match core::str::from_utf8(bytes) {
            Ok(text) => return text,
            Err(error) => bytes.get(..error.valid_up_to()).unwrap_or_default(),
        };
        core::str::from_utf8(valid).unwrap_or_default()
    }

    /// Gives the memory back.
    pub(crate) fn release(&mut self) {
        *self = Self::with_limit(self.limit);
    }

    /// How many bytes are allocated.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity().saturating_add(self.text.capacity())
    }

    /// The content is bytes from now on.
    #[inline]
    fn turn_into_bytes(&mut self) {
        if self.bytes.capacity() == 0 {
            self.bytes = mem::take(&mut self.text).into_bytes();
            self.len = self.bytes.len();
        }
    }

    /// The text to append to; `None` if there are bytes.
    #[inline]
    fn as_string(&mut self) -> Option<&mut String> {
        if self.len > 0 {
            return None;
        }
        if self.text.capacity() == 0 {
            self.bytes.clear();
            // Of no bytes, this only takes the allocation over.
            self.text = String::from_utf8(mem::take(&mut self.bytes)).unwrap_or_default();
        }
        Some(&mut self.text)
    }
}

impl Storage for MessageBuf {
    #[inline]
    fn bytes(&self) -> &[u8] {
        if self.len == 0 {
            self.text.as_bytes()
        } else {
            self.bytes.get(..self.len).unwrap_or_default()
        }
    }

    #[inline]
    fn store(&mut self, bytes: &[u8]) -> Result<(), CapacityError> {
        self.turn_into_bytes();
        let left_over = self.bytes.get_mut(self.len..).unwrap_or_default();
        if let Some(to) = left_over.get_mut(..bytes.len()) {
            buf::copy(to, bytes);
        } else {
            self.bytes.truncate(self.len);
            if self.bytes.capacity().saturating_sub(self.len) < bytes.len() {
                let more = self.growth(self.len, self.bytes.capacity(), bytes.len());
                self.bytes.reserve_exact(more);
            }
            buf::append(&mut self.bytes, bytes);
        }
        self.len = self.len.saturating_add(bytes.len());
        Ok(())
    }

    fn truncate(&mut self, len: usize) {
        if len == 0 {
            self.clear();
        } else if len < self.bytes().len() {
            // The end can be inside a character: no text from now on.
            self.turn_into_bytes();
            self.len = len;
        }
    }

    #[inline]
    fn clear(&mut self) {
        self.len = 0;
        self.text.clear();
    }
}

impl MessageStorage for MessageBuf {
    #[inline]
    fn store_text(
        &mut self,
        head: Option<char>,
        body: &str,
        raw: &[u8],
    ) -> Result<(), CapacityError> {
        let capacity = self.capacity();
        let more = self.growth(self.bytes().len(), capacity, raw.len().saturating_add(4));
        match self.as_string() {
            Some(text) => {
                if text.capacity().saturating_sub(text.len()) < raw.len().saturating_add(4) {
                    text.reserve_exact(more);
                }
                if let Some(head) = head {
                    text.push(head);
                }
                buf::append_text(text, body);
                Ok(())
            }
            None => self.store(raw),
        }
    }

    fn store_with(&mut self, most: usize, write: &mut dyn FnMut(&mut [u8]) -> usize) {
        self.turn_into_bytes();
        let end = self.len.saturating_add(most);
        if self.bytes.len() < end {
            if self.bytes.capacity() < end {
                let more = self.growth(self.bytes.len(), self.bytes.capacity(), most);
                self.bytes.reserve_exact(more);
            }
            self.bytes.resize(end, 0);
        }
        match self.bytes.get_mut(self.len..end) {
            Some(to) if !to.is_empty() => self.len = self.len.saturating_add(write(to).min(most)),
            _ => {}
        }
    }

    #[inline]
    fn text(&self) -> Result<&str, InvalidUtf8> {
        if self.len == 0 {
            Ok(&self.text)
        } else {
            utf8::from_utf8(self.bytes())
        }
    }
}

impl fmt::Debug for MessageBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageBuf")
            .field("len", &self.bytes().len())
            .field("capacity", &self.capacity())
            .finish()
    }
}
