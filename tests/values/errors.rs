//! Errors as values: fixed printable texts, a close code, and the section that was broken.

use core::error::Error;
use std::collections::HashSet;

use ws_proto::close::InvalidCloseCode;
use ws_proto::extension::DecodeError;
use ws_proto::handshake::{HandshakeError, HeadError, RequestError};
use ws_proto::utf8::InvalidUtf8;
use ws_proto::{
    AssembleError, CapacityError, Config, Connection, Input, Negotiated, ProtocolError,
    ReceiveError, SendError, TimedOut, TooLong, UnexpectedEof, WebSocketError,
};
use ws_proto_suite::*;

/// Every fault of the peer's: the bytes that show it to a server without limits but those of
/// `limits`, the close code and the section.
fn faults() -> Vec<(ProtocolError, Vec<u8>, u16, &'static str)> {
    use ProtocolError as P;

    let side = Side::Server;
    let open = || frame(side, TEXT, b"x");
    let then = |first: u8| [open(), frame(side, first, b"")].concat();
    vec![
        (
            P::CloseBodyTooShort,
            frame(side, CLOSE, b"x"),
            1002,
            "RFC 6455 5.5.1",
        ),
        (
            P::CloseCodeInvalid,
            frame(side, CLOSE, &[0, 0]),
            1002,
            "RFC 6455 7.4",
        ),
        (
            P::CloseReasonNotUtf8,
            frame(side, CLOSE, &[3, 232, 255]),
            1007,
            "RFC 6455 8.1",
        ),
        (P::ContinuationUnexpected, vec![0x80], 1002, "RFC 6455 5.4"),
        (P::ControlFragmented, vec![0x09], 1002, "RFC 6455 5.5"),
        (P::ControlTooLong, vec![0x89, 0xfe], 1002, "RFC 6455 5.5"),
        (
            P::FrameTooBig,
            header(side, FIN | BINARY, 21),
            1009,
            "RFC 6455 10.4",
        ),
        (
            P::LengthNotMinimal,
            vec![0x82, 0xfe, 0, 5],
            1002,
            "RFC 6455 5.2",
        ),
        (
            P::LengthTopBit,
            header(side, FIN | BINARY, 1 << 63),
            1002,
            "RFC 6455 5.2",
        ),
        (P::MaskMissing, vec![0x82, 0x01], 1002, "RFC 6455 5.1"),
        (
            P::MessageInterleaved,
            then(FIN | TEXT),
            1002,
            "RFC 6455 5.4",
        ),
        (
            P::MessageTooBig,
            header(side, FIN | BINARY, 11),
            1009,
            "RFC 6455 10.4",
        ),
        (P::OpcodeReserved, vec![0x83], 1002, "RFC 6455 5.2"),
        (P::ReservedBitSet, vec![0xc1], 1002, "RFC 6455 5.2"),
        (
            P::TextNotUtf8,
            frame(side, FIN | TEXT, b"\xff"),
            1007,
            "RFC 6455 8.1",
        ),
        (
            P::TooManyFragments,
            [then(CONTINUATION), frame(side, CONTINUATION, b"")].concat(),
            1009,
            "RFC 6455 10.4",
        ),
    ]
}

fn limits() -> Config {
    Config::new().max_frame(20).max_message(10).max_fragments(2)
}

#[test]
fn every_fault_has_its_error_code_and_section() {
    for (error, bytes, code, section) in faults() {
        let mut endpoint = Endpoint::configured(Side::Server, limits());
        let trace = run(&mut endpoint, &bytes);
        assert_eq!(trace.error, Some(error));
        let again = endpoint.receive(&mut Input::default(), &mut Vec::new());
        let again = again.map(|event| event.is_some());
        assert_eq!(again, Err(error.into()), "it stays");
        assert_eq!(
            (error.close_code().as_u16(), error.section()),
            (code, section),
            "{error:?}"
        );
        let written = parse_output(Side::Server, &trace.output);
        assert_eq!(
            (written.len(), written[0].close_code()),
            (1, Some(code)),
            "{error:?}"
        );
    }
    let masked = frame(Side::Server, FIN | TEXT, b"to a client");
    let error = run(&mut Endpoint::new(Side::Client), &masked).error;
    // shows: RFC6455-5.1-06
    assert_eq!(error, Some(ProtocolError::MaskUnexpected));
    assert_eq!(ProtocolError::MaskUnexpected.section(), "RFC 6455 5.1");
}

#[test]
fn messages_are_short_printable_and_distinct() {
    let mut errors: Vec<Box<dyn Error>> = vec![
        Box::new(ProtocolError::MaskUnexpected),
        Box::new(SendError::Closed),
        Box::new(SendError::CodeForClients),
        Box::new(SendError::MessageOpen),
        Box::new(SendError::NoMaskKey),
        Box::new(SendError::OutputFull),
        Box::new(SendError::ReservedBits),
        Box::new(ReceiveError::OutputFull),
        Box::new(ReceiveError::Protocol(ProtocolError::MaskMissing)),
        Box::new(WebSocketError::OutputFull),
        Box::new(WebSocketError::Protocol(ProtocolError::OpcodeReserved)),
        Box::new(WebSocketError::Assemble(AssembleError::TooBig)),
        Box::new(RequestError::Accepted),
        Box::new(RequestError::Failed(HandshakeError::VersionUnsupported)),
        Box::new(RequestError::OutputFull),
        Box::new(HeadError::StorageFull),
        Box::new(HeadError::TooManyExtensions),
        Box::new(TimedOut::Drain),
        Box::new(TimedOut::Close),
        Box::new(TimedOut::Eof),
        Box::new(TimedOut::Handshake),
        Box::new(TimedOut::Pong),
        Box::new(UnexpectedEof),
        Box::new(CapacityError),
        Box::new(TooLong {
            len: usize::MAX,
            max: 125,
        }),
        Box::new(InvalidCloseCode(1005)),
        Box::new(InvalidUtf8),
        Box::new(AssembleError::Capacity),
        Box::new(AssembleError::TextNotUtf8),
        Box::new(DecodeError::Capacity),
        Box::new(DecodeError::Invalid),
        Box::new(DecodeError::TooBig),
        Box::new(DecodeError::Unsupported),
    ];
    for (error, ..) in faults() {
        errors.push(Box::new(error));
    }
    let mut seen = HashSet::new();
    for error in errors {
        let text = error.to_string();
        assert!((5..=80).contains(&text.len()), "{text}");
        assert!(
            text.bytes().all(|byte| matches!(byte, b' '..=b'~')),
            "{text}"
        );
        assert!(!text.ends_with('.'), "{text}");
        let debug = format!("{error:?}");
        assert!(seen.insert(debug.clone() + &text), "{debug}");
    }
}

/// Only a fault has a code for the peer: a full output is none.
#[test]
fn a_full_output_has_no_close_code() {
    let fault = ProtocolError::MaskMissing;
    assert_eq!(ReceiveError::OutputFull.close_code(), None);
    assert_eq!(
        ReceiveError::from(fault).close_code(),
        Some(fault.close_code())
    );
    assert_eq!(WebSocketError::OutputFull.close_code(), None);
    assert_eq!(
        WebSocketError::from(fault).close_code(),
        Some(fault.close_code())
    );
}

#[test]
fn debugging_a_connection_shows_no_keys_and_no_payload() {
    let mut client = Connection::client(Negotiated::new(), Config::new(), Keys::default());
    client.ping(b"payload", &mut Vec::new()).unwrap();
    let shown = format!("{client:?}");
    assert!(
        !shown.contains("drawn") && !shown.contains("payload"),
        "{shown}"
    );
}
