use alloc::boxed::Box;
use core::fmt;

use super::inflater::{Credit, InflateError, Inflater, More};
use super::pool::DeflatePool;
use crate::buf::MessageStorage;
use crate::connection::{Extended, Kind, Text};
use crate::extension::{Decode, DecodeError};
use crate::frame::Rsv;
use crate::utf8::Utf8;

/// Inflates the messages of one direction of a connection.
///
/// Give it to an [`Assembler`](crate::Assembler) for whole messages, or inflate piece by piece with
/// [`inflate`](Self::inflate). It allocates when the first compressed message comes.
///
/// After an error the history is lost, and every later piece gives the same error: the connection
/// has to be closed.
///
/// ```
/// use ws_proto::extension::deflate::{Deflate, DeflateParams};
/// use ws_proto::{Assembler, Config, Connection, Input, Message};
///
/// let params = DeflateParams::new(); // as the handshake has agreed
/// let (_, decoder) = Deflate::new().client(params);
/// let mut assembler = Assembler::with_extension(Vec::new(), 1024, decoder);
/// let mut connection = Connection::client(params.negotiated(), Config::new(), || [0; 4]);
/// let mut read = *b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"; // RFC 7692 7.2.3.1
/// let mut input = Input::new(&mut read);
/// let mut texts = Vec::new();
/// while let Some(event) = connection.receive(&mut input, &mut Vec::new())? {
///     if let Some(Message::Text(text)) = assembler.push(event)? {
///         texts.push(text.to_owned());
///     }
/// }
/// assert_eq!(texts, ["Hello"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct DeflateDecoder {
    inflater: Option<Box<Inflater>>,
    pool: Option<DeflatePool>,
    max_message: u64,
    /// How much of the current message [`inflate`](Self::inflate) has given.
    given: u64,
    max_piece: usize,
    failed: Option<DecodeError>,
    credit: Credit,
    growth: Growth,
    utf8: Utf8,
    window_bits: u8,
    takeover: bool,
    /// Whether a piece of the current message has been given.
    started: bool,
}

impl DeflateDecoder {
    pub(super) fn new(window_bits: u8, takeover: bool, pool: Option<DeflatePool>) -> Self {
        Self {
            inflater: None,
            pool: pool.filter(|_| !takeover),
            max_message: 16 << 20,
            given: 0,
            max_piece: usize::MAX,
            failed: None,
            credit: Credit::new(),
            growth: Growth::new(),
            utf8: Utf8::new(),
            window_bits,
            takeover,
            started: false,
        }
    }

    /// The most bytes that a message may have for [`inflate`](Self::inflate); 16 MiB by default.
    ///
    /// An [`Assembler`](crate::Assembler) has a limit of its own.
    #[must_use]
    pub const fn with_max_message(mut self, bytes: u64) -> Self {
        self.max_message = bytes;
        self
    }

    /// The most bytes of a piece that [`inflate`](Self::inflate) gives; never more than 32 KiB.
    ///
    /// ```
    /// use ws_proto::extension::DecodeError;
    /// use ws_proto::extension::deflate::{Deflate, DeflateParams, Inflated};
    /// use ws_proto::frame::Rsv;
    /// use ws_proto::{Extended, Kind};
    ///
    /// let (_, decoder) = Deflate::new().server(DeflateParams::new());
    /// let mut decoder = decoder.with_max_message(4).with_max_piece(2);
    /// let mut data = *b"\xf2\x48\xcd\xc9\xc9\x07\x00"; // "Hello": one byte too many
    /// let piece = Extended { data: &mut data, first: true, last: true, kind: Kind::Binary, rsv: Rsv::RSV1 };
    /// let mut inflating = decoder.inflate(piece);
    /// let error = loop {
    ///     match inflating.next_piece() {
    ///         Ok(Some(Inflated::Binary { data, .. })) => assert!(data.len() <= 2),
    ///         Ok(_) => panic!("the message is longer than the limit"),
    ///         Err(error) => break error,
    ///     }
    /// };
    /// assert_eq!(error, DecodeError::TooBig);
    /// ```
    #[must_use]
    pub const fn with_max_piece(mut self, bytes: usize) -> Self {
        self.max_piece = bytes;
        self
    }

    /// Inflates a piece of a compressed message: take the [pieces](Inflating::next_piece) it gives
    /// until there are no more.
    ///
    /// ```
    /// use ws_proto::extension::deflate::{Deflate, DeflateParams, Inflated};
    /// use ws_proto::{Config, Connection, Event, Input};
    ///
    /// let params = DeflateParams::new();
    /// let (_, mut decoder) = Deflate::new().client(params);
    /// let mut connection = Connection::client(params.negotiated(), Config::new(), || [0; 4]);
    /// let mut read = *b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00"; // a text in two frames
    /// let mut input = Input::new(&mut read);
    /// let mut text = String::new();
    /// while let Some(event) = connection.receive(&mut input, &mut Vec::new())? {
    ///     if let Event::Extended(piece) = event {
    ///         let mut inflating = decoder.inflate(piece);
    ///         while let Some(inflated) = inflating.next_piece()? {
    ///             if let Inflated::Text(piece) = inflated {
    ///                 text.extend(piece.head);
    ///                 text.push_str(piece.body);
    ///             }
    ///         }
    ///     }
    /// }
    /// assert_eq!(text, "Hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn inflate<'d>(&'d mut self, piece: Extended<'d>) -> Inflating<'d> {
        let started = self.start(&piece);
        if piece.first {
            self.given = 0;
            self.started = false;
            self.utf8 = Utf8::new();
        }
        Inflating {
            decoder: self,
            input: piece.data,
            kind: piece.kind,
            last: piece.last,
            state: match started {
                Ok(()) => State::Inflating,
                Err(error) => State::Failed(error),
            },
        }
    }

    /// Whether the piece can be decoded at all.
    fn start(&mut self, piece: &Extended<'_>) -> Result<(), DecodeError> {
        if piece.rsv != Rsv::RSV1 {
            return Err(DecodeError::Unsupported);
        }
        if let Some(error) = self.failed {
            return Err(self.fail(error));
        }
        if piece.first {
            self.credit.earn_message();
        }
        if self.inflater.is_none() {
            let idle = (self.pool.as_ref()).and_then(|pool| pool.inflater(self.window_bits));
            self.inflater = Some(idle.unwrap_or_else(|| Box::new(Inflater::new(self.window_bits))));
        }
        Ok(())
    }

    /// After the last byte of a message. Without takeover nothing is kept.
    fn end_message(&mut self) {
        if !self.takeover {
            if let (Some(pool), Some(inflater)) = (&self.pool, self.inflater.take()) {
                pool.put_inflater(inflater);
            }
        }
    }

    fn fail(&mut self, error: DecodeError) -> DecodeError {
        self.failed = Some(error);
        // A pool has no use for it: it was fed what an attacker made.
        self.inflater = None;
        error
    }
}

impl Decode for DeflateDecoder {
    fn decode<S: MessageStorage>(
        &mut self,
        piece: Extended<'_>,
        room: u64,
        to: &mut S,
    ) -> Result<(), DecodeError> {
        self.start(&piece)?;
        match self.decode_piece(&piece, room, to) {
            Ok(()) if piece.last => {
                self.end_message();
                Ok(())
            }
            Ok(()) => Ok(()),
            Err(error) => Err(self.fail(error)),
        }
    }

    fn abort(&mut self) {
        self.fail(self.failed.unwrap_or(DecodeError::Invalid));
    }
}

impl DeflateDecoder {
    fn decode_piece<S: MessageStorage>(
        &mut self,
        piece: &Extended<'_>,
        room: u64,
        to: &mut S,
    ) -> Result<(), DecodeError> {
        let inflater = self.inflater.as_mut().ok_or(DecodeError::Invalid)?;
        let mut input = &*piece.data;
        let mut room = usize::try_from(room).unwrap_or(usize::MAX);
        let before = room;
        let mut step = self.growth.expect(input.len());
        loop {
            let mut direct = None;
            let most = step.min(room);
            if step > Growth::COPIED && most > 0 {
                to.store_with(most, &mut |to| {
                    let (to, _) = to.split_at_mut(most.min(to.len()));
                    if to.is_empty() {
                        return 0;
                    }
                    let (len, state) = inflater.inflate_to(&mut input, to, &mut self.credit);
                    direct = Some((len, state));
                    len
                });
            }
            step = step.saturating_mul(2).min(Growth::MOST);
            let state = if let Some((len, state)) = direct {
                room -= len;
                state
            } else {
                // One byte over the limit shows that it is exceeded.
                let most = room.saturating_add(1);
                let inflated = inflater.inflate(&mut input, most, &mut self.credit);
                let bytes = inflater.bytes(&inflated);
                let fitting = bytes.get(..room).unwrap_or(bytes);
                store(fitting, to)?;
                if fitting.len() < bytes.len() {
                    return Err(DecodeError::TooBig);
                }
                room -= fitting.len();
                inflated.state
            };
            if state? == More::No {
                break;
            }
        }
        self.growth.learn(piece.data.len(), before - room);
        if piece.last {
            inflater.end_message().map_err(|_| DecodeError::Invalid)?;
        }
        Ok(())
    }
}

/// How many bytes the last piece has become: how much room the next may take.
///
/// Room costs time, since it is zeroed, and too little of it costs one more call of the backend.
/// The result does not depend on it.
#[derive(Clone, Copy, Debug)]
struct Growth {
    /// In sixteenths.
    ratio: usize,
}

impl Growth {
    /// Steps that stay in the cache.
    const MOST: usize = 128 << 10;

    /// Up to here it is faster to inflate into the ring and copy from there than to zero the room
    /// and copy into the ring.
    const COPIED: usize = 4 << 10;

    /// So much room in front of the end lets the backend take its fast way.
    const SLACK: usize = 320;

    const fn new() -> Self {
        Self { ratio: 4 * 16 }
    }

    fn expect(self, input: usize) -> usize {
        let like_the_last = input.saturating_mul(self.ratio) / 16;
        let more = like_the_last / 8 + Self::SLACK;
        like_the_last.saturating_add(more).min(Self::MOST)
    }

    fn learn(&mut self, input: usize, output: usize) {
        if let Some(ratio) = output.saturating_mul(16).checked_div(input) {
            self.ratio = ratio;
        }
    }
}

impl From<InflateError> for DecodeError {
    fn from(error: InflateError) -> Self {
        match error {
            InflateError::Invalid => Self::Invalid,
            InflateError::TooManyRestarts => Self::TooBig,
        }
    }
}

/// Stores as much as fits, so that a full storage holds the same however the message is cut.
fn store<S: MessageStorage>(bytes: &[u8], to: &mut S) -> Result<(), DecodeError> {
    if to.store(bytes).is_ok() {
        return Ok(());
    }
    for byte in bytes {
        to.store(&[*byte])?;
    }
    Ok(())
}

impl fmt::Debug for DeflateDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeflateDecoder")
            .field("window_bits", &self.window_bits)
            .field("takeover", &self.takeover)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// An inflated piece of a compressed message; see [`DeflateDecoder::inflate`].
///
/// If it is dropped before [`next_piece`](Self::next_piece) has said that there is no more, the
/// rest of the piece is lost, and the decoder with it.
///
/// ```
/// use ws_proto::extension::DecodeError;
/// use ws_proto::extension::deflate::{Inflated, Inflating};
///
/// /// Counts the bytes that a piece of a message becomes.
/// fn count(mut inflating: Inflating<'_>) -> Result<usize, DecodeError> {
///     let mut bytes = 0;
///     while let Some(inflated) = inflating.next_piece()? {
///         bytes += match inflated {
///             Inflated::Text(text) => text.raw.len(),
///             Inflated::Binary { data, .. } => data.len(),
///         };
///     }
///     Ok(bytes)
/// }
/// # use ws_proto::extension::deflate::{Deflate, DeflateParams};
/// # use ws_proto::frame::Rsv;
/// # use ws_proto::{Extended, Kind};
/// # let (_, mut decoder) = Deflate::new().client(DeflateParams::new());
/// # let mut data = *b"\xf2\x48\xcd\xc9\xc9\x07\x00";
/// # let piece = Extended { data: &mut data, first: true, last: true, kind: Kind::Binary, rsv: Rsv::RSV1 };
/// # assert_eq!(count(decoder.inflate(piece)), Ok(5));
/// ```
#[must_use = "the pieces have to be taken"]
pub struct Inflating<'d> {
    decoder: &'d mut DeflateDecoder,
    input: &'d [u8],
    kind: Kind,
    last: bool,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Inflating,
    /// The last piece has been given; the memory it is in may go.
    Given,
    Done,
    Failed(DecodeError),
}

/// A piece of an inflated message. Exactly one of a message has `first` set, exactly one `last`. Exhaustive on purpose,
/// as [`Text`].
///
/// ```
/// use ws_proto::extension::deflate::Inflated;
///
/// /// Whether a message ends with this piece.
/// fn is_last(piece: &Inflated<'_>) -> bool {
///     match piece {
///         Inflated::Text(text) => text.last,
///         Inflated::Binary { last, .. } => *last,
///     }
/// }
/// assert!(is_last(&Inflated::Binary { data: b"x", first: false, last: true }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inflated<'a> {
    /// Of a text, validated as text that was not compressed.
    Text(Text<'a>),
    /// Of a binary message.
    Binary {
        /// The bytes.
        data: &'a [u8],
        /// Whether this is the first piece of the message.
        first: bool,
        /// Whether this is the last piece of the message.
        last: bool,
    },
}

impl Inflating<'_> {
    /// The next inflated piece, of bounded size. `None` when all that came has been given.
    ///
    /// # Errors
    ///
    /// [`DecodeError`]: the caller closes the connection, with the code of
    /// [`AssembleError::from`](crate::AssembleError) it.
    pub fn next_piece(&mut self) -> Result<Option<Inflated<'_>>, DecodeError> {
        match self.state {
            State::Inflating => {}
            State::Failed(error) => return Err(error),
            State::Given | State::Done => {
                self.end();
                return Ok(None);
            }
        }
        let decoder = &mut *self.decoder;
        let Some(inflater) = &mut decoder.inflater else {
            return Ok(None);
        };
        let left = decoder.max_message.saturating_sub(decoder.given);
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let most = decoder.max_piece.min(left.saturating_add(1));
        let inflated = inflater.inflate(&mut self.input, most, &mut decoder.credit);
        let len = inflater.bytes(&inflated).len();
        let fitting = len.min(left);
        let ended = if fitting < len {
            Err(DecodeError::TooBig)
        } else {
            match inflated.state {
                Err(fault) => Err(fault.into()),
                Ok(More::Yes) => Ok(false),
                Ok(More::No) if self.last => {
                    let ended = inflater.end_message().map_err(|_| DecodeError::Invalid);
                    self.state = State::Given;
                    ended.map(|()| true)
                }
                Ok(More::No) => {
                    self.state = State::Done;
                    Ok(false)
                }
            }
        };
        // In front of an error there can be text that is wrong: the first fault counts.
        let bytes = inflater.bytes(&inflated).get(..fitting).unwrap_or_default();
        let text = match self.kind {
            Kind::Text => decoder.utf8.push(bytes).map(Some),
            Kind::Binary => Ok(None),
        };
        let fault = match (&ended, &text) {
            (_, Err(_)) => Some(DecodeError::TextNotUtf8),
            (Ok(true), Ok(Some(_))) if decoder.utf8.finish().is_err() => {
                Some(DecodeError::TextNotUtf8)
            }
            (Err(error), _) => Some(*error),
            _ => None,
        };
        if let Some(error) = fault {
            self.state = State::Failed(error);
            decoder.failed = Some(error);
            return Err(error);
        }
        let last = ended == Ok(true);
        if bytes.is_empty() && !last {
            return Ok(None);
        }
        decoder.given += bytes.len() as u64;
        let first = !decoder.started;
        decoder.started = true;
        Ok(Some(match text {
            Ok(Some(piece)) => Inflated::Text(Text {
                head: piece.head,
                body: piece.body,
                raw: bytes,
                first,
                last,
            }),
            _ => Inflated::Binary {
                data: bytes,
                first,
                last,
            },
        }))
    }

    fn end(&mut self) {
        if let State::Given = self.state {
            self.decoder.end_message();
            self.state = State::Done;
        }
    }
}

impl Drop for Inflating<'_> {
    fn drop(&mut self) {
        match self.state {
            State::Inflating => {
                self.decoder.fail(DecodeError::Invalid);
            }
            _ => self.end(),
        }
    }
}

impl fmt::Debug for Inflating<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflating")
            .field("input", &self.input.len())
            .field("kind", &self.kind)
            .field("last", &self.last)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
