//! Headers that come in: decoded, and checked against the connection.

use super::message::{Limits, OpenMessage};
use super::{Phase, Receiver};
use crate::buf::Input;
use crate::close::MAX_CONTROL_PAYLOAD;
use crate::connection::role::sealed::Side;
use crate::error::ProtocolError;
use crate::frame::{FirstByte, Length, Opcode, Rsv, SecondByte};

/// A header that was found valid for this connection.
pub(super) struct FrameHeader {
    pub(super) first: FirstByte,
    /// The length of the payload.
    pub(super) len: u64,
    /// Zero if the peer does not mask.
    pub(super) key: [u8; 4],
    /// How many bytes the header has.
    pub(super) size: usize,
    /// The message with this frame; as it was if this is a control frame.
    pub(super) message: OpenMessage,
    /// Whether all of the payload is there too.
    pub(super) is_whole: bool,
}

/// How far the bytes go that were looked at.
pub(super) enum Checked {
    Whole(FrameHeader),
    /// The header is cut.
    Partial {
        /// How many bytes of it are missing, or more.
        missing: usize,
        /// The length of the payload, if it is known.
        len: Option<u64>,
    },
}

/// Decodes as much of a header as there is in `bytes`, and checks it. The order of the checks is that of
/// the bytes, so that a fault is the same however the input is cut.
#[inline(always)]
pub(super) fn check<S: Side>(
    side: S,
    bytes: &[u8],
    message: &OpenMessage,
    limits: &Limits,
    negotiated: Rsv,
) -> Result<Checked, ProtocolError> {
    let [first, ..] = bytes else {
        return Ok(Checked::Partial {
            missing: 2,
            len: None,
        });
    };
    let first = FirstByte::decode(*first)?;
    check_reserved_bits(first, negotiated)?;
    first.check_fragmentation()?;
    message.check_order(first.opcode())?;
    check_rest(side, first, bytes, message, limits)
}

/// As [`check`], after the first byte.
#[inline(always)]
pub(super) fn check_rest<S: Side>(
    side: S,
    first: FirstByte,
    bytes: &[u8],
    message: &OpenMessage,
    limits: &Limits,
) -> Result<Checked, ProtocolError> {
    let [_, second, ..] = bytes else {
        return Ok(Checked::Partial {
            missing: 1,
            len: None,
        });
    };
    let second = SecondByte::decode(*second, first)?;
    check_mask_bit(side, second)?;
    if first.opcode() == Opcode::Close && second.len_7() == 1 {
        return Err(ProtocolError::CloseBodyTooShort);
    }

    let Length { len, size } = second.length(bytes)?;
    let missing = size.saturating_sub(bytes.len());
    let Some(len) = len else {
        return Ok(Checked::Partial { missing, len });
    };
    let message = if first.opcode().is_control() {
        *message
    } else {
        message.admit(first, len, limits)?
    };

    let found = |header: &[u8], is_whole| {
        let key = match header.last_chunk() {
            Some(key) if !side.masks_output() => *key,
            _ => [0; 4],
        };
        Checked::Whole(FrameHeader {
            first,
            len,
            key,
            size,
            message,
            is_whole,
        })
    };
    let frame_size = usize::try_from(len).map_or(usize::MAX, |len| size.saturating_add(len));
    if let Some(header) = bytes.get(..frame_size).and_then(|frame| frame.get(..size)) {
        return Ok(found(header, true));
    }
    Ok(match bytes.get(..size) {
        Some(header) => found(header, false),
        None => Checked::Partial {
            missing,
            len: Some(len),
        },
    })
}

/// Only the first frame of a message may have reserved bits, and only those that an extension gave a
/// meaning to (RFC 6455 5.2).
#[inline(always)]
fn check_reserved_bits(first: FirstByte, negotiated: Rsv) -> Result<(), ProtocolError> {
    let allowed = match first.opcode() {
        Opcode::Text | Opcode::Binary => negotiated,
        _ => Rsv::NONE,
    };
    if allowed.contains(first.rsv()) {
        Ok(())
    } else {
        Err(ProtocolError::ReservedBitSet)
    }
}

/// Clients mask, servers do not (RFC 6455 5.1).
#[inline(always)]
fn check_mask_bit<S: Side>(side: S, second: SecondByte) -> Result<(), ProtocolError> {
    if second.is_masked() != side.masks_output() {
        return Ok(());
    }
    Err(if side.masks_output() {
        ProtocolError::MaskUnexpected
    } else {
        ProtocolError::MaskMissing
    })
}

/// How many bytes a message has as the header at the front of `bytes` claims, which is valid but for that;
/// `message` is the part that was received before.
pub(super) fn claimed_len(bytes: &[u8], message: &OpenMessage) -> u64 {
    let [first, second, ..] = bytes else {
        return 0;
    };
    let Ok(first) = FirstByte::decode(*first) else {
        return 0;
    };
    let length = SecondByte::decode(*second, first).and_then(|second| second.length(bytes));
    let len = length.ok().and_then(|length| length.len).unwrap_or(0);
    match first.opcode() {
        Opcode::Continuation => message.bytes().saturating_add(len),
        _ => len,
    }
}

impl Receiver {
    /// The next header, consumed; `None` if it is cut, and then all input is consumed.
    #[inline(always)]
    pub(super) fn next_header<S: Side>(
        &mut self,
        side: S,
        input: &mut Input<'_>,
        negotiated: Rsv,
    ) -> Result<Option<FrameHeader>, ProtocolError> {
        if self.phase != Phase::Header {
            let checked = check(side, input.bytes(), &self.message, &self.limits, negotiated)?;
            if let Checked::Whole(header) = checked {
                input.take(header.size);
                return Ok(Some(header));
            }
            self.spill.clear();
            self.phase = Phase::Header;
        }
        self.cut_header(side, input, negotiated)
    }

    /// Goes on with a header that is cut.
    #[inline(never)]
    fn cut_header<S: Side>(
        &mut self,
        side: S,
        input: &mut Input<'_>,
        negotiated: Rsv,
    ) -> Result<Option<FrameHeader>, ProtocolError> {
        while let [byte] = input.take(1) {
            self.spill.push(&[*byte]);
            let spilled = self.spill.bytes();
            let checked = check(side, spilled, &self.message, &self.limits, negotiated)?;
            if let Checked::Whole(header) = checked {
                return Ok(Some(header));
            }
        }
        Ok(None)
    }
}

/// Bytes that were cut by the end of the input: of a header, or the payload of a control frame.
#[derive(Clone)]
pub(super) struct Spill {
    bytes: [u8; MAX_CONTROL_PAYLOAD],
    len: u8,
}

impl Spill {
    pub(super) const fn new() -> Self {
        Self {
            bytes: [0; MAX_CONTROL_PAYLOAD],
            len: 0,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    pub(super) const fn clear(&mut self) {
        self.len = 0;
    }

    /// Appends. The callers never bring more than fits.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let at = usize::from(self.len);
        let end = at.saturating_add(bytes.len());
        if let Some(to) = self.bytes.get_mut(at..end) {
            to.copy_from_slice(bytes);
            self.len = end as u8;
        }
    }
}
