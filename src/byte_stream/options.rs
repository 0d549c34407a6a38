use alloc::borrow::Cow;
use std::io::IoSlice;

/// How a [byte stream](super) uses its connection.
///
/// ```
/// use ws_proto::byte_stream::ByteStreamOptions;
///
/// // For a peer that takes messages of 4 KiB at most, and sends its data as text.
/// let options = ByteStreamOptions::new().message_size(4096).accept_text(true);
/// assert_eq!(options.get_message_size(), 4096);
/// assert!(options.get_accept_text());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ByteStreamOptions {
    message_size: usize,
    accept_text: bool,
}

impl ByteStreamOptions {
    /// Messages of 64 KiB at most are sent, and text messages are refused.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            message_size: 64 * 1024,
            accept_text: false,
        }
    }

    /// Sets how many bytes one message has that is sent, at most; 64 KiB unless this says otherwise, 1 at least.
    ///
    /// With permessage-deflate, data that cannot be compressed makes a longer frame, by an eighth at most. Some peers
    /// compare that with their limit, as Node's `ws` does with `maxPayload`.
    #[must_use]
    pub const fn message_size(mut self, bytes: usize) -> Self {
        self.message_size = if bytes == 0 { 1 } else { bytes };
        self
    }

    /// Sets whether text messages are taken, as their UTF-8 bytes. Unless this says so they are a fault of the peer's:
    /// the connection fails with Close 1003 (RFC 6455 7.4.1).
    #[must_use]
    pub const fn accept_text(mut self, accept: bool) -> Self {
        self.accept_text = accept;
        self
    }

    /// For a shell: the payload of the message that a vectored write of `slices` sends. It is copied only if it is in
    /// several of them.
    ///
    /// ```
    /// use std::io::IoSlice;
    /// use ws_proto::byte_stream::ByteStreamOptions;
    ///
    /// let options = ByteStreamOptions::new().message_size(8);
    /// let slices = [IoSlice::new(b"head"), IoSlice::new(b"and body")];
    /// assert_eq!(*options.join(&slices), *b"headand "); // the rest is for the next write
    /// ```
    #[must_use]
    pub fn join<'s>(&self, slices: &'s [IoSlice<'_>]) -> Cow<'s, [u8]> {
        let mut joined = Cow::Borrowed(&[][..]);
        for slice in slices.iter().filter(|slice| !slice.is_empty()) {
            let room = self.message_size - joined.len();
            let slice = slice.get(..room).unwrap_or(slice);
            if joined.is_empty() {
                joined = Cow::Borrowed(slice);
            } else if room > 0 {
                joined.to_mut().extend_from_slice(slice);
            } else {
                break;
            }
        }
        joined
    }

    /// The most bytes of one message that is sent.
    #[must_use]
    pub const fn get_message_size(&self) -> usize {
        self.message_size
    }

    /// Whether text messages are taken.
    #[must_use]
    pub const fn get_accept_text(&self) -> bool {
        self.accept_text
    }
}

impl Default for ByteStreamOptions {
    fn default() -> Self {
        Self::new()
    }
}
