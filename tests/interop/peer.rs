//! One end of scripted sessions, for tests against other implementations.
//!
//! Each line of standard input is a session in JSON, each line of standard output what came of it.
//! `tests/interop/sessions.py` makes the sessions and says what the fields mean; its other peers
//! speak the same language.

use core::time::Duration;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use ws_proto::handshake::{
    Accept, ClientHandshake, ClientRequest, HandshakeError, Limits, Response, ServerHandshake,
};
use ws_proto::{
    Assembler, CloseCode, CloseReason, Config, Connection, ControlPayload, Event, Fin, Input, Kind,
    Message, Negotiated, OsRandom, Role, Transport,
};

/// A session that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

const MAX_MESSAGE: u64 = 64 << 20;

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
    /// How many bytes to read at a time.
    read: usize,
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
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum End {
    Close(Option<(u16, String)>),
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
    /// The code of the peer's Close.
    close: Option<(u16, String)>,
    /// The code for what the peer did wrong.
    fault: Option<u16>,
    error: Option<String>,
}

fn main() -> Result<()> {
    for line in std::io::stdin().lines() {
        let session: Session = serde_json::from_str(&line?)?;
        let mut report = Report::default();
        if let Err(error) = run(&session, &mut report) {
            report.error = Some(format!("{error:#}"));
        }
        println!("{}", serde_json::to_string(&report)?);
    }
    Ok(())
}

fn run(session: &Session, report: &mut Report) -> Result<()> {
    let config = Config::new()
        .max_message(MAX_MESSAGE)
        .max_frame(MAX_MESSAGE);
    let mut behind = Vec::new();
    if session.role == "server" {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        println!("{{\"port\":{}}}", listener.local_addr()?.port());
        let (mut stream, _) = listener.accept()?;
        prepare(&stream)?;
        let Some(negotiated) = accept(session, &mut stream, &mut behind, report)? else {
            stream.shutdown(Shutdown::Write)?;
            return Ok(());
        };
        let connection = Connection::server(negotiated, config);
        Talk::new(session, connection, stream, report).run(behind)
    } else {
        let port = session.port.context("a client needs a port")?;
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        prepare(&stream)?;
        let Some(negotiated) = connect(session, &mut stream, &mut behind, report)? else {
            return Ok(());
        };
        let connection = Connection::client(negotiated, config, OsRandom::new());
        Talk::new(session, connection, stream, report).run(behind)
    }
}

fn prepare(stream: &TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(())
}

/// `None` after a refusal.
fn accept(
    session: &Session,
    stream: &mut TcpStream,
    behind: &mut Vec<u8>,
    report: &mut Report,
) -> Result<Option<Negotiated>> {
    let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    let (mut read, mut out) = (vec![0; session.read], Vec::new());
    loop {
        let n = stream.read(&mut read)?;
        if n == 0 {
            handshake.receive_eof()?;
        }
        let mut input = Input::new(&mut read[..n]);
        let received = handshake.receive(&mut input, &mut out);
        let Some(upgrade) = received? else { continue };
        let preferred: Vec<&str> = session
            .choose
            .iter()
            .flatten()
            .map(String::as_str)
            .collect();
        let chosen = upgrade.choose_subprotocol(&preferred).map(str::to_owned);
        if session.choose.is_some() && chosen.is_none() {
            report.status = Some(400);
            upgrade.reject(
                &Response::new(400).body(b"no common subprotocol\n"),
                &mut out,
            )?;
            stream.write_all(&out)?;
            return Ok(None);
        }
        let accept = Accept::new().maybe_subprotocol(chosen.as_deref());
        let negotiated = upgrade.accept(&accept, &mut out)?;
        stream.write_all(&out)?;
        behind.extend_from_slice(input.bytes());
        report.opened = true;
        report.subprotocol = chosen;
        return Ok(Some(negotiated));
    }
}

/// `None` after a refusal.
fn connect(
    session: &Session,
    stream: &mut TcpStream,
    behind: &mut Vec<u8>,
    report: &mut Report,
) -> Result<Option<Negotiated>> {
    let host = stream.peer_addr()?.to_string();
    let offered: Vec<&str> = session.offer.iter().map(String::as_str).collect();
    let request = ClientRequest::new(&host, "/")
        .subprotocols(&offered)
        .require_subprotocol(session.require);
    let nonce = OsRandom::nonce().context("no randomness")?;
    let (mut read, mut out) = (vec![0; session.read], Vec::new());
    let mut handshake =
        ClientHandshake::start(request, nonce, Vec::new(), Limits::new(), &mut out)?;
    stream.write_all(&out)?;
    loop {
        let n = stream.read(&mut read)?;
        let mut input = Input::new(&mut read[..n]);
        let received = if n == 0 {
            handshake.receive_eof().map(|()| None)
        } else {
            handshake.receive(&mut input)
        };
        match received {
            Ok(Some(established)) => {
                report.opened = true;
                report.subprotocol = established.subprotocol().map(str::to_owned);
                behind.extend_from_slice(input.bytes());
                return Ok(Some(established.negotiated()));
            }
            Ok(None) => {}
            Err(HandshakeError::Refused { status }) => {
                report.status = Some(status);
                return Ok(None);
            }
            Err(HandshakeError::SubprotocolMissing) => {
                report.status = Some(0);
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// An open connection.
struct Talk<'s, R> {
    session: &'s Session,
    connection: Connection<R>,
    assembler: Assembler<Vec<u8>>,
    stream: TcpStream,
    out: Vec<u8>,
    report: &'s mut Report,
}

impl<'s, R: Role> Talk<'s, R> {
    fn new(
        session: &'s Session,
        connection: Connection<R>,
        stream: TcpStream,
        report: &'s mut Report,
    ) -> Self {
        Self {
            session,
            connection,
            assembler: Assembler::new(Vec::new(), MAX_MESSAGE),
            stream,
            out: Vec::new(),
            report,
        }
    }

    fn run(mut self, mut behind: Vec<u8>) -> Result<()> {
        self.stream.set_nonblocking(true)?;
        let started = Instant::now();
        let mut pings = 0;
        for step in &self.session.steps {
            pings += self.send(step)?;
        }
        self.receive(&mut behind)?;
        let mut read = vec![0; self.session.read];
        let mut ended = self.session.end.is_none();
        let mut cut = false;
        loop {
            ensure!(started.elapsed() < PATIENCE, "the session takes too long");
            let deadline = ws_proto::Instant::now_since(started);
            self.connection.tick(deadline, &mut self.out)?;
            let has_all = self.report.messages.len() >= self.session.messages
                && self.report.pongs.len() >= pings;
            if !ended && has_all {
                ended = true;
                cut = self.end()?;
            }
            let wrote = self.write()?;
            if cut && self.out.is_empty() {
                self.stream.shutdown(Shutdown::Write)?;
                cut = false;
            }
            if self.out.is_empty() && self.connection.transport() == Transport::Close {
                // The peer may have been faster.
                let _ = self.stream.shutdown(Shutdown::Write);
                self.finish();
                return Ok(());
            }
            match self.stream.read(&mut read) {
                Ok(0) => {
                    // Without a Close that is what the report says; no error of ours.
                    let _ = self.connection.receive_eof();
                    self.finish();
                    return Ok(());
                }
                Ok(n) => self.receive(&mut read[..n])?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if !wrote {
                        std::thread::sleep(Duration::from_micros(100));
                    }
                }
                // The peer has closed while something of ours was on its way.
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    self.finish();
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn finish(self) {
        self.report.close = Some(if !self.connection.is_close_received() {
            (1006, String::new())
        } else {
            let code = self.connection.close_code().map_or(1005, CloseCode::as_u16);
            (code, self.connection.close_reason().to_owned())
        });
    }

    /// How many Pings were sent.
    fn send(&mut self, step: &Step) -> Result<usize> {
        match step {
            Step::Ping(payload) => {
                self.ping(payload)?;
                Ok(1)
            }
            Step::Text(payload) => {
                let text = payload.unit.repeat(payload.times) + &payload.tail;
                self.send_parts(Kind::Text, text.as_bytes(), payload)
            }
            Step::Binary(payload) => {
                let data = hex(&payload.unit.repeat(payload.times))?;
                let data = [data, hex(&payload.tail)?].concat();
                self.send_parts(Kind::Binary, &data, payload)
            }
        }
    }

    fn send_parts(&mut self, kind: Kind, data: &[u8], payload: &Payload) -> Result<usize> {
        let mut start = 0;
        let ends = payload.cuts.iter().copied().chain([data.len()]);
        for (index, end) in ends.enumerate() {
            let part = data.get(start..end).context("cuts are in order")?;
            start = end;
            let fin = if index == payload.cuts.len() {
                Fin::Yes
            } else {
                Fin::No
            };
            match kind {
                Kind::Text => {
                    let part = core::str::from_utf8(part)?;
                    self.connection.send_text_part(part, fin, &mut self.out)?;
                }
                Kind::Binary => self.connection.send_binary_part(part, fin, &mut self.out)?,
            }
            if let (0, Some(payload)) = (index, &payload.ping) {
                self.ping(payload)?;
            }
        }
        Ok(usize::from(payload.ping.is_some()))
    }

    fn ping(&mut self, payload: &str) -> Result<()> {
        let payload = hex(payload)?;
        self.connection
            .ping(ControlPayload::new(&payload)?, &mut self.out)?;
        Ok(())
    }

    /// Whether the transport is to be ended.
    fn end(&mut self) -> Result<bool> {
        match &self.session.end {
            None => Ok(false),
            Some(End::Close(None)) => {
                self.connection.close_empty(&mut self.out)?;
                Ok(false)
            }
            Some(End::Close(Some((code, reason)))) => {
                let code = CloseCode::new(*code).context("a valid code")?;
                self.connection
                    .close(code, CloseReason::new(reason)?, &mut self.out)?;
                Ok(false)
            }
            Some(End::Cut(raw)) => {
                self.out.extend(hex(raw)?);
                Ok(true)
            }
            Some(End::Fault(raw)) => {
                self.out.extend(hex(raw)?);
                Ok(false)
            }
        }
    }

    fn receive(&mut self, bytes: &mut [u8]) -> Result<()> {
        let mut input = Input::new(bytes);
        loop {
            let event = match self.connection.receive(&mut input, &mut self.out) {
                Ok(Some(event)) => event,
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.report.fault = Some(error.close_code().as_u16());
                    return Ok(());
                }
            };
            match event {
                Event::Ping => self
                    .report
                    .pings
                    .push(to_hex(self.connection.control_payload())),
                Event::Pong => self
                    .report
                    .pongs
                    .push(to_hex(self.connection.control_payload())),
                Event::Close(_) => {}
                event => {
                    let Some(message) = self.assembler.push(event)? else {
                        continue;
                    };
                    let kind = match message {
                        Message::Text(_) => "text",
                        Message::Binary(_) => "binary",
                    };
                    let bytes = message.as_bytes();
                    let hash = to_hex(&sha1_smol::Sha1::from(bytes).digest().bytes());
                    self.report.messages.push((kind, bytes.len(), hash));
                }
            }
        }
    }

    fn write(&mut self) -> Result<bool> {
        let mut written = 0;
        while written < self.out.len() {
            match self.stream.write(&self.out[written..]) {
                Ok(0) => bail!("the transport takes nothing"),
                Ok(n) => written += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // What the peer does not want any more; the read tells how it left.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
                    ) =>
                {
                    written = self.out.len();
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.out.drain(..written);
        Ok(written > 0)
    }
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
