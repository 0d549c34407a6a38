//! The same scenarios for the byte streams of every shell: what the peer sends and how the stream is cut or fails, and what
//! has to be read of it; the writes, and the bytes expected on the wire.
//!
//! A shell plays a [`Reading`] or a [`Writing`] over its [`SharedScript`] stream. [`check_reading`] holds its reads against
//! what `by_hand` does, a driver of a few lines over whole reads; [`check_writing`] reads the wire as the peer does.
#![allow(clippy::missing_panics_doc, reason = "it is for tests")]

use std::io::{self, ErrorKind, Read};

use ws_proto::byte_stream::{ByteStreamError, ByteStreamOptions};
use ws_proto::extension::deflate::{Deflate, DeflateParams};
use ws_proto::socket::{Failure, Next, Received, Want};
use ws_proto::{
    CloseCode, CloseReason, Config, EitherRole, Fin, Message, Negotiated, WebSocket, WebSocketError,
};

use crate::Side;
use crate::wire::{BINARY, FIN, PING, TEXT, frame};
use ws_proto_test::stream::Script;
use ws_proto_test::stream::SharedScript;

/// Masking keys that every run has alike.
pub type Keys = fn() -> [u8; 4];

/// The engine's connection of either role.
pub type Socket = WebSocket<EitherRole<Keys>>;

/// A connection of the engine's. With `deflate` every message is compressed.
#[must_use]
pub fn socket(side: Side, deflate: bool) -> Socket {
    let keys: Keys = || [1, 2, 3, 4];
    let role = match side {
        Side::Server => EitherRole::server(),
        Side::Client => EitherRole::client(keys),
    };
    let config = Config::new().keepalive(None).max_message(1 << 24);
    if !deflate {
        return WebSocket::with_role(Negotiated::new(), config, role);
    }
    let params = DeflateParams::new();
    let socket = WebSocket::with_role(params.negotiated(), config, role);
    socket.with_deflate(&compressing(), params)
}

/// Compresses every message, however short.
pub fn compressing() -> Deflate {
    Deflate::new().threshold(0)
}

/// How a byte stream has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// By 0 bytes.
    Clean,
    /// With a Close that is no clean end.
    Closed(Option<u16>, String),
    /// Without a Close.
    Eof,
    /// With a Close of a clean end, inside of a message.
    Unfinished(Option<u16>),
    /// What was received could not be accepted; the code of our Close.
    Refused(Option<u16>),
    /// By an error of the stream below.
    Stream(ErrorKind),
}

impl End {
    /// What `error` is.
    #[must_use]
    pub fn of(error: &io::Error) -> Self {
        match ByteStreamError::of(error) {
            None => Self::Stream(error.kind()),
            Some(inner @ ByteStreamError::Closed { .. }) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
                let code = inner.close_code().map(CloseCode::as_u16);
                Self::Closed(code, inner.close_reason().to_owned())
            }
            Some(ByteStreamError::Eof(_)) => {
                assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
                Self::Eof
            }
            Some(inner @ ByteStreamError::Unfinished { .. }) => {
                assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
                Self::Unfinished(inner.close_code().map(CloseCode::as_u16))
            }
            Some(inner @ ByteStreamError::Receive(_)) => {
                assert_eq!(error.kind(), ErrorKind::InvalidData);
                Self::Refused(inner.close_code().map(CloseCode::as_u16))
            }
            Some(inner) => panic!("no end of reading: {inner:?}"),
        }
    }
}

/// What a reader does, and what its stream gives.
#[derive(Clone, Debug)]
pub struct Reading {
    /// What it is, for the message of a test that fails.
    pub name: String,
    /// Which end the shell is.
    pub side: Side,
    /// Whether permessage-deflate was agreed on.
    pub deflate: bool,
    /// How many bytes each read has room for; 0 reads by `BufRead`, and takes a part of what that gives.
    pub room: usize,
    script: Script,
}

/// What was read, and how it has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// All bytes.
    pub bytes: Vec<u8>,
    /// How it has ended.
    pub end: End,
}

/// Plays every way of reading with a shell. Returns how many were played.
pub fn check_reading(mut play: impl FnMut(&Reading, SharedScript) -> Outcome) -> usize {
    let all = readings();
    for reading in &all {
        let outcome = play(reading, SharedScript::new(reading.script.clone()));
        let expected = by_hand(reading, SharedScript::new(reading.script.clone()));
        assert_eq!(outcome, expected, "{}", reading.name);
    }
    all.len()
}

/// A driver of a few lines: the bytes expected.
fn by_hand(reading: &Reading, mut stream: SharedScript) -> Outcome {
    let mut socket = socket(reading.side, reading.deflate);
    let (mut bytes, mut transport) = (Vec::new(), None);
    let mut buffer = vec![0; 1 << 16];
    let (mut is_refused, mut is_open) = (false, false);
    while !socket.is_over() && !is_refused {
        match stream.read(&mut buffer) {
            Ok(0) => drop(socket.receive_eof()),
            Ok(n) => drop(socket.receive(&mut buffer[..n])),
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => {
                socket.read_failed();
                transport.get_or_insert(error.kind());
            }
        }
        loop {
            match socket.poll_next(Want::Piece) {
                Ok(Next::Received(Received::Piece(piece, _))) => {
                    is_open = !piece.last;
                    match piece.data {
                        Message::Binary(data) => bytes.extend_from_slice(data),
                        Message::Text(_) => is_refused = true,
                    }
                }
                Ok(Next::Received(_) | Next::Yield | Next::Write) => {}
                _ => break,
            }
            if is_refused {
                break;
            }
        }
        socket.consume(socket.pending_bytes());
        if socket.wants_half_close() {
            socket.half_closed();
        }
    }
    let connection = socket.connection();
    let end = match socket.failure() {
        _ if is_refused => End::Refused(Some(1003)),
        Some(Failure::Eof(_)) => End::Eof,
        Some(Failure::Receive(error)) => {
            End::Refused(WebSocketError::close_code(error).map(CloseCode::as_u16))
        }
        Some(_) => End::Stream(transport.expect("an error of the stream")),
        None => match connection.close_code().map(CloseCode::as_u16) {
            code @ (None | Some(1000 | 1001)) if is_open => End::Unfinished(code),
            None | Some(1000 | 1001) => End::Clean,
            code => End::Closed(code, connection.close_reason().to_owned()),
        },
    };
    Outcome { bytes, end }
}

/// What the peer sends, step by step.
enum Step<'s> {
    Binary(&'s [u8]),
    Parts(&'s [&'s [u8]]),
    Frame(u8, &'s [u8]),
    Close(u16, &'s str),
    CloseEmpty,
}

fn encode(side: Side, deflate: bool, steps: &[Step<'_>]) -> Vec<u8> {
    let mut peer = socket(side.peer(), deflate);
    let mut wire = Vec::new();
    for step in steps {
        let mut sender = peer.sender();
        match step {
            Step::Binary(data) => sender.send_binary(data).unwrap(),
            Step::Parts(parts) => {
                for (n, part) in parts.iter().enumerate() {
                    let fin = if n + 1 == parts.len() {
                        Fin::Yes
                    } else {
                        Fin::No
                    };
                    sender.send_binary_part(part, fin).unwrap();
                }
            }
            Step::Frame(first, payload) => {
                wire.extend(frame(side, *first, payload));
                continue;
            }
            Step::Close(code, reason) => {
                let (code, reason) = (CloseCode::new(*code), CloseReason::new(reason));
                sender.close(code.unwrap(), reason.unwrap()).unwrap();
            }
            Step::CloseEmpty => sender.close_empty().unwrap(),
        }
        wire.extend_from_slice(peer.pending());
        peer.consume(peer.pending_bytes());
    }
    wire
}

fn conversations(side: Side, deflate: bool) -> Vec<(&'static str, Vec<u8>)> {
    let long: Vec<u8> = (0..300_u32).map(|n| (n * n) as u8).collect();
    let parts: [&[u8]; 4] = [b"first", b"", &long[..99], b"last"];
    let all: [(&str, &[Step<'_>]); 13] = [
        ("nothing", &[]),
        ("no bytes", &[Step::Close(1000, "")]),
        (
            "messages, one of them empty",
            &[
                Step::Binary(b"one"),
                Step::Binary(b""),
                Step::Binary(&long),
                Step::CloseEmpty,
            ],
        ),
        (
            "fragments and pings",
            &[
                Step::Frame(PING, b"a"),
                Step::Parts(&parts),
                Step::Frame(PING, b"b"),
                Step::Binary(b"after"),
                Step::Close(1001, "going"),
            ],
        ),
        (
            "a code that is no clean end",
            &[Step::Binary(b"data"), Step::Close(1011, "no disk")],
        ),
        ("a code of a program", &[Step::Close(4000, "")]),
        ("no close", &[Step::Binary(b"one"), Step::Binary(&long)]),
        (
            "a text",
            &[Step::Binary(b"bytes"), Step::Frame(FIN | TEXT, b"text")],
        ),
        (
            "a text in parts",
            &[
                Step::Binary(b"bytes"),
                Step::Frame(TEXT, b""),
                Step::Binary(b""),
            ],
        ),
        (
            "a fault",
            &[
                Step::Binary(b"before"),
                Step::Frame(0x83, b""),
                Step::Binary(b"not this"),
            ],
        ),
        (
            "after a close",
            &[
                Step::Binary(b"data"),
                Step::Close(1000, ""),
                Step::Frame(FIN | TEXT, b"?"),
            ],
        ),
        (
            "a close inside of a message",
            &[
                Step::Binary(b"data"),
                Step::Frame(BINARY, b"half"),
                Step::Frame(0, b"more"),
                Step::Close(1001, "going"),
            ],
        ),
        ("many", &[const { Step::Binary(b"m") }; 40]),
    ];
    all.iter()
        .map(|(name, steps)| (*name, encode(side, deflate, steps)))
        .collect()
}

/// Every conversation in reads of several sizes from the stream and into the reader's buffer, and with the stream ending,
/// failing or blocking at every byte.
fn readings() -> Vec<Reading> {
    const ROOMS: [usize; 6] = [1, 2, 3, 64, 100_000, 0];
    let mut all = Vec::new();
    for (side, deflate) in Side::BOTH
        .into_iter()
        .flat_map(|side| [(side, false), (side, true)])
    {
        for (conversation, wire) in conversations(side, deflate) {
            let mut add = |how: String, room: usize, script: Script| {
                let compressed = if deflate { ", compressed" } else { "" };
                all.push(Reading {
                    name: format!("{side:?}{compressed}: {conversation}, {how}, room for {room}"),
                    side,
                    deflate,
                    room,
                    script,
                });
            };
            for (size, room) in [1, 2, 5, 64, 10_000]
                .into_iter()
                .flat_map(|size| ROOMS.map(|room| (size, room)))
            {
                let reads = wire.chunks(size).map(|chunk| Ok(chunk.to_vec()));
                add(
                    format!("reads of {size}"),
                    room,
                    Script::new().then_reads(reads),
                );
            }
            for at in 0..=wire.len() {
                let (before, after) = wire.split_at(at);
                let start = || match before {
                    [] => Script::new(),
                    before => Script::new().then_read(before),
                };
                let faults = [
                    ErrorKind::ConnectionReset,
                    ErrorKind::UnexpectedEof,
                    ErrorKind::WouldBlock,
                    ErrorKind::Interrupted,
                ];
                for (n, fault) in faults.into_iter().enumerate() {
                    let mut script = start().then_read_error(fault);
                    if !after.is_empty() {
                        script = script.then_read(after);
                    }
                    add(
                        format!("{fault:?} at {at}"),
                        ROOMS[(at + n) % ROOMS.len()],
                        script,
                    );
                }
                add(format!("the end at {at}"), ROOMS[at % ROOMS.len()], start());
            }
        }
    }
    all
}

/// What a writer does, and how its stream takes it.
#[derive(Clone, Debug)]
pub struct Writing {
    /// What it is, for the message of a test that fails.
    pub name: String,
    /// Which end the shell is.
    pub side: Side,
    /// Whether permessage-deflate was agreed on.
    pub deflate: bool,
    /// How many bytes each write is given.
    pub size: usize,
    /// How many buffers a write has: more than one is a vectored write.
    pub buffers: usize,
    /// The options of the byte stream.
    pub options: ByteStreamOptions,
    /// All that is to be written, before the stream is shut down.
    pub data: Vec<u8>,
    script: Script,
    fails: bool,
}

/// Plays every way of writing with a shell: all data, a flush, and shutting down. Returns how many were played.
pub fn check_writing(mut play: impl FnMut(&Writing, SharedScript) -> io::Result<()>) -> usize {
    let all = writings();
    for writing in &all {
        let stream = SharedScript::new(writing.script.clone());
        let written = play(writing, stream.clone());
        let (messages, read, closed) = as_peer(writing, &stream.written());
        let name = &writing.name;
        if writing.fails {
            let error = written.expect_err(name);
            assert_eq!(
                End::of(&error),
                End::Stream(ErrorKind::ConnectionReset),
                "{name}"
            );
            assert!(writing.data.starts_with(&read), "{name}");
            continue;
        }
        written.expect(name);
        assert!(read == writing.data, "{name}");
        assert_eq!(closed, Some(1000), "{name}");
        let most = writing.options.get_message_size().min(writing.size);
        assert!(
            messages.iter().all(|len| (1..=most).contains(len)),
            "{name}"
        );
        if writing.data.len() % writing.size == 0 && writing.size % most == 0 {
            assert_eq!(messages.len(), writing.data.len() / most, "{name}");
        }
    }
    all.len()
}

/// The lengths of whole messages, all bytes, and the code of the Close, as the peer receives them.
fn as_peer(writing: &Writing, wire: &[u8]) -> (Vec<usize>, Vec<u8>, Option<u16>) {
    let mut peer = socket(writing.side.peer(), writing.deflate);
    let mut wire = wire.to_vec();
    drop(peer.receive(&mut wire));
    let (mut lens, mut bytes) = (vec![0], Vec::new());
    loop {
        match peer.poll_next(Want::Piece).expect("no fault") {
            Next::Received(Received::Piece(piece, _)) => {
                let data = piece.data.as_bytes();
                bytes.extend_from_slice(data);
                *lens.last_mut().unwrap() += data.len();
                if piece.last {
                    lens.push(0);
                }
            }
            Next::Received(_) | Next::Yield | Next::Write => {}
            _ => break,
        }
    }
    lens.pop();
    let code = peer.connection().close_code().map(CloseCode::as_u16);
    (lens, bytes, code)
}

fn writings() -> Vec<Writing> {
    let mut all = Vec::new();
    let block = Err(ErrorKind::WouldBlock);
    let data: Vec<u8> = (0..240_u32).map(|n| (n * 7) as u8).collect();
    for (side, deflate) in Side::BOTH
        .into_iter()
        .flat_map(|side| [(side, false), (side, true)])
    {
        let mut add = |how: &str, size, buffers, most, fails, script: Script| {
            all.push(Writing {
                name: format!(
                    "{side:?}, deflate {deflate}: writes of {size} in {buffers}, messages of {most}, {how}"
                ),
                side,
                deflate,
                size,
                buffers,
                options: ByteStreamOptions::new().message_size(most),
                data: data.clone(),
                script,
                fails,
            });
        };
        for (size, most) in [1, 2, 7, 60, 240]
            .into_iter()
            .flat_map(|size| [1, 5, 60, 1000].map(|most| (size, most)))
        {
            for buffers in [1, 2, 5] {
                let stream = || Script::new().block_at_the_end();
                add("all is taken", size, buffers, most, false, stream());
                add(
                    "a byte at a time",
                    size,
                    buffers,
                    most,
                    false,
                    stream().write_always(1),
                );
                let blocks =
                    stream().then_writes([Ok(1), block, Ok(2), block, block, Ok(3), block]);
                add("some block", size, buffers, most, false, blocks);
            }
        }
        for at in 0..240 {
            let script = Script::new().block_at_the_end();
            let script = script.then_writes((0..at).map(|_| Ok(1)));
            let script = script.then_write_error(ErrorKind::ConnectionReset);
            let (size, buffers) = ([1, 9, 240][at % 3], 1 + at % 2);
            add(&format!("fails at {at}"), size, buffers, 50, true, script);
        }
    }
    all
}
