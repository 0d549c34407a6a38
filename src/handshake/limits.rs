//! How much a peer may send before the handshake is refused.

use core::time::Duration;

/// The most lines that [`Limits::lines`] can be set to.
pub const MAX_LINES: usize = 128;

/// What a handshake reads at most (RFC 6455 10.4). All of it is finite.
///
/// | limit | default | over it, a server | over it, a client |
/// |---|---|---|---|
/// | [`head_bytes`](Self::head_bytes) | 16 KiB | answers 431 | fails |
/// | [`lines`](Self::lines) | 100 | answers 431 | fails |
/// | [`time`](Self::time) | 10 s | answers 408 | fails |
/// | [`body_bytes`](Self::body_bytes) | 4 KiB | - | ends the body of a refusal there |
/// | [`informational`](Self::informational) | 8 | - | fails |
///
/// A [`Storage`](crate::Storage) that holds less than `head_bytes` is a limit of the same kind.
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

    /// The most bytes of a head, from its first line to the empty line at its end. For a client,
    /// responses that are skipped (1xx) count towards the same limit.
    #[must_use]
    pub const fn head_bytes(self, head_bytes: usize) -> Self {
        Self { head_bytes, ..self }
    }

    /// The most lines of a head, its first line counted, the empty line at its end not; at most
    /// [`MAX_LINES`].
    #[must_use]
    pub const fn lines(self, lines: usize) -> Self {
        Self {
            lines: if lines < MAX_LINES { lines } else { MAX_LINES },
            ..self
        }
    }

    /// The most bytes that a client reads of the body of a refusal, with the sizes, extensions and ends
    /// of its chunks.
    #[must_use]
    pub const fn body_bytes(self, body_bytes: usize) -> Self {
        Self { body_bytes, ..self }
    }

    /// The most 1xx responses other than 101 that a client skips (RFC 9110 15.2).
    #[must_use]
    pub const fn informational(self, informational: u8) -> Self {
        Self {
            informational,
            ..self
        }
    }

    /// How long the peer may take, from the first `tick` on.
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
