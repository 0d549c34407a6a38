//! One message to many connections: to each as any other, and prepared once.

use std::hint::black_box;
use std::sync::Arc;

use ws_proto::extension::deflate::{Deflate, DeflateParams};
use ws_proto::{Config, Connection, Negotiated, PreparedMessage, Server, WebSocket};

use crate::rows::server;
use crate::wire::{Payload, deliver, json};
use crate::work::{Row, Work, work};

type Shared = Arc<[u8]>;
type Prepared = PreparedMessage<Shared>;

/// The payloads: the last one is kept by reference in a queue.
const SIZES: [usize; 3] = [100, 4096, 16 * 1024];
const COUNT: usize = 500;
const COMPRESSED: usize = 1024;
/// To so many connections goes a message that is compressed once.
const CONNECTIONS: usize = 1000;

/// The rows of a prepared message, of any other message, and what the first may take of the second.
pub fn goals() -> [(&'static str, &'static str, &'static str, f64); 3] {
    [
        (
            "a prepared send of 100 B, to any other",
            "prepared/slices/100",
            "prepared/ordinary/100",
            0.5,
        ),
        (
            "the same of a `WebSocket`",
            "prepared/websocket/vectored/100",
            "prepared/websocket/ordinary/100",
            0.5,
        ),
        (
            "a compressed one, to compressing for each",
            "prepared/deflate/1024",
            "prepared/deflate/ordinary/1024",
            0.02,
        ),
    ]
}

pub fn all() -> Vec<Row> {
    let mut rows = Vec::new();
    for size in SIZES {
        sending(&mut rows, size);
        queueing(&mut rows, size);
    }
    compressing(&mut rows);
    rows
}

/// By a connection: the ordinary one is copied.
fn sending(rows: &mut Vec<Row>, size: usize) {
    let floor = format!("prepared/slices/{size}");
    rows.push(
        Row::new(
            format!("prepared/ordinary/{size}"),
            COUNT,
            size,
            move || {
                work(
                    (server(), Payload::Binary.bytes(size), Vec::<u8>::new()),
                    |_| {},
                    |(connection, payload, out)| {
                        for _ in 0..COUNT {
                            connection.send_binary(black_box(payload), out).unwrap();
                            deliver(out);
                            out.clear();
                        }
                    },
                )
            },
        )
        .floor(&floor),
    );
    rows.push(
        Row::new(format!("prepared/copy/{size}"), COUNT, size, move || {
            work(
                (server(), prepared(size), Vec::<u8>::new()),
                |_| {},
                |(connection, message, out)| {
                    for _ in 0..COUNT {
                        connection.send_prepared(black_box(message), out).unwrap();
                        deliver(out);
                        out.clear();
                    }
                },
            )
        })
        .floor(&floor),
    );
    rows.push(Row::new(floor, COUNT, size, move || {
        work(
            (server(), prepared(size)),
            |_| {},
            |(connection, message)| {
                for _ in 0..COUNT {
                    let frame = connection.frame_prepared(black_box(message)).unwrap();
                    frame.into_iter().for_each(deliver);
                }
            },
        )
    }));
}

/// By the easy type: through its queue, and past it.
fn queueing(rows: &mut Vec<Row>, size: usize) {
    let floor = format!("prepared/websocket/vectored/{size}");
    rows.push(
        Row::new(
            format!("prepared/websocket/ordinary/{size}"),
            COUNT,
            size,
            move || {
                queued(Payload::Binary.bytes(size), |socket, payload| {
                    socket.sender().send_binary(black_box(payload)).unwrap();
                    write(socket);
                })
            },
        )
        .floor(&floor),
    );
    rows.push(
        Row::new(
            format!("prepared/websocket/{size}"),
            COUNT,
            size,
            move || {
                queued(prepared(size), |socket, message| {
                    socket.sender().send_prepared(black_box(message)).unwrap();
                    write(socket);
                })
            },
        )
        .floor(&floor),
    );
    rows.push(Row::new(floor, COUNT, size, move || {
        queued(prepared(size), |socket, message| {
            let sender = socket.sender();
            let send = sender.send_prepared_vectored(black_box(message)).unwrap();
            send.slices().into_iter().for_each(deliver);
            send.consume(usize::MAX);
        })
    }));
}

fn prepared(size: usize) -> Prepared {
    Prepared::binary(Payload::Binary.bytes(size).into())
}

type Socket = WebSocket<Server, Shared>;

fn queued<M: 'static>(message: M, send: impl Fn(&mut Socket, &M) + 'static) -> Box<dyn Work> {
    let socket = WebSocket::server(Negotiated::new(), Config::new()).sharing();
    work(
        (socket, message),
        |_| {},
        move |(socket, message)| {
            for _ in 0..COUNT {
                send(socket, message);
            }
        },
    )
}

/// As the shells write.
fn write(socket: &mut Socket) {
    let first = socket.pending();
    if first.len() == socket.pending_bytes() {
        deliver(first);
    } else {
        socket.pending_slices().for_each(deliver);
    }
    socket.consume(usize::MAX);
}

/// With takeover: each connection has a compressor of its own, and the history for it. The ordinary row is one of them
/// that sends as many messages. In the other each delivery is to another connection, and the one compression counts.
fn compressing(rows: &mut Vec<Row>) {
    let floor = format!("prepared/deflate/{COMPRESSED}");
    let new = || {
        let params = DeflateParams::new();
        let connection = Connection::server(params.negotiated(), Config::new());
        (connection, Deflate::new().server(params).0)
    };
    rows.push(
        Row::new(
            format!("prepared/deflate/ordinary/{COMPRESSED}"),
            CONNECTIONS,
            COMPRESSED,
            move || {
                let messages: Vec<Vec<u8>> = (0..CONNECTIONS)
                    .map(|seed| json(COMPRESSED, seed as u64))
                    .collect();
                work(
                    (new(), Vec::<u8>::new()),
                    |_| {},
                    move |((connection, encoder), out)| {
                        for message in &messages {
                            let message = black_box(message);
                            encoder.send_binary(connection, message, out).unwrap();
                            deliver(out);
                            out.clear();
                        }
                    },
                )
            },
        )
        .floor(&floor),
    );
    rows.push(Row::new(floor, CONNECTIONS, COMPRESSED, move || {
        let message: Shared = json(COMPRESSED, 0).into();
        work(
            Vec::from_iter((0..CONNECTIONS).map(|_| new())),
            |_| {},
            move |all| {
                let message = Prepared::binary(Arc::clone(black_box(&message)));
                for (connection, encoder) in all {
                    let frame = encoder.frame_prepared(connection, &message).unwrap();
                    frame.into_iter().for_each(deliver);
                }
            },
        )
    }));
}
