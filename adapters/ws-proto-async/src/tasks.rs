//! The tasks that wait for one stream: one, or two of which each has a half of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// Which direction of a connection a task polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Read,
    Write,
}

impl Side {
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Read => Self::Write,
            Self::Write => Self::Read,
        }
    }
}

/// Who waits, for each side.
///
/// A stream and a timer keep the waker of the last poll only, and each side reads and writes for the other.
/// While all polls come from one task, its own waker is the right one. Once two tasks are seen, the
/// stream gets a waker that wakes both.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    last: [Option<Waker>; 2],
    is_waiting: [bool; 2],
    both: Option<(Arc<Both>, Waker)>,
}

impl Tasks {
    /// Whether the other side does not wait, and never did for another task: the own waker of a task is the
    /// one for the stream.
    #[inline]
    pub(crate) const fn is_alone(&self, side: Side) -> bool {
        self.both.is_none() && !self.is_waiting(side.other())
    }

    /// The task of `waker` is going to poll: the waker that the stream has to get in place of its own.
    #[inline]
    pub(crate) fn begin(&mut self, side: Side, waker: &Waker) -> Option<Waker> {
        if self.both.is_none() && self.is_waiting(side.other()) {
            self.notice(side.other(), waker);
        }
        self.both.as_ref().map(|(both, proxy)| {
            both.set(side, waker);
            proxy.clone()
        })
    }

    /// Sees whether the task that waits is another one.
    #[inline(never)]
    fn notice(&mut self, waiting: Side, waker: &Waker) {
        let [read, write] = &self.last;
        let other = match waiting {
            Side::Read => read,
            Side::Write => write,
        };
        if let Some(other) = other.as_ref().filter(|other| !other.will_wake(waker)) {
            let both = Arc::new(Both::default());
            both.set(waiting, other);
            let proxy = Waker::from(Arc::clone(&both));
            self.both = Some((both, proxy));
        }
    }

    /// The poll is over, and its task waits or not.
    #[inline]
    pub(crate) fn end(&mut self, side: Side, waker: &Waker, is_pending: bool) {
        let [read, write] = &mut self.is_waiting;
        *pick(side, read, write) = is_pending;
        if let Some((both, _)) = &self.both {
            if !is_pending {
                both.clear(side);
            }
        } else if is_pending {
            let [read, write] = &mut self.last;
            match pick(side, read, write) {
                Some(last) => last.clone_from(waker),
                none => *none = Some(waker.clone()),
            }
        }
    }

    #[inline]
    pub(crate) const fn is_waiting(&self, side: Side) -> bool {
        let [read, write] = self.is_waiting;
        match side {
            Side::Read => read,
            Side::Write => write,
        }
    }

    /// Wakes the task of a side, if it waits.
    pub(crate) fn wake(&mut self, side: Side) {
        if !self.is_waiting(side) {
            return;
        }
        let [read, write] = &mut self.is_waiting;
        *pick(side, read, write) = false;
        let [read, write] = &self.last;
        match (&self.both, pick(side, read, write)) {
            (Some((both, _)), _) => both.wake_side(side),
            (None, Some(waker)) => waker.wake_by_ref(),
            (None, None) => {}
        }
    }
}

fn pick<V>(side: Side, read: V, write: V) -> V {
    match side {
        Side::Read => read,
        Side::Write => write,
    }
}

/// Two tasks, of which each is woken by every event of the stream.
#[derive(Debug, Default)]
struct Both([Mutex<Option<Waker>>; 2]);

impl Both {
    fn set(&self, side: Side, waker: &Waker) {
        match &mut *self.slot(side) {
            Some(old) => old.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    fn clear(&self, side: Side) {
        drop(self.take(side));
    }

    fn wake_side(&self, side: Side) {
        if let Some(waker) = self.take(side) {
            waker.wake();
        }
    }

    fn take(&self, side: Side) -> Option<Waker> {
        self.slot(side).take()
    }

    fn slot(&self, side: Side) -> MutexGuard<'_, Option<Waker>> {
        let [read, write] = &self.0;
        let slot = pick(side, read, write);
        slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Both {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_side(Side::Read);
        self.wake_side(Side::Write);
    }
}
