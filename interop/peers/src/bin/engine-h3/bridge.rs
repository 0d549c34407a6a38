//! The TCP connection that stands for a stream of HTTP/3.
//!
//! Both send messages of one letter, the length of the rest (four bytes, big endian) and the rest:
//!
//! | letter | the rest | |
//! |---|---|---|
//! | `o` | JSON: [`Order`] | to this program, once and first |
//! | `h` | JSON: pairs of name and value, characters up to U+00FF for bytes | a head |
//! | `d` | bytes | DATA |
//! | `f` | | the end of a side: FIN |
//! | `r` | eight bytes: the error code | RESET_STREAM, and STOP_SENDING if it comes from this program |
//! | `n` | text | from this program: what it has seen |

use core::time::Duration;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use anyhow::{Result, bail};
use serde::Deserialize;
use ws_proto::Instant;
use ws_proto::io::now;
use ws_proto::opening::Options;
use ws_proto_interop::command;

/// What to do on a stream.
#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Order {
    /// As a client; as a server otherwise.
    pub(super) url: Option<String>,
    /// A client's: the server's SETTINGS_ENABLE_CONNECT_PROTOCOL.
    pub(super) setting: u64,
    /// A client's: what to send, one by one.
    pub(super) texts: Vec<String>,
    /// A client's: how long the binary messages are that it sends after these.
    pub(super) sizes: Vec<usize>,
    /// A client's: to give up after the last echo, without a Close.
    pub(super) cancels: bool,
    /// Whether to compress.
    pub(super) deflate: bool,
    /// A server's: to answer a malformed request by a reset.
    pub(super) resets: bool,
    /// How long to wait for the peer's Close and for its end.
    pub(super) close_millis: u64,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            url: None,
            setting: 0,
            texts: Vec::new(),
            sizes: Vec::new(),
            cancels: false,
            deflate: false,
            resets: false,
            close_millis: 10_000,
        }
    }
}

impl Order {
    pub(super) fn options(&self) -> Options {
        let time = Duration::from_millis(self.close_millis);
        let config = command::config().close_timeout(time);
        Options::new().config(config).linger_time(time)
    }
}

pub(super) type Fields = Vec<(String, Vec<u8>)>;

/// What comes on the stream.
pub(super) enum Incoming {
    Order(Order),
    Head(Fields),
    Data(Vec<u8>),
    Fin,
    Reset(u64),
}

/// The TCP connection that stands for a stream.
pub(super) struct Bridge {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Bridge {
    pub(super) const fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            read: Vec::new(),
        }
    }

    pub(super) fn send(&mut self, letter: u8, rest: &[u8]) -> io::Result<()> {
        let len = u32::try_from(rest.len()).map_err(io::Error::other)?;
        let mut message = vec![letter];
        message.extend(len.to_be_bytes());
        message.extend(rest);
        self.stream.write_all(&message)
    }

    pub(super) fn note(&mut self, text: &str) -> io::Result<()> {
        self.send(b'n', text.as_bytes())
    }

    pub(super) fn send_head(&mut self, fields: &[(String, Vec<u8>)]) -> Result<()> {
        let pairs: Vec<(&str, String)> = fields
            .iter()
            .map(|(name, value)| {
                (
                    &**name,
                    value.iter().map(|&byte| char::from(byte)).collect(),
                )
            })
            .collect();
        Ok(self.send(b'h', &serde_json::to_vec(&pairs)?)?)
    }

    pub(super) fn reset(&mut self, code: u64) -> io::Result<()> {
        self.send(b'r', &code.to_be_bytes())
    }

    /// The next message; `None` once `deadline` has come.
    pub(super) fn receive(&mut self, deadline: Option<Instant>) -> Result<Option<Incoming>> {
        loop {
            if let Some((letter, rest)) = self.take() {
                return parse(letter, rest).map(Some);
            }
            let wait = match deadline.map(|at| at.saturating_duration_since(now())) {
                Some(wait) if wait.is_zero() => return Ok(None),
                wait => wait,
            };
            self.stream.set_read_timeout(wait)?;
            let mut space = [0; 64 * 1024];
            match self.stream.read(&mut space) {
                // The QUIC connection is gone.
                Ok(0) => return Ok(Some(Incoming::Reset(0))),
                Ok(n) => self.read.extend(&space[..n]),
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut => {}
                    _ => return Err(error.into()),
                },
            }
        }
    }

    fn take(&mut self) -> Option<(u8, Vec<u8>)> {
        let (head, rest) = self.read.split_at_checked(5)?;
        let len = u32::from_be_bytes(head[1..].try_into().ok()?) as usize;
        let (letter, rest) = (head[0], rest.get(..len)?.to_vec());
        self.read.drain(..5 + len);
        Some((letter, rest))
    }

    /// A connection that is closed while bytes wait in it is reset.
    pub(super) fn end(mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        let _ = self.stream.set_read_timeout(None);
        let mut space = [0; 4096];
        while self.stream.read(&mut space).is_ok_and(|n| n > 0) {}
    }
}

fn parse(letter: u8, rest: Vec<u8>) -> Result<Incoming> {
    Ok(match letter {
        b'o' => Incoming::Order(serde_json::from_slice(&rest)?),
        b'h' => {
            let pairs: Vec<(String, String)> = serde_json::from_slice(&rest)?;
            let bytes = |text: String| text.chars().map(|char| u32::from(char) as u8).collect();
            let fields = pairs.into_iter();
            Incoming::Head(fields.map(|(name, value)| (name, bytes(value))).collect())
        }
        b'd' => Incoming::Data(rest),
        b'f' => Incoming::Fin,
        b'r' => Incoming::Reset(u64::from_be_bytes(rest[..].try_into()?)),
        _ => bail!("no such message: {letter}"),
    })
}
