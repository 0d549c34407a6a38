//! The opening handshake (RFC 6455 4).

mod negotiated;

pub use negotiated::Negotiated;
