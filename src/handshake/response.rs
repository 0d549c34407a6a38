//! HTTP responses other than 101.

use core::fmt;

use super::error::{HandshakeError, HeadError};
use super::headers::Headers;
use super::origin_fault::OriginFault;
use super::syntax;
use super::write::{self, Writer};
use crate::buf::Output;

/// The most bytes of a refusal that [`ServerHandshake::receive`](super::ServerHandshake::receive)
/// writes.
///
/// While its output has less room than this, it reads nothing and returns
/// [`RequestError::OutputFull`](super::RequestError::OutputFull).
pub const MAX_REFUSAL: usize = 256;

/// An HTTP response other than 101 that a server sends: a refusal, a redirect, or the answer to a
/// plain request.
///
/// `Connection: close` and `Content-Length` are added, and with status 426 `Upgrade` and
/// `Sec-WebSocket-Version` (RFC 6455 4.4). The transport is closed after it.
///
/// ```
/// use ws_proto::handshake::PlainResponse;
///
/// let response = PlainResponse::new(401)
///     .headers(&[("WWW-Authenticate", b"Basic realm=\"chat\"")])
///     .body(b"who are you?");
/// assert_eq!((response.get_status(), response.get_body()), (401, &b"who are you?"[..]));
/// ```
#[derive(Clone, Copy)]
pub struct PlainResponse<'r> {
    status: u16,
    reason: Option<&'r str>,
    headers: &'r [(&'r str, &'r [u8])],
    body: &'r [u8],
}

impl<'r> PlainResponse<'r> {
    /// An empty response with that status and its usual reason phrase.
    #[must_use]
    pub const fn new(status: u16) -> Self {
        Self {
            status,
            reason: None,
            headers: &[],
            body: &[],
        }
    }

    /// A response with a text for a person, as `text/plain` in UTF-8.
    ///
    /// ```
    /// use ws_proto::handshake::PlainResponse;
    ///
    /// let response = PlainResponse::text(404, "There is no such room.\n");
    /// assert_eq!(response.get_headers(), [("Content-Type", &b"text/plain; charset=utf-8"[..])]);
    /// ```
    #[must_use]
    pub const fn text(status: u16, text: &'r str) -> Self {
        Self::new(status)
            .headers(&[PLAIN_TEXT])
            .body(text.as_bytes())
    }

    /// The refusal of a request that is not for a WebSocket connection, for a server that answers some
    /// of these: 426, with the text that [`ServerHandshake::receive`](super::ServerHandshake::receive) gives
    /// it.
    ///
    /// ```
    /// use ws_proto::handshake::PlainResponse;
    ///
    /// assert_eq!(PlainResponse::upgrade_required().get_status(), 426);
    /// ```
    #[must_use]
    pub const fn upgrade_required() -> Self {
        Self::text(426, HandshakeError::UpgradeInvalid.body())
    }

    /// Sets another reason phrase: visible ASCII, SP and HTAB.
    ///
    /// ```
    /// use ws_proto::handshake::PlainResponse;
    ///
    /// let response = PlainResponse::new(503).reason("Closing Time").headers(&[("Retry-After", b"60")]);
    /// # let _ = response;
    /// ```
    #[must_use]
    pub const fn reason(self, reason: &'r str) -> Self {
        Self {
            reason: Some(reason),
            ..self
        }
    }

    /// Sets header fields, such as `Content-Type`, `Location` or `Retry-After`.
    #[must_use]
    pub const fn headers(self, headers: &'r [(&'r str, &'r [u8])]) -> Self {
        Self { headers, ..self }
    }

    /// Sets the body.
    #[must_use]
    pub const fn body(self, body: &'r [u8]) -> Self {
        Self { body, ..self }
    }

    /// The status.
    #[must_use]
    pub const fn get_status(&self) -> u16 {
        self.status
    }

    /// The header fields that have been set. On a stream of HTTP/2 or HTTP/3, send their names in lower case.
    ///
    /// ```
    /// use ws_proto::handshake::OriginFault;
    ///
    /// // To write the refusal with another HTTP server.
    /// let refusal = OriginFault::OtherHost.response();
    /// assert_eq!(refusal.get_status(), 403);
    /// assert_eq!(refusal.get_headers(), [("Content-Type", &b"text/plain; charset=utf-8"[..])]);
    /// assert!(refusal.get_body().starts_with(b"This server accepts pages of its own site only"));
    /// ```
    #[must_use]
    pub const fn get_headers(&self) -> &'r [(&'r str, &'r [u8])] {
        self.headers
    }

    /// The body.
    #[must_use]
    pub const fn get_body(&self) -> &'r [u8] {
        self.body
    }

    /// Writes all of the response, or nothing. `least` is the lowest status that is allowed. The
    /// response to a HEAD request has no body (RFC 9110 9.3.2).
    pub(super) fn write<O: Output + ?Sized>(
        &self,
        least: u16,
        to_head: bool,
        out: &mut O,
    ) -> Result<(), HeadError> {
        if !(least..600).contains(&self.status) {
            return Err(HeadError::StatusInvalid);
        }
        if matches!(self.status, 204 | 304) && !self.body.is_empty() {
            return Err(HeadError::BodyNotAllowed);
        }
        let reason = self.reason.unwrap_or(reason_of(self.status));
        if !reason
            .bytes()
            .all(|byte| byte.is_ascii() && syntax::is_text(byte))
        {
            return Err(HeadError::ReasonInvalid);
        }
        write::check_fields(self.headers)?;
        write::write(out, |out| {
            status_line(out, self.status, reason);
            if self.status == 426 {
                for (name, value) in HandshakeError::VersionUnsupported.fields() {
                    out.field(name, value);
                }
            } else {
                out.field("Connection", "close");
            }
            // RFC 9110 8.6: no length with 204; with 304 it would be that of another response.
            if !matches!(self.status, 204 | 304) {
                out.display_field("Content-Length", self.body.len());
            }
            out.fields(self.headers);
            out.put("\r\n");
            if !to_head {
                out.put(self.body);
            }
        })
    }
}

impl OriginFault {
    /// The response to refuse with: 403 (RFC 6455 4.2.2), with a text for the user of the browser and
    /// for the operator of the server. It has nothing that the client has sent.
    ///
    /// ```
    /// use ws_proto::handshake::OriginFault;
    ///
    /// let response = OriginFault::NotListed.response();
    /// assert_eq!(response.get_status(), 403);
    /// ```
    #[must_use]
    pub const fn response(self) -> PlainResponse<'static> {
        PlainResponse::text(403, self.body())
    }
}

/// Writes no values of header fields, nor the body: they can be secrets.
impl fmt::Debug for PlainResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlainResponse")
            .field("status", &self.status)
            .field("reason", &self.reason)
            .field("headers", &Headers::from_slice(self.headers))
            .finish_non_exhaustive()
    }
}

/// Writes the refusal that belongs to `error`, if there is one and it fits.
pub(super) fn refuse<O: Output + ?Sized>(
    error: HandshakeError,
    to_head: bool,
    out: &mut O,
) -> Result<(), HeadError> {
    let Some(status) = error.status() else {
        return Ok(());
    };
    let text = error.body();
    write::write(out, |out| {
        status_line(out, status, reason_of(status));
        if status != 426 {
            out.field("Connection", "close");
        }
        for (name, value) in error.fields() {
            out.field(name, value);
        }
        out.fields(&[PLAIN_TEXT]);
        out.display_field("Content-Length", text.len().saturating_add(1));
        out.put("\r\n");
        if !to_head {
            out.put(text);
            out.put("\n");
        }
    })
}

/// The type of texts for people.
const PLAIN_TEXT: (&str, &[u8]) = ("Content-Type", b"text/plain; charset=utf-8");

pub(super) fn status_line(out: &mut Writer<'_>, status: u16, reason: &str) {
    out.put("HTTP/1.1 ");
    out.display(status);
    out.put(" ");
    out.put(reason);
    out.put("\r\n");
}

/// The usual reason phrase; empty for a status that is not listed (RFC 9112 4).
const fn reason_of(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        413 => "Content Too Large",
        417 => "Expectation Failed",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}
