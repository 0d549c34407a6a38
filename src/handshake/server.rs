//! The server's side of the opening handshake (RFC 6455 4.2).

use core::fmt;

use super::error::{HandshakeError, RequestError};
use super::head_scanner::{HeadKind, HeadScanner};
use super::limits::Limits;
use super::parse::{self, Parsed, RequestHead};
use super::plain::{AnyRequest, PlainRequest};
use super::request_check::{self, RequestFields};
use super::response::{self, MAX_REFUSAL};
use super::server_state::{Asked, ServerState};
use super::time_limit::TimeLimit;
use super::upgrade::Upgrade;
use crate::buf::{Input, Output, Storage};
use crate::error::TimedOut;
use crate::time::Instant;
use crate::transport::Transport;

/// Reads a client's request and answers it.
///
/// It collects the head of the request in a [`Storage`] that the caller provides. When the
/// handshake is done, the storage can be used again ([`into_storage`](Self::into_storage)).
///
/// ```
/// use ws_proto::handshake::{HandshakeError, Limits, ServerHandshake};
/// use ws_proto::{Input, Transport};
///
/// let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
/// let mut out = Vec::new();
/// let mut read = *b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
///     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n";
/// let refused = handshake.receive(&mut Input::new(&mut read), &mut out).map(|_| ());
/// assert_eq!(refused, Err(HandshakeError::VersionUnsupported.into()));
/// assert!(out.starts_with(b"HTTP/1.1 426 Upgrade Required\r\n"));
/// assert_eq!(handshake.transport(), Transport::Close);
/// ```
pub struct ServerHandshake<S> {
    storage: S,
    limits: Limits,
    head: HeadScanner,
    state: ServerState,
    timer: TimeLimit,
}

impl<S: Storage> ServerHandshake<S> {
    /// A handshake that collects the head in `storage`, which is cleared first.
    #[must_use]
    pub fn new(mut storage: S, limits: Limits) -> Self {
        storage.clear();
        Self {
            storage,
            limits,
            head: HeadScanner::new(HeadKind::Request),
            state: ServerState::Head,
            timer: TimeLimit::default(),
        }
    }

    /// Reads the request. `Some` once it is complete, and again in every call until it is answered.
    /// `None` says that all input was consumed: read more.
    ///
    /// Consumes the request and nothing after it: a client can send its first frames at once, and
    /// they stay in `input` for the connection. Once the request has been refused, by this or by
    /// the caller, all input is consumed and dropped.
    ///
    /// # Errors
    ///
    /// - [`RequestError::Failed`], the same from then on. The refusal is in `out` and the transport
    ///   has to be closed. A request for anything but a WebSocket connection is refused too; see
    ///   [`receive_any`](Self::receive_any).
    /// - [`RequestError::OutputFull`] if there is input or a request to refuse, and `out` has less
    ///   room than [`MAX_REFUSAL`]. Nothing is changed or consumed: write what `out` has, then call
    ///   again with the same input. An `out` that has less room than that while it is empty is too small:
    ///   the error comes at every call.
    /// - [`RequestError::Accepted`] for input after the request has been accepted. Nothing is
    ///   consumed.
    pub fn receive<O: Output + ?Sized>(
        &mut self,
        input: &mut Input<'_>,
        out: &mut O,
    ) -> Result<Option<Upgrade<'_>>, RequestError> {
        if !self.advance(input, out)? {
            return Ok(None);
        }
        match self.state {
            ServerState::Plain(_) if out.room() < MAX_REFUSAL => Err(RequestError::OutputFull),
            ServerState::Plain(error) => {
                input.take(input.len());
                Err(self.refuse(error, out).into())
            }
            _ => Ok(self.upgrade()),
        }
    }

    /// As [`receive`](Self::receive), for a server that answers other requests of HTTP on the same
    /// port.
    ///
    /// # Errors
    ///
    /// As `receive`, but for requests that do not name `websocket` in `Upgrade`, or are of
    /// HTTP/1.0, where `Upgrade` has no meaning (RFC 9110 7.8).
    ///
    /// ```
    /// use ws_proto::Input;
    /// use ws_proto::handshake::{AnyRequest, Limits, ServerHandshake};
    ///
    /// let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    /// let mut read = *b"GET /health HTTP/1.1\r\nHost: example.com\r\n\r\n";
    /// let incoming = handshake.receive_any(&mut Input::new(&mut read), &mut Vec::new())?;
    /// assert!(matches!(incoming, Some(AnyRequest::Plain(request)) if request.target() == "/health"));
    /// # Ok::<(), ws_proto::handshake::RequestError>(())
    /// ```
    pub fn receive_any<O: Output + ?Sized>(
        &mut self,
        input: &mut Input<'_>,
        out: &mut O,
    ) -> Result<Option<AnyRequest<'_>>, RequestError> {
        if !self.advance(input, out)? {
            return Ok(None);
        }
        Ok(match self.state {
            ServerState::Upgrade(_) => self.upgrade().map(AnyRequest::Upgrade),
            ServerState::Plain(_) => {
                let request = RequestHead::of(self.storage.bytes());
                Some(AnyRequest::Plain(PlainRequest::new(
                    request,
                    &mut self.state,
                )))
            }
            _ => None,
        })
    }

    /// The request for a WebSocket connection that has been received and not answered yet.
    ///
    /// ```
    /// use ws_proto::handshake::{Accept, Limits, ServerHandshake};
    /// use ws_proto::Input;
    ///
    /// let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    /// let mut out = Vec::new();
    /// let mut read = *b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
    ///     Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    ///     Sec-WebSocket-Version: 13\r\n\r\n";
    /// let upgrade = handshake.receive(&mut Input::new(&mut read), &mut out)?.expect("it is whole");
    /// let user = upgrade.headers().get("Cookie").map(ToOwned::to_owned);
    /// // Later, when it is known who that user is:
    /// # let _ = user;
    /// let upgrade = handshake.upgrade().expect("it is not answered yet");
    /// upgrade.accept(&Accept::new(), &mut out)?;
    /// assert!(out.starts_with(b"HTTP/1.1 101 "));
    /// let storage = handshake.into_storage(); // for another connection
    /// # let _ = storage;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn upgrade(&mut self) -> Option<Upgrade<'_>> {
        match self.state {
            ServerState::Upgrade(asked) => {
                let head = self.storage.bytes();
                let origin = asked.origin_in(head);
                Some(Upgrade::new(
                    RequestHead::of(head),
                    asked.key,
                    origin,
                    &mut self.state,
                ))
            }
            _ => None,
        }
    }

    /// Reports the end of the transport: the client sends nothing more.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::NothingReceived`] if the client has sent nothing: a health check, no failed
    /// handshake. [`HandshakeError::UnexpectedEof`] if the request is not complete; the same error again
    /// if the handshake has failed.
    ///
    /// ```
    /// use ws_proto::handshake::{HandshakeError, Limits, ServerHandshake};
    ///
    /// let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
    /// assert_eq!(handshake.receive_eof(), Err(HandshakeError::NothingReceived));
    /// ```
    pub fn receive_eof(&mut self) -> Result<(), HandshakeError> {
        match self.state {
            ServerState::Head => {
                let error = self.head.eof();
                self.state = ServerState::Failed(error);
                Err(error)
            }
            ServerState::Failed(error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Reports the time. Returns when to call again at the latest; `None` if no limit of time runs
    /// any more: the request waits for an answer, or has been accepted.
    ///
    /// [`Limits::time`] starts with the first call, [`Limits::drain`] with the first call in
    /// [`Transport::Close`]. A driver that goes on calling until it has closed the transport needs no
    /// limit of its own.
    ///
    /// # Errors
    ///
    /// From then on, and [`transport`](Self::transport) says [`Abort`](Transport::Abort):
    ///
    /// - [`TimedOut::Handshake`] if the request is not complete in time. The first time, a response with
    ///   status 408 is put into `out`, unless it does not fit, or the client has
    ///   [sent nothing](Limits::answer_silence).
    /// - [`TimedOut::Drain`] if the refusal or the response was not written in time, or the client did not
    ///   end its side.
    ///
    /// ```
    /// use core::time::Duration;
    /// use ws_proto::handshake::{Limits, ServerHandshake};
    /// use ws_proto::{Input, Instant, TimedOut};
    ///
    /// let limits = Limits::new().time(Duration::from_secs(5));
    /// let mut handshake = ServerHandshake::new(Vec::new(), limits);
    /// let (at, mut out) = (Instant::from_millis, Vec::new());
    /// assert_eq!(handshake.tick(at(0), &mut out), Ok(Some(at(5000))));
    /// handshake.receive(&mut Input::new(&mut *b"GET / HT".to_vec()), &mut out)?; // and no more
    /// assert_eq!(handshake.tick(at(5000), &mut out), Err(TimedOut::Handshake));
    /// assert!(out.starts_with(b"HTTP/1.1 408 "));
    /// # Ok::<(), ws_proto::handshake::RequestError>(())
    /// ```
    pub fn tick<O: Output + ?Sized>(
        &mut self,
        now: Instant,
        out: &mut O,
    ) -> Result<Option<Instant>, TimedOut> {
        match self.state {
            ServerState::Head => {}
            ServerState::Answered | ServerState::Failed(_) => {
                return self.timer.tick(now, TimedOut::Drain, self.limits.drain);
            }
            ServerState::Upgrade(_) | ServerState::Plain(_) | ServerState::Accepted => {
                return Ok(None);
            }
        }
        let deadline = self.timer.tick(now, TimedOut::Handshake, self.limits.time);
        if deadline.is_err() {
            if self.head.has_begun() || self.limits.answer_silence {
                self.refuse(HandshakeError::TimedOut, out);
            } else {
                self.state = ServerState::Failed(HandshakeError::TimedOut);
            }
        }
        deadline
    }

    /// The next step with the transport: [`Close`](Transport::Close) once the request
    /// has been refused or answered as a plain one, [`Abort`](Transport::Abort) when it or the end of the
    /// transport took too long.
    #[must_use]
    pub fn transport(&self) -> Transport {
        match self.state {
            _ if self.timer.expired().is_some() => Transport::Abort,
            ServerState::Head
            | ServerState::Upgrade(_)
            | ServerState::Plain(_)
            | ServerState::Accepted => Transport::Open,
            ServerState::Answered | ServerState::Failed(_) => Transport::Close,
        }
    }

    /// Returns the storage, with the request's head in it.
    #[must_use]
    pub fn into_storage(self) -> S {
        self.storage
    }

    /// Reads on. Returns whether there is a request to answer; if not, all input was consumed.
    fn advance<O: Output + ?Sized>(
        &mut self,
        input: &mut Input<'_>,
        out: &mut O,
    ) -> Result<bool, RequestError> {
        match self.state {
            ServerState::Head if out.room() >= MAX_REFUSAL => match self.read(input) {
                Ok(Some(state)) => {
                    self.state = state;
                    Ok(true)
                }
                Ok(None) => Ok(false),
                Err(error) => {
                    input.take(input.len());
                    Err(self.refuse(error, out).into())
                }
            },
            ServerState::Upgrade(_) | ServerState::Plain(_) => Ok(true),
            ServerState::Head | ServerState::Accepted if input.is_empty() => Ok(false),
            ServerState::Head => Err(RequestError::OutputFull),
            ServerState::Accepted => Err(RequestError::Accepted),
            ServerState::Answered => {
                input.take(input.len());
                Ok(false)
            }
            ServerState::Failed(error) => {
                input.take(input.len());
                Err(error.into())
            }
        }
    }

    fn read(&mut self, input: &mut Input<'_>) -> Result<Option<ServerState>, HandshakeError> {
        if let Some(state) = self.read_at_once(input) {
            return state.map(Some);
        }
        if !self.head.receive(input, &mut self.storage, &self.limits)? {
            return Ok(None);
        }
        let mut fields = RequestFields::default();
        let parsed = parse::request(self.storage.bytes(), |name, value| fields.add(name, value))?;
        check_head(&parsed, &fields).map(Some)
    }

    /// Parses a request that came in one read where it lies, without the scan (row
    /// `handshake/server` of the benchmarks). Most requests do. Returns `None`, and changes
    /// nothing, for any other.
    fn read_at_once(
        &mut self,
        input: &mut Input<'_>,
    ) -> Option<Result<ServerState, HandshakeError>> {
        if !self.head.is_at_start() {
            return None;
        }
        let mut fields = RequestFields::default();
        let bytes = input.bytes();
        let bytes = bytes.get(..self.limits.head_bytes).unwrap_or(bytes);
        let parsed = parse::request(bytes, |name, value| fields.add(name, value)).ok()?;
        if parsed.lines > self.limits.lines {
            return None;
        }
        self.storage.store(bytes.get(..parsed.bytes)?).ok()?;
        let state = check_head(&parsed, &fields);
        input.take(parsed.bytes);
        Some(state)
    }

    fn refuse<O: Output + ?Sized>(&mut self, error: HandshakeError, out: &mut O) -> HandshakeError {
        let to_head = self.storage.bytes().starts_with(b"HEAD ");
        // Without room the refusal is left out. This can only be the 408 of the time limit: the
        // others start with enough room.
        let _ = response::refuse(error, to_head, out);
        self.state = ServerState::Failed(error);
        error
    }
}

/// Checks a complete head.
fn check_head(
    parsed: &Parsed<RequestHead<'_>>,
    fields: &RequestFields<'_>,
) -> Result<ServerState, HandshakeError> {
    let request = &parsed.first_line;
    if parsed.minor_version == 0 {
        request_check::old_http(request, fields)?;
        return Ok(ServerState::Plain(HandshakeError::HttpVersion));
    }
    request_check::http(request, fields)?;
    match request_check::upgrade(request, fields) {
        Ok((key, origin)) => {
            let asked = Asked::new(key, origin, request.method);
            Ok(ServerState::Upgrade(asked))
        }
        Err(error) if !fields.asks_for_websocket() => Ok(ServerState::Plain(error)),
        Err(error) => Err(error),
    }
}

/// Leaves out received bytes: they can be secrets.
impl<S> fmt::Debug for ServerHandshake<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandshake")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
