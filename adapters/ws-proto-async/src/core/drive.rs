//! The work: what the driver asks for is done here, whoever waits.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use ws_proto::socket::Want;
use ws_proto::{Instant, TimedOut, Transport};

use super::{Core, Driver};
use crate::alarm::Alarm;
use crate::io::Io;
use crate::lane::{Ask, Lane, Owned, Received};
use crate::tasks::Side;

/// After so many reads without a wait the time is looked at, and others get their turn.
pub(super) const READS: u8 = 32;

/// How many slices one write gathers.
const SLICES: usize = 16;

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
    /// Reads as far as there is use for it while the caller only sends.
    pub(super) fn idle(&mut self, cx: &mut Context<'_>) {
        if self.is_reader_gone {
            self.driver.discard();
        }
        self.batch = None;
        let (want, take) = (Want::Nothing, |_: Received<'_>| None::<()>);
        let _ = self.drive(cx, Ask::Again, &mut Owned { want, take });
    }

    /// Does what the driver asks for, `ask` first, until something is received, or the stream has to be
    /// waited for. `None`: nothing more will be received.
    pub(super) fn drive<V, L: Lane<V>>(
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
            Ask::Write => {
                let before = self.written;
                if self.write(cx).is_pending() && self.written == before {
                    Then::LookUnwritten
                } else {
                    // There may be room for other answers.
                    Then::Look
                }
            }
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
            Ask::Wait => {
                // The stream has nothing more.
                self.reads = 0;
                self.wait(cx)
            }
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
        if self.reads >= READS - 1 {
            // Also of several calls, each of which was ready at once.
            let is_due = self.keep_time(cx);
            return if is_due {
                Then::Look
            } else {
                self.give_way(cx)
            };
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
    pub(super) fn read<V, L: Lane<V>>(
        &mut self,
        cx: &mut Context<'_>,
        lane: &mut L,
    ) -> Result<V, Ask> {
        self.reads += 1;
        lane.read(self, cx)
    }

    /// What comes after a read that has brought nothing.
    #[inline]
    pub(crate) fn nothing_read(&mut self, read: Poll<io::Result<usize>>) -> Ask {
        match read {
            Poll::Pending => Ask::Wait,
            Poll::Ready(end) => {
                self.end_input(end.err());
                Ask::Again
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

    /// Writes the queued output. Ready if all of it is written and flushed, or nothing can be written.
    #[inline]
    pub(super) fn write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
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
            let Poll::Ready(written) = written else {
                if self.has_borrowed {
                    self.return_memory();
                }
                return Poll::Pending;
            };
            match written {
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
        if self.has_borrowed {
            self.return_memory();
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
    pub(super) fn write_failed(&mut self, error: io::Error) -> Poll<()> {
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
        // They still count for the reader's turn: who sends looks at the time too, and waits for nothing.
        let reads = std::mem::take(&mut self.reads);
        self.received = self.received.saturating_add(reads);
        !self.is_timed(cx) && self.set_time(cx)
    }

    /// Whether the timer that is set wakes the task early enough. Most waits of a busy connection end here:
    /// without it `tokio/send/32/alone` in `benches/shells` takes 10 % more, for the clock and for `tick`.
    #[inline]
    pub(super) fn is_timed(&self, cx: &Context<'_>) -> bool {
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
