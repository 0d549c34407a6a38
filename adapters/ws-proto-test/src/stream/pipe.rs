use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
#[cfg(any(feature = "futures", feature = "tokio"))]
use std::{
    pin::Pin,
    task::{Context, Poll},
};

/// What one end has written and the other has not read.
#[derive(Debug, Default)]
struct Channel {
    bytes: VecDeque<u8>,
    capacity: usize,
    is_shut: bool,
    reader_is_gone: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Channel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.bytes.is_empty() && !self.is_shut {
            return Err(ErrorKind::WouldBlock.into());
        }
        wake(&mut self.writer);
        self.bytes.read(buffer)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.reader_is_gone || self.is_shut {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let n = bytes.len().min(self.capacity - self.bytes.len());
        if n == 0 && !bytes.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.bytes.extend(&bytes[..n]);
        wake(&mut self.reader);
        Ok(n)
    }
}

type Shared = Arc<Mutex<Channel>>;

/// One end of a [pipe].
///
/// A read from an empty pipe and a write to a full one would block; as an asynchronous stream the end
/// is pending, and the task is woken when the other end has made room or written. A read gives 0 when
/// the other end is dropped or has [ended writing](Self::end_writing); a write then fails with
/// [`BrokenPipe`](ErrorKind::BrokenPipe) if it is dropped.
#[derive(Debug)]
pub struct End {
    inward: Shared,
    outward: Shared,
}

/// A pipe that holds so many bytes in each direction.
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
    let channel = || {
        Arc::new(Mutex::new(Channel {
            capacity,
            ..Channel::default()
        }))
    };
    let (one, other) = (channel(), channel());
    let left = End {
        inward: Arc::clone(&one),
        outward: Arc::clone(&other),
    };
    let right = End {
        inward: other,
        outward: one,
    };
    (left, right)
}

fn lock(channel: &Shared) -> MutexGuard<'_, Channel> {
    channel.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl End {
    /// Takes all that the other end has written.
    pub fn drain(&mut self) -> Vec<u8> {
        let mut channel = lock(&self.inward);
        wake(&mut channel.writer);
        channel.bytes.drain(..).collect()
    }

    /// Writes all of it.
    ///
    /// # Panics
    ///
    /// If there is not enough room.
    pub fn put(&mut self, bytes: &[u8]) {
        self.write_all(bytes).expect("room in the pipe");
    }

    /// Whether the other end writes no more.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        lock(&self.inward).is_shut
    }

    /// Ends the writing side of this end.
    pub fn end_writing(&mut self) {
        let mut channel = lock(&self.outward);
        channel.is_shut = true;
        wake(&mut channel.reader);
    }

    #[cfg(any(feature = "futures", feature = "tokio"))]
    fn poll_read_with(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut channel = lock(&self.inward);
        match channel.read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                channel.reader = Some(cx.waker().clone());
                Poll::Pending
            }
            done => Poll::Ready(done),
        }
    }

    #[cfg(any(feature = "futures", feature = "tokio"))]
    fn poll_write_with(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut channel = lock(&self.outward);
        match channel.write(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                channel.writer = Some(cx.waker().clone());
                Poll::Pending
            }
            done => Poll::Ready(done),
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.end_writing();
        let mut channel = lock(&self.inward);
        channel.reader_is_gone = true;
        wake(&mut channel.writer);
    }
}

impl Read for End {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        lock(&self.inward).read(buffer)
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.outward).write(bytes)
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
asynchronous!(End);
