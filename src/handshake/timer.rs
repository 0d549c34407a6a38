//! The time limit of a handshake, the same for both roles.

use core::time::Duration;

use crate::error::TimedOut;
use crate::time::Instant;

/// Starts with the first `tick`; once it has run out it stays so.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timer {
    deadline: Option<Instant>,
    expired: bool,
}

impl Timer {
    /// Whether it has run out before.
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
