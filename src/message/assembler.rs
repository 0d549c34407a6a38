use core::fmt;

use super::{AssembleError, Message};
use crate::buf::MessageStorage;
#[cfg(feature = "alloc")]
use crate::buf::Storage;
use crate::connection::{Event, Extended, Kind, Text};
use crate::error::CapacityError;
use crate::extension::{Decode, DecodeError, NoExtension};
use crate::utf8::Utf8;

/// Joins the pieces of a message in a [`MessageStorage`] of the caller's.
///
/// A message that arrives in one piece is passed through, uncopied. All others are collected. No allocator is
/// needed: the storage may be an array. A message with more bytes than the limit is refused. A message within
/// the limit that is too long for the storage is refused if it arrives in several pieces, not if it arrives in one.
///
/// ```
/// use ws_proto::message::{Assembler, Message};
/// use ws_proto::{Config, Connection, FixedBuf, Input, Negotiated};
///
/// let mut connection = Connection::client(Negotiated::new(), Config::new(), || [0; 4]);
/// let mut assembler = Assembler::new(FixedBuf::<1024>::new(), 1024);
/// let mut out = Vec::new();
/// let mut read = *b"\x01\x03Hel\x80\x02lo"; // a text in two frames
/// let mut input = Input::new(&mut read);
/// let mut messages = 0;
/// while let Some(event) = connection.receive(&mut input, &mut out)? {
///     if let Some(message) = assembler.push(event)? {
///         assert_eq!(message, Message::Text("Hello"));
///         messages += 1;
///     }
/// }
/// assert_eq!(messages, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Assembler<S, X = NoExtension> {
    storage: S,
    extension: X,
    max_message: u64,
    /// Bytes of the current message that have been stored, and of a character that is not complete.
    collected: u64,
    /// Bytes of the current message that were stored and have been emitted as pieces.
    emitted: u64,
    state: State,
    /// How far a decoded text has been validated.
    utf8: Utf8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between messages, or collecting one.
    Ready,
    /// The rest of a message that could not be put together is dropped.
    Skipping,
    /// The storage holds a whole message.
    Held(Kind),
}

/// The effect of a piece.
pub(crate) enum Step<'b> {
    /// More pieces are needed, or the event was none.
    More,
    /// A message in one piece, in the input buffer.
    Whole(Message<'b>),
    /// A message in the storage.
    Held,
}

/// The effect of a piece that was put into the storage.
#[derive(Clone, Copy)]
enum Collected {
    Part,
    Whole,
}

impl Collected {
    #[inline(always)]
    const fn step<'b>(self) -> Step<'b> {
        match self {
            Self::Part => Step::More,
            Self::Whole => Step::Held,
        }
    }
}

impl<S: MessageStorage> Assembler<S> {
    /// Joins messages of at most `max_message` bytes in `storage`.
    #[must_use]
    pub const fn new(storage: S, max_message: u64) -> Self {
        Self::with_extension(storage, max_message, NoExtension)
    }
}

impl<S: MessageStorage, X: Decode> Assembler<S, X> {
    /// Joins messages of at most `max_message` bytes, after `extension` has decoded them.
    ///
    /// ```
    /// use ws_proto::extension::{Decode, DecodeError};
    /// use ws_proto::frame::Rsv;
    /// use ws_proto::{
    ///     Assembler, Config, Connection, Extended, Input, Message, MessageStorage, Negotiated,
    /// };
    ///
    /// /// Inverts all bits, and counts the bytes.
    /// struct Invert(usize);
    ///
    /// impl Decode for Invert {
    ///     fn decode<S: MessageStorage>(
    ///         &mut self,
    ///         piece: Extended<'_>,
    ///         room: u64,
    ///         to: &mut S,
    ///     ) -> Result<(), DecodeError> {
    ///         if piece.data.len() as u64 > room {
    ///             return Err(DecodeError::TooBig);
    ///         }
    ///         for byte in piece.data {
    ///             *byte = !*byte;
    ///             self.0 += 1;
    ///             to.store(&[*byte])?;
    ///         }
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let negotiated = Negotiated::new().with_rsv(Rsv::RSV2);
    /// let mut connection = Connection::client(negotiated, Config::new(), || [0; 4]);
    /// let mut assembler = Assembler::with_extension(Vec::new(), 1024, Invert(0));
    /// let mut read = *b"\xa1\x02\x97\x96"; // "hi", inverted
    /// let event = connection.receive(&mut Input::new(&mut read), &mut Vec::new())?;
    /// let message = assembler.push(event.expect("a message has come"))?;
    /// assert_eq!(message, Some(Message::Text("hi")));
    /// assert_eq!(assembler.extension_mut().0, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn with_extension(storage: S, max_message: u64, extension: X) -> Self {
        Self {
            storage,
            extension,
            max_message,
            collected: 0,
            emitted: 0,
            state: State::Ready,
            utf8: Utf8::new(),
        }
    }

    /// Takes the next event of a connection, and gives a message if that completes one. Control
    /// events give nothing.
    ///
    /// # Errors
    ///
    /// [`AssembleError`] if the message exceeds the limit or the storage, or cannot be decoded.
    /// The caller then [fails](crate::Connection::fail) the connection with
    /// [`close_code`](AssembleError::close_code); what still comes of
    /// that message is dropped.
    #[inline(always)]
    pub fn push<'a>(&'a mut self, event: Event<'a>) -> Result<Option<Message<'a>>, AssembleError> {
        match self.step(event)? {
            Step::More => Ok(None),
            Step::Whole(message) => Ok(Some(message)),
            Step::Held => self.held(),
        }
    }

    /// As [`push`](Self::push), without borrowing the assembler for the result.
    // Inlined, and the calls in it know nothing of messages, so that one in one piece stays in
    // registers.
    #[inline(always)]
    pub(crate) fn step<'b>(&mut self, event: Event<'b>) -> Result<Step<'b>, AssembleError> {
        match event {
            Event::Text(text) => match text.whole() {
                Some(whole) => self.pass(Message::Text(whole)),
                None => {
                    let Text {
                        head,
                        body,
                        raw,
                        first,
                        last,
                    } = text;
                    self.collect_text(head, body, raw, first, last)
                        .map(Collected::step)
                }
            },
            Event::Binary(binary) => match binary.whole() {
                Ok(whole) => self.pass(Message::Binary(whole)),
                Err(piece) => self
                    .collect_binary(piece.data, piece.first, piece.last)
                    .map(Collected::step),
            },
            Event::Extended(piece) => self.decode(piece).map(Collected::step),
            Event::Ping | Event::Pong | Event::Close(_) => Ok(Step::More),
        }
    }

    /// The message in the storage, until the next piece comes.
    #[inline(never)]
    pub(crate) fn held(&self) -> Result<Option<Message<'_>>, AssembleError> {
        let State::Held(kind) = self.state else {
            return Ok(None);
        };
        match kind {
            Kind::Binary => Ok(Some(Message::Binary(self.storage.bytes()))),
            Kind::Text => self
                .storage
                .text()
                .map(|text| Some(Message::Text(text)))
                .map_err(|_| AssembleError::TextNotUtf8),
        }
    }

    /// The storage: the collected part of the current message.
    ///
    /// ```
    /// use ws_proto::{Assembler, Config, Connection, Input, Negotiated};
    ///
    /// let mut connection = Connection::client(Negotiated::new(), Config::new(), || [0; 4]);
    /// let mut assembler = Assembler::new(Vec::new(), 1024);
    /// let mut read = *b"\x82\x04abcd";
    /// let (one, two) = read.split_at_mut(4); // the message comes in two reads
    /// if let Some(event) = connection.receive(&mut Input::new(one), &mut Vec::new())? {
    ///     assert!(assembler.push(event)?.is_none());
    /// }
    /// assert_eq!(assembler.storage(), b"ab");
    /// if let Some(event) = connection.receive(&mut Input::new(two), &mut Vec::new())? {
    ///     assert!(assembler.push(event)?.is_some());
    /// }
    /// *assembler.storage_mut() = Vec::new(); // gives the memory back between messages
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn storage(&self) -> &S {
        &self.storage
    }

    /// The storage, for instance to give its memory back between messages. Changing its bytes
    /// changes the message.
    #[must_use]
    pub const fn storage_mut(&mut self) -> &mut S {
        &mut self.storage
    }

    /// The extension that decodes.
    #[must_use]
    pub const fn extension_mut(&mut self) -> &mut X {
        &mut self.extension
    }

    #[inline(always)]
    fn pass<'b>(&mut self, message: Message<'b>) -> Result<Step<'b>, AssembleError> {
        if self.state != State::Ready || self.collected > 0 {
            self.start();
        }
        if message.as_bytes().len() as u64 > self.max_message {
            return Err(self.skip(AssembleError::TooBig));
        }
        Ok(Step::Whole(message))
    }

    #[inline(never)]
    fn collect_text(
        &mut self,
        head: Option<char>,
        body: &str,
        raw: &[u8],
        first: bool,
        last: bool,
    ) -> Result<Collected, AssembleError> {
        self.collect(Kind::Text, raw.len(), first, last, |storage| {
            storage.store_text(head, body, raw)
        })
    }

    #[inline(never)]
    fn collect_binary(
        &mut self,
        data: &[u8],
        first: bool,
        last: bool,
    ) -> Result<Collected, AssembleError> {
        self.collect(Kind::Binary, data.len(), first, last, |storage| {
            storage.store(data)
        })
    }

    #[inline(always)]
    fn collect(
        &mut self,
        kind: Kind,
        len: usize,
        first: bool,
        last: bool,
        store: impl FnOnce(&mut S) -> Result<(), CapacityError>,
    ) -> Result<Collected, AssembleError> {
        if first {
            self.start();
        }
        if self.state == State::Skipping {
            return Ok(Collected::Part);
        }
        self.check(len)?;
        if let Err(error) = store(&mut self.storage) {
            return Err(self.skip(error.into()));
        }
        self.collected = self.collected.saturating_add(len as u64);
        Ok(self.end_of_piece(kind, last))
    }

    #[inline(never)]
    fn decode(&mut self, piece: Extended<'_>) -> Result<Collected, AssembleError> {
        if piece.first {
            self.start();
        }
        if self.state == State::Skipping {
            return Ok(Collected::Part);
        }
        let (kind, last) = (piece.kind, piece.last);
        let before = self.storage.bytes().len();
        let room = self.room();
        let mut decoded = self.extension.decode(piece, room, &mut self.storage);
        self.collected = self.storage.bytes().len() as u64;
        if self.collected.saturating_add(self.emitted) > self.max_message {
            // A decoder is not trusted with the limit.
            decoded = Err(DecodeError::TooBig);
        }
        if last && decoded.is_ok() {
            // `held` validates the text as a whole.
            return Ok(self.end_of_piece(kind, last));
        }
        // Also after an error: text that is wrong in front of it would have been refused first, had
        // the message been cut there.
        if kind == Kind::Text {
            let bytes = self.storage.bytes().get(before..).unwrap_or_default();
            if self.utf8.push(bytes).is_err() {
                self.extension.abort();
                return Err(self.skip(AssembleError::TextNotUtf8));
            }
        }
        match decoded {
            Ok(()) => Ok(Collected::Part),
            Err(error) => {
                self.extension.abort();
                Err(self.skip(error.into()))
            }
        }
    }

    /// Forgets the message before.
    #[inline]
    pub(crate) fn start(&mut self) {
        self.storage.clear();
        self.collected = 0;
        self.emitted = 0;
        self.utf8 = Utf8::new();
        self.state = State::Ready;
    }

    fn end_of_piece(&mut self, kind: Kind, last: bool) -> Collected {
        if !last {
            return Collected::Part;
        }
        self.state = State::Held(kind);
        Collected::Whole
    }

    /// How many bytes the message may still grow by.
    #[inline]
    const fn room(&self) -> u64 {
        self.max_message
            .saturating_sub(self.collected)
            .saturating_sub(self.emitted)
    }

    #[inline]
    fn check(&mut self, more: usize) -> Result<(), AssembleError> {
        if more as u64 > self.room() {
            Err(self.skip(AssembleError::TooBig))
        } else {
            Ok(())
        }
    }

    #[cold]
    #[inline(never)]
    fn skip(&mut self, error: AssembleError) -> AssembleError {
        self.storage.clear();
        self.state = State::Skipping;
        error
    }
}

/// For a [`WebSocket`](crate::WebSocket), which can emit the stored bytes as pieces.
#[cfg(feature = "alloc")]
impl<X: Decode> Assembler<super::MessageBuf, X> {
    /// Stores a message that came in one piece.
    pub(crate) fn hold(&mut self, message: Message<'_>) {
        self.start();
        let stored = match message {
            Message::Text(text) => self.storage.store_text(None, text, text.as_bytes()),
            Message::Binary(data) => self.storage.store(data),
        };
        if stored.is_ok() {
            self.collected = message.as_bytes().len() as u64;
            self.state = State::Held(message.kind());
        }
    }

    /// How many bytes of the current message are stored.
    pub(crate) fn stored(&self) -> usize {
        self.storage.bytes().len()
    }

    /// The stored part of a message of that kind, without a character that is cut by its end.
    pub(crate) fn stored_piece(&self, kind: Kind) -> Message<'_> {
        match kind {
            Kind::Binary => Message::Binary(self.storage.bytes()),
            Kind::Text => Message::Text(self.storage.text_prefix()),
        }
    }

    /// Drops the first `n` stored bytes: they have been emitted, or nobody wants them. They count towards
    /// the limit of the message.
    pub(crate) fn drop_stored(&mut self, n: usize) {
        let n = n.min(self.stored());
        self.emitted = self.emitted.saturating_add(n as u64);
        self.collected = self.collected.saturating_sub(n as u64);
        self.storage.drop_front(n);
        if let State::Held(_) = self.state {
            self.state = State::Ready;
        }
    }

    /// How many bytes the storage has allocated.
    pub(crate) fn capacity(&self) -> usize {
        self.storage.capacity()
    }

    /// Gives the memory back if it is more than `retained` bytes and nothing is stored that will be
    /// emitted: a message that was lent has to be dropped before.
    pub(crate) fn release_over(&mut self, retained: usize) {
        let is_free = self.state == State::Skipping || self.storage.bytes().is_empty();
        if is_free && self.storage.capacity() > retained {
            self.storage.release();
        }
    }
}

impl<S: MessageStorage, X: Decode> fmt::Debug for Assembler<S, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assembler")
            .field("len", &self.storage.bytes().len())
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
