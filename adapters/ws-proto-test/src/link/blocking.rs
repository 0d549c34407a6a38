//! Links for blocking programs: a thread for each end, and a time that passes when all of them wait.

use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::panic::resume_unwind;
use std::task::Poll;
use std::time::Duration;

use super::time::Timer;
use super::{Conditions, End, Hang, Link, Time};

/// An [`End`] whose reads and writes block, in the time of its link: see [`Link::run_threads`].
///
/// ```
/// use std::io::{ErrorKind, Read};
/// use std::time::Duration;
/// use ws_proto_test::link::Link;
///
/// let (took, ()) = Link::new().run_threads(
///     |mut left| {
///         left.set_read_timeout(Some(Duration::from_secs(60)));
///         assert_eq!(left.read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock);
///         left.now()
///     },
///     |right| right.sleep(Duration::from_secs(120)).unwrap(),
/// );
/// assert!(took >= Duration::from_secs(60)); // of virtual time
/// ```
#[derive(Debug)]
pub struct BlockingEnd {
    end: End,
    time: Time,
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
}

impl BlockingEnd {
    /// Sets how long a read waits before it fails with [`WouldBlock`](ErrorKind::WouldBlock), as the call of `TcpStream`
    /// does; with `None`, the default, it waits without a limit.
    pub const fn set_read_timeout(&mut self, time: Option<Duration>) {
        self.read_timeout = time;
    }

    /// Sets how long a write waits before it fails with [`WouldBlock`](ErrorKind::WouldBlock).
    ///
    /// ```
    /// use std::io::{ErrorKind, Write};
    /// use std::time::Duration;
    /// use ws_proto_test::link::{Conditions, Link};
    ///
    /// let narrow = Link::new().left_to_right(Conditions::new().capacity(4));
    /// let (kind, ()) = narrow.run_threads(
    ///     |mut left| {
    ///         left.set_write_timeout(Some(Duration::from_secs(5)));
    ///         left.write_all(b"hello").unwrap_err().kind()
    ///     },
    ///     |right| right.sleep(Duration::from_secs(60)).unwrap(), // reads nothing
    /// );
    /// assert_eq!(kind, ErrorKind::WouldBlock);
    /// ```
    pub const fn set_write_timeout(&mut self, time: Option<Duration>) {
        self.write_timeout = time;
    }

    /// Waits in the time of the link.
    ///
    /// # Errors
    ///
    /// [`Hang`], if it began elsewhere in the meantime.
    pub fn sleep(&self, time: Duration) -> Result<(), Hang> {
        self.time.block_on(self.time.sleep(time))
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.time.now()
    }

    /// The time of the link.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ws_proto_test::link::Link;
    ///
    /// let (clock, ()) = Link::new().run_threads(
    ///     |left| left.time(),
    ///     |right| right.sleep(Duration::from_secs(3)).unwrap(),
    /// );
    /// assert_eq!(clock.now(), Duration::from_secs(3));
    /// ```
    #[must_use]
    pub fn time(&self) -> Time {
        self.time.clone()
    }

    /// Ends the writing side.
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use ws_proto_test::link::Link;
    ///
    /// let (answer, question) = Link::new().run_threads(
    ///     |mut left| {
    ///         left.write_all(b"how many?")?;
    ///         left.end_writing();
    ///         std::io::read_to_string(left) // it still reads
    ///     },
    ///     |mut right| {
    ///         let mut question = String::new();
    ///         right.read_to_string(&mut question)?;
    ///         right.write_all(b"three")?;
    ///         Ok::<_, std::io::Error>(question)
    ///     },
    /// );
    /// assert_eq!((&*question?, &*answer?), ("how many?", "three"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn end_writing(&mut self) {
        self.end.end_writing();
    }

    /// Resets the connection.
    ///
    /// ```
    /// use std::io::{ErrorKind, Read};
    /// use ws_proto_test::link::Link;
    ///
    /// let (kind, ()) = Link::new().run_threads(
    ///     |mut left| left.read(&mut [0; 4]).unwrap_err().kind(),
    ///     |mut right| right.reset(),
    /// );
    /// assert_eq!(kind, ErrorKind::ConnectionReset);
    /// ```
    pub fn reset(&mut self) {
        self.end.reset();
    }

    fn wait<T>(
        &mut self,
        timeout: Option<Duration>,
        mut poll: impl FnMut(&mut End, &mut std::task::Context<'_>) -> Poll<io::Result<T>>,
    ) -> io::Result<T> {
        let deadline = timeout.map(|timeout| self.time.now().saturating_add(timeout));
        let mut timer = Timer::default();
        let (time, end) = (&self.time, &mut self.end);
        let done = time.block_on(poll_fn(|cx| {
            if let Poll::Ready(done) = poll(end, cx) {
                return Poll::Ready(done);
            }
            match deadline {
                Some(deadline) => time
                    .poll_until(cx, deadline, &mut timer)
                    .map(|()| Err(ErrorKind::WouldBlock.into())),
                None => Poll::Pending,
            }
        }));
        done.unwrap_or_else(|hang| Err(io::Error::new(ErrorKind::Deadlock, hang)))
    }
}

impl Read for BlockingEnd {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.wait(self.read_timeout, |end, cx| end.poll_read_with(cx, buffer))
    }
}

impl Write for BlockingEnd {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wait(self.write_timeout, |end, cx| end.poll_write_with(cx, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Counts the thread out, however it ends.
struct Running(Time);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.end_thread();
    }
}

impl Link {
    /// Runs two blocking functions in two threads, each with an end, until both have returned. Time passes when both
    /// wait in a call of their end. When they would wait for each other without an end, these calls fail with
    /// [`Deadlock`](ErrorKind::Deadlock) at once.
    ///
    /// Written bytes take a microsecond at least, so that no read depends on which thread is faster: the run is
    /// the same each time. The functions must not wait for anything but their end.
    ///
    /// ```
    /// use std::io::{ErrorKind, Read, Write};
    /// use ws_proto_test::link::Link;
    ///
    /// let (asked, answered) = Link::new().run_threads(
    ///     |mut left| {
    ///         left.write_all(b"are you there?")?;
    ///         left.read(&mut [0; 16]) // nobody writes: that hangs
    ///     },
    ///     |mut right| right.read_exact(&mut [0; 20]),
    /// );
    /// assert_eq!(asked.unwrap_err().kind(), ErrorKind::Deadlock);
    /// assert_eq!(answered.unwrap_err().kind(), ErrorKind::Deadlock);
    /// ```
    ///
    /// # Panics
    ///
    /// If one of them does.
    pub fn run_threads<A: Send, B: Send>(
        &self,
        left: impl FnOnce(BlockingEnd) -> A + Send,
        right: impl FnOnce(BlockingEnd) -> B + Send,
    ) -> (A, B) {
        let least = Duration::from_micros(1);
        let later = |conditions: &Conditions| {
            let latency = conditions.latency.max(least);
            conditions.clone().latency(latency)
        };
        let link = Self::new()
            .at(&self.time)
            .left_to_right(later(&self.left_to_right))
            .right_to_left(later(&self.right_to_left));
        let (one, other) = link.ends();
        let blocking = |end: End| BlockingEnd {
            end,
            time: self.time.clone(),
            read_timeout: None,
            write_timeout: None,
        };
        let (one, other) = (blocking(one), blocking(other));
        self.time.begin_thread();
        self.time.begin_thread();
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                let _running = Running(self.time.clone());
                right(other)
            });
            let one = scope.spawn(|| {
                let _running = Running(self.time.clone());
                left(one)
            });
            let join = |joined: std::thread::Result<A>| {
                joined.unwrap_or_else(|panic| resume_unwind(panic))
            };
            let one = join(one.join());
            (
                one,
                other.join().unwrap_or_else(|panic| resume_unwind(panic)),
            )
        })
    }
}
