//! What the integration tests share: test data, a wire codec that owes nothing to the crate's own,
//! one endpoint type for both roles, and a driver that checks the contracts in passing.
#![allow(
    dead_code,
    unused_imports,
    reason = "every test crate uses a part of this"
)]
#![allow(clippy::std_instead_of_alloc, reason = "tests have std")]

pub(crate) mod call;
pub(crate) mod data;
pub(crate) mod drive;
pub(crate) mod endpoint;
pub(crate) mod sink;
pub(crate) mod storage;
pub(crate) mod wire;

pub(crate) use call::Call;
pub(crate) use drive::{Item, Trace, drive, drive_with, event_items, one_byte_at_a_time, run};
pub(crate) use endpoint::{Endpoint, Keys, Side};
pub(crate) use sink::{Bounded, Sink};
pub(crate) use storage::{Lack, Room};
pub(crate) use wire::{
    BINARY, CLOSE, CONTINUATION, FIN, PEER_KEY, PING, PONG, TEXT, close_body, frame, header,
    parse_output,
};

/// How many random cases a property is tried with.
pub(crate) fn cases(cases: u32) -> proptest::test_runner::Config {
    proptest::test_runner::Config {
        cases,
        failure_persistence: None,
        ..Default::default()
    }
}
