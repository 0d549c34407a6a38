//! permessage-deflate with takeover, level 6, windows of 32 KiB: whole messages of JSON by the easy
//! type. The floor is bare zlib-rs on the same messages, each in one call into a buffer that is
//! there: no frames, no masks, no UTF-8. The framed floor does these too, and as little for them as
//! the floors of the other rows.

use std::hint::black_box;

use ws_proto::extension::deflate::{Deflate as Settings, DeflateParams};
use ws_proto::{Config, Server, WebSocket};
use zlib_rs::{Deflate, DeflateConfig, DeflateFlush, Inflate, InflateFlush};

use crate::floor;
use crate::rows::websocket_received;
use crate::wire::{self, deliver, json};
use crate::work::{Row, Work, work};

const SIZES: [usize; 2] = [1024, 64 << 10];
const LEVEL: u8 = 6;
/// The engine's own default; the backend's would be 8, which is other work.
const MEM_LEVEL: u8 = 5;
const WINDOW_BITS: u8 = 15;
/// What a sender takes off the end of each message.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// Room after a message: the backend wants a little to see the end of it.
const SLACK: usize = 64;

pub fn all() -> Vec<Row> {
    let mut rows = Vec::new();
    for size in SIZES {
        receiving(&mut rows, size);
        sending(&mut rows, size);
    }
    rows
}

fn receiving(rows: &mut Vec<Row>, size: usize) {
    let (floor, framed) = (
        format!("floor/deflate/receive/{size}"),
        format!("floor/deflate/receive/framed/{size}"),
    );
    let n = count(size);
    rows.push(
        Row::new(format!("deflate/receive/{size}"), n, size, move || {
            websocket_received(socket(), masked(&compressed(size)), n)
        })
        .floor(&floor),
    );
    rows.push(Row::new(framed, n, size, move || framed_floor(size)).floor(&floor));
    rows.push(Row::new(floor, n, size, move || {
        let bodies: Vec<Vec<u8>> = (compressed(size).iter())
            .map(|body| [&body[..], &TAIL].concat())
            .collect();
        let stream = Inflate::new(false, WINDOW_BITS);
        work(
            (stream, vec![0; size + SLACK]),
            |_| {},
            move |(stream, out)| {
                for body in &bodies {
                    deliver(inflate(stream, body, out, size));
                }
            },
        )
    }));
}

fn framed_floor(size: usize) -> Box<dyn Work> {
    let pristine = masked(&compressed(size));
    let stream = Inflate::new(false, WINDOW_BITS);
    work(
        (pristine.clone(), stream, vec![0; size + SLACK], Vec::new()),
        move |(bytes, ..)| bytes.clone_from(&pristine),
        move |(bytes, stream, out, body)| {
            let mut at = 0;
            while let Some((_, payload, len)) = floor::receive(&mut bytes[at..], |_| true) {
                body.clear();
                body.extend_from_slice(payload);
                body.extend_from_slice(&TAIL);
                let text = inflate(stream, body, out, size);
                deliver(core::str::from_utf8(text).unwrap().as_bytes());
                at += len;
            }
            assert_eq!(at, bytes.len());
        },
    )
}

fn sending(rows: &mut Vec<Row>, size: usize) {
    let n = count(size);
    let floor = format!("floor/deflate/send/{size}");
    rows.push(
        Row::new(format!("deflate/send/{size}"), n, size, move || {
            let texts: Vec<String> = messages(size)
                .into_iter()
                .map(|message| String::from_utf8(message).unwrap())
                .collect();
            work(
                socket(),
                |_| {},
                move |socket| {
                    for text in &texts {
                        socket.sender().send_text(black_box(text)).unwrap();
                        deliver(socket.pending());
                        let written = socket.pending().len();
                        socket.consume(written);
                    }
                },
            )
        })
        .floor(&floor),
    );
    rows.push(Row::new(floor, n, size, move || {
        let messages = messages(size);
        let stream = deflater();
        work(
            (stream, vec![0; size + SLACK]),
            |_| {},
            move |(stream, out)| {
                for message in &messages {
                    deliver(deflate(stream, message, out));
                }
            },
        )
    }));
}

fn count(size: usize) -> usize {
    (256 << 10) / size
}

fn messages(size: usize) -> Vec<Vec<u8>> {
    (0..count(size))
        .map(|seed| json(size, seed as u64))
        .collect()
}

fn socket() -> WebSocket<Server> {
    let params = DeflateParams::new();
    WebSocket::server(params.negotiated(), Config::new())
        .with_deflate(&Settings::new().level(LEVEL).mem_level(MEM_LEVEL), params)
}

fn deflater() -> Deflate {
    Deflate::new_with_config(DeflateConfig {
        window_bits: -i32::from(WINDOW_BITS),
        mem_level: i32::from(MEM_LEVEL),
        ..DeflateConfig::new(i32::from(LEVEL))
    })
}

fn compressed(size: usize) -> Vec<Vec<u8>> {
    let mut stream = deflater();
    let mut out = vec![0; size + SLACK];
    (messages(size).iter())
        .map(|message| deflate(&mut stream, message, &mut out).to_vec())
        .collect()
}

fn masked(bodies: &[Vec<u8>]) -> Vec<u8> {
    let mut wire = Vec::new();
    for body in bodies {
        wire::frame(&mut wire, 0xc1, body, true);
    }
    wire
}

/// A message, flushed, without the tail.
#[inline(always)]
fn deflate<'o>(stream: &mut Deflate, message: &[u8], out: &'o mut [u8]) -> &'o [u8] {
    let before = stream.total_out();
    stream
        .compress(message, out, DeflateFlush::SyncFlush)
        .unwrap();
    let written = (stream.total_out() - before) as usize;
    out[..written].strip_suffix(&TAIL).unwrap()
}

/// A message with its tail.
#[inline(always)]
fn inflate<'o>(stream: &mut Inflate, body: &[u8], out: &'o mut [u8], size: usize) -> &'o [u8] {
    let before = stream.total_out();
    stream
        .decompress(body, out, InflateFlush::SyncFlush)
        .unwrap();
    assert_eq!((stream.total_out() - before) as usize, size);
    &out[..size]
}
