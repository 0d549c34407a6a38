//! Which door for which program: the crate and the call that lead to a connection, from what the program has.
//!
//! ```text
//!  the program has                     it calls                                     and gets
//!
//!  a handler of axum ----------------- ws_proto_axum::WebSocketUpgrade -----.
//!                                                                           |
//!  a request that hyper has read ----- Acceptor::answer_http,               |
//!  (HTTP/1.1, HTTP/2)                  then open_server --------------------|
//!                                                                           |
//!  a stream of the crate h2 ---------- http2::accept, http2::connect -------|
//!                                                                           |--> WebSocket
//!  a stream of its own --------------- accept, read_request,                |     |
//!  (TCP, TLS, Unix, a pipe)            connect_over ------------------------|     |--> messages: next, send,
//!                                                                           |     |    split, Stream + Sink
//!  a URL ----------------------------- connect, Client, Reconnecting -------'     |
//!                                                                                 '--> bytes: into_byte_stream,
//!                                                                                      AsyncRead + AsyncWrite
//!
//!  a blocking stream ----------------- opening::Acceptor, Connector -----------> WebSocket
//!                                                                                 |--> messages: exchange
//!                                                                                 '--> bytes: into_byte_stream,
//!                                                                                      io::Read + Write
//!
//!  an event loop of mio -------------- ws_proto_mio::WebSocket ----------------> turns, events
//!  another transport, or none -------- Connection, or WebSocket ---------------> events, and bytes to write
//! ```
//!
//! All doors of `ws-proto-tokio` and `ws-proto-axum` lead to the same type, over different streams: code for one is code for
//! the others.
//!
//! | door | crate | who reads the request | take it when |
//! |---|---|---|---|
//! | extractor | `ws-proto-axum` | axum | the program has routes of axum: extractors, layers and the state are those of its other handlers |
//! | upgrade of hyper | `ws-proto-tokio`, feature `http` | hyper, or a framework on it | the program has hyper or another framework; any type of stream that the HTTP server hands over |
//! | stream of the crate `h2` | `ws-proto-tokio`, feature `h2` | `h2` | the program has `h2` without hyper, or wants a write to take no more than the windows allow, and the reason of a reset |
//! | own stream | `ws-proto-tokio`, `ws-proto-smol` | this engine | the program serves WebSocket, and beside it a page or a health check |
//! | URL | `ws-proto-tokio`, `ws-proto-smol`, feature `net` | | it is a client: addresses, TLS, proxies, coming back |
//! | byte stream | `ws-proto-tokio`, `ws-proto-axum`, `ws-proto-smol`; `ws-proto` over a blocking stream | | the protocol inside is one of bytes, not of messages: MQTT, SSH, a multiplexer. Half-close, backpressure and the close code are mapped |
//! | blocking stream | `ws-proto` | this engine | a thread for each connection is enough, or a test |
//! | event loop of mio | `ws-proto-mio` | this engine | one thread has thousands of connections |
//! | none | `ws-proto` | this engine, or another HTTP implementation | io_uring, a proxy, a microcontroller: [`driving`](crate::driving) has the rules |
//!
//! One message for many connections goes through `ws-proto-hub`, whatever door they came by, if they are those of tokio.
//! A server checks `Origin` at every door: pages of the same host get in, unless the program says otherwise.
