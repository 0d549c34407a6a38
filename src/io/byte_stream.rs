//! A connection as `Read` and `Write`, over a blocking stream.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use std::io::{self, BufRead, ErrorKind, IoSlice, Read, Write};

use super::now;
use super::stream::is_timeout;
use crate::byte_stream::{ByteReader, ByteStreamOptions, Filled, WRITE_WAITS, read_end, write_end};
use crate::close::{CloseCode, CloseReason};
use crate::connection::Role;
use crate::error::SendError;
use crate::message::Message;
use crate::socket::{Failure, Next, Want, WebSocket};
use crate::time::Instant;
use crate::transport::Transport;

/// A connection as a stream of bytes, over a blocking stream: `Read`, `BufRead` and `Write`.
/// [`WebSocket::into_byte_stream`] makes it; [`byte_stream`](crate::byte_stream) says what becomes of messages, of both
/// ends, and of errors.
///
/// # Time
///
/// As everywhere in [`io`](super), a read or a write of the stream that times out is no error but time that passes: this
/// waits on, and keeps the connection's timers. [`set_timeout`](Self::set_timeout) sets when it returns. Pings are answered
/// while this reads; while it writes, only if the stream takes nothing.
///
/// ```
/// use std::io::{BufRead, Read, Write};
/// use std::net::{TcpListener, TcpStream};
/// use ws_proto::opening::{Acceptor, Connector};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let address = listener.local_addr()?;
/// let server = std::thread::spawn(move || {
///     let (mut stream, _) = listener.accept()?;
///     let socket = Acceptor::new().accept(&mut stream).map_err(std::io::Error::other)?;
///     let mut stream = socket.into_byte_stream(stream);
///     let mut line = String::new();
///     stream.read_line(&mut line)?;
///     stream.write_all(line.to_uppercase().as_bytes())?;
///     stream.shutdown()?; // sends Close 1000
///     stream.read_to_end(&mut Vec::new()) // so that the client gets all
/// });
///
/// let mut stream = TcpStream::connect(address)?;
/// let (socket, _) = Connector::new(&format!("ws://{address}/"))?.connect(&mut stream)?;
/// let mut stream = socket.into_byte_stream(stream);
/// stream.write_all(b"hel")?;
/// stream.write_all(b"lo\n")?;
/// let mut answer = String::new();
/// stream.read_to_string(&mut answer)?; // to the server's Close
/// assert_eq!(answer, "HELLO\n");
/// drop(stream);
/// server.join().expect("no panic")?;
/// # Ok(())
/// # }
/// ```
pub struct ByteStream<S, R: Role, B = Vec<u8>> {
    socket: WebSocket<R, B>,
    stream: S,
    reader: ByteReader,
    options: ByteStreamOptions,
    timeout: Option<Duration>,
}

impl<R: Role, B: AsRef<[u8]>> WebSocket<R, B> {
    /// The connection as a stream of bytes, over the stream that its handshake was made on. That can be a `&mut TcpStream`
    /// too. What was received before and not asked for is read first; of a message of which pieces were emitted, the rest.
    ///
    /// ```
    /// use std::io::{Cursor, Read};
    /// use ws_proto::{Config, Negotiated, WebSocket};
    ///
    /// let client = WebSocket::client(Negotiated::new(), Config::new(), || [0; 4]);
    /// let wire = Cursor::new(b"\x82\x03hel\x82\x02lo\x88\x02\x03\xe8".to_vec()); // a `TcpStream`, in a program
    /// let mut read = String::new();
    /// client.into_byte_stream(wire).read_to_string(&mut read)?;
    /// assert_eq!(read, "hello");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn into_byte_stream<S: Read + Write>(self, stream: S) -> ByteStream<S, R, B> {
        let options = ByteStreamOptions::new();
        ByteStream {
            socket: self,
            stream,
            reader: ByteReader::new(options),
            options,
            timeout: None,
        }
    }
}

impl<S, R: Role, B: AsRef<[u8]>> ByteStream<S, R, B> {
    /// With other options.
    #[must_use]
    pub fn with_options(self, options: ByteStreamOptions) -> Self {
        Self {
            reader: self.reader.with_options(options),
            options,
            ..self
        }
    }

    /// Sets how long a read, a write or a flush waits before it fails with
    /// [`WouldBlock`](ErrorKind::WouldBlock); `None`, which it is unless this says otherwise, for as long as it takes. Nothing
    /// is lost by that: call again. It is noticed when a read or a write of the stream times out, so give the stream shorter
    /// ones. `Duration::ZERO` is for a stream that never blocks.
    pub const fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout;
    }

    /// The connection: code and reason of the peer's Close, for instance.
    #[must_use]
    pub const fn socket(&self) -> &WebSocket<R, B> {
        &self.socket
    }

    /// The connection, to change compression for instance. Receiving from it takes bytes of this stream away.
    #[must_use]
    pub const fn socket_mut(&mut self) -> &mut WebSocket<R, B> {
        &mut self.socket
    }

    /// The stream below, to set timeouts for instance.
    #[must_use]
    pub const fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream below. Reading from it or writing to it breaks the connection.
    #[must_use]
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// What was received and is not read yet, without a look at the stream below.
    #[must_use]
    pub fn buffered(&self) -> &[u8] {
        self.reader.buffered()
    }

    /// The connection and the stream below, to go on with messages. Of a message that was read in part, the rest comes
    /// in pieces ([`Want::Piece`]) or is dropped.
    ///
    /// # Errors
    ///
    /// The byte stream, if something is [buffered](Self::buffered): read that first.
    ///
    /// ```
    /// use std::io::{BufRead, Cursor, Read};
    /// use std::time::Duration;
    /// use ws_proto::byte_stream::ByteStreamOptions;
    /// use ws_proto::{Config, Negotiated, WebSocket};
    ///
    /// let client = WebSocket::client(Negotiated::new(), Config::new(), || [0; 4]);
    /// let wire = Cursor::new(b"\x82\x05hello".to_vec()); // a `TcpStream`, in a program
    /// let mut stream = client
    ///     .into_byte_stream(wire)
    ///     .with_options(ByteStreamOptions::new().message_size(4096));
    /// stream.set_timeout(Some(Duration::from_secs(5)));
    /// assert_eq!(stream.fill_buf()?, b"hello");
    /// stream.consume(2);
    /// assert_eq!(stream.buffered(), b"llo");
    /// assert_eq!(stream.get_ref().position(), 7);
    /// assert!(stream.socket().connection().can_send());
    /// stream.socket_mut().set_compressing(false);
    ///
    /// let Err(mut stream) = stream.into_inner() else {
    ///     panic!("three bytes are not read yet");
    /// };
    /// stream.read_exact(&mut [0; 3])?;
    /// stream.get_mut().set_position(0); // whatever the program does with it
    /// let Ok((client, wire)) = stream.into_inner() else {
    ///     panic!("all is read");
    /// };
    /// # let _ = (client, wire);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[expect(clippy::result_large_err, reason = "it is given back")]
    pub fn into_inner(self) -> Result<(WebSocket<R, B>, S), Self> {
        if self.buffered().is_empty() {
            Ok((self.socket, self.stream))
        } else {
            Err(self)
        }
    }
}

impl<S: Read + Write, R: Role, B: AsRef<[u8]>> ByteStream<S, R, B> {
    /// Ends writing: sends queued output and Close 1000, and waits until the stream has taken that. Reading goes on until the
    /// peer's Close. After an end of the connection it does nothing.
    ///
    /// # Errors
    ///
    /// As a flush.
    pub fn shutdown(&mut self) -> io::Result<()> {
        let closed = self
            .socket
            .sender()
            .close(CloseCode::NORMAL, CloseReason::EMPTY);
        match closed {
            Ok(()) | Err(SendError::Closed) => self.flush(),
            Err(error) => Err(self.write_end(error)),
        }
    }

    /// Reads into `buffer`; if that is empty, into the reader.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let patience = self.patience();
        loop {
            match self.reader.fill(&mut self.socket, buffer) {
                Filled::Bytes(n) => return Ok(n),
                Filled::Write => {
                    // What ends by it is reported once all that was read is.
                    if !matches!(self.try_flush(), Ok(true)) {
                        let _ = self.socket.tick(now());
                        patience.check()?;
                    }
                }
                Filled::Yield => {}
                // The peer's Close is the end of reading, and writing may go on: `Config::manual_close`.
                Filled::End if self.socket.transport() == Transport::Open => {
                    return self.read_end();
                }
                Filled::Read | Filled::End => match self.socket.exchange(&mut self.stream) {
                    Ok(true) => {
                        if !self.has_read() {
                            patience.check()?;
                        }
                    }
                    Ok(false) => return self.read_end(),
                    Err(super::Error::Io(error)) => {
                        return read_end(&self.socket, || error).map(|()| 0);
                    }
                    Err(_) => return self.read_end(),
                },
            }
        }
    }

    /// Whether something was received that is not looked at.
    fn has_read(&self) -> bool {
        !self.socket.wants_read()
    }

    fn send(&mut self, data: &[u8]) -> io::Result<usize> {
        let most = self.options.get_message_size();
        let data = data.get(..most).unwrap_or(data);
        if data.is_empty() {
            return Ok(0);
        }
        self.wait_for_room()?;
        let sent = self.socket.sender().send_vectored(Message::Binary(data));
        match sent.map(|send| send.write_to(&mut self.stream)) {
            Ok(Ok(())) => Ok(data.len()),
            Ok(Err(error)) => Err(self.write_failed(error)),
            Err(refused) => Err(self.write_end(refused)),
        }
    }

    fn wait_for_room(&mut self) -> io::Result<()> {
        let patience = self.patience();
        loop {
            if !self.socket.connection().can_send() {
                return Err(self.write_end(SendError::Closed));
            }
            if self.has_room() || (self.try_flush()? && self.has_room()) {
                return Ok(());
            }
            self.wait_for_writing(&patience)?;
        }
    }

    fn has_room(&mut self) -> bool {
        self.socket.pending_bytes() < WRITE_WAITS && self.socket.sender().room() > 0
    }

    /// Writes as far as the stream takes it; whether that is all.
    fn try_flush(&mut self) -> io::Result<bool> {
        match self.socket.flush(&mut self.stream) {
            Ok(()) => Ok(true),
            Err(error) if is_timeout(&error) => Ok(false),
            Err(error) => Err(self.write_failed(error)),
        }
    }

    /// The stream takes nothing: the peer may have to write first.
    fn wait_for_writing(&mut self, patience: &Patience) -> io::Result<()> {
        // Pings are answered, and the peer's Close is noticed.
        let next = self.socket.poll_next(Want::Nothing);
        if matches!(next, Ok(Next::Untaken)) && self.buffered().is_empty() {
            // It may be the end of a compressed message, which has no bytes any more: nobody would read it, and the
            // peer would be stopped.
            self.reader.fill(&mut self.socket, &mut []);
        }
        match self.socket.exchange(&mut self.stream) {
            Ok(true) => patience.check(),
            Ok(false) => Ok(()),
            Err(super::Error::Io(error)) => {
                Err(write_end(&self.socket, SendError::Closed, || error))
            }
            Err(_) => Err(self.write_end(SendError::Closed)),
        }
    }

    fn write_failed(&mut self, error: io::Error) -> io::Error {
        self.socket.write_failed();
        self.socket.keep_error(error);
        self.write_end(SendError::Closed)
    }

    /// How reading has ended.
    fn read_end(&mut self) -> io::Result<usize> {
        let transport = self.transport_error();
        read_end(&self.socket, transport).map(|()| 0)
    }

    /// Why nothing is sent.
    fn write_end(&mut self, refused: SendError) -> io::Error {
        let transport = self.transport_error();
        write_end(&self.socket, refused, transport)
    }

    /// The error of the stream, if that has ended the connection.
    fn transport_error(&mut self) -> impl FnOnce() -> io::Error + use<S, R, B> {
        let has_failed = matches!(self.socket.failure(), Some(Failure::Read | Failure::Write));
        let error = has_failed.then(|| self.socket.kept_error());
        || error.unwrap_or_else(|| ErrorKind::BrokenPipe.into())
    }

    /// Waiting begins.
    fn patience(&self) -> Patience {
        Patience(self.timeout.map(|timeout| now() + timeout))
    }
}

/// Until when a call waits.
struct Patience(Option<Instant>);

impl Patience {
    fn check(&self) -> io::Result<()> {
        match self.0 {
            Some(end) if now() >= end => Err(ErrorKind::WouldBlock.into()),
            _ => Ok(()),
        }
    }
}

impl<S: Read + Write, R: Role, B: AsRef<[u8]>> Read for ByteStream<S, R, B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.fill(buffer)
    }
}

impl<S: Read + Write, R: Role, B: AsRef<[u8]>> BufRead for ByteStream<S, R, B> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.buffered().is_empty() {
            self.fill(&mut [])?;
        }
        Ok(self.reader.buffered())
    }

    fn consume(&mut self, n: usize) {
        self.reader.consume(n);
    }
}

impl<S: Read + Write, R: Role, B: AsRef<[u8]>> Write for ByteStream<S, R, B> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.send(data)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.send(&self.options.join(slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        let patience = self.patience();
        loop {
            if let Some(Failure::Write | Failure::TimedOut(_)) = self.socket.failure() {
                return Err(self.write_end(SendError::Closed));
            }
            if self.try_flush()? {
                return Ok(());
            }
            self.wait_for_writing(&patience)?;
        }
    }
}

impl<S: fmt::Debug, R: Role, B> fmt::Debug for ByteStream<S, R, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteStream")
            .field("socket", &self.socket)
            .field("stream", &self.stream)
            .field("reader", &self.reader)
            .finish_non_exhaustive()
    }
}
