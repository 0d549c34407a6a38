use super::codec::Decoder;
use super::outbox::Outbox;
use super::read_buffer::ReadBuffer;
use super::retention::{BUSY, Retention};
use super::{RETAINED, WebSocketError};
use crate::buf::Input;
use crate::connection::Role;
use crate::error::ReceiveError;
use crate::frame::MAX_HEADER;
use crate::message::{AssembleError, Assembler, Message, MessageBuf, Step};
use crate::transport::Transport;

/// What is received: the bytes that were read, and the message that is put together.
#[derive(Debug)]
pub(super) struct Inbox {
    pub(super) read: ReadBuffer,
    assembler: Assembler<MessageBuf, Decoder>,
    pub(super) retention: Retention,
    pub(super) read_size: usize,
    /// How many bytes are missing of the frame that was begun to be read.
    missing: usize,
    /// A message that could not be put together ends the connection.
    pub(super) failed: Option<AssembleError>,
}

impl Inbox {
    pub(super) fn new(max_message: u64) -> Self {
        let decoder = Decoder::default();
        Self {
            read: ReadBuffer::new(),
            assembler: Assembler::with_extension(MessageBuf::new(), max_message, decoder),
            retention: Retention::default(),
            read_size: RETAINED,
            missing: 0,
            failed: None,
        }
    }

    #[cfg(feature = "deflate")]
    pub(super) fn decode_with(&mut self, decoder: Decoder) {
        *self.assembler.extension_mut() = decoder;
    }

    pub(super) fn filled(&mut self, n: usize) {
        self.read.filled(n);
        self.missing = self.missing.saturating_sub(n);
        self.retention.received(n);
    }

    pub(super) fn wants_read(&self) -> bool {
        self.read.is_empty() || self.missing > 0
    }

    /// How many bytes to read next; `frame_remaining` are those of a frame that is not waited for.
    pub(super) fn read_hint(&self, frame_remaining: u64) -> usize {
        const MOST: usize = 64 * 1024;
        // Of a header that is cut nothing is known yet: the frame may be small.
        if self.missing > 0 && self.read.len() >= MAX_HEADER {
            return self.missing.min(MOST);
        }
        let rest = frame_remaining.min(MOST as u64);
        self.read_size.max(rest as usize)
    }

    /// The next message. It does not hold the outbox, so that an answer can be sent into that.
    #[inline(always)]
    pub(super) fn next<R: Role>(
        &mut self,
        to: &mut Outbox<R>,
    ) -> Result<Option<Message<'_>>, WebSocketError> {
        if let Some(error) = self.failed {
            self.read.clear();
            self.missing = 0;
            return Err(error.into());
        }
        if self.read.is_empty() && to.connection.transport() == Transport::Open {
            self.end_turn(to.connection.frame_remaining());
            return Ok(None);
        }
        self.missing = 0;
        let (bytes, mut consumed) = self.read.unread();
        let mut input = Input::new(bytes);
        let before = input.len();
        // On its own, so that a message that is there as a whole stays in registers
        // (`websocket/receive/binary/16` in `benches/engine` takes 40 % more without it).
        if let Some(event) = (to.connection).receive_message(&mut input, &mut to.out.engine()) {
            consumed.set(before - input.len());
            match self.assembler.step(event?) {
                Ok(Step::Whole(message)) => return Ok(Some(message)),
                Ok(Step::More | Step::Held) => {}
                Err(error) => {
                    self.failed = Some(error);
                    return Err(to.fail(error));
                }
            }
        }
        loop {
            let event =
                to.connection
                    .receive_or_wait(&mut input, &mut to.out.engine(), (RETAINED, BUSY));
            consumed.set(before - input.len());
            let Ok(Ok(Some(event))) = event else {
                return match event {
                    Ok(Err(missing)) => {
                        self.missing = missing.get();
                        Ok(None)
                    }
                    Err(ReceiveError::Protocol(error)) => Err(error.into()),
                    _ => Ok(None),
                };
            };
            match self.assembler.step(event) {
                Ok(Step::More) => {}
                Ok(Step::Whole(message)) => return Ok(Some(message)),
                Ok(Step::Held) => break,
                Err(error) => {
                    self.failed = Some(error);
                    return Err(to.fail(error));
                }
            }
        }
        match self.assembler.held() {
            Ok(message) => Ok(message),
            Err(error) => {
                self.failed = Some(error);
                Err(to.fail(error))
            }
        }
    }

    #[inline(never)]
    fn end_turn(&mut self, frame_remaining: u64) {
        let hint = self.read_hint(frame_remaining);
        let retained = self.retention.at_end_of_turn(hint);
        self.release_over(retained);
    }

    pub(super) fn release_over(&mut self, retained: usize) {
        self.read.release_over(retained);
        if !self.assembler.is_collecting() && self.assembler.storage().capacity() > retained {
            self.assembler.discard(MessageBuf::new());
        }
    }
}
