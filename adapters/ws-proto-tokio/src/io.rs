//! tokio's streams, clock and timer.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};
use ws_proto_async::{Instant as Time, Io, Timer};

/// A stream of tokio's with tokio's timer: what the types of this crate are made over.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ws_proto_tokio::{Negotiated, Options, Tokio, WebSocket};
///
/// // A connection whose handshake was done elsewhere, with bytes that were read after it.
/// let (stream, peer) = ws_proto_test::stream::pipe(1024);
/// let received = b"\x81\x85\0\0\0\0hello";
/// let mut socket = WebSocket::server(Tokio::new(stream), Negotiated::new(), received, Options::new());
/// assert_eq!(socket.next().await.unwrap()?.as_text(), Some("hello"));
/// # drop(peer);
/// # Ok(())
/// # }
/// ```
pub struct Tokio<S> {
    stream: S,
    epoch: Instant,
    /// Made when the first deadline comes.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<S> Tokio<S> {
    /// Wraps a stream.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let port = ws_proto_suite::shells::example::server();
    /// # let url = format!("ws://127.0.0.1:{port}/");
    /// use ws_proto_tokio::{Client, ClientStream, Tokio};
    ///
    /// let (socket, _) = Client::new().connect_with(&*url, |stream: ClientStream| Tokio::new(stream)).await?;
    /// # drop(socket);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            epoch: Instant::now(),
            sleep: None,
        }
    }
}

impl Tokio<()> {
    /// The clock and the timer without a stream, for [`Reconnecting::from_connections`](crate::Reconnecting).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let port = ws_proto_suite::shells::example::server();
    /// # let url = format!("ws://127.0.0.1:{port}/");
    /// use ws_proto_tokio::{AttemptError, Client, ClientStream, Reconnecting, Tokio, Update};
    ///
    /// let mut client = Reconnecting::<ClientStream>::from_connections(Tokio::timer(), move || {
    ///     let url = url.clone();
    ///     async move { Ok::<_, AttemptError>(Client::new().connect(&*url).await?) }
    /// });
    /// assert!(matches!(client.next().await, Some(Update::Connected(_))));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn timer() -> Self {
        Self::new(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Io for Tokio<S> {
    type Stream = S;

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.stream);
        match slices {
            [only] => stream.poll_write(cx, only),
            slices => stream.poll_write_vectored(cx, slices),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn stream(&self) -> &S {
        &self.stream
    }

    fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    fn into_stream(self) -> S {
        self.stream
    }
}

impl<S> Timer for Tokio<S> {
    fn now(&self) -> Time {
        Time::from_millis(self.epoch.elapsed().as_millis() as u64)
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Time) -> Poll<()> {
        let deadline = self.epoch + Duration::from_millis(deadline.as_millis());
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(cx)
    }
}

impl<S> fmt::Debug for Tokio<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokio").finish_non_exhaustive()
    }
}
