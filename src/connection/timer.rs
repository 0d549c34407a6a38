//! Keepalive and close timers: one deadline at a time.

use super::{Config, Connection, Flags, Role, has_reply_room};
use crate::buf::Output;
use crate::close::CloseCode;
use crate::error::TimedOut;
use crate::frame::Opcode;
use crate::time::Instant;
use crate::transport::Transport;

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    /// Zero is "no keepalive".
    keepalive: Timeout,
    pong: Timeout,
    close: Timeout,
}

impl Timeouts {
    pub(super) const fn new(config: &Config) -> Self {
        Self {
            keepalive: Timeout::new(config.keepalive).marked(config.hold_pings),
            pong: Timeout::new(config.pong_timeout),
            close: Timeout::new(config.close_timeout),
        }
    }

    const fn of(self, waiting: Waiting) -> Timeout {
        match waiting {
            Waiting::Silence | Waiting::Held => self.keepalive,
            Waiting::Pong => self.pong,
            Waiting::Unset
            | Waiting::Room
            | Waiting::Close
            | Waiting::Drain
            | Waiting::Expired(_) => self.close,
        }
    }
}

/// A time in three bytes, since a connection has to stay small. The first bit is for a mark. If the second
/// is set, the rest are seconds, 48 days at most, and else milliseconds, up to 69 minutes.
#[derive(Clone, Copy, Debug)]
struct Timeout([u8; 3]);

impl Timeout {
    const MARK: u8 = 1 << 7;
    const SECONDS: u32 = 1 << 22;

    const fn new(millis: u32) -> Self {
        let coded = if millis < Self::SECONDS {
            millis
        } else {
            let seconds = millis.div_ceil(1000);
            if seconds < Self::SECONDS {
                Self::SECONDS | seconds
            } else {
                Self::SECONDS | (Self::SECONDS - 1)
            }
        };
        let [_, bytes @ ..] = coded.to_be_bytes();
        Self(bytes)
    }

    const fn marked(self, mark: bool) -> Self {
        let Self([a, b, c]) = self;
        Self([if mark { a | Self::MARK } else { a }, b, c])
    }

    const fn is_marked(self) -> bool {
        self.0[0] & Self::MARK != 0
    }

    const fn is_zero(self) -> bool {
        matches!(self.0, [0 | Self::MARK, 0, 0])
    }

    const fn millis(self) -> u64 {
        let [a, b, c] = self.0;
        let coded = u32::from_be_bytes([0, a & !Self::MARK, b, c]);
        if coded < Self::SECONDS {
            coded as u64
        } else {
            (coded & !Self::SECONDS) as u64 * 1000
        }
    }
}

/// The event that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// No `tick` has come yet.
    Unset,
    /// For the peer to say something; then comes a Ping.
    Silence,
    /// For the end of a message that is being sent; then comes the Ping that is due.
    Held,
    /// For a sign of life after a Ping.
    Pong,
    /// After the peer's Close, for room to send the rest and our own.
    Room,
    /// For the peer's Close, or the server's end of the transport after it.
    Close,
    /// For the driver to write out, and for the peer's end of the transport.
    Drain,
    /// For nothing more: the time is over.
    Expired(TimedOut),
}

impl<R: Role> Connection<R> {
    /// Sets the time, and returns when to call again at the latest; `None` if no timer runs. Call it once
    /// per turn of the loop, after [`receive`](Self::receive) has consumed all input.
    ///
    /// | state | timer | when it ends |
    /// |---|---|---|
    /// | [`Open`](Transport::Open), no Close yet | [`keepalive`](super::Config::keepalive), from the last call of `tick` after which something was received | a Ping is written, then the next |
    /// | [`Open`](Transport::Open), a Ping waits for an answer | [`pong_timeout`](super::Config::pong_timeout) | [`TimedOut::Pong`], Close(1011) if there is room |
    /// | [`Open`](Transport::Open), we have sent Close | [`close_timeout`](super::Config::close_timeout) | [`TimedOut::Close`] |
    /// | [`Open`](Transport::Open), the peer has sent Close, we have not ([`manual_close`](super::Config::manual_close)) | while `out` has room for [`MAX_CONTROL_FRAME`](crate::MAX_CONTROL_FRAME) bytes none; without it [`close_timeout`](super::Config::close_timeout), from the first such call after [`note_activity`](Self::note_activity) | [`TimedOut::Drain`] |
    /// | [`AwaitEof`](Transport::AwaitEof), a client has both Closes | as after our Close, it goes on | [`TimedOut::Eof`] |
    /// | [`AwaitEof`](Transport::AwaitEof), our Close is owed | [`close_timeout`](super::Config::close_timeout), from the first call in that state | [`TimedOut::Drain`] |
    /// | [`Close`](Transport::Close) | the same, it goes on | [`TimedOut::Drain`] |
    ///
    /// After the peer's Close no Ping is sent, since nothing more comes that could answer it. With
    /// [`manual_close`](super::Config::manual_close) the application may then send for as long as the peer
    /// takes it: until it calls [`close`](Self::close), only the peer's time to make room is bounded. What
    /// the peer sends after its Close is discarded, and does not put off the end of that time.
    ///
    /// A second call with the same `now` does nothing. The deadline is later than `now`. A timer that would
    /// end at the [end of time](Instant) does not fire and has no deadline. If `out` has no room for a Ping
    /// that is due, it is left out and the peer's time to answer runs all the same; see
    /// [`note_activity`](Self::note_activity).
    ///
    /// A Close that the engine had to send while there was no masking key or no room for it is written by
    /// the first call for which there is, unless the time is over or the transport has
    /// [ended](Self::receive_eof). So a driver whose output was full calls once more when it has written.
    ///
    /// # Errors
    ///
    /// [`TimedOut`] when a timer has ended, and at every later call: [`transport`](Self::transport) is
    /// [`Abort`](Transport::Abort), and nothing more can be received or sent.
    pub fn tick<O: Output + ?Sized>(
        &mut self,
        now: Instant,
        out: &mut O,
    ) -> Result<Option<Instant>, TimedOut> {
        if let Waiting::Expired(what) = self.waiting {
            return Err(what);
        }
        let deadline = match self.transport() {
            Transport::Close | Transport::Abort => {
                self.tick_closing(Waiting::Drain, TimedOut::Drain, now)
            }
            Transport::AwaitEof if self.receiver.error.is_some() || !self.role.masks_output() => {
                self.tick_closing(Waiting::Drain, TimedOut::Drain, now)
            }
            Transport::AwaitEof => {
                // One timer, whose name is that of the missing event.
                let what = if self.owes_close() {
                    TimedOut::Drain
                } else {
                    TimedOut::Eof
                };
                self.tick_closing(Waiting::Close, what, now)
            }
            Transport::Open if self.flags.contains(Flags::CLOSE_SENT) => {
                self.tick_closing(Waiting::Close, TimedOut::Close, now)
            }
            Transport::Open if self.is_close_received() => self.tick_answering(now, out),
            Transport::Open if self.timeouts.keepalive.is_zero() => Ok(None),
            Transport::Open => self.tick_open(now, out),
        }?;
        self.write_owed_close(out);
        Ok(deadline)
    }

    /// Whether no other timer can run now than that for the peer's silence, which all that the peer sends
    /// puts off.
    #[cfg(feature = "alloc")]
    #[inline]
    pub(crate) fn waits_for_silence(&self) -> bool {
        !self.flags.contains(Flags::ENDING)
            && (self.waiting == Waiting::Silence || self.timeouts.keepalive.is_zero())
    }

    /// When the peer has been silent for too long, if it is given the time for that.
    #[cfg(feature = "alloc")]
    pub(crate) fn silence_ends(&self) -> Option<Instant> {
        (self.waiting == Waiting::Silence).then_some(self.deadline)
    }

    /// Whether there was a sign of life since the last [`tick`](Self::tick).
    #[cfg(feature = "alloc")]
    #[inline]
    pub(crate) const fn is_heard(&self) -> bool {
        self.flags.contains(Flags::HEARD)
    }

    fn tick_closing(
        &mut self,
        waiting: Waiting,
        what: TimedOut,
        now: Instant,
    ) -> Result<Option<Instant>, TimedOut> {
        if self.waiting != waiting {
            self.wait(waiting, now);
        } else if self.is_due(now) {
            return Err(self.time_out(what));
        }
        Ok(self.deadline(now))
    }

    /// After the peer's Close, while the application sends its last messages. A peer that takes nothing of
    /// it would keep it from ever sending its own.
    fn tick_answering<O: Output + ?Sized>(
        &mut self,
        now: Instant,
        out: &mut O,
    ) -> Result<Option<Instant>, TimedOut> {
        if self.flags.contains(Flags::HEARD) || has_reply_room(out) {
            self.flags.set(Flags::HEARD, false);
            self.waiting = Waiting::Unset;
        }
        if has_reply_room(out) {
            return Ok(None);
        }
        self.tick_closing(Waiting::Room, TimedOut::Drain, now)
    }

    fn tick_open<O: Output + ?Sized>(
        &mut self,
        now: Instant,
        out: &mut O,
    ) -> Result<Option<Instant>, TimedOut> {
        if self.flags.contains(Flags::HEARD) || self.waiting == Waiting::Unset {
            self.flags.set(Flags::HEARD, false);
            self.wait(Waiting::Silence, now);
        }
        let holds = self.holds_pings();
        if self.is_due(now) || (self.waiting == Waiting::Held && !holds) {
            if self.waiting == Waiting::Pong {
                self.flags.insert(Flags::CLOSE_SENT);
                let code = CloseCode::INTERNAL_ERROR.as_u16().to_be_bytes();
                if has_reply_room(out) {
                    // The transport is aborted whether the peer gets it or not.
                    let _ = super::send::control(&mut self.role, Opcode::Close, &code, out);
                }
                return Err(self.time_out(TimedOut::Pong));
            }
            if holds {
                self.wait(Waiting::Held, now);
                return Ok(self.deadline(now));
            }
            if has_reply_room(out) {
                // Without a masking key there is no Ping; the peer may still say something.
                let _ = super::send::control(&mut self.role, Opcode::Ping, &[], out);
            }
            // Without room there is none either: then the peer has not taken earlier output,
            // and the time to show that it is alive runs all the same.
            self.wait(Waiting::Pong, now);
        }
        Ok(self.deadline(now))
    }

    /// Whether a Ping would come between the parts of an encoded message, and must not.
    fn holds_pings(&self) -> bool {
        self.timeouts.keepalive.is_marked() && self.open_rsv().is_some_and(|rsv| !rsv.is_none())
    }

    fn wait(&mut self, waiting: Waiting, now: Instant) {
        self.waiting = waiting;
        self.deadline = now.plus_millis(self.timeouts.of(waiting).millis());
    }

    fn is_due(&self, now: Instant) -> bool {
        now >= self.deadline && self.deadline != Instant::END
    }

    /// The deadline, unless time ends before. Then the timer starts again with every call, in case that
    /// `now` was wrong.
    fn deadline(&mut self, now: Instant) -> Option<Instant> {
        if self.deadline == Instant::END {
            self.wait(self.waiting, now);
        }
        Some(self.deadline).filter(|deadline| *deadline != Instant::END)
    }

    fn time_out(&mut self, what: TimedOut) -> TimedOut {
        self.waiting = Waiting::Expired(what);
        if !self.flags.contains(Flags::CLOSE_SENT) {
            // Nothing more is sent, and no Close was.
            self.flags.insert(Flags::CLOSE_SENT | Flags::CLOSE_OWED);
        }
        self.receiver.stop();
        what
    }
}
