//! A transport in memory for `tungstenite`: all that comes is there, then the end.

use std::io::{Read, Result, Write};

#[derive(Debug)]
pub(crate) struct Wire {
    incoming: Vec<u8>,
    at: usize,
    pub(crate) written: Vec<u8>,
}

impl Wire {
    pub(crate) fn new(incoming: &[u8]) -> Self {
        Self {
            incoming: incoming.to_vec(),
            at: 0,
            written: Vec::new(),
        }
    }
}

impl Read for Wire {
    fn read(&mut self, space: &mut [u8]) -> Result<usize> {
        let n = space.len().min(self.incoming.len() - self.at);
        space[..n].copy_from_slice(&self.incoming[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}
