//! The one module with `unsafe`, and only with the feature `simd`: vectors and SHA-1 that not every
//! processor has, and text that has been seen to be ASCII and is not looked at again.
//!
//! The loops are those of [`frame`](crate::frame), compiled once more for processors that have AVX2;
//! whether this one has it is found out at run time. What they do without is the safe twin: `xor_vectors`
//! and `xor_vectors_into` as compiled for every processor, `core::str::from_utf8`, and `sha1_smol`. The
//! tests hold the two against each other, at every length and alignment. (AVX-512 gained nothing more where it
//! was measured, and needs a newer compiler.)

#![allow(unsafe_code)]

pub(crate) mod sha1;

use crate::buf::Input;
use crate::connection::{Role, Room, Row, WholeFrame};
use crate::frame::Mask;
#[cfg(any(test, target_arch = "x86_64"))]
use crate::frame::{xor_vectors, xor_vectors_into};

/// Below this, what the processor has in any case takes less time than a call and its clean-up.
#[cfg(target_arch = "x86_64")]
const WIDE: usize = 48;

/// XORs `bytes` with the repeated `word`; whether what that makes is ASCII, if it is to `LOOK`. `None` if
/// the processor has no wider vectors, or there are too few bytes; nothing is done then.
#[inline(always)]
pub(crate) fn xor<const LOOK: bool>(bytes: &mut [u8], word: u64) -> Option<bool> {
    #[cfg(target_arch = "x86_64")]
    if bytes.len() >= WIDE && std::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, which is all that the function asks for.
        return Some(unsafe { xor_avx2::<LOOK>(bytes, word) });
    }
    let _ = (bytes, word);
    None
}

/// Copies `from` to `to`, XORed with the repeated `word`; whether that is done, as in [`xor`].
#[inline(always)]
pub(crate) fn xor_into(to: &mut [u8], from: &[u8], word: u64) -> bool {
    #[cfg(target_arch = "x86_64")]
    if to.len() >= WIDE && std::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, which is all that the function asks for.
        unsafe { xor_into_avx2(to, from, word) };
        return true;
    }
    let _ = (to, from, word);
    false
}

/// # Safety
///
/// The processor must have AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn xor_avx2<const LOOK: bool>(bytes: &mut [u8], word: u64) -> bool {
    xor_vectors::<LOOK>(bytes, word)
}

/// # Safety
///
/// The processor must have AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn xor_into_avx2(to: &mut [u8], from: &[u8], word: u64) {
    xor_vectors_into(to, from, word);
}

/// The text in `bytes` if they are not many, and all of them ASCII.
#[inline]
pub(crate) fn short_ascii(bytes: &[u8]) -> Option<&str> {
    /// Beyond this, a validator that looks at 64 bytes at once has made up for its call.
    const SHORT: usize = 512;
    if bytes.len() > SHORT || !bytes.is_ascii() {
        return None;
    }
    // SAFETY: ASCII is UTF-8.
    Some(unsafe { core::str::from_utf8_unchecked(bytes) })
}

/// Unmasks `bytes`: as text if they are ASCII then.
#[inline]
pub(crate) fn unmask(bytes: &mut [u8], mask: Mask) -> Result<&str, &[u8]> {
    if mask.apply_to_ascii(bytes) {
        // SAFETY: ASCII is UTF-8.
        Ok(unsafe { core::str::from_utf8_unchecked(bytes) })
    } else {
        Err(bytes)
    }
}

/// Joins short frames of a text: as text if they are ASCII.
#[inline]
pub(crate) fn row<'b, R: Role>(
    input: &mut Input<'b>,
    first: WholeFrame,
    room: Room,
) -> (Row, Result<&'b str, &'b [u8]>) {
    let row = join::<R>(input.bytes_mut(), first, room);
    let payload = row.payload(input);
    if row.ascii {
        // SAFETY: ASCII is UTF-8.
        (row, Ok(unsafe { core::str::from_utf8_unchecked(payload) }))
    } else {
        (row, Err(payload))
    }
}

#[inline(always)]
fn join<R: Role>(bytes: &mut [u8], first: WholeFrame, room: Room) -> Row {
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, which is all that the function asks for.
        return unsafe { join_avx2::<R>(bytes, first, room) };
    }
    Row::join::<R, true>(bytes, first, room)
}

/// # Safety
///
/// The processor must have AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn join_avx2<R: Role>(bytes: &mut [u8], first: WholeFrame, room: Room) -> Row {
    Row::join::<R, true>(bytes, first, room)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Server;
    use alloc::vec;
    use alloc::vec::Vec;

    /// A way of doing it, where the processor has it.
    struct Way {
        name: &'static str,
        xor: fn(&mut [u8], u64) -> bool,
        look: fn(&mut [u8], u64) -> bool,
        into: fn(&mut [u8], &[u8], u64),
    }

    fn ways() -> Vec<Way> {
        let safe = Way {
            name: "safe",
            xor: xor_vectors::<false>,
            look: xor_vectors::<true>,
            into: xor_vectors_into,
        };
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has what they ask for.
            let wide = Way {
                name: "AVX2",
                xor: |bytes, word| unsafe { xor_avx2::<false>(bytes, word) },
                look: |bytes, word| unsafe { xor_avx2::<true>(bytes, word) },
                into: |to, from, word| unsafe { xor_into_avx2(to, from, word) },
            };
            return vec![safe, wide];
        }
        vec![safe]
    }

    const KEY: [u8; 4] = [0x91, 0x22, 0x53, 0x84];
    const WORD: u64 = u64::from_le_bytes([0x91, 0x22, 0x53, 0x84, 0x91, 0x22, 0x53, 0x84]);

    fn by_the_byte(bytes: &[u8]) -> Vec<u8> {
        let keys = KEY.iter().cycle();
        bytes
            .iter()
            .zip(keys)
            .map(|(byte, key)| byte ^ key)
            .collect()
    }

    /// What is tried. Miri, which looks for other mistakes and is slow, gets less of it.
    fn some(numbers: impl IntoIterator<Item = usize>, of_which: usize) -> Vec<usize> {
        let step = if cfg!(miri) { of_which } else { 1 };
        numbers.into_iter().step_by(step).collect()
    }

    fn lengths() -> Vec<usize> {
        some((17..1100).chain([4096, 4133]), 113)
    }

    fn alignments() -> Vec<usize> {
        some(0..64, 31)
    }

    #[test]
    fn every_way_is_the_byte_loop_at_every_length_and_alignment() {
        for way in ways() {
            for len in lengths() {
                let plain: Vec<u8> = (0..len).map(|n| (n * 7 / 3) as u8).collect();
                for align in alignments() {
                    let (before, behind) = ([0xee].repeat(align), [0xee; 64]);
                    let expected = [&before[..], &by_the_byte(&plain), &behind].concat();
                    let mut place = [&before[..], &plain, &behind].concat();
                    (way.xor)(&mut place[align..align + len], WORD);
                    assert!(place == expected, "{}, {len} at {align}", way.name);

                    place.fill(0xee);
                    (way.into)(&mut place[align..align + len], &plain, WORD);
                    assert!(place == expected, "{}, {len} at {align}", way.name);
                }
            }
        }
    }

    #[test]
    fn every_way_sees_a_byte_that_is_not_ascii_at_every_place() {
        for way in ways() {
            for len in lengths() {
                let masked = by_the_byte(&vec![b'a'; len]);
                for align in alignments().into_iter().step_by(9) {
                    let mut place = vec![0; align + len];
                    place[align..].copy_from_slice(&masked);
                    assert!((way.look)(&mut place[align..], WORD), "{}, {len}", way.name);
                    assert!(place[align..].iter().all(|byte| *byte == b'a'));
                    for at in some((0..len).step_by(len / 200 + 1), 41) {
                        place[align..].copy_from_slice(&masked);
                        place[align + at] ^= 0x80;
                        let ascii = (way.look)(&mut place[align..], WORD);
                        assert!(!ascii, "{}, {at} of {len}", way.name);
                        assert_eq!(place[align + at], b'a' | 0x80);
                    }
                }
            }
        }
    }

    type Join = fn(&mut [u8], WholeFrame, Room) -> Row;

    fn ways_to_join() -> Vec<(&'static str, Join)> {
        let safe: (_, Join) = ("safe", Row::join::<Server, true>);
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has what it asks for.
            let wide: Join =
                |bytes, first, room| unsafe { join_avx2::<Server>(bytes, first, room) };
            return vec![safe, ("AVX2", wide)];
        }
        vec![safe]
    }

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let (len, key) = ((payload.len() as u16).to_be_bytes(), KEY);
        let header = match payload.len() {
            0..126 => [&[first, 0x80 | len[1]][..], &key].concat(),
            _ => [&[first, 0xfe][..], &len, &key].concat(),
        };
        [header, by_the_byte(payload)].concat()
    }

    #[test]
    fn every_way_joins_frames_of_every_length_and_sees_what_is_not_ascii() {
        for (name, join) in ways_to_join() {
            for len in some((1..300).chain([1000, 1024]), 43) {
                for before in some(1..40, 19) {
                    for not_ascii in [None, Some(0), Some(before), Some(before + len - 1)] {
                        let mut text = vec![b'a'; before + len + 9];
                        if let Some(at) = not_ascii {
                            text[at] = 0xe9;
                        }
                        let mut bytes = frame(1, &text[..before]);
                        bytes.extend(frame(0, &text[before..before + len]));
                        bytes.extend(frame(0x80, &text[before + len..]));
                        bytes.extend([0xee; 80]);
                        let room = Room::endless();
                        let first = WholeFrame::look::<Server>(&bytes).unwrap();
                        let row = join(&mut bytes, first, room);
                        assert_eq!(row.ascii, not_ascii.is_none(), "{name}, {before} and {len}");
                        assert!(bytes.ends_with(&[0xee; 80]));
                        let payload = row.payload(&mut Input::new(&mut bytes));
                        assert!(payload == text, "{name}, {before} and {len}");
                    }
                }
            }
        }
    }

    #[test]
    fn text_is_what_the_standard_library_says() {
        let characters = ["a", "\u{e9}", "\u{20ac}", "\u{1f600}", "\u{80}", "\u{7f}"];
        for len in some((0..130).chain(500..530), 29) {
            for character in characters {
                for at in some(0..=len, 97) {
                    let text = ["b".repeat(at), character.into(), "b".repeat(len - at)].concat();
                    let mut wire = by_the_byte(text.as_bytes());
                    match unmask(&mut wire, Mask::new(KEY)) {
                        Ok(found) => assert!(found == text && text.is_ascii()),
                        Err(bytes) => assert!(bytes == text.as_bytes() && !text.is_ascii()),
                    }
                    let short = short_ascii(text.as_bytes());
                    let expected = text.is_ascii() && text.len() <= 512;
                    assert_eq!(short, expected.then_some(&text[..]));
                }
            }
        }
    }
}
