//! What is published, and what a member gets of it.

use std::fmt;
use std::sync::Arc;

use ws_proto_tokio::{Bytes, Message, PreparedMessage};

/// What [`Hub::publish`](crate::Hub::publish) takes: a message, or several that stay together. It is encoded
/// once for all members, and compressed once for each size of window that connections have agreed on.
///
/// Cloning it copies nothing, so it can be published to several topics.
///
/// ```
/// use ws_proto_hub::{Hub, Publication};
///
/// let hub = Hub::new();
/// hub.publish("news", "a text");
/// hub.publish("prices", Publication::from("EUR 1.17").key("EUR"));
/// let picture = vec![0x89, b'P', b'N', b'G'];
/// hub.publish("album", Publication::group(["ann sends a picture".into(), picture.into()]));
/// ```
#[derive(Clone)]
pub struct Publication {
    key: Option<Arc<str>>,
    messages: Arc<[PreparedMessage]>,
    bytes: usize,
}

impl Publication {
    /// Messages that are delivered one after the other, with nothing of the hub in between, or dropped together. They are
    /// one publication for [`MemberOptions::max_waiting`](crate::MemberOptions::max_waiting) and the counters.
    ///
    /// ```
    /// use ws_proto_hub::{Hub, MemberOptions, Publication};
    ///
    /// let hub = Hub::new();
    /// let member = hub.join(MemberOptions::new());
    /// member.subscribe("album");
    /// let picture = vec![0x89, b'P', b'N', b'G'];
    /// hub.publish("album", Publication::group(["ann sends a picture".into(), picture.into()]));
    /// assert_eq!(hub.counters().published, 1);
    /// ```
    #[must_use]
    pub fn group(messages: impl IntoIterator<Item = Message>) -> Self {
        let messages = messages.into_iter().map(PreparedMessage::from);
        Self::prepared(messages.collect())
    }

    /// As [`group`](Self::group), of messages that are [prepared](PreparedMessage) already: they are not encoded or compressed
    /// again.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use ws_proto_hub::ws_proto_tokio::{Message, PreparedMessage};
    /// use ws_proto_hub::{Hub, Publication};
    ///
    /// let messages = [Message::from("hello"), Message::from("all")].map(PreparedMessage::from);
    /// let greeting = Publication::prepared(Arc::from(messages));
    /// let hub = Hub::new();
    /// for room in ["one", "two"] {
    ///     hub.publish(room, greeting.clone());
    /// }
    /// ```
    #[must_use]
    pub fn prepared(messages: Arc<[PreparedMessage]>) -> Self {
        let lengths = messages.iter().map(|message| message.payload().len());
        Self {
            bytes: lengths.fold(0, usize::saturating_add),
            key: None,
            messages,
        }
    }

    /// Sets the key: its subject within the topic. For members that keep only the
    /// [latest](crate::WhenFull::KeepLatest), a publication replaces the queued one with the same topic and key. All
    /// publications without a key count as one subject.
    ///
    /// ```
    /// use ws_proto_hub::{Hub, MemberOptions, Publication, WhenFull};
    ///
    /// let hub = Hub::new();
    /// let member = hub.join(MemberOptions::new().when_full(WhenFull::KeepLatest));
    /// member.subscribe("prices");
    /// for (currency, price) in [("EUR", "1.17"), ("GBP", "1.34"), ("EUR", "1.18")] {
    ///     hub.publish("prices", Publication::from(price).key(currency));
    /// }
    /// assert_eq!(hub.counters().replaced, 1); // 1.18 waits in the place of 1.17
    /// ```
    #[must_use]
    pub fn key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.key = Some(key.into());
        self
    }

    pub(crate) fn get_key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    pub(crate) fn messages(&self) -> &[PreparedMessage] {
        &self.messages
    }
}

impl From<Message> for Publication {
    fn from(message: Message) -> Self {
        Self::prepared(Arc::from([PreparedMessage::from(message)]))
    }
}

impl From<PreparedMessage> for Publication {
    fn from(message: PreparedMessage) -> Self {
        Self::prepared(Arc::from([message]))
    }
}

macro_rules! from_payload {
    ($($payload:ty),*) => {$(
        impl From<$payload> for Publication {
            fn from(payload: $payload) -> Self {
                Message::from(payload).into()
            }
        }
    )*};
}

from_payload!(&str, String, &[u8], Vec<u8>, Bytes);

impl fmt::Debug for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publication")
            .field("key", &self.key)
            .field("messages", &self.messages)
            .finish()
    }
}

/// A publication on its way to a member: its messages, shared by all members, and its topic. Cloning it copies nothing.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use ws_proto_hub::{Hub, MemberEvent, MemberOptions, Publication};
///
/// let hub = Hub::new();
/// let mut member = hub.join(MemberOptions::new());
/// member.subscribe("prices");
/// hub.publish("prices", Publication::from("1.17").key("EUR"));
/// let MemberEvent::Delivery(delivery) = member.next().await else { panic!() };
/// assert_eq!((delivery.topic(), delivery.key()), ("prices", Some("EUR")));
/// assert_eq!((delivery.messages().len(), delivery.payload_len()), (1, 4));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Delivery(Arc<(Arc<str>, Publication)>);

impl Delivery {
    pub(crate) fn new(topic: Arc<str>, publication: Publication) -> Self {
        Self(Arc::new((topic, publication)))
    }

    /// The topic that it was published to.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.0.0
    }

    /// The key that its publisher has set, if it has.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.0.1.get_key()
    }

    /// The messages. Send them in this order, with
    /// [`feed_prepared`](ws_proto_tokio::WebSocket::feed_prepared).
    #[must_use]
    pub fn messages(&self) -> &[PreparedMessage] {
        self.0.1.messages()
    }

    /// How many bytes of payload all its messages have together.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        self.0.1.bytes
    }

    pub(crate) fn slot(&self) -> (Arc<str>, Option<Arc<str>>) {
        (Arc::clone(&self.0.0), self.0.1.key.clone())
    }
}
