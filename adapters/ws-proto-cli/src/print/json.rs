//! Messages for programs: one JSON object a line.

use std::io::{self, Stdout, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use serde::Serialize;
use unicode_width::UnicodeWidthChar;
use ws_proto_tokio::{CloseCode, Message};

use super::{Print, Sent};
use crate::shown::{self, is_plain};

/// Writes the objects.
#[derive(Debug)]
pub(super) struct JsonLines {
    out: Stdout,
}

/// One of them. What it does not have is left out.
#[derive(Debug, Default, Serialize)]
struct Object {
    direction: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<usize>,
    time: String,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    /// How long a Pong took.
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<f64>,
    /// Of a Close; `null` if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Option<u16>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Object {
    fn received(peer: Option<usize>, kind: &'static str) -> Self {
        Self {
            direction: "received",
            peer,
            time: now(),
            kind,
            ..Self::default()
        }
    }

    fn sent(peer: Option<usize>, kind: &'static str) -> Self {
        Self {
            direction: "sent",
            peer,
            time: now(),
            kind,
            ..Self::default()
        }
    }

    fn with(self, data: Message) -> Self {
        match data {
            Message::Text(text) => Self {
                kind: "text",
                text: Some(text.into()),
                ..self
            },
            Message::Binary(data) => Self {
                kind: "binary",
                ..self.with_bytes(&data)
            },
        }
    }

    fn with_bytes(self, bytes: &[u8]) -> Self {
        Self {
            base64: Some(STANDARD.encode(bytes)),
            ..self
        }
    }

    fn with_close(self, code: Option<CloseCode>, reason: String) -> Self {
        Self {
            code: Some(code.map(CloseCode::as_u16)),
            reason: Some(reason),
            ..self
        }
    }
}

fn now() -> String {
    Utc::now().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

impl JsonLines {
    pub(super) fn new() -> Self {
        Self { out: io::stdout() }
    }

    pub(super) fn print(&mut self, print: Print) -> io::Result<()> {
        let object = match print {
            // Events are received, not pieces: it is whole.
            Print::Piece(peer, piece) => Object::received(peer, "").with(piece.data),
            Print::Ping(peer, payload) => Object::received(peer, "ping").with_bytes(&payload),
            Print::Pong(peer, payload, time) => Object {
                ms: time.map(|time| time.as_secs_f64() * 1e3),
                ..Object::received(peer, "pong").with_bytes(&payload)
            },
            // Messages come as a whole.
            Print::CutOff => return Ok(()),
            Print::Close(peer, closed) => {
                Object::received(peer, "close").with_close(closed.code, closed.reason.into())
            }
            Print::Sent(peer, Sent::Message(message)) => Object::sent(peer, "").with(message),
            Print::Sent(
                peer,
                Sent::File {
                    name,
                    is_text,
                    bytes,
                },
            ) => Object {
                file: Some(name),
                bytes: Some(bytes),
                ..Object::sent(peer, if is_text { "text" } else { "binary" })
            },
            Print::Sent(peer, Sent::Ping(payload)) => {
                Object::sent(peer, "ping").with_bytes(&payload)
            }
            Print::Sent(peer, Sent::Close(code, reason)) => {
                Object::sent(peer, "close").with_close(Some(code), reason)
            }
        };
        let mut line = escaped(&serde_json::to_string(&object)?);
        if let Some(columns) = shown::columns(&self.out) {
            line = broken_by_terminal(&unnamed(&line), columns);
        }
        line.push('\n');
        self.out.write_all(line.as_bytes())?;
        self.out.flush()
    }
}

/// The same JSON, harmless in a terminal: characters that steer it are in strings only, where they can be
/// written as escapes (RFC 8259 7).
fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if is_plain(c) {
            escaped.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    escaped
}

/// The same JSON without the name that begins our own lines: terminals do not agree on how wide some characters
/// are, so that one may break a line of JSON where another does not.
fn unnamed(json: &str) -> String {
    json.replace("wsp:", "\\u0077sp:")
}

/// The same JSON for a terminal that breaks it into lines: no letter of a string begins one, so that none looks
/// like one of ours.
fn broken_by_terminal(json: &str, columns: usize) -> String {
    let mut broken = String::with_capacity(json.len());
    let (mut column, mut in_string) = (0, false);
    // How many characters of an escape follow.
    let mut escape = 0;
    for c in json.chars() {
        let width = c.width().unwrap_or(0);
        if column + width > columns {
            column = 0;
        }
        let begins_line = column == 0 && !broken.is_empty();
        match c {
            'u' if escape == 1 => escape = 4,
            _ if escape > 0 => escape -= 1,
            '\\' => escape = 1,
            '"' => in_string = !in_string,
            c if c.is_ascii_alphabetic() && in_string && begins_line => {
                broken.push_str(&format!("\\u{:04x}", u32::from(c)));
                column = 6;
                continue;
            }
            _ => {}
        }
        broken.push(c);
        column += width;
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_the_terminal_begins_with_a_letter_of_a_string() {
        for indent in 0..100 {
            let text = " ".repeat(indent) + &"wsp: \"\\wsp:\u{4e2d}\n".repeat(50);
            let json = serde_json::json!({"code": null, "text": text}).to_string();
            let broken = broken_by_terminal(&json, 40);
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(&broken).unwrap()["text"],
                text
            );
            let (mut column, mut first) = (0, String::new());
            for c in broken.chars() {
                let width = c.width().unwrap_or(0);
                if column + width > 40 {
                    column = 0;
                    first.push(c);
                }
                column += width;
            }
            // The letter of an escape may.
            assert!(!first.contains(['w', 's', 'p']), "{first}");
        }
    }

    #[test]
    fn escapes_mean_the_same() {
        let text = "a\u{202e}\"\n\u{e0041}\u{7f}\u{20ac}";
        let json = serde_json::to_string(text).unwrap();
        let escaped = escaped(&json);
        assert_eq!(escaped, "\"a\\u202e\\\"\\n\\udb40\\udc41\\u007f\u{20ac}\"");
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), text);
    }
}
