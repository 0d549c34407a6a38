//! The core types on `std::net`: a server that answers one client after the other with one read
//! buffer, and a client to try it with.
//!
//! The server checks the Origin, echoes without copying (vectored writes of header and payload),
//! and turns the engine's deadlines into read timeouts.
//!
//! ```text
//! cargo run --release --example blocking
//! ```

use core::time::Duration;
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use anyhow::{Result, anyhow, bail, ensure};
use ws_proto::handshake::{
    Accept, ClientHandshake, ClientRequest, HeadError, Limits, ServerHandshake,
};
use ws_proto::io::now;
use ws_proto::{
    Assembler, CloseCode, CloseReason, Config, Connection, Event, Fin, Input, Instant, Message,
    Negotiated, OsRandom, Server, Transport,
};

fn main() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = std::thread::spawn(move || serve(&listener, 2));
    for round in 1..=2 {
        talk(TcpStream::connect(address)?, round)?;
    }
    server.join().map_err(|_| anyhow!("the server panicked"))?
}

/// Serves `clients` connections, all with the same buffers.
fn serve(listener: &TcpListener, clients: usize) -> Result<()> {
    let mut read = vec![0; 64 * 1024];
    let mut out = Vec::new();
    for stream in listener.incoming().take(clients) {
        let mut stream = stream?;
        stream.set_nodelay(true)?;
        out.clear();
        let served = serve_one(&mut stream, &mut read, &mut out);
        // The connection has ended, and its Close frame is in `out`. The next client is served even
        // if this one does not take it.
        let closed = close(&mut stream, &mut read, &out);
        if let Err(error) = served.and(closed) {
            println!("server: {error}");
        }
    }
    Ok(())
}

/// Closes so that all written bytes arrive: unread bytes would make a reset of it.
fn close(stream: &mut TcpStream, read: &mut [u8], out: &[u8]) -> Result<()> {
    stream.write_all(out)?;
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    while matches!(stream.read(read), Ok(1..)) {}
    Ok(())
}

fn serve_one(stream: &mut TcpStream, read: &mut [u8], out: &mut Vec<u8>) -> Result<()> {
    let Some((negotiated, rest)) = upgrade(stream, read, out)? else {
        return Ok(());
    };
    let mut connection = Connection::server(negotiated, Config::new());
    let mut filled = rest;
    loop {
        echo(&mut connection, Input::new(&mut read[filled]), stream, out)?;
        let deadline = connection.tick(now(), out)?;
        stream.write_all(out)?;
        out.clear();
        if connection.transport() != Transport::Open {
            println!("server: closed, code {:?}", connection.close_code());
            return Ok(());
        }
        filled = match wait_readable(stream, read, deadline)? {
            Some(0) => return Ok(connection.receive_eof()?),
            Some(n) => 0..n,
            None => 0..0,
        };
    }
}

/// The handshake; where in the buffer the bytes after it are. `None` if it was rejected.
fn upgrade(
    stream: &mut TcpStream,
    read: &mut [u8],
    out: &mut Vec<u8>,
) -> Result<Option<(Negotiated, core::ops::Range<usize>)>> {
    let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    loop {
        let deadline = handshake.tick(now(), out)?;
        let filled = match wait_readable(stream, read, deadline)? {
            Some(0) => return Ok(handshake.receive_eof().map(|()| None)?),
            Some(n) => n,
            None => continue,
        };
        let mut input = Input::new(&mut read[..filled]);
        if let Some(upgrade) = handshake.receive(&mut input, out)? {
            println!(
                "server: upgrade of {} from {:?}",
                upgrade.target(),
                upgrade.origin()
            );
            // A page of another site gets a 403.
            let negotiated = match upgrade.accept(&Accept::new(), out) {
                Ok(negotiated) => negotiated,
                Err(HeadError::OriginRefused(_)) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            return Ok(Some((negotiated, filled - input.len()..filled)));
        }
    }
}

/// Sends every piece back as it comes: a message is never held as a whole, nor copied.
fn echo(
    connection: &mut Connection<Server>,
    mut input: Input<'_>,
    stream: &mut TcpStream,
    out: &mut Vec<u8>,
) -> Result<()> {
    while let Some(event) = connection.receive(&mut input, out)? {
        let payload: &[u8] = match event {
            Event::Text(text) => {
                if let Some(head) = text.head {
                    // A character that was cut by the end of a read.
                    let mut utf8 = [0; 4];
                    let head: &str = head.encode_utf8(&mut utf8);
                    connection.send_text_part(head, Fin::No, out)?;
                }
                connection.frame_text_part(text.body, fin(text.last), out)?
            }
            Event::Binary(binary) => {
                connection.frame_binary_part(binary.data, fin(binary.last), out)?
            }
            _ => continue,
        };
        write_both(stream, out, payload)?;
        out.clear();
    }
    Ok(())
}

const fn fin(last: bool) -> Fin {
    if last { Fin::Yes } else { Fin::No }
}

/// Writes header and payload with one system call, as far as the socket takes them.
fn write_both(stream: &mut TcpStream, mut head: &[u8], mut payload: &[u8]) -> Result<()> {
    while !head.is_empty() || !payload.is_empty() {
        let written = match stream.write_vectored(&[IoSlice::new(head), IoSlice::new(payload)]) {
            Ok(0) => bail!("the socket takes nothing"),
            Ok(n) => n,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        let from_head = written.min(head.len());
        head = &head[from_head..];
        payload = &payload[written - from_head..];
    }
    Ok(())
}

/// Reads once, until `deadline` at the longest. `None` if the time is over.
fn wait_readable(
    stream: &mut TcpStream,
    read: &mut [u8],
    deadline: Option<Instant>,
) -> Result<Option<usize>> {
    // A timeout of zero would mean "none".
    let left = deadline.map(|at| {
        at.saturating_duration_since(now())
            .max(Duration::from_millis(1))
    });
    stream.set_read_timeout(left)?;
    match stream.read(read) {
        Ok(n) => Ok(Some(n)),
        Err(error) => match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => Ok(None),
            _ => Err(error.into()),
        },
    }
}

/// The client: core types too, without timers to keep it short.
fn talk(mut stream: TcpStream, round: usize) -> Result<()> {
    let host = stream.peer_addr()?.to_string();
    let nonce = OsRandom::nonce().ok_or_else(|| anyhow!("no randomness"))?;
    let mut out = Vec::new();
    let request = ClientRequest::new(&host, "/echo");
    let mut handshake =
        ClientHandshake::start(request, nonce, Vec::new(), Limits::new(), &mut out)?;
    let mut read = [0; 4096];
    let mut filled = 0..0;
    let negotiated = loop {
        stream.write_all(&out)?;
        out.clear();
        let mut input = Input::new(&mut read[filled.clone()]);
        if let Some(established) = handshake.receive(&mut input)? {
            let negotiated = established.negotiated();
            filled.start = filled.end - input.len();
            break negotiated;
        }
        filled = 0..stream.read(&mut read)?;
        ensure!(!filled.is_empty(), "the server went away");
    };

    let mut connection = Connection::client(negotiated, Config::new(), OsRandom::new());
    let mut assembler = Assembler::new(Vec::new(), 1 << 20);
    let sent = format!("round {round}: {}", "\u{20ac}".repeat(30_000));
    connection.send_text(&sent, &mut out)?;
    let mut echoed = false;
    loop {
        let mut input = Input::new(&mut read[filled]);
        while let Some(event) = connection.receive(&mut input, &mut out)? {
            if let Some(message) = assembler.push(event)? {
                ensure!(message == Message::Text(&sent), "the echo differs");
                println!("client: {} bytes of text came back", sent.len());
                echoed = true;
                connection.close(CloseCode::NORMAL, CloseReason::new("done")?, &mut out)?;
            }
        }
        stream.write_all(&out)?;
        out.clear();
        filled = 0..stream.read(&mut read)?;
        if filled.is_empty() {
            connection.receive_eof()?;
            ensure!(echoed, "no echo");
            println!("client: closed, code {:?}", connection.close_code());
            return Ok(());
        }
    }
}
