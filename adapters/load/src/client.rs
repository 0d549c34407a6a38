//! Clients that keep messages in flight on each connection, all on one thread. They write prepared bytes
//! and compare the echoes: a burst follows when the one before is answered.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::loads::Load;
use crate::process::Server;
use crate::wire::{self, Payload, REQUEST};

/// How long the server may send nothing before it counts as dead.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the server is left alone before its CPU time is read: it has to come to rest.
const REST: Duration = Duration::from_millis(2);

/// A Close, masked with zeros.
const CLOSE: &[u8] = &[0x88, 0x82, 0, 0, 0, 0, 3, 0xe8];

/// What was measured in one round.
#[derive(Clone, Copy)]
pub struct Sample {
    /// Nanoseconds of the server's CPU time an echo, user and system.
    pub cpu: f64,
    /// Echoes a second.
    pub rate: f64,
    /// Microseconds from sending a burst to its last answer.
    pub p50: f64,
    pub p99: f64,
}

pub fn measure(server: &Server, load: &Load, time: Duration) -> Result<Sample> {
    let mut clients = Clients::new(server, load)?;
    if load.messages_each.is_none() {
        clients.run(Duration::ZERO)?; // opens them
        clients.run(time / 5)?; // warms up
    }
    std::thread::sleep(REST);
    (clients.echoes, clients.latencies) = (0, Vec::new());
    let before = server.cpu_time()?;
    let started = Instant::now();
    clients.run(time)?;
    let elapsed = started.elapsed();
    std::thread::sleep(REST);
    let cpu = server.cpu_time()?.saturating_sub(before);
    let Clients {
        echoes, latencies, ..
    } = &mut clients;
    ensure!(*echoes > 0, "no echoes");
    latencies.sort_unstable();
    let micros = |percent: usize| {
        let latency = latencies[(latencies.len() - 1) * percent / 100];
        latency.as_secs_f64() * 1e6
    };
    Ok(Sample {
        cpu: cpu.as_secs_f64() * 1e9 / *echoes as f64,
        rate: *echoes as f64 / elapsed.as_secs_f64(),
        p50: micros(50),
        p99: micros(99),
    })
}

struct Clients<'l> {
    server: &'l Server,
    load: &'l Load,
    poll: Poll,
    connections: Vec<Connection>,
    burst: Vec<u8>,
    answer: Vec<u8>,
    buffer: Vec<u8>,
    /// Until when bursts and connections are begun.
    until: Instant,
    echoes: u64,
    latencies: Vec<Duration>,
}

struct Connection {
    stream: TcpStream,
    state: State,
    /// Of the burst.
    written: usize,
    /// Of its answer.
    answered: usize,
    sent: Instant,
    messages: usize,
}

#[derive(PartialEq, Eq)]
enum State {
    /// The response so far.
    Handshake(Vec<u8>),
    InFlight,
    /// Everything is answered, and the time is over.
    Idle,
    /// Close is sent, the end of the stream is waited for.
    Closing,
    Closed,
}

impl<'l> Clients<'l> {
    fn new(server: &'l Server, load: &'l Load) -> Result<Self> {
        let messages = |masked| wire::messages(Payload::Binary, load.size, load.in_flight, masked);
        Ok(Self {
            server,
            load,
            poll: Poll::new()?,
            connections: Vec::new(),
            burst: messages(true),
            answer: messages(false),
            buffer: vec![0; 256 * 1024],
            until: Instant::now(),
            echoes: 0,
            latencies: Vec::new(),
        })
    }

    /// Bursts on all connections for so long, and then until all are answered.
    fn run(&mut self, time: Duration) -> Result<()> {
        self.until = Instant::now() + time;
        for index in 0..self.load.connections {
            if index == self.connections.len() {
                let connection = self.open(index)?;
                self.connections.push(connection);
            } else {
                self.begin(index);
                self.turn(index)?;
            }
        }
        let mut events = Events::with_capacity(1024);
        let busy =
            |connection: &Connection| !matches!(connection.state, State::Idle | State::Closed);
        while self.connections.iter().any(busy) {
            self.poll.poll(&mut events, Some(PATIENCE))?;
            if events.is_empty() {
                bail!("the server does nothing for {PATIENCE:?}");
            }
            for event in &events {
                self.turn(event.token().0)?;
            }
        }
        Ok(())
    }

    fn open(&self, index: usize) -> Result<Connection> {
        let stream = std::net::TcpStream::connect(self.server.address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        ensure!(
            stream.write(REQUEST)? == REQUEST.len(),
            "no room for the request"
        );
        let interests = Interest::READABLE | Interest::WRITABLE;
        let registry = self.poll.registry();
        registry.register(&mut stream, Token(index), interests)?;
        Ok(Connection {
            stream,
            state: State::Handshake(Vec::new()),
            written: 0,
            answered: 0,
            sent: self.until,
            messages: 0,
        })
    }

    /// The next burst, if there is time for it.
    fn begin(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        let now = Instant::now();
        if now < self.until {
            connection.state = State::InFlight;
            (connection.written, connection.answered) = (0, 0);
            connection.sent = now;
        } else {
            connection.state = State::Idle;
        }
    }

    /// Writes and reads what can be written and read now.
    fn turn(&mut self, index: usize) -> Result<()> {
        loop {
            let connection = &mut self.connections[index];
            if connection.state == State::Closed {
                return Ok(()); // an event of the stream that was
            }
            if connection.state == State::InFlight {
                let burst = &self.burst[connection.written..];
                connection.written += now(connection.stream.write(burst))?.unwrap_or(0);
            }
            let Some(n) = now(connection.stream.read(&mut self.buffer))? else {
                return Ok(());
            };
            let read = &self.buffer[..n];
            match &mut connection.state {
                State::Closing if n == 0 => {
                    connection.state = State::Closed;
                    if Instant::now() < self.until {
                        self.connections[index] = self.open(index)?;
                    }
                    return Ok(());
                }
                State::Closing => {}
                State::Handshake(head) if n > 0 => {
                    head.extend_from_slice(read);
                    if head.ends_with(b"\r\n\r\n") {
                        ensure!(head.starts_with(b"HTTP/1.1 101 "), "no 101");
                        self.begin(index);
                        self.close_if_idle(index)?;
                    }
                }
                State::InFlight if n > 0 => {
                    let answer = &self.answer[connection.answered..];
                    ensure!(answer.starts_with(read), "not an echo");
                    connection.answered += n;
                    if connection.answered == self.answer.len() {
                        self.answered(index)?;
                    }
                }
                _ => bail!("the server has closed, or sent what nobody has asked for"),
            }
        }
    }

    fn answered(&mut self, index: usize) -> Result<()> {
        let connection = &mut self.connections[index];
        self.latencies.push(connection.sent.elapsed());
        self.echoes += self.load.in_flight as u64;
        connection.messages += self.load.in_flight;
        if self.load.messages_each == Some(connection.messages) {
            connection.state = State::Idle;
        } else {
            self.begin(index);
        }
        self.close_if_idle(index)
    }

    /// Connections that are not to stay are closed.
    fn close_if_idle(&mut self, index: usize) -> Result<()> {
        let connection = &mut self.connections[index];
        if connection.state == State::Idle && self.load.messages_each.is_some() {
            connection.state = State::Closing;
            ensure!(
                connection.stream.write(CLOSE)? == CLOSE.len(),
                "no room for Close"
            );
        }
        Ok(())
    }
}

fn now(result: std::io::Result<usize>) -> std::io::Result<Option<usize>> {
    match result {
        Ok(n) => Ok(Some(n)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
