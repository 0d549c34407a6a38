//! What each answer of `Connection::receive` means: with the loop that a driver is most likely to write,
//! no byte is lost without an error, whatever the size of the output.

use ws_proto::{Event, FixedBuf, Input, MAX_CONTROL_FRAME, Output, ReceiveError};
use ws_proto_suite::*;

/// Ten Pings and a text.
fn wire(side: Side) -> Vec<u8> {
    let mut wire = frame(side, PING, &[b'p'; 100]).repeat(10);
    wire.extend(frame(side, FIN | TEXT, b"after"));
    wire
}

/// The loop that ends at `Ok(None)` and at an error.
fn read<O: Output>(
    endpoint: &mut Endpoint,
    input: &mut Input<'_>,
    out: &mut O,
    texts: &mut Vec<String>,
) -> Result<(), ReceiveError> {
    while let Some(event) = endpoint.receive(input, out)? {
        if let Event::Text(text) = event {
            texts.push(text.body.to_owned());
        }
    }
    Ok(())
}

#[test]
fn a_full_output_is_an_error_and_not_the_end_of_the_input() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::new(side);
        let (mut bytes, mut texts) = (wire(side), Vec::new());
        let mut input = Input::new(&mut bytes);
        let mut out = FixedBuf::<512>::new();
        let ended = read(&mut endpoint, &mut input, &mut out, &mut texts);
        assert_eq!(
            ended,
            Err(ReceiveError::OutputFull),
            "{} bytes are left",
            input.len()
        );
        assert!(!input.is_empty());
        while read(&mut endpoint, &mut input, &mut out, &mut texts).is_err() {
            out.clear();
        }
        assert_eq!(texts, ["after"]);
        assert!(input.is_empty());
    }
}

/// `OutputFull` changes nothing: not the input, not the output, not the connection.
#[test]
fn a_full_output_changes_nothing() {
    for side in Side::BOTH {
        for room in 0..MAX_CONTROL_FRAME {
            let mut endpoint = Endpoint::new(side);
            let mut bytes = wire(side);
            let mut input = Input::new(&mut bytes);
            let mut full = Bounded::new(room);
            for _ in 0..3 {
                let error = endpoint.receive(&mut input, &mut full).unwrap_err();
                assert_eq!(error, ReceiveError::OutputFull);
                assert_eq!((error.protocol(), error.close_code()), (None, None));
            }
            assert_eq!(input.bytes(), wire(side));
            assert!(full.pending().is_empty());
            assert!(endpoint.can_send());
        }
    }
}

/// Without input there is nothing to wait for: a full output is of no interest.
#[test]
fn without_input_the_answer_is_none_or_the_fault() {
    for side in Side::BOTH {
        for bytes in [
            vec![],
            frame(side, FIN | TEXT, b"text")[..3].to_vec(),
            frame(side, CLOSE, &close_body(1000, b"")),
        ] {
            let mut endpoint = Endpoint::new(side);
            let _ = drive(&mut endpoint, &[bytes]);
            let mut full = Bounded::new(0);
            let answer = endpoint.receive(&mut Input::default(), &mut full);
            assert!(matches!(answer, Ok(None)));
        }
        let mut endpoint = Endpoint::new(side);
        let error = drive(&mut endpoint, &[vec![0x83, 0x00]])
            .error
            .map(ReceiveError::from);
        for mut bytes in [vec![], vec![0x89, 0x00]] {
            let mut input = Input::new(&mut bytes);
            let answer = endpoint.receive(&mut input, &mut Bounded::new(0));
            assert_eq!(answer.err(), error, "a failed connection says so for ever");
            assert!(input.is_empty());
        }
    }
}

/// After the peer's Close all input is discarded; that needs no room.
#[test]
fn after_the_peers_close_a_full_output_does_not_matter() {
    for side in Side::BOTH {
        let mut endpoint = Endpoint::new(side);
        let _ = run(&mut endpoint, &frame(side, CLOSE, b""));
        let mut bytes = wire(side);
        let mut input = Input::new(&mut bytes);
        let answer = endpoint.receive(&mut input, &mut Bounded::new(0));
        assert!(matches!(answer, Ok(None)) && input.is_empty());
    }
}

/// The sink is full after every byte in turn: the trace is that of an endless one.
#[test]
fn a_sink_that_fills_at_every_byte_loses_nothing() {
    for side in Side::BOTH {
        let whole = [
            wire(side),
            frame(side, TEXT, "h\u{e9}".as_bytes()),
            frame(side, PING, b"between"),
            frame(side, FIN | CONTINUATION, b"!"),
            frame(side, CLOSE, &close_body(1000, b"bye")),
        ]
        .concat();
        let expected = run(&mut Endpoint::new(side), &whole);
        for room in MAX_CONTROL_FRAME..3 * MAX_CONTROL_FRAME {
            for step in [1, 7, usize::MAX] {
                let mut sink = Bounded::new(room);
                let trace = drive_with(
                    &mut Endpoint::new(side),
                    std::slice::from_ref(&whole),
                    &mut sink,
                    step,
                );
                assert_eq!(trace, expected, "room {room}, drained by {step}");
            }
        }
    }
}
