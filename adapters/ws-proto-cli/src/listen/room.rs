//! The peers, and the queue of each of them.
//!
//! A message to all goes at the pace of the fastest: it waits until one of them has taken the message sent
//! before, but for a half of the lag that is allowed. A peer for which more than the whole of that waits is let
//! go, so that one that is slow neither holds up the others nor fills the memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc, oneshot};
use ws_proto_tokio::Message;

/// What goes to a peer.
#[derive(Clone, Debug)]
pub(super) enum Outgoing {
    Message(Message),
    Ping(Vec<u8>),
}

impl Outgoing {
    /// How much of the lag it takes: many empty messages are much too.
    fn cost(&self) -> usize {
        let len = match self {
            Self::Message(message) => message.len(),
            Self::Ping(payload) => payload.len(),
        };
        len.saturating_add(64)
    }
}

/// The peers by number.
#[derive(Debug)]
pub(super) struct Room {
    peers: Mutex<BTreeMap<usize, Outbox>>,
    /// Somebody has come, gone, or taken something.
    changed: Notify,
    max_lag: usize,
}

/// The end of a queue at which messages are put in.
#[derive(Debug)]
struct Outbox {
    queue: mpsc::UnboundedSender<Outgoing>,
    waiting: Arc<AtomicUsize>,
    /// Dropped, it lets the peer go.
    _too_slow: oneshot::Sender<()>,
}

/// The end of a queue at which a peer takes them out. Its room loses it when this is dropped.
#[derive(Debug)]
pub(super) struct Inbox {
    room: Arc<Room>,
    number: usize,
    queue: mpsc::UnboundedReceiver<Outgoing>,
    waiting: Arc<AtomicUsize>,
}

/// Tells a peer that its room has let it go.
#[derive(Debug)]
pub(super) struct TooSlow(oneshot::Receiver<()>);

impl Room {
    pub(super) fn new(max_lag: u64) -> Self {
        Self {
            peers: Mutex::default(),
            changed: Notify::new(),
            max_lag: usize::try_from(max_lag).unwrap_or(usize::MAX),
        }
    }

    /// A place for one more peer.
    pub(super) fn join(self: &Arc<Self>, number: usize) -> (Inbox, TooSlow) {
        let (queue, queued) = mpsc::unbounded_channel();
        let (let_go, too_slow) = oneshot::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let outbox = Outbox {
            queue,
            waiting: Arc::clone(&waiting),
            _too_slow: let_go,
        };
        self.peers().insert(number, outbox);
        self.changed.notify_waiters();
        let inbox = Inbox {
            room: Arc::clone(self),
            number,
            queue: queued,
            waiting,
        };
        (inbox, TooSlow(too_slow))
    }

    /// Waits until somebody is there and one of them has room.
    pub(super) async fn ready(&self) {
        self.wait_until(|peers| {
            let mut lags = peers.values().map(Outbox::lag);
            lags.any(|lag| lag <= self.max_lag / 2)
        })
        .await;
    }

    /// Waits until somebody is there.
    pub(super) async fn occupied(&self) {
        self.wait_until(|peers| !peers.is_empty()).await;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.peers().is_empty()
    }

    async fn wait_until(&self, is_so: impl Fn(&BTreeMap<usize, Outbox>) -> bool) {
        loop {
            let changed = self.changed.notified();
            if is_so(&self.peers()) {
                return;
            }
            changed.await;
        }
    }

    /// Queues it for everybody, and lets go those who have too much waiting already.
    pub(super) fn send(&self, outgoing: &Outgoing) {
        let cost = outgoing.cost();
        self.peers().retain(|_, outbox| {
            if outbox.lag() > self.max_lag {
                return false;
            }
            outbox.waiting.fetch_add(cost, Ordering::Relaxed);
            // One who has just gone misses it.
            let _ = outbox.queue.send(outgoing.clone());
            true
        });
    }

    fn peers(&self) -> MutexGuard<'_, BTreeMap<usize, Outbox>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outbox {
    fn lag(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl Inbox {
    /// What is to be sent next. Cancel safe.
    pub(super) async fn next(&mut self) -> Outgoing {
        match self.queue.recv().await {
            Some(outgoing) => outgoing,
            // It is let go, which `TooSlow` reports.
            None => std::future::pending().await,
        }
    }

    /// It is sent, or never will be.
    pub(super) fn done(&self, outgoing: &Outgoing) {
        self.waiting.fetch_sub(outgoing.cost(), Ordering::Relaxed);
        self.room.changed.notify_waiters();
    }
}

impl TooSlow {
    /// Waits until the peer is let go. Cancel safe, but not to be waited for again after that.
    pub(super) async fn wait(&mut self) {
        // Nothing is ever sent: the other end is dropped.
        let _ = (&mut self.0).await;
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.room.peers().remove(&self.number);
        self.room.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(len: usize) -> Outgoing {
        Outgoing::Message(Message::text("x".repeat(len)))
    }

    /// The fastest sets the pace; a peer that lags by more than the room allows is let go.
    #[tokio::test(flavor = "current_thread")]
    async fn the_slow_are_let_go_and_the_fast_are_waited_for() {
        let room = Arc::new(Room::new(1000));
        let (mut quick, _let_go) = room.join(1);
        let (slow, mut too_slow) = room.join(2);
        for _ in 0..3 {
            room.ready().await;
            room.send(&text(400));
            let outgoing = quick.next().await;
            quick.done(&outgoing);
        }
        // 1392 wait for the slow one now.
        room.send(&text(400));
        too_slow.wait().await;
        assert_eq!(room.peers().len(), 1);
        // One message waits for the quick one, and one more fits in the half.
        room.ready().await;
        room.send(&text(400));
        let ready = tokio::time::timeout(std::time::Duration::from_millis(50), room.ready());
        assert!(ready.await.is_err());
        drop(slow);
        drop(quick);
        assert!(room.peers().is_empty());
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_message_of_any_size_fits_once() {
        let room = Arc::new(Room::new(1000));
        let (mut peer, _let_go) = room.join(1);
        room.send(&text(1_000_000));
        assert_eq!(room.peers().len(), 1);
        let outgoing = peer.next().await;
        peer.done(&outgoing);
        room.ready().await;
        assert_eq!(peer.waiting.load(Ordering::Relaxed), 0);
    }
}
