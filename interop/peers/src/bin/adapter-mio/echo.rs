//! An echo server and an echo client, for the Autobahn TestSuite.

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant as Clock};

use anyhow::{Context as _, Result};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use ws_proto::extension::deflate::Deflate;
use ws_proto_mio::{
    Accept, Buffers, Error, Event, Incoming, Instant, Message, Options, PlainResponse, Timers,
    WebSocket, connect,
};

use crate::alone::{self, TOKEN, Task};
use crate::options;

const LISTENER: Token = Token(usize::MAX);

/// Serves until the process is ended.
pub(crate) fn serve(address: &str, options: &Options) -> Result<()> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(address.parse()?)?;
    let registry = poll.registry();
    registry.register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("ws://{}", listener.local_addr()?);

    let mut sockets: HashMap<Token, WebSocket<TcpStream>> = HashMap::new();
    let mut accepted = 0;
    let (mut buffers, mut timers) = (Buffers::new(), Timers::new());
    let mut events = Events::with_capacity(64);
    let mut waiting: Vec<Token> = Vec::new();
    let epoch = Clock::now();
    loop {
        let now = Instant::now_since(epoch);
        let patience = match waiting.is_empty() {
            true => timers.wait(now),
            false => Some(Duration::ZERO),
        };
        match poll.poll(&mut events, patience) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            polled => polled?,
        }
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    let token = Token(accepted);
                    accepted += 1;
                    let mut socket = WebSocket::accept(stream, token, options);
                    let interest = socket.interest();
                    poll.registry().register(&mut socket, token, interest)?;
                    sockets.insert(token, socket);
                    waiting.push(token);
                }
            } else if let Some(socket) = sockets.get_mut(&event.token()) {
                socket.note_event(event);
                waiting.push(event.token());
            }
        }
        let now = Instant::now_since(epoch);
        waiting.extend(std::iter::from_fn(|| timers.expired(now)));
        for token in std::mem::take(&mut waiting) {
            let Some(socket) = sockets.get_mut(&token) else {
                continue;
            };
            // Many cases end in an error, on purpose; the suite checks which.
            if let Err(error) = serve_turn(socket, &mut buffers, now) {
                eprintln!("{error:#}");
            }
            timers.set(token, socket.next_deadline());
            if socket.is_over() {
                sockets.remove(&token);
            } else if socket.has_more() {
                waiting.push(token);
            }
        }
    }
}

fn serve_turn(
    socket: &mut WebSocket<TcpStream>,
    buffers: &mut Buffers,
    now: Instant,
) -> Result<()> {
    let mut turn = socket.turn(buffers, now);
    while turn.read() {
        while let Some(event) = turn.next_event()? {
            match event {
                Event::Request(incoming) => answer(incoming)?,
                Event::Message(message, mut sender) => sender.send(message)?,
                _ => {}
            }
        }
    }
    Ok(())
}

/// Chooses the subprotocol `echo`, and answers other requests as a small web server does.
fn answer(incoming: Incoming<'_>) -> Result<()> {
    let request = incoming.request();
    if request.is_upgrade() {
        let accept = Accept::new().maybe_subprotocol(request.choose_subprotocol(&["echo"]));
        return Ok(incoming.accept(&accept)?);
    }
    let reply = match (request.method(), request.path()) {
        ("GET" | "HEAD", "/") => PlainResponse::new(200).body(b"a page\n"),
        _ => PlainResponse::new(404).body(b"not found\n"),
    };
    Ok(incoming.respond(&reply)?)
}

/// Runs every case of a fuzzingserver, then asks for its report.
pub(crate) fn run_cases(url: &str, agent: &str, deflate: Option<Deflate>) -> Result<()> {
    let mut count = Count(None);
    let counting = connect(&*format!("{url}/getCaseCount"), TOKEN, &options(None))?;
    alone::run(counting, &mut count)?;
    let count = count
        .0
        .context("the server does not say how many cases there are")?;
    let options_of_cases = options(deflate);
    for case in 1..=count {
        let url = format!("{url}/runCase?case={case}&agent={agent}");
        if let Err(error) = echo_at(&url, &options_of_cases) {
            eprintln!("case number {case}: {error:#}");
        }
    }
    echo_at(
        &format!("{url}/updateReports?agent={agent}"),
        &options(None),
    )
}

fn echo_at(url: &str, options: &Options) -> Result<()> {
    let mut echo = Echo(None);
    alone::run(connect(url, TOKEN, options)?, &mut echo)?;
    echo.0.map_or(Ok(()), |error| Err(error.into()))
}

/// Sends back every message, and goes on to the end after an error.
struct Echo(Option<Error>);

impl Task<TcpStream> for Echo {
    fn event(&mut self, event: Event<'_, TcpStream>) -> Result<()> {
        if let Event::Message(message, mut sender) = event {
            sender.send(message)?;
        }
        Ok(())
    }

    fn failed(&mut self, error: Error) -> Result<()> {
        self.0 = Some(error);
        Ok(())
    }
}

/// Takes the number that is received.
struct Count(Option<u32>);

impl Task<TcpStream> for Count {
    fn event(&mut self, event: Event<'_, TcpStream>) -> Result<()> {
        if let Event::Message(Message::Text(text), _) = event {
            self.0 = Some(text.parse()?);
        }
        Ok(())
    }
}
