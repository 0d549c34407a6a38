//! How something is received: the item asked for, and where bytes are read to.

use std::task::{Context, Poll};

use bytes::Bytes;
use ws_proto::socket::{Next, Received as Found, Want};
use ws_proto::{MAX_CONTROL_FRAME, Sender, WebSocketError};

use crate::buffer;
use crate::core::{Core, Driver, Role};
use crate::io::{Io, poll_read};

pub(crate) type Received<'w> = Found<'w, Role, Bytes>;

/// What the driver asks for, if it has found nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// To be asked again.
    Again,
    Write,
    Read,
    Yield,
    /// Nothing, before the stream or the timer wakes the task.
    Wait,
    Untaken,
    End,
}

/// How something is received: the item asked for, and where bytes are read to.
pub(crate) trait Lane<V> {
    /// Whether the caller only sends.
    fn is_idle(&self) -> bool;

    /// What there is in the bytes that the driver has kept.
    fn kept(&mut self, driver: &mut Driver) -> Result<V, Ask>;

    /// Reads once, and looks for something in that.
    fn read<T: Io>(&mut self, core: &mut Core<T>, cx: &mut Context<'_>) -> Result<V, Ask>;
}

/// Reads into the thread's buffer, and takes received items as values of its own.
pub(crate) struct Owned<F> {
    pub(crate) want: Want,
    pub(crate) take: F,
}

/// Reads into the connection's buffer, for a batch; first comes what the last batch has left to do.
pub(crate) struct Lent(pub(crate) Option<Ask>);

impl<V, F: FnMut(Received<'_>) -> Option<V>> Lane<V> for Owned<F> {
    fn is_idle(&self) -> bool {
        self.want == Want::Nothing
    }

    #[inline(always)]
    fn kept(&mut self, driver: &mut Driver) -> Result<V, Ask> {
        let take = &mut self.take;
        driver.poll_next_with(self.want, take, take_whole, |take, next| look(next, take))
    }

    #[inline(always)]
    fn read<T: Io>(&mut self, core: &mut Core<T>, cx: &mut Context<'_>) -> Result<V, Ask> {
        let mut buffer = buffer::lend();
        let found = match poll_read(&mut core.io, cx, &mut *buffer) {
            Poll::Ready(Ok(n)) if n > 0 => {
                let mut reading = core.driver.receive(buffer.get_mut(..n).unwrap_or_default());
                let take = &mut self.take;
                reading.poll_next_with(self.want, take, take_whole, |take, next| look(next, take))
            }
            other => Err(core.nothing_read(other)),
        };
        buffer::give_back(buffer);
        found
    }
}

#[inline(always)]
fn take_whole<'w, V>(
    take: &mut impl FnMut(Received<'_>) -> Option<V>,
    message: ws_proto::Message<'w>,
    sender: Sender<'w, Role, Bytes>,
) -> Result<V, Ask> {
    take(Found::Message(message, sender)).ok_or(Ask::Again)
}

impl Lane<()> for Lent {
    fn is_idle(&self) -> bool {
        false
    }

    fn kept(&mut self, driver: &mut Driver) -> Result<(), Ask> {
        match self.0.take() {
            Some(ask) => Err(ask),
            // There has to be room for an answer.
            None if driver.sender().room() < MAX_CONTROL_FRAME => Err(Ask::Write),
            None => Ok(()),
        }
    }

    fn read<T: Io>(&mut self, core: &mut Core<T>, cx: &mut Context<'_>) -> Result<(), Ask> {
        let Core { io, driver, .. } = core;
        match poll_read(io, cx, driver.read_buf(driver.read_hint())) {
            Poll::Ready(Ok(n)) if n > 0 => {
                driver.advance(n);
                self.kept(driver)
            }
            other => Err(core.nothing_read(other)),
        }
    }
}

#[inline(always)]
pub(crate) fn look<V>(
    next: Result<Next<'_, Role, Bytes>, WebSocketError>,
    take: &mut impl FnMut(Received<'_>) -> Option<V>,
) -> Result<V, Ask> {
    Err(match next {
        Ok(Next::Received(received)) => match take(received) {
            Some(value) => return Ok(value),
            None => Ask::Again,
        },
        Ok(Next::Write) => Ask::Write,
        Ok(Next::Read) => Ask::Read,
        Ok(Next::Yield) => Ask::Yield,
        Ok(Next::Untaken) => Ask::Untaken,
        // A failure is reported when all is over.
        _ => Ask::End,
    })
}
