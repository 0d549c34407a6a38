//! Twice the input, twice the instructions: nothing in the engine is quadratic.

use ws_proto::handshake::{
    Accept, ClientHandshake, ClientRequest, ExtensionOffer, Limits, ServerHandshake,
};
use ws_proto::{
    Assembler, Config, Connection, Event, Input, Limited, Negotiated, Output, WebSocket,
};

use crate::rows::{deliver_event, server};
use crate::wire::{self, Payload, deliver};
use crate::work::{Row, Work, work};

/// How many times the instructions twice the input may take.
pub const LIMIT: f64 = 2.05;

type Setup = fn(usize) -> Box<dyn Work>;

/// What is doubled, and from how many.
const TABLE: [(&str, usize, Setup); 16] = [
    ("bytes of a head", 4000, |n| {
        head(long_request(n), usize::MAX)
    }),
    ("bytes of a head, one at a time", 4000, |n| {
        head(long_request(n), 1)
    }),
    ("header lines", 48, |n| {
        head(request_of_lines(n), usize::MAX)
    }),
    ("header lines, a byte at a time", 48, |n| {
        head(request_of_lines(n), 1)
    }),
    ("bytes of an answer", 4000, |n| answer(n, usize::MAX)),
    ("bytes of an answer, one at a time", 4000, |n| answer(n, 1)),
    ("lines of an answer", 48, answer_of_lines),
    ("extensions", 8, extensions),
    ("extensions of an answer", 8, answered_extensions),
    ("fragments", 1024, |n| fragments(n, wire::READ)),
    ("fragments, a byte at a time", 512, |n| fragments(n, 1)),
    ("pings", 500, pings),
    ("splits", 4096, splits),
    ("drains of a queue", 4096, drains),
    ("drains of an easy socket", 4096, socket_drains),
    ("queued sends", 500, queued_sends),
];

pub fn all() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, n, setup) in TABLE {
        rows.push(Row::new(format!("scaling/{name}/1"), 1, 0, move || {
            setup(n)
        }));
        rows.push(Row::new(format!("scaling/{name}/2"), 1, 0, move || {
            setup(2 * n)
        }));
    }
    rows
}

/// Whether that is a row of this table.
pub fn is_one(name: &str) -> bool {
    name.starts_with("scaling/")
}

/// What is doubled, and the rows for once and twice of it.
pub fn pairs() -> Vec<(String, String, String)> {
    let pair = |(name, ..): &(&str, usize, Setup)| {
        let row = |times| format!("scaling/{name}/{times}");
        ((*name).to_owned(), row(1), row(2))
    };
    TABLE.iter().map(pair).collect()
}

fn request(fields: &str) -> Vec<u8> {
    let head = String::from_utf8(wire::REQUEST.to_vec()).unwrap();
    head.replace("Pragma: no-cache\r\n", fields).into_bytes()
}

fn long_request(bytes: usize) -> Vec<u8> {
    let fixed = request("X-Long: \r\n").len();
    request(&format!("X-Long: {}\r\n", "x".repeat(bytes - fixed)))
}

fn request_of_lines(lines: usize) -> Vec<u8> {
    let fixed = request("").iter().filter(|byte| **byte == b'\n').count() - 1;
    let fields: String = (fixed..lines)
        .map(|line| format!("X-Header-{line:03}: a value\r\n"))
        .collect();
    request(&fields)
}

fn limits() -> Limits {
    Limits::new().lines(128).head_bytes(64 << 10)
}

/// A server's handshake, the request in pieces of `cut` bytes.
fn head(request: Vec<u8>, cut: usize) -> Box<dyn Work> {
    let cut = cut.min(request.len());
    work(
        (request.clone(), Vec::new(), Vec::new()),
        move |(bytes, _, _)| bytes.clone_from(&request),
        move |(bytes, storage, out)| {
            let mut handshake = ServerHandshake::new(&mut *storage, limits());
            let mut done = false;
            out.clear();
            for piece in bytes.chunks_mut(cut) {
                let mut input = Input::new(piece);
                if let Some(upgrade) = handshake.receive(&mut input, out).unwrap() {
                    upgrade.extensions().for_each(drop);
                    upgrade.accept(&Accept::new(), out).unwrap();
                    done = true;
                }
            }
            assert!(done);
        },
    )
}

fn answer(n: usize, cut: usize) -> Box<dyn Work> {
    let field = format!("X-Long: {}\r\n", "x".repeat(n - 140));
    client(&field, Vec::new(), cut)
}

fn answer_of_lines(n: usize) -> Box<dyn Work> {
    let line = |line| format!("X-Header-{line:03}: a value\r\n");
    client(
        &(4..n).map(line).collect::<String>(),
        Vec::new(),
        usize::MAX,
    )
}

/// A client's handshake with these fields in the answer, in pieces of `cut` bytes.
fn client(fields: &str, offers: Vec<ExtensionOffer<'static>>, cut: usize) -> Box<dyn Work> {
    let mut response = wire::RESPONSE.to_vec();
    response.truncate(response.len() - 2);
    response.extend_from_slice(fields.as_bytes());
    response.extend_from_slice(b"\r\n");
    let cut = cut.min(response.len());
    work(
        (response.clone(), Vec::new(), Vec::new()),
        move |(bytes, _, _)| bytes.clone_from(&response),
        move |(bytes, storage, out)| {
            out.clear();
            let request = ClientRequest::new("server.example.com", "/chat").extensions(&offers);
            let mut handshake =
                ClientHandshake::start(request, *b"the sample nonce", &mut *storage, limits(), out)
                    .unwrap();
            let mut done = false;
            for piece in bytes.chunks_mut(cut) {
                done = handshake.receive(&mut Input::new(piece)).unwrap().is_some();
            }
            assert!(done);
        },
    )
}

fn extensions(n: usize) -> Box<dyn Work> {
    head(request(&extensions_field(n)), usize::MAX)
}

fn answered_extensions(n: usize) -> Box<dyn Work> {
    let offers = EXTENSIONS.iter().take(n);
    let offers = offers.map(|name| ExtensionOffer::new(name, &[]));
    client(&extensions_field(n), offers.collect(), usize::MAX)
}

fn extensions_field(n: usize) -> String {
    let element = |name: &&str| {
        let params: String = (0..8)
            .map(|param| format!("; parameter{param}=1{param}"))
            .collect();
        format!("{name}{params}")
    };
    let elements: Vec<String> = EXTENSIONS.iter().take(n).map(element).collect();
    format!("Sec-WebSocket-Extensions: {}\r\n", elements.join(", "))
}

/// As many as a head may have.
const EXTENSIONS: [&str; 16] = [
    "extension-00",
    "extension-01",
    "extension-02",
    "extension-03",
    "extension-04",
    "extension-05",
    "extension-06",
    "extension-07",
    "extension-08",
    "extension-09",
    "extension-10",
    "extension-11",
    "extension-12",
    "extension-13",
    "extension-14",
    "extension-15",
];

/// A message of `n` fragments, in reads of `cut` bytes, put together.
fn fragments(n: usize, cut: usize) -> Box<dyn Work> {
    let mut pristine = Vec::new();
    wire::fragmented(&mut pristine, 1, &Payload::Mixed.bytes(16 * n), 16, true);
    work(
        (
            pristine.clone(),
            server(),
            Assembler::new(Vec::new(), 1 << 20),
            Vec::new(),
        ),
        move |(bytes, ..)| bytes.clone_from(&pristine),
        move |(bytes, connection, assembler, out)| {
            let mut messages = 0;
            for piece in bytes.chunks_mut(cut) {
                let mut input = Input::new(piece);
                while let Some(event) = connection.receive(&mut input, out).unwrap() {
                    if let Some(message) = assembler.push(event).unwrap() {
                        deliver(message.as_bytes());
                        messages += 1;
                    }
                }
            }
            assert_eq!(messages, 1);
        },
    )
}

fn pings(n: usize) -> Box<dyn Work> {
    let mut pristine = Vec::new();
    for _ in 0..n {
        wire::frame(&mut pristine, 0x89, b"are you there?", true);
    }
    work(
        (pristine.clone(), server(), Vec::<u8>::new()),
        move |(bytes, ..)| bytes.clone_from(&pristine),
        move |(bytes, connection, out)| {
            out.clear();
            let mut input = Input::new(bytes);
            while let Some(event) = connection.receive(&mut input, out).unwrap() {
                assert!(matches!(event, Event::Ping));
            }
            assert_eq!(out.len(), n * 16);
        },
    )
}

/// A message of `n` bytes, one byte a read.
fn splits(n: usize) -> Box<dyn Work> {
    let pristine = wire::messages(Payload::Mixed, n, 1, true);
    work(
        (pristine.clone(), server(), Vec::<u8>::new()),
        move |(bytes, ..)| bytes.clone_from(&pristine),
        |(bytes, connection, out)| {
            for piece in bytes.chunks_mut(1) {
                let mut input = Input::new(piece);
                while let Some(event) = connection.receive(&mut input, out).unwrap() {
                    deliver_event(event);
                }
            }
        },
    )
}

/// `n` bytes in a queue, taken in small steps while more is put after them.
fn drains(n: usize) -> Box<dyn Work> {
    work(
        Limited::new(usize::MAX),
        move |out| {
            out.consume(usize::MAX);
            out.put(&vec![b'x'; n]);
        },
        |out| {
            while out.pending().len() > 7 {
                out.consume(7);
                out.put(b"abc");
                deliver(out.pending());
            }
        },
    )
}

fn socket_drains(n: usize) -> Box<dyn Work> {
    let socket = WebSocket::server(Negotiated::new(), Config::new()).with_high_water(1 << 30);
    work(
        socket,
        move |socket| {
            for _ in 0..n / 16 {
                socket.sender().send_binary(b"sixteen bytes...").unwrap();
            }
        },
        |socket| {
            while !socket.pending().is_empty() {
                deliver(socket.pending());
                socket.consume(7);
            }
        },
    )
}

/// The queue has grown before: how a `Vec` grows is the allocator's.
fn queued_sends(n: usize) -> Box<dyn Work> {
    work(
        (
            Connection::server(Negotiated::new(), Config::new()),
            Limited::new(usize::MAX),
        ),
        |(_, out)| out.consume(usize::MAX),
        move |(connection, out)| {
            for _ in 0..n {
                connection.send_binary(&[b'x'; 100], out).unwrap();
            }
            deliver(out.pending());
        },
    )
}
