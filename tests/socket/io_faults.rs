//! Blocking I/O over streams that fail, stall and lie.
#![allow(clippy::std_instead_of_alloc, reason = "tests have std")]

use core::error::Error as _;
use core::fmt;
use core::time::Duration;
use std::io::{self, ErrorKind};
use std::thread;

use ws_proto::handshake::{
    ClientRequest, HandshakeError, HeadError, Incoming, Limits, PlainResponse,
};
use ws_proto::io::{Connected, Error, accept_any, connect_with};
use ws_proto::{
    CloseCode, CloseReason, Config, Negotiated, Server, TimedOut, UnexpectedEof, WebSocket,
};
use ws_proto_test::stream::Script;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A stream with these reads.
fn reading(reads: impl IntoIterator<Item = Result<Vec<u8>, ErrorKind>>) -> Script {
    Script::new().then_reads(reads)
}

/// A stream with these writes.
fn writing(writes: impl IntoIterator<Item = Result<usize, ErrorKind>>) -> Script {
    Script::new().then_writes(writes)
}

type Keys = fn() -> [u8; 4];

fn connect(stream: &mut Script, limits: Limits) -> Result<Connected<Keys>, Error> {
    let request = ClientRequest::new("h", "/");
    let keys: Keys = || [0; 4];
    let nonce = *b"the sample nonce";
    connect_with(stream, request, nonce, keys, Config::new(), limits)
}

fn accept(stream: &mut Script) -> Result<WebSocket<Server>, Error> {
    accept_any(
        stream,
        Config::new(),
        Limits::new(),
        |incoming, out| match incoming {
            Incoming::Upgrade(upgrade) => upgrade.accept(&Default::default(), out).map(Some),
            Incoming::Plain(plain) => plain.respond(&PlainResponse::new(99), out).map(|()| None),
        },
    )
}

fn server(config: Config) -> WebSocket<Server> {
    WebSocket::server(Negotiated::new(), config)
}

#[test]
fn interrupted_and_idle_reads_are_waited_out() {
    let (front, back) = ANSWER.split_at(40);
    let mut stream = reading([
        Err(ErrorKind::Interrupted),
        Err(ErrorKind::WouldBlock),
        Ok(front.to_vec()),
        Err(ErrorKind::TimedOut),
        Ok(back.to_vec()),
    ]);
    let connected = connect(&mut stream, Limits::new()).unwrap();
    assert_eq!(connected.subprotocol, None);
    let mut stream = reading([Err(ErrorKind::Interrupted), Ok(REQUEST.to_vec())]);
    assert!(accept(&mut stream).is_ok());
    assert!(stream.written().starts_with(b"HTTP/1.1 101 "));
}

#[test]
fn a_stream_that_ends_inside_a_handshake_is_an_error() {
    let eof = HandshakeError::UnexpectedEof;
    let mut stream = reading([Ok(ANSWER[..40].to_vec())]);
    let ended = connect(&mut stream, Limits::new()).unwrap_err();
    assert!(matches!(ended, Error::Handshake(error) if error == eof));
    let mut stream = reading([Ok(REQUEST[..40].to_vec())]);
    let ended = accept(&mut stream).unwrap_err();
    assert!(matches!(ended, Error::Handshake(error) if error == eof));
}

#[test]
fn a_refusal_that_ends_with_the_stream_is_told_with_its_body() {
    let mut stream = reading([Ok(b"HTTP/1.1 503 Busy\r\n\r\ntry later".to_vec())]);
    let Error::Refused(refused) = connect(&mut stream, Limits::new()).unwrap_err() else {
        panic!("refused")
    };
    assert_eq!(
        (refused.status, &refused.body[..]),
        (503, &b"try later"[..])
    );
    let mut stream = reading([Ok(b"SSH-2.0-x\r\n".to_vec())]);
    let failed = connect(&mut stream, Limits::new()).unwrap_err();
    assert!(matches!(failed, Error::Handshake(HandshakeError::NotHttp)));
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    let mut stream = reading([Err(ErrorKind::WouldBlock)]);
    let limits = Limits::new().time(Duration::ZERO);
    let failed = connect(&mut stream, limits).unwrap_err();
    assert!(matches!(failed, Error::TimedOut(TimedOut::Handshake)));
}

#[test]
fn a_mistake_in_the_answer_to_a_plain_request_still_answers() {
    let mut stream = reading([Ok(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_vec())]);
    let failed = accept(&mut stream).unwrap_err();
    assert!(matches!(failed, Error::Head(HeadError::StatusInvalid)));
    assert!(stream.written().starts_with(b"HTTP/1.1 400 "));
}

#[test]
fn short_and_interrupted_writes_go_on_and_failed_ones_are_errors() {
    let mut socket = server(Config::new());
    socket.sender().send_text("hello").unwrap();
    let mut stream = writing([Err(ErrorKind::Interrupted), Ok(1), Ok(2)]);
    socket.flush(&mut stream).unwrap();
    assert_eq!(stream.written(), b"\x81\x05hello");
    for (failure, kind) in [
        (Ok(0), ErrorKind::WriteZero),
        (Err(ErrorKind::BrokenPipe), ErrorKind::BrokenPipe),
    ] {
        socket.sender().send_text("x").unwrap();
        let mut stream = writing([Ok(2), failure]);
        assert_eq!(socket.flush(&mut stream).unwrap_err().kind(), kind);
        assert_eq!(socket.pending(), b"x", "what was not written waits");
        socket.consume(1);
    }
}

/// A peer that does not read for a while is no error; one that is gone is.
#[test]
fn a_write_that_times_out_goes_on_in_the_next_exchange() {
    for kind in [ErrorKind::WouldBlock, ErrorKind::TimedOut] {
        let mut socket = server(Config::new());
        socket.sender().send_text("hello").unwrap();
        let idle = [Err(ErrorKind::WouldBlock), Err(ErrorKind::WouldBlock)];
        let mut stream = writing([Ok(3), Err(kind)]).then_reads(idle);
        assert!(socket.exchange(&mut stream).unwrap());
        assert_eq!(socket.pending(), b"ello");
        assert!(socket.exchange(&mut stream).unwrap());
        assert_eq!(stream.written(), b"\x81\x05hello");
        socket.sender().send_text("x").unwrap();
        stream.push_write(Err(ErrorKind::BrokenPipe));
        let broken = socket.exchange(&mut stream).unwrap_err();
        assert!(matches!(broken, Error::Io(error) if error.kind() == ErrorKind::BrokenPipe));
    }
}

#[test]
fn an_exchange_without_input_goes_on_and_one_with_an_error_does_not() {
    let mut socket = server(Config::new());
    let mut stream = reading([Err(ErrorKind::WouldBlock), Err(ErrorKind::ConnectionReset)]);
    assert!(socket.exchange(&mut stream).unwrap());
    let reset = socket.exchange(&mut stream).unwrap_err();
    assert!(matches!(reset, Error::Io(error) if error.kind() == ErrorKind::ConnectionReset));
    let ended = socket.exchange(&mut stream).unwrap_err();
    assert!(matches!(ended, Error::Eof(UnexpectedEof)));
    assert!(!socket.exchange(&mut stream).unwrap(), "it is over");
}

#[test]
fn what_waits_to_be_read_comes_before_another_read() {
    let mut socket = server(Config::new());
    let mut stream = reading([Ok(b"\x81\x80\0\0\0\0".to_vec())]);
    assert!(socket.exchange(&mut stream).unwrap());
    assert!(!socket.wants_read());
    assert!(socket.exchange(&mut stream).unwrap(), "no read, no end");
    assert!(socket.next_message().unwrap().is_some());
}

#[test]
fn a_silent_peer_is_pinged_and_then_given_up() {
    let config = Config::new()
        .keepalive(Some(Duration::from_millis(1)))
        .pong_timeout(Duration::from_millis(1));
    let mut socket = server(config);
    let mut stream = reading(vec![Err(ErrorKind::WouldBlock); 3]);
    assert!(socket.exchange(&mut stream).unwrap());
    thread::sleep(Duration::from_millis(10));
    assert!(socket.exchange(&mut stream).unwrap());
    assert_eq!(stream.written(), b"\x89\0", "a Ping");
    thread::sleep(Duration::from_millis(10));
    let failed = socket.exchange(&mut stream).unwrap_err();
    assert!(matches!(failed, Error::TimedOut(TimedOut::Pong)));
    assert_eq!(stream.written(), b"\x89\0", "an abort waits for nothing");
}

#[test]
fn a_reset_behind_the_closing_handshake_is_its_end() {
    let mut stream = reading([Ok(ANSWER.to_vec())]);
    let mut client = connect(&mut stream, Limits::new()).unwrap().websocket;
    let close = client.sender().close(CloseCode::NORMAL, CloseReason::EMPTY);
    close.unwrap();
    stream.push_read(Ok(b"\x88\x02\x03\xe8".to_vec()));
    stream.push_read(Err(ErrorKind::ConnectionReset));
    assert!(client.exchange(&mut stream).unwrap());
    assert!(client.next_message().unwrap().is_none());
    assert!(!client.exchange(&mut stream).unwrap());
}

/// An error of a stream that has a cause.
#[derive(Debug)]
struct Caused(UnexpectedEof);

impl fmt::Display for Caused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("caused")
    }
}

impl core::error::Error for Caused {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn errors_say_what_happened_and_why() {
    let mut stream = reading([Ok(b"HTTP/1.1 418 x\r\n\r\n".to_vec())]);
    let refused = connect(&mut stream, Limits::new()).unwrap_err();
    for (error, text) in [
        (refused, "refused with status 418"),
        (
            Error::NoRandomness,
            "the random source of the operating system failed",
        ),
        (Error::Rejected, "the request was rejected"),
        (
            Error::Handshake(HandshakeError::NotHttp),
            "this is not HTTP",
        ),
        (Error::Head(HeadError::HostInvalid), "invalid host"),
        (
            Error::Eof(UnexpectedEof),
            "the transport ended without a closing handshake",
        ),
        (
            Error::TimedOut(TimedOut::Close),
            "no close frame from the peer in time",
        ),
        (Error::Io(io::Error::other("broken")), "broken"),
    ] {
        assert_eq!(error.to_string(), text);
        assert!(error.source().is_none(), "the text tells it all: {text}");
    }
    let caused = Error::Io(io::Error::other(Caused(UnexpectedEof)));
    assert_eq!(caused.to_string(), "caused");
    let cause = caused.source().expect("a cause of the stream's");
    assert_eq!(cause.to_string(), UnexpectedEof.to_string());
}

#[test]
fn another_error_behind_the_closing_handshake_is_an_error() {
    let mut stream = reading([Ok(ANSWER.to_vec())]);
    let mut client = connect(&mut stream, Limits::new()).unwrap().websocket;
    stream.push_read(Ok(b"\x88\x02\x03\xe8".to_vec()));
    stream.push_read(Err(ErrorKind::BrokenPipe));
    assert!(client.exchange(&mut stream).unwrap());
    assert!(client.next_message().unwrap().is_none());
    let failed = client.exchange(&mut stream).unwrap_err();
    assert!(matches!(failed, Error::Io(error) if error.kind() == ErrorKind::BrokenPipe));
}
