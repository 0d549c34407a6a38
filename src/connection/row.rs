//! Short frames of one message that lie in the input one behind the other: made one piece.
//!
//! A frame of a hundred bytes takes longer to tell, to validate and to join than to unmask. So while
//! such frames are unmasked, their payloads are moved together, and what there is of the message is
//! told, validated and joined at once.

#![warn(clippy::arithmetic_side_effects)]

use super::Role;
use super::whole_frame::WholeFrame;
use crate::buf::Input;
use crate::frame::{self, FIN, Opcode};
#[cfg(feature = "simd")]
use crate::simd;

/// The longest payload that is moved. Of longer ones each is worth a piece of its own.
const SHORT: u64 = 1024;

/// What a message may still grow by.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    pub(super) frames: u32,
    pub(super) bytes: u64,
    pub(super) frame: u64,
}

#[cfg(all(test, feature = "simd"))]
impl Room {
    pub(crate) const fn endless() -> Self {
        Self {
            frames: u32::MAX,
            bytes: u64::MAX,
            frame: u64::MAX,
        }
    }
}

/// Where the frames were, and where their payload is.
pub(crate) struct Row {
    payload: usize,
    payload_end: usize,
    end: usize,
    pub(super) frames: u32,
    pub(super) bytes: u64,
    /// Whether the message ends with them.
    pub(super) last: bool,
    /// Whether all of it is ASCII, if that was looked for.
    pub(crate) ascii: bool,
}

/// The frame at the front of `bytes` if a row may begin with it: it is short, and its message goes on
/// behind it.
#[inline(always)]
pub(super) fn begins<R: Role>(bytes: &[u8]) -> Option<WholeFrame> {
    if bytes.first().is_none_or(|first| first & FIN != 0) {
        return None;
    }
    let first = WholeFrame::look::<R>(bytes)?;
    let next = bytes.get(first.size())?;
    (first.len <= SHORT && first.len > 0 && is_continuation(*next)).then_some(first)
}

const fn is_continuation(first: u8) -> bool {
    first & !FIN == Opcode::Continuation as u8
}

impl Row {
    /// Takes `first`, which is acceptable, and what goes on with its message behind it, as long as there
    /// is `room`, and gives the payload of all of them.
    #[inline(never)]
    pub(super) fn take<'b, R: Role>(
        input: &mut Input<'b>,
        first: WholeFrame,
        room: Room,
    ) -> (Self, &'b mut [u8]) {
        let row = Self::join::<R, false>(input.bytes_mut(), first, room);
        let payload = row.payload(input);
        (row, payload)
    }

    /// As [`take`](Self::take) for text: what is found to be ASCII need not be looked at again.
    #[inline(always)]
    pub(super) fn take_text<'b, R: Role>(
        input: &mut Input<'b>,
        first: WholeFrame,
        room: Room,
    ) -> (Self, Result<&'b str, &'b [u8]>) {
        #[cfg(feature = "simd")]
        return simd::row::<R>(input, first, room);
        #[cfg(not(feature = "simd"))]
        {
            let (row, payload) = Self::take::<R>(input, first, room);
            (row, Err(payload))
        }
    }

    /// Unmasks and joins, at the front of `bytes`.
    #[inline(always)]
    pub(crate) fn join<R: Role, const LOOK: bool>(
        bytes: &mut [u8],
        first: WholeFrame,
        room: Room,
    ) -> Self {
        let mut row = Self {
            payload: first.header_len,
            payload_end: first.header_len,
            end: 0,
            frames: 0,
            bytes: 0,
            last: false,
            ascii: true,
        };
        let mut frame = first;
        loop {
            row.add::<R, LOOK>(bytes, &frame);
            if row.last {
                return row;
            }
            match row.next::<R>(bytes, room) {
                Some(next) => frame = next,
                None => return row,
            }
        }
    }

    /// The frame behind those that were joined, if it is another to join.
    #[inline(always)]
    fn next<R: Role>(&self, bytes: &[u8], room: Room) -> Option<WholeFrame> {
        let next = WholeFrame::look::<R>(bytes.get(self.end..)?)?;
        let fits = is_continuation(next.first)
            && next.len <= SHORT.min(room.frame)
            && next.len <= room.bytes.saturating_sub(self.bytes)
            && self.frames < room.frames;
        fits.then_some(next)
    }

    #[inline(always)]
    fn add<R: Role, const LOOK: bool>(&mut self, bytes: &mut [u8], frame: &WholeFrame) {
        let start = self.end.saturating_add(frame.header_len);
        self.end = start.saturating_add(frame.len as usize);
        let key = frame.key::<R>(bytes.get(..start).unwrap_or_default());
        let place = bytes
            .get_mut(self.payload_end..self.end)
            .unwrap_or_default();
        let gap = start.saturating_sub(self.payload_end);
        self.ascii &= frame::xor_down::<LOOK>(place, gap, key);
        self.payload_end = self.payload_end.saturating_add(frame.len as usize);
        self.frames = self.frames.saturating_add(1);
        self.bytes = self.bytes.saturating_add(frame.len);
        self.last = frame.first & FIN != 0;
    }

    /// The payload of the frames, which are taken from `input`.
    #[inline(always)]
    pub(crate) fn payload<'b>(&self, input: &mut Input<'b>) -> &'b mut [u8] {
        let taken = input.take(self.end);
        taken
            .get_mut(self.payload..self.payload_end)
            .unwrap_or_default()
    }
}
