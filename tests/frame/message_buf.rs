//! The storage that keeps text as text gives what a vector of bytes gives, and keeps its memory.

use ws_proto::extension::{Decode, DecodeError};
use ws_proto::frame::Rsv;
use ws_proto::{
    AssembleError, Assembler, Config, Extended, Input, Message, MessageBuf, MessageStorage,
    Negotiated, Storage,
};
use ws_proto_suite::*;

/// Bytes as they are, a few at a time.
struct Plain;

impl Decode for Plain {
    fn decode<S: MessageStorage>(
        &mut self,
        piece: Extended<'_>,
        _: u64,
        to: &mut S,
    ) -> Result<(), DecodeError> {
        for bytes in piece.data.chunks(3) {
            let mut written = 0;
            to.store_with(bytes.len(), &mut |to| {
                written = to.len();
                to.copy_from_slice(&bytes[..written]);
                written
            });
            to.store(&bytes[written..])?;
        }
        Ok(())
    }
}

/// What comes of `wire`, received in the pieces that `cut` ends.
fn join<S: MessageStorage>(
    side: Side,
    mut assembler: Assembler<S, Plain>,
    wire: &[u8],
    cut: usize,
) -> Vec<Result<(bool, Vec<u8>), AssembleError>> {
    let negotiated = Negotiated::new().with_rsv(Rsv::RSV1);
    let mut endpoint = Endpoint::with(side, negotiated, Config::new());
    let mut wire = wire.to_vec();
    let (front, back) = wire.split_at_mut(cut);
    let mut joined = Vec::new();
    for part in [front, back] {
        let mut input = Input::new(part);
        while let Some(event) = endpoint.receive(&mut input, &mut Vec::new()).unwrap() {
            match assembler.push(event) {
                Ok(Some(message)) => {
                    let is_text = matches!(message, Message::Text(_));
                    joined.push(Ok((is_text, message.as_bytes().to_vec())));
                }
                Ok(None) => {}
                Err(error) => joined.push(Err(error)),
            }
        }
    }
    joined
}

#[test]
fn all_kinds_of_messages_are_those_of_a_vector_at_every_cut() {
    for side in Side::BOTH {
        let text = "a\u{20ac}\u{1f980}z\u{e9}".as_bytes();
        let frames = [
            frame(side, TEXT, &text[..2]), // inside the euro sign
            frame(side, CONTINUATION, &text[2..6]),
            frame(side, CONTINUATION | FIN, &text[6..]),
            frame(side, BINARY, b"\xff\xfe"),
            frame(side, CONTINUATION | FIN, b"\xfd"),
            frame(side, FIN | TEXT | 0x40, text), // through the decoder
            frame(side, TEXT, text),
            frame(side, CONTINUATION | FIN, b""),
            frame(side, TEXT | 0x40, &text[..5]),
            frame(side, CONTINUATION | FIN, &text[5..]),
            frame(side, FIN | TEXT, b""),
            frame(side, TEXT, b""),
            frame(side, CONTINUATION | FIN, text),
        ];
        let wire = frames.concat();
        // 12 is the length of the text: with less, its messages are refused.
        for limit in [100, 12, 11, 3, 2] {
            let expected = join(
                side,
                Assembler::with_extension(Vec::new(), limit, Plain),
                &wire,
                0,
            );
            for cut in 0..=wire.len() {
                let assembler = Assembler::with_extension(MessageBuf::new(), limit, Plain);
                let joined = join(side, assembler, &wire, cut);
                assert_eq!(joined, expected, "{side:?}, limit {limit}, cut at {cut}");
            }
        }
    }
}

#[test]
fn one_allocation_serves_text_and_bytes() {
    let mut buf = MessageBuf::new();
    assert_eq!(buf.capacity(), 0);
    buf.store(&[0xff; 1000]).unwrap();
    let capacity = buf.capacity();
    for _ in 0..3 {
        buf.clear();
        buf.store_text(Some('\u{20ac}'), "text", "\u{20ac}text".as_bytes())
            .unwrap();
        assert_eq!(buf.text(), Ok("\u{20ac}text"));
        assert_eq!(buf.bytes(), "\u{20ac}text".as_bytes());
        assert_eq!(buf.capacity(), capacity);
        buf.clear();
        assert_eq!(buf.bytes(), b"");
        buf.store(b"bytes").unwrap();
        assert_eq!(buf.bytes(), b"bytes");
        assert_eq!(buf.capacity(), capacity);
    }
}

#[test]
fn text_behind_bytes_is_bytes() {
    let mut buf = MessageBuf::new();
    buf.store(&[0xe2, 0x82]).unwrap();
    assert!(buf.text().is_err());
    buf.store_text(Some('\u{20ac}'), "", &[0xac]).unwrap();
    assert_eq!(buf.text(), Ok("\u{20ac}"));
    let mut buf = MessageBuf::new();
    buf.store_text(None, "a", b"a").unwrap();
    buf.store(b"b").unwrap();
    buf.store_text(None, "c", b"c").unwrap();
    assert_eq!(buf.bytes(), b"abc");
}

#[test]
fn what_an_earlier_message_has_left_is_not_seen() {
    let mut buf = MessageBuf::new();
    buf.store(b"an earlier message").unwrap();
    for most in [5, 1000] {
        buf.clear();
        buf.store_with(most, &mut |to| {
            assert_eq!(to.len(), most);
            to[..2].copy_from_slice(b"Hi");
            2
        });
        assert_eq!(buf.bytes(), b"Hi");
        buf.store(b"!").unwrap();
        buf.store_with(0, &mut |_| unreachable!("there is no room"));
        assert_eq!(buf.text(), Ok("Hi!"));
        assert!(!format!("{buf:?}").contains("message"));
    }
    let long = [b'x'; 2000];
    buf.store(&long).unwrap();
    assert_eq!(buf.bytes(), [b"Hi!", &long[..]].concat());
}

/// Cut to any length it has the bytes that a vector has, also inside a character, and can be added to.
#[test]
fn cut_to_any_length_it_is_as_a_vector() {
    let text = "a\u{20ac}z";
    for len in 0..=text.len() + 1 {
        for is_text in [false, true] {
            let (mut buffer, mut vector) = (MessageBuf::new(), Vec::new());
            if is_text {
                buffer.store_text(None, text, text.as_bytes()).unwrap();
            } else {
                buffer.store(text.as_bytes()).unwrap();
            }
            vector.store(text.as_bytes()).unwrap();
            let mut lent = &mut buffer;
            Storage::truncate(&mut lent, len);
            Storage::truncate(&mut vector, len);
            assert_eq!(buffer.bytes(), vector.bytes(), "{len}");
            let valid = core::str::from_utf8(&vector).is_ok();
            assert_eq!(buffer.text().is_ok(), valid, "{len}");
            buffer.store(b"more").unwrap();
            vector.store(b"more").unwrap();
            assert_eq!(buffer.bytes(), vector.bytes(), "{len}");
        }
    }
}
