//! Streams for connections.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};

/// A non-blocking byte stream: reads and writes that cannot be done now fail with
/// [`WouldBlock`](io::ErrorKind::WouldBlock).
///
/// mio's sockets are ones; [`Wrapped`] makes one of anything else, such as TLS over a socket.
///
/// ```
/// use std::io::{self, Read, Write};
/// use std::net::TcpStream;
/// use ws_proto_mio::Stream;
///
/// /// A socket of the standard library, set to be non-blocking.
/// struct Local(TcpStream);
///
/// impl Read for Local {
///     fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
///         self.0.read(buffer)
///     }
/// }
///
/// impl Write for Local {
///     fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
///         self.0.write(bytes)
///     }
///
///     fn flush(&mut self) -> io::Result<()> {
///         Ok(())
///     }
/// }
///
/// impl Stream for Local {
///     fn shutdown(&mut self) -> io::Result<()> {
///         self.0.shutdown(std::net::Shutdown::Write)
///     }
/// }
/// ```
pub trait Stream: Read + Write {
    /// Ends the writing side, so that the peer reads to an end. Called once, when everything is
    /// written.
    ///
    /// # Errors
    ///
    /// The error of the stream. It has no effect, since nothing follows.
    fn shutdown(&mut self) -> io::Result<()>;
}

#[cfg(feature = "net")]
impl Stream for mio::net::TcpStream {
    fn shutdown(&mut self) -> io::Result<()> {
        Self::shutdown(self, std::net::Shutdown::Write)
    }
}

#[cfg(all(feature = "net", unix))]
impl Stream for mio::net::UnixStream {
    fn shutdown(&mut self) -> io::Result<()> {
        Self::shutdown(self, std::net::Shutdown::Write)
    }
}

/// Any other non-blocking `Read + Write`, with a function that ends its writing side.
///
/// ```
/// use std::io::Cursor;
/// use ws_proto_mio::Wrapped;
///
/// // For TLS: send close_notify, flush, then shut the socket down.
/// let stream = Wrapped::new(Cursor::new(Vec::new()), |_| Ok(()));
/// assert_eq!(stream.get_ref().position(), 0);
/// ```
pub struct Wrapped<T> {
    inner: T,
    shutdown: fn(&mut T) -> io::Result<()>,
}

impl<T: Read + Write> Wrapped<T> {
    /// `shutdown` is called once, when everything is written.
    ///
    /// ```
    /// use std::net::{Shutdown, TcpStream};
    /// use ws_proto_mio::Wrapped;
    ///
    /// /// For a socket of the standard library that is non-blocking.
    /// fn wrapped(stream: TcpStream) -> Wrapped<TcpStream> {
    ///     Wrapped::new(stream, |stream| stream.shutdown(Shutdown::Write))
    /// }
    /// ```
    pub const fn new(inner: T, shutdown: fn(&mut T) -> io::Result<()>) -> Self {
        Self { inner, shutdown }
    }

    /// The stream inside.
    ///
    /// ```
    /// # use std::io::Cursor;
    /// use ws_proto_mio::Wrapped;
    ///
    /// let stream = Wrapped::new(Cursor::new(vec![1, 2]), |_| Ok(()));
    /// assert_eq!(stream.get_ref().get_ref(), &[1, 2]);
    /// ```
    pub const fn get_ref(&self) -> &T {
        &self.inner
    }

    /// The stream inside.
    ///
    /// ```
    /// # use std::io::Cursor;
    /// use ws_proto_mio::Wrapped;
    ///
    /// let mut stream = Wrapped::new(Cursor::new(vec![1, 2]), |_| Ok(()));
    /// stream.get_mut().set_position(1);
    /// assert_eq!(stream.get_ref().position(), 1);
    /// ```
    pub const fn get_mut(&mut self) -> &mut T {
        &mut self.inner
    }

    /// Takes the stream out.
    ///
    /// ```
    /// # use std::io::Cursor;
    /// use ws_proto_mio::Wrapped;
    ///
    /// let stream = Wrapped::new(Cursor::new(vec![1, 2]), |_| Ok(()));
    /// assert_eq!(stream.into_inner().into_inner(), [1, 2]);
    /// ```
    pub fn into_inner(self) -> T {
        self.inner
    }
}

impl<T: Read> Read for Wrapped<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer)
    }
}

impl<T: Write> Write for Wrapped<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.inner.write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read + Write> Stream for Wrapped<T> {
    fn shutdown(&mut self) -> io::Result<()> {
        (self.shutdown)(&mut self.inner)
    }
}

impl<T> fmt::Debug for Wrapped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrapped").finish_non_exhaustive()
    }
}
