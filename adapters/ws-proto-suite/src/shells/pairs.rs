//! Pairs of connections over pipes, and raw peers.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::join;
use ws_proto_async::client::connect_over;
use ws_proto_async::server::accept;
use ws_proto_async::{
    Acceptor, ConnectError, Connector, Io, Negotiated, Options, Response, Timer, WebSocket,
};

use super::Runtime;
use crate::{Side, wire};
use ws_proto_test::stream::{End, Script, pipe};

pub(super) type Socket<R> = WebSocket<<R as Runtime>::Io<End>>;

/// Runs a test that ends within a minute: what waits for ever fails, and does not hang.
pub(super) fn run<R: Runtime>(test: impl Future<Output = ()>) {
    R::run(in_time::<R, _>(60, test));
}

/// Waits so many seconds at most.
pub(super) async fn in_time<R: Runtime, T>(seconds: u64, future: impl Future<Output = T>) -> T {
    let mut timer = R::io(Script::new());
    let deadline = timer.now() + Duration::from_secs(seconds);
    let mut future = pin!(future);
    poll_fn(|cx| {
        if let Poll::Ready(done) = future.as_mut().poll(cx) {
            return Poll::Ready(done);
        }
        let is_late = timer.poll_until(cx, deadline).is_ready();
        assert!(!is_late, "it takes more than {seconds} s");
        Poll::Pending
    })
    .await
}

/// A client and a server that are connected by pipes of so many bytes.
pub(super) async fn pair<R: Runtime>(capacity: usize, options: Options) -> (Socket<R>, Socket<R>) {
    let (client, server) = pipe(capacity);
    pair_over(R::io(client), R::io(server), options).await
}

pub(super) async fn pair_over<T: Io>(
    client: T,
    server: T,
    options: Options,
) -> (WebSocket<T>, WebSocket<T>) {
    let connector = Connector::new("ws://example.com/").unwrap();
    let acceptor = Acceptor::new().options(options);
    let (client, server) = join(
        connect(client, connector.options(options)),
        accept(server, acceptor),
    )
    .await;
    (client.unwrap().0, server.unwrap())
}

/// Connects within the time that the connector says, as the functions of the shells.
pub(super) async fn connect<T: Io>(
    io: T,
    connector: Connector,
) -> Result<(WebSocket<T>, Response), ConnectError> {
    let time = connector.get_options().get_handshake_time();
    connect_over(io, connector, time).await
}

/// A server, and the other end of its stream as bytes.
pub(super) fn server_and_raw<R: Runtime>(capacity: usize, options: Options) -> (Socket<R>, End) {
    let (raw, server) = pipe(capacity);
    let server = WebSocket::server(R::io(server), Negotiated::new(), &[], options);
    (server, raw)
}

/// A frame of a client's, with a mask of zeros.
pub(super) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    wire::frame(Side::Server, first, payload)
}
