//! The client's side of the opening handshake, by behaviour.

use core::time::Duration;

use ws_proto::frame::Rsv;
use ws_proto::handshake::{
    AnswerFault, ClientHandshake, ClientRequest, ExtensionOffer, HandshakeError, HeadError, Limits,
};
use ws_proto::{FixedBuf, Input, Instant, Output, TimedOut, Transport, Uri};

const NONCE: [u8; 16] = *b"the sample nonce";

const ACCEPT: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

fn accepted(more: &str) -> String {
    format!("{ACCEPT}{more}\r\n")
}

fn plain() -> ClientRequest<'static> {
    ClientRequest::new("example.com", "/chat")
}

fn start(request: ClientRequest<'_>, limits: Limits) -> ClientHandshake<Vec<u8>> {
    ClientHandshake::start(request, NONCE, Vec::new(), limits, &mut Vec::new()).unwrap()
}

fn written(request: ClientRequest<'_>) -> Result<String, HeadError> {
    let mut out = Vec::new();
    let result = ClientHandshake::start(request, NONCE, Vec::new(), Limits::new(), &mut out);
    assert!(result.is_ok() || out.is_empty());
    result.map(|_| String::from_utf8(out).unwrap())
}

/// The error of an answer; the reserved bits agreed on if there is none.
fn check(request: ClientRequest<'_>, answer: &str) -> Result<Rsv, HandshakeError> {
    let mut handshake = start(request, Limits::new());
    let mut bytes = answer.as_bytes().to_vec();
    let established = handshake.receive(&mut Input::new(&mut bytes))?;
    Ok(established.expect("a complete answer").negotiated().rsv())
}

/// What is known of a refusal when it is over.
#[derive(Debug, PartialEq)]
struct Refused {
    status: u16,
    reason: Vec<u8>,
    body: Vec<u8>,
    complete: bool,
}

/// Reads `answer` in these pieces, then the end of the transport if that is still needed.
fn refusal(limits: Limits, answer: &[u8], pieces: impl Iterator<Item = usize>) -> (Refused, bool) {
    let mut handshake = start(plain(), limits);
    let mut rest = answer.to_vec();
    let mut result = Ok(());
    for size in pieces {
        let mut piece: Vec<u8> = rest.drain(..size.min(rest.len())).collect();
        let mut input = Input::new(&mut piece);
        let now = handshake
            .receive(&mut input)
            .map(|found| assert!(found.is_none()));
        assert!(input.is_empty());
        assert!(result.is_ok() || now == result, "sticky");
        result = now;
    }
    let ended = result.is_err();
    let error = handshake.receive_eof().unwrap_err();
    assert!(!ended || result == Err(error));
    let refusal = handshake.refusal().unwrap();
    assert_eq!(
        error,
        HandshakeError::Refused {
            status: refusal.status()
        }
    );
    assert_eq!(handshake.transport(), Transport::Close);
    let refused = Refused {
        status: refusal.status(),
        reason: refusal.reason().to_vec(),
        body: refusal.body().to_vec(),
        complete: refusal.is_body_complete(),
    };
    (refused, ended)
}

/// As [`refusal`], the same for every way of cutting the answer in two and for single bytes.
fn refusal_in_any_pieces(limits: Limits, answer: &[u8]) -> (Refused, bool) {
    let whole = refusal(limits, answer, [answer.len()].into_iter());
    for cut in 0..answer.len() {
        let halves = refusal(limits, answer, [cut, answer.len()].into_iter());
        assert_eq!(halves, whole, "cut at {cut}");
    }
    assert_eq!(refusal(limits, answer, answer.iter().map(|_| 1)), whole);
    whole
}

#[test]
fn a_request_has_each_field_once_and_in_order() {
    let params = [("p", Some("1")), ("q", None)];
    let offers = [
        ExtensionOffer::new("x-a", &params),
        ExtensionOffer::new("x-a", &[]),
    ];
    let request = ClientRequest::new("example.com:81", "/chat?a=b")
        .origin("https://example.com")
        .subprotocols(&["a", "A"])
        .extensions(&offers)
        .headers(&[("Cookie", b"a=b")]);
    let expected = "GET /chat?a=b HTTP/1.1\r\nHost: example.com:81\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\nOrigin: https://example.com\r\n\
        Sec-WebSocket-Protocol: a, A\r\nSec-WebSocket-Extensions: x-a; p=1; q, x-a\r\n\
        Cookie: a=b\r\n\r\n";
    assert_eq!(written(request).as_deref(), Ok(expected));
    let expected = "GET / HTTP/1.1\r\nHost: [::1]:80\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\n\r\n";
    let uri = Uri::parse("wss://[::1]:80").unwrap();
    assert_eq!(
        written(ClientRequest::from_uri(uri)).as_deref(),
        Ok(expected)
    );
}

#[test]
fn mistakes_of_the_caller_write_nothing() {
    use HeadError as E;
    let bad = [ExtensionOffer::new("x-a", &[("p", Some("a b"))])];
    for (request, error) in [
        (ClientRequest::new("", "/"), E::HostInvalid),
        (ClientRequest::new("a b", "/"), E::HostInvalid),
        (ClientRequest::new("u@a", "/"), E::HostInvalid),
        (ClientRequest::new("a", ""), E::TargetInvalid),
        (ClientRequest::new("a", "chat"), E::TargetInvalid),
        (ClientRequest::new("a", "/#"), E::TargetInvalid),
        (ClientRequest::new("a", "/ b"), E::TargetInvalid),
        (ClientRequest::new("a", "ws://a/"), E::TargetInvalid),
        (plain().origin(""), E::OriginInvalid),
        (plain().origin("http://a b"), E::OriginInvalid),
        // shows: RFC6455-4.1-34, RFC9110-5.6.1.1-01
        (plain().subprotocols(&["a", ""]), E::SubprotocolInvalid),
        (plain().subprotocols(&["a,b"]), E::SubprotocolInvalid),
        // shows: RFC6455-4.1-35, WHATWG-3.1-03
        (
            plain().subprotocols(&["a", "b", "a"]),
            E::SubprotocolRepeated,
        ),
        // shows: RFC6455-9.1-10
        (plain().extensions(&bad), E::ExtensionInvalid),
        (plain().headers(&[("Bad Name", b"")]), E::HeaderNameInvalid),
        (plain().headers(&[("hOsT", b"b")]), E::HeaderNameReserved),
        (
            plain().headers(&[("Sec-WebSocket-Key", b"b")]),
            E::HeaderNameReserved,
        ),
        (plain().headers(&[("A", b"b\0")]), E::HeaderValueInvalid),
    ] {
        // shows: RFC6455-4.1-02, RFC6455-4.1-34
        assert_eq!(written(request), Err(error), "{request:?}");
    }
}

#[test]
fn too_little_room_writes_nothing() {
    let full = written(plain()).unwrap();
    let mut out = FixedBuf::<1024>::new();
    out.put(&vec![b'-'; 1024 - full.len() + 1]);
    let before = out.pending().to_vec();
    let result = ClientHandshake::start(plain(), NONCE, Vec::new(), Limits::new(), &mut out);
    assert_eq!(result.unwrap_err(), HeadError::OutputFull);
    assert_eq!(out.pending(), before);
    out.consume(1);
    ClientHandshake::start(plain(), NONCE, Vec::new(), Limits::new(), &mut out).unwrap();
    assert_eq!(out.room(), 0);
    assert!(out.pending().ends_with(full.as_bytes()));
}

#[test]
fn faults_of_an_answer() {
    use HandshakeError as E;
    let replaced = |from: &str, to: &str| check(plain(), &accepted("").replace(from, to));
    // shows: RFC6455-4.1-39
    assert_eq!(replaced("", ""), Ok(Rsv::NONE));
    // shows: RFC6455-4.1-45, RFC6455-11.2-01
    assert_eq!(replaced("websocket", "WebSocket"), Ok(Rsv::NONE));
    // shows: RFC6455-4.1-44
    assert_eq!(
        replaced("websocket", "websocket, h2c"),
        Err(E::UpgradeInvalid)
    );
    // shows: RFC6455-4.1-48
    assert_eq!(
        replaced("Connection: Upgrade", "Connection: a,upgrade"),
        Ok(Rsv::NONE)
    );
    // shows: RFC6455-4.1-47
    assert_eq!(
        replaced("Connection: Upgrade", "Connection: close"),
        Err(E::ConnectionInvalid)
    );
    // shows: RFC6455-4.1-55
    assert_eq!(replaced("HTTP/1.1", "HTTP/1.0"), Err(E::HttpVersion));
    assert_eq!(replaced("HTTP/1.1", "HTTP/2.0"), Err(E::StartLineInvalid));
    assert_eq!(replaced("HTTP/1.1", "HTTX/1.1"), Err(E::NotHttp));
    // shows: RFC9112-4-01
    assert_eq!(replaced(" 101 ", " 1010 "), Err(E::StartLineInvalid));
    // shows: RFC9112-4-01
    assert_eq!(replaced(" 101 ", " 10 "), Err(E::StartLineInvalid));
    assert_eq!(replaced(" 101 ", " 001 "), Err(E::StartLineInvalid));
    // shows: RFC9112-4-02
    assert_eq!(
        replaced("Switching Protocols", "Web \u{e9}\tSocket"),
        Ok(Rsv::NONE)
    );
    assert_eq!(replaced("Upgrade: w", " Upgrade: w"), Err(E::HeaderInvalid));
    assert_eq!(
        check(plain(), &accepted("Upgrade: websocket\r\n")),
        Err(E::UpgradeInvalid)
    );
    // shows: RFC9112-6.3-01
    assert_eq!(
        check(plain(), &accepted("Transfer-Encoding: chunked\r\n")),
        Ok(Rsv::NONE)
    );
    assert_eq!(
        check(plain(), &accepted("Content-Length: x\r\n")),
        Ok(Rsv::NONE)
    );
    assert_eq!(check(plain(), "\r\n"), Err(E::NotHttp));
    let line = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    // shows: RFC6455-11.3.3-01, RFC6455-4.1-55
    assert_eq!(check(plain(), &accepted(line)), Err(E::AcceptInvalid));
    // shows: RFC6455-4.1-49
    assert_eq!(replaced(line, ""), Err(E::AcceptInvalid));
    // Each character of the key counts, its case too.
    let good = accepted("");
    let at = good.find("s3pP").unwrap();
    for index in at..at + 28 {
        let mut bad = good.clone().into_bytes();
        bad[index] = if bad[index].is_ascii_lowercase() {
            bad[index] - 32
        } else {
            b'a'
        };
        // shows: RFC6455-4.1-50
        assert_eq!(
            check(plain(), core::str::from_utf8(&bad).unwrap()),
            Err(E::AcceptInvalid)
        );
    }
}

#[test]
fn a_subprotocol_is_one_that_was_offered() {
    use HandshakeError as E;
    let offer = plain().subprotocols(&["a", "b"]);
    let chosen = |value: &str| {
        check(
            offer,
            &accepted(&format!("Sec-WebSocket-Protocol: {value}\r\n")),
        )
    };
    // shows: RFC6455-4.1-59
    assert!(chosen("b").is_ok());
    // shows: RFC9110-5.5-01
    assert!(chosen(" b\t").is_ok());
    // shows: RFC6455-4.1-54, RFC7936-2-01
    assert_eq!(chosen("B"), Err(E::SubprotocolNotOffered));
    // shows: RFC6455-4.1-55
    assert_eq!(chosen(""), Err(E::SubprotocolInvalid));
    assert_eq!(chosen("a, b"), Err(E::SubprotocolInvalid));
    // shows: RFC6455-11.3.4-02
    assert_eq!(
        chosen("a\r\nSec-WebSocket-Protocol: a"),
        Err(E::SubprotocolInvalid)
    );
    assert!(check(offer, &accepted("")).is_ok());
    let strict = offer.require_subprotocol(true);
    // shows: RFC7118-4.1-03, WHATWG-2.2-03
    assert_eq!(check(strict, &accepted("")), Err(E::SubprotocolMissing));
    assert!(
        check(plain().require_subprotocol(true), &accepted("")).is_ok(),
        "none was offered"
    );
    assert!(check(strict, &accepted("Sec-WebSocket-Protocol: a\r\n")).is_ok());
}

#[test]
fn extensions_are_among_those_offered() {
    use HandshakeError as E;
    let offers = [
        ExtensionOffer::new("x-a", &[])
            .with_rsv(Rsv::RSV1)
            .with_check(
                |_, answer| match answer.params().any(|param| param.name() == "bad") {
                    true => Err(AnswerFault::NotOffered),
                    false => Ok(()),
                },
            ),
        ExtensionOffer::new("x-b", &[]).with_rsv(Rsv::RSV2),
        ExtensionOffer::new("x-c", &[]).with_rsv(Rsv::RSV1),
        ExtensionOffer::new("x-d", &[("p", None)])
            .with_rsv(Rsv::RSV3)
            .with_check(
                |offer, answer| match offer.params().count() == answer.params().count() {
                    true => Ok(()),
                    false => Err(AnswerFault::Missing),
                },
            ),
        ExtensionOffer::new("x-d", &[]),
    ];
    let agreed = |value: &str| {
        let line = format!("Sec-WebSocket-Extensions: {value}\r\n");
        check(plain().extensions(&offers), &accepted(&line))
    };
    assert_eq!(agreed("x-a"), Ok(Rsv::RSV1));
    assert_eq!(agreed("x-b, x-a; p=\"1\""), Ok(Rsv::RSV1 | Rsv::RSV2));
    // shows: RFC6455-9.1-02
    assert_eq!(
        agreed("x-b\r\nSec-WebSocket-Extensions: x-a"),
        Ok(Rsv::RSV1 | Rsv::RSV2)
    );
    // shows: RFC6455-9-04
    assert_eq!(agreed("x-a; bad"), Err(E::ExtensionParamNotOffered));
    assert_eq!(agreed("x-d; p"), Ok(Rsv::RSV3));
    assert_eq!(agreed("x-d"), Ok(Rsv::NONE));
    assert_eq!(agreed("X-A"), Err(E::ExtensionNotOffered));
    // shows: RFC6455-4.1-53
    assert_eq!(agreed("x-e"), Err(E::ExtensionNotOffered));
    assert_eq!(agreed("x-a, x-a"), Err(E::ExtensionRepeated));
    // shows: RFC6455-5.8-02, RFC7692-5-12
    assert_eq!(agreed("x-a, x-c"), Err(E::ExtensionRepeated));
    // shows: RFC6455-9.1-01, RFC6455-4.3-02
    assert_eq!(agreed("x-a;"), Err(E::ExtensionsInvalid));
    assert_eq!(agreed(""), Err(E::ExtensionsInvalid));
    assert_eq!(agreed(&"x,".repeat(17)), Err(E::TooManyElements));
}

#[test]
fn what_follows_the_answer_stays_in_the_input() {
    let mut handshake = start(plain(), Limits::new());
    let mut bytes = [accepted("X: y\r\n").as_bytes(), b"\x81\x02hi\x89"].concat();
    let mut input = Input::new(&mut bytes);
    for _ in 0..2 {
        let established = handshake.receive(&mut input).unwrap().unwrap();
        assert_eq!(established.headers().get("x"), Some(&b"y"[..]));
        assert_eq!(established.extensions().count(), 0);
        assert_eq!(input.bytes(), b"\x81\x02hi\x89");
    }
    assert_eq!(handshake.transport(), Transport::Open);
    assert_eq!(handshake.tick(Instant::from_millis(9)), Ok(None));
    assert_eq!(handshake.receive_eof(), Ok(()));
    assert!(handshake.refusal().is_none());
}

#[test]
fn folded_lines_are_joined_by_a_space() {
    let answer = accepted("X-Fold: a\r\n b\r\n\t \tc\r\n \r\nY: z\r\n");
    for cut in 0..answer.len() {
        let mut handshake = start(plain(), Limits::new());
        let mut bytes = answer.clone().into_bytes();
        let (front, back) = bytes.split_at_mut(cut);
        assert!(handshake.receive(&mut Input::new(front)).unwrap().is_none());
        let established = handshake.receive(&mut Input::new(back)).unwrap().unwrap();
        // shows: RFC9112-5.2-03
        assert_eq!(
            established.headers().get("x-fold"),
            Some(&b"a  b \t \tc"[..])
        );
        assert_eq!(established.headers().get("y"), Some(&b"z"[..]));
    }
}

#[test]
fn informational_responses_are_skipped_up_to_a_bound() {
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 \r\n\r\n";
    for (pairs, more, expected) in [
        (0, "", true),
        (1, "", true),
        (4, "", true),
        (4, "HTTP/1.1 102 \r\n\r\n", false),
        (5, "", false),
    ] {
        let answer = hints.repeat(pairs) + more + &accepted("");
        for size in [1, 7, answer.len()] {
            let mut handshake = start(plain(), Limits::new().head_bytes(answer.len()));
            let mut bytes = answer.clone().into_bytes();
            let mut result = Ok(false);
            for piece in bytes.chunks_mut(size) {
                result = handshake
                    .receive(&mut Input::new(piece))
                    .map(|found| found.is_some());
            }
            let expected = expected
                .then_some(true)
                .ok_or(HandshakeError::TooManyInformational);
            // shows: RFC9110-15.2-01
            assert_eq!(result, expected, "{pairs}");
        }
    }
}

#[test]
fn limits_are_exact() {
    let answer = accepted("A: b\r\n c\r\n");
    let lines = 5;
    for (bytes, lines, expected) in [
        (answer.len(), lines, Ok(true)),
        (answer.len() - 1, lines, Err(HandshakeError::HeadTooLarge)),
        (answer.len(), lines - 1, Err(HandshakeError::TooManyLines)),
    ] {
        for size in 1..=answer.len() {
            let mut handshake = start(plain(), Limits::new().head_bytes(bytes).lines(lines));
            let mut copy = answer.clone().into_bytes();
            let mut result = Ok(false);
            for piece in copy.chunks_mut(size) {
                result = handshake
                    .receive(&mut Input::new(piece))
                    .map(|found| found.is_some());
            }
            assert_eq!(result, expected, "{bytes} {lines} {size}");
        }
    }
}

#[test]
fn the_body_of_a_refusal_is_kept() {
    let cases: &[(&str, &str, bool, bool)] = &[
        // answer after the status line, body, whether all of it, whether known before the end
        ("Content-Length: 3\r\n\r\nabcdef", "abc", true, true),
        ("Content-Length: 0\r\n\r\nabc", "", true, true),
        ("Content-Length: 4\r\n\r\nabc", "abc", false, false),
        ("Content-Length: 8\r\n\r\nabcdefgh", "abcdefgh", true, true),
        (
            "Content-Length: 9\r\n\r\nabcdefghi",
            "abcdefgh",
            false,
            true,
        ),
        (
            "Content-Length: 18446744073709551616\r\n\r\nabc",
            "",
            false,
            true,
        ),
        ("Content-Length: -1\r\n\r\nabc", "", false, true),
        (
            "Content-Length: 1\r\nContent-Length: 1\r\n\r\nabc",
            "",
            false,
            true,
        ),
        ("\r\nabc", "abc", true, false),
        ("\r\n", "", true, false),
        ("\r\nabcdefgh", "abcdefgh", false, true),
        (
            "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=\"y\"\r\nd\r\n00\r\nA: b\r\n\r\n",
            "abcd",
            true,
            true,
        ),
        (
            "Transfer-Encoding: Chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
            "",
            true,
            true,
        ),
        (
            "Transfer-Encoding: chunked\r\n\r\nA\r\nabcdefghij\r\n0\r\n\r\n",
            "abcdefghij",
            true,
            true,
        ),
        (
            "Transfer-Encoding: chunked\r\n\r\n16\r\nabcdefghijklmnopqrstuv\r\n0\r\n",
            "abcdefghijklmnopqrst",
            false,
            true,
        ),
        (
            "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd",
            "abc",
            false,
            true,
        ),
        ("Transfer-Encoding: chunked\r\n\r\n3\nabc", "", false, true),
        ("Transfer-Encoding: chunked\r\n\r\n\r\n", "", false, true),
        (
            "Transfer-Encoding: chunked\r\n\r\n11111111111111111\r\nabc",
            "",
            false,
            true,
        ),
        (
            "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc",
            "abc",
            false,
            false,
        ),
        (
            "Transfer-Encoding: chunked\r\n\r\n3\r\nab",
            "ab",
            false,
            false,
        ),
        (
            "Transfer-Encoding: gzip, chunked\r\n\r\n3\r\nab",
            "3\r\nab",
            true,
            false,
        ),
    ];
    for (rest, body, complete, ended) in cases {
        let answer = format!("HTTP/1.1 404 Not Here\r\n{rest}");
        // The framing of chunks counts too.
        let is_chunked = rest.starts_with("Transfer-Encoding: chunked");
        let limits = Limits::new().body_bytes(if is_chunked { 24 } else { 8 });
        let (refused, before_eof) = refusal_in_any_pieces(limits, answer.as_bytes());
        // shows: RFC9112-6.3-03
        assert_eq!(refused.body, body.as_bytes(), "{rest}");
        assert_eq!(
            (refused.complete, before_eof),
            (*complete, *ended),
            "{rest}"
        );
        // shows: RFC6455-4.1-40
        assert_eq!(
            (refused.status, &refused.reason[..]),
            (404, &b"Not Here"[..])
        );
    }
    let none = Limits::new().body_bytes(0);
    for answer in [
        "HTTP/1.1 200\r\n\r\nabc",
        "HTTP/1.0 304 Not Modified\r\n\r\nabc",
    ] {
        let (refused, ended) = refusal_in_any_pieces(none, answer.as_bytes());
        assert!(refused.body.is_empty() && ended);
    }
}

#[test]
fn a_full_storage_ends_the_body_of_a_refusal() {
    let answer = "HTTP/1.1 500 \r\nContent-Length: 100\r\n\r\n";
    let full = [answer.as_bytes(), &[b'x'; 100]].concat();
    for size in 1..full.len() {
        let storage = FixedBuf::<64>::new();
        let mut handshake =
            ClientHandshake::start(plain(), NONCE, storage, Limits::new(), &mut Vec::new())
                .unwrap();
        let mut bytes = full.clone();
        let mut result = Ok(());
        for piece in bytes.chunks_mut(size) {
            result = handshake.receive(&mut Input::new(piece)).map(|_| ());
        }
        assert_eq!(result, Err(HandshakeError::Refused { status: 500 }));
        let refusal = handshake.refusal().unwrap();
        assert_eq!(refusal.body().len(), 64 - answer.len());
        assert!(!refusal.is_body_complete() && refusal.reason().is_empty());
    }
}

#[test]
fn a_refusal_has_its_headers() {
    let answer = "HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 8\r\n\
        Sec-WebSocket-Version: 7, 13\r\nContent-Length: 2\r\n\r\nno";
    let mut handshake = start(plain(), Limits::new());
    let mut bytes = answer.as_bytes().to_vec();
    let (front, back) = bytes.split_at_mut(answer.len() - 1);
    assert!(handshake.receive(&mut Input::new(front)).unwrap().is_none());
    assert_eq!(handshake.refusal().unwrap().body(), b"n");
    assert_eq!(handshake.transport(), Transport::Open);
    let error = handshake.receive(&mut Input::new(back)).unwrap_err();
    assert_eq!(error.status(), Some(426));
    let refusal = handshake.refusal().unwrap();
    let versions: Vec<_> = refusal.headers().list("sec-websocket-version").collect();
    // shows: RFC6455-4.4-02
    assert_eq!(versions, [&b"8"[..], b"7", b"13"]);
    assert_eq!(refusal.body(), b"no");
}

#[test]
fn errors_stay() {
    let mut handshake = start(plain(), Limits::new());
    let mut bytes = *b"SSH-2.0-OpenSSH\r\n";
    let mut input = Input::new(&mut bytes);
    assert_eq!(
        handshake.receive(&mut input).unwrap_err(),
        HandshakeError::NotHttp
    );
    assert!(input.is_empty());
    let mut bytes = accepted("").into_bytes();
    let mut input = Input::new(&mut bytes);
    assert_eq!(
        handshake.receive(&mut input).unwrap_err(),
        HandshakeError::NotHttp
    );
    assert!(input.is_empty());
    assert_eq!(handshake.receive_eof(), Err(HandshakeError::NotHttp));
    // shows: RFC6455-7.2.1-01
    assert_eq!(handshake.transport(), Transport::Close);
    assert!(matches!(
        handshake.tick(Instant::from_millis(1 << 40)),
        Ok(Some(_))
    ));
    assert_eq!(handshake.transport(), Transport::Close);
    assert!(handshake.refusal().is_none());
}

#[test]
fn the_time_limit_is_kept() {
    let at = Instant::from_millis;
    let limits = Limits::new().time(Duration::from_secs(2));
    let mut handshake = start(plain(), limits);
    for now in [5, 5, 2004] {
        assert_eq!(handshake.tick(at(now)), Ok(Some(at(2005))));
    }
    for _ in 0..2 {
        // shows: RFC6455-10.4-03
        assert_eq!(handshake.tick(at(2005)), Err(TimedOut::Handshake));
        assert_eq!(handshake.transport(), Transport::Abort);
        assert_eq!(
            handshake.receive(&mut Input::new(&mut [])).unwrap_err(),
            HandshakeError::TimedOut
        );
    }
    // What came of a refusal is not lost.
    let mut handshake = start(plain(), limits);
    handshake.tick(at(0)).unwrap();
    let mut bytes = *b"HTTP/1.1 503 Busy\r\n\r\nwait";
    assert!(
        handshake
            .receive(&mut Input::new(&mut bytes))
            .unwrap()
            .is_none()
    );
    assert_eq!(handshake.tick(at(9999)), Err(TimedOut::Handshake));
    let error = handshake.receive(&mut Input::new(&mut [])).unwrap_err();
    assert_eq!(error, HandshakeError::Refused { status: 503 });
    assert_eq!(handshake.refusal().unwrap().body(), b"wait");
    assert_eq!(handshake.transport(), Transport::Abort);
}

#[test]
fn the_end_of_the_transport_inside_a_head_is_an_error() {
    let answer = accepted("");
    for end in 0..answer.len() {
        let mut handshake = start(plain(), Limits::new());
        let mut bytes = answer.as_bytes()[..end].to_vec();
        assert!(
            handshake
                .receive(&mut Input::new(&mut bytes))
                .unwrap()
                .is_none()
        );
        let error = match end {
            0 => HandshakeError::NothingReceived,
            _ => HandshakeError::UnexpectedEof,
        };
        // shows: RFC6455-7.1.4-03, RFC6455-7.2.1-02
        assert_eq!(handshake.receive_eof(), Err(error));
        assert_eq!(handshake.receive_eof(), Err(error));
    }
}
