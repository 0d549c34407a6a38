//! WebSocket connections for event loops on [mio](https://docs.rs/mio), client and server, on the
//! sans-IO engine [`ws-proto`](https://docs.rs/ws-proto).
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod buffers;
#[cfg(feature = "net")]
mod connect;
mod connector;
mod engine;
mod error;
mod event;
mod handshake;
mod options;
mod outgoing;
mod response;
mod sender;
mod socket;
mod stream;
mod timers;
mod turn;
mod wire;

pub use buffers::Buffers;
pub use bytes::Bytes;
#[cfg(feature = "net")]
pub use connect::connect;
pub use connector::Connector;
pub use error::{ConnectError, Error};
pub use event::{Event, Piece};
pub use handshake::Request;
pub use options::Options;
pub use response::Response;
pub use sender::Sender;
pub use socket::WebSocket;
pub use stream::{Stream, Wrapped};
pub use timers::Timers;
pub use turn::Turn;
#[cfg(feature = "deflate")]
pub use ws_proto::extension::deflate::Deflate;
pub use ws_proto::handshake::{
    Accept, HandshakeError, HeadError, Headers, Limits, OriginPolicy, Response as Reply,
};
pub use ws_proto::{
    CloseCode, Config, ControlPayload, Fin, Instant, Kind, Message, Negotiated, ProtocolError,
    ReceiveError, SendError, TimedOut, UnexpectedEof, Uri, UriError,
};
