//! Finds the end of a head, however it is cut, and stores it on the way.
//!
//! ```text
//!            text            CR              LF                CR              LF
//! Start ------------> Line ------> LineCr ------> LineStart ------> BlankCr ------> Done
//!   | CR  LF           ^ | text                     |
//!   +----------> Start +-+                          | text: the next line
//!   (a request, once)  ^----------------------------+ SP, HTAB: a folded line
//! ```
//!
//! Each byte is looked at once. Line ends are stored when the byte behind them is known, so that a
//! folded line of a response can be joined by a space (RFC 9112 5.2) in append-only storage.
//!
//! Nearly all bytes of a head are text inside a line, which changes nothing, and nearly all line ends
//! are followed by another line: [`HeadScanner::skip`] takes these without a step for each byte.

use super::error::HandshakeError;
use super::limits::Limits;
use super::scan;
use super::syntax;
use crate::buf::{Input, Storage};
use crate::error::CapacityError;

/// Whose head it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadKind {
    Request,
    Response,
}

/// Where in a head we are.
#[derive(Debug)]
pub(super) struct HeadScanner {
    kind: HeadKind,
    state: State,
    /// Bytes of the heads before this one, which count towards the same limit.
    earlier: usize,
    /// Bytes of this head so far.
    bytes: usize,
    /// Lines begun so far.
    lines: usize,
    skipped_empty_line: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    StartCr,
    Line,
    LineCr,
    LineStart,
    BlankCr,
    Done,
}

/// What becomes of a byte in the storage.
enum Step {
    /// It goes on with what is being copied.
    Keep,
    /// It is left out.
    Drop,
    /// It is copied, these bytes go in front of it.
    After(&'static [u8]),
    /// It is the last one; these bytes go in for the line ends left out.
    End(&'static [u8]),
}

impl HeadScanner {
    pub(super) const fn new(kind: HeadKind) -> Self {
        Self {
            kind,
            state: State::Start,
            earlier: 0,
            bytes: 0,
            lines: 0,
            skipped_empty_line: false,
        }
    }

    /// Begins the next head of the same peer.
    pub(super) const fn next(&self) -> Self {
        Self {
            earlier: self.earlier + self.bytes,
            ..Self::new(self.kind)
        }
    }

    /// How many bytes this head may have.
    pub(super) const fn room(&self, limits: &Limits) -> usize {
        limits.head_bytes.saturating_sub(self.earlier)
    }

    /// Whether no byte of the head has been seen.
    pub(super) fn is_at_start(&self) -> bool {
        self.state == State::Start
    }

    /// Stores the head as far as it is there; `true` once it is complete. What follows it stays in
    /// `input`.
    pub(super) fn receive<S: Storage>(
        &mut self,
        input: &mut Input<'_>,
        storage: &mut S,
        limits: &Limits,
    ) -> Result<bool, HandshakeError> {
        // For those who feed byte by byte, this is nearly all there is to do.
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

    /// Whether this is a byte within a header line that a step would keep.
    #[inline]
    fn keeps(&self, byte: u8, limits: &Limits) -> bool {
        self.state == State::Line
            && self.lines > 1
            && self.bytes < self.room(limits)
            && syntax::is_text(byte)
    }

    #[inline(never)]
    fn receive_steps<S: Storage>(
        &mut self,
        input: &mut Input<'_>,
        storage: &mut S,
        limits: &Limits,
    ) -> Result<bool, HandshakeError> {
        if self.state == State::Done {
            return Ok(true);
        }
        let bytes = input.bytes();
        let mut at = 0;
        let mut copied = 0;
        let result = loop {
            if self.state == State::Line && bytes.len() - at >= scan::WORD {
                at += self.skip(bytes.get(at..).unwrap_or_default(), limits);
            }
            let Some(&byte) = bytes.get(at) else {
                break store(storage, bytes, copied..at).map(|()| false);
            };
            // Whatever a fault's place in the input, what is in front of it is stored first: a
            // storage that is full then gives the same error for every way of cutting the input.
            match self.step(byte, limits) {
                Ok(Step::Keep) => {}
                Ok(Step::Drop) => {
                    if let Err(error) = store(storage, bytes, copied..at) {
                        break Err(error);
                    }
                    copied = at + 1;
                }
                Ok(Step::After(inserted)) => {
                    if let Err(error) = store(storage, inserted, 0..inserted.len()) {
                        break Err(error);
                    }
                    copied = at;
                }
                Ok(Step::End(inserted)) => {
                    at += 1;
                    break store(storage, inserted, 0..inserted.len()).map(|()| true);
                }
                Err(error) => break store(storage, bytes, copied..at).and(Err(error)),
            }
            at += 1;
        };
        input.take(at);
        result
    }

    /// Within a line, goes over the bytes at the front that a step each would keep, as far as that is
    /// quickly told. Out of line, for those who feed byte by byte.
    #[inline(never)]
    fn skip(&mut self, bytes: &[u8], limits: &Limits) -> usize {
        let in_start_line = match self.kind {
            HeadKind::Request => self.lines == 1,
            HeadKind::Response if self.bytes < HTTP.len() => return 0,
            HeadKind::Response => false,
        };
        let room = self.room(limits).saturating_sub(self.bytes);
        let bytes = bytes.get(..room).unwrap_or(bytes);
        let mut skipped = scan::text_len(bytes, in_start_line);
        while let Some([b'\r', b'\n', next, ..]) = bytes.get(skipped..) {
            if !syntax::is_tchar(*next) || self.lines >= limits.lines {
                break;
            }
            self.lines += 1;
            skipped += 3;
            skipped += scan::text_len(bytes.get(skipped..).unwrap_or_default(), false);
        }
        self.bytes += skipped;
        skipped
    }

    fn step(&mut self, byte: u8, limits: &Limits) -> Result<Step, HandshakeError> {
        let skipping = matches!(self.state, State::Start | State::StartCr) && self.may_skip(byte);
        if !skipping {
            if self.bytes >= self.room(limits) {
                return Err(HandshakeError::HeadTooLarge);
            }
            self.bytes += 1;
        }
        match self.state {
            State::Start => self.start(byte, limits),
            State::StartCr if byte == b'\n' => {
                self.skipped_empty_line = true;
                self.state = State::Start;
                Ok(Step::Drop)
            }
            State::Line => self.line(byte),
            State::LineCr if byte == b'\n' => {
                self.state = State::LineStart;
                Ok(Step::Drop)
            }
            State::LineStart => self.line_start(byte, limits),
            State::BlankCr if byte == b'\n' => {
                self.state = State::Done;
                Ok(Step::End(b"\r\n\r\n"))
            }
            State::StartCr | State::LineCr | State::BlankCr => Err(HandshakeError::BareCr),
            State::Done => Ok(Step::Drop),
        }
    }

    /// One empty line in front of a request is to be skipped (RFC 9112 2.2); it is no part of it.
    const fn may_skip(&self, byte: u8) -> bool {
        matches!(self.kind, HeadKind::Request)
            && !self.skipped_empty_line
            && matches!(byte, b'\r' | b'\n')
    }

    fn start(&mut self, byte: u8, limits: &Limits) -> Result<Step, HandshakeError> {
        if byte == b'\r' && self.may_skip(byte) {
            self.state = State::StartCr;
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
                if self.kind == HeadKind::Response && self.lines == 1 && self.bytes <= HTTP.len() {
                    return Err(HandshakeError::NotHttp);
                }
                self.state = State::LineCr;
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
                self.state = State::BlankCr;
                Ok(Step::Drop)
            }
            b'\n' => Err(HandshakeError::BareLf),
            b' ' | b'\t' if self.kind == HeadKind::Request => Err(HandshakeError::LineFolded),
            b' ' | b'\t' if self.lines == 1 => Err(HandshakeError::HeaderInvalid),
            b' ' | b'\t' => {
                self.state = State::Line;
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
        self.state = State::Line;
        Ok(())
    }

    /// Whether this byte, counted already, can stand where it is in a first line. A TLS hello, a
    /// frame, or another protocol's greeting does not get past its first bytes.
    fn is_start_line(&self, byte: u8) -> bool {
        match self.kind {
            HeadKind::Request if self.bytes == 1 => syntax::is_tchar(byte),
            HeadKind::Request => matches!(byte, 0x20..=0x7e),
            HeadKind::Response => match HTTP.get(self.bytes - 1) {
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
        Some(bytes) => storage
            .store(bytes)
            .map_err(|CapacityError| HandshakeError::HeadTooLarge),
    }
}

const HTTP: &[u8] = b"HTTP/";
