//! What a hub counts.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a hub has counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Publications of this process.
    pub published: u64,
    /// Publications that members have taken, each counted for each member.
    pub delivered: u64,
    /// Publications that were dropped for members that did not keep up.
    pub dropped: u64,
    /// Publications in whose place a later one of the same key went.
    pub replaced: u64,
    /// Members whose connection was closed because they did not keep up.
    pub closed: u64,
    /// Publications that other processes have sent here.
    pub received: u64,
    /// Publications that were dropped before they were given to the backplane: too many waited.
    pub unsent: u64,
    /// What came by the backplane and could not be read, or was lost in this process before it was read.
    pub unread: u64,
}

#[derive(Clone, Copy)]
pub(crate) enum Count {
    Published,
    Delivered,
    Dropped,
    Replaced,
    Closed,
    Received,
    Unsent,
    Unread,
}

/// Each on a cache line of its own, so that threads that count do not wait for each other.
#[repr(align(128))]
#[derive(Default)]
struct Cell([AtomicU64; 8]);

#[derive(Default)]
pub(crate) struct Cells([Cell; 16]);

impl Cells {
    pub(crate) fn add(&self, at: u64, what: Count, n: u64) {
        if n > 0 {
            self.0[at as usize % 16].0[what as usize].fetch_add(n, Relaxed);
        }
    }

    pub(crate) fn counters(&self) -> Counters {
        let sum = |what| {
            let cells = self.0.iter();
            cells
                .map(|cell: &Cell| cell.0[what as usize].load(Relaxed))
                .sum()
        };
        Counters {
            published: sum(Count::Published),
            delivered: sum(Count::Delivered),
            dropped: sum(Count::Dropped),
            replaced: sum(Count::Replaced),
            closed: sum(Count::Closed),
            received: sum(Count::Received),
            unsent: sum(Count::Unsent),
            unread: sum(Count::Unread),
        }
    }
}
