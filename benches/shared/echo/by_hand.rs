//! The floors: `Connection` driven by hand. They read, receive, send and write; there is no bound for
//! the queue. Everything that a shell takes on top is its cost. The loops keep time, as a loop can for next
//! to nothing: with one look at the clock for all its events. The asynchronous ones have no timers.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::pin::Pin;
use std::task::{Poll, ready};

use ws_proto::handshake::{Accept, Limits, ServerHandshake};
use ws_proto::{Assembler, Config, Connection, Input, Instant, Negotiated, Server, Transport};

use super::{READ, Result};

/// The echo of one connection, without its transport.
pub struct Echo {
    state: State,
    assembler: Assembler<Vec<u8>>,
}

enum State {
    Handshake(Box<ServerHandshake<Vec<u8>>>),
    Open(Connection<Server>),
}

#[allow(dead_code, reason = "not every package begins in both ways")]
impl Echo {
    /// Of a connection whose handshake is done.
    pub fn open() -> Self {
        let config = Config::new();
        Self::new(State::Open(Connection::server(Negotiated::new(), config)))
    }

    /// Of a connection that begins with its request.
    pub fn accept() -> Self {
        let handshake = ServerHandshake::new(Vec::new(), Limits::new());
        Self::new(State::Handshake(handshake.into()))
    }

    fn new(state: State) -> Self {
        let assembler = Assembler::new(Vec::new(), 16 << 20);
        Self { state, assembler }
    }

    /// Takes the bytes that were read, and appends the answers to `out`. Whether the connection goes on once they
    /// are written.
    pub fn receive(&mut self, read: &mut [u8], out: &mut Vec<u8>) -> Result<bool> {
        let mut input = Input::new(read);
        if let State::Handshake(handshake) = &mut self.state {
            let Some(request) = handshake.receive(&mut input, out)? else {
                return Ok(true);
            };
            let negotiated = request.accept(&Accept::new(), out)?;
            self.state = State::Open(Connection::server(negotiated, Config::new()));
        }
        let State::Open(connection) = &mut self.state else {
            return Ok(true);
        };
        while let Some(event) = connection.receive(&mut input, out)? {
            if let Some(message) = self.assembler.push(event)? {
                match message.as_text() {
                    Some(text) => connection.send_text(text, out)?,
                    None => connection.send_binary(message.as_bytes(), out)?,
                }
            }
        }
        Ok(connection.transport() == Transport::Open)
    }

    /// Appends a Ping or Close that is due to `out`. Call it after `receive`, and once a second.
    pub fn tick(&mut self, now: Instant, out: &mut Vec<u8>) -> Result<()> {
        if let State::Open(connection) = &mut self.state {
            connection.tick(now, out)?;
        }
        Ok(())
    }
}

/// Buffers that the connections of a thread share: an idle one has none.
struct Buffers {
    read: Vec<u8>,
    out: Vec<u8>,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = const {
        RefCell::new(Buffers {
            read: Vec::new(),
            out: Vec::new(),
        })
    };
}

/// Reads with `read`, and gives `out` the answers. Whether the connection goes on once they are written.
fn answer(
    echo: &mut Echo,
    out: &mut Vec<u8>,
    read: impl FnOnce(&mut [u8]) -> Poll<io::Result<usize>>,
) -> Poll<Result<bool>> {
    BUFFERS.with_borrow_mut(|buffers| {
        if buffers.read.is_empty() {
            buffers.read = vec![0; READ];
        }
        let n = ready!(read(&mut buffers.read))?;
        mem::swap(out, &mut buffers.out);
        Poll::Ready(if n > 0 {
            echo.receive(&mut buffers.read[..n], out)
        } else {
            Ok(false)
        })
    })
}

fn give_back(out: &mut Vec<u8>) {
    out.clear();
    BUFFERS.with_borrow_mut(|buffers| mem::swap(out, &mut buffers.out));
}

/// On tokio.
pub async fn on_tokio<S>(mut stream: S, mut echo: Echo) -> Result<()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    use tokio::io::AsyncWriteExt as _;

    let mut out = Vec::new();
    loop {
        let read = poll_fn(|cx| {
            answer(&mut echo, &mut out, |buffer| {
                let mut buffer = tokio::io::ReadBuf::new(buffer);
                ready!(Pin::new(&mut stream).poll_read(cx, &mut buffer))?;
                Poll::Ready(Ok(buffer.filled().len()))
            })
        });
        let goes_on = read.await?;
        stream.write_all(&out).await?;
        give_back(&mut out);
        if !goes_on {
            return Ok(());
        }
    }
}

/// On smol.
pub async fn on_smol<S>(mut stream: S, mut echo: Echo) -> Result<()>
where
    S: smol::io::AsyncRead + smol::io::AsyncWrite + Unpin,
{
    use smol::io::AsyncWriteExt as _;

    let mut out = Vec::new();
    loop {
        let read = poll_fn(|cx| {
            answer(&mut echo, &mut out, |buffer| {
                Pin::new(&mut stream).poll_read(cx, buffer)
            })
        });
        let goes_on = read.await?;
        stream.write_all(&out).await?;
        give_back(&mut out);
        if !goes_on {
            return Ok(());
        }
    }
}

/// On a stream that blocks, or on epoll: a turn after every event and once a second, with buffers that
/// all connections of the thread share.
pub struct Peer<S> {
    stream: S,
    echo: Echo,
    /// What the stream has not taken yet.
    waiting: Vec<u8>,
    goes_on: bool,
}

impl<S: Read + Write> Peer<S> {
    pub fn new(stream: S, echo: Echo) -> Self {
        Self {
            stream,
            echo,
            waiting: Vec::new(),
            goes_on: true,
        }
    }

    /// Reads until the stream has nothing more, and answers each read. Whether the connection goes on.
    pub fn turn(&mut self, buffer: &mut [u8], out: &mut Vec<u8>, now: Instant) -> Result<bool> {
        if !self.waiting.is_empty() {
            let waiting = std::mem::take(&mut self.waiting);
            self.write(&waiting)?;
        }
        while self.waiting.is_empty() && self.goes_on {
            let n = match self.stream.read(buffer) {
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            };
            self.goes_on = n > 0 && self.echo.receive(&mut buffer[..n], out)?;
            self.echo.tick(now, out)?;
            self.write(out)?;
            out.clear();
            // A socket that had more would have filled the buffer; there is an event for later bytes.
            if n < buffer.len() {
                break;
            }
        }
        Ok(self.goes_on || !self.waiting.is_empty())
    }

    /// Keeps time while nothing comes.
    pub fn tick(&mut self, out: &mut Vec<u8>, now: Instant) -> Result<()> {
        if self.waiting.is_empty() {
            self.echo.tick(now, out)?;
            self.write(out)?;
            out.clear();
        }
        Ok(())
    }

    fn write(&mut self, mut out: &[u8]) -> io::Result<()> {
        while !out.is_empty() {
            match self.stream.write(out) {
                Ok(n) => out = &out[n..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.waiting = out.into();
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
