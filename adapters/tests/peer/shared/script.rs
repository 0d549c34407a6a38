//! Scripted sessions: their language, whatever plays them.
//!
//! Each line of standard input is a session in JSON, each line of standard output what came of it.
//! `tests/interop/sessions.py` makes the sessions and says what the fields mean.

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use ws_proto::extension::deflate::{Deflate, DeflateParams};
use ws_proto::{Fin, Kind};

#[derive(Deserialize)]
pub(crate) struct Session {
    pub(crate) role: String,
    /// Where a client connects to.
    pub(crate) port: Option<u16>,
    /// A client's subprotocols.
    pub(crate) offer: Vec<String>,
    /// Whether a client insists on a subprotocol.
    pub(crate) require: bool,
    /// A server's subprotocols; it refuses if none is offered.
    pub(crate) choose: Option<Vec<String>>,
    /// What to offer or accept of permessage-deflate.
    pub(crate) compress: Option<Windows>,
    pub(crate) steps: Vec<Step>,
    /// What has to have come before the end.
    pub(crate) messages: usize,
    pub(crate) end: Option<End>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Step {
    Text(Payload),
    Binary(Payload),
    Ping(String),
}

/// The parameters of permessage-deflate.
#[derive(Clone, Copy, Deserialize, Serialize)]
pub(crate) struct Windows {
    pub(crate) server_takeover: bool,
    pub(crate) client_takeover: bool,
    pub(crate) server_bits: u8,
    pub(crate) client_bits: u8,
}

impl Windows {
    /// All messages are compressed, however short.
    pub(crate) fn deflate(self) -> Deflate {
        Deflate::new()
            .threshold(0)
            .server_takeover(self.server_takeover)
            .client_takeover(self.client_takeover)
            .server_window_bits(self.server_bits)
            .client_window_bits(self.client_bits)
    }

    pub(crate) fn of(params: DeflateParams) -> Self {
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
pub(crate) struct Payload {
    pub(crate) unit: String,
    pub(crate) times: usize,
    pub(crate) tail: String,
    /// Where a new frame starts.
    pub(crate) cuts: Vec<usize>,
    /// A Ping behind the first frame.
    pub(crate) ping: Option<String>,
    /// Not to be compressed.
    #[serde(default)]
    pub(crate) plain: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum End {
    Close((u16, String)),
    /// Some raw bytes, and the end of the transport.
    Cut(String),
    /// Some raw bytes that break the protocol.
    Fault(String),
}

#[derive(Default, Serialize)]
pub(crate) struct Report {
    pub(crate) opened: bool,
    pub(crate) status: Option<u16>,
    pub(crate) subprotocol: Option<String>,
    pub(crate) messages: Vec<(&'static str, usize, String)>,
    pub(crate) pings: Vec<String>,
    pub(crate) pongs: Vec<String>,
    /// Code and reason of the peer's Close.
    pub(crate) close: Option<(u16, String)>,
    /// The code for what the peer did wrong.
    pub(crate) fault: Option<u16>,
    pub(crate) error: Option<String>,
    /// What was agreed on of permessage-deflate.
    pub(crate) agreed: Option<Windows>,
}

impl Session {
    /// How many Pongs have to come.
    pub(crate) fn pings(&self) -> usize {
        let pings = self.steps.iter().filter(|step| match step {
            Step::Ping(_) => true,
            Step::Text(payload) | Step::Binary(payload) => payload.ping.is_some(),
        });
        pings.count()
    }
}

impl Step {
    /// What it sends, in order.
    pub(crate) fn sends(&self) -> Result<Vec<Sent>> {
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
    fn data(&self, kind: Kind) -> Result<Vec<u8>> {
        Ok(match kind {
            Kind::Text => (self.unit.repeat(self.times) + &self.tail).into_bytes(),
            Kind::Binary => [hex(&self.unit.repeat(self.times))?, hex(&self.tail)?].concat(),
        })
    }
}

/// One call of what sends. A message without [`Fin`] is whole.
pub(crate) enum Sent {
    Compressing(bool),
    Text(String, Option<Fin>),
    Binary(Vec<u8>, Option<Fin>),
    Ping(Vec<u8>),
}

impl Report {
    /// A message has come.
    pub(crate) fn message(&mut self, kind: Kind, data: &[u8]) {
        let kind = match kind {
            Kind::Text => "text",
            Kind::Binary => "binary",
        };
        let hash = sha1_smol::Sha1::from(data).digest().to_string();
        self.messages.push((kind, data.len(), hash));
    }
}

pub(crate) fn hex(text: &str) -> Result<Vec<u8>> {
    ensure!(text.is_ascii() && text.len() % 2 == 0, "not hexadecimal");
    (0..text.len() / 2)
        .map(|at| Ok(u8::from_str_radix(&text[2 * at..2 * at + 2], 16)?))
        .collect()
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
