//! The handshake with a proxy as a shell drives it: `Proxying` with any reads and writes.

use core::error::Error;
use core::time::Duration;
use std::io::ErrorKind;

use ws_proto::Instant;
use ws_proto::handshake::{HandshakeError, HeadError, Limits};
use ws_proto::opening::{
    Asking, ConnectError, ConnectTimeout, Connecting, Connector, Options, Proxy, ProxyError,
    ProxyScheme, Proxying, Response, Stage, Unreachable,
};
use ws_proto::reconnect::End;

const CONNECTED: &[u8] = b"HTTP/1.1 200 OK\r\nVia: x\r\n\r\n";
const REFUSED: &[u8] =
    b"HTTP/1.1 407 x\r\nProxy-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno";

fn connector() -> Connector {
    Connector::new("wss://h/chat").expect("a valid URL")
}

fn proxy() -> Proxy {
    Proxy::new("http://me:secret@proxy.example").expect("a valid URL")
}

fn proxying() -> Proxying {
    Proxying::start(&proxy(), &connector()).expect("a valid request")
}

/// The answer, and the bytes after it.
type Ended<A> = Option<(<A as Asking>::Answer, Vec<u8>)>;

/// Gives `bytes` in these pieces. The answer, and the rest of the input then.
fn run<A: Asking>(asking: &mut A, pieces: &[&[u8]]) -> Result<Ended<A>, ConnectError> {
    for (i, piece) in pieces.iter().enumerate() {
        let mut piece = piece.to_vec();
        let mut rest = &mut piece[..];
        if let Some(answer) = asking.receive(&mut rest)? {
            let mut left = rest.to_vec();
            left.extend(pieces[i + 1..].concat());
            return Ok(Some((answer, left)));
        }
        assert!(rest.is_empty(), "all of it is consumed");
    }
    Ok(None)
}

fn refusal(error: &ConnectError) -> &Response {
    assert!(
        matches!(error, ConnectError::Proxy(ProxyError::Refused(_))),
        "{error:?}"
    );
    error.refusal().expect("a response")
}

#[test]
fn the_request_is_written_in_steps_of_any_size() {
    let expected = "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\
        Proxy-Authorization: Basic bWU6c2VjcmV0\r\nUser-Agent: x\r\n\r\n";
    for step in 1..=expected.len() {
        let proxy = proxy().header("User-Agent", "x");
        let mut proxying = Proxying::start(&proxy, &connector()).unwrap();
        let mut written = Vec::new();
        while !proxying.pending().is_empty() {
            let n = step.min(proxying.pending().len());
            written.extend_from_slice(&proxying.pending()[..n]);
            proxying.consume(n);
        }
        assert_eq!(String::from_utf8(written).unwrap(), expected);
        proxying.consume(1);
        assert!(proxying.pending().is_empty());
    }
}

#[test]
fn the_tunnel_is_there_at_every_cut_and_what_follows_is_left() {
    let wire = [CONNECTED, b"\x16\x03\x01"].concat();
    for cut in 0..=wire.len() {
        let (front, back) = wire.split_at(cut);
        let (response, left) = run(&mut proxying(), &[front, back]).unwrap().unwrap();
        assert_eq!((response.status(), &left[..]), (200, &b"\x16\x03\x01"[..]));
        assert_eq!(response.headers().get("via"), Some(&b"x"[..]));
    }
    let bytes: Vec<&[u8]> = wire.chunks(1).collect();
    let (_, left) = run(&mut proxying(), &bytes).unwrap().unwrap();
    assert_eq!(left, b"\x16\x03\x01");
}

#[test]
fn a_refusal_has_the_response_at_every_cut() {
    for cut in 0..=REFUSED.len() {
        let (front, back) = REFUSED.split_at(cut);
        let error = run(&mut proxying(), &[front, back]).unwrap_err();
        let response = refusal(&error);
        assert_eq!((response.status(), response.body()), (407, &b"no"[..]));
        assert!(response.headers().get("Proxy-Authenticate").is_some());
        assert!(error.to_string().contains("407"));
    }
}

#[test]
fn a_refusal_that_was_read_says_more_than_the_end() {
    let late = Instant::from_millis(60_000);
    for len in 0..REFUSED.len() {
        let known = len >= REFUSED.len() - 2;
        let begin = || {
            let mut proxying = proxying();
            proxying.tick(Instant::from_millis(0)).unwrap();
            assert!(run(&mut proxying, &[&REFUSED[..len]]).unwrap().is_none());
            proxying
        };
        let ends = [
            begin().receive_eof(),
            begin().tick(late).unwrap_err(),
            begin().explain(std::io::Error::from(ErrorKind::ConnectionReset)),
        ];
        for error in ends {
            match error {
                ConnectError::Proxy(ProxyError::Refused(response)) => {
                    assert!(known && response.status() == 407);
                }
                ConnectError::Proxy(ProxyError::Handshake(
                    HandshakeError::NothingReceived | HandshakeError::UnexpectedEof,
                ))
                | ConnectError::Proxy(ProxyError::Io(_)) => assert!(!known),
                ConnectError::Proxy(ProxyError::TimedOut(late)) => {
                    assert!(!known && late.stage() == Stage::Proxy);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn what_is_wrong_with_the_proxy_is_not_said_of_the_server() {
    let error = run(&mut proxying(), &[b"\x05\x00"]).unwrap_err();
    assert!(matches!(
        error,
        ConnectError::Proxy(ProxyError::Handshake(HandshakeError::NotHttp))
    ));
    assert!(error.to_string().contains("proxy"), "{error}");
    assert!(error.refusal().is_none());
    let late = ConnectTimeout::new(Stage::Connect, Duration::from_secs(1));
    let proxying = proxying();
    for (given, text) in [
        (late.into(), "proxy"),
        (ConnectError::Io(ErrorKind::BrokenPipe.into()), "proxy"),
        (ConnectError::Head(HeadError::OutputFull), "proxy"),
        (ConnectError::NoRandomness, "random"),
    ] {
        let explained = proxying.explain(given);
        assert!(explained.to_string().contains(text), "{explained}");
    }
    // A refusal of the server's is another thing.
    let mut connecting = Connecting::start(&connector(), *b"the sample nonce").unwrap();
    let error = run(&mut connecting, &[REFUSED]).unwrap_err();
    assert!(matches!(error, ConnectError::Refused(_)));
    assert_eq!(error.refusal().map(Response::status), Some(407));
}

#[test]
fn a_request_that_cannot_be_sent_is_an_error_at_once() {
    for (proxy, expected) in [
        (proxy().header("a b", "x"), HeadError::HeaderNameInvalid),
        (proxy().header("Host", "x"), HeadError::HeaderNameReserved),
        (
            proxy().header("Proxy-Authorization", "x"),
            HeadError::HeaderNameReserved,
        ),
        (proxy().header("x", "\r\n"), HeadError::HeaderValueInvalid),
    ] {
        let error = Proxying::start(&proxy, &connector()).unwrap_err();
        assert!(
            matches!(error, ConnectError::Proxy(ProxyError::Head(found)) if found == expected),
            "{error:?}"
        );
    }
    for (url, scheme) in [
        ("socks5://h", ProxyScheme::Socks5),
        ("socks5h://h", ProxyScheme::Socks5h),
    ] {
        let error = Proxying::start(&Proxy::new(url).unwrap(), &connector()).unwrap_err();
        assert!(
            matches!(error, ConnectError::Proxy(ProxyError::Unsupported(found)) if found == scheme)
        );
        assert!(error.to_string().contains(scheme.name()), "{error}");
    }
    assert!(Proxying::start(&Proxy::new("https://h").unwrap(), &connector()).is_ok());
}

#[test]
fn limits_and_times_are_those_of_the_options() {
    let options = Options::new()
        .handshake_time(Duration::from_secs(2))
        .limits(Limits::new().head_bytes(20));
    let connector = connector().options(options);
    let mut proxying = Proxying::start(&proxy(), &connector).unwrap();
    let at = Instant::from_millis;
    assert_eq!(proxying.tick(at(0)).unwrap(), Some(at(2000)));
    let mut short = Proxying::start_within(&proxy(), &connector, Duration::from_secs(1)).unwrap();
    assert_eq!(short.tick(at(0)).unwrap(), Some(at(1000)));
    let error = run(&mut proxying, &[CONNECTED]).unwrap_err();
    assert!(matches!(
        error,
        ConnectError::Proxy(ProxyError::Handshake(HandshakeError::HeadTooLarge))
    ));
}

#[test]
fn a_tunnel_can_lead_to_another_place() {
    let options = Options::new().handshake_time(Duration::from_secs(2));
    let start = |host| Proxying::start_to(&proxy(), host, 9001, &options, Duration::from_secs(1));
    for (host, place) in [
        ("other.example", "other.example:9001"),
        ("::1", "[::1]:9001"),
        ("[::1]", "[::1]:9001"),
        ("192.0.2.7", "192.0.2.7:9001"),
    ] {
        let mut proxying = start(host).unwrap();
        let expected = format!(
            "CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\
            Proxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n"
        );
        assert_eq!(proxying.pending(), expected.as_bytes());
        let at = Instant::from_millis;
        assert_eq!(proxying.tick(at(0)).unwrap(), Some(at(1000)));
    }
    let error = start("a b").unwrap_err();
    assert!(matches!(
        error,
        ConnectError::Proxy(ProxyError::Head(HeadError::HostInvalid))
    ));
}

#[test]
fn a_proxy_that_is_not_reached_has_errors_of_its_own() {
    for (error, end) in [
        (
            ConnectError::Unreachable(Unreachable::new("p", Vec::new())),
            Some(End::Unreachable),
        ),
        (
            ConnectError::Resolve {
                host: "p".into(),
                error: ErrorKind::NotFound.into(),
            },
            Some(End::Unreachable),
        ),
        (
            ConnectError::Tls {
                host: "p".into(),
                error: ErrorKind::InvalidData.into(),
            },
            None,
        ),
    ] {
        let words = error.to_string();
        let error = ProxyError::of(error);
        assert_eq!(error.to_string(), format!("proxy: {words}"));
        assert_eq!(error.end(), end);
        assert!(error.source().is_none() && error.refusal().is_none());
        assert!(matches!(error, ConnectError::Proxy(ProxyError::Connect(_))));
    }
    // What is no error of a proxy stays.
    let error = ProxyError::of(ConnectError::NoRandomness);
    assert!(matches!(error, ConnectError::NoRandomness));

    for (kind, end) in [
        (ErrorKind::PermissionDenied, None),
        (ErrorKind::InvalidInput, None),
        (ErrorKind::HostUnreachable, Some(End::Unreachable)),
    ] {
        let inner = std::io::Error::new(kind, "no");
        let error = ConnectError::from(ProxyError::Socks(inner));
        assert_eq!((error.end(), error.to_string()), (end, "proxy: no".into()));
        assert!(error.source().is_none());
    }
}

#[test]
fn secrets_are_not_in_debug_output() {
    let mut proxying = proxying();
    let bytes = b"HTTP/1.1 407 x\r\nX-Token: hunter2\r\n\r\nhunter2";
    assert!(run(&mut proxying, &[bytes]).unwrap().is_none());
    let error = proxying.receive_eof();
    let text = format!("{proxying:?} {error:?} {error}");
    assert!(
        !["hunter2", "secret", "c2Vjc"]
            .iter()
            .any(|secret| text.contains(secret)),
        "{text}"
    );
}
