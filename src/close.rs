//! The contents of control frames, as types: values that must not be on the wire cannot be constructed.

use core::fmt;
use core::num::NonZeroU16;

/// The most payload that a control frame carries, in bytes (RFC 6455 5.5).
pub const MAX_CONTROL_PAYLOAD: usize = 125;

/// The most bytes of a close reason: a control payload less the two of the code (RFC 6455 5.5.1).
pub const MAX_CLOSE_REASON: usize = MAX_CONTROL_PAYLOAD - 2;

/// A status code that may stand in a Close frame (RFC 6455 7.4, IANA's registry of close codes).
///
/// That is 1000 to 1003, 1007 to 1014 and 3000 to 4999. The codes 1004, 1005, 1006 and 1015 have
/// no place on the wire: "no code" is `None` or [`Connection::close_empty`], and 1006 is
/// [`UnexpectedEof`](crate::UnexpectedEof).
///
/// ```
/// use ws_proto::CloseCode;
///
/// assert_eq!(CloseCode::new(1000), Some(CloseCode::NORMAL));
/// assert_eq!(CloseCode::new(1006), None);
/// assert_eq!(u16::from(CloseCode::GOING_AWAY), 1001);
/// ```
///
/// [`Connection::close_empty`]: crate::Connection::close_empty
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(NonZeroU16);

impl CloseCode {
    /// 1000: the purpose of the connection has been fulfilled.
    pub const NORMAL: Self = Self::known(1000);
    /// 1001: a server goes down or a browser leaves the page.
    pub const GOING_AWAY: Self = Self::known(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self::known(1002);
    /// 1003: a kind of data that the endpoint does not accept, such as binary.
    pub const UNSUPPORTED_DATA: Self = Self::known(1003);
    /// 1007: data that does not fit the type of the message, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self::known(1007);
    /// 1008: a message that violates the endpoint's policy.
    pub const POLICY_VIOLATION: Self = Self::known(1008);
    /// 1009: a message too big to process.
    pub const MESSAGE_TOO_BIG: Self = Self::known(1009);
    /// 1010: a client needed an extension that the server did not agree to. Not for servers.
    pub const MANDATORY_EXTENSION: Self = Self::known(1010);
    /// 1011: a server met a condition that it did not expect.
    pub const INTERNAL_ERROR: Self = Self::known(1011);
    /// 1012: the service restarts; try again, after a random delay.
    pub const SERVICE_RESTART: Self = Self::known(1012);
    /// 1013: the service is overloaded; try again later.
    pub const TRY_AGAIN_LATER: Self = Self::known(1013);
    /// 1014: a gateway got an invalid answer from its upstream server.
    pub const BAD_GATEWAY: Self = Self::known(1014);
    /// 3000: the client has to authenticate first (as HTTP's 401).
    pub const UNAUTHORIZED: Self = Self::known(3000);
    /// 3003: the client is not allowed to do this (as HTTP's 403).
    pub const FORBIDDEN: Self = Self::known(3003);
    /// 3008: the client took too long (as HTTP's 408).
    pub const TIMEOUT: Self = Self::known(3008);

    /// The code, if it may stand in a Close frame.
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => match NonZeroU16::new(code) {
                Some(code) => Some(Self(code)),
                None => None,
            },
            _ => None,
        }
    }

    /// The code as a number.
    ///
    /// ```
    /// assert_eq!(ws_proto::CloseCode::GOING_AWAY.as_u16(), 1001);
    /// ```
    #[must_use]
    pub const fn as_u16(self) -> u16 {
        self.0.get()
    }

    const fn known(code: u16) -> Self {
        match Self::new(code) {
            Some(code) => code,
            None => panic!("not a close code"),
        }
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.as_u16()
    }
}

impl TryFrom<u16> for CloseCode {
    type Error = InvalidCloseCode;

    fn try_from(code: u16) -> Result<Self, InvalidCloseCode> {
        Self::new(code).ok_or(InvalidCloseCode(code))
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_u16().fmt(f)
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CloseCode({})", self.as_u16())
    }
}

/// A number that is not a [`CloseCode`]. Exhaustive on purpose: the number is all of it.
///
/// ```
/// use ws_proto::CloseCode;
/// use ws_proto::close::InvalidCloseCode;
///
/// assert_eq!(CloseCode::try_from(1006_u16), Err(InvalidCloseCode(1006))); // never on the wire
/// assert_eq!(CloseCode::try_from(1000_u16).map(CloseCode::as_u16), Ok(1000));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InvalidCloseCode(pub u16);

impl fmt::Display for InvalidCloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not a close code that may be sent", self.0)
    }
}

impl core::error::Error for InvalidCloseCode {}

/// The reason in a Close frame: text of at most 123 bytes (RFC 6455 5.5.1).
///
/// ```
/// use ws_proto::CloseReason;
///
/// assert_eq!(CloseReason::new("bye")?.as_str(), "bye");
/// assert!(CloseReason::new(&"x".repeat(124)).is_err());
/// assert_eq!(CloseReason::truncated(&"\u{20ac}".repeat(42)).as_str().len(), 123);
/// # Ok::<(), ws_proto::TooLong>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CloseReason<'r>(&'r str);

impl<'r> CloseReason<'r> {
    /// No reason.
    pub const EMPTY: Self = Self("");

    /// The reason.
    ///
    /// # Errors
    ///
    /// [`TooLong`] over 123 bytes.
    pub const fn new(reason: &'r str) -> Result<Self, TooLong> {
        if reason.len() > MAX_CLOSE_REASON {
            return Err(TooLong {
                len: reason.len(),
                max: MAX_CLOSE_REASON,
            });
        }
        Ok(Self(reason))
    }

    /// As much of `reason` as fits, cut between two characters.
    #[must_use]
    pub fn truncated(reason: &'r str) -> Self {
        let mut end = reason.len().min(MAX_CLOSE_REASON);
        while !reason.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        Self(reason.get(..end).unwrap_or_default())
    }

    /// The text.
    #[must_use]
    pub const fn as_str(&self) -> &'r str {
        self.0
    }
}

impl<'r> TryFrom<&'r str> for CloseReason<'r> {
    type Error = TooLong;

    fn try_from(reason: &'r str) -> Result<Self, TooLong> {
        Self::new(reason)
    }
}

/// The payload of a Ping or Pong: at most 125 bytes (RFC 6455 5.5).
///
/// An array is checked when the program is compiled, a slice when it runs.
///
/// ```
/// use ws_proto::ControlPayload;
///
/// let fixed = ControlPayload::from(b"are you there");
/// assert_eq!(ControlPayload::new(b"are you there"), Ok(fixed));
/// assert!(ControlPayload::new(&[0; 126]).is_err());
/// ```
///
/// ```compile_fail
/// let too_long = ws_proto::ControlPayload::from(&[0; 126]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ControlPayload<'p>(&'p [u8]);

impl<'p> ControlPayload<'p> {
    /// No payload.
    pub const EMPTY: Self = Self(&[]);

    /// The payload.
    ///
    /// # Errors
    ///
    /// [`TooLong`] over 125 bytes.
    pub const fn new(payload: &'p [u8]) -> Result<Self, TooLong> {
        if payload.len() > MAX_CONTROL_PAYLOAD {
            return Err(TooLong {
                len: payload.len(),
                max: MAX_CONTROL_PAYLOAD,
            });
        }
        Ok(Self(payload))
    }

    /// The bytes.
    ///
    /// ```
    /// use ws_proto::ControlPayload;
    ///
    /// assert_eq!(ControlPayload::from(b"42").as_bytes(), b"42");
    /// ```
    #[must_use]
    pub const fn as_bytes(&self) -> &'p [u8] {
        self.0
    }
}

impl<'p, const N: usize> From<&'p [u8; N]> for ControlPayload<'p> {
    fn from(payload: &'p [u8; N]) -> Self {
        const {
            assert!(
                N <= MAX_CONTROL_PAYLOAD,
                "a control frame carries at most 125 bytes"
            );
        };
        Self(payload)
    }
}

impl<'p> TryFrom<&'p [u8]> for ControlPayload<'p> {
    type Error = TooLong;

    fn try_from(payload: &'p [u8]) -> Result<Self, TooLong> {
        Self::new(payload)
    }
}

/// Bytes that do not fit into a control frame. Exhaustive on purpose: the two numbers are all of it.
///
/// ```
/// use ws_proto::{CloseReason, ControlPayload, TooLong};
///
/// let reason = "x".repeat(124);
/// assert_eq!(CloseReason::new(&reason), Err(TooLong { len: 124, max: 123 }));
/// assert_eq!(CloseReason::truncated(&reason).as_str().len(), 123);
/// assert_eq!(ControlPayload::new(&[0; 126]), Err(TooLong { len: 126, max: 125 }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TooLong {
    /// How many bytes there are.
    pub len: usize,
    /// How many may be there.
    pub max: usize,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes exceed the limit of {}", self.len, self.max)
    }
}

impl core::error::Error for TooLong {}
