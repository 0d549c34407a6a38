//! The client: says numbered lines until the server has acknowledged each, shows what others say, and comes back when its
//! connection is lost. It drives the engine by hand.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use ws_proto::opening::{Connecting, Connector};
use ws_proto::socket::{Next, Received, Want};
use ws_proto::{Client, CloseCode, CloseReason, Config, Instant, Message, WebSocket};
use ws_proto_test::link::{End, Time};

/// How much waits to be written at most before no more lines are queued.
const WAITING: usize = 4096;

/// How much is given to one write.
const WRITE: usize = 16 * 1024;

type Keys = fn() -> [u8; 4];

/// A mistake that somebody could make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// It ends when the connection is lost.
    NoReconnection,
    /// It reconnects without a pause.
    NoPause,
    /// What came together with the end is not shown.
    LostTail,
    /// It does not notice that the other side has ended.
    HangOnHalfClose,
    /// It leaves Pings to the program, which does nothing about them.
    PingUnanswered,
    /// Of several messages in one read, the last one comes first.
    Order,
    /// It queues whatever there is to say, whether or not the server reads.
    LeakOfPendingOutput,
    /// It takes bytes given to a write for written.
    ShortWrite,
    /// What was not acknowledged is not said again.
    LostUnsent,
    /// What was acknowledged is said again.
    SaidTwice,
    /// It never looks at the clock.
    NoClock,
    /// It leaves without a Close.
    NoClose,
    /// What came with the response is dropped.
    LostRest,
    /// A piece of a message is taken for a message.
    PieceForMessage,
}

impl Mistake {
    pub(crate) const ALL: [Self; 14] = [
        Self::NoReconnection,
        Self::NoPause,
        Self::LostTail,
        Self::HangOnHalfClose,
        Self::PingUnanswered,
        Self::Order,
        Self::LeakOfPendingOutput,
        Self::ShortWrite,
        Self::LostUnsent,
        Self::SaidTwice,
        Self::NoClock,
        Self::NoClose,
        Self::LostRest,
        Self::PieceForMessage,
    ];
}

/// Why a connection has ended.
#[derive(Debug, PartialEq, Eq)]
enum Gone {
    /// The client has left.
    Left,
    /// The server wants no more of it.
    SentAway,
    Lost,
}

pub(crate) struct Chat<D> {
    mistake: Option<Mistake>,
    time: Time,
    /// A new stream to the server.
    dial: D,
    /// What is not acknowledged, by number.
    lines: Vec<(usize, String)>,
    /// How many of them are queued on this connection.
    queued: usize,
    /// It leaves once everything is acknowledged and so many messages are shown.
    wanted: usize,
    pub(crate) shown: Vec<String>,
    pub(crate) attempts: usize,
    /// The most that has ever waited to be written.
    pub(crate) peak: usize,
}

impl<D: FnMut() -> End> Chat<D> {
    pub(crate) fn new(mistake: Option<Mistake>, time: Time, dial: D) -> Self {
        Self {
            mistake,
            time,
            dial,
            lines: Vec::new(),
            queued: 0,
            wanted: 0,
            shown: Vec::new(),
            attempts: 0,
            peak: 0,
        }
    }

    pub(crate) fn say(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.lines = (0..).zip(lines).collect();
        self
    }

    pub(crate) const fn until_shown(mut self, messages: usize) -> Self {
        self.wanted = messages;
        self
    }

    fn makes(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    fn now(&self) -> Instant {
        self.time.instant()
    }

    fn is_done(&self) -> bool {
        let is_acknowledged =
            self.lines.is_empty() || self.makes(Mistake::SaidTwice) && self.queued == usize::MAX;
        is_acknowledged && self.shown.len() >= self.wanted
    }

    pub(crate) async fn run(&mut self) {
        let mut pause = Duration::from_secs(1);
        loop {
            self.attempts += 1;
            let end = (self.dial)();
            self.queued = 0;
            let gone = self.talk(end).await;
            if gone != Gone::Lost || self.makes(Mistake::NoReconnection) || self.attempts > 1000 {
                return;
            }
            if !self.makes(Mistake::NoPause) {
                self.time.sleep(pause).await;
                pause = (2 * pause).min(Duration::from_secs(30));
            }
        }
    }

    /// One connection, from the handshake to the end.
    async fn talk(&mut self, mut end: End) -> Gone {
        let connector = Connector::new("ws://localhost/chat").unwrap();
        let config = Config::new().manual_pong(self.makes(Mistake::PingUnanswered));
        let mut connecting = Connecting::start(&connector.options(config), [7; 16]).unwrap();
        let mut buffer = vec![0; 4096];
        let mut socket = loop {
            let deadline = match connecting.tick(self.now()) {
                Err(_) if !self.makes(Mistake::NoClock) => return Gone::Lost,
                Ok(deadline) if !self.makes(Mistake::NoClock) => deadline,
                _ => None,
            };
            let pending = connecting.pending().to_vec();
            match self
                .turn(&mut end, &pending, Some(&mut buffer), deadline)
                .await
            {
                Turn::Wrote(n) => connecting.consume(n),
                Turn::Read(0) | Turn::Failed => return Gone::Lost,
                Turn::Read(n) => {
                    let mut rest = &mut buffer[..n];
                    match connecting.receive(&mut rest) {
                        Ok(None) => {}
                        Err(_) => return Gone::Lost,
                        Ok(Some((opened, _))) => {
                            let keys: Keys = || [1, 2, 3, 4];
                            let mut socket = opened.client(keys);
                            if self.makes(Mistake::LeakOfPendingOutput) {
                                socket = socket.with_high_water(usize::MAX / 2);
                            }
                            if !self.makes(Mistake::LostRest) {
                                receive(&mut socket, rest);
                            }
                            break socket;
                        }
                    }
                }
                Turn::TimedOut => {}
            }
        };
        let mut is_leaving = false;
        loop {
            self.take(&mut socket);
            if self.is_done() && !is_leaving {
                if self.makes(Mistake::NoClose) {
                    return Gone::Left;
                }
                is_leaving = true;
                let _ = socket.sender().close(CloseCode::NORMAL, CloseReason::EMPTY);
            }
            while self.queued < self.lines.len()
                && (socket.pending_bytes() < WAITING || self.makes(Mistake::LeakOfPendingOutput))
            {
                let (number, text) = &self.lines[self.queued];
                if socket
                    .sender()
                    .send_text(&format!("say {number} {text}"))
                    .is_err()
                {
                    break;
                }
                self.queued += 1;
            }
            self.peak = self.peak.max(socket.pending_bytes());
            if socket.wants_half_close() && socket.pending_bytes() == 0 {
                end.end_writing();
                socket.half_closed();
            }
            if socket.is_over() {
                break;
            }
            // Received bytes win over expired timers.
            let deadline = if self.makes(Mistake::NoClock) {
                None
            } else {
                socket.tick(self.now()).unwrap_or(None)
            };
            if socket.is_over() && socket.pending_bytes() == 0 {
                break;
            }
            let pending = socket.pending();
            let pending = pending.get(..WRITE).unwrap_or(pending).to_vec();
            let into = socket.wants_read().then_some(&mut buffer[..]);
            match self.turn(&mut end, &pending, into, deadline).await {
                Turn::Wrote(n) if self.makes(Mistake::ShortWrite) => {
                    socket.consume(pending.len().max(n));
                }
                Turn::Wrote(n) => socket.consume(n),
                Turn::Read(0) if self.makes(Mistake::HangOnHalfClose) => {
                    // "Nothing has come yet."
                    self.time.sleep(Duration::from_secs(60)).await;
                }
                Turn::Read(0) => {
                    let _ = socket.receive_eof();
                }
                Turn::Read(n) => receive(&mut socket, &buffer[..n]),
                Turn::Failed => {
                    socket.write_failed();
                    socket.read_failed();
                }
                Turn::TimedOut => {}
            }
        }
        if self.makes(Mistake::LostUnsent) {
            self.lines.drain(..self.queued.min(self.lines.len()));
        }
        let sent_away = socket.connection().close_code() == Some(CloseCode::NORMAL);
        match (is_leaving, sent_away) {
            (true, _) => Gone::Left,
            (false, true) => Gone::SentAway,
            (false, false) => Gone::Lost,
        }
    }

    /// Takes all messages that are there.
    fn take(&mut self, socket: &mut WebSocket<Client<Keys>>) {
        let mut taken = Vec::new();
        let want = if self.makes(Mistake::PieceForMessage) {
            Want::Piece
        } else {
            Want::Message
        };
        loop {
            match socket.poll_next(want) {
                Ok(Next::Received(Received::Message(Message::Text(text), _))) => {
                    taken.push(text.to_owned());
                }
                Ok(Next::Received(Received::Piece(piece, _))) => {
                    taken.push(piece.data.as_text().unwrap_or_default().to_owned());
                }
                Ok(Next::Received(_) | Next::Yield) => {}
                Ok(_) | Err(_) => break,
            }
        }
        if self.makes(Mistake::LostTail) && socket.connection().is_close_received() {
            taken.clear();
        }
        if self.makes(Mistake::Order) {
            taken.reverse();
        }
        for text in taken {
            match text
                .strip_prefix("ack ")
                .and_then(|number| number.parse::<usize>().ok())
            {
                None => self.shown.push(text),
                Some(_) if self.makes(Mistake::SaidTwice) => {
                    // It only counts them.
                    let last = self.lines.last().map(|(number, _)| *number);
                    if text == format!("ack {}", last.unwrap_or_default()) {
                        self.queued = usize::MAX;
                    }
                }
                Some(number) => {
                    let before = self.lines.len();
                    self.lines.retain(|(other, _)| *other != number);
                    self.queued = self.queued.saturating_sub(before - self.lines.len());
                }
            }
        }
    }

    /// Waits until something is written, or read, or until the deadline.
    async fn turn(
        &self,
        end: &mut End,
        pending: &[u8],
        mut into: Option<&mut [u8]>,
        deadline: Option<Instant>,
    ) -> Turn {
        let deadline = deadline.map(|deadline| Duration::from_millis(deadline.as_millis()));
        let mut expired = deadline.map(|deadline| Box::pin(self.time.sleep_until(deadline)));
        poll_fn(|cx| {
            if !pending.is_empty() {
                match end.poll_write_with(cx, pending) {
                    Poll::Ready(Ok(n)) => return Poll::Ready(Turn::Wrote(n)),
                    Poll::Ready(Err(_)) => return Poll::Ready(Turn::Failed),
                    Poll::Pending => {}
                }
            }
            if let Some(into) = &mut into {
                match end.poll_read_with(cx, into) {
                    Poll::Ready(Ok(n)) => return Poll::Ready(Turn::Read(n)),
                    Poll::Ready(Err(_)) => return Poll::Ready(Turn::Failed),
                    Poll::Pending => {}
                }
            }
            match &mut expired {
                Some(expired) => expired.as_mut().poll(cx).map(|()| Turn::TimedOut),
                None => Poll::Pending,
            }
        })
        .await
    }
}

enum Turn {
    Wrote(usize),
    Read(usize),
    Failed,
    TimedOut,
}

fn receive(socket: &mut WebSocket<Client<Keys>>, bytes: &[u8]) {
    socket.read_buf(bytes.len())[..bytes.len()].copy_from_slice(bytes);
    socket.advance(bytes.len());
}
