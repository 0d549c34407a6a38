//! Limits of handshakes.

use core::time::Duration;

/// How much a handshake reads at most, and for how long (RFC 6455 10.4). Every limit is finite.
///
/// | limit | default | when exceeded, a server | when exceeded, a client |
/// |---|---|---|---|
/// | [`head_bytes`](Self::head_bytes) | 16 KiB | answers 431 | fails |
/// | [`lines`](Self::lines) | 150 | answers 431 | fails |
/// | [`time`](Self::time) | 10 s | [answers 408](Self::answer_silence) | fails |
/// | [`drain`](Self::drain) | 10 s | says [`Abort`](crate::Transport::Abort) | says `Abort` |
/// | [`body_bytes`](Self::body_bytes) | 4 KiB | - | cuts off the body of a refusal |
/// | [`informational`](Self::informational) | 8 | - | fails |
///
/// A client counts anew for a [proxy](super::proxy) and for the server behind it.
///
/// A [`Storage`](crate::Storage) that holds less than `head_bytes` limits the head in the same way.
///
/// ```
/// use core::time::Duration;
/// use ws_proto::handshake::{Limits, ServerHandshake};
///
/// let limits = Limits::new().head_bytes(4096).time(Duration::from_secs(3));
/// let handshake = ServerHandshake::new(Vec::new(), limits);
/// # let _ = handshake;
/// ```
///
/// All settings:
///
/// ```
/// use core::time::Duration;
/// use ws_proto::handshake::Limits;
///
/// let limits = Limits::new()
///     .head_bytes(8 * 1024)
///     .lines(50)
///     .body_bytes(1024)
///     .informational(2)
///     .time(Duration::from_secs(5))
///     .drain(Duration::from_secs(3))
///     .answer_silence(true);
/// # let _ = limits;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub(super) head_bytes: usize,
    pub(super) lines: usize,
    pub(super) body_bytes: usize,
    pub(super) informational: u8,
    pub(super) time: Duration,
    pub(super) drain: Duration,
    pub(super) answer_silence: bool,
}

impl Limits {
    /// The defaults of the table above.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            head_bytes: 16 * 1024,
            lines: 150,
            body_bytes: 4 * 1024,
            informational: 8,
            time: Duration::from_secs(10),
            drain: Duration::from_secs(10),
            answer_silence: false,
        }
    }

    /// Sets the most bytes of a head, from its first line to the empty line at its end. A client
    /// counts the responses that it skips (1xx) towards the same limit.
    #[must_use]
    pub const fn head_bytes(self, head_bytes: usize) -> Self {
        Self { head_bytes, ..self }
    }

    /// Sets the most lines of a head, with its first line and without the empty line at its end. Each
    /// head counts for itself.
    #[must_use]
    pub const fn lines(self, lines: usize) -> Self {
        Self { lines, ..self }
    }

    /// Sets the most bytes that a client reads of the body of a refusal, with the sizes, extensions
    /// and line ends of its chunks.
    #[must_use]
    pub const fn body_bytes(self, body_bytes: usize) -> Self {
        Self { body_bytes, ..self }
    }

    /// Sets the most 1xx responses other than 101 that a client skips (RFC 9110 15.2).
    #[must_use]
    pub const fn informational(self, informational: u8) -> Self {
        Self {
            informational,
            ..self
        }
    }

    /// Sets how long the peer may take, from the first `tick` on.
    #[must_use]
    pub const fn time(self, time: Duration) -> Self {
        Self { time, ..self }
    }

    /// Sets how long [`Transport::Close`](crate::Transport::Close) may last after a refusal or a plain
    /// response, from the first `tick` in that state: for the driver to write out, and for the peer to end its
    /// side.
    #[must_use]
    pub const fn drain(self, time: Duration) -> Self {
        Self {
            drain: time,
            ..self
        }
    }

    /// Sets whether a server answers 408 also to a client that has sent nothing within
    /// [`time`](Self::time). By default it writes nothing then.
    ///
    /// Browsers open connections before they need them. One that gets an answer to no request may
    /// show it for the next one (RFC 9110 15.5.9 asks for a request that is not complete).
    #[must_use]
    pub const fn answer_silence(self, answer: bool) -> Self {
        Self {
            answer_silence: answer,
            ..self
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}
