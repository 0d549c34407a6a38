//! Compressed messages come out the same, and keep to the agreed parameters.
#![cfg(feature = "deflate")]

use proptest::prelude::*;
use ws_proto::extension::deflate::{Deflate, DeflateParams, DeflatePool};
use ws_proto::{Config, Connection, Fin, FixedBuf, Message, SendError, WebSocket};
use ws_proto_suite::deflate::{Emitted, Reference, frame, frames, receive, receive_whole};
use ws_proto_test::random::Random;

#[derive(Clone, Debug)]
enum Send {
    Whole(Vec<u8>),
    Parts(Vec<Vec<u8>>),
    /// By the connection itself.
    Plain(Vec<u8>),
    PlainParts(Vec<Vec<u8>>),
    /// Compressed, and then there is no room for it.
    Fails(Vec<u8>),
}

/// Bytes that compress a bit, in an alphabet of that many.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    let size = prop_oneof![4 => 0..200_usize, 2 => 0..5_000_usize, 1 => 0..80_000_usize];
    (size, 1..257_u64, 0..40_usize, any::<u64>()).prop_map(|(size, alphabet, repeat, seed)| {
        let mut random = Random::new(seed | 1);
        let mut bytes = Vec::with_capacity(size);
        while bytes.len() < size {
            if repeat > 0 && bytes.len() > repeat && random.next() % 4 == 0 {
                let from = random.next() as usize % (bytes.len() - repeat);
                let again = bytes[from..from + repeat].to_vec();
                bytes.extend(again);
            } else {
                bytes.push((random.next() % alphabet) as u8);
            }
        }
        bytes.truncate(size);
        bytes
    })
}

fn send() -> impl Strategy<Value = Send> {
    let parts = || prop::collection::vec(payload(), 1..4);
    prop_oneof![
        4 => payload().prop_map(Send::Whole),
        2 => parts().prop_map(Send::Parts),
        1 => payload().prop_map(Send::Plain),
        1 => parts().prop_map(Send::PlainParts),
        1 => payload().prop_map(Send::Fails),
    ]
}

fn params() -> impl Strategy<Value = DeflateParams> {
    (any::<bool>(), any::<bool>(), 8..16_u8, 8..16_u8).prop_map(|(server, client, s, c)| {
        let mut params = DeflateParams::new();
        if server {
            params = params.with_server_takeover(false);
        }
        if client {
            params = params.with_client_takeover(false);
        }
        params
            .with_server_window_bits(s)
            .and_then(|params| params.with_client_window_bits(c))
            .unwrap()
    })
}

fn deflate() -> impl Strategy<Value = Deflate> {
    (
        0..10_u8,
        1..10_u8,
        prop_oneof![Just(0), 0..1000_usize],
        any::<bool>(),
    )
        .prop_map(|(level, mem_level, threshold, pooled)| {
            let deflate = Deflate::new()
                .level(level)
                .mem_level(mem_level)
                .threshold(threshold);
            if pooled {
                deflate.pool(&DeflatePool::new(2))
            } else {
                deflate
            }
        })
}

fn fin(last: bool) -> Fin {
    if last { Fin::Yes } else { Fin::No }
}

/// Sends all of it, as a server or as a client; gives the bytes and the messages in them.
macro_rules! send_all {
    ($connection:expr, $encoder:expr, $sends:expr) => {{
        let (mut connection, mut encoder) = ($connection, $encoder);
        let (mut out, mut sent) = (Vec::new(), Vec::new());
        for send in $sends {
            match send {
                Send::Whole(data) => {
                    encoder
                        .send_binary(&mut connection, data, &mut out)
                        .unwrap();
                    sent.push(data.clone());
                }
                Send::Parts(parts) => {
                    for (i, part) in parts.iter().enumerate() {
                        let fin = fin(i + 1 == parts.len());
                        encoder
                            .send_binary_part(&mut connection, part, fin, &mut out)
                            .unwrap();
                        connection.ping(b"", &mut out).unwrap();
                    }
                    sent.push(parts.concat());
                }
                Send::Plain(data) => {
                    connection.send_binary(data, &mut out).unwrap();
                    sent.push(data.clone());
                }
                Send::PlainParts(parts) => {
                    for (i, part) in parts.iter().enumerate() {
                        let fin = fin(i + 1 == parts.len());
                        // The first part decides for all.
                        if i == 0 {
                            connection.send_binary_part(part, fin, &mut out).unwrap();
                        } else {
                            encoder
                                .send_binary_part(&mut connection, part, fin, &mut out)
                                .unwrap();
                        }
                    }
                    sent.push(parts.concat());
                }
                Send::Fails(data) => {
                    let mut small = FixedBuf::<8>::new();
                    match encoder.send_binary(&mut connection, data, &mut small) {
                        Err(error) => {
                            assert_eq!(error, SendError::OutputFull);
                            assert!(small.is_empty());
                        }
                        Ok(()) => {
                            out.extend_from_slice(small.pending());
                            sent.push(data.clone());
                        }
                    }
                }
            }
        }
        (out, sent)
    }};
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn both_directions(
        sends in prop::collection::vec(send(), 1..8),
        params in params(),
        deflate in deflate(),
        max_piece in prop_oneof![Just(usize::MAX), 1..5000_usize],
        cut in 1..100_000_usize,
    ) {
        let config = Config::new();
        let negotiated = params.negotiated();
        for server in [true, false] {
            let (bytes, sent) = if server {
                send_all!(Connection::server(negotiated, config), deflate.server(params).0, &sends)
            } else {
                let connection = Connection::client(negotiated, config, || [0x55, 0xaa, 0, 1]);
                send_all!(connection, deflate.client(params).0, &sends)
            };
            let pieces: Vec<&[u8]> = bytes.chunks(cut).collect();
            let emitted = receive(!server, params, 16 << 20, max_piece, &pieces);
            let emitted: Vec<Vec<u8>> = emitted
                .into_iter()
                .filter_map(|emitted| match emitted {
                    Emitted::Binary(data) => Some(data),
                    Emitted::Ping(_) => None,
                    other => panic!("{other:?}"),
                })
                .collect();
            // shows: RFC7692-5-19
            prop_assert_eq!(&emitted, &sent);
        }
    }

    #[test]
    fn the_window_is_never_left(
        sends in prop::collection::vec(send(), 1..8),
        params in params(),
        deflate in deflate(),
    ) {
        let connection = Connection::server(params.negotiated(), Config::new());
        let (bytes, sent) = send_all!(connection, deflate.server(params).0, &sends);
        let mut reference = Reference::new(params.server_window_bits());
        let mut inflated = Vec::new();
        let (mut message, mut compressed) = (Vec::new(), false);
        for (first, payload) in frames(&bytes) {
            if first & 0x0f == 9 {
                // shows: RFC7692-6-01
                prop_assert_eq!(first, 0x89);
                continue;
            }
            if first & 0x0f != 0 {
                compressed = first & 0x40 != 0;
            }
            message.extend(payload);
            if first & 0x80 != 0 {
                let message = core::mem::take(&mut message);
                if compressed {
                    if !params.server_takeover() {
                        reference.reset();
                    }
                    inflated.push(reference.message(&message).unwrap());
                } else {
                    inflated.push(message);
                }
            }
        }
        prop_assert_eq!(inflated, sent);
    }
}

/// Long enough for every window, with matches at every distance.
#[test]
fn every_window_at_every_level() {
    let mut random = Random::new(7);
    let word: Vec<Vec<u8>> = (0..300).map(|_| random.bytes(5)).collect();
    let mut data = Vec::new();
    while data.len() < 50_000 {
        data.extend(&word[random.next() as usize % word.len()]);
    }
    for bits in 8..=15 {
        for level in 0..=9 {
            for mem_level in [1, 9] {
                let params = DeflateParams::new().with_server_window_bits(bits).unwrap();
                let deflate = Deflate::new().level(level).mem_level(mem_level);
                let (mut encoder, _) = deflate.server(params);
                let mut reference = Reference::new(bits);
                let mut server = Connection::server(params.negotiated(), Config::new());
                for message in [&data[..], &data[..1000], &data[20_000..]] {
                    let mut out = Vec::new();
                    encoder.send_binary(&mut server, message, &mut out).unwrap();
                    let (_, payload) = frames(&out).remove(0);
                    // shows: RFC7692-7.2.1-18, RFC7692-7.2.1-11, RFC1951-3.2.3-03
                    assert_eq!(reference.message(&payload), Ok(message.to_vec()));
                }
                if level > 0 && bits < 15 {
                    assert!(
                        reference.longest() > 1 << bits.max(9) >> 2,
                        "{bits} {level}"
                    );
                }
            }
        }
    }
}

#[test]
fn web_sockets_compress_and_inflate() {
    let params = DeflateParams::new();
    let deflate = Deflate::new();
    let mut server = WebSocket::server(params.negotiated(), Config::new());
    server = server.with_deflate(&deflate, params);
    let mut client = WebSocket::client(params.negotiated(), Config::new(), || [1, 2, 3, 4]);
    client = client.with_deflate(&deflate, params);
    let text = "text ".repeat(1000);
    for round in 0..3 {
        let mut sender = client.sender();
        sender.send_text(&text).unwrap();
        sender.send_binary(text.as_bytes()).unwrap();
        sender.uncompressed().send_text(&text).unwrap();
        sender.send_text_part("one ", Fin::No).unwrap();
        sender.ping(b"between").unwrap();
        // It goes on as it began, despite the setting.
        let mut plain = sender.uncompressed();
        plain.send_text_part("two", Fin::Yes).unwrap();
        sender
            .uncompressed()
            .send_text_part("plain ", Fin::No)
            .unwrap();
        sender.send_text_part("parts", Fin::Yes).unwrap();
        sender.send_text("").unwrap();
        let sent = client.pending().to_vec();
        client.consume(sent.len());
        assert!(sent.len() < text.len() + 500, "{round} {}", sent.len());
        let mut got = Vec::new();
        for piece in sent.chunks(100) {
            server.read_buf(piece.len())[..piece.len()].copy_from_slice(piece);
            server.advance(piece.len());
            while let Some((message, mut reply)) = server.next_message().unwrap() {
                got.push(format!("{message:?}"));
                reply.send(message).unwrap();
            }
        }
        let expected = [
            Message::Text(&text),
            Message::Binary(text.as_bytes()),
            Message::Text(&text),
            Message::Text("one two"),
            Message::Text("plain parts"),
            Message::Text(""),
        ];
        assert_eq!(got, expected.map(|message| format!("{message:?}")));
        let echo = server.pending().to_vec();
        server.consume(echo.len());
        assert!(echo.len() < 1000);
        client.read_buf(echo.len())[..echo.len()].copy_from_slice(&echo);
        client.advance(echo.len());
        for message in expected {
            assert_eq!(client.next_message().unwrap().unwrap().0, message);
        }
        assert!(client.next_message().unwrap().is_none());
    }
}

/// Many connections, one pool, one thread: nothing leaks from one to another.
#[test]
fn a_pool_is_shared() {
    let pool = DeflatePool::new(3);
    let params = DeflateParams::new()
        .with_server_takeover(false)
        .with_client_takeover(false);
    let deflate = Deflate::new().threshold(0).pool(&pool);
    let mut first = Vec::new();
    for connection in 0..20 {
        let mut server = Connection::server(params.negotiated(), Config::new());
        let (mut encoder, _) = deflate.server(params);
        let (_, decoder) = deflate.client(params);
        let mut client = Connection::client(params.negotiated(), Config::new(), || [0; 4]);
        let mut out = Vec::new();
        encoder
            .send_text_part(&mut server, "Hello, Hello", Fin::No, &mut out)
            .unwrap();
        let (mut other, _) = deflate.server(params);
        let mut beside = Connection::server(params.negotiated(), Config::new());
        other
            .send_text(&mut beside, "Hello, Hello", &mut Vec::new())
            .unwrap();
        encoder
            .send_text_part(&mut server, " Hello", Fin::Yes, &mut out)
            .unwrap();
        if connection == 0 {
            first.clone_from(&out);
        }
        assert_eq!(
            out, first,
            "the window is empty at the start of each message"
        );
        let emitted = receive_whole(&mut client, decoder, 100, &[&out]);
        assert_eq!(emitted, [Emitted::Text("Hello, Hello Hello".into())]);
    }
}

/// Storage that can be inflated into, an array, and storage that cannot: the same messages, also
/// over final blocks whose history went straight into the storage.
#[test]
fn the_storage_makes_no_difference() {
    use ws_proto::{CapacityError, MessageStorage, Storage};

    #[derive(Default)]
    struct Bare(Vec<u8>);
    impl Storage for Bare {
        fn bytes(&self) -> &[u8] {
            &self.0
        }
        fn store(&mut self, bytes: &[u8]) -> Result<(), CapacityError> {
            self.0.extend_from_slice(bytes);
            Ok(())
        }
        fn truncate(&mut self, len: usize) {
            self.0.truncate(len);
        }

        fn clear(&mut self) {
            self.0.clear();
        }
    }

    impl MessageStorage for Bare {}

    /// Says that there is room to inflate into, and has none.
    #[derive(Default)]
    struct Empty(Vec<u8>);
    impl Storage for Empty {
        fn bytes(&self) -> &[u8] {
            &self.0
        }
        fn store(&mut self, bytes: &[u8]) -> Result<(), CapacityError> {
            self.0.extend_from_slice(bytes);
            Ok(())
        }
        fn truncate(&mut self, len: usize) {
            self.0.truncate(len);
        }

        fn clear(&mut self) {
            self.0.clear();
        }
    }

    impl MessageStorage for Empty {
        fn store_with(&mut self, _: usize, write: &mut dyn FnMut(&mut [u8]) -> usize) {
            assert_eq!(write(&mut []), 0);
        }
    }

    fn all<S: MessageStorage>(storage: S, limit: u64, wire: &[u8]) -> Vec<Result<Vec<u8>, u16>> {
        let params = DeflateParams::new();
        let mut connection = Connection::client(params.negotiated(), Config::new(), || [0; 4]);
        let (_, decoder) = Deflate::new().client(params);
        let mut assembler = ws_proto::Assembler::with_extension(storage, limit, decoder);
        let mut wire = wire.to_vec();
        let mut input = ws_proto::Input::new(&mut wire);
        let mut emitted = Vec::new();
        while let Some(event) = connection.receive(&mut input, &mut Vec::new()).unwrap() {
            match assembler.push(event) {
                Ok(message) => {
                    emitted.extend(message.map(|message| Ok(message.as_bytes().to_vec())));
                }
                Err(error) => emitted.push(Err(error.close_code().as_u16())),
            }
        }
        emitted
    }

    // Each message ends in a final block, and the next refers to it.
    let mut random = Random::new(7);
    let words: Vec<_> = (0..300).map(|_| random.bytes(5)).collect();
    let mut history = Vec::new();
    let mut wire = Vec::new();
    let mut messages = Vec::new();
    for len in [10, 3000, 5000, 70_000, 40, 33_000, 300_000, 1] {
        let message: Vec<u8> = core::iter::repeat_with(|| random.next() as usize % words.len())
            .flat_map(|at| words[at].clone())
            .take(len)
            .collect();
        let mut deflate = zlib_rs::Deflate::new(1, false, 15);
        let kept = history.len().min(32 << 10);
        if kept > 0 {
            deflate
                .set_dictionary(&history[history.len() - kept..])
                .unwrap();
        }
        let mut payload = vec![0; len * 2 + 100];
        deflate
            .compress(&message, &mut payload, zlib_rs::DeflateFlush::Finish)
            .unwrap();
        payload.truncate(deflate.total_out() as usize);
        payload.push(0);
        wire.extend(frame(0xc2, &payload));
        history.extend_from_slice(&message);
        messages.push(Ok(message));
    }
    assert_eq!(all(Vec::new(), 1 << 20, &wire), messages);
    assert_eq!(all(Bare::default(), 1 << 20, &wire), messages);
    assert_eq!(all(Empty::default(), 1 << 20, &wire), messages);
    let array = Box::new(FixedBuf::<300_000>::new());
    assert_eq!(all(*array, 1 << 20, &wire), messages);
    // One byte too many.
    for limit in [2999, 69_999, 299_999] {
        let emitted = all(Vec::new(), limit, &wire);
        assert_eq!(emitted, all(Bare::default(), limit, &wire));
        assert!(emitted.contains(&Err(1009)));
    }
    assert_eq!(all(Vec::new(), 300_000, &wire), messages);
}
