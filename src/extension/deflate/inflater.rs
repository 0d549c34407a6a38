//! DEFLATE streams as messages are: without an end, cut anywhere.

use alloc::vec;
use alloc::vec::Vec;

use crate::buf;
use zlib_rs::{Inflate, InflateFlush, Status};

/// The octets that a sender takes off the end of each message (RFC 7692 7.2.1): the bytes after the
/// header of an empty stored block.
pub(super) const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The data is not DEFLATE, or a message does not end where it has to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Invalid;

/// Why inflating has stopped early.
#[derive(Clone, Copy, Debug)]
pub(super) enum InflateError {
    Invalid,
    /// More final blocks than a sender has a use for.
    TooManyRestarts,
}

/// The budget of a connection for final blocks, in bytes of input.
///
/// Going on after one takes about a microsecond, and it can be made of two bytes. So each costs 16
/// bytes, which are earned by input and by messages: one for each message is always there, and a
/// thousand in a row of whatever size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Credit(u64);

impl Credit {
    const RESTART: u64 = 16;
    const MOST: u64 = 1024 * Self::RESTART;

    pub(super) const fn new() -> Self {
        Self(Self::MOST)
    }

    pub(super) fn earn_message(&mut self) {
        self.earn(Self::RESTART);
    }

    fn earn(&mut self, bytes: u64) {
        self.0 = self.0.saturating_add(bytes).min(Self::MOST);
    }

    fn spend(&mut self) -> Result<(), InflateError> {
        self.0 = (self.0.checked_sub(Self::RESTART)).ok_or(InflateError::TooManyRestarts)?;
        Ok(())
    }
}

/// The window in the backend always has 32 KiB, so that the decision to accept does not depend on how
/// input and output are cut: a window of the size agreed on would be checked against the output
/// buffer too.
///
/// The backend cannot go on after a final block (BFINAL) nor give its window. So the output is
/// kept in a ring, from which a new stream gets its history. What is inflated piece by piece is
/// written there in the first place, and output for another place is copied afterwards.
pub(super) struct Inflater {
    stream: Inflate,
    /// The output, around and around.
    ring: Vec<u8>,
    /// Where the next output goes.
    at: usize,
    /// Whether the ring is full: the bytes after `at` are older than those before it.
    wrapped: bool,
}

/// Output that is in the ring until the next call.
pub(super) struct Inflated {
    start: usize,
    end: usize,
    /// Whether there is more to come from the input given so far.
    pub(super) state: Result<More, InflateError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum More {
    /// The output has stopped for lack of room.
    Yes,
    /// All input is used up.
    No,
}

impl Inflater {
    /// With a history of `2^window_bits` bytes over final blocks.
    pub(super) fn new(window_bits: u8) -> Self {
        let history = 1 << window_bits.clamp(MIN_RING_BITS, MAX_WINDOW_BITS);
        Self {
            stream: Inflate::new(false, MAX_WINDOW_BITS),
            ring: vec![0; history],
            at: 0,
            wrapped: false,
        }
    }

    /// Whether it is one for that window.
    pub(super) fn keeps(&self, window_bits: u8) -> bool {
        self.ring.len() == 1 << window_bits.clamp(MIN_RING_BITS, MAX_WINDOW_BITS)
    }

    /// Forgets all history.
    pub(super) fn reset(&mut self) {
        self.stream.reset(false);
        self.at = 0;
        self.wrapped = false;
    }

    /// Inflates from the front of `input` into the ring, `most` bytes at most; one at least is
    /// possible then.
    pub(super) fn inflate(
        &mut self,
        input: &mut &[u8],
        most: usize,
        credit: &mut Credit,
    ) -> Inflated {
        self.wrap();
        let start = self.at;
        let end = start.saturating_add(most.max(1)).min(self.ring.len());
        let state = loop {
            let to = self.ring.get_mut(self.at..end).unwrap_or_default();
            let call = Call::new(&mut self.stream, input, to, InflateFlush::NoFlush);
            self.at += call.written;
            match call.next(input, self.at == end, credit) {
                Next::Restart => self.restart(),
                Next::Again => {}
                Next::Stop(state) => break state,
            }
        };
        Inflated {
            start,
            end: self.at,
            state,
        }
    }

    /// The bytes that a call has put into the ring.
    pub(super) fn bytes(&self, inflated: &Inflated) -> &[u8] {
        self.ring
            .get(inflated.start..inflated.end)
            .unwrap_or_default()
    }

    /// Inflates from the front of `input` to the front of `to`, where there is room for one byte at
    /// least. Gives how many bytes that are.
    pub(super) fn inflate_to(
        &mut self,
        input: &mut &[u8],
        to: &mut [u8],
        credit: &mut Credit,
    ) -> (usize, Result<More, InflateError>) {
        let (mut at, mut kept) = (0, 0);
        let state = loop {
            let rest = to.get_mut(at..).unwrap_or_default();
            let call = Call::new(&mut self.stream, input, rest, InflateFlush::NoFlush);
            at += call.written;
            let next = call.next(input, at == to.len(), credit);
            self.keep(to.get(kept..at).unwrap_or_default());
            kept = at;
            match next {
                Next::Restart => self.restart(),
                Next::Again => {}
                Next::Stop(state) => break state,
            }
        };
        (at, state)
    }

    /// Ends a message: puts the tail back, which has to end the stored block that was begun, and
    /// nothing else (RFC 7692 7.2.2).
    ///
    /// The backend is asked to stop at the end of a block, and has more than the tail to read: it
    /// takes the tail exactly if that ends a block and no byte is missing.
    ///
    /// One thing passes that should not: a block with codes of its own whose header and end are
    /// both completed by the last byte of the tail. The backend's stable interface does not show
    /// its state, and to hold bytes back until the tail would delay the refusal of text that is not
    /// UTF-8. No sender makes such a block; the message comes out, and the next one fails.
    pub(super) fn end_message(&mut self) -> Result<(), Invalid> {
        let [a, b, c, d] = TAIL;
        let more = [a, b, c, d, 0xff];
        let call = Call::new(
            &mut self.stream,
            &mut &more[..],
            &mut [0],
            InflateFlush::Block,
        );
        if call.used == TAIL.len() && call.written == 0 && matches!(call.status, Ok(Status::Ok)) {
            Ok(())
        } else {
            Err(Invalid)
        }
    }

    /// Makes room in the ring for one byte at least.
    fn wrap(&mut self) {
        if self.at == self.ring.len() {
            self.at = 0;
            self.wrapped = true;
        }
    }

    /// Copies output that went elsewhere into the ring: as much of its end as that holds.
    fn keep(&mut self, output: &[u8]) {
        let older = output.len().saturating_sub(self.ring.len());
        let mut output = output.get(older..).unwrap_or_default();
        while !output.is_empty() {
            self.wrap();
            let to = self.ring.get_mut(self.at..).unwrap_or_default();
            let (now, later) = output.split_at(output.len().min(to.len()));
            buf::copy(to, now);
            self.at += now.len();
            output = later;
        }
    }

    /// Begins a new stream after a final block, with the history of the old one (RFC 7692
    /// 7.2.3.4).
    fn restart(&mut self) {
        self.stream.reset(false);
        let (newer, older) = self.ring.split_at_checked(self.at).unwrap_or_default();
        // In a raw stream a dictionary can always be set, and two join.
        if self.wrapped {
            let _ = self.stream.set_dictionary(older);
        }
        let _ = self.stream.set_dictionary(newer);
    }
}

/// One call of the backend.
struct Call {
    used: usize,
    /// Also in front of an error there is output.
    written: usize,
    status: Result<Status, zlib_rs::InflateError>,
}

/// The bytes after it.
enum Next {
    /// A final block has ended.
    Restart,
    /// There are both input and room left.
    Again,
    Stop(Result<More, InflateError>),
}

impl Call {
    /// Takes the bytes it uses off the front of `input`.
    fn new(stream: &mut Inflate, input: &mut &[u8], to: &mut [u8], flush: InflateFlush) -> Self {
        let (read, written) = (stream.total_in(), stream.total_out());
        let status = stream.decompress(input, to, flush);
        let used = (stream.total_in() - read) as usize;
        *input = input.get(used..).unwrap_or_default();
        Self {
            used,
            written: (stream.total_out() - written) as usize,
            status,
        }
    }

    /// `input` is the rest, and `full` whether the output has no room left.
    fn next(&self, input: &[u8], full: bool, credit: &mut Credit) -> Next {
        let Ok(status) = self.status else {
            return Next::Stop(Err(InflateError::Invalid));
        };
        credit.earn(self.used as u64);
        if status == Status::StreamEnd {
            match credit.spend() {
                Ok(()) => Next::Restart,
                Err(fault) => Next::Stop(Err(fault)),
            }
        } else if full {
            Next::Stop(Ok(More::Yes))
        } else if input.is_empty() {
            Next::Stop(Ok(More::No))
        } else if self.used == 0 {
            Next::Stop(Err(InflateError::Invalid))
        } else {
            Next::Again
        }
    }
}

const MAX_WINDOW_BITS: u8 = 15;

/// Smaller rings would mean many small pieces.
const MIN_RING_BITS: u8 = 12;
