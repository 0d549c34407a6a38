//! Framing, fragments and limits: faults of other implementations, as behaviour. `PAST_BUGS.md` maps
//! the cases to their tests.

use std::thread;

use ws_proto::{Config, Connection, Event, Input, Negotiated, ProtocolError, Server, Transport};
use ws_proto_suite::data::{frame_attacks, frame_vectors};
use ws_proto_suite::*;

/// The close code with which `bytes` fail, when all but the last byte do not.
fn fails_on_the_last_byte(endpoint: &mut Endpoint, bytes: &[u8]) -> Option<u16> {
    let (start, last) = bytes.split_at(bytes.len() - 1);
    assert_eq!(run(endpoint, start).error, None, "{bytes:x?}");
    let error = run(endpoint, last).error;
    error.map(|error| error.close_code().as_u16())
}

#[test]
fn reserved_bits_without_an_extension_fail_on_data_and_on_control_frames() {
    for side in Side::BOTH {
        for bits in (0x10..=0x70).step_by(0x10) {
            for first in [FIN | TEXT, BINARY, CLOSE, PING, PONG] {
                let failed = fails_on_the_last_byte(&mut Endpoint::new(side), &[first | bits]);
                assert_eq!(failed, Some(1002), "{first:02x} {bits:02x}");
            }
            let mut inside = frame(side, TEXT, b"open");
            inside.push(FIN | CONTINUATION | bits);
            let failed = fails_on_the_last_byte(&mut Endpoint::new(side), &inside);
            assert_eq!(failed, Some(1002), "a continuation with {bits:02x}");
        }
    }
}

#[test]
fn reserved_opcodes_fail_on_the_first_byte_whatever_fin_says() {
    for side in Side::BOTH {
        for opcode in (3..=7).chain(11..=15) {
            for fin in [0, FIN] {
                let failed = fails_on_the_last_byte(&mut Endpoint::new(side), &[fin | opcode]);
                assert_eq!(failed, Some(1002), "{opcode} {fin}");
            }
        }
    }
}

#[test]
fn control_frames_in_fragments_fail_on_the_first_byte() {
    for side in Side::BOTH {
        for first in [CLOSE, PING, PONG] {
            let failed = fails_on_the_last_byte(&mut Endpoint::new(side), &[first & !FIN]);
            assert_eq!(failed, Some(1002), "{first:02x}");
        }
    }
}

#[test]
fn control_frames_over_125_bytes_fail_on_the_second_byte() {
    for side in Side::BOTH {
        let mask_bit = if side == Side::Server { 0x80 } else { 0 };
        for first in [CLOSE, PING, PONG] {
            for len in [126, 127] {
                let bytes = [first, mask_bit | len];
                let failed = fails_on_the_last_byte(&mut Endpoint::new(side), &bytes);
                assert_eq!(failed, Some(1002), "{bytes:x?}");
            }
        }
    }
}

#[test]
fn a_control_frame_with_a_long_form_of_a_short_length_is_refused() {
    for side in Side::BOTH {
        let mask_bit = if side == Side::Server { 0x80 } else { 0 };
        for first in [CLOSE, PING, PONG] {
            let bytes = [first, mask_bit | 126, 0, 5, 0, 0, 0, 0, 1, 2, 3, 4, 5];
            let trace = run(&mut Endpoint::new(side), &bytes);
            assert_eq!(trace.error, Some(ProtocolError::ControlTooLong));
            assert_eq!(trace.items, [], "no Pong, no event");
            let frames = parse_output(side, &trace.output);
            assert_eq!((frames.len(), frames[0].close_code()), (1, Some(1002)));
        }
    }
}

/// Lengths around the powers of two at which sums and casts have gone wrong.
#[test]
fn lengths_around_powers_of_two_are_taken_or_refused_by_their_value() {
    const LIMIT: u64 = 1 << 40;
    let unlimited = Config::new().max_message(u64::MAX).max_frame(u64::MAX);
    let limited = Config::new().max_message(LIMIT).max_frame(LIMIT);
    for side in Side::BOTH {
        for power in [15, 16, 31, 32, 63] {
            for offset in [-14, -5, -1, 0, 1, 5, 14] {
                let len = (1_u64 << power).wrapping_add_signed(offset);
                for (config, opened) in [(unlimited, 0), (unlimited, 5), (limited, 5)] {
                    let mut endpoint = Endpoint::configured(side, config);
                    let mut opcode = FIN | BINARY;
                    if opened > 0 {
                        run(&mut endpoint, &frame(side, BINARY, &[0; 5]));
                        opcode = FIN | CONTINUATION;
                    }
                    let trace = run(&mut endpoint, &header(side, opcode, len));
                    let expected = if len >= 1 << 63 {
                        Some(1002)
                    } else if config == limited && len + opened > LIMIT {
                        Some(1009)
                    } else {
                        None
                    };
                    let code = trace.error.map(|error| error.close_code().as_u16());
                    assert_eq!(code, expected, "{len:x} after {opened}");
                    if expected.is_none() {
                        assert_eq!(endpoint.frame_remaining(), len);
                    }
                }
            }
        }
    }
}

#[test]
fn a_masking_key_of_zeros_is_accepted() {
    let bytes = b"\x81\x85\0\0\0\0Hello\x89\x81\0\0\0\0p";
    assert_eq!(
        event_items(&mut Endpoint::new(Side::Server), bytes),
        [Item::Text("Hello".to_owned()), Item::Ping(b"p".to_vec())]
    );
}

#[test]
fn a_message_before_a_bad_frame_in_the_same_read_is_delivered() {
    for side in Side::BOTH {
        for bad in [vec![0x83], vec![FIN | CONTINUATION], vec![0xff; 50]] {
            let good = [
                frame(side, FIN | TEXT, b"good"),
                frame(side, PING, b"good too"),
            ];
            let trace = run(
                &mut Endpoint::new(side),
                &[&good.concat()[..], &bad].concat(),
            );
            assert_eq!(
                trace.items,
                [
                    Item::Text("good".to_owned()),
                    Item::Ping(b"good too".to_vec())
                ]
            );
            let firsts: Vec<_> = parse_output(side, &trace.output)
                .iter()
                .map(|frame| frame.first)
                .collect();
            assert_eq!((trace.error.is_some(), firsts), (true, vec![PONG, CLOSE]));
        }
    }
}

#[test]
fn a_continuation_without_a_start_fails() {
    for side in Side::BOTH {
        let whole = frame(side, FIN | TEXT, b"whole");
        for before in [vec![], whole] {
            for first in [CONTINUATION, FIN | CONTINUATION] {
                let mut bytes = before.clone();
                bytes.push(first);
                let failed = fails_on_the_last_byte(&mut Endpoint::new(side), &bytes);
                assert_eq!(failed, Some(1002));
            }
        }
    }
}

#[test]
fn a_whole_message_inside_an_unfinished_one_fails() {
    for side in Side::BOTH {
        for inside in [FIN | TEXT, FIN | BINARY] {
            for start in [TEXT, BINARY] {
                let mut bytes = frame(side, start, b"a");
                bytes.push(inside);
                let failed = fails_on_the_last_byte(&mut Endpoint::new(side), &bytes);
                assert_eq!(failed, Some(1002));
            }
        }
    }
}

#[test]
fn the_start_of_another_message_inside_an_unfinished_one_fails() {
    for side in Side::BOTH {
        let bytes = [
            frame(side, TEXT, b"a"),
            frame(side, TEXT, b"b"),
            frame(side, FIN | CONTINUATION, b"c"),
        ];
        let trace = run(&mut Endpoint::new(side), &bytes.concat());
        assert_eq!(trace.error, Some(ProtocolError::MessageInterleaved));
        assert_eq!(trace.items, [], "not even a part of it");
    }
}

#[test]
fn a_ping_inside_a_message_leaves_the_message_whole() {
    for side in Side::BOTH {
        let bytes = [
            frame(side, TEXT, b"hello"),
            frame(side, PING, b""),
            frame(side, FIN | CONTINUATION, b"world"),
        ];
        for chunks in [vec![bytes.concat()], one_byte_at_a_time(&bytes.concat())] {
            let trace = drive(&mut Endpoint::new(side), &chunks);
            assert_eq!(
                trace.items,
                [Item::Ping(vec![]), Item::Text("helloworld".to_owned())]
            );
            assert_eq!(trace.output, frame_from(side, PONG, b""));
        }
    }
}

/// A frame as `from` writes it, with its first key.
fn frame_from(from: Side, first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(from.peer(), first, payload.len() as u64);
    let mut key = [0; 4];
    if from == Side::Client {
        key = Keys::key(0);
        let at = bytes.len() - 4;
        bytes[at..].copy_from_slice(&key);
    }
    bytes.extend(wire::masked(payload, key));
    bytes
}

#[test]
fn a_pong_inside_a_message_leaves_the_message_whole() {
    for side in Side::BOTH {
        let bytes = [
            frame(side, BINARY, b"hello"),
            frame(side, PONG, b"unasked"),
            frame(side, FIN | CONTINUATION, b"world"),
        ];
        let trace = run(&mut Endpoint::new(side), &bytes.concat());
        assert_eq!(
            trace.items,
            [
                Item::Pong(b"unasked".to_vec()),
                Item::Binary(b"helloworld".to_vec())
            ]
        );
        assert_eq!(trace.output, b"");
    }
}

#[test]
fn empty_first_middle_and_last_fragments_are_legal() {
    for side in Side::BOTH {
        for parts in [["", "a", "b"], ["a", "", "b"], ["a", "b", ""], ["", "", ""]] {
            for start in [TEXT, BINARY] {
                let bytes = [
                    frame(side, start, parts[0].as_bytes()),
                    frame(side, CONTINUATION, parts[1].as_bytes()),
                    frame(side, FIN | CONTINUATION, parts[2].as_bytes()),
                ];
                let whole = parts.concat();
                let expected = if start == TEXT {
                    Item::Text(whole)
                } else {
                    Item::Binary(whole.into_bytes())
                };
                let items = event_items(&mut Endpoint::new(side), &bytes.concat());
                assert_eq!(items, [expected]);
            }
        }
    }
}

#[test]
fn a_flood_of_fragments_ends_at_their_limit_whatever_their_size() {
    const LIMIT: u32 = 131_072;
    for side in Side::BOTH {
        for payload in [&b"x"[..], b""] {
            let config = Config::new().max_fragments(LIMIT);
            let mut endpoint = Endpoint::configured(side, config);
            run(&mut endpoint, &frame(side, BINARY, payload));
            let most = frame(side, CONTINUATION, payload).repeat(LIMIT as usize - 1);
            assert_eq!(run(&mut endpoint, &most).error, None);
            let error = run(&mut endpoint, &frame(side, CONTINUATION, payload)).error;
            assert_eq!(error, Some(ProtocolError::TooManyFragments));
        }
    }
}

#[test]
fn a_connection_moved_to_another_thread_in_mid_message_goes_on() {
    let mut server = Connection::server(Negotiated::new(), Config::new());
    let bytes = frame(Side::Server, FIN | TEXT, "caf\u{e9}".as_bytes());
    let (head, tail) = bytes.split_at(bytes.len() - 1);
    let receive = |server: &mut Connection<Server>, mut bytes: Vec<u8>| {
        let mut input = Input::new(&mut bytes);
        let event = server.receive(&mut input, &mut Vec::new()).unwrap();
        let Some(Event::Text(text)) = event else {
            panic!("{event:?}")
        };
        (text.head, text.body.to_owned(), text.last)
    };
    let first = receive(&mut server, head.to_vec());
    assert_eq!(first, (None, "caf".to_owned(), false));
    let tail = tail.to_vec();
    let second = thread::spawn(move || receive(&mut server, tail)).join();
    assert_eq!(second.unwrap(), (Some('\u{e9}'), String::new(), true));
}

#[test]
fn the_rest_of_an_oversize_frame_is_dropped() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::configured(side, Config::new().max_message(1000));
        let trace = run(&mut endpoint, &header(side, FIN | BINARY, 5000));
        assert_eq!(trace.error, Some(ProtocolError::MessageTooBig));
        let closes = parse_output(side, &trace.output);
        assert_eq!((closes.len(), closes[0].close_code()), (1, Some(1009)));
        for _ in 0..5 {
            // That all of it is consumed is checked in passing.
            let rest = run(&mut endpoint, &[b'x'; 1000]);
            assert_eq!((rest.items, rest.output), (vec![], vec![]));
        }
        assert_eq!(endpoint.transport(), Transport::Close);
    }
}

/// One of each kind of fault, as whole frames.
fn faults(side: Side) -> Vec<Vec<u8>> {
    vec![
        vec![0x83; 6],
        frame(side, FIN | 0x40 | TEXT, b"x"),
        frame(side.peer(), FIN | TEXT, b"wrong mask"),
        frame(side, FIN | CONTINUATION, b"orphan"),
        frame(side, PING & !FIN, b"fragment"),
        header(side, FIN | BINARY, 1 << 63),
        header(side, FIN | BINARY, 1 << 40),
        frame(side, FIN | TEXT, b"\xff"),
        frame(side, CLOSE, b"x"),
        frame(side, CLOSE, &close_body(1005, b"")),
        frame(side, CLOSE, &close_body(1000, b"\xff")),
    ]
}

#[test]
fn two_faults_in_a_row_are_one_failure() {
    for side in Side::BOTH {
        for one in faults(side) {
            for two in faults(side) {
                let mut endpoint = Endpoint::new(side);
                let first = run(&mut endpoint, &one);
                let second = run(&mut endpoint, &two);
                assert_eq!(second.error, first.error, "the same for ever");
                assert!(second.output.is_empty() && second.items.is_empty());
                assert_eq!(parse_output(side, &first.output).len(), 1);
                // And in one read.
                let both = run(&mut Endpoint::new(side), &[one.clone(), two].concat());
                assert_eq!((both.error, both.output), (first.error, first.output));
            }
        }
    }
}

/// "No limit" is no other code path: everything else is refused as with limits.
#[test]
fn without_limits_everything_else_is_still_refused() {
    let unlimited = Config::new()
        .max_message(u64::MAX)
        .max_frame(u64::MAX)
        .max_fragments(u32::MAX);
    let vectors = frame_vectors()
        .into_iter()
        .filter(|vector| vector.pmd.is_none())
        .map(|vector| (vector.id.clone(), vector.to, vector.bytes()));
    let attacks = frame_attacks()
        .into_iter()
        .filter(|attack| !attack.cfg.pmd)
        .map(|attack| (attack.id.clone(), attack.to, attack.bytes));
    let mut count = 0;
    for (id, side, bytes) in vectors.chain(attacks) {
        let limited = run(&mut Endpoint::new(side), &bytes);
        let free = run(&mut Endpoint::configured(side, unlimited), &bytes);
        let by_size = |error: ProtocolError| error.close_code().as_u16() == 1009;
        if limited.error.is_some_and(by_size) {
            assert!(!free.error.is_some_and(by_size), "{id}");
        } else {
            assert_eq!(free, limited, "{id}");
        }
        count += 1;
    }
    assert!(count > 150, "{count}");
}

/// Frames as the drafts before RFC 6455 had them: text between 00 and FF, and lengths without end.
#[test]
fn frames_of_the_drafts_are_refused_at_once() {
    for side in Side::BOTH {
        for bytes in [&b"\x00Hello\xff"[..], b"\x80\xff\xff\xff\xff"] {
            let failed = fails_on_the_last_byte(&mut Endpoint::new(side), &bytes[..1]);
            assert_eq!(failed, Some(1002), "a continuation of nothing");
        }
    }
}

#[test]
fn a_small_stack_is_enough() {
    let mut streams: Vec<_> = frame_vectors()
        .into_iter()
        .filter(|vector| vector.pmd.is_none())
        .map(|vector| (vector.to == Side::Server, vector.bytes()))
        .collect();
    let count = streams.len();
    let work = move || {
        let mut failed = 0;
        for (to_server, bytes) in &mut streams {
            let mut out = Vec::with_capacity(1 << 20);
            let mut input = Input::new(bytes);
            let negotiated = Negotiated::new();
            failed += if *to_server {
                let mut server = Connection::server(negotiated, Config::new());
                while let Ok(Some(_)) = server.receive(&mut input, &mut out) {}
                usize::from(server.transport() == Transport::Close)
            } else {
                let mut client = Connection::client(negotiated, Config::new(), || [7; 4]);
                while let Ok(Some(_)) = client.receive(&mut input, &mut out) {}
                usize::from(client.transport() == Transport::Close)
            };
        }
        failed
    };
    let thread = thread::Builder::new().stack_size(64 * 1024).spawn(work);
    let failed = thread.unwrap().join().expect("64 KiB of stack");
    assert!(failed > 20 && failed < count);
}
