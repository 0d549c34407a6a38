//! Writes `Sec-WebSocket-Extensions`: one line of tokens, nothing quoted.

use core::fmt;

use super::error::HeadError;
use super::extensions::Extension;
use super::syntax;
use crate::frame::Rsv;

/// An extension as a client offers it, or as a server answers it.
///
/// The handshake checks names. Whether parameters make sense is the extension's own business.
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
    params: &'e [(&'e str, Option<&'e str>)],
    rsv: Rsv,
    check: Option<AnswerCheck>,
}

/// Whether a server's answer is one that this offer allows.
type AnswerCheck = fn(&ExtensionOffer<'_>, &Extension<'_>) -> bool;

impl<'e> ExtensionOffer<'e> {
    /// An extension of that name with these parameters.
    pub const fn new(name: &'e str, params: &'e [(&'e str, Option<&'e str>)]) -> Self {
        Self {
            name,
            params,
            rsv: Rsv::NONE,
            check: None,
        }
    }

    /// The reserved bits that the extension uses once it is agreed on.
    #[must_use]
    pub const fn with_rsv(self, rsv: Rsv) -> Self {
        Self { rsv, ..self }
    }

    /// What a client looks at besides the name when a server has answered with this extension.
    #[must_use]
    pub const fn with_check(self, check: AnswerCheck) -> Self {
        Self {
            check: Some(check),
            ..self
        }
    }

    /// The name.
    pub const fn name(&self) -> &'e str {
        self.name
    }

    /// The parameters.
    pub const fn params(&self) -> &'e [(&'e str, Option<&'e str>)] {
        self.params
    }

    /// The reserved bits in use.
    pub const fn rsv(&self) -> Rsv {
        self.rsv
    }

    /// Whether the extension agrees with what the server answered.
    pub(super) fn allows(&self, answer: &Extension<'_>) -> bool {
        self.check.is_none_or(|check| check(self, answer))
    }

    /// Whether all of it are tokens.
    pub(super) fn is_valid(&self) -> bool {
        let is_token = |text: &str| syntax::is_token(text.as_bytes());
        is_token(self.name)
            && self
                .params
                .iter()
                .all(|(name, value)| is_token(name) && value.is_none_or(is_token))
    }
}

impl fmt::Display for ExtensionOffer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        for (name, value) in self.params {
            write!(f, "; {name}")?;
            if let Some(value) = value {
                write!(f, "={value}")?;
            }
        }
        Ok(())
    }
}

/// Several, as one line.
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

/// The bits of both, if none is in both.
pub(super) fn join_rsv(one: Rsv, other: Rsv) -> Option<Rsv> {
    (one.bits() & other.bits() == 0).then_some(one | other)
}

/// Whether these can be offered: all tokens. The same name twice is an alternative.
pub(super) fn check_offers(offers: &[ExtensionOffer<'_>]) -> Result<(), HeadError> {
    let valid = offers.iter().all(ExtensionOffer::is_valid);
    if valid {
        Ok(())
    } else {
        Err(HeadError::ExtensionInvalid)
    }
}
