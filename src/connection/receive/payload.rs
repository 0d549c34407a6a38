//! Payload of data frames: unmasked, validated, and made an event.

use super::message::OpenMessage;
use super::{Phase, Receiver};
use crate::buf::Input;
use crate::connection::event::{Binary, Event, Extended, Kind, Text};
use crate::connection::role::sealed::Side;
use crate::error::ProtocolError;
use crate::frame::Mask;
use crate::simd;
use crate::utf8::{self, InvalidUtf8};

/// Payload as it came: masked, where the peer is a client.
pub(super) struct Payload<'b> {
    pub(super) bytes: &'b mut [u8],
    pub(super) mask: Mask,
}

impl<'b> Payload<'b> {
    #[inline(always)]
    pub(super) fn unmask<S: Side>(mut self, side: S) -> &'b mut [u8] {
        if !side.masks_output() {
            self.mask.apply(self.bytes);
        }
        self.bytes
    }

    /// Unmasks text: `Ok` if it was found to be ASCII in doing so, and need not be validated.
    #[inline(always)]
    fn unmask_text<S: Side>(self, side: S) -> Result<&'b str, &'b [u8]> {
        if side.masks_output() {
            Err(self.bytes)
        } else {
            simd::unmask_text(self.bytes, self.mask.key())
        }
    }

    /// The event of a message in one piece.
    #[inline(always)]
    pub(super) fn into_message<S: Side>(
        self,
        side: S,
        kind: Kind,
    ) -> Result<Event<'b>, InvalidUtf8> {
        let (first, last) = (true, true);
        if kind == Kind::Binary {
            let data = self.unmask(side);
            return Ok(Event::Binary(Binary { data, first, last }));
        }
        let body = match self.unmask_text(side) {
            Ok(text) => text,
            Err(bytes) => utf8::from_utf8(bytes)?,
        };
        Ok(Event::Text(Text::of(body, first, last)))
    }
}

impl Receiver {
    /// Takes the received part of the current payload.
    #[inline(always)]
    pub(super) fn take_payload<'b, S: Side>(
        &mut self,
        side: S,
        input: &mut Input<'b>,
    ) -> Payload<'b> {
        let wanted = usize::try_from(self.remaining).unwrap_or(usize::MAX);
        let bytes = input.take(wanted);
        // That is no more than wanted.
        self.remaining = self.remaining.wrapping_sub(bytes.len() as u64);
        let mask = self.mask;
        if !side.masks_output() {
            self.mask = mask.after(bytes.len());
        }
        Payload { bytes, mask }
    }

    /// Whether there is a piece to emit of the data frame that has just begun. If that has no payload, and
    /// its message goes on, it is over.
    #[inline(always)]
    pub(super) fn has_piece(&mut self, input: &Input<'_>) -> bool {
        if self.remaining > 0 {
            !input.is_empty()
        } else {
            self.phase == Phase::LastFragment || self.end_of_data(false)
        }
    }

    /// A piece of the current message.
    #[inline(always)]
    pub(super) fn data_piece<'b, S: Side>(
        &mut self,
        side: S,
        input: &mut Input<'b>,
    ) -> Result<Event<'b>, ProtocolError> {
        let data = self.take_payload(side, input);
        let last = self.end_of_data(self.phase == Phase::LastFragment);
        let message = self.message;
        let kind = message.kind();
        let first = self.message.emit(last);
        if message.is_extended() {
            return Ok(Event::Extended(Extended {
                kind,
                rsv: message.rsv(),
                data: data.unmask(side),
                first,
                last,
            }));
        }
        match kind {
            Kind::Binary => Ok(Event::Binary(Binary {
                data: data.unmask(side),
                first,
                last,
            })),
            Kind::Text => {
                text_piece(&mut self.message, data.unmask_text(side), first, last).map(Event::Text)
            }
        }
    }
}

/// A piece of a text, validated.
#[inline(always)]
pub(super) fn text_piece<'b>(
    message: &mut OpenMessage,
    data: Result<&'b str, &'b [u8]>,
    first: bool,
    last: bool,
) -> Result<Text<'b>, ProtocolError> {
    let utf8 = &mut message.utf8;
    let raw = match data {
        Ok(body) if utf8.is_complete() => return Ok(Text::of(body, first, last)),
        Ok(body) => body.as_bytes(),
        Err(raw) => raw,
    };
    let piece = utf8.push(raw).map_err(|_| ProtocolError::TextNotUtf8)?;
    if last {
        utf8.finish().map_err(|_| ProtocolError::TextNotUtf8)?;
    }
    Ok(Text {
        head: piece.head,
        body: piece.body,
        raw,
        first,
        last,
    })
}
