//! Messages that were accepted and are not known to be written.

use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

use ws_proto::SendError;

use crate::error::{Error, TrySendError};
use crate::io::Io;
use crate::message::Message;
use crate::socket::WebSocket;

/// Messages in the order in which they are sent.
///
/// What a connection writes is one sequence of bytes, so a message is written when so many bytes are
/// written as were queued up to its end.
#[derive(Default)]
pub(super) struct Outbox {
    /// What the program sends after each connect. It is made anew each time, so it is never given back.
    greeting: VecDeque<Message>,
    /// Queued in the connection, with the position of the end of each in what the connection writes.
    queued: VecDeque<(u64, Message)>,
    /// For when there is room, or a connection.
    waiting: VecDeque<Message>,
}

impl Outbox {
    /// How many messages are not known to be written.
    pub(super) fn len(&self) -> usize {
        self.greeting.len() + self.queued.len() + self.waiting.len()
    }

    /// Whether nothing waits to be written.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all of it is queued in the connection.
    pub(super) fn is_queued(&self) -> bool {
        self.greeting.is_empty() && self.waiting.is_empty()
    }

    /// There is a new connection, on which these are sent before all else.
    pub(super) fn greet(&mut self, messages: Vec<Message>) {
        self.greeting = messages.into();
    }

    /// Queues a message, if nothing is before it and there is room.
    pub(super) fn try_push<T: Io>(
        &mut self,
        socket: &mut WebSocket<T>,
        message: Message,
    ) -> Result<(), TrySendError> {
        if !self.is_queued() {
            return Err(TrySendError::Full(message));
        }
        self.settle(socket);
        socket.try_send(message.clone())?;
        self.queued.push_back((socket.queued_position(), message));
        Ok(())
    }

    /// Accepts a message for when there is room, or a connection.
    pub(super) fn push_waiting(&mut self, message: Message) {
        self.waiting.push_back(message);
    }

    /// Queues waiting messages as far as there is room. Ready if that is all of it, or the connection takes no
    /// more messages.
    pub(super) fn poll_queue<T: Io>(
        &mut self,
        socket: &mut WebSocket<T>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        self.settle(socket);
        while let Some(message) = self.greeting.front().or(self.waiting.front()) {
            ready!(socket.poll_room(cx))?;
            match socket.try_send(message.clone()) {
                Ok(()) => {}
                Err(TrySendError::Send(error)) => return Poll::Ready(Err(error.into())),
                Err(TrySendError::Full(_) | TrySendError::Closed(_)) => {
                    return Poll::Ready(Err(SendError::Closed.into()));
                }
            }
            if self.greeting.pop_front().is_none() {
                let end = socket.queued_position();
                self.queued
                    .extend(self.waiting.pop_front().map(|message| (end, message)));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Forgets written messages.
    pub(super) fn settle<T: Io>(&mut self, socket: &WebSocket<T>) {
        let written = socket.written_position();
        while self.queued.front().is_some_and(|(end, _)| *end <= written) {
            self.queued.pop_front();
        }
    }

    /// The connection is lost: everything that it did not write waits again.
    pub(super) fn unqueue<T: Io>(&mut self, socket: &WebSocket<T>) {
        self.settle(socket);
        self.greeting.clear();
        for (_, message) in self.queued.drain(..).rev() {
            self.waiting.push_front(message);
        }
    }

    /// Takes the waiting messages.
    pub(super) fn take(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.waiting).into()
    }
}
