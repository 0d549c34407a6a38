//! Messages that inflate to much more than they are.
#![cfg(feature = "deflate")]

use ws_proto::extension::deflate::{Deflate, DeflateParams, Inflated};
use ws_proto::{AssembleError, Assembler, CloseCode, Config, Connection, Fin, Input, WebSocket};
use ws_proto_suite::deflate::{Compressor, Emitted, frame, receive};
use ws_proto_suite::heap::Region;
use ws_proto_test::random::Random;

/// Zeros that inflate anywhere in a message: flushed, and without history but zeros.
fn zeros(len: usize) -> Vec<u8> {
    let (encoder, _) = Deflate::new().level(9).server(DeflateParams::new());
    Compressor::new(encoder).part(&vec![0; len], Fin::No)
}

#[test]
fn ten_gibibytes_from_ten_mebibytes() {
    let mebibyte = zeros(1 << 20);
    assert!(mebibyte.len() < 1100);
    let bomb = mebibyte.repeat(10 << 10);
    assert!(bomb.len() < 11 << 20);
    let params = DeflateParams::new();
    for fragment in [bomb.len(), 100_000, 1000] {
        let mut wire = Vec::new();
        for (i, part) in bomb.chunks(fragment).enumerate() {
            wire.extend(frame(if i == 0 { 0x42 } else { 0 }, part));
            wire.extend(frame(0x89, b"ping"));
        }
        let config = Config::new().max_message(1 << 20);
        let mut connection = Connection::client(params.negotiated(), config, || [0; 4]);
        let (_, decoder) = Deflate::new().client(params);
        let mut assembler = Assembler::with_extension(Vec::new(), 1 << 20, decoder);
        let mut input = Input::new(&mut wire);
        let mut out = Vec::with_capacity(1 << 20);
        let before = input.len();
        let region = Region::new();
        let error = loop {
            let event = match connection.receive(&mut input, &mut out) {
                Ok(Some(event)) => event,
                Err(error) => panic!("{error}"),
                Ok(None) => panic!("all taken"),
            };
            if let Err(error) = assembler.push(event) {
                break error;
            }
        };
        assert_eq!(error, AssembleError::TooBig);
        assert_eq!(error.close_code().as_u16(), 1009);
        let read = before - input.len();
        assert!(read <= fragment + mebibyte.len() + 100, "{read}");
        // A message of the limit in a growing vector, and the codec. What a reallocation adds counts
        // as allocated, and freed memory is not taken off: no more was ever held at once.
        let allocated = region.change().bytes_allocated;
        println!("frames of {fragment} bytes: {allocated} bytes allocated");
        assert!(allocated < (2 << 20) + 100_000, "{allocated}");
    }
}

#[test]
fn a_gibibyte_piece_by_piece() {
    let mebibyte = zeros(1 << 20);
    let params = DeflateParams::new();
    let (_, decoder) = Deflate::new().client(params);
    let mut decoder = decoder.with_max_message(u64::MAX);
    let mut connection = Connection::client(params.negotiated(), Config::new(), || [0; 4]);
    let mut out = Vec::new();
    let mut total = 0_u64;
    let mut read = frame(0x42, &mebibyte);
    let fresh = read.clone();
    let region = Region::new();
    for i in 0..1024 {
        read.copy_from_slice(&fresh);
        read[0] = if i == 0 { 0x42 } else { 0 };
        let mut input = Input::new(&mut read);
        while let Some(event) = connection.receive(&mut input, &mut out).unwrap() {
            let ws_proto::Event::Extended(piece) = event else {
                panic!()
            };
            let mut inflating = decoder.inflate(piece);
            while let Some(piece) = inflating.next_piece().unwrap() {
                let Inflated::Binary { data, first, last } = piece else {
                    panic!()
                };
                assert_eq!(first, total == 0);
                assert!(!last && data.len() <= 1 << 15);
                total += data.len() as u64;
            }
        }
    }
    assert_eq!(total, 1 << 30);
    let allocated = region.change().bytes_allocated;
    assert!(allocated < 100_000, "{allocated}");
}

#[test]
fn at_the_limit_and_one_over() {
    let mut random = Random::new(3);
    for limit in [0, 1, 100, 4095, 4096, 4097, 32_768, 65_536, 100_000] {
        for (level, data) in [
            (9, vec![0; limit + 1]),
            (0, vec![0; limit + 1]),
            (6, random.bytes(limit + 1)),
        ] {
            for len in [limit.saturating_sub(1), limit, limit + 1] {
                let deflate = Deflate::new().level(level).threshold(0);
                let encoder = deflate.server(DeflateParams::new()).0;
                let encoded = Compressor::new(encoder).part(&data[..len], Fin::Yes);
                let wire = frame(0xc2, &encoded);
                for (size, max_piece) in [(wire.len(), usize::MAX), (1000, 1 << 12), (11, 1000)] {
                    let pieces: Vec<&[u8]> = wire.chunks(size).collect();
                    // The wire may have a few bytes more than the inflated message.
                    let max = limit as u64;
                    let emitted = receive(false, DeflateParams::new(), max, max_piece, &pieces);
                    if len <= limit {
                        assert_eq!(emitted, [Emitted::Binary(data[..len].to_vec())]);
                    } else {
                        assert_eq!(emitted, [Emitted::Fail(1009)], "{limit} {level}");
                    }
                }
            }
        }
    }
}

#[test]
fn many_messages_at_the_limit() {
    let params = DeflateParams::new();
    let (mut encoder, _) = Deflate::new().server(params);
    let mut server = Connection::server(params.negotiated(), Config::new());
    let mut wire = Vec::new();
    for _ in 0..50 {
        encoder
            .send_binary(&mut server, &[7; 10_000], &mut wire)
            .unwrap();
    }
    encoder
        .send_binary(&mut server, &[7; 10_001], &mut wire)
        .unwrap();
    let emitted = receive(false, params, 10_000, usize::MAX, &[&wire]);
    assert_eq!(emitted.len(), 51);
    assert!(
        emitted[..50]
            .iter()
            .all(|emitted| *emitted == Emitted::Binary(vec![7; 10_000]))
    );
    assert_eq!(emitted[50], Emitted::Fail(1009));
}

/// Text that is wrong in front of the limit or of bad data, wherever it is cut.
#[test]
fn the_first_fault_counts() {
    let params = DeflateParams::new();
    let encode = |data: &[u8], fin| {
        let (encoder, _) = Deflate::new().level(0).threshold(0).server(params);
        Compressor::new(encoder).part(data, fin)
    };
    let not_text = encode(b"0123456789\xff01234567890123456789", Fin::Yes);
    let bad_data = [encode(b"0123456789", Fin::No), vec![0x06]].concat();
    let bad_text_then_data = [encode(b"0123456789\xc0", Fin::No), vec![0x06]].concat();
    for (payload, limit, code) in [
        (&not_text, 100, 1007),
        (&not_text, 20, 1007),
        (&not_text, 11, 1007),
        (&not_text, 10, 1009),
        (&not_text, 5, 1009),
        (&bad_data, 100, 1007),
        (&bad_data, 10, 1007),
        (&bad_data, 9, 1009),
        (&bad_text_then_data, 11, 1007),
        (&bad_text_then_data, 10, 1009),
    ] {
        let wire = frame(0xc1, payload);
        for size in 1..=wire.len() {
            for max_piece in [1, 3, usize::MAX] {
                let pieces: Vec<&[u8]> = wire.chunks(size).collect();
                let emitted = receive(false, params, limit, max_piece, &pieces);
                assert_eq!(emitted, [Emitted::Fail(code)], "{limit} {size} {max_piece}");
            }
        }
    }
}

#[test]
fn a_web_socket_closes() {
    let params = DeflateParams::new();
    let config = Config::new().max_message(1000);
    let mut client = WebSocket::client(params.negotiated(), config, || [0; 4]);
    client = client.with_deflate(&Deflate::new(), params);
    let wire = frame(0x42, &zeros(1 << 20)[..900]);
    client.read_buf(wire.len())[..wire.len()].copy_from_slice(&wire);
    client.advance(wire.len());
    let error = client.next_message().err().unwrap();
    assert_eq!(error.close_code(), Some(CloseCode::MESSAGE_TOO_BIG));
    assert_eq!(client.pending(), [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xf1]);
    assert_eq!(client.next_message().err(), Some(error));
}
