//! Why a request is refused.

use std::error::Error;
use std::fmt;

use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use ws_proto_tokio::ws_proto::handshake::OriginRefused;
use ws_proto_tokio::ws_proto::handshake::http::{UpgradeError, refusal};
use ws_proto_tokio::{HandshakeError, HeadError};

/// The reason why [`WebSocketUpgrade`](crate::WebSocketUpgrade) refuses a request.
///
/// As a response it has the status, the header fields that this status needs, and a text for a person as its body; nothing in
/// that comes from the client. `Display` is for a log.
///
/// | request | status | header fields |
/// |---|---|---|
/// | a plain GET, or another `Sec-WebSocket-Version` | 426 | `Upgrade`, `Connection`, `Sec-WebSocket-Version` |
/// | another method | 405 | `Allow` |
/// | a request that is not valid, or that a proxy has damaged | 400 | |
/// | a request of a page of another site | 403 | |
/// | more subprotocols or extensions than the limits allow | 431 | |
/// | a request over HTTP/1.0, or over HTTP/2 without the feature `http2` | 505 | |
/// | an Extended CONNECT for another protocol | 501 | |
/// | a request that the server cannot upgrade | 500 | |
///
/// ```
/// use axum::response::{IntoResponse, Response};
/// use ws_proto_axum::{WebSocketUpgrade, WebSocketUpgradeRejection};
///
/// async fn handler(
///     upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
/// ) -> Result<Response, WebSocketUpgradeRejection> {
///     let upgrade = upgrade.inspect_err(|rejection| eprintln!("{}: {rejection}", rejection.status()))?;
///     Ok(upgrade.on_upgrade(async |_socket| {}))
/// }
/// # let _: axum::Router = axum::Router::new().route("/", axum::routing::any(handler));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebSocketUpgradeRejection {
    /// The request is not valid for a WebSocket connection (RFC 6455 4.2.1, RFC 8441 5).
    Handshake(HandshakeError),
    /// The response of the server cannot be written. The mistake is the server's.
    Head(HeadError),
    /// The request came over HTTP/2, and the feature `http2` of this crate is off. The mistake is the server's: it announces
    /// that it accepts such requests.
    Http2Disabled,
    /// The server has no way to hand over the connection: it does not upgrade connections, or something has taken the
    /// upgrade before. The mistake is the server's.
    NotUpgradable,
    /// The request comes from a page of a site that is not allowed. `Display` has the `Origin` and the `Host` of the request.
    Origin(OriginRefused),
}

impl WebSocketUpgradeRejection {
    /// The status of the response.
    ///
    /// ```
    /// use http::StatusCode;
    /// use ws_proto_axum::{HandshakeError, WebSocketUpgradeRejection};
    ///
    /// let rejection = WebSocketUpgradeRejection::from(HandshakeError::MethodNotGet);
    /// assert_eq!(rejection.status(), StatusCode::METHOD_NOT_ALLOWED);
    /// assert!(!rejection.body_text().is_empty());
    /// ```
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.to_http().status()
    }

    /// The body of the response, a text for a person. Nothing in it comes from the client.
    #[must_use]
    pub fn body_text(&self) -> String {
        self.to_http().into_body()
    }

    fn to_http(&self) -> http::Response<String> {
        match self {
            Self::Handshake(error) => refusal(*error),
            Self::Head(error) => refusal(*error),
            Self::Origin(error) => refusal(UpgradeError::Origin(error.fault())),
            Self::Http2Disabled => {
                with_text(StatusCode::HTTP_VERSION_NOT_SUPPORTED, HTTP2_DISABLED)
            }
            Self::NotUpgradable => with_text(StatusCode::INTERNAL_SERVER_ERROR, NOT_UPGRADABLE),
        }
    }
}

fn with_text(status: StatusCode, text: &str) -> http::Response<String> {
    let mut response = http::Response::new(text.to_owned());
    *response.status_mut() = status;
    response
}

const HTTP2_DISABLED: &str = "This server takes WebSocket connections over HTTP/1.1 only.\n\
    For the operator: the feature http2 of ws-proto-axum is off, though that of axum is on.\n";

const NOT_UPGRADABLE: &str = "This server cannot turn the request into a WebSocket connection.\n\
    For the operator: it serves HTTP without upgrades, or something before the handler has taken the upgrade.\n";

impl IntoResponse for WebSocketUpgradeRejection {
    fn into_response(self) -> Response {
        let (head, body) = self.to_http().into_parts();
        // The fields of a `String` as a response, `Content-Type` among them, and those of the status.
        (head.status, head.headers, body).into_response()
    }
}

impl fmt::Display for WebSocketUpgradeRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handshake(error) => error.fmt(f),
            Self::Head(error) => error.fmt(f),
            Self::Http2Disabled => f.write_str("the feature http2 of ws-proto-axum is off"),
            Self::NotUpgradable => f.write_str("the server has no upgrade for the request"),
            Self::Origin(error) => error.fmt(f),
        }
    }
}

impl Error for WebSocketUpgradeRejection {}

impl From<HandshakeError> for WebSocketUpgradeRejection {
    fn from(error: HandshakeError) -> Self {
        Self::Handshake(error)
    }
}

impl From<HeadError> for WebSocketUpgradeRejection {
    fn from(error: HeadError) -> Self {
        Self::Head(error)
    }
}

impl From<OriginRefused> for WebSocketUpgradeRejection {
    fn from(error: OriginRefused) -> Self {
        Self::Origin(error)
    }
}
