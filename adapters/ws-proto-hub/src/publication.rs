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
    /// Messages that are delivered one after the other, with nothing of the hub in between, or dropped together.
    pub fn group(messages: impl IntoIterator<Item = Message>) -> Self {
        let messages = messages.into_iter().map(PreparedMessage::from);
        Self::prepared(messages.collect())
    }

    /// Prepared messages, as [`group`](Self::group).
    pub fn prepared(messages: Arc<[PreparedMessage]>) -> Self {
        let lengths = messages.iter().map(|message| message.payload().len());
        Self {
            bytes: lengths.fold(0, usize::saturating_add),
            key: None,
            messages,
        }
    }

    /// Within its topic, its subject. For members that keep only the [latest](crate::WhenFull::KeepLatest),
    /// it takes the place of the queued one with the same key. Without a key, the whole topic is one thing.
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

/// What a member gets of a publication: its messages, shared by all members, and its topic.
#[derive(Clone, Debug)]
pub struct Delivery(Arc<(Arc<str>, Publication)>);

impl Delivery {
    pub(crate) fn new(topic: Arc<str>, publication: Publication) -> Self {
        Self(Arc::new((topic, publication)))
    }

    /// The topic that it was published to.
    pub fn topic(&self) -> &str {
        &self.0.0
    }

    /// The key that its publisher has given.
    pub fn key(&self) -> Option<&str> {
        self.0.1.get_key()
    }

    /// The messages, to be sent in this order by
    /// [`feed_prepared`](ws_proto_tokio::WebSocket::feed_prepared).
    pub fn messages(&self) -> &[PreparedMessage] {
        self.0.1.messages()
    }

    /// How many bytes of payload it has.
    pub fn payload_len(&self) -> usize {
        self.0.1.bytes
    }

    pub(crate) fn slot(&self) -> (Arc<str>, Option<Arc<str>>) {
        (Arc::clone(&self.0.0), self.0.1.key.clone())
    }
}
