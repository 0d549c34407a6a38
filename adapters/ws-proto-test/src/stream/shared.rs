use std::io::{self, IoSlice, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
#[cfg(any(feature = "futures", feature = "tokio"))]
use std::{
    pin::Pin,
    task::{Context, Poll},
};

use super::Script;

/// A [`Script`] that the test can look at while a program has it: clones are the same stream.
///
/// ```
/// use std::io::Write;
/// use ws_proto_test::stream::{Script, SharedScript};
///
/// let stream = SharedScript::new(Script::new().write_always(2));
/// let mut given = stream.clone(); // to the program
/// given.write_all(b"hello").unwrap();
/// assert_eq!(stream.written(), b"hello");
/// ```
#[derive(Clone, Debug, Default)]
pub struct SharedScript(Arc<Mutex<Script>>);

impl SharedScript {
    /// A stream that follows `script`.
    #[must_use]
    pub fn new(script: Script) -> Self {
        Self(Arc::new(Mutex::new(script)))
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that was written.
    #[must_use]
    pub fn written(&self) -> Vec<u8> {
        self.lock().written().to_vec()
    }

    /// Whether the writing side was ended.
    ///
    /// ```
    /// use ws_proto_test::stream::SharedScript;
    ///
    /// let stream = SharedScript::default();
    /// let mut given = stream.clone(); // to the program
    /// given.end_writing();
    /// assert!(stream.is_shut());
    /// ```
    #[must_use]
    pub fn is_shut(&self) -> bool {
        self.lock().is_shut()
    }

    /// Ends the writing side.
    pub fn end_writing(&mut self) {
        self.lock().end_writing();
    }

    #[cfg(any(feature = "futures", feature = "tokio"))]
    fn poll_read_with(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.lock().poll_read_with(cx, buffer)
    }

    #[cfg(any(feature = "futures", feature = "tokio"))]
    fn poll_write_with(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.lock().poll_write_with(cx, bytes)
    }
}

impl Read for SharedScript {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.lock().read(buffer)
    }
}

impl Write for SharedScript {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.lock().write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(feature = "mio")]
impl ws_proto_mio::Stream for SharedScript {
    fn shutdown(&mut self) -> io::Result<()> {
        self.end_writing();
        Ok(())
    }
}

#[cfg(any(feature = "futures", feature = "tokio"))]
super::asynchronous!(SharedScript);
