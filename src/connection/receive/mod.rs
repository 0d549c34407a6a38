//! The receiving half: from bytes to pieces of messages and complete control frames.
//!
//! ```text
//!  receive
//!    | a whole message at the front? ------------------------------------> event (most calls end here)
//!    v
//!  receive_rest
//!    | inside the payload of a data frame?   data_piece: unmask, validate -> event
//!    v
//!  receive_frames, a loop over the frames:
//!
//!    next_header   decode and check, in the order of the bytes             fault: Close, `Err`
//!      |           OpenMessage::check_order, OpenMessage::admit (limits)   cut: kept, `Ok(None)`
//!      |
//!      |-- data:     coalesced_piece, with the short fragments after it ---> event
//!      |             data_piece, the part received -----------------------> event
//!      |             nothing has come, or nothing is in it: go on
//!      |
//!      '-- control:  collect_control; answer Ping and Close ---------------> event
//!                    cut: kept, `Ok(None)`
//! ```
//!
//! The first line is an early return of the same functions (`check_rest`, `admit`), for a message in one
//! frame that is there as a whole: it needs no state. What it does not take, faults too, is left to the rest.

#![warn(clippy::arithmetic_side_effects)]

mod coalesce;
mod control;
mod header;
mod message;
mod payload;

use super::event::{Event, Kind};
use super::role::sealed::Side;
use super::{Config, Connection, Flags, Role, has_reply_room, send};
use crate::buf::{Input, Output};
use crate::error::{Fault, ProtocolError, ReceiveError};
use crate::frame::{FirstByte, Mask, Opcode};
use crate::utf8::{InvalidUtf8, Utf8};
use header::{Checked, FrameHeader, Spill, check_rest};
use message::{Limits, OpenMessage};
use payload::Payload;

/// State between two calls, laid out so that nothing is padding: a connection has 200 bytes.
#[derive(Clone)]
pub(super) struct Receiver {
    limits: Limits,
    /// Payload bytes of the current frame that have not come yet; of a connection that a frame has been too
    /// big for, how many bytes its message claims to have.
    remaining: u64,
    message: OpenMessage,
    mask: Mask,
    /// A header that is cut, or the payload of a control frame.
    spill: Spill,
    phase: Phase,
    /// Why the connection has failed: the first fault of the peer's.
    pub(super) error: Fault,
}

/// Where in the stream of frames the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Between two messages.
    Idle,
    /// Between two frames of a message.
    Between,
    /// Inside a header; what there is of it is spilled.
    Header,
    /// Inside the payload of a data frame, others of the same message follow.
    Fragment,
    /// Inside the payload of the data frame that ends its message.
    LastFragment,
    /// Inside the payload of a control frame; what there is of it is spilled.
    Ping,
    Pong,
    Close,
    /// Nowhere: the connection has failed or is closed.
    Dead,
}

impl Phase {
    const fn is_at_header(self) -> bool {
        matches!(self, Self::Idle | Self::Between | Self::Header)
    }

    const fn is_in_data(self) -> bool {
        matches!(self, Self::Fragment | Self::LastFragment)
    }

    /// Inside the payload of a frame with that first byte.
    const fn inside(first: FirstByte) -> Self {
        match first.opcode() {
            Opcode::Ping => Self::Ping,
            Opcode::Pong => Self::Pong,
            Opcode::Close => Self::Close,
            _ if first.is_final() => Self::LastFragment,
            _ => Self::Fragment,
        }
    }
}

const TEXT: u8 = FirstByte::TEXT.byte();
const BINARY: u8 = FirstByte::BINARY.byte();

impl<R: Role> Connection<R> {
    /// The early return for a whole message at the front of the input; `None` if there is none, or no room.
    #[inline(always)]
    pub(crate) fn receive_message<'b, O: Output + ?Sized>(
        &mut self,
        input: &mut Input<'b>,
        out: &mut O,
    ) -> Option<Result<Event<'b>, ProtocolError>> {
        if !has_reply_room(out) {
            return None;
        }
        let side = self.role.side();
        let (kind, payload) = self.receiver.whole_message(side, input)?;
        self.flags.insert(Flags::HEARD);
        Some(match payload.into_message(side, kind) {
            Ok(event) => Ok(event),
            Err(InvalidUtf8) => Err(self.fail_with(ProtocolError::TextNotUtf8, input, out)),
        })
    }

    /// Whatever is not a whole message at the front of the input, of which there is some. First that is
    /// the received part of a payload.
    #[inline(never)]
    pub(super) fn receive_rest<'b, O: Output + ?Sized>(
        &mut self,
        input: &mut Input<'b>,
        out: &mut O,
    ) -> Result<Option<Event<'b>>, ReceiveError> {
        let phase = self.receiver.phase;
        if phase.is_in_data() && has_reply_room(out) {
            self.flags.insert(Flags::HEARD);
            return match self.receiver.data_piece(self.role.side(), input) {
                Ok(event) => Ok(Some(event)),
                Err(error) => Err(self.fail_with(error, input, out).into()),
            };
        }
        if phase == Phase::Dead {
            input.take(input.len());
            return self.outcome();
        }
        if !has_reply_room(out) {
            // The input that stays is no sign of life: it would be one for ever.
            return Err(ReceiveError::OutputFull);
        }
        self.flags.insert(Flags::HEARD);
        self.receive_frames(input, out)
    }

    /// Frame by frame, until there is an event or no input. `out` has room for an answer, and nothing is
    /// answered before the event.
    #[inline(never)]
    fn receive_frames<'b, O: Output + ?Sized>(
        &mut self,
        input: &mut Input<'b>,
        out: &mut O,
    ) -> Result<Option<Event<'b>>, ReceiveError> {
        match self.frames(input, out) {
            Ok(event) => Ok(event),
            Err(error) => Err(self.fail_with(error, input, out).into()),
        }
    }

    #[inline(always)]
    fn frames<'b, O: Output + ?Sized>(
        &mut self,
        input: &mut Input<'b>,
        out: &mut O,
    ) -> Result<Option<Event<'b>>, ProtocolError> {
        let receiver = &mut self.receiver;
        let side = self.role.side();
        while !input.is_empty() {
            if receiver.phase.is_at_header() {
                let negotiated = self.sender.negotiated();
                let Some(header) = receiver.next_header(side, input, negotiated)? else {
                    break;
                };
                receiver.begin(&header);
            }
            if receiver.phase.is_in_data() {
                if let Some(len) = receiver.begins_fragments(input.bytes()) {
                    return receiver.coalesced_piece(side, input, len).map(Some);
                }
                if receiver.has_piece(input) {
                    return receiver.data_piece(side, input).map(Some);
                }
            } else if let Some(opcode) = receiver.collect_control(side, input)? {
                return Ok(Some(self.control(opcode, out)));
            }
        }
        Ok(None)
    }

    /// Answers a complete control frame. `out` has room for a frame.
    #[inline(never)]
    fn control<'b, O: Output + ?Sized>(&mut self, opcode: Opcode, out: &mut O) -> Event<'b> {
        match opcode {
            Opcode::Ping => {
                if !self.flags.contains(Flags::MANUAL_PONG) {
                    let payload = self.receiver.control_payload();
                    // Without a masking key there is no frame: no Pong is better than a bare one.
                    let _ = send::control(&mut self.role, Opcode::Pong, payload, out);
                }
                Event::Ping
            }
            Opcode::Close => {
                self.flags.insert(Flags::CLOSE_RECEIVED);
                if !self.flags.contains(Flags::CLOSE_SENT)
                    && !self.flags.contains(Flags::MANUAL_CLOSE)
                {
                    self.send_own_close(out);
                }
                Event::Close(self.close_code())
            }
            _ => Event::Pong,
        }
    }
}

impl Receiver {
    pub(super) const fn new(config: &Config) -> Self {
        Self {
            limits: Limits {
                frame: config.max_frame,
                message: config.max_message,
                fragments: config.max_fragments,
            },
            remaining: 0,
            message: OpenMessage::NONE,
            mask: Mask::new([0; 4]),
            spill: Spill::new(),
            phase: Phase::Idle,
            error: Fault::NONE,
        }
    }

    /// A text or binary message in one frame at the front of `input`, if all of it is there and nothing is
    /// wrong with it. It is taken, and no state is written.
    #[inline(always)]
    fn whole_message<'b, S: Side>(
        &self,
        side: S,
        input: &mut Input<'b>,
    ) -> Option<(Kind, Payload<'b>)> {
        let [_, _, ..] = input.bytes() else {
            return None;
        };
        let header = match self.message_header(side, input.bytes())? {
            Ok(Checked::Whole(header)) if header.is_whole => header,
            _ => return None,
        };
        let size = header.size.saturating_add(header.len as usize);
        let (_, bytes) = input.take(size).split_at_mut_checked(header.size)?;
        let mask = Mask::new(header.key);
        Some((header.message.kind(), Payload { bytes, mask }))
    }

    /// The header at the front of `bytes` if it is that of a message in one frame, not encoded by an
    /// extension.
    #[inline(always)]
    fn message_header<S: Side>(
        &self,
        side: S,
        bytes: &[u8],
    ) -> Option<Result<Checked, ProtocolError>> {
        if self.phase != Phase::Idle {
            return None;
        }
        // Constants, so that the compiler drops the checks of what cannot be here. No message is open.
        let first = match bytes {
            [TEXT, ..] => FirstByte::TEXT,
            [BINARY, ..] => FirstByte::BINARY,
            _ => return None,
        };
        Some(check_rest(
            side,
            first,
            bytes,
            &OpenMessage::NONE,
            &self.limits,
        ))
    }

    /// How many bytes are missing for the message at the front of `received` to be whole, if it is one
    /// in a frame with a payload of `least` to `most` bytes; 0 also if there is a fault.
    #[inline(never)]
    pub(super) fn missing<S: Side>(
        &self,
        side: S,
        received: &[u8],
        least: usize,
        most: usize,
    ) -> usize {
        let in_range = |len| usize::try_from(len).is_ok_and(|len| (least..=most).contains(&len));
        match self.message_header(side, received) {
            Some(Ok(Checked::Whole(header))) if in_range(header.len) => header
                .size
                .saturating_add(header.len as usize)
                .saturating_sub(received.len()),
            Some(Ok(Checked::Partial { missing, len })) if len.is_none_or(in_range) => missing,
            _ => 0,
        }
    }

    /// Enters the payload of a frame.
    #[inline(always)]
    fn begin(&mut self, header: &FrameHeader) {
        self.remaining = header.len;
        self.mask = Mask::new(header.key);
        self.message = header.message;
        self.spill.clear();
        self.phase = Phase::inside(header.first);
        if self.phase == Phase::Close {
            // It ends an unfinished message; its reason is text of its own.
            self.message.utf8 = Utf8::new();
        }
    }

    /// Leaves the payload of a data frame if all of it has come; whether that ends the message.
    #[inline(always)]
    fn end_of_data(&mut self, is_final: bool) -> bool {
        if self.remaining > 0 {
            return false;
        }
        self.phase = if is_final {
            Phase::Idle
        } else {
            Phase::Between
        };
        is_final
    }

    #[cfg(feature = "alloc")]
    pub(super) const fn max_message(&self) -> u64 {
        self.limits.message
    }

    pub(super) fn is_dead(&self) -> bool {
        self.phase == Phase::Dead
    }

    /// The first fault stays.
    pub(super) fn fail(&mut self, fault: Fault) {
        self.stop();
        if !self.error.is_some() {
            self.error = fault;
        }
    }

    /// Keeps how long a message claims to be, for [`refused_len`](Self::refused_len). Its header is at the front
    /// of `input`, or spilled.
    pub(super) fn note_refused(&mut self, input: &[u8]) {
        let bytes = if self.phase == Phase::Header {
            self.spill.bytes()
        } else {
            input
        };
        self.remaining = header::claimed_len(bytes, &self.message);
    }

    pub(super) fn refused_len(&self) -> Option<u64> {
        let is_too_big = matches!(
            self.error.get(),
            Some(ProtocolError::FrameTooBig | ProtocolError::MessageTooBig)
        );
        is_too_big.then_some(self.remaining)
    }

    pub(super) fn stop(&mut self) {
        self.phase = Phase::Dead;
    }

    pub(super) fn frame_remaining(&self) -> u64 {
        if self.phase.is_at_header() || self.is_dead() {
            0
        } else {
            self.remaining
        }
    }
}
