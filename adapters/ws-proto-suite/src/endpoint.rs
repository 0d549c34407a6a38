//! One type for both ends, so that one test body runs for server and client.

use core::cell::Cell;
use std::rc::Rc;

use super::drive::Pieces;
use ws_proto::frame::Rsv;
use ws_proto::{
    Client, CloseCode, CloseReason, Config, Connection, ControlPayload, Event, Fin, Input, Instant,
    Kind, MaskSource, Negotiated, Output, ReceiveError, SendError, Server, TimedOut, Transport,
    UnexpectedEof,
};
use ws_proto_test::Side;

/// A scripted source of masking keys: every key is known beforehand, and it can run dry.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    script: Rc<Script>,
}

#[derive(Debug, Default)]
struct Script {
    drawn: Cell<u32>,
    dry: Cell<bool>,
}

impl Keys {
    /// The `n`th key of the script. No two are equal.
    pub fn key(n: u32) -> [u8; 4] {
        n.wrapping_mul(0x9e37_79b1)
            .wrapping_add(0x1234_5678)
            .to_be_bytes()
    }

    pub fn drawn(&self) -> u32 {
        self.script.drawn.get()
    }

    pub fn set_dry(&self, dry: bool) {
        self.script.dry.set(dry);
    }
}

impl MaskSource for Keys {
    fn mask_key(&mut self) -> Option<[u8; 4]> {
        if self.script.dry.get() {
            return None;
        }
        let n = self.script.drawn.get();
        self.script.drawn.set(n + 1);
        Some(Self::key(n))
    }
}

/// A connection of either role.
#[derive(Debug)]
pub struct Endpoint {
    pub side: Side,
    pub keys: Keys,
    /// What has come of the current message.
    pub pieces: Pieces,
    connection: Either,
}

#[derive(Debug)]
enum Either {
    Server(Connection<Server>),
    Client(Connection<Client<Keys>>),
}

macro_rules! either {
    ($endpoint:expr, $connection:ident => $call:expr) => {
        match $endpoint {
            Either::Server($connection) => $call,
            Either::Client($connection) => $call,
        }
    };
}

impl Endpoint {
    pub fn new(side: Side) -> Self {
        Self::with(side, Negotiated::new(), Config::new())
    }

    pub fn configured(side: Side, config: Config) -> Self {
        Self::with(side, Negotiated::new(), config)
    }

    pub fn with(side: Side, negotiated: Negotiated, config: Config) -> Self {
        let keys = Keys::default();
        let connection = match side {
            Side::Server => Either::Server(Connection::server(negotiated, config)),
            Side::Client => Either::Client(Connection::client(negotiated, config, keys.clone())),
        };
        Self {
            side,
            keys,
            pieces: Pieces::default(),
            connection,
        }
    }

    pub fn receive<'b, O: Output + ?Sized>(
        &mut self,
        input: &mut Input<'b>,
        out: &mut O,
    ) -> Result<Option<Event<'b>>, ReceiveError> {
        either!(&mut self.connection, c => c.receive(input, out))
    }

    pub fn frame_missing(&self, received: &[u8], least: usize, most: usize) -> usize {
        either!(&self.connection, c => c.frame_missing(received, least, most))
    }

    pub fn note_activity(&mut self) {
        either!(&mut self.connection, c => c.note_activity());
    }

    pub fn receive_eof(&mut self) -> Result<(), UnexpectedEof> {
        either!(&mut self.connection, c => c.receive_eof())
    }

    pub fn tick<O: Output + ?Sized>(
        &mut self,
        millis: u64,
        out: &mut O,
    ) -> Result<Option<u64>, TimedOut> {
        let now = Instant::from_millis(millis);
        let deadline = either!(&mut self.connection, c => c.tick(now, out))?;
        Ok(deadline.map(Instant::as_millis))
    }

    pub fn transport(&self) -> Transport {
        either!(&self.connection, c => c.transport())
    }

    pub fn can_send(&self) -> bool {
        either!(&self.connection, c => c.can_send())
    }

    pub fn send_text<O: Output + ?Sized>(
        &mut self,
        text: &str,
        out: &mut O,
    ) -> Result<(), SendError> {
        either!(&mut self.connection, c => c.send_text(text, out))
    }

    pub fn send_binary<O: Output + ?Sized>(
        &mut self,
        data: &[u8],
        out: &mut O,
    ) -> Result<(), SendError> {
        either!(&mut self.connection, c => c.send_binary(data, out))
    }

    pub fn send_text_part<O: Output + ?Sized>(
        &mut self,
        part: &str,
        fin: Fin,
        out: &mut O,
    ) -> Result<(), SendError> {
        either!(&mut self.connection, c => c.send_text_part(part, fin, out))
    }

    pub fn send_binary_part<O: Output + ?Sized>(
        &mut self,
        part: &[u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<(), SendError> {
        either!(&mut self.connection, c => c.send_binary_part(part, fin, out))
    }

    pub fn send_extended<O: Output + ?Sized>(
        &mut self,
        kind: Kind,
        rsv: Rsv,
        encoded: &[u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<(), SendError> {
        either!(&mut self.connection, c => c.send_extended(kind, rsv, encoded, fin, out))
    }

    pub fn send_utf8_part<O: Output + ?Sized>(
        &mut self,
        part: &[u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<(), SendError> {
        either!(&mut self.connection, c => c.send_utf8_part(part, fin, out))
    }

    pub fn is_message_open(&self) -> bool {
        either!(&self.connection, c => c.is_message_open())
    }

    /// A text message without copying it; the payload to write after the header.
    pub fn frame_text<O: Output + ?Sized>(
        &mut self,
        text: &str,
        out: &mut O,
    ) -> Result<Vec<u8>, SendError> {
        match &mut self.connection {
            Either::Server(c) => Ok(c.frame_text(text, out)?.to_vec()),
            Either::Client(c) => {
                let mut bytes = text.as_bytes().to_vec();
                Ok(c.frame_text(&mut bytes, out)?.to_vec())
            }
        }
    }

    /// A binary message without copying it.
    pub fn frame_binary<O: Output + ?Sized>(
        &mut self,
        data: &[u8],
        out: &mut O,
    ) -> Result<Vec<u8>, SendError> {
        match &mut self.connection {
            Either::Server(c) => Ok(c.frame_binary(data, out)?.to_vec()),
            Either::Client(c) => Ok(c.frame_binary(&mut data.to_vec(), out)?.to_vec()),
        }
    }

    /// A part of a text message without copying it.
    pub fn frame_text_part<O: Output + ?Sized>(
        &mut self,
        text: &str,
        fin: Fin,
        out: &mut O,
    ) -> Result<Vec<u8>, SendError> {
        match &mut self.connection {
            Either::Server(c) => Ok(c.frame_text_part(text, fin, out)?.to_vec()),
            Either::Client(c) => {
                let mut bytes = text.as_bytes().to_vec();
                Ok(c.frame_text_part(&mut bytes, fin, out)?.to_vec())
            }
        }
    }

    /// A part of a binary message without copying it.
    pub fn frame_binary_part<O: Output + ?Sized>(
        &mut self,
        data: &[u8],
        fin: Fin,
        out: &mut O,
    ) -> Result<Vec<u8>, SendError> {
        match &mut self.connection {
            Either::Server(c) => Ok(c.frame_binary_part(data, fin, out)?.to_vec()),
            Either::Client(c) => Ok(c.frame_binary_part(&mut data.to_vec(), fin, out)?.to_vec()),
        }
    }

    pub fn ping<O: Output + ?Sized>(
        &mut self,
        payload: &[u8],
        out: &mut O,
    ) -> Result<(), SendError> {
        let payload = ControlPayload::new(payload).expect("at most 125 bytes");
        either!(&mut self.connection, c => c.ping(payload, out))
    }

    pub fn pong<O: Output + ?Sized>(
        &mut self,
        payload: &[u8],
        out: &mut O,
    ) -> Result<(), SendError> {
        let payload = ControlPayload::new(payload).expect("at most 125 bytes");
        either!(&mut self.connection, c => c.pong(payload, out))
    }

    pub fn close<O: Output + ?Sized>(
        &mut self,
        code: u16,
        reason: &str,
        out: &mut O,
    ) -> Result<(), SendError> {
        let code = CloseCode::new(code).expect("a code for the wire");
        let reason = CloseReason::new(reason).expect("at most 123 bytes");
        either!(&mut self.connection, c => c.close(code, reason, out))
    }

    pub fn close_empty<O: Output + ?Sized>(&mut self, out: &mut O) -> Result<(), SendError> {
        either!(&mut self.connection, c => c.close_empty(out))
    }

    pub fn control_payload(&self) -> &[u8] {
        either!(&self.connection, c => c.control_payload())
    }

    pub fn close_code(&self) -> Option<u16> {
        either!(&self.connection, c => c.close_code()).map(CloseCode::as_u16)
    }

    pub fn close_reason(&self) -> &str {
        either!(&self.connection, c => c.close_reason())
    }

    pub fn is_close_received(&self) -> bool {
        either!(&self.connection, c => c.is_close_received())
    }

    pub fn frame_remaining(&self) -> u64 {
        either!(&self.connection, c => c.frame_remaining())
    }
}
