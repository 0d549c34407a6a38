//! One run of one scenario, and its normal form.

use ws_proto::extension::deflate::{Deflate, DeflateDecoder, DeflateEncoder, DeflateParams};
use ws_proto::{Config, Fin, MAX_CONTROL_FRAME, Role, SendError, WebSocketError};

use crate::ends::{Ends, Polled};
use crate::sink::Drain;

/// One end of an open connection, and how it is set up.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) server: bool,
    pub(crate) params: DeflateParams,
    pub(crate) deflate: Deflate,
    pub(crate) config: Config,
    /// The most bytes of a message that was inflated, also within the configuration.
    pub(crate) limit: u64,
    /// Whether each message is sent back.
    pub(crate) echoes: bool,
}

impl Setup {
    pub(crate) fn limit(self, limit: u64) -> Self {
        Self {
            config: self.config.max_message(limit),
            limit,
            ..self
        }
    }

    pub(crate) fn codecs(&self) -> (DeflateEncoder, DeflateDecoder) {
        if self.server {
            self.deflate.server(self.params)
        } else {
            self.deflate.client(self.params)
        }
    }
}

/// How the input is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Split {
    Whole,
    At(usize),
    AtTwo(usize, usize),
    Every(usize),
    /// Pieces of 1 to 16 bytes, from a seed.
    Random(u64),
}

impl Split {
    /// The end of the piece that starts at `from`.
    fn end(self, from: usize, len: usize) -> usize {
        match self {
            Self::Whole => len,
            Self::At(cut) | Self::AtTwo(cut, _) if from < cut => cut.min(len),
            Self::AtTwo(_, cut) if from < cut => cut.min(len),
            Self::At(_) | Self::AtTwo(..) => len,
            Self::Every(n) => (from + n).min(len),
            Self::Random(seed) => {
                let mixed = (seed ^ from as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                (from + 1 + (mixed >> 60) as usize).min(len)
            }
        }
    }
}

/// What takes the compressed messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taker {
    /// An `Assembler` after a `Connection`.
    Assembler,
    /// The decoder itself, in pieces of that size at most.
    Pieces(usize),
    /// A `WebSocket`.
    Socket,
}

/// When events are taken.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// All of them after each feed.
    Each,
    /// One call after each feed, the rest at the end.
    One,
    /// None until everything is there.
    AtEnd,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    pub(crate) split: Split,
    pub(crate) taker: Taker,
    pub(crate) drain: Drain,
    pub(crate) pace: Pace,
}

impl How {
    pub(crate) const BYTES: Self = Self {
        split: Split::Every(1),
        taker: Taker::Assembler,
        drain: Drain::NEVER,
        pace: Pace::Each,
    };

    /// With the least room that lets an end go on, drained in steps.
    pub(crate) fn tight(self, step: usize) -> Self {
        Self {
            drain: Drain::new(MAX_CONTROL_FRAME, step, false),
            ..self
        }
    }
}

/// A call of the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// A message to compress.
    Text,
    Part(Fin),
    /// A message that is not compressed.
    Plain,
    Ping,
    Close,
    /// The compressor gives its memory back.
    Release,
}

impl Call {
    pub(crate) const ALL: [Self; 7] = [
        Self::Text,
        Self::Part(Fin::No),
        Self::Part(Fin::Yes),
        Self::Plain,
        Self::Ping,
        Self::Close,
        Self::Release,
    ];
}

/// What is done in front of the byte with some number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Call(Call),
    /// The transport ends; nothing more is fed.
    Eof,
    /// The end is dropped, without a word.
    Drop,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Text(String),
    Binary(Vec<u8>),
    /// What came of a call.
    Called(Result<(), SendError>),
}

/// The normal form of a run: the same however input is cut, output is drained, events are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trace {
    pub(crate) items: Vec<Item>,
    pub(crate) fault: Option<WebSocketError>,
    /// All output.
    pub(crate) output: Vec<u8>,
    pub(crate) closed: bool,
    /// What `receive_eof` says.
    pub(crate) clean: Option<bool>,
}

/// When something was emitted: how much was fed before all of it was taken the last time, and how much
/// when it came.
pub(crate) type Mark = (usize, usize);

#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) trace: Trace,
    /// One for each item that is no call.
    pub(crate) marks: Vec<Mark>,
    pub(crate) fault_at: Option<Mark>,
    /// The messages that were sent to be compressed or not, in order.
    pub(crate) sent: Vec<Vec<u8>>,
    /// The message whose parts are being sent.
    pub(crate) sending: Option<Vec<u8>>,
}

/// Plays `bytes` to an end.
pub(crate) fn play<R: Role>(
    mut end: impl Ends<R>,
    setup: &Setup,
    bytes: &mut [u8],
    how: How,
    acts: &[(usize, Act)],
) -> Run {
    let mut player = Player {
        end: &mut end,
        setup,
        run: Run::default(),
        drain: how.drain,
        read: 0,
        fed: 0,
        taken: 0,
        role: core::marker::PhantomData,
    };
    player.go(bytes, how, acts);
    player.run
}

struct Player<'p, R, E> {
    end: &'p mut E,
    setup: &'p Setup,
    run: Run,
    drain: Drain,
    /// Input used up so far.
    read: usize,
    /// Input given so far.
    fed: usize,
    /// Input given when all of it was last taken.
    taken: usize,
    role: core::marker::PhantomData<R>,
}

impl<R: Role, E: Ends<R>> Player<'_, R, E> {
    fn go(&mut self, bytes: &mut [u8], how: How, mut acts: &[(usize, Act)]) {
        loop {
            while let [(at, act), rest @ ..] = acts {
                if *at > self.fed {
                    break;
                }
                acts = rest;
                self.take_all(bytes);
                match act {
                    Act::Call(call) => self.call(*call),
                    Act::Eof => return self.finish(),
                    Act::Drop => return,
                }
            }
            if self.fed == bytes.len() {
                break;
            }
            let end = how.split.end(self.fed, bytes.len());
            self.fed = acts.first().map_or(end, |(at, _)| end.min(*at));
            match how.pace {
                Pace::Each => self.take_all(bytes),
                Pace::One => {
                    self.poll(bytes);
                }
                Pace::AtEnd => {}
            }
            if self.drain.eager {
                self.drain();
            }
        }
        self.take_all(bytes);
        self.finish();
    }

    /// Takes events until there are no more; drains when the end waits for room.
    fn take_all(&mut self, bytes: &mut [u8]) {
        loop {
            match self.poll(bytes) {
                Polled::Emitted => {}
                Polled::Waiting => assert!(self.drain() > 0, "waiting with nothing to drain"),
                Polled::Nothing => break,
            }
        }
        assert_eq!(self.read, self.fed, "input is left");
        self.taken = self.fed;
    }

    fn poll(&mut self, bytes: &mut [u8]) -> Polled {
        let fresh = bytes.get_mut(self.read..self.fed).unwrap_or_default();
        let written = self.end.written();
        let over = self.run.trace.fault.is_some() || self.end.is_closed();
        let mut emitted = None;
        let (used, polled) = self.end.poll(fresh, &mut emitted);
        self.read += used;
        let mark = (self.taken, self.fed);
        match polled {
            Ok(polled) => {
                if let Some(item) = emitted {
                    assert!(!over, "something is emitted after the end");
                    self.message(item, mark);
                }
                if over {
                    assert_eq!(self.end.written(), written, "output after the end");
                }
                polled
            }
            Err(error) => {
                assert!(emitted.is_none());
                match self.run.trace.fault {
                    None => {
                        assert!(!over, "an error after the end");
                        self.run.trace.fault = Some(error);
                        self.run.fault_at = Some(mark);
                    }
                    Some(first) => {
                        assert_eq!(error, first, "another error than before");
                        assert_eq!(self.end.written(), written, "an error writes once");
                    }
                }
                Polled::Nothing
            }
        }
    }

    fn message(&mut self, item: Item, mark: Mark) {
        let len = match &item {
            Item::Text(text) => text.len(),
            Item::Binary(data) => data.len(),
            Item::Called(_) => unreachable!("a call gives nothing"),
        };
        assert!(len as u64 <= self.setup.limit, "more than the limit");
        self.run.marks.push(mark);
        let mut back = match &item {
            Item::Text(text) => text.clone().into_bytes(),
            Item::Binary(data) => data.clone(),
            Item::Called(_) => unreachable!("as above"),
        };
        self.run.trace.items.push(item);
        if self.setup.echoes {
            // So much has room in the smallest output.
            back.truncate(40);
            if self.send(|end| end.echo(&back)).is_ok() {
                self.run.sent.push(back);
            }
        }
    }

    fn call(&mut self, call: Call) {
        if self.send(|end| end.call(call)).is_err() {
            return;
        }
        match call {
            Call::Text => self.run.sent.push(TEXT.into()),
            Call::Plain => self.run.sent.push(PLAIN.into()),
            Call::Part(fin) => {
                let message = self.run.sending.get_or_insert_default();
                message.extend_from_slice(PART.as_bytes());
                if fin == Fin::Yes {
                    self.run.sent.extend(self.run.sending.take());
                }
            }
            Call::Ping | Call::Close | Call::Release => {}
        }
    }

    /// Sends, draining as long as there is no room; notes down the result.
    fn send(
        &mut self,
        mut send: impl FnMut(&mut E) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        loop {
            let written = self.end.written();
            let result = send(self.end);
            if result.is_err() {
                assert_eq!(self.end.written(), written, "an error writes nothing");
            }
            if result == Err(SendError::OutputFull) {
                assert!(self.drain() > 0, "no room with nothing to drain");
                continue;
            }
            self.run.trace.items.push(Item::Called(result));
            return result;
        }
    }

    /// The transport takes a step of the output; how many bytes that are.
    fn drain(&mut self) -> usize {
        let before = self.run.trace.output.len();
        self.end.drain(self.drain.step, &mut self.run.trace.output);
        self.run.trace.output.len() - before
    }

    fn finish(&mut self) {
        self.run.trace.closed = self.end.is_closed();
        self.run.trace.clean = Some(self.end.eof());
        assert_eq!(self.run.trace.clean, Some(self.end.eof()), "the same again");
        let written = self.end.written();
        let mut emitted = None;
        // A whole message and the start of another, masked or not.
        let mut late = [0xc1, 0x85, 0, 0, 0, 0, 0xf2, 0, 0x11, 0, 0, 0xc1, 0x03];
        let (_, polled) = self.end.poll(&mut late, &mut emitted);
        assert!(emitted.is_none(), "something is emitted after the end");
        if let Err(error) = polled {
            assert_eq!(self.run.trace.fault, Some(error), "another error");
        }
        for call in [Call::Text, Call::Part(Fin::No), Call::Plain] {
            assert!(self.end.call(call).is_err(), "{call:?} after the end");
        }
        assert_eq!(self.end.written(), written, "output after the end");
        self.end.drain(usize::MAX, &mut self.run.trace.output);
    }
}

/// What the application sends.
pub(crate) const TEXT: &str = "t\u{e9}xt, t\u{e9}xt and t\u{e9}xt";
pub(crate) const PART: &str = "p\u{e4}rt of a part";
pub(crate) const PLAIN: &str = "a secret";
