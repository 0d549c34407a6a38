use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use crate::buf::Storage;
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
#[derive(Clone, Debug, Default)]
pub struct MessageBuf {
    /// Empty if there is text. The allocation is in one of the two.
    bytes: Vec<u8>,
    text: String,
}

impl MessageBuf {
    /// An empty buffer. Allocates nothing yet.
    pub const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            text: String::new(),
        }
    }

    /// How many bytes are allocated.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity() + self.text.capacity()
    }

    /// What is stored, as bytes from now on.
    #[inline]
    fn as_vec(&mut self) -> &mut Vec<u8> {
        if self.bytes.capacity() == 0 {
            self.bytes = mem::take(&mut self.text).into_bytes();
        }
        &mut self.bytes
    }

    /// The text to append to; `None` if there are bytes.
    #[inline]
    fn as_string(&mut self) -> Option<&mut String> {
        if !self.bytes.is_empty() {
            return None;
        }
        if self.text.capacity() == 0 {
            // Of no bytes, this only takes the allocation over.
            self.text = String::from_utf8(mem::take(&mut self.bytes)).unwrap_or_default();
        }
        Some(&mut self.text)
    }
}

impl Storage for MessageBuf {
    #[inline]
    fn bytes(&self) -> &[u8] {
        if self.bytes.is_empty() {
            self.text.as_bytes()
        } else {
            &self.bytes
        }
    }

    #[inline]
    fn store(&mut self, bytes: &[u8]) -> Result<(), CapacityError> {
        self.as_vec().store(bytes)
    }

    #[inline]
    fn store_text(
        &mut self,
        head: Option<char>,
        body: &str,
        raw: &[u8],
    ) -> Result<(), CapacityError> {
        match self.as_string() {
            Some(text) => {
                if let Some(head) = head {
                    text.push(head);
                }
                text.push_str(body);
                Ok(())
            }
            None => self.store(raw),
        }
    }

    fn store_with(&mut self, most: usize, write: &mut dyn FnMut(&mut [u8]) -> usize) {
        self.as_vec().store_with(most, write);
    }

    #[inline]
    fn text(&self) -> Result<&str, InvalidUtf8> {
        if self.bytes.is_empty() {
            Ok(&self.text)
        } else {
            utf8::from_utf8(&self.bytes)
        }
    }

    #[inline]
    fn clear(&mut self) {
        self.bytes.clear();
        self.text.clear();
    }
}
