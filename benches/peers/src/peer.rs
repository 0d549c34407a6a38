//! What a contender does.

use bytes::Bytes;

use crate::wire::deliver;

/// Where received messages go.
pub trait Sink {
    fn message(&mut self, payload: &[u8]);
}

/// The application of the timed runs.
pub struct BlackBox;

impl Sink for BlackBox {
    #[inline(always)]
    fn message(&mut self, payload: &[u8]) {
        deliver(payload);
    }
}

/// The application of the checks.
impl Sink for Vec<u8> {
    fn message(&mut self, payload: &[u8]) {
        self.extend_from_slice(payload);
    }
}

/// One end of an open connection over a [`MemIo`](crate::io::MemIo).
pub trait Peer {
    /// Receives `n` messages, or at least `n` if several come in one read. Text is validated.
    fn receive(&mut self, n: usize, sink: &mut impl Sink);
    /// Sends `n` binary messages, each at once.
    fn send(&mut self, n: usize, payload: &Bytes);
    /// Sends `n` messages back as they come, written at least every `batch` messages.
    fn echo(&mut self, n: usize, batch: usize);
}

/// The same without a type parameter.
pub trait Runner {
    fn receive(&mut self, n: usize);
    fn received(&mut self, n: usize) -> Vec<u8>;
    fn send(&mut self, n: usize, payload: &Bytes);
    fn echo(&mut self, n: usize, batch: usize);
}

impl<P: Peer> Runner for P {
    fn receive(&mut self, n: usize) {
        Peer::receive(self, n, &mut BlackBox);
    }

    fn received(&mut self, n: usize) -> Vec<u8> {
        let mut payloads = Vec::new();
        Peer::receive(self, n, &mut payloads);
        payloads
    }

    fn send(&mut self, n: usize, payload: &Bytes) {
        Peer::send(self, n, payload);
    }

    fn echo(&mut self, n: usize, batch: usize) {
        Peer::echo(self, n, batch);
    }
}
