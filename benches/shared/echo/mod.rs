//! Echo servers, each one as its users write it: for `benches/shells`, which counts instructions, and
//! for `adapters/load`, which measures CPU time.

pub mod by_hand;
pub mod others;
pub mod ours;

/// As the adapters: a message of 64 KiB comes in one read.
pub const READ: usize = 64 * 1024 + 512;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
