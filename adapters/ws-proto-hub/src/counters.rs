//! What a hub counts.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The numbers that a hub has counted since it was made: see [`Hub::counters`](crate::Hub::counters).
///
/// ```
/// use ws_proto_hub::{Hub, MemberOptions, WhenFull};
///
/// let hub = Hub::new();
/// let member = hub.join(MemberOptions::new().max_waiting(1).when_full(WhenFull::DropOldest));
/// member.subscribe("news");
/// hub.publish("news", "one");
/// hub.publish("news", "two"); // in the place of "one"
/// let counters = hub.counters();
/// assert_eq!((counters.published, counters.dropped, counters.delivered), (2, 1, 0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Counters {
    /// Publications of this process.
    pub published: u64,
    /// Publications that members have taken from their queues, counted once for each member.
    pub delivered: u64,
    /// Publications that were dropped for members that did not keep up.
    pub dropped: u64,
    /// Publications that a later one with the same key has replaced in a queue.
    pub replaced: u64,
    /// Members whose connection was closed because they did not keep up.
    pub closed: u64,
    /// Publications that other processes have sent here.
    pub received: u64,
    /// Publications that were dropped before they were given to the backplane: too many waited, or the hub ended while
    /// its connection was lost.
    pub unsent: u64,
    /// Packets of the backplane that could not be read, or were lost in this process before they were read.
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
