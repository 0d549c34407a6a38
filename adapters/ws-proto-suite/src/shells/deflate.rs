//! permessage-deflate over each asynchronous shell.

use std::time::Duration;

use futures_util::future::join;
use ws_proto_async::client::connect_over;
use ws_proto_async::server::{accept, read_request};
use ws_proto_async::{
    Accept, Acceptor, Bytes, CloseCode, Config, Connector, Deflate, DeflateParams, DeflatePool,
    Error, Fin, Io, Message, Options, PreparedMessage, SendError, WebSocket,
};

use super::{Runtime, quiet};
use ws_proto_test::stream::{End, pipe};
use ws_proto_test::task::{poll_once, retry};

const PIPE: usize = 4096;

/// Both ends of a pipe, as the runtime has them.
fn ends<R: Runtime>(capacity: usize) -> (R::Io<End>, R::Io<End>) {
    let (one, other) = pipe(capacity);
    (R::io(one), R::io(other))
}

/// A client and a server that both want it, each in its way.
async fn pair_of<R: Runtime>(
    client: &Deflate,
    server: &Deflate,
    options: Options,
) -> (WebSocket<R::Io<End>>, WebSocket<R::Io<End>>) {
    let (one, other) = ends::<R>(PIPE);
    let connector = Connector::new("ws://example.com/").unwrap();
    let connector = connector.options(options).deflate(client);
    let acceptor = Acceptor::new().options(options).deflate(server);
    let (client, server) = join(
        connect_over(one, connector, Duration::from_secs(60)),
        accept(other, acceptor),
    )
    .await;
    (client.unwrap().0, server.unwrap())
}

async fn pair<R: Runtime>() -> (WebSocket<R::Io<End>>, WebSocket<R::Io<End>>) {
    pair_of::<R>(&Deflate::new(), &Deflate::new(), quiet()).await
}

/// Text that compresses well, and one that does not repeat earlier text.
fn lines(from: usize, count: usize) -> String {
    (from..from + count).fold(String::new(), |text, i| {
        text + &format!("line {i} of \u{20ac} and \u{e9}, number {}\n", i * i)
    })
}

/// The bytes of a message on the wire, of the unwritten output.
fn cost<T: Io>(socket: &mut WebSocket<T>, message: impl Into<Message>) -> usize {
    let before = socket.pending_bytes();
    socket.try_send(message).unwrap();
    socket.pending_bytes() - before
}

async fn exchange<T: Io>(one: &mut WebSocket<T>, other: &mut WebSocket<T>, message: Message) {
    let (sent, received) = join(one.send(message.clone()), other.next()).await;
    sent.unwrap();
    assert_eq!(received.unwrap().unwrap(), message);
}

async fn text<T: Io>(socket: &mut WebSocket<T>) -> Message {
    socket.next().await.unwrap().unwrap()
}

pub fn it_is_off_unless_both_ask_for_it<R: Runtime>() {
    R::run(async {
        let deflate = Deflate::new();
        let plain = Connector::new("ws://example.com/").unwrap();
        for (asks, agrees) in [(false, false), (false, true), (true, false), (true, true)] {
            let (one, other) = ends::<R>(PIPE);
            let connector = if asks {
                plain.clone().deflate(&deflate)
            } else {
                plain.clone()
            };
            let mut acceptor = Acceptor::new();
            if agrees {
                acceptor = acceptor.deflate(&deflate);
            }
            let both = join(
                connect_over(one, connector, Duration::from_secs(60)),
                accept(other, acceptor),
            )
            .await;
            let ((mut client, response), mut server) = (both.0.unwrap(), both.1.unwrap());
            let is_on = asks && agrees;
            let agreed = is_on.then(DeflateParams::new);
            assert_eq!((client.deflate(), server.deflate()), (agreed, agreed));
            let answer = response.headers().get("Sec-WebSocket-Extensions");
            assert_eq!(answer.is_some(), is_on);
            assert_eq!(cost(&mut client, lines(0, 50)) < 1000, is_on);
            assert_eq!(cost(&mut server, lines(0, 50)) < 1000, is_on);
        }
    });
}

pub fn every_message_arrives_as_it_was_sent_with_and_without_takeover<R: Runtime>() {
    R::run(async {
        let pool = DeflatePool::new(2);
        let mut exchanged = 0;
        for takeover in [true, false] {
            for threshold in [0, 32, 1000] {
                let deflate = Deflate::new()
                    .server_takeover(takeover)
                    .client_takeover(takeover)
                    .threshold(threshold)
                    .pool(&pool);
                let (mut client, mut server) = pair_of::<R>(&deflate, &deflate, quiet()).await;
                let agreed = client.deflate().unwrap();
                assert_eq!(agreed.server_takeover(), takeover);
                assert_eq!(agreed.client_takeover(), takeover);
                for len in [0, 1, 31, 32, 125, 126, 4096, 70_000, 300_000] {
                    let noise = (0..len).map(|i| (i * i / 7 + i) as u8).collect::<Vec<u8>>();
                    for message in [lines(len, len / 40).into(), Message::from(noise)] {
                        exchange(&mut client, &mut server, message.clone()).await;
                        exchange(&mut server, &mut client, message).await;
                        exchanged += 2;
                    }
                }
            }
        }
        println!("{exchanged} messages");
        assert_eq!(exchanged, 2 * 3 * 9 * 2 * 2);
    });
}

pub fn takeover_refers_to_earlier_messages_and_without_it_nothing_does<R: Runtime>() {
    R::run(async {
        for takeover in [true, false] {
            let deflate = Deflate::new()
                .client_takeover(takeover)
                .server_takeover(takeover);
            let (mut client, mut server) = pair_of::<R>(&deflate, &deflate, quiet()).await;
            for socket in [&mut client, &mut server] {
                let first = cost(socket, lines(0, 10));
                let again = cost(socket, lines(0, 10));
                assert_eq!(again < first / 4, takeover, "{first} then {again}");
            }
        }
    });
}

pub fn what_an_end_asks_for_is_agreed_on<R: Runtime>() {
    R::run(async {
        let client = Deflate::new().server_window_bits(10).client_takeover(false);
        let server = Deflate::new().client_window_bits(9).server_takeover(false);
        let (client, server) = pair_of::<R>(&client, &server, quiet()).await;
        for agreed in [client.deflate().unwrap(), server.deflate().unwrap()] {
            assert_eq!(agreed.server_window_bits(), 10);
            assert_eq!(agreed.client_window_bits(), 9);
            assert!(!agreed.server_takeover() && !agreed.client_takeover());
        }
    });
}

pub fn a_message_can_be_left_uncompressed<R: Runtime>() {
    R::run(async {
        let (mut client, mut server) = pair::<R>().await;
        for round in [1, 2] {
            let secret = lines(round * 10_000, 200);
            assert!(poll_once(client.send_uncompressed(secret.as_str())).is_pending());
            let waiting = client.pending_bytes() + PIPE;
            assert!(waiting >= secret.len(), "{waiting} of {}", secret.len());
            let (flushed, received) = join(client.flush(), server.next()).await;
            flushed.unwrap();
            assert_eq!(received.unwrap().unwrap(), secret.as_str().into());

            // What is compressed later does not refer to it.
            let again = cost(&mut client, secret.as_str());
            assert!(again > secret.len() / 8, "{again}");
            let (flushed, received) = join(client.flush(), server.next()).await;
            flushed.unwrap();
            assert_eq!(received.unwrap().unwrap(), secret.into());
        }
    });
}

pub fn compressing_can_be_paused_and_a_message_goes_on_as_it_began<R: Runtime>() {
    R::run(async {
        let (mut client, mut server) = pair::<R>().await;
        client.set_compressing(false);
        assert!(cost(&mut client, lines(0, 20)) > lines(0, 20).len());
        client.flush().await.unwrap();
        client.send_text_part(lines(0, 5), Fin::No).await.unwrap();
        client.set_compressing(true);
        client.send_text_part(lines(5, 5), Fin::Yes).await.unwrap();
        assert!(client.pending_bytes() > lines(0, 10).len());
        client.flush().await.unwrap();
        client.send_text_part(lines(0, 20), Fin::No).await.unwrap();
        client.set_compressing(false);
        client
            .send_text_part(lines(20, 20), Fin::Yes)
            .await
            .unwrap();
        assert!(client.pending_bytes() < lines(0, 20).len());
        client.flush().await.unwrap();
        for (from, count) in [(0, 20), (0, 10), (0, 40)] {
            assert_eq!(text(&mut server).await, lines(from, count).into());
        }
    });
}

pub fn parts_and_pieces_of_a_big_message<R: Runtime>() {
    R::run(async {
        let options = quiet().config(Config::new().keepalive(None).max_message(1 << 30));
        let deflate = Deflate::new();
        let (mut client, mut server) = pair_of::<R>(&deflate, &deflate, options).await;
        const PARTS: usize = 1000;
        let sending = R::spawn(async move {
            for i in 0..PARTS {
                let fin = if i + 1 == PARTS { Fin::Yes } else { Fin::No };
                client.send_text_part(lines(i, 100), fin).await.unwrap();
            }
            client.send("behind").await.unwrap();
            client
        });
        let expected = (0..PARTS).map(|i| lines(i, 100)).collect::<String>();
        let (mut received, mut pieces) = (String::new(), 0);
        loop {
            let piece = server.next_piece().await.unwrap().unwrap();
            assert_eq!(piece.first, pieces == 0);
            assert!(piece.data.len() <= 4 << 20, "{} at once", piece.data.len());
            received.push_str(piece.data.as_text().unwrap());
            pieces += 1;
            if piece.last {
                break;
            }
        }
        println!("{} bytes in {pieces} pieces", received.len());
        assert!(received == expected && pieces > 10);
        assert_eq!(text(&mut server).await, "behind".into());
        drop(sending.await);
    });
}

/// A reader that takes pieces holds little, however long they would inflate.
pub fn a_bomb_comes_in_small_pieces<R: Runtime>() {
    R::run(async {
        const LEN: usize = 100 << 20;
        let options = quiet().config(Config::new().keepalive(None).max_message(LEN as u64));
        let deflate = Deflate::new().level(9);
        let (one, other) = ends::<R>(1 << 20);
        let connector = Connector::new("ws://h/").unwrap();
        let connector = connector.options(options).deflate(&deflate);
        let acceptor = Acceptor::new().options(options).deflate(&deflate);
        let both = join(
            connect_over(one, connector, Duration::from_secs(60)),
            accept(other, acceptor),
        )
        .await;
        let (mut client, mut server) = (both.0.unwrap().0, both.1.unwrap());
        client.send(vec![0; LEN]).await.unwrap();
        let (mut len, mut biggest) = (0, 0);
        loop {
            let piece = server.next_piece().await.unwrap().unwrap();
            len += piece.data.len();
            biggest = biggest.max(piece.data.len());
            if piece.last {
                break;
            }
        }
        println!("{len} bytes, at most {biggest} at once");
        assert_eq!(len, LEN);
        assert!(biggest <= 2048 * 1032 + 258, "{biggest}");
    });
}

pub fn a_bomb_is_refused_with_1009<R: Runtime>() {
    R::run(async {
        let limited = quiet().config(Config::new().keepalive(None).max_message(100_000));
        let deflate = Deflate::new();
        let (mut client, mut server) = pair_of::<R>(&deflate, &deflate, limited).await;
        exchange(&mut client, &mut server, vec![0; 100_000].into()).await;
        client.send(vec![0; 100_001]).await.unwrap();
        let (error, end) = join(server.next(), client.next()).await;
        let error = error.unwrap().unwrap_err();
        assert!(matches!(error, Error::Receive(_)), "{error:?}");
        assert!(end.is_none());
        assert_eq!(
            client.closed().unwrap().code,
            Some(CloseCode::MESSAGE_TOO_BIG)
        );
        assert!(server.next().await.is_none());
    });
}

pub fn a_message_that_cannot_be_inflated_is_refused_with_1007<R: Runtime>() {
    R::run(async {
        let (one, other) = ends::<R>(PIPE);
        let (deflate, params) = (Deflate::new(), DeflateParams::new());
        let mut server = WebSocket::server(other, params.negotiated(), &[], quiet());
        server = server.with_deflate(&deflate, params);
        let mut broken = WebSocket::client(one, params.negotiated(), &[], quiet());
        // A text whose first bit says that it is compressed, with a mask of zeros.
        let frame = [0xc1, 0x83, 0, 0, 0, 0, 0xff, 0xff, 0xff];
        broken.get_mut().put(&frame);
        let (error, end) = join(server.next(), broken.next()).await;
        assert!(matches!(error.unwrap().unwrap_err(), Error::Receive(_)));
        assert!(end.is_none());
        assert_eq!(
            broken.closed().unwrap().code,
            Some(CloseCode::INVALID_PAYLOAD)
        );
    });
}

pub fn halves_in_two_tasks_compress_both_ways<R: Runtime>() {
    R::run(async {
        const COUNT: usize = 500;
        let (client, server) = pair::<R>().await;
        assert!(client.deflate().is_some());
        let (mut writers, mut readers) = (Vec::new(), Vec::new());
        for socket in [client, server] {
            let (mut read, mut write) = socket.split();
            assert_eq!(write.deflate(), Some(DeflateParams::new()));
            writers.push(R::spawn(async move {
                for i in 0..COUNT {
                    write.send(lines(i, i % 50)).await.unwrap();
                }
                write.send_uncompressed("end").await.unwrap();
                write
            }));
            readers.push(R::spawn(async move {
                for i in 0..COUNT {
                    let message = read.next().await.unwrap().unwrap();
                    assert_eq!(message.as_text(), Some(lines(i, i % 50).as_str()));
                }
                assert_eq!(read.next().await.unwrap().unwrap(), "end".into());
                read
            }));
        }
        let mut kept = Vec::new();
        for (writer, reader) in writers.into_iter().zip(readers) {
            kept.push(join(writer, reader).await);
        }
        assert_eq!(kept.len(), 2);
    });
}

pub fn cancelling_loses_nothing_of_the_window<R: Runtime>() {
    R::run(async {
        let (mut client, mut server) = pair::<R>().await;
        let receiving = R::spawn(async move {
            for i in 0..100 {
                let message = retry(&mut server, |s| Box::pin(s.next())).await.0;
                assert_eq!(message.unwrap().unwrap(), lines(i, 300).into());
            }
            server
        });
        let mut cancelled = 0;
        for i in 0..100 {
            // Dropped at its first await: queued as a whole, or not at all.
            while client.ready().await.is_ok() {
                let before = client.pending_bytes();
                let polled = poll_once(client.send(lines(i, 300)));
                cancelled += usize::from(polled.is_pending());
                if polled.is_ready() || client.pending_bytes() > before {
                    break;
                }
                client.flush().await.unwrap();
            }
            client.flush().await.unwrap();
        }
        drop(receiving.await);
        println!("{cancelled} cancelled");
    });
}

pub fn a_part_that_cannot_be_sent_leaves_the_window_alone<R: Runtime>() {
    R::run(async {
        let (mut client, mut server) = pair::<R>().await;
        client.send_text_part(lines(0, 10), Fin::No).await.unwrap();
        let error = client.send_binary_part(vec![1; 100], Fin::No).await;
        assert!(matches!(error, Err(Error::Send(SendError::MessageOpen))));
        let error = client.send_uncompressed("secret").await;
        assert!(matches!(error, Err(Error::Send(SendError::MessageOpen))));
        client
            .send_text_part(lines(10, 10), Fin::Yes)
            .await
            .unwrap();
        client.flush().await.unwrap();
        assert_eq!(text(&mut server).await, lines(0, 20).into());
    });
}

pub fn a_request_that_was_looked_at_can_agree<R: Runtime>() {
    R::run(async {
        let (one, other) = ends::<R>(PIPE);
        let deflate = Deflate::new();
        let connector = Connector::new("ws://h/chat").unwrap().deflate(&deflate);
        let serving = async {
            let incoming = read_request(other, Options::new()).await.unwrap();
            let accept = Accept::new().headers(&[("X-Room", b"1")]);
            incoming.deflate(&deflate).accept(&accept).await.unwrap()
        };
        let (client, mut server) = join(
            connect_over(one, connector, Duration::from_secs(60)),
            serving,
        )
        .await;
        let (mut client, response) = client.unwrap();
        assert_eq!(response.headers().get("X-Room"), Some(&b"1"[..]));
        assert_eq!(client.deflate(), Some(DeflateParams::new()));
        exchange(&mut client, &mut server, lines(0, 100).into()).await;
    });
}

pub fn a_handshake_made_elsewhere_can_turn_it_on<R: Runtime>() {
    R::run(async {
        let (one, other) = ends::<R>(PIPE);
        let (deflate, params) = (Deflate::new(), DeflateParams::new());
        let mut client = WebSocket::client(one, params.negotiated(), &[], quiet());
        let mut server = WebSocket::server(other, params.negotiated(), &[], quiet());
        client = client.with_deflate(&deflate, params);
        server = server.with_deflate(&deflate, params);
        exchange(&mut client, &mut server, lines(0, 100).into()).await;
        exchange(&mut server, &mut client, Bytes::from(vec![7; 9999]).into()).await;
        assert!(cost(&mut client, lines(0, 100)) < 200);
    });
}

/// Nobody will ask for messages after a close: not even that it cannot be inflated is noticed.
pub fn what_is_dropped_is_not_inflated<R: Runtime>() {
    R::run(async {
        let (one, mut raw) = pipe(PIPE);
        let (deflate, params) = (Deflate::new(), DeflateParams::new());
        let server = WebSocket::server(R::io(one), params.negotiated(), &[], quiet());
        let mut server = server.with_deflate(&deflate, params);
        assert!(poll_once(server.close(CloseCode::NORMAL, "")).is_pending());
        raw.put(&[0xc1, 0x83, 0, 0, 0, 0, 0xff, 0xff, 0xff]);
        assert!(poll_once(server.close(CloseCode::NORMAL, "")).is_pending());
        raw.put(b"\x88\x82\0\0\0\0\x03\xe8");
        server.close(CloseCode::NORMAL, "").await.unwrap();
        assert_eq!(server.closed().unwrap().code, Some(CloseCode::NORMAL));
        assert_eq!(raw.drain(), b"\x88\x02\x03\xe8");
    });
}

/// Connections with other windows, without takeover, and without compression at all, in both roles.
pub fn one_prepared_message_goes_to_all_whatever_was_agreed_on<R: Runtime>() {
    R::run(async {
        let text = lines(0, 3000);
        let message = Message::from(text.repeat(2));
        let prepared = PreparedMessage::from(message.clone());
        let all = Deflate::new();
        let without = all.clone().server_takeover(false).client_takeover(false);
        let small = all.clone().server_window_bits(9).client_window_bits(9);
        for deflate in [&all, &without, &small] {
            let (mut client, mut server) = pair_of::<R>(deflate, deflate, quiet()).await;
            for round in 0..4 {
                let (one, other) = match round % 2 {
                    0 => (&mut client, &mut server),
                    _ => (&mut server, &mut client),
                };
                exchange(one, other, lines(5, 10).into()).await;
                let (sent, received) = join(one.send_prepared(&prepared), other.next()).await;
                sent.unwrap();
                assert_eq!(received.unwrap().unwrap(), message);
                exchange(one, other, lines(5, 10).into()).await;
            }
            server.feed_prepared(&prepared).await.unwrap();
            assert!(server.pending_bytes() < text.len(), "it is compressed");
        }
    });
}
