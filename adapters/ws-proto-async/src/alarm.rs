//! A timer that is left alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

/// Whom a timer wakes, and whether it has done so: who is woken knows without a look at the clock.
#[derive(Debug)]
pub(crate) struct Alarm {
    waker: Waker,
    has_rung: AtomicBool,
}

impl Alarm {
    pub(crate) fn new(waker: &Waker) -> Self {
        Self {
            waker: waker.clone(),
            has_rung: AtomicBool::new(false),
        }
    }

    /// Whether it will still wake whom `waker` wakes.
    #[inline]
    pub(crate) fn will_wake(&self, waker: &Waker) -> bool {
        !self.has_rung.load(Ordering::Acquire) && self.waker.will_wake(waker)
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_rung.store(true, Ordering::Release);
        self.waker.wake_by_ref();
    }
}
