//! Redis.

use std::fmt;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, IntoConnectionInfo, Pipeline, ProtocolVersion, PushInfo,
    PushKind, RedisError, Value,
};
use tokio::sync::watch;
use tokio::time::sleep;

use super::{Backplane, Command, Inlet, Link};

/// How many commands go to the server before its answers are waited for.
const BATCH: usize = 128;

/// A Redis server from version 6 on, by the crate `redis` and its pub/sub. The channel of a topic is `ws-proto-hub:` and the
/// topic. Publishing and subscribing share one connection, by RESP3.
///
/// TLS, `rediss://`, needs the feature `redis-tls`. It trusts the authorities that the platform trusts. For other
/// certificates, make a client with `Client::build_with_tls` of the crate `redis` and pass its `ConnectionInfo` here. A
/// program that has more than one provider of cryptography for rustls installs its default provider first.
///
/// Redis closes connections for which more waits than its `client-output-buffer-limit pubsub`, by default 32 MiB: keep
/// publications well below that.
///
/// ```no_run
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ws_proto_hub::Hub;
/// use ws_proto_hub::backplane::{BackplaneOptions, Redis};
///
/// let redis = Redis::new("redis://127.0.0.1:6379/")?;
/// let hub = Hub::with_backplane(redis, BackplaneOptions::new());
/// hub.publish("news", "to members of all processes");
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct Redis {
    client: Client,
    prefix: String,
}

impl Redis {
    /// Names the server by its URL, or by other parameters of the crate `redis`. Nothing is connected yet.
    ///
    /// ```
    /// use ws_proto_hub::backplane::Redis;
    ///
    /// let redis = Redis::new("redis://127.0.0.1:6379/")?.prefix("chat:");
    /// assert!(Redis::new("http://127.0.0.1/").is_err());
    /// # let _ = redis;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the URL is not valid, or is one of `rediss` without the feature `redis-tls`.
    pub fn new(server: impl IntoConnectionInfo) -> Result<Self, RedisError> {
        let info = server.into_connection_info();
        #[cfg(not(feature = "redis-tls"))]
        let info = info.map_err(name_feature);
        let info = info?;
        let settings = info.redis_settings().clone();
        let info = info.set_redis_settings(settings.set_protocol(ProtocolVersion::RESP3));
        Ok(Self {
            client: Client::open(info)?,
            prefix: "ws-proto-hub:".into(),
        })
    }

    /// Sets the start of all channels, in place of `ws-proto-hub:`. Each hub that uses the server needs its own.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    async fn connect(
        &self,
        inlet: Inlet,
        lost: watch::Sender<bool>,
    ) -> Result<MultiplexedConnection, RedisError> {
        let prefix = self.prefix.clone();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(Duration::from_secs(5)))
            .set_response_timeout(Some(Duration::from_secs(10)))
            // Called by what reads the connection: nothing waits in between.
            .set_push_sender(move |info: PushInfo| {
                match info.kind {
                    PushKind::Disconnection => {
                        lost.send_replace(true);
                    }
                    PushKind::Message => received(&inlet, &prefix, info.data),
                    _ => {}
                }
                Ok::<(), RedisError>(())
            });
        self.client
            .get_multiplexed_async_connection_with_config(&config)
            .await
    }

    /// Carries out orders until the connection is lost; `None` at the end.
    async fn work(
        &self,
        mut connection: MultiplexedConnection,
        link: &mut Link,
        mut lost: watch::Receiver<bool>,
    ) -> Option<String> {
        loop {
            let command = tokio::select! {
                command = link.next() => command?,
                _ = lost.wait_for(|lost| *lost) => return Some("the connection is lost".into()),
            };
            let mut pipeline = Pipeline::new();
            self.add(&mut pipeline, command);
            while pipeline.len() < BATCH
                && let Some(command) = link.try_next()
            {
                self.add(&mut pipeline, command);
            }
            if let Err(error) = pipeline.exec_async(&mut connection).await {
                return Some(error.to_string());
            }
        }
    }

    fn add(&self, pipeline: &mut Pipeline, command: Command) {
        let channel = |topic: &str| format!("{}{topic}", self.prefix);
        match command {
            Command::Publish(topic, packet) => {
                pipeline
                    .cmd("PUBLISH")
                    .arg(channel(&topic))
                    .arg(&packet[..]);
            }
            Command::Subscribe(topic) => {
                pipeline.cmd("SUBSCRIBE").arg(channel(&topic));
            }
            Command::Unsubscribe(topic) => {
                pipeline.cmd("UNSUBSCRIBE").arg(channel(&topic));
            }
        }
    }
}

/// Without the client, whose address can have a password.
impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// The crate `redis` says that a feature is missing; the program chooses features of this crate.
#[cfg(not(feature = "redis-tls"))]
fn name_feature(error: RedisError) -> RedisError {
    if error.kind() == redis::ErrorKind::InvalidClientConfig && error.to_string().contains("TLS") {
        let text = "rediss needs the feature `redis-tls` of ws-proto-hub";
        return (redis::ErrorKind::InvalidClientConfig, text).into();
    }
    error
}

fn received(inlet: &Inlet, prefix: &str, data: Vec<Value>) {
    let mut data = data.into_iter();
    if let (Some(Value::BulkString(channel)), Some(Value::BulkString(packet))) =
        (data.next(), data.next())
        && let Ok(channel) = str::from_utf8(&channel)
        && let Some(topic) = channel.strip_prefix(prefix)
    {
        inlet.received(topic, &packet.into());
    } else {
        inlet.lost(1);
    }
}

impl Backplane for Redis {
    async fn run(self, mut link: Link) {
        let mut delay = Duration::from_millis(50);
        loop {
            let (lost, losing) = watch::channel(false);
            let reason = match self.connect(link.inlet(), lost).await {
                Ok(connection) => {
                    delay = Duration::from_millis(50);
                    link.resubscribe();
                    link.up();
                    match self.work(connection, &mut link, losing).await {
                        Some(reason) => reason,
                        None => return,
                    }
                }
                Err(error) => error.to_string(),
            };
            link.down(&reason);
            sleep(delay).await;
            delay = (delay * 2).min(Duration::from_secs(2));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Redis;

    #[test]
    fn addresses_are_looked_at() {
        assert!(Redis::new("redis://127.0.0.1:6379/").is_ok());
        assert!(Redis::new("http://127.0.0.1/").is_err());
        let with_tls = Redis::new("rediss://127.0.0.1:6379/");
        #[cfg(feature = "redis-tls")]
        assert!(with_tls.is_ok());
        #[cfg(not(feature = "redis-tls"))]
        assert!(with_tls.unwrap_err().to_string().contains("`redis-tls`"));
    }
}
