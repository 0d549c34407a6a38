//! When to connect again after a connection has ended (RFC 6455 7.2.3).
//!
//! A server that goes down cuts off all of its clients at once. If they all come back at once it
//! goes down again, so every client waits: at first for a random time, then longer and longer.
//! [`Backoff`] computes the delay, and says when another attempt is useless. It reads no clock,
//! draws no random number and does not wait; the caller does. In the adapters for tokio and smol that is
//! `Reconnecting`, a whole client that connects again.
//!
//! Delays of the default configuration:
//!
//! | consecutive failure | at least | less than |
//! |---|---|---|
//! | first | 0 s | 5 s |
//! | second | 5 s | 10 s |
//! | third | 10 s | 20 s |
//! | fourth | 20 s | 40 s |
//! | any other | 30 s | 60 s |
//!
//! That is binary exponential back-off. From the second failure on, half of the interval is fixed
//! and half is random: the lower bound grows too, and clients still spread.
//!
//! ```
//! use core::time::Duration;
//! use ws_proto::{CloseCode, Instant};
//! use ws_proto::reconnect::{Backoff, BackoffConfig, End};
//!
//! # let (now, random) = (Instant::from_millis(0), 0x1234_5678_9abc_def0);
//! let mut backoff = Backoff::new(BackoffConfig::new().cap(Duration::from_secs(120)));
//! // `connect` failed.
//! let delay = backoff.ended(now, End::Unreachable, random);
//! assert!(delay.is_some_and(|delay| delay < Duration::from_secs(5)));
//!
//! // The next one reached the server, which later closed the connection.
//! backoff.connected(now);
//! let end = End::Closed(Some(CloseCode::NORMAL));
//! assert_eq!(backoff.ended(now + Duration::from_secs(90), end, random), None);
//! ```

use core::time::Duration;

use crate::close::CloseCode;
use crate::error::{ProtocolError, TimedOut, UnexpectedEof};
use crate::time::Instant;

/// How long a [`Backoff`] waits.
///
/// ```
/// use core::time::Duration;
/// use ws_proto::reconnect::BackoffConfig;
///
/// const CONFIG: BackoffConfig =
///     BackoffConfig::new().first(Duration::from_secs(1)).cap(Duration::from_secs(30));
/// ```
///
/// All settings:
///
/// ```
/// use core::time::Duration;
/// use ws_proto::reconnect::BackoffConfig;
///
/// let config = BackoffConfig::new()
///     .first(Duration::from_secs(1))
///     .cap(Duration::from_secs(30))
///     .settled(Duration::from_secs(300)) // a shorter connection counts as a failure
///     .busy(Duration::from_secs(10), Duration::from_secs(60))
///     .max_retry_after(Duration::from_secs(120))
///     .max_attempts(Some(20));
/// # let _ = config;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct BackoffConfig {
    first: Duration,
    cap: Duration,
    settled: Duration,
    busy: (Duration, Duration),
    max_retry_after: Duration,
    max_attempts: Option<u32>,
}

impl BackoffConfig {
    /// The defaults, which the methods below name.
    pub const fn new() -> Self {
        Self {
            first: Duration::from_secs(5),
            cap: Duration::from_secs(60),
            settled: Duration::from_secs(60),
            busy: (Duration::from_secs(5), Duration::from_secs(30)),
            max_retry_after: Duration::from_secs(600),
            max_attempts: None,
        }
    }

    /// The first delay is anywhere from zero to this, which also is what then doubles. Default: 5
    /// seconds, the example of RFC 6455 7.2.3. Less than a millisecond counts as a millisecond:
    /// zero would never grow.
    pub const fn first(mut self, first: Duration) -> Self {
        self.first = first;
        self
    }

    /// Delays grow no longer than this. Default: 60 seconds. Less than a millisecond counts as a
    /// millisecond. Only what the server asks for may be longer.
    pub const fn cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// A connection that was open for this long makes the next delay a first one again. Default:
    /// 60 seconds. A server that accepts connections only to drop them does not get more of them
    /// than one that refuses.
    pub const fn settled(mut self, settled: Duration) -> Self {
        self.settled = settled;
        self
    }

    /// After the close codes 1012 (restart) and 1013 (overload) the delay is at least a random one
    /// between these two. Default: 5 to 30 seconds, as the registration of 1012 asks for.
    pub const fn busy(mut self, from: Duration, to: Duration) -> Self {
        self.busy = (from, to);
        self
    }

    /// A longer `Retry-After` counts as this. Default: 10 minutes. It keeps a mistake of the
    /// server, or of something in between, from silencing the client for good.
    pub const fn max_retry_after(mut self, max: Duration) -> Self {
        self.max_retry_after = max;
        self
    }

    /// Stop after so many consecutive failures, short-lived connections among them.
    /// Default: `None`, never. It is the rate of attempts that has to be bounded, and that it is:
    /// a client that gives up for good stays away from a server that has long been back.
    pub const fn max_attempts(mut self, max: Option<u32>) -> Self {
        self.max_attempts = max;
        self
    }
}

impl Default for BackoffConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// How a connection, or the attempt to have one, has ended.
///
/// An end that the application asked for is not among them: the application knows whether to
/// reconnect.
///
/// ```
/// use ws_proto::CloseCode;
/// use ws_proto::reconnect::End;
///
/// assert!(End::Closed(Some(CloseCode::SERVICE_RESTART)).is_transient());
/// assert!(!End::Refused { status: 403, retry_after: None }.is_transient());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End {
    /// With a Close frame, the peer's or, after an error, ours. `None` is one without a code
    /// (1005).
    Closed(Option<CloseCode>),
    /// The transport ended without a Close frame (1006).
    Eof,
    /// The server answered the handshake with a status other than 101.
    Refused {
        /// The status of the response.
        status: u16,
        /// Its `Retry-After`, as [`retry_after`] reads it.
        retry_after: Option<Duration>,
    },
    /// Time ran out, at any stage: connecting, handshake, keepalive, close.
    TimedOut,
    /// No transport came about: name resolution, TCP or TLS failed.
    Unreachable,
}

impl End {
    /// Whether another attempt can succeed without a change by a person.
    ///
    /// | end | transient | because |
    /// |---|---|---|
    /// | 1000 | no | the purpose is fulfilled |
    /// | 1001 | yes | the server goes away, another one comes |
    /// | 1002, 1003, 1007, 1009, 1010 | no | the same two programs would fail in the same way |
    /// | 1008, 3000, 3003 | no | the server rejects this client, or its credentials |
    /// | 1011, 1014 | yes | a fault in the server, or in a server that it uses |
    /// | 1012, 1013 | yes | restart and overload pass |
    /// | 3008 | yes | a timeout of the server |
    /// | other codes | yes | only the application knows; a useless attempt costs little at these rates |
    /// | no code | yes | only 1000 says that the purpose is fulfilled |
    /// | [`Self::Eof`], [`Self::TimedOut`], [`Self::Unreachable`] | yes | networks fail |
    /// | status 408, 425, 429 | yes | too slow, too early, too often |
    /// | status 501, 505 | no | the server does not support it |
    /// | other 5xx | yes | a fault in the server, or in a server that it uses |
    /// | any status, with a `Retry-After` | yes | the server asks for another attempt |
    /// | any other status | no | the request is wrong, or has to go elsewhere (3xx) |
    ///
    /// An application that knows better stops by itself, or continues with [`Backoff::retry`].
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Closed(Some(code)) => !matches!(
                *code,
                CloseCode::NORMAL
                    | CloseCode::PROTOCOL_ERROR
                    | CloseCode::UNSUPPORTED_DATA
                    | CloseCode::INVALID_PAYLOAD
                    | CloseCode::POLICY_VIOLATION
                    | CloseCode::MESSAGE_TOO_BIG
                    | CloseCode::MANDATORY_EXTENSION
                    | CloseCode::UNAUTHORIZED
                    | CloseCode::FORBIDDEN
            ),
            Self::Closed(None) | Self::Eof | Self::TimedOut | Self::Unreachable => true,
            Self::Refused {
                retry_after: Some(_),
                ..
            } => true,
            Self::Refused { status, .. } => {
                matches!(*status, 408 | 425 | 429 | 500 | 502..=504 | 506..=599)
            }
        }
    }
}

impl From<ProtocolError> for End {
    /// We closed, with the code of the error.
    fn from(error: ProtocolError) -> Self {
        Self::Closed(Some(error.close_code()))
    }
}

impl From<TimedOut> for End {
    fn from(_: TimedOut) -> Self {
        Self::TimedOut
    }
}

impl From<UnexpectedEof> for End {
    fn from(_: UnexpectedEof) -> Self {
        Self::Eof
    }
}

/// Computes how long to wait before the next attempt to connect; see the [module](self).
///
/// ```
/// use core::time::Duration;
/// use ws_proto::Instant;
/// use ws_proto::reconnect::{Backoff, BackoffConfig, End};
///
/// # let random = 0x1234_5678_9abc_def0;
/// let mut backoff = Backoff::new(BackoffConfig::new());
/// let now = Instant::from_millis(0);
/// let delay = backoff.ended(now, End::Unreachable, random).expect("networks fail");
/// assert_eq!(backoff.attempts(), 1);
/// backoff.connected(now + delay); // the next attempt has reached the server
/// let dropped = backoff.ended(now + delay + Duration::from_secs(1), End::Eof, random);
/// assert!(dropped.is_some());
/// assert_eq!(backoff.attempts(), 2); // it was open for too short a time to forget the first
/// backoff.reset(); // the network is back
/// assert_eq!(backoff.attempts(), 0);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    config: BackoffConfig,
    /// Consecutive failures.
    attempts: u32,
    /// The upper bound of the next delay. It is doubled in place, so no exponent can overflow.
    interval: Duration,
    opened: Option<Instant>,
}

impl Backoff {
    /// No failure so far.
    #[must_use]
    pub fn new(config: BackoffConfig) -> Self {
        let interval = config.first.max(SHORTEST).min(config.cap.max(SHORTEST));
        Self {
            config,
            attempts: 0,
            interval,
            opened: None,
        }
    }

    /// Reports that the handshake is done. This alone resets nothing: the connection has to stay
    /// open for
    /// [`BackoffConfig::settled`].
    pub fn connected(&mut self, now: Instant) {
        self.opened = Some(now);
    }

    /// Reports that a connection has ended, or an attempt failed. Returns how long to wait before
    /// the next attempt; `None` if there should be none, because the end [is
    /// final](End::is_transient) or because
    /// [`BackoffConfig::max_attempts`] have failed.
    ///
    /// `random` is a uniformly distributed number. It spreads clients and protects nothing, so a
    /// simple generator is enough, with a seed of its own for each client.
    #[must_use]
    pub fn ended(&mut self, now: Instant, end: End, random: u64) -> Option<Duration> {
        self.settle(now);
        if end.is_transient() {
            self.retry(now, end, random)
        } else {
            None
        }
    }

    /// As [`ended`](Self::ended), for an end that the application considers transient. `None`
    /// only after [`BackoffConfig::max_attempts`].
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use ws_proto::{CloseCode, Instant};
    /// # use ws_proto::reconnect::{Backoff, BackoffConfig, End};
    /// # fn next(backoff: &mut Backoff, now: Instant, end: End, random: u64) -> Option<Duration> {
    /// match end {
    ///     // Our server's way to say that the account is gone.
    ///     End::Closed(Some(code)) if code.as_u16() == 4001 => None,
    ///     // Our tokens expire; the next attempt brings a new one.
    ///     End::Refused { status: 401, .. } => backoff.retry(now, end, random),
    ///     _ => backoff.ended(now, end, random),
    /// }
    /// # }
    /// # let now = Instant::from_millis(0);
    /// # let mut backoff = Backoff::new(BackoffConfig::new());
    /// # let refused = End::Refused { status: 401, retry_after: None };
    /// # assert!(next(&mut backoff, now, refused, 0).is_some());
    /// # assert!(next(&mut backoff, now, End::Closed(CloseCode::new(4001)), 0).is_none());
    /// # assert!(next(&mut backoff, now, End::Eof, 0).is_some());
    /// ```
    #[must_use]
    pub fn retry(&mut self, now: Instant, end: End, random: u64) -> Option<Duration> {
        self.settle(now);
        if self
            .config
            .max_attempts
            .is_some_and(|max| self.attempts >= max)
        {
            return None;
        }
        let fixed = if self.attempts == 0 {
            Duration::ZERO
        } else {
            part::<2>(self.interval)
        };
        let planned = fixed.saturating_add(share(between(fixed, self.interval), random));
        self.attempts = self.attempts.saturating_add(1);
        self.interval = self
            .interval
            .saturating_mul(2)
            .min(self.config.cap.max(SHORTEST));
        Some(planned.max(self.asked_for(end, random)))
    }

    /// A connection has ended: if it was open for long, the failures before it are forgotten.
    fn settle(&mut self, now: Instant) {
        if let Some(opened) = self.opened.take() {
            if now.saturating_duration_since(opened) >= self.config.settled {
                self.reset();
            }
        }
    }

    /// How many consecutive attempts have failed, short-lived connections among them.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Forgets the failures, for instance when the network has come back or the user asks to
    /// connect now.
    pub fn reset(&mut self) {
        *self = Self::new(self.config);
    }

    /// The delay that the server asked for, and a random time, so that its clients do not all
    /// return at the same moment.
    fn asked_for(&self, end: End, random: u64) -> Duration {
        let (from, spread) = match end {
            End::Closed(Some(CloseCode::SERVICE_RESTART | CloseCode::TRY_AGAIN_LATER)) => {
                let (from, to) = self.config.busy;
                (from, between(from, to))
            }
            End::Refused {
                retry_after: Some(asked),
                ..
            } => {
                let from = asked.min(self.config.max_retry_after);
                let spread = self.config.first.min(self.config.cap).max(part::<8>(from));
                (from, spread.as_nanos())
            }
            _ => return Duration::ZERO,
        };
        from.saturating_add(share(spread, random))
    }
}

/// The delay in the value of the field `Retry-After` (RFC 9110 10.2.3): seconds, decimal.
///
/// The other form of that field, a date, gives `None`: it needs a calendar and a clock that agrees
/// with the server's. A number that is too large counts as the largest one.
///
/// ```
/// use core::time::Duration;
/// use ws_proto::reconnect::retry_after;
///
/// assert_eq!(retry_after(b"120"), Some(Duration::from_secs(120)));
/// assert_eq!(retry_after(b"Fri, 31 Dec 1999 23:59:59 GMT"), None);
/// ```
#[must_use]
pub fn retry_after(value: &[u8]) -> Option<Duration> {
    let digits = value.trim_ascii();
    if digits.is_empty() {
        return None;
    }
    let mut seconds = 0_u64;
    for byte in digits {
        let digit = char::from(*byte).to_digit(10)?;
        seconds = seconds.saturating_mul(10).saturating_add(digit.into());
    }
    Some(Duration::from_secs(seconds))
}

/// `whole / N`. The compiler removes the checks from it, and not from the division of a [`Duration`]
/// (`tests/no_panic`).
const fn part<const N: u64>(whole: Duration) -> Duration {
    let rest = whole.as_secs() % N * 1_000_000_000 + whole.subsec_nanos() as u64;
    Duration::new(whole.as_secs() / N, (rest / N) as u32)
}

/// The nanoseconds from `less` to `more`; 0 if it is not more.
const fn between(less: Duration, more: Duration) -> u128 {
    more.as_nanos().saturating_sub(less.as_nanos())
}

/// A uniformly distributed part of `whole` nanoseconds, less than it.
fn share(whole: u128, random: u64) -> Duration {
    // 64 bits of nanoseconds are 584 years; more than that is not random.
    let nanos = whole.min(u64::MAX.into());
    Duration::from_nanos(((nanos * u128::from(random)) >> 64) as u64)
}

/// The shortest interval, also the unit of [`Instant`].
const SHORTEST: Duration = Duration::from_millis(1);
