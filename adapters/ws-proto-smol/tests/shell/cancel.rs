//! Every future can be dropped at every await: nothing is lost, nothing comes twice.

use std::pin::{Pin, pin};
use std::task::Poll;

use crate::common::{masked, pair, quiet, run, server_and_raw, spawn};
use futures_util::{AsyncReadExt, AsyncWriteExt, SinkExt, StreamExt, join};
use ws_proto_smol::{
    CloseCode, Error, Event, Fin, Message, Piece, SendError, TrySendError, WebSocket,
};
use ws_proto_test::stream::pipe;
use ws_proto_test::task::{poll_once, retry, yield_now};

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
        // These pipes pend now and then for fairness.
        let mut pended = 0;
        while pended < 8 {
            let Poll::Ready(item) = poll_once(receive(&mut server)) else {
                pended += 1;
                continue;
            };
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

#[test]
fn next() {
    run(async {
        let received = dripped(&wire(), |socket| Box::pin(socket.next())).await;
        let expected = [
            Message::from("caf\u{e9}"),
            Message::from("two fr\u{e9}ames"),
            Message::from(vec![7; 300]),
            Message::from(vec![]),
        ];
        assert_eq!(received, expected);
    });
}

#[test]
fn next_of_stream_ext() {
    run(async {
        let received = dripped(&wire(), |socket| Box::pin(StreamExt::next(socket))).await;
        assert_eq!(received.len(), 4);
    });
}

#[test]
fn next_event() {
    run(async {
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
    });
}

#[test]
fn next_piece() {
    run(async {
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
    });
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
#[test]
fn send() {
    run(async {
        let (mut client, mut server) = full().await;
        let queued = client.pending_bytes();
        assert!(poll_once(client.send("no room for this")).is_pending());
        assert!(client.pending_bytes() <= queued);
        let (text, _) = join!(server.next(), client.flush());
        assert_eq!(text.unwrap().unwrap().len(), 1000);

        let big = "y".repeat(5000);
        assert!(poll_once(client.send(big.clone())).is_pending());
        // It is queued: the next future that is awaited writes it.
        let rest = spawn(async move {
            client.ready().await.unwrap();
            client.send("after").await.unwrap();
            client
        });
        assert_eq!(texts(&mut server, 2).await, [big, "after".to_owned()]);
        rest.await;
    });
}

#[test]
fn send_of_sink_ext() {
    run(async {
        let (mut client, mut server) = full().await;
        assert!(poll_once(SinkExt::send(&mut client, "no room".into())).is_pending());
        let (text, _) = join!(server.next(), client.flush());
        assert_eq!(text.unwrap().unwrap().len(), 1000);
        assert!(poll_once(SinkExt::send(&mut client, "z".repeat(500).into())).is_pending());
        let (text, _) = join!(server.next(), client.flush());
        assert_eq!(text.unwrap().unwrap().len(), 500);
    });
}

#[test]
fn send_text_and_binary() {
    run(async {
        let (mut client, mut server) = pair(64, quiet()).await;
        assert!(poll_once(client.send_text("t".repeat(500))).is_pending());
        assert!(poll_once(client.send_binary(vec![b'b'; 500])).is_pending());
        let (received, _) = join!(
            async { [server.next().await, server.next().await] },
            client.flush()
        );
        let [text, binary] = received.map(|message| message.unwrap().unwrap());
        assert_eq!(text, Message::from("t".repeat(500)));
        assert_eq!(binary, Message::from(vec![b'b'; 500]));
    });
}

#[test]
fn feed_and_parts() {
    run(async {
        let (mut client, mut server) = full().await;
        assert!(poll_once(client.feed("no")).is_pending());
        assert!(poll_once(client.send_text_part("no", Fin::No)).is_pending());
        assert!(poll_once(client.send_binary_part(vec![1], Fin::No)).is_pending());
        let (first, _) = join!(server.next(), client.flush());
        assert_eq!(first.unwrap().unwrap().len(), 1000);
        // None of them has left a message open.
        assert!(poll_once(client.feed("one")).is_ready());
        assert!(poll_once(client.send_text_part("t", Fin::No)).is_ready());
        assert!(poll_once(client.send_text_part("wo", Fin::Yes)).is_ready());
        let (received, _) = join!(texts(&mut server, 2), client.flush());
        assert_eq!(received, ["one", "two"]);
    });
}

#[test]
fn ready_and_try_send() {
    run(async {
        let (mut client, mut server) = full().await;
        assert!(poll_once(client.ready()).is_pending());
        let Err(TrySendError::Full(back)) = client.try_send("mine") else {
            panic!("there is no room");
        };
        let reading = spawn(async move { texts(&mut server, 2).await });
        let ((), _) = retry(&mut client, |client| {
            Box::pin(async { client.ready().await.unwrap() })
        })
        .await;
        client.try_send(back).unwrap();
        client.flush().await.unwrap();
        assert_eq!(reading.await[1], "mine");
    });
}

#[test]
fn flush() {
    run(async {
        let (mut client, mut server) = full().await;
        let reading = spawn(async move { texts(&mut server, 1).await });
        let (flushed, _) = retry(&mut client, |client| Box::pin(client.flush())).await;
        flushed.unwrap();
        assert_eq!(reading.await[0].len(), 1000);
    });
}

#[test]
fn ping_and_pong() {
    run(async {
        let (mut client, mut server) = full().await;
        assert!(poll_once(client.ping(b"no room")).is_pending());
        assert!(poll_once(client.pong(b"no room")).is_pending());
        let (first, _) = join!(server.next_event(), client.flush());
        assert!(matches!(first.unwrap().unwrap(), Event::Message(_)));
        client.ping(b"room").await.unwrap();
        client.pong(b"room").await.unwrap();
        let ping = server.next_event().await.unwrap().unwrap();
        assert_eq!(ping, Event::Ping("room".into()));
        let pong = server.next_event().await.unwrap().unwrap();
        assert_eq!(pong, Event::Pong("room".into()));
    });
}

#[test]
fn close() {
    run(async {
        let (mut client, mut server) = full().await;
        let reading = spawn(async move {
            let texts = texts(&mut server, 1).await;
            assert!(server.next().await.is_none());
            (texts, server.closed().unwrap())
        });
        let (closed, _) = retry(&mut client, |client| {
            Box::pin(client.close(CloseCode::GOING_AWAY, "bye"))
        })
        .await;
        closed.unwrap();
        let (texts, closed) = reading.await;
        assert_eq!(texts[0].len(), 1000, "what was queued before comes first");
        assert_eq!(closed.code, Some(CloseCode::GOING_AWAY));
        assert_eq!(closed.reason, "bye");
    });
}

#[test]
fn close_of_sink_ext() {
    run(async {
        let (mut client, mut server) = full().await;
        let reading = spawn(async move {
            texts(&mut server, 1).await;
            assert!(server.next().await.is_none());
            server.closed().unwrap().code
        });
        let (closed, _) = retry(&mut client, |client| Box::pin(SinkExt::close(client))).await;
        closed.unwrap();
        assert_eq!(reading.await, Some(CloseCode::NORMAL));
    });
}

/// Both halves of both ends, every future cancelled after every poll.
#[test]
fn halves_that_are_cancelled_all_the_time() {
    run(async {
        const COUNT: usize = 300;
        let (client, server) = pair(50, quiet().high_water(64)).await;
        let echo = spawn(async move {
            let (mut read, mut write) = server.split();
            loop {
                let (message, _) =
                    retry(&mut read, |read| Box::pin(async { read.next().await })).await;
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
        let sending = spawn(async move {
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
        let mut write = sending.await;
        let ((), _) = retry(&mut write, |write| {
            Box::pin(async { write.close(CloseCode::NORMAL, "").await.unwrap() })
        })
        .await;
        assert!(read.next().await.is_none());
        echo.await;
    });
}

/// The handshakes own the stream: dropping them drops it, and the peer sees the end of it.
#[test]
fn accept_and_connect() {
    run(async {
        let (mut raw, server) = pipe(1024);
        raw.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        assert!(poll_once(ws_proto_smol::accept(server)).is_pending());
        assert_eq!(raw.read(&mut [0; 10]).await.unwrap(), 0);

        let (mut raw, client) = pipe(1024);
        assert!(poll_once(ws_proto_smol::connect_over(client, "ws://h/")).is_pending());
        let mut request = String::new();
        raw.read_to_string(&mut request).await.unwrap();
        assert!(request.starts_with("GET / HTTP/1.1\r\nHost: h\r\n"));
    });
}

/// A future that is kept and not dropped can be waited for again, as the arm of a `select!`.
#[test]
fn accept_by_reference() {
    run(async {
        let (client, server) = pipe(16);
        let accepting = ws_proto_smol::accept(server);
        let mut accepting = pin!(accepting);
        let connecting = spawn(ws_proto_smol::connect_over(client, "ws://h/"));
        let server = loop {
            if let Poll::Ready(server) = ws_proto_test::task::poll_pinned(accepting.as_mut()) {
                break server.unwrap();
            }
            yield_now().await;
        };
        let (mut client, _) = connecting.await.unwrap();
        let mut server: WebSocket<_> = server;
        client.send("hi").await.unwrap();
        assert_eq!(server.next().await.unwrap().unwrap().as_text(), Some("hi"));
    });
}

#[test]
fn sending_after_the_end_says_so() {
    run(async {
        let (mut client, mut server) = pair(1024, quiet()).await;
        let (closed, none) = join!(client.close(CloseCode::NORMAL, ""), server.next());
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
    });
}
