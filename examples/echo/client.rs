//! The client.

use core::time::Duration;
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, TryRecvError, channel};

use anyhow::{Context, Result, bail, ensure};
use ws_proto::extension::deflate::Deflate;
use ws_proto::opening::{ConnectError, Connector};
use ws_proto::{
    Client, CloseCode, CloseReason, Fin, Message, OsRandom, Transport, WebSocket, WebSocketError,
};

use crate::Options;
use crate::trace::Traced;

const TURN: Duration = Duration::from_millis(20);

type Connected = (WebSocket<Client<OsRandom>>, Traced<TcpStream>);

/// A short exchange: every message has to come back.
pub(crate) fn exchange(url: &str, options: &Options) -> Result<()> {
    let (mut client, mut stream) = connect(url, options)?;
    let sent = [
        Message::Text("Hello"),
        Message::Text("K\u{f6}ln \u{20ac} \u{1f600}"),
        Message::Text("in three parts"),
        Message::Binary(&[7; 300]),
    ];
    let mut sender = client.sender();
    sender.send(sent[0])?;
    sender.send(sent[1])?;
    sender.send_text_part("in ", Fin::No)?;
    sender.ping(b"still there?")?;
    sender.send_text_part("three ", Fin::No)?;
    sender.send_text_part("parts", Fin::Yes)?;
    sender.send(sent[3])?;

    let mut expected = sent.iter();
    while client.exchange(&mut stream)? {
        loop {
            let (message, mut reply) = match client.next_message() {
                Ok(Some(next)) => next,
                Ok(None) | Err(WebSocketError::OutputFull) => break, // the next turn writes
                Err(error) => return Err(error.into()),
            };
            print_message(&message);
            ensure!(expected.next() == Some(&message), "the echo differs");
            if expected.len() == 0 {
                reply.close(CloseCode::NORMAL, CloseReason::new("that was all")?)?;
            }
        }
    }
    ensure!(expected.len() == 0, "not everything came back");
    print_close(&client);
    Ok(())
}

/// Sends the lines of standard input, until that or the connection ends.
pub(crate) fn send_lines(url: &str, options: &Options) -> Result<()> {
    let (mut client, mut stream) = connect(url, options)?;
    // A read waits this long while no line is there to be sent, a write while the server reads
    // nothing.
    stream.inner().set_read_timeout(Some(TURN))?;
    stream.inner().set_write_timeout(Some(TURN))?;
    let lines = stdin_lines();
    let talked = talk(&mut client, &mut stream, &lines);
    // After an error its Close frame is still to be written.
    let _ = client.flush(&mut stream);
    print_close(&client);
    talked
}

fn talk(
    client: &mut WebSocket<Client<OsRandom>>,
    stream: &mut Traced<TcpStream>,
    lines: &Receiver<String>,
) -> Result<()> {
    while client.exchange(stream)? {
        loop {
            let (message, _) = match client.next_message() {
                Ok(Some(next)) => next,
                Ok(None) | Err(WebSocketError::OutputFull) => break, // the next turn writes
                Err(error) => return Err(error.into()),
            };
            print_message(&message);
        }
        while client.transport() == Transport::Open && client.sender().can_send() {
            match lines.try_recv() {
                Ok(line) => client.sender().send_text(&line)?,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    client
                        .sender()
                        .close(CloseCode::NORMAL, CloseReason::EMPTY)?;
                    break;
                }
            }
        }
    }
    Ok(())
}

fn connect(url: &str, options: &Options) -> Result<Connected> {
    let offered: Vec<&str> = options.subprotocol.iter().map(String::as_str).collect();
    let mut connector = Connector::new(url)?
        .subprotocols(&offered)
        .require_subprotocol(true);
    if options.deflate {
        connector = connector.deflate(&Deflate::new());
    }
    let uri = connector.uri();
    if uri.is_secure() {
        bail!("this example speaks no TLS: a ws:// URL is needed");
    }
    let address = (uri.host(), uri.port());
    let stream = TcpStream::connect(address).with_context(|| format!("cannot reach {url}"))?;
    stream.set_nodelay(true)?;
    let mut stream = Traced::new(stream, "client", options.quiet);
    match connector.connect(&mut stream) {
        Ok((client, response)) => {
            println!("client: open, subprotocol {:?}", response.subprotocol());
            Ok((client, stream))
        }
        Err(ConnectError::Refused(refused)) => {
            let body = String::from_utf8_lossy(refused.body());
            bail!(
                "refused with status {}: {}",
                refused.status(),
                body.trim_end()
            )
        }
        Err(error) => Err(error.into()),
    }
}

fn stdin_lines() -> Receiver<String> {
    let (to, lines) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if to.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

fn print_message(message: &Message<'_>) {
    const MOST: usize = 60;
    match message {
        Message::Text(text) => {
            let shown: String = text.chars().take(MOST).collect();
            let more = if shown.len() < text.len() { "..." } else { "" };
            println!("client: text of {} bytes: {shown}{more}", text.len());
        }
        Message::Binary(data) => println!("client: binary of {} bytes", data.len()),
    }
}

fn print_close(client: &WebSocket<Client<OsRandom>>) {
    let connection = client.connection();
    match connection.close_code() {
        Some(code) => println!("client: closed, {code} {:?}", connection.close_reason()),
        None if connection.is_close_received() => println!("client: closed without a code (1005)"),
        None => println!("client: no Close from the server (1006)"),
    }
}
