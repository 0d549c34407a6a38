//! Errors of handshakes: of the peer, and of the caller.

use core::error::Error;
use core::fmt;

use super::origin_fault::OriginFault;
use crate::uri::BasicAuthError;

/// The handshake has failed: the peer broke a rule or exceeded a limit, or the server refused.
///
/// A server has put a complete HTTP response with [`status`](Self::status) into the output. A
/// client writes nothing, not even a Close frame: there is no WebSocket connection yet.
///
/// ```
/// use ws_proto::Input;
/// use ws_proto::handshake::{HandshakeError, Limits, RequestError, ServerHandshake};
///
/// let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
/// let mut out = Vec::new();
/// let mut request = *b"POST /chat HTTP/1.1\r\nHost: example.com\r\n\r\n";
/// let result = handshake.receive(&mut Input::new(&mut request), &mut out);
/// let Err(RequestError::Failed(error)) = result else { panic!("POST opens no connection") };
/// assert_eq!(error, HandshakeError::MethodNotGet);
/// assert_eq!(error.status(), Some(405));
/// assert!(out.starts_with(b"HTTP/1.1 405 Method Not Allowed\r\n"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HandshakeError {
    /// A client: `Sec-WebSocket-Accept` is missing, repeated, or not the one for our key.
    AcceptInvalid,
    /// `:authority` of an Extended CONNECT is missing, or not `host[:port]`.
    AuthorityInvalid,
    /// A CR that is not followed by LF.
    BareCr,
    /// An LF that does not follow a CR.
    BareLf,
    /// A request announces a body, whose bytes would be read as frames.
    BodyPresent,
    /// On a stream of HTTP/2 or HTTP/3, a field that is for a connection of HTTP/1.1: `Connection`, `Upgrade`,
    /// `Keep-Alive`, `Proxy-Connection`, `Transfer-Encoding`, or a `TE` other than `trailers`.
    ConnectionField,
    /// `Connection` does not name `upgrade`. Some proxies drop it: they have to be set up to pass on
    /// `Upgrade` and `Connection`.
    ConnectionInvalid,
    /// `Sec-WebSocket-Version` of an Extended CONNECT is missing or not 13. The status is 400: 426 needs the field
    /// `Upgrade` (RFC 9110 15.5.22), which HTTP/2 and HTTP/3 do not have.
    ConnectVersionUnsupported,
    /// A control character, such as NUL.
    ControlCharacter,
    /// A client: an extension that it did not offer.
    ExtensionNotOffered,
    /// A client: an extension without a parameter that the offer demands
    /// ([`AnswerFault::Missing`](super::AnswerFault::Missing)).
    ///
    /// A bare `permessage-deflate` answers `server_no_context_takeover` in Tornado and Mojolicious, and
    /// `server_max_window_bits` in gorilla/websocket too. RFC 7692 7.1 wants the parameter in the answer:
    /// offer without it to use compression with such a server.
    ExtensionParamMissing,
    /// A client: an extension with a parameter that was not offered, that is unknown or repeated
    /// ([`AnswerFault::NotOffered`](super::AnswerFault::NotOffered)).
    ExtensionParamNotOffered,
    /// A client: an extension with a parameter whose value is out of range, or larger than offered
    /// ([`AnswerFault::OutOfRange`](super::AnswerFault::OutOfRange)).
    ExtensionParamOutOfRange,
    /// A client: an extension twice, or two that use the same reserved bit.
    ExtensionRepeated,
    /// `Sec-WebSocket-Extensions` does not follow its grammar.
    ExtensionsInvalid,
    /// The head is longer than [`Limits::head_bytes`](super::Limits::head_bytes), or than the
    /// storage.
    HeadTooLarge,
    /// A line that is not a header field.
    HeaderInvalid,
    /// `Host` is missing, repeated, or invalid.
    HostInvalid,
    /// `Host` of an Extended CONNECT names another host or port than `:authority`.
    HostMismatch,
    /// An HTTP version other than 1.1.
    HttpVersion,
    /// `Sec-WebSocket-Key` is missing, repeated, or not 16 bytes in base64.
    KeyInvalid,
    /// A request has a line that continues on the next one (RFC 9112 5.2).
    LineFolded,
    /// The method of a request on a stream of HTTP/2 or HTTP/3 is not CONNECT.
    MethodNotConnect,
    /// The method is not GET.
    MethodNotGet,
    /// The received bytes do not start like HTTP.
    NotHttp,
    /// The transport ended before the first byte of the head: a health check or a port scan of a
    /// server, a server that closes at once. Nothing is wrong with the handshake.
    NothingReceived,
    /// More than one `Origin`.
    OriginRepeated,
    /// `:protocol` is missing, or not a token: a CONNECT without it asks for a tunnel.
    ProtocolInvalid,
    /// `:protocol` names another protocol than `websocket`.
    ProtocolUnsupported,
    /// A pseudo-header field that is unknown, repeated, not text, or after a header field.
    PseudoFieldInvalid,
    /// A client: the server answered with a status other than 101, or on a stream of HTTP/2 or HTTP/3 with one
    /// other than 2xx; or a proxy with one other than 2xx.
    ///
    /// [`ClientHandshake::refusal`](super::ClientHandshake::refusal),
    /// [`ClientConnect::refusal`](super::ClientConnect::refusal) or
    /// [`ProxyHandshake::refusal`](super::proxy::ProxyHandshake::refusal) has the response.
    Refused {
        /// The status code.
        status: u16,
    },
    /// `:scheme` of an Extended CONNECT is missing, or neither `https` nor `http`.
    SchemeInvalid,
    /// The request line or the status line does not follow its grammar.
    StartLineInvalid,
    /// A client: the status on a stream of HTTP/2 or HTTP/3 is 101 or no status at all, or a body came before it.
    StatusInvalid,
    /// `Sec-WebSocket-Protocol` does not follow its grammar, or names a subprotocol twice.
    SubprotocolInvalid,
    /// A client: no subprotocol, though [one is required].
    ///
    /// [one is required]: super::ClientRequest::require_subprotocol
    SubprotocolMissing,
    /// A client: a subprotocol that it did not offer.
    SubprotocolNotOffered,
    /// The request target is neither a path nor an absolute URI, or has characters that have to be
    /// percent-encoded. On a stream of HTTP/2 or HTTP/3: `:path` is missing or not a path.
    TargetInvalid,
    /// The handshake was not finished within [`Limits::time`](super::Limits::time).
    TimedOut,
    /// More subprotocols, extensions or parameters than [`MAX_SUBPROTOCOLS`], [`MAX_EXTENSIONS`] or
    /// [`MAX_EXTENSION_PARAMS`].
    ///
    /// [`MAX_SUBPROTOCOLS`]: super::MAX_SUBPROTOCOLS
    /// [`MAX_EXTENSIONS`]: super::MAX_EXTENSIONS
    /// [`MAX_EXTENSION_PARAMS`]: super::MAX_EXTENSION_PARAMS
    TooManyElements,
    /// A client: more 1xx responses than
    /// [`Limits::informational`](super::Limits::informational).
    TooManyInformational,
    /// The head has more lines than [`Limits::lines`](super::Limits::lines).
    TooManyLines,
    /// The transport ended inside a head; see [`NothingReceived`](Self::NothingReceived).
    UnexpectedEof,
    /// `Upgrade` does not name `websocket`.
    UpgradeInvalid,
    /// `Sec-WebSocket-Version` more than once.
    VersionRepeated,
    /// `Sec-WebSocket-Version` is missing or not 13.
    VersionUnsupported,
}

impl HandshakeError {
    /// The HTTP status of a server's refusal; for [`Refused`](Self::Refused) the status that the
    /// client received. `None` for other errors of clients, and for the end of the transport.
    #[must_use]
    pub const fn status(self) -> Option<u16> {
        Some(match self {
            Self::AuthorityInvalid
            | Self::BareCr
            | Self::BareLf
            | Self::BodyPresent
            | Self::ConnectVersionUnsupported
            | Self::ConnectionField
            | Self::ConnectionInvalid
            | Self::ControlCharacter
            | Self::ExtensionsInvalid
            | Self::HeaderInvalid
            | Self::HostInvalid
            | Self::HostMismatch
            | Self::KeyInvalid
            | Self::LineFolded
            | Self::NotHttp
            | Self::OriginRepeated
            | Self::ProtocolInvalid
            | Self::PseudoFieldInvalid
            | Self::SchemeInvalid
            | Self::StartLineInvalid
            | Self::SubprotocolInvalid
            | Self::TargetInvalid
            | Self::VersionRepeated => 400,
            Self::MethodNotConnect | Self::MethodNotGet => 405,
            Self::TimedOut => 408,
            Self::UpgradeInvalid | Self::VersionUnsupported => 426,
            Self::HeadTooLarge | Self::TooManyElements | Self::TooManyLines => 431,
            Self::ProtocolUnsupported => 501,
            Self::HttpVersion => 505,
            Self::Refused { status } => status,
            Self::AcceptInvalid
            | Self::ExtensionNotOffered
            | Self::ExtensionParamMissing
            | Self::ExtensionParamNotOffered
            | Self::ExtensionParamOutOfRange
            | Self::ExtensionRepeated
            | Self::NothingReceived
            | Self::StatusInvalid
            | Self::SubprotocolMissing
            | Self::SubprotocolNotOffered
            | Self::TooManyInformational
            | Self::UnexpectedEof => return None,
        })
    }

    /// The section that the peer violated, or that recommends the limit.
    #[must_use]
    pub const fn section(self) -> &'static str {
        match self {
            Self::AcceptInvalid
            | Self::ExtensionNotOffered
            | Self::NothingReceived
            | Self::Refused { .. }
            | Self::SubprotocolMissing
            | Self::SubprotocolNotOffered
            | Self::UnexpectedEof => "RFC 6455 4.1",
            Self::ConnectionInvalid
            | Self::HttpVersion
            | Self::MethodNotGet
            | Self::UpgradeInvalid => "RFC 6455 4.2.1",
            Self::ConnectVersionUnsupported | Self::VersionUnsupported => "RFC 6455 4.4",
            Self::ExtensionParamMissing
            | Self::ExtensionParamNotOffered
            | Self::ExtensionParamOutOfRange
            | Self::ExtensionRepeated
            | Self::ExtensionsInvalid => "RFC 6455 9.1",
            Self::HeadTooLarge | Self::TimedOut | Self::TooManyElements | Self::TooManyLines => {
                "RFC 6455 10.4"
            }
            Self::KeyInvalid => "RFC 6455 11.3.1",
            Self::SubprotocolInvalid => "RFC 6455 11.3.4",
            Self::VersionRepeated => "RFC 6455 11.3.5",
            Self::OriginRepeated => "RFC 6454 7.3",
            Self::MethodNotConnect | Self::ProtocolInvalid => "RFC 8441 4",
            Self::AuthorityInvalid | Self::SchemeInvalid => "RFC 8441 5",
            Self::ProtocolUnsupported => "RFC 9220 3",
            Self::ControlCharacter => "RFC 9110 5.5",
            Self::TooManyInformational => "RFC 9110 15.2",
            Self::BareCr | Self::BareLf | Self::NotHttp => "RFC 9112 2.2",
            Self::StartLineInvalid => "RFC 9112 3",
            Self::HostInvalid | Self::TargetInvalid => "RFC 9112 3.2",
            Self::HeaderInvalid => "RFC 9112 5.1",
            Self::LineFolded => "RFC 9112 5.2",
            Self::BodyPresent => "RFC 9112 6.3",
            Self::ConnectionField => "RFC 9113 8.2.2",
            Self::PseudoFieldInvalid => "RFC 9113 8.3",
            Self::HostMismatch => "RFC 9113 8.3.1",
            Self::StatusInvalid => "RFC 9113 8.3.2",
        }
    }

    /// Header fields that a response with [`status`](Self::status) needs, to write it with another
    /// HTTP server: `Allow` for 405; `Upgrade`, `Connection` and `Sec-WebSocket-Version` for 426. On a stream of
    /// HTTP/2 or HTTP/3 names are in lower case.
    ///
    /// ```
    /// use ws_proto::handshake::HandshakeError;
    ///
    /// let error = HandshakeError::VersionUnsupported;
    /// assert_eq!((error.section(), error.status()), ("RFC 6455 4.4", Some(426)));
    /// let fields = error.fields();
    /// assert!(fields.contains(&("Sec-WebSocket-Version", "13")));
    /// ```
    #[must_use]
    pub const fn fields(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::ConnectVersionUnsupported => &[("sec-websocket-version", "13")],
            Self::MethodNotConnect => &[("allow", "CONNECT")],
            Self::MethodNotGet => &[("Allow", "GET")],
            Self::UpgradeInvalid | Self::VersionUnsupported => &[
                ("Connection", "Upgrade, close"),
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Version", "13"),
            ],
            _ => &[],
        }
    }

    /// The body of a server's refusal, for a person. It has nothing that the client has sent.
    pub(super) const fn body(self) -> &'static str {
        match self {
            Self::UpgradeInvalid => {
                "This is a WebSocket server: connect by ws:// or wss://, a page is not here"
            }
            Self::HttpVersion => {
                "HTTP version is not 1.1: a proxy has to use it (nginx: proxy_http_version 1.1;)"
            }
            Self::ConnectionInvalid => {
                "Connection does not name Upgrade: a proxy has to pass on Upgrade and Connection"
            }
            _ => self.text(),
        }
    }

    /// The text of `Display`.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::AcceptInvalid => {
                "Sec-WebSocket-Accept is missing, repeated, or not the hash of our key"
            }
            Self::AuthorityInvalid => ":authority is missing, or not HOST or HOST:PORT",
            Self::BareCr => "CR without LF: lines end in CR LF",
            Self::BareLf => "LF without CR: lines end in CR LF",
            Self::BodyPresent => "a request for a WebSocket connection has no body",
            Self::ConnectVersionUnsupported => "sec-websocket-version is missing or not 13",
            Self::ConnectionField => {
                "a field of HTTP/1.1 connections, such as Connection or Upgrade, on a stream"
            }
            Self::ConnectionInvalid => "Connection does not name Upgrade",
            Self::ControlCharacter => "control character in the header block",
            Self::ExtensionNotOffered => {
                "the server answered with an extension that was not offered"
            }
            Self::ExtensionParamMissing => {
                "the server's answer lacks an extension parameter that was asked for"
            }
            Self::ExtensionParamNotOffered => {
                "the server's answer has an extension parameter that was not offered"
            }
            Self::ExtensionParamOutOfRange => {
                "the server's answer has an extension parameter that is out of range"
            }
            Self::ExtensionRepeated => "extension or reserved bit in use twice",
            Self::ExtensionsInvalid => {
                "malformed Sec-WebSocket-Extensions: expected NAME; PARAMETER=VALUE"
            }
            Self::HeadTooLarge => "header block exceeds the size limit",
            Self::HeaderInvalid => "malformed header field: expected NAME: VALUE",
            Self::HostInvalid => "Host is missing, repeated, or not HOST or HOST:PORT",
            Self::HostMismatch => "Host and :authority differ",
            Self::HttpVersion => "HTTP version is not 1.1",
            Self::KeyInvalid => "Sec-WebSocket-Key is missing, repeated, or not 16 bytes in base64",
            Self::LineFolded => "header field goes on in the next line",
            Self::MethodNotConnect => "method is not CONNECT",
            Self::MethodNotGet => "method is not GET",
            Self::NotHttp => "expected HTTP/1.1: the first bytes are something else",
            Self::NothingReceived => "the transport ended before anything was received",
            Self::OriginRepeated => "more than one Origin",
            Self::ProtocolInvalid => ":protocol is missing or not a token: this server is no proxy",
            Self::ProtocolUnsupported => ":protocol is not websocket",
            Self::PseudoFieldInvalid => {
                "pseudo-header field that is unknown, repeated, or after a header field"
            }
            Self::Refused { .. } => "the handshake was refused",
            Self::SchemeInvalid => ":scheme is missing, or neither https nor http",
            Self::StartLineInvalid => "malformed first line",
            Self::StatusInvalid => "the server's answer on a stream has no valid status",
            Self::SubprotocolInvalid => {
                "Sec-WebSocket-Protocol is empty, malformed, or repeats a name"
            }
            Self::SubprotocolMissing => "no subprotocol in the answer, though one is required",
            Self::SubprotocolNotOffered => "the server chose a subprotocol that was not offered",
            Self::TargetInvalid => {
                "request target is not a path or URI in visible ASCII: percent-encode the rest"
            }
            Self::TimedOut => "the handshake was not finished in time",
            Self::TooManyElements => "too many subprotocols, extensions or parameters",
            Self::TooManyInformational => "too many informational responses",
            Self::TooManyLines => "header block exceeds the line limit",
            Self::UnexpectedEof => "the transport ended inside the handshake",
            Self::UpgradeInvalid => "Upgrade is missing or not websocket",
            Self::VersionRepeated => "more than one Sec-WebSocket-Version",
            Self::VersionUnsupported => "Sec-WebSocket-Version is missing or not 13",
        }
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())?;
        match self {
            Self::Refused { status } => write!(f, " with status {status}"),
            _ => Ok(()),
        }
    }
}

impl Error for HandshakeError {}

/// A request or a response cannot be sent as the caller made it. Nothing was written, and the
/// handshake has not changed; only with [`OriginRefused`](Self::OriginRefused) is the request refused.
///
/// ```
/// use ws_proto::handshake::{ClientHandshake, ClientRequest, HeadError, Limits};
///
/// let request = ClientRequest::new("example.com", "/chat\r\nEvil: yes");
/// let mut out = Vec::new();
/// let error = ClientHandshake::start(request, [7; 16], Vec::new(), Limits::new(), &mut out);
/// assert_eq!(error.unwrap_err(), HeadError::TargetInvalid);
/// assert!(out.is_empty());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HeadError {
    /// A body with a status that does not allow one (204, 304).
    BodyNotAllowed,
    /// A user name has a colon, or it or its password has a control character (RFC 7617 2).
    CredentialsInvalid,
    /// The name or a parameter of an extension is not a token.
    ExtensionInvalid,
    /// The client did not offer that extension (RFC 6455 4.2.2).
    ExtensionNotOffered,
    /// An extension twice, or two that use the same reserved bit.
    ExtensionRepeated,
    /// The name of a header field is not a token.
    HeaderNameInvalid,
    /// A header field that the handshake writes by itself, or that changes where a message ends. On a stream of
    /// HTTP/2 or HTTP/3 also one of those of [`HandshakeError::ConnectionField`].
    HeaderNameReserved,
    /// The value of a header field has CR, LF, NUL or another control character, or whitespace
    /// at an end (RFC 9110 5.5).
    HeaderValueInvalid,
    /// The host is not `host[:port]`.
    HostInvalid,
    /// The request is an Extended CONNECT: its answer cannot be written as bytes of HTTP/1.1. Take it from
    /// [`Upgrade::answer`](super::Upgrade::answer).
    NotHttp1,
    /// The origin is empty or not visible ASCII.
    OriginInvalid,
    /// A server: the request's `Origin` is not allowed by
    /// [`Accept::origins`](super::Accept::origins).
    /// [`Upgrade::accept`](super::Upgrade::accept) has written the refusal.
    OriginRefused(OriginFault),
    /// The output has too little room for the head now.
    OutputFull,
    /// The reason phrase has a control character.
    ReasonInvalid,
    /// A client: an Extended CONNECT names a scheme, and the request has none: see
    /// [`ClientRequest::secure`](super::ClientRequest::secure).
    SchemeMissing,
    /// The status is not allowed for this response.
    StatusInvalid,
    /// A client: the handshake's storage has too little room for the offer.
    StorageFull,
    /// The subprotocol is not a token.
    SubprotocolInvalid,
    /// The client did not offer that subprotocol (RFC 6455 4.2.2).
    SubprotocolNotOffered,
    /// A subprotocol is offered twice (RFC 6455 4.1).
    SubprotocolRepeated,
    /// The target does not start with `/`, has a fragment, or is not visible ASCII.
    TargetInvalid,
    /// A client: it offers more extensions than [`MAX_EXTENSIONS`](super::MAX_EXTENSIONS).
    TooManyExtensions,
}

impl From<BasicAuthError> for HeadError {
    fn from(_: BasicAuthError) -> Self {
        Self::CredentialsInvalid
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BodyNotAllowed => "this status has no body",
            Self::CredentialsInvalid => return BasicAuthError.fmt(f),
            Self::ExtensionInvalid => "extension name or parameter is not a token",
            Self::ExtensionNotOffered => "the client did not offer the extension",
            Self::ExtensionRepeated => "extension or reserved bit in use twice",
            Self::HeaderNameInvalid => "header name is not a token",
            Self::HeaderNameReserved => "the handshake writes that header itself",
            Self::HeaderValueInvalid => "header value has characters that cannot be sent",
            Self::HostInvalid => "invalid host",
            Self::NotHttp1 => "an Extended CONNECT is not answered by bytes of HTTP/1.1",
            Self::OriginInvalid => "origin has characters that cannot be sent",
            Self::OriginRefused(fault) => return fault.fmt(f),
            Self::OutputFull => "the output has too little room for the head",
            Self::ReasonInvalid => "reason phrase has characters that cannot be sent",
            Self::SchemeMissing => "an Extended CONNECT needs a scheme",
            Self::StatusInvalid => "status not allowed for this response",
            Self::StorageFull => "the storage has too little room for the offer",
            Self::SubprotocolInvalid => "subprotocol is not a token",
            Self::SubprotocolNotOffered => "the client did not offer the subprotocol",
            Self::SubprotocolRepeated => "subprotocol is offered twice",
            Self::TargetInvalid => "target is not a path that can be requested",
            Self::TooManyExtensions => "too many extensions offered",
        })
    }
}

impl Error for HeadError {}

/// Why [`ServerHandshake::receive`](super::ServerHandshake::receive) cannot read on.
///
/// Only [`Failed`](Self::Failed) ends the handshake. The others change nothing and consume nothing.
///
/// ```
/// use ws_proto::handshake::{Limits, MAX_REFUSAL, RequestError, ServerHandshake};
/// use ws_proto::{FixedBuf, Input, Output};
///
/// let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
/// let mut out = FixedBuf::<{ MAX_REFUSAL }>::new();
/// out.put(b"not written yet");
/// let mut read = *b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
/// let mut input = Input::new(&mut read);
/// let result = handshake.receive(&mut input, &mut out).map(|_| ());
/// assert_eq!(result, Err(RequestError::OutputFull));
///
/// out.clear(); // once it is written
/// let result = handshake.receive(&mut input, &mut out).map(|_| ());
/// assert!(matches!(result, Err(RequestError::Failed(_))));
/// assert!(out.pending().starts_with(b"HTTP/1.1 426 Upgrade Required\r\n"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestError {
    /// The request has been accepted before, and there is input: pass it to the connection.
    Accepted,
    /// The handshake has failed; the error is the same from then on. The refusal is in the output,
    /// all input was consumed, and the transport has to be closed.
    Failed(HandshakeError),
    /// The output has less room than [`MAX_REFUSAL`](super::MAX_REFUSAL). Write the output, then
    /// call again with the same input.
    OutputFull,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => f.write_str("the request was accepted before"),
            Self::Failed(error) => error.fmt(f),
            Self::OutputFull => f.write_str("the output has too little room for a refusal"),
        }
    }
}

impl Error for RequestError {}

impl From<HandshakeError> for RequestError {
    fn from(error: HandshakeError) -> Self {
        Self::Failed(error)
    }
}

const _: () = assert!(size_of::<HandshakeError>() <= 16 && size_of::<HeadError>() <= 16);
