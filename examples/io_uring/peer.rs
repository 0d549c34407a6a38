//! One connection: what it receives, what it answers, what it wants next.

use core::mem;
use core::time::Duration;

use ws_proto::handshake::{Accept, Limits, OriginPolicy, PlainResponse, ServerHandshake};
use ws_proto::{Config, Connection, Event, Fin, Input, Instant, SendError, Server, Transport};

/// How long a peer has for its request, and to end its side after a refusal.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// What a read that was cancelled ends with: `ECANCELED`.
const CANCELED: i32 = -125;

enum State {
    Handshake(ServerHandshake<Vec<u8>>),
    Open(Box<Connection<Server>>),
}

/// What a connection wants from the ring.
pub(crate) enum Wish {
    Read,
    /// From that byte of `sending` on.
    Write(usize),
    /// To end the writing side, then to read.
    EndWriting,
    Close,
}

pub(crate) struct Peer {
    state: State,
    /// What is read into.
    pub(crate) read: Vec<u8>,
    /// What is written, and how much of it is.
    pub(crate) sending: Vec<u8>,
    sent: usize,
    /// What is written next.
    out: Vec<u8>,
    pub(crate) deadline: Option<Instant>,
    /// The first entry for this peer in the heap: no other is needed before it comes up.
    pub(crate) scheduled: Option<Instant>,
    /// When the handshake has to be over.
    limit: Instant,
    /// A deadline has come while the write was in the ring.
    pub(crate) is_stalled: bool,
    has_ended: bool,
    has_ended_writing: bool,
    is_broken: bool,
}

impl Peer {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            state: State::Handshake(ServerHandshake::new(
                Vec::new(),
                Limits::new().time(HANDSHAKE),
            )),
            read: vec![0; 64 * 1024],
            sending: Vec::new(),
            sent: 0,
            out: Vec::new(),
            deadline: None,
            scheduled: None,
            limit: now + HANDSHAKE,
            is_stalled: false,
            has_ended: false,
            has_ended_writing: false,
            is_broken: false,
        }
    }

    /// A read has ended with so many bytes, or an error.
    pub(crate) fn has_read(&mut self, result: i32) {
        if result == CANCELED {
            return; // to write first
        }
        let n = usize::try_from(result).unwrap_or_default();
        if n == 0 {
            self.has_ended = true;
            if let State::Open(connection) = &mut self.state {
                let _ = connection.receive_eof(); // what waits is still written
            }
            return;
        }
        let mut read = mem::take(&mut self.read);
        let mut input = Input::new(&mut read[..n]);
        if let State::Handshake(handshake) = &mut self.state {
            // What follows the request in the same read stays in `input`, for the connection.
            if let Ok(Some(upgrade)) = handshake.receive(&mut input, &mut self.out) {
                if !OriginPolicy::same_host().allows(&upgrade) {
                    let _ = upgrade.reject(&PlainResponse::new(403), &mut self.out);
                } else if let Ok(negotiated) = upgrade.accept(&Accept::new(), &mut self.out) {
                    let config = Config::new().max_message(u64::MAX).max_frame(u64::MAX);
                    let connection = Connection::server(negotiated, config);
                    self.state = State::Open(Box::new(connection));
                }
            }
        }
        if let State::Open(connection) = &mut self.state {
            // Without a limit the output is never full. A fault ends it; its Close is in the output.
            while let Ok(Some(event)) = connection.receive(&mut input, &mut self.out) {
                if echo(connection, &event, &mut self.out).is_err() {
                    break; // closed
                }
            }
        }
        self.read = read;
    }

    /// A write has taken so many bytes, or failed.
    pub(crate) fn has_written(&mut self, result: i32) {
        let was_full = mem::take(&mut self.is_stalled) || self.sent > 0;
        match usize::try_from(result) {
            Ok(n) => self.sent += n,
            Err(_) => self.is_broken = true,
        }
        if let State::Open(connection) = &mut self.state {
            // Only then: a write that the kernel takes at once says nothing about the peer.
            if was_full && !self.is_broken {
                connection.note_activity(); // the peer reads: it is alive
            }
        }
    }

    /// Looks at the time. `false`: it is over for this peer.
    pub(crate) fn tick(&mut self, now: Instant) -> bool {
        let (ticked, limit) = match &mut self.state {
            State::Handshake(handshake) => (handshake.tick(now, &mut self.out), Some(self.limit)),
            State::Open(connection) => (connection.tick(now, &mut self.out), None),
        };
        self.deadline = ticked.ok().flatten().or(limit);
        ticked.is_ok() && limit.is_none_or(|limit| now < limit)
    }

    /// Whether there is something to write, such as a Ping that was due.
    pub(crate) fn has_output(&self) -> bool {
        !self.out.is_empty()
    }

    /// What to do when nothing of this peer's is in the ring.
    pub(crate) fn wish(&mut self) -> Wish {
        if self.sent == self.sending.len() {
            self.sending.clear();
            self.sent = 0;
            mem::swap(&mut self.sending, &mut self.out);
        }
        let transport = match &self.state {
            State::Handshake(handshake) => handshake.transport(),
            State::Open(connection) => connection.transport(),
        };
        if self.is_broken || transport == Transport::Abort {
            Wish::Close
        } else if self.sent < self.sending.len() {
            Wish::Write(self.sent)
        } else if self.has_ended {
            Wish::Close
        } else if transport == Transport::Close && !mem::replace(&mut self.has_ended_writing, true)
        {
            Wish::EndWriting
        } else {
            Wish::Read
        }
    }
}

/// Sends a piece of a message on as it came.
fn echo(
    connection: &mut Connection<Server>,
    event: &Event<'_>,
    out: &mut Vec<u8>,
) -> Result<(), SendError> {
    let fin = |last| if last { Fin::Yes } else { Fin::No };
    match event {
        Event::Text(text) => connection.send_utf8_part(text.raw, fin(text.last), out),
        Event::Binary(binary) => connection.send_binary_part(binary.data, fin(binary.last), out),
        _ => Ok(()), // Ping and Close are answered already
    }
}
