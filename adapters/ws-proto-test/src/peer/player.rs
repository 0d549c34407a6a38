//! A script that is played, without I/O.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Head, Item, Peer, Report, Step};
use crate::Side;
use crate::wire::{self, CONTINUATION, FIN, Frame, PONG, TEXT};

/// How much waits to be written before more of an endless step is made.
const AHEAD: usize = 64 * 1024;

/// How many bytes a step without an end writes: more than any program should take.
const ENDLESS: u64 = 48 << 20;

/// How many received bytes are kept, twice: a flood is no reason to grow for ever.
const KEPT: usize = 4096;

/// How a peer ends its stream: see [`Player`].
///
/// ```
/// use std::time::Duration;
/// use ws_proto_test::Side;
/// use ws_proto_test::peer::{Peer, StreamEnd};
///
/// let mut player = Peer::open(Side::Server).end_writing().reset().player();
/// assert_eq!(player.poll(Duration::ZERO).end, Some(StreamEnd::Writing));
/// assert_eq!(player.poll(Duration::ZERO).end, Some(StreamEnd::Reset));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamEnd {
    /// It writes no more, and reads on.
    Writing,
    /// It closes the stream.
    Close,
    /// It resets the stream.
    Reset,
}

/// What a [`Player`] waits for, beside the writing of its [pending](Player::pending) bytes.
///
/// ```
/// use std::time::Duration;
/// use ws_proto_test::Side;
/// use ws_proto_test::peer::{Peer, StreamEnd};
///
/// let mut player = Peer::open(Side::Server).wait(Duration::from_secs(3)).player();
/// let wish = player.poll(Duration::ZERO);
/// assert!(wish.reads && wish.end.is_none());
/// let wish = player.poll(wish.until.unwrap()); // 3 s later
/// assert_eq!(wish.end, Some(StreamEnd::Close));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Wish {
    /// Whether it reads.
    pub reads: bool,
    /// When it wants to be polled again if nothing happens.
    pub until: Option<Duration>,
    /// What to do to the stream now, once everything is written. After [`StreamEnd::Writing`], poll again.
    pub end: Option<StreamEnd>,
}

/// A [`Peer`] that is played. The program that plays it has the stream and the clock.
///
/// 1. [`poll`](Self::poll) it with the time since it began.
/// 2. Write the [`pending`](Self::pending) bytes and [`consume`](Self::consume) it, read if it reads, until one of them
///    has happened or the time has come, and go back to 1.
/// 3. [`report`](Self::into_report) when the stream has been closed.
///
/// ```
/// use std::time::Duration;
/// use ws_proto_test::Side;
/// use ws_proto_test::peer::{Peer, StreamEnd};
///
/// let mut player = Peer::open(Side::Server).send_text("hi").expect_close(1000).player();
/// let now = Duration::ZERO;
/// assert!(player.poll(now).reads);
/// assert_eq!(player.pending(), b"\x81\x02hi");
/// player.consume(4);
/// player.receive(now, b"\x88\x82\0\0\0\0\x03\xe8");
/// let wish = player.poll(now);
/// assert_eq!(player.pending(), b"\x88\x02\x03\xe8"); // its answer
/// assert_eq!(wish.end, Some(StreamEnd::Close));
/// assert!(player.into_report().check().is_ok());
/// ```
#[derive(Debug)]
pub struct Player {
    side: Side,
    answers_pings: bool,
    answers_close: bool,
    patience: Duration,
    steps: VecDeque<Step>,
    /// When the step at the front was begun.
    step_began: Option<Duration>,
    /// How often the step at the front has been done.
    step_done: u64,
    reads: bool,
    input: Vec<u8>,
    expects_head: bool,
    /// What comes after a wrong frame or a refusal is not looked at.
    is_lost: bool,
    /// The opcode and the payload so far of a message in frames.
    message: Option<(u8, Vec<u8>)>,
    inbox: VecDeque<Item>,
    out: Vec<u8>,
    has_sent_close: bool,
    has_received_close: bool,
    cannot_write: bool,
    has_ended: bool,
    report: Report,
}

impl Player {
    pub(super) fn new(peer: Peer) -> Self {
        Self {
            side: peer.side,
            answers_pings: peer.answers_pings,
            answers_close: peer.answers_close,
            patience: peer.patience,
            steps: peer.steps.into(),
            step_began: None,
            step_done: 0,
            reads: true,
            input: Vec::new(),
            expects_head: peer.starts_with_head,
            is_lost: false,
            message: None,
            inbox: VecDeque::new(),
            out: Vec::new(),
            has_sent_close: false,
            has_received_close: false,
            cannot_write: false,
            has_ended: false,
            report: Report::default(),
        }
    }

    /// What is to be written.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        &self.out
    }

    /// So many bytes have been written.
    pub fn consume(&mut self, n: usize) {
        self.out.drain(..n);
        self.report.bytes_written += n as u64;
    }

    /// Writing has failed: nothing more is written.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ws_proto_test::Side;
    /// use ws_proto_test::peer::Peer;
    ///
    /// let mut player = Peer::open(Side::Server).send_text("hi").player();
    /// player.poll(Duration::ZERO);
    /// player.write_failed();
    /// assert!(player.pending().is_empty());
    /// ```
    pub fn write_failed(&mut self) {
        self.cannot_write = true;
        self.out.clear();
    }

    /// Takes bytes that were read.
    pub fn receive(&mut self, now: Duration, bytes: &[u8]) {
        self.report.bytes_received += bytes.len() as u64;
        self.input.extend_from_slice(bytes);
        let mut at = 0;
        while !self.is_lost {
            let rest = &self.input[at..];
            if self.expects_head {
                let Some((head, len)) = Head::parse(rest) else {
                    break;
                };
                at += len;
                // After a response that is not final there is another one.
                self.expects_head = matches!(head.status(), Some(100 | 102..=199));
                // What comes after a refusal is its body.
                self.is_lost = matches!(head.status(), Some(200..));
                self.push(now, Item::Head(head));
            } else {
                let Some((frame, len)) = wire::decode(rest) else {
                    break;
                };
                at += len;
                self.receive_frame(now, frame);
            }
        }
        if self.is_lost {
            at = self.input.len();
        }
        self.input.drain(..at);
    }

    /// The stream has ended.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ws_proto_test::Side;
    /// use ws_proto_test::peer::{Peer, StreamEnd};
    ///
    /// let mut player = Peer::open(Side::Server).expect_end().player();
    /// player.receive_eof(Duration::ZERO);
    /// assert_eq!(player.poll(Duration::ZERO).end, Some(StreamEnd::Close));
    /// assert!(player.into_report().has_ended());
    /// ```
    pub fn receive_eof(&mut self, now: Duration) {
        self.push(now, Item::End);
        self.has_ended = true;
    }

    /// Reading has failed.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ws_proto_test::Side;
    /// use ws_proto_test::peer::{Item, Peer};
    ///
    /// let mut player = Peer::open(Side::Server).drain().player();
    /// player.read_failed(Duration::from_secs(1));
    /// assert_eq!(player.into_report().received, [(Duration::from_secs(1), Item::Reset)]);
    /// ```
    pub fn read_failed(&mut self, now: Duration) {
        self.push(now, Item::Reset);
        self.has_ended = true;
        self.write_failed();
    }

    fn push(&mut self, now: Duration, item: Item) {
        if self.report.received.len() == 2 * KEPT {
            self.report.received.drain(..KEPT);
        }
        self.report.received.push((now, item.clone()));
        if self.inbox.len() == 2 * KEPT {
            self.inbox.drain(..KEPT);
        }
        self.inbox.push_back(item);
    }

    fn receive_frame(&mut self, now: Duration, frame: Frame) {
        let is_masked_right = frame.key.is_some() == (self.side == Side::Server);
        let opcode = frame.opcode();
        let is_known = opcode <= 2 || (8..=10).contains(&opcode);
        let is_in_place = match opcode {
            CONTINUATION => self.message.is_some(),
            1 | 2 => self.message.is_none(),
            _ => frame.is_last(),
        };
        // RSV1 may be compression that was agreed on: such messages are binary here, as they came.
        if !is_masked_right || !is_known || !is_in_place || frame.first & 0x30 != 0 {
            self.is_lost = true;
            return self.push(now, Item::Wrong(frame));
        }
        if let Some(item) = Item::control(&frame) {
            match &item {
                Item::Ping(payload) if self.answers_pings && !self.has_sent_close => {
                    let pong = wire::frame(self.side.peer(), PONG, payload);
                    self.write(&pong);
                }
                Item::Close(..) => {
                    self.has_received_close = true;
                    if self.answers_close && !self.has_sent_close {
                        self.has_sent_close = true;
                        let body = frame.payload.get(..2).unwrap_or_default();
                        let close = wire::frame(self.side.peer(), wire::CLOSE, body);
                        self.write(&close);
                    }
                }
                _ => {}
            }
            return self.push(now, item);
        }
        let is_plain_text = frame.first & 0x7f == TEXT;
        let (opcode, mut payload) = self
            .message
            .take()
            .unwrap_or((if is_plain_text { TEXT } else { 2 }, Vec::new()));
        payload.extend_from_slice(&frame.payload);
        if frame.first & FIN == 0 {
            self.message = Some((opcode, payload));
        } else {
            self.push(now, Item::message(opcode, payload));
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        if !self.cannot_write {
            self.out.extend_from_slice(bytes);
        }
    }

    fn next_step(&mut self) {
        self.steps.pop_front();
        self.step_began = None;
        self.step_done = 0;
    }

    /// Something else has come than was expected, or nothing: the script ends here.
    fn fail(&mut self, expected: &str, came: &str) {
        self.report.steps_left = self.steps.len();
        self.report.mismatch = Some(format!("expected {expected}, and {came}"));
        self.steps.clear();
        self.next_step();
    }

    /// Does all steps that can be done now.
    pub fn poll(&mut self, now: Duration) -> Wish {
        loop {
            let began = *self.step_began.get_or_insert(now);
            if self.out.len() >= AHEAD {
                let give_up = began.saturating_add(self.patience);
                if now < give_up {
                    return self.wish(Some(give_up), None);
                }
                // Nobody takes it.
                self.write_failed();
            }
            let Some(step) = self.steps.front() else {
                return self.wish(None, Some(StreamEnd::Close));
            };
            // Bytes are shared, not copied.
            let step = step.clone();
            let give_up = began.saturating_add(self.patience);
            match step {
                Step::Write(bytes) => {
                    if bytes.first() == Some(&wire::CLOSE) {
                        self.has_sent_close = true;
                    }
                    self.write(&bytes);
                    self.next_step();
                }
                Step::Repeat(..) | Step::Trickle(..) => {
                    if let Some(until) = self.write_paced(&step, began, now) {
                        return self.wish(Some(until), None);
                    }
                }
                Step::Wait(time) if now >= began.saturating_add(time) => self.next_step(),
                Step::Wait(time) => return self.wish(Some(began.saturating_add(time)), None),
                Step::Read(reads) => {
                    self.reads = reads;
                    self.next_step();
                }
                Step::EndWriting if !self.out.is_empty() => return self.wish(None, None),
                Step::EndWriting => {
                    self.next_step();
                    return self.wish(Some(now), Some(StreamEnd::Writing));
                }
                Step::Finish(end) => return self.wish(None, Some(end)),
                Step::Answer(_)
                | Step::Expect(..)
                | Step::Until(..)
                | Step::Echo
                | Step::Serve(_)
                | Step::Drain => {
                    let Some(item) = self.inbox.pop_front() else {
                        if self.is_finished(&step) {
                            self.next_step();
                            continue;
                        }
                        if now >= give_up {
                            let came = format!("nothing came for {:?}", self.patience);
                            self.fail(&what(&step), &came);
                            continue;
                        }
                        return self.wish(Some(give_up), None);
                    };
                    let is_served = matches!(step, Step::Echo | Step::Serve(_));
                    if is_served && matches!(item, Item::Text(_) | Item::Binary(_)) {
                        self.step_began = None; // patience begins anew
                    }
                    self.take(&step, &item);
                }
            }
        }
    }

    fn take(&mut self, step: &Step, item: &Item) {
        let is_end = matches!(item, Item::End | Item::Reset);
        match (step, item) {
            (Step::Answer(answer), Item::Head(head)) => {
                let bytes = answer(head);
                self.write(&bytes);
                self.next_step();
            }
            (Step::Expect(_, check) | Step::Until(_, check), item) if check(item) => {
                self.next_step();
            }
            (Step::Until(..), _) if !is_end => {}
            (Step::Expect(..), Item::Ping(_)) if self.answers_pings => {}
            (Step::Echo | Step::Serve(_), Item::Close(..)) => self.next_step(),
            (Step::Echo | Step::Serve(_) | Step::Drain, _) if is_end => self.next_step(),
            (Step::Echo, Item::Text(_) | Item::Binary(_)) => self.send(item),
            (Step::Serve(serve), item) => serve(item).iter().for_each(|item| self.send(item)),
            (Step::Echo | Step::Drain, _) => {}
            (step, item) => self.fail(&what(step), &format!("{item} came")),
        }
    }

    fn send(&mut self, item: &Item) {
        let to = self.side.peer();
        match item {
            Item::Text(text) => self.write(&wire::frame(to, FIN | TEXT, text.as_bytes())),
            Item::Binary(data) => self.write(&wire::frame(to, FIN | wire::BINARY, data)),
            Item::Ping(payload) => self.write(&wire::frame(to, wire::PING, payload)),
            Item::Pong(payload) => self.write(&wire::frame(to, PONG, payload)),
            Item::Close(code, reason) => {
                self.has_sent_close = true;
                let body =
                    code.map_or(Vec::new(), |code| wire::close_body(code, reason.as_bytes()));
                self.write(&wire::frame(to, wire::CLOSE, &body));
            }
            Item::Head(_) | Item::Wrong(_) | Item::End | Item::Reset => {}
        }
    }

    /// Whether nothing is left to wait for. A server ends the stream itself after both Close frames.
    fn is_finished(&self, step: &Step) -> bool {
        let is_closed = self.has_sent_close && self.has_received_close;
        match step {
            Step::Drain => self.has_ended || is_closed && self.side == Side::Server,
            Step::Until(..) => self.has_ended,
            _ => false,
        }
    }

    /// Writes as much as is to be written by now; when there is more, or `None` if that was all.
    fn write_paced(&mut self, step: &Step, began: Duration, now: Duration) -> Option<Duration> {
        let (bytes, size, times, every) = match step {
            Step::Repeat(bytes, times, every) => (bytes, bytes.len(), *times, *every),
            Step::Trickle(bytes, size, every) => {
                (bytes, *size, bytes.len().div_ceil(*size) as u64, *every)
            }
            _ => return None,
        };
        loop {
            let is_enough = self.step_done.saturating_mul(size as u64) >= ENDLESS;
            if self.step_done >= times || is_enough || self.cannot_write {
                self.next_step();
                return None;
            }
            let made = u32::try_from(self.step_done).unwrap_or(u32::MAX);
            let due = began.saturating_add(every.saturating_mul(made));
            if due > now {
                return Some(due);
            }
            if self.out.len() >= AHEAD {
                return Some(due.max(now));
            }
            let at = match step {
                Step::Trickle(..) => self.step_done as usize * size,
                _ => 0,
            };
            let end = (at + size).min(bytes.len());
            self.write(&bytes[at..end]);
            self.step_done += 1;
        }
    }

    fn wish(&self, until: Option<Duration>, end: Option<StreamEnd>) -> Wish {
        Wish {
            reads: self.reads && !self.has_ended,
            until,
            end,
        }
    }

    /// What has come of it.
    #[must_use]
    pub fn into_report(mut self) -> Report {
        if self.report.mismatch.is_none() {
            self.report.steps_left = self.steps.len();
        }
        self.report
    }
}

fn what(step: &Step) -> String {
    match step {
        Step::Expect(what, _) | Step::Until(what, _) => what.clone(),
        Step::Answer(_) => "a request".to_owned(),
        Step::Echo | Step::Serve(_) => "messages, or a Close".to_owned(),
        _ => "the end of the stream".to_owned(),
    }
}
