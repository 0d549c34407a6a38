//! Settings, parameters and codecs of permessage-deflate: their bounds, and their description of
//! themselves.
#![cfg(feature = "deflate")]

use ws_proto::extension::deflate::{Deflate, DeflateParams, DeflatePool, Inflated};
use ws_proto::extension::{Decode, DecodeError};
use ws_proto::frame::Rsv;
use ws_proto::handshake::{Extensions, HandshakeError, Headers, Upgrade};
use ws_proto::{
    AssembleError, Assembler, CloseCode, Config, Connection, Extended, Fin, Input, Kind,
    Negotiated, Server, WebSocket, WebSocketError,
};
use ws_proto_suite::{BINARY, FIN, Lack, Room, Side, TEXT, frame};

const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

/// "Hello" again, out of the window.
const AGAIN: [u8; 5] = [0xf2, 0x00, 0x11, 0x00, 0x00];

fn hello(data: &mut [u8], rsv: Rsv) -> Extended<'_> {
    Extended {
        kind: Kind::Text,
        rsv,
        data,
        first: true,
        last: true,
    }
}

#[test]
fn settings_out_of_range_are_the_nearest_in_range() {
    for (given, window) in [(0, "8"), (7, "8"), (8, "8"), (14, "14")] {
        let deflate = Deflate::new()
            .server_window_bits(given)
            .client_window_bits(given);
        let offer = deflate.offer();
        let shown = format!("{:?}", offer.extension());
        assert!(shown.contains(&format!("{window:?}")), "{given}: {shown}");
    }
    let none = Deflate::new()
        .server_window_bits(16)
        .client_window_bits(255);
    let all = Deflate::new();
    assert_eq!(format!("{none:?}"), format!("{all:?}"));
    let (one, other) = (all.level(200).mem_level(0), none.level(9).mem_level(1));
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
}

#[test]
fn parameters_out_of_range_are_none() {
    let params = DeflateParams::default();
    assert_eq!(params, DeflateParams::new());
    for bits in 0..=255 {
        let server = params.with_server_window_bits(bits);
        let client = params.with_client_window_bits(bits);
        let valid = (8..=15).contains(&bits).then_some(bits);
        assert_eq!(server.map(|params| params.server_window_bits()), valid);
        assert_eq!(client.map(|params| params.client_window_bits()), valid);
    }
}

/// What a handshake made elsewhere may hand over, `answered` looks at by itself.
#[test]
fn an_answer_that_is_none_is_refused_without_a_handshake_too() {
    let answered = |deflate: &Deflate, answer: &str| {
        let fields: [(&str, &[u8]); 6] = [
            ("Host", b"h"),
            ("Upgrade", b"websocket"),
            ("Connection", b"Upgrade"),
            ("Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
            ("Sec-WebSocket-Version", b"13"),
            ("Sec-WebSocket-Extensions", answer.as_bytes()),
        ];
        let upgrade = Upgrade::from_headers("GET", "/", &fields).expect("a request");
        let beside = deflate.answered_beside(upgrade.extensions(), &["x"]);
        let answered = deflate.answered(upgrade.extensions());
        if !answer.contains("x,") {
            assert_eq!(answered, beside, "{answer}");
        }
        answered
    };
    let deflate = Deflate::new().server_takeover(false);
    let foreign = Err(HandshakeError::ExtensionNotOffered);
    let agreed = DeflateParams::new().with_server_takeover(false);
    for (answer, expected) in [
        ("x, permessage-deflate", foreign),
        ("x-evil", foreign),
        (
            "x-evil, permessage-deflate; server_no_context_takeover",
            foreign,
        ),
        (
            "permessage-deflate; server_no_context_takeover, x-evil",
            foreign,
        ),
        (
            "permessage-deflate; server_no_context_takeover",
            Ok(Some(agreed)),
        ),
        // What Tornado and Mojolicious answer.
        (
            "permessage-deflate",
            Err(HandshakeError::ExtensionParamMissing),
        ),
        (
            "permessage-deflate; server_no_context_takeover; unknown",
            Err(HandshakeError::ExtensionParamNotOffered),
        ),
        (
            "permessage-deflate; server_no_context_takeover, permessage-deflate",
            Err(HandshakeError::ExtensionRepeated),
        ),
    ] {
        assert_eq!(answered(&deflate, answer), expected, "{answer}");
    }
}

/// A client can have offered other extensions too.
#[test]
fn an_answer_may_name_other_extensions_that_were_offered() {
    let field: [(&str, &[u8]); 1] = [("Sec-WebSocket-Extensions", b"x, permessage-deflate, y")];
    let extensions = Extensions::parse(&Headers::from_slice(&field)).expect("a list");
    let deflate = Deflate::new();
    let agreed = Ok(Some(DeflateParams::new()));
    assert_eq!(
        deflate.answered_beside(extensions.clone(), &["x", "y"]),
        agreed
    );
    for others in [&["x"][..], &["y"], &[]] {
        let answered = deflate.answered_beside(extensions.clone(), others);
        assert_eq!(answered, Err(HandshakeError::ExtensionNotOffered));
    }
    let none = Extensions::parse(&Headers::from_slice(&[])).expect("no field");
    assert_eq!(deflate.answered(none), Ok(None));
}

#[test]
fn messages_with_other_bits_are_not_for_this_decoder() {
    for rsv in [Rsv::RSV2, Rsv::RSV1 | Rsv::RSV2] {
        let (_, mut decoder) = Deflate::new().client(DeflateParams::new());
        let mut data = HELLO;
        let decoded = decoder.decode(hello(&mut data, rsv), 100, &mut Vec::new());
        assert_eq!(decoded, Err(DecodeError::Unsupported));
        let mut data = HELLO;
        let mut inflating = decoder.inflate(hello(&mut data, rsv));
        assert_eq!(inflating.next_piece(), Err(DecodeError::Unsupported));
        drop(inflating);
        // Nothing of it has reached the window.
        let mut data = HELLO;
        let mut inflating = decoder.inflate(hello(&mut data, Rsv::RSV1));
        let piece = inflating.next_piece();
        assert!(matches!(piece, Ok(Some(Inflated::Text(text))) if text.body == "Hello"));
    }
}

/// Memory that cannot be allocated at some store: the message is lost or it is there, and no later one
/// is made of a window that misses something.
#[test]
fn a_storage_that_fails_at_any_store_costs_the_connection_or_nothing() {
    let mut runs = 0;
    for side in Side::BOTH {
        let long = [0xaa, 0x1a, 0x05, 0x00, 0x00]; // 259 times the same byte
        let wire = [
            frame(side, FIN | 0x40 | TEXT, &HELLO),
            frame(side, 0x40 | TEXT, &AGAIN[..2]),
            frame(side, FIN, &AGAIN[2..]),
            frame(side, TEXT, b"pla"),
            frame(side, FIN, b"in"),
            frame(side, FIN | 0x40 | TEXT, &long),
            frame(side, FIN | 0x40 | TEXT, &AGAIN),
        ]
        .concat();
        for size in [1, 3, wire.len()] {
            let expected = emitted(side, &wire, size, Lack::Never).0;
            assert_eq!(expected.len(), 5);
            assert!(expected.iter().all(Result::is_ok), "{expected:?}");
            for lack in [Lack::At, Lack::From] {
                for n in 0.. {
                    let (emitted, failed) = emitted(side, &wire, size, lack(n));
                    runs += 1;
                    if failed == 0 {
                        break;
                    }
                    let right = emitted
                        .iter()
                        .zip(&expected)
                        .filter(|(a, b)| a == b)
                        .count();
                    let lost = emitted.iter().filter(|one| one.is_err()).count();
                    assert_eq!(right + lost, expected.len(), "{emitted:?}");
                    let capacity = Err(AssembleError::Capacity);
                    assert!(lost == emitted.iter().filter(|one| **one == capacity).count());
                    if lack(n) == Lack::From(0) {
                        // The plain one may have been read as a whole, and stays where it is.
                        let whole = usize::from(size == wire.len());
                        assert_eq!(lost + whole, expected.len(), "nothing can be stored");
                    }
                }
            }
        }
    }
    println!("{runs} runs");
    assert!(runs > 100, "{runs}");
}

type Emitted = Vec<Result<String, AssembleError>>;

fn emitted(side: Side, wire: &[u8], size: usize, lack: Lack) -> (Emitted, usize) {
    let params = DeflateParams::new();
    let deflate = Deflate::new();
    let mut endpoint = ws_proto_suite::Endpoint::with(side, params.negotiated(), Config::new());
    let (_, decoder) = match side {
        Side::Server => deflate.server(params),
        Side::Client => deflate.client(params),
    };
    let mut assembler = Assembler::with_extension(Room::new(1000, lack), 1000, decoder);
    let mut emitted = Vec::new();
    for piece in wire.chunks(size) {
        let mut piece = piece.to_vec();
        let mut input = Input::new(&mut piece);
        while let Some(event) = endpoint
            .receive(&mut input, &mut Vec::new())
            .expect("legal frames")
        {
            match assembler.push(event) {
                Ok(None) => {}
                Ok(Some(message)) => {
                    emitted.push(Ok(String::from_utf8_lossy(message.as_bytes()).into_owned()));
                }
                Err(error) => emitted.push(Err(error)),
            }
        }
    }
    (emitted, assembler.storage().failed)
}

/// Once a text has turned out not to be one, the rest of it is not inflated. The window is lost, and
/// no later message is made of other bytes there.
#[test]
fn behind_a_text_that_was_given_up_nothing_is_inflated() {
    for side in Side::BOTH {
        // A stored block of a byte that is no text, and the block that "Hello" is in.
        let bad = [0x00, 0x01, 0x00, 0xfe, 0xff, 0xff];
        let wire = [
            frame(side, FIN | 0x40 | TEXT, &HELLO),
            frame(side, 0x40 | TEXT, &bad),
            frame(side, 0, &HELLO[..4]),
            frame(side, FIN, &HELLO[4..]),
            frame(side, FIN | 0x40 | BINARY, &AGAIN),
            frame(side, FIN | TEXT, b"plain"),
        ]
        .concat();
        for size in [1, wire.len()] {
            let (emitted, _) = emitted(side, &wire, size, Lack::Never);
            assert_eq!(emitted.len(), 4, "{emitted:?}");
            assert_eq!(emitted[0], Ok("Hello".to_owned()));
            assert_eq!(emitted[1], Err(AssembleError::TextNotUtf8));
            assert!(emitted[2].is_err(), "made of another window: {emitted:?}");
            assert_eq!(emitted[3], Ok("plain".to_owned()));
        }
    }
}

#[test]
fn a_web_socket_refuses_compressed_text_that_is_none() {
    let params = DeflateParams::new();
    for (name, payload) in [
        ("no text", [0x00, 0x01, 0x00, 0xfe, 0xff, 0xff, 0x00]),
        ("cut off", [0x00, 0x01, 0x00, 0xfe, 0xff, 0xe2, 0x00]),
    ] {
        let mut server = WebSocket::server(params.negotiated(), Config::new())
            .with_deflate(&Deflate::new(), params);
        let wire = frame(Side::Server, FIN | 0x40 | TEXT, &payload);
        server.read_buf(wire.len())[..wire.len()].copy_from_slice(&wire);
        server.advance(wire.len());
        let error = WebSocketError::Assemble(AssembleError::TextNotUtf8);
        for _ in 0..2 {
            assert_eq!(server.next_message().err(), Some(error), "{name}");
        }
        assert_eq!(error.close_code(), Some(CloseCode::INVALID_PAYLOAD));
        assert_eq!(server.pending(), b"\x88\x02\x03\xef", "{name}");
    }
}

#[test]
fn what_was_not_negotiated_is_not_compressed() {
    let (mut encoder, _) = Deflate::new().threshold(0).server(DeflateParams::new());
    let mut plain = Connection::server(Negotiated::new(), Config::new());
    let mut out = Vec::new();
    for fin in [Fin::No, Fin::Yes] {
        encoder
            .send_text_part(&mut plain, "Hello", fin, &mut out)
            .expect("a part");
    }
    assert_eq!(out, b"\x01\x05Hello\x80\x05Hello");
}

/// From one message to the next, with the socket as with what sends on it.
#[test]
fn compression_can_be_switched_off_and_on() {
    let params = DeflateParams::new();
    let mut socket = WebSocket::server(params.negotiated(), Config::new())
        .with_deflate(&Deflate::new().threshold(0), params);
    let mut first_byte = |switch: &dyn Fn(&mut WebSocket<Server>)| {
        switch(&mut socket);
        socket.sender().send_text("Hello").unwrap();
        let first = socket.pending()[0];
        socket.consume(usize::MAX);
        first
    };
    let (compressed, plain) = (0xc1, 0x81);
    assert_eq!(first_byte(&|_| {}), compressed);
    assert_eq!(
        first_byte(&|socket| socket.sender().set_compressing(false)),
        plain
    );
    assert_eq!(first_byte(&|_| {}), plain);
    assert_eq!(
        first_byte(&|socket| socket.sender().set_compressing(true)),
        compressed
    );
    assert_eq!(first_byte(&|socket| socket.set_compressing(false)), plain);
    assert_eq!(
        first_byte(&|socket| socket.set_compressing(true)),
        compressed
    );
}

/// A pool keeps no more than it may, however many codecs come back to it.
#[test]
fn a_pool_is_bounded() {
    for most in [0, 1, 3] {
        let pool = DeflatePool::new(most);
        let params = DeflateParams::new()
            .with_server_takeover(false)
            .with_client_takeover(false);
        let deflate = Deflate::new().threshold(0).pool(&pool);
        let codecs: Vec<_> = (0..4).map(|_| deflate.server(params)).collect();
        let mut codecs: Vec<_> = codecs
            .into_iter()
            .map(|(encoder, decoder)| {
                let connection = Connection::server(params.negotiated(), Config::new());
                (encoder, decoder, connection)
            })
            .collect();
        // All of them are in the middle of a message, and then none is.
        for (n, last) in [(0, false), (4, true)] {
            for (encoder, decoder, connection) in &mut codecs {
                let fin = if last { Fin::Yes } else { Fin::No };
                encoder
                    .send_text_part(connection, "Hello", fin, &mut Vec::new())
                    .expect("a part");
                let mut data = HELLO;
                let (front, back) = data.split_at_mut(3);
                let piece = Extended {
                    first: !last,
                    last,
                    ..hello(if last { back } else { front }, Rsv::RSV1)
                };
                decoder
                    .decode(piece, 100, &mut Vec::new())
                    .expect("a piece");
            }
            let idle = most.min(n);
            assert_eq!(
                format!("{pool:?}"),
                format!("DeflatePool {{ most: {most}, inflaters: {idle}, deflaters: {idle} }}")
            );
        }
        pool.release();
        assert!(format!("{pool:?}").ends_with("inflaters: 0, deflaters: 0 }"));
    }
}

#[test]
fn debug_output_shows_no_messages() {
    let deflate = Deflate::default();
    assert_eq!(format!("{deflate:?}"), format!("{:?}", Deflate::new()));
    let (mut encoder, mut decoder) = deflate.server(DeflateParams::new());
    let mut connection = Connection::server(DeflateParams::new().negotiated(), Config::new());
    let mut secret = Vec::new();
    encoder
        .send_text_part(&mut connection, "secret", Fin::No, &mut secret)
        .expect("there is room");
    let mut secret = secret.split_off(2);
    let inflating = decoder.inflate(hello(&mut secret, Rsv::RSV1));
    let shown = format!("{encoder:?} {inflating:?}");
    drop(inflating);
    let shown = shown + &format!(" {decoder:?}");
    for name in ["DeflateEncoder {", "Inflating {", "DeflateDecoder {"] {
        assert!(shown.contains(name), "{shown}");
    }
    assert!(!shown.contains("secret") && !shown.contains("115, 101"));
}
