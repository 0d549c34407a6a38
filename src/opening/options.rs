use core::time::Duration;

use crate::connection::{Config, Role};
use crate::handshake::Limits;
use crate::socket::WebSocket;

/// Limits, timers and modes of a handshake and of the connection after it.
///
/// ```
/// use std::time::Duration;
/// use ws_proto::Config;
/// use ws_proto::opening::Options;
///
/// let options = Options::new()
///     .config(Config::new().max_message(64 * 1024))
///     .handshake_time(Duration::from_secs(5))
///     .high_water(16 * 1024);
/// # let _ = options;
/// ```
///
/// All settings:
///
/// ```
/// use std::time::Duration;
/// use ws_proto::Config;
/// use ws_proto::handshake::Limits;
/// use ws_proto::opening::Options;
///
/// let config = Config::new().max_message(64 * 1024);
/// let options = Options::new()
///     .config(config)
///     .limits(Limits::new().head_bytes(8 * 1024))
///     .handshake_time(Duration::from_secs(5))
///     .high_water(16 * 1024)
///     .linger_time(Duration::from_secs(1))
///     .stall_time(Duration::from_secs(20));
/// assert_eq!(*options.get_config(), config);
/// assert_eq!(options.get_handshake_time(), Duration::from_secs(5));
/// assert_eq!(options.get_linger_time(), Duration::from_secs(1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Options {
    pub(crate) config: Config,
    limits: Limits,
    handshake_time: Duration,
    high_water: usize,
    linger_time: Duration,
    stall_time: Duration,
}

impl Options {
    /// The defaults of [`Config`] and [`Limits`]; 10 s for a handshake, a high-water mark of 64 KiB, 3 s for
    /// the end, 60 s for a peer that takes nothing.
    pub const fn new() -> Self {
        Self {
            config: Config::new(),
            limits: Limits::new(),
            handshake_time: Duration::from_secs(10),
            high_water: 64 * 1024,
            linger_time: Duration::from_secs(3),
            stall_time: Duration::from_secs(60),
        }
    }

    /// Sets limits, keepalive and close timers of the connection.
    pub const fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Sets how much of a handshake is read. [`handshake_time`](Self::handshake_time) and
    /// [`linger_time`](Self::linger_time) take the place of its time and its drain.
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how long a handshake may take, from its first `tick` on: for a client until there is a connection,
    /// for a server until the request is there. Calls that connect count name resolution, connecting
    /// and TLS too. 10 s by default.
    pub const fn handshake_time(mut self, time: Duration) -> Self {
        self.handshake_time = time;
        self
    }

    /// Sets how many bytes may wait to be written before sending waits. One message of any size fits on
    /// top. 64 KiB by default.
    pub const fn high_water(mut self, bytes: usize) -> Self {
        self.high_water = if bytes == 0 { 1 } else { bytes };
        self
    }

    /// Sets how long it may take to write the rest and to end the transport, once the connection is
    /// over. 3 s by default.
    pub const fn linger_time(mut self, time: Duration) -> Self {
        self.linger_time = time;
        self
    }

    /// Sets how long a peer may take no output before the connection fails with
    /// [`TimedOut::Write`](crate::TimedOut::Write). 60 s by default.
    pub const fn stall_time(mut self, time: Duration) -> Self {
        self.stall_time = time;
        self
    }

    /// Limits, keepalive and close timers of the connection.
    pub const fn get_config(&self) -> &Config {
        &self.config
    }

    /// How long a handshake may take.
    #[must_use]
    pub const fn get_handshake_time(&self) -> Duration {
        self.handshake_time
    }

    /// How long the end of a transport may take.
    #[must_use]
    pub const fn get_linger_time(&self) -> Duration {
        self.linger_time
    }

    /// The limits of a handshake that may still take `time`.
    pub(super) const fn limits_within(&self, time: Duration) -> Limits {
        self.limits.time(time).drain(self.linger_time)
    }

    /// A connection with these options, apart from its [`Config`].
    ///
    /// ```
    /// use ws_proto::opening::Options;
    /// use ws_proto::{Config, Negotiated, WebSocket};
    ///
    /// let options = Options::new().high_water(16 * 1024);
    /// // The handshake was done by another program.
    /// let server = options.apply(WebSocket::server(Negotiated::new(), *options.get_config()));
    /// # let _ = server;
    /// ```
    #[must_use]
    pub fn apply<R: Role>(&self, websocket: WebSocket<R>) -> WebSocket<R> {
        websocket
            .with_high_water(self.high_water)
            .with_linger_time(self.linger_time)
            .with_stall_time(self.stall_time)
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
