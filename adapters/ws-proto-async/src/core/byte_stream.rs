//! What a byte stream reads and writes. Its rules are those of [`ws_proto::byte_stream`].

use std::io::{self, ErrorKind, IoSlice};
use std::mem;
use std::task::{Context, Poll, ready};

use ws_proto::byte_stream::{ByteReader, Filled, WRITE_WAITS, read_end, write_end};
use ws_proto::{CloseCode, Message, SendError, Transport};

use super::{Core, Driver};
use crate::buffer;
use crate::error::{Error, again};
use crate::io::{Io, poll_read};
use crate::lane::{Ask, Lane};
use crate::tasks::Side;

/// Fills the buffer of who reads; if that is empty, the reader's own.
struct Filling<'r> {
    reader: &'r mut ByteReader,
    buffer: &'r mut [u8],
}

impl Lane<usize> for Filling<'_> {
    fn is_idle(&self) -> bool {
        false
    }

    fn kept(&mut self, driver: &mut Driver) -> Result<usize, Ask> {
        asked(self.reader.fill(driver, self.buffer))
    }

    fn read<T: Io>(&mut self, core: &mut Core<T>, cx: &mut Context<'_>) -> Result<usize, Ask> {
        let mut lent = buffer::lend();
        let found = match poll_read(&mut core.io, cx, &mut *lent) {
            Poll::Ready(Ok(n)) if n > 0 => {
                let bytes = lent.get_mut(..n).unwrap_or_default();
                let mut reading = core.driver.receive(bytes);
                asked(self.reader.fill(&mut reading, self.buffer))
            }
            other => Err(core.nothing_read(other)),
        };
        buffer::give_back(lent);
        found
    }
}

fn asked(filled: Filled) -> Result<usize, Ask> {
    Err(match filled {
        Filled::Bytes(n) => return Ok(n),
        Filled::Write => Ask::Write,
        Filled::Read => Ask::Read,
        Filled::Yield => Ask::Yield,
        _ => Ask::End,
    })
}

impl<T: Io> Core<T> {
    /// Reads into `buffer`, if that is empty into `reader`. 0 bytes in a buffer that is not empty are the end.
    pub(crate) fn poll_read_bytes(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut ByteReader,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.batch = None;
        let filled = ready!(self.poll_lane(cx, &mut Filling { reader, buffer }));
        Poll::Ready(match filled {
            Some(Ok(n)) => Ok(n),
            _ => read_end(&self.driver, || self.transport_error()).map(|()| 0),
        })
    }

    /// Waits until less than 16 KiB wait, then sends `data` as one message, as far as the stream takes it at once.
    pub(crate) fn poll_write_bytes(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut ByteReader,
        data: &[u8],
    ) -> Poll<io::Result<()>> {
        self.poll_reading_on(cx, reader, |core, cx| core.poll_write_message(cx, data))
    }

    fn poll_write_message(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<()>> {
        self.poll_as(Side::Write, cx, |core, cx| {
            if !core.has_room_for_bytes() {
                let _ = core.write(cx);
                if !core.has_room_for_bytes() {
                    core.idle(cx);
                }
            }
            if core.can_send() && !core.has_room_for_bytes() {
                return Poll::Pending;
            }
            if let Err(refused) = core.write_message(cx, data) {
                return Poll::Ready(Err(core.write_end(refused)));
            }
            if !mem::take(&mut core.is_reader_busy) {
                // Who only writes answers Pings too, and notices the peer's Close.
                core.idle(cx);
            }
            Poll::Ready(Ok(()))
        })
    }

    /// As [`poll_flush`](Self::poll_flush), with the errors of a byte stream.
    pub(crate) fn poll_flush_bytes(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut ByteReader,
    ) -> Poll<io::Result<()>> {
        let flushed = ready!(self.poll_reading_on(cx, reader, Self::poll_flush));
        Poll::Ready(self.bytes_written(flushed))
    }

    /// Sends Close 1000, if there is no Close yet, and waits until it is written.
    pub(crate) fn poll_shutdown_bytes(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut ByteReader,
    ) -> Poll<io::Result<()>> {
        if let Err(Error::Send(refused)) = self.start_close(CloseCode::NORMAL, "") {
            return Poll::Ready(Err(self.write_end(refused)));
        }
        let written = ready!(self.poll_reading_on(cx, reader, Self::poll_close_written));
        Poll::Ready(self.bytes_written(written))
    }

    /// Waits with `poll`, and takes what was received for the reader meanwhile into `reader`, if that has nothing. It may be
    /// the end of a compressed message, which has no bytes any more: nobody would read it, and the peer would be stopped.
    fn poll_reading_on<V>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut ByteReader,
        poll: impl FnOnce(&mut Self, &mut Context<'_>) -> Poll<V>,
    ) -> Poll<V> {
        let polled = poll(self, cx);
        if polled.is_pending()
            && self.driver.transport() == Transport::Open
            && !self.driver.wants_read()
            && reader.buffered().is_empty()
        {
            let goes_on = match reader.fill(&mut self.driver, &mut []) {
                Filled::Bytes(_) | Filled::Yield => true,
                Filled::Read => self.driver.wants_read(),
                _ => self.driver.transport() != Transport::Open,
            };
            if goes_on {
                self.wake(Side::Read);
                cx.waker().wake_by_ref();
            }
        }
        polled
    }

    fn has_room_for_bytes(&mut self) -> bool {
        self.driver.pending_bytes() < WRITE_WAITS && self.driver.sender().can_send()
    }

    /// Sends a message, and copies only what the stream does not take at once.
    fn write_message(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Result<(), SendError> {
        let send = self.driver.sender().send_vectored(Message::Binary(data))?;
        let mut slices = [IoSlice::new(&[]); 3];
        let mut count = 0;
        for (slice, bytes) in slices
            .iter_mut()
            .zip(send.slices().into_iter().filter(|slice| !slice.is_empty()))
        {
            *slice = IoSlice::new(bytes);
            count += 1;
        }
        let written = self
            .io
            .poll_write(cx, slices.get(..count).unwrap_or_default());
        let n = match &written {
            Poll::Ready(Ok(n)) => *n,
            _ => 0,
        };
        send.consume(n);
        self.written += n as u64;
        self.needs_flush |= n > 0;
        let failed = match written {
            Poll::Ready(Ok(0)) => Some(ErrorKind::WriteZero.into()),
            Poll::Ready(Err(error)) => Some(error),
            _ => None,
        };
        let _ = match failed {
            Some(error) => self.write_failed(error),
            None => self.write(cx),
        };
        Ok(())
    }

    fn bytes_written(&self, written: Result<(), Error>) -> io::Result<()> {
        written.map_err(|_| self.write_end(SendError::Closed))
    }

    /// Why nothing is sent.
    fn write_end(&self, refused: SendError) -> io::Error {
        write_end(&self.driver, refused, || self.transport_error())
    }

    fn transport_error(&self) -> io::Error {
        let error = self.error.as_ref().map(again);
        error.unwrap_or_else(|| ErrorKind::BrokenPipe.into())
    }
}
