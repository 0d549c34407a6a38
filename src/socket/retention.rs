//! The memory that buffers of a [`WebSocket`](crate::WebSocket) keep allocated while they hold nothing.
//!
//! Buffers that are given back between two reads have to be allocated, and the one that is read into
//! filled with zeros, for each read: that costs more than all else. Buffers that are kept for good are
//! many gigabytes in a server with many connections that are idle. So they are kept while the traffic
//! needs them: by turns, which end when the bytes that were read are used up, and by ticks.

use super::RETAINED;

/// The most that a buffer keeps while there is much traffic. Larger ones are used too rarely, for
/// messages too large, for an allocation to count.
pub(super) const BUSY: usize = 2 << 20;

/// How much traffic there was lately.
#[derive(Debug)]
pub(super) struct Retention {
    /// Bytes received in this turn: whether they are more than [`RETAINED`].
    turn: u16,
    /// Whether there was traffic since the last tick.
    traffic: bool,
    /// Whether there was between the last two.
    before: bool,
}

impl Retention {
    pub(super) const fn new() -> Self {
        Self {
            turn: 0,
            traffic: false,
            before: false,
        }
    }

    #[inline]
    pub(super) fn received(&mut self, n: usize) {
        self.turn = self
            .turn
            .saturating_add(u16::try_from(n).unwrap_or(u16::MAX));
        self.traffic = true;
    }

    /// Whether nothing was received in this turn.
    pub(super) const fn is_fresh(&self) -> bool {
        self.turn == 0
    }

    pub(super) fn wrote(&mut self) {
        self.traffic = true;
    }

    /// The turn is over, and the next read should be of `hint` bytes: what may be kept.
    pub(super) fn at_end_of_turn(&mut self, hint: usize) -> usize {
        let needed = usize::from(core::mem::take(&mut self.turn)).max(hint);
        kept(needed > RETAINED)
    }

    /// Time passes: what may be kept. A connection is at work if it was between this tick and the
    /// last, and before that too. After a burst, or the last of many, the next tick finds it idle.
    #[inline]
    pub(super) fn at_tick(&mut self) -> usize {
        let traffic = core::mem::take(&mut self.traffic);
        kept(core::mem::replace(&mut self.before, traffic) && traffic)
    }
}

/// What an output queue may keep that has become empty, once it gave that many bytes.
pub(super) const fn after(bytes: usize) -> usize {
    kept(bytes > RETAINED)
}

const fn kept(busy: bool) -> usize {
    if busy { BUSY } else { RETAINED }
}
