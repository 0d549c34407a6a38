//! The traits that a runtime implements.

use std::io::{self, ErrorKind, IoSlice};
use std::task::{Context, Poll};

use ws_proto::Instant;

/// The clock and the timer of a runtime.
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
