//! WebSocket over streams of tokio.

mod byte_stream;
mod common;
#[cfg(feature = "rustls")]
mod examples;
mod handshake;
#[cfg(feature = "h2")]
mod http2;
mod messages;
mod reconnecting;
mod shared;
mod time;
mod tls;
