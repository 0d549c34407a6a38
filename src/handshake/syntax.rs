//! The rules of HTTP's grammar that handshakes share, on bytes.

/// A character of a token (RFC 9110 5.6.2).
#[inline]
pub(super) fn is_tchar(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & TCHAR != 0
}

/// A character of a registered name or an IPv4 address, but for `%`: unreserved characters and
/// sub-delimiters (RFC 3986 2, 3.2.2).
#[inline]
pub(super) fn is_name_char(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & NAME_CHAR != 0
}

/// Whether this is a token, thus not empty (RFC 9110 5.6.2).
pub(super) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is_tchar(byte))
}

/// Optional whitespace is SP and HTAB, nothing else (RFC 9110 5.6.3).
pub(super) const fn is_ows(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// `bytes` without whitespace at both ends.
pub(super) const fn trim_ows(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes {
        if !is_ows(*first) {
            break;
        }
        bytes = rest;
    }
    while let [rest @ .., last] = bytes {
        if !is_ows(*last) {
            break;
        }
        bytes = rest;
    }
    bytes
}

/// A byte that is allowed in a field value: no control but HTAB (RFC 9110 5.5).
pub(super) const fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | 0x20..=0x7e | 0x80..)
}

/// Whether a receiver reads exactly these bytes as a field value (RFC 9110 5.5): only allowed
/// bytes, and no whitespace at the ends.
pub(super) fn is_field_value(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| is_text(byte)) && trim_ows(bytes).len() == bytes.len()
}

/// Whether all bytes are visible ASCII.
pub(super) fn is_visible(bytes: &[u8]) -> bool {
    // Without a branch for each byte (rows `handshake/*` of the benchmarks).
    let fold = |all, byte: &u8| all & byte.is_ascii_graphic();
    bytes.iter().fold(true, fold)
}

/// The elements of a comma list without quotes; empty ones are skipped (RFC 9110 5.6.1.2).
pub(super) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    value
        .split(|&byte| byte == b',')
        .map(trim_ows)
        .filter(|element| !element.is_empty())
}

/// Text of bytes that have been checked to be ASCII. Other bytes would give an empty text.
pub(super) const fn ascii(bytes: &[u8]) -> &str {
    match core::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => "",
    }
}

/// Whether the handshake writes this field itself, or the field would change where a message ends.
pub(super) fn is_reserved_name(name: &str) -> bool {
    RESERVED
        .iter()
        .any(|reserved| reserved.eq_ignore_ascii_case(name))
}

const RESERVED: [&str; 11] = [
    "Connection",
    "Content-Length",
    "Host",
    "Origin",
    "Sec-WebSocket-Accept",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Version",
    "Transfer-Encoding",
    "Upgrade",
];

/// Whether this field is for a connection of HTTP/1.1. A message on a stream of HTTP/2 or HTTP/3 that has one is
/// malformed (RFC 9113 8.2.2, RFC 9114 4.2).
pub(super) fn is_connection_field(name: &str, value: &[u8]) -> bool {
    let is = |field: &&str| field.eq_ignore_ascii_case(name);
    CONNECTION_FIELDS.iter().any(is)
        || is(&"TE") && !trim_ows(value).eq_ignore_ascii_case(b"trailers")
}

const CONNECTION_FIELDS: [&str; 5] = [
    "Connection",
    "Keep-Alive",
    "Proxy-Connection",
    "Transfer-Encoding",
    "Upgrade",
];

const TCHAR: u8 = 1;
const NAME_CHAR: u8 = 2;

/// The classes of each byte.
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        classes[byte as usize] = match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => TCHAR | NAME_CHAR,
            b'!' | b'$' | b'&' | b'\'' | b'*' => TCHAR | NAME_CHAR,
            b'+' | b'-' | b'.' | b'_' | b'~' => TCHAR | NAME_CHAR,
            b'#' | b'%' | b'^' | b'`' | b'|' => TCHAR,
            b'(' | b')' | b',' | b';' | b'=' => NAME_CHAR,
            _ => 0,
        };
        byte += 1;
    }
    classes
};
