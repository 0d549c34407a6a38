//! The traits that a runtime implements.

use std::io::{self, ErrorKind, IoSlice};
use std::task::{Context, Poll};

use ws_proto::Instant;

/// The clock and the timer of a runtime.
///
/// ```
/// use std::pin::Pin;
/// use std::task::{Context, Poll};
/// use std::time::{Duration, Instant};
///
/// /// The clock of the system, and tokio's timer.
/// struct Clock {
///     epoch: Instant,
///     sleep: Pin<Box<tokio::time::Sleep>>,
/// }
///
/// impl ws_proto_async::Timer for Clock {
///     fn now(&self) -> ws_proto_async::Instant {
///         ws_proto_async::Instant::now_since(self.epoch)
///     }
///
///     fn poll_until(&mut self, cx: &mut Context<'_>, deadline: ws_proto_async::Instant) -> Poll<()> {
///         let deadline = self.epoch + Duration::from_millis(deadline.as_millis());
///         self.sleep.as_mut().reset(deadline.into());
///         self.sleep.as_mut().poll(cx)
///     }
/// }
/// ```
pub trait Timer {
    /// The time, by the runtime's clock.
    fn now(&self) -> Instant;

    /// Ready once [`now`](Self::now) has reached `deadline`, by the runtime's timer. Called with
    /// another deadline than before, it waits for that one, earlier or later.
    fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()>;
}

/// A byte stream together with the clock and the timer of its runtime.
///
/// This is all that a runtime has to bring: implement it for a new one, and every type of this
/// crate works there. The adapters do it for every stream of their ecosystem.
///
/// All polls follow the usual contract: [`Poll::Pending`] has taken the waker of the context, and
/// has had no effect otherwise.
///
/// ```
/// use std::io::{self, IoSlice, Read, Write};
/// use std::task::{Context, Poll};
/// use ws_proto_async::{Instant, Io, Timer};
///
/// /// A stream that is always ready, such as one in memory.
/// struct Ready<S> {
///     stream: S,
///     epoch: std::time::Instant,
/// }
///
/// impl<S> Timer for Ready<S> {
///     fn now(&self) -> Instant {
///         Instant::now_since(self.epoch)
///     }
///
///     fn poll_until(&mut self, _: &mut Context<'_>, deadline: Instant) -> Poll<()> {
///         if self.now() < deadline { Poll::Pending } else { Poll::Ready(()) } // a runtime wakes the task
///     }
/// }
///
/// impl<S: Read + Write + Unpin> Io for Ready<S> {
///     type Stream = S;
///
///     fn poll_read(&mut self, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
///         Poll::Ready(self.stream.read(buffer))
///     }
///
///     fn poll_write(&mut self, _: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
///         Poll::Ready(self.stream.write_vectored(slices))
///     }
///
///     fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
///         Poll::Ready(self.stream.flush())
///     }
///
///     fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
///         Poll::Ready(Ok(()))
///     }
///
///     fn stream(&self) -> &S {
///         &self.stream
///     }
///
///     fn stream_mut(&mut self) -> &mut S {
///         &mut self.stream
///     }
///
///     fn into_stream(self) -> S {
///         self.stream
///     }
/// }
/// ```
pub trait Io: Timer + Unpin {
    /// The stream inside.
    type Stream;

    /// Reads into `buffer`, which is not empty; 0 is the end of the stream.
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Writes from `slices` in order; the first one is not empty. A stream that cannot gather
    /// writes from the first one only.
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;

    /// Hands the written bytes to the transport below.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Ends the writing side.
    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// The stream inside.
    fn stream(&self) -> &Self::Stream;

    /// The stream inside. Reading from it or writing to it breaks the connection.
    fn stream_mut(&mut self) -> &mut Self::Stream;

    /// Takes the stream out.
    fn into_stream(self) -> Self::Stream;
}

/// Reads once. A stream that counts more than it has room for fails: bytes would be missed.
#[inline]
pub(crate) fn poll_read<T: Io>(
    io: &mut T,
    cx: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    match io.poll_read(cx, buffer) {
        Poll::Ready(Ok(n)) if n > buffer.len() => Poll::Ready(Err(ErrorKind::InvalidData.into())),
        read => read,
    }
}
