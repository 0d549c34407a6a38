use std::io::{self, Read, Write};
use std::time::{Duration, Instant};
#[cfg(any(feature = "futures", feature = "tokio"))]
use std::{
    pin::Pin,
    task::{Context, Poll},
};

/// A stream that always has more to read: a beginning, then the same bytes again and again, one read
/// each. It takes everything that is written. So that no test hangs, it ends after a while.
///
/// ```
/// use std::io::Read;
/// use std::time::Duration;
/// use ws_proto_test::stream::Endless;
///
/// let mut stream = Endless::new(b"a", b"bc", Duration::from_secs(60));
/// let mut bytes = [0; 5];
/// stream.read_exact(&mut bytes).unwrap();
/// assert_eq!(&bytes, b"abcbc");
/// ```
#[derive(Clone, Debug)]
pub struct Endless {
    start: Vec<u8>,
    again: Vec<u8>,
    end: Instant,
}

impl Endless {
    /// A stream that ends after `time`. The buffers it is read into have to have room for `start` and for
    /// `again`.
    #[must_use]
    pub fn new(start: &[u8], again: &[u8], time: Duration) -> Self {
        Self {
            start: start.to_vec(),
            again: again.to_vec(),
            end: Instant::now() + time,
        }
    }

    #[cfg(any(feature = "futures", feature = "tokio"))]
    fn poll_read_with(
        &mut self,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.read(buffer))
    }

    #[cfg(any(feature = "futures", feature = "tokio"))]
    fn poll_write_with(&mut self, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.write(bytes))
    }

    #[cfg(any(feature = "futures", feature = "tokio"))]
    #[allow(clippy::unused_self, reason = "as other streams have it")]
    const fn end_writing(&mut self) {}
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let start = std::mem::take(&mut self.start);
        let bytes = if start.is_empty() {
            &self.again
        } else {
            &start
        };
        if Instant::now() >= self.end {
            return Ok(0);
        }
        let n = bytes.len().min(buffer.len());
        buffer[..n].copy_from_slice(&bytes[..n]);
        Ok(n)
    }
}

impl Write for Endless {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(any(feature = "futures", feature = "tokio"))]
asynchronous!(Endless);
