//! URIs: against a naive recogniser, written and read again, and put together from their parts.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::net::Ipv6Addr;

use arbitrary::{Arbitrary, Unstructured};
use ws_proto::uri::UriRules;
use ws_proto::{Uri, UriError};

/// `bytes` as the text of a URI, and as the choice of the parts of one.
///
/// # Panics
///
/// If a URI is taken that is none, or the other way round, or is read differently.
pub fn check(bytes: &[u8]) {
    if let Ok(text) = core::str::from_utf8(bytes) {
        read(text);
    }
    if let Ok(parts) = Parts::arbitrary(&mut Unstructured::new(bytes)) {
        put_together(&parts);
    }
}

fn read(text: &str) {
    let uri = match Uri::parse(text) {
        Ok(uri) => uri,
        Err(error) => {
            assert!(recognise(text).is_none(), "{text:?} is refused: {error}");
            assert!(error.to_string().is_ascii());
            return;
        }
    };
    let (authority, resource) = recognise(text).unwrap_or_else(|| panic!("{text:?} is none"));
    assert_eq!(Uri::try_from(text), Ok(uri));
    assert!(authority.contains(uri.host()));

    let target = uri.target().to_string();
    assert!(target.starts_with('/') && target.bytes().all(|byte| byte.is_ascii_graphic()));
    assert_eq!(target.contains('?'), !uri.target().query().is_empty());
    let slash = if resource.starts_with('/') { "" } else { "/" };
    assert_eq!(
        target,
        format!(
            "{slash}{}",
            resource
                .strip_suffix('?')
                .filter(|r| !r.contains('?'))
                .unwrap_or(resource)
        )
    );

    let written = uri.to_string();
    let again = Uri::parse(&written).expect("what is written can be read");
    assert_eq!(again, uri);
    assert_eq!(again.to_string(), written);
    assert_eq!(hash(&again), hash(&uri));
    assert_eq!(again.is_secure(), uri.is_secure());
    assert_eq!(again.port(), uri.port());
    assert_eq!(again.host_is_ipv6(), uri.host_is_ipv6());
    let scheme = if uri.is_secure() { "wss" } else { "ws" };
    assert_eq!(written, format!("{scheme}://{}{target}", uri.host_header()));

    // More is allowed by name, and means the same.
    let rules = UriRules::new().http(true).user_info(true);
    assert_eq!(Uri::parse_with(text, rules), Ok(uri));
    let (_, rest) = text.split_once("//").expect("there is a host");
    let other = if uri.is_secure() { "https" } else { "http" };
    for (info, basic) in USER_INFO {
        let same = format!("{scheme}://{info}@{rest}");
        let refused = Uri::parse(&same);
        assert_eq!(refused, Err(UriError::UserInfo));
        assert!(refused.is_err_and(|error| error.to_string().is_ascii()));
        let other = format!("{other}://{info}@{rest}");
        assert_eq!(Uri::parse(&other), Err(UriError::Scheme));
        let other = Uri::parse_with(&other, rules).expect("it is allowed");
        assert_eq!(other, uri);
        let found = other.user_info().expect("it is not empty");
        let text = match found.password() {
            Some(password) => format!("{}:{password}", found.user()),
            None => found.user().to_owned(),
        };
        assert_eq!(text, info);
        let sent = found.basic().ok().map(|sent| sent.to_string());
        assert_eq!(sent.as_deref(), basic);
        assert!(!format!("{found:?}").contains("secret"));
    }
    let none = format!("{scheme}://@{rest}");
    let none = Uri::parse_with(&none, rules).expect("it is allowed");
    assert!(none == uri && none.user_info().is_none());
}

/// User name and password, and what `Authorization` sends.
const USER_INFO: [(&str, Option<&str>); 5] = [
    ("a%40:secret", Some("Basic YUA6c2VjcmV0")),
    ("a", Some("Basic YTo=")),
    (":", Some("Basic Og==")),
    ("a%3a:secret", None),
    ("a%0a", None),
];

/// The zone is a name that this machine has, and only a link-local address has one.
fn add_zone(uri: Uri<'_>, zone: &str) {
    let is_zone = !zone.is_empty()
        && zone
            .chars()
            .all(|c| matches!(c, '!'..='$' | '&'..='~' | 'é'));
    let with = match uri.with_zone(zone) {
        Ok(with) => with,
        Err(error) => {
            assert!(error == UriError::Zone && error.to_string().is_ascii());
            return assert!(!uri.host_is_ipv6() || !is_zone);
        }
    };
    assert!(uri.host_is_ipv6() && is_zone, "{zone:?}");
    assert_eq!((uri.zone(), with.zone()), (None, Some(zone)));
    assert_eq!(uri.connect_host().to_string(), uri.host());
    let host = format!("{}%{zone}", uri.host());
    assert_eq!(with.connect_host().to_string(), host);
    assert_ne!(with, uri);
    assert_eq!(with.to_string(), uri.to_string(), "it stays here");
    let scheme = if uri.is_secure() { "wss" } else { "ws" };
    let inside = format!("{scheme}://[{host}]/");
    let error = Uri::parse(&inside).expect_err("no zone in the text");
    let is_name = zone.chars().all(|c| c.is_ascii_alphanumeric());
    assert!(error == UriError::ZoneInUri || !is_name);
    assert!(error.to_string().is_ascii());
}

fn hash(uri: &Uri<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    uri.hash(&mut hasher);
    hasher.finish()
}

/// Authority and resource of a URI that RFC 6455 3 and RFC 3986 allow, or browsers.
fn recognise(text: &str) -> Option<(&str, &str)> {
    let lower = text.to_ascii_lowercase();
    let skip = ["ws://", "wss://"]
        .into_iter()
        .find(|scheme| lower.starts_with(scheme))?
        .len();
    let rest = &text[skip..];
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, resource) = rest.split_at(end);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (authority, ""),
    };
    let known_host = match host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && consists_of(host, UNRESERVED_AND_SUB_DELIMS),
    };
    let number = port.trim_start_matches('0');
    let known_port = port.is_empty()
        || port.bytes().all(|byte| byte.is_ascii_digit())
            && (1..=5).contains(&number.len())
            && number.parse::<u32>().is_ok_and(|number| number < 65_536);
    let (path, query) = resource.split_once('?').unwrap_or((resource, ""));
    let known = known_host
        && known_port
        && consists_of(path, &format!("{UNRESERVED_AND_SUB_DELIMS}{BROWSERS}:@/"))
        && consists_of(query, &format!("{UNRESERVED_AND_SUB_DELIMS}{BROWSERS}:@/?"));
    known.then_some((authority, resource))
}

/// Of these characters and percent-encodings.
fn consists_of(part: &str, allowed: &str) -> bool {
    let (plain, encoded) = part
        .split_once('%')
        .map_or((part, None), |(p, e)| (p, Some(e)));
    plain.chars().all(|c| allowed.contains(c))
        && encoded.is_none_or(|encoded| {
            encoded.len() >= 2
                && encoded
                    .bytes()
                    .take(2)
                    .all(|digit| digit.is_ascii_hexdigit())
                && consists_of(&encoded[2..], allowed)
        })
}

/// What browsers send as it is.
const BROWSERS: &str = "[]{}|^";

const UNRESERVED_AND_SUB_DELIMS: &str =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=";

/// The parts of a URI.
#[derive(Arbitrary, Debug)]
struct Parts {
    secure: bool,
    upper: bool,
    ipv6: Option<u128>,
    host: [u8; 3],
    port: Option<u16>,
    empty_port: bool,
    path: [u8; 3],
    query: Option<[u8; 3]>,
    zone: [u8; 3],
}

fn put_together(parts: &Parts) {
    let scheme = match (parts.secure, parts.upper) {
        (false, false) => "ws",
        (false, true) => "WS",
        (true, false) => "wss",
        (true, true) => "Wss",
    };
    let host = match parts.ipv6 {
        Some(bits) => Ipv6Addr::from_bits(bits).to_string(),
        None => name(parts.host, "aZ9-.~!=%41"),
    };
    let bracketed = if parts.ipv6.is_some() {
        format!("[{host}]")
    } else {
        host.clone()
    };
    let port = match parts.port {
        Some(port) => format!(":{}", port.max(1)),
        None if parts.empty_port => ":".into(),
        None => String::new(),
    };
    let path = format!("/{}", name(parts.path, "aZ9:@/..%2f;"));
    let query = parts.query.map(|query| name(query, "a=?/%20&:"));
    let question = query
        .as_ref()
        .map_or(String::new(), |query| format!("?{query}"));
    let text = format!("{scheme}://{bracketed}{port}{path}{question}");

    let uri = Uri::parse(&text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    let default = if parts.secure { 443 } else { 80 };
    let port = parts.port.map_or(default, |port| port.max(1));
    assert_eq!(uri.is_secure(), parts.secure);
    assert_eq!(uri.host(), host);
    assert_eq!(uri.host_is_ipv6(), parts.ipv6.is_some());
    assert_eq!(uri.port(), port);
    assert_eq!(uri.target().path(), path);
    assert_eq!(uri.target().query(), query.unwrap_or_default());
    let lower = bracketed.to_ascii_lowercase();
    let in_header = if port == default {
        lower
    } else {
        format!("{lower}:{port}")
    };
    assert_eq!(uri.host_header().to_string(), in_header);
    let [len, zone @ ..] = parts.zone;
    let zone = zone.iter().take(usize::from(len) % 3);
    let zone: String = zone
        .map(|&byte| ZONE[usize::from(byte) % ZONE.len()])
        .collect();
    add_zone(uri, &zone);
    read(&text);
}

const ZONE: [char; 10] = ['e', '0', '.', 'é', '%', ' ', '\u{1}', ']', '@', '/'];

/// Some characters of `alphabet`, at least one; a `%` brings its two digits along.
fn name(choice: [u8; 3], alphabet: &str) -> String {
    choice
        .iter()
        .map(|&byte| {
            let at = usize::from(byte) % alphabet.len();
            match alphabet.rfind('%') {
                Some(percent) if (percent..percent + 3).contains(&at) => {
                    &alphabet[percent..percent + 3]
                }
                _ => &alphabet[at..=at],
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds() {
        crate::support::replay("uri", super::check);
    }
}
