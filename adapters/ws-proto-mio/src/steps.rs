//! The steps of a connection, which its turns take: from its handshake to its end.

use std::io;

use ws_proto::opening::Opened;
use ws_proto::socket::Failure;
use ws_proto::{Instant, Transport};

use crate::error::Error;
use crate::handshake::Answer;
use crate::socket::{After, Left, NEVER, State, WebSocket};
use crate::stream::Stream;

impl<S: Stream> WebSocket<S> {
    pub(crate) fn has_ended(&self) -> bool {
        match &self.state {
            State::Open(driver) => driver.is_over(),
            State::Handshake(_) => false,
        }
    }

    pub(crate) fn wants_read(&self) -> bool {
        match &self.state {
            State::Open(driver) => driver.wants_read(),
            State::Handshake(handshake) => handshake.wants_read(),
        }
    }

    /// Takes note of the loop's answer to a request.
    #[inline]
    pub(crate) fn settle(&mut self) {
        if let State::Handshake(handshake) = &mut self.state {
            match handshake.take_answer() {
                None => {}
                Some(Answer::Accepted(opened)) => self.open(*opened),
                Some(Answer::Refused(error)) => self.refuse(error, After::Open),
            }
        }
    }

    /// A handshake has led to a connection.
    pub(crate) fn open(&mut self, opened: Opened) {
        if let State::Handshake(handshake) = &self.state {
            if !handshake.early.is_empty() {
                self.wire.left = Left::Input;
            }
            let subprotocol = opened.subprotocol().map(Into::into);
            self.state = State::Open(handshake.open(opened));
            self.wire.note_subprotocol(subprotocol);
            self.wire.is_connecting = false;
        }
    }

    /// There will be no connection. What is queued is still written.
    #[cold]
    pub(crate) fn refuse(&mut self, error: Option<Error>, after: After) {
        if let State::Handshake(handshake) = &self.state {
            let mut driver = handshake.refuse();
            match after {
                After::Open => {}
                // It has the answer already.
                After::Eof => drop(driver.receive_eof()),
                After::Abort => driver.read_failed(),
            }
            self.state = State::Open(driver);
            self.wire.left = Left::Nothing;
            let cold = self.wire.cold_mut();
            cold.has_failed = true;
            cold.failure = error;
        }
    }

    #[cold]
    pub(crate) fn read_eof(&mut self) {
        self.wire.readable = false;
        match &mut self.state {
            State::Handshake(handshake) => {
                let error = match (handshake.receive_eof(), self.wire.cold_mut().cause.take()) {
                    // A write that has failed says more than that nothing comes.
                    (Error::Handshake(_), Some(cause)) => Error::Io(cause),
                    (error, _) => error,
                };
                self.refuse(Some(error), After::Eof);
            }
            State::Open(driver) => {
                let _ = driver.receive_eof();
                self.note_failure();
            }
        }
    }

    #[cold]
    pub(crate) fn read_failed(&mut self, error: io::Error) {
        self.wire.readable = false;
        self.wire.cold_mut().cause.get_or_insert(error);
        match &mut self.state {
            State::Handshake(_) => {
                let cause = self.wire.cold_mut().cause.take().map(Error::Io);
                self.refuse(cause, After::Abort);
            }
            State::Open(driver) => {
                driver.read_failed();
                self.note_failure();
            }
        }
    }

    /// Takes what the connection has failed of, once. It is called when nothing more can come: before that a
    /// failed write is no failure, for the peer's Close may still come.
    #[cold]
    fn note_failure(&mut self) {
        let State::Open(driver) = &self.state else {
            return;
        };
        let failure = match driver.failure() {
            Some(failure) if self.wire.cold().is_none_or(|cold| !cold.has_failed) => failure,
            _ => return,
        };
        self.wire.cold_mut().has_failed = true;
        let failure = match failure {
            Failure::Eof(error) => Error::Eof(error),
            Failure::Receive(error) => Error::Receive(error),
            Failure::TimedOut(error) => Error::TimedOut(error),
            _ => Error::Io(match self.wire.cold_mut().cause.take() {
                Some(cause) => cause,
                None => io::ErrorKind::BrokenPipe.into(),
            }),
        };
        self.wire.cold_mut().failure = Some(failure);
        if self.wire.left != Left::Nothing {
            // Kept bytes that waited for room wait no more, and are looked at before it is emitted.
            self.wire.left = Left::Input;
        }
    }

    /// Writes as far as the stream takes it. Whether it took any.
    #[inline(always)]
    pub(crate) fn write(&mut self) -> bool {
        if let State::Open(driver) = &mut self.state {
            return self.wire.write(driver);
        }
        self.write_handshake();
        false
    }

    #[cold]
    fn write_handshake(&mut self) {
        if let State::Handshake(handshake) = &mut self.state {
            while self.wire.writable && !handshake.pending().is_empty() {
                let taken = self.wire.write_once(handshake.pending());
                handshake.consume(taken);
            }
            self.wire.flush();
        }
    }

    /// Sees to it that due steps are done, now or at the deadline. Most turns of a busy connection leave it to
    /// the deadline: without that `mio/32/alone` in `benches/shells` takes 15 % more.
    #[inline]
    pub(crate) fn keep_time(&mut self, now: Instant) {
        match &self.state {
            State::Open(driver) if now < self.deadline && driver.tick_can_wait() => {}
            _ => self.set_time(now),
        }
    }

    /// Sets the time, does due steps, and goes on towards the end.
    #[inline(never)]
    fn set_time(&mut self, now: Instant) {
        if let State::Handshake(handshake) = &mut self.state {
            match handshake.tick(now) {
                Ok(deadline) => {
                    self.deadline = deadline.unwrap_or(NEVER);
                    return;
                }
                Err(error) => {
                    let after = match handshake.is_client() {
                        true => After::Abort,
                        false => After::Open,
                    };
                    self.refuse(Some(error), after);
                }
            }
        }
        let State::Open(driver) = &mut self.state else {
            return;
        };
        if self.wire.readable && (self.wire.left != Left::Nothing || driver.wants_read()) {
            driver.note_unread();
        }
        if now >= self.deadline {
            // A peer is slow only in taking what it was offered: answers wait while a turn leaves input.
            self.wire.write(driver);
        }
        let waiting = driver.pending_bytes();
        let Ok(deadline) = driver.tick_lazily(now) else {
            return self.wind_up(now);
        };
        self.deadline = deadline.unwrap_or(NEVER);
        let is_due = driver.pending_bytes() > waiting;
        if is_due || (waiting > 0 && self.wire.left != Left::Input) {
            self.wire.write(driver);
        }
        if driver.transport() != Transport::Open || self.wire.is_broken {
            self.wind_up(now);
        }
    }

    /// What is left to do at the end.
    #[cold]
    #[inline(never)]
    fn wind_up(&mut self, now: Instant) {
        let State::Open(driver) = &mut self.state else {
            return;
        };
        self.wire.write(driver);
        if driver.wants_half_close() && !self.wire.needs_flush {
            // Its failure is of no consequence: nothing follows.
            let _ = self.wire.stream.shutdown();
            driver.half_closed();
        }
        if driver.needs_tick() {
            self.deadline = driver.tick(now).ok().flatten().unwrap_or(NEVER);
        }
        if driver.is_over() {
            self.deadline = NEVER;
            self.note_failure();
        }
    }
}
