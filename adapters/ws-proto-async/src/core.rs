//! The connection over a stream: what both halves work on.
//!
//! ```text
//!           Close due               written             shut down, after an error
//!   Open -----------------> Closing ---------> shutdown -------------------------> Linger --> Done
//!     |                                            '----------- else ------------------------^
//!     '-- end of the stream, error, nobody answers ------------------------------------------'
//! ```

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use ws_proto::{
    AssembleError, CloseCode, CloseReason, ControlPayload, Event as Received, Fin, Input, Instant,
    ReceiveError, SendError, TimedOut, Transport, WebSocketError,
};

use crate::buffer::{Leftover, with_buffer};
use crate::deflate::{Agreed, Codec, Wish};
use crate::engine::Engine;
use crate::error::{Error, Failure, TrySendError};
use crate::inbox::{Inbox, Want};
use crate::io::Io;
use crate::message::{Closed, Event, Message, Piece, Utf8Bytes};
use crate::options::Options;
use crate::outgoing::Outgoing;
use crate::wakers::{Side, Wakers};

/// How many reads one poll does at most, so that a fast peer does not keep the task from others.
const READS: usize = 32;

/// How many bytes are read and dropped after an error, so that the peer can read our Close.
const MAX_LINGER: usize = 4 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// Writes what waits, then shuts the stream down.
    Closing,
    /// Reads to the end: input that is left unread would make the system reset the connection, and
    /// the peer would lose what it has not read yet.
    Linger,
    Done,
}

pub(crate) struct Core<T> {
    io: T,
    engine: Engine,
    codec: Codec,
    /// The most bytes of a message, once it is decoded.
    max_message: u64,
    inbox: Inbox,
    out: Outgoing,
    leftover: Leftover,
    wakers: Arc<Wakers>,
    /// Wakes all of `wakers`.
    proxy: Waker,
    phase: Phase,
    /// Why it has failed.
    failure: Option<Failure>,
    /// Why writing has failed; of no interest if the peer has said Close before it went.
    write_failure: Option<Failure>,
    /// Since when the stream takes nothing of what waits.
    stalled: Option<Instant>,
    stall_time: Duration,
    /// The reader has been told.
    reported: bool,
    /// Writing has failed.
    broken: bool,
    eof: bool,
    needs_flush: bool,
    /// A message is being sent in parts.
    parts_open: bool,
    /// Nobody reads any more.
    pub(crate) reader_gone: bool,
    /// The last call of the reader's has got something: it does not wait now.
    reader_busy: bool,
    /// When it has to be over.
    end_by: Option<Instant>,
    high_water: usize,
    linger: Duration,
    lingered: usize,
    subprotocol: Option<Box<str>>,
}

impl<T> std::fmt::Debug for Core<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebSocket")
            .field("engine", &self.engine)
            .field("phase", &self.phase)
            .field("failure", &self.failure)
            .field("queued", &self.out.len())
            .finish_non_exhaustive()
    }
}

impl<T: Io> Core<T> {
    pub(crate) fn new(
        io: T,
        engine: Engine,
        received: &[u8],
        options: &Options,
        subprotocol: Option<&str>,
    ) -> Self {
        let wakers = Arc::new(Wakers::default());
        let mut leftover = Leftover::default();
        leftover.keep(received);
        Self {
            io,
            engine,
            codec: Codec::none(),
            max_message: options.config.max_message_bytes(),
            inbox: Inbox::default(),
            out: Outgoing::default(),
            leftover,
            proxy: Waker::from(Arc::clone(&wakers)),
            wakers,
            phase: Phase::Open,
            failure: None,
            write_failure: None,
            stalled: None,
            stall_time: options.stall_time,
            reported: false,
            broken: false,
            eof: false,
            needs_flush: false,
            parts_open: false,
            reader_gone: false,
            reader_busy: false,
            end_by: None,
            high_water: options.high_water,
            linger: options.linger,
            lingered: 0,
            subprotocol: subprotocol.map(Into::into),
        }
    }

    /// Turns on what the handshake has agreed on.
    pub(crate) fn agree(&mut self, wish: Wish<'_>, agreed: Agreed) {
        let is_client = self.engine.is_client();
        self.codec = Codec::new(wish, agreed, is_client, self.max_message);
    }

    #[cfg(feature = "deflate")]
    pub(crate) const fn codec(&self) -> &Codec {
        &self.codec
    }

    #[cfg(feature = "deflate")]
    pub(crate) const fn codec_mut(&mut self) -> &mut Codec {
        &mut self.codec
    }

    pub(crate) const fn io(&self) -> &T {
        &self.io
    }

    pub(crate) const fn io_mut(&mut self) -> &mut T {
        &mut self.io
    }

    pub(crate) fn into_io(self) -> T {
        self.io
    }

    pub(crate) fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    pub(crate) fn closed(&self) -> Option<Closed> {
        self.engine.is_close_received().then(|| Closed {
            code: self.engine.close_code(),
            reason: Utf8Bytes::from(self.engine.close_reason()),
        })
    }

    /// Whether the reader has come to the end.
    pub(crate) const fn is_reported(&self) -> bool {
        self.reported
    }

    pub(crate) fn wake(&self, side: Side) {
        self.wakers.wake_side(side);
    }

    pub(crate) fn queued(&self) -> usize {
        self.out.len()
    }

    // What the caller asks for.

    pub(crate) fn poll_message(
        &mut self,
        cx: &Context<'_>,
    ) -> Poll<Option<Result<Message, Error>>> {
        self.poll_take(cx, Want::Message, Inbox::take_message)
    }

    pub(crate) fn poll_event(&mut self, cx: &Context<'_>) -> Poll<Option<Result<Event, Error>>> {
        self.inbox.report_control = true;
        self.poll_take(cx, Want::Event, Inbox::take_event)
    }

    pub(crate) fn poll_piece(&mut self, cx: &Context<'_>) -> Poll<Option<Result<Piece, Error>>> {
        self.poll_take(cx, Want::Piece, Inbox::take_piece)
    }

    fn poll_take<V>(
        &mut self,
        cx: &Context<'_>,
        want: Want,
        take: impl Fn(&mut Inbox) -> Option<V>,
    ) -> Poll<Option<Result<V, Error>>> {
        self.drive(cx, Side::Read, want);
        let taken = take(&mut self.inbox);
        self.reader_busy = taken.is_some();
        let taken = match taken {
            Some(taken) => Some(Ok(taken)),
            None if self.phase != Phase::Done => return Poll::Pending,
            None if self.reported => None,
            None => {
                self.reported = true;
                self.outcome().map(|failure| Err(failure.to_error()))
            }
        };
        self.wakers.clear(Side::Read);
        Poll::Ready(taken)
    }

    /// Whether a message may be queued.
    pub(crate) fn poll_ready(&mut self, cx: &Context<'_>) -> Poll<Result<(), Error>> {
        let mut ready = self.ready();
        if ready.is_pending() {
            self.drive(cx, Side::Write, self.idle_want());
            ready = self.ready();
        }
        if ready.is_ready() {
            self.wakers.clear(Side::Write);
        }
        ready
    }

    fn ready(&self) -> Poll<Result<(), Error>> {
        if !self.can_send() {
            Poll::Ready(Err(self.send_error()))
        } else if self.out.len() < self.high_water {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    pub(crate) fn can_send(&self) -> bool {
        self.phase == Phase::Open && !self.broken && self.engine.can_send()
    }

    /// What is said to who sends on a connection that has ended.
    fn send_error(&self) -> Error {
        match self.outcome() {
            Some(failure) => failure.to_error(),
            None => Error::Send(SendError::Closed),
        }
    }

    /// Why the connection has ended, if not by a closing handshake.
    fn outcome(&self) -> Option<&Failure> {
        let unheard = !self.engine.is_close_received();
        let write = self.write_failure.as_ref().filter(|_| unheard);
        self.failure.as_ref().or(write)
    }

    /// Queues a message at once, whatever the high-water mark.
    pub(crate) fn queue(&mut self, message: Message) -> Result<(), Error> {
        self.queue_whole(message, false)
    }

    fn queue_whole(&mut self, message: Message, plainly: bool) -> Result<(), Error> {
        if !self.can_send() {
            return Err(self.send_error());
        }
        if self.parts_open {
            return Err(Error::Send(SendError::MessageOpen));
        }
        Ok(self.send(message, Fin::Yes, plainly)?)
    }

    pub(crate) fn try_send(&mut self, message: Message) -> Result<(), TrySendError> {
        if !self.can_send() {
            Err(TrySendError::Closed(message))
        } else if self.parts_open {
            Err(TrySendError::Send(SendError::MessageOpen))
        } else if self.out.len() >= self.high_water {
            Err(TrySendError::Full(message))
        } else {
            let sent = self.send(message, Fin::Yes, false);
            sent.map_err(TrySendError::Send)
        }
    }

    fn send(&mut self, part: Message, fin: Fin, plainly: bool) -> Result<(), SendError> {
        self.codec
            .send(&mut self.engine, part, fin, plainly, &mut self.out)
    }

    /// Waits until there is room, then queues what `item` has.
    pub(crate) fn poll_queue(
        &mut self,
        cx: &Context<'_>,
        item: &mut Option<Outgo<'_>>,
    ) -> Poll<Result<(), Error>> {
        match self.poll_ready(cx) {
            Poll::Ready(Ok(())) => {}
            other => return other,
        }
        let Some(item) = item.take() else {
            return Poll::Ready(Ok(()));
        };
        Poll::Ready(match item {
            Outgo::Message(message) => self.queue(message),
            #[cfg(feature = "deflate")]
            Outgo::Uncompressed(message) => self.queue_whole(message, true),
            Outgo::Part(part, fin) => {
                let sent = self.send(part, fin, false);
                if sent.is_ok() {
                    self.parts_open = fin == Fin::No;
                }
                sent.map_err(Error::Send)
            }
            Outgo::Ping(payload) => {
                let sent = self.engine.ping(payload, &mut self.out);
                sent.map_err(Error::Send)
            }
            Outgo::Pong(payload) => {
                let sent = self.engine.pong(payload, &mut self.out);
                sent.map_err(Error::Send)
            }
        })
    }

    /// Whether all that was queued has been handed to the stream, and flushed there.
    pub(crate) fn poll_flush(&mut self, cx: &Context<'_>) -> Poll<Result<(), Error>> {
        // Who answers what it has got reads on after that: once, the reading is left to it. Not what
        // has been read already: a Ping in it is answered now.
        let reads_on = std::mem::take(&mut self.reader_busy) && self.leftover.is_empty();
        if reads_on && self.phase == Phase::Open {
            let proxy = self.proxy.clone();
            self.write(&mut Context::from_waker(&proxy));
            if self.is_written() {
                return Poll::Ready(Ok(()));
            } // else it is written to again, with somebody to wake
        }
        self.drive(cx, Side::Write, self.idle_want());
        let flushed = if self.broken {
            Err(self.send_error())
        } else if self.is_written() {
            Ok(())
        } else if self.phase == Phase::Done {
            Err(self.send_error())
        } else {
            return Poll::Pending;
        };
        self.wakers.clear(Side::Write);
        Poll::Ready(flushed)
    }

    fn is_written(&self) -> bool {
        !self.broken && self.out.is_empty() && !self.needs_flush
    }

    /// Queues our Close, if there is none yet.
    pub(crate) fn start_close(
        &mut self,
        code: CloseCode,
        reason: CloseReason<'_>,
    ) -> Result<(), Error> {
        if self.phase != Phase::Open || self.broken {
            return Ok(());
        }
        match self.engine.close(code, reason, &mut self.out) {
            Ok(()) | Err(SendError::Closed) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits for the end of the closing handshake and of the stream. What comes is dropped.
    pub(crate) fn poll_closed(&mut self, cx: &Context<'_>) -> Poll<Result<(), Error>> {
        self.drive(cx, Side::Write, Want::Discard);
        if self.phase != Phase::Done {
            return Poll::Pending;
        }
        self.wakers.clear(Side::Write);
        if self.reported {
            return Poll::Ready(Ok(()));
        }
        self.reported = true;
        Poll::Ready(match self.outcome() {
            Some(failure) => Err(failure.to_error()),
            None => Ok(()),
        })
    }

    const fn idle_want(&self) -> Want {
        if self.reader_gone {
            Want::Discard
        } else {
            Want::Nothing
        }
    }

    // The work.

    /// Does whatever can be done now: writes, reads as far as there is use for it, keeps the time.
    fn drive(&mut self, cx: &Context<'_>, side: Side, want: Want) {
        self.wakers.set(side, cx.waker());
        let proxy = self.proxy.clone();
        let cx = &mut Context::from_waker(&proxy);
        let before = self.progress();
        loop {
            let phase = self.phase;
            self.write(cx);
            let looked = self.read(cx, want);
            if !(self.inbox.satisfies(want) && self.is_calm()) {
                self.keep_time(cx, looked);
            }
            self.write(cx);
            self.wind_up(cx);
            if self.phase == phase {
                break;
            }
        }
        if !self.leftover.is_empty()
            && self.phase == Phase::Open
            && !self.inbox.satisfies(want)
            && self.out.has_room_for_answers()
        {
            // It was stopped by answers that have been written since.
            cx.waker().wake_by_ref();
        }
        match side {
            Side::Read if before != self.progress() => self.wakers.wake_side(Side::Write),
            Side::Write if self.phase == Phase::Done || self.inbox.has_some() => {
                self.wakers.wake_side(Side::Read);
            }
            _ => {}
        }
    }

    /// Whether no time runs out while there is always something to take: who sends is alive.
    fn is_calm(&self) -> bool {
        self.can_send() && self.stalled.is_none() && self.end_by.is_none()
    }

    /// What somebody who writes may be waiting for.
    fn progress(&self) -> (Phase, bool, usize, bool) {
        let can_send = self.can_send();
        (self.phase, can_send, self.out.len(), self.needs_flush)
    }

    fn write(&mut self, cx: &mut Context<'_>) {
        if self.out.is_empty() && !self.needs_flush {
            return;
        }
        if self.broken {
            self.out.clear();
        }
        while !self.out.is_empty() {
            match self
                .out
                .with_slices(|slices| self.io.poll_write(cx, slices))
            {
                Poll::Pending => {
                    self.stalled.get_or_insert_with(|| self.io.now());
                    break;
                }
                Poll::Ready(Ok(0)) => return self.write_failed(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(n)) => {
                    if !self.out.has_room_for_answers() {
                        // Nothing is received meanwhile, so this is the sign of life.
                        self.engine.heard();
                    }
                    self.out.wrote(n);
                    self.needs_flush = true;
                    self.stalled = None;
                }
                Poll::Ready(Err(error)) => return self.write_failed(error),
            }
        }
        // Not while something waits to be written: a stream that keeps one waker for both, as those of
        // `async-net` do, forgets who waits for room when a flush succeeds.
        if self.needs_flush && self.out.is_empty() {
            match self.io.poll_flush(cx) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.needs_flush = false,
                Poll::Ready(Err(error)) => self.write_failed(error),
            }
        }
    }

    /// What the peer has sent before it went can still be read, its Close above all.
    fn write_failed(&mut self, error: io::Error) {
        self.broken = true;
        self.needs_flush = false;
        self.out.clear();
        self.stalled = None;
        self.write_failure = Some(error.into());
        self.end_by.get_or_insert(self.io.now() + self.linger);
    }

    /// Reads while there is use for it. Whether the peer has had its chance to be heard.
    fn read(&mut self, cx: &mut Context<'_>, want: Want) -> bool {
        let mut looked = false;
        for _ in 0..READS {
            let over = !matches!(
                self.engine.transport(),
                Transport::Open | Transport::AwaitEof
            );
            if self.phase != Phase::Open || self.inbox.satisfies(want) || over {
                return looked;
            }
            looked = true;
            if !self.leftover.is_empty() {
                let mut leftover = std::mem::take(&mut self.leftover);
                let rest = self.process(leftover.unread(), want);
                leftover.set_rest(rest);
                self.leftover = leftover;
                if rest > 0 {
                    return looked;
                }
                continue;
            }
            let read = with_buffer(|buffer| {
                let read = self.io.poll_read(cx, buffer);
                if let Poll::Ready(Ok(n @ 1..)) = read {
                    let bytes = buffer.get_mut(..n).unwrap_or_default();
                    let rest = self.process(bytes, want);
                    self.leftover
                        .keep(bytes.get(bytes.len() - rest..).unwrap_or_default());
                }
                read
            });
            match read {
                Poll::Pending => return looked,
                Poll::Ready(Ok(0)) => self.read_eof(),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => self.read_failed(error),
            }
        }
        cx.waker().wake_by_ref();
        looked
    }

    /// Hands received bytes to the engine; returns how many of them have to wait.
    fn process(&mut self, mut bytes: &mut [u8], want: Want) -> usize {
        loop {
            let bite = self.codec.bite(want, bytes.len());
            let (now, later) = bytes.split_at_mut(bite);
            let rest = self.process_bite(now, want) + later.len();
            if rest > later.len() || later.is_empty() || self.inbox.satisfies(want) {
                return rest;
            }
            if self.failure.is_some() {
                return 0;
            }
            bytes = later;
        }
    }

    fn process_bite(&mut self, bytes: &mut [u8], want: Want) -> usize {
        let mut input = Input::new(bytes);
        while !self.inbox.satisfies(want) {
            let event = match self.engine.receive(&mut input, &mut self.out.answers()) {
                Ok(Some(event)) => event,
                Ok(None) | Err(ReceiveError::OutputFull) => break,
                Err(ReceiveError::Protocol(error)) => {
                    self.failure.get_or_insert(error.into());
                    break;
                }
            };
            let remaining = self.engine.frame_remaining();
            match event {
                Received::Text(piece) => {
                    self.codec.saw_plain(piece.last);
                    self.inbox.text(&piece, remaining);
                }
                Received::Binary(piece) => {
                    self.codec.saw_plain(piece.last);
                    self.inbox
                        .binary(piece.data, piece.first, piece.last, remaining);
                }
                Received::Ping if self.inbox.report_control => {
                    let payload = Bytes::copy_from_slice(self.engine.control_payload());
                    self.inbox.control(Event::Ping(payload));
                }
                Received::Pong if self.inbox.report_control => {
                    let payload = Bytes::copy_from_slice(self.engine.control_payload());
                    self.inbox.control(Event::Pong(payload));
                }
                Received::Extended(piece) => {
                    if let Err(error) = self.codec.receive(piece, &mut self.inbox) {
                        return self.fail_assembly(error);
                    }
                }
                _ => {}
            }
        }
        input.len()
    }

    fn fail_assembly(&mut self, error: AssembleError) -> usize {
        self.failure
            .get_or_insert(Failure::Receive(WebSocketError::from(error)));
        let _ = self
            .engine
            .close(error.close_code(), CloseReason::EMPTY, &mut self.out);
        self.begin_closing();
        0
    }

    fn read_eof(&mut self) {
        self.eof = true;
        if let Err(error) = self.engine.receive_eof() {
            if self.write_failure.is_none() {
                self.failure.get_or_insert(Failure::Eof(error));
            }
        }
    }

    fn read_failed(&mut self, error: io::Error) {
        // Some peers reset, or end without TLS's close_notify, once the closing handshake is done.
        let ended = self.engine.receive_eof().is_ok();
        self.eof = true;
        self.broken = true;
        if !ended {
            self.failure.get_or_insert(error.into());
        }
        self.phase = Phase::Done;
    }

    /// Keepalive, close timer, and the limit on closing. The engine's timers rest while nobody
    /// reads: a peer cannot be blamed for answers that wait to be read.
    fn keep_time(&mut self, cx: &mut Context<'_>, looked: bool) {
        let mut now = self.io.now();
        loop {
            let stalled_until = self.stalled.map(|since| since + self.stall_time);
            if stalled_until.is_some_and(|until| now >= until) {
                self.write_failed(io::ErrorKind::TimedOut.into());
                self.phase = Phase::Done;
                return;
            }
            let mut deadline = match (self.end_by, stalled_until) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
            if self.phase == Phase::Open && looked {
                match self.engine.tick(now, &mut self.out.answers()) {
                    Ok(Some(tick)) => {
                        deadline = Some(deadline.map_or(tick, |end_by| end_by.min(tick)));
                    }
                    Ok(None) => {}
                    // Both have said Close: nothing is missing.
                    Err(TimedOut::Eof) => {}
                    Err(error) => {
                        self.failure.get_or_insert(Failure::TimedOut(error));
                    }
                }
            }
            if self.phase == Phase::Done {
                return;
            }
            if self.end_by.is_some_and(|end_by| now >= end_by) {
                self.phase = Phase::Done;
                return;
            }
            let Some(deadline) = deadline.filter(|deadline| *deadline > now) else {
                return;
            };
            match self.io.poll_until(cx, deadline) {
                Poll::Pending => return,
                Poll::Ready(()) => now = self.io.now(),
            }
        }
    }

    fn begin_closing(&mut self) {
        if self.phase == Phase::Open {
            self.phase = Phase::Closing;
            self.end_by.get_or_insert(self.io.now() + self.linger);
        }
    }

    /// Goes on towards the end, once it is due.
    fn wind_up(&mut self, cx: &mut Context<'_>) {
        if self.phase == Phase::Open {
            match self.engine.transport() {
                Transport::Open | Transport::AwaitEof => {}
                Transport::Close => self.begin_closing(),
                Transport::Abort => self.phase = Phase::Done,
            }
        }
        if self.phase == Phase::Closing {
            self.write(cx);
            if !self.out.is_empty() || self.needs_flush {
                return;
            }
            let failed = matches!(self.failure, Some(Failure::Receive(_)));
            match self.io.poll_shutdown(cx) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) if failed && !self.eof => self.phase = Phase::Linger,
                Poll::Ready(_) => self.phase = Phase::Done,
            }
        }
        if self.phase == Phase::Linger {
            self.linger(cx);
        }
    }

    fn linger(&mut self, cx: &mut Context<'_>) {
        while self.lingered < MAX_LINGER {
            match with_buffer(|buffer| self.io.poll_read(cx, buffer)) {
                Poll::Pending => return,
                Poll::Ready(Ok(n @ 1..)) => self.lingered += n,
                Poll::Ready(_) => break,
            }
        }
        self.phase = Phase::Done;
    }
}

/// Something to queue.
#[derive(Debug)]
pub(crate) enum Outgo<'p> {
    Message(Message),
    #[cfg(feature = "deflate")]
    Uncompressed(Message),
    Part(Message, Fin),
    Ping(ControlPayload<'p>),
    Pong(ControlPayload<'p>),
}
