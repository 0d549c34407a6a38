//! For blocking programs: handshakes and messages over any `Read + Write`.
//!
//! This is the only module that does I/O and reads a clock, by means of `std`. Deadlines are only
//! met when reads and writes return, and two peers that both write more than the sockets hold wait
//! for each other for ever: give the stream timeouts for both (`TcpStream::set_read_timeout`,
//! `set_write_timeout`). One that runs out is no error here, only time that passes.
//!
//! ```no_run
//! use core::time::Duration;
//! use std::net::TcpStream;
//! use ws_proto::{Config, Server, WebSocket, io};
//!
//! fn echo(
//!     server: &mut WebSocket<Server>,
//!     stream: &mut TcpStream,
//! ) -> Result<(), Box<dyn std::error::Error>> {
//!     while server.exchange(stream)? {
//!         while let Some((message, mut reply)) = server.next_message()? {
//!             reply.message(message)?;
//!         }
//!     }
//!     Ok(())
//! }
//!
//! let listener = std::net::TcpListener::bind("127.0.0.1:9001")?;
//! let (mut stream, _) = listener.accept()?;
//! stream.set_read_timeout(Some(Duration::from_millis(200)))?;
//! stream.set_write_timeout(Some(Duration::from_millis(200)))?;
//! let mut server = io::accept(&mut stream, Config::new())?;
//! let echoed = echo(&mut server, &mut stream);
//! let _ = server.flush(&mut stream); // after a fault: the Close frame that says so
//! echoed?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::OnceLock;

use crate::buf::{Input, Storage};
use crate::connection::{Client, Config, MaskSource, Role, Server};
use crate::error::{TimedOut, UnexpectedEof};
#[cfg(feature = "deflate")]
use crate::extension::deflate::{Deflate, DeflateElement};
use crate::handshake::{
    Accept, ClientHandshake, ClientRequest, Established, HandshakeError, HeadError, Incoming,
    Limits, Negotiated, OriginPolicy, Refusal, Response, ServerHandshake, Upgrade,
};
use crate::socket::WebSocket;
use crate::time::Instant;
use crate::transport::Transport;

/// The monotonic clock: the time since the first call in this process.
pub fn now() -> Instant {
    static EPOCH: OnceLock<std::time::Instant> = OnceLock::new();
    Instant::now_since(*EPOCH.get_or_init(std::time::Instant::now))
}

/// Answers a client's handshake: accepts every request of the same origin or of no browser, without
/// subprotocol or extension. For anything else there is [`accept_with`].
///
/// # Errors
///
/// [`Error`]; a refusal has been written.
pub fn accept<S: Read + Write>(stream: &mut S, config: Config) -> Result<WebSocket<Server>, Error> {
    accept_with(stream, config, Limits::new(), |upgrade, out| {
        if OriginPolicy::same_host().allows(&upgrade) {
            upgrade.accept(&Accept::new(), out).map(Some)
        } else {
            upgrade.reject(&Response::new(403), out).map(|()| None)
        }
    })
}

/// As [`accept`], with permessage-deflate if the client offers it.
///
/// For one's own decision there is [`accept_with`]: what [`Deflate::accept`] gives goes into the
/// answer, and its parameters into [`WebSocket::with_deflate`].
///
/// # Errors
///
/// As [`accept`].
///
/// [`Deflate::accept`]: crate::extension::deflate::Deflate::accept
#[cfg(feature = "deflate")]
pub fn accept_deflate<S: Read + Write>(
    stream: &mut S,
    config: Config,
    deflate: &Deflate,
) -> Result<WebSocket<Server>, Error> {
    let mut agreed = None;
    let websocket = accept_with(stream, config, Limits::new(), |upgrade, out| {
        if !OriginPolicy::same_host().allows(&upgrade) {
            return upgrade.reject(&Response::new(403), out).map(|()| None);
        }
        let answer = deflate.accept(upgrade.extensions());
        agreed = answer.map(|answer| answer.params());
        let extension = answer.as_ref().map(DeflateElement::extension);
        let accept = Accept::new().extensions(extension.as_slice());
        upgrade.accept(&accept, out).map(Some)
    })?;
    Ok(match agreed {
        Some(params) => websocket.with_deflate(deflate, params),
        None => websocket,
    })
}

/// Answers a client's handshake as `decide` says: it looks at the request and accepts or rejects
/// it, into the output it is given. What it gives has to be what it wrote: the value of
/// [`Upgrade::accept`], or `None` after [`Upgrade::reject`].
///
/// # Errors
///
/// [`Error`]; a refusal has been written. [`Error::Rejected`] if `decide` gave `None`.
///
/// ```no_run
/// use ws_proto::handshake::{Accept, Limits, Response};
/// use ws_proto::{Config, io};
///
/// # let mut stream = std::net::TcpStream::connect("127.0.0.1:9001")?;
/// let server = io::accept_with(&mut stream, Config::new(), Limits::new(), |upgrade, out| {
///     match upgrade.choose_subprotocol(&["chat"]) {
///         Some(chat) => upgrade.accept(&Accept::new().subprotocol(chat), out).map(Some),
///         None => upgrade.reject(&Response::new(400).body(b"speak chat"), out).map(|()| None),
///     }
/// })?;
/// # let _ = server;
/// # Ok::<(), io::Error>(())
/// ```
pub fn accept_with<S, F>(
    stream: &mut S,
    config: Config,
    limits: Limits,
    decide: F,
) -> Result<WebSocket<Server>, Error>
where
    S: Read + Write,
    F: FnOnce(Upgrade<'_>, &mut Vec<u8>) -> Result<Option<Negotiated>, HeadError>,
{
    accept_any(stream, config, limits, |incoming, out| match incoming {
        Incoming::Upgrade(upgrade) => decide(upgrade, out),
        Incoming::Plain(plain) => plain.refuse(out).map(|_| None),
    })
}

/// As [`accept_with`], for a server that answers plain requests of HTTP on the same port:
/// [`Error::Rejected`] then says that the stream is done with.
///
/// # Errors
///
/// As [`accept_with`].
pub fn accept_any<S, F>(
    stream: &mut S,
    config: Config,
    limits: Limits,
    decide: F,
) -> Result<WebSocket<Server>, Error>
where
    S: Read + Write,
    F: FnOnce(Incoming<'_>, &mut Vec<u8>) -> Result<Option<Negotiated>, HeadError>,
{
    let mut handshake = ServerHandshake::new(Vec::new(), limits);
    let mut out = Vec::new();
    let mut read = ReadOnce::new();
    loop {
        let received = match read.from(stream)? {
            Got::Bytes(mut input) => match handshake.receive_any(&mut input, &mut out) {
                Ok(Some(incoming)) => {
                    let decided = decide(incoming, &mut out);
                    if decided.is_err() {
                        refuse(&mut handshake, &mut out);
                    }
                    write_all(stream, &out)?;
                    let Some(negotiated) = decided? else {
                        handshake.receive_eof()?;
                        return Err(Error::Rejected);
                    };
                    return Ok(WebSocket::server(negotiated, config).with_input(&mut input));
                }
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            },
            Got::Eof => handshake.receive_eof(),
            Got::Nothing => Ok(()),
        };
        let ticked = handshake.tick(now(), &mut out);
        write_all(stream, &out)?;
        received?;
        ticked?;
    }
}

/// Asks a server for a WebSocket connection, with randomness from the operating system.
///
/// # Errors
///
/// [`Error`]; [`Error::Refused`] has the response of a server that answered with another status
/// than 101.
///
/// ```no_run
/// use ws_proto::handshake::ClientRequest;
/// use ws_proto::{CloseCode, CloseReason, Config, Uri, io};
///
/// let mut stream = std::net::TcpStream::connect("127.0.0.1:9001")?;
/// let request = ClientRequest::from_uri(Uri::parse("ws://127.0.0.1:9001/")?);
/// let mut client = io::connect(&mut stream, request, Config::new())?.websocket;
/// client.sender().text("hello")?;
/// while client.exchange(&mut stream)? {
///     while let Some((message, mut reply)) = client.next_message()? {
///         println!("{message:?}");
///         reply.close(CloseCode::NORMAL, CloseReason::EMPTY)?;
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "getrandom")]
pub fn connect<S: Read + Write>(
    stream: &mut S,
    request: ClientRequest<'_>,
    config: Config,
) -> Result<Connected<crate::OsRandom>, Error> {
    let nonce = crate::OsRandom::nonce().ok_or(Error::NoRandomness)?;
    connect_with(
        stream,
        request,
        nonce,
        crate::OsRandom::new(),
        config,
        Limits::new(),
    )
}

/// As [`connect`], with permessage-deflate if the server agrees to it. It is the only extension that
/// is offered.
///
/// # Errors
///
/// As [`connect`].
#[cfg(all(feature = "deflate", feature = "getrandom"))]
pub fn connect_deflate<S: Read + Write>(
    stream: &mut S,
    request: ClientRequest<'_>,
    config: Config,
    deflate: &Deflate,
) -> Result<Connected<crate::OsRandom>, Error> {
    let nonce = crate::OsRandom::nonce().ok_or(Error::NoRandomness)?;
    let keys = crate::OsRandom::new();
    connect_deflate_with(stream, request, nonce, keys, config, Limits::new(), deflate)
}

/// As [`connect_with`], with permessage-deflate if the server agrees to it. It is the only
/// extension that is offered.
///
/// # Errors
///
/// As [`connect_with`].
#[cfg(feature = "deflate")]
pub fn connect_deflate_with<S: Read + Write, M: MaskSource>(
    stream: &mut S,
    request: ClientRequest<'_>,
    nonce: [u8; 16],
    keys: M,
    config: Config,
    limits: Limits,
    deflate: &Deflate,
) -> Result<Connected<M>, Error> {
    let offer = deflate.offer();
    let extensions = [offer.extension()];
    let request = request.extensions(&extensions);
    let mut agreed = None;
    let look = |established: &Established<'_>| {
        agreed = deflate.answered(established.extensions())?;
        Ok(())
    };
    let mut connected = connect_looking(stream, request, nonce, keys, config, limits, look)?;
    if let Some(params) = agreed {
        connected.websocket = connected.websocket.with_deflate(deflate, params);
    }
    Ok(connected)
}

/// Asks a server for a WebSocket connection, with randomness of the caller's.
///
/// # Errors
///
/// [`Error`]; [`Error::Refused`] has the response of a server that answered with another status
/// than 101.
pub fn connect_with<S: Read + Write, M: MaskSource>(
    stream: &mut S,
    request: ClientRequest<'_>,
    nonce: [u8; 16],
    keys: M,
    config: Config,
    limits: Limits,
) -> Result<Connected<M>, Error> {
    connect_looking(stream, request, nonce, keys, config, limits, |_| Ok(()))
}

/// As [`connect_with`], with a look at the answer.
fn connect_looking<S: Read + Write, M: MaskSource>(
    stream: &mut S,
    request: ClientRequest<'_>,
    nonce: [u8; 16],
    keys: M,
    config: Config,
    limits: Limits,
    look: impl FnOnce(&Established<'_>) -> Result<(), HandshakeError>,
) -> Result<Connected<M>, Error> {
    let mut out = Vec::new();
    let mut handshake = ClientHandshake::start(request, nonce, Vec::new(), limits, &mut out)?;
    write_all(stream, &out)?;
    let mut read = ReadOnce::new();
    loop {
        let got = read
            .from(stream)
            .map_err(|error| failed(&handshake, error))?;
        let received = match got {
            Got::Bytes(mut input) => match handshake.receive(&mut input) {
                Ok(Some(established)) => {
                    look(&established)?;
                    let subprotocol = established.subprotocol().map(ToString::to_string);
                    let negotiated = established.negotiated();
                    let websocket = WebSocket::client(negotiated, config, keys);
                    return Ok(Connected {
                        websocket: websocket.with_input(&mut input),
                        subprotocol,
                    });
                }
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            },
            Got::Eof => handshake.receive_eof(),
            Got::Nothing => Ok(()),
        };
        let ticked = handshake.tick(now());
        received.map_err(|error| failed(&handshake, error))?;
        ticked.map_err(|error| failed(&handshake, error))?;
    }
}

/// A refusal tells more than the way in which its body ended.
fn failed<S: Storage>(handshake: &ClientHandshake<'_, S>, error: impl Into<Error>) -> Error {
    match handshake.refusal() {
        Some(refusal) => Error::Refused(Box::new(Refused::of(&refusal))),
        None => error.into(),
    }
}

/// What [`connect_with`] gives.
#[derive(Debug)]
#[non_exhaustive]
pub struct Connected<M: MaskSource> {
    /// The connection.
    pub websocket: WebSocket<Client<M>>,
    /// The subprotocol that the server chose, one of those offered.
    pub subprotocol: Option<String>,
}

impl<R: Role> WebSocket<R> {
    /// One turn with a blocking stream: writes what waits, then reads once what comes. `false` when
    /// the connection is over and the stream is to be closed.
    ///
    /// Call it in a loop around [`next_message`](Self::next_message), which has to be called until
    /// it gives `None`: before that nothing is read. When it fails, [`flush`](Self::flush) sends the
    /// Close frame that explains why. A read or write that times out is no error: the rest is for
    /// the next turn, or is given up if the connection is over.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Eof`] if the peer left without a closing handshake,
    /// [`Error::TimedOut`].
    pub fn exchange<S: Read + Write>(&mut self, stream: &mut S) -> Result<bool, Error> {
        let ticked = self.tick(now());
        if self.transport() != Transport::Abort {
            match self.flush(stream) {
                Err(error) if is_timeout(&error) => {}
                flushed => flushed?,
            }
        }
        ticked?;
        if matches!(self.transport(), Transport::Close | Transport::Abort) {
            return Ok(false);
        }
        if !self.wants_read() {
            return Ok(true);
        }
        let closing = self.transport() == Transport::AwaitEof;
        let space = self.space(self.read_hint());
        let read = match read_once(stream, space) {
            // Some servers reset instead of closing once the closing handshake is done.
            Err(error) if closing && error.kind() == ErrorKind::ConnectionReset => Some(0),
            read => read?,
        };
        match read {
            Some(0) => {
                self.receive_eof()?;
                Ok(false)
            }
            Some(n) => {
                self.filled(n);
                Ok(true)
            }
            None => Ok(true),
        }
    }

    /// Writes what waits to be written.
    ///
    /// # Errors
    ///
    /// What the stream says, also that a write has timed out; what was written is not written
    /// again.
    pub fn flush<S: Write>(&mut self, stream: &mut S) -> io::Result<()> {
        while !self.pending().is_empty() {
            match stream.write(self.pending()) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => self.wrote(n),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        stream.flush()
    }

    /// With what was received behind the handshake.
    fn with_input(mut self, input: &mut Input<'_>) -> Self {
        let rest = input.take(input.len());
        if let Some(space) = self.space(rest.len()).get_mut(..rest.len()) {
            space.copy_from_slice(rest);
        }
        self.filled(rest.len());
        self
    }
}

/// The peer is owed an answer, whatever the caller of [`accept_any`] got wrong.
fn refuse(handshake: &mut ServerHandshake<Vec<u8>>, out: &mut Vec<u8>) {
    let _ = match handshake.upgrade() {
        Some(upgrade) => upgrade.reject(&Response::new(500), out),
        None => handshake
            .receive(&mut Input::default(), out)
            .map_or(Ok(()), |_| Ok(())),
    };
}

/// A buffer for the reads of a handshake.
struct ReadOnce([u8; 2048]);

enum Got<'b> {
    Bytes(Input<'b>),
    Eof,
    /// The read timed out.
    Nothing,
}

impl ReadOnce {
    const fn new() -> Self {
        Self([0; 2048])
    }

    fn from<S: Read>(&mut self, stream: &mut S) -> io::Result<Got<'_>> {
        Ok(match read_once(stream, &mut self.0)? {
            None => Got::Nothing,
            Some(0) => Got::Eof,
            Some(n) => Got::Bytes(Input::new(self.0.get_mut(..n).unwrap_or_default())),
        })
    }
}

/// `None` if there was nothing to read for as long as the stream waits.
fn read_once<S: Read>(stream: &mut S, space: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        match stream.read(space) {
            Ok(n) => return Ok(Some(n)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if is_timeout(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

/// Systems differ in what they call a read or write that has timed out.
fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn write_all<S: Write>(stream: &mut S, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}

/// What can go wrong with a connection over a stream.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The peer left without a closing handshake.
    Eof(UnexpectedEof),
    /// The peer broke the rules of the handshake.
    Handshake(HandshakeError),
    /// The caller asked for something that cannot be sent in a handshake.
    Head(HeadError),
    /// The stream failed.
    Io(io::Error),
    /// The operating system has no randomness to give.
    NoRandomness,
    /// The server answered with another status than 101: a redirect, a 401, an error.
    Refused(Box<Refused>),
    /// The request was rejected by the caller of [`accept_with`].
    Rejected,
    /// A timer ran out.
    TimedOut(TimedOut),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eof(error) => error.fmt(f),
            Self::Handshake(error) => error.fmt(f),
            Self::Head(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::NoRandomness => f.write_str("no randomness to be had"),
            Self::Refused(refused) => write!(f, "refused with status {}", refused.status),
            Self::Rejected => f.write_str("the request was rejected"),
            Self::TimedOut(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Error {
    /// What is behind the error that is shown: that of a stream may have a cause of its own.
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Io(error) => error.source(),
            _ => None,
        }
    }
}

impl From<UnexpectedEof> for Error {
    fn from(error: UnexpectedEof) -> Self {
        Self::Eof(error)
    }
}

impl From<HandshakeError> for Error {
    fn from(error: HandshakeError) -> Self {
        Self::Handshake(error)
    }
}

impl From<HeadError> for Error {
    fn from(error: HeadError) -> Self {
        Self::Head(error)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<TimedOut> for Error {
    fn from(error: TimedOut) -> Self {
        Self::TimedOut(error)
    }
}

/// A server's answer with another status than 101.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// The status.
    pub status: u16,
    /// The header fields, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, as much of it as [`Limits::body_bytes`] allows.
    pub body: Vec<u8>,
}

impl Refused {
    /// The value of the first field with this name, in any case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let mut fields = self.headers.iter();
        fields.find_map(|(n, value)| n.eq_ignore_ascii_case(name).then_some(value.as_slice()))
    }

    fn of(refusal: &Refusal<'_>) -> Self {
        let headers = refusal.headers();
        Self {
            status: refusal.status(),
            headers: headers
                .iter()
                .map(|(n, value)| (n.to_string(), value.to_vec()))
                .collect(),
            body: refusal.body().to_vec(),
        }
    }
}
