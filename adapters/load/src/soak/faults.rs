//! Peers that misbehave, a few at a time for as long as the load lasts. What a server must bear is no failure here: that
//! others get their echoes, and what the server keeps, is looked at elsewhere.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ws_proto_test::random::Random;

use super::{Done, Soak};
use crate::faults::{REQUEST, frame, open};
use crate::process::Process;
use crate::swarm::Swarm;

/// How often a peer that waits looks whether it is over.
const STEP: Duration = Duration::from_millis(100);

/// The ways to misbehave, with how often of 100 each is chosen.
const WAYS: [(&str, usize); 7] = [
    ("handshakes that stop", 20),
    ("handshakes a byte at a time", 10),
    ("ends in a message", 20),
    ("resets with answers unread", 20),
    ("bytes of no meaning", 10),
    ("slow readers", 10),
    ("idle connections", 10),
];
const STORMS: &str = "storms of 50 connections";
const HOSTILE: [&str; 2] = ["wsp --hostile, passed", "wsp --hostile, failed"];

pub struct Faults<'s> {
    seed: u64,
    servers: &'s [SocketAddr],
    is_over: &'s AtomicBool,
    ways: [AtomicU64; WAYS.len()],
    storms: AtomicU64,
    hostile: [AtomicU64; 2],
    failures: AtomicU64,
}

impl<'s> Faults<'s> {
    pub fn new(soak: &Soak<'_>, servers: &'s [SocketAddr], is_over: &'s AtomicBool) -> Self {
        Self {
            seed: soak.seed,
            servers,
            is_over,
            ways: Default::default(),
            storms: AtomicU64::new(0),
            hostile: Default::default(),
            failures: AtomicU64::new(0),
        }
    }

    pub fn done(&self) -> Done {
        let ways = WAYS.iter().map(|way| way.0).zip(&self.ways);
        let hostile = HOSTILE.into_iter().zip(&self.hostile);
        let rest = [(STORMS, &self.storms), ("failures", &self.failures)];
        let counts = ways.chain(hostile).chain(rest);
        Done {
            who: "peers that misbehave",
            counts: counts
                .map(|(name, count)| (name.to_owned(), count.load(Relaxed)))
                .collect(),
        }
    }

    /// One way after the other.
    pub fn misbehave(&self, index: u64) {
        // Other numbers than those of the clients.
        let mut random = Random::nth(!self.seed, index);
        while !self.is_over.load(Relaxed) {
            let server = random.pick(self.servers);
            if random.below(200) == 0 {
                self.note(&self.storms, STORMS, server, storm(server));
                continue;
            }
            let mut chosen = random.below(100);
            let way = WAYS.iter().position(|(_, share)| {
                let here = chosen < *share;
                chosen = chosen.saturating_sub(*share);
                here
            });
            let way = way.unwrap_or(0);
            let done = self.play(way, server, &mut random);
            self.note(&self.ways[way], WAYS[way].0, server, done);
        }
    }

    fn note(&self, count: &AtomicU64, way: &str, server: SocketAddr, result: Result<()>) {
        count.fetch_add(1, Relaxed);
        if let Err(error) = result {
            self.failures.fetch_add(1, Relaxed);
            eprintln!("{way}, with {server}: {error:#}");
        }
    }

    fn play(&self, way: usize, server: SocketAddr, random: &mut Random) -> Result<()> {
        let millis = |random: &mut Random, most| Duration::from_millis(random.below(most) as u64);
        match way {
            0 => {
                let mut stream = TcpStream::connect(server)?;
                stream.write_all(&REQUEST[..random.below(REQUEST.len())])?;
                self.wait(millis(random, 12_000)); // the time limit is 10 s
            }
            1 => {
                let mut stream = TcpStream::connect(server)?;
                for byte in REQUEST {
                    if self.is_over.load(Relaxed) || stream.write(&[*byte]).is_err() {
                        break;
                    }
                    thread::sleep(millis(random, 20));
                }
            }
            2 => {
                let mut stream = open(server)?;
                let length = random.between(1, 60_000);
                let frame = frame(&random.bytes(length));
                stream.write_all(&frame[..random.below(frame.len())])?;
                self.wait(millis(random, 500));
            }
            3 => {
                let mut stream = open(server)?;
                let length = random.between(0, 60_000);
                stream.write_all(&frame(&random.bytes(length)))?;
                // With the echo unread, the end of this stream is a reset.
                self.wait(millis(random, 200));
            }
            4 => {
                let mut stream = open(server)?;
                let length = random.between(1, 2000);
                // It may close after the first of them.
                let _ = stream.write_all(&random.bytes(length));
                self.wait(millis(random, 200));
            }
            5 => self.read_slowly(open(server)?, random)?,
            _ => {
                let _stream = open(server)?;
                self.wait(millis(random, 20_000));
            }
        }
        Ok(())
    }

    /// Sends and does not read, then reads a little at a time, then goes.
    fn read_slowly(&self, mut stream: TcpStream, random: &mut Random) -> Result<()> {
        let bytes = frame(&random.bytes(60_000));
        stream.set_nonblocking(true)?;
        let (mut at, started) = (0, Instant::now());
        while started.elapsed() < Duration::from_secs(2) && !self.is_over.load(Relaxed) {
            match stream.write(&bytes[at..]) {
                Ok(n) => at = (at + n) % bytes.len(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(STEP),
                Err(error) => return Err(error.into()),
            }
        }
        let mut some = [0; 4096];
        for _ in 0..random.below(100) {
            match stream.read(&mut some) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            self.wait(Duration::from_millis(20));
        }
        Ok(())
    }

    fn wait(&self, time: Duration) {
        let started = Instant::now();
        while started.elapsed() < time && !self.is_over.load(Relaxed) {
            thread::sleep(STEP.min(time));
        }
    }

    /// All the faults that wsp knows, with one server after the other.
    pub fn hostile(&self, wsp: &Path) {
        for server in self.servers.iter().cycle() {
            match self.hostile_to(wsp, *server) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    self.failures.fetch_add(1, Relaxed);
                    eprintln!("wsp --hostile all, with {server}: {error:#}");
                }
            }
        }
    }

    /// Whether to go on.
    fn hostile_to(&self, wsp: &Path, server: SocketAddr) -> Result<bool> {
        let mut command = Command::new(wsp);
        command.args(["--hostile", "all"]).arg(server.to_string());
        let mut process = Process::client(&mut command)?;
        let pipes = process.pipes();
        while process.ended()?.is_none() {
            if self.is_over.load(Relaxed) {
                return Ok(false); // which ends it
            }
            thread::sleep(STEP);
        }
        let mut said = String::new();
        if let Some((_, mut output)) = pipes {
            output.read_to_string(&mut said)?;
        }
        let counts = said.lines().last().unwrap_or_default();
        let numbers: Vec<u64> = counts
            .split(' ')
            .filter_map(|word| word.parse().ok())
            .collect();
        ensure!(numbers.len() == 3, "{said}");
        for (count, number) in self.hostile.iter().zip(numbers) {
            count.fetch_add(number, Relaxed);
        }
        for line in said.lines().filter(|line| line.starts_with("failed: ")) {
            self.failures.fetch_add(1, Relaxed);
            eprintln!("wsp --hostile all, with {server}: {line}");
        }
        Ok(true)
    }
}

/// Connections that come at once, and say Close at once.
fn storm(server: SocketAddr) -> Result<()> {
    const COUNT: usize = 50;
    let closed = Swarm::connect(server, COUNT, 64)?.close_all()?;
    ensure!(closed == COUNT, "{closed} of {COUNT} were closed");
    Ok(())
}
