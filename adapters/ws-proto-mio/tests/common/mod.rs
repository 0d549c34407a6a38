//! Two ends of a pipe of bounded size, on a clock of the test's.
#![allow(dead_code, reason = "not every test needs all of it")]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;

use mio::Token;
use ws_proto_mio::{Accept, Buffers, Connector, Error, Event, Instant, Options, Stream, WebSocket};

#[derive(Debug, Default)]
struct Way {
    bytes: VecDeque<u8>,
    capacity: usize,
    is_shut: bool,
}

/// One end of a pipe.
#[derive(Debug)]
pub(crate) struct End {
    inward: Rc<RefCell<Way>>,
    outward: Rc<RefCell<Way>>,
}

/// A pipe that holds so many bytes a way.
pub(crate) fn pipe(capacity: usize) -> (End, End) {
    let way = || {
        Rc::new(RefCell::new(Way {
            capacity,
            ..Way::default()
        }))
    };
    let (one, other) = (way(), way());
    let left = End {
        inward: Rc::clone(&one),
        outward: Rc::clone(&other),
    };
    let right = End {
        inward: other,
        outward: one,
    };
    (left, right)
}

impl End {
    /// All that is there.
    pub(crate) fn drain(&mut self) -> Vec<u8> {
        self.inward.borrow_mut().bytes.drain(..).collect()
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.write_all(bytes).unwrap();
    }

    /// Whether the other end writes no more.
    pub(crate) fn is_ended(&self) -> bool {
        self.inward.borrow().is_shut
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.outward.borrow_mut().is_shut = true;
    }
}

impl Read for End {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut way = self.inward.borrow_mut();
        if way.bytes.is_empty() && !way.is_shut {
            return Err(ErrorKind::WouldBlock.into());
        }
        way.bytes.read(buffer)
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut way = self.outward.borrow_mut();
        let n = bytes.len().min(way.capacity - way.bytes.len());
        if n == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        way.bytes.extend(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for End {
    fn shutdown(&mut self) -> io::Result<()> {
        self.outward.borrow_mut().is_shut = true;
        Ok(())
    }
}

/// An event, owned.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Request(String),
    Connected(u16),
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

pub(crate) const fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// One turn in which requests are accepted and `reply` sees each message.
pub(crate) fn turn_with<S: Stream>(
    socket: &mut WebSocket<S>,
    buffers: &mut Buffers,
    now: Instant,
    mut reply: impl FnMut(ws_proto_mio::Message<'_>, ws_proto_mio::Sender<'_, S>),
) -> (Vec<Seen>, Result<(), Error>) {
    let mut seen = Vec::new();
    socket.set_ready();
    let mut turn = socket.turn(buffers, now);
    while turn.read() {
        loop {
            match turn.next() {
                Ok(None) => break,
                Err(error) => return (seen, Err(error)),
                Ok(Some(event)) => seen.push(match event {
                    Event::Request(request) => {
                        let target = request.target().to_owned();
                        request.accept(&Accept::new()).unwrap();
                        Seen::Request(target)
                    }
                    Event::Connected(response) => Seen::Connected(response.status()),
                    Event::Message(message, sender) => {
                        let text = match message {
                            ws_proto_mio::Message::Text(text) => Seen::Text(text.to_owned()),
                            ws_proto_mio::Message::Binary(data) => Seen::Binary(data.to_owned()),
                        };
                        reply(message, sender);
                        text
                    }
                    Event::Ping(payload) => Seen::Ping(payload.to_owned()),
                    Event::Pong(payload) => Seen::Pong(payload.to_owned()),
                    _ => panic!("another event"),
                }),
            }
        }
    }
    (seen, Ok(()))
}

pub(crate) fn turn<S: Stream>(
    socket: &mut WebSocket<S>,
    buffers: &mut Buffers,
    now: Instant,
) -> (Vec<Seen>, Result<(), Error>) {
    turn_with(socket, buffers, now, |_, _| {})
}

pub(crate) fn echo<S: Stream>(
    socket: &mut WebSocket<S>,
    buffers: &mut Buffers,
    now: Instant,
) -> (Vec<Seen>, Result<(), Error>) {
    turn_with(socket, buffers, now, |message, mut sender| {
        sender.send(message).unwrap();
    })
}

pub(crate) type Socket = WebSocket<End>;

/// A server and a client that are connected, and the buffers of their loop.
pub(crate) fn pair(
    capacity: usize,
    server: &Options,
    client: &Options,
) -> (Socket, Socket, Buffers) {
    let (left, right) = pipe(capacity);
    let mut buffers = Buffers::new();
    let mut server = WebSocket::accept(left, Token(0), server);
    let connector = Connector::new("ws://example.com/chat").unwrap();
    let mut client = WebSocket::connect(right, Token(1), connector, client).unwrap();
    let mut connected = Vec::new();
    for _ in 0..1000 {
        connected.extend(turn(&mut client, &mut buffers, at(0)).0);
        connected.extend(turn(&mut server, &mut buffers, at(0)).0);
        if connected.len() == 2 {
            break;
        }
    }
    let expected = [Seen::Request("/chat".into()), Seen::Connected(101)];
    assert_eq!(connected, expected);
    (server, client, buffers)
}

/// The head of a request that is valid.
pub(crate) const REQUEST: &[u8] = b"GET /chat?room=1 HTTP/1.1\r\nHost: example.com\r\n\
    Upgrade: websocket\r\nConnection: Upgrade\r\nOrigin: https://example.org\r\n\
    Sec-WebSocket-Protocol: chat.v1, chat.v2\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
