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

use crate::alarm::Alarm;
use crate::error::{Error, TrySendError};
use crate::io::Io;
use crate::lane::{Ask, Lane, Lent, Owned, Received, look};
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
    /// Whom the stream's timer wakes, and when.
    timer: Option<(Arc<Alarm>, Instant)>,
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

/// What comes next, once all is done that the driver has asked for.
enum Then {
    /// To look for something in what the driver has kept.
    Look,
    /// The same after a try to write that has to wait.
    LookUnwritten,
    Read,
    Wait,
    /// Nothing more will be received.
    End,
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
        self.poll_lane(cx, &mut Owned { want, take })
    }

    #[inline]
    fn poll_lane<V, L: Lane<V>>(
        &mut self,
        cx: &mut Context<'_>,
        lane: &mut L,
    ) -> Poll<Option<Result<V, Error>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        // What is there, or comes with one read, is taken on its own, before anything else: nearly all
        // messages end here, and stay where they are made (`tokio/send/32/alone` and
        // `tokio/feed/32/burst` in `benches/shells`).
        let found = match lane.kept(&mut self.driver) {
            Err(Ask::Read) if self.is_quiet(cx) => {
                self.tasks.end(Side::Read, cx.waker(), false);
                self.read(cx, lane)
            }
            found => found,
        };
        match found {
            Ok(received) => {
                self.is_reader_busy = true;
                Poll::Ready(Some(Ok(received)))
            }
            Err(Ask::Wait) if self.rests(cx) => Poll::Pending,
            Err(ask) => self.poll_lane_from(cx, ask, lane),
        }
    }

    /// Whether the reader only has to wait for the stream.
    #[inline(never)]
    fn rests(&mut self, cx: &Context<'_>) -> bool {
        let rests = self.tasks.is_alone(Side::Read) && self.is_timed(cx);
        if rests {
            self.reads = 0;
            self.tasks.end(Side::Read, cx.waker(), true);
        }
        rests
    }

    /// Whether nothing has to be done before the next read, but to write what waits.
    #[inline]
    fn is_quiet(&mut self, cx: &mut Context<'_>) -> bool {
        self.tasks.is_alone(Side::Read)
            && self.reads < READS - 1
            && self.write(cx).is_ready()
            && !self.driver.is_over()
    }

    #[inline(never)]
    fn poll_lane_from<V, L: Lane<V>>(
        &mut self,
        cx: &mut Context<'_>,
        ask: Ask,
        lane: &mut L,
    ) -> Poll<Option<Result<V, Error>>> {
        if ask == Ask::End && !std::mem::replace(&mut self.has_found_end, true) {
            // Found in what was kept, which a writer that waits has not seen. Once: a writer that waits at the
            // end wakes the reader, and they would go on for ever.
            self.tasks.wake(Side::Write);
        }
        let received = self.poll_as(Side::Read, cx, |core, cx| core.drive(cx, ask, lane));
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
        let batch = self.batch.take();
        let polled = self.poll_lane(cx, &mut Lent(batch));
        if polled.is_pending() {
            // It goes on from there: else the first batch after each wait would be empty
            // (`tokio/batch/32/alone` in `benches/shells`).
            self.batch = batch;
        }
        polled
    }

    /// The next message of a batch.
    #[inline]
    pub(crate) fn next_of_batch(
        &mut self,
    ) -> Option<(ws_proto::Message<'_>, Sender<'_, Role, Bytes>)> {
        if self.driver.sender().room() == 0 {
            self.batch = Some(Ask::Write);
            return None;
        }
        let Self { driver, batch, .. } = self;
        let whole = |_: &mut _, message, sender| Some((message, sender));
        driver.poll_next_with(Want::Message, batch, whole, |batch, next| match next {
            Ok(Next::Received(Found::Message(message, sender))) => Some((message, sender)),
            other => {
                *batch = look(other, &mut |_| None::<()>).err();
                None
            }
        })
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
    #[inline]
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.is_ready() {
            return Poll::Ready(Ok(()));
        }
        self.poll_room(cx)
    }

    #[inline(never)]
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
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
    #[cold]
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

    #[inline(never)]
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
        self.sent(sent)
    }

    #[inline]
    fn sent(&self, sent: Result<(), SendError>) -> Result<(), Error> {
        match sent {
            Ok(()) => Ok(()),
            Err(SendError::Closed) => Err(self.send_error()),
            Err(error) => Err(Error::Send(error)),
        }
    }

    /// Waits until there is room, then queues what `item` has.
    #[inline(always)]
    pub(crate) fn poll_queue(
        &mut self,
        cx: &mut Context<'_>,
        item: &mut Option<Outgo<'_>>,
    ) -> Poll<Result<(), Error>> {
        let Some(queued) = item else {
            return Poll::Ready(Ok(()));
        };
        ready!(self.poll_ready(cx))?;
        if let Outgo::Message(message) = queued {
            // Where it lies, and dropped there: nearly all that is sent is short
            // (`tokio/feed/32/burst` in `benches/shells`).
            let mut sender = self.driver.sender();
            if sender.copies_payload(message.len()) {
                let sent = sender.send(message.as_lent());
                *item = None;
                return Poll::Ready(self.sent(sent));
            }
        }
        Poll::Ready(item.take().map_or(Ok(()), |item| self.put(item)))
    }

    /// Waits until what `item` has is queued and written.
    #[inline(always)]
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
        let is_alone = self.tasks.is_alone(Side::Write);
        if is_alone && self.write(cx).is_ready() && reads_on && self.can_send() {
            self.tasks.end(Side::Write, cx.waker(), false);
            return Poll::Ready(Ok(()));
        }
        self.poll_written_on(cx, reads_on, is_alone)
    }

    #[inline(never)]
    fn poll_written_on(
        &mut self,
        cx: &mut Context<'_>,
        reads_on: bool,
        is_tried: bool,
    ) -> Poll<Result<(), Error>> {
        self.poll_as(Side::Write, cx, |core, cx| {
            if !is_tried && core.write(cx).is_ready() && reads_on && core.can_send() {
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
        let _ = self.drive(cx, Ask::Again, &mut Owned { want, take });
    }

    /// Does what the driver asks for, `ask` first, until something is received, or the stream has to be
    /// waited for. `None`: nothing more will be received.
    fn drive<V, L: Lane<V>>(
        &mut self,
        cx: &mut Context<'_>,
        mut ask: Ask,
        lane: &mut L,
    ) -> Poll<Option<V>> {
        let mut reads = 0;
        loop {
            let found = match self.follow(cx, ask, lane.is_idle(), &mut reads) {
                Then::Look => lane.kept(&mut self.driver),
                Then::LookUnwritten => match lane.kept(&mut self.driver) {
                    Err(Ask::Write) => Err(Ask::Wait),
                    found => found,
                },
                Then::Read => self.read(cx, lane),
                Then::Wait => return Poll::Pending,
                Then::End => return Poll::Ready(None),
            };
            match found {
                Ok(received) => return Poll::Ready(Some(received)),
                Err(next) => ask = next,
            }
        }
    }

    /// Does what the driver asks for, but for reading.
    fn follow(&mut self, cx: &mut Context<'_>, ask: Ask, is_idle: bool, reads: &mut u8) -> Then {
        match ask {
            Ask::Again => Then::Look,
            Ask::Write if self.write(cx).is_pending() => Then::LookUnwritten,
            Ask::Write => Then::Look,
            Ask::Read => {
                let _ = self.write(cx);
                if self.driver.is_over() {
                    self.follow_end(cx, is_idle, reads)
                } else {
                    self.before_read(cx, reads)
                }
            }
            Ask::Untaken => {
                let _ = self.write(cx);
                self.tasks.wake(Side::Read);
                self.wait(cx)
            }
            Ask::Yield => self.give_way(cx),
            Ask::Wait => self.wait(cx),
            Ask::End => self.follow_end(cx, is_idle, reads),
        }
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Then {
        if self.driver.is_over() {
            Then::End
        } else if self.keep_time(cx) {
            Then::Look
        } else {
            Then::Wait
        }
    }

    /// Others get their turn.
    #[cold]
    fn give_way(&mut self, cx: &mut Context<'_>) -> Then {
        let _ = self.write(cx);
        cx.waker().wake_by_ref();
        Then::Wait
    }

    /// Bounds the reads of one poll, and those between two looks at the clock.
    fn before_read(&mut self, cx: &mut Context<'_>, reads: &mut u8) -> Then {
        if *reads == READS {
            return self.give_way(cx);
        }
        *reads += 1;
        if self.reads >= READS - 1 && self.keep_time(cx) {
            return Then::Look;
        }
        Then::Read
    }

    #[cold]
    fn follow_end(&mut self, cx: &mut Context<'_>, is_idle: bool, reads: &mut u8) -> Then {
        if is_idle {
            self.tasks.wake(Side::Read);
        }
        self.wind_up(cx);
        let is_open = self.driver.transport() == Transport::Open;
        if self.driver.is_over() || (is_open && !is_idle) {
            Then::End
        } else if self.driver.wants_read() {
            self.before_read(cx, reads)
        } else {
            self.wait(cx)
        }
    }

    /// Reads once, and looks for something in that.
    #[inline(always)]
    fn read<V, L: Lane<V>>(&mut self, cx: &mut Context<'_>, lane: &mut L) -> Result<V, Ask> {
        self.reads += 1;
        match lane.read(&mut self.io, &mut self.driver, cx) {
            Poll::Pending => Err(Ask::Wait),
            Poll::Ready(Ok(Some(found))) => found,
            Poll::Ready(end) => {
                self.end_input(end.err());
                Err(Ask::Again)
            }
        }
    }

    /// The input has ended, or reading has failed.
    #[cold]
    fn end_input(&mut self, error: Option<io::Error>) {
        let Some(error) = error else {
            let _ = self.driver.receive_eof();
            return;
        };
        self.error.get_or_insert_with(|| Arc::new(error));
        self.is_broken = true;
        self.driver.read_failed();
    }

    /// Writes what waits. Ready if all of it is written and flushed, or nothing can be written.
    #[inline]
    fn write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_written() {
            return Poll::Ready(());
        }
        self.write_out(cx)
    }

    #[inline(never)]
    fn write_out(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let first = self.driver.pending();
            if first.is_empty() {
                break;
            }
            let all = self.driver.pending_bytes();
            let written = if first.len() == all {
                self.io.poll_write(cx, &[IoSlice::new(first)])
            } else {
                gather(&mut self.io, &self.driver, cx)
            };
            match ready!(written) {
                Ok(0) => return self.write_failed(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    let is_rest = n < all;
                    self.driver.consume(n);
                    self.written += n as u64;
                    self.needs_flush = true;
                    if !is_rest {
                        break;
                    }
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

    /// Sees to it that the timer wakes the task when something is due. Whether a timer has ended, so that
    /// there is something to do.
    #[inline]
    fn keep_time(&mut self, cx: &mut Context<'_>) -> bool {
        self.reads = 0;
        !self.is_timed(cx) && self.set_time(cx)
    }

    /// Whether the timer that is set wakes the task early enough. Most waits of a busy connection end here:
    /// without it `tokio/send/32/alone` in `benches/shells` takes 10 % more, for the clock and for `tick`.
    #[inline]
    fn is_timed(&self, cx: &Context<'_>) -> bool {
        let is_set = |(alarm, _): &(Arc<Alarm>, _)| alarm.will_wake(cx.waker());
        self.driver.tick_can_wait() && self.timer.as_ref().is_none_or(is_set)
    }

    /// Sets the driver's time, and the timer to its deadline.
    #[inline(never)]
    fn set_time(&mut self, cx: &mut Context<'_>) -> bool {
        loop {
            let now = self.io.now();
            let queued = self.driver.pending_bytes();
            let deadline = match self.driver.tick_lazily(now) {
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
            let is_set = |(alarm, ends): &(Arc<Alarm>, Instant)| {
                now < *ends && *ends <= deadline && alarm.will_wake(cx.waker())
            };
            if self.timer.as_ref().is_some_and(is_set) {
                return false;
            }
            let alarm = Arc::new(Alarm::new(cx.waker()));
            let waker = Waker::from(Arc::clone(&alarm));
            self.timer = Some((alarm, deadline));
            if self
                .io
                .poll_until(&mut Context::from_waker(&waker), deadline)
                .is_pending()
            {
                return false;
            }
        }
    }
}

#[inline(never)]
fn gather<T: Io>(io: &mut T, driver: &Driver, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
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
