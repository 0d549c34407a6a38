//! Keepalive and close timers: one deadline at a time.

use core::time::Duration;

use super::{Config, Connection, Flags, Role};
use crate::buf::Output;
use crate::close::CloseCode;
use crate::error::TimedOut;
use crate::frame::{MAX_CONTROL_FRAME, Opcode};
use crate::time::Instant;

/// How long is waited for what, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    /// Zero is "no keepalive".
    keepalive: u32,
    pong: u32,
    close: u32,
}

impl Timeouts {
    pub(super) const fn new(config: &Config) -> Self {
        Self {
            keepalive: config.keepalive,
            pong: config.pong_timeout,
            close: config.close_timeout,
        }
    }

    const fn of(self, waiting: Waiting) -> u32 {
        match waiting {
            Waiting::Silence => self.keepalive,
            Waiting::Pong => self.pong,
            Waiting::Unset | Waiting::Close | Waiting::Expired(_) => self.close,
        }
    }
}

/// What is being waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// No `tick` has come yet.
    Unset,
    /// For the peer to say something; then comes a Ping.
    Silence,
    /// For a sign of life after a Ping.
    Pong,
    /// For the peer's Close, or the end of the transport.
    Close,
    /// For nothing more: the time is over.
    Expired(TimedOut),
}

impl<R: Role> Connection<R> {
    /// Tells the time, once per turn of the loop after what has arrived was received, and gives
    /// the time of the next call that is needed at the latest; `None` if none is.
    ///
    /// Writes a keepalive Ping when the peer has been silent for
    /// [`Config::keepalive`](super::Config::keepalive). The timer of the closing handshake starts
    /// with the first call after Close was sent. A second call with the same `now` does nothing.
    /// The deadline is later than `now`. If `out` has no room for a Ping that is due, it is left out
    /// and the peer's time to answer runs all the same; see [`heard`](Self::heard).
    ///
    /// # Errors
    ///
    /// [`TimedOut`] when the peer has not answered in time, from then on for ever: the connection
    /// has failed and [`transport`](Self::transport) is
    /// [`Abort`](crate::Transport::Abort). After a Ping without an answer, Close(1011) has been
    /// written if there was room for it.
    pub fn tick<O: Output + ?Sized>(
        &mut self,
        now: Instant,
        out: &mut O,
    ) -> Result<Option<Instant>, TimedOut> {
        if let Waiting::Expired(what) = self.waiting {
            return Err(what);
        }
        if self.error.is_some() || self.flags.contains(Flags::EOF) {
            return Ok(None);
        }
        if self.flags.contains(Flags::CLOSE_SENT) {
            return self.tick_closing(now);
        }
        if self.is_close_received() || self.timeouts.keepalive == 0 {
            return Ok(None);
        }
        self.tick_open(now, out)
    }

    fn tick_closing(&mut self, now: Instant) -> Result<Option<Instant>, TimedOut> {
        if self.is_close_exchanged() && !R::MASKS_OUTPUT {
            // A server closes the transport right away; there is nothing to wait for.
            return Ok(None);
        }
        if self.waiting != Waiting::Close {
            self.wait(Waiting::Close, now);
        } else if now >= self.deadline {
            let what = if self.is_close_exchanged() {
                TimedOut::Eof
            } else {
                TimedOut::Close
            };
            return Err(self.time_out(what));
        }
        Ok(Some(self.deadline))
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
        if now >= self.deadline {
            if self.waiting == Waiting::Pong {
                self.write_farewell(&CloseCode::INTERNAL_ERROR.as_u16().to_be_bytes(), out);
                return Err(self.time_out(TimedOut::Pong));
            }
            if out.room() >= MAX_CONTROL_FRAME {
                // Without a masking key there is no Ping; the peer may still say something.
                let _ = super::send::control(&mut self.role, Opcode::Ping, &[], out);
            }
            // Without room there is none either: then the peer has not taken what was sent before,
            // and the time to show that it is alive runs all the same.
            self.wait(Waiting::Pong, now);
        }
        Ok(Some(self.deadline))
    }

    fn wait(&mut self, waiting: Waiting, now: Instant) {
        self.waiting = waiting;
        self.deadline = now + Duration::from_millis(self.timeouts.of(waiting).into());
    }

    fn time_out(&mut self, what: TimedOut) -> TimedOut {
        self.waiting = Waiting::Expired(what);
        self.receiver.stop();
        what
    }
}
