//! The language of scripted sessions, the same for every program that plays them.
//!
//! Each line of standard input is a session in JSON, each line of standard output the report on it.
//! `interop/sessions/sessions.py` makes the sessions and says what the fields mean.

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use ws_proto::extension::deflate::{Deflate, DeflateParams};
use ws_proto::{Fin, Kind};

/// What to do on one connection.
#[derive(Debug, Deserialize)]
pub struct Session {
    /// `server` or `client`.
    pub role: String,
    /// The port that a client connects to.
    pub port: Option<u16>,
    /// A client's subprotocols.
    pub offer: Vec<String>,
    /// Whether a client insists on a subprotocol.
    pub require: bool,
    /// A server's subprotocols; it refuses if none is offered.
    pub choose: Option<Vec<String>>,
    /// What to offer or accept of permessage-deflate.
    pub compress: Option<Windows>,
    /// How many bytes to read at a time.
    pub read: usize,
    /// What to send.
    pub steps: Vec<Step>,
    /// How many messages have to be received before the end.
    pub messages: usize,
    /// How to end the connection; the other end does it otherwise.
    pub end: Option<End>,
}

/// Something to send.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// A text message.
    Text(Payload),
    /// A binary message.
    Binary(Payload),
    /// A Ping with this payload, in hexadecimal.
    Ping(String),
}

/// The parameters of permessage-deflate.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Windows {
    server_takeover: bool,
    client_takeover: bool,
    server_bits: u8,
    client_bits: u8,
}

impl Windows {
    /// Compression with these parameters. All messages are compressed, however short.
    pub fn deflate(self) -> Deflate {
        Deflate::new()
            .threshold(0)
            .server_takeover(self.server_takeover)
            .client_takeover(self.client_takeover)
            .server_window_bits(self.server_bits)
            .client_window_bits(self.client_bits)
    }

    /// What was agreed on.
    pub fn of(params: DeflateParams) -> Self {
        Self {
            server_takeover: params.server_takeover(),
            client_takeover: params.client_takeover(),
            server_bits: params.server_window_bits(),
            client_bits: params.client_window_bits(),
        }
    }
}

/// `unit` repeated, then `tail`: text, or bytes in hexadecimal.
#[derive(Debug, Deserialize)]
pub struct Payload {
    unit: String,
    times: usize,
    tail: String,
    /// Where a new frame starts.
    pub cuts: Vec<usize>,
    /// The payload of a Ping after the first frame, in hexadecimal.
    pub ping: Option<String>,
    /// Not to be compressed.
    #[serde(default)]
    pub plain: bool,
}

/// How to end a connection.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// A Close, with a code and a reason or empty.
    Close(Option<(u16, String)>),
    /// Some raw bytes, and the end of the transport.
    Cut(String),
    /// Some raw bytes that break the protocol.
    Fault(String),
}

/// What a program has seen of its connection.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Whether the handshake succeeded.
    pub opened: bool,
    /// The status of a refusal.
    pub status: Option<u16>,
    /// The subprotocol that was agreed on.
    pub subprotocol: Option<String>,
    /// Type, length and SHA-1 of each message.
    pub messages: Vec<(&'static str, usize, String)>,
    /// The payloads of the Pings, in hexadecimal.
    pub pings: Vec<String>,
    /// The payloads of the Pongs, in hexadecimal.
    pub pongs: Vec<String>,
    /// Code and reason of the other end's Close.
    pub close: Option<(u16, String)>,
    /// The close code for what the other end did wrong.
    pub fault: Option<u16>,
    /// What went wrong here.
    pub error: Option<String>,
    /// What was agreed on of permessage-deflate.
    pub agreed: Option<Windows>,
    /// How many messages were compressed: sent, received. Programs that do not see frames leave it.
    pub compressed: [usize; 2],
    /// How many bytes the messages took on the wire: sent (with headers), received (without).
    /// Programs that do not see frames leave it.
    pub wire: [usize; 2],
}

impl Session {
    /// How many Pongs have to be received before the end.
    pub fn pings(&self) -> usize {
        let pings = self.steps.iter().filter(|step| match step {
            Step::Ping(_) => true,
            Step::Text(payload) | Step::Binary(payload) => payload.ping.is_some(),
        });
        pings.count()
    }
}

impl Step {
    /// The calls that send it, in order.
    ///
    /// # Errors
    ///
    /// It is not in the language.
    pub fn sends(&self) -> Result<Vec<Sent>> {
        let (kind, payload) = match self {
            Self::Ping(payload) => return Ok(vec![Sent::Ping(hex(payload)?)]),
            Self::Text(payload) => (Kind::Text, payload),
            Self::Binary(payload) => (Kind::Binary, payload),
        };
        let data = payload.data(kind)?;
        let ends = payload.cuts.iter().copied().chain([data.len()]);
        let mut sends = vec![Sent::Compressing(!payload.plain)];
        let mut start = 0;
        for (index, end) in ends.enumerate() {
            let part = data.get(start..end).context("cuts are in order")?.to_vec();
            start = end;
            let fin = match payload.cuts.len() {
                0 => None,
                cuts if cuts == index => Some(Fin::Yes),
                _ => Some(Fin::No),
            };
            sends.push(match kind {
                Kind::Text => Sent::Text(String::from_utf8(part)?, fin),
                Kind::Binary => Sent::Binary(part, fin),
            });
            if let (0, Some(payload)) = (index, &payload.ping) {
                sends.push(Sent::Ping(hex(payload)?));
            }
        }
        Ok(sends)
    }
}

impl Payload {
    /// The bytes of a message of this type.
    ///
    /// # Errors
    ///
    /// They are not hexadecimal.
    pub fn data(&self, kind: Kind) -> Result<Vec<u8>> {
        Ok(match kind {
            Kind::Text => (self.unit.repeat(self.times) + &self.tail).into_bytes(),
            Kind::Binary => [hex(&self.unit.repeat(self.times))?, hex(&self.tail)?].concat(),
        })
    }
}

/// One call that sends. A message without [`Fin`] is whole.
#[derive(Debug)]
pub enum Sent {
    /// Whether the next message is to be compressed.
    Compressing(bool),
    /// Text, whole or in parts.
    Text(String, Option<Fin>),
    /// Binary data, whole or in parts.
    Binary(Vec<u8>, Option<Fin>),
    /// A Ping.
    Ping(Vec<u8>),
}

impl Report {
    /// Notes a message that was received.
    pub fn message(&mut self, kind: Kind, data: &[u8]) {
        let kind = match kind {
            Kind::Text => "text",
            Kind::Binary => "binary",
        };
        let hash = sha1_smol::Sha1::from(data).digest().to_string();
        self.messages.push((kind, data.len(), hash));
    }
}

/// Reads hexadecimal.
///
/// # Errors
///
/// `text` is not hexadecimal.
pub fn hex(text: &str) -> Result<Vec<u8>> {
    ensure!(text.is_ascii() && text.len() % 2 == 0, "not hexadecimal");
    (0..text.len() / 2)
        .map(|at| Ok(u8::from_str_radix(&text[2 * at..2 * at + 2], 16)?))
        .collect()
}

/// Writes hexadecimal.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
