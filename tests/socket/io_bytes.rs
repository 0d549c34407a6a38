//! A connection as a stream of bytes over a blocking one: the scenarios of all byte streams, and its own.

use core::time::Duration;
use std::io::{self, BufRead, ErrorKind, IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use ws_proto::byte_stream::{ByteStreamError, ByteStreamOptions};
use ws_proto::io::ByteStream;
use ws_proto::{CloseCode, Config, EitherRole, Message, Negotiated, Server, WebSocket};
use ws_proto_suite::byte_matrix::{
    End, Keys, Outcome, Reading, Writing, check_reading, check_writing, socket,
};
use ws_proto_test::Side;
use ws_proto_test::random::Random;
use ws_proto_test::stream::SharedScript;
use ws_proto_test::stream::{Script, pipe};
use ws_proto_test::wire::{BINARY, CLOSE, FIN, PING, frame, parse_output};

type Stream<S> = ByteStream<S, EitherRole<Keys>>;

fn next<S: Read + Write>(
    stream: &mut Stream<S>,
    room: usize,
    bytes: &mut Vec<u8>,
) -> io::Result<usize> {
    if room == 0 {
        let filled = stream.fill_buf()?;
        let n = filled.len().div_ceil(2);
        bytes.extend_from_slice(&filled[..n]);
        stream.consume(n);
        return Ok(n);
    }
    let mut buffer = vec![0; room];
    let n = stream.read(&mut buffer)?;
    bytes.extend_from_slice(&buffer[..n]);
    Ok(n)
}

fn play_reading(reading: &Reading, stream: SharedScript) -> Outcome {
    let mut stream = socket(reading.side, reading.deflate).into_byte_stream(stream);
    let mut bytes = Vec::new();
    let end = loop {
        match next(&mut stream, reading.room, &mut bytes) {
            Ok(0) => break End::Clean,
            Ok(_) => {}
            Err(error) => break End::of(&error),
        }
    };
    // It stays.
    match next(&mut stream, reading.room, &mut Vec::new()) {
        Ok(n) => assert!(n == 0 && end == End::Clean, "{}", reading.name),
        Err(error) => assert_eq!(End::of(&error), end, "{}", reading.name),
    }
    Outcome { bytes, end }
}

fn play_writing(writing: &Writing, stream: SharedScript) -> io::Result<()> {
    let stream = socket(writing.side, writing.deflate).into_byte_stream(stream);
    let mut stream = stream.with_options(writing.options);
    for chunk in writing.data.chunks(writing.size) {
        let mut rest = chunk;
        while !rest.is_empty() {
            let n = if writing.buffers == 1 {
                stream.write(rest)?
            } else {
                let len = rest.len().div_ceil(writing.buffers);
                let slices: Vec<_> = rest.chunks(len).map(IoSlice::new).collect();
                stream.write_vectored(&slices)?
            };
            rest = &rest[n..];
        }
    }
    stream.flush()?;
    stream.shutdown()
}

#[test]
fn everything_is_read_as_by_hand() {
    let played = check_reading(play_reading);
    println!("{played} ways of reading");
    assert!(played > 20_000, "{played}");
}

#[test]
fn everything_is_written() {
    let played = check_writing(play_writing);
    println!("{played} ways of writing");
    assert!(played > 1_500, "{played}");
}

fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (theirs, _) = listener.accept().unwrap();
    for stream in [&ours, &theirs] {
        let time = Some(Duration::from_millis(10));
        stream.set_read_timeout(time).unwrap();
        stream.set_write_timeout(time).unwrap();
    }
    (ours, theirs)
}

/// Both write and read at once, on a thread each: what would wait is left for later.
#[test]
fn both_ways_in_steps_of_any_size() {
    const LEN: usize = 3 << 20;
    for deflate in [false, true] {
        let (ours, theirs) = tcp();
        let ends = [(Side::Client, ours, 1), (Side::Server, theirs, 2)];
        let ends = ends.map(|(side, stream, seed)| {
            thread::spawn(move || {
                let mut stream = socket(side, deflate).into_byte_stream(stream);
                let mut random = Random::new(seed);
                let data = Random::new(10 + seed).bytes(LEN);
                let expected = Random::new(13 - seed).bytes(LEN);
                let (mut written, mut bytes) = (0, Vec::new());
                let mut buffer = vec![0; 200_000];
                stream.set_timeout(Some(Duration::ZERO));
                while written < LEN || bytes.len() < LEN {
                    if written < LEN {
                        let end = LEN.min(written + random.between(1, 200_000));
                        written += or_later(stream.write(&data[written..end]));
                    } else {
                        or_later(stream.flush().map(|()| 0));
                    }
                    if bytes.len() < LEN {
                        let room = random.between(1, 200_000);
                        let n = or_later(stream.read(&mut buffer[..room]));
                        bytes.extend_from_slice(&buffer[..n]);
                    }
                }
                assert!(bytes == expected);
                stream.set_timeout(None);
                stream.shutdown().unwrap();
                assert_eq!(stream.read(&mut buffer).unwrap(), 0);
            })
        });
        for end in ends {
            end.join().unwrap();
        }
    }
}

/// The stream takes a byte or two, and each end only waits until its Close is there.
#[test]
fn ends_that_shut_down_do_not_hold_each_other_up() {
    for (deflate, capacity) in [(false, 1), (true, 1), (true, 2)] {
        let (one, other) = pipe(capacity);
        let ends = [(Side::Client, one), (Side::Server, other)];
        let mut ends = ends.map(|(side, stream)| {
            let mut stream = socket(side, deflate).into_byte_stream(stream);
            stream.set_timeout(Some(Duration::ZERO));
            assert_eq!(stream.write(&[7; 300]).unwrap(), 300);
            (stream, 0)
        });
        while ends.iter().any(|(_, read)| *read < 300) {
            for (stream, read) in &mut ends {
                or_later(stream.flush().map(|()| 0));
                let left = 300 - *read;
                *read += or_later(stream.read(&mut [0; 300][..left]));
            }
        }
        // Whoever has shut down reads on.
        let mut has_ended = [[false; 2]; 2];
        for _ in 0..1000 {
            for ((stream, _), [is_shut, is_read]) in ends.iter_mut().zip(&mut has_ended) {
                if !*is_shut {
                    *is_shut = or_later(stream.shutdown().map(|()| 1)) == 1;
                } else if !*is_read {
                    let _ = stream.read(&mut [0; 10]);
                    *is_read = stream.socket().connection().is_close_received();
                }
            }
        }
        let expected = [[true; 2]; 2];
        assert_eq!(has_ended, expected, "compressed: {deflate}, {capacity}");
    }
}

fn or_later(done: io::Result<usize>) -> usize {
    match done {
        Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
        done => done.unwrap(),
    }
}

#[test]
fn what_is_echoed_comes_back_until_the_close() {
    for deflate in [false, true] {
        let (ours, theirs) = tcp();
        let server = thread::spawn(move || {
            let mut stream = socket(Side::Server, deflate).into_byte_stream(theirs);
            let mut buffer = vec![0; 5000];
            loop {
                match stream.read(&mut buffer).unwrap() {
                    0 => break,
                    n => stream.write_all(&buffer[..n]).unwrap(),
                }
            }
            let error = stream.write(b"more").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        });
        let mut stream = socket(Side::Client, deflate).into_byte_stream(ours);
        let data = Random::new(7).bytes(300_000);
        for chunk in data.chunks(777) {
            stream.write_all(chunk).unwrap();
            let mut echo = vec![0; chunk.len()];
            stream.read_exact(&mut echo).unwrap();
            assert!(echo == chunk);
        }
        stream.shutdown().unwrap();
        assert_eq!(stream.read(&mut [0; 10]).unwrap(), 0);
        let closed = stream.socket().connection().close_code();
        assert_eq!(closed, Some(CloseCode::NORMAL));
        server.join().unwrap();
    }
}

fn server(stream: Script) -> ByteStream<Script, Server> {
    let config = Config::new().keepalive(None);
    WebSocket::server(Negotiated::new(), config).into_byte_stream(stream)
}

fn sent(first: u8, payload: &[u8]) -> Vec<u8> {
    frame(Side::Server, first, payload)
}

/// Time that passes is no error, unless the program has set how much may.
#[test]
fn a_read_waits_as_long_as_it_may() {
    let blocks = || Err(ErrorKind::WouldBlock);
    let script = Script::new().then_reads([blocks(), blocks(), Ok(sent(FIN | BINARY, b"data"))]);
    let mut stream = server(script.clone().block_at_the_end());
    let mut buffer = [0; 10];
    assert_eq!(stream.read(&mut buffer).unwrap(), 4);

    let mut stream = server(script.block_at_the_end());
    stream.set_timeout(Some(Duration::ZERO));
    for _ in 0..2 {
        let error = stream.read(&mut buffer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }
    assert_eq!(stream.read(&mut buffer).unwrap(), 4);
    let error = stream.fill_buf().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

/// What a write has taken is not taken again, whatever the stream does.
#[test]
fn a_write_waits_as_long_as_it_may() {
    let script = Script::new().block_at_the_end();
    let script = script.then_writes([Err(ErrorKind::WouldBlock); 20]);
    let mut stream = server(script);
    stream.set_timeout(Some(Duration::ZERO));
    assert_eq!(
        stream.write(&[7; 1 << 20]).unwrap(),
        1 << 16,
        "it is queued"
    );
    let mut waits = 0;
    for flushes in [false, true] {
        let error = match flushes {
            false => stream.write(b"x").map(drop),
            true => stream.flush(),
        };
        assert_eq!(error.unwrap_err().kind(), ErrorKind::WouldBlock);
        waits += 1;
    }
    while let Err(error) = stream.flush() {
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        waits += 1;
    }
    assert!((3..20).contains(&waits), "{waits}");
    stream.write_all(b"x").unwrap();
    let frames = parse_output(Side::Server, stream.get_ref().written());
    assert_eq!(frames.len(), 2);
    assert!(frames[0].payload == [7; 1 << 16] && frames[1].payload == b"x");
}

#[test]
fn a_text_is_refused_with_1003_unless_it_is_accepted() {
    let read = [
        sent(FIN | BINARY, b"a"),
        sent(FIN | 1, b"b"),
        sent(CLOSE, b""),
    ]
    .concat();
    let mut stream = server(Script::new().then_read(read.clone()));
    let mut bytes = Vec::new();
    let error = stream.read_to_end(&mut bytes).unwrap_err();
    assert_eq!(bytes, b"a");
    assert_eq!(End::of(&error), End::Refused(Some(1003)));
    assert_eq!(stream.get_ref().written(), b"\x88\x02\x03\xeb");

    let stream = server(Script::new().then_read(read));
    let mut stream = stream.with_options(ByteStreamOptions::new().accept_text(true));
    bytes.clear();
    stream.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"ab");
}

#[test]
fn messages_go_on_after_bytes() {
    let read = [sent(FIN | BINARY, b"bytes"), sent(FIN | 1, b"text")].concat();
    let mut stream = server(Script::new().then_read(read).block_at_the_end());
    let mut buffer = [0; 2];
    assert_eq!(stream.read(&mut buffer).unwrap(), 2);
    let mut stream = stream.into_inner().expect_err("something is buffered");
    assert_eq!(stream.buffered(), b"tes");
    stream.consume(3);
    let Ok((mut socket, _)) = stream.into_inner() else {
        panic!("nothing is buffered")
    };
    let (message, _) = socket.next_message().unwrap().expect("a message");
    assert_eq!(message, Message::Text("text"));
}

#[test]
fn pings_are_answered_and_a_manual_close_is_a_half_close() {
    let config = Config::new().keepalive(None).manual_close(true);
    let read = [
        sent(PING, b"p"),
        sent(FIN | BINARY, b"ask"),
        sent(CLOSE, b"\x03\xe8"),
    ]
    .concat();
    let script = Script::new().then_read(read).block_at_the_end();
    let socket: WebSocket<Server> = WebSocket::server(Negotiated::new(), config);
    let mut stream = socket.into_byte_stream(script);
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"ask");
    stream.write_all(b"answer").unwrap();
    stream.shutdown().unwrap();
    let error = stream.write(b"more").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    let written = stream.get_ref().written();
    assert_eq!(written, b"\x8a\x01p\x82\x06answer\x88\x02\x03\xe8");
}

#[test]
fn writing_after_the_end_reports_what_has_ended_it() {
    let close = sent(CLOSE, b"\x03\xf0bad token");
    let mut stream = server(Script::new().then_read(close));
    let error = stream.read(&mut [0; 10]).unwrap_err();
    assert_eq!(End::of(&error), End::Closed(Some(1008), "bad token".into()));
    let error = stream.write(b"more").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    let inner = ByteStreamError::of(&error).expect("an error of the byte stream");
    assert_eq!(inner.close_code(), Some(CloseCode::POLICY_VIOLATION));
    stream.shutdown().unwrap();

    // This end has shut down.
    let (one, mut other) = pipe(1000);
    let config = Config::new().keepalive(None);
    let socket: WebSocket<Server> = WebSocket::server(Negotiated::new(), config);
    let mut stream = socket.into_byte_stream(one);
    stream.shutdown().unwrap();
    assert_eq!(other.drain(), b"\x88\x02\x03\xe8");
    let error = stream.write(b"more").unwrap_err();
    assert_eq!(
        ByteStreamError::of(&error),
        Some(&ByteStreamError::ShutDown)
    );

    // A message in parts is open.
    let (one, _other) = pipe(1000);
    let mut socket: WebSocket<Server> = WebSocket::server(Negotiated::new(), config);
    let part = socket.sender().send_text_part("a", ws_proto::Fin::No);
    part.unwrap();
    let error = socket.into_byte_stream(one).write(b"more").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}
