//! The halves of a connection, for two tasks.

use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;
use std::ops::DerefMut;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use ws_proto::CloseCode;

use super::WebSocket;
use crate::core::Core;
use crate::error::Error;
use crate::io::Io;
use crate::message::Closed;
use crate::tasks::Side;

impl<T: Io> WebSocket<T> {
    /// Splits it into halves that can live in two tasks.
    ///
    /// Whichever half is waited for does the work of both: Pings are answered while one task only
    /// sends, and what the other has queued is written while one task only receives. When the reading
    /// half is dropped, later input is dropped too; when both are, the stream is.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::connected(async |socket| {
    /// let (mut read, mut write) = socket.split(); // give each to a task
    /// write.send("hello").await?;
    /// if let Some(message) = read.next().await {
    ///     println!("{:?}", message?);
    /// }
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn split(self) -> (ReadHalf<T>, WriteHalf<T>) {
        let shared = Arc::new(Mutex::new(*self.core));
        let read = ReadHalf {
            shared: Arc::clone(&shared),
        };
        (read, WriteHalf { shared })
    }
}

/// The half of a connection that receives; see [`WebSocket::split`].
///
/// ```
/// # ws_proto_suite::shells::example::connected(async |socket| {
/// let (mut read, mut write) = socket.split();
/// write.send("hello").await?;
/// while let Some(message) = read.next().await {
///     println!("{:?}", message?);
/// }
/// println!("{:?}", read.closed());
/// # Ok(())
/// # });
/// ```
pub struct ReadHalf<T: Io> {
    shared: Arc<Mutex<Core<T>>>,
}

/// The half of a connection that sends; see [`WebSocket::split`].
///
/// ```
/// # ws_proto_suite::shells::example::connected(async |socket| {
/// use ws_proto_async::CloseCode;
///
/// let (mut read, mut write) = socket.split();
/// write.send("the last one").await?;
/// write.close(CloseCode::NORMAL, "").await?; // once the Close is written
/// while let Some(message) = read.next().await {
///     println!("{:?}", message?); // what the peer still sends
/// }
/// # Ok(())
/// # });
/// ```
pub struct WriteHalf<T> {
    shared: Arc<Mutex<Core<T>>>,
}

fn lock<T>(shared: &Mutex<Core<T>>) -> MutexGuard<'_, Core<T>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Io> ReadHalf<T> {
    pub(super) fn core(&mut self) -> impl DerefMut<Target = Core<T>> {
        lock(&self.shared)
    }

    /// As [`WebSocket::closed`].
    ///
    /// ```
    /// # ws_proto_suite::shells::example::connected(async |socket| {
    /// use ws_proto_async::CloseCode;
    ///
    /// let (mut read, write) = socket.split();
    /// while read.next().await.transpose()?.is_some() {}
    /// assert_eq!(read.closed().unwrap().code, Some(CloseCode::NORMAL));
    /// # drop(write);
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        lock(&self.shared).closed()
    }

    /// As [`WebSocket::refused_len`].
    ///
    /// ```
    /// # ws_proto_suite::shells::example::connected(async |socket| {
    /// let (mut read, write) = socket.split();
    /// if let Some(Err(error)) = read.next().await {
    ///     println!("{error}: {:?} bytes", read.refused_len());
    /// }
    /// # assert_eq!(write.refused_len(), None);
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn refused_len(&self) -> Option<u64> {
        lock(&self.shared).refused_len()
    }

    /// Joins the halves again.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::connected(async |socket| {
    /// let (read, write) = socket.split();
    /// let mut socket = read.reunite(write).expect("halves of one connection");
    /// socket.send("as before").await?;
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Both halves, if they are not of the same connection.
    pub fn reunite(self, write: WriteHalf<T>) -> Result<WebSocket<T>, ReuniteError<T>> {
        if !Arc::ptr_eq(&self.shared, &write.shared) {
            return Err(ReuniteError(self, write));
        }
        let WriteHalf { shared } = write;
        drop(self);
        match Arc::try_unwrap(shared) {
            Ok(core) => {
                let mut core = core.into_inner().unwrap_or_else(PoisonError::into_inner);
                core.is_reader_gone = false;
                Ok(WebSocket {
                    core: Box::new(core),
                })
            }
            Err(_) => unreachable!("there are two halves"),
        }
    }
}

/// The other half works on: it drops input.
impl<T: Io> Drop for ReadHalf<T> {
    fn drop(&mut self) {
        let mut core = lock(&self.shared);
        core.is_reader_gone = true;
        core.wake(Side::Write);
    }
}

impl<T: Io> WriteHalf<T> {
    #[cfg(feature = "deflate")]
    pub(super) fn core_ref(&self) -> MutexGuard<'_, Core<T>> {
        lock(&self.shared)
    }

    pub(super) fn core(&mut self) -> impl DerefMut<Target = Core<T>> {
        lock(&self.shared)
    }

    /// As [`WebSocket::closed`].
    ///
    /// ```
    /// # ws_proto_suite::shells::example::connected(async |socket| {
    /// use ws_proto_async::CloseCode;
    ///
    /// let (mut read, write) = socket.split();
    /// while read.next().await.transpose()?.is_some() {}
    /// assert_eq!(write.closed().unwrap().code, Some(CloseCode::NORMAL));
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        lock(&self.shared).closed()
    }

    /// As [`WebSocket::refused_len`].
    ///
    /// ```
    /// # ws_proto_suite::shells::example::connected(async |socket| {
    /// let (mut read, write) = socket.split();
    /// if let Some(Err(error)) = read.next().await {
    ///     println!("{error}: {:?} bytes", write.refused_len());
    /// }
    /// # assert_eq!(write.refused_len(), None);
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn refused_len(&self) -> Option<u64> {
        lock(&self.shared).refused_len()
    }

    /// How many bytes wait to be written.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::connected(async |socket| {
    /// let (_read, mut write) = socket.split();
    /// write.try_send("queued").expect("there is room");
    /// assert_eq!(write.pending_bytes(), 12); // with the header of the frame
    /// write.flush().await?;
    /// assert_eq!(write.pending_bytes(), 0);
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        lock(&self.shared).driver.pending_bytes()
    }

    /// Sends Close. While there is a reading half, it waits until that is written: the reading half
    /// goes on with what the peer still sends, and comes to the end. Without one it waits for the end,
    /// as [`WebSocket::close`] does. Of `reason`, 123 bytes are sent at most.
    ///
    /// Cancel safe: the Close is queued at once, another call goes on waiting.
    ///
    /// ```
    /// # ws_proto_suite::shells::example::connected(async |socket| {
    /// use ws_proto_async::CloseCode;
    ///
    /// let (mut read, mut write) = socket.split();
    /// write.close(CloseCode::NORMAL, "done").await?;
    /// while read.next().await.transpose()?.is_some() {} // comes to the end
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// The error that ended the connection; none after a closing handshake.
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.start_close(code, reason)?;
        poll_fn(|cx| self.poll_said(cx)).await
    }

    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.core().start_close(CloseCode::NORMAL, "")?;
        self.poll_said(cx)
    }

    fn poll_said(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut core = self.core();
        if core.is_reader_gone {
            core.poll_closed(cx)
        } else {
            core.poll_close_written(cx)
        }
    }
}
impl<T: Io> fmt::Debug for ReadHalf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadHalf").field(&self.shared).finish()
    }
}

impl<T> fmt::Debug for WriteHalf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WriteHalf").field(&self.shared).finish()
    }
}

/// These halves are not of the same connection.
///
/// ```
/// # ws_proto_suite::shells::example::connected(async |one| {
/// # ws_proto_suite::shells::example::connected(async |other| {
/// use ws_proto_async::ReuniteError;
///
/// let ((one_read, one_write), (other_read, other_write)) = (one.split(), other.split());
/// let ReuniteError(one_read, other_write) = one_read.reunite(other_write).unwrap_err();
/// assert!(one_read.reunite(one_write).is_ok());
/// assert!(other_read.reunite(other_write).is_ok());
/// # Ok(())
/// # });
/// # Ok(())
/// # });
/// ```
pub struct ReuniteError<T: Io>(pub ReadHalf<T>, pub WriteHalf<T>);

impl<T: Io> fmt::Debug for ReuniteError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReuniteError").finish_non_exhaustive()
    }
}

impl<T: Io> fmt::Display for ReuniteError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("halves of different connections")
    }
}

impl<T: Io> StdError for ReuniteError<T> {}
