//! The contracts of the engine, by number. What needs more room has a file of its own: 2 in
//! `cuts`, 3 in the program `memory`, 14 in `round_trip`, 15 in `any_order`.

use ws_proto::error::ProtocolError;
use ws_proto::frame::Rsv;
use ws_proto::{
    AssembleError, Assembler, CapacityError, Client, Config, Connection, Event, Fin, FixedBuf,
    Input, Kind, MAX_CONTROL_FRAME, Negotiated, Output, ReceiveError, SendError, Server, TimedOut,
    TooLong, Transport, UnexpectedEof,
};
use ws_proto_suite::*;

/// 1: `Ok(None)` means that the input is consumed; less room than a control frame is an error, and
/// changes nothing.
#[test]
fn contract_1_none_means_that_the_input_is_consumed() {
    for side in Side::BOTH {
        let bytes = [frame(side, PING, b"p"), frame(side, FIN | BINARY, b"data")].concat();
        for room in 0..MAX_CONTROL_FRAME {
            let mut endpoint = Endpoint::new(side);
            let mut read = bytes.clone();
            let mut input = Input::new(&mut read);
            let mut out = Bounded::new(room);
            let answer = endpoint.receive(&mut input, &mut out);
            assert!(
                matches!(answer, Err(ReceiveError::OutputFull)),
                "room {room}: {answer:?}"
            );
            assert_eq!(
                input.bytes(),
                bytes,
                "nothing is consumed while there is no room"
            );
        }
        let trace = drive_with(
            &mut Endpoint::new(side),
            &[bytes],
            &mut Bounded::new(MAX_CONTROL_FRAME),
            usize::MAX,
        );
        assert_eq!(trace.items.len(), 2);
    }
}

/// 4 and 5: pieces concatenate to the message, one is the first and one the last; heads and bodies
/// are the text. The driver checks it; here is its input.
#[test]
fn contracts_4_and_5_pieces_join_to_the_message() {
    let text = "\u{20ac}\u{1f600}x\u{e9}".repeat(20);
    for side in Side::BOTH {
        let (head, tail) = text.as_bytes().split_at(101);
        for (first, item) in [
            (TEXT, Item::Text(text.clone())),
            (BINARY, Item::Binary(text.clone().into_bytes())),
        ] {
            let frames = [
                frame(side, first, b""),
                frame(side, CONTINUATION, head),
                frame(side, CONTINUATION, b""),
                frame(side, CONTINUATION, tail),
                frame(side, FIN | CONTINUATION, b""),
            ];
            let bytes = frames.concat();
            for size in 1..bytes.len() {
                let chunks: Vec<_> = bytes.chunks(size).map(<[u8]>::to_vec).collect();
                let trace = drive(&mut Endpoint::new(side), &chunks);
                // shows: RFC6455-5.4-03, RFC6455-5.4-07, RFC6455-5.4-13, RFC6455-5.4-18
                // shows: RFC6455-5.6-02, RFC6455-5.6-05, RFC6455-6.2-03, RFC6455-6.2-07
                // shows: RFC6455-5.3-07, RFC7118-4.2-01
                assert_eq!(
                    trace.items,
                    core::slice::from_ref(&item),
                    "pieces of {size}"
                );
            }
        }
    }
}

/// 6: a header is refused on the byte that proves it bad: all first two bytes, in all states.
#[test]
fn contract_6_a_bad_header_fails_on_the_byte_that_proves_it() {
    for side in Side::BOTH {
        for open in [None, Some(TEXT), Some(BINARY)] {
            for first in 0..=255 {
                let expected = refused_first(first, open.is_some());
                // shows: RFC6455-5.2-03, RFC6455-5.2-04, RFC6455-5.4-06, RFC6455-5.4-09
                // shows: RFC6455-5.4-10
                assert_eq!(
                    error_after(side, open, &[first]),
                    expected,
                    "{first:02x} {open:?}"
                );
                if expected {
                    continue;
                }
                for second in 0..=255 {
                    let expected = refused_second(side, first, second);
                    let got = error_after(side, open, &[first, second]);
                    // shows: RFC6455-5.1-03, RFC6455-5.1-06, RFC6455-5.5-02
                    assert_eq!(got, expected, "{first:02x} {second:02x} {open:?}");
                }
            }
        }
    }
}

fn error_after(side: Side, open: Option<u8>, bytes: &[u8]) -> bool {
    let mut endpoint = Endpoint::new(side);
    if let Some(first) = open {
        assert_eq!(run(&mut endpoint, &frame(side, first, b"x")).error, None);
    }
    let error = run(&mut endpoint, bytes).error;
    assert!(error.is_none_or(|error| error.close_code().as_u16() == 1002));
    error.is_some()
}

fn refused_first(first: u8, message_open: bool) -> bool {
    let opcode = first & 0x0f;
    let starts_in_message = message_open && matches!(opcode, 1 | 2);
    let continues_nothing = !message_open && opcode == 0;
    let control_without_fin = opcode >= 8 && first & FIN == 0;
    let reserved = matches!(opcode, 3..=7 | 11..=15) || first & 0x70 != 0;
    starts_in_message || continues_nothing || control_without_fin || reserved
}

fn refused_second(side: Side, first: u8, second: u8) -> bool {
    let wrong_mask = (second & 0x80 != 0) != (side == Side::Server);
    let len = second & 0x7f;
    wrong_mask || (first & 0x08 != 0 && len > 125) || (first == CLOSE && len == 1)
}

/// 7: the same error for ever, one Close frame, and nothing can be sent.
#[test]
fn contract_7_an_error_is_final() {
    for side in Side::BOTH {
        for (bad, code) in [
            (vec![0x83], 1002),
            (frame(side, FIN | TEXT, b"\xff"), 1007),
            (header(side, FIN | BINARY, 1 << 40), 1009),
        ] {
            let mut endpoint = Endpoint::new(side);
            let trace = run(
                &mut endpoint,
                &[frame(side, FIN | TEXT, b"ok"), bad].concat(),
            );
            assert_eq!(
                trace.items,
                [Item::Text("ok".to_owned())],
                "what came before is emitted"
            );
            let frames = parse_output(side, &trace.output);
            assert_eq!(frames.len(), 1);
            // shows: RFC6455-7.1.7-05, RFC6455-10.7-03
            assert_eq!(frames[0].close_code(), Some(code));
            assert_eq!(frames[0].payload.len(), 2);
            let again = run(&mut endpoint, &frame(side, PING, b"still there?"));
            assert_eq!((again.error, &again.output[..]), (trace.error, &[][..]));
            for call in Call::all(3) {
                let wire = call.wire(&mut endpoint);
                if call.is_close() {
                    // shows: WHATWG-3.1-08
                    assert_eq!(wire, Ok(vec![]), "the last frame was the Close");
                } else if !matches!(call, Call::Extended(..)) {
                    assert_eq!(wire, Err(SendError::Closed), "{call:?}");
                }
            }
        }
    }
}

/// 8: in whatever order things end, at most one Close is written, and no data after it.
#[test]
fn contract_8_one_close_in_every_order() {
    for side in Side::BOTH {
        for manual in [false, true] {
            for order in permutations(&[CLOSES, PEER_CLOSES, PEER_FAILS, EOF, TIMES_OUT, DATA]) {
                let mut endpoint = Endpoint::configured(side, Config::new().manual_close(manual));
                let mut wire = Vec::new();
                for (step, what) in order.iter().enumerate() {
                    end_somehow(&mut endpoint, *what, step as u64, &mut wire);
                }
                let frames = parse_output(side, &wire);
                let closes = frames.iter().filter(|frame| frame.is_close()).count();
                let first_end = order.iter().find(|what| **what != DATA);
                if manual {
                    // shows: RFC6455-5.5.1-19
                    assert!(closes <= 1, "{order:?}");
                } else {
                    let expected = if first_end == Some(&EOF) { 0 } else { 1 };
                    // shows: RFC6455-5.5.1-19
                    assert_eq!(closes, expected, "{order:?}");
                }
                let last_data = frames.iter().rposition(wire::Frame::is_data);
                let close = frames.iter().position(wire::Frame::is_close);
                // shows: RFC6455-5.5.1-09
                assert!(last_data < close || close.is_none(), "{order:?}");
            }
        }
    }
}

const CLOSES: u8 = 0;
const PEER_CLOSES: u8 = 1;
const PEER_FAILS: u8 = 2;
const EOF: u8 = 3;
const TIMES_OUT: u8 = 4;
const DATA: u8 = 5;

fn end_somehow(endpoint: &mut Endpoint, what: u8, step: u64, wire: &mut Vec<u8>) {
    let side = endpoint.side;
    match what {
        CLOSES => {
            let _ = endpoint.close(1001, "bye", wire);
        }
        PEER_CLOSES => {
            wire.extend(run(endpoint, &frame(side, CLOSE, &close_body(3333, b""))).output);
        }
        PEER_FAILS => wire.extend(run(endpoint, &[0xff, 0xff]).output),
        EOF => {
            let _ = endpoint.receive_eof();
        }
        TIMES_OUT => {
            for after in [0, 60_000, 90_000] {
                let _ = endpoint.tick(step * 100_000 + after, wire);
            }
        }
        _ => {
            let _ = endpoint.send_text("data", wire);
        }
    }
}

fn permutations(items: &[u8]) -> Vec<Vec<u8>> {
    if items.is_empty() {
        return vec![vec![]];
    }
    let with_first = |&first: &u8| {
        let rest: Vec<_> = items
            .iter()
            .copied()
            .filter(|item| *item != first)
            .collect();
        permutations(&rest)
            .into_iter()
            .map(move |rest| [&[first][..], &rest].concat())
    };
    items.iter().flat_map(with_first).collect()
}

/// 9: one Pong per Ping, in order, with its payload; in `manual_pong` none.
#[test]
fn contract_9_every_ping_has_its_pong() {
    for side in Side::BOTH {
        let payloads: Vec<Vec<u8>> = (0..=125).map(|len| vec![len as u8; len]).collect();
        let pings: Vec<u8> = payloads.iter().flat_map(|p| frame(side, PING, p)).collect();
        let trace = run(&mut Endpoint::new(side), &pings);
        let pongs = parse_output(side, &trace.output);
        // shows: RFC6455-5.5.2-02, RFC6455-5.5.2-03
        assert!(pongs.iter().all(|frame| frame.first == PONG));
        // shows: RFC6455-5.5.3-01, RFC6455-6.2-07
        assert!(pongs.iter().map(|frame| &frame.payload).eq(&payloads));
        assert!(
            trace
                .items
                .into_iter()
                .eq(payloads.into_iter().map(Item::Ping))
        );

        let manual = Config::new().manual_pong(true);
        let trace = run(&mut Endpoint::configured(side, manual), &pings);
        assert_eq!((trace.items.len(), &trace.output[..]), (126, &[][..]));
    }
}

/// 10: a client draws a new key for every frame, its automatic ones too; a server masks nothing.
#[test]
fn contract_10_a_client_masks_every_frame_with_the_next_key() {
    for side in Side::BOTH {
        let rsv = Negotiated::new().with_rsv(Rsv::RSV1);
        let mut endpoint = Endpoint::with(side, rsv, Config::new());
        let mut wire = Vec::new();
        for call in [
            Call::Text("same".into()),
            Call::Text("same".into()),
            Call::TextPart("same".into(), Fin::No),
            Call::Ping(vec![]),
            Call::FrameTextPart("same".into(), Fin::Yes),
            Call::FrameBinaryPart(vec![1; 200], Fin::Yes),
            Call::Pong(b"p".to_vec()),
            Call::Extended(Kind::Text, Rsv::RSV1, vec![2], Fin::Yes),
        ] {
            wire.extend(call.wire(&mut endpoint).unwrap());
        }
        wire.extend(run(&mut endpoint, &frame(side, PING, b"automatic")).output);
        wire.extend(run(&mut endpoint, &frame(side, CLOSE, b"")).output);
        let frames = parse_output(side, &wire);
        assert_eq!(frames.len(), 10);
        assert_eq!(
            (&frames[8].payload[..], frames[9].first),
            (&b"automatic"[..], CLOSE)
        );
        let drawn = if side == Side::Client { 10 } else { 0 };
        assert_eq!(endpoint.keys.drawn(), drawn);
        for (n, frame) in (0..).zip(&frames) {
            // shows: RFC6455-5.1-01, RFC6455-5.1-02, RFC6455-5.1-05, RFC6455-5.2-09, RFC6455-5.3-02
            // shows: RFC6455-6.1-07, RFC6455-10.3-01, RFC6455-10.3-03, RFC8441-5-09
            assert_eq!(frame.key, (side == Side::Client).then(|| Keys::key(n)));
        }
    }
}

/// 10: without a key nothing is written, not even an automatic Pong, and nothing is sent bare.
#[test]
fn contract_10_without_a_key_a_client_writes_nothing() {
    for peers in [
        frame(Side::Client, PING, b"x"),
        frame(Side::Client, CLOSE, b""),
        vec![0x83],
    ] {
        let mut client = Endpoint::new(Side::Client);
        client.keys.set_dry(true);
        for call in Call::all(3) {
            if !matches!(call, Call::Extended(..)) {
                assert_eq!(
                    call.wire(&mut client),
                    Err(SendError::NoMaskKey),
                    "{call:?}"
                );
            }
        }
        assert!(run(&mut client, &peers).output.is_empty());
        assert_eq!(client.keys.drawn(), 0);
    }
}

/// 12: `tick` is idempotent for equal `now`, and its deadline is later than `now`.
#[test]
fn contract_12_tick_is_idempotent_and_looks_ahead() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::new(side);
        let mut out = Vec::new();
        for now in (0..200_000).step_by(500) {
            if now == 30_000 {
                run(&mut endpoint, &frame(side, FIN | TEXT, b"heard"));
            }
            if now == 60_000 {
                endpoint.close_empty(&mut out).ok();
            }
            let first = endpoint.tick(now, &mut out);
            let written = out.len();
            assert_eq!(endpoint.tick(now, &mut out), first, "at {now}");
            assert_eq!(out.len(), written, "at {now}");
            assert!(first.is_err() || first.unwrap().unwrap() > now, "at {now}");
        }
        assert_eq!(endpoint.tick(200_000, &mut out), Err(TimedOut::Close));
    }
}

/// 12: a Ping that is due and has no room is left out, and the deadline moves on all the same: a
/// peer that takes nothing is gone as soon as one that says nothing.
#[test]
fn contract_12_a_ping_without_room_is_left_out_and_the_time_runs() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::new(side);
        let mut full = Bounded::new(MAX_CONTROL_FRAME - 1);
        assert_eq!(endpoint.tick(0, &mut full), Ok(Some(20_000)));
        assert_eq!(endpoint.tick(50_000, &mut full), Ok(Some(70_000)));
        assert_eq!(endpoint.tick(70_000, &mut full), Err(TimedOut::Pong));
        assert!(full.pending().is_empty());
        assert_eq!(endpoint.transport(), Transport::Abort);
    }
}

/// 12: input that waits for room is not a sign of life each time it is offered again.
#[test]
fn contract_12_input_that_is_not_consumed_is_not_heard() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::new(side);
        let mut full = Bounded::new(MAX_CONTROL_FRAME - 1);
        let mut read = frame(side, PING, b"");
        let mut input = Input::new(&mut read);
        let mut ended = Ok(None);
        for second in 0..50 {
            let answer = endpoint.receive(&mut input, &mut full);
            assert!(matches!(answer, Err(ReceiveError::OutputFull)));
            ended = endpoint.tick(second * 1_000, &mut full);
            if ended.is_err() {
                break;
            }
        }
        assert!(!input.is_empty());
        assert_eq!(ended, Err(TimedOut::Pong));
    }
}

/// 13: small, and at home in any thread. The program `memory` shows that nothing is on the heap.
#[test]
fn contract_13_sizes_and_auto_traits() {
    fn is_free<T: Send + Sync + Unpin>() {}
    is_free::<Connection<Server>>();
    is_free::<Connection<Client<fn() -> [u8; 4]>>>();
    is_free::<Assembler<Vec<u8>>>();
    is_free::<FixedBuf<10>>();
    is_free::<Event<'_>>();
    is_free::<Input<'_>>();
    assert!(
        size_of::<Connection<Server>>() <= 200,
        "{}",
        size_of::<Connection<Server>>()
    );
    assert!(size_of::<Event<'_>>() <= 48, "{}", size_of::<Event<'_>>());
    for size in [
        size_of::<ProtocolError>(),
        size_of::<SendError>(),
        size_of::<TimedOut>(),
        size_of::<UnexpectedEof>(),
        size_of::<CapacityError>(),
        size_of::<TooLong>(),
        size_of::<AssembleError>(),
        size_of::<ws_proto::close::InvalidCloseCode>(),
        size_of::<ws_proto::extension::DecodeError>(),
        size_of::<ws_proto::utf8::InvalidUtf8>(),
    ] {
        assert!(size <= 16);
    }
}

/// 11 for `receive`: no input makes it put more than there is room for. `Bounded` panics.
#[test]
fn contract_11_the_engine_never_overfills() {
    for side in Side::BOTH {
        for room in MAX_CONTROL_FRAME..2 * MAX_CONTROL_FRAME {
            let mut endpoint = Endpoint::new(side);
            let mut out = Bounded::new(room);
            let mut read: Vec<u8> = (0..4).flat_map(|_| frame(side, PING, &[9; 125])).collect();
            read.extend(frame(side, CLOSE, &close_body(1000, &[b'r'; 123])));
            let mut input = Input::new(&mut read);
            while let Ok(Some(_)) = endpoint.receive(&mut input, &mut out) {}
            assert!(out.room() < MAX_CONTROL_FRAME && !input.is_empty());
        }
    }
}
