//! Connections that get the messages of one of them, all on one thread. They compare each byte.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::{Load, Sample};
use crate::process::Server;
use crate::wire;

/// How long the server may send nothing before it counts as dead.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the server is left alone before its CPU time is read: it has to come to rest.
const REST: Duration = Duration::from_millis(2);

/// How many connections are being opened at once.
const OPENING: usize = 100;

/// Different messages, so that none is compressed twice.
const MESSAGES: usize = 64;

pub(super) fn measure(
    server: &Server,
    load: Load,
    subscribers: usize,
    time: Duration,
) -> Result<Sample> {
    let resident = server.resident()?;
    let mut all = Subscribers::open(server, load, subscribers)?;
    all.publish_for(time / 5)?; // warms up
    std::thread::sleep(REST);
    let before = server.cpu_time()?;
    let deliveries = all.publish_for(time)?;
    std::thread::sleep(REST);
    let cpu = server.cpu_time()?.saturating_sub(before);
    let grown = server.resident()?.saturating_sub(resident);
    Ok(Sample {
        cpu: cpu.as_secs_f64() * 1e9 / deliveries as f64,
        memory: grown as f64 / subscribers as f64,
    })
}

struct Subscribers {
    poll: Poll,
    events: Events,
    streams: Vec<TcpStream>,
    /// What each one has of the frame.
    received: Vec<Vec<u8>>,
    buffer: Vec<u8>,
    /// Frames for the server, and for the subscribers if nothing is compressed.
    messages: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    published: usize,
    size: usize,
}

impl Subscribers {
    fn open(server: &Server, load: Load, count: usize) -> Result<Self> {
        let messages = (0..MESSAGES).map(|seed| {
            let payload = wire::json(load.size, seed as u64);
            let (mut masked, mut frame) = (Vec::new(), Vec::new());
            wire::frame(&mut masked, 0x81, &payload, true);
            wire::frame(&mut frame, 0x81, &payload, false);
            (masked, (!load.is_compressed).then_some(frame))
        });
        let mut all = Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            streams: Vec::new(),
            received: vec![Vec::new(); count],
            buffer: vec![0; 64 * 1024],
            messages: messages.collect(),
            published: 0,
            size: load.size,
        };
        let extension = if load.is_compressed {
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
        } else {
            ""
        };
        let request = format!(
            "GET /chat/load HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extension}\r\n",
            server.address
        );
        while all.streams.len() < count {
            let first = all.streams.len();
            let last = count.min(first + OPENING);
            for index in first..last {
                let stream = std::net::TcpStream::connect(server.address)?;
                stream.set_nodelay(true)?;
                stream.set_nonblocking(true)?;
                let mut stream = TcpStream::from_std(stream);
                let registry = all.poll.registry();
                registry.register(&mut stream, Token(index), Interest::READABLE)?;
                let written = stream.write(request.as_bytes())?;
                ensure!(written == request.len(), "no room for the request");
                all.streams.push(stream);
            }
            all.receive(last - first, |received| Ok(received.ends_with(b"\r\n\r\n")))?;
            for head in &mut all.received[first..last] {
                ensure!(head.starts_with(b"HTTP/1.1 101 "), "no 101");
                let head = String::from_utf8_lossy(&std::mem::take(head)).to_lowercase();
                let agreed = head.contains("sec-websocket-extensions: permessage-deflate");
                ensure!(agreed == load.is_compressed, "not what was asked for");
            }
        }
        Ok(all)
    }

    /// One message after the other for so long. How many deliveries that were.
    fn publish_for(&mut self, time: Duration) -> Result<usize> {
        let (started, before) = (Instant::now(), self.published);
        while started.elapsed() < time || self.published == before {
            self.publish()?;
        }
        Ok((self.published - before) * self.streams.len())
    }

    fn publish(&mut self) -> Result<()> {
        let at = self.published % MESSAGES;
        let (masked, expected) = self.messages[at].clone();
        let written = self.streams[0].write(&masked)?;
        ensure!(written == masked.len(), "no room for the message");
        self.published += 1;
        let (mut expected, size) = (expected, self.size);
        self.receive(self.streams.len(), |received| {
            let Some(len) = frame_len(received) else {
                return Ok(false);
            };
            if received.len() < len {
                return Ok(false);
            }
            // The first one that comes of a compressed message has to be what all get.
            let expected = expected.get_or_insert_with(|| received.to_vec());
            ensure!(received == expected, "another message than the others got");
            ensure!(
                received[0] == 0x81 || (received[0] == 0xc1 && len < size),
                "not compressed"
            );
            Ok(true)
        })?;
        self.received.iter_mut().for_each(Vec::clear);
        Ok(())
    }

    /// Reads until so many connections have all that `is_complete` wants.
    fn receive(
        &mut self,
        count: usize,
        mut is_complete: impl FnMut(&[u8]) -> Result<bool>,
    ) -> Result<()> {
        let mut complete = 0;
        while complete < count {
            self.poll.poll(&mut self.events, Some(PATIENCE))?;
            if self.events.is_empty() {
                bail!("the server does nothing for {PATIENCE:?}: {complete} of {count}");
            }
            for event in &self.events {
                let index = event.token().0;
                loop {
                    match self.streams[index].read(&mut self.buffer) {
                        Ok(0) => bail!("the server has closed a connection"),
                        Ok(n) => self.received[index].extend_from_slice(&self.buffer[..n]),
                        Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                        Err(error) => return Err(error.into()),
                    }
                    if is_complete(&self.received[index])? {
                        complete += 1;
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

/// How long the frame is whose beginning this is.
fn frame_len(bytes: &[u8]) -> Option<usize> {
    Some(match bytes.get(1)? & 0x7f {
        126 => 4 + u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]) as usize,
        len => 2 + len as usize,
    })
}
