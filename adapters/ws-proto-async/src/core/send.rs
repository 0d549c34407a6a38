//! What sends: queues, writes out, and closes.

use std::cell::RefCell;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use ws_proto::socket::OutputMemory;
use ws_proto::{CloseCode, CloseReason, ControlPayload, Fin, SendError, Sender};

use super::{Core, Role};
use crate::error::{Error, TrySendError};
use crate::io::Io;
use crate::message::{Message, PreparedMessage};
use crate::tasks::Side;

/// How many bytes wait for more before they are written.
const TOGETHER: usize = 16 * 1024;

thread_local! {
    static OUTPUT: RefCell<OutputMemory<Bytes>> = const { RefCell::new(OutputMemory::new()) };
}

/// Something to queue.
#[derive(Debug)]
pub(crate) enum Outgo<'p> {
    Message(Message),
    #[cfg(feature = "deflate")]
    Uncompressed(Message),
    Prepared(&'p PreparedMessage),
    Part(Message, Fin),
    Ping(ControlPayload<'p>),
    Pong(ControlPayload<'p>),
}

impl<T: Io> Core<T> {
    /// Whether a message may be queued.
    #[inline]
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.is_ready() {
            return Poll::Ready(Ok(()));
        }
        self.poll_room(cx)
    }

    #[inline(never)]
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_as(Side::Write, cx, |core, cx| {
            let _ = core.write(cx);
            if !core.can_send() || !core.has_room() {
                core.idle(cx);
            }
            if !core.can_send() {
                Poll::Ready(Err(core.send_error()))
            } else if core.has_room() {
                Poll::Ready(Ok(()))
            } else {
                Poll::Pending
            }
        })
    }

    /// Whether a message may be queued at once, and nothing has to be written before.
    #[inline]
    pub(crate) fn is_ready(&mut self) -> bool {
        self.driver.pending_bytes() < TOGETHER && self.driver.sender().can_send()
    }

    fn has_room(&mut self) -> bool {
        self.driver.sender().room() > 0
    }

    pub(super) fn can_send(&self) -> bool {
        self.driver.connection().can_send()
    }

    /// What is said to who sends on a connection that has ended.
    #[cold]
    fn send_error(&self) -> Error {
        self.failure().unwrap_or(Error::Send(SendError::Closed))
    }

    /// Queues a message at once.
    pub(crate) fn queue(&mut self, message: Message) -> Result<(), Error> {
        self.put(Outgo::Message(message))
    }

    pub(crate) fn try_send(&mut self, message: Message) -> Result<(), TrySendError> {
        if !self.can_send() {
            Err(TrySendError::Closed(message))
        } else if !self.has_room() {
            Err(TrySendError::Full(message))
        } else {
            let sent = send_whole(&mut self.driver.sender(), message);
            sent.map_err(TrySendError::Send)
        }
    }

    #[inline(never)]
    pub(crate) fn put(&mut self, item: Outgo<'_>) -> Result<(), Error> {
        let mut sender = self.driver.sender();
        let sent = match item {
            Outgo::Message(message) => send_whole(&mut sender, message),
            #[cfg(feature = "deflate")]
            Outgo::Uncompressed(message) => send_whole(&mut sender.uncompressed(), message),
            Outgo::Prepared(message) => {
                self.borrow_memory();
                self.driver.sender().send_prepared(message)
            }
            Outgo::Part(Message::Text(text), fin) => sender.send_text_part_shared(text, fin),
            Outgo::Part(Message::Binary(data), fin) => sender.send_binary_part_shared(data, fin),
            Outgo::Ping(payload) => sender.ping(payload),
            Outgo::Pong(payload) => sender.pong(payload),
        };
        self.sent(sent)
    }

    /// Lets an empty queue use the memory that all connections of the thread write prepared messages from. Each
    /// copy of a broadcast into memory of its own, which is not in the cache, takes a tenth of the time of its
    /// write (4 KiB to 1000 connections in `adapters/load.sh --broadcast`).
    fn borrow_memory(&mut self) {
        if self.driver.pending_bytes() == 0 {
            let lend =
                |memory: &RefCell<_>| self.driver.swap_output_memory(&mut memory.borrow_mut());
            self.has_borrowed = OUTPUT.try_with(lend).is_ok();
        }
    }

    /// Gives it back, but for what the rest of the output needs.
    #[cold]
    pub(super) fn return_memory(&mut self) {
        self.has_borrowed = self.driver.pending_bytes() > 0;
        let take = |memory: &RefCell<_>| self.driver.return_output_memory(&mut memory.borrow_mut());
        let _ = OUTPUT.try_with(take);
    }

    #[inline]
    fn sent(&self, sent: Result<(), SendError>) -> Result<(), Error> {
        match sent {
            Ok(()) => Ok(()),
            Err(SendError::Closed) => Err(self.send_error()),
            Err(error) => Err(Error::Send(error)),
        }
    }

    /// Waits until there is room, then queues what `item` has.
    #[inline(always)]
    pub(crate) fn poll_queue(
        &mut self,
        cx: &mut Context<'_>,
        item: &mut Option<Outgo<'_>>,
    ) -> Poll<Result<(), Error>> {
        let Some(queued) = item else {
            return Poll::Ready(Ok(()));
        };
        ready!(self.poll_ready(cx))?;
        if let Outgo::Message(message) = queued {
            // Where it lies, and dropped there: nearly all that is sent is short
            // (`tokio/feed/32/burst` in `benches/shells`).
            let mut sender = self.driver.sender();
            if sender.copies_payload(message.len()) {
                let sent = sender.send(message.as_lent());
                *item = None;
                return Poll::Ready(self.sent(sent));
            }
        }
        Poll::Ready(item.take().map_or(Ok(()), |item| self.put(item)))
    }

    /// Waits until what `item` has is queued and written.
    #[inline(always)]
    pub(crate) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        item: &mut Option<Outgo<'_>>,
    ) -> Poll<Result<(), Error>> {
        ready!(self.poll_queue(cx, item))?;
        let reads_on = std::mem::take(&mut self.is_reader_busy);
        self.poll_written(cx, reads_on)
    }

    /// Whether all that was queued has been handed to the stream, and flushed there; the answer to a Ping
    /// that has been read among it.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let reads_on = std::mem::take(&mut self.is_reader_busy) && self.driver.wants_read();
        self.poll_written(cx, reads_on)
    }

    /// Whether all is written. A task that answers a message `reads_on` after that: once, the reading is
    /// left to it.
    #[inline]
    fn poll_written(&mut self, cx: &mut Context<'_>, reads_on: bool) -> Poll<Result<(), Error>> {
        let is_alone = self.tasks.is_alone(Side::Write);
        if is_alone && self.write(cx).is_ready() && reads_on && self.can_send() {
            self.tasks.end(Side::Write, cx.waker(), false);
            return Poll::Ready(Ok(()));
        }
        self.poll_written_on(cx, reads_on, is_alone)
    }

    #[inline(never)]
    fn poll_written_on(
        &mut self,
        cx: &mut Context<'_>,
        reads_on: bool,
        is_tried: bool,
    ) -> Poll<Result<(), Error>> {
        self.poll_as(Side::Write, cx, |core, cx| {
            if !is_tried && core.write(cx).is_ready() && reads_on && core.can_send() {
                return Poll::Ready(Ok(()));
            }
            core.idle(cx);
            if core.has_lost() {
                Poll::Ready(Err(core.send_error()))
            } else if core.is_written() {
                Poll::Ready(Ok(()))
            } else {
                Poll::Pending
            }
        })
    }

    pub(super) fn is_written(&self) -> bool {
        self.driver.pending_bytes() == 0 && !self.needs_flush
    }

    /// Whether the queued output is lost.
    fn has_lost(&self) -> bool {
        self.is_broken || (self.driver.is_over() && !self.is_written())
    }

    /// Queues our Close, if there is none yet.
    pub(crate) fn start_close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        let reason = CloseReason::truncated(reason);
        match self.driver.sender().close(code, reason) {
            Ok(()) | Err(SendError::Closed) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until our Close is written.
    pub(crate) fn poll_close_written(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match ready!(self.poll_flush(cx)) {
            // Whoever closes need not know that it was closed already.
            Err(error) if error.is_closed() => Poll::Ready(Ok(())),
            written => Poll::Ready(written),
        }
    }

    /// Waits for the end of the closing handshake and of the stream. What comes is dropped.
    pub(crate) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_as(Side::Write, cx, |core, cx| {
            core.driver.discard();
            core.idle(cx);
            if !core.driver.is_over() {
                return Poll::Pending;
            }
            Poll::Ready(core.report().map_or(Ok(()), Err))
        })
    }
}

#[inline]
fn send_whole(sender: &mut Sender<'_, Role, Bytes>, message: Message) -> Result<(), SendError> {
    match message {
        Message::Text(text) => sender.send_text_shared(text),
        Message::Binary(data) => sender.send_binary_shared(data),
    }
}
