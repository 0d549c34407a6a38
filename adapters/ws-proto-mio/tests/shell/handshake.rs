//! Requests that are looked at, accepted and refused; answers that clients get.

use crate::common::{REQUEST, Seen, at, turn};
use mio::Token;
use ws_proto_mio::{
    Accept, Buffers, ConnectError, Connector, Error, Event, HandshakeError, Options, OriginPolicy,
    Reply, WebSocket,
};
use ws_proto_test::stream::{End, pipe};

fn server() -> (WebSocket<End>, End, Buffers) {
    let (left, raw) = pipe(1 << 16);
    let socket = WebSocket::accept(left, Token(0), &Options::new());
    (socket, raw, Buffers::new())
}

fn client(connector: Connector) -> (WebSocket<End>, End, Buffers) {
    let (left, raw) = pipe(1 << 16);
    let socket = WebSocket::connect(left, Token(0), connector, &Options::new()).unwrap();
    (socket, raw, Buffers::new())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_request_is_looked_at_and_accepted_whatever_its_pieces() {
    for step in [1, 7, REQUEST.len()] {
        let (mut socket, mut raw, mut buffers) = server();
        let mut looked = 0;
        for bytes in REQUEST.chunks(step) {
            raw.put(bytes);
            socket.set_ready();
            let mut turn = socket.turn(&mut buffers, at(0));
            while turn.read() {
                while let Some(event) = turn.next().unwrap() {
                    let Event::Request(request) = event else {
                        panic!("no request")
                    };
                    assert!(request.is_upgrade());
                    assert_eq!((request.path(), request.query()), ("/chat", Some("room=1")));
                    assert_eq!((request.method(), request.host()), ("GET", "example.com"));
                    assert_eq!(request.origin(), Some(&b"https://example.org"[..]));
                    assert!(!request.is_allowed_by(&OriginPolicy::same_host()));
                    assert!(request.is_allowed_by(&OriginPolicy::any()));
                    assert_eq!(request.subprotocols().count(), 2);
                    let chosen = request.choose_subprotocol(&["chat.v2", "chat.v1"]);
                    let accept = Accept::new().maybe_subprotocol(chosen);
                    request
                        .accept(&accept.headers(&[("X-Room", b"1")]))
                        .unwrap();
                    looked += 1;
                }
            }
        }
        assert_eq!(looked, 1);
        assert_eq!(socket.subprotocol(), Some("chat.v2"));
        let answer = text(&raw.drain());
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        assert!(answer.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
        assert!(answer.contains("X-Room: 1\r\n"));
    }
}

#[test]
fn a_decision_can_be_made_later_and_what_comes_meanwhile_waits() {
    let (mut socket, mut raw, mut buffers) = server();
    raw.put(REQUEST);
    raw.put(b"\x81\x82\0\0\0\0hi");
    socket.set_ready();
    let mut one = socket.turn(&mut buffers, at(0));
    assert!(one.read());
    assert!(matches!(one.next().unwrap(), Some(Event::Request(_))));
    assert!(one.next().unwrap().is_none(), "it is given once");
    assert!(!one.read(), "nothing more is read");
    drop(one);
    assert!(!socket.has_more() && !socket.is_done() && !socket.can_send());
    assert_eq!(raw.drain(), b"");
    socket.request().unwrap().accept(&Accept::new()).unwrap();
    let (seen, result) = turn(&mut socket, &mut buffers, at(0));
    result.unwrap();
    assert_eq!(seen, [Seen::Text("hi".into())]);
    assert!(socket.can_send());
    assert!(raw.drain().starts_with(b"HTTP/1.1 101 "));
}

#[test]
fn a_request_is_refused_with_status_headers_and_body() {
    let (mut socket, mut raw, mut buffers) = server();
    raw.put(REQUEST);
    raw.put(b"more that is never read by anyone");
    let mut one = socket.turn(&mut buffers, at(0));
    assert!(one.read());
    let Some(Event::Request(request)) = one.next().unwrap() else {
        panic!("no request")
    };
    let headers: [(&str, &[u8]); 1] = [("Retry-After", b"7")];
    let reply = Reply::new(503).headers(&headers).body(b"later");
    request.respond(&reply).unwrap();
    while one.read() {
        assert!(one.next().unwrap().is_none());
    }
    drop(one);
    let answer = text(&raw.drain());
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("Retry-After: 7\r\n") && answer.ends_with("\r\n\r\nlater"));
    assert!(raw.is_ended(), "the client reads to an end");
    assert!(!socket.is_done(), "it reads what the client still sends");
    drop(raw);
    assert!(turn(&mut socket, &mut buffers, at(1)).1.is_ok());
    assert!(socket.is_done());
}

#[test]
fn a_client_that_does_not_go_away_is_left_after_the_linger() {
    let (mut socket, mut raw, mut buffers) = server();
    raw.put(b"nonsense\r\n\r\n");
    let (_, result) = turn(&mut socket, &mut buffers, at(0));
    assert!(matches!(result, Err(Error::Handshake(_))), "{result:?}");
    turn(&mut socket, &mut buffers, at(0)).1.unwrap();
    assert!(raw.drain().starts_with(b"HTTP/1.1 400 "));
    assert_eq!(socket.next_deadline(), Some(at(3000)));
    raw.put(&[0; 1000]);
    turn(&mut socket, &mut buffers, at(2999)).1.unwrap();
    assert!(!socket.is_done());
    turn(&mut socket, &mut buffers, at(3000)).1.unwrap();
    assert!(socket.is_done());
}

#[test]
fn plain_requests_are_served_or_refused() {
    let plain = b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n";
    for serve in [true, false] {
        let (mut socket, mut raw, mut buffers) = server();
        raw.put(plain);
        let mut one = socket.turn(&mut buffers, at(0));
        assert!(one.read());
        let Some(Event::Request(request)) = one.next().unwrap() else {
            panic!("no request")
        };
        assert!(!request.is_upgrade());
        if serve {
            request.respond(&Reply::new(200).body(b"fine")).unwrap();
            assert!(one.next().unwrap().is_none());
        } else {
            request.accept(&Accept::new()).unwrap();
            assert!(matches!(one.next(), Err(Error::Handshake(_))));
        }
        while one.read() {}
        drop(one);
        let answer = text(&raw.drain());
        let status = if serve {
            "HTTP/1.1 200 "
        } else {
            "HTTP/1.1 400 "
        };
        assert!(answer.starts_with(status), "{answer}");
    }
}

#[test]
fn a_handshake_that_trickles_is_ended_in_time() {
    let (mut socket, mut raw, mut buffers) = server();
    turn(&mut socket, &mut buffers, at(0)).1.unwrap();
    assert_eq!(socket.next_deadline(), Some(at(10_000)));
    for (second, byte) in REQUEST.iter().enumerate().take(10) {
        raw.put(&[*byte]);
        turn(&mut socket, &mut buffers, at(second as u64 * 1000))
            .1
            .unwrap();
    }
    let (_, result) = turn(&mut socket, &mut buffers, at(10_000));
    assert!(matches!(result, Err(Error::TimedOut(_))), "{result:?}");
    turn(&mut socket, &mut buffers, at(10_000)).1.unwrap();
    assert!(raw.drain().starts_with(b"HTTP/1.1 408 "));
    drop(raw);
    turn(&mut socket, &mut buffers, at(10_001)).1.unwrap();
    assert!(socket.is_done());
}

#[test]
fn a_client_that_leaves_within_its_handshake_is_an_error() {
    let (mut socket, mut raw, mut buffers) = server();
    raw.put(&REQUEST[..50]);
    drop(raw);
    let (_, result) = turn(&mut socket, &mut buffers, at(0));
    let error = result.unwrap_err();
    assert!(
        matches!(error, Error::Handshake(HandshakeError::UnexpectedEof)),
        "{error:?}"
    );
    turn(&mut socket, &mut buffers, at(0)).1.unwrap();
    assert!(socket.is_done());
}

#[test]
fn a_client_asks_for_what_it_was_told_to() {
    let connector = Connector::new("ws://example.com:81/chat?x=1")
        .unwrap()
        .subprotocols(&["b", "a"])
        .origin("https://example.org")
        .header("Authorization", "Bearer abc");
    let (mut socket, mut raw, mut buffers) = client(connector);
    turn(&mut socket, &mut buffers, at(0)).1.unwrap();
    let asked = text(&raw.drain());
    assert!(asked.starts_with("GET /chat?x=1 HTTP/1.1\r\n"), "{asked}");
    for line in [
        "Host: example.com:81",
        "Sec-WebSocket-Protocol: b, a",
        "Origin: https://example.org",
        "Authorization: Bearer abc",
    ] {
        assert!(asked.contains(&format!("{line}\r\n")), "{line}");
    }
}

/// The framing of a refusal's body counts towards its limit, so that the answer ends.
#[test]
fn a_refusal_of_framing_without_end_is_cut_off() {
    let connector = Connector::new("ws://example.com/").unwrap();
    let (mut socket, mut raw, mut buffers) = client(connector);
    raw.put(b"HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n1;");
    assert!(turn(&mut socket, &mut buffers, at(0)).1.is_ok());
    let mut given = 0;
    let refused = loop {
        raw.put(&[b'a'; 1000]);
        given += 1000;
        if let Err(error) = turn(&mut socket, &mut buffers, at(0)).1 {
            break error;
        }
        assert!(given < 8 << 20, "it is read without end");
    };
    let Error::Refused(response) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!((response.status(), response.body()), (400, &b""[..]));
    assert_eq!(given, 5000, "the limit is 4 KiB");
}

#[test]
fn refusals_and_redirects_are_surfaced_however_they_are_cut() {
    let answer = b"HTTP/1.1 301 Moved\r\nLocation: /there\r\nContent-Length: 4\r\n\r\ngone";
    for step in [1, 10, answer.len()] {
        let connector = Connector::new("ws://example.com/").unwrap();
        let (mut socket, mut raw, mut buffers) = client(connector);
        let mut refused = None;
        for bytes in answer.chunks(step) {
            assert!(refused.is_none());
            raw.put(bytes);
            refused = turn(&mut socket, &mut buffers, at(0)).1.err();
        }
        let Some(Error::Refused(response)) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!((response.status(), response.body()), (301, &b"gone"[..]));
        assert_eq!(response.header("location"), Some(&b"/there"[..]));
    }
}

#[test]
fn a_client_waits_no_longer_than_told() {
    let connector = Connector::new("ws://example.com/").unwrap();
    let (mut socket, raw, mut buffers) = client(connector);
    turn(&mut socket, &mut buffers, at(500)).1.unwrap();
    assert_eq!(socket.next_deadline(), Some(at(10_500)));
    let (_, result) = turn(&mut socket, &mut buffers, at(10_500));
    assert!(matches!(result, Err(Error::TimedOut(_))), "{result:?}");
    assert!(socket.is_done());
    drop(raw);
}

#[test]
fn what_cannot_be_asked_for_is_an_error_at_once() {
    assert!(Connector::new("http://example.com/").is_err());
    let connector = Connector::new("ws://example.com/").unwrap();
    let connector = connector.header("X", "a\r\nb");
    let (left, _raw) = pipe(100);
    let refused = WebSocket::connect(left, Token(0), connector, &Options::new());
    assert!(matches!(refused, Err(ConnectError::Head(_))));
    #[cfg(feature = "net")]
    {
        let refused = ws_proto_mio::connect("wss://localhost/", Token(0), &Options::new());
        assert!(matches!(refused, Err(ConnectError::TlsNeeded)));
    }
}
