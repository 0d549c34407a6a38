//! A stream that does what the fuzzer has chosen, and remembers it: for all shells.

use std::cell::{RefCell, RefMut};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::io::ReadBuf;

/// What one read, write or flush does.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// It gives or takes so many bytes at most. A write that takes none fails by that.
    Bytes(usize),
    /// It would block. It is worth trying again at once.
    Block,
    Fail(ErrorKind),
}

/// What the stream does, in order.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// Afterwards, a read gives all that is there.
    pub reads: VecDeque<Step>,
    /// Afterwards, a write takes everything, or nothing if `holds`.
    pub writes: VecDeque<Step>,
    /// Afterwards, a flush succeeds.
    pub flushes: VecDeque<Step>,
    /// Nothing is taken after the script until the stream is set free.
    pub holds: bool,
    /// The input is followed by its end. Else reads block after it.
    pub ends: bool,
    /// A timeout is no failure: the stream is a blocking one.
    pub has_timeouts: bool,
    /// A read that does not fill the buffer has emptied the stream, and there is an event when more comes.
    pub tells_of_more: bool,
}

#[derive(Debug, Default)]
struct State {
    script: Script,
    /// What the peer sends, of which so many bytes were handed out.
    input: Vec<u8>,
    handed: usize,
    written: Vec<u8>,
    failed: Vec<ErrorKind>,
    has_read_end: bool,
    has_read_failed: bool,
    has_write_failed: bool,
    /// It has blocked, and can be tried again.
    is_ready_again: bool,
    /// Who waits for what does not come unless the stream is changed.
    reader: Option<Waker>,
    writer: Option<Waker>,
    is_read_stuck: bool,
    is_write_stuck: bool,
    has_blocked_writes: bool,
    /// Calls since the last call of the shell.
    calls: usize,
}

/// A handle: clones are the same stream.
#[derive(Clone, Debug, Default)]
pub struct Stream(Rc<RefCell<State>>);

impl Stream {
    pub fn new(input: Vec<u8>, script: Script) -> Self {
        Self(Rc::new(RefCell::new(State {
            script,
            input,
            ..State::default()
        })))
    }

    fn state(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    /// How many bytes were read.
    pub fn handed(&self) -> usize {
        self.state().handed
    }

    /// Whether all of the input was read.
    pub fn is_read(&self) -> bool {
        let state = self.state();
        state.handed == state.input.len()
    }

    pub fn written(&self) -> Vec<u8> {
        self.state().written.clone()
    }

    /// Whether a read has said that nothing more comes.
    pub fn has_read_end(&self) -> bool {
        self.state().has_read_end
    }

    pub fn has_read_failed(&self) -> bool {
        self.state().has_read_failed
    }

    pub fn has_write_failed(&self) -> bool {
        self.state().has_write_failed
    }

    /// Whether it has ever not taken something.
    pub fn has_blocked_writes(&self) -> bool {
        self.state().has_blocked_writes
    }

    /// Whether it has failed so.
    pub fn has_failed_with(&self, kind: ErrorKind) -> bool {
        self.state().failed.contains(&kind)
    }

    /// The shell's user tells it of a failed write, without the reason.
    pub fn note_failure(&self, kind: ErrorKind) {
        self.state().failed.push(kind);
    }

    /// Whether reads block until the stream is changed.
    pub fn is_read_stuck(&self) -> bool {
        self.state().is_read_stuck
    }

    pub fn is_write_stuck(&self) -> bool {
        self.state().is_write_stuck
    }

    /// Whether it has blocked since the last call, and can be tried again.
    pub fn take_ready_again(&self) -> bool {
        std::mem::take(&mut self.state().is_ready_again)
    }

    pub fn is_ready_again(&self) -> bool {
        self.state().is_ready_again
    }

    /// A call of the shell begins: it may use the stream as often as there is something to do.
    pub fn begin_call(&self) {
        self.state().calls = 0;
    }

    /// Takes everything from now on.
    pub fn set_free(&self) {
        let mut state = self.state();
        state.script.writes.clear();
        state.script.flushes.clear();
        state.script.holds = false;
        state.is_ready_again |= std::mem::take(&mut state.is_write_stuck);
    }

    /// The peer has ended its side.
    pub fn end(&self) {
        let mut state = self.state();
        state.script.ends = true;
        state.is_ready_again |= std::mem::take(&mut state.is_read_stuck);
    }

    /// Wakes all who wait for the stream to change.
    pub fn wake(&self) {
        let (reader, writer) = {
            let mut state = self.state();
            (state.reader.take(), state.writer.take())
        };
        reader.into_iter().chain(writer).for_each(Waker::wake);
    }
}

impl State {
    fn count(&mut self) {
        self.calls += 1;
        let most = 1000 + 4 * (self.input.len() + self.written.len());
        assert!(self.calls < most, "the shell makes no end of it");
    }

    /// What `kind` means for who reads or writes; whether that is the last thing.
    fn fail(&mut self, kind: ErrorKind) -> (io::Error, bool) {
        let is_last = match kind {
            ErrorKind::Interrupted => false,
            ErrorKind::WouldBlock => {
                self.is_ready_again = true;
                false
            }
            ErrorKind::TimedOut => !self.script.has_timeouts,
            _ => true,
        };
        if is_last {
            self.failed.push(kind);
        }
        (kind.into(), is_last)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.count();
        assert!(!buffer.is_empty(), "room for something");
        assert!(
            !self.has_read_end && !self.has_read_failed,
            "read after the end"
        );
        let most = match self.script.reads.pop_front() {
            Some(Step::Fail(kind)) => {
                let (error, is_last) = self.fail(kind);
                self.has_read_failed = is_last;
                return Err(error);
            }
            Some(Step::Block) => return Err(self.fail(ErrorKind::WouldBlock).0),
            Some(Step::Bytes(n)) => n.max(1),
            None => usize::MAX,
        };
        let rest = &self.input[self.handed..];
        if rest.is_empty() {
            if self.script.ends {
                self.has_read_end = true;
                return Ok(0);
            }
            self.is_read_stuck = true;
            return Err(ErrorKind::WouldBlock.into());
        }
        let n = most.min(rest.len()).min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        self.handed += n;
        self.is_ready_again |= self.script.tells_of_more && n < buffer.len();
        Ok(n)
    }

    fn write(&mut self, slices: &[&[u8]]) -> io::Result<usize> {
        self.count();
        let bytes = slices.concat();
        assert!(!bytes.is_empty(), "something to write");
        assert!(!self.has_write_failed, "written after a failure");
        let most = match self.script.writes.pop_front() {
            Some(Step::Fail(kind)) => {
                let (error, is_last) = self.fail(kind);
                (self.has_write_failed, self.has_blocked_writes) = (is_last, true);
                return Err(error);
            }
            Some(Step::Block) => {
                self.has_blocked_writes = true;
                return Err(self.fail(ErrorKind::WouldBlock).0);
            }
            Some(Step::Bytes(0)) => {
                (_, self.has_write_failed) = self.fail(ErrorKind::WriteZero);
                return Ok(0);
            }
            Some(Step::Bytes(n)) => n,
            None if self.script.holds => {
                (self.is_write_stuck, self.has_blocked_writes) = (true, true);
                return Err(ErrorKind::WouldBlock.into());
            }
            None => usize::MAX,
        };
        let n = most.min(bytes.len());
        self.written.extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.count();
        match self.script.flushes.pop_front() {
            Some(Step::Fail(kind)) if !self.has_write_failed => {
                let (error, is_last) = self.fail(kind);
                self.has_write_failed = is_last;
                Err(error)
            }
            Some(Step::Block) => Err(self.fail(ErrorKind::WouldBlock).0),
            _ => Ok(()),
        }
    }

    /// A result of the above for a task: where it blocks, the task waits.
    fn poll<T>(
        &mut self,
        cx: &Context<'_>,
        reads: bool,
        done: io::Result<T>,
    ) -> Poll<io::Result<T>> {
        match done {
            Err(error) if is_again(error.kind()) => {
                let is_stuck = if reads {
                    self.is_read_stuck
                } else {
                    self.is_write_stuck
                };
                match (is_stuck, reads) {
                    (false, _) => cx.waker().wake_by_ref(),
                    (true, true) => self.reader = Some(cx.waker().clone()),
                    (true, false) => self.writer = Some(cx.waker().clone()),
                }
                Poll::Pending
            }
            done => Poll::Ready(done),
        }
    }

    fn poll_read(&mut self, cx: &Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = self.read(buffer);
        self.poll(cx, true, read)
    }

    fn poll_write(&mut self, cx: &Context<'_>, slices: &[&[u8]]) -> Poll<io::Result<usize>> {
        let written = self.write(slices);
        self.poll(cx, false, written)
    }

    fn poll_flush(&mut self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.flush();
        self.poll(cx, false, flushed)
    }
}

/// A stream of tasks fails with neither of the two.
fn is_again(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn plain<'s>(slices: &'s [IoSlice<'_>]) -> Vec<&'s [u8]> {
    slices.iter().map(|slice| &**slice).collect()
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.state().read(buffer)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.state().write(&[bytes])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.state().write(&plain(slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.state().flush()
    }
}

impl ws_proto_mio::Stream for Stream {
    fn shutdown(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl tokio::io::AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = self.state().poll_read(cx, buffer.initialize_unfilled());
        read.map_ok(|n| buffer.advance(n))
    }
}

impl tokio::io::AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.state().poll_write(cx, &[bytes])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.state().poll_write(cx, &plain(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.state().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl futures_io::AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.state().poll_read(cx, buffer)
    }
}

impl futures_io::AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.state().poll_write(cx, &[bytes])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.state().poll_write(cx, &plain(slices))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.state().poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
