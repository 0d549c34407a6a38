//! Contracts 3 and 13: the engine owns no heap memory. Receiving, sending into fixed buffers,
//! joining messages in an array and passing the time allocate nothing, for any input.

use ws_proto::frame::{Header, Mask, Opcode, Rsv};
use ws_proto::handshake::{
    Accept, ClientConnect, ClientRequest, ConnectEnabled, ExtensionOffer, Limits, PseudoFields,
    Upgrade,
};
use ws_proto::utf8::Utf8;
use ws_proto::{
    Assembler, CloseCode, CloseReason, Config, Connection, Fin, FixedBuf, Input, Instant,
    Negotiated, Role, Uri,
};
use ws_proto_suite::heap::Region;

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

/// Receives `bytes` in pieces that cut headers, sends and passes the time in between.
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

/// Both ends of an Extended CONNECT in fixed storage, with everything that is offered and refused.
#[test]
fn handshakes_on_streams_allocate_nothing() {
    for counted in [false, true] {
        let region = Region::new();
        assert_eq!(extended_connect(200), Some(Rsv::RSV1));
        assert_eq!(extended_connect(404), None);
        let change = region.change();
        if counted {
            assert_eq!((change.allocations, change.reallocations), (0, 0));
        }
    }
}

fn extended_connect(status: u16) -> Option<Rsv> {
    let enabled = ConnectEnabled::from_setting(1).unwrap();
    let extensions = [ExtensionOffer::new("x", &[("p", Some("1"))]).with_rsv(Rsv::RSV1)];
    let request = ClientRequest::from_uri(Uri::parse("wss://example.com/chat").unwrap())
        .subprotocols(&["chat.v2", "chat.v1"])
        .extensions(&extensions)
        .headers(&[("Authorization", b"Bearer abc")]);
    let mut sent = 0;
    let storage = FixedBuf::<256>::new();
    let limits = Limits::new();
    let mut client = ClientConnect::start(request, enabled, storage, limits, |name, value| {
        assert!(!name.is_empty() && !value.is_empty());
        sent += 1;
    })
    .unwrap();
    assert_eq!(sent, 9);

    let fields: [(&str, &[u8]); 8] = [
        (":method", b"CONNECT"),
        (":protocol", b"websocket"),
        (":scheme", b"https"),
        (":path", b"/chat"),
        (":authority", b"example.com"),
        ("sec-websocket-protocol", b"chat.v2, chat.v1"),
        ("sec-websocket-extensions", b"x; p=1"),
        ("sec-websocket-version", b"13"),
    ];
    let (pseudo, headers) = PseudoFields::split(&fields).unwrap();
    let upgrade = Upgrade::from_extended_connect(&pseudo, headers).unwrap();
    let accept = Accept::new().subprotocol("chat.v1").extensions(&extensions);
    let answer = upgrade.answer(&accept).unwrap();
    assert_eq!(answer.fields().count(), 2);
    let response: [(&str, &[u8]); 2] = [
        ("sec-websocket-protocol", b"chat.v1"),
        ("sec-websocket-extensions", b"x"),
    ];
    if let Some(established) = client.receive_head(status, &response).unwrap() {
        return Some(established.negotiated().rsv());
    }
    let mut body = *b"no such room";
    assert!(
        client
            .receive(&mut Input::new(&mut body))
            .unwrap()
            .is_none()
    );
    assert!(client.receive_eof().is_err());
    assert_eq!(client.refusal().unwrap().body(), b"no such room");
    None
}
