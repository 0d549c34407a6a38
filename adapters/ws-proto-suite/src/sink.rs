//! Outputs that can be drained.

use ws_proto::{FixedBuf, Limited, Output};

/// An output together with the transport's side of it.
pub trait Sink: Output {
    fn pending(&self) -> &[u8];
    fn consume(&mut self, n: usize);

    /// Gives memory back, where there is any to give.
    fn release(&mut self) {}
}

impl Sink for Vec<u8> {
    fn pending(&self) -> &[u8] {
        self
    }

    fn consume(&mut self, n: usize) {
        self.drain(..n);
    }
}

impl<const N: usize> Sink for FixedBuf<N> {
    fn pending(&self) -> &[u8] {
        self.pending()
    }

    fn consume(&mut self, n: usize) {
        self.consume(n);
    }
}

impl Sink for Limited {
    fn pending(&self) -> &[u8] {
        self.pending()
    }

    fn consume(&mut self, n: usize) {
        self.consume(n);
    }

    fn release(&mut self) {
        self.release();
    }
}

/// A bounded output of the tests' own that panics when more is put than there is room for.
#[derive(Clone, Debug)]
pub struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
}

impl Bounded {
    pub fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
        }
    }
}

impl Output for Bounded {
    fn room(&self) -> usize {
        self.limit - self.bytes.len()
    }

    fn put(&mut self, bytes: &[u8]) {
        assert!(
            bytes.len() <= self.room(),
            "{} bytes put, room {}",
            bytes.len(),
            self.room()
        );
        self.bytes.extend_from_slice(bytes);
    }

    fn last_mut(&mut self, n: usize) -> &mut [u8] {
        let from = self.bytes.len() - n;
        &mut self.bytes[from..]
    }
}

impl Sink for Bounded {
    fn pending(&self) -> &[u8] {
        &self.bytes
    }

    fn consume(&mut self, n: usize) {
        self.bytes.drain(..n);
    }
}
