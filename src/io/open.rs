//! Both handshakes over a blocking stream.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use std::io::{self, ErrorKind, Read, Write};

use super::now;
use super::stream::{self, is_timeout, read_once};
#[cfg(feature = "getrandom")]
use crate::OsRandom;
use crate::connection::{Client, MaskSource, Role, Server};
use crate::error::TimedOut;
use crate::handshake::{Accept, Negotiated, PlainResponse};
use crate::opening::{
    AcceptError, Accepting, Acceptor, Asking, ConnectError, ConnectTimeout, Connecting, Connector,
    Handshake, Opened, Options, Request, Response,
};
use crate::socket::WebSocket;
use crate::time::Instant;

/// How much is read at once in a handshake.
const READ: usize = 4096;

impl Connector {
    /// Asks the server at the other end of a blocking stream for a connection, with randomness from the
    /// operating system. Whether the URL is `ws` or `wss` makes no difference here: the stream is given.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]; [`ConnectError::Refused`] has the response of a server that answered with another
    /// status than 101.
    ///
    /// ```no_run
    /// use ws_proto::opening::Connector;
    /// use ws_proto::{CloseCode, CloseReason};
    ///
    /// let mut stream = std::net::TcpStream::connect("127.0.0.1:9001")?;
    /// let connector = Connector::new("ws://127.0.0.1:9001/")?;
    /// let (mut client, response) = connector.connect(&mut stream)?;
    /// println!("{:?}", response.headers());
    /// client.sender().send_text("hello")?;
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
        &self,
        stream: &mut S,
    ) -> Result<(WebSocket<Client<OsRandom>>, Response), ConnectError> {
        let nonce = OsRandom::nonce().ok_or(ConnectError::NoRandomness)?;
        self.connect_with(stream, nonce, OsRandom::new())
    }

    /// As [`connect`](Self::connect), with a nonce and masking keys of the caller's.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    ///
    /// ```no_run
    /// use ws_proto::OsRandom;
    /// use ws_proto::opening::Connector;
    ///
    /// let mut stream = std::net::TcpStream::connect("127.0.0.1:9001")?;
    /// let nonce = OsRandom::nonce().ok_or("the operating system has no randomness")?;
    /// let connector = Connector::new("ws://127.0.0.1:9001/")?;
    /// // Boxed keys, for a smaller `WebSocket`.
    /// let (client, _) = connector.connect_with(&mut stream, nonce, Box::new(OsRandom::new()))?;
    /// # let _ = client;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn connect_with<S: Read + Write, M: MaskSource>(
        &self,
        stream: &mut S,
        nonce: [u8; 16],
        keys: M,
    ) -> Result<(WebSocket<Client<M>>, Response), ConnectError> {
        let mut connecting = Connecting::start(self, nonce)?;
        let time = self.get_options().get_handshake_time();
        let ((opened, response), received) = ask(stream, &mut connecting, time)?;
        Ok((with_input(opened.client(keys), &received), response))
    }
}

/// Writes a request and reads its answer, which is returned with the bytes after it.
pub(super) fn ask<S: Read + Write, A: Asking>(
    stream: &mut S,
    asking: &mut A,
    time: Duration,
) -> Result<(A::Answer, Vec<u8>), ConnectError> {
    let deadline = now() + time;
    let mut buffer = [0; READ];
    let mut write_error = None;
    loop {
        if write_error.is_none() {
            // An answer that was sent before says more than the error.
            write_error = write(stream, asking).err();
        }
        let read = match asking.tick(now()) {
            Ok(_) => match read_once(stream, &mut buffer) {
                Ok(Some(0)) => Err(asking.receive_eof()),
                Ok(read) => Ok(read),
                Err(error) => Err(asking.explain(error.into())),
            },
            Err(error) => Err(error),
        };
        let read = read.map_err(|error| match write_error.take() {
            Some(cause) if error.refusal().is_none() => asking.explain(cause.into()),
            _ => error,
        })?;
        let Some(n) = read else { continue };
        let mut rest = buffer.get_mut(..n).unwrap_or_default();
        if let Some(answer) = asking.receive(&mut rest)? {
            // The end of the request has to come before the bytes after it.
            let written = match write_error {
                Some(error) => Err(error),
                None => write_until(stream, asking, deadline),
            };
            return match written {
                Ok(true) => Ok((answer, rest.to_vec())),
                Ok(false) => Err(asking.explain(ConnectTimeout::new(A::STAGE, time).into())),
                Err(error) => Err(asking.explain(error.into())),
            };
        }
    }
}

impl Acceptor<'_> {
    /// Answers a client's handshake over a blocking stream.
    ///
    /// # Errors
    ///
    /// [`AcceptError`]. The client has got an answer that says why, unless the stream failed.
    ///
    /// ```no_run
    /// use ws_proto::opening::Acceptor;
    ///
    /// let listener = std::net::TcpListener::bind("127.0.0.1:9001")?;
    /// let (mut stream, _) = listener.accept()?;
    /// let server = Acceptor::new().path("/chat").subprotocols(&["chat"]).accept(&mut stream)?;
    /// # let _ = server;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn accept<S: Read + Write>(
        &self,
        stream: &mut S,
    ) -> Result<WebSocket<Server>, AcceptError> {
        let mut incoming = read_request(stream, *self.get_options())?;
        let decided = incoming.accepting.decide(&incoming.request, self);
        incoming.finish(decided)
    }
}

/// Reads a client's request from a blocking stream, to look at it and decide.
///
/// # Errors
///
/// [`AcceptError`] for bytes that are not a valid request of HTTP. The client has got an answer that says why,
/// unless the stream failed.
///
/// ```no_run
/// use ws_proto::handshake::{Accept, PlainResponse};
/// use ws_proto::io::read_request;
/// use ws_proto::opening::Options;
///
/// # let mut stream = std::net::TcpStream::connect("127.0.0.1:9001")?;
/// let incoming = read_request(&mut stream, Options::new())?;
/// if incoming.request().is_upgrade() {
///     let server = incoming.accept(&Accept::new())?;
///     # let _ = server;
/// } else {
///     incoming.respond(&PlainResponse::new(200).body(b"a page"))?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_request<S: Read + Write>(
    stream: &mut S,
    options: Options,
) -> Result<Incoming<'_, S>, AcceptError> {
    let mut accepting = Accepting::new(options);
    let started = now();
    let mut buffer = [0; READ];
    let read = loop {
        if let Err(error) = accepting.tick(now()) {
            break Err(error);
        }
        let received = match read_once(stream, &mut buffer) {
            Ok(Some(0)) => Err(accepting.receive_eof()),
            Ok(None) => Ok(None),
            Err(error) => Err(error.into()),
            Ok(Some(n)) => {
                let mut rest = buffer.get_mut(..n).unwrap_or_default();
                let request = accepting.receive(&mut rest);
                request.map(|request| request.map(|request| (request, rest.to_vec())))
            }
        };
        match received {
            Ok(Some(read)) => break Ok(read),
            Ok(None) => {}
            Err(error) => break Err(error),
        }
    };
    match read {
        Ok((request, received)) => Ok(Incoming {
            stream,
            accepting,
            request,
            received,
            options,
            started,
        }),
        Err(error) => {
            refuse(stream, &accepting, &options);
            Err(error)
        }
    }
}

/// A client's request on its stream: look at it, then [`accept`](Self::accept) or
/// [`respond`](Self::respond).
///
/// ```
/// use std::io::Cursor;
/// use ws_proto::handshake::Accept;
/// use ws_proto::io::read_request;
/// use ws_proto::opening::Options;
///
/// // A `TcpStream`, in a program.
/// let mut stream = Cursor::new(
///     b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
///     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".to_vec(),
/// );
/// let incoming = read_request(&mut stream, Options::new())?;
/// assert_eq!(incoming.request().path(), "/chat");
/// let server = incoming.accept(&Accept::new())?;
/// # let _ = server;
/// # Ok::<(), ws_proto::opening::AcceptError>(())
/// ```
pub struct Incoming<'s, S> {
    stream: &'s mut S,
    accepting: Accepting,
    request: Request,
    /// The bytes that were read after the request.
    received: Vec<u8>,
    options: Options,
    started: Instant,
}

impl<S: Read + Write> Incoming<'_, S> {
    /// The request.
    #[must_use]
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// Accepts: writes the 101. The Origin is checked by [`Accept::origins`].
    ///
    /// # Errors
    ///
    /// [`AcceptError`]. The client has got an answer that says why, unless the stream failed.
    pub fn accept(mut self, accept: &Accept<'_>) -> Result<WebSocket<Server>, AcceptError> {
        let accepted = self.accepting.accept(accept);
        self.finish(accepted)
    }

    /// As [`accept`](Self::accept), with permessage-deflate if the client offers it.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept).
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use ws_proto::extension::deflate::Deflate;
    /// use ws_proto::handshake::Accept;
    /// use ws_proto::io::Incoming;
    /// use ws_proto::opening::AcceptError;
    /// use ws_proto::{Server, WebSocket};
    ///
    /// fn accept<S: Read + Write>(incoming: Incoming<'_, S>) -> Result<WebSocket<Server>, AcceptError> {
    ///     incoming.accept_deflate(&Accept::new(), &Deflate::new().level(6))
    /// }
    /// # let request = b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    /// #     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
    /// #     Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n".to_vec();
    /// # let mut stream = std::io::Cursor::new(request);
    /// # let server = accept(ws_proto::io::read_request(&mut stream, Default::default())?)?;
    /// # assert!(server.deflate().is_some());
    /// # Ok::<(), AcceptError>(())
    /// ```
    #[cfg(feature = "deflate")]
    pub fn accept_deflate(
        mut self,
        accept: &Accept<'_>,
        deflate: &crate::extension::deflate::Deflate,
    ) -> Result<WebSocket<Server>, AcceptError> {
        let accepted = self.accepting.accept_deflate(accept, Some(deflate));
        self.finish(accepted)
    }

    /// Answers with another response: refuses, redirects, or serves a page. Then the stream is to be
    /// closed.
    ///
    /// # Errors
    ///
    /// [`AcceptError::Head`] if that cannot be sent: the client has got a 500. [`AcceptError::Io`] if the
    /// stream fails.
    ///
    /// ```
    /// use std::io::Cursor;
    /// use ws_proto::handshake::PlainResponse;
    /// use ws_proto::io::read_request;
    /// use ws_proto::opening::Options;
    ///
    /// // A `TcpStream`, in a program.
    /// let mut stream = Cursor::new(b"GET /health HTTP/1.1\r\nHost: example.com\r\n\r\n".to_vec());
    /// let incoming = read_request(&mut stream, Options::new())?;
    /// incoming.respond(&PlainResponse::text(200, "fine\n"))?;
    /// assert!(stream.into_inner().ends_with(b"\r\n\r\nfine\n"));
    /// # Ok::<(), ws_proto::opening::AcceptError>(())
    /// ```
    pub fn respond(mut self, response: &PlainResponse<'_>) -> Result<(), AcceptError> {
        let responded = self.accepting.respond(response);
        self.write_out()?;
        refuse(self.stream, &self.accepting, &self.options);
        Ok(responded?)
    }

    fn finish(
        mut self,
        decided: Result<Opened, AcceptError>,
    ) -> Result<WebSocket<Server>, AcceptError> {
        match decided {
            Ok(opened) => {
                self.write_out()?;
                Ok(with_input(opened.server(), &self.received))
            }
            Err(error) => {
                refuse(self.stream, &self.accepting, &self.options);
                Err(error)
            }
        }
    }

    fn write_out(&mut self) -> Result<(), AcceptError> {
        let deadline = self.started + self.options.get_handshake_time();
        if write_until(self.stream, &mut self.accepting, deadline)? {
            Ok(())
        } else {
            Err(TimedOut::Handshake.into())
        }
    }
}

/// Leaves out received bytes: they can be secrets.
impl<S> fmt::Debug for Incoming<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

/// Writes as much as the stream takes for as long as it waits. `true` if that is all.
fn write<S: Write>(stream: &mut S, from: &mut impl Handshake) -> io::Result<bool> {
    while !from.pending().is_empty() {
        match stream.write(from.pending()) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => from.consume(n),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if is_timeout(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    match stream::flush(stream) {
        Err(error) if is_timeout(&error) => Ok(false),
        flushed => flushed.map(|()| true),
    }
}

/// Writes all. `false` if that is not done by `deadline`.
fn write_until<S: Write>(
    stream: &mut S,
    from: &mut impl Handshake,
    deadline: Instant,
) -> io::Result<bool> {
    loop {
        if write(stream, from)? {
            return Ok(true);
        }
        if now() >= deadline {
            return Ok(false);
        }
    }
}

/// Writes a refusal, and reads on for a while: a stream that is closed while bytes wait in it is reset, and
/// the client would lose the refusal.
fn refuse<S: Read + Write>(stream: &mut S, accepting: &Accepting, options: &Options) {
    let driver = WebSocket::server(Negotiated::new(), *options.get_config());
    let driver = options.apply(driver).with_output(accepting.pending());
    let mut driver = driver.refused();
    while matches!(driver.exchange(stream), Ok(true)) {}
}

/// With the bytes that were received after the handshake.
fn with_input<R: Role>(mut websocket: WebSocket<R>, received: &[u8]) -> WebSocket<R> {
    if let Some(space) = websocket.read_buf(received.len()).get_mut(..received.len()) {
        space.copy_from_slice(received);
    }
    websocket.advance(received.len());
    websocket
}
