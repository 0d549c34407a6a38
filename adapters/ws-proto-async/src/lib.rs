//! The common part of WebSocket connections on every async runtime, on the engine [`ws_proto`].
//!
//! Programs use an adapter: `ws-proto-tokio`, or `ws-proto-smol` for everything that has the traits
//! of `futures-io`. They re-export this crate. For another runtime, implement [`Io`]: a byte
//! stream, a clock and a timer. One picture shows [which door for which program](ws_proto::doors).
//!
//! | you want | it is |
//! |---|---|
//! | to serve | [`server::accept`], or [`server::read_request`] to look at requests first |
//! | to connect | [`net::Client`] (feature `net`), or [`client::connect_over`] over a stream |
//! | a handshake made by an HTTP server | [`WebSocket::server`] |
//! | messages | [`WebSocket`]: `Stream`, `Sink`, and methods |
//! | messages without a copy | [`WebSocket::next_batch`] |
//! | one message to many connections | [`PreparedMessage`] |
//! | a stream of bytes, `AsyncRead` and `AsyncWrite` | [`WebSocket::into_byte_stream`] (features `tokio`, `futures-io`) |
//! | two tasks | [`WebSocket::split`] |
//! | a client that connects again | [`Reconnecting`] |
//! | compression | [`Connector::deflate`], [`Acceptor::deflate`] (feature `deflate`) |
//! | messages too big to hold | [`WebSocket::next_piece`], [`WebSocket::send_binary_part`] |
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(all(feature = "deflate", feature = "net", feature = "rustls")),
    allow(rustdoc::broken_intra_doc_links)
)]

mod alarm;
mod batch;
mod buffer;
mod byte_io;
pub mod client;
mod core;
mod error;
mod io;
mod lane;
mod message;
#[cfg(feature = "net")]
#[cfg_attr(docsrs, doc(cfg(feature = "net")))]
pub mod net;
mod reconnecting;
pub mod server;
mod socket;
mod tasks;
mod utf8_bytes;

pub use batch::{Batch, Sender};
pub use byte_io::ByteStream;
pub use bytes::Bytes;
pub use error::{Error, TrySendError, cause_of};
pub use io::{Io, Timer};
pub use message::{Closed, Event, Message, Piece, PreparedMessage};
pub use reconnecting::{
    AttemptError, Connect, Connected, Decision, Disconnected, Ended, Reason, Reconnecting, Update,
};
#[cfg(feature = "rustls")]
#[cfg_attr(docsrs, doc(cfg(feature = "rustls")))]
pub use rustls;
pub use server::Incoming;
pub use socket::{ReadHalf, ReuniteError, WebSocket, WriteHalf};
#[cfg(feature = "net")]
pub use socket2;
pub use utf8_bytes::Utf8Bytes;
/// The engine, for what this crate does not name: `handshake::http` with the feature `http`, for instance.
pub use ws_proto;
/// A message that is lent; it becomes a [`Message`] by `into`, which copies the payload.
pub use ws_proto::Message as MessageRef;
pub use ws_proto::byte_stream::{self, ByteStreamError, ByteStreamOptions};
#[cfg(feature = "deflate")]
#[cfg_attr(docsrs, doc(cfg(feature = "deflate")))]
pub use ws_proto::extension::deflate::{Deflate, DeflateParams, DeflatePool};
pub use ws_proto::handshake::{
    Accept, ConnectEnabled, HandshakeError, HeadError, Limits, OriginFault, OriginPolicy,
    PlainResponse,
};
pub use ws_proto::opening::{
    AcceptError, Acceptor, Attempt, ConnectError, ConnectTimeout, ConnectingStream, Connector,
    NoProxy, Opened, Options, OwnedHeaders, Proxy, ProxyError, ProxyScheme, ProxyUriError, Request,
    Response, Stage, Unreachable,
};
pub use ws_proto::reconnect;
pub use ws_proto::uri::UriRules;
pub use ws_proto::{
    CloseCode, Config, ControlPayload, Fin, Instant, Kind, Negotiated, ProtocolError, SendError,
    TimedOut, UnexpectedEof, Uri, UriError, WebSocketError,
};
