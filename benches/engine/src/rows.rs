//! What is counted of an open connection and of a handshake.

use std::hint::black_box;

use ws_proto::handshake::{Accept, ClientHandshake, ClientRequest, Limits, ServerHandshake};
use ws_proto::{
    Assembler, Client, Config, Connection, Event, FixedBuf, Input, MaskSource, Negotiated, Server,
    WebSocket,
};

use crate::floor;
use crate::wire::{self, Payload, READ, SIZES, deliver};
use crate::work::{Row, Work, work};

/// The sizes of the rows that are fed byte by byte.
pub const BYTEWISE_SIZES: [usize; 2] = [125, 1024];

pub fn all() -> Vec<Row> {
    let mut rows = Vec::new();
    for payload in Payload::ALL {
        for size in SIZES {
            receiving(&mut rows, payload, size);
        }
    }
    for payload in [Payload::Ascii, Payload::Mixed] {
        for fragment in [128, 4096] {
            let name = format!("fragmented/{}/{fragment}", payload.name());
            rows.push(Row::new(name, 4, 64 << 10, move || {
                let mut pristine = Vec::new();
                let bytes = payload.bytes(64 << 10);
                for _ in 0..4 {
                    wire::fragmented(&mut pristine, payload.opcode(), &bytes, fragment, true);
                }
                assembled(pristine, 4)
            }));
        }
    }
    for size in BYTEWISE_SIZES {
        rows.push(Row::new(format!("bytewise/{size}"), 1, size, move || {
            received(wire::messages(Payload::Ascii, size, 1, true), 1)
        }));
        rows.push(Row::new(
            format!("receive/ascii/{size}/one"),
            1,
            size,
            move || received(wire::messages(Payload::Ascii, size, 1, true), usize::MAX),
        ));
    }
    rows.push(Row::new("many small frames in one read", 2000, 2, || {
        received(wire::messages(Payload::Ascii, 2, 2000, true), usize::MAX)
    }));
    for size in SIZES {
        sending(&mut rows, size);
        echoing(&mut rows, size);
    }
    rows.push(Row::new("pings/16", 500, 16, pings));
    rows.push(Row::new("handshake/server", 1, 0, server_handshake));
    rows.push(Row::new("handshake/client", 1, 0, client_handshake));
    rows
}

/// How many messages of that size one row takes.
pub fn count(size: usize) -> usize {
    ((64 << 10) / size).clamp(2, 500)
}

pub fn server() -> Connection<Server> {
    Connection::server(Negotiated::new(), Config::new())
}

/// Keys that differ and cost next to nothing: the generator is not counted.
pub struct Keys(u32);

impl MaskSource for Keys {
    fn mask_key(&mut self) -> Option<[u8; 4]> {
        self.0 = self.0.wrapping_mul(0x0019_660d).wrapping_add(0x3c6e_f35f);
        Some(self.0.to_ne_bytes())
    }
}

fn client() -> Connection<Client<Keys>> {
    Connection::client(Negotiated::new(), Config::new(), Keys(1))
}

#[inline(always)]
pub fn deliver_event(event: Event<'_>) {
    match event {
        Event::Text(text) => {
            black_box(text.head);
            deliver(text.body.as_bytes());
        }
        Event::Binary(binary) => deliver(binary.data),
        other => panic!("{other:?}"),
    }
}

fn receiving(rows: &mut Vec<Row>, payload: Payload, size: usize) {
    let name = payload.name();
    let n = count(size);
    let floor = format!("floor/receive/{name}/{size}");
    rows.push(
        Row::new(format!("receive/{name}/{size}"), n, size, move || {
            received(wire::messages(payload, size, n, true), usize::MAX)
        })
        .floor(&floor),
    );
    rows.push(
        Row::new(format!("assembled/{name}/{size}"), n, size, move || {
            assembled(wire::messages(payload, size, n, true), n)
        })
        .floor(&floor),
    );
    rows.push(
        Row::new(
            format!("websocket/receive/{name}/{size}"),
            n,
            size,
            move || {
                let socket = WebSocket::server(Negotiated::new(), Config::new());
                websocket_received(socket, wire::messages(payload, size, n, true), n)
            },
        )
        .floor(&floor),
    );
    rows.push(Row::new(floor, n, size, move || {
        let pristine = wire::messages(payload, size, n, true);
        work(
            pristine.clone(),
            move |bytes| bytes.clone_from(&pristine),
            |bytes| {
                let mut at = 0;
                // No dependency that could switch a feature on in the engine's.
                while let Some((_, payload, len)) =
                    floor::receive(&mut bytes[at..], |text| core::str::from_utf8(text).is_ok())
                {
                    deliver(payload);
                    at += len;
                }
                assert_eq!(at, bytes.len());
            },
        )
    }));
}

/// Pieces, as a `Connection` gives them, of reads of `cut` bytes.
fn received(pristine: Vec<u8>, cut: usize) -> Box<dyn Work> {
    let cut = cut.min(pristine.len());
    work(
        (pristine.clone(), server(), Vec::<u8>::new()),
        move |(bytes, ..)| bytes.clone_from(&pristine),
        move |(bytes, connection, out)| {
            for read in bytes.chunks_mut(cut) {
                let mut input = Input::new(read);
                while let Some(event) = connection.receive(&mut input, out).unwrap() {
                    deliver_event(event);
                }
            }
        },
    )
}

/// Whole messages, in reads of [`READ`] bytes.
fn assembled(pristine: Vec<u8>, messages: usize) -> Box<dyn Work> {
    work(
        (
            pristine.clone(),
            server(),
            Assembler::new(Vec::new(), 16 << 20),
            Vec::<u8>::new(),
        ),
        move |(bytes, ..)| bytes.clone_from(&pristine),
        move |(bytes, connection, assembler, out)| {
            let mut seen = 0;
            for read in bytes.chunks_mut(READ) {
                let mut input = Input::new(read);
                while let Some(event) = connection.receive(&mut input, out).unwrap() {
                    if let Some(message) = assembler.push(event).unwrap() {
                        deliver(message.as_bytes());
                        seen += 1;
                    }
                }
            }
            assert_eq!(seen, messages);
        },
    )
}

/// As [`assembled`] by the easy type: the copy that a read is counts too.
pub fn websocket_received(
    socket: WebSocket<Server>,
    pristine: Vec<u8>,
    messages: usize,
) -> Box<dyn Work> {
    work(
        socket,
        |_| {},
        move |socket| {
            let mut seen = 0;
            let mut rest = pristine.as_slice();
            while !rest.is_empty() {
                let n = socket.read_hint().max(READ).min(rest.len());
                let (read, after) = rest.split_at(n);
                socket.read_buf(n)[..n].copy_from_slice(read);
                socket.advance(n);
                rest = after;
                while let Some((message, _)) = socket.next_message().unwrap() {
                    deliver(message.as_bytes());
                    seen += 1;
                }
            }
            assert_eq!(seen, messages);
        },
    )
}

fn sending(rows: &mut Vec<Row>, size: usize) {
    let n = count(size);
    let payload = move || Payload::Binary.bytes(size);
    rows.push(
        Row::new(format!("send/server/copy/{size}"), n, size, move || {
            work(
                (server(), payload(), Vec::<u8>::new()),
                |_| {},
                move |(connection, payload, out)| {
                    for _ in 0..n {
                        connection.send_binary(black_box(payload), out).unwrap();
                        deliver(out);
                        out.clear();
                    }
                },
            )
        })
        .floor(format!("floor/send/server/copy/{size}")),
    );
    rows.push(
        Row::new(
            format!("send/server/zero-copy/{size}"),
            n,
            size,
            move || {
                work(
                    (server(), payload(), FixedBuf::<16>::new()),
                    |_| {},
                    move |(connection, payload, head)| {
                        for _ in 0..n {
                            let data = connection.frame_binary(black_box(payload), head).unwrap();
                            deliver(head.pending());
                            deliver(data);
                            head.clear();
                        }
                    },
                )
            },
        )
        .floor(format!("floor/send/server/zero-copy/{size}")),
    );
    rows.push(
        Row::new(format!("send/client/copy/{size}"), n, size, move || {
            work(
                (client(), payload(), Vec::<u8>::new()),
                |_| {},
                move |(connection, payload, out)| {
                    for _ in 0..n {
                        connection.send_binary(black_box(payload), out).unwrap();
                        deliver(out);
                        out.clear();
                    }
                },
            )
        })
        .floor(format!("floor/send/client/copy/{size}")),
    );
    rows.push(
        Row::new(format!("send/client/in-place/{size}"), n, size, move || {
            work(
                (client(), payload(), FixedBuf::<16>::new()),
                |_| {},
                move |(connection, payload, head)| {
                    for _ in 0..n {
                        let data = connection.frame_binary(black_box(payload), head).unwrap();
                        deliver(data);
                        deliver(head.pending());
                        head.clear();
                    }
                },
            )
        })
        .floor(format!("floor/send/client/in-place/{size}")),
    );
    rows.push(
        Row::new(
            format!("websocket/send/server/{size}"),
            n,
            size,
            move || {
                let socket = WebSocket::server(Negotiated::new(), Config::new());
                websocket_sent(socket, size, n)
            },
        )
        .floor(format!("floor/send/server/copy/{size}")),
    );
    rows.push(
        Row::new(
            format!("websocket/send/client/{size}"),
            n,
            size,
            move || {
                let socket = WebSocket::client(Negotiated::new(), Config::new(), Keys(1));
                websocket_sent(socket, size, n)
            },
        )
        .floor(format!("floor/send/client/copy/{size}")),
    );
    rows.push(Row::new(
        format!("floor/send/server/copy/{size}"),
        n,
        size,
        move || {
            work(
                (payload(), Vec::new()),
                |_| {},
                move |(payload, out)| {
                    for _ in 0..n {
                        floor::send(out, 0x82, black_box(payload));
                        deliver(out);
                        out.clear();
                    }
                },
            )
        },
    ));
    rows.push(Row::new(
        format!("floor/send/server/zero-copy/{size}"),
        n,
        size,
        move || {
            work(
                payload(),
                |_| {},
                move |payload| {
                    for _ in 0..n {
                        let payload = black_box(&*payload);
                        let mut head = [0; 14];
                        let head_len = floor::header(&mut head, 0x82, 0, payload.len());
                        deliver(&head[..head_len]);
                        deliver(payload);
                    }
                },
            )
        },
    ));
    rows.push(Row::new(
        format!("floor/send/client/copy/{size}"),
        n,
        size,
        move || {
            work(
                (payload(), Vec::new(), Keys(1)),
                |_| {},
                move |(payload, out, keys)| {
                    for _ in 0..n {
                        floor::send_masked(out, 0x82, black_box(payload), keys.mask_key().unwrap());
                        deliver(out);
                        out.clear();
                    }
                },
            )
        },
    ));
    rows.push(Row::new(
        format!("floor/send/client/in-place/{size}"),
        n,
        size,
        move || {
            work(
                (payload(), Keys(1)),
                |_| {},
                move |(payload, keys)| {
                    for _ in 0..n {
                        let payload = black_box(&mut *payload);
                        let key = keys.mask_key().unwrap();
                        let mut head = [0; 14];
                        let head_len = floor::header(&mut head, 0x82, 0x80, payload.len());
                        head[head_len..head_len + 4].copy_from_slice(&key);
                        floor::unmask(payload, key);
                        deliver(&head[..head_len + 4]);
                        deliver(payload);
                    }
                },
            )
        },
    ));
}

fn websocket_sent<R: ws_proto::Role + 'static>(
    socket: WebSocket<R>,
    size: usize,
    n: usize,
) -> Box<dyn Work> {
    work(
        (socket, Payload::Binary.bytes(size)),
        |_| {},
        move |(socket, payload)| {
            for _ in 0..n {
                socket.sender().send_binary(black_box(payload)).unwrap();
                deliver(socket.pending());
                socket.consume(usize::MAX);
            }
        },
    )
}

fn echoing(rows: &mut Vec<Row>, size: usize) {
    let n = count(size);
    let floor = format!("floor/echo/{size}");
    rows.push(
        Row::new(format!("echo/{size}"), n, size, move || {
            let pristine = wire::messages(Payload::Binary, size, n, true);
            work(
                (
                    pristine.clone(),
                    server(),
                    Assembler::new(Vec::new(), 16 << 20),
                    Vec::<u8>::new(),
                ),
                move |(bytes, ..)| bytes.clone_from(&pristine),
                |(bytes, connection, assembler, out)| {
                    for read in bytes.chunks_mut(READ) {
                        let mut input = Input::new(read);
                        while let Some(event) = connection.receive(&mut input, out).unwrap() {
                            if let Some(message) = assembler.push(event).unwrap() {
                                connection.send_binary(message.as_bytes(), out).unwrap();
                            }
                        }
                        deliver(out);
                        out.clear();
                    }
                },
            )
        })
        .floor(&floor),
    );
    rows.push(
        Row::new(format!("websocket/echo/{size}"), n, size, move || {
            let pristine = wire::messages(Payload::Binary, size, n, true);
            let socket = WebSocket::server(Negotiated::new(), Config::new());
            work(
                (pristine, socket),
                |_| {},
                |(pristine, socket)| {
                    let mut rest = pristine.as_slice();
                    while !rest.is_empty() {
                        let n = socket.read_hint().max(READ).min(rest.len());
                        let (read, after) = rest.split_at(n);
                        socket.read_buf(n)[..n].copy_from_slice(read);
                        socket.advance(n);
                        rest = after;
                        while let Some((message, mut reply)) = socket.next_message().unwrap() {
                            reply.send(message).unwrap();
                        }
                        deliver(socket.pending());
                        socket.consume(usize::MAX);
                    }
                },
            )
        })
        .floor(&floor),
    );
    rows.push(Row::new(floor, n, size, move || {
        let pristine = wire::messages(Payload::Binary, size, n, true);
        work(
            (pristine.clone(), Vec::new()),
            move |(bytes, _)| bytes.clone_from(&pristine),
            |(bytes, out)| {
                let mut at = 0;
                while let Some((first, payload, len)) = floor::receive(&mut bytes[at..], |_| true) {
                    floor::send(out, first, payload);
                    at += len;
                    if out.len() >= READ || at == bytes.len() {
                        deliver(out);
                        out.clear();
                    }
                }
            },
        )
    }));
}

fn pings() -> Box<dyn Work> {
    let mut pristine = Vec::new();
    for _ in 0..500 {
        wire::frame(&mut pristine, 0x89, b"sixteen bytes...", true);
    }
    work(
        (pristine.clone(), server(), Vec::<u8>::new()),
        move |(bytes, ..)| bytes.clone_from(&pristine),
        |(bytes, connection, out)| {
            let mut input = Input::new(bytes);
            while let Some(event) = connection.receive(&mut input, out).unwrap() {
                assert!(matches!(event, Event::Ping));
                deliver(connection.control_payload());
                deliver(out);
                out.clear();
            }
        },
    )
}

fn server_handshake() -> Box<dyn Work> {
    work(
        (
            wire::REQUEST.to_vec(),
            FixedBuf::<1024>::new(),
            FixedBuf::<1024>::new(),
        ),
        |(bytes, ..)| wire::REQUEST.clone_into(bytes),
        |(bytes, storage, out)| {
            let mut handshake = ServerHandshake::new(&mut *storage, Limits::new());
            let upgrade = handshake
                .receive(&mut Input::new(bytes), out)
                .unwrap()
                .unwrap();
            deliver(upgrade.target().as_bytes());
            let negotiated = upgrade.accept(&Accept::new(), out).unwrap();
            black_box(Connection::server(negotiated, Config::new()));
            deliver(out.pending());
            out.clear();
        },
    )
}

fn client_handshake() -> Box<dyn Work> {
    work(
        (
            wire::RESPONSE.to_vec(),
            FixedBuf::<1024>::new(),
            FixedBuf::<1024>::new(),
        ),
        |(bytes, ..)| wire::RESPONSE.clone_into(bytes),
        |(bytes, storage, out)| {
            let request = ClientRequest::new("server.example.com", "/chat?room=42");
            let nonce = *b"the sample nonce";
            let mut handshake =
                ClientHandshake::start(request, nonce, &mut *storage, Limits::new(), out).unwrap();
            deliver(out.pending());
            out.clear();
            let established = handshake.receive(&mut Input::new(bytes)).unwrap().unwrap();
            black_box(Connection::client(
                established.negotiated(),
                Config::new(),
                Keys(1),
            ));
        },
    )
}
