//! Whole messages, put together in a storage that fails at some store.

use core::cell::Cell;
use std::rc::Rc;

use ws_proto::extension::{Decode, DecodeError};
use ws_proto::{AssembleError, Assembler, Event, Extended, Input, Kind, Message, MessageStorage};

use crate::engine::{Engine, Polled, Setup};
use crate::run::{Fault, Split};
use crate::sink::{Drain, Sink};
use ws_proto_suite::{Lack, Room};
use ws_proto_test::wire::{Frame, parse_output};

/// What has become of a message.
type Outcome = Result<(Kind, Vec<u8>), AssembleError>;

/// What has come of a run.
#[derive(Debug, Default)]
pub(crate) struct Joined {
    /// By message; `None` if it was never complete.
    messages: Vec<Option<Outcome>>,
    fault: Option<Fault>,
    /// How many stores failed.
    pub(crate) failed: usize,
    output: Vec<u8>,
}

/// What the application does about a message that it cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Goes on with the next.
    Continue,
    /// Closes with the code of the error.
    Close,
}

/// Returns its input.
struct Copy;

impl Decode for Copy {
    fn decode<S: MessageStorage>(
        &mut self,
        piece: Extended<'_>,
        room: u64,
        to: &mut S,
    ) -> Result<(), DecodeError> {
        if piece.data.len() as u64 > room {
            return Err(DecodeError::TooBig);
        }
        Ok(to.store(piece.data)?)
    }
}

/// Receives these bytes in pieces and joins the messages.
pub(crate) fn join(setup: Setup, bytes: &[u8], split: Split, lack: Lack, then: Then) -> Joined {
    let mut sink = Sink::new();
    sink.reset(Drain::NEVER);
    let dry = Rc::new(Cell::new(false));
    let mut engine = Engine::new(setup, Room::default(), &dry, &mut sink);
    let room = Room::new(setup.storage, lack);
    let mut assembler = Assembler::with_extension(room, 1 << 20, Copy);
    let mut joined = Joined::default();
    let mut bytes = bytes.to_vec();
    let mut fed = 0;
    while fed < bytes.len() {
        let end = split.end(fed, bytes.len());
        let mut input = Input::new(&mut bytes[fed..end]);
        fed = end;
        loop {
            let event = match engine.poll(&mut input, &mut sink) {
                Polled::Event(event) => event,
                Polled::Failed(error) => {
                    joined.fault = Some(Fault::Protocol(error));
                    break;
                }
                _ => break,
            };
            if is_first(&event) {
                joined.messages.push(None);
            }
            let outcome = match assembler.push(event) {
                Ok(None) => continue,
                Ok(Some(message)) => Ok(owned(message)),
                Err(error) => {
                    if then == Then::Close && !joined.has_failed() {
                        let closed = engine.close(error.close_code(), &mut sink);
                        assert_eq!(closed, Ok(()), "a Close after {error:?}");
                    }
                    Err(error)
                }
            };
            let last = joined.messages.last_mut().expect("a message has begun");
            assert_eq!(*last, None, "one outcome for a message");
            *last = Some(outcome);
        }
    }
    joined.failed = assembler.storage().failed;
    joined.output = sink.bytes;
    joined
}

fn is_first(event: &Event<'_>) -> bool {
    match event {
        Event::Text(piece) => piece.first,
        Event::Binary(piece) => piece.first,
        Event::Extended(piece) => piece.first,
        _ => false,
    }
}

fn owned(message: Message<'_>) -> (Kind, Vec<u8>) {
    (message.kind(), message.as_bytes().to_vec())
}

impl Joined {
    fn has_failed(&self) -> bool {
        self.messages.iter().flatten().any(Result::is_err)
    }

    /// Holds a run that lacked memory against this one, which did not: only messages are missing,
    /// each with the error that says so.
    pub(crate) fn assert_lacks(&self, other: &Self, setup: Setup, lack: Lack, then: Then) {
        assert_eq!(self.messages.len(), other.messages.len(), "other messages");
        assert_eq!(self.fault, other.fault, "another fault");
        let mut lost = 0;
        for (mine, theirs) in self.messages.iter().zip(&other.messages) {
            if *theirs == Some(Err(AssembleError::Capacity)) {
                lost += 1;
            } else {
                assert_eq!(mine, theirs, "another message");
            }
        }
        match lack {
            Lack::Never => assert_eq!(lost, 0),
            Lack::At(_) => assert_eq!(lost, other.failed, "a store is a message"),
            Lack::From(_) => assert!(lost <= other.failed && (lost > 0) == (other.failed > 0)),
        }
        let frames = parse_output(setup.side, &other.output);
        let closes: Vec<_> = frames.iter().filter(|frame| frame.is_close()).collect();
        assert!(closes.len() <= 1, "{} Close frames", closes.len());
        match then {
            Then::Continue => assert_eq!(self.output, other.output, "other output"),
            Then::Close => {
                let code = closes.first().and_then(|frame| frame.close_code());
                assert!(!self.has_failed() && lost == 0 || code.is_some());
                if lost > 0 && !self.has_failed() {
                    assert_eq!(code, Some(1009), "the error has its code");
                }
            }
        }
        assert!(!frames.iter().any(Frame::is_data));
    }
}
