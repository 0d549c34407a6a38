//! The recording of a stream, played to the engine: the handshake, then frame by frame.
//!
//! What the program sent, and when it looked at what had come, is not in the recording. The frames say it: one that the
//! engine has not written by itself was sent by the program. The engine gets input only when the recording has an answer to
//! it, so that what the program sent before comes before.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ws_proto::handshake::{Accept, OriginPolicy};
use ws_proto::opening::{Accepting, Connecting, Connector, Opened};
use ws_proto::{EitherRole, WebSocketError};

use super::Wanted;
use super::format::{Bytes, Event, Recording, Send, printable};
use super::replay::{Difference, INFLATED, Replayed, bounded, difference};
use super::settings::Settings;
use super::websocket::{Driver, Found, Keys};
use crate::Side;
use crate::inflate::Inflater;
use crate::peer::Head;
use crate::wire::{self, CONTINUATION, FIN, Frame, TEXT};

type Done<T> = Result<T, String>;

pub(super) fn replay(recording: &Recording) -> Result<Replayed, Difference> {
    // The one Close of this end is the engine's if the engine says it by itself, else the program's.
    play(recording, false).or_else(|difference| play(recording, true).map_err(|_| difference))
}

fn play(recording: &Recording, closes: bool) -> Result<Replayed, Difference> {
    let mut play = Play::new(recording, closes);
    for line in &recording.lines {
        let done = match &line.event {
            Event::Received { bytes } => {
                play.unfed.extend(&bytes.0);
                play.replayed.received += bytes.0.len() as u64;
                play.handshake()
            }
            Event::Sent { bytes } => {
                play.expected.extend(&bytes.0);
                play.expected.make_contiguous();
                play.compare()
            }
            Event::ReceivedEnd => {
                play.has_ended = true;
                Ok(())
            }
            _ => Ok(()),
        };
        done.map_err(|what| play.difference(line.micros, what))?;
    }
    let end = recording.lines.last().map_or(0, |line| line.micros);
    play.finish().map_err(|what| play.difference(end, what))?;
    Ok(play.replayed)
}

enum State {
    /// A server waits for the request, or, if it has come, for the answer in the recording.
    Accepting(Box<Accepting>, bool),
    /// A client waits for its request in the recording, then for the answer.
    Asking,
    Connecting(Box<Connecting>),
    Open(Box<Driver>),
    /// A handshake that has failed.
    Over,
}

struct Play {
    side: Side,
    settings: Settings,
    state: State,
    /// What was received, and the engine has not got.
    unfed: VecDeque<u8>,
    /// What was sent, and has not been compared; in one slice. Frames leave it one by one without moving the rest.
    expected: VecDeque<u8>,
    keys: Arc<Mutex<VecDeque<Option<[u8; 4]>>>>,
    /// Messages of the program that were compressed.
    inflater: Inflater,
    takes_over: bool,
    /// The part of a compressed message before this one has left out the end of its flush.
    owes_tail: bool,
    /// The message of the program that is open: whether it is text, and compressed.
    open: Option<(bool, bool)>,
    /// Whether the program closes, before it looks at received items.
    closes: bool,
    has_ended: bool,
    replayed: Replayed,
}

impl Play {
    fn new(recording: &Recording, closes: bool) -> Self {
        let settings = bounded(recording);
        let side = recording.header.side;
        Self {
            side,
            state: match side {
                Side::Server => {
                    State::Accepting(Box::new(Accepting::new(settings.options())), false)
                }
                Side::Client => State::Asking,
            },
            settings,
            unfed: VecDeque::new(),
            expected: VecDeque::new(),
            keys: Arc::default(),
            inflater: Inflater::new(15).limit(INFLATED),
            takes_over: true,
            owes_tail: false,
            open: None,
            closes,
            has_ended: false,
            replayed: Replayed::default(),
        }
    }

    fn difference(&self, micros: u64, what: String) -> Difference {
        Difference {
            micros,
            at: self.replayed.compared,
            what,
        }
    }

    fn expected(&self) -> &[u8] {
        self.expected.as_slices().0
    }

    /// The first expected bytes are those.
    fn matched(&mut self, written: &[u8]) -> Done<()> {
        let was = self.expected();
        let was = was.get(..written.len()).unwrap_or(was);
        if let Some(what) = difference(was, written) {
            return Err(what);
        }
        self.expected.drain(..written.len());
        self.replayed.compared += written.len() as u64;
        Ok(())
    }

    /// Gives the engine its part of a head, while there is no connection.
    fn handshake(&mut self) -> Done<()> {
        match &mut self.state {
            State::Accepting(accepting, has_request @ false) => {
                let mut bytes: Vec<u8> = self.unfed.drain(..).collect();
                let mut rest = &mut bytes[..];
                match accepting.receive(&mut rest) {
                    Ok(Some(_)) => {
                        *has_request = true;
                        self.unfed.extend(&*rest);
                    }
                    Ok(None) => {}
                    Err(_) => {
                        let refusal = accepting.pending().to_vec();
                        self.state = State::Over;
                        return self.refused(&refusal);
                    }
                }
                self.compare()
            }
            State::Connecting(connecting) => {
                let mut bytes: Vec<u8> = self.unfed.drain(..).collect();
                let mut rest = &mut bytes[..];
                match connecting.receive(&mut rest) {
                    Ok(Some((opened, response))) => {
                        self.unfed.extend(&*rest);
                        let extensions = response.headers().get("Sec-WebSocket-Extensions");
                        let extensions =
                            String::from_utf8_lossy(extensions.unwrap_or_default()).into_owned();
                        self.open(opened, &extensions);
                    }
                    Ok(None) => {}
                    Err(_) => self.state = State::Over,
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A refusal of the engine's: sent bytes are compared as they come.
    fn refused(&mut self, refusal: &[u8]) -> Done<()> {
        let n = self.expected.len().min(refusal.len());
        self.matched(&refusal[..n])
    }

    fn open(&mut self, opened: Opened, extensions: &str) {
        let own = match self.side {
            Side::Server => "server_no_context_takeover",
            Side::Client => "client_no_context_takeover",
        };
        self.takes_over = !extensions.contains(own);
        let role = match self.side {
            Side::Server => EitherRole::server(),
            Side::Client => EitherRole::client(Keys::Replayed(Arc::clone(&self.keys))),
        };
        let websocket = opened.with_options(self.settings.options()).with_role(role);
        // Nothing is refused for want of room: the time of writes is not known here.
        let websocket = self
            .settings
            .apply(websocket)
            .with_high_water(usize::MAX / 2);
        self.state = State::Open(Box::new(Driver { websocket }));
    }

    /// Compares as much as there is.
    fn compare(&mut self) -> Done<()> {
        loop {
            match &mut self.state {
                State::Asking => {
                    let Some((head, _)) = Head::parse(self.expected.as_slices().0) else {
                        return Ok(());
                    };
                    let connecting = connecting(&head, &self.settings)?;
                    let request = connecting.pending().to_vec();
                    self.matched(&request)?;
                    self.state = State::Connecting(Box::new(connecting));
                    let State::Connecting(connecting) = &mut self.state else {
                        return Ok(());
                    };
                    connecting.consume(request.len());
                }
                State::Accepting(accepting, true) => {
                    let Some((head, _)) = Head::parse(self.expected.as_slices().0) else {
                        return Ok(());
                    };
                    let (opened, response) = accepted(accepting, &head, &self.settings)?;
                    self.matched(&response)?;
                    let extensions = head
                        .field("Sec-WebSocket-Extensions")
                        .unwrap_or_default()
                        .to_owned();
                    match opened {
                        Some(opened) => self.open(opened, &extensions),
                        None => self.state = State::Over,
                    }
                }
                State::Open(_) => {
                    let Some((frame, len)) = wire::decode(self.expected()) else {
                        return Ok(());
                    };
                    self.frame(&frame, len)?;
                }
                State::Over => {
                    self.expected.clear();
                    return Ok(());
                }
                State::Accepting(..) | State::Connecting(_) => return Ok(()),
            }
        }
    }

    fn driver(&mut self) -> Done<&mut Driver> {
        match &mut self.state {
            State::Open(driver) => Ok(driver),
            _ => Err("the connection is not open".to_owned()),
        }
    }

    /// A frame that was sent: the engine has written it, or the program has sent it.
    fn frame(&mut self, frame: &Frame, len: usize) -> Done<()> {
        if self.side == Side::Client {
            if let Ok(mut keys) = self.keys.lock() {
                keys.push_back(frame.key);
            }
        }
        // Control frames can be the engine's own.
        let is_own = match frame.opcode() {
            0x8 => !self.closes,
            opcode => opcode == 0xa,
        };
        while is_own && self.driver()?.pending().is_empty() {
            if !self.feed()? {
                break;
            }
        }
        if self.driver()?.pending().is_empty() {
            self.send(frame)?;
        }
        let pending = self.driver()?.pending();
        let written = pending.get(..len).unwrap_or(&pending).to_vec();
        let was = self.expected().get(..len).unwrap_or_default();
        if let Some(what) = difference(was, &written) {
            return Err(format!("{}: {what}", name(frame)));
        }
        self.driver()?.websocket.consume(len);
        self.matched(&written)
    }

    /// Gives the engine one more frame, or what there is of one; whether there was anything.
    fn feed(&mut self) -> Done<bool> {
        let bytes = self.unfed.make_contiguous();
        if bytes.is_empty() {
            return Ok(false);
        }
        let len = wire::decode(bytes).map_or(bytes.len(), |(_, len)| len);
        let bytes: Vec<u8> = self.unfed.drain(..len).collect();
        let mut messages = 0;
        let driver = self.driver()?;
        driver.receive(&bytes);
        loop {
            match driver.next(Wanted::Message) {
                Ok(Found::Message(_)) => messages += 1,
                Ok(Found::Yield) => {}
                Ok(_) => break,
                Err(WebSocketError::OutputFull | WebSocketError::Protocol(_)) | Err(_) => break,
            }
        }
        self.replayed.messages += messages;
        Ok(true)
    }

    /// Sends what the program has sent.
    fn send(&mut self, frame: &Frame) -> Done<()> {
        let bytes = Bytes(frame.payload.clone());
        let send = match frame.first {
            wire::PING => Send::Ping { bytes },
            wire::PONG => Send::Pong { bytes },
            wire::CLOSE => Send::Close {
                code: frame.close_code(),
                reason: String::from_utf8_lossy(frame.payload.get(2..).unwrap_or_default())
                    .into_owned(),
            },
            _ if frame.is_data() => return self.send_data(frame),
            _ => return Err(format!("{} cannot be sent", name(frame))),
        };
        let sent = self.driver()?.send(&send);
        sent.map_err(|error| format!("{} cannot be sent: {error}", name(frame)))
    }

    fn send_data(&mut self, frame: &Frame) -> Done<()> {
        let is_first = frame.opcode() != CONTINUATION;
        let (is_text, is_compressed) = match self.open.take() {
            Some(open) if !is_first => open,
            None if is_first => (frame.opcode() == TEXT, frame.first & 0x40 != 0),
            _ => return Err(format!("{} is out of place", name(frame))),
        };
        let is_last = frame.first & FIN != 0;
        if !is_last {
            self.open = Some((is_text, is_compressed));
        }
        let payload = if is_compressed {
            self.inflated(&frame.payload, is_first, is_last)?
        } else {
            frame.payload.clone()
        };
        let text = || {
            String::from_utf8(payload.clone()).map_err(|_| format!("{} is not text", name(frame)))
        };
        let bytes = Bytes(payload.clone());
        let send = match (is_text, is_first && is_last) {
            (true, true) => Send::Text { text: text()? },
            (false, true) => Send::Binary { bytes },
            (true, false) => Send::TextPart {
                text: text()?,
                last: is_last,
            },
            (false, false) => Send::BinaryPart {
                bytes,
                last: is_last,
            },
        };
        let driver = self.driver()?;
        if is_first {
            driver.websocket.set_compressing(is_compressed);
        }
        let sent = driver.send(&send);
        sent.map_err(|error| format!("{} cannot be sent: {error}", name(frame)))
    }

    fn inflated(&mut self, payload: &[u8], is_first: bool, is_last: bool) -> Done<Vec<u8>> {
        // Each part ends in a flush. The end of that, which is left out at the end of a message, belongs to the same frame
        // or begins the next one (RFC 7692 7.2.1).
        const TAIL: &[u8] = &[0, 0, 0xff, 0xff];
        let mut payload = payload;
        if !is_first && self.owes_tail {
            payload = payload
                .strip_prefix(TAIL)
                .ok_or("a compressed part is not flushed, and nobody knows where it ended")?;
        }
        self.owes_tail = false;
        if !is_last {
            if payload.is_empty() {
                return Ok(Vec::new());
            }
            match payload.strip_suffix(TAIL) {
                Some(rest) => payload = rest,
                None => self.owes_tail = true,
            }
        }
        let inflated = self
            .inflater
            .message(payload)
            .map_err(|error| error.to_string())?;
        if is_last && !self.takes_over {
            self.inflater.reset();
        }
        Ok(inflated)
    }

    /// The rest of the input; what the engine writes to it was not written when the recording ended.
    fn finish(&mut self) -> Done<()> {
        if !matches!(self.state, State::Open(_)) {
            self.replayed.cut_off = self.expected.len() as u64;
            return Ok(());
        }
        while self.feed()? {}
        if self.has_ended {
            let _ = self.driver()?.websocket.receive_eof();
        }
        // A frame of which only the beginning was written: if the engine has not written it by itself, it is the
        // program's, and nobody knows the rest of it.
        let pending = self.driver()?.pending();
        let Some(rest) = pending.strip_prefix(self.expected()) else {
            self.replayed.cut_off = self.expected.len() as u64;
            return Ok(());
        };
        self.replayed.unwritten = rest.len() as u64;
        self.replayed.compared += self.expected.len() as u64;
        Ok(())
    }
}

fn name(frame: &Frame) -> String {
    format!(
        "the frame {:02x} of {} bytes",
        frame.first,
        frame.payload.len()
    )
}

/// What the engine asks, to ask what the recording has.
fn connecting(request: &Head, settings: &Settings) -> Done<Connecting> {
    let path = request.line.split(' ').nth(1).unwrap_or("/");
    let host = request.field("Host").unwrap_or("localhost");
    let mut connector =
        Connector::new(&format!("ws://{host}{path}")).map_err(|error| error.to_string())?;
    let mut nonce = None;
    let mut fields: Vec<(&str, &[u8])> = Vec::new();
    for (name, value) in &request.fields {
        match name.to_ascii_lowercase().as_str() {
            "host" | "upgrade" | "connection" | "sec-websocket-version" => {}
            "sec-websocket-key" => nonce = STANDARD.decode(value).ok(),
            "sec-websocket-protocol" => {
                let names: Vec<&str> = value.split(',').map(str::trim).collect();
                connector = connector.subprotocols(&names);
            }
            "sec-websocket-extensions" => {
                connector = connector.deflate(&settings.deflate.deflate());
            }
            "origin" => connector = connector.origin(value),
            _ => fields.push((name, value.as_bytes())),
        }
    }
    let nonce: Option<[u8; 16]> = nonce.and_then(|nonce| nonce.try_into().ok());
    let nonce = nonce.ok_or("the request has no key of 16 bytes")?;
    let connector = connector.headers(&fields).options(settings.options());
    Connecting::start(&connector, nonce).map_err(|error| error.to_string())
}

/// What the engine answers, to answer what the recording has.
fn accepted(
    accepting: &mut Accepting,
    response: &Head,
    settings: &Settings,
) -> Done<(Option<Opened>, Vec<u8>)> {
    let known = |name: &str| {
        [
            "upgrade",
            "connection",
            "sec-websocket-accept",
            "sec-websocket-protocol",
            "sec-websocket-extensions",
        ]
        .contains(&name.to_ascii_lowercase().as_str())
    };
    let fields: Vec<(&str, &[u8])> = response
        .fields
        .iter()
        .filter(|(name, _)| !known(name))
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let is_accepted = response.status() == Some(101);
    let accept = Accept::new().maybe_subprotocol(response.field("Sec-WebSocket-Protocol"));
    let accept = if is_accepted {
        accept.headers(&fields).origins(OriginPolicy::any())
    } else {
        accept
    };
    let deflate = settings.deflate.deflate();
    let deflate = response.field("Sec-WebSocket-Extensions").map(|_| &deflate);
    let opened = accepting.accept_deflate(&accept, deflate);
    let written = accepting.pending().to_vec();
    accepting.consume(written.len());
    match opened {
        Ok(opened) if is_accepted => Ok((Some(opened), written)),
        Ok(_) => {
            let line = printable(&response.line);
            Err(format!("the program refused by itself: {line}"))
        }
        Err(_) if !is_accepted => Ok((None, written)),
        Err(error) => Err(format!(
            "the handshake was accepted, and now it is not: {error}"
        )),
    }
}
