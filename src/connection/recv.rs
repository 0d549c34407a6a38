//! The receiving half: from bytes to pieces of messages and complete control frames.

#![warn(clippy::arithmetic_side_effects)]

use super::event::{Binary, Event, Extended, Kind, Text};
use super::incoming::Message;
use super::judge::FrameHeader;
use super::row::{self, Room, Row};
use super::whole_frame::{Payload, WholeFrame, header_len};
use super::{Config, Role};
use crate::buf::Input;
use crate::close::{CloseCode, MAX_CONTROL_PAYLOAD};
use crate::error::ProtocolError;
use crate::frame::{self, FIN, Mask, Opcode, Rsv};
use crate::utf8::Utf8;

/// State between two calls, laid out so that nothing is padding: a connection has 200 bytes.
#[derive(Clone)]
pub(super) struct Receiver {
    pub(super) max_message: u64,
    pub(super) max_frame: u64,
    /// Payload bytes of the current frame that have not come yet.
    remaining: u64,
    /// Payload bytes of the current message, as its headers claim.
    pub(super) message_len: u64,
    pub(super) max_fragments: u32,
    /// Frames of the current message.
    pub(super) fragments: u32,
    mask: Mask,
    utf8: Utf8,
    /// A header cut by the end of the input, or the payload of a control frame.
    spill: [u8; MAX_CONTROL_PAYLOAD],
    spill_len: u8,
    phase: Phase,
    /// The first byte of the current frame.
    first_byte: u8,
    pub(super) message: Message,
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
    /// Inside the payload of a data frame.
    Data,
    /// Inside the payload of a control frame; what there is of it is spilled.
    Control,
    /// Nowhere: the connection has failed or is closed.
    Dead,
}

/// What came in.
pub(super) enum Received<'b> {
    /// A piece of a message.
    Data(Event<'b>),
    /// A complete control frame, its payload spilled.
    Control(Opcode),
}

impl Receiver {
    pub(super) const fn new(config: &Config) -> Self {
        Self {
            max_message: config.max_message,
            max_frame: config.max_frame,
            remaining: 0,
            message_len: 0,
            max_fragments: config.max_fragments,
            fragments: 0,
            mask: Mask::new([0; 4]),
            utf8: Utf8::new(),
            spill: [0; MAX_CONTROL_PAYLOAD],
            spill_len: 0,
            phase: Phase::Idle,
            first_byte: 0,
            message: Message::NONE,
        }
    }

    /// The fast path: between messages, a text or binary message in one frame with a 7- or 16-bit
    /// length, all of it there. No state is written. Everything else, faults too, is left to
    /// [`advance`](Self::advance).
    #[inline(always)]
    pub(super) fn whole_message<'b, R: Role>(
        &self,
        input: &mut Input<'b>,
    ) -> Option<(Kind, Payload<'b>)> {
        if self.phase != Phase::Idle {
            return None;
        }
        let frame = WholeFrame::look::<R>(input.bytes())?;
        let kind = match frame.first {
            TEXT => Kind::Text,
            BINARY => Kind::Binary,
            _ => return None,
        };
        if frame.len > self.max_frame || frame.len > self.max_message {
            return None;
        }
        Some((kind, frame.take::<R>(input)?))
    }

    /// How many bytes are missing for the message at the front of `received` to be whole, if it is one
    /// in a frame of that size; 0 also if there is a fault, which is for [`advance`](Self::advance).
    #[inline(never)]
    pub(super) fn missing<R: Role>(
        &self,
        received: &[u8],
        least: usize,
        most: usize,
        negotiated: Rsv,
    ) -> usize {
        let [TEXT | BINARY, rest @ ..] = received else {
            return 0;
        };
        if self.phase != Phase::Idle {
            return 0;
        }
        let [second, ..] = rest else {
            return 1;
        };
        let in_range = |len| usize::try_from(len).is_ok_and(|len| (least..=most).contains(&len));
        match (
            self.judge::<R>(received, negotiated),
            frame::length(received),
        ) {
            (Err(_), _) => 0,
            (Ok(_), Ok(Some(len))) if !in_range(len) => 0,
            (Ok(Some(header)), _) => {
                let whole = header.header_len.saturating_add(header.len as usize);
                whole.saturating_sub(received.len())
            }
            (Ok(None), _) => {
                let header_len = header_len::<R>(frame::length_end(*second));
                header_len.saturating_sub(received.len())
            }
        }
    }

    /// The shortest way for short frames that lie in the input in a row: the first of them, if there are
    /// more.
    #[inline(always)]
    pub(super) fn row_begins<R: Role>(&self, input: &Input<'_>) -> Option<WholeFrame> {
        match self.phase {
            Phase::Idle | Phase::Between => row::begins::<R>(input.bytes()),
            _ => None,
        }
    }

    /// As many frames of a message as there are in a row, of which `first` is the first: one piece. Nothing
    /// is done if that one is not acceptable.
    pub(super) fn row<'b, R: Role>(
        &mut self,
        input: &mut Input<'b>,
        first: WholeFrame,
    ) -> Option<Result<Event<'b>, ProtocolError>> {
        let before = self.before(&first)?;
        let room = Room {
            frames: self.max_fragments.saturating_sub(before.fragments),
            bytes: self.max_message.saturating_sub(before.bytes),
            frame: self.max_frame,
        };
        self.spill_len = 0;
        Some(match before.message.kind() {
            Kind::Binary => {
                let (row, data) = Row::take::<R>(input, first, room);
                let (first, last) = self.take_frames(&before, row.frames, row.bytes, row.last);
                Ok(Event::Binary(Binary { data, first, last }))
            }
            Kind::Text => {
                let (row, data) = Row::take_text::<R>(input, first, room);
                let (first, last) = self.take_frames(&before, row.frames, row.bytes, row.last);
                self.text_piece(data, first, last).map(Event::Text)
            }
        })
    }

    /// The short way for what a message in pieces is made of: a frame that is there as a whole, or
    /// more of the payload of the current one. Everything else, faults too, is left to
    /// [`advance`](Self::advance).
    #[inline(always)]
    pub(super) fn piece<'b, R: Role>(&mut self, input: &mut Input<'b>) -> Option<Piece<'b>> {
        match self.phase {
            Phase::Data if !self.message.is_extended() => {
                let message = self.message;
                let (data, last) = self.rest_of_frame::<R>(input);
                let (first, last) = self.tell(message, last);
                let kind = message.kind();
                Some(Piece {
                    kind,
                    data,
                    first,
                    last,
                })
            }
            Phase::Idle | Phase::Between => self.whole_frame::<R>(input),
            _ => None,
        }
    }

    /// What has come of the current payload, and whether that ends the message.
    #[inline(always)]
    fn rest_of_frame<'b, R: Role>(&mut self, input: &mut Input<'b>) -> (Payload<'b>, bool) {
        let data = self.take_payload::<R>(input);
        let ended = self.end_of_frame();
        let last = ended && self.first_byte & FIN != 0;
        if ended {
            self.phase = if last { Phase::Idle } else { Phase::Between };
        }
        (data, last)
    }

    #[inline(always)]
    fn whole_frame<'b, R: Role>(&mut self, input: &mut Input<'b>) -> Option<Piece<'b>> {
        let frame = WholeFrame::look::<R>(input.bytes())?;
        let before = self.before(&frame)?;
        let last = frame.first & FIN != 0;
        if frame.len == 0 && !last {
            return None;
        }
        let data = frame.take::<R>(input)?;
        self.spill_len = 0;
        let (first, last) = self.take_frames(&before, 1, frame.len, last);
        let kind = before.message.kind();
        Some(Piece {
            kind,
            data,
            first,
            last,
        })
    }

    /// What there is in front of `frame` of its message, if it is acceptable as the next of an open one or
    /// the first of one in fragments. Others are judged elsewhere.
    #[inline(always)]
    fn before(&self, frame: &WholeFrame) -> Option<Before> {
        // A reserved bit is in neither opcode.
        let before = match (self.phase, frame.first & !FIN) {
            (Phase::Between, CONTINUATION) if !self.message.is_extended() => Before {
                message: self.message,
                fragments: self.fragments,
                bytes: self.message_len,
            },
            (Phase::Idle, TEXT_PART | BINARY_PART) => Before {
                message: Message::open(frame.first),
                fragments: 0,
                bytes: 0,
            },
            _ => return None,
        };
        let fits = before.fragments < self.max_fragments
            && frame.len <= self.max_frame
            && before.bytes.saturating_add(frame.len) <= self.max_message;
        fits.then_some(before)
    }

    /// Notes one or more frames behind what there was of their message: whether they are a first and a
    /// last piece.
    #[inline(always)]
    fn take_frames(
        &mut self,
        before: &Before,
        frames: u32,
        bytes: u64,
        last: bool,
    ) -> (bool, bool) {
        self.fragments = before.fragments.saturating_add(frames);
        self.message_len = before.bytes.saturating_add(bytes);
        if !before.message.is_started() {
            self.utf8 = Utf8::new();
        }
        self.phase = if last { Phase::Idle } else { Phase::Between };
        self.tell(before.message, last)
    }

    /// Notes a piece of `message`, which is then a started one, or none if this was the last: whether it is
    /// the first, and the last.
    #[inline(always)]
    fn tell(&mut self, message: Message, last: bool) -> (bool, bool) {
        self.message = if last {
            Message::NONE
        } else {
            message.started()
        };
        (!message.is_started(), last)
    }

    /// The event of a piece: unmasked, and validated if it is text.
    #[inline(always)]
    pub(super) fn event<'b, R: Role>(
        &mut self,
        piece: Piece<'b>,
    ) -> Result<Event<'b>, ProtocolError> {
        let Piece {
            kind,
            data,
            first,
            last,
        } = piece;
        match kind {
            Kind::Binary => Ok(Event::Binary(Binary {
                data: data.unmask::<R>(),
                first,
                last,
            })),
            Kind::Text => {
                let text = self.text_piece(data.unmask_text::<R>(), first, last)?;
                Ok(Event::Text(text))
            }
        }
    }

    /// Goes on by one step: a header, a piece of a message, a control frame. `None` if that took
    /// input but gave nothing to tell.
    pub(super) fn advance<'b, R: Role>(
        &mut self,
        input: &mut Input<'b>,
        negotiated: Rsv,
    ) -> Result<Option<Received<'b>>, ProtocolError> {
        if !matches!(self.phase, Phase::Data | Phase::Control) {
            let Some(header) = self.header::<R>(input, negotiated)? else {
                return Ok(None);
            };
            self.begin(header);
        }
        if self.phase == Phase::Control {
            let complete = self.collect_control::<R>(input)?;
            return Ok(complete.map(Received::Control));
        }
        Ok(self.data_piece::<R>(input)?.map(Received::Data))
    }

    pub(super) fn is_dead(&self) -> bool {
        self.phase == Phase::Dead
    }

    pub(super) fn stop(&mut self) {
        self.phase = Phase::Dead;
    }

    pub(super) fn control_payload(&self) -> &[u8] {
        match self.phase {
            Phase::Idle | Phase::Between | Phase::Dead => self.spilled(),
            Phase::Header | Phase::Data | Phase::Control => &[],
        }
    }

    /// The code and reason of a Close that was found valid.
    pub(super) fn close_body(&self) -> (Option<CloseCode>, &str) {
        let Some((code, reason)) = self.spilled().split_first_chunk() else {
            return (None, "");
        };
        let code = CloseCode::new(u16::from_be_bytes(*code));
        (code, core::str::from_utf8(reason).unwrap_or_default())
    }

    pub(super) fn frame_remaining(&self) -> u64 {
        match self.phase {
            Phase::Data | Phase::Control => self.remaining,
            _ => 0,
        }
    }

    fn spilled(&self) -> &[u8] {
        self.spill
            .get(..usize::from(self.spill_len))
            .unwrap_or_default()
    }

    /// Appends to the spill. The callers never bring more than fits.
    fn spill(&mut self, bytes: &[u8]) {
        let at = usize::from(self.spill_len);
        let end = at.saturating_add(bytes.len());
        if let Some(to) = self.spill.get_mut(at..end) {
            to.copy_from_slice(bytes);
            self.spill_len = end as u8;
        }
    }

    /// The next header, judged; `None` if it is not complete, and then all input is consumed.
    fn header<R: Role>(
        &mut self,
        input: &mut Input<'_>,
        negotiated: Rsv,
    ) -> Result<Option<FrameHeader>, ProtocolError> {
        if self.phase != Phase::Header {
            if let Some(header) = self.judge::<R>(input.bytes(), negotiated)? {
                input.take(header.header_len);
                return Ok(Some(header));
            }
            self.spill_len = 0;
            self.phase = Phase::Header;
        }
        while let [byte] = input.take(1) {
            self.spill(&[*byte]);
            if let Some(header) = self.judge::<R>(self.spilled(), negotiated)? {
                return Ok(Some(header));
            }
        }
        Ok(None)
    }

    /// Enters the payload of a frame.
    fn begin(&mut self, header: FrameHeader) {
        self.first_byte = header.first;
        self.remaining = header.len;
        self.mask = Mask::new(header.key);
        self.spill_len = 0;
        if header.opcode.is_control() {
            self.phase = Phase::Control;
            if header.opcode == Opcode::Close {
                // It ends an unfinished message; its reason is text of its own.
                self.utf8 = Utf8::new();
            }
            return;
        }
        self.phase = Phase::Data;
        if header.opcode == Opcode::Continuation {
            self.fragments = self.fragments.saturating_add(1);
            self.message_len = self.message_len.saturating_add(header.len);
        } else {
            self.fragments = 1;
            self.message_len = header.len;
            self.message = Message::open(header.first);
            self.utf8 = Utf8::new();
        }
    }

    /// Takes what has come of the current payload.
    #[inline(always)]
    fn take_payload<'b, R: Role>(&mut self, input: &mut Input<'b>) -> Payload<'b> {
        let wanted = usize::try_from(self.remaining).unwrap_or(usize::MAX);
        let bytes = input.take(wanted);
        self.remaining = self.remaining.saturating_sub(bytes.len() as u64);
        let mask = self.mask;
        if !R::MASKS_OUTPUT {
            self.mask = mask.after(bytes.len());
        }
        Payload { bytes, mask }
    }

    /// A piece of the current message, unless there is nothing to tell: an empty fragment.
    fn data_piece<'b, R: Role>(
        &mut self,
        input: &mut Input<'b>,
    ) -> Result<Option<Event<'b>>, ProtocolError> {
        let message = self.message;
        let (data, last) = self.rest_of_frame::<R>(input);
        if data.bytes.is_empty() && !last {
            return Ok(None);
        }
        let (first, last) = self.tell(message, last);
        let kind = message.kind();
        if message.is_extended() {
            return Ok(Some(Event::Extended(Extended {
                kind,
                rsv: message.rsv(),
                data: data.unmask::<R>(),
                first,
                last,
            })));
        }
        let piece = Piece {
            kind,
            data,
            first,
            last,
        };
        self.event::<R>(piece).map(Some)
    }

    #[inline(always)]
    fn text_piece<'b>(
        &mut self,
        data: Result<&'b str, &'b [u8]>,
        first: bool,
        last: bool,
    ) -> Result<Text<'b>, ProtocolError> {
        let raw = match data {
            Ok(body) if self.utf8.is_complete() => return Ok(Text::of(body, first, last)),
            Ok(body) => body.as_bytes(),
            Err(raw) => raw,
        };
        let piece = self
            .utf8
            .push(raw)
            .map_err(|_| ProtocolError::TextNotUtf8)?;
        if last {
            self.utf8.finish().map_err(|_| ProtocolError::TextNotUtf8)?;
        }
        Ok(Text {
            head: piece.head,
            body: piece.body,
            raw,
            first,
            last,
        })
    }

    fn end_of_frame(&self) -> bool {
        self.remaining == 0
    }

    /// Collects the payload of a control frame; its opcode once it is complete.
    fn collect_control<R: Role>(
        &mut self,
        input: &mut Input<'_>,
    ) -> Result<Option<Opcode>, ProtocolError> {
        let bytes = self.take_payload::<R>(input).unmask::<R>();
        let before = usize::from(self.spill_len);
        self.spill(bytes);
        let opcode = Opcode::from_bits(self.first_byte);
        if opcode == Some(Opcode::Close) {
            self.judge_close(before)?;
        }
        if !self.end_of_frame() {
            return Ok(None);
        }
        self.phase = match opcode {
            Some(Opcode::Close) => Phase::Dead,
            _ if self.message.is_open() => Phase::Between,
            _ => Phase::Idle,
        };
        Ok(opcode)
    }

    /// Judges the part of a Close body that came after the first `before` bytes.
    fn judge_close(&mut self, before: usize) -> Result<(), ProtocolError> {
        let end = usize::from(self.spill_len);
        let body = self.spill.get(..end).unwrap_or_default();
        let Some((code, _)) = body.split_first_chunk() else {
            return Ok(());
        };
        if before < code.len() && CloseCode::new(u16::from_be_bytes(*code)).is_none() {
            return Err(ProtocolError::CloseCodeInvalid);
        }
        let reason = body.get(before.max(code.len())..).unwrap_or_default();
        self.utf8
            .push(reason)
            .map_err(|_| ProtocolError::CloseReasonNotUtf8)?;
        if self.end_of_frame() {
            self.utf8
                .finish()
                .map_err(|_| ProtocolError::CloseReasonNotUtf8)?;
        }
        Ok(())
    }
}

/// The first byte of a text message in one frame.
const TEXT: u8 = FIN | Opcode::Text as u8;
/// The first byte of a binary message in one frame.
const BINARY: u8 = FIN | Opcode::Binary as u8;

/// The first byte of a frame that starts a text message, without FIN.
const TEXT_PART: u8 = Opcode::Text as u8;
/// The first byte of a frame that starts a binary message, without FIN.
const BINARY_PART: u8 = Opcode::Binary as u8;
/// The first byte of a frame that goes on with a message, without FIN.
const CONTINUATION: u8 = Opcode::Continuation as u8;

/// What there is of a message already.
struct Before {
    message: Message,
    fragments: u32,
    bytes: u64,
}

/// A piece of a message that no extension has encoded; text is not validated yet.
pub(super) struct Piece<'b> {
    kind: Kind,
    data: Payload<'b>,
    first: bool,
    last: bool,
}
