//! The engine for either role behind one type.

use bytes::{Bytes, BytesMut};
#[cfg(feature = "deflate")]
use ws_proto::extension::deflate::DeflateEncoder;
use ws_proto::{
    Client, CloseCode, CloseReason, Connection, ControlPayload, Event, Fin, Input, Instant, Kind,
    OsRandom, Output, ReceiveError, SendError, Server, TimedOut, Transport, UnexpectedEof,
};

use crate::message::Message;
use crate::outgoing::Outgoing;

/// Payloads from this size on are not copied into the output, but written from where they are.
const SHARED: usize = 4096;

#[derive(Debug)]
pub(crate) enum Engine {
    Server(Connection<Server>),
    Client(Connection<Client<OsRandom>>),
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

    pub(crate) fn transport(&self) -> Transport {
        each!(self, c => c.transport())
    }

    pub(crate) fn can_send(&self) -> bool {
        each!(self, c => c.can_send())
    }

    pub(crate) fn heard(&mut self) {
        each!(self, c => c.heard());
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

    pub(crate) fn frame_remaining(&self) -> u64 {
        each!(self, c => c.frame_remaining())
    }

    pub(crate) fn ping(
        &mut self,
        payload: ControlPayload<'_>,
        out: &mut Outgoing,
    ) -> Result<(), SendError> {
        each!(self, c => c.ping(payload, &mut out.data()))
    }

    pub(crate) fn pong(
        &mut self,
        payload: ControlPayload<'_>,
        out: &mut Outgoing,
    ) -> Result<(), SendError> {
        each!(self, c => c.pong(payload, &mut out.data()))
    }

    pub(crate) fn close(
        &mut self,
        code: CloseCode,
        reason: CloseReason<'_>,
        out: &mut Outgoing,
    ) -> Result<(), SendError> {
        each!(self, c => c.close(code, reason, &mut out.data()))
    }

    /// Queues a message, or a part of one.
    pub(crate) fn send(
        &mut self,
        part: Message,
        fin: Fin,
        out: &mut Outgoing,
    ) -> Result<(), SendError> {
        if part.len() >= SHARED {
            return self.send_shared(part, fin, out);
        }
        let out = &mut out.data();
        each!(self, c => match &part {
            Message::Text(text) => c.send_text_part(text, fin, out),
            Message::Binary(data) => c.send_binary_part(data, fin, out),
        })
    }

    /// Queues a message, or a part of one, as `encoder` compresses it.
    #[cfg(feature = "deflate")]
    pub(crate) fn send_compressed(
        &mut self,
        encoder: &mut DeflateEncoder,
        part: &Message,
        fin: Fin,
        out: &mut Outgoing,
    ) -> Result<(), SendError> {
        let out = &mut out.data();
        each!(self, c => match part {
            Message::Text(text) => encoder.send_text_part(c, text, fin, out),
            Message::Binary(data) => encoder.send_binary_part(c, data, fin, out),
        })
    }

    pub(crate) const fn is_client(&self) -> bool {
        matches!(self, Self::Client(_))
    }

    /// Queues only a header; the payload is written from where it is. A client has to mask it, in
    /// place if nothing else shares it.
    fn send_shared(
        &mut self,
        part: Message,
        fin: Fin,
        out: &mut Outgoing,
    ) -> Result<(), SendError> {
        let kind = part.kind();
        let payload = match self {
            Self::Server(c) => {
                match &part {
                    Message::Text(text) => c.frame_text(text, fin, &mut out.data())?,
                    Message::Binary(data) => c.frame_binary(data, fin, &mut out.data())?,
                };
                part.into_bytes()
            }
            Self::Client(c) => {
                let mut payload = into_unique(part);
                match kind {
                    Kind::Text => c.frame_text(&mut payload, fin, &mut out.data())?,
                    Kind::Binary => c.frame_binary(&mut payload, fin, &mut out.data())?,
                };
                payload.freeze()
            }
        };
        out.push_shared(payload);
        Ok(())
    }
}

/// The payload as bytes of our own, copied only if it is shared.
fn into_unique(message: Message) -> BytesMut {
    let bytes = match message {
        Message::Text(text) => Bytes::from(text.into_vec()),
        Message::Binary(data) => data,
    };
    bytes
        .try_into_mut()
        .unwrap_or_else(|shared| BytesMut::from(&*shared))
}
