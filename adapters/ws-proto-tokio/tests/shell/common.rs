//! Pairs of connections over pipes, and raw peers.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use ws_proto_test::Side;
use ws_proto_test::wire::frame;
use ws_proto_tokio::{Config, Connector, Options, WebSocket, accept_with, connect_over};

pub(crate) type Socket = WebSocket<DuplexStream>;

/// A client and a server that are connected by pipes of so many bytes.
pub(crate) async fn pair(pipe: usize, options: Options) -> (Socket, Socket) {
    let (client, server) = duplex(pipe);
    let connector = Connector::new("ws://example.com/")
        .unwrap()
        .options(options);
    let acceptor = ws_proto_tokio::Acceptor::new().options(options);
    let (client, server) = tokio::join!(
        connect_over(client, connector),
        accept_with(server, acceptor)
    );
    (client.unwrap().0, server.unwrap())
}

/// A server, and the other end of its stream as bytes; masks are all zero there.
pub(crate) async fn server_and_raw(pipe: usize, options: Options) -> (Socket, DuplexStream) {
    let (mut raw, server) = duplex(pipe);
    let ask = async {
        let request = "GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
            Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
            Sec-WebSocket-Version: 13\r\n\r\n";
        raw.write_all(request.as_bytes()).await.unwrap();
        read_head(&mut raw).await;
        raw
    };
    let acceptor = ws_proto_tokio::Acceptor::new().options(options);
    let (server, raw) = tokio::join!(accept_with(server, acceptor), ask);
    (server.unwrap(), raw)
}

pub(crate) async fn read_head(raw: &mut DuplexStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(raw.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// A frame of a client's.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    frame(Side::Server, first, payload)
}

pub(crate) fn quiet() -> Options {
    Options::new().config(Config::new().keepalive(None))
}
