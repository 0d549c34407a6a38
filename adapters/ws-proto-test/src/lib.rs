//! Streams, peers and recordings for tests of programs that use WebSocket.
//!
//! Nothing here waits, and nothing depends on the machine, but for peers over TCP: a test that fails once fails
//! always.
//!
//! | module | what it has |
//! |---|---|
//! | [`link`] | two endpoints in memory, with latency, chunks, stalls, ends and resets, in a virtual time |
//! | [`stream`] | a stream whose reads and writes do what a list says, and other simple ones |
//! | [`clock`], [`task`], [`random`] | time, wakers and numbers that a test has in its hand |
//! | [`wire`] | frames encoded and decoded without the engine |
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod clock;
#[cfg(feature = "conformance")]
#[cfg_attr(docsrs, doc(cfg(feature = "conformance")))]
pub mod conformance;
pub mod hostile;
pub mod inflate;
pub mod link;
pub mod peer;
pub mod random;
#[cfg(feature = "record")]
#[cfg_attr(docsrs, doc(cfg(feature = "record")))]
pub mod record;
mod seeds;
mod side;
pub mod stream;
pub mod task;
pub mod wire;

pub use seeds::{SEED, for_each_seed};
pub use side::Side;
