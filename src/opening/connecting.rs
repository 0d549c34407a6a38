use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::{ConnectError, ConnectTimeout, Connector, Opened, Options, Response, Stage};
use crate::buf::Input;
#[cfg(feature = "deflate")]
use crate::extension::deflate::Deflate;
use crate::handshake::{ClientHandshake, HandshakeError, HeadError};
use crate::time::Instant;

/// A client's handshake, without I/O: see [the steps](super).
///
/// ```
/// use ws_proto::Instant;
/// use ws_proto::opening::{Connecting, Connector};
///
/// # fn write(bytes: &[u8]) -> usize { bytes.len() }
/// # fn read(buffer: &mut [u8]) -> usize {
/// #     let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
/// #         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81\x02hi";
/// #     buffer[..answer.len()].copy_from_slice(answer);
/// #     answer.len()
/// # }
/// let connector = Connector::new("ws://example.com/chat")?;
/// let nonce = *b"the sample nonce"; // from the operating system, in a program
/// let mut connecting = Connecting::start(&connector, nonce)?;
/// # let mut handshake = Vec::new();
/// while !connecting.pending().is_empty() {
///     # handshake.extend_from_slice(connecting.pending());
///     let n = write(connecting.pending());
///     connecting.consume(n);
/// }
/// connecting.tick(Instant::from_millis(0))?;
/// let mut buffer = [0; 4096];
/// let n = read(&mut buffer);
/// let mut rest = &mut buffer[..n];
/// if let Some((opened, response)) = connecting.receive(&mut rest)? {
///     assert_eq!(response.status(), 101);
///     let mut websocket = opened.client(|| [0; 4]); // keys from the operating system, in a program
///     websocket.read_buf(rest.len())[..rest.len()].copy_from_slice(rest);
///     websocket.advance(rest.len());
///     assert!(websocket.next_message()?.is_some());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Connecting {
    handshake: ClientHandshake<Vec<u8>>,
    out: Vec<u8>,
    written: usize,
    options: Options,
    /// How long it may take.
    time: Duration,
    #[cfg(feature = "deflate")]
    deflate: Option<Deflate>,
}

impl Connecting {
    /// Begins, with a nonce that nobody can guess (RFC 6455 4.1): the request is pending.
    ///
    /// # Errors
    ///
    /// [`HeadError`] if the request cannot be sent as it is.
    pub fn start(connector: &Connector, nonce: [u8; 16]) -> Result<Self, HeadError> {
        let time = connector.options.get_handshake_time();
        Self::start_within(connector, nonce, time)
    }

    /// As [`start`](Self::start), if it may take no more than `time`: the rest after a connection to
    /// the server was made.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_within(
        connector: &Connector,
        nonce: [u8; 16],
        time: Duration,
    ) -> Result<Self, HeadError> {
        let options = connector.options;
        let limits = options.limits_within(time);
        let mut out = Vec::new();
        let handshake = connector.with_offers(|request| {
            ClientHandshake::start(request, nonce, Vec::new(), limits, &mut out)
        })?;
        Ok(Self {
            handshake,
            out,
            written: 0,
            options,
            time,
            #[cfg(feature = "deflate")]
            deflate: connector.deflate.clone(),
        })
    }

    /// The bytes to write.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        self.out.get(self.written..).unwrap_or_default()
    }

    /// The first `n` of the pending bytes have been written.
    pub fn consume(&mut self, n: usize) {
        self.written = self.written.saturating_add(n).min(self.out.len());
    }

    /// Takes bytes that were read; `bytes` is then the rest of them. When the answer is there, the rest is
    /// for the connection.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]: there will be no connection.
    pub fn receive(
        &mut self,
        bytes: &mut &mut [u8],
    ) -> Result<Option<(Opened, Response)>, ConnectError> {
        let mut input = Input::new(core::mem::take(bytes));
        let received = match self.handshake.receive(&mut input) {
            Ok(Some(established)) => {
                let response = Response::established(&established);
                let subprotocol = established.subprotocol();
                #[cfg_attr(not(feature = "deflate"), expect(unused_mut))]
                let mut opened = Opened::new(established.negotiated(), self.options, subprotocol);
                #[cfg(feature = "deflate")]
                if let Some(deflate) = &self.deflate {
                    let params = deflate.answered(established.extensions())?;
                    opened.deflate = params.map(|params| (deflate.clone(), params));
                }
                Ok(Some((opened, response)))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        *bytes = input.into_bytes();
        received.map_err(|error| self.explain(error))
    }

    /// The input has ended: there will be no connection.
    pub fn receive_eof(&mut self) -> ConnectError {
        let ended = self.handshake.receive_eof().err();
        self.explain(ended.unwrap_or(HandshakeError::UnexpectedEof))
    }

    /// Sets the time; returns when to call again at the latest.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if the time is over.
    pub fn tick(&mut self, now: Instant) -> Result<Option<Instant>, ConnectError> {
        match self.handshake.tick(now) {
            Ok(deadline) => Ok(deadline),
            Err(_) => Err(self.explain(ConnectTimeout::new(Stage::Handshake, self.time))),
        }
    }

    /// What to report for `error`: a refusal of the server's that was read says more than the way in
    /// which the transport ended.
    ///
    /// ```
    /// use std::io::{Error, ErrorKind};
    /// use std::time::Duration;
    /// use ws_proto::handshake::HandshakeError;
    /// use ws_proto::opening::{ConnectError, Connecting, Connector};
    ///
    /// let connector = Connector::new("ws://example.com/")?;
    /// let nonce = [7; 16]; // from the operating system, in a program
    /// let mut connecting = Connecting::start_within(&connector, nonce, Duration::from_secs(3))?;
    /// let reset = connecting.explain(Error::from(ErrorKind::ConnectionReset));
    /// assert!(matches!(reset, ConnectError::Io(_))); // no refusal was read before
    /// let ended = connecting.receive_eof();
    /// assert!(matches!(ended, ConnectError::Handshake(HandshakeError::NothingReceived)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn explain(&self, error: impl Into<ConnectError>) -> ConnectError {
        match self.handshake.refusal() {
            Some(refusal) => ConnectError::Refused(Box::new(Response::refusal(&refusal))),
            None => error.into(),
        }
    }
}

/// Leaves out the request: it can have secrets.
impl fmt::Debug for Connecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connecting")
            .field("handshake", &self.handshake)
            .field("pending", &self.pending().len())
            .finish_non_exhaustive()
    }
}
