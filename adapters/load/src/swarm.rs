//! Many clients on one thread, the same for every server.

use std::net::SocketAddr;
use std::time::{Duration, Instant as Clock};

use anyhow::{Result, bail};
use mio::net::TcpStream;
use mio::{Events, Poll, Token};
use ws_proto_mio::{
    Buffers, CloseCode, Config, Connector, Event, Instant, Options, Timers, WebSocket,
};

/// How many connections are being opened at once.
const OPENING: usize = 256;

/// How long anything here may take before the server counts as dead.
const PATIENCE: Duration = Duration::from_secs(30);

struct Client {
    socket: WebSocket<TcpStream>,
    sent: Clock,
}

pub struct Swarm {
    poll: Poll,
    events: Events,
    clients: Vec<Option<Client>>,
    buffers: Buffers,
    timers: Timers,
    options: Options,
    epoch: Clock,
    address: SocketAddr,
    message: Vec<u8>,
    open: usize,
    echoes: u64,
    latencies: Vec<u32>,
    /// Whether an echo is answered by the next message.
    goes_on: bool,
    failures: u64,
}

impl Swarm {
    /// `count` connections to this server, all open.
    pub fn connect(address: SocketAddr, count: usize, size: usize) -> Result<Self> {
        let mut swarm = Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            clients: Vec::new(),
            buffers: Buffers::new(),
            timers: Timers::new(),
            options: Options::new()
                .config(Config::new().keepalive(None))
                .handshake_time(PATIENCE)
                .short_reads_end(true),
            epoch: Clock::now(),
            address,
            message: vec![b'x'; size],
            open: 0,
            echoes: 0,
            latencies: Vec::new(),
            goes_on: false,
            failures: 0,
        };
        let started = Clock::now();
        while swarm.open < count {
            while swarm.clients.len() < count && swarm.clients.len() < swarm.open + OPENING {
                swarm.begin()?;
            }
            swarm.pump(Duration::from_millis(100))?;
            if started.elapsed() > PATIENCE || swarm.failures > 0 {
                bail!("{} of {count} open, {} failed", swarm.open, swarm.failures);
            }
        }
        Ok(swarm)
    }

    fn begin(&mut self) -> Result<()> {
        let token = Token(self.clients.len());
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true).ok();
        let connector = Connector::new(&format!("ws://{}/", self.address))?;
        let mut socket = WebSocket::connect_over(stream, token, connector, &self.options)?;
        let interest = socket.interest();
        self.poll
            .registry()
            .register(&mut socket, token, interest)?;
        let sent = Clock::now();
        self.clients.push(Some(Client { socket, sent }));
        self.turn(token);
        Ok(())
    }

    /// One message on each connection, and all echoes. The time it took.
    pub fn echo_once(&mut self) -> Result<Duration> {
        self.goes_on = false;
        self.echoes = 0;
        let started = Clock::now();
        self.send_all();
        while self.echoes < self.open as u64 {
            self.pump(Duration::from_millis(100))?;
            if started.elapsed() > PATIENCE || self.failures > 0 {
                bail!("{} of {} echoes", self.echoes, self.open);
            }
        }
        Ok(started.elapsed())
    }

    /// Messages to and fro on all connections for so long. The 99th percentile of the time from
    /// sending to echo.
    pub fn echo_for(&mut self, time: Duration) -> Result<Duration> {
        self.echo_once()?;
        self.goes_on = true;
        self.latencies.clear();
        let started = Clock::now();
        self.send_all();
        while started.elapsed() < time {
            self.pump(time.saturating_sub(started.elapsed()))?;
        }
        if self.failures > 0 || self.latencies.is_empty() {
            bail!("{} connections failed", self.failures);
        }
        self.latencies.sort_unstable();
        let micros = self.latencies[(self.latencies.len() - 1) * 99 / 100];
        Ok(Duration::from_micros(micros.into()))
    }

    /// All of them say Close at once, and are waited for. How many have ended properly.
    pub fn close_all(mut self) -> Result<usize> {
        self.goes_on = false;
        for index in 0..self.clients.len() {
            let client = self.clients[index].as_mut();
            if let Some(mut sender) = client.and_then(|client| client.socket.sender()) {
                sender.close(CloseCode::NORMAL, "")?;
            }
            self.turn(Token(index));
        }
        let started = Clock::now();
        while self.clients.iter().any(Option::is_some) && started.elapsed() < PATIENCE {
            self.pump(Duration::from_millis(100))?;
        }
        let left = self.clients.iter().flatten().count();
        Ok(self.clients.len() - left - self.failures as usize)
    }

    fn send_all(&mut self) {
        for index in 0..self.clients.len() {
            if let Some(client) = &mut self.clients[index] {
                client.sent = Clock::now();
                if let Some(mut sender) = client.socket.sender() {
                    let _ = sender.send_binary(&self.message);
                }
            }
            self.turn(Token(index));
        }
    }

    fn pump(&mut self, patience: Duration) -> Result<()> {
        let now = Instant::now_since(self.epoch);
        let patience = self.timers.wait(now).map_or(patience, |t| t.min(patience));
        match self.poll.poll(&mut self.events, Some(patience)) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            polled => polled?,
        }
        let tokens: Vec<Token> = self
            .events
            .iter()
            .filter_map(|event| {
                let client = self.clients.get_mut(event.token().0)?.as_mut()?;
                client.socket.note_event(event);
                Some(event.token())
            })
            .collect();
        for token in tokens {
            self.turn(token);
        }
        let now = Instant::now_since(self.epoch);
        while let Some(token) = self.timers.expired(now) {
            self.turn(token);
        }
        Ok(())
    }

    fn turn(&mut self, token: Token) {
        let now = Instant::now_since(self.epoch);
        let Some(slot) = self.clients.get_mut(token.0) else {
            return;
        };
        let Some(client) = slot else { return };
        loop {
            let mut turn = client.socket.turn(&mut self.buffers, now);
            while turn.read() {
                loop {
                    match turn.next_event() {
                        Ok(None) => break,
                        Ok(Some(Event::Connected(_))) => self.open += 1,
                        Ok(Some(Event::Message(_, mut sender))) => {
                            self.echoes += 1;
                            if self.goes_on {
                                let micros = client.sent.elapsed().as_micros();
                                self.latencies.push(micros.min(u32::MAX.into()) as u32);
                                client.sent = Clock::now();
                                let _ = sender.send_binary(&self.message);
                            }
                        }
                        Ok(Some(_)) => {}
                        Err(_) => self.failures += 1,
                    }
                }
            }
            drop(turn);
            if !client.socket.has_more() {
                break;
            }
        }
        if client.socket.is_over() {
            self.timers.set(token, None);
            *slot = None;
        } else {
            self.timers.set(token, client.socket.next_deadline());
        }
    }
}
