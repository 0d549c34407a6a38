//! The seam for extensions that encode messages (RFC 6455 9).
//!
//! The connection knows only which reserved bits were negotiated. A message that uses them comes
//! out as [`Event::Extended`](crate::Event::Extended), encoded; a [`Decode`] turns its pieces into
//! bytes, inside [`Assembler`](crate::message::Assembler) or by hand. For sending, the extension makes the
//! bytes for [`Connection::send_extended`](crate::Connection::send_extended). Messages without reserved
//! bits pass by untouched and uncopied.

#[cfg(feature = "deflate")]
pub mod deflate;

use core::error::Error;
use core::fmt;

use crate::buf::MessageStorage;
use crate::connection::Extended;
use crate::error::CapacityError;

/// Decodes the messages of an extension, piece by piece.
///
/// Programs may implement it. A method that is added before the next breaking release is provided, and works with the
/// methods of today.
///
/// ```
/// use ws_proto::extension::{Decode, DecodeError};
/// use ws_proto::{Extended, MessageStorage};
///
/// /// Inverts all bits.
/// struct Invert;
///
/// impl Decode for Invert {
///     fn decode<S: MessageStorage>(
///         &mut self,
///         piece: Extended<'_>,
///         room: u64,
///         to: &mut S,
///     ) -> Result<(), DecodeError> {
///         if piece.data.len() as u64 > room {
///             return Err(DecodeError::TooBig);
///         }
///         for byte in piece.data.iter() {
///             to.store(&[!byte])?;
///         }
///         Ok(())
///     }
/// }
/// # let _ = Invert;
/// ```
pub trait Decode {
    /// Appends to `to` what `piece` decodes to, `room` bytes at most.
    ///
    /// State from earlier messages may be kept; a piece with `first` set starts a message.
    ///
    /// # Errors
    ///
    /// [`DecodeError::TooBig`] as soon as the output would exceed `room`, without producing it.
    /// Bytes that were decoded before an error have been appended, so that the first fault of a
    /// message is the same however it is cut.
    fn decode<S: MessageStorage>(
        &mut self,
        piece: Extended<'_>,
        room: u64,
        to: &mut S,
    ) -> Result<(), DecodeError>;

    /// The rest of the message is dropped, because its decoded bytes were refused.
    ///
    /// A decoder whose messages refer to earlier ones cannot go on then: it has to give an error
    /// for each that follows. Provided for those that can, it does nothing.
    ///
    /// ```
    /// use ws_proto::extension::{Decode, DecodeError};
    /// use ws_proto::{Extended, MessageStorage};
    ///
    /// /// Each byte is the difference to the one before it, in all messages together.
    /// #[derive(Default)]
    /// struct Delta {
    ///     last: u8,
    ///     is_lost: bool,
    /// }
    ///
    /// impl Decode for Delta {
    ///     fn decode<S: MessageStorage>(
    ///         &mut self,
    ///         piece: Extended<'_>,
    ///         room: u64,
    ///         to: &mut S,
    ///     ) -> Result<(), DecodeError> {
    ///         if self.is_lost {
    ///             return Err(DecodeError::Invalid);
    ///         }
    ///         if piece.data.len() as u64 > room {
    ///             return Err(DecodeError::TooBig);
    ///         }
    ///         for byte in piece.data.iter() {
    ///             self.last = self.last.wrapping_add(*byte);
    ///             to.store(&[self.last])?;
    ///         }
    ///         Ok(())
    ///     }
    ///
    ///     fn abort(&mut self) {
    ///         self.is_lost = true;
    ///     }
    /// }
    /// # let _ = Delta::default();
    /// ```
    fn abort(&mut self) {}
}

/// For programs that decide at run time: `None` is [`NoExtension`].
///
/// ```
/// use ws_proto::Assembler;
/// # #[cfg(feature = "deflate")]
/// use ws_proto::extension::deflate::{Deflate, DeflateDecoder, DeflateParams};
///
/// # #[cfg(feature = "deflate")]
/// fn assembler(agreed: Option<DeflateParams>) -> Assembler<Vec<u8>, Option<DeflateDecoder>> {
///     let decoder = agreed.map(|params| Deflate::new().server(params).1);
///     Assembler::with_extension(Vec::new(), 16 << 20, decoder)
/// }
/// ```
impl<X: Decode> Decode for Option<X> {
    fn decode<S: MessageStorage>(
        &mut self,
        piece: Extended<'_>,
        room: u64,
        to: &mut S,
    ) -> Result<(), DecodeError> {
        match self {
            Some(extension) => extension.decode(piece, room, to),
            None => NoExtension.decode(piece, room, to),
        }
    }

    fn abort(&mut self) {
        if let Some(extension) = self {
            extension.abort();
        }
    }
}

#[cfg(feature = "alloc")]
impl<X: Decode> Decode for alloc::boxed::Box<X> {
    fn decode<S: MessageStorage>(
        &mut self,
        piece: Extended<'_>,
        room: u64,
        to: &mut S,
    ) -> Result<(), DecodeError> {
        (**self).decode(piece, room, to)
    }

    fn abort(&mut self) {
        (**self).abort();
    }
}

/// No extension: there is nothing to decode.
///
/// ```
/// use ws_proto::extension::NoExtension;
/// use ws_proto::{Assembler, FixedBuf};
///
/// // The type of what `Assembler::new` makes.
/// let assembler: Assembler<FixedBuf<64>, NoExtension> = Assembler::new(FixedBuf::new(), 64);
/// # let _ = assembler;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct NoExtension;

impl Decode for NoExtension {
    fn decode<S: MessageStorage>(
        &mut self,
        _: Extended<'_>,
        _: u64,
        _: &mut S,
    ) -> Result<(), DecodeError> {
        Err(DecodeError::Unsupported)
    }
}

/// Why a piece could not be decoded.
///
/// ```
/// use ws_proto::extension::DecodeError;
/// use ws_proto::{AssembleError, CloseCode};
///
/// let error = AssembleError::from(DecodeError::Invalid);
/// assert_eq!(error.close_code(), CloseCode::INVALID_PAYLOAD);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u64)] // as is `AssembleError`, which may hold one
pub enum DecodeError {
    /// The storage is full.
    Capacity,
    /// The data is not what the extension defines.
    Invalid,
    /// A decoded text is not UTF-8. Only for decoders that give text; an
    /// [`Assembler`](crate::message::Assembler) looks for itself.
    TextNotUtf8,
    /// The message decodes to more than the limit.
    TooBig,
    /// An extension was negotiated that nobody decodes.
    Unsupported,
}

impl From<CapacityError> for DecodeError {
    fn from(CapacityError: CapacityError) -> Self {
        Self::Capacity
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Capacity => "the storage is full",
            Self::Invalid => "the encoded message is invalid",
            Self::TextNotUtf8 => "decoded text is not UTF-8",
            Self::TooBig => "the decoded message exceeds the size limit",
            Self::Unsupported => "no decoder for the negotiated extension",
        })
    }
}

impl Error for DecodeError {}
