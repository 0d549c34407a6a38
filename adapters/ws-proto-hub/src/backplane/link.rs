//! What an implementation works with, and the task that it runs in.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use ws_proto_tokio::Bytes;

use super::outbox::{LAST, Outbox, State};
use super::packet::{self, Packet};
use super::{Backplane, Command, questions};
use crate::counters::Count;
use crate::hub::{WeakHub, lock};

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

    /// Reports that the connection is there: see [`LinkStatus`](super::LinkStatus).
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
    let ending = Ending(inlet.clone());
    tokio::spawn(async move {
        let _ending = ending;
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
    });
}

/// Notes the end of the task, also if the backplane has panicked: nothing waits for it any more.
struct Ending(Inlet);

impl Drop for Ending {
    fn drop(&mut self) {
        let outbox = &self.0.outbox;
        let is_wanted = !lock(&outbox.state).is_finishing;
        let is_up = outbox.status.borrow().is_up;
        if is_wanted && is_up {
            self.0.down("the backplane has ended");
        }
        outbox.ended.send_replace(true);
    }
}
