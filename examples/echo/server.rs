//! The server: a thread for each connection.

use core::time::Duration;
use std::io::Read as _;
use std::net::{Shutdown, TcpListener, TcpStream};

use anyhow::Result;
use ws_proto::extension::deflate::{Deflate, DeflateElement};
use ws_proto::handshake::{
    Accept, HeadError, Incoming, Limits, OriginPolicy, PlainRequest, PlainResponse, Upgrade,
};
use ws_proto::{Config, Negotiated, Server, WebSocket, io};

use crate::Options;
use crate::trace::Traced;

/// How long a read or a write waits before the timers are looked at.
const TURN: Duration = Duration::from_millis(200);

/// Serves whoever comes, until the process is ended.
pub(crate) fn serve_all(listener: &TcpListener, options: &Options) -> Result<()> {
    for stream in listener.incoming() {
        let (stream, options) = (stream?, options.clone());
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
    let mut agreed = None;
    let accepted = io::accept_any(
        &mut stream,
        Config::new(),
        Limits::new(),
        |incoming, out| match incoming {
            Incoming::Upgrade(upgrade) => decide(upgrade, options, &mut agreed, out),
            Incoming::Plain(request) => page(request, out).map(|()| None),
        },
    );
    let served = match accepted {
        Ok(mut server) => {
            println!("server: open");
            if let Some(agreed) = &agreed {
                server = server.with_deflate(&Deflate::new(), agreed.params());
            }
            let served = echo(&mut server, &mut stream);
            // After an error its Close frame is still to be written.
            let _ = server.flush(&mut stream);
            println!("server: {}", close_of(&server));
            served
        }
        Err(io::Error::Rejected) => Ok(()),
        Err(error) => Err(error.into()),
    };
    linger(stream.into_inner());
    served
}

fn echo(server: &mut WebSocket<Server>, stream: &mut Traced<TcpStream>) -> Result<()> {
    while server.exchange(stream)? {
        while let Some((message, mut reply)) = server.next_message()? {
            if reply.can_send() {
                reply.message(message)?;
            }
        }
    }
    Ok(())
}

fn decide(
    upgrade: Upgrade<'_>,
    options: &Options,
    agreed: &mut Option<DeflateElement>,
    out: &mut Vec<u8>,
) -> Result<Option<Negotiated>, HeadError> {
    if !OriginPolicy::same_host().allows(&upgrade) {
        return upgrade
            .reject(&PlainResponse::new(403).body(b"wrong origin\n"), out)
            .map(|()| None);
    }
    let wanted = options.subprotocol.as_deref();
    let chosen = wanted.and_then(|wanted| upgrade.choose_subprotocol(&[wanted]));
    if wanted.is_some() && chosen.is_none() {
        let response = PlainResponse::new(400).body(b"no common subprotocol\n");
        return upgrade.reject(&response, out).map(|()| None);
    }
    if options.deflate {
        *agreed = Deflate::new().accept(upgrade.extensions());
    }
    let extension = agreed.as_ref().map(DeflateElement::extension);
    let accept = Accept::new()
        .maybe_subprotocol(chosen)
        .extensions(extension.as_slice());
    upgrade.accept(&accept, out).map(Some)
}

fn page(request: PlainRequest<'_>, out: &mut Vec<u8>) -> Result<(), HeadError> {
    const HTML: &[(&str, &[u8])] = &[("Content-Type", b"text/html; charset=utf-8")];
    match (request.method(), request.target()) {
        ("GET" | "HEAD", "/") => {
            let page = include_bytes!("page.html");
            request.respond(&PlainResponse::new(200).headers(HTML).body(page), out)
        }
        ("GET" | "HEAD", _) => request.respond(&PlainResponse::new(404).body(b"not found\n"), out),
        _ => request.refuse(out).map(drop),
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

/// Closes so that the peer gets what was written: closing with unread bytes would reset the
/// connection, and a reset may overtake the last frame.
fn linger(mut stream: TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
    let mut scratch = [0; 4096];
    for _ in 0..64 {
        match stream.read(&mut scratch) {
            Ok(1..) => {}
            Ok(0) | Err(_) => break,
        }
    }
}
