//! Connections that get a turn only when they ask for one, whatever happens in whatever order: whoever gets another one
//! has nothing to do.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;
use std::time::Duration;

use mio::Token;
use ws_proto_mio::{
    Buffers, CloseCode, Config, Event, Instant, Negotiated, Options, Stream, WebSocket,
};
use ws_proto_test::Side;
use ws_proto_test::random::Random;
use ws_proto_test::wire::{CLOSE, PING, close_body, frame};

use crate::common::at;

/// A stream that reports readiness as mio does: once, when something has changed after it said that there is nothing.
#[derive(Clone, Default)]
struct Edge(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    input: VecDeque<u8>,
    has_ended: bool,
    room: usize,
    write_error: Option<ErrorKind>,
    written: usize,
    /// An event waits to be given to the loop.
    event: bool,
}

impl Read for Edge {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.0.borrow_mut();
        if state.input.is_empty() && !state.has_ended {
            return Err(ErrorKind::WouldBlock.into());
        }
        state.input.read(buffer)
    }
}

impl Write for Edge {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.borrow_mut();
        if let Some(kind) = state.write_error {
            return Err(kind.into());
        }
        let n = bytes.len().min(state.room);
        if n == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        state.room -= n;
        state.written += n;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Edge {
    fn shutdown(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct World {
    edge: Edge,
    socket: WebSocket<Edge>,
    buffers: Buffers,
    now: Instant,
    log: Vec<String>,
    answers: bool,
    /// Turns are left after one event.
    leaves: bool,
    pieces: bool,
    emitted: usize,
}

impl World {
    fn turn(&mut self) {
        let mut turn = self.socket.turn(&mut self.buffers, self.now);
        while turn.read() {
            loop {
                if self.pieces {
                    match turn.next_piece() {
                        Ok(Some(_)) => self.emitted += 1,
                        Ok(None) => break,
                        Err(error) => {
                            self.log.push(format!("{error:?}"));
                            self.emitted += 1;
                            break;
                        }
                    }
                } else {
                    match turn.next_event() {
                        Ok(Some(event)) => {
                            self.emitted += 1;
                            if let (Event::Message(message, mut sender), true) =
                                (event, self.answers)
                            {
                                let _ = sender.send(message);
                            }
                        }
                        Ok(None) => break,
                        Err(error) => {
                            self.log.push(format!("{error:?}"));
                            self.emitted += 1;
                            break;
                        }
                    }
                }
                if self.leaves {
                    return;
                }
            }
        }
    }

    /// Gives turns as a loop does.
    fn run(&mut self) {
        for turns in 0.. {
            let event = std::mem::take(&mut self.edge.0.borrow_mut().event);
            if event {
                self.socket.note_ready();
            }
            let is_due = self.socket.next_deadline().is_some_and(|at| at <= self.now);
            if self.socket.is_over() || !(event || is_due || self.socket.has_more()) {
                break;
            }
            self.turn();
            assert!(turns < 20_000, "for ever: {:#?}", self.log);
        }
        if self.socket.is_over() {
            return;
        }
        let before = self.seen();
        self.socket.note_ready();
        self.turn();
        assert_eq!(before, self.seen(), "{:#?}", self.log);
        for _ in 0..1000 {
            if self.socket.is_over() || !self.socket.has_more() {
                return;
            }
            self.turn();
            assert_eq!(before, self.seen(), "{:#?}", self.log);
        }
        panic!("busy: {:#?}", self.log);
    }

    fn seen(&self) -> (usize, usize, usize, bool) {
        let state = self.edge.0.borrow();
        (
            state.written,
            state.input.len(),
            self.emitted,
            self.socket.next_deadline().is_some(),
        )
    }
}

#[test]
fn whoever_gets_a_turn_in_vain_has_nothing_to_do() {
    for seed in 0..1500 {
        let mut random = Random::nth(9, seed);
        let config = Config::new()
            .keepalive(random.percent(50).then_some(Duration::from_secs(20)))
            .pong_timeout(Duration::from_secs(5))
            .close_timeout(Duration::from_secs(4))
            .manual_close(random.percent(20));
        let options = Options::new()
            .config(config)
            .high_water(random.pick(&[200, 1000, 1 << 20]))
            .read_budget(random.pick(&[1000, 64 * 1024]));
        let edge = Edge::default();
        edge.0.borrow_mut().room = usize::MAX;
        let socket = WebSocket::server(edge.clone(), Token(0), Negotiated::new(), &[], &options);
        let mut world = World {
            edge,
            socket,
            buffers: Buffers::with_size(random.pick(&[512, 4096, 65536])),
            now: at(0),
            log: vec![format!("seed {seed}")],
            answers: random.percent(50),
            leaves: random.percent(30),
            pieces: random.percent(20),
            emitted: 0,
        };
        world.turn();
        world.run();
        let events = if random.percent(30) { 17 } else { 12 };
        for _ in 0..60 {
            let event = random.below(events);
            world.log.push(format!("event {event}"));
            let put = |world: &mut World, first: u8, payload: &[u8], times: usize| {
                let mut state = world.edge.0.borrow_mut();
                state
                    .input
                    .extend(frame(Side::Server, first, payload).repeat(times));
                state.event = true;
            };
            match event {
                0 => put(&mut world, 0x81, &vec![b'a'; random.below(300)], 1),
                1 => put(&mut world, 0x82, &vec![7; random.below(40_000)], 1),
                2 => put(&mut world, PING, &[1; 125], 1 + random.below(100)),
                3 => {
                    put(&mut world, PING, &[1; 125], 1 + random.below(12));
                    put(&mut world, 0x81, b"after it", 1 + random.below(3));
                }
                4 => put(&mut world, 0x02, &vec![7; random.below(3000)], 1),
                5 => put(&mut world, 0x80, &vec![7; random.below(3000)], 1),
                6 => world.edge.0.borrow_mut().room = 0,
                7 | 8 => {
                    let mut state = world.edge.0.borrow_mut();
                    state.room = if event == 7 {
                        1 + random.below(3000)
                    } else {
                        usize::MAX
                    };
                    state.event = true;
                }
                9 => world.now = world.now + Duration::from_millis(random.below(6000) as u64),
                10 => {
                    for _ in 0..random.below(3) {
                        let len = random.below(8000);
                        if let Some(mut sender) = world.socket.sender() {
                            let _ = sender.send_binary(&vec![9; len]);
                        }
                    }
                    world.turn();
                }
                12 => put(&mut world, CLOSE, &close_body(1000, b""), 1),
                13 => {
                    let mut state = world.edge.0.borrow_mut();
                    state.has_ended = true;
                    state.event = true;
                }
                14 => {
                    let mut state = world.edge.0.borrow_mut();
                    state.write_error = Some(ErrorKind::BrokenPipe);
                    state.event = true;
                }
                15 => put(&mut world, 0x83, b"", 1),
                16 => {
                    if let Some(mut sender) = world.socket.sender() {
                        let _ = sender.close(CloseCode::NORMAL, "");
                    }
                    world.turn();
                }
                _ => {}
            }
            world.run();
        }
        world.log.push("all is written, and the peer ends".into());
        {
            let mut state = world.edge.0.borrow_mut();
            state.room = usize::MAX;
            state.has_ended = true;
            state.event = true;
        }
        world.run();
        for _ in 0..1000 {
            if world.socket.is_over() {
                break;
            }
            // The program closes with `manual_close`, or the times of the end pass.
            if let Some(mut sender) = world.socket.sender() {
                let _ = sender.close(CloseCode::NORMAL, "");
            }
            world.turn();
            world.now = world.now + Duration::from_secs(1);
            world.run();
        }
        assert!(world.socket.is_over(), "{:#?}", world.log);
    }
}
