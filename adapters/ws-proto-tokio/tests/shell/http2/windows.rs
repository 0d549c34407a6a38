//! Flow control: windows of every size, and peers that give none back.

use std::time::Duration;

use http::Response;
use tokio::io::AsyncReadExt;
use ws_proto_tokio::http2::h2::{Reason, client, server};
use ws_proto_tokio::http2::{H2Stream, accept, connect};
use ws_proto_tokio::{Acceptor, Bytes, CloseCode, Error, Message};

use super::{
    Socket, WINDOW, ask, connector, echo, noise, pair, quiet, raw_client, request, streams,
    streams_with,
};

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
async fn a_reader_that_stops_stops_the_peer() {
    let (mut client, mut server) = pair((65_535, 10_000)).await;
    client.feed(noise(100_000)).await.unwrap();
    let flush = tokio::time::timeout(Duration::from_millis(100), client.flush());
    assert!(flush.await.is_err());
    // No more than the window was taken.
    assert!(
        client.pending_bytes() > 85_000,
        "{}",
        client.pending_bytes()
    );
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

/// A peer whose window stays at zero: the Close waits, and no longer than the time limits say.
#[tokio::test(start_paused = true)]
async fn a_window_of_zero_holds_a_server_up_for_a_while_only() {
    // A Close of the server's, a message that nobody takes, a client that says Close itself.
    for case in 0..3 {
        let (mut sender, mut asked) = streams(0, 65_535).await;
        let (response, mut send) = sender.send_request(request(), false).unwrap();
        let (request, respond) = asked.recv().await.unwrap();
        let mut server = accept(request, respond, Acceptor::new().options(quiet())).unwrap();
        let mut recv = response.await.unwrap().into_body();
        let work = async {
            match case {
                0 => server.close(CloseCode::NORMAL, "").await.err(),
                1 => server.send("hello").await.err(),
                _ => {
                    let close = Bytes::from_static(b"\x88\x82\0\0\0\0\x03\xe8");
                    send.send_data(close, true).unwrap();
                    assert!(server.next().await.is_none());
                    // The client has said Close: it is closed, though our answer is lost.
                    server.close(CloseCode::NORMAL, "").await.unwrap();
                    None
                }
            }
        };
        let error = tokio::time::timeout(Duration::from_secs(120), work).await;
        let error = error.unwrap_or_else(|_| panic!("case {case} waits for ever"));
        assert!(
            matches!(error, None | Some(Error::TimedOut(_))),
            "{error:?}"
        );
        assert_eq!(error.is_none(), case == 2);
        drop(server);
        let reset = recv.data().await.unwrap().unwrap_err();
        assert_eq!(reset.reason(), Some(Reason::CANCEL), "{case}");
    }
}

/// One stream that nobody reads is full, the connection is not.
#[tokio::test]
async fn a_reader_that_stops_stops_no_other_stream() {
    let mut builder = server::Builder::new();
    builder.initial_connection_window_size(4 * WINDOW);
    let (sender, mut asked) = streams_with(&client::Builder::new(), &mut builder).await;
    let mut servers = Vec::new();
    let mut clients = Vec::new();
    for _ in 0..3 {
        let serve = async {
            let (request, respond) = asked.recv().await.unwrap();
            accept(request, respond, Acceptor::new().options(quiet())).unwrap()
        };
        let (client, server) = tokio::join!(connect(&sender, connector()), serve);
        clients.push(client.unwrap().0);
        servers.push(server);
    }
    // Two that nobody reads.
    for client in &mut clients[..2] {
        client.feed(noise(200_000)).await.unwrap();
        let flush = tokio::time::timeout(Duration::from_millis(50), client.flush());
        assert!(flush.await.is_err());
    }
    let echoing = tokio::spawn(echo(servers.pop().unwrap()));
    ask(clients.pop().unwrap(), &[Message::binary(noise(500_000))]).await;
    assert_eq!(echoing.await.unwrap(), Some(CloseCode::NORMAL));
    // And the others have lost nothing.
    for (client, server) in clients.iter_mut().zip(&mut servers) {
        let (flushed, message) = tokio::join!(client.flush(), server.next());
        flushed.unwrap();
        assert!(message.unwrap().unwrap().as_bytes() == noise(200_000));
    }
}

/// A stream that is dropped with bytes that nobody has read gives the window of the connection back.
#[tokio::test]
async fn a_stream_that_is_dropped_unread_leaves_the_window_to_others() {
    let (sender, mut asked) = streams(65_535, 65_535).await;
    for round in 0..5 {
        let (_response, mut send) = sender.clone().send_request(request(), false).unwrap();
        let (request, mut respond) = asked.recv().await.unwrap();
        let answer = respond.send_response(Response::new(()), false).unwrap();
        let mut stream = H2Stream::new(answer, request.into_body());
        send.send_data(noise(60_000).into(), false).unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        // Unread in `h2`; or a byte of it read, and the rest of a frame in the stream.
        if round % 2 == 1 {
            stream.read_exact(&mut [0]).await.unwrap();
        }
        drop(stream);
    }
    let serve = async {
        let (request, respond) = asked.recv().await.unwrap();
        accept(request, respond, Acceptor::new().options(quiet())).unwrap()
    };
    let (client, server) = tokio::join!(connect(&sender, connector()), serve);
    let server = tokio::spawn(echo(server));
    ask(client.unwrap().0, &[Message::binary(noise(200_000))]).await;
    assert_eq!(server.await.unwrap(), Some(CloseCode::NORMAL));
}

#[tokio::test]
async fn many_streams_share_a_small_connection() {
    let mut client_builder = client::Builder::new();
    client_builder.initial_window_size(1000);
    let mut server_builder = server::Builder::new();
    server_builder.initial_window_size(700);
    let (sender, mut asked) = streams_with(&client_builder, &mut server_builder).await;
    let serving = tokio::spawn(async move {
        while let Some((request, respond)) = asked.recv().await {
            let server = accept(request, respond, Acceptor::new().options(quiet())).unwrap();
            tokio::spawn(echo(server));
        }
    });
    let mut talks = Vec::new();
    for n in 0..100 {
        let sender = sender.clone();
        talks.push(tokio::spawn(async move {
            let (client, _) = connect(&sender, connector()).await.unwrap();
            let messages = [Message::binary(noise(10_000 + n)), Message::text("end")];
            ask(client, &messages).await;
        }));
    }
    for talk in talks {
        talk.await.unwrap();
    }
    serving.abort();
}

/// What the transport does not take waits in `h2` up to the limit of its builder for each stream, however large the windows
/// are. The rest waits in the connection, and holds up who sends.
#[tokio::test]
async fn a_client_that_reads_nothing_pins_a_bounded_number_of_bytes() {
    const KEPT: usize = 100_000;
    let (client_io, server_io) = tokio::io::duplex(10_000);
    let mut builder = client::Builder::new();
    builder
        .initial_window_size(1 << 30)
        .initial_connection_window_size(1 << 30);
    let (put, opened) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let mut builder = server::Builder::new();
        builder.enable_connect_protocol().max_send_buffer_size(KEPT);
        let mut connection = builder.handshake(server_io).await.unwrap();
        let (request, respond) = connection.accept().await.unwrap().unwrap();
        let server = accept(request, respond, Acceptor::new().options(quiet())).unwrap();
        assert!(put.send(server).is_ok());
        assert!(connection.accept().await.is_none());
    });
    let (sender, mut connection) = ws_proto_tokio::http2::handshake(client_io, &builder)
        .await
        .unwrap();
    let client = tokio::select! {
        client = connect(&sender, connector()) => client.unwrap().0,
        ended = &mut connection => panic!("{ended:?}"),
    };
    // From here on the client reads nothing: its connection is not run.
    let mut server: Socket = opened.await.unwrap();
    let mut sent = 0;
    let mut queued = 0;
    while sent < 10 << 20 {
        server.feed(vec![7; 10_000]).await.unwrap();
        sent += 10_000;
        let flush = tokio::time::timeout(Duration::from_millis(20), server.flush());
        if flush.await.is_err() {
            queued = server.pending_bytes();
            break;
        }
    }
    let taken = sent - queued;
    // The pipe, and what is on its way between the two.
    assert!(taken < KEPT + 50_000, "{taken}");
    drop((client, connection));
    assert!(server.send("late").await.is_err());
}

/// A task that has more to send, and does something else meanwhile, holds no window that others need.
#[tokio::test]
async fn a_writer_that_stops_stops_no_other_stream() {
    let mut builder = client::Builder::new();
    builder.initial_window_size(1 << 20); // the window of the connection is the smaller one
    let (sender, mut asked) = streams_with(&builder, &mut server::Builder::new()).await;
    let mut pairs = Vec::new();
    for _ in 0..2 {
        let serve = async {
            let (request, respond) = asked.recv().await.unwrap();
            accept(request, respond, Acceptor::new().options(quiet())).unwrap()
        };
        let (client, server) = tokio::join!(connect(&sender, connector()), serve);
        pairs.push((client.unwrap().0, server));
    }
    let (other_client, other_server) = pairs.pop().unwrap();
    let (mut client, mut server) = pairs.pop().unwrap();
    server.feed(noise(200_000)).await.unwrap();
    let flush = tokio::time::timeout(Duration::from_millis(20), server.flush());
    assert!(flush.await.is_err());
    // All that has come is read, and the window given back.
    let receive = tokio::time::timeout(Duration::from_millis(20), client.next());
    assert!(receive.await.is_err());
    let talk = async {
        let echoing = tokio::spawn(echo(other_server));
        ask(other_client, &[Message::binary(noise(100_000))]).await;
        assert_eq!(echoing.await.unwrap(), Some(CloseCode::NORMAL));
    };
    let talk = tokio::time::timeout(Duration::from_secs(20), talk);
    talk.await.expect("the other stream stands still");
    let (flushed, message) = tokio::join!(server.flush(), client.next());
    flushed.unwrap();
    assert!(message.unwrap().unwrap().as_bytes() == noise(200_000));
}
