//! The time limit of a handshake, the same for both roles.

use core::time::Duration;

use crate::error::TimedOut;
use crate::time::Instant;

/// Starts with the first `tick`. Once it has expired, it stays expired.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TimeLimit {
    deadline: Option<Instant>,
    expired: bool,
}

impl TimeLimit {
    /// Whether it has expired.
    pub(super) const fn expired(&self) -> bool {
        self.expired
    }

    /// The deadline, which is later than `now`.
    pub(super) fn tick(&mut self, now: Instant, limit: Duration) -> Result<Instant, TimedOut> {
        let deadline = *self.deadline.get_or_insert(now + limit);
        if self.expired || deadline <= now {
            self.expired = true;
            return Err(TimedOut::Handshake);
        }
        Ok(deadline)
    }
}
