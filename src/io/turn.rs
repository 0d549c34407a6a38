//! The turns of an open [`WebSocket`] over a blocking stream.

use std::io::{self, ErrorKind, IoSlice, Read, Write};

use super::error::Error;
use super::now;
use super::stream::{self, is_timeout, read_once};
use crate::connection::Role;
use crate::socket::{Failure, VectoredSend, WebSocket};

/// After so many reads in a row the time is looked at though there may be more to read.
const MAX_READS: u8 = 16;

impl<R: Role, B: AsRef<[u8]>> WebSocket<R, B> {
    /// One turn with a blocking stream: writes the queued output, then reads once. `false` when
    /// the connection is over and the stream is to be closed.
    ///
    /// Call it in a loop around [`next_message`](Self::next_message), which has to be called until
    /// it gives `None`: before that nothing is read. A read or write that times out is no error: the rest is for
    /// the next turn. After a write that failed, what the peer has sent is still read: its Close, which
    /// says why it left, makes an end without an error.
    ///
    /// After a fault of the peer's, turns write the Close frame and read on, until the peer ends its side or for
    /// the [linger time](Self::with_linger_time): a stream that is closed while bytes wait in it is reset, and the
    /// Close frame would be lost. A stream that can be half-closed saves that time. After
    /// [`flush`](Self::flush), if [`wants_half_close`](Self::wants_half_close), do it (`TcpStream::shutdown`),
    /// call [`half_closed`](Self::half_closed), and go on.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Eof`] if the peer left without a closing handshake,
    /// [`Error::TimedOut`].
    ///
    /// ```
    /// use std::io::Cursor;
    /// use ws_proto::{Config, Negotiated, WebSocket};
    ///
    /// let mut stream = Cursor::new(b"\x81\x85\0\0\0\0hello".to_vec()); // a `TcpStream`, in a program
    /// let mut server = WebSocket::server(Negotiated::new(), Config::new());
    /// assert!(server.exchange(&mut stream)?);
    /// while let Some((message, mut reply)) = server.next_message()? {
    ///     reply.send(message)?;
    /// }
    /// server.flush(&mut stream)?; // or the next `exchange`
    /// assert!(stream.into_inner().ends_with(b"\x81\x05hello"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn exchange<S: Read + Write>(&mut self, stream: &mut S) -> Result<bool, Error> {
        // Unread bytes in the stream, such as the peer's Close, win over expired timers: so the time is
        // looked at when there is nothing to read, or if there always is.
        if self.reads_since_tick() >= MAX_READS {
            // What ends by it is reported below.
            let _ = self.tick(now());
        }
        if !self.write_out(stream) {
            return self.ended();
        }
        if !self.wants_read() {
            // The output has to be written first, and the stream does not take it.
            let _ = self.tick(now());
            return Ok(true);
        }
        // The space may be longer, but bytes read after a big frame would have to be moved.
        let hint = self.read_hint();
        let space = self.read_buf(hint).get_mut(..hint).unwrap_or_default();
        match read_once(stream, space) {
            Ok(Some(0)) => {
                // What it means is reported by `ended`.
                let _ = self.receive_eof();
            }
            Ok(Some(n)) => {
                self.advance(n);
                return Ok(true);
            }
            Ok(None) => {
                let is_blocked = self.pending_bytes() > 0;
                let _ = self.tick(now());
                if is_blocked && !self.is_over() {
                    return Ok(true);
                }
            }
            Err(error) => {
                self.read_failed();
                self.keep_error(error);
            }
        }
        if self.write_out(stream) {
            Ok(true)
        } else {
            self.ended()
        }
    }

    /// Writes as far as the stream takes it; whether the connection goes on.
    fn write_out<S: Write>(&mut self, stream: &mut S) -> bool {
        // After a timer has ended, the Close frame that says so waits.
        if !self.is_over() || self.pending_bytes() > 0 {
            self.write(stream);
        }
        if self.wants_half_close() {
            self.half_closed();
        }
        !self.is_over()
    }

    /// Writes as far as the stream takes it. A failure ends writing only.
    fn write<S: Write>(&mut self, stream: &mut S) {
        match self.flush(stream) {
            Err(error) if !is_timeout(&error) => {
                self.write_failed();
                self.keep_error(error);
            }
            _ => {}
        }
    }

    /// How it has ended.
    fn ended(&mut self) -> Result<bool, Error> {
        match self.failure() {
            None | Some(Failure::Receive(_)) => Ok(false),
            Some(Failure::Eof(error)) => Err(error.into()),
            Some(Failure::TimedOut(error)) => Err(error.into()),
            Some(Failure::Read | Failure::Write) => Err(self.kept_error().into()),
        }
    }

    /// Writes the queued output.
    ///
    /// # Errors
    ///
    /// The error of the stream, also when a write has timed out; written bytes are not written
    /// again.
    pub fn flush<S: Write>(&mut self, stream: &mut S) -> io::Result<()> {
        while self.pending_bytes() > 0 {
            match stream.write(self.pending()) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => self.consume(n),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        stream::flush(stream)
    }
}

impl<R: Role, B: AsRef<[u8]>> VectoredSend<'_, R, B> {
    /// Writes the queued output and then the message, uncopied, and flushes: `write_vectored`, so the stream
    /// should have that. What it does not take for as long as it waits is for
    /// [`flush`](WebSocket::flush) or the next [turn](WebSocket::exchange).
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use ws_proto::{Config, Message, Negotiated, WebSocket};
    /// # let mut stream = std::net::TcpStream::connect("localhost:80")?;
    /// let mut server = WebSocket::server(Negotiated::new(), Config::new());
    /// server.sender().send_vectored(Message::Text("hello"))?.write_to(&mut stream)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The error of the stream; bytes that were written until then are not written again.
    pub fn write_to<S: Write>(self, stream: &mut S) -> io::Result<()> {
        let mut written = 0;
        let result = write_slices(stream, self.slices(), &mut written);
        self.consume(written);
        match result.and_then(|()| stream::flush(stream)) {
            Err(error) if is_timeout(&error) => Ok(()),
            result => result,
        }
    }
}

/// Writes all of `slices` as if they were one, and counts the written bytes.
fn write_slices<S: Write>(
    stream: &mut S,
    slices: [&[u8]; 3],
    written: &mut usize,
) -> io::Result<()> {
    loop {
        let mut skipped = *written;
        let left = slices.map(|slice| {
            let left = slice.get(skipped..).unwrap_or_default();
            skipped = skipped.saturating_sub(slice.len());
            left
        });
        if left.iter().all(|slice| slice.is_empty()) {
            return Ok(());
        }
        match stream.write_vectored(&left.map(IoSlice::new)) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => *written += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
