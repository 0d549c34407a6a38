//! What writes a recording, and streams that are recorded.

use std::fmt;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
#[cfg(any(feature = "futures", feature = "tokio"))]
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
#[cfg(any(feature = "futures", feature = "tokio"))]
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::format::{Bytes, Event, Header, Line, write_line};

type Now = Box<dyn Fn() -> Duration + Send>;

/// Writes a recording of one connection: see [`Recorded`]. Clones write into the same one.
///
/// A recording has everything in it that went over the connection, passwords and tokens too. After the first error of the
/// writer it writes nothing more, and [`flush`](Self::flush) reports the error: recording never makes a connection fail.
///
/// ```
/// use std::io::Write;
/// use ws_proto_test::Side;
/// use ws_proto_test::link::Link;
/// use ws_proto_test::record::{Header, Recorder, Recording};
/// use ws_proto_test::stream::SharedScript;
///
/// let file = SharedScript::default(); // or a `File`
/// let recorder = Recorder::new(file.clone(), &Header::stream(Side::Client));
/// let (left, _right) = Link::new().ends();
/// let mut stream = recorder.clone().stream(left);
/// stream.write_all(b"GET ")?;
/// recorder.flush()?;
/// assert_eq!(Recording::read(&*file.written())?.sent(), b"GET ");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Recorder(Arc<Mutex<State>>);

struct State {
    writer: Option<Box<dyn Write + Send>>,
    now: Now,
    error: Option<ErrorKind>,
}

impl Recorder {
    /// Begins a recording, and writes its first line.
    pub fn new(writer: impl Write + Send + 'static, header: &Header) -> Self {
        let epoch = Instant::now();
        let recorder = Self(Arc::new(Mutex::new(State {
            writer: Some(Box::new(writer)),
            now: Box::new(move || epoch.elapsed()),
            error: None,
        })));
        recorder.lock().write(header);
        recorder
    }

    /// Sets another clock than that of the machine, such as that of a [`Link`](crate::link::Link). It returns the time since
    /// the recording began.
    ///
    /// ```
    /// use ws_proto_test::Side;
    /// use ws_proto_test::link::Link;
    /// use ws_proto_test::record::{Event, Header, Recorder};
    ///
    /// let time = Link::new().time();
    /// let recorder = Recorder::new(std::io::sink(), &Header::stream(Side::Server)).clock(move || time.now());
    /// recorder.record(Event::ReceivedEnd);
    /// recorder.flush()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn clock(self, now: impl Fn() -> Duration + Send + 'static) -> Self {
        self.lock().now = Box::new(now);
        self
    }

    /// Wraps a stream, which is recorded from now on.
    #[must_use]
    pub const fn stream<S>(self, stream: S) -> Recorded<S> {
        Recorded {
            stream,
            recorder: Some(self),
        }
    }

    /// Writes an event, with the time now.
    pub fn record(&self, event: Event) {
        let mut state = self.lock();
        let micros = u64::try_from((state.now)().as_micros()).unwrap_or(u64::MAX);
        state.write(&Line { micros, event });
    }

    /// Flushes the writer.
    ///
    /// # Errors
    ///
    /// The first error of the writer, then or earlier.
    pub fn flush(&self) -> io::Result<()> {
        let mut state = self.lock();
        let flushed = state.writer.as_mut().map_or(Ok(()), Write::flush);
        if let Err(error) = flushed {
            state.fail(error.kind());
            return Err(error);
        }
        state.error.map_or(Ok(()), |kind| Err(kind.into()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn write(&mut self, line: &impl serde::Serialize) {
        let Some(writer) = &mut self.writer else {
            return;
        };
        if let Err(error) = write_line(writer, line) {
            self.fail(error.kind());
        }
    }

    fn fail(&mut self, kind: ErrorKind) {
        self.error = Some(kind);
        self.writer = None;
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

/// A stream that is recorded: all bytes read and written, the ends and the errors. It is a stream of `std`, of tokio
/// and of futures-io, if the stream inside is one and the feature is on.
///
/// ```
/// use std::io::{Read, Write};
/// use ws_proto_test::Side;
/// use ws_proto_test::link::Link;
/// use ws_proto_test::record::{Header, Recorder};
///
/// let (left, mut right) = Link::new().ends();
/// # #[derive(Clone, Default)] struct File(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
/// # impl Write for File {
/// #     fn write(&mut self, b: &[u8]) -> std::io::Result<usize> { self.0.lock().unwrap().write(b) }
/// #     fn flush(&mut self) -> std::io::Result<()> { Ok(()) }
/// # }
/// # let file = File::default();
/// # let text = file.clone();
/// let mut recorded = Recorder::new(file, &Header::stream(Side::Client)).stream(left);
/// recorded.write_all(b"GET ").unwrap();
/// right.write_all(b"HTTP").unwrap();
/// recorded.read(&mut [0; 8]).unwrap();
/// # let text = String::from_utf8(text.0.lock().unwrap().clone()).unwrap();
/// assert!(text.contains(r#""event":"sent","bytes":"R0VUIA=="}"#));
/// assert!(text.contains(r#""event":"received","bytes":"SFRUUA=="}"#));
/// ```
#[derive(Debug)]
pub struct Recorded<S> {
    stream: S,
    recorder: Option<Recorder>,
}

impl<S> Recorded<S> {
    /// A stream of the same type that is not recorded: for programs with an option to record.
    ///
    /// ```
    /// use ws_proto_test::Side;
    /// use ws_proto_test::record::{Header, Recorded, Recorder};
    ///
    /// fn wrap<S>(stream: S, file: Option<std::fs::File>) -> Recorded<S> {
    ///     match file {
    ///         Some(file) => Recorder::new(file, &Header::stream(Side::Client)).stream(stream),
    ///         None => Recorded::not(stream),
    ///     }
    /// }
    /// # wrap(std::io::empty(), None);
    /// ```
    #[must_use]
    pub const fn not(stream: S) -> Self {
        Self {
            stream,
            recorder: None,
        }
    }

    /// The stream inside.
    ///
    /// ```
    /// use ws_proto_test::Side;
    /// use ws_proto_test::link::Link;
    /// use ws_proto_test::record::{Header, Recorder};
    ///
    /// let (left, mut right) = Link::new().ends();
    /// let recorder = Recorder::new(std::io::sink(), &Header::stream(Side::Client));
    /// let mut stream = recorder.stream(left);
    /// right.put(b"hello");
    /// assert!(!stream.get_ref().is_ended());
    /// assert_eq!(stream.get_mut().drain(), b"hello"); // not recorded
    /// drop(stream.into_inner());
    /// assert!(right.is_ended());
    /// ```
    #[must_use]
    pub const fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream inside. Reads and writes through this reference are not recorded.
    #[must_use]
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The stream inside, without the recorder.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.stream
    }

    fn record(&self, event: impl FnOnce() -> Event) {
        if let Some(recorder) = &self.recorder {
            recorder.record(event());
        }
    }

    /// What a stream has read that says when it waits by an error.
    fn did_try_to_read(&self, read: &io::Result<usize>, buffer: &[u8]) {
        if !read.as_ref().is_err_and(is_for_the_moment) {
            self.did_read(read, buffer);
        }
    }

    fn did_read(&self, read: &io::Result<usize>, buffer: &[u8]) {
        match read {
            // An empty buffer says nothing of the stream.
            Ok(0) if buffer.is_empty() => {}
            Ok(0) => self.record(|| Event::ReceivedEnd),
            Ok(n) => self.record(|| Event::Received {
                bytes: Bytes(buffer.get(..*n).unwrap_or(buffer).to_vec()),
            }),
            Err(error) => self.record(|| Event::ReceiveFailed {
                error: format!("{:?}", error.kind()),
            }),
        }
    }

    /// As [`did_try_to_read`](Self::did_try_to_read).
    fn did_try_to_write(&self, written: &io::Result<usize>, slices: &[IoSlice<'_>]) {
        if !written.as_ref().is_err_and(is_for_the_moment) {
            self.did_write(written, slices);
        }
    }

    fn did_write(&self, written: &io::Result<usize>, slices: &[IoSlice<'_>]) {
        match written {
            Ok(0) => {}
            Ok(n) => self.record(|| {
                let bytes = slices.iter().flat_map(|slice| slice.iter().copied());
                Event::Sent {
                    bytes: Bytes(bytes.take(*n).collect()),
                }
            }),
            Err(error) => self.did_fail_to_send(error),
        }
    }

    fn did_flush(&self, flushed: &io::Result<()>) {
        if let Err(error) = flushed {
            self.did_fail_to_send(error);
        }
    }

    #[cfg(any(feature = "futures", feature = "mio", feature = "tokio"))]
    fn did_end_writing(&self, ended: &io::Result<()>) {
        match ended {
            Ok(()) => self.record(|| Event::SentEnd),
            Err(error) => self.did_fail_to_send(error),
        }
    }

    fn did_fail_to_send(&self, error: &io::Error) {
        self.record(|| Event::SendFailed {
            error: format!("{:?}", error.kind()),
        });
    }
}

/// Whether a stream of `std` or of mio only cannot do it now. An error of the system that is called a timeout is the end of a
/// connection, but on Windows, where the end of [`set_read_timeout`](std::net::TcpStream::set_read_timeout) is that too.
fn is_for_the_moment(error: &io::Error) -> bool {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::Interrupted => true,
        ErrorKind::TimedOut => cfg!(windows) || error.raw_os_error().is_none(),
        _ => false,
    }
}

impl<S: Read> Read for Recorded<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer);
        self.did_try_to_read(&read, buffer);
        read
    }
}

impl<S: Write> Write for Recorded<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.stream.write(bytes);
        self.did_try_to_write(&written, &[IoSlice::new(bytes)]);
        written
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let written = self.stream.write_vectored(slices);
        self.did_try_to_write(&written, slices);
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.stream.flush();
        if !flushed.as_ref().is_err_and(is_for_the_moment) {
            self.did_flush(&flushed);
        }
        flushed
    }
}

#[cfg(feature = "mio")]
impl<S: ws_proto_mio::Stream> ws_proto_mio::Stream for Recorded<S> {
    fn shutdown(&mut self) -> io::Result<()> {
        let ended = self.stream.shutdown();
        if !ended.as_ref().is_err_and(is_for_the_moment) {
            self.did_end_writing(&ended);
        }
        ended
    }
}

#[cfg(feature = "futures")]
impl<S: futures_io::AsyncRead + Unpin> futures_io::AsyncRead for Recorded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        self.did_read(&read, buffer);
        Poll::Ready(read)
    }
}

#[cfg(feature = "futures")]
impl<S: futures_io::AsyncWrite + Unpin> futures_io::AsyncWrite for Recorded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes));
        self.did_write(&written, &[IoSlice::new(bytes)]);
        Poll::Ready(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, slices));
        self.did_write(&written, slices);
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.stream).poll_flush(cx));
        self.did_flush(&flushed);
        Poll::Ready(flushed)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = ready!(Pin::new(&mut self.stream).poll_close(cx));
        self.did_end_writing(&ended);
        Poll::Ready(ended)
    }
}

#[cfg(feature = "tokio")]
impl<S: tokio::io::AsyncRead + Unpin> tokio::io::AsyncRead for Recorded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (before, room) = (buffer.filled().len(), buffer.remaining());
        let done = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        let filled = buffer.filled().get(before..).unwrap_or_default();
        let read = done.map(|()| filled.len());
        if room > 0 {
            match read {
                Ok(0) => self.record(|| Event::ReceivedEnd),
                _ => self.did_read(&read, filled),
            }
        }
        Poll::Ready(read.map(drop))
    }
}

#[cfg(feature = "tokio")]
impl<S: tokio::io::AsyncWrite + Unpin> tokio::io::AsyncWrite for Recorded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes));
        self.did_write(&written, &[IoSlice::new(bytes)]);
        Poll::Ready(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, slices));
        self.did_write(&written, slices);
        Poll::Ready(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.stream).poll_flush(cx));
        self.did_flush(&flushed);
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = ready!(Pin::new(&mut self.stream).poll_shutdown(cx));
        self.did_end_writing(&ended);
        Poll::Ready(ended)
    }
}
