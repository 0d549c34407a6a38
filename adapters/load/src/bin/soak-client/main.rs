//! Clients that last: `soak-client SHELL SEED CONNECTIONS ADDRESS...` keeps so many connections of a shell busy with the
//! servers at these addresses, until its standard input ends. Then it prints how much was done.

mod blocking;
mod evented;
mod session;
mod tasks;

use std::io::Read;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use anyhow::{Context, Result, bail};

/// What all connections of a process have in common.
struct Clients {
    seed: u64,
    connections: u64,
    servers: Vec<SocketAddr>,
    is_over: AtomicBool,
    done: [AtomicU64; 4],
}

/// What is counted, in the order of `Clients::done`.
const COUNTED: [&str; 4] = ["sessions", "messages", "bytes", "failures"];

impl Clients {
    fn is_over(&self) -> bool {
        self.is_over.load(Relaxed)
    }

    /// Notes an echo that was right.
    fn echoed(&self, bytes: usize) {
        self.done[1].fetch_add(1, Relaxed);
        self.done[2].fetch_add(bytes as u64, Relaxed);
    }

    /// Notes how a session has ended.
    fn ended(&self, session: &session::Session, result: Result<()>) {
        let Err(error) = result else {
            self.done[0].fetch_add(1, Relaxed);
            return;
        };
        self.done[3].fetch_add(1, Relaxed);
        eprintln!("a session with {}: {error:#}", session.server);
    }
}

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [shell, seed, connections, servers @ ..] = &*words else {
        bail!("usage: soak-client SHELL SEED CONNECTIONS ADDRESS...");
    };
    let servers: Result<Vec<SocketAddr>, _> = servers.iter().map(|word| word.parse()).collect();
    let clients: &Clients = Box::leak(Box::new(Clients {
        seed: seed.parse().context("the seed")?,
        connections: connections.parse().context("the connections")?,
        servers: servers.context("the addresses")?,
        is_over: AtomicBool::new(false),
        done: Default::default(),
    }));
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        clients.is_over.store(true, Relaxed);
    });
    match &**shell {
        "io" => blocking::run(clients)?,
        "mio" => evented::run(clients)?,
        "tokio" => tasks::on_tokio(clients)?,
        "smol" => tasks::on_smol(clients)?,
        other => bail!("no such shell: {other}"),
    }
    for (name, count) in COUNTED.iter().zip(&clients.done) {
        println!("{name} {}", count.load(Relaxed));
    }
    Ok(())
}
