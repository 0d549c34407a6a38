//! The extractor in servers of axum, with clients over TCP.

mod common;
mod connections;
mod http2;
mod origins;
mod ported;
mod refusals;
