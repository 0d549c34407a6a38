//! A sans-IO engine for the WebSocket protocol, client and server (RFC 6455), over HTTP/1.1 and over
//! streams of HTTP/2 and HTTP/3 (RFC 8441, RFC 9220).
//!
//! `ws-proto` is a state machine: received bytes go in, events and bytes to write come out. It
//! opens no socket, reads no clock, starts no thread and draws no random number, so every program with an
//! event loop can drive it: `std::net`, mio, smol, tokio, io_uring, a game loop, a microcontroller.
//! It does everything between the first byte of the handshake and the closed connection: framing,
//! masking, UTF-8, fragmentation, Ping and Pong, the closing handshake, limits and timers. It is not
//! an HTTP server, it does no TLS and no DNS.
//!
//! # The loop
//!
//! ```text
//!            +---------------------------------------------------------+
//!            v                                                         |
//!   read --> Input --> receive(input, out) --> event --> send(.., out) |   until None
//!                         |                                            |
//!                         |  replies: Pong, Close                      |
//!                         v                                            |
//!   write <------------- out <---- tick(now, out) --> deadline         |
//!     |                                                  |             |
//!     '--> transport(): Open, AwaitEof -- wait for input or deadline --+
//!                       Close ----------- half-close, read to the end or deadline, close
//!                       Abort ----------- close the socket at once
//! ```
//!
//! Three rules make it simple to drive:
//!
//! * **Input is a cursor over your buffer**, and events borrow that buffer only: you can answer an
//!   event while you hold it. [`receive`](Connection::receive) returns `Ok(None)` only when all input is
//!   consumed, so one buffer can serve every connection of a thread. An output without room is an error
//!   that changes nothing, [`ReceiveError::OutputFull`]: write it, then call again with the same input.
//! * **Output is an argument** of every call that can produce bytes. Nothing is queued inside; when
//!   a call returns, its bytes are in `out`, in order. A failed connection has already put its
//!   Close frame there.
//! * **Time is an argument** of one call, [`tick`](Connection::tick), once per turn.
//!
//! [`Connection`] shows it as code, and [`driving`] has the rules for the program around it. Those who
//! want whole messages and buffers taken care of start with [`WebSocket`] (feature `alloc`); blocking
//! programs find everything in [`io`] (feature `std`).
//!
//! # Which type for what
//!
//! Most programs come in by an adapter: [`doors`] has the picture. With the engine alone:
//!
//! | you have | use |
//! |---|---|
//! | a socket that has just been accepted | [`ServerHandshake`](handshake::ServerHandshake), then [`Connection::server`] |
//! | a socket that has just been connected | [`ClientHandshake`](handshake::ClientHandshake), then [`Connection::client`] |
//! | a socket that has just been connected to a proxy | [`ProxyHandshake`](handshake::proxy::ProxyHandshake), [`Proxying`](opening::Proxying) or [`Proxy::connect`](opening::Proxy::connect), then as above |
//! | a request that a foreign HTTP server has parsed | [`Upgrade::from_headers`](handshake::Upgrade::from_headers) |
//! | a stream of HTTP/2 or HTTP/3 (RFC 8441, 9220), as a server | [`Upgrade::from_extended_connect`](handshake::Upgrade::from_extended_connect), then [`Connection::server`] |
//! | a stream of HTTP/2 or HTTP/3, as a client | [`ClientConnect`](handshake::ClientConnect), then [`Connection::client`] |
//! | pieces of messages, wanted whole | [`Assembler`], over a `Vec` or an array |
//! | big messages, wanted whole without a copy | [`Connection::frame_missing`] |
//! | a URL | [`Uri`] |
//! | a client that lost its connection | [`Backoff`](reconnect::Backoff) |
//! | a blocking stream | [`Connector::connect`](opening::Connector::connect), [`Acceptor::accept`](opening::Acceptor::accept), then [`WebSocket::exchange`] |
//! | a transport of another kind, and `alloc` | [`Connecting`](opening::Connecting), [`Accepting`](opening::Accepting), then [`WebSocket`] |
//! | a program that reads and writes bytes | [`io::ByteStream`], [`byte_stream`] |
//! | one message for many connections | [`PreparedMessage`] |
//! | messages to be compressed | [`Deflate`](extension::deflate::Deflate) |
//! | only a frame codec | [`frame`] |
//! | an event loop of your own | the rules in [`driving`] |
//!
//! # States
//!
//! The state tables are where the states are: receiving and closing in [`connection`], the opening
//! handshake in [`handshake`], errors by fault in [`error`].
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `std` (default) | [`io`], [`byte_stream`], [`Instant::now_since`]; implies `alloc` |
//! | `alloc` | `Vec<u8>` as [`Output`] and [`Storage`], [`Limited`], [`MessageBuf`], [`WebSocket`], [`opening`] |
//! | `deflate` | [`extension::deflate`]: permessage-deflate (RFC 7692); implies `std` |
//! | `getrandom` | [`OsRandom`]: masking keys and nonces from the operating system, [`Connector::connect`](opening::Connector::connect) |
//! | `http` | [`handshake::http`]: handshakes with the types of the crate `http`; implies `std` |
//! | `simd` | no API but speed, and the only `unsafe`; implies `std` |
//! | `arbitrary` | `Arbitrary` for the plain value types |
//!
//! Without features the crate needs neither `std` nor an allocator. Features only add API. The
//! minimum supported Rust version is 1.85.
//!
//! The crate forbids `unsafe`, unless `simd` is on: then one small module has it, to mask with AVX2 where
//! the processor has that, and to make a `str` of bytes that were seen to be ASCII while they were
//! unmasked. The key of a handshake is hashed by the crate `sha1`, which uses the processor's
//! instructions. Measured, receiving takes half the time for ASCII of 125 bytes, 23 and 40 % less for
//! 64 KiB of bytes and of ASCII, and hashing the key half the time (`benches/README.md` in the
//! repository).
#![no_std]
#![cfg_attr(
    not(all(
        feature = "std",
        feature = "deflate",
        feature = "getrandom",
        feature = "http"
    )),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "links to what the features add"
    )
)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(feature = "simd"), forbid(unsafe_code))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(feature = "arbitrary")]
mod arbitrary;
pub mod buf;
#[cfg(feature = "std")]
pub mod byte_stream;
pub mod close;
pub mod connection;
pub mod doors;
pub mod driving;
pub mod error;
pub mod extension;
pub mod frame;
pub mod handshake;
#[cfg(feature = "std")]
pub mod io;
pub mod message;
#[cfg(feature = "alloc")]
pub mod opening;
#[cfg(feature = "getrandom")]
mod random;
pub mod reconnect;
mod simd;
#[cfg(feature = "alloc")]
pub mod socket;
mod time;
mod transport;
pub mod uri;
pub mod utf8;

#[cfg(feature = "alloc")]
pub use buf::Limited;
pub use buf::{BufferLocation, FixedBuf, Input, MessageStorage, Output, Storage};
pub use close::{CloseCode, CloseReason, ControlPayload, TooLong};
pub use connection::{
    Binary, Client, Config, Connection, EitherRole, Event, Extended, Fin, Kind, MaskSource,
    PreparedMessage, Role, Server, Text,
};
pub use error::{CapacityError, ProtocolError, ReceiveError, SendError, TimedOut, UnexpectedEof};
pub use frame::MAX_CONTROL_FRAME;
pub use handshake::Negotiated;
pub use message::{AssembleError, Assembler, Message};
#[cfg(feature = "alloc")]
pub use message::{MessageBuf, OwnedMessage};
#[cfg(feature = "getrandom")]
pub use random::OsRandom;
#[cfg(feature = "alloc")]
pub use socket::{Sender, VectoredSend, WebSocket, WebSocketError};
pub use time::Instant;
pub use transport::Transport;
pub use uri::{Uri, UriError};
