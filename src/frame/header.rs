//! Frame headers: the 2 to 14 bytes in front of a payload (RFC 6455 5.2).

use super::{Opcode, Rsv};
use crate::close::MAX_CONTROL_PAYLOAD;
use crate::error::ProtocolError;

/// The most bytes of a header: 2, a 64-bit length, a masking key.
pub const MAX_HEADER: usize = 14;

pub(crate) const FIN: u8 = 0x80;
pub(crate) const MASK_BIT: u8 = 0x80;
pub(crate) const LEN_16: u8 = 126;
const LEN_64: u8 = 127;
const KEY_LEN: usize = 4;

/// A frame header.
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
    /// What the frame is.
    pub opcode: Opcode,
    /// The length of the payload in bytes; below 2^63.
    pub len: u64,
    /// The masking key, if the payload is masked.
    pub mask: Option<[u8; 4]>,
}

impl Header {
    /// The header of an unmasked final frame with a payload of `len` bytes.
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
    /// bit and the order of frames are not judged: they need a connection.
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
        let opcode = Opcode::from_bits(*first).ok_or(ProtocolError::OpcodeReserved)?;
        let fin = first & FIN != 0;
        if opcode.is_control() && !fin {
            return Err(ProtocolError::ControlFragmented);
        }
        let [second, ..] = rest else { return Ok(None) };
        if opcode.is_control() && usize::from(second & !MASK_BIT) > MAX_CONTROL_PAYLOAD {
            return Err(ProtocolError::ControlTooLong);
        }
        let Some(len) = length(bytes)? else {
            return Ok(None);
        };
        let mut end = length_end(*second);
        let mut mask = None;
        if second & MASK_BIT != 0 {
            let Some(key) = bytes.get(end..).and_then(<[u8]>::first_chunk) else {
                return Ok(None);
            };
            mask = Some(*key);
            end = end.saturating_add(KEY_LEN);
        }
        Ok(Some((
            Self {
                fin,
                rsv: Rsv::from_bits(*first),
                opcode,
                len,
                mask,
            },
            end,
        )))
    }

    /// How many bytes [`encode`](Self::encode) gives: 2 to 14.
    pub const fn encoded_len(&self) -> usize {
        encoded_len(self.len, self.mask.is_some())
    }

    /// The bytes of the header, with the shortest form of the length. Whether such a frame is legal
    /// is up to the caller: a control frame of at most 125 bytes with `fin`, a length below 2^63.
    #[inline]
    pub fn encode(&self) -> EncodedHeader {
        let first = (if self.fin { FIN } else { 0 }) | self.rsv.bits() | self.opcode as u8;
        encode(first, self.len, self.mask, |header| {
            let mut bytes = [0; MAX_HEADER];
            if let Some(to) = bytes.get_mut(..header.len()) {
                to.copy_from_slice(header);
            }
            EncodedHeader {
                bytes,
                len: header.len() as u8,
            }
        })
    }
}

/// Makes the bytes of a header and hands them to `put`. Each of the six forms has a length that the
/// compiler knows, so that `put`, inlined, is a store or two and no call of `memcpy`.
#[inline(always)]
pub(crate) fn encode<T>(
    first: u8,
    len: u64,
    key: Option<[u8; KEY_LEN]>,
    put: impl FnOnce(&[u8]) -> T,
) -> T {
    let mask = if key.is_some() { MASK_BIT } else { 0 };
    match len {
        0..=125 => with_key([first, mask | len as u8], key, put),
        126..=0xffff => {
            let [a, b] = (len as u16).to_be_bytes();
            with_key([first, mask | LEN_16, a, b], key, put)
        }
        _ => {
            let [a, b, c, d, e, f, g, h] = len.to_be_bytes();
            with_key([first, mask | LEN_64, a, b, c, d, e, f, g, h], key, put)
        }
    }
}

#[inline(always)]
fn with_key<const N: usize, T>(
    start: [u8; N],
    key: Option<[u8; KEY_LEN]>,
    put: impl FnOnce(&[u8]) -> T,
) -> T {
    let Some(key) = key else {
        return put(&start);
    };
    // As one number: bytes that are stored one by one and then copied by the word wait for the stores.
    let mut header = u128::from(u32::from_le_bytes(key));
    for byte in start.iter().rev() {
        header = header << 8 | u128::from(*byte);
    }
    put(&header.to_le_bytes()[..N.saturating_add(KEY_LEN)])
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
#[derive(Clone, Copy, Debug)]
pub struct EncodedHeader {
    bytes: [u8; MAX_HEADER],
    len: u8,
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

/// Where the length ends and the masking key, if any, starts.
pub(crate) const fn length_end(second: u8) -> usize {
    match second & !MASK_BIT {
        LEN_16 => 4,
        LEN_64 => 10,
        _ => 2,
    }
}

/// The payload length in a header, `None` if it is not complete.
pub(crate) fn length(header: &[u8]) -> Result<Option<u64>, ProtocolError> {
    let [_, second, rest @ ..] = header else {
        return Ok(None);
    };
    let (len, least) = match second & !MASK_BIT {
        LEN_16 => match rest.first_chunk() {
            Some(len) => (u64::from(u16::from_be_bytes(*len)), 126),
            None => return Ok(None),
        },
        LEN_64 => match rest.first_chunk() {
            Some(len) => (u64::from_be_bytes(*len), 0x1_0000),
            None => return Ok(None),
        },
        len => (u64::from(len), 0),
    };
    if len > i64::MAX as u64 {
        return Err(ProtocolError::LengthTopBit);
    }
    if len < least {
        return Err(ProtocolError::LengthNotMinimal);
    }
    Ok(Some(len))
}
