//! Checks a client's request (RFC 6455 4.2.1).

use super::accept::SUBPROTOCOL;
use super::error::HandshakeError;
use super::extensions;
use super::headers::Headers;
use super::key::ClientKey;
use super::parse::RequestHead;
use super::syntax;
use super::target::{Authority, Target};

/// The most subprotocols that a server accepts in an offer. Requests with more are refused with 431.
pub const MAX_SUBPROTOCOLS: usize = 64;

/// The header fields that a request is checked for, collected in one pass over the head.
#[derive(Clone, Copy, Default)]
pub(super) struct RequestFields<'h> {
    host: Single<'h>,
    length: Single<'h>,
    origin: Single<'h>,
    key: Single<'h>,
    version: Single<'h>,
    /// `Upgrade` names `websocket`.
    upgrade: bool,
    /// `Connection` names `upgrade`.
    connection: bool,
    has_transfer_coding: bool,
    has_subprotocols: bool,
    has_extensions: bool,
}

/// A header field that may occur once.
#[derive(Clone, Copy, Default)]
pub(super) enum Single<'h> {
    #[default]
    Missing,
    Once(&'h [u8]),
    Repeated,
}

impl<'h> RequestFields<'h> {
    pub(super) fn of(headers: &Headers<'h>) -> Self {
        let mut fields = Self::default();
        for (name, value) in headers.raw() {
            fields.add(name, value);
        }
        fields
    }

    /// Adds a field. `value` can have whitespace around it.
    #[inline]
    pub(super) fn add(&mut self, name: &[u8], value: &'h [u8]) {
        match name.len() {
            4 if is(name, b"host") => self.host.add(value),
            6 if is(name, b"origin") => self.origin.add(value),
            7 if is(name, b"upgrade") => self.upgrade |= has_token(value, b"websocket"),
            10 if is(name, b"connection") => self.connection |= has_token(value, b"upgrade"),
            14 if is(name, b"content-length") => self.length.add(value),
            17 if is(name, b"sec-websocket-key") => self.key.add(value),
            17 if is(name, b"transfer-encoding") => self.has_transfer_coding = true,
            21 if is(name, b"sec-websocket-version") => self.version.add(value),
            22 if is(name, b"sec-websocket-protocol") => self.has_subprotocols = true,
            24 if is(name, b"sec-websocket-extensions") => self.has_extensions = true,
            _ => {}
        }
    }

    /// Whether the request names `websocket` in `Upgrade`.
    pub(super) const fn asks_for_websocket(&self) -> bool {
        self.upgrade
    }

    /// `Host`, where a request need not have it.
    pub(super) const fn host(&self) -> Single<'h> {
        self.host
    }

    /// Checks the version of the protocol (RFC 6455 4.2.1).
    pub(super) const fn check_version(&self) -> Result<(), HandshakeError> {
        match self.version {
            Single::Once(b"13") => Ok(()),
            Single::Missing | Single::Once(_) => Err(HandshakeError::VersionUnsupported),
            Single::Repeated => Err(HandshakeError::VersionRepeated),
        }
    }
}

impl<'h> Single<'h> {
    pub(super) fn add(&mut self, value: &'h [u8]) {
        *self = match self {
            Self::Missing => Self::Once(syntax::trim_ows(value)),
            Self::Once(_) | Self::Repeated => Self::Repeated,
        };
    }
}

/// Checks a request of HTTP/1.1, WebSocket or not (RFC 9112 3.2).
pub(super) fn http(
    request: &RequestHead<'_>,
    fields: &RequestFields<'_>,
) -> Result<(), HandshakeError> {
    match fields.host {
        Single::Once(host) if Authority::parse(host).is_some() => target(request),
        _ => Err(HandshakeError::HostInvalid),
    }
}

/// Checks a request of HTTP/1.0, where `Host` can be missing but has to be valid.
pub(super) fn old_http(
    request: &RequestHead<'_>,
    fields: &RequestFields<'_>,
) -> Result<(), HandshakeError> {
    match fields.host {
        Single::Missing => target(request),
        _ => http(request, fields),
    }
}

fn target(request: &RequestHead<'_>) -> Result<(), HandshakeError> {
    Target::parse(request.target)
        .map(|_| ())
        .ok_or(HandshakeError::TargetInvalid)
}

/// Checks a request for a WebSocket connection (RFC 6455 4.2.1). Returns its key and its
/// `Origin`.
pub(super) fn upgrade<'h>(
    request: &RequestHead<'_>,
    fields: &RequestFields<'h>,
) -> Result<(ClientKey, Option<&'h [u8]>), HandshakeError> {
    if request.method != b"GET" {
        return Err(HandshakeError::MethodNotGet);
    }
    if !fields.upgrade {
        return Err(HandshakeError::UpgradeInvalid);
    }
    if !fields.connection {
        return Err(HandshakeError::ConnectionInvalid);
    }
    // Before the key: another version may have none.
    fields.check_version()?;
    let key = match fields.key {
        Single::Once(text) => ClientKey::parse(text),
        _ => None,
    };
    let key = key.ok_or(HandshakeError::KeyInvalid)?;
    Ok((key, common(&request.headers, fields)?))
}

/// Checks what a request has whatever carries it: HTTP/1.1, or a stream of HTTP/2 or HTTP/3. Returns its
/// `Origin`.
pub(super) fn common<'h>(
    headers: &Headers<'_>,
    fields: &RequestFields<'h>,
) -> Result<Option<&'h [u8]>, HandshakeError> {
    // The bytes of a body would be read as frames (RFC 9112 6.3). `Expect: 100-continue` announces a
    // body too; without one it needs no answer.
    match fields.length {
        Single::Missing | Single::Once(b"0") if !fields.has_transfer_coding => {}
        _ => return Err(HandshakeError::BodyPresent),
    }
    let origin = match fields.origin {
        Single::Missing => None,
        Single::Once(origin) => Some(origin),
        Single::Repeated => return Err(HandshakeError::OriginRepeated),
    };
    if fields.has_subprotocols {
        subprotocols(headers)?;
    }
    if fields.has_extensions {
        extensions::check(headers)?;
    }
    Ok(origin)
}

/// At least one, all tokens, all different (RFC 6455 4.1, 4.3).
fn subprotocols(headers: &Headers<'_>) -> Result<(), HandshakeError> {
    let mut seen: [&[u8]; MAX_SUBPROTOCOLS] = [&[]; MAX_SUBPROTOCOLS];
    let mut count = 0;
    for subprotocol in headers.list(SUBPROTOCOL) {
        let (seen, free) = seen.split_at_mut(count);
        let Some(place) = free.first_mut() else {
            return Err(HandshakeError::TooManyElements);
        };
        if !syntax::is_token(subprotocol) || seen.contains(&subprotocol) {
            return Err(HandshakeError::SubprotocolInvalid);
        }
        *place = subprotocol;
        count += 1;
    }
    if count == 0 {
        Err(HandshakeError::SubprotocolInvalid)
    } else {
        Ok(())
    }
}

/// Whether a comma list has the element `token`, which is in lower case.
#[inline]
pub(super) fn has_token<const N: usize>(value: &[u8], token: &[u8; N]) -> bool {
    // Most lists have one element.
    is(syntax::trim_ows(value), token) || syntax::list(value).any(|element| is(element, token))
}

/// Whether both are equal without regard to the case of letters. `lower` has no capital letters. It
/// compares without a branch for each byte (rows `handshake/*` of the benchmarks).
#[inline(always)]
pub(super) fn is<const N: usize>(text: &[u8], lower: &[u8; N]) -> bool {
    let Ok(text) = <&[u8; N]>::try_from(text) else {
        return false;
    };
    let mut difference = 0;
    for (byte, lower) in text.iter().zip(lower) {
        let case = if lower.is_ascii_lowercase() { 0x20 } else { 0 };
        difference |= (byte | case) ^ lower;
    }
    difference == 0
}

pub(super) const HOST: &str = "Host";
