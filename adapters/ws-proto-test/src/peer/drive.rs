//! Streams for players.

use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::task::Poll;
use std::time::Duration;

use super::{Peer, Report, StreamEnd};
use crate::link::{BlockingEnd, End, Timer};

/// How long a write blocks a peer that could read in the meantime.
const WRITE: Duration = Duration::from_millis(20);

/// A stream that blocks, with timeouts: a [`BlockingEnd`], or a `TcpStream` with the feature `tcp`. [`Peer::play_blocking`]
/// takes any.
///
/// ```
/// use std::io::{self, Read, Write};
/// use std::net::{Shutdown, TcpListener, TcpStream};
/// use std::thread;
/// use std::time::{Duration, Instant};
/// use ws_proto_test::Side;
/// use ws_proto_test::peer::{BlockingStream, Peer};
///
/// /// A TCP stream that cannot be reset, so that the feature `tcp` is not needed.
/// struct Tcp(TcpStream, Instant);
///
/// impl BlockingStream for Tcp {
///     fn set_timeouts(&mut self, read: Option<Duration>, write: Option<Duration>) -> io::Result<()> {
///         let least = Duration::from_millis(1); // a timeout of zero is an error
///         self.0.set_read_timeout(read.map(|time| time.max(least)))?;
///         self.0.set_write_timeout(write.map(|time| time.max(least)))
///     }
///
///     fn end_writing(&mut self) -> io::Result<()> {
///         self.0.shutdown(Shutdown::Write)
///     }
///
///     fn reset(&mut self) -> io::Result<()> {
///         Err(io::ErrorKind::Unsupported.into())
///     }
///
///     fn sleep(&mut self, time: Duration) {
///         thread::sleep(time);
///     }
///
///     fn now(&self) -> Duration {
///         self.1.elapsed()
///     }
/// }
///
/// # impl Read for Tcp {
/// #     fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> { self.0.read(buffer) }
/// # }
/// # impl Write for Tcp {
/// #     fn write(&mut self, bytes: &[u8]) -> io::Result<usize> { self.0.write(bytes) }
/// #     fn flush(&mut self) -> io::Result<()> { self.0.flush() }
/// # }
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let client = TcpStream::connect(listener.local_addr()?)?;
/// let client = Tcp(client, Instant::now());
/// let client = thread::spawn(|| Peer::open(Side::Client).send_text("hi").drain().play_blocking(client));
/// let server = Tcp(listener.accept()?.0, Instant::now());
/// Peer::open(Side::Server).expect_text("hi").play_blocking(server).check()?;
/// # client.join().unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait BlockingStream: Read + Write {
    /// Sets how long reads and writes block, with `None` without a limit. After that they fail with
    /// [`WouldBlock`](ErrorKind::WouldBlock) or [`TimedOut`](ErrorKind::TimedOut).
    ///
    /// # Errors
    ///
    /// That of the stream.
    fn set_timeouts(&mut self, read: Option<Duration>, write: Option<Duration>) -> io::Result<()>;

    /// Ends the writing side.
    ///
    /// # Errors
    ///
    /// That of the stream.
    fn end_writing(&mut self) -> io::Result<()>;

    /// Resets the connection, now or when the stream is dropped.
    ///
    /// # Errors
    ///
    /// That of the stream.
    fn reset(&mut self) -> io::Result<()>;

    /// Waits.
    fn sleep(&mut self, time: Duration);

    /// The time, from any point on.
    fn now(&self) -> Duration;
}

impl BlockingStream for BlockingEnd {
    fn set_timeouts(&mut self, read: Option<Duration>, write: Option<Duration>) -> io::Result<()> {
        self.set_read_timeout(read);
        self.set_write_timeout(write);
        Ok(())
    }

    fn end_writing(&mut self) -> io::Result<()> {
        Self::end_writing(self);
        Ok(())
    }

    fn reset(&mut self) -> io::Result<()> {
        Self::reset(self);
        Ok(())
    }

    fn sleep(&mut self, time: Duration) {
        // A hang that began elsewhere is reported by the next read or write.
        let _ = Self::sleep(self, time);
    }

    fn now(&self) -> Duration {
        Self::now(self)
    }
}

#[cfg(feature = "tcp")]
impl BlockingStream for std::net::TcpStream {
    fn set_timeouts(&mut self, read: Option<Duration>, write: Option<Duration>) -> io::Result<()> {
        // A timeout of zero is an error.
        let least = Duration::from_millis(1);
        self.set_read_timeout(read.map(|time| time.max(least)))?;
        self.set_write_timeout(write.map(|time| time.max(least)))
    }

    fn end_writing(&mut self) -> io::Result<()> {
        self.shutdown(std::net::Shutdown::Write)
    }

    fn reset(&mut self) -> io::Result<()> {
        socket2::SockRef::from(&*self).set_linger(Some(Duration::ZERO))
    }

    fn sleep(&mut self, time: Duration) {
        std::thread::sleep(time);
    }

    fn now(&self) -> Duration {
        static EPOCH: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        EPOCH.get_or_init(std::time::Instant::now).elapsed()
    }
}

impl Peer {
    /// Plays the script over an end of a link, in its time, and closes the end: see [`Report`].
    pub async fn play(self, mut end: End) -> Report {
        let mut player = self.player();
        let time = end.time();
        let start = time.now();
        let mut buffer = vec![0; 16 * 1024];
        let mut timer = Timer::default();
        loop {
            let wish = player.poll(time.now() - start);
            if player.pending().is_empty() {
                match wish.end {
                    Some(StreamEnd::Writing) => {
                        end.end_writing();
                        continue;
                    }
                    Some(StreamEnd::Reset) => {
                        end.reset();
                        break;
                    }
                    Some(StreamEnd::Close) => break,
                    None => {}
                }
            }
            let reads = wish.reads && wish.end.is_none();
            poll_fn(|cx| {
                let mut has_happened = false;
                if !player.pending().is_empty() {
                    match end.poll_write_with(cx, player.pending()) {
                        Poll::Pending => {}
                        Poll::Ready(Ok(n)) => {
                            player.consume(n);
                            has_happened = true;
                        }
                        Poll::Ready(Err(_)) => {
                            player.write_failed();
                            has_happened = true;
                        }
                    }
                }
                if reads {
                    let now = time.now() - start;
                    match end.poll_read_with(cx, &mut buffer) {
                        Poll::Pending => {}
                        Poll::Ready(read) => {
                            has_happened = true;
                            match read {
                                Ok(0) => player.receive_eof(now),
                                Ok(n) => player.receive(now, &buffer[..n]),
                                Err(_) => player.read_failed(now),
                            }
                        }
                    }
                }
                if let Some(until) = wish.until {
                    let deadline = start.saturating_add(until);
                    has_happened |= time.poll_until(cx, deadline, &mut timer).is_ready();
                }
                if has_happened {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
            timer.cancel();
        }
        drop(end);
        player.into_report()
    }

    /// Plays the script over a blocking stream, and closes the stream: the [module](super) has an example.
    pub fn play_blocking<S: BlockingStream>(self, mut stream: S) -> Report {
        let mut player = self.player();
        let start = stream.now();
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let now = stream.now() - start;
            let wish = player.poll(now);
            if player.pending().is_empty() {
                match wish.end {
                    Some(StreamEnd::Writing) => {
                        let _ = stream.end_writing();
                        continue;
                    }
                    Some(StreamEnd::Reset) => {
                        let _ = stream.reset();
                        break;
                    }
                    Some(StreamEnd::Close) => break,
                    None => {}
                }
            }
            let reads = wish.reads && wish.end.is_none();
            let left = wish.until.map(|until| until.saturating_sub(now));
            let is_writing = !player.pending().is_empty();
            let (read, write) = match is_writing {
                true if reads => (Some(Duration::ZERO), Some(WRITE)),
                true => (None, left),
                false => (left, None),
            };
            if stream.set_timeouts(read, write).is_err() {
                player.read_failed(now);
                continue;
            }
            let mut is_stuck = false;
            if is_writing {
                match stream.write(player.pending()) {
                    Ok(n) => player.consume(n),
                    Err(error) if is_timeout(&error) => is_stuck = true,
                    Err(_) => player.write_failed(),
                }
            }
            if reads && (!is_writing || is_stuck) {
                let read = stream.read(&mut buffer);
                let now = stream.now() - start;
                match read {
                    Ok(0) => player.receive_eof(now),
                    Ok(n) => player.receive(now, &buffer[..n]),
                    Err(error) if is_timeout(&error) => {}
                    Err(_) => player.read_failed(now),
                }
            } else if !is_writing {
                stream.sleep(left.unwrap_or(WRITE));
            }
        }
        drop(stream);
        player.into_report()
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}
