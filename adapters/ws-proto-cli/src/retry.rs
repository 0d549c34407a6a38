//! When to connect again, with `--retry`.

use std::time::{Duration, Instant};

use ws_proto::OsRandom;
use ws_proto_tokio::reconnect::{Backoff, BackoffConfig, End};

use crate::args::Args;

/// The first delay is less than this, and then it doubles: a person waits for it.
const FIRST: Duration = Duration::from_secs(1);

/// Delays grow no longer than this.
const CAP: Duration = Duration::from_secs(30);

/// Plans the attempts to connect.
#[derive(Debug)]
pub(crate) struct Retry {
    /// `None` if there are none after the first.
    backoff: Option<Backoff>,
    /// The clock of the plan begins here.
    start: Instant,
}

impl Retry {
    pub(crate) fn new(args: &Args) -> Self {
        let backoff = args.retry.map(|attempts| {
            let config = BackoffConfig::new().first(FIRST).cap(CAP).settled(CAP);
            Backoff::new(config.max_attempts(attempts))
        });
        Self {
            backoff,
            start: Instant::now(),
        }
    }

    /// There is a connection.
    pub(crate) fn connected(&mut self) {
        let now = self.now();
        if let Some(backoff) = &mut self.backoff {
            backoff.connected(now);
        }
    }

    /// How long to wait before the next attempt, after one has failed or a connection was lost; `None` if
    /// there is none. `end` is `None` if another attempt is useless.
    pub(crate) fn delay(&mut self, end: Option<End>) -> Option<Duration> {
        let now = self.now();
        self.backoff.as_mut()?.ended(now, end?, random())
    }

    fn now(&self) -> ws_proto::Instant {
        let millis = u64::try_from(self.start.elapsed().as_millis());
        ws_proto::Instant::from_millis(millis.unwrap_or(u64::MAX))
    }
}

/// It spreads clients and protects nothing, so any number will do where the operating system has none.
fn random() -> u64 {
    let nonce = OsRandom::nonce().unwrap_or([0x55; 16]);
    nonce
        .first_chunk()
        .map_or(0, |half| u64::from_ne_bytes(*half))
}
