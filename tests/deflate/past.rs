//! What implementations of permessage-deflate have got wrong, one test each.
#![cfg(feature = "deflate")]

use ws_proto::extension::deflate::{Deflate, DeflateEncoder, DeflateParams, DeflatePool};
use ws_proto::extension::{Decode, DecodeError};
use ws_proto::{Config, Connection, Event, Fin, FixedBuf, Input, Kind, Server};
use ws_proto_suite::deflate::{Emitted, Reference, frame, frames, receive};
use ws_proto_test::random::Random;

const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
const AGAIN: [u8; 5] = [0xf2, 0x00, 0x11, 0x00, 0x00];

fn hello() -> Emitted {
    Emitted::Text("Hello".into())
}

fn text(text: &str) -> Emitted {
    Emitted::Text(text.into())
}

/// What a client makes of these frames, cut everywhere.
fn client_with(params: DeflateParams, wire: &[Vec<u8>]) -> Vec<Emitted> {
    let wire = wire.concat();
    let emitted = receive(false, params, 1 << 20, usize::MAX, &[&wire]);
    for size in 1..wire.len().min(60) {
        let pieces: Vec<&[u8]> = wire.chunks(size).collect();
        let cut = receive(false, params, 1 << 20, size, &pieces);
        assert_eq!(cut, emitted, "in pieces of {size}");
    }
    emitted
}

fn client(wire: &[Vec<u8>]) -> Vec<Emitted> {
    client_with(DeflateParams::new(), wire)
}

struct Sender {
    connection: Connection<Server>,
    encoder: DeflateEncoder,
    out: Vec<u8>,
}

impl Sender {
    fn new(deflate: &Deflate, params: DeflateParams) -> Self {
        Self {
            connection: Connection::server(params.negotiated(), Config::new()),
            encoder: deflate.server(params).0,
            out: Vec::new(),
        }
    }

    fn text(&mut self, text: &str) -> (u8, Vec<u8>) {
        self.out.clear();
        self.encoder
            .send_text(&mut self.connection, text, &mut self.out)
            .unwrap();
        frames(&self.out).remove(0)
    }

    fn part(&mut self, part: &str, fin: Fin) -> (u8, Vec<u8>) {
        self.out.clear();
        self.encoder
            .send_text_part(&mut self.connection, part, fin, &mut self.out)
            .unwrap();
        frames(&self.out).remove(0)
    }
}

fn everything() -> Deflate {
    Deflate::new().threshold(0)
}

#[test]
fn b64_the_examples_of_the_rfc() {
    // shows: RFC7692-7.2.2-01, RFC7692-7.2.2-02, RFC7692-6.1-08, RFC1951-3.1.1-01, RFC7692-9.2-01
    // shows: RFC7692-6.2-01
    assert_eq!(client(&[frame(0xc1, &HELLO)]), [hello()]);
    let fragments = [frame(0x41, &HELLO[..3]), frame(0x80, &HELLO[3..])];
    // shows: RFC7692-6-02, RFC7692-6-03
    assert_eq!(client(&fragments), [hello()]);
    let stored = [
        0x00, 0x05, 0x00, 0xfa, 0xff, b'H', b'e', b'l', b'l', b'o', 0x00,
    ];
    // shows: RFC1951-3.2.4-01
    assert_eq!(client(&[frame(0xc1, &stored)]), [hello()]);
    let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    assert_eq!(client(&[frame(0xc1, &last)]), [hello()]);
    let two = [
        0xf2, 0x48, 0x05, 0, 0, 0, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
    ];
    // shows: RFC1951-3.2.4-02
    assert_eq!(client(&[frame(0xc1, &two)]), [hello()]);
}

#[test]
fn b65_the_second_message_refers_to_the_first() {
    // shows: RFC7692-7.2.2-04, RFC7692-7.1.1.1-03, RFC1951-3.2.3-02
    assert_eq!(
        client(&[frame(0xc1, &HELLO), frame(0xc1, &AGAIN)]),
        [hello(), hello()]
    );
    let mut sender = Sender::new(&everything().level(6), DeflateParams::new());
    // shows: RFC7692-6.1-01, RFC7692-7.2.1-01, RFC7692-7.2.1-03, RFC6455-6.1-08
    assert_eq!(sender.text("Hello"), (0xc1, HELLO.to_vec()));
    assert_eq!(sender.text("Hello"), (0xc1, AGAIN.to_vec()));
}

#[test]
fn b66_control_frames_around_and_inside_compressed_messages() {
    let emitted = client(&[
        frame(0x89, b"1"),
        frame(0x41, &HELLO[..3]),
        frame(0x89, b"2"),
        frame(0x8a, b"3"),
        frame(0x80, &HELLO[3..]),
        frame(0x89, b"4"),
        frame(0xc1, &AGAIN),
    ]);
    let ping = |n: &str| Emitted::Ping(n.into());
    let expected = [
        ping("1"),
        ping("2"),
        Emitted::Pong("3".into()),
        hello(),
        ping("4"),
        hello(),
    ];
    assert_eq!(emitted, expected);
}

#[test]
fn b67_rsv1_belongs_to_the_first_frame() {
    let first = frame(0x41, &HELLO[..3]);
    // shows: RFC7692-6.1-05
    assert_eq!(
        client(&[first.clone(), frame(0xc0, &HELLO[3..])]),
        [Emitted::Fail(1002)]
    );
    for control in [0xc8, 0xc9, 0xca] {
        // shows: RFC7692-6.1-06
        assert_eq!(client(&[frame(control, b"")]), [Emitted::Fail(1002)]);
        assert_eq!(
            client(&[first.clone(), frame(control, b"")]),
            [Emitted::Fail(1002)]
        );
    }
    for other in [0xe1, 0xd1, 0xa1, 0x91] {
        assert_eq!(client(&[frame(other, &HELLO)]), [Emitted::Fail(1002)]);
    }
}

#[test]
fn b68_empty_fragments_first_and_last() {
    let emitted = client(&[
        frame(0x41, b""),
        frame(0x00, &HELLO),
        frame(0x00, b""),
        frame(0x80, b""),
        frame(0xc1, &AGAIN),
    ]);
    assert_eq!(emitted, [hello(), hello()]);
}

#[test]
fn b69_empty_messages() {
    for empty in [
        &[0x00][..],
        &[0x02, 0x00],
        &[0x00, 0x00, 0x00, 0xff, 0xff, 0x00],
    ] {
        let emitted = client(&[frame(0xc1, &HELLO), frame(0xc1, empty), frame(0xc1, &AGAIN)]);
        assert_eq!(emitted, [hello(), text(""), hello()]);
    }
    // The tail alone is half a block.
    assert_eq!(client(&[frame(0xc1, b"")]), [Emitted::Fail(1007)]);
    assert_eq!(
        client(&[frame(0x41, b""), frame(0x80, b"")]),
        [Emitted::Fail(1007)]
    );
    let mut sender = Sender::new(&everything(), DeflateParams::new());
    for _ in 0..3 {
        // shows: RFC7692-7.2.3.6-01
        assert_eq!(sender.text(""), (0xc1, vec![0x00]));
    }
    assert_eq!(sender.text("x").0, 0xc1);
    assert_eq!(sender.text(""), (0xc1, vec![0x00]));
    assert_eq!(sender.part("x", Fin::No).0, 0x41);
    assert_eq!(sender.part("", Fin::No), (0x00, vec![]));
    // shows: RFC7692-6.1-04
    assert_eq!(sender.part("", Fin::Yes), (0x80, vec![0x00]));
    // shows: RFC7692-6.1-03
    assert_eq!(
        Sender::new(&Deflate::new(), DeflateParams::new()).text(""),
        (0x81, vec![])
    );
}

#[test]
fn b70_an_uncompressed_message_leaves_the_window_alone() {
    let emitted = client(&[
        frame(0xc1, &HELLO),
        frame(0x81, b"plain"),
        frame(0x01, b"pla"),
        frame(0x80, b"in"),
        frame(0xc1, &AGAIN),
    ]);
    // shows: RFC7692-6-04, RFC7692-6.2-03, RFC7692-7.2.3.2-01
    assert_eq!(emitted, [hello(), text("plain"), text("plain"), hello()]);
}

#[test]
fn b71_final_blocks_anywhere() {
    let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let with_header = [&last[..], &[0x00]].concat();
    // Then a message that refers to the one before it, and to the one before that.
    let emitted = client(&[
        frame(0xc1, &HELLO),
        frame(0xc1, &with_header),
        frame(0xc1, &AGAIN),
        frame(0xc1, &with_header),
        frame(0xc1, &with_header),
        frame(0xc1, &AGAIN),
    ]);
    // shows: RFC7692-7.2.3.4-01
    assert_eq!(emitted, vec![hello(); 6]);
    // Several in a message, empty ones and stored ones too.
    let many = [
        &last[..],
        &[0x01, 0x01, 0x00, 0xfe, 0xff, b'!'],
        &last,
        &[0x03, 0x00],
        &[0x01, 0x00, 0x00, 0xff, 0xff],
        &AGAIN,
    ]
    .concat();
    assert_eq!(client(&[frame(0xc1, &many)]), [text("Hello!HelloHello")]);
    // The block that the tail completes can be a final one as well.
    let emitted = client(&[
        frame(0xc1, &[0x01]),
        frame(0xc1, &HELLO),
        frame(0xc1, &AGAIN),
    ]);
    assert_eq!(emitted, [text(""), hello(), hello()]);
    // Nothing after the final block: the tail is half a block.
    assert_eq!(client(&[frame(0xc1, &last)]), [Emitted::Fail(1007)]);
    // Something after it that is no block.
    let garbage = [&last[..], &[0x06]].concat();
    assert_eq!(client(&[frame(0xc1, &garbage)]), [Emitted::Fail(1007)]);
}

/// Each costs time, which has a bound; but one in each message is no reason to complain.
#[test]
fn b71_final_blocks_without_end() {
    let message =
        |finals: usize| frame(0xc2, &[&[0x03, 0x00].repeat(finals)[..], &[0x00]].concat());
    let params = DeflateParams::new();
    let enough = message(1000);
    let emitted = receive(false, params, 1 << 20, usize::MAX, &[&enough]);
    assert_eq!(emitted, [Emitted::Binary(vec![])]);
    let too_many = message(1300);
    for size in [1, 10, 1000, 5000] {
        let pieces: Vec<&[u8]> = too_many.chunks(size).collect();
        let emitted = receive(false, params, 1 << 20, usize::MAX, &pieces);
        assert_eq!(emitted, [Emitted::Fail(1009)]);
    }
    let small = message(1).repeat(5000);
    for params in [params, params.with_server_takeover(false)] {
        let emitted = receive(false, params, 1 << 20, usize::MAX, &[&small]);
        assert_eq!(emitted, vec![Emitted::Binary(vec![]); 5000]);
    }
}

#[test]
fn b71_the_whole_window_survives_a_final_block() {
    let data = Random::new(5).bytes(40_000);
    let params = DeflateParams::new();
    let (mut encoder, _) = Deflate::new().level(9).server(params);
    let mut connection = Connection::server(params.negotiated(), Config::new());
    let mut wire = Vec::new();
    encoder
        .send_binary(&mut connection, &data, &mut wire)
        .unwrap();
    // Nothing but a final block, which the encoder does not know of.
    wire.extend(frame(0xc2, &[0x03, 0x00, 0x00]));
    let start = wire.len();
    encoder
        .send_binary(&mut connection, &data[8_000..], &mut wire)
        .unwrap();
    assert!(wire.len() - start < 1_000, "it refers 32 000 bytes back");
    for max_piece in [100, 4096, usize::MAX] {
        let emitted = receive(false, params, 1 << 20, max_piece, &[&wire]);
        let expected = [&data[..], b"", &data[8_000..]].map(|data| Emitted::Binary(data.to_vec()));
        assert!(emitted == expected);
    }
}

#[test]
fn b72_a_truncated_message_is_an_error() {
    for len in 0..HELLO.len() {
        assert_eq!(
            client(&[frame(0xc1, &HELLO[..len])]),
            [Emitted::Fail(1007)],
            "{len}"
        );
    }
    let data = "a longer message with some structure, some structure ".repeat(50);
    let encoded = Sender::new(&everything().level(9), DeflateParams::new())
        .text(&data)
        .1;
    for len in 0..encoded.len() {
        let wire = frame(0xc1, &encoded[..len]);
        let emitted = receive(false, DeflateParams::new(), 1 << 20, usize::MAX, &[&wire]);
        // shows: RFC7692-7.2.2-12
        assert_eq!(emitted, [Emitted::Fail(1007)], "{len}");
    }
}

#[test]
fn b72_a_message_with_the_tail_left_on_is_an_error() {
    let wire = [&HELLO[..], &[0, 0, 0xff, 0xff]].concat();
    assert_eq!(
        client(&[frame(0xc1, &wire), frame(0xc1, &HELLO)]),
        [Emitted::Fail(1007)]
    );
}

/// A known limit: where the tail ends a block, but not the one that it belongs to, that is taken
/// for the end of the message. Its last byte is the end of the codes of a block, and that block's
/// end, in one bit. The next compressed message fails.
#[test]
fn b72_a_message_whose_tail_ends_another_block_is_emitted_and_the_next_fails() {
    let crafted = crafted_end();
    let mut runs = 0;
    let in_front: [(&[u8], &[u8]); 2] = [
        (b"", b""),
        (
            &[
                0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00, 0x00, 0xff, 0xff,
            ],
            b"Hello",
        ),
    ];
    for (front, message) in in_front {
        let payload = [front, &crafted].concat();
        let wire = [frame(0xc2, &payload), frame(0xc1, &HELLO)].concat();
        for size in 1..=wire.len() {
            let pieces: Vec<&[u8]> = wire.chunks(size).collect();
            for max_piece in [1, 2, usize::MAX] {
                let emitted = receive(false, DeflateParams::new(), 100, max_piece, &pieces);
                let expected = [Emitted::Binary(message.into()), Emitted::Fail(1007)];
                assert_eq!(emitted, expected, "in pieces of {size}");
                runs += 1;
            }
        }
    }
    println!("{runs} runs");
}

/// The header of a block with codes of its own, up to where the tail completes it: sixteen unused
/// distances, four distances of two bits (three ones each), and the end of the block (a one).
fn crafted_end() -> Vec<u8> {
    let mut bits = Vec::new();
    let mut put = |value: u32, n: u32| bits.extend((0..n).map(|i| value >> i & 1));
    put(0, 1);
    put(2, 2);
    put(0, 5); // 257 literals and lengths, the fewest
    put(20 - 1, 5);
    put(18 - 4, 4);
    for symbol in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1] {
        put(
            [(0, 1), (18, 2), (1, 3), (2, 3)]
                .iter()
                .find(|(s, _)| *s == symbol)
                .map_or(0, |(_, length)| *length),
            3,
        );
    }
    // Codes come with their first bit first: 0 is "0", 18 is "10", 1 is "110", 2 is "111".
    for zeros in [138, 116] {
        put(0b01, 2);
        put(zeros - 11, 7);
    }
    put(0, 1);
    put(0b011, 3);
    put(0b011, 3);
    assert_eq!(bits.len() % 8, 0, "the tail has to begin at a byte");
    bits.chunks(8)
        .map(|byte| byte.iter().rev().fold(0, |all, bit| all << 1 | *bit as u8))
        .collect()
}

#[test]
fn b73_garbage_is_an_error() {
    for garbage in [
        &[0x06, 0x00][..],               // block type 3
        &AGAIN,                          // too far back
        &[0x4a, 0x04, 0x3e, 0x00, 0x00], // distance symbol 30
        &[0x4a, 0x1c, 0x03, 0x00],       // length symbol 286
        &[0x00, 0x05, 0x00, 0xfa, 0xfe], // lengths that differ
        &[0x04, 0x00, 0x00, 0x00, 0x00], // no codes
        &[0xfc, 0xff, 0xff, 0xff, 0xff], // too many codes
    ] {
        // shows: RFC7692-7.2.2-11, RFC1951-3.2.3-01, RFC1951-3.2.6-01, RFC1951-3.2.7-01
        assert_eq!(
            client(&[frame(0xc2, garbage)]),
            [Emitted::Fail(1007)],
            "{garbage:x?}"
        );
    }
    let mut random = Random::new(11);
    for len in 0..2000 {
        let wire = frame(0xc2, &random.bytes(len));
        let whole = receive(false, DeflateParams::new(), 10_000, usize::MAX, &[&wire]);
        let pieces: Vec<&[u8]> = wire.chunks(9).collect();
        assert_eq!(
            receive(false, DeflateParams::new(), 10_000, 50, &pieces),
            whole
        );
        let mut reference = Reference::new(15);
        match (&whole[..], reference.message(&wire[wire.len() - len..])) {
            ([Emitted::Binary(data)], Ok(expected)) => assert_eq!(*data, expected),
            ([Emitted::Fail(_)], _) => {}
            (emitted, expected) => panic!("{emitted:?} {expected:?}"),
        }
    }
}

#[test]
fn b74_the_limit_holds_on_the_last_piece_too() {
    let mut sender = Sender::new(&everything(), DeflateParams::new());
    let payload = sender.text(&"x".repeat(1 << 20)).1;
    let fits = receive(
        false,
        DeflateParams::new(),
        1 << 20,
        1000,
        &[&frame(0xc1, &payload)],
    );
    assert!(matches!(&fits[..], [Emitted::Text(_)]));
    for (limit, cut) in [((1 << 20) - 1, payload.len() - 1), (1000, 3), (0, 1)] {
        let fragments = [frame(0x41, &payload[..cut]), frame(0x80, &payload[cut..])].concat();
        let emitted = receive(
            false,
            DeflateParams::new(),
            limit,
            usize::MAX,
            &[&fragments],
        );
        // shows: RFC7692-8-02
        assert_eq!(emitted, [Emitted::Fail(1009)]);
    }
}

#[test]
fn b75_text_is_validated_after_inflating_and_only_then() {
    let stored = |bytes: &[u8], last: bool| {
        let len = bytes.len() as u16;
        let header = [&[0][..], &len.to_le_bytes(), &(!len).to_le_bytes()].concat();
        let tail: &[u8] = if last { &[0] } else { &[] };
        [&header[..], bytes, tail].concat()
    };
    let euro = "\u{20ac}".as_bytes();
    let emitted = client(&[
        frame(0x41, &stored(&euro[..1], false)),
        frame(0x80, &stored(&euro[1..], true)),
        frame(0xc2, &stored(b"\xc0\x80", true)),
    ]);
    // shows: RFC7692-6.1-07, RFC7692-6.1-09
    assert_eq!(
        emitted,
        [text("\u{20ac}"), Emitted::Binary(vec![0xc0, 0x80])]
    );
    assert_eq!(
        client(&[frame(0xc1, &stored(b"\xc0\x80", true))]),
        [Emitted::Fail(1007)]
    );
    assert_eq!(
        client(&[frame(0xc1, &stored(&euro[..2], true))]),
        [Emitted::Fail(1007)]
    );
    // It fails as soon as it is certain, not at the end of the message.
    assert_eq!(
        client(&[frame(0x41, &stored(b"ok \xed\xa0", false))]),
        [Emitted::Fail(1007)]
    );
    assert_eq!(client(&[frame(0x41, &stored(b"ok \xed", false))]), []);
}

#[test]
fn b76_a_window_of_256_bytes() {
    let params = DeflateParams::new().with_server_window_bits(8).unwrap();
    let data: String = (0..2000)
        .map(|i| char::from(b'a' + (i * i % 251 % 26) as u8))
        .collect();
    for level in 0..=9 {
        let mut sender = Sender::new(&everything().level(level), params);
        let mut reference = Reference::new(8);
        for message in [&data[..], &data[..300], &data[..10]] {
            let (first, payload) = sender.text(message);
            assert_eq!(first, 0xc1);
            assert_eq!(reference.message(&payload), Ok(message.as_bytes().to_vec()));
        }
    }
}

#[test]
fn b77_b78_parameters_are_in_the_vectors() {
    // The tests `offers`, `answers`, `an_answer_has_to_correspond_to_the_offer` and
    // `an_answer_honours_the_offer` of the vectors cover them.
    let offer = Deflate::new().offer();
    // shows: RFC7692-5-01, RFC7692-7-01, RFC7692-9.1-01, RFC6455-9.1-05
    assert_eq!(
        offer.extension().to_string(),
        "permessage-deflate; client_max_window_bits"
    );
    let hint = Deflate::new().client_window_bits(10).offer();
    let expected = "permessage-deflate; client_max_window_bits=10";
    assert_eq!(hint.extension().to_string(), expected);
}

#[test]
fn b79_without_takeover_each_message_stands_alone() {
    let params = DeflateParams::new().with_server_takeover(false);
    assert_eq!(
        client_with(params, &[frame(0xc1, &HELLO), frame(0xc1, &HELLO)]),
        [hello(), hello()]
    );
    let emitted = client_with(params, &[frame(0xc1, &HELLO), frame(0xc1, &AGAIN)]);
    assert_eq!(emitted, [hello(), Emitted::Fail(1007)]);
    for deflate in [everything(), everything().pool(&DeflatePool::new(1))] {
        let mut sender = Sender::new(&deflate.level(6), params);
        for _ in 0..3 {
            // shows: RFC7692-7.2.1-14
            assert_eq!(sender.text("HelloHello").1, sender.text("HelloHello").1);
        }
    }
    // The other direction is another matter.
    let (_, mut decoder) = Deflate::new().server(params);
    for payload in [&HELLO[..], &AGAIN] {
        let mut payload = payload.to_vec();
        let mut storage = Vec::new();
        decoder
            .decode(extended(&mut payload), 100, &mut storage)
            .unwrap();
        // shows: RFC7692-7-02, RFC7692-7.1.1.2-05, RFC7692-7.2.2-06
        assert_eq!(storage, b"Hello");
    }
}

#[test]
fn b79_big_incompressible_messages_with_takeover() {
    let mut random = Random::new(9);
    let messages: Vec<Vec<u8>> = [100_000, 70_000, 65_535, 5, 0, 300_000]
        .map(|len| random.bytes(len))
        .into();
    for params in [
        DeflateParams::new(),
        DeflateParams::new().with_server_takeover(false),
    ] {
        for level in [0, 1, 6, 9] {
            let mut sender = Sender::new(&everything().level(level), params);
            let mut wire = Vec::new();
            for message in &messages {
                sender
                    .encoder
                    .send_binary(&mut sender.connection, message, &mut wire)
                    .unwrap();
            }
            let expected: Vec<Emitted> = messages.iter().cloned().map(Emitted::Binary).collect();
            for max_piece in [4096, usize::MAX] {
                let emitted = receive(false, params, 1 << 20, max_piece, &[&wire]);
                assert!(emitted == expected, "{level}");
            }
        }
    }
}

/// Wherever the end of the compressor's output falls in its buffer.
#[test]
fn b80_the_tail_goes_exactly_once() {
    let params = DeflateParams::new();
    let mut random = Random::new(13);
    let mut sender = Sender::new(&everything().level(0), params);
    let mut reference = Reference::new(15);
    for len in 1..600 {
        let message = random.bytes(len);
        sender.out.clear();
        sender
            .encoder
            .send_binary(&mut sender.connection, &message, &mut sender.out)
            .unwrap();
        let payload = frames(&sender.out).remove(0).1;
        assert_eq!(reference.message(&payload), Ok(message));
        // One or two stored blocks, and the header of the one that the tail completes.
        // shows: RFC7692-7.2.1-02
        assert!(
            [6, 11].contains(&(payload.len() - len)),
            "{len} {}",
            payload.len()
        );
    }
    let mut sender = Sender::new(&everything(), params);
    let mut reference = Reference::new(15);
    for len in 1..600 {
        let (one, other) = ("ab".repeat(len), "c".repeat(len));
        let (_, first) = sender.part(&one, Fin::No);
        // shows: RFC7692-7.2.1-10
        assert!(
            first.ends_with(&[0, 0, 0xff, 0xff]),
            "flushed, and the tail left on"
        );
        let (_, last) = sender.part(&other, Fin::Yes);
        let inflated = reference.message(&[first, last].concat());
        assert_eq!(inflated, Ok([one, other].concat().into_bytes()));
    }
}

#[test]
fn b81_what_is_not_compressed_or_not_sent_is_not_referred_to() {
    let mut sender = Sender::new(&everything(), DeflateParams::new());
    let mut reference = Reference::new(15);
    let secret = "the secret of the session, the secret of the session";
    sender
        .connection
        .send_text(secret, &mut Vec::new())
        .unwrap();
    let (_, payload) = sender.text(secret);
    assert!(reference.message(&payload).is_ok());
    // No room for it.
    let mut small = FixedBuf::<4>::new();
    let other = "this did not get out, this did not get out";
    assert!(
        sender
            .encoder
            .send_text(&mut sender.connection, other, &mut small)
            .is_err()
    );
    let mut full = FixedBuf::<1>::new();
    assert!(
        sender
            .encoder
            .send_text(&mut sender.connection, other, &mut full)
            .is_err()
    );
    let (_, payload) = sender.text(other);
    assert_eq!(reference.message(&payload), Ok(other.into()));
    // In the middle of a message.
    let (_, first) = sender.part(secret, Fin::No);
    let lost = sender
        .encoder
        .send_text_part(&mut sender.connection, other, Fin::Yes, &mut small);
    assert!(lost.is_err());
    let (_, last) = sender.part(other, Fin::Yes);
    let expected = [secret, other].concat().into_bytes();
    assert_eq!(reference.message(&[first, last].concat()), Ok(expected));
    // Sent on another connection.
    let mut elsewhere = Connection::server(DeflateParams::new().negotiated(), Config::new());
    sender
        .encoder
        .send_binary(&mut elsewhere, &[b'0'; 300], &mut Vec::new())
        .unwrap();
    let (_, payload) = sender.text(&"0".repeat(300));
    assert_eq!(reference.message(&payload), Ok(vec![b'0'; 300]));
}

#[test]
fn b81_errors_come_before_the_compressor_is_touched() {
    use ws_proto::{CloseCode, CloseReason, SendError};
    let mut sender = Sender::new(&everything(), DeflateParams::new());
    sender.part("open", Fin::No);
    let (connection, out) = (&mut sender.connection, &mut sender.out);
    assert_eq!(
        sender.encoder.send_text(connection, "x", out),
        Err(SendError::MessageOpen)
    );
    let other_kind = sender
        .encoder
        .send_binary_part(connection, b"x", Fin::Yes, out);
    assert_eq!(other_kind, Err(SendError::MessageOpen));
    connection
        .close(CloseCode::NORMAL, CloseReason::EMPTY, out)
        .unwrap();
    assert_eq!(
        sender.encoder.send_text(connection, "x", out),
        Err(SendError::Closed)
    );
    let late = sender
        .encoder
        .send_text_part(connection, "x", Fin::Yes, out);
    assert_eq!(late, Err(SendError::Closed));
    // Not agreed on: as if there were no encoder.
    let mut plain = Connection::server(ws_proto::Negotiated::new(), Config::new());
    let mut out = Vec::new();
    sender
        .encoder
        .send_text(&mut plain, "Hello", &mut out)
        .unwrap();
    // shows: RFC7692-5-17
    assert_eq!(out, b"\x81\x05Hello");
}

#[test]
fn b82_the_frame_limit_is_for_the_wire_and_the_message_limit_for_what_is_inflated() {
    let params = DeflateParams::new();
    let data = Random::new(17).bytes(1000);
    let mut sender = Sender::new(&everything().level(6), params);
    let (connection, out) = (&mut sender.connection, &mut sender.out);
    sender.encoder.send_binary(connection, &data, out).unwrap();
    let payload = frames(&sender.out).remove(0).1;
    assert!(payload.len() > 1000, "incompressible data grows");
    // 1000 bytes are allowed, and more are on the wire.
    let emitted = receive(false, params, 1000, usize::MAX, &[&frame(0xc2, &payload)]);
    assert_eq!(emitted, [Emitted::Binary(data)]);
    let config = Config::new().max_frame(1000);
    let mut client = Connection::client(params.negotiated(), config, || [0; 4]);
    let mut wire = frame(0xc2, &payload);
    let failed = client.receive(&mut Input::new(&mut wire), &mut Vec::new());
    assert_eq!(failed.unwrap_err().close_code().map(u16::from), Some(1009));
}

/// After an error the decoder stays failed: its history is not the peer's any more.
#[test]
fn an_error_is_for_ever() {
    let (_, mut decoder) = Deflate::new().client(DeflateParams::new());
    let mut storage = Vec::new();
    let mut bad = [0x06];
    let first = decoder.decode(extended(&mut bad), 100, &mut storage);
    assert!(first.is_err());
    let mut good = HELLO;
    assert_eq!(
        decoder.decode(extended(&mut good), 100, &mut storage),
        first
    );
    assert!(storage.is_empty());
}

/// As the test before, for those who take pieces: the error is that of every further call.
#[test]
fn an_error_between_pieces_is_for_ever() {
    let faults: [(&[u8], DecodeError); 3] = [
        (&[0x06], DecodeError::Invalid),
        (
            b"\x00\x05\x00\xfa\xff\xffgood\x00",
            DecodeError::TextNotUtf8,
        ),
        (b"\x00\x05\x00\xfa\xffgood!\x00", DecodeError::TooBig),
    ];
    for (bad, error) in faults {
        let (_, decoder) = Deflate::new().client(DeflateParams::new());
        let mut decoder = decoder.with_max_message(4).with_max_piece(1);
        let mut bad = bad.to_vec();
        let mut inflating = decoder.inflate(extended(&mut bad));
        while let Ok(piece) = inflating.next_piece() {
            assert!(piece.is_some(), "{error:?} was not found");
        }
        for _ in 0..3 {
            assert_eq!(inflating.next_piece(), Err(error));
        }
        drop(inflating);
        for _ in 0..2 {
            let mut good = HELLO;
            let mut inflating = decoder.inflate(extended(&mut good));
            assert_eq!(inflating.next_piece(), Err(error));
        }
    }
}

/// Pieces that are not taken are lost, and that does not pass for a good message.
#[test]
fn pieces_have_to_be_taken() {
    let (_, mut decoder) = Deflate::new().client(DeflateParams::new());
    let mut good = HELLO;
    drop(decoder.inflate(extended(&mut good)));
    let mut good = HELLO;
    let mut inflating = decoder.inflate(extended(&mut good));
    assert!(inflating.next_piece().is_err());
}

fn extended(data: &mut [u8]) -> ws_proto::Extended<'_> {
    ws_proto::Extended {
        kind: Kind::Text,
        rsv: ws_proto::frame::Rsv::RSV1,
        data,
        first: true,
        last: true,
    }
}

/// Messages without RSV1 come as they are, uncopied, while compression is agreed on.
#[test]
fn uncompressed_messages_are_not_copied() {
    let params = DeflateParams::new();
    let mut client = Connection::client(params.negotiated(), Config::new(), || [0; 4]);
    let mut wire = *b"\x81\x05plain";
    let event = client
        .receive(&mut Input::new(&mut wire), &mut Vec::new())
        .unwrap();
    assert!(matches!(event, Some(Event::Text(text)) if text.whole() == Some("plain")));
}
