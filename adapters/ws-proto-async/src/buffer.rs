//! One read buffer for all connections of a thread.

use std::cell::Cell;

/// How much is read at once: a message of 64 KiB with its header comes in one read, and is copied
/// once.
const SIZE: usize = 64 * 1024 + 512;

thread_local! {
    /// Not there before the first read, nor while it is lent.
    static BUFFER: Cell<Option<Box<[u8; SIZE]>>> = const { Cell::new(None) };
}

/// The thread's read buffer, so that an idle connection needs none of its own: to be
/// [given back](give_back). A stream that is itself a connection of this crate's, and reads while it is read
/// from, gets another. So does one that is used while its thread ends, when there is none for the thread any more.
#[inline(always)]
pub(crate) fn lend() -> Box<[u8; SIZE]> {
    let buffer = BUFFER.try_with(Cell::take);
    buffer.ok().flatten().unwrap_or_else(allocate)
}

#[inline(always)]
pub(crate) fn give_back(buffer: Box<[u8; SIZE]>) {
    let _ = BUFFER.try_with(|slot| slot.set(Some(buffer)));
}

#[cold]
#[inline(never)]
fn allocate() -> Box<[u8; SIZE]> {
    // Not `Box::new`: that would be made on the stack first.
    match vec![0; SIZE].into_boxed_slice().try_into() {
        Ok(buffer) => buffer,
        Err(_) => unreachable!("it has this size"),
    }
}

/// For the handshakes.
pub(crate) fn with_buffer<T>(f: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut buffer = lend();
    let value = f(&mut *buffer);
    give_back(buffer);
    value
}
