//! The values of options, each checked where it is read, so that an error names the option.

use std::time::Duration;

use ws_proto_tokio::Uri;

/// The URL as people type it: an address alone is one without TLS, and the schemes of pages are taken for those
/// of WebSocket.
pub(super) fn url(text: &str) -> Result<String, String> {
    let url = match text.split_once("://") {
        Some((scheme, rest)) => {
            let scheme = match &*scheme.to_ascii_lowercase() {
                "ws" | "http" => "ws",
                "wss" | "https" => "wss",
                _ => return Err(SCHEMES.to_owned()),
            };
            format!("{scheme}://{rest}")
        }
        None => match text.strip_prefix(':') {
            Some(port) => format!("ws://localhost:{port}"),
            None if has_other_scheme(text) => return Err(SCHEMES.to_owned()),
            None if text == "localhost" || text.contains([':', '/', '.']) => format!("ws://{text}"),
            None => return Err(format!("there is no such URL: is it ws://{text}/ ?")),
        },
    };
    match Uri::parse(&url) {
        Ok(_) => Ok(url),
        Err(error) if url == text => Err(error.to_string()),
        Err(error) => Err(format!("taken for {url}: {error}")),
    }
}

const SCHEMES: &str = "the scheme has to be ws, wss, http or https";

/// Whether what stands before a colon is no host, since no port comes after it.
fn has_other_scheme(text: &str) -> bool {
    let port = text.split_once(':').map(|(_, rest)| rest);
    !text.starts_with('[')
        && port.is_some_and(|port| !port.starts_with(|c: char| c.is_ascii_digit()))
}

pub(super) fn payload(text: &str) -> Result<String, String> {
    match text.len() {
        0..=125 => Ok(text.to_owned()),
        len => Err(format!("a Ping has room for 125 bytes, these are {len}")),
    }
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

pub(super) fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("there is no colon in it")?;
    let (name, value) = (name.trim(), value.trim());
    if !is_token(name) {
        return Err(format!("{name:?} is not a name of a field"));
    }
    if let Some(hint) = written_by_the_handshake(name) {
        return Err(format!("wsp writes {name} by itself: {hint}"));
    }
    if value.contains(|c: char| c.is_control() && c != '\t') {
        return Err(format!(
            "the value of {name} has control characters, which cannot be sent"
        ));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// For a field that the handshake writes: what to do instead.
fn written_by_the_handshake(name: &str) -> Option<&'static str> {
    const FIELDS: [(&str, &str); 11] = [
        ("Connection", "it cannot be another one"),
        ("Content-Length", "a handshake has no body"),
        ("Host", "the URL says it"),
        ("Origin", "give --origin"),
        ("Sec-WebSocket-Accept", "it answers the key of the request"),
        ("Sec-WebSocket-Extensions", "give --compress"),
        ("Sec-WebSocket-Key", "it is a random one"),
        ("Sec-WebSocket-Protocol", "give --subprotocol"),
        ("Sec-WebSocket-Version", "there is only 13"),
        ("Transfer-Encoding", "a handshake has no body"),
        ("Upgrade", "it cannot be another one"),
    ];
    let mut fields = FIELDS.iter();
    let (_, hint) = fields.find(|(field, _)| field.eq_ignore_ascii_case(name))?;
    Some(hint)
}

/// RFC 9110 5.6.2.
fn is_token(text: &str) -> bool {
    let is_token_byte =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_token_byte)
}

pub(super) fn subprotocol(text: &str) -> Result<String, String> {
    if is_token(text) {
        Ok(text.to_owned())
    } else {
        Err("a subprotocol is one word of ASCII letters, digits and !#$%&'*+-.^_`|~".to_owned())
    }
}

pub(super) fn origin(text: &str) -> Result<String, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err("an origin is a scheme and a host, as in https://example.com".to_owned())
    }
}

pub(super) fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..).unwrap_or_default() {
        "" | "B" => 1_u64,
        "K" | "k" | "KiB" => 1 << 10,
        "M" | "MiB" => 1 << 20,
        "G" | "GiB" => 1 << 30,
        other => return Err(format!("unknown unit {other}: there are K, M and G")),
    };
    let count: u64 = digits.parse().map_err(|_| "not a number".to_owned())?;
    count.checked_mul(unit).ok_or_else(|| "too much".to_owned())
}

/// A port alone is one of this machine's.
pub(super) fn address(text: &str) -> Result<String, String> {
    match text.parse::<u16>() {
        Ok(port) => Ok(format!("127.0.0.1:{port}")),
        Err(_) if text.contains(':') => Ok(text.to_owned()),
        Err(_) => Err("neither a port nor ADDRESS:PORT".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read() {
        assert_eq!(size("512K"), Ok(512 << 10));
        assert_eq!(size("3"), Ok(3));
        assert!(size("3X").is_err() && size("G").is_err() && size("99999999999G").is_err());
        assert_eq!(address("9001").as_deref(), Ok("127.0.0.1:9001"));
        assert_eq!(address("0.0.0.0:1").as_deref(), Ok("0.0.0.0:1"));
        assert!(address("here").is_err());
        assert_eq!(header("A: b:c"), Ok(("A".to_owned(), "b:c".to_owned())));
        assert!(header("A").is_err());
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert!(seconds("-1").is_err() && seconds("x").is_err());
    }

    #[test]
    fn urls_are_completed() {
        for (text, expected) in [
            ("ws://h/a?b", "ws://h/a?b"),
            ("WSS://h", "wss://h"),
            ("https://h/", "wss://h/"),
            ("localhost", "ws://localhost"),
            ("h.example", "ws://h.example"),
            ("h/a", "ws://h/a"),
            ("[::1]:80/", "ws://[::1]:80/"),
            (":80/a", "ws://localhost:80/a"),
        ] {
            assert_eq!(url(text).as_deref(), Ok(expected));
        }
        for text in [
            "",
            "listen",
            "ftp://h/",
            "ws://",
            "ws://h/#a",
            ":x",
            "ws+unix:/tmp/s",
        ] {
            assert!(url(text).is_err(), "{text}");
        }
    }
}
