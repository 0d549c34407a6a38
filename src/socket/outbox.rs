use super::WebSocketError;
use super::codec::Encoder;
use super::queue::{Closing, Messages, Queue, Sent};
use crate::MAX_CONTROL_FRAME;
use crate::buf::{Input, Output};
use crate::connection::{Connection, Event, Role};
use crate::error::ProtocolError;
use crate::message::Message;
use crate::transport::Transport;

/// Output: from the connection, on its way through an extension, into the queue.
pub(super) struct Outbox<R, B> {
    pub(super) connection: Connection<R>,
    pub(super) encoder: Encoder,
    pub(super) out: Queue<B>,
}

impl<R: Role, B> Outbox<R, B> {
    pub(super) fn new(connection: Connection<R>, high_water: usize) -> Self {
        Self {
            connection,
            encoder: Encoder::default(),
            out: Queue::new(high_water),
        }
    }

    pub(super) fn parts(&mut self, sent: Sent) -> (&mut Connection<R>, Messages<'_, B>) {
        (&mut self.connection, self.out.messages(sent))
    }

    /// For a Close: it is queued even if no message is taken any more, so that a full queue cannot keep the
    /// connection from ending.
    pub(super) fn closing(&mut self) -> (&mut Connection<R>, Closing<'_, B>) {
        (&mut self.connection, self.out.closing())
    }

    /// The whole message at the front of the input, if there is one.
    #[inline(always)]
    pub(super) fn receive_message<'i>(
        &mut self,
        input: &mut Input<'i>,
    ) -> Result<Option<Message<'i>>, ProtocolError> {
        let mut out = self.out.engine();
        let Some(event) = self.connection.receive_message(input, &mut out) else {
            return Ok(None);
        };
        Ok(match event? {
            Event::Text(text) => text.whole().map(Message::Text),
            Event::Binary(binary) => Some(Message::Binary(binary.data)),
            _ => None,
        })
    }

    /// Whether nothing more is received.
    #[inline]
    pub(super) fn is_input_ended(&self) -> bool {
        self.connection.is_close_received() || self.connection.transport() != Transport::Open
    }

    pub(super) fn can_send(&self) -> bool {
        self.connection.can_send() && !self.out.is_broken()
    }

    /// Fails the connection because a message cannot be put together, or is not accepted.
    #[cold]
    pub(super) fn fail(&mut self, error: WebSocketError) {
        if let Some(code) = error.close_code() {
            self.connection.fail(code, &mut self.out.engine());
        }
    }

    /// How many bytes are missing of a frame that is waited for; see [`Connection::frame_missing`]. A
    /// frame is not waited for while its answer would have no room.
    #[inline]
    pub(super) fn frame_missing(&mut self, bytes: &[u8], least: usize, most: usize) -> usize {
        if self.out.engine().room() < MAX_CONTROL_FRAME {
            0
        } else {
            self.connection.frame_missing(bytes, least, most)
        }
    }
}

impl<R: Role, B: AsRef<[u8]>> Outbox<R, B> {
    /// The first `n` bytes that waited are gone.
    #[inline]
    pub(super) fn consume(&mut self, n: usize) {
        if self.out.was_blocked {
            // The transport takes more after it was full: the peer is there, and reads.
            self.connection.note_activity();
        }
        self.out.consume(n);
        self.out.went = true;
    }
}
