//! The values of options, each checked where it is read, so that an error names the option.

use std::path::PathBuf;
use std::time::Duration;

use ws_proto_tokio::Uri;

/// A name, and a port if it is not the one of the scheme: what can stand in a URL.
pub(super) fn host(text: &str) -> Result<String, String> {
    if text.contains(['/', '?', '#', '@']) {
        return Err("it has to be NAME or NAME:PORT, without the rest of a URL".to_owned());
    }
    match Uri::parse(&format!("ws://{text}/")) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) fn payload(text: &str) -> Result<String, String> {
    match text.len() {
        0..=125 => Ok(text.to_owned()),
        len => Err(format!("a Ping has room for 125 bytes, these are {len}")),
    }
}

/// How many attempts to connect there may be after one that has failed; `None` is as many as it takes.
pub(crate) type Attempts = Option<u32>;

pub(super) fn attempts(text: &str) -> Result<Attempts, String> {
    match text {
        EVER => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|_| "not a number".to_owned()),
    }
}

/// No limit to [`Attempts`].
pub(super) const EVER: &str = "ever";

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().map(Duration::try_from_secs_f64);
    match seconds {
        Some(Ok(seconds)) => Ok(seconds),
        _ => Err("not a number of seconds, as in 10 or 0.5".to_owned()),
    }
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
        (
            "Host",
            "the URL says it, or --host NAME; --connect-to HOST:PORT is where to connect",
        ),
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

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Tcp(String),
    Unix(PathBuf),
}

/// A port alone, or after a colon, is one of this machine's; text with a slash is a path.
pub(super) fn address(text: &str) -> Result<Address, String> {
    match text.strip_prefix(':').unwrap_or(text).parse::<u16>() {
        Ok(port) => Ok(Address::Tcp(format!("127.0.0.1:{port}"))),
        Err(_) if text.contains('/') && cfg!(unix) => Ok(Address::Unix(text.into())),
        Err(_) if text.contains(':') && !text.contains('/') => Ok(Address::Tcp(text.to_owned())),
        Err(_) => Err("neither a port, nor ADDRESS:PORT, nor a path such as ./x.sock".to_owned()),
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
        let tcp = |address: &str| Ok(Address::Tcp(address.to_owned()));
        assert_eq!(address("9001"), tcp("127.0.0.1:9001"));
        assert_eq!(address(":9001"), tcp("127.0.0.1:9001"));
        assert_eq!(address("0.0.0.0:1"), tcp("0.0.0.0:1"));
        #[cfg(unix)]
        assert_eq!(address("./s:1"), Ok(Address::Unix("./s:1".into())));
        assert!(address("here").is_err());
        assert_eq!(header("A: b:c"), Ok(("A".to_owned(), "b:c".to_owned())));
        assert!(header("A").is_err());
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert!(seconds("-1").is_err() && seconds("x").is_err());
    }
}
