//! WebSocket in turns of a mio loop.

mod common;
mod ending;
mod handshake;
mod messages;
mod streams;
