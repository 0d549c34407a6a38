//! Clients on mio: all connections in one loop.

use std::time::{Duration, Instant as Clock};

use anyhow::{Context, Result, bail};
use mio::net::TcpStream;
use mio::{Events, Poll, Token};
use ws_proto_mio::{Buffers, CloseCode, Event, Instant, Options, Timers, WebSocket};
use ws_proto_test::random::Random;

use crate::Clients;
use crate::session::{self, Session};

/// How often the end is looked for.
const PATIENCE: Duration = Duration::from_millis(100);

/// A connection and what is done on it.
struct Playing {
    socket: WebSocket<TcpStream>,
    session: Session,
    state: State,
}

enum State {
    Connecting,
    /// Until the burst of that number.
    Pausing(usize, Instant),
    /// The burst of that number is sent; so many of its echoes have come.
    Waiting(usize, usize),
    Closing,
    /// The stream is to be dropped.
    Over,
}

pub fn run(clients: &Clients) -> Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(256);
    let (mut buffers, mut timers) = (Buffers::new(), Timers::new());
    let epoch = Clock::now();
    let mut slots: Vec<(Random, Option<Playing>)> = (0..clients.connections)
        .map(|index| (Random::nth(clients.seed, index), None))
        .collect();
    let mut ready: Vec<Token> = (0..slots.len()).map(Token).collect();
    loop {
        for token in std::mem::take(&mut ready) {
            let (random, playing) = &mut slots[token.0];
            if playing.is_none() && !clients.is_over() {
                let session = Session::next(random, clients);
                match Playing::start(session, token, &poll) {
                    Ok(started) => *playing = Some(started),
                    Err((session, error)) => clients.ended(&session, Err(error)),
                }
            }
            let Some(played) = playing else {
                if !clients.is_over() {
                    timers.set(token, Some(Instant::now_since(epoch) + PATIENCE));
                }
                continue;
            };
            let now = Instant::now_since(epoch);
            let ended = played.go_on(&mut buffers, now, clients);
            if let Some(result) = ended {
                clients.ended(&played.session, result);
                timers.set(token, None);
                *playing = None; // drops the stream, which leaves the poll
                ready.push(token);
            } else {
                timers.set(token, played.next_deadline());
            }
        }
        if clients.is_over() && slots.iter().all(|(_, playing)| playing.is_none()) {
            return Ok(());
        }
        let now = Instant::now_since(epoch);
        let patience = match ready.is_empty() {
            true => timers.wait(now).map_or(PATIENCE, |t| t.min(PATIENCE)),
            false => Duration::ZERO,
        };
        match poll.poll(&mut events, Some(patience)) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            polled => polled?,
        }
        for event in &events {
            if let Some((_, Some(playing))) = slots.get_mut(event.token().0) {
                playing.socket.note_event(event);
                ready.push(event.token());
            }
        }
        let now = Instant::now_since(epoch);
        ready.extend(std::iter::from_fn(|| timers.expired(now)));
    }
}

impl Playing {
    fn start(
        session: Session,
        token: Token,
        poll: &Poll,
    ) -> Result<Self, (Session, anyhow::Error)> {
        let connect = || {
            let stream = TcpStream::connect(session.server)?;
            let _ = stream.set_nodelay(true);
            let connector = session.connector()?;
            let options = Options::new().handshake_time(session::PATIENCE);
            let mut socket = WebSocket::connect_over(stream, token, connector, &options)?;
            let interest = socket.interest();
            poll.registry().register(&mut socket, token, interest)?;
            Ok(socket)
        };
        match connect() {
            Ok(socket) => Ok(Self {
                socket,
                session,
                state: State::Connecting,
            }),
            Err(error) => Err((session, error)),
        }
    }

    /// When there is something to do though no event comes.
    fn next_deadline(&self) -> Option<Instant> {
        let pause = match self.state {
            State::Pausing(_, until) => Some(until),
            _ => None,
        };
        [pause, self.socket.next_deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Reads, sends and writes what can be; what has become of the session, once it is over.
    fn go_on(
        &mut self,
        buffers: &mut Buffers,
        now: Instant,
        clients: &Clients,
    ) -> Option<Result<()>> {
        loop {
            if let Err(error) = self.receive(buffers, now, clients) {
                return Some(Err(error));
            }
            let has_sent = match self.send(now) {
                Ok(has_sent) => has_sent,
                Err(error) => return Some(Err(error)),
            };
            if let State::Over = self.state {
                return Some(Ok(()));
            }
            if self.socket.is_over() {
                return Some(match (&self.state, self.socket.closed()) {
                    (State::Closing, Some((Some(CloseCode::NORMAL), _))) => Ok(()),
                    (_, closed) => Err(anyhow::anyhow!("the server has closed: {closed:?}")),
                });
            }
            if !has_sent && !self.socket.has_more() {
                return None;
            }
        }
    }

    fn receive(&mut self, buffers: &mut Buffers, now: Instant, clients: &Clients) -> Result<()> {
        let mut turn = self.socket.turn(buffers, now);
        while turn.read() {
            while let Some(event) = turn.next_event()? {
                match (event, &mut self.state) {
                    (Event::Connected(_), state) => *state = pause(&self.session, 0, now),
                    (Event::Message(echo, _), State::Waiting(burst, echoes)) => {
                        let messages = &self.session.bursts[*burst].messages;
                        let payload = messages.get(*echoes).context("too many messages")?;
                        payload.check(echo, clients)?;
                        *echoes += 1;
                        if *echoes == messages.len() {
                            self.state = pause(&self.session, *burst + 1, now);
                        }
                    }
                    (Event::Message(..), _) => bail!("a message that nobody sent"),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Sends the next burst, or ends the session, if it is time; whether something was sent.
    fn send(&mut self, now: Instant) -> Result<bool> {
        let State::Pausing(burst, until) = self.state else {
            return Ok(false);
        };
        if now < until {
            return Ok(false);
        }
        let Some(messages) = self.session.bursts.get(burst) else {
            if !self.session.closes {
                self.state = State::Over;
                return Ok(false);
            }
            let mut sender = self.socket.sender().context("it has ended")?;
            sender.close(CloseCode::NORMAL, "")?;
            self.state = State::Closing;
            return Ok(true);
        };
        let mut sender = self.socket.sender().context("it has ended")?;
        if messages.pings {
            sender.ping(b"soak")?;
        }
        for payload in &messages.messages {
            sender.send(payload.message())?;
        }
        self.state = State::Waiting(burst, 0);
        Ok(true)
    }
}

/// The pause before the burst of that number.
fn pause(session: &Session, burst: usize, now: Instant) -> State {
    let time = session
        .bursts
        .get(burst)
        .map_or(Duration::ZERO, |burst| burst.pause);
    State::Pausing(burst, now + time)
}
