//! Requests that are looked at, accepted and refused; clients that are.

use crate::common::{read_head, run, spawn};
use futures_util::{AsyncReadExt, AsyncWriteExt, join};
use smol::Task;
use smol::net::unix::UnixStream;
use smol::net::{TcpListener, TcpStream};
use ws_proto_smol::{
    Accept, AcceptError, Acceptor, CloseCode, ConnectError, Connector, HandshakeError, HeadError,
    Options, OriginPolicy, PlainResponse, UriError, accept, accept_with, connect, connect_over,
    read_request,
};
use ws_proto_test::stream::{End, pipe};

const ASK: &str = "Host: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

/// What a client gets that sends `request` and no more.
async fn answer_to(request: String) -> (End, Task<String>) {
    let (mut raw, server) = pipe(1 << 16);
    let asking = spawn(async move {
        raw.write_all(request.as_bytes()).await.unwrap();
        raw.close().await.unwrap();
        let mut answer = String::new();
        raw.read_to_string(&mut answer).await.unwrap();
        answer
    });
    (server, asking)
}

#[test]
fn the_request_is_there_to_be_looked_at() {
    run(async {
        let (mut raw, server) = pipe(1 << 16);
        let request = format!(
            "GET /chat?room=1&x=%20 HTTP/1.1\r\n{ASK}Origin: https://example.com\r\n\
        Sec-WebSocket-Protocol: v1, v2\r\nCookie: a=b\r\nCookie: c=d\r\n\r\n"
        );
        raw.write_all(request.as_bytes()).await.unwrap();
        // Frames may follow at once.
        raw.write_all(&crate::common::masked(0x81, b"early"))
            .await
            .unwrap();
        let incoming = read_request(server, Options::new()).await.unwrap();
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

#[test]
fn a_plain_request_is_served_and_refused() {
    run(async {
        for (method, with_body) in [("GET", true), ("HEAD", false), ("POST", true)] {
            let request = format!("{method} /page HTTP/1.1\r\nHost: h\r\n\r\n");
            let (server, asking) = answer_to(request.clone()).await;
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

            let (server, asking) = answer_to(request).await;
            let error = accept(server).await.unwrap_err();
            assert!(matches!(error, AcceptError::Handshake(_)), "{error:?}");
            let answer = asking.await;
            assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
        }
    });
}

#[test]
fn an_answer_that_cannot_be_sent_becomes_a_500() {
    run(async {
        for request in [
            format!("GET / HTTP/1.1\r\n{ASK}\r\n"),
            "GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
        ] {
            let (server, asking) = answer_to(request).await;
            let incoming = read_request(server, Options::new()).await.unwrap();
            let error = incoming.respond(&PlainResponse::new(99)).await.unwrap_err();
            assert!(matches!(error, AcceptError::Head(_)), "{error:?}");
            let answer = asking.await;
            assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
        }
    });
}

#[test]
fn requests_that_break_a_rule_get_their_answer() {
    run(async {
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
            let (server, asking) = answer_to(request).await;
            let error = accept(server).await.unwrap_err();
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
        let (server, asking) = answer_to("GET / HT".to_owned()).await;
        let error = accept(server).await.unwrap_err();
        assert!(matches!(
            error,
            AcceptError::Handshake(HandshakeError::UnexpectedEof)
        ));
        assert_eq!(asking.await, "");
    });
}

#[test]
fn an_acceptor_says_what_it_takes() {
    run(async {
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
            let (connected, accepted) = join!(
                connect_over(client, connector),
                accept_with(server, acceptor)
            );
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

#[test]
fn refusals_and_redirects_come_to_the_client_as_they_are() {
    run(async {
        let (client, server) = pipe(4096);
        let serve = async {
            let incoming = read_request(server, Options::new()).await.unwrap();
            let reply = PlainResponse::new(302)
                .headers(&[("Location", b"wss://other.example/"), ("X-Why", b"moved")])
                .body(b"go there");
            incoming.respond(&reply).await.unwrap();
        };
        let (connected, ()) = join!(connect_over(client, "ws://h/"), serve);
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

#[test]
fn what_cannot_be_answered_is_a_500_to_the_client() {
    run(async {
        let (client, server) = pipe(4096);
        let serve = async {
            let incoming = read_request(server, Options::new()).await.unwrap();
            let error = incoming
                .accept(&Accept::new().subprotocol("never offered"))
                .await
                .unwrap_err();
            assert!(matches!(
                error,
                AcceptError::Head(HeadError::SubprotocolNotOffered)
            ));
        };
        let (connected, ()) = join!(connect_over(client, "ws://h/"), serve);
        assert!(matches!(connected, Err(ConnectError::Refused(r)) if r.status() == 500));
    });
}

#[test]
fn what_cannot_be_asked_is_an_error_and_nothing_is_sent() {
    run(async {
        let (client, mut raw) = pipe(4096);
        let connector = Connector::new("ws://h/")
            .unwrap()
            .headers(&[("X", b"a\r\nEvil: yes")]);
        let error = connect_over(client, connector).await.unwrap_err();
        assert!(matches!(
            error,
            ConnectError::Head(HeadError::HeaderValueInvalid)
        ));
        assert_eq!(raw.read(&mut [0; 9]).await.unwrap(), 0);
        let error = connect("http://h/").await.unwrap_err();
        assert!(matches!(error, ConnectError::Uri(UriError::Scheme)));
    });
}

#[test]
fn a_server_that_answers_nonsense_or_leaves() {
    run(async {
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
            let (connected, ()) = join!(connect_over(client, "ws://h/"), serve);
            let error = connected.unwrap_err();
            assert!(
                matches!(&error, ConnectError::Handshake(error) if *error == expected),
                "{error:?}"
            );
        }
    });
}

#[test]
fn over_tcp_and_unix_sockets() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let serve = spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut socket = accept(stream).await.unwrap();
            let _: &TcpStream = socket.get_ref();
            while let Some(message) = socket.next().await {
                socket.send(message.unwrap()).await.unwrap();
            }
        });
        let (mut client, response) = connect(&url).await.unwrap();
        assert_eq!(response.status(), 101);
        assert!(client.get_ref().tcp().unwrap().nodelay().unwrap());
        let big = vec![5_u8; 3 << 20];
        client.send(big.clone()).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap().as_bytes(), big);
        client.close(CloseCode::NORMAL, "").await.unwrap();
        serve.await;

        let (client, server) = UnixStream::pair().unwrap();
        let (client, server) = join!(connect_over(client, "ws://h/"), accept(server));
        let (mut client, _) = client.unwrap();
        let mut server = server.unwrap();
        client.send("over a Unix socket").await.unwrap();
        assert!(server.next().await.unwrap().is_ok());
    });
}

/// The peer is gone, in every way that a stream knows.
#[test]
fn peers_that_vanish() {
    run(async {
        use ws_proto_smol::Error;

        // The end of the stream without a Close.
        let (mut server, raw) = crate::common::server_and_raw(1024, crate::common::quiet()).await;
        drop(raw);
        assert!(matches!(server.next().await, Some(Err(Error::Eof(_)))));
        assert!(server.next().await.is_none());

        // A reset.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let serve = spawn(async move { accept(listener.accept().await.unwrap().0).await });
        let (client, _) = connect(&url).await.unwrap();
        let mut server = serve.await.unwrap();
        server.send("never read").await.unwrap();
        client
            .get_ref()
            .tcp()
            .unwrap()
            .peek(&mut [0])
            .await
            .unwrap();
        drop(client); // with something unread: a reset
        match server.next().await {
            Some(Err(Error::Io(error))) => {
                assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
                assert!(error.raw_os_error().is_some());
            }
            Some(Err(Error::Eof(_))) => {}
            other => panic!("{other:?}"),
        }
        assert!(server.send("late").await.is_err());

        // In the middle of a message: it is lost, those before are not.
        let (mut server, mut raw) =
            crate::common::server_and_raw(1024, crate::common::quiet()).await;
        raw.write_all(&crate::common::masked(0x81, b"whole"))
            .await
            .unwrap();
        raw.write_all(&crate::common::masked(0x01, b"half a"))
            .await
            .unwrap();
        drop(raw);
        assert!(server.next().await.unwrap().is_ok());
        assert!(matches!(server.next().await, Some(Err(Error::Eof(_)))));
    });
}
