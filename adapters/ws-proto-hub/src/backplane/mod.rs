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

use std::sync::Arc;

use ws_proto_tokio::Bytes;

mod link;
#[cfg(feature = "nats")]
mod nats;
mod outbox;
mod packet;
mod questions;
#[cfg(feature = "redis")]
mod redis;

pub(crate) use link::spawn;
pub use link::{Inlet, Link};
#[cfg(feature = "nats")]
#[cfg_attr(docsrs, doc(cfg(feature = "nats")))]
pub use nats::Nats;
pub(crate) use outbox::Outbox;
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
