//! The floor on epoll: one frame, written to each socket. And the receiving side of both floors.

use std::io::{ErrorKind, Read, Write};

use anyhow::{Result, ensure};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use ws_proto::handshake::{Accept, Limits, ServerHandshake};
use ws_proto::{Assembler, Config, Connection, Input, Negotiated, Server};

use crate::wire;

const LISTENER: Token = Token(usize::MAX);

pub const READ: usize = 64 * 1024;

/// A connection without its transport.
pub enum Receiver {
    Handshake(Box<ServerHandshake<Vec<u8>>>),
    Open(Box<(Connection<Server>, Assembler<Vec<u8>>)>),
}

impl Receiver {
    pub fn new() -> Self {
        Self::Handshake(ServerHandshake::new(Vec::new(), Limits::new()).into())
    }

    /// Takes received bytes. Answers to this peer are appended to `out`; returns the frame for all, if there is one.
    pub fn receive(&mut self, read: &mut [u8], out: &mut Vec<u8>) -> Result<Option<Vec<u8>>> {
        let mut input = Input::new(read);
        if let Self::Handshake(handshake) = self {
            let Some(request) = handshake.receive(&mut input, out)? else {
                return Ok(None);
            };
            request.accept(&Accept::new(), out)?;
            let connection = Connection::server(Negotiated::new(), Config::new());
            let assembler = Assembler::new(Vec::new(), 1 << 20);
            *self = Self::Open(Box::new((connection, assembler)));
        }
        let mut frame = None;
        if let Self::Open(open) = self {
            let (connection, assembler) = &mut **open;
            while let Some(event) = connection.receive(&mut input, out)? {
                if let Some(message) = assembler.push(event)? {
                    ensure!(frame.is_none(), "more than one message in flight");
                    wire::frame(frame.insert(Vec::new()), 0x81, message.as_bytes(), false);
                }
            }
        }
        Ok(frame)
    }
}

pub fn on_epoll() -> Result<()> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
    let registry = poll.registry();
    registry.register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("listening on {}", listener.local_addr()?);
    let mut events = Events::with_capacity(1024);
    let mut peers: Vec<Option<(TcpStream, Receiver)>> = Vec::new();
    let (mut buffer, mut out) = (vec![0; READ], Vec::new());
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, &poll, &mut peers)?;
                continue;
            }
            let slot = &mut peers[event.token().0];
            let Some((stream, receiver)) = slot else {
                continue;
            };
            let frame = match stream.read(&mut buffer) {
                Ok(0) => {
                    *slot = None;
                    continue;
                }
                Ok(n) => receiver.receive(&mut buffer[..n], &mut out)?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(_) => {
                    *slot = None;
                    continue;
                }
            };
            write(stream, &out)?;
            out.clear();
            if let Some(frame) = frame {
                for (stream, _) in peers.iter_mut().flatten() {
                    write(stream, &frame)?;
                }
            }
        }
    }
}

/// All at once: one message is in flight, so there is room.
fn write(stream: &mut TcpStream, bytes: &[u8]) -> Result<()> {
    ensure!(
        bytes.is_empty() || stream.write(bytes)? == bytes.len(),
        "no room"
    );
    Ok(())
}

fn accept(
    listener: &TcpListener,
    poll: &Poll,
    peers: &mut Vec<Option<(TcpStream, Receiver)>>,
) -> Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        stream.set_nodelay(true)?;
        let registry = poll.registry();
        registry.register(&mut stream, Token(peers.len()), Interest::READABLE)?;
        peers.push(Some((stream, Receiver::new())));
    }
}
