//! Every future can be dropped at every await: nothing is lost, nothing comes twice.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Poll;

use futures_util::future::{Either, join, select};
use futures_util::{AsyncReadExt, AsyncWriteExt, SinkExt, StreamExt};
use ws_proto_async::server::{accept, read_request};
use ws_proto_async::{
    Accept, Acceptor, CloseCode, Connector, Error, Event, Fin, Message, Piece, PlainResponse,
    SendError, TrySendError,
};

use super::pairs::{Socket, connect, masked, pair, run, server_and_raw};
use super::{Runtime, quiet};
use ws_proto_test::stream::pipe;
use ws_proto_test::task::{poll_once, poll_pinned, retry, yield_now};

type Boxed<'s, T> = Pin<Box<dyn Future<Output = T> + 's>>;
type Received<T> = Option<Result<T, Error>>;

/// Bytes that come one at a time, with the receiving future cancelled after each of them.
async fn dripped<R: Runtime, T>(
    wire: &[u8],
    receive: impl for<'s> Fn(&'s mut Socket<R>) -> Boxed<'s, Received<T>>,
) -> Vec<T> {
    let (mut server, mut raw) = server_and_raw::<R>(1 << 16, quiet());
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

pub fn next<R: Runtime>() {
    run::<R>(async {
        let received = dripped::<R, _>(&wire(), |socket| Box::pin(socket.next())).await;
        let expected = [
            Message::from("caf\u{e9}"),
            Message::from("two fr\u{e9}ames"),
            Message::from(vec![7; 300]),
            Message::from(vec![]),
        ];
        assert_eq!(received, expected);
    });
}

pub fn next_of_stream_ext<R: Runtime>() {
    run::<R>(async {
        let received = dripped::<R, _>(&wire(), |socket| Box::pin(StreamExt::next(socket))).await;
        assert_eq!(received.len(), 4);
    });
}

pub fn next_event<R: Runtime>() {
    run::<R>(async {
        let received = dripped::<R, _>(&wire(), |socket| Box::pin(socket.next_event())).await;
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

pub fn next_piece<R: Runtime>() {
    run::<R>(async {
        let received = dripped::<R, _>(&wire(), |socket| Box::pin(socket.next_piece())).await;
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
async fn full<R: Runtime>() -> (Socket<R>, Socket<R>) {
    let (mut client, server) = pair::<R>(64, quiet().high_water(100)).await;
    client.try_send("x".repeat(1000)).unwrap();
    assert!(poll_once(client.flush()).is_pending());
    assert!(client.pending_bytes() >= 900);
    (client, server)
}

async fn texts<R: Runtime>(server: &mut Socket<R>, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.len() < count {
        let message = server.next().await.unwrap().unwrap();
        texts.push(message.as_text().unwrap().to_owned());
    }
    texts
}

/// Cancelled before there was room: not queued. Cancelled after: all of it is written, once.
pub fn send<R: Runtime>() {
    run::<R>(async {
        let (mut client, mut server) = full::<R>().await;
        let queued = client.pending_bytes();
        assert!(poll_once(client.send("no room for this")).is_pending());
        assert!(client.pending_bytes() <= queued);
        let (text, _) = join(server.next(), client.flush()).await;
        assert_eq!(text.unwrap().unwrap().len(), 1000);

        let big = "y".repeat(5000);
        assert!(poll_once(client.send(big.clone())).is_pending());
        // It is queued: the next future that is awaited writes it.
        let rest = R::spawn(async move {
            client.ready().await.unwrap();
            client.send("after").await.unwrap();
            client
        });
        assert_eq!(texts::<R>(&mut server, 2).await, [big, "after".to_owned()]);
        rest.await;

        // Not cancelled, it is queued once there is room.
        let (mut client, mut server) = full::<R>().await;
        let (received, sent) = join(texts::<R>(&mut server, 2), client.send("late")).await;
        sent.unwrap();
        assert_eq!(received[1], "late");
    });
}

pub fn send_of_sink_ext<R: Runtime>() {
    run::<R>(async {
        let (mut client, mut server) = full::<R>().await;
        assert!(poll_once(SinkExt::send(&mut client, "no room".into())).is_pending());
        let (text, _) = join(server.next(), client.flush()).await;
        assert_eq!(text.unwrap().unwrap().len(), 1000);
        assert!(poll_once(SinkExt::send(&mut client, "z".repeat(500).into())).is_pending());
        let (text, _) = join(server.next(), client.flush()).await;
        assert_eq!(text.unwrap().unwrap().len(), 500);
    });
}

pub fn send_text_and_binary<R: Runtime>() {
    run::<R>(async {
        let (mut client, mut server) = pair::<R>(64, quiet()).await;
        assert!(poll_once(client.send_text("t".repeat(500))).is_pending());
        assert!(poll_once(client.send_binary(vec![b'b'; 500])).is_pending());
        let (received, _) = join(
            async { [server.next().await, server.next().await] },
            client.flush(),
        )
        .await;
        let [text, binary] = received.map(|message| message.unwrap().unwrap());
        assert_eq!(text, Message::from("t".repeat(500)));
        assert_eq!(binary, Message::from(vec![b'b'; 500]));
    });
}

pub fn feed_and_parts<R: Runtime>() {
    run::<R>(async {
        let (mut client, mut server) = full::<R>().await;
        assert!(poll_once(client.feed("no")).is_pending());
        assert!(poll_once(client.send_text_part("no", Fin::No)).is_pending());
        assert!(poll_once(client.send_binary_part(vec![1], Fin::No)).is_pending());
        let (first, _) = join(server.next(), client.flush()).await;
        assert_eq!(first.unwrap().unwrap().len(), 1000);
        // None of them has left a message open.
        assert!(poll_once(client.feed("one")).is_ready());
        assert!(poll_once(client.send_text_part("t", Fin::No)).is_ready());
        assert!(poll_once(client.send_text_part("wo", Fin::Yes)).is_ready());
        let (received, _) = join(texts::<R>(&mut server, 2), client.flush()).await;
        assert_eq!(received, ["one", "two"]);
    });
}

pub fn ready_and_try_send<R: Runtime>() {
    run::<R>(async {
        let (mut client, mut server) = full::<R>().await;
        assert!(poll_once(client.ready()).is_pending());
        let Err(TrySendError::Full(back)) = client.try_send("mine") else {
            panic!("there is no room");
        };
        let reading = R::spawn(async move { texts::<R>(&mut server, 2).await });
        let ((), _) = retry(&mut client, |client| {
            Box::pin(async { client.ready().await.unwrap() })
        })
        .await;
        client.try_send(back).unwrap();
        client.flush().await.unwrap();
        assert_eq!(reading.await[1], "mine");
    });
}

pub fn flush<R: Runtime>() {
    run::<R>(async {
        let (mut client, mut server) = full::<R>().await;
        assert!(poll_once(client.flush()).is_pending());
        let reading = R::spawn(async move { texts::<R>(&mut server, 1).await });
        let (flushed, _) = retry(&mut client, |client| Box::pin(client.flush())).await;
        flushed.unwrap();
        assert_eq!(reading.await[0].len(), 1000);
    });
}

pub fn ping_and_pong<R: Runtime>() {
    run::<R>(async {
        let (mut client, mut server) = full::<R>().await;
        assert!(poll_once(client.ping(b"no room")).is_pending());
        assert!(poll_once(client.pong(b"no room")).is_pending());
        let (first, _) = join(server.next_event(), client.flush()).await;
        assert!(matches!(first.unwrap().unwrap(), Event::Message(_)));
        client.ping(b"room").await.unwrap();
        client.pong(b"room").await.unwrap();
        let ping = server.next_event().await.unwrap().unwrap();
        assert_eq!(ping, Event::Ping("room".into()));
        let pong = server.next_event().await.unwrap().unwrap();
        assert_eq!(pong, Event::Pong("room".into()));
    });
}

pub fn close<R: Runtime>() {
    run::<R>(async {
        let (mut client, mut server) = full::<R>().await;
        let closing = client.close(CloseCode::GOING_AWAY, "bye");
        assert!(poll_once(closing).is_pending());
        let reading = R::spawn(async move {
            let texts = texts::<R>(&mut server, 1).await;
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

pub fn close_of_sink_ext<R: Runtime>() {
    run::<R>(async {
        let (mut client, mut server) = full::<R>().await;
        assert!(poll_once(SinkExt::close(&mut client)).is_pending());
        let reading = R::spawn(async move {
            texts::<R>(&mut server, 1).await;
            assert!(server.next().await.is_none());
            server.closed().unwrap().code
        });
        let (closed, _) = retry(&mut client, |client| Box::pin(SinkExt::close(client))).await;
        closed.unwrap();
        assert_eq!(reading.await, Some(CloseCode::NORMAL));
    });
}

/// Both halves of both ends, every future cancelled after every poll.
pub fn halves_that_are_cancelled_all_the_time<R: Runtime>() {
    run::<R>(async {
        const COUNT: usize = 300;
        let (client, server) = pair::<R>(50, quiet().high_water(64)).await;
        let echo = R::spawn(async move {
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
        let sending = R::spawn(async move {
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
pub fn accept_and_connect<R: Runtime>() {
    run::<R>(async {
        let (mut raw, server) = pipe(1024);
        raw.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        assert!(poll_once(accept(R::io(server), Acceptor::new())).is_pending());
        assert_eq!(raw.read(&mut [0; 10]).await.unwrap(), 0);

        let (mut raw, client) = pipe(1024);
        let connector = Connector::new("ws://h/").unwrap();
        assert!(poll_once(connect(R::io(client), connector)).is_pending());
        let mut request = String::new();
        raw.read_to_string(&mut request).await.unwrap();
        assert!(request.starts_with("GET / HTTP/1.1\r\nHost: h\r\n"));
    });
}

/// So it is with an answer that waits to be written.
pub fn read_request_and_what_follows<R: Runtime>() {
    let request = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    run::<R>(async {
        for step in 0..3 {
            let (mut raw, server) = pipe(64);
            let reading = Box::pin(read_request(R::io(server), quiet()));
            if step == 0 {
                let asking = raw.write_all(&request[..100]);
                let Either::Right((asked, reading)) = select(reading, asking).await else {
                    panic!("the rest is missing");
                };
                asked.unwrap();
                assert!(poll_once(reading).is_pending());
            } else {
                let (incoming, asked) = join(reading, raw.write_all(request)).await;
                asked.unwrap();
                let incoming = incoming.unwrap();
                if step == 1 {
                    assert!(poll_once(incoming.accept(&Accept::new())).is_pending());
                } else {
                    let reply = PlainResponse::new(403).body(&[b'x'; 100]);
                    assert!(poll_once(incoming.respond(&reply)).is_pending());
                }
            }
            let mut answer = Vec::new();
            raw.read_to_end(&mut answer).await.unwrap();
            assert_eq!(answer.len(), [0, 64, 64][step], "the stream is gone");
        }
    });
}

/// A future that is kept and not dropped can be waited for again, as the arm of a `select!`.
pub fn accept_by_reference<R: Runtime>() {
    run::<R>(async {
        let (client, server) = pipe(16);
        let mut accepting = pin!(accept(R::io(server), Acceptor::new()));
        let connector = Connector::new("ws://h/").unwrap();
        let connecting = R::spawn(connect(R::io(client), connector));
        let mut server = loop {
            if let Poll::Ready(server) = poll_pinned(accepting.as_mut()) {
                break server.unwrap();
            }
            yield_now().await;
        };
        let (mut client, _) = connecting.await.unwrap();
        client.send("hi").await.unwrap();
        assert_eq!(server.next().await.unwrap().unwrap().as_text(), Some("hi"));
    });
}

pub fn sending_after_the_end_says_so<R: Runtime>() {
    run::<R>(async {
        let (mut client, mut server) = pair::<R>(1024, quiet()).await;
        let (closed, none) = join(client.close(CloseCode::NORMAL, ""), server.next()).await;
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
