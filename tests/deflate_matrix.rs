//! Compressed messages with faults at every place, cut in every way: the same is told every time.
#![cfg(feature = "deflate")]

mod deflate_support;

use deflate_support::{Told, frame, receive};
use ws_proto::extension::deflate::DeflateParams;

const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
const AGAIN: [u8; 5] = [0xf2, 0x00, 0x11, 0x00, 0x00];

/// Exchanges with every kind of block, takeover, fragments, control frames and plain messages.
fn exchanges() -> Vec<Vec<u8>> {
    let stored = [
        0x00, 0x05, 0x00, 0xfa, 0xff, b'H', b'e', b'l', b'l', b'o', 0x00,
    ];
    let finals = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    // A match that overlaps itself: 259 times the same byte, more than the limit.
    let overlapping = [0xaa, 0x1a, 0x05, 0x00, 0x00];
    let euro = [
        0x00, 0x01, 0x00, 0xfe, 0xff, 0xe2, 0x00, 0x02, 0x00, 0xfd, 0xff, 0x82, 0xac, 0x00,
    ];
    vec![
        [
            frame(0xc1, &HELLO),
            frame(0xc1, &AGAIN),
            frame(0x81, b"plain"),
        ]
        .concat(),
        [
            frame(0x41, &HELLO[..3]),
            frame(0x89, b"ping"),
            frame(0x00, b""),
            frame(0x80, &HELLO[3..]),
            frame(0xc2, &AGAIN),
        ]
        .concat(),
        [
            frame(0xc2, &stored),
            frame(0xc1, &finals),
            frame(0xc1, &AGAIN),
        ]
        .concat(),
        [
            frame(0xc1, &overlapping),
            frame(0x41, &euro[..6]),
            frame(0x80, &euro[6..]),
        ]
        .concat(),
        [
            frame(0xc1, &[0x00]),
            frame(0xc2, &AGAIN[..3]),
            frame(0xc1, &HELLO),
        ]
        .concat(),
    ]
}

/// What is told, and that it is the same for every cut and every size of output.
fn told(wire: &[u8], runs: &mut usize) -> Vec<Told> {
    let params = DeflateParams::new();
    let whole = receive(false, params, 16, usize::MAX, &[wire]);
    for (size, max_piece) in [(1, usize::MAX), (1, 1), (2, 3), (5, 1), (7, usize::MAX)] {
        let pieces: Vec<&[u8]> = wire.chunks(size).collect();
        let cut = receive(false, params, 16, max_piece, &pieces);
        assert_eq!(cut, whole, "{wire:02x?} in pieces of {size}, {max_piece}");
        *runs += 1;
    }
    *runs += 1;
    let failed = whole
        .iter()
        .filter(|told| matches!(told, Told::Fail(_)))
        .count();
    assert!(
        failed <= 1,
        "one error at most, and nothing after it: {whole:?}"
    );
    assert!(failed == 0 || matches!(whole.last(), Some(Told::Fail(_))));
    whole
}

#[test]
fn every_cut_in_two() {
    let mut runs = 0;
    for wire in exchanges() {
        let expected = told(&wire, &mut runs);
        for cut in 0..=wire.len() {
            let (one, other) = wire.split_at(cut);
            for max_piece in [1, 4, usize::MAX] {
                let pieces = [one, &[], other];
                let told = receive(false, DeflateParams::new(), 16, max_piece, &pieces);
                assert_eq!(told, expected, "{wire:02x?} cut at {cut}");
                runs += 1;
            }
        }
    }
    println!("{runs} runs");
}

/// Where the transport ends, what was told is told, and nothing of what was not complete.
#[test]
fn an_end_at_every_byte() {
    let mut runs = 0;
    for wire in exchanges() {
        let expected = told(&wire, &mut runs);
        for end in 0..wire.len() {
            let told = told(&wire[..end], &mut runs);
            let complete = &expected[..told.len().min(expected.len())];
            assert!(
                told == complete || matches!(told.last(), Some(Told::Fail(_))),
                "{told:?}"
            );
        }
    }
    println!("{runs} runs");
}

#[test]
fn a_fault_at_every_place() {
    let mut runs = 0;
    for wire in exchanges() {
        for at in 0..wire.len() {
            for bit in 0..8 {
                let mut flipped = wire.clone();
                flipped[at] ^= 1 << bit;
                told(&flipped, &mut runs);
            }
            let mut lost = wire.clone();
            lost.remove(at);
            told(&lost, &mut runs);
            for byte in [wire[at], 0x00, 0xff, 0x80, 0xc1] {
                let mut added = wire.clone();
                added.insert(at, byte);
                told(&added, &mut runs);
            }
        }
    }
    println!("{runs} runs");
    assert!(runs > 10_000, "{runs}");
}
