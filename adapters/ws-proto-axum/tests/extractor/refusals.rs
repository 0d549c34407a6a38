//! Requests that open no connection.

use std::error::Error;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::any;
use axum::{RequestPartsExt as _, Router};
use http::{Method, Version};
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower::ServiceExt as _;
use ws_proto_axum::{HandshakeError, WebSocketUpgrade, WebSocketUpgradeRejection};

use crate::common::{ask, client, echo, echo_app, request, send, serve};

#[tokio::test]
async fn a_valid_request_is_answered_with_101() {
    let address = serve(echo_app()).await;
    let response = send(address, request(&[])).await;
    assert_eq!(response.status(), 101);
    assert_eq!(
        response.headers()["sec-websocket-accept"],
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    );
    assert_eq!(response.headers()["upgrade"], "websocket");
    assert!(!response.headers().contains_key("sec-websocket-protocol"));
    assert!(!response.headers().contains_key("sec-websocket-extensions"));
}

#[tokio::test]
async fn refusals_over_http1_have_a_status_and_words() {
    let address = serve(echo_app()).await;
    for (fields, status, words) in [
        (
            &[("upgrade", ""), ("connection", "")][..],
            426,
            "This is a WebSocket server",
        ),
        (&[("upgrade", "h2c")], 426, "This is a WebSocket server"),
        (
            &[("sec-websocket-version", "8")],
            426,
            "Sec-WebSocket-Version",
        ),
        (
            &[("sec-websocket-version", "")],
            426,
            "Sec-WebSocket-Version",
        ),
        (
            &[("connection", "keep-alive")],
            400,
            "a proxy has to pass on",
        ),
        (&[("sec-websocket-key", "")], 400, "Sec-WebSocket-Key"),
        (
            &[("sec-websocket-key", "c2hvcnQ=")],
            400,
            "Sec-WebSocket-Key",
        ),
        (
            &[("sec-websocket-protocol", "a, a")],
            400,
            "Sec-WebSocket-Protocol",
        ),
        (
            &[("sec-websocket-extensions", "a; =")],
            400,
            "Sec-WebSocket-Extensions",
        ),
        (&[("host", "a b")], 400, "Host"),
        (&[("content-length", "5")], 400, "no body"),
    ] {
        let response = send(address, request(fields)).await;
        assert_eq!(response.status(), status, "{fields:?}");
        assert!(
            response.body().contains(words),
            "{fields:?}: {}",
            response.body()
        );
        let headers = response.headers();
        assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
        assert_eq!(headers.contains_key("upgrade"), status == 426);
        if status == 426 {
            assert_eq!(headers["upgrade"], "websocket");
            assert_eq!(headers["sec-websocket-version"], "13");
        }
    }
}

#[tokio::test]
async fn another_method_is_refused_with_405() {
    let address = serve(echo_app()).await;
    for method in [Method::POST, Method::PUT, Method::OPTIONS] {
        let mut request = request(&[]);
        *request.method_mut() = method;
        let response = send(address, request).await;
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()["allow"], "GET");
        assert!(response.body().contains("GET"));
    }
}

/// Asks a router without a server.
async fn oneshot(app: Router, request: Request) -> (http::StatusCode, String) {
    let response = app.oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status, String::from_utf8(body.into()).unwrap())
}

#[tokio::test]
async fn http_1_0_is_refused() {
    let app = Router::new().route(
        "/",
        any(
            async |upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>| {
                assert_eq!(
                    upgrade.unwrap_err(),
                    WebSocketUpgradeRejection::Handshake(HandshakeError::HttpVersion)
                );
            },
        ),
    );
    let mut request = request(&[]).map(Body::from);
    *request.version_mut() = Version::HTTP_10;
    assert_eq!(oneshot(app, request.map(Body::new)).await.0, 200);
}

#[tokio::test]
async fn a_server_without_upgrades_is_reported() {
    let (status, body) = oneshot(echo_app(), request(&[]).map(Body::from)).await;
    assert_eq!(status, 500);
    assert!(body.contains("it serves HTTP without upgrades"), "{body}");
    // What is wrong with the request is reported first, though.
    let (status, _) = oneshot(echo_app(), request(&[("upgrade", "")]).map(Body::from)).await;
    assert_eq!(status, 426);
}

/// An upgrade can be taken once. A refusal does not take it.
#[tokio::test]
async fn a_second_extractor_has_nothing_left() {
    type Extracted = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;
    async fn twice(_first: WebSocketUpgrade, second: Extracted) -> Response {
        assert_eq!(
            second.as_ref().unwrap_err(),
            &WebSocketUpgradeRejection::NotUpgradable
        );
        second.unwrap_err().into_response()
    }
    let after_refusal = async |mut request: Request| {
        let key = request.headers_mut().remove("sec-websocket-key").unwrap();
        let (mut parts, _) = request.into_parts();
        let refused: Extracted = parts.extract().await;
        refused.unwrap_err();
        parts.headers.insert("sec-websocket-key", key);
        let extracted: Extracted = parts.extract().await;
        extracted.unwrap().on_upgrade(echo)
    };
    let app = Router::new()
        .route("/twice", any(twice))
        .route("/after", any(after_refusal));
    let address = serve(app).await;
    let mut request = request(&[]);
    *request.uri_mut() = "/twice".parse().unwrap();
    assert_eq!(send(address, request).await.status(), 500);
    ask(client(address, "/after").await, "hello").await;
}

#[tokio::test]
async fn a_page_and_connections_at_one_path() {
    async fn both(upgrade: Option<WebSocketUpgrade>) -> Response {
        match upgrade {
            Some(upgrade) => upgrade.on_upgrade(echo),
            None => Html("a page").into_response(),
        }
    }
    let address = serve(Router::new().route("/", any(both))).await;
    let plain = send(address, request(&[("upgrade", ""), ("connection", "")])).await;
    assert_eq!((plain.status().as_u16(), &**plain.body()), (200, "a page"));
    // A broken handshake is refused all the same.
    let broken = send(address, request(&[("sec-websocket-key", "")])).await;
    assert_eq!(broken.status(), 400);
    ask(client(address, "/").await, "hello").await;
}

/// HTTP/1.0 is what nginx speaks to a server unless it is told otherwise, and `curl` sends a path as it is written.
#[tokio::test]
async fn a_page_is_one_for_old_clients_and_for_targets_that_are_no_ascii() {
    async fn both(upgrade: Option<WebSocketUpgrade>) -> &'static str {
        assert!(upgrade.is_none());
        "a page"
    }
    let address = serve(Router::new().fallback(both)).await;
    for (head, status) in [
        ("GET / HTTP/1.0", 200),
        ("HEAD / HTTP/1.0", 200),
        ("POST / HTTP/1.0\r\nContent-Length: 0", 200),
        ("GET /caf\u{e9} HTTP/1.1\r\nHost: example.com", 200),
        ("GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: h2c", 200),
        // These ask for a connection.
        (
            "GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket",
            505,
        ),
        (
            "GET /caf\u{e9} HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket",
            400,
        ),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("{head}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert_eq!(
            answer.split(' ').nth(1),
            Some(&*status.to_string()),
            "{head}"
        );
    }
}

/// For handlers that return `Result<_, Box<dyn Error>>` and the like.
#[tokio::test]
async fn a_rejection_is_an_error_and_a_response() {
    let rejection = WebSocketUpgradeRejection::from(HandshakeError::KeyInvalid);
    assert_eq!(rejection.status(), 400);
    assert!(rejection.body_text().contains("Sec-WebSocket-Key"));
    let error: Box<dyn Error + Send + Sync> = rejection.clone().into();
    assert_eq!(error.to_string(), HandshakeError::KeyInvalid.to_string());
    assert_eq!(rejection.into_response().status(), 400);
    // What a program gets that has the feature `http2` of axum without that of this crate.
    let rejection = WebSocketUpgradeRejection::Http2Disabled;
    assert_eq!(rejection.status(), 505);
    assert!(
        rejection
            .body_text()
            .contains("the feature http2 of ws-proto-axum is off")
    );
    let rejection = WebSocketUpgradeRejection::NotUpgradable;
    assert_eq!(
        rejection.to_string(),
        "the server has no upgrade for the request"
    );
}
