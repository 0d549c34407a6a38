//! What the codecs of a connection allocate: the table in the documentation.
#![cfg(feature = "deflate")]

use ws_proto::extension::deflate::{
    Deflate, DeflateDecoder, DeflateEncoder, DeflateParams, DeflatePool,
};
use ws_proto::{Assembler, Config, Connection, Input, Limited, Server, WebSocket};
use ws_proto_suite::heap::Region;

fn held(region: &Region) -> isize {
    region.change().held()
}

const MESSAGE: &[u8] = &[b'm'; 1000];

/// A message as a client sends it to a server, compressed.
fn wire() -> Vec<u8> {
    let params = DeflateParams::new();
    let (mut encoder, _) = Deflate::new().client(params);
    let mut client = Connection::client(params.negotiated(), Config::new(), || [1, 2, 3, 4]);
    let mut out = Vec::new();
    encoder.send_binary(&mut client, MESSAGE, &mut out).unwrap();
    out
}

fn send(encoder: &mut DeflateEncoder, out: &mut Limited) {
    let negotiated = DeflateParams::new().negotiated();
    let mut connection = Connection::server(negotiated, Config::new());
    encoder.send_binary(&mut connection, MESSAGE, out).unwrap();
    out.consume(usize::MAX);
}

fn receive(assembler: &mut Assembler<Vec<u8>, DeflateDecoder>, wire: &[u8]) {
    let negotiated = DeflateParams::new().negotiated();
    let mut connection = Connection::server(negotiated, Config::new());
    let mut read = [0; 200];
    let read = &mut read[..wire.len()];
    read.copy_from_slice(wire);
    let mut out = Limited::new(1000);
    let event = connection.receive(&mut Input::new(read), &mut out).unwrap();
    assert!(assembler.push(event.unwrap()).unwrap().is_some());
}

/// What a compressor and a decompressor hold between messages.
fn per_connection(deflate: &Deflate, params: DeflateParams, wire: &[u8]) -> (isize, isize) {
    let (mut encoder, decoder) = deflate.server(params);
    let mut out = Limited::new(10_000);
    ws_proto::Output::put(&mut out, &[0; 1000]);
    out.consume(1000);
    let mut storage = Vec::with_capacity(2 * MESSAGE.len());
    storage.clear();
    let mut assembler = Assembler::with_extension(storage, 1 << 20, decoder);
    let region = Region::new();
    assert_eq!(region.change().allocations, 0);
    send(&mut encoder, &mut out);
    send(&mut encoder, &mut out);
    let sending = held(&region);
    receive(&mut assembler, wire);
    let receiving = held(&region) - sending;
    (sending, receiving)
}

#[test]
fn the_table() {
    let wire = wire();
    let params = DeflateParams::new();
    let windows = |bits| {
        params
            .with_server_window_bits(bits)
            .and_then(|params| params.with_client_window_bits(bits))
            .unwrap()
    };
    for (bits, mem_level, sending, receiving) in TABLE {
        let deflate = Deflate::new().mem_level(mem_level);
        let (s, r) = per_connection(&deflate, windows(bits), &wire);
        println!("| {bits} | {mem_level} | {s} | {r} |");
        assert!(
            s <= sending && r <= receiving,
            "{bits} {mem_level}: {s} {r}"
        );
        // Not so much less that the table is wrong.
        assert!(
            s * 10 >= sending * 9 && r * 10 >= receiving * 9,
            "{bits} {mem_level}: {s} {r}"
        );
    }
    let nothing = params
        .with_server_takeover(false)
        .with_client_takeover(false);
    assert_eq!(per_connection(&Deflate::new(), nothing, &wire), (0, 0));
    // A pool holds the two codecs, whatever the number of connections.
    let pool = DeflatePool::new(4);
    let pooled = Deflate::new().pool(&pool);
    let (s, r) = per_connection(&pooled, nothing, &wire);
    println!("pool: {s} {r}");
    assert!(s > 250_000 && r > 70_000);
    for _ in 0..10 {
        assert_eq!(per_connection(&pooled, nothing, &wire), (0, 0));
    }
    pool.release();
}

/// Window bits, memory level, bytes that sending holds, bytes that receiving holds.
const TABLE: [(u8, u8, isize, isize); 7] = [
    (15, 9, 500_000, 82_000),
    (15, 8, 385_000, 82_000),
    (15, 5, 285_000, 82_000),
    (15, 1, 270_000, 82_000),
    (12, 5, 170_000, 53_000),
    (10, 5, 157_000, 53_000),
    (9, 1, 141_000, 53_000),
];

#[test]
fn nothing_is_allocated_before_the_first_compressed_message() {
    let deflate = Deflate::new();
    let params = DeflateParams::new();
    let mut out = Limited::new(10_000);
    ws_proto::Output::put(&mut out, &[0; 1000]);
    out.consume(1000);
    let mut plain = *b"\x81\x85\0\0\0\0hello";
    let region = Region::new();
    let (mut encoder, decoder) = deflate.server(params);
    let mut assembler = Assembler::with_extension(Vec::new(), 1 << 20, decoder);
    let mut connection = Connection::server(params.negotiated(), Config::new());
    encoder
        .send_text(&mut connection, "short", &mut out)
        .unwrap();
    let event = connection
        .receive(&mut Input::new(&mut plain), &mut out)
        .unwrap();
    assert!(assembler.push(event.unwrap()).unwrap().is_some());
    assert_eq!(region.change().allocations, 0);
}

#[test]
fn a_web_socket_boxes_its_codecs() {
    assert!(size_of::<Connection<Server>>() <= 200);
    let params = DeflateParams::new();
    let without = Region::new();
    let plain = WebSocket::server(params.negotiated(), Config::new());
    assert_eq!(without.change().allocations, 0);
    let with = Region::new();
    let server = plain.with_deflate(&Deflate::new(), params);
    let change = with.change();
    // Both codecs, and what keeps messages that are put together.
    assert_eq!(change.allocations, 3);
    assert!(change.bytes_allocated < 520, "{}", change.bytes_allocated);
    drop(server);
    // Not agreed on: nothing.
    let not = Region::new();
    let plain = WebSocket::server(ws_proto::Negotiated::new(), Config::new());
    let plain = plain.with_deflate(&Deflate::new(), params);
    assert_eq!(not.change().allocations, 0);
    drop(plain);
}

#[test]
fn an_idle_web_socket_can_give_its_compressor_back() {
    let params = DeflateParams::new();
    let mut server = WebSocket::server(params.negotiated(), Config::new());
    server = server.with_deflate(&Deflate::new(), params);
    let region = Region::new();
    let text = "a message that is long enough to be compressed";
    server.sender().send_text(text).unwrap();
    let first = server.pending().to_vec();
    server.consume(first.len());
    assert!(held(&region) > 250_000);
    server.release();
    assert_eq!(held(&region), first.capacity() as isize);
    // The window is empty again: nothing refers to earlier messages.
    server.sender().send_text(text).unwrap();
    assert_eq!(server.pending(), first);
}
