//! What a reconnecting client does, while it receives or sends.

use std::mem;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ws_proto::opening::Response;
use ws_proto::reconnect::End;
use ws_proto::{CloseCode, SendError, UnexpectedEof};

use super::update::{Connected, Decision, Disconnected, Ended, Reason, Update};
use super::{Link, Reconnecting};
use crate::error::{Error, TrySendError};
use crate::io::Io;
use crate::message::Message;
use crate::socket::WebSocket;
use crate::tasks::Side;

impl<T: Io> Reconnecting<T> {
    /// Calls `poll` with a waker that wakes whoever waits, and wakes the other task if something has changed.
    pub(super) fn poll_as<V>(
        &mut self,
        side: Side,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Self, &mut Context<'_>) -> Poll<V>,
    ) -> Poll<V> {
        let before = self.changes;
        let polled = match self.tasks.begin(side, cx.waker()) {
            None => poll(self, cx),
            Some(waker) => poll(self, &mut Context::from_waker(&waker)),
        };
        self.tasks.end(side, cx.waker(), polled.is_pending());
        if self.changes != before {
            self.tasks.wake(side.other());
        }
        polled
    }

    /// Goes on towards a connection. Ready when a step is done.
    fn poll_link(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.link {
            Link::Idle => self.link = Link::Connecting((self.connect)()),
            Link::Connecting(connecting) => match ready!(connecting.as_mut().poll(cx)) {
                Ok((socket, response)) => self.open(socket, response, cx),
                Err(error) => self.lose(Reason::Attempt(error)),
            },
            Link::Waiting(deadline) => {
                ready!(self.timer.poll_until(cx, *deadline));
                self.link = Link::Connecting((self.connect)());
            }
            Link::Open(_) | Link::Over => {}
        }
        Poll::Ready(())
    }

    fn open(&mut self, mut socket: WebSocket<T>, response: Response, cx: &mut Context<'_>) {
        self.backoff.connected(self.timer.now());
        self.outbox.greet((self.greet)(&response));
        if !self.outbox.is_empty() {
            // A program that is slow to ask for more does not keep it waiting.
            let _ = self.outbox.poll_queue(&mut socket, cx);
            let _ = socket.poll_written(cx);
        }
        self.link = Link::Open(Box::new(socket));
        let attempt = self.backoff.attempts();
        self.note(Update::Connected(Connected { response, attempt }));
    }

    /// The next message of the connection; `None` if that is lost.
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        let Link::Open(socket) = &mut self.link else {
            return Poll::Ready(None);
        };
        let reason = match ready!(socket.poll_message(cx)) {
            Some(Ok(message)) => return Poll::Ready(Some(message)),
            Some(Err(error)) => Reason::Failed(error),
            None => {
                let closed = socket.closed();
                let code = closed.as_ref().and_then(|closed| closed.code);
                // With `Config::manual_close` our Close is missing.
                if !socket.is_over()
                    && socket
                        .start_close(code.unwrap_or(CloseCode::NORMAL), "")
                        .is_ok()
                {
                    let _ = ready!(socket.poll_closed(cx));
                }
                match closed {
                    _ if self.is_closing => Reason::Local,
                    Some(closed) => Reason::Closed(closed),
                    None => Reason::Failed(Error::Eof(UnexpectedEof)),
                }
            }
        };
        self.lose(reason);
        Poll::Ready(None)
    }

    /// For a sender, whose connection takes no more messages: keeps earlier messages until the
    /// connection is lost, or too much of it waits.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.reports.is_full() {
            match ready!(self.poll_message(cx)) {
                Some(message) => self.note(Update::Message(message)),
                None => break,
            }
        }
        Poll::Ready(())
    }

    /// There is no connection any more, or an attempt failed.
    fn lose(&mut self, reason: Reason) {
        let delay = if self.is_closing {
            None
        } else {
            self.delay(&reason)
        };
        let Some(delay) = delay else {
            return self.end(reason);
        };
        let was_open = self.is_connected();
        self.unqueue(Link::Waiting(self.timer.now() + delay));
        let unsent = if was_open && !self.resends {
            self.outbox.take()
        } else {
            Vec::new()
        };
        self.note(Update::Disconnected(Disconnected {
            reason,
            unsent,
            delay,
            attempt: self.backoff.attempts(),
            losses: was_open.into(),
        }));
    }

    pub(super) fn end(&mut self, reason: Reason) {
        self.unqueue(Link::Over);
        let unsent = self.outbox.take();
        self.note(Update::Ended(Ended {
            reason,
            unsent,
            attempts: self.backoff.attempts(),
        }));
    }

    /// Goes over to `link`, with what the connection did not write.
    fn unqueue(&mut self, link: Link<T>) {
        if let Link::Open(socket) = mem::replace(&mut self.link, link) {
            self.outbox.unqueue(&socket);
        }
    }

    fn delay(&mut self, reason: &Reason) -> Option<Duration> {
        let (now, end) = (self.timer.now(), reason.end());
        match (self.decide)(reason) {
            Decision::Backoff => self.backoff.ended(now, end?, (self.random)()),
            Decision::Retry => {
                let end = end.unwrap_or(End::Unreachable);
                self.backoff.retry(now, end, (self.random)())
            }
            Decision::Stop => None,
        }
    }

    fn note(&mut self, update: Update) {
        self.changes += 1;
        self.reports.push(update);
    }

    // Receiving.

    pub(super) fn poll_update(&mut self, cx: &mut Context<'_>) -> Poll<Option<Update>> {
        if let Some(update) = self.reports.pop() {
            return Poll::Ready(Some(update));
        }
        self.poll_as(Side::Read, cx, |client, cx| {
            loop {
                if let Some(update) = client.reports.pop() {
                    return Poll::Ready(Some(update));
                }
                match &mut client.link {
                    Link::Over => return Poll::Ready(None),
                    Link::Open(socket) => {
                        let _ = client.outbox.poll_queue(socket, cx);
                        if let Some(message) = ready!(client.poll_message(cx)) {
                            return Poll::Ready(Some(Update::Message(message)));
                        }
                    }
                    _ => ready!(client.poll_link(cx)),
                }
            }
        })
    }

    // Sending.

    /// Whether a sender has to leave it to who receives, or has no use any more.
    fn check(&self) -> Result<(), Error> {
        if matches!(self.link, Link::Over) || self.is_closing {
            Err(SendError::Closed.into())
        } else if self.reports.is_full() {
            Err(SendError::OutputFull.into())
        } else {
            Ok(())
        }
    }

    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            self.check()?;
            let Link::Open(socket) = &mut self.link else {
                ready!(self.poll_link(cx));
                continue;
            };
            let queued = ready!(self.outbox.poll_queue(socket, cx));
            if queued.is_ok() && ready!(socket.poll_room(cx)).is_ok() {
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_drain(cx));
        }
    }

    /// Accepts a message, after [`poll_room`](Self::poll_room).
    pub(super) fn accept(&mut self, message: Message) -> Result<(), Error> {
        match self.try_send(message) {
            Ok(()) => Ok(()),
            // The connection is lost since then. The next one takes it.
            Err(TrySendError::Full(message)) => {
                self.outbox.push_waiting(message);
                Ok(())
            }
            Err(TrySendError::Closed(_)) => Err(SendError::Closed.into()),
            Err(TrySendError::Send(error)) => Err(error.into()),
        }
    }

    pub(super) fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            match &mut self.link {
                Link::Open(socket) => {
                    let queued = ready!(self.outbox.poll_queue(socket, cx));
                    if queued.is_ok() && ready!(socket.poll_written(cx)).is_ok() {
                        self.outbox.settle(socket);
                        return Poll::Ready(Ok(()));
                    }
                    ready!(self.poll_drain(cx));
                    if self.is_connected() {
                        self.check()?;
                    }
                }
                Link::Over if self.is_closing => return Poll::Ready(Ok(())),
                Link::Over => return Poll::Ready(Err(SendError::Closed.into())),
                _ if self.outbox.is_empty() => return Poll::Ready(Ok(())),
                _ => {
                    self.check()?;
                    ready!(self.poll_link(cx));
                }
            }
        }
    }

    /// Whether our Close is written, or there is no connection to write it to.
    pub(super) fn poll_close_written(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match &mut self.link {
            Link::Open(socket) => socket.poll_close_written(cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    pub(super) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Link::Open(socket) = &mut self.link else {
            return Poll::Ready(Ok(()));
        };
        let closed = ready!(socket.poll_closed(cx));
        self.end(Reason::Local);
        Poll::Ready(closed)
    }
}
