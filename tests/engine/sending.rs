//! Sending, for both ends: the exact bytes, and mistakes of the caller as typed errors.

use ws_proto::frame::Rsv;
use ws_proto::{
    CloseCode, CloseReason, Config, ControlPayload, Fin, Kind, Negotiated, Output, SendError,
    TooLong,
};
use ws_proto_suite::*;

fn extended(side: Side) -> Endpoint {
    Endpoint::with(
        side,
        Negotiated::new().with_rsv(Rsv::RSV1 | Rsv::RSV3),
        Config::new(),
    )
}

/// Header bytes without mask bit and key, for lengths where the form changes.
const LENGTHS: [(usize, &[u8]); 7] = [
    (0, &[0]),
    (1, &[1]),
    (125, &[125]),
    (126, &[126, 0, 126]),
    (127, &[126, 0, 127]),
    (65_535, &[126, 0xff, 0xff]),
    (65_536, &[127, 0, 0, 0, 0, 0, 1, 0, 0]),
];

fn expected(side: Side, first: u8, length: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    bytes.extend_from_slice(length);
    if side == Side::Server {
        bytes.extend_from_slice(payload);
    } else {
        bytes[1] |= 0x80;
        bytes.extend(Keys::key(0));
        bytes.extend(wire::masked(payload, Keys::key(0)));
    }
    bytes
}

#[test]
fn frames_of_all_length_forms_have_exactly_these_bytes() {
    for side in Side::BOTH {
        for (len, length) in LENGTHS {
            let text: String = ('a'..='z').cycle().take(len).collect();
            let data = text.clone().into_bytes();
            let text_frame = expected(side, 0x81, length, &data);
            let binary_frame = expected(side, 0x82, length, &data);
            let open_frame = expected(side, 0x02, length, &data);
            for (call, bytes) in [
                (Call::Text(text.clone()), &text_frame),
                (Call::TextPart(text.clone(), Fin::Yes), &text_frame),
                (Call::FrameTextPart(text, Fin::Yes), &text_frame),
                (Call::Binary(data.clone()), &binary_frame),
                (Call::BinaryPart(data.clone(), Fin::Yes), &binary_frame),
                (Call::FrameBinaryPart(data.clone(), Fin::Yes), &binary_frame),
                (Call::BinaryPart(data.clone(), Fin::No), &open_frame),
                (Call::FrameBinaryPart(data.clone(), Fin::No), &open_frame),
            ] {
                // shows: RFC6455-5.2-02, RFC6455-5.2-10, RFC6455-5.2-11, RFC6455-5.2-12
                // shows: RFC6455-5.2-15, RFC6455-5.2-16, RFC6455-5.3-01, RFC6455-5.3-05
                // shows: RFC6455-5.3-06, RFC6455-5.3-08, RFC6455-5.4-01, RFC6455-6.1-03
                // shows: RFC6455-6.1-05
                assert!(
                    call.wire(&mut Endpoint::new(side)).as_ref() == Ok(bytes),
                    "{side:?} {len}"
                );
            }
            let call = Call::Extended(Kind::Text, Rsv::RSV1, data.clone(), Fin::No);
            let bytes = expected(side, 0x41, length, &data);
            assert!(
                call.wire(&mut extended(side)) == Ok(bytes),
                "{side:?} {len}"
            );
        }
    }
}

#[test]
fn control_frames_have_exactly_these_bytes() {
    for side in Side::BOTH {
        for len in [0, 1, 125] {
            let (payload, length) = (vec![0xab; len], [len as u8]);
            let ping = Call::Ping(payload.clone()).wire(&mut Endpoint::new(side));
            // shows: RFC6455-5.4-05
            assert_eq!(ping, Ok(expected(side, 0x89, &length, &payload)));
            let pong = Call::Pong(payload.clone()).wire(&mut Endpoint::new(side));
            // shows: RFC6455-5.4-05
            assert_eq!(pong, Ok(expected(side, 0x8a, &length, &payload)));
        }
        let close = Call::Close(1000, "bye".into()).wire(&mut Endpoint::new(side));
        // shows: RFC6455-5.5.1-02, RFC6455-5.5.1-08, RFC6455-7.1.2-01, RFC6455-5.4-05
        assert_eq!(close, Ok(expected(side, 0x88, &[5], b"\x03\xe8bye")));
        let empty = Call::CloseEmpty.wire(&mut Endpoint::new(side));
        // shows: WHATWG-3.1-06
        assert_eq!(empty, Ok(expected(side, 0x88, &[0], b"")));
    }
}

#[test]
fn parts_continue_the_message_that_is_open() {
    for side in Side::BOTH {
        let mut endpoint = extended(side);
        let mut wire = Vec::new();
        for call in [
            Call::TextPart("a".into(), Fin::No),
            Call::Ping(vec![]),
            Call::FrameTextPart("b".into(), Fin::No),
            Call::TextPart(String::new(), Fin::Yes),
            Call::FrameBinaryPart(vec![1], Fin::No),
            Call::BinaryPart(vec![2], Fin::Yes),
            Call::Extended(Kind::Binary, Rsv::RSV3, vec![3], Fin::No),
            Call::Extended(Kind::Binary, Rsv::RSV3, vec![4], Fin::Yes),
            Call::Text("whole".into()),
        ] {
            wire.extend(call.wire(&mut endpoint).expect("a legal call"));
        }
        let firsts: Vec<_> = parse_output(side, &wire)
            .iter()
            .map(|frame| frame.first)
            .collect();
        // shows: RFC6455-5.2-07, RFC6455-5.4-02, RFC6455-6.1-06, RFC6455-5.4-14, RFC6455-5.5-03
        assert_eq!(
            firsts,
            [0x01, 0x89, 0x00, 0x80, 0x02, 0x80, 0x12, 0x80, 0x81]
        );
    }
}

/// The table of mistakes: which call, on which connection, gives which error. That they change
/// nothing is in `unchanged.rs`.
#[test]
fn mistakes_of_the_caller_are_typed_errors() {
    type Prepare = fn(&mut Endpoint);
    let new: Prepare = |_| {};
    let text_open: Prepare = |e| e.send_text_part("a", Fin::No, &mut Vec::new()).unwrap();
    let binary_open: Prepare = |e| e.send_binary_part(b"a", Fin::No, &mut Vec::new()).unwrap();
    let closing: Prepare = |e| e.close(1000, "", &mut Vec::new()).unwrap();
    let closing_inside: Prepare = |e| {
        e.send_text_part("a", Fin::No, &mut Vec::new()).unwrap();
        e.close(1000, "", &mut Vec::new()).unwrap();
    };
    let answered: Prepare = |e| drop(run(e, &frame(e.side, CLOSE, b"")));
    let ended: Prepare = |e| assert!(e.receive_eof().is_err());
    let table = [
        (
            "text inside a text",
            text_open,
            Call::Text("b".into()),
            SendError::MessageOpen,
        ),
        (
            "binary inside a text",
            text_open,
            Call::Binary(vec![]),
            SendError::MessageOpen,
        ),
        (
            "binary part in a text",
            text_open,
            Call::BinaryPart(vec![], Fin::Yes),
            SendError::MessageOpen,
        ),
        (
            "binary frame in a text",
            text_open,
            Call::FrameBinaryPart(vec![], Fin::No),
            SendError::MessageOpen,
        ),
        (
            "text part in a binary",
            binary_open,
            Call::TextPart("".into(), Fin::Yes),
            SendError::MessageOpen,
        ),
        (
            "text frame in a binary",
            binary_open,
            Call::FrameTextPart("".into(), Fin::No),
            SendError::MessageOpen,
        ),
        (
            "extended inside a text",
            text_open,
            Call::Extended(Kind::Text, Rsv::RSV1, vec![], Fin::Yes),
            SendError::MessageOpen,
        ),
        (
            "extended without a bit",
            new,
            Call::Extended(Kind::Text, Rsv::NONE, vec![], Fin::Yes),
            SendError::ReservedBits,
        ),
        (
            "a bit not negotiated",
            new,
            Call::Extended(Kind::Text, Rsv::RSV2, vec![], Fin::Yes),
            SendError::ReservedBits,
        ),
        (
            "one of two bits not negotiated",
            new,
            Call::Extended(Kind::Text, Rsv::RSV1 | Rsv::RSV2, vec![], Fin::Yes),
            SendError::ReservedBits,
        ),
        (
            "text after Close",
            closing,
            Call::Text("b".into()),
            SendError::Closed,
        ),
        (
            "part after Close",
            closing_inside,
            Call::TextPart("b".into(), Fin::Yes),
            SendError::Closed,
        ),
        (
            "other kind after Close",
            closing_inside,
            Call::Binary(vec![]),
            SendError::Closed,
        ),
        (
            "binary frame after Close",
            closing,
            Call::FrameBinaryPart(vec![], Fin::Yes),
            SendError::Closed,
        ),
        (
            "data after the peer's Close",
            answered,
            Call::Binary(vec![]),
            SendError::Closed,
        ),
        (
            "ping after the peer's Close",
            answered,
            Call::Ping(vec![]),
            SendError::Closed,
        ),
        (
            "pong after the peer's Close",
            answered,
            Call::Pong(vec![]),
            SendError::Closed,
        ),
        (
            "text after the end",
            ended,
            Call::Text("b".into()),
            SendError::Closed,
        ),
        (
            "ping after the end",
            ended,
            Call::Ping(vec![]),
            SendError::Closed,
        ),
        (
            "close after the end",
            ended,
            Call::CloseEmpty,
            SendError::Closed,
        ),
    ];
    for side in Side::BOTH {
        for (name, prepare, call, error) in &table {
            let mut endpoint = extended(side);
            prepare(&mut endpoint);
            // shows: RFC6455-6.1-01
            assert_eq!(call.wire(&mut endpoint), Err(*error), "{name}, {side:?}");
        }
    }
}

#[test]
fn without_an_extension_nothing_extended_can_be_sent() {
    for side in Side::BOTH {
        for bits in [Rsv::NONE, Rsv::RSV1, Rsv::RSV2, Rsv::RSV3] {
            let call = Call::Extended(Kind::Binary, bits, vec![1], Fin::Yes);
            // shows: RFC6455-5.8-01, RFC6455-5.2-02
            assert_eq!(
                call.wire(&mut Endpoint::new(side)),
                Err(SendError::ReservedBits)
            );
        }
    }
}

/// Types, not errors at the time of sending.
#[test]
fn what_does_not_fit_a_control_frame_cannot_be_constructed() {
    // shows: RFC6455-5.5-01
    assert_eq!(
        ControlPayload::new(&[0; 126]),
        Err(TooLong { len: 126, max: 125 })
    );
    assert!(ControlPayload::try_from(&[0; 126][..]).is_err());
    assert!(ControlPayload::new(&[0; 125]).is_ok());
    // shows: RFC6455-5.5.1-05, WHATWG-3.1-05, RFC6455-5.5-01
    assert_eq!(
        CloseReason::new(&"r".repeat(124)),
        Err(TooLong { len: 124, max: 123 })
    );
    assert!(CloseReason::try_from(&"r".repeat(123)[..]).is_ok());
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
        assert_eq!(CloseCode::new(code), None);
        assert_eq!(CloseCode::try_from(code).unwrap_err().0, code);
    }
    assert_eq!(
        TooLong { len: 126, max: 125 }.to_string(),
        "126 bytes exceed the limit of 125"
    );
}

/// The one text that the types cannot vouch for: bytes that a client masks in place.
#[test]
fn a_client_refuses_to_mask_bytes_that_are_not_text() {
    let keys = Keys::default();
    let mut client = ws_proto::Connection::client(Negotiated::new(), Config::new(), keys.clone());
    for bad in [&b"ab\xff"[..], b"cut \xe2\x82", b"\xed\xa0\x80"] {
        let mut bytes = bad.to_vec();
        let mut out = Vec::new();
        let error = client.frame_text(&mut bytes, &mut out).unwrap_err();
        // shows: RFC6455-5.6-03
        assert_eq!(
            (error, &bytes[..], &out[..]),
            (SendError::TextNotUtf8, bad, &[][..])
        );
    }
    assert_eq!(keys.drawn(), 0);
    let mut bytes = *b"good";
    let mut full = Bounded::new(5);
    assert_eq!(
        client.frame_text(&mut bytes, &mut full),
        Err(SendError::OutputFull)
    );
    assert_eq!(
        (&bytes, keys.drawn()),
        (b"good", 0),
        "not masked, no key drawn"
    );
}

#[test]
fn a_zero_copy_frame_gives_back_the_bytes_of_the_caller() {
    let text = "the very same bytes";
    let mut server = ws_proto::Connection::server(Negotiated::new(), Config::new());
    let mut head = Bounded::new(2);
    let payload = server.frame_text(text, &mut head).unwrap();
    assert_eq!(payload.as_ptr(), text.as_ptr());
    assert_eq!(
        (head.pending(), head.room()),
        (&[0x81, 19][..], 0),
        "only the header needs room"
    );

    let mut client =
        ws_proto::Connection::client(Negotiated::new(), Config::new(), Keys::default());
    let mut data = [7; 50];
    let from = data.as_ptr();
    let payload = client.frame_binary(&mut data, &mut Vec::new()).unwrap();
    assert_eq!(
        (payload.as_ptr(), payload),
        (from, &wire::masked(&[7; 50], Keys::key(0))[..])
    );
}

/// An echo borrows the input only.
#[test]
fn an_event_can_be_answered_while_it_is_alive() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::new(side);
        let mut out = Vec::new();
        let mut read = frame(side, FIN | TEXT, b"echo");
        let mut input = ws_proto::Input::new(&mut read);
        while let Some(event) = endpoint.receive(&mut input, &mut out).unwrap() {
            if let ws_proto::Event::Text(text) = event {
                endpoint.send_text(text.body, &mut out).unwrap();
            }
        }
        assert_eq!(parse_output(side, &out)[0].payload, b"echo");
    }
}
