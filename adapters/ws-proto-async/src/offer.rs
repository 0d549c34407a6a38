//! permessage-deflate in a handshake: what is offered, and what was agreed on. Nothing of it without the
//! feature `deflate`.

#[cfg(not(feature = "deflate"))]
use std::{convert::Infallible, marker::PhantomData};

#[cfg(feature = "deflate")]
use ws_proto::extension::deflate::{Deflate, DeflateElement, DeflateParams};
use ws_proto::handshake::{ExtensionOffer, Extensions, HandshakeError};

use crate::core::Driver;

/// What a handshake has agreed on.
#[cfg(feature = "deflate")]
pub(crate) type Agreed = Option<DeflateParams>;
#[cfg(not(feature = "deflate"))]
pub(crate) type Agreed = Option<Infallible>;

/// What an end wants; by default no extension.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer<'w> {
    #[cfg(feature = "deflate")]
    deflate: Option<&'w Deflate>,
    #[cfg(not(feature = "deflate"))]
    nothing: PhantomData<&'w ()>,
}

impl<'w> Offer<'w> {
    pub(crate) const NONE: Self = Self {
        #[cfg(feature = "deflate")]
        deflate: None,
        #[cfg(not(feature = "deflate"))]
        nothing: PhantomData,
    };

    #[cfg(feature = "deflate")]
    pub(crate) const fn new(deflate: &'w Deflate) -> Self {
        Self {
            deflate: Some(deflate),
        }
    }

    pub(crate) fn to_owned(self) -> OwnedOffer {
        OwnedOffer {
            #[cfg(feature = "deflate")]
            deflate: self.deflate.cloned(),
        }
    }

    /// For a client: what it says.
    pub(crate) fn element(self) -> Element {
        Element {
            #[cfg(feature = "deflate")]
            element: self.deflate.map(Deflate::offer),
        }
    }

    /// For a client: what the server has made of it.
    #[cfg_attr(
        not(feature = "deflate"),
        allow(clippy::unnecessary_wraps, reason = "with the feature it can fail")
    )]
    pub(crate) fn answered(self, extensions: Extensions<'_>) -> Result<Agreed, HandshakeError> {
        #[cfg(feature = "deflate")]
        if let Some(deflate) = self.deflate {
            return deflate.answered(extensions);
        }
        let _ = extensions;
        Ok(None)
    }

    /// Turns on what was agreed on.
    pub(crate) fn apply(self, agreed: Agreed, driver: Driver) -> Driver {
        #[cfg(feature = "deflate")]
        if let (Some(deflate), Some(params)) = (self.deflate, agreed) {
            return driver.with_deflate(deflate, params);
        }
        let _ = agreed;
        driver
    }
}

/// A [`Offer`] that is kept.
#[derive(Clone, Debug)]
pub(crate) struct OwnedOffer {
    #[cfg(feature = "deflate")]
    deflate: Option<Deflate>,
}

impl OwnedOffer {
    pub(crate) const fn as_offer(&self) -> Offer<'_> {
        Offer {
            #[cfg(feature = "deflate")]
            deflate: self.deflate.as_ref(),
            #[cfg(not(feature = "deflate"))]
            nothing: PhantomData,
        }
    }

    /// For a server: what it says to a client's offers.
    pub(crate) fn answer(&self, offers: Extensions<'_>) -> Element {
        let _ = offers;
        Element {
            #[cfg(feature = "deflate")]
            element: self.deflate.as_ref().and_then(|it| it.accept(offers)),
        }
    }
}

/// What goes into a head.
#[derive(Debug)]
pub(crate) struct Element {
    #[cfg(feature = "deflate")]
    element: Option<DeflateElement>,
}

impl Element {
    pub(crate) fn extension(&self) -> Option<ExtensionOffer<'_>> {
        #[cfg(feature = "deflate")]
        return self.element.as_ref().map(DeflateElement::extension);
        #[cfg(not(feature = "deflate"))]
        None
    }

    /// Of an answer.
    pub(crate) fn agreed(&self) -> Agreed {
        #[cfg(feature = "deflate")]
        return self.element.as_ref().map(DeflateElement::params);
        #[cfg(not(feature = "deflate"))]
        None
    }
}
