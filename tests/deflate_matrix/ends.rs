//! The three ways to take compressed messages, as one trait.

use ws_proto::extension::deflate::{DeflateDecoder, DeflateEncoder, Inflated};
use ws_proto::{
    AssembleError, Assembler, CloseCode, CloseReason, Connection, ControlPayload, Event, Input,
    MAX_CONTROL_FRAME, Message, Output, ReceiveError, Role, SendError, Transport, WebSocket,
    WebSocketError,
};

use crate::run::{Call, Item, PART, PLAIN, Setup, TEXT, Taker};
use crate::sink::Sink;

/// What one call has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Polled {
    /// There may be more.
    Emitted,
    /// Input is left until output is drained.
    Waiting,
    /// All input is used up.
    Nothing,
}

pub(crate) trait Ends<R> {
    /// One call of what receives; how many bytes that uses up. A message goes into `emitted`.
    fn poll(
        &mut self,
        bytes: &mut [u8],
        emitted: &mut Option<Item>,
    ) -> (usize, Result<Polled, WebSocketError>);
    fn echo(&mut self, data: &[u8]) -> Result<(), SendError>;
    fn call(&mut self, call: Call) -> Result<(), SendError>;
    /// All that was ever put out.
    fn written(&self) -> usize;
    /// Moves at most `step` bytes of the output.
    fn drain(&mut self, step: usize, to: &mut Vec<u8>);
    /// Whether the peer's Close has come.
    fn is_closed(&self) -> bool;
    /// Ends the transport; whether that is a clean end.
    fn eof(&mut self) -> bool;
}

/// A `Connection` with its codecs.
pub(crate) struct Bare<R: Role> {
    connection: Connection<R>,
    encoder: DeflateEncoder,
    messages: Messages,
    sink: Sink,
    drained: usize,
    failed: Option<WebSocketError>,
}

enum Messages {
    Whole(Box<Assembler<Vec<u8>, DeflateDecoder>>),
    Pieces(Box<DeflateDecoder>, Pieces),
}

/// A message that comes in pieces.
#[derive(Default)]
struct Pieces {
    most: usize,
    open: bool,
    text: String,
    binary: Vec<u8>,
}

impl<R: Role> Bare<R> {
    pub(crate) fn new(connection: Connection<R>, setup: &Setup, taker: Taker, sink: Sink) -> Self {
        let (encoder, decoder) = setup.codecs();
        let messages = match taker {
            Taker::Pieces(most) => {
                let decoder = decoder.with_max_message(setup.limit).with_max_piece(most);
                let pieces = Pieces {
                    most,
                    ..Pieces::default()
                };
                Messages::Pieces(Box::new(decoder), pieces)
            }
            _ => {
                let assembler = Assembler::with_extension(Vec::new(), setup.limit, decoder);
                Messages::Whole(Box::new(assembler))
            }
        };
        Self {
            connection,
            encoder,
            messages,
            sink,
            drained: 0,
            failed: None,
        }
    }
}

impl<R: Role> Ends<R> for Bare<R> {
    fn poll(
        &mut self,
        bytes: &mut [u8],
        emitted: &mut Option<Item>,
    ) -> (usize, Result<Polled, WebSocketError>) {
        let before = bytes.len();
        if let Some(error @ WebSocketError::Assemble(_)) = self.failed {
            return (before, Err(error));
        }
        let mut input = Input::new(bytes);
        let event = match self.connection.receive(&mut input, &mut self.sink) {
            Ok(Some(event)) => event,
            Ok(None) => {
                assert!(input.is_empty(), "input is left");
                return (before, Ok(Polled::Nothing));
            }
            Err(ReceiveError::OutputFull) => {
                assert!(self.sink.room() < MAX_CONTROL_FRAME, "there is room");
                assert_eq!(input.len(), before, "a full output changes nothing");
                return (0, Ok(Polled::Waiting));
            }
            Err(ReceiveError::Protocol(error)) => {
                assert!(input.is_empty(), "input is left behind an error");
                self.failed = Some(error.into());
                return (before, Err(error.into()));
            }
        };
        let used = before - input.len();
        match self.messages.take(event) {
            Ok(item) => {
                *emitted = item;
                (used, Ok(Polled::Emitted))
            }
            Err(error) => {
                self.failed = Some(error.into());
                // There was room for a control frame, and nothing has been written since.
                self.connection.fail(error.close_code(), &mut self.sink);
                (before, Err(error.into()))
            }
        }
    }

    fn echo(&mut self, data: &[u8]) -> Result<(), SendError> {
        (self.encoder).send_binary(&mut self.connection, data, &mut self.sink)
    }

    fn call(&mut self, call: Call) -> Result<(), SendError> {
        let Self {
            connection,
            encoder,
            sink,
            ..
        } = self;
        match call {
            Call::Text => encoder.send_text(connection, TEXT, sink),
            Call::Part(fin) => encoder.send_text_part(connection, PART, fin, sink),
            Call::Plain => connection.send_text(PLAIN, sink),
            Call::Ping => connection.ping(ping(), sink),
            Call::Close => connection.close(CloseCode::GOING_AWAY, CloseReason::EMPTY, sink),
            Call::Release => {
                encoder.release();
                Ok(())
            }
        }
    }

    fn written(&self) -> usize {
        self.sink.bytes.len()
    }

    fn drain(&mut self, step: usize, to: &mut Vec<u8>) {
        let n = step.min(self.sink.bytes.len() - self.drained);
        to.extend_from_slice(&self.sink.bytes[self.drained..self.drained + n]);
        self.drained += n;
        self.sink.take_up_to(self.drained);
    }

    fn is_closed(&self) -> bool {
        self.connection.is_close_received()
    }

    fn eof(&mut self) -> bool {
        self.connection.receive_eof().is_ok()
    }
}

impl Messages {
    fn take(&mut self, event: Event<'_>) -> Result<Option<Item>, AssembleError> {
        let (decoder, pieces) = match self {
            Self::Whole(assembler) => return Ok(assembler.push(event)?.map(item)),
            Self::Pieces(decoder, pieces) => (decoder, pieces),
        };
        match event {
            Event::Text(text) => Ok(pieces.take(Inflated::Text(text))),
            Event::Binary(binary) => Ok(pieces.take(Inflated::Binary {
                data: binary.data,
                first: binary.first,
                last: binary.last,
            })),
            Event::Extended(extended) => {
                let mut emitted = None;
                let mut inflating = decoder.inflate(extended);
                while let Some(piece) = inflating.next_piece()? {
                    assert!(emitted.is_none(), "a piece behind the last");
                    let len = match &piece {
                        Inflated::Text(text) => text.raw.len(),
                        Inflated::Binary { data, .. } => data.len(),
                    };
                    assert!(len <= pieces.most, "a piece of {len} bytes");
                    emitted = pieces.take(piece);
                }
                Ok(emitted)
            }
            _ => Ok(None),
        }
    }
}

impl Pieces {
    fn take(&mut self, inflated: Inflated<'_>) -> Option<Item> {
        let (first, last) = match inflated {
            Inflated::Text(piece) => {
                self.text.extend(piece.head);
                self.text.push_str(piece.body);
                (piece.first, piece.last)
            }
            Inflated::Binary { data, first, last } => {
                self.binary.extend_from_slice(data);
                (first, last)
            }
        };
        assert_eq!(first, !self.open, "the first piece, and no other");
        self.open = !last;
        last.then(|| match inflated {
            Inflated::Text(_) => Item::Text(core::mem::take(&mut self.text)),
            Inflated::Binary { .. } => Item::Binary(core::mem::take(&mut self.binary)),
        })
    }
}

/// A `WebSocket`.
pub(crate) struct Socket<R: Role> {
    socket: WebSocket<R>,
    drained: usize,
}

impl<R: Role> Socket<R> {
    pub(crate) fn new(socket: WebSocket<R>, setup: &Setup, high_water: usize) -> Self {
        Self {
            socket: socket
                .with_high_water(high_water)
                .with_deflate(&setup.deflate, setup.params),
            drained: 0,
        }
    }
}

impl<R: Role> Ends<R> for Socket<R> {
    fn poll(
        &mut self,
        bytes: &mut [u8],
        emitted: &mut Option<Item>,
    ) -> (usize, Result<Polled, WebSocketError>) {
        let mut used = 0;
        if self.socket.wants_read() {
            used = bytes.len();
            self.socket.read_buf(used)[..used].copy_from_slice(bytes);
            self.socket.advance(used);
        }
        match self.socket.next_message() {
            Ok(Some((message, _))) => {
                *emitted = Some(item(message));
                return (used, Ok(Polled::Emitted));
            }
            Ok(None) => {}
            Err(WebSocketError::OutputFull) => return (used, Ok(Polled::Waiting)),
            Err(error) => return (bytes.len(), Err(error)),
        }
        if self.socket.transport() != Transport::Open {
            return (bytes.len(), Ok(Polled::Nothing));
        }
        assert!(self.socket.wants_read(), "input is left");
        let polled = if used < bytes.len() {
            Polled::Emitted
        } else {
            Polled::Nothing
        };
        (used, Ok(polled))
    }

    fn echo(&mut self, data: &[u8]) -> Result<(), SendError> {
        self.socket.sender().send_binary(data)
    }

    fn call(&mut self, call: Call) -> Result<(), SendError> {
        let mut sender = self.socket.sender();
        match call {
            Call::Text => sender.send_text(TEXT),
            Call::Part(fin) => sender.send_text_part(PART, fin),
            Call::Plain => sender.uncompressed().send_text(PLAIN),
            Call::Ping => sender.ping(ping()),
            Call::Close => sender.close(CloseCode::GOING_AWAY, CloseReason::EMPTY),
            Call::Release => {
                self.socket.release();
                Ok(())
            }
        }
    }

    fn written(&self) -> usize {
        self.drained + self.socket.pending().len()
    }

    fn drain(&mut self, step: usize, to: &mut Vec<u8>) {
        let pending = self.socket.pending();
        let n = step.min(pending.len());
        to.extend_from_slice(&pending[..n]);
        self.socket.consume(n);
        self.drained += n;
    }

    fn is_closed(&self) -> bool {
        self.socket.connection().is_close_received()
    }

    fn eof(&mut self) -> bool {
        self.socket.receive_eof().is_ok()
    }
}

fn item(message: Message<'_>) -> Item {
    match message {
        Message::Text(text) => Item::Text(text.into()),
        Message::Binary(data) => Item::Binary(data.into()),
    }
}

fn ping() -> ControlPayload<'static> {
    ControlPayload::new(b"there?").expect("short enough")
}
