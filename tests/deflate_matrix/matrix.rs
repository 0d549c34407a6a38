//! The axes and the faults.

use ws_proto::{Connection, Fin, MAX_CONTROL_FRAME, WebSocket};

use crate::ends::{Bare, Socket};
use crate::run::{Act, Call, How, Item, Pace, Run, Setup, Split, Taker, play};
use crate::scenario::{End, Scenario};
use crate::sink::{Drain, Sink};
use ws_proto_suite::deflate::{Reference, frames};

const KEY: [u8; 4] = [1, 2, 3, 4];

const TAKERS: [Taker; 4] = [
    Taker::Assembler,
    Taker::Pieces(1),
    Taker::Pieces(7),
    Taker::Socket,
];

/// One change of the peer's bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    Flip(u8),
    Lose,
    Double,
    Add(u8),
}

const CHANGES: [Change; 14] = [
    Change::Flip(0x01),
    Change::Flip(0x02),
    Change::Flip(0x04),
    Change::Flip(0x08),
    Change::Flip(0x10),
    Change::Flip(0x20),
    Change::Flip(0x40),
    Change::Flip(0x80),
    Change::Lose,
    Change::Double,
    Change::Add(0x00),
    Change::Add(0xff),
    Change::Add(0x80),
    Change::Add(0xc1),
];

/// What strikes in a pair.
#[derive(Clone, Copy, Debug)]
enum Strike {
    Change(Change),
    Act(Act),
}

const STRIKES: [Strike; 8] = [
    Strike::Change(Change::Flip(0x01)),
    Strike::Change(Change::Flip(0x40)),
    Strike::Change(Change::Lose),
    Strike::Change(Change::Double),
    Strike::Act(Act::Call(Call::Close)),
    Strike::Act(Act::Call(Call::Part(Fin::No))),
    Strike::Act(Act::Call(Call::Text)),
    Strike::Act(Act::Eof),
];

/// Makes runs, and counts them.
#[derive(Default)]
pub(crate) struct Matrix {
    pub(crate) runs: u64,
    /// Runs that ended with a fault, a clean end, neither.
    pub(crate) ends: [u64; 3],
}

impl Matrix {
    fn play(&mut self, setup: &Setup, bytes: &[u8], how: How, acts: &[(usize, Act)]) -> Run {
        self.runs += 1;
        let mut bytes = bytes.to_vec();
        let (config, negotiated) = (setup.config, setup.params.negotiated());
        let bytes = &mut bytes[..];
        let sink = Sink::new(how.drain.limit);
        let run = match (setup.server, how.taker) {
            (true, Taker::Socket) => {
                let socket = WebSocket::server(negotiated, config);
                let end = Socket::new(socket, setup, how.drain.limit);
                play(end, setup, bytes, how, acts)
            }
            (false, Taker::Socket) => {
                let socket = WebSocket::client(negotiated, config, || KEY);
                let end = Socket::new(socket, setup, how.drain.limit);
                play(end, setup, bytes, how, acts)
            }
            (true, taker) => {
                let connection = Connection::server(negotiated, config);
                play(
                    Bare::new(connection, setup, taker, sink),
                    setup,
                    bytes,
                    how,
                    acts,
                )
            }
            (false, taker) => {
                let connection = Connection::client(negotiated, config, || KEY);
                play(
                    Bare::new(connection, setup, taker, sink),
                    setup,
                    bytes,
                    how,
                    acts,
                )
            }
        };
        let end = match (run.trace.fault, run.trace.clean) {
            (Some(_), _) => 0,
            (None, Some(true)) => 1,
            _ => 2,
        };
        self.ends[end] += 1;
        run
    }

    /// The run byte by byte, verified.
    fn refer(&mut self, name: &str, setup: &Setup, bytes: &[u8], acts: &[(usize, Act)]) -> Run {
        let _context = Context(name, setup, bytes, How::BYTES, acts);
        let run = self.play(setup, bytes, How::BYTES, acts);
        verify(&run, setup);
        run
    }

    /// Another run of the same, which has to be the same.
    fn same(
        &mut self,
        reference: &Run,
        name: &str,
        setup: &Setup,
        bytes: &[u8],
        how: How,
        acts: &[(usize, Act)],
    ) {
        let _context = Context(name, setup, bytes, how, acts);
        let run = self.play(setup, bytes, how, acts);
        assert_eq!(run.trace, reference.trace);
        let marks = run.marks.iter().zip(&reference.marks);
        for (mark, exact) in marks.chain(run.fault_at.iter().zip(&reference.fault_at)) {
            assert!(
                (mark.0 + 1..=mark.1).contains(&exact.1),
                "emitted in {mark:?}, not at {exact:?}"
            );
        }
    }

    /// The reference and a few other ways, for runs with a fault: the fault is the point.
    fn few_ways(&mut self, name: &str, setup: &Setup, bytes: &[u8], acts: &[(usize, Act)]) {
        let reference = self.refer(name, setup, bytes, acts);
        let whole = How {
            split: Split::Whole,
            taker: Taker::Socket,
            ..How::BYTES
        };
        let pieces = How {
            split: Split::Random(bytes.len() as u64),
            taker: Taker::Pieces(3),
            ..How::BYTES
        };
        self.same(&reference, name, setup, bytes, whole, acts);
        self.same(&reference, name, setup, bytes, pieces.tight(1), acts);
    }

    pub(crate) fn splits_takers_drains_paces(&mut self, scenario: &Scenario) {
        let Scenario {
            name, setup, bytes, ..
        } = scenario;
        let reference = self.refer(name, setup, bytes, &[]);
        expect(scenario, &reference);
        let splits = [Split::Whole]
            .into_iter()
            .chain((1..bytes.len()).map(Split::At))
            .chain((1..=17).map(Split::Every))
            .chain((0..20).map(Split::Random));
        let drains = [
            Drain::NEVER,
            Drain::new(MAX_CONTROL_FRAME, 1, false),
            Drain::new(MAX_CONTROL_FRAME + 9, 7, true),
        ];
        for split in splits {
            for taker in TAKERS {
                for drain in drains {
                    for pace in [Pace::Each, Pace::One, Pace::AtEnd] {
                        let how = How {
                            split,
                            taker,
                            drain,
                            pace,
                        };
                        self.same(&reference, name, setup, bytes, how, &[]);
                    }
                }
            }
        }
    }

    pub(crate) fn pairs_of_cuts(&mut self, scenario: &Scenario) {
        let Scenario {
            name, setup, bytes, ..
        } = scenario;
        let reference = self.refer(name, setup, bytes, &[]);
        for first in 1..bytes.len() {
            for second in first + 1..bytes.len() {
                let how = How {
                    split: Split::AtTwo(first, second),
                    taker: TAKERS[(first + second) % TAKERS.len()],
                    ..How::BYTES
                };
                self.same(&reference, name, setup, bytes, how, &[]);
            }
        }
    }

    /// The transport ends, or the end is dropped, in front of each byte: earlier output is a
    /// prefix of the whole.
    pub(crate) fn ends_at_every_byte(&mut self, scenario: &Scenario) {
        let Scenario {
            name, setup, bytes, ..
        } = scenario;
        let reference = self.refer(name, setup, bytes, &[]);
        for at in 0..=bytes.len() {
            self.few_ways(name, setup, bytes, &[(at, Act::Eof)]);
            for (act, taker) in [Act::Eof, Act::Drop]
                .into_iter()
                .flat_map(|act| TAKERS.map(|taker| (act, taker)))
            {
                let how = How {
                    split: Split::Every(3),
                    taker,
                    ..How::BYTES
                };
                let faults = [(at, act)];
                let _context = Context(name, setup, bytes, how, &faults);
                let run = self.play(setup, bytes, how, &faults);
                let emitted = (reference.marks.iter())
                    .filter(|(_, fed)| *fed <= at)
                    .count();
                assert_eq!(messages(&run), messages(&reference)[..emitted]);
                let failed = reference.fault_at.is_some_and(|(_, fed)| fed <= at);
                assert_eq!(run.trace.fault.is_some(), failed);
            }
        }
    }

    pub(crate) fn calls_at_every_byte(&mut self, scenario: &Scenario) {
        let Scenario {
            name, setup, bytes, ..
        } = scenario;
        for at in 0..=bytes.len() {
            for call in Call::ALL {
                let act = (at, Act::Call(call));
                self.few_ways(name, setup, bytes, &[act]);
                if at % 4 == 0 {
                    self.few_ways(name, setup, bytes, &[act, act, (at, Act::Call(Call::Text))]);
                }
            }
        }
    }

    pub(crate) fn limits_of_every_size(&mut self, scenario: &Scenario) {
        let Scenario {
            name, setup, bytes, ..
        } = scenario;
        for limit in (0..=80).chain([257, 258, 259, 260]) {
            let frames = Setup {
                config: setup.config.max_frame(limit),
                ..setup.clone()
            };
            self.few_ways(name, &frames, bytes, &[]);
            self.few_ways(name, &setup.clone().limit(limit), bytes, &[]);
            let fragments = Setup {
                config: setup.config.max_fragments(limit.min(9) as u32),
                ..setup.clone()
            };
            if limit < 9 {
                self.few_ways(name, &fragments, bytes, &[]);
            }
        }
    }

    pub(crate) fn changes_at_every_byte(&mut self, scenario: &Scenario) {
        let Scenario {
            name, setup, bytes, ..
        } = scenario;
        for at in 0..bytes.len() {
            for one in CHANGES {
                let mut bytes = bytes.clone();
                change(&mut bytes, at, one);
                self.few_ways(name, setup, &bytes, &[]);
            }
        }
    }

    pub(crate) fn two_faults(&mut self, scenario: &Scenario) {
        let Scenario { name, setup, .. } = scenario;
        let len = scenario.bytes.len();
        for first in 0..len {
            // Near the first, and further on.
            for second in [0, 1, 2, 5, 11, 23].map(|n| first + n) {
                if second >= len {
                    break;
                }
                for (n, one) in STRIKES.into_iter().enumerate() {
                    let other = STRIKES[(n + first + second) % STRIKES.len()];
                    let mut bytes = scenario.bytes.clone();
                    let mut acts = Vec::new();
                    // The later one first, so that the places stay.
                    for (at, strike) in [(second, other), (first, one)] {
                        match strike {
                            Strike::Change(one) if at < bytes.len() => change(&mut bytes, at, one),
                            Strike::Change(_) => {}
                            Strike::Act(act) => acts.insert(0, (at, act)),
                        }
                    }
                    self.few_ways(name, setup, &bytes, &acts);
                }
            }
        }
    }
}

fn change(bytes: &mut Vec<u8>, at: usize, change: Change) {
    match change {
        Change::Flip(bit) => bytes[at] ^= bit,
        Change::Lose => {
            bytes.remove(at);
        }
        Change::Double => bytes.insert(at, bytes[at]),
        Change::Add(byte) => bytes.insert(at, byte),
    }
}

fn messages(run: &Run) -> Vec<&Item> {
    let items = run.trace.items.iter();
    items
        .filter(|item| !matches!(item, Item::Called(_)))
        .collect()
}

/// A scenario emits, and ends, as it says itself.
fn expect(scenario: &Scenario, run: &Run) {
    let expected: Vec<&Item> = scenario.items.iter().collect();
    assert_eq!(messages(run), expected, "{}", scenario.name);
    let end = match (run.trace.fault, run.trace.clean) {
        (Some(error), _) => End::Failed(error.close_code().expect("it has failed").as_u16()),
        (None, Some(true)) => End::Clean,
        (None, _) => End::Cut,
    };
    assert_eq!(end, scenario.end, "{}", scenario.name);
}

/// What holds for every run: one end, one Close, and messages sent that can be inflated with the
/// window agreed on.
fn verify(run: &Run, setup: &Setup) {
    let (window_bits, takeover) = if setup.server {
        (
            setup.params.server_window_bits(),
            setup.params.server_takeover(),
        )
    } else {
        (
            setup.params.client_window_bits(),
            setup.params.client_takeover(),
        )
    };
    let mut inflater = Reference::new(window_bits);
    let (mut sent, mut open) = (Vec::new(), None);
    let mut close = None;
    for (first, payload) in frames(&unmasked(&run.trace.output, !setup.server)) {
        if first & 0x0f >= 8 {
            if first == 0x88 {
                assert_eq!(close, None, "one Close");
                close = Some(payload);
            }
            continue;
        }
        assert_eq!(close, None, "a message after Close");
        let (_, message) = open.get_or_insert((first & 0x40 != 0, Vec::new()));
        message.extend(payload);
        if first & 0x80 != 0 {
            let (compressed, message) = open.take().expect("a message");
            if compressed && !takeover {
                inflater.reset();
            }
            sent.push(match compressed {
                true => inflater.message(&message).expect("good data"),
                false => message,
            });
        }
    }
    assert_eq!(sent, run.sent, "what is on the wire is what was sent");
    if let Some(error) = run.trace.fault {
        assert_eq!(run.trace.clean, Some(false));
        assert!(!run.trace.closed, "an error after the peer's Close");
        let close = close.expect("a Close frame");
        let ours = [0x03, 0xe9];
        assert!(
            close
                == error
                    .close_code()
                    .expect("it has failed")
                    .as_u16()
                    .to_be_bytes()
                || close == ours
        );
    }
}

/// The same frames without masks.
fn unmasked(mut bytes: &[u8], masked: bool) -> Vec<u8> {
    if !masked {
        return bytes.to_vec();
    }
    let mut plain = Vec::new();
    while let [first, second, rest @ ..] = bytes {
        assert!(*second & 0x80 != 0 && *second & 0x7f < 126, "a small frame");
        let (key, rest) = rest.split_at(4);
        let (payload, rest) = rest.split_at(usize::from(second & 0x7f));
        plain.extend([*first, second & 0x7f]);
        plain.extend(payload.iter().zip(key.iter().cycle()).map(|(b, k)| b ^ k));
        bytes = rest;
    }
    plain
}

/// Names the run, when one panics.
struct Context<'c>(&'c str, &'c Setup, &'c [u8], How, &'c [(usize, Act)]);

impl Drop for Context<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self(name, setup, bytes, how, acts) = self;
            eprintln!("in {name}: {how:?}, {acts:?}, {setup:?}\n{bytes:02x?}");
        }
    }
}
