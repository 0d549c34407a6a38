//! Reads and writes as a handshake and a turn make them.

use std::io::{self, ErrorKind, Read, Write};

use crate::buf::Input;

/// A buffer for the reads of a handshake.
pub(super) struct ReadOnce([u8; 2048]);

pub(super) enum Got<'b> {
    Bytes(Input<'b>),
    Eof,
    /// The read timed out.
    Nothing,
}

impl ReadOnce {
    pub(super) const fn new() -> Self {
        Self([0; 2048])
    }

    pub(super) fn from<S: Read>(&mut self, stream: &mut S) -> io::Result<Got<'_>> {
        Ok(match read_once(stream, &mut self.0)? {
            None => Got::Nothing,
            Some(0) => Got::Eof,
            Some(n) => Got::Bytes(Input::new(self.0.get_mut(..n).unwrap_or_default())),
        })
    }
}

/// `None` if there was nothing to read for as long as the stream waits.
pub(super) fn read_once<S: Read>(stream: &mut S, space: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        match stream.read(space) {
            Ok(n) => return Ok(Some(n)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if is_timeout(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

/// Systems differ in what they call a read or write that has timed out.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

pub(super) fn write_all<S: Write>(stream: &mut S, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}
