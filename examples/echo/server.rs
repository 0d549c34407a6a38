//! The server: a thread for each connection.

use core::time::Duration;
use std::net::{Shutdown, TcpListener, TcpStream};

use anyhow::Result;
use ws_proto::extension::deflate::Deflate;
use ws_proto::handshake::{Accept, OriginPolicy, PlainResponse};
use ws_proto::opening::AcceptError;
use ws_proto::{Server, WebSocket, WebSocketError, io, opening};

use crate::Options;
use crate::trace::Traced;

/// How long a read or a write waits before the timers are looked at.
const TURN: Duration = Duration::from_millis(200);

/// Serves whoever comes, until the process is ended.
pub(crate) fn serve_all(listener: &TcpListener, options: &Options) -> Result<()> {
    for stream in listener.incoming() {
        let stream = match stream {
            Ok(stream) => stream,
            Err(error) => {
                // Such as: no more descriptors, until a connection ends.
                println!("server: {error}");
                std::thread::sleep(TURN);
                continue;
            }
        };
        let options = options.clone();
        std::thread::spawn(move || {
            if let Err(error) = serve(stream, &options) {
                println!("server: {error}");
            }
        });
    }
    Ok(())
}

/// Serves one connection to its end.
pub(crate) fn serve(stream: TcpStream, options: &Options) -> Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TURN))?;
    stream.set_write_timeout(Some(TURN))?;
    let mut stream = Traced::new(stream, "server", options.quiet);
    match open(&mut stream, options) {
        Ok(Some(mut server)) => {
            println!("server: open");
            let served = echo(&mut server, &mut stream);
            end(&mut server, &mut stream);
            println!("server: {}", close_of(&server));
            served
        }
        Ok(None) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Accepts the client, or answers it otherwise.
fn open(
    stream: &mut Traced<TcpStream>,
    options: &Options,
) -> Result<Option<WebSocket<Server>>, AcceptError> {
    let incoming = io::read_request(stream, opening::Options::new())?;
    let request = incoming.request();
    if !request.is_upgrade() {
        let page = page(request);
        return incoming.respond(&page).map(|()| None);
    }
    let wanted = options.subprotocol.as_deref();
    let chosen = wanted.and_then(|wanted| request.choose_subprotocol(&[wanted]));
    if wanted.is_some() && chosen.is_none() {
        let response = PlainResponse::new(400).body(b"no common subprotocol\n");
        return incoming.respond(&response).map(|()| None);
    }
    // `accept` checks it too, and a page of another site gets a 403. Here the operator reads which fields
    // do not fit.
    if let Err(fault) = OriginPolicy::same_host().check(request.origin(), request.host()) {
        let origin = request.origin().unwrap_or_default().escape_ascii();
        eprintln!(
            "refused: {fault} (Origin {origin}, Host {})",
            request.host()
        );
    }
    let accept = Accept::new().maybe_subprotocol(chosen);
    let accepted = if options.deflate {
        incoming.accept_deflate(&accept, &Deflate::new())
    } else {
        incoming.accept(&accept)
    };
    accepted.map(Some)
}

fn echo(server: &mut WebSocket<Server>, stream: &mut Traced<TcpStream>) -> Result<()> {
    while server.exchange(stream)? {
        loop {
            match server.next_message() {
                Ok(Some((message, mut reply))) => {
                    if reply.can_send() {
                        reply.send(message)?;
                    }
                }
                // `exchange` reads on, or writes the answers that wait.
                Ok(None) | Err(WebSocketError::OutputFull) => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// The answer to a plain request.
fn page(request: &opening::Request) -> PlainResponse<'static> {
    const HTML: &[(&str, &[u8])] = &[("Content-Type", b"text/html; charset=utf-8")];
    match (request.method(), request.target()) {
        ("GET" | "HEAD", "/") => PlainResponse::new(200)
            .headers(HTML)
            .body(include_bytes!("page.html")),
        ("GET" | "HEAD", _) => PlainResponse::new(404).body(b"not found\n"),
        _ => PlainResponse::new(405).body(b"only GET and HEAD\n"),
    }
}

fn close_of(server: &WebSocket<Server>) -> String {
    let connection = server.connection();
    match (connection.is_close_received(), connection.close_code()) {
        (false, _) => "the peer sent no Close (1006)".to_owned(),
        (true, None) => "the peer's Close has no code (1005)".to_owned(),
        (true, Some(code)) => {
            format!(
                "the peer's Close says {code} {:?}",
                connection.close_reason()
            )
        }
    }
}

/// After a fault of the peer's: writes the Close frame that explains it, and reads on until the peer has it.
/// Closing with unread bytes would reset the connection, and a reset may overtake the last frame.
fn end(server: &mut WebSocket<Server>, stream: &mut Traced<TcpStream>) {
    let _ = server.flush(stream);
    if server.wants_half_close() {
        let _ = stream.inner().shutdown(Shutdown::Write);
        server.half_closed();
    }
    while server.exchange(stream).unwrap_or(false) {}
}
