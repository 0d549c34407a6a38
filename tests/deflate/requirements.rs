//! Requirements of RFC 7692 and RFC 1951 that the other tests of permessage-deflate do not show.
#![cfg(feature = "deflate")]

use ws_proto::extension::deflate::{Deflate, DeflateEncoder, DeflateParams};
use ws_proto::frame::{Header, Opcode, Rsv};
use ws_proto::{Client, Config, Connection};
use ws_proto_suite::deflate::{Emitted, Reference, frame, frames, receive};

type Keys = fn() -> [u8; 4];

/// A client that compresses everything; masking with zeros leaves its payloads readable.
struct Sender {
    connection: Connection<Client<Keys>>,
    encoder: DeflateEncoder,
}

impl Sender {
    fn new(deflate: &Deflate, params: DeflateParams) -> Self {
        let keys: Keys = || [0; 4];
        Self {
            connection: Connection::client(params.negotiated(), Config::new(), keys),
            encoder: deflate.clone().threshold(0).client(params).0,
        }
    }

    /// The first byte of the frame, and its payload.
    fn binary(&mut self, data: &[u8]) -> (u8, Vec<u8>) {
        let mut out = Vec::new();
        self.encoder
            .send_binary(&mut self.connection, data, &mut out)
            .expect("room");
        let (_, at) = Header::parse(&out).expect("legal").expect("complete");
        (out[0], out[at..].to_vec())
    }
}

/// What a server emits for a compressed binary message.
fn server(payload: &[u8]) -> Vec<Emitted> {
    let header = Header {
        rsv: Rsv::RSV1,
        ..Header::new(Opcode::Binary, payload.len() as u64).masked([0; 4])
    };
    let wire = [&header.encode()[..], payload].concat();
    receive(true, DeflateParams::new(), 1 << 20, usize::MAX, &[&wire])
}

/// What a client emits for it.
fn client(payload: &[u8]) -> Vec<Emitted> {
    let wire = frame(0xc2, payload);
    receive(false, DeflateParams::new(), 1 << 20, usize::MAX, &[&wire])
}

/// A stored block of 32768 bytes, then a match of 8 bytes at that distance.
fn far_match() -> (Vec<u8>, Vec<u8>) {
    let data: Vec<u8> = (0..32_768_u32).map(|i| (i * 7 + 3) as u8).collect();
    let stored = [&[0x00, 0x00, 0x80, 0xff, 0x7f][..], &data].concat();
    // Fixed codes: length 8 is symbol 262 (0000110), distance 32768 is symbol 29 (11101) with all
    // 13 extra bits set, then the end of the block (0000000) and an empty stored block.
    let mut bits = Bits::default();
    bits.push(0b010, 3);
    bits.push_code(0b000_0110, 7);
    bits.push_code(0b1_1101, 5);
    bits.push(0x1fff, 13);
    bits.push_code(0, 7);
    bits.push(0, 3);
    let payload = [stored, bits.bytes].concat();
    let inflated = [&data[..], &data[..8]].concat();
    (payload, inflated)
}

/// Bits, packed from the least significant one on.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    len: usize,
}

impl Bits {
    fn push(&mut self, value: u32, count: usize) {
        for i in 0..count {
            if self.len % 8 == 0 {
                self.bytes.push(0);
            }
            let last = self.bytes.last_mut().expect("pushed");
            *last |= u8::try_from(value >> i & 1).expect("a bit") << (self.len % 8);
            self.len += 1;
        }
    }

    /// A Huffman code, from its most significant bit on.
    fn push_code(&mut self, code: u32, count: usize) {
        for i in (0..count).rev() {
            self.push(code >> i & 1, 1);
        }
    }
}

#[test]
fn a_client_keeps_to_its_window() {
    let data: Vec<u8> = (0..60_000_u32).map(|i| (i * i / 97 % 251) as u8).collect();
    for bits in 8..=15 {
        let params = DeflateParams::new()
            .with_client_window_bits(bits)
            .expect("in range");
        let mut sender = Sender::new(&Deflate::new().level(9), params);
        let mut reference = Reference::new(bits);
        for _ in 0..2 {
            let (first, payload) = sender.binary(&data);
            assert_eq!(first, 0xc2);
            // shows: RFC7692-7.2.1-16, RFC7692-7.1.2.2-03
            assert_eq!(reference.message(&payload), Ok(data.clone()));
        }
    }
}

#[test]
fn a_client_without_takeover_starts_each_message_anew() {
    let params = DeflateParams::new().with_client_takeover(false);
    let mut sender = Sender::new(&Deflate::new().level(6), params);
    let first = sender.binary(b"the same again, the same again");
    // shows: RFC7692-7.2.1-12, RFC7692-7.1.1.2-06
    assert_eq!(sender.binary(b"the same again, the same again"), first);
}

#[test]
fn stored_blocks_are_compression_too() {
    let mut sender = Sender::new(&Deflate::new().level(0), DeflateParams::new());
    let (first, payload) = sender.binary(b"stored");
    assert!(payload.windows(6).any(|bytes| bytes == b"stored"));
    // shows: RFC7692-7.2.3.3-01
    assert_eq!(first, 0xc2);
}

#[test]
fn the_whole_window_is_there_for_the_other_end() {
    let (payload, inflated) = far_match();
    let emitted = [Emitted::Binary(inflated)];
    // shows: RFC7692-7.1.2.1-04, RFC7692-7.2.2-08, RFC1951-3.2.5-01
    assert_eq!(client(&payload), emitted);
    // shows: RFC7692-7.1.2.2-08, RFC7692-7.2.2-10
    assert_eq!(server(&payload), emitted);
}

#[test]
fn the_longest_match_overlaps_itself() {
    for (symbol, count, extra) in [(0b1100_0101, 8, 0), (0b1100_0100, 8, 5)] {
        let mut bits = Bits::default();
        bits.push(0b010, 3);
        bits.push_code(0x30 + u32::from(b'z'), 8);
        bits.push_code(symbol, count);
        bits.push(31, extra);
        bits.push_code(0, 5);
        bits.push_code(0, 7);
        bits.push(0, 3);
        // shows: RFC1951-3.2.5-02, RFC1951-3.2.3-04
        assert_eq!(client(&bits.bytes), [Emitted::Binary(vec![b'z'; 259])]);
    }
}

#[test]
fn the_defaults_are_useful() {
    // shows: RFC7692-7.3-01
    assert_eq!(DeflateParams::new().server_window_bits(), 15);
    // shows: RFC7692-7.3-01
    assert_eq!(DeflateParams::new().client_window_bits(), 15);
}

#[test]
fn an_offer_tells_the_window_that_the_client_wants() {
    let offer = Deflate::new().server_window_bits(10).offer();
    let written = offer.extension().to_string();
    // shows: RFC7692-5-05
    assert!(written.contains("; server_max_window_bits=10"), "{written}");
}

#[test]
fn alternatives_are_offered_in_the_caller_s_order() {
    use ws_proto::handshake::{ClientHandshake, ClientRequest, Limits};
    let (first, second) = (
        Deflate::new().server_window_bits(10).offer(),
        Deflate::new().offer(),
    );
    let offers = [first.extension(), second.extension()];
    let request = ClientRequest::new("h", "/").extensions(&offers);
    let mut out = Vec::new();
    ClientHandshake::start(request, [7; 16], Vec::new(), Limits::new(), &mut out).expect("valid");
    let head = String::from_utf8(out).expect("text");
    let line = head
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "))
        .expect("a line");
    // shows: RFC7692-5-03
    assert_eq!(
        line,
        "permessage-deflate; server_max_window_bits=10; client_max_window_bits, \
        permessage-deflate; client_max_window_bits"
    );
}

/// What a server sends is for a window of the client's, also in fragments.
#[test]
fn a_server_that_answers_is_understood() {
    let params = DeflateParams::new()
        .with_server_window_bits(9)
        .expect("in range");
    let (mut encoder, _) = Deflate::new().threshold(0).server(params);
    let mut connection = Connection::server(params.negotiated(), Config::new());
    let mut out = Vec::new();
    encoder
        .send_binary(&mut connection, &[7; 5_000], &mut out)
        .expect("room");
    let (first, payload) = frames(&out).remove(0);
    assert_eq!(first, 0xc2);
    assert_eq!(Reference::new(9).message(&payload), Ok(vec![7; 5_000]));
}

/// Two extensions cannot use RSV1 at once.
#[test]
fn a_server_accepts_no_second_extension_with_its_bit() {
    use ws_proto::handshake::{Accept, ExtensionOffer, HeadError, Upgrade};
    let headers: [(&str, &[u8]); 6] = [
        ("Host", b"h"),
        ("Upgrade", b"websocket"),
        ("Connection", b"Upgrade"),
        ("Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", b"13"),
        ("Sec-WebSocket-Extensions", b"permessage-deflate, x-other"),
    ];
    let upgrade = Upgrade::from_headers("GET", "/", &headers).expect("valid");
    let agreed = Deflate::new()
        .accept(upgrade.extensions())
        .expect("offered");
    let other = ExtensionOffer::new("x-other", &[]).with_rsv(Rsv::RSV1);
    let extensions = [agreed.extension(), other];
    let mut out = Vec::new();
    let refused = upgrade.accept(&Accept::new().extensions(&extensions), &mut out);
    // shows: RFC7692-5-11
    assert_eq!(refused.map(drop), Err(HeadError::ExtensionRepeated));
    assert_eq!(out, b"");
}
