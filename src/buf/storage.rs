//! Where bytes are collected that have to be contiguous.

use crate::error::CapacityError;
use crate::utf8::{self, InvalidUtf8};

/// Where contiguous bytes are collected: a handshake head, a message that came in pieces.
///
/// Implemented by `Vec<u8>`, by [`FixedBuf`](super::FixedBuf), and by
/// [`MessageBuf`](crate::message::MessageBuf).
///
/// Programs may implement it. A method that is added before the next breaking release is provided, and works with the
/// methods of today.
///
/// ```
/// use ws_proto::{CapacityError, FixedBuf, Storage};
///
/// /// Stores lines, one after the other.
/// fn store_lines(lines: &[&str], storage: &mut impl Storage) -> Result<(), CapacityError> {
///     storage.clear();
///     lines.iter().try_for_each(|line| storage.store(line.as_bytes()))
/// }
///
/// let mut storage = FixedBuf::<8>::new();
/// store_lines(&["a: 1\n", "b\n"], &mut storage)?;
/// assert_eq!(storage.bytes(), b"a: 1\nb\n");
/// assert_eq!(store_lines(&["a: 1\n", "b: 2\n"], &mut storage), Err(CapacityError));
/// # Ok::<(), CapacityError>(())
/// ```
pub trait Storage {
    /// The bytes stored since the last [`clear`](Self::clear).
    #[must_use]
    fn bytes(&self) -> &[u8];

    /// Appends `bytes`.
    ///
    /// # Errors
    ///
    /// [`CapacityError`] if they do not fit; nothing is stored then.
    fn store(&mut self, bytes: &[u8]) -> Result<(), CapacityError>;

    /// Removes all but the first `len` bytes. Does nothing if there are not more.
    ///
    /// ```
    /// use ws_proto::{FixedBuf, Storage};
    ///
    /// let mut storage = FixedBuf::<8>::new();
    /// storage.store(b"abc").unwrap();
    /// storage.truncate(1);
    /// assert_eq!(storage.bytes(), b"a");
    /// ```
    fn truncate(&mut self, len: usize);

    /// Removes all stored bytes.
    fn clear(&mut self);
}

/// A [`Storage`] for messages: what decoding and text need beside bytes.
///
/// Everything is provided, so that plain storage takes messages with `impl MessageStorage for Mine {}`.
/// Storage that keeps text as text, or that has memory to decode into, saves a pass over the bytes. A method that is
/// added before the next breaking release is provided too.
///
/// ```
/// use ws_proto::{Assembler, CapacityError, Config, Connection, Input, MessageStorage, Negotiated, Storage};
///
/// /// Counts the pieces that are copied.
/// #[derive(Default)]
/// struct Counted {
///     bytes: Vec<u8>,
///     stores: usize,
/// }
///
/// impl Storage for Counted {
///     fn bytes(&self) -> &[u8] {
///         &self.bytes
///     }
///
///     fn store(&mut self, bytes: &[u8]) -> Result<(), CapacityError> {
///         self.stores += 1;
///         self.bytes.store(bytes)
///     }
///
///     fn truncate(&mut self, len: usize) {
///         self.bytes.truncate(len);
///     }
///
///     fn clear(&mut self) {
///         self.bytes.clear();
///     }
/// }
///
/// impl MessageStorage for Counted {}
///
/// let mut connection = Connection::client(Negotiated::new(), Config::new(), || [0; 4]);
/// let mut assembler = Assembler::new(Counted::default(), 1024);
/// let mut read = *b"\x82\x04abcd";
/// let (one, two) = read.split_at_mut(4); // the message comes in two reads
/// for bytes in [one, two] {
///     if let Some(event) = connection.receive(&mut Input::new(bytes), &mut Vec::new())? {
///         assembler.push(event)?;
///     }
/// }
/// assert_eq!((assembler.storage().bytes(), assembler.storage().stores), (&b"abcd"[..], 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait MessageStorage: Storage {
    /// Appends what `write` puts at the front of a slice of `most` bytes or fewer. It returns how many
    /// bytes these are.
    ///
    /// `write` is called once, or not at all if there is no room. Provided, it is never called:
    /// what an extension decodes is then copied by [`store`](Storage::store), and that takes longer.
    ///
    /// ```
    /// use ws_proto::{FixedBuf, MessageStorage, Storage};
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
    ///
    /// ```
    /// use ws_proto::{MessageBuf, MessageStorage};
    ///
    /// let mut storage = MessageBuf::new();
    /// storage.store_text(None, "caf", b"caf\xc3")?; // cut inside of a character
    /// storage.store_text(Some('é'), "!", b"\xa9!")?;
    /// assert_eq!(storage.text(), Ok("café!"));
    /// # Ok::<(), ws_proto::CapacityError>(())
    /// ```
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

    /// The stored bytes, as text. Provided, it validates [`bytes`](Storage::bytes).
    ///
    /// # Errors
    ///
    /// [`InvalidUtf8`] if it is not text.
    #[inline]
    fn text(&self) -> Result<&str, InvalidUtf8> {
        utf8::from_utf8(self.bytes())
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

    #[inline]
    fn truncate(&mut self, len: usize) {
        (**self).truncate(len);
    }

    #[inline]
    fn clear(&mut self) {
        (**self).clear();
    }
}

impl<S: MessageStorage + ?Sized> MessageStorage for &mut S {
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
}
