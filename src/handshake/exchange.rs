//! A request of HTTP/1.1 that was sent, and its answer: what a client's handshake with a server and the one with
//! a proxy have in common.

use super::answer::{Answer, AnswerState, Asked};
use super::error::HandshakeError;
use super::established::Refusal;
use super::head_scanner::{HeadKind, HeadScanner};
use super::limits::Limits;
use super::parse::{self, Parsed};
use crate::buf::{Input, Storage};
use crate::error::TimedOut;
use crate::time::Instant;
use crate::transport::Transport;

/// Which answer of HTTP/1.1 grants the request.
pub(super) trait Grant: Asked {
    /// The values collected from the header fields of an answer while they are parsed.
    type Fields<'h>: Copy + Default;

    /// Whether an answer with this status can grant it. Any other is a refusal, but for those that are skipped.
    fn can_grant(status: u16) -> bool;

    /// Collects a field. `value` can have whitespace around it.
    fn collect<'h>(fields: &mut Self::Fields<'h>, name: &'h [u8], value: &'h [u8]);

    /// Checks an answer whose status can grant it, and whose head is in `stored`.
    fn check(
        &self,
        status: u16,
        stored: &[u8],
        minor_version: u8,
        fields: &Self::Fields<'_>,
    ) -> Result<Self::Granted, HandshakeError>;
}

/// Reads the answer: skips informational responses, collects the head of the final one and the body of a
/// refusal, and keeps the time.
pub(super) struct Exchange<A: Grant, S> {
    answer: Answer<A, S>,
    head: HeadScanner,
}

impl<A: Grant, S: Storage> Exchange<A, S> {
    /// Waits for the answer. The front of `storage` is what `asked` keeps.
    pub(super) fn new(asked: A, storage: S, limits: Limits) -> Self {
        Self {
            answer: Answer::new(asked, storage, limits),
            head: HeadScanner::new(HeadKind::Response),
        }
    }

    /// Reads the answer. `Some` once it grants the request, and again in every call from then on.
    /// Consumes the answer and nothing after it; after a failure, everything.
    pub(super) fn receive(
        &mut self,
        input: &mut Input<'_>,
    ) -> Result<Option<A::Granted>, HandshakeError> {
        while let AnswerState::Head = self.answer.state {
            self.answer.state = match self.read(input) {
                Ok(Some(state)) => state,
                Ok(None) => return Ok(None),
                Err(error) => AnswerState::Failed(error),
            };
        }
        self.answer.receive(input)
    }

    /// The input has ended.
    pub(super) fn receive_eof(&mut self) -> Result<(), HandshakeError> {
        self.answer.receive_eof(self.head.eof())
    }

    /// Reports the time. Returns when to call again at the latest.
    pub(super) fn tick(&mut self, now: Instant) -> Result<Option<Instant>, TimedOut> {
        self.answer.tick(now)
    }

    /// The refusal, once its head is complete.
    pub(super) fn refusal(&self) -> Option<Refusal<'_>> {
        self.answer.refusal()
    }

    /// The received part of the answer.
    pub(super) fn answer(&self) -> &[u8] {
        self.answer.received()
    }

    fn read(
        &mut self,
        input: &mut Input<'_>,
    ) -> Result<Option<AnswerState<A::Granted>>, HandshakeError> {
        if let Some(state) = self.read_at_once(input) {
            return state.map(Some);
        }
        let Answer {
            storage, limits, ..
        } = &mut self.answer;
        if !self.head.receive(input, storage, limits)? {
            return Ok(None);
        }
        let mut fields = A::Fields::default();
        let collect = |name, value| A::collect(&mut fields, name, value);
        let parsed = parse::response(self.answer.received(), collect)?;
        match parsed.first_line {
            status if A::can_grant(status) => self.check(&parsed, &fields),
            // 101 is final: the server speaks another protocol from there on (RFC 9110 15.2.2).
            status @ 100..=199 if status != 101 => {
                self.answer.skip_informational()?;
                self.head = self.head.next();
                Ok(AnswerState::Head)
            }
            status => Ok(self.answer.refused(status)),
        }
        .map(Some)
    }

    /// Parses an answer that came in one read where it lies, without the scan (row
    /// `handshake/client` of the benchmarks). Most answers do. Returns `None`, and changes nothing,
    /// for any other.
    fn read_at_once(
        &mut self,
        input: &mut Input<'_>,
    ) -> Option<Result<AnswerState<A::Granted>, HandshakeError>> {
        if !self.head.is_at_start() {
            return None;
        }
        let limits = &self.answer.limits;
        let mut fields = A::Fields::default();
        let bytes = input.bytes();
        let bytes = bytes.get(..self.head.room(limits)).unwrap_or(bytes);
        let collect = |name, value| A::collect(&mut fields, name, value);
        let parsed = parse::response(bytes, collect).ok()?;
        if !A::can_grant(parsed.first_line) || parsed.lines > limits.lines {
            return None;
        }
        let head = bytes.get(..parsed.bytes)?;
        self.answer.storage.store(head).ok()?;
        let state = self.check(&parsed, &fields);
        input.take(parsed.bytes);
        Some(state)
    }

    fn check(
        &self,
        parsed: &Parsed<u16>,
        fields: &A::Fields<'_>,
    ) -> Result<AnswerState<A::Granted>, HandshakeError> {
        let Answer { asked, storage, .. } = &self.answer;
        asked
            .check(
                parsed.first_line,
                storage.bytes(),
                parsed.minor_version,
                fields,
            )
            .map(AnswerState::Granted)
    }
}

impl<A: Grant, S> Exchange<A, S> {
    pub(super) fn into_storage(self) -> S {
        self.answer.storage
    }

    pub(super) const fn state(&self) -> &AnswerState<A::Granted> {
        &self.answer.state
    }

    /// The next step with the transport.
    pub(super) const fn transport(&self) -> Transport {
        self.answer.transport()
    }
}
