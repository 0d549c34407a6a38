//! Streams of bytes with what tokio brings for streams.

use std::io::{ErrorKind, IoSlice};

use tokio::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufWriter, copy, copy_bidirectional,
};
use tokio::net::{TcpListener, TcpStream};
use ws_proto_test::random::Random;
use ws_proto_test::task::poll_once;
use ws_proto_tokio::{
    Acceptor, ByteStream, ByteStreamError, CloseCode, Config, Connector, Options, accept_with,
    connect_over,
};

use crate::common::{pair, quiet};

async fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (ours, theirs) = tokio::join!(TcpStream::connect(address), listener.accept());
    (ours.unwrap(), theirs.unwrap().0)
}

/// A client and a server of subprotocol `raw` over TCP.
async fn streams(options: Options) -> (ByteStream<TcpStream>, ByteStream<TcpStream>) {
    let (ours, theirs) = tcp().await;
    let connector = Connector::new("ws://example.com/").unwrap();
    let connector = connector.subprotocols(&["raw"]).options(options);
    let acceptor = Acceptor::new().subprotocols(&["raw"]).options(options);
    let (client, server) =
        tokio::join!(connect_over(ours, connector), accept_with(theirs, acceptor));
    let client = client.unwrap().0.into_byte_stream();
    let server = server.unwrap().into_byte_stream();
    assert_eq!(client.subprotocol(), Some("raw"));
    assert_eq!(server.subprotocol(), Some("raw"));
    (client, server)
}

async fn send(from: &mut TcpStream, to: &mut TcpStream, data: &[u8]) {
    let mut got = vec![0; data.len()];
    let (sent, read) = tokio::join!(from.write_all(data), to.read_exact(&mut got));
    sent.unwrap();
    read.unwrap();
    assert!(got == data);
}

/// TCP, WebSocket, TCP: a tunnel, and whoever ends first.
#[tokio::test]
async fn a_tunnel_ends_in_both_directions() {
    for ends_first in ["client", "server", "both"] {
        let (client, server) = streams(quiet()).await;
        let (mut outer, near) = tcp().await;
        let (mut inner, far) = tcp().await;
        let tunnels = [(client, near), (server, far)].map(|(mut stream, mut tcp)| {
            tokio::spawn(async move { copy_bidirectional(&mut stream, &mut tcp).await })
        });
        let (there, back) = (Random::new(1).bytes(1 << 20), Random::new(2).bytes(1 << 20));
        send(&mut outer, &mut inner, &there).await;
        send(&mut inner, &mut outer, &back).await;
        if ends_first != "server" {
            outer.shutdown().await.unwrap();
        }
        if ends_first != "client" {
            inner.shutdown().await.unwrap();
        }
        let (mut rest, mut other_rest) = (Vec::new(), Vec::new());
        // The end of one comes to the other; WebSocket has no half-close, so that is the end of both.
        let (one, other) = tokio::join!(
            async {
                let read = inner.read_to_end(&mut rest).await;
                inner.shutdown().await.unwrap();
                read
            },
            async {
                let read = outer.read_to_end(&mut other_rest).await;
                outer.shutdown().await.unwrap();
                read
            }
        );
        assert_eq!((one.unwrap(), other.unwrap()), (0, 0), "{ends_first} first");
        for tunnel in tunnels {
            let (read, written) = tunnel.await.unwrap().unwrap();
            assert_eq!((read, written), (1 << 20, 1 << 20));
        }
    }
}

/// With `manual_close` at both ends one direction goes on after the other has ended.
#[tokio::test]
async fn a_tunnel_of_two_of_this_kind_has_half_close() {
    let options = Options::new().config(Config::new().keepalive(None).manual_close(true));
    let (client, server) = streams(options).await;
    let (mut outer, near) = tcp().await;
    let (mut inner, far) = tcp().await;
    let tunnels = [(client, near), (server, far)].map(|(mut stream, mut tcp)| {
        tokio::spawn(async move { copy_bidirectional(&mut stream, &mut tcp).await })
    });
    outer.write_all(b"request").await.unwrap();
    outer.shutdown().await.unwrap();
    let mut request = Vec::new();
    inner.read_to_end(&mut request).await.unwrap();
    assert_eq!(request, b"request");
    let answer = Random::new(3).bytes(3 << 20);
    let mut read = Vec::new();
    let (sent, got) = tokio::join!(
        async {
            inner.write_all(&answer).await?;
            inner.shutdown().await
        },
        outer.read_to_end(&mut read)
    );
    sent.unwrap();
    got.unwrap();
    assert!(read == answer);
    for tunnel in tunnels {
        tunnel.await.unwrap().unwrap();
    }
}

/// Four tasks, and all that is written is read: with `manual_close` neither end cuts the other off.
#[tokio::test]
async fn halves_in_two_tasks() {
    let options = Options::new().config(Config::new().keepalive(None).manual_close(true));
    let (client, server) = streams(options).await;
    let mut tasks = Vec::new();
    for (stream, seed) in [(client, 1), (server, 2)] {
        let (mut read, mut write) = tokio::io::split(stream);
        tasks.push(tokio::spawn(async move {
            let data = Random::new(seed).bytes(2 << 20);
            copy(&mut &data[..], &mut write).await.unwrap();
            write.shutdown().await.unwrap();
        }));
        tasks.push(tokio::spawn(async move {
            let mut bytes = Vec::new();
            read.read_to_end(&mut bytes).await.unwrap();
            assert!(bytes == Random::new(3 - seed).bytes(2 << 20));
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn lines_and_a_buffered_writer() {
    let (client, server) = pair(100, quiet()).await;
    let (client, mut server) = (client.into_byte_stream(), server.into_byte_stream());
    assert!(client.is_write_vectored());
    let writing = tokio::spawn(async move {
        let mut writer = BufWriter::new(client);
        for n in 0..1000 {
            writer
                .write_all(format!("line {n}\n").as_bytes())
                .await
                .unwrap();
        }
        writer.shutdown().await.unwrap();
        let mut client = writer.into_inner();
        assert_eq!(client.read(&mut [0; 10]).await.unwrap(), 0);
    });
    let mut line = String::new();
    for n in 0..1000 {
        line.clear();
        server.read_line(&mut line).await.unwrap();
        assert_eq!(line, format!("line {n}\n"));
    }
    assert_eq!(server.read_line(&mut line).await.unwrap(), 0);
    writing.await.unwrap();
}

#[tokio::test]
async fn errors_keep_the_close_code() {
    let (client, mut server) = pair(10_000, quiet()).await;
    let mut client = client.into_byte_stream();
    server.send_binary(&b"data"[..]).await.unwrap();
    server
        .start_close(CloseCode::POLICY_VIOLATION, "bad token")
        .unwrap();
    let closing = tokio::spawn(async move { server.next().await.is_none() });
    let mut bytes = Vec::new();
    let error = client.read_to_end(&mut bytes).await.unwrap_err();
    assert_eq!(bytes, b"data");
    assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
    let inner = ByteStreamError::of(&error).unwrap();
    assert_eq!(inner.close_code(), Some(CloseCode::POLICY_VIOLATION));
    assert_eq!(client.closed().unwrap().reason, "bad token");
    let slices = [IoSlice::new(b"more")];
    let error = client.write_vectored(&slices).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    assert!(closing.await.unwrap());
}

/// As that of any stream which keeps what is written.
#[tokio::test]
async fn a_flush_waits_for_the_stream_below() {
    let (client, server) = pair(100, quiet()).await;
    let (mut client, mut server) = (client.into_byte_stream(), server.into_byte_stream());
    client.write_all(&[7; 5000]).await.unwrap();
    assert!(poll_once(client.flush()).is_pending());
    let mut received = [0; 5000];
    let (flushed, read) = tokio::join!(client.flush(), server.read_exact(&mut received));
    flushed.unwrap();
    read.unwrap();
    assert_eq!(received, [7; 5000]);
}
