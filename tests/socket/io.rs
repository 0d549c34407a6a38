//! Blocking handshakes and messages, over pairs of connected sockets.
#![cfg(unix)]

use core::time::Duration;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;

use ws_proto::handshake::{Accept, HandshakeError, HeadError, PlainResponse};
use ws_proto::io::{Error, read_request};
use ws_proto::opening::{AcceptError, Acceptor, ConnectError, Connector, Options};
use ws_proto::{
    CloseCode, CloseReason, Config, Message, Negotiated, ProtocolError, Role, TimedOut, WebSocket,
    WebSocketError,
};
use ws_proto_test::stream::Script;

const REQUEST: &[u8] = b"GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

fn pair() -> (UnixStream, UnixStream) {
    UnixStream::pair().expect("a pair of sockets")
}

fn connector() -> Connector {
    Connector::new("ws://example.com/chat").expect("a valid URL")
}

/// Sends `bytes` as a client that then only listens; all that comes back.
fn answer_to(mut stream: UnixStream, bytes: &[u8]) -> String {
    stream.write_all(bytes).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn client_and_server_exchange_messages_and_close() {
    let (mut ours, mut theirs) = pair();
    let server = thread::spawn(move || {
        let mut server = Acceptor::new().accept(&mut theirs).unwrap();
        while server.exchange(&mut theirs).unwrap() {
            while let Some((message, mut reply)) = server.next_message().unwrap() {
                reply.send(message).unwrap();
            }
        }
        server.connection().close_code()
    });
    let (mut client, _) = connector().connect(&mut ours).unwrap();
    let big = "\u{20ac}".repeat(100_000);
    client.sender().send_text(&big).unwrap();
    let mut echoed = false;
    while client.exchange(&mut ours).unwrap() {
        while let Some((message, mut reply)) = client.next_message().unwrap() {
            // shows: RFC6455-12-01
            assert_eq!(message, Message::Text(&big));
            echoed = true;
            reply
                .close(CloseCode::new(4000).unwrap(), CloseReason::EMPTY)
                .unwrap();
        }
    }
    assert!(echoed);
    // shows: RFC6455-12-01
    assert_eq!(server.join().unwrap(), CloseCode::new(4000));
}

#[test]
fn the_subprotocol_that_the_server_chose_is_reported() {
    let (mut ours, mut theirs) = pair();
    let server = thread::spawn(move || {
        let acceptor = Acceptor::new().subprotocols(&["c", "b"]);
        acceptor.accept(&mut theirs).map(drop)
    });
    let connector = connector().subprotocols(&["a", "b"]);
    let (_, response) = connector.connect(&mut ours).unwrap();
    assert_eq!(
        (response.status(), response.subprotocol()),
        (101, Some("b"))
    );
    server.join().unwrap().unwrap();
}

#[test]
fn a_rejection_reaches_the_client_with_status_headers_and_body() {
    let (mut ours, mut theirs) = pair();
    let server = thread::spawn(move || {
        let incoming = read_request(&mut theirs, Options::new())?;
        let headers: [(&str, &[u8]); 1] = [("WWW-Authenticate", b"Basic")];
        let response = PlainResponse::new(401)
            .headers(&headers)
            .body(b"who are you");
        incoming.respond(&response)
    });
    let Err(ConnectError::Refused(refused)) = connector().connect(&mut ours) else {
        panic!("not refused");
    };
    drop(ours);
    // shows: RFC7118-7-01, RFC6455-4.1-40
    assert_eq!(
        (refused.status(), refused.body()),
        (401, &b"who are you"[..])
    );
    let challenge = refused.headers().get("www-authenticate");
    assert_eq!(challenge, Some(&b"Basic"[..]));
    server.join().unwrap().unwrap();
}

#[test]
fn another_origin_is_refused_by_default() {
    let (ours, mut theirs) = pair();
    let server = thread::spawn(move || Acceptor::new().accept(&mut theirs).map(drop));
    let mut request = REQUEST[..REQUEST.len() - 2].to_vec();
    request.extend_from_slice(b"Origin: http://elsewhere\r\n\r\n");
    assert!(answer_to(ours, &request).starts_with("HTTP/1.1 403 "));
    assert!(is_origin_refused(&server.join().unwrap()));

    #[cfg(feature = "deflate")]
    {
        let (ours, mut theirs) = pair();
        let deflate = ws_proto::extension::deflate::Deflate::new();
        let server = thread::spawn(move || {
            let acceptor = Acceptor::new().deflate(&deflate);
            acceptor.accept(&mut theirs).map(drop)
        });
        assert!(answer_to(ours, &request).starts_with("HTTP/1.1 403 "));
        assert!(is_origin_refused(&server.join().unwrap()));
    }
}

fn is_origin_refused(accepted: &Result<(), AcceptError>) -> bool {
    matches!(
        accepted,
        Err(AcceptError::Head(HeadError::OriginRefused(_)))
    )
}

#[test]
fn a_bad_request_is_answered_and_reported() {
    let (ours, mut theirs) = pair();
    let server = thread::spawn(move || Acceptor::new().accept(&mut theirs).map(drop));
    assert!(answer_to(ours, b"BREW / HTTP/1.1\nHost: h\n\n").starts_with("HTTP/1.1 400 "));
    assert!(matches!(
        server.join().unwrap(),
        Err(AcceptError::Handshake(_))
    ));
}

#[test]
fn a_plain_request_is_refused_unless_it_is_asked_for() {
    let plain = b"GET /page HTTP/1.1\r\nHost: h\r\n\r\n";
    let (ours, mut theirs) = pair();
    let server = thread::spawn(move || Acceptor::new().accept(&mut theirs).map(drop));
    assert!(answer_to(ours, plain).starts_with("HTTP/1.1 426 "));
    let refused = server.join().unwrap();
    assert!(matches!(
        refused,
        Err(AcceptError::Handshake(HandshakeError::UpgradeInvalid))
    ));

    let (ours, mut theirs) = pair();
    let server = thread::spawn(move || {
        let incoming = read_request(&mut theirs, Options::new())?;
        assert!(!incoming.request().is_upgrade());
        assert_eq!(incoming.request().target(), "/page");
        incoming.respond(&PlainResponse::new(200).body(b"a page"))
    });
    let answer = answer_to(ours, plain);
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\na page"),
        "{answer}"
    );
    server.join().unwrap().unwrap();
}

#[test]
fn a_mistake_of_the_server_s_is_answered_with_500() {
    let (ours, mut theirs) = pair();
    let server = thread::spawn(move || {
        let incoming = read_request(&mut theirs, Options::new())?;
        let accept = Accept::new().subprotocol("not-offered");
        incoming.accept(&accept).map(drop)
    });
    assert!(answer_to(ours, REQUEST).starts_with("HTTP/1.1 500 "));
    let failed = server.join().unwrap();
    assert!(
        matches!(
            failed,
            Err(AcceptError::Head(HeadError::SubprotocolNotOffered))
        ),
        "{failed:?}"
    );
}

#[test]
fn frames_right_after_the_handshake_are_not_lost() {
    let (ours, mut theirs) = pair();
    let server = thread::spawn(move || {
        let mut server = Acceptor::new().accept(&mut theirs).unwrap();
        // What came with the request is there without another read.
        let (message, _) = server.next_message().unwrap().expect("a message");
        assert_eq!(message, Message::Text("hi"));
        while server.exchange(&mut theirs).unwrap() {
            assert!(server.next_message().unwrap().is_none());
        }
    });
    let mut bytes = REQUEST.to_vec();
    bytes.extend_from_slice(b"\x81\x82\0\0\0\0hi\x88\x80\0\0\0\0");
    let answer = answer_to(ours, &bytes);
    assert!(answer.starts_with("HTTP/1.1 101 ") && answer.ends_with("\r\n\r\n\u{fffd}\0"));
    server.join().unwrap();
}

#[test]
fn a_handshake_that_takes_too_long_is_answered_with_408() {
    let (mut ours, mut theirs) = pair();
    theirs
        .set_read_timeout(Some(Duration::from_millis(1)))
        .unwrap();
    let server = thread::spawn(move || {
        let options = Options::new().handshake_time(Duration::from_millis(20));
        read_request(&mut theirs, options).map(drop)
    });
    ours.write_all(b"GET / HT").unwrap();
    let mut answer = [0; 13];
    ours.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408 ");
    drop(ours);
    let failed = server.join().unwrap();
    assert!(matches!(
        failed,
        Err(AcceptError::TimedOut(TimedOut::Handshake))
    ));
}

#[test]
fn the_close_frame_of_a_fault_is_flushed() {
    let (ours, mut theirs) = pair();
    let server = thread::spawn(move || {
        let mut server = Acceptor::new().accept(&mut theirs).unwrap();
        let failed = loop {
            if let Err(error) = server.next_message() {
                break error;
            }
            assert!(server.exchange(&mut theirs).unwrap());
        };
        server.flush(&mut theirs).unwrap();
        assert!(
            !server.exchange(&mut theirs).unwrap(),
            "the stream is to be closed"
        );
        failed
    });
    let mut bytes = REQUEST.to_vec();
    bytes.extend_from_slice(b"\x81\x02hi");
    assert!(
        answer_to(ours, &bytes).ends_with("\u{fffd}\u{2}\u{3}\u{fffd}"),
        "Close 1002"
    );
    assert_eq!(
        server.join().unwrap(),
        WebSocketError::Protocol(ProtocolError::MaskMissing)
    );
}

#[test]
fn a_peer_that_leaves_without_a_close_is_an_error() {
    let (ours, mut theirs) = pair();
    let server = thread::spawn(move || {
        let mut server = Acceptor::new().accept(&mut theirs).unwrap();
        server.exchange(&mut theirs)
    });
    answer_to(ours, REQUEST);
    assert!(matches!(server.join().unwrap(), Err(Error::Eof(_))));
}

#[test]
fn a_reset_after_the_closing_handshake_is_its_end_and_before_it_an_error() {
    let reset = || Err(ErrorKind::ConnectionReset);
    let close = vec![0x88, 0x02, 0x03, 0xe8];
    for (reads, clean) in [(vec![Ok(close), reset()], true), (vec![reset()], false)] {
        // One byte at a time is a legal way to write.
        let mut stream = Script::new().then_reads(reads).write_always(1);
        let keys = || [1, 2, 3, 4];
        let mut client = WebSocket::client(Negotiated::new(), Config::new(), keys);
        client
            .sender()
            .close(CloseCode::NORMAL, CloseReason::EMPTY)
            .unwrap();
        let ended = loop {
            match client.exchange(&mut stream) {
                Ok(true) => assert!(client.next_message().unwrap().is_none()),
                ended => break ended,
            }
        };
        match ended {
            Ok(over) => assert!(!over && clean),
            Err(error) => assert!(matches!(error, Error::Io(_)) && !clean, "{error}"),
        }
    }
}

#[test]
fn a_refusal_is_reported_however_its_body_ends() {
    let head = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 10\r\n\r\nabc".to_vec();
    let reset = || Err(ErrorKind::ConnectionReset);
    for end in [Some(reset()), Some(Ok(Vec::new())), None] {
        let mut reads = vec![Ok(head.clone())];
        reads.extend(end);
        let options = Options::new().handshake_time(Duration::from_millis(1));
        let mut stream = Script::new().then_reads(reads).block_at_the_end();
        let keys = || [1, 2, 3, 4];
        let connector = connector().options(options);
        let connected = connector.connect_with(&mut stream, [7; 16], keys);
        let Err(ConnectError::Refused(refused)) = connected else {
            panic!("not refused")
        };
        assert_eq!((refused.status(), refused.body()), (401, &b"abc"[..]));
    }
}

#[test]
fn two_peers_that_write_more_than_the_sockets_hold_do_not_wait_for_each_other() {
    const MESSAGES: usize = 50;
    let message = vec![7; 50_000];
    let (ours, theirs) = pair();
    let keys = || [1, 2, 3, 4];
    let client = WebSocket::client(Negotiated::new(), Config::new(), keys);
    let server = WebSocket::server(Negotiated::new(), Config::new());
    let one = thread::spawn({
        let message = message.clone();
        move || flood(ours, client, &message, MESSAGES)
    });
    flood(theirs, server, &message, MESSAGES);
    one.join().unwrap();
}

/// Sends and receives `count` messages at once.
fn flood<R: Role>(mut stream: UnixStream, mut socket: WebSocket<R>, message: &[u8], count: usize) {
    let turn = Some(Duration::from_millis(5));
    stream.set_read_timeout(turn).unwrap();
    stream.set_write_timeout(turn).unwrap();
    let (mut sent, mut received) = (0, 0);
    while received < count || sent < count || !socket.pending().is_empty() {
        while sent < count && socket.sender().send_binary(message).is_ok() {
            sent += 1;
        }
        let goes_on = socket.exchange(&mut stream);
        if (sent, received) == (count, count) && socket.pending().is_empty() {
            // The other end may have got the last byte and be gone.
            break;
        }
        assert!(goes_on.unwrap());
        while let Some((got, _)) = socket.next_message().unwrap() {
            assert_eq!(got.as_bytes(), message);
            received += 1;
        }
    }
}
