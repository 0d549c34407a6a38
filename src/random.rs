//! Randomness from the operating system.

use core::fmt;

use crate::connection::MaskSource;

/// Masking keys and nonces from the operating system's generator.
///
/// Keys are drawn 16 at a time, so that one system call serves as many frames. Keys that were used
/// are wiped.
///
/// ```
/// use ws_proto::{Config, Connection, Negotiated, OsRandom};
///
/// let connection = Connection::client(Negotiated::new(), Config::new(), OsRandom::new());
/// # let _ = connection;
/// ```
pub struct OsRandom {
    pool: [u8; 64],
    left: u8,
}

impl OsRandom {
    /// A source that draws when the first key is needed.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            pool: [0; 64],
            left: 0,
        }
    }

    /// A nonce for [`ClientHandshake::start`](crate::handshake::ClientHandshake::start); `None` if
    /// the operating system has no randomness to give.
    ///
    /// ```
    /// use ws_proto::OsRandom;
    ///
    /// let nonce = OsRandom::nonce().ok_or("the operating system has no randomness")?;
    /// assert_eq!(nonce.len(), 16);
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub fn nonce() -> Option<[u8; 16]> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).ok()?;
        Some(nonce)
    }
}

impl MaskSource for OsRandom {
    fn mask_key(&mut self) -> Option<[u8; 4]> {
        if self.left == 0 {
            getrandom::fill(&mut self.pool).ok()?;
            self.left = self.pool.len() as u8;
        }
        let at = self.pool.len() - usize::from(self.left);
        let key = self.pool.get_mut(at..)?.first_chunk_mut()?;
        self.left -= 4;
        Some(core::mem::take(key))
    }
}

/// For connections that have to be small, such as those of either [role](crate::EitherRole): the pool
/// is 64 bytes.
#[cfg(feature = "alloc")]
impl MaskSource for alloc::boxed::Box<OsRandom> {
    fn mask_key(&mut self) -> Option<[u8; 4]> {
        (**self).mask_key()
    }
}

impl Default for OsRandom {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for OsRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OsRandom").finish_non_exhaustive()
    }
}
