//! Topics, members, counters, and the end of all.

use std::collections::{HashMap, hash_map};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, Weak};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout_at};
use ws_proto_tokio::CloseCode;

use crate::backplane::{self, Backplane, BackplaneOptions, LinkStatus, Outbox};
use crate::counters::{Cells, Count, Counters};
use crate::member::{Member, Shared};
use crate::presence::Presence;
use crate::publication::{Delivery, Publication};
use crate::queue::{MemberOptions, Tally};

/// Tables are split in so many parts, so that users of different topics do not wait for each other.
const SHARDS: usize = 64;

/// In place of a time that no clock of the machine can show.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// Topics, and the members that have subscribed to them. It is a handle: clones are the same hub, for all threads and tasks.
///
/// Publishing never waits for a member: it puts the message into the queue of each, under a lock that is
/// held for that only, and wakes the tasks that wait. Each member gets the publications of one task or thread to one
/// topic in their order.
///
/// ```
/// use ws_proto_hub::{Hub, MemberOptions};
///
/// let hub = Hub::new();
/// let (ann, bob) = (hub.join(MemberOptions::new()), hub.join(MemberOptions::new()));
/// ann.subscribe("news");
/// bob.subscribe("news");
/// assert_eq!(hub.presence("news"), 2);
/// assert_eq!(hub.publish("news", "to both"), 2);
/// drop(bob);
/// assert_eq!((hub.presence("news"), hub.members()), (1, 1));
/// ```
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    topics: Vec<RwLock<HashMap<Arc<str>, Arc<Topic>>>>,
    hasher: RandomState,
    members: Vec<Mutex<HashMap<u64, Arc<Shared>>>>,
    next_id: AtomicU64,
    count: AtomicUsize,
    /// The last member has left.
    empty: Notify,
    end: OnceLock<Box<str>>,
    counters: Cells,
    outbox: Option<Arc<Outbox>>,
}

#[derive(Debug)]
struct Topic {
    name: Arc<str>,
    members: RwLock<Subscribers>,
}

/// Who has subscribed: a list to go through, and where in it each one is.
#[derive(Debug, Default)]
struct Subscribers {
    list: Vec<Arc<Shared>>,
    places: HashMap<u64, usize>,
    /// How many of them have a name.
    named: usize,
    /// The topic is not in the table any more.
    is_gone: bool,
}

impl Subscribers {
    fn insert(&mut self, member: &Arc<Shared>) {
        if let hash_map::Entry::Vacant(place) = self.places.entry(member.id) {
            place.insert(self.list.len());
            self.named += usize::from(member.name().is_some());
            self.list.push(Arc::clone(member));
        }
    }

    fn remove(&mut self, id: u64) {
        let Some(place) = self.places.remove(&id) else {
            return;
        };
        let removed = self.list.swap_remove(place);
        self.named -= usize::from(removed.name().is_some());
        if let Some(moved) = self.list.get(place) {
            self.places.insert(moved.id, place);
        }
    }
}

impl Hub {
    /// A hub for this process alone.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Inner::new(None)))
    }

    /// A hub that is one with the hubs of other processes: see the module [`backplane`](crate::backplane). This spawns the
    /// task that keeps the connection to the server; the task ends at [`shutdown`](Self::shutdown), or when the last clone
    /// of the hub and all members are dropped.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use ws_proto_hub::Hub;
    /// use ws_proto_hub::backplane::{Backplane, BackplaneOptions, Link};
    ///
    /// /// A server that is never there; `backplane::Nats` and `backplane::Redis` are real ones.
    /// struct Away;
    ///
    /// impl Backplane for Away {
    ///     async fn run(self, link: Link) {
    ///         link.down("no such server");
    ///         link.ended().await;
    ///     }
    /// }
    ///
    /// let hub = Hub::with_backplane(Away, BackplaneOptions::new());
    /// let mut link = hub.link().unwrap();
    /// let status = link.wait_for(|status| status.reason.is_some()).await.unwrap();
    /// assert!(!status.is_up);
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn with_backplane(backplane: impl Backplane, options: BackplaneOptions) -> Self {
        let outbox = Arc::new(Outbox::new(options));
        let hub = Self(Arc::new(Inner::new(Some(Arc::clone(&outbox)))));
        backplane::spawn(backplane, outbox, hub.downgrade());
        hub
    }

    /// Adds a member, without subscriptions. It leaves when it is dropped. After [`shutdown`](Self::shutdown) it gets
    /// [`MemberEvent::Close`](crate::MemberEvent::Close) at once.
    ///
    /// ```
    /// use ws_proto_hub::{Hub, MemberOptions};
    ///
    /// let hub = Hub::new();
    /// let member = hub.join(MemberOptions::new().name("Ann"));
    /// assert_eq!(hub.members(), 1);
    /// drop(member);
    /// assert_eq!(hub.members(), 0);
    /// ```
    #[must_use = "the member leaves when it is dropped"]
    pub fn join(&self, options: MemberOptions) -> Member {
        let inner = &*self.0;
        let id = inner.next_id.fetch_add(1, Relaxed);
        let shared = Arc::new(Shared::new(id, options));
        inner.count.fetch_add(1, SeqCst);
        lock(inner.shard_of(id)).insert(id, Arc::clone(&shared));
        // `shutdown` sets this first: it finds the member in the table, or this finds the end.
        if let Some(reason) = inner.end.get() {
            shared.queue().close(CloseCode::GOING_AWAY, reason);
        }
        Member::new(self.clone(), shared)
    }

    /// Publishes to all members that have subscribed to `topic`, here and in other processes. Returns the number of
    /// members of this process whose queue has taken it; after [`shutdown`](Self::shutdown) nothing is published, and it
    /// returns 0.
    ///
    /// It waits neither for members nor for other processes.
    ///
    /// ```
    /// use ws_proto_hub::{Hub, MemberOptions, Publication};
    ///
    /// let hub = Hub::new();
    /// let member = hub.join(MemberOptions::new());
    /// member.subscribe("news");
    /// assert_eq!(hub.publish("news", "a text"), 1);
    /// assert_eq!(hub.publish("news", vec![0xff, 0x00]), 1); // a binary message
    /// assert_eq!(hub.publish("weather", "rain"), 0);
    /// ```
    pub fn publish(&self, topic: &str, publication: impl Into<Publication>) -> usize {
        let inner = &*self.0;
        if inner.end.get().is_some() {
            return 0;
        }
        let publication = publication.into();
        inner.counters.add(0, Count::Published, 1);
        if let Some(outbox) = &inner.outbox {
            let unsent = outbox.publish(topic, &publication);
            inner.counters.add(0, Count::Unsent, unsent);
        }
        inner.deliver(topic, publication)
    }

    /// The number of members of this process that have subscribed to a topic. It costs one look-up in a table.
    #[must_use]
    pub fn presence(&self, topic: &str) -> usize {
        let topic = self.0.topic(topic);
        topic.map_or(0, |topic| read(&topic.members).list.len())
    }

    /// Counts and names the members that have subscribed to a topic, in all processes: asks the others, and returns after
    /// `within` with the answers that have come. Without a [`backplane`], and while the connection to
    /// it is lost, it returns at once with the members of this process.
    ///
    /// The backplane carries one question, and one answer from each process that has members in the topic. It carries
    /// nothing when members come and go, so only calls cost something: a program that shows the count to many members
    /// asks from time to time, and publishes the result.
    ///
    /// Each process counts when it answers. The result lacks processes that do not answer in time: the answer takes a few
    /// round trips to the server, so 200 ms is a good start. Members whose process has stopped are not in it.
    ///
    /// Dropping the future ends the question.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::time::Duration;
    /// use ws_proto_hub::{Hub, MemberOptions};
    ///
    /// let hub = Hub::new();
    /// let ann = hub.join(MemberOptions::new().name("Ann"));
    /// ann.subscribe("room");
    /// let presence = hub.presence_everywhere("room", Duration::from_millis(200)).await;
    /// assert_eq!((presence.members, presence.processes), (1, 1));
    /// assert_eq!(&*presence.names[0], "Ann");
    /// # }
    /// ```
    pub async fn presence_everywhere(&self, topic: &str, within: Duration) -> Presence {
        let inner = &*self.0;
        let mut presence = Presence::default();
        if let Some(outbox) = &inner.outbox
            && let Some((question, unsent)) = outbox.ask(topic)
        {
            inner.counters.add(0, Count::Unsent, unsent);
            sleep(within).await;
            presence = question.answers();
        }
        presence.add(inner.presence(topic));
        presence.names.sort_unstable();
        presence
    }

    /// The topics that members of this process have subscribed to, in no order.
    ///
    /// ```
    /// use ws_proto_hub::{Hub, MemberOptions};
    ///
    /// let hub = Hub::new();
    /// let member = hub.join(MemberOptions::new());
    /// member.subscribe("news");
    /// assert_eq!(hub.topics(), [std::sync::Arc::from("news")]);
    /// ```
    #[must_use]
    pub fn topics(&self) -> Vec<Arc<str>> {
        let shards = self.0.topics.iter();
        shards
            .flat_map(|shard| read(shard).keys().cloned().collect::<Vec<_>>())
            .collect()
    }

    /// The number of members in this process.
    #[must_use]
    pub fn members(&self) -> usize {
        self.0.count.load(SeqCst)
    }

    /// The counts until now, which is cheap: for a page of metrics, say.
    ///
    /// ```
    /// use ws_proto_hub::Hub;
    ///
    /// let hub = Hub::new();
    /// hub.publish("news", "to nobody");
    /// let counters = hub.counters();
    /// assert_eq!((counters.published, counters.delivered), (1, 0));
    /// ```
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.0.counters.counters()
    }

    /// The state of the connection to the backplane, and a way to wait for a change; `None` for a hub without one. See
    /// [`with_backplane`](Self::with_backplane) for an example.
    #[must_use]
    pub fn link(&self) -> Option<watch::Receiver<LinkStatus>> {
        Some(self.0.outbox.as_ref()?.status())
    }

    /// Ends the hub: nothing more is published, each member gets its queue and is then closed with
    /// 1001 and `reason`. Returns once all members are dropped and all publications have left for the
    /// backplane, with the number of members that were left: 0, unless `within` ended before. Then queues are dropped,
    /// and [`Member::drive`] ends without its peer.
    ///
    /// It does not wait for a backplane whose connection is lost, or cannot be made: publications for it are dropped,
    /// and counted in [`Counters::unsent`].
    ///
    /// Dropping the future changes nothing; the next call goes on waiting.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::time::Duration;
    /// use ws_proto_hub::ws_proto_tokio::CloseCode;
    /// use ws_proto_hub::{Hub, MemberEvent, MemberOptions};
    ///
    /// let hub = Hub::new();
    /// let mut member = hub.join(MemberOptions::new());
    /// member.subscribe("news");
    /// hub.publish("news", "the last one");
    /// let task = tokio::spawn(async move {
    ///     assert!(matches!(member.next().await, MemberEvent::Delivery(_)));
    ///     let MemberEvent::Close(close) = member.next().await else { panic!() };
    ///     assert_eq!((close.code, &*close.reason), (CloseCode::GOING_AWAY, "a restart"));
    /// });
    /// assert_eq!(hub.shutdown("a restart", Duration::from_secs(10)).await, 0);
    /// assert_eq!(hub.publish("news", "too late"), 0);
    /// # task.await.unwrap();
    /// # }
    /// ```
    pub async fn shutdown(&self, reason: &str, within: Duration) -> usize {
        let inner = &*self.0;
        let now = Instant::now();
        let deadline = now.checked_add(within).unwrap_or(now + FOR_EVER);
        inner.end.get_or_init(|| reason.into());
        let reason = inner.end.get().map_or("", |reason| reason);
        inner.each_member(|member| member.queue().close(CloseCode::GOING_AWAY, reason));
        let all_left = async {
            loop {
                let left = inner.empty.notified();
                if inner.count.load(SeqCst) == 0 {
                    break;
                }
                left.await;
            }
        };
        let _ = timeout_at(deadline, all_left).await;
        let left = inner.count.load(SeqCst);
        inner.each_member(|member| {
            let (waker, dropped) = member.queue().expire();
            inner.counters.add(member.id, Count::Dropped, dropped);
            waker
        });
        if let Some(outbox) = &inner.outbox {
            outbox.finish();
            let _ = timeout_at(deadline, outbox.finished_or_down()).await;
            inner.counters.add(0, Count::Unsent, outbox.give_up());
        }
        left
    }

    pub(crate) fn downgrade(&self) -> WeakHub {
        WeakHub(Arc::downgrade(&self.0))
    }

    /// Adds a member to a topic, whose name it returns.
    pub(crate) fn add(&self, name: &str, member: &Arc<Shared>) -> Arc<str> {
        loop {
            let topic = self
                .0
                .topic(name)
                .unwrap_or_else(|| self.0.make_topic(name));
            let mut members = write(&topic.members);
            if !members.is_gone {
                members.insert(member);
                return Arc::clone(&topic.name);
            }
        }
    }

    pub(crate) fn remove(&self, name: &str, member: &Shared) {
        let Some(topic) = self.0.topic(name) else {
            return;
        };
        let is_empty = {
            let mut members = write(&topic.members);
            members.remove(member.id);
            members.list.is_empty()
        };
        if is_empty {
            self.0.drop_topic(name);
        }
    }

    pub(crate) fn leave(&self, member: &Shared) {
        let inner = &*self.0;
        lock(inner.shard_of(member.id)).remove(&member.id);
        if inner.count.fetch_sub(1, SeqCst) == 1 {
            inner.empty.notify_waiters();
        }
    }

    pub(crate) fn note_delivered(&self, id: u64) {
        self.0.counters.add(id, Count::Delivered, 1);
    }
}

impl Inner {
    fn new(outbox: Option<Arc<Outbox>>) -> Self {
        Self {
            topics: (0..SHARDS).map(|_| RwLock::default()).collect(),
            hasher: RandomState::new(),
            members: (0..SHARDS).map(|_| Mutex::default()).collect(),
            next_id: AtomicU64::new(0),
            count: AtomicUsize::new(0),
            empty: Notify::new(),
            end: OnceLock::new(),
            counters: Cells::default(),
            outbox,
        }
    }

    fn table(&self, topic: &str) -> &RwLock<HashMap<Arc<str>, Arc<Topic>>> {
        &self.topics[self.hasher.hash_one(topic) as usize % SHARDS]
    }

    fn topic(&self, name: &str) -> Option<Arc<Topic>> {
        read(self.table(name)).get(name).cloned()
    }

    // The backplane is asked for a topic, and no more, under the lock of the table: in the order in which topics
    // come and go.
    fn make_topic(&self, name: &str) -> Arc<Topic> {
        let mut table = write(self.table(name));
        if let Some(topic) = table.get(name) {
            return Arc::clone(topic);
        }
        let topic = Arc::new(Topic {
            name: name.into(),
            members: RwLock::default(),
        });
        table.insert(Arc::clone(&topic.name), Arc::clone(&topic));
        if let Some(outbox) = &self.outbox {
            outbox.want(&topic.name, true);
        }
        topic
    }

    /// Takes a topic from the table, if it is still without members.
    fn drop_topic(&self, name: &str) {
        let mut table = write(self.table(name));
        let Some(topic) = table.get(name).cloned() else {
            return;
        };
        let mut members = write(&topic.members);
        if members.list.is_empty() {
            members.is_gone = true;
            table.remove(name);
            if let Some(outbox) = &self.outbox {
                outbox.want(&topic.name, false);
            }
        }
    }

    fn deliver(&self, topic: &str, publication: Publication) -> usize {
        let Some(topic) = self.topic(topic) else {
            return 0;
        };
        let delivery = Delivery::new(Arc::clone(&topic.name), publication);
        let mut tally = Tally::default();
        let mut wakers = Vec::new();
        {
            let members = read(&topic.members);
            for member in &members.list {
                wakers.extend(member.push(&delivery, &mut tally));
            }
        }
        // A waker may run a task that unsubscribes.
        wakers.into_iter().for_each(std::task::Waker::wake);
        self.counters.add(0, Count::Dropped, tally.dropped);
        self.counters.add(0, Count::Replaced, tally.replaced);
        self.counters.add(0, Count::Closed, tally.closed);
        tally.queued
    }

    /// Who has subscribed to a topic, in this process.
    fn presence(&self, topic: &str) -> Presence {
        let Some(topic) = self.topic(topic) else {
            return Presence::default();
        };
        let members = read(&topic.members);
        let named: &[Arc<Shared>] = if members.named > 0 {
            &members.list
        } else {
            &[]
        };
        let names = named.iter().filter_map(|member| member.name().cloned());
        Presence::of_process(members.list.len(), names)
    }

    fn shard_of(&self, id: u64) -> &Mutex<HashMap<u64, Arc<Shared>>> {
        &self.members[id as usize % SHARDS]
    }

    fn each_member(&self, call: impl Fn(&Shared) -> Option<std::task::Waker>) {
        for shard in &self.members {
            let members: Vec<_> = lock(shard).values().cloned().collect();
            let wakers: Vec<_> = members.iter().filter_map(|member| call(member)).collect();
            wakers.into_iter().for_each(std::task::Waker::wake);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(outbox) = &self.outbox {
            outbox.abandon();
        }
    }
}

impl Default for Hub {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("members", &self.members())
            .field("counters", &self.counters())
            .finish_non_exhaustive()
    }
}

/// For the task of the backplane, which does not keep a hub alive.
#[derive(Clone)]
pub(crate) struct WeakHub(Weak<Inner>);

impl WeakHub {
    pub(crate) fn deliver(&self, topic: &str, publication: Publication) {
        if let Some(inner) = self.0.upgrade() {
            inner.counters.add(1, Count::Received, 1);
            inner.deliver(topic, publication);
        }
    }

    /// Who has subscribed to a topic, in this process.
    pub(crate) fn presence(&self, topic: &str) -> Presence {
        let inner = self.0.upgrade();
        inner.map_or_else(Presence::default, |inner| inner.presence(topic))
    }

    pub(crate) fn count(&self, what: Count, n: u64) {
        if let Some(inner) = self.0.upgrade() {
            inner.counters.add(1, what, n);
        }
    }
}

// Nothing that holds these locks calls code of others, so that none is poisoned.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
