//! The server's side of the opening handshake (RFC 6455 4.2).

use core::fmt;

use super::check::{self, Fields};
use super::error::HandshakeError;
use super::head::{HeadScanner, Kind};
use super::key::ClientKey;
use super::limits::Limits;
use super::parse::{self, Parsed, Request};
use super::plain::{Incoming, PlainRequest};
use super::response::{self, MAX_REFUSAL};
use super::timer::Timer;
use super::upgrade::Upgrade;
use crate::buf::{Input, Output, Storage};
use crate::error::TimedOut;
use crate::time::Instant;
use crate::transport::Transport;

/// Reads a client's request and answers it.
///
/// The request's head is collected in a [`Storage`] of the caller's, which is free again when the
/// handshake is done ([`into_storage`](Self::into_storage)).
///
/// ```
/// use ws_proto::handshake::{Accept, HandshakeError, Limits, ServerHandshake};
/// use ws_proto::{Input, Transport};
///
/// let mut handshake = ServerHandshake::new(Vec::new(), Limits::new());
/// let mut out = Vec::new();
/// let mut read = *b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
///     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n";
/// let refused = handshake.receive(&mut Input::new(&mut read), &mut out).map(|_| ());
/// assert_eq!(refused, Err(HandshakeError::VersionUnsupported));
/// assert!(out.starts_with(b"HTTP/1.1 426 Upgrade Required\r\n"));
/// assert_eq!(handshake.transport(), Transport::Close);
/// ```
pub struct ServerHandshake<S> {
    storage: S,
    limits: Limits,
    head: HeadScanner,
    phase: Phase,
    timer: Timer,
}

/// How far a server's handshake is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    /// The head is not complete.
    Head,
    /// It is complete, and asks for a WebSocket connection.
    Upgrade(ClientKey),
    /// It is complete, and does not; why not.
    Plain(HandshakeError),
    /// 101 is in the output.
    Accepted,
    /// The caller's response is in the output.
    Answered,
    /// So is ours, if there is one for that error.
    Failed(HandshakeError),
}

impl<S: Storage> ServerHandshake<S> {
    /// A handshake that collects the head in `storage`, which is cleared first.
    pub fn new(mut storage: S, limits: Limits) -> Self {
        storage.clear();
        Self {
            storage,
            limits,
            head: HeadScanner::new(Kind::Request),
            phase: Phase::Head,
            timer: Timer::default(),
        }
    }

    /// Reads the request. `Some` once it is there, and again in every call until it is answered.
    ///
    /// Consumes the request and nothing behind it; once the request has been refused, by this or
    /// by the caller, whatever comes. While `out` has less room than
    /// [`MAX_REFUSAL`] it does nothing.
    ///
    /// # Errors
    ///
    /// [`HandshakeError`], the same for ever; the refusal is in `out`, the transport is to be
    /// closed. A request for anything but a WebSocket connection is refused too; see
    /// [`receive_any`](Self::receive_any).
    pub fn receive<O: Output + ?Sized>(
        &mut self,
        input: &mut Input<'_>,
        out: &mut O,
    ) -> Result<Option<Upgrade<'_>>, HandshakeError> {
        self.advance(input, out)?;
        match self.phase {
            Phase::Upgrade(_) => Ok(self.upgrade()),
            Phase::Plain(error) if out.room() >= MAX_REFUSAL => {
                input.take(input.len());
                Err(self.refuse(error, out))
            }
            _ => Ok(None),
        }
    }

    /// As [`receive`](Self::receive), for a server that answers other requests of HTTP on the same
    /// port.
    ///
    /// # Errors
    ///
    /// As `receive`, but for requests that do not name `websocket` in `Upgrade`, or are of
    /// HTTP/1.0, where `Upgrade` has no meaning (RFC 9110 7.8).
    pub fn receive_any<O: Output + ?Sized>(
        &mut self,
        input: &mut Input<'_>,
        out: &mut O,
    ) -> Result<Option<Incoming<'_>>, HandshakeError> {
        self.advance(input, out)?;
        Ok(match self.phase {
            Phase::Upgrade(_) => self.upgrade().map(Incoming::Upgrade),
            Phase::Plain(_) => {
                let request = Request::of(self.storage.bytes());
                Some(Incoming::Plain(PlainRequest::new(request, &mut self.phase)))
            }
            _ => None,
        })
    }

    /// The request that [`receive`](Self::receive) has found, until it is answered.
    pub fn upgrade(&mut self) -> Option<Upgrade<'_>> {
        match self.phase {
            Phase::Upgrade(key) => Some(Upgrade::new(
                Request::of(self.storage.bytes()),
                key,
                &mut self.phase,
            )),
            _ => None,
        }
    }

    /// The transport has ended: nothing more comes from the client.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::UnexpectedEof`] if that is before the end of the request; the error of
    /// before if the handshake has failed.
    pub fn receive_eof(&mut self) -> Result<(), HandshakeError> {
        match self.phase {
            Phase::Head => {
                self.phase = Phase::Failed(HandshakeError::UnexpectedEof);
                Err(HandshakeError::UnexpectedEof)
            }
            Phase::Failed(error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Tells the time. Returns when to call again at the latest; `None` once the request is there.
    ///
    /// [`Limits::time`] starts with the first call.
    ///
    /// # Errors
    ///
    /// [`TimedOut::Handshake`], for ever, if the request is not there in time. A response with
    /// status 408 is in `out` if there was room.
    pub fn tick<O: Output + ?Sized>(
        &mut self,
        now: Instant,
        out: &mut O,
    ) -> Result<Option<Instant>, TimedOut> {
        if self.timer.expired() {
            return Err(TimedOut::Handshake);
        }
        let Phase::Head = self.phase else {
            return Ok(None);
        };
        let deadline = self.timer.tick(now, self.limits.time);
        if deadline.is_err() {
            self.refuse(HandshakeError::TimedOut, out);
        }
        deadline.map(Some)
    }

    /// What the driver owes the transport: [`Close`](Transport::Close) once the request has been
    /// refused or answered as a plain one, [`Abort`](Transport::Abort) when it took too long.
    pub fn transport(&self) -> Transport {
        match self.phase {
            Phase::Head | Phase::Upgrade(_) | Phase::Plain(_) | Phase::Accepted => Transport::Open,
            Phase::Failed(HandshakeError::TimedOut) => Transport::Abort,
            Phase::Answered | Phase::Failed(_) => Transport::Close,
        }
    }

    /// Gives the storage back, with the request's head in it.
    pub fn into_storage(self) -> S {
        self.storage
    }

    fn advance<O: Output + ?Sized>(
        &mut self,
        input: &mut Input<'_>,
        out: &mut O,
    ) -> Result<(), HandshakeError> {
        match self.phase {
            Phase::Head if out.room() < MAX_REFUSAL => Ok(()),
            Phase::Head => match self.read(input) {
                Ok(Some(phase)) => {
                    self.phase = phase;
                    Ok(())
                }
                Ok(None) => Ok(()),
                Err(error) => {
                    input.take(input.len());
                    Err(self.refuse(error, out))
                }
            },
            Phase::Upgrade(_) | Phase::Plain(_) | Phase::Accepted => Ok(()),
            Phase::Answered => {
                input.take(input.len());
                Ok(())
            }
            Phase::Failed(error) => {
                input.take(input.len());
                Err(error)
            }
        }
    }

    fn read(&mut self, input: &mut Input<'_>) -> Result<Option<Phase>, HandshakeError> {
        if let Some(phase) = self.read_at_once(input) {
            return phase.map(Some);
        }
        if !self.head.receive(input, &mut self.storage, &self.limits)? {
            return Ok(None);
        }
        let mut fields = Fields::default();
        let parsed = parse::request(self.storage.bytes(), |name, value| fields.add(name, value))?;
        judge(&parsed, &fields).map(Some)
    }

    /// Most requests come in one read and have nothing odd about them: these are parsed where they
    /// are. `None`, and nothing has happened, for any other.
    fn read_at_once(&mut self, input: &mut Input<'_>) -> Option<Result<Phase, HandshakeError>> {
        if !self.head.is_at_start() {
            return None;
        }
        let mut fields = Fields::default();
        let bytes = input.bytes();
        let bytes = bytes.get(..self.limits.head_bytes).unwrap_or(bytes);
        let parsed = parse::request(bytes, |name, value| fields.add(name, value)).ok()?;
        if parsed.lines > self.limits.lines {
            return None;
        }
        self.storage.store(bytes.get(..parsed.bytes)?).ok()?;
        let phase = judge(&parsed, &fields);
        input.take(parsed.bytes);
        Some(phase)
    }

    fn refuse<O: Output + ?Sized>(&mut self, error: HandshakeError, out: &mut O) -> HandshakeError {
        let to_head = self.storage.bytes().starts_with(b"HEAD ");
        // Without room the refusal is left out: that is a time limit's, or the caller's sink has
        // shrunk meanwhile.
        let _ = response::refuse(error, to_head, out);
        self.phase = Phase::Failed(error);
        error
    }
}

/// What a complete head leads to.
fn judge(parsed: &Parsed<Request<'_>>, fields: &Fields<'_>) -> Result<Phase, HandshakeError> {
    let request = &parsed.first_line;
    if parsed.minor_version == 0 {
        check::old_http(request, fields)?;
        return Ok(Phase::Plain(HandshakeError::HttpVersion));
    }
    check::http(request, fields)?;
    match check::upgrade(request, fields) {
        Ok(key) => Ok(Phase::Upgrade(key)),
        Err(error) if !fields.asks_for_websocket() => Ok(Phase::Plain(error)),
        Err(error) => Err(error),
    }
}

/// Leaves out what was received: it can have secrets.
impl<S> fmt::Debug for ServerHandshake<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandshake")
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}
