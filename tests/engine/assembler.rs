//! Joining messages: uncopied when whole, bounded by limit and storage, on with the next message
//! after one that does not fit, and through a decoder.

use ws_proto::extension::{Decode, DecodeError, NoExtension};
use ws_proto::frame::{Header, Rsv};
use ws_proto::{
    AssembleError, Assembler, CloseCode, Config, Extended, FixedBuf, Input, Message,
    MessageStorage, Negotiated, Storage,
};
use ws_proto_suite::*;

type Joined = Result<Vec<u8>, AssembleError>;

/// Receives `bytes`, each frame in a read of its own, and gives messages and errors in order.
fn join<S: MessageStorage, X: Decode>(
    side: Side,
    assembler: &mut Assembler<S, X>,
    bytes: &[u8],
) -> Vec<Joined> {
    let negotiated = Negotiated::new().with_rsv(Rsv::RSV1);
    let mut endpoint = Endpoint::with(side, negotiated, Config::new());
    let mut joined = Vec::new();
    let mut out = Vec::new();
    for mut read in frames(bytes) {
        let mut input = Input::new(&mut read);
        while let Some(event) = endpoint
            .receive(&mut input, &mut out)
            .expect("legal frames")
        {
            match assembler.push(event) {
                Ok(Some(message)) => joined.push(Ok(message.as_bytes().to_vec())),
                Ok(None) => {}
                Err(error) => joined.push(Err(error)),
            }
        }
    }
    joined
}

fn frames(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let Some((header, len)) = Header::parse(bytes).expect("legal frames") {
        let (frame, rest) = bytes.split_at(len + header.len as usize);
        frames.push(frame.to_vec());
        bytes = rest;
    }
    frames
}

/// A message in frames.
fn message(side: Side, first: u8, parts: &[&[u8]]) -> Vec<u8> {
    let last = parts.len() - 1;
    let frames = parts.iter().enumerate().map(|(n, part)| {
        let opcode = if n == 0 { first } else { CONTINUATION };
        frame(side, if n == last { FIN | opcode } else { opcode }, part)
    });
    frames.collect::<Vec<_>>().concat()
}

#[test]
fn a_message_in_one_piece_is_passed_through_uncopied() {
    for side in Side::BOTH {
        for first in [TEXT, BINARY] {
            let mut endpoint = Endpoint::new(side);
            let mut assembler = Assembler::new(FixedBuf::<0>::new(), 100);
            let mut read = message(side, first, &[b"whole"]);
            let payload = read[read.len() - 5..].as_ptr();
            let mut out = Vec::new();
            let mut input = Input::new(&mut read);
            let event = endpoint.receive(&mut input, &mut out).unwrap().unwrap();
            let message = assembler.push(event).unwrap().unwrap();
            assert_eq!(message.as_bytes(), b"whole");
            assert_eq!(
                message.as_bytes().as_ptr(),
                payload,
                "in the caller's buffer"
            );
        }
    }
}

#[test]
fn pieces_are_joined_over_control_frames() {
    for side in Side::BOTH {
        let bytes = [
            frame(side, TEXT, b"a\xf0\x9f"),
            frame(side, PING, b"1"),
            frame(side, CONTINUATION, b"\x98"),
            frame(side, PONG, b"2"),
            frame(side, FIN | CONTINUATION, b"\x80z"),
            frame(side, CLOSE, b""),
        ];
        let mut assembler = Assembler::new(Vec::new(), 100);
        let joined = join(side, &mut assembler, &bytes.concat());
        // shows: RFC6455-5.5-03
        assert_eq!(joined, [Ok("a\u{1f600}z".as_bytes().to_vec())]);
    }
}

#[test]
fn the_limit_holds_for_whole_and_for_joined_messages() {
    for side in Side::BOTH {
        for limit in [0_usize, 1, 10] {
            let bytes = [
                message(side, BINARY, &[&b"x".repeat(limit)]),
                message(side, BINARY, &[b"", &b"y".repeat(limit), b""]),
                message(side, TEXT, &[&b"x".repeat(limit + 1)]),
                message(
                    side,
                    TEXT,
                    &[&b"y".repeat(limit), b"z", b"more", b"and more"],
                ),
                message(side, BINARY, &[&b"z".repeat(limit)]),
            ];
            let expected = [
                Ok(b"x".repeat(limit)),
                Ok(b"y".repeat(limit)),
                Err(AssembleError::TooBig),
                Err(AssembleError::TooBig),
                Ok(b"z".repeat(limit)),
            ];
            let mut assembler = Assembler::new(Vec::new(), limit as u64);
            assert_eq!(
                join(side, &mut assembler, &bytes.concat()),
                expected,
                "limit {limit}"
            );
        }
    }
}

/// Nothing of a message counts towards the limit of the next one, whichever of them comes whole.
#[test]
fn each_message_has_the_whole_limit_to_itself() {
    for side in Side::BOTH {
        let bytes = [
            message(side, BINARY, &[b"joined", b"1234"]),
            message(side, BINARY, &[b"0123456789"]),
            message(side, TEXT, &[b"joined", b"1234"]),
        ];
        let mut assembler = Assembler::new(FixedBuf::<10>::new(), 10);
        let joined = join(side, &mut assembler, &bytes.concat());
        let expected: [&[u8]; 3] = [b"joined1234", b"0123456789", b"joined1234"];
        assert_eq!(joined, expected.map(|bytes| Ok(bytes.to_vec())));
    }
}

#[test]
fn a_full_storage_drops_the_message_and_takes_the_next() {
    for side in Side::BOTH {
        let bytes = [
            message(side, BINARY, &[b"1234", b"5678"]),
            message(side, BINARY, &[b"1234", b"56789", b"dropped", b"dropped"]),
            message(side, TEXT, &[b"longer than the storage, but whole"]),
            message(side, TEXT, &[b"next", b""]),
        ];
        let expected = [
            Ok(b"12345678".to_vec()),
            Err(AssembleError::Capacity),
            Ok(b"longer than the storage, but whole".to_vec()),
            Ok(b"next".to_vec()),
        ];
        let mut assembler = Assembler::new(FixedBuf::<8>::new(), 100);
        assert_eq!(join(side, &mut assembler, &bytes.concat()), expected);
    }
}

#[test]
fn what_failed_is_not_kept_and_the_storage_can_be_taken_back() {
    let side = Side::Client;
    let mut assembler = Assembler::new(Vec::new(), 5);
    join(
        side,
        &mut assembler,
        &message(side, TEXT, &[b"123", b"456", b"7"]),
    );
    assert_eq!(assembler.storage().bytes(), b"");
    join(side, &mut assembler, &message(side, TEXT, &[b"12", b"34"]));
    assert_eq!(assembler.storage().bytes(), b"1234");
    *assembler.storage_mut() = Vec::new();
    let joined = join(
        side,
        &mut assembler,
        &message(side, BINARY, &[b"\xff", b"\xfe"]),
    );
    assert_eq!(joined, [Ok(vec![0xff, 0xfe])]);
}

#[test]
fn a_message_that_was_cut_off_does_not_reach_the_next_one() {
    let side = Side::Server;
    let mut assembler = Assembler::new(Vec::new(), 100);
    assert_eq!(join(side, &mut assembler, &frame(side, TEXT, b"half")), []);
    // A new connection with the same assembler.
    let joined = join(
        side,
        &mut assembler,
        &message(side, TEXT, &[b"all ", b"of it"]),
    );
    assert_eq!(joined, [Ok(b"all of it".to_vec())]);
}

/// A toy: every byte inverted, `!` is no code, `2` stands for the next byte twice.
#[derive(Debug, Default)]
struct Toy {
    double: bool,
    messages: u32,
}

impl Decode for Toy {
    fn decode<S: MessageStorage>(
        &mut self,
        piece: Extended<'_>,
        room: u64,
        to: &mut S,
    ) -> Result<(), DecodeError> {
        if piece.first {
            self.double = false;
            self.messages += 1;
        }
        let mut room = room;
        for byte in piece.data.iter() {
            match byte {
                b'!' => return Err(DecodeError::Invalid),
                b'2' => self.double = true,
                byte => {
                    for _ in 0..if self.double { 2 } else { 1 } {
                        room = room.checked_sub(1).ok_or(DecodeError::TooBig)?;
                        to.store(&[!byte])?;
                    }
                    self.double = false;
                }
            }
        }
        Ok(())
    }
}

fn inverted(text: &str) -> Vec<u8> {
    text.bytes().map(|byte| !byte).collect()
}

#[test]
fn extended_messages_go_through_the_decoder_and_others_do_not() {
    for side in Side::BOTH {
        let euro = inverted("\u{20ac}");
        let bytes = [
            message(side, 0x40 | TEXT, &[&inverted("one piece")]),
            message(side, TEXT, &[b"plain"]),
            message(
                side,
                0x40 | BINARY,
                &[b"", b"2", &[!b'a', b'2'], &[!b'b'], b""],
            ),
            message(side, 0x40 | TEXT, &[&euro[..1], &euro[1..]]),
            message(side, 0x40 | BINARY, &[b""]),
        ];
        let mut assembler = Assembler::with_extension(Vec::new(), 100, Toy::default());
        let expected: [&[u8]; 5] = [b"one piece", b"plain", b"aabb", "\u{20ac}".as_bytes(), b""];
        let joined = join(side, &mut assembler, &bytes.concat());
        assert_eq!(joined, expected.map(|bytes| Ok(bytes.to_vec())));
        assert_eq!(assembler.extension_mut().messages, 4);
    }
}

/// A character that is cut in a decoded text, completed or not, is nothing to the next text.
#[test]
fn a_decoded_text_starts_with_a_clean_state() {
    for side in Side::BOTH {
        let euro = inverted("\u{20ac}");
        let next = [&inverted("next, ")[..], &inverted("in parts")];
        let bytes = [
            message(side, 0x40 | TEXT, &[&euro[..2], &euro[2..]]),
            message(side, 0x40 | TEXT, &next),
            message(side, 0x40 | TEXT, &[&euro[..1], b""]),
            message(side, 0x40 | TEXT, &next),
        ];
        let mut assembler = Assembler::with_extension(Vec::new(), 100, Toy::default());
        let text = || Ok(b"next, in parts".to_vec());
        let expected = [
            Ok("\u{20ac}".into()),
            text(),
            Err(AssembleError::TextNotUtf8),
            text(),
        ];
        assert_eq!(join(side, &mut assembler, &bytes.concat()), expected);
    }
}

#[test]
fn a_decoded_message_is_bounded_and_has_to_be_text() {
    for side in Side::BOTH {
        let a = !b'a';
        let bytes = [
            message(side, 0x40 | BINARY, &[&[a; 4], &[b'2', a]]),
            message(side, 0x40 | BINARY, &[&[a; 4], &[b'2', a, a], &[a]]),
            message(side, 0x40 | TEXT, &[b"!", b"skipped"]),
            message(side, 0x40 | TEXT, &[&[!0xff]]),
            message(side, 0x40 | TEXT, &[&[!0xe2], &[!0x82]]),
            message(side, 0x40 | BINARY, &[&[!0xff]]),
            message(side, 0x40 | TEXT, &[&[a]]),
        ];
        let expected = [
            Ok(b"aaaaaa".to_vec()),
            Err(AssembleError::TooBig),
            Err(AssembleError::Decode(DecodeError::Invalid)),
            Err(AssembleError::TextNotUtf8),
            Err(AssembleError::TextNotUtf8),
            Ok(vec![0xff]),
            Ok(b"a".to_vec()),
        ];
        let mut assembler = Assembler::with_extension(Vec::new(), 6, Toy::default());
        assert_eq!(join(side, &mut assembler, &bytes.concat()), expected);
        let mut small = Assembler::with_extension(FixedBuf::<2>::new(), 6, Toy::default());
        let joined = join(side, &mut small, &bytes[0]);
        assert_eq!(joined, [Err(AssembleError::Capacity)]);
    }
}

/// Doubles its input, and does not look at the limit.
#[derive(Default)]
struct Greedy {
    aborted: u32,
}

impl Decode for Greedy {
    fn decode<S: MessageStorage>(
        &mut self,
        piece: Extended<'_>,
        _: u64,
        to: &mut S,
    ) -> Result<(), DecodeError> {
        to.store(piece.data)?;
        Ok(to.store(piece.data)?)
    }

    fn abort(&mut self) {
        self.aborted += 1;
    }
}

#[test]
fn a_decoder_is_not_trusted_with_the_limit() {
    for side in Side::BOTH {
        let bytes = [
            message(side, 0x40 | BINARY, &[b"ab", b"c"]),
            message(side, 0x40 | BINARY, &[b"ab", b"cd"]),
            message(side, 0x40 | BINARY, &[b"abcd", b"ef", b"gh"]),
            message(side, 0x40 | TEXT, &[b"a", b"\xff", b"b"]),
            message(side, 0x40 | TEXT, &[b"abc"]),
        ];
        let expected = [
            Ok(b"ababcc".to_vec()),
            Err(AssembleError::TooBig),
            Err(AssembleError::TooBig),
            Err(AssembleError::TextNotUtf8),
            Ok(b"abcabc".to_vec()),
        ];
        let mut assembler = Assembler::with_extension(Vec::new(), 6, Greedy::default());
        assert_eq!(join(side, &mut assembler, &bytes.concat()), expected);
        assert_eq!(assembler.extension_mut().aborted, 3, "once a message");
    }
}

#[test]
fn without_a_decoder_an_extended_message_is_refused() {
    let side = Side::Server;
    let bytes = [
        message(side, 0x40 | TEXT, &[b"x", b"y"]),
        message(side, TEXT, &[b"plain"]),
    ];
    let mut assembler = Assembler::with_extension(Vec::new(), 6, NoExtension);
    let unsupported = AssembleError::Decode(DecodeError::Unsupported);
    assert_eq!(
        join(side, &mut assembler, &bytes.concat()),
        [Err(unsupported), Ok(b"plain".to_vec())]
    );
}

#[test]
fn errors_tell_the_code_to_close_with() {
    for (error, code) in [
        (AssembleError::Capacity, CloseCode::MESSAGE_TOO_BIG),
        (AssembleError::TooBig, CloseCode::MESSAGE_TOO_BIG),
        (AssembleError::TextNotUtf8, CloseCode::INVALID_PAYLOAD),
        (
            AssembleError::Decode(DecodeError::Invalid),
            CloseCode::INVALID_PAYLOAD,
        ),
        (
            AssembleError::Decode(DecodeError::Unsupported),
            CloseCode::UNSUPPORTED_DATA,
        ),
    ] {
        assert_eq!(error.close_code(), code);
    }
}

#[test]
fn a_message_knows_its_kind_and_bytes() {
    use ws_proto::Kind;

    assert_eq!(Message::Text("t").kind(), Kind::Text);
    assert_eq!(Message::Binary(b"b").kind(), Kind::Binary);
    assert_eq!(Message::Text("t").as_bytes(), b"t");
    assert_eq!(Message::Binary(b"b").as_bytes(), b"b");
}
