//! Offers, answers, and what is agreed (RFC 7692 5 and 7.1).

use super::config::Deflate;
use super::params::{
    CLIENT_NO_TAKEOVER, CLIENT_WINDOW, ClientWindow, DeflateParams, SERVER_NO_TAKEOVER,
    SERVER_WINDOW, Said,
};
use crate::frame::Rsv;
use crate::handshake::{Extension, ExtensionOffer, Extensions};

/// `permessage-deflate` with parameters: a client's offer or a server's answer.
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
            .with_check(is_answer)
    }

    /// A server's answer: what has been agreed on. Of an offer it is only what the client wishes.
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

pub(super) fn offer(deflate: &Deflate) -> DeflateElement {
    let mut element = DeflateElement::new(wished(deflate));
    if !deflate.server_takeover {
        element.write(SERVER_NO_TAKEOVER, None);
    }
    if !deflate.client_takeover {
        element.write(CLIENT_NO_TAKEOVER, None);
    }
    if deflate.server_window_bits < 15 {
        element.write(SERVER_WINDOW, decimal(deflate.server_window_bits));
    }
    // Without a value it says that the server may name any window.
    let hint = decimal(deflate.client_window_bits).filter(|_| deflate.client_window_bits < 15);
    element.write(CLIENT_WINDOW, hint);
    element
}

/// A server's answer to a valid offer. There is none that cannot be accepted.
pub(super) fn answer(deflate: &Deflate, offer: &Said) -> DeflateElement {
    let mut agreed = wished(deflate);
    if offer.server_no_takeover {
        agreed = agreed.without_server_takeover();
    }
    // Only a hint, but then the client's window need not be kept.
    if offer.client_no_takeover {
        agreed = agreed.without_client_takeover();
    }
    let server_window = offer
        .server_window
        .unwrap_or(15)
        .min(deflate.server_window_bits);
    let client_window = match offer.client_window {
        None => 15,
        Some(ClientWindow::Any) => deflate.client_window_bits,
        Some(ClientWindow::AtMost(bits)) => bits.min(deflate.client_window_bits),
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

/// What a client and a server have agreed on, if this is an answer to the client's offer.
pub(super) fn agree(deflate: &Deflate, answer: &Said) -> Option<DeflateParams> {
    let offer = Said::in_offer(offer(deflate).written())?;
    if !corresponds(&offer, answer) {
        return None;
    }
    // Of its own compressor a client may use less than what the server allows.
    let mut agreed = DeflateParams::new();
    if answer.server_no_takeover {
        agreed = agreed.without_server_takeover();
    }
    if answer.client_no_takeover || !deflate.client_takeover {
        agreed = agreed.without_client_takeover();
    }
    let client_window = match answer.client_window {
        Some(ClientWindow::AtMost(bits)) => bits.min(deflate.client_window_bits),
        _ => deflate.client_window_bits,
    };
    Some(with_windows(
        agreed,
        answer.server_window.unwrap_or(15),
        client_window,
    ))
}

/// What a client's handshake checks.
fn is_answer(offer: &Extension<'_>, answer: &Extension<'_>) -> bool {
    match (
        Said::in_head(offer.params()),
        Said::in_head(answer.params()),
    ) {
        (Some(offer), Some(answer)) => corresponds(&offer, &answer),
        _ => false,
    }
}

/// Whether the answer grants what was asked for and asks for nothing that was not offered.
fn corresponds(offer: &Said, answer: &Said) -> bool {
    let takeover = answer.server_no_takeover || !offer.server_no_takeover;
    let server_window = match (offer.server_window, answer.server_window) {
        (Some(most), Some(bits)) => bits <= most,
        (Some(_), None) => false,
        (None, _) => true,
    };
    let client_window = match answer.client_window {
        None => true,
        Some(ClientWindow::Any) => false,
        Some(ClientWindow::AtMost(_)) => offer.client_window.is_some(),
    };
    takeover && server_window && client_window
}

fn wished(deflate: &Deflate) -> DeflateParams {
    let mut wished = DeflateParams::new();
    if !deflate.server_takeover {
        wished = wished.without_server_takeover();
    }
    if !deflate.client_takeover {
        wished = wished.without_client_takeover();
    }
    with_windows(
        wished,
        deflate.server_window_bits,
        deflate.client_window_bits,
    )
}

/// Both are in range.
fn with_windows(params: DeflateParams, server: u8, client: u8) -> DeflateParams {
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
