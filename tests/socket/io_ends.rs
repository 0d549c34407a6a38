//! How a connection over a blocking stream goes on after a failure, and how it ends.

use core::time::Duration;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use ws_proto::io::{Error, read_request};
use ws_proto::opening::{AcceptError, Acceptor, ConnectError, Connector, Options, Stage};
use ws_proto::{
    Client, CloseCode, CloseReason, Config, Message, Negotiated, ProtocolError, Server, TimedOut,
    WebSocket, WebSocketError,
};
use ws_proto_test::stream::{Script, pipe};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

type Keys = fn() -> [u8; 4];

fn keys() -> [u8; 4] {
    [0; 4]
}

fn client(config: Config) -> WebSocket<Client<Keys>> {
    WebSocket::client(Negotiated::new(), config, keys as Keys)
}

fn server(config: Config) -> WebSocket<Server> {
    WebSocket::server(Negotiated::new(), config)
}

fn connector() -> Connector {
    Connector::new("ws://h/").expect("a valid URL")
}

/// Connects over a script with the nonce of [`ANSWER`]; the error if there is one.
fn connect(stream: &mut Script, options: Options) -> Result<(), ConnectError> {
    let connector = connector().options(options);
    let connected = connector.connect_with(stream, *b"the sample nonce", keys);
    connected.map(drop)
}

fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (theirs, _) = listener.accept().unwrap();
    (ours, theirs)
}

fn within(millis: u64) -> Options {
    Options::new().handshake_time(Duration::from_millis(millis))
}

/// Received bytes win over expired timers.
#[test]
fn a_pong_that_lies_in_the_stream_counts_however_late_it_is_read() {
    let time = Duration::from_millis(100);
    let config = Config::new().keepalive(Some(time)).pong_timeout(time);
    let mut client = client(config);
    let mut stream = Script::new().block_at_the_end();
    assert!(client.exchange(&mut stream).unwrap());
    thread::sleep(Duration::from_millis(120));
    assert!(client.exchange(&mut stream).unwrap());
    assert!(client.exchange(&mut stream).unwrap());
    assert_eq!(stream.written(), b"\x89\x80\0\0\0\0", "a Ping");
    thread::sleep(Duration::from_millis(150));
    stream.push_read(Ok(b"\x8a\0".to_vec()));
    stream.push_read(Ok(b"\x81\x02hi".to_vec()));
    assert!(client.exchange(&mut stream).unwrap());
    assert!(client.next_message().unwrap().is_none());
    assert!(client.exchange(&mut stream).unwrap());
    let (message, _) = client.next_message().unwrap().expect("a message");
    assert_eq!(message, Message::Text("hi"));
}

/// The same for the peer's Close, after other bytes.
#[test]
fn a_close_that_lies_in_the_stream_counts_however_late_it_is_read() {
    let mut client = client(Config::new().close_timeout(Duration::from_millis(20)));
    let mut stream = Script::new();
    let close = client.sender().close(CloseCode::NORMAL, CloseReason::EMPTY);
    close.unwrap();
    stream.push_read(Ok(b"\x81\x02hi".to_vec()));
    stream.push_read(Ok(b"\x81\x02ho".to_vec()));
    stream.push_read(Ok(b"\x88\x02\x03\xe8".to_vec()));
    let mut messages = 0;
    while client.exchange(&mut stream).unwrap() {
        while client.next_message().unwrap().is_some() {
            messages += 1;
            // The program is slow.
            thread::sleep(Duration::from_millis(30));
        }
    }
    assert_eq!(messages, 2);
    assert_eq!(client.connection().close_code(), Some(CloseCode::NORMAL));
}

/// A peer that always sends something holds up no timer.
#[test]
fn time_is_looked_at_while_the_stream_is_never_idle() {
    let mut client = client(Config::new().close_timeout(Duration::from_millis(20)));
    let close = client.sender().close(CloseCode::NORMAL, CloseReason::EMPTY);
    close.unwrap();
    let mut stream = Script::new().then_reads(vec![Ok(b"\x81\x02hi".to_vec()); 1000]);
    let failed = loop {
        match client.exchange(&mut stream) {
            Ok(over) => assert!(over),
            Err(error) => break error,
        }
        while client.next_message().unwrap().is_some() {}
        thread::sleep(Duration::from_millis(2));
    };
    assert!(
        matches!(failed, Error::TimedOut(TimedOut::Close)),
        "{failed}"
    );
}

/// After a fault a stream that can be half-closed should be: the peer then ends its side at once.
#[test]
fn a_fault_is_explained_before_the_stream_is_closed() {
    let (mut ours, mut theirs) = tcp();
    let server = thread::spawn(move || {
        let mut server = Acceptor::new().accept(&mut theirs).unwrap();
        let fault = loop {
            assert!(server.exchange(&mut theirs).unwrap());
            if let Err(fault) = server.next_message() {
                break fault;
            }
        };
        server.flush(&mut theirs).unwrap();
        assert!(server.wants_half_close());
        theirs.shutdown(std::net::Shutdown::Write).unwrap();
        server.half_closed();
        // What the client still sends is read, so that the stream is not reset.
        while server.exchange(&mut theirs).unwrap() {}
        fault
    });
    ours.write_all(REQUEST).unwrap();
    ours.write_all(b"\x81\x02hi").unwrap();
    for _ in 0..10 {
        thread::sleep(Duration::from_millis(2));
        ours.write_all(&[7; 10_000]).unwrap();
    }
    let mut answer = Vec::new();
    ours.read_to_end(&mut answer).unwrap();
    assert!(answer.ends_with(b"\r\n\r\n\x88\x02\x03\xea"), "Close 1002");
    drop(ours);
    assert_eq!(
        server.join().unwrap(),
        WebSocketError::Protocol(ProtocolError::MaskMissing)
    );
}

/// The Ping is written when it is due: only then has the peer all its time to answer.
#[test]
fn a_ping_that_is_due_is_written_in_the_same_turn() {
    let config = Config::new()
        .keepalive(Some(Duration::from_millis(1)))
        .pong_timeout(Duration::from_secs(1));
    let mut server = server(config);
    let mut stream = Script::new().block_at_the_end();
    assert!(server.exchange(&mut stream).unwrap());
    thread::sleep(Duration::from_millis(10));
    assert!(server.exchange(&mut stream).unwrap());
    assert_eq!(stream.written(), b"\x89\0");
}

/// A failed write ends writing only: the peer's Close says why it does not read.
#[test]
fn the_close_of_a_peer_that_has_gone_is_read_after_failed_writes() {
    let (mut ours, mut theirs) = tcp();
    let server = thread::spawn(move || {
        let mut server = Acceptor::new().accept(&mut theirs).unwrap();
        let reason = CloseReason::new("bad token").unwrap();
        let code = CloseCode::POLICY_VIOLATION;
        server.sender().close(code, reason).unwrap();
        server.flush(&mut theirs).unwrap();
    });
    let (mut client, _) = connector().connect(&mut ours).unwrap();
    server.join().unwrap();
    for _ in 0..3 {
        client.sender().send_text("hello").unwrap();
        // The first one causes a reset, so that the others fail.
        let _ = client.flush(&mut ours);
        thread::sleep(Duration::from_millis(20));
    }
    while client.exchange(&mut ours).unwrap() {
        assert!(client.next_message().unwrap().is_none());
    }
    let connection = client.connection();
    assert_eq!(connection.close_code(), Some(CloseCode::POLICY_VIOLATION));
    assert_eq!(connection.close_reason(), "bad token");
}

/// Messages that were sent before the peer's Close come too.
#[test]
fn messages_are_read_after_a_failed_write() {
    let mut client = client(Config::new());
    let mut stream = Script::new()
        .then_write_error(ErrorKind::BrokenPipe)
        .then_read(*b"\x81\x02hi")
        .then_read(*b"\x88\x02\x03\xf0");
    client.sender().send_text("lost").unwrap();
    let mut messages = 0;
    while client.exchange(&mut stream).unwrap() {
        while let Some((message, _)) = client.next_message().unwrap() {
            assert_eq!(message, Message::Text("hi"));
            messages += 1;
        }
    }
    assert_eq!(messages, 1);
    let code = client.connection().close_code();
    assert_eq!(code, Some(CloseCode::POLICY_VIOLATION));
}

/// Without a Close the failed write is the reason.
#[test]
fn a_failed_write_is_reported_once_nothing_more_comes() {
    let mut client = client(Config::new());
    let mut stream = Script::new()
        .then_write_error(ErrorKind::BrokenPipe)
        .then_read(*b"\x81\x02hi");
    client.sender().send_text("lost").unwrap();
    assert!(client.exchange(&mut stream).unwrap());
    assert!(client.next_message().unwrap().is_some());
    assert!(client.next_message().unwrap().is_none());
    for _ in 0..2 {
        let failed = client.exchange(&mut stream).unwrap_err();
        assert!(
            matches!(failed, Error::Io(error) if error.kind() == ErrorKind::BrokenPipe),
            "the failure stays"
        );
    }
}

/// What a stream says at its end: rustls without close_notify, a reset, and so on.
const ENDS: [ErrorKind; 5] = [
    ErrorKind::UnexpectedEof,
    ErrorKind::ConnectionReset,
    ErrorKind::ConnectionAborted,
    ErrorKind::BrokenPipe,
    ErrorKind::NotConnected,
];

#[test]
fn after_both_closes_every_error_of_a_read_is_the_end() {
    for kind in ENDS {
        let mut stream = Script::new()
            .then_read(*b"\x88\x02\x03\xe8")
            .then_read_error(kind);
        let mut client = client(Config::new());
        assert!(client.exchange(&mut stream).unwrap());
        assert!(client.next_message().unwrap().is_none());
        for _ in 0..2 {
            assert!(!client.exchange(&mut stream).unwrap(), "{kind}");
        }
        assert_eq!(stream.written(), b"\x88\x82\0\0\0\0\x03\xe8", "the echo");
        assert_eq!(client.connection().close_code(), Some(CloseCode::NORMAL));
    }
}

#[test]
fn before_the_peer_s_close_every_error_of_a_read_is_an_error() {
    for kind in ENDS {
        let mut stream = Script::new().then_read_error(kind);
        let mut client = client(Config::new());
        let close = client.sender().close(CloseCode::NORMAL, CloseReason::EMPTY);
        close.unwrap();
        for _ in 0..2 {
            let failed = client.exchange(&mut stream).unwrap_err();
            assert!(matches!(failed, Error::Io(error) if error.kind() == kind));
        }
    }
}

/// The echo of the peer's Close may fail: the peer has gone, and has closed in order.
#[test]
fn an_echo_of_a_close_that_cannot_be_written_is_the_end() {
    for kind in ENDS {
        let mut stream = Script::new()
            .then_read(*b"\x88\x02\x03\xe8")
            .then_write_error(kind);
        let mut client = client(Config::new());
        assert!(client.exchange(&mut stream).unwrap());
        assert!(client.next_message().unwrap().is_none());
        let ended = loop {
            match client.exchange(&mut stream) {
                Ok(true) => {}
                ended => break ended,
            }
        };
        assert!(!ended.unwrap(), "{kind}");
    }
}

/// The stream takes `at` bytes, then blocks once, then takes all.
fn blocked_at(at: usize, kind: ErrorKind) -> Script {
    let script = if at > 0 {
        Script::new().then_write(at)
    } else {
        Script::new()
    };
    script.then_write_error(kind)
}

#[test]
fn a_client_s_handshake_goes_on_after_a_write_that_blocks() {
    let mut whole = Script::new().then_read(ANSWER);
    connect(&mut whole, Options::new()).unwrap();
    let len = whole.written().len();
    for at in 0..=len {
        for kind in [ErrorKind::WouldBlock, ErrorKind::TimedOut] {
            let idle = ErrorKind::WouldBlock;
            let mut stream = blocked_at(at, kind)
                .then_read_error(idle)
                .then_read_error(idle)
                .then_read(ANSWER);
            connect(&mut stream, Options::new()).unwrap();
            assert_eq!(stream.written(), whole.written(), "blocked at {at}");
        }
    }
}

#[test]
fn a_server_s_handshake_goes_on_after_a_write_that_blocks() {
    for at in 0..=ANSWER.len() {
        for kind in [ErrorKind::WouldBlock, ErrorKind::TimedOut] {
            let mut stream = blocked_at(at, kind).then_read(REQUEST);
            Acceptor::new().accept(&mut stream).unwrap();
            assert_eq!(stream.written(), ANSWER, "blocked at {at}");
        }
    }
}

/// An answer can come before all of the request is written.
#[test]
fn the_end_of_the_request_is_written_before_the_first_frame() {
    let mut whole = Script::new().then_read(ANSWER);
    connect(&mut whole, Options::new()).unwrap();
    let mut stream = blocked_at(30, ErrorKind::WouldBlock).then_read(ANSWER);
    connect(&mut stream, Options::new()).unwrap();
    assert_eq!(stream.written(), whole.written());
}

#[test]
fn a_refusal_that_comes_before_the_request_is_written_is_reported() {
    let refusal = b"HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nlater";
    for kind in [ErrorKind::WouldBlock, ErrorKind::BrokenPipe] {
        let mut stream = blocked_at(10, kind).then_read(*refusal);
        let failed = connect(&mut stream, Options::new()).unwrap_err();
        let ConnectError::Refused(refused) = failed else {
            panic!("refused, not {failed}")
        };
        assert_eq!((refused.status(), refused.body()), (503, &b"later"[..]));
    }
}

#[test]
fn a_request_that_cannot_be_written_fails_for_that_reason() {
    let broken = || Script::new().then_write_error(ErrorKind::BrokenPipe);
    for mut stream in [
        broken(),
        broken().then_read_error(ErrorKind::ConnectionReset),
        broken().block_at_the_end(),
        broken().then_read(ANSWER),
    ] {
        let failed = connect(&mut stream, within(10)).unwrap_err();
        assert!(
            matches!(&failed, ConnectError::Io(error) if error.kind() == ErrorKind::BrokenPipe),
            "{failed}"
        );
    }
}

#[test]
fn a_handshake_whose_write_never_goes_on_ends_with_its_time() {
    // No byte, or some bytes and then none: a stream that takes 0 bytes is broken, so it blocks.
    for at in [0, 10] {
        let blocked = || {
            let writes = vec![Err(ErrorKind::WouldBlock); 10_000_000];
            let script = Script::new().block_at_the_end();
            let script = if at > 0 {
                script.then_write(at)
            } else {
                script
            };
            script.then_writes(writes)
        };
        let failed = connect(&mut blocked(), within(20)).unwrap_err();
        assert!(matches!(
            failed,
            ConnectError::TimedOut(late) if late.stage() == Stage::Handshake
        ));
        let acceptor = Acceptor::new().options(within(20));
        let failed = acceptor.accept(&mut blocked().then_read(REQUEST));
        assert!(matches!(
            failed.unwrap_err(),
            AcceptError::TimedOut(TimedOut::Handshake)
        ));
    }
}

#[test]
fn a_handshake_that_takes_too_long_ends() {
    let mut stream = Script::new().then_read(&ANSWER[..40]).block_at_the_end();
    let failed = connect(&mut stream, within(20)).unwrap_err();
    assert!(matches!(
        failed,
        ConnectError::TimedOut(late) if late.stage() == Stage::Handshake
    ));

    let mut stream = Script::new().then_read(&REQUEST[..40]).block_at_the_end();
    let options = within(20).linger_time(Duration::ZERO);
    let failed = read_request(&mut stream, options).unwrap_err();
    assert!(matches!(failed, AcceptError::TimedOut(TimedOut::Handshake)));
    assert!(stream.written().starts_with(b"HTTP/1.1 408 "));
}

/// A peer that sends a byte now and then is never idle.
#[test]
fn a_handshake_that_comes_byte_by_byte_has_no_more_time() {
    let slow = |bytes: &[u8]| {
        let (mut near, far) = pipe(1024);
        let bytes = bytes.to_vec();
        let writer = thread::spawn(move || {
            for byte in bytes {
                if near.write_all(&[byte]).is_err() {
                    break;
                }
                thread::sleep(Duration::from_millis(2));
            }
        });
        (far, writer)
    };
    let (mut far, writer) = slow(REQUEST);
    let options = within(40).linger_time(Duration::ZERO);
    let failed = read_request(&mut far, options).unwrap_err();
    assert!(matches!(failed, AcceptError::TimedOut(TimedOut::Handshake)));
    drop(far);
    writer.join().unwrap();
    let (mut far, writer) = slow(ANSWER);
    let connector = connector().options(within(40));
    let failed = connector.connect_with(&mut far, *b"the sample nonce", keys);
    assert!(matches!(
        failed.unwrap_err(),
        ConnectError::TimedOut(late) if late.stage() == Stage::Handshake
    ));
    drop(far);
    writer.join().unwrap();
}

/// A stream that is closed while bytes wait in it is reset, and the refusal could be lost.
#[test]
fn a_client_that_has_sent_early_gets_the_whole_refusal() {
    for _ in 0..5 {
        let (mut ours, mut theirs) = tcp();
        let turn = Some(Duration::from_millis(10));
        theirs.set_read_timeout(turn).unwrap();
        let server = thread::spawn(move || {
            let options = Options::new().linger_time(Duration::from_millis(100));
            let accepted = Acceptor::new().options(options).accept(&mut theirs);
            // `theirs` is dropped with this.
            accepted.map(drop)
        });
        let mut request = REQUEST[..REQUEST.len() - 2].to_vec();
        request.extend_from_slice(b"Origin: https://elsewhere.example\r\n\r\n");
        request.resize(request.len() + 20_000, 7);
        ours.write_all(&request).unwrap();
        let mut refusal = Vec::new();
        ours.read_to_end(&mut refusal).expect("no reset");
        server.join().unwrap().unwrap_err();

        let refusal = String::from_utf8(refusal).unwrap();
        assert!(refusal.starts_with("HTTP/1.1 403 "), "{refusal}");
        let (head, body) = refusal.split_once("\r\n\r\n").expect("the end of a head");
        let len = format!("content-length: {}", body.len());
        let mut fields = head.lines();
        assert!(
            fields.any(|field| field.eq_ignore_ascii_case(&len)),
            "{head}"
        );
    }
}
