//! Finds the end of a head, in input that is split anywhere, and stores the head on the way.
//!
//! ```text
//!            text            CR              LF                CR              LF
//! Start ------------> Line ------> LineCr ------> LineStart ------> BlankCr ------> Done
//!   | CR  LF           ^ | text                     |
//!   +----------> Start +-+                          | text: the next line
//!   (a request, once)  ^----------------------------+ SP, HTAB: a folded line
//! ```
//!
//! It looks at each byte once. It stores a line end when the next byte is known, so that it can
//! replace the end of a folded line of a response by a space (RFC 9112 5.2) in append-only storage.
//!
//! Nearly all bytes of a head are text inside a line, and nearly all line ends are followed by
//! another line: [`HeadScanner::skip`] takes these eight at a time, without a step for each byte.

use super::error::HandshakeError;
use super::limits::Limits;
use super::scan;
use super::syntax;
use crate::buf::{Input, Storage};

/// The sender of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadKind {
    Request,
    Response,
}

/// The position in a head.
#[derive(Debug)]
pub(super) struct HeadScanner {
    kind: HeadKind,
    state: ScanState,
    /// Bytes of this head and of earlier ones: they count towards one limit.
    bytes: usize,
    /// Bytes of earlier heads.
    start: usize,
    /// Lines that have begun.
    lines: usize,
    skipped_empty_line: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ScanState {
    Start,
    StartCr,
    Line,
    LineCr,
    LineStart,
    BlankCr,
    Done,
}

/// What to store for a byte.
enum Step {
    /// The byte, with the bytes before it.
    Keep,
    /// Nothing.
    Drop,
    /// These bytes, then the byte.
    After(&'static [u8]),
    /// These bytes, for the line ends that were left out. The head is complete.
    End(&'static [u8]),
}

impl HeadScanner {
    pub(super) const fn new(kind: HeadKind) -> Self {
        Self {
            kind,
            state: ScanState::Start,
            bytes: 0,
            start: 0,
            lines: 0,
            skipped_empty_line: false,
        }
    }

    /// A scanner for the next head of the same peer.
    pub(super) const fn next(&self) -> Self {
        Self {
            bytes: self.bytes,
            start: self.bytes,
            ..Self::new(self.kind)
        }
    }

    /// How many more bytes the limit allows.
    pub(super) const fn room(&self, limits: &Limits) -> usize {
        limits.head_bytes.saturating_sub(self.bytes)
    }

    /// How many bytes of this head have been received.
    const fn len(&self) -> usize {
        self.bytes.saturating_sub(self.start)
    }

    /// Whether no byte of the head has been received.
    pub(super) fn is_at_start(&self) -> bool {
        self.state == ScanState::Start
    }

    /// Whether the peer has sent anything, in this head or before it.
    pub(super) fn has_begun(&self) -> bool {
        self.state != ScanState::Start || self.bytes > 0 || self.skipped_empty_line
    }

    /// The meaning of the end of the transport here, before the end of the head.
    pub(super) fn eof(&self) -> HandshakeError {
        if self.has_begun() {
            HandshakeError::UnexpectedEof
        } else {
            HandshakeError::NothingReceived
        }
    }

    /// Stores the received part of the head. Returns `true` once the head is complete. Bytes after
    /// the head stay in `input`.
    pub(super) fn receive<S: Storage>(
        &mut self,
        input: &mut Input<'_>,
        storage: &mut S,
        limits: &Limits,
    ) -> Result<bool, HandshakeError> {
        // Input of single bytes takes this path for nearly every byte, without the loop below.
        if let [byte] = *input.bytes() {
            if self.keeps(byte, limits) {
                self.bytes += 1;
                input.take(1);
                let stored = storage.store(&[byte]);
                return stored.map_or(Err(HandshakeError::HeadTooLarge), |()| Ok(false));
            }
        }
        self.receive_steps(input, storage, limits)
    }

    /// Whether the byte is inside a header line and a step would keep it.
    #[inline]
    fn keeps(&self, byte: u8, limits: &Limits) -> bool {
        self.state == ScanState::Line
            && self.lines > 1
            && self.bytes < limits.head_bytes
            && syntax::is_text(byte)
    }

    #[inline(never)]
    fn receive_steps<S: Storage>(
        &mut self,
        input: &mut Input<'_>,
        storage: &mut S,
        limits: &Limits,
    ) -> Result<bool, HandshakeError> {
        if self.state == ScanState::Done {
            return Ok(true);
        }
        let bytes = input.bytes();
        let mut at = 0;
        let mut copied = 0;
        let result = loop {
            if self.state == ScanState::Line && bytes.len().saturating_sub(at) >= scan::WORD {
                let skipped = self.skip(bytes.get(at..).unwrap_or_default(), limits);
                at = at.saturating_add(skipped);
            }
            let Some(&byte) = bytes.get(at) else {
                break store(storage, bytes, copied..at).map(|()| false);
            };
            // The bytes before a fault are stored first: then a full storage gives the same error
            // however the input is split.
            match self.step(byte, limits) {
                Ok(Step::Keep) => {}
                Ok(Step::Drop) => {
                    if let Err(error) = store(storage, bytes, copied..at) {
                        break Err(error);
                    }
                    copied = at.wrapping_add(1); // there is a byte at it
                }
                Ok(Step::After(inserted)) => {
                    if let Err(error) = store(storage, inserted, 0..inserted.len()) {
                        break Err(error);
                    }
                    copied = at;
                }
                Ok(Step::End(inserted)) => {
                    at = at.wrapping_add(1);
                    break store(storage, inserted, 0..inserted.len()).map(|()| true);
                }
                Err(error) => {
                    let stored = store(storage, bytes, copied..at);
                    break stored.and(Err(self.named(error, storage.bytes())));
                }
            }
            at = at.wrapping_add(1);
        };
        input.take(at);
        result
    }

    /// Skips bytes at the front of `bytes`, inside a line, that a step would keep. It is not
    /// inlined, so that input of single bytes does not pay for it.
    #[inline(never)]
    fn skip(&mut self, bytes: &[u8], limits: &Limits) -> usize {
        let in_start_line = match self.kind {
            HeadKind::Request => self.lines == 1,
            HeadKind::Response if self.len() < HTTP.len() => return 0,
            HeadKind::Response => false,
        };
        let room = self.room(limits);
        let bytes = bytes.get(..room).unwrap_or(bytes);
        let mut skipped = scan::text_len(bytes, in_start_line);
        while let Some([b'\r', b'\n', next, ..]) = bytes.get(skipped..) {
            if !syntax::is_tchar(*next) || self.lines >= limits.lines {
                break;
            }
            self.lines += 1;
            skipped = skipped.saturating_add(3);
            let text = scan::text_len(bytes.get(skipped..).unwrap_or_default(), false);
            skipped = skipped.saturating_add(text);
        }
        self.bytes = self.bytes.saturating_add(skipped);
        skipped
    }

    /// Names a fault of the first line by the part of it that has the fault: after the method that is the
    /// request target.
    fn named(&self, error: HandshakeError, stored: &[u8]) -> HandshakeError {
        match error {
            HandshakeError::NotHttp if self.kind == HeadKind::Request => {
                let spaces = stored.iter().filter(|byte| **byte == b' ');
                match spaces.fold(0_usize, |count, _| count.saturating_add(1)) {
                    0 => HandshakeError::NotHttp,
                    1 => HandshakeError::TargetInvalid,
                    _ => HandshakeError::StartLineInvalid,
                }
            }
            _ => error,
        }
    }

    fn step(&mut self, byte: u8, limits: &Limits) -> Result<Step, HandshakeError> {
        let skipping =
            matches!(self.state, ScanState::Start | ScanState::StartCr) && self.may_skip(byte);
        if !skipping {
            if self.bytes >= limits.head_bytes {
                return Err(HandshakeError::HeadTooLarge);
            }
            self.bytes += 1;
        }
        match self.state {
            ScanState::Start => self.start(byte, limits),
            ScanState::StartCr if byte == b'\n' => {
                self.skipped_empty_line = true;
                self.state = ScanState::Start;
                Ok(Step::Drop)
            }
            ScanState::Line => self.line(byte),
            ScanState::LineCr if byte == b'\n' => {
                self.state = ScanState::LineStart;
                Ok(Step::Drop)
            }
            ScanState::LineStart => self.line_start(byte, limits),
            ScanState::BlankCr if byte == b'\n' => {
                self.state = ScanState::Done;
                Ok(Step::End(b"\r\n\r\n"))
            }
            ScanState::StartCr | ScanState::LineCr | ScanState::BlankCr => {
                Err(HandshakeError::BareCr)
            }
            ScanState::Done => Ok(Step::Drop),
        }
    }

    /// One empty line before a request is skipped (RFC 9112 2.2) and counts towards no limit.
    const fn may_skip(&self, byte: u8) -> bool {
        matches!(self.kind, HeadKind::Request)
            && !self.skipped_empty_line
            && matches!(byte, b'\r' | b'\n')
    }

    fn start(&mut self, byte: u8, limits: &Limits) -> Result<Step, HandshakeError> {
        if byte == b'\r' && self.may_skip(byte) {
            self.state = ScanState::StartCr;
            return Ok(Step::Drop);
        }
        if byte == b'\n' {
            return Err(HandshakeError::BareLf);
        }
        if !self.is_start_line(byte) {
            return Err(HandshakeError::NotHttp);
        }
        self.begin_line(limits)?;
        Ok(Step::After(b""))
    }

    fn line(&mut self, byte: u8) -> Result<Step, HandshakeError> {
        match byte {
            b'\r' => {
                if self.kind == HeadKind::Response && self.lines == 1 && self.len() <= HTTP.len() {
                    return Err(HandshakeError::NotHttp);
                }
                self.state = ScanState::LineCr;
                Ok(Step::Drop)
            }
            b'\n' => Err(HandshakeError::BareLf),
            _ if self.lines == 1 && !self.is_start_line(byte) => Err(HandshakeError::NotHttp),
            _ if syntax::is_text(byte) => Ok(Step::Keep),
            _ => Err(HandshakeError::ControlCharacter),
        }
    }

    fn line_start(&mut self, byte: u8, limits: &Limits) -> Result<Step, HandshakeError> {
        match byte {
            b'\r' => {
                self.state = ScanState::BlankCr;
                Ok(Step::Drop)
            }
            b'\n' => Err(HandshakeError::BareLf),
            b' ' | b'\t' if self.kind == HeadKind::Request => Err(HandshakeError::LineFolded),
            b' ' | b'\t' if self.lines == 1 => Err(HandshakeError::HeaderInvalid),
            b' ' | b'\t' => {
                self.state = ScanState::Line;
                Ok(Step::After(b" "))
            }
            _ if syntax::is_tchar(byte) => {
                self.begin_line(limits)?;
                Ok(Step::After(b"\r\n"))
            }
            _ if !syntax::is_text(byte) => Err(HandshakeError::ControlCharacter),
            _ => Err(HandshakeError::HeaderInvalid),
        }
    }

    fn begin_line(&mut self, limits: &Limits) -> Result<(), HandshakeError> {
        if self.lines >= limits.lines {
            return Err(HandshakeError::TooManyLines);
        }
        self.lines += 1;
        self.state = ScanState::Line;
        Ok(())
    }

    /// Whether this byte, which is counted already, is valid at its position in a first line. A TLS
    /// hello, a frame, or the greeting of another protocol fails at its first bytes.
    fn is_start_line(&self, byte: u8) -> bool {
        match self.kind {
            HeadKind::Request if self.len() == 1 => syntax::is_tchar(byte),
            HeadKind::Request => matches!(byte, 0x20..=0x7e),
            HeadKind::Response => match HTTP.get(self.len().saturating_sub(1)) {
                Some(&expected) => byte == expected,
                None => syntax::is_text(byte),
            },
        }
    }
}

fn store<S: Storage>(
    storage: &mut S,
    bytes: &[u8],
    range: core::ops::Range<usize>,
) -> Result<(), HandshakeError> {
    match bytes.get(range) {
        None | Some([]) => Ok(()),
        // What fits is kept: the refusal of a head depends on its method.
        Some(bytes) if store_what_fits(storage, bytes) < bytes.len() => {
            Err(HandshakeError::HeadTooLarge)
        }
        Some(_) => Ok(()),
    }
}

/// Returns how many bytes were stored.
pub(super) fn store_what_fits<S: Storage>(storage: &mut S, bytes: &[u8]) -> usize {
    if storage.store(bytes).is_ok() {
        return bytes.len();
    }
    bytes
        .chunks(1)
        .take_while(|byte| storage.store(byte).is_ok())
        .fold(0, |stored: usize, _| stored.saturating_add(1))
}

const HTTP: &[u8] = b"HTTP/";
