//! How a stream ends, at every step: END_STREAM, RST_STREAM, GOAWAY, the loss of the connection.

use std::future::poll_fn;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use ws_proto_tokio::http2::h2::{Reason, client, server};
use ws_proto_tokio::http2::{H2Stream, accept, connect, handshake};
use ws_proto_tokio::{Acceptor, Bytes, CloseCode, Error, Message};

use super::{
    Socket, URL, ask, connector, echo, noise, pair, raw_client, raw_server, request, streams,
};

/// Until the peer's task has seen what was sent.
async fn pass() {
    tokio::time::sleep(Duration::from_millis(2)).await;
}

/// A server's connection, with the first two sockets that its client asks for.
async fn accept_two(io: DuplexStream) -> (server::Connection<DuplexStream, Bytes>, [Socket; 2]) {
    let mut builder = server::Builder::new();
    let handshake = builder.enable_connect_protocol().handshake(io);
    let mut connection = handshake.await.unwrap();
    let mut sockets = [None, None];
    for socket in &mut sockets {
        let (request, respond) = connection.accept().await.unwrap().unwrap();
        *socket = accept(request, respond, Acceptor::new()).ok();
    }
    (connection, sockets.map(Option::unwrap))
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
        let (mut connection, _sockets) = accept_two(server_io).await;
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

/// Proxies end a stream so when the server behind them has ended: its Close, END_STREAM and a reset at once.
#[tokio::test]
async fn a_close_counts_though_a_reset_comes_with_it() {
    for reason in [Reason::CANCEL, Reason::NO_ERROR, Reason::INTERNAL_ERROR] {
        for (ends, sends) in [(false, false), (true, false), (false, true), (true, true)] {
            let (client, to_client, _recv) = raw_server().await;
            let (server, to_server, _recv) = raw_client().await;
            let sides = [
                (client, to_client, &b"\x81\x02hi\x88\x02\x0f\xa0"[..]),
                (
                    server,
                    to_server,
                    b"\x81\x82\0\0\0\0hi\x88\x82\0\0\0\0\x0f\xa0",
                ),
            ];
            for (mut socket, mut send, sent) in sides {
                send.send_data(Bytes::from_static(sent), ends).unwrap();
                pass().await;
                send.send_reset(reason);
                pass().await;
                if sends {
                    // It may fail. What has come is received all the same.
                    let _ = socket.send("late").await;
                }
                assert_eq!(socket.next().await.unwrap().unwrap().as_text(), Some("hi"));
                assert!(socket.next().await.is_none(), "{reason:?} {ends} {sends}");
                assert_eq!(socket.closed().unwrap().code.map(u16::from), Some(4000));
                socket.close(CloseCode::NORMAL, "").await.unwrap();
            }
        }
    }
}

/// END_STREAM or a reset after each byte of two messages and a Close.
#[tokio::test]
async fn an_end_at_every_byte_loses_nothing_before_it() {
    let messages = [
        (7, b"\x81\x81\0\0\0\0a".as_slice()),
        (15, b"\x01\x81\0\0\0\0b\x80\x81\0\0\0\0c"),
        (8, b"\x88\x82\0\0\0\0\x03\xe8"),
    ];
    let sent: Vec<u8> = messages
        .iter()
        .flat_map(|(_, bytes)| *bytes)
        .copied()
        .collect();
    let ends: Vec<usize> = (1..=messages.len())
        .map(|n| messages[..n].iter().map(|(_, bytes)| bytes.len()).sum())
        .collect();
    for at in 0..=sent.len() {
        for reason in [None, Some(Reason::CANCEL), Some(Reason::PROTOCOL_ERROR)] {
            for is_cut in [false, true] {
                let (mut server, mut send, _recv) = raw_client().await;
                for data in sent[..at].chunks(if is_cut { 1 } else { sent.len() }) {
                    let data = Bytes::copy_from_slice(data);
                    send.send_data(data, false).unwrap();
                }
                match reason {
                    None => send.send_data(Bytes::new(), true).unwrap(),
                    Some(reason) => {
                        pass().await;
                        send.send_reset(reason);
                    }
                }
                let mut texts = Vec::new();
                let mut error = None;
                while let Some(received) = server.next().await {
                    match received {
                        Ok(message) => texts.push(message.as_text().unwrap().to_owned()),
                        Err(failed) => error = Some(failed),
                    }
                }
                let case = format!("{at} {reason:?} {is_cut}");
                let whole = ends.iter().filter(|end| at >= **end).count();
                assert_eq!(texts, ["a", "bc"][..whole.min(2)], "{case}");
                match (whole == 3, reason, error) {
                    (true, _, None) => {
                        assert_eq!(server.closed().unwrap().code, Some(CloseCode::NORMAL));
                    }
                    (false, None, Some(Error::Eof(_))) => {}
                    (false, Some(reason), Some(Error::Io(error))) => {
                        assert_eq!(H2Stream::reason(&error), Some(reason), "{case}");
                    }
                    (.., error) => panic!("{case}: {error:?}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn a_goaway_with_an_error_ends_all_streams_and_is_the_end_of_the_connection() {
    let (client_io, server_io) = duplex(64 * 1024);
    tokio::spawn(async move {
        let (mut connection, _sockets) = accept_two(server_io).await;
        let wait = tokio::time::timeout(Duration::from_millis(20), connection.accept());
        assert!(wait.await.is_err());
        connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
        let _ = connection.accept().await;
    });
    let (sender, connection) = handshake(client_io, &client::Builder::new()).await.unwrap();
    let connection = tokio::spawn(connection);
    let (mut a, _) = connect(&sender, URL).await.unwrap();
    let (mut b, _) = connect(&sender, URL).await.unwrap();
    for socket in [&mut a, &mut b] {
        assert!(matches!(socket.next().await, Some(Err(Error::Io(_)))));
        assert!(socket.next().await.is_none());
        assert!(socket.send("late").await.is_err());
    }
    assert!(connect(&sender, connector()).await.is_err());
    let ended = connection.await.unwrap().unwrap_err();
    assert_eq!(ended.reason(), Some(Reason::ENHANCE_YOUR_CALM));
}

/// Trailers end a stream as DATA with END_STREAM does.
#[tokio::test]
async fn trailers_are_the_end_of_the_stream() {
    let (mut server, mut send, _recv) = raw_client().await;
    send.send_data(Bytes::from_static(b"\x81\x82\0\0\0\0hi"), false)
        .unwrap();
    let mut trailers = http::HeaderMap::new();
    trailers.insert("x-more", "1".parse().unwrap());
    send.send_trailers(trailers).unwrap();
    assert_eq!(server.next().await.unwrap().unwrap().as_text(), Some("hi"));
    assert!(matches!(server.next().await, Some(Err(Error::Eof(_)))));
    assert!(server.next().await.is_none());
}

/// For a program that gives a connection up: the peer gets the reason.
#[tokio::test]
async fn a_stream_can_be_reset() {
    let (mut client, _send, mut recv) = raw_server().await;
    client.get_mut().reset(Reason::ENHANCE_YOUR_CALM);
    let error = loop {
        let data = tokio::time::timeout(Duration::from_secs(20), recv.data());
        match data.await.expect("the peer is told") {
            Some(Ok(_)) => {}
            Some(Err(error)) => break error,
            None => panic!("an end without a reset"),
        }
    };
    assert_eq!(error.reason(), Some(Reason::ENHANCE_YOUR_CALM));
}
