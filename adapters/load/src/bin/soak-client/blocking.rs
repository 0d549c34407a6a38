//! Clients on blocking streams: a thread for each connection.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ws_proto::{Client, CloseCode, CloseReason, OsRandom, WebSocket, WebSocketError};
use ws_proto_test::random::Random;

use crate::Clients;
use crate::session::{Burst, Session};

/// How long a read or a write waits before anything else is done.
const WAIT: Duration = Duration::from_millis(100);

pub fn run(clients: &'static Clients) -> Result<()> {
    let threads = (0..clients.connections).map(|index| {
        std::thread::spawn(move || {
            let mut random = Random::nth(clients.seed, index);
            while !clients.is_over() {
                let session = Session::next(&mut random, clients);
                clients.ended(&session, play(&session, clients));
            }
        })
    });
    for thread in threads.collect::<Vec<_>>() {
        ensure!(thread.join().is_ok(), "a client has panicked");
    }
    Ok(())
}

fn play(session: &Session, clients: &Clients) -> Result<()> {
    let mut stream = TcpStream::connect(session.server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(WAIT))?;
    stream.set_write_timeout(Some(WAIT))?;
    let (mut socket, _) = session.connector()?.connect(&mut stream)?;
    for burst in &session.bursts {
        exchange(&mut socket, &mut stream, burst, clients)?;
    }
    if session.closes {
        socket
            .sender()
            .close(CloseCode::NORMAL, CloseReason::EMPTY)?;
        while socket.exchange(&mut stream)? {
            ensure!(
                socket.next_message()?.is_none(),
                "a message that nobody sent"
            );
        }
    }
    Ok(())
}

fn exchange(
    socket: &mut WebSocket<Client<OsRandom>>,
    stream: &mut TcpStream,
    burst: &Burst,
    clients: &Clients,
) -> Result<()> {
    let until = Instant::now() + burst.pause;
    while Instant::now() + WAIT < until {
        ensure!(socket.exchange(stream)?, "the server has closed");
        ensure!(
            socket.next_message()?.is_none(),
            "a message that nobody sent"
        );
    }
    std::thread::sleep(until.saturating_duration_since(Instant::now()));
    if burst.pings {
        socket.sender().ping(b"soak")?;
    }
    for payload in &burst.messages {
        socket.sender().send(payload.message())?;
    }
    let mut expected = burst.messages.iter().peekable();
    while expected.peek().is_some() {
        ensure!(socket.exchange(stream)?, "the server has closed");
        loop {
            match socket.next_message() {
                Ok(Some((echo, _))) => match expected.next() {
                    Some(payload) => payload.check(echo, clients)?,
                    None => anyhow::bail!("a message that nobody sent"),
                },
                Ok(None) | Err(WebSocketError::OutputFull) => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}
