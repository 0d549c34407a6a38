//! Reads and flushes as a handshake and a turn make them.

use std::io::{self, ErrorKind, Read, Write};

/// `None` if there was nothing to read for as long as the stream waits.
pub(super) fn read_once<S: Read>(stream: &mut S, space: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        match stream.read(space) {
            // Bytes that are not there would be missed later.
            Ok(n) if n > space.len() => return Err(ErrorKind::InvalidData.into()),
            Ok(n) => return Ok(Some(n)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if is_timeout(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

pub(super) fn flush<S: Write>(stream: &mut S) -> io::Result<()> {
    loop {
        match stream.flush() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            flushed => return flushed,
        }
    }
}

/// Systems have different names for a read or write that has timed out.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
