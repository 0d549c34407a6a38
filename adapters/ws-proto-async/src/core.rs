//! The connection over a stream: what both halves work on. All decisions are those of
//! [`ws_proto::WebSocket`]; this does what it asks for.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use ws_proto::socket::{Next, Received as Found, Want};
use ws_proto::{
    CloseCode, CloseReason, ControlPayload, EitherRole, Fin, Instant, Negotiated, OsRandom,
    SendError, Sender, TimedOut, Transport,
};

use crate::error::{Error, TrySendError};
use crate::io::Io;
use crate::lane::{Lane, Lent, Owned, Received, Step, step};
use crate::message::{Closed, Event, Message, Piece, PreparedMessage};
use crate::tasks::{Side, Tasks};
use ws_proto::opening::Options;

pub(crate) type Role = EitherRole<Box<OsRandom>>;
pub(crate) type Driver = ws_proto::WebSocket<Role, Bytes>;

/// After so many reads the time is looked at though the stream always has more, and others get their turn.
const READS: u8 = 32;

/// How many bytes wait for more before they are written.
const TOGETHER: usize = 16 * 1024;

/// How many slices one write gathers.
const SLICES: usize = 16;

pub(crate) struct Core<T> {
    io: T,
    pub(crate) driver: Driver,
    tasks: Tasks,
    timer: Option<Timer>,
    /// Why reading or writing has failed.
    error: Option<Arc<io::Error>>,
    /// Writing has failed, or will not be done any more: what was queued is lost.
    is_broken: bool,
    /// Something was written since the last flush.
    needs_flush: bool,
    /// How many bytes the stream has taken.
    written: u64,
    /// How many reads there were since the time was looked at.
    reads: u8,
    /// What the last batch ended with; `None` if there may be more in what was read.
    batch: Option<Step<()>>,
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

/// A deadline that the stream's timer waits for, and whom it wakes.
struct Timer {
    deadline: Instant,
    waker: Waker,
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
            written: 0,
            reads: 0,
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

    #[cfg(feature = "deflate")]
    pub(crate) fn map_driver(self, map: impl FnOnce(Driver) -> Driver) -> Self {
        Self {
            driver: map(self.driver),
            ..self
        }
    }

    pub(crate) const fn io(&self) -> &T {
        &self.io
    }

    pub(crate) const fn io_mut(&mut self) -> &mut T {
        &mut self.io
    }

    pub(crate) fn into_io(self) -> T {
        self.io
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

    // Receiving.

    #[inline]
    pub(crate) fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Message, Error>>> {
        self.poll_receive(cx, Want::Message, |received| match received {
            Found::Message(message, _) => Some(message.into()),
            _ => None,
        })
    }

    pub(crate) fn poll_event(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Event, Error>>> {
        let polled = self.poll_receive(cx, Want::Event, |received| match received {
            Found::Message(message, _) => Some(Event::Message(message.into())),
            Found::Ping(payload) => Some(Event::Ping(Bytes::copy_from_slice(payload))),
            Found::Pong(payload) => Some(Event::Pong(Bytes::copy_from_slice(payload))),
            Found::Close(code, reason) => Some(Event::Close(Closed::new(code, reason))),
            _ => None,
        });
        if matches!(polled, Poll::Ready(Some(Ok(Event::Close(_))))) {
            // Nothing can be sent any more, and a writer that waits has not seen that.
            self.tasks.wake(Side::Write);
        }
        polled
    }

    pub(crate) fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Piece, Error>>> {
        self.poll_receive(cx, Want::Piece, |received| match received {
            Found::Piece(piece, _) => Some(piece.into()),
            _ => None,
        })
    }

    #[inline]
    fn poll_receive<V>(
        &mut self,
        cx: &mut Context<'_>,
        want: Want,
        take: impl FnMut(Received<'_>) -> Option<V>,
    ) -> Poll<Option<Result<V, Error>>> {
        self.batch = None;
        let mut lane = Owned { want, take };
        match lane.kept(&mut self.driver) {
            // On its own, before anything else: of a burst most messages end here
            // (`tokio/feed/32/burst` in `benches/shells`).
            Step::Received(received) if !self.has_ended => {
                self.is_reader_busy = true;
                Poll::Ready(Some(Ok(received)))
            }
            step => self.poll_receive_from(cx, step, &mut lane),
        }
    }

    #[inline(never)]
    fn poll_receive_from<V, L: Lane<V>>(
        &mut self,
        cx: &mut Context<'_>,
        step: Step<V>,
        lane: &mut L,
    ) -> Poll<Option<Result<V, Error>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        if matches!(step, Step::End) && !std::mem::replace(&mut self.has_found_end, true) {
            // Found in what was kept, which a writer that waits has not seen. Once: a writer that waits at the
            // end wakes the reader, and they would go on for ever.
            self.tasks.wake(Side::Write);
        }
        let received = self.poll_as(Side::Read, cx, |core, cx| core.drive(cx, step, lane));
        Poll::Ready(match ready!(received) {
            Some(received) => {
                self.is_reader_busy = true;
                Some(Ok(received))
            }
            None => self.end_receiving(),
        })
    }

    /// Ready when there is something to look for in what was read.
    pub(crate) fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(), Error>>> {
        let mut batch = self.batch.take();
        let mut lane = Lent(&mut batch);
        let step = lane.kept(&mut self.driver);
        self.poll_receive_from(cx, step, &mut lane)
    }

    /// The next message of a batch.
    #[inline]
    pub(crate) fn next_of_batch(
        &mut self,
    ) -> Option<(ws_proto::Message<'_>, Sender<'_, Role, Bytes>)> {
        if self.driver.sender().room() == 0 {
            self.batch = Some(Step::Write);
            return None;
        }
        match self.driver.poll_next(Want::Message) {
            Ok(Next::Received(Found::Message(message, sender))) => Some((message, sender)),
            other => {
                self.batch = Some(step(other, &mut |_| None));
                None
            }
        }
    }

    #[cold]
    fn end_receiving<V>(&mut self) -> Option<Result<V, Error>> {
        self.has_ended = true;
        self.report().map(Err)
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

    // Sending.

    /// Whether a message may be queued.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.is_ready() {
            return Poll::Ready(Ok(()));
        }
        self.poll_as(Side::Write, cx, |core, cx| {
            let _ = core.write(cx);
            if !core.can_send() || !core.has_room() {
                core.idle(cx);
            }
            if !core.can_send() {
                Poll::Ready(Err(core.send_error()))
            } else if core.has_room() {
                Poll::Ready(Ok(()))
            } else {
                Poll::Pending
            }
        })
    }

    /// Whether a message may be queued at once, and nothing has to be written before.
    #[inline]
    pub(crate) fn is_ready(&mut self) -> bool {
        self.driver.pending_bytes() < TOGETHER && self.driver.sender().can_send()
    }

    fn has_room(&mut self) -> bool {
        self.driver.sender().room() > 0
    }

    fn can_send(&self) -> bool {
        self.driver.connection().can_send()
    }

    /// What is said to who sends on a connection that has ended.
    fn send_error(&self) -> Error {
        self.failure().unwrap_or(Error::Send(SendError::Closed))
    }

    /// Queues a message at once.
    pub(crate) fn queue(&mut self, message: Message) -> Result<(), Error> {
        self.put(Outgo::Message(message))
    }

    pub(crate) fn try_send(&mut self, message: Message) -> Result<(), TrySendError> {
        if !self.can_send() {
            Err(TrySendError::Closed(message))
        } else if !self.has_room() {
            Err(TrySendError::Full(message))
        } else {
            let sent = send_whole(&mut self.driver.sender(), message);
            sent.map_err(TrySendError::Send)
        }
    }

    #[inline]
    pub(crate) fn put(&mut self, item: Outgo<'_>) -> Result<(), Error> {
        let mut sender = self.driver.sender();
        let sent = match item {
            Outgo::Message(message) => send_whole(&mut sender, message),
            #[cfg(feature = "deflate")]
            Outgo::Uncompressed(message) => send_whole(&mut sender.uncompressed(), message),
            Outgo::Prepared(message) => sender.send_prepared(message),
            Outgo::Part(Message::Text(text), fin) => sender.send_text_part_shared(text, fin),
            Outgo::Part(Message::Binary(data), fin) => sender.send_binary_part_shared(data, fin),
            Outgo::Ping(payload) => sender.ping(payload),
            Outgo::Pong(payload) => sender.pong(payload),
        };
        sent.map_err(|error| match error {
            SendError::Closed => self.send_error(),
            error => Error::Send(error),
        })
    }

    /// Waits until there is room, then queues what `item` has.
    #[inline]
    pub(crate) fn poll_queue(
        &mut self,
        cx: &mut Context<'_>,
        item: &mut Option<Outgo<'_>>,
    ) -> Poll<Result<(), Error>> {
        if item.is_none() {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_ready(cx))?;
        Poll::Ready(item.take().map_or(Ok(()), |item| self.put(item)))
    }

    /// Waits until what `item` has is queued and written.
    #[inline]
    pub(crate) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        item: &mut Option<Outgo<'_>>,
    ) -> Poll<Result<(), Error>> {
        ready!(self.poll_queue(cx, item))?;
        let reads_on = std::mem::take(&mut self.is_reader_busy);
        self.poll_written(cx, reads_on)
    }

    /// Whether all that was queued has been handed to the stream, and flushed there; the answer to a Ping
    /// that has been read among it.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let reads_on = std::mem::take(&mut self.is_reader_busy) && self.driver.wants_read();
        self.poll_written(cx, reads_on)
    }

    /// Whether all is written. Who answers what it has received `reads_on` after that: once, the reading is
    /// left to it.
    #[inline]
    fn poll_written(&mut self, cx: &mut Context<'_>, reads_on: bool) -> Poll<Result<(), Error>> {
        self.poll_as(Side::Write, cx, |core, cx| {
            let written = core.write(cx);
            if written.is_ready() && reads_on && core.can_send() {
                return Poll::Ready(Ok(()));
            }
            core.idle(cx);
            if core.has_lost() {
                Poll::Ready(Err(core.send_error()))
            } else if core.is_written() {
                Poll::Ready(Ok(()))
            } else {
                Poll::Pending
            }
        })
    }

    fn is_written(&self) -> bool {
        self.driver.pending_bytes() == 0 && !self.needs_flush
    }

    /// Whether what was queued is lost.
    fn has_lost(&self) -> bool {
        self.is_broken || (self.driver.is_over() && !self.is_written())
    }

    /// Queues our Close, if there is none yet.
    pub(crate) fn start_close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        let reason = CloseReason::truncated(reason);
        match self.driver.sender().close(code, reason) {
            Ok(()) | Err(SendError::Closed) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until our Close is written.
    pub(crate) fn poll_close_written(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match ready!(self.poll_flush(cx)) {
            // Whoever closes need not know that it was closed already.
            Err(error) if error.is_closed() => Poll::Ready(Ok(())),
            written => Poll::Ready(written),
        }
    }

    /// Waits for the end of the closing handshake and of the stream. What comes is dropped.
    pub(crate) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_as(Side::Write, cx, |core, cx| {
            core.driver.discard();
            core.idle(cx);
            if !core.driver.is_over() {
                return Poll::Pending;
            }
            Poll::Ready(core.report().map_or(Ok(()), Err))
        })
    }

    // The work.

    /// Reads as far as there is use for it while the caller only sends.
    fn idle(&mut self, cx: &mut Context<'_>) {
        if self.is_reader_gone {
            self.driver.discard();
        }
        self.batch = None;
        let (want, take) = (Want::Nothing, |_: Received<'_>| None::<()>);
        let _ = self.drive(cx, Step::Again, &mut Owned { want, take });
    }

    /// Goes on from `step`: does what the driver asks for until something is received, or the stream has to be waited for.
    /// `None`: nothing more will be received.
    fn drive<V, L: Lane<V>>(
        &mut self,
        cx: &mut Context<'_>,
        mut step: Step<V>,
        lane: &mut L,
    ) -> Poll<Option<V>> {
        let mut reads = 0;
        loop {
            step = match step {
                Step::Received(received) => return Poll::Ready(Some(received)),
                Step::Again => lane.kept(&mut self.driver),
                Step::Write => {
                    let written = self.write(cx);
                    match lane.kept(&mut self.driver) {
                        Step::Write if written.is_pending() => Step::Wait,
                        next => next,
                    }
                }
                Step::Read => {
                    let _ = self.write(cx);
                    self.read(cx, lane, &mut reads)
                }
                Step::Yield => {
                    let _ = self.write(cx);
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Step::Untaken => {
                    let _ = self.write(cx);
                    self.tasks.wake(Side::Read);
                    Step::Wait
                }
                Step::Wait if self.driver.is_over() => return Poll::Ready(None),
                Step::Wait if self.keep_time(cx) => Step::Again,
                Step::Wait => return Poll::Pending,
                Step::End => {
                    if lane.is_idle() {
                        self.tasks.wake(Side::Read);
                    }
                    self.wind_up(cx);
                    let is_open = self.driver.transport() == Transport::Open;
                    if self.driver.is_over() || (is_open && !lane.is_idle()) {
                        return Poll::Ready(None);
                    }
                    if self.driver.wants_read() {
                        self.read(cx, lane, &mut reads)
                    } else {
                        Step::Wait
                    }
                }
            }
        }
    }

    #[inline]
    fn read<V, L: Lane<V>>(
        &mut self,
        cx: &mut Context<'_>,
        lane: &mut L,
        reads: &mut u8,
    ) -> Step<V> {
        if self.driver.is_over() {
            return Step::End;
        }
        if *reads == READS {
            return Step::Yield;
        }
        *reads += 1;
        self.reads += 1;
        if self.reads >= READS && self.keep_time(cx) {
            return Step::Again;
        }
        match lane.read(&mut self.io, &mut self.driver, cx) {
            Poll::Pending => Step::Wait,
            Poll::Ready(Ok(Some(step))) => step,
            Poll::Ready(Ok(None)) => {
                let _ = self.driver.receive_eof();
                Step::Again
            }
            Poll::Ready(Err(error)) => {
                self.error.get_or_insert_with(|| Arc::new(error));
                self.is_broken = true;
                self.driver.read_failed();
                Step::Again
            }
        }
    }

    /// Writes what waits. Ready if all of it is written and flushed, or nothing can be written.
    #[inline]
    fn write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_written() {
            return Poll::Ready(());
        }
        self.write_out(cx)
    }

    fn write_out(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.driver.pending_bytes() > 0 {
            match ready!(write_once(&mut self.io, &self.driver, cx)) {
                Ok(0) => return self.write_failed(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    self.driver.consume(n);
                    self.written += n as u64;
                    self.needs_flush = true;
                }
                Err(error) => return self.write_failed(error),
            }
        }
        // Not while something waits to be written: a stream that keeps one waker for both, as those of
        // `async-net` do, forgets who waits for room when a flush succeeds.
        if self.needs_flush {
            match ready!(self.io.poll_flush(cx)) {
                Ok(()) => self.needs_flush = false,
                Err(error) => return self.write_failed(error),
            }
        }
        Poll::Ready(())
    }

    #[cold]
    fn write_failed(&mut self, error: io::Error) -> Poll<()> {
        self.error.get_or_insert_with(|| Arc::new(error));
        self.is_broken = true;
        self.needs_flush = false;
        self.driver.write_failed();
        Poll::Ready(())
    }

    /// Goes on towards the end: writes out and ends the writing side.
    #[cold]
    fn wind_up(&mut self, cx: &mut Context<'_>) {
        let written = self.write(cx);
        if written.is_ready()
            && self.driver.wants_half_close()
            && self.io.poll_shutdown(cx).is_ready()
        {
            self.driver.half_closed();
        }
    }

    /// Sets the driver's time, and the timer to its deadline. Whether a timer has ended, so that there is
    /// something to do.
    fn keep_time(&mut self, cx: &mut Context<'_>) -> bool {
        self.reads = 0;
        loop {
            let now = self.io.now();
            let queued = self.driver.pending_bytes();
            let deadline = match self.driver.tick(now) {
                Ok(deadline) => deadline,
                Err(error) => {
                    self.is_broken |= error == TimedOut::Write;
                    return true;
                }
            };
            if self.driver.pending_bytes() > queued {
                let _ = self.write(cx);
            }
            let Some(deadline) = deadline else {
                return false;
            };
            // A timer that ends too early is left alone: keepalive moves the deadline with every read.
            let is_set = self.timer.as_ref().is_some_and(|timer| {
                now < timer.deadline
                    && timer.deadline <= deadline
                    && timer.waker.will_wake(cx.waker())
            });
            if is_set {
                return false;
            }
            if self.io.poll_until(cx, deadline).is_pending() {
                let waker = cx.waker().clone();
                self.timer = Some(Timer { deadline, waker });
                return false;
            }
        }
    }
}

#[inline]
fn write_once<T: Io>(io: &mut T, driver: &Driver, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    let first = driver.pending();
    if first.len() == driver.pending_bytes() {
        return io.poll_write(cx, &[IoSlice::new(first)]);
    }
    let mut slices = [IoSlice::new(&[]); SLICES];
    let mut count = 0;
    for (slice, bytes) in slices.iter_mut().zip(driver.pending_slices()) {
        *slice = IoSlice::new(bytes);
        count += 1;
    }
    io.poll_write(cx, slices.get(..count).unwrap_or_default())
}

#[inline]
fn send_whole(sender: &mut Sender<'_, Role, Bytes>, message: Message) -> Result<(), SendError> {
    match message {
        Message::Text(text) => sender.send_text_shared(text),
        Message::Binary(data) => sender.send_binary_shared(data),
    }
}

/// The driver of a connection whose handshake was made elsewhere.
pub(crate) fn driver(role: Role, negotiated: Negotiated, options: &Options) -> Driver {
    let config = *options.get_config();
    let driver = ws_proto::WebSocket::with_role(negotiated, config, role);
    options.apply(driver).sharing()
}

/// Something to queue.
#[derive(Debug)]
pub(crate) enum Outgo<'p> {
    Message(Message),
    #[cfg(feature = "deflate")]
    Uncompressed(Message),
    Prepared(&'p PreparedMessage),
    Part(Message, Fin),
    Ping(ControlPayload<'p>),
    Pong(ControlPayload<'p>),
}

impl<T> std::fmt::Debug for Core<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebSocket")
            .field("driver", &self.driver)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}
