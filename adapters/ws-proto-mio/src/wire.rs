//! The stream with what waits to be written to it.

use std::io::{self, ErrorKind};

use bytes::Bytes;
use mio::Token;

use crate::outgoing::Outgoing;
use crate::stream::Stream;

#[derive(Debug)]
pub(crate) struct Wire<S> {
    pub(crate) stream: S,
    pub(crate) token: Token,
    pub(crate) out: Outgoing,
    /// Whether reading may give something: readiness is told once.
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The end of the stream has been announced: short reads do not tell that it is empty.
    pub(crate) is_end_near: bool,
    /// A connect may be under way: not being connected is no error.
    pub(crate) is_connecting: bool,
    /// Something has been written since this was last looked at.
    pub(crate) progressed: bool,
    /// Writing has failed.
    pub(crate) is_broken: bool,
    /// Why; of no interest if the peer has said Close before it went.
    pub(crate) write_failure: Option<io::Error>,
    needs_flush: bool,
}

impl<S: Stream> Wire<S> {
    pub(crate) fn new(stream: S, token: Token) -> Self {
        Self {
            stream,
            token,
            out: Outgoing::default(),
            readable: true,
            writable: true,
            is_end_near: false,
            is_connecting: false,
            progressed: false,
            is_broken: false,
            write_failure: None,
            needs_flush: false,
        }
    }

    /// Whether the stream has all that was queued.
    pub(crate) const fn is_written(&self) -> bool {
        self.out.is_empty() && !self.needs_flush
    }

    /// Writes as far as the stream takes it.
    pub(crate) fn write(&mut self) {
        if self.is_broken {
            self.out.clear();
        }
        while self.writable && !self.out.is_empty() {
            self.write_once(&[]);
        }
        if self.writable && self.needs_flush {
            match self.stream.flush() {
                Ok(()) => self.needs_flush = false,
                Err(error) => self.stopped(error),
            }
        }
    }

    /// Writes what waits and `payload` behind it, without copying it; what the stream does not take
    /// of it is queued.
    pub(crate) fn write_through(&mut self, payload: &[u8], is_reply: bool) {
        let mut rest = payload;
        while self.writable && !rest.is_empty() {
            let taken = self.write_once(rest);
            rest = rest.get(taken..).unwrap_or_default();
        }
        if !self.is_broken {
            self.out.push_shared(Bytes::copy_from_slice(rest), is_reply);
        }
    }

    /// One write of what waits and of `behind`. Returns how much of `behind` was taken.
    fn write_once(&mut self, behind: &[u8]) -> usize {
        let stream = &mut self.stream;
        let written = self.out.with_slices(behind, |slices| match slices {
            [one] => stream.write(one),
            more => stream.write_vectored(more),
        });
        match written {
            Ok(0) => self.stopped(ErrorKind::WriteZero.into()),
            Ok(n) => {
                self.needs_flush = true;
                self.progressed = true;
                return self.out.wrote(n);
            }
            Err(error) => self.stopped(error),
        }
        0
    }

    fn stopped(&mut self, error: io::Error) {
        match error.kind() {
            ErrorKind::Interrupted => {}
            ErrorKind::WouldBlock => self.writable = false,
            ErrorKind::NotConnected if self.is_connecting => self.writable = false,
            _ => self.fail(error),
        }
    }

    /// What the peer has sent before it went can still be read, its Close above all.
    pub(crate) fn fail(&mut self, error: io::Error) {
        self.is_broken = true;
        self.writable = false;
        self.needs_flush = false;
        self.out.clear();
        self.write_failure.get_or_insert(error);
    }

    /// Reads once. `None` if there is nothing to read now.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match self.stream.read(buffer) {
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
