//! Errors, defaults, debug output and small accessors: what a value says of itself.
#![allow(clippy::std_instead_of_alloc, reason = "tests have std")]

use std::collections::HashSet;

use ws_proto::extension::DecodeError;
use ws_proto::frame::{Header, Opcode, Rsv};
use ws_proto::handshake::{
    Accept, AnyRequest, ClientHandshake, ClientRequest, HandshakeError, HeadError, Limits,
    OriginPolicy, PlainResponse, RequestError, ServerHandshake, Upgrade, accept_key,
};
use ws_proto::reconnect::BackoffConfig;
use ws_proto::{
    AssembleError, Assembler, CapacityError, CloseCode, Config, FixedBuf, Input, MaskSource,
    Message, MessageStorage, Negotiated, OsRandom, OwnedMessage, ProtocolError, SendError, Server,
    Storage, Transport, WebSocket, WebSocketError,
};
use ws_proto_suite::failed;

const REQUEST: &str = "GET /a?b HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// Every error of the handshake, the status that a server answers with, and the section.
const HANDSHAKE: [(HandshakeError, Option<u16>, &str); 37] = {
    use HandshakeError as E;
    [
        (E::AcceptInvalid, None, "RFC 6455 4.1"),
        (E::BareCr, Some(400), "RFC 9112 2.2"),
        (E::BareLf, Some(400), "RFC 9112 2.2"),
        (E::BodyPresent, Some(400), "RFC 9112 6.3"),
        (E::ConnectionInvalid, Some(400), "RFC 6455 4.2.1"),
        (E::ControlCharacter, Some(400), "RFC 9110 5.5"),
        (E::ExtensionNotOffered, None, "RFC 6455 4.1"),
        (E::ExtensionParamMissing, None, "RFC 6455 9.1"),
        (E::ExtensionParamNotOffered, None, "RFC 6455 9.1"),
        (E::ExtensionParamOutOfRange, None, "RFC 6455 9.1"),
        (E::ExtensionRepeated, None, "RFC 6455 9.1"),
        (E::ExtensionsInvalid, Some(400), "RFC 6455 9.1"),
        (E::HeadTooLarge, Some(431), "RFC 6455 10.4"),
        (E::HeaderInvalid, Some(400), "RFC 9112 5.1"),
        (E::HostInvalid, Some(400), "RFC 9112 3.2"),
        (E::HttpVersion, Some(505), "RFC 6455 4.2.1"),
        (E::KeyInvalid, Some(400), "RFC 6455 11.3.1"),
        (E::LineFolded, Some(400), "RFC 9112 5.2"),
        (E::MethodNotGet, Some(405), "RFC 6455 4.2.1"),
        (E::NotHttp, Some(400), "RFC 9112 2.2"),
        (E::NothingReceived, None, "RFC 6455 4.1"),
        (E::OriginRepeated, Some(400), "RFC 6454 7.3"),
        (E::Refused { status: 302 }, Some(302), "RFC 6455 4.1"),
        (E::Refused { status: 503 }, Some(503), "RFC 6455 4.1"),
        (E::StartLineInvalid, Some(400), "RFC 9112 3"),
        (E::SubprotocolInvalid, Some(400), "RFC 6455 11.3.4"),
        (E::SubprotocolMissing, None, "RFC 6455 4.1"),
        (E::SubprotocolNotOffered, None, "RFC 6455 4.1"),
        (E::TargetInvalid, Some(400), "RFC 9112 3.2"),
        (E::TimedOut, Some(408), "RFC 6455 10.4"),
        (E::TooManyElements, Some(431), "RFC 6455 10.4"),
        (E::TooManyInformational, None, "RFC 9110 15.2"),
        (E::TooManyLines, Some(431), "RFC 6455 10.4"),
        (E::UnexpectedEof, None, "RFC 6455 4.1"),
        (E::UpgradeInvalid, Some(426), "RFC 6455 4.2.1"),
        (E::VersionRepeated, Some(400), "RFC 6455 11.3.5"),
        (E::VersionUnsupported, Some(426), "RFC 6455 4.4"),
    ]
};

fn assert_is_a_text(text: &str, seen: &mut HashSet<String>) {
    assert!((5..=80).contains(&text.len()), "{text}");
    assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')));
    assert!(!text.ends_with('.'), "{text}");
    assert!(seen.insert(text.to_owned()), "{text} is there twice");
}

#[test]
fn errors_of_the_handshake_have_a_text_a_status_and_a_section() {
    let mut seen = HashSet::new();
    for (error, status, section) in HANDSHAKE {
        assert_is_a_text(&error.to_string(), &mut seen);
        assert_eq!((error.status(), error.section()), (status, section));
        let fields = match status {
            Some(405) => 1,
            Some(426) => 3,
            _ => 0,
        };
        assert_eq!(error.fields().len(), fields, "{error:?}");
    }
}

#[test]
fn mistakes_in_heads_have_a_text() {
    use HeadError as E;
    let mut seen = HashSet::new();
    for error in [
        E::BodyNotAllowed,
        E::ExtensionInvalid,
        E::ExtensionNotOffered,
        E::ExtensionRepeated,
        E::HeaderNameInvalid,
        E::HeaderNameReserved,
        E::HeaderValueInvalid,
        E::HostInvalid,
        E::OriginInvalid,
        E::OutputFull,
        E::ReasonInvalid,
        E::StatusInvalid,
        E::SubprotocolInvalid,
        E::SubprotocolNotOffered,
        E::SubprotocolRepeated,
        E::TargetInvalid,
    ] {
        assert_is_a_text(&error.to_string(), &mut seen);
    }
}

#[test]
fn errors_of_messages_have_a_text() {
    let mut seen = HashSet::new();
    for error in [
        AssembleError::TooBig,
        AssembleError::Capacity,
        AssembleError::TextNotUtf8,
        AssembleError::Decode(DecodeError::Invalid),
        AssembleError::Decode(DecodeError::Unsupported),
        AssembleError::Decode(DecodeError::Capacity),
        AssembleError::Decode(DecodeError::TooBig),
    ] {
        assert_is_a_text(&error.to_string(), &mut seen);
        let received = WebSocketError::from(error);
        assert_eq!(received.to_string(), error.to_string());
        assert_eq!(received.close_code(), Some(error.close_code()));
    }
    let protocol = WebSocketError::from(ProtocolError::MaskMissing);
    assert_is_a_text(&protocol.to_string(), &mut seen);
    assert_is_a_text(&SendError::TextNotUtf8.to_string(), &mut seen);
    // Wherever it is found, it is the same fault.
    assert_eq!(
        DecodeError::TextNotUtf8.to_string(),
        AssembleError::from(DecodeError::TextNotUtf8).to_string()
    );
}

#[test]
fn defaults_are_what_new_gives() {
    assert_eq!(Config::default(), Config::new());
    assert_eq!(Limits::default(), Limits::new());
    assert_eq!(BackoffConfig::default(), BackoffConfig::new());
    assert!(OsRandom::default().mask_key().is_some());
}

#[test]
fn an_answer_tells_the_subprotocol_it_was_given() {
    for chosen in [None, Some("chat")] {
        let accept = Accept::new().maybe_subprotocol(chosen);
        assert_eq!(accept.get_subprotocol(), chosen);
    }
}

#[test]
fn debug_output_names_things_and_shows_no_secrets() {
    let fields: [(&str, &[u8]); 6] = [
        ("Host", b"h"),
        ("Upgrade", b"websocket"),
        ("Connection", b"Upgrade"),
        ("Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", b"13"),
        ("Sec-WebSocket-Extensions", b"x; p=\"1\\0\"; q, y"),
    ];
    let upgrade = Upgrade::from_headers("GET", "/", &fields).unwrap();
    assert_eq!(
        format!("{:?}", upgrade.extensions()),
        "[Extension { name: \"x\", params: [Param { name: \"p\", value: Some(10) }, \
         Param { name: \"q\", value: None }] }, Extension { name: \"y\", params: [] }]"
    );
    let names = format!("{:?}", upgrade.headers());
    assert_eq!(format!("{:?}", upgrade.headers().iter()), names);
    assert_eq!(
        format!("{:?}", accept_key(b"dGhlIHNhbXBsZSBub25jZQ==")),
        "AcceptKey(s3pPLMBiTxaQ9kYGzzhZRbK+xOo=)"
    );
    assert_eq!(format!("{:?}", OsRandom::new()), "OsRandom { .. }");
    assert_eq!(format!("{:?}", CloseCode::NORMAL), "CloseCode(1000)");

    let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    let mut bytes = *b"GET / HTTP/1.1\r\nAuthorization: Basic secret\r\n";
    let found = handshake.receive(&mut Input::new(&mut bytes), &mut Vec::new());
    assert!(found.unwrap().is_none());
    assert_eq!(
        format!("{handshake:?}"),
        "ServerHandshake { state: Head, .. }"
    );

    let mut socket = WebSocket::server(Negotiated::new(), Config::new());
    socket.sender().send_text("secret").unwrap();
    let shown = format!("{socket:?} ") + &format!("{:?}", socket.sender());
    assert!(shown.contains("WebSocket") && shown.contains("Sender"));
    assert!(!shown.contains("secret") && !shown.contains("115, 101"));

    let mut assembler = Assembler::new(Vec::from(*b"secret"), 10);
    assembler.storage_mut().extend_from_slice(b"secret");
    let shown = format!("{assembler:?}");
    assert!(shown.starts_with("Assembler") && !shown.contains("secret"));
}

#[test]
fn heads_stay_to_be_looked_at() {
    let answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let mut handshake = ClientHandshake::start(
        ClientRequest::new("h", "/"),
        [1; 16],
        Vec::new(),
        Limits::new(),
        &mut Vec::new(),
    )
    .unwrap();
    let mut bytes = answer.as_bytes().to_vec();
    assert!(handshake.receive(&mut Input::new(&mut bytes)).is_err());
    assert_eq!(handshake.into_storage(), answer.as_bytes());

    let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    let mut bytes = *b"GET http://h/a HTTP/1.1\r\nHost: h\r\nAccept: x\r\n\r\n";
    let mut input = Input::new(&mut bytes);
    let found = handshake.receive_any(&mut input, &mut Vec::new()).unwrap();
    let Some(AnyRequest::Plain(plain)) = found else {
        panic!("a plain request")
    };
    assert_eq!((plain.raw_target(), plain.target()), ("http://h/a", "/a"));
    assert_eq!(plain.headers().get("accept"), Some(&b"x"[..]));

    let encoded = Header::new(Opcode::Ping, 3).encode();
    assert_eq!(encoded.as_ref(), [0x89, 3]);
}

/// The phrases of RFC 9110 15, of those that have one here.
#[test]
fn statuses_have_their_usual_reason_phrase() {
    for (status, reason) in [
        (301, "Moved Permanently"),
        (302, "Found"),
        (303, "See Other"),
        (304, "Not Modified"),
        (307, "Temporary Redirect"),
        (308, "Permanent Redirect"),
        (400, "Bad Request"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "Not Found"),
        (405, "Method Not Allowed"),
        (408, "Request Timeout"),
        (409, "Conflict"),
        (410, "Gone"),
        (413, "Content Too Large"),
        (417, "Expectation Failed"),
        (426, "Upgrade Required"),
        (429, "Too Many Requests"),
        (431, "Request Header Fields Too Large"),
        (500, "Internal Server Error"),
        (501, "Not Implemented"),
        (502, "Bad Gateway"),
        (503, "Service Unavailable"),
        (504, "Gateway Timeout"),
        (505, "HTTP Version Not Supported"),
        (599, ""),
    ] {
        let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
        let (mut bytes, mut out) = (REQUEST.as_bytes().to_vec(), Vec::new());
        let upgrade = handshake.receive(&mut Input::new(&mut bytes), &mut out);
        let upgrade = upgrade.unwrap().unwrap();
        upgrade
            .reject(&PlainResponse::new(status), &mut out)
            .unwrap();
        let out = String::from_utf8(out).unwrap();
        assert!(
            out.starts_with(&format!("HTTP/1.1 {status} {reason}\r\n")),
            "{out}"
        );
        assert_eq!(out.contains("Content-Length"), status != 304, "{out}");
    }
    let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    let (mut bytes, mut out) = (*b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", Vec::new());
    let found = handshake.receive_any(&mut Input::new(&mut bytes), &mut out);
    let Ok(Some(AnyRequest::Plain(plain))) = found else {
        panic!("a plain request")
    };
    plain.respond(&PlainResponse::new(204), &mut out).unwrap();
    assert_eq!(out, b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
}

/// A message that uses a negotiated bit, on a `WebSocket` that has no decoder for it.
#[test]
fn a_message_that_cannot_be_decoded_closes_the_socket() {
    let negotiated = Negotiated::new().with_rsv(Rsv::RSV1);
    let mut socket = WebSocket::server(negotiated, Config::new());
    let error = WebSocketError::Assemble(AssembleError::Decode(DecodeError::Unsupported));
    for _ in 0..3 {
        socket.read_buf(8)[..8].copy_from_slice(b"\xc1\x82\0\0\0\0hi");
        socket.advance(8);
        assert_eq!(socket.next_message().unwrap_err(), error, "and it stays");
    }
    assert_eq!(error.close_code(), Some(CloseCode::UNSUPPORTED_DATA));
    assert_eq!(socket.pending(), b"\x88\x02\x03\xeb", "one Close, 1003");
    assert_eq!(socket.transport(), Transport::Close);
    assert_eq!(socket.sender().send_text("late"), Err(SendError::Closed));
    socket.release();
    assert_eq!(socket.pending().len(), 4, "what waits is kept");
}

/// A storage of a size that is known only when the program runs.
struct Capped(Vec<u8>, usize);

impl Storage for Capped {
    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn store(&mut self, bytes: &[u8]) -> Result<(), CapacityError> {
        if self.0.len() + bytes.len() > self.1 {
            return Err(CapacityError);
        }
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

impl MessageStorage for Capped {}

/// In a line, at its end, in a folded line: wherever the storage is full, that is the error.
#[test]
fn a_full_storage_fails_wherever_it_is_full() {
    let answer = b"HTTP/1.1 101 x\r\nA: b\r\n c\r\nD: e\r\n\r\n";
    let run = |capacity: usize, answer: &[u8]| {
        let storage = Capped(Vec::new(), capacity);
        let request = ClientRequest::new("h", "/");
        let mut handshake =
            ClientHandshake::start(request, [1; 16], storage, Limits::new(), &mut Vec::new())
                .unwrap();
        let mut bytes = answer.to_vec();
        let result = handshake.receive(&mut Input::new(&mut bytes));
        result.map(|found| found.is_some())
    };
    for capacity in 0..33 {
        let result = run(capacity, answer);
        assert_eq!(result, Err(HandshakeError::HeadTooLarge), "{capacity}");
    }
    assert_eq!(run(33, answer), Err(HandshakeError::UpgradeInvalid));
    assert_eq!(run(64, b"HTTP\r\n"), Err(HandshakeError::NotHttp));
}

/// The parts of a grammar that nothing well-behaved uses.
#[test]
fn odd_heads_are_judged_to_the_last_character() {
    let status = |request: String| {
        let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
        let mut bytes = request.into_bytes();
        let error = handshake.receive(&mut Input::new(&mut bytes), &mut Vec::new());
        error.map(drop).map_err(failed)
    };
    for version in ["HTTP/x.1", "HTTP/2.x", "HTTP/2-0"] {
        let request = REQUEST.replace("HTTP/1.1", version);
        assert_eq!(status(request), Err(HandshakeError::StartLineInvalid));
    }
    for host in ["a%4z", "a%z4", "%"] {
        let request = REQUEST.replace("Host: h", &format!("Host: {host}"));
        assert_eq!(status(request), Err(HandshakeError::HostInvalid), "{host}");
    }
    let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    let (mut bytes, mut out) = (REQUEST.as_bytes().to_vec(), Vec::new());
    let upgrade = handshake.receive(&mut Input::new(&mut bytes), &mut out);
    let response = PlainResponse::new(400).reason("caf\u{e9}");
    let rejected = upgrade.unwrap().unwrap().reject(&response, &mut out);
    assert_eq!(
        (rejected, &out[..]),
        (Err(HeadError::ReasonInvalid), &[][..])
    );
}

#[test]
fn odd_bodies_of_refusals_end_where_they_break() {
    for (framing, body, complete) in [
        ("Transfer-Encoding: gzip\r\n\r\nabc", "abc", true),
        ("Transfer-Encoding: chunked\r\n\r\n3;\x01\r\nabc", "", false),
        ("Content-Length: \r\n\r\nabc", "", false),
    ] {
        let request = ClientRequest::new("h", "/");
        let (limits, mut out) = (Limits::new(), Vec::new());
        let mut handshake =
            ClientHandshake::start(request, [1; 16], Vec::new(), limits, &mut out).unwrap();
        let mut bytes = format!("HTTP/1.1 404 x\r\n{framing}").into_bytes();
        let _ = handshake.receive(&mut Input::new(&mut bytes));
        assert!(handshake.receive_eof().is_err());
        let refusal = handshake.refusal().unwrap();
        assert_eq!(refusal.body(), body.as_bytes(), "{framing}");
        assert_eq!(refusal.is_body_complete(), complete, "{framing}");
    }
}

#[test]
fn origins_of_the_same_host_have_the_schemes_of_pages() {
    let same = OriginPolicy::same_host();
    for (origin, host, allowed) in [
        ("http://h", "h:80", true),
        ("https://h", "h:443", true),
        ("ws://h", "h:80", false),
        ("wss://h", "h:443", false),
        ("ws://h", "h:443", false),
        ("wss://h", "h:80", false),
        ("app://h", "h", false),
        ("app://h", "h:80", false),
    ] {
        let found = same.allows_origin(Some(origin.as_bytes()), host);
        assert_eq!(found, allowed, "{origin} {host}");
    }
}

#[test]
fn a_plain_request_waits_for_room_to_be_refused() {
    let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    let mut bytes = *b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    let mut input = Input::new(&mut bytes);
    let mut out = Vec::new();
    assert!(
        handshake
            .receive_any(&mut input, &mut out)
            .unwrap()
            .is_some()
    );
    let mut small = FixedBuf::<100>::new();
    let full = handshake.receive(&mut input, &mut small).map(|_| ());
    assert_eq!(full, Err(RequestError::OutputFull));
    assert!(small.pending().is_empty());
    assert!(handshake.receive(&mut input, &mut out).is_err());
    assert!(out.starts_with(b"HTTP/1.1 426 "));
}

fn feed(socket: &mut WebSocket<Server>, bytes: &[u8]) {
    socket.read_buf(bytes.len())[..bytes.len()].copy_from_slice(bytes);
    socket.advance(bytes.len());
}

#[test]
fn a_socket_gives_memory_back_whatever_came_last() {
    let mut socket = WebSocket::server(Negotiated::new(), Config::new());
    feed(&mut socket, b"\x02\x82\0\0\0\0ab\x80\x82\0\0\0\0cd");
    let (message, _) = socket.next_message().unwrap().unwrap();
    assert_eq!(message.as_bytes(), b"abcd");
    feed(&mut socket, b"\x81\x82\0\0\0\0hi");
    let (message, _) = socket.next_message().unwrap().unwrap();
    assert_eq!(message.as_bytes(), b"hi");
    socket.release();
    feed(&mut socket, b"\x88\x80\0\0\0\0");
    for _ in 0..3 {
        assert!(socket.next_message().unwrap().is_none(), "it is closed");
    }
    assert_eq!(socket.transport(), Transport::Close);
}

/// What waits is moved to the front, and nothing of it is lost.
#[test]
fn reading_on_while_the_output_is_full_reuses_the_space() {
    let mut socket = WebSocket::server(Negotiated::new(), Config::new()).with_high_water(131);
    let mut answered = Vec::new();
    for n in 0..100 {
        feed(&mut socket, &[0x89, 0x81, 0, 0, 0, 0, n]);
        if n % 3 == 0 {
            let full = socket.next_message().err() == Some(WebSocketError::OutputFull);
            assert_eq!(full, !socket.wants_read());
            answered.extend_from_slice(socket.pending());
            socket.consume(usize::MAX);
        }
    }
    while !socket.wants_read() {
        let full = socket.next_message().err() == Some(WebSocketError::OutputFull);
        assert_eq!(full, !socket.wants_read());
        answered.extend_from_slice(socket.pending());
        socket.consume(usize::MAX);
    }
    let payloads: Vec<u8> = answered.chunks(3).map(|pong| pong[2]).collect();
    assert_eq!(payloads, (0..100).collect::<Vec<u8>>());
}

/// A message of one's own is the borrowed one, and gives back its parts.
#[test]
fn owned_messages() {
    for message in [Message::Text("text"), Message::Binary(b"data")] {
        let owned = message.into_owned();
        assert_eq!(owned, message);
        assert_eq!(Message::from(&owned), message);
        assert_eq!(owned.kind(), message.kind());
        assert_eq!(owned.as_bytes(), message.as_bytes());
        assert_eq!(owned.as_text(), message.as_text());
        let text = message.as_text().map(str::to_owned).ok_or(owned.clone());
        assert_eq!(owned.clone().into_text(), text);
        assert_eq!(owned.into_bytes(), message.as_bytes());
    }
    let (text, data) = (OwnedMessage::from("a"), OwnedMessage::from(&b"a"[..]));
    assert_eq!(text, OwnedMessage::from(String::from("a")));
    assert_eq!(data, OwnedMessage::from(b"a".to_vec()));
    assert_ne!(text, data);
}
