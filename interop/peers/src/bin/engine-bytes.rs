//! The engine's byte stream over a blocking one: see [`ws_proto_interop::bytes`].

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use ws_proto::Role;
use ws_proto::WebSocket;
use ws_proto::io::read_request;
use ws_proto::opening::{Connector, Options};
use ws_proto::{Uri, handshake::Accept};
use ws_proto_interop::bytes::{MOST, Plan, Random, Report};
use ws_proto_interop::command;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let plan = Plan::parse(&words)?;
    let options = Options::new().config(command::config());
    let report = if let Some(url) = &plan.url {
        let uri = Uri::parse(url)?;
        let mut stream = open(TcpStream::connect((uri.host(), uri.port()))?)?;
        let mut connector = Connector::new(url)?.options(options);
        if let Some(deflate) = &plan.deflate {
            connector = connector.deflate(deflate);
        }
        let (socket, _) = connector.connect(&mut stream)?;
        exchange(socket, stream, &plan)?
    } else {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        println!("ws://{}", listener.local_addr()?);
        let mut stream = open(listener.accept()?.0)?;
        let incoming = read_request(&mut stream, options)?;
        let accept = Accept::new();
        let socket = match &plan.deflate {
            Some(deflate) => incoming.accept_deflate(&accept, deflate)?,
            None => incoming.accept(&accept)?,
        };
        exchange(socket, stream, &plan)?
    };
    println!("{report}");
    Ok(())
}

fn open(stream: TcpStream) -> Result<TcpStream> {
    stream.set_nodelay(true)?;
    let time = Some(Duration::from_millis(1));
    stream.set_read_timeout(time)?;
    stream.set_write_timeout(time)?;
    Ok(stream)
}

/// Sends and receives in turn, as far as either goes on.
fn exchange<R: Role>(socket: WebSocket<R>, stream: TcpStream, plan: &Plan) -> Result<String> {
    let mut stream = socket.into_byte_stream(stream).with_options(plan.options());
    let data = plan.data();
    let mut random = Random::new(plan.seed + 1);
    let mut buffer = vec![0; MOST];
    let (mut written, mut report) = (0, Report::default());
    stream.set_timeout(Some(Duration::ZERO));
    while report.len() < plan.len || written < plan.len {
        if written < plan.len {
            let end = plan.len.min(written + random.size());
            match stream.write(&data[written..end]) {
                Ok(n) => written += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => bail!(error),
            }
        }
        if report.len() < plan.len {
            match stream.read(&mut buffer[..random.size()]) {
                Ok(n) => {
                    ensure!(n > 0, "the end after {} bytes", report.len());
                    report.read(&buffer[..n]);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => bail!(error),
            }
        }
    }
    stream.set_timeout(None);
    stream.flush()?;
    if plan.closes {
        stream.shutdown()?;
    }
    let end = stream.read(&mut buffer);
    Ok(report.finish(&data, end))
}
