//! Masking (RFC 6455 5.3).

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
    pub const fn new(key: [u8; 4]) -> Self {
        Self { key }
    }

    /// The mask as it stands `offset` bytes into a payload.
    pub const fn at_offset(key: [u8; 4], offset: u64) -> Self {
        Self {
            key: rotated(key, (offset % 4) as usize),
        }
    }

    /// Masks or unmasks the next bytes of the payload, in place.
    pub fn apply(&mut self, payload: &mut [u8]) {
        xor(payload, self.key);
        self.key = rotated(self.key, payload.len());
    }
}

/// XORs `bytes` with the repeated key, in words: LLVM makes vectors of the main loop.
#[inline]
pub(crate) fn xor(bytes: &mut [u8], key: [u8; 4]) {
    let [a, b, c, d] = key;
    let word = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut blocks = bytes.chunks_exact_mut(64);
    for block in &mut blocks {
        xor_words(block, word);
    }
    let rest = blocks.into_remainder();
    let tail = xor_words(rest, word);
    for (byte, key) in tail.iter_mut().zip([a, b, c, d, a, b, c]) {
        *byte ^= key;
    }
}

/// XORs all whole words; what is left is less than one.
#[inline(always)]
fn xor_words(bytes: &mut [u8], word: u64) -> &mut [u8] {
    let mut words = bytes.chunks_exact_mut(8);
    for chunk in &mut words {
        if let Some(bytes) = chunk.first_chunk_mut() {
            *bytes = (u64::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
        }
    }
    words.into_remainder()
}

/// The key as it goes on after `by` bytes.
const fn rotated(key: [u8; 4], by: usize) -> [u8; 4] {
    let bits = ((by & 3) << 3) as u32;
    u32::from_le_bytes(key).rotate_right(bits).to_le_bytes()
}
