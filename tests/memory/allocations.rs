//! Contracts 3 and 13: the engine owns no heap memory. Receiving, sending into fixed buffers,
//! joining messages in an array and telling the time allocate nothing, whatever comes.

use ws_proto::frame::{Header, Mask, Opcode};
use ws_proto::utf8::Utf8;
use ws_proto::{
    Assembler, CloseCode, CloseReason, Config, Connection, Fin, FixedBuf, Input, Instant,
    Negotiated, Role,
};
use ws_proto_test::heap::Region;

#[test]
fn the_engine_allocates_nothing() {
    let (client, server) = (peers_bytes(true), peers_bytes(false));
    for counted in [false, true] {
        let (mut to_server, mut to_client) = (client.clone(), server.clone());
        let region = Region::new();
        let mut pieces = 0;
        pieces += exercise(
            &mut Connection::server(Negotiated::new(), config()),
            &mut to_server,
        );
        let keys = || [1, 2, 3, 4];
        pieces += exercise(
            &mut Connection::client(Negotiated::new(), config(), keys),
            &mut to_client,
        );
        pieces += fail(&mut Connection::server(Negotiated::new(), config()));
        codec();
        let change = region.change();
        assert!(pieces > 1000, "the exercise has to see something: {pieces}");
        if counted {
            assert_eq!((change.allocations, change.reallocations), (0, 0));
        }
    }

    // The counter counts: a vector as output does allocate, once for header and payload.
    let mut connection = Connection::server(Negotiated::new(), config());
    for payload in [&[0; 125][..], &[0; 1000], &[0; 70_000]] {
        let region = Region::new();
        let mut out = Vec::new();
        connection.send_binary(payload, &mut out).unwrap();
        let change = region.change();
        assert_eq!((change.allocations, change.reallocations), (1, 0));
    }
}

fn config() -> Config {
    Config::new()
}

/// Messages of all shapes, a thousand fragments, Pings between, and a Close.
fn peers_bytes(from_client: bool) -> Vec<u8> {
    let key = from_client.then_some([9, 8, 7, 6]);
    let mut bytes = Vec::new();
    let mut put = |fin: bool, opcode: Opcode, payload: &[u8]| {
        let header = Header {
            fin,
            mask: key,
            ..Header::new(opcode, payload.len() as u64)
        };
        bytes.extend_from_slice(&header.encode());
        let at = bytes.len();
        bytes.extend_from_slice(payload);
        Mask::new(key.unwrap_or_default()).apply(&mut bytes[at..]);
    };
    let text = "\u{1f600}\u{e9}a".repeat(30_000);
    put(true, Opcode::Text, text.as_bytes());
    put(true, Opcode::Binary, &[1; 70_000]);
    put(false, Opcode::Text, &text.as_bytes()[..2]);
    put(false, Opcode::Continuation, &text.as_bytes()[2..]);
    for n in 0..1000 {
        put(false, Opcode::Continuation, b"x");
        put(false, Opcode::Continuation, b"");
        put(true, Opcode::Ping, &[7; 125][..n % 126]);
    }
    put(true, Opcode::Continuation, b"");
    put(true, Opcode::Pong, b"");
    put(true, Opcode::Close, b"\x03\xe8bye");
    bytes
}

/// Receives `bytes` in pieces that cut headers, sends and tells the time in between.
fn exercise<R: Role>(connection: &mut Connection<R>, bytes: &mut [u8]) -> usize {
    let mut out = FixedBuf::<1024>::new();
    let mut assembler = Assembler::new(FixedBuf::<{ 256 * 1024 }>::new(), 256 * 1024);
    let mut pieces = 0;
    for (n, chunk) in bytes.chunks_mut(257).enumerate() {
        let mut input = Input::new(chunk);
        loop {
            match connection.receive(&mut input, &mut out) {
                Ok(Some(event)) => {
                    pieces += 1;
                    assert!(assembler.push(event).is_ok());
                }
                Ok(None) if input.is_empty() => break,
                Ok(None) => out.clear(),
                Err(error) => panic!("{error}"),
            }
        }
        out.clear();
        let _ = connection.tick(Instant::from_millis(n as u64 * 25_000), &mut out);
        if connection.can_send() {
            connection.send_text("text", &mut out).unwrap();
            connection
                .send_text_part("part", Fin::No, &mut out)
                .unwrap();
            connection.ping(b"ping", &mut out).unwrap();
            connection.send_text_part("", Fin::Yes, &mut out).unwrap();
            connection.send_binary(&[0; 300], &mut out).unwrap();
        }
        out.clear();
    }
    assert!(connection.is_close_received());
    assert_eq!(connection.close_reason(), "bye");
    assert_eq!(connection.receive_eof(), Ok(()));
    pieces
}

fn fail<R: Role>(connection: &mut Connection<R>) -> usize {
    let mut out = FixedBuf::<200>::new();
    let reason = CloseReason::truncated("because");
    connection
        .close(CloseCode::NORMAL, reason, &mut out)
        .unwrap();
    let mut bad = [0xff; 1000];
    let mut input = Input::new(&mut bad);
    assert!(connection.receive(&mut input, &mut out).is_err());
    assert!(connection.send_text("late", &mut out).is_err());
    assert!(connection.receive_eof().is_err());
    1
}

fn codec() {
    let mut utf8 = Utf8::new();
    assert!(utf8.push("\u{20ac}".as_bytes()).is_ok() && utf8.finish().is_ok());
    assert!(Header::parse(&Header::new(Opcode::Binary, 1 << 40).encode()).is_ok());
}
