//! What the tests of the engine share: byte vectors, one endpoint type for both roles, and drivers that
//! check the contracts on the way.
#![allow(
    missing_docs,
    clippy::missing_panics_doc,
    reason = "only this workspace uses it"
)]

pub mod call;
pub mod data;
pub mod deflate;
pub mod drive;
pub mod endpoint;
pub mod sink;
pub mod storage;

pub use call::Call;
pub use drive::{Item, Trace, drive, drive_with, event_items, one_byte_at_a_time, run};
pub use endpoint::{Endpoint, Keys};
pub use sink::{Bounded, Sink};
pub use storage::{Lack, Room};

use ws_proto::handshake::{HandshakeError, RequestError};

pub use crate::Side;
pub use crate::wire;
pub use crate::wire::{
    BINARY, CLOSE, CONTINUATION, FIN, PEER_KEY, PING, PONG, TEXT, close_body, frame, header,
    parse_output,
};

/// The fault of a peer whose request has failed.
#[must_use]
pub fn failed(error: RequestError) -> HandshakeError {
    match error {
        RequestError::Failed(error) => error,
        other => panic!("the handshake has not failed: {other}"),
    }
}

/// How many random cases a property is tried with.
#[must_use]
pub fn cases(cases: u32) -> proptest::test_runner::Config {
    proptest::test_runner::Config {
        cases,
        failure_persistence: None,
        ..Default::default()
    }
}
