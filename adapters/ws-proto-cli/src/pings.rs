//! Which Pings wait for their Pongs.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// The Pings that have not been answered, each with its time, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Pings {
    waiting: Mutex<VecDeque<(Vec<u8>, Instant)>>,
    answered: Notify,
}

impl Pings {
    pub(crate) fn sent(&self, payload: &[u8]) {
        let ping = (payload.to_vec(), Instant::now());
        self.waiting().push_back(ping);
    }

    /// Takes note of a Pong, and returns how long it took; `None` if it answers no Ping that was sent here. It
    /// answers those before it too: a peer may answer the last one only (RFC 6455 5.5.3).
    pub(crate) fn answered(&self, payload: &[u8]) -> Option<Duration> {
        let mut waiting = self.waiting();
        let index = waiting.iter().position(|(sent, _)| sent == payload)?;
        let (_, sent) = waiting.drain(..=index).next_back()?;
        self.answered.notify_one();
        Some(sent.elapsed())
    }

    /// Those of a connection that is lost are not answered on the next one.
    pub(crate) fn forget(&self) {
        self.waiting().clear();
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<(Vec<u8>, Instant)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn all_answered(&self) {
        while !self.waiting().is_empty() {
            self.answered.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pong_answers_the_ping_with_its_payload_and_those_before() {
        let pings = Pings::default();
        for payload in ["a", "b", "b"] {
            pings.sent(payload.as_bytes());
        }
        assert_eq!(pings.answered(b"unasked"), None);
        assert!(pings.answered(b"b").is_some());
        assert_eq!(pings.answered(b"a"), None);
        assert!(pings.answered(b"b").is_some() && pings.waiting().is_empty());
    }
}
