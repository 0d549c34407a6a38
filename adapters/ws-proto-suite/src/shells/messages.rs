//! Messages both ways, in both roles.

use futures_util::{AsyncReadExt, AsyncWriteExt, SinkExt, StreamExt};
use ws_proto_async::{
    Bytes, CloseCode, Error, Event, Fin, Io, Message, SendError, TrySendError, Utf8Bytes,
};

use super::pairs::{masked, pair, pair_over, run, server_and_raw};
use super::{Runtime, quiet};
use ws_proto_test::stream::pipe;

fn samples() -> Vec<Message> {
    let mut samples = vec![
        Message::from("hello"),
        Message::from("\u{20ac} and \u{1f600}"),
        Message::from(""),
        Message::from(Vec::new()),
        Message::Text(Utf8Bytes::from_static("static")),
    ];
    for len in [1, 125, 126, 4095, 4096, 65535, 65536, 300_000] {
        samples.push(Message::from("\u{e9}".repeat(len)));
        samples.push(Message::from(
            (0..len).map(|i| i as u8).collect::<Vec<u8>>(),
        ));
    }
    samples
}

pub fn every_message_arrives_as_it_was_sent<R: Runtime>() {
    every_message_arrives_over::<R, _>(|capacity| {
        let (one, other) = pipe(capacity);
        (R::io(one), R::io(other))
    });
}

/// As well over a stream of the shell's that `ends` makes, of so many bytes.
pub fn every_message_arrives_over<R: Runtime, T: Io + Send + 'static>(
    ends: impl Fn(usize) -> (T, T),
) {
    run::<R>(async {
        for capacity in [1, 17, 1024, 1 << 20] {
            let (client, server) = ends(capacity);
            let (mut client, mut server) = pair_over(client, server, quiet()).await;
            let echo = R::spawn(async move {
                while let Some(message) = server.next().await {
                    server.send(message.unwrap()).await.unwrap();
                }
                server
            });
            for sample in samples() {
                if capacity < 100 && sample.len() > 10_000 {
                    continue;
                }
                client.send(sample.clone()).await.unwrap();
                assert_eq!(client.next().await.unwrap().unwrap(), sample);
            }
            client.close(CloseCode::NORMAL, "done").await.unwrap();
            let server = echo.await;
            let closed = server.closed().unwrap();
            assert_eq!(closed.code, Some(CloseCode::NORMAL));
            assert_eq!(closed.reason, "done");
            assert!(client.next().await.is_none());
        }
    });
}

pub fn a_message_that_is_shared_is_not_changed_by_masking<R: Runtime>() {
    run::<R>(async {
        let (mut client, mut server) = pair::<R>(1 << 20, quiet()).await;
        let shared = Bytes::from(vec![7; 10_000]);
        for _ in 0..3 {
            client.send_binary(shared.clone()).await.unwrap();
            assert_eq!(server.next().await.unwrap().unwrap().as_bytes(), &shared);
        }
        let text = Utf8Bytes::from("x".repeat(10_000));
        for _ in 0..3 {
            client.send_text(text.clone()).await.unwrap();
            let received = server.next().await.unwrap().unwrap();
            assert_eq!(received.as_text(), Some(text.as_str()));
        }
    });
}

pub fn it_is_a_stream_and_a_sink<R: Runtime>() {
    run::<R>(async {
        let (client, server) = pair::<R>(1024, quiet()).await;
        let echo = R::spawn(async move {
            let (sink, stream) = StreamExt::split(server);
            stream.forward(sink).await
        });
        let messages: Vec<Message> = (0..500).map(|i| Message::from(format!("{i}"))).collect();
        let (mut read, mut write) = client.split();
        let expected = messages.clone();
        let reading = R::spawn(async move {
            for expected in expected {
                assert_eq!(StreamExt::next(&mut read).await.unwrap().unwrap(), expected);
            }
            read
        });
        let mut all = futures_util::stream::iter(messages).map(Ok);
        write.send_all(&mut all).await.unwrap();
        let read = reading.await;
        let mut client = read.reunite(write).unwrap();
        SinkExt::close(&mut client).await.unwrap();
        echo.await.unwrap();
    });
}

pub fn parts_are_one_message_to_the_other_side<R: Runtime>() {
    run::<R>(async {
        let (mut client, mut server) = pair::<R>(1 << 20, quiet()).await;
        client.send_text_part("in ", Fin::No).await.unwrap();
        assert!(matches!(
            client.send("not now").await,
            Err(Error::Send(SendError::MessageOpen))
        ));
        assert!(matches!(
            client.try_send("not now"),
            Err(TrySendError::Send(SendError::MessageOpen))
        ));
        assert!(matches!(
            client.send_binary_part("not now", Fin::No).await,
            Err(Error::Send(SendError::MessageOpen))
        ));
        client.ping(b"between").await.unwrap();
        client
            .send_text_part("\u{e9}".repeat(5000), Fin::No)
            .await
            .unwrap();
        client.send_text_part(" parts", Fin::Yes).await.unwrap();
        client.send("next").await.unwrap();
        let expected = format!("in {} parts", "\u{e9}".repeat(5000));
        let received = server.next().await.unwrap().unwrap();
        assert_eq!(received.as_text(), Some(expected.as_str()));
        assert_eq!(
            server.next().await.unwrap().unwrap().as_text(),
            Some("next")
        );
    });
}

pub fn a_big_message_comes_in_pieces<R: Runtime>() {
    run::<R>(async {
        let (mut client, mut server) = pair::<R>(1000, quiet()).await;
        let big = "\u{1f600}\u{e9}x".repeat(30_000);
        let sent = big.clone();
        let sending = R::spawn(async move {
            client.send(sent).await.unwrap();
            client.send(vec![9; 100]).await.unwrap();
            client.send("whole").await.unwrap();
            client
        });
        let mut text = String::new();
        let mut pieces = 0;
        loop {
            let piece = server.next_piece().await.unwrap().unwrap();
            assert_eq!(piece.first, pieces == 0);
            assert!(piece.data.len() <= 70_000);
            text.push_str(piece.data.as_text().unwrap());
            pieces += 1;
            if piece.last {
                break;
            }
        }
        assert!(pieces > 10);
        assert!(text == big);
        let mut bytes = Vec::new();
        loop {
            let piece = server.next_piece().await.unwrap().unwrap();
            bytes.extend_from_slice(piece.data.as_bytes());
            if piece.last {
                break;
            }
        }
        assert_eq!(bytes, [9; 100]);
        assert_eq!(
            server.next().await.unwrap().unwrap().as_text(),
            Some("whole")
        );
        sending.await;
    });
}

pub fn a_whole_message_after_a_piece_is_the_next_one<R: Runtime>() {
    run::<R>(async {
        let (mut server, mut raw) = server_and_raw::<R>(1 << 16, quiet());
        raw.write_all(&masked(0x01, b"begun")).await.unwrap();
        let piece = server.next_piece().await.unwrap().unwrap();
        assert!(piece.first && !piece.last);
        raw.write_all(&masked(0x00, b"more")).await.unwrap();
        raw.write_all(&masked(0x80, b"end")).await.unwrap();
        raw.write_all(&masked(0x81, b"another")).await.unwrap();
        let next = server.next().await.unwrap().unwrap();
        assert_eq!(next.as_text(), Some("another"));
    });
}

pub fn pings_and_pongs_are_told_to_who_asks<R: Runtime>() {
    run::<R>(async {
        let (mut client, mut server) = pair::<R>(4096, quiet()).await;
        client.ping(b"one").await.unwrap();
        client.send("two").await.unwrap();
        assert_eq!(
            server.next_event().await.unwrap().unwrap(),
            Event::Ping("one".into())
        );
        assert_eq!(
            server.next_event().await.unwrap().unwrap(),
            Event::Message("two".into())
        );
        server.send("three").await.unwrap();
        assert_eq!(
            client.next_event().await.unwrap().unwrap(),
            Event::Pong("one".into())
        );
        assert_eq!(
            client.next_event().await.unwrap().unwrap(),
            Event::Message("three".into())
        );
        client.ping(b"four").await.unwrap();
        server.next_event().await.unwrap().unwrap();
        server.flush().await.unwrap();
        assert_eq!(
            client.next_event().await.unwrap().unwrap(),
            Event::Pong("four".into())
        );
    });
}

pub fn many_small_messages_in_one_read<R: Runtime>() {
    run::<R>(async {
        let (mut server, mut raw) = server_and_raw::<R>(1 << 20, quiet());
        let mut wire = Vec::new();
        for i in 0..5000 {
            wire.extend(masked(0x81, format!("{i}").as_bytes()));
            wire.extend(masked(0x89, b"p"));
        }
        raw.write_all(&wire).await.unwrap();
        let reading = R::spawn(async move {
            let mut pongs = vec![0; 5000 * 3];
            raw.read_exact(&mut pongs).await.unwrap();
            assert!(pongs.chunks(3).all(|pong| pong == b"\x8a\x01p"));
            raw
        });
        for i in 0..5000 {
            let message = server.next().await.unwrap().unwrap();
            assert_eq!(message.as_text(), Some(format!("{i}").as_str()));
        }
        server.flush().await.unwrap();
        reading.await;
    });
}

pub fn a_peer_that_breaks_the_protocol_is_told_and_heard_out<R: Runtime>() {
    run::<R>(async {
        let (mut server, mut raw) = server_and_raw::<R>(64, quiet());
        let peer = R::spawn(async move {
            raw.write_all(&masked(0x81, b"fine")).await.unwrap();
            raw.write_all(&masked(0x83, b"")).await.unwrap();
            // Goes on as if nothing had happened.
            raw.write_all(&masked(0x82, &[0; 100_000])).await.unwrap();
            let mut answer = Vec::new();
            raw.read_to_end(&mut answer).await.unwrap();
            answer
        });
        let fine = server.next().await.unwrap().unwrap();
        assert_eq!(fine.as_text(), Some("fine"));
        let error = server.next().await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Receive(_)), "{error:?}");
        assert!(server.next().await.is_none());
        assert!(server.send("late").await.is_err());
        drop(server);
        assert_eq!(peer.await, b"\x88\x02\x03\xea");
    });
}
