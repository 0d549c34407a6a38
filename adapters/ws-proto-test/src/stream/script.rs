use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
#[cfg(any(feature = "futures", feature = "tokio"))]
use std::{
    pin::Pin,
    task::{Context, Poll},
};

/// A stream whose reads and writes have the results that the test has listed, one after the other.
///
/// After the last read of the script the stream has ended; after the last write it takes everything.
/// [`block_at_the_end`](Self::block_at_the_end) and [`write_always`](Self::write_always) change that.
/// A read of more bytes than the reader has room for gives the rest to the reads after it.
///
/// As an asynchronous stream it is pending where it would block, and wakes the task at once.
///
/// ```
/// use std::io::{ErrorKind, Read, Write};
/// use ws_proto_test::stream::Script;
///
/// let mut stream = Script::new().then_read(b"hello").then_write_error(ErrorKind::BrokenPipe);
/// let mut buffer = [0; 4];
/// assert_eq!(stream.read(&mut buffer).unwrap(), 4);
/// assert_eq!(stream.read(&mut buffer).unwrap(), 1);
/// assert_eq!(stream.read(&mut buffer).unwrap(), 0, "the end");
/// assert_eq!(stream.write(b"lost").unwrap_err().kind(), ErrorKind::BrokenPipe);
/// assert_eq!(stream.write(b"kept").unwrap(), 4);
/// assert_eq!(stream.written(), b"kept");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Script {
    reads: VecDeque<Result<Vec<u8>, ErrorKind>>,
    writes: VecDeque<Result<usize, ErrorKind>>,
    written: Vec<u8>,
    write_count: usize,
    blocks_at_the_end: bool,
    takes: Option<usize>,
    is_shut: bool,
}

impl Script {
    /// A stream that has ended and takes everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next read gives these bytes. No bytes are the end of the stream.
    #[must_use]
    pub fn then_read(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.reads.push_back(Ok(bytes.into()));
        self
    }

    /// The next read fails.
    ///
    /// ```
    /// use std::io::{ErrorKind, Read};
    /// use ws_proto_test::stream::Script;
    ///
    /// let mut stream = Script::new().then_read(b"hel").then_read_error(ErrorKind::ConnectionReset);
    /// assert_eq!(stream.read(&mut [0; 8]).unwrap(), 3);
    /// assert_eq!(stream.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    /// ```
    #[must_use]
    pub fn then_read_error(mut self, kind: ErrorKind) -> Self {
        self.reads.push_back(Err(kind));
        self
    }

    /// The next reads, in order: the bytes that each returns, or how it fails.
    ///
    /// ```
    /// use std::io::{ErrorKind, Read};
    /// use ws_proto_test::stream::Script;
    ///
    /// let mut stream = Script::new()
    ///     .then_reads([Ok(b"ab".to_vec()), Err(ErrorKind::WouldBlock), Ok(b"c".to_vec())])
    ///     .block_at_the_end();
    /// assert_eq!(stream.read(&mut [0; 8]).unwrap(), 2);
    /// assert_eq!(stream.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    /// assert_eq!(stream.read(&mut [0; 8]).unwrap(), 1);
    /// assert_eq!(stream.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    /// ```
    #[must_use]
    pub fn then_reads(
        mut self,
        reads: impl IntoIterator<Item = Result<Vec<u8>, ErrorKind>>,
    ) -> Self {
        self.reads.extend(reads);
        self
    }

    /// The next write takes so many bytes at most.
    ///
    /// ```
    /// use std::io::Write;
    /// use ws_proto_test::stream::Script;
    ///
    /// let mut stream = Script::new().then_write(1).then_write(2);
    /// assert_eq!(stream.write(b"hello").unwrap(), 1);
    /// assert_eq!(stream.write(b"ello").unwrap(), 2);
    /// assert_eq!(stream.write(b"lo").unwrap(), 2); // after the script it takes everything
    /// ```
    #[must_use]
    pub fn then_write(mut self, n: usize) -> Self {
        self.writes.push_back(Ok(n));
        self
    }

    /// The next write fails.
    #[must_use]
    pub fn then_write_error(mut self, kind: ErrorKind) -> Self {
        self.writes.push_back(Err(kind));
        self
    }

    /// The next writes, in order: how many bytes each takes at most, or how it fails.
    ///
    /// ```
    /// use std::io::Write;
    /// use ws_proto_test::stream::Script;
    ///
    /// let mut stream = Script::new().then_writes([Ok(1), Ok(2)]).write_always(3);
    /// stream.write_all(b"abcdefgh").unwrap();
    /// assert_eq!((stream.written(), stream.write_count()), (&b"abcdefgh"[..], 4));
    /// ```
    #[must_use]
    pub fn then_writes(
        mut self,
        writes: impl IntoIterator<Item = Result<usize, ErrorKind>>,
    ) -> Self {
        self.writes.extend(writes);
        self
    }

    /// After the last read of the script reads would block: the stream does not end.
    #[must_use]
    pub const fn block_at_the_end(mut self) -> Self {
        self.blocks_at_the_end = true;
        self
    }

    /// After the last write of the script each write takes so many bytes at most.
    #[must_use]
    pub const fn write_always(mut self, n: usize) -> Self {
        self.takes = Some(n);
        self
    }

    /// Adds a read to the end of the script.
    ///
    /// ```
    /// use std::io::{ErrorKind, Read};
    /// use ws_proto_test::stream::Script;
    ///
    /// let mut stream = Script::new().block_at_the_end();
    /// assert_eq!(stream.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    /// stream.push_read(Ok(b"now".to_vec()));
    /// assert_eq!(stream.read(&mut [0; 8]).unwrap(), 3);
    /// ```
    pub fn push_read(&mut self, read: Result<Vec<u8>, ErrorKind>) {
        self.reads.push_back(read);
    }

    /// Adds a write to the end of the script.
    ///
    /// ```
    /// use std::io::{ErrorKind, Write};
    /// use ws_proto_test::stream::Script;
    ///
    /// let mut stream = Script::new();
    /// assert_eq!(stream.write(b"hello").unwrap(), 5);
    /// stream.push_write(Err(ErrorKind::BrokenPipe));
    /// assert_eq!(stream.write(b"lost").unwrap_err().kind(), ErrorKind::BrokenPipe);
    /// ```
    pub fn push_write(&mut self, write: Result<usize, ErrorKind>) {
        self.writes.push_back(write);
    }

    /// All that was written.
    #[must_use]
    pub fn written(&self) -> &[u8] {
        &self.written
    }

    /// How many writes there were that took something.
    #[must_use]
    pub const fn write_count(&self) -> usize {
        self.write_count
    }

    /// Whether the writing side was ended.
    ///
    /// ```
    /// use ws_proto_test::stream::Script;
    ///
    /// let mut stream = Script::new();
    /// assert!(!stream.is_shut());
    /// stream.end_writing(); // or the `close` and `shutdown` of an asynchronous stream
    /// assert!(stream.is_shut());
    /// ```
    #[must_use]
    pub const fn is_shut(&self) -> bool {
        self.is_shut
    }

    /// Ends the writing side.
    pub const fn end_writing(&mut self) {
        self.is_shut = true;
    }

    #[cfg(any(feature = "futures", feature = "tokio"))]
    pub(crate) fn poll_read_with(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        poll(cx, Read::read(self, buffer))
    }

    #[cfg(any(feature = "futures", feature = "tokio"))]
    pub(crate) fn poll_write_with(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        poll(cx, Write::write(self, bytes))
    }
}

#[cfg(any(feature = "futures", feature = "tokio"))]
fn poll(cx: &mut Context<'_>, done: io::Result<usize>) -> Poll<io::Result<usize>> {
    match done {
        // An asynchronous stream fails with neither of the two.
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        done => Poll::Ready(done),
    }
}

impl Read for Script {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.reads.pop_front() {
            None if self.blocks_at_the_end => Err(ErrorKind::WouldBlock.into()),
            None => Ok(0),
            Some(Err(kind)) => Err(kind.into()),
            Some(Ok(mut bytes)) => {
                let n = bytes.len().min(buffer.len());
                buffer[..n].copy_from_slice(&bytes[..n]);
                if n < bytes.len() {
                    bytes.drain(..n);
                    self.reads.push_front(Ok(bytes));
                }
                Ok(n)
            }
        }
    }
}

impl Write for Script {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let most = match self.writes.pop_front() {
            None => self.takes.unwrap_or(usize::MAX),
            Some(most) => most?,
        };
        let n = bytes.len().min(most);
        self.written.extend_from_slice(&bytes[..n]);
        self.write_count += usize::from(n > 0);
        Ok(n)
    }

    fn write_vectored(&mut self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
        self.write(&bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(any(feature = "futures", feature = "tokio"))]
asynchronous!(Script);
