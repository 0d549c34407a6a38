//! One connection: its input, its answers, and its next operation.

use std::net::{Shutdown, TcpStream};

use ws_proto::handshake::{Accept, Limits, ServerHandshake};
use ws_proto::{Config, Connection, Event, Fin, Input, Instant, Negotiated, Server, Transport};

pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    pub(crate) deadline: Option<Instant>,
    /// `None` once it is over, and the connection is open.
    handshake: Option<ServerHandshake<Vec<u8>>>,
    /// The time for the request, and for the peer to end its side after a refusal.
    limit: Instant,
    connection: Connection<Server>,
    /// What is read into; nothing once the input has ended. The kernel has it while `is_reading`.
    read: Vec<u8>,
    is_reading: bool,
    /// What is written. The kernel has it while `is_writing`.
    sending: Vec<u8>,
    is_writing: bool,
    /// What is written next.
    out: Vec<u8>,
    /// The last write has not taken all at once.
    was_full: bool,
}

impl Peer {
    pub(crate) fn new(stream: TcpStream, now: Instant) -> Self {
        Self {
            stream,
            deadline: None,
            handshake: Some(ServerHandshake::new(Vec::new(), Limits::new())),
            limit: now + core::time::Duration::from_secs(10),
            connection: Connection::server(Negotiated::new(), Config::new()), // for later
            read: vec![0; 64 * 1024],
            is_reading: false,
            sending: Vec::new(),
            is_writing: false,
            out: Vec::new(),
            was_full: false,
        }
    }

    /// A read or a write has ended with so many bytes, or an error.
    pub(crate) fn completed(&mut self, is_write: bool, result: i32) {
        let n = usize::try_from(result);
        if !is_write {
            self.is_reading = false;
            return self.receive(n.unwrap_or_default());
        }
        self.is_writing = false;
        // After an error all of it is dropped; what the peer has said is still read.
        self.sending.drain(..n.unwrap_or(self.sending.len()));
        if core::mem::replace(&mut self.was_full, !self.sending.is_empty()) {
            self.connection.note_activity(); // the peer reads: it is alive
        }
    }

    fn receive(&mut self, n: usize) {
        if n == 0 {
            self.read = Vec::new();
            let _ = self.connection.receive_eof(); // queued output is still written
        }
        let mut input = Input::new(&mut self.read[..n]);
        if let Some(handshake) = &mut self.handshake {
            // What follows the request in the same read stays in `input`, for the connection.
            let Ok(Some(upgrade)) = handshake.receive(&mut input, &mut self.out) else {
                return;
            };
            let Ok(negotiated) = upgrade.accept(&Accept::new(), &mut self.out) else {
                return; // a page of another site: the refusal is in `out`
            };
            let config = Config::new().max_message(u64::MAX).max_frame(u64::MAX);
            (self.handshake, self.connection) = (None, Connection::server(negotiated, config));
        }
        // Without a limit the output is never full. A fault ends it; its Close is in the output.
        while let Ok(Some(event)) = self.connection.receive(&mut input, &mut self.out) {
            let (connection, out) = (&mut self.connection, &mut self.out);
            let fin = |last| if last { Fin::Yes } else { Fin::No };
            let _ = match event {
                Event::Text(text) => connection.send_utf8_part(text.raw, fin(text.last), out),
                Event::Binary(part) => connection.send_binary_part(part.data, fin(part.last), out),
                _ => Ok(()), // Ping and Close are answered already
            };
        }
    }

    /// Looks at the time. `false`: it is over for this peer, once nothing of it is in the ring.
    pub(crate) fn turn(&mut self, now: Instant) -> bool {
        self.was_full |= self.is_writing; // the kernel waits for room
        let (c, out) = (&mut self.connection, &mut self.out);
        let (ticked, transport, limit) = match &mut self.handshake {
            Some(h) => (h.tick(now, out), h.transport(), Some(self.limit)),
            None => (c.tick(now, out), c.transport(), None),
        };
        let is_late = ticked.is_err() || limit.is_some_and(|limit| now >= limit);
        self.deadline = ticked.unwrap_or_default().or(limit).filter(|_| !is_late);
        let is_written = self.sending.is_empty() && self.out.is_empty();
        if is_late {
            let _ = self.stream.shutdown(Shutdown::Both); // operations in the ring end
        } else if transport == Transport::Close && is_written {
            let _ = self.stream.shutdown(Shutdown::Write); // then its end is read
        }
        !(is_late || self.read.is_empty() && is_written)
    }

    /// Whether nothing of it is in the ring.
    pub(crate) fn is_idle(&self) -> bool {
        !self.is_reading && !self.is_writing
    }

    /// What the kernel has to write now, if anything.
    pub(crate) fn next_write(&mut self) -> Option<&[u8]> {
        if self.sending.is_empty() {
            core::mem::swap(&mut self.sending, &mut self.out);
        }
        let starts = !self.is_writing && !self.sending.is_empty();
        self.is_writing |= starts;
        starts.then_some(&self.sending)
    }

    /// What the kernel has to read into now, if anything: not while something waits to be written.
    pub(crate) fn next_read(&mut self) -> Option<&mut [u8]> {
        let starts = self.is_idle() && !self.read.is_empty();
        self.is_reading |= starts;
        starts.then_some(&mut self.read)
    }
}
