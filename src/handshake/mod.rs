//! The opening handshake (RFC 6455 4).
//!
//! ```text
//!  client                                                              server
//!  ClientRequest                                                       ServerHandshake
//!    | ClientHandshake::start       GET /chat HTTP/1.1                   |
//!    +-----------------------------------------------------------------> | receive
//!    |                                                                   v
//!    |                                                                Upgrade -- OriginPolicy, cookies,
//!    |                              HTTP/1.1 101 Switching Protocols     |       target: look, then decide
//!    | receive <---------------------------------------------------------+ accept(Accept)
//!    v                                                                   v
//!  Established.negotiated() --> Connection::client     Connection::server <-- Negotiated
//!    |
//!    |                              HTTP/1.1 4xx                         |
//!    | refusal() <-------------------------------------------------------+ reject(Response), or by
//!                                                                          ServerHandshake itself
//! ```
//!
//! Like everything in this crate, handshakes read no socket and no clock. A head is collected in a
//! [`Storage`](crate::Storage) of the caller's, each byte of it is looked at once on the way, and
//! parsed strictly when it is complete. It ends where it ends: the first frames can be in the same
//! piece of input and stay there for the connection.
//!
//! # A server
//!
//! ```
//! use ws_proto::handshake::{Accept, Limits, OriginPolicy, Response, ServerHandshake};
//! use ws_proto::{FixedBuf, Input};
//!
//! let mut handshake = ServerHandshake::new(FixedBuf::<2048>::new(), Limits::new());
//! let mut out = Vec::new();
//!
//! // What the transport gave, in pieces of any size.
//! let mut read = *b"GET /chat HTTP/1.1\r\n\
//!     Host: example.com\r\n\
//!     Upgrade: websocket\r\n\
//!     Connection: Upgrade\r\n\
//!     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
//!     Sec-WebSocket-Version: 13\r\n\
//!     Sec-WebSocket-Protocol: chat.v1, chat.v2\r\n\
//!     Origin: https://example.com\r\n\r\n";
//! let mut input = Input::new(&mut read);
//! if let Some(upgrade) = handshake.receive(&mut input, &mut out)? {
//!     if !OriginPolicy::same_host().allows(&upgrade) {
//!         upgrade.reject(&Response::new(403), &mut out)?;
//!     } else if upgrade.target() != "/chat" {
//!         upgrade.reject(&Response::new(404), &mut out)?;
//!     } else {
//!         let subprotocol = upgrade.choose_subprotocol(&["chat.v2", "chat.v1"]);
//!         let accept = Accept::new().maybe_subprotocol(subprotocol);
//!         let negotiated = upgrade.accept(&accept, &mut out)?;
//!         // Connection::server(negotiated, Config::new()), which goes on with `input`.
//!         # let _ = negotiated;
//!     }
//! }
//! assert_eq!(
//!     String::from_utf8_lossy(&out),
//!     "HTTP/1.1 101 Switching Protocols\r\n\
//!     Upgrade: websocket\r\n\
//!     Connection: Upgrade\r\n\
//!     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
//!     Sec-WebSocket-Protocol: chat.v2\r\n\r\n"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A loop around it writes `out`, calls [`ServerHandshake::tick`] with the time, and does what
//! [`ServerHandshake::transport`] says. Refusals of requests that break a rule are already in
//! `out` when `receive` returns its error.
//!
//! # A client
//!
//! ```
//! use ws_proto::handshake::{ClientHandshake, ClientRequest, Limits};
//! use ws_proto::{Input, Uri};
//!
//! let request = ClientRequest::from_uri(Uri::parse("ws://example.com/chat")?)
//!     .subprotocols(&["chat.v2", "chat.v1"]);
//! let nonce = *b"the sample nonce"; // 16 random bytes, new for every handshake
//! let mut out = Vec::new();
//! let mut handshake =
//!     ClientHandshake::start(request, nonce, Vec::new(), Limits::new(), &mut out)?;
//! assert!(out.starts_with(b"GET /chat HTTP/1.1\r\nHost: example.com\r\n"));
//!
//! // The server's answer, with the first frame right behind it.
//! let mut read = *b"HTTP/1.1 101 Switching Protocols\r\n\
//!     Upgrade: websocket\r\n\
//!     Connection: Upgrade\r\n\
//!     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
//!     Sec-WebSocket-Protocol: chat.v2\r\n\r\n\x81\x02hi";
//! let mut input = Input::new(&mut read);
//! match handshake.receive(&mut input) {
//!     Ok(Some(established)) => {
//!         assert_eq!(established.subprotocol(), Some("chat.v2"));
//!         let negotiated = established.negotiated();
//!         // Connection::client(negotiated, Config::new(), keys), which goes on with `input`.
//!         # let _ = negotiated;
//!     }
//!     Ok(None) => {} // read more
//!     Err(error) => match handshake.refusal() {
//!         Some(refusal) => println!("status {}", refusal.status()),
//!         None => println!("{error}"),
//!     },
//! }
//! assert_eq!(input.bytes(), b"\x81\x02hi");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is taken and what is not
//!
//! Where RFC 6455 and HTTP leave room, this is what is done with it:
//!
//! | what comes | a server | a client |
//! |---|---|---|
//! | LF without CR, CR without LF, control characters | 400, on that byte | fails, on that byte |
//! | a folded line | 400 | reads a space |
//! | an empty line in front of the head | skips one | fails |
//! | a space in front of a colon | 400 | fails |
//! | HTTP/1.0, HTTP/2.0 | 505 | fails |
//! | `Upgrade: websocket, h2c` | takes it | fails |
//! | `Content-Length: 0` | takes it | takes any in a 101 |
//! | any other sign of a body | 400 | `Transfer-Encoding` in a 101 fails |
//! | an absolute target | takes it, its authority counts | - |
//! | a key with pad bits that are not zero | takes it | - |
//! | `Expect: 100-continue` | answers 101, there is no body | - |
//! | `Sec-WebSocket-Version` missing or not 13 | 426 | - |
//! | a field twice that may stand once | 400 | fails |
//! | no subprotocol though some were offered | - | goes on, [or fails] |
//! | more than 64 subprotocols, 16 extensions, 16 parameters | 431 | fails |
//! | a redirect, a 401 | - | fails, with the response |
//!
//! [or fails]: ClientRequest::require_subprotocol

mod accept;
mod body;
mod check;
mod client;
mod error;
mod established;
mod extensions;
mod head;
mod headers;
#[cfg(feature = "http")]
pub mod http;
mod key;
mod limits;
mod negotiated;
mod offer;
mod offered;
mod origin;
mod parse;
mod plain;
mod request;
mod response;
mod scan;
mod server;
mod state;
mod syntax;
mod target;
mod timer;
mod upgrade;
mod write;

pub use accept::{Accept, Answer, FieldValue};
pub use check::MAX_SUBPROTOCOLS;
pub use client::ClientHandshake;
pub use error::{HandshakeError, HeadError, RequestError};
pub use established::{Established, Refusal};
pub use extensions::{
    Extension, Extensions, MAX_EXTENSION_PARAMS, MAX_EXTENSIONS, Param, ParamValue, Params,
};
pub use headers::{Headers, HeadersIter};
pub use key::{AcceptKey, accept_key};
pub use limits::{Limits, MAX_LINES};
pub use negotiated::Negotiated;
pub use offer::ExtensionOffer;
pub use origin::OriginPolicy;
pub use plain::{Incoming, PlainRequest};
pub use request::ClientRequest;
pub use response::{MAX_REFUSAL, Response};
pub use server::ServerHandshake;
pub use upgrade::Upgrade;
