use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::RETAINED;
use super::deflater::{Deflater, Settings};
use super::inflater::Inflater;

/// Compressors and decompressors that connections without context takeover share. All connections compress
/// [prepared messages](crate::PreparedMessage) with them.
///
/// Without context takeover a codec is only needed while a message is being encoded or decoded.
/// With a pool it then goes on to the next message, of whatever connection; without one it is made
/// anew for each message, which costs more time than a small message takes.
///
/// A pool is a handle: its clones are the same pool. One for each thread needs no waiting for
/// others, but one for all threads works too.
///
/// ```
/// use ws_proto::extension::deflate::{Deflate, DeflatePool};
///
/// let pool = DeflatePool::new(4);
/// let deflate = Deflate::new()
///     .server_takeover(false)
///     .client_takeover(false)
///     .pool(&pool);
/// # let _ = deflate;
/// ```
#[derive(Clone)]
pub struct DeflatePool {
    most: usize,
    idle: Arc<Mutex<Idle>>,
}

#[derive(Default)]
#[expect(clippy::vec_box, reason = "they come and go in boxes")]
struct Idle {
    inflaters: Vec<Box<Inflater>>,
    deflaters: Vec<Box<Deflater>>,
}

impl DeflatePool {
    /// An empty pool that keeps at most `most` idle compressors and as many decompressors.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            idle: Arc::default(),
        }
    }

    /// Gives the memory of all idle codecs back.
    ///
    /// ```
    /// use ws_proto::extension::deflate::DeflatePool;
    ///
    /// let pool = DeflatePool::new(4);
    /// pool.release(); // the service is idle
    /// ```
    pub fn release(&self) {
        *self.lock() = Idle::default();
    }

    pub(super) fn inflater(&self, window_bits: u8) -> Option<Box<Inflater>> {
        let inflaters = &mut self.lock().inflaters;
        let at = inflaters
            .iter()
            .rposition(|inflater| inflater.keeps(window_bits))?;
        Some(inflaters.swap_remove(at))
    }

    pub(super) fn put_inflater(&self, mut inflater: Box<Inflater>) {
        inflater.reset();
        let inflaters = &mut self.lock().inflaters;
        if inflaters.len() < self.most {
            inflaters.push(inflater);
        }
    }

    pub(super) fn deflater(&self, settings: Settings) -> Option<Box<Deflater>> {
        let deflaters = &mut self.lock().deflaters;
        let at = deflaters
            .iter()
            .rposition(|deflater| deflater.settings() == settings)?;
        Some(deflaters.swap_remove(at))
    }

    pub(super) fn put_deflater(&self, mut deflater: Box<Deflater>) {
        deflater.reset();
        deflater.release_over(RETAINED);
        let deflaters = &mut self.lock().deflaters;
        if deflaters.len() < self.most {
            deflaters.push(deflater);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Idle> {
        // Nothing in here can be half done.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for DeflatePool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let idle = self.lock();
        f.debug_struct("DeflatePool")
            .field("most", &self.most)
            .field("inflaters", &idle.inflaters.len())
            .field("deflaters", &idle.deflaters.len())
            .finish()
    }
}
