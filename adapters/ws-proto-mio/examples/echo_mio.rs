//! An echo server on one thread, for load tests: thousands of connections, everything bounded.
//!
//! ```sh
//! cargo run --release -p ws-proto-mio --example echo_mio -- --listen 127.0.0.1:9001
//! ```
//!
//! It prints its address, and its counters when its standard input ends.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use ws_proto_mio::{
    Accept, Buffers, CloseCode, Config, Deflate, Error, Event, Instant, Options, OriginPolicy,
    Timers, WebSocket,
};

const LISTENER: Token = Token(usize::MAX);
const STOP: Token = Token(usize::MAX - 1);

/// How many connections one turn of the loop accepts, so that a storm of them leaves time for the
/// others.
const ACCEPTS: usize = 256;

/// How long to leave the listener alone when there are no more file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse()?;
    let mut server = Server::new(&arguments)?;
    // Kept until the end: a waker that is dropped takes its event along.
    let waker = Arc::new(Waker::new(server.poll.registry(), STOP)?);
    println!("listening on {}", server.listener.local_addr()?);
    let stop = Arc::clone(&waker);
    std::thread::spawn(move || {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        let _ = stop.wake();
    });
    server.run()?;
    println!("{}", server.stats);
    Ok(())
}

struct Arguments {
    listen: SocketAddr,
    max_connections: usize,
    options: Options,
}

impl Arguments {
    fn parse() -> anyhow::Result<Self> {
        use lexopt::prelude::*;

        let mut listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut max_connections = 100_000;
        let mut config = Config::new().max_message(1 << 20);
        let mut handshake = Duration::from_secs(10);
        let mut high_water = 64 * 1024;
        let mut deflate = None;
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            let millis = |parser: &mut lexopt::Parser| {
                Ok::<_, lexopt::Error>(Duration::from_millis(parser.value()?.parse()?))
            };
            match argument {
                Long("listen") => listen = parser.value()?.parse()?,
                Long("max-connections") => max_connections = parser.value()?.parse()?,
                Long("max-message") => config = config.max_message(parser.value()?.parse()?),
                Long("deflate") => deflate = Some(Deflate::new()),
                Long("high-water") => high_water = parser.value()?.parse()?,
                Long("handshake-ms") => handshake = millis(&mut parser)?,
                Long("keepalive-ms") => config = config.keepalive(Some(millis(&mut parser)?)),
                Long("pong-ms") => config = config.pong_timeout(millis(&mut parser)?),
                Long("close-ms") => config = config.close_timeout(millis(&mut parser)?),
                _ => return Err(argument.unexpected().into()),
            }
        }
        // All streams are TCP, without TLS.
        let mut options = Options::new()
            .config(config)
            .handshake_time(handshake)
            .high_water(high_water)
            .short_reads_end(true);
        if let Some(deflate) = deflate {
            options = options.deflate(deflate);
        }
        Ok(Self {
            listen,
            max_connections,
            options,
        })
    }
}

struct Server {
    poll: Poll,
    listener: TcpListener,
    /// The listener may have more: mio reports it once.
    is_acceptable: bool,
    /// No file descriptors were left; when to try again.
    paused_until: Option<Instant>,
    connections: Vec<Option<Box<WebSocket<TcpStream>>>>,
    free: Vec<usize>,
    timers: Timers,
    /// Connections that want another turn.
    busy: VecDeque<Token>,
    buffers: Buffers,
    options: Options,
    max_connections: usize,
    epoch: Clock,
    stats: Stats,
}

impl Server {
    fn new(arguments: &Arguments) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind(arguments.listen)?;
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            listener,
            is_acceptable: false,
            paused_until: None,
            connections: Vec::new(),
            free: Vec::new(),
            timers: Timers::new(),
            busy: VecDeque::new(),
            buffers: Buffers::new(),
            options: arguments.options.clone(),
            max_connections: arguments.max_connections,
            epoch: Clock::now(),
            stats: Stats::default(),
        })
    }

    fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            let patience = self.patience();
            match self.poll.poll(&mut events, patience) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            // One look at the clock for all of them.
            let now = Instant::now_since(self.epoch);
            for event in &events {
                match event.token() {
                    LISTENER => self.is_acceptable = true,
                    STOP => return Ok(()),
                    token => {
                        if let Some(socket) = slot(&mut self.connections, token) {
                            socket.note_event(event);
                            self.turn(token, now);
                        }
                    }
                }
            }
            for _ in 0..self.busy.len() {
                if let Some(token) = self.busy.pop_front() {
                    self.turn(token, now);
                }
            }
            while let Some(token) = self.timers.expired(now) {
                self.turn(token, now);
            }
            self.accept(now);
        }
    }

    /// How long to wait for events.
    fn patience(&mut self) -> Option<Duration> {
        let now = Instant::now_since(self.epoch);
        let paused = self
            .paused_until
            .map(|until| until.saturating_duration_since(now));
        let acceptable = self.is_acceptable && paused.is_none() && self.has_room();
        if acceptable || !self.busy.is_empty() {
            return Some(Duration::ZERO);
        }
        [self.timers.wait(now), paused].into_iter().flatten().min()
    }

    fn has_room(&self) -> bool {
        self.connections.len() - self.free.len() < self.max_connections
    }

    fn accept(&mut self, now: Instant) {
        if self.paused_until.is_some_and(|until| now < until) {
            return;
        }
        self.paused_until = None;
        for _ in 0..ACCEPTS {
            if !self.is_acceptable || !self.has_room() {
                return;
            }
            match self.listener.accept() {
                Ok((stream, _)) => self.begin(stream, now),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => self.is_acceptable = false,
                    // The client has gone already.
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted => {}
                    // No file descriptors or no memory: those who are there are served on.
                    _ => {
                        self.stats.accept_failures += 1;
                        self.paused_until = Some(now + PAUSE);
                        return;
                    }
                },
            }
        }
    }

    fn begin(&mut self, stream: TcpStream, now: Instant) {
        let _ = stream.set_nodelay(true);
        let index = self.free.pop().unwrap_or_else(|| {
            self.connections.push(None);
            self.connections.len() - 1
        });
        let mut socket = Box::new(WebSocket::accept(stream, Token(index), &self.options));
        let (token, interest) = (socket.token(), socket.interest());
        if self
            .poll
            .registry()
            .register(&mut *socket, token, interest)
            .is_err()
        {
            self.free.push(index);
            return;
        }
        self.stats.accepted += 1;
        self.connections[index] = Some(socket);
        self.turn(token, now);
    }

    fn turn(&mut self, token: Token, now: Instant) {
        let Some(socket) = slot(&mut self.connections, token) else {
            return;
        };
        if let Err(error) = echo(socket, &mut self.buffers, now, &mut self.stats) {
            self.stats.failed(&error);
        }
        if socket.is_over() {
            self.timers.set(token, None);
            // Dropping it closes and deregisters it.
            self.connections[token.0] = None;
            self.free.push(token.0);
            self.stats.ended += 1;
            return;
        }
        if socket.has_more() {
            self.busy.push_back(token);
        }
        self.timers.set(token, socket.next_deadline());
    }
}

fn slot(
    connections: &mut [Option<Box<WebSocket<TcpStream>>>],
    token: Token,
) -> Option<&mut WebSocket<TcpStream>> {
    connections.get_mut(token.0)?.as_deref_mut()
}

/// All that this server does.
fn echo(
    socket: &mut WebSocket<TcpStream>,
    buffers: &mut Buffers,
    now: Instant,
    stats: &mut Stats,
) -> Result<(), Error> {
    let mut turn = socket.turn(buffers, now);
    while turn.read() {
        while let Some(event) = turn.next_event()? {
            match event {
                // A public service: every path, and pages of every site.
                Event::Request(incoming) => {
                    let accept = Accept::new().origins(OriginPolicy::any());
                    stats.opened += u64::from(incoming.accept(&accept).is_ok());
                }
                Event::Message(message, mut sender) => {
                    stats.messages += 1;
                    if sender.send(message).is_err() {
                        let _ = sender.close(CloseCode::INTERNAL_ERROR, "cannot echo");
                    }
                }
                _ => {}
            }
        }
    }
    Ok(())
}

#[derive(Default)]
struct Stats {
    accepted: u64,
    opened: u64,
    ended: u64,
    messages: u64,
    eof: u64,
    timed_out: u64,
    other: u64,
    accept_failures: u64,
}

impl Stats {
    fn failed(&mut self, error: &Error) {
        match error {
            Error::Eof(_) => self.eof += 1,
            Error::TimedOut(_) => self.timed_out += 1,
            _ => self.other += 1,
        }
    }
}

impl std::fmt::Display for Stats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "accepted {}, opened {}, ended {}, messages {}, left without Close {}, timed out {}, \
             other errors {}, accept failures {}",
            self.accepted,
            self.opened,
            self.ended,
            self.messages,
            self.eof,
            self.timed_out,
            self.other,
            self.accept_failures,
        )
    }
}
