//! Text: faults of other implementations, as behaviour. `PAST_BUGS.md` maps the cases to their tests.

use ws_proto::ProtocolError;
use ws_proto_suite::*;

#[test]
fn bad_text_in_a_first_fragment_fails_without_waiting_for_more() {
    for side in Side::BOTH {
        for bad in [&b"ab\xff"[..], b"\xc0\xaf", b"ok\xed\xa0"] {
            let trace = run(&mut Endpoint::new(side), &frame(side, TEXT, bad));
            assert_eq!(trace.error, Some(ProtocolError::TextNotUtf8), "{bad:x?}");
        }
    }
}

#[test]
fn bad_text_in_a_half_received_frame_fails_without_waiting_for_more() {
    for side in Side::BOTH {
        let bytes = frame(side, FIN | TEXT, b"ab\xff and what never comes");
        let until = bytes.len() - b" and what never comes".len();
        let trace = run(&mut Endpoint::new(side), &bytes[..until]);
        assert_eq!(trace.error, Some(ProtocolError::TextNotUtf8));
    }
}

#[test]
fn text_cut_off_inside_a_character_fails_at_its_end() {
    for side in Side::BOTH {
        for cut in [&b"a\xc3"[..], b"\xe2\x82", b"\xf0\x9f\x98"] {
            let whole = run(&mut Endpoint::new(side), &frame(side, FIN | TEXT, cut));
            assert_eq!(whole.error, Some(ProtocolError::TextNotUtf8), "{cut:x?}");
            let mut endpoint = Endpoint::new(side);
            assert_eq!(run(&mut endpoint, &frame(side, TEXT, cut)).error, None);
            let end = run(&mut endpoint, &frame(side, FIN | CONTINUATION, b""));
            assert_eq!(end.error, Some(ProtocolError::TextNotUtf8), "{cut:x?}");
        }
    }
}

#[test]
fn surrogates_overlong_forms_and_what_is_beyond_unicode_are_not_text() {
    for side in Side::BOTH {
        for bad in [
            &b"\xed\xa0\x80"[..],
            b"\xed\xbf\xbf",
            b"\xc0\xaf",
            b"\xc1\xbf",
            b"\xe0\x80\xaf",
            b"\xf0\x80\x80\xaf",
            b"\xf4\x90\x80\x80",
            b"\xf5\x80\x80\x80",
            b"\xf8\x88\x80\x80\x80",
            b"\x80",
            b"\xfe",
            b"\xff",
        ] {
            let trace = run(&mut Endpoint::new(side), &frame(side, FIN | TEXT, bad));
            assert_eq!(trace.error, Some(ProtocolError::TextNotUtf8), "{bad:x?}");
            let written = parse_output(side, &trace.output);
            assert_eq!((written.len(), written[0].close_code()), (1, Some(1007)));
        }
    }
}

#[test]
fn nul_byte_order_marks_noncharacters_and_the_last_character_are_text() {
    for side in Side::BOTH {
        for text in [
            "\0",
            "\u{feff}",
            "\u{ffff}\u{fffe}\u{fdd0}",
            "\u{10ffff}",
            "\u{d7ff}\u{e000}",
        ] {
            let bytes = frame(side, FIN | TEXT, text.as_bytes());
            assert_eq!(
                event_items(&mut Endpoint::new(side), &bytes),
                [Item::Text(text.to_owned())]
            );
        }
    }
}

#[test]
fn characters_split_over_frames_and_reads_are_put_together() {
    for side in Side::BOTH {
        let text = "\u{e9}\u{20ac}\u{1f600}";
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let bytes = [
                    frame(side, TEXT, &text.as_bytes()[..first]),
                    frame(side, CONTINUATION, &text.as_bytes()[first..second]),
                    frame(side, FIN | CONTINUATION, &text.as_bytes()[second..]),
                ];
                let bytes = bytes.concat();
                for chunks in [vec![bytes.clone()], one_byte_at_a_time(&bytes)] {
                    let trace = drive(&mut Endpoint::new(side), &chunks);
                    assert_eq!(trace.items, [Item::Text(text.to_owned())]);
                }
            }
        }
    }
}
