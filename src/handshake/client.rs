//! The client's side of the opening handshake (RFC 6455 4.1).

use core::fmt;

use super::body::BodyReader;
use super::error::{HandshakeError, HeadError};
use super::established::{self, Established, Refusal, ResponseFields};
use super::head_scanner::{HeadKind, HeadScanner};
use super::key;
use super::limits::Limits;
use super::negotiated::Negotiated;
use super::offered::Offered;
use super::parse::{self, Parsed};
use super::request::ClientRequest;
use super::time_limit::TimeLimit;
use crate::buf::{Input, Output, Storage};
use crate::error::TimedOut;
use crate::time::Instant;
use crate::transport::Transport;

/// Requests a WebSocket connection from a server and checks the answer.
///
/// It borrows nothing, so that a table of connections can keep many of them. It stores the offered
/// subprotocols and extensions at the front of a [`Storage`] that the caller provides, and collects
/// the answer after them. When the handshake is done, the storage can be used again
/// ([`into_storage`](Self::into_storage)).
///
/// ```
/// use ws_proto::Input;
/// use ws_proto::handshake::{ClientHandshake, ClientRequest, HandshakeError, Limits};
///
/// let mut out = Vec::new();
/// let request = ClientRequest::new("example.com", "/chat");
/// let nonce = [7; 16]; // use 16 random bytes
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
pub struct ClientHandshake<S> {
    offered: Offered,
    storage: S,
    limits: Limits,
    head: HeadScanner,
    informational: u8,
    state: ClientState,
    timer: TimeLimit,
}

#[derive(Clone, Copy, Debug)]
enum ClientState {
    /// The head is not complete.
    Head,
    /// The head of a refusal is complete, its body is not.
    Body(RefusalState),
    /// The refusal is complete, or as much of it as the limits allow.
    Refused(RefusalState),
    /// The server has accepted.
    Established(Negotiated),
    Failed(HandshakeError),
}

/// A response with another status than 101. Its body follows its head in the storage.
#[derive(Clone, Copy, Debug)]
struct RefusalState {
    status: u16,
    head: usize,
    body: BodyReader,
    complete: bool,
}

impl<S: Storage> ClientHandshake<S> {
    /// Writes the request. `storage` is cleared; it keeps what is offered, and the answer is
    /// collected after it.
    ///
    /// `nonce` has to be 16 random bytes, new for every handshake (RFC 6455 4.1).
    ///
    /// # Errors
    ///
    /// [`HeadError`] for what cannot be sent, [`HeadError::StorageFull`] if `storage` has no room
    /// for what is offered, [`HeadError::OutputFull`] if `out` has none for the request. Nothing is
    /// written then.
    pub fn start<O: Output + ?Sized>(
        request: ClientRequest<'_>,
        nonce: [u8; 16],
        mut storage: S,
        limits: Limits,
        out: &mut O,
    ) -> Result<Self, HeadError> {
        let key = key::encode_nonce(&nonce);
        let offered = Offered::store(&request, &key, &mut storage)?;
        request.write(&key, offered.lists(storage.bytes()), out)?;
        Ok(Self {
            offered,
            storage,
            limits,
            head: HeadScanner::new(HeadKind::Response),
            informational: 0,
            state: ClientState::Head,
            timer: TimeLimit::default(),
        })
    }

    /// Reads the server's answer. `Some` once the connection is established, and again in every
    /// call from then on. `None` says that all input was consumed: read more.
    ///
    /// Consumes the 101 and nothing after it: a server can send its first frames at once, and they
    /// stay in `input` for the connection. Informational responses before it are skipped.
    ///
    /// # Errors
    ///
    /// [`HandshakeError`], the same from then on; all input is consumed and dropped, and the
    /// transport has to be closed. [`HandshakeError::Refused`] is returned when the body of the
    /// refusal has ended, or [`Limits::body_bytes`] of it were read; see
    /// [`refusal`](Self::refusal).
    pub fn receive(
        &mut self,
        input: &mut Input<'_>,
    ) -> Result<Option<Established<'_>>, HandshakeError> {
        loop {
            match self.state {
                ClientState::Head => match self.read(input) {
                    Ok(Some(state)) => self.state = state,
                    Ok(None) => return Ok(None),
                    Err(error) => self.state = ClientState::Failed(error),
                },
                ClientState::Body(mut refused) => {
                    let ended = refused.body.receive(input, &mut self.storage);
                    refused.complete = refused.body.is_complete();
                    self.state = if ended {
                        ClientState::Refused(refused)
                    } else {
                        ClientState::Body(refused)
                    };
                    if !ended {
                        return Ok(None);
                    }
                }
                ClientState::Refused(RefusalState { status, .. }) => {
                    input.take(input.len());
                    return Err(HandshakeError::Refused { status });
                }
                ClientState::Established(negotiated) => {
                    let (_, head) = self.offered.split(self.storage.bytes());
                    return Ok(Some(Established::new(head, negotiated)));
                }
                ClientState::Failed(error) => {
                    input.take(input.len());
                    return Err(error);
                }
            }
        }
    }

    /// Reports the end of the transport: the server sends nothing more.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::NothingReceived`] if the server has sent nothing;
    /// [`HandshakeError::UnexpectedEof`] if that is before the end of the answer's head;
    /// [`HandshakeError::Refused`] if it ends the body of a refusal; the same error again if the
    /// handshake has failed.
    pub fn receive_eof(&mut self) -> Result<(), HandshakeError> {
        match self.state {
            ClientState::Head => self.state = ClientState::Failed(self.head.eof()),
            ClientState::Body(mut refused) => {
                refused.complete = refused.body.is_complete_at_eof();
                self.state = ClientState::Refused(refused);
            }
            _ => {}
        }
        match self.state {
            ClientState::Refused(RefusalState { status, .. }) => {
                Err(HandshakeError::Refused { status })
            }
            ClientState::Failed(error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Reports the time. Returns when to call again at the latest; `None` if no limit of time runs
    /// any more: the connection is established.
    ///
    /// [`Limits::time`] starts with the first call, [`Limits::drain`] with the first call in
    /// [`Transport::Close`]. A driver that goes on calling until it has closed the transport needs no
    /// limit of its own.
    ///
    /// # Errors
    ///
    /// From then on, and [`transport`](Self::transport) says [`Abort`](Transport::Abort):
    ///
    /// - [`TimedOut::Handshake`] if the answer is not complete in time. If only the end of a refusal's
    ///   body is missing, [`refusal`](Self::refusal) has the received part.
    /// - [`TimedOut::Drain`] if the server did not end its side in time after the handshake had failed.
    pub fn tick(&mut self, now: Instant) -> Result<Option<Instant>, TimedOut> {
        if let Some(expired) = self.timer.expired() {
            return Err(expired);
        }
        match self.state {
            ClientState::Head | ClientState::Body(_) => {}
            ClientState::Established(_) => return Ok(None),
            ClientState::Refused(_) | ClientState::Failed(_) => {
                return self.timer.tick(now, TimedOut::Drain, self.limits.drain);
            }
        }
        let deadline = self.timer.tick(now, TimedOut::Handshake, self.limits.time);
        if deadline.is_err() {
            self.state = match self.state {
                ClientState::Body(refused) => ClientState::Refused(refused),
                _ => ClientState::Failed(HandshakeError::TimedOut),
            };
        }
        deadline
    }

    /// The response that refused the connection. It is available once its head is complete; its
    /// body can grow until [`HandshakeError::Refused`] is returned.
    ///
    /// The caller decides whether to follow a redirect or to authenticate (RFC 6455 4.1).
    pub fn refusal(&self) -> Option<Refusal<'_>> {
        match self.state {
            ClientState::Body(RefusalState {
                status,
                head,
                complete,
                ..
            })
            | ClientState::Refused(RefusalState {
                status,
                head,
                complete,
                ..
            }) => {
                let (_, received) = self.offered.split(self.storage.bytes());
                Some(Refusal::new(received, head, status, complete))
            }
            _ => None,
        }
    }

    /// What the driver has to do with the transport: [`Close`](Transport::Close) once the handshake
    /// has failed, [`Abort`](Transport::Abort) when it took too long.
    pub const fn transport(&self) -> Transport {
        match self.state {
            _ if self.timer.expired().is_some() => Transport::Abort,
            ClientState::Head | ClientState::Body(_) | ClientState::Established(_) => {
                Transport::Open
            }
            ClientState::Refused(_) | ClientState::Failed(_) => Transport::Close,
        }
    }

    /// Returns the storage. Its content has no meaning any more.
    pub fn into_storage(self) -> S {
        self.storage
    }

    fn read(&mut self, input: &mut Input<'_>) -> Result<Option<ClientState>, HandshakeError> {
        if let Some(state) = self.read_at_once(input) {
            return state.map(Some);
        }
        if !self.head.receive(input, &mut self.storage, &self.limits)? {
            return Ok(None);
        }
        let mut fields = ResponseFields::default();
        let (_, head) = self.offered.split(self.storage.bytes());
        let parsed = parse::response(head, |name, value| fields.add(name, value))?;
        if parsed.first_line == 101 {
            return self.check_switch(&parsed, &fields).map(Some);
        }
        let (status, len) = (parsed.first_line, head.len());
        self.continue_after(status, len).map(Some)
    }

    /// Parses an answer that came in one read where it lies, without the scan (row
    /// `handshake/client` of the benchmarks). Most answers do. Returns `None`, and changes nothing,
    /// for any other.
    fn read_at_once(
        &mut self,
        input: &mut Input<'_>,
    ) -> Option<Result<ClientState, HandshakeError>> {
        if !self.head.is_at_start() {
            return None;
        }
        let mut fields = ResponseFields::default();
        let bytes = input.bytes();
        let bytes = bytes.get(..self.head.room(&self.limits)).unwrap_or(bytes);
        let parsed = parse::response(bytes, |name, value| fields.add(name, value)).ok()?;
        if parsed.first_line != 101 || parsed.lines > self.limits.lines {
            return None;
        }
        self.storage.store(bytes.get(..parsed.bytes)?).ok()?;
        let state = self.check_switch(&parsed, &fields);
        input.take(parsed.bytes);
        Some(state)
    }

    /// Checks a 101.
    fn check_switch(
        &self,
        parsed: &Parsed<u16>,
        fields: &ResponseFields<'_>,
    ) -> Result<ClientState, HandshakeError> {
        let (offers, head) = self.offered.split(self.storage.bytes());
        let headers = parse::ResponseHead::of(head).headers;
        established::check(parsed.minor_version, fields, &headers, &offers)
            .map(ClientState::Established)
    }

    /// Continues after the complete head, of `len` bytes, of another response than a 101.
    fn continue_after(&mut self, status: u16, len: usize) -> Result<ClientState, HandshakeError> {
        match status {
            100..=199 => {
                if self.informational >= self.limits.informational {
                    return Err(HandshakeError::TooManyInformational);
                }
                self.informational += 1;
                self.storage.truncate(self.offered.len());
                self.head = self.head.next();
                Ok(ClientState::Head)
            }
            _ => {
                let (_, head) = self.offered.split(self.storage.bytes());
                let headers = parse::ResponseHead::of(head).headers;
                let body = BodyReader::new(status, &headers, self.limits.body_bytes);
                let complete = body.is_complete();
                Ok(ClientState::Body(RefusalState {
                    status,
                    head: len,
                    body,
                    complete,
                }))
            }
        }
    }
}

/// Leaves out received bytes: they can be secrets.
impl<S> fmt::Debug for ClientHandshake<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientHandshake")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
