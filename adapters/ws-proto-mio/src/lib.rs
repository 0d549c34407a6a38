//! WebSocket connections for event loops on [mio](https://docs.rs/mio), client and server, on the
//! sans-IO engine [`ws-proto`](https://docs.rs/ws-proto).
//!
//! A [`WebSocket`] wraps a non-blocking stream, from the first byte of its handshake on. The loop
//! has one rule: *whatever happens to a connection, give it a [turn](WebSocket::turn)*. All
//! connections share the loop's [`Buffers`], and [`Timers`] keeps their deadlines.
//!
//! # A server and a client in one loop
//!
//! ```
//! # #[cfg(feature = "net")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use mio::net::{TcpListener, TcpStream};
//! use mio::{Events, Interest, Poll, Token};
//! use ws_proto_mio::{
//!     Accept, Buffers, CloseCode, Event, Instant, Message, Options, Timers, Turn, WebSocket, connect,
//! };
//!
//! let mut poll = Poll::new()?;
//! let mut listener = TcpListener::bind("127.0.0.1:0".parse()?)?;
//! poll.registry().register(&mut listener, Token(0), Interest::READABLE)?;
//!
//! let options = Options::new();
//! let url = format!("ws://{}/", listener.local_addr()?);
//! let mut client = connect(&*url, Token(1), &options)?;
//! let interest = client.interest();
//! poll.registry().register(&mut client, Token(1), interest)?;
//!
//! let mut sockets: Vec<WebSocket<TcpStream>> = vec![client]; // with many, a slab
//! let (mut buffers, mut timers) = (Buffers::new(), Timers::new());
//! let mut events = Events::with_capacity(64);
//! let epoch = std::time::Instant::now();
//! let mut last = 1; // every connection has a token of its own
//! while !sockets.is_empty() {
//!     let now = Instant::now_since(epoch);
//!     let busy = sockets.iter().any(WebSocket::has_more);
//!     let patience = if busy { Duration::ZERO } else { Duration::from_millis(50) };
//!     let wait = timers.wait(now).map_or(patience, |wait| wait.min(patience));
//!     match poll.poll(&mut events, Some(wait)) {
//!         Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue, // a signal
//!         polled => polled?,
//!     }
//!     for event in &events {
//!         if let Some(socket) = sockets.iter_mut().find(|s| s.token() == event.token()) {
//!             socket.note_event(event);
//!         }
//!     }
//!     // When `accept` fails, for lack of file descriptors for instance, the open connections are still
//!     // served, and others get in later.
//!     while let Ok((stream, _)) = listener.accept() {
//!         last += 1;
//!         let mut server = WebSocket::accept(stream, Token(last), &options);
//!         let interest = server.interest();
//!         if poll.registry().register(&mut server, Token(last), interest).is_ok() {
//!             sockets.push(server);
//!         }
//!     }
//!     let now = Instant::now_since(epoch);
//!     while timers.expired(now).is_some() {} // all get a turn here
//!     for socket in &mut sockets {
//!         // What ends one connection does not end the loop.
//!         if let Err(error) = serve(&mut socket.turn(&mut buffers, now)) {
//!             eprintln!("{error}");
//!         }
//!         timers.set(socket.token(), socket.next_deadline());
//!     }
//!     sockets.retain(|socket| !socket.is_over());
//! }
//!
//! /// One turn of one connection.
//! fn serve(turn: &mut Turn<'_, TcpStream>) -> Result<(), Box<dyn std::error::Error>> {
//!     while turn.read() {
//!         let mut is_new = false;
//!         while let Some(event) = turn.next_event()? {
//!             match event {
//!                 // Browsers get in from pages of the same host only: see `Accept::origins`.
//!                 Event::Request(incoming) => incoming.accept(&Accept::new())?,
//!                 Event::Connected(_) => is_new = true,
//!                 Event::Message(Message::Text("hello"), mut sender) => sender.send_text("bye")?,
//!                 Event::Message(_, mut sender) => sender.close(CloseCode::NORMAL, "")?,
//!                 _ => {}
//!             }
//!         }
//!         if let (true, Some(mut sender)) = (is_new, turn.sender()) {
//!             sender.send_text("hello")?; // the next `read` writes it
//!         }
//!     }
//!     Ok(())
//! }
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "net"))]
//! # fn main() {}
//! ```
//!
//! For programs without an event loop of mio: [which door for which program](ws_proto::doors).
//!
//! A loop for thousands of connections gives turns only to those that something has happened to: the
//! example `echo_mio` is one.
//!
//! # What a loop has to get right
//!
//! | | |
//! |---|---|
//! | readiness | register once for [`interest`](WebSocket::interest); call [`note_event`](WebSocket::note_event) for each event |
//! | fairness | give those that [have more](WebSocket::has_more) another turn after the others |
//! | time | after each turn give [`Timers`] its [`next_deadline`](WebSocket::next_deadline) |
//! | the end | after an [`Error`] go on with the turns of this connection and of all others; drop it when it [is over](WebSocket::is_over) |
//! | sites | browsers get in from pages of the same host, unless [`Accept::origins`] says otherwise |
//! | descriptors | go on when `accept` fails for lack of them, and try again a little later |
//! | signals | go on when `poll` fails with `Interrupted` |
//!
//! # What is written when
//!
//! What was received is emitted before anything is written: the answers to all messages of one read leave in
//! one write, when [`Turn::next_event`] has nothing more. They leave before that when 16 KiB of them wait, and a
//! Pong leaves before the message after it is emitted. A write that fails ends writing only: what the peer
//! has sent, and its Close, still come.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `net` (default) | `connect` with a URL, `Attempts` for all addresses of its host, and [`Stream`] for mio's sockets |
//! | `http` | handshakes with the types of the crate `http`: `ws_proto::handshake::http` |
//! | `simd` (default) | masks and validates with the vector instructions of the processor |
//! | `deflate` | permessage-deflate (RFC 7692): `Options::deflate` |
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod begin;
mod buffers;
#[cfg(feature = "net")]
mod connect;
mod error;
mod event;
mod handshake;
mod options;
mod sender;
mod socket;
mod steps;
mod stream;
mod timers;
mod turn;
mod wire;

pub use buffers::Buffers;
pub use bytes::Bytes;
#[cfg(feature = "net")]
pub use connect::{Attempts, connect};
pub use error::{ConnectError, Error};
pub use event::{Event, Piece};
pub use handshake::Incoming;
pub use options::Options;
pub use sender::{PreparedMessage, Sender};
pub use socket::WebSocket;
pub use stream::{Stream, Wrapped};
pub use timers::Timers;
pub use turn::Turn;
/// The engine, for what this crate does not name: `handshake::http` with the feature `http`, for instance.
pub use ws_proto;
#[cfg(feature = "deflate")]
#[cfg_attr(docsrs, doc(cfg(feature = "deflate")))]
pub use ws_proto::extension::deflate::{Deflate, DeflateParams, DeflatePool};
pub use ws_proto::handshake::{
    Accept, ConnectEnabled, HandshakeError, HeadError, Limits, OriginFault, OriginPolicy,
    PlainResponse,
};
pub use ws_proto::opening::{
    Acceptor, ConnectTimeout, ConnectingStream, Connector, Opened, OwnedHeaders, ProxyError,
    Request, Response, Stage,
};
#[cfg(feature = "net")]
pub use ws_proto::opening::{Attempt, Unreachable};
pub use ws_proto::uri::UriRules;
pub use ws_proto::{
    CloseCode, Config, ControlPayload, Fin, Instant, Kind, Message, Negotiated, ProtocolError,
    SendError, TimedOut, UnexpectedEof, Uri, UriError, WebSocketError,
};
