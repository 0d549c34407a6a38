//! The engine as one end of scripted sessions with other implementations: see
//! [`ws_proto_interop::script`].

use core::time::Duration;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use ws_proto::extension::deflate::{
    Deflate, DeflateDecoder, DeflateElement, DeflateEncoder, DeflateParams,
};
use ws_proto::handshake::{
    Accept, ClientHandshake, ClientRequest, HandshakeError, Limits, PlainResponse, ServerHandshake,
};
use ws_proto::{
    Assembler, CloseCode, CloseReason, Config, Connection, ControlPayload, Event, Fin, Input, Kind,
    Negotiated, OsRandom, Role, Transport,
};
use ws_proto_interop::script::{End, Payload, Report, Session, Step, Windows, hex, to_hex};

/// A session that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

const MAX_MESSAGE: u64 = 64 << 20;

/// In the first byte of a frame.
const RSV1: u8 = 0x40;

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
        let Some((negotiated, agreed)) = accept(session, &mut stream, &mut behind, report)? else {
            stream.shutdown(Shutdown::Write)?;
            return Ok(());
        };
        let connection = Connection::server(negotiated, config);
        let codecs = deflate(session).server(agreed.unwrap_or_default());
        Talk::new(session, connection, codecs, agreed, stream, report).run(behind)
    } else {
        let port = session.port.context("a client needs a port")?;
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        prepare(&stream)?;
        let Some((negotiated, agreed)) = connect(session, &mut stream, &mut behind, report)? else {
            return Ok(());
        };
        let connection = Connection::client(negotiated, config, OsRandom::new());
        let codecs = deflate(session).client(agreed.unwrap_or_default());
        Talk::new(session, connection, codecs, agreed, stream, report).run(behind)
    }
}

fn deflate(session: &Session) -> Deflate {
    session.compress.map_or_else(Deflate::new, Windows::deflate)
}

/// What a handshake leads to.
type Opened = (Negotiated, Option<DeflateParams>);

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
) -> Result<Option<Opened>> {
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
                &PlainResponse::new(400).body(b"no common subprotocol\n"),
                &mut out,
            )?;
            stream.write_all(&out)?;
            return Ok(None);
        }
        let answer = session
            .compress
            .and_then(|windows| windows.deflate().accept(upgrade.extensions()));
        let extension = answer.as_ref().map(DeflateElement::extension);
        let accept = Accept::new()
            .maybe_subprotocol(chosen.as_deref())
            .extensions(extension.as_slice());
        let negotiated = upgrade.accept(&accept, &mut out)?;
        stream.write_all(&out)?;
        behind.extend_from_slice(input.bytes());
        report.opened = true;
        report.subprotocol = chosen;
        return Ok(Some((negotiated, answer.map(|answer| answer.params()))));
    }
}

/// `None` after a refusal.
fn connect(
    session: &Session,
    stream: &mut TcpStream,
    behind: &mut Vec<u8>,
    report: &mut Report,
) -> Result<Option<Opened>> {
    let host = stream.peer_addr()?.to_string();
    let offered: Vec<&str> = session.offer.iter().map(String::as_str).collect();
    let offer = session.compress.map(|windows| windows.deflate().offer());
    let extension = offer.as_ref().map(DeflateElement::extension);
    let request = ClientRequest::new(&host, "/")
        .subprotocols(&offered)
        .extensions(extension.as_slice())
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
                let agreed = deflate(session).answered(established.extensions())?;
                return Ok(Some((established.negotiated(), agreed)));
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
    /// Only if compression was agreed on.
    encoder: Option<DeflateEncoder>,
    assembler: Assembler<Vec<u8>, DeflateDecoder>,
    stream: TcpStream,
    out: Vec<u8>,
    report: &'s mut Report,
}

impl<'s, R: Role> Talk<'s, R> {
    fn new(
        session: &'s Session,
        connection: Connection<R>,
        (encoder, decoder): (DeflateEncoder, DeflateDecoder),
        agreed: Option<DeflateParams>,
        stream: TcpStream,
        report: &'s mut Report,
    ) -> Self {
        report.agreed = agreed.map(Windows::of);
        Self {
            session,
            connection,
            encoder: agreed.map(|_| encoder),
            assembler: Assembler::with_extension(Vec::new(), MAX_MESSAGE, decoder),
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
            Step::Text(payload) => self.send_parts(Kind::Text, &payload.data(Kind::Text)?, payload),
            Step::Binary(payload) => {
                self.send_parts(Kind::Binary, &payload.data(Kind::Binary)?, payload)
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
            let before = self.out.len();
            let whole = payload.cuts.is_empty();
            let (connection, out) = (&mut self.connection, &mut self.out);
            match (kind, self.encoder.as_mut().filter(|_| !payload.plain)) {
                (Kind::Text, None) => {
                    connection.send_text_part(core::str::from_utf8(part)?, fin, out)?;
                }
                (Kind::Text, Some(encoder)) => {
                    let part = core::str::from_utf8(part)?;
                    if whole {
                        encoder.send_text(connection, part, out)?;
                    } else {
                        encoder.send_text_part(connection, part, fin, out)?;
                    }
                }
                (Kind::Binary, None) => connection.send_binary_part(part, fin, out)?,
                (Kind::Binary, Some(encoder)) if whole => {
                    encoder.send_binary(connection, part, out)?;
                }
                (Kind::Binary, Some(encoder)) => {
                    encoder.send_binary_part(connection, part, fin, out)?;
                }
            }
            self.report.wire[0] += self.out.len() - before;
            let first = self.out.get(before).copied().unwrap_or_default();
            self.report.compressed[0] += usize::from(first & RSV1 != 0);
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
                    self.report.fault = error.close_code().map(CloseCode::as_u16);
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
                    let (len, compressed) = match &event {
                        Event::Extended(piece) => (piece.data.len(), piece.first),
                        Event::Text(text) => (text.raw.len(), false),
                        Event::Binary(binary) => (binary.data.len(), false),
                        _ => (0, false),
                    };
                    self.report.wire[1] += len;
                    self.report.compressed[1] += usize::from(compressed);
                    let message = match self.assembler.push(event) {
                        Ok(Some(message)) => message,
                        Ok(None) => continue,
                        Err(error) => {
                            let code = error.close_code();
                            self.report.fault = Some(code.as_u16());
                            self.connection
                                .close(code, CloseReason::EMPTY, &mut self.out)?;
                            continue;
                        }
                    };
                    self.report.message(message.kind(), message.as_bytes());
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
                // What the peer does not want any more; the read shows how it left.
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
