//! The stream, and its known readiness.

use std::io::{self, ErrorKind, IoSlice};

use mio::Token;

use crate::error::Error;
use crate::options::Options;
use crate::socket::{Driver, Left};
use crate::stream::Stream;

/// How many slices one write gathers.
const SLICES: usize = 16;

/// What few connections have.
#[derive(Debug, Default)]
pub(crate) struct Cold {
    /// Why the stream has failed.
    pub(crate) cause: Option<io::Error>,
    /// Why the connection has failed; not emitted yet.
    pub(crate) failure: Option<Error>,
    /// That was taken note of.
    pub(crate) has_failed: bool,
    pub(crate) subprotocol: Option<Box<str>>,
}

#[derive(Debug)]
pub(crate) struct Wire<S> {
    pub(crate) stream: S,
    pub(crate) token: Token,
    cold: Option<Box<Cold>>,
    /// Whether reading may give something: mio reports readiness once.
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The end of the stream has been announced: short reads do not mean that it is empty.
    pub(crate) is_end_near: bool,
    /// A connect may be under way: not being connected is no error.
    pub(crate) is_connecting: bool,
    /// Writing has failed.
    pub(crate) is_broken: bool,
    pub(crate) needs_flush: bool,
    /// A read that does not fill the buffer has emptied the stream.
    pub(crate) short_reads_end: bool,
    pub(crate) left: Left,
    /// How many bytes a turn reads.
    pub(crate) budget: u32,
}

impl<S: Stream> Wire<S> {
    pub(crate) const fn new(stream: S, token: Token, options: &Options) -> Self {
        Self {
            stream,
            token,
            cold: None,
            readable: true,
            writable: true,
            is_end_near: false,
            is_connecting: false,
            is_broken: false,
            needs_flush: false,
            short_reads_end: options.short_reads_end,
            left: Left::Nothing,
            budget: options.budget,
        }
    }

    /// Writes the queued output as far as the stream takes it. Whether it took any.
    #[inline]
    pub(crate) fn write(&mut self, driver: &mut Driver) -> bool {
        (driver.pending_bytes() > 0 || self.needs_flush || self.is_broken) && self.write_all(driver)
    }

    #[inline(never)]
    fn write_all(&mut self, driver: &mut Driver) -> bool {
        let mut progressed = false;
        while self.writable {
            let first = driver.pending();
            if first.is_empty() {
                break;
            }
            let all = driver.pending_bytes();
            let taken = if first.len() == all {
                self.write_once(first)
            } else {
                self.gather(driver.pending_slices())
            };
            driver.consume(taken);
            progressed |= taken > 0;
            if taken == all {
                break;
            }
        }
        if self.needs_flush {
            self.flush();
        }
        if self.is_broken {
            self.report_failure(driver);
        }
        progressed
    }

    #[inline]
    pub(crate) fn cold(&self) -> Option<&Cold> {
        self.cold.as_deref()
    }

    #[cold]
    pub(crate) fn cold_mut(&mut self) -> &mut Cold {
        self.cold.get_or_insert_default()
    }

    pub(crate) fn note_subprotocol(&mut self, subprotocol: Option<Box<str>>) {
        if subprotocol.is_some() {
            self.cold_mut().subprotocol = subprotocol;
        }
    }

    #[inline]
    pub(crate) fn has_failure(&self) -> bool {
        self.cold().is_some_and(|cold| cold.failure.is_some())
    }

    #[cold]
    fn report_failure(&self, driver: &mut Driver) {
        if driver.pending_bytes() > 0 || driver.connection().can_send() {
            driver.write_failed();
        }
    }

    pub(crate) fn flush(&mut self) {
        while self.writable && self.needs_flush {
            match self.stream.flush() {
                Ok(()) => self.needs_flush = false,
                Err(error) => self.stopped(error),
            }
        }
    }

    /// One write. How many bytes were taken; 0 if it has to wait, or has failed.
    pub(crate) fn write_once(&mut self, bytes: &[u8]) -> usize {
        let written = self.stream.write(bytes);
        self.wrote(written)
    }

    /// As [`write_once`](Self::write_once), of several slices.
    #[inline(never)]
    pub(crate) fn gather<'a>(&mut self, from: impl Iterator<Item = &'a [u8]>) -> usize {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let mut count = 0;
        for (slice, bytes) in slices.iter_mut().zip(from) {
            *slice = IoSlice::new(bytes);
            count += 1;
        }
        let written = self
            .stream
            .write_vectored(slices.get(..count).unwrap_or_default());
        self.wrote(written)
    }

    fn wrote(&mut self, written: io::Result<usize>) -> usize {
        match written {
            Ok(0) => self.stopped(ErrorKind::WriteZero.into()),
            Ok(n) => {
                self.needs_flush = true;
                return n;
            }
            Err(error) => self.stopped(error),
        }
        0
    }

    #[cold]
    fn stopped(&mut self, error: io::Error) {
        match error.kind() {
            ErrorKind::Interrupted => {}
            ErrorKind::WouldBlock => self.writable = false,
            ErrorKind::NotConnected if self.is_connecting => self.writable = false,
            _ => {
                self.is_broken = true;
                self.writable = false;
                self.needs_flush = false;
                self.cold_mut().cause.get_or_insert(error);
            }
        }
    }

    /// Reads once. `None` if there is nothing to read now.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match self.stream.read(buffer) {
                // After the bytes read stand bytes that others have received.
                Ok(n) if n > buffer.len() => return Err(ErrorKind::InvalidData.into()),
                Ok(n) => return Ok(Some(n)),
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock => break,
                    ErrorKind::NotConnected if self.is_connecting => break,
                    _ => return Err(error),
                },
            }
        }
        self.readable = false;
        Ok(None)
    }
}
