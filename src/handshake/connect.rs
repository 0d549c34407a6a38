//! The client's side of the opening handshake on a stream of HTTP/2 or HTTP/3 (RFC 8441, RFC 9220).

use core::fmt;

use super::answer::{Answer, AnswerState};
use super::error::{HandshakeError, HeadError};
use super::established::{self, Established, Refusal};
use super::headers::Headers;
use super::limits::Limits;
use super::negotiated::Negotiated;
use super::offered::Offered;
use super::request::ClientRequest;
use super::{connect_check, connect_fields, syntax};
use crate::buf::{Input, Storage};
use crate::error::{CapacityError, TimedOut};
use crate::time::Instant;
use crate::transport::Transport;

/// The server's consent to Extended CONNECT: without its setting `SETTINGS_ENABLE_CONNECT_PROTOCOL` a client must not
/// use it (RFC 8441 3).
///
/// ```
/// use ws_proto::handshake::ConnectEnabled;
///
/// assert_eq!(ConnectEnabled::SETTING, 0x08);
/// assert!(ConnectEnabled::from_setting(1).is_some());
/// assert!(ConnectEnabled::from_setting(0).is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectEnabled(());

impl ConnectEnabled {
    /// The identifier of the setting, in HTTP/2 and in HTTP/3 (RFC 8441 9.1, RFC 9220 5). A server sends 1 to
    /// get such requests.
    pub const SETTING: u64 = 0x08;

    /// `Some` if the server has sent this setting with the value 1. Without the setting its value is 0. Any other
    /// value is an error of the HTTP connection (RFC 8441 3).
    #[must_use]
    pub const fn from_setting(value: u64) -> Option<Self> {
        match value {
            1 => Some(Self(())),
            _ => None,
        }
    }
}

/// Requests a WebSocket connection from a server on a stream of HTTP/2 or HTTP/3, and checks the answer.
///
/// The HTTP stack sends the fields of the request and reads the head of the answer. As
/// [`ClientHandshake`](super::ClientHandshake), this borrows nothing, and keeps the offer and the answer in
/// a [`Storage`] that the caller provides. Subprotocols, extensions and refusals are checked as there.
///
/// The [module's page](super#over-http2-and-http3) has both sides.
///
/// ```
/// use ws_proto::Uri;
/// use ws_proto::handshake::{ClientConnect, ClientRequest, ConnectEnabled, HandshakeError, Limits};
///
/// let enabled = ConnectEnabled::from_setting(1).expect("the server takes no WebSocket connections");
/// let request = ClientRequest::from_uri(Uri::parse("wss://example.com/chat")?)
///     .headers(&[("Authorization", b"Bearer abc")]);
/// let mut head = Vec::new();
/// let mut handshake =
///     ClientConnect::start(request, enabled, Vec::new(), Limits::new(), |name, value| {
///         head.push((name.to_owned(), value.to_vec()));
///     })?;
/// assert_eq!(head[0], (":method".to_owned(), b"CONNECT".to_vec()));
/// assert_eq!(head[6], ("authorization".to_owned(), b"Bearer abc".to_vec()));
///
/// // Send `head` without END_STREAM. The stack has received this answer:
/// let refused = handshake.receive_head(401, &[("www-authenticate", b"Bearer")]).map(|_| ());
/// assert_eq!(refused, Ok(())); // its body is to come
/// assert_eq!(handshake.receive_eof(), Err(HandshakeError::Refused { status: 401 }));
/// let refusal = handshake.refusal().expect("a response");
/// assert_eq!(refusal.headers().get("WWW-Authenticate"), Some(&b"Bearer"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ClientConnect<S> {
    answer: Answer<Offered, S>,
    /// That of the last head.
    status: u16,
    /// How many bytes the heads have taken, skipped ones too.
    head_bytes: usize,
}

impl<S: Storage> ClientConnect<S> {
    /// Passes the fields of the request to `field`, one by one: pseudo-header fields first, then header fields
    /// with names in lower case. Send them as the head of a stream that stays open.
    ///
    /// `storage` is cleared; it keeps the offer, and the answer is collected after it. It also holds host,
    /// target and a name of a field for a moment.
    ///
    /// # Errors
    ///
    /// [`HeadError`] for what cannot be sent; [`HeadError::SchemeMissing`] for a request that is made of parts
    /// and does not say whether it is [secure](ClientRequest::secure); [`HeadError::StorageFull`] if `storage` has
    /// too little room. `field` has not been called then, unless a storage of the caller's own has less room than
    /// a moment before.
    pub fn start(
        request: ClientRequest<'_>,
        enabled: ConnectEnabled,
        mut storage: S,
        limits: Limits,
        field: impl FnMut(&str, &[u8]),
    ) -> Result<Self, HeadError> {
        // Only a value of this type says that the server takes such a request.
        let ConnectEnabled(()) = enabled;
        let offered = connect_fields::start(&request, &mut storage, field)?;
        Ok(Self {
            answer: Answer::new(offered, storage, limits),
            status: 0,
            head_bytes: 0,
        })
    }

    /// Takes the head of a response: `:status` and the header fields. `Some` if the server has accepted, with any
    /// status 2xx. `None` says that it has not answered yet (1xx), or has refused and its body is to come:
    /// pass that to [`receive`](Self::receive), or its end to [`receive_eof`](Self::receive_eof).
    ///
    /// Trailers are not a head: do not pass them.
    ///
    /// # Errors
    ///
    /// [`HandshakeError`], the same from then on; the stream has to be ended, see
    /// [`transport`](Self::transport). [`HandshakeError::Refused`] for a refusal without a body.
    pub fn receive_head(
        &mut self,
        status: u16,
        headers: &[(&str, &[u8])],
    ) -> Result<Option<Established<'_>>, HandshakeError> {
        if let AnswerState::Head = self.answer.state {
            self.status = status;
            let state = self.check(status, &Headers::from_slice(headers));
            self.answer.state = state.unwrap_or_else(AnswerState::Failed);
        }
        self.established(&mut Input::default())
    }

    /// Takes DATA of the stream. `Some` once the connection is established: then no input is consumed, it is for
    /// the connection. `None` says that all input was consumed.
    ///
    /// # Errors
    ///
    /// [`HandshakeError`], the same from then on; all input is consumed and dropped. [`HandshakeError::Refused`]
    /// is returned when the body of the refusal has ended, or [`Limits::body_bytes`] of it were read.
    ///
    /// ```
    /// use ws_proto::Input;
    /// use ws_proto::handshake::{ClientConnect, ClientRequest, ConnectEnabled, HandshakeError, Limits};
    ///
    /// let enabled = ConnectEnabled::from_setting(1).expect("the setting was 1");
    /// let request = ClientRequest::new("example.com", "/").secure(true);
    /// let mut handshake =
    ///     ClientConnect::start(request, enabled, Vec::new(), Limits::new(), |_, _| {})?;
    /// assert!(handshake.receive_head(403, &[("content-length", b"4")])?.is_none());
    /// let mut data = *b"no!\n";
    /// let refused = handshake.receive(&mut Input::new(&mut data)).map(|_| ());
    /// assert_eq!(refused, Err(HandshakeError::Refused { status: 403 }));
    /// assert_eq!(handshake.refusal().map(|refusal| refusal.body()), Some(&b"no!\n"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn receive(
        &mut self,
        input: &mut Input<'_>,
    ) -> Result<Option<Established<'_>>, HandshakeError> {
        if let (AnswerState::Head, false) = (self.answer.state, input.is_empty()) {
            self.answer.state = AnswerState::Failed(HandshakeError::StatusInvalid);
        }
        self.established(input)
    }

    /// Reports the end of the stream: END_STREAM, or a reset. The server sends nothing more.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::NothingReceived`] if there is no answer;
    /// [`HandshakeError::Refused`] if it ends the body of a refusal; the same error again if the
    /// handshake has failed.
    pub fn receive_eof(&mut self) -> Result<(), HandshakeError> {
        self.answer.receive_eof(HandshakeError::NothingReceived)
    }

    /// As [`ClientHandshake::tick`](super::ClientHandshake::tick).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// ```
    /// use core::time::Duration;
    /// use ws_proto::handshake::{ClientConnect, ClientRequest, ConnectEnabled, Limits};
    /// use ws_proto::{Instant, TimedOut, Transport};
    ///
    /// let enabled = ConnectEnabled::from_setting(1).expect("the setting was 1");
    /// let request = ClientRequest::new("example.com", "/").secure(true);
    /// let limits = Limits::new().time(Duration::from_secs(5));
    /// let mut handshake = ClientConnect::start(request, enabled, Vec::new(), limits, |_, _| {})?;
    /// let at = Instant::from_millis;
    /// assert_eq!(handshake.tick(at(0)), Ok(Some(at(5000))));
    /// assert_eq!(handshake.tick(at(5000)), Err(TimedOut::Handshake));
    /// assert_eq!(handshake.transport(), Transport::Abort); // reset the stream
    /// let storage = handshake.into_storage(); // for another attempt
    /// # let _ = storage;
    /// # Ok::<(), ws_proto::handshake::HeadError>(())
    /// ```
    pub fn tick(&mut self, now: Instant) -> Result<Option<Instant>, TimedOut> {
        self.answer.tick(now)
    }

    /// As [`ClientHandshake::refusal`](super::ClientHandshake::refusal).
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal<'_>> {
        self.answer.refusal()
    }

    /// The next step with the stream: [`Close`](Transport::Close) once the handshake
    /// has failed, [`Abort`](Transport::Abort) when it took too long.
    #[must_use]
    pub const fn transport(&self) -> Transport {
        self.answer.transport()
    }

    /// Returns the storage. Its content has no meaning any more.
    #[must_use]
    pub fn into_storage(self) -> S {
        self.answer.storage
    }

    fn established(
        &mut self,
        input: &mut Input<'_>,
    ) -> Result<Option<Established<'_>>, HandshakeError> {
        let negotiated = self.answer.receive(input)?;
        let established =
            |negotiated| Established::new(self.status, self.answer.received(), negotiated);
        Ok(negotiated.map(established))
    }

    fn check(
        &mut self,
        status: u16,
        headers: &Headers<'_>,
    ) -> Result<AnswerState<Negotiated>, HandshakeError> {
        // 101 switches a connection of HTTP/1.1 (RFC 9113 8.6).
        if status == 101 || !(100..1000).contains(&status) {
            return Err(HandshakeError::StatusInvalid);
        }
        connect_check::fields(headers)?;
        self.count(headers)?;
        if let 100..=199 = status {
            self.answer.skip_informational()?;
            return Ok(AnswerState::Head);
        }
        self.store(headers)
            .map_err(|CapacityError| HandshakeError::HeadTooLarge)?;
        if let 200..=299 = status {
            let (offers, _) = self.answer.asked.split(self.answer.storage.bytes());
            return established::check_on_stream(headers, &offers).map(AnswerState::Granted);
        }
        Ok(self.answer.refused(status))
    }

    /// Checks that the fields can stand in a head of HTTP/1.1, as which they are stored, and counts that.
    fn count(&mut self, headers: &Headers<'_>) -> Result<(), HandshakeError> {
        let limits = &self.answer.limits;
        let mut lines = 1_usize;
        let mut bytes = self.head_bytes.saturating_add(NO_LINE.len() + END.len());
        for (name, value) in headers {
            if !syntax::is_token(name.as_bytes()) || !syntax::is_field_value(value) {
                return Err(HandshakeError::HeaderInvalid);
            }
            lines = lines.saturating_add(1);
            for part in [name.as_bytes(), COLON, value, END] {
                bytes = bytes.saturating_add(part.len());
            }
        }
        if lines > limits.lines {
            return Err(HandshakeError::TooManyLines);
        }
        if bytes > limits.head_bytes {
            return Err(HandshakeError::HeadTooLarge);
        }
        self.head_bytes = bytes;
        Ok(())
    }

    fn store(&mut self, headers: &Headers<'_>) -> Result<(), CapacityError> {
        let storage = &mut self.answer.storage;
        storage.store(NO_LINE)?;
        for (name, value) in headers {
            for part in [name.as_bytes(), COLON, value, END] {
                storage.store(part)?;
            }
        }
        storage.store(END)
    }
}

/// Leaves out received bytes: they can be secrets.
impl<S> fmt::Debug for ClientConnect<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConnect")
            .field("state", &self.answer.state)
            .finish_non_exhaustive()
    }
}

/// Stands where a head of HTTP/1.1 has its status line.
const NO_LINE: &[u8] = END;
const COLON: &[u8] = b": ";
const END: &[u8] = b"\r\n";
