//! Connections on streams of HTTP/2 (RFC 8441), on the port of HTTP/1.1.

use std::sync::Arc;

use axum::Router;
use axum::routing::any;
use http::{Method, Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
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

/// The windows that the documentation gives: `h2` counts small frames that wait, and ends a connection that has too many.
#[tokio::test]
async fn small_messages_that_nobody_reads_are_held_up_by_the_windows() {
    const STREAMS: u32 = 2;
    const STREAM_WINDOW: u32 = 16 * 1024;
    let read = Arc::new(Semaphore::new(0));
    let may_read = Arc::clone(&read);
    let (put, mut counts) = mpsc::unbounded_channel();
    let handler = async move |upgrade: WebSocketUpgrade| {
        upgrade.on_upgrade(async move |mut socket: WebSocket| {
            let _permit = may_read.acquire().await;
            let mut count = 0_u32;
            while let Some(Ok(_)) = socket.next().await {
                count += 1;
            }
            put.send((count, socket.closed())).unwrap();
        })
    };
    let app = Router::new().route("/", any(handler));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http2()
            .enable_connect_protocol()
            .max_concurrent_streams(STREAMS)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(84 * STREAMS * STREAM_WINDOW);
        let service = TowerToHyperService::new(app);
        let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        serving.await.unwrap();
    });
    let sender = multiplexed(address).await;
    let mut clients = Vec::new();
    for _ in 0..STREAMS {
        let (mut socket, _) = http2::connect(&sender, connector(address, "/"))
            .await
            .unwrap();
        // Frames of 6 bytes, until the window is full.
        for _ in 0..STREAM_WINDOW / 6 {
            socket.send("").await.unwrap();
            tokio::task::yield_now().await;
        }
        clients.push(socket);
    }
    read.add_permits(STREAMS as usize);
    for mut socket in clients {
        socket.close(CloseCode::NORMAL, "").await.unwrap();
        let (count, closed) = counts.recv().await.unwrap();
        assert_eq!(count, STREAM_WINDOW / 6);
        assert_eq!(closed.unwrap().code, Some(CloseCode::NORMAL));
    }
}
