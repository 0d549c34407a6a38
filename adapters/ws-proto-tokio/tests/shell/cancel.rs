//! Every future can be dropped at every await: nothing is lost, nothing comes twice.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

use crate::common::{masked, pair, quiet, server_and_raw};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use ws_proto_test::task::{poll_once, retry};
use ws_proto_tokio::{
    CloseCode, Error, Event, Fin, Message, Piece, SendError, TrySendError, WebSocket,
};

type Boxed<'s, T> = Pin<Box<dyn Future<Output = T> + 's>>;
type Received<T> = Option<Result<T, Error>>;

/// Bytes that come one at a time, with the receiving future cancelled after each of them.
async fn dripped<T>(
    wire: &[u8],
    receive: impl for<'s> Fn(&'s mut crate::common::Socket) -> Boxed<'s, Received<T>>,
) -> Vec<T> {
    let (mut server, mut raw) = server_and_raw(1 << 16, quiet()).await;
    let mut received = Vec::new();
    for byte in wire {
        raw.write_all(&[*byte]).await.unwrap();
        while let Poll::Ready(item) = poll_once(receive(&mut server)) {
            received.push(item.expect("it is open").expect("no error"));
        }
    }
    received
}

fn wire() -> Vec<u8> {
    [
        masked(0x81, "caf\u{e9}".as_bytes()),
        masked(0x01, b"two "),
        masked(0x89, b"ping"),
        masked(0x00, "fr\u{e9}".as_bytes()),
        masked(0x80, b"ames"),
        masked(0x82, &[7; 300]),
        masked(0x8a, b"pong"),
        masked(0x82, b""),
    ]
    .concat()
}

#[tokio::test]
async fn next() {
    let received = dripped(&wire(), |socket| Box::pin(socket.next())).await;
    let expected = [
        Message::from("caf\u{e9}"),
        Message::from("two fr\u{e9}ames"),
        Message::from(vec![7; 300]),
        Message::from(vec![]),
    ];
    assert_eq!(received, expected);
}

#[tokio::test]
async fn next_of_stream_ext() {
    let received = dripped(&wire(), |socket| Box::pin(StreamExt::next(socket))).await;
    assert_eq!(received.len(), 4);
}

#[tokio::test]
async fn next_event() {
    let received = dripped(&wire(), |socket| Box::pin(socket.next_event())).await;
    let expected = [
        Event::Message("caf\u{e9}".into()),
        Event::Ping("ping".into()),
        Event::Message("two fr\u{e9}ames".into()),
        Event::Message(vec![7; 300].into()),
        Event::Pong("pong".into()),
        Event::Message(vec![].into()),
    ];
    assert_eq!(received, expected);
}

#[tokio::test]
async fn next_piece() {
    let received = dripped(&wire(), |socket| Box::pin(socket.next_piece())).await;
    let mut messages = Vec::new();
    for Piece {
        data, first, last, ..
    } in received
    {
        if first {
            messages.push((Vec::new(), false));
        }
        let (bytes, ended) = messages.last_mut().unwrap();
        assert!(!*ended);
        bytes.extend_from_slice(data.as_bytes());
        *ended = last;
    }
    let expected = [
        ("caf\u{e9}".as_bytes().to_vec(), true),
        ("two fr\u{e9}ames".as_bytes().to_vec(), true),
        (vec![7; 300], true),
        (vec![], true),
    ];
    assert_eq!(messages, expected);
}

/// A socket whose pipe is full, and the bytes of the message that waits in it.
async fn full() -> (crate::common::Socket, crate::common::Socket) {
    let (mut client, server) = pair(64, quiet().high_water(100)).await;
    client.try_send("x".repeat(1000)).unwrap();
    assert!(poll_once(client.flush()).is_pending());
    assert!(client.pending_bytes() >= 900);
    (client, server)
}

async fn texts(server: &mut crate::common::Socket, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.len() < count {
        let message = server.next().await.unwrap().unwrap();
        texts.push(message.as_text().unwrap().to_owned());
    }
    texts
}

/// Cancelled before there was room: not queued. Cancelled after: all of it is written, once.
#[tokio::test]
async fn send() {
    let (mut client, mut server) = full().await;
    let queued = client.pending_bytes();
    assert!(poll_once(client.send("no room for this")).is_pending());
    assert!(client.pending_bytes() <= queued);
    let (text, _) = tokio::join!(server.next(), client.flush());
    assert_eq!(text.unwrap().unwrap().len(), 1000);

    let big = "y".repeat(5000);
    assert!(poll_once(client.send(big.clone())).is_pending());
    // It is queued: the next future that is awaited writes it.
    let rest = tokio::spawn(async move {
        client.ready().await.unwrap();
        client.send("after").await.unwrap();
        client
    });
    assert_eq!(texts(&mut server, 2).await, [big, "after".to_owned()]);
    rest.await.unwrap();
}

#[tokio::test]
async fn send_of_sink_ext() {
    let (mut client, mut server) = full().await;
    assert!(poll_once(SinkExt::send(&mut client, "no room".into())).is_pending());
    let (text, _) = tokio::join!(server.next(), client.flush());
    assert_eq!(text.unwrap().unwrap().len(), 1000);
    assert!(poll_once(SinkExt::send(&mut client, "z".repeat(500).into())).is_pending());
    let (text, _) = tokio::join!(server.next(), client.flush());
    assert_eq!(text.unwrap().unwrap().len(), 500);
}

#[tokio::test]
async fn send_text_and_binary() {
    let (mut client, mut server) = pair(64, quiet()).await;
    assert!(poll_once(client.send_text("t".repeat(500))).is_pending());
    assert!(poll_once(client.send_binary(vec![b'b'; 500])).is_pending());
    let (received, _) = tokio::join!(
        async { [server.next().await, server.next().await] },
        client.flush()
    );
    let [text, binary] = received.map(|message| message.unwrap().unwrap());
    assert_eq!(text, Message::from("t".repeat(500)));
    assert_eq!(binary, Message::from(vec![b'b'; 500]));
}

#[tokio::test]
async fn feed_and_parts() {
    let (mut client, mut server) = full().await;
    assert!(poll_once(client.feed("no")).is_pending());
    assert!(poll_once(client.send_text_part("no", Fin::No)).is_pending());
    assert!(poll_once(client.send_binary_part(vec![1], Fin::No)).is_pending());
    let (first, _) = tokio::join!(server.next(), client.flush());
    assert_eq!(first.unwrap().unwrap().len(), 1000);
    // None of them has left a message open.
    assert!(poll_once(client.feed("one")).is_ready());
    assert!(poll_once(client.send_text_part("t", Fin::No)).is_ready());
    assert!(poll_once(client.send_text_part("wo", Fin::Yes)).is_ready());
    let (received, _) = tokio::join!(texts(&mut server, 2), client.flush());
    assert_eq!(received, ["one", "two"]);
}

#[tokio::test]
async fn ready_and_try_send() {
    let (mut client, mut server) = full().await;
    assert!(poll_once(client.ready()).is_pending());
    let Err(TrySendError::Full(back)) = client.try_send("mine") else {
        panic!("there is no room");
    };
    let reading = tokio::spawn(async move { texts(&mut server, 2).await });
    let ((), cancelled) = retry(&mut client, |client| {
        Box::pin(async { client.ready().await.unwrap() })
    })
    .await;
    assert!(cancelled > 0);
    client.try_send(back).unwrap();
    client.flush().await.unwrap();
    assert_eq!(reading.await.unwrap()[1], "mine");
}

#[tokio::test]
async fn flush() {
    let (mut client, mut server) = full().await;
    let reading = tokio::spawn(async move { texts(&mut server, 1).await });
    let (flushed, cancelled) = retry(&mut client, |client| Box::pin(client.flush())).await;
    flushed.unwrap();
    assert!(cancelled > 0);
    assert_eq!(reading.await.unwrap()[0].len(), 1000);
}

#[tokio::test]
async fn ping_and_pong() {
    let (mut client, mut server) = full().await;
    assert!(poll_once(client.ping(b"no room")).is_pending());
    assert!(poll_once(client.pong(b"no room")).is_pending());
    let (first, _) = tokio::join!(server.next_event(), client.flush());
    assert!(matches!(first.unwrap().unwrap(), Event::Message(_)));
    client.ping(b"room").await.unwrap();
    client.pong(b"room").await.unwrap();
    let ping = server.next_event().await.unwrap().unwrap();
    assert_eq!(ping, Event::Ping("room".into()));
    let pong = server.next_event().await.unwrap().unwrap();
    assert_eq!(pong, Event::Pong("room".into()));
}

#[tokio::test]
async fn close() {
    let (mut client, mut server) = full().await;
    let reading = tokio::spawn(async move {
        let texts = texts(&mut server, 1).await;
        assert!(server.next().await.is_none());
        (texts, server.closed().unwrap())
    });
    let (closed, cancelled) = retry(&mut client, |client| {
        Box::pin(client.close(CloseCode::GOING_AWAY, "bye"))
    })
    .await;
    closed.unwrap();
    assert!(cancelled > 0);
    let (texts, closed) = reading.await.unwrap();
    assert_eq!(texts[0].len(), 1000, "what was queued before comes first");
    assert_eq!(closed.code, Some(CloseCode::GOING_AWAY));
    assert_eq!(closed.reason, "bye");
}

#[tokio::test]
async fn close_of_sink_ext() {
    let (mut client, mut server) = full().await;
    let reading = tokio::spawn(async move {
        texts(&mut server, 1).await;
        assert!(server.next().await.is_none());
        server.closed().unwrap().code
    });
    let (closed, _) = retry(&mut client, |client| Box::pin(SinkExt::close(client))).await;
    closed.unwrap();
    assert_eq!(reading.await.unwrap(), Some(CloseCode::NORMAL));
}

/// Both halves of both ends, every future cancelled after every poll.
#[tokio::test]
async fn halves_that_are_cancelled_all_the_time() {
    const COUNT: usize = 300;
    let (client, server) = pair(50, quiet().high_water(64)).await;
    let echo = tokio::spawn(async move {
        let (mut read, mut write) = server.split();
        loop {
            let (message, _) = retry(&mut read, |read| Box::pin(async { read.next().await })).await;
            let Some(message) = message else { break };
            let message = message.unwrap();
            let ((), _) = retry(&mut write, |write| {
                Box::pin(async { write.ready().await.unwrap() })
            })
            .await;
            write.try_send(message).unwrap();
        }
        write.close(CloseCode::NORMAL, "").await.unwrap();
    });
    let (mut read, mut write) = client.split();
    let sending = tokio::spawn(async move {
        for i in 0..COUNT {
            let ((), _) = retry(&mut write, |write| {
                Box::pin(async { write.ready().await.unwrap() })
            })
            .await;
            write.try_send(format!("message {i}")).unwrap();
            let _ = poll_once(write.flush());
        }
        retry(&mut write, |write| {
            Box::pin(async { write.flush().await.unwrap() })
        })
        .await;
        write
    });
    for i in 0..COUNT {
        let (message, _) = retry(&mut read, |read| Box::pin(async { read.next().await })).await;
        let message = message.unwrap().unwrap();
        assert_eq!(message.as_text(), Some(format!("message {i}").as_str()));
    }
    let mut write = sending.await.unwrap();
    let ((), _) = retry(&mut write, |write| {
        Box::pin(async { write.close(CloseCode::NORMAL, "").await.unwrap() })
    })
    .await;
    assert!(read.next().await.is_none());
    echo.await.unwrap();
}

/// The handshakes own the stream: dropping them drops it, and the peer sees the end of it.
#[tokio::test]
async fn accept_and_connect() {
    let (mut raw, server) = tokio::io::duplex(1024);
    raw.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    assert!(poll_once(ws_proto_tokio::accept(server)).is_pending());
    assert_eq!(raw.read(&mut [0; 10]).await.unwrap(), 0);

    let (mut raw, client) = tokio::io::duplex(1024);
    assert!(poll_once(ws_proto_tokio::connect_over(client, "ws://h/")).is_pending());
    let mut request = String::new();
    raw.read_to_string(&mut request).await.unwrap();
    assert!(request.starts_with("GET / HTTP/1.1\r\nHost: h\r\n"));
}

/// So it is with an answer that waits to be written.
#[tokio::test]
async fn read_request_and_what_follows() {
    let request = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    for step in 0..3 {
        let (mut raw, server) = tokio::io::duplex(64);
        let asking = tokio::spawn(async move {
            // The last of it is left out for who reads only the beginning.
            let most = if step == 0 { 100 } else { request.len() };
            raw.write_all(&request[..most]).await.unwrap();
            let mut answer = Vec::new();
            let _ = raw.read_to_end(&mut answer).await;
            answer
        });
        let reading = ws_proto_tokio::read_request(server, quiet());
        if step == 0 {
            let limit = std::time::Duration::from_millis(20);
            assert!(tokio::time::timeout(limit, reading).await.is_err());
        } else {
            let incoming = reading.await.unwrap();
            if step == 1 {
                let accept = ws_proto_tokio::Accept::new();
                assert!(poll_once(incoming.accept(&accept)).is_pending());
            } else {
                let reply = ws_proto_tokio::PlainResponse::new(403).body(&[b'x'; 100]);
                assert!(poll_once(incoming.respond(&reply)).is_pending());
            }
        }
        let answer = asking.await.unwrap();
        assert_eq!(answer.len(), [0, 64, 64][step], "the stream is gone");
    }
}

/// A future that is kept and not dropped can be waited for again, as the arm of a `select!`.
#[tokio::test]
async fn accept_by_reference() {
    let (client, server) = tokio::io::duplex(16);
    let accepting = ws_proto_tokio::accept(server);
    tokio::pin!(accepting);
    let connecting = tokio::spawn(ws_proto_tokio::connect_over(client, "ws://h/"));
    let server = loop {
        tokio::select! {
            biased;
            server = &mut accepting => break server.unwrap(),
            () = tokio::task::yield_now() => {}
        }
    };
    let (mut client, _) = connecting.await.unwrap().unwrap();
    let mut server: WebSocket<_> = server;
    client.send("hi").await.unwrap();
    assert_eq!(server.next().await.unwrap().unwrap().as_text(), Some("hi"));
}

#[tokio::test]
async fn sending_after_the_end_says_so() {
    let (mut client, mut server) = pair(1024, quiet()).await;
    let (closed, none) = tokio::join!(client.close(CloseCode::NORMAL, ""), server.next());
    closed.unwrap();
    assert!(none.is_none());
    for socket in [&mut client, &mut server] {
        assert!(matches!(
            socket.send("late").await,
            Err(Error::Send(SendError::Closed))
        ));
        assert!(matches!(
            socket.try_send("late"),
            Err(TrySendError::Closed(_))
        ));
        assert!(socket.ping(b"").await.is_err());
        socket.close(CloseCode::NORMAL, "again").await.unwrap();
        assert!(socket.next().await.is_none());
    }
}
