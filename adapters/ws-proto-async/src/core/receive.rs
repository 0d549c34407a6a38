//! What receives: messages, events, pieces and batches.

use std::task::{Context, Poll};

use bytes::Bytes;
use ws_proto::Sender;
use ws_proto::socket::{Next, Received as Found, Want};

use super::drive::READS;
use super::{Core, Role};
use crate::error::Error;
use crate::io::Io;
use crate::lane::{Ask, Lane, Lent, Owned, Received, look};
use crate::message::{Closed, Event, Message, Piece};
use crate::tasks::Side;

/// After so many messages without a wait other tasks get their turn.
const MESSAGES: u8 = u8::MAX;

impl<T: Io> Core<T> {
    #[inline]
    pub(crate) fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Message, Error>>> {
        self.poll_receive(cx, Want::Message, |received| match received {
            Found::Message(message, _) => Some(message.into()),
            _ => None,
        })
    }

    pub(crate) fn poll_event(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Event, Error>>> {
        let polled = self.poll_receive(cx, Want::Event, |received| match received {
            Found::Message(message, _) => Some(Event::Message(message.into())),
            Found::Ping(payload) => Some(Event::Ping(Bytes::copy_from_slice(payload))),
            Found::Pong(payload) => Some(Event::Pong(Bytes::copy_from_slice(payload))),
            Found::Close(code, reason) => Some(Event::Close(Closed::new(code, reason))),
            _ => None,
        });
        if matches!(polled, Poll::Ready(Some(Ok(Event::Close(_))))) {
            // Nothing can be sent any more, and a writer that waits has not seen that.
            self.tasks.wake(Side::Write);
        }
        polled
    }

    pub(crate) fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Piece, Error>>> {
        self.poll_receive(cx, Want::Piece, |received| match received {
            Found::Piece(piece, _) => Some(piece.into()),
            _ => None,
        })
    }

    #[inline]
    fn poll_receive<V>(
        &mut self,
        cx: &mut Context<'_>,
        want: Want,
        take: impl FnMut(Received<'_>) -> Option<V>,
    ) -> Poll<Option<Result<V, Error>>> {
        self.batch = None;
        self.poll_lane(cx, &mut Owned { want, take })
    }

    #[inline]
    pub(super) fn poll_lane<V, L: Lane<V>>(
        &mut self,
        cx: &mut Context<'_>,
        lane: &mut L,
    ) -> Poll<Option<Result<V, Error>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        if self.received == MESSAGES {
            return self.end_turn(cx);
        }
        // What is there, or comes with one read, is taken on its own, before anything else: nearly all
        // messages end here, and stay where they are made (`tokio/send/32/alone` and
        // `tokio/feed/32/burst` in `benches/shells`).
        let found = match lane.kept(&mut self.driver) {
            Err(Ask::Read) if self.is_quiet(cx) => {
                self.tasks.end(Side::Read, cx.waker(), false);
                self.read(cx, lane)
            }
            found => found,
        };
        match found {
            Ok(received) => {
                self.is_reader_busy = true;
                self.received += 1;
                Poll::Ready(Some(Ok(received)))
            }
            Err(Ask::Wait) if self.rests(cx) => Poll::Pending,
            Err(ask) => self.poll_lane_from(cx, ask, lane),
        }
    }

    /// Whether the reader only has to wait for the stream.
    #[inline(never)]
    fn rests(&mut self, cx: &Context<'_>) -> bool {
        let rests = self.tasks.is_alone(Side::Read) && self.is_timed(cx);
        if rests {
            (self.reads, self.received) = (0, 0);
            self.tasks.end(Side::Read, cx.waker(), true);
        }
        rests
    }

    /// Lets other tasks run: one whose peer never stops would keep its thread for itself where the runtime does not
    /// end its turn, as smol does not.
    #[cold]
    fn end_turn<V>(&mut self, cx: &Context<'_>) -> Poll<V> {
        self.received = 0;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether nothing has to be done before the next read, but to write the queued output.
    #[inline]
    fn is_quiet(&mut self, cx: &mut Context<'_>) -> bool {
        self.tasks.is_alone(Side::Read)
            && self.reads < READS - 1
            && self.write(cx).is_ready()
            && !self.driver.is_over()
    }

    #[inline(never)]
    fn poll_lane_from<V, L: Lane<V>>(
        &mut self,
        cx: &mut Context<'_>,
        ask: Ask,
        lane: &mut L,
    ) -> Poll<Option<Result<V, Error>>> {
        if ask == Ask::End && !std::mem::replace(&mut self.has_found_end, true) {
            // Found in the kept bytes, which a writer that waits has not seen. Once: a writer that waits at the
            // end wakes the reader, and they would go on for ever.
            self.tasks.wake(Side::Write);
        }
        let received = self.poll_as(Side::Read, cx, |core, cx| core.drive(cx, ask, lane));
        Poll::Ready(match received {
            Poll::Ready(Some(received)) => {
                self.is_reader_busy = true;
                self.received = self.received.saturating_add(1);
                Some(Ok(received))
            }
            Poll::Ready(None) => self.end_receiving(),
            Poll::Pending => {
                self.received = 0;
                return Poll::Pending;
            }
        })
    }

    /// Ready when there is something to look for in the received bytes.
    pub(crate) fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(), Error>>> {
        let batch = self.batch.take();
        let polled = self.poll_lane(cx, &mut Lent(batch));
        if polled.is_pending() {
            // It goes on from there: else the first batch after each wait would be empty
            // (`tokio/batch/32/alone` in `benches/shells`). A read that has found what cannot be taken yet, or
            // the end, is not done again, and others have their turn once.
            self.batch = batch.filter(|ask| match ask {
                Ask::Read => self.driver.wants_read(),
                ask => *ask != Ask::Yield,
            });
        }
        polled
    }

    /// The next message of a batch.
    #[inline]
    pub(crate) fn next_of_batch(
        &mut self,
    ) -> Option<(ws_proto::Message<'_>, Sender<'_, Role, Bytes>)> {
        if self.driver.sender().room() == 0 {
            self.batch = Some(Ask::Write);
            return None;
        }
        let Self { driver, batch, .. } = self;
        let whole = |_: &mut _, message, sender| Some((message, sender));
        driver.poll_next_with(Want::Message, batch, whole, |batch, next| match next {
            Ok(Next::Received(Found::Message(message, sender))) => Some((message, sender)),
            other => {
                *batch = look(other, &mut |_| None::<()>).err();
                None
            }
        })
    }

    #[cold]
    fn end_receiving<V>(&mut self) -> Option<Result<V, Error>> {
        self.has_ended = true;
        self.report().map(Err)
    }
}
