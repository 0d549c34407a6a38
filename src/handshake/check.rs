//! What a server asks of a request (RFC 6455 4.2.1).

use super::accept::SUBPROTOCOL;
use super::error::HandshakeError;
use super::extensions;
use super::headers::Headers;
use super::key;
use super::parse::Request;
use super::syntax;
use super::target::{Authority, Target};

/// The most subprotocols that a client may offer; more are refused.
pub const MAX_SUBPROTOCOLS: usize = 64;

/// The fields that decide on a request, found in one pass: a head can be long.
#[derive(Clone, Copy, Default)]
pub(super) struct Fields<'h> {
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

/// A field that may stand once.
#[derive(Clone, Copy, Default)]
enum Single<'h> {
    #[default]
    Missing,
    Once(&'h [u8]),
    Repeated,
}

impl<'h> Fields<'h> {
    pub(super) fn of(all: impl Iterator<Item = (&'h [u8], &'h [u8])>) -> Self {
        let mut fields = Self::default();
        for (name, value) in all {
            fields.add(name, syntax::trim_ows(value));
        }
        fields
    }

    fn add(&mut self, name: &[u8], value: &'h [u8]) {
        let is = |candidate: &str| name.eq_ignore_ascii_case(candidate.as_bytes());
        if is(HOST) {
            self.host.add(value);
        } else if is("Upgrade") {
            self.upgrade |= has_token(value, b"websocket");
        } else if is("Connection") {
            self.connection |= has_token(value, b"upgrade");
        } else if is("Origin") {
            self.origin.add(value);
        } else if is("Content-Length") {
            self.length.add(value);
        } else if is("Transfer-Encoding") {
            self.has_transfer_coding = true;
        } else if is(KEY) {
            self.key.add(value);
        } else if is("Sec-WebSocket-Version") {
            self.version.add(value);
        } else if is(SUBPROTOCOL) {
            self.has_subprotocols = true;
        } else if is(extensions::FIELD) {
            self.has_extensions = true;
        }
    }

    /// Whether the request is for a WebSocket connection at all.
    pub(super) const fn asks_for_websocket(&self) -> bool {
        self.upgrade
    }
}

impl<'h> Single<'h> {
    fn add(&mut self, value: &'h [u8]) {
        *self = match self {
            Self::Missing => Self::Once(value),
            Self::Once(_) | Self::Repeated => Self::Repeated,
        };
    }
}

/// What every request of HTTP/1.1 needs, WebSocket or not (RFC 9112 3.2).
pub(super) fn http(request: &Request<'_>, fields: &Fields<'_>) -> Result<(), HandshakeError> {
    match fields.host {
        Single::Once(host) if Authority::parse(host).is_some() => target(request),
        _ => Err(HandshakeError::HostInvalid),
    }
}

/// HTTP/1.0 knows no `Host`, but if there is one it has to be valid.
pub(super) fn old_http(request: &Request<'_>, fields: &Fields<'_>) -> Result<(), HandshakeError> {
    match fields.host {
        Single::Missing => target(request),
        _ => http(request, fields),
    }
}

fn target(request: &Request<'_>) -> Result<(), HandshakeError> {
    Target::parse(request.target)
        .map(|_| ())
        .ok_or(HandshakeError::TargetInvalid)
}

/// The request asks for a WebSocket connection, and as RFC 6455 4.2.1 wants it.
pub(super) fn upgrade(request: &Request<'_>, fields: &Fields<'_>) -> Result<(), HandshakeError> {
    if request.method != "GET" {
        return Err(HandshakeError::MethodNotGet);
    }
    if !fields.upgrade {
        return Err(HandshakeError::UpgradeInvalid);
    }
    if !fields.connection {
        return Err(HandshakeError::ConnectionInvalid);
    }
    // Before the key: another version may have none.
    match fields.version {
        Single::Once(b"13") => {}
        Single::Missing | Single::Once(_) => return Err(HandshakeError::VersionUnsupported),
        Single::Repeated => return Err(HandshakeError::VersionRepeated),
    }
    match fields.key {
        Single::Once(text) if key::is_key(text) => {}
        _ => return Err(HandshakeError::KeyInvalid),
    }
    // A body would stand where the frames are to be (RFC 9112 6.3). `Expect: 100-continue` is
    // about a body too, and without one there is nothing to go on with.
    match fields.length {
        Single::Missing | Single::Once(b"0") if !fields.has_transfer_coding => {}
        _ => return Err(HandshakeError::BodyPresent),
    }
    if let Single::Repeated = fields.origin {
        return Err(HandshakeError::OriginRepeated);
    }
    if fields.has_subprotocols {
        subprotocols(&request.headers)?;
    }
    if fields.has_extensions {
        extensions::check(&request.headers)?;
    }
    Ok(())
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

fn has_token(value: &[u8], token: &[u8]) -> bool {
    syntax::list(value).any(|element| element.eq_ignore_ascii_case(token))
}

pub(super) const HOST: &str = "Host";
pub(super) const KEY: &str = "Sec-WebSocket-Key";
