//! The same scenarios for every shell: what the peer sends, how the stream takes and gives bytes, and what
//! has to come of it.
//!
//! A shell plays a [`Scenario`] over its [`SharedScript`] stream: it takes whole messages, sends each back, and
//! reports an [`Outcome`]. [`check_all`] holds that against what [`by_hand`] makes of it, a driver of a few
//! lines that knows nothing but [`WebSocket`].
#![allow(clippy::missing_panics_doc, reason = "it is for tests")]

use std::io::{self, ErrorKind, Read, Write};

use ws_proto::socket::{Failure, Next, Received, Want};
use ws_proto::{Client, Config, Negotiated, OwnedMessage, Role, Server, WebSocket};

use ws_proto_test::Side;
use ws_proto_test::stream::{Script, SharedScript};
use ws_proto_test::wire::{
    BINARY, CLOSE, CONTINUATION, FIN, Frame, PING, PONG, TEXT, close_body, frame, parse_output,
};

/// What a stream does, and which end the shell is.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it is, for the message of a test that fails.
    pub name: String,
    /// Which end the shell is.
    pub side: Side,
    script: Script,
    /// Whether a write fails: then it is not said how much was written before.
    breaks_writes: bool,
}

impl Scenario {
    /// The stream of the shell.
    #[must_use]
    pub fn stream(&self) -> SharedScript {
        SharedScript::new(self.script.clone())
    }

    /// The configuration of the connection.
    pub fn config() -> Config {
        Config::new().keepalive(None).max_message(1000)
    }
}

/// How a connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// After a closing handshake.
    Clean,
    /// The stream has ended before.
    Eof,
    /// What was received could not be accepted; the code of the Close frame.
    Refused(Option<u16>),
    /// The stream has failed.
    Stream,
}

/// What came of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The messages, in order.
    pub messages: Vec<OwnedMessage>,
    /// The code and reason of the peer's Close.
    pub closed: Option<(Option<u16>, String)>,
    /// How it has ended.
    pub ending: Ending,
}

/// Plays every scenario with a shell, at most `most` of them chosen evenly, and compares messages, end and
/// output with those of a driver by hand. Returns how many were played.
pub fn check_all(most: usize, mut play: impl FnMut(&Scenario, SharedScript) -> Outcome) -> usize {
    let all = scenarios();
    let step = all.len().div_ceil(most).max(1);
    let mut played = 0;
    for scenario in all.iter().step_by(step) {
        let stream = scenario.stream();
        let outcome = play(scenario, stream.clone());
        let reference = scenario.stream();
        let expected = by_hand(scenario, reference.clone());
        assert_eq!(outcome, expected, "{}", scenario.name);
        if !scenario.breaks_writes {
            let frames = |stream: &SharedScript| output(scenario.side, &stream.written());
            let (written, wanted) = (frames(&stream), frames(&reference));
            assert_eq!(written, wanted, "output of {}", scenario.name);
        }
        played += 1;
    }
    played
}

fn output(side: Side, bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let frames = parse_output(side, bytes).into_iter();
    frames
        .map(|Frame { first, payload, .. }| (first, payload))
        .collect()
}

/// A driver of a few lines: what every shell has to be like.
#[must_use]
pub fn by_hand(scenario: &Scenario, stream: SharedScript) -> Outcome {
    let (negotiated, config) = (Negotiated::new(), Scenario::config());
    match scenario.side {
        Side::Server => {
            let socket: WebSocket<Server> = WebSocket::server(negotiated, config);
            drive(socket, stream)
        }
        Side::Client => {
            let keys: fn() -> [u8; 4] = || [1, 2, 3, 4];
            let socket: WebSocket<Client<_>> = WebSocket::client(negotiated, config, keys);
            drive(socket, stream)
        }
    }
}

fn drive<R: Role>(mut socket: WebSocket<R>, mut stream: SharedScript) -> Outcome {
    let mut messages = Vec::new();
    let mut is_taking = true;
    let mut buffer = vec![0; 1 << 16];
    for _ in 0..1_000_000 {
        if is_taking {
            match socket.poll_next(Want::Message) {
                Ok(Next::Received(Received::Message(message, mut sender))) => {
                    messages.push(message.into_owned());
                    let _ = sender.send(message);
                    continue;
                }
                Ok(Next::Yield) => continue,
                Ok(Next::End) | Err(_) => is_taking = false,
                Ok(_) => {}
            }
        }
        write(&mut socket, &mut stream);
        if socket.wants_half_close() {
            stream.end_writing();
            socket.half_closed();
        }
        if socket.is_over() {
            break;
        }
        if socket.wants_read() {
            match stream.read(&mut buffer) {
                Ok(0) => {
                    let _ = socket.receive_eof();
                }
                Ok(n) => drop(socket.receive(&mut buffer[..n])),
                Err(error) if is_retried(&error) => {}
                Err(_) => socket.read_failed(),
            }
        }
    }
    assert!(socket.is_over(), "it comes to an end");
    let connection = socket.connection();
    Outcome {
        messages,
        closed: connection.is_close_received().then(|| {
            let code = connection.close_code().map(ws_proto::CloseCode::as_u16);
            (code, connection.close_reason().to_owned())
        }),
        ending: match socket.failure() {
            None => Ending::Clean,
            Some(Failure::Eof(_)) => Ending::Eof,
            Some(Failure::Receive(error)) => {
                Ending::Refused(error.close_code().map(ws_proto::CloseCode::as_u16))
            }
            Some(_) => Ending::Stream,
        },
    }
}

fn write<R: Role>(socket: &mut WebSocket<R>, stream: &mut SharedScript) {
    while socket.pending_bytes() > 0 {
        match stream.write(socket.pending()) {
            Ok(n) => socket.consume(n),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if is_retried(&error) => return,
            Err(_) => return socket.write_failed(),
        }
    }
}

fn is_retried(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

type Frames<'f> = &'f [(u8, &'f [u8])];

const NORMAL: &[u8] = b"\x03\xe8";

/// What the peer sends.
fn conversations(side: Side) -> Vec<(&'static str, Vec<u8>)> {
    let reason = close_body(1008, b"bad token");
    let long = [b'x'; 300];
    let over = [b'x'; 1001];
    let lists: [(&str, Frames<'_>); 14] = [
        ("nothing", &[]),
        ("a text", &[(FIN | TEXT, b"hi"), (FIN | CLOSE, NORMAL)]),
        (
            "several messages",
            &[
                (FIN | TEXT, b"1"),
                (FIN | BINARY, &long),
                (FIN | TEXT, b""),
                (FIN | CLOSE, b""),
            ],
        ),
        (
            "fragments and pings",
            &[
                (FIN | PING, b"a"),
                (TEXT, "\u{20ac}".as_bytes()),
                (FIN | PING, b"b"),
                (FIN | CONTINUATION, b"end"),
                (FIN | PONG, b""),
                (FIN | CLOSE, &reason),
            ],
        ),
        ("no close", &[(FIN | TEXT, b"one"), (FIN | BINARY, b"two")]),
        ("a message left open", &[(BINARY, b"begun")]),
        (
            "a ping before a message",
            &[
                (FIN | PING, b"p"),
                (FIN | TEXT, b"m"),
                (FIN | CLOSE, NORMAL),
            ],
        ),
        ("a close with a reason", &[(FIN | CLOSE, &reason)]),
        (
            "after a close",
            &[(FIN | CLOSE, NORMAL), (FIN | TEXT, b"?")],
        ),
        ("a wrong opcode", &[(FIN | TEXT, b"before"), (0x83, b"")]),
        (
            "wrong text",
            &[(FIN | TEXT, b"ok"), (FIN | TEXT, b"\xff\xff")],
        ),
        ("too much", &[(FIN | TEXT, b"ok"), (FIN | BINARY, &over)]),
        (
            "too much in parts",
            &[(BINARY, &long), (CONTINUATION, &over)],
        ),
        ("a wrong code", &[(FIN | CLOSE, b"\x03\xed")]),
    ];
    lists
        .iter()
        .map(|(name, list)| {
            let wire = list
                .iter()
                .flat_map(|(first, payload)| frame(side, *first, payload))
                .collect();
            (*name, wire)
        })
        .collect()
}

/// All scenarios: each conversation in reads of several sizes, with writes that take all, little or block,
/// and with the stream ending or failing at every byte.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let mut all = Vec::new();
    for side in Side::BOTH {
        for (name, wire) in conversations(side) {
            for size in [1, 2, 7, 64, 10_000] {
                for (writes, name_of_writes) in write_scripts() {
                    let reads = wire.chunks(size).map(|chunk| Ok(chunk.to_vec()));
                    let mut script = Script::new().then_reads(reads);
                    let breaks_writes = writes
                        .iter()
                        .any(|write| write.is_err_and(|kind| kind != ErrorKind::WouldBlock));
                    script = script.then_writes(writes);
                    if name_of_writes == "a byte at a time" {
                        script = script.write_always(1);
                    }
                    all.push(Scenario {
                        name: format!("{side:?}: {name}, reads of {size}, {name_of_writes}"),
                        side,
                        script,
                        breaks_writes,
                    });
                }
            }
            let places = (0..=wire.len()).filter(|at| wire.len() < 100 || at % 50 < 10);
            for at in places {
                for fault in [
                    ErrorKind::ConnectionReset,
                    ErrorKind::UnexpectedEof,
                    ErrorKind::WouldBlock,
                    ErrorKind::Interrupted,
                ] {
                    let (before, after) = wire.split_at(at);
                    let mut script = Script::new();
                    if !before.is_empty() {
                        script = script.then_read(before);
                    }
                    script = script.then_read_error(fault);
                    if !after.is_empty() {
                        script = script.then_read(after);
                    }
                    all.push(Scenario {
                        name: format!("{side:?}: {name}, {fault:?} at {at}"),
                        side,
                        script,
                        breaks_writes: false,
                    });
                }
                // The stream ends there.
                let mut script = Script::new();
                if at > 0 {
                    script = script.then_read(&wire[..at]);
                }
                all.push(Scenario {
                    name: format!("{side:?}: {name}, the end at {at}"),
                    side,
                    script,
                    breaks_writes: false,
                });
            }
        }
    }
    all
}

fn write_scripts() -> Vec<(Vec<Result<usize, ErrorKind>>, &'static str)> {
    let block = Err(ErrorKind::WouldBlock);
    vec![
        (vec![], "writes take all"),
        (vec![], "a byte at a time"),
        (vec![Ok(1), block, Ok(2), block, block], "writes that block"),
        (vec![block; 5], "nothing is taken at first"),
        (vec![Err(ErrorKind::BrokenPipe)], "the first write fails"),
        (
            vec![Ok(3), Err(ErrorKind::ConnectionReset)],
            "the second write fails",
        ),
    ]
}
