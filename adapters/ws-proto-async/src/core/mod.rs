//! The connection over a stream: what both halves work on. All decisions are those of
//! [`ws_proto::WebSocket`]; this does the I/O that it asks for.

mod byte_stream;
mod drive;
mod receive;
mod send;

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use ws_proto::{EitherRole, Instant, Negotiated, OsRandom};

use crate::alarm::Alarm;
use crate::error::Error;
use crate::io::Io;
use crate::lane::Ask;
use crate::message::Closed;
use crate::tasks::{Side, Tasks};
use ws_proto::opening::Options;

pub(crate) use send::Outgo;

pub(crate) type Role = EitherRole<Box<OsRandom>>;
pub(crate) type Driver = ws_proto::WebSocket<Role, Bytes>;

pub(crate) struct Core<T> {
    pub(crate) io: T,
    pub(crate) driver: Driver,
    tasks: Tasks,
    /// Whom the stream's timer wakes, and when.
    timer: Option<(Arc<Alarm>, Instant)>,
    /// Why reading or writing has failed.
    error: Option<Arc<io::Error>>,
    /// Writing has failed, or will not be done any more: the queued output is lost.
    is_broken: bool,
    /// Something was written since the last flush.
    needs_flush: bool,
    /// The queue uses memory of the thread.
    has_borrowed: bool,
    /// How many bytes the stream has taken.
    written: u64,
    /// How many reads there were since the time was looked at.
    reads: u8,
    /// How many messages the reader has got since it last waited, and how many reads there were before the time was
    /// last looked at.
    received: u8,
    /// The end of the last batch; `None` if there may be more in the received bytes.
    batch: Option<Ask>,
    /// The last call of the reader's has got something: it does not wait now.
    is_reader_busy: bool,
    /// Nobody reads any more.
    pub(crate) is_reader_gone: bool,
    /// The reader has found that nothing more will be received.
    has_found_end: bool,
    /// Receiving has come to its end.
    has_ended: bool,
    /// The failure has been reported.
    is_reported: bool,
    subprotocol: Option<Box<str>>,
}

impl<T: Io> Core<T> {
    pub(crate) fn new(io: T, driver: Driver, received: &[u8], subprotocol: Option<&str>) -> Self {
        let mut core = Self {
            io,
            driver,
            tasks: Tasks::default(),
            timer: None,
            error: None,
            is_broken: false,
            needs_flush: false,
            has_borrowed: false,
            written: 0,
            reads: 0,
            received: 0,
            batch: None,
            is_reader_busy: false,
            is_reader_gone: false,
            has_found_end: false,
            has_ended: false,
            is_reported: false,
            subprotocol: subprotocol.map(Into::into),
        };
        if !received.is_empty() {
            core.driver.receive(&mut received.to_vec());
        }
        core
    }

    pub(crate) fn map_driver(self, map: impl FnOnce(Driver) -> Driver) -> Self {
        Self {
            driver: map(self.driver),
            ..self
        }
    }

    pub(crate) fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    pub(crate) fn closed(&self) -> Option<Closed> {
        let connection = self.driver.connection();
        let closed = || Closed::new(connection.close_code(), connection.close_reason());
        connection.is_close_received().then(closed)
    }

    pub(crate) fn refused_len(&self) -> Option<u64> {
        self.driver.connection().refused_len()
    }

    /// How many bytes the stream has taken.
    pub(crate) const fn written(&self) -> u64 {
        self.written
    }

    /// Whether the reader has come to the end.
    pub(crate) const fn has_ended(&self) -> bool {
        self.has_ended
    }

    pub(crate) fn wake(&mut self, side: Side) {
        self.tasks.wake(side);
    }

    /// Calls `poll` with the waker that the stream has to get, and wakes the other side if it can go on.
    #[inline]
    fn poll_as<V>(
        &mut self,
        side: Side,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Self, &mut Context<'_>) -> Poll<V>,
    ) -> Poll<V> {
        if !self.tasks.is_alone(side) {
            return self.poll_beside(side, cx, poll);
        }
        let polled = poll(self, cx);
        self.tasks.end(side, cx.waker(), polled.is_pending());
        polled
    }

    /// As [`poll_as`](Self::poll_as), while the other side waits too.
    #[inline(never)]
    fn poll_beside<V>(
        &mut self,
        side: Side,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Self, &mut Context<'_>) -> Poll<V>,
    ) -> Poll<V> {
        let writer_waits = side == Side::Read && self.tasks.is_waiting(Side::Write);
        let before = writer_waits.then(|| self.progress());
        let polled = match self.tasks.begin(side, cx.waker()) {
            None => poll(self, cx),
            Some(waker) => poll(self, &mut Context::from_waker(&waker)),
        };
        self.tasks.end(side, cx.waker(), polled.is_pending());
        if before.is_some_and(|before| before != self.progress()) {
            self.tasks.wake(Side::Write);
        }
        polled
    }

    /// What somebody who writes may be waiting for.
    fn progress(&self) -> (bool, usize, bool, bool) {
        let (queued, is_over) = (self.driver.pending_bytes(), self.driver.is_over());
        (self.can_send(), queued, self.needs_flush, is_over)
    }

    /// Why the connection has ended, once; `None` after a closing handshake.
    fn report(&mut self) -> Option<Error> {
        if self.is_reported {
            return None;
        }
        let failure = self.failure();
        self.is_reported = failure.is_some();
        failure
    }

    fn failure(&self) -> Option<Error> {
        let failure = self.driver.failure()?;
        Some(Error::of(failure, self.error.as_ref()))
    }
}

/// The driver of a connection whose handshake was made elsewhere.
pub(crate) fn driver(role: Role, negotiated: Negotiated, options: &Options) -> Driver {
    let config = *options.get_config();
    let driver = ws_proto::WebSocket::with_role(negotiated, config, role);
    options.apply(driver).sharing()
}

impl<T> std::fmt::Debug for Core<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebSocket")
            .field("driver", &self.driver)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}
