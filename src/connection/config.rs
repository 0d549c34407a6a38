//! Limits, timers and modes of a connection.

use core::time::Duration;

use crate::time::millis_ceil;

/// Limits, timers and modes of a [`Connection`](crate::Connection). Every limit is finite.
///
/// # Keepalive and clocks
///
/// The engine has one deadline at a time and compares it with the time that
/// [`tick`](crate::Connection::tick) is given. In the three states with a timer while the transport is
/// [`Open`](crate::Transport::Open):
///
/// | | silence runs | a Ping waits for its answer | our Close waits for its answer |
/// |---|---|---|---|
/// | the clock reaches the deadline, or jumps past it by any time | one Ping; the time for its answer starts now | [`TimedOut::Pong`](crate::TimedOut::Pong), Close 1011 | [`TimedOut::Close`](crate::TimedOut::Close) |
/// | the same, after something was received | silence starts again | silence starts again | [`TimedOut::Close`](crate::TimedOut::Close) |
/// | the clock goes back | nothing; the deadline stays | nothing; the deadline stays | nothing; the deadline stays |
/// | the clock stands | nothing | nothing | nothing |
/// | the deadline comes, and the output has no room | no Ping; the time for an answer starts now | [`TimedOut::Pong`](crate::TimedOut::Pong) without a Close | [`TimedOut::Close`](crate::TimedOut::Close) |
/// | the deadline comes, and there is no masking key | no Ping; the time for an answer starts now | [`TimedOut::Pong`](crate::TimedOut::Pong) without a Close | [`TimedOut::Close`](crate::TimedOut::Close) |
/// | the peer pings too | `receive` answers; silence starts again with the next `tick` | `receive` answers; it counts as the answer to our Ping | `receive` answers; the time runs on |
/// | the deadline comes inside a compressed message in parts, with [`hold_pings`](Self::hold_pings) | the Ping waits for the last part | [`TimedOut::Pong`](crate::TimedOut::Pong), Close 1011 | - |
///
/// So two ends that both ping need no agreement: the one with the shorter time pings, and each Ping that
/// arrives keeps the other one quiet.
///
/// ```
/// use core::time::Duration;
/// use ws_proto::{Config, Connection, Negotiated};
///
/// let config = Config::new().max_message(64 * 1024).keepalive(Some(Duration::from_secs(30)));
/// let connection = Connection::server(Negotiated::new(), config);
/// # let _ = connection;
/// ```
///
/// All settings:
///
/// ```
/// use core::time::Duration;
/// use ws_proto::Config;
///
/// let config = Config::new()
///     .max_message(1 << 20)
///     .max_frame(64 * 1024)
///     .max_fragments(1000)
///     .keepalive(Some(Duration::from_secs(60)))
///     .pong_timeout(Duration::from_secs(10))
///     .hold_pings(true) // for peers that take no Ping inside of a compressed message
///     .close_timeout(Duration::from_secs(5))
///     .manual_pong(true) // the program answers Pings
///     .manual_close(true); // and the peer's Close
/// assert_eq!(config.get_max_message(), 1 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Config {
    pub(super) max_message: u64,
    pub(super) max_frame: u64,
    pub(super) max_fragments: u32,
    /// Milliseconds; zero is "off".
    pub(super) keepalive: u32,
    pub(super) pong_timeout: u32,
    pub(super) close_timeout: u32,
    pub(super) hold_pings: bool,
    pub(super) manual_pong: bool,
    pub(super) manual_close: bool,
}

impl Config {
    /// The defaults: messages of 16 MiB in up to 2^20 frames, a Ping after 20 s of silence, 20 s
    /// for an answer to it, 10 s for an answer to Close; Pong and Close are answered.
    pub const fn new() -> Self {
        Self {
            max_message: 16 << 20,
            max_frame: 16 << 20,
            max_fragments: 1 << 20,
            keepalive: 20_000,
            pong_timeout: 20_000,
            close_timeout: 10_000,
            hold_pings: false,
            manual_pong: false,
            manual_close: false,
        }
    }

    /// The most bytes of a received message, over all its frames. A longer one fails the
    /// connection with 1009, at the header that claims too much.
    ///
    /// A message that an extension encodes is bounded after decoding, by
    /// [`Assembler`](crate::message::Assembler).
    pub const fn max_message(mut self, bytes: u64) -> Self {
        self.max_message = bytes;
        self
    }

    #[cfg(feature = "alloc")]
    pub(crate) const fn close_timeout_millis(&self) -> u32 {
        self.close_timeout
    }

    /// The value of [`max_message`](Self::max_message), for programs that decode messages themselves.
    #[must_use]
    pub const fn get_max_message(&self) -> u64 {
        self.max_message
    }

    /// The most payload bytes of a received data frame. A longer one fails the connection with
    /// 1009, at its header.
    pub const fn max_frame(mut self, bytes: u64) -> Self {
        self.max_frame = bytes;
        self
    }

    /// The most frames of a received message, at least 1. One more fails the connection with 1009:
    /// endless empty fragments never reach a limit in bytes.
    pub const fn max_fragments(mut self, frames: u32) -> Self {
        self.max_fragments = if frames == 0 { 1 } else { frames };
        self
    }

    /// After how much silence of the peer a Ping is sent by
    /// [`tick`](crate::Connection::tick); `None` sends none. The asynchronous shells and that for mio, which do
    /// not look at the clock for each message, send it up to a quarter of that later.
    pub const fn keepalive(mut self, silence: Option<Duration>) -> Self {
        self.keepalive = match silence {
            Some(silence) => timer(silence),
            None => 0,
        };
        self
    }

    /// How long the peer may stay silent after a keepalive Ping. Whatever it sends counts as a
    /// sign of life, not only the Pong.
    pub const fn pong_timeout(mut self, time: Duration) -> Self {
        self.pong_timeout = timer(time);
        self
    }

    /// Whether a keepalive Ping waits while a message of an extension, such as a compressed one, is sent in
    /// parts. It is written by the first `tick` after the last part. Default: `false`.
    ///
    /// RFC 6455 5.4 allows control frames between the parts of a message. Tornado, and so Jupyter, takes the
    /// next part of a compressed message for a fault after one, and drops the connection. While the Ping waits, a
    /// peer that is gone is not noticed: a sender that takes long over a message has to look at its writes.
    pub const fn hold_pings(mut self, hold: bool) -> Self {
        self.hold_pings = hold;
        self
    }

    /// How long the peer may take to answer our Close, and then to end the transport or to take the rest
    /// of the output; see the table of [`tick`](crate::Connection::tick).
    pub const fn close_timeout(mut self, time: Duration) -> Self {
        self.close_timeout = timer(time);
        self
    }

    /// Whether the caller answers Pings itself, with [`pong`](crate::Connection::pong).
    pub const fn manual_pong(mut self, manual: bool) -> Self {
        self.manual_pong = manual;
        self
    }

    /// Whether the caller answers the peer's Close itself, with
    /// [`close`](crate::Connection::close) or [`close_empty`](crate::Connection::close_empty).
    ///
    /// Until it does, it may still send, for instance the rest of a message (RFC 6455 5.5.1), and
    /// [`transport`](crate::Connection::transport) stays [`Open`](crate::Transport::Open). No Ping is sent
    /// any more. There is no limit to how long that lasts, since it is the application that ends it; but a
    /// peer for which `out` stays full has [`close_timeout`](Self::close_timeout) to make room, then
    /// [`tick`](crate::Connection::tick) returns [`TimedOut::Drain`](crate::TimedOut::Drain). An output
    /// that is never full, such as a `Vec`, needs a limit of the driver's own.
    pub const fn manual_close(mut self, manual: bool) -> Self {
        self.manual_close = manual;
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

/// At least a millisecond, at most 48 days. From 70 min on, a connection keeps it in whole seconds.
const fn timer(time: Duration) -> u32 {
    match millis_ceil(time) {
        0 => 1,
        millis if millis > u32::MAX as u64 => u32::MAX,
        millis => millis as u32,
    }
}
