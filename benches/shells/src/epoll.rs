//! Servers on a loop of mio's: the shell for it, and the floor.

use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use mio::event::Source;
use mio::{Events, Interest, Poll, Token};
use ws_proto_mio::{Buffers, Event, Instant, Options, Timers, WebSocket};

use crate::client::{Client, Step};
use crate::counted::{Counted, Traffic};
use crate::echo::READ;
use crate::echo::by_hand::{Echo, Peer};

type Stream = Counted<mio::net::UnixStream>;

const TOKEN: Token = Token(0);

/// The floor looks at the time once a second, if nothing comes.
const SECOND: Duration = Duration::from_secs(1);

struct Loop {
    poll: Poll,
    events: Events,
}

impl Loop {
    fn new(source: &mut impl Source, interests: Interest) -> Self {
        let poll = Poll::new().unwrap();
        let registered = poll.registry().register(source, TOKEN, interests);
        registered.unwrap();
        let events = Events::with_capacity(64);
        Self { poll, events }
    }
}

/// Whether there is more to serve.
fn goes_on(client: &Client) -> bool {
    match client.step() {
        Step::Moved => true,
        Step::Stuck => panic!("server and client wait for each other"),
        Step::Done => false,
    }
}

pub struct Shell {
    poll: Loop,
    socket: WebSocket<Stream>,
    buffers: Buffers,
    timers: Timers,
    epoch: std::time::Instant,
}

impl Shell {
    pub fn new(stream: UnixStream, traffic: &Rc<Traffic>) -> Self {
        let stream = Counted::new(mio::net::UnixStream::from_std(stream), traffic);
        let options = Options::new().short_reads_end(true);
        let mut socket =
            WebSocket::server(stream, TOKEN, ws_proto::Negotiated::new(), &[], &options);
        let interest = socket.interest();
        Self {
            poll: Loop::new(&mut socket, interest),
            socket,
            buffers: Buffers::new(),
            timers: Timers::new(),
            epoch: std::time::Instant::now(),
        }
    }

    pub fn run(&mut self, client: &Client) {
        let mut now = Instant::now_since(self.epoch);
        while goes_on(client) {
            let Loop { poll, events } = &mut self.poll;
            poll.poll(events, self.timers.wait(now)).unwrap();
            now = Instant::now_since(self.epoch);
            for event in &self.poll.events {
                self.socket.note_event(event);
            }
            self.turn(now);
            while self.socket.has_more() {
                self.turn(now);
            }
        }
    }

    fn turn(&mut self, now: Instant) {
        let mut turn = self.socket.turn(&mut self.buffers, now);
        while turn.read() {
            while let Some(event) = turn.next_event().unwrap() {
                if let Event::Message(message, mut sender) = event {
                    sender.send(message).unwrap();
                }
            }
        }
        drop(turn);
        self.timers.set(TOKEN, self.socket.next_deadline());
        assert!(self.timers.expired(now).is_none(), "too slow");
    }
}

pub struct Floor {
    poll: Loop,
    peer: Peer<Stream>,
    buffer: Vec<u8>,
    out: Vec<u8>,
    epoch: std::time::Instant,
}

impl Floor {
    pub fn new(stream: UnixStream, traffic: &Rc<Traffic>) -> Self {
        let mut stream = Counted::new(mio::net::UnixStream::from_std(stream), traffic);
        Self {
            poll: Loop::new(&mut stream, Interest::READABLE | Interest::WRITABLE),
            peer: Peer::new(stream, Echo::open()),
            buffer: vec![0; READ],
            out: Vec::new(),
            epoch: std::time::Instant::now(),
        }
    }

    pub fn run(&mut self, client: &Client) {
        while goes_on(client) {
            let Loop { poll, events } = &mut self.poll;
            poll.poll(events, Some(SECOND)).unwrap();
            let now = Instant::now_since(self.epoch);
            if events.is_empty() {
                self.peer.tick(&mut self.out, now).unwrap();
            }
            for _ in &*events {
                let (buffer, out) = (&mut self.buffer, &mut self.out);
                assert!(self.peer.turn(buffer, out, now).unwrap());
            }
        }
    }
}
