//! permessage-deflate on a connection: what is wished for, what was agreed on, and the two codecs.
//!
//! Without the feature `deflate`, `plain.rs` has the same names with nothing behind them.

use ws_proto::extension::DecodeError;
use ws_proto::extension::deflate::{
    Deflate, DeflateDecoder, DeflateElement, DeflateEncoder, DeflateParams, Inflated,
};
use ws_proto::handshake::{ExtensionOffer, Extensions, HandshakeError};
use ws_proto::{AssembleError, Extended, Fin, SendError};

use crate::engine::Engine;
use crate::inbox::{Inbox, Want};
use crate::message::Message;
use crate::outgoing::Outgoing;

/// How many received bytes are inflated at once where no message limit bounds what is held: they
/// become 2 MiB at most.
const BITE: usize = 2048;

/// What an end wants; `None` is no extension.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish<'w>(Option<&'w Deflate>);

impl<'w> Wish<'w> {
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    pub(crate) const fn new(deflate: &'w Deflate) -> Self {
        Self(Some(deflate))
    }

    pub(crate) fn to_owned(self) -> Wished {
        Wished(self.0.cloned())
    }

    /// For a client: what it says.
    pub(crate) fn offer(self) -> Element {
        Element(self.0.map(Deflate::offer))
    }

    /// For a client: what the server has made of it.
    pub(crate) fn answered(self, extensions: Extensions<'_>) -> Result<Agreed, HandshakeError> {
        match self.0 {
            Some(deflate) => deflate.answered(extensions),
            None => Ok(None),
        }
    }
}

/// A [`Wish`] that is kept.
#[derive(Clone, Debug)]
pub(crate) struct Wished(Option<Deflate>);

impl Wished {
    pub(crate) const fn as_wish(&self) -> Wish<'_> {
        Wish(self.0.as_ref())
    }

    /// For a server: what it says to a client's offers.
    pub(crate) fn answer(&self, offers: Extensions<'_>) -> Element {
        Element(self.0.as_ref().and_then(|deflate| deflate.accept(offers)))
    }
}

/// What goes into a head.
#[derive(Debug)]
pub(crate) struct Element(Option<DeflateElement>);

impl Element {
    pub(crate) fn extension(&self) -> Option<ExtensionOffer<'_>> {
        self.0.as_ref().map(DeflateElement::extension)
    }

    /// Of an answer.
    pub(crate) fn agreed(&self) -> Agreed {
        self.0.as_ref().map(DeflateElement::params)
    }
}

/// What a handshake has agreed on.
pub(crate) type Agreed = Option<DeflateParams>;

/// The codecs of a connection, none if nothing was agreed on.
#[derive(Debug)]
pub(crate) struct Codec(Option<Box<Codecs>>);

#[derive(Debug)]
struct Codecs {
    encoder: DeflateEncoder,
    decoder: DeflateDecoder,
    params: DeflateParams,
    /// Messages that begin now are not compressed.
    paused: bool,
    /// Whether the message that is being sent in parts is compressed.
    sending: Option<bool>,
    /// In the middle of a received message that is not compressed.
    receiving_plain: bool,
}

impl Codec {
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    pub(crate) fn new(wish: Wish<'_>, agreed: Agreed, is_client: bool, max_message: u64) -> Self {
        let (Some(deflate), Some(params)) = (wish.0, agreed) else {
            return Self(None);
        };
        let (encoder, decoder) = if is_client {
            deflate.client(params)
        } else {
            deflate.server(params)
        };
        Self(Some(Box::new(Codecs {
            encoder,
            decoder: decoder.max_message(max_message),
            params,
            paused: false,
            sending: None,
            receiving_plain: false,
        })))
    }

    pub(crate) fn agreed(&self) -> Agreed {
        self.0.as_ref().map(|codecs| codecs.params)
    }

    pub(crate) fn set_paused(&mut self, paused: bool) {
        if let Some(codecs) = &mut self.0 {
            codecs.paused = paused;
        }
    }

    /// Queues a message or a part of one, compressed unless that is not wanted. A message goes on as
    /// it began.
    pub(crate) fn send(
        &mut self,
        engine: &mut Engine,
        part: Message,
        fin: Fin,
        plainly: bool,
        out: &mut Outgoing,
    ) -> Result<(), SendError> {
        let Some(codecs) = &mut self.0 else {
            return engine.send(part, fin, out);
        };
        let compressed = codecs.sending.unwrap_or(!plainly && !codecs.paused);
        if compressed {
            engine.send_compressed(&mut codecs.encoder, &part, fin, out)?;
        } else {
            engine.send(part, fin, out)?;
        }
        codecs.sending = (fin == Fin::No).then_some(compressed);
        Ok(())
    }

    /// Takes note of a received piece that was not compressed.
    pub(crate) fn saw_plain(&mut self, last: bool) {
        if let Some(codecs) = &mut self.0 {
            codecs.receiving_plain = !last;
        }
    }

    /// How many of `len` received bytes to look at before asking again what is wanted. A whole
    /// message has its limit; of a part of one, or of what nobody asks for, little is inflated.
    pub(crate) fn bite(&self, want: Want, len: usize) -> usize {
        let bounded = matches!(want, Want::Message | Want::Event);
        match &self.0 {
            Some(codecs) if !bounded && !codecs.receiving_plain => len.min(BITE),
            _ => len,
        }
    }

    /// Inflates a piece.
    pub(crate) fn receive(
        &mut self,
        piece: Extended<'_>,
        inbox: &mut Inbox,
    ) -> Result<(), AssembleError> {
        let Some(codecs) = &mut self.0 else {
            return Err(AssembleError::Decode(DecodeError::Unsupported));
        };
        let mut inflating = codecs.decoder.inflate(piece);
        while let Some(inflated) = inflating.next_piece()? {
            match inflated {
                Inflated::Text(piece) => inbox.text(&piece, 0),
                Inflated::Binary { data, first, last } => inbox.binary(data, first, last, 0),
            }
        }
        Ok(())
    }
}
