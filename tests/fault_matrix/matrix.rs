//! The axes and the faults.

use ws_proto::Fin;
use ws_proto::handshake::Limits;

use crate::engine::{Call, KeySource, Setup};
use crate::messages::{Then, join};
use crate::reference::{Reference, is_silent};
use crate::run::{Act, Fault, How, Pace, Runner, Split};
use crate::scenario::{End, Scenario};
use ws_proto_suite::{Lack, Side};
use ws_proto_test::wire::parse_output;

type Family = fn(&mut Matrix, &Scenario);

pub(crate) const FAMILIES: [(&str, Family); 11] = [
    ("splits, drains, paces", Matrix::ways),
    ("pairs of cuts", Matrix::pairs_of_cuts),
    ("end of the transport at every byte", Matrix::ends),
    ("calls at every byte", Matrix::calls),
    ("messages mixed in every order", Matrix::messages),
    ("time at every byte", Matrix::time),
    ("limits of every size", Matrix::limits),
    ("no memory at every store", Matrix::stores),
    ("masking keys", Matrix::keys),
    ("a byte changed, lost, doubled or added", Matrix::mutations),
    ("two faults", Matrix::two_faults),
];

pub(crate) struct Matrix {
    runner: Runner,
    reference: Reference,
    bytes: Vec<u8>,
    deep: bool,
    /// Scenarios seen by the family, for those that take only some of them.
    seen: usize,
}

/// The least limit of an output that lets an engine go on.
fn least(setup: &Setup) -> usize {
    if setup.handshake { 256 } else { 131 }
}

/// One change of the peer's bytes.
#[derive(Clone, Copy, Debug)]
enum Change {
    Flip(u8),
    Lose,
    Double,
    Add(u8),
}

const CHANGES: [Change; 15] = [
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
    Change::Add(b'\r'),
    Change::Add(b'\n'),
];

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

/// What strikes in a pair.
#[derive(Clone, Copy, Debug)]
enum Strike {
    Change(Change),
    Act(Act),
}

/// A few of each sort, or in deep mode all.
fn strikes(deep: bool) -> Vec<Strike> {
    if deep {
        let changes = CHANGES.map(Strike::Change).into_iter();
        let calls = Call::all().map(|call| Strike::Act(Act::Call(call)));
        return changes
            .chain(calls)
            .chain([Strike::Act(Act::Eof)])
            .collect();
    }
    vec![
        Strike::Change(Change::Flip(0x01)),
        Strike::Change(Change::Flip(0x80)),
        Strike::Change(Change::Lose),
        Strike::Change(Change::Double),
        Strike::Change(Change::Add(0xff)),
        Strike::Act(Act::Call(Call::Close)),
        Strike::Act(Act::Call(Call::TextPart(Fin::No))),
        Strike::Act(Act::Call(Call::Ping)),
        Strike::Act(Act::Call(Call::Tick(1))),
        Strike::Act(Act::Call(Call::Tick(30_000))),
        Strike::Act(Act::Call(Call::Dry)),
        Strike::Act(Act::Eof),
    ]
}

impl Matrix {
    pub(crate) fn new(deep: bool) -> Self {
        Self {
            runner: Runner::new(),
            reference: Reference::default(),
            bytes: Vec::new(),
            deep,
            seen: 0,
        }
    }

    pub(crate) fn runs(&self) -> u64 {
        self.runner.runs
    }

    /// The reference run of a scenario under these faults, verified.
    fn refer(&mut self, scenario: &Scenario, setup: Setup, bytes: &[u8], acts: &[(usize, Act)]) {
        self.runner.run(scenario, setup, bytes, How::BYTES, acts);
        let input = bytes.len();
        self.runner
            .check(scenario, setup, bytes, How::BYTES, acts, |runner| {
                Reference::verify(runner, setup, input);
            });
        self.reference.keep(&self.runner);
    }

    /// Another run of the same, which has to be the same.
    fn same(
        &mut self,
        scenario: &Scenario,
        setup: Setup,
        bytes: &[u8],
        how: How,
        acts: &[(usize, Act)],
    ) {
        self.runner.run(scenario, setup, bytes, how, acts);
        let reference = &self.reference;
        self.runner
            .check(scenario, setup, bytes, how, acts, |runner| {
                reference.assert_same(runner, how);
            });
    }

    /// The reference and a few other ways, for runs with a fault: the fault is the point.
    fn few_ways(&mut self, scenario: &Scenario, setup: Setup, bytes: &[u8], acts: &[(usize, Act)]) {
        self.refer(scenario, setup, bytes, acts);
        self.same(scenario, setup, bytes, How::WHOLE, acts);
        let tight = How::split(Split::Random(bytes.len() as u64)).drain(least(&setup), 1, false);
        self.same(scenario, setup, bytes, tight, acts);
    }

    fn ways(&mut self, scenario: &Scenario) {
        let (setup, bytes) = (scenario.setup, &scenario.bytes[..]);
        self.refer(scenario, setup, bytes, &[]);
        self.expect(scenario);
        let room = least(&setup);
        let drains = [
            How::WHOLE,
            How::WHOLE.drain(room, 1, false),
            How::WHOLE.drain(room, room, true),
            How::WHOLE.drain(room + 1, 2, true),
            How::WHOLE.drain(room + 9, 7, false),
            How::WHOLE.drain(room + 69, 131, false),
        ];
        let paces = [Pace::Each, Pace::Twice, Pace::One, Pace::AtEnd];
        let mut splits = vec![Split::Whole];
        if scenario.is_short() {
            splits.extend((1..bytes.len()).map(Split::At));
            splits.extend((1..=17).map(Split::Every));
            splits.extend([64, 125, 126, 127, 128, 129, 130, 131].map(Split::Every));
            splits.extend((0..500).map(Split::Random));
        } else {
            let edges = (1..24)
                .chain(65_520..65_560)
                .chain((997..bytes.len()).step_by(9_973));
            splits.extend(edges.map(Split::At));
            let sizes = [
                1, 64, 125, 131, 4093, 4096, 4099, 65_533, 65_535, 65_536, 65_539,
            ];
            splits.extend(sizes.map(Split::Every));
        }
        for (n, split) in splits.into_iter().enumerate() {
            for (m, drain) in drains.into_iter().enumerate() {
                for (l, pace) in paces.into_iter().enumerate() {
                    let some = matches!(split, Split::Random(_)) || !scenario.is_short();
                    if some && !self.deep && (n + m + l) % 6 != 0 {
                        continue;
                    }
                    let how = How {
                        split,
                        pace,
                        ..drain
                    };
                    self.same(scenario, setup, bytes, how, &[]);
                }
            }
        }
    }

    /// A scenario ends as its table says.
    fn expect(&self, scenario: &Scenario) {
        let trace = &self.reference.trace;
        let end = match (trace.fault, trace.eof) {
            (Some(Fault::Protocol(error)), _) => End::Failed(error.close_code().as_u16()),
            (Some(Fault::Handshake(error)), _) => End::Refused(error.status().unwrap_or(0)),
            (None, Some(Ok(()))) if trace.close_received => End::Clean,
            (None, Some(Ok(()))) => End::Rejected,
            (None, Some(Err(Some(error)))) => End::Refused(error.status().unwrap_or(0)),
            (None, _) => End::Cut,
        };
        let expected = match (scenario.end, scenario.setup.side) {
            // What a client makes of a broken answer has a status only for servers.
            (End::Refused(0), Side::Client) if matches!(end, End::Refused(_)) => end,
            (end, _) => end,
        };
        assert_eq!(end, expected, "{}", scenario.name);
    }

    fn pairs_of_cuts(&mut self, scenario: &Scenario) {
        let len = scenario.bytes.len();
        let most = if self.deep { 400 } else { 64 };
        if len > most {
            return;
        }
        let (setup, bytes) = (scenario.setup, &scenario.bytes[..]);
        self.refer(scenario, setup, bytes, &[]);
        let room = least(&setup);
        for first in 1..len {
            for second in first + 1..len {
                let how = How::split(Split::AtTwo(first, second));
                self.same(scenario, setup, bytes, how, &[]);
                self.same(scenario, setup, bytes, how.drain(room, 1, false), &[]);
            }
        }
    }

    /// The transport ends, or the run does, in front of each byte: earlier output is a prefix
    /// of the whole.
    fn ends(&mut self, scenario: &Scenario) {
        let (setup, bytes) = (scenario.setup, &scenario.bytes[..]);
        self.refer(scenario, setup, bytes, &[]);
        let step = if scenario.is_short() { 1 } else { 6_553 };
        for at in (0..bytes.len()).step_by(step) {
            for how in [
                How::WHOLE,
                How::split(Split::Every(3)).drain(least(&setup), 1, false),
            ] {
                for act in [Act::Eof, Act::Drop] {
                    let acts = [(at, act)];
                    self.runner.run(scenario, setup, bytes, how, &acts);
                    let reference = &self.reference;
                    self.runner
                        .check(scenario, setup, bytes, how, &acts, |runner| {
                            reference.assert_prefix(runner, at);
                            if act == Act::Eof {
                                Reference::verify(runner, setup, at);
                            }
                        });
                }
            }
        }
    }

    fn calls(&mut self, scenario: &Scenario) {
        if !scenario.is_short() {
            return;
        }
        let (setup, bytes) = (scenario.setup, &scenario.bytes[..]);
        for at in 0..=bytes.len() {
            for call in Call::all() {
                // There is nothing to call in a handshake but the clock.
                if setup.handshake && !matches!(call, Call::Tick(_) | Call::Close) {
                    continue;
                }
                let act = Act::Call(call);
                self.few_ways(scenario, setup, bytes, &[(at, act)]);
                // Calls that send messages are repeated, and mixed, in a family of their own.
                if !Call::MESSAGES.contains(&call) {
                    self.few_ways(scenario, setup, bytes, &[(at, act), (at, act)]);
                }
            }
        }
    }

    /// Three calls that send frames of messages, in every order. Each place of each scenario takes the next
    /// few of the orders, so that all are taken, many times.
    fn messages(&mut self, scenario: &Scenario) {
        if !scenario.is_small() || scenario.setup.handshake {
            return;
        }
        const N: usize = Call::MESSAGES.len();
        let (setup, bytes) = (scenario.setup, &scenario.bytes[..]);
        let orders = if self.deep { N * N * N } else { 16 };
        for at in 0..=bytes.len() {
            for _ in 0..orders {
                // A step that has no factor in common with the number of orders.
                self.seen = (self.seen + 1009) % (N * N * N);
                let call = |n: usize| Act::Call(Call::MESSAGES[n % N]);
                let [a, b, c] = [1, N, N * N].map(|place| call(self.seen / place));
                let later = (at + 1).min(bytes.len());
                self.few_ways(scenario, setup, bytes, &[(at, a), (at, b), (later, c)]);
            }
        }
    }

    /// Silence that outlasts every timer, at every byte.
    fn time(&mut self, scenario: &Scenario) {
        if !scenario.is_short() {
            return;
        }
        let (setup, bytes) = (scenario.setup, &scenario.bytes[..]);
        let tick = |at, millis| (at, Act::Call(Call::Tick(millis)));
        for at in 0..=bytes.len() {
            let half = at / 2;
            let acts = [
                tick(0, 0),
                tick(at, 20_000),
                tick(at, 0),
                tick(at, 19_999),
                tick(at, 1),
            ];
            for n in 2..=acts.len() {
                self.few_ways(scenario, setup, bytes, &acts[..n]);
            }
            let acts = [
                tick(0, 1),
                tick(half, 20_000),
                tick(half, 1),
                tick(at, 20_000),
            ];
            self.few_ways(scenario, setup, bytes, &acts);
            self.few_ways(scenario, setup, bytes, &acts[2..]);
        }
    }

    fn limits(&mut self, scenario: &Scenario) {
        if !scenario.is_short() {
            return;
        }
        let (setup, bytes) = (scenario.setup, &scenario.bytes[..]);
        let most = bytes.len() as u64 + 2;
        for limit in 0..=most.min(140) {
            let config = scenario.setup.config;
            for config in [
                config.max_frame(limit),
                config.max_message(limit),
                config.max_fragments(limit as u32),
                config
                    .max_frame(limit)
                    .max_message(limit / 2)
                    .max_fragments(2),
            ] {
                self.few_ways(scenario, Setup { config, ..setup }, bytes, &[]);
            }
        }
        if !setup.handshake {
            return;
        }
        for limit in 0..=bytes.len() + 2 {
            let limits = setup.limits;
            let storage = Setup {
                storage: limit,
                ..setup
            };
            self.few_ways(scenario, storage, bytes, &[]);
            for limits in [limits.head_bytes(limit), limits.body_bytes(limit)] {
                self.few_ways(scenario, Setup { limits, ..setup }, bytes, &[]);
            }
            if limit < 12 {
                for limits in [
                    limits.lines(limit),
                    Limits::new().informational(limit as u8),
                ] {
                    self.few_ways(scenario, Setup { limits, ..setup }, bytes, &[]);
                }
            }
        }
    }

    /// Memory that cannot be allocated at some store, or from there on, for as long as that is reached.
    fn stores(&mut self, scenario: &Scenario) {
        if !scenario.is_short() {
            return;
        }
        let ways = [
            Split::Every(1),
            Split::Every(3),
            Split::Whole,
            Split::Random(scenario.bytes.len() as u64),
        ];
        for split in ways {
            for lack in [Lack::At, Lack::From] {
                if scenario.setup.handshake {
                    self.heads_without_memory(scenario, split, lack);
                    continue;
                }
                for then in [Then::Continue, Then::Close] {
                    self.messages_without_memory(scenario, split, lack, then);
                }
            }
        }
    }

    /// A head that cannot be kept is refused, the body of a refusal is cut off.
    fn heads_without_memory(&mut self, scenario: &Scenario, split: Split, lack: fn(usize) -> Lack) {
        let (bytes, how) = (&scenario.bytes[..], How::split(split));
        self.runner.run(scenario, scenario.setup, bytes, how, &[]);
        self.reference.keep(&self.runner);
        for n in 0.. {
            let setup = Setup {
                lack: lack(n),
                ..scenario.setup
            };
            self.runner.run(scenario, setup, bytes, how, &[]);
            let reference = &self.reference;
            let check = |runner: &Runner| {
                Reference::verify(runner, setup, bytes.len());
                reference.assert_lacks(runner);
            };
            self.runner.check(scenario, setup, bytes, how, &[], check);
            if self.runner.notes.stores_failed == 0 {
                return;
            }
        }
    }

    /// A message that cannot be kept is an error, the others come.
    fn messages_without_memory(
        &mut self,
        scenario: &Scenario,
        split: Split,
        lack: fn(usize) -> Lack,
        then: Then,
    ) {
        let (setup, bytes) = (scenario.setup, &scenario.bytes[..]);
        let clean = join(setup, bytes, split, Lack::Never, then);
        for n in 0.. {
            let lack = lack(n);
            let joined = join(setup, bytes, split, lack, then);
            self.runner.runs += 1;
            let how = How::split(split);
            let setup = Setup { lack, ..setup };
            let check = |_: &Runner| clean.assert_lacks(&joined, setup, lack, then);
            self.runner.check(scenario, setup, bytes, how, &[], check);
            if joined.failed == 0 {
                return;
            }
        }
    }

    /// Other keys change nothing but the masking; a key that is missing costs its frame only.
    fn keys(&mut self, scenario: &Scenario) {
        if scenario.setup.side == Side::Server || !scenario.is_short() {
            return;
        }
        let (setup, bytes) = (scenario.setup, &scenario.bytes[..]);
        self.refer(scenario, setup, bytes, &[]);
        let trace = self.reference.trace.clone();
        let head = self
            .runner
            .notes
            .head
            .unwrap_or(self.reference.output.len());
        let unmasked = |output: &[u8]| -> Vec<_> {
            let frames = parse_output(Side::Client, &output[head..]);
            frames
                .into_iter()
                .map(|frame| (frame.first, frame.payload))
                .collect()
        };
        let frames = unmasked(&self.reference.output);
        let constant = Setup {
            keys: KeySource::Constant,
            ..setup
        };
        self.few_ways(scenario, constant, bytes, &[]);
        assert_eq!(self.reference.trace, trace, "{}", scenario.name);
        assert_eq!(
            unmasked(&self.reference.output),
            frames,
            "{}",
            scenario.name
        );
        for n in 0..frames.len() + 1 {
            for keys in [KeySource::FailsAt(n as u32), KeySource::FailsFrom(n as u32)] {
                self.few_ways(scenario, Setup { keys, ..setup }, bytes, &[]);
                assert_eq!(self.reference.trace.fault, trace.fault, "{}", scenario.name);
                if !is_silent(scenario.app) {
                    continue;
                }
                assert_eq!(self.reference.trace.items, trace.items, "{}", scenario.name);
                let mut left = frames.clone();
                match keys {
                    KeySource::FailsAt(_) if n < left.len() => {
                        let lost = left.remove(n);
                        if lost.0 == 0x88 {
                            left.push(lost); // by the next tick, for which there is a key
                        }
                    }
                    _ => left.truncate(n),
                }
                assert_eq!(unmasked(&self.reference.output), left, "{}", scenario.name);
            }
        }
    }

    fn mutations(&mut self, scenario: &Scenario) {
        if !scenario.is_short() {
            return;
        }
        let mut bytes = core::mem::take(&mut self.bytes);
        for at in 0..scenario.bytes.len() {
            for one in CHANGES {
                bytes.clone_from(&scenario.bytes);
                change(&mut bytes, at, one);
                self.few_ways(scenario, scenario.setup, &bytes, &[]);
                let how = How::split(Split::At(at)).drain(least(&scenario.setup) + 1, 3, true);
                self.same(scenario, scenario.setup, &bytes, how, &[]);
            }
        }
        self.bytes = bytes;
    }

    fn two_faults(&mut self, scenario: &Scenario) {
        if !scenario.is_small() || scenario.setup.handshake {
            return;
        }
        self.seen += 1;
        if !self.deep && self.seen % 5 != 0 {
            return;
        }
        let strikes = strikes(self.deep);
        for second in 0..scenario.bytes.len() {
            for first in 0..=second {
                for &one in &strikes {
                    for &other in &strikes {
                        self.pair(scenario, (first, one), (second, other));
                    }
                }
            }
        }
    }

    fn pair(&mut self, scenario: &Scenario, first: (usize, Strike), second: (usize, Strike)) {
        let mut bytes = core::mem::take(&mut self.bytes);
        bytes.clone_from(&scenario.bytes);
        let mut acts = [(0, Act::Drop); 2];
        let mut count = 0;
        // The later change first, so that it does not move the earlier place.
        for (at, strike) in [second, first] {
            if let Strike::Change(one) = strike {
                if at < bytes.len() {
                    change(&mut bytes, at, one);
                }
            }
        }
        for (at, strike) in [first, second] {
            if let Strike::Act(act) = strike {
                acts[count] = (at.min(bytes.len()), act);
                count += 1;
            }
        }
        let setup = scenario.setup;
        self.refer(scenario, setup, &bytes, &acts[..count]);
        let how = How::WHOLE.drain(least(&setup), 1, false);
        self.same(scenario, setup, &bytes, how, &acts[..count]);
        self.bytes = bytes;
    }
}
