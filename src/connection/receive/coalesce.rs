//! Short fragments of one message that came in one read: made one piece.
//!
//! A fragment of a hundred bytes takes longer to emit, to validate and to assemble than to unmask. So
//! while such fragments are unmasked, their payloads are moved together, and what there is of the message
//! is emitted and validated at once (`fragmented/ascii/128` in `benches/engine`).

use core::mem;

use super::header::{Checked, check_rest};
use super::message::{Limits, OpenMessage};
use super::payload::text_piece;
use super::{Phase, Receiver};
use crate::buf::Input;
use crate::connection::event::{Binary, Event, Kind};
use crate::connection::role::sealed::Side;
use crate::error::ProtocolError;
use crate::frame::FirstByte;
use crate::simd::{Joined, Loop, widest};

/// The longest payload that is moved. Of longer ones each is worth a piece of its own.
const SHORT: usize = 1024;

impl Receiver {
    /// How long the payload of the current frame is, which has just begun, if it can be joined with that
    /// of the next one: it is short, all of it is there, and a frame of the same message comes next.
    #[inline(always)]
    pub(super) fn begins_fragments(&self, bytes: &[u8]) -> Option<usize> {
        let is_short = self.phase == Phase::Fragment && self.remaining <= SHORT as u64;
        if !is_short || self.message.is_extended() {
            return None;
        }
        let len = self.remaining as usize;
        let next = bytes.get(len)?;
        (len > 0 && matches!(*next, CONTINUATION | LAST)).then_some(len)
    }

    /// The current frame, with a payload of `len` bytes, and the short ones after it: one piece.
    #[inline(never)]
    pub(super) fn coalesced_piece<'b, S: Side>(
        &mut self,
        side: S,
        input: &mut Input<'b>,
        len: usize,
    ) -> Result<Event<'b>, ProtocolError> {
        self.remaining = 0;
        let bytes = mem::take(input).into_bytes();
        match self.message.kind() {
            Kind::Binary => {
                let joined = self.coalesce::<S, false>(side, bytes, len);
                let (data, rest) = joined.payload.split(joined.end);
                *input = Input::new(rest);
                let (first, last) = self.coalesced(joined.message, joined.last);
                Ok(Event::Binary(Binary { data, first, last }))
            }
            Kind::Text => {
                let joined = self.coalesce::<S, true>(side, bytes, len);
                let (data, rest) = joined.payload.split_text(joined.end);
                *input = Input::new(rest);
                let (first, last) = self.coalesced(joined.message, joined.last);
                text_piece(&mut self.message, data, first, last).map(Event::Text)
            }
        }
    }

    #[inline(always)]
    fn coalesce<'b, S: Side, const TEXT: bool>(
        &self,
        side: S,
        bytes: &'b mut [u8],
        len: usize,
    ) -> Coalesced<'b, TEXT> {
        let mut payload = Joined::new(bytes);
        payload.push(0, len, self.mask.key());
        widest(Fragments {
            side,
            limits: self.limits,
            joined: Coalesced {
                payload,
                end: len,
                message: self.message,
                last: false,
            },
        })
    }

    /// Notes the frames of a piece: whether it is the first and the last of the message.
    #[inline(always)]
    fn coalesced(&mut self, message: OpenMessage, last: bool) -> (bool, bool) {
        self.message = message;
        let last = self.end_of_data(last);
        (self.message.emit(last), last)
    }
}

const CONTINUATION: u8 = FirstByte::CONTINUATION.byte();
const LAST: u8 = FirstByte::LAST.byte();

/// Fragments that were joined.
struct Coalesced<'b, const TEXT: bool> {
    payload: Joined<'b, TEXT>,
    /// Where the last of them ends.
    end: usize,
    /// The message with them.
    message: OpenMessage,
    /// Whether the message ends with them.
    last: bool,
}

/// The loop over the fragments, compiled for what the processor has.
struct Fragments<'b, S, const TEXT: bool> {
    side: S,
    limits: Limits,
    joined: Coalesced<'b, TEXT>,
}

impl<'b, S: Side, const TEXT: bool> Loop for Fragments<'b, S, TEXT> {
    type Output = Coalesced<'b, TEXT>;

    /// Adds short fragments until one is not there as a whole, ends the message, or is not acceptable:
    /// that is for the main loop.
    #[inline(always)]
    fn run(mut self) -> Coalesced<'b, TEXT> {
        let joined = &mut self.joined;
        while !joined.last {
            let bytes = joined.payload.after(joined.end);
            let first = match bytes {
                [CONTINUATION, ..] => FirstByte::CONTINUATION,
                [LAST, ..] => FirstByte::LAST,
                _ => break,
            };
            let header = match check_rest(self.side, first, bytes, &joined.message, &self.limits) {
                Ok(Checked::Whole(header)) if header.is_whole => header,
                _ => break,
            };
            if header.len > SHORT as u64 {
                break;
            }
            let len = header.len as usize;
            let start = joined.end.saturating_add(header.size);
            joined.payload.push(start, len, header.key);
            joined.end = start.saturating_add(len);
            joined.message = header.message;
            joined.last = header.first.is_final();
        }
        self.joined
    }
}
