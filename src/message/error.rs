use core::error::Error;
use core::fmt;

use crate::close::CloseCode;
use crate::error::CapacityError;
use crate::extension::DecodeError;

/// A message that cannot be put together. The caller [fails](crate::Connection::fail) the connection with
/// [`close_code`](Self::close_code).
///
/// ```
/// use ws_proto::{AssembleError, CloseCode};
///
/// assert_eq!(AssembleError::TooBig.close_code(), CloseCode::MESSAGE_TOO_BIG);
/// ```
// Wide, as is `ProtocolError`, for the same reason. The width is no promise: it may change in any release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u64)]
pub enum AssembleError {
    /// The storage is full.
    Capacity,
    /// The extension cannot decode the message.
    Decode(DecodeError),
    /// A decoded text is not UTF-8.
    TextNotUtf8,
    /// The message exceeds the limit of the assembler.
    TooBig,
}

impl AssembleError {
    /// The code to close the connection with (RFC 6455 7.4.1).
    #[must_use]
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::Capacity
            | Self::TooBig
            | Self::Decode(DecodeError::Capacity | DecodeError::TooBig) => {
                CloseCode::MESSAGE_TOO_BIG
            }
            Self::TextNotUtf8 | Self::Decode(DecodeError::Invalid | DecodeError::TextNotUtf8) => {
                CloseCode::INVALID_PAYLOAD
            }
            Self::Decode(DecodeError::Unsupported) => CloseCode::UNSUPPORTED_DATA,
        }
    }
}

impl From<CapacityError> for AssembleError {
    fn from(CapacityError: CapacityError) -> Self {
        Self::Capacity
    }
}

impl From<DecodeError> for AssembleError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Capacity => Self::Capacity,
            DecodeError::TextNotUtf8 => Self::TextNotUtf8,
            DecodeError::TooBig => Self::TooBig,
            other => Self::Decode(other),
        }
    }
}

impl fmt::Display for AssembleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capacity => f.write_str("the storage for the message is full"),
            Self::Decode(error) => error.fmt(f),
            Self::TextNotUtf8 => f.write_str("decoded text is not UTF-8"),
            Self::TooBig => f.write_str("message exceeds the size limit"),
        }
    }
}

impl Error for AssembleError {}
