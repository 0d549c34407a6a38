//! Handshakes: faults of other implementations, as behaviour. `PAST_BUGS.md` maps the cases to their
//! tests.

use ws_proto::handshake::{
    ClientHandshake, ClientRequest, HandshakeError, Limits, ServerHandshake, Upgrade,
};
use ws_proto::{Config, Connection, Event, Input};
use ws_proto_suite::failed;

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n";

const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

fn check(request: &str) -> (Result<bool, HandshakeError>, String) {
    let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    let (mut bytes, mut out) = (request.as_bytes().to_vec(), Vec::new());
    let found = handshake
        .receive(&mut Input::new(&mut bytes), &mut out)
        .map(|found| found.is_some())
        .map_err(failed);
    (found, String::from_utf8(out).unwrap())
}

fn client() -> ClientHandshake<Vec<u8>> {
    let request = ClientRequest::new("h", "/");
    let nonce = *b"the sample nonce";
    ClientHandshake::start(request, nonce, Vec::new(), Limits::new(), &mut Vec::new()).unwrap()
}

#[test]
fn a_request_of_60_header_fields_passes_and_one_of_150_is_refused() {
    let with = |fields: usize| {
        let more: String = (5..fields).map(|n| format!("X-{n}: {n}\r\n")).collect();
        check(&format!("{REQUEST}{more}\r\n"))
    };
    assert_eq!(with(60).0, Ok(true));
    assert_eq!(with(99).0, Ok(true));
    let (refused, answer) = with(150);
    assert_eq!(refused, Err(HandshakeError::TooManyLines));
    assert!(answer.starts_with("HTTP/1.1 431 "), "not cut off silently");
}

#[test]
fn one_header_name_over_and_over_is_no_way_around_the_limits() {
    let lines = "Cookie: a=b\r\n".repeat(150);
    let (refused, _) = check(&format!("{REQUEST}{lines}\r\n"));
    assert_eq!(refused, Err(HandshakeError::TooManyLines));
    let bytes = format!("Cookie: {}\r\n", "x".repeat(1000)).repeat(20);
    let (refused, _) = check(&format!("{REQUEST}{bytes}\r\n"));
    assert_eq!(refused, Err(HandshakeError::HeadTooLarge));
}

/// A megabyte of a header, a byte at a time: it is over at the limit, and later bytes are not
/// even looked at.
#[test]
fn a_head_without_end_is_refused_at_its_limit() {
    let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    let mut out = Vec::new();
    let mut refused_at = None;
    let start = format!("{REQUEST}X: ").into_bytes();
    let drip = start.iter().copied().chain(core::iter::repeat(b'x'));
    for (n, byte) in drip.take(1 << 20).enumerate() {
        let result = handshake.receive(&mut Input::new(&mut [byte]), &mut out);
        if result.is_err() {
            refused_at.get_or_insert(n + 1);
        }
    }
    assert_eq!(refused_at, Some(16 * 1024 + 1));
    assert!(out.starts_with(b"HTTP/1.1 431 ") && out.len() < 256);
    assert_eq!(handshake.into_storage().len(), 16 * 1024);
}

/// A megabyte of what makes parsers go back and forth. The verdict is that on a short list of the
/// kind; quadratic work would take hours here, and `benches/engine` counts the instructions.
#[test]
fn hostile_lists_are_checked_as_short_ones() {
    let hostile = |n: usize| {
        [
            "a; b=\"".to_owned() + &"\\a".repeat(n),
            "a; b".to_owned() + &" ".repeat(n) + "x",
            ",".repeat(n),
            ", ".repeat(n) + "a",
            "a;".repeat(n),
            "a,".repeat(n),
            "a".repeat(n),
            "=\"".repeat(n),
        ]
    };
    let verdict = |name: &str, value: &str| {
        let fields: [(&str, &[u8]); 6] = [
            ("Host", b"h"),
            ("Upgrade", b"websocket"),
            ("Connection", b"Upgrade"),
            ("Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
            ("Sec-WebSocket-Version", b"13"),
            (name, value.as_bytes()),
        ];
        Upgrade::from_headers("GET", "/", &fields).map(|_| ())
    };
    for (long, short) in hostile(1 << 20).iter().zip(&hostile(100)) {
        for name in ["Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol"] {
            let expected = verdict(name, short);
            assert_eq!(verdict(name, long), expected, "{name}: {short}");
        }
    }
}

/// The handshake of the drafts has two keys, and eight bytes after the head.
#[test]
fn handshakes_of_the_drafts_are_refused() {
    let request = "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\
        Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\
        Origin: http://h\r\n\r\n^n:ds[4U";
    let (refused, answer) = check(request);
    assert_eq!(refused, Err(HandshakeError::VersionUnsupported));
    assert!(answer.contains("\r\nSec-WebSocket-Version: 13\r\n"));
    for version in 0..=12 {
        let (refused, answer) = check(&format!(
            "{}\r\n",
            REQUEST.replace(": 13", &format!(": {version}"))
        ));
        assert_eq!(refused, Err(HandshakeError::VersionUnsupported));
        assert!(answer.starts_with("HTTP/1.1 426 "));
    }
}

#[test]
fn refusals_of_all_kinds_are_reported_with_status_fields_and_body() {
    for status in [
        200, 204, 301, 302, 307, 400, 401, 403, 404, 407, 429, 500, 503,
    ] {
        for (framing, body) in [
            ("Content-Length: 4\r\n", "body"),
            ("Transfer-Encoding: chunked\r\n", "4\r\nbody\r\n0\r\n\r\n"),
            ("", "body"),
        ] {
            let mut client = client();
            let fields = "Location: /there\r\nRetry-After: 7\r\n";
            let answer = format!("HTTP/1.1 {status} Why\r\n{fields}{framing}\r\n{body}");
            let mut bytes = answer.into_bytes();
            let _ = client.receive(&mut Input::new(&mut bytes));
            let error = client.receive_eof().unwrap_err();
            assert_eq!(error, HandshakeError::Refused { status });
            let refusal = client.refusal().unwrap();
            assert_eq!(refusal.status(), status);
            assert_eq!(refusal.headers().get("location"), Some(&b"/there"[..]));
            assert_eq!(refusal.headers().get("retry-after"), Some(&b"7"[..]));
            let expected: &[u8] = if status == 204 { b"" } else { b"body" };
            assert_eq!(refusal.body(), expected, "{status} {framing}");
        }
    }
}

#[test]
fn an_answer_of_80_header_fields_is_accepted() {
    let more: String = (0..80).map(|n| format!("X-Cdn-{n}: {n}\r\n")).collect();
    let mut bytes = format!("{ANSWER}{more}\r\n").into_bytes();
    let mut client = client();
    let established = client.receive(&mut Input::new(&mut bytes)).unwrap();
    assert_eq!(established.unwrap().headers().iter().count(), 83);
}

#[test]
fn frames_glued_to_the_answer_reach_the_connection() {
    for (behind, texts, rest) in [
        (&b"\x81\x02hi"[..], 1, &b""[..]),
        (b"\x81", 0, b"\x02hi"),
        (b"\x81\x02h", 0, b"i"),
        (&b"\x81\x02hi".repeat(10)[..], 10, b"\x81\x02hi"),
    ] {
        let mut client = client();
        let mut bytes = [format!("{ANSWER}\r\n").as_bytes(), behind].concat();
        let mut input = Input::new(&mut bytes);
        let negotiated = client.receive(&mut input).unwrap().unwrap().negotiated();
        let mut connection = Connection::client(negotiated, Config::new(), || [0; 4]);
        let mut out = Vec::new();
        let mut texts_of = |input: &mut Input<'_>| {
            let (mut ends, mut joined) = (0, String::new());
            while let Some(event) = connection.receive(input, &mut out).unwrap() {
                if let Event::Text(text) = event {
                    ends += usize::from(text.last);
                    joined += text.body;
                }
            }
            (ends, joined)
        };
        let (now, mut joined) = texts_of(&mut input);
        assert_eq!(now, texts, "{behind:x?}");
        let mut rest = rest.to_vec();
        joined += &texts_of(&mut Input::new(&mut rest)).1;
        assert!(joined.len() % 2 == 0 && joined.replace("hi", "").is_empty());
    }
}

#[test]
fn the_end_of_the_transport_inside_a_head_is_an_error_and_not_a_hang() {
    let request = format!("{REQUEST}\r\n");
    for end in 0..request.len() {
        let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
        let mut bytes = request.as_bytes()[..end].to_vec();
        let found = handshake.receive(&mut Input::new(&mut bytes), &mut Vec::new());
        assert!(found.unwrap().is_none());
        for _ in 0..2 {
            let error = handshake.receive_eof().unwrap_err();
            let expected = match end {
                0 => HandshakeError::NothingReceived,
                _ => HandshakeError::UnexpectedEof,
            };
            assert_eq!(error, expected, "{end} bytes");
        }
    }
}
