//! The engine for either role behind one type, with what an extension does to messages.

#[cfg(feature = "deflate")]
use ws_proto::extension::deflate::{DeflateDecoder, DeflateEncoder, DeflateParams};
use ws_proto::extension::{Decode, DecodeError, NoExtension};
use ws_proto::{
    Client, CloseCode, CloseReason, Config, Connection, ControlPayload, Event, Extended, Fin,
    Input, Instant, Kind, Message, Negotiated, OsRandom, Output, ReceiveError, SendError, Server,
    Storage, TimedOut, Transport, UnexpectedEof,
};

/// What was agreed on, for codecs to be made of.
#[derive(Debug, Default)]
pub(crate) struct Agreed {
    #[cfg(feature = "deflate")]
    pub(crate) deflate: Option<DeflateParams>,
}

/// One pointer, and none without the feature.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    #[cfg(feature = "deflate")]
    pub(crate) deflate: Option<Box<DeflateDecoder>>,
}

/// As [`Decoder`].
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    #[cfg(feature = "deflate")]
    pub(crate) deflate: Option<Box<Compressing>>,
}

/// How messages are sent once permessage-deflate has been agreed on.
#[cfg(feature = "deflate")]
#[derive(Debug)]
pub(crate) struct Compressing {
    encoder: DeflateEncoder,
    pub(crate) params: DeflateParams,
    /// Messages that begin now are not compressed.
    pub(crate) is_paused: bool,
    /// Whether the message that is being sent in parts is compressed: it goes on as it began.
    in_parts: Option<bool>,
}

#[cfg(feature = "deflate")]
impl Compressing {
    pub(crate) const fn new(encoder: DeflateEncoder, params: DeflateParams) -> Self {
        Self {
            encoder,
            params,
            is_paused: false,
            in_parts: None,
        }
    }
}

impl Decode for Decoder {
    fn decode<S: Storage>(
        &mut self,
        piece: Extended<'_>,
        room: u64,
        to: &mut S,
    ) -> Result<(), DecodeError> {
        #[cfg(feature = "deflate")]
        if let Some(deflate) = &mut self.deflate {
            return deflate.decode(piece, room, to);
        }
        NoExtension.decode(piece, room, to)
    }
}

impl Encoder {
    /// Whether the payload of a message that begins now goes out as it is.
    pub(crate) fn is_plain(&self) -> bool {
        #[cfg(feature = "deflate")]
        return self
            .deflate
            .as_ref()
            .is_none_or(|deflate| deflate.is_paused);
        #[cfg(not(feature = "deflate"))]
        true
    }
}

/// A client is boxed: it has a pool of masking keys, and servers are many.
#[derive(Debug)]
pub(crate) enum Engine {
    Server(Connection<Server>),
    Client(Box<Connection<Client<OsRandom>>>),
}

/// The same call on the connection of either role.
macro_rules! each {
    ($self:ident, $connection:ident => $call:expr) => {
        match $self {
            Self::Server($connection) => $call,
            Self::Client($connection) => $call,
        }
    };
}

impl Engine {
    pub(crate) fn client(negotiated: Negotiated, config: Config) -> Self {
        let keys = OsRandom::new();
        Self::Client(Box::new(Connection::client(negotiated, config, keys)))
    }

    pub(crate) fn receive<'b>(
        &mut self,
        input: &mut Input<'b>,
        out: &mut impl Output,
    ) -> Result<Option<Event<'b>>, ReceiveError> {
        each!(self, c => c.receive(input, out))
    }

    pub(crate) fn receive_eof(&mut self) -> Result<(), UnexpectedEof> {
        each!(self, c => c.receive_eof())
    }

    pub(crate) fn tick(
        &mut self,
        now: Instant,
        out: &mut impl Output,
    ) -> Result<Option<Instant>, TimedOut> {
        each!(self, c => c.tick(now, out))
    }

    pub(crate) fn heard(&mut self) {
        each!(self, c => c.heard());
    }

    pub(crate) fn transport(&self) -> Transport {
        each!(self, c => c.transport())
    }

    pub(crate) fn can_send(&self) -> bool {
        each!(self, c => c.can_send())
    }

    pub(crate) fn control_payload(&self) -> &[u8] {
        each!(self, c => c.control_payload())
    }

    pub(crate) fn is_close_received(&self) -> bool {
        each!(self, c => c.is_close_received())
    }

    pub(crate) fn close_code(&self) -> Option<CloseCode> {
        each!(self, c => c.close_code())
    }

    pub(crate) fn close_reason(&self) -> &str {
        each!(self, c => c.close_reason())
    }

    pub(crate) fn ping(
        &mut self,
        payload: ControlPayload<'_>,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        each!(self, c => c.ping(payload, out))
    }

    pub(crate) fn pong(
        &mut self,
        payload: ControlPayload<'_>,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        each!(self, c => c.pong(payload, out))
    }

    pub(crate) fn close(
        &mut self,
        code: CloseCode,
        reason: CloseReason<'_>,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        each!(self, c => c.close(code, reason, out))
    }

    pub(crate) fn send(
        &mut self,
        message: Message<'_>,
        encoder: &mut Encoder,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        #[cfg(feature = "deflate")]
        if let (false, Some(deflate)) = (encoder.is_plain(), &mut encoder.deflate) {
            let encoder = &mut deflate.encoder;
            return each!(self, c => match message {
                Message::Text(text) => encoder.send_text(c, text, out),
                Message::Binary(data) => encoder.send_binary(c, data, out),
            });
        }
        let _ = encoder;
        each!(self, c => match message {
            Message::Text(text) => c.send_text(text, out),
            Message::Binary(data) => c.send_binary(data, out),
        })
    }

    pub(crate) fn send_part(
        &mut self,
        part: Message<'_>,
        fin: Fin,
        encoder: &mut Encoder,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        #[cfg(feature = "deflate")]
        if let Some(deflate) = &mut encoder.deflate {
            let is_compressed = deflate.in_parts.unwrap_or(!deflate.is_paused);
            if is_compressed {
                let encoder = &mut deflate.encoder;
                each!(self, c => match part {
                    Message::Text(text) => encoder.send_text_part(c, text, fin, out),
                    Message::Binary(data) => encoder.send_binary_part(c, data, fin, out),
                })?;
            } else {
                self.send_plain_part(part, fin, out)?;
            }
            deflate.in_parts = (fin == Fin::No).then_some(is_compressed);
            return Ok(());
        }
        let _ = encoder;
        self.send_plain_part(part, fin, out)
    }

    fn send_plain_part(
        &mut self,
        part: Message<'_>,
        fin: Fin,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        each!(self, c => match part {
            Message::Text(text) => c.send_text_part(text, fin, out),
            Message::Binary(data) => c.send_binary_part(data, fin, out),
        })
    }

    /// Writes the header of a server's message whose payload follows as it is.
    pub(crate) fn frame(
        connection: &mut Connection<Server>,
        message: Message<'_>,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        match message {
            Message::Text(text) => connection.frame_text(text, Fin::Yes, out)?,
            Message::Binary(data) => connection.frame_binary(data, Fin::Yes, out)?,
        };
        Ok(())
    }

    /// Writes the header of a client's message, and masks its payload in place.
    pub(crate) fn frame_masked(
        connection: &mut Connection<Client<OsRandom>>,
        kind: Kind,
        payload: &mut [u8],
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        match kind {
            Kind::Text => connection.frame_text(payload, Fin::Yes, out)?,
            Kind::Binary => connection.frame_binary(payload, Fin::Yes, out)?,
        };
        Ok(())
    }
}
