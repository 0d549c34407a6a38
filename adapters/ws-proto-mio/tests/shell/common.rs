//! Two ends of a pipe of bounded size, on a clock of the test's.

use mio::Token;
use ws_proto_mio::{Accept, Buffers, Connector, Error, Event, Instant, Options, Stream, WebSocket};
use ws_proto_test::stream::{End, pipe};

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
    socket.note_ready();
    let mut turn = socket.turn(buffers, now);
    while turn.read() {
        loop {
            match turn.next_event() {
                Ok(None) => break,
                Err(error) => return (seen, Err(error)),
                Ok(Some(Event::Close(..))) => {} // `WebSocket::closed` has it
                Ok(Some(event)) => seen.push(match event {
                    Event::Request(incoming) => {
                        let target = incoming.request().target().to_owned();
                        incoming.accept(&Accept::new()).unwrap();
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
    let mut client = WebSocket::connect_over(right, Token(1), connector, client).unwrap();
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
