//! What is done on one connection, the same for every shell.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use ws_proto::Message;
use ws_proto::extension::deflate::Deflate;
use ws_proto::opening::{Connector, Options};
use ws_proto_test::random::Random;

use crate::Clients;

/// How long a handshake may take: longer than on a machine that has much else to do.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A connection from its handshake to its end.
pub struct Session {
    pub server: SocketAddr,
    is_compressed: bool,
    pub bursts: Vec<Burst>,
    /// Ended by a closing handshake; otherwise the stream is dropped.
    pub closes: bool,
}

/// Messages that are sent one after the other, and then their echoes.
pub struct Burst {
    /// Before it nothing is sent.
    pub pause: Duration,
    /// A Ping goes before it.
    pub pings: bool,
    pub messages: Vec<Payload>,
}

pub enum Payload {
    Text(String),
    Binary(Vec<u8>),
}

impl Payload {
    pub fn message(&self) -> Message<'_> {
        match self {
            Self::Text(text) => Message::Text(text),
            Self::Binary(data) => Message::Binary(data),
        }
    }

    /// Checks that a message is the echo of this one.
    pub fn check(&self, echo: Message<'_>, clients: &Clients) -> Result<()> {
        let length = echo.as_bytes().len();
        ensure!(echo == self.message(), "{length} bytes that are no echo");
        clients.echoed(length);
        Ok(())
    }
}

impl Session {
    /// The next session of a connection.
    pub fn next(random: &mut Random, clients: &Clients) -> Self {
        let bursts = random.between(1, 20);
        Self {
            server: random.pick(&clients.servers),
            is_compressed: random.percent(50),
            bursts: (0..bursts).map(|_| Burst::next(random)).collect(),
            closes: random.percent(80),
        }
    }

    pub fn connector(&self) -> Result<Connector> {
        let options = Options::new().handshake_time(PATIENCE);
        let connector = Connector::new(&format!("ws://{}/", self.server))?.options(options);
        Ok(match self.is_compressed {
            true => connector.deflate(&Deflate::new()),
            false => connector,
        })
    }
}

impl Burst {
    /// Most are small. Many messages of a burst take no more than sockets hold: nobody reads meanwhile.
    fn next(random: &mut Random) -> Self {
        let (count, longest) = match random.below(100) {
            0..40 => (random.between(1, 64), 125),
            40..70 => (random.between(1, 16), 4 << 10),
            70..90 => (1, 64 << 10),
            90..98 => (1, 256 << 10),
            _ => (1, 1 << 20),
        };
        let millis = match random.below(100) {
            0..90 => random.between(0, 100),
            90..99 => random.between(100, 1000),
            _ => random.between(1000, 10_000),
        };
        Self {
            pause: Duration::from_millis(millis as u64),
            pings: random.percent(10),
            messages: (0..count)
                .map(|_| {
                    let length = random.between(0, longest);
                    payload(random, length)
                })
                .collect(),
        }
    }
}

/// At most `length` bytes: text that compresses, or bytes that do not.
fn payload(random: &mut Random, length: usize) -> Payload {
    const WORDS: [&str; 8] = [
        "brown ",
        "fuchs ",
        "über ",
        "日本語 ",
        "🦀 ",
        "[1,2,3] ",
        "true ",
        "\n",
    ];
    if random.percent(50) {
        return Payload::Binary(random.bytes(length));
    }
    let mut text = String::with_capacity(length);
    loop {
        let word = random.pick(&WORDS);
        if text.len() + word.len() > length {
            return Payload::Text(text);
        }
        text += word;
    }
}
