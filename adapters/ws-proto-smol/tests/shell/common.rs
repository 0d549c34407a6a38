//! Pairs of connections over pipes, and raw peers.

use futures_util::{AsyncReadExt, AsyncWriteExt, join};
use smol::Task;
use ws_proto_smol::{Config, Connector, Options, WebSocket, accept_with, connect_over};
use ws_proto_test::Side;
use ws_proto_test::stream::{End, pipe};
use ws_proto_test::wire::frame;

pub(crate) type Socket = WebSocket<End>;

pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    smol::block_on(test)
}

pub(crate) fn spawn<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> Task<T> {
    smol::spawn(future)
}

/// A client and a server that are connected by pipes of so many bytes.
pub(crate) async fn pair(capacity: usize, options: Options) -> (Socket, Socket) {
    let (client, server) = pipe(capacity);
    let connector = Connector::new("ws://example.com/")
        .unwrap()
        .options(options);
    let acceptor = ws_proto_smol::Acceptor::new().options(options);
    let (client, server) = join!(
        connect_over(client, connector),
        accept_with(server, acceptor)
    );
    (client.unwrap().0, server.unwrap())
}

/// A server, and the other end of its stream as bytes; masks are all zero there.
pub(crate) async fn server_and_raw(capacity: usize, options: Options) -> (Socket, End) {
    let (mut raw, server) = pipe(capacity);
    let ask = async {
        let request = "GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
            Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
            Sec-WebSocket-Version: 13\r\n\r\n";
        raw.write_all(request.as_bytes()).await.unwrap();
        read_head(&mut raw).await;
        raw
    };
    let acceptor = ws_proto_smol::Acceptor::new().options(options);
    let (server, raw) = join!(accept_with(server, acceptor), ask);
    (server.unwrap(), raw)
}

pub(crate) async fn read_head(raw: &mut End) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        raw.read_exact(&mut byte).await.unwrap();
        head.extend(byte);
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
