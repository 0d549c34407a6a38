//! Peers that misbehave, against the echo server of each adapter. Each check is a bound with a number.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::process::Target;
use crate::swarm::Swarm;

pub const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// A bound and whether it held.
pub struct Check {
    pub name: &'static str,
    pub said: String,
    pub held: bool,
}

type Run<'t> = Box<dyn Fn() -> Result<(bool, String)> + 't>;

/// All of them, each with servers of its own. A connection may take `memory` bytes of resident memory.
pub fn run(target: &Target, memory: u64, connections: usize) -> Vec<Check> {
    let checks: [(&'static str, Run<'_>); 6] = [
        (
            "many connections",
            Box::new(move || many(target, memory, connections)),
        ),
        (
            "readers that never drain",
            Box::new(|| slow_readers(target)),
        ),
        ("peers that vanish", Box::new(|| vanished(target))),
        (
            "handshakes a byte at a time",
            Box::new(|| trickling(target)),
        ),
        ("storms of closing", Box::new(|| storms(target))),
        ("no file descriptors left", Box::new(|| descriptors(target))),
    ];
    checks
        .into_iter()
        .map(|(name, check)| {
            let (held, said) = check().unwrap_or_else(|error| (false, format!("{error:#}")));
            let word = if held { "ok" } else { "FAILED" };
            println!("{word:7} {}: {name}: {said}", target.name);
            Check { name, said, held }
        })
        .collect()
}

fn many(target: &Target, memory: u64, count: usize) -> Result<(bool, String)> {
    let server = target.start(&[])?;
    let before = server.resident()?;
    let mut swarm = Swarm::connect(server.address, count, 64)?;
    let took = swarm.echo_once()?;
    let each = server.resident()?.saturating_sub(before) / count as u64;
    let held = each <= memory;
    let said = format!(
        "{count} connections at once, each got its echo, all within {} ms; {each} bytes of \
         resident memory each (bound {memory})",
        took.as_millis(),
    );
    Ok((held, said))
}

/// They send and read nothing. What the server keeps for each is bounded by its high-water mark, a
/// message on top, and one read.
fn slow_readers(target: &Target) -> Result<(bool, String)> {
    const READERS: usize = 50;
    const EACH: u64 = 256 * 1024;
    let server = target.start(&[])?;
    let before = server.resident()?;
    let frame = frame(&[7; 60_000]);
    let mut readers = Vec::new();
    for _ in 0..READERS {
        let stream = open(server.address)?;
        stream.set_nonblocking(true)?;
        readers.push((stream, 0));
    }
    let mut written = 0;
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(3) {
        for (stream, at) in &mut readers {
            match stream.write(&frame[*at..]) {
                Ok(n) => {
                    written += n as u64;
                    *at = (*at + n) % frame.len();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let grown = server.resident()?.saturating_sub(before) / READERS as u64;
    let p99 = Swarm::connect(server.address, 10, 64)?.echo_for(Duration::from_millis(500))?;
    let held = grown <= EACH && p99 < Duration::from_millis(100);
    let said = format!(
        "{READERS} of them wrote {} KiB each and then were stopped; the server grew by {} KiB each \
         (bound {}), others still got echoes in {:.1} ms at p99 (bound 100)",
        written / READERS as u64 / 1024,
        grown / 1024,
        EACH / 1024,
        p99.as_secs_f64() * 1000.0,
    );
    Ok((held, said))
}

/// They open a connection and are never heard of again: no Pong, no end of the stream.
fn vanished(target: &Target) -> Result<(bool, String)> {
    const KEEPALIVE: u64 = 1000;
    const PONG: u64 = 1000;
    let server = target.start(&["--keepalive-ms", "1000", "--pong-ms", "1000"])?;
    let started = Instant::now();
    let peers: Result<Vec<TcpStream>> = (0..100).map(|_| open(server.address)).collect();
    let slowest = ended(peers?, started, Duration::from_secs(10))?;
    // Silence counts from the turn in which it was last heard.
    let bound = KEEPALIVE + PONG + 1000;
    let said = format!("100 of them were gone within {slowest} ms (bound {bound})");
    Ok((slowest <= bound, said))
}

/// A byte each 250 ms, which would take a minute.
fn trickling(target: &Target) -> Result<(bool, String)> {
    const LIMIT: u64 = 2000;
    let server = target.start(&["--handshake-ms", "2000"])?;
    let started = Instant::now();
    let mut peers = Vec::new();
    for _ in 0..100 {
        peers.push(TcpStream::connect(server.address)?);
    }
    for byte in &REQUEST[..10] {
        for peer in &mut peers {
            // It may have been asked to go already.
            let _ = peer.write(&[*byte]);
        }
        std::thread::sleep(Duration::from_millis(250));
    }
    let slowest = ended(peers, started, Duration::from_secs(10))?;
    // They are asked only after the last byte.
    let bound = LIMIT + 1500;
    let said = format!("100 of them were ended within {slowest} ms (limit {LIMIT}, bound {bound})");
    Ok((slowest <= bound, said))
}

/// A thousand say Close at once, a thousand end their streams without it, and again.
fn storms(target: &Target) -> Result<(bool, String)> {
    const COUNT: usize = 1000;
    const ROUNDS: usize = 3;
    let server = target.start(&[])?;
    let before = server.descriptors()?;
    let mut closed = 0;
    for _ in 0..ROUNDS {
        let gone = Swarm::connect(server.address, COUNT, 64)?;
        let swarm = Swarm::connect(server.address, COUNT, 64)?;
        closed += swarm.close_all()?;
        drop(gone);
    }
    Swarm::connect(server.address, 10, 64)?.echo_once()?;
    let mut left = usize::MAX;
    for _ in 0..100 {
        left = server.descriptors()?.saturating_sub(before);
        if left == 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let held = closed == ROUNDS * COUNT && left == 0;
    let said = format!(
        "{closed} of {} Closes were answered, as many streams ended without one; {left} of all are \
         left at the server",
        ROUNDS * COUNT
    );
    Ok((held, said))
}

/// More connections than there are file descriptors.
fn descriptors(target: &Target) -> Result<(bool, String)> {
    const LIMIT: usize = 64;
    let server = target.start_limited(LIMIT)?;
    let mut first = Swarm::connect(server.address, 40, 64)?;
    // No more than wait in the smallest queue of a listener: one more would wait for seconds.
    let crowd: std::io::Result<Vec<TcpStream>> = (0..80)
        .map(|_| TcpStream::connect(server.address))
        .collect();
    let crowd = crowd?;
    std::thread::sleep(Duration::from_millis(300));
    first.echo_once().context("those who were there first")?;
    let used = server.descriptors()?;
    drop(crowd);
    drop(first);
    let mut later = Swarm::connect(server.address, 40, 64).context("those who came later")?;
    later.echo_once()?;
    let said =
        format!("all {LIMIT} were in use; 40 who were there were served on, and 40 who came after");
    Ok((used >= LIMIT, said))
}

/// A connection whose handshake is done.
pub fn open(address: SocketAddr) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(REQUEST)?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    anyhow::ensure!(head.starts_with(b"HTTP/1.1 101 "), "no 101");
    Ok(stream)
}

/// Waits for the ends of all these streams; how many milliseconds after `started` the last came.
fn ended(streams: Vec<TcpStream>, started: Instant, patience: Duration) -> Result<u64> {
    for mut stream in streams {
        stream.set_read_timeout(Some(patience))?;
        loop {
            match stream.read(&mut [0; 512]) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => return Err(error).context("a stream that does not end"),
            }
        }
    }
    Ok(started.elapsed().as_millis() as u64)
}

/// A binary message as a client sends it, with a key of zeros.
pub fn frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x82, 0x80 | 126];
    frame.extend((payload.len() as u16).to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}
