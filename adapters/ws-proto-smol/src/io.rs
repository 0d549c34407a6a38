//! Streams of `futures-io`, and the timer of `async-io`.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use async_io::Timer;
use futures_io::{AsyncRead, AsyncWrite};
use ws_proto_async::{Instant as Time, Io, Timer as Clock};

/// A stream of `futures-io` with the timer of `async-io`: what the types of this crate are made
/// over.
///
/// ```
/// # smol::block_on(async {
/// use ws_proto_smol::{Negotiated, Options, Smol, WebSocket};
///
/// // A connection whose handshake was done elsewhere, with bytes that were read after it.
/// let (stream, peer) = ws_proto_test::stream::pipe(1024);
/// let received = b"\x81\x85\0\0\0\0hello";
/// let mut socket = WebSocket::server(Smol::new(stream), Negotiated::new(), received, Options::new());
/// assert_eq!(socket.next().await.unwrap()?.as_text(), Some("hello"));
/// # drop(peer);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Smol<S> {
    stream: S,
    epoch: Instant,
    /// Made when the first deadline comes, and when it rings.
    timer: Option<(Timer, Instant)>,
}

impl<S> Smol<S> {
    /// Wraps a stream.
    ///
    /// ```
    /// # smol::block_on(async {
    /// # let port = ws_proto_suite::shells::example::server();
    /// # let url = format!("ws://127.0.0.1:{port}/");
    /// use ws_proto_smol::{Client, ClientStream, Smol};
    ///
    /// let (socket, _) = Client::new().connect_with(&*url, |stream: ClientStream| Smol::new(stream)).await?;
    /// # drop(socket);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            epoch: Instant::now(),
            timer: None,
        }
    }
}

impl Smol<()> {
    /// The clock and the timer without a stream, for [`Reconnecting::from_connections`](crate::Reconnecting).
    ///
    /// ```
    /// # smol::block_on(async {
    /// # let port = ws_proto_suite::shells::example::server();
    /// # let url = format!("ws://127.0.0.1:{port}/");
    /// use ws_proto_smol::{AttemptError, Client, ClientStream, Reconnecting, Smol, Update};
    ///
    /// let mut client = Reconnecting::<ClientStream>::from_connections(Smol::timer(), move || {
    ///     let url = url.clone();
    ///     async move { Ok::<_, AttemptError>(Client::new().connect(&*url).await?) }
    /// });
    /// assert!(matches!(client.next().await, Some(Update::Connected(_))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn timer() -> Self {
        Self::new(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Io for Smol<S> {
    type Stream = S;

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
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
        Pin::new(&mut self.stream).poll_close(cx)
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

impl<S> Clock for Smol<S> {
    fn now(&self) -> Time {
        Time::from_millis(self.epoch.elapsed().as_millis() as u64)
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Time) -> Poll<()> {
        let deadline = self.epoch + Duration::from_millis(deadline.as_millis());
        let (timer, rings) = self
            .timer
            .get_or_insert_with(|| (Timer::at(deadline), deadline));
        if *rings != deadline {
            timer.set_at(deadline);
            *rings = deadline;
        }
        ready!(Pin::new(timer).poll(cx));
        // It has rung, and would not again.
        self.timer = None;
        Poll::Ready(())
    }
}

impl<S> fmt::Debug for Smol<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smol").finish_non_exhaustive()
    }
}
