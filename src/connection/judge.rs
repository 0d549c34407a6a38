//! Headers that come in: whether they are legal here, byte by byte.

#![warn(clippy::arithmetic_side_effects)]

use super::Role;
use super::recv::Receiver;
use super::whole_frame::header_len;
use crate::close::MAX_CONTROL_PAYLOAD;
use crate::error::ProtocolError;
use crate::frame::{self, FIN, MASK_BIT, Opcode, Rsv};

/// A header that was found valid for this connection.
pub(super) struct FrameHeader {
    pub(super) first: u8,
    pub(super) opcode: Opcode,
    pub(super) len: u64,
    pub(super) key: [u8; 4],
    pub(super) header_len: usize,
}

impl Receiver {
    /// Judges as much of a header as there is. The order of the checks is that of the bytes, so
    /// that a fault is the same however the input is cut.
    pub(super) fn judge<R: Role>(
        &self,
        bytes: &[u8],
        negotiated: Rsv,
    ) -> Result<Option<FrameHeader>, ProtocolError> {
        let [first, rest @ ..] = bytes else {
            return Ok(None);
        };
        let opcode = self.judge_first(*first, negotiated)?;
        let [second, ..] = rest else { return Ok(None) };
        judge_second::<R>(opcode, *second)?;
        let Some(len) = frame::length(bytes)? else {
            return Ok(None);
        };
        if !opcode.is_control() {
            self.judge_limits(opcode, Rsv::from_bits(*first), len)?;
        }
        let length_end = frame::length_end(*second);
        let header_len = header_len::<R>(length_end);
        let mut key = [0; 4];
        if !R::MASKS_OUTPUT {
            let Some(masked) = bytes.get(length_end..).and_then(<[u8]>::first_chunk) else {
                return Ok(None);
            };
            key = *masked;
        }
        Ok(Some(FrameHeader {
            first: *first,
            opcode,
            len,
            key,
            header_len,
        }))
    }

    fn judge_first(&self, first: u8, negotiated: Rsv) -> Result<Opcode, ProtocolError> {
        let opcode = Opcode::from_bits(first).ok_or(ProtocolError::OpcodeReserved)?;
        let rsv = Rsv::from_bits(first);
        let starts_message = matches!(opcode, Opcode::Text | Opcode::Binary);
        let allowed = if starts_message {
            negotiated
        } else {
            Rsv::NONE
        };
        if !allowed.contains(rsv) {
            return Err(ProtocolError::ReservedBitSet);
        }
        if opcode.is_control() && first & FIN == 0 {
            return Err(ProtocolError::ControlFragmented);
        }
        if opcode == Opcode::Continuation && !self.message.is_open() {
            return Err(ProtocolError::ContinuationUnexpected);
        }
        if starts_message && self.message.is_open() {
            return Err(ProtocolError::MessageInterleaved);
        }
        Ok(opcode)
    }

    fn judge_limits(&self, opcode: Opcode, rsv: Rsv, len: u64) -> Result<(), ProtocolError> {
        let (fragments, before, extended) = if opcode == Opcode::Continuation {
            (self.fragments, self.message_len, self.message.is_extended())
        } else {
            (0, 0, !rsv.is_none())
        };
        if fragments >= self.max_fragments {
            return Err(ProtocolError::TooManyFragments);
        }
        if len > self.max_frame {
            return Err(ProtocolError::FrameTooBig);
        }
        // An encoded message is measured when it is decoded (7692 says nothing of its own length).
        if !extended && before.saturating_add(len) > self.max_message {
            return Err(ProtocolError::MessageTooBig);
        }
        Ok(())
    }
}

fn judge_second<R: Role>(opcode: Opcode, second: u8) -> Result<(), ProtocolError> {
    let len = second & !MASK_BIT;
    if opcode.is_control() && usize::from(len) > MAX_CONTROL_PAYLOAD {
        return Err(ProtocolError::ControlTooLong);
    }
    match (second & MASK_BIT != 0, R::MASKS_OUTPUT) {
        (false, false) => return Err(ProtocolError::MaskMissing),
        (true, true) => return Err(ProtocolError::MaskUnexpected),
        _ => {}
    }
    if opcode == Opcode::Close && len == 1 {
        return Err(ProtocolError::CloseBodyTooShort);
    }
    Ok(())
}
