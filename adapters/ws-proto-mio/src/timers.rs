//! The deadlines of many connections.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

use mio::Token;
use ws_proto::Instant;

/// When which connection wants its next turn, for a loop with many of them.
///
/// Deadlines mostly move away: every message puts the next Ping off. So a later deadline costs
/// nothing here; the connection is woken at the earlier one, and its turn gives the later.
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
    set: Set,
}

/// A deadline for some of all tokens.
#[derive(Debug, Default)]
struct Set {
    /// By token, where tokens are the numbers of a slab: no deadline is the end of time.
    dense: Vec<Instant>,
    /// All others.
    sparse: HashMap<usize, Instant>,
    len: usize,
}

impl Set {
    const NONE: Instant = Instant::from_millis(u64::MAX);

    #[inline]
    fn get(&self, token: usize) -> Instant {
        match self.dense.get(token) {
            Some(deadline) => *deadline,
            None if self.sparse.is_empty() => Self::NONE,
            None => self.sparse.get(&token).copied().unwrap_or(Self::NONE),
        }
    }

    fn insert(&mut self, token: usize, deadline: Instant) {
        if token >= self.dense.len() && token < 64 + 2 * self.len {
            let len = (token + 1).max(self.dense.len() + self.dense.len() / 4);
            self.dense.resize(len, Self::NONE);
            let dense = &mut self.dense;
            self.sparse.retain(|token, deadline| {
                let slot = dense.get_mut(*token).map(|slot| *slot = *deadline);
                slot.is_none()
            });
        }
        let before = match self.dense.get_mut(token) {
            Some(slot) => std::mem::replace(slot, deadline),
            None => self.sparse.insert(token, deadline).unwrap_or(Self::NONE),
        };
        self.len += usize::from(before == Self::NONE);
    }

    fn remove(&mut self, token: usize) {
        let before = match self.dense.get_mut(token) {
            Some(slot) => std::mem::replace(slot, Self::NONE),
            None => self.sparse.remove(&token).unwrap_or(Self::NONE),
        };
        self.len -= usize::from(before != Self::NONE);
    }
}

impl Timers {
    /// No deadlines.
    ///
    /// ```
    /// use ws_proto_mio::{Instant, Timers};
    ///
    /// assert_eq!(Timers::new().wait(Instant::from_millis(0)), None);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Wakes `token` at `deadline` or, if it had an earlier one, at that. `None` forgets it.
    ///
    /// ```
    /// use mio::Token;
    /// use ws_proto_mio::{Instant, Timers};
    ///
    /// let mut timers = Timers::new();
    /// timers.set(Token(1), Some(Instant::from_millis(300)));
    /// timers.set(Token(1), Some(Instant::from_millis(900))); // later: it is woken at 300, and its turn says 900 again
    /// timers.set(Token(2), Some(Instant::from_millis(500)));
    /// timers.set(Token(2), None); // it is over
    /// let now = Instant::from_millis(600);
    /// assert_eq!((timers.expired(now), timers.expired(now)), (Some(Token(1)), None));
    /// ```
    #[inline]
    pub fn set(&mut self, token: Token, deadline: Option<Instant>) {
        match deadline {
            // Most calls end here: a deadline that has moved away.
            Some(deadline) if deadline >= self.set.get(token.0) => {}
            Some(deadline) => self.move_closer(token.0, deadline),
            None => self.set.remove(token.0),
        }
    }

    fn move_closer(&mut self, token: usize, deadline: Instant) {
        self.set.insert(token, deadline);
        self.heap.push(Reverse((deadline, token)));
        // Connections that come and go leave stale entries.
        if self.heap.len() > 64 + 4 * self.set.len {
            let set = &self.set;
            self.heap
                .retain(|Reverse((at, token))| set.get(*token) == *at);
        }
    }

    /// A token whose deadline has come, which is forgotten by that. Call it until `None`.
    ///
    /// ```
    /// # use mio::Token;
    /// # use ws_proto_mio::{Instant, Timers};
    /// # let mut timers = Timers::new();
    /// timers.set(Token(1), Some(Instant::from_millis(300)));
    /// while let Some(token) = timers.expired(Instant::from_millis(300)) {
    ///     assert_eq!(token, Token(1)); // give this connection a turn
    /// }
    /// ```
    #[inline]
    pub fn expired(&mut self, now: Instant) -> Option<Token> {
        loop {
            let Reverse((deadline, token)) = *self.heap.peek()?;
            if deadline > now {
                return None;
            }
            self.heap.pop();
            if self.set.get(token) == deadline {
                self.set.remove(token);
                return Some(Token(token));
            }
        }
    }

    /// How long to wait for events, until the first deadline; `None` if there is none.
    ///
    /// ```
    /// # use mio::Token;
    /// # use ws_proto_mio::{Instant, Timers};
    /// # let mut timers = Timers::new();
    /// use std::time::Duration;
    ///
    /// timers.set(Token(1), Some(Instant::from_millis(300)));
    /// let timeout = timers.wait(Instant::from_millis(200)); // for `mio::Poll::poll`
    /// assert_eq!(timeout, Some(Duration::from_millis(100)));
    /// ```
    #[inline]
    pub fn wait(&mut self, now: Instant) -> Option<Duration> {
        while let Some(Reverse((deadline, token))) = self.heap.peek() {
            if self.set.get(*token) == *deadline {
                return Some(deadline.saturating_duration_since(now));
            }
            self.heap.pop();
        }
        None
    }
}
