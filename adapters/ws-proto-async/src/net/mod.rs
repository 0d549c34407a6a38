//! From a URL to a connection: name resolution, sockets, proxies, TLS, the handshake (feature `net`).
//!
//! A runtime brings a [`Network`]: sockets that become streams, a resolver and a timer. A [`Client`] has the policy:
//! which address is tried when, the time for each stage, the options of a socket.

mod client;
mod network;
mod open;
mod race;
#[cfg(feature = "socks")]
mod socks;
mod stages;
#[cfg(feature = "rustls")]
mod tls;
mod tunnel;

pub use client::Client;
pub use network::{Network, TlsRequest};
#[cfg(feature = "rustls")]
pub use tls::{Tls, receive};
