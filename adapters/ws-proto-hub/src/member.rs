//! A connection's place in the hub.

use std::collections::BTreeSet;
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use ws_proto_tokio::{Error, Message, SendError, WebSocket};

use crate::hub::Hub;
use crate::publication::Delivery;
use crate::queue::{Closing, MemberEvent, MemberOptions, Queue, Tally};

/// How many deliveries a connection takes before it looks at what its peer has sent.
const TURN: usize = 32;

/// What publishers know of a member.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) id: u64,
    options: MemberOptions,
    queue: Mutex<Queue>,
}

impl Shared {
    pub(crate) fn new(id: u64, options: MemberOptions) -> Self {
        Self {
            id,
            options,
            queue: Mutex::default(),
        }
    }

    pub(crate) const fn name(&self) -> Option<&Arc<str>> {
        self.options.name.as_ref()
    }

    pub(crate) fn push(&self, delivery: &Delivery, tally: &mut Tally) -> Option<Waker> {
        self.queue().push(delivery, &self.options, tally)
    }

    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place in a [`Hub`], made by [`Hub::join`]: it subscribes to topics and receives the publications to
/// them. Dropping it ends its subscriptions.
///
/// The task of the connection owns it, and calls [`drive`](Self::drive), which does the rest. Programs that write to
/// the connection themselves take deliveries with [`next`](Self::next). A write can take long, so they wait for
/// [`closing`](Self::closing) at the same time.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ws_proto_hub::{Hub, MemberEvent, MemberOptions};
///
/// let hub = Hub::new();
/// let mut member = hub.join(MemberOptions::new());
/// member.subscribe("news");
/// assert_eq!(hub.publish("news", "one"), 1);
/// let MemberEvent::Delivery(delivery) = member.next().await else { panic!() };
/// assert_eq!(delivery.topic(), "news");
/// assert_eq!(delivery.messages()[0].payload(), b"one");
/// # Ok(())
/// # }
/// ```
pub struct Member {
    hub: Hub,
    shared: Arc<Shared>,
    topics: Mutex<BTreeSet<Arc<str>>>,
    /// What `drive` is writing, and which of its messages is next.
    writing: Option<(Delivery, usize)>,
    /// `drive` writes nothing more: Close is queued, or the connection does not take it.
    is_write_over: bool,
}

/// What [`Member::drive`] returns.
///
/// ```
/// use ws_proto_hub::DriveEvent;
///
/// /// The text to send to the client for an event, if there is one.
/// fn notice(event: &DriveEvent) -> Option<String> {
///     match event {
///         DriveEvent::Message(message) => message.as_text().map(|text| format!("you said: {text}")),
///         DriveEvent::Missed(count) => Some(format!("{count} publications missed")),
///         _ => None, // the connection closes
///     }
/// }
/// assert_eq!(notice(&DriveEvent::Missed(3)).as_deref(), Some("3 publications missed"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DriveEvent {
    /// The peer has sent a message.
    Message(Message),
    /// So many publications were dropped for this member, at this point of its queue. The connection has room for
    /// a message that reports it to the peer.
    Missed(u64),
    /// Close was sent, for this reason. Messages that the peer sends before its own Close still come.
    Closing(Closing),
}

impl Member {
    pub(crate) const fn new(hub: Hub, shared: Arc<Shared>) -> Self {
        Self {
            hub,
            shared,
            topics: Mutex::new(BTreeSet::new()),
            writing: None,
            is_write_over: false,
        }
    }

    /// The hub that it is in.
    ///
    /// ```
    /// use ws_proto_hub::{Hub, MemberOptions};
    ///
    /// let member = Hub::new().join(MemberOptions::new());
    /// member.subscribe("room");
    /// assert_eq!(member.hub().publish("room", "to all, this member included"), 1);
    /// ```
    #[must_use]
    pub const fn hub(&self) -> &Hub {
        &self.hub
    }

    /// From now on, publications to `topic` come here; `false` if it was subscribed already. The
    /// [`backplane`](crate::backplane), if there is one, asks the server for the topic in the background.
    ///
    /// ```
    /// use ws_proto_hub::{Hub, MemberOptions};
    ///
    /// let member = Hub::new().join(MemberOptions::new());
    /// assert!(member.subscribe("news"));
    /// assert!(!member.subscribe("news"));
    /// assert_eq!(member.subscriptions().len(), 1);
    /// assert!(member.unsubscribe("news"));
    /// assert!(!member.unsubscribe("news"));
    /// ```
    pub fn subscribe(&self, topic: &str) -> bool {
        let mut topics = self.topics();
        if topics.contains(topic) {
            return false;
        }
        topics.insert(self.hub.add(topic, &self.shared))
    }

    /// From now on, publications to `topic` do not come any more; queued ones still do. `false` if it was not
    /// subscribed.
    pub fn unsubscribe(&self, topic: &str) -> bool {
        let removed = self.topics().take(topic);
        if let Some(topic) = &removed {
            self.hub.remove(topic, &self.shared);
        }
        removed.is_some()
    }

    /// The topics that it is subscribed to, sorted.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<Arc<str>> {
        self.topics().iter().cloned().collect()
    }

    fn topics(&self) -> MutexGuard<'_, BTreeSet<Arc<str>>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next event: messages to send, a number of missed ones, or the end, which every further call returns
    /// again.
    ///
    /// Cancel safe: nothing is taken from the queue before it is returned.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tokio::io::{AsyncRead, AsyncWrite};
    /// use ws_proto_hub::ws_proto_tokio::{Error, WebSocket};
    /// use ws_proto_hub::{Hub, Member, MemberEvent, MemberOptions};
    ///
    /// /// A connection that only sends: a feed.
    /// async fn feed<S>(mut member: Member, mut socket: WebSocket<S>) -> Result<(), Error>
    /// where
    ///     S: AsyncRead + AsyncWrite + Unpin,
    /// {
    ///     loop {
    ///         match member.next().await {
    ///             MemberEvent::Delivery(delivery) => {
    ///                 for message in delivery.messages() {
    ///                     socket.feed_prepared(message).await?;
    ///                 }
    ///                 tokio::select! {
    ///                     flushed = socket.flush() => flushed?,
    ///                     close = member.closing() => return socket.close(close.code, &close.reason).await,
    ///                 }
    ///             }
    ///             MemberEvent::Close(close) => return socket.close(close.code, &close.reason).await,
    ///             _ => {}
    ///         }
    ///     }
    /// }
    ///
    /// # let hub = Hub::new();
    /// # let (server, client) = tokio::io::duplex(4096);
    /// # let member = hub.join(MemberOptions::new());
    /// # member.subscribe("news");
    /// # let server = tokio::spawn(async move { feed(member, ws_proto_tokio::accept(server).await.unwrap()).await });
    /// # let (mut client, _) = ws_proto_tokio::connect_over(client, "ws://h/").await?;
    /// # hub.publish("news", "hello");
    /// # assert_eq!(client.next().await.unwrap()?.as_text(), Some("hello"));
    /// # let ended = async { while client.next().await.is_some() {} };
    /// # let (left, ()) = tokio::join!(hub.shutdown("", std::time::Duration::from_secs(5)), ended);
    /// # assert_eq!(left, 0);
    /// # server.await??;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next(&mut self) -> MemberEvent {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`next`](Self::next), for futures written by hand.
    ///
    /// ```
    /// use std::task::{Context, Poll, Waker};
    /// use ws_proto_hub::{Hub, MemberEvent, MemberOptions};
    ///
    /// let hub = Hub::new();
    /// let mut member = hub.join(MemberOptions::new());
    /// member.subscribe("news");
    /// let mut cx = Context::from_waker(Waker::noop());
    /// assert!(member.poll_next(&mut cx).is_pending());
    /// hub.publish("news", "one");
    /// assert!(matches!(member.poll_next(&mut cx), Poll::Ready(MemberEvent::Delivery(_))));
    /// ```
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<MemberEvent> {
        let event = self.shared.queue().poll_next(cx);
        if let Poll::Ready(MemberEvent::Delivery(_)) = event {
            self.hub.note_delivered(self.shared.id);
        }
        event
    }

    /// Waits until the connection has to be closed and its queue is empty: it was too slow, or the
    /// hub shuts down. Wait for it and for a write in one `select!`, as in the example of [`next`](Self::next).
    ///
    /// Cancel safe. One task waits for this or for [`next`](Self::next), not two.
    pub async fn closing(&mut self) -> Closing {
        poll_fn(|cx| self.shared.queue().poll_closing(cx, false)).await
    }

    /// Sends publications, and returns messages of the peer; `None` after the end. It closes the connection
    /// when the hub demands that, whether the peer reads or not.
    ///
    /// It takes messages from the hub while the connection has room, so for a slow peer as much can wait as
    /// the member's options and the connection's high-water mark allow together. While the program has sent a part
    /// of a message and not its last one, messages of the hub wait.
    ///
    /// Cancel safe: the next call continues where this one stopped.
    ///
    /// # Errors
    ///
    /// The error that ended the connection, once. After a closing handshake this returns `None` instead.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tokio::io::duplex;
    /// use ws_proto_hub::{DriveEvent, Hub, MemberOptions};
    ///
    /// let hub = Hub::new();
    /// let (server, client) = duplex(4096);
    /// let server = tokio::spawn(async move {
    ///     let mut socket = ws_proto_tokio::accept(server).await?;
    ///     let mut member = hub.join(MemberOptions::new());
    ///     member.subscribe("room");
    ///     while let Some(event) = member.drive(&mut socket).await {
    ///         match event? {
    ///             DriveEvent::Message(message) => { hub.publish("room", message); }
    ///             DriveEvent::Missed(count) => println!("{count} messages missed"),
    ///             DriveEvent::Closing(close) => println!("{:?}", close.code),
    ///             _ => {}
    ///         }
    ///     }
    ///     Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// });
    /// let (mut client, _) = ws_proto_tokio::connect_over(client, "ws://h/").await?;
    /// client.send("to all").await?;
    /// assert_eq!(client.next().await.unwrap()?.as_text(), Some("to all"));
    /// client.close(ws_proto_tokio::CloseCode::NORMAL, "").await?;
    /// # server.await?.unwrap();
    /// # Ok(())
    /// # }
    /// ```
    pub async fn drive<S>(&mut self, socket: &mut WebSocket<S>) -> Option<Result<DriveEvent, Error>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        poll_fn(|cx| self.poll_drive(socket, cx)).await
    }

    fn poll_drive<S>(
        &mut self,
        socket: &mut WebSocket<S>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<DriveEvent, Error>>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if self.shared.queue().is_expired() {
            return Poll::Ready(None);
        }
        let mut has_more = !self.is_write_over;
        for _ in 0..TURN {
            if self.is_write_over {
                has_more = false;
                break;
            }
            match self.poll_deliver(socket, cx) {
                Poll::Ready(None) => {}
                Poll::Ready(Some(event)) => return Poll::Ready(Some(Ok(event))),
                Poll::Pending => {
                    has_more = false;
                    break;
                }
            }
        }
        if self.is_write_over {
            // Still to be woken when the time to end has passed.
            self.shared.queue().wait_expired(cx);
        }
        let received = socket.poll_next_unpin(cx);
        if has_more && received.is_pending() {
            cx.waker().wake_by_ref();
        }
        received.map(|item| item.map(|message| message.map(DriveEvent::Message)))
    }

    /// Queues one message, if there are one and room for it.
    fn poll_deliver<S>(
        &mut self,
        socket: &mut WebSocket<S>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<DriveEvent>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match socket.poll_ready_unpin(cx) {
            Poll::Ready(Ok(())) => {}
            // Receiving returns the error that has ended the connection.
            Poll::Ready(Err(_)) => {
                self.is_write_over = true;
                return Poll::Ready(None);
            }
            Poll::Pending => return self.poll_close(socket, cx),
        }
        if let Some((delivery, at)) = &mut self.writing {
            if let Some(message) = delivery.messages().get(*at) {
                let fed = pin!(socket.feed_prepared(message)).poll(cx);
                match fed {
                    Poll::Ready(Ok(())) => *at += 1,
                    // The program ends its own message first.
                    Poll::Ready(Err(Error::Send(SendError::MessageOpen))) => {
                        return self.poll_close(socket, cx);
                    }
                    Poll::Ready(Err(_)) => self.is_write_over = true,
                    Poll::Pending => return Poll::Pending,
                }
            } else {
                self.writing = None;
            }
            return Poll::Ready(None);
        }
        self.poll_next(cx).map(|event| match event {
            MemberEvent::Delivery(delivery) => {
                self.writing = Some((delivery, 0));
                None
            }
            MemberEvent::Missed(count) => Some(DriveEvent::Missed(count)),
            MemberEvent::Close(close) => Some(self.start_close(socket, close)),
        })
    }

    /// While nothing can be queued: closes the connection when that is to be done without the queue.
    fn poll_close<S>(
        &mut self,
        socket: &mut WebSocket<S>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<DriveEvent>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let is_begun = match &self.writing {
            Some((delivery, at)) => *at < delivery.messages().len(),
            None => false,
        };
        let closing = self.shared.queue().poll_closing(cx, is_begun);
        closing.map(|close| Some(self.start_close(socket, close)))
    }

    fn start_close<S>(&mut self, socket: &mut WebSocket<S>, close: Closing) -> DriveEvent
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.is_write_over = true;
        self.writing = None;
        // A code that servers may not send is the program's mistake: the connection ends all the same.
        if socket.start_close(close.code, &close.reason).is_err() {
            let _ = socket.start_close(ws_proto_tokio::CloseCode::POLICY_VIOLATION, "");
        }
        DriveEvent::Closing(close)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        for topic in std::mem::take(&mut *self.topics()) {
            self.hub.remove(&topic, &self.shared);
        }
        self.hub.leave(&self.shared);
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("shared", &self.shared)
            .field("topics", &self.topics)
            .finish_non_exhaustive()
    }
}
