use std::time::Duration;

use crate::random::Random;

/// The moment at which a [`Fault`] begins.
///
/// ```
/// use std::time::Duration;
/// use ws_proto_test::link::{At, Conditions, Fault};
///
/// let lost = Conditions::new().fault(At::Time(Duration::from_secs(3)), Fault::Reset);
/// # let _ = lost;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum At {
    /// After so many bytes of that direction; 0 is before the first one.
    Byte(u64),
    /// So long after the link was made.
    Time(Duration),
}

/// Something that goes wrong with a direction of a link.
///
/// ```
/// use std::io::{ErrorKind, Read, Write};
/// use ws_proto_test::link::{At, Conditions, Fault, Link};
///
/// let (mut left, mut right) = Link::new()
///     .left_to_right(Conditions::new().fault(At::Byte(2), Fault::Reset))
///     .ends();
/// left.write_all(b"abc").unwrap();
/// assert_eq!(right.read(&mut [0; 4]).unwrap(), 2);
/// assert_eq!(right.read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::ConnectionReset);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing arrives for this time; then all of it does.
    Stall(Duration),
    /// The reader gets the end of the stream. Bytes that are written after that are lost, without an error.
    Eof,
    /// Both ends fail with [`ConnectionReset`](std::io::ErrorKind::ConnectionReset); the reader after what
    /// has arrived before.
    Reset,
    /// Nothing arrives any more, not even the end. Writes are taken until the link is full.
    Silence,
}

/// What a direction of a link does with the bytes on their way.
///
/// ```
/// use std::time::Duration;
/// use ws_proto_test::link::{At, Conditions, Fault};
///
/// let slow = Conditions::new().latency(Duration::from_millis(80)).chunks(1, 3);
/// let cut = slow.clone().fault(At::Byte(100), Fault::Eof);
/// let of_a_seed = Conditions::random(7); // the same ones each time
/// # let _ = (cut, of_a_seed);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Conditions {
    pub(super) latency: Duration,
    pub(super) jitter: Duration,
    pub(super) chunks: Option<(usize, usize)>,
    pub(super) capacity: usize,
    pub(super) faults: Vec<(At, Fault)>,
    pub(super) seed: u64,
}

impl Conditions {
    /// Everything arrives at once, whole; 64 KiB fit in.
    pub const fn new() -> Self {
        Self {
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            chunks: None,
            capacity: 64 * 1024,
            faults: Vec::new(),
            seed: 0,
        }
    }

    /// Conditions that depend on `seed` only, without faults: some latency, chunks of some sizes, some capacity,
    /// some stalls. A handshake takes less than 10 s.
    pub fn random(seed: u64) -> Self {
        let mut random = Random::nth(seed, 0);
        let millis = [0, 1, 30, 250];
        let (latency, jitter) = (random.pick(&millis), random.pick(&millis));
        // A narrow link that is slow too would be too slow for everybody's limits of time.
        let capacities: &[usize] = if latency + jitter > 1 {
            &[300, 4096, 64 * 1024]
        } else {
            &[1, 16, 300, 4096, 64 * 1024]
        };
        let mut conditions = Self::new()
            .latency(Duration::from_millis(latency))
            .jitter(Duration::from_millis(jitter))
            .capacity(random.pick(capacities))
            .seed(seed);
        if random.percent(80) {
            let most = random.pick(&[1, 2, 7, 100, 1500]);
            conditions = conditions.chunks(1, most);
        }
        for _ in 0..random.below(3) {
            let at = At::Byte(random.pick(&[1, 100, 1000]) + random.below(100) as u64);
            let stall = Fault::Stall(Duration::from_millis(random.between(1, 3000) as u64));
            conditions = conditions.fault(at, stall);
        }
        conditions
    }

    /// Sets how long each byte takes to arrive.
    pub const fn latency(mut self, time: Duration) -> Self {
        self.latency = time;
        self
    }

    /// Lets each chunk take up to this much longer, by the seed. Bytes arrive in the order in which they were written.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ws_proto_test::link::{Conditions, Link};
    ///
    /// let arrival = |seed| {
    ///     let unsteady = Conditions::new().jitter(Duration::from_secs(1)).seed(seed);
    ///     let link = Link::new().left_to_right(unsteady);
    ///     let (mut left, mut right) = link.ends();
    ///     left.put(b"hello");
    ///     assert_eq!(link.time().run(right.read_some(&mut [0; 8])).unwrap().unwrap(), 5);
    ///     link.time().now()
    /// };
    /// assert!(arrival(7) <= Duration::from_secs(1));
    /// assert_eq!(arrival(7), arrival(7));
    /// ```
    pub const fn jitter(mut self, most: Duration) -> Self {
        self.jitter = most;
        self
    }

    /// Cuts the written bytes into chunks of `least` to `most` bytes, by the seed; a read returns one of them at
    /// most. Without this, a read returns all bytes that have arrived. 0 counts as 1.
    pub fn chunks(mut self, least: usize, most: usize) -> Self {
        let least = least.max(1);
        self.chunks = Some((least, most.max(least)));
        self
    }

    /// Sets how many bytes can be written before the reader reads; 0 counts as 1. By default 64 KiB.
    ///
    /// ```
    /// use std::io::{ErrorKind, Write};
    /// use ws_proto_test::link::{Conditions, Link};
    ///
    /// let (mut left, _right) = Link::new().left_to_right(Conditions::new().capacity(4)).ends();
    /// assert_eq!(left.write(b"hello").unwrap(), 4);
    /// assert_eq!(left.write(b"o").unwrap_err().kind(), ErrorKind::WouldBlock);
    /// ```
    pub fn capacity(mut self, bytes: usize) -> Self {
        self.capacity = bytes.max(1);
        self
    }

    /// Adds a fault; there can be several.
    pub fn fault(mut self, at: At, fault: Fault) -> Self {
        self.faults.push((at, fault));
        self
    }

    /// Sets the seed for jitter and for the sizes of chunks, by default 0.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }
}

impl Default for Conditions {
    fn default() -> Self {
        Self::new()
    }
}
