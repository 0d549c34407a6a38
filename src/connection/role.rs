//! Which end of the connection this is: it decides who masks.

use core::fmt;

/// The role of an endpoint: [`Server`] or [`Client`]. Sealed.
pub trait Role: sealed::Sealed {}

/// The server's end: what it sends is not masked, what it receives is (RFC 6455 5.1).
#[derive(Clone, Copy, Debug, Default)]
pub struct Server;

/// The client's end: what it sends is masked, with a new key for every frame (RFC 6455 5.3).
pub struct Client<M> {
    keys: M,
}

impl<M> Client<M> {
    pub(super) const fn new(keys: M) -> Self {
        Self { keys }
    }
}

impl<M> fmt::Debug for Client<M> {
    /// Shows nothing of the key source: keys must not be guessed (RFC 6455 10.3).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// Where a client gets its masking keys.
///
/// The keys must come from a source that others cannot predict (RFC 6455 10.3): the operating
/// system ([`OsRandom`](crate::OsRandom), feature `getrandom`), a hardware generator, a
/// cryptographic generator seeded by one of these. Any `FnMut() -> [u8; 4]` is a source.
///
/// ```
/// use ws_proto::{Config, Connection, MaskSource, Negotiated};
///
/// /// A generator of the board's.
/// struct Trng;
///
/// impl MaskSource for Trng {
///     fn mask_key(&mut self) -> Option<[u8; 4]> {
/// #       fn read_random_register() -> Option<u32> { Some(0x9d5c_34f1) }
///         read_random_register().map(u32::to_ne_bytes)
///     }
/// }
///
/// let connection = Connection::client(Negotiated::new(), Config::new(), Trng);
/// # let _ = connection;
/// ```
pub trait MaskSource {
    /// Four fresh, unpredictable bytes; `None` if none are available, and then nothing is
    /// sent.
    fn mask_key(&mut self) -> Option<[u8; 4]>;
}

impl<F: FnMut() -> [u8; 4]> MaskSource for F {
    #[inline]
    fn mask_key(&mut self) -> Option<[u8; 4]> {
        Some(self())
    }
}

impl sealed::Sealed for Server {
    const MASKS_OUTPUT: bool = false;

    #[inline]
    fn mask(&mut self) -> Result<Option<[u8; 4]>, sealed::NoKey> {
        Ok(None)
    }
}

impl Role for Server {}

impl<M: MaskSource> sealed::Sealed for Client<M> {
    const MASKS_OUTPUT: bool = true;

    #[inline]
    fn mask(&mut self) -> Result<Option<[u8; 4]>, sealed::NoKey> {
        self.keys.mask_key().map(Some).ok_or(sealed::NoKey)
    }
}

impl<M: MaskSource> Role for Client<M> {}

pub(super) mod sealed {
    #![expect(unnameable_types, reason = "that is what seals the roles")]

    /// The source of masking keys has run dry.
    #[derive(Debug)]
    pub struct NoKey;

    pub trait Sealed {
        /// A client masks what it sends, and so a server expects masked input.
        const MASKS_OUTPUT: bool;

        /// The masking key of the next frame to send, if this role masks.
        fn mask(&mut self) -> Result<Option<[u8; 4]>, NoKey>;
    }
}
