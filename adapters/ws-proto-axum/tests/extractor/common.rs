//! A server of axum, clients, and plain requests.

use std::net::SocketAddr;

use axum::Router;
use axum::routing::any;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use ws_proto_axum::ws_proto_tokio::{ClientStream, Connector, WebSocket, connect, http2};
use ws_proto_axum::{CloseCode, WebSocketUpgrade};

/// Serves HTTP/1.1 and HTTP/2 on one port, until the test ends.
pub(crate) async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// A router that echoes at `/`.
pub(crate) fn echo_app() -> Router {
    Router::new().route(
        "/",
        any(async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(echo)),
    )
}

pub(crate) async fn echo(mut socket: ws_proto_axum::WebSocket) {
    while let Some(Ok(message)) = socket.next().await {
        if socket.send(message).await.is_err() {
            return;
        }
    }
}

pub(crate) fn connector(address: SocketAddr, path: &str) -> Connector {
    Connector::new(&format!("ws://{address}{path}")).unwrap()
}

/// A client over HTTP/1.1.
pub(crate) async fn client(address: SocketAddr, path: &str) -> WebSocket<ClientStream> {
    connect(connector(address, path)).await.unwrap().0
}

/// A connection of HTTP/2, for many clients.
pub(crate) async fn multiplexed(
    address: SocketAddr,
) -> http2::h2::client::SendRequest<hyper::body::Bytes> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) = http2::handshake(stream, &http2::h2::client::Builder::new())
        .await
        .unwrap();
    tokio::spawn(connection);
    sender
}

/// Says a text, hears it, and closes.
pub(crate) async fn ask<S>(mut socket: WebSocket<S>, text: &str)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    socket.send(text).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().as_text(), Some(text));
    socket.close(CloseCode::NORMAL, "").await.unwrap();
}

/// A request with these fields beside those of a valid one; an empty value takes one away.
pub(crate) fn request(fields: &[(&'static str, &str)]) -> Request<String> {
    let mut request = Request::get("/").body(String::new()).unwrap();
    let valid = [
        ("host", "example.com"),
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
    ];
    for (name, value) in valid.iter().chain(fields) {
        match value.is_empty() {
            true => request.headers_mut().remove(*name),
            false => request.headers_mut().insert(*name, value.parse().unwrap()),
        };
    }
    request
}

/// Sends a request of HTTP/1.1 or HTTP/2; the response with its body, unless it opens a connection.
pub(crate) async fn send(address: SocketAddr, request: Request<String>) -> Response<String> {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let response = if request.version() == http::Version::HTTP_2 {
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
                .await
                .unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    } else {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap()
    };
    let (head, body) = response.into_parts();
    let body = match head.status.as_u16() {
        101 => String::new(),
        _ => String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap(),
    };
    Response::from_parts(head, body)
}
