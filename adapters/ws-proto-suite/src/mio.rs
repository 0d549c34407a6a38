//! What the examples in the documentation of `ws-proto-mio` run on.

use ::mio::Token;
use ws_proto_mio::{Negotiated, Options, WebSocket};
use ws_proto_test::stream::{End, pipe};

/// The server's end of an open connection in memory, and its peer's stream.
pub fn open() -> (WebSocket<End>, End) {
    let (stream, peer) = pipe(64 * 1024);
    let options = Options::new();
    let socket = WebSocket::server(stream, Token(0), Negotiated::new(), &[], &options);
    (socket, peer)
}
