//! Checks heads that came on a stream of HTTP/2 or HTTP/3 (RFC 8441, RFC 9220).

use super::error::HandshakeError;
use super::headers::Headers;
use super::pseudo_fields::PseudoFields;
use super::request_check::{self, RequestFields, Single};
use super::syntax;
use super::target::{Authority, Target};

/// What an Extended CONNECT asks for.
pub(super) struct Asked<'h> {
    pub(super) scheme: &'h str,
    pub(super) authority: &'h str,
    pub(super) path: &'h str,
    pub(super) origin: Option<&'h [u8]>,
}

/// Checks a request for a WebSocket connection on a stream (RFC 8441 4, 5).
pub(super) fn request<'h>(
    pseudo: &PseudoFields<'h>,
    headers: &Headers<'h>,
) -> Result<Asked<'h>, HandshakeError> {
    if pseudo.method != Some("CONNECT") {
        return Err(HandshakeError::MethodNotConnect);
    }
    match pseudo.protocol {
        // Upgrade tokens are compared without regard to case (RFC 9110 7.8).
        Some(protocol) if protocol.eq_ignore_ascii_case(PseudoFields::WEBSOCKET) => {}
        Some(protocol) if syntax::is_token(protocol.as_bytes()) => {
            return Err(HandshakeError::ProtocolUnsupported);
        }
        _ => return Err(HandshakeError::ProtocolInvalid),
    }
    let scheme = pseudo.scheme.unwrap_or_default();
    let default_port = match scheme {
        _ if scheme.eq_ignore_ascii_case("https") => 443,
        _ if scheme.eq_ignore_ascii_case("http") => 80,
        _ => return Err(HandshakeError::SchemeInvalid),
    };
    let authority = pseudo.authority.unwrap_or_default();
    let Some(named) = Authority::parse(authority.as_bytes()) else {
        return Err(HandshakeError::AuthorityInvalid);
    };
    let path = pseudo.path.unwrap_or_default();
    if !path.starts_with('/') || Target::parse(path.as_bytes()).is_none() {
        return Err(HandshakeError::TargetInvalid);
    }
    fields(headers)?;
    let found = RequestFields::of(headers);
    match found.host() {
        Single::Missing => {}
        Single::Once(host) => {
            let host = Authority::parse(host).ok_or(HandshakeError::HostInvalid)?;
            if !named.matches(&host, Some(default_port)) {
                return Err(HandshakeError::HostMismatch);
            }
        }
        Single::Repeated => return Err(HandshakeError::HostInvalid),
    }
    found.check_version().map_err(|error| match error {
        HandshakeError::VersionUnsupported => HandshakeError::ConnectVersionUnsupported,
        error => error,
    })?;
    Ok(Asked {
        scheme,
        authority,
        path,
        origin: request_check::common(headers, &found)?,
    })
}

/// Checks for fields that make a message on a stream malformed: those of a connection, and pseudo-header
/// fields, which stand in front of all others.
pub(super) fn fields(headers: &Headers<'_>) -> Result<(), HandshakeError> {
    for (name, value) in headers {
        if name.starts_with(':') {
            return Err(HandshakeError::PseudoFieldInvalid);
        }
        if syntax::is_connection_field(name, value) {
            return Err(HandshakeError::ConnectionField);
        }
    }
    Ok(())
}
