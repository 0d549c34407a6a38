//! Frames that lie in the input as wholes, and payload that is not unmasked yet.

#![warn(clippy::arithmetic_side_effects)]

use super::Role;
use crate::buf::Input;
use crate::frame::{LEN_16, MASK_BIT, Mask};
#[cfg(feature = "simd")]
use crate::simd;
#[cfg(not(feature = "simd"))]
use crate::utf8;

/// A frame that lies in the input as a whole.
pub(crate) struct WholeFrame {
    pub(super) first: u8,
    pub(super) header_len: usize,
    pub(super) len: u64,
}

impl WholeFrame {
    /// The frame at the front of `bytes` if all of it is there, masked as it has to be, with a 7-
    /// or 16-bit length in its shortest form. Nothing is said of its first byte.
    #[inline(always)]
    pub(crate) fn look<R: Role>(bytes: &[u8]) -> Option<Self> {
        let [first, second, rest @ ..] = bytes else {
            return None;
        };
        let expected = if R::MASKS_OUTPUT { 0 } else { MASK_BIT };
        let (length_end, len) = match second ^ expected {
            len @ 0..LEN_16 => (2, u16::from(len)),
            LEN_16 => match u16::from_be_bytes(*rest.first_chunk()?) {
                0..126 => return None,
                len => (4, len),
            },
            _ => return None,
        };
        let header_len = header_len::<R>(length_end);
        if bytes.len() < header_len.saturating_add(usize::from(len)) {
            return None;
        }
        Some(Self {
            first: *first,
            header_len,
            len: u64::from(len),
        })
    }

    /// Takes it and gives its payload.
    #[inline(always)]
    pub(super) fn take<'b, R: Role>(&self, input: &mut Input<'b>) -> Option<Payload<'b>> {
        let (header, bytes) = input
            .take(self.size())
            .split_at_mut_checked(self.header_len)?;
        let mask = Mask::new(self.key::<R>(header));
        Some(Payload { bytes, mask })
    }

    /// How many bytes it has, with its header.
    #[inline(always)]
    pub(super) const fn size(&self) -> usize {
        self.header_len.saturating_add(self.len as usize)
    }

    /// The masking key, which is the end of a masked `header`.
    #[inline(always)]
    pub(super) fn key<R: Role>(&self, header: &[u8]) -> [u8; 4] {
        match header.last_chunk() {
            Some(key) if !R::MASKS_OUTPUT => *key,
            _ => [0; 4],
        }
    }
}

/// Whether the first bytes tell that the frame at the front of `received` is there as a whole, or has a
/// payload of less than `least` bytes.
#[inline(always)]
pub(super) fn is_there(received: &[u8], least: usize) -> bool {
    let [_, second, rest @ ..] = received else {
        return received.is_empty();
    };
    let len = match second & !MASK_BIT {
        len @ 0..LEN_16 => usize::from(len),
        LEN_16 => match rest.first_chunk() {
            Some(len) => usize::from(u16::from_be_bytes(*len)),
            None => return false,
        },
        _ => return false,
    };
    /// The longest header with such a length.
    const HEADER: usize = 8;
    len < least || received.len() >= len.saturating_add(HEADER)
}

/// How long a header is whose length ends at `length_end`: a masking key follows, or none.
pub(super) const fn header_len<R: Role>(length_end: usize) -> usize {
    if R::MASKS_OUTPUT {
        length_end
    } else {
        length_end.saturating_add(4)
    }
}

/// Payload as it came: masked, where the peer is a client.
pub(super) struct Payload<'b> {
    pub(super) bytes: &'b mut [u8],
    pub(super) mask: Mask,
}

impl<'b> Payload<'b> {
    #[inline(always)]
    pub(super) fn unmask<R: Role>(mut self) -> &'b mut [u8] {
        if !R::MASKS_OUTPUT {
            self.mask.apply(self.bytes);
        }
        self.bytes
    }

    /// Unmasks text: what is found to be ASCII in doing so need not be looked at again.
    #[inline(always)]
    pub(super) fn unmask_text<R: Role>(self) -> Result<&'b str, &'b [u8]> {
        #[cfg(feature = "simd")]
        if !R::MASKS_OUTPUT {
            return simd::unmask(self.bytes, self.mask);
        }
        #[cfg(not(feature = "simd"))]
        if !R::MASKS_OUTPUT && self.bytes.len() < utf8::SHORT {
            let is_ascii = self.mask.apply_to_ascii(self.bytes);
            let bytes = &*self.bytes;
            return is_ascii.then(|| utf8::ascii(bytes)).flatten().ok_or(bytes);
        }
        Err(self.unmask::<R>())
    }
}
