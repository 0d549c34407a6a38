//! WebSocket over streams of futures-io, on smol.

mod cancel;
mod common;
#[cfg(feature = "deflate")]
mod deflate;
mod flush;
mod halves;
mod handshake;
mod messages;
mod time;
mod tls;
