//! What handlers do with connections.

use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use ws_proto_axum::ws_proto_tokio::{ConnectError, connect, http2};
use ws_proto_axum::{
    Bytes, CloseCode, Config, Deflate, Error, Event, Message, Options, ReadHalf, TimedOut,
    Utf8Bytes, WebSocket, WebSocketUpgrade, WriteHalf,
};

use crate::common::{ask, client, connector, echo, multiplexed, request, serve};

/// A router with one route, `/`.
macro_rules! app {
    ($handler:expr) => {
        Router::new().route("/", any($handler))
    };
}

#[tokio::test]
async fn subprotocols_by_the_favour_of_the_server() {
    let handler = async |upgrade: WebSocketUpgrade| {
        let requested: Vec<_> = upgrade.requested_protocols().map(str::to_owned).collect();
        assert_eq!(upgrade.selected_protocol(), None);
        let upgrade = upgrade
            .protocols([String::from("nothing")])
            .protocols(["echo2", "echo"]);
        let selected = upgrade.selected_protocol().map(str::to_owned);
        upgrade.on_upgrade(async move |mut socket: WebSocket| {
            assert_eq!(socket.subprotocol(), selected.as_deref());
            let _ = socket.send(requested.join("|")).await;
            echo(socket).await;
        })
    };
    let address = serve(app!(handler)).await;
    for (offered, selected) in [
        (&["echo3", "echo"][..], Some("echo")),
        (&["echo", "echo2"], Some("echo2")),
        (&["Echo"], None),
        (&[], None),
    ] {
        let asked = connector(address, "/").subprotocols(offered);
        let (mut socket, response) = connect(asked).await.unwrap();
        assert_eq!(response.subprotocol(), selected);
        let requested = socket.next().await.unwrap().unwrap();
        assert_eq!(requested.as_text(), Some(&*offered.join("|")));
        ask(socket, "hello").await;
    }
}

const CODE: CloseCode = CloseCode::new(4000).unwrap();

#[tokio::test]
async fn pings_are_answered_and_seen_by_who_asks_for_events() {
    let handler = async |upgrade: WebSocketUpgrade| {
        upgrade.on_upgrade(async |mut socket: WebSocket| {
            let event = socket.next_event().await.unwrap().unwrap();
            assert_eq!(event, Event::Ping(Bytes::from_static(b"ping")));
            socket.ping(b"and you").await.unwrap();
            let event = socket.next_event().await.unwrap().unwrap();
            assert_eq!(event, Event::Pong(Bytes::from_static(b"and you")));
            let Some(Ok(Event::Close(closed))) = socket.next_event().await else {
                panic!()
            };
            assert_eq!((closed.code, &*closed.reason), (Some(CODE), "bye"));
            assert!(socket.next_event().await.is_none());
        })
    };
    let address = serve(app!(handler)).await;
    let mut socket = client(address, "/").await;
    socket.ping(b"ping").await.unwrap();
    let event = socket.next_event().await.unwrap().unwrap();
    assert_eq!(event, Event::Pong(Bytes::from_static(b"ping")));
    let event = socket.next_event().await.unwrap().unwrap();
    assert_eq!(event, Event::Ping(Bytes::from_static(b"and you")));
    socket.close(CODE, "bye").await.unwrap();
}

/// A frame in the same segment as the request: hyper has read it before it hands over the stream.
#[tokio::test]
async fn bytes_after_the_request_are_not_lost() {
    let address = serve(app!(
        async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(echo)
    ))
    .await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut sent = String::from("GET / HTTP/1.1\r\n");
    for (name, value) in request(&[]).headers() {
        sent += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    sent += "\r\n";
    let mut sent = sent.into_bytes();
    sent.extend_from_slice(b"\x81\x85\0\0\0\0early\x88\x82\0\0\0\0\x03\xe8");
    stream.write_all(&sent).await.unwrap();
    let mut received = Vec::new();
    stream.read_to_end(&mut received).await.unwrap();
    assert!(received.starts_with(b"HTTP/1.1 101 "));
    assert!(received.ends_with(b"\x81\x05early\x88\x02\x03\xe8"));
}

#[tokio::test]
async fn limits_are_finite_and_can_be_set() {
    let app = Router::new()
        .route(
            "/default",
            any(async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(echo)),
        )
        .route(
            "/message",
            any(async |upgrade: WebSocketUpgrade| upgrade.max_message(10).on_upgrade(echo)),
        )
        .route(
            "/frame",
            any(async |upgrade: WebSocketUpgrade| {
                let config = Config::new().max_message(1000);
                upgrade
                    .options(Options::new().config(config))
                    .max_frame(10)
                    .on_upgrade(echo)
            }),
        );
    let address = serve(app).await;
    for (path, most) in [("/default", 16 << 20), ("/message", 10), ("/frame", 10)] {
        let mut options = Options::new();
        options = options.config(Config::new().max_message(32 << 20).max_frame(32 << 20));
        let mut socket = connect(connector(address, path).options(options))
            .await
            .unwrap()
            .0;
        let message = vec![1; most];
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap().into_bytes(), message);
        let _ = socket.send(vec![1; most + 1]).await;
        assert!(socket.next().await.is_none_or(|end| end.is_err()));
        assert_eq!(
            socket.closed().unwrap().code,
            Some(CloseCode::MESSAGE_TOO_BIG),
            "{path}"
        );
    }
}

#[tokio::test]
async fn silent_clients_are_noticed() {
    let (put, mut ends) = mpsc::unbounded_channel();
    let handler = async move |upgrade: WebSocketUpgrade| {
        let short = Duration::from_millis(20);
        let config = Config::new().keepalive(Some(short)).pong_timeout(short);
        upgrade
            .options(config.into())
            .on_upgrade(async move |mut socket| {
                let _ = put.send(socket.next().await);
            })
    };
    let address = serve(app!(handler)).await;
    let _silent = client(address, "/").await; // it is not waited for, so it answers nothing
    let end = ends.recv().await.unwrap();
    assert!(
        matches!(end, Some(Err(Error::TimedOut(TimedOut::Pong)))),
        "{end:?}"
    );
}

#[tokio::test]
async fn messages_are_compressed_where_both_ask_for_it() {
    let app = Router::new()
        .route(
            "/plain",
            any(async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(echo)),
        )
        .route(
            "/deflate",
            any(
                async |State(deflate): State<Deflate>, upgrade: WebSocketUpgrade| {
                    upgrade.deflate(&deflate).on_upgrade(echo)
                },
            ),
        )
        .with_state(Deflate::new());
    let address = serve(app).await;
    for (path, offers, agreed) in [
        ("/plain", true, false),
        ("/deflate", false, false),
        ("/deflate", true, true),
    ] {
        let mut asked = connector(address, path);
        if offers {
            asked = asked.deflate(&Deflate::new());
        }
        let (socket, response) = connect(asked).await.unwrap();
        assert_eq!(socket.deflate().is_some(), agreed, "{path}");
        let extensions = response.headers().get("Sec-WebSocket-Extensions");
        assert_eq!(extensions.is_some(), agreed);
        ask(socket, &"squeeze ".repeat(1000)).await;
    }
}

/// The response of `on_upgrade` is one like others: fields can be added to it.
#[tokio::test]
async fn the_response_can_have_further_fields() {
    let handler = async |Path(room): Path<String>, upgrade: WebSocketUpgrade| {
        (
            [("set-cookie", format!("room={room}"))],
            upgrade.on_upgrade(echo),
        )
    };
    let app = Router::new().nest("/rooms", Router::new().route("/{room}", any(handler)));
    let address = serve(app).await;
    let (socket, response) = connect(connector(address, "/rooms/blue")).await.unwrap();
    assert_eq!(
        response.headers().get("Set-Cookie"),
        Some(&b"room=blue"[..])
    );
    ask(socket, "hello").await;
}

/// Another answer than that of `on_upgrade` is a refusal like any other.
#[tokio::test]
async fn a_handler_can_refuse() {
    async fn handler(_upgrade: WebSocketUpgrade) -> Response {
        (http::StatusCode::UNAUTHORIZED, "log in first").into_response()
    }
    let address = serve(app!(handler)).await;
    let Err(ConnectError::Refused(response)) = connect(connector(address, "/")).await else {
        panic!()
    };
    assert_eq!(
        (response.status(), response.body()),
        (401, &b"log in first"[..])
    );
}

#[tokio::test]
async fn halves_in_two_tasks() {
    async fn read(mut receiver: ReadHalf, put: mpsc::Sender<Message>) {
        while let Some(Ok(message)) = receiver.next().await {
            let _ = put.send(message).await;
        }
    }
    async fn write(mut sender: WriteHalf, mut messages: mpsc::Receiver<Message>) {
        while let Some(message) = messages.recv().await {
            let _ = sender.send(message).await;
        }
    }
    let handler = async |upgrade: WebSocketUpgrade| {
        upgrade.on_upgrade(async |socket: WebSocket| {
            let (receiver, sender) = socket.split();
            let (put, messages) = mpsc::channel(8);
            let reading = tokio::spawn(read(receiver, put));
            write(sender, messages).await;
            reading.await.unwrap();
        })
    };
    let address = serve(app!(handler)).await;
    let mut socket = client(address, "/").await;
    for n in 0..100 {
        socket.feed(format!("message {n}")).await.unwrap();
    }
    for n in 0..100 {
        let message = socket.next().await.unwrap().unwrap();
        assert_eq!(message.as_text().unwrap(), format!("message {n}"));
    }
    socket.close(CloseCode::NORMAL, "").await.unwrap();
}

/// By the traits alone: code for any stream and sink of messages works.
#[tokio::test]
async fn it_is_a_stream_and_a_sink() {
    let handler = async |upgrade: WebSocketUpgrade| {
        upgrade.on_upgrade(async |socket: WebSocket| {
            let (sink, stream) = futures_util::StreamExt::split(socket);
            let loud = stream.map(|message| {
                Ok::<_, Error>(Message::text(
                    message?.into_text().unwrap_or_default().to_uppercase(),
                ))
            });
            let _ = loud.forward(sink).await;
        })
    };
    let address = serve(app!(handler)).await;
    let (mut sink, mut stream) = futures_util::StreamExt::split(client(address, "/").await);
    sink.send(Message::from("quiet")).await.unwrap();
    let message = stream.next().await.unwrap().unwrap();
    assert_eq!(message.as_text(), Some("QUIET"));
    sink.close().await.unwrap();
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_callback_that_ends_drops_the_connection() {
    let handler =
        async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(async |_socket: WebSocket| {});
    let address = serve(app!(handler)).await;
    let mut socket = client(address, "/").await;
    assert!(matches!(socket.next().await, Some(Err(_))));
    assert!(socket.closed().is_none());
}

/// Conversions that programs for axum's own `Message` use.
#[test]
fn messages_convert() {
    let string = String::from("text");
    let texts = [
        Message::from("text"),
        Message::from(String::from("text")),
        Message::text(String::from("text")),
        Message::text(&string),
        Message::Text("text".into()),
        Message::Text(Utf8Bytes::from_static("text")),
    ];
    for message in texts {
        assert_eq!(message.to_text(), Ok("text"));
        assert_eq!(Bytes::from(message.clone()), Bytes::from_static(b"text"));
        assert_eq!(Vec::from(message.clone()), b"text");
        assert_eq!(message.into_text().unwrap(), String::from("text"));
    }
    let data = [
        Message::from(vec![116, 120, 116]),
        Message::from(&b"txt"[..]),
        Message::from(Bytes::from_static(b"txt")),
        Message::binary(&b"txt"[..]),
        Message::Binary(Bytes::from_static(b"txt")),
    ];
    for message in data {
        assert_eq!(message.as_text(), None);
        assert_eq!(message.to_text(), Ok("txt"));
        assert_eq!(Vec::from(message.clone()), b"txt");
        assert_eq!(message.into_text().unwrap(), "txt");
    }
    assert!(Message::from(vec![0xff]).to_text().is_err());
    assert!(Message::from(vec![0xff]).into_text().is_err());
}

/// What is sent to a client that reads nothing waits, and then fails: nothing grows.
#[tokio::test]
async fn clients_that_read_nothing_are_bounded() {
    const MOST: usize = 64 << 20; // more than any buffer of a socket
    let (put, mut ends) = mpsc::unbounded_channel();
    let handler = async move |upgrade: WebSocketUpgrade| {
        let options = Options::new().stall_time(Duration::from_millis(100));
        upgrade
            .options(options)
            .on_upgrade(async move |mut socket| {
                let mut sent = 0;
                while sent < MOST {
                    match socket.send(vec![0; 64 << 10]).await {
                        Ok(()) => sent += 64 << 10,
                        Err(error) => return drop(put.send((sent, error))),
                    }
                }
            })
    };
    let address = serve(app!(handler)).await;
    let silent = client(address, "/").await;
    let (_, error) = ends.recv().await.unwrap();
    assert!(matches!(error, Error::TimedOut(TimedOut::Write)), "{error}");
    drop(silent);
    let sender = multiplexed(address).await;
    let silent = http2::connect(&sender, connector(address, "/"))
        .await
        .unwrap();
    let (sent, error) = ends.recv().await.unwrap();
    assert!(matches!(error, Error::TimedOut(TimedOut::Write)), "{error}");
    // A window of 64 KiB, and some writes that hyper holds.
    assert!(sent < 1 << 20, "{sent}");
    drop(silent);
}

/// A server that serves connections without upgrades: the client has its 101, and the handler hears of it.
#[tokio::test]
async fn an_upgrade_that_fails_is_reported() {
    let (put, mut errors) = mpsc::unbounded_channel();
    let handler = async move |upgrade: WebSocketUpgrade| {
        upgrade
            .on_failed_upgrade(move |error: axum::Error| drop(put.send(error.to_string())))
            .on_upgrade(async |_socket: WebSocket| panic!("there is no connection"))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let _ = hyper::server::conn::http1::Builder::new()
            .serve_connection(
                TokioIo::new(stream),
                TowerToHyperService::new(app!(handler)),
            )
            .await;
    });
    let connected = connect(connector(address, "/")).await;
    let error = errors.recv().await.unwrap();
    assert!(error.contains("upgrade"), "{error}");
    drop(connected);
}
