//! The client's side of the opening handshake (RFC 6455 4.1).

use core::fmt;

use super::body::BodyReader;
use super::error::{HandshakeError, HeadError};
use super::established::{self, Established, Fields, Refusal};
use super::head::{HeadScanner, Kind};
use super::key::{self, AcceptKey};
use super::limits::Limits;
use super::negotiated::Negotiated;
use super::parse::{self, Parsed};
use super::request::ClientRequest;
use super::timer::Timer;
use crate::buf::{Input, Output, Storage};
use crate::error::TimedOut;
use crate::time::Instant;
use crate::transport::Transport;

/// Asks a server for a WebSocket connection and checks its answer.
///
/// The answer is collected in a [`Storage`] of the caller's, which is free again when the
/// handshake is done ([`into_storage`](Self::into_storage)). What was offered stays borrowed, the
/// answer is held against it.
///
/// ```
/// use ws_proto::Input;
/// use ws_proto::handshake::{ClientHandshake, ClientRequest, HandshakeError, Limits};
///
/// let mut out = Vec::new();
/// let request = ClientRequest::new("example.com", "/chat");
/// let nonce = [7; 16]; // random, in earnest
/// let mut handshake =
///     ClientHandshake::start(request, nonce, Vec::new(), Limits::new(), &mut out)?;
///
/// let mut read = *b"HTTP/1.1 301 Moved\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n";
/// let refused = handshake.receive(&mut Input::new(&mut read)).map(|_| ());
/// assert_eq!(refused, Err(HandshakeError::Refused { status: 301 }));
/// let refusal = handshake.refusal().expect("a response");
/// assert_eq!(refusal.headers().get("location"), Some(&b"/there"[..]));
/// # Ok::<(), ws_proto::handshake::HeadError>(())
/// ```
pub struct ClientHandshake<'r, S> {
    request: ClientRequest<'r>,
    accept: AcceptKey,
    storage: S,
    limits: Limits,
    head: HeadScanner,
    informational: u8,
    phase: Phase,
    timer: Timer,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// The head is not complete.
    Head,
    /// The head of a refusal is, its body is not.
    Body(Refused),
    /// All of a refusal that is kept is there.
    Refused(Refused),
    /// A 101 that fits is there.
    Established(Negotiated),
    Failed(HandshakeError),
}

/// A response with another status than 101; in the storage its body follows its head.
#[derive(Clone, Copy, Debug)]
struct Refused {
    status: u16,
    head: usize,
    body: BodyReader,
    complete: bool,
}

impl<'r, S: Storage> ClientHandshake<'r, S> {
    /// Writes the request. The answer is collected in `storage`, which is cleared first.
    ///
    /// `nonce` has to be random, and a new one for every handshake (RFC 6455 4.1).
    ///
    /// # Errors
    ///
    /// [`HeadError`] for what cannot be sent. Nothing is written then.
    pub fn start<O: Output + ?Sized>(
        request: ClientRequest<'r>,
        nonce: [u8; 16],
        mut storage: S,
        limits: Limits,
        out: &mut O,
    ) -> Result<Self, HeadError> {
        let key = key::encode_nonce(&nonce);
        request.write(&key, out)?;
        storage.clear();
        Ok(Self {
            request,
            accept: key::accept_key(&key),
            storage,
            limits,
            head: HeadScanner::new(Kind::Response),
            informational: 0,
            phase: Phase::Head,
            timer: Timer::default(),
        })
    }

    /// Reads the server's answer. `Some` once the connection is established, and again in every
    /// call from then on.
    ///
    /// Consumes the 101 and nothing behind it: frames can follow at once. Informational responses
    /// in front of it are skipped.
    ///
    /// # Errors
    ///
    /// [`HandshakeError`], the same for ever; input is discarded then and the transport is to be
    /// closed. [`HandshakeError::Refused`] comes when the body of the refusal has ended too, or
    /// [`Limits::body_bytes`] of it are there; see [`refusal`](Self::refusal).
    pub fn receive(
        &mut self,
        input: &mut Input<'_>,
    ) -> Result<Option<Established<'_>>, HandshakeError> {
        loop {
            match self.phase {
                Phase::Head => match self.read(input) {
                    Ok(Some(phase)) => self.phase = phase,
                    Ok(None) => return Ok(None),
                    Err(error) => self.phase = Phase::Failed(error),
                },
                Phase::Body(mut refused) => {
                    let ended = refused.body.receive(input, &mut self.storage);
                    refused.complete = refused.body.is_complete();
                    self.phase = if ended {
                        Phase::Refused(refused)
                    } else {
                        Phase::Body(refused)
                    };
                    if !ended {
                        return Ok(None);
                    }
                }
                Phase::Refused(Refused { status, .. }) => {
                    input.take(input.len());
                    return Err(HandshakeError::Refused { status });
                }
                Phase::Established(negotiated) => {
                    return Ok(Some(Established::new(self.storage.bytes(), negotiated)));
                }
                Phase::Failed(error) => {
                    input.take(input.len());
                    return Err(error);
                }
            }
        }
    }

    /// The transport has ended: nothing more comes from the server.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::UnexpectedEof`] if that is before the end of the answer's head;
    /// [`HandshakeError::Refused`] if it ends the body of a refusal; the error of before if the
    /// handshake has failed.
    pub fn receive_eof(&mut self) -> Result<(), HandshakeError> {
        match self.phase {
            Phase::Head => self.phase = Phase::Failed(HandshakeError::UnexpectedEof),
            Phase::Body(mut refused) => {
                refused.complete = refused.body.is_complete_at_eof();
                self.phase = Phase::Refused(refused);
            }
            _ => {}
        }
        match self.phase {
            Phase::Refused(Refused { status, .. }) => Err(HandshakeError::Refused { status }),
            Phase::Failed(error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Tells the time. Returns when to call again at the latest; `None` once the answer is there.
    ///
    /// [`Limits::time`] starts with the first call.
    ///
    /// # Errors
    ///
    /// [`TimedOut::Handshake`], for ever, if the answer is not there in time. If only the end of a
    /// refusal's body is missing, [`refusal`](Self::refusal) has what came.
    pub fn tick(&mut self, now: Instant) -> Result<Option<Instant>, TimedOut> {
        if self.timer.expired() {
            return Err(TimedOut::Handshake);
        }
        if !matches!(self.phase, Phase::Head | Phase::Body(_)) {
            return Ok(None);
        }
        let deadline = self.timer.tick(now, self.limits.time);
        if deadline.is_err() {
            self.phase = match self.phase {
                Phase::Body(refused) => Phase::Refused(refused),
                _ => Phase::Failed(HandshakeError::TimedOut),
            };
        }
        deadline.map(Some)
    }

    /// The response that refused the connection: from the end of its head on, thus its body can
    /// still be growing until [`HandshakeError::Refused`] is returned.
    ///
    /// Redirects are not followed and nobody logs in: that is for the caller (RFC 6455 4.1).
    pub fn refusal(&self) -> Option<Refusal<'_>> {
        match self.phase {
            Phase::Body(Refused {
                status,
                head,
                complete,
                ..
            })
            | Phase::Refused(Refused {
                status,
                head,
                complete,
                ..
            }) => Some(Refusal::new(self.storage.bytes(), head, status, complete)),
            _ => None,
        }
    }

    /// What the driver owes the transport: [`Close`](Transport::Close) once the handshake has
    /// failed, [`Abort`](Transport::Abort) when it took too long.
    pub const fn transport(&self) -> Transport {
        match self.phase {
            _ if self.timer.expired() => Transport::Abort,
            Phase::Head | Phase::Body(_) | Phase::Established(_) => Transport::Open,
            Phase::Refused(_) | Phase::Failed(_) => Transport::Close,
        }
    }

    /// Gives the storage back, with the answer in it.
    pub fn into_storage(self) -> S {
        self.storage
    }

    fn read(&mut self, input: &mut Input<'_>) -> Result<Option<Phase>, HandshakeError> {
        if let Some(phase) = self.read_at_once(input) {
            return phase.map(Some);
        }
        if !self.head.receive(input, &mut self.storage, &self.limits)? {
            return Ok(None);
        }
        let mut fields = Fields::default();
        let head = self.storage.bytes();
        let parsed = parse::response(head, |name, value| fields.add(name, value))?;
        if parsed.first_line == 101 {
            return self.switch(&parsed, &fields).map(Some);
        }
        self.judge(parsed.first_line).map(Some)
    }

    /// Most answers come in one read and have nothing odd about them: these are parsed where they
    /// are. `None`, and nothing has happened, for any other.
    fn read_at_once(&mut self, input: &mut Input<'_>) -> Option<Result<Phase, HandshakeError>> {
        if !self.head.is_at_start() {
            return None;
        }
        let mut fields = Fields::default();
        let bytes = input.bytes();
        let bytes = bytes.get(..self.limits.head_bytes).unwrap_or(bytes);
        let parsed = parse::response(bytes, |name, value| fields.add(name, value)).ok()?;
        if parsed.first_line != 101 || parsed.lines > self.limits.lines {
            return None;
        }
        self.storage.store(bytes.get(..parsed.bytes)?).ok()?;
        let phase = self.switch(&parsed, &fields);
        input.take(parsed.bytes);
        Some(phase)
    }

    /// What a 101 leads to.
    fn switch(&self, parsed: &Parsed<u16>, fields: &Fields<'_>) -> Result<Phase, HandshakeError> {
        let headers = parse::StatusLine::of(self.storage.bytes()).headers;
        established::check(
            parsed.minor_version,
            fields,
            &headers,
            &self.accept,
            &self.request,
        )
        .map(Phase::Established)
    }

    /// What another complete head leads to.
    fn judge(&mut self, status: u16) -> Result<Phase, HandshakeError> {
        let head = self.storage.bytes();
        match status {
            100..=199 => {
                if self.informational >= self.limits.informational {
                    return Err(HandshakeError::TooManyInformational);
                }
                self.informational += 1;
                self.storage.clear();
                self.head = HeadScanner::new(Kind::Response);
                Ok(Phase::Head)
            }
            _ => {
                let headers = parse::StatusLine::of(head).headers;
                let body = BodyReader::new(status, &headers, self.limits.body_bytes);
                let complete = body.is_complete();
                Ok(Phase::Body(Refused {
                    status,
                    head: head.len(),
                    body,
                    complete,
                }))
            }
        }
    }
}

/// Leaves out what was received: it can have secrets.
impl<S> fmt::Debug for ClientHandshake<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientHandshake")
            .field("request", &self.request)
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}
