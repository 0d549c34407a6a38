//! WebSocket over streams of futures-io, on smol.

mod byte_stream;
mod common;
#[cfg(feature = "rustls")]
mod examples;
mod flush;
mod handshake;
mod messages;
mod reconnecting;
mod shared;
mod time;
mod tls;
