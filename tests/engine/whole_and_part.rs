//! A whole message and a part are different calls: none can be taken for the other, also without copies.

use ws_proto::{Config, Connection, Fin, Kind, Negotiated, SendError};
use ws_proto_suite::call::Call;
use ws_proto_suite::*;

fn whole(kind: Kind) -> [Call; 2] {
    match kind {
        Kind::Text => [Call::Text("whole".into()), Call::FrameText("whole".into())],
        Kind::Binary => [
            Call::Binary(b"whole".to_vec()),
            Call::FrameBinary(b"whole".to_vec()),
        ],
    }
}

fn parts(kind: Kind, fin: Fin) -> Vec<Call> {
    match kind {
        Kind::Text => vec![
            Call::TextPart("part".into(), fin),
            Call::Utf8Part(b"part".to_vec(), fin),
            Call::FrameTextPart("part".into(), fin),
        ],
        Kind::Binary => vec![
            Call::BinaryPart(b"part".to_vec(), fin),
            Call::FrameBinaryPart(b"part".to_vec(), fin),
        ],
    }
}

/// What the peer of `side` gets.
fn messages(side: Side, wire: &[u8]) -> Vec<(Kind, Vec<u8>)> {
    let mut peer = Endpoint::new(side.peer());
    let trace = run(&mut peer, wire);
    assert_eq!(trace.error, None);
    let mut messages = Vec::new();
    for item in trace.items {
        messages.push(match item {
            Item::Text(text) => (Kind::Text, text.into_bytes()),
            Item::Binary(data) => (Kind::Binary, data),
            other => panic!("{other:?}"),
        });
    }
    messages
}

const KINDS: [Kind; 2] = [Kind::Text, Kind::Binary];

/// Every way to open a message, every whole message inside it, every way to go on.
#[test]
fn a_whole_message_is_refused_while_another_is_open() {
    for side in Side::BOTH {
        for kind in KINDS {
            for first in parts(kind, Fin::No) {
                for other in KINDS.into_iter().flat_map(whole) {
                    for last in parts(kind, Fin::Yes) {
                        let mut endpoint = Endpoint::new(side);
                        assert!(!endpoint.is_message_open());
                        let mut wire = first.wire(&mut endpoint).unwrap();
                        assert!(endpoint.is_message_open());

                        let mut out = Vec::new();
                        let refused = other.make(&mut endpoint, &mut out);
                        assert_eq!(refused, Err(SendError::MessageOpen), "{other:?}");
                        assert!(out.is_empty() && endpoint.is_message_open());

                        wire.extend(last.wire(&mut endpoint).unwrap());
                        assert!(!endpoint.is_message_open());
                        assert_eq!(messages(side, &wire), [(kind, b"partpart".to_vec())]);

                        let wire = other.wire(&mut endpoint).unwrap();
                        assert_eq!(messages(side, &wire).len(), 1);
                        assert!(!endpoint.is_message_open());
                    }
                }
            }
        }
    }
}

/// A part of the other kind does not go on with a message, nor open one in it.
#[test]
fn a_part_of_the_other_kind_is_refused() {
    for side in Side::BOTH {
        for (kind, other) in [(Kind::Text, Kind::Binary), (Kind::Binary, Kind::Text)] {
            for first in parts(kind, Fin::No) {
                for fin in [Fin::No, Fin::Yes] {
                    for part in parts(other, fin) {
                        let mut endpoint = Endpoint::new(side);
                        first.wire(&mut endpoint).unwrap();
                        let refused = part.wire(&mut endpoint);
                        assert_eq!(refused, Err(SendError::MessageOpen), "{part:?}");
                    }
                }
            }
        }
    }
}

/// A text that is cut everywhere is the same text; what does not go on with it is refused.
#[test]
fn text_may_be_cut_inside_characters() {
    let text = "z\u{e9}\u{800}\u{d7ff}\u{ffff}\u{10000}\u{10ffff}";
    for side in Side::BOTH {
        for (one, two) in
            (0..=text.len()).flat_map(|one| (one..=text.len()).map(move |two| (one, two)))
        {
            let bytes = text.as_bytes();
            let parts = [&bytes[..one], &bytes[one..two], &bytes[two..]];
            let mut endpoint = Endpoint::new(side);
            let mut wire = Vec::new();
            let mut at = 0;
            for (n, part) in parts.into_iter().enumerate() {
                let fin = if n == 2 { Fin::Yes } else { Fin::No };
                let call = Call::Utf8Part(part.to_vec(), fin);
                wire.extend(call.wire(&mut endpoint).unwrap());
                at += part.len();
                if text.is_char_boundary(at) {
                    continue;
                }
                for wrong in [
                    Call::Utf8Part(b"".to_vec(), Fin::Yes),
                    Call::Utf8Part(b"\xff".to_vec(), Fin::No),
                    Call::Utf8Part(b"a".to_vec(), Fin::No),
                    Call::TextPart("a".into(), Fin::No),
                    Call::TextPart("".into(), Fin::Yes),
                    Call::FrameTextPart("".into(), Fin::No),
                ] {
                    // A client's bytes without a copy may go on inside a character, if they fit.
                    let fits = matches!(&wrong, Call::FrameTextPart(..)) && side == Side::Client;
                    if fits {
                        continue;
                    }
                    let refused = wrong.wire(&mut endpoint);
                    assert_eq!(refused, Err(SendError::TextNotUtf8), "{wrong:?}");
                }
            }
            assert_eq!(messages(side, &wire), [(Kind::Text, bytes.to_vec())]);
        }
    }
}

/// A part of text as bytes, without copying it: the same bytes as with a copy, at every two cuts, and
/// refused where no text can go on.
#[test]
fn text_as_bytes_without_a_copy_is_the_same_as_with_one() {
    let text = "a\u{20ac}\u{1f980}z".as_bytes();
    for one in 0..=text.len() {
        for two in one..=text.len() {
            let new = || Connection::server(Negotiated::new(), Config::new());
            let (mut copying, mut framing) = (new(), new());
            let (mut copied, mut framed) = (Vec::new(), Vec::new());
            let parts = [
                (&text[..one], Fin::No),
                (&text[one..two], Fin::No),
                (&text[two..], Fin::Yes),
            ];
            for (part, fin) in parts {
                copying.send_utf8_part(part, fin, &mut copied).unwrap();
                let before = framed.len();
                let invalid = framing.frame_utf8_part(b"\xff", Fin::No, &mut framed);
                assert_eq!(invalid, Err(SendError::TextNotUtf8));
                assert_eq!(framed.len(), before, "nothing was written");
                let payload = framing.frame_utf8_part(part, fin, &mut framed).unwrap();
                framed.extend_from_slice(payload);
            }
            assert_eq!(copied, framed, "{one} {two}");
            assert_eq!(
                messages(Side::Server, &framed),
                [(Kind::Text, text.to_vec())]
            );
        }
    }
    // It does not end inside a character.
    let mut server = Connection::server(Negotiated::new(), Config::new());
    let mut out = Vec::new();
    let cut = server.frame_utf8_part(b"\xe2\x82", Fin::Yes, &mut out);
    assert_eq!((cut, out.len()), (Err(SendError::TextNotUtf8), 0));
}
