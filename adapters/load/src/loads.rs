//! What is measured: loads, and the servers that take them.

use std::fmt;
use std::path::Path;

use anyhow::Result;

use crate::process::Target;

/// Messages on a number of connections.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Load {
    pub connections: usize,
    /// The payload of a message, in bytes.
    pub size: usize,
    /// How many messages are in flight on each connection.
    pub in_flight: usize,
    /// After so many messages a connection is closed, and another one opened.
    pub messages_each: Option<usize>,
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            connections,
            size,
            in_flight,
            messages_each,
        } = self;
        let plural = if *connections == 1 { "" } else { "s" };
        write!(
            f,
            "{size} B, {in_flight} in flight, {connections} connection{plural}"
        )?;
        messages_each.map_or(Ok(()), |n| write!(f, ", {n} messages a connection"))
    }
}

/// Messages of this size have goals over the floor.
const SMALL: usize = 32;

const fn steady(size: usize, in_flight: usize) -> Load {
    Load {
        connections: 64,
        size,
        in_flight,
        messages_each: None,
    }
}

pub const ALONE: Load = steady(SMALL, 1);
pub const BURSTS_OF_16: Load = steady(SMALL, 16);
pub const BURSTS_OF_64: Load = steady(SMALL, 64);

/// A handshake for ten messages.
pub const SHORT_LIVED: Load = Load {
    messages_each: Some(10),
    ..ALONE
};

/// One message at all: what counts is the time until its echo.
pub const LONE: Load = Load {
    connections: 1,
    ..ALONE
};

/// Those whose CPU time counts.
pub const LOADS: [Load; 10] = [
    ALONE,
    BURSTS_OF_16,
    BURSTS_OF_64,
    SHORT_LIVED,
    steady(1024, 1),
    steady(1024, 16),
    steady(16 << 10, 1),
    steady(16 << 10, 16),
    steady(64 << 10, 1),
    steady(64 << 10, 16),
];

/// A server, and its floor: `Connection` by hand on the same runtime.
pub struct Contender {
    pub name: &'static str,
    pub floor: Option<&'static str>,
}

pub const MIO: &str = "ws-proto-mio";
pub const TOKIO: &str = "ws-proto-tokio";
pub const TOKIO_FEED: &str = "ws-proto-tokio-feed";
pub const TOKIO_BATCH: &str = "ws-proto-tokio-batch";
pub const SMOL: &str = "ws-proto-smol";
pub const SMOL_FEED: &str = "ws-proto-smol-feed";
pub const SMOL_BATCH: &str = "ws-proto-smol-batch";
pub const OTHERS: [&str; 3] = ["fastwebsockets", "tokio-websockets", "tokio-tungstenite"];

pub const CONTENDERS: [Contender; 13] = [
    floor("floor-epoll"),
    contender(MIO, "floor-epoll"),
    floor("floor-tokio"),
    contender(TOKIO, "floor-tokio"),
    contender(TOKIO_FEED, "floor-tokio"),
    contender(TOKIO_BATCH, "floor-tokio"),
    contender(OTHERS[0], "floor-tokio"),
    contender(OTHERS[1], "floor-tokio"),
    contender(OTHERS[2], "floor-tokio"),
    floor("floor-smol"),
    contender(SMOL, "floor-smol"),
    contender(SMOL_FEED, "floor-smol"),
    contender(SMOL_BATCH, "floor-smol"),
];

const fn floor(name: &'static str) -> Contender {
    Contender { name, floor: None }
}

const fn contender(name: &'static str, floor: &'static str) -> Contender {
    let floor = Some(floor);
    Contender { name, floor }
}

/// How that server is started. `mio` is the example `echo_mio`, a program of its own.
pub fn target(name: &'static str, mio: &Path) -> Result<Target> {
    if name == MIO {
        let (program, arguments) = (mio.to_owned(), Vec::new());
        return Ok(Target {
            name,
            program,
            arguments,
        });
    }
    Ok(Target {
        name,
        program: std::env::current_exe()?.with_file_name("server"),
        arguments: vec![name],
    })
}
