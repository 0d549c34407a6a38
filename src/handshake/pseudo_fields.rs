//! The pseudo-header fields of a request on a stream of HTTP/2 or HTTP/3.

use super::error::HandshakeError;

/// The pseudo-header fields of a request on a stream of HTTP/2 or HTTP/3 (RFC 9113 8.3.1, RFC 8441 4), as the HTTP
/// stack has read them. `None` is a field that the request does not have.
///
/// [`Upgrade::from_extended_connect`](super::Upgrade::from_extended_connect) checks them. A stack that keeps
/// them in front of the header fields splits that list with [`split`](Self::split). Exhaustive on purpose: a request has
/// no other pseudo-header fields.
///
/// ```
/// use ws_proto::handshake::{PseudoFields, Upgrade};
///
/// let pseudo = PseudoFields {
///     method: Some("CONNECT"),
///     protocol: Some("websocket"),
///     scheme: Some("https"),
///     authority: Some("example.com"),
///     path: Some("/chat"),
/// };
/// let headers: [(&str, &[u8]); 1] = [("sec-websocket-version", b"13")];
/// let upgrade = Upgrade::from_extended_connect(&pseudo, &headers)?;
/// assert_eq!((upgrade.host(), upgrade.target()), ("example.com", "/chat"));
/// # Ok::<(), ws_proto::handshake::HandshakeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PseudoFields<'h> {
    /// `:method`.
    pub method: Option<&'h str>,
    /// `:protocol`.
    pub protocol: Option<&'h str>,
    /// `:scheme`.
    pub scheme: Option<&'h str>,
    /// `:authority`.
    pub authority: Option<&'h str>,
    /// `:path`: path and query.
    pub path: Option<&'h str>,
}

impl<'h> PseudoFields<'h> {
    /// What `:protocol` is for a WebSocket connection (RFC 8441 5).
    pub const WEBSOCKET: &'static str = "websocket";

    /// Takes the pseudo-header fields from the front of a request's fields. Returns them and the header
    /// fields after them.
    ///
    /// ```
    /// use ws_proto::handshake::PseudoFields;
    ///
    /// let fields: [(&str, &[u8]); 3] =
    ///     [(":method", b"CONNECT"), (":protocol", b"websocket"), ("sec-websocket-version", b"13")];
    /// let (pseudo, headers) = PseudoFields::split(&fields)?;
    /// assert_eq!((pseudo.method, pseudo.protocol), (Some("CONNECT"), Some("websocket")));
    /// assert_eq!((pseudo.path, headers.len()), (None, 1));
    /// # Ok::<(), ws_proto::handshake::HandshakeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`HandshakeError::PseudoFieldInvalid`] for a pseudo-header field that is unknown or repeated, or whose
    /// value is not text.
    pub fn split(fields: &'h [(&'h str, &'h [u8])]) -> Result<(Self, Fields<'h>), HandshakeError> {
        let mut pseudo = Self::default();
        let mut rest = fields;
        while let [(name, value), after @ ..] = rest {
            if !name.starts_with(':') {
                break;
            }
            let place = match *name {
                ":authority" => &mut pseudo.authority,
                ":method" => &mut pseudo.method,
                ":path" => &mut pseudo.path,
                ":protocol" => &mut pseudo.protocol,
                ":scheme" => &mut pseudo.scheme,
                _ => return Err(HandshakeError::PseudoFieldInvalid),
            };
            match core::str::from_utf8(value) {
                Ok(value) if place.is_none() => *place = Some(value),
                _ => return Err(HandshakeError::PseudoFieldInvalid),
            }
            rest = after;
        }
        Ok((pseudo, rest))
    }
}

type Fields<'h> = &'h [(&'h str, &'h [u8])];
