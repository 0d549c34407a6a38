//! Contract 11: a `SendError` leaves state and sink unchanged. Of two equal connections one makes
//! the failing call; after it they cannot be distinguished.

use ws_proto::frame::Rsv;
use ws_proto::{Config, Fin, Kind, Negotiated, SendError};
use ws_proto_suite::*;

/// What brings a connection into a state, by name.
const STATES: [&str; 7] = [
    "new",
    "text open",
    "binary open",
    "extended open",
    "closing",
    "close received",
    "eof",
];

fn in_state(side: Side, state: &str) -> Endpoint {
    let negotiated = Negotiated::new().with_rsv(Rsv::RSV1 | Rsv::RSV2);
    let mut endpoint = Endpoint::with(side, negotiated, Config::new().manual_close(true));
    let out = &mut Vec::new();
    match state {
        "new" => Ok(()),
        "text open" => endpoint.send_text_part("a", Fin::No, out),
        "binary open" => endpoint.send_binary_part(b"a", Fin::No, out),
        "extended open" => endpoint.send_extended(Kind::Text, Rsv::RSV1, b"a", Fin::No, out),
        "closing" => endpoint.close(1000, "", out),
        "close received" => {
            run(&mut endpoint, &frame(side, CLOSE, b""));
            Ok(())
        }
        "eof" => {
            let _ = endpoint.receive_eof();
            Ok(())
        }
        _ => panic!("no such state: {state}"),
    }
    .expect("the state can be reached");
    endpoint
}

/// All that two connections could differ in: what calls give, write and lead to.
fn behaviour(mut endpoint: Endpoint) -> Vec<String> {
    let side = endpoint.side;
    let mut seen = vec![format!(
        "{:?} {}",
        endpoint.transport(),
        endpoint.can_send()
    )];
    let mut calls = Call::all(5);
    calls.rotate_right(2); // Close last
    calls.extend([
        Call::Extended(Kind::Text, Rsv::RSV1, vec![1], Fin::Yes),
        Call::BinaryPart(vec![1], Fin::Yes),
        Call::TextPart("t".into(), Fin::Yes),
    ]);
    calls.rotate_right(3);
    for call in calls {
        seen.push(format!("{call:?} {:?}", call.wire(&mut endpoint)));
    }
    let mut out = Vec::new();
    seen.push(format!(
        "{:?} {:?}",
        endpoint.tick(0, &mut out),
        endpoint.tick(99_999, &mut out)
    ));
    let peers = [frame(side, PING, b"?"), frame(side, CLOSE, b"")].concat();
    seen.push(format!(
        "{:?} {}",
        run(&mut endpoint, &peers),
        endpoint.keys.drawn()
    ));
    seen
}

/// Checks that `call` fails with `error` on a connection in `state`, and changes nothing.
fn assert_unchanged(side: Side, state: &str, call: &Call, room: usize, error: SendError) {
    let name = format!("{side:?}, {state}, {call:?}, room {room}");
    let mut tried = in_state(side, state);
    let mut out = Bounded::new(room);
    assert_eq!(call.make(&mut tried, &mut out), Err(error), "{name}");
    assert!(out.pending().is_empty(), "{name}");
    assert_eq!(behaviour(tried), behaviour(in_state(side, state)), "{name}");
}

#[test]
fn the_states_behave_differently() {
    for side in Side::BOTH {
        for (n, one) in STATES.iter().enumerate() {
            for other in &STATES[..n] {
                let (one, other) = (in_state(side, one), in_state(side, other));
                assert_ne!(behaviour(one), behaviour(other));
            }
        }
    }
}

#[test]
fn any_lack_of_room_changes_nothing() {
    for side in Side::BOTH {
        for state in STATES {
            for len in [0, 1, 125, 126, 127, 300] {
                for call in Call::all(len) {
                    let mut out = Vec::new();
                    if call.make(&mut in_state(side, state), &mut out).is_err() || out.is_empty() {
                        continue;
                    }
                    for room in [0, 1, out.len() / 2, out.len() - 1] {
                        assert_unchanged(side, state, &call, room, SendError::OutputFull);
                    }
                    let mut exact = Bounded::new(out.len());
                    assert!(call.make(&mut in_state(side, state), &mut exact).is_ok());
                    assert_eq!(exact.pending(), out);
                }
            }
        }
    }
}

#[test]
fn another_message_while_one_is_open_changes_nothing() {
    for side in Side::BOTH {
        for (state, fits) in [
            ("text open", Call::TextPart(String::new(), Fin::Yes)),
            ("binary open", Call::BinaryPart(vec![], Fin::Yes)),
            (
                "extended open",
                Call::Extended(Kind::Text, Rsv::RSV1, vec![], Fin::Yes),
            ),
        ] {
            let mut calls = vec![
                Call::Text("t".into()),
                Call::Binary(vec![1]),
                Call::Extended(Kind::Binary, Rsv::RSV1, vec![], Fin::Yes),
                Call::Extended(Kind::Text, Rsv::RSV2, vec![], Fin::Yes),
                Call::Extended(Kind::Text, Rsv::RSV1 | Rsv::RSV2, vec![], Fin::Yes),
            ];
            if state != "text open" {
                calls.push(Call::TextPart("t".into(), Fin::No));
                calls.push(Call::FrameTextPart("t".into(), Fin::Yes));
            }
            if state != "binary open" {
                calls.push(Call::BinaryPart(vec![1], Fin::No));
                calls.push(Call::FrameBinaryPart(vec![1], Fin::Yes));
            }
            for call in calls {
                // shows: RFC6455-5.4-08
                assert_unchanged(side, state, &call, 1000, SendError::MessageOpen);
            }
            assert!(fits.wire(&mut in_state(side, state)).is_ok());
        }
    }
}

#[test]
fn sending_after_the_end_changes_nothing() {
    for side in Side::BOTH {
        for state in ["closing", "close received", "eof"] {
            for mut call in Call::all(3) {
                let refused = match state {
                    "closing" => call.is_data(),
                    "close received" => matches!(call, Call::Ping(_) | Call::Pong(_)),
                    _ => true,
                };
                if let Call::TextPart(_, fin) | Call::FrameTextPart(_, fin) = &mut call {
                    *fin = Fin::Yes;
                }
                if refused {
                    assert_unchanged(side, state, &call, 1000, SendError::Closed);
                }
            }
        }
    }
}

#[test]
fn wrong_bits_and_codes_change_nothing() {
    for side in Side::BOTH {
        for state in STATES {
            for rsv in [Rsv::NONE, Rsv::RSV3, Rsv::RSV1 | Rsv::RSV3] {
                let call = Call::Extended(Kind::Text, rsv, vec![1], Fin::Yes);
                assert_unchanged(side, state, &call, 1000, SendError::ReservedBits);
            }
        }
    }
    let call = Call::Close(1010, String::new());
    assert_unchanged(Side::Server, "new", &call, 1000, SendError::CodeForClients);
    assert!(call.wire(&mut in_state(Side::Client, "new")).is_ok());
}

#[test]
fn a_missing_key_changes_nothing() {
    for state in [
        "new",
        "text open",
        "binary open",
        "closing",
        "close received",
    ] {
        for call in Call::all(3) {
            let mut client = in_state(Side::Client, state);
            let sends = call
                .wire(&mut in_state(Side::Client, state))
                .is_ok_and(|w| !w.is_empty());
            client.keys.set_dry(true);
            let mut out = Vec::new();
            let result = call.make(&mut client, &mut out);
            assert!(out.is_empty());
            if sends {
                assert_eq!(result, Err(SendError::NoMaskKey), "{state}, {call:?}");
            }
            client.keys.set_dry(false);
            assert_eq!(
                behaviour(client),
                behaviour(in_state(Side::Client, state)),
                "{call:?}"
            );
        }
    }
}
