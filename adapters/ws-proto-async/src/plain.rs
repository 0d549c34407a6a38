//! No extension: what stands for `deflate.rs` without the feature.

use std::marker::PhantomData;

use ws_proto::extension::DecodeError;
use ws_proto::handshake::{ExtensionOffer, Extensions, HandshakeError};
use ws_proto::{AssembleError, Extended, Fin, SendError};

use crate::engine::Engine;
use crate::inbox::{Inbox, Want};
use crate::message::Message;
use crate::outgoing::Outgoing;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish<'w>(PhantomData<&'w ()>);

impl Wish<'_> {
    pub(crate) const fn none() -> Self {
        Self(PhantomData)
    }

    pub(crate) const fn to_owned(self) -> Wished {
        Wished
    }

    pub(crate) const fn offer(self) -> Element {
        Element
    }

    #[allow(clippy::unnecessary_wraps, reason = "with the feature it can fail")]
    pub(crate) const fn answered(self, _: Extensions<'_>) -> Result<Agreed, HandshakeError> {
        Ok(None)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Wished;

impl Wished {
    pub(crate) const fn as_wish(&self) -> Wish<'_> {
        Wish(PhantomData)
    }

    pub(crate) const fn answer(&self, _: Extensions<'_>) -> Element {
        Element
    }
}

#[derive(Debug)]
pub(crate) struct Element;

impl Element {
    pub(crate) const fn extension(&self) -> Option<ExtensionOffer<'_>> {
        None
    }

    pub(crate) const fn agreed(&self) -> Agreed {
        None
    }
}

pub(crate) type Agreed = Option<std::convert::Infallible>;

#[derive(Debug)]
pub(crate) struct Codec;

impl Codec {
    pub(crate) const fn none() -> Self {
        Self
    }

    pub(crate) const fn new(_: Wish<'_>, _: Agreed, _is_client: bool, _max_message: u64) -> Self {
        Self
    }

    pub(crate) fn send(
        &mut self,
        engine: &mut Engine,
        part: Message,
        fin: Fin,
        _plainly: bool,
        out: &mut Outgoing,
    ) -> Result<(), SendError> {
        engine.send(part, fin, out)
    }

    pub(crate) const fn saw_plain(&mut self, _last: bool) {}

    pub(crate) const fn bite(&self, _: Want, len: usize) -> usize {
        len
    }

    pub(crate) const fn receive(
        &mut self,
        _: Extended<'_>,
        _: &mut Inbox,
    ) -> Result<(), AssembleError> {
        Err(AssembleError::Decode(DecodeError::Unsupported))
    }
}
