//! One read buffer for all connections of a thread.

use std::cell::RefCell;

/// How much is read at once: a message of 64 KiB with its header comes in one read, and is copied
/// once.
const SIZE: usize = 64 * 1024 + 512;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(Box::default());
}

/// Lends the thread's read buffer, so that an idle connection needs none of its own.
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
