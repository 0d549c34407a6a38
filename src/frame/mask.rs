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

/// Bytes that one step of the main loop takes; LLVM makes vectors of it.
const BLOCK: usize = 32;

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
        self.key = xor(payload, self.key);
    }
}

/// XORs `bytes` with the repeated key; the key as it goes on behind them.
pub(crate) fn xor(bytes: &mut [u8], key: [u8; 4]) -> [u8; 4] {
    let after = rotated(key, bytes.len());
    let mut block = [0; BLOCK];
    for at in block.chunks_exact_mut(4) {
        at.copy_from_slice(&key);
    }
    let mut blocks = bytes.chunks_exact_mut(BLOCK);
    for chunk in &mut blocks {
        for (byte, key) in chunk.iter_mut().zip(&block) {
            *byte ^= key;
        }
    }
    for (byte, key) in blocks.into_remainder().iter_mut().zip(&block) {
        *byte ^= key;
    }
    after
}

/// The key as it goes on after `by` bytes.
const fn rotated(key: [u8; 4], by: usize) -> [u8; 4] {
    let [a, b, c, d] = key;
    match by % 4 {
        0 => key,
        1 => [b, c, d, a],
        2 => [c, d, a, b],
        _ => [d, a, b, c],
    }
}
