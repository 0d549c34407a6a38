//! The part of a client's request that its answer is checked against.

use core::fmt::{self, Write};

use super::error::HeadError;
use super::extensions::{Extension, Extensions, MAX_EXTENSIONS};
use super::key::AcceptKey;
use super::offer::{AnswerCheck, OfferList};
use super::request::ClientRequest;
use super::syntax;
use crate::buf::Storage;
use crate::frame::Rsv;

/// The facts on which the answer to a request depends. The offer itself is text at the front of the handshake's
/// storage: first the list of subprotocols, then the list of extensions with their parameters.
pub(super) struct Offered {
    /// `None` on a stream of HTTP/2 or HTTP/3.
    accept: Option<AcceptKey>,
    /// The length of the list of subprotocols.
    subprotocols: usize,
    /// The length of both lists.
    len: usize,
    require_subprotocol: bool,
    /// The reserved bits of each extension, in the order of the list.
    rsv: [Rsv; MAX_EXTENSIONS],
    /// The checks of their answers.
    checks: [Option<AnswerCheck>; MAX_EXTENSIONS],
}

impl Offered {
    /// Checks whether `request` can be sent, clears `storage`, and writes the offer to it.
    pub(super) fn store<S: Storage>(
        request: &ClientRequest<'_>,
        accept: Option<AcceptKey>,
        storage: &mut S,
    ) -> Result<Self, HeadError> {
        request.check()?;
        storage.clear();
        let mut offered = Self {
            accept,
            subprotocols: 0,
            len: 0,
            require_subprotocol: request.require_subprotocol,
            rsv: [Rsv::NONE; MAX_EXTENSIONS],
            checks: [None; MAX_EXTENSIONS],
        };
        if request.subprotocols.is_empty() && request.extensions.is_empty() {
            return Ok(offered);
        }
        if request.extensions.len() > MAX_EXTENSIONS {
            return Err(HeadError::TooManyExtensions);
        }
        let kept = offered.rsv.iter_mut().zip(&mut offered.checks);
        for (offer, (rsv, check)) in request.extensions.iter().zip(kept) {
            *rsv = offer.rsv();
            *check = offer.check();
        }
        let mut text = Text(storage);
        let full = |fmt::Error| HeadError::StorageFull;
        for (index, subprotocol) in request.subprotocols.iter().enumerate() {
            text.write_str(if index == 0 { "" } else { ", " })
                .and_then(|()| text.write_str(subprotocol))
                .map_err(full)?;
        }
        offered.subprotocols = text.0.bytes().len();
        write!(text, "{}", OfferList(request.extensions)).map_err(full)?;
        offered.len = text.0.bytes().len();
        Ok(offered)
    }

    /// The lists of subprotocols and of extensions at the front of `stored`, as in the request.
    pub(super) fn lists<'s>(&self, stored: &'s [u8]) -> (&'s [u8], &'s [u8]) {
        let text = stored.get(..self.len).unwrap_or_default();
        text.split_at_checked(self.subprotocols).unwrap_or_default()
    }

    /// Splits `stored` into the offer and the received bytes after it.
    pub(super) fn split<'s>(&self, stored: &'s [u8]) -> (Offers<'s, '_>, &'s [u8]) {
        let (text, received) = stored.split_at_checked(self.len).unwrap_or_default();
        let offers = Offers {
            text,
            offered: self,
        };
        (offers, received)
    }

    /// The length of the offer at the front of the storage.
    pub(super) const fn len(&self) -> usize {
        self.len
    }
}

impl fmt::Debug for Offered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offered").finish_non_exhaustive()
    }
}

/// An offer with its text.
#[derive(Clone, Copy)]
pub(super) struct Offers<'s, 'o> {
    text: &'s [u8],
    offered: &'o Offered,
}

impl<'s, 'o> Offers<'s, 'o> {
    /// The value of `Sec-WebSocket-Accept` that a server of HTTP/1.1 has to send.
    pub(super) const fn accept(&self) -> Option<&AcceptKey> {
        self.offered.accept.as_ref()
    }

    /// Whether an answer has to name a subprotocol.
    pub(super) const fn needs_subprotocol(&self) -> bool {
        self.offered.require_subprotocol && self.offered.subprotocols > 0
    }

    /// Whether this subprotocol was offered.
    pub(super) fn has_subprotocol(&self, name: &[u8]) -> bool {
        let list = self.text.get(..self.offered.subprotocols);
        syntax::list(list.unwrap_or_default()).any(|offered| offered == name)
    }

    /// The extensions, each with its reserved bits and the check of its answer.
    pub(super) fn extensions(
        &self,
    ) -> impl Iterator<Item = (Extension<'s>, Rsv, Option<AnswerCheck>)> + Clone + use<'s, 'o> {
        let list = self.text.get(self.offered.subprotocols..);
        let kept = self.offered.rsv.iter().zip(&self.offered.checks);
        Extensions::of_text(list.unwrap_or_default())
            .zip(kept)
            .map(|(offer, (rsv, check))| (offer, *rsv, *check))
    }
}

/// Writes text to a storage.
pub(super) struct Text<'s, S>(pub(super) &'s mut S);

impl<S: Storage> Write for Text<'_, S> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.store(text.as_bytes()).map_err(|_| fmt::Error)
    }
}
