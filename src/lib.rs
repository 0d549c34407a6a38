//! A sans-IO engine for the WebSocket protocol, client and server (RFC 6455), over HTTP/1.1 and over
//! streams of HTTP/2 and HTTP/3 (RFC 8441, RFC 9220).
//!
//! `ws-proto` is a state machine: you feed it received bytes, and it returns events and bytes to send. It opens no
//! socket, reads no clock, starts no thread and draws no random number, so every program with an event loop can drive
//! it: `std::net`, mio, smol, tokio, io_uring, a game loop, a microcontroller. It handles framing, masking, UTF-8,
//! fragmentation, Ping and Pong, both handshakes, limits and timers. It is not an HTTP server, and does no TLS and no DNS.
//!
//! For applications there are adapters, which do the I/O: `ws-proto-tokio`, `ws-proto-smol`, `ws-proto-mio`.
//!
//! ```
//! use ws_proto::{Config, Connection, Event, Input, Instant, Negotiated};
//!
//! // The opening handshake is done: `handshake` or an HTTP server did it.
//! let mut connection = Connection::server(Negotiated::new(), Config::new());
//! let mut out = Vec::new(); // bytes to send
//!
//! let mut read = *b"\x81\x85\0\0\0\0hello\x89\x80\0\0\0\0"; // a read returned these bytes
//! let mut input = Input::new(&mut read);
//! while let Some(event) = connection.receive(&mut input, &mut out)? {
//!     match event {
//!         Event::Text(text) => connection.send_text(text.body, &mut out)?, // echo
//!         _ => {} // a Ping: its Pong is in `out` already
//!     }
//! }
//! let deadline = connection.tick(Instant::from_millis(0), &mut out)?;
//!
//! assert_eq!(out, b"\x81\x05hello\x8a\x00"); // write these bytes to the socket
//! assert!(deadline.is_some()); // call `tick` again at this time, for keepalive
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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
//! [`driving`] has the rules for the program around it, each with code. For whole messages and buffers start with
//! [`WebSocket`] (feature `alloc`), for blocking programs with [`io`] (feature `std`).
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
//! Tables of states: receiving and closing in [`connection`], the opening handshake in [`handshake`], the transport in
//! [`Transport`]. Errors by fault: [`error`].
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
//! # Stability
//!
//! Versions follow SemVer: before 1.0 a breaking change raises the minor version. None is a variant or a field that is
//! added where a type is `#[non_exhaustive]` (types that are not say that this is on purpose), a method of a type, a
//! provided method of a trait, or another text of an error. Programs may implement [`Output`], [`Storage`],
//! [`MessageStorage`], [`MaskSource`] and [`Decode`](extension::Decode); all other traits are sealed. The guide has the
//! whole list, in its reference.
//!
//! # Unsafe code
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
#[doc(inline)]
pub use buf::Limited;
#[doc(inline)]
pub use buf::{BufferLocation, FixedBuf, Input, MessageStorage, Output, Storage};
#[doc(inline)]
pub use close::{CloseCode, CloseReason, ControlPayload, TooLong};
#[doc(inline)]
pub use connection::{
    Binary, Client, Config, Connection, EitherRole, Event, Extended, Fin, Kind, MaskSource,
    PreparedMessage, Role, Server, Text,
};
#[doc(inline)]
pub use error::{CapacityError, ProtocolError, ReceiveError, SendError, TimedOut, UnexpectedEof};
#[doc(inline)]
pub use frame::MAX_CONTROL_FRAME;
#[doc(inline)]
pub use handshake::Negotiated;
#[doc(inline)]
pub use message::{AssembleError, Assembler, Message};
#[cfg(feature = "alloc")]
#[doc(inline)]
pub use message::{MessageBuf, OwnedMessage};
#[cfg(feature = "getrandom")]
#[doc(inline)]
pub use random::OsRandom;
#[cfg(feature = "alloc")]
#[doc(inline)]
pub use socket::{Sender, VectoredSend, WebSocket, WebSocketError};
#[doc(inline)]
pub use time::Instant;
#[doc(inline)]
pub use transport::Transport;
#[doc(inline)]
pub use uri::{Uri, UriError};
