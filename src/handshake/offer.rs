//! Writes `Sec-WebSocket-Extensions` as one line of tokens, without quotes.

use core::fmt;

use super::error::{HandshakeError, HeadError};
use super::extensions::Extension;
use super::syntax;
use crate::frame::Rsv;

/// An extension that a client offers, or that a server answers with.
///
/// The handshake checks names; [`with_check`](Self::with_check) adds a check of the parameters.
///
/// ```
/// use ws_proto::frame::Rsv;
/// use ws_proto::handshake::ExtensionOffer;
///
/// let params = [("level", Some("3")), ("fast", None)];
/// let offer = ExtensionOffer::new("x-example", &params).with_rsv(Rsv::RSV2);
/// assert_eq!(offer.to_string(), "x-example; level=3; fast");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ExtensionOffer<'e> {
    name: &'e str,
    params: OfferedParams<'e>,
    rsv: Rsv,
    check: Option<AnswerCheck>,
}

#[derive(Clone, Copy, Debug)]
enum OfferedParams<'e> {
    Own(&'e [(&'e str, Option<&'e str>)]),
    Received(Extension<'e>),
}

/// Checks whether an offer (first) allows a server's answer (second).
pub(super) type AnswerCheck = fn(&Extension<'_>, &Extension<'_>) -> Result<(), AnswerFault>;

/// How a server's answer does not correspond to the offer, by the first wrong parameter. See
/// [`ExtensionOffer::with_check`].
///
/// ```
/// use ws_proto::handshake::{AnswerFault, HandshakeError};
///
/// let error = HandshakeError::from(AnswerFault::OutOfRange);
/// assert_eq!(error, HandshakeError::ExtensionParamOutOfRange);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AnswerFault {
    /// The answer lacks a parameter that the offer demands.
    Missing,
    /// The answer has a parameter that was not offered, or one that is unknown or repeated.
    NotOffered,
    /// The value of a parameter is out of range, or larger than offered.
    OutOfRange,
}

impl From<AnswerFault> for HandshakeError {
    fn from(fault: AnswerFault) -> Self {
        match fault {
            AnswerFault::Missing => Self::ExtensionParamMissing,
            AnswerFault::NotOffered => Self::ExtensionParamNotOffered,
            AnswerFault::OutOfRange => Self::ExtensionParamOutOfRange,
        }
    }
}

impl<'e> ExtensionOffer<'e> {
    /// An extension of that name with these parameters.
    #[must_use]
    pub const fn new(name: &'e str, params: &'e [(&'e str, Option<&'e str>)]) -> Self {
        Self {
            name,
            params: OfferedParams::Own(params),
            rsv: Rsv::NONE,
            check: None,
        }
    }

    /// Sets the reserved bits that the extension uses once it is negotiated.
    #[must_use]
    pub const fn with_rsv(self, rsv: Rsv) -> Self {
        Self { rsv, ..self }
    }

    /// Sets a check of the server's answer, besides the name. `check` takes the offer and the
    /// answer, both as they are in the heads, and returns why the offer does not allow the answer.
    ///
    /// ```
    /// use ws_proto::handshake::{AnswerFault, ExtensionOffer};
    ///
    /// let offer = ExtensionOffer::new("x-example", &[("level", Some("3"))]).with_check(
    ///     |offer, answer| match answer.params().count() {
    ///         0 => Err(AnswerFault::Missing),
    ///         params if params > offer.params().count() => Err(AnswerFault::NotOffered),
    ///         _ => Ok(()),
    ///     },
    /// );
    /// # let _ = offer;
    /// ```
    #[must_use]
    pub const fn with_check(self, check: AnswerCheck) -> Self {
        Self {
            check: Some(check),
            ..self
        }
    }

    /// The name.
    #[must_use]
    pub const fn name(&self) -> &'e str {
        self.name
    }

    /// The reserved bits in use.
    ///
    /// ```
    /// use ws_proto::frame::Rsv;
    /// use ws_proto::handshake::ExtensionOffer;
    ///
    /// let offer = ExtensionOffer::new("x-example", &[]).with_rsv(Rsv::RSV3);
    /// assert_eq!((offer.name(), offer.rsv()), ("x-example", Rsv::RSV3));
    /// ```
    #[must_use]
    pub const fn rsv(&self) -> Rsv {
        self.rsv
    }

    /// The check of an answer, besides its name.
    pub(super) const fn check(&self) -> Option<AnswerCheck> {
        self.check
    }

    /// Whether the name and all parameters are tokens.
    pub(super) fn is_valid(&self) -> bool {
        let is_token = |text: &str| syntax::is_token(text.as_bytes());
        let OfferedParams::Own(params) = self.params else {
            return true;
        };
        is_token(self.name)
            && params
                .iter()
                .all(|(name, value)| is_token(name) && value.is_none_or(is_token))
    }
}

impl fmt::Display for ExtensionOffer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        match self.params {
            OfferedParams::Own(params) => {
                for (name, value) in params {
                    write!(f, "; {name}")?;
                    if let Some(value) = value {
                        write!(f, "={value}")?;
                    }
                }
            }
            OfferedParams::Received(extension) => {
                for param in extension.params() {
                    write!(f, "; {}", param.name())?;
                    if let Some(value) = param.value() {
                        write!(f, "={value}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Takes over an extension as it was received, for a proxy: a client's offer as the proxy's own
/// offer, or a server's answer as the proxy's own answer. Parameters are written without quotes.
///
/// The received text does not name the reserved bits: set them by [`with_rsv`](Self::with_rsv). To
/// check the answer, use [`with_check`](Self::with_check).
///
/// ```
/// use ws_proto::frame::Rsv;
/// use ws_proto::handshake::{Extensions, ExtensionOffer, Headers};
///
/// let field: [(&str, &[u8]); 1] =
///     [("Sec-WebSocket-Extensions", b"permessage-deflate; server_max_window_bits=\"10\", x")];
/// let received = Extensions::parse(&Headers::from_slice(&field))?;
/// let offers: Vec<_> = received
///     .filter(|extension| extension.name() == "permessage-deflate")
///     .map(|extension| ExtensionOffer::from(extension).with_rsv(Rsv::RSV1))
///     .collect();
/// assert_eq!(offers[0].to_string(), "permessage-deflate; server_max_window_bits=10");
/// # Ok::<(), ws_proto::handshake::HandshakeError>(())
/// ```
impl<'e> From<Extension<'e>> for ExtensionOffer<'e> {
    fn from(extension: Extension<'e>) -> Self {
        Self {
            name: extension.name(),
            params: OfferedParams::Received(extension),
            rsv: Rsv::NONE,
            check: None,
        }
    }
}

/// Several extensions, as one line.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfferList<'e>(pub(super) &'e [ExtensionOffer<'e>]);

impl fmt::Display for OfferList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, offer) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { ", " })?;
            offer.fmt(f)?;
        }
        Ok(())
    }
}

/// The bits of both; `None` if both have one in common.
pub(super) fn join_rsv(one: Rsv, other: Rsv) -> Option<Rsv> {
    (one.bits() & other.bits() == 0).then_some(one | other)
}

/// Checks whether all names and parameters are tokens. The same name twice is an alternative.
pub(super) fn check_offers(offers: &[ExtensionOffer<'_>]) -> Result<(), HeadError> {
    let valid = offers.iter().all(ExtensionOffer::is_valid);
    if valid {
        Ok(())
    } else {
        Err(HeadError::ExtensionInvalid)
    }
}
