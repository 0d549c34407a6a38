//! What waits for one member, and what happens when it does not keep up.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use ws_proto_tokio::CloseCode;

use crate::publication::Delivery;

/// What happens to a member when more waits for it than its [`MemberOptions`] allow.
///
/// ```
/// use ws_proto_hub::ws_proto_tokio::CloseCode;
/// use ws_proto_hub::{Hub, MemberEvent, MemberOptions, WhenFull};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let hub = Hub::new();
/// let join = |when_full| {
///     let member = hub.join(MemberOptions::new().max_waiting(2).when_full(when_full));
///     member.subscribe("numbers");
///     member
/// };
/// let mut lossy = join(WhenFull::DropOldest);
/// let mut strict = join(WhenFull::Close(CloseCode::POLICY_VIOLATION, "too slow".into()));
/// for number in ["1", "2", "3"] {
///     hub.publish("numbers", number);
/// }
/// assert!(matches!(lossy.next().await, MemberEvent::Missed(1)));
/// assert!(matches!(lossy.next().await, MemberEvent::Delivery(two) if two.messages()[0].payload() == b"2"));
/// assert!(matches!(strict.next().await, MemberEvent::Close(close) if close.code == CloseCode::POLICY_VIOLATION));
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// What waits longest is dropped, and the member gets [`MemberEvent::Missed`] in its place.
    DropOldest,
    /// Only the latest publication of each topic and [key](crate::Publication::key) waits, whether full or not; it keeps the
    /// place of the one before, so that a key which changes often is not passed over. Order is kept within each
    /// key. With more keys than the limit, the oldest is dropped and counted as missed.
    KeepLatest,
    /// All that waits is dropped and the connection is closed, with this code and reason:
    /// [`CloseCode::TRY_AGAIN_LATER`] (1013) for clients that are to come back, or
    /// [`CloseCode::POLICY_VIOLATION`] (1008).
    Close(CloseCode, Cow<'static, str>),
}

/// How much may wait for a member, what happens beyond that, and its name. By default 256 publications and 1 MiB of
/// payload, and beyond that the connection is closed with 1013, "too slow".
///
/// ```
/// use ws_proto_hub::{Hub, MemberOptions, WhenFull};
///
/// let ticker = MemberOptions::new().max_waiting(64).when_full(WhenFull::KeepLatest);
/// let member = Hub::new().join(ticker);
/// member.subscribe("prices");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct MemberOptions {
    pub(crate) max_waiting: usize,
    pub(crate) max_bytes: usize,
    pub(crate) when_full: WhenFull,
    pub(crate) name: Option<Arc<str>>,
}

impl MemberOptions {
    /// The defaults: 256 publications, 1 MiB, [`WhenFull::Close`] with 1013, no name.
    pub const fn new() -> Self {
        Self {
            max_waiting: 256,
            max_bytes: 1 << 20,
            when_full: WhenFull::Close(CloseCode::TRY_AGAIN_LATER, Cow::Borrowed("too slow")),
            name: None,
        }
    }

    /// Sets how many publications may wait; 0 counts as 1.
    pub fn max_waiting(mut self, publications: usize) -> Self {
        self.max_waiting = publications.max(1);
        self
    }

    /// Sets how many bytes of payload may wait. A publication with more than this never reaches the member: it
    /// is missed, or closes the connection.
    ///
    /// ```
    /// use ws_proto_hub::{Hub, MemberOptions, WhenFull};
    ///
    /// let hub = Hub::new();
    /// let member = hub.join(MemberOptions::new().max_bytes(1024).when_full(WhenFull::DropOldest));
    /// member.subscribe("files");
    /// assert_eq!(hub.publish("files", vec![0; 1024]), 1);
    /// assert_eq!(hub.publish("files", vec![0; 1025]), 0);
    /// ```
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets what happens when more comes.
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.when_full = when_full;
        self
    }

    /// Sets the name of the member, for [`Presence::names`](crate::Presence::names); nothing else depends on it. By
    /// default it has none.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::time::Duration;
    /// use ws_proto_hub::{Hub, MemberOptions};
    ///
    /// let hub = Hub::new();
    /// let member = hub.join(MemberOptions::new().name("Ann"));
    /// member.subscribe("room");
    /// let presence = hub.presence_everywhere("room", Duration::ZERO).await;
    /// assert_eq!(&*presence.names[0], "Ann");
    /// # }
    /// ```
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }
}

impl Default for MemberOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// What [`Member::next`](crate::Member::next) returns.
///
/// ```
/// use ws_proto_hub::MemberEvent;
///
/// /// A log line for each event.
/// fn describe(event: &MemberEvent) -> String {
///     match event {
///         MemberEvent::Delivery(delivery) => format!("{} messages of {}", delivery.messages().len(), delivery.topic()),
///         MemberEvent::Missed(count) => format!("{count} publications missed"),
///         MemberEvent::Close(close) => format!("to be closed with {}", close.code),
///         _ => String::new(),
///     }
/// }
/// assert_eq!(describe(&MemberEvent::Missed(3)), "3 publications missed");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum MemberEvent {
    /// Messages to send.
    Delivery(Delivery),
    /// So many publications were dropped for this member since the last report, all of them before the next delivery.
    Missed(u64),
    /// The connection is to be closed. Nothing else comes.
    Close(Closing),
}

/// The code and the reason to close a connection with.
///
/// ```
/// use ws_proto_hub::Closing;
///
/// fn log(closing: &Closing) {
///     println!("closed with {}: {}", closing.code, closing.reason);
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Closing {
    /// The code of the Close frame.
    pub code: CloseCode,
    /// The text of the Close frame, of which 123 bytes are sent at most (RFC 6455 5.5.1).
    pub reason: Arc<str>,
}

/// What a publication did to queues.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) queued: usize,
    pub(crate) dropped: u64,
    pub(crate) replaced: u64,
    pub(crate) closed: u64,
}

/// What the task of a member waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Interest {
    Anything,
    /// Its connection has no room: a wake for each publication would be in vain.
    Closing,
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: VecDeque<Delivery>,
    bytes: usize,
    /// How many have left at the front: the number of the first one that waits.
    left: u64,
    /// For `KeepLatest`: the number of the queued publication for a topic and key.
    latest: HashMap<(Arc<str>, Option<Arc<str>>), u64>,
    missed: u64,
    close: Option<Closing>,
    /// What waited was dropped: the connection is closed without it.
    is_cut: bool,
    /// The time to end has passed.
    is_expired: bool,
    waker: Option<(Interest, Waker)>,
}

impl Queue {
    /// Takes a publication, as far as `options` allow. Returns who is to be woken, once no lock is held.
    pub(crate) fn push(
        &mut self,
        delivery: &Delivery,
        options: &MemberOptions,
        tally: &mut Tally,
    ) -> Option<Waker> {
        if self.close.is_some() {
            return None;
        }
        let keeps_latest = options.when_full == WhenFull::KeepLatest;
        if delivery.payload_len() > options.max_bytes {
            return self.refuse(options, tally);
        }
        if keeps_latest && let Some(&number) = self.latest.get(&delivery.slot()) {
            if let Some(older) = self.waiting.get_mut((number - self.left) as usize) {
                self.bytes = self.bytes - older.payload_len() + delivery.payload_len();
                *older = delivery.clone();
                tally.replaced += 1;
                tally.queued += 1;
            }
            while self.bytes > options.max_bytes {
                self.drop_oldest(tally);
            }
            return None; // it was woken for the one before
        }
        while self.waiting.len() >= options.max_waiting
            || self.bytes + delivery.payload_len() > options.max_bytes
        {
            if let WhenFull::Close(..) = options.when_full {
                return self.refuse(options, tally);
            }
            self.drop_oldest(tally);
        }
        if keeps_latest {
            let number = self.left + self.waiting.len() as u64;
            self.latest.insert(delivery.slot(), number);
        }
        self.waiting.push_back(delivery.clone());
        self.bytes += delivery.payload_len();
        tally.queued += 1;
        self.waker_for(Interest::Anything)
    }

    /// Does without a publication that does not fit.
    fn refuse(&mut self, options: &MemberOptions, tally: &mut Tally) -> Option<Waker> {
        tally.dropped += 1;
        if let WhenFull::Close(code, reason) = &options.when_full {
            tally.dropped += self.waiting.len() as u64;
            tally.closed += 1;
            self.is_cut = true;
            self.clear();
            self.close(*code, reason)
        } else {
            self.missed += 1;
            self.waker_for(Interest::Anything)
        }
    }

    fn drop_oldest(&mut self, tally: &mut Tally) {
        if self.pop().is_some() {
            self.missed += 1;
            tally.dropped += 1;
        }
    }

    fn pop(&mut self) -> Option<Delivery> {
        let delivery = self.waiting.pop_front()?;
        if !self.latest.is_empty() {
            self.latest.remove(&delivery.slot());
        }
        self.left += 1;
        self.bytes -= delivery.payload_len();
        Some(delivery)
    }

    fn clear(&mut self) {
        self.waiting = VecDeque::new();
        self.latest = HashMap::new();
        self.bytes = 0;
    }

    /// Lets the connection be closed once the queue is delivered; the first reason stays.
    pub(crate) fn close(&mut self, code: CloseCode, reason: &str) -> Option<Waker> {
        if self.close.is_none() {
            self.close = Some(Closing {
                code,
                reason: reason.into(),
            });
        }
        self.waker_for(Interest::Closing)
    }

    /// Drops the queue: who is driven ends without its peer.
    pub(crate) fn expire(&mut self) -> (Option<Waker>, u64) {
        let dropped = self.waiting.len() as u64;
        self.clear();
        self.is_expired = true;
        (self.waker_for(Interest::Closing), dropped)
    }

    pub(crate) const fn is_expired(&self) -> bool {
        self.is_expired
    }

    /// The waker, if it waits for this.
    fn waker_for(&mut self, what: Interest) -> Option<Waker> {
        let (interest, _) = self.waker.as_ref()?;
        if *interest == Interest::Closing && what == Interest::Anything {
            return None;
        }
        self.waker.take().map(|(_, waker)| waker)
    }

    fn wait(&mut self, interest: Interest, cx: &Context<'_>) {
        match &mut self.waker {
            Some((old, waker)) if waker.will_wake(cx.waker()) => *old = interest,
            waker => *waker = Some((interest, cx.waker().clone())),
        }
    }

    pub(crate) fn poll_next(&mut self, cx: &Context<'_>) -> Poll<MemberEvent> {
        if self.missed > 0 {
            return Poll::Ready(MemberEvent::Missed(std::mem::take(&mut self.missed)));
        }
        if let Some(delivery) = self.pop() {
            return Poll::Ready(MemberEvent::Delivery(delivery));
        }
        if let Some(close) = &self.close {
            return Poll::Ready(MemberEvent::Close(close.clone()));
        }
        self.wait(Interest::Anything, cx);
        Poll::Pending
    }

    /// Has `cx` woken when it expires.
    pub(crate) fn wait_expired(&mut self, cx: &Context<'_>) {
        self.wait(Interest::Closing, cx);
    }

    /// Waits until the connection is to be closed and nothing waits any more; if a delivery `is_begun`, until the rest
    /// of that is dropped too.
    pub(crate) fn poll_closing(&mut self, cx: &Context<'_>, is_begun: bool) -> Poll<Closing> {
        match &self.close {
            Some(close) if self.waiting.is_empty() && (self.is_cut || !is_begun) => {
                Poll::Ready(close.clone())
            }
            _ => {
                self.wait(Interest::Closing, cx);
                Poll::Pending
            }
        }
    }
}
