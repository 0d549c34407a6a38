//! Requests that are looked at, accepted and refused; clients that are.

use std::future::Future;

use futures_util::future::join;
use futures_util::{AsyncReadExt, AsyncWriteExt};
use ws_proto_async::server::{accept, read_request};
use ws_proto_async::{
    Accept, AcceptError, Acceptor, ConnectError, Connector, Error, HandshakeError, HeadError,
    Options, OriginPolicy, PlainResponse,
};

use super::pairs::{connect, masked, run, server_and_raw};
use super::{Runtime, quiet};
use ws_proto_test::stream::{End, pipe};

const ASK: &str = "Host: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

/// What a client gets that sends `request` and no more.
fn answer_to<R: Runtime>(request: String) -> (R::Io<End>, impl Future<Output = String>) {
    let (mut raw, server) = pipe(1 << 16);
    let asking = R::spawn(async move {
        raw.write_all(request.as_bytes()).await.unwrap();
        raw.close().await.unwrap();
        let mut answer = String::new();
        raw.read_to_string(&mut answer).await.unwrap();
        answer
    });
    (R::io(server), asking)
}

async fn read_head(raw: &mut End) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        raw.read_exact(&mut byte).await.unwrap();
        head.extend(byte);
    }
    String::from_utf8(head).unwrap()
}

fn anywhere() -> Connector {
    Connector::new("ws://h/").unwrap()
}

pub fn the_request_is_there_to_be_looked_at<R: Runtime>() {
    run::<R>(async {
        let (mut raw, server) = pipe(1 << 16);
        let request = format!(
            "GET /chat?room=1&x=%20 HTTP/1.1\r\n{ASK}Origin: https://example.com\r\n\
        Sec-WebSocket-Protocol: v1, v2\r\nCookie: a=b\r\nCookie: c=d\r\n\r\n"
        );
        raw.write_all(request.as_bytes()).await.unwrap();
        // Frames may follow at once.
        raw.write_all(&masked(0x81, b"early")).await.unwrap();
        let incoming = read_request(R::io(server), Options::new()).await.unwrap();
        let request = incoming.request();
        assert!(request.is_upgrade());
        assert_eq!(request.method(), "GET");
        assert_eq!(request.target(), "/chat?room=1&x=%20");
        assert_eq!(request.path(), "/chat");
        assert_eq!(request.query(), Some("room=1&x=%20"));
        assert_eq!(request.host(), "example.com");
        assert_eq!(request.origin(), Some(&b"https://example.com"[..]));
        assert_eq!(request.headers().get("COOKIE"), Some(&b"a=b"[..]));
        assert_eq!(request.headers().get_all("cookie").count(), 2);
        assert_eq!(request.subprotocols().collect::<Vec<_>>(), ["v1", "v2"]);
        assert_eq!(request.choose_subprotocol(&["v3", "v2", "v1"]), Some("v2"));
        assert!(request.check_origin(&OriginPolicy::same_host()).is_ok());
        let other = OriginPolicy::const_list(&["https://other.example"]);
        assert!(request.check_origin(&other).is_err());

        let accept = Accept::new()
            .subprotocol("v2")
            .headers(&[("Set-Cookie", b"s=1")]);
        let mut socket = incoming.accept(&accept).await.unwrap();
        assert_eq!(socket.subprotocol(), Some("v2"));
        let head = read_head(&mut raw).await;
        assert!(head.starts_with("HTTP/1.1 101 "));
        assert!(head.contains("\r\nSec-WebSocket-Protocol: v2\r\n"));
        assert!(head.contains("\r\nSet-Cookie: s=1\r\n"));
        let early = socket.next().await.unwrap().unwrap();
        assert_eq!(early.as_text(), Some("early"));
    });
}

pub fn a_plain_request_is_served_and_refused<R: Runtime>() {
    run::<R>(async {
        for (method, with_body) in [("GET", true), ("HEAD", false), ("POST", true)] {
            let request = format!("{method} /page HTTP/1.1\r\nHost: h\r\n\r\n");
            let (server, asking) = answer_to::<R>(request.clone());
            let incoming = read_request(server, Options::new()).await.unwrap();
            assert!(!incoming.request().is_upgrade());
            assert_eq!(incoming.request().method(), method);
            let page = PlainResponse::new(200)
                .headers(&[("Content-Type", b"text/html")])
                .body(b"<p>hi");
            incoming.respond(&page).await.unwrap();
            let answer = asking.await;
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"));
            assert_eq!(answer.ends_with("\r\n\r\n<p>hi"), with_body);

            let (server, asking) = answer_to::<R>(request);
            let error = accept(server, Acceptor::new()).await.unwrap_err();
            assert!(matches!(error, AcceptError::Handshake(_)), "{error:?}");
            let answer = asking.await;
            assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
        }
    });
}

pub fn an_answer_that_cannot_be_sent_becomes_a_500<R: Runtime>() {
    run::<R>(async {
        for request in [
            format!("GET / HTTP/1.1\r\n{ASK}\r\n"),
            "GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
        ] {
            let (server, asking) = answer_to::<R>(request);
            let incoming = read_request(server, Options::new()).await.unwrap();
            let error = incoming.respond(&PlainResponse::new(99)).await.unwrap_err();
            assert!(matches!(error, AcceptError::Head(_)), "{error:?}");
            let answer = asking.await;
            assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
        }
    });
}

pub fn requests_that_break_a_rule_get_their_answer<R: Runtime>() {
    run::<R>(async {
        for (request, status, expected) in [
            ("nonsense\r\n\r\n".to_owned(), "400", None),
            (
                format!("POST / HTTP/1.1\r\n{ASK}\r\n"),
                "405",
                Some(HandshakeError::MethodNotGet),
            ),
            (
                format!("GET / HTTP/1.1\r\n{ASK}\r\n").replace("Version: 13", "Version: 8"),
                "426",
                Some(HandshakeError::VersionUnsupported),
            ),
            (
                format!("GET / HTTP/1.1\r\nX: {}\r\n{ASK}\r\n", "x".repeat(20_000)),
                "431",
                Some(HandshakeError::HeadTooLarge),
            ),
        ] {
            let (server, asking) = answer_to::<R>(request);
            let error = accept(server, Acceptor::new()).await.unwrap_err();
            let AcceptError::Handshake(error) = error else {
                panic!("{error:?}");
            };
            if let Some(expected) = expected {
                assert_eq!(error, expected);
            }
            let answer = asking.await;
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status} ")),
                "{answer}"
            );
        }
        let (server, asking) = answer_to::<R>("GET / HT".to_owned());
        let error = accept(server, Acceptor::new()).await.unwrap_err();
        assert!(matches!(
            error,
            AcceptError::Handshake(HandshakeError::UnexpectedEof)
        ));
        assert_eq!(asking.await, "");
    });
}

pub fn an_acceptor_says_what_it_takes<R: Runtime>() {
    run::<R>(async {
        let acceptor = Acceptor::new()
            .path("/chat")
            .subprotocols(&["v2", "v1"])
            .origins(OriginPolicy::const_list(&["https://app.example"]).require_origin(true));
        for (url, origin, expected) in [
            ("ws://h/chat?x", Some("https://app.example"), 101),
            ("ws://h/chat", Some("https://evil.example"), 403),
            ("ws://h/chat", None, 403),
            ("ws://h/chats", Some("https://app.example"), 404),
        ] {
            let (client, server) = pipe(4096);
            let mut connector = Connector::new(url).unwrap().subprotocols(&["v1", "v2"]);
            if let Some(origin) = origin {
                connector = connector.origin(origin);
            }
            let (connected, accepted) = join(
                connect(R::io(client), connector),
                accept(R::io(server), acceptor),
            )
            .await;
            match connected {
                Ok((socket, response)) => {
                    assert_eq!((response.status(), expected), (101, 101));
                    assert_eq!(socket.subprotocol(), Some("v2"));
                    assert_eq!(accepted.unwrap().subprotocol(), Some("v2"));
                }
                Err(ConnectError::Refused(response)) => {
                    assert_eq!(response.status(), expected);
                    let error = accepted.unwrap_err();
                    let status = match error {
                        AcceptError::Refused { status } => status,
                        AcceptError::Head(HeadError::OriginRefused(_)) => 403,
                        error => panic!("{error:?}"),
                    };
                    assert_eq!(status, expected);
                }
                Err(error) => panic!("{error:?}"),
            }
        }
    });
}

pub fn refusals_and_redirects_come_to_the_client_as_they_are<R: Runtime>() {
    run::<R>(async {
        let (client, server) = pipe(4096);
        let serve = async {
            let incoming = read_request(R::io(server), Options::new()).await.unwrap();
            let reply = PlainResponse::new(302)
                .headers(&[("Location", b"wss://other.example/"), ("X-Why", b"moved")])
                .body(b"go there");
            incoming.respond(&reply).await.unwrap();
        };
        let (connected, ()) = join(connect(R::io(client), anywhere()), serve).await;
        let Err(ConnectError::Refused(response)) = connected else {
            panic!("{connected:?}");
        };
        assert_eq!(response.status(), 302);
        let location = response.headers().get("location");
        assert_eq!(location, Some(&b"wss://other.example/"[..]));
        assert_eq!(response.headers().get("x-why"), Some(&b"moved"[..]));
        assert_eq!(response.body(), b"go there");
    });
}

pub fn what_cannot_be_answered_is_a_500_to_the_client<R: Runtime>() {
    run::<R>(async {
        let (client, server) = pipe(4096);
        let serve = async {
            let incoming = read_request(R::io(server), Options::new()).await.unwrap();
            let error = incoming
                .accept(&Accept::new().subprotocol("never offered"))
                .await
                .unwrap_err();
            assert!(matches!(
                error,
                AcceptError::Head(HeadError::SubprotocolNotOffered)
            ));
        };
        let (connected, ()) = join(connect(R::io(client), anywhere()), serve).await;
        assert!(matches!(connected, Err(ConnectError::Refused(r)) if r.status() == 500));
    });
}

pub fn what_cannot_be_asked_is_an_error_and_nothing_is_sent<R: Runtime>() {
    run::<R>(async {
        let (client, mut raw) = pipe(4096);
        let connector = anywhere().headers(&[("X", b"a\r\nEvil: yes")]);
        let error = connect(R::io(client), connector).await.unwrap_err();
        assert!(matches!(
            error,
            ConnectError::Head(HeadError::HeaderValueInvalid)
        ));
        assert_eq!(raw.read(&mut [0; 9]).await.unwrap(), 0);
    });
}

pub fn a_server_that_answers_nonsense_or_leaves<R: Runtime>() {
    run::<R>(async {
        for (answer, expected) in [
            ("SSH-2.0-OpenSSH\r\n", HandshakeError::NotHttp),
            ("HTTP/1.1 101 Yes\r\n", HandshakeError::UnexpectedEof),
            (
                "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
            Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
                HandshakeError::AcceptInvalid,
            ),
        ] {
            let (client, mut raw) = pipe(4096);
            let serve = async {
                read_head(&mut raw).await;
                raw.write_all(answer.as_bytes()).await.unwrap();
                drop(raw);
            };
            let (connected, ()) = join(connect(R::io(client), anywhere()), serve).await;
            let error = connected.unwrap_err();
            assert!(
                matches!(&error, ConnectError::Handshake(error) if *error == expected),
                "{error:?}"
            );
        }
    });
}

pub fn peers_that_end_without_a_close<R: Runtime>() {
    run::<R>(async {
        // The end of the stream without a Close.
        let (mut server, raw) = server_and_raw::<R>(1024, quiet());
        drop(raw);
        assert!(matches!(server.next().await, Some(Err(Error::Eof(_)))));
        assert!(server.next().await.is_none());

        // In the middle of a message: it is lost, those before are not.
        let (mut server, mut raw) = server_and_raw::<R>(1024, quiet());
        raw.write_all(&masked(0x81, b"whole")).await.unwrap();
        raw.write_all(&masked(0x01, b"half a")).await.unwrap();
        drop(raw);
        assert!(server.next().await.unwrap().is_ok());
        assert!(matches!(server.next().await, Some(Err(Error::Eof(_)))));
    });
}
