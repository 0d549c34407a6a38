//! WebSocket on streams of HTTP/2: both ends by `h2`, and the server by hyper.

use std::convert::Infallible;
use std::future::poll_fn;
use std::time::Duration;

use http::{Request, Response, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;
use ws_proto_tokio::http2::h2::ext::Protocol;
use ws_proto_tokio::http2::h2::server::SendResponse;
use ws_proto_tokio::http2::h2::{Reason, RecvStream, SendStream, client, server};
use ws_proto_tokio::http2::{H2Stream, accept, connect, handshake, is_websocket};
use ws_proto_tokio::{
    Acceptor, Bytes, CloseCode, Config, ConnectError, Connector, Deflate, Error, Message, Options,
    WebSocket, open_server,
};

type Socket = WebSocket<H2Stream>;
type Asked = (Request<RecvStream>, SendResponse<Bytes>);

/// What `h2` has unless it is set.
const WINDOW: u32 = 65_535;
const URL: &str = "wss://example.com/chat?room=1";

/// A client and the requests that its server receives, with these windows of a stream.
async fn streams(
    client_window: u32,
    server_window: u32,
) -> (client::SendRequest<Bytes>, mpsc::UnboundedReceiver<Asked>) {
    let (client, server) = duplex(64 * 1024);
    let (put, asked) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut builder = server::Builder::new();
        builder
            .enable_connect_protocol()
            .initial_window_size(server_window)
            .data_frame_budget(42 * WINDOW as usize);
        let mut connection = builder.handshake(server).await.unwrap();
        while let Some(Ok(next)) = connection.accept().await {
            if put.send(next).is_err() {
                connection.graceful_shutdown();
            }
        }
    });
    let mut builder = client::Builder::new();
    builder.initial_window_size(client_window);
    let (sender, connection) = handshake(client, &builder).await.unwrap();
    tokio::spawn(connection);
    (sender, asked)
}

fn quiet() -> Options {
    Options::new().config(Config::new().keepalive(None).max_message(32 << 20))
}

fn connector() -> Connector {
    Connector::new(URL).unwrap().options(quiet())
}

async fn pair_with(
    windows: (u32, u32),
    acceptor: Acceptor<'_>,
    connector: Connector,
) -> (Socket, Socket) {
    let (sender, mut asked) = streams(windows.0, windows.1).await;
    let serve = async {
        let (request, respond) = asked.recv().await.unwrap();
        assert!(is_websocket(&request));
        accept(request, respond, acceptor.options(quiet())).unwrap()
    };
    let (client, server) = tokio::join!(connect(&sender, connector), serve);
    (client.unwrap().0, server)
}

async fn pair(windows: (u32, u32)) -> (Socket, Socket) {
    pair_with(windows, Acceptor::new(), connector()).await
}

/// A WebSocket server, and the client's side of its stream as bytes.
async fn raw_client() -> (Socket, SendStream<Bytes>, RecvStream) {
    let (mut sender, mut asked) = streams(65_535, 65_535).await;
    let (response, send) = sender.send_request(request(), false).unwrap();
    let (request, respond) = asked.recv().await.unwrap();
    let server = accept(request, respond, Acceptor::new().options(quiet())).unwrap();
    (server, send, response.await.unwrap().into_body())
}

/// A WebSocket client, and the server's side of its stream as bytes.
async fn raw_server() -> (Socket, SendStream<Bytes>, RecvStream) {
    let (sender, mut asked) = streams(65_535, 65_535).await;
    let serve = async {
        let (request, mut respond) = asked.recv().await.unwrap();
        let send = respond.send_response(Response::new(()), false).unwrap();
        (send, request.into_body())
    };
    let (client, (send, recv)) = tokio::join!(connect(&sender, connector()), serve);
    (client.unwrap().0, send, recv)
}

fn request() -> Request<()> {
    Request::connect(URL.replace("wss", "https"))
        .version(Version::HTTP_2)
        .header("sec-websocket-version", "13")
        .extension(Protocol::from_static("websocket"))
        .body(())
        .unwrap()
}

async fn echo(mut socket: Socket) -> Option<CloseCode> {
    while let Some(message) = socket.next().await {
        socket.send(message.unwrap()).await.unwrap();
    }
    socket.closed().unwrap().code
}

fn noise(len: usize) -> Vec<u8> {
    let mut random = 7_u32;
    let byte = |_| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 24) as u8
    };
    (0..len).map(byte).collect()
}

/// Sends each, receives the same, and closes by 1000.
async fn ask(mut client: Socket, messages: &[Message]) {
    for message in messages {
        client.send(message.clone()).await.unwrap();
        let echo = client.next().await.unwrap().unwrap();
        assert!(echo == *message, "another echo");
    }
    client.close(CloseCode::NORMAL, "done").await.unwrap();
    assert_eq!(client.closed().unwrap().code, Some(CloseCode::NORMAL));
}

#[tokio::test]
async fn echoes_of_all_sizes_both_ways() {
    for (windows, largest) in [
        ((65_535, 65_535), 16 << 20),
        ((1000, 700), 1 << 20),
        ((1, 65_535), 2000),
        ((65_535, 1), 2000),
        ((1, 1), 2000),
    ] {
        let (client, server) = pair(windows).await;
        let server = tokio::spawn(echo(server));
        let messages = [
            Message::text("hello"),
            Message::binary(noise(largest / 16)),
            Message::binary(noise(largest)),
            Message::text("ä".repeat(largest / 64)),
            Message::text(""),
        ];
        ask(client, &messages).await;
        assert_eq!(server.await.unwrap(), Some(CloseCode::NORMAL));
    }
}

#[tokio::test]
async fn both_send_at_once_through_small_windows() {
    let (mut client, mut server) = pair((5000, 3000)).await;
    let data = noise(1 << 20);
    async fn swap(socket: &mut Socket, data: Vec<u8>) -> Message {
        socket.feed(data).await.unwrap();
        let received = socket.next().await.unwrap().unwrap();
        socket.flush().await.unwrap();
        received
    }
    let (a, b) = tokio::join!(
        swap(&mut client, data.clone()),
        swap(&mut server, data.clone())
    );
    assert!(a.as_bytes() == data);
    assert!(b.as_bytes() == data);
}

#[tokio::test]
async fn deflate_and_a_subprotocol_are_agreed_on() {
    let deflate = Deflate::new();
    let acceptor = Acceptor::new()
        .path("/chat")
        .subprotocols(&["v1"])
        .deflate(&deflate);
    let connector = connector().subprotocols(&["v2", "v1"]).deflate(&deflate);
    let (client, server) = pair_with((3000, 3000), acceptor, connector).await;
    assert_eq!(
        (client.subprotocol(), server.subprotocol()),
        (Some("v1"), Some("v1"))
    );
    assert!(client.deflate().is_some() && server.deflate().is_some());
    let server = tokio::spawn(echo(server));
    ask(
        client,
        &[
            Message::text("again ".repeat(1 << 16)),
            Message::binary(noise(1 << 16)),
        ],
    )
    .await;
    assert_eq!(server.await.unwrap(), Some(CloseCode::NORMAL));
}

#[tokio::test]
async fn close_codes_go_both_ways_and_what_was_sent_before_arrives() {
    for code in [1000, 1001, 1011, 3000, 4999] {
        for from_server in [false, true] {
            let code = CloseCode::new(code).unwrap();
            let (client, server) = pair((500, 500)).await;
            let (mut closing, mut other) = if from_server {
                (server, client)
            } else {
                (client, server)
            };
            let data = noise(10_000);
            let close = async {
                closing.feed(data.clone()).await.unwrap();
                closing.close(code, "that is all").await
            };
            let receive = async {
                assert!(other.next().await.unwrap().unwrap().as_bytes() == data);
                assert!(other.next().await.is_none());
                let closed = other.closed().unwrap();
                assert_eq!((closed.code, &*closed.reason), (Some(code), "that is all"));
            };
            let (closed, ()) = tokio::join!(close, receive);
            closed.unwrap();
        }
    }
}

#[tokio::test]
async fn a_reader_that_stops_stops_the_peer() {
    let (mut client, mut server) = pair((65_535, 10_000)).await;
    client.feed(noise(100_000)).await.unwrap();
    let flush = tokio::time::timeout(Duration::from_millis(100), client.flush());
    assert!(flush.await.is_err());
    // No more than the window was taken.
    assert!(client.queued() > 85_000, "{}", client.queued());
    let (flushed, message) = tokio::join!(client.flush(), server.next());
    flushed.unwrap();
    assert_eq!(message.unwrap().unwrap().as_bytes().len(), 100_000);
}

/// The window comes back for what the reader has copied out, not for what `h2` has received.
/// As the documentation of `http2` says: `h2` would end the connection.
#[tokio::test]
async fn small_messages_may_fill_the_window() {
    let (mut server, mut send, _recv) = raw_client().await;
    let count = WINDOW as usize / 7;
    for _ in 0..count {
        let message = Bytes::from_static(b"\x81\x81\0\0\0\0x");
        send.send_data(message, false).unwrap();
    }
    for _ in 0..count {
        tokio::task::yield_now().await; // all of it waits to be read
    }
    for _ in 0..count {
        assert_eq!(server.next().await.unwrap().unwrap().as_text(), Some("x"));
    }
}

#[tokio::test]
async fn window_is_given_back_for_what_was_read() {
    let (mut sender, mut asked) = streams(65_535, 1000).await;
    let (_response, mut send) = sender.send_request(request(), false).unwrap();
    let (request, mut respond) = asked.recv().await.unwrap();
    let answer = respond.send_response(Response::new(()), false).unwrap();
    let mut stream = H2Stream::new(answer, request.into_body());
    send.send_data(noise(3000).into(), false).unwrap();
    let mut buffer = [0; 600];
    stream.read_exact(&mut buffer).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    // 1000 came; of these 400 are not read, and 600 more may come.
    let mut rest = vec![0; 1000];
    let n = tokio::time::timeout(Duration::from_secs(1), stream.read_exact(&mut rest));
    assert_eq!(n.await.unwrap().unwrap(), 1000);
    assert!(rest == noise(3000)[600..1600]);
}

#[tokio::test]
async fn the_end_of_the_stream_comes_after_the_last_data() {
    let (mut server, mut send, mut recv) = raw_client().await;
    let closing = tokio::spawn(async move {
        server.feed("last words").await.unwrap();
        server.close(CloseCode::NORMAL, "").await
    });
    let mut received = Vec::new();
    let close = b"\x88\x02\x03\xe8";
    while !received.ends_with(close) {
        let data = recv.data().await.unwrap().unwrap();
        received.extend_from_slice(&data);
        recv.flow_control().release_capacity(data.len()).unwrap();
    }
    assert_eq!(&received[2..12], b"last words");
    assert!(!recv.is_end_stream());
    send.send_data(Bytes::from_static(b"\x88\x82\0\0\0\0\x03\xe8"), false)
        .unwrap();
    // END_STREAM, while ours is still open; no reset.
    assert!(
        recv.data()
            .await
            .is_none_or(|data| data.unwrap().is_empty())
    );
    assert!(recv.is_end_stream());
    assert!(!closing.is_finished());
    send.send_data(Bytes::new(), true).unwrap();
    closing.await.unwrap().unwrap();
}

/// After both Close frames a reset with CANCEL or NO_ERROR is the end; before, it is an error with the reason.
#[tokio::test]
async fn resets_at_every_step() {
    for reason in [Reason::CANCEL, Reason::NO_ERROR, Reason::INTERNAL_ERROR] {
        // Nothing sent, a part of a frame, a part of a message.
        for sent in [
            &b""[..],
            b"\x81",
            b"\x82\x85\0\0\0\0ab",
            b"\x02\x81\0\0\0\0a",
        ] {
            let (mut server, mut send, _recv) = raw_client().await;
            send.send_data(Bytes::copy_from_slice(sent), false).unwrap();
            tokio::time::sleep(Duration::from_millis(2)).await;
            send.send_reset(reason);
            let error = server.next().await.unwrap().unwrap_err();
            let Error::Io(error) = error else {
                panic!("{error:?}")
            };
            assert_eq!(H2Stream::reason(&error), Some(reason));
            assert!(server.next().await.is_none());
        }
        // A message and then a reset: the message is received, and a later send fails.
        let (mut server, mut send, _recv) = raw_client().await;
        send.send_data(Bytes::from_static(b"\x81\x82\0\0\0\0hi"), false)
            .unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
        send.send_reset(reason);
        tokio::time::sleep(Duration::from_millis(2)).await;
        assert_eq!(server.next().await.unwrap().unwrap().as_text(), Some("hi"));
        assert!(server.next().await.unwrap().is_err());
        // Its Close, and then a reset.
        let (mut server, mut send, _recv) = raw_client().await;
        send.send_data(Bytes::from_static(b"\x88\x82\0\0\0\0\x03\xe8"), false)
            .unwrap();
        let closing = async {
            assert!(server.next().await.is_none());
            server.close(CloseCode::NORMAL, "").await
        };
        let reset = async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            send.send_reset(reason);
        };
        let (closed, ()) = tokio::join!(closing, reset);
        closed.unwrap();
        assert_eq!(server.closed().unwrap().code, Some(CloseCode::NORMAL));
        // The same at a client: the server resets after both Close frames, in place of END_STREAM.
        let (mut client, mut send, mut recv) = raw_server().await;
        let reset = async {
            recv.data().await.unwrap().unwrap();
            send.send_data(Bytes::from_static(b"\x88\x02\x03\xe8"), false)
                .unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
            send.send_reset(reason);
        };
        let (closed, ()) = tokio::join!(client.close(CloseCode::NORMAL, ""), reset);
        closed.unwrap();
        assert_eq!(client.closed().unwrap().code, Some(CloseCode::NORMAL));
    }
}

#[tokio::test]
async fn the_end_of_the_stream_without_a_close_is_an_error() {
    let (mut server, mut send, _recv) = raw_client().await;
    send.send_data(Bytes::from_static(b"\x81\x82\0\0\0\0hi"), true)
        .unwrap();
    assert!(server.next().await.unwrap().is_ok());
    assert!(matches!(server.next().await, Some(Err(Error::Eof(_)))));
    assert!(server.next().await.is_none());
}

#[tokio::test]
async fn a_socket_that_is_dropped_resets_with_cancel() {
    let (server, mut send, _recv) = raw_client().await;
    drop(server);
    assert_eq!(
        poll_fn(|cx| send.poll_reset(cx)).await.unwrap(),
        Reason::CANCEL
    );
    let (client, mut send, _recv) = raw_server().await;
    drop(client);
    assert_eq!(
        poll_fn(|cx| send.poll_reset(cx)).await.unwrap(),
        Reason::CANCEL
    );
}

#[tokio::test]
async fn refusals_have_a_status_and_a_body() {
    let elsewhere = connector().origin("https://elsewhere.example");
    let cases = [("/chat", elsewhere, 403), ("/other", connector(), 404)];
    for (path, connector, status) in cases {
        let (sender, mut asked) = streams(65_535, 65_535).await;
        let serve = async {
            let (request, respond) = asked.recv().await.unwrap();
            accept(request, respond, Acceptor::new().path(path)).unwrap_err();
        };
        let (refused, ()) = tokio::join!(connect(&sender, connector), serve);
        let Err(ConnectError::Refused(response)) = refused else {
            panic!()
        };
        assert_eq!(response.status(), status);
        assert!(response.body().starts_with(b"This server "));
        // The connection goes on.
        let (mut sender, mut asked) = (sender, asked);
        let (_response, _send) = sender.send_request(request(), false).unwrap();
        assert!(asked.recv().await.is_some());
    }
}

#[tokio::test]
async fn another_protocol_is_refused_with_501_and_another_version_with_400() {
    let mut other = request();
    other
        .extensions_mut()
        .insert(Protocol::from_static("connect-udp"));
    let mut version = request();
    version
        .headers_mut()
        .insert("sec-websocket-version", "8".parse().unwrap());
    for (request, status) in [(other, 501), (version, 400)] {
        let (mut sender, mut asked) = streams(65_535, 65_535).await;
        let (response, _send) = sender.send_request(request, false).unwrap();
        let (request, respond) = asked.recv().await.unwrap();
        accept(request, respond, Acceptor::new()).unwrap_err();
        let response = response.await.unwrap();
        assert_eq!(response.status(), status);
        let mut body = response.into_body();
        assert!(!body.data().await.unwrap().unwrap().is_empty());
        assert!(body.data().await.is_none());
    }
}

#[tokio::test]
async fn without_the_setting_nothing_is_sent() {
    let (client, server) = duplex(4096);
    tokio::spawn(async move {
        let mut connection = server::handshake(server).await.unwrap();
        assert!(connection.accept().await.is_none());
    });
    let (sender, connection) = handshake(client, &client::Builder::new()).await.unwrap();
    tokio::spawn(connection);
    let refused = connect(&sender, URL).await;
    assert!(matches!(refused, Err(ConnectError::NoExtendedConnect)));
}

#[tokio::test]
async fn a_refusal_by_a_server_has_its_fields_and_body() {
    let (sender, mut asked) = streams(65_535, 65_535).await;
    let serve = async {
        let (_request, mut respond) = asked.recv().await.unwrap();
        let response = Response::builder()
            .status(401)
            .header("www-authenticate", "Bearer");
        let mut send = respond
            .send_response(response.body(()).unwrap(), false)
            .unwrap();
        send.send_data("log in".into(), true).unwrap();
    };
    let (refused, ()) = tokio::join!(connect(&sender, connector()), serve);
    let Err(ConnectError::Refused(response)) = refused else {
        panic!()
    };
    assert_eq!((response.status(), response.body()), (401, &b"log in"[..]));
    assert_eq!(
        response.headers().get("WWW-Authenticate"),
        Some(&b"Bearer"[..])
    );
}

#[tokio::test]
async fn after_a_goaway_open_connections_go_on_and_new_ones_fail() {
    let (sender, mut asked) = streams(65_535, 65_535).await;
    let serve = async {
        let (request, respond) = asked.recv().await.unwrap();
        accept(request, respond, Acceptor::new()).unwrap()
    };
    let (client, server) = tokio::join!(connect(&sender, connector()), serve);
    let server = tokio::spawn(echo(server));
    // The next request leads to a GOAWAY.
    drop(asked);
    assert!(connect(&sender, connector()).await.is_err());
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert!(connect(&sender, connector()).await.is_err());
    ask(client.unwrap().0, &[Message::binary(noise(100_000))]).await;
    assert_eq!(server.await.unwrap(), Some(CloseCode::NORMAL));
}

#[tokio::test]
async fn a_connection_that_is_lost_is_an_error_of_all_its_streams() {
    let (client_io, server_io) = duplex(64 * 1024);
    let serving = tokio::spawn(async move {
        let mut builder = server::Builder::new();
        let mut connection = builder
            .enable_connect_protocol()
            .handshake::<_, Bytes>(server_io)
            .await
            .unwrap();
        let mut sockets = Vec::new();
        while sockets.len() < 2 {
            let (request, respond) = connection.accept().await.unwrap().unwrap();
            sockets.push(accept(request, respond, Acceptor::new()).unwrap());
        }
        let _ = tokio::time::timeout(Duration::from_millis(20), connection.accept()).await;
    });
    let (sender, connection) = handshake(client_io, &client::Builder::new()).await.unwrap();
    tokio::spawn(connection);
    let (mut a, _) = connect(&sender, URL).await.unwrap();
    let (mut b, _) = connect(&sender, URL).await.unwrap();
    serving.await.unwrap();
    for socket in [&mut a, &mut b] {
        assert!(socket.next().await.unwrap().is_err());
        assert!(socket.next().await.is_none());
    }
}

/// A server of hyper, and a client of it, with these windows.
async fn hyper_pair(windows: (u32, u32)) -> (Socket, WebSocket<TokioIo<hyper::upgrade::Upgraded>>) {
    let (client_io, server_io): (DuplexStream, DuplexStream) = duplex(64 * 1024);
    let (put, mut sockets) = mpsc::unbounded_channel();
    let service = service_fn(move |mut request: Request<Incoming>| {
        let put = put.clone();
        async move {
            let protocol = request.extensions().get::<hyper::ext::Protocol>().cloned();
            let protocol = protocol.as_ref().map(hyper::ext::Protocol::as_str);
            let acceptor = Acceptor::new().options(quiet());
            let (response, opened) = acceptor.answer_http(&request, protocol).unwrap();
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let stream = TokioIo::new(upgrade.await.unwrap());
                let _ = put.send(open_server(stream, opened));
            });
            Ok::<_, Infallible>(response.map(|()| Full::<Bytes>::default()))
        }
    });
    tokio::spawn(
        hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .enable_connect_protocol()
            .initial_stream_window_size(windows.1)
            .serve_connection(TokioIo::new(server_io), service),
    );
    let mut builder = client::Builder::new();
    builder.initial_window_size(windows.0);
    let (sender, connection) = handshake(client_io, &builder).await.unwrap();
    tokio::spawn(connection);
    let (client, server) = tokio::join!(connect(&sender, connector()), sockets.recv());
    (client.unwrap().0, server.unwrap())
}

#[tokio::test]
async fn a_server_of_hyper_loses_nothing_at_the_end() {
    for windows in [(65_535, 65_535), (700, 1), (1, 700)] {
        for from_server in [false, true] {
            let (mut client, mut server) = hyper_pair(windows).await;
            let data = noise(5000);
            if from_server {
                let close = async {
                    server.feed(data.clone()).await.unwrap();
                    server.close(CloseCode::NORMAL, "end").await
                };
                let receive = async {
                    assert!(client.next().await.unwrap().unwrap().as_bytes() == data);
                    assert!(client.next().await.is_none());
                };
                tokio::join!(close, receive).0.unwrap();
            } else {
                let close = async {
                    client.feed(data.clone()).await.unwrap();
                    client.close(CloseCode::NORMAL, "end").await
                };
                let receive = async {
                    assert!(server.next().await.unwrap().unwrap().as_bytes() == data);
                    assert!(server.next().await.is_none());
                };
                tokio::join!(close, receive).0.unwrap();
            }
            for closed in [client.closed(), server.closed()] {
                assert_eq!(closed.unwrap().code, Some(CloseCode::NORMAL));
            }
        }
    }
}

#[tokio::test]
async fn writing_ends_once() {
    let (mut sender, mut asked) = streams(65_535, 65_535).await;
    let (_response, send) = sender.send_request(request(), false).unwrap();
    let (request, _respond) = asked.recv().await.unwrap();
    let mut stream = H2Stream::new(send, request.into_body());
    stream.write_all(b"abc").await.unwrap();
    stream.shutdown().await.unwrap();
    stream.shutdown().await.unwrap();
    assert!(stream.write_all(b"d").await.is_err());
}
