//! Short frames of one message that come in one read: one piece, and otherwise as if each had come by
//! itself.

use proptest::prelude::*;
use ws_proto::{CloseCode, Config, Event, Input, ProtocolError};
use ws_proto_suite::*;

/// Text and bytes to cut frames from, with characters of every width.
fn payload(first: u8, len: usize) -> Vec<u8> {
    if first == TEXT {
        let text = "aé€😀".repeat(len / 10 + 1);
        let end = (0..=len).rev().find(|end| text.is_char_boundary(*end));
        let mut text = text[..end.unwrap()].to_owned();
        while text.len() < len {
            text.push('z');
        }
        text.into_bytes()
    } else {
        (0..len).map(|n| (n * 7 + n / 256) as u8).collect()
    }
}

/// A message in frames of these lengths.
fn frames(side: Side, first: u8, payload: &[u8], lens: &[usize]) -> Vec<Vec<u8>> {
    let mut at = 0;
    let last = lens.len() - 1;
    let one = |(n, len): (usize, &usize)| {
        let part = &payload[at..at + len];
        at += len;
        let opcode = if n == 0 { first } else { CONTINUATION };
        frame(side, if n == last { FIN | opcode } else { opcode }, part)
    };
    lens.iter().enumerate().map(one).collect()
}

fn message(side: Side, first: u8, lens: &[usize]) -> (Item, Vec<Vec<u8>>) {
    let bytes = payload(first, lens.iter().sum());
    let frames = frames(side, first, &bytes, lens);
    if first == TEXT {
        (Item::Text(String::from_utf8(bytes).unwrap()), frames)
    } else {
        (Item::Binary(bytes), frames)
    }
}

/// How many pieces a read is emitted in, and the lengths of their payloads.
fn pieces(side: Side, bytes: &[u8]) -> Vec<usize> {
    let mut endpoint = Endpoint::new(side);
    let mut read = bytes.to_vec();
    let mut input = Input::new(&mut read);
    let mut lens = Vec::new();
    while let Some(event) = endpoint.receive(&mut input, &mut Vec::new()).unwrap() {
        match event {
            Event::Text(text) => lens.push(text.raw.len()),
            Event::Binary(binary) => lens.push(binary.data.len()),
            _ => lens.push(0),
        }
    }
    lens
}

#[test]
fn a_message_in_short_frames_that_came_together_is_whole_where_it_was_read() {
    for side in Side::BOTH {
        for first in [TEXT, BINARY] {
            let (item, frames) = message(side, first, &[100, 30, 1, 0, 999, 125]);
            let mut endpoint = Endpoint::new(side);
            let mut read = frames.concat();
            let place = read.as_ptr_range();
            let mut input = Input::new(&mut read);
            match endpoint.receive(&mut input, &mut Vec::new()) {
                Ok(Some(Event::Text(text))) => {
                    let whole = text.whole().expect("one piece");
                    assert!(place.contains(&whole.as_ptr()));
                    assert_eq!(Item::Text(whole.to_owned()), item);
                }
                Ok(Some(Event::Binary(binary))) => {
                    let whole = binary.whole().expect("one piece");
                    assert!(place.contains(&whole.as_ptr()));
                    assert_eq!(Item::Binary(whole.to_vec()), item);
                }
                other => panic!("{other:?}"),
            }
            assert!(input.is_empty());
        }
    }
}

/// Each length meets other lengths in front of it, and so other distances that it is moved by.
#[test]
fn frames_of_every_length_are_joined_at_every_distance() {
    for side in Side::BOTH {
        for first in [TEXT, BINARY] {
            for len in 1..300 {
                for others in [&[1, 1, 1][..], &[64], &[200, 3], &[130, 17, 9, 40, 2]] {
                    let lens = [others, &[len, len + 1], others].concat();
                    let (item, frames) = message(side, first, &lens);
                    let items = event_items(&mut Endpoint::new(side), &frames.concat());
                    assert!(items == [item], "{side:?} {lens:?}");
                }
            }
        }
    }
}

#[test]
fn only_short_frames_are_joined() {
    for side in Side::BOTH {
        for first in [TEXT, BINARY] {
            let (_, frames) = message(side, first, &[10, 20, 5000, 10, 20, 5000, 1024]);
            assert_eq!(pieces(side, &frames.concat()), [30, 5000, 30, 5000, 1024]);
        }
    }
}

#[test]
fn a_control_frame_in_between_comes_in_its_place() {
    for side in Side::BOTH {
        let (item, mut frames) = message(side, TEXT, &[100, 33, 7, 50, 50]);
        frames.insert(3, frame(side, PING, b"now"));
        assert_eq!(pieces(side, &frames.concat()), [140, 0, 100]);
        let items = event_items(&mut Endpoint::new(side), &frames.concat());
        assert_eq!(items, [Item::Ping(b"now".to_vec()), item]);
    }
}

#[test]
fn messages_behind_one_another_stay_apart() {
    for side in Side::BOTH {
        let (one, frames_of_one) = message(side, BINARY, &[9, 9]);
        let (two, frames_of_two) = message(side, TEXT, &[5]);
        let (three, frames_of_three) = message(side, TEXT, &[40, 1, 2]);
        let wire = [frames_of_one, frames_of_two, frames_of_three].concat();
        assert_eq!(pieces(side, &wire.concat()), [18, 5, 43]);
        let items = event_items(&mut Endpoint::new(side), &wire.concat());
        assert_eq!(items, [one, two, three]);
    }
}

/// As each frame by itself: the error, and the Close for it. A fault of the text comes before one of a
/// header after it.
#[test]
fn a_fault_behind_good_frames_is_found_as_in_reads_of_their_own() {
    let text_fault = ProtocolError::TextNotUtf8;
    for side in Side::BOTH {
        let good = frame(side, TEXT, "gut €".as_bytes());
        let more = frame(side, CONTINUATION, b"more");
        let bad_text = frame(side, CONTINUATION, b"\xff");
        let cut_text = frame(side, CONTINUATION, b"\xe2\x82");
        let rsv = frame(side, 0x40, b"");
        let new = frame(side, FIN | TEXT, b"new");
        let end = frame(side, FIN, b"end");
        let cases: [(&[&Vec<u8>], ProtocolError); 6] = [
            (&[&good, &more, &bad_text, &end], text_fault),
            (&[&good, &bad_text, &rsv], text_fault),
            (&[&good, &more, &rsv], ProtocolError::ReservedBitSet),
            (&[&good, &more, &new], ProtocolError::MessageInterleaved),
            (&[&good, &cut_text, &more], text_fault),
            (
                &[&good, &more, &end, &end],
                ProtocolError::ContinuationUnexpected,
            ),
        ];
        for (frames, error) in cases {
            let wire: Vec<Vec<u8>> = frames.iter().map(|frame| frame.to_vec()).collect();
            let together = run(&mut Endpoint::new(side), &wire.concat());
            assert_eq!(together.error, Some(error));
            assert_eq!(together, drive(&mut Endpoint::new(side), &wire));
        }
        let cut = [good.clone(), more.clone(), frame(side, FIN, b"\xe2\x82")].concat();
        assert_eq!(run(&mut Endpoint::new(side), &cut).error, Some(text_fault));
    }
}

#[test]
fn every_limit_holds_within_a_row() {
    let limited: [(Config, &[usize], Option<ProtocolError>); 8] = [
        (Config::new().max_fragments(4), &[5, 5, 5, 5], None),
        (
            Config::new().max_fragments(3),
            &[5, 5, 5, 5],
            Some(ProtocolError::TooManyFragments),
        ),
        (Config::new().max_message(20), &[5, 5, 5, 5], None),
        (
            Config::new().max_message(19),
            &[5, 5, 5, 5],
            Some(ProtocolError::MessageTooBig),
        ),
        (
            Config::new().max_message(4),
            &[5, 5, 5, 5],
            Some(ProtocolError::MessageTooBig),
        ),
        (Config::new().max_frame(6), &[5, 5, 6, 5], None),
        (
            Config::new().max_frame(5),
            &[5, 5, 6, 5],
            Some(ProtocolError::FrameTooBig),
        ),
        (
            Config::new().max_fragments(3),
            &[5, 0, 0, 5],
            Some(ProtocolError::TooManyFragments),
        ),
    ];
    for side in Side::BOTH {
        for first in [TEXT, BINARY] {
            for (config, lens, error) in &limited {
                let (item, frames) = message(side, first, lens);
                let together = run(&mut Endpoint::configured(side, *config), &frames.concat());
                assert_eq!(together.error, *error, "{lens:?}");
                let items = if error.is_none() { vec![item] } else { vec![] };
                assert_eq!(together.items, items);
                let apart = drive(&mut Endpoint::configured(side, *config), &frames);
                assert_eq!(together, apart);
                let code = error.map(ProtocolError::close_code);
                assert!(code.is_none_or(|code| code == CloseCode::MESSAGE_TOO_BIG));
            }
        }
    }
}

/// Bad text at every byte of every frame, also where that ends or begins one.
#[test]
fn bad_text_is_found_at_every_place_of_a_row() {
    for side in Side::BOTH {
        for character in ["a", "é", "€", "😀"] {
            let text = character.repeat(24 / character.len());
            for lens in [&[1, 7, 16][..], &[20, 4], &[2, 2, 2, 2, 16]] {
                for at in 0..text.len() {
                    let mut bytes = text.clone().into_bytes();
                    bytes[at] = 0xc0;
                    let wire = frames(side, TEXT, &bytes, lens);
                    let together = run(&mut Endpoint::new(side), &wire.concat());
                    assert_eq!(together.error, Some(ProtocolError::TextNotUtf8));
                    assert_eq!(together, drive(&mut Endpoint::new(side), &wire));
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(300))]

    /// However the frames are and the reads are cut.
    #[test]
    fn any_frames_in_any_reads_give_the_message(
        lens in prop::collection::vec(prop_oneof![4 => 0..140_usize, 1 => 900..1200_usize], 1..12),
        text in any::<bool>(),
        server in any::<bool>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let side = if server { Side::Server } else { Side::Client };
        let (item, frames) = message(side, if text { TEXT } else { BINARY }, &lens);
        let wire = frames.concat();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(wire.len() + 1)).collect();
        at.extend([0, wire.len()]);
        at.sort_unstable();
        let reads: Vec<Vec<u8>> = at.windows(2).map(|ends| wire[ends[0]..ends[1]].to_vec()).collect();
        let trace = drive(&mut Endpoint::new(side), &reads);
        prop_assert_eq!(trace.error, None);
        prop_assert_eq!(trace.items, [item]);
    }
}
