//! What events carry, piece by piece, and what can be asked of a connection in between.

use ws_proto::frame::Rsv;
use ws_proto::{Binary, Config, Event, Input, Kind, Negotiated, ProtocolError};
use ws_proto_suite::*;

/// Receives one event from `bytes`.
fn with_event<T>(endpoint: &mut Endpoint, bytes: &[u8], look: impl FnOnce(Event<'_>) -> T) -> T {
    let mut read = bytes.to_vec();
    let mut input = Input::new(&mut read);
    let event = endpoint
        .receive(&mut input, &mut Vec::new())
        .expect("legal")
        .expect("an event");
    look(event)
}

#[test]
fn a_text_piece_has_its_own_bytes_and_the_characters_that_end_in_it() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::new(side);
        let bytes = frame(side, FIN | TEXT, "a\u{20ac}b".as_bytes());
        let cut = bytes.len() - 2;
        with_event(&mut endpoint, &bytes[..cut], |event| {
            let Event::Text(text) = event else {
                panic!("{event:?}")
            };
            assert_eq!(
                (text.head, text.body, text.raw),
                (None, "a", &b"a\xe2\x82"[..])
            );
            assert_eq!((text.first, text.last, text.whole()), (true, false, None));
        });
        with_event(&mut endpoint, &bytes[cut..], |event| {
            let Event::Text(text) = event else {
                panic!("{event:?}")
            };
            assert_eq!((text.head, text.body), (Some('\u{20ac}'), "b"));
            assert_eq!(text.raw, b"\xacb");
            assert_eq!((text.first, text.last, text.whole()), (false, true, None));
        });
    }
}

#[test]
fn a_binary_piece_is_in_the_buffer_of_the_caller() {
    for side in Side::BOTH {
        let mut read = frame(side, FIN | BINARY, b"data");
        let place = read[read.len() - 4..].as_ptr();
        let mut input = Input::new(&mut read);
        let event = Endpoint::new(side)
            .receive(&mut input, &mut Vec::new())
            .unwrap()
            .unwrap();
        let Event::Binary(binary) = event else {
            panic!("{event:?}")
        };
        let data = binary.whole().expect("in one piece");
        assert_eq!((data.as_ptr(), &data[..]), (place, &b"data"[..]));
        data[0] = b'D';
    }
    let piece = Binary {
        data: &mut [1],
        first: true,
        last: false,
    };
    assert_eq!(
        piece.whole(),
        Err(Binary {
            data: &mut [1],
            first: true,
            last: false
        })
    );
}

/// Empty fragments give nothing; only an end without bytes is an event.
#[test]
fn empty_fragments_give_no_event_but_the_end_does() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::new(side);
        let empty = [frame(side, BINARY, b""), frame(side, CONTINUATION, b"")].concat();
        assert_eq!(event_items(&mut endpoint, &empty), []);
        with_event(
            &mut endpoint,
            &frame(side, FIN | CONTINUATION, b""),
            |event| {
                assert!(
                    matches!(event, Event::Binary(b) if b.first && b.last && b.data.is_empty())
                );
            },
        );
        run(&mut endpoint, &frame(side, TEXT, b"x"));
        with_event(
            &mut endpoint,
            &frame(side, FIN | CONTINUATION, b""),
            |event| {
                assert!(matches!(event, Event::Text(t) if !t.first && t.last && t.raw.is_empty()));
            },
        );
    }
}

/// The payload of a Ping is kept when its bytes are gone, until the next frame.
#[test]
fn a_control_payload_is_that_of_the_event_just_returned() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::new(side);
        assert_eq!(endpoint.control_payload(), b"");
        let bytes = [frame(side, PING, b"one"), frame(side, PONG, b"")].concat();
        let mut read = bytes.clone();
        let mut input = Input::new(&mut read);
        let mut out = Vec::new();
        assert!(matches!(
            endpoint.receive(&mut input, &mut out),
            Ok(Some(Event::Ping))
        ));
        assert_eq!(endpoint.control_payload(), b"one");
        assert!(matches!(
            endpoint.receive(&mut input, &mut out),
            Ok(Some(Event::Pong))
        ));
        assert_eq!(endpoint.control_payload(), b"");
        let trace = drive(&mut endpoint, &one_byte_at_a_time(&bytes));
        assert_eq!(
            trace.items,
            [Item::Ping(b"one".to_vec()), Item::Pong(vec![])]
        );
    }
}

#[test]
fn the_rest_of_a_frame_is_known() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::new(side);
        assert_eq!(endpoint.frame_remaining(), 0);
        let bytes = frame(side, BINARY, &[0; 300]);
        let header_len = bytes.len() - 300;
        run(&mut endpoint, &bytes[..header_len - 1]);
        assert_eq!(endpoint.frame_remaining(), 0, "the header is not complete");
        run(&mut endpoint, &bytes[header_len - 1..header_len]);
        // shows: RFC6455-5.2-18
        assert_eq!(endpoint.frame_remaining(), 300);
        run(&mut endpoint, &bytes[header_len..header_len + 100]);
        assert_eq!(endpoint.frame_remaining(), 200);
        run(&mut endpoint, &bytes[header_len + 100..]);
        assert_eq!(endpoint.frame_remaining(), 0, "between frames");
        let ping = frame(side, PING, b"12345");
        run(&mut endpoint, &ping[..ping.len() - 2]);
        assert_eq!(endpoint.frame_remaining(), 2);
    }
}

fn extended(side: Side, config: Config) -> Endpoint {
    Endpoint::with(
        side,
        Negotiated::new().with_rsv(Rsv::RSV1 | Rsv::RSV3),
        config,
    )
}

#[test]
fn negotiated_bits_make_a_message_extended_with_all_its_frames() {
    for side in Side::BOTH {
        let bytes = [
            frame(side, 0x40 | TEXT, b"\xff"),
            frame(side, PING, b"between"),
            frame(side, CONTINUATION, b"\xfe"),
            frame(side, FIN | CONTINUATION, b""),
            frame(side, FIN | 0x50 | BINARY, b"b"),
            frame(side, FIN | TEXT, b"plain"),
        ];
        let expected = [
            Item::Ping(b"between".to_vec()),
            Item::Extended(Kind::Text, Rsv::RSV1, vec![0xff, 0xfe]),
            Item::Extended(Kind::Binary, Rsv::RSV1 | Rsv::RSV3, b"b".to_vec()),
            Item::Text("plain".to_owned()),
        ];
        let trace = run(&mut extended(side, Config::new()), &bytes.concat());
        assert_eq!((trace.items, trace.error), (expected.to_vec(), None));
    }
}

#[test]
fn reserved_bits_anywhere_else_fail_on_the_first_byte() {
    for side in Side::BOTH {
        for first in [0xa1, 0xe1, 0xf2, 0xc8, 0xc9, 0xca, 0x90 | 0xa] {
            let error = run(&mut extended(side, Config::new()), &[first]).error;
            // shows: RFC6455-5.2-03, RFC6455-5.8-02, IANA-framing-bits-01
            assert_eq!(error, Some(ProtocolError::ReservedBitSet), "{first:02x}");
        }
        for first in [0xc0, 0x40, 0x90] {
            let mut endpoint = extended(side, Config::new());
            run(&mut endpoint, &frame(side, 0x40 | TEXT, b"open"));
            let error = run(&mut endpoint, &[first]).error;
            assert_eq!(error, Some(ProtocolError::ReservedBitSet), "{first:02x}");
        }
    }
}

/// The limit of a message is for what the decoder makes of it; frames are limited here.
#[test]
fn an_extended_message_is_limited_by_frame_and_fragments() {
    for side in Side::BOTH {
        let config = Config::new().max_message(10).max_frame(20).max_fragments(3);
        let twenty = [b'e'; 20];
        let mut endpoint = extended(side, config);
        let bytes = [
            frame(side, 0x40 | BINARY, &twenty),
            frame(side, CONTINUATION, &twenty),
            frame(side, FIN | CONTINUATION, &twenty),
        ];
        assert_eq!(event_items(&mut endpoint, &bytes.concat()).len(), 1);
        let error = run(&mut endpoint, &header(side, 0x40 | BINARY, 21)).error;
        assert_eq!(error, Some(ProtocolError::FrameTooBig));
        let mut endpoint = extended(side, config);
        let open = [&bytes[..2].concat()[..], &frame(side, CONTINUATION, b"")].concat();
        assert_eq!(run(&mut endpoint, &open).error, None);
        let error = run(&mut endpoint, &header(side, CONTINUATION, 0)).error;
        assert_eq!(error, Some(ProtocolError::TooManyFragments));
        let mut endpoint = extended(side, config);
        let error = run(&mut endpoint, &header(side, BINARY, 11)).error;
        assert_eq!(
            error,
            Some(ProtocolError::MessageTooBig),
            "a plain one is measured here"
        );
    }
}

/// UTF-8 state of one message does not reach the next, with anything in between.
#[test]
fn a_text_starts_with_a_clean_state() {
    for side in Side::BOTH {
        let mut endpoint = extended(side, Config::new());
        let bytes = [
            frame(side, FIN | BINARY, b"\xf0\x9f"),
            frame(side, FIN | 0x40 | TEXT, b"\xe2\x82"),
            frame(side, FIN | TEXT, b"ok"),
            frame(side, BINARY, b"\xe2"),
            frame(side, FIN | CONTINUATION, b"\x82"),
            frame(side, TEXT, b""),
            frame(side, FIN | CONTINUATION, b"ok"),
        ];
        let trace = drive(&mut endpoint, &one_byte_at_a_time(&bytes.concat()));
        assert_eq!((trace.error, trace.items.len()), (None, 5));
    }
}

/// A cut header shares its memory with control payloads, and must not be taken for one.
#[test]
fn a_control_payload_is_never_what_is_left_of_a_header() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::new(side);
        let trace = drive(
            &mut endpoint,
            &one_byte_at_a_time(&frame(side, FIN | TEXT, b"x")),
        );
        assert_eq!(trace.items, [Item::Text("x".into())]);
        assert_eq!(endpoint.control_payload(), b"");
    }
}

/// Nor what has come of one that is cut.
#[test]
fn a_control_payload_is_never_a_part_of_a_header() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::new(side);
        with_event(&mut endpoint, &frame(side, PING, b"one"), |_| ());
        let bytes = frame(side, FIN | BINARY, &[7; 300]);
        for byte in &bytes[..bytes.len() - 301] {
            let mut read = [*byte];
            let event = endpoint.receive(&mut Input::new(&mut read), &mut Vec::new());
            assert_eq!(event, Ok(None));
            assert_eq!(endpoint.control_payload(), b"");
        }
    }
}
