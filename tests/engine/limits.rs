//! Limits: a value at the limit passes, one more fails at the byte that proves it, and floods have
//! bounds.

use ws_proto::{
    Config, Connection, Input, MAX_CONTROL_FRAME, Negotiated, Output, ProtocolError, ReceiveError,
};
use ws_proto_suite::*;

/// Feeds `bytes` one at a time; how many were in when the connection failed, and with what.
fn fails_at(endpoint: &mut Endpoint, bytes: &[u8]) -> Option<(usize, ProtocolError)> {
    for (n, byte) in bytes.iter().enumerate() {
        if let Some(error) = run(endpoint, &[*byte]).error {
            return Some((n + 1, error));
        }
    }
    None
}

/// Where the length of a frame is complete.
fn length_end(len: u64) -> usize {
    if len < 126 {
        2
    } else if len < 0x1_0000 {
        4
    } else {
        10
    }
}

const EDGES: [u64; 10] = [0, 1, 124, 125, 126, 127, 1000, 65_534, 65_535, 65_536];

#[test]
fn a_message_at_the_limit_passes_and_one_more_byte_fails_at_the_header() {
    for side in Side::BOTH {
        for limit in EDGES {
            let config = Config::new().max_message(limit);
            let data = vec![b'd'; limit as usize];
            let items = event_items(
                &mut Endpoint::configured(side, config),
                &frame(side, FIN | BINARY, &data),
            );
            // shows: RFC6455-10.4-02
            assert_eq!(items.len(), 1);
            let over = header(side, FIN | BINARY, limit + 1);
            let failed = fails_at(&mut Endpoint::configured(side, config), &over);
            // shows: RFC6455-10.4-01, RFC6455-10.4-02
            assert_eq!(
                failed,
                Some((length_end(limit + 1), ProtocolError::MessageTooBig))
            );
            let whole = frame(side, FIN | TEXT, &vec![b'd'; limit as usize + 1]);
            let trace = run(&mut Endpoint::configured(side, config), &whole);
            assert_eq!(
                (trace.error, trace.items.len()),
                (Some(ProtocolError::MessageTooBig), 0)
            );
        }
    }
}

#[test]
fn a_frame_at_the_limit_passes_and_one_more_byte_fails_at_the_header() {
    for side in Side::BOTH {
        for limit in EDGES {
            let config = Config::new().max_frame(limit);
            let data = vec![b'd'; limit as usize];
            let bytes = [
                frame(side, TEXT, &data),
                frame(side, CONTINUATION, &data),
                header(side, CONTINUATION, limit + 1),
            ];
            let mut endpoint = Endpoint::configured(side, config);
            assert_eq!(run(&mut endpoint, &bytes[..2].concat()).error, None);
            let failed = fails_at(&mut endpoint, &bytes[2]);
            // shows: RFC6455-10.4-01, RFC6455-10.4-02
            assert_eq!(
                failed,
                Some((length_end(limit + 1), ProtocolError::FrameTooBig))
            );
            let whole = frame(side, FIN | BINARY, &vec![0; limit as usize + 1]);
            let trace = run(&mut Endpoint::configured(side, config), &whole);
            assert_eq!(trace.error, Some(ProtocolError::FrameTooBig));
        }
    }
}

/// Control frames are no part of a message, and have their own limit.
#[test]
fn the_limits_are_for_data_only() {
    for side in Side::BOTH {
        let config = Config::new().max_message(0).max_frame(0).max_fragments(1);
        let bytes = [
            frame(side, FIN | TEXT, b""),
            frame(side, PING, &[1; 125]),
            frame(side, PONG, &[1; 125]),
            frame(side, CLOSE, &close_body(1000, &[b'r'; 123])),
        ];
        let items = event_items(&mut Endpoint::configured(side, config), &bytes.concat());
        assert_eq!(items.len(), 4);
    }
}

#[test]
fn the_sum_of_the_fragments_fails_at_the_header_that_exceeds_it() {
    for side in Side::BOTH {
        let config = Config::new().max_message(300);
        let start = [
            frame(side, BINARY, &[0; 100]),
            frame(side, CONTINUATION, b""),
            frame(side, PING, &[0; 125]),
            frame(side, CONTINUATION, &[0; 150]),
        ];
        let mut endpoint = Endpoint::configured(side, config);
        assert_eq!(run(&mut endpoint, &start.concat()).error, None);
        let failed = fails_at(&mut endpoint, &header(side, CONTINUATION, 51));
        // shows: RFC6455-10.4-01, RFC6455-10.4-02
        assert_eq!(failed, Some((2, ProtocolError::MessageTooBig)));

        let mut endpoint = Endpoint::configured(side, config);
        run(&mut endpoint, &start.concat());
        let end = frame(side, FIN | CONTINUATION, &[0; 50]);
        let next = frame(side, FIN | BINARY, &[0; 300]);
        assert_eq!(
            event_items(&mut endpoint, &[end, next].concat()).len(),
            2,
            "then a new sum"
        );
    }
}

#[test]
fn the_number_of_fragments_is_limited_also_when_they_are_empty() {
    for side in Side::BOTH {
        for limit in [1, 2, 1000] {
            let config = Config::new().max_fragments(limit);
            let mut within = vec![frame(side, FIN | CONTINUATION, b""); limit as usize];
            within[0] = frame(side, TEXT, b"");
            if limit == 1 {
                within[0][0] |= FIN;
            }
            for frame in within.iter_mut().take(limit as usize - 1).skip(1) {
                frame[0] = CONTINUATION;
            }
            let mut endpoint = Endpoint::configured(side, config);
            for _ in 0..2 {
                let items = event_items(&mut endpoint, &within.concat());
                assert_eq!(items, [Item::Text(String::new())], "{limit} fragments");
            }
            let mut flood = vec![frame(side, CONTINUATION, b""); limit as usize];
            flood[0] = frame(side, TEXT, b"");
            assert_eq!(event_items(&mut endpoint, &flood.concat()), []);
            let failed = fails_at(&mut endpoint, &header(side, FIN | CONTINUATION, 0));
            assert_eq!(failed, Some((2, ProtocolError::TooManyFragments)));
        }
    }
}

#[test]
fn a_limit_of_no_fragments_is_one_of_one() {
    for side in Side::BOTH {
        let config = Config::new().max_fragments(0);
        let whole = frame(side, FIN | TEXT, b"whole");
        assert_eq!(
            event_items(&mut Endpoint::configured(side, config), &whole).len(),
            1
        );
    }
}

/// Empty fragments without end give no event and stop at the default limit.
#[test]
fn an_endless_flood_of_empty_fragments_ends() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::new(side);
        run(&mut endpoint, &frame(side, BINARY, b""));
        let thousand = frame(side, CONTINUATION, b"").repeat(1000);
        let error = (0..1100).find_map(|_| {
            let trace = run(&mut endpoint, &thousand);
            assert_eq!(trace.items, []);
            trace.error
        });
        // shows: RFC6455-10.4-01, RFC6455-10.4-04
        assert_eq!(error, Some(ProtocolError::TooManyFragments));
    }
}

/// The edges of 64-bit lengths, with all limits as high as they go: nothing overflows.
#[test]
fn huge_lengths_are_judged_without_overflow() {
    let unlimited = Config::new().max_message(u64::MAX).max_frame(u64::MAX);
    for side in Side::BOTH {
        for len in [u64::MAX, 1 << 63, (1 << 63) + 1] {
            let mut endpoint = Endpoint::configured(side, unlimited);
            let failed = fails_at(&mut endpoint, &header(side, FIN | BINARY, len));
            // shows: RFC6455-5.2-14
            assert_eq!(failed, Some((10, ProtocolError::LengthTopBit)), "{len:x}");
        }
        for len in [u64::from(u32::MAX), 1 << 32, (1 << 63) - 1] {
            let mut endpoint = Endpoint::configured(side, unlimited);
            let claim = header(side, BINARY, len);
            assert_eq!(fails_at(&mut endpoint, &claim), None);
            assert_eq!(endpoint.frame_remaining(), len);
            run(&mut endpoint, &[0; 10]);
            assert_eq!(endpoint.frame_remaining(), len - 10);
            let failed = fails_at(&mut Endpoint::new(side), &claim);
            assert_eq!(failed, Some((10, ProtocolError::FrameTooBig)), "{len:x}");
        }
        let mut endpoint = Endpoint::configured(side, Config::new().max_frame(u64::MAX));
        run(&mut endpoint, &frame(side, BINARY, b"start"));
        let failed = fails_at(&mut endpoint, &header(side, CONTINUATION, (1 << 63) - 1));
        assert_eq!(
            failed,
            Some((10, ProtocolError::MessageTooBig)),
            "the sum is checked"
        );
    }
}

/// Top bit before minimality before size: 1002 comes before 1009.
#[test]
fn the_form_of_a_length_is_judged_before_its_size() {
    let config = Config::new().max_message(1);
    for side in Side::BOTH {
        let mask_bit = if side == Side::Server { 0x80 } else { 0 };
        for value in [0_u64, 5, 125, 126, 65_535] {
            let mut long = vec![FIN | BINARY, mask_bit | 127];
            long.extend(value.to_be_bytes());
            let failed = fails_at(&mut Endpoint::configured(side, config), &long);
            // shows: RFC6455-5.2-17
            assert_eq!(
                failed,
                Some((10, ProtocolError::LengthNotMinimal)),
                "{value}"
            );
        }
        for value in [0_u16, 1, 125] {
            let mut medium = vec![FIN | TEXT, mask_bit | 126];
            medium.extend(value.to_be_bytes());
            let failed = fails_at(&mut Endpoint::configured(side, config), &medium);
            // shows: RFC6455-5.2-17
            assert_eq!(
                failed,
                Some((4, ProtocolError::LengthNotMinimal)),
                "{value}"
            );
        }
    }
}

/// A peer that pings and does not read: a bounded output takes a bounded number of Pongs, the rest
/// of the input waits.
#[test]
fn a_ping_flood_without_a_reader_is_bounded() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::new(side);
        let mut out = Bounded::new(10 * MAX_CONTROL_FRAME);
        let mut flood = frame(side, PING, &[b'p'; 125]).repeat(10_000);
        let mut input = Input::new(&mut flood);
        let mut pings = 0;
        while let Ok(Some(_)) = endpoint.receive(&mut input, &mut out) {
            pings += 1;
        }
        // shows: RFC6455-10.4-04
        assert!((10..=11).contains(&pings), "{pings}");
        assert!(out.room() < MAX_CONTROL_FRAME);
        let left = input.len();
        for _ in 0..100 {
            let answer = endpoint.receive(&mut input, &mut out);
            assert!(matches!(answer, Err(ReceiveError::OutputFull)));
        }
        assert_eq!(input.len(), left, "nothing is taken while nothing is read");
        assert_eq!(parse_output(side, out.pending()).len(), pings);
        // Once drained it goes on where it stopped.
        out.consume(out.pending().len());
        assert!(endpoint.receive(&mut input, &mut out).unwrap().is_some());
    }
}

/// Engine-made output is no more than came in, plus one Close.
#[test]
fn output_is_not_amplified() {
    for side in Side::BOTH {
        for frame_bytes in [frame(side, PING, b""), frame(side, PING, &[1; 125])] {
            let bytes = [frame_bytes.repeat(500), vec![0xff]].concat();
            let trace = run(&mut Endpoint::new(side), &bytes);
            let keys = if side == Side::Client { 4 * 501 } else { 0 };
            assert!(trace.output.len() <= bytes.len() + keys + MAX_CONTROL_FRAME);
        }
    }
}

/// However the input is cut; for words about the limit.
#[test]
fn the_length_of_what_was_refused_is_known() {
    let long = [&[0x82, 0x7f][..], &(1_u64 << 40).to_be_bytes()].concat();
    for (bytes, expected) in [
        (&b"\x82\x0912345"[..], Some(9)),
        (b"\x02\x03abc\x80\x06defghi", Some(9)),
        (b"\x02\x03abc\x89\x01!\x80\x03def", Some(6)),
        (b"\x82\x7e\x01\x00", Some(256)),
        (&long, Some(1 << 40)),
        (b"\x83\x09", None),
        (b"\x82\x05abcde", None),
        (b"\x02\x03abc\x81", None),
    ] {
        for cut in 0..=bytes.len() {
            let config = Config::new().max_message(5).max_frame(100);
            let mut connection = Connection::client(Negotiated::new(), config, || [0; 4]);
            let mut bytes = bytes.to_vec();
            let (one, two) = bytes.split_at_mut(cut);
            for part in [one, two] {
                let mut input = Input::new(part);
                while let Ok(Some(_)) = connection.receive(&mut input, &mut Vec::new()) {}
            }
            assert_eq!(connection.refused_len(), expected, "cut at {cut}");
        }
    }
}
