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
//! use mio::net::{TcpListener, TcpStream};
//! use mio::{Events, Interest, Poll, Token};
//! use ws_proto_mio::{
//!     Accept, Buffers, CloseCode, Event, Instant, Message, Options, Timers, WebSocket, connect,
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
//! while !sockets.is_empty() {
//!     let now = Instant::now_since(epoch);
//!     let busy = sockets.iter().any(WebSocket::has_more);
//!     let patience = if busy { Some(std::time::Duration::ZERO) } else { timers.wait(now) };
//!     poll.poll(&mut events, patience)?;
//!     for event in &events {
//!         if event.token() == Token(0) {
//!             while let Ok((stream, _)) = listener.accept() {
//!                 let mut server = WebSocket::accept(stream, Token(2), &options);
//!                 let interest = server.interest();
//!                 poll.registry().register(&mut server, Token(2), interest)?;
//!                 sockets.push(server);
//!             }
//!         } else if let Some(socket) = sockets.iter_mut().find(|s| s.token() == event.token()) {
//!             socket.ready(event);
//!         }
//!     }
//!     let now = Instant::now_since(epoch);
//!     while timers.expired(now).is_some() {} // all get a turn here
//!     for socket in &mut sockets {
//!         let mut say_hello = false;
//!         let mut turn = socket.turn(&mut buffers, now);
//!         while turn.read() {
//!             while let Some(event) = turn.next()? {
//!                 match event {
//!                     Event::Request(request) => request.accept(&Accept::new())?,
//!                     Event::Connected(_) => say_hello = true,
//!                     Event::Message(Message::Text("hello"), mut sender) => sender.text("bye")?,
//!                     Event::Message(_, mut sender) => sender.close(CloseCode::NORMAL, "")?,
//!                     _ => {}
//!                 }
//!             }
//!         }
//!         drop(turn);
//!         if let (true, Some(mut sender)) = (say_hello, socket.sender()) {
//!             sender.text("hello")?;
//!             socket.turn(&mut buffers, now).read();
//!         }
//!         timers.set(socket.token(), socket.next_deadline());
//!     }
//!     sockets.retain(|socket| !socket.is_done());
//! }
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "net"))]
//! # fn main() {}
//! ```
//!
//! A loop for thousands of connections gives turns only to those that something has happened to: the
//! example `echo_mio` is one.
//!
//! # What a loop has to get right
//!
//! | | |
//! |---|---|
//! | readiness | register once for [`interest`](WebSocket::interest); call [`ready`](WebSocket::ready) for each event |
//! | fairness | give those that [have more](WebSocket::has_more) another turn after the others |
//! | time | after each turn tell [`Timers`] its [`next_deadline`](WebSocket::next_deadline) |
//! | the end | after an [`Error`] go on with turns, drop it when it [is done](WebSocket::is_done) |
//! | sites | ask [`Request::is_allowed_by`] if browsers connect |
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `net` (default) | `connect` with a URL, and [`Stream`] for mio's sockets |
//! | `deflate` | permessage-deflate (RFC 7692): `Options::deflate` |
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
#[cfg_attr(docsrs, doc(cfg(feature = "deflate")))]
pub use ws_proto::extension::deflate::{Deflate, DeflateParams, DeflatePool};
pub use ws_proto::handshake::{
    Accept, HandshakeError, HeadError, Headers, Limits, OriginPolicy, PlainResponse as Reply,
};
pub use ws_proto::{
    CloseCode, Config, ControlPayload, Fin, Instant, Kind, Message, Negotiated, ProtocolError,
    SendError, TimedOut, UnexpectedEof, Uri, UriError, WebSocketError,
};
