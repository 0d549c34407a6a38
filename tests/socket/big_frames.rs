//! Big frames that are waited for, so that they are messages where they are read: the missing part of
//! them, and that the messages, answers and faults of a `WebSocket`, which does so, are those of a
//! `Connection` with an `Assembler`, however the bytes come.

use core::time::Duration;
use std::io::{self, Read, Write};

use ws_proto::frame::Rsv;
use ws_proto::{
    Assembler, CloseCode, Config, Event, Input, Instant, Message, Negotiated, ProtocolError, Role,
    Server, Transport, WebSocket, WebSocketError,
};
use ws_proto_suite::*;
use ws_proto_test::random::Random;

/// Often small, sometimes near or beyond 2 MiB, the longest wait.
fn size(numbers: &mut Random, biggest: usize) -> usize {
    let most = numbers.pick(&[1, 130, 300, 5_000, 70_000, 200_000, biggest]);
    if most == biggest && one_in(numbers, 2) {
        (2 << 20) - 20 + numbers.below(40)
    } else {
        numbers.below(most + 1)
    }
    .min(biggest)
}

fn one_in(numbers: &mut Random, n: usize) -> bool {
    numbers.below(n) == 0
}

/// What a peer receives: messages, and the error that ends them.
#[derive(Default, PartialEq)]
struct Emitted {
    messages: Vec<(bool, Vec<u8>)>,
    error: Option<ProtocolError>,
}

impl Emitted {
    fn message(&mut self, message: &Message<'_>) {
        let is_text = matches!(message, Message::Text(_));
        self.messages.push((is_text, message.as_bytes().to_vec()));
    }
}

/// Messages in fragments with control frames between them, maybe a fault or a Close at the end.
fn wire(side: Side, numbers: &mut Random, biggest: usize) -> (Vec<u8>, Emitted) {
    let (mut wire, mut emitted) = (Vec::new(), Emitted::default());
    for _ in 0..1 + numbers.below(6) {
        let is_text = one_in(numbers, 4);
        let len = size(numbers, biggest);
        let payload: Vec<u8> = if is_text {
            "a\u{e4}\u{20ac}\u{1f600}"
                .bytes()
                .cycle()
                .take(len / 10 * 10)
                .collect()
        } else {
            (0..len).map(|n| (n * 7 / 3) as u8).collect()
        };
        let mut rest = &payload[..];
        let mut opcode = if is_text { TEXT } else { BINARY };
        loop {
            let whole = one_in(numbers, 2);
            let len = if whole {
                rest.len()
            } else {
                size(numbers, rest.len())
            };
            let (part, after) = rest.split_at(len);
            rest = after;
            let fin = rest.is_empty() && one_in(numbers, 2);
            wire.extend(frame(side, if fin { FIN | opcode } else { opcode }, part));
            opcode = CONTINUATION;
            if one_in(numbers, 3) {
                wire.extend(frame(side, [PING, PONG][numbers.below(2)], b"control"));
            }
            if fin {
                break;
            }
        }
        emitted.messages.push((is_text, payload));
    }
    match numbers.below(6) {
        0 => {
            wire.extend(frame(side, 0x83, b"reserved"));
            emitted.error = Some(ProtocolError::OpcodeReserved);
        }
        1 => {
            wire.extend(frame(side, BINARY, &vec![1; size(numbers, biggest)]));
            wire.extend(frame(side, FIN | BINARY, b"between"));
            emitted.error = Some(ProtocolError::MessageInterleaved);
        }
        2 => {
            wire.extend(frame(side, BINARY, &vec![1; size(numbers, biggest)]));
            wire.extend(frame(side, CONTINUATION, &vec![2; size(numbers, biggest)]));
            wire.extend(frame(side, CLOSE, &close_body(1000, b"enough")));
        }
        3 => {
            let cut = frame(side, BINARY, &vec![1; 1 + size(numbers, biggest)]);
            wire.extend(&cut[..cut.len() - 1]);
        }
        _ => {}
    }
    (wire, emitted)
}

/// The result of a connection and an assembler: messages, and output.
fn assembled(side: Side, wire: &[u8], numbers: &mut Random) -> (Emitted, Vec<u8>) {
    let mut endpoint = Endpoint::with(side, Negotiated::new(), Config::new());
    let mut assembler = Assembler::new(Vec::new(), 16 << 20);
    let (mut emitted, mut out) = (Emitted::default(), Vec::new());
    let mut rest = &mut wire.to_vec()[..];
    while !rest.is_empty() {
        let (now, after) = rest.split_at_mut((1 + size(numbers, 1 << 20)).min(rest.len()));
        rest = after;
        let mut input = Input::new(now);
        loop {
            match endpoint.receive(&mut input, &mut out) {
                Ok(None) => break,
                Ok(Some(event)) => {
                    let is_close = matches!(event, Event::Close(_));
                    if let Some(message) = assembler.push(event).expect("within the limit") {
                        emitted.message(&message);
                    }
                    assert!(!is_close || input.is_empty());
                }
                Err(error) => {
                    emitted.error = error.protocol();
                    return (emitted, out);
                }
            }
        }
    }
    (emitted, out)
}

/// What a `WebSocket` makes of it, in reads of any size into space of any size. With `echo` it answers,
/// and its peer takes the answers slowly.
fn received<R: Role>(
    mut socket: WebSocket<R>,
    wire: &[u8],
    numbers: &mut Random,
    echo: bool,
) -> (Emitted, Vec<u8>) {
    let (mut emitted, mut out) = (Emitted::default(), Vec::new());
    let mut rest = wire;
    loop {
        if socket.wants_read() {
            if rest.is_empty() {
                break;
            }
            let space = if one_in(numbers, 3) {
                socket.read_hint()
            } else {
                1 + size(numbers, 1 << 20)
            };
            let space = socket.read_buf(space);
            let len = (1 + numbers.below(space.len())).min(rest.len());
            let (now, after) = rest.split_at(len);
            space[..len].copy_from_slice(now);
            rest = after;
            socket.advance(len);
        }
        loop {
            match socket.next_message() {
                Ok(None) | Err(WebSocketError::OutputFull) => break,
                Ok(Some((message, mut reply))) => {
                    emitted.message(&message);
                    if echo && message.as_bytes().len() < 100_000 {
                        // It may be full.
                        let _ = reply.send(message);
                    }
                }
                Err(WebSocketError::Protocol(error)) => {
                    emitted.error = Some(error);
                    out.extend_from_slice(socket.pending());
                    return (emitted, out);
                }
                Err(error) => panic!("{error}"),
            }
        }
        if one_in(numbers, 3) {
            socket
                .tick(Instant::from_millis(0))
                .expect("time stands still");
        }
        if one_in(numbers, 5) {
            socket.release();
        }
        if echo {
            let taken = size(numbers, socket.pending().len());
            socket.consume(taken);
        }
    }
    out.extend_from_slice(socket.pending());
    (emitted, out)
}

fn key() -> [u8; 4] {
    [0x12, 0x34, 0x56, 0x78]
}

fn socket_of(side: Side, wire: &[u8], numbers: &mut Random, echo: bool) -> (Emitted, Vec<u8>) {
    let high_water = if echo {
        131 + numbers.below(2_000)
    } else {
        usize::MAX
    };
    let (negotiated, config) = (Negotiated::new(), Config::new());
    if side == Side::Server {
        let socket = WebSocket::server(negotiated, config).with_high_water(high_water);
        received(socket, wire, numbers, echo)
    } else {
        let socket = WebSocket::client(negotiated, config, key).with_high_water(high_water);
        received(socket, wire, numbers, echo)
    }
}

fn compare(seed: u64, biggest: usize) {
    let mut numbers = Random::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for side in Side::BOTH {
        let (mut wire, mut expected) = wire(side, &mut numbers, biggest);
        let is_damaged = one_in(&mut numbers, 4);
        if is_damaged {
            let at = numbers.below(wire.len());
            wire[at] ^= 1 << numbers.below(8);
        }
        let (emitted, written) = assembled(side, &wire, &mut numbers);
        if is_damaged {
            expected = emitted;
        } else {
            assert!(emitted == expected, "assembled, {side:?}, seed {seed}");
        }
        let (emitted, answers) = socket_of(side, &wire, &mut numbers, false);
        assert!(emitted == expected, "received, {side:?}, seed {seed}");
        let frames = |out: &[u8]| -> Vec<(u8, Vec<u8>)> {
            let frames = parse_output(side, out).into_iter();
            frames.map(|frame| (frame.first, frame.payload)).collect()
        };
        assert_eq!(frames(&answers), frames(&written), "{side:?}, seed {seed}");
        let (emitted, _) = socket_of(side, &wire, &mut numbers, true);
        assert!(emitted == expected, "with answers, {side:?}, seed {seed}");
    }
}

#[test]
fn however_they_come_the_messages_are_the_same() {
    for seed in 1..=40 {
        compare(seed, 300_000);
    }
    for seed in 1..=3 {
        compare(seed, 3 << 20);
    }
}

/// For every part of a frame: the missing bytes make it whole, and then it is one event.
#[test]
fn what_is_missing_makes_a_frame_whole() {
    for side in Side::BOTH {
        for (first, len) in [
            (FIN | TEXT, 126),
            (FIN | BINARY, 300),
            (FIN | BINARY, 0xffff),
            (FIN | TEXT, 0x1_0000),
        ] {
            let wire = frame(side, first, &vec![b'a'; len]);
            let parts = (1..wire.len()).filter(|n| *n < 400 || *n > wire.len() - 20);
            for part in parts {
                let endpoint = Endpoint::with(side, Negotiated::new(), Config::new());
                let mut have = part;
                while have < wire.len() {
                    let missing = endpoint.frame_missing(&wire[..have], 126, 1 << 20);
                    assert!(missing > 0, "{side:?}, {have} of {}", wire.len());
                    have += missing;
                }
                assert_eq!(have, wire.len(), "{side:?}, from {part}");
            }
            let mut endpoint = Endpoint::with(side, Negotiated::new(), Config::new());
            let mut more = [&wire[..], &wire[..10]].concat();
            assert_eq!(endpoint.frame_missing(&more, 126, 1 << 20), 0);
            let mut input = Input::new(&mut more);
            let event = endpoint.receive(&mut input, &mut Vec::new()).unwrap();
            match event.expect("a message") {
                Event::Text(text) => assert_eq!(text.whole().map(str::len), Some(len)),
                Event::Binary(data) => assert_eq!(data.whole().map(|data| data.len()), Ok(len)),
                other => panic!("{other:?}"),
            }
            assert_eq!(input.len(), 10);
        }
    }
}

/// Nothing is waited for that is of another size, that is no message, that is decoded, or that is wrong:
/// `receive` has it at once.
#[test]
fn nothing_is_missing_of_what_is_not_waited_for() {
    for side in Side::BOTH {
        let fresh = || {
            let negotiated = Negotiated::new().with_rsv(Rsv::RSV1);
            Endpoint::with(side, negotiated, Config::new().max_frame(100_000))
        };
        let cut = |first: u8, len: u64| {
            let mut wire = header(side, first, len);
            wire.push(b'a');
            wire
        };
        let missing = |wire: &[u8]| fresh().frame_missing(wire, 1000, 200_000);
        assert_eq!(missing(&cut(FIN | TEXT, 1000)), 999);
        assert_eq!(missing(&cut(FIN | BINARY, 100_000)), 99_999);

        assert_eq!(missing(&[]), 0);
        assert_eq!(missing(&[FIN | TEXT]), 1, "its size is not known");
        assert_eq!(missing(&cut(FIN | TEXT, 999)), 0, "smaller");
        assert_eq!(missing(&cut(FIN | TEXT, 100)), 0, "much smaller");
        assert_eq!(missing(&cut(BINARY, 1000)), 0, "a fragment");
        assert_eq!(missing(&cut(FIN | 0x40 | TEXT, 1000)), 0, "encoded");
        assert_eq!(missing(&cut(PING, 1000)), 0, "a fault");
        assert_eq!(missing(&cut(FIN | 0x3, 1000)), 0, "a fault");
        assert_eq!(missing(&cut(FIN | TEXT, 100_001)), 0, "over the limit");
        let endpoint = Endpoint::with(side, Negotiated::new(), Config::new());
        let bigger = cut(FIN | TEXT, 200_001);
        for end in [10, 11, bigger.len()] {
            let missing = endpoint.frame_missing(&bigger[..end], 1000, 200_000);
            assert_eq!(missing, 0, "bigger, at {end}");
        }
        let wrong = cut(FIN | TEXT, 1000);
        let other = Endpoint::with(side.peer(), Negotiated::new(), Config::new());
        assert_eq!(
            other.frame_missing(&wrong, 1000, 200_000),
            0,
            "masked or not"
        );

        let mut between = fresh();
        run(&mut between, &frame(side, TEXT, b"one"));
        let rest = cut(FIN | CONTINUATION, 1000);
        assert_eq!(between.frame_missing(&rest, 1000, 200_000), 0);
        let rest = cut(FIN | TEXT, 1000);
        assert_eq!(between.frame_missing(&rest, 1000, 200_000), 0, "a fault");
        let mut inside = fresh();
        run(&mut inside, &cut(FIN | BINARY, 3000));
        assert_eq!(inside.frame_missing(&rest, 1000, 200_000), 0, "payload");
    }
}

fn fill(socket: &mut WebSocket<Server>, bytes: &[u8]) {
    socket.read_buf(bytes.len())[..bytes.len()].copy_from_slice(bytes);
    socket.advance(bytes.len());
}

/// Text and bytes are handed out where they were read, and the hint asks for the rest of them alone.
#[test]
fn a_big_frame_is_a_message_where_it_was_read() {
    for first in [FIN | TEXT, FIN | BINARY] {
        let mut socket = WebSocket::server(Negotiated::new(), Config::new()).with_read_size(10_000);
        assert_eq!(socket.read_hint(), 10_000);
        let wire = frame(Side::Server, first, &[b'a'; 50_000]);
        fill(&mut socket, &wire[..10_000]);
        assert!(socket.next_message().unwrap().is_none());
        assert_eq!(socket.read_hint(), wire.len() - 10_000);
        assert!(socket.wants_read());
        let place = socket.read_buf(socket.read_hint()).as_ptr_range().start;
        fill(&mut socket, &wire[10_000..]);
        let (message, _) = socket.next_message().unwrap().expect("a message");
        assert_eq!(message.as_bytes(), [b'a'; 50_000]);
        let header = wire.len() - 50_000;
        assert_eq!(message.as_bytes()[10_000 - header..].as_ptr(), place);
        assert_eq!(socket.read_hint(), 10_000);
    }
}

/// Of a header that is cut it is not known that the frame is big: the next read is one as always.
#[test]
fn a_cut_header_does_not_make_small_reads() {
    let wire = frame(Side::Server, FIN | TEXT, &[b'a'; 50_000]);
    for cut in 1..8 {
        let mut socket = WebSocket::server(Negotiated::new(), Config::new()).with_read_size(10_000);
        fill(&mut socket, &wire[..cut]);
        assert!(socket.next_message().unwrap().is_none());
        assert!(socket.wants_read());
        assert_eq!(socket.read_hint(), 10_000);
    }
}

/// A frame that takes longer than the timers is a sign of life as long as it goes on.
#[test]
fn a_big_frame_that_comes_slowly_is_not_taken_for_silence() {
    let config = Config::new()
        .keepalive(Some(Duration::from_secs(10)))
        .pong_timeout(Duration::from_secs(5));
    let mut socket = WebSocket::server(Negotiated::new(), config);
    let wire = frame(Side::Server, FIN | TEXT, &[b'a'; 40_000]);
    for (second, part) in wire.chunks(1000).enumerate() {
        fill(&mut socket, part);
        if second < 40 {
            assert!(socket.next_message().unwrap().is_none());
        }
        let now = Instant::from_millis(9_000 * second as u64);
        assert!(socket.tick(now).is_ok());
        assert!(socket.pending().is_empty(), "no Ping is due");
    }
    assert!(socket.next_message().unwrap().is_some());

    // Without anything more, the Ping is due, and then the end.
    fill(&mut socket, &wire[..1000]);
    assert!(socket.next_message().unwrap().is_none());
    let last = 9_000 * 40;
    assert!(socket.tick(Instant::from_millis(last)).is_ok());
    assert!(socket.tick(Instant::from_millis(last + 10_000)).is_ok());
    assert_eq!(socket.pending(), [PING, 0]);
    socket.consume(2);
    assert!(socket.tick(Instant::from_millis(last + 15_000)).is_err());
    assert_eq!(socket.transport(), Transport::Abort);
}

#[test]
fn text_that_is_wrong_in_a_big_frame_is_refused_and_what_came_before_is_not_lost() {
    let mut socket = WebSocket::server(Negotiated::new(), Config::new());
    let mut payload = vec![b'a'; 40_000];
    payload[100] = 0xff;
    let mut wire = frame(Side::Server, FIN | BINARY, b"before");
    wire.extend(frame(Side::Server, FIN | TEXT, &payload));
    fill(&mut socket, &wire);
    let (message, _) = socket.next_message().unwrap().expect("a message");
    assert_eq!(message, Message::Binary(b"before"));
    let error = socket.next_message().unwrap_err();
    assert_eq!(error, WebSocketError::Protocol(ProtocolError::TextNotUtf8));
    assert_eq!(error.close_code(), Some(CloseCode::INVALID_PAYLOAD));
    assert_eq!(socket.pending(), [CLOSE, 2, 0x03, 0xef]);
}

/// While answers wait, a frame that has begun is not read on.
#[test]
fn a_big_frame_is_not_read_while_answers_wait() {
    let mut socket = WebSocket::server(Negotiated::new(), Config::new()).with_high_water(131);
    fill(&mut socket, &frame(Side::Server, PING, b"1"));
    fill(
        &mut socket,
        &frame(Side::Server, FIN | BINARY, &[0; 10_000])[..5_000],
    );
    assert_eq!(
        socket.next_message().err(),
        Some(WebSocketError::OutputFull)
    );
    assert!(!socket.wants_read());
    let waiting = socket.pending().len();
    socket.consume(waiting);
    assert!(socket.next_message().unwrap().is_none());
    assert!(socket.wants_read());
    assert_eq!(socket.read_hint(), 10_008 - 5_000);
}

/// Who reads as long as the `WebSocket` wants it, without taking messages, does not read past a frame:
/// not into the end of the stream, and not for ever.
#[test]
fn a_frame_that_has_come_is_to_be_taken_before_more_is_read() {
    let wire = frame(Side::Server, FIN | TEXT, &[b'a'; 10_000]);
    let mut socket = WebSocket::server(Negotiated::new(), Config::new());
    let (mut rest, mut messages, mut ended) = (&wire[..], 0, false);
    while !ended {
        while socket.wants_read() && !ended {
            let n = socket.read_hint().min(rest.len());
            fill(&mut socket, &rest[..n]);
            rest = &rest[n..];
            ended = n == 0;
        }
        if ended {
            assert!(socket.receive_eof().is_err());
        }
        while let Ok(Some(_)) = socket.next_message() {
            messages += 1;
        }
    }
    assert_eq!(messages, 1);

    // So does `exchange`, whose reads go as far as is wanted.
    let mut socket = WebSocket::server(Negotiated::new(), Config::new());
    let mut stream = Endless { wire, read: 0 };
    assert!(socket.exchange(&mut stream).unwrap());
    assert!(socket.next_message().unwrap().is_none());
    for _ in 0..100 {
        assert!(socket.exchange(&mut stream).unwrap());
    }
    assert_eq!(stream.read, stream.wire.len());
    assert!(socket.next_message().unwrap().is_some());
}

/// Gives the same again and again, and takes everything.
struct Endless {
    wire: Vec<u8>,
    read: usize,
}

impl Read for Endless {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let from = &self.wire[self.read % self.wire.len()..];
        let n = from.len().min(to.len());
        to[..n].copy_from_slice(&from[..n]);
        self.read += n;
        Ok(n)
    }
}

impl Write for Endless {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
