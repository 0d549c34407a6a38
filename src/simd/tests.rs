//! The loops of this module, each compared with its safe counterpart.

#![allow(clippy::arithmetic_side_effects)]
use alloc::vec;
use alloc::vec::Vec;

use super::ascii::{Joined, short_ascii, unmask_text};
use super::xor::{Xor, XorInto, xor_vectors, xor_vectors_into};
use super::{Loop, widest};

/// A way of doing it, where the processor has it.
struct Way {
    name: &'static str,
    xor: fn(&mut [u8], u64) -> bool,
    look: fn(&mut [u8], u64) -> bool,
    into: fn(&mut [u8], &[u8], u64),
}

/// As compiled for every processor, and in the widest vectors that this one has.
fn ways() -> [Way; 2] {
    let every = Way {
        name: "every processor",
        xor: xor_vectors::<false>,
        look: xor_vectors::<true>,
        into: xor_vectors_into,
    };
    let wide = Way {
        name: "widest",
        xor: |bytes, word| widest(Xor::<'_, false> { bytes, word }),
        look: |bytes, word| widest(Xor::<'_, true> { bytes, word }),
        into: |to, from, word| widest(XorInto { to, from, word }),
    };
    [every, wide]
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

/// The cases. Miri, which looks for other mistakes and is slow, gets less of it.
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

/// Joins pieces of these lengths, each after a gap of that length, and returns the result.
struct Join<'a> {
    joined: Joined<'a, true>,
    pieces: &'a [(usize, usize)],
    end: usize,
}

impl<'a> Loop for Join<'a> {
    type Output = (Joined<'a, true>, usize);

    #[inline(always)]
    fn run(mut self) -> Self::Output {
        for (gap, len) in self.pieces {
            self.joined.push(self.end + gap, *len, KEY);
            self.end += gap + len;
        }
        (self.joined, self.end)
    }
}

#[test]
fn every_way_joins_pieces_of_every_length_and_sees_what_is_not_ascii() {
    type Way = fn(Join<'_>) -> (Joined<'_, true>, usize);
    let ways: [(_, Way); 2] = [
        ("every processor", |join| join.run()),
        ("widest", |join| widest(join)),
    ];
    for (name, join) in ways {
        for len in some((1..300).chain([1000, 1024]), 43) {
            for before in some(1..40, 19) {
                for not_ascii in [None, Some(0), Some(before), Some(before + len - 1)] {
                    let mut text = vec![b'a'; before + len + 9];
                    if let Some(at) = not_ascii {
                        text[at] = 0xe9;
                    }
                    let pieces = [(6, before), (8, len), (6, 9)];
                    let (mut bytes, mut at) = (Vec::new(), 0);
                    for (gap, len) in pieces {
                        bytes.extend([0xee].repeat(gap));
                        bytes.extend(by_the_byte(&text[at..at + len]));
                        at += len;
                    }
                    bytes.extend([0xee; 80]);
                    let (joined, end) = join(Join {
                        joined: Joined::new(&mut bytes),
                        pieces: &pieces,
                        end: 0,
                    });
                    let (found, rest) = joined.split_text(end);
                    assert_eq!(rest, [0xee; 80]);
                    assert_eq!(
                        found.is_ok(),
                        not_ascii.is_none(),
                        "{name}, {before}, {len}"
                    );
                    let found = found.map_or_else(|raw| raw, str::as_bytes);
                    assert!(found == text, "{name}, {before} and {len}");
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
                match unmask_text(&mut wire, KEY) {
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

/// Whatever pieces are named, only bytes that a loop has looked at are made text: none that are not there,
/// and none that pieces which overlap have left out.
#[test]
fn pieces_that_do_not_fit_make_no_text_of_bytes_that_were_not_looked_at() {
    for (at, len) in (0..12).flat_map(|at| (0..12).map(move |len| (at, len))) {
        for (first_at, first_len) in [(0, 0), (0, 3), (0, 4), (2, 2)] {
            for end in 0..=8 {
                let mut bytes = *b"abcd\xff\xff\xff\xff";
                let mut joined = Joined::<true>::new(&mut bytes);
                joined.push(first_at, first_len, [0; 4]);
                joined.push(at, len, [0; 4]);
                let (text, _) = joined.split_text(end);
                if let Ok(text) = text {
                    assert!(text.as_bytes().is_ascii(), "{at} {len} {end}: {text:x?}");
                }
            }
        }
    }
}
