//! Masking (RFC 6455 5.3).

use crate::simd;

/// A masking key and how far into the payload it has been applied.
///
/// Masking and unmasking are the same: byte `i` of the payload is XORed with byte `i % 4` of the
/// key. A payload may be masked piece by piece, of any sizes.
///
/// ```
/// use ws_proto::frame::Mask;
///
/// let mut whole = *b"any bytes at all";
/// Mask::new([1, 2, 3, 4]).apply(&mut whole);
///
/// let mut pieces = *b"any bytes at all";
/// let mut mask = Mask::new([1, 2, 3, 4]);
/// mask.apply(&mut pieces[..3]);
/// mask.apply(&mut pieces[3..]);
/// assert_eq!(pieces, whole);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mask {
    /// The key, rotated so that its first byte is the next to apply.
    key: [u8; 4],
}

impl Mask {
    /// The mask with `key`, at the start of a payload.
    #[must_use]
    pub const fn new(key: [u8; 4]) -> Self {
        Self { key }
    }

    /// The mask as it stands `offset` bytes into a payload.
    ///
    /// ```
    /// use ws_proto::frame::Mask;
    ///
    /// // The rest of a payload of which 5 bytes have been unmasked before.
    /// let mut rest = [1, 2, 3];
    /// Mask::at_offset([10, 20, 30, 40], 5).apply(&mut rest);
    /// assert_eq!(rest, [1 ^ 20, 2 ^ 30, 3 ^ 40]);
    /// ```
    #[must_use]
    pub const fn at_offset(key: [u8; 4], offset: u64) -> Self {
        Self {
            key: rotated(key, (offset % 4) as usize),
        }
    }

    /// Masks or unmasks the next bytes of the payload, in place.
    #[inline]
    pub fn apply(&mut self, payload: &mut [u8]) {
        simd::xor(payload, self.key);
        *self = self.after(payload.len());
    }

    /// The mask as it stands `n` bytes further into the payload.
    #[inline]
    pub(crate) const fn after(self, n: usize) -> Self {
        Self {
            key: rotated(self.key, n),
        }
    }

    /// The key as it goes on from here.
    #[inline]
    pub(crate) const fn key(self) -> [u8; 4] {
        self.key
    }
}

/// The key as it goes on after `by` bytes.
#[inline]
const fn rotated(key: [u8; 4], by: usize) -> [u8; 4] {
    let bits = ((by & 3) << 3) as u32;
    u32::from_le_bytes(key).rotate_right(bits).to_le_bytes()
}
