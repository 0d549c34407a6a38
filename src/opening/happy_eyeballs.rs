use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use crate::time::Instant;

/// The time that an address gets before the next one is tried beside it (RFC 8305 5).
const DELAY: Duration = Duration::from_millis(250);

/// RFC 8305 5 allows no shorter one.
const MIN_DELAY: Duration = Duration::from_millis(10);

/// The order and the times in which the addresses of a host are tried, without I/O (RFC 8305, "Happy Eyeballs").
///
/// The families take turns, the one of the first address first. The next attempt starts when one has failed, or
/// 250 ms after the last one has started; those that run go on. The first that succeeds is the connection: the driver
/// drops the others.
///
/// A driver calls [`step`](Self::step) at the beginning, when an attempt has [failed](Self::note_failure), and at the time
/// that it was given.
///
/// ```
/// use ws_proto::Instant;
/// use ws_proto::opening::{HappyEyeballs, HappyStep};
///
/// let resolved = ["[2001:db8::1]:80", "[2001:db8::2]:80", "192.0.2.1:80"];
/// let [v6, other_v6, v4] = resolved.map(|address| address.parse().unwrap());
/// let mut attempts = HappyEyeballs::new([v6, other_v6, v4]);
/// assert_eq!(attempts.addresses(), [v6, v4, other_v6]);
///
/// let at = Instant::from_millis;
/// assert_eq!(attempts.step(at(0)), HappyStep::Connect(v6));
/// assert_eq!(attempts.step(at(0)), HappyStep::Wait(Some(at(250))));
/// assert_eq!(attempts.step(at(250)), HappyStep::Connect(v4)); // the first one goes on
/// attempts.note_failure(); // one of the two
/// assert_eq!(attempts.step(at(300)), HappyStep::Connect(other_v6)); // at once
/// assert_eq!(attempts.step(at(300)), HappyStep::Wait(None)); // there is no other address
/// attempts.note_failure();
/// attempts.note_failure();
/// assert_eq!(attempts.step(at(400)), HappyStep::Failed);
/// ```
#[derive(Clone, Debug)]
pub struct HappyEyeballs {
    /// In the order in which they are tried.
    addresses: Vec<SocketAddr>,
    /// How many of them have been started.
    started: usize,
    /// How many of those have neither failed nor succeeded.
    running: usize,
    /// When the next one starts beside those that run; `None`: at once.
    next_at: Option<Instant>,
    delay: Duration,
}

/// The next step of a driver of [`HappyEyeballs`]. Exhaustive on purpose: a driver has to know each.
///
/// ```
/// use ws_proto::Instant;
/// use ws_proto::opening::{HappyEyeballs, HappyStep};
///
/// let mut attempts = HappyEyeballs::new(["192.0.2.1:80".parse()?]);
/// match attempts.step(Instant::from_millis(0)) {
///     HappyStep::Connect(address) => println!("connect to {address}, then call `step` again"),
///     HappyStep::Wait(until) => println!("wait until {until:?}, or for an attempt to end"),
///     HappyStep::Failed => println!("the host cannot be reached"),
/// }
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HappyStep {
    /// Start to connect to this address, then ask again.
    Connect(SocketAddr),
    /// Wait for the attempts that run, until this time if there is one; then ask again.
    Wait(Option<Instant>),
    /// Every attempt has failed, or there was no address.
    Failed,
}

impl HappyEyeballs {
    /// For these addresses, in the order of the resolver (RFC 6724). An address that comes twice is tried once.
    #[must_use]
    pub fn new(addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self {
            addresses: interleave(addresses),
            started: 0,
            running: 0,
            next_at: None,
            delay: DELAY,
        }
    }

    /// Sets how long after an attempt the next one starts beside it: 250 ms by default, and no less than 10 ms.
    ///
    /// ```
    /// use core::time::Duration;
    /// use ws_proto::Instant;
    /// use ws_proto::opening::{HappyEyeballs, HappyStep};
    ///
    /// let (v6, v4) = ("[2001:db8::1]:80".parse()?, "192.0.2.1:80".parse()?);
    /// let mut attempts = HappyEyeballs::new([v6, v4]).with_delay(Duration::from_millis(100));
    /// let at = Instant::from_millis;
    /// assert_eq!(attempts.step(at(0)), HappyStep::Connect(v6));
    /// assert_eq!(attempts.step(at(100)), HappyStep::Connect(v4));
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    #[must_use]
    pub fn with_delay(mut self, delay: Duration) -> Self {
        self.delay = delay.max(MIN_DELAY);
        self
    }

    /// The addresses, in the order in which they are tried.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What to do now. An address that is returned counts as started at `now`.
    #[must_use]
    pub fn step(&mut self, now: Instant) -> HappyStep {
        let is_due = self.running == 0 || self.next_at.is_none_or(|at| now >= at);
        match self.addresses.get(self.started) {
            Some(address) if is_due => {
                self.started += 1;
                self.running += 1;
                self.next_at = Some(now + self.delay);
                HappyStep::Connect(*address)
            }
            Some(_) => HappyStep::Wait(self.next_at),
            None if self.running == 0 => HappyStep::Failed,
            None => HappyStep::Wait(None),
        }
    }

    /// One of the attempts that ran has failed: the next one starts at once.
    pub fn note_failure(&mut self) {
        self.running = self.running.saturating_sub(1);
        self.next_at = None;
    }
}

/// The families in turn, that of the first address first (RFC 8305 4).
fn interleave(addresses: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut seen = BTreeSet::new();
    let fresh = addresses
        .into_iter()
        .filter(|address| seen.insert(*address));
    let fresh: Vec<SocketAddr> = fresh.collect();
    let leads = |address: &SocketAddr| {
        let first = fresh.first();
        first.is_some_and(|first| first.is_ipv4() == address.is_ipv4())
    };
    let mut others = fresh.iter().filter(|address| !leads(address));
    let mut ordered = Vec::with_capacity(fresh.len());
    for address in fresh.iter().filter(|address| leads(address)) {
        ordered.push(*address);
        ordered.extend(others.next());
    }
    ordered.extend(others);
    ordered
}
