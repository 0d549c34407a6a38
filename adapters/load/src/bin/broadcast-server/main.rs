//! A server that sends each text to all: `broadcast-server NAME` prints its address and serves until its standard input
//! ends. All are on one thread.

mod by_hand;
mod on_axum;
mod on_mio;
mod on_tokio;
#[path = "../../../../../benches/shared/wire.rs"]
#[allow(dead_code, reason = "not every package needs all of it")]
mod wire;

use std::io::Read;

use anyhow::{Context, Result, bail};

/// How many messages wait for a subscriber of a `tokio::sync::broadcast`.
const BACKLOG: usize = 64;

fn main() -> Result<()> {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let name = std::env::args()
        .nth(1)
        .context("usage: broadcast-server NAME")?;
    match &*name {
        "floor-epoll" => by_hand::on_epoll(),
        "ws-proto-mio" => on_mio::serve(),
        "floor-tasks" => on_tokio::floor(),
        "ws-proto-hub" => on_tokio::hub(),
        "axum" => on_axum::serve(),
        "tokio-tungstenite" => on_tokio::tungstenite(),
        name => bail!("no such server: {name:?}"),
    }
}
