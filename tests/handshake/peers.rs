//! What real servers, proxies, browsers and people send, where it is not what a perfect peer would.

use core::time::Duration;

use ws_proto::extension::deflate::{Deflate, DeflateParams};
use ws_proto::handshake::{
    Accept, AnswerFault, ClientHandshake, ClientRequest, ExtensionOffer, HandshakeError, HeadError,
    Limits, OriginFault, OriginPolicy, OriginRefused, PlainResponse, RequestError, ServerHandshake,
    Upgrade,
};
use ws_proto::reconnect::{Backoff, BackoffConfig, End};
use ws_proto::uri::UriRules;
use ws_proto::{FixedBuf, Input, Instant, TimedOut, Transport, Uri, UriError};
use ws_proto_suite::failed;

const GOOD: &str = "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";
const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn client(limits: Limits) -> ClientHandshake<Vec<u8>> {
    let request = ClientRequest::new("example.com", "/");
    let nonce = *b"the sample nonce";
    ClientHandshake::start(request, nonce, Vec::new(), limits, &mut Vec::new()).unwrap()
}

fn server() -> ServerHandshake<Vec<u8>> {
    ServerHandshake::new(Vec::new(), Limits::new())
}

/// Gives the answer in pieces of that size; returns the bytes after the head.
fn answered(limits: Limits, answer: &str, size: usize) -> Result<Vec<u8>, HandshakeError> {
    let mut handshake = client(limits);
    let mut left = Vec::new();
    for piece in answer.as_bytes().chunks(size) {
        let mut piece = piece.to_vec();
        let mut input = Input::new(&mut piece);
        if handshake.receive(&mut input)?.is_some() {
            left.extend_from_slice(input.bytes());
        }
    }
    Ok(left)
}

fn served(request: &str, size: usize) -> (Result<(), HandshakeError>, String) {
    let mut handshake = server();
    let mut out = Vec::new();
    let mut result = Ok(());
    for piece in request.as_bytes().chunks(size) {
        let mut piece = piece.to_vec();
        let received = handshake.receive(&mut Input::new(&mut piece), &mut out);
        result = received.map(|_| ()).map_err(failed);
    }
    (result, String::from_utf8(out).unwrap())
}

#[test]
fn a_101_has_no_body_whatever_its_fields_say() {
    for field in ["Transfer-Encoding: chunked", "Content-Length: 4"] {
        let answer = format!("{ANSWER}{field}\r\n\r\n\u{1}\u{2}hi");
        for size in [1, 7, answer.len()] {
            let left = answered(Limits::new(), &answer, size);
            assert_eq!(left.as_deref(), Ok(&b"\x01\x02hi"[..]), "{field} in {size}");
        }
    }
}

#[test]
fn a_head_may_have_as_many_lines_as_the_limit_that_was_set() {
    let with = |fields: usize| format!("{ANSWER}{}\r\n", "Set-Cookie: a=b\r\n".repeat(fields));
    // The first line and the three fields of the handshake are lines too.
    for (limits, most) in [
        (Limits::new(), 150 - 4),
        (Limits::new().lines(300), 300 - 4),
        (Limits::new().lines(129), 129 - 4),
    ] {
        for size in [50, usize::MAX] {
            assert_eq!(
                answered(limits, &with(most), size),
                Ok(Vec::new()),
                "{most}"
            );
            let over = answered(limits, &with(most + 1), size);
            assert_eq!(over, Err(HandshakeError::TooManyLines), "{most}");
        }
    }
}

#[test]
fn an_origin_without_a_host_is_compared_as_text() {
    for origin in ["file://", "content://", "about://", "null"] {
        let listed = [origin];
        let policy = OriginPolicy::list(&listed).unwrap();
        assert!(
            policy.allows_origin(Some(origin.as_bytes()), "h"),
            "{origin}"
        );
        assert!(!policy.allows_origin(Some(b"data://"), "h"), "{origin}");
    }
}

#[test]
fn the_origin_of_the_same_host_has_a_scheme_that_a_page_has() {
    let policy = OriginPolicy::same_host();
    for (origin, host, allowed) in [
        ("http://example.com", "example.com", true),
        ("https://example.com", "example.com", true),
        ("https://example.com", "example.com:443", true),
        ("https://example.com:8443", "example.com:8443", true),
        ("https://example.com:80", "example.com", false),
        ("http://example.com:443", "example.com", false),
        ("foo://example.com", "example.com", false),
        ("capacitor://localhost", "localhost", false),
        ("ws://example.com", "example.com", false),
        ("chrome-extension://example.com", "example.com", false),
    ] {
        let found = policy.allows_origin(Some(origin.as_bytes()), host);
        assert_eq!(found, allowed, "{origin} {host}");
    }
}

#[test]
fn the_end_before_the_first_byte_is_not_the_end_inside_a_head() {
    let mut handshake = server();
    let untouched = handshake.receive_eof().unwrap_err();
    let mut handshake = server();
    let _ = handshake.receive(&mut Input::new(&mut [b'G']), &mut Vec::new());
    assert_eq!(handshake.receive_eof(), Err(HandshakeError::UnexpectedEof));
    assert_ne!(untouched, HandshakeError::UnexpectedEof);
    let untouched = client(Limits::new()).receive_eof();
    assert_ne!(untouched, Err(HandshakeError::UnexpectedEof));
}

#[test]
fn who_has_sent_nothing_is_not_answered() {
    let mut handshake = server();
    let mut out = Vec::new();
    handshake.tick(at(0), &mut out).unwrap();
    assert_eq!(
        handshake.tick(at(10_000), &mut out),
        Err(TimedOut::Handshake)
    );
    assert_eq!(out, b"");
    assert_eq!(handshake.transport(), Transport::Abort);
}

#[test]
fn a_plain_request_is_answered_in_words_for_a_person() {
    let (error, out) = served("GET / HTTP/1.1\r\nHost: h\r\n\r\n", usize::MAX);
    assert_eq!(error, Err(HandshakeError::UpgradeInvalid));
    assert!(
        out.starts_with("HTTP/1.1 426 Upgrade Required\r\n"),
        "{out}"
    );
    assert!(out.contains("\r\nUpgrade: websocket\r\n"), "{out}");
    assert!(out.contains("\r\nConnection: Upgrade, close\r\n"), "{out}");
    let (_, body) = out.split_once("\r\n\r\n").unwrap();
    assert!(body.contains("ws://"), "{body}");
}

#[test]
fn raw_utf8_in_a_target_is_a_fault_of_the_target() {
    let request = GOOD.replace("/chat", "/Zürich");
    for size in [1, 3, usize::MAX] {
        let (error, out) = served(&request, size);
        assert_eq!(error, Err(HandshakeError::TargetInvalid), "{size}");
        assert!(out.starts_with("HTTP/1.1 400 "), "{out}");
    }
}

#[test]
fn a_uri_takes_what_browsers_leave_in_a_query() {
    for text in [
        "ws://h/?ids[]=1",
        "ws://h/?a=b|c",
        "ws://h/{id}?q={a}",
        "ws://h/a^b?^",
    ] {
        let uri = Uri::parse(text);
        assert_eq!(uri.unwrap().to_string(), text);
    }
}

#[test]
fn a_refusal_that_says_when_to_come_back_is_tried_again() {
    let asked = Duration::from_secs(60);
    for status in [302, 400, 403, 418, 501] {
        let mut backoff = Backoff::new(BackoffConfig::new());
        let end = |retry_after| End::Refused {
            status,
            retry_after,
        };
        let delay = backoff.ended(at(0), end(Some(asked)), 0);
        assert_eq!(delay, Some(asked), "{status}");
        assert_eq!(backoff.ended(at(0), end(None), 0), None, "{status}");
        let long = backoff.ended(at(0), end(Some(Duration::MAX)), 0);
        assert_eq!(long, Some(Duration::from_secs(600)), "{status}");
    }
}

#[test]
fn a_server_that_has_refused_does_not_wait_for_ever() {
    let mut handshake = server();
    let mut out = Vec::new();
    let mut request = *b"POST / HTTP/1.1\r\nHost: h\r\n\r\n";
    assert!(
        handshake
            .receive(&mut Input::new(&mut request), &mut out)
            .is_err()
    );
    assert_eq!(handshake.transport(), Transport::Close);
    let deadline = handshake
        .tick(at(5), &mut out)
        .unwrap()
        .expect("a drain timer");
    assert_eq!(handshake.tick(deadline, &mut out), Err(TimedOut::Drain));
    assert_eq!(handshake.tick(deadline, &mut out), Err(TimedOut::Drain));
    assert_eq!(handshake.transport(), Transport::Abort);
}

#[test]
fn a_server_that_has_answered_does_not_wait_for_ever() {
    let mut handshake = server();
    let mut out = Vec::new();
    let mut request = GOOD.as_bytes().to_vec();
    let upgrade = handshake.receive(&mut Input::new(&mut request), &mut out);
    let upgrade = upgrade.unwrap().unwrap();
    upgrade.reject(&PlainResponse::new(404), &mut out).unwrap();
    let deadline = handshake
        .tick(at(5), &mut out)
        .unwrap()
        .expect("a drain timer");
    assert_eq!(handshake.tick(deadline, &mut out), Err(TimedOut::Drain));
    assert_eq!(handshake.transport(), Transport::Abort);
}

#[test]
fn a_client_that_was_refused_does_not_wait_for_ever() {
    for answer in [
        "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.0 101 No\r\n\r\n",
    ] {
        let mut handshake = client(Limits::new());
        let mut answer = answer.as_bytes().to_vec();
        assert!(handshake.receive(&mut Input::new(&mut answer)).is_err());
        assert_eq!(handshake.transport(), Transport::Close);
        let deadline = handshake.tick(at(5)).unwrap().expect("a drain timer");
        assert_eq!(handshake.tick(deadline), Err(TimedOut::Drain));
        assert_eq!(handshake.transport(), Transport::Abort);
    }
}

#[test]
fn a_refused_head_request_gets_no_body_however_it_is_cut() {
    let request = format!(
        "HEAD / HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n",
        "x".repeat(64)
    );
    for size in [1, 2, 7, request.len()] {
        let mut handshake = ServerHandshake::new(FixedBuf::<32>::new(), Limits::new());
        let mut out = Vec::new();
        let mut bytes = request.as_bytes().to_vec();
        for piece in bytes.chunks_mut(size) {
            let _ = handshake.receive(&mut Input::new(piece), &mut out);
        }
        let out = String::from_utf8(out).unwrap();
        assert!(out.starts_with("HTTP/1.1 431 "), "{out}");
        assert!(out.ends_with("\r\n\r\n"), "in pieces of {size}: {out}");
    }
}

/// The request, with these two fields.
fn page(host: &str, origin: &str) -> String {
    let origin = format!("\r\nOrigin: {origin}\r\n\r\n");
    GOOD.replace("example.com", host)
        .replace("\r\n\r\n", &origin)
}

/// Runs `with` on the request; returns its result, the output and the transport's state.
fn asked<T>(
    request: &str,
    with: impl FnOnce(Upgrade<'_>, &mut Vec<u8>) -> T,
) -> (T, String, Transport) {
    let mut handshake = server();
    let mut out = Vec::new();
    let mut bytes = request.as_bytes().to_vec();
    let upgrade = handshake.receive(&mut Input::new(&mut bytes), &mut out);
    let result = with(upgrade.unwrap().unwrap(), &mut out);
    (
        result,
        String::from_utf8(out).unwrap(),
        handshake.transport(),
    )
}

#[test]
fn a_page_of_another_site_is_refused_unless_that_is_turned_off_by_name() {
    let request = page("example.com", "https://evil.example");
    let (result, out, transport) =
        asked(&request, |upgrade, out| upgrade.accept(&Accept::new(), out));
    let refused = HeadError::OriginRefused(OriginFault::OtherHost);
    // shows: RFC6455-4.2.2-07, RFC6455-10.2-01, RFC6455-10.2-02
    assert_eq!(result, Err(refused));
    assert!(out.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{out}");
    assert_eq!(transport, Transport::Close);

    const LIST: OriginPolicy<'_> = OriginPolicy::const_list(&["https://evil.example"]);
    for policy in [OriginPolicy::any(), LIST] {
        let accept = Accept::new().origins(policy);
        let (result, out, _) = asked(&request, |upgrade, out| upgrade.accept(&accept, out));
        assert!(result.is_ok() && out.starts_with("HTTP/1.1 101 "), "{out}");
    }
    // Another HTTP server writes the answer.
    let (result, out, _) = asked(&request, |upgrade, _| {
        upgrade.answer(&Accept::new()).map(|_| ())
    });
    assert_eq!((result, out.as_str()), (Err(refused), ""));
    // A program that is no browser sends no Origin, and a page of the same host is accepted.
    for request in [GOOD, &page("example.com", "https://example.com")] {
        let (result, ..) = asked(request, |upgrade, out| upgrade.accept(&Accept::new(), out));
        assert!(result.is_ok());
    }
}

#[test]
fn a_refusal_of_an_origin_waits_for_room_and_is_then_written_once() {
    let mut handshake = server();
    let mut bytes = page("a", "https://b").into_bytes();
    let mut input = Input::new(&mut bytes);
    handshake
        .receive(&mut input, &mut Vec::new())
        .unwrap()
        .unwrap();
    let upgrade = handshake.upgrade().unwrap();
    let full = upgrade.accept(&Accept::new(), &mut FixedBuf::<100>::new());
    assert_eq!(full, Err(HeadError::OutputFull));
    assert_eq!(handshake.transport(), Transport::Open);
    let mut out = Vec::new();
    let upgrade = handshake.upgrade().unwrap();
    assert!(upgrade.accept(&Accept::new(), &mut out).is_err());
    assert!(handshake.upgrade().is_none() && handshake.transport() == Transport::Close);
}

/// What nginx sends on, unless `proxy_set_header Host` is there: the name of the upstream.
#[test]
fn the_operator_of_a_server_behind_nginx_reads_what_to_change() {
    let request = page("127.0.0.1:9001", "https://chat.example");
    let (logged, out, _) = asked(&request, |upgrade, out| {
        let error = upgrade
            .check_origin(&OriginPolicy::same_host())
            .unwrap_err();
        assert_eq!(error.origin(), Some(&b"https://chat.example"[..]));
        assert_eq!(error.host(), "127.0.0.1:9001");
        let logged = OriginRefused::from(error);
        upgrade.reject(&error.fault().response(), out).unwrap();
        logged
    });
    let text = logged.to_string();
    assert_eq!(logged.fault(), OriginFault::OtherHost);
    assert!(
        text.contains("https://chat.example") && text.contains("127.0.0.1:9001"),
        "{text}"
    );
    assert!(text.contains("proxy"), "{text}");
    let (head, body) = out.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 403 "), "{out}");
    assert!(
        head.contains("Content-Type: text/plain; charset=utf-8"),
        "{out}"
    );
    assert!(body.contains("proxy_set_header Host $http_host;"), "{body}");
    // Nothing of the request comes back.
    assert!(
        !out.contains("chat.example") && !out.contains("9001"),
        "{out}"
    );
}

#[test]
fn what_a_log_shows_of_a_foreign_origin_is_short_and_visible() {
    let origin = format!("https://\u{202e}\u{e9}{}", "x".repeat(500));
    let request = page("h", &origin);
    let (text, ..) = asked(&request, |upgrade, _| {
        upgrade
            .check_origin(&OriginPolicy::same_host())
            .unwrap_err()
            .to_string()
    });
    assert!(
        text.len() < 400 && text.bytes().all(|byte| matches!(byte, b' '..=b'~')),
        "{text}"
    );
}

#[test]
fn every_fault_of_an_origin_has_words_for_a_person() {
    let same = OriginPolicy::same_host();
    for (policy, origin, host, fault) in [
        (same, Some("https://b"), "a", OriginFault::OtherHost),
        (same, Some("null"), "a", OriginFault::NotPage),
        (same, Some("app://a"), "a", OriginFault::NotPage),
        (same.require_origin(true), None, "a", OriginFault::Missing),
        (
            OriginPolicy::local(),
            Some("http://a"),
            "a",
            OriginFault::HostNotLocal,
        ),
        (
            OriginPolicy::const_list(&[]),
            Some("http://a"),
            "a",
            OriginFault::NotListed,
        ),
    ] {
        assert_eq!(policy.check(origin.map(str::as_bytes), host), Err(fault));
        let (_, out, _) = asked(GOOD, |upgrade, out| upgrade.reject(&fault.response(), out));
        let (head, body) = out.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("HTTP/1.1 403 ") && body.ends_with('\n'),
            "{out}"
        );
        assert!((40..400).contains(&body.len()) && !fault.to_string().is_empty());
    }
}

/// A site gives its own name the address of the user's machine (DNS rebinding).
#[test]
fn a_local_server_is_not_reached_by_the_name_of_a_site() {
    let local = OriginPolicy::local();
    for (origin, host, allowed) in [
        (Some("http://evil.example:9001"), "evil.example:9001", false),
        (
            Some("http://localhost.evil.example"),
            "localhost.evil.example",
            false,
        ),
        (
            Some("http://127.0.0.1.evil.example"),
            "127.0.0.1.evil.example",
            false,
        ),
        (Some("http://evil.example"), "127.0.0.1:9001", false),
        (Some("http://evil.example"), "localhost", false),
        (Some("http://localhost:9001"), "localhost:9001", true),
        (Some("http://LOCALHOST:9001"), "localhost:9001", true),
        (Some("http://127.0.0.1:9001"), "127.0.0.1:9001", true),
        (Some("http://192.168.0.7"), "192.168.0.7", true),
        (Some("http://[::1]:9001"), "[::1]:9001", true),
        (Some("http://[::1]:9001"), "[0:0:0:0:0:0:0:1]:9001", true),
        (Some("http://[v1.x]"), "[v1.x]", false),
        (None, "evil.example", true),
    ] {
        let found = local.allows_origin(origin.map(str::as_bytes), host);
        assert_eq!(found, allowed, "{origin:?} {host}");
    }
    let listed = OriginPolicy::const_list(&["https://app.example"]).local_only(true);
    assert!(listed.allows_origin(Some(b"https://app.example"), "localhost:9001"));
    assert!(!listed.allows_origin(Some(b"https://app.example"), "evil.example:9001"));
}

#[test]
fn what_a_policy_demands_can_be_taken_back() {
    let page = Some(&b"http://a.example"[..]);
    let local = OriginPolicy::local();
    assert!(!local.allows_origin(page, "a.example"));
    assert!(local.local_only(false).allows_origin(page, "a.example"));
    let strict = OriginPolicy::same_host().require_origin(true);
    assert!(!strict.allows_origin(None, "a.example"));
    assert!(
        strict
            .require_origin(false)
            .allows_origin(None, "a.example")
    );
}

#[test]
fn a_list_with_an_entry_that_no_browser_sends_is_refused_when_it_is_made() {
    for (entry, reason) in [
        ("https://example.com/", "path"),
        ("https://example.com/chat", "path"),
        ("https://example.com?x", "path"),
        ("example.com", "no scheme"),
        ("example.com:443", "no scheme"),
        ("//example.com", "no scheme"),
        ("", "no scheme"),
        ("1a://example.com", "no scheme"),
        ("*", "pattern"),
        ("*.example.com", "pattern"),
        ("https://*.example.com", "pattern"),
        ("wss://example.com", "ws or wss"),
        ("WS://example.com", "ws or wss"),
        ("https://", "host"),
        ("HTTP://", "host"),
        ("https://:443", "host"),
        ("https://a%41", "host"),
        ("https://[::1", "host"),
        ("https://[h]", "host"),
        ("https://a:b", "port"),
        ("https://a:", "port"),
        ("https://a:65536", "port"),
        ("https://a:80:80", "port"),
        ("https://[::1]x", "port"),
        ("https://me@example.com", "user name"),
        ("https://b\u{fc}cher.example", "character"),
        (" https://example.com", "character"),
    ] {
        let entries = ["https://good.example", entry];
        let error = OriginPolicy::list(&entries).unwrap_err();
        assert_eq!(error.index(), 1);
        assert!(error.to_string().contains(reason), "{entry}: {error}");
    }
    // Each of these matches itself.
    for entry in [
        "https://example.com",
        "HTTPS://Example.com:8443",
        "http://localhost:5173",
        "http://[2001:db8::1]:80",
        "https://xn--bcher-kva.example",
        "https://a_b.example",
        "capacitor://localhost",
        "chrome-extension://abcdefghijklmnop",
        "tauri://localhost",
        "file://",
        "null",
    ] {
        let entries = [entry];
        let policy = OriginPolicy::list(&entries).unwrap();
        // shows: RFC6455-4.2.2-25
        assert!(policy.allows_origin(Some(entry.to_ascii_lowercase().as_bytes()), "h"));
        assert!(policy.allows_origin(Some(entry.as_bytes()), "h"), "{entry}");
        assert!(!policy.allows_origin(Some(b"https://other.example"), "h"));
    }
}

#[test]
fn a_408_for_silence_is_written_where_it_is_asked_for() {
    for (limits, start, written) in [
        (Limits::new(), "", false),
        (Limits::new(), "GE", true),
        (Limits::new(), "\r\n", true),
        (Limits::new().answer_silence(true), "", true),
    ] {
        let mut handshake = ServerHandshake::new(Vec::new(), limits);
        let mut out = Vec::new();
        handshake.tick(at(0), &mut out).unwrap();
        let mut bytes = start.as_bytes().to_vec();
        let _ = handshake.receive(&mut Input::new(&mut bytes), &mut out);
        assert_eq!(
            handshake.tick(at(10_000), &mut out),
            Err(TimedOut::Handshake)
        );
        assert_eq!(out.starts_with(b"HTTP/1.1 408 "), written, "{start:?}");
        assert_eq!(handshake.transport(), Transport::Abort);
        let later = handshake
            .receive(&mut Input::new(&mut [b'G']), &mut out)
            .map(|_| ());
        assert_eq!(later, Err(RequestError::Failed(HandshakeError::TimedOut)));
    }
}

/// A driver that goes on until the transport says otherwise needs no limit of its own.
#[test]
fn the_drain_time_is_what_was_set() {
    let limits = Limits::new().drain(Duration::from_millis(30));
    let mut handshake = ServerHandshake::new(Vec::new(), limits);
    let mut out = Vec::new();
    assert_eq!(handshake.tick(at(0), &mut out), Ok(Some(at(10_000))));
    let _ = handshake.receive(&mut Input::new(&mut [0x16]), &mut out);
    let written = out.clone();
    for now in [9_999, 10_000, 10_028] {
        assert_eq!(handshake.tick(at(now), &mut out), Ok(Some(at(10_029))));
        assert_eq!(handshake.transport(), Transport::Close);
    }
    assert_eq!(handshake.tick(at(10_029), &mut out), Err(TimedOut::Drain));
    let late = handshake
        .receive(&mut Input::default(), &mut out)
        .map(|_| ());
    assert_eq!(late, Err(HandshakeError::NotHttp.into()), "the fault stays");
    assert_eq!(out, written);

    let mut handshake = client(limits);
    let mut answer = *b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno";
    let _ = handshake.receive(&mut Input::new(&mut answer));
    assert_eq!(handshake.tick(at(0)), Ok(Some(at(30))));
    assert_eq!(handshake.tick(at(30)), Err(TimedOut::Drain));
    assert_eq!(handshake.refusal().unwrap().body(), b"no");
}

#[test]
fn an_offer_of_deflate_can_be_bare() {
    let bare = Deflate::new().offer_client_window(false);
    let shown = |deflate: &Deflate| deflate.offer().extension().to_string();
    assert_eq!(shown(&bare), "permessage-deflate");
    let small = bare.clone().client_window_bits(10);
    assert_eq!(shown(&small), "permessage-deflate");
    assert_eq!(
        shown(&bare.clone().server_takeover(false)),
        "permessage-deflate; server_no_context_takeover"
    );
    let (agreed, error) = (
        deflate_answer(&small, "permessage-deflate"),
        deflate_answer(&bare, "permessage-deflate; client_max_window_bits=12"),
    );
    assert_eq!(agreed, Ok(DeflateParams::new().with_client_window_bits(10)));
    assert_eq!(error, Err(HandshakeError::ExtensionParamNotOffered));
}

/// What a handshake that has offered `deflate` makes of the answer.
fn deflate_answer(
    deflate: &Deflate,
    answer: &str,
) -> Result<Option<DeflateParams>, HandshakeError> {
    let offer = deflate.offer();
    let extensions = [offer.extension()];
    let request = ClientRequest::new("h", "/").extensions(&extensions);
    let nonce = *b"the sample nonce";
    let mut handshake =
        ClientHandshake::start(request, nonce, Vec::new(), Limits::new(), &mut Vec::new()).unwrap();
    let mut answer = format!("{ANSWER}Sec-WebSocket-Extensions: {answer}\r\n\r\n").into_bytes();
    let established = handshake.receive(&mut Input::new(&mut answer))?.unwrap();
    let extensions = established.extensions();
    deflate.answered(extensions)
}

/// Tornado and Mojolicious answer a bare `permessage-deflate` to every offer.
#[test]
fn each_way_not_to_answer_an_offer_has_its_error() {
    use HandshakeError as E;
    let takeover = Deflate::new().server_takeover(false);
    let window = Deflate::new().server_window_bits(10);
    for (deflate, params, error) in [
        (&takeover, "", E::ExtensionParamMissing),
        (
            &takeover,
            "; client_no_context_takeover",
            E::ExtensionParamMissing,
        ),
        (&window, "", E::ExtensionParamMissing),
        (
            &window,
            "; server_max_window_bits=11",
            E::ExtensionParamOutOfRange,
        ),
        (
            &window,
            "; server_max_window_bits=7",
            E::ExtensionParamOutOfRange,
        ),
        (
            &window,
            "; server_max_window_bits",
            E::ExtensionParamOutOfRange,
        ),
        (
            &Deflate::new(),
            "; client_max_window_bits",
            E::ExtensionParamOutOfRange,
        ),
        (
            &Deflate::new(),
            "; server_no_context_takeover=1",
            E::ExtensionParamOutOfRange,
        ),
        (&Deflate::new(), "; x", E::ExtensionParamNotOffered),
        (
            &Deflate::new(),
            "; server_no_context_takeover; server_no_context_takeover",
            E::ExtensionParamNotOffered,
        ),
    ] {
        let answer = format!("permessage-deflate{params}");
        // shows: RFC6455-9.1-09, RFC7692-7.1.1.1-07
        assert_eq!(deflate_answer(deflate, &answer), Err(error), "{answer}");
    }
    let both = "x-evil, permessage-deflate";
    let answered = deflate_answer(&Deflate::new(), both);
    assert_eq!(answered, Err(E::ExtensionNotOffered));
}

/// Of several offers with one name, the fault is that of the favourite.
#[test]
fn the_fault_of_an_answer_is_that_of_the_first_alternative() {
    let offers = [
        ExtensionOffer::new("x", &[("a", None)]).with_check(|_, _| Err(AnswerFault::Missing)),
        ExtensionOffer::new("x", &[]).with_check(|_, _| Err(AnswerFault::OutOfRange)),
    ];
    let request = ClientRequest::new("h", "/").extensions(&offers);
    let nonce = *b"the sample nonce";
    let mut handshake =
        ClientHandshake::start(request, nonce, Vec::new(), Limits::new(), &mut Vec::new()).unwrap();
    let mut answer = format!("{ANSWER}Sec-WebSocket-Extensions: x\r\n\r\n").into_bytes();
    let error = handshake.receive(&mut Input::new(&mut answer)).map(|_| ());
    assert_eq!(error, Err(HandshakeError::ExtensionParamMissing));
}

#[test]
fn a_zone_is_given_apart_from_the_uri() {
    for text in ["ws://[fe80::1%25eth0]:5580/ws", "ws://[fe80::1%eth0]/"] {
        assert_eq!(Uri::parse(text), Err(UriError::ZoneInUri));
    }
    let plain = Uri::parse("ws://[fe80::1]:5580/ws").unwrap();
    let uri = plain.with_zone("eth0").unwrap();
    assert_eq!(
        (uri.host(), uri.zone(), plain.zone()),
        ("fe80::1", Some("eth0"), None)
    );
    assert_eq!(uri.connect_host().to_string(), "fe80::1%eth0");
    assert_eq!(plain.connect_host().to_string(), "fe80::1");
    assert_eq!(uri.host_header().to_string(), "[fe80::1]:5580");
    assert_eq!(uri.to_string(), "ws://[fe80::1]:5580/ws");
    assert_ne!(uri, plain);
    let mut out = Vec::new();
    let request = ClientRequest::from_uri(uri);
    ClientHandshake::start(request, [7; 16], Vec::new(), Limits::new(), &mut out).unwrap();
    assert!(!String::from_utf8(out).unwrap().contains("eth0"));
    for (text, zone) in [
        ("ws://h/", "eth0"),
        ("ws://127.0.0.1/", "eth0"),
        ("ws://[::1]/", ""),
        ("ws://[::1]/", "a b"),
        ("ws://[::1]/", "a%b"),
        ("ws://[::1]/", "a\nb"),
    ] {
        assert_eq!(
            Uri::parse(text).unwrap().with_zone(zone),
            Err(UriError::Zone),
            "{zone:?}"
        );
    }
}

#[test]
fn user_info_is_refused_unless_it_is_asked_for() {
    let rules = UriRules::new().user_info(true);
    for (text, user, password, basic) in [
        (
            "ws://user:pass@h/",
            "user",
            Some("pass"),
            "Basic dXNlcjpwYXNz",
        ),
        ("ws://user@h/", "user", None, "Basic dXNlcjo="),
        ("ws://user:@h:81/", "user", Some(""), "Basic dXNlcjo="),
        (
            "wss://:secret@[::1]/",
            "",
            Some("secret"),
            "Basic OnNlY3JldA==",
        ),
        (
            "ws://a%40b:c%3Ad@h/",
            "a%40b",
            Some("c%3Ad"),
            "Basic YUBiOmM6ZA==",
        ),
        ("ws://a:b:c@h/", "a", Some("b:c"), "Basic YTpiOmM="),
    ] {
        // shows: RFC6455-3-11
        assert_eq!(Uri::parse(text), Err(UriError::UserInfo), "{text}");
        let uri = Uri::parse_with(text, rules).unwrap();
        let info = uri.user_info().unwrap();
        assert_eq!((info.user(), info.password()), (user, password), "{text}");
        assert_eq!(info.basic().unwrap().to_string(), basic, "{text}");
        // It gets neither into the request nor into a log.
        assert!(!uri.to_string().contains('@') && !uri.host_header().to_string().contains('@'));
        assert!(!format!("{uri:?}").contains("pass"));
    }
    assert!(
        Uri::parse_with("ws://@h/", rules)
            .unwrap()
            .user_info()
            .is_none()
    );
    assert!(Uri::parse("ws://h/").unwrap().user_info().is_none());
    let at = |character, at| Err(UriError::Character { character, at });
    assert_eq!(Uri::parse_with("ws://a@b@h/", rules), at('@', 6));
    assert_eq!(Uri::parse_with("ws://a b@h/", rules), at(' ', 6));
    assert_eq!(Uri::parse_with("ws://good\\@evil/", rules), at('\\', 9));
    assert_eq!(
        Uri::parse_with("ws://a@/", rules),
        Err(UriError::HostMissing)
    );
}

#[test]
fn http_means_ws_where_it_is_asked_for() {
    let rules = UriRules::new().http(true);
    for (text, written) in [
        ("http://h/", "ws://h/"),
        ("https://h/a?b", "wss://h/a?b"),
        ("HTTPS://H:443", "wss://h/"),
        ("http://h:443/", "ws://h:443/"),
        ("wss://h/", "wss://h/"),
    ] {
        let uri = Uri::parse_with(text, rules).unwrap();
        assert_eq!(uri.to_string(), written, "{text}");
        assert_eq!(Ok(uri), Uri::parse(written));
        if text.to_ascii_lowercase().starts_with("http") {
            assert_eq!(Uri::parse(text), Err(UriError::Scheme));
        }
    }
    assert_eq!(Uri::parse_with("ftp://h/", rules), Err(UriError::Scheme));
}

#[test]
fn what_is_wrong_in_a_uri_is_named_with_its_place() {
    for (text, error) in [
        (
            "ws://h/?q={\"a\":1}",
            "character '\"' at byte 11 is not allowed in a URI",
        ),
        (
            "ws://h/a b",
            "character ' ' at byte 8 is not allowed in a URI",
        ),
        (
            "ws://h/a\nb",
            "control character 0x0a at byte 8 is not allowed in a URI",
        ),
        (
            "ws://h`/",
            "character '`' at byte 6 is not allowed in a URI",
        ),
        (
            "wss://h:81/a?<",
            "character '<' at byte 13 is not allowed in a URI",
        ),
        (
            "ws://h/Z\u{fc}rich",
            "character U+00FC at byte 8 of a URI is not ASCII",
        ),
        (
            "ws://h/a%4",
            "'%' at byte 8 without two hexadecimal digits after it",
        ),
        (
            "ws://h/a#b",
            "WebSocket URIs have no fragment: '#' at byte 8",
        ),
    ] {
        assert_eq!(Uri::parse(text).unwrap_err().to_string(), error);
    }
}

/// What a URI may have, every door takes: a client's parts, the crate `http`, our own server.
#[test]
fn every_door_takes_what_a_uri_takes() {
    let path = "/a[]{}|^?b[]={c}|d^";
    let uri = format!("ws://example.com{path}");
    let uri = Uri::parse(&uri).unwrap();
    assert_eq!(uri.target().to_string(), path);
    for request in [
        ClientRequest::from_uri(uri),
        ClientRequest::new("example.com", path),
    ] {
        let mut out = Vec::new();
        let nonce = *b"the sample nonce";
        ClientHandshake::start(request, nonce, Vec::new(), Limits::new(), &mut out).unwrap();
        let (target, ..) = asked(core::str::from_utf8(&out).unwrap(), |upgrade, _| {
            upgrade.target().to_owned()
        });
        assert_eq!(target, path);
        #[cfg(feature = "http")]
        {
            use ws_proto::handshake::http::ClientUpgrade;
            let (_, request) = ClientUpgrade::start(request, nonce, Vec::new()).unwrap();
            assert_eq!(request.uri(), path);
        }
    }
}

/// What frames the body of a refusal counts towards its limit, and 1xx responses towards that of the head.
#[test]
fn framing_bytes_count() {
    let limits = Limits::new().body_bytes(100);
    for filler in ["0000000", ";aaaaaa"] {
        let mut handshake = client(limits);
        let mut head = *b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n1";
        let _ = handshake.receive(&mut Input::new(&mut head));
        let mut read = 0;
        while read < 10_000 {
            let mut bytes = filler.as_bytes().to_vec();
            read += bytes.len();
            if handshake.receive(&mut Input::new(&mut bytes)).is_err() {
                break;
            }
        }
        assert!(read <= 110, "{filler}: {read} bytes");
    }
    let limits = Limits::new().head_bytes(300).informational(u8::MAX);
    let mut handshake = client(limits);
    let mut heads = 0;
    while heads < 100 {
        let mut bytes = *b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
        if handshake.receive(&mut Input::new(&mut bytes)).is_err() {
            break;
        }
        heads += 1;
    }
    assert_eq!(heads, 300 / 41);
}

#[test]
fn a_refusal_says_what_a_back_off_needs() {
    let mut handshake = client(Limits::new());
    let mut answer = *b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n";
    let _ = handshake.receive(&mut Input::new(&mut answer));
    let refusal = handshake.refusal().unwrap();
    let retry_after = Some(Duration::from_secs(7));
    assert_eq!(refusal.retry_after(), retry_after);
    let end = End::Refused {
        status: 503,
        retry_after,
    };
    assert_eq!(refusal.end(), end);
}

/// A head of many lines is read by another loop than one of few.
#[test]
fn a_fault_in_a_head_of_many_lines_is_found_however_it_is_cut() {
    let many = "X: y\r\n".repeat(140);
    for (line, expected) in [
        ("X: y\r\n", Ok(vec![0x81, 0])),
        ("X:\r\n", Ok(vec![0x81, 0])),
        ("X: a\r\n b\r\n", Ok(vec![0x81, 0])),
        ("Bad Name: y\r\n", Err(HandshakeError::HeaderInvalid)),
        ("X : y\r\n", Err(HandshakeError::HeaderInvalid)),
        ("X\r\n", Err(HandshakeError::HeaderInvalid)),
        (": y\r\n", Err(HandshakeError::HeaderInvalid)),
        ("X: y\nZ: y\r\n", Err(HandshakeError::BareLf)),
        ("X: y\rZ: y\r\n", Err(HandshakeError::BareCr)),
        ("X: a\u{1}b\r\n", Err(HandshakeError::ControlCharacter)),
        (
            "Upgrade: websocket\r\n",
            Err(HandshakeError::UpgradeInvalid),
        ),
    ] {
        for answer in [
            format!("{ANSWER}{many}{line}\r\n"),
            format!("{ANSWER}{line}{many}\r\n"),
        ] {
            let mut bytes = answer.into_bytes();
            bytes.extend_from_slice(b"\x81\0");
            for size in [1, 7, 500, usize::MAX] {
                let mut handshake = client(Limits::new());
                let mut found = Ok(Vec::new());
                for piece in bytes.clone().chunks_mut(size) {
                    let mut input = Input::new(piece);
                    match handshake.receive(&mut input) {
                        Ok(None) => assert!(input.is_empty()),
                        Ok(Some(_)) => {
                            let left = input.bytes().to_vec();
                            found = found.map(|all: Vec<u8>| [all, left].concat());
                        }
                        Err(error) => found = Err(error),
                    }
                }
                assert_eq!(found, expected, "{line:?} in pieces of {size}");
            }
        }
    }
}
