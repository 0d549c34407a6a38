//! Several processes as one hub.
//!
//! A [`Backplane`] carries the publications to a topic to the other processes that have members there. There is
//! one for [NATS](crate::backplane::Nats) and one for [`Redis`], with the features of these names. Each process has one
//! connection to the server, whatever the number of its members, and subscribes only to the topics that
//! its members have subscribed to.
//!
//! # What is guaranteed
//!
//! * **At most once.** No publication comes twice. One can be lost: while the connection is lost, when the server
//!   restarts, when too much waits, and in the moment after [`subscribe`](crate::Member::subscribe) in which the server does
//!   not know of it yet. Members of the publishing process get it in any case.
//! * **Order.** Each member gets the publications of one task or thread to one topic in their order.
//! * **Bounds.** Publishing does not wait. The queue to the server is bounded by [`BackplaneOptions`]; when it is full, its
//!   oldest publication is dropped and counted in [`Counters::unsent`](crate::Counters::unsent). A question about presence, or
//!   an answer, never replaces a publication: without room it is dropped itself.
//! * **Own messages.** A process delivers its own publications without the server, and drops them when the server sends
//!   them back: each message has the random name of its process in it.
//! * **Presence.** [`Hub::presence`](crate::Hub::presence) counts in this process.
//!   [`Hub::presence_everywhere`](crate::Hub::presence_everywhere) asks the others when it is called; nothing is sent when
//!   members come and go.
//! * **Loss and return.** [`Hub::link`](crate::Hub::link) reports each. After a return all topics are subscribed to again,
//!   and the queue is sent.
//!
//! A program that can write to the server can publish in the name of every process: use a server, or an account of it, that
//! is for these processes alone.
//!
//! For clients that must not miss anything, put a number into each message, store the messages, and let a client ask for
//! those after its last number.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio::sync::watch;
use ws_proto_tokio::Bytes;

use crate::counters::Count;
use crate::hub::{WeakHub, lock};
use crate::publication::Publication;
use packet::Packet;
use questions::{Question, Questions};

#[cfg(feature = "nats")]
mod nats;
mod packet;
mod questions;
#[cfg(feature = "redis")]
mod redis;

#[cfg(feature = "nats")]
#[cfg_attr(docsrs, doc(cfg(feature = "nats")))]
pub use nats::Nats;
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use redis::Redis;

/// A server that carries publications between processes.
///
/// An implementation keeps one connection, connects again when it is lost, and carries out the commands that
/// [`Link::next`] returns, in their order. The hub does all the rest: bounds, topics, names, formats.
///
/// ```
/// use ws_proto_hub::backplane::{Backplane, Command, Link};
///
/// /// Carries nothing.
/// struct Nowhere;
///
/// impl Backplane for Nowhere {
///     async fn run(self, mut link: Link) {
///         link.up(); // connected
///         while let Some(command) = link.next().await {
///             match command {
///                 Command::Subscribe(topic) => println!("wants {topic}"),
///                 Command::Unsubscribe(topic) => println!("wants no more of {topic}"),
///                 Command::Publish(topic, packet) => println!("{topic}: {} bytes", packet.len()),
///             }
///         }
///     }
/// }
/// ```
pub trait Backplane: Send + 'static {
    /// Works until [`Link::next`] returns `None`, and returns when all earlier publications are on their way. The future is
    /// dropped when the hub stops waiting for it.
    fn run(self, link: Link) -> impl Future<Output = ()> + Send;
}

/// What a [`Backplane`] has to do. A topic is any string; those that begin with a NUL are the hub's own.
///
/// An implementation has to carry out all of them, so a new one would be a breaking change.
///
/// ```
/// use ws_proto_hub::backplane::Command;
///
/// /// The command as a line of a text protocol.
/// fn line(command: &Command) -> String {
///     match command {
///         Command::Publish(topic, packet) => format!("PUB {topic} {}", packet.len()),
///         Command::Subscribe(topic) => format!("SUB {topic}"),
///         Command::Unsubscribe(topic) => format!("UNSUB {topic}"),
///     }
/// }
/// assert_eq!(line(&Command::Subscribe("news".into())), "SUB news");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Carry these bytes to the other processes that have subscribed to the topic.
    Publish(Arc<str>, Bytes),
    /// Receive the publications of other processes to the topic.
    Subscribe(Arc<str>),
    /// Receive the publications to the topic no more.
    Unsubscribe(Arc<str>),
}

/// How much may wait for the backplane: by default 4096 publications and 4 MiB.
///
/// ```
/// use ws_proto_hub::backplane::BackplaneOptions;
///
/// let options = BackplaneOptions::new().max_waiting(10_000).max_bytes(64 << 20);
/// # let _ = options;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct BackplaneOptions {
    max_waiting: usize,
    max_bytes: usize,
}

impl BackplaneOptions {
    /// The defaults: 4096 publications, 4 MiB.
    pub const fn new() -> Self {
        Self {
            max_waiting: 4096,
            max_bytes: 4 << 20,
        }
    }

    /// Sets how many publications may wait. With 0, none is ever sent.
    pub const fn max_waiting(mut self, publications: usize) -> Self {
        self.max_waiting = publications;
        self
    }

    /// Sets how many bytes may wait, with some 30 of each publication's own. A bigger publication is never sent.
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }
}

impl Default for BackplaneOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// The state of the connection to the backplane: see [`Hub::link`](crate::Hub::link). The example of
/// [`Hub::with_backplane`](crate::Hub::with_backplane) waits for a change of it.
///
/// ```
/// use ws_proto_hub::backplane::LinkStatus;
///
/// /// A line for a page of the operators.
/// fn describe(status: &LinkStatus) -> String {
///     match &status.reason {
///         _ if status.is_up => format!("connected, lost {} times", status.losses),
///         Some(reason) => format!("not connected: {reason}"),
///         None => "connecting".to_owned(),
///     }
/// }
/// assert_eq!(describe(&LinkStatus::default()), "connecting");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct LinkStatus {
    /// Whether the connection is there.
    pub is_up: bool,
    /// How often it was lost.
    pub losses: u64,
    /// Why it was lost, or could not be made, the last time; it stays when the connection is there again.
    pub reason: Option<Arc<str>>,
}

/// How long the queue is still sent after the last handle of the hub is dropped.
const LAST: Duration = Duration::from_secs(5);

/// What waits for the backplane.
pub(crate) struct Outbox {
    node: [u8; 16],
    options: BackplaneOptions,
    state: Mutex<State>,
    questions: Arc<Questions>,
    status: watch::Sender<LinkStatus>,
    /// True once the task has ended.
    ended: watch::Sender<bool>,
    /// True once no hub is left.
    abandoned: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    packets: VecDeque<(Arc<str>, Bytes)>,
    bytes: usize,
    topics: HashMap<Arc<str>, Wish>,
    /// Topics whose subscription differs from the wanted one.
    changed: VecDeque<Arc<str>>,
    waker: Option<Waker>,
    is_finishing: bool,
    is_given_up: bool,
}

#[derive(Default)]
struct Wish {
    is_wanted: bool,
    is_subscribed: bool,
    is_listed: bool,
}

impl Outbox {
    pub(crate) fn new(options: BackplaneOptions) -> Self {
        let mut node = [0; 16];
        // Without random bytes from the system there is no name that no other process has.
        getrandom::fill(&mut node).expect("the system has random bytes");
        Self {
            node,
            options,
            state: Mutex::default(),
            questions: Arc::default(),
            status: watch::Sender::new(LinkStatus::default()),
            ended: watch::Sender::new(false),
            abandoned: watch::Sender::new(false),
        }
    }

    pub(crate) fn status(&self) -> watch::Receiver<LinkStatus> {
        self.status.subscribe()
    }

    /// Lets a publication wait to be sent. Returns how many were dropped.
    pub(crate) fn publish(&self, topic: &str, publication: &Publication) -> u64 {
        self.send(topic, packet::publication(&self.node, publication), true)
    }

    /// Asks other processes who has subscribed to a topic. Returns the question and how many publications were
    /// dropped for it; `None` while there is no connection.
    pub(crate) fn ask(&self, topic: &str) -> Option<(Question, u64)> {
        if !self.status.borrow().is_up {
            return None;
        }
        self.questions.inbox.get_or_init(|| {
            let inbox = questions::inbox(&self.node);
            self.want(&inbox, true); // before the question: the server has it in this order
            inbox
        });
        let question = self.questions.open();
        let packet = packet::question(&self.node, question.id);
        let dropped = self.send(topic, packet, false);
        Some((question, dropped))
    }

    /// Lets a packet wait to be sent. Without room it takes the place of the oldest ones, or is dropped itself. Returns how
    /// many were dropped.
    fn send(&self, topic: &str, packet: Bytes, takes_place: bool) -> u64 {
        if packet.len() > self.options.max_bytes || self.options.max_waiting == 0 {
            return 1;
        }
        let mut dropped = 0;
        let waker = {
            let mut state = lock(&self.state);
            if state.is_finishing {
                return 1;
            }
            while state.packets.len() >= self.options.max_waiting
                || state.bytes + packet.len() > self.options.max_bytes
            {
                if !takes_place {
                    return 1;
                }
                let Some((_, oldest)) = state.packets.pop_front() else {
                    break;
                };
                state.bytes -= oldest.len();
                dropped += 1;
            }
            let topic = match state.topics.get_key_value(topic) {
                Some((topic, _)) => Arc::clone(topic),
                None => topic.into(),
            };
            state.bytes += packet.len();
            state.packets.push_back((topic, packet));
            state.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
        dropped
    }

    /// Notes whether a topic has members here.
    pub(crate) fn want(&self, topic: &Arc<str>, is_wanted: bool) {
        let waker = {
            let mut state = lock(&self.state);
            let wish = state.topics.entry(Arc::clone(topic)).or_default();
            wish.is_wanted = is_wanted;
            if !std::mem::replace(&mut wish.is_listed, true) {
                state.changed.push_back(Arc::clone(topic));
            }
            state.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// Lets the task end once the queue is sent.
    pub(crate) fn finish(&self) {
        self.end(|state| state.is_finishing = true);
    }

    /// As [`finish`](Self::finish), within [`LAST`].
    pub(crate) fn abandon(&self) {
        self.finish();
        self.abandoned.send_replace(true);
    }

    /// Lets the task end at once. Returns how many packets were dropped.
    pub(crate) fn give_up(&self) -> u64 {
        let dropped = self.end(|state| {
            state.is_finishing = true;
            state.is_given_up = true;
            state.bytes = 0;
            std::mem::take(&mut state.packets)
        });
        self.ended.send_replace(true);
        dropped.len() as u64
    }

    fn end<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = lock(&self.state);
        let changed = change(&mut state);
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
        changed
    }

    pub(crate) async fn finished(&self) {
        let mut ended = self.ended.subscribe();
        let _ = ended.wait_for(|ended| *ended).await;
    }

    /// Until the task has ended, or there is no connection by which the queue could leave. One that has not been
    /// made yet, and has not failed, is waited for.
    pub(crate) async fn finished_or_down(&self) {
        let mut status = self.status();
        tokio::select! {
            () = self.finished() => {}
            _ = status.wait_for(|status| !status.is_up && status.reason.is_some()) => {}
        }
    }
}

impl State {
    fn next(&mut self) -> Poll<Option<Command>> {
        if self.is_given_up {
            return Poll::Ready(None);
        }
        while let Some(topic) = self.changed.pop_front() {
            let Some(wish) = self.topics.get_mut(&topic) else {
                continue;
            };
            wish.is_listed = false;
            let (was, is) = (wish.is_subscribed, wish.is_wanted);
            wish.is_subscribed = is;
            if !is {
                self.topics.remove(&topic);
            }
            match (was, is) {
                (false, true) => return Poll::Ready(Some(Command::Subscribe(topic))),
                (true, false) => return Poll::Ready(Some(Command::Unsubscribe(topic))),
                _ => {}
            }
        }
        if let Some((topic, packet)) = self.packets.pop_front() {
            self.bytes -= packet.len();
            return Poll::Ready(Some(Command::Publish(topic, packet)));
        }
        if self.is_finishing {
            Poll::Ready(None)
        } else {
            Poll::Pending
        }
    }
}

/// What a [`Backplane`] works with: its commands, and a place for received publications.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use tokio::sync::broadcast;
/// use tokio::sync::broadcast::error::RecvError;
/// use ws_proto_hub::backplane::{Backplane, BackplaneOptions, Command, Link};
/// use ws_proto_hub::ws_proto_tokio::Bytes;
/// use ws_proto_hub::{Hub, MemberEvent, MemberOptions};
///
/// /// Connects several hubs of one process, for tests. Everyone gets all topics.
/// struct Channel(broadcast::Sender<(Arc<str>, Bytes)>);
///
/// impl Backplane for Channel {
///     async fn run(self, mut link: Link) {
///         let mut receiver = self.0.subscribe();
///         let inlet = link.inlet();
///         link.up();
///         loop {
///             tokio::select! {
///                 command = link.next() => match command {
///                     Some(Command::Publish(topic, packet)) => drop(self.0.send((topic, packet))),
///                     Some(_) => {}
///                     None => return,
///                 },
///                 received = receiver.recv() => match received {
///                     Ok((topic, packet)) => inlet.received(&topic, &packet),
///                     Err(RecvError::Lagged(count)) => inlet.lost(count),
///                     Err(RecvError::Closed) => return,
///                 },
///             }
///         }
///     }
/// }
///
/// let (sender, _) = broadcast::channel(64);
/// let one = Hub::with_backplane(Channel(sender.clone()), BackplaneOptions::new());
/// let other = Hub::with_backplane(Channel(sender), BackplaneOptions::new());
/// let mut member = other.join(MemberOptions::new());
/// member.subscribe("news");
/// other.link().unwrap().wait_for(|status| status.is_up).await?;
/// one.publish("news", "from one hub to the other");
/// assert!(matches!(member.next().await, MemberEvent::Delivery(_)));
/// # Ok(())
/// # }
/// ```
pub struct Link {
    outbox: Arc<Outbox>,
    inlet: Inlet,
}

impl Link {
    /// Waits for the next command; `None` at the end.
    ///
    /// Cancel safe. Commands wait here, bounded, until they are taken: an implementation without a connection
    /// should take none.
    pub async fn next(&mut self) -> Option<Command> {
        poll_fn(|cx| {
            let mut state = lock(&self.outbox.state);
            let next = state.next();
            if next.is_pending() {
                state.waker = Some(cx.waker().clone());
            }
            next
        })
        .await
    }

    /// The next command if there is one now, for implementations that send several at once.
    ///
    /// ```
    /// use ws_proto_hub::backplane::{Command, Link};
    ///
    /// /// The commands of one write: waits for the first.
    /// async fn batch(link: &mut Link) -> Vec<Command> {
    ///     let mut batch = Vec::from_iter(link.next().await);
    ///     while batch.len() < 128
    ///         && let Some(command) = link.try_next()
    ///     {
    ///         batch.push(command);
    ///     }
    ///     batch
    /// }
    /// ```
    #[must_use]
    pub fn try_next(&mut self) -> Option<Command> {
        match lock(&self.outbox.state).next() {
            Poll::Ready(next) => next,
            Poll::Pending => None,
        }
    }

    /// Waits until the hub has ended, for implementations that wait for their server.
    pub async fn ended(&self) {
        self.outbox.finished().await;
    }

    /// Call this for every new connection, which has no subscription yet: [`next`](Self::next) returns all of them again.
    pub fn resubscribe(&mut self) {
        let mut state = lock(&self.outbox.state);
        let State {
            topics, changed, ..
        } = &mut *state;
        for (topic, wish) in topics {
            wish.is_subscribed = false;
            if !std::mem::replace(&mut wish.is_listed, true) {
                changed.push_back(Arc::clone(topic));
            }
        }
    }

    /// Reports that the connection is there: see [`LinkStatus`].
    pub fn up(&self) {
        self.inlet.up();
    }

    /// Reports that the connection is lost, or cannot be made, and why.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tokio::net::TcpStream;
    /// use tokio::time::sleep;
    /// use ws_proto_hub::backplane::Link;
    ///
    /// /// Connects to the server, again and again; `None` when the hub has ended.
    /// async fn connect(link: &mut Link, server: &str) -> Option<TcpStream> {
    ///     loop {
    ///         let error = match TcpStream::connect(server).await {
    ///             Ok(stream) => {
    ///                 link.resubscribe();
    ///                 link.up();
    ///                 return Some(stream);
    ///             }
    ///             Err(error) => error,
    ///         };
    ///         link.down(&error.to_string());
    ///         tokio::select! {
    ///             () = sleep(Duration::from_secs(1)) => {}
    ///             () = link.ended() => return None,
    ///         }
    ///     }
    /// }
    /// ```
    pub fn down(&self, reason: &str) {
        self.inlet.down(reason);
    }

    /// A place for received publications, for any task.
    #[must_use]
    pub fn inlet(&self) -> Inlet {
        self.inlet.clone()
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

/// Takes what a [`Backplane`] has received. It is a handle: clones are for any task.
///
/// ```
/// use ws_proto_hub::backplane::Inlet;
/// use ws_proto_hub::ws_proto_tokio::Bytes;
///
/// /// For a server that sends topic and packet with a NUL in between.
/// fn received(inlet: &Inlet, frame: &Bytes) {
///     let Some(end) = frame.iter().position(|&byte| byte == 0) else {
///         return inlet.lost(1);
///     };
///     match std::str::from_utf8(&frame[..end]) {
///         Ok(topic) => inlet.received(topic, &frame.slice(end + 1..)),
///         Err(_) => inlet.lost(1),
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Inlet {
    outbox: Arc<Outbox>,
    hub: WeakHub,
}

impl Inlet {
    /// Takes the bytes of a [`Command::Publish`] of another process: delivers its publication to members, or answers its
    /// question. Bytes that this process has sent itself are dropped. It does not wait.
    pub fn received(&self, topic: &str, packet: &Bytes) {
        match packet::decode(packet) {
            Some((node, _)) if node == self.outbox.node => {}
            Some((_, Packet::Publication(publication))) => self.hub.deliver(topic, publication),
            Some((node, Packet::Question(id))) => self.answer(topic, &node, id),
            Some((node, Packet::Answer(id, presence))) => {
                self.outbox.questions.answered(node, id, presence);
            }
            None => self.hub.count(Count::Unread, 1),
        }
    }

    fn answer(&self, topic: &str, node: &[u8; 16], id: u64) {
        let presence = self.hub.presence(topic);
        if presence.members > 0 {
            let packet = packet::answer(&self.outbox.node, id, &presence);
            let dropped = self.outbox.send(&questions::inbox(node), packet, false);
            self.hub.count(Count::Unsent, dropped);
        }
    }

    /// Counts packets that came and were lost before [`received`](Self::received), in
    /// [`Counters::unread`](crate::Counters::unread).
    pub fn lost(&self, packets: u64) {
        self.hub.count(Count::Unread, packets);
    }

    /// As [`Link::up`].
    pub fn up(&self) {
        self.outbox.status.send_modify(|status| status.is_up = true);
    }

    /// As [`Link::down`].
    ///
    /// ```
    /// use tokio::sync::watch;
    /// use ws_proto_hub::backplane::Inlet;
    ///
    /// /// For a client library that reports its connection to a task.
    /// async fn report(inlet: Inlet, mut is_connected: watch::Receiver<bool>) {
    ///     while is_connected.changed().await.is_ok() {
    ///         if *is_connected.borrow() {
    ///             inlet.up();
    ///         } else {
    ///             inlet.down("the connection is lost");
    ///         }
    ///     }
    /// }
    /// ```
    pub fn down(&self, reason: &str) {
        self.outbox.status.send_modify(|status| {
            status.losses += u64::from(std::mem::replace(&mut status.is_up, false));
            status.reason = Some(reason.into());
        });
    }
}

impl fmt::Debug for Inlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inlet").finish_non_exhaustive()
    }
}

pub(crate) fn spawn(backplane: impl Backplane, outbox: Arc<Outbox>, hub: WeakHub) {
    let inlet = Inlet {
        outbox: Arc::clone(&outbox),
        hub,
    };
    tokio::spawn(async move {
        let link = Link {
            outbox: Arc::clone(&outbox),
            inlet,
        };
        tokio::select! {
            () = backplane.run(link) => {}
            () = outbox.finished() => {} // given up
            () = async {
                let _ = outbox.abandoned.subscribe().wait_for(|is| *is).await;
                tokio::time::sleep(LAST).await;
            } => {}
        }
        outbox.ended.send_replace(true);
    });
}
