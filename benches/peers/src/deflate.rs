//! permessage-deflate with context takeover, level 6, memory level 8, windows of 32 KiB, both ways.
//! The floor is bare zlib-rs on the same messages: no frames, no masks, no UTF-8.
//!
//! The floor inflates each message in one call. Reads end inside of messages, and whoever inflates
//! the received part makes two calls of one; the second floor makes the calls that ws-proto's reads lead
//! to.

use std::cell::RefCell;
use std::iter;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use ws_proto::extension::deflate::{Deflate as Config, DeflateParams};
use ws_proto::{Server, WebSocket};
use yawc::CompressionLevel;
use zlib_rs::{Deflate, DeflateConfig, DeflateFlush, Inflate, InflateFlush};

use crate::FLOOR;
use crate::io::{MemIo, block_on};
use crate::measure::Contender;
use crate::ours::Easy;
use crate::peer::{Peer, Sink};
use crate::wire::{self, deliver, json};

const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
const LEVEL: u8 = 6;
/// What all others have; ws-proto has less by default.
const MEM_LEVEL: u8 = 8;

fn messages(size: usize) -> Vec<Bytes> {
    let count = ((512 << 10) / size).max(4);
    (0..count)
        .map(|seed| json(size, seed as u64).into())
        .collect()
}

fn deflater() -> Deflate {
    Deflate::new_with_config(DeflateConfig {
        window_bits: -15,
        mem_level: i32::from(MEM_LEVEL),
        ..DeflateConfig::new(i32::from(LEVEL))
    })
}

/// A message, flushed, without the four bytes at the end.
fn compress<'o>(stream: &mut Deflate, message: &[u8], out: &'o mut [u8]) -> &'o [u8] {
    let before = stream.total_out();
    stream
        .compress(message, out, DeflateFlush::SyncFlush)
        .unwrap();
    let len = (stream.total_out() - before) as usize;
    out[..len].strip_suffix(&TAIL).unwrap()
}

fn compressed(messages: &[Bytes]) -> Vec<Vec<u8>> {
    let mut stream = deflater();
    let one = |message: &Bytes| {
        let mut out = vec![0; message.len() + 64];
        compress(&mut stream, message, &mut out).to_vec()
    };
    messages.iter().map(one).collect()
}

struct Yawc(yawc::WebSocket<MemIo>);

impl Yawc {
    fn new(io: MemIo) -> Self {
        let options = yawc::Options::default()
            .with_compression_level(CompressionLevel::new(u32::from(LEVEL)))
            .with_utf8()
            .with_limits(16 << 20, 64 << 20);
        let agreed = Some("permessage-deflate");
        let socket =
            yawc::WebSocket::from_stream_with_extensions(io, yawc::Role::Server, agreed, options);
        Self(socket.unwrap())
    }
}

impl Peer for Yawc {
    fn receive(&mut self, n: usize, sink: &mut impl Sink) {
        block_on(async {
            for _ in 0..n {
                sink.message(self.0.next_frame().await.unwrap().payload());
            }
        });
    }

    fn send(&mut self, n: usize, payload: &Bytes) {
        block_on(async {
            for _ in 0..n {
                self.0
                    .send(yawc::Frame::text(payload.clone()))
                    .await
                    .unwrap();
            }
        });
    }

    fn echo(&mut self, _: usize, _: usize) {}
}

struct Sockudo(sockudo_ws::CompressedWebSocketStream<MemIo>);

impl Sockudo {
    fn new(io: MemIo) -> Self {
        let mut config = crate::others::sockudo_config();
        config.auto_ping = false;
        let deflate = sockudo_ws::DeflateConfig {
            compression_level: u32::from(LEVEL),
            ..sockudo_ws::DeflateConfig::default()
        };
        Self(sockudo_ws::CompressedWebSocketStream::server(
            io, config, deflate,
        ))
    }
}

impl Peer for Sockudo {
    fn receive(&mut self, n: usize, sink: &mut impl Sink) {
        block_on(async {
            for _ in 0..n {
                sink.message(self.0.next().await.unwrap().unwrap().as_bytes());
            }
        });
    }

    fn send(&mut self, n: usize, payload: &Bytes) {
        block_on(async {
            for _ in 0..n {
                self.0
                    .send(sockudo_ws::Message::Text(payload.clone()))
                    .await
                    .unwrap();
            }
        });
    }

    fn echo(&mut self, _: usize, _: usize) {}
}

/// What a read may bring: frames are cut less often.
const DEFLATE_READ: usize = 64 << 10;

/// ws-proto's is the easy type: it is the one with everything in it.
fn ours(io: MemIo) -> Easy<Server> {
    let config = Config::new().level(LEVEL).mem_level(MEM_LEVEL);
    let params = DeflateParams::new();
    let socket = WebSocket::server(params.negotiated(), ws_proto::Config::new());
    let socket = socket.with_read_size(DEFLATE_READ);
    Easy::with(io, socket.with_deflate(&config, params))
}

pub fn receive(name: &str, size: usize) -> Vec<Contender> {
    let messages = messages(size);
    let bodies = compressed(&messages);
    let mut wire = Vec::new();
    let mut pieces = Vec::new();
    for body in &bodies {
        wire::frame(&mut wire, 0xc1, body, true);
        pieces.push(as_read(body, wire.len()));
    }
    let wire: Rc<[u8]> = wire.into();
    let whole = bodies.iter().map(|body| vec![[&body[..], &TAIL].concat()]);
    let mut contenders = vec![
        floor(FLOOR, size, whole.collect()),
        floor("floor, in ws-proto's pieces", size, pieces),
    ];
    let expected = messages.concat();
    let io = || MemIo::new(&wire, None);
    check_and_add(
        &mut contenders,
        name,
        "ws-proto",
        ours(io()),
        &expected,
        messages.len(),
    );
    check_and_add(
        &mut contenders,
        name,
        "yawc",
        Yawc::new(io()),
        &expected,
        messages.len(),
    );
    check_and_add(
        &mut contenders,
        name,
        "sockudo-ws",
        Sockudo::new(io()),
        &expected,
        messages.len(),
    );
    contenders
}

/// The last frame of a wire of `end` bytes so far, in the pieces that reads of it give, and the
/// tail.
fn as_read(body: &[u8], end: usize) -> Vec<Vec<u8>> {
    let start = end - body.len();
    let to_the_end_of_the_read = DEFLATE_READ - start % DEFLATE_READ;
    let (head, rest) = body.split_at(to_the_end_of_the_read.min(body.len()));
    iter::once(head)
        .chain(rest.chunks(DEFLATE_READ))
        .chain([&TAIL[..]])
        .map(<[u8]>::to_vec)
        .collect()
}

/// Bare zlib-rs, by a call for each piece, into a buffer that is there.
fn floor(name: &'static str, size: usize, messages: Vec<Vec<Vec<u8>>>) -> Contender {
    let mut stream = Inflate::new(false, 15);
    let mut out = vec![0; size + 64];
    let (lap, mut at) = (messages.len(), 0);
    let run = Box::new(move |n| {
        for _ in 0..n {
            let before = stream.total_out();
            for piece in &messages[at] {
                let len = (stream.total_out() - before) as usize;
                stream
                    .decompress(piece, &mut out[len..], InflateFlush::SyncFlush)
                    .unwrap();
            }
            assert_eq!((stream.total_out() - before) as usize, size);
            deliver(&out[..size]);
            at = (at + 1) % messages.len();
        }
    });
    Contender { name, lap, run }
}

fn check_and_add(
    contenders: &mut Vec<Contender>,
    row: &str,
    name: &'static str,
    mut peer: impl Peer + 'static,
    expected: &[u8],
    messages: usize,
) {
    // More than `messages` may come, if a read brings them.
    let mut payloads = Vec::new();
    peer.receive(messages, &mut payloads);
    assert!(
        payloads.starts_with(expected),
        "{name} in {row}: wrong payloads"
    );
    let run = Box::new(move |n| peer.receive(n, &mut crate::peer::BlackBox));
    contenders.push(Contender {
        name,
        lap: messages,
        run,
    });
}

pub fn send(name: &str, size: usize) -> Vec<Contender> {
    let messages: Rc<[Bytes]> = messages(size).into();
    let nothing: Rc<[u8]> = Vec::new().into();
    let mut contenders = Vec::new();
    let (all, mut at) = (Rc::clone(&messages), 0);
    let mut stream = deflater();
    let mut out = vec![0; size + 64];
    contenders.push(Contender {
        name: FLOOR,
        lap: messages.len(),
        run: Box::new(move |n| {
            for _ in 0..n {
                deliver(compress(&mut stream, &all[at], &mut out));
                at = (at + 1) % all.len();
            }
        }),
    });
    let kept = Rc::new(RefCell::new(Vec::new()));
    let mut add = |who: &'static str,
                   mut checked: Box<dyn crate::Runner>,
                   mut timed: Box<dyn crate::Runner>| {
        for message in messages.iter() {
            checked.send(1, message);
        }
        let inflated = inflate(&kept.take(), size * messages.len());
        assert!(
            inflated == messages.concat(),
            "{who} in {name}: wrong messages"
        );
        let (all, mut at) = (Rc::clone(&messages), 0);
        let run = Box::new(move |n| {
            for _ in 0..n {
                timed.send(1, &all[at]);
                at = (at + 1) % all.len();
            }
        });
        contenders.push(Contender {
            name: who,
            lap: messages.len(),
            run,
        });
    };
    let checked = || MemIo::new(&nothing, Some(&kept));
    let timed = || MemIo::new(&nothing, None);
    add(
        "ws-proto",
        Box::new(ours(checked())),
        Box::new(ours(timed())),
    );
    add(
        "yawc",
        Box::new(Yawc::new(checked())),
        Box::new(Yawc::new(timed())),
    );
    add(
        "sockudo-ws",
        Box::new(Sockudo::new(checked())),
        Box::new(Sockudo::new(timed())),
    );
    contenders
}

/// What unmasked frames that are compressed hold together.
fn inflate(mut wire: &[u8], len: usize) -> Vec<u8> {
    let mut stream = Inflate::new(false, 15);
    let mut out = vec![0; len + 64];
    while let [first, second, rest @ ..] = wire {
        assert_eq!(first & 0xf0, 0xc0);
        let (len, rest) = match second {
            126 => (
                usize::from(u16::from_be_bytes(rest[..2].try_into().unwrap())),
                &rest[2..],
            ),
            127 => (
                u64::from_be_bytes(rest[..8].try_into().unwrap()) as usize,
                &rest[8..],
            ),
            len => (usize::from(*len), rest),
        };
        let (body, rest) = rest.split_at(len);
        let at = stream.total_out() as usize;
        let input = [body, &TAIL].concat();
        stream
            .decompress(&input, &mut out[at..], InflateFlush::SyncFlush)
            .unwrap();
        wire = rest;
    }
    out.truncate(stream.total_out() as usize);
    out
}

/// For the report. Its C zlib would also become the backend of the others in one build with them.
pub const ABOUT_SOKETTO: &str = "
soketto 0.8.1 is in no deflate table. It keeps no context: `f2 00 11 00 00`, the second message of
RFC 7692 7.2.3.2, is a \"corrupt deflate stream\" to it, and it compresses each message anew, at level
1. With flate2 1.1.11 the first one is an \"incomplete deflate stream\" too.
";
