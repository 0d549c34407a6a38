//! Finds bytes in a head, eight at a time, as one number whose lowest byte is the first of them.

pub(super) const WORD: usize = 8;

/// How many bytes at the front are text inside a line: no control, no HTAB and, if `ascii`, no byte
/// over 0x7f.
pub(super) fn text_len(bytes: &[u8], ascii: bool) -> usize {
    let refused = if ascii { each(0x80) } else { 0 };
    let stops = |word| (word & refused) | control(word);
    first(bytes, stops).unwrap_or(bytes.len())
}

/// The position of the first `byte`, an ASCII character.
pub(super) fn find(bytes: &[u8], byte: u8) -> Option<usize> {
    first(bytes, |word| equal(word, byte))
}

/// The position of the first byte whose top bit `marks` sets. Marks in later bytes of the same word
/// are ignored: they can be wrong.
#[inline(always)]
fn first(bytes: &[u8], marks: impl Fn(u64) -> u64) -> Option<usize> {
    let mut words = bytes.chunks_exact(WORD);
    let mut at = 0_usize;
    for word in &mut words {
        let found = marks(number(word));
        if found != 0 {
            return Some(at.wrapping_add(first_of(found)));
        }
        at = at.wrapping_add(WORD);
    }
    let rest = words.remainder();
    let found = marks(number(rest));
    (found != 0 && first_of(found) < rest.len()).then(|| at.wrapping_add(first_of(found)))
}

#[inline(always)]
fn number(bytes: &[u8]) -> u64 {
    if let Ok(word) = bytes.try_into() {
        return u64::from_le_bytes(word);
    }
    let fold = |number, &byte: &u8| (number << 8) | u64::from(byte);
    bytes.iter().rev().fold(0, fold)
}

const fn first_of(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; WORD])
}

/// Marks bytes less than 0x20, and 0x7f.
const fn control(word: u64) -> u64 {
    let next = (word & each(0x7f)) + each(1);
    let text = (next & each(0x7f)) + each(0x7f - 0x20);
    !(text | word) & each(0x80)
}

/// Marks bytes equal to `byte`, which is less than 0x80. A borrow can mark later bytes by mistake,
/// never earlier ones.
const fn equal(word: u64, byte: u8) -> u64 {
    let difference = word ^ each(byte);
    difference.wrapping_sub(each(1)) & !difference & each(0x80)
}
