//! Two tasks that wait for one stream.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

/// Which half of a connection is being polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Read,
    Write,
}

/// The tasks that wait, one for each half.
///
/// A stream and a timer keep the waker of whoever polled last. That is always this one, which wakes
/// both tasks: so whichever half is polled does the work of both, and neither takes the stream's
/// notice away from the other.
#[derive(Debug, Default)]
pub(crate) struct Wakers([Mutex<Option<Waker>>; 2]);

impl Wakers {
    pub(crate) fn set(&self, side: Side, waker: &Waker) {
        let mut slot = self.slot(side);
        match &mut *slot {
            Some(old) => old.clone_from(waker),
            empty => *empty = Some(waker.clone()),
        }
    }

    pub(crate) fn clear(&self, side: Side) {
        drop(self.take(side));
    }

    pub(crate) fn wake_side(&self, side: Side) {
        if let Some(waker) = self.take(side) {
            waker.wake();
        }
    }

    fn take(&self, side: Side) -> Option<Waker> {
        self.slot(side).take()
    }

    fn slot(&self, side: Side) -> std::sync::MutexGuard<'_, Option<Waker>> {
        let [read, write] = &self.0;
        let slot = match side {
            Side::Read => read,
            Side::Write => write,
        };
        slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_side(Side::Read);
        self.wake_side(Side::Write);
    }
}
