//! Either end, from the handshake on or from the open connection on, as one type. It keeps the
//! storage between runs, so that a run costs microseconds.

use core::cell::Cell;
use std::rc::Rc;
use std::sync::OnceLock;

use ws_proto::frame::Rsv;
use ws_proto::handshake::{
    Accept, ClientHandshake, ClientRequest, ExtensionOffer, HandshakeError, HeadError, Limits,
    OriginPolicy, PlainResponse, RequestError, ServerHandshake,
};
use ws_proto::{
    Client, CloseCode, CloseReason, Config, Connection, ControlPayload, Event, Fin, Input, Instant,
    Kind, MaskSource, Negotiated, Output, ProtocolError, ReceiveError, SendError, Server, TimedOut,
    Transport,
};

use crate::sink::Sink;
use ws_proto_suite::{Keys as Script, Lack, Room, Side, failed};

/// Masking keys by number, some of which are missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// The numbered keys of the shared script.
    #[default]
    Counted,
    /// The same key every time.
    Constant,
    /// Drawing the `n`th key fails, once.
    FailsAt(u32),
    /// Drawing the `n`th key and all later ones fails.
    FailsFrom(u32),
}

impl KeySource {
    pub(crate) fn fails(self) -> bool {
        matches!(self, Self::FailsAt(_) | Self::FailsFrom(_))
    }
}

#[derive(Debug)]
pub(crate) struct Keys {
    source: KeySource,
    drawn: u32,
    dry: Rc<Cell<bool>>,
}

impl MaskSource for Keys {
    fn mask_key(&mut self) -> Option<[u8; 4]> {
        let n = self.drawn;
        self.drawn += 1;
        match self.source {
            _ if self.dry.get() => None,
            KeySource::FailsAt(at) if n == at => None,
            KeySource::FailsFrom(from) if n >= from => None,
            KeySource::Constant => Some([0x11, 0x22, 0x33, 0x44]),
            _ => Some(Script::key(n)),
        }
    }
}

/// Where a scenario starts, and how both ends are set up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) side: Side,
    pub(crate) handshake: bool,
    pub(crate) config: Config,
    pub(crate) limits: Limits,
    /// The room for a head.
    pub(crate) storage: usize,
    /// Which stores fail.
    pub(crate) lack: Lack,
    /// Reserved bits in use, if there is no handshake to agree on them.
    pub(crate) rsv: Rsv,
    pub(crate) keys: KeySource,
    /// Whether a server turns down a request that it could accept.
    pub(crate) rejects: bool,
}

/// A call of the application, or of its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Text,
    Binary,
    TextPart(Fin),
    BinaryPart(Fin),
    /// Text that is cut inside a character, or the rest of it.
    Utf8Part(Fin),
    Extended(Fin),
    ExtendedText(Fin),
    FrameText,
    FrameTextPart(Fin),
    FrameBinaryPart(Fin),
    Ping,
    Pong,
    Close,
    CloseFull,
    CloseEmpty,
    /// The clock goes on by so many milliseconds.
    Tick(u64),
    /// The source of masking keys gives nothing from now on.
    Dry,
}

impl Call {
    /// Calls that send frames of messages: whole or in parts, copied or not, encoded elsewhere.
    pub(crate) const MESSAGES: [Self; 17] = [
        Self::Text,
        Self::Binary,
        Self::TextPart(Fin::No),
        Self::TextPart(Fin::Yes),
        Self::BinaryPart(Fin::No),
        Self::BinaryPart(Fin::Yes),
        Self::Utf8Part(Fin::No),
        Self::Utf8Part(Fin::Yes),
        Self::Extended(Fin::No),
        Self::Extended(Fin::Yes),
        Self::ExtendedText(Fin::No),
        Self::ExtendedText(Fin::Yes),
        Self::FrameText,
        Self::FrameTextPart(Fin::No),
        Self::FrameTextPart(Fin::Yes),
        Self::FrameBinaryPart(Fin::No),
        Self::FrameBinaryPart(Fin::Yes),
    ];
    pub(crate) const OTHERS: [Self; 8] = [
        Self::Ping,
        Self::Pong,
        Self::Close,
        Self::CloseFull,
        Self::CloseEmpty,
        Self::Tick(1),
        Self::Tick(30_000),
        Self::Dry,
    ];

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::MESSAGES.into_iter().chain(Self::OTHERS)
    }
}

/// What one call has led to.
pub(crate) enum Polled<'b> {
    /// All input is used up; a handshake says that too when the output has to be drained.
    Nothing,
    /// The output has to be drained before anything more is received.
    Full,
    Event(Event<'b>),
    /// The handshake is done.
    Open,
    /// The server's application has turned the request down.
    Rejected,
    Refused(HandshakeError),
    Failed(ProtocolError),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallError {
    Send(SendError),
    TimedOut(TimedOut),
}

static PROTOCOLS: [&str; 2] = ["chat", "mqtt"];
static EXTENSIONS: [ExtensionOffer<'static>; 2] = [
    ExtensionOffer::new("x-one", &[]).with_rsv(Rsv::RSV1),
    ExtensionOffer::new("x-two", &[("p", Some("1"))]).with_rsv(Rsv::RSV2),
];

/// How many bytes of storage the client's offer takes, and how many stores.
static OFFER: OnceLock<(usize, usize)> = OnceLock::new();

/// The nonce of the sample handshake in RFC 6455 1.3.
const NONCE: [u8; 16] = *b"the sample nonce";

#[allow(
    clippy::large_enum_variant,
    reason = "a box would count as memory of the engine's"
)]
enum State {
    AsksServer(ServerHandshake<Room>),
    AsksClient(ClientHandshake<Room>),
    Server(Connection<Server>),
    Client(Connection<Client<Keys>>),
    Between,
}

pub(crate) struct Engine {
    setup: Setup,
    state: State,
    storage: Room,
    /// Shared with the source of keys inside the connection.
    dry: Rc<Cell<bool>>,
    now: u64,
}

macro_rules! connection {
    ($engine:expr, $connection:ident => $call:expr, $else:expr) => {
        match $engine {
            State::Server($connection) => $call,
            State::Client($connection) => $call,
            _ => $else,
        }
    };
}

impl Engine {
    pub(crate) fn new(
        setup: Setup,
        mut storage: Room,
        dry: &Rc<Cell<bool>>,
        sink: &mut Sink,
    ) -> Self {
        dry.set(false);
        storage.reset(setup.storage, setup.lack);
        let mut engine = Self {
            setup,
            state: State::Between,
            storage: Room::default(),
            dry: Rc::clone(dry),
            now: 0,
        };
        if !setup.handshake {
            engine.storage = storage;
            engine.open(Negotiated::new().with_rsv(setup.rsv));
            return engine;
        }
        engine.state = match setup.side {
            Side::Server => State::AsksServer(ServerHandshake::new(storage, setup.limits)),
            Side::Client => {
                let request = ClientRequest::new("example.com", "/chat")
                    .subprotocols(&PROTOCOLS)
                    .extensions(&EXTENSIONS);
                // The limits of the storage are for the answer.
                let (bytes, stores) = *OFFER.get_or_init(|| {
                    let storage = Room::new(4096, Lack::Never);
                    let (limits, out) = (Limits::new(), &mut Vec::new());
                    let started = ClientHandshake::start(request, NONCE, storage, limits, out);
                    let storage = started.expect("a request that can be sent").into_storage();
                    (storage.bytes.len(), storage.stores)
                });
                storage.limit += bytes;
                storage.lack = match setup.lack {
                    Lack::Never => Lack::Never,
                    Lack::At(at) => Lack::At(at + stores),
                    Lack::From(from) => Lack::From(from + stores),
                };
                let handshake = ClientHandshake::start(request, NONCE, storage, setup.limits, sink);
                State::AsksClient(handshake.expect("a request that can be sent"))
            }
        };
        engine
    }

    /// Gives the storage back for the next run.
    pub(crate) fn into_storage(self) -> Room {
        match self.state {
            State::AsksServer(handshake) => handshake.into_storage(),
            State::AsksClient(handshake) => handshake.into_storage(),
            _ => self.storage,
        }
    }

    fn open(&mut self, negotiated: Negotiated) {
        let keys = Keys {
            source: self.setup.keys,
            drawn: 0,
            dry: Rc::clone(&self.dry),
        };
        let config = self.setup.config;
        let state = match self.setup.side {
            Side::Server => State::Server(Connection::server(negotiated, config)),
            Side::Client => State::Client(Connection::client(negotiated, config, keys)),
        };
        match core::mem::replace(&mut self.state, state) {
            State::AsksServer(handshake) => self.storage = handshake.into_storage(),
            State::AsksClient(handshake) => self.storage = handshake.into_storage(),
            _ => {}
        }
    }

    pub(crate) fn poll<'b>(&mut self, input: &mut Input<'b>, sink: &mut Sink) -> Polled<'b> {
        let negotiated = match &mut self.state {
            State::AsksServer(handshake) => match handshake.receive(input, sink) {
                Ok(None) => {
                    assert!(input.is_empty(), "all input was consumed");
                    return Polled::Nothing;
                }
                Err(RequestError::OutputFull) => return Polled::Full,
                Err(error) => return Polled::Refused(failed(error)),
                Ok(Some(_)) => self.answer(sink),
            },
            State::AsksClient(handshake) => match handshake.receive(input) {
                Ok(None) => {
                    assert!(input.is_empty(), "all input was consumed");
                    return Polled::Nothing;
                }
                Err(error) => return Polled::Refused(error),
                Ok(Some(established)) => Some(established.negotiated()),
            },
            State::Server(connection) => return polled(connection.receive(input, sink)),
            State::Client(connection) => return polled(connection.receive(input, sink)),
            State::Between => unreachable!("an engine is a handshake or a connection"),
        };
        match negotiated {
            Some(negotiated) => {
                self.open(negotiated);
                Polled::Open
            }
            None => Polled::Rejected,
        }
    }

    /// A server's decision on a good request. `None` after a rejection.
    fn answer(&mut self, sink: &mut Sink) -> Option<Negotiated> {
        let State::AsksServer(handshake) = &mut self.state else {
            return None;
        };
        loop {
            let upgrade = handshake.upgrade()?;
            let done = if self.setup.rejects {
                let response = PlainResponse::new(403).body(b"not you");
                upgrade.reject(&response, sink).map(|()| None)
            } else {
                let chosen = upgrade.choose_subprotocol(&["mqtt", "chat"]);
                let accept = Accept::new()
                    .maybe_subprotocol(chosen)
                    .origins(OriginPolicy::any());
                let offered = upgrade.extensions().any(|one| one.name() == "x-one");
                let accept = accept.extensions(if offered { &EXTENSIONS[..1] } else { &[] });
                upgrade.accept(&accept, sink).map(Some)
            };
            match done {
                Ok(negotiated) => return negotiated,
                Err(HeadError::OutputFull) => sink.make_room(),
                Err(error) => panic!("an answer that can be sent: {error}"),
            }
        }
    }

    /// Whether the driver has to drain before anything more is received.
    pub(crate) fn least_room(&self) -> usize {
        match self.state {
            State::AsksServer(_) => ws_proto::handshake::MAX_REFUSAL,
            State::AsksClient(_) => 0,
            _ => ws_proto::MAX_CONTROL_FRAME,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Server(_) | State::Client(_))
    }

    pub(crate) fn call(&mut self, call: Call, sink: &mut Sink) -> Result<(), CallError> {
        match call {
            Call::Tick(millis) => {
                self.now += millis;
                return self.tick(sink).map_err(CallError::TimedOut);
            }
            Call::Dry => {
                self.dry.set(true);
                return Ok(());
            }
            _ => {}
        }
        connection!(&mut self.state, connection => match call {
            Call::Text => connection.send_text("t\u{e9}xt", sink),
            Call::Binary => connection.send_binary(&[0, 0xff], sink),
            Call::TextPart(fin) => connection.send_text_part("p\u{e4}rt", fin, sink),
            Call::BinaryPart(fin) => connection.send_binary_part(b"", fin, sink),
            Call::Utf8Part(fin) => connection.send_utf8_part(cut_text(fin), fin, sink),
            Call::Extended(fin) => {
                connection.send_extended(Kind::Binary, Rsv::RSV1, b"enc", fin, sink)
            }
            Call::ExtendedText(fin) => {
                connection.send_extended(Kind::Text, Rsv::RSV1, b"\xff", fin, sink)
            }
            Call::Ping => connection.ping(b"are you there", sink),
            Call::Pong => connection.pong(ControlPayload::EMPTY, sink),
            Call::Close => connection.close(CloseCode::GOING_AWAY, CloseReason::EMPTY, sink),
            Call::CloseFull => {
                connection.close(CloseCode::NORMAL, CloseReason::truncated(LONG), sink)
            }
            Call::CloseEmpty => connection.close_empty(sink),
            Call::FrameText
            | Call::FrameTextPart(_)
            | Call::FrameBinaryPart(_)
            | Call::Tick(_)
            | Call::Dry => Ok(()),
        }, Ok(()))
        .and_then(|()| self.frame(call, sink))
        .map_err(CallError::Send)
    }

    /// The calls that write a header, and leave the payload where it is.
    fn frame(&mut self, call: Call, sink: &mut Sink) -> Result<(), SendError> {
        let bytes = match call {
            Call::FrameText => b"zc",
            Call::FrameTextPart(fin) => cut_text(fin),
            Call::FrameBinaryPart(_) => b"\xff",
            _ => return Ok(()),
        };
        let mut buffer = [0; 2];
        let payload = &mut buffer[..bytes.len()];
        payload.copy_from_slice(bytes);
        if sink.room() < 2 + 4 + payload.len() {
            return Err(SendError::OutputFull);
        }
        let payload = match &mut self.state {
            State::Server(connection) => match call {
                Call::FrameTextPart(fin) => connection.frame_utf8_part(payload, fin, sink)?,
                Call::FrameBinaryPart(fin) => connection.frame_binary_part(payload, fin, sink)?,
                _ => connection.frame_text("zc", sink)?,
            },
            State::Client(connection) => match call {
                Call::FrameTextPart(fin) => connection.frame_text_part(payload, fin, sink)?,
                Call::FrameBinaryPart(fin) => connection.frame_binary_part(payload, fin, sink)?,
                _ => connection.frame_text(payload, sink)?,
            },
            _ => &[],
        };
        sink.put(payload);
        Ok(())
    }

    /// Bytes of a message that the application sends back.
    pub(crate) fn echo(&mut self, data: &[u8], sink: &mut Sink) -> Result<(), SendError> {
        connection!(&mut self.state, connection => connection.send_binary(data, sink), Ok(()))
    }

    pub(crate) fn pong(&mut self, sink: &mut Sink) -> Result<(), SendError> {
        let mut payload = [0; 125];
        let len = self.control_payload().len();
        payload[..len].copy_from_slice(self.control_payload());
        let payload = ControlPayload::new(&payload[..len]).expect("as it came");
        connection!(&mut self.state, connection => connection.pong(payload, sink), Ok(()))
    }

    pub(crate) fn close(&mut self, code: CloseCode, sink: &mut Sink) -> Result<(), SendError> {
        connection!(&mut self.state,
            connection => connection.close(code, CloseReason::EMPTY, sink), Ok(()))
    }

    pub(crate) fn answer_close(&mut self, sink: &mut Sink) -> Result<(), SendError> {
        match self.close_code() {
            Some(CloseCode::MANDATORY_EXTENSION) | None => {
                connection!(&mut self.state, connection => connection.close_empty(sink), Ok(()))
            }
            Some(code) => self.close(code, sink),
        }
    }

    fn tick(&mut self, sink: &mut Sink) -> Result<(), TimedOut> {
        let now = Instant::from_millis(self.now);
        let deadline = match &mut self.state {
            State::AsksServer(handshake) => handshake.tick(now, sink)?,
            State::AsksClient(handshake) => handshake.tick(now)?,
            State::Server(connection) => connection.tick(now, sink)?,
            State::Client(connection) => connection.tick(now, sink)?,
            State::Between => None,
        };
        if let Some(deadline) = deadline {
            assert!(deadline > now, "a deadline in the past");
        }
        Ok(())
    }

    /// Tells whether the end is a clean one.
    pub(crate) fn eof(&mut self) -> Result<(), Option<HandshakeError>> {
        match &mut self.state {
            State::AsksServer(handshake) => handshake.receive_eof().map_err(Some),
            State::AsksClient(handshake) => handshake.receive_eof().map_err(Some),
            State::Server(connection) => connection.receive_eof().map_err(|_| None),
            State::Client(connection) => connection.receive_eof().map_err(|_| None),
            State::Between => Ok(()),
        }
    }

    pub(crate) fn transport(&self) -> Transport {
        match &self.state {
            State::AsksServer(handshake) => handshake.transport(),
            State::AsksClient(handshake) => handshake.transport(),
            State::Server(connection) => connection.transport(),
            State::Client(connection) => connection.transport(),
            State::Between => Transport::Open,
        }
    }

    /// The status and the body of a refusal that a client got.
    pub(crate) fn refusal(&self) -> Option<(u16, bool, &[u8])> {
        let State::AsksClient(handshake) = &self.state else {
            return None;
        };
        let refusal = handshake.refusal()?;
        Some((refusal.status(), refusal.is_body_complete(), refusal.body()))
    }

    pub(crate) fn control_payload(&self) -> &[u8] {
        connection!(&self.state, connection => connection.control_payload(), &[])
    }

    pub(crate) fn close_code(&self) -> Option<CloseCode> {
        connection!(&self.state, connection => connection.close_code(), None)
    }

    pub(crate) fn close_reason(&self) -> &str {
        connection!(&self.state, connection => connection.close_reason(), "")
    }

    pub(crate) fn is_close_received(&self) -> bool {
        connection!(&self.state, connection => connection.is_close_received(), false)
    }

    pub(crate) fn can_send(&self) -> bool {
        connection!(&self.state, connection => connection.can_send(), false)
    }

    pub(crate) fn frame_remaining(&self) -> u64 {
        connection!(&self.state, connection => connection.frame_remaining(), 0)
    }
}

fn polled(result: Result<Option<Event<'_>>, ReceiveError>) -> Polled<'_> {
    match result {
        Ok(Some(event)) => Polled::Event(event),
        Ok(None) => Polled::Nothing,
        Err(ReceiveError::OutputFull) => Polled::Full,
        Err(ReceiveError::Protocol(error)) => Polled::Failed(error),
    }
}

const LONG: &str = "a reason of more than the one hundred and twenty-three bytes that fit into the \
    frame, so that it has to be cut somewhere behind this place";

/// The first part of a text ends inside a character, and the last completes that.
fn cut_text(fin: Fin) -> &'static [u8] {
    match fin {
        Fin::No => b"u\xc3",
        Fin::Yes => b"\xa9",
    }
}
