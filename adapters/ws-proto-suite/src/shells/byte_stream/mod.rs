//! Streams of bytes over each asynchronous shell.

mod flow;
mod matrix;

pub use flow::{
    a_reader_that_does_not_read_stops_the_peer, a_slow_peer_holds_up_the_writer,
    both_ways_in_steps_of_any_size, bytes_that_never_end_let_others_run, cancelling_loses_nothing,
    many_messages_are_one_read, pieces_of_a_message_are_read_before_it_ends,
    what_is_read_holds_no_memory,
};
pub use matrix::{everything_is_read_as_by_hand, everything_is_written};

use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::task::Poll;

use ws_proto::extension::deflate::DeflateParams;
use ws_proto_async::{
    ByteStream, ByteStreamError, ByteStreamOptions, CloseCode, Config, Deflate, Io, Negotiated,
    Options, WebSocket,
};

use super::{Runtime, quiet};
use crate::Side;
use crate::wire::{BINARY, CLOSE, FIN, Frame, PING, PONG, TEXT, close_body, frame, parse_output};
use ws_proto_test::stream::{End, Script, pipe};
use ws_proto_test::task::poll_once;

/// A byte stream over the end of a pipe.
type Piped<R> = ByteStream<<R as Runtime>::Io<End>>;

const CLOSE_1000: &[u8] = b"\x88\x82\0\0\0\0\x03\xe8";

pub(super) async fn read(stream: &mut ByteStream<impl Io>, buffer: &mut [u8]) -> io::Result<usize> {
    poll_fn(|cx| stream.poll_read(cx, buffer)).await
}

pub(super) async fn write(stream: &mut ByteStream<impl Io>, data: &[u8]) -> io::Result<usize> {
    poll_fn(|cx| stream.poll_write(cx, data)).await
}

/// Writes `data` from so many buffers.
pub(super) async fn write_slices(
    stream: &mut ByteStream<impl Io>,
    data: &[u8],
    buffers: usize,
) -> io::Result<usize> {
    let len = data.len().div_ceil(buffers).max(1);
    let slices: Vec<_> = data.chunks(len).map(IoSlice::new).collect();
    poll_fn(|cx| stream.poll_write_vectored(cx, &slices)).await
}

pub(super) async fn flush(stream: &mut ByteStream<impl Io>) -> io::Result<()> {
    poll_fn(|cx| stream.poll_flush(cx)).await
}

pub(super) async fn shutdown(stream: &mut ByteStream<impl Io>) -> io::Result<()> {
    poll_fn(|cx| stream.poll_shutdown(cx)).await
}

async fn read_to_end(stream: &mut ByteStream<impl Io>) -> io::Result<Vec<u8>> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 1000]);
    loop {
        match read(stream, &mut buffer).await? {
            0 => return Ok(bytes),
            n => bytes.extend_from_slice(&buffer[..n]),
        }
    }
}

/// A byte stream of a server's, and the other end of its stream.
fn piped<R: Runtime>(capacity: usize, options: Options) -> (Piped<R>, End) {
    let (one, other) = pipe(capacity);
    let socket = WebSocket::server(R::io(one), Negotiated::new(), &[], options);
    (socket.into_byte_stream(), other)
}

/// A client's and a server's, connected.
fn pair<R: Runtime>(capacity: usize, deflate: bool, options: Options) -> (Piped<R>, Piped<R>) {
    let (one, other) = pipe(capacity);
    let params = DeflateParams::new();
    let negotiated = if deflate {
        params.negotiated()
    } else {
        Negotiated::new()
    };
    let mut client = WebSocket::client(R::io(one), negotiated, &[], options);
    let mut server = WebSocket::server(R::io(other), negotiated, &[], options);
    if deflate {
        client = client.with_deflate(&Deflate::new(), params);
        server = server.with_deflate(&Deflate::new(), params);
    }
    (client.into_byte_stream(), server.into_byte_stream())
}

/// A frame of a client's.
fn sent(first: u8, payload: &[u8]) -> Vec<u8> {
    frame(Side::Server, first, payload)
}

fn ready<T>(poll: Poll<io::Result<T>>) -> T {
    match poll {
        Poll::Ready(done) => done.expect("no error"),
        Poll::Pending => panic!("it waits"),
    }
}

fn failed<T: std::fmt::Debug>(poll: Poll<io::Result<T>>) -> io::Error {
    match poll {
        Poll::Ready(done) => done.expect_err("an error"),
        Poll::Pending => panic!("it waits"),
    }
}

fn inner(error: &io::Error) -> &ByteStreamError {
    ByteStreamError::of(error).expect("an error of the byte stream")
}

pub fn a_write_is_a_message_and_no_bytes_are_none<R: Runtime>() {
    R::run(async {
        let (mut stream, mut raw) = piped::<R>(1 << 20, quiet());
        for (data, n) in [(&b"one"[..], 3), (b"", 0), (b"four", 4)] {
            assert_eq!(ready(poll_once(write(&mut stream, data))), n);
        }
        let buffers = [&b"a"[..], b"", b"bc", b"d"].map(IoSlice::new);
        let vectored = poll_fn(|cx| stream.poll_write_vectored(cx, &buffers));
        assert_eq!(ready(poll_once(vectored)), 4);
        let big = vec![9; 100_000];
        assert_eq!(ready(poll_once(write(&mut stream, &big))), 1 << 16);
        // At the stream below at once, without a flush.
        let frames = parse_output(Side::Server, &raw.drain());
        let payloads: Vec<_> = frames.iter().map(|frame| &frame.payload[..]).collect();
        assert_eq!(payloads, [&b"one"[..], b"four", b"abcd", &big[..1 << 16]]);
        assert!(frames.iter().all(|frame| frame.first == FIN | BINARY));
    });
}

pub fn shutting_down_leaves_reading<R: Runtime>() {
    R::run(async {
        let (mut stream, mut raw) = piped::<R>(1 << 20, quiet());
        ready(poll_once(write(&mut stream, b"last")));
        ready(poll_once(shutdown(&mut stream)));
        assert_eq!(raw.drain(), b"\x82\x04last\x88\x02\x03\xe8");
        ready(poll_once(shutdown(&mut stream)));
        let error = failed(poll_once(write(&mut stream, b"more")));
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        assert_eq!(inner(&error), &ByteStreamError::ShutDown);
        raw.put(&sent(FIN | BINARY, b"still"));
        let mut buffer = [0; 10];
        assert_eq!(ready(poll_once(read(&mut stream, &mut buffer))), 5);
        assert!(poll_once(read(&mut stream, &mut buffer)).is_pending());
        raw.put(&sent(FIN | BINARY, b"there"));
        raw.put(CLOSE_1000);
        assert_eq!(ready(poll_once(read(&mut stream, &mut buffer))), 5);
        assert_eq!(ready(poll_once(read(&mut stream, &mut buffer))), 0);
        assert_eq!(ready(poll_once(read(&mut stream, &mut buffer))), 0);
        assert!(raw.drain().is_empty() && raw.is_ended());
        ready(poll_once(shutdown(&mut stream)));
    });
}

pub fn the_close_of_the_peer_ends_both_ways<R: Runtime>() {
    R::run(async {
        for (code, reason, is_clean) in [
            (1000, "", true),
            (1001, "restart", true),
            (1008, "bad token", false),
            (1011, "", false),
            (4000, "mine", false),
        ] {
            let (mut stream, mut raw) = piped::<R>(1 << 20, quiet());
            raw.put(&sent(FIN | BINARY, b"data"));
            raw.put(&sent(CLOSE, &close_body(code, reason.as_bytes())));
            let mut buffer = [0; 10];
            assert_eq!(ready(poll_once(read(&mut stream, &mut buffer))), 4);
            for _ in 0..3 {
                let read = poll_once(read(&mut stream, &mut buffer));
                if is_clean {
                    assert_eq!(ready(read), 0);
                    continue;
                }
                let error = failed(read);
                assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
                assert_eq!(inner(&error).close_code(), CloseCode::new(code));
                assert_eq!(inner(&error).close_reason(), reason);
                let text = error.to_string();
                assert!(
                    text.contains(&code.to_string()) && text.contains(reason),
                    "{text}"
                );
            }
            let error = failed(poll_once(write(&mut stream, b"more")));
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
            assert_eq!(inner(&error).close_code(), CloseCode::new(code));
            ready(poll_once(shutdown(&mut stream)));
            assert_eq!(stream.closed().unwrap().code, CloseCode::new(code));
            let answer = [&[0x88, 2][..], &code.to_be_bytes()].concat();
            assert_eq!(raw.drain(), answer);
        }
    });
}

pub fn a_writer_notices_the_close_of_the_peer<R: Runtime>() {
    R::run(async {
        let (mut stream, mut raw) = piped::<R>(1 << 20, quiet());
        raw.put(&sent(CLOSE, &close_body(1008, b"no")));
        let error = loop {
            match poll_once(write(&mut stream, b"data")) {
                Poll::Ready(Ok(4)) => {}
                other => break failed(other),
            }
        };
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        assert_eq!(
            inner(&error).close_code(),
            Some(CloseCode::POLICY_VIOLATION)
        );
    });
}

pub fn who_only_writes_answers_pings<R: Runtime>() {
    R::run(async {
        let (mut stream, mut raw) = piped::<R>(1 << 20, quiet());
        raw.put(&sent(PING, b"there?"));
        for _ in 0..3 {
            ready(poll_once(write(&mut stream, b"data")));
        }
        let frames = parse_output(Side::Server, &raw.drain());
        let is_pong = |frame: &&Frame| frame.first == PONG && frame.payload == b"there?";
        assert_eq!(frames.iter().filter(is_pong).count(), 1);
    });
}

pub fn an_end_without_a_close_is_an_error_that_stays<R: Runtime>() {
    R::run(async {
        let (mut stream, mut raw) = piped::<R>(1 << 20, quiet());
        raw.put(&sent(FIN | BINARY, b"cut o"));
        drop(raw);
        let mut buffer = [0; 10];
        assert_eq!(ready(poll_once(read(&mut stream, &mut buffer))), 5);
        for _ in 0..3 {
            let error = failed(poll_once(read(&mut stream, &mut buffer)));
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
            assert!(matches!(inner(&error), ByteStreamError::Eof(_)));
        }
        let error = failed(poll_once(write(&mut stream, b"more")));
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

/// A message that has begun and never ends looks complete nowhere.
pub fn a_close_inside_of_a_message_is_an_error_that_stays<R: Runtime>() {
    R::run(async {
        for close in [&b"\x88\x80\0\0\0\0"[..], CLOSE_1000] {
            let (mut stream, mut raw) = piped::<R>(1 << 20, quiet());
            raw.put(&sent(FIN | BINARY, b"whole"));
            raw.put(&sent(BINARY, b"cut o"));
            raw.put(close);
            let mut buffer = [0; 20];
            assert_eq!(ready(poll_once(read(&mut stream, &mut buffer))), 10);
            for _ in 0..3 {
                let error = failed(poll_once(read(&mut stream, &mut buffer)));
                assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
                assert!(matches!(inner(&error), ByteStreamError::Unfinished { .. }));
                assert_eq!(inner(&error).close_code(), stream.closed().unwrap().code);
                assert!(error.to_string().contains("inside of a message"));
            }
            let error = failed(poll_once(write(&mut stream, b"more")));
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
            ready(poll_once(shutdown(&mut stream)));
        }
    });
}

pub fn text_is_refused_with_1003_unless_it_is_accepted<R: Runtime>() {
    R::run(async {
        for first in [FIN | TEXT, TEXT] {
            let (mut stream, mut raw) = piped::<R>(1 << 20, quiet());
            raw.put(&sent(FIN | BINARY, b"bytes"));
            raw.put(&sent(first, b"text"));
            let mut buffer = [0; 10];
            assert_eq!(ready(poll_once(read(&mut stream, &mut buffer))), 5);
            // The peer is given time to read the Close.
            assert!(poll_once(read(&mut stream, &mut buffer)).is_pending());
            assert_eq!(raw.drain(), b"\x88\x02\x03\xeb");
            drop(raw);
            let error = failed(poll_once(read(&mut stream, &mut buffer)));
            assert_eq!(error.kind(), ErrorKind::InvalidData);
            assert_eq!(
                inner(&error).close_code(),
                Some(CloseCode::UNSUPPORTED_DATA)
            );
        }
        let (stream, mut raw) = piped::<R>(1 << 20, quiet());
        let mut stream = stream.with_options(ByteStreamOptions::new().accept_text(true));
        let euro = "\u{20ac}".as_bytes();
        raw.put(&sent(TEXT, &euro[..1]));
        let mut buffer = [0; 2];
        assert!(poll_once(read(&mut stream, &mut buffer)).is_pending());
        raw.put(&sent(FIN, &[&euro[1..], b"!"].concat()));
        assert_eq!(ready(poll_once(read(&mut stream, &mut buffer))), 2);
        assert_eq!(buffer, euro[..2]);
        assert_eq!(stream.buffered(), [euro[2], b'!']);
        assert_eq!(ready(poll_once(read(&mut stream, &mut buffer))), 2);
        assert_eq!(buffer, [euro[2], b'!']);
    });
}

pub fn a_manual_close_is_a_half_close<R: Runtime>() {
    R::run(async {
        let options = Options::new().config(Config::new().keepalive(None).manual_close(true));
        let (mut stream, mut raw) = piped::<R>(1 << 20, options);
        raw.put(&sent(FIN | BINARY, b"request"));
        raw.put(CLOSE_1000);
        assert_eq!(read_to_end(&mut stream).await.unwrap(), b"request");
        ready(poll_once(write(&mut stream, b"answer")));
        ready(poll_once(shutdown(&mut stream)));
        assert_eq!(raw.drain(), b"\x82\x06answer\x88\x02\x03\xe8");
        assert!(failed(poll_once(write(&mut stream, b"more"))).kind() == ErrorKind::BrokenPipe);
    });
}

pub fn messages_go_on_before_and_after<R: Runtime>() {
    R::run(async {
        let (one, mut raw) = pipe(1 << 20);
        let mut socket = WebSocket::server(R::io(one), Negotiated::new(), &[], quiet());
        raw.put(&sent(BINARY, b"piece"));
        let piece = poll_once(socket.next_piece());
        assert!(matches!(piece, Poll::Ready(Some(Ok(piece))) if !piece.last));
        raw.put(&sent(FIN, b"rest"));
        raw.put(&sent(FIN | BINARY, b"next"));
        raw.put(&sent(FIN | TEXT, b"message"));
        let mut stream = socket.into_byte_stream();
        let mut buffer = [0; 6];
        assert_eq!(ready(poll_once(read(&mut stream, &mut buffer))), 6);
        assert_eq!(&buffer, b"restne");
        stream = stream.into_inner().expect_err("something is buffered");
        assert_eq!(stream.buffered(), b"xt");
        stream.consume(2);
        let mut socket = stream.into_inner().expect("nothing is buffered");
        let message = socket.next().await.unwrap().unwrap();
        assert_eq!(message.as_text(), Some("message"));
    });
}

/// A stream that fails is reported as it is, and earlier bytes are read first.
pub fn an_error_of_the_stream_is_reported_as_it_is<R: Runtime>() {
    R::run(async {
        let script = Script::new()
            .then_read(sent(FIN | BINARY, b"data"))
            .then_read_error(ErrorKind::ConnectionReset);
        let socket = WebSocket::server(R::io(script), Negotiated::new(), &[], quiet());
        let mut stream = socket.into_byte_stream();
        let mut buffer = [0; 10];
        assert_eq!(read(&mut stream, &mut buffer).await.unwrap(), 4);
        for _ in 0..2 {
            let error = read(&mut stream, &mut buffer).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            assert!(ByteStreamError::of(&error).is_none());
        }
        let error = write(&mut stream, b"more").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}
