//! Requests that are looked at, accepted and refused; answers that clients get.

use crate::common::{REQUEST, Seen, at, turn};
use mio::Token;
use ws_proto::handshake::Upgrade;
use ws_proto::opening::{self, Proxy, Proxying};
use ws_proto_mio::{
    Accept, Acceptor, Buffers, CloseCode, Config, ConnectEnabled, ConnectError, ConnectingStream,
    Connector, Error, Event, HandshakeError, Negotiated, Options, OriginPolicy, PlainResponse,
    ProxyError, WebSocket,
};
use ws_proto_test::stream::{End, pipe};

fn server() -> (WebSocket<End>, End, Buffers) {
    let (left, raw) = pipe(1 << 16);
    let socket = WebSocket::accept(left, Token(0), &Options::new());
    (socket, raw, Buffers::new())
}

fn client(connector: Connector) -> (WebSocket<End>, End, Buffers) {
    let (left, raw) = pipe(1 << 16);
    let socket = WebSocket::connect_over(left, Token(0), connector, &Options::new()).unwrap();
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
            socket.note_ready();
            let mut turn = socket.turn(&mut buffers, at(0));
            while turn.read() {
                while let Some(event) = turn.next_event().unwrap() {
                    let Event::Request(incoming) = event else {
                        panic!("no request")
                    };
                    let request = incoming.request();
                    assert!(request.is_upgrade());
                    assert_eq!((request.path(), request.query()), ("/chat", Some("room=1")));
                    assert_eq!((request.method(), request.host()), ("GET", "example.com"));
                    assert_eq!(request.origin(), Some(&b"https://example.org"[..]));
                    assert!(request.check_origin(&OriginPolicy::same_host()).is_err());
                    assert!(request.check_origin(&OriginPolicy::any()).is_ok());
                    assert_eq!(request.subprotocols().count(), 2);
                    let chosen = request.choose_subprotocol(&["chat.v2", "chat.v1"]);
                    let accept = Accept::new()
                        .maybe_subprotocol(chosen)
                        .origins(OriginPolicy::any());
                    incoming
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
    socket.note_ready();
    let mut one = socket.turn(&mut buffers, at(0));
    assert!(one.read());
    assert!(matches!(one.next_event().unwrap(), Some(Event::Request(_))));
    assert!(one.next_event().unwrap().is_none(), "it is given once");
    assert!(!one.read(), "nothing more is read");
    drop(one);
    assert!(!socket.has_more() && !socket.is_over() && !socket.can_send());
    assert_eq!(raw.drain(), b"");
    let accept = Accept::new().origins(OriginPolicy::any());
    socket.incoming().unwrap().accept(&accept).unwrap();
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
    let Some(Event::Request(incoming)) = one.next_event().unwrap() else {
        panic!("no request")
    };
    let headers: [(&str, &[u8]); 1] = [("Retry-After", b"7")];
    let reply = PlainResponse::new(503).headers(&headers).body(b"later");
    incoming.respond(&reply).unwrap();
    while one.read() {
        assert!(one.next_event().unwrap().is_none());
    }
    drop(one);
    let answer = text(&raw.drain());
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("Retry-After: 7\r\n") && answer.ends_with("\r\n\r\nlater"));
    assert!(raw.is_ended(), "the client reads to an end");
    assert!(!socket.is_over(), "it reads what the client still sends");
    drop(raw);
    assert!(turn(&mut socket, &mut buffers, at(1)).1.is_ok());
    assert!(socket.is_over());
}

#[test]
fn an_answer_that_cannot_be_sent_becomes_a_500() {
    let (mut socket, mut raw, mut buffers) = server();
    raw.put(REQUEST);
    let mut one = socket.turn(&mut buffers, at(0));
    assert!(one.read());
    let Some(Event::Request(incoming)) = one.next_event().unwrap() else {
        panic!("no request")
    };
    assert!(incoming.respond(&PlainResponse::new(99)).is_err());
    while one.read() {
        assert!(one.next_event().unwrap().is_none());
    }
    drop(one);
    assert!(raw.drain().starts_with(b"HTTP/1.1 500 "));
    assert!(raw.is_ended(), "the client reads to an end");
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
    assert!(!socket.is_over());
    turn(&mut socket, &mut buffers, at(3000)).1.unwrap();
    assert!(socket.is_over());
}

#[test]
fn plain_requests_are_served_or_refused() {
    let plain = b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n";
    for serve in [true, false] {
        let (mut socket, mut raw, mut buffers) = server();
        raw.put(plain);
        let mut one = socket.turn(&mut buffers, at(0));
        assert!(one.read());
        let Some(Event::Request(incoming)) = one.next_event().unwrap() else {
            panic!("no request")
        };
        assert!(!incoming.request().is_upgrade());
        if serve {
            incoming
                .respond(&PlainResponse::new(200).body(b"fine"))
                .unwrap();
            assert!(one.next_event().unwrap().is_none());
        } else {
            incoming.accept(&Accept::new()).unwrap();
            assert!(matches!(one.next_event(), Err(Error::Handshake(_))));
        }
        while one.read() {}
        drop(one);
        let answer = text(&raw.drain());
        let status = if serve {
            "HTTP/1.1 200 "
        } else {
            "HTTP/1.1 426 "
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
    assert!(socket.is_over());
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
    assert!(socket.is_over());
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
        assert_eq!(response.headers().get("location"), Some(&b"/there"[..]));
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
    assert!(socket.is_over());
    drop(raw);
}

#[test]
fn what_cannot_be_asked_for_is_an_error_at_once() {
    assert!(Connector::new("http://example.com/").is_err());
    let connector = Connector::new("ws://example.com/").unwrap();
    let connector = connector.header("X", "a\r\nb");
    let (left, _raw) = pipe(100);
    let refused = WebSocket::connect_over(left, Token(0), connector, &Options::new());
    assert!(matches!(refused, Err(ConnectError::Head(_))));
    #[cfg(feature = "net")]
    {
        let refused = ws_proto_mio::connect("wss://localhost/", Token(0), &Options::new());
        assert!(matches!(refused, Err(ConnectError::TlsNeeded)));
    }
}

#[test]
fn a_page_of_another_site_gets_a_403_and_its_connection_ends() {
    let (mut socket, mut raw, mut buffers) = server();
    raw.put(REQUEST);
    socket.note_ready();
    let mut one = socket.turn(&mut buffers, at(0));
    assert!(one.read());
    let Some(Event::Request(incoming)) = one.next_event().unwrap() else {
        panic!("the request is there");
    };
    assert!(incoming.accept(&Accept::new()).is_err());
    while one.read() {}
    drop(one);
    let answer = text(&raw.drain());
    assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
    assert!(!socket.can_send());
}

/// A request that a turn has read and not taken is kept, and so are the bytes that came with it.
#[test]
fn turns_can_be_left_during_a_handshake() {
    let wire = [REQUEST, b"\x81\x82\0\0\0\0hi\x81\x82\0\0\0\0ho"].concat();
    for step in [1, 30, 300, wire.len()] {
        let (mut socket, mut raw, mut buffers) = server();
        let mut seen = Vec::new();
        for bytes in wire.chunks(step) {
            raw.put(bytes);
            socket.note_ready();
            loop {
                // One call a turn, and turns without any.
                for takes in [false, true] {
                    let mut one = socket.turn(&mut buffers, at(0));
                    if one.read() && takes {
                        match one.next_event().unwrap() {
                            None => {}
                            Some(Event::Request(incoming)) => {
                                let any = Accept::new().origins(OriginPolicy::any());
                                incoming.accept(&any).unwrap();
                            }
                            Some(Event::Message(message, _)) => {
                                seen.push(message.as_text().unwrap().to_owned());
                            }
                            other => panic!("{other:?}"),
                        }
                    }
                }
                if !socket.has_more() {
                    break;
                }
            }
        }
        assert_eq!(seen, ["hi", "ho"], "{step}");
        assert!(raw.drain().starts_with(b"HTTP/1.1 101 "));
    }
}

#[test]
fn a_foreign_origin_is_refused_unless_it_is_allowed_by_name() {
    const LISTED: OriginPolicy<'_> = OriginPolicy::const_list(&["https://example.org"]);
    let allowed = [
        Accept::new().origins(LISTED),
        Accept::new().origins(OriginPolicy::any()),
    ];
    for (accept, is_allowed) in [
        (Accept::new(), false),
        (allowed[0], true),
        (allowed[1], true),
    ] {
        let (mut socket, mut raw, mut buffers) = server();
        raw.put(REQUEST);
        let mut one = socket.turn(&mut buffers, at(0));
        assert!(one.read());
        let Some(Event::Request(incoming)) = one.next_event().unwrap() else {
            panic!("no request")
        };
        let accepted = incoming.accept(&accept);
        assert_eq!(accepted.is_ok(), is_allowed, "{accepted:?}");
        // It is reported once.
        while one.read() {
            assert!(one.next_event().unwrap().is_none());
        }
        drop(one);
        let status = if is_allowed {
            "HTTP/1.1 101 "
        } else {
            "HTTP/1.1 403 "
        };
        assert!(raw.drain().starts_with(status.as_bytes()));
        assert_eq!(
            (socket.can_send(), raw.is_ended()),
            (is_allowed, !is_allowed)
        );
    }
}

/// What the client sent early is read: a connection that is closed while there is unread input is reset,
/// and the client may never see why it was refused.
#[cfg(feature = "net")]
#[test]
fn a_client_that_has_sent_a_lot_sees_its_refusal() {
    use std::io::{Read, Write};
    use std::time::{Duration, Instant as Clock};

    for _ in 0..20 {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let stream = mio::net::TcpStream::from_std(stream);
        let mut socket = WebSocket::accept(stream, Token(0), &Options::new());
        client.write_all(REQUEST).unwrap();
        client.write_all(&[b'x'; 20_000]).unwrap();
        let reader = std::thread::spawn(move || {
            let mut answer = Vec::new();
            let read = client.read_to_end(&mut answer);
            (read.map_err(|error| error.kind()), answer)
        });
        let mut buffers = Buffers::with_size(1024);
        let epoch = Clock::now();
        while !socket.is_over() {
            socket.note_ready();
            let now = ws_proto_mio::Instant::now_since(epoch);
            assert!(now < at(2000), "it waits for its linger time");
            let mut one = socket.turn(&mut buffers, now);
            while one.read() {
                while let Some(event) = one.next_event().unwrap() {
                    if let Event::Request(incoming) = event {
                        incoming.accept(&Accept::new()).unwrap_err();
                    }
                }
            }
            drop(one);
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(socket);
        let (read, answer) = reader.join().unwrap();
        let answer = text(&answer);
        assert_eq!(read, Ok(answer.len()));
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    }
}

/// A program that has asked a proxy by the engine has one type of errors.
#[test]
fn the_answer_of_a_proxy_that_refuses_stays() {
    let connector = Connector::new("ws://example.com/").unwrap();
    let proxy = Proxy::new("http://proxy.test").unwrap();
    let mut proxying = Proxying::start(&proxy, &connector).unwrap();
    let mut answer = *b"HTTP/1.1 407 x\r\nContent-Length: 2\r\n\r\nno";
    let refused = proxying.receive(&mut &mut answer[..]).unwrap_err();
    let error = Error::from(refused);
    assert!(error.to_string().contains("407") && std::error::Error::source(&error).is_none());
    let Error::Proxy(ProxyError::Refused(response)) = error else {
        panic!("{error:?}")
    };
    assert_eq!((response.status(), response.body()), (407, &b"no"[..]));
}

/// A handshake that an HTTP server has answered by an `Acceptor` leads to what that has agreed on.
#[test]
fn a_handshake_made_elsewhere_by_an_acceptor_has_its_options() {
    let fields: [(&str, &[u8]); 6] = [
        ("Host", b"example.com"),
        ("Upgrade", b"websocket"),
        ("Connection", b"Upgrade"),
        ("Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", b"13"),
        ("Sec-WebSocket-Protocol", b"chat.v1"),
    ];
    let upgrade = Upgrade::from_headers("GET", "/chat", &fields).unwrap();
    let small = opening::Options::new().config(Config::new().max_message(5));
    let acceptor = Acceptor::new().subprotocols(&["chat.v1"]).options(small);
    let (status, opened) = acceptor.answer(&upgrade, |_, _| {}).unwrap();
    assert_eq!(status, 101);

    let (left, right) = pipe(1024);
    let (mut buffers, options) = (Buffers::new(), Options::new());
    let mut server = WebSocket::open_server(left, Token(0), opened, &options);
    assert_eq!(server.subprotocol(), Some("chat.v1"));
    assert!(server.can_send());
    let mut client = WebSocket::client(right, Token(1), Negotiated::new(), &[], &options);
    for text in ["small", "bigger"] {
        client.sender().unwrap().send_text(text).unwrap();
    }
    client.turn(&mut buffers, at(0)).read();
    let (seen, ended) = turn(&mut server, &mut buffers, at(0));
    assert_eq!(seen, [Seen::Text("small".into())]);
    let Err(Error::Receive(error)) = ended else {
        panic!("{ended:?}")
    };
    assert_eq!(error.close_code(), Some(CloseCode::MESSAGE_TOO_BIG));
}

/// The other end of it.
#[test]
fn a_client_can_be_opened_after_a_handshake_made_elsewhere() {
    let connector = Connector::new("wss://example.com/chat").unwrap();
    let enabled = ConnectEnabled::from_setting(1).unwrap();
    let connector = connector.subprotocols(&["chat.v1"]);
    let mut connecting = ConnectingStream::start(&connector, enabled, |_, _| {}).unwrap();
    let fields: [(&str, &[u8]); 1] = [("sec-websocket-protocol", b"chat.v1")];
    let (opened, _) = connecting.receive_head(200, &fields).unwrap().unwrap();

    let (left, right) = pipe(1024);
    let (mut buffers, options) = (Buffers::new(), Options::new());
    let mut client = WebSocket::open_client(left, Token(0), opened, &options);
    assert_eq!(client.subprotocol(), Some("chat.v1"));
    client.sender().unwrap().send_text("hello").unwrap();
    client.turn(&mut buffers, at(0)).read();
    let mut server = WebSocket::server(right, Token(1), Negotiated::new(), &[], &options);
    let (seen, ended) = turn(&mut server, &mut buffers, at(0));
    assert_eq!(seen, [Seen::Text("hello".into())]);
    ended.unwrap();
}
