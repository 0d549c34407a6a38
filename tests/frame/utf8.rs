//! Incremental UTF-8 validation against the standard library: all short strings at every cut, the
//! edges of vector blocks, and refusal at the byte that proves a text invalid.

use proptest::prelude::*;
use ws_proto::utf8::{InvalidUtf8, Utf8};
use ws_proto_suite::*;

/// The text of `pieces`, or that they are not text.
fn join(pieces: &[&[u8]]) -> Result<String, InvalidUtf8> {
    let mut utf8 = Utf8::new();
    let mut text = String::new();
    for bytes in pieces {
        let piece = utf8.push(bytes)?;
        text.extend(piece.head);
        text.push_str(piece.body);
    }
    utf8.finish()?;
    Ok(text)
}

fn assert_as_std(bytes: &[u8], pieces: &[&[u8]]) {
    let expected = core::str::from_utf8(bytes);
    let text = join(pieces);
    assert_eq!(
        text.as_deref().ok(),
        expected.ok(),
        "{bytes:x?} as {pieces:x?}"
    );
}

fn assert_as_std_at_every_cut(bytes: &[u8]) {
    for cut in 0..=bytes.len() {
        let (head, tail) = bytes.split_at(cut);
        assert_as_std(bytes, &[head, tail]);
    }
    let single: Vec<_> = bytes.chunks(1).collect();
    assert_as_std(bytes, &single);
}

/// Whether some text starts with `bytes`: what fail-fast has to answer.
fn is_prefix_of_text(bytes: &[u8]) -> bool {
    core::str::from_utf8(bytes).map_or_else(|error| error.error_len().is_none(), |_| true)
}

/// The bytes at which the rules change, and their neighbours.
fn boundaries() -> Vec<u8> {
    vec![
        0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec,
        0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff,
    ]
}

#[test]
fn all_strings_of_one_and_two_bytes_at_every_cut() {
    for first in 0..=255 {
        assert_as_std_at_every_cut(&[first]);
        for second in 0..=255 {
            assert_as_std_at_every_cut(&[first, second]);
        }
    }
}

/// Every third byte after all that may start a multi-byte character, boundaries after the rest.
#[test]
fn strings_of_three_bytes_at_every_cut() {
    let all: Vec<u8> = (0..=255).collect();
    let boundaries = [0x00, 0x7f, 0x80, 0xbf, 0xc2, 0xff];
    for first in 0..=255 {
        for second in 0..=255 {
            let inside = first >= 0x80 && is_prefix_of_text(&[first, second]);
            for third in if inside { &all[..] } else { &boundaries } {
                assert_as_std_at_every_cut(&[first, second, *third]);
            }
        }
    }
}

#[test]
fn strings_of_four_bytes_around_the_boundaries() {
    let tails = [0x7f, 0x80, 0xbf, 0xc0];
    for first in boundaries() {
        for second in boundaries() {
            for third in tails {
                for fourth in tails {
                    // shows: RFC3629-3-01, RFC3629-4-01
                    assert_as_std_at_every_cut(&[first, second, third, fourth]);
                }
            }
        }
    }
}

/// Fail-fast: the error comes with the first byte that no text could have there, never later and
/// never earlier.
#[test]
fn an_error_comes_exactly_with_the_byte_that_proves_it() {
    for first in 0..=255 {
        for second in boundaries() {
            for third in boundaries() {
                let bytes = [first, second, third, 0x80];
                let mut utf8 = Utf8::new();
                for n in 1..=bytes.len() {
                    let pushed = utf8.push(&bytes[n - 1..n]);
                    assert_eq!(
                        pushed.is_ok(),
                        is_prefix_of_text(&bytes[..n]),
                        "{bytes:x?} {n}"
                    );
                    let at_once = Utf8::new().push(&bytes[..n]).is_ok();
                    assert_eq!(
                        at_once,
                        is_prefix_of_text(&bytes[..n]),
                        "{bytes:x?} {n} at once"
                    );
                    if pushed.is_err() {
                        break;
                    }
                }
            }
        }
    }
}

/// Characters of every width across the edges of blocks, and bad bytes there.
#[test]
fn block_edges_are_seen_through() {
    for at in 0..=130 {
        for character in [
            "\u{7f}",
            "\u{e9}",
            "\u{20ac}",
            "\u{1f600}",
            "\u{10ffff}",
            "\u{feff}",
        ] {
            for after in [0, 1, 40] {
                let text = "x".repeat(at) + character + &"y".repeat(after);
                for cut in at.saturating_sub(1)..=(at + 5).min(text.len()) {
                    let (head, tail) = text.as_bytes().split_at(cut);
                    assert_eq!(join(&[head, tail]).as_deref(), Ok(&text[..]));
                }
            }
        }
        for bad in [
            &b"\x80"[..],
            b"\xc0\xaf",
            b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80",
            b"\xff",
        ] {
            let bytes = [&b"x".repeat(at)[..], bad, &b"y".repeat(40)].concat();
            assert_as_std(&bytes, &[&bytes]);
            assert!(join(&[&bytes]).is_err());
        }
        for cut in [&b"\xc3"[..], b"\xe2\x82", b"\xf0\x9f\x98"] {
            let bytes = [&b"x".repeat(at)[..], cut].concat();
            assert!(Utf8::new().push(&bytes).is_ok());
            assert_eq!(join(&[&bytes]), Err(InvalidUtf8), "cut off at the end");
        }
    }
}

#[test]
fn a_finished_text_leaves_nothing_behind() {
    let mut utf8 = Utf8::new();
    assert!(utf8.is_complete());
    assert!(utf8.push(b"\xe2\x82").is_ok());
    assert!(!utf8.is_complete());
    assert_eq!(utf8.finish(), Err(InvalidUtf8));
    assert_eq!(utf8, Utf8::new(), "the next text starts anew");
    let piece = utf8.push("\u{ac}".as_bytes()).unwrap();
    assert_eq!((piece.head, piece.body), (None, "\u{ac}"));
}

#[test]
fn a_character_that_straddles_is_the_head() {
    let mut utf8 = Utf8::new();
    let bytes = "\u{1f600}z".as_bytes();
    for byte in bytes[..3].chunks(1) {
        let piece = utf8.push(byte).unwrap();
        assert_eq!((piece.head, piece.body), (None, ""));
    }
    let piece = utf8.push(&bytes[3..]).unwrap();
    assert_eq!((piece.head, piece.body), (Some('\u{1f600}'), "z"));
}

/// On a connection: refused at the byte, inside an unfinished frame, whatever the end.
#[test]
fn a_connection_refuses_bad_text_at_the_byte() {
    for side in Side::BOTH {
        for bad in [
            &b"ok\xc0"[..],
            b"\xed\xa0",
            b"\xf4\x90",
            b"\xe0\x80",
            b"\xe2\x28",
            b"a\xf5",
        ] {
            let whole = [bad, &b"z".repeat(100)].concat();
            let bytes = frame(side, TEXT, &whole);
            let proof = bytes.len() - 100;
            let mut endpoint = Endpoint::new(side);
            let before = drive(&mut endpoint, &one_byte_at_a_time(&bytes[..proof - 1]));
            assert_eq!(before.error, None, "{bad:x?}");
            let error = run(&mut endpoint, &bytes[proof - 1..proof]).error;
            // shows: RFC6455-5.6-01, RFC6455-8.1-01, RFC3629-3-01, RFC3629-4-01
            assert_eq!(
                error,
                Some(ws_proto::ProtocolError::TextNotUtf8),
                "{bad:x?}"
            );
        }
        let binary = frame(side, FIN | BINARY, b"\xff\xc0");
        // shows: RFC6455-5.6-04
        assert_eq!(
            event_items(&mut Endpoint::new(side), &binary).len(),
            1,
            "binary is not text"
        );
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn random_texts_with_random_damage(
        text in proptest::collection::vec(any::<char>(), 0..80),
        damage in proptest::option::of((any::<prop::sample::Index>(), any::<u8>())),
        cuts in proptest::collection::vec(0..20_usize, 1..10),
    ) {
        let mut bytes = String::from_iter(text).into_bytes();
        if let Some((at, byte)) = damage.filter(|_| !bytes.is_empty()) {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let mut pieces = Vec::new();
        let mut rest = &bytes[..];
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        pieces.push(rest);
        assert_as_std(&bytes, &pieces);
    }
}
