//! One direction of a link: a queue of chunks, each with the time at which it arrives.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read};
use std::task::Waker;
use std::time::Duration;

use super::conditions::{At, Conditions, Fault};
use crate::random::Random;

/// What never arrives arrives then.
const NEVER: Duration = Duration::MAX;

#[derive(Debug)]
struct Chunk {
    arrives: Duration,
    len: usize,
}

/// The fate of written bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Arrives,
    /// After an end that the writer knows nothing of.
    Lost,
    /// It stays on its way for ever.
    Stuck,
}

/// What one end has written and the other has not read. Times count from when the link was made.
#[derive(Debug)]
pub(super) struct Lane {
    conditions: Conditions,
    random: Random,
    bytes: VecDeque<u8>,
    chunks: VecDeque<Chunk>,
    written: u64,
    flow: Flow,
    last_arrival: Duration,
    hold_until: Duration,
    ends_at: Option<Duration>,
    pub(super) reset_at: Option<Duration>,
    pub(super) is_shut: bool,
    pub(super) reader_is_gone: bool,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
}

impl Lane {
    pub(super) fn new(conditions: Conditions, index: u64) -> Self {
        let random = Random::nth(conditions.seed, index);
        let mut lane = Self {
            random,
            bytes: VecDeque::new(),
            chunks: VecDeque::new(),
            written: 0,
            flow: Flow::Arrives,
            last_arrival: Duration::ZERO,
            hold_until: Duration::ZERO,
            ends_at: None,
            reset_at: None,
            is_shut: false,
            reader_is_gone: false,
            reader: None,
            writer: None,
            conditions,
        };
        for (at, fault) in lane.conditions.faults.clone() {
            match (at, fault) {
                (At::Time(time), Fault::Eof) => lane.ends_at = Some(time),
                (At::Time(time), Fault::Reset) => lane.reset_at = Some(time),
                _ => {}
            }
        }
        lane.meet_faults(Duration::ZERO);
        lane
    }

    /// Reads the bytes that have arrived.
    pub(super) fn read(&mut self, now: Duration, buffer: &mut [u8]) -> io::Result<usize> {
        let mut n = 0;
        while let Some(chunk) = self.chunks.front_mut() {
            if chunk.arrives > now || n == buffer.len() {
                break;
            }
            let take = chunk.len.min(buffer.len() - n);
            self.bytes.read_exact(&mut buffer[n..n + take])?;
            n += take;
            chunk.len -= take;
            if chunk.len == 0 {
                self.chunks.pop_front();
            }
            if self.conditions.chunks.is_some() {
                break;
            }
        }
        if n > 0 {
            wake(&mut self.writer);
            return Ok(n);
        }
        let if_come = |time: Option<Duration>| time.filter(|time| *time <= now);
        match (if_come(self.ends_at), if_come(self.reset_at)) {
            _ if buffer.is_empty() => Ok(0),
            (None, None) => Err(ErrorKind::WouldBlock.into()),
            (Some(end), Some(reset)) if end < reset => Ok(0),
            (Some(_), None) => Ok(0),
            (_, Some(_)) => Err(ErrorKind::ConnectionReset.into()),
        }
    }

    /// Takes everything that was written, whether or not it has arrived.
    pub(super) fn drain(&mut self) -> Vec<u8> {
        wake(&mut self.writer);
        self.chunks.clear();
        self.bytes.drain(..).collect()
    }

    /// Writes as much as there is room for.
    pub(super) fn write(&mut self, now: Duration, bytes: &[u8]) -> io::Result<usize> {
        if self.reset_at.is_some_and(|time| time <= now) {
            return Err(ErrorKind::ConnectionReset.into());
        }
        if self.reader_is_gone || self.is_shut {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let room = self.conditions.capacity.saturating_sub(self.bytes.len());
        if room == 0 && !bytes.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let n = bytes.len().min(room);
        let mut rest = &bytes[..n];
        while !rest.is_empty() {
            let most = match self.conditions.chunks {
                Some((least, most)) => self.random.between(least, most),
                None => usize::MAX,
            };
            let before_fault = self.bytes_before_fault();
            let len = rest.len().min(most).min(before_fault);
            let (chunk, after) = rest.split_at(len);
            rest = after;
            self.push(now, chunk);
            self.written += len as u64;
            self.meet_faults(now);
        }
        wake(&mut self.reader);
        Ok(n)
    }

    /// Nothing more is written.
    pub(super) fn end(&mut self, now: Duration) {
        if !self.is_shut {
            self.is_shut = true;
            if self.flow == Flow::Arrives {
                let arrives = self.arrival(now);
                self.ends_at = Some(self.ends_at.map_or(arrives, |at| at.min(arrives)));
            }
        }
        wake(&mut self.reader);
    }

    /// The next time at which a read that would block now does not any more.
    pub(super) fn next_arrival(&self, now: Duration) -> Option<Duration> {
        let chunk = self.chunks.front().map(|chunk| chunk.arrives);
        [chunk, self.ends_at, self.reset_at]
            .into_iter()
            .flatten()
            .filter(|time| *time > now && *time != NEVER)
            .min()
    }

    fn push(&mut self, now: Duration, bytes: &[u8]) {
        let arrives = match self.flow {
            Flow::Lost => return,
            Flow::Stuck => NEVER,
            Flow::Arrives => self.arrival(now),
        };
        if self
            .ends_at
            .is_some_and(|end| arrives > end && !self.is_shut)
        {
            return;
        }
        self.bytes.extend(bytes);
        self.chunks.push_back(Chunk {
            arrives,
            len: bytes.len(),
        });
    }

    fn bytes_before_fault(&self) -> usize {
        let ahead = self
            .conditions
            .faults
            .iter()
            .filter_map(|(at, _)| match at {
                At::Byte(byte) => byte.checked_sub(self.written).filter(|ahead| *ahead > 0),
                At::Time(_) => None,
            });
        ahead.min().map_or(usize::MAX, |ahead| {
            usize::try_from(ahead).unwrap_or(usize::MAX)
        })
    }

    /// Does the actions that are due after exactly so many bytes.
    fn meet_faults(&mut self, now: Duration) {
        let here = At::Byte(self.written);
        for (_, fault) in self
            .conditions
            .faults
            .clone()
            .iter()
            .filter(|(at, _)| *at == here)
        {
            let arrives = self.arrival(now);
            match *fault {
                Fault::Stall(time) => self.hold_until = arrives.saturating_add(time),
                Fault::Silence => self.flow = Flow::Stuck,
                Fault::Eof => {
                    self.flow = Flow::Lost;
                    self.ends_at = Some(self.ends_at.map_or(arrives, |at| at.min(arrives)));
                }
                Fault::Reset => {
                    self.flow = Flow::Lost;
                    self.reset_at = Some(self.reset_at.map_or(arrives, |at| at.min(arrives)));
                }
            }
        }
    }

    /// When something that is written now arrives.
    fn arrival(&mut self, now: Duration) -> Duration {
        let jitter = u64::try_from(self.conditions.jitter.as_micros()).unwrap_or(u64::MAX);
        let jitter = Duration::from_micros(match (jitter, jitter.checked_add(1)) {
            (0, _) => 0,
            (_, Some(values)) => self.random.next() % values,
            (_, None) => self.random.next(),
        });
        let mut arrives = now
            .saturating_add(self.conditions.latency)
            .saturating_add(jitter)
            .max(self.last_arrival)
            .max(self.hold_until);
        for (at, fault) in &self.conditions.faults {
            let At::Time(from) = *at else { continue };
            match *fault {
                Fault::Stall(time) if arrives >= from => {
                    arrives = arrives.max(from.saturating_add(time));
                }
                Fault::Silence if arrives >= from => arrives = NEVER,
                _ => {}
            }
        }
        self.last_arrival = arrives;
        arrives
    }
}

pub(super) fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}
