//! How a connection ends: the last steps with the transport, and how long they may take.

use core::time::Duration;

use super::{Failure, RETAINED, WebSocket};
use crate::connection::Role;
use crate::error::{TimedOut, UnexpectedEof};
use crate::time::Instant;
use crate::transport::Transport;

/// How many bytes are read and dropped at the end, so that the peer can read our last bytes.
const MAX_LINGER: usize = 4 << 20;

/// The longest stall and linger times: what fits into four bytes.
const MAX_MILLIS: u128 = u32::MAX as u128;

#[derive(Debug)]
pub(super) struct Ending {
    /// When the time for the current step ends.
    deadline: Instant,
    waiting: Waiting,
    has_half_closed: bool,
    /// Nothing more comes: the input has ended, or reading has failed.
    has_ended: bool,
    is_over: bool,
    /// Without a closing handshake the peer is given the time to read our last bytes.
    lingers: bool,
    /// Something has begun or ended since the time was set, beside bytes that came.
    needs_tick: bool,
    /// The state of the transport when the time was last set: each has timers of its own.
    ticked: Transport,
    /// The last deadline is early enough for bytes that come not to move it.
    is_early: bool,
    lingered: u32,
    linger_millis: u32,
    stall_millis: u32,
    cause: Option<Cause>,
    /// Why the input has ended, if something was before its end that nobody had asked for.
    end: Option<Cause>,
    /// How often bytes have come since the time was last set; 255 if it was not set yet.
    reads: u8,
    /// The first error of the transport.
    #[cfg(feature = "std")]
    error: Option<alloc::boxed::Box<std::io::Error>>,
}

/// Why it ends: a [`Failure`] without the error of the peer, in two bytes, since a connection has to stay small.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cause {
    Eof,
    Read,
    TimedOut(TimedOut),
    Write,
}

impl Cause {
    const fn failure(self) -> Failure {
        match self {
            Self::Eof => Failure::Eof(UnexpectedEof),
            Self::Read => Failure::Read,
            Self::TimedOut(error) => Failure::TimedOut(error),
            Self::Write => Failure::Write,
        }
    }
}

/// Waits besides those of the connection itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    Nothing,
    /// For the transport to take some of the output.
    Write,
    /// For the end.
    Linger,
}

impl Ending {
    /// With `linger_millis` for the end.
    pub(super) const fn new(linger_millis: u32) -> Self {
        Self {
            deadline: Instant::END,
            waiting: Waiting::Nothing,
            has_half_closed: false,
            has_ended: false,
            is_over: false,
            lingers: false,
            needs_tick: true,
            ticked: Transport::Open,
            is_early: false,
            lingered: 0,
            linger_millis,
            stall_millis: 60_000,
            cause: None,
            end: None,
            reads: u8::MAX,
            #[cfg(feature = "std")]
            error: None,
        }
    }

    #[cfg(feature = "std")]
    fn keep_error(&mut self, error: std::io::Error) {
        self.error
            .get_or_insert_with(|| alloc::boxed::Box::new(error));
    }

    /// The first time itself, and then another of its kind.
    #[cfg(feature = "std")]
    fn error(&mut self) -> std::io::Error {
        let kind = self.error.as_ref().map(|error| error.kind());
        let kind = kind.unwrap_or(std::io::ErrorKind::BrokenPipe);
        let again = alloc::boxed::Box::new(kind.into());
        self.error
            .replace(again)
            .map_or(kind.into(), |error| *error)
    }

    pub(super) fn set_linger_time(&mut self, time: Duration) {
        self.linger_millis = time.as_millis().min(MAX_MILLIS) as u32;
    }

    pub(super) fn set_stall_time(&mut self, time: Duration) {
        self.stall_millis = time.as_millis().min(MAX_MILLIS) as u32;
    }

    /// The first failure stays.
    fn fail(&mut self, cause: Cause) {
        self.cause.get_or_insert(cause);
    }

    /// Bytes that came after everything that is of use.
    pub(super) fn drop_bytes(&mut self, n: usize) {
        self.lingered = self.lingered.saturating_add(n.min(MAX_LINGER) as u32);
        self.is_over |= self.lingered as usize >= MAX_LINGER;
    }

    /// Whether nothing has ended reading.
    #[inline]
    pub(super) const fn reads_on(&self) -> bool {
        !self.has_ended && !self.is_over
    }

    pub(super) const fn set_lingers(&mut self, lingers: bool) {
        self.lingers = lingers;
    }

    /// Reads on after the output.
    pub(super) const fn linger(&mut self) {
        self.lingers = true;
    }

    pub(super) const fn note_input(&mut self) {
        self.reads = self.reads.saturating_add(1);
    }
}

impl<R: Role, B: AsRef<[u8]>> WebSocket<R, B> {
    /// Sets the time, as [`Connection::tick`](crate::Connection::tick) does, and returns when to call again
    /// at the latest; `None` if no timer runs. Call it when the transport has nothing more to read, and once
    /// in a while if it always has. It queues a Ping or Close that is due.
    ///
    /// To the timers of the connection it adds two: output of which the transport takes nothing for the
    /// [stall time](Self::with_stall_time), and the steps [at the end](Self::with_linger_time).
    ///
    /// # Errors
    ///
    /// [`TimedOut`] when a timer has ended; the connection [is over](Self::is_over).
    pub fn tick(&mut self, now: Instant) -> Result<Option<Instant>, TimedOut> {
        let went = core::mem::take(&mut self.outbox.out.went);
        if went {
            self.inbox.retention.wrote();
        }
        let retained = self.inbox.retention.at_tick();
        self.inbox.release_over(retained);
        self.outbox.out.release_over(retained);
        self.ending.needs_tick = false;
        if !self.inbox.wants_read() {
            // What waits may be a Pong: a peer is not silent because nobody listens.
            self.outbox.connection.note_activity();
        }
        self.ending.reads = 0;

        let outbox = &mut self.outbox;
        outbox.out.was_blocked = !outbox.out.is_empty();
        let ticked = outbox.connection.tick(now, &mut outbox.out.closing());
        self.ending.ticked = outbox.connection.transport();
        if ticked.is_ok()
            && self.ending.waiting == Waiting::Nothing
            && outbox.out.is_empty()
            && !outbox.out.is_broken()
            && self.ending.ticked == Transport::Open
        {
            // Most calls end here: it waits for nothing of its own.
            return ticked;
        }
        self.tick_rest(ticked, now, went)
    }

    #[inline(never)]
    fn tick_rest(
        &mut self,
        ticked: Result<Option<Instant>, TimedOut>,
        now: Instant,
        went: bool,
    ) -> Result<Option<Instant>, TimedOut> {
        let ticked = match ticked {
            Ok(deadline) => self.tick_own(now, went).map(|own| match (own, deadline) {
                (Some(own), Some(deadline)) => Some(own.min(deadline)),
                (one, other) => one.or(other),
            }),
            Err(error) => Err(error),
        };
        if let Err(error) = ticked {
            self.ending.is_over = true;
            // After both Close frames nothing is missing.
            if !self.outbox.connection.is_close_exchanged() {
                self.fail(Cause::TimedOut(error));
            }
            if error == TimedOut::Write {
                self.outbox.out.break_off();
                self.outbox.connection.stop_sending();
            }
        }
        ticked
    }

    fn tick_own(&mut self, now: Instant, went: bool) -> Result<Option<Instant>, TimedOut> {
        let out = &self.outbox.out;
        let ending = &mut self.ending;
        let (waiting, millis) = if ending.is_over {
            (Waiting::Nothing, 0)
        } else if out.is_broken() || self.outbox.connection.transport() == Transport::Close {
            (Waiting::Linger, ending.linger_millis)
        } else if !out.is_empty() {
            (Waiting::Write, ending.stall_millis)
        } else {
            (Waiting::Nothing, 0)
        };
        // As the timers of the connection: what would end at the end of time starts again with every call.
        let restarts = ending.deadline == Instant::END;
        if waiting != ending.waiting || (waiting == Waiting::Write && went) || restarts {
            ending.waiting = waiting;
            ending.deadline = now.plus_millis(millis.into());
        } else if waiting != Waiting::Nothing && now >= ending.deadline {
            return Err(match waiting {
                Waiting::Write => TimedOut::Write,
                _ => TimedOut::Drain,
            });
        }
        let is_set = waiting != Waiting::Nothing && ending.deadline != Instant::END;
        Ok(is_set.then_some(ending.deadline))
    }

    /// As [`tick`](Self::tick), for a shell that calls it at the deadline, and until then only if
    /// [`tick_can_wait`](Self::tick_can_wait) says no. While much comes, such a shell does not look at the
    /// clock before each wait. The deadline is a quarter of the [keepalive](crate::Config::keepalive) away
    /// then, so that a Ping is sent that much too late at most.
    ///
    /// # Errors
    ///
    /// As [`tick`](Self::tick).
    ///
    /// ```
    /// use std::time::Duration;
    /// use ws_proto::{Config, Instant, Negotiated, WebSocket};
    ///
    /// let config = Config::new().keepalive(Some(Duration::from_secs(20)));
    /// let mut server = WebSocket::server(Negotiated::new(), config);
    /// let read = b"\x8a\x80\0\0\0\0"; // a Pong
    /// // The second comes soon after the first: the deadline is a quarter of 20 s away.
    /// for (millis, deadline) in [(0, 20_000), (10_000, 30_000), (10_100, 15_100)] {
    ///     drop(server.receive(&mut read.clone()));
    ///     # let _ = server.poll_next(ws_proto::socket::Want::Message);
    ///     assert!(!server.tick_can_wait());
    ///     let next = server.tick_lazily(Instant::from_millis(millis))?;
    ///     assert_eq!(next, Some(Instant::from_millis(deadline)));
    /// }
    /// drop(server.receive(&mut read.clone()));
    /// # let _ = server.poll_next(ws_proto::socket::Want::Message);
    /// assert!(server.tick_can_wait());
    /// # Ok::<(), ws_proto::TimedOut>(())
    /// ```
    pub fn tick_lazily(&mut self, now: Instant) -> Result<Option<Instant>, TimedOut> {
        let connection = &self.outbox.connection;
        let heard = connection.is_heard().then(|| connection.silence_ends());
        let deadline = self.tick(now)?;
        self.ending.is_early = false;
        let ends = self.outbox.connection.silence_ends();
        if let (Some(Some(before)), Some(ends)) = (heard, ends) {
            let left = ends.saturating_duration_since(now);
            // Not after a single message: who sends one from time to time would cost a look in vain after each.
            if ends.saturating_duration_since(before) < left / 8 {
                self.ending.is_early = true;
                return Ok(deadline.map(|deadline| deadline.min(now + left / 4)));
            }
        }
        Ok(deadline)
    }

    /// Whether [`tick_lazily`](Self::tick_lazily) can wait for the deadline that it has returned last: since
    /// then bytes have come at most, and those only put the keepalive off.
    #[inline]
    #[must_use]
    pub fn tick_can_wait(&self) -> bool {
        let Self { outbox, ending, .. } = self;
        !ending.needs_tick
            && ending.waiting == Waiting::Nothing
            && (ending.is_early || !outbox.connection.is_heard())
            && outbox.connection.waits_for_silence()
            && outbox.out.is_idle(RETAINED)
            && self.inbox.capacity() <= RETAINED
    }

    /// Whether [`tick`](Self::tick) has to be called before waiting for the transport without a limit: since
    /// the last call something has come or gone, or output waits; or there was no call. A timer that begins
    /// with that is not noticed before: the keepalive, those for a closing handshake, for output that waits,
    /// and for the end.
    #[must_use]
    pub fn needs_tick(&self) -> bool {
        let (out, ending) = (&self.outbox.out, &self.ending);
        let waits = ending.waiting != Waiting::Nothing || ending.is_over;
        ending.needs_tick
            || ending.reads > 0
            || out.went
            || ending.ticked != self.transport()
            || (!out.is_empty() && !waits)
    }

    /// How often bytes have come since the last [`tick`](Self::tick); 255 at most, and before the first one.
    #[cfg(feature = "std")]
    pub(crate) const fn reads_since_tick(&self) -> u8 {
        self.ending.reads
    }

    /// The end of the input: the peer sends nothing more. What was read before is still emitted, and the end
    /// counts when all of it has been asked for.
    ///
    /// # Errors
    ///
    /// [`UnexpectedEof`] unless the closing handshake was done. If something is left to ask for, it is `Ok`:
    /// the peer's Close may be in there. Then [`failure`](Self::failure) says so after that.
    pub fn receive_eof(&mut self) -> Result<(), UnexpectedEof> {
        if self.ends_later(Cause::Eof) {
            return Ok(());
        }
        let ended = self.outbox.connection.receive_eof();
        if let Err(error) = ended {
            if self.outbox.connection.is_close_received() {
                // Our own Close is missing, and the peer does not wait for it.
                return Err(error);
            }
            self.fail(Cause::Eof);
        }
        ended
    }

    /// Reading from the transport has failed: nothing more comes. After both Close frames that is the end
    /// that was waited for, whatever the transport calls it (a reset, TLS without close_notify); else it is
    /// a [failure](Self::failure). What was read before is still emitted, as by
    /// [`receive_eof`](Self::receive_eof).
    pub fn read_failed(&mut self) {
        if self.ends_later(Cause::Read) {
            return;
        }
        self.ending.is_over = true;
        let ended = self.outbox.connection.receive_eof();
        if ended.is_err() && !self.outbox.connection.is_close_received() {
            self.fail(Cause::Read);
        }
        self.outbox.out.break_off();
    }

    /// Notes that the input has ended. `true` if that is later: there is something left to ask for.
    fn ends_later(&mut self, cause: Cause) -> bool {
        self.ending.has_ended = true;
        self.ending.needs_tick = true;
        match &mut self.inbox.parts {
            Some(parts) if !parts.wants_read() && !self.outbox.is_input_ended() => {
                parts.messages.end_later(matches!(cause, Cause::Read));
                self.ending.end.get_or_insert(cause);
                true
            }
            _ => false,
        }
    }

    /// The first failure stays: an end of the input that counts by now was before this one.
    fn fail(&mut self, cause: Cause) {
        if !self.inbox.ends_later() && !self.outbox.connection.is_close_received() {
            if let Some(end) = self.ending.end {
                self.ending.fail(end);
            }
        }
        self.ending.fail(cause);
    }

    /// Whether a message has begun to come and not come to its end. With the peer's Close it never will.
    #[cfg(feature = "std")]
    pub(crate) fn is_message_unfinished(&self) -> bool {
        let parts = self.inbox.parts.as_ref();
        parts.is_some_and(|parts| parts.messages.is_open())
    }

    /// Writing to the transport has failed: queued output is dropped, and nothing can be sent any more.
    /// Reading goes on for the [linger time](Self::with_linger_time): the peer's last messages may lie
    /// there, and its Close that says why it does not read. It is a [failure](Self::failure) unless that
    /// Close comes.
    pub fn write_failed(&mut self) {
        self.outbox.out.break_off();
        self.outbox.connection.stop_sending();
        self.ending.needs_tick = true;
        self.fail(Cause::Write);
    }

    /// Why the connection has failed; `None` while it has not, and after a closing handshake. The first
    /// failure stays, but a failed write counts only if the peer's Close has not come.
    ///
    /// ```
    /// use ws_proto::socket::Failure;
    /// use ws_proto::{Config, Negotiated, WebSocket};
    ///
    /// let mut server = WebSocket::server(Negotiated::new(), Config::new());
    /// assert_eq!(server.failure(), None);
    /// server.read_failed(); // the transport was reset
    /// assert_eq!(server.failure(), Some(Failure::Read));
    /// ```
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        if let Some(error) = self.inbox.failed() {
            return Some(Failure::Receive(error));
        }
        let end = self.ending.end.filter(|_| !self.inbox.ends_later());
        let cause = self.ending.cause.or(end)?;
        let is_closed = self.outbox.connection.is_close_received();
        match cause {
            Cause::Eof | Cause::Read | Cause::Write if is_closed => None,
            cause => Some(cause.failure()),
        }
    }

    /// Whether the sending side of the transport is to be ended now (`shutdown`, `close_notify`): all is
    /// written, and nothing more will be. Call [`half_closed`](Self::half_closed) after that.
    #[must_use]
    pub fn wants_half_close(&self) -> bool {
        self.outbox.connection.transport() == Transport::Close
            && self.outbox.out.is_empty()
            && !self.outbox.out.is_broken()
            && !self.ending.has_half_closed
            && !self.ending.is_over
    }

    /// The sending side of the transport was ended, or could not be.
    pub const fn half_closed(&mut self) {
        self.ending.has_half_closed = true;
    }

    /// Whether the transport is to be closed: nothing is left to read or to write.
    #[inline]
    #[must_use]
    pub fn is_over(&self) -> bool {
        if self.ending.is_over {
            return true;
        }
        match self.outbox.connection.transport() {
            Transport::Abort => true,
            Transport::Open | Transport::AwaitEof => false,
            Transport::Close => {
                // After a closing handshake the peer has read all that it wants to.
                let lingers = !self.ending.has_ended
                    && (self.ending.lingers || self.inbox.failed().is_some());
                (self.ending.has_half_closed || self.outbox.out.is_broken()) && !lingers
            }
        }
    }

    /// Keeps an error of the transport, to report it when it is clear that it counts.
    #[cfg(feature = "std")]
    pub(crate) fn keep_error(&mut self, error: std::io::Error) {
        self.ending.keep_error(error);
    }

    /// The error of the transport that was kept.
    #[cfg(feature = "std")]
    pub(crate) fn kept_error(&mut self) -> std::io::Error {
        self.ending.error()
    }

    /// Whether there is more to read, or the peer is given the time to end its side.
    #[inline]
    pub(super) fn reads_on(&self) -> bool {
        !self.ending.has_ended && !self.is_over()
    }

    /// Whether received bytes are dropped: the connection only waits for its end.
    #[inline]
    pub(super) fn is_ending(&self) -> bool {
        self.outbox.connection.transport() != Transport::Open
    }
}
