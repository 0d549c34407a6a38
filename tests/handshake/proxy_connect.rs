//! The handshake with an HTTP proxy: the request, and the reading of every answer, however it is cut.

use core::time::Duration;

use ws_proto::handshake::proxy::{ConnectRequest, ProxyHandshake};
use ws_proto::handshake::{ClientHandshake, ClientRequest, HandshakeError, HeadError, Limits};
use ws_proto::{FixedBuf, Input, Instant, Output, Storage, TimedOut, Transport, Uri};

const CONNECTED: &str = "HTTP/1.1 200 Connection established\r\nVia: 1.1 squid\r\n\r\n";
const NEEDS_USER: &str = "HTTP/1.1 407 Proxy Authentication Required\r\n\
    Proxy-Authenticate: Basic realm=\"office\"\r\nProxy-Authenticate: Digest nonce=\"1\"\r\n\
    Content-Length: 5\r\n\r\nlogin";

fn written(request: ConnectRequest<'_>) -> Result<String, HeadError> {
    let mut out = b"before".to_vec();
    let started = ProxyHandshake::start(request, Vec::new(), Limits::new(), &mut out);
    let text = String::from_utf8(out.split_off(6)).unwrap();
    assert!(started.is_ok() || text.is_empty(), "nothing is written");
    started.map(|_| text)
}

fn start<S: Storage>(storage: S, limits: Limits) -> ProxyHandshake<S> {
    let request = ConnectRequest::new("example.com", 80);
    ProxyHandshake::start(request, storage, limits, &mut Vec::new()).unwrap()
}

type Fields = Vec<(String, Vec<u8>)>;

/// How a handshake has ended.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    /// Status, reason and fields.
    connected: Option<(u16, Vec<u8>, Fields)>,
    error: Option<HandshakeError>,
    refusal: Option<Refusal>,
    /// What is for the server's handshake.
    left: Vec<u8>,
}

#[derive(Debug, PartialEq)]
struct Refusal {
    status: u16,
    reason: Vec<u8>,
    fields: Fields,
    body: Vec<u8>,
    complete: bool,
}

fn fields<'h>(headers: impl IntoIterator<Item = (&'h str, &'h [u8])>) -> Fields {
    let fields = headers.into_iter();
    fields
        .map(|(name, value)| (name.to_owned(), value.to_vec()))
        .collect()
}

/// Gives the answer in these pieces, then the end of the input if there is neither tunnel nor failure.
fn run_in<S: Storage>(storage: S, limits: Limits, pieces: &[&[u8]]) -> Outcome {
    let mut handshake = start(storage, limits);
    let mut outcome = Outcome::default();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = Input::new(&mut piece);
        match handshake.receive(&mut input) {
            Ok(None) => {
                assert!(input.is_empty(), "all of it is consumed");
                assert!(outcome == Outcome::default(), "it does not go back");
            }
            Ok(Some(connected)) => {
                let reason = connected.reason().to_vec();
                let found = (connected.status(), reason, fields(connected.headers()));
                assert!(outcome.connected.is_none_or(|before| before == found));
                outcome.connected = Some(found);
            }
            Err(error) => {
                assert!(input.is_empty(), "all of it is dropped");
                assert_eq!(*outcome.error.get_or_insert(error), error, "sticky");
            }
        }
        outcome.left.extend_from_slice(input.bytes());
        let expected = match outcome.error {
            Some(_) => Transport::Close,
            None => Transport::Open,
        };
        assert_eq!(handshake.transport(), expected);
    }
    match handshake.receive_eof() {
        Ok(()) => assert!(outcome.connected.is_some()),
        Err(error) => assert_eq!(*outcome.error.get_or_insert(error), error),
    }
    assert_eq!(handshake.receive_eof().err(), outcome.error);
    outcome.refusal = handshake.refusal().map(|refusal| Refusal {
        status: refusal.status(),
        reason: refusal.reason().to_vec(),
        fields: fields(refusal.headers()),
        body: refusal.body().to_vec(),
        complete: refusal.is_body_complete(),
    });
    let refused = matches!(outcome.error, Some(HandshakeError::Refused { .. }));
    assert_eq!(outcome.refusal.is_some(), refused);
    outcome
}

/// The same outcome whole, cut at every byte, and byte by byte, in storage that grows and in an array.
fn run_with(limits: Limits, answer: &[u8]) -> Outcome {
    let whole = run_in(Vec::new(), limits, &[answer]);
    for cut in 0..=answer.len() {
        let (front, back) = answer.split_at(cut);
        let found = run_in(Vec::new(), limits, &[front, back]);
        assert_eq!(found, whole, "cut at {cut}: {}", answer.escape_ascii());
    }
    let bytes: Vec<&[u8]> = answer.chunks(1).collect();
    assert_eq!(
        run_in(b"old".to_vec(), limits, &bytes),
        whole,
        "byte by byte"
    );
    assert_eq!(run_in(FixedBuf::<2048>::new(), limits, &[answer]), whole);
    assert_eq!(run_in(FixedBuf::<2048>::new(), limits, &bytes), whole);
    whole
}

fn run(answer: impl AsRef<[u8]>) -> Outcome {
    run_with(Limits::new(), answer.as_ref())
}

fn error(answer: impl AsRef<[u8]>) -> Option<HandshakeError> {
    let outcome = run(answer);
    assert!(outcome.connected.is_none() && outcome.left.is_empty());
    outcome.error
}

#[test]
fn the_request_names_host_and_port_and_nothing_else() {
    let uri = |text| ConnectRequest::from_uri(Uri::parse(text).unwrap());
    let link_local = Uri::parse("ws://[fe80::1]/")
        .unwrap()
        .with_zone("eth0")
        .unwrap();
    for (request, place) in [
        (ConnectRequest::new("Example.com", 8080), "example.com:8080"),
        (ConnectRequest::new("192.0.2.1", 1), "192.0.2.1:1"),
        (ConnectRequest::new("2001:db8::1", 443), "[2001:db8::1]:443"),
        (
            ConnectRequest::new("[2001:db8::1]", 65535),
            "[2001:db8::1]:65535",
        ),
        (ConnectRequest::new("fe80::1%eth0", 80), "[fe80::1]:80"),
        (ConnectRequest::new("[fe80::1%eth0]", 80), "[fe80::1]:80"),
        (ConnectRequest::from_uri(link_local), "[fe80::1]:80"),
        (uri("ws://example.com/chat?x=1"), "example.com:80"),
        (uri("wss://example.com/chat"), "example.com:443"),
        (uri("wss://example.com:/"), "example.com:443"),
        (uri("wss://[::1]:8443"), "[::1]:8443"),
    ] {
        // shows: RFC6455-4.1-07, RFC9110-9.3.6-01, RFC9110-9.3.6-02, RFC9112-3.2.3-01
        assert_eq!(
            written(request).unwrap(),
            format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n")
        );
    }
}

#[test]
fn user_name_and_password_of_a_uri_are_not_for_the_proxy() {
    let rules = ws_proto::uri::UriRules::new().user_info(true);
    let uri = Uri::parse_with("ws://me:secret@example.com/", rules).unwrap();
    let text = written(ConnectRequest::from_uri(uri)).unwrap();
    assert_eq!(
        text,
        "CONNECT example.com:80 HTTP/1.1\r\nHost: example.com:80\r\n\r\n"
    );
}

#[test]
fn user_name_and_password_are_sent_by_the_scheme_basic() {
    let plain = ConnectRequest::new("h", 1);
    let field = |request| {
        let text: String = written(request).unwrap();
        let (_, field) = text.split_once("Proxy-Authorization: ").unwrap();
        field.split_once("\r\n").unwrap().0.to_owned()
    };
    for (user, password, expected) in [
        // The examples of RFC 7617 2 and 2.1.
        (
            "Aladdin",
            "open sesame",
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        ),
        ("test", "123\u{a3}", "Basic dGVzdDoxMjPCow=="),
        ("", "", "Basic Og=="),
        ("a", "", "Basic YTo="),
        ("", "b", "Basic OmI="),
        ("a", "b:c", "Basic YTpiOmM="),
    ] {
        // shows: RFC7617-2-01
        assert_eq!(field(plain.basic(user, password)), expected);
    }
    assert_eq!(field(plain.basic(&[0xff], "")), "Basic /zo=");
    let long = "x".repeat(10_000);
    assert!(field(plain.basic(&long, &long)).len() > 20_000);
}

#[test]
fn further_fields_are_sent_in_their_order() {
    let headers: [(&str, &[u8]); 2] =
        [("User-Agent", b"x/1"), ("Proxy-Authorization", b"Bearer t")];
    let request = ConnectRequest::new("h", 1).headers(&headers);
    assert_eq!(
        written(request).unwrap(),
        "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\nUser-Agent: x/1\r\nProxy-Authorization: Bearer t\r\n\r\n"
    );
}

#[test]
fn what_cannot_be_sent_is_not_written() {
    for host in [
        "", " ", "a b", "a\r\nb", "a:1", "a:", "a/b", "a@b", "\u{e9}", "[", "[]", "[a]", "[::1",
        "::1]", "::g", "[::1]:1", "%", "%4", "[v1.a]", "1:2", "?", "#",
    ] {
        let request = ConnectRequest::new(host, 80);
        assert_eq!(written(request), Err(HeadError::HostInvalid), "{host:?}");
    }
    // shows: RFC9110-9.3.6-02
    assert_eq!(
        written(ConnectRequest::new("h", 0)),
        Err(HeadError::HostInvalid)
    );
    let plain = ConnectRequest::new("h", 1);
    let mut bad: Vec<(Vec<u8>, Vec<u8>)> =
        vec![(b"a:b".to_vec(), b"c".to_vec()), (b":".to_vec(), vec![])];
    for control in (0..0x20).chain([0x7f]) {
        bad.push((vec![b'a', control], b"b".to_vec()));
        bad.push((b"a".to_vec(), vec![control, b'b']));
    }
    for (user, password) in &bad {
        // shows: RFC7617-2-02, RFC7617-2-03
        assert_eq!(
            written(plain.basic(user, password)),
            Err(HeadError::CredentialsInvalid)
        );
    }
    for (name, value, expected) in [
        ("Host", &b"x"[..], HeadError::HeaderNameReserved),
        ("content-length", b"1", HeadError::HeaderNameReserved),
        (
            "Transfer-Encoding",
            b"chunked",
            HeadError::HeaderNameReserved,
        ),
        ("a b", b"x", HeadError::HeaderNameInvalid),
        ("a", b"x\r\ny: z", HeadError::HeaderValueInvalid),
    ] {
        // shows: RFC9110-9.3.6-06
        assert_eq!(written(plain.headers(&[(name, value)])), Err(expected));
    }
    let twice = [("proxy-AUTHORIZATION", &b"Bearer t"[..])];
    assert!(written(plain.headers(&twice)).is_ok());
    assert_eq!(
        written(plain.headers(&twice).basic("a", "b")),
        Err(HeadError::HeaderNameReserved)
    );
}

#[test]
fn a_request_is_written_whole_or_not_at_all() {
    const LEN: usize = "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n".len();
    let start = |out: &mut dyn Output| {
        let storage = FixedBuf::<64>::new();
        ProxyHandshake::start(ConnectRequest::new("h", 1), storage, Limits::new(), out).map(|_| ())
    };
    let mut small = FixedBuf::<{ LEN - 1 }>::new();
    assert_eq!(start(&mut small), Err(HeadError::OutputFull));
    assert!(small.is_empty());
    let mut exact = FixedBuf::<LEN>::new();
    assert_eq!(start(&mut exact), Ok(()));
    assert_eq!(exact.pending().len(), LEN);
}

#[test]
fn every_2xx_connects_whatever_its_fields_say() {
    for status in 200..300 {
        for version in ["1.1", "1.0"] {
            let answer = format!("HTTP/{version} {status} yes\r\nA: b\r\n\r\n\x16\x03\x01");
            let outcome = run_in(Vec::new(), Limits::new(), &[answer.as_bytes()]);
            // shows: RFC9110-9.3.6-03
            assert_eq!(
                outcome.connected,
                Some((status, b"yes".to_vec(), vec![("A".into(), b"b".to_vec())]))
            );
            assert_eq!(outcome.left, b"\x16\x03\x01");
        }
    }
    for fields in [
        "Content-Length: 3\r\n",
        "Content-Length: 0\r\n",
        "Content-Length: x\r\nContent-Length: y\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip\r\nContent-Length: 9\r\n",
        "Connection: close\r\n",
        "Connection: Upgrade\r\nUpgrade: h2c\r\n",
        "",
    ] {
        let outcome = run(format!(
            "HTTP/1.1 200 OK\r\n{fields}\r\n3\r\nabc\r\n0\r\n\r\n"
        ));
        // shows: RFC9110-9.3.6-04, RFC9110-9.3.6-05
        assert_eq!(outcome.left, b"3\r\nabc\r\n0\r\n\r\n", "{fields}");
        assert!(outcome.connected.is_some());
    }
}

#[test]
fn reasons_and_fields_can_be_odd() {
    for (answer, reason) in [
        ("HTTP/1.1 200 \r\n\r\n", &b""[..]),
        ("HTTP/1.1 200\r\n\r\n", b""),
        (
            "HTTP/1.0 200 Connection established\r\n\r\n",
            b"Connection established",
        ),
        ("HTTP/1.1 200 \u{e9}\t!\r\n\r\n", "\u{e9}\t!".as_bytes()),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\nD:\r\n\r\n", b"OK"),
    ] {
        let (status, found, _) = run(answer).connected.unwrap();
        assert_eq!((status, &found[..]), (200, reason), "{answer:?}");
    }
    let (_, _, fields) = run("HTTP/1.1 200 OK\r\nA: b\r\n c\r\nD:\r\n\r\n")
        .connected
        .unwrap();
    assert_eq!(fields[1], ("D".into(), Vec::new()));
}

#[test]
fn every_other_status_refuses() {
    for status in (101..=101).chain(300..1000) {
        let answer = format!("HTTP/1.1 {status} No way\r\nX: y\r\nContent-Length: 2\r\n\r\nno");
        let outcome = run_in(Vec::new(), Limits::new(), &[answer.as_bytes()]);
        // shows: RFC9110-9.3.6-07
        assert_eq!(outcome.error, Some(HandshakeError::Refused { status }));
        let refusal = outcome.refusal.unwrap();
        assert_eq!(
            (refusal.status, &refusal.reason[..]),
            (status, &b"No way"[..])
        );
        assert_eq!(refusal.fields[0], ("X".into(), b"y".to_vec()));
        let body: &[u8] = if matches!(status, 101 | 304) {
            b""
        } else {
            b"no"
        };
        assert_eq!((&refusal.body[..], refusal.complete), (body, true));
    }
    for status in [0, 1, 99] {
        let answer = format!("HTTP/1.1 {status:03} x\r\n\r\n");
        assert_eq!(error(answer), Some(HandshakeError::StartLineInvalid));
    }
}

#[test]
fn a_407_has_the_challenges() {
    let outcome = run(NEEDS_USER);
    assert_eq!(outcome.error, Some(HandshakeError::Refused { status: 407 }));
    let refusal = outcome.refusal.unwrap();
    assert_eq!((&refusal.body[..], refusal.complete), (&b"login"[..], true));

    let mut handshake = start(FixedBuf::<512>::new(), Limits::new());
    let mut bytes = NEEDS_USER.as_bytes().to_vec();
    assert!(handshake.receive(&mut Input::new(&mut bytes)).is_err());
    let refusal = handshake.refusal().unwrap();
    let challenges: Vec<&[u8]> = refusal.headers().get_all("proxy-authenticate").collect();
    assert_eq!(
        challenges,
        [&b"Basic realm=\"office\""[..], b"Digest nonce=\"1\""]
    );
}

#[test]
fn the_body_of_a_refusal_is_framed_as_in_any_response() {
    for (answer, body, complete) in [
        (
            "HTTP/1.1 502 x\r\nContent-Length: 3\r\n\r\nabcdef",
            "abc",
            true,
        ),
        (
            "HTTP/1.1 502 x\r\nContent-Length: 4\r\n\r\nabc",
            "abc",
            false,
        ),
        (
            "HTTP/1.1 502 x\r\nTransfer-Encoding: chunked\r\n\r\n1;x\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
            "abc",
            true,
        ),
        (
            "HTTP/1.1 502 x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
            "ab",
            false,
        ),
        ("HTTP/1.0 502 x\r\n\r\nuntil the end", "until the end", true),
        (
            "HTTP/1.1 403 x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
            "",
            false,
        ),
    ] {
        let refusal = run(answer).refusal.unwrap();
        assert_eq!(
            (&refusal.body[..], refusal.complete),
            (body.as_bytes(), complete),
            "{answer}"
        );
    }
}

#[test]
fn informational_responses_are_skipped_up_to_a_limit() {
    let skipped = |n: usize| {
        format!(
            "{}{CONNECTED}left",
            "HTTP/1.1 102 Wait\r\nA: b\r\n\r\n".repeat(n)
        )
    };
    let limits = Limits::new().informational(3);
    for n in 0..=5 {
        let outcome = run_with(limits, skipped(n).as_bytes());
        if n <= 3 {
            // shows: RFC9110-15.2-01
            assert_eq!(outcome.left, b"left");
            let (_, _, fields) = outcome.connected.unwrap();
            assert_eq!(fields, [("Via".to_owned(), b"1.1 squid".to_vec())]);
        } else {
            assert_eq!(outcome.error, Some(HandshakeError::TooManyInformational));
        }
    }
    let outcome = run(format!("HTTP/1.1 100 Continue\r\n\r\n{NEEDS_USER}"));
    assert_eq!(outcome.error, Some(HandshakeError::Refused { status: 407 }));
    // They count towards the limit of bytes.
    let outcome = run_with(Limits::new().head_bytes(100), skipped(3).as_bytes());
    assert_eq!(outcome.error, Some(HandshakeError::HeadTooLarge));
}

#[test]
fn a_101_is_a_refusal_and_what_follows_it_is_no_body() {
    let outcome = run("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x01\x00");
    assert_eq!(outcome.error, Some(HandshakeError::Refused { status: 101 }));
    let refusal = outcome.refusal.unwrap();
    assert_eq!((refusal.body.len(), refusal.complete), (0, true));
}

#[test]
fn wrong_answers_fail() {
    use HandshakeError as E;
    for (answer, expected) in [
        ("\x05\x00", E::NotHttp),
        ("\x16\x03\x01", E::NotHttp),
        ("SSH-2.0-x\r\n", E::NotHttp),
        ("http/1.1 200 OK\r\n\r\n", E::NotHttp),
        ("\r\nHTTP/1.1 200 OK\r\n\r\n", E::NotHttp),
        ("\nHTTP/1.1 200 OK\r\n\r\n", E::BareLf),
        (" HTTP/1.1 200 OK\r\n\r\n", E::NotHttp),
        ("HTTP/\r\n\r\n", E::StartLineInvalid),
        ("HTTP/2 200 OK\r\n\r\n", E::StartLineInvalid),
        ("HTTP/2.0 200 OK\r\n\r\n", E::StartLineInvalid),
        ("HTTP/1.2 200 OK\r\n\r\n", E::StartLineInvalid),
        ("HTTP/1.1 20 OK\r\n\r\n", E::StartLineInvalid),
        ("HTTP/1.1 2000 OK\r\n\r\n", E::StartLineInvalid),
        ("HTTP/1.1 OK\r\n\r\n", E::StartLineInvalid),
        ("HTTP/1.1  200 OK\r\n\r\n", E::StartLineInvalid),
        ("HTTP/1.1 -200 OK\r\n\r\n", E::StartLineInvalid),
        ("HTTP/1.1 200 OK\n\n", E::BareLf),
        ("HTTP/1.1 200 OK\r\nA: b\n\r\n", E::BareLf),
        ("HTTP/1.1 200 OK\r\n\n", E::BareLf),
        ("HTTP/1.1 200 OK\r\r\n", E::BareCr),
        ("HTTP/1.1 200 OK\r\n\rx", E::BareCr),
        ("HTTP/1.1 200 OK\r\n: b\r\n\r\n", E::HeaderInvalid),
        ("HTTP/1.1 200 OK\r\nA\r\n\r\n", E::HeaderInvalid),
        ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", E::HeaderInvalid),
        ("HTTP/1.1 200 OK\r\n A: b\r\n\r\n", E::HeaderInvalid),
        ("HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", E::ControlCharacter),
        ("HTTP/1.1 200 OK\r\nA: \x7f\r\n\r\n", E::ControlCharacter),
        ("HTTP/1.1 200 O\x01K\r\n\r\n", E::NotHttp),
        ("", E::NothingReceived),
        ("H", E::UnexpectedEof),
        ("HTTP/1.1 200 OK\r\n\r", E::UnexpectedEof),
        ("HTTP/1.1 100 x\r\n\r\n", E::UnexpectedEof),
    ] {
        // shows: RFC9110-9.3.6-07
        assert_eq!(error(answer), Some(expected), "{answer:?}");
    }
}

#[test]
fn every_changed_byte_of_every_answer_means_the_same_however_it_is_cut() {
    let mut connected = 0;
    for answer in [
        CONNECTED,
        NEEDS_USER,
        "HTTP/1.1 100 x\r\n\r\nHTTP/1.0 299 y\r\nA: b\r\n c\r\n\r\n\x01",
    ] {
        for at in 0..answer.len() {
            for byte in [0, b'\t', b'\n', b'\r', b' ', b':', b'0', b'a', 0x7f, 0xff] {
                let mut changed = answer.as_bytes().to_vec();
                changed[at] = byte;
                let whole = run_in(Vec::new(), Limits::new(), &[&changed]);
                let bytes: Vec<&[u8]> = changed.chunks(1).collect();
                assert_eq!(run_in(FixedBuf::<512>::new(), Limits::new(), &bytes), whole);
                let (front, back) = changed.split_at(at);
                assert_eq!(run_in(Vec::new(), Limits::new(), &[front, back]), whole);
                connected += usize::from(whole.connected.is_some());
            }
        }
    }
    assert!(connected > 100);
}

#[test]
fn the_end_of_the_input_at_every_byte() {
    for answer in [CONNECTED, NEEDS_USER] {
        let head = answer.find("\r\n\r\n").unwrap() + 4;
        for len in 0..answer.len() {
            let outcome = run_in(Vec::new(), Limits::new(), &[&answer.as_bytes()[..len]]);
            let expected = match len {
                0 => HandshakeError::NothingReceived,
                _ if len < head => HandshakeError::UnexpectedEof,
                _ => HandshakeError::Refused { status: 407 },
            };
            assert_eq!(outcome.error, Some(expected), "{len} bytes");
            assert!(outcome.refusal.is_none_or(|refusal| !refusal.complete));
        }
    }
}

#[test]
fn limits_of_bytes_and_lines_are_exact() {
    let answer = [CONNECTED.as_bytes(), b"left"].concat();
    let bytes = CONNECTED.len();
    for limit in 0..=bytes {
        let outcome = run_with(Limits::new().head_bytes(limit), &answer);
        assert_eq!(outcome.connected.is_some(), limit == bytes);
        assert!(limit == bytes || outcome.error == Some(HandshakeError::HeadTooLarge));
    }
    for limit in 0..=2 {
        let outcome = run_with(Limits::new().lines(limit), &answer);
        assert_eq!(outcome.connected.is_some(), limit == 2);
        assert!(limit == 2 || outcome.error == Some(HandshakeError::TooManyLines));
    }
    for limit in 0..=6 {
        let outcome = run_with(Limits::new().body_bytes(limit), NEEDS_USER.as_bytes());
        assert_eq!(outcome.error, Some(HandshakeError::Refused { status: 407 }));
        let refusal = outcome.refusal.unwrap();
        assert_eq!(refusal.body, &b"login"[..limit.min(5)]);
        assert_eq!(refusal.complete, limit >= 5);
    }
}

#[test]
fn a_storage_that_is_too_small_is_a_limit() {
    const LEN: usize = CONNECTED.len();
    let answer = [CONNECTED.as_bytes(), b"left"].concat();
    let bytes: Vec<&[u8]> = answer.chunks(1).collect();
    for pieces in [&[&answer[..]][..], &bytes] {
        let exact = run_in(FixedBuf::<LEN>::new(), Limits::new(), pieces);
        assert_eq!(
            (exact.connected.is_some(), &exact.left[..]),
            (true, &b"left"[..])
        );
        let small = run_in(FixedBuf::<{ LEN - 1 }>::new(), Limits::new(), pieces);
        assert_eq!(small.error, Some(HandshakeError::HeadTooLarge));
    }
    // The head fits, and a part of the body.
    const HEAD: usize = NEEDS_USER.len() - "login".len();
    let refused = run_in(
        FixedBuf::<{ HEAD + 2 }>::new(),
        Limits::new(),
        &[NEEDS_USER.as_bytes()],
    );
    let refusal = refused.refusal.unwrap();
    assert_eq!((&refusal.body[..], refusal.complete), (&b"lo"[..], false));
}

#[test]
fn time_runs_out_before_the_answer_and_not_after_it() {
    let at = Instant::from_millis;
    let limits = Limits::new()
        .time(Duration::from_secs(3))
        .drain(Duration::from_secs(2));
    let receive = |handshake: &mut ProxyHandshake<Vec<u8>>, bytes: &str| {
        let mut bytes = bytes.as_bytes().to_vec();
        handshake.receive(&mut Input::new(&mut bytes)).map(|_| ())
    };

    let mut handshake = start(Vec::new(), limits);
    assert_eq!(handshake.tick(at(500)), Ok(Some(at(3500))));
    receive(&mut handshake, &CONNECTED[..20]).unwrap();
    assert_eq!(handshake.tick(at(3499)), Ok(Some(at(3500))));
    assert_eq!(handshake.tick(at(3500)), Err(TimedOut::Handshake));
    assert_eq!(handshake.transport(), Transport::Abort);
    assert_eq!(
        receive(&mut handshake, CONNECTED),
        Err(HandshakeError::TimedOut)
    );
    assert_eq!(handshake.tick(at(3600)), Err(TimedOut::Handshake));

    let mut handshake = start(Vec::new(), limits);
    handshake.tick(at(0)).unwrap();
    receive(&mut handshake, CONNECTED).unwrap();
    assert_eq!(handshake.tick(at(9000)), Ok(None));
    assert_eq!(handshake.transport(), Transport::Open);

    // What was received of a refusal is there, and the proxy has time to end its side.
    let mut handshake = start(Vec::new(), limits);
    handshake.tick(at(0)).unwrap();
    receive(&mut handshake, &NEEDS_USER[..NEEDS_USER.len() - 1]).unwrap();
    assert_eq!(handshake.tick(at(3000)), Err(TimedOut::Handshake));
    assert_eq!(handshake.refusal().unwrap().body(), b"logi");

    let mut handshake = start(Vec::new(), limits);
    receive(&mut handshake, NEEDS_USER).unwrap_err();
    assert_eq!(handshake.transport(), Transport::Close);
    assert_eq!(handshake.tick(at(1000)), Ok(Some(at(3000))));
    assert_eq!(handshake.tick(at(3000)), Err(TimedOut::Drain));
    assert_eq!(handshake.transport(), Transport::Abort);
}

/// What follows the proxy's answer in the same read is for the next handshake, in the same storage.
#[test]
fn the_handshake_with_the_server_goes_on_where_that_with_the_proxy_ends() {
    let switched = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x01\x02hi";
    let wire = format!("{CONNECTED}{switched}");
    for cut in 0..=wire.len() {
        let (front, back) = wire.as_bytes().split_at(cut);
        let mut proxy = Some(start(FixedBuf::<512>::new(), Limits::new()));
        let mut server = None;
        let mut left = Vec::new();
        for piece in [front, back] {
            let mut piece = piece.to_vec();
            let mut input = Input::new(&mut piece);
            if let Some(mut handshake) = proxy.take() {
                if handshake.receive(&mut input).unwrap().is_none() {
                    proxy = Some(handshake);
                    continue;
                }
                let request = ClientRequest::new("example.com", "/");
                let storage = handshake.into_storage();
                let nonce = *b"the sample nonce";
                let limits = Limits::new();
                let started =
                    ClientHandshake::start(request, nonce, storage, limits, &mut Vec::new());
                server = Some(started.unwrap());
            }
            let established = server.as_mut().unwrap().receive(&mut input).unwrap();
            if established.is_some() {
                left.extend_from_slice(input.bytes());
            }
        }
        assert_eq!(left, b"\x01\x02hi", "cut at {cut}");
    }
}

#[test]
fn secrets_are_not_in_debug_output() {
    let headers: [(&str, &[u8]); 1] = [("X-Token", b"hunter2")];
    let request = ConnectRequest::new("h", 1)
        .basic("me", "hunter2")
        .headers(&headers);
    let mut handshake =
        ProxyHandshake::start(request, Vec::new(), Limits::new(), &mut Vec::new()).unwrap();
    let mut texts = vec![format!("{request:?}"), format!("{handshake:?}")];
    let mut bytes = *b"HTTP/1.1 200 OK\r\nX-Token: hunter2\r\n\r\n";
    let connected = handshake.receive(&mut Input::new(&mut bytes)).unwrap();
    texts.push(format!("{connected:?}"));
    texts.push(format!("{handshake:?}"));
    let mut refused = start(Vec::new(), Limits::new());
    let mut bytes = *b"HTTP/1.1 407 x\r\nX-Token: hunter2\r\nContent-Length: 7\r\n\r\nhunter2";
    refused.receive(&mut Input::new(&mut bytes)).unwrap_err();
    texts.push(format!("{refused:?} {:?}", refused.refusal()));
    for text in texts {
        let secrets = ["hunter2", "aHVudGVy", "bWU6"];
        assert!(
            !secrets.iter().any(|secret| text.contains(secret)),
            "{text}"
        );
    }
    assert!(format!("{request:?}").contains("X-Token"));
}
