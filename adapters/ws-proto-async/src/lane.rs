//! How something is received: what is asked for, and where bytes are read to.

use std::io;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use ws_proto::socket::{Next, Received as Found, Want};
use ws_proto::{MAX_CONTROL_FRAME, WebSocketError};

use crate::buffer::with_buffer;
use crate::core::{Driver, Role};
use crate::io::{Io, poll_read};

pub(crate) type Received<'w> = Found<'w, Role, Bytes>;

/// What the driver has found, or asks for.
#[derive(Debug)]
pub(crate) enum Step<V> {
    Received(V),
    /// Ask the driver again.
    Again,
    Write,
    Read,
    Yield,
    /// Nothing can be done before the stream or the timer wakes the task.
    Wait,
    Untaken,
    End,
}

/// How something is received: what is asked for, and where bytes are read to.
pub(crate) trait Lane<V> {
    /// Whether the caller only sends.
    fn is_idle(&self) -> bool;

    /// What there is in the bytes that the driver has kept.
    fn kept(&mut self, driver: &mut Driver) -> Step<V>;

    /// Reads. `None` is the end of the stream.
    fn read<T: Io>(
        &mut self,
        io: &mut T,
        driver: &mut Driver,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<Step<V>>>>;
}

/// Reads into the thread's buffer, and takes what is received as values of its own.
pub(crate) struct Owned<F> {
    pub(crate) want: Want,
    pub(crate) take: F,
}

/// Reads into the connection's buffer, for a batch.
pub(crate) struct Lent<'a>(pub(crate) &'a mut Option<Step<()>>);

impl<V, F: FnMut(Received<'_>) -> Option<V>> Lane<V> for Owned<F> {
    fn is_idle(&self) -> bool {
        self.want == Want::Nothing
    }

    #[inline]
    fn kept(&mut self, driver: &mut Driver) -> Step<V> {
        step(driver.poll_next(self.want), &mut self.take)
    }

    #[inline]
    fn read<T: Io>(
        &mut self,
        io: &mut T,
        driver: &mut Driver,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<Step<V>>>> {
        with_buffer(|buffer| {
            let n = ready!(poll_read(io, cx, buffer))?;
            if n == 0 {
                return Poll::Ready(Ok(None));
            }
            let mut reading = driver.receive(buffer.get_mut(..n).unwrap_or_default());
            Poll::Ready(Ok(Some(step(reading.poll_next(self.want), &mut self.take))))
        })
    }
}

impl Lane<()> for Lent<'_> {
    fn is_idle(&self) -> bool {
        false
    }

    fn kept(&mut self, driver: &mut Driver) -> Step<()> {
        match self.0.take() {
            Some(step) => step,
            // There has to be room for an answer.
            None if driver.sender().room() < MAX_CONTROL_FRAME => Step::Write,
            None => Step::Received(()),
        }
    }

    fn read<T: Io>(
        &mut self,
        io: &mut T,
        driver: &mut Driver,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<Step<()>>>> {
        let buffer = driver.read_buf(driver.read_hint());
        let n = ready!(poll_read(io, cx, buffer))?;
        driver.advance(n);
        Poll::Ready(Ok((n > 0).then_some(Step::Again)))
    }
}

#[inline(always)]
pub(crate) fn step<V>(
    next: Result<Next<'_, Role, Bytes>, WebSocketError>,
    take: &mut impl FnMut(Received<'_>) -> Option<V>,
) -> Step<V> {
    match next {
        Ok(Next::Received(received)) => take(received).map_or(Step::Again, Step::Received),
        Ok(Next::Write) => Step::Write,
        Ok(Next::Read) => Step::Read,
        Ok(Next::Yield) => Step::Yield,
        Ok(Next::Untaken) => Step::Untaken,
        // A failure is reported when all is over.
        _ => Step::End,
    }
}
