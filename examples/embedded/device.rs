//! Two devices without an allocator: one serves, one sends readings to it.
//!
//! Everything lives in arrays. The bytes between them go in packets of any size.

use ws_proto::handshake::{
    Accept, ClientHandshake, ClientRequest, Limits, OriginPolicy, PlainResponse, ServerHandshake,
};
use ws_proto::{
    Assembler, Client, CloseCode, CloseReason, Config, Connection, Event, Fin, FixedBuf, Input,
    MaskSource, Message, Negotiated, Server,
};

/// Why a device has given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The handshake failed.
    Handshake,
    /// The connection failed.
    Connection,
    /// A message could not be sent or put together.
    Message,
}

/// The server: adds up the readings it gets, and answers each with the sum so far.
pub(crate) struct Adder {
    handshake: ServerHandshake<FixedBuf<512>>,
    open: Option<Connection<Server>>,
    assembler: Assembler<FixedBuf<64>>,
    sum: u32,
    out: FixedBuf<512>,
}

impl Adder {
    /// A server that waits for a client.
    pub(crate) fn new() -> Self {
        let limits = Limits::new().head_bytes(512).lines(16);
        Self {
            handshake: ServerHandshake::new(FixedBuf::new(), limits),
            open: None,
            assembler: Assembler::new(FixedBuf::new(), 64),
            sum: 0,
            out: FixedBuf::new(),
        }
    }

    /// Takes a packet from the client.
    pub(crate) fn receive(&mut self, packet: &mut [u8]) -> Result<(), Fault> {
        let mut input = Input::new(packet);
        if self.open.is_none() {
            self.open = self.shake(&mut input)?;
        }
        let Some(connection) = &mut self.open else {
            return Ok(());
        };

        while let Some(event) = connection
            .receive(&mut input, &mut self.out)
            .map_err(|_| Fault::Connection)?
        {
            let message = self.assembler.push(event).map_err(|_| Fault::Message)?;
            if let Some(Message::Binary(&[high, low])) = message {
                self.sum += u32::from(u16::from_be_bytes([high, low]));
                let answer = self.sum.to_be_bytes();
                connection
                    .send_binary(&answer, &mut self.out)
                    .map_err(|_| Fault::Message)?;
            }
        }
        Ok(())
    }

    /// The next packet to the client, and its length.
    pub(crate) fn send(&mut self, packet: &mut [u8]) -> usize {
        drain(&mut self.out, packet)
    }

    fn shake(&mut self, input: &mut Input<'_>) -> Result<Option<Connection<Server>>, Fault> {
        let received = self.handshake.receive(input, &mut self.out);
        let Some(upgrade) = received.map_err(|_| Fault::Handshake)? else {
            return Ok(None);
        };
        if !OriginPolicy::same_host().allows(&upgrade) {
            let _ = upgrade.reject(&PlainResponse::new(403), &mut self.out);
            return Err(Fault::Handshake);
        }
        let negotiated = upgrade.accept(&Accept::new(), &mut self.out);
        let negotiated = negotiated.map_err(|_| Fault::Handshake)?;
        Ok(Some(Connection::server(negotiated, config())))
    }
}

/// The client: sends readings, masked in place in its own array, and keeps the last answer.
pub(crate) struct Sensor<M: MaskSource> {
    handshake: ClientHandshake<FixedBuf<512>>,
    keys: Option<M>,
    open: Option<Connection<Client<M>>>,
    answer: Option<u32>,
    closed: bool,
    out: FixedBuf<512>,
}

impl<M: MaskSource> Sensor<M> {
    /// A client whose request is ready to be sent.
    pub(crate) fn new(nonce: [u8; 16], keys: M) -> Result<Self, Fault> {
        let mut out = FixedBuf::new();
        let request = ClientRequest::new("adder.local", "/sum");
        let limits = Limits::new().head_bytes(512).lines(16);
        let handshake = ClientHandshake::start(request, nonce, FixedBuf::new(), limits, &mut out);
        Ok(Self {
            handshake: handshake.map_err(|_| Fault::Handshake)?,
            keys: Some(keys),
            open: None,
            answer: None,
            closed: false,
            out,
        })
    }

    /// Whether readings can be sent.
    pub(crate) fn is_open(&self) -> bool {
        self.open.as_ref().is_some_and(Connection::can_send)
    }

    /// Whether the closing handshake is done.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The last answer.
    pub(crate) fn answer(&self) -> Option<u32> {
        self.answer
    }

    /// Queues a reading.
    pub(crate) fn measure(&mut self, reading: u16) -> Result<(), Fault> {
        let Some(connection) = &mut self.open else {
            return Err(Fault::Message);
        };
        let mut payload = reading.to_be_bytes();
        // The header goes to `out`, the payload is masked where it is. A device that writes with
        // DMA would now hand over both.
        let masked = connection.frame_binary(&mut payload, Fin::Yes, &mut self.out);
        let masked = masked.map_err(|_| Fault::Message)?;
        ws_proto::Storage::store(&mut self.out, masked).map_err(|_| Fault::Message)
    }

    /// Starts the closing handshake.
    pub(crate) fn close(&mut self) -> Result<(), Fault> {
        let Some(connection) = &mut self.open else {
            return Err(Fault::Message);
        };
        let closed = connection.close(CloseCode::NORMAL, CloseReason::EMPTY, &mut self.out);
        closed.map_err(|_| Fault::Message)
    }

    /// Takes a packet from the server.
    pub(crate) fn receive(&mut self, packet: &mut [u8]) -> Result<(), Fault> {
        let mut input = Input::new(packet);
        if self.open.is_none() {
            let established = self.handshake.receive(&mut input);
            let Some(established) = established.map_err(|_| Fault::Handshake)? else {
                return Ok(());
            };
            let negotiated: Negotiated = established.negotiated();
            let Some(keys) = self.keys.take() else {
                return Err(Fault::Handshake);
            };
            self.open = Some(Connection::client(negotiated, config(), keys));
        }
        let Some(connection) = &mut self.open else {
            return Ok(());
        };
        loop {
            let event = connection.receive(&mut input, &mut self.out);
            match event.map_err(|_| Fault::Connection)? {
                Some(Event::Binary(piece)) => {
                    // Four bytes; they may come one by one.
                    let before = if piece.first {
                        0
                    } else {
                        self.answer.unwrap_or(0)
                    };
                    let sum = piece
                        .data
                        .iter()
                        .fold(before, |sum, &byte| sum << 8 | u32::from(byte));
                    self.answer = Some(sum);
                }
                Some(Event::Close(_)) => self.closed = true,
                Some(_) => {}
                None => return Ok(()),
            }
        }
    }

    /// The next packet to the server, and its length.
    pub(crate) fn send(&mut self, packet: &mut [u8]) -> usize {
        drain(&mut self.out, packet)
    }
}

/// Sends three readings over a link of small packets; the sum that came back.
pub(crate) fn run<M: MaskSource>(nonce: [u8; 16], keys: M) -> Result<u32, Fault> {
    let mut adder = Adder::new();
    let mut sensor = Sensor::new(nonce, keys)?;
    let mut readings = [1_000, 2_000, 30_000].into_iter();
    let mut packet = [0; 48];
    while !sensor.is_closed() {
        if sensor.is_open() {
            match readings.next() {
                Some(reading) => sensor.measure(reading)?,
                None => sensor.close()?,
            }
        }
        loop {
            let to_adder = sensor.send(&mut packet);
            adder.receive(packet.get_mut(..to_adder).unwrap_or_default())?;
            let to_sensor = adder.send(&mut packet);
            sensor.receive(packet.get_mut(..to_sensor).unwrap_or_default())?;
            if to_adder == 0 && to_sensor == 0 {
                break;
            }
        }
    }
    sensor.answer().ok_or(Fault::Message)
}

const fn config() -> Config {
    Config::new().max_message(64).max_frame(64).max_fragments(8)
}

fn drain<const N: usize>(out: &mut FixedBuf<N>, packet: &mut [u8]) -> usize {
    let n = out.pending().len().min(packet.len());
    for (to, from) in packet.iter_mut().zip(out.pending()) {
        *to = *from;
    }
    out.consume(n);
    n
}
