//! NATS.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_nats::{ConnectOptions, Event, Subscriber};
use futures_util::StreamExt as _;
use tokio::task::AbortHandle;

use super::{Backplane, Command, Inlet, Link};

/// A NATS server or cluster, by the crate `async-nats`. The subject of a topic is `ws-proto-hub.` and the topic, with
/// bytes other than letters, digits, `-` and `_` as `=` and two hexadecimal digits.
///
/// NATS refuses messages of more than its `max_payload`, by default 1 MiB, and closes the connection
/// for it; such a publication is dropped here and counted in
/// [`Counters::unread`](crate::Counters::unread).
///
/// ```no_run
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use ws_proto_hub::Hub;
/// use ws_proto_hub::backplane::{BackplaneOptions, Nats};
///
/// let nats = Nats::new("nats://127.0.0.1:4222");
/// let hub = Hub::with_backplane(nats, BackplaneOptions::new());
/// hub.publish("news", "to members of all processes");
/// # }
/// ```
#[must_use]
pub struct Nats {
    servers: String,
    prefix: String,
    options: ConnectOptions,
}

impl Nats {
    /// Names the server by its URL, or the servers of a cluster by URLs with commas between them. Nothing is connected yet;
    /// a URL that is not valid is reported by [`Hub::link`](crate::Hub::link).
    pub fn new(servers: impl Into<String>) -> Self {
        Self {
            servers: servers.into(),
            prefix: "ws-proto-hub.".into(),
            options: ConnectOptions::new(),
        }
    }

    /// Sets options of `async-nats`: credentials, certificates. This backplane itself sets those about connecting again
    /// and about events.
    ///
    /// ```
    /// use ws_proto_hub::backplane::Nats;
    ///
    /// let options = async_nats::ConnectOptions::new().token("secret".to_owned());
    /// let nats = Nats::new("nats://127.0.0.1:4222").options(options).prefix("chat.");
    /// # let _ = nats;
    /// ```
    pub fn options(mut self, options: ConnectOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets the start of all subjects, in place of `ws-proto-hub.`. Each hub that uses the server needs its own.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }
}

/// Without URLs and options, which can have passwords.
impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nats")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

fn subject(prefix: &str, topic: &str) -> String {
    let mut subject = String::with_capacity(prefix.len() + topic.len());
    subject.push_str(prefix);
    if topic.is_empty() {
        subject.push('='); // which no other topic becomes
    }
    for byte in topic.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' => subject.push(byte.into()),
            byte => subject.push_str(&format!("={byte:02X}")),
        }
    }
    subject
}

impl Backplane for Nats {
    async fn run(self, mut link: Link) {
        let inlet = link.inlet();
        let options = self
            .options
            // With this, connecting fails for an address that is none only.
            .retry_on_initial_connect()
            .max_reconnects(None)
            .subscription_capacity(8192)
            .client_capacity(256)
            .event_callback(move |event| {
                let inlet = inlet.clone();
                async move {
                    match event {
                        Event::Connected => inlet.up(),
                        Event::Disconnected => inlet.down("the connection is lost"),
                        Event::Closed => inlet.down("the connection is closed"),
                        // An attempt to connect has failed.
                        Event::ClientError(error) => inlet.down(&error.to_string()),
                        Event::SlowConsumer(_) => inlet.lost(1),
                        _ => {}
                    }
                }
            });
        let servers: Vec<_> = self.servers.split(',').map(str::to_owned).collect();
        let client = match options.connect(servers).await {
            Ok(client) => client,
            Err(error) => {
                link.down(&error.to_string());
                return link.ended().await;
            }
        };
        let mut subscriptions = HashMap::new();
        while let Some(command) = link.next().await {
            match command {
                // The client subscribes again by itself after a loss.
                Command::Subscribe(topic) => {
                    match client.subscribe(subject(&self.prefix, &topic)).await {
                        Ok(subscriber) => {
                            let receiving = receive(subscriber, Arc::clone(&topic), link.inlet());
                            let task = tokio::spawn(receiving).abort_handle();
                            subscriptions.insert(topic, Ended(task));
                        }
                        Err(error) => link.down(&error.to_string()),
                    }
                }
                Command::Unsubscribe(topic) => drop(subscriptions.remove(&topic)),
                Command::Publish(topic, packet) => {
                    let subject = subject(&self.prefix, &topic);
                    if client.publish(subject, packet).await.is_err() {
                        link.inlet().lost(1);
                    }
                }
            }
        }
        let _ = client.flush().await;
    }
}

/// Ends a task that receives, which unsubscribes.
struct Ended(AbortHandle);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn receive(mut subscriber: Subscriber, topic: Arc<str>, inlet: Inlet) {
    while let Some(message) = subscriber.next().await {
        inlet.received(&topic, &message.payload);
    }
}

#[cfg(test)]
mod tests {
    use super::subject;

    #[test]
    fn each_topic_has_a_subject_of_its_own() {
        for (topic, expected) in [
            ("room-1_a", "p.room-1_a"),
            ("a.b c*>", "p.a=2Eb=20c=2A=3E"),
            ("=", "p.=3D"),
            ("", "p.="),
            ("k\u{e9}", "p.k=C3=A9"),
        ] {
            assert_eq!(subject("p.", topic), expected);
        }
    }
}
