//! Requirements on frames, messages and closing that no other test shows by itself.

use ws_proto::{
    Assembler, Config, Connection, Event, Input, MaskSource, Message, Negotiated, OsRandom,
    Transport, UnexpectedEof,
};
use ws_proto_suite::*;

/// Receives one event at a time; after each, the events and the output so far.
fn steps(endpoint: &mut Endpoint, bytes: &[u8]) -> Vec<(&'static str, usize)> {
    let mut read = bytes.to_vec();
    let mut input = Input::new(&mut read);
    let mut out = Vec::new();
    let mut steps = Vec::new();
    while let Some(event) = endpoint.receive(&mut input, &mut out).expect("legal") {
        let what = match event {
            Event::Text(text) if text.last => "end of text",
            Event::Binary(binary) if binary.last => "end of binary",
            Event::Text(_) | Event::Binary(_) => "piece",
            Event::Ping => "ping",
            Event::Pong => "pong",
            _ => "close",
        };
        steps.push((what, out.len()));
    }
    steps
}

#[test]
fn control_frames_inside_a_message_are_handled_at_once() {
    for side in Side::BOTH {
        let bytes = [
            frame(side, TEXT, b"Hel"),
            frame(side, PING, b"p"),
            frame(side, PONG, b"q"),
            frame(side, FIN | CONTINUATION, b"lo"),
        ];
        let pong = frame(side.peer(), PONG, b"p").len();
        // shows: RFC6455-5.4-11, RFC6455-5.5.2-03, RFC6455-6.2-02
        assert_eq!(
            steps(&mut Endpoint::new(side), &bytes.concat()),
            [
                ("piece", 0),
                ("ping", pong),
                ("pong", pong),
                ("end of text", pong)
            ],
            "the Pong is written before the message ends"
        );
        // shows: RFC6455-5.5-03
        assert_eq!(
            event_items(&mut Endpoint::new(side), &bytes.concat()).last(),
            Some(&Item::Text("Hello".to_owned())),
            "the message is not disturbed"
        );
    }
}

#[test]
fn a_pong_is_not_answered() {
    for side in Side::BOTH {
        let bytes = [frame(side, PONG, b""), frame(side, PONG, b"unsolicited")].concat();
        let trace = run(&mut Endpoint::new(side), &bytes);
        // shows: RFC6455-5.5.3-04, RFC6455-5.5.3-03
        assert_eq!((trace.items.len(), &trace.output[..]), (2, &[][..]));
    }
}

#[test]
fn a_message_is_there_when_its_last_frame_is_and_the_next_one_is_another() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::new(side);
        let end = frame(side, FIN | CONTINUATION, b"lo");
        let (most, last) = end.split_at(end.len() - 1);
        let start = [&frame(side, TEXT, b"Hel")[..], most].concat();
        // shows: RFC6455-6.2-04
        assert_eq!(event_items(&mut endpoint, &start), []);
        // shows: RFC6455-6.2-04
        assert_eq!(
            event_items(&mut endpoint, last),
            [Item::Text("Hello".to_owned())]
        );
        let next = [
            frame(side, FIN | BINARY, b"two"),
            frame(side, FIN | TEXT, b"3"),
        ];
        // shows: RFC6455-6.2-05
        assert_eq!(
            event_items(&mut endpoint, &next.concat()),
            [Item::Binary(b"two".to_vec()), Item::Text("3".to_owned())]
        );
    }
}

#[test]
fn without_an_extension_the_whole_payload_is_the_message() {
    for side in Side::BOTH {
        for len in [0, 1, 125, 126, 127, 65_535, 65_536] {
            let data = vec![b'd'; len];
            // shows: RFC6455-5.2-20, RFC6455-5.4-01
            assert_eq!(
                event_items(&mut Endpoint::new(side), &frame(side, FIN | BINARY, &data)),
                [Item::Binary(data)]
            );
        }
    }
}

#[test]
fn byte_order_marks_stay_where_they_are() {
    for side in Side::BOTH {
        let text = "\u{feff}a\u{feff}\0b";
        let bytes = frame(side, FIN | TEXT, text.as_bytes());
        // shows: RFC3629-6-01
        assert_eq!(
            event_items(&mut Endpoint::new(side), &bytes),
            [Item::Text(text.to_owned())]
        );
        let reason = "\u{feff}bye";
        let close = frame(side, CLOSE, &close_body(1000, reason.as_bytes()));
        let mut endpoint = Endpoint::new(side);
        // shows: WHATWG-4-02
        assert_eq!(
            event_items(&mut endpoint, &close),
            [Item::Close(Some(1000), reason.to_owned())]
        );
        // shows: WHATWG-4-02
        assert_eq!(endpoint.receive_eof(), Ok(()), "a clean close");
    }
}

#[test]
fn a_frame_masked_the_wrong_way_closes_the_connection_with_1002() {
    for side in Side::BOTH {
        let wrong = frame(side.peer(), FIN | TEXT, b"hi");
        let trace = run(&mut Endpoint::new(side), &wrong);
        let frames = parse_output(side, &trace.output);
        // shows: RFC6455-5.1-03, RFC6455-5.1-06, RFC6455-7.1.7-01, RFC6455-7.1.7-03
        assert_eq!(
            (frames.len(), frames[0].close_code(), trace.transport),
            (1, Some(1002), Transport::Close)
        );
    }
}

#[test]
fn after_a_failure_the_peers_close_is_not_interpreted() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::new(side);
        run(&mut endpoint, &[0x83]);
        let close = frame(side, CLOSE, &close_body(1000, b"too late"));
        let trace = run(&mut endpoint, &close);
        // shows: RFC6455-7.1.7-07
        assert_eq!((trace.items, trace.output), (vec![], vec![]));
        // shows: RFC6455-7.1.7-07, RFC6455-7.1.5-03
        assert_eq!(trace.close, (None, String::new()));
        // shows: RFC6455-7.1.7-07
        assert_eq!(endpoint.receive_eof(), Err(UnexpectedEof));
    }
}

/// Legal traffic of all kinds, over an hour, with every Ping answered.
#[test]
fn a_connection_stays_open_without_a_reason_to_close() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::new(side);
        let traffic = [
            frame(side, FIN | TEXT, b"text"),
            frame(side, BINARY, b""),
            frame(side, PING, b"ping"),
            frame(side, FIN | CONTINUATION, b"parts"),
            frame(side, PONG, b""),
        ];
        for second in 0..3600 {
            let mut out = Vec::new();
            assert!(endpoint.tick(second * 1000, &mut out).is_ok());
            if second % 60 == 0 {
                run(&mut endpoint, &traffic.concat());
            }
            for ping in parse_output(side, &out) {
                assert_eq!(ping.first, PING);
                run(&mut endpoint, &frame(side, PONG, &ping.payload));
            }
            // shows: RFC6455-7.1.7-08, RFC6455-7.2.1-04
            assert_eq!(
                (endpoint.transport(), endpoint.can_send()),
                (Transport::Open, true)
            );
        }
    }
}

#[test]
fn what_the_end_of_the_transport_cuts_off_is_not_a_message() {
    for side in Side::BOTH {
        let whole = frame(side, FIN | TEXT, b"Hello");
        let parts = [
            frame(side, TEXT, b"Hel"),
            frame(side, FIN | CONTINUATION, b"lo"),
        ];
        for bytes in [whole, parts.concat()] {
            for end in 0..bytes.len() {
                let mut endpoint = Endpoint::new(side);
                let mut assembler = Assembler::new(Vec::new(), 100);
                let mut read = bytes[..end].to_vec();
                let mut input = Input::new(&mut read);
                let mut messages = 0;
                while let Some(event) = endpoint.receive(&mut input, &mut Vec::new()).unwrap() {
                    let message: Option<Message<'_>> = assembler.push(event).unwrap();
                    messages += usize::from(message.is_some());
                }
                // shows: RFC6455-7.2.1-03
                assert_eq!(
                    (messages, endpoint.receive_eof()),
                    (0, Err(UnexpectedEof)),
                    "{end} bytes"
                );
            }
        }
    }
}

#[test]
fn messages_are_sent_before_the_close_that_follows_them() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::new(side);
        let mut out = Vec::new();
        endpoint.send_text("one", &mut out).unwrap();
        endpoint.send_binary(b"two", &mut out).unwrap();
        endpoint.close(1000, "", &mut out).unwrap();
        let firsts: Vec<_> = parse_output(side, &out).iter().map(|f| f.first).collect();
        // shows: WHATWG-3.1-09, RFC6455-2.1-01
        assert_eq!(firsts, [FIN | TEXT, FIN | BINARY, CLOSE]);
    }
}

/// What a page's script could do between two frames: change the bytes that it has handed over.
#[test]
fn a_frame_that_was_begun_cannot_be_altered() {
    let mut client = Connection::client(Negotiated::new(), Config::new(), Keys::default());
    let mut data = *b"before";
    let mut out = Vec::new();
    client.send_binary(&data, &mut out).unwrap();
    data.copy_from_slice(b"after!");
    // shows: RFC6455-10.3-02
    assert_eq!(parse_output(Side::Client, &out)[0].payload, b"before");
}

/// Not a proof of strength: it finds a source that is stuck, short or lopsided.
#[test]
fn masking_keys_of_the_operating_system_look_random() {
    const KEYS: usize = 100_000;
    let mut source = OsRandom::new();
    let keys: Vec<u32> = (0..KEYS)
        .map(|_| u32::from_be_bytes(source.mask_key().expect("the system has randomness")))
        .collect();
    for bit in 0..32 {
        let ones = keys.iter().filter(|key| **key >> bit & 1 == 1).count();
        // Half of them, within more than six standard deviations.
        // shows: RFC6455-5.3-03
        assert!(ones.abs_diff(KEYS / 2) < 1_000, "bit {bit}: {ones}");
        let flips = keys
            .windows(2)
            .filter(|two| (two[0] ^ two[1]) >> bit & 1 == 1);
        // shows: RFC6455-5.3-04
        assert!(flips.count().abs_diff(KEYS / 2) < 1_000, "bit {bit}");
    }
    let mut unique = keys.clone();
    unique.sort_unstable();
    unique.dedup();
    // One or two of these many may be equal.
    // shows: RFC6455-5.3-03, RFC6455-5.3-04
    assert!(keys.len() - unique.len() < 20, "{}", unique.len());
    let steps: Vec<_> = keys
        .windows(2)
        .map(|two| two[1].wrapping_sub(two[0]))
        .collect();
    // shows: RFC6455-5.3-04
    assert!(
        steps.windows(2).filter(|two| two[0] == two[1]).count() < 5,
        "no counter"
    );
}
