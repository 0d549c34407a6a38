//! A transport in memory: reading never ends, writing takes everything.

use std::cell::RefCell;
use std::future::Future;
use std::hint::black_box;
use std::io::{self, IoSlice, Read, Write};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most bytes of one read.
const MOST: usize = 64 << 10;

/// The transport's own copy goes in steps of this. For longer ones the C library takes an instruction
/// that is ten times slower on some processors where the two places happen to lie badly: a row would
/// depend on where a contender's buffer lies.
const COPY: usize = 2 << 10;

/// Reads the same wire again and again; gives the written bytes to a black box, and keeps it if asked.
pub struct MemIo {
    wire: Rc<[u8]>,
    at: usize,
    kept: Option<Rc<RefCell<Vec<u8>>>>,
}

impl MemIo {
    pub fn new(wire: &Rc<[u8]>, kept: Option<&Rc<RefCell<Vec<u8>>>>) -> Self {
        Self {
            wire: Rc::clone(wire),
            at: 0,
            kept: kept.cloned(),
        }
    }

    #[inline]
    fn next(&mut self, most: usize) -> &[u8] {
        if self.at == self.wire.len() {
            self.at = 0;
        }
        let rest = &self.wire[self.at..];
        let n = rest.len().min(most).min(MOST);
        self.at += n;
        &rest[..n]
    }
}

impl Read for MemIo {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let bytes = self.next(buf.len());
        for (to, from) in buf.chunks_mut(COPY).zip(bytes.chunks(COPY)) {
            to[..from.len()].copy_from_slice(from);
        }
        Ok(bytes.len())
    }
}

impl Write for MemIo {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        black_box(bytes);
        if let Some(kept) = &self.kept {
            kept.borrow_mut().extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    #[inline]
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut n = 0;
        for slice in slices {
            n += self.write(slice)?;
        }
        Ok(n)
    }

    #[inline]
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for MemIo {
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let room = buf.remaining();
        for bytes in self.get_mut().next(room).chunks(COPY) {
            buf.put_slice(bytes);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for MemIo {
    #[inline]
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.get_mut().write(bytes))
    }

    #[inline]
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.get_mut().write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Polls until it is done: the transport is always ready, so that no waker is needed.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
