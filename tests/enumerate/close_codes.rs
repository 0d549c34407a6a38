//! Close: all 65,536 codes, in both directions, with bodies of all lengths that matter.

use ws_proto::{CloseCode, CloseReason, FixedBuf, Input};

use ws_proto_suite::{CLOSE, Endpoint, Side, frame, parse_output};

/// RFC 6455 7.4 and IANA's registry as of 2026: what an endpoint may put into a Close frame.
fn reference(code: u16) -> bool {
    let registered = [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
    ];
    registered.contains(&code) || code / 1000 == 3 || code / 1000 == 4
}

#[test]
fn all_codes_in_bodies_of_all_lengths_are_judged_as_received() {
    let mut count = 0;
    for side in Side::BOTH {
        for code in 0..=u16::MAX {
            for len in [0, 1, 2, 3, 125] {
                let mut body = code.to_be_bytes().to_vec();
                body.resize(125, b'r');
                body.truncate(len);
                let mut endpoint = Endpoint::new(side);
                let mut bytes = frame(side, CLOSE, &body);
                let mut out = FixedBuf::<256>::new();
                let emitted = endpoint.receive(&mut Input::new(&mut bytes), &mut out);
                let emitted = emitted.map(|event| event.is_some());
                let expected = match len {
                    0 => Some(None),
                    1 => None,
                    _ => reference(code).then_some(Some(code)),
                };
                let answer = parse_output(side, out.pending());
                assert_eq!(answer.len(), 1);
                if let Some(code) = expected {
                    assert_eq!(emitted, Ok(true), "{code:?} {len}");
                    assert_eq!(endpoint.close_code(), code);
                    assert_eq!(endpoint.close_reason().len(), len.saturating_sub(2));
                    assert_eq!(answer[0].close_code(), code);
                    assert!(endpoint.receive_eof().is_ok());
                } else {
                    let error = emitted.expect_err("a bad code");
                    assert_eq!(error.close_code(), Some(CloseCode::PROTOCOL_ERROR));
                    assert_eq!(answer[0].close_code(), Some(1002), "{code} is not echoed");
                    assert_eq!(endpoint.close_code(), None);
                    assert!(endpoint.receive_eof().is_err());
                }
                count += 1;
            }
        }
    }
    crate::report("Close frames received", count);
}

#[test]
fn all_codes_that_may_be_sent_are_sent_as_they_are_and_no_others() {
    let mut count = 0;
    for side in Side::BOTH {
        for code in 0..=u16::MAX {
            count += 1;
            assert_eq!(CloseCode::new(code).is_some(), reference(code));
            if !reference(code) {
                continue;
            }
            for len in [0, 1, 123] {
                let reason = "r".repeat(len);
                assert!(CloseReason::new(&reason).is_ok());
                let mut endpoint = Endpoint::new(side);
                let mut out = FixedBuf::<256>::new();
                let sent = endpoint.close(code, &reason, &mut out);
                // RFC 6455 7.4.1: 1010 is the client's to send.
                if side == Side::Server && code == 1010 {
                    assert!(sent.is_err() && out.is_empty() && endpoint.can_send());
                    continue;
                }
                assert_eq!(sent, Ok(()));
                let frames = parse_output(side, out.pending());
                assert_eq!(frames.len(), 1);
                assert_eq!(frames[0].first, CLOSE);
                assert_eq!(frames[0].payload[..2], code.to_be_bytes());
                assert_eq!(frames[0].payload[2..], *reason.as_bytes());
                assert!(!endpoint.can_send());
            }
        }
    }
    crate::report("close codes to send", count);
}
