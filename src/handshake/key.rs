//! `Sec-WebSocket-Key` and `Sec-WebSocket-Accept` (RFC 6455 1.3, 4.2.2).

use core::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::syntax;

/// The value of `Sec-WebSocket-Accept`: 20 bytes in base64.
///
/// ```
/// use ws_proto::handshake::accept_key;
///
/// let key = accept_key(b"dGhlIHNhbXBsZSBub25jZQ==");
/// assert_eq!(key.as_str(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// assert_eq!(key.as_bytes().len(), 28);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AcceptKey([u8; 28]);

impl AcceptKey {
    /// The text as bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 28] {
        &self.0
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        syntax::ascii(&self.0)
    }
}

impl fmt::Display for AcceptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for AcceptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AcceptKey({self})")
    }
}

/// The value of `Sec-WebSocket-Accept` for that of `Sec-WebSocket-Key` (RFC 6455 4.2.2).
///
/// It is computed over the text as received, without the whitespace around it, and not over the
/// decoded bytes. [`Upgrade::from_headers`](super::Upgrade::from_headers) checks the rest of a
/// request too.
///
/// ```
/// let accept = ws_proto::handshake::accept_key(b"dGhlIHNhbXBsZSBub25jZQ==");
/// assert_eq!(accept.as_str(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
#[must_use]
pub fn accept_key(key: &[u8]) -> AcceptKey {
    accept_of(syntax::trim_ows(key))
}

fn accept_of(key: &[u8]) -> AcceptKey {
    AcceptKey(encode(&digest(key)))
}

/// With what the processor has for it, found out at run time.
#[cfg(feature = "simd")]
fn digest(key: &[u8]) -> [u8; 20] {
    use sha1::Digest;

    sha1::Sha1::new()
        .chain_update(key)
        .chain_update(GUID)
        .finalize()
        .into()
}

#[cfg(not(feature = "simd"))]
fn digest(key: &[u8]) -> [u8; 20] {
    let mut sha1 = sha1_smol::Sha1::new();
    sha1.update(key);
    sha1.update(GUID);
    sha1.digest().bytes()
}

/// The text of a client's key: base64 of its nonce (RFC 6455 4.1).
pub(super) fn encode_nonce(nonce: &[u8; 16]) -> [u8; 24] {
    encode(nonce)
}

/// A client's key as received: 16 bytes in base64.
#[derive(Clone, Copy)]
pub(super) struct ClientKey([u8; 24]);

impl ClientKey {
    /// `None` if the text is no key. Pad bits that are not zero are accepted: RFC 4648 3.5 allows
    /// it, and the example of RFC 6455 4.1 has some (erratum 3150).
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let key: &[u8; 24] = text.try_into().ok()?;
        let (digits, b"==") = key.split_last_chunk()? else {
            return None;
        };
        // Without a branch for each byte.
        let fold = |all, byte: &u8| {
            all & (byte.is_ascii_alphanumeric() | (*byte == b'+') | (*byte == b'/'))
        };
        digits.iter().fold(true, fold).then_some(Self(*key))
    }

    /// The value of `Sec-WebSocket-Accept` for this key.
    pub(super) fn accept(&self) -> AcceptKey {
        accept_of(&self.0)
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientKey(..)")
    }
}

fn encode<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut text = [0; N];
    let written = STANDARD.encode_slice(bytes, &mut text);
    debug_assert_eq!(written.ok(), Some(N));
    text
}

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
