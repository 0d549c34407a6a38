//! What the programs of this package share: one end of a connection each, which the scripts in
//! `interop/` run against other implementations.
//!
//! [`script`] is the language of scripted sessions, which every program for them speaks. Those of
//! the adapters have one command line ([`command`]) and one client that checks a server
//! ([`probe`]). [`play`] is the whole program of an asynchronous adapter: an adapter gives it its
//! runtime. [`bytes`] is what the ends of byte streams send and check.

pub mod bytes;
pub mod command;
#[cfg(feature = "play")]
pub mod play;
#[cfg(feature = "tls")]
pub mod probe;
pub mod script;
