//! What is counted: each server, for each size, alone and in bursts.

use std::os::unix::net::UnixStream;
use std::rc::Rc;

use ws_proto_tokio::{Negotiated, Options};

use crate::client::Client;
use crate::counted::Traffic;
use crate::echo::{by_hand, others, ours};
use crate::task::{OnSmol, OnTokio, Smol, Task, Tokio};
use crate::work::{Row, Work};
use crate::{blocking, epoll};

pub const SIZES: [usize; 4] = [32, 1024, 16 << 10, 64 << 10];

/// How many messages come at once, and what that is called.
pub const BURSTS: [(usize, &str); 2] = [(1, "alone"), (16, "burst")];

/// What the names of other implementations begin with.
pub const OTHER: &str = "other/";

pub fn is_ours(name: &str) -> bool {
    !name.starts_with(OTHER)
}

/// A server: its name, that of its floor, and how it is made.
struct Shell {
    name: &'static str,
    floor: Option<&'static str>,
    start: Start,
}

enum Start {
    Tokio(fn(Tokio) -> Task),
    Smol(fn(Smol) -> Task),
    Mio,
    Epoll,
    Io,
    Blocking,
}

/// Only for bursts: alone, an answer has no other answer to wait for.
const FEED: [&str; 2] = ["tokio/feed", "smol/feed"];

fn shells() -> Vec<Shell> {
    use Start as S;

    let shell = |name, floor, start| Shell { name, floor, start };
    let on_tokio = Some("floor/tokio");
    let on_smol = Some("floor/smol");
    vec![
        shell(
            "tokio/send",
            on_tokio,
            S::Tokio(|stream| Box::pin(ours::tokio_send(tokio(stream)))),
        ),
        shell(
            "tokio/feed",
            on_tokio,
            S::Tokio(|stream| Box::pin(ours::tokio_feed(tokio(stream)))),
        ),
        shell(
            "tokio/batch",
            on_tokio,
            S::Tokio(|stream| Box::pin(ours::tokio_batch(tokio(stream)))),
        ),
        shell(
            "smol/send",
            on_smol,
            S::Smol(|stream| Box::pin(ours::smol_send(smol(stream)))),
        ),
        shell(
            "smol/feed",
            on_smol,
            S::Smol(|stream| Box::pin(ours::smol_feed(smol(stream)))),
        ),
        shell(
            "smol/batch",
            on_smol,
            S::Smol(|stream| Box::pin(ours::smol_batch(smol(stream)))),
        ),
        shell("mio", Some("floor/epoll"), S::Mio),
        shell("io", Some("floor/blocking"), S::Io),
        shell(
            "floor/tokio",
            None,
            S::Tokio(|stream| Box::pin(by_hand::on_tokio(stream, by_hand::Echo::open()))),
        ),
        shell(
            "floor/smol",
            None,
            S::Smol(|stream| Box::pin(by_hand::on_smol(stream, by_hand::Echo::open()))),
        ),
        shell("floor/epoll", None, S::Epoll),
        shell("floor/blocking", None, S::Blocking),
        shell(
            "other/fastwebsockets",
            on_tokio,
            S::Tokio(|stream| Box::pin(others::fastwebsockets(fastwebsockets(stream)))),
        ),
        shell(
            "other/tokio-websockets",
            on_tokio,
            S::Tokio(|stream| Box::pin(others::tokio_websockets(tokio_websockets(stream)))),
        ),
        shell(
            "other/tokio-tungstenite",
            on_tokio,
            S::Tokio(|stream| Box::pin(tokio_tungstenite(stream))),
        ),
    ]
}

fn tokio(stream: Tokio) -> ws_proto_tokio::WebSocket<Tokio> {
    ws_proto_tokio::server(stream, Negotiated::new(), Options::new())
}

fn smol(stream: Smol) -> ws_proto_smol::WebSocket<Smol> {
    ws_proto_smol::server(stream, Negotiated::new(), Options::new())
}

fn fastwebsockets(stream: Tokio) -> fastwebsockets::WebSocket<Tokio> {
    fastwebsockets::WebSocket::after_handshake(stream, fastwebsockets::Role::Server)
}

fn tokio_websockets(stream: Tokio) -> tokio_websockets::WebSocketStream<Tokio> {
    tokio_websockets::ServerBuilder::new().serve(stream)
}

async fn tokio_tungstenite(stream: Tokio) -> crate::echo::Result<()> {
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::protocol::Role;

    others::tokio_tungstenite(WebSocketStream::from_raw_socket(stream, Role::Server, None).await)
        .await
}

/// So many bursts that the beginning and the end of a run do not show.
fn bursts(size: usize, together: usize) -> usize {
    match (size, together) {
        (..=1024, 1) => 200,
        (_, 1) => 50,
        (..=1024, _) => 20,
        _ => 4,
    }
}

pub fn all() -> Vec<Row> {
    let mut rows = Vec::new();
    for size in SIZES {
        for (together, traffic) in BURSTS {
            for Shell { name, floor, start } in shells() {
                if together == 1 && FEED.contains(&name) {
                    continue;
                }
                let count = bursts(size, together);
                let row = format!("{name}/{size}/{traffic}");
                let row = Row::new(row, count * together, size, move || {
                    Box::new(Echoes::new(start, size, together, count))
                });
                rows.push(match floor {
                    Some(floor) => row.floor(format!("{floor}/{size}/{traffic}")),
                    None => row,
                });
            }
        }
    }
    rows
}

enum Started {
    Tokio(OnTokio),
    Smol(OnSmol),
    Mio(Box<epoll::Shell>),
    Epoll(epoll::Floor),
    Io(blocking::Shell),
    Blocking(blocking::Floor),
}

impl Start {
    fn start(self, stream: UnixStream, client: &Client, traffic: &Rc<Traffic>) -> Started {
        match self {
            Self::Tokio(serve) => Started::Tokio(OnTokio::new(stream, traffic, serve)),
            Self::Smol(serve) => Started::Smol(OnSmol::new(stream, traffic, serve)),
            Self::Mio => Started::Mio(epoll::Shell::new(stream, traffic).into()),
            Self::Epoll => Started::Epoll(epoll::Floor::new(stream, traffic)),
            Self::Io => Started::Io(blocking::Shell::new(stream, client, traffic)),
            Self::Blocking => Started::Blocking(blocking::Floor::new(stream, client, traffic)),
        }
    }
}

struct Echoes {
    server: Started,
    client: Client,
    traffic: Rc<Traffic>,
    bursts: usize,
}

impl Echoes {
    fn new(start: Start, size: usize, together: usize, bursts: usize) -> Self {
        let (client, stream) = Client::pair(size, together);
        let traffic = Rc::default();
        let server = start.start(stream, &client, &traffic);
        Self {
            server,
            client,
            traffic,
            bursts,
        }
    }
}

impl Work for Echoes {
    fn refill(&mut self) {
        self.client.begin(self.bursts);
        self.traffic.reads.set(0);
        self.traffic.writes.set(0);
    }

    fn run(&mut self) {
        match &mut self.server {
            Started::Tokio(server) => server.run(&self.client),
            Started::Smol(server) => server.run(&self.client),
            Started::Mio(server) => server.run(&self.client),
            Started::Epoll(server) => server.run(&self.client),
            Started::Io(server) => server.run(),
            Started::Blocking(server) => server.run(),
        }
    }

    /// Reads and writes.
    fn report(&self) -> String {
        let Traffic { reads, writes } = &*self.traffic;
        format!("{} {}\n", reads.get(), writes.get())
    }
}
