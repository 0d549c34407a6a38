//! What a shell has to do, held against what it does. It knows the peer's frames and the shell's calls, and
//! nothing of the engine.

use std::io::ErrorKind;

use ws_proto::{Fin, Kind, SendError};
use ws_proto_test::Side;
use ws_proto_test::inflate::Inflater;
use ws_proto_test::wire::{self, CLOSE, CONTINUATION, FIN, PING, PONG};

use super::peer::{Peer, What};
use super::stream::Stream;
use super::{Setup, Way};
use crate::support::{binary, text};

/// How a connection has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The stream has ended without a Close.
    Eof,
    /// What was received could not be accepted; the code of the Close frame.
    Refused(u16),
    Stream(ErrorKind),
    /// The stream has not taken what it was offered.
    Stalled,
    TimedOut,
}

/// What became of a call that sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Accepted,
    Refused(SendError),
    /// The connection has ended, and it is not known when.
    Ended,
    /// The call was cancelled, or the stream has failed.
    Unknown,
}

/// A frame that the user of the shell has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    Data(Kind, Vec<u8>, Fin),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

/// Judges one connection.
#[derive(Debug)]
pub struct Judge {
    setup: Setup,
    peer: Peer,
    stream: Stream,
    /// The next of what is expected.
    at: usize,
    /// What was taken of a message that is taken in pieces.
    pieces: Option<(Kind, Vec<u8>)>,
    /// Control frames may have been taken note of and dropped.
    drops_controls: bool,
    /// The user wants nothing any more.
    discards: bool,
    /// The rest of a message was dropped.
    has_dropped: bool,
    /// All that was received, in order.
    pub messages: Vec<(Kind, Vec<u8>)>,
    pub failed: Option<Ending>,
    is_over: bool,
    /// What may be in the output, in order; whether it has to be.
    sent: Vec<(Sent, bool)>,
    /// The bodies of Close frames that the user has asked for.
    closes: Vec<Vec<u8>>,
    /// Parts of a message may have been sent, and not the last.
    is_part_open: bool,
    made: usize,
    /// Messages are answered.
    pub answers: bool,
    pub has_passed_time: bool,
}

impl Judge {
    pub fn new(setup: Setup, peer: Peer, stream: Stream) -> Self {
        Self {
            setup,
            peer,
            stream,
            at: 0,
            pieces: None,
            // Those that come before the user asks for events.
            drops_controls: !setup.has_one_way(),
            discards: false,
            has_dropped: false,
            messages: Vec::new(),
            failed: None,
            is_over: false,
            sent: Vec::new(),
            closes: Vec::new(),
            is_part_open: false,
            made: 0,
            answers: false,
            has_passed_time: false,
        }
    }

    pub const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether all of the peer's messages have to be received as they were sent.
    pub const fn is_lossless(&self) -> bool {
        !self.discards && !self.has_dropped && self.pieces.is_none()
    }
}

/// What is received.
impl Judge {
    /// The user is about to receive in this way.
    pub fn asks(&mut self, way: Way) {
        self.drops_controls |= way != Way::Event;
    }

    /// What comes from now on may be dropped.
    pub const fn discard(&mut self) {
        self.discards = true;
    }

    pub fn message(&mut self, kind: Kind, data: &[u8]) {
        self.drop_rest();
        self.messages.push((kind, data.to_vec()));
        self.received(&What::Message(kind, data.to_vec()));
    }

    pub fn piece(&mut self, kind: Kind, data: &[u8], first: bool, last: bool) {
        if first {
            self.drop_rest();
        }
        let pieces = self.pieces.get_or_insert_with(|| {
            assert!(first, "the first piece of a message comes first");
            (kind, Vec::new())
        });
        assert_eq!(pieces.0, kind);
        pieces.1.extend_from_slice(data);
        if last {
            if let Some((kind, data)) = self.pieces.take() {
                self.message(kind, &data);
            }
            return;
        }
        // Control frames in the middle of a message are not missing yet.
        let rest = self.peer.expected[self.at..].iter();
        let mut messages = rest.filter_map(|next| match &next.what {
            What::Message(kind, data) => Some((*kind, data)),
            _ => None,
        });
        let open = self.peer.open.as_ref().map(|(kind, data)| (*kind, data));
        let Some((kind, whole)) = messages.next().or(open) else {
            panic!("a piece of nothing");
        };
        let is_prefix = kind == pieces.0 && whole.starts_with(&pieces.1);
        assert!(is_prefix || self.discards, "pieces of the next message");
    }

    /// A message of which pieces were taken is dropped by whoever asks for something else.
    fn drop_rest(&mut self) {
        if self.pieces.take().is_some() {
            self.has_dropped = true;
            let mut rest = self.peer.expected[self.at..].iter();
            let next = rest.position(|next| matches!(next.what, What::Message(..)));
            self.at = next.map_or(self.peer.expected.len(), |next| self.at + next + 1);
        }
    }

    pub fn received(&mut self, found: &What) {
        assert!(!self.is_over, "{found:?} after the end");
        loop {
            let Some(next) = self.peer.expected.get(self.at) else {
                panic!("{found:?} was not sent, or was received before");
            };
            self.at += 1;
            if next.what == *found {
                assert!(next.end <= self.stream.handed(), "before it was read");
                return;
            }
            let may_be_dropped = self.discards || self.may_drop(&next.what);
            if !may_be_dropped && self.pieces.take().is_some() {
                self.has_dropped = true;
                continue;
            }
            assert!(may_be_dropped, "{found:?} instead of {:?}", next.what);
        }
    }

    fn may_drop(&self, what: &What) -> bool {
        self.drops_controls && !matches!(what, What::Message(..))
    }

    /// Nothing that was read is missing.
    fn check_received(&self) {
        if self.discards || self.has_passed_time {
            return;
        }
        // Of which pieces were taken, and nobody asked for the rest.
        let mut begun = usize::from(self.pieces.is_some());
        for next in self.peer.expected.iter().skip(self.at) {
            let is_read = next.end <= self.stream.handed();
            if begun > 0 && matches!(next.what, What::Message(..)) {
                begun -= 1;
            } else {
                assert!(
                    !is_read || self.may_drop(&next.what),
                    "{:?} is lost",
                    next.what
                );
            }
        }
    }

    /// The Close that the peer has sent, if it was read.
    fn close_read(&self) -> Option<(Option<u16>, String)> {
        let last = self.peer.expected.last()?;
        match &last.what {
            What::Close(code, reason) if last.end <= self.stream.handed() => {
                Some((*code, reason.clone()))
            }
            _ => None,
        }
    }

    /// What is dropped is not inflated: a fault in it is not found, but what comes after it.
    const fn is_blind(&self) -> bool {
        self.discards && self.setup.compresses()
    }

    pub fn fails(&mut self, ending: Ending) {
        assert!(!self.is_over && self.failed.is_none(), "{ending:?} again");
        let is_true = match ending {
            Ending::Eof => self.stream.has_read_end(),
            Ending::Refused(_) if self.is_blind() => true,
            Ending::Refused(code) => self
                .peer
                .fault
                .is_some_and(|fault| fault.code == code && fault.start < self.stream.handed()),
            Ending::Stream(kind) => self.stream.has_failed_with(kind),
            Ending::Stalled => self.has_passed_time && self.stream.has_blocked_writes(),
            Ending::TimedOut => self.has_passed_time,
        };
        assert!(is_true, "{ending:?} without a reason");
        self.failed = Some(ending);
    }

    /// Nothing more comes.
    pub fn ends(&mut self) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        self.check_received();
        if self.has_passed_time || self.is_blind() {
            // It has waited for the rest for as long as it may, or has not looked at it.
            return;
        }
        let fault = self.peer.fault;
        let is_refused = fault.filter(|fault| fault.end <= self.stream.handed());
        if let Some(fault) = is_refused {
            assert_eq!(self.failed, Some(Ending::Refused(fault.code)));
        } else if self.close_read().is_some() {
            assert_eq!(self.failed, None, "the peer has said Close");
        } else {
            assert!(self.failed.is_some(), "it has ended without a Close");
            let is_read = self.stream.has_read_end() || self.stream.has_read_failed();
            assert!(is_read, "a failed write ends writing only");
        }
    }

    /// There is nothing to do: the peer sends no more for now. Whether the stream takes all of the output.
    pub fn rests(&self, is_free: bool) {
        let is_ping = |what: &What| matches!(what, What::Ping(_));
        if !is_free && self.peer.expected.iter().any(|next| is_ping(&next.what)) {
            // What comes after one waits until that is answered.
            return;
        }
        self.check_received();
        let is_closing = self.peer.fault.is_some() || self.close_read().is_some();
        assert!(self.stream.is_read() || is_closing, "more can be read");
        if is_free {
            self.check_output(self.is_output_whole());
        }
    }

    /// After the end of the connection.
    pub fn finish(&mut self, closed: Option<(Option<u16>, String)>) {
        assert!(self.is_over, "it comes to an end");
        let close = self.close_read();
        if self.failed.is_none() && !self.is_blind() {
            assert_eq!(closed, close);
        }
        let is_clean = matches!(self.failed, None | Some(Ending::Refused(_)));
        let is_whole = is_clean && self.is_output_whole() && !self.setup.ends();
        let is_closed = self.check_output(is_whole);
        assert!(is_closed || !is_whole, "a Close is said");
    }

    fn is_output_whole(&self) -> bool {
        !self.stream.has_write_failed() && !self.stream.has_read_failed() && !self.has_passed_time
    }
}

/// What is sent.
impl Judge {
    /// A payload that is not like any other.
    pub fn payload(&mut self, kind: Kind, len: usize) -> Vec<u8> {
        self.made += 1;
        let mut payload = format!("c{}.", self.made).into_bytes();
        let rest = len.saturating_sub(payload.len());
        match kind {
            Kind::Text => payload.extend(text(rest, self.made as u8).into_bytes()),
            Kind::Binary => payload.extend(binary(rest, self.made as u8)),
        }
        payload
    }

    /// The answer to a message, if the user answers.
    pub fn answer(&mut self) -> Option<(Kind, Vec<u8>)> {
        let kind = [Kind::Text, Kind::Binary][self.made % 2];
        let len = self.made * 97 % 300;
        self.answers.then(|| (kind, self.payload(kind, len)))
    }

    /// The user has sent something while so many bytes wait.
    pub fn sends(&mut self, sent: Sent, outcome: Outcome, pending: usize) {
        let is_sure = match outcome {
            Outcome::Accepted => true,
            Outcome::Unknown => false,
            Outcome::Ended => {
                self.check_refused(SendError::Closed, pending);
                false
            }
            Outcome::Refused(error) => return self.check_refused(error, pending),
        };
        if let Sent::Data(_, _, fin) = sent {
            self.is_part_open = match fin {
                Fin::No => true,
                Fin::Yes => self.is_part_open && !is_sure,
            };
        }
        self.sent.push((sent, is_sure));
    }

    /// The user has said Close.
    pub fn says_close(&mut self, body: Vec<u8>) {
        self.closes.push(body);
    }

    fn check_refused(&self, error: SendError, pending: usize) {
        let handed = self.stream.handed();
        let fault = self.peer.fault;
        let is_true = match error {
            SendError::Closed => {
                self.setup.after_head(&self.stream.written()).is_none()
                    || !self.closes.is_empty()
                    || self.close_read().is_some()
                    || fault.is_some_and(|fault| fault.start < handed)
                    || self.stream.has_read_end()
                    || self.stream.has_read_failed()
                    || self.stream.has_write_failed()
                    || self.has_passed_time
            }
            SendError::MessageOpen => self.is_part_open,
            SendError::OutputFull => pending > 0,
            _ => false,
        };
        assert!(is_true, "{error} without a reason");
    }

    /// The output consists of the frames of this role, in the order of the calls. If it is `whole`, none is
    /// missing. Whether there is a Close.
    fn check_output(&self, whole: bool) -> bool {
        let written = self.stream.written();
        let mut bytes = self.setup.after_head(&written).unwrap_or_default();
        let side = self.setup.side();
        let mut output = Output {
            judge: self,
            sent: 0,
            answered: 0,
            open: None,
        };
        let mut is_closed = false;
        while let Some((frame, len)) = wire::decode(bytes) {
            // Of whoever said it first, control frames may follow (RFC 6455 5.5.1).
            let may_follow = matches!(frame.first, PING | PONG);
            assert!(!is_closed || may_follow, "{frame:?} after the Close");
            assert_eq!(frame.key.is_some(), side == Side::Client);
            let shortest = wire::header(side.peer(), frame.first, frame.payload.len() as u64);
            assert_eq!(len - frame.payload.len(), shortest.len());
            is_closed |= frame.is_close();
            output.check(&frame);
            bytes = &bytes[len..];
        }
        if whole {
            assert!(bytes.is_empty(), "the end of a frame is missing");
            output.check_whole(is_closed);
        }
        is_closed
    }
}

/// The frames of an output, one after the other.
struct Output<'j> {
    judge: &'j Judge,
    /// So many of the frames that the user has sent are there, or were not sent.
    sent: usize,
    /// So many of what was expected came before the last Ping that was answered.
    answered: usize,
    /// Of a message that is not complete: what it carries.
    open: Option<Vec<u8>>,
}

impl Output<'_> {
    fn check(&mut self, frame: &wire::Frame) {
        match frame.first {
            CLOSE => self.check_close(&frame.payload),
            PING | PONG if frame.payload.starts_with(b"c") => self.check_sent(frame),
            PING => assert!(frame.payload.is_empty() && self.judge.has_passed_time),
            PONG => self.check_pong(&frame.payload),
            _ => self.check_sent(frame),
        }
    }

    fn check_sent(&mut self, frame: &wire::Frame) {
        let sent = &self.judge.sent[self.sent..];
        let found = sent.iter().position(|(sent, is_sure)| {
            let is_it = self.is_frame(frame, sent);
            assert!(is_it || !is_sure, "{frame:?} instead of {sent:?}");
            is_it
        });
        let Some(found) = found else {
            panic!("{frame:?} was not sent, or twice");
        };
        if let Sent::Data(_, data, fin) = &sent[found].0 {
            let mut joined = self.open.take().unwrap_or_default();
            joined.extend_from_slice(data);
            self.open = (*fin == Fin::No).then_some(joined);
        }
        self.sent += found + 1;
    }

    fn is_frame(&self, frame: &wire::Frame, sent: &Sent) -> bool {
        match sent {
            Sent::Ping(payload) => (frame.first, &frame.payload) == (PING, payload),
            Sent::Pong(payload) => (frame.first, &frame.payload) == (PONG, payload),
            Sent::Data(kind, data, fin) => {
                let opcode = match kind {
                    _ if self.open.is_some() => CONTINUATION,
                    Kind::Text => wire::TEXT,
                    Kind::Binary => wire::BINARY,
                };
                let first = opcode | if *fin == Fin::Yes { FIN } else { 0 };
                if frame.first == first | 0x40 && self.judge.setup.compresses() {
                    let inflated = Inflater::new(15).message(&frame.payload);
                    return inflated.is_ok_and(|inflated| inflated == *data);
                }
                (frame.first, &frame.payload) == (first, data)
            }
        }
    }

    /// Pings are answered in their order.
    fn check_pong(&mut self, payload: &[u8]) {
        assert!(!self.judge.setup.manual_pong());
        if self.judge.is_blind() {
            return;
        }
        let expected = &self.judge.peer.expected[self.answered..];
        let is_it = |what: &What| matches!(what, What::Ping(ping) if ping == payload);
        let found = expected.iter().position(|next| is_it(&next.what));
        let Some(found) = found else {
            panic!("a Pong for no Ping");
        };
        let is_skipped = expected[..found]
            .iter()
            .any(|next| matches!(next.what, What::Ping(_)));
        assert!(!is_skipped, "a Ping has no answer");
        self.answered += found + 1;
    }

    fn check_close(&self, body: &[u8]) {
        let judge = self.judge;
        let mut bodies = judge.closes.clone();
        if let Some((code, _)) = judge.close_read() {
            bodies.push(code.map_or_else(Vec::new, |code| wire::close_body(code, b"")));
        }
        let code = body.first_chunk().map(|code| u16::from_be_bytes(*code));
        let is_for_fault = judge
            .peer
            .fault
            .is_some_and(|fault| Some(fault.code) == code);
        let is_true = bodies.iter().any(|is| is == body) || is_for_fault || judge.has_passed_time;
        assert!(is_true, "a Close with {body:?}");
    }

    fn check_whole(&self, is_closed: bool) {
        let judge = self.judge;
        let missing = judge.sent[self.sent..].iter().find(|(_, is_sure)| *is_sure);
        assert_eq!(missing, None, "accepted, and not written");
        let handed = judge.stream.handed();
        let unanswered = judge.peer.expected[self.answered..]
            .iter()
            .find(|next| matches!(next.what, What::Ping(_)) && next.end <= handed);
        let answers = !judge.setup.manual_pong() && !is_closed;
        assert!(
            unanswered.is_none() || !answers,
            "{unanswered:?} has no answer"
        );
    }
}
