//! Words about what a server has answered to the handshake.

use std::fmt::Write;

use ws_proto_tokio::Response;

use crate::shown::{self, escape_bytes};

/// What comes after the status of a refusal: where to go, what to try, and the [`rest`].
pub(crate) fn refusal(response: &Response) -> String {
    let status = response.status();
    let words = match response.headers().get("Location") {
        Some(to) if (300..400).contains(&status) => {
            let to = escape_bytes(to);
            format!(", which leads to {to}: it is not followed, connect to that URL")
        }
        _ => hint(status).to_owned(),
    };
    words + &rest(response)
}

/// The header fields and the body, whose lines have a mark each.
pub(crate) fn rest(response: &Response) -> String {
    let mut words = fields(response);
    for line in shown::lines(&String::from_utf8_lossy(response.body())) {
        let _ = write!(words, "\n  | {line}");
    }
    words
}

/// What to try.
fn hint(status: u16) -> &'static str {
    match status {
        401 => ": --header 'Authorization: ...' may help",
        403 => ": --origin or --header may help",
        404 => ": is the path of the URL right?",
        400 | 426 => ": is there a WebSocket server at that path?",
        429 | 503 => ": try again later",
        _ => "",
    }
}

/// The header fields, each on a line of its own after a new line.
pub(crate) fn fields(response: &Response) -> String {
    let mut words = String::new();
    for (name, value) in response.headers().iter() {
        let (name, value) = (shown::escape(name), escape_bytes(value));
        let _ = write!(words, "\n  {name}: {value}");
    }
    words
}
