//! Points in time, as the caller gives them.

use core::time::Duration;

/// A point in time: milliseconds since an epoch that the caller chooses, the same for every call
/// on one connection.
///
/// The engine reads no clock. Whatever counts milliseconds and never goes back will do: a tick
/// counter, `CLOCK_MONOTONIC`, the virtual time of a simulation. An earlier `now` than before is
/// harmless, timers then just run later.
///
/// Time ends at `u64::MAX` milliseconds, and sums saturate there. A timer that would end at that point or
/// after it does not fire, and has no deadline: `tick` returns the same as when no timer runs.
///
/// ```
/// use core::time::Duration;
/// use ws_proto::Instant;
///
/// let start = Instant::from_millis(5_000);
/// let later = start + Duration::from_secs(10);
/// assert_eq!(later.as_millis(), 15_000);
/// assert_eq!(later.saturating_duration_since(start), Duration::from_secs(10));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The end of time, which no timer reaches.
    pub(crate) const END: Self = Self(u64::MAX);

    /// The point `millis` milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Saturates at the end of time.
    pub(crate) const fn plus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// How long ago `earlier` was; zero if it is later than `self`.
    #[must_use]
    pub const fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// The time since `epoch`, as the operating system's monotonic clock shows it.
    ///
    /// ```
    /// let epoch = std::time::Instant::now(); // once, at the start of the program
    /// let now = ws_proto::Instant::now_since(epoch); // once per turn of the loop
    /// # assert!(now.as_millis() < 10_000);
    /// ```
    #[cfg(feature = "std")]
    #[must_use]
    pub fn now_since(epoch: std::time::Instant) -> Self {
        Self::default() + epoch.elapsed()
    }
}

/// Milliseconds, rounded up, so that a timer never fires early.
pub(crate) const fn millis_ceil(duration: Duration) -> u64 {
    let rest = duration.subsec_nanos().div_ceil(1_000_000);
    let whole = duration.as_secs().saturating_mul(1000);
    whole.saturating_add(rest as u64)
}

impl core::ops::Add<Duration> for Instant {
    type Output = Self;

    /// Saturates at the end of time.
    fn add(self, duration: Duration) -> Self {
        self.plus_millis(millis_ceil(duration))
    }
}
