//! A connection as a stream of bytes.

#[cfg(feature = "futures-io")]
mod futures;
#[cfg(feature = "tokio")]
mod tokio;

use std::fmt;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use ws_proto::byte_stream::{ByteReader, ByteStreamOptions};

use crate::io::Io;
use crate::message::Closed;
use crate::socket::WebSocket;

/// A connection as a stream of bytes: `AsyncRead`, `AsyncBufRead` and `AsyncWrite` of tokio (feature `tokio`) and of
/// futures (feature `futures-io`). [`WebSocket::into_byte_stream`] makes it; [`ws_proto::byte_stream`] says what becomes of
/// messages, of both ends, and of errors.
///
/// For two tasks, `split` of tokio and of futures makes halves of it. Whichever is waited for does the work of both: Pings
/// are answered and timers run while one task only writes.
///
/// # Cancel safety
///
/// A read whose future is dropped has taken nothing, a write has sent nothing or all that it reports. The futures of
/// `read_exact`, `write_all` and the like are those of tokio and of futures, which say how much they lose.
///
/// ```
/// # use ws_proto_async::{ByteStreamError, CloseCode, Io, WebSocket};
/// use std::future::poll_fn;
///
/// /// How many bytes come, and with which code the peer has closed if that was no clean end.
/// async fn count<T: Io>(socket: WebSocket<T>) -> std::io::Result<(usize, Option<CloseCode>)> {
///     let mut stream = socket.into_byte_stream();
///     let (mut count, mut buffer) = (0, vec![0; 16 * 1024]);
///     loop {
///         // `stream.read(&mut buffer).await` with the traits of a runtime.
///         match poll_fn(|cx| stream.poll_read(cx, &mut buffer)).await {
///             Ok(0) => return Ok((count, None)),
///             Ok(n) => count += n,
///             Err(error) => match ByteStreamError::of(&error) {
///                 Some(closed @ ByteStreamError::Closed { .. }) => {
///                     return Ok((count, closed.close_code()));
///                 }
///                 _ => return Err(error),
///             },
///         }
///     }
/// }
/// ```
///
/// # End
///
/// Shut down, read to the end, then drop it. Dropping it drops the stream below, and the peer sees no Close.
pub struct ByteStream<T> {
    socket: WebSocket<T>,
    reader: ByteReader,
    options: ByteStreamOptions,
}

impl<T: Io> WebSocket<T> {
    /// The connection as a stream of bytes, for programs that read and write with the traits of their runtime. What was
    /// received before and not taken is read first; of a message of which pieces were taken, the rest.
    pub fn into_byte_stream(self) -> ByteStream<T> {
        let options = ByteStreamOptions::new();
        ByteStream {
            socket: self,
            reader: ByteReader::new(options),
            options,
        }
    }
}

impl<T: Io> ByteStream<T> {
    /// With other options.
    #[must_use]
    pub fn with_options(self, options: ByteStreamOptions) -> Self {
        Self {
            socket: self.socket,
            reader: self.reader.with_options(options),
            options,
        }
    }

    /// The subprotocol that the handshake agreed on.
    pub fn subprotocol(&self) -> Option<&str> {
        self.socket.subprotocol()
    }

    /// Code and reason of the peer's Close, once that has come.
    pub fn closed(&self) -> Option<Closed> {
        self.socket.closed()
    }

    /// The connection.
    pub const fn get_ref(&self) -> &WebSocket<T> {
        &self.socket
    }

    /// The connection, to change compression or to send a Ping for instance. Receiving from it takes bytes of this stream
    /// away.
    pub const fn get_mut(&mut self) -> &mut WebSocket<T> {
        &mut self.socket
    }

    /// What was received and is not read yet, without a look at the stream below.
    pub fn buffered(&self) -> &[u8] {
        self.reader.buffered()
    }

    /// The connection, to go on with messages. Of a message that was read in part, the rest comes by
    /// [`next_piece`](WebSocket::next_piece), and [`next`](WebSocket::next) drops it.
    ///
    /// # Errors
    ///
    /// The byte stream, if something is [buffered](Self::buffered): read that first.
    pub fn into_inner(self) -> Result<WebSocket<T>, Self> {
        if self.buffered().is_empty() {
            Ok(self.socket)
        } else {
            Err(self)
        }
    }

    /// Reads into `buffer`. 0 bytes are the end, unless `buffer` is empty. For runtimes with traits of their own, as the
    /// other polls.
    ///
    /// # Errors
    ///
    /// Those of [`ws_proto::byte_stream`].
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.socket
            .core()
            .poll_read_bytes(cx, &mut self.reader, buffer)
    }

    /// Waits until something is [buffered](Self::buffered), and returns that. Nothing is the end.
    ///
    /// # Errors
    ///
    /// As [`poll_read`](Self::poll_read).
    pub fn poll_fill_buf(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        if self.buffered().is_empty() {
            ready!(
                self.socket
                    .core()
                    .poll_read_bytes(cx, &mut self.reader, &mut [])
            )?;
        }
        Poll::Ready(Ok(self.reader.buffered()))
    }

    /// The first `n` of the [buffered](Self::buffered) bytes are taken.
    pub fn consume(&mut self, n: usize) {
        self.reader.consume(n);
    }

    /// Sends a message of the first bytes of `data`; how many that are.
    ///
    /// # Errors
    ///
    /// Those of [`ws_proto::byte_stream`].
    pub fn poll_write(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let data = data.get(..self.options.get_message_size()).unwrap_or(data);
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let core = self.socket.core();
        ready!(core.poll_write_bytes(cx, &mut self.reader, data))?;
        Poll::Ready(Ok(data.len()))
    }

    /// As [`poll_write`](Self::poll_write), with all of `slices` together.
    ///
    /// # Errors
    ///
    /// As [`poll_write`](Self::poll_write).
    pub fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write(cx, &self.options.join(slices))
    }

    /// Waits until the stream below has all that was written.
    ///
    /// # Errors
    ///
    /// As [`poll_write`](Self::poll_write).
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let core = self.socket.core();
        core.poll_flush_bytes(cx, &mut self.reader)
    }

    /// Ends writing: sends Close 1000, and waits until the stream below has that and all before. Reading goes on until the
    /// peer's Close. After an end of the connection it does nothing.
    ///
    /// # Errors
    ///
    /// As [`poll_write`](Self::poll_write).
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let core = self.socket.core();
        core.poll_shutdown_bytes(cx, &mut self.reader)
    }
}

impl<T> fmt::Debug for ByteStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteStream")
            .field("socket", &self.socket)
            .field("reader", &self.reader)
            .field("options", &self.options)
            .finish()
    }
}
