//! What a handshake has agreed on.

use crate::frame::Rsv;

/// What a [`Connection`](crate::Connection) has to know of the handshake before it.
///
/// A handshake of this crate makes one. It is also the door for handshakes made elsewhere (a
/// foreign HTTP server, an Extended CONNECT over HTTP/2 or HTTP/3): [`Negotiated::new`] is "no
/// extension".
///
/// ```
/// use ws_proto::{Config, Connection, Negotiated};
///
/// let connection = Connection::server(Negotiated::new(), Config::new());
/// # let _ = connection;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Negotiated {
    rsv: Rsv,
}

impl Negotiated {
    /// No extension.
    pub const fn new() -> Self {
        Self { rsv: Rsv::NONE }
    }

    /// Extensions that use these reserved bits on the first frame of a message (RFC 6455 5.8).
    ///
    /// Messages that set one come out as [`Event::Extended`](crate::Event::Extended).
    #[must_use]
    pub const fn with_rsv(self, rsv: Rsv) -> Self {
        Self { rsv }
    }

    /// The reserved bits in use.
    pub const fn rsv(&self) -> Rsv {
        self.rsv
    }
}
