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
    ///
    /// ```
    /// # ws_proto_suite::shells::example::bytes(async |socket| {
    /// use std::future::poll_fn;
    ///
    /// let mut stream = socket.into_byte_stream();
    /// let mut greeting = [0; 5]; // of the server
    /// // `stream.read(&mut greeting).await` with the traits of a runtime.
    /// let n = poll_fn(|cx| stream.poll_read(cx, &mut greeting)).await?;
    /// assert_eq!(greeting.get(..n), Some(&b"hello"[..]));
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
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
    ///
    /// ```
    /// # ws_proto_suite::shells::example::bytes(async |socket| {
    /// use ws_proto_async::ByteStreamOptions;
    ///
    /// // Messages of 4 KiB at most, and text is read as bytes.
    /// let options = ByteStreamOptions::new().message_size(4096).accept_text(true);
    /// let stream = socket.into_byte_stream().with_options(options);
    /// # drop(stream);
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn with_options(self, options: ByteStreamOptions) -> Self {
        Self {
            socket: self.socket,
            reader: self.reader.with_options(options),
            options,
        }
    }

    /// The subprotocol that the handshake agreed on.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::bytes(async |socket| {
    /// let stream = socket.into_byte_stream();
    /// assert_eq!(stream.subprotocol(), None);
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.socket.subprotocol()
    }

    /// Code and reason of the peer's Close, once that has come.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::bytes(async |socket| {
    /// use std::future::poll_fn;
    /// use ws_proto_async::CloseCode;
    ///
    /// let mut stream = socket.into_byte_stream();
    /// let mut buffer = [0; 1024];
    /// while poll_fn(|cx| stream.poll_read(cx, &mut buffer)).await? > 0 {}
    /// assert_eq!(stream.closed().unwrap().code, Some(CloseCode::NORMAL));
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        self.socket.closed()
    }

    /// The connection.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::bytes(async |socket| {
    /// let stream = socket.into_byte_stream();
    /// println!("{} bytes wait", stream.get_ref().pending_bytes());
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub const fn get_ref(&self) -> &WebSocket<T> {
        &self.socket
    }

    /// The connection, to change compression or to send a Ping for instance. Receiving from it takes bytes of this stream
    /// away.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::bytes(async |socket| {
    /// let mut stream = socket.into_byte_stream();
    /// stream.get_mut().ping(b"are you there").await?;
    /// # Ok(())
    /// # });
    /// ```
    pub const fn get_mut(&mut self) -> &mut WebSocket<T> {
        &mut self.socket
    }

    /// What was received and is not read yet, without a look at the stream below.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::bytes(async |socket| {
    /// use std::future::poll_fn;
    ///
    /// let mut stream = socket.into_byte_stream();
    /// assert!(stream.buffered().is_empty());
    /// poll_fn(|cx| stream.poll_fill_buf(cx).map_ok(drop)).await?;
    /// assert_eq!(stream.buffered(), b"hello"); // the server's greeting
    /// stream.consume(4);
    /// assert_eq!(stream.buffered(), b"o");
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn buffered(&self) -> &[u8] {
        self.reader.buffered()
    }

    /// The connection, to go on with messages. Of a message that was read in part, the rest comes by
    /// [`next_piece`](WebSocket::next_piece), and [`next`](WebSocket::next) drops it.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::bytes(async |socket| {
    /// let stream = socket.into_byte_stream();
    /// // ... the bytes of another protocol, and then:
    /// let mut socket = stream.into_inner().expect("all is read");
    /// socket.send("messages again").await?;
    /// # Ok(())
    /// # });
    /// ```
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
    /// ```
    /// # ws_proto_suite::shells::example::bytes(async |socket| {
    /// use std::future::poll_fn;
    ///
    /// let mut stream = socket.into_byte_stream();
    /// let mut buffer = [0; 4];
    /// let n = poll_fn(|cx| stream.poll_read(cx, &mut buffer)).await?;
    /// assert_eq!((n, &buffer), (4, b"hell")); // of "hello"
    /// # Ok(())
    /// # });
    /// ```
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
    /// ```
    /// # ws_proto_suite::shells::example::bytes(async |socket| {
    /// use std::future::poll_fn;
    ///
    /// let mut stream = socket.into_byte_stream();
    /// let mut bytes = 0;
    /// loop {
    ///     let n = poll_fn(|cx| stream.poll_fill_buf(cx).map_ok(<[u8]>::len)).await?;
    ///     if n == 0 {
    ///         break; // the end
    ///     }
    ///     bytes += n;
    ///     stream.consume(n);
    /// }
    /// assert_eq!(bytes, 5);
    /// # Ok(())
    /// # });
    /// ```
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
    ///
    /// ```
    /// # ws_proto_suite::shells::example::bytes(async |socket| {
    /// use std::future::poll_fn;
    ///
    /// let mut stream = socket.into_byte_stream();
    /// poll_fn(|cx| stream.poll_fill_buf(cx).map_ok(drop)).await?;
    /// stream.consume(2);
    /// assert_eq!(stream.buffered(), b"llo"); // of "hello"
    /// # Ok(())
    /// # });
    /// ```
    pub fn consume(&mut self, n: usize) {
        self.reader.consume(n);
    }

    /// Sends a message of the first bytes of `data`; how many that are.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::bytes(async |socket| {
    /// use std::future::poll_fn;
    ///
    /// let mut stream = socket.into_byte_stream();
    /// let mut rest = &b"more than one message, perhaps"[..];
    /// while !rest.is_empty() {
    ///     let n = poll_fn(|cx| stream.poll_write(cx, rest)).await?;
    ///     rest = rest.get(n..).unwrap_or_default();
    /// }
    /// poll_fn(|cx| stream.poll_flush(cx)).await?;
    /// # Ok(())
    /// # });
    /// ```
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
    /// ```
    /// # ws_proto_suite::shells::example::bytes(async |socket| {
    /// use std::future::poll_fn;
    /// use std::io::IoSlice;
    ///
    /// let mut stream = socket.into_byte_stream();
    /// let slices = [IoSlice::new(b"head "), IoSlice::new(b"body")];
    /// let n = poll_fn(|cx| stream.poll_write_vectored(cx, &slices)).await?;
    /// assert_eq!(n, 9); // one message
    /// # Ok(())
    /// # });
    /// ```
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
    /// ```
    /// # ws_proto_suite::shells::example::bytes(async |socket| {
    /// use std::future::poll_fn;
    ///
    /// let mut stream = socket.into_byte_stream();
    /// poll_fn(|cx| stream.poll_write(cx, b"now")).await?;
    /// poll_fn(|cx| stream.poll_flush(cx)).await?;
    /// assert_eq!(stream.get_ref().pending_bytes(), 0);
    /// # Ok(())
    /// # });
    /// ```
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
    /// ```
    /// # ws_proto_suite::shells::example::bytes(async |socket| {
    /// use std::future::poll_fn;
    ///
    /// let mut stream = socket.into_byte_stream();
    /// poll_fn(|cx| stream.poll_shutdown(cx)).await?; // Close 1000
    /// let mut buffer = [0; 1024];
    /// while poll_fn(|cx| stream.poll_read(cx, &mut buffer)).await? > 0 {} // to the peer's Close
    /// # Ok(())
    /// # });
    /// ```
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
