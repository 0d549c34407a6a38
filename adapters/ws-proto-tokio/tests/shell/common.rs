//! Pairs of connections over pipes, and raw peers.

use tokio::io::{DuplexStream, duplex};
pub(crate) use ws_proto_suite::shells::quiet;
use ws_proto_test::Side;
use ws_proto_test::wire::frame;
use ws_proto_tokio::{
    Acceptor, Connector, Negotiated, Options, WebSocket, accept_with, connect_over, server,
};

pub(crate) type Socket = WebSocket<DuplexStream>;

/// A client and a server that are connected by pipes of so many bytes.
pub(crate) async fn pair(pipe: usize, options: Options) -> (Socket, Socket) {
    let (client, server) = duplex(pipe);
    let connector = Connector::new("ws://example.com/")
        .unwrap()
        .options(options);
    let acceptor = Acceptor::new().options(options);
    let (client, server) = tokio::join!(
        connect_over(client, connector),
        accept_with(server, acceptor)
    );
    (client.unwrap().0, server.unwrap())
}

/// A server, and the other end of its stream as bytes.
pub(crate) fn server_and_raw(pipe: usize, options: Options) -> (Socket, DuplexStream) {
    let (raw, stream) = duplex(pipe);
    (server(stream, Negotiated::new(), options), raw)
}

/// A frame of a client's, with a mask of zeros.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    frame(Side::Server, first, payload)
}
