//! Binary frames that a `WebSocket` holds where they are read: its messages, its answers and its faults
//! are those of a `Connection` with an `Assembler`, however the bytes come.

mod common;

use common::*;
use ws_proto::{
    Assembler, Config, Event, Input, Instant, Message, Negotiated, ProtocolError, ReceiveError,
    Role, WebSocket,
};

/// Numbers that are the same in every run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// Often small, sometimes near or beyond 2 MiB, what is held at most.
    fn size(&mut self, biggest: usize) -> usize {
        let most = [1, 130, 300, 5_000, 70_000, 200_000, biggest][self.below(7)];
        if most == biggest && self.one_in(2) {
            (2 << 20) - 20 + self.below(40)
        } else {
            self.below(most + 1)
        }
        .min(biggest)
    }
}

/// What a peer is told: messages, and the error that ends them.
#[derive(Default, PartialEq)]
struct Told {
    messages: Vec<(bool, Vec<u8>)>,
    error: Option<ProtocolError>,
}

impl Told {
    fn message(&mut self, message: &Message<'_>) {
        let is_text = matches!(message, Message::Text(_));
        self.messages.push((is_text, message.as_bytes().to_vec()));
    }
}

/// Messages in fragments with control frames between them, maybe a fault or a Close at the end.
fn wire(side: Side, numbers: &mut Numbers, biggest: usize) -> (Vec<u8>, Told) {
    let (mut wire, mut told) = (Vec::new(), Told::default());
    for _ in 0..1 + numbers.below(6) {
        let is_text = numbers.one_in(4);
        let len = numbers.size(biggest);
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
            let whole = numbers.one_in(2);
            let len = if whole {
                rest.len()
            } else {
                numbers.size(rest.len())
            };
            let (part, after) = rest.split_at(len);
            rest = after;
            let fin = rest.is_empty() && numbers.one_in(2);
            wire.extend(frame(side, if fin { FIN | opcode } else { opcode }, part));
            opcode = CONTINUATION;
            if numbers.one_in(3) {
                wire.extend(frame(side, [PING, PONG][numbers.below(2)], b"control"));
            }
            if fin {
                break;
            }
        }
        told.messages.push((is_text, payload));
    }
    match numbers.below(6) {
        0 => {
            wire.extend(frame(side, 0x83, b"reserved"));
            told.error = Some(ProtocolError::OpcodeReserved);
        }
        1 => {
            wire.extend(frame(side, BINARY, &vec![1; numbers.size(biggest)]));
            wire.extend(frame(side, FIN | BINARY, b"between"));
            told.error = Some(ProtocolError::MessageInterleaved);
        }
        2 => {
            wire.extend(frame(side, BINARY, &vec![1; numbers.size(biggest)]));
            wire.extend(frame(side, CONTINUATION, &vec![2; numbers.size(biggest)]));
            wire.extend(frame(side, CLOSE, &close_body(1000, b"enough")));
        }
        3 => {
            let cut = frame(side, BINARY, &vec![1; 1 + numbers.size(biggest)]);
            wire.extend(&cut[..cut.len() - 1]);
        }
        _ => {}
    }
    (wire, told)
}

/// What a connection and an assembler make of it: what is told, and what is written.
fn assembled(side: Side, wire: &[u8], numbers: &mut Numbers) -> (Told, Vec<u8>) {
    let mut endpoint = Endpoint::with(side, Negotiated::new(), Config::new());
    let mut assembler = Assembler::new(Vec::new(), 16 << 20);
    let (mut told, mut out) = (Told::default(), Vec::new());
    let mut rest = &mut wire.to_vec()[..];
    while !rest.is_empty() {
        let (now, after) = rest.split_at_mut((1 + numbers.size(1 << 20)).min(rest.len()));
        rest = after;
        let mut input = Input::new(now);
        loop {
            match endpoint.receive(&mut input, &mut out) {
                Ok(None) => break,
                Ok(Some(event)) => {
                    let is_close = matches!(event, Event::Close(_));
                    if let Some(message) = assembler.push(event).expect("within the limit") {
                        told.message(&message);
                    }
                    assert!(!is_close || input.is_empty());
                }
                Err(error) => {
                    told.error = Some(error);
                    return (told, out);
                }
            }
        }
    }
    (told, out)
}

/// What a `WebSocket` makes of it, in reads of any size into space of any size. With `echo` it answers,
/// and its peer takes the answers slowly.
fn received<R: Role>(
    mut socket: WebSocket<R>,
    wire: &[u8],
    numbers: &mut Numbers,
    echo: bool,
) -> (Told, Vec<u8>) {
    let (mut told, mut out) = (Told::default(), Vec::new());
    let mut rest = wire;
    loop {
        if socket.wants_read() {
            if rest.is_empty() {
                break;
            }
            let space = if numbers.one_in(3) {
                socket.read_hint()
            } else {
                1 + numbers.size(1 << 20)
            };
            let space = socket.space(space);
            let len = (1 + numbers.below(space.len())).min(rest.len());
            let (now, after) = rest.split_at(len);
            space[..len].copy_from_slice(now);
            rest = after;
            socket.filled(len);
        }
        loop {
            match socket.next_message() {
                Ok(None) => break,
                Ok(Some((message, mut reply))) => {
                    told.message(&message);
                    if echo && message.as_bytes().len() < 100_000 {
                        // It may be full.
                        let _ = reply.message(message);
                    }
                }
                Err(ReceiveError::Protocol(error)) => {
                    told.error = Some(error);
                    out.extend_from_slice(socket.pending());
                    return (told, out);
                }
                Err(error) => panic!("{error}"),
            }
        }
        if numbers.one_in(3) {
            socket
                .tick(Instant::from_millis(0))
                .expect("time stands still");
        }
        if numbers.one_in(5) {
            socket.release();
        }
        if echo {
            let taken = numbers.size(socket.pending().len());
            socket.wrote(taken);
        }
    }
    out.extend_from_slice(socket.pending());
    (told, out)
}

fn key() -> [u8; 4] {
    [0x12, 0x34, 0x56, 0x78]
}

fn socket_of(side: Side, wire: &[u8], numbers: &mut Numbers, echo: bool) -> (Told, Vec<u8>) {
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
    let mut numbers = Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for side in Side::BOTH {
        let (mut wire, mut expected) = wire(side, &mut numbers, biggest);
        let is_damaged = numbers.one_in(4);
        if is_damaged {
            let at = numbers.below(wire.len());
            wire[at] ^= 1 << numbers.below(8);
        }
        let (told, written) = assembled(side, &wire, &mut numbers);
        if is_damaged {
            expected = told;
        } else {
            assert!(told == expected, "assembled, {side:?}, seed {seed}");
        }
        let (told, answers) = socket_of(side, &wire, &mut numbers, false);
        assert!(told == expected, "received, {side:?}, seed {seed}");
        let frames = |out: &[u8]| -> Vec<(u8, Vec<u8>)> {
            let frames = parse_output(side, out).into_iter();
            frames.map(|frame| (frame.first, frame.payload)).collect()
        };
        assert_eq!(frames(&answers), frames(&written), "{side:?}, seed {seed}");
        let (told, _) = socket_of(side, &wire, &mut numbers, true);
        assert!(told == expected, "with answers, {side:?}, seed {seed}");
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
