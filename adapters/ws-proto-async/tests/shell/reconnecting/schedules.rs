//! A sender and a receiver in two tasks, each polled only when it is woken, while connections come and go: whoever waits
//! has nothing to do.

use std::io::ErrorKind;
use std::task::Poll;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use ws_proto_async::{AttemptError, Message, Reconnecting};
use ws_proto_suite::shells::hand::Hand;
use ws_proto_test::random::Random;
use ws_proto_test::task::Wakes;

use super::net::{Net, answer, close_frame, frame, refuse};
use crate::common::{poll, quiet};

const READER: usize = 0;
const WRITER: usize = 1;

struct World {
    net: Net,
    stream: SplitStream<Reconnecting<Hand>>,
    sink: SplitSink<Reconnecting<Hand>, Message>,
    wakes: [Wakes; 2],
    seen: [usize; 2],
    waits: [bool; 2],
    /// The servers that were reached or will be.
    hands: Vec<Hand>,
    log: Vec<String>,
}

impl World {
    fn poll(&mut self, side: usize) -> Poll<String> {
        let wakes = self.wakes[side].clone();
        self.seen[side] = wakes.count();
        if side == READER {
            poll(&wakes, self.stream.next()).map(|update| format!("{update:?}"))
        } else {
            poll(&wakes, self.sink.flush()).map(|flushed| format!("{flushed:?}"))
        }
    }

    fn step(&mut self, side: usize) {
        let polled = self.poll(side);
        self.waits[side] = polled.is_pending();
        if let Poll::Ready(result) = polled {
            self.log.push(format!("{side}: {result:.100}"));
        }
    }

    fn run_woken(&mut self) {
        let mut turns = 0;
        while let Some(side) =
            (0..2).find(|side| self.waits[*side] && self.wakes[*side].count() > self.seen[*side])
        {
            self.step(side);
            turns += 1;
            assert!(turns < 1000, "they go on for ever: {:#?}", self.log);
        }
    }

    fn run(&mut self) {
        self.run_woken();
        for side in [READER, WRITER] {
            // What comes is left to a receiver that does not wait.
            let has_come = self.hands.iter().any(|hand| hand.unread() > 0);
            let is_left = side == WRITER && !self.waits[READER] && has_come;
            if self.waits[side] && !is_left {
                let before = self.state();
                let polled = self.poll(side);
                let log = &self.log;
                assert!(polled.is_pending(), "{side} has slept: {polled:?} {log:#?}");
                assert_eq!(before, self.state(), "{side} has slept: {log:#?}");
            }
        }
        self.run_woken();
    }

    fn state(&self) -> (Vec<(usize, usize)>, bool) {
        let hands = self.hands.iter();
        let hands = hands.map(|hand| {
            let written = hand.state().written.len();
            (written, hand.unread())
        });
        (hands.collect(), self.net.clock.deadline().is_some())
    }
}

/// Whether a whole request was written, and nothing since then.
fn has_asked(hand: &Hand) -> bool {
    let written = &hand.state().written;
    written.starts_with(b"GET") && written.ends_with(b"\r\n\r\n")
}

#[test]
fn whoever_waits_has_nothing_to_do() {
    for seed in 0..1000 {
        let mut random = Random::nth(11, seed);
        let net = Net::default();
        let client = net
            .client(quiet().high_water(random.pick(&[200, 1 << 20])))
            .resend(random.percent(50))
            .on_connect(|_| [Message::from("subscribe")]);
        let (sink, stream) = client.split();
        let mut world = World {
            net,
            stream,
            sink,
            wakes: Default::default(),
            seen: [0; 2],
            waits: [false; 2],
            hands: Vec::new(),
            log: vec![format!("seed {seed}")],
        };
        for number in 0..80 {
            let event = random.below(14);
            world.log.push(format!("event {event}"));
            let hand = world.hands.last().cloned();
            match (event, hand) {
                (0, _) => world.hands.push(world.net.server()),
                (1, _) => world.net.fail(AttemptError::transient("no token")),
                (2 | 3, _) => world
                    .net
                    .clock
                    .advance(Duration::from_secs(random.below(40) as u64)),
                (4 | 5, Some(hand)) if has_asked(&hand) => answer(&hand),
                (6, Some(hand)) if has_asked(&hand) => {
                    refuse(&hand, 503, "");
                }
                (7, Some(hand)) => hand.put(&frame(0x81, b"news")),
                (8, Some(hand)) => hand.make_room(random.below(300)),
                (9, Some(hand)) => hand.make_room(usize::MAX),
                (10, Some(hand)) if random.percent(40) => {
                    hand.break_writes(ErrorKind::BrokenPipe);
                    hand.end();
                }
                (11, Some(hand)) if random.percent(40) => {
                    hand.put(&close_frame(1012));
                    hand.end();
                }
                (12, _) if !world.waits[READER] => world.step(READER),
                (13, _) if !world.waits[WRITER] => {
                    let _ = poll(
                        &world.wakes[WRITER],
                        world.sink.feed(number.to_string().into()),
                    );
                    world.step(WRITER);
                }
                _ => {}
            }
            world.run();
        }
    }
}
