//! How far the answer to a request has come: what does not depend on how its head is read.

use core::fmt;

use super::body::BodyReader;
use super::error::HandshakeError;
use super::established::Refusal;
use super::headers::Headers;
use super::limits::Limits;
use super::parse::ResponseHead;
use super::time_limit::TimeLimit;
use crate::buf::{Input, Storage};
use crate::error::TimedOut;
use crate::time::Instant;
use crate::transport::Transport;

/// The request.
pub(super) trait Asked {
    /// What an answer that grants it has agreed to.
    type Granted: Copy + fmt::Debug;

    /// How many bytes at the front of the storage are not the answer's.
    fn kept(&self) -> usize;
}

/// The request of a client, and the answer as far as it is there. The storage has what `asked` keeps, then
/// the head of the answer, then the body of a refusal.
pub(super) struct Answer<A: Asked, S> {
    pub(super) asked: A,
    pub(super) storage: S,
    pub(super) limits: Limits,
    pub(super) state: AnswerState<A::Granted>,
    informational: u8,
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

impl<A: Asked, S: Storage> Answer<A, S> {
    /// Waits for the answer. The front of `storage` is what `asked` keeps.
    pub(super) fn new(asked: A, storage: S, limits: Limits) -> Self {
        Self {
            asked,
            storage,
            limits,
            state: AnswerState::Head,
            informational: 0,
            timer: TimeLimit::default(),
        }
    }

    /// The received part of the answer.
    pub(super) fn received(&self) -> &[u8] {
        let stored = self.storage.bytes();
        stored.get(self.asked.kept()..).unwrap_or_default()
    }

    /// The header fields of the answer, whose head is complete.
    pub(super) fn headers(&self) -> Headers<'_> {
        ResponseHead::of(self.received()).headers
    }

    /// Goes on in every state but `Head`, which reads no bytes here. `Some` once the answer grants the request,
    /// and again in every call from then on. Consumes the body of a refusal; after a failure, everything.
    pub(super) fn receive(
        &mut self,
        input: &mut Input<'_>,
    ) -> Result<Option<A::Granted>, HandshakeError> {
        if let AnswerState::Body(mut refused) = self.state {
            let ended = refused.body.receive(input, &mut self.storage);
            refused.complete = refused.body.is_complete();
            self.state = if ended {
                AnswerState::Refused(refused)
            } else {
                AnswerState::Body(refused)
            };
        }
        match self.state {
            AnswerState::Head | AnswerState::Body(_) => Ok(None),
            AnswerState::Refused(RefusalState { status, .. }) => {
                input.take(input.len());
                Err(HandshakeError::Refused { status })
            }
            AnswerState::Granted(granted) => Ok(Some(granted)),
            AnswerState::Failed(error) => {
                input.take(input.len());
                Err(error)
            }
        }
    }

    /// Counts a response that is skipped (RFC 9110 15.2), and removes its stored bytes.
    pub(super) fn skip_informational(&mut self) -> Result<(), HandshakeError> {
        if self.informational >= self.limits.informational {
            return Err(HandshakeError::TooManyInformational);
        }
        self.informational += 1;
        self.storage.truncate(self.asked.kept());
        Ok(())
    }

    /// The state after the complete head of a refusal, which is stored.
    pub(super) fn refused(&self, status: u16) -> AnswerState<A::Granted> {
        let body = BodyReader::new(status, &self.headers(), self.limits.body_bytes);
        AnswerState::Body(RefusalState {
            status,
            head: self.received().len(),
            body,
            complete: body.is_complete(),
        })
    }

    /// The input has ended. `error` is what that means while the head is not complete.
    pub(super) fn receive_eof(&mut self, error: HandshakeError) -> Result<(), HandshakeError> {
        match self.state {
            AnswerState::Head => self.state = AnswerState::Failed(error),
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
                self.received(),
                refused.head,
                refused.status,
                refused.complete,
            )),
            _ => None,
        }
    }
}

impl<A: Asked, S> Answer<A, S> {
    /// The next step with the transport.
    pub(super) const fn transport(&self) -> Transport {
        match self.state {
            _ if self.timer.expired().is_some() => Transport::Abort,
            AnswerState::Head | AnswerState::Body(_) | AnswerState::Granted(_) => Transport::Open,
            AnswerState::Refused(_) | AnswerState::Failed(_) => Transport::Close,
        }
    }
}
