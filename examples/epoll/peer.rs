//! One connection of the chat.

extern crate alloc;

use alloc::rc::Rc;
use core::mem;
use core::time::Duration;
use std::io::{ErrorKind::WouldBlock, Read, Write};
use std::net::{Shutdown, TcpStream};

use ws_proto::handshake::{Accept, Incoming, Limits, OriginPolicy, PlainResponse, ServerHandshake};
use ws_proto::{Assembler, Config, Connection, Input, Instant, Limited, Message};
use ws_proto::{SendError, Server, Transport};

/// The longest message.
const MESSAGE: u64 = 64 * 1024;
/// What may wait for a peer that reads slowly, in bytes. A peer for which more would wait is dropped.
const WAITING: usize = 1 << 20;
/// How long a peer has for its request, and to end its side after a refusal.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Room and text of a message. The room is shared: its name can be much longer than the text.
pub(crate) type Said = (Rc<str>, String);

enum State {
    Handshake(ServerHandshake<Vec<u8>>),
    Open(Box<Connection<Server>>, Assembler<Vec<u8>>, Rc<str>),
}

pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    state: State,
    out: Limited,
    /// Input that waits because the output is full. Nothing is read meanwhile.
    rest: Vec<u8>,
    pub(crate) deadline: Option<Instant>,
    /// The first entry for this peer in the heap: no other is needed before it comes up.
    pub(crate) scheduled: Option<Instant>,
    /// When the handshake has to be over.
    limit: Instant,
    was_full: bool,
    has_ended: bool,
    has_ended_writing: bool,
}

impl Peer {
    pub(crate) fn new(stream: TcpStream, now: Instant) -> Self {
        let limits = Limits::new().time(HANDSHAKE);
        Self {
            stream,
            state: State::Handshake(ServerHandshake::new(Vec::new(), limits)),
            out: Limited::new(WAITING),
            rest: Vec::new(),
            deadline: None,
            scheduled: None,
            limit: now + HANDSHAKE,
            was_full: false,
            has_ended: false,
            has_ended_writing: false,
        }
    }

    pub(crate) fn is_in(&self, name: &str) -> bool {
        matches!(&self.state, State::Open(.., room) if **room == *name)
    }

    /// Whether to wait for input, and for room to write.
    pub(crate) fn interest(&self) -> (bool, bool) {
        (
            self.rest.is_empty() && !self.has_ended,
            !self.out.is_empty(),
        )
    }

    /// Reads once. `false`: the connection is broken.
    pub(crate) fn read(&mut self, buffer: &mut [u8], said: &mut Vec<Said>) -> bool {
        if !self.interest().0 {
            return true;
        }
        match self.stream.read(buffer) {
            Ok(0) => {
                self.has_ended = true;
                if let State::Open(connection, ..) = &mut self.state {
                    let _ = connection.receive_eof(); // what waits is still written
                }
            }
            Ok(n) => self.receive(&mut buffer[..n], said),
            Err(error) => return error.kind() == WouldBlock,
        }
        true
    }

    fn receive(&mut self, bytes: &mut [u8], said: &mut Vec<Said>) {
        let mut input = Input::new(bytes);
        loop {
            match &mut self.state {
                State::Handshake(handshake) => {
                    // What follows the request in the same read stays in `input`, for the connection.
                    match handshake.receive_any(&mut input, &mut self.out) {
                        Ok(Some(incoming)) => match answer(incoming, &mut self.out) {
                            Some(open) => self.state = open,
                            None => break,
                        },
                        Ok(None) | Err(_) => break, // all is consumed, or the refusal is in `out`
                    }
                }
                State::Open(connection, assembler, room) => {
                    match connection.receive(&mut input, &mut self.out) {
                        Ok(Some(event)) => match assembler.push(event) {
                            Ok(Some(Message::Text(text))) => {
                                said.push((Rc::clone(room), text.into()));
                            }
                            Ok(_) => {}
                            Err(error) => connection.fail(error.close_code(), &mut self.out),
                        },
                        Ok(None) | Err(_) => break, // all is consumed, or the output is full, or a fault
                    }
                }
            }
        }
        self.rest = input.bytes().to_vec(); // only a full output leaves something
    }

    /// Queues a text. `false`: too much waits for this peer.
    pub(crate) fn send(&mut self, text: &str) -> bool {
        // A full output is written before the peer counts as slow: one turn can bring more than fits.
        self.queue(text) || (self.write() && self.queue(text))
    }

    fn queue(&mut self, text: &str) -> bool {
        let State::Open(connection, ..) = &mut self.state else {
            return true;
        };
        connection.send_text(text, &mut self.out) != Err(SendError::OutputFull)
    }

    /// Looks at the time, writes what waits, and does what the transport needs. `false`: it is over.
    pub(crate) fn turn(&mut self, now: Instant, said: &mut Vec<Said>) -> bool {
        let (ticked, transport, limit) = match &mut self.state {
            State::Handshake(h) => (h.tick(now, &mut self.out), h.transport(), Some(self.limit)),
            State::Open(c, ..) => (c.tick(now, &mut self.out), c.transport(), None),
        };
        let is_open = self.write();
        let Ok(deadline) = ticked else { return false };
        self.deadline = deadline.or(limit);
        let is_late = limit.is_some_and(|limit| now >= limit);
        if !is_open || is_late || (self.has_ended && self.out.is_empty()) {
            return false;
        }
        if self.out.is_empty() {
            if transport == Transport::Close && !mem::replace(&mut self.has_ended_writing, true) {
                let _ = self.stream.shutdown(Shutdown::Write); // then its end is read
            }
            if !self.rest.is_empty() {
                let mut rest = mem::take(&mut self.rest);
                self.receive(&mut rest, said);
            }
        }
        true
    }

    /// Writes as much as the socket takes. `false`: it is broken.
    fn write(&mut self) -> bool {
        let before = self.out.pending().len();
        let mut is_open = true;
        while !self.out.is_empty() && is_open {
            match self.stream.write(self.out.pending()) {
                Ok(n) => self.out.consume(n),
                Err(error) if error.kind() == WouldBlock => break,
                Err(_) => is_open = false,
            }
        }
        if let State::Open(connection, ..) = &mut self.state {
            if self.was_full && self.out.pending().len() < before {
                connection.note_activity(); // the peer reads: it is alive
            }
        }
        self.was_full = !self.out.is_empty();
        is_open
    }
}

/// Lets a request into its room, or answers it with the page or a refusal.
fn answer(incoming: Incoming<'_>, out: &mut Limited) -> Option<State> {
    let upgrade = match incoming {
        Incoming::Upgrade(upgrade) => upgrade,
        Incoming::Plain(plain) => {
            let page = PlainResponse::new(200).headers(&[("Content-Type", b"text/html")]);
            let is_page = plain.method() == "GET" && plain.target() == "/";
            let none = PlainResponse::new(404).body(b"There is only a page at /.\n");
            let response = if is_page {
                page.body(include_bytes!("page.html"))
            } else {
                none
            };
            let _ = plain.respond(&response, out);
            return None;
        }
    };
    let status = match upgrade.target().strip_prefix("/chat/") {
        Some(_) if !OriginPolicy::same_host().allows(&upgrade) => 403,
        Some(room) if !room.is_empty() => {
            let room = Rc::from(room);
            let negotiated = upgrade.accept(&Accept::new(), out).ok()?;
            let config = Config::new().max_message(MESSAGE);
            let connection = Box::new(Connection::server(negotiated, config));
            return Some(State::Open(
                connection,
                Assembler::new(Vec::new(), MESSAGE),
                room,
            ));
        }
        _ => 404,
    };
    let _ = upgrade.reject(&PlainResponse::new(status), out);
    None
}
