//! How far a server's handshake is: read by the handshake, changed by the answers to a request.

use super::error::HandshakeError;
use super::key::ClientKey;

/// A request that has been checked, without its head: what an answer needs of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) key: ClientKey,
    /// Where the value of `Origin` lies in the head. Every browser sends one, and looking for it again when
    /// the request is accepted takes 10 % more in the row `handshake/server` of the benchmarks.
    pub(super) origin: Option<(usize, usize)>,
}

impl Asked {
    /// `head` is the front of the head in which `origin` lies.
    pub(super) fn new(key: ClientKey, origin: Option<&[u8]>, head: &[u8]) -> Self {
        let place = |origin: &[u8]| {
            let start = origin.as_ptr().addr().checked_sub(head.as_ptr().addr())?;
            Some((start, start.checked_add(origin.len())?))
        };
        Self {
            key,
            origin: origin.and_then(place),
        }
    }

    /// The value of `Origin` in the head, wherever that lies now.
    pub(super) fn origin_in<'h>(&self, head: &'h [u8]) -> Option<&'h [u8]> {
        let (start, end) = self.origin?;
        head.get(start..end)
    }
}

/// How far a server's handshake is.
#[derive(Clone, Copy, Debug)]
pub(super) enum ServerState {
    /// The head is not complete.
    Head,
    /// The head is complete and asks for a WebSocket connection.
    Upgrade(Asked),
    /// The head is complete and does not ask for one; the error names the missing part.
    Plain(HandshakeError),
    /// 101 is in the output.
    Accepted,
    /// The caller's response is in the output.
    Answered,
    /// The handshake has failed. Our response is in the output, if there is one for that error.
    Failed(HandshakeError),
}
