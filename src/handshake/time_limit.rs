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

    /// The deadline, which is later than `now`; `None` if it would be at the [end of time](Instant): then the
    /// limit starts again with the next call, in case that `now` was wrong.
    pub(super) fn tick(
        &mut self,
        now: Instant,
        limit: Duration,
    ) -> Result<Option<Instant>, TimedOut> {
        let deadline = self.deadline.unwrap_or(now + limit);
        if self.expired || (deadline <= now && deadline != Instant::END) {
            self.expired = true;
            return Err(TimedOut::Handshake);
        }
        self.deadline = Some(deadline).filter(|deadline| *deadline != Instant::END);
        Ok(self.deadline)
    }
}
