//! `websockets`: a server that pings, greets and pushes, and prints all messages. The address of the client and
//! its user agent come by other extractors.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::Response;
use axum::routing::any;
use http::HeaderMap;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use ws_proto_axum::ws_proto_tokio::connect;
use ws_proto_axum::{Bytes, CloseCode, Event, Message, WebSocket, WebSocketUpgrade};

use crate::common::connector;

type Log = mpsc::UnboundedSender<String>;

fn app(log: Log) -> Router {
    let handler = async move |ConnectInfo(from): ConnectInfo<SocketAddr>,
                              headers: HeaderMap,
                              upgrade: WebSocketUpgrade|
                -> Response {
        let agent = headers
            .get("user-agent")
            .and_then(|agent| agent.to_str().ok());
        let _ = log.send(format!(
            "{} from {}",
            agent.unwrap_or("an unknown program"),
            from.ip()
        ));
        upgrade.on_upgrade(move |socket| serve(socket, log))
    };
    Router::new().route("/ws", any(handler))
}

async fn serve(mut socket: WebSocket, log: Log) {
    if socket.ping(&[1, 2, 3]).await.is_err() {
        return;
    }
    // The first event, of any kind.
    let Some(Ok(event)) = socket.next_event().await else {
        return;
    };
    if print(event, &log) {
        return;
    }
    for n in 1..5 {
        if socket.send(format!("Greeting {n}")).await.is_err() {
            return;
        }
    }
    let (mut receiver, mut sender) = socket.split();
    let sending = tokio::spawn(async move {
        for n in 0..20 {
            if sender.send(format!("News {n}")).await.is_err() {
                return n;
            }
        }
        let _ = sender.close(CloseCode::NORMAL, "that is all").await;
        20
    });
    let mut count = 0;
    while let Some(Ok(event)) = receiver.next_event().await {
        count += 1;
        if print(event, &log) {
            break;
        }
    }
    let sent = sending.await.unwrap_or_default();
    let _ = log.send(format!("{sent} sent, {count} received"));
}

/// Whether it is the last one.
fn print(event: Event, log: &Log) -> bool {
    let line = match event {
        Event::Message(Message::Text(text)) => format!("text {text:?}"),
        Event::Message(Message::Binary(data)) => format!("{} bytes", data.len()),
        Event::Ping(payload) => format!("Ping {payload:?}"),
        Event::Pong(payload) => format!("Pong {payload:?}"),
        Event::Close(closed) => {
            let _ = log.send(format!("Close {closed}"));
            return true;
        }
        other => format!("{other:?}"),
    };
    let _ = log.send(line);
    false
}

#[tokio::test]
async fn pings_greets_pushes_and_closes() {
    let (log, mut lines) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = app(log).into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });

    let asked = connector(address, "/ws").header("User-Agent", "test");
    let (mut socket, _) = connect(asked).await.unwrap();
    assert_eq!(lines.recv().await.unwrap(), "test from 127.0.0.1");
    let ping = socket.next_event().await.unwrap().unwrap();
    assert_eq!(ping, Event::Ping(Bytes::from_static(&[1, 2, 3])));
    for n in 1..5 {
        let message = socket.next().await.unwrap().unwrap();
        assert_eq!(message.as_text().unwrap(), format!("Greeting {n}"));
    }
    assert_eq!(lines.recv().await.unwrap(), r#"Pong b"\x01\x02\x03""#);
    socket.send("hello").await.unwrap();
    socket.send(vec![0; 9]).await.unwrap();
    let mut news = 0;
    while let Some(message) = socket.next().await {
        assert_eq!(message.unwrap().as_text().unwrap(), format!("News {news}"));
        news += 1;
    }
    assert_eq!(news, 20);
    let closed = socket.closed().unwrap();
    assert_eq!(
        (closed.code, &*closed.reason),
        (Some(CloseCode::NORMAL), "that is all")
    );
    for expected in [
        r#"text "hello""#,
        "9 bytes",
        "Close 1000",
        "20 sent, 3 received",
    ] {
        let line = lines.recv().await.unwrap();
        assert!(line.starts_with(expected), "{line}");
    }
}
