//! The server's side of the opening handshake, by behaviour.

use core::time::Duration;

use ws_proto::frame::Rsv;
use ws_proto::handshake::{
    Accept, AnyRequest, ExtensionOffer, HandshakeError, HeadError, Limits, MAX_REFUSAL,
    OriginPolicy, PlainResponse, RequestError, ServerHandshake, Upgrade,
};
use ws_proto::{FixedBuf, Input, Instant, Negotiated, Output, Storage, TimedOut, Transport};
use ws_proto_suite::failed;

const GOOD: &str = "GET /chat?x=1 HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n";

fn good(more: &str) -> String {
    format!("{GOOD}{more}\r\n")
}

fn server() -> ServerHandshake<Vec<u8>> {
    ServerHandshake::new(Vec::new(), Limits::new())
}

/// The error that a request in one piece gives, `Ok` if it could be accepted.
fn check(request: impl AsRef<[u8]>) -> Result<(), HandshakeError> {
    check_with(Limits::new(), request)
}

fn check_with(limits: Limits, request: impl AsRef<[u8]>) -> Result<(), HandshakeError> {
    let mut handshake = ServerHandshake::new(Vec::new(), limits);
    let mut bytes = request.as_ref().to_vec();
    let found = handshake.receive(&mut Input::new(&mut bytes), &mut Vec::new());
    let found = found.map_err(failed)?;
    assert!(found.is_some(), "the request is not complete");
    Ok(())
}

/// Runs `with` on the upgrade that `request` asks for; returns its result and the output.
fn decide<T>(request: &str, with: impl FnOnce(Upgrade<'_>, &mut Vec<u8>) -> T) -> (T, String) {
    let mut handshake = server();
    let mut bytes = request.as_bytes().to_vec();
    let mut out = Vec::new();
    let upgrade = handshake
        .receive(&mut Input::new(&mut bytes), &mut out)
        .unwrap()
        .unwrap();
    let result = with(upgrade, &mut out);
    (result, String::from_utf8(out).unwrap())
}

/// An output of exactly so much room.
struct Room(usize, Vec<u8>);

impl Output for Room {
    fn room(&self) -> usize {
        self.0
    }

    fn put(&mut self, bytes: &[u8]) {
        self.0 = self
            .0
            .checked_sub(bytes.len())
            .expect("no more than the room is put");
        self.1.extend_from_slice(bytes);
    }

    fn last_mut(&mut self, n: usize) -> &mut [u8] {
        let from = self.1.len() - n;
        &mut self.1[from..]
    }
}

#[test]
fn a_request_is_shown_for_debugging_without_its_key() {
    let (shown, _) = decide(&good(""), |upgrade, _| format!("{upgrade:?}"));
    assert!(
        shown.contains("GET") && shown.contains("/chat?x=1"),
        "{shown}"
    );
    assert!(!shown.contains("ClientKey(dGhl"), "{shown}");
}

#[test]
fn a_request_can_be_looked_at() {
    let request = good(
        "Origin: http://example.com\r\nSec-WebSocket-Protocol: a,, b\r\n\
        sec-websocket-protocol: c\r\nSec-WebSocket-Extensions: x-a; p=1, x-b\r\n\
        X-Bytes: \u{e9}\u{20ac}\r\n",
    );
    decide(&request, |upgrade, _| {
        assert_eq!(upgrade.target(), "/chat?x=1");
        assert_eq!(upgrade.raw_target(), "/chat?x=1");
        assert_eq!(upgrade.host(), "example.com");
        assert_eq!(upgrade.origin(), Some(&b"http://example.com"[..]));
        assert_eq!(upgrade.subprotocols().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(upgrade.choose_subprotocol(&["C", "c", "a"]), Some("c"));
        assert_eq!(upgrade.choose_subprotocol(&["d"]), None);
        let names: Vec<_> = upgrade.extensions().map(|one| one.name()).collect();
        // shows: RFC6455-9.1-07
        assert_eq!(names, ["x-a", "x-b"]);
        // shows: RFC9110-5.5-03
        assert_eq!(
            upgrade.headers().get("x-bytes"),
            Some("\u{e9}\u{20ac}".as_bytes())
        );
        let all: Vec<_> = upgrade.headers().iter().map(|(name, _)| name).collect();
        assert_eq!(all.first(), Some(&"Host"));
        assert_eq!(all.len(), 10);
    });
}

#[test]
fn targets() {
    let request = |target: &str| good("").replace("/chat?x=1", target);
    for (raw, target, host) in [
        ("/", "/", "example.com"),
        ("/a%20b?c=/d?e", "/a%20b?c=/d?e", "example.com"),
        ("//double", "//double", "example.com"),
        ("http://other.example/a?b", "/a?b", "other.example"),
        ("WS://other.example:81", "/", "other.example:81"),
        ("wss://[::1]:81/a", "/a", "[::1]:81"),
        ("https://other.example?b", "?b", "other.example"),
    ] {
        decide(&request(raw), |upgrade, _| {
            // shows: RFC6455-4.2.1-04, RFC9112-3.2.2-01, RFC9112-3.2.2-02
            assert_eq!((upgrade.target(), upgrade.host()), (target, host), "{raw}");
            assert_eq!(upgrade.raw_target(), raw);
        });
    }
    for raw in [
        "*",
        "example.com:80",
        "chat",
        "?a",
        "/a#b",
        "/#",
        "ftp://a/",
        "http:///a",
        "http://",
        "http://u@a/",
        "http:/a",
        "http://a:b/",
        "http://a:65536/",
        "://a/",
    ] {
        // shows: RFC6455-4.2.1-18
        assert_eq!(
            check(request(raw)),
            Err(HandshakeError::TargetInvalid),
            "{raw}"
        );
    }
}

#[test]
fn hosts() {
    for (host, valid) in [
        ("a", true),
        ("a:80", true),
        ("a:", true),
        ("127.0.0.1:65535", true),
        ("[::1]", true),
        ("[::1]:80", true),
        ("a%41b", true),
        ("a_b-c.d~e", true),
        ("", false),
        (":80", false),
        ("a:65536", false),
        ("a:8x", false),
        ("a:80:80", false),
        ("a b", false),
        ("a,b", true),
        ("a@b", false),
        ("a/b", false),
        ("a%4", false),
        ("a%zz", false),
        ("[]", false),
        ("[::1", false),
        ("[::1]x", false),
        ("[a/b]", false),
        ("\u{e9}", false),
    ] {
        let request = good("").replace("example.com", host);
        let expected = if valid {
            Ok(())
        } else {
            Err(HandshakeError::HostInvalid)
        };
        assert_eq!(check(request), expected, "{host}");
    }
}

#[test]
fn faults_of_a_request() {
    use HandshakeError as E;
    let replaced = |from: &str, to: &str| check(good("").replace(from, to));
    // shows: RFC6455-2.1-02
    assert_eq!(
        replaced("websocket", "web\u{17f}ocket"),
        Err(E::UpgradeInvalid)
    );
    assert_eq!(replaced(": websocket", ": h2c, WebSocket"), Ok(()));
    assert_eq!(
        replaced(": websocket", ": websocket/13"),
        Err(E::UpgradeInvalid)
    );
    assert_eq!(
        replaced("Connection: Upgrade", "Connection: keep-alive,\tUPGRADE"),
        Ok(())
    );
    // shows: RFC9110-5.6.3-01
    assert_eq!(
        replaced("Connection: Upgrade", "Connection: Upgrade\u{a0}"),
        Err(E::ConnectionInvalid)
    );
    assert_eq!(replaced("GET", "HEAD"), Err(E::MethodNotGet));
    assert_eq!(replaced("HTTP/1.1", "HTTP/1.0"), Err(E::HttpVersion));
    // shows: RFC9112-2.3-01
    assert_eq!(replaced("HTTP/1.1", "http/1.1"), Err(E::StartLineInvalid));
    // shows: RFC9112-2.3-01
    assert_eq!(replaced("HTTP/1.1", "HTTP/1.10"), Err(E::StartLineInvalid));
    // shows: RFC9112-3.2-01
    assert_eq!(
        replaced(" HTTP/1.1", " b HTTP/1.1"),
        Err(E::StartLineInvalid)
    );
    assert_eq!(replaced(" HTTP/1.1", ""), Err(E::StartLineInvalid));
    assert_eq!(
        check(good("Sec-WebSocket-Version: 13\r\n")),
        Err(E::VersionRepeated)
    );
    // shows: RFC6454-7.3-01
    assert_eq!(
        check(good("Origin: null\r\nOrigin: null\r\n")),
        Err(E::OriginRepeated)
    );
    // shows: RFC6455-4.2.1-17
    assert_eq!(
        check(good("Sec-WebSocket-Protocol: a, a\r\n")),
        Err(E::SubprotocolInvalid)
    );
    // shows: RFC7936-2-01
    assert_eq!(check(good("Sec-WebSocket-Protocol: a, A\r\n")), Ok(()));
    // shows: RFC6455-4.3-07, RFC6455-4.2.1-17
    assert_eq!(
        check(good("Sec-WebSocket-Protocol: ,\r\n")),
        Err(E::SubprotocolInvalid)
    );
    assert_eq!(check(good("Content-Length: 00\r\n")), Err(E::BodyPresent));
    assert_eq!(
        check(good("Content-Length: 0\r\nContent-Length: 0\r\n")),
        Err(E::BodyPresent)
    );
    // shows: RFC9110-5.1-01
    assert_eq!(check(good("No Colon\r\n")), Err(E::HeaderInvalid));
    assert_eq!(check("PRI * HTTP/2.0\r\n\r\n"), Err(E::HttpVersion));
    assert_eq!(check("\r\n\r\n"), Err(E::NotHttp));
    let many = (0..65)
        .map(|n| format!("p{n}"))
        .collect::<Vec<_>>()
        .join(",");
    // shows: RFC9110-5.6.1.2-02
    assert_eq!(
        check(good(&format!("Sec-WebSocket-Protocol: {many}\r\n"))),
        Err(E::TooManyElements)
    );
    let many = many.trim_end_matches(",p64");
    assert_eq!(
        check(good(&format!("Sec-WebSocket-Protocol: {many}\r\n"))),
        Ok(())
    );
}

#[test]
fn a_fault_is_found_on_the_byte_that_proves_it() {
    use HandshakeError as E;
    for (start, byte, error) in [
        // shows: RFC9112-2.2-07
        ("", 0x16, E::NotHttp), // a TLS hello
        ("", 0x81, E::NotHttp), // a frame
        ("", b'\n', E::BareLf),
        ("\r", b'G', E::BareCr),
        ("\r\n", b'\r', E::NotHttp),
        ("G", 0xc3, E::NotHttp),
        ("GET /", 0, E::TargetInvalid),
        // shows: RFC6455-8.1-02
        ("GET /", 0xc3, E::TargetInvalid),
        ("GET /", b'\t', E::TargetInvalid),
        ("GET / HTTP/", 0xc3, E::StartLineInvalid),
        ("GET / HTTP/1.1", b'\n', E::BareLf),
        // shows: RFC9112-2.2-04
        ("GET / HTTP/1.1\r", b'x', E::BareCr),
        // shows: RFC9112-2.2-06
        ("GET / HTTP/1.1\r\n", b' ', E::LineFolded),
        ("GET / HTTP/1.1\r\n", b':', E::HeaderInvalid),
        ("GET / HTTP/1.1\r\n", 0, E::ControlCharacter),
        ("GET / HTTP/1.1\r\n", b'\n', E::BareLf),
        // shows: RFC9112-5.2-02
        ("GET / HTTP/1.1\r\nA: b\r\n", b'\t', E::LineFolded),
        // shows: RFC9110-5.5-02
        ("GET / HTTP/1.1\r\nA: b", 0, E::ControlCharacter),
        ("GET / HTTP/1.1\r\nA: b", 0x7f, E::ControlCharacter),
        ("GET / HTTP/1.1\r\nA: b\r\n\r", b'x', E::BareCr),
    ] {
        let mut handshake = server();
        let mut out = Vec::new();
        for byte in start.bytes() {
            let found = handshake.receive(&mut Input::new(&mut [byte]), &mut out);
            assert!(matches!(found, Ok(None)), "{start:?}");
        }
        let found = handshake
            .receive(&mut Input::new(&mut [byte]), &mut out)
            .unwrap_err();
        assert_eq!(failed(found), error, "{start:?} {byte:#x}");
        assert!(out.starts_with(b"HTTP/1.1 400 Bad Request\r\n"));
    }
}

#[test]
fn limits_are_exact() {
    let request = good("Cookie: a=b\r\n");
    let lines = request.lines().count() - 1;
    for (bytes, lines, expected) in [
        (request.len(), lines, Ok(())),
        (request.len() - 1, lines, Err(HandshakeError::HeadTooLarge)),
        (request.len(), lines - 1, Err(HandshakeError::TooManyLines)),
        (0, lines, Err(HandshakeError::HeadTooLarge)),
        (request.len(), 0, Err(HandshakeError::TooManyLines)),
    ] {
        let limits = Limits::new().head_bytes(bytes).lines(lines);
        for cut in 0..=request.len() {
            for lead in ["", "\r\n"] {
                let mut handshake = ServerHandshake::new(Vec::new(), limits);
                let mut out = Vec::new();
                let (front, back) = request.split_at(cut);
                let mut front = format!("{lead}{front}").into_bytes();
                let mut back = back.as_bytes().to_vec();
                let first = handshake
                    .receive(&mut Input::new(&mut front), &mut out)
                    .map(|_| ());
                let second = handshake
                    .receive(&mut Input::new(&mut back), &mut out)
                    .map(|_| ());
                assert_eq!(
                    first.and(second).map_err(failed),
                    expected,
                    "{bytes} {lines} {cut}"
                );
                // shows: RFC9110-5.4-01, RFC9112-3-02
                assert_eq!(out.starts_with(b"HTTP/1.1 431 "), expected.is_err());
            }
        }
    }
    let limits = Limits::new().lines(usize::MAX).head_bytes(usize::MAX);
    let fields = |n: usize| good(&"a: b\r\n".repeat(n - 6));
    assert_eq!(check_with(limits, fields(5000)), Ok(()));
    let limits = limits.lines(4000);
    assert_eq!(check_with(limits, fields(4000)), Ok(()));
    assert_eq!(
        check_with(limits, fields(4001)),
        Err(HandshakeError::TooManyLines)
    );
}

#[test]
fn storage_without_an_allocator_is_a_limit() {
    let request = good("");
    fn run<const N: usize>(request: &str, pieces: usize) -> Result<bool, HandshakeError> {
        let mut handshake = ServerHandshake::new(FixedBuf::<N>::new(), Limits::new());
        let mut out = FixedBuf::<512>::new();
        let mut bytes = request.as_bytes().to_vec();
        let mut found = false;
        for piece in bytes.chunks_mut(pieces) {
            found = handshake
                .receive(&mut Input::new(piece), &mut out)
                .map_err(failed)?
                .is_some();
        }
        Ok(found)
    }
    assert_eq!(request.len(), 158);
    for pieces in 1..=request.len() {
        assert_eq!(run::<158>(&request, pieces), Ok(true));
        assert_eq!(
            run::<157>(&request, pieces),
            Err(HandshakeError::HeadTooLarge)
        );
        // Bytes beyond the limit do not matter, however the input is split.
        let broken = format!("GET / HTTP/1.1\r\nX: {}\n", "x".repeat(110));
        assert_eq!(
            run::<100>(&broken, pieces),
            Err(HandshakeError::HeadTooLarge)
        );
    }
}

#[test]
fn what_follows_the_request_stays_in_the_input() {
    let request = good("");
    let mut handshake = server();
    let mut out = Vec::new();
    let mut bytes = [request.as_bytes(), b"\x81\x80\x00\x00\x00\x00"].concat();
    let mut input = Input::new(&mut bytes);
    assert!(handshake.receive(&mut input, &mut out).unwrap().is_some());
    assert_eq!(input.bytes(), b"\x81\x80\x00\x00\x00\x00");
    // Asked again, it consumes nothing and has the same request.
    let upgrade = handshake.receive(&mut input, &mut out).unwrap().unwrap();
    assert_eq!(upgrade.target(), "/chat?x=1");
    assert_eq!(
        upgrade.accept(&Accept::new(), &mut out),
        Ok(Negotiated::new())
    );
    let again = handshake.receive(&mut input, &mut out).map(|_| ());
    assert_eq!(again, Err(RequestError::Accepted));
    assert_eq!(input.len(), 6);
    assert_eq!(handshake.transport(), Transport::Open);
    assert_eq!(handshake.tick(Instant::from_millis(1), &mut out), Ok(None));
    assert_eq!(handshake.receive_eof(), Ok(()));
    assert_eq!(handshake.into_storage(), request.as_bytes());
}

#[test]
fn an_acceptance_has_each_field_once_and_in_order() {
    let request = good("Sec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Extensions: x-a, x-b; q\r\n");
    let (result, out) = decide(&request, |upgrade, out| {
        let params = [("p", Some("1")), ("q", None)];
        let extensions = [
            ExtensionOffer::new("x-b", &params).with_rsv(Rsv::RSV1),
            ExtensionOffer::new("x-a", &[]).with_rsv(Rsv::RSV3),
        ];
        let accept = Accept::new()
            .subprotocol("b")
            .extensions(&extensions)
            .headers(&[("Set-Cookie", b"a=b"), ("Set-Cookie", b"c=d e")]);
        upgrade.accept(&accept, out)
    });
    // shows: RFC6455-5.8-01
    assert_eq!(
        result,
        Ok(Negotiated::new().with_rsv(Rsv::RSV1 | Rsv::RSV3))
    );
    // shows: RFC6455-4.2.2-01, RFC6455-4.2.2-15, RFC6455-4.2.2-18, RFC6455-4.2.2-19
    // shows: RFC6455-4.2.2-20, RFC6455-4.2.2-21, RFC9110-5.3-01, RFC9110-5.3-03, RFC9110-7.8-03
    // shows: RFC6455-9.1-08
    assert_eq!(
        out,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: b\r\n\
        Sec-WebSocket-Extensions: x-b; p=1; q, x-a\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d e\r\n\r\n"
    );
}

#[test]
fn mistakes_of_the_caller_write_nothing_and_decide_nothing() {
    use HeadError as E;
    let extension = |name| [ExtensionOffer::new(name, &[])];
    let (xa, xc, bad) = (extension("x-a"), extension("x-c"), extension("x a"));
    let twice = [xa[0], xa[0]];
    let bad_param = [ExtensionOffer::new("x-a", &[("p", Some(""))])];
    let one_bit = [
        ExtensionOffer::new("x-a", &[]).with_rsv(Rsv::RSV1),
        ExtensionOffer::new("x-b", &[]).with_rsv(Rsv::RSV1),
    ];
    let plain = Accept::new();
    let mut handshake = server();
    let mut out = Vec::new();
    let mut bytes =
        good("Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Extensions: x-a, x-b\r\n").into_bytes();
    let mut input = Input::new(&mut bytes);
    assert!(handshake.receive(&mut input, &mut out).unwrap().is_some());
    for (accept, error) in [
        // shows: RFC6455-4.2.2-12
        (plain.subprotocol("b"), E::SubprotocolNotOffered),
        // shows: RFC7936-2-01
        (plain.subprotocol("A"), E::SubprotocolNotOffered),
        // shows: RFC6455-4.2.2-14
        (plain.subprotocol(""), E::SubprotocolNotOffered),
        // shows: RFC6455-4.2.2-16, RFC6455-4.2.2-17, RFC6455-9-03, RFC6455-9.1-09
        (plain.extensions(&xc), E::ExtensionNotOffered),
        (plain.extensions(&bad), E::ExtensionInvalid),
        // shows: RFC6455-9.1-10
        (plain.extensions(&bad_param), E::ExtensionInvalid),
        (plain.extensions(&twice), E::ExtensionRepeated),
        // shows: RFC6455-5.8-02
        (plain.extensions(&one_bit), E::ExtensionRepeated),
        (plain.headers(&[("a b", b"")]), E::HeaderNameInvalid),
        (plain.headers(&[("", b"")]), E::HeaderNameInvalid),
        (
            plain.headers(&[("content-length", b"0")]),
            E::HeaderNameReserved,
        ),
        // shows: RFC9112-2.2-03, RFC9112-5.2-01
        (plain.headers(&[("A", b"b\r\nC: d")]), E::HeaderValueInvalid),
        (plain.headers(&[("A", b" b")]), E::HeaderValueInvalid),
    ] {
        let upgrade = handshake.upgrade().unwrap();
        assert_eq!(upgrade.accept(&accept, &mut out), Err(error));
    }
    for (response, error) in [
        (PlainResponse::new(101), E::StatusInvalid),
        (PlainResponse::new(200), E::StatusInvalid),
        (PlainResponse::new(600), E::StatusInvalid),
        (PlainResponse::new(304).body(b"a"), E::BodyNotAllowed),
        (PlainResponse::new(400).reason("a\r\nb"), E::ReasonInvalid),
        (
            PlainResponse::new(400).headers(&[("Connection", b"keep-alive")]),
            E::HeaderNameReserved,
        ),
    ] {
        let upgrade = handshake.upgrade().unwrap();
        assert_eq!(upgrade.reject(&response, &mut out), Err(error));
    }
    assert!(out.is_empty());
    assert_eq!(handshake.transport(), Transport::Open);
    handshake
        .upgrade()
        .unwrap()
        .accept(&plain, &mut out)
        .unwrap();
    assert!(handshake.upgrade().is_none());
}

#[test]
fn too_little_room_writes_nothing() {
    let (_, full) = decide(&good(""), |upgrade, out| {
        upgrade.accept(&Accept::new(), out).unwrap()
    });
    let mut handshake = server();
    let mut bytes = good("").into_bytes();
    handshake
        .receive(&mut Input::new(&mut bytes), &mut Vec::new())
        .unwrap()
        .unwrap();
    for room in 0..full.len() {
        let mut out = Room(room, Vec::new());
        let accepted = handshake
            .upgrade()
            .unwrap()
            .accept(&Accept::new(), &mut out);
        assert_eq!(accepted, Err(HeadError::OutputFull));
        assert!(out.1.is_empty());
    }
    let mut out = Room(full.len(), Vec::new());
    handshake
        .upgrade()
        .unwrap()
        .accept(&Accept::new(), &mut out)
        .unwrap();
    assert_eq!(out.1, full.as_bytes());
}

#[test]
fn without_room_for_a_refusal_nothing_is_read() {
    let mut handshake = server();
    let mut bytes = *b"\x16\x03\x01";
    let mut input = Input::new(&mut bytes);
    let mut out = Room(MAX_REFUSAL - 1, Vec::new());
    let full = handshake.receive(&mut input, &mut out).map(|_| ());
    assert_eq!(full, Err(RequestError::OutputFull));
    assert_eq!(input.len(), 3);
    out.0 += 1;
    assert!(handshake.receive(&mut input, &mut out).is_err());
    assert!(input.is_empty() && !out.1.is_empty());
}

#[test]
fn errors_stay_and_are_answered_once() {
    let mut handshake = server();
    let mut out = Vec::new();
    let mut bytes = good("Content-Length: 3\r\n").into_bytes();
    bytes.extend_from_slice(b"abcGET / HTTP/1.1\r\n\r\n");
    let mut input = Input::new(&mut bytes);
    assert_eq!(
        handshake.receive(&mut input, &mut out).unwrap_err(),
        HandshakeError::BodyPresent.into()
    );
    assert!(input.is_empty());
    let answered = out.clone();
    for _ in 0..3 {
        let mut bytes = good("").into_bytes();
        let mut input = Input::new(&mut bytes);
        // Also without room.
        let error = handshake
            .receive(&mut input, &mut Room(0, Vec::new()))
            .unwrap_err();
        assert_eq!(error, HandshakeError::BodyPresent.into());
        assert!(input.is_empty());
        assert!(handshake.receive_any(&mut input, &mut out).is_err());
        assert_eq!(handshake.receive_eof(), Err(HandshakeError::BodyPresent));
        let waits = handshake.tick(Instant::from_millis(1 << 40), &mut out);
        assert!(matches!(waits, Ok(Some(_))));
    }
    // shows: RFC6455-4.2.1-01
    assert_eq!(out, answered);
    assert_eq!(handshake.transport(), Transport::Close);
}

#[test]
fn a_rejection_is_a_complete_response() {
    let mut handshake = server();
    let mut out = Vec::new();
    let mut bytes = good("").into_bytes();
    let upgrade = handshake
        .receive(&mut Input::new(&mut bytes), &mut out)
        .unwrap()
        .unwrap();
    let response = PlainResponse::new(401)
        .headers(&[
            ("WWW-Authenticate", b"Basic realm=\"x\""),
            ("Content-Type", b"text/plain"),
        ])
        .body(b"who?");
    upgrade.reject(&response, &mut out).unwrap();
    // shows: RFC7118-7-02, RFC6455-7.2.2-01, RFC9112-9.3-01
    assert_eq!(
        String::from_utf8_lossy(&out),
        "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 4\r\n\
        WWW-Authenticate: Basic realm=\"x\"\r\nContent-Type: text/plain\r\n\r\nwho?"
    );
    // shows: RFC9112-9.3-01
    assert_eq!(handshake.transport(), Transport::Close);
    let mut late = *b"late";
    let mut input = Input::new(&mut late);
    assert!(matches!(handshake.receive(&mut input, &mut out), Ok(None)));
    assert!(input.is_empty());

    let (_, out) = decide(&good(""), |upgrade, out| {
        upgrade
            .reject(
                &PlainResponse::new(302).headers(&[("Location", b"/login")]),
                out,
            )
            .unwrap();
    });
    assert!(out.starts_with("HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\n"));
    let (_, out) = decide(&good(""), |upgrade, out| {
        upgrade
            .reject(&PlainResponse::new(499).reason("No  Way"), out)
            .unwrap();
    });
    assert!(out.starts_with("HTTP/1.1 499 No  Way\r\n"));
    let (_, out) = decide(&good(""), |upgrade, out| {
        upgrade.reject(&PlainResponse::new(426), out).unwrap();
    });
    assert!(out.contains("Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"));
}

#[test]
fn plain_requests_are_for_the_caller_or_refused() {
    for (request, status, method, host) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 426, "GET", Some("a")),
        ("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 405, "HEAD", Some("a")),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            405,
            "POST",
            Some("a"),
        ),
        ("GET / HTTP/1.0\r\n\r\n", 505, "GET", None),
        (
            "GET / HTTP/1.0\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
            505,
            "GET",
            None,
        ),
    ] {
        let mut handshake = server();
        let mut out = Vec::new();
        let mut bytes = request.as_bytes().to_vec();
        let mut input = Input::new(&mut bytes);
        let Some(AnyRequest::Plain(plain)) = handshake.receive_any(&mut input, &mut out).unwrap()
        else {
            panic!("{request}");
        };
        assert_eq!(
            (plain.method(), plain.host(), plain.target()),
            (method, host, "/")
        );
        assert_eq!(
            plain.respond(&PlainResponse::new(101), &mut out),
            Err(HeadError::StatusInvalid)
        );
        assert!(out.is_empty());
        let Some(AnyRequest::Plain(plain)) = handshake.receive_any(&mut input, &mut out).unwrap()
        else {
            panic!("it can be had again");
        };
        plain
            .respond(&PlainResponse::new(200).body(b"fine"), &mut out)
            .unwrap();
        let body = if method == "HEAD" { "" } else { "fine" };
        assert_eq!(
            String::from_utf8_lossy(&out),
            format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\n{body}")
        );
        assert_eq!(handshake.transport(), Transport::Close);
        assert!(matches!(
            handshake.receive_any(&mut input, &mut out),
            Ok(None)
        ));
        assert!(input.is_empty());

        // shows: RFC9110-7.8-04
        assert_eq!(
            check(request).unwrap_err().status(),
            Some(status),
            "{request}"
        );
    }
    for request in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a b\r\n\r\n",
    ] {
        let mut bytes = request.as_bytes().to_vec();
        let error = server()
            .receive_any(&mut Input::new(&mut bytes), &mut Vec::new())
            .unwrap_err();
        assert_eq!(error, HandshakeError::HostInvalid.into());
    }
    let mut bytes = good("").into_bytes();
    let mut handshake = server();
    let found = handshake.receive_any(&mut Input::new(&mut bytes), &mut Vec::new());
    assert!(matches!(found, Ok(Some(AnyRequest::Upgrade(_)))));
}

#[test]
fn a_plain_request_can_be_refused_as_receive_does_it() {
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut expected = Vec::new();
    let error = server()
        .receive(&mut Input::new(&mut request.clone()), &mut expected)
        .unwrap_err();
    let mut handshake = server();
    let mut out = Vec::new();
    let mut bytes = *request;
    let mut input = Input::new(&mut bytes);
    let Ok(Some(AnyRequest::Plain(plain))) = handshake.receive_any(&mut input, &mut out) else {
        panic!("a plain request");
    };
    assert_eq!(
        plain.refuse(&mut Room(0, Vec::new())),
        Err(HeadError::OutputFull)
    );
    let Ok(Some(AnyRequest::Plain(plain))) = handshake.receive_any(&mut input, &mut out) else {
        panic!("it can be had again");
    };
    assert_eq!(plain.refuse(&mut out), Ok(failed(error)));
    assert_eq!(out, expected);
    assert_eq!(
        handshake.receive_any(&mut input, &mut out).unwrap_err(),
        error
    );
    assert_eq!(handshake.transport(), Transport::Close);
}

#[test]
fn a_refusal_of_head_has_no_body() {
    let mut bytes = good("").replace("GET", "HEAD").into_bytes();
    let mut out = Vec::new();
    server()
        .receive(&mut Input::new(&mut bytes), &mut out)
        .unwrap_err();
    assert!(out.starts_with(b"HTTP/1.1 405 ") && out.ends_with(b"\r\n\r\n"));
}

#[test]
fn the_time_limit_is_kept() {
    let at = Instant::from_millis;
    let mut handshake =
        ServerHandshake::new(Vec::new(), Limits::new().time(Duration::from_secs(3)));
    let mut out = Vec::new();
    for _ in 0..2 {
        assert_eq!(handshake.tick(at(1000), &mut out), Ok(Some(at(4000))));
    }
    let mut bytes = *b"GET / HT";
    assert!(matches!(
        handshake.receive(&mut Input::new(&mut bytes), &mut out),
        Ok(None)
    ));
    assert_eq!(handshake.tick(at(3999), &mut out), Ok(Some(at(4000))));
    assert!(out.is_empty());
    for _ in 0..2 {
        // shows: RFC6455-10.4-03
        assert_eq!(handshake.tick(at(4000), &mut out), Err(TimedOut::Handshake));
        assert_eq!(handshake.transport(), Transport::Abort);
        assert_eq!(out.iter().filter(|&&byte| byte == b'\r').count(), 5);
        assert!(out.starts_with(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"));
    }
    let mut bytes = good("").into_bytes();
    let late = handshake.receive(&mut Input::new(&mut bytes), &mut out);
    assert_eq!(late.unwrap_err(), HandshakeError::TimedOut.into());
    assert_eq!(handshake.tick(at(0), &mut out), Err(TimedOut::Handshake));

    // The limit is the client's. Once its request is there, the caller takes its time.
    let mut handshake = server();
    handshake.tick(at(0), &mut out).unwrap();
    let mut bytes = good("").into_bytes();
    handshake
        .receive(&mut Input::new(&mut bytes), &mut out)
        .unwrap();
    assert_eq!(handshake.tick(at(1 << 40), &mut out), Ok(None));
}

#[test]
fn the_end_of_the_transport() {
    for (start, error) in [
        ("", HandshakeError::NothingReceived),
        ("\r", HandshakeError::UnexpectedEof),
        ("\r\n", HandshakeError::UnexpectedEof),
        ("GET / HTTP/1.1\r\nHost:", HandshakeError::UnexpectedEof),
    ] {
        let mut handshake = server();
        let mut bytes = start.as_bytes().to_vec();
        handshake
            .receive(&mut Input::new(&mut bytes), &mut Vec::new())
            .unwrap();
        for _ in 0..2 {
            assert_eq!(handshake.receive_eof(), Err(error));
        }
        assert_eq!(handshake.transport(), Transport::Close);
    }
}

#[test]
fn an_upgrade_can_wait_for_another_task() {
    fn assert_send<T: Send + Sync + Unpin>(_: &T) {}
    decide(&good(""), |upgrade, _| assert_send(&upgrade));
    assert_send(&server());
}

#[test]
fn requests_that_another_server_has_parsed() {
    let fields: [(&str, &[u8]); 7] = [
        ("host", b"example.com"),
        ("upgrade", b"WebSocket"),
        ("connection", b" keep-alive, Upgrade "),
        ("sec-websocket-key", b"\tdGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", b"13"),
        ("sec-websocket-protocol", b"a, b"),
        ("sec-websocket-extensions", b"x-a"),
    ];
    let upgrade = Upgrade::from_headers("GET", "/chat", &fields).unwrap();
    assert!(OriginPolicy::same_host().allows(&upgrade));
    let extensions = [ExtensionOffer::new("x-a", &[("p", Some("1"))]).with_rsv(Rsv::RSV2)];
    let accept = Accept::new().subprotocol("b").extensions(&extensions);
    let answer = upgrade.answer(&accept).unwrap();
    let written: Vec<_> = answer
        .fields()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    assert_eq!(
        written,
        [
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
            "Sec-WebSocket-Protocol: b",
            "Sec-WebSocket-Extensions: x-a; p=1",
        ]
    );
    assert_eq!(answer.negotiated().rsv(), Rsv::RSV2);
    assert!(upgrade.answer(&Accept::new().subprotocol("c")).is_err());

    let refused =
        |method, target, fields| Upgrade::from_headers(method, target, fields).unwrap_err();
    assert_eq!(refused("POST", "/", &fields), HandshakeError::MethodNotGet);
    assert_eq!(refused("GET", "*", &fields), HandshakeError::TargetInvalid);
    assert_eq!(
        refused("GET", "/\u{e9}", &fields),
        HandshakeError::TargetInvalid
    );
    assert_eq!(
        refused("GET", "/", &fields[1..]),
        HandshakeError::HostInvalid
    );
    assert_eq!(
        refused("GET", "/", &fields[..4]),
        HandshakeError::VersionUnsupported
    );
    assert_eq!(HandshakeError::VersionUnsupported.fields().len(), 3);
}

#[test]
fn storage_is_cleared_first() {
    let mut storage = FixedBuf::<512>::new();
    storage.store(b"left over").unwrap();
    let mut handshake = ServerHandshake::new(storage, Limits::new());
    let mut bytes = good("").into_bytes();
    assert!(
        handshake
            .receive(&mut Input::new(&mut bytes), &mut Vec::new())
            .unwrap()
            .is_some()
    );
}

#[test]
fn a_borrowed_storage_serves_one_handshake_after_the_other() {
    let mut storage = Vec::new();
    for _ in 0..2 {
        let mut handshake = ServerHandshake::new(&mut storage, Limits::new());
        let mut bytes = good("").into_bytes();
        assert!(
            handshake
                .receive(&mut Input::new(&mut bytes), &mut Vec::new())
                .unwrap()
                .is_some()
        );
    }
}

/// Bytes after a refused request are dropped, whatever the reason.
#[test]
fn a_refusal_discards_what_came_behind_the_request() {
    let refused = [
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
    ];
    for request in refused {
        let mut bytes = format!("{request}more").into_bytes();
        let mut input = Input::new(&mut bytes);
        assert!(server().receive(&mut input, &mut Vec::new()).is_err());
        assert!(input.is_empty(), "{request}");
    }
}

/// At the end of time no limit ends; a `now` that was wrong does not stop it for good.
#[test]
fn at_the_end_of_time_the_limit_does_not_end() {
    let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    let mut out = Vec::new();
    for now in [u64::MAX, u64::MAX, u64::MAX - 1] {
        let ticked = handshake.tick(Instant::from_millis(now), &mut out);
        assert_eq!(ticked, Ok(None), "{now}");
    }
    let deadline = Some(Instant::from_millis(10_005));
    assert_eq!(
        handshake.tick(Instant::from_millis(5), &mut out),
        Ok(deadline)
    );
    assert!(out.is_empty());
}
