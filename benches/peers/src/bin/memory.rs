//! What connections cost in memory.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml --bin memory
//! ```

use std::alloc::System;
use std::mem::size_of_val;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use ws_proto::{Assembler, Config, Connection, Input, Negotiated, Server, WebSocket};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const MILLION: usize = 1_000_000;

/// A masked frame of 125 bytes, and half of one.
fn frame(first: u8) -> Vec<u8> {
    let mut frame = vec![first, 0x80 | 125, 1, 2, 3, 4];
    frame.extend((0..125).map(|index| b'x' ^ [1, 2, 3, 4][index % 4]));
    frame
}

fn server() -> Connection<Server> {
    Connection::server(Negotiated::new(), Config::new())
}

fn heap(region: &Region<'_, System>) -> usize {
    let stats = region.change();
    stats.bytes_allocated - stats.bytes_deallocated
}

fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap_or(0)
        * 1024
}

/// Echoes that message; the buffers belong to the thread.
fn echo(connection: &mut Connection<Server>, read: &mut [u8], out: &mut Vec<u8>) {
    let mut input = Input::new(read);
    out.clear();
    while let Some(event) = connection.receive(&mut input, out).unwrap() {
        let ws_proto::Event::Binary(binary) = event else {
            panic!("{event:?}");
        };
        connection.send_binary(binary.data, out).unwrap();
    }
}

fn main() {
    println!("| | struct | heap |\n|---|---:|---:|");
    let line = |name: &str, size: usize, heap: usize| println!("| {name} | {size} | {heap} |");

    let mut out = Vec::with_capacity(1024);
    let region = Region::new(ALLOCATOR);
    let mut connection = server();
    line("`Connection`, new", size_of_val(&connection), heap(&region));
    let mut read = frame(0x82);
    let region = Region::new(ALLOCATOR);
    echo(&mut connection, &mut read, &mut out);
    line(
        "`Connection`, after an echo of 125 B",
        size_of_val(&connection),
        heap(&region),
    );
    let (mut first, mut half) = (frame(0x02), frame(0x80));
    let mut assembler = Assembler::new(Vec::new(), 16 << 20);
    let region = Region::new(ALLOCATOR);
    for bytes in [&mut first[..], &mut half[..64]] {
        let mut input = Input::new(bytes);
        while let Some(event) = connection.receive(&mut input, &mut out).unwrap() {
            assert!(assembler.push(event).unwrap().is_none());
        }
    }
    let size = size_of_val(&connection) + size_of_val(&assembler);
    line(
        "`Connection` and `Assembler`, 183 B into a message",
        size,
        heap(&region),
    );

    let region = Region::new(ALLOCATOR);
    let mut socket = WebSocket::server(Negotiated::new(), Config::new());
    line("`WebSocket`, new", size_of_val(&socket), heap(&region));
    let whole = frame(0x82);
    socket.read_buf(4096)[..whole.len()].copy_from_slice(&whole);
    socket.advance(whole.len());
    while let Some((message, mut reply)) = socket.next_message().unwrap() {
        reply.send(message).unwrap();
    }
    socket.consume(usize::MAX);
    line(
        "`WebSocket`, after an echo of 125 B",
        size_of_val(&socket),
        heap(&region),
    );
    socket.release();
    line(
        "the same, after `release`",
        size_of_val(&socket),
        heap(&region),
    );

    let before = resident();
    let mut all: Vec<Connection<Server>> = Vec::with_capacity(MILLION);
    all.resize_with(MILLION, server);
    let wire = frame(0x82);
    let mut read = wire.clone();
    for connection in &mut all {
        read.copy_from_slice(&wire);
        echo(connection, &mut read, &mut out);
    }
    let now = resident();
    let each = (now - before) as f64 / MILLION as f64;
    println!("\n{MILLION} connections that have echoed a message: {each:.1} resident bytes each,");
    println!(
        "{:.1} MiB for the whole process; the goal is 256.",
        now as f64 / (1 << 20) as f64
    );
    assert_eq!(all.len(), MILLION);
}
