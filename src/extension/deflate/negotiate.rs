//! Offers, answers and agreed parameters (RFC 7692 5 and 7.1).

use super::params::{
    CLIENT_NO_TAKEOVER, CLIENT_WINDOW, ClientWindow, DeflateParams, ParsedParams,
    SERVER_NO_TAKEOVER, SERVER_WINDOW,
};
use crate::frame::Rsv;
use crate::handshake::{AnswerFault, Extension, ExtensionOffer, Extensions};

/// `permessage-deflate` with parameters: a client's offer or a server's answer.
///
/// ```
/// use ws_proto::extension::deflate::Deflate;
///
/// let offer = Deflate::new().client_takeover(false).offer();
/// assert_eq!(offer.extension().name(), "permessage-deflate"); // for `ClientRequest::extensions`
/// assert!(!offer.params().client_takeover());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct DeflateElement {
    written: [(&'static str, Option<&'static str>); 4],
    len: usize,
    params: DeflateParams,
}

impl DeflateElement {
    const fn new(params: DeflateParams) -> Self {
        Self {
            written: [("", None); 4],
            len: 0,
            params,
        }
    }

    /// What to give to [`ClientRequest::extensions`] or [`Accept::extensions`].
    ///
    /// [`ClientRequest::extensions`]: crate::handshake::ClientRequest::extensions
    /// [`Accept::extensions`]: crate::handshake::Accept::extensions
    #[must_use]
    pub fn extension(&self) -> ExtensionOffer<'_> {
        ExtensionOffer::new(NAME, self.written())
            .with_rsv(Rsv::RSV1)
            .with_check(check_answer)
    }

    /// The agreed parameters, in a server's answer; the requested ones, in an offer.
    pub const fn params(&self) -> DeflateParams {
        self.params
    }

    fn written(&self) -> &[(&'static str, Option<&'static str>)] {
        self.written.get(..self.len).unwrap_or_default()
    }

    fn write(&mut self, name: &'static str, value: Option<&'static str>) {
        if let Some(to) = self.written.get_mut(self.len) {
            *to = (name, value);
            self.len += 1;
        }
    }
}

/// The elements of that name.
pub(super) fn named(extensions: Extensions<'_>) -> impl Iterator<Item = Extension<'_>> {
    extensions.filter(|extension| extension.name() == NAME)
}

/// Whether there is an element of another name that is not one of `others`.
pub(super) fn has_other(mut extensions: Extensions<'_>, others: &[&str]) -> bool {
    extensions.any(|extension| extension.name() != NAME && !others.contains(&extension.name()))
}

/// The offer of a client for these parameters. `window` is whether it lets the server name the window of the
/// client's compressor.
pub(super) fn offer(wanted: DeflateParams, window: bool) -> DeflateElement {
    let mut element = DeflateElement::new(wanted);
    if !wanted.server_takeover() {
        element.write(SERVER_NO_TAKEOVER, None);
    }
    if !wanted.client_takeover() {
        element.write(CLIENT_NO_TAKEOVER, None);
    }
    if wanted.server_window_bits() < 15 {
        element.write(SERVER_WINDOW, decimal(wanted.server_window_bits()));
    }
    // Without a value it says that the server may name any window.
    if window {
        let bits = wanted.client_window_bits();
        element.write(CLIENT_WINDOW, decimal(bits).filter(|_| bits < 15));
    }
    element
}

/// A server's answer to a valid offer. There is none that cannot be accepted.
pub(super) fn answer(wanted: DeflateParams, offer: &ParsedParams) -> DeflateElement {
    let mut agreed = wanted;
    if offer.server_no_takeover {
        agreed = agreed.with_server_takeover(false);
    }
    // Only a hint, but then the client's window need not be kept.
    if offer.client_no_takeover {
        agreed = agreed.with_client_takeover(false);
    }
    let server_window = offer
        .server_window
        .unwrap_or(15)
        .min(wanted.server_window_bits());
    let client_window = match offer.client_window {
        None => 15,
        Some(ClientWindow::Any) => wanted.client_window_bits(),
        Some(ClientWindow::AtMost(bits)) => bits.min(wanted.client_window_bits()),
    };
    agreed = with_windows(agreed, server_window, client_window);
    let mut element = DeflateElement::new(agreed);
    if !agreed.server_takeover() {
        element.write(SERVER_NO_TAKEOVER, None);
    }
    if !agreed.client_takeover() {
        element.write(CLIENT_NO_TAKEOVER, None);
    }
    if offer.server_window.is_some() || server_window < 15 {
        element.write(SERVER_WINDOW, decimal(server_window));
    }
    if client_window < 15 {
        element.write(CLIENT_WINDOW, decimal(client_window));
    }
    element
}

/// The agreed parameters, if this is an answer to the client's offer.
pub(super) fn agree(
    wanted: DeflateParams,
    window: bool,
    answer: &ParsedParams,
) -> Result<DeflateParams, AnswerFault> {
    let offer = ParsedParams::in_offer(offer(wanted, window).written())?;
    corresponds(&offer, answer)?;
    // Of its own compressor a client may use less than what the server allows.
    let mut agreed = DeflateParams::new();
    if answer.server_no_takeover {
        agreed = agreed.with_server_takeover(false);
    }
    if answer.client_no_takeover || !wanted.client_takeover() {
        agreed = agreed.with_client_takeover(false);
    }
    let client_window = match answer.client_window {
        Some(ClientWindow::AtMost(bits)) => bits.min(wanted.client_window_bits()),
        _ => wanted.client_window_bits(),
    };
    Ok(with_windows(
        agreed,
        answer.server_window.unwrap_or(15),
        client_window,
    ))
}

/// The checks of a client's handshake.
fn check_answer(offer: &Extension<'_>, answer: &Extension<'_>) -> Result<(), AnswerFault> {
    let offer = ParsedParams::in_head(offer.params())?;
    corresponds(&offer, &ParsedParams::in_head(answer.params())?)
}

/// Checks that the answer grants the request, and requires nothing that was not offered.
fn corresponds(offer: &ParsedParams, answer: &ParsedParams) -> Result<(), AnswerFault> {
    if offer.server_no_takeover && !answer.server_no_takeover {
        return Err(AnswerFault::Missing);
    }
    match (offer.server_window, answer.server_window) {
        (Some(most), Some(bits)) if bits > most => return Err(AnswerFault::OutOfRange),
        (Some(_), None) => return Err(AnswerFault::Missing),
        _ => {}
    }
    match answer.client_window {
        Some(_) if offer.client_window.is_none() => Err(AnswerFault::NotOffered),
        // An answer names the window (RFC 7692 7.1.2.2).
        Some(ClientWindow::Any) => Err(AnswerFault::OutOfRange),
        Some(ClientWindow::AtMost(_)) | None => Ok(()),
    }
}

/// Both are in range.
pub(super) fn with_windows(params: DeflateParams, server: u8, client: u8) -> DeflateParams {
    params
        .with_server_window_bits(server)
        .and_then(|params| params.with_client_window_bits(client))
        .unwrap_or(params)
}

fn decimal(bits: u8) -> Option<&'static str> {
    let at = usize::from(bits.checked_sub(8)?);
    ["8", "9", "10", "11", "12", "13", "14", "15"]
        .get(at)
        .copied()
}

const NAME: &str = "permessage-deflate";
