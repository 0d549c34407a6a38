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

/// Copies `from` to `to`, XORed with the repeated key, as far as the shorter of them goes.
#[inline]
pub(crate) fn xor_into(to: &mut [u8], from: &[u8], key: [u8; 4]) {
    let word = repeated(key);
    let len = to.len().min(from.len());
    let (Some(to), Some(from)) = (to.get_mut(..len), from.get(..len)) else {
        return;
    };
    if len > PAIR {
        xor_long_into(to, from, word);
    } else if let (Some(start), Some(end)) = (from.first_chunk(), from.last_chunk()) {
        store_first(to, xor_word(*start, word));
        store_last(to, xor_word(*end, turned(word, len)));
    } else {
        for ((to, from), key) in to.iter_mut().zip(from).zip(word.to_le_bytes()) {
            *to = from ^ key;
        }
    }
}

/// How many bytes are XORed at once where there are few.
const WORD: usize = 8;
/// Two words, a vector of 128 bits.
const PAIR: usize = 2 * WORD;
/// What a step of the main loop takes: four vectors, more where the processor has longer ones.
const BLOCK: usize = 64;

/// As [`xor`] for more than a pair of words.
#[inline(never)]
fn xor_long(bytes: &mut [u8], word: u64) {
    let Some(end) = bytes.last_chunk::<PAIR>() else {
        return;
    };
    let end = xor_pair(*end, turned(word, bytes.len()));
    let keys = filled(word);
    let mut blocks = bytes.chunks_exact_mut(BLOCK);
    for block in &mut blocks {
        xor_chunk::<BLOCK>(block, &keys);
    }
    let keys = filled(word);
    for chunk in blocks.into_remainder().chunks_exact_mut(PAIR) {
        xor_chunk::<PAIR>(chunk, &keys);
    }
    store_last(bytes, end);
}

/// As [`xor_into`] for more than a pair of words; both are of the same length.
#[inline(never)]
fn xor_long_into(to: &mut [u8], from: &[u8], word: u64) {
    let Some(end) = from.last_chunk::<PAIR>() else {
        return;
    };
    let end = xor_pair(*end, turned(word, from.len()));
    let keys = filled(word);
    let mut to_blocks = to.chunks_exact_mut(BLOCK);
    let mut from_blocks = from.chunks_exact(BLOCK);
    for (to, from) in (&mut to_blocks).zip(&mut from_blocks) {
        xor_chunk_into::<BLOCK>(to, from, &keys);
    }
    let keys = filled(word);
    let rest = from_blocks.remainder().chunks_exact(PAIR);
    for (to, from) in to_blocks.into_remainder().chunks_exact_mut(PAIR).zip(rest) {
        xor_chunk_into::<PAIR>(to, from, &keys);
    }
    store_last(to, end);
}

#[inline(always)]
fn xor_chunk<const N: usize>(chunk: &mut [u8], keys: &[u8; N]) {
    if let Some(chunk) = chunk.first_chunk_mut() {
        *chunk = xor_array(chunk, keys);
    }
}

#[inline(always)]
fn xor_chunk_into<const N: usize>(to: &mut [u8], from: &[u8], keys: &[u8; N]) {
    if let (Some(to), Some(from)) = (to.first_chunk_mut(), from.first_chunk()) {
        *to = xor_array(from, keys);
    }
}

/// A loop over bytes whose number is known: LLVM makes vectors of it, which it does not of wide
/// integers.
#[inline(always)]
fn xor_array<const N: usize>(bytes: &[u8; N], keys: &[u8; N]) -> [u8; N] {
    let mut xored = [0; N];
    for ((xored, byte), key) in xored.iter_mut().zip(bytes).zip(keys) {
        *xored = byte ^ key;
    }
    xored
}

/// As much of the repeated key as fits.
#[inline(always)]
fn filled<const N: usize>(word: u64) -> [u8; N] {
    let mut keys = [0; N];
    for chunk in keys.chunks_exact_mut(WORD) {
        store_first(chunk, word.to_le_bytes());
    }
    keys
}

#[inline(always)]
fn xor_pair(pair: [u8; PAIR], word: u64) -> [u8; PAIR] {
    let both = u128::from(word) | u128::from(word) << 64;
    (u128::from_le_bytes(pair) ^ both).to_le_bytes()
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
