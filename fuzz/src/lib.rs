//! The bodies of the fuzz targets: functions that also run as ordinary tests, over the seeds.
//!
//! Every body takes the fuzzer's bytes, drives the engine with them, and compares the result
//! with something simpler: an oracle that is written from the RFC and stays naive, the standard
//! library, another parser, or the same bytes cut in another way.

mod compression;
mod cuts;
pub mod deflate_roundtrip;
mod extended_connect;
pub mod extensions;
pub mod frames;
pub mod handshake_client;
pub mod handshake_server;
pub mod header;
mod http;
pub mod inflate;
mod pair;
pub mod roundtrip;
pub mod session;
pub mod shells;
mod sockets;
mod support;
pub mod uri;
pub mod utf8;
mod wire;
