use alloc::vec::Vec;
use core::fmt;

use super::acceptor::ELSEWHERE;
use super::{AcceptError, Acceptor, Opened, Options, Request};
use crate::buf::Input;
#[cfg(feature = "deflate")]
use crate::extension::deflate::{Deflate, DeflateElement};
use crate::handshake::{
    Accept, AnyRequest, HandshakeError, HeadError, PlainResponse, ServerHandshake,
};
use crate::time::Instant;
use crate::transport::Transport;

/// A server's handshake, without I/O: see [the steps](super).
///
/// ```
/// use ws_proto::opening::{Acceptor, Accepting, Options};
///
/// let mut wire = *b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
///     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
/// let mut accepting = Accepting::new(Options::new());
/// let mut read = &mut wire[..];
/// if let Some(request) = accepting.receive(&mut read)? {
///     assert_eq!(request.path(), "/chat");
///     let opened = accepting.decide(&request, &Acceptor::new())?;
///     assert!(accepting.pending().starts_with(b"HTTP/1.1 101 ")); // to write
///     let websocket = opened.server(); // `read` has the bytes after the request
///     # let _ = websocket;
/// }
/// # Ok::<(), ws_proto::opening::AcceptError>(())
/// ```
pub struct Accepting {
    handshake: ServerHandshake<Vec<u8>>,
    out: Vec<u8>,
    written: usize,
    options: Options,
}

impl Accepting {
    /// Waits for a request.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let limits = options.limits_within(options.get_handshake_time());
        Self {
            handshake: ServerHandshake::new(Vec::new(), limits),
            out: Vec::new(),
            written: 0,
            options,
        }
    }

    /// The bytes to write: the answer.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        self.out.get(self.written..).unwrap_or_default()
    }

    /// The first `n` of the pending bytes have been written.
    pub fn consume(&mut self, n: usize) {
        self.written = self.written.saturating_add(n).min(self.out.len());
    }

    /// Takes bytes that were read; `bytes` is then the rest of them. When the request is there, the rest is
    /// for the connection.
    ///
    /// # Errors
    ///
    /// [`AcceptError`]: the received bytes are no request, and the refusal is pending.
    pub fn receive(&mut self, bytes: &mut &mut [u8]) -> Result<Option<Request>, AcceptError> {
        let mut input = Input::new(core::mem::take(bytes));
        let received = self.handshake.receive_any(&mut input, &mut self.out);
        let request = received.map(|incoming| incoming.map(|incoming| Request::of(&incoming)));
        *bytes = input.into_bytes();
        Ok(request?)
    }

    /// The input has ended: there will be no request.
    ///
    /// ```
    /// use ws_proto::handshake::HandshakeError;
    /// use ws_proto::opening::{AcceptError, Accepting, Options};
    ///
    /// let error = Accepting::new(Options::new()).receive_eof();
    /// assert!(matches!(error, AcceptError::Handshake(HandshakeError::NothingReceived)));
    /// ```
    pub fn receive_eof(&mut self) -> AcceptError {
        let ended = self.handshake.receive_eof().err();
        ended.unwrap_or(HandshakeError::UnexpectedEof).into()
    }

    /// The request as the engine has it, while it waits for an answer.
    #[must_use]
    pub fn any_request(&mut self) -> Option<AnyRequest<'_>> {
        let mut nothing = Input::default();
        let received = self.handshake.receive_any(&mut nothing, &mut self.out);
        received.ok().flatten()
    }

    /// Sets the time; returns when to call again at the latest.
    ///
    /// # Errors
    ///
    /// [`AcceptError::TimedOut`] if the time is over; a 408 may be pending.
    pub fn tick(&mut self, now: Instant) -> Result<Option<Instant>, AcceptError> {
        Ok(self.handshake.tick(now, &mut self.out)?)
    }

    /// The next step with the transport: [`Transport::Close`] once the request was refused, or
    /// answered as a plain one.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.handshake.transport()
    }

    /// Answers as `acceptor` says.
    ///
    /// # Errors
    ///
    /// [`AcceptError`]: the refusal is pending.
    pub fn decide(
        &mut self,
        request: &Request,
        acceptor: &Acceptor<'_>,
    ) -> Result<Opened, AcceptError> {
        let is_elsewhere = acceptor.path.is_some_and(|path| path != request.path());
        if request.is_upgrade() && is_elsewhere {
            self.respond(&ELSEWHERE)?;
            return Err(AcceptError::Refused {
                status: ELSEWHERE.get_status(),
            });
        }
        let subprotocol = request.choose_subprotocol(acceptor.subprotocols);
        let accept = Accept::new()
            .maybe_subprotocol(subprotocol)
            .origins(acceptor.origins);
        #[cfg(feature = "deflate")]
        return self.accept_deflate(&accept, acceptor.deflate);
        #[cfg(not(feature = "deflate"))]
        self.accept(&accept)
    }

    /// Accepts: the 101 is pending.
    ///
    /// # Errors
    ///
    /// [`AcceptError::Head`] if `accept` is not possible, [`AcceptError::Handshake`] if the request was not
    /// for a WebSocket connection; a refusal is pending.
    ///
    /// ```
    /// use ws_proto::handshake::{Accept, AnyRequest};
    /// use ws_proto::opening::{Accepting, Options};
    ///
    /// let mut accepting = Accepting::new(Options::new());
    /// let mut read = *b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    ///     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    /// accepting.receive(&mut &mut read[..])?;
    /// assert!(matches!(accepting.any_request(), Some(AnyRequest::Upgrade(_))));
    /// let opened = accepting.accept(&Accept::new())?; // or `accept_deflate(&accept, Some(&deflate))`
    /// # let _ = opened;
    /// # Ok::<(), ws_proto::opening::AcceptError>(())
    /// ```
    pub fn accept(&mut self, accept: &Accept<'_>) -> Result<Opened, AcceptError> {
        let Some(incoming) = self.request_with_output() else {
            return Err(AcceptError::Head(HeadError::OutputFull));
        };
        let (incoming, out) = incoming;
        let accepted = match incoming {
            AnyRequest::Upgrade(upgrade) => upgrade.accept(accept, out),
            AnyRequest::Plain(plain) => return Err(AcceptError::Handshake(plain.refuse(out)?)),
        };
        match accepted {
            Ok(negotiated) => Ok(Opened::new(
                negotiated,
                self.options,
                accept.get_subprotocol(),
            )),
            Err(error) => {
                // As in `respond`.
                let _ = self.try_respond(&PlainResponse::new(500));
                Err(AcceptError::Head(error))
            }
        }
    }

    /// As [`accept`](Self::accept), with permessage-deflate if there is a `deflate` and the client offers
    /// it, in place of the extensions of `accept`.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept).
    ///
    /// ```
    /// use ws_proto::extension::deflate::Deflate;
    /// use ws_proto::handshake::Accept;
    /// use ws_proto::opening::{AcceptError, Accepting, Opened};
    ///
    /// fn accept(accepting: &mut Accepting, compress: bool) -> Result<Opened, AcceptError> {
    ///     let deflate = compress.then(Deflate::new);
    ///     accepting.accept_deflate(&Accept::new(), deflate.as_ref())
    /// }
    /// # let _ = accept;
    /// ```
    #[cfg(feature = "deflate")]
    pub fn accept_deflate(
        &mut self,
        accept: &Accept<'_>,
        deflate: Option<&Deflate>,
    ) -> Result<Opened, AcceptError> {
        let Some(deflate) = deflate else {
            return self.accept(accept);
        };
        let element = match self.any_request() {
            Some(AnyRequest::Upgrade(upgrade)) => deflate.accept(upgrade.extensions()),
            _ => None,
        };
        let extension = element.as_ref().map(DeflateElement::extension);
        let mut opened = self.accept(&accept.extensions(extension.as_slice()))?;
        opened.deflate = element.map(|element| (deflate.clone(), element.params()));
        Ok(opened)
    }

    /// Answers with another response: refuses, redirects, or serves a page. It is pending; then the
    /// transport is to be closed.
    ///
    /// # Errors
    ///
    /// [`HeadError`] if that cannot be sent: a 500 is pending in its place.
    ///
    /// ```
    /// use ws_proto::handshake::PlainResponse;
    /// use ws_proto::opening::{Accepting, Options};
    /// use ws_proto::{Instant, Transport};
    ///
    /// let mut accepting = Accepting::new(Options::new());
    /// accepting.tick(Instant::from_millis(0))?;
    /// let mut read = *b"GET /health HTTP/1.1\r\nHost: example.com\r\n\r\n";
    /// let request = accepting.receive(&mut &mut read[..])?.expect("it is whole");
    /// assert!(!request.is_upgrade());
    /// accepting.respond(&PlainResponse::text(200, "fine\n"))?;
    /// assert!(accepting.pending().ends_with(b"\r\n\r\nfine\n"));
    /// accepting.consume(accepting.pending().len()); // once it is written
    /// assert_eq!(accepting.transport(), Transport::Close);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn respond(&mut self, response: &PlainResponse<'_>) -> Result<(), HeadError> {
        let responded = self.try_respond(response);
        if responded.is_err() {
            // The client is owed an answer, whatever the caller got wrong.
            let _ = self.try_respond(&PlainResponse::new(500));
        }
        responded
    }

    fn try_respond(&mut self, response: &PlainResponse<'_>) -> Result<(), HeadError> {
        match self.request_with_output() {
            Some((AnyRequest::Upgrade(upgrade), out)) => upgrade.reject(response, out),
            Some((AnyRequest::Plain(plain), out)) => plain.respond(response, out),
            None => Err(HeadError::OutputFull),
        }
    }

    fn request_with_output(&mut self) -> Option<(AnyRequest<'_>, &mut Vec<u8>)> {
        // The request is there, so nothing is written.
        let mut nothing = Input::default();
        let received = self.handshake.receive_any(&mut nothing, &mut Vec::new());
        Some((received.ok().flatten()?, &mut self.out))
    }
}

/// Leaves out the answer: it can have secrets.
impl fmt::Debug for Accepting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepting")
            .field("handshake", &self.handshake)
            .field("pending", &self.pending().len())
            .finish_non_exhaustive()
    }
}
