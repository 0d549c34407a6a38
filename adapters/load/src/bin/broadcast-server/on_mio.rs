//! ws-proto-mio: a message is prepared once, and each connection gets a turn.

use std::io::ErrorKind;

use anyhow::Result;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use ws_proto::extension::deflate::Deflate;
use ws_proto_mio::{
    Accept, Buffers, Event, Instant, Message, Options, PreparedMessage, Timers, Turn, WebSocket,
};

const LISTENER: Token = Token(usize::MAX);

struct Server {
    sockets: Vec<Option<Box<WebSocket<TcpStream>>>>,
    buffers: Buffers,
    timers: Timers,
}

pub fn serve() -> Result<()> {
    let epoch = std::time::Instant::now();
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
    let registry = poll.registry();
    registry.register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("listening on {}", listener.local_addr()?);
    let options = Options::new().short_reads_end(true).deflate(Deflate::new());
    let mut events = Events::with_capacity(1024);
    let mut server = Server {
        sockets: Vec::new(),
        buffers: Buffers::new(),
        timers: Timers::new(),
    };
    let mut said = Vec::new();
    loop {
        let now = Instant::now_since(epoch);
        let busy = server
            .sockets
            .iter()
            .flatten()
            .any(|socket| socket.has_more());
        let wait = if busy {
            Some(std::time::Duration::ZERO)
        } else {
            server.timers.wait(now)
        };
        poll.poll(&mut events, wait)?;
        let now = Instant::now_since(epoch);
        for event in &events {
            if event.token() == LISTENER {
                server.accept(&listener, &poll, &options)?;
            } else if let Some(Some(socket)) = server.sockets.get_mut(event.token().0) {
                socket.note_event(event);
                server.turn(event.token().0, now, None, &mut said);
            }
        }
        while let Some(token) = server.timers.expired(now) {
            server.turn(token.0, now, None, &mut said);
        }
        for message in std::mem::take(&mut said) {
            for index in 0..server.sockets.len() {
                server.turn(index, now, Some(&message), &mut said);
            }
        }
    }
}

impl Server {
    fn turn(
        &mut self,
        index: usize,
        now: Instant,
        message: Option<&PreparedMessage>,
        said: &mut Vec<PreparedMessage>,
    ) {
        let slot = &mut self.sockets[index];
        let Some(socket) = slot else { return };
        let turn = socket.turn(&mut self.buffers, now);
        if serve_one(turn, message, said).is_err() || socket.is_over() {
            self.timers.set(Token(index), None);
            *slot = None;
            return;
        }
        self.timers.set(Token(index), socket.next_deadline());
    }

    fn accept(&mut self, listener: &TcpListener, poll: &Poll, options: &Options) -> Result<()> {
        loop {
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            stream.set_nodelay(true)?;
            let token = Token(self.sockets.len());
            let mut socket = Box::new(WebSocket::accept(stream, token, options));
            let interest = socket.interest();
            poll.registry().register(&mut *socket, token, interest)?;
            self.sockets.push(Some(socket));
        }
    }
}

fn serve_one(
    mut turn: Turn<'_, TcpStream>,
    message: Option<&PreparedMessage>,
    said: &mut Vec<PreparedMessage>,
) -> Result<()> {
    if let (Some(message), Some(mut sender)) = (message, turn.sender()) {
        let _ = sender.send_prepared(message); // full: it misses it
    }
    while turn.read() {
        while let Some(event) = turn.next_event()? {
            match event {
                Event::Request(incoming) => incoming.accept(&Accept::new())?,
                Event::Message(Message::Text(text), _) => {
                    said.push(PreparedMessage::text(text.to_owned()));
                }
                _ => {}
            }
        }
    }
    Ok(())
}
