//! The received part: the input that waits, and the message that is put together.

use alloc::boxed::Box;

use super::messages::Messages;
use super::read_buffer::ReadBuffer;
use super::retention::Retention;
use super::{RETAINED, WebSocketError};
use crate::connection::{Connection, Role};
use crate::frame::MAX_HEADER;

/// How many bytes of a frame are read at once.
const MOST_AT_ONCE: usize = 64 * 1024;

/// The received part: bytes that were read and that nobody has asked for yet, and the messages in those
/// before.
#[derive(Debug)]
pub(super) struct Inbox {
    /// Allocated while something is kept, or is put together: of many connections most are idle, and of
    /// most messages nothing is kept where buffers are lent.
    pub(super) parts: Option<Box<Parts>>,
    read_size: u32,
    /// Control frames have been asked for.
    keeps_control: bool,
    pub(super) retention: Retention,
}

#[derive(Debug)]
pub(super) struct Parts {
    pub(super) read: ReadBuffer,
    pub(super) messages: Messages,
}

impl Inbox {
    pub(super) const fn new() -> Self {
        Self {
            parts: None,
            read_size: RETAINED as u32,
            keeps_control: false,
            retention: Retention::new(),
        }
    }

    pub(super) fn set_read_size(&mut self, bytes: usize) {
        self.read_size = u32::try_from(bytes.max(1)).unwrap_or(u32::MAX);
    }

    #[inline]
    pub(super) fn parts(&mut self, max_message: u64) -> &mut Parts {
        self.parts
            .get_or_insert_with(|| Parts::allocate(max_message, self.keeps_control))
    }

    /// Why the connection has failed, if a message or the protocol was at fault.
    pub(super) fn failed(&self) -> Option<WebSocketError> {
        self.parts.as_ref()?.messages.failed()
    }

    /// Whether the end of the input is still to come, after the waiting bytes.
    pub(super) fn ends_later(&self) -> bool {
        let parts = self.parts.as_ref();
        parts.is_some_and(|parts| parts.messages.ends_later())
    }

    pub(super) fn wants_read(&self) -> bool {
        self.parts.as_ref().is_none_or(|parts| parts.wants_read())
    }

    /// How many bytes the larger of the buffers has allocated.
    #[inline]
    pub(super) fn capacity(&self) -> usize {
        self.parts.as_ref().map_or(0, |parts| {
            parts.read.capacity().max(parts.messages.capacity())
        })
    }

    /// How many bytes to read next; `frame_remaining` are those of a frame that is not waited for.
    pub(super) fn read_hint(&self, frame_remaining: u64) -> usize {
        let missing = self.parts.as_ref().map_or(0, |parts| parts.missing());
        if missing > 0 {
            return missing.min(MOST_AT_ONCE);
        }
        let rest = frame_remaining.min(MOST_AT_ONCE as u64);
        (self.read_size as usize).max(rest as usize)
    }

    /// Whether there is input that was not looked at.
    #[inline]
    pub(super) fn has_input(&self) -> bool {
        self.parts
            .as_ref()
            .is_some_and(|parts| !parts.read.is_empty())
    }

    /// Whether all input is used and nothing is held. Then the turn is over; unless nothing was received in
    /// it, since the last one has done all that is to do.
    #[inline]
    pub(super) fn is_used<R: Role>(&mut self, connection: &Connection<R>) -> bool {
        let Some(parts) = &self.parts else {
            return true;
        };
        if !parts.read.is_empty() {
            return false;
        }
        if !self.retention.is_fresh() || !parts.messages.is_idle() {
            self.end_turn(connection.frame_remaining());
        }
        self.parts
            .as_ref()
            .is_none_or(|parts| parts.messages.is_idle())
    }

    /// From now on control frames wait until they are emitted.
    pub(super) fn keep_control(&mut self) {
        self.keeps_control = true;
        if let Some(parts) = &mut self.parts {
            parts.messages.keep_control();
        }
    }

    /// A turn is over: all input was used.
    #[inline(never)]
    pub(super) fn end_turn(&mut self, frame_remaining: u64) {
        let hint = self.read_hint(frame_remaining);
        let retained = self.retention.at_end_of_turn(hint);
        if let Some(parts) = &mut self.parts {
            parts.messages.drop_spent();
            parts.release_over(retained);
        }
    }

    /// Gives back what holds nothing and is more than `retained` bytes.
    #[inline]
    pub(super) fn release_over(&mut self, retained: usize) {
        if let Some(parts) = &mut self.parts {
            parts.release_over(retained);
            if retained == 0 && parts.is_empty() {
                self.parts = None;
            }
        }
    }
}

impl Parts {
    #[cold]
    #[inline(never)]
    fn allocate(max_message: u64, keeps_control: bool) -> Box<Self> {
        Box::new(Self {
            read: ReadBuffer::new(),
            messages: Messages::new(max_message, keeps_control),
        })
    }

    /// Whether nothing is lost without it.
    fn is_empty(&mut self) -> bool {
        self.read.is_empty() && self.messages.is_empty()
    }

    /// More bytes have been read into the buffer.
    pub(super) fn advance(&mut self, n: usize) {
        self.read.advance(n);
        self.messages.note_read(n);
    }

    pub(super) fn wants_read(&self) -> bool {
        let messages = &self.messages;
        (self.read.is_empty() && !messages.has_held()) || messages.missing() > 0
    }

    /// How many bytes are missing of a frame that is waited for. Of a header that is cut nothing is known
    /// yet: the frame may be small.
    const fn missing(&self) -> usize {
        if self.read.len() >= MAX_HEADER {
            self.messages.missing()
        } else {
            0
        }
    }

    fn release_over(&mut self, retained: usize) {
        let retained = if self.messages.failed().is_some() {
            0
        } else {
            retained
        };
        if self.read.capacity() > 0 {
            self.read.release_over(retained);
        }
        self.messages.release_over(retained);
    }
}
