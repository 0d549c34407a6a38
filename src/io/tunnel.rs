//! A tunnel through an HTTP proxy, over a blocking stream.

use alloc::vec::Vec;
use core::fmt;
use std::io::{self, IoSlice, Read, Write};

use super::open::ask;
use crate::opening::{ConnectError, Connector, Proxy, Proxying, Response};

impl Proxy {
    /// Asks the proxy at the other end of a blocking stream for a tunnel to the host and port of `connector`,
    /// within [`Options::handshake_time`](crate::opening::Options::handshake_time). The stream can be
    /// `&mut TcpStream` too.
    ///
    /// With a `wss` URL the tunnel is the stream for TLS, with a `ws` URL it is that for
    /// [`Connector::connect`].
    ///
    /// # Errors
    ///
    /// [`ConnectError::Proxy`]; with [`ProxyError::Refused`](crate::opening::ProxyError::Refused) it has the
    /// response of the proxy.
    ///
    /// ```no_run
    /// use std::net::TcpStream;
    /// use ws_proto::opening::{Connector, Proxy};
    ///
    /// let connector = Connector::new("ws://example.com/chat")?;
    /// let proxy = Proxy::new("http://me:secret@proxy.example:3128")?;
    /// let stream = TcpStream::connect((proxy.host(), proxy.port()))?;
    /// let mut tunnel = proxy.connect(&connector, stream)?;
    /// let (mut client, _) = connector.connect(&mut tunnel)?;
    /// client.sender().send_text("hello")?;
    /// client.exchange(&mut tunnel)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn connect<S: Read + Write>(
        &self,
        connector: &Connector,
        mut stream: S,
    ) -> Result<Tunnel<S>, ConnectError> {
        let mut proxying = Proxying::start(self, connector)?;
        let time = connector.get_options().get_handshake_time();
        let (response, received) = ask(&mut stream, &mut proxying, time)?;
        Ok(Tunnel {
            stream,
            response,
            received,
            taken: 0,
        })
    }
}

/// A stream through a proxy; [`Proxy::connect`] makes it.
///
/// It first reads the bytes after the proxy's answer. A server of TLS or of WebSocket waits for the client, so
/// that there is nothing as a rule.
///
/// ```no_run
/// use std::net::TcpStream;
/// use std::time::Duration;
/// use ws_proto::opening::{Connector, Proxy};
///
/// let connector = Connector::new("wss://example.com/chat")?;
/// let proxy = Proxy::new("http://proxy.example:3128")?;
/// let stream = TcpStream::connect((proxy.host(), proxy.port()))?;
/// let mut tunnel = proxy.connect(&connector, stream)?;
/// println!("the proxy has answered {}", tunnel.response().status());
/// tunnel.get_ref().set_nodelay(true)?;
/// tunnel.get_mut().set_read_timeout(Some(Duration::from_millis(200)))?;
/// // For TLS that takes the stream itself; no byte came early.
/// let (stream, early) = tunnel.into_parts();
/// assert!(early.is_empty());
/// # let _ = stream;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Tunnel<S> {
    stream: S,
    response: Response,
    /// The bytes that were read after the proxy's answer.
    received: Vec<u8>,
    taken: usize,
}

impl<S> Tunnel<S> {
    /// The proxy's answer.
    #[must_use]
    pub const fn response(&self) -> &Response {
        &self.response
    }

    /// The stream to the proxy, to set timeouts for instance.
    #[must_use]
    pub const fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream to the proxy. Reading from it can miss bytes that came after the proxy's answer.
    #[must_use]
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The stream to the proxy, and the bytes that came after the proxy's answer and were not read yet.
    #[must_use]
    pub fn into_parts(mut self) -> (S, Vec<u8>) {
        self.received.drain(..self.taken);
        (self.stream, self.received)
    }
}

impl<S: Read> Read for Tunnel<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut early = self.received.get(self.taken..).unwrap_or_default();
        if early.is_empty() {
            return self.stream.read(buffer);
        }
        let n = early.read(buffer)?;
        self.taken += n;
        if self.taken == self.received.len() {
            self.received = Vec::new();
            self.taken = 0;
        }
        Ok(n)
    }
}

impl<S: Write> Write for Tunnel<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream.write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Leaves out received bytes: they can be secrets.
impl<S: fmt::Debug> fmt::Debug for Tunnel<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnel")
            .field("stream", &self.stream)
            .field("response", &self.response)
            .finish_non_exhaustive()
    }
}
