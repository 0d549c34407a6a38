//! Control frames: Ping, Pong, Close (RFC 6455 5.5).

use super::{Phase, Receiver};
use crate::buf::Input;
use crate::close::CloseCode;
use crate::connection::role::sealed::Side;
use crate::error::ProtocolError;
use crate::frame::Opcode;

impl Receiver {
    /// Collects the payload of a control frame; its opcode once it is complete.
    #[inline(never)]
    pub(super) fn collect_control<S: Side>(
        &mut self,
        side: S,
        input: &mut Input<'_>,
    ) -> Result<Option<Opcode>, ProtocolError> {
        let before = self.spill.bytes().len();
        let bytes = self.take_payload(side, input).unmask(side);
        self.spill.push(bytes);
        let opcode = match self.phase {
            Phase::Ping => Opcode::Ping,
            Phase::Pong => Opcode::Pong,
            _ => Opcode::Close,
        };
        if opcode == Opcode::Close {
            self.check_close(before)?;
        }
        if self.remaining > 0 {
            return Ok(None);
        }
        self.phase = match opcode {
            Opcode::Close => Phase::Dead,
            _ if self.message.is_open() => Phase::Between,
            _ => Phase::Idle,
        };
        Ok(Some(opcode))
    }

    /// Checks the part of a Close body that came after the first `before` bytes (RFC 6455 5.5.1).
    fn check_close(&mut self, before: usize) -> Result<(), ProtocolError> {
        let body = self.spill.bytes();
        let Some((code, _)) = body.split_first_chunk() else {
            return Ok(());
        };
        if before < code.len() && CloseCode::new(u16::from_be_bytes(*code)).is_none() {
            return Err(ProtocolError::CloseCodeInvalid);
        }
        let reason = body.get(before.max(code.len())..).unwrap_or_default();
        let utf8 = &mut self.message.utf8;
        utf8.push(reason)
            .map_err(|_| ProtocolError::CloseReasonNotUtf8)?;
        if self.remaining == 0 {
            utf8.finish()
                .map_err(|_| ProtocolError::CloseReasonNotUtf8)?;
        }
        Ok(())
    }

    /// The payload of the last control frame, until the next header.
    pub(in crate::connection) fn control_payload(&self) -> &[u8] {
        match self.phase {
            Phase::Idle | Phase::Between | Phase::Dead => self.spill.bytes(),
            _ => &[],
        }
    }

    /// The code and reason of a Close that was found valid.
    pub(in crate::connection) fn close_body(&self) -> (Option<CloseCode>, &str) {
        let Some((code, reason)) = self.spill.bytes().split_first_chunk() else {
            return (None, "");
        };
        let code = CloseCode::new(u16::from_be_bytes(*code));
        (code, core::str::from_utf8(reason).unwrap_or_default())
    }
}
