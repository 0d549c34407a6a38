//! Hosts and request targets (RFC 9112 3.2).

use core::net::Ipv6Addr;

use super::{scan, syntax};

/// `host[:port]`, as in `Host`, in an absolute URI and in an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Authority<'a> {
    pub(super) host: &'a [u8],
    pub(super) port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// `None` if it is invalid. User information is not allowed; an empty port counts as no port.
    pub(super) fn parse(text: &'a [u8]) -> Option<Self> {
        let (host, port) = if text.starts_with(b"[") {
            let end = text.iter().position(|&byte| byte == b']')?;
            let (host, port) = text.split_at_checked(end.saturating_add(1))?;
            let inner = host.get(1..end)?;
            if inner.is_empty() || !inner.iter().all(|&byte| is_ip_literal(byte)) {
                return None;
            }
            (host, port)
        } else {
            let end = scan::find(text, b':').unwrap_or(text.len());
            let (host, port) = text.split_at_checked(end)?;
            if !is_reg_name(host) {
                return None;
            }
            (host, port)
        };
        let port = match port {
            [] | [b':'] => None,
            [b':', digits @ ..] => Some(parse_port(digits)?),
            _ => return None,
        };
        Some(Self { host, port })
    }

    /// Whether host and port are the same. A missing port means `default`.
    pub(super) fn matches(&self, other: &Authority<'_>, default: Option<u16>) -> bool {
        let same_host = self.host.eq_ignore_ascii_case(other.host)
            || matches!((self.ipv6(), other.ipv6()), (Some(one), Some(other)) if one == other);
        same_host && self.port.or(default) == other.port.or(default)
    }

    /// The IPv6 address in brackets: one address has several texts.
    pub(super) fn ipv6(&self) -> Option<Ipv6Addr> {
        let address = self.host.strip_prefix(b"[")?.strip_suffix(b"]")?;
        syntax::ascii(address).parse().ok()
    }
}

/// A request target in origin form or in absolute form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'h> {
    /// Of a target in absolute form.
    pub(super) authority: Option<&'h [u8]>,
    /// Path and query.
    pub(super) path: &'h [u8],
}

impl<'h> Target<'h> {
    /// `None` if it is of another form, has a fragment, or is not visible ASCII.
    pub(super) fn parse(raw: &'h [u8]) -> Option<Self> {
        if !syntax::is_visible(raw) || scan::find(raw, b'#').is_some() {
            return None;
        }
        Self::split(raw)
    }

    /// As [`parse`](Self::parse), for a target that it has accepted before.
    pub(super) fn split(raw: &'h [u8]) -> Option<Self> {
        if raw.starts_with(b"/") {
            return Some(Self {
                authority: None,
                path: raw,
            });
        }
        let (scheme, rest) = raw.split_at_checked(scan::find(raw, b':')?)?;
        let rest = rest.strip_prefix(b"://")?;
        if !SCHEMES
            .iter()
            .any(|known| known.eq_ignore_ascii_case(scheme))
        {
            return None;
        }
        let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?'));
        let (authority, path) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        Authority::parse(authority)?;
        Some(Self {
            authority: Some(authority),
            path: if path.is_empty() { b"/" } else { path },
        })
    }
}

/// A registered name or an IPv4 address (RFC 3986 3.2.2).
fn is_reg_name(host: &[u8]) -> bool {
    let other = |byte: &u8| !syntax::is_name_char(*byte);
    let plain = host.iter().position(other).unwrap_or(host.len());
    let mut rest = host.get(plain..).unwrap_or_default();
    loop {
        rest = match rest {
            [] => return !host.is_empty(),
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest
            }
            [byte, rest @ ..] if syntax::is_name_char(*byte) => rest,
            _ => return false,
        }
    }
}

fn is_ip_literal(byte: u8) -> bool {
    byte == b':' || syntax::is_name_char(byte)
}

fn parse_port(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0_u16, |port, digit| match digit {
        b'0'..=b'9' => port.checked_mul(10)?.checked_add(u16::from(digit - b'0')),
        _ => None,
    })
}

const SCHEMES: [&[u8]; 4] = [b"http", b"https", b"ws", b"wss"];
