//! Loops that XOR with a repeated key, written so that LLVM makes vectors of them.

use super::{Loop, widest};

/// XORs `bytes` with the repeated key.
#[inline]
pub(crate) fn xor(bytes: &mut [u8], key: [u8; 4]) {
    xor_any::<false>(bytes, key);
}

/// XORs `bytes` with the repeated key; whether what that makes is ASCII, if it is to `LOOK`.
///
/// The end is a word that overlaps the word in front of it, read before the rest is written: only
/// fewer bytes than a word are done one by one.
#[inline(always)]
pub(super) fn xor_any<const LOOK: bool>(bytes: &mut [u8], key: [u8; 4]) -> bool {
    let word = repeated(key);
    let len = bytes.len();
    if len > PAIR {
        return xor_long::<LOOK>(bytes, word);
    }
    if let (Some(start), Some(end)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (start, end) = (xor_word(*start, word), xor_word(*end, turned(word, len)));
        store_first(bytes, start);
        store_last(bytes, end);
        return is_ascii([u64::from_le_bytes(start), u64::from_le_bytes(end)]);
    }
    let mut seen = 0;
    for (byte, key) in bytes.iter_mut().zip(word.to_le_bytes()) {
        *byte ^= key;
        seen |= *byte;
    }
    seen.is_ascii()
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

/// Moves the bytes after the first `gap` of `bytes` to their start, XORed with the repeated key; whether
/// what that makes is ASCII, if it is to `LOOK`.
///
/// Each step reads before it writes, and does not write what a later one reads. The end is read first.
#[inline(always)]
pub(super) fn xor_down<const LOOK: bool>(bytes: &mut [u8], gap: usize, key: [u8; 4]) -> bool {
    let word = repeated(key);
    let len = bytes.len().saturating_sub(gap);
    let mut seen = [0; BLOCK / WORD];
    if len < PAIR {
        return xor_few_down(bytes, gap, word);
    }
    let Some(mut end) = bytes.last_chunk::<PAIR>().copied() else {
        return !LOOK;
    };
    xor_chunk::<LOOK, PAIR>(&mut end, turned(word, len), &mut seen);
    let (keys, mut seen_in_blocks) = (filled(word), [0; BLOCK]);
    let (mut from, mut to) = (gap, 0_usize);
    while let Some(mut block) = chunk_at::<BLOCK>(bytes, from) {
        xor_block::<LOOK>(&mut block, &keys, &mut seen_in_blocks);
        store_at(bytes, to, block);
        (from, to) = (from.saturating_add(BLOCK), to.saturating_add(BLOCK));
    }
    while let Some(mut pair) = chunk_at::<PAIR>(bytes, from) {
        xor_chunk::<LOOK, PAIR>(&mut pair, word, &mut seen);
        store_at(bytes, to, pair);
        (from, to) = (from.saturating_add(PAIR), to.saturating_add(PAIR));
    }
    store_at(bytes, len.saturating_sub(PAIR), end);
    is_ascii(seen) && seen_in_blocks.is_ascii()
}

/// As [`xor_down`], for less than a pair of words.
#[inline(always)]
fn xor_few_down(bytes: &mut [u8], gap: usize, word: u64) -> bool {
    let len = bytes.len().saturating_sub(gap);
    if let (Some(start), Some(end)) = (chunk_at(bytes, gap), bytes.last_chunk()) {
        let (start, end) = (xor_word(start, word), xor_word(*end, turned(word, len)));
        store_at(bytes, 0, start);
        store_at(bytes, len.saturating_sub(WORD), end);
        return is_ascii([u64::from_le_bytes(start), u64::from_le_bytes(end)]);
    }
    let mut seen = 0;
    for (at, key) in (0..len).zip(word.to_le_bytes()) {
        let byte = bytes
            .get(gap.saturating_add(at))
            .copied()
            .unwrap_or_default()
            ^ key;
        store_at(bytes, at, [byte]);
        seen |= byte;
    }
    seen.is_ascii()
}

/// How many bytes are XORed at once where there are few.
const WORD: usize = 8;
/// Two words, a vector of 128 bits.
const PAIR: usize = 2 * WORD;
/// A vector of 256 bits where there are such.
const HALF: usize = 32;
/// The bytes of a step of the main loop: four vectors of 128 bits, or fewer longer ones.
const BLOCK: usize = 64;
/// Below this, what every processor has takes less time than a call and its clean-up. Without the feature
/// there is nothing to choose.
const WIDE: usize = 48;
/// From here on it pays to begin with a cache line.
const LONG: usize = 512;

/// As [`xor_any`] for more than a pair of words.
#[inline(never)]
fn xor_long<const LOOK: bool>(bytes: &mut [u8], word: u64) -> bool {
    if cfg!(feature = "simd") && bytes.len() < WIDE {
        xor_vectors::<LOOK>(bytes, word)
    } else {
        widest(Xor::<'_, LOOK> { bytes, word })
    }
}

/// [`xor_vectors`] in the widest vectors.
pub(super) struct Xor<'b, const LOOK: bool> {
    pub(super) bytes: &'b mut [u8],
    pub(super) word: u64,
}

impl<const LOOK: bool> Loop for Xor<'_, LOOK> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        xor_vectors::<LOOK>(self.bytes, self.word)
    }
}

/// As [`xor_into`] for more than a pair of words; both are of the same length.
#[inline(never)]
fn xor_long_into(to: &mut [u8], from: &[u8], word: u64) {
    if cfg!(feature = "simd") && to.len() < WIDE {
        xor_vectors_into(to, from, word);
    } else {
        widest(XorInto { to, from, word });
    }
}

/// [`xor_vectors_into`] in the widest vectors.
pub(super) struct XorInto<'b> {
    pub(super) to: &'b mut [u8],
    pub(super) from: &'b [u8],
    pub(super) word: u64,
}

impl Loop for XorInto<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        xor_vectors_into(self.to, self.from, self.word);
    }
}

/// As [`xor_long`], in the vectors that its caller is compiled for.
///
/// A store that lies in two cache lines takes twice as long. So the bytes in front of the first line are
/// XORed with a block that reaches into it, read before the rest is written.
#[inline(always)]
pub(super) fn xor_vectors<const LOOK: bool>(bytes: &mut [u8], word: u64) -> bool {
    let mut start = match bytes.first_chunk::<BLOCK>() {
        Some(start) if bytes.len() >= LONG => *start,
        _ => return xor_blocks::<LOOK>(bytes, word),
    };
    let mut seen = [0; BLOCK / WORD];
    xor_chunk::<LOOK, BLOCK>(&mut start, word, &mut seen);
    let before = bytes.as_ptr().align_offset(BLOCK) % BLOCK;
    let lines = bytes.get_mut(before..).unwrap_or_default();
    let ascii = xor_blocks::<LOOK>(lines, turned(word, before));
    store_first(bytes, start);
    ascii & is_ascii(seen)
}

/// As [`xor_long_into`], in the vectors that its caller is compiled for.
#[inline(always)]
pub(super) fn xor_vectors_into(to: &mut [u8], from: &[u8], word: u64) {
    if to.len() < LONG {
        return xor_blocks_into(to, from, word);
    }
    xor_chunk_into::<BLOCK>(to, from, word);
    let before = to.as_ptr().align_offset(BLOCK) % BLOCK;
    if let (Some(to), Some(from)) = (to.get_mut(before..), from.get(before..)) {
        xor_blocks_into(to, from, turned(word, before));
    }
}

/// As [`xor_vectors`], from the start.
#[inline(always)]
fn xor_blocks<const LOOK: bool>(bytes: &mut [u8], word: u64) -> bool {
    let mut seen = [0; BLOCK / WORD];
    let Some(mut end) = bytes.last_chunk::<PAIR>().copied() else {
        return !LOOK;
    };
    xor_chunk::<LOOK, PAIR>(&mut end, turned(word, bytes.len()), &mut seen);
    let (keys, mut seen_in_blocks) = (filled(word), [0; BLOCK]);
    let mut blocks = bytes.chunks_exact_mut(BLOCK);
    for block in &mut blocks {
        xor_block::<LOOK>(block, &keys, &mut seen_in_blocks);
    }
    let mut halves = blocks.into_remainder().chunks_exact_mut(HALF);
    for half in &mut halves {
        xor_chunk::<LOOK, HALF>(half, word, &mut seen);
    }
    for pair in halves.into_remainder().chunks_exact_mut(PAIR) {
        xor_chunk::<LOOK, PAIR>(pair, word, &mut seen);
    }
    store_last(bytes, end);
    is_ascii(seen) && seen_in_blocks.is_ascii()
}

/// As [`xor_vectors_into`], from the start.
#[inline(always)]
fn xor_blocks_into(to: &mut [u8], from: &[u8], word: u64) {
    let mut to_blocks = to.chunks_exact_mut(BLOCK);
    let mut from_blocks = from.chunks_exact(BLOCK);
    let keys = filled(word);
    for (to, from) in (&mut to_blocks).zip(&mut from_blocks) {
        xor_block_into(to, from, &keys);
    }
    let mut to_halves = to_blocks.into_remainder().chunks_exact_mut(HALF);
    let mut from_halves = from_blocks.remainder().chunks_exact(HALF);
    for (to, from) in (&mut to_halves).zip(&mut from_halves) {
        xor_chunk_into::<HALF>(to, from, word);
    }
    let pairs = from_halves.remainder().chunks_exact(PAIR);
    for (to, from) in to_halves.into_remainder().chunks_exact_mut(PAIR).zip(pairs) {
        xor_chunk_into::<PAIR>(to, from, word);
    }
    if let (Some(to), Some(end)) = (to.last_chunk_mut::<PAIR>(), from.last_chunk::<PAIR>()) {
        xor_chunk_into::<PAIR>(to, end, turned(word, from.len()));
    }
}

/// XORs a block of the many in a loop. LLVM makes vectors of it because it goes by bytes.
#[inline(always)]
fn xor_block<const LOOK: bool>(block: &mut [u8], keys: &[u8; BLOCK], seen: &mut [u8; BLOCK]) {
    let Some(block) = block.first_chunk_mut::<BLOCK>() else {
        return;
    };
    for ((byte, key), seen) in block.iter_mut().zip(keys).zip(seen) {
        *byte ^= key;
        *seen |= if LOOK { *byte } else { 0 };
    }
}

/// As [`xor_block`], from one place to another.
#[inline(always)]
fn xor_block_into(to: &mut [u8], from: &[u8], keys: &[u8; BLOCK]) {
    let (Some(to), Some(from)) = (to.first_chunk_mut::<BLOCK>(), from.first_chunk::<BLOCK>())
    else {
        return;
    };
    for ((to, from), key) in to.iter_mut().zip(from).zip(keys) {
        *to = from ^ key;
    }
}

/// XORs `N` bytes that are not in such a loop. Of these LLVM makes vectors because it goes by words,
/// where it would take bytes one by one. What that makes is put together in `seen`, if it is to `LOOK`.
#[inline(always)]
fn xor_chunk<const LOOK: bool, const N: usize>(
    chunk: &mut [u8],
    word: u64,
    seen: &mut [u64; BLOCK / WORD],
) {
    let Some(chunk) = chunk.first_chunk_mut::<N>() else {
        return;
    };
    for (bytes, seen) in chunk.chunks_exact_mut(WORD).zip(seen) {
        if let Some(bytes) = bytes.first_chunk_mut() {
            *bytes = xor_word(*bytes, word);
            *seen |= if LOOK { u64::from_le_bytes(*bytes) } else { 0 };
        }
    }
}

/// As [`xor_chunk`], from one place to another.
#[inline(always)]
fn xor_chunk_into<const N: usize>(to: &mut [u8], from: &[u8], word: u64) {
    let (Some(to), Some(from)) = (to.first_chunk_mut::<N>(), from.first_chunk::<N>()) else {
        return;
    };
    for (to, from) in to.chunks_exact_mut(WORD).zip(from.chunks_exact(WORD)) {
        if let Some(from) = from.first_chunk() {
            store_first(to, xor_word(*from, word));
        }
    }
}

/// The repeated key, as much of it as a block takes.
#[inline(always)]
fn filled(word: u64) -> [u8; BLOCK] {
    let mut keys = [0; BLOCK];
    for chunk in keys.chunks_exact_mut(WORD) {
        store_first(chunk, word.to_le_bytes());
    }
    keys
}

/// Whether all bytes in all words are ASCII.
#[inline(always)]
fn is_ascii<const N: usize>(words: [u64; N]) -> bool {
    let seen = words.iter().fold(0, |seen, word| seen | word);
    seen & 0x8080_8080_8080_8080 == 0
}

#[inline(always)]
const fn xor_word(bytes: [u8; WORD], word: u64) -> [u8; WORD] {
    (u64::from_le_bytes(bytes) ^ word).to_le_bytes()
}

#[inline(always)]
fn store_first<const N: usize>(bytes: &mut [u8], start: [u8; N]) {
    if let Some(to) = bytes.first_chunk_mut() {
        *to = start;
    }
}

#[inline(always)]
fn chunk_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

#[inline(always)]
fn store_at<const N: usize>(bytes: &mut [u8], at: usize, chunk: [u8; N]) {
    store_first(bytes.get_mut(at..).unwrap_or_default(), chunk);
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
