//! The turns of an open [`WebSocket`] over a blocking stream.

use std::io::{self, ErrorKind, IoSlice, Read, Write};

use super::error::Error;
use super::now;
use super::stream::{is_timeout, read_once};
use crate::buf::Input;
use crate::connection::Role;
use crate::socket::{VectoredSend, WebSocket};
use crate::transport::Transport;

impl<R: Role> WebSocket<R> {
    /// One turn with a blocking stream: writes what waits, then reads once what comes. `false` when
    /// the connection is over and the stream is to be closed.
    ///
    /// Call it in a loop around [`next_message`](Self::next_message), which has to be called until
    /// it gives `None`: before that nothing is read. When it fails, [`flush`](Self::flush) sends the
    /// Close frame that explains why. A read or write that times out is no error: the rest is for
    /// the next turn, or is given up if the connection is over.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Eof`] if the peer left without a closing handshake,
    /// [`Error::TimedOut`].
    pub fn exchange<S: Read + Write>(&mut self, stream: &mut S) -> Result<bool, Error> {
        let ticked = self.tick(now());
        if self.transport() != Transport::Abort {
            match self.flush(stream) {
                Err(error) if is_timeout(&error) => {}
                flushed => flushed?,
            }
        }
        ticked?;
        if matches!(self.transport(), Transport::Close | Transport::Abort) {
            return Ok(false);
        }
        if !self.wants_read() {
            return Ok(true);
        }
        let closing = self.transport() == Transport::AwaitEof;
        // The space may be longer, but bytes read after a big frame would have to be moved.
        let hint = self.read_hint();
        let space = self.read_buf(hint).get_mut(..hint).unwrap_or_default();
        let read = match read_once(stream, space) {
            // Some servers reset instead of closing once the closing handshake is done.
            Err(error) if closing && error.kind() == ErrorKind::ConnectionReset => Some(0),
            read => read?,
        };
        match read {
            Some(0) => {
                self.receive_eof()?;
                Ok(false)
            }
            Some(n) => {
                self.advance(n);
                Ok(true)
            }
            None => Ok(true),
        }
    }

    /// Writes what waits to be written.
    ///
    /// # Errors
    ///
    /// What the stream says, also that a write has timed out; what was written is not written
    /// again.
    pub fn flush<S: Write>(&mut self, stream: &mut S) -> io::Result<()> {
        while !self.pending().is_empty() {
            match stream.write(self.pending()) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => self.consume(n),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        stream.flush()
    }

    /// With the bytes that were received after the handshake.
    pub(super) fn with_input(mut self, input: &mut Input<'_>) -> Self {
        let rest = input.take(input.len());
        if let Some(space) = self.read_buf(rest.len()).get_mut(..rest.len()) {
            space.copy_from_slice(rest);
        }
        self.advance(rest.len());
        self
    }
}

impl<R: Role> VectoredSend<'_, R> {
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
    /// What the stream says; what was written until then is not written again.
    pub fn write_to<S: Write>(self, stream: &mut S) -> io::Result<()> {
        let mut written = 0;
        let result = write_slices(stream, self.slices(), &mut written);
        self.consume(written);
        match result.and_then(|()| stream.flush()) {
            Err(error) if is_timeout(&error) => Ok(()),
            result => result,
        }
    }
}

/// Writes all of `slices` as if they were one, and counts what was written.
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
