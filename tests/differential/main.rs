//! The same bytes for this crate and for `tungstenite`: both have to make the same of them.
//!
//! Streams of frames and heads of handshakes are made at random from a fixed seed, many of them
//! broken on purpose. Where the two differ, the difference has to be one of those that are listed,
//! with the reason, in [`frames::Known`] and [`heads::Known`]. Anything else
//! fails, and the smallest input that shows it is printed. A listed difference that does not occur
//! fails too.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `WS_PROTO_DIFF_STREAMS` | inputs for each of the tests | [`DEFAULT_STREAMS`] |
//! | `WS_PROTO_DIFF_SEED` | where the random inputs start | [`DEFAULT_SEED`] |

mod frames;
mod generate;
mod heads;
mod naive;
mod request;
mod response;
mod sending;
mod shrink;
mod tally;

const DEFAULT_STREAMS: u64 = 30_000;
const DEFAULT_SEED: u64 = 0x6455_2011;

/// How many inputs each test compares.
fn streams() -> u64 {
    variable("WS_PROTO_DIFF_STREAMS").unwrap_or(DEFAULT_STREAMS)
}

fn seed() -> u64 {
    variable("WS_PROTO_DIFF_SEED").unwrap_or(DEFAULT_SEED)
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    match parsed {
        Ok(number) => Some(number),
        Err(_) => panic!("{name} is not a number: {text}"),
    }
}
