//! ws-proto and other crates side by side, in memory.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml                 # all; writes RESULTS.md
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- --quick echo # rows with that in the name
//! cargo run --release --manifest-path benches/peers/Cargo.toml --features simd # writes RESULTS-simd.md
//! ```
//!
//! For a profile, `--only=NAME` runs one contender, and `--rounds=N` more or fewer rounds.
//!
//! Everybody works on the same bytes, gives each payload to a black box, validates text, and is
//! checked before it is timed. Only a run of all rows, not `--quick`, writes a file.

mod deflate;
#[path = "../../shared/floor.rs"]
mod floor;
mod goals;
mod handshake;
mod io;
mod measure;
mod others;
mod ours;
mod peer;
mod report;
#[path = "../../shared/wire.rs"]
mod wire;

use std::cell::RefCell;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use io::MemIo;
use measure::{Contender, Effort};
use peer::Runner;
use report::Report;
use wire::{Payload, READ, SIZES};

/// The file that a whole run writes.
const RESULTS: &str = if cfg!(feature = "simd") {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../RESULTS-simd.md")
} else {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../RESULTS.md")
};

const FLOOR: &str = "floor";
const PIECES: &str = "ws-proto Connection, pieces, no copy";

/// Everybody, by name, as an end of a connection over that transport; `frame` is the biggest frame.
fn peers(
    client: bool,
    frame: usize,
    io: impl Fn() -> MemIo,
) -> Vec<(&'static str, Box<dyn Runner>)> {
    fn boxed(runner: impl Runner + 'static) -> Box<dyn Runner> {
        Box::new(runner)
    }
    if client {
        vec![
            (FLOOR, boxed(ours::Floor::client(io(), frame))),
            ("ws-proto Connection", boxed(ours::Core::client(io()))),
            (PIECES, boxed(ours::Pieces::client(io()))),
            ("ws-proto WebSocket", boxed(ours::Easy::client(io()))),
            (
                "tungstenite",
                boxed(others::Tungstenite::new(
                    io(),
                    tungstenite::protocol::Role::Client,
                )),
            ),
            (
                "fastwebsockets",
                boxed(others::Fast::new(io(), fastwebsockets::Role::Client)),
            ),
            ("tokio-websockets", boxed(others::TokioWs::client(io()))),
            (
                "sockudo-ws",
                boxed(others::Sockudo::new(io(), sockudo_ws::Role::Client)),
            ),
            (
                "sockudo-ws Protocol",
                boxed(others::SockudoCore::new(io(), sockudo_ws::Role::Client)),
            ),
            ("yawc", boxed(others::Yawc::new(io(), yawc::Role::Client))),
            ("web-socket", boxed(others::WebSocketCrate::client(io()))),
            (
                "embedded-websocket",
                boxed(others::embedded_client(io(), frame)),
            ),
        ]
    } else {
        vec![
            (FLOOR, boxed(ours::Floor::server(io(), frame))),
            ("ws-proto Connection", boxed(ours::Core::server(io()))),
            (PIECES, boxed(ours::Pieces::server(io()))),
            ("ws-proto WebSocket", boxed(ours::Easy::server(io()))),
            (
                "tungstenite",
                boxed(others::Tungstenite::new(
                    io(),
                    tungstenite::protocol::Role::Server,
                )),
            ),
            (
                "fastwebsockets",
                boxed(others::Fast::new(io(), fastwebsockets::Role::Server)),
            ),
            ("tokio-websockets", boxed(others::TokioWs::server(io()))),
            (
                "sockudo-ws",
                boxed(others::Sockudo::new(io(), sockudo_ws::Role::Server)),
            ),
            (
                "sockudo-ws Protocol",
                boxed(others::SockudoCore::new(io(), sockudo_ws::Role::Server)),
            ),
            ("yawc", boxed(others::Yawc::new(io(), yawc::Role::Server))),
            ("web-socket", boxed(others::WebSocketCrate::server(io()))),
            (
                "embedded-websocket",
                boxed(others::embedded_server(io(), frame)),
            ),
        ]
    }
}

/// How many messages of that size the wire holds.
fn laps(size: usize) -> usize {
    ((128 << 10) / size).clamp(2, 4096)
}

fn receive(name: &str, payload: Payload, size: usize, fragment: Option<usize>) -> Vec<Contender> {
    let (messages, bytes) = (laps(size), payload.bytes(size));
    let mut wire = Vec::new();
    for _ in 0..messages {
        wire::fragmented(
            &mut wire,
            payload.opcode(),
            &bytes,
            fragment.unwrap_or(size),
            true,
        );
    }
    let wire: Rc<[u8]> = wire.into();
    let frame = fragment.unwrap_or(size);
    let io = || MemIo::new(&wire, None);
    let mut contenders = Vec::new();
    for (who, mut runner) in peers(false, frame, io) {
        if fragment.is_some() && who == FLOOR {
            continue;
        }
        let payloads = runner.received(3 * messages);
        let right = payloads.len() >= 3 * messages * size
            && payloads
                .chunks(size)
                .take(3 * messages)
                .all(|payload| payload == bytes);
        assert!(right, "{who} in {name}: wrong payloads");
        contenders.push(Contender {
            name: who,
            lap: messages,
            run: Box::new(move |n| runner.receive(n)),
        });
    }
    contenders
}

/// The payload of each frame that was written.
fn parse(mut wire: &[u8], masked: bool) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    while let [first, second, rest @ ..] = wire {
        assert_eq!((first & 0xf0, second & 0x80 != 0), (0x80, masked));
        let (len, rest) = match second & 0x7f {
            126 => (
                usize::from(u16::from_be_bytes(rest[..2].try_into().unwrap())),
                &rest[2..],
            ),
            127 => (
                u64::from_be_bytes(rest[..8].try_into().unwrap()) as usize,
                &rest[8..],
            ),
            len => (usize::from(len), rest),
        };
        let (key, rest) = rest.split_at(if masked { 4 } else { 0 });
        let (payload, rest) = rest.split_at(len);
        let mut payload = payload.to_vec();
        if masked {
            payload
                .iter_mut()
                .zip(key.iter().cycle())
                .for_each(|(byte, key)| *byte ^= key);
        }
        payloads.push(payload);
        wire = rest;
    }
    payloads
}

fn send(name: &str, client: bool, size: usize) -> Vec<Contender> {
    let payload = Bytes::from(Payload::Binary.bytes(size));
    let nothing: Rc<[u8]> = Vec::new().into();
    let kept = Rc::new(RefCell::new(Vec::new()));
    for (who, mut runner) in peers(client, size, || MemIo::new(&nothing, Some(&kept))) {
        // What is masked in place is gone after the first time.
        let n = if client && who == PIECES { 1 } else { 3 };
        runner.send(n, &payload);
        let frames = parse(&kept.take(), client);
        let right = frames.len() == n && frames.iter().all(|frame| *frame == payload[..]);
        assert!(right, "{who} in {name}: wrong frames");
    }
    peers(client, size, || MemIo::new(&nothing, None))
        .into_iter()
        .map(|(name, mut runner)| {
            let payload = payload.clone();
            Contender {
                name,
                lap: 1,
                run: Box::new(move |n| runner.send(n, &payload)),
            }
        })
        .collect()
}

fn echo(name: &str, size: usize) -> Vec<Contender> {
    let messages = laps(size);
    let wire: Rc<[u8]> = wire::messages(Payload::Binary, size, messages, true).into();
    let bytes = Payload::Binary.bytes(size);
    let kept = Rc::new(RefCell::new(Vec::new()));
    let batch = (READ / size).max(1);
    for (who, mut runner) in peers(false, size, || MemIo::new(&wire, Some(&kept))) {
        if who == PIECES {
            continue;
        }
        runner.echo(3 * messages, batch);
        let frames = parse(&kept.take(), false);
        let right = frames.len() >= 3 * messages && frames.iter().all(|frame| *frame == bytes);
        assert!(right, "{who} in {name}: wrong frames");
    }
    peers(false, size, || MemIo::new(&wire, None))
        .into_iter()
        .filter(|(name, _)| *name != PIECES)
        .map(|(name, mut runner)| Contender {
            name,
            lap: messages,
            run: Box::new(move |n| runner.echo(n, batch)),
        })
        .collect()
}

type Make = Box<dyn FnOnce(&str) -> Vec<Contender>>;
type Row = (String, String, Make);

/// Table, column, and who is in it.
fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut row = |table: String, column: String, make: Make| {
        rows.push((table, column, make));
    };
    for payload in Payload::ALL {
        for size in SIZES {
            let table = format!("receive {}", payload.name());
            row(
                table,
                bytes(size),
                Box::new(move |name| receive(name, payload, size, None)),
            );
        }
    }
    for fragment in [128, 4096] {
        for payload in [Payload::Ascii, Payload::Mixed] {
            let column = format!("{} in {fragment} B", payload.name());
            let make = move |name: &str| receive(name, payload, 64 << 10, Some(fragment));
            row("receive 64 KiB in fragments".into(), column, Box::new(make));
        }
    }
    for (client, table) in [(false, "send server"), (true, "send client")] {
        for size in SIZES {
            row(
                table.into(),
                bytes(size),
                Box::new(move |name| send(name, client, size)),
            );
        }
    }
    for size in SIZES {
        row(
            "echo".into(),
            bytes(size),
            Box::new(move |name| echo(name, size)),
        );
    }
    row(
        "handshake server".into(),
        "500 B".into(),
        Box::new(|_| handshake::server()),
    );
    row(
        "handshake client".into(),
        "130 B".into(),
        Box::new(|_| handshake::client()),
    );
    for size in [1 << 10, 64 << 10] {
        row(
            "inflate JSON".into(),
            bytes(size),
            Box::new(move |name| deflate::receive(name, size)),
        );
        row(
            "deflate JSON".into(),
            bytes(size),
            Box::new(move |name| deflate::send(name, size)),
        );
    }
    rows
}

fn bytes(size: usize) -> String {
    match size {
        0..1024 => format!("{size} B"),
        1024..1_048_576 => format!("{} KiB", size >> 10),
        _ => format!("{} MiB", size >> 20),
    }
}

/// What the other program of this package prints: it counts allocations, which takes time.
fn memory() -> std::io::Result<String> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let mut cargo = Command::new("cargo");
    cargo.args(["run", "-q", "--release", "--manifest-path", manifest]);
    let output = cargo.args(["--bin", "memory"]).output()?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(std::io::Error::other(error));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let filter = arguments
        .iter()
        .find(|argument| !argument.starts_with("--"));
    let option = |name: &str| {
        let mut options = arguments.iter();
        options.find_map(|argument| argument.strip_prefix(name)?.strip_prefix('='))
    };
    let only = option("--only");
    let rounds = option("--rounds").and_then(|rounds| rounds.parse().ok());
    let mut effort = if quick {
        Effort {
            rounds: 7,
            round: Duration::from_micros(500),
        }
    } else {
        Effort {
            rounds: 31,
            round: Duration::from_millis(2),
        }
    };
    effort.rounds = rounds.unwrap_or(effort.rounds);
    let whole = filter.is_none() && !quick && only.is_none() && rounds.is_none();
    let mut report = Report::default();
    for (table, column, make) in rows() {
        let name = format!("{table}, {column}");
        if filter.is_some_and(|filter| !name.contains(filter.as_str())) {
            continue;
        }
        eprintln!("{name}");
        let mut contenders = make(&name);
        contenders.retain(|contender| only.is_none_or(|only| contender.name == only));
        let medians = measure::medians(&mut contenders, effort);
        let names = contenders.iter().map(|contender| contender.name);
        report.add(table, column, names.zip(medians));
    }
    let mut text = report.markdown(quick) + deflate::ABOUT_SOKETTO;
    if whole {
        text += "\n## memory\n\nBytes of ws-proto's connections.\n\n";
        text += &memory()?;
    }
    print!("{text}");
    if whole {
        std::fs::write(RESULTS, text)?;
    }
    Ok(())
}
