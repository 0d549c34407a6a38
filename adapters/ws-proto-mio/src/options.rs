//! Options.

use std::time::Duration;

use ws_proto::Config;
#[cfg(feature = "deflate")]
use ws_proto::extension::deflate::Deflate;
use ws_proto::handshake::Limits;
use ws_proto::opening;

/// Limits, timers and modes of a handshake and of the connection after it.
///
/// ```
/// use std::time::Duration;
/// use ws_proto_mio::{Config, Options};
///
/// let options = Options::new()
///     .config(Config::new().max_message(64 * 1024))
///     .handshake_time(Duration::from_secs(5))
///     .high_water(16 * 1024);
/// # let _ = options;
/// ```
///
/// All settings, but for compression:
///
/// ```
/// use std::time::Duration;
/// use ws_proto_mio::{Config, Limits, Options};
///
/// let options = Options::new()
///     .config(Config::new().max_message(64 * 1024))
///     .limits(Limits::new().head_bytes(4096))
///     .handshake_time(Duration::from_secs(5))
///     .high_water(16 * 1024)
///     .read_budget(32 * 1024) // many connections, short turns
///     .linger_time(Duration::from_secs(1))
///     .stall_time(Duration::from_secs(10))
///     .short_reads_end(cfg!(target_os = "linux")); // not for TLS
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Options {
    pub(crate) config: Config,
    pub(crate) opening: opening::Options,
    pub(crate) budget: u32,
    pub(crate) short_reads_end: bool,
    #[cfg(feature = "deflate")]
    pub(crate) deflate: Option<Deflate>,
}

impl Options {
    /// The defaults of [`Config`] and [`Limits`]; 10 s for a handshake, a high-water mark of 64 KiB,
    /// 256 KiB read in a turn, 3 s for the end, 60 s for a peer that takes nothing.
    pub const fn new() -> Self {
        Self {
            config: Config::new(),
            opening: opening::Options::new(),
            budget: 256 * 1024,
            short_reads_end: false,
            #[cfg(feature = "deflate")]
            deflate: None,
        }
    }

    /// Sets limits, keepalive and close timers of the connection.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self.opening = self.opening.config(config);
        self
    }

    /// Sets how much of a handshake is read. [`handshake_time`](Self::handshake_time) and
    /// [`linger_time`](Self::linger_time) take the place of its time and its drain.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.opening = self.opening.limits(limits);
        self
    }

    /// Sets how long a handshake may take, from the first turn on: for a client until there is a
    /// connection, for a server until the request is there. 10 s by default.
    pub fn handshake_time(mut self, time: Duration) -> Self {
        self.opening = self.opening.handshake_time(time);
        self
    }

    /// Sets how many bytes may wait to be written. While as many bytes of answers wait (of Pongs, and of
    /// replies to messages), nothing is received; while as many bytes wait in all,
    /// nothing can be sent. One message of any size fits on top of less. 64 KiB by default,
    /// 1 KiB at least.
    pub fn high_water(mut self, bytes: usize) -> Self {
        self.opening = self.opening.high_water(bytes.max(1024));
        self
    }

    /// Sets how many bytes one turn reads, before other connections have their turns: 256 KiB by default.
    pub fn read_budget(mut self, bytes: usize) -> Self {
        self.budget = u32::try_from(bytes.max(1)).unwrap_or(u32::MAX);
        self
    }

    /// Sets how long it may take to write the rest and to end the transport, once the connection
    /// is over. 3 s by default.
    pub fn linger_time(mut self, time: Duration) -> Self {
        self.opening = self.opening.linger_time(time);
        self
    }

    /// Sets how long a peer may take no output before the connection fails
    /// with [`TimedOut::Write`](crate::TimedOut::Write). 60 s by default. A peer that sends nothing
    /// either fails earlier, by the [keepalive](Config::keepalive).
    pub fn stall_time(mut self, time: Duration) -> Self {
        self.opening = self.opening.stall_time(time);
        self
    }

    /// Sets whether a read that does not fill the buffer has emptied the stream, so that a read that
    /// would fail with `WouldBlock` is saved. So it is for TCP and Unix sockets with epoll and
    /// kqueue; with TLS it is not. Off by default.
    pub fn short_reads_end(mut self, end: bool) -> Self {
        self.short_reads_end = end;
        self
    }

    /// Offers or accepts permessage-deflate; without this, messages are not compressed.
    ///
    /// ```
    /// use ws_proto_mio::{Deflate, Options};
    ///
    /// let options = Options::new().deflate(Deflate::new());
    /// # drop(options);
    /// ```
    #[cfg(feature = "deflate")]
    pub fn deflate(mut self, deflate: Deflate) -> Self {
        self.deflate = Some(deflate);
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Config> for Options {
    fn from(config: Config) -> Self {
        Self::new().config(config)
    }
}
