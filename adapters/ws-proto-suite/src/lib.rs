//! What only the tests of this workspace share. Programs of others use `ws-proto-test`, on which this stands.
//!
//! | module | content | feature |
//! |---|---|---|
//! | the root | one endpoint type for both roles, drivers that check the contracts on the way, byte vectors | `engine` |
//! | `deflate` | a strict inflater, drivers for permessage-deflate | `engine` |
//! | `matrix`, `byte_matrix` | the same scenarios for every shell, and for its byte streams | |
//! | `heap` | an allocator that counts for each thread apart | |
//! | `shells` | the tests that every asynchronous shell plays, and what the examples of the adapters run on | `shells`, `network` |
//! | `mio` | what the examples of `ws-proto-mio` run on | `mio` |
#![allow(
    missing_docs,
    clippy::missing_panics_doc,
    reason = "only this workspace uses it"
)]

#[cfg(any(feature = "shells", feature = "engine"))]
pub mod byte_matrix;
pub mod heap;
pub mod matrix;
#[cfg(feature = "mio")]
pub mod mio;
#[cfg(feature = "shells")]
pub mod shells;

#[cfg(feature = "engine")]
pub mod call;
#[cfg(feature = "engine")]
pub mod data;
#[cfg(feature = "engine")]
pub mod deflate;
#[cfg(feature = "engine")]
pub mod drive;
#[cfg(feature = "engine")]
pub mod endpoint;
#[cfg(feature = "engine")]
pub mod sink;
#[cfg(feature = "engine")]
pub mod storage;

#[cfg(feature = "engine")]
pub use {
    call::Call,
    drive::{Item, Trace, drive, drive_with, event_items, one_byte_at_a_time, run},
    endpoint::{Endpoint, Keys},
    sink::{Bounded, Sink},
    storage::{Lack, Room},
};

pub use ws_proto_test::Side;
pub use ws_proto_test::wire;
pub use ws_proto_test::wire::{
    BINARY, CLOSE, CONTINUATION, FIN, PEER_KEY, PING, PONG, TEXT, close_body, frame, header,
    parse_output,
};

#[cfg(feature = "engine")]
use ws_proto::handshake::{HandshakeError, RequestError};

/// The fault of a peer whose request has failed.
#[cfg(feature = "engine")]
#[must_use]
pub fn failed(error: RequestError) -> HandshakeError {
    match error {
        RequestError::Failed(error) => error,
        other => panic!("the handshake has not failed: {other}"),
    }
}

/// How many random cases a property is tried with.
#[cfg(feature = "engine")]
#[must_use]
pub fn cases(cases: u32) -> proptest::test_runner::Config {
    proptest::test_runner::Config {
        cases,
        failure_persistence: None,
        ..Default::default()
    }
}
