//! Contracts 7, 8, 10, 11, 12 and 15 for any order of calls with any bytes: nothing panics, and
//! the output is always a sequence of frames that the other end takes without complaint.

use proptest::prelude::*;
use ws_proto::frame::Rsv;
use ws_proto::{
    Config, Fin, Input, MAX_CONTROL_FRAME, Negotiated, Output, ProtocolError, ReceiveError,
    Transport,
};
use ws_proto_suite::call::any_call;
use ws_proto_suite::*;

#[derive(Clone, Debug)]
enum Step {
    Call(Call),
    Receive(Vec<u8>),
    /// A whole frame, so that the other steps meet more states: first byte and payload.
    ReceiveFrame(u8, Vec<u8>),
    Tick(u64),
    Eof,
    Drain(usize),
    Dry(bool),
}

fn any_step() -> impl Strategy<Value = Step> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..140);
    let good = proptest::sample::select(vec![0x81, 0x01, 0x00, 0x80, 0x82, 0x89, 0x8a, 0xc1]);
    prop_oneof![
        8 => any_call().prop_map(Step::Call),
        1 => bytes().prop_map(Step::Receive),
        8 => (good, "[a-z]{0,20}").prop_map(|(first, text)| Step::ReceiveFrame(first, text.into())),
        1 => Just(Step::ReceiveFrame(CLOSE, close_body(1001, b"bye"))),
        3 => (0..30_000_u64).prop_map(Step::Tick),
        1 => Just(Step::Eof),
        6 => (0..2000_usize).prop_map(Step::Drain),
        1 => any::<bool>().prop_map(Step::Dry),
    ]
}

/// An endpoint under random calls, and the observations of it.
struct Run {
    endpoint: Endpoint,
    sink: Bounded,
    wire: Vec<u8>,
    now: u64,
    error: Option<ProtocolError>,
    transport: Transport,
}

impl Run {
    fn new(side: Side, config: Config, room: usize) -> Self {
        let negotiated = Negotiated::new().with_rsv(Rsv::RSV1 | Rsv::RSV2);
        Self {
            endpoint: Endpoint::with(side, negotiated, config),
            sink: Bounded::new(room),
            wire: Vec::new(),
            now: 0,
            error: None,
            transport: Transport::Open,
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Call(call) => self.call(call),
            Step::Receive(bytes) => self.receive(bytes),
            Step::ReceiveFrame(first, payload) => {
                self.receive(&frame(self.endpoint.side, *first, payload));
            }
            Step::Tick(millis) => self.tick(*millis),
            Step::Eof => {
                let first = self.endpoint.receive_eof();
                assert_eq!(self.endpoint.receive_eof(), first);
            }
            Step::Drain(n) => self.drain(*n),
            Step::Dry(dry) => self.endpoint.keys.set_dry(*dry),
        }
        self.check_transport();
    }

    fn call(&mut self, call: &Call) {
        let before = self.sink.pending().to_vec();
        let could_send = self.endpoint.can_send();
        let open = self.endpoint.is_message_open();
        match call.make(&mut self.endpoint, &mut self.sink) {
            Ok(payload) => {
                assert!(could_send || !call.is_data(), "data after Close");
                assert!(!open || !call.is_whole(), "a message inside a message");
                if let Some(fin) = call.fin() {
                    assert_eq!(self.endpoint.is_message_open(), fin == Fin::No);
                }
                if !payload.is_empty() {
                    self.drain(usize::MAX);
                    self.wire.extend(payload);
                }
            }
            Err(_) => {
                assert_eq!(self.sink.pending(), before, "an error writes nothing");
                assert_eq!(self.endpoint.is_message_open(), open);
            }
        }
        if self.error.is_some() {
            assert_eq!(
                self.sink.pending(),
                before,
                "nothing is sent after an error"
            );
        }
    }

    /// As a driver does: until all is consumed, draining when the engine waits for room.
    fn receive(&mut self, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        let mut input = Input::new(&mut bytes);
        loop {
            let event = self
                .endpoint
                .receive(&mut input, &mut self.sink)
                .map(|e| e.is_some());
            if let Some(error) = self.error {
                assert_eq!(event, Err(error.into()), "an error stays the same");
            }
            match event {
                Ok(true) => {}
                Ok(false) => {
                    assert!(input.is_empty());
                    break;
                }
                Err(ReceiveError::OutputFull) => {
                    assert!(self.sink.room() < MAX_CONTROL_FRAME);
                    assert!(!input.is_empty());
                    self.drain(usize::MAX);
                }
                Err(ReceiveError::Protocol(error)) => {
                    assert!(input.is_empty());
                    self.error = Some(error);
                    break;
                }
            }
        }
    }

    fn tick(&mut self, millis: u64) {
        self.now += millis;
        let first = self.endpoint.tick(self.now, &mut self.sink);
        if let Ok(Some(deadline)) = first {
            assert!(deadline > self.now);
        }
        let before = self.sink.pending().to_vec();
        assert_eq!(
            self.endpoint.tick(self.now, &mut self.sink),
            first,
            "tick is idempotent"
        );
        assert_eq!(self.sink.pending(), before, "tick is idempotent");
    }

    fn drain(&mut self, n: usize) {
        let n = n.min(self.sink.pending().len());
        self.wire.extend_from_slice(&self.sink.pending()[..n]);
        self.sink.consume(n);
    }

    /// A connection that is closing does not open again, and an end is final.
    fn check_transport(&mut self) {
        let rank = |transport| match transport {
            Transport::Open => 0,
            Transport::AwaitEof => 1,
            Transport::Close => 2,
            Transport::Abort => 3,
        };
        let now = self.endpoint.transport();
        assert!(
            rank(now) >= rank(self.transport),
            "{:?} to {now:?}",
            self.transport
        );
        self.transport = now;
    }

    fn check_the_wire(mut self) {
        self.drain(usize::MAX);
        let side = self.endpoint.side;
        let frames = parse_output(side, &self.wire);
        let close = frames.iter().position(wire::Frame::is_close);
        if let Some(close) = close {
            let after = &frames[close + 1..];
            assert!(
                !after.iter().any(|f| f.is_close() || f.is_data()),
                "only control after Close"
            );
        }
        if side == Side::Client {
            let keys: Vec<_> = frames.iter().map(|frame| frame.key.unwrap()).collect();
            let script: Vec<_> = (0..self.endpoint.keys.drawn()).map(Keys::key).collect();
            assert_eq!(keys, script, "each frame has the next key");
        }
        let negotiated = Negotiated::new().with_rsv(Rsv::RSV1 | Rsv::RSV2);
        let mut peer = Endpoint::with(side.peer(), negotiated, Config::new());
        assert_eq!(
            run(&mut peer, &self.wire).error,
            None,
            "the other end takes it all"
        );
    }
}

fn any_config() -> impl Strategy<Value = Config> {
    (any::<bool>(), any::<bool>(), 1..200_u64, 1..6_u32).prop_map(
        |(pong, close, max, fragments)| {
            Config::new()
                .manual_pong(pong)
                .manual_close(close)
                .max_message(max)
                .max_fragments(fragments)
        },
    )
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn any_order_of_calls_keeps_the_contracts(
        steps in proptest::collection::vec(any_step(), 1..60),
        config in any_config(),
        room in 131..2000_usize,
    ) {
        for side in Side::BOTH {
            let mut run = Run::new(side, config, room);
            for step in &steps {
                run.step(step);
            }
            // shows: RFC6455-10.1-01
            run.check_the_wire();
        }
    }

    /// Times that jump, back too, and to the end of all time.
    #[test]
    fn any_time_is_survived(times in proptest::collection::vec(
        prop_oneof![any::<u64>(), Just(u64::MAX), Just(0), 0..100_000_u64], 1..20,
    )) {
        for side in Side::BOTH {
            let mut endpoint = Endpoint::new(side);
            let mut out = Vec::new();
            for now in &times {
                let _ = endpoint.tick(*now, &mut out);
            }
            let _ = parse_output(side, &out);
        }
    }
}
