//! Limits of handshakes.

use core::time::Duration;

/// The most lines that [`Limits::lines`] can be set to.
pub const MAX_LINES: usize = 128;

/// How much a handshake reads at most, and for how long (RFC 6455 10.4). Every limit is finite.
///
/// | limit | default | when exceeded, a server | when exceeded, a client |
/// |---|---|---|---|
/// | [`head_bytes`](Self::head_bytes) | 16 KiB | answers 431 | fails |
/// | [`lines`](Self::lines) | 100 | answers 431 | fails |
/// | [`time`](Self::time) | 10 s | answers 408 | fails |
/// | [`body_bytes`](Self::body_bytes) | 4 KiB | - | cuts off the body of a refusal |
/// | [`informational`](Self::informational) | 8 | - | fails |
///
/// A [`Storage`](crate::Storage) that holds less than `head_bytes` limits the head in the same way.
///
/// ```
/// use core::time::Duration;
/// use ws_proto::handshake::Limits;
///
/// let limits = Limits::new().head_bytes(4096).time(Duration::from_secs(3));
/// # let _ = limits;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub(super) head_bytes: usize,
    pub(super) lines: usize,
    pub(super) body_bytes: usize,
    pub(super) informational: u8,
    pub(super) time: Duration,
}

impl Limits {
    /// The defaults of the table above.
    pub const fn new() -> Self {
        Self {
            head_bytes: 16 * 1024,
            lines: 100,
            body_bytes: 4 * 1024,
            informational: 8,
            time: Duration::from_secs(10),
        }
    }

    /// Sets the most bytes of a head, from its first line to the empty line at its end. A client
    /// counts the responses that it skips (1xx) towards the same limit.
    #[must_use]
    pub const fn head_bytes(self, head_bytes: usize) -> Self {
        Self { head_bytes, ..self }
    }

    /// Sets the most lines of a head, with its first line and without the empty line at its end; at
    /// most
    /// [`MAX_LINES`]. Each head counts for itself.
    #[must_use]
    pub const fn lines(self, lines: usize) -> Self {
        Self {
            lines: if lines < MAX_LINES { lines } else { MAX_LINES },
            ..self
        }
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
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}
