//! UTF-8: all strings of three bytes, all of four around the boundaries (deep: all of them), in
//! every pair of pieces, against the standard library.

use ws_proto::utf8::Utf8;

/// Whether the pieces are a text, and whether one of them was refused.
fn pieces(pieces: [&[u8]; 2]) -> (bool, bool) {
    let mut utf8 = Utf8::new();
    for piece in pieces {
        if utf8.push(piece).is_err() {
            return (false, true);
        }
    }
    (utf8.finish().is_ok(), false)
}

fn check(bytes: &[u8], cuts: core::ops::Range<usize>) {
    let expected = match core::str::from_utf8(bytes) {
        Ok(_) => (true, false),
        Err(error) => (false, error.error_len().is_some()),
    };
    for cut in cuts {
        let (head, tail) = bytes.split_at(cut);
        assert_eq!(pieces([head, tail]), expected, "{bytes:x?} cut at {cut}");
    }
}

#[test]
fn all_strings_of_three_bytes_are_what_the_standard_library_says() {
    let deep = crate::deep();
    let mut count = 0;
    for first in 0..=255_u8 {
        for second in 0..=255 {
            // A cut matters where a character of several bytes is about.
            let plain = first.is_ascii() && u8::is_ascii(&second);
            let cuts = if plain && !deep { 0..1 } else { 0..3 };
            for third in 0..=255 {
                check(&[first, second, third], cuts.clone());
                count += cuts.len() as u64;
            }
        }
    }
    assert!(count >= 1 << 24);
    crate::report("strings of three bytes, cut", count);
}

#[test]
fn strings_of_four_bytes_are_what_the_standard_library_says() {
    if crate::deep() {
        return all_strings_of_four_bytes();
    }
    let edges = [
        0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0xff,
    ];
    let mut count = 0;
    for first in [0x00, 0x7f, 0x80, 0xbf, 0xc1, 0xc2]
        .into_iter()
        .chain(0xde..=0xff)
    {
        for second in 0..=255 {
            for third in edges {
                for fourth in edges {
                    check(&[first, second, third, fourth], 0..4);
                    count += 4;
                }
            }
        }
    }
    crate::report("strings of four bytes at the boundaries, cut", count);
}

fn all_strings_of_four_bytes() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for share in 0..threads {
            scope.spawn(move || {
                for front in (share as u32..1 << 16).step_by(threads) {
                    for back in 0..1 << 16 {
                        check(&(front << 16 | back).to_be_bytes(), 0..4);
                    }
                }
            });
        }
    });
    crate::report("strings of four bytes, cut", 1 << 34);
}
