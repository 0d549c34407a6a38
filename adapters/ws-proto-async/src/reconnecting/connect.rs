//! The trait of streams that can be connected anew.

use std::future::Future;

use ws_proto::opening::{ConnectError, Connector, Response};

use crate::io::{Io, Timer};
use crate::socket::WebSocket;

/// A stream that its runtime can connect to the server that a URL names: what
/// [`Reconnecting::new`](super::Reconnecting::new) asks for. The adapters implement it.
///
/// ```
/// use ws_proto_async::{Connect, ConnectError, Reconnecting};
///
/// /// Works with the streams of every adapter.
/// fn news<T: Connect>() -> Result<Reconnecting<T>, ConnectError> {
///     Reconnecting::new("wss://example.com/news")
/// }
/// ```
///
/// An implementation for a stream of a program's own:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use std::io::{self, IoSlice};
/// # use std::task::{Context, Poll};
/// use std::time::Duration;
/// use tokio::io::{DuplexStream, duplex};
/// use ws_proto_async::client::connect_over;
/// # use ws_proto_async::{Instant, Io};
/// use ws_proto_async::{Connect, ConnectError, Connector, Reconnecting, Response, Timer, Update, WebSocket};
/// use ws_proto_tokio::Tokio;
///
/// /// A stream to a server in this process. `Io` and `Timer` are those of the stream inside.
/// struct InProcess(Tokio<DuplexStream>);
///
/// impl Connect for InProcess {
///     async fn connect(connector: Connector) -> Result<(WebSocket<Self>, Response), ConnectError> {
///         let (near, far) = duplex(4096);
///         tokio::spawn(serve(far));
///         connect_over(Self(Tokio::new(near)), connector, Duration::from_secs(10)).await
///     }
///
///     fn timer() -> impl Timer + Send + 'static {
///         Tokio::timer()
///     }
/// }
///
/// # impl Timer for InProcess {
/// #     fn now(&self) -> Instant { self.0.now() }
/// #     fn poll_until(&mut self, cx: &mut Context<'_>, at: Instant) -> Poll<()> { self.0.poll_until(cx, at) }
/// # }
/// # impl Io for InProcess {
/// #     type Stream = DuplexStream;
/// #     fn poll_read(&mut self, cx: &mut Context<'_>, b: &mut [u8]) -> Poll<io::Result<usize>> { self.0.poll_read(cx, b) }
/// #     fn poll_write(&mut self, cx: &mut Context<'_>, s: &[IoSlice<'_>]) -> Poll<io::Result<usize>> { self.0.poll_write(cx, s) }
/// #     fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> { self.0.poll_flush(cx) }
/// #     fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> { self.0.poll_shutdown(cx) }
/// #     fn stream(&self) -> &DuplexStream { self.0.stream() }
/// #     fn stream_mut(&mut self) -> &mut DuplexStream { self.0.stream_mut() }
/// #     fn into_stream(self) -> DuplexStream { self.0.into_stream() }
/// # }
/// # async fn serve(stream: DuplexStream) {
/// #     let Ok(mut socket) = ws_proto_tokio::accept(stream).await else { return };
/// #     while let Some(Ok(_)) = socket.next().await {}
/// # }
/// let mut client = Reconnecting::<InProcess>::new("ws://localhost/news")?;
/// assert!(matches!(client.next().await, Some(Update::Connected(_))));
/// # Ok(())
/// # }
/// ```
pub trait Connect: Io + Sized {
    /// Connects and makes the handshake, within the time of the connector's options.
    fn connect(
        connector: Connector,
    ) -> impl Future<Output = Result<(WebSocket<Self>, Response), ConnectError>> + Send + 'static;

    /// The clock and the timer of the runtime.
    fn timer() -> impl Timer + Send + 'static;
}
