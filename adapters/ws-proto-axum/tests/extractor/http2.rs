//! Connections on streams of HTTP/2 (RFC 8441), on the port of HTTP/1.1.

use axum::Router;
use axum::routing::any;
use http::{Method, Request, Version};
use ws_proto_axum::ws_proto_tokio::http2::{self, h2};
use ws_proto_axum::{CloseCode, Deflate, Message, WebSocket, WebSocketUpgrade};

use crate::common::{ask, client, connector, echo, echo_app, multiplexed, send, serve};

#[tokio::test]
async fn one_port_serves_both_versions() {
    let address = serve(echo_app()).await;
    let sender = multiplexed(address).await;
    // Many streams of one connection, beside connections of HTTP/1.1.
    let (a, response) = http2::connect(&sender, connector(address, "/"))
        .await
        .unwrap();
    let (b, _) = http2::connect(&sender, connector(address, "/"))
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers().get("upgrade").is_none());
    tokio::join!(
        ask(a, "one"),
        ask(b, "two"),
        ask(client(address, "/").await, "three")
    );
}

#[tokio::test]
async fn a_subprotocol_and_compression() {
    let handler = async |upgrade: WebSocketUpgrade| {
        let upgrade = upgrade
            .protocols(["echo2", "echo"])
            .deflate(&Deflate::new());
        assert_eq!(upgrade.selected_protocol(), Some("echo"));
        upgrade.on_upgrade(async |socket: WebSocket| {
            assert_eq!(socket.subprotocol(), Some("echo"));
            assert!(socket.deflate().is_some());
            echo(socket).await;
        })
    };
    let address = serve(Router::new().route("/", any(handler))).await;
    let sender = multiplexed(address).await;
    let asked = connector(address, "/")
        .subprotocols(&["echo3", "echo"])
        .deflate(&Deflate::new());
    let (socket, _) = http2::connect(&sender, asked).await.unwrap();
    assert_eq!(socket.subprotocol(), Some("echo"));
    assert!(socket.deflate().is_some());
    ask(socket, &"again ".repeat(10_000)).await;
}

#[tokio::test]
async fn the_end_comes_in_order() {
    let handler = async |upgrade: WebSocketUpgrade| {
        upgrade.on_upgrade(async |mut socket: WebSocket| {
            socket.feed(vec![7; 200_000]).await.unwrap();
            let _ = socket.close(CloseCode::GOING_AWAY, "later").await;
        })
    };
    let address = serve(Router::new().route("/", any(handler))).await;
    let sender = multiplexed(address).await;
    let (mut socket, _) = http2::connect(&sender, connector(address, "/"))
        .await
        .unwrap();
    let message = socket.next().await.unwrap().unwrap();
    assert_eq!(message, Message::from(vec![7; 200_000]));
    assert!(socket.next().await.is_none());
    let closed = socket.closed().unwrap();
    assert_eq!(
        (closed.code, &*closed.reason),
        (Some(CloseCode::GOING_AWAY), "later")
    );
}

fn connect_request(address: std::net::SocketAddr, protocol: Option<&'static str>) -> Request<()> {
    let mut request = Request::connect(format!("http://{address}/"))
        .version(Version::HTTP_2)
        .header("sec-websocket-version", "13")
        .body(())
        .unwrap();
    if let Some(protocol) = protocol {
        request
            .extensions_mut()
            .insert(h2::ext::Protocol::from_static(protocol));
    }
    request
}

#[tokio::test]
async fn refusals_have_a_status_and_words() {
    let address = serve(echo_app()).await;
    let mut sender = multiplexed(address).await;
    let mut version = connect_request(address, Some("websocket"));
    version
        .headers_mut()
        .insert("sec-websocket-version", "8".parse().unwrap());
    let other = connect_request(address, Some("connect-udp"));
    for (request, status, words) in [(version, 400, "version"), (other, 501, "protocol")] {
        let (response, _send) = sender.send_request(request, false).unwrap();
        let response = response.await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(
            response.headers()["content-type"],
            "text/plain; charset=utf-8"
        );
        let body = response.into_body().data().await.unwrap().unwrap();
        assert!(
            std::str::from_utf8(&body).unwrap().contains(words),
            "{body:?}"
        );
    }
    // A plain request.
    let mut request = Request::get(format!("http://{address}/"))
        .body(String::new())
        .unwrap();
    *request.version_mut() = Version::HTTP_2;
    let response = send(address, request).await;
    assert_eq!(response.status(), 405);
    assert_eq!(response.headers()["allow"], "CONNECT");
    assert!(response.body().contains(Method::CONNECT.as_str()));
}
