use alloc::vec::Vec;
use core::fmt;

use super::ByteStreamOptions;
use crate::connection::Role;
use crate::message::Message;
use crate::socket::{Next, Piece, Reading, Received, Want, WebSocket, WebSocketError};

/// The reading side of a [byte stream](super), for a shell: takes received bytes into the reader's buffer, and keeps
/// what does not fit there.
///
/// ```
/// use ws_proto::byte_stream::{ByteReader, ByteStreamOptions, Filled};
/// use ws_proto::{Config, Negotiated, WebSocket};
///
/// let mut client = WebSocket::client(Negotiated::new(), Config::new(), || [0; 4]);
/// let mut reader = ByteReader::new(ByteStreamOptions::new());
/// let mut read = *b"\x82\x03one\x82\x03two"; // two messages in one read of the transport
/// let mut buffer = [0; 4];
/// assert_eq!(reader.fill(&mut client.receive(&mut read), &mut buffer), Filled::Bytes(4));
/// assert_eq!(&buffer, b"onet");
/// assert_eq!(reader.fill(&mut client, &mut buffer), Filled::Bytes(2));
/// assert_eq!(reader.fill(&mut client, &mut buffer), Filled::Read); // from the transport
/// ```
pub struct ByteReader {
    /// Received bytes that did not fit; those before `start` are taken.
    rest: Vec<u8>,
    start: usize,
    /// What is to be done before the next piece is looked for.
    paused: Option<Filled>,
    accepts_text: bool,
}

/// The result of [`ByteReader::fill`], or the next step before it can find something. All but `Bytes` are those of
/// [`Next`].
///
/// ```
/// use ws_proto::byte_stream::{ByteReader, ByteStreamOptions, Filled};
/// use ws_proto::{Config, Negotiated, WebSocket};
///
/// let mut client = WebSocket::client(Negotiated::new(), Config::new(), || [0; 4]);
/// let mut reader = ByteReader::new(ByteStreamOptions::new());
/// match reader.fill(&mut client, &mut [0; 64]) {
///     Filled::Bytes(n) => println!("{n} bytes"),
///     Filled::Read => {} // read from the transport, then `advance` or `receive`
///     Filled::Write => println!("{} bytes to write", client.pending_bytes()),
///     Filled::Yield => {} // call again, after others had their turn
///     Filled::End => println!("the end: see `read_end`"),
///     _ => {}
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Filled {
    /// So many bytes of the buffer are filled. 0 only for an empty buffer: then something is
    /// [buffered](ByteReader::buffered).
    Bytes(usize),
    /// The output comes first.
    Write,
    /// All that was read from the transport is used.
    Read,
    /// Others get their turn.
    Yield,
    /// Nothing more is received: [`read_end`](super::read_end) says how it has ended.
    End,
}

/// Where pieces of messages come from: a connection, or the bytes of one read.
///
/// Sealed: programs use it as a bound and cannot implement it.
///
/// ```
/// use ws_proto::byte_stream::{ByteReader, ByteStreamOptions, Filled, Source};
/// use ws_proto::{Config, Negotiated, WebSocket};
///
/// fn first_byte(reader: &mut ByteReader, from: &mut impl Source) -> Option<u8> {
///     let mut byte = [0];
///     (reader.fill(from, &mut byte) == Filled::Bytes(1)).then_some(byte[0])
/// }
///
/// let mut client = WebSocket::client(Negotiated::new(), Config::new(), || [0; 4]);
/// let mut reader = ByteReader::new(ByteStreamOptions::new());
/// let mut read = *b"\x82\x02ab";
/// assert_eq!(first_byte(&mut reader, &mut client.receive(&mut read)), Some(b'a'));
/// assert_eq!(first_byte(&mut reader, &mut client), Some(b'b'));
/// ```
pub trait Source: sealed::Source {}

mod sealed {
    #![expect(unnameable_types, reason = "that is what seals the sources")]

    use super::{Next, Role, WebSocketError};

    pub trait Source {
        type Role: Role;
        type Shared: AsRef<[u8]>;

        fn next_piece(&mut self) -> Result<Next<'_, Self::Role, Self::Shared>, WebSocketError>;

        fn refuse_text(&mut self);
    }
}

impl<R: Role, B: AsRef<[u8]>> Source for WebSocket<R, B> {}

impl<R: Role, B: AsRef<[u8]>> sealed::Source for WebSocket<R, B> {
    type Role = R;
    type Shared = B;

    fn next_piece(&mut self) -> Result<Next<'_, R, B>, WebSocketError> {
        self.poll_next(Want::Piece)
    }

    fn refuse_text(&mut self) {
        Self::refuse_text(self);
    }
}

impl<R: Role, B: AsRef<[u8]>> Source for Reading<'_, R, B> {}

impl<R: Role, B: AsRef<[u8]>> sealed::Source for Reading<'_, R, B> {
    type Role = R;
    type Shared = B;

    fn next_piece(&mut self) -> Result<Next<'_, R, B>, WebSocketError> {
        self.poll_next(Want::Piece)
    }

    fn refuse_text(&mut self) {
        Reading::refuse_text(self);
    }
}

impl ByteReader {
    /// Has nothing yet.
    #[must_use]
    pub const fn new(options: ByteStreamOptions) -> Self {
        Self {
            rest: Vec::new(),
            start: 0,
            paused: None,
            accepts_text: options.get_accept_text(),
        }
    }

    /// With other options. Keeps its bytes.
    #[must_use]
    pub fn with_options(self, options: ByteStreamOptions) -> Self {
        Self {
            accepts_text: options.get_accept_text(),
            ..self
        }
    }

    /// What was received and did not fit into a buffer.
    ///
    /// ```
    /// use ws_proto::byte_stream::{ByteReader, ByteStreamOptions, Filled};
    /// use ws_proto::{Config, Negotiated, WebSocket};
    ///
    /// let mut client = WebSocket::client(Negotiated::new(), Config::new(), || [0; 4]);
    /// let options = ByteStreamOptions::new().accept_text(true);
    /// let mut reader = ByteReader::new(ByteStreamOptions::new()).with_options(options);
    /// let mut read = *b"\x81\x05hello";
    /// let filled = reader.fill(&mut client.receive(&mut read), &mut []);
    /// assert_eq!(filled, Filled::Bytes(0)); // for `BufRead`, which lends its bytes
    /// assert_eq!(reader.buffered(), b"hello");
    /// reader.consume(4);
    /// assert_eq!(reader.buffered(), b"o");
    /// ```
    #[must_use]
    pub fn buffered(&self) -> &[u8] {
        self.rest.get(self.start..).unwrap_or_default()
    }

    /// The first `n` of the [buffered](Self::buffered) bytes are taken.
    pub fn consume(&mut self, n: usize) {
        self.start = self.start.saturating_add(n);
        if self.start >= self.rest.len() {
            // Most connections are idle: an empty buffer holds no memory.
            self.rest = Vec::new();
            self.start = 0;
        }
    }

    /// Takes bytes into `buffer`: the [buffered](Self::buffered) ones, or else as many pieces as fit, the
    /// rest of the last one being kept. With an empty `buffer` one piece is kept.
    pub fn fill<S: Source>(&mut self, from: &mut S, buffer: &mut [u8]) -> Filled {
        let mut filled = self.take_buffered(buffer);
        if filled > 0 || !self.rest.is_empty() {
            return Filled::Bytes(filled);
        }
        if let Some(paused) = self.paused.take() {
            return paused;
        }
        loop {
            let paused = match from.next_piece() {
                Ok(Next::Received(Received::Piece(piece, _))) => {
                    if !self.accepts_text && matches!(piece.data, Message::Text(_)) {
                        from.refuse_text();
                        Filled::End
                    } else {
                        filled += self.take(&piece, buffer.get_mut(filled..).unwrap_or_default());
                        let is_full = filled > 0 && filled == buffer.len();
                        if is_full || !self.rest.is_empty() {
                            return Filled::Bytes(filled);
                        }
                        continue;
                    }
                }
                Ok(Next::Received(_)) => continue,
                Ok(Next::Write) => Filled::Write,
                Ok(Next::Read) => Filled::Read,
                Ok(Next::Yield) => Filled::Yield,
                // A failure is reported when all is over.
                Ok(Next::Untaken | Next::End) | Err(_) => Filled::End,
            };
            if filled == 0 {
                return paused;
            }
            // That an answer waits is said once.
            self.paused = (paused == Filled::Write).then_some(paused);
            return Filled::Bytes(filled);
        }
    }

    fn take_buffered(&mut self, buffer: &mut [u8]) -> usize {
        let n = copy(self.buffered(), buffer);
        if n > 0 {
            self.consume(n);
        }
        n
    }

    /// Copies a piece into `buffer`, as much as fits, and keeps the rest.
    fn take(&mut self, piece: &Piece<'_>, buffer: &mut [u8]) -> usize {
        let mut head = [0; 4];
        let head = match piece.head {
            Some(character) => character.encode_utf8(&mut head).as_bytes(),
            None => &[],
        };
        let mut filled = 0;
        for bytes in [head, piece.data.as_bytes()] {
            let n = copy(bytes, buffer.get_mut(filled..).unwrap_or_default());
            self.rest
                .extend_from_slice(bytes.get(n..).unwrap_or_default());
            filled += n;
        }
        filled
    }
}

/// Copies as much as fits; how much that is.
fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let n = from.len().min(to.len());
    if let (Some(from), Some(to)) = (from.get(..n), to.get_mut(..n)) {
        to.copy_from_slice(from);
    }
    n
}

/// Leaves out received bytes: they can be secrets.
impl fmt::Debug for ByteReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteReader")
            .field("buffered", &self.buffered().len())
            .finish_non_exhaustive()
    }
}
