//! WebSocket over streams of tokio.

mod cancel;
mod common;
#[cfg(feature = "deflate")]
mod deflate;
mod halves;
mod handshake;
mod messages;
mod time;
mod tls;
