//! The opening handshake. fastwebsockets and yawc leave the server's to hyper, and web-socket has
//! none: they have no row.

use std::io::{Read, Write};
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use embedded_websocket as embedded;
use ws_proto::handshake::{Accept, ClientHandshake, ClientRequest, Limits, ServerHandshake};
use ws_proto::{FixedBuf, Input};

use crate::FLOOR;
use crate::io::{MemIo, block_on};
use crate::measure::Contender;
use crate::wire::{REQUEST, RESPONSE, deliver};

fn contender(name: &'static str, mut each: impl FnMut() + 'static) -> Contender {
    Contender {
        name,
        lap: 1,
        run: Box::new(move |n| (0..n).for_each(|_| each())),
    }
}

pub fn server() -> Vec<Contender> {
    let wire: Rc<[u8]> = REQUEST.into();
    let io = move || MemIo::new(&wire, None);
    let mut all = Vec::new();
    all.push(floor(io.clone()));
    let fresh = io.clone();
    let mut storage = FixedBuf::<1024>::new();
    let mut out = FixedBuf::<1024>::new();
    let mut read = [0; 1024];
    all.push(contender("ws-proto", move || {
        let mut io = fresh();
        let mut handshake = ServerHandshake::new(&mut storage, Limits::new());
        let n = io.read(&mut read).unwrap();
        let upgrade = handshake
            .receive(&mut Input::new(&mut read[..n]), &mut out)
            .unwrap()
            .unwrap();
        deliver(upgrade.target().as_bytes());
        upgrade.accept(&Accept::new(), &mut out).unwrap();
        io.write_all(out.pending()).unwrap();
        out.clear();
    }));
    let fresh = io.clone();
    all.push(contender("tungstenite", move || {
        let config = tungstenite::protocol::WebSocketConfig::default().read_buffer_size(4096);
        std::hint::black_box(tungstenite::accept_with_config(fresh(), Some(config)).unwrap());
    }));
    let fresh = io.clone();
    all.push(contender("tokio-websockets", move || {
        let server = tokio_websockets::ServerBuilder::new();
        std::hint::black_box(block_on(server.accept(fresh())).unwrap());
    }));
    let fresh = io.clone();
    all.push(contender("sockudo-ws", move || {
        let mut io = fresh();
        std::hint::black_box(block_on(sockudo_ws::handshake::server_handshake(&mut io)).unwrap());
    }));
    let mut read = [0; 1024];
    let mut out = [0; 1024];
    all.push(contender("embedded-websocket", move || {
        let mut io = io();
        let n = io.read(&mut read).unwrap();
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut fields);
        assert!(request.parse(&read[..n]).unwrap().is_complete());
        let headers = request
            .headers
            .iter()
            .map(|field| (field.name, field.value));
        let context = embedded::read_http_header(headers).unwrap().unwrap();
        let mut server = embedded::WebSocketServer::new_server();
        let n = server
            .server_accept(&context.sec_websocket_key, None, &mut out)
            .unwrap();
        io.write_all(&out[..n]).unwrap();
    }));
    all
}

/// One parse of a head that came at once, the three fields that have to be there, the key hashed and
/// the answer written: no rule is checked that could refuse a request.
fn floor(io: impl Fn() -> MemIo + 'static) -> Contender {
    const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Accept: ";
    let mut read = [0; 1024];
    let mut out = Vec::with_capacity(256);
    contender(FLOOR, move || {
        let mut io = io();
        let n = io.read(&mut read).unwrap();
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut fields);
        assert!(request.parse(&read[..n]).unwrap().is_complete());
        deliver(request.path.unwrap().as_bytes());
        let field = |name: &str| {
            let mut fields = request.headers.iter();
            let field = fields.find(|field| field.name.eq_ignore_ascii_case(name));
            field.unwrap().value
        };
        assert!(field("Upgrade").eq_ignore_ascii_case(b"websocket"));
        assert!(field("Connection").eq_ignore_ascii_case(b"upgrade"));
        let mut sha1 = sha1_smol::Sha1::new();
        sha1.update(field("Sec-WebSocket-Key"));
        sha1.update(GUID);
        let mut accept = [0; 28];
        let accepted = STANDARD.encode_slice(sha1.digest().bytes(), &mut accept);
        assert_eq!(accepted, Ok(28));
        out.clear();
        out.extend_from_slice(ANSWER);
        out.extend_from_slice(&accept);
        out.extend_from_slice(b"\r\n\r\n");
        assert_eq!(out, RESPONSE);
        io.write_all(&out).unwrap();
    })
}

/// With a fixed nonce there is one right answer; other crates draw their own and cannot be
/// answered from memory without computing it, so that this row has few contenders. The parts of
/// sockudo-ws get their key ready made, and check neither the host nor the target that they send.
pub fn client() -> Vec<Contender> {
    let wire: Rc<[u8]> = RESPONSE.into();
    let mut storage = FixedBuf::<1024>::new();
    let mut out = FixedBuf::<1024>::new();
    let mut read = [0; 1024];
    let fresh = wire.clone();
    let ours = contender("ws-proto", move || {
        let mut io = MemIo::new(&fresh, None);
        let request = ClientRequest::new("server.example.com", "/chat?room=42");
        let nonce = *b"the sample nonce";
        let mut handshake =
            ClientHandshake::start(request, nonce, &mut storage, Limits::new(), &mut out).unwrap();
        io.write_all(out.pending()).unwrap();
        out.clear();
        let n = io.read(&mut read).unwrap();
        assert!(
            handshake
                .receive(&mut Input::new(&mut read[..n]))
                .unwrap()
                .is_some()
        );
    });
    let sockudo = contender("sockudo-ws (parts)", move || {
        let mut io = MemIo::new(&wire, None);
        let key = "dGhlIHNhbXBsZSBub25jZQ==";
        let request = sockudo_ws::handshake::build_request(
            "server.example.com",
            "/chat?room=42",
            key,
            None,
            None,
        );
        io.write_all(&request).unwrap();
        let mut read = [0; 1024];
        let n = io.read(&mut read).unwrap();
        let (response, _) = sockudo_ws::handshake::parse_response(&read[..n])
            .unwrap()
            .unwrap();
        assert!(sockudo_ws::handshake::validate_accept_key(
            key,
            response.accept.unwrap_or_default()
        ));
    });
    vec![ours, sockudo]
}
