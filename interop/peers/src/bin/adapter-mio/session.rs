//! One end of scripted sessions with other implementations: sends what there is room for after each
//! turn, and notes messages received meanwhile.

use std::collections::VecDeque;
use std::io::{BufRead as _, Write as _};
use std::net::{Shutdown, TcpListener};

use anyhow::{Context as _, Result};
use mio::net::TcpStream;
use ws_proto::extension::deflate::Deflate;
use ws_proto_mio::{
    Accept, CloseCode, Connector, ControlPayload, Error, Event, HandshakeError, Incoming,
    PlainResponse, Sender, WebSocket,
};

use ws_proto_interop::script::{End, Report, Sent, Session, Step, Windows, hex, to_hex};

use crate::alone::{self, TOKEN, Task};
use crate::options;

/// Plays every session of standard input.
pub(crate) fn play_all() -> Result<()> {
    for line in std::io::stdin().lock().lines() {
        let session: Session = serde_json::from_str(&line?)?;
        let mut play = Play::new(&session)?;
        if let Err(error) = play.run() {
            play.report.error = Some(format!("{error:#}"));
        }
        println!("{}", serde_json::to_string(&play.report)?);
    }
    Ok(())
}

struct Play<'s> {
    session: &'s Session,
    report: Report,
    sends: VecDeque<Sent>,
    /// Our end of it has been begun.
    has_finished: bool,
}

impl<'s> Play<'s> {
    fn new(session: &'s Session) -> Result<Self> {
        let sends: Result<Vec<Vec<Sent>>> = session.steps.iter().map(Step::sends).collect();
        Ok(Self {
            session,
            report: Report::default(),
            sends: sends?.into_iter().flatten().collect(),
            has_finished: false,
        })
    }

    fn run(&mut self) -> Result<()> {
        let deflate = self.session.compress.map(Windows::deflate);
        let socket = match &*self.session.role {
            "server" => accept(deflate)?,
            _ => self.connect(deflate)?,
        };
        let socket = alone::run(socket, self)?;
        if self.report.opened {
            self.report.close = Some(match socket.closed() {
                None => (1006, String::new()),
                Some((code, reason)) => {
                    let code = code.map_or(1005, CloseCode::as_u16);
                    (code, reason.to_owned())
                }
            });
        }
        Ok(())
    }

    fn connect(&self, deflate: Option<Deflate>) -> Result<WebSocket<TcpStream>> {
        let port = self.session.port.context("a client needs a port")?;
        let offered: Vec<&str> = self.session.offer.iter().map(String::as_str).collect();
        let connector = Connector::new(&format!("ws://127.0.0.1:{port}/"))?
            .subprotocols(&offered)
            .require_subprotocol(self.session.require);
        Ok(ws_proto_mio::connect(connector, TOKEN, &options(deflate))?)
    }

    fn answer(&mut self, incoming: Incoming<'_>) -> Result<()> {
        let preferred = self.session.choose.iter().flatten();
        let preferred: Vec<&str> = preferred.map(String::as_str).collect();
        let chosen = incoming.request().choose_subprotocol(&preferred);
        if self.session.choose.is_some() && chosen.is_none() {
            self.report.status = Some(400);
            let reply = PlainResponse::new(400).body(b"no common subprotocol\n");
            return Ok(incoming.respond(&reply)?);
        }
        incoming.accept(&Accept::new().maybe_subprotocol(chosen))?;
        // The same turn can bring the end.
        self.report.opened = true;
        Ok(())
    }

    /// Whether there is nothing more to wait for before our end of it.
    fn is_complete(&self) -> bool {
        self.sends.is_empty()
            && self.report.messages.len() >= self.session.messages
            && self.report.pongs.len() >= self.session.pings()
    }

    fn finish(&self, socket: &mut WebSocket<TcpStream>, end: &End) -> Result<()> {
        match end {
            End::Close(None) => anyhow::bail!("a Close of an adapter has a code"),
            End::Close(Some((code, reason))) => {
                let code = CloseCode::new(*code).context("a valid code")?;
                let mut sender = socket.sender().context("it has ended")?;
                sender.close(code, reason)?;
            }
            End::Fault(raw) => socket.get_mut().write_all(&hex(raw)?)?,
            End::Cut(raw) => {
                let stream = socket.get_mut();
                stream.write_all(&hex(raw)?)?;
                stream.shutdown(Shutdown::Write)?;
            }
        }
        Ok(())
    }
}

fn accept(deflate: Option<Deflate>) -> Result<WebSocket<TcpStream>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{{\"port\":{}}}", listener.local_addr()?.port());
    let (stream, _) = listener.accept()?;
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    let stream = TcpStream::from_std(stream);
    Ok(WebSocket::accept(stream, TOKEN, &options(deflate)))
}

impl Task<TcpStream> for Play<'_> {
    fn event(&mut self, event: Event<'_, TcpStream>) -> Result<()> {
        match event {
            Event::Request(incoming) => self.answer(incoming)?,
            Event::Connected(_) => self.report.opened = true,
            Event::Message(message, _) => {
                let (kind, data) = (message.kind(), message.as_bytes());
                self.report.message(kind, data);
            }
            Event::Ping(payload) => self.report.pings.push(to_hex(payload)),
            Event::Pong(payload) => self.report.pongs.push(to_hex(payload)),
            _ => {}
        }
        Ok(())
    }

    fn failed(&mut self, error: Error) -> Result<()> {
        match error {
            Error::Receive(error) => self.report.fault = error.close_code().map(CloseCode::as_u16),
            Error::Refused(response) => self.report.status = Some(response.status()),
            Error::Handshake(HandshakeError::SubprotocolMissing) => self.report.status = Some(0),
            // The report says that there was no Close. A peer that is gone can reset the stream while we still
            // send.
            Error::Eof(_) | Error::Io(_) if self.report.opened => {}
            error => return Err(error.into()),
        }
        Ok(())
    }

    fn after(&mut self, socket: &mut WebSocket<TcpStream>) -> Result<bool> {
        if self.report.opened {
            self.report.subprotocol = socket.subprotocol().map(str::to_owned);
            let agreed = socket.deflate().map(Windows::of);
            self.report.agreed = self.report.agreed.or(agreed);
        }
        if !socket.can_send() || self.has_finished {
            return Ok(false);
        }
        let mut has_sent = false;
        while let Some(mut sender) = socket.sender().filter(|sender| sender.room() > 0) {
            let Some(next) = self.sends.pop_front() else {
                break;
            };
            send(&mut sender, next)?;
            has_sent = true;
        }
        if let (true, 0, Some(end)) = (
            self.is_complete(),
            socket.pending_bytes(),
            &self.session.end,
        ) {
            self.has_finished = true;
            self.finish(socket, end)?;
            has_sent = true;
        }
        Ok(has_sent)
    }
}

fn send(sender: &mut Sender<'_, TcpStream>, next: Sent) -> Result<()> {
    match next {
        Sent::Compressing(compressing) => sender.set_compressing(compressing),
        Sent::Text(text, None) => sender.send_text(&text)?,
        Sent::Text(text, Some(fin)) => sender.send_text_part(&text, fin)?,
        // Of both ways to queue bytes, the one without a copy.
        Sent::Binary(data, None) => sender.send_binary_shared(data.into())?,
        Sent::Binary(data, Some(fin)) => sender.send_binary_part(&data, fin)?,
        Sent::Ping(payload) => sender.ping(ControlPayload::new(&payload)?)?,
    }
    Ok(())
}
