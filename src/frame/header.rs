//! Frame headers: the 2 to 14 bytes in front of a payload (RFC 6455 5.2).

use super::{Opcode, Rsv};
use crate::close::MAX_CONTROL_PAYLOAD;
use crate::error::ProtocolError;

/// The most bytes of a header: 2, a 64-bit length, a masking key.
pub const MAX_HEADER: usize = 14;

pub(crate) const FIN: u8 = 0x80;
const MASK_BIT: u8 = 0x80;
const LEN_16: u8 = 126;
const LEN_64: u8 = 127;
const KEY_LEN: usize = 4;

/// A frame header. Exhaustive on purpose: its fields are those of RFC 6455 5.2.
///
/// ```
/// use ws_proto::frame::{Header, Opcode};
///
/// let header = Header::new(Opcode::Binary, 70_000);
/// assert_eq!(*header.encode(), [0x82, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]);
/// assert_eq!(Header::parse(&header.encode())?, Some((header, 10)));
/// assert_eq!(Header::parse(&[0x82, 127, 0])?, None); // more is needed
/// # Ok::<(), ws_proto::ProtocolError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// Whether this is the last frame of its message.
    pub fin: bool,
    /// The reserved bits.
    pub rsv: Rsv,
    /// The kind of the frame.
    pub opcode: Opcode,
    /// The length of the payload in bytes; below 2^63.
    pub len: u64,
    /// The masking key, if the payload is masked.
    pub mask: Option<[u8; 4]>,
}

impl Header {
    /// The header of an unmasked final frame with a payload of `len` bytes.
    #[must_use]
    pub const fn new(opcode: Opcode, len: u64) -> Self {
        Self {
            fin: true,
            rsv: Rsv::NONE,
            opcode,
            len,
            mask: None,
        }
    }

    /// The same with a masking key.
    #[must_use]
    pub const fn masked(self, key: [u8; 4]) -> Self {
        Self {
            mask: Some(key),
            ..self
        }
    }

    /// Reads the header at the front of `bytes`: the header and how long it is, or `None` if more
    /// bytes are needed.
    ///
    /// A fault is reported as soon as the byte that proves it is there. Reserved bits, the mask
    /// bit and the order of frames are not checked: that needs a connection.
    ///
    /// # Errors
    ///
    /// [`OpcodeReserved`](ProtocolError::OpcodeReserved),
    /// [`ControlFragmented`](ProtocolError::ControlFragmented),
    /// [`ControlTooLong`](ProtocolError::ControlTooLong),
    /// [`LengthNotMinimal`](ProtocolError::LengthNotMinimal),
    /// [`LengthTopBit`](ProtocolError::LengthTopBit) (RFC 6455 5.2, 5.5).
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, ProtocolError> {
        let [first, rest @ ..] = bytes else {
            return Ok(None);
        };
        let first = FirstByte::decode(*first)?;
        first.check_fragmentation()?;
        let [second, ..] = rest else { return Ok(None) };
        let second = SecondByte::decode(*second, first)?;
        let Length { len, size } = second.length(bytes)?;
        let (Some(len), Some(header)) = (len, bytes.get(..size)) else {
            return Ok(None);
        };
        let key = header.last_chunk().copied();
        Ok(Some((
            Self {
                fin: first.is_final(),
                rsv: first.rsv(),
                opcode: first.opcode(),
                len,
                mask: key.filter(|_| second.is_masked()),
            },
            size,
        )))
    }

    /// How many bytes [`encode`](Self::encode) gives: 2 to 14.
    ///
    /// ```
    /// use ws_proto::frame::{Header, Opcode};
    ///
    /// let header = Header::new(Opcode::Text, 300);
    /// assert_eq!(header.encoded_len(), 4);
    /// assert_eq!(header.masked([1, 2, 3, 4]).encoded_len(), 8);
    /// ```
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        encoded_len(self.len, self.mask.is_some())
    }

    /// The bytes of the header, with the shortest form of the length. Whether such a frame is legal
    /// is up to the caller: a control frame of at most 125 bytes with `fin`, a length below 2^63.
    #[inline]
    #[must_use]
    pub fn encode(&self) -> EncodedHeader {
        let first = (if self.fin { FIN } else { 0 }) | self.rsv.bits() | self.opcode as u8;
        encode(first, self.len, self.mask, |header| header)
    }
}

/// Makes a header and hands it to `then`, by one of six ways that each know how long it is.
#[inline(always)]
pub(crate) fn encode<T>(
    first: u8,
    len: u64,
    key: Option<[u8; KEY_LEN]>,
    then: impl FnOnce(EncodedHeader) -> T,
) -> T {
    let mask = if key.is_some() { MASK_BIT } else { 0 };
    let start = u128::from(first) | u128::from(mask) << 8;
    match len {
        0..=125 => then(with_key::<2>(start | u128::from(len) << 8, key)),
        126..=0xffff => {
            let len = u128::from((len as u16).swap_bytes());
            then(with_key::<4>(
                start | u128::from(LEN_16) << 8 | len << 16,
                key,
            ))
        }
        _ => {
            let len = u128::from(len.swap_bytes());
            then(with_key::<10>(
                start | u128::from(LEN_64) << 8 | len << 16,
                key,
            ))
        }
    }
}

/// A header of `N` bytes and the key after it. It is made as one number: the processor cannot forward
/// single stored bytes to the load of a word.
#[inline(always)]
const fn with_key<const N: usize>(start: u128, key: Option<[u8; KEY_LEN]>) -> EncodedHeader {
    let (bytes, len) = match key {
        None => (start, N),
        Some(key) => (
            start | (u32::from_le_bytes(key) as u128).wrapping_shl(const { N as u32 * u8::BITS }),
            N.saturating_add(KEY_LEN),
        ),
    };
    EncodedHeader {
        bytes: bytes.to_le_bytes(),
        len: len as u8,
    }
}

/// How many bytes the header of a payload of `len` bytes takes, the masking key included.
#[inline(always)]
pub(crate) const fn encoded_len(len: u64, masked: bool) -> usize {
    let with_length = match len {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    };
    if masked {
        KEY_LEN.saturating_add(with_length)
    } else {
        with_length
    }
}

/// The bytes of a [`Header`], on the stack.
///
/// ```
/// use ws_proto::frame::{Header, Opcode};
///
/// let encoded = Header::new(Opcode::Binary, 300).encode();
/// assert_eq!(encoded[..], *b"\x82\x7e\x01\x2c");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct EncodedHeader {
    /// The header, and zeros after it, so that all of it is two words.
    bytes: [u8; 16],
    len: u8,
}

impl EncodedHeader {
    /// No header: no bytes.
    #[cfg(feature = "alloc")]
    pub(crate) const NONE: Self = Self {
        bytes: [0; 16],
        len: 0,
    };

    /// Writes it to the front of `to`, which has room for it, and zeros after it if there is room for
    /// those too: that is a store or two. What follows is written later.
    #[inline(always)]
    pub(crate) fn write(self, to: &mut [u8]) {
        if let Some(to) = to.first_chunk_mut() {
            *to = self.bytes;
        } else {
            let mut rest = u128::from_le_bytes(self.bytes);
            for to in to.iter_mut().take(self.size()) {
                *to = rest as u8;
                rest >>= 8;
            }
        }
    }

    /// Appends it to `to`: in one store where there is room for the zeros after it too.
    #[cfg(feature = "alloc")]
    #[inline(always)]
    pub(crate) fn append_to(self, to: &mut alloc::vec::Vec<u8>) {
        let end = to.len().saturating_add(self.size());
        if to.capacity().saturating_sub(to.len()) < self.bytes.len() {
            return to.extend_from_slice(&self);
        }
        to.extend_from_slice(&self.bytes);
        to.truncate(end);
    }

    /// How many bytes it has. It does not look at them, so that they can stay in registers.
    #[inline(always)]
    pub(crate) const fn size(self) -> usize {
        self.len as usize
    }
}

impl core::ops::Deref for EncodedHeader {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl AsRef<[u8]> for EncodedHeader {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// The first byte of a header, its opcode being one that is defined.
///
/// This, [`SecondByte`], and what that says of the bytes after it are the decoder of headers: for
/// [`Header::parse`] and for a connection, which has checks of its own between the steps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FirstByte {
    byte: u8,
    opcode: Opcode,
}

impl FirstByte {
    /// The first byte of a text message in one frame.
    pub(crate) const TEXT: Self = Self::known(FIN, Opcode::Text);
    /// The first byte of a binary message in one frame.
    pub(crate) const BINARY: Self = Self::known(FIN, Opcode::Binary);
    /// The first byte of a frame that goes on with a message.
    pub(crate) const CONTINUATION: Self = Self::known(0, Opcode::Continuation);
    /// The first byte of the frame that ends a message of several.
    pub(crate) const LAST: Self = Self::known(FIN, Opcode::Continuation);

    const fn known(fin: u8, opcode: Opcode) -> Self {
        let byte = fin | opcode as u8;
        Self { byte, opcode }
    }

    #[inline(always)]
    pub(crate) fn decode(byte: u8) -> Result<Self, ProtocolError> {
        match Opcode::from_bits(byte) {
            Some(opcode) => Ok(Self { byte, opcode }),
            None => Err(ProtocolError::OpcodeReserved),
        }
    }

    /// A control frame is one frame (RFC 6455 5.5).
    #[inline(always)]
    pub(crate) fn check_fragmentation(self) -> Result<(), ProtocolError> {
        if self.opcode.is_control() && !self.is_final() {
            return Err(ProtocolError::ControlFragmented);
        }
        Ok(())
    }

    pub(crate) const fn byte(self) -> u8 {
        self.byte
    }

    pub(crate) const fn opcode(self) -> Opcode {
        self.opcode
    }

    pub(crate) const fn rsv(self) -> Rsv {
        Rsv::from_bits(self.byte)
    }

    pub(crate) const fn is_final(self) -> bool {
        self.byte & FIN != 0
    }
}

/// The second byte of a header: the mask bit, and the length or the form of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SecondByte(u8);

impl SecondByte {
    #[inline(always)]
    pub(crate) fn decode(byte: u8, first: FirstByte) -> Result<Self, ProtocolError> {
        let second = Self(byte);
        if first.opcode.is_control() && second.len_7() > MAX_CONTROL_PAYLOAD as u8 {
            return Err(ProtocolError::ControlTooLong);
        }
        Ok(second)
    }

    pub(crate) const fn is_masked(self) -> bool {
        self.0 & MASK_BIT != 0
    }

    /// The length if it is in this byte; else [`LEN_16`] or [`LEN_64`].
    pub(crate) const fn len_7(self) -> u8 {
        self.0 & !MASK_BIT
    }

    /// The payload length in `header`, and how many bytes the whole header has.
    #[inline(always)]
    pub(crate) fn length(self, header: &[u8]) -> Result<Length, ProtocolError> {
        let (len, end) = match self.len_7() {
            len @ 0..LEN_16 => (Some(len.into()), 2),
            LEN_16 => match field_at(header, 2).map(u16::from_be_bytes) {
                Some(0..126) => return Err(ProtocolError::LengthNotMinimal),
                len => (len.map(u64::from), 4),
            },
            _ => match field_at(header, 2).map(u64::from_be_bytes) {
                Some(0..0x1_0000) => return Err(ProtocolError::LengthNotMinimal),
                Some(0x8000_0000_0000_0000..) => return Err(ProtocolError::LengthTopBit),
                len => (len, 10),
            },
        };
        let size = if self.is_masked() {
            KEY_LEN.saturating_add(end)
        } else {
            end
        };
        Ok(Length { len, size })
    }
}

/// The length in the second byte of a header and those after it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Length {
    /// How many bytes the payload has; `None` if the bytes that say so are not all there.
    pub(crate) len: Option<u64>,
    /// How many bytes the header has, with the masking key, if any, at its end.
    pub(crate) size: usize,
}

/// The `N` bytes at `at`, if all of them are there.
#[inline(always)]
fn field_at<const N: usize>(header: &[u8], at: usize) -> Option<[u8; N]> {
    header.get(at..)?.first_chunk().copied()
}
