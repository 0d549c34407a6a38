use super::WebSocketError;
use super::codec::Encoder;
use super::queue::{Messages, Queue, Sent};
use crate::close::CloseReason;
use crate::connection::{Connection, Role};
use crate::message::AssembleError;

/// What is sent: by the connection, on its way through an extension, into the queue.
pub(super) struct Outbox<R> {
    pub(super) connection: Connection<R>,
    pub(super) encoder: Encoder,
    pub(super) out: Queue,
    /// Whether anything was written since the last tick.
    pub(super) went: bool,
}

impl<R: Role> Outbox<R> {
    pub(super) fn new(connection: Connection<R>, high_water: usize) -> Self {
        Self {
            connection,
            encoder: Encoder::default(),
            out: Queue::new(high_water),
            went: false,
        }
    }

    pub(super) fn parts(&mut self, sent: Sent) -> (&mut Connection<R>, Messages<'_>) {
        (&mut self.connection, self.out.messages(sent))
    }

    /// The first `n` bytes that waited are gone.
    pub(super) fn wrote(&mut self, n: usize) {
        if self.out.is_full() {
            self.connection.heard();
        }
        self.out.consume(n);
        self.went = true;
    }

    /// Closes because a message cannot be put together.
    #[cold]
    pub(super) fn fail(&mut self, error: AssembleError) -> WebSocketError {
        let (code, reason) = (error.close_code(), CloseReason::EMPTY);
        let _ = self.connection.close(code, reason, &mut self.out.engine());
        error.into()
    }
}
