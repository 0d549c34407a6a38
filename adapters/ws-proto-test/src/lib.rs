//! A test kit for programs that use WebSocket.
//!
//! Except for peers over TCP, nothing here waits and nothing depends on the machine: a test that fails once fails
//! always.
//!
//! | module | content |
//! |---|---|
//! | [`link`] | two endpoints in memory, with latency, chunks, stalls, ends, resets and silence, in a virtual time |
//! | [`peer`] | a peer that follows a script |
//! | [`hostile`] | peers that misbehave, by name, with the reaction of a correct endpoint |
//! | [`stream`] | a stream whose reads and writes have the results of a list, and other simple ones |
//! | [`clock`], [`task`], [`random`] | time, wakers and random numbers that a test controls |
//! | [`wire`], [`inflate`] | frames encoded, decoded and inflated without the engine |
//! | `record` | recordings, replayed and shown (feature `record`) |
//! | `conformance` | byte vectors, in a format with a version (feature `conformance`) |
//!
//! The README has recipes, and how to report a fault with a recording.
//!
//! ```
//! use ws_proto_test::link::Link;
//! use ws_proto_test::peer::{Item, Peer};
//! use ws_proto_test::task::join;
//!
//! // Two scripts talk to each other, over a network of the seed 1.
//! let (left, right) = Link::random(1).ends();
//! let time = left.time();
//! let client = Peer::client().request("/").expect_accepted().send_text("hi").expect_text("HI").send_close(1000, "");
//! let server = Peer::server().accept().serve(|item| match item {
//!     Item::Text(text) => vec![Item::Text(text.to_uppercase())],
//!     _ => Vec::new(),
//! });
//! let both = join(client.drain().play(left), server.drain().play(right));
//! let (client, server) = time.run(both)?;
//! client.check()?;
//! server.check()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
