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
    #[inline]
    pub fn apply(&mut self, payload: &mut [u8]) {
        xor(payload, self.key);
        self.key = rotated(self.key, payload.len());
    }
}

/// XORs `bytes` with the repeated key.
///
/// The end is a word that overlaps what is in front of it, read before the rest is written: only
/// what is shorter than a word is done byte by byte.
#[inline]
pub(crate) fn xor(bytes: &mut [u8], key: [u8; 4]) {
    let word = repeated(key);
    let len = bytes.len();
    if len > PAIR {
        xor_long(bytes, word);
    } else if let (Some(start), Some(end)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (start, end) = (xor_word(*start, word), xor_word(*end, turned(word, len)));
        store_first(bytes, start);
        store_last(bytes, end);
    } else {
        for (byte, key) in bytes.iter_mut().zip(word.to_le_bytes()) {
            *byte ^= key;
        }
    }
}

/// How many bytes are XORed at once where there are few.
const WORD: usize = 8;
/// Two words, a vector of 128 bits.
const PAIR: usize = 2 * WORD;
/// What a step of the main loop takes; LLVM makes vectors of it.
const BLOCK: usize = 64;

/// As [`xor`] for more than a pair of words.
#[inline(never)]
fn xor_long(bytes: &mut [u8], word: u64) {
    let Some(end) = bytes.last_chunk::<PAIR>().copied() else {
        return;
    };
    let end = xor_pair(end, turned(word, bytes.len()));
    let mut blocks = bytes.chunks_exact_mut(BLOCK);
    for block in &mut blocks {
        for chunk in block.chunks_exact_mut(PAIR) {
            xor_chunk(chunk, word);
        }
    }
    for chunk in blocks.into_remainder().chunks_exact_mut(PAIR) {
        xor_chunk(chunk, word);
    }
    store_last(bytes, end);
}

#[inline(always)]
fn xor_chunk(chunk: &mut [u8], word: u64) {
    if let Some(pair) = chunk.first_chunk_mut() {
        *pair = xor_pair(*pair, word);
    }
}

#[inline(always)]
fn xor_pair(pair: [u8; PAIR], word: u64) -> [u8; PAIR] {
    let pair = u128::from_le_bytes(pair);
    let both = u128::from(word) | u128::from(word) << 64;
    (pair ^ both).to_le_bytes()
}

#[inline(always)]
const fn xor_word(bytes: [u8; WORD], word: u64) -> [u8; WORD] {
    (u64::from_le_bytes(bytes) ^ word).to_le_bytes()
}

#[inline(always)]
fn store_first(bytes: &mut [u8], word: [u8; WORD]) {
    if let Some(to) = bytes.first_chunk_mut() {
        *to = word;
    }
}

#[inline(always)]
fn store_last<const N: usize>(bytes: &mut [u8], end: [u8; N]) {
    if let Some(to) = bytes.last_chunk_mut() {
        *to = end;
    }
}

/// The key twice: a word of it.
#[inline(always)]
const fn repeated(key: [u8; 4]) -> u64 {
    let key = u32::from_le_bytes(key) as u64;
    key | key << 32
}

/// The word of the key that ends a payload of `len` bytes: it starts where a whole number of words
/// is left.
#[inline(always)]
const fn turned(word: u64, len: usize) -> u64 {
    word.rotate_right(((len & 3) << 3) as u32)
}

/// The key as it goes on after `by` bytes.
#[inline]
const fn rotated(key: [u8; 4], by: usize) -> [u8; 4] {
    let bits = ((by & 3) << 3) as u32;
    u32::from_le_bytes(key).rotate_right(bits).to_le_bytes()
}
