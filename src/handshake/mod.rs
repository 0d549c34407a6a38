//! The opening handshake (RFC 6455 4).
//!
//! ```text
//! client                                               server
//! ClientRequest                                        ServerHandshake
//!   | ClientHandshake::start    GET /chat HTTP/1.1       |
//!   +--------------------------------------------------> | receive
//!   |                                                    v
//!   |                                                  Upgrade: check Origin,
//!   |                                                    |      cookies, target
//!   |              HTTP/1.1 101 Switching Protocols      |
//!   | receive <------------------------------------------+ accept(Accept)
//!   v                                                    v
//! Established::negotiated                              Negotiated
//!   | Connection::client                                 | Connection::server
//!
//!   |                           HTTP/1.1 4xx             |
//!   | refusal <------------------------------------------+ reject(PlainResponse), or
//!                                                          ServerHandshake by itself
//! ```
//!
//! Like everything in this crate, handshakes read no socket and no clock. They collect a head in a
//! [`Storage`](crate::Storage) that the caller provides, look at each byte once on the way, and
//! parse the head strictly when it is complete. They consume the head and nothing after it: bytes
//! after the head stay in `input`. These can be the first frames, so pass the same `input` on to
//! the connection.
//!
//! # A server
//!
//! ```
//! use ws_proto::handshake::{Accept, Limits, PlainResponse, ServerHandshake};
//! use ws_proto::{Config, Connection, Event, FixedBuf, Input};
//!
//! let mut handshake = ServerHandshake::new(FixedBuf::<2048>::new(), Limits::new());
//! let mut out = Vec::new();
//!
//! // What the transport gave, in pieces of any size. Here the first frame came in the same read.
//! let mut read = *b"GET /chat HTTP/1.1\r\n\
//!     Host: example.com\r\n\
//!     Upgrade: websocket\r\n\
//!     Connection: Upgrade\r\n\
//!     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
//!     Sec-WebSocket-Version: 13\r\n\
//!     Sec-WebSocket-Protocol: chat.v1, chat.v2\r\n\
//!     Origin: https://example.com\r\n\r\n\x81\x82\0\0\0\0hi";
//! let mut input = Input::new(&mut read);
//! let mut received = Vec::new();
//! if let Some(upgrade) = handshake.receive(&mut input, &mut out)? {
//!     if upgrade.target() != "/chat" {
//!         upgrade.reject(&PlainResponse::text(404, "There is no such room.\n"), &mut out)?;
//!     } else {
//!         let subprotocol = upgrade.choose_subprotocol(&["chat.v2", "chat.v1"]);
//!         let accept = Accept::new().maybe_subprotocol(subprotocol);
//!         // It checks `Origin`: pages of other hosts are refused, unless `Accept::origins` allows them.
//!         let negotiated = upgrade.accept(&accept, &mut out)?;
//!
//!         let mut connection = Connection::server(negotiated, Config::new());
//!         // The same input: it can have frames, and no other read brings them.
//!         while let Some(event) = connection.receive(&mut input, &mut out)? {
//!             if let Event::Text(text) = event {
//!                 received.push(text.whole().unwrap_or_default().to_owned());
//!             }
//!         }
//!         // Only now write `out` and read again.
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
//! assert_eq!(received, ["hi"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The loop around it writes `out`, calls [`ServerHandshake::tick`] with the time, and does what
//! [`ServerHandshake::transport`] says, and so it does after a refusal, until it has closed the transport. When `receive` returns [`RequestError::Failed`], the
//! refusal is in `out`. When an output is bounded and has too little room, `receive` returns
//! [`RequestError::OutputFull`] and changes nothing: write, then call again with the same input.
//!
//! # A client
//!
//! ```
//! use ws_proto::handshake::{ClientHandshake, ClientRequest, Limits};
//! use ws_proto::{Config, Connection, Event, Input, Uri};
//!
//! let request = ClientRequest::from_uri(Uri::parse("ws://example.com/chat")?)
//!     .subprotocols(&["chat.v2", "chat.v1"]);
//! let nonce = *b"the sample nonce"; // 16 random bytes, new for every handshake
//! let mut out = Vec::new();
//! let mut handshake =
//!     ClientHandshake::start(request, nonce, Vec::new(), Limits::new(), &mut out)?;
//! assert!(out.starts_with(b"GET /chat HTTP/1.1\r\nHost: example.com\r\n"));
//! out.clear(); // once it is written
//!
//! // The server's answer, and its first frame in the same read.
//! let mut read = *b"HTTP/1.1 101 Switching Protocols\r\n\
//!     Upgrade: websocket\r\n\
//!     Connection: Upgrade\r\n\
//!     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
//!     Sec-WebSocket-Protocol: chat.v2\r\n\r\n\x81\x02hi";
//! let mut input = Input::new(&mut read);
//! let mut received = Vec::new();
//! match handshake.receive(&mut input) {
//!     Ok(Some(established)) => {
//!         assert_eq!(established.subprotocol(), Some("chat.v2"));
//!         let keys = || [7; 4]; // random bytes, new for every frame
//!         let negotiated = established.negotiated();
//!         let mut connection = Connection::client(negotiated, Config::new(), keys);
//!         while let Some(event) = connection.receive(&mut input, &mut out)? {
//!             if let Event::Text(text) = event {
//!                 received.push(text.whole().unwrap_or_default().to_owned());
//!             }
//!         }
//!     }
//!     Ok(None) => {} // read more
//!     Err(error) => match handshake.refusal() {
//!         Some(refusal) => println!("status {}", refusal.status()),
//!         None => println!("{error}"),
//!     },
//! }
//! assert_eq!(received, ["hi"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`ClientHandshake`] borrows nothing, so that a table of connections can keep it until the
//! answer is there. The request can be made at run time and dropped at once.
//!
//! A client that reaches the server through an HTTP proxy asks that for a tunnel first: [`proxy`].
//!
//! # Over HTTP/2 and HTTP/3
//!
//! A stream of HTTP/2 (RFC 8441) or HTTP/3 (RFC 9220) carries a WebSocket connection after an Extended CONNECT. The HTTP
//! stack reads and writes heads, and the engine checks and makes their fields: the same subprotocols, extensions
//! (permessage-deflate by the same calls), origins and refusals. What comes after is the same
//! [`Connection`](crate::Connection); clients mask there too.
//!
//! | | HTTP/1.1 | a stream of HTTP/2 or HTTP/3 |
//! |---|---|---|
//! | a client needs first | a connection | the server's setting, [`ConnectEnabled`] |
//! | a client starts with | [`ClientHandshake::start`] | [`ClientConnect::start`] |
//! | a server starts with | [`ServerHandshake`], [`Upgrade::from_headers`] | [`Upgrade::from_extended_connect`] |
//! | the request | `GET`, `Host`, `Upgrade`, `Connection`, `Sec-WebSocket-Key` | `:method` CONNECT, `:protocol` websocket, `:scheme`, `:authority`, `:path` |
//! | the server accepts | [`Upgrade::accept`] writes the 101 | [`Upgrade::answer`] has the fields of the 200 |
//! | `Sec-WebSocket-Accept` | proves that the server knows the protocol | does not exist: the setting does that |
//! | another `Sec-WebSocket-Version` | 426 | 400: 426 needs the field `Upgrade` |
//! | one more connection | another TCP connection | another stream |
//! | the end | see [`Transport`](crate::Transport) | see there and [`HttpStream`] |
//!
//! [`http`] does both with the types of the crate `http`, for hyper, `h2` and `h3`.
//!
//! ```
//! use ws_proto::handshake::{
//!     Accept, ClientConnect, ClientRequest, ConnectEnabled, Limits, PseudoFields, Upgrade,
//! };
//! use ws_proto::{Config, Connection, Event, Input, Transport, Uri};
//!
//! // The client: the server's setting SETTINGS_ENABLE_CONNECT_PROTOCOL has come, with the value 1.
//! let enabled = ConnectEnabled::from_setting(1).expect("use HTTP/1.1 with this server");
//! let request = ClientRequest::from_uri(Uri::parse("wss://example.com/chat")?)
//!     .subprotocols(&["chat.v2", "chat.v1"]);
//! let mut head: Vec<(String, Vec<u8>)> = Vec::new(); // as the HTTP stack wants it
//! let mut handshake =
//!     ClientConnect::start(request, enabled, Vec::new(), Limits::new(), |name, value| {
//!         head.push((name.to_owned(), value.to_vec()));
//!     })?;
//!
//! // The server: the head has come on a stream.
//! let fields: Vec<(&str, &[u8])> = head.iter().map(|(name, value)| (&**name, &**value)).collect();
//! let (pseudo, headers) = PseudoFields::split(&fields)?;
//! let (status, answer_head, negotiated) = match Upgrade::from_extended_connect(&pseudo, headers) {
//!     Ok(upgrade) => {
//!         let subprotocol = upgrade.choose_subprotocol(&["chat.v1"]);
//!         let answer = upgrade.answer(&Accept::new().maybe_subprotocol(subprotocol))?;
//!         let fields: Vec<_> = answer.fields().map(|(name, value)| (name, value.to_string())).collect();
//!         (answer.status(), fields, answer.negotiated())
//!     }
//!     // Send `error.status()` and `error.fields()`, and end the stream.
//!     Err(error) => return Err(error.into()),
//! };
//! let mut server = Connection::server(negotiated, Config::new());
//!
//! // The client: the answer has come.
//! let fields: Vec<(&str, &[u8])> =
//!     answer_head.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
//! let established = handshake.receive_head(status, &fields)?.expect("the server has accepted");
//! assert_eq!(established.subprotocol(), Some("chat.v1"));
//! let keys = || [7; 4]; // random bytes, new for every frame
//! let mut client = Connection::client(established.negotiated(), Config::new(), keys);
//!
//! // From here on DATA goes both ways.
//! let mut data = Vec::new();
//! client.send_text("hi", &mut data)?;
//! let mut out = Vec::new();
//! let event = server.receive(&mut Input::new(&mut data), &mut out)?;
//! assert!(matches!(event, Some(Event::Text(text)) if text.body == "hi"));
//! assert_eq!(server.transport(), Transport::Open);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Being a proxy
//!
//! A proxy offers a server what a client offered, and answers the client what the server answered.
//! [`ExtensionOffer::from`] takes an [`Extension`] as it was received:
//!
//! ```
//! use ws_proto::Input;
//! use ws_proto::frame::Rsv;
//! use ws_proto::handshake::{
//!     Accept, ClientHandshake, ClientRequest, ExtensionOffer, Limits, Upgrade,
//! };
//!
//! # let fields: [(&str, &[u8]); 7] = [
//! #     ("Host", b"proxy.example"),
//! #     ("Upgrade", b"websocket"),
//! #     ("Connection", b"Upgrade"),
//! #     ("Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
//! #     ("Sec-WebSocket-Version", b"13"),
//! #     ("Sec-WebSocket-Protocol", b"chat.v2, chat.v1"),
//! #     ("Sec-WebSocket-Extensions", b"permessage-deflate; client_max_window_bits"),
//! # ];
//! # let upgrade = Upgrade::from_headers("GET", "/chat", &fields)?;
//! # let nonce = *b"the sample nonce";
//! # let mut to_server = Vec::new();
//! // The client's request, `upgrade`, as a request to the server.
//! let rsv = |name: &str| match name {
//!     "permessage-deflate" => Rsv::RSV1,
//!     _ => Rsv::NONE,
//! };
//! let offers: Vec<_> = upgrade
//!     .extensions()
//!     .map(|offer| ExtensionOffer::from(offer).with_rsv(rsv(offer.name())))
//!     .collect();
//! let subprotocols: Vec<_> = upgrade.subprotocols().collect();
//! let request = ClientRequest::new("server.example", upgrade.target())
//!     .subprotocols(&subprotocols)
//!     .extensions(&offers);
//! let storage = Vec::new();
//! let mut handshake =
//!     ClientHandshake::start(request, nonce, storage, Limits::new(), &mut to_server)?;
//! # let mut read = *b"HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
//! #     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat.v1\r\n\
//! #     Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=\"9\"\r\n\r\n";
//! # let mut input = Input::new(&mut read);
//!
//! // The server's answer as an answer to the client.
//! if let Some(established) = handshake.receive(&mut input)? {
//!     let answers: Vec<_> = established
//!         .extensions()
//!         .map(|answer| ExtensionOffer::from(answer).with_rsv(rsv(answer.name())))
//!         .collect();
//!     let accept = Accept::new()
//!         .maybe_subprotocol(established.subprotocol())
//!         .extensions(&answers);
//!     let answer = upgrade.answer(&accept)?; // or `upgrade.accept(&accept, &mut to_client)`
//!     # let (_, value) = answer.fields().last().unwrap();
//!     # assert_eq!(value.to_string(), "permessage-deflate; client_max_window_bits=9");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Accepted and refused
//!
//! Where RFC 6455 and HTTP leave a choice, handshakes do this:
//!
//! | received | a server | a client |
//! |---|---|---|
//! | LF without CR, CR without LF, control characters | 400, on that byte | fails, on that byte |
//! | a folded line | 400 | reads a space |
//! | an empty line before the head | skips one | fails |
//! | a space before a colon | 400 | fails |
//! | HTTP/1.0, HTTP/2.0 | 505 | fails |
//! | `Upgrade: websocket, h2c` | accepts it | fails |
//! | `Content-Length: 0` | accepts it | accepts any length in a 101 |
//! | another field that announces a body | 400 | ignores it in a 101 |
//! | a target with characters outside of visible ASCII | 400 | - |
//! | `GET` without `Upgrade: websocket` | 426 with a text | - |
//! | `Origin` of another host than `Host` | 403, unless [`Accept::origins`] allows it | - |
//! | an absolute target | accepts it and uses its authority as the host | - |
//! | a key with pad bits that are not zero | accepts it | - |
//! | `Expect: 100-continue` | answers 101, there is no body | - |
//! | `Sec-WebSocket-Version` missing or not 13 | 426 | - |
//! | a field twice that may occur once | 400 | fails |
//! | no subprotocol, but some were offered | - | connects, [or fails] |
//! | more than 64 subprotocols, 16 extensions, 16 parameters | 431 | fails |
//! | on a stream: a pseudo-header field missing, repeated, unknown or wrong | 400 | fails |
//! | on a stream: another method than CONNECT | 405 | - |
//! | on a stream: another `:protocol` than `websocket`, in any case | 501 | - |
//! | on a stream: `Connection`, `Upgrade` or another field of connections | 400 | fails |
//! | on a stream: `Host` | has to agree with `:authority`, else 400 | - |
//! | on a stream: `Sec-WebSocket-Version` missing or not 13 | 400 with the version | - |
//! | on a stream: `Sec-WebSocket-Key`, `Sec-WebSocket-Accept` | ignores it | ignores it |
//! | on a stream: any status 2xx | - | connects |
//! | on a stream: 101 | - | fails |
//! | an extension without a parameter that was asked for | - | fails |
//! | a redirect, a 401 | - | fails, and [`ClientHandshake::refusal`] or [`ClientConnect::refusal`] has the response |
//!
//! [or fails]: ClientRequest::require_subprotocol

mod accept;
mod answer;
mod body;
mod client;
mod connect;
mod connect_check;
mod connect_fields;
mod error;
mod established;
mod exchange;
mod extensions;
mod head_scanner;
mod headers;
#[cfg(feature = "http")]
pub mod http;
mod http_stream;
mod key;
mod limits;
mod negotiated;
mod offer;
mod offered;
mod origin;
mod origin_fault;
mod parse;
mod plain;
pub mod proxy;
mod pseudo_fields;
mod request;
mod request_check;
mod response;
mod scan;
mod server;
mod server_state;
mod syntax;
mod target;
mod time_limit;
mod upgrade;
mod write;

pub use accept::{Accept, Answer, FieldValue};
pub use client::ClientHandshake;
pub use connect::{ClientConnect, ConnectEnabled};
pub use error::{HandshakeError, HeadError, RequestError};
pub use established::{Established, Refusal};
pub use extensions::{
    Extension, Extensions, MAX_EXTENSION_PARAMS, MAX_EXTENSIONS, Param, ParamValue, Params,
};
pub use headers::{Headers, HeadersIter};
pub use http_stream::HttpStream;
pub use key::{AcceptKey, accept_key};
pub use limits::Limits;
pub use negotiated::Negotiated;
pub use offer::{AnswerFault, ExtensionOffer};
#[cfg(feature = "alloc")]
pub use origin::OriginRefused;
pub use origin::{OriginError, OriginListError, OriginPolicy};
pub use origin_fault::OriginFault;
pub use plain::{AnyRequest, PlainRequest};
pub use pseudo_fields::PseudoFields;
pub use request::ClientRequest;
pub use request_check::MAX_SUBPROTOCOLS;
pub use response::{MAX_REFUSAL, PlainResponse};
pub use server::ServerHandshake;
pub use upgrade::Upgrade;
