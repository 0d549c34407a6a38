//! Which Pings wait for their Pongs.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// The times at which Pings were sent that have not been answered, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Pings {
    waiting: RefCell<VecDeque<Instant>>,
    answered: Notify,
}

impl Pings {
    pub(crate) fn sent(&self) {
        self.waiting.borrow_mut().push_back(Instant::now());
    }

    /// Takes note of a Pong, and returns how long it took; `None` if nobody asked for it.
    pub(crate) fn answered(&self) -> Option<Duration> {
        let sent = self.waiting.borrow_mut().pop_front();
        self.answered.notify_one();
        sent.map(|sent| sent.elapsed())
    }

    pub(crate) async fn all_answered(&self) {
        while !self.waiting.borrow().is_empty() {
            self.answered.notified().await;
        }
    }
}
