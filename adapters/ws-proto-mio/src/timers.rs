//! The deadlines of many connections.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

use mio::Token;
use ws_proto::Instant;

/// When which connection wants its next turn, for a loop with many of them.
///
/// Deadlines mostly move away: every message puts the next Ping off. So a later deadline costs
/// nothing here; the connection is woken at the earlier one, and its turn tells the later.
///
/// ```
/// use std::time::Duration;
/// use mio::Token;
/// use ws_proto_mio::{Instant, Timers};
///
/// let mut timers = Timers::new();
/// timers.set(Token(7), Some(Instant::from_millis(500)));
/// let now = Instant::from_millis(400);
/// assert_eq!(timers.wait(now), Some(Duration::from_millis(100))); // for `Poll::poll`
/// assert_eq!(timers.expired(now), None);
/// assert_eq!(timers.expired(Instant::from_millis(500)), Some(Token(7)));
/// ```
#[derive(Debug, Default)]
pub struct Timers {
    heap: BinaryHeap<Reverse<(Instant, usize)>>,
    /// The entry of the heap that counts for each token; others are stale.
    set: HashMap<usize, Instant>,
}

impl Timers {
    /// No deadlines.
    pub fn new() -> Self {
        Self::default()
    }

    /// Wakes `token` at `deadline` or, if it had an earlier one, at that. `None` forgets it.
    pub fn set(&mut self, token: Token, deadline: Option<Instant>) {
        let Some(deadline) = deadline else {
            self.set.remove(&token.0);
            return;
        };
        let earlier = self.set.get(&token.0).is_none_or(|set| deadline < *set);
        if earlier {
            self.set.insert(token.0, deadline);
            self.heap.push(Reverse((deadline, token.0)));
        }
        // Connections that come and go leave stale entries behind.
        if self.heap.len() > 64 + 4 * self.set.len() {
            let set = &self.set;
            self.heap
                .retain(|Reverse((at, token))| set.get(token) == Some(at));
        }
    }

    /// A token whose deadline has come, which is forgotten by that. Call it until `None`.
    pub fn expired(&mut self, now: Instant) -> Option<Token> {
        loop {
            let Reverse((deadline, token)) = *self.heap.peek()?;
            let counts = self.set.get(&token) == Some(&deadline);
            if counts && deadline > now {
                return None;
            }
            self.heap.pop();
            if counts {
                self.set.remove(&token);
                return Some(Token(token));
            }
        }
    }

    /// How long to wait for events, until the first deadline; `None` if there is none.
    pub fn wait(&mut self, now: Instant) -> Option<Duration> {
        while let Some(Reverse((deadline, token))) = self.heap.peek() {
            if self.set.get(token) == Some(deadline) {
                return Some(deadline.saturating_duration_since(now));
            }
            self.heap.pop();
        }
        None
    }
}
