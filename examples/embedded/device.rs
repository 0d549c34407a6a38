//! Two devices without an allocator: one serves, one sends readings to it.
//!
//! Everything lives in arrays. The bytes between them go in packets of any size. A device whose output is
//! full takes no more of a packet: the rest waits until the output has been sent.

use ws_proto::handshake::{
    Accept, ClientHandshake, ClientRequest, Limits, OriginPolicy, ServerHandshake,
};
use ws_proto::{
    Assembler, Client, CloseCode, CloseReason, Config, Connection, Event, FixedBuf, Input,
    MaskSource, Message, Negotiated, ReceiveError, Server,
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
///
/// `OUT` is the size of its output. It has to hold the answer to a handshake.
pub(crate) struct Adder<const OUT: usize> {
    handshake: ServerHandshake<FixedBuf<512>>,
    open: Option<Connection<Server>>,
    assembler: Assembler<FixedBuf<64>>,
    sum: u32,
    out: FixedBuf<OUT>,
}

impl<const OUT: usize> Adder<OUT> {
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

    /// Takes as much of a packet from the client as the output has room to answer: how many bytes. The
    /// rest has to be given again once [`send`](Self::send) has made room.
    pub(crate) fn receive(&mut self, packet: &mut [u8]) -> Result<usize, Fault> {
        let len = packet.len();
        let mut input = Input::new(packet);
        if self.open.is_none() {
            self.open = self.shake(&mut input)?;
        }
        let Some(connection) = &mut self.open else {
            return Ok(len - input.len());
        };

        loop {
            let event = match connection.receive(&mut input, &mut self.out) {
                Ok(Some(event)) => event,
                Ok(None) | Err(ReceiveError::OutputFull) => return Ok(len - input.len()),
                Err(ReceiveError::Protocol(_)) => return Err(Fault::Connection),
            };
            let message = self.assembler.push(event).map_err(|_| Fault::Message)?;
            if let Some(Message::Binary(&[high, low])) = message {
                self.sum += u32::from(u16::from_be_bytes([high, low]));
                let answer = self.sum.to_be_bytes();
                // It fits: `receive` wants room for a control frame and has put nothing for a message.
                connection
                    .send_binary(&answer, &mut self.out)
                    .map_err(|_| Fault::Message)?;
            }
        }
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
        // Pages come by its address: any name can be that of a site (DNS rebinding).
        let accept = Accept::new().origins(OriginPolicy::local());
        let negotiated = upgrade.accept(&accept, &mut self.out);
        let negotiated = negotiated.map_err(|_| Fault::Handshake)?;
        Ok(Some(Connection::server(negotiated, config())))
    }
}

/// The client: sends readings, masked in place in its own array, and keeps the last answer.
pub(crate) struct Sensor<M: MaskSource, const OUT: usize> {
    handshake: ClientHandshake<FixedBuf<512>>,
    keys: Option<M>,
    open: Option<Connection<Client<M>>>,
    answer: Option<u32>,
    closed: bool,
    out: FixedBuf<OUT>,
}

impl<M: MaskSource, const OUT: usize> Sensor<M, OUT> {
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
        let masked = connection.frame_binary(&mut payload, &mut self.out);
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

    /// Takes as much of a packet from the server as the output has room to answer, as
    /// [`Adder::receive`] does.
    pub(crate) fn receive(&mut self, packet: &mut [u8]) -> Result<usize, Fault> {
        let len = packet.len();
        let mut input = Input::new(packet);
        if self.open.is_none() {
            let established = self.handshake.receive(&mut input);
            let Some(established) = established.map_err(|_| Fault::Handshake)? else {
                return Ok(len - input.len());
            };
            let negotiated: Negotiated = established.negotiated();
            let Some(keys) = self.keys.take() else {
                return Err(Fault::Handshake);
            };
            self.open = Some(Connection::client(negotiated, config(), keys));
        }
        let Some(connection) = &mut self.open else {
            return Ok(len - input.len());
        };
        loop {
            match connection.receive(&mut input, &mut self.out) {
                Ok(Some(Event::Binary(piece))) => {
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
                Ok(Some(Event::Close(_))) => self.closed = true,
                Ok(Some(_)) => {}
                Ok(None) | Err(ReceiveError::OutputFull) => return Ok(len - input.len()),
                Err(ReceiveError::Protocol(_)) => return Err(Fault::Connection),
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
    let mut adder = Adder::<512>::new();
    let mut sensor = Sensor::<M, 512>::new(nonce, keys)?;
    let mut readings = [1_000, 2_000, 30_000].into_iter();
    let (mut to_adder, mut to_sensor) = (Link::new(), Link::new());
    while !sensor.is_closed() {
        if sensor.is_open() {
            match readings.next() {
                Some(reading) => sensor.measure(reading)?,
                None => sensor.close()?,
            }
        }
        loop {
            let sent = to_adder.carry(|packet| sensor.send(packet), |rest| adder.receive(rest))?;
            let answered =
                to_sensor.carry(|packet| adder.send(packet), |rest| sensor.receive(rest))?;
            if sent == 0 && answered == 0 {
                break;
            }
        }
    }
    sensor.answer().ok_or(Fault::Message)
}

/// One direction of the link: the packet on its way, and how much of it was taken.
struct Link {
    packet: [u8; 48],
    taken: usize,
    len: usize,
}

impl Link {
    const fn new() -> Self {
        Self {
            packet: [0; 48],
            taken: 0,
            len: 0,
        }
    }

    /// Loads a packet if the last one was taken as a whole, and offers the rest of it; how many bytes
    /// were taken.
    fn carry(
        &mut self,
        send: impl FnOnce(&mut [u8]) -> usize,
        receive: impl FnOnce(&mut [u8]) -> Result<usize, Fault>,
    ) -> Result<usize, Fault> {
        if self.taken == self.len {
            self.taken = 0;
            self.len = send(&mut self.packet);
        }
        let rest = self.packet.get_mut(self.taken..self.len);
        let taken = receive(rest.unwrap_or_default())?;
        self.taken += taken;
        Ok(taken)
    }
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
