//! Blocking I/O over streams that fail, stall and lie.
#![allow(clippy::std_instead_of_alloc, reason = "tests have std")]

use core::fmt;
use core::time::Duration;
use std::io::{self, ErrorKind, Read, Write};
use std::thread;

use ws_proto::handshake::{Accept, HandshakeError, HeadError, PlainResponse};
use ws_proto::io::{Error, read_request};
use ws_proto::opening::{
    AcceptError, ConnectError, ConnectTimeout, Connector, Options, Response, Stage,
};
use ws_proto::{Client, Config, Negotiated, Server, TimedOut, UnexpectedEof, WebSocket};
use ws_proto_test::stream::{Boasting, Script};

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

type Connected = (WebSocket<Client<Keys>>, Response);

fn connect(stream: &mut Script, options: Options) -> Result<Connected, ConnectError> {
    let connector = Connector::new("ws://h/")?.options(options);
    let keys: Keys = || [0; 4];
    connector.connect_with(stream, *b"the sample nonce", keys)
}

/// Accepts an upgrade; answers a plain request with a status that is none.
fn accept(stream: &mut Script) -> Result<Option<WebSocket<Server>>, AcceptError> {
    let incoming = read_request(stream, Options::new())?;
    if incoming.request().is_upgrade() {
        incoming.accept(&Accept::new()).map(Some)
    } else {
        incoming.respond(&PlainResponse::new(99)).map(|()| None)
    }
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
    let (_, response) = connect(&mut stream, Options::new()).unwrap();
    assert_eq!(response.subprotocol(), None);
    let mut stream = reading([Err(ErrorKind::Interrupted), Ok(REQUEST.to_vec())]);
    assert!(accept(&mut stream).is_ok());
    assert!(stream.written().starts_with(b"HTTP/1.1 101 "));
}

#[test]
fn a_stream_that_ends_inside_a_handshake_is_an_error() {
    let eof = HandshakeError::UnexpectedEof;
    let mut stream = reading([Ok(ANSWER[..40].to_vec())]);
    let ended = connect(&mut stream, Options::new()).unwrap_err();
    assert!(matches!(ended, ConnectError::Handshake(error) if error == eof));
    let mut stream = reading([Ok(REQUEST[..40].to_vec())]);
    let ended = accept(&mut stream).unwrap_err();
    assert!(matches!(ended, AcceptError::Handshake(error) if error == eof));
}

#[test]
fn a_refusal_that_ends_with_the_stream_is_reported_with_its_body() {
    let mut stream = reading([Ok(b"HTTP/1.1 503 Busy\r\n\r\ntry later".to_vec())]);
    let ConnectError::Refused(refused) = connect(&mut stream, Options::new()).unwrap_err() else {
        panic!("refused")
    };
    assert_eq!((refused.status(), refused.body()), (503, &b"try later"[..]));
    let mut stream = reading([Ok(b"SSH-2.0-x\r\n".to_vec())]);
    let failed = connect(&mut stream, Options::new()).unwrap_err();
    assert!(matches!(
        failed,
        ConnectError::Handshake(HandshakeError::NotHttp)
    ));
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    let mut stream = reading([Err(ErrorKind::WouldBlock)]);
    let options = Options::new().handshake_time(Duration::ZERO);
    let failed = connect(&mut stream, options).unwrap_err();
    assert!(matches!(
        failed,
        ConnectError::TimedOut(late) if late.stage() == Stage::Handshake
    ));
}

#[test]
fn a_mistake_in_the_answer_to_a_plain_request_still_answers() {
    let mut stream = reading([Ok(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_vec())]);
    let failed = accept(&mut stream).unwrap_err();
    assert!(matches!(
        failed,
        AcceptError::Head(HeadError::StatusInvalid)
    ));
    assert!(stream.written().starts_with(b"HTTP/1.1 500 "));
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

/// A stream whose flushes are interrupted at first.
struct Interrupting {
    inner: Script,
    flushes_left: usize,
}

impl Read for Interrupting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer)
    }
}

impl Write for Interrupting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.flushes_left == 0 {
            return Ok(());
        }
        self.flushes_left -= 1;
        Err(ErrorKind::Interrupted.into())
    }
}

#[test]
fn interrupted_flushes_go_on() {
    let mut stream = Interrupting {
        inner: reading([Ok(REQUEST.to_vec())]),
        flushes_left: 2,
    };
    let incoming = read_request(&mut stream, Options::new()).unwrap();
    let mut socket = incoming.accept(&Accept::new()).unwrap();
    stream.flushes_left = 2;
    socket.sender().send_text("hello").unwrap();
    socket.flush(&mut stream).unwrap();
    stream.flushes_left = 2;
    let message = ws_proto::Message::Text("again");
    let sender = socket.sender();
    let sending = sender.send_vectored(message).unwrap();
    sending.write_to(&mut stream).unwrap();
    assert!(stream.inner.written().ends_with(b"\x81\x05again"));
    assert_eq!(stream.flushes_left, 0);
}

#[test]
fn a_stream_that_counts_wrongly_fails() {
    let failed = read_request(&mut Boasting, Options::new()).unwrap_err();
    assert!(matches!(failed, AcceptError::Io(error) if error.kind() == ErrorKind::InvalidData));
    let failed = server(Config::new()).exchange(&mut Boasting).unwrap_err();
    assert!(matches!(failed, Error::Io(error) if error.kind() == ErrorKind::InvalidData));
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
    // The failure stays.
    let again = socket.exchange(&mut stream).unwrap_err();
    assert!(matches!(again, Error::Io(error) if error.kind() == ErrorKind::ConnectionReset));
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
        .keepalive(Some(Duration::from_millis(500)))
        .pong_timeout(Duration::from_millis(500));
    let mut socket = server(config);
    let mut stream = reading(vec![Err(ErrorKind::WouldBlock); 3]);
    assert!(socket.exchange(&mut stream).unwrap());
    thread::sleep(Duration::from_millis(600));
    assert!(socket.exchange(&mut stream).unwrap());
    assert_eq!(stream.written(), b"\x89\0", "a Ping");
    thread::sleep(Duration::from_millis(600));
    let failed = socket.exchange(&mut stream).unwrap_err();
    assert!(matches!(failed, Error::TimedOut(TimedOut::Pong)));
    assert_eq!(stream.written(), b"\x89\0\x88\x02\x03\xf3", "Close 1011");
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
    let refused = connect(&mut stream, Options::new()).unwrap_err();
    let uri = Connector::new("http://h/").unwrap_err();
    let errors: [(Box<dyn core::error::Error>, &str); 15] = [
        (refused.into(), "refused with status 418"),
        (
            ConnectError::NoRandomness.into(),
            "the random source of the operating system failed",
        ),
        (
            ConnectError::Handshake(HandshakeError::NotHttp).into(),
            "expected HTTP/1.1: the first bytes are something else",
        ),
        (
            ConnectError::Head(HeadError::HostInvalid).into(),
            "invalid host",
        ),
        (
            ConnectError::Io(io::Error::other("broken")).into(),
            "broken",
        ),
        (
            ConnectError::TimedOut(ConnectTimeout::new(
                Stage::Handshake,
                Duration::from_secs(10),
            ))
            .into(),
            "the handshake was not finished in time (10s)",
        ),
        (
            ConnectError::TlsNeeded.into(),
            "a wss URL needs TLS: the feature `rustls-platform-verifier` or `rustls-webpki-roots` of \
             ws-proto-tokio or ws-proto-smol, or a TLS stream that is given",
        ),
        (ConnectError::Uri(uri).into(), &uri.to_string()),
        (
            AcceptError::Refused { status: 404 }.into(),
            "refused with status 404",
        ),
        (
            AcceptError::Handshake(HandshakeError::NotHttp).into(),
            "expected HTTP/1.1: the first bytes are something else",
        ),
        (
            AcceptError::Head(HeadError::HostInvalid).into(),
            "invalid host",
        ),
        (AcceptError::Io(io::Error::other("broken")).into(), "broken"),
        (
            Error::Eof(UnexpectedEof).into(),
            "the transport ended without a closing handshake",
        ),
        (
            Error::TimedOut(TimedOut::Close).into(),
            "no close frame from the peer in time",
        ),
        (Error::Io(io::Error::other("broken")).into(), "broken"),
    ];
    for (error, text) in errors {
        assert_eq!(error.to_string(), text);
        assert!(error.source().is_none(), "the text says it all: {text}");
    }
    let caused = || io::Error::other(Caused(UnexpectedEof));
    let errors: [Box<dyn core::error::Error>; 3] = [
        Error::Io(caused()).into(),
        ConnectError::Io(caused()).into(),
        AcceptError::Io(caused()).into(),
    ];
    for error in errors {
        assert_eq!(error.to_string(), "caused");
        let cause = error.source().expect("a cause of the stream's");
        assert_eq!(cause.to_string(), UnexpectedEof.to_string());
    }
}
