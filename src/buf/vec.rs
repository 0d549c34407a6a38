//! `Vec<u8>` as an output without an end, and as storage.

use alloc::vec::Vec;

use super::{MessageStorage, Output, Storage, append};
use crate::error::CapacityError;
use crate::frame::EncodedHeader;
use crate::simd;

impl Output for Vec<u8> {
    #[inline]
    fn room(&self) -> usize {
        (isize::MAX as usize).saturating_sub(self.len())
    }

    #[inline]
    fn reserve(&mut self, n: usize) {
        Self::reserve(self, n);
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        append(self, bytes);
    }

    // The provided one, but the header is one store.
    #[inline]
    fn put_frame(&mut self, header: EncodedHeader, payload: &[u8], key: Option<[u8; 4]>) {
        self.reserve(header.size().saturating_add(payload.len()));
        header.append_to(self);
        append(self, payload);
        if let Some(key) = key {
            simd::xor(self.last_mut(payload.len()), key);
        }
    }

    #[inline]
    fn last_mut(&mut self, n: usize) -> &mut [u8] {
        let from = self.len().saturating_sub(n);
        self.get_mut(from..).unwrap_or_default()
    }
}

impl Storage for Vec<u8> {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self
    }

    #[inline]
    fn store(&mut self, bytes: &[u8]) -> Result<(), CapacityError> {
        append(self, bytes);
        Ok(())
    }

    #[inline]
    fn truncate(&mut self, len: usize) {
        Self::truncate(self, len);
    }

    #[inline]
    fn clear(&mut self) {
        Self::clear(self);
    }
}

impl MessageStorage for Vec<u8> {
    fn store_with(&mut self, most: usize, write: &mut dyn FnMut(&mut [u8]) -> usize) {
        let len = self.len();
        self.resize(len.saturating_add(most), 0);
        let written = match self.get_mut(len..) {
            Some(to) if !to.is_empty() => write(to).min(most),
            _ => 0,
        };
        self.truncate(len.saturating_add(written));
    }
}
