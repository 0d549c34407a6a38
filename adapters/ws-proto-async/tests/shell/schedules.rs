//! Two halves in two tasks, each polled only when it is woken, whatever happens in whatever order: whoever waits has
//! nothing to do.

use std::io::ErrorKind;
use std::task::Poll;
use std::time::Duration;

use ws_proto_async::{CloseCode, Config, Options, ReadHalf, WriteHalf};
use ws_proto_suite::shells::hand::Hand;
use ws_proto_test::random::Random;
use ws_proto_test::task::Wakes;
use ws_proto_test::wire;

use crate::common::{CLOSE, frame, poll, server};

const READER: usize = 0;
const WRITER: usize = 1;

/// What a task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Next,
    Event,
    Piece,
    Ready,
    Flush,
    Close,
}

#[derive(Default)]
struct Task {
    wakes: Wakes,
    /// How often it was woken when it was last polled.
    seen: usize,
    waits: Option<Wait>,
}

impl Task {
    fn is_woken(&self) -> bool {
        self.waits.is_some() && self.wakes.count() > self.seen
    }
}

struct World {
    hand: Hand,
    read: Option<ReadHalf<Hand>>,
    write: WriteHalf<Hand>,
    tasks: [Task; 2],
    log: Vec<String>,
}

impl World {
    fn new(seed: u64, random: &mut Random) -> Self {
        let config = Config::new()
            .keepalive(random.percent(50).then_some(Duration::from_secs(20)))
            .pong_timeout(Duration::from_secs(5))
            .close_timeout(Duration::from_secs(4))
            .manual_close(random.percent(20));
        let options = Options::new()
            .config(config)
            .high_water(random.pick(&[200, 1000, 1 << 20]))
            .stall_time(Duration::from_secs(9));
        let (socket, hand) = server(options);
        let (read, write) = socket.split();
        Self {
            hand,
            read: Some(read),
            write,
            tasks: Default::default(),
            log: vec![format!("seed {seed}")],
        }
    }

    /// Polls the future of a task; the result, in words.
    fn poll(&mut self, side: usize) -> Poll<String> {
        let task = &mut self.tasks[side];
        task.seen = task.wakes.count();
        let (wakes, waits) = (task.wakes.clone(), task.waits.expect("it waits"));
        match (waits, &mut self.read) {
            (Wait::Next, Some(read)) => poll(&wakes, read.next()).map(words),
            (Wait::Event, Some(read)) => poll(&wakes, read.next_event()).map(words),
            (Wait::Piece, Some(read)) => poll(&wakes, read.next_piece()).map(words),
            (Wait::Ready, _) => poll(&wakes, self.write.ready()).map(words),
            (Wait::Flush, _) => poll(&wakes, self.write.flush()).map(words),
            _ => poll(&wakes, self.write.close(CloseCode::NORMAL, "")).map(words),
        }
    }

    fn begin(&mut self, side: usize, wait: Wait) {
        if self.tasks[side].waits.is_none() {
            self.tasks[side].waits = Some(wait);
            self.log.push(format!("{wait:?}"));
            self.step(side);
        }
    }

    fn step(&mut self, side: usize) {
        if let Poll::Ready(result) = self.poll(side) {
            let wait = self.tasks[side].waits.take();
            self.log.push(format!("{wait:?}: {result}"));
        }
    }

    /// Runs whoever is woken, until nobody is. Then whoever waits is polled in spite of that, and finds nothing to do.
    fn run(&mut self) {
        self.run_woken();
        for side in [READER, WRITER] {
            let is_left_to_reader =
                self.read.is_some() && self.tasks[READER].waits.is_none() && self.hand.unread() > 0;
            if self.tasks[side].waits.is_none() || is_left_to_reader {
                continue;
            }
            let before = self.seen();
            let polled = self.poll(side);
            let log = &self.log;
            assert!(polled.is_pending(), "{side} has slept: {polled:?} {log:#?}");
            assert_eq!(before, self.seen(), "{side} has slept: {log:#?}");
        }
        self.run_woken();
    }

    fn run_woken(&mut self) {
        let mut turns = 0;
        while let Some(side) = (0..2).find(|side| self.tasks[*side].is_woken()) {
            self.step(side);
            turns += 1;
            assert!(turns < 1000, "they go on for ever: {:#?}", self.log);
        }
    }

    /// The written bytes, the unread bytes, and whether a timer is set.
    fn seen(&self) -> (usize, usize, bool) {
        let written = self.hand.state().written.len();
        (written, self.hand.unread(), self.hand.deadline().is_some())
    }
}

fn words(result: impl std::fmt::Debug) -> String {
    format!("{:.80}", format!("{result:?}"))
}

/// Something that the peer, the stream, time or the program does.
fn happens(world: &mut World, random: &mut Random, event: usize) {
    let hand = world.hand.clone();
    match event {
        0 => hand.put(&frame(0x81, &vec![b'a'; random.below(300)])),
        1 => hand.put(&frame(0x82, &vec![7; random.below(40_000)])),
        2 => hand.put(&frame(wire::PING, &[1; 125]).repeat(1 + random.below(100))),
        3 => {
            let pings = frame(wire::PING, &[1; 125]).repeat(1 + random.below(12));
            hand.put(&[pings, frame(0x81, b"after them")].concat());
        }
        4 => hand.put(&frame(0x02, &vec![7; random.below(3000)])),
        5 => hand.put(&frame(0x80, &vec![7; random.below(3000)])),
        6 => hand.make_room(0),
        7 => hand.make_room(random.below(3000)),
        8 => hand.make_room(usize::MAX),
        9 => hand.advance(Duration::from_millis(random.below(6000) as u64)),
        10 | 11 if world.read.is_some() => {
            let wait = random.pick(&[Wait::Next, Wait::Event, Wait::Piece]);
            world.begin(READER, wait);
        }
        12 => world.begin(WRITER, Wait::Ready),
        13 => {
            for _ in 0..random.below(4) {
                let _ = world.write.try_send(vec![9; random.below(5000)]);
            }
            world.begin(WRITER, Wait::Flush);
        }
        14 => hand.put(CLOSE),
        15 => hand.end(),
        16 => hand.break_writes(ErrorKind::BrokenPipe),
        17 => hand.put(&frame(0x83, b"")),
        18 => world.begin(WRITER, Wait::Close),
        19 => {
            world.tasks[READER].waits = None;
            world.read = None;
        }
        _ => {}
    }
}

#[test]
fn whoever_waits_has_nothing_to_do() {
    for seed in 0..1500 {
        let mut random = Random::nth(7, seed);
        let mut world = World::new(seed, &mut random);
        // What ends the connection happens in some of the runs only, or all would be short.
        let events = if random.percent(30) { 20 } else { 14 };
        for _ in 0..60 {
            let event = random.below(events);
            world.log.push(format!("event {event}"));
            happens(&mut world, &mut random, event);
            world.run();
        }
        world.log.push("all is written, and the peer ends".into());
        world.hand.make_room(usize::MAX);
        world.run();
        world.hand.end();
        world.run();
        let waits = world.tasks.iter().any(|task| task.waits.is_some());
        assert!(!waits, "for ever: {:#?}", world.log);
    }
}
