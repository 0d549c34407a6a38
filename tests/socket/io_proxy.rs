//! A tunnel through a proxy over a blocking stream.
#![allow(clippy::std_instead_of_alloc, reason = "tests have std")]

use core::time::Duration;
use std::io::{ErrorKind, IoSlice, Read, Write};

use ws_proto::handshake::HandshakeError;
use ws_proto::io::Tunnel;
use ws_proto::opening::{ConnectError, Connector, Options, Proxy, ProxyError, Stage};
use ws_proto_test::stream::Script;

const CONNECTED: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
const REFUSED: &[u8] = b"HTTP/1.1 407 x\r\nContent-Length: 2\r\n\r\nno";
const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const ASKED: &[u8] = b"CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n";

fn connector() -> Connector {
    Connector::new("ws://h/").expect("a valid URL")
}

fn tunnel(script: Script) -> Result<Tunnel<Script>, ConnectError> {
    let proxy = Proxy::new("http://proxy.example").expect("a valid URL");
    let options = Options::new().handshake_time(Duration::from_millis(300));
    proxy.connect(&connector().options(options), script)
}

#[test]
fn a_connection_is_made_through_a_tunnel_at_every_cut() {
    let wire = [CONNECTED, ANSWER, b"\x81\x02hi"].concat();
    for cut in 1..wire.len() {
        let (front, back) = wire.split_at(cut);
        let script = Script::new()
            .then_read(front)
            .then_read(back)
            .write_always(7);
        let mut tunnel = tunnel(script.block_at_the_end()).unwrap();
        assert_eq!(tunnel.response().status(), 200);
        assert_eq!(tunnel.get_ref().written(), ASKED);
        let keys = || [0; 4];
        let connected = connector().connect_with(&mut tunnel, *b"the sample nonce", keys);
        let (mut client, _) = connected.unwrap();
        let mut received = None;
        while received.is_none() {
            match client.next_message().unwrap() {
                Some((message, _)) => received = Some(message.into_owned()),
                None => assert!(client.exchange(&mut tunnel).unwrap()),
            }
        }
        assert_eq!(received, Some("hi".into()), "cut at {cut}");
        assert!(
            tunnel
                .get_ref()
                .written()
                .starts_with(&[ASKED, b"GET / "].concat())
        );
    }
}

#[test]
fn what_came_after_the_answer_is_read_first() {
    let early = [CONNECTED, b"early"].concat();
    let script = || Script::new().then_read(early.clone()).then_read("later");
    let mut whole = Vec::new();
    tunnel(script()).unwrap().read_to_end(&mut whole).unwrap();
    assert_eq!(whole, b"earlylater");

    let mut tunnel = tunnel(script()).unwrap();
    let mut two = [0; 2];
    assert_eq!(tunnel.read(&mut two).unwrap(), 2);
    assert_eq!(&two, b"ea");
    tunnel.write_all(b"x").unwrap();
    assert_eq!(
        tunnel
            .write_vectored(&[IoSlice::new(b"y"), IoSlice::new(b"z")])
            .unwrap(),
        2
    );
    tunnel.flush().unwrap();
    let text = format!("{tunnel:?}");
    assert!(
        text.starts_with("Tunnel") && !text.contains("early"),
        "{text}"
    );
    let (mut stream, left) = tunnel.into_parts();
    assert_eq!(left, b"rly");
    assert!(stream.written().ends_with(b"xyz"));
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"later");
}

#[test]
fn a_refusal_says_more_than_a_failed_write() {
    let refused = |script: Script| match tunnel(script) {
        Err(ConnectError::Proxy(ProxyError::Refused(response))) => response.body().to_vec(),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(Script::new().then_read(REFUSED)), b"no");
    let script = Script::new().then_write_error(ErrorKind::BrokenPipe);
    assert_eq!(refused(script.then_read(REFUSED)), b"no");
    let cut = &REFUSED[..REFUSED.len() - 1];
    let script = Script::new()
        .then_read(cut)
        .then_read_error(ErrorKind::ConnectionReset);
    assert_eq!(refused(script), b"n");
}

#[test]
fn a_stream_that_fails_is_the_proxys() {
    let kind = |script: Script| match tunnel(script) {
        Err(ConnectError::Proxy(ProxyError::Io(error))) => error.kind(),
        other => panic!("{other:?}"),
    };
    let script = Script::new().then_write_error(ErrorKind::BrokenPipe);
    assert_eq!(kind(script), ErrorKind::BrokenPipe);
    let script = Script::new().then_write_error(ErrorKind::BrokenPipe);
    assert_eq!(kind(script.then_read(CONNECTED)), ErrorKind::BrokenPipe);
    let script = Script::new().then_read_error(ErrorKind::ConnectionReset);
    assert_eq!(kind(script), ErrorKind::ConnectionReset);
    assert!(matches!(
        tunnel(Script::new().then_read(&CONNECTED[..9])),
        Err(ConnectError::Proxy(ProxyError::Handshake(
            HandshakeError::UnexpectedEof
        )))
    ));
    assert!(matches!(
        tunnel(Script::new().block_at_the_end()),
        Err(ConnectError::Proxy(ProxyError::TimedOut(late))) if late.stage() == Stage::Proxy
    ));
}
