//! What a `WebSocket` holds at most, whatever a peer claims or compresses.
#![cfg(feature = "deflate")]

use ws_proto::extension::deflate::{Deflate, DeflateParams};
use ws_proto::socket::{Failure, Next, Received, Want};
use ws_proto::{AssembleError, Client, Config, Fin, Negotiated, WebSocket, WebSocketError};
use ws_proto_suite::deflate::{Compressor, frame};
use ws_proto_suite::heap::Region;

type Key = fn() -> [u8; 4];

const MEBIBYTE: usize = 1 << 20;

/// What a decoder allocates, with some room.
const CODEC: usize = 100_000;

fn client(config: Config) -> WebSocket<Client<Key>> {
    WebSocket::client(Negotiated::new(), config, (|| [0; 4]) as Key)
}

fn compressed(config: Config) -> WebSocket<Client<Key>> {
    let params = DeflateParams::new();
    WebSocket::client(params.negotiated(), config, (|| [0; 4]) as Key)
        .with_deflate(&Deflate::new(), params)
}

/// A mebibyte of zeros, compressed so that it can be repeated.
fn zeros() -> Vec<u8> {
    let (encoder, _) = Deflate::new().level(9).server(DeflateParams::new());
    Compressor::new(encoder).part(&vec![0; MEBIBYTE], Fin::No)
}

#[test]
fn a_bomb_takes_no_more_than_the_limit_and_gives_it_back() {
    let wire = frame(0xc2, &zeros().repeat(1000));
    for own in [false, true] {
        let mut socket = compressed(Config::new().max_message(MEBIBYTE as u64));
        let mut feeds: Vec<Vec<u8>> = wire.chunks(1 << 16).map(<[u8]>::to_vec).collect();
        let region = Region::new();
        let mut error = None;
        for feed in &mut feeds {
            let found = if own {
                socket.read_buf(feed.len())[..feed.len()].copy_from_slice(feed);
                socket.advance(feed.len());
                socket.poll_next(Want::Message).err()
            } else {
                let mut reading = socket.receive(feed);
                reading.poll_next(Want::Message).err()
            };
            if found.is_some() {
                error = found;
                break;
            }
        }
        assert_eq!(error, Some(WebSocketError::Assemble(AssembleError::TooBig)));
        let allocated = region.change().bytes_allocated;
        let buffer = if own { 2 << 16 } else { 0 };
        assert!(allocated < MEBIBYTE + 4096 + CODEC + buffer, "{allocated}");
        let _ = socket.tick(ws_proto::Instant::from_millis(0));
        let held = region.change().held();
        assert!(held < CODEC as isize, "{held}");
    }
}

#[test]
fn a_big_frame_in_many_reads_takes_what_it_has() {
    const SIZE: usize = 16 * MEBIBYTE;
    let wire = frame(0x82, &vec![7; SIZE]);
    let mut socket = client(
        Config::new()
            .max_message(SIZE as u64)
            .max_frame(SIZE as u64),
    );
    let mut feeds: Vec<Vec<u8>> = wire.chunks(1 << 16).map(<[u8]>::to_vec).collect();
    let region = Region::new();
    let mut messages = 0;
    for feed in &mut feeds {
        let mut reading = socket.receive(feed);
        if let Next::Received(Received::Message(message, _)) =
            reading.poll_next(Want::Message).unwrap()
        {
            assert_eq!(message.as_bytes().len(), SIZE);
            messages += 1;
        }
    }
    assert_eq!(messages, 1);
    let allocated = region.change().bytes_allocated;
    assert!(allocated <= SIZE + 4096, "{allocated}");
}

/// What a header only claims is not allocated.
#[test]
fn a_claim_takes_nothing() {
    let mut wire = vec![0x82, 127];
    wire.extend((15_u64 << 20).to_be_bytes());
    wire.extend(b"start");
    for own in [false, true] {
        let mut socket = client(Config::new());
        let region = Region::new();
        if own {
            let n = socket.read_hint();
            socket.read_buf(n)[..wire.len()].copy_from_slice(&wire);
            socket.advance(wire.len());
            assert!(matches!(socket.poll_next(Want::Message), Ok(Next::Read)));
        } else {
            let mut wire = wire.clone();
            let mut reading = socket.receive(&mut wire);
            assert!(matches!(reading.poll_next(Want::Message), Ok(Next::Read)));
        }
        let held = region.change().held();
        assert!(held <= 2 * 4096, "{held}");
    }
}

/// A piece, and then the next whole message: the rest of the first is decoded and dropped.
#[test]
fn what_is_skipped_is_not_collected() {
    let mut wire = frame(0x42, &zeros().repeat(256));
    wire.extend(frame(0x80, &[0])); // an empty block, of which the tail is left out
    wire.extend(frame(0x81, b"after"));
    let mut socket = compressed(Config::new().max_message(1 << 30));
    let region = Region::new();
    let mut reading = socket.receive(&mut wire);
    let Next::Received(Received::Piece(piece, _)) = reading.poll_next(Want::Piece).unwrap() else {
        panic!("a piece")
    };
    assert!(piece.first && !piece.last);
    let mut yields = 0;
    loop {
        match reading.poll_next(Want::Message).unwrap() {
            Next::Yield => yields += 1,
            Next::Received(Received::Message(message, _)) => {
                assert_eq!(message.as_text(), Some("after"));
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(yields > 50, "the work of one call is bounded: {yields}");
    drop(reading);
    let allocated = region.change().bytes_allocated;
    assert!(allocated < 3 * MEBIBYTE + CODEC, "{allocated}");
}

/// Nobody will ask for it: it is not even decoded.
#[test]
fn what_is_discarded_is_not_decoded() {
    let mut socket = compressed(Config::new());
    socket.discard();
    let mut wire = frame(0xc2, b"this is no deflated data");
    wire.extend(frame(0xc2, &zeros().repeat(100)));
    let region = Region::new();
    let mut reading = socket.receive(&mut wire);
    assert!(matches!(reading.poll_next(Want::Message), Ok(Next::Read)));
    drop(reading);
    assert_eq!(region.change().bytes_allocated, 0);
    assert_eq!(socket.failure(), None);
}

/// A fault frees the collected and the unread bytes.
#[test]
fn a_fault_gives_everything_back() {
    let mut wire = frame(0x02, &[7; 100_000]);
    wire.extend(frame(0x83, b""));
    wire.extend([0; 50_000]);
    for own in [false, true] {
        let mut socket = client(Config::new());
        let region = Region::new();
        if own {
            socket.read_buf(wire.len())[..wire.len()].copy_from_slice(&wire);
            socket.advance(wire.len());
            assert!(socket.poll_next(Want::Message).is_err());
        } else {
            assert!(
                socket
                    .receive(&mut wire.clone())
                    .poll_next(Want::Message)
                    .is_err()
            );
        }
        assert!(matches!(socket.failure(), Some(Failure::Receive(_))));
        let _ = socket.tick(ws_proto::Instant::from_millis(0));
        let held = region.change().held();
        assert!(held < 1000, "{held}");
    }
}
