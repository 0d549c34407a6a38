//! One end of scripted sessions with other implementations.
//!
//! Each line of standard input is a session in JSON, each line of standard output what came of it.
//! `tests/interop/sessions.py` makes the sessions and says what the fields mean. Both halves of a
//! connection are at work at the same time, joined again for the end.

use std::io::BufRead as _;

use anyhow::{Context as _, Result, ensure};
use futures_util::future::join;
use serde::{Deserialize, Serialize};
use ws_proto_async::{
    Accept, CloseCode, ConnectError, Connector, ControlPayload, Deflate, DeflateParams, Error,
    Event, Fin, HandshakeError, Kind, ReadHalf, Reply, WebSocket, WriteHalf,
};

use super::options;
use crate::runtime::{self, Adapted, Listener, TcpStream};

#[derive(Deserialize)]
struct Session {
    role: String,
    /// Where a client connects to.
    port: Option<u16>,
    /// A client's subprotocols.
    offer: Vec<String>,
    /// Whether a client insists on a subprotocol.
    require: bool,
    /// A server's subprotocols; it refuses if none is offered.
    choose: Option<Vec<String>>,
    /// What to offer or accept of permessage-deflate.
    compress: Option<Windows>,
    steps: Vec<Step>,
    /// What has to have come before the end.
    messages: usize,
    end: Option<End>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Step {
    Text(Payload),
    Binary(Payload),
    Ping(String),
}

/// The parameters of permessage-deflate.
#[derive(Clone, Copy, Deserialize, Serialize)]
struct Windows {
    server_takeover: bool,
    client_takeover: bool,
    server_bits: u8,
    client_bits: u8,
}

impl Windows {
    /// All messages are compressed, however short.
    fn deflate(self) -> Deflate {
        Deflate::new()
            .threshold(0)
            .server_takeover(self.server_takeover)
            .client_takeover(self.client_takeover)
            .server_window_bits(self.server_bits)
            .client_window_bits(self.client_bits)
    }

    fn of(params: DeflateParams) -> Self {
        Self {
            server_takeover: params.server_takeover(),
            client_takeover: params.client_takeover(),
            server_bits: params.server_window_bits(),
            client_bits: params.client_window_bits(),
        }
    }
}

/// `unit` repeated, then `tail`: text, or bytes in hexadecimal.
#[derive(Deserialize)]
struct Payload {
    unit: String,
    times: usize,
    tail: String,
    /// Where a new frame starts.
    cuts: Vec<usize>,
    /// A Ping behind the first frame.
    ping: Option<String>,
    /// Not to be compressed.
    #[serde(default)]
    plain: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum End {
    Close((u16, String)),
    /// Some raw bytes, and the end of the transport.
    Cut(String),
    /// Some raw bytes that break the protocol.
    Fault(String),
}

#[derive(Default, Serialize)]
struct Report {
    opened: bool,
    status: Option<u16>,
    subprotocol: Option<String>,
    messages: Vec<(&'static str, usize, String)>,
    pings: Vec<String>,
    pongs: Vec<String>,
    /// Code and reason of the peer's Close.
    close: Option<(u16, String)>,
    /// The code for what the peer did wrong.
    fault: Option<u16>,
    error: Option<String>,
    /// What was agreed on of permessage-deflate.
    agreed: Option<Windows>,
}

/// Plays every session of standard input.
pub(crate) fn play_all() -> Result<()> {
    runtime::block_on(async {
        for line in std::io::stdin().lock().lines() {
            let session: Session = serde_json::from_str(&line?)?;
            let mut report = Report::default();
            if let Err(error) = play(&session, &mut report).await {
                report.error = Some(format!("{error:#}"));
            }
            println!("{}", serde_json::to_string(&report)?);
        }
        Ok(())
    })
}

async fn play(session: &Session, report: &mut Report) -> Result<()> {
    let socket = if session.role == "server" {
        accept(session, report).await?
    } else {
        connect(session, report).await?
    };
    let Some(socket) = socket else { return Ok(()) };
    report.opened = true;
    report.subprotocol = socket.subprotocol().map(str::to_owned);
    report.agreed = socket.deflate().map(Windows::of);
    talk(socket, session, report).await
}

type Socket = WebSocket<Adapted<TcpStream>>;

/// `None` after a refusal.
async fn accept(session: &Session, report: &mut Report) -> Result<Option<Socket>> {
    let listener = Listener::bind("127.0.0.1:0").await?;
    println!("{{\"port\":{}}}", listener.address()?.port());
    let stream = listener.accept().await?;
    let mut incoming = runtime::read_request(stream, options()).await?;
    let preferred: Vec<&str> = session.choose.iter().flatten().map(|s| &**s).collect();
    let chosen = incoming.request().choose_subprotocol(&preferred);
    if session.choose.is_some() && chosen.is_none() {
        report.status = Some(400);
        let reply = Reply::new(400).body(b"no common subprotocol\n");
        incoming.respond(&reply).await?;
        return Ok(None);
    }
    let accept = Accept::new().maybe_subprotocol(chosen);
    if let Some(windows) = session.compress {
        incoming = incoming.deflate(&windows.deflate());
    }
    Ok(Some(incoming.accept(&accept).await?))
}

/// `None` after a refusal.
async fn connect(session: &Session, report: &mut Report) -> Result<Option<Socket>> {
    let port = session.port.context("a client needs a port")?;
    let url = format!("ws://127.0.0.1:{port}/");
    let offered: Vec<&str> = session.offer.iter().map(String::as_str).collect();
    let deflate = session.compress.map(Windows::deflate);
    let mut connector = Connector::new(&url)?
        .subprotocols(&offered)
        .require_subprotocol(session.require)
        .options(options());
    if let Some(deflate) = &deflate {
        connector = connector.deflate(deflate);
    }
    match runtime::connect(connector).await {
        Ok((socket, _)) => return Ok(Some(socket)),
        Err(ConnectError::Refused(response)) => report.status = Some(response.status()),
        Err(ConnectError::Handshake(HandshakeError::SubprotocolMissing)) => report.status = Some(0),
        Err(error) => return Err(error.into()),
    }
    Ok(None)
}

async fn talk(socket: Socket, session: &Session, report: &mut Report) -> Result<()> {
    let (mut read, mut write) = socket.split();
    let received = async {
        // Who does not end it waits for the end.
        let pings = session.pings();
        while session.end.is_none()
            || report.messages.len() < session.messages
            || report.pongs.len() < pings
        {
            if !receive(&mut read, report).await? {
                return Ok(true);
            }
        }
        anyhow::Ok(false)
    };
    let sent = async {
        for step in &session.steps {
            send(&mut write, step).await?;
        }
        anyhow::Ok(write.flush().await?)
    };
    let (received, sent) = join(received, sent).await;
    let is_over = received?;
    if !is_over {
        sent?;
    } // else the other end reports what has come
    let mut socket = read
        .reunite(write)
        .map_err(|_| anyhow::anyhow!("the halves do not fit"))?;
    if let (false, Some(end)) = (is_over, &session.end) {
        finish(&mut socket, end).await?;
        while let Some(event) = socket.next_event().await {
            note(event, report)?;
        }
    }
    report.close = Some(match socket.closed() {
        None => (1006, String::new()),
        Some(closed) => {
            let code = closed.code.map_or(1005, CloseCode::as_u16);
            (code, closed.reason.as_str().to_owned())
        }
    });
    Ok(())
}

impl Session {
    fn pings(&self) -> usize {
        let pings = self.steps.iter().filter(|step| match step {
            Step::Ping(_) => true,
            Step::Text(payload) | Step::Binary(payload) => payload.ping.is_some(),
        });
        pings.count()
    }
}

/// Whether something has come.
async fn receive(read: &mut ReadHalf<Adapted<TcpStream>>, report: &mut Report) -> Result<bool> {
    match read.next_event().await {
        Some(event) => note(event, report).map(|()| true),
        None => Ok(false),
    }
}

fn note(event: Result<Event, Error>, report: &mut Report) -> Result<()> {
    match event {
        Ok(Event::Message(message)) => {
            let kind = match message.kind() {
                Kind::Text => "text",
                Kind::Binary => "binary",
            };
            let hash = sha1_smol::Sha1::from(message.as_bytes()).digest();
            report
                .messages
                .push((kind, message.len(), hash.to_string()));
        }
        Ok(Event::Ping(payload)) => report.pings.push(to_hex(&payload)),
        Ok(Event::Pong(payload)) => report.pongs.push(to_hex(&payload)),
        Err(Error::Receive(error)) => report.fault = Some(error.close_code().as_u16()),
        // The report says that there was no Close. A peer that is gone can reset what we still say.
        Err(Error::Eof(_) | Error::Io(_)) => {}
        Err(error) => return Err(error.into()),
        Ok(other) => anyhow::bail!("{other:?}"),
    }
    Ok(())
}

async fn send(write: &mut WriteHalf<Adapted<TcpStream>>, step: &Step) -> Result<()> {
    let (kind, payload) = match step {
        Step::Ping(payload) => return ping(write, payload).await,
        Step::Text(payload) => (Kind::Text, payload),
        Step::Binary(payload) => (Kind::Binary, payload),
    };
    let data = match kind {
        Kind::Text => (payload.unit.repeat(payload.times) + &payload.tail).into_bytes(),
        Kind::Binary => {
            let data = hex(&payload.unit.repeat(payload.times))?;
            [data, hex(&payload.tail)?].concat()
        }
    };
    write.set_compressing(!payload.plain);
    let ends = payload.cuts.iter().copied().chain([data.len()]);
    let mut start = 0;
    for (index, end) in ends.enumerate() {
        let part = data.get(start..end).context("cuts are in order")?.to_vec();
        start = end;
        let is_last = index == payload.cuts.len();
        let fin = if is_last { Fin::Yes } else { Fin::No };
        match (kind, payload.cuts.is_empty()) {
            (Kind::Text, true) => write.feed(String::from_utf8(part)?).await?,
            (Kind::Text, false) => write.send_text_part(String::from_utf8(part)?, fin).await?,
            (Kind::Binary, true) => write.feed(part).await?,
            (Kind::Binary, false) => write.send_binary_part(part, fin).await?,
        }
        if let (0, Some(payload)) = (index, &payload.ping) {
            ping(write, payload).await?;
        }
    }
    Ok(())
}

async fn ping(write: &mut WriteHalf<Adapted<TcpStream>>, payload: &str) -> Result<()> {
    let payload = hex(payload)?;
    Ok(write.ping(ControlPayload::new(&payload)?).await?)
}

async fn finish(socket: &mut Socket, end: &End) -> Result<()> {
    match end {
        End::Close((code, reason)) => {
            let code = CloseCode::new(*code).context("a valid code")?;
            socket.start_close(code, reason)?;
        }
        End::Fault(raw) => runtime::write(socket.get_mut(), &hex(raw)?).await?,
        End::Cut(raw) => {
            runtime::write(socket.get_mut(), &hex(raw)?).await?;
            runtime::shut_down(socket.get_mut()).await?;
        }
    }
    Ok(())
}

fn hex(text: &str) -> Result<Vec<u8>> {
    ensure!(text.is_ascii() && text.len() % 2 == 0, "not hexadecimal");
    (0..text.len() / 2)
        .map(|at| Ok(u8::from_str_radix(&text[2 * at..2 * at + 2], 16)?))
        .collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
