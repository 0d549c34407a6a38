//! One connection of the chat, from the first byte of its request to the closed socket.

use core::mem;
use std::io::{ErrorKind::WouldBlock, Read, Write};
use std::net::{Shutdown, TcpStream};

use polling::Event;
use ws_proto::handshake::{Accept, AnyRequest, Limits, PlainResponse, ServerHandshake};
use ws_proto::{Assembler, Config, Connection, Input, Instant, Limited, MAX_CONTROL_FRAME};
use ws_proto::{Message, Negotiated, Output, PreparedMessage, SendError, Server, Transport};

/// The longest message, and how much is read at once, in bytes.
pub(crate) const MESSAGE: usize = 64 * 1024;
/// What may wait for a peer that reads slowly, in bytes. A peer for which more would wait is dropped.
pub(crate) const WAITING: usize = 1 << 20;

pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    pub(crate) deadline: Option<Instant>,
    /// What the poller was asked for.
    pub(crate) waits_for: Option<Event>,
    /// Empty before the peer is in one.
    pub(crate) room: String,
    /// `None` once it is over, and the connection is open.
    handshake: Option<ServerHandshake<Vec<u8>>>,
    /// The time for the request, and for the peer to end its side after a refusal.
    limit: Instant,
    connection: Connection<Server>,
    assembler: Assembler<Vec<u8>>,
    out: Limited,
    was_full: bool,
    has_ended: bool,
}

impl Peer {
    pub(crate) fn new(stream: TcpStream, now: Instant) -> Self {
        Self {
            stream,
            deadline: None,
            waits_for: None,
            room: String::new(),
            handshake: Some(ServerHandshake::new(Vec::new(), Limits::new())),
            limit: now + core::time::Duration::from_secs(10),
            connection: Connection::server(Negotiated::new(), Config::new()), // for later
            assembler: Assembler::new(Vec::new(), MESSAGE as u64),
            out: Limited::new(WAITING),
            was_full: false,
            has_ended: false,
        }
    }

    /// What to wait for. Nothing is read while the answers to a whole read might have no room.
    pub(crate) fn interest(&self, key: usize) -> Event {
        let has_room = self.out.room() >= MESSAGE + MAX_CONTROL_FRAME;
        Event::new(key, has_room && !self.has_ended, !self.out.is_empty())
    }

    /// Reads once, and returns the texts in it, prepared for all who get them.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Vec<PreparedMessage<Vec<u8>>> {
        let mut said = Vec::new();
        if !self.interest(0).readable {
            return said;
        }
        let mut input = match self.stream.read(buffer) {
            Ok(n) => Input::new(&mut buffer[..n]),
            Err(error) if error.kind() == WouldBlock => return said,
            Err(_) => Input::new(&mut []),
        };
        self.has_ended = input.is_empty();
        if let Some(handshake) = &mut self.handshake {
            // What follows the request in the same read stays in `input`, for the connection.
            let received = handshake.receive_any(&mut input, &mut self.out);
            let incoming = received.ok().flatten(); // else its refusal is in `out`, or more is to come
            let Some(agreed) = incoming.and_then(|i| answer(i, &mut self.room, &mut self.out))
            else {
                return said;
            };
            let config = Config::new().max_message(MESSAGE as u64);
            self.connection = Connection::server(agreed, config);
            self.handshake = None;
        }
        while let Ok(Some(event)) = self.connection.receive(&mut input, &mut self.out) {
            match self.assembler.push(event) {
                Ok(Some(Message::Text(text))) => said.push(PreparedMessage::text(text)),
                Ok(_) => {}
                Err(error) => self.connection.fail(error.close_code(), &mut self.out),
            }
        }
        if self.has_ended {
            let _ = self.connection.receive_eof(); // queued output is still written
        }
        said
    }

    /// Queues a text, to be written next: a peer for which no more may wait does not read.
    pub(crate) fn send(&mut self, text: &PreparedMessage<Vec<u8>>) {
        let sent = self.connection.send_prepared(text, &mut self.out);
        if sent == Err(SendError::OutputFull) {
            (self.has_ended, self.out) = (true, Limited::new(WAITING)); // dropped
        }
    }

    /// Exchanges an empty output for another one. All peers write from the same memory, which stays in the cache, and keep
    /// none.
    pub(crate) fn swap_output(&mut self, other: &mut Limited) {
        if self.out.is_empty() {
            mem::swap(&mut self.out, other);
        }
    }

    /// Looks at the time, writes the queued output, and does the transport's next step. `false`: it is over.
    pub(crate) fn turn(&mut self, now: Instant) -> bool {
        let (c, out) = (&mut self.connection, &mut self.out);
        let (ticked, transport, limit) = match &mut self.handshake {
            Some(_) if now >= self.limit => return false,
            Some(h) => (h.tick(now, out), h.transport(), Some(self.limit)),
            None => (c.tick(now, out), c.transport(), None),
        };
        self.deadline = ticked.unwrap_or_default().or(limit);
        self.write();
        if transport == Transport::Close && self.out.is_empty() {
            let _ = self.stream.shutdown(Shutdown::Write); // then its end is read
        }
        ticked.is_ok() && !(self.has_ended && self.out.is_empty())
    }

    /// Writes the queued output as far as the socket takes it.
    pub(crate) fn write(&mut self) {
        let before = self.out.pending().len();
        while !self.out.is_empty() {
            match self.stream.write(self.out.pending()) {
                Ok(n) => self.out.consume(n),
                Err(error) if error.kind() == WouldBlock => break,
                Err(_) => self.out = Limited::new(WAITING), // what the peer has said is still read
            }
        }
        if self.was_full && self.out.pending().len() < before {
            self.connection.note_activity(); // the peer reads: it is alive
        }
        self.was_full = !self.out.is_empty();
    }
}

/// Lets a request into its room, or answers it with the page or a refusal.
fn answer(incoming: AnyRequest<'_>, room: &mut String, out: &mut Limited) -> Option<Negotiated> {
    let missing = PlainResponse::text(404, "The page is at /, the rooms are at /chat/NAME.\n");
    let refused = match incoming {
        AnyRequest::Plain(plain) if plain.method() == "GET" && plain.target() == "/" => {
            let page = PlainResponse::new(200).headers(&[("Content-Type", b"text/html")]);
            plain.respond(&page.body(include_bytes!("../page.html")), out)
        }
        AnyRequest::Plain(plain) => plain.respond(&missing, out),
        AnyRequest::Upgrade(upgrade) => match upgrade.target().strip_prefix("/chat/") {
            None | Some("") => upgrade.reject(&missing, out),
            Some(name) => {
                let accepted = upgrade.accept(&Accept::new(), out).ok(); // or a 403 for other sites
                return accepted.inspect(|_| *room = name.into());
            }
        },
    };
    refused.ok().and(None)
}
