//! The time limits of a handshake, the same for both roles: for the peer's head, then for the end of the
//! transport.

use core::time::Duration;

use crate::error::TimedOut;
use crate::time::Instant;

/// One limit at a time. It starts with the first `tick` for it. Once one has expired, it stays expired.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TimeLimit {
    running: Option<(TimedOut, Instant)>,
    expired: Option<TimedOut>,
}

impl TimeLimit {
    /// The limit that has expired.
    pub(super) const fn expired(&self) -> Option<TimedOut> {
        self.expired
    }

    /// The deadline of the limit `what`, which is later than `now`; `None` if it would be at the
    /// [end of time](Instant): then the limit starts again with the next call, in case that `now` was wrong.
    pub(super) fn tick(
        &mut self,
        now: Instant,
        what: TimedOut,
        limit: Duration,
    ) -> Result<Option<Instant>, TimedOut> {
        if let Some(expired) = self.expired {
            return Err(expired);
        }
        let deadline = match self.running {
            Some((running, deadline)) if running == what => deadline,
            _ => now + limit,
        };
        if deadline <= now && deadline != Instant::END {
            self.expired = Some(what);
            return Err(what);
        }
        let deadline = Some(deadline).filter(|deadline| *deadline != Instant::END);
        self.running = deadline.map(|deadline| (what, deadline));
        Ok(deadline)
    }
}
