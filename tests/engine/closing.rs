//! The closing handshake (RFC 6455 7), for both ends: the table of the connection's docs, row by
//! row, and what may be in a Close frame.

use ws_proto::{
    CloseCode, CloseReason, Config, Connection, Event, Fin, Input, Negotiated, SendError,
    Transport, UnexpectedEof,
};
use ws_proto_suite::*;

/// What the driver has to do once the closing handshake is done.
fn done(side: Side) -> Transport {
    match side {
        Side::Server => Transport::Close,
        Side::Client => Transport::AwaitEof,
    }
}

fn close_frame(side: Side, code: u16, reason: &str) -> Vec<u8> {
    frame(side, CLOSE, &close_body(code, reason.as_bytes()))
}

/// Code and reason of the only frame in `output`, which is a Close.
fn only_close(side: Side, output: &[u8]) -> (Option<u16>, Vec<u8>) {
    let frames = parse_output(side, output);
    assert_eq!(frames.len(), 1, "{frames:?}");
    (
        frames[0].close_code(),
        frames[0].payload.get(2..).unwrap_or_default().to_vec(),
    )
}

#[test]
fn our_close_is_written_and_the_transport_stays_open() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::new(side);
        let mut out = Vec::new();
        assert_eq!(endpoint.close(1001, "gone", &mut out), Ok(()));
        // shows: RFC6455-7.1.2-01
        assert_eq!(only_close(side, &out), (Some(1001), b"gone".to_vec()));
        // shows: RFC6455-7.3-03
        assert_eq!(endpoint.transport(), Transport::Open);
        // shows: RFC6455-7.1.3-01
        assert!(!endpoint.can_send() && !endpoint.is_close_received());
        assert_eq!((endpoint.close_code(), endpoint.close_reason()), (None, ""));
    }
}

#[test]
fn the_peers_close_is_answered_with_its_code() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::new(side);
        let trace = run(&mut endpoint, &close_frame(side, 4321, "why"));
        // shows: RFC6455-7.1.6-01
        assert_eq!(trace.items, [Item::Close(Some(4321), "why".to_owned())]);
        // shows: RFC6455-5.5.1-10, RFC6455-5.5.1-11, RFC6455-5.5.1-12
        assert_eq!(only_close(side, &trace.output), (Some(4321), vec![]));
        // shows: RFC6455-5.5.1-14, RFC6455-5.5.1-15, RFC6455-7.1.1-05, RFC6455-7.1.3-01
        assert_eq!((trace.transport, trace.can_send), (done(side), false));
        // shows: RFC6455-7.1.4-02
        assert_eq!(endpoint.receive_eof(), Ok(()));
        // shows: RFC6455-7.1.4-01
        assert_eq!(endpoint.transport(), Transport::Close);
        assert_eq!(
            (endpoint.close_code(), endpoint.close_reason()),
            (Some(4321), "why")
        );
    }
}

#[test]
fn a_close_without_code_is_answered_without_code() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::new(side);
        let trace = run(&mut endpoint, &frame(side, CLOSE, b""));
        // shows: RFC6455-7.1.5-02, RFC6455-7.1.6-02
        assert_eq!(trace.items, [Item::Close(None, String::new())]);
        // shows: RFC6455-5.5.1-11
        assert_eq!(only_close(side, &trace.output), (None, vec![]));
        assert!(endpoint.is_close_received());
    }
}

#[test]
fn the_answer_to_our_close_ends_it_and_is_not_answered() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::new(side);
        endpoint.close_empty(&mut Vec::new()).unwrap();
        let trace = run(&mut endpoint, &close_frame(side, 1000, "bye"));
        assert_eq!(trace.items, [Item::Close(Some(1000), "bye".to_owned())]);
        // shows: RFC6455-7.1.2-02, RFC6455-5.5.1-14
        assert_eq!((&trace.output[..], trace.transport), (&[][..], done(side)));
        assert_eq!(endpoint.receive_eof(), Ok(()));
    }
}

/// Both ends close before either has seen the other's Close.
#[test]
fn simultaneous_closes_are_one_close_each_and_clean() {
    let (mut server, mut client) = (Endpoint::new(Side::Server), Endpoint::new(Side::Client));
    let (mut from_server, mut from_client) = (Vec::new(), Vec::new());
    server.close(1001, "restart", &mut from_server).unwrap();
    client.close(1000, "done", &mut from_client).unwrap();
    let at_client = run(&mut client, &from_server);
    let at_server = run(&mut server, &from_client);
    // shows: RFC6455-7.1.5-01
    assert_eq!(
        at_client.items,
        [Item::Close(Some(1001), "restart".to_owned())]
    );
    // shows: RFC6455-7.1.5-01
    assert_eq!(
        at_server.items,
        [Item::Close(Some(1000), "done".to_owned())]
    );
    // shows: RFC6455-5.5.1-18
    assert!(at_client.output.is_empty() && at_server.output.is_empty());
    // shows: RFC6455-7.1.1-03, RFC6455-7.1.1-06
    assert_eq!(
        (at_server.transport, at_client.transport),
        (Transport::Close, Transport::AwaitEof)
    );
    assert_eq!(
        (server.receive_eof(), client.receive_eof()),
        (Ok(()), Ok(()))
    );
}

#[test]
fn after_our_close_data_is_delivered_and_pings_are_answered() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::new(side);
        endpoint.close(1000, "", &mut Vec::new()).unwrap();
        let frames = [
            frame(side, FIN | TEXT, b"on its way"),
            frame(side, PING, b"alive?"),
            frame(side, BINARY, b"in "),
            frame(side, FIN | CONTINUATION, b"parts"),
            frame(side, CLOSE, b""),
        ];
        let trace = run(&mut endpoint, &frames.concat());
        let expected = [
            Item::Text("on its way".to_owned()),
            Item::Ping(b"alive?".to_vec()),
            Item::Binary(b"in parts".to_vec()),
            Item::Close(None, String::new()),
        ];
        assert_eq!(trace.items, expected);
        let written = parse_output(side, &trace.output);
        assert_eq!((written.len(), written[0].first), (1, PONG));
        assert_eq!(written[0].payload, b"alive?");
    }
}

#[test]
fn after_our_close_we_may_ping_but_not_send_data() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::new(side);
        let mut out = Vec::new();
        endpoint.close(1000, "", &mut out).unwrap();
        // shows: RFC6455-5.5.1-09
        assert_eq!(endpoint.send_text("late", &mut out), Err(SendError::Closed));
        assert_eq!(endpoint.ping(b"", &mut out), Ok(()));
        // shows: WHATWG-3.1-08
        assert_eq!(
            endpoint.close(1001, "again", &mut out),
            Ok(()),
            "that is done already"
        );
        assert_eq!(endpoint.close_empty(&mut out), Ok(()));
        let firsts: Vec<_> = parse_output(side, &out)
            .iter()
            .map(|frame| frame.first)
            .collect();
        // shows: RFC6455-5.5.1-19
        assert_eq!(firsts, [CLOSE, PING]);
    }
}

#[test]
fn nothing_is_interpreted_after_the_peers_close() {
    for side in Side::BOTH {
        for after in [
            frame(side, FIN | TEXT, b"late"),
            frame(side, PING, b"late"),
            close_frame(side, 4000, "second"),
            vec![0xff; 300],
        ] {
            let mut endpoint = Endpoint::new(side);
            let bytes = [close_frame(side, 1000, "first"), after.clone()].concat();
            let trace = run(&mut endpoint, &bytes);
            // shows: RFC6455-5.5.1-20, RFC6455-7.1.5-01
            assert_eq!(trace.items, [Item::Close(Some(1000), "first".to_owned())]);
            // shows: RFC6455-5.5.2-02
            assert_eq!(only_close(side, &trace.output), (Some(1000), vec![]));
            let later = run(&mut endpoint, &after);
            // shows: RFC6455-5.5.1-20
            assert_eq!(
                (later.items, later.error, later.output),
                (vec![], None, vec![])
            );
            assert_eq!(endpoint.ping(b"", &mut Vec::new()), Err(SendError::Closed));
            assert_eq!(endpoint.close_reason(), "first");
        }
    }
}

#[test]
fn a_close_inside_a_fragmented_message_drops_the_message() {
    for side in Side::BOTH {
        let cut_text = frame(side, TEXT, b"half \xf0\x9f");
        let bytes = [cut_text, close_frame(side, 1001, "gr\u{fc}n")].concat();
        let trace = run(&mut Endpoint::new(side), &bytes);
        // shows: RFC6455-5.5.1-21
        assert_eq!(
            trace.items,
            [Item::Close(Some(1001), "gr\u{fc}n".to_owned())]
        );
        assert_eq!((trace.error, trace.transport), (None, done(side)));
    }
}

#[test]
fn our_close_may_go_between_our_own_fragments() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::new(side);
        let mut out = Vec::new();
        endpoint.send_text_part("half", Fin::No, &mut out).unwrap();
        endpoint.close(1000, "", &mut out).unwrap();
        // shows: RFC6455-6.1-02
        assert_eq!(
            endpoint.send_text_part("", Fin::Yes, &mut out),
            Err(SendError::Closed)
        );
        assert_eq!(run(&mut Endpoint::new(side.peer()), &out).error, None);
    }
}

#[test]
fn with_manual_close_the_caller_answers_and_may_send_before() {
    for side in Side::BOTH {
        for empty in [false, true] {
            let mut endpoint = Endpoint::configured(side, Config::new().manual_close(true));
            let trace = run(&mut endpoint, &close_frame(side, 3000, "please"));
            assert_eq!(
                (&trace.output[..], trace.transport),
                (&[][..], Transport::Open)
            );
            assert!(endpoint.can_send());
            let mut out = Vec::new();
            assert_eq!(endpoint.send_text("the rest", &mut out), Ok(()));
            assert_eq!(endpoint.ping(b"", &mut out), Err(SendError::Closed));
            out.clear();
            if empty {
                endpoint.close_empty(&mut out).unwrap();
                assert_eq!(only_close(side, &out), (None, vec![]));
            } else {
                endpoint.close(1013, "later", &mut out).unwrap();
                assert_eq!(only_close(side, &out), (Some(1013), b"later".to_vec()));
            }
            assert_eq!(
                (endpoint.transport(), endpoint.can_send()),
                (done(side), false)
            );
            assert_eq!(endpoint.receive_eof(), Ok(()));
        }
    }
}

/// All 65536 codes: which may be on the wire, both ways.
#[test]
fn the_valid_close_codes_are_exactly_those_of_the_registry() {
    for code in 0..=u16::MAX {
        let valid = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        // shows: RFC6455-7.4.1-05, RFC6455-7.4.1-06, RFC6455-7.4.1-07, RFC6455-7.4.1-15
        // shows: RFC6455-7.4.2-01, RFC6455-7.4.2-02, RFC6455-7.4.2-05, IANA-close-codes-01
        // shows: IANA-close-codes-02
        assert_eq!(CloseCode::new(code).map(u16::from), valid.then_some(code));
        assert_eq!(CloseCode::try_from(code).is_ok(), valid);
        for side in Side::BOTH {
            let trace = run(&mut Endpoint::new(side), &close_frame(side, code, ""));
            let answer = only_close(side, &trace.output).0;
            if valid {
                // shows: IANA-close-codes-01
                assert_eq!(trace.items, [Item::Close(Some(code), String::new())]);
                assert_eq!(answer, Some(code));
            } else {
                // shows: RFC6455-7.4.1-05, RFC6455-7.4.1-06, RFC6455-7.4.1-07, RFC6455-7.4.1-15
                // shows: RFC6455-7.4.2-01, RFC6455-7.4.2-02, RFC6455-7.4.2-05, IANA-close-codes-02
                assert_eq!(
                    trace.error.map(|e| e.close_code().as_u16()),
                    Some(1002),
                    "{code}"
                );
                assert_eq!((trace.items, answer), (vec![], Some(1002)), "never echoed");
            }
        }
    }
}

/// An invalid code is refused at its second byte, a bad reason at the byte that proves it.
#[test]
fn a_bad_close_body_fails_at_once() {
    for side in Side::BOTH {
        let at = |body: &[u8], good: usize, code: u16| {
            let bytes = frame(side, CLOSE, body);
            let (head, tail) = bytes.split_at(bytes.len() - body.len() + good);
            let mut endpoint = Endpoint::new(side);
            assert_eq!(run(&mut endpoint, head).error, None, "{body:x?}");
            let error = run(&mut endpoint, &tail[..1]).error.expect("refused");
            // shows: RFC6455-5.5.1-06, RFC6455-8.1-01
            assert_eq!(error.close_code().as_u16(), code, "{body:x?}");
            assert!(!endpoint.is_close_received());
        };
        at(&close_body(1005, b"reason"), 1, 1002);
        at(&close_body(1000, b"ab\xffcd"), 4, 1007);
        at(&close_body(1000, b"\xed\xa0\x80"), 3, 1007);
        at(&close_body(1000, b"\xe2\x82"), 3, 1007);
        at(&close_body(1000, b"\xf0\x9f\x98!"), 5, 1007);
        let one_byte = header(side, CLOSE, 1);
        let error = run(&mut Endpoint::new(side), &one_byte[..2]).error;
        // shows: RFC6455-5.5.1-03
        assert_eq!(error.map(|error| error.close_code().as_u16()), Some(1002));
    }
}

#[test]
fn reasons_of_123_bytes_pass_both_ways() {
    let reason = "\u{20ac}".repeat(41);
    assert_eq!(reason.len(), 123);
    assert!(CloseReason::new(&"r".repeat(124)).is_err());
    assert_eq!(
        CloseReason::truncated(&(reason.clone() + "\u{20ac}")).as_str(),
        reason
    );
    assert_eq!(
        CloseReason::truncated(&"\u{1f600}".repeat(31))
            .as_str()
            .len(),
        120
    );
    for side in Side::BOTH {
        let mut out = Vec::new();
        Endpoint::new(side).close(4999, &reason, &mut out).unwrap();
        let mut peer = Endpoint::new(side.peer());
        assert_eq!(
            event_items(&mut peer, &out),
            [Item::Close(Some(4999), reason.clone())]
        );
    }
}

#[test]
fn a_server_cannot_send_1010_and_a_client_can() {
    let mut out = Vec::new();
    let mut server = Endpoint::new(Side::Server);
    // shows: RFC6455-7.4.1-13
    assert_eq!(
        server.close(1010, "", &mut out),
        Err(SendError::CodeForClients)
    );
    assert!(server.can_send() && out.is_empty());
    assert_eq!(
        Endpoint::new(Side::Client).close(1010, "", &mut out),
        Ok(())
    );
    let from_server = close_frame(Side::Client, 1010, "");
    let items = event_items(&mut Endpoint::new(Side::Client), &from_server);
    // shows: RFC6455-7.4.1-13
    assert_eq!(
        items,
        [Item::Close(Some(1010), String::new())],
        "odd, but received"
    );
}

#[test]
fn the_end_of_the_transport_is_clean_only_after_both_closes() {
    for side in Side::BOTH {
        let nothing = |_: &mut Endpoint| {};
        let half = |e: &mut Endpoint| drop(run(e, &frame(side, TEXT, b"half")));
        let in_header = |e: &mut Endpoint| drop(run(e, &frame(side, FIN | TEXT, b"")[..1]));
        let in_close = |e: &mut Endpoint| drop(run(e, &close_frame(side, 1000, "cut")[..4]));
        let sent = |e: &mut Endpoint| e.close_empty(&mut Vec::new()).unwrap();
        let failed = |e: &mut Endpoint| drop(run(e, &[0x83]));
        let unclean: [&dyn Fn(&mut Endpoint); 6] =
            [&nothing, &half, &in_header, &in_close, &sent, &failed];
        for prepare in unclean {
            let mut endpoint = Endpoint::new(side);
            prepare(&mut endpoint);
            // shows: RFC6455-7.1.4-02, RFC6455-7.1.5-03, RFC6455-7.2.1-02
            assert_eq!(endpoint.receive_eof(), Err(UnexpectedEof));
            assert_eq!(endpoint.receive_eof(), Err(UnexpectedEof), "and again");
            // shows: RFC6455-7.1.4-01, RFC6455-7.2.1-02
            assert_eq!(
                (endpoint.transport(), endpoint.can_send()),
                (Transport::Close, false)
            );
            // shows: RFC6455-7.1.5-03
            assert_eq!(endpoint.close_code(), None);
            assert_eq!(run(&mut endpoint, &frame(side, PING, b"")).output, b"");
        }
        let mut endpoint = Endpoint::configured(side, Config::new().manual_close(true));
        run(&mut endpoint, &close_frame(side, 1000, ""));
        assert_eq!(
            endpoint.receive_eof(),
            Err(UnexpectedEof),
            "our Close is missing"
        );
        assert_eq!(
            endpoint.close(1000, "", &mut Vec::new()),
            Err(SendError::Closed)
        );
    }
}

/// Without a masking key a client cannot answer; the closing handshake is not done then.
#[test]
fn a_close_that_could_not_be_answered_is_not_a_clean_end() {
    for body in [&[][..], &close_body(1000, b"")] {
        let mut endpoint = Endpoint::new(Side::Client);
        endpoint.keys.set_dry(true);
        let trace = run(&mut endpoint, &frame(Side::Client, CLOSE, body));
        assert_eq!(trace.output, b"");
        assert!(endpoint.is_close_received() && !endpoint.can_send());
        assert!(endpoint.receive_eof().is_err());
    }
}

/// 1010 is for clients, but the answer to a Close repeats its code (RFC 6455 5.5.1, 7.4.1).
#[test]
fn a_server_answers_1010_by_hand_and_never_starts_with_it() {
    let code = CloseCode::MANDATORY_EXTENSION;
    let config = Config::new().manual_close(true);
    let mut server = Connection::server(Negotiated::new(), config);
    let mut out = Vec::new();
    let refused = server.close(code, CloseReason::EMPTY, &mut out);
    assert_eq!(refused, Err(SendError::CodeForClients));
    let mut read = *b"\x88\x82\0\0\0\0\x03\xf2";
    let event = server.receive(&mut Input::new(&mut read), &mut out);
    assert!(matches!(event, Ok(Some(Event::Close(Some(received)))) if received == code));
    assert_eq!(server.close(code, CloseReason::EMPTY, &mut out), Ok(()));
    assert_eq!(out, b"\x88\x02\x03\xf2");
}
