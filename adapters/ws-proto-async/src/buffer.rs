//! One read buffer for all connections of a thread.

use std::cell::RefCell;

/// How much is read at once: a message of 64 KiB with its header comes in one read, and is copied
/// once.
const SIZE: usize = 64 * 1024 + 512;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(Box::default());
}

/// Lends the thread's read buffer: the engine consumes all input, so that an idle connection needs
/// none of its own.
pub(crate) fn with_buffer<T>(f: impl FnOnce(&mut [u8]) -> T) -> T {
    BUFFER.with(|buffer| match buffer.try_borrow_mut() {
        Ok(mut buffer) => {
            if buffer.is_empty() {
                *buffer = vec![0; SIZE].into();
            }
            f(&mut buffer)
        }
        // A stream that is itself a connection of this crate's is being read from.
        Err(_) => f(&mut vec![0; SIZE]),
    })
}

/// Received bytes that wait until there is use for them.
#[derive(Debug, Default)]
pub(crate) struct Leftover {
    bytes: Vec<u8>,
    start: usize,
}

impl Leftover {
    pub(crate) fn keep(&mut self, rest: &[u8]) {
        if rest.is_empty() {
            return;
        }
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(rest);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    pub(crate) fn unread(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.start..).unwrap_or_default()
    }

    /// Tells how many of the unread bytes are still unread.
    pub(crate) fn set_rest(&mut self, rest: usize) {
        self.start = self.bytes.len() - rest.min(self.bytes.len());
        if rest == 0 {
            *self = Self::default();
        }
    }
}
