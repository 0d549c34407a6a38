//! The client's side of the opening handshake (RFC 6455 4.1).

use core::fmt;

use super::answer::Asked;
use super::error::{HandshakeError, HeadError};
use super::established::{self, Established, Refusal, ResponseFields};
use super::exchange::{Exchange, Grant};
use super::key;
use super::limits::Limits;
use super::negotiated::Negotiated;
use super::offered::Offered;
use super::parse;
use super::request::ClientRequest;
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
pub struct ClientHandshake<S>(Exchange<Offered, S>);

impl<S: Storage> ClientHandshake<S> {
    /// Writes the request. `storage` is cleared; it keeps the offer, and the answer is
    /// collected after it.
    ///
    /// `nonce` has to be 16 random bytes, new for every handshake (RFC 6455 4.1).
    ///
    /// # Errors
    ///
    /// [`HeadError`] for what cannot be sent, [`HeadError::StorageFull`] if `storage` has no room
    /// for the offer, [`HeadError::OutputFull`] if `out` has none for the request. Nothing is
    /// written then.
    pub fn start<O: Output + ?Sized>(
        request: ClientRequest<'_>,
        nonce: [u8; 16],
        mut storage: S,
        limits: Limits,
        out: &mut O,
    ) -> Result<Self, HeadError> {
        let key = key::encode_nonce(&nonce);
        let offered = Offered::store(&request, Some(key::accept_key(&key)), &mut storage)?;
        request.write(&key, offered.lists(storage.bytes()), out)?;
        Ok(Self(Exchange::new(offered, storage, limits)))
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
        Ok(self
            .0
            .receive(input)?
            .map(|negotiated| Established::new(101, self.0.answer(), negotiated)))
    }

    /// Reports the end of the transport: the server sends nothing more.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::NothingReceived`] if the server has sent nothing;
    /// [`HandshakeError::UnexpectedEof`] if that is before the end of the answer's head;
    /// [`HandshakeError::Refused`] if it ends the body of a refusal; the same error again if the
    /// handshake has failed.
    ///
    /// ```
    /// use ws_proto::handshake::{ClientHandshake, ClientRequest, HandshakeError, Limits};
    ///
    /// let request = ClientRequest::new("example.com", "/");
    /// let mut handshake =
    ///     ClientHandshake::start(request, [7; 16], Vec::new(), Limits::new(), &mut Vec::new())?;
    /// assert_eq!(handshake.receive_eof(), Err(HandshakeError::NothingReceived));
    /// # Ok::<(), ws_proto::handshake::HeadError>(())
    /// ```
    pub fn receive_eof(&mut self) -> Result<(), HandshakeError> {
        self.0.receive_eof()
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
    ///
    /// ```
    /// use core::time::Duration;
    /// use ws_proto::handshake::{ClientHandshake, ClientRequest, Limits};
    /// use ws_proto::{Instant, TimedOut, Transport};
    ///
    /// let request = ClientRequest::new("example.com", "/");
    /// let limits = Limits::new().time(Duration::from_secs(5));
    /// let mut handshake =
    ///     ClientHandshake::start(request, [7; 16], Vec::new(), limits, &mut Vec::new())?;
    /// let at = Instant::from_millis;
    /// assert_eq!(handshake.tick(at(1000)), Ok(Some(at(6000))));
    /// assert_eq!(handshake.tick(at(6000)), Err(TimedOut::Handshake));
    /// assert_eq!(handshake.transport(), Transport::Abort);
    /// let storage = handshake.into_storage(); // for another attempt
    /// # let _ = storage;
    /// # Ok::<(), ws_proto::handshake::HeadError>(())
    /// ```
    pub fn tick(&mut self, now: Instant) -> Result<Option<Instant>, TimedOut> {
        self.0.tick(now)
    }

    /// The response that refused the connection. It is available once its head is complete; its
    /// body can grow until [`HandshakeError::Refused`] is returned.
    ///
    /// The caller decides whether to follow a redirect or to authenticate (RFC 6455 4.1).
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal<'_>> {
        self.0.refusal()
    }

    /// The next step with the transport: [`Close`](Transport::Close) once the handshake
    /// has failed, [`Abort`](Transport::Abort) when it took too long.
    #[must_use]
    pub const fn transport(&self) -> Transport {
        self.0.transport()
    }

    /// Returns the storage. Its content has no meaning any more.
    #[must_use]
    pub fn into_storage(self) -> S {
        self.0.into_storage()
    }
}

impl Asked for Offered {
    type Granted = Negotiated;

    fn kept(&self) -> usize {
        self.len()
    }
}

impl Grant for Offered {
    type Fields<'h> = ResponseFields<'h>;

    fn can_grant(status: u16) -> bool {
        status == 101
    }

    fn collect<'h>(fields: &mut ResponseFields<'h>, name: &'h [u8], value: &'h [u8]) {
        fields.add(name, value);
    }

    fn check(
        &self,
        _: u16,
        stored: &[u8],
        minor_version: u8,
        fields: &ResponseFields<'_>,
    ) -> Result<Negotiated, HandshakeError> {
        let (offers, head) = self.split(stored);
        let headers = parse::ResponseHead::of(head).headers;
        established::check(minor_version, fields, &headers, &offers)
    }
}

/// Leaves out received bytes: they can be secrets.
impl<S> fmt::Debug for ClientHandshake<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientHandshake")
            .field("state", self.0.state())
            .finish_non_exhaustive()
    }
}
