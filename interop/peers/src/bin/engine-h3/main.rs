//! The engine's end of streams of HTTP/3 (RFC 9220), for `interop/h3`. Another program owns QUIC and HTTP/3, and passes
//! what comes and goes on one request stream through one TCP connection: `engine-h3 ADDR` prints where it listens.
//!
//! A server echoes at `/echo`, and sends a Close for the text `/close CODE REASON`.

mod bridge;

use std::net::TcpListener;
use std::thread;

use anyhow::{Context as _, Result, bail};
use bridge::{Bridge, Fields, Incoming, Order};
use ws_proto::extension::deflate::Deflate;
use ws_proto::handshake::{
    ConnectEnabled, HandshakeError, HeadError, HttpStream, PseudoFields, Upgrade,
};
use ws_proto::io::now;
use ws_proto::opening::{AcceptError, Acceptor, ConnectError, ConnectingStream, Connector};
use ws_proto::socket::{Next, Received, Sender, Want};
use ws_proto::{CloseCode, CloseReason, Message, OsRandom, Role, SendError, Transport, WebSocket};

fn main() -> Result<()> {
    let address = std::env::args().nth(1).context("usage: engine-h3 ADDR")?;
    let listener = TcpListener::bind(address)?;
    println!("{}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        stream.set_nodelay(true)?;
        thread::spawn(move || {
            let mut bridge = Bridge::new(stream);
            if let Err(error) = bridge.serve() {
                let _ = bridge.send(b'n', format!("error: {error:#}").as_bytes());
            }
            bridge.end();
        });
    }
    Ok(())
}

impl Bridge {
    fn serve(&mut self) -> Result<()> {
        let Some(Incoming::Order(order)) = self.receive(None)? else {
            bail!("no order");
        };
        match &order.url {
            Some(url) => self.run_client(url, &order),
            None => self.run_server(&order),
        }
    }

    fn run_server(&mut self, order: &Order) -> Result<()> {
        let Some(Incoming::Head(fields)) = self.receive(None)? else {
            bail!("no head");
        };
        let fields: Vec<(&str, &[u8])> = fields
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let deflate = Deflate::new();
        let mut acceptor = Acceptor::new()
            .path("/echo")
            .subprotocols(&["echo"])
            .options(order.options());
        if order.deflate {
            acceptor = acceptor.deflate(&deflate);
        }
        let mut head = vec![(":status".to_owned(), Vec::new())];
        let answered = PseudoFields::split(&fields)
            .and_then(|(pseudo, headers)| Upgrade::from_extended_connect(&pseudo, headers))
            .map_err(AcceptError::Handshake)
            .and_then(|upgrade| {
                acceptor.answer(&upgrade, |name, value| {
                    head.push((name.to_owned(), value.as_bytes().to_vec()));
                })
            });
        match answered {
            Ok((status, opened)) => {
                head[0].1 = status.to_string().into();
                self.send_head(&head)?;
                self.drive(opened.server(), |received, sender| {
                    answer(received, sender).map(|()| Step::Go)
                })
            }
            Err(AcceptError::Handshake(error)) if order.resets && error.status() == Some(400) => {
                self.note(&format!("refused: {error}"))?;
                Ok(self.reset(HttpStream::Http3.malformed_code())?)
            }
            Err(error) => {
                let status = status_of(&error);
                head[0].1 = status.to_string().into();
                if let AcceptError::Handshake(error) = &error {
                    for (name, value) in error.fields() {
                        head.push(((*name).to_owned(), (*value).into()));
                    }
                }
                self.send_head(&head)?;
                self.send(b'd', error.to_string().as_bytes())?;
                self.send(b'f', b"")?;
                Ok(self.note(&format!("refused: {error}"))?)
            }
        }
    }

    fn run_client(&mut self, url: &str, order: &Order) -> Result<()> {
        let Some(enabled) = ConnectEnabled::from_setting(order.setting) else {
            return Ok(self.note(&format!("{}", ConnectError::NoExtendedConnect))?);
        };
        let deflate = Deflate::new();
        let mut connector = Connector::new(url)?
            .subprotocols(&["echo"])
            .options(order.options());
        if order.deflate {
            connector = connector.deflate(&deflate);
        }
        let mut head = Vec::new();
        let mut connecting = ConnectingStream::start(&connector, enabled, |name, value| {
            head.push((name.to_owned(), value.to_vec()));
        })?;
        self.send_head(&head)?;
        let opened = loop {
            let deadline = match connecting.tick(now()) {
                Ok(deadline) => deadline,
                Err(error) => return self.give_up(&connecting, &error),
            };
            let answered = match self.receive(deadline)? {
                None => continue,
                Some(Incoming::Order(_)) => bail!("another order"),
                Some(Incoming::Head(fields)) => {
                    let Some((status, fields)) = split_status(&fields) else {
                        bail!("no status");
                    };
                    connecting.receive_head(status, &fields)
                }
                Some(Incoming::Data(mut data)) => connecting.receive(&mut data).map(|()| None),
                Some(Incoming::Fin) => Err(connecting.receive_eof()),
                Some(Incoming::Reset(code)) => {
                    self.note(&format!("reset: {code:#x}"))?;
                    return Ok(self.note(&connecting.receive_eof().to_string())?);
                }
            };
            match answered {
                Ok(None) => {}
                Ok(Some((opened, response))) => {
                    self.note(&format!("status {}", response.status()))?;
                    break opened;
                }
                Err(error) => return self.give_up(&connecting, &error),
            }
        };
        let mut messages =
            order
                .texts
                .iter()
                .map(|text| Owned::Text(text.clone()))
                .chain(order.sizes.iter().map(|&size| {
                    Owned::Binary((0..size).map(|at| ((at * at) >> 7) as u8).collect())
                }));
        let mut sent = messages.next();
        let mut socket = opened.client(OsRandom::new());
        match &sent {
            Some(first) => socket.sender().send(first.borrowed())?,
            None => socket
                .sender()
                .close(CloseCode::NORMAL, CloseReason::EMPTY)?,
        }
        let cancels = order.cancels;
        self.drive(socket, |received, mut sender| {
            let is_right = sent
                .as_ref()
                .is_some_and(|sent| sent.borrowed() == received);
            if !is_right {
                return sender
                    .close(CloseCode::NORMAL, CloseReason::truncated("no echo"))
                    .map(|()| Step::Note("no echo".to_owned()));
            }
            sent = messages.next();
            match &sent {
                Some(next) => sender.send(next.borrowed())?,
                None if cancels => return Ok(Step::Cancel),
                None => sender.close(CloseCode::NORMAL, CloseReason::truncated("done"))?,
            }
            Ok(Step::Note(format!(
                "echo of {} bytes",
                received.as_bytes().len()
            )))
        })
    }

    /// There is no connection.
    fn give_up(&mut self, connecting: &ConnectingStream, error: &ConnectError) -> Result<()> {
        match error {
            ConnectError::Refused(response) => {
                let body = String::from_utf8_lossy(response.body()).into_owned();
                self.note(&format!(
                    "refused with status {}: {body}",
                    response.status()
                ))?;
            }
            error => self.note(&error.to_string())?,
        }
        let ended = match connecting.transport() {
            Transport::Abort => self.reset(HttpStream::Http3.cancel_code()),
            _ => self.send(b'f', b""),
        };
        Ok(ended?)
    }

    /// An open connection, as the table of [`Transport`] says.
    fn drive<R: Role>(
        &mut self,
        mut socket: WebSocket<R>,
        mut take: impl FnMut(Message<'_>, Sender<'_, R>) -> Result<Step, SendError>,
    ) -> Result<()> {
        let mut has_ended = false;
        loop {
            loop {
                let step = match socket.poll_next(Want::Event) {
                    Ok(Next::Received(Received::Message(message, sender))) => {
                        take(message, sender)?
                    }
                    Ok(Next::Received(Received::Close(code, reason))) => {
                        let code = code.map_or(1005, CloseCode::as_u16);
                        Step::Note(format!("close {code} {reason}"))
                    }
                    Ok(Next::Received(_) | Next::Yield) => Step::Go,
                    Ok(Next::Write) => {
                        self.write(&mut socket)?;
                        Step::Go
                    }
                    // What an error is, `failure` says.
                    Ok(_) | Err(_) => break,
                };
                match step {
                    Step::Go => {}
                    Step::Note(text) => self.note(&text)?,
                    Step::Cancel => {
                        self.note("cancelled")?;
                        return Ok(self.reset(HttpStream::Http3.cancel_code())?);
                    }
                }
            }
            let deadline = socket.tick(now());
            self.write(&mut socket)?;
            if socket.is_over() {
                break;
            }
            if !socket.wants_read() {
                continue;
            }
            match self.receive(deadline.unwrap_or(None))? {
                None => {}
                Some(Incoming::Data(data)) => {
                    socket.read_buf(data.len())[..data.len()].copy_from_slice(&data);
                    socket.advance(data.len());
                }
                Some(Incoming::Fin) => {
                    has_ended = true;
                    // What it means is reported by `failure`.
                    let _ = socket.receive_eof();
                }
                Some(Incoming::Reset(code)) => {
                    has_ended = true;
                    self.note(&format!("reset: {code:#x}"))?;
                    socket.read_failed();
                }
                Some(Incoming::Head(_)) => self.note("trailers")?,
                Some(Incoming::Order(_)) => bail!("another order"),
            }
        }
        if !has_ended || socket.transport() == Transport::Abort {
            self.reset(HttpStream::Http3.cancel_code())?;
        }
        Ok(self.note(&match socket.failure() {
            Some(failure) => format!("failed: {failure}"),
            None => "clean".to_owned(),
        })?)
    }

    fn write<R: Role>(&mut self, socket: &mut WebSocket<R>) -> Result<()> {
        while socket.pending_bytes() > 0 {
            let pending = socket.pending();
            let n = pending.len();
            self.send(b'd', pending)?;
            socket.consume(n);
        }
        if socket.wants_half_close() {
            self.send(b'f', b"")?;
            socket.half_closed();
        }
        Ok(())
    }
}

/// What follows a message.
enum Step {
    Go,
    Note(String),
    Cancel,
}

enum Owned {
    Text(String),
    Binary(Vec<u8>),
}

impl Owned {
    fn borrowed(&self) -> Message<'_> {
        match self {
            Self::Text(text) => Message::Text(text),
            Self::Binary(data) => Message::Binary(data),
        }
    }
}

/// What the server sends for a message.
fn answer<R: Role>(message: Message<'_>, mut sender: Sender<'_, R>) -> Result<(), SendError> {
    if let Message::Text(text) = message {
        if let Some((code, reason)) = text
            .strip_prefix("/close ")
            .and_then(|rest| rest.split_once(' '))
        {
            if let Some(code) = code.parse().ok().and_then(CloseCode::new) {
                return sender.close(code, CloseReason::truncated(reason));
            }
        }
    }
    sender.send(message)
}

fn status_of(error: &AcceptError) -> u16 {
    match error {
        AcceptError::Handshake(error) => error.status().unwrap_or(400),
        AcceptError::Head(HeadError::OriginRefused(_)) => 403,
        AcceptError::Refused { status } => *status,
        AcceptError::TimedOut(_) => HandshakeError::TimedOut.status().unwrap_or(408),
        _ => 500,
    }
}

type Borrowed<'f> = Vec<(&'f str, &'f [u8])>;

fn split_status(fields: &Fields) -> Option<(u16, Borrowed<'_>)> {
    let ((name, status), rest) = fields.split_first()?;
    let status = core::str::from_utf8(status).ok()?.parse().ok()?;
    let rest = rest.iter().map(|(name, value)| (&**name, &**value));
    (name == ":status").then(|| (status, rest.collect()))
}
