//! The result of a handshake.

use crate::frame::Rsv;

/// The result of a handshake that a [`Connection`](crate::Connection) starts with.
///
/// Handshakes of this crate make one. For a handshake that another program has checked,
/// [`Negotiated::new`] is a connection without extensions.
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
    #[must_use]
    pub const fn new() -> Self {
        Self { rsv: Rsv::NONE }
    }

    /// Sets the reserved bits that extensions use on the first frame of a message (RFC 6455 5.8).
    ///
    /// The connection reports messages that set one as [`Event::Extended`](crate::Event::Extended).
    ///
    /// ```
    /// use ws_proto::Negotiated;
    /// use ws_proto::frame::Rsv;
    ///
    /// let negotiated = Negotiated::new().with_rsv(Rsv::RSV1);
    /// assert_eq!(negotiated.rsv(), Rsv::RSV1);
    /// ```
    #[must_use]
    pub const fn with_rsv(self, rsv: Rsv) -> Self {
        Self { rsv }
    }

    /// The reserved bits in use.
    #[must_use]
    pub const fn rsv(&self) -> Rsv {
        self.rsv
    }
}
