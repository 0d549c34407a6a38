//! `Arbitrary` for the plain value types, for people who fuzz code built on this crate.

use arbitrary::{Arbitrary, Result, Unstructured};

use crate::close::{CloseCode, CloseReason, ControlPayload, MAX_CONTROL_PAYLOAD};
use crate::connection::{Fin, Kind};
use crate::frame::{Header, Opcode, Rsv};
use crate::time::Instant;

impl<'a> Arbitrary<'a> for CloseCode {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let range = u.choose(&[1000..=1003, 1007..=1014, 3000..=4999])?.clone();
        Ok(Self::new(u.int_in_range(range)?).unwrap_or(Self::NORMAL))
    }
}

impl<'a> Arbitrary<'a> for CloseReason<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self::truncated(u.arbitrary()?))
    }
}

impl<'a> Arbitrary<'a> for ControlPayload<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let len = u.int_in_range(0..=MAX_CONTROL_PAYLOAD)?;
        let bytes = u.bytes(len.min(u.len()))?;
        Ok(Self::new(bytes).unwrap_or_default())
    }
}

impl<'a> Arbitrary<'a> for Fin {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(*u.choose(&[Self::No, Self::Yes])?)
    }
}

impl<'a> Arbitrary<'a> for Header {
    /// Only headers that can be on the wire.
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let opcode: Opcode = u.arbitrary()?;
        let longest = if opcode.is_control() {
            MAX_CONTROL_PAYLOAD as u64
        } else {
            i64::MAX as u64
        };
        Ok(Self {
            fin: opcode.is_control() || u.arbitrary()?,
            rsv: u.arbitrary()?,
            opcode,
            len: u.int_in_range(0..=longest)?,
            mask: u.arbitrary()?,
        })
    }
}

impl<'a> Arbitrary<'a> for Instant {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self::from_millis(u.arbitrary()?))
    }
}

impl<'a> Arbitrary<'a> for Kind {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(*u.choose(&[Self::Text, Self::Binary])?)
    }
}

impl<'a> Arbitrary<'a> for Opcode {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(*u.choose(&[
            Self::Continuation,
            Self::Text,
            Self::Binary,
            Self::Close,
            Self::Ping,
            Self::Pong,
        ])?)
    }
}

impl<'a> Arbitrary<'a> for Rsv {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self::from_bits(u.arbitrary()?))
    }
}
