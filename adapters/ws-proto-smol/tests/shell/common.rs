//! Pairs of connections over pipes, and raw peers.

use futures_util::join;
use smol::Task;
use ws_proto_smol::{
    Acceptor, Connector, Negotiated, Options, WebSocket, accept_with, connect_over, server,
};
pub(crate) use ws_proto_suite::shells::quiet;
use ws_proto_test::stream::{End, pipe};

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
    let acceptor = Acceptor::new().options(options);
    let (client, server) = join!(
        connect_over(client, connector),
        accept_with(server, acceptor)
    );
    (client.unwrap().0, server.unwrap())
}

/// A server, and the other end of its stream as bytes.
pub(crate) fn server_and_raw(capacity: usize, options: Options) -> (Socket, End) {
    let (raw, stream) = pipe(capacity);
    (server(stream, Negotiated::new(), options), raw)
}
