//! Heads of handshakes, written and read without the engine.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The nonce in the requests of scripted clients, the one of RFC 6455 1.3.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// The `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` (RFC 6455 4.2.2).
///
/// ```
/// assert_eq!(ws_proto_test::peer::accept_value("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
#[must_use]
pub fn accept_value(key: &str) -> String {
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(sha1_smol::Sha1::from(text).digest().bytes())
}

/// The head of a request or a response, as it came.
///
/// ```
/// use ws_proto_test::peer::Head;
///
/// let bytes = b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n\r\nand a body";
/// let (head, len) = Head::parse(bytes).unwrap();
/// assert_eq!((head.status(), head.field("upgrade")), (Some(426), Some("websocket")));
/// assert_eq!(&bytes[len..], b"and a body");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Head {
    /// The first line.
    pub line: String,
    /// Names and values, in order. What is not UTF-8 is replaced.
    pub fields: Vec<(String, String)>,
}

impl Head {
    /// The head at the front of `bytes`, and how many bytes it has; `None` if its end is not there.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let text = String::from_utf8_lossy(&bytes[..end]);
        let mut lines = text.split("\r\n");
        let line = lines.next().unwrap_or_default().to_owned();
        let fields = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
            .collect();
        Some((Self { line, fields }, end + 4))
    }

    /// The first value of a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let named = |(field, _): &&(String, String)| field.eq_ignore_ascii_case(name);
        let field = self.fields.iter().find(named);
        field.map(|(_, value)| value.as_str())
    }

    /// The status of a response; `None` for a request.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.line.split(' ').nth(1)?.parse().ok()
    }

    /// The `Sec-WebSocket-Accept` that answers a request.
    ///
    /// ```
    /// use ws_proto_test::peer::Head;
    ///
    /// let bytes = b"GET / HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    /// let (request, _) = Head::parse(bytes).unwrap();
    /// assert_eq!(request.accept_value(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    /// ```
    #[must_use]
    pub fn accept_value(&self) -> String {
        accept_value(self.field("Sec-WebSocket-Key").unwrap_or_default())
    }
}

/// A request for `path` with these further fields.
pub(crate) fn request(path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let is_host = |(name, _): &(&str, &str)| name.eq_ignore_ascii_case("Host");
    let mut text = format!("GET {path} HTTP/1.1\r\n");
    if !fields.iter().any(is_host) {
        text.push_str("Host: localhost\r\n");
    }
    text.push_str(&format!(
        "Upgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n"
    ));
    push_fields(&mut text, fields);
    text.into_bytes()
}

/// A 101 for a request, with these further fields.
pub(crate) fn response(request: &Head, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n",
        request.accept_value()
    );
    push_fields(&mut text, fields);
    text.into_bytes()
}

fn push_fields(text: &mut String, fields: &[(&str, &str)]) {
    for (name, value) in fields {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
}
