//! Where in a read buffer the payload of an event lies.

use ws_proto::{BufferLocation, Event, Input};
use ws_proto_suite::*;

/// Payloads of all kinds, alone and in short fragments, are found where they lie, unmasked.
#[test]
fn every_payload_is_a_range_of_the_buffer() {
    for side in Side::BOTH {
        let mut wire = Vec::new();
        for len in [0, 1, 7, 125, 126, 2000] {
            let text = "\u{20ac}".repeat(len);
            wire.extend(frame(side, FIN | TEXT, text.as_bytes()));
            wire.extend(frame(side, PING, b"ping"));
            wire.extend(frame(side, BINARY, &vec![1; len]));
            wire.extend(frame(side, CONTINUATION, &vec![2; len]));
            wire.extend(frame(side, FIN | CONTINUATION, &vec![3; len]));
        }
        for size in [1, 2, 5, 100, wire.len()] {
            let mut endpoint = Endpoint::new(side);
            let mut bytes = wire.clone();
            let whole = BufferLocation::of(&bytes);
            let mut found = Vec::new();
            for piece in bytes.chunks_mut(size) {
                let mut input = Input::new(piece);
                let location = input.location();
                while let Some(event) = endpoint.receive(&mut input, &mut Vec::new()).unwrap() {
                    let payload = match &event {
                        Event::Text(text) => text.raw,
                        Event::Binary(binary) => &binary.data[..],
                        _ => continue,
                    };
                    let range = location.range_of(payload).expect("in the buffer");
                    assert_eq!(range.len(), payload.len());
                    found.push((
                        whole.range_of(payload).expect("in all of it"),
                        payload.to_vec(),
                    ));
                }
            }
            for (range, payload) in found {
                assert_eq!(bytes[range], payload);
            }
        }
    }
}

#[test]
fn what_is_not_a_part_has_no_range() {
    let bytes = [0; 10];
    let location = BufferLocation::of(&bytes[2..8]);
    assert_eq!(location.range_of(&bytes[2..8]), Some(0..6));
    assert_eq!(location.range_of(&bytes[7..8]), Some(5..6));
    assert_eq!(location.range_of(&bytes[1..3]), None);
    assert_eq!(location.range_of(&bytes[7..9]), None);
    assert_eq!(location.range_of(&[1, 2]), None);
    assert_eq!(location.range_of(&[]), Some(0..0));
}
