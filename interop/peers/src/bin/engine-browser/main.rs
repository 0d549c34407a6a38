//! The server for `interop/browser/engine.sh`: gives a browser a page, echoes what the page sends,
//! and prints the results that the page reports.
//!
//! The query of an echo's URL says what to agree on. `wire` is answered by the bytes read and
//! written so far, `close CODE REASON` by a Close.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Instant;

use anyhow::{Context, Result};
use ws_proto::extension::deflate::Deflate;
use ws_proto::handshake::{Accept, PlainResponse};
use ws_proto::opening::{AcceptError, Options};
use ws_proto::{CloseCode, CloseReason, Message, Server, WebSocket, WebSocketError, io};

/// How long a read or a write waits before the timers are looked at.
const TURN: Duration = Duration::from_millis(200);

static PASSED: AtomicUsize = AtomicUsize::new(0);
static FAILED: AtomicUsize = AtomicUsize::new(0);

fn main() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("http://{}/", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        std::thread::spawn(move || {
            if let Err(error) = serve(stream) {
                println!("server: {error:#}");
            }
        });
    }
    Ok(())
}

/// Counts the bytes read and written.
struct Counted {
    stream: TcpStream,
    read: usize,
    written: usize,
}

impl Read for Counted {
    fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        let n = self.stream.read(space)?;
        self.read += n;
        Ok(n)
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let n = self.stream.write(bytes)?;
        self.written += n;
        Ok(n)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

fn serve(stream: TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TURN))?;
    stream.set_write_timeout(Some(TURN))?;
    let mut stream = Counted {
        stream,
        read: 0,
        written: 0,
    };
    let mut target = String::new();
    let served = match open(&mut stream, &mut target) {
        Ok(Some(mut server)) => {
            let served = if target == "/report" {
                report(&mut server, &mut stream)
            } else {
                echo(&mut server, &mut stream)
            };
            let _ = server.flush(&mut stream);
            served
        }
        Ok(None) => Ok(()),
        // A browser opens connections that it does not need.
        Err(_) if stream.read == 0 => Ok(()),
        Err(error) => Err(error.into()),
    };
    let _ = stream.stream.shutdown(Shutdown::Write);
    let mut scratch = [0; 4096];
    let end = Instant::now() + Duration::from_secs(2);
    while Instant::now() < end && matches!(stream.read(&mut scratch), Ok(1..)) {}
    served.with_context(|| target)
}

/// Accepts the page's script, as the query of `target` asks for, or gives a browser the page.
fn open(
    stream: &mut Counted,
    target: &mut String,
) -> Result<Option<WebSocket<Server>>, AcceptError> {
    let incoming = io::read_request(stream, Options::new().high_water(1 << 20))?;
    let request = incoming.request();
    request.target().clone_into(target);
    if request.is_upgrade() {
        // A page of another site gets a 403.
        let accepted = match wanted(target) {
            Some(deflate) => incoming.accept_deflate(&Accept::new(), &deflate),
            None => incoming.accept(&Accept::new()),
        };
        return accepted.map(Some);
    }
    let html: &[(&str, &[u8])] = &[("Content-Type", b"text/html; charset=utf-8")];
    let response = if target == "/" {
        PlainResponse::new(200)
            .headers(html)
            .body(include_bytes!("page.html"))
    } else {
        PlainResponse::new(404).body(b"not found\n")
    };
    incoming.respond(&response).map(|()| None)
}

/// What the query asks for.
fn wanted(target: &str) -> Option<Deflate> {
    let (_, query) = target.split_once('?')?;
    let field = |name| {
        let mut fields = query.split('&').filter_map(|field| field.split_once('='));
        fields
            .find(|(known, _)| *known == name)?
            .1
            .parse::<u8>()
            .ok()
    };
    let deflate = Deflate::new()
        .server_takeover(field("server_takeover")? == 1)
        .client_takeover(field("client_takeover")? == 1)
        .server_window_bits(field("server_bits")?)
        .client_window_bits(field("client_bits")?);
    (field("deflate")? == 1).then_some(deflate)
}

fn echo(server: &mut WebSocket<Server>, stream: &mut Counted) -> Result<()> {
    while server.exchange(stream)? {
        loop {
            let (message, mut reply) = match server.next_message() {
                Ok(Some(next)) => next,
                Ok(None) | Err(WebSocketError::OutputFull) => break, // the next turn writes
                Err(error) => return Err(error.into()),
            };
            let Message::Text(text) = message else {
                reply.send(message)?;
                continue;
            };
            if text == "wire" {
                reply.send_text(&format!("{} {}", stream.read, stream.written))?;
            } else if let Some(close) = text.strip_prefix("close ") {
                let (code, reason) = close.split_once(' ').context("a code and a reason")?;
                let code = CloseCode::new(code.parse()?).context("a code")?;
                reply.close(code, CloseReason::new(reason)?)?;
            } else {
                reply.send(message)?;
            }
        }
    }
    Ok(())
}

/// Prints what the page has found out, and ends the process with it.
fn report(server: &mut WebSocket<Server>, stream: &mut Counted) -> Result<()> {
    while server.exchange(stream)? {
        loop {
            let (message, _) = match server.next_message() {
                Ok(Some(next)) => next,
                Ok(None) | Err(WebSocketError::OutputFull) => break, // the next turn writes
                Err(error) => return Err(error.into()),
            };
            let Message::Text(line) = message else {
                continue;
            };
            if line == "done" {
                finish();
            }
            if line.starts_with("PASSED") {
                PASSED.fetch_add(1, Ordering::Relaxed);
            } else if line.starts_with("FAILED") {
                FAILED.fetch_add(1, Ordering::Relaxed);
                println!("{line}");
            } else {
                println!("{line}");
            }
        }
    }
    println!("FAILED the page has gone");
    FAILED.fetch_add(1, Ordering::Relaxed);
    finish()
}

fn finish() -> ! {
    let passed = PASSED.load(Ordering::Relaxed);
    let failed = FAILED.load(Ordering::Relaxed);
    println!("{passed} passed, {failed} failed");
    std::process::exit(i32::from(failed > 0 || passed == 0))
}
