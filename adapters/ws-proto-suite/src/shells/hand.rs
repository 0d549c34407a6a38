//! A stream, a clock and a timer that a test drives by hand. It wakes whoever waits, and nobody else.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ws_proto_async::{Instant, Io, Timer};

use ws_proto_test::clock::Clock;

/// One end of a stream: the test has clones of it, and gives one to the shell.
#[derive(Clone, Debug, Default)]
pub struct Hand(Arc<Mutex<State>>);

#[derive(Debug, Default)]
pub struct State {
    input: VecDeque<u8>,
    has_ended: bool,
    /// How many bytes are taken before a write waits.
    room: usize,
    read_error: Option<fn() -> io::Error>,
    write_error: Option<ErrorKind>,
    pub written: Vec<u8>,
    /// How much of that was flushed.
    pub flushed: usize,
    pub writes: usize,
    /// How often the clock was looked at, and the timer polled.
    pub looks: usize,
    pub timer_polls: usize,
    clock: Clock,
    /// How much time passes after the next look.
    after_look: Duration,
    reader: Option<Waker>,
    writer: Option<Waker>,
    timer: Option<(Instant, Waker)>,
}

impl Hand {
    /// A stream that takes as much as is written.
    pub fn new() -> Self {
        let hand = Self::default();
        hand.state().room = usize::MAX;
        hand
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The peer has written.
    pub fn put(&self, bytes: &[u8]) {
        let waker = {
            let mut state = self.state();
            state.input.extend(bytes);
            state.reader.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// The peer has written, and nobody has been woken yet.
    pub fn put_silently(&self, bytes: &[u8]) {
        self.state().input.extend(bytes);
    }

    /// The peer has ended its writing.
    pub fn end(&self) {
        self.end_silently();
        self.put(b"");
    }

    /// The peer has ended its writing, and nobody has been woken yet.
    pub fn end_silently(&self) {
        self.state().has_ended = true;
    }

    /// So many bytes are taken from now on; 0 blocks.
    pub fn make_room(&self, room: usize) {
        let waker = {
            let mut state = self.state();
            state.room = room;
            if room > 0 { state.writer.take() } else { None }
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// So many bytes are taken from now on, and nobody has been woken yet.
    pub fn make_room_silently(&self, room: usize) {
        self.state().room = room;
    }

    /// Every read fails from now on, with what `error` makes.
    pub fn break_reads(&self, error: fn() -> io::Error) {
        self.state().read_error = Some(error);
        self.put(b"");
    }

    /// Every write fails from now on.
    pub fn break_writes(&self, kind: ErrorKind) {
        self.state().write_error = Some(kind);
        let waker = self.state().writer.take();
        waker.into_iter().for_each(Waker::wake);
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        let waker = {
            let mut state = self.state();
            state.clock.advance(by);
            let now = state.clock.now();
            match &state.timer {
                Some((deadline, _)) if *deadline <= now => state.timer.take(),
                _ => None,
            }
        };
        waker.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Lets time pass right after the clock was looked at once.
    pub fn advance_after_a_look(&self, by: Duration) {
        self.state().after_look = by;
    }

    /// How many bytes of the peer's were not read.
    pub fn unread(&self) -> usize {
        self.state().input.len()
    }

    /// When the timer ends that somebody waits for.
    pub fn deadline(&self) -> Option<Instant> {
        self.state().timer.as_ref().map(|(deadline, _)| *deadline)
    }
}

impl Timer for Hand {
    fn now(&self) -> Instant {
        let mut state = self.state();
        state.looks += 1;
        let now = state.clock.now();
        let passes = std::mem::take(&mut state.after_look);
        state.clock.advance(passes);
        now
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let mut state = self.state();
        state.timer_polls += 1;
        if state.clock.now() >= deadline {
            state.timer = None;
            return Poll::Ready(());
        }
        state.timer = Some((deadline, cx.waker().clone()));
        Poll::Pending
    }
}

impl Io for Hand {
    type Stream = Self;

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut state = self.state();
        if let Some(error) = state.read_error {
            return Poll::Ready(Err(error()));
        }
        if state.input.is_empty() && !state.has_ended {
            state.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(io::Read::read(&mut state.input, buffer))
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.state();
        if let Some(kind) = state.write_error {
            return Poll::Ready(Err(kind.into()));
        }
        if state.room == 0 {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
        let n = bytes.len().min(state.room);
        if state.room != usize::MAX {
            state.room -= n;
        }
        state.written.extend(&bytes[..n]);
        state.writes += 1;
        Poll::Ready(Ok(n))
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state();
        state.flushed = state.written.len();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn stream(&self) -> &Self {
        self
    }

    fn stream_mut(&mut self) -> &mut Self {
        self
    }

    fn into_stream(self) -> Self {
        self
    }
}
