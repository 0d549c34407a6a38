//! Time that passes when the test says so.

use std::time::Duration;

use ws_proto::Instant;

/// A clock that stands still until it is [advanced](Self::advance).
///
/// ```
/// use std::time::Duration;
/// use ws_proto::Instant;
/// use ws_proto_test::clock::Clock;
///
/// let mut clock = Clock::new();
/// let start = clock.now();
/// clock.advance(Duration::from_millis(1500));
/// assert_eq!(clock.now(), start + Duration::from_millis(1500));
/// clock.advance_to(start); // time does not run backwards
/// assert_eq!(clock.now().as_millis(), 1500);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    now: Instant,
}

impl Clock {
    /// A clock that shows zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The time now.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Lets time pass.
    pub fn advance(&mut self, by: Duration) {
        self.now = self.now + by;
    }

    /// Lets time pass until `then`, for instance a deadline; does nothing if that is in the past.
    pub fn advance_to(&mut self, then: Instant) {
        self.now = self.now.max(then);
    }
}
