//! Servers on a stream that blocks: the module `io`, and the floor.

use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use ws_proto::{Config, Negotiated, Server, WebSocket, WebSocketError};

use crate::client::{Client, Step};
use crate::counted::{Counted, Traffic};
use crate::echo::READ;
use crate::echo::by_hand::{Echo, Peer};

/// Where a stream would block, the client acts. When the client is done, a read times out.
struct Blocking {
    stream: UnixStream,
    client: Client,
    is_done: Rc<Cell<bool>>,
}

impl Read for Blocking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.client.step() == Step::Done {
            self.is_done.set(true);
            return Err(ErrorKind::WouldBlock.into());
        }
        self.stream.read(buffer)
    }
}

impl Write for Blocking {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.stream.write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    assert_eq!(self.client.step(), Step::Moved);
                }
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn blocking(
    stream: UnixStream,
    client: &Client,
    traffic: &Rc<Traffic>,
) -> (Counted<Blocking>, Rc<Cell<bool>>) {
    let is_done = Rc::default();
    let stream = Blocking {
        stream,
        client: client.clone(),
        is_done: Rc::clone(&is_done),
    };
    (Counted::new(stream, traffic), is_done)
}

pub struct Shell {
    socket: WebSocket<Server>,
    stream: Counted<Blocking>,
    is_done: Rc<Cell<bool>>,
}

impl Shell {
    pub fn new(stream: UnixStream, client: &Client, traffic: &Rc<Traffic>) -> Self {
        let (stream, is_done) = blocking(stream, client, traffic);
        Self {
            socket: WebSocket::server(Negotiated::new(), Config::new()),
            stream,
            is_done,
        }
    }

    pub fn run(&mut self) {
        self.is_done.set(false);
        while !self.is_done.get() {
            assert!(self.socket.exchange(&mut self.stream).unwrap());
            loop {
                match self.socket.next_message() {
                    Ok(Some((message, mut sender))) => sender.send(message).unwrap(),
                    Ok(None) | Err(WebSocketError::OutputFull) => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }
}

pub struct Floor {
    peer: Peer<Counted<Blocking>>,
    is_done: Rc<Cell<bool>>,
    buffer: Vec<u8>,
    out: Vec<u8>,
}

impl Floor {
    pub fn new(stream: UnixStream, client: &Client, traffic: &Rc<Traffic>) -> Self {
        let (stream, is_done) = blocking(stream, client, traffic);
        Self {
            peer: Peer::new(stream, Echo::open()),
            is_done,
            buffer: vec![0; READ],
            out: Vec::new(),
        }
    }

    pub fn run(&mut self) {
        self.is_done.set(false);
        self.peer.tick(&mut self.out, ws_proto::io::now()).unwrap();
        while !self.is_done.get() {
            let (buffer, out) = (&mut self.buffer, &mut self.out);
            assert!(self.peer.turn(buffer, out, ws_proto::io::now()).unwrap());
        }
    }
}
