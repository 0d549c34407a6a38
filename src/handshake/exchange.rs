//! A request that was sent, and its answer: what a client's handshake with a server and the one with a proxy
//! have in common.

use core::fmt;

use super::body::BodyReader;
use super::error::HandshakeError;
use super::established::Refusal;
use super::head_scanner::{HeadKind, HeadScanner};
use super::limits::Limits;
use super::parse::{self, Parsed};
use super::time_limit::TimeLimit;
use crate::buf::{Input, Storage};
use crate::error::TimedOut;
use crate::time::Instant;
use crate::transport::Transport;

/// What was asked for: which answer grants it.
pub(super) trait Asked {
    /// What an answer that grants it has agreed to.
    type Granted: Copy + fmt::Debug;
    /// What is collected from the header fields of an answer while they are parsed.
    type Fields<'h>: Copy + Default;

    /// How many bytes at the front of the storage are not the answer's.
    fn kept(&self) -> usize;

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
pub(super) struct Exchange<A: Asked, S> {
    asked: A,
    storage: S,
    limits: Limits,
    head: HeadScanner,
    informational: u8,
    state: AnswerState<A::Granted>,
    timer: TimeLimit,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum AnswerState<G> {
    /// The head is not complete.
    Head,
    /// The head of a refusal is complete, its body is not.
    Body(RefusalState),
    /// The refusal is complete, or as much of it as the limits allow.
    Refused(RefusalState),
    Granted(G),
    Failed(HandshakeError),
}

/// A response that grants nothing. Its body follows its head in the storage.
#[derive(Clone, Copy, Debug)]
pub(super) struct RefusalState {
    status: u16,
    head: usize,
    body: BodyReader,
    complete: bool,
}

impl<A: Asked, S: Storage> Exchange<A, S> {
    /// Waits for the answer. The front of `storage` is what `asked` keeps.
    pub(super) fn new(asked: A, storage: S, limits: Limits) -> Self {
        Self {
            asked,
            storage,
            limits,
            head: HeadScanner::new(HeadKind::Response),
            informational: 0,
            state: AnswerState::Head,
            timer: TimeLimit::default(),
        }
    }

    /// Reads the answer. `Some` once it grants what was asked for, and again in every call from then on.
    /// Consumes the answer and nothing after it; after a failure, everything.
    pub(super) fn receive(
        &mut self,
        input: &mut Input<'_>,
    ) -> Result<Option<A::Granted>, HandshakeError> {
        loop {
            match self.state {
                AnswerState::Head => match self.read(input) {
                    Ok(Some(state)) => self.state = state,
                    Ok(None) => return Ok(None),
                    Err(error) => self.state = AnswerState::Failed(error),
                },
                AnswerState::Body(mut refused) => {
                    let ended = refused.body.receive(input, &mut self.storage);
                    refused.complete = refused.body.is_complete();
                    self.state = if ended {
                        AnswerState::Refused(refused)
                    } else {
                        AnswerState::Body(refused)
                    };
                    if !ended {
                        return Ok(None);
                    }
                }
                AnswerState::Refused(RefusalState { status, .. }) => {
                    input.take(input.len());
                    return Err(HandshakeError::Refused { status });
                }
                AnswerState::Granted(granted) => return Ok(Some(granted)),
                AnswerState::Failed(error) => {
                    input.take(input.len());
                    return Err(error);
                }
            }
        }
    }

    /// The input has ended.
    pub(super) fn receive_eof(&mut self) -> Result<(), HandshakeError> {
        match self.state {
            AnswerState::Head => self.state = AnswerState::Failed(self.head.eof()),
            AnswerState::Body(mut refused) => {
                refused.complete = refused.body.is_complete_at_eof();
                self.state = AnswerState::Refused(refused);
            }
            _ => {}
        }
        match self.state {
            AnswerState::Refused(RefusalState { status, .. }) => {
                Err(HandshakeError::Refused { status })
            }
            AnswerState::Failed(error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Reports the time. Returns when to call again at the latest.
    pub(super) fn tick(&mut self, now: Instant) -> Result<Option<Instant>, TimedOut> {
        if let Some(expired) = self.timer.expired() {
            return Err(expired);
        }
        match self.state {
            AnswerState::Head | AnswerState::Body(_) => {}
            AnswerState::Granted(_) => return Ok(None),
            AnswerState::Refused(_) | AnswerState::Failed(_) => {
                return self.timer.tick(now, TimedOut::Drain, self.limits.drain);
            }
        }
        let deadline = self.timer.tick(now, TimedOut::Handshake, self.limits.time);
        if deadline.is_err() {
            self.state = match self.state {
                AnswerState::Body(refused) => AnswerState::Refused(refused),
                _ => AnswerState::Failed(HandshakeError::TimedOut),
            };
        }
        deadline
    }

    /// The refusal, once its head is complete.
    pub(super) fn refusal(&self) -> Option<Refusal<'_>> {
        match self.state {
            AnswerState::Body(refused) | AnswerState::Refused(refused) => Some(Refusal::new(
                self.answer(),
                refused.head,
                refused.status,
                refused.complete,
            )),
            _ => None,
        }
    }

    /// What was received of the answer.
    pub(super) fn answer(&self) -> &[u8] {
        let stored = self.storage.bytes();
        stored.get(self.asked.kept()..).unwrap_or_default()
    }

    fn read(
        &mut self,
        input: &mut Input<'_>,
    ) -> Result<Option<AnswerState<A::Granted>>, HandshakeError> {
        if let Some(state) = self.read_at_once(input) {
            return state.map(Some);
        }
        if !self.head.receive(input, &mut self.storage, &self.limits)? {
            return Ok(None);
        }
        let mut fields = A::Fields::default();
        let head = self.answer();
        let collect = |name, value| A::collect(&mut fields, name, value);
        let parsed = parse::response(head, collect)?;
        if A::can_grant(parsed.first_line) {
            return self.check(&parsed, &fields).map(Some);
        }
        let (status, len) = (parsed.first_line, head.len());
        self.continue_after(status, len).map(Some)
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
        let mut fields = A::Fields::default();
        let bytes = input.bytes();
        let bytes = bytes.get(..self.head.room(&self.limits)).unwrap_or(bytes);
        let collect = |name, value| A::collect(&mut fields, name, value);
        let parsed = parse::response(bytes, collect).ok()?;
        if !A::can_grant(parsed.first_line) || parsed.lines > self.limits.lines {
            return None;
        }
        self.storage.store(bytes.get(..parsed.bytes)?).ok()?;
        let state = self.check(&parsed, &fields);
        input.take(parsed.bytes);
        Some(state)
    }

    fn check(
        &self,
        parsed: &Parsed<u16>,
        fields: &A::Fields<'_>,
    ) -> Result<AnswerState<A::Granted>, HandshakeError> {
        let stored = self.storage.bytes();
        self.asked
            .check(parsed.first_line, stored, parsed.minor_version, fields)
            .map(AnswerState::Granted)
    }

    /// Continues after the complete head, of `len` bytes, of a response that grants nothing.
    fn continue_after(
        &mut self,
        status: u16,
        len: usize,
    ) -> Result<AnswerState<A::Granted>, HandshakeError> {
        // 101 is final: the server speaks another protocol from there on (RFC 9110 15.2.2).
        if matches!(status, 100..=199) && status != 101 {
            if self.informational >= self.limits.informational {
                return Err(HandshakeError::TooManyInformational);
            }
            self.informational += 1;
            self.storage.truncate(self.asked.kept());
            self.head = self.head.next();
            return Ok(AnswerState::Head);
        }
        let headers = parse::ResponseHead::of(self.answer()).headers;
        let body = BodyReader::new(status, &headers, self.limits.body_bytes);
        let complete = body.is_complete();
        Ok(AnswerState::Body(RefusalState {
            status,
            head: len,
            body,
            complete,
        }))
    }
}

impl<A: Asked, S> Exchange<A, S> {
    pub(super) fn into_storage(self) -> S {
        self.storage
    }

    pub(super) const fn state(&self) -> &AnswerState<A::Granted> {
        &self.state
    }

    /// What the driver has to do with the transport.
    pub(super) const fn transport(&self) -> Transport {
        match self.state {
            _ if self.timer.expired().is_some() => Transport::Abort,
            AnswerState::Head | AnswerState::Body(_) | AnswerState::Granted(_) => Transport::Open,
            AnswerState::Refused(_) | AnswerState::Failed(_) => Transport::Close,
        }
    }
}
