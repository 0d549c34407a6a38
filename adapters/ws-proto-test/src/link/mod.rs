//! Two endpoints in memory, what the way between them does to the bytes, and a time that does not depend on the
//! machine.
//!
//! A [`Link`] has two [`End`]s. Each direction has [`Conditions`]: latency, sizes of chunks, how much fits in, and
//! faults at a byte or at a time. What depends on chance depends on a seed only, so that a test that fails once fails
//! always; [`for_each_seed`](crate::for_each_seed) prints the seed.
//!
//! | the program under test | its stream | how time passes |
//! |---|---|---|
//! | is driven by hand, by a loop of the test | [`End`], non-blocking `Read + Write` | [`Time::advance`] |
//! | is blocking | [`BlockingEnd`], by [`Link::run_threads`] | when every thread waits |
//! | is asynchronous, without a runtime | [`End`], with the features `futures` or `tokio` | [`Time::run`] |
//! | runs on tokio | [`End`] of a link with `Time::tokio` | as tokio's clock does: paused, it jumps |
//!
//! ```
//! use std::io::{ErrorKind, Read, Write};
//! use std::time::Duration;
//! use ws_proto_test::link::{At, Conditions, Fault, Link};
//!
//! let there = Conditions::new().latency(Duration::from_millis(50)).fault(At::Byte(7), Fault::Eof);
//! let link = Link::new().left_to_right(there);
//! let time = link.time();
//! let (mut left, mut right) = link.ends();
//! left.write_all(b"hello, world").unwrap();
//! let mut buffer = [0; 32];
//! assert_eq!(right.read(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
//! time.advance(Duration::from_millis(50));
//! assert_eq!(right.read(&mut buffer).unwrap(), 7);
//! assert_eq!(right.read(&mut buffer).unwrap(), 0, "the end, in the middle of it");
//! ```

mod blocking;
mod conditions;
mod lane;
mod time;

use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
#[cfg(any(feature = "futures", feature = "tokio"))]
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

pub use blocking::BlockingEnd;
pub use conditions::{At, Conditions, Fault};
use lane::{Lane, wake};
pub(crate) use time::Timer;
pub use time::{Hang, Time};

type Shared = Arc<Mutex<Lane>>;

/// Two ends, and the conditions between them.
///
/// ```
/// use std::io::{Read, Write};
/// use std::time::Duration;
/// use ws_proto_test::link::{Conditions, Link};
///
/// let slow = Conditions::new().latency(Duration::from_millis(80));
/// let link = Link::new().left_to_right(slow).right_to_left(Conditions::new().chunks(1, 1));
/// let time = link.time();
/// let (mut left, mut right) = link.ends();
/// left.write_all(b"hello").unwrap();
/// right.write_all(b"hi").unwrap();
/// assert_eq!(left.read(&mut [0; 8]).unwrap(), 1); // one byte a read
/// time.advance(Duration::from_millis(80));
/// assert_eq!(right.read(&mut [0; 8]).unwrap(), 5);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Link {
    time: Time,
    left_to_right: Conditions,
    right_to_left: Conditions,
}

impl Link {
    /// A link on which bytes arrive at once, with a time of its own.
    pub fn new() -> Self {
        Self::default()
    }

    /// A link with [random](Conditions::random) conditions both ways, which depend on the seed only.
    ///
    /// ```
    /// use ws_proto_test::link::Link;
    /// use ws_proto_test::task::join;
    ///
    /// let run = |seed| {
    ///     let link = Link::random(seed);
    ///     let (mut left, mut right) = link.ends();
    ///     let mut buffer = [0; 64];
    ///     let both = join(left.write_whole(b"hello"), right.read_some(&mut buffer));
    ///     let (_, read) = link.time().run(both).unwrap();
    ///     (read.unwrap(), link.time().now())
    /// };
    /// assert_eq!(run(7), run(7)); // as many bytes, at the same time
    /// ```
    pub fn random(seed: u64) -> Self {
        Self::new()
            .left_to_right(Conditions::random(seed))
            .right_to_left(Conditions::random(!seed))
    }

    /// Sets the time of the link, for instance that of another link, or tokio's. Latencies and faults count from when the
    /// [ends](Self::ends) are made.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ws_proto_test::link::Link;
    ///
    /// let to_proxy = Link::new();
    /// let to_server = Link::new().at(&to_proxy.time());
    /// to_proxy.time().advance(Duration::from_secs(1));
    /// assert_eq!(to_server.time().now(), Duration::from_secs(1));
    /// ```
    pub fn at(mut self, time: &Time) -> Self {
        self.time = time.clone();
        self
    }

    /// Sets the same conditions both ways.
    ///
    /// ```
    /// use std::io::Write;
    /// use ws_proto_test::link::{Conditions, Link};
    ///
    /// let (mut left, mut right) = Link::new().both_ways(Conditions::new().capacity(4)).ends();
    /// assert_eq!(left.write(b"hello").unwrap(), 4);
    /// assert_eq!(right.write(b"hello").unwrap(), 4);
    /// ```
    pub fn both_ways(self, conditions: Conditions) -> Self {
        self.left_to_right(conditions.clone())
            .right_to_left(conditions)
    }

    /// Sets the conditions for the bytes that the left end writes.
    pub fn left_to_right(mut self, conditions: Conditions) -> Self {
        self.left_to_right = conditions;
        self
    }

    /// Sets the conditions for the bytes that the right end writes.
    pub fn right_to_left(mut self, conditions: Conditions) -> Self {
        self.right_to_left = conditions;
        self
    }

    /// The time of this link.
    #[must_use]
    pub fn time(&self) -> Time {
        self.time.clone()
    }

    /// Makes the left end and the right one. Each call makes a new pair.
    #[must_use]
    pub fn ends(&self) -> (End, End) {
        let there = Arc::new(Mutex::new(Lane::new(self.left_to_right.clone(), 1)));
        let back = Arc::new(Mutex::new(Lane::new(self.right_to_left.clone(), 2)));
        let start = self.time.now();
        let end = |inward: &Shared, outward: &Shared| End {
            inward: Arc::clone(inward),
            outward: Arc::clone(outward),
            time: self.time.clone(),
            start,
            read_timer: Timer::default(),
            write_timer: Timer::default(),
        };
        (end(&back, &there), end(&there, &back))
    }
}

/// One end of a [`Link`] or a [`pipe`].
///
/// A read or write that would have to wait fails with [`WouldBlock`](ErrorKind::WouldBlock); as an asynchronous stream the end is
/// pending, and the task is woken when time has passed or the other end has read or written. A read returns 0 when the
/// other end is dropped or has [ended writing](Self::end_writing), and that has arrived; a write fails with
/// [`BrokenPipe`](ErrorKind::BrokenPipe) once the other end is dropped.
///
/// ```
/// use std::io::{Read, Write};
/// use ws_proto_test::link::Link;
///
/// let (mut left, mut right) = Link::new().ends();
/// left.put(b"hello");
/// left.end_writing();
/// assert!(right.is_ended());
/// let mut text = String::new();
/// right.read_to_string(&mut text).unwrap();
/// assert_eq!(text, "hello");
/// ```
#[derive(Debug)]
pub struct End {
    inward: Shared,
    outward: Shared,
    time: Time,
    start: Duration,
    read_timer: Timer,
    write_timer: Timer,
}

/// A link without conditions that holds so many bytes in each direction.
///
/// ```
/// use std::io::{ErrorKind, Read, Write};
/// use ws_proto_test::stream::pipe;
///
/// let (mut left, mut right) = pipe(4);
/// assert_eq!(left.write(b"hello").unwrap(), 4);
/// assert_eq!(left.write(b"o").unwrap_err().kind(), ErrorKind::WouldBlock);
/// assert_eq!(right.drain(), b"hell");
/// drop(left);
/// assert_eq!(right.read(&mut [0; 4]).unwrap(), 0);
/// ```
#[must_use]
pub fn pipe(capacity: usize) -> (End, End) {
    let conditions = Conditions::new().capacity(capacity);
    Link::new().both_ways(conditions).ends()
}

fn lock(lane: &Shared) -> MutexGuard<'_, Lane> {
    lane.lock().unwrap_or_else(PoisonError::into_inner)
}

impl End {
    /// The time since the ends were made.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ws_proto_test::link::Link;
    ///
    /// let link = Link::new();
    /// link.time().advance(Duration::from_secs(5));
    /// let (left, _right) = link.ends();
    /// left.time().advance(Duration::from_secs(2));
    /// assert_eq!(left.elapsed(), Duration::from_secs(2));
    /// assert_eq!(left.time().now(), Duration::from_secs(7));
    /// ```
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.time.now().saturating_sub(self.start)
    }

    /// The time of the link.
    #[must_use]
    pub fn time(&self) -> Time {
        self.time.clone()
    }

    /// Takes all bytes that the other end has written, also those that have not arrived yet.
    ///
    /// ```
    /// use std::io::Read;
    /// use std::time::Duration;
    /// use ws_proto_test::link::{Conditions, Link};
    ///
    /// let slow = Conditions::new().latency(Duration::from_secs(1));
    /// let (mut left, mut right) = Link::new().both_ways(slow).ends();
    /// left.put(b"hello");
    /// assert!(right.read(&mut [0; 8]).is_err()); // nothing has arrived
    /// assert_eq!(right.drain(), b"hello");
    /// ```
    pub fn drain(&mut self) -> Vec<u8> {
        lock(&self.inward).drain()
    }

    /// Writes all of these bytes, for tests that know that there is room.
    ///
    /// # Panics
    ///
    /// If there is not enough room.
    pub fn put(&mut self, bytes: &[u8]) {
        self.write_all(bytes).expect("room in the pipe");
    }

    /// Whether the other end has ended writing.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        lock(&self.inward).is_shut
    }

    /// Ends the writing side of this end.
    pub fn end_writing(&mut self) {
        let now = self.elapsed();
        lock(&self.outward).end(now);
    }

    /// Resets the connection: from now on both ends fail with
    /// [`ConnectionReset`](ErrorKind::ConnectionReset).
    ///
    /// ```
    /// use std::io::{ErrorKind, Read};
    /// use ws_proto_test::link::Link;
    ///
    /// let (mut left, mut right) = Link::new().ends();
    /// left.reset();
    /// assert_eq!(right.read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    /// ```
    pub fn reset(&mut self) {
        self.reset_at(self.elapsed());
    }

    fn reset_at(&self, time: Duration) {
        for lane in [&self.inward, &self.outward] {
            let mut lane = lock(lane);
            if lane.reset_at.is_none_or(|at| at > time) {
                lane.reset_at = Some(time);
                wake(&mut lane.reader);
                wake(&mut lane.writer);
            }
        }
    }

    fn read_now(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let now = self.elapsed();
        lock(&self.inward).read(now, buffer)
    }

    fn write_now(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let now = self.elapsed();
        let (written, reset_at) = {
            let mut lane = lock(&self.outward);
            (lane.write(now, bytes), lane.reset_at)
        };
        // A reset on the way there is one on the way back.
        if let Some(time) = reset_at {
            self.reset_at(time);
        }
        written
    }

    /// Reads the bytes that have arrived; without any, keeps the waker of the task.
    ///
    /// ```
    /// use std::task::{Context, Poll};
    /// use ws_proto_test::link::Link;
    /// use ws_proto_test::task::Wakes;
    ///
    /// let (mut left, mut right) = Link::new().ends();
    /// let wakes = Wakes::new();
    /// let waker = wakes.waker();
    /// let mut cx = Context::from_waker(&waker);
    /// let mut buffer = [0; 8];
    /// assert!(right.poll_read_with(&mut cx, &mut buffer).is_pending());
    /// left.put(b"hello");
    /// assert_eq!(wakes.count(), 1);
    /// assert!(matches!(right.poll_read_with(&mut cx, &mut buffer), Poll::Ready(Ok(5))));
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConnectionReset`](ErrorKind::ConnectionReset).
    pub fn poll_read_with(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut waits = false;
        loop {
            match self.read_now(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                done => {
                    self.read_timer.cancel();
                    return Poll::Ready(done);
                }
            }
            if !waits {
                // Looks once more: the other end can be in another thread, and have written before the waker was there.
                lock(&self.inward).reader = Some(cx.waker().clone());
                waits = true;
                continue;
            }
            let now = self.time.now().saturating_sub(self.start);
            let next = lock(&self.inward).next_arrival(now);
            let Some(next) = next else {
                return Poll::Pending;
            };
            let deadline = self.start.saturating_add(next);
            if (self.time.poll_until(cx, deadline, &mut self.read_timer)).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Writes as much as there is room for; without room, keeps the waker of the task.
    ///
    /// ```
    /// use std::task::{Context, Poll, Waker};
    /// use ws_proto_test::stream::pipe;
    ///
    /// let (mut left, mut right) = pipe(4);
    /// let mut cx = Context::from_waker(Waker::noop());
    /// assert!(matches!(left.poll_write_with(&mut cx, b"hello"), Poll::Ready(Ok(4))));
    /// assert!(left.poll_write_with(&mut cx, b"o").is_pending());
    /// right.drain();
    /// assert!(matches!(left.poll_write_with(&mut cx, b"o"), Poll::Ready(Ok(1))));
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConnectionReset`](ErrorKind::ConnectionReset), or [`BrokenPipe`](ErrorKind::BrokenPipe) if the other end is
    /// dropped or the writing side has ended.
    pub fn poll_write_with(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut waits = false;
        loop {
            match self.write_now(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                done => {
                    self.write_timer.cancel();
                    return Poll::Ready(done);
                }
            }
            if !waits {
                // As for a read.
                lock(&self.outward).writer = Some(cx.waker().clone());
                waits = true;
                continue;
            }
            let Some(reset_at) = lock(&self.outward).reset_at else {
                return Poll::Pending;
            };
            let deadline = self.start.saturating_add(reset_at);
            if (self.time.poll_until(cx, deadline, &mut self.write_timer)).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Waits for bytes and reads once; 0 is the end of the stream.
    ///
    /// ```
    /// use ws_proto_test::link::Link;
    ///
    /// let link = Link::random(7);
    /// let (mut left, mut right) = link.ends();
    /// let received = link.time().run(async {
    ///     left.write_whole(b"x").await?;
    ///     left.end_writing();
    ///     let mut buffer = [0; 8];
    ///     assert_eq!(right.read_some(&mut buffer).await?, 1);
    ///     right.read_some(&mut buffer).await
    /// })?;
    /// assert_eq!(received?, 0); // the end
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`poll_read_with`](Self::poll_read_with).
    pub async fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_read_with(cx, buffer)).await
    }

    /// Writes all of these bytes, and waits for room: the example is at [`read_some`](Self::read_some).
    ///
    /// # Errors
    ///
    /// As [`poll_write_with`](Self::poll_write_with).
    pub async fn write_whole(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let n = poll_fn(|cx| self.poll_write_with(cx, bytes)).await?;
            bytes = &bytes[n..];
        }
        Ok(())
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.end_writing();
        let mut lane = lock(&self.inward);
        lane.reader_is_gone = true;
        wake(&mut lane.writer);
    }
}

impl Read for End {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_now(buffer)
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_now(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(feature = "mio")]
impl ws_proto_mio::Stream for End {
    fn shutdown(&mut self) -> io::Result<()> {
        self.end_writing();
        Ok(())
    }
}

#[cfg(any(feature = "futures", feature = "tokio"))]
crate::stream::asynchronous!(End);
